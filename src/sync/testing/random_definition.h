#ifndef SPILLWAY_SYNC_TESTING_RANDOM_DEFINITION_H_
#define SPILLWAY_SYNC_TESTING_RANDOM_DEFINITION_H_

#include <array>
#include <cstdint>
#include <map>
#include <random>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "sync/definition.h"
#include "sync/definition_fields.h"

/// Definitions made at random for tests of their written forms. One seed gives one sequence.
namespace spillway::sync::testing {

/// A way in which a text can be hard to write down, and texts that are.
struct QuotingClass {
  std::string_view name;
  std::array<std::string_view, 3> texts;
};
inline constexpr std::array kQuotingClasses = {
    QuotingClass{"plain", {"id", "order_total", "x1"}},
    QuotingClass{"upper case", {"OrderId", "SELECT", "X"}},
    QuotingClass{"space inside", {"a b", "two  spaces", "a \t b"}},
    QuotingClass{"space outside", {" a", "a ", "\tb\n"}},
    QuotingClass{"line break", {"a\nb", "a\r\nb", "\n"}},
    QuotingClass{"single quote", {"it's", "'", "''x'"}},
    QuotingClass{"double quote", {"say \"x\"", "\"", "\"\""}},
    QuotingClass{"backslash", {"a\\b", "\\", "\\n\\u0041"}},
    QuotingClass{"YAML word", {"null", "true", "~"}},
    QuotingClass{"YAML old word", {"yes", "No", "off"}},
    QuotingClass{"number", {"5", "-1.5e3", "0x1F"}},
    QuotingClass{"YAML number", {"1_000", ".inf", "1:30"}},
    QuotingClass{"date", {"2024-01-01", "2024-01-01T00:00:00Z", "12:30:45"}},
    QuotingClass{"YAML sign", {"- a", "a: b", "a #b"}},
    QuotingClass{"YAML lead", {"*a", "&a", "!a"}},
    QuotingClass{"YAML block", {"|", ">-", "---"}},
    QuotingClass{"bracket", {"[a]", "{a: b}", "(a"}},
    QuotingClass{"comma", {"a,b", ",", "a, b,"}},
    QuotingClass{"shell", {"$HOME", "`id`", "a!b|c&d"}},
    QuotingClass{"reference", {"${env:X}", "${file:/x}", "$$"}},
    QuotingClass{"dash", {"-a", "--where", "--"}},
    QuotingClass{"comment", {"a -- b", "/* a", "# a"}},
    QuotingClass{"end of statement", {"a;b", ";", "a';"}},
    QuotingClass{"equals and dot", {"a=b", "a.b", "=."}},
    QuotingClass{"percent and backtick", {"50%", "a`b", "%s"}},
    QuotingClass{"control", {"\x01", "a\x1b[0m", "\x7f"}},
    QuotingClass{"accent", {"ünï", "naïve café", "Å"}},
    QuotingClass{"wide", {"表", "🙂", "а́б"}},
    QuotingClass{"invisible", {"\u0085", "a\u2028b", "\ufeff"}},
};

/// How often each thing to be covered was made.
struct Coverage {
  std::map<std::string, int> set;           ///< field → definitions that have it
  std::map<std::string, int> left_out;      ///< field → definitions that do not
  std::map<std::string, int> words;         ///< "field: word"
  std::map<std::string, int> text_classes;  ///< "field: class", of fields that hold free text
};

class RandomDefinitions {
 public:
  explicit RandomDefinitions(std::uint32_t seed) : random_(seed) {}

  /// The next one: every field at its default or not, with equal chance. Not always one that
  /// Validate accepts: words that are coming and pairs that contradict are made too.
  Definition Next() {
    Definition d;
    d.target = Text("name", 2);
    d.table = {Text("name", 2), Text("name", 2)};
    for (const Field& field : Fields()) {
      const bool is_set = field.key == "source" || Below(2) == 0;
      if (is_set) {
        const FieldValue value =
            field.key == "source" ? FieldValue("/lake/" + Text("source", 1)) : Value(field);
        const base::Status status = Set(field, value, &d);
        if (!status.ok()) throw status.ToString();
      }
      const bool differs = field.get(d).has_value();
      ++(differs ? coverage_.set : coverage_.left_out)[std::string(field.key)];
    }
    return d;
  }
  const Coverage& coverage() const { return coverage_; }

 private:
  std::size_t Below(std::size_t bound) {
    return std::uniform_int_distribution<std::size_t>(0, bound - 1)(random_);
  }

  // A text of a random class, never empty. One in `plain_odds` is plain.
  std::string Text(std::string_view field, std::size_t plain_odds) {
    const QuotingClass& chosen =
        kQuotingClasses[Below(plain_odds) == 0 ? Below(kQuotingClasses.size()) : 0];
    ++coverage_.text_classes[std::string(field) + ": " + std::string(chosen.name)];
    return std::string(chosen.texts[Below(chosen.texts.size())]);
  }

  // What may stand as one item of a SQL list, with a text of any class in quotes inside.
  std::string SqlItem(std::string_view field) {
    const char quote = Below(2) == 0 ? '\'' : '"';
    std::string quoted(1, quote);
    for (const char c : Text(field, 1)) {
      if (c == quote) quoted.push_back(c);
      quoted.push_back(c);
    }
    quoted.push_back(quote);
    switch (Below(4)) {
      case 0:
        return "numeric(10,2)";
      case 1:
        return "text[]";
      case 2:
        return "text DEFAULT " + quoted;
      default:
        return "(lower(" + quoted + "), b) WHERE c > 1";
    }
  }

  std::vector<std::string> Names(std::string_view field) {
    std::set<std::string> names;
    const std::size_t count = 1 + Below(3);
    for (std::size_t i = 0; i < count; ++i) names.insert(Text(field, 1));
    std::vector<std::string> list(names.begin(), names.end());
    std::shuffle(list.begin(), list.end(), random_);
    return list;
  }

  FieldValue Value(const Field& field) {
    switch (field.kind) {
      case FieldKind::kText:
        return Text(field.key, 1);
      case FieldKind::kWord: {
        const Word& word = field.words[Below(field.words.size())];
        ++coverage_.words[std::string(field.key) + ": " + std::string(word.text)];
        return std::string(word.text);
      }
      case FieldKind::kColumns:
        return Names(field.key);
      case FieldKind::kTexts: {
        std::vector<std::string> texts;
        for (std::size_t i = 0; i < 1 + Below(3); ++i) texts.push_back(SqlItem(field.key));
        return texts;
      }
      case FieldKind::kMap:
      case FieldKind::kOrderedMap: {
        Pairs pairs;
        for (const std::string& name : Names(field.key)) {
          pairs.emplace_back(name, SqlItem(field.key));
        }
        return pairs;
      }
      case FieldKind::kDuration: {
        constexpr std::array kUnits = {"ms", "s", "m", "h", "d"};
        return std::to_string(Below(1000)) + kUnits[Below(kUnits.size())];
      }
      case FieldKind::kInteger:
        return std::to_string(Below(3) == 0 ? Below(10) : Below(1'000'000));
      case FieldKind::kPercent: {
        constexpr std::array kShares = {"0%", "0.5%", "12.25%", "33.333%", "50%", "100%"};
        return kShares[Below(kShares.size())];
      }
    }
    return "";
  }

  std::mt19937 random_;
  Coverage coverage_;
};

}  // namespace spillway::sync::testing

#endif  // SPILLWAY_SYNC_TESTING_RANDOM_DEFINITION_H_

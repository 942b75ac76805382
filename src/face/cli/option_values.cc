#include "face/cli/option_values.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <array>
#include <charconv>
#include <iterator>
#include <sstream>

namespace spillway::face::cli {
namespace {

// "-o,--output" → "--output".
std::string LongName(const std::string& names) { return names.substr(names.rfind(',') + 1); }

std::string Alternatives(const std::vector<std::string>& words) {
  std::string text = words.front();
  for (std::size_t i = 1; i < words.size(); ++i) {
    text += (i + 1 == words.size() ? " or " : ", ") + words[i];
  }
  return text;
}

std::string Expected(const NumberRange& range, const std::string& text) {
  const bool too_large = !ParseNumber(text) && text.find_first_not_of("0123456789") > text.size();
  if (too_large) return fmt::format("must be at most {}", range.most);
  if (range.most == std::numeric_limits<std::int64_t>::max()) {
    return fmt::format("must be a whole number of at least {}", range.least);
  }
  return fmt::format("must be a whole number from {} to {}", range.least, range.most);
}

constexpr std::array<std::string_view, 3> kKnownNames = {"synced-tables", "sources", "targets"};
constexpr char kSeparator = ' ';

// The parser keeps no more with an option than its validators: the name of one that takes
// everything carries what completes the value.
CLI::Option* Complete(CLI::Option* option, const std::string& with) {
  return option->check(CLI::Validator([](std::string&) { return std::string(); }, "", with));
}

}  // namespace

CLI::Option* AddWords(CLI::App* command, const std::string& names, const std::string& help,
                      std::vector<std::string> words,
                      std::function<void(std::size_t index)> choose) {
  const std::vector<std::string> completion = words;
  CLI::Option* option =
      command
          ->add_option_function<std::string>(
              names,
              [name = LongName(names), words = std::move(words),
               choose = std::move(choose)](const std::string& word) {
                if (word.empty()) return;
                const auto found = std::ranges::find(words, word);
                if (found == words.end()) {
                  throw CLI::ValidationError(name + " must be " + Alternatives(words) + ", not '" +
                                             word + "'");
                }
                choose(static_cast<std::size_t>(std::distance(words.begin(), found)));
              },
              help)
          ->type_name("WORD");
  return CompletedBy(completion, option);
}

std::string_view Name(KnownNames names) { return kKnownNames[static_cast<std::size_t>(names)]; }

CLI::Option* CompletedBy(KnownNames names, CLI::Option* option) {
  return Complete(option, std::string(Name(names)));
}

CLI::Option* CompletedBy(const std::vector<std::string>& words, CLI::Option* option) {
  return Complete(option, fmt::format("{}", fmt::join(words, std::string(1, kSeparator))));
}

ValueCompletion CompletionOf(CLI::Option* option) {
  std::string with;
  try {
    with = option->get_validator(0)->get_name();
  } catch (const CLI::OptionNotFound&) {
    return {};
  }
  const auto* const known = std::ranges::find(kKnownNames, with);
  if (known != kKnownNames.end()) {
    return {{}, static_cast<KnownNames>(std::distance(kKnownNames.begin(), known))};
  }
  ValueCompletion completion;
  std::istringstream words(with);
  for (std::string word; std::getline(words, word, kSeparator);) completion.words.push_back(word);
  return completion;
}

CLI::Option* AddNumber(CLI::App* command, const std::string& names, const NumberRange& range,
                       const std::string& help, std::function<void(std::int64_t number)> take) {
  return command
      ->add_option_function<std::string>(
          names,
          [name = LongName(names), range, take = std::move(take)](const std::string& text) {
            if (text.empty()) return;
            const std::optional<std::int64_t> number = ParseNumber(text);
            if (!number || *number < range.least || *number > range.most) {
              throw CLI::ValidationError(name + " " + Expected(range, text) + ", not '" + text +
                                         "'");
            }
            take(*number);
          },
          help)
      ->type_name("NUMBER");
}

std::optional<std::int64_t> ParseNumber(const std::string& text) {
  std::int64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return number;
}

}  // namespace spillway::face::cli

#include "sync/definition_fields.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <concepts>
#include <type_traits>

namespace spillway::sync {
namespace {

using base::ErrorClass;
using base::Result;
using base::Status;
using std::chrono::milliseconds;
using Texts = std::vector<std::string>;

// The words of each enumeration; a word's index is its enumerator.
template <typename Enum>
constexpr std::array<Word, 0> kWords = {};
template <>
constexpr std::array kWords<Mode> = {Word{"full", true}, Word{"incremental", false},
                                     Word{"continuous", false}};
template <>
constexpr std::array kWords<ChangeSource> = {Word{"auto", true}, Word{"cdf", false},
                                             Word{"log", false}, Word{"compare", false},
                                             Word{"column", false}};
template <>
constexpr std::array kWords<OnBadRow> = {Word{"fail", true}, Word{"reject", true}};
template <>
constexpr std::array kWords<Deletes> = {Word{"hard", true}, Word{"soft", false},
                                        Word{"history", false}};
template <>
constexpr std::array kWords<SchemaChange> = {Word{"evolve", true}, Word{"add_only", false},
                                             Word{"fail", false}};
template <>
constexpr std::array kWords<JsonNonfinite> = {Word{"fail", true}, Word{"string", true}};
// history_every_version
template <>
constexpr std::array kWords<bool> = {Word{"synced_version", true}, Word{"every_version", false}};

template <typename Enum>
std::string_view WordOf(Enum value) {
  return kWords<Enum>[static_cast<std::size_t>(value)].text;
}

const Definition& Defaults() {
  static const Definition defaults;
  return defaults;
}

std::string FormatPercent(double percent) {
  std::array<char, 32> buffer{};
  const auto end = std::to_chars(buffer.data(), buffer.data() + buffer.size(), percent).ptr;
  return std::string(buffer.data(), end) + "%";
}

Status ParsePercent(std::string_view key, std::string_view text, double* out) {
  double percent = 0;
  const char* const end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, percent, std::chars_format::fixed);
  if (error != std::errc() || std::string_view(stop, end) != "%" || !(percent >= 0) ||
      percent > 100) {
    return WrongField(key, "'" + std::string(text) + "' is no share; write it as 50% or 0.5%");
  }
  *out = percent == 0 ? 0 : percent;  // no negative zero
  return Status();
}

template <typename Integer>
Status ParseInteger(std::string_view key, std::string_view text, Integer* out) {
  Integer number = 0;
  const char* const end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, number);
  if (error == std::errc::result_out_of_range && stop == end) {
    return WrongField(key, "'" + std::string(text) + "' is too large a number");
  }
  if (error != std::errc() || stop != end) {
    return WrongField(key, "'" + std::string(text) + "' is no whole number");
  }
  *out = number;
  return Status();
}

template <typename Enum>
Status ParseWord(std::string_view key, std::string_view text, Enum* out) {
  std::string known;
  for (std::size_t i = 0; i < kWords<Enum>.size(); ++i) {
    const std::string_view word = kWords<Enum>[i].text;
    if (word == text) {
      *out = static_cast<Enum>(i);
      return Status();
    }
    known += (i == 0 ? "" : ", ") + std::string(word);
  }
  return WrongField(key, "'" + std::string(text) + "' is none of " + known);
}

// The value of a member as a field's value.
FieldValue ToValue(const std::string& text) { return text; }
FieldValue ToValue(const Texts& texts) { return texts; }
FieldValue ToValue(const std::optional<Texts>& texts) { return *texts; }
FieldValue ToValue(milliseconds duration) { return FormatDuration(duration); }
FieldValue ToValue(double percent) { return FormatPercent(percent); }
FieldValue ToValue(const std::optional<std::int64_t>& number) { return std::to_string(*number); }
FieldValue ToValue(const std::map<std::string, std::string>& map) {
  return Pairs(map.begin(), map.end());
}
FieldValue ToValue(const std::vector<ExtraColumn>& columns) {
  Pairs pairs;
  for (const ExtraColumn& column : columns) pairs.emplace_back(column.name, column.declaration);
  return pairs;
}
template <std::integral Integer>
FieldValue ToValue(Integer number)
  requires(!std::same_as<Integer, bool>)
{
  return std::to_string(number);
}
template <typename Enum>
  requires(std::is_enum_v<Enum> || std::same_as<Enum, bool>)
FieldValue ToValue(Enum value) {
  return std::string(WordOf(value));
}

// And back. `key` is for messages.
Status FromValue(std::string_view, const std::string& text, std::string* out) {
  *out = text;
  return Status();
}
Status FromValue(std::string_view, const Texts& texts, Texts* out) {
  *out = texts;
  return Status();
}
Status FromValue(std::string_view, const Texts& texts, std::optional<Texts>* out) {
  *out = texts;
  return Status();
}
Status FromValue(std::string_view key, const std::string& text, milliseconds* out) {
  const Result<milliseconds> parsed = ParseDuration(text);
  if (!parsed.ok()) {
    return WrongField(key, parsed.status().message()).Mend(std::string(parsed.status().mend()));
  }
  *out = *parsed;
  return Status();
}
Status FromValue(std::string_view key, const std::string& text, double* out) {
  return ParsePercent(key, text, out);
}
Status FromValue(std::string_view key, const std::string& text, std::optional<std::int64_t>* out) {
  std::int64_t number = 0;
  SPILLWAY_TRY(ParseInteger(key, text, &number));
  *out = number;
  return Status();
}
Status FromValue(std::string_view key, const Pairs& pairs,
                 std::map<std::string, std::string>* out) {
  std::map<std::string, std::string> map;
  for (const auto& [name, text] : pairs) {
    if (!map.emplace(name, text).second) return WrongField(key, "names '" + name + "' twice");
  }
  *out = std::move(map);
  return Status();
}
Status FromValue(std::string_view key, const Pairs& pairs, std::vector<ExtraColumn>* out) {
  std::map<std::string, std::string> seen;
  SPILLWAY_TRY(FromValue(key, pairs, &seen));
  out->clear();
  for (const auto& [name, text] : pairs) out->push_back({name, text});
  return Status();
}
template <std::integral Integer>
  requires(!std::same_as<Integer, bool>)
Status FromValue(std::string_view key, const std::string& text, Integer* out) {
  return ParseInteger(key, text, out);
}
template <typename Enum>
  requires(std::is_enum_v<Enum> || std::same_as<Enum, bool>)
Status FromValue(std::string_view key, const std::string& text, Enum* out) {
  return ParseWord(key, text, out);
}

template <auto kMember>
using MemberType = std::remove_cvref_t<decltype(std::declval<Definition>().*kMember)>;

// Which alternative of FieldValue a member is written as.
template <typename Member>
constexpr std::size_t kForm =
    std::same_as<Member, Texts> || std::same_as<Member, std::optional<Texts>> ? 1
    : std::same_as<Member, std::map<std::string, std::string>> ||
            std::same_as<Member, std::vector<ExtraColumn>>
        ? 2
        : 0;

template <auto kMember>
std::optional<FieldValue> Get(const Definition& definition) {
  if (definition.*kMember == Defaults().*kMember) return std::nullopt;
  return ToValue(definition.*kMember);
}

template <auto kMember>
Status SetMember(std::string_view key, const FieldValue& value, Definition* definition) {
  constexpr std::size_t kWanted = kForm<MemberType<kMember>>;
  const auto* form = std::get_if<kWanted>(&value);
  if (form == nullptr) {
    constexpr std::array kForms = {"one value", "a list", "a map of names to texts"};
    return WrongField(key,
                      std::string("wants ") + kForms[kWanted] + ", not " + kForms[value.index()]);
  }
  return FromValue(key, *form, &(definition->*kMember));
}

template <auto kMember>
void Unset(Definition* definition) {
  definition->*kMember = Defaults().*kMember;
}

template <auto kMember>
std::string DefaultText() {
  using Member = MemberType<kMember>;
  if constexpr (std::is_enum_v<Member> || std::same_as<Member, bool> ||
                std::is_arithmetic_v<Member> || std::same_as<Member, milliseconds> ||
                std::same_as<Member, std::string>) {
    const bool is_word = std::is_enum_v<Member> || std::same_as<Member, bool>;
    if (is_word || Defaults().*kMember != Member()) {
      return std::get<std::string>(ToValue(Defaults().*kMember));
    }
  }
  return "";
}

template <auto kMember>
constexpr Field Row(std::string_view key, std::string_view flag, FieldKind kind,
                    bool determines_rows, std::string_view meaning, std::string_view pending = "") {
  Field field;
  field.key = key;
  field.flag = flag;
  field.kind = kind;
  field.determines_rows = determines_rows;
  field.meaning = meaning;
  field.pending = pending;
  if constexpr (std::is_enum_v<MemberType<kMember>> || std::same_as<MemberType<kMember>, bool>) {
    field.words = kWords<MemberType<kMember>>;
  }
  field.get = &Get<kMember>;
  field.set = &SetMember<kMember>;
  field.unset = &Unset<kMember>;
  field.default_text = &DefaultText<kMember>;
  return field;
}

constexpr bool kRows = true;      // determines rows
constexpr bool kMatters = false;  // matters otherwise
constexpr std::string_view kUntilServe = "`spillway serve` runs schedules, which is coming";
constexpr std::string_view kUntilEvents = "`spillway serve` sends events, which is coming";
constexpr std::string_view kUntilEvolution = "schema changes are applied in place, which is coming";

using D = Definition;
using K = FieldKind;
constexpr std::array kFields = {
    Row<&D::source>("source", "from", K::kText, kRows,
                    "where rows come from: a registered name, a URL or a path"),
    Row<&D::mode>("mode", "mode", K::kWord, kMatters,
                  "how a sync goes: all rows, only the difference, or by itself as commits arrive"),
    Row<&D::change_source>("change_source", "change-source", K::kWord, kMatters,
                           "where the difference comes from; auto takes the cheapest exact one"),
    Row<&D::incremental_column>("incremental_column", "incremental-column", K::kText, kRows,
                                "the watermark, with change_source: column only"),
    Row<&D::primary_key>("primary_key", "primary-key", K::kColumns, kRows,
                         "key columns; else the source's constraint, else none"),
    Row<&D::timeseries_key>("timeseries_key", "timeseries-key", K::kText, kRows,
                            "column whose greatest value wins among rows of one key: NULL is the "
                            "least, NaN the greatest, ties are duplicates"),
    Row<&D::columns>("columns", "columns", K::kColumns, kRows, "columns to carry; else all"),
    Row<&D::where>("where", "where", K::kText, kRows,
                   "rows to carry, as a SQL predicate; else all"),
    Row<&D::partition_zone>("partition_zone", "partition-zone", K::kText, kRows,
                            "zone of the timestamps in partition values that name none: UTC, or an "
                            "offset as +05:30"),
    Row<&D::type_overrides>("type_overrides", "type-overrides", K::kMap, kRows,
                            "other types in the target, by column: varchar(n), uuid, text[] …"),
    Row<&D::extra_columns>("extra_columns", "extra-columns", K::kOrderedMap, kRows,
                           "columns that only the target has: name and what follows it in CREATE "
                           "TABLE, generated or with a default"),
    Row<&D::indexes>("indexes", "indexes", K::kTexts, kRows,
                     "secondary indexes: what follows CREATE INDEX … ON table"),
    Row<&D::json_nonfinite>("json_nonfinite", "json-nonfinite", K::kWord, kRows,
                            "NaN and infinity inside JSON: a bad row, or strings"),
    Row<&D::deletes>("deletes", "deletes", K::kWord, kRows,
                     "rows gone from the source are deleted, marked, or kept as history"),
    Row<&D::history_every_version>("history", "history", K::kWord, kRows,
                                   "with deletes: history, which versions it keeps"),
    Row<&D::on_bad_row>("on_bad_row", "on-bad-row", K::kWord, kRows,
                        "a row that the target cannot hold stops the sync, or is set aside"),
    Row<&D::max_rejected>("max_rejected", "max-rejected", K::kInteger, kMatters,
                          "most rows set aside; else any number, with on_bad_row: reject only"),
    Row<&D::schema_change>("schema_change", "schema-change", K::kWord, kMatters,
                           "whether the target follows when the source's columns change"),
    Row<&D::rename_grace>("rename_grace", "rename-grace", K::kDuration, kMatters,
                          "how long a renamed column stays readable under its old name",
                          kUntilEvolution),
    Row<&D::max_delete_percent>(
        "max_delete_share", "max-delete-share", K::kPercent, kMatters,
        "a sync that would delete more of the target's rows stops and asks"),
    Row<&D::schedule>(
        "schedule", "schedule", K::kText, kMatters,
        "when to sync: Quartz cron with seconds and a zone, an interval, or on_commit",
        kUntilServe),
    Row<&D::freshness>("freshness", "freshness", K::kDuration, kMatters,
                       "a table older than that is late", kUntilServe),
    Row<&D::group>("group", "group", K::kText, kMatters,
                   "tables of one group are published in one transaction"),
    Row<&D::on_failure>("on_failure", "on-failure", K::kText, kMatters,
                        "command to run when a sync fails, given the event as JSON", kUntilEvents),
    Row<&D::on_late>("on_late", "on-late", K::kText, kMatters,
                     "command to run when the table is late, given the event as JSON",
                     kUntilEvents),
    Row<&D::batch_rows>("batch_rows", "batch-rows", K::kInteger, kMatters,
                        "rows decoded at a time"),
    Row<&D::connections>("connections", "connections", K::kInteger, kMatters,
                         "connections to load with; 0: chosen by planning"),
    Row<&D::timeout>("timeout", "timeout", K::kDuration, kMatters,
                     "most time for a whole sync; 0ms: none"),
    Row<&D::retries>("retries", "retries", K::kInteger, kMatters,
                     "tries again of a task whose connection was lost"),
    Row<&D::lock_timeout>("lock_timeout", "lock-timeout", K::kDuration, kMatters,
                          "most time to wait for the locks of publishing"),
};

}  // namespace

std::span<const Field> Fields() { return kFields; }

const Field* FindField(std::string_view key) {
  const auto* const found = std::ranges::find(kFields, key, &Field::key);
  return found == kFields.end() ? nullptr : found;
}

std::vector<std::string> FieldKeys() {
  std::vector<std::string> keys;
  for (const Field& field : kFields) keys.emplace_back(field.key);
  return keys;
}

Status Set(const Field& field, const FieldValue& value, Definition* definition) {
  return field.set(field.key, value, definition);
}

std::string FieldHelp(const Field& field) {
  std::string help(field.meaning);
  std::string words;
  std::string coming;
  for (const Word& word : field.words) {
    std::string& list = word.works ? words : coming;
    list += (list.empty() ? "" : ", ") + std::string(word.text);
  }
  if (!words.empty()) help += "; " + words;
  if (!coming.empty()) help += " (coming: " + coming + ")";
  const std::string value = field.default_text();
  if (!value.empty()) help += "; else " + value;
  if (!field.pending.empty()) help += "; not acted on until " + std::string(field.pending);
  return help;
}

std::vector<std::string> PendingFields(const Definition& definition) {
  std::vector<std::string> sentences;
  for (const Field& field : kFields) {
    if (field.pending.empty() || !field.get(definition)) continue;
    sentences.push_back(std::string(field.key) + " is kept, but not acted on until " +
                        std::string(field.pending));
  }
  return sentences;
}

Status WrongField(std::string_view key, std::string_view what) {
  return Status(ErrorClass::kInvalidDefinition, std::string(key) + ": " + std::string(what))
      .With("field", key);
}

std::string_view Name(Mode mode) { return WordOf(mode); }

}  // namespace spillway::sync

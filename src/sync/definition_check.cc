#include "sync/definition_check.h"

#include <algorithm>
#include <set>
#include <string>
#include <vector>

#include "data/column_lookup.h"
#include "data/utf8.h"
#include "expr/predicate.h"
#include "sync/cron.h"
#include "sync/definition.h"
#include "sync/definition_fields.h"

namespace spillway::sync {
namespace {

using base::ErrorClass;
using base::Status;

// java.time.ZoneOffset's.
constexpr std::string_view kFarthestOffset = "18:00";

Status Unfit(std::string_view what) {
  return Status(ErrorClass::kInvalidArgument, std::string(what));
}

// The text of a definition reaches JSON, SQL and terminals.
Status CheckText(std::string_view key, std::string_view text) {
  if (data::TextPrefix(text) == text.size()) return Status();
  return WrongField(key, "holds a NUL character or is not UTF-8");
}

Status CheckTexts(const Definition& d) {
  SPILLWAY_TRY(CheckText("name", d.target));
  SPILLWAY_TRY(CheckText("name", d.table.schema));
  SPILLWAY_TRY(CheckText("name", d.table.table));
  for (const Field& field : Fields()) {
    const std::optional<FieldValue> value = field.get(d);
    if (!value) continue;
    if (const auto* text = std::get_if<std::string>(&*value)) {
      SPILLWAY_TRY(CheckText(field.key, *text));
    } else if (const auto* texts = std::get_if<std::vector<std::string>>(&*value)) {
      for (const std::string& each : *texts) SPILLWAY_TRY(CheckText(field.key, each));
    } else {
      for (const auto& [name, each] : std::get<Pairs>(*value)) {
        SPILLWAY_TRY(CheckText(field.key, name));
        SPILLWAY_TRY(CheckText(field.key, each));
      }
    }
  }
  return Status();
}

// Refuses words that are coming.
Status CheckWords(const Definition& d) {
  for (const Field& field : Fields()) {
    const std::optional<FieldValue> value = field.get(d);
    if (field.words.empty() || !value) continue;
    const std::string& text = std::get<std::string>(*value);
    std::string working;
    bool works = false;
    for (const Word& word : field.words) {
      works = works || (word.works && word.text == text);
      if (word.works) working += (working.empty() ? "" : ", ") + std::string(word.text);
    }
    if (works) continue;
    const std::string key(field.key);
    return Status(ErrorClass::kNotYetSupported,
                  key + " '" + text + "' is coming; this release has: " + working)
        .With("field", key)
        .Mend("Use " + key + ": " + working + ", or leave it out.");
  }
  return Status();
}

Status CheckNames(std::string_view key, const std::vector<std::string>& names) {
  std::set<std::string_view> seen;
  for (const std::string& name : names) {
    if (name.empty()) return WrongField(key, "holds an empty name");
    if (!seen.insert(name).second) return WrongField(key, "names '" + name + "' twice");
  }
  return Status();
}

Status CheckItem(std::string_view key, const std::string& text) {
  const Status fit = CheckSqlItem(text);
  return fit.ok() ? Status() : WrongField(key, "'" + text + "' " + std::string(fit.message()));
}

bool Holds(const std::vector<std::string>& names, std::string_view name) {
  return std::ranges::find(names, name) != names.end();
}

// The target's columns by name: what is selected, what is added, what is about one of them.
Status CheckColumns(const Definition& d) {
  SPILLWAY_TRY(CheckNames("primary_key", d.primary_key));
  if (d.columns) {
    SPILLWAY_TRY(CheckNames("columns", *d.columns));
    if (d.columns->empty()) return WrongField("columns", "selects no column");
  }
  std::vector<std::string> extra;
  for (const ExtraColumn& column : d.extra_columns) {
    extra.push_back(column.name);
    SPILLWAY_TRY(CheckItem("extra_columns", column.declaration));
    if (d.columns && Holds(*d.columns, column.name)) {
      return WrongField("extra_columns", "'" + column.name + "' is a selected column too");
    }
  }
  SPILLWAY_TRY(CheckNames("extra_columns", extra));
  for (const auto& [column, type] : d.type_overrides) {
    if (column.empty()) return WrongField("type_overrides", "holds an empty name");
    SPILLWAY_TRY(CheckItem("type_overrides", type));
  }
  const auto check_carried = [&](std::string_view key, const std::string& column) {
    if (Holds(extra, column)) {
      return WrongField(key, "'" + column + "' is one of extra_columns, which the source lacks");
    }
    if (d.columns && std::ranges::none_of(*d.columns, [&](const std::string& selected) {
          return data::IsSameName(selected, column);
        })) {
      return WrongField(key, "column '" + column + "' is not among the selected columns");
    }
    return Status();
  };
  for (const std::string& column : d.primary_key) {
    SPILLWAY_TRY(check_carried("primary_key", column));
  }
  for (const auto& [column, type] : d.type_overrides) {
    SPILLWAY_TRY(check_carried("type_overrides", column));
  }
  if (!d.timeseries_key.empty() && Holds(d.primary_key, d.timeseries_key)) {
    return WrongField("timeseries_key", "'" + d.timeseries_key +
                                            "' is part of the primary key: no two rows of one key "
                                            "differ in it");
  }
  for (const std::string& index : d.indexes) SPILLWAY_TRY(CheckItem("indexes", index));
  return Status();
}

// Fields that only mean something beside another.
Status CheckPairs(const Definition& d) {
  if (!d.incremental_column.empty() && d.change_source != ChangeSource::kColumn) {
    return WrongField("incremental_column", "goes with change_source: column only");
  }
  if (d.incremental_column.empty() && d.change_source == ChangeSource::kColumn) {
    return WrongField("change_source", "column wants an incremental_column");
  }
  if (d.history_every_version && d.deletes != Deletes::kHistory) {
    return WrongField("history", "goes with deletes: history only");
  }
  if (d.max_rejected && d.on_bad_row != OnBadRow::kReject) {
    return WrongField("max_rejected", "goes with on_bad_row: reject only");
  }
  return Status();
}

Status CheckRanges(const Definition& d) {
  if (d.max_rejected && *d.max_rejected < 0) {
    return WrongField("max_rejected", "must not be negative");
  }
  if (!(d.max_delete_percent >= 0 && d.max_delete_percent <= 100)) {
    return WrongField("max_delete_share", "must be between 0% and 100%");
  }
  if (d.batch_rows < 1 || d.batch_rows > 1'000'000) {
    return WrongField("batch_rows", "must be between 1 and 1000000");
  }
  if (d.connections < 0 || d.connections > 16) {
    return WrongField("connections", "must be between 1 and 16, or 0 for what planning chooses");
  }
  if (d.retries < 0 || d.retries > 100) return WrongField("retries", "must be between 0 and 100");
  if (d.lock_timeout.count() < 1) return WrongField("lock_timeout", "must be positive");
  if (d.timeout.count() < 0) return WrongField("timeout", "must not be negative");
  if (d.rename_grace.count() < 0) return WrongField("rename_grace", "must not be negative");
  if (d.freshness.count() < 0) return WrongField("freshness", "must not be negative");
  return Status();
}

bool IsZone(std::string_view word) {
  const bool starts = std::isalpha(static_cast<unsigned char>(word.front())) != 0;
  return starts && (word == "UTC" || word.find('/') != std::string_view::npos) &&
         std::ranges::all_of(word, [](unsigned char c) {
           return std::isalnum(c) != 0 || c == '/' || c == '_' || c == '-' || c == '+';
         });
}

bool IsPartitionZone(std::string_view zone) {
  if (zone == "UTC") return true;
  const auto digit = [&](std::size_t i) { return zone[i] >= '0' && zone[i] <= '9'; };
  if (zone.size() != 6 || (zone[0] != '+' && zone[0] != '-') || zone[3] != ':') return false;
  if (!digit(1) || !digit(2) || !digit(4) || !digit(5)) return false;
  return zone.substr(1) <= kFarthestOffset && zone.substr(4) <= "59";
}

bool IsNamePart(char c) {
  const auto byte = static_cast<unsigned char>(c);
  return std::isalnum(byte) != 0 || c == '_' || c == '$' || byte >= 0x80;
}

// The end of what a quote at `begin` opens, or npos; a doubled quote is a quote inside.
std::size_t EndOfQuote(std::string_view text, std::size_t begin) {
  for (std::size_t i = begin + 1; i < text.size(); ++i) {
    if (text[i] != text[begin]) continue;
    if (i + 1 < text.size() && text[i + 1] == text[begin]) {
      ++i;
    } else {
      return i;
    }
  }
  return std::string_view::npos;
}

}  // namespace

Status CheckSqlItem(std::string_view text) {
  constexpr std::string_view kSpaces = " \t\r\n";
  if (text.find_first_not_of(kSpaces) == std::string_view::npos) return Unfit("is empty");
  if (kSpaces.find(text.front()) != std::string_view::npos ||
      kSpaces.find(text.back()) != std::string_view::npos) {
    return Unfit("begins or ends with a space");
  }
  std::string open;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    const std::string_view rest = text.substr(i);
    if (c == '\'' || c == '"') {
      i = EndOfQuote(text, i);
      if (i == std::string_view::npos) return Unfit("has a quote that is never closed");
    } else if (c == '(' || c == '[') {
      open.push_back(c == '(' ? ')' : ']');
    } else if (c == ')' || c == ']') {
      if (open.empty() || open.back() != c) return Unfit("has a bracket that was never opened");
      open.pop_back();
    } else if (c == ';' || rest.starts_with("--") || rest.starts_with("/*")) {
      return Unfit("holds a semicolon or a comment");
    } else if (c == '$' && (i == 0 || !IsNamePart(text[i - 1]))) {
      return Unfit("holds a $ that could begin a quoted text");
    } else if (c == ',' && open.empty()) {
      return Unfit("holds a comma, as if it were two");
    }
  }
  return open.empty() ? Status() : Unfit("has a bracket that is never closed");
}

Status CheckSchedule(std::string_view text) {
  constexpr std::string_view kForms =
      "write Quartz cron with seconds and a zone (0 0 * * * ? Europe/Paris), an interval (15m), or "
      "on_commit";
  if (text == "on_commit") return Status();
  if (const auto interval = ParseDuration(text); interval.ok()) {
    return interval->count() > 0 ? Status() : Unfit("is no time to wait");
  }
  std::vector<std::string_view> words;
  for (std::size_t i = 0; i < text.size();) {
    const std::size_t begin = text.find_first_not_of(' ', i);
    if (begin == std::string_view::npos) break;
    i = std::min(text.find(' ', begin), text.size());
    words.push_back(text.substr(begin, i - begin));
  }
  if (!words.empty() && IsZone(words.back())) words.pop_back();
  if (words.size() != 6 && words.size() != 7) {
    return Unfit("is no schedule; " + std::string(kForms));
  }
  const std::string wrong = FindWrongInCron(words);
  if (wrong.empty()) return Status();
  return Unfit("is no schedule: " + wrong + "; " + std::string(kForms));
}

Status Validate(const Definition& d) {
  if (d.target.empty() || d.table.schema.empty() || d.table.table.empty()) {
    return WrongField("name", "must be TARGET.schema.table");
  }
  SPILLWAY_TRY(CheckTexts(d));
  if (d.source.empty()) {
    return WrongField("source", "is missing").Mend("Name the source table; the flag is --from.");
  }
  SPILLWAY_TRY(CheckWords(d));
  SPILLWAY_TRY(CheckColumns(d));
  SPILLWAY_TRY(CheckPairs(d));
  SPILLWAY_TRY(CheckRanges(d));
  if (!IsPartitionZone(d.partition_zone)) {
    return WrongField("partition_zone", "'" + d.partition_zone +
                                            "' is neither UTC nor an offset; write it as +05:30");
  }
  if (!d.where.empty()) {
    if (Status fit = expr::Predicate::CheckSyntax(d.where); !fit.ok()) {
      return std::move(fit).With("field", "where");
    }
  }
  if (!d.schedule.empty()) {
    if (const Status fit = CheckSchedule(d.schedule); !fit.ok()) {
      return WrongField("schedule", "'" + d.schedule + "' " + std::string(fit.message()));
    }
  }
  return Status();
}

}  // namespace spillway::sync

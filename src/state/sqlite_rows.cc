#include "state/sqlite_rows.h"

#include <nlohmann/json.hpp>
#include <string_view>
#include <utility>

#include "base/sha256.h"
#include "state/sqlite_layout.h"

namespace spillway::state {
namespace {

using base::Result;
using base::Status;
using nlohmann::json;

constexpr std::size_t kChecksumDigits = 16;
constexpr std::int64_t kNotCounted = -1;

// Over the kind and all values, each with its type and length, so that no two rows share a text.
std::string Checksum(std::string_view kind, const SqlValue* values, std::size_t count) {
  std::string text(kind);
  for (std::size_t i = 0; i < count; ++i) {
    text.push_back('\n');
    if (const auto* number = std::get_if<std::int64_t>(&values[i])) {
      text += "i" + std::to_string(*number);
    } else if (const auto* string = std::get_if<std::string>(&values[i])) {
      text += "t" + std::to_string(string->size()) + ":" + *string;
    } else {
      text += "n";
    }
  }
  return base::Sha256Hex(text).substr(0, kChecksumDigits);
}

SqlRow Seal(std::string_view kind, SqlRow row) {
  row.emplace_back(Checksum(kind, row.data(), row.size()));
  return row;
}

// Takes the columns of a row one after the other; a column of another type than asked for makes the
// whole row corrupt.
class RowReader {
 public:
  RowReader(std::string_view kind, const std::string& path, const SqlRow& row)
      : kind_(kind), path_(path), row_(row) {
    good_ = !row.empty() && row.back() == SqlValue(Checksum(kind, row.data(), row.size() - 1));
  }

  std::string Text() {
    const auto* value = Next<std::string>();
    return value == nullptr ? std::string() : *value;
  }
  std::int64_t Number() {
    const auto* value = Next<std::int64_t>();
    return value == nullptr ? 0 : *value;
  }
  Time Moment() { return Time(std::chrono::microseconds(Number())); }
  std::optional<std::int64_t> OptionalNumber() {
    if (next_ < row_.size() && std::holds_alternative<std::monostate>(row_[next_])) {
      ++next_;
      return std::nullopt;
    }
    return Number();
  }
  void Refuse() { good_ = false; }
  Status status() const {
    if (good_) return Status();
    return Corrupt(path_, "a row of table " + std::string(kind_) + " is damaged");
  }

 private:
  template <typename T>
  const T* Next() {
    const T* value = next_ < row_.size() ? std::get_if<T>(&row_[next_]) : nullptr;
    ++next_;
    if (value == nullptr) good_ = false;
    return value;
  }

  std::string_view kind_;
  const std::string& path_;
  const SqlRow& row_;
  std::size_t next_ = 0;
  bool good_ = false;
};

std::int64_t Microseconds(Time time) { return time.time_since_epoch().count(); }

}  // namespace

Result<SqlRow> SourceToRow(const Source& source) {
  std::string options;
  try {
    options = json(source.storage_options).dump();
  } catch (const json::exception&) {
    return Status(base::ErrorClass::kInvalidArgument,
                  "a storage option of source " + source.name + " is not UTF-8 text");
  }
  return Seal("source",
              {source.name, source.url, std::move(options), Microseconds(source.created_at)});
}

Result<Source> SourceFromRow(const std::string& path, const SqlRow& row) {
  RowReader reader("source", path, row);
  Source source;
  source.name = reader.Text();
  source.url = reader.Text();
  const json options = json::parse(reader.Text(), nullptr, false);
  source.created_at = reader.Moment();
  if (!options.is_object()) reader.Refuse();
  for (const auto& [key, value] : options.items()) {
    if (!value.is_string()) {
      reader.Refuse();
      break;
    }
    source.storage_options.emplace(key, value.get<std::string>());
  }
  SPILLWAY_TRY(reader.status());
  return source;
}

SqlRow TargetToRow(const Target& target) {
  return Seal("target", {target.name, target.url, target.password_reference,
                         Microseconds(target.created_at)});
}

Result<Target> TargetFromRow(const std::string& path, const SqlRow& row) {
  RowReader reader("target", path, row);
  Target target;
  target.name = reader.Text();
  target.url = reader.Text();
  target.password_reference = reader.Text();
  target.created_at = reader.Moment();
  SPILLWAY_TRY(reader.status());
  return target;
}

SqlRow SyncedTableToRow(const SyncedTable& table) {
  return Seal("synced_table",
              {table.id, table.name(), table.target, table.schema, table.table, table.source,
               table.definition, Microseconds(table.created_at), Microseconds(table.changed_at)});
}

Result<SyncedTable> SyncedTableFromRow(const std::string& path, const SqlRow& row) {
  RowReader reader("synced_table", path, row);
  SyncedTable table;
  table.id = reader.Text();
  const std::string name = reader.Text();
  table.target = reader.Text();
  table.schema = reader.Text();
  table.table = reader.Text();
  table.source = reader.Text();
  table.definition = reader.Text();
  table.created_at = reader.Moment();
  table.changed_at = reader.Moment();
  if (name != table.name()) reader.Refuse();
  SPILLWAY_TRY(reader.status());
  return table;
}

SqlRow PauseToRow(const Pause& pause) {
  return Seal("pause", {pause.synced_table_id, Microseconds(pause.since)});
}

Result<Pause> PauseFromRow(const std::string& path, const SqlRow& row) {
  RowReader reader("pause", path, row);
  Pause pause;
  pause.synced_table_id = reader.Text();
  pause.since = reader.Moment();
  SPILLWAY_TRY(reader.status());
  return pause;
}

SqlRow RunToRow(const Run& run) {
  json phases = json::array();
  for (const RunPhase& phase : run.phases) {
    phases.push_back({{"name", phase.name}, {"us", phase.duration.count()}});
  }
  const auto optional = [](const std::optional<std::int64_t>& number) {
    return number ? SqlValue(*number) : SqlValue();
  };
  const auto counted = [](const std::optional<std::int64_t>& number) {
    return number.value_or(kNotCounted);
  };
  return Seal("run", {run.id, run.synced_table_id, run.table_name, std::string(Name(run.state)),
                      Microseconds(run.started_at),
                      run.ended_at ? SqlValue(Microseconds(*run.ended_at)) : SqlValue(),
                      optional(run.source_version), run.rows_read, counted(run.rows_inserted),
                      counted(run.rows_updated), counted(run.rows_deleted),
                      counted(run.rows_unchanged), run.rows_rejected, run.bytes_read,
                      run.bytes_written, phases.dump(), run.bottleneck, run.error});
}

Result<Run> RunFromRow(const std::string& path, const SqlRow& row) {
  RowReader reader("run", path, row);
  Run run;
  run.id = reader.Text();
  run.synced_table_id = reader.Text();
  run.table_name = reader.Text();
  if (const auto state = RunStateByName(reader.Text())) {
    run.state = *state;
  } else {
    reader.Refuse();
  }
  run.started_at = reader.Moment();
  if (const auto ended = reader.OptionalNumber()) {
    run.ended_at = Time(std::chrono::microseconds(*ended));
  }
  run.source_version = reader.OptionalNumber();
  run.rows_read = reader.Number();
  for (auto* const counted :
       {&run.rows_inserted, &run.rows_updated, &run.rows_deleted, &run.rows_unchanged}) {
    const std::int64_t number = reader.Number();
    if (number != kNotCounted) *counted = number;
  }
  run.rows_rejected = reader.Number();
  run.bytes_read = reader.Number();
  run.bytes_written = reader.Number();
  const json phases = json::parse(reader.Text(), nullptr, false);
  run.bottleneck = reader.Text();
  run.error = reader.Text();
  SPILLWAY_TRY(reader.status());
  // The checksum fits, so what follows is as RunToRow wrote it; a release that writes more members
  // is a new layout.
  try {
    for (const json& phase : phases) {
      run.phases.push_back({phase.at("name").get<std::string>(),
                            std::chrono::microseconds(phase.at("us").get<std::int64_t>())});
    }
  } catch (const json::exception&) {
    return Corrupt(path, "a row of table run is damaged");
  }
  return run;
}

SqlRow SettingToRow(const Setting& setting) {
  return Seal("setting", {setting.key, setting.value});
}

Result<Setting> SettingFromRow(const std::string& path, const SqlRow& row) {
  RowReader reader("setting", path, row);
  Setting setting;
  setting.key = reader.Text();
  setting.value = reader.Text();
  SPILLWAY_TRY(reader.status());
  return setting;
}

}  // namespace spillway::state

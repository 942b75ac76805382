#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <memory>
#include <nlohmann/json.hpp>
#include <set>

#include "base/shell_word.h"
#include "face/cli/command.h"
#include "face/cli/option_values.h"
#include "face/cli/row_output.h"
#include "service/lake_tables.h"
#include "service/rejected_rows.h"

namespace spillway::face::cli {
namespace {

using base::ErrorClass;
using base::Result;
using base::Status;
using Json = nlohmann::ordered_json;

constexpr std::int64_t kListed = 100;

struct ListFlags {
  std::string name;
  std::int64_t limit = kListed;
};

struct ShowFlags {
  std::string name;
  std::vector<std::int64_t> ids;
};

struct ExportFlags {
  std::string name;
  RowFormat format = RowFormat::kCsv;
  std::string out;
};

// A JSON object as such where the output can nest it, else its text.
Json Nested(const data::ColumnView& column, std::int64_t row, bool people) {
  if (column.IsNull(row)) return {};
  const std::string text(column.bytes(row));
  if (people) return text;
  Json parsed = Json::parse(text, nullptr, false);
  return parsed.is_discarded() ? Json(text) : parsed;
}

// One row of RejectedSchema(). `whole`: also the row itself, its class, version, run and time.
Json RowOf(const data::Batch& batch, std::int64_t row, bool people, bool whole) {
  const auto text = [&](std::size_t column) {
    const data::ColumnView view = batch.column(column);
    return view.IsNull(row) ? Json() : Json(std::string(view.bytes(row)));
  };
  const auto number = [&](std::size_t column) {
    return Json(batch.column(column).values<std::int64_t>()[row]);
  };
  Json json;
  json["id"] = number(0);
  json["key"] = Nested(batch.column(1), row, people);
  json["column"] = text(3);
  json["reason"] = text(5);
  json["file"] = text(6);
  json["row_position"] = number(7);
  if (!whole) return json;
  json["class"] = text(4);
  json["version"] = number(8);
  json["run_id"] = text(9);
  json["rejected_at"] = service::FormatTimestamp(
      lake::Timestamp(std::chrono::microseconds(batch.column(10).values<std::int64_t>()[row])));
  json["row"] = Nested(batch.column(2), row, people);
  return json;
}

Result<int> ListTables(Session* session, service::World& world) {
  SPILLWAY_ASSIGN(const auto counts, service::CountRejectedRows(session->context, world));
  Json list = Json::array();
  for (const service::RejectedCount& count : counts) {
    if (!count.outcome.ok()) {
      session->console->Warn(count.name + ": " + count.outcome.ToString());
      continue;
    }
    list.push_back({{"name", count.name}, {"rejected", count.rows}});
  }
  if (list.empty()) session->console->Note("no synced table has rejected rows");
  session->console->Print(list.dump());
  return 0;
}

Result<int> List(Session* session, service::World& world, const ListFlags& flags) {
  if (flags.name.empty()) return ListTables(session, world);
  SPILLWAY_ASSIGN(const auto rows, service::ReadRejectedRows(session->context, world, flags.name));
  const bool people = session->console->format == OutputFormat::kTable;
  Json list = Json::array();
  bool more = false;
  while (!more) {
    SPILLWAY_ASSIGN(const std::optional<data::Batch> batch, rows->Next(session->context));
    if (!batch) break;
    for (std::int64_t row = 0; row < batch->rows() && !more; ++row) {
      more = flags.limit > 0 && static_cast<std::int64_t>(list.size()) == flags.limit;
      if (!more) list.push_back(RowOf(*batch, row, people, !people));
    }
  }
  if (list.empty()) session->console->Note(flags.name + " has no rejected rows");
  session->console->Print(list.dump());
  if (more) {
    session->console->Note(fmt::format(
        "the first {} rows; all of them: spillway rejected export {}", flags.limit, flags.name));
  }
  return 0;
}

Result<int> Show(Session* session, service::World& world, const ShowFlags& flags) {
  SPILLWAY_ASSIGN(const auto rows, service::ReadRejectedRows(session->context, world, flags.name));
  const bool people = session->console->format == OutputFormat::kTable;
  Json found = Json::array();
  while (true) {
    SPILLWAY_ASSIGN(const std::optional<data::Batch> batch, rows->Next(session->context));
    if (!batch) break;
    for (std::int64_t row = 0; row < batch->rows(); ++row) {
      const std::int64_t id = batch->column(0).values<std::int64_t>()[row];
      if (std::ranges::find(flags.ids, id) == flags.ids.end()) continue;
      found.push_back(RowOf(*batch, row, people, true));
    }
  }
  const std::set<std::int64_t> asked(flags.ids.begin(), flags.ids.end());
  if (found.size() < asked.size()) {
    return Status(ErrorClass::kInvalidArgument,
                  "a rejected row of that id is not there: " + flags.name)
        .Mend("List them: spillway rejected list " + base::ShellWord(flags.name));
  }
  if (people) {
    for (const Json& row : found) session->console->Print(row.dump());
  } else {
    session->console->Print(flags.ids.size() == 1 ? found.front().dump() : found.dump());
  }
  return 0;
}

Result<int> Export(Session* session, service::World& world, const ExportFlags& flags) {
  SPILLWAY_ASSIGN(const RowOutput output, RowOutput::To(flags.format, flags.out));
  SPILLWAY_ASSIGN(auto rows, service::ReadRejectedRows(session->context, world, flags.name));
  SPILLWAY_TRY(output.Write(session->context, world, std::move(rows), session->console));
  return 0;
}

void AddExport(CLI::App* parent, Session* session) {
  CLI::App* command = parent->add_subcommand("export", "Write all rejected rows of a synced table");
  auto flags = std::make_shared<ExportFlags>();
  CompletedBy(KnownNames::kSyncedTables, command->add_option("NAME", flags->name, "A synced table"))
      ->required();
  AddChoice<RowFormat>(
      command, "--format", &flags->format,
      {{"csv", RowFormat::kCsv}, {"ndjson", RowFormat::kNdjson}, {"parquet", RowFormat::kParquet}},
      "csv, ndjson or parquet; else csv");
  command->add_option("--out", flags->out, std::string(kOutHelp));
  command->footer(
      "Example:\n  spillway rejected export local.public.products --format ndjson --out "
      "bad.ndjson");
  command->callback([session, flags] {
    session->action = [session, flags](service::World& world) {
      return Export(session, world, *flags);
    };
  });
}

}  // namespace

void AddRejectedCommands(CLI::App* app, Session* session) {
  CLI::App* parent =
      app->add_subcommand("rejected", "Source rows that a target cannot hold (on_bad_row: reject)");
  parent->require_subcommand(1);

  CLI::App* list =
      parent->add_subcommand("list", "List rejected rows of a table, or the tables that have some");
  auto listed = std::make_shared<ListFlags>();
  CompletedBy(
      KnownNames::kSyncedTables,
      list->add_option("NAME", listed->name, "A synced table (else all of them are counted)"));
  AddNumber(list, "--limit", {}, "At most so many rows, else 100; 0: all",
            [listed](std::int64_t number) { listed->limit = number; });
  list->footer(
      "Examples:\n  spillway rejected list\n  spillway rejected list local.public.products -o "
      "json");
  list->callback([session, listed] {
    session->action = [session, listed](service::World& world) {
      return List(session, world, *listed);
    };
  });

  CLI::App* show = parent->add_subcommand("show", "Show rejected rows with all that they hold");
  auto shown = std::make_shared<ShowFlags>();
  CompletedBy(KnownNames::kSyncedTables, show->add_option("NAME", shown->name, "A synced table"))
      ->required();
  show->add_option("ID", shown->ids, "Ids as the list gives them")->required();
  show->footer("Example:\n  spillway rejected show local.public.products 17");
  show->callback([session, shown] {
    session->action = [session, shown](service::World& world) {
      return Show(session, world, *shown);
    };
  });

  AddExport(parent, session);
}

}  // namespace spillway::face::cli

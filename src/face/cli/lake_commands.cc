#include <CLI/CLI.hpp>
#include <memory>
#include <nlohmann/json.hpp>

#include "face/cli/command.h"
#include "face/cli/option_values.h"
#include "face/cli/row_output.h"
#include "service/lake_tables.h"
#include "service/table_name.h"
#include "source/source_registry.h"

namespace spillway::face::cli {
namespace {

using base::ErrorClass;
using base::Result;
using base::Status;
using Json = nlohmann::ordered_json;

// What every lake command takes.
struct SourceFlags {
  std::string source;
  std::vector<std::string> storage_options;
  std::optional<std::int64_t> version;
  std::string timestamp;
};

void AddSourceFlags(CLI::App* command, const std::shared_ptr<SourceFlags>& flags,
                    bool with_version) {
  CompletedBy(KnownNames::kSources,
              command->add_option("SOURCE", flags->source, "A path, URL or registered name"))
      ->required();
  command->add_option("--storage-option", flags->storage_options,
                      "KEY=VALUE with delta-rs' key names; may be repeated");
  if (!with_version) return;
  auto* version = AddNumber(command, "--version", {}, "A version",
                            [flags](std::int64_t number) { flags->version = number; });
  command
      ->add_option("--timestamp", flags->timestamp,
                   "The last version at or before this time (RFC 3339; no zone: UTC)")
      ->excludes(version);
}

Result<lake::VersionSpec> ParseVersion(Session* session, const SourceFlags& flags) {
  if (flags.version) return lake::VersionSpec(*flags.version);
  if (flags.timestamp.empty()) return lake::VersionSpec();
  SPILLWAY_ASSIGN(const service::ParsedTimestamp parsed, service::ParseTimestamp(flags.timestamp));
  if (parsed.assumed_utc) {
    session->console->Note("--timestamp has no zone and is taken as UTC: " +
                           service::FormatTimestamp(parsed.time));
  }
  return lake::VersionSpec(parsed.time);
}

Result<std::unique_ptr<lake::Table>> Open(Session* session, service::World& world,
                                          const SourceFlags& flags) {
  SPILLWAY_ASSIGN(const auto options, ParseAssignments(flags.storage_options, "--storage-option"));
  SPILLWAY_ASSIGN(const lake::VersionSpec version, ParseVersion(session, flags));
  SPILLWAY_ASSIGN(auto table,
                  service::OpenSource(session->context, world, flags.source, options, version));
  for (const std::string& warning : table->description().warnings) session->console->Warn(warning);
  return table;
}

Result<int> Show(Session* session, service::World& world, const SourceFlags& flags) {
  SPILLWAY_ASSIGN(const auto table, Open(session, world, flags));
  SPILLWAY_ASSIGN(const lake::Totals totals, table->Sum(session->context));
  const lake::Description& description = table->description();
  Json json;
  json["url"] = description.url;
  if (!description.name.empty()) json["name"] = description.name;
  if (!description.description.empty()) json["description"] = description.description;
  json["version"] = description.version;
  json["committed_at"] = service::FormatTimestamp(description.committed_at);
  json["table_id"] = description.table_id;
  json["rows"] = totals.rows ? Json(*totals.rows) : Json();
  json["files"] = totals.files;
  json["bytes"] = totals.byte_size;
  json["deletion_vectors"] = totals.deletion_vectors;
  json["columns"] = table->schema().fields.size();
  json["primary_key"] = description.primary_key;
  json["partition_columns"] = description.partition_columns;
  json["clustering_columns"] = description.clustering_columns;
  json["reader_version"] = description.reader_version;
  json["writer_version"] = description.writer_version;
  json["features"] = description.features;
  if (session->console->format != OutputFormat::kTable) {
    json["properties"] = description.properties;
  }
  session->console->Print(json.dump());
  return 0;
}

Result<int> ShowSchema(Session* session, service::World& world, const SourceFlags& flags) {
  SPILLWAY_ASSIGN(const auto table, Open(session, world, flags));
  Json list = Json::array();
  for (const data::Field& field : table->schema().fields) {
    Json json;
    json["column"] = field.name;
    json["type"] = field.type.ToString();
    json["nullable"] = field.nullable;
    json["comment"] = field.comment.empty() ? Json() : Json(field.comment);
    list.push_back(std::move(json));
  }
  session->console->Print(list.dump());
  return 0;
}

Result<int> ShowHistory(Session* session, service::World& world, const SourceFlags& flags,
                        std::int64_t limit) {
  SPILLWAY_ASSIGN(const auto options, ParseAssignments(flags.storage_options, "--storage-option"));
  SPILLWAY_ASSIGN(const auto commits,
                  service::SourceHistory(session->context, world, flags.source, options, limit));
  const bool people = session->console->format == OutputFormat::kTable;
  Json list = Json::array();
  for (const lake::Commit& commit : commits) {
    Json json;
    json["version"] = commit.version;
    json["committed_at"] = service::FormatTimestamp(commit.committed_at);
    json["operation"] = commit.operation;
    json["engine"] = commit.engine;
    json["user"] = commit.user.empty() ? Json() : Json(commit.user);
    if (!people) {
      json["parameters"] = Json::parse(commit.parameters, nullptr, false);
      json["metrics"] = Json::parse(commit.metrics, nullptr, false);
    }
    list.push_back(std::move(json));
  }
  session->console->Print(list.dump());
  return 0;
}

struct ReadFlags {
  std::shared_ptr<SourceFlags> source = std::make_shared<SourceFlags>();
  std::string columns;
  std::string where;
  std::optional<std::int64_t> limit;
  std::optional<RowFormat> format;
  std::string out;
};

// --format, else what --output asks for.
Result<RowFormat> FormatOf(const Session& session, const ReadFlags& flags) {
  if (flags.format) return *flags.format;
  switch (session.console->format) {
    case OutputFormat::kTable:
      return RowFormat::kTable;
    case OutputFormat::kJson:
      return RowFormat::kNdjson;
    case OutputFormat::kYaml:
      break;
  }
  return Status(ErrorClass::kInvalidArgument, "rows cannot be written as yaml")
      .Mend("Choose --format table, csv, ndjson or parquet.");
}

Result<int> Read(Session* session, service::World& world, const ReadFlags& flags) {
  SPILLWAY_ASSIGN(const RowFormat format, FormatOf(*session, flags));
  SPILLWAY_ASSIGN(const RowOutput output, RowOutput::To(format, flags.out));
  service::ReadRequest request;
  request.source = flags.source->source;
  SPILLWAY_ASSIGN(request.storage_options,
                  ParseAssignments(flags.source->storage_options, "--storage-option"));
  SPILLWAY_ASSIGN(request.version, ParseVersion(session, *flags.source));
  if (!flags.columns.empty()) {
    SPILLWAY_ASSIGN(request.columns, service::ParseColumnList(flags.columns));
  }
  request.where = flags.where;
  request.limit = flags.limit;
  std::vector<std::string> warnings;
  SPILLWAY_ASSIGN(auto rows, service::ReadSource(session->context, world, request, &warnings));
  for (const std::string& warning : warnings) session->console->Warn(warning);
  SPILLWAY_TRY(output.Write(session->context, world, std::move(rows), session->console));
  return 0;
}

void AddRead(CLI::App* parent, Session* session) {
  CLI::App* read = parent->add_subcommand("read", "Print or export rows of a version");
  auto flags = std::make_shared<ReadFlags>();
  AddSourceFlags(read, flags->source, true);
  read->add_option("--columns", flags->columns, "Columns in the order wanted, comma-separated");
  read->add_option("--where", flags->where,
                   "A SQL predicate: comparisons, AND OR NOT, IN, BETWEEN, LIKE, IS NULL; "
                   "DATE '…' and TIMESTAMP '…' literals; nested fields by dot");
  AddNumber(read, "--limit", {}, "At most so many rows; 0: the columns only",
            [flags](std::int64_t number) { flags->limit = number; });
  AddChoice<std::optional<RowFormat>>(read, "--format", &flags->format,
                                      {{"table", RowFormat::kTable},
                                       {"csv", RowFormat::kCsv},
                                       {"ndjson", RowFormat::kNdjson},
                                       {"parquet", RowFormat::kParquet}},
                                      "table, csv, ndjson or parquet; else table, or ndjson with "
                                      "--output json");
  read->add_option("--out", flags->out, std::string(kOutHelp));
  read->footer(
      "Examples:\n"
      "  spillway lake read ./lake/products --where \"price > 10\" --limit 5\n"
      "  spillway lake read lake.sales.products --version 3 --format parquet --out "
      "products.parquet");
  read->callback([session, flags] {
    session->stateless = source::IsLocation(flags->source->source);
    session->action = [session, flags](service::World& world) {
      return Read(session, world, *flags);
    };
  });
}

}  // namespace

void AddLakeCommands(CLI::App* app, Session* session) {
  CLI::App* parent = app->add_subcommand("lake", "Look into a source; changes nothing");
  parent->require_subcommand(1);

  auto shown = std::make_shared<SourceFlags>();
  CLI::App* show = parent->add_subcommand("show", "Show a table: version, size, features");
  AddSourceFlags(show, shown, true);
  show->footer("Example:\n  spillway lake show ./lake/products --version 3");
  show->callback([session, shown] {
    session->stateless = source::IsLocation(shown->source);
    session->action = [session, shown](service::World& world) {
      return Show(session, world, *shown);
    };
  });

  auto schema_of = std::make_shared<SourceFlags>();
  CLI::App* schema = parent->add_subcommand("schema", "List a table's columns");
  AddSourceFlags(schema, schema_of, true);
  schema->footer("Example:\n  spillway lake schema lake.sales.products");
  schema->callback([session, schema_of] {
    session->stateless = source::IsLocation(schema_of->source);
    session->action = [session, schema_of](service::World& world) {
      return ShowSchema(session, world, *schema_of);
    };
  });

  auto history_of = std::make_shared<SourceFlags>();
  auto limit = std::make_shared<std::int64_t>(20);
  CLI::App* history = parent->add_subcommand("history", "List a table's commits, newest first");
  AddSourceFlags(history, history_of, false);
  AddNumber(history, "--limit", {}, "At most so many, else 20; 0: all",
            [limit](std::int64_t number) { *limit = number; });
  history->footer("Example:\n  spillway lake history ./lake/products --limit 5");
  history->callback([session, history_of, limit] {
    session->stateless = source::IsLocation(history_of->source);
    session->action = [session, history_of, limit](service::World& world) {
      return ShowHistory(session, world, *history_of, *limit);
    };
  });

  AddRead(parent, session);
}

}  // namespace spillway::face::cli

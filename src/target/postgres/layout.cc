#include "target/postgres/layout.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdint>
#include <functional>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace spillway::target::postgres {
namespace {

using base::Context;
using base::ErrorClass;
using base::Result;
using base::Status;

// Chosen once; everybody who makes the layout takes this advisory lock.
constexpr std::int64_t kLayoutLock = 0x5350494c4c574159;

constexpr const char* kStatus = "status";

// One relation of the layout.
struct Piece {
  const char* name;
  int since;  ///< the version that brought it
  Sql make;
};

Sql PositionPiece() {
  Sql sql;
  sql << "CREATE TABLE spillway.position ("
      << " synced_table_id uuid PRIMARY KEY,"
      << " schema_name text NOT NULL,"
      << " table_name text NOT NULL,"
      << " fence bigint NOT NULL,"
      << " fence_run_id text NOT NULL,"
      << " fenced_at timestamptz NOT NULL,"
      << " published_fence bigint,"
      << " run_id text,"
      << " source_position json,"
      << " version bigint,"
      << " definition_hash text,"
      << " rows bigint,"
      << " digest text,"
      << " committed_at timestamptz,"
      << " published_at timestamptz,"
      << " table_oid oid,"
      << " shape json,"
      << " system_identifier text,"
      << " timeline bigint,"
      << " database_name text,"
      << " cluster_name text,"
      << " server_version integer);";
  return sql;
}

Sql StagePiece() {
  Sql sql;
  sql << "CREATE TABLE spillway.stage ("
      << " stage_name text PRIMARY KEY,"
      << " synced_table_id uuid NOT NULL,"
      << " fence bigint NOT NULL,"
      << " run_id text NOT NULL,"
      << " created_at timestamptz NOT NULL DEFAULT now());";
  return sql;
}

// As version 1 had it; version 2 added a column.
Sql StageTaskPiece() {
  Sql sql;
  sql << "CREATE TABLE spillway.stage_task ("
      << " stage_name text NOT NULL,"
      << " task_id text NOT NULL,"
      << " run_id text NOT NULL,"
      << " rows bigint NOT NULL,"
      << " bytes bigint NOT NULL,"
      << " committed_at timestamptz NOT NULL DEFAULT now(),"
      << " PRIMARY KEY (stage_name, task_id));";
  return sql;
}

Sql StageRejectedPiece() {
  Sql sql;
  sql << "CREATE TABLE spillway.stage_rejected ("
      << " stage_name text NOT NULL,"
      << " key json,"
      << " row json,"
      << " column_name text,"
      << " class text NOT NULL,"
      << " reason text NOT NULL,"
      << " file text NOT NULL,"
      << " row_position bigint NOT NULL);"
      // A path may be longer than an index entry.
      << "CREATE UNIQUE INDEX ON spillway.stage_rejected"
      << " (stage_name, row_position, hashtextextended(file, 0), hashtextextended(file, 1));";
  return sql;
}

Sql RejectedPiece() {
  Sql sql;
  sql << "CREATE TABLE spillway.rejected ("
      << " rejected_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,"
      << " synced_table_id uuid NOT NULL,"
      << " schema_name text NOT NULL,"
      << " table_name text NOT NULL,"
      << " key json,"
      << " row json,"
      << " column_name text,"
      << " class text NOT NULL,"
      << " reason text NOT NULL,"
      << " file text NOT NULL,"
      << " row_position bigint NOT NULL,"
      << " version bigint NOT NULL,"
      << " run_id text NOT NULL,"
      << " rejected_at timestamptz NOT NULL);"
      << "CREATE INDEX ON spillway.rejected (synced_table_id, rejected_id);";
  return sql;
}

// Why a synced table is not as fresh as it could be. A failure counts until a later publish.
Sql ConditionPiece() {
  Sql sql;
  sql << "CREATE TABLE spillway.condition ("
      << " synced_table_id uuid PRIMARY KEY,"
      << " schema_name text NOT NULL,"
      << " table_name text NOT NULL,"
      << " paused_at timestamptz,"
      << " failed_run_id text,"
      << " failed_at timestamptz,"
      << " error_class text,"
      << " error text);";
  return sql;
}

// What applications read.
Sql StatusPiece() {
  Sql sql;
  sql << "CREATE OR REPLACE VIEW spillway.status AS SELECT synced_table_id,"
      << " coalesce(p.schema_name, c.schema_name) AS schema_name,"
      << " coalesce(p.table_name, c.table_name) AS table_name,"
      << " CASE WHEN c.paused_at IS NOT NULL THEN 'paused'"
      << " WHEN c.failed_run_id = p.fence_run_id AND f.failed THEN 'failed'"
      << " WHEN EXISTS (SELECT FROM spillway.stage s WHERE s.synced_table_id = p.synced_table_id"
      << " AND s.fence = p.fence)"
      << " THEN CASE WHEN p.published_fence IS NULL THEN 'loading' ELSE 'updating' END"
      << " WHEN f.failed THEN 'failed'"
      << " WHEN p.published_fence IS NULL THEN 'provisioning' ELSE 'online' END AS state,"
      << " p.version, p.rows, (SELECT count(*) FROM spillway.rejected r"
      << " WHERE r.synced_table_id = p.synced_table_id) AS rejected_rows,"
      << " p.committed_at, p.published_at, now() - p.committed_at AS age, p.run_id,"
      << " CASE WHEN f.failed THEN c.failed_at END AS failed_at,"
      << " CASE WHEN f.failed THEN c.error_class END AS error_class,"
      << " CASE WHEN f.failed THEN c.error END AS error"
      << " FROM spillway.position p FULL JOIN spillway.condition c USING (synced_table_id),"
      << " LATERAL (SELECT coalesce(c.failed_at > coalesce(p.published_at, '-infinity'), false)"
      << " AS failed) f;"
      << "COMMENT ON VIEW spillway.status IS"
      << " 'Spillway: what each synced table reflects, since when, and what is in the way';";
  return sql;
}

// In the order in which they can be made. Tables and the sequence first, then what uses them.
std::vector<Piece> Pieces() {
  std::vector<Piece> pieces;
  pieces.push_back({"position", 1, PositionPiece()});
  pieces.push_back({"stage", 1, StagePiece()});
  pieces.push_back({"stage_task", 1, StageTaskPiece()});
  pieces.push_back({"stage_number", 1, Sql() << "CREATE SEQUENCE spillway.stage_number;"});
  pieces.push_back({"layout", 1,
                    Sql() << "CREATE TABLE spillway.layout (version integer NOT NULL);"
                          << "INSERT INTO spillway.layout VALUES (1);"});
  pieces.push_back({"stage_rejected", 2, StageRejectedPiece()});
  pieces.push_back({"rejected", 2, RejectedPiece()});
  pieces.push_back({"condition", 3, ConditionPiece()});
  pieces.push_back({kStatus, 3, StatusPiece()});
  return pieces;
}

// What the layout in a database is like.
struct Found {
  int version = 0;                   ///< 0: none
  std::vector<std::string> missing;  ///< pieces of that version
};

using Names = std::set<std::string, std::less<>>;

Result<Names> ReadNames(const Context& context, Connection& connection) {
  Sql query;
  // Asked of pg_class: to_regclass may remember from before a wait that there was none.
  query << "SELECT c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace"
        << " WHERE n.nspname = 'spillway' AND c.relkind IN ('r', 'v', 'S')";
  SPILLWAY_ASSIGN(const Rows rows, connection.Query(context, query));
  Names names;
  for (int row = 0; row < rows.size(); ++row) names.emplace(rows.text(row, 0));
  return names;
}

std::vector<std::string> Missing(const Names& present, int version) {
  std::vector<std::string> missing;
  for (const Piece& piece : Pieces()) {
    if (piece.since <= version && !present.contains(piece.name)) missing.emplace_back(piece.name);
  }
  return missing;
}

Result<Found> FindLayout(const Context& context, Connection& connection) {
  SPILLWAY_ASSIGN(Names present, ReadNames(context, connection));
  Found found;
  if (!present.contains("layout")) return found;
  SPILLWAY_ASSIGN(const Rows rows,
                  connection.Query(context, Sql() << "SELECT max(version) FROM spillway.layout"));
  found.version = static_cast<int>(rows.number(0, 0));
  if (found.version > kLayoutVersion) {
    return Status(ErrorClass::kTargetUnsuitable,
                  "schema spillway was made by a newer Spillway: layout " +
                      std::to_string(found.version) + ", this one knows " +
                      std::to_string(kLayoutVersion))
        .Mend("Use the newer Spillway with this target.");
  }
  found.missing = Missing(present, found.version);
  if (found.missing.empty()) return found;
  // Another may have brought the layout up to date between the two questions.
  SPILLWAY_ASSIGN(present, ReadNames(context, connection));
  found.missing = Missing(present, found.version);
  return found;
}

// The view holds nothing: it is made again without a word.
Status RefuseMissing(const Found& found) {
  std::vector<std::string> lost = found.missing;
  std::erase(lost, kStatus);
  if (lost.empty()) return Status();
  return Status(
             ErrorClass::kTargetChanged,
             fmt::format("schema spillway was changed by hand: {} is gone", fmt::join(lost, ", ")))
      .With("object", "spillway." + lost.front())
      .Mend(
          "For each synced table of the target: spillway synced-table delete NAME --keep-table,"
          " then spillway synced-table create NAME … --adopt, which compares the rows.");
}

// Brings what was found to the present layout.
Sql LayoutStatements(const Found& found, bool schema_exists) {
  Sql sql;
  // An administrator may have made the schema for a role that may make none.
  if (!schema_exists) {
    sql << "CREATE SCHEMA spillway; COMMENT ON SCHEMA spillway"
        << " IS 'Spillway: positions of synced tables, and the stages being loaded';";
  }
  for (const Piece& piece : Pieces()) {
    const bool missing = std::ranges::find(found.missing, piece.name) != found.missing.end();
    if (piece.since > found.version || missing) sql << piece.make;
  }
  sql << "ALTER TABLE spillway.stage_task ADD COLUMN IF NOT EXISTS rejected bigint NOT NULL"
      << " DEFAULT 0;"
      // Under a publication of all tables the server changes only rows that it can identify.
      << "ALTER TABLE spillway.stage_rejected REPLICA IDENTITY FULL;"
      << "ALTER TABLE spillway.layout REPLICA IDENTITY FULL;"
      << "UPDATE spillway.layout SET version = " << std::int64_t{kLayoutVersion};
  return sql;
}

// What a role lacks that may not make or change schema spillway: a right in the database, or in the
// schema that is there, or, for tables that are, their owner's, since no grant lets others alter
// them.
std::string MendOfPermission(const SessionFacts& facts, const Rows& schema) {
  if (schema.size() == 0) {
    return "As the database's owner: " + GrantCreate(facts.database, facts.user).text() + ".";
  }
  const std::string_view owner = schema.text(0, 1);
  if (schema.IsNull(0, 1) || owner == facts.user) {
    Sql grant;
    grant << "GRANT CREATE, USAGE ON SCHEMA spillway TO " << Identifier(facts.user);
    return "As " + std::string(schema.text(0, 0)) + ", who owns schema spillway: " + grant.text() +
           ".";
  }
  Sql grant;
  grant << "GRANT " << Identifier(owner) << " TO " << Identifier(facts.user);
  return "Sync once as " + std::string(owner) + ", who owns spillway.layout; or let an " +
         "administrator: " + grant.text() + ".";
}

// Makes what is not there in one transaction. `repair`: what was there and is gone, too.
Status BringUpToDate(const Context& context, Connection& connection, bool repair) {
  const auto done = [](const Found& found) {
    return found.version == kLayoutVersion && found.missing.empty();
  };
  SPILLWAY_ASSIGN(Found found, FindLayout(context, connection));
  if (!repair) SPILLWAY_TRY(RefuseMissing(found));
  if (done(found)) return Status();
  SPILLWAY_TRY(connection.Execute(
      context, Sql() << "BEGIN; SELECT pg_advisory_xact_lock(" << kLayoutLock << ")"));
  SPILLWAY_ASSIGN(found, FindLayout(context, connection));  // another may have been faster
  if (done(found)) return connection.Execute(context, Sql() << "ROLLBACK");
  SPILLWAY_ASSIGN(
      const Rows schema,
      connection.Query(context, Sql() << "SELECT pg_get_userbyid(n.nspowner),"
                                      << " pg_get_userbyid(c.relowner) FROM pg_namespace n"
                                      << " LEFT JOIN pg_class c ON c.relnamespace = n.oid AND"
                                      << " c.relname = 'layout' WHERE n.nspname = 'spillway'"));
  Status made = connection.Execute(context, LayoutStatements(found, schema.size() == 1));
  if (!made.ok()) {
    if (made.error_class() == ErrorClass::kTargetPermission) {
      return std::move(made)
          .While("make schema spillway")
          .Mend(MendOfPermission(connection.facts(), schema));
    }
    return std::move(made).While("make schema spillway");
  }
  return connection.Execute(context, Sql() << "COMMIT");
}

}  // namespace

Result<int> ReadLayoutVersion(const Context& context, Connection& connection) {
  SPILLWAY_ASSIGN(const Found found, FindLayout(context, connection));
  SPILLWAY_TRY(RefuseMissing(found));
  return found.version;
}

Result<bool> HasLayout(const Context& context, Connection& connection) {
  SPILLWAY_ASSIGN(const Found found, FindLayout(context, connection));
  return found.version > 0;
}

Status EnsureLayout(const Context& context, Connection& connection) {
  return BringUpToDate(context, connection, false);
}

Status RepairLayout(const Context& context, Connection& connection) {
  return BringUpToDate(context, connection, true);
}

Sql GrantCreate(std::string_view database, std::string_view role) {
  Sql sql;
  sql << "GRANT CREATE ON DATABASE " << Identifier(database) << " TO " << Identifier(role);
  return sql;
}

}  // namespace spillway::target::postgres

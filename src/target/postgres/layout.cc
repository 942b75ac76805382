#include "target/postgres/layout.h"

#include <cstdint>
#include <utility>

namespace spillway::target::postgres {
namespace {

using base::Context;
using base::ErrorClass;
using base::Result;
using base::Status;

// Chosen once; everybody who makes the layout takes this advisory lock.
constexpr std::int64_t kLayoutLock = 0x5350494c4c574159;

// Version 1, in a database without a layout.
Sql FirstLayout(bool schema_exists) {
  Sql sql;
  // An administrator may have made the schema for a role that may make none.
  if (!schema_exists) {
    sql << "CREATE SCHEMA spillway; COMMENT ON SCHEMA spillway"
        << " IS 'Spillway: positions of synced tables, and the stages being loaded';";
  }
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
      << " server_version integer);"
      << "CREATE TABLE spillway.stage ("
      << " stage_name text PRIMARY KEY,"
      << " synced_table_id uuid NOT NULL,"
      << " fence bigint NOT NULL,"
      << " run_id text NOT NULL,"
      << " created_at timestamptz NOT NULL DEFAULT now());"
      << "CREATE TABLE spillway.stage_task ("
      << " stage_name text NOT NULL,"
      << " task_id text NOT NULL,"
      << " run_id text NOT NULL,"
      << " rows bigint NOT NULL,"
      << " bytes bigint NOT NULL,"
      << " committed_at timestamptz NOT NULL DEFAULT now(),"
      << " PRIMARY KEY (stage_name, task_id));"
      << "CREATE SEQUENCE spillway.stage_number;"
      << "CREATE TABLE spillway.layout (version integer NOT NULL);"
      << "INSERT INTO spillway.layout VALUES (1);";
  return sql;
}

// What version 2 added to version 1.
Sql SecondLayout() {
  Sql sql;
  sql << "ALTER TABLE spillway.stage_task ADD COLUMN rejected bigint NOT NULL DEFAULT 0;"
      << "CREATE TABLE spillway.stage_rejected ("
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
      << " (stage_name, row_position, hashtextextended(file, 0), hashtextextended(file, 1));"
      << "CREATE TABLE spillway.rejected ("
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

// What version 3 added to version 2: why a synced table is not as fresh as it could be, and the
// view that applications read. A failure counts until a later publish.
Sql ThirdLayout() {
  Sql sql;
  sql << "CREATE TABLE spillway.condition ("
      << " synced_table_id uuid PRIMARY KEY,"
      << " schema_name text NOT NULL,"
      << " table_name text NOT NULL,"
      << " paused_at timestamptz,"
      << " failed_run_id text,"
      << " failed_at timestamptz,"
      << " error_class text,"
      << " error text);"
      << "CREATE OR REPLACE VIEW spillway.status AS SELECT synced_table_id,"
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

// Brings a layout of `version` (0: none) to the present one.
Sql LayoutStatements(int version, bool schema_exists) {
  Sql sql;
  if (version < 1) sql << FirstLayout(schema_exists);
  if (version < 2) sql << SecondLayout();
  if (version < 3) sql << ThirdLayout();
  sql << "UPDATE spillway.layout SET version = " << std::int64_t{kLayoutVersion};
  return sql;
}

}  // namespace

Result<int> ReadLayoutVersion(const Context& context, Connection& connection) {
  // Asked of pg_class: to_regclass may remember from before a wait that there was none.
  Sql exists;
  exists << "SELECT 1 FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace"
         << " WHERE n.nspname = 'spillway' AND c.relname = 'layout'";
  SPILLWAY_ASSIGN(const Rows there, connection.Query(context, exists));
  if (there.size() == 0) return 0;
  Sql read;
  read << "SELECT max(version) FROM spillway.layout";
  SPILLWAY_ASSIGN(const Rows rows, connection.Query(context, read));
  const int version = static_cast<int>(rows.number(0, 0));
  if (version > kLayoutVersion) {
    return Status(ErrorClass::kTargetUnsuitable,
                  "schema spillway was made by a newer Spillway: layout " +
                      std::to_string(version) + ", this one knows " +
                      std::to_string(kLayoutVersion))
        .Mend("Use the newer Spillway with this target.");
  }
  return version;
}

Status EnsureLayout(const Context& context, Connection& connection) {
  SPILLWAY_ASSIGN(int version, ReadLayoutVersion(context, connection));
  if (version == kLayoutVersion) return Status();
  SPILLWAY_TRY(connection.Execute(
      context, Sql() << "BEGIN; SELECT pg_advisory_xact_lock(" << kLayoutLock << ")"));
  SPILLWAY_ASSIGN(version, ReadLayoutVersion(context, connection));  // another may have been faster
  if (version == kLayoutVersion) return connection.Execute(context, Sql() << "ROLLBACK");
  SPILLWAY_ASSIGN(const Rows schema,
                  connection.Query(context, Sql() << "SELECT 1 FROM pg_namespace WHERE nspname ="
                                                  << " 'spillway'"));
  Status made = connection.Execute(context, LayoutStatements(version, schema.size() == 1));
  if (!made.ok()) {
    if (made.error_class() == ErrorClass::kTargetPermission) {
      return std::move(made)
          .While("make schema spillway")
          .Mend("As the database's owner: GRANT CREATE ON DATABASE \"" +
                connection.facts().database + "\" TO \"" + connection.facts().user + "\".");
    }
    return std::move(made).While("make schema spillway");
  }
  return connection.Execute(context, Sql() << "COMMIT");
}

}  // namespace spillway::target::postgres

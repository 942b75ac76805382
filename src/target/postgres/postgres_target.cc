#include "target/postgres/postgres_target.h"

#include <algorithm>
#include <array>
#include <optional>
#include <set>
#include <string_view>
#include <utility>
#include <vector>

#include "base/mutex.h"
#include "target/postgres/adopt.h"
#include "target/postgres/bookkeeping.h"
#include "target/postgres/condition.h"
#include "target/postgres/copy/type_table.h"
#include "target/postgres/dependents.h"
#include "target/postgres/forget.h"
#include "target/postgres/index_build.h"
#include "target/postgres/key_images.h"
#include "target/postgres/layout.h"
#include "target/postgres/lock_wait.h"
#include "target/postgres/publish.h"
#include "target/postgres/publish_check.h"
#include "target/postgres/rejected_rows.h"
#include "target/postgres/relation.h"
#include "target/postgres/session/pool.h"
#include "target/postgres/shape.h"
#include "target/postgres/stage.h"
#include "target/postgres/stage_rows.h"
#include "target/postgres/table_hold.h"
#include "target/postgres/task_writer.h"

namespace spillway::target::postgres {
namespace {

using base::Context;
using base::ErrorClass;
using base::Result;
using base::Status;

// MaxHeapAttributeNumber of the server.
constexpr std::int32_t kMaxColumns = 1600;

constexpr Capabilities kCapabilities = {.max_columns = kMaxColumns};

// Columns that every table has.
constexpr auto kSystemColumns =
    std::to_array<std::string_view>({"tableoid", "xmin", "cmin", "xmax", "cmax", "ctid"});

Status CheckName(std::string_view what, std::string_view name) {
  const auto collision = [&](std::string reason) {
    return Status(ErrorClass::kIdentifierCollision,
                  "the name of a " + std::string(what) + " cannot be used: " + std::move(reason))
        .With("object", name)
        .Mend(what == "column" ? "Rename it in the source, or choose other columns with --columns."
                               : "Give the synced table another name.");
  };
  if (name.empty()) return collision("it is empty");
  if (!IsStorableText(name)) return collision("it holds a NUL byte or invalid UTF-8");
  if (name.size() > kMaxIdentifierBytes) {
    return collision(std::string(name) + " is longer than PostgreSQL's 63 bytes");
  }
  return Status();
}

class PostgresTarget final : public Target {
 public:
  explicit PostgresTarget(const PostgresOptions& options)
      : pool_({.url = options.url,
               .password = options.password,
               .application_name = options.application_name,
               .connect_timeout = options.connect_timeout,
               .lock_timeout = options.lock_timeout},
              options.max_connections) {}

  const Capabilities& capabilities() const override { return kCapabilities; }

  Result<Identity> Identify(const Context& context) override {
    SPILLWAY_ASSIGN(Lease connection, pool_.Borrow(context));
    return ReadIdentity(context, *connection);
  }

  std::vector<Check> Test(const Context& context) override;

  Result<Column> MapColumn(const Context& context, const data::Field& field,
                           std::string_view override_type, bool in_key) override {
    ServerFacts server;
    // Only types that a definition names come from extensions.
    if (!override_type.empty()) {
      SPILLWAY_ASSIGN(server, ReadServerFacts(context));
    }
    SPILLWAY_ASSIGN(TypeMapping mapping, MapType(field, override_type, in_key, server));
    return Column{field.name, field.type, std::move(mapping.target_type), in_key || !field.nullable,
                  field.comment};
  }

  Status CheckNames(const TableName& table, const std::vector<Column>& columns) const override {
    SPILLWAY_TRY(CheckTableName(table));
    if (static_cast<std::int32_t>(columns.size()) > kMaxColumns) {
      return Status(
                 ErrorClass::kInvalidDefinition,
                 "a table has at most 1600 columns: this one has " + std::to_string(columns.size()))
          .Mend("Choose fewer with --columns.");
    }
    std::set<std::string_view> names;
    for (const Column& column : columns) {
      SPILLWAY_TRY(CheckName("column", column.name));
      if (std::ranges::find(kSystemColumns, column.name) != kSystemColumns.end()) {
        return Status(ErrorClass::kIdentifierCollision,
                      "a column has the name of a system column: " + column.name)
            .With("column", column.name);
      }
      if (!names.insert(column.name).second) {
        return Status(ErrorClass::kIdentifierCollision,
                      "two columns have the same name: " + column.name)
            .With("column", column.name);
      }
    }
    return Status();
  }

  Result<TableState> Describe(const Context& context, const TableName& table,
                              std::string_view synced_table_id) override {
    SPILLWAY_ASSIGN(Lease connection, pool_.Borrow(context));
    auto state = DescribeOn(context, *connection, table, synced_table_id);
    if (state.ok() || state.status().error_class() != ErrorClass::kLockTimeout) return state;
    // Some of what the server says of a table waits for who holds it against readers.
    return WithBlockers(context, *connection,
                        std::move(state).status().While("look at " + table.ToString()), table);
  }

  Status DescribeDependents(const Context& context, TableState* state) override {
    SPILLWAY_ASSIGN(Lease connection, pool_.Borrow(context));
    if (state->position && !state->position->source_position.empty()) {
      SPILLWAY_ASSIGN(state->restored, DescribeOtherServer(context, *connection, *state->position));
    }
    if (!state->exists) return Status();
    SPILLWAY_ASSIGN(state->dependents,
                    FindDependents(context, *connection, state->oid, state->shape));
    if (!state->foreign_owner.empty()) {
      state->dependents.push_back({"owner", state->foreign_owner, false});
    }
    SPILLWAY_ASSIGN(state->warnings, WarnOfReplicaIdentity(context, *connection, state->oid));
    return Status();
  }

  Status CheckPublish(const Context& context, const TableName& table, const TableState& state,
                      const std::vector<Column>& columns,
                      const std::vector<std::string>& key) override {
    const bool ours =
        state.exists && state.position && state.owned_by_id == state.position->synced_table_id;
    if (!ours || state.shape.empty()) return Status();
    SPILLWAY_ASSIGN(Lease connection, pool_.Borrow(context));
    return postgres::CheckPublish(context, *connection, table, state, columns, key);
  }

  Status Adopt(const Context& context, std::string_view synced_table_id, const TableName& table,
               const std::vector<Column>& columns, const std::vector<std::string>& key,
               bool keep_rows) override {
    SPILLWAY_TRY(CheckNames(table, columns));
    SPILLWAY_ASSIGN(Lease connection, pool_.BorrowWritable(context));
    return postgres::Adopt(context, *connection, synced_table_id, table, columns, key, keep_rows);
  }

  Result<std::unique_ptr<TableHold>> HoldTable(const Context& context,
                                               const TableName& table) override {
    return holds_.Hold(context, table);
  }

  Result<std::pair<Fence, std::optional<PositionRow>>> TakeFence(const Context& context,
                                                                 std::string_view synced_table_id,
                                                                 const TableName& table,
                                                                 std::string_view run_id) override {
    SPILLWAY_ASSIGN(Lease connection, pool_.BorrowWritable(context));
    SPILLWAY_ASSIGN(auto fenced, NextFence(context, *connection, synced_table_id, table, run_id));
    return std::make_pair(std::move(fenced.first),
                          std::optional<PositionRow>(std::move(fenced.second.row)));
  }

  Result<std::vector<std::string>> RemoveDeadStages(const Context& context,
                                                    std::string_view synced_table_id) override {
    SPILLWAY_ASSIGN(Lease connection, pool_.BorrowWritable(context));
    return postgres::RemoveDeadStages(context, *connection, synced_table_id);
  }

  Result<Stage> CreateStage(const Context& context, const Fence& fence, const TableName& target,
                            const std::vector<Column>& columns,
                            const std::vector<ExtraColumn>& extra_columns) override {
    std::vector<Column> all = columns;
    for (const ExtraColumn& column : extra_columns) {
      all.push_back({column.name, data::Type(), column.declaration, false, {}});
    }
    SPILLWAY_TRY(CheckNames(target, all));
    SPILLWAY_ASSIGN(Lease connection, pool_.BorrowWritable(context));
    return postgres::CreateStage(context, *connection, fence, target, columns, extra_columns);
  }

  Result<std::unique_ptr<TaskWriter>> OpenTask(const Context& context, const Stage& stage,
                                               std::string_view task_id, const data::Schema& schema,
                                               const TaskOptions& options) override {
    return OpenTaskWriter(context, pool_, stage, task_id, schema, options);
  }

  Status TryIndexes(const Context& context, const Stage& stage, const IndexSpec& index) override {
    return postgres::TryIndexes(context, pool_, stage, index);
  }

  Status BuildIndexes(const Context& context, const Stage& stage, const IndexSpec& index) override {
    return postgres::BuildIndexes(context, pool_, stage, index);
  }

  Result<std::int64_t> KeepGreatest(const Context& context, const Stage& stage,
                                    const std::vector<std::string>& key,
                                    const std::string& column) override {
    SPILLWAY_ASSIGN(Lease connection, pool_.BorrowWritable(context));
    return postgres::KeepGreatest(context, *connection, stage, key, column);
  }

  Result<std::vector<std::string>> RepeatedImages(const Context& context, const Stage& stage,
                                                  const std::vector<std::string>& columns,
                                                  std::int64_t limit) override {
    SPILLWAY_ASSIGN(Lease connection, pool_.BorrowWritable(context));
    return postgres::RepeatedImages(context, *connection, stage, columns, limit);
  }

  Result<std::unique_ptr<KeyImages>> OpenKeyImages(
      const Stage& stage, const data::Schema& schema,
      const std::vector<std::string>& columns) override {
    return MakeKeyImages(stage, schema, columns);
  }

  Result<std::int64_t> RejectRows(const Context& context, const Stage& stage,
                                  const std::vector<BadRow>& rows) override {
    SPILLWAY_ASSIGN(Lease connection, pool_.BorrowWritable(context));
    return RejectStageRows(context, *connection, stage, rows);
  }

  Result<std::int64_t> RemoveImages(const Context& context, const Stage& stage,
                                    const std::vector<std::string>& columns,
                                    const std::vector<std::string>& images) override {
    SPILLWAY_ASSIGN(Lease connection, pool_.BorrowWritable(context));
    return postgres::RemoveImages(context, *connection, stage, columns, images);
  }

  Result<std::unique_ptr<data::BatchStream>> ReadRejected(
      const Context&, std::string_view synced_table_id) override {
    SPILLWAY_TRY(CheckSyncedTableId(synced_table_id));
    return StreamRejected(pool_, synced_table_id);
  }

  Result<Published> PublishStages(const Context& context,
                                  const std::vector<Publish>& publishes) override {
    return postgres::PublishStages(context, pool_, publishes);
  }

  Status DropStage(const Context& context, const Stage& stage) override {
    SPILLWAY_ASSIGN(Lease connection, pool_.BorrowWritable(context));
    return postgres::DropStage(context, *connection, stage);
  }

  Status RecordFailure(const Context& context, std::string_view synced_table_id,
                       const TableName& table, std::string_view run_id,
                       const Status& error) override {
    SPILLWAY_ASSIGN(Lease connection, pool_.BorrowWritable(context));
    return postgres::RecordFailure(context, *connection, synced_table_id, table, run_id, error);
  }

  Status RecordPaused(const Context& context, std::string_view synced_table_id,
                      const TableName& table, bool paused) override {
    SPILLWAY_ASSIGN(Lease connection, pool_.BorrowWritable(context));
    return postgres::RecordPaused(context, *connection, synced_table_id, table, paused);
  }

  Status Forget(const Context& context, std::string_view synced_table_id, const TableName& table,
                bool drop_table, std::chrono::milliseconds lock_timeout) override {
    return ForgetSyncedTable(context, pool_, synced_table_id, table, drop_table, lock_timeout);
  }

 private:
  Check CheckFreeConnections(const Rows& rows, bool through_proxy) const;

  static Result<TableState> DescribeOn(const Context& context, Connection& connection,
                                       const TableName& table, std::string_view synced_table_id) {
    SPILLWAY_ASSIGN(const int layout, ReadLayoutVersion(context, connection));
    TableState state;
    std::string shape;
    if (layout != 0 && !synced_table_id.empty()) {
      SPILLWAY_ASSIGN(auto stored,
                      ReadPosition(context, connection, synced_table_id, RowLock::kNone));
      if (stored) {
        state.position = std::move(stored->row);
        shape = std::move(stored->shape);
      }
      if (layout >= 2) {
        SPILLWAY_ASSIGN(state.rejected, CountRejected(context, connection, synced_table_id));
      }
      SPILLWAY_ASSIGN(state.has_stages, HasStages(context, connection, synced_table_id));
    }
    SPILLWAY_ASSIGN(const auto relation, FindRelation(context, connection, table, layout != 0));
    if (!relation) {
      if (!shape.empty()) {
        state.unchanged = false;
        SPILLWAY_ASSIGN(state.difference, DescribeGone(context, connection, *state.position));
      }
      return state;
    }
    state.exists = true;
    state.oid = relation->oid;
    state.kind = relation->kind;
    state.owned_by_id = relation->owned_by_id;
    if (!relation->may_drop) state.foreign_owner = relation->owner;
    const bool ours = !shape.empty() && relation->owned_by_id == state.position->synced_table_id;
    if (!shape.empty() && !ours) {
      state.unchanged = false;
      state.difference = "another " + relation->kind + " is in the table's place";
    }
    if (ours) {
      state.adopted = IsAdopted(shape);
      if (!state.adopted && !IsReplaced(shape)) state.published_key = ShapeKey(shape);
      SPILLWAY_ASSIGN(const std::string now, ReadShape(context, connection, relation->oid));
      state.difference = DescribeShapeDifference(shape, now);
      state.unchanged = state.difference.empty();
    }
    state.shape = std::move(shape);
    return state;
  }

  // Read until it is there: one who is told to install the extension may do so while we run.
  Result<ServerFacts> ReadServerFacts(const Context& context) {
    {
      base::MutexLock lock(mutex_);
      if (server_) return *server_;
    }
    SPILLWAY_ASSIGN(Lease connection, pool_.Borrow(context));
    Sql sql;
    sql << "SELECT n.nspname, e.extversion FROM pg_extension e JOIN pg_namespace n"
        << " ON n.oid = e.extnamespace WHERE e.extname = 'vector'";
    SPILLWAY_ASSIGN(const Rows rows, connection->Query(context, sql));
    ServerFacts facts;
    if (rows.size() == 1) {
      facts.vector_schema = rows.text(0, 0);
      facts.vector_version = rows.text(0, 1);
    }
    if (rows.size() == 0) return facts;
    base::MutexLock lock(mutex_);
    server_ = facts;
    return facts;
  }

  Pool pool_;
  TableHolds holds_{&pool_};
  base::Mutex mutex_;
  std::optional<ServerFacts> server_ GUARDED_BY(mutex_);
};

std::vector<Check> PostgresTarget::Test(const Context& context) {
  std::vector<Check> checks;
  auto connection = pool_.Borrow(context);
  checks.push_back({"connect and log in", connection.ok() ? Status() : connection.status(), ""});
  if (!connection.ok()) return checks;
  const SessionFacts& facts = (*connection)->facts();
  checks.front().note = "user " + facts.user + ", database " + facts.database;
  checks.push_back({"server version", Status(),
                    std::to_string(facts.server_version / 10000) + "." +
                        std::to_string(facts.server_version % 10000)});
  checks.push_back({"primary with encoding UTF8", (*connection)->RequireWritable(), ""});
  checks.push_back({"no transaction pooler", Status(),
                    facts.through_proxy ? "through a proxy in session mode" : "direct"});
  auto layout = ReadLayoutVersion(context, **connection);
  checks.push_back({"schema spillway", layout.ok() ? Status() : layout.status(),
                    layout.ok() && *layout == 0 ? "is made by the first sync" : ""});
  Sql sql;
  sql << "SELECT has_database_privilege(current_database(), 'CREATE'),"
      << " current_setting('max_connections')::int - (SELECT count(*) FROM pg_stat_activity"
      // A role that may not see other roles' sessions still sees that they have a database.
      << " WHERE usesysid IS NOT NULL AND datid IS NOT NULL),"
      << " CASE WHEN rolsuper OR rolconnlimit < 0 THEN NULL ELSE rolconnlimit -"
      << " (SELECT count(*) FROM pg_stat_activity WHERE usesysid = r.oid AND datid IS NOT NULL) "
      << "END, CASE WHEN rolsuper OR datconnlimit < 0 THEN NULL ELSE datconnlimit -"
      << " (SELECT count(*) FROM pg_stat_activity WHERE datid = d.oid AND usesysid IS NOT NULL) END"
      << " FROM pg_roles r, pg_database d"
      << " WHERE rolname = session_user AND datname = current_database()";
  auto rows = (*connection)->Query(context, sql);
  if (!rows.ok()) {
    checks.push_back({"permissions", rows.status(), ""});
    return checks;
  }
  Status may_create;
  if (!rows->boolean(0, 0) && layout.ok() && *layout == 0) {
    may_create = Status(ErrorClass::kTargetPermission, "the role may not create schemas")
                     .Mend(GrantCreate(facts.database, facts.user).text() + ".");
  }
  checks.push_back({"permission to create schemas", std::move(may_create), ""});
  checks.push_back(CheckFreeConnections(*rows, facts.through_proxy));
  return checks;
}

// `rows`: what the server has free, and the role and the database where they have a limit; from the
// second column on.
Check PostgresTarget::CheckFreeConnections(const Rows& rows, bool through_proxy) const {
  struct Limit {
    int column;
    const char* of;
    const char* mend;
  };
  constexpr std::array kLimits = {
      Limit{1, "server", "Raise the server's max_connections, or use fewer --connections."},
      Limit{2, "role", "Raise it: ALTER ROLE … CONNECTION LIMIT …, or use fewer --connections."},
      Limit{3, "database",
            "Raise it: ALTER DATABASE … CONNECTION LIMIT …, or use fewer --connections."}};
  Check check{"free connections", Status(), ""};
  std::optional<std::int64_t> least;
  for (const Limit& limit : kLimits) {
    if (rows.IsNull(0, limit.column)) continue;
    const std::int64_t free = rows.number(0, limit.column);
    if (least && free >= *least) continue;
    least = free;
    check.note = std::to_string(free);
    if (free >= pool_.cap()) continue;
    check.outcome =
        Status(ErrorClass::kConnectionError, std::string("the ") + limit.of + " has " +
                                                 std::to_string(free) + " connections free, " +
                                                 std::to_string(pool_.cap()) + " may be wanted")
            .Mend(limit.mend);
  }
  if (through_proxy) check.note += " at the server; the proxy may give fewer";
  return check;
}

}  // namespace

Status CheckTableName(const TableName& table) {
  SPILLWAY_TRY(CheckName("schema", table.schema));
  SPILLWAY_TRY(CheckName("table", table.table));
  if (table.schema != "spillway" && !table.schema.starts_with("pg_") &&
      table.schema != "information_schema") {
    return Status();
  }
  return Status(ErrorClass::kInvalidArgument,
                "a synced table cannot be in this schema: " + table.schema)
      .Mend("Choose a schema that is neither PostgreSQL's nor Spillway's own.");
}

Status CheckTypeName(std::string_view type) { return ParsePostgresType(type).status(); }

Result<std::unique_ptr<Target>> OpenPostgresTarget(PostgresOptions options) {
  if (options.max_connections < 1) {
    return Status(ErrorClass::kInvalidArgument, "a target needs at least one connection: " +
                                                    std::to_string(options.max_connections));
  }
  return std::unique_ptr<Target>(new PostgresTarget(options));
}

}  // namespace spillway::target::postgres

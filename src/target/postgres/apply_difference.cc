#include "target/postgres/apply_difference.h"

#include <algorithm>
#include <array>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "target/postgres/constraint_error.h"
#include "target/postgres/delete_guard.h"
#include "target/postgres/lock_wait.h"
#include "target/postgres/publish_check.h"
#include "target/postgres/row_match.h"
#include "target/postgres/server_memory.h"

namespace spillway::target::postgres {
namespace {

using base::Context;
using base::ErrorClass;
using base::Result;
using base::Status;

// Memory for joining the old rows and the new ones, in bytes.
constexpr std::int64_t kJoinMemory = std::int64_t{64} << 20;

// The difference, by row places: (old, new) is an update, (old, NULL) a delete, (NULL, new) an
// insert. It is of the transaction only.
Sql DifferenceTable() {
  Sql sql;
  sql << "pg_temp.spillway_difference";
  return sql;
}

Sql FindDifference(const Publish& publish) {
  const Stage& stage = publish.stage;
  const std::vector<std::string>& key = publish.index.primary_key;
  Sql sql;
  sql << RaiseWorkMemory(kJoinMemory)
      << "; CREATE TEMPORARY TABLE spillway_difference ON COMMIT DROP AS SELECT ";
  if (key.empty()) {
    sql << "t.place AS old, s.place AS new FROM " << NumberedRows(stage.target, stage.columns)
        << " t FULL JOIN " << NumberedRows(stage.table, stage.columns)
        << " s ON s.image = t.image AND s.number = t.number"
        << " WHERE t.place IS NULL OR s.place IS NULL";
  } else {
    sql << "t.ctid AS old, s.ctid AS new FROM ONLY " << stage.target << " t FULL JOIN ONLY "
        << stage.table << " s ON " << KeysMatch(key)
        << " WHERE t.ctid IS NULL OR s.ctid IS NULL OR " << RowOf("t", stage.columns)
        << "::record *<> " << RowOf("s", stage.columns) << "::record";
  }
  sql << "; ANALYZE " << DifferenceTable()
      << "; SELECT count(*) FILTER (WHERE old IS NULL), count(*) FILTER (WHERE old IS NOT NULL"
      << " AND new IS NOT NULL), count(*) FILTER (WHERE new IS NULL) FROM " << DifferenceTable();
  return sql;
}

// Whether equal values of a type always have one binary image: then a key need not be set anew.
// 0 and -0 or 1.0 and 1.00 are equal and differ.
bool HasOneImage(std::string_view type) {
  constexpr auto kTypes = std::to_array<std::string_view>(
      {"bigint", "integer", "smallint", "text", "varchar", "character varying", "date", "timestamp",
       "uuid", "boolean", "bytea"});
  return std::ranges::any_of(kTypes, [&](std::string_view name) { return type.starts_with(name); });
}

// The columns of the key that the table's owner gave a collation under which values are equal that
// are not the same.
Result<std::vector<std::string>> ReadLooseKeys(const Context& context, Connection& connection,
                                               std::int64_t table_oid) {
  Sql sql;
  sql << "SELECT a.attname FROM pg_attribute a JOIN pg_collation c ON c.oid = a.attcollation"
      << " JOIN pg_index i ON i.indrelid = a.attrelid AND i.indisprimary"
      << " AND a.attnum = ANY (i.indkey) WHERE a.attrelid = " << Literal(table_oid)
      << "::oid AND NOT c.collisdeterministic";
  SPILLWAY_ASSIGN(const Rows rows, connection.Query(context, sql));
  std::vector<std::string> names;
  for (int row = 0; row < rows.size(); ++row) names.emplace_back(rows.text(row, 0));
  return names;
}

// The columns that an update sets: the key's only where they may change.
std::vector<Column> Updated(const Publish& publish, const std::vector<std::string>& loose) {
  std::vector<Column> columns;
  for (const Column& column : publish.stage.columns) {
    const auto& key = publish.index.primary_key;
    if (std::ranges::find(key, column.name) == key.end() || !HasOneImage(column.target_type) ||
        std::ranges::find(loose, column.name) != loose.end()) {
      columns.push_back(column);
    }
  }
  return columns;
}

Sql ColumnList(const std::vector<Column>& columns) {
  Sql sql;
  bool first = true;
  for (const Column& column : columns) {
    if (!first) sql << ", ";
    first = false;
    sql << Identifier(column.name);
  }
  return sql;
}

Sql DeleteRows(const Stage& stage) {
  Sql sql;
  sql << "DELETE FROM ONLY " << stage.target << " t USING " << DifferenceTable()
      << " d WHERE d.old = t.ctid AND d.new IS NULL";
  return sql;
}

Sql UpdateRows(const Publish& publish, const std::vector<std::string>& loose) {
  const std::vector<Column> columns = Updated(publish, loose);
  Sql sql;
  sql << "UPDATE ONLY " << publish.stage.target << " t SET (" << ColumnList(columns)
      << ") = " << RowOf("s", columns) << " FROM " << DifferenceTable() << " d JOIN ONLY "
      << publish.stage.table << " s ON s.ctid = d.new WHERE d.old = t.ctid";
  return sql;
}

Sql InsertRows(const Stage& stage) {
  Sql sql;
  sql << "INSERT INTO " << stage.target << " (" << ColumnList(stage.columns)
      << ") OVERRIDING SYSTEM VALUE SELECT " << ColumnList(stage.columns) << " FROM ONLY "
      << stage.table << " WHERE ctid IN (SELECT new FROM " << DifferenceTable()
      << " WHERE old IS NULL)";
  return sql;
}

constexpr std::string_view kDeleted = "deleted";

// Foreign keys of others that would delete or change their rows with ours.
Status CheckCascades(const Context& context, Connection& connection, const Publish& publish,
                     std::int64_t table_oid, std::int64_t deleted,
                     const std::vector<TableName>& group) {
  if (publish.cascades_allowed || deleted == 0) return Status();
  Sql members;
  for (const TableName& table : group) {
    members << ", to_regclass(" << Literal((Sql() << table).text()) << ")";
  }
  Sql sql;
  sql << "SELECT string_agg(format('%s ON DELETE %s', pg_describe_object('pg_constraint'::regclass,"
      << " k.oid, 0), CASE k.confdeltype WHEN 'c' THEN 'CASCADE' WHEN 'n' THEN 'SET NULL' ELSE"
      << " 'SET DEFAULT' END), '; ' ORDER BY k.oid) FROM pg_constraint k WHERE k.contype = 'f'"
      << " AND k.confdeltype IN ('c', 'n', 'd') AND k.confrelid = " << Literal(table_oid)
      << "::oid AND k.conrelid NOT IN (0" << members << ")";
  SPILLWAY_ASSIGN(const Rows rows, connection.Query(context, sql));
  if (rows.IsNull(0, 0)) return Status();
  const std::string table = publish.stage.target.ToString();
  return Status(ErrorClass::kCascadingDeletes,
                "the sync would delete " + std::to_string(deleted) + " rows of " + table +
                    ", and with them change rows of others: " + std::string(rows.text(0, 0)))
      .With("table", table)
      .With("deleted", std::to_string(deleted))
      .With("dependents", rows.text(0, 0));
}

// An error of a trigger's function that does not find what it names: our search_path holds nothing
// of its own.
Status TriggerError(Status error, const TableName& table) {
  constexpr auto kNotFound = std::to_array<std::string_view>({"42P01", "42883", "42704", "3F000"});
  const std::string context(error.detail("context"));
  constexpr std::string_view kFunction = "function ";
  const auto at = context.rfind(kFunction);  // the outermost is last
  if (std::ranges::find(kNotFound, error.detail("sqlstate")) == kNotFound.end() ||
      at == std::string::npos) {
    return error;
  }
  const auto begin = at + kFunction.size();
  const std::string function = context.substr(begin, context.find(')', begin) + 1 - begin);
  Status named(ErrorClass::kTargetStatementFailed, "a trigger on " + table.ToString() +
                                                       " fails in function " + function + ": " +
                                                       std::string(error.message()));
  for (const auto& [key, value] : error.details()) {
    if (key != "table") named = std::move(named).With(key, value);
  }
  return std::move(named)
      .With("table", table.ToString())
      .With("object", function)
      .Mend("Qualify the names in the function with their schema, or: ALTER FUNCTION " + function +
            " SET search_path = …");
}

Status InterferenceError(const TableName& table, std::string what) {
  return Status(ErrorClass::kTargetChanged,
                "a trigger or rule of " + table.ToString() + " interferes: " + std::move(what))
      .Mend("Let triggers and rules of the table leave what is written as it is.")
      .With("table", table.ToString());
}

// Runs one statement that must write `expected` rows.
Status Write(const Context& context, Connection& connection, const Stage& stage, const Sql& sql,
             std::int64_t expected, std::string_view what) {
  if (expected == 0) return Status();
  auto written = connection.Query(context, sql);
  if (!written.ok()) {
    Status error = std::move(written).status();
    if (what == kDeleted && error.detail("sqlstate") == "23503") {
      return std::move(error)
          .While("delete rows of " + stage.target.ToString())
          .Mend("Delete the rows that refer to them, or drop the foreign key.");
    }
    return ConstraintError(TriggerError(std::move(error), stage.target), stage.target);
  }
  if (written->affected() == expected) return Status();
  return InterferenceError(stage.target, std::to_string(written->affected()) + " of " +
                                             std::to_string(expected) + " rows were " +
                                             std::string(what));
}

// A trigger can write another row than the one that it was given: where there is one, the table is
// compared once more.
Status CheckTriggers(const Context& context, Connection& connection, const Publish& publish,
                     std::int64_t table_oid) {
  constexpr int kInsertOrUpdate = 4 | 16;  // TRIGGER_TYPE_INSERT, TRIGGER_TYPE_UPDATE
  Sql sql;
  sql << "SELECT EXISTS (SELECT FROM pg_trigger t WHERE t.tgrelid = " << Literal(table_oid)
      << "::oid AND NOT t.tgisinternal AND t.tgenabled IN ('O', 'A') AND t.tgtype & "
      << Literal(kInsertOrUpdate) << " <> 0)";
  SPILLWAY_ASSIGN(const Rows found, connection.Query(context, sql));
  if (!found.boolean(0, 0)) return Status();
  const Sql again = Sql() << "DROP TABLE " << DifferenceTable() << ";" << FindDifference(publish);
  SPILLWAY_ASSIGN(const Rows left, connection.Query(context, again));
  const std::int64_t rows = left.number(0, 0) + left.number(0, 1) + left.number(0, 2);
  if (rows == 0) return Status();
  return InterferenceError(publish.stage.target,
                           std::to_string(rows) + " rows are not as they were written");
}

// Rows may take unique values from each other, in a circle even: the values are checked when all
// are written. Only a constraint that can be deferred can wait that long, so others are made anew,
// with all that was said of them.
struct UniqueIndexes {
  Sql drop;
  Sql make;
};

Result<UniqueIndexes> ReadUniqueIndexes(const Context& context, Connection& connection,
                                        std::int64_t table_oid) {
  Sql sql;
  sql << "SELECT CASE WHEN k.oid IS NULL THEN format('DROP INDEX %I.%I;', n.nspname, c.relname)"
      << " ELSE format('ALTER TABLE %I.%I DROP CONSTRAINT %I;', n.nspname, r.relname, k.conname)"
      << " END, CASE WHEN k.oid IS NULL THEN pg_get_indexdef(i.indexrelid) || ';'"
      << " ELSE format('ALTER TABLE %I.%I ADD CONSTRAINT %I %s;', n.nspname, r.relname, k.conname,"
      << " pg_get_constraintdef(k.oid)) END"
      << " || CASE WHEN k.oid IS NULL OR c.reloptions IS NULL THEN '' ELSE"
      << " format('ALTER INDEX %I.%I SET (%s);', n.nspname, c.relname,"
      << " array_to_string(c.reloptions, ', ')) END"
      << " || coalesce((SELECT string_agg(format('ALTER INDEX %I.%I ALTER COLUMN %s SET STATISTICS"
      << " %s;', n.nspname, c.relname, a.attnum, a.attstattarget), '') FROM pg_attribute a"
      << " WHERE a.attrelid = c.oid AND a.attstattarget >= 0), '')"
      << " || coalesce((SELECT string_agg(format('ALTER INDEX %I.%I DEPENDS ON EXTENSION %I;',"
      << " n.nspname, c.relname, e.extname), '') FROM pg_depend d JOIN pg_extension e"
      << " ON e.oid = d.refobjid WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid"
      << " AND d.deptype = 'x'), '')"
      << " || CASE WHEN i.indisreplident THEN format('ALTER TABLE %I.%I REPLICA IDENTITY USING "
      << "INDEX %I;', n.nspname, r.relname, c.relname) ELSE '' END"
      << " || CASE WHEN i.indisclustered THEN format('ALTER TABLE %I.%I CLUSTER ON %I;', n.nspname,"
      << " r.relname, c.relname) ELSE '' END"
      << " || coalesce((SELECT format('COMMENT ON CONSTRAINT %I ON %I.%I IS %L;', k.conname,"
      << " n.nspname, r.relname, d) FROM obj_description(k.oid, 'pg_constraint') d"
      << " WHERE d IS NOT NULL), '')"
      << " || coalesce((SELECT format('COMMENT ON INDEX %I.%I IS %L;', n.nspname, c.relname, d)"
      << " FROM obj_description(c.oid, 'pg_class') d WHERE d IS NOT NULL), ''),"
      << " format('SELECT set_config(''default_tablespace'', %L, true);', coalesce(s.spcname, '')),"
      << " format('SELECT set_config(''default_tablespace'', %L, true);',"
      << " current_setting('default_tablespace')) FROM pg_index i LEFT JOIN LATERAL (SELECT "
         "t.spcname FROM pg_tablespace t JOIN pg_class p"
      << " ON p.reltablespace = t.oid WHERE p.oid = i.indexrelid) s ON true"
      << " JOIN pg_class c ON c.oid = i.indexrelid JOIN pg_class r ON r.oid = i.indrelid"
      << " JOIN pg_namespace n ON n.oid = r.relnamespace LEFT JOIN pg_constraint k"
      << " ON k.conindid = i.indexrelid AND k.conrelid = i.indrelid AND k.contype IN ('u', 'x')"
      << " WHERE i.indrelid = " << Literal(table_oid) << "::oid AND (i.indisunique OR"
      << " i.indisexclusion) AND NOT i.indisprimary ORDER BY i.indexrelid";
  SPILLWAY_ASSIGN(const Rows rows, connection.Query(context, sql));
  UniqueIndexes indexes;
  for (int row = 0; row < rows.size(); ++row) {
    indexes.drop << ServerSql(rows.text(row, 0));
    indexes.make << ServerSql(rows.text(row, 2)) << ServerSql(rows.text(row, 1))
                 << ServerSql(rows.text(row, 3));
  }
  return indexes;
}

}  // namespace

Sql LockForApply(const TableName& table, bool columns_change) {
  Sql sql;
  sql << "LOCK TABLE ONLY " << table << " IN ";
  if (columns_change) {
    sql << "ACCESS EXCLUSIVE MODE";
  } else {
    sql << "SHARE ROW EXCLUSIVE MODE";
  }
  return sql;
}

Result<Difference> ApplyDifference(const Context& context, Connection& connection,
                                   const Publish& publish, std::int64_t table_oid,
                                   const std::vector<TableName>& group) {
  const Stage& stage = publish.stage;
  SPILLWAY_ASSIGN(const Rows counts, connection.Query(context, FindDifference(publish)));
  Difference found;
  found.inserted = counts.number(0, 0);
  found.updated = counts.number(0, 1);
  found.deleted = counts.number(0, 2);
  found.unchanged = publish.position.rows - found.inserted - found.updated;
  SPILLWAY_TRY(CheckDeletes(publish, {.present = found.unchanged + found.updated + found.deleted,
                                      .deleted = found.deleted}));
  SPILLWAY_TRY(CheckCascades(context, connection, publish, table_oid, found.deleted, group));
  SPILLWAY_TRY(Write(context, connection, stage, DeleteRows(stage), found.deleted, kDeleted));
  SPILLWAY_TRY(connection.Execute(context, Sql() << "SAVEPOINT spillway_update"));
  UniqueIndexes anew;
  SPILLWAY_ASSIGN(const auto loose, ReadLooseKeys(context, connection, table_oid));
  const Sql update = UpdateRows(publish, loose);
  Status updated = Write(context, connection, stage, update, found.updated, "updated");
  if (const auto state = updated.detail("sqlstate"); state == "23505" || state == "23P01") {
    SPILLWAY_TRY(connection.Execute(context, Sql() << "ROLLBACK TO SAVEPOINT spillway_update"));
    SPILLWAY_ASSIGN(anew, ReadUniqueIndexes(context, connection, table_oid));
    if (anew.drop.empty()) return updated;
    // This wait keeps readers away, unlike those for rows.
    const Sql drop = SetLockTimeout(std::min(publish.lock_timeout, kLockAttempt))
                     << anew.drop << SetLockTimeout(publish.lock_timeout);
    if (Status dropped = connection.Execute(context, drop); !dropped.ok()) {
      // An index that others refer to cannot go: then the violation is the answer.
      return dropped.detail("sqlstate").starts_with("2B") ? updated : dropped;
    }
    updated = Write(context, connection, stage, update, found.updated, "updated");
  }
  SPILLWAY_TRY(std::move(updated));
  SPILLWAY_TRY(Write(context, connection, stage, InsertRows(stage), found.inserted, "inserted"));
  if (found.inserted + found.updated > 0) {
    SPILLWAY_TRY(CheckTriggers(context, connection, publish, table_oid));
  }
  SPILLWAY_TRY(
      OwnDropError(connection.Execute(context, Sql() << "DROP TABLE " << DifferenceTable()),
                   publish.stage.target));
  found.unique_indexes = std::move(anew.make);
  return found;
}

}  // namespace spillway::target::postgres

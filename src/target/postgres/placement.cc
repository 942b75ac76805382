#include "target/postgres/placement.h"

#include <algorithm>
#include <array>
#include <string_view>
#include <vector>

namespace spillway::target::postgres {
namespace {

using base::Context;
using base::Result;
using base::Status;

// Chosen once; with the hash of a schema's name, the advisory lock of those who make it.
constexpr std::int64_t kSchemaLock = 0x53504957;

Sql GrantStatement(const Rows& rows, int row, const TableName& table) {
  Sql sql;
  // The privilege is one of aclexplode's words; it cannot be an identifier.
  constexpr auto kPrivileges = std::to_array<SqlText>(
      {"SELECT", "INSERT", "UPDATE", "DELETE", "TRUNCATE", "REFERENCES", "TRIGGER", "MAINTAIN"});
  for (const SqlText privilege : kPrivileges) {
    if (rows.text(row, 0) != privilege.text()) continue;
    sql << "GRANT " << privilege << " ON TABLE " << table << " TO ";
    if (rows.IsNull(row, 1)) {
      sql << "PUBLIC";
    } else {
      sql << Identifier(rows.text(row, 1));
    }
    if (rows.boolean(row, 2)) sql << " WITH GRANT OPTION";
    sql << ";";
  }
  return sql;
}

Sql GrantStatements(const Rows& rows, const TableName& table) {
  Sql sql;
  for (int row = 0; row < rows.size(); ++row) sql << GrantStatement(rows, row, table);
  return sql;
}

// The table's name with `suffix`, cut to fit and numbered until nobody in the schema has it, as
// the server does.
std::string FreeName(std::string_view table, std::string_view suffix,
                     std::vector<std::string>* taken) {
  for (int number = 0;; ++number) {
    const std::string end =
        std::string(suffix) + (number == 0 ? std::string() : std::to_string(number));
    const std::string cut_end(CutUtf8(end, 40));
    std::string name(CutUtf8(table, kMaxIdentifierBytes - cut_end.size()));
    name += cut_end;
    if (std::ranges::find(*taken, name) == taken->end()) {
      taken->push_back(name);
      return name;
    }
  }
}

}  // namespace

Status MakeSchema(const Context& context, Connection& connection, const Stage& stage) {
  Sql exists;
  exists << "SELECT 1 FROM pg_namespace WHERE nspname = " << Literal(stage.target.schema);
  SPILLWAY_ASSIGN(const Rows found, connection.Query(context, exists));
  if (found.size() == 1) return Status();
  // Another table's publish may be making it: whoever comes second waits for its COMMIT.
  SPILLWAY_TRY(connection.Execute(context, Sql() << "SELECT pg_advisory_xact_lock(" << kSchemaLock
                                                 << ", hashtext(" << Literal(stage.target.schema)
                                                 << "))"));
  SPILLWAY_ASSIGN(const Rows made, connection.Query(context, exists));
  if (made.size() == 1) return Status();
  Sql make;
  make << "CREATE SCHEMA " << Identifier(stage.target.schema);
  return connection.Execute(context, make).While("make schema " + stage.target.schema);
}

Sql TakePlace(const Stage& stage, std::string_view comment) {
  Sql sql;
  // First into the schema, where nothing has the stage's name, then the name, which may be one of
  // Spillway's own tables.
  sql << "ALTER TABLE " << stage.table << " SET SCHEMA " << Identifier(stage.target.schema)
      << "; ALTER TABLE " << TableName{stage.target.schema, stage.table.table} << " RENAME TO "
      << Identifier(stage.target.table) << "; ALTER TABLE " << stage.target
      << " RESET (autovacuum_enabled, toast.autovacuum_enabled); COMMENT ON TABLE " << stage.target
      << " IS ";
  if (comment.empty()) {
    sql << "NULL;";
  } else {
    sql << Literal(comment) << ";";
  }
  return sql;
}

Result<Sql> DefaultGrants(const Context& context, Connection& connection, const Stage& stage) {
  Sql query;
  query << "SELECT x.privilege_type, CASE WHEN x.grantee <> 0 THEN"
        << " pg_get_userbyid(x.grantee) END, x.is_grantable FROM pg_default_acl d"
        << " JOIN pg_namespace n ON n.oid = d.defaclnamespace, LATERAL aclexplode(d.defaclacl) x"
        << " WHERE d.defaclobjtype = 'r' AND d.defaclrole ="
        << " (SELECT oid FROM pg_roles WHERE rolname = current_user)"
        << " AND n.nspname = " << Literal(stage.target.schema);
  SPILLWAY_ASSIGN(const Rows rows, connection.Query(context, query));
  return GrantStatements(rows, stage.target);
}

Result<Sql> OwnNames(const Context& context, Connection& connection, const Stage& stage,
                     std::int64_t oid) {
  const std::string prefix = stage.table.table + "_";
  Sql query;
  query << "SELECT 'c', k.conname FROM pg_constraint k WHERE k.conrelid = " << Literal(oid)
        << "::oid UNION ALL SELECT 'i', c.relname FROM pg_index i"
        << " JOIN pg_class c ON c.oid = i.indexrelid WHERE i.indrelid = " << Literal(oid)
        << "::oid AND NOT EXISTS (SELECT FROM pg_constraint k WHERE k.conindid = i.indexrelid)"
        // Of identity and serial columns of the definition.
        << " UNION ALL SELECT 's', c.relname FROM pg_depend d JOIN pg_class c ON c.oid = d.objid"
        << " WHERE d.classid = 'pg_class'::regclass AND d.refclassid = 'pg_class'::regclass"
        << " AND d.refobjid = " << Literal(oid) << "::oid AND d.deptype IN ('a', 'i')"
        << " AND c.relkind = 'S' ORDER BY 2";
  SPILLWAY_ASSIGN(const Rows rows, connection.Query(context, query));
  Sql taken_query;
  taken_query << "SELECT c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace"
              << " WHERE n.nspname = " << Literal(stage.target.schema)
              << " AND c.relkind IN ('i', 'I', 'r', 'S', 'v', 'm', 'f', 'p', 'c')"
              << " AND starts_with(c.relname, " << Literal(CutUtf8(stage.target.table, 40)) << ")";
  SPILLWAY_ASSIGN(const Rows taken_rows, connection.Query(context, taken_query));
  std::vector<std::string> taken = {stage.target.table};
  for (int row = 0; row < taken_rows.size(); ++row) taken.emplace_back(taken_rows.text(row, 0));
  Sql sql;
  for (int row = 0; row < rows.size(); ++row) {
    const std::string_view name = rows.text(row, 1);
    if (!name.starts_with(prefix)) continue;
    const std::string renamed =
        FreeName(stage.target.table, name.substr(prefix.size() - 1), &taken);
    const TableName own{stage.target.schema, std::string(name)};
    if (rows.text(row, 0) == "i") {
      sql << "ALTER INDEX " << own << " RENAME TO " << Identifier(renamed) << ";";
    } else if (rows.text(row, 0) == "s") {
      sql << "ALTER SEQUENCE " << own << " RENAME TO " << Identifier(renamed) << ";";
    } else {
      sql << "ALTER TABLE " << stage.target << " RENAME CONSTRAINT " << Identifier(name) << " TO "
          << Identifier(renamed) << ";";
    }
  }
  return sql;
}

}  // namespace spillway::target::postgres

#include "target/postgres/lock_wait.h"

#include <algorithm>
#include <utility>

namespace spillway::target::postgres {

using base::Context;
using base::Status;

Sql SetLockTimeout(std::chrono::milliseconds timeout) {
  Sql sql;
  sql << "SET LOCAL lock_timeout = "
      << Literal(std::max(std::chrono::milliseconds(1), timeout).count()) << ";";
  return sql;
}

std::string NameLockHolders(const Context& context, Connection& connection,
                            const TableName& table) {
  if (!connection.usable()) return {};
  Sql sql;
  // A failed transaction is rolled back first: nothing else can be asked in it.
  sql << "ROLLBACK; SELECT string_agg(DISTINCT coalesce('prepared transaction ' || x.gid,"
      << " 'pid ' || l.pid || ' (' || concat_ws(', ', a.usename,"
      << " nullif(a.application_name, ''), a.state) || ')'), '; ')"
      << " FROM pg_locks l LEFT JOIN pg_stat_activity a ON a.pid = l.pid"
      << " LEFT JOIN pg_locks t ON l.pid IS NULL AND t.pid IS NULL"
      << " AND t.locktype = 'transactionid' AND t.virtualtransaction = l.virtualtransaction"
      << " LEFT JOIN pg_prepared_xacts x ON x.transaction = t.transactionid"
      << " WHERE l.locktype = 'relation' AND l.granted"
      << " AND l.pid IS DISTINCT FROM pg_backend_pid()"
      << " AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())"
      << " AND l.relation IN (WITH t AS (SELECT c.oid FROM pg_class c JOIN pg_namespace n"
      << " ON n.oid = c.relnamespace WHERE n.nspname = " << Literal(table.schema)
      << " AND c.relname = " << Literal(table.table) << ") SELECT oid FROM t"
      << " UNION SELECT w.ev_class FROM t JOIN pg_depend d ON d.refclassid = 'pg_class'::regclass"
      << " AND d.refobjid = t.oid JOIN pg_rewrite w ON d.classid = 'pg_rewrite'::regclass"
      << " AND w.oid = d.objid UNION SELECT k.confrelid FROM t JOIN pg_constraint k"
      << " ON k.conrelid = t.oid AND k.contype = 'f')";
  auto rows = connection.Query(context, sql);
  return rows.ok() && rows->size() == 1 ? std::string(rows->text(0, 0)) : std::string();
}

Status WithBlockers(const Context& context, Connection& connection, Status error,
                    const TableName& table) {
  const std::string holders = NameLockHolders(context, connection, table);
  if (holders.empty()) return error;
  std::string message = std::string(error.message()) + ": held by " + holders;
  return std::move(error).Restate(std::move(message)).With("blockers", holders);
}

}  // namespace spillway::target::postgres

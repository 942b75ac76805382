#include "target/postgres/old_readers.h"

#include <algorithm>
#include <chrono>
#include <set>
#include <string>
#include <vector>

namespace spillway::target::postgres {
namespace {

using base::Context;
using base::Deadline;
using base::ErrorClass;
using base::Result;
using base::Status;

struct Reader {
  std::string key;               ///< the same as long as the reader's snapshot can be the same
  std::string name;              ///< for people
  bool may_start_later = false;  ///< of a standby or slot: no transaction of its own to tell it by
};

// Whoever holds back the horizon to before `horizon`. A transaction that began later may do so as
// well, while an older writer runs, but its snapshot is new: the caller keeps only those that it
// has seen at first. Of other roles' sessions the server shows an ordinary role neither kind nor
// state, so what runs without a user is told by that, and what may read any database by its having
// none: a standby's sender.
Result<std::vector<Reader>> ReadersBefore(const Context& context, Connection& connection,
                                          const std::string& horizon) {
  Sql sql;
  sql << "SELECT a.pid || ' ' || coalesce(l.virtualxid, ''),"
      << " 'pid ' || a.pid || ' (' || concat_ws(', ', a.usename, nullif(a.application_name, ''),"
      << " a.state) || ')', a.datid IS NULL FROM pg_stat_activity a"
      << " LEFT JOIN pg_locks l ON l.pid = a.pid AND l.locktype = 'virtualxid'"
      << " AND l.granted AND l.mode = 'ExclusiveLock'"
      << " WHERE a.pid <> pg_backend_pid() AND a.usesysid IS NOT NULL"
      << " AND (a.datname = current_database() OR a.datid IS NULL)"
      << " AND age(a.backend_xmin) > age(" << Literal(horizon) << "::xid8::xid)"
      << " UNION ALL SELECT 'slot ' || slot_name, 'replication slot ' || slot_name, true"
      << " FROM pg_replication_slots WHERE age(xmin) > age(" << Literal(horizon) << "::xid8::xid)";
  SPILLWAY_ASSIGN(const Rows rows, connection.Query(context, sql));
  std::vector<Reader> readers;
  for (int row = 0; row < rows.size(); ++row) {
    readers.push_back(
        {std::string(rows.text(row, 0)), std::string(rows.text(row, 1)), rows.boolean(row, 2)});
  }
  return readers;
}

}  // namespace

Status WaitForOldReaders(const Context& context, Connection& connection,
                         std::chrono::milliseconds at_most) {
  const Deadline deadline = Deadline::After(at_most);
  SPILLWAY_ASSIGN(
      const Rows snapshot,
      connection.Query(context, Sql() << "SELECT pg_snapshot_xmax(pg_current_snapshot())"));
  const std::string horizon(snapshot.text(0, 0));
  SPILLWAY_ASSIGN(auto readers, ReadersBefore(context, connection, horizon));
  std::set<std::string> seen;
  for (const Reader& reader : readers) seen.insert(reader.key);
  auto pause = std::chrono::milliseconds(5);
  while (!readers.empty()) {
    if (deadline.expired()) {
      std::string names;
      for (const Reader& reader : readers) names += (names.empty() ? "" : "; ") + reader.name;
      return Status(
                 ErrorClass::kLockTimeout,
                 "transactions that began before the load ended would see the new table empty: " +
                     names)
          .With("blockers", names);
    }
    SPILLWAY_TRY(context.Sleep(pause));
    pause = std::min(pause * 2, std::chrono::milliseconds(100));
    SPILLWAY_ASSIGN(readers, ReadersBefore(context, connection, horizon));
    std::erase_if(readers, [&](const Reader& reader) {
      return !reader.may_start_later && !seen.contains(reader.key);
    });
  }
  return Status();
}

Result<std::string> NameSilentStandbys(const Context& context, Connection& connection) {
  Sql sql;
  // What is told of a slot is not told of its sender. Copies of the files have no readers.
  sql << "SELECT string_agg('pid ' || a.pid || ' (' || concat_ws(', ', a.usename,"
      << " nullif(a.application_name, '')) || ')', '; ' ORDER BY a.pid) FROM pg_stat_activity a"
      << " JOIN pg_stat_replication r ON r.pid = a.pid WHERE a.datid IS NULL"
      << " AND a.backend_xmin IS NULL"
      << " AND a.application_name NOT IN ('pg_basebackup', 'pg_receivewal')"
      << " AND NOT EXISTS (SELECT FROM pg_replication_slots s WHERE s.active_pid = a.pid"
      << " AND s.xmin IS NOT NULL)";
  SPILLWAY_ASSIGN(const Rows rows, connection.Query(context, sql));
  return std::string(rows.text(0, 0));
}

}  // namespace spillway::target::postgres

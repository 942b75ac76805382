#ifndef SPILLWAY_TARGET_POSTGRES_LOCK_WAIT_H_
#define SPILLWAY_TARGET_POSTGRES_LOCK_WAIT_H_

#include <chrono>
#include <string>

#include "target/postgres/session/connection.h"
#include "target/table_state.h"

/// Waits for locks of relations: how long, and for whom. Functions, each on a connection that the
/// caller lends.
namespace spillway::target::postgres {

/// One wait for a lock that keeps readers away: whoever comes meanwhile queues behind us, so it is
/// short and repeated.
inline constexpr std::chrono::milliseconds kLockAttempt{500};

/// The statement that bounds each wait for a lock until the open transaction ends: `timeout`, and a
/// millisecond at least, since 0 would mean for ever.
Sql SetLockTimeout(std::chrono::milliseconds timeout);

/// Sessions other than ours that hold a lock on `table`, on a view of it or on a table that it
/// refers to, for a message: "pid 12 (app, psql, idle in transaction)". "" when nobody does or they
/// cannot be read.
std::string NameLockHolders(const base::Context& context, Connection& connection,
                            const TableName& table);

/// `error`, a LOCK_TIMEOUT of `table`, with those who hold it. Rolls back what is open.
base::Status WithBlockers(const base::Context& context, Connection& connection, base::Status error,
                          const TableName& table);

}  // namespace spillway::target::postgres

#endif  // SPILLWAY_TARGET_POSTGRES_LOCK_WAIT_H_

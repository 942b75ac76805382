#ifndef SPILLWAY_TARGET_POSTGRES_RESOLUTION_H_
#define SPILLWAY_TARGET_POSTGRES_RESOLUTION_H_

#include <string>

#include "target/postgres/session/pool.h"

/// What is needed to find out, from another session, what became of a transaction whose COMMIT was
/// not acknowledged.
namespace spillway::target::postgres {

/// A transaction on the server, noted before its COMMIT is sent.
struct DoubtedTransaction {
  std::string xid;  ///< pg_current_xact_id()
  int backend_pid = 0;
  std::string backend_start;
};

/// Notes the open transaction of `connection`, giving it an id if it has none.
base::Result<DoubtedTransaction> NoteTransaction(const base::Context& context,
                                                 Connection& connection);

/// The time that may be spent on resolving: the context's own, but at least a moment after a stop
/// or deadline, and not for ever.
base::Context ResolutionContext(const base::Context& context);

/// A connection of the pool to the primary, tried again while the server cannot be reached; errors
/// are those of the last attempt.
base::Result<Lease> ReconnectPatiently(const base::Context& context, Pool& pool);

/// Ends the doubted transaction's session if it sits idle in its transaction: then its COMMIT never
/// arrived, and nothing else would end it soon. A session that is committing is left alone.
void EndIdleTransaction(const base::Context& context, Connection& connection,
                        const DoubtedTransaction& doubted);

/// What the server's commit log says: "committed", "aborted", "in progress", or "" when it is too
/// old to be known or of another history.
base::Result<std::string> TransactionStatus(const base::Context& context, Connection& connection,
                                            const DoubtedTransaction& doubted);

}  // namespace spillway::target::postgres

#endif  // SPILLWAY_TARGET_POSTGRES_RESOLUTION_H_

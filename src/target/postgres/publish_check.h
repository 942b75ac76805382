#ifndef SPILLWAY_TARGET_POSTGRES_PUBLISH_CHECK_H_
#define SPILLWAY_TARGET_POSTGRES_PUBLISH_CHECK_H_

#include <cstdint>
#include <string>
#include <vector>

#include "target/postgres/session/connection.h"
#include "target/table_state.h"

/// What a publish would come to grief over, told before the load. Reads only.
namespace spillway::target::postgres {

/// Target::CheckPublish on a connection that the caller lends. REQUIRES: the table is the synced
/// table's.
base::Status CheckPublish(const base::Context& context, Connection& connection,
                          const TableName& table, const TableState& state,
                          const std::vector<Column>& columns, const std::vector<std::string>& key);

/// DEPENDENT_OBJECTS_STILL_EXIST naming what of others uses one of `dropped`, columns that a
/// publish takes from relation `oid` at `table`.
base::Status CheckDropped(const base::Context& context, Connection& connection,
                          const TableName& table, std::int64_t oid,
                          std::string_view published_shape,
                          const std::vector<std::string>& dropped);

/// For people: that publications send on updates and deletes of relation `oid`, which the server
/// refuses since it has no replica identity. Empty when it has, or nobody publishes it.
base::Result<std::vector<std::string>> WarnOfReplicaIdentity(const base::Context& context,
                                                             Connection& connection,
                                                             std::int64_t oid);

/// `error` of a statement that wrote rows of `table`, with the mend when it is that.
base::Status ReplicaIdentityError(base::Status error, const TableName& table);

/// `error` of a statement that drops a table of Spillway's own, used for a publish of `table`:
/// TARGET_UNSUITABLE with the mend when an event trigger refused that.
base::Status OwnDropError(base::Status error, const TableName& table);

}  // namespace spillway::target::postgres

#endif  // SPILLWAY_TARGET_POSTGRES_PUBLISH_CHECK_H_

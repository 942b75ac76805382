#ifndef SPILLWAY_TARGET_POSTGRES_BOOKKEEPING_H_
#define SPILLWAY_TARGET_POSTGRES_BOOKKEEPING_H_

#include <optional>
#include <string>
#include <string_view>

#include "target/postgres/session/connection.h"
#include "target/stage.h"

/// The tables of schema `spillway`: positions and fences, stages, tasks.
/// docs/formats/bookkeeping.md describes them and the locks taken on their rows. Functions, each on
/// a connection that the caller lends; nothing is kept between calls.
namespace spillway::target::postgres {

/// Tables that Spillway keeps.
TableName PositionTable();
TableName StageTable();
TableName StageTaskTable();

/// Errors: INVALID_ARGUMENT when `synced_table_id` is not a uuid.
base::Status CheckSyncedTableId(std::string_view synced_table_id);

/// Server and database at the other end.
base::Result<Identity> ReadIdentity(const base::Context& context, Connection& connection);

/// How the server at the other end is another than the one that published `row`, for people:
/// another cluster or a copy of the database, another timeline, database or name of the cluster. ""
/// when it is not, or that cannot be known.
base::Result<std::string> DescribeOtherServer(const base::Context& context, Connection& connection,
                                              const PositionRow& row);
/// What became of the table that `row` recorded, when nothing has its name: "the table is gone", or
/// its new name.
base::Result<std::string> DescribeGone(const base::Context& context, Connection& connection,
                                       const PositionRow& row);

/// How ReadPosition locks the row until the transaction ends.
enum class RowLock : std::uint8_t {
  kNone,
  kShared,     ///< tasks: many at once; excludes kExclusive, not a new fence
  kExclusive,  ///< publish, forget, looking after a lost acknowledgement
};

/// A row and what only this adapter needs of it.
struct StoredPosition {
  PositionRow row;
  std::string fence_run_id;          ///< the run that took the latest fence
  std::int64_t published_fence = 0;  ///< the fence under which the row was published; 0: never
  std::string shape;                 ///< ReadShape (relation.h) of the table when it was published
};

/// The row of `synced_table_id`. Not to be called when the layout is absent.
base::Result<std::optional<StoredPosition>> ReadPosition(const base::Context& context,
                                                         Connection& connection,
                                                         std::string_view synced_table_id,
                                                         RowLock lock);

/// Adds one to the fence, making the row when there is none. Waits neither for tasks nor for
/// readers, only for a publish of the same table that is committing. REQUIRES: no transaction is
/// open.
base::Result<std::pair<Fence, StoredPosition>> NextFence(const base::Context& context,
                                                         Connection& connection,
                                                         std::string_view synced_table_id,
                                                         const TableName& table,
                                                         std::string_view run_id);

/// Whether `fence` is the latest one. A number alone says little: a database that was restored, or
/// failed over without its latest commits, gives the same numbers again to other runs.
bool IsLatest(const StoredPosition& stored, const Fence& fence);

/// Moves the position to `position` under `fence`, if it is still `planned_from`. False when it is
/// not, or the fence is no longer the latest. The first statement of a publish that writes.
base::Result<bool> MovePosition(const base::Context& context, Connection& connection,
                                const Fence& fence, std::string_view planned_from,
                                const PositionRow& position, const Identity& identity);
/// An expression on a row p of `spillway.position`: true when the row was written into another
/// relation, or on another server, so that the database is a copy made by dump and restore and its
/// oids are others. False where neither can be known.
Sql IsLogicalCopy(const Connection& connection);
/// `shape` as it is kept: with the oid of `spillway.position`, by which a copy is recognised.
Sql KeptShape(std::string_view shape);

/// Records the published relation as it is now.
base::Status RecordRelation(const base::Context& context, Connection& connection,
                            const Fence& fence, std::int64_t oid, std::string_view shape);

/// FENCED, with the reason.
base::Status FencedError(const Fence& fence, std::string_view why);

}  // namespace spillway::target::postgres

#endif  // SPILLWAY_TARGET_POSTGRES_BOOKKEEPING_H_

#ifndef SPILLWAY_TARGET_POSTGRES_TABLE_PUBLISH_H_
#define SPILLWAY_TARGET_POSTGRES_TABLE_PUBLISH_H_

#include <chrono>
#include <optional>
#include <string>

#include "base/context.h"
#include "target/postgres/connection.h"
#include "target/postgres/relation.h"
#include "target/target.h"

namespace spillway::target::postgres {

/// One table's part of the transaction that publishes: the steps that publish.cc strings together,
/// each of them for every table before the next step, so that all locks are had before anything is
/// moved. Every step runs in the open transaction of `connection`; an error leaves it to be rolled
/// back, and the object may begin again with Move. Used by one thread.
class TablePublish {
 public:
  /// `publish` is borrowed.
  explicit TablePublish(const Publish& publish) : publish_(publish), stage_(publish.stage) {}

  const Publish& publish() const { return publish_; }

  /// Locks the fence row against every task and fence and moves the position from the planned one.
  /// Errors: FENCED, LOCK_TIMEOUT.
  base::Status Move(const base::Context& context, Connection& connection, const Identity& identity);
  /// The stage must hold what its tasks say, and they what was planned, and have the definition's
  /// key and indexes; its rejected rows become the table's. Errors: COUNT_MISMATCH, FENCED,
  /// TOO_MANY_REJECTED, INTERNAL.
  base::Status Check(const base::Context& context, Connection& connection);
  /// Locks what readers use, the table last; waits until `deadline`. Errors: LOCK_TIMEOUT naming
  /// who holds it, ALREADY_EXISTS, TARGET_CHANGED.
  base::Status Lock(const base::Context& context, Connection& connection,
                    const base::Deadline& deadline);
  /// Puts the stage in the table's place. Errors: DEPENDENT_OBJECTS_STILL_EXIST and the server's.
  base::Status Put(const base::Context& context, Connection& connection);
  /// Records the relation, forgets the stage, notifies.
  base::Status Finish(const base::Context& context, Connection& connection);

  /// What was done so far.
  const PublishedTable& published() const { return published_; }

 private:
  base::Status CheckCounts(const base::Context& context, Connection& connection);
  base::Status CheckIndexes(const base::Context& context, Connection& connection);
  base::Status MakeSchema(const base::Context& context, Connection& connection);
  base::Status TakeAway(const base::Context& context, Connection& connection);
  base::Result<Sql> DefaultGrants(const base::Context& context, Connection& connection);
  base::Status PutInPlace(const base::Context& context, Connection& connection);
  base::Result<Sql> Renames(const base::Context& context, Connection& connection);

  const Publish& publish_;
  const Stage& stage_;
  std::string published_shape_;
  std::optional<Relation> old_;  ///< what has the table's name before the publish
  std::int64_t oid_ = 0;         ///< of the stage
  Sql grants_;                   ///< of the old table, to be run after the owner is set
  PublishedTable published_;
};

}  // namespace spillway::target::postgres

#endif  // SPILLWAY_TARGET_POSTGRES_TABLE_PUBLISH_H_

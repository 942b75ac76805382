#ifndef SPILLWAY_TARGET_POSTGRES_TABLE_PUBLISH_H_
#define SPILLWAY_TARGET_POSTGRES_TABLE_PUBLISH_H_

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/context.h"
#include "target/postgres/align_columns.h"
#include "target/postgres/attachments.h"
#include "target/postgres/relation.h"
#include "target/postgres/session/pool.h"
#include "target/publish.h"

namespace spillway::target::postgres {

/// One table's part of a publish: the steps that publish.cc strings together, each of them for
/// every table before the next, so that all locks are had before anything is moved. MakeReady comes
/// before the transaction; the others run in it, on `connection`, and an error leaves it to be
/// rolled back. After that the object may begin again with Move. Used by one thread.
class TablePublish {
 public:
  /// `publish` and `group`, the tables published together in their order, are borrowed.
  TablePublish(const Publish& publish, const std::vector<TableName>& group)
      : publish_(publish), stage_(publish.stage), group_(group) {}

  const Publish& publish() const { return publish_; }
  /// What was done so far.
  const PublishedTable& published() const { return published_; }
  /// True when the stage takes the place of a table that has readers.
  bool swaps() const { return IsOurs() && published_.way == PublishWay::kSwap; }

  /// Chooses swap or apply from what hangs on the table, builds on the stage what is carried to it,
  /// and refuses too many deletes. May take long; locks no reader out. Errors: TOO_MANY_DELETES,
  /// CONSTRAINT_VIOLATION, FENCED; DEPENDENT_OBJECTS_STILL_EXIST for a column that others use.
  base::Status MakeReady(const base::Context& context, Pool& pool);
  /// Takes from the stage what MakeReady carried to it. Outside a transaction. Errors: FENCED, the
  /// server's.
  base::Status TakeBack(const base::Context& context, Connection& connection);
  /// From now on the difference is applied, because `why` a swap may not be. After TakeBack, or
  /// before the next MakeReady.
  void ApplyInstead(const base::Status& why);
  /// From now on the difference is applied, when `failed`, of Put, is the server's refusal of the
  /// new table rather than of its rows or of the moment. False, and nothing is changed, when not.
  bool ApplyAfter(const base::Status& failed);

  /// Adds to the report that `standbys` may have readers who find the table empty.
  void TellOfStandbys(std::string_view standbys);

  /// Locks the fence row against every task and fence and moves the position from the planned one.
  /// Errors: FENCED, LOCK_TIMEOUT.
  base::Status Move(const base::Context& context, Connection& connection, const Identity& identity);
  /// The stage must hold what its tasks say, and they what was planned, and have the definition's
  /// key and indexes; its rejected rows become the table's. Errors: COUNT_MISMATCH, FENCED,
  /// TOO_MANY_REJECTED, INTERNAL.
  base::Status Check(const base::Context& context, Connection& connection);
  /// Plans what to lock. False when the table is no longer as MakeReady found it. Errors:
  /// ALREADY_EXISTS; when the columns cannot be changed in place DEPENDENT_OBJECTS_STILL_EXIST, or
  /// LOCK_TIMEOUT when that is what ApplyInstead was told.
  base::Result<bool> PlanLocks(const base::Context& context, Connection& connection);
  /// Statements that each lock a relation which readers or writers use: outermost first, as readers
  /// come, the table last.
  const std::vector<Sql>& locks() const { return locks_; }
  /// Looks again, under the locks. False when the table is no longer as MakeReady found it. Errors:
  /// the server's.
  base::Result<bool> CheckAgain(const base::Context& context, Connection& connection);
  /// Places in the group of the tables that this one's foreign keys refer to: it is put before
  /// them, so that what they lose is not referred to any more.
  const std::vector<std::size_t>& refers_to() const { return attachments_.refers_to; }
  /// Puts the stage in the table's place, or applies the difference. False when what CheckAgain saw
  /// has changed. Errors: those of ApplyDifference, the server's.
  base::Result<bool> Put(const base::Context& context, Connection& connection);
  /// When every table is put and the constraints are checked: what had to wait for that. Errors:
  /// CONSTRAINT_VIOLATION.
  base::Status Complete(const base::Context& context, Connection& connection);
  /// Records the relation, forgets the stage, notifies. Errors: the server's.
  base::Status Finish(const base::Context& context, Connection& connection);

 private:
  bool IsOurs() const { return old_ && old_->owned_by_id == stage_.fence.synced_table_id; }
  base::Status ChooseWay(const base::Context& context, Connection& connection);
  base::Result<std::vector<std::string>> FindCollisions(const base::Context& context,
                                                        Connection& connection);
  base::Status ReadStageShape(const base::Context& context, Connection& connection);
  base::Status CarryAll(const base::Context& context, Connection& connection);
  base::Status Carry(const base::Context& context, Connection& connection,
                     const std::vector<CarryStatement>& statements);
  base::Status ApplyAfterRefusal(const base::Context& context, Connection& connection,
                                 const base::Status& refused, std::string_view object);
  void NoteRefusal(const base::Status& refused, std::string_view object);
  base::Status GuardDeletes(const base::Context& context, Connection& connection);
  base::Status CheckCounts(const base::Context& context, Connection& connection);
  base::Status CheckIndexes(const base::Context& context, Connection& connection);
  base::Status PutFirst(const base::Context& context, Connection& connection);
  base::Result<bool> Swap(const base::Context& context, Connection& connection);
  base::Status Apply(const base::Context& context, Connection& connection);
  base::Status Notify(const base::Context& context, Connection& connection);

  const Publish& publish_;
  const Stage& stage_;
  const std::vector<TableName>& group_;
  std::optional<Relation> old_;  ///< what has the table's name before the publish
  std::string published_shape_;  ///< what Spillway left of it
  std::string made_shape_;       ///< the stage's, when it was first looked at
  std::string stage_shape_;      ///< the stage's, before this round carried anything to it
  std::vector<std::string> own_columns_;
  std::vector<std::string> extra_columns_;  ///< of the definition, that only the target has
  std::vector<std::string> dropped_;        ///< that Spillway made, and the stage does not have
  std::int64_t ready_oid_ = 0;              ///< the relation that MakeReady looked at; 0: none
  Attachments attachments_;
  std::string unlocked_;  ///< UnlockedAttachments, read before attachments_
  std::vector<Sql> locks_;
  Alignment alignment_;
  Sql unique_indexes_;         ///< of an apply, to be made anew
  std::string pinned_by_;      ///< why the table must stay, for people
  std::string moved_;          ///< what a swap takes over, for people
  base::Status may_not_swap_;  ///< given to ApplyInstead
  std::int64_t oid_ = 0;       ///< of the stage, then of the published table
  PublishedTable published_;
};

}  // namespace spillway::target::postgres

#endif  // SPILLWAY_TARGET_POSTGRES_TABLE_PUBLISH_H_

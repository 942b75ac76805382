#include "target/postgres/table_publish.h"

#include <algorithm>
#include <chrono>
#include <iterator>
#include <nlohmann/json.hpp>
#include <string_view>
#include <utility>

#include "target/postgres/adopt.h"
#include "target/postgres/apply_difference.h"
#include "target/postgres/bookkeeping.h"
#include "target/postgres/constraint_error.h"
#include "target/postgres/delete_guard.h"
#include "target/postgres/dependents.h"
#include "target/postgres/lock_wait.h"
#include "target/postgres/placement.h"
#include "target/postgres/publish_check.h"
#include "target/postgres/rejected_rows.h"
#include "target/postgres/server_memory.h"
#include "target/postgres/session/sqlstate.h"
#include "target/postgres/shape.h"
#include "target/postgres/stage.h"
#include "target/postgres/stage_reset.h"

namespace spillway::target::postgres {
namespace {

using base::Context;
using base::ErrorClass;
using base::Result;
using base::Status;

constexpr std::string_view kTooManyColumns = "54011";

Sql Statements(const std::vector<std::string>& statements) {
  Sql sql;
  for (const std::string& statement : statements) sql << ServerSql(statement) << ";";
  return sql;
}

}  // namespace

Status TablePublish::MakeReady(const Context& context, Pool& pool) {
  SPILLWAY_ASSIGN(Lease connection, pool.BorrowWritable(context));
  SPILLWAY_TRY(TakeBack(context, *connection));
  SPILLWAY_TRY(ChooseWay(context, *connection));
  ready_oid_ = IsOurs() ? old_->oid : 0;
  if (ready_oid_ == 0) return Status();
  SPILLWAY_TRY(ReadStageShape(context, *connection));
  if (stage_shape_.empty()) return Status();  // gone: told by the transaction, which knows why
  SPILLWAY_TRY(
      CheckDropped(context, *connection, stage_.target, old_->oid, published_shape_, dropped_));
  if (swaps() || group_.size() > 1) {
    SPILLWAY_ASSIGN(attachments_, ReadAttachments(context, *connection, old_->oid, stage_,
                                                  published_shape_, own_columns_, group_));
  }
  if (swaps()) SPILLWAY_TRY(CarryAll(context, *connection));
  // The old table's plans rest on statistics; the new one has its own from the first query on. A
  // first load leaves them to autovacuum.
  Status analyzed = connection->Execute(context, Sql() << "ANALYZE " << stage_.table);
  if (!analyzed.ok()) {
    if (!IsRefusal(analyzed)) return analyzed;
    if (swaps()) SPILLWAY_TRY(ApplyAfterRefusal(context, *connection, analyzed, ""));
  }
  return swaps() ? GuardDeletes(context, *connection) : Status();
}

Status TablePublish::ChooseWay(const Context& context, Connection& connection) {
  published_ = PublishedTable();
  SPILLWAY_ASSIGN(auto stored,
                  ReadPosition(context, connection, stage_.fence.synced_table_id, RowLock::kNone));
  published_shape_ = stored ? std::move(stored->shape) : std::string();
  SPILLWAY_ASSIGN(old_, FindRelation(context, connection, stage_.target, true));
  if (!IsOurs()) return Status();
  SPILLWAY_ASSIGN(const auto collisions, FindCollisions(context, connection));
  if (!collisions.empty()) return CollisionError(stage_.target, collisions.front());
  SPILLWAY_ASSIGN(auto dependents,
                  FindDependents(context, connection, old_->oid, published_shape_));
  if (!old_->may_drop) dependents.push_back({"owner", old_->owner, false});
  pinned_by_ = NamesOf(Immovable(dependents));
  moved_ = NamesOf(dependents);
  if (publish_.way == PublishWay::kApply) {
    published_.way = PublishWay::kApply;
    if (pinned_by_.empty()) pinned_by_ = "the plan";
  } else if (!pinned_by_.empty()) {
    published_.way = PublishWay::kApply;
    published_.reason = "a swap would lose what others made: " + pinned_by_;
  } else if (!may_not_swap_.ok()) {
    published_.way = PublishWay::kApply;
    published_.reason = may_not_swap_.message();
    pinned_by_ = may_not_swap_.detail("blockers");
  }
  return Status();
}

// Columns of others that the stage's rows would overwrite.
Result<std::vector<std::string>> TablePublish::FindCollisions(const Context& context,
                                                              Connection& connection) {
  SPILLWAY_ASSIGN(const std::string now, ReadShape(context, connection, old_->oid));
  return LoadedOverOthers(published_shape_, now, stage_.columns);
}

Status TablePublish::TakeBack(const Context& context, Connection& connection) {
  if (made_shape_.empty()) return Status();
  SPILLWAY_ASSIGN(const auto stage, FindRelation(context, connection, stage_.table, false));
  if (!stage) return Status();  // told by the transaction, which knows why
  return TakeBackCarried(context, connection, stage_, stage->oid, made_shape_);
}

void TablePublish::ApplyInstead(const Status& why) {
  may_not_swap_ = why;
  published_.way = PublishWay::kApply;
  published_.reason = why.message();
  pinned_by_ = why.detail("blockers");
}

// `object`: what of others is the cause, for people; "" when that is not known.
Status TablePublish::ApplyAfterRefusal(const Context& context, Connection& connection,
                                       const Status& refused, std::string_view object) {
  NoteRefusal(refused, object);
  return TakeBack(context, connection);
}

void TablePublish::NoteRefusal(const Status& refused, std::string_view object) {
  std::string cause(object);
  cause += (object.empty() ? "" : " (") + std::string(refused.message());
  if (!object.empty()) cause += ")";
  ApplyInstead(
      Status(ErrorClass::kDependentObjectsStillExist,
             "the difference is applied in place, since the server refuses a new table: " + cause)
          .With("blockers", cause));
}

bool TablePublish::ApplyAfter(const Status& failed) {
  if (!swaps() || !IsRefusal(failed)) return false;
  // What an event trigger raises is about none of them.
  NoteRefusal(failed, failed.detail("sqlstate").starts_with("42") ? moved_ : std::string());
  return true;
}

void TablePublish::TellOfStandbys(std::string_view standbys) {
  published_.reason =
      "a standby does not report its snapshots: a transaction that began there before the load "
      "ended may find the table empty; set hot_standby_feedback = on there: " +
      std::string(standbys);
}

// What the stage is by itself, without the columns that are carried to it.
Status TablePublish::ReadStageShape(const Context& context, Connection& connection) {
  SPILLWAY_ASSIGN(const auto stage, FindRelation(context, connection, stage_.table, false));
  stage_shape_.clear();
  own_columns_.clear();
  extra_columns_.clear();
  dropped_.clear();
  if (!stage) return Status();
  SPILLWAY_ASSIGN(stage_shape_, ReadShape(context, connection, stage->oid));
  if (made_shape_.empty()) made_shape_ = stage_shape_;
  std::string table_shape;
  if (old_) {
    SPILLWAY_ASSIGN(table_shape, ReadShape(context, connection, old_->oid));
  }
  SPILLWAY_ASSIGN(
      const std::vector<std::string> carried,
      KeepComputedColumns(context, connection, stage_, stage->oid, table_shape, &stage_shape_));
  // Columns of the definition that only the target has are Spillway's own when they are computed;
  // in the others users may have written.
  const std::vector<std::string> generated = ShapeGenerated(stage_shape_);
  for (const std::string& column : ShapeColumns(stage_shape_)) {
    const bool loaded =
        std::ranges::find(stage_.columns, column, &Column::name) != stage_.columns.end();
    const bool others = std::ranges::find(carried, column) != carried.end();
    const bool computed = std::ranges::find(generated, column) != generated.end() && !others;
    if (loaded || computed) own_columns_.push_back(column);
    if (!loaded && !others) extra_columns_.push_back(column);
  }
  const std::vector<std::string> present = ShapeColumns(stage_shape_);
  std::ranges::copy_if(ShapeColumns(published_shape_), std::back_inserter(dropped_),
                       [&](const std::string& column) {
                         return std::ranges::find(present, column) == present.end();
                       });
  return Status();
}

// What the server refuses to carry keeps the table.
Status TablePublish::CarryAll(const Context& context, Connection& connection) {
  Status carried = Carry(context, connection, attachments_.build);
  if (carried.ok()) carried = Carry(context, connection, attachments_.validate);
  if (carried.ok() || !IsRefusal(carried)) return carried;
  SPILLWAY_TRY(connection.Execute(context, Sql() << "ROLLBACK"));
  return ApplyAfterRefusal(context, connection, carried, carried.detail("object"));
}

// Runs statements on the stage in a transaction of their own, in which no newer run takes it away.
Status TablePublish::Carry(const Context& context, Connection& connection,
                           const std::vector<CarryStatement>& statements) {
  if (statements.empty()) return Status();
  SPILLWAY_TRY(BeginOnOpenStage(context, connection, stage_));
  SPILLWAY_TRY(connection.Execute(context, Sql() << RaiseIndexMemory(kIndexMemory) << ";"
                                                 << SetLockTimeout(publish_.lock_timeout)));
  for (const CarryStatement& statement : statements) {
    Status done = connection.Execute(context, Sql() << ServerSql(statement.sql));
    if (done.ok()) continue;
    if (IsRefusal(done)) return std::move(done).With("object", statement.object);
    return ConstraintError(std::move(done), stage_.target)
        .While("carry to the new table what others made");
  }
  return connection.Execute(context, Sql() << "COMMIT");
}

Status TablePublish::GuardDeletes(const Context& context, Connection& connection) {
  if (publish_.max_delete_percent >= 100 || IsReplaced(published_shape_)) return Status();
  SPILLWAY_ASSIGN(const RowsAgainst rows, CountDeletes(context, connection, publish_));
  SPILLWAY_TRY(CheckDeletes(publish_, rows));
  published_.deleted = rows.deleted;
  published_.inserted = publish_.position.rows - (rows.present - rows.deleted);
  return Status();
}

Status TablePublish::Move(const Context& context, Connection& connection,
                          const Identity& identity) {
  auto stored =
      ReadPosition(context, connection, stage_.fence.synced_table_id, RowLock::kExclusive);
  if (!stored.ok()) return std::move(stored).status();
  if (!*stored || !IsLatest(**stored, stage_.fence)) {
    return FencedError(stage_.fence, "a newer run has taken over " + stage_.target.ToString());
  }
  published_shape_ = (*stored)->shape;
  // Whose relation is there depends on what the position says before it is moved.
  SPILLWAY_ASSIGN(old_, FindRelation(context, connection, stage_.target, true));
  SPILLWAY_ASSIGN(const bool moved,
                  MovePosition(context, connection, stage_.fence, publish_.planned_from,
                               publish_.position, identity));
  if (moved) return Status();
  return FencedError(stage_.fence,
                     "the position of " + stage_.target.ToString() + " is not the planned one");
}

Status TablePublish::Check(const Context& context, Connection& connection) {
  SPILLWAY_TRY(CheckCounts(context, connection));
  SPILLWAY_TRY(PublishRejected(context, connection, stage_, publish_.position.version,
                               publish_.max_rejected));
  return CheckIndexes(context, connection);
}

Status TablePublish::CheckCounts(const Context& context, Connection& connection) {
  Sql sql;
  sql << "SELECT s.oid, coalesce(sum(t.rows), 0), count(t.task_id) FROM (SELECT c.oid FROM "
         "spillway.stage g"
      << " JOIN pg_class c ON c.relname = g.stage_name JOIN pg_namespace n"
      << " ON n.oid = c.relnamespace AND n.nspname = 'spillway' WHERE g.stage_name = "
      << Literal(stage_.table.table) << " AND g.run_id = " << Literal(stage_.fence.run_id)
      << ") AS s LEFT JOIN spillway.stage_task t"
      << " ON t.stage_name = " << Literal(stage_.table.table) << " GROUP BY s.oid";
  SPILLWAY_ASSIGN(const Rows rows, connection.Query(context, sql));
  if (rows.size() != 1) {
    return FencedError(stage_.fence,
                       "the stage of " + stage_.target.ToString() + " is published or dropped");
  }
  oid_ = rows.number(0, 0);
  const std::int64_t loaded = rows.number(0, 1);
  const std::int64_t tasks = rows.number(0, 2);
  if (tasks != publish_.expected_tasks) {
    return Status(ErrorClass::kCountMismatch, "the stage of " + stage_.target.ToString() + " has " +
                                                  std::to_string(tasks) + " tasks, not " +
                                                  std::to_string(publish_.expected_tasks))
        .With("table", stage_.target.ToString());
  }
  if (loaded == publish_.expected_rows) return Status();
  return Status(ErrorClass::kCountMismatch, "the stage of " + stage_.target.ToString() + " has " +
                                                std::to_string(loaded) + " rows, not " +
                                                std::to_string(publish_.expected_rows))
      .With("table", stage_.target.ToString())
      .With("loaded", std::to_string(loaded))
      .With("expected", std::to_string(publish_.expected_rows));
}

// The key and indexes of the definition must have been made.
Status TablePublish::CheckIndexes(const Context& context, Connection& connection) {
  Sql sql;
  sql << "SELECT count(*) FILTER (WHERE i.indisprimary), count(*) FILTER (WHERE NOT i.indisprimary)"
      << " FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid WHERE i.indrelid = "
      << Literal(oid_) << "::oid AND i.indisvalid AND NOT starts_with(c.relname, "
      << Literal(CarriedPrefix(stage_)) << ")";
  SPILLWAY_ASSIGN(const Rows rows, connection.Query(context, sql));
  const bool key = rows.number(0, 0) == 1;
  const auto others = static_cast<std::size_t>(rows.number(0, 1));
  if (key == !publish_.index.primary_key.empty() && others == publish_.index.indexes.size()) {
    return Status();
  }
  return Status(ErrorClass::kInternal,
                "the stage of " + stage_.target.ToString() + " lacks its primary key or an index")
      .With("table", stage_.target.ToString());
}

Result<bool> TablePublish::PlanLocks(const Context& context, Connection& connection) {
  locks_.clear();
  if (!old_) {
    if (ready_oid_ != 0) return false;
    SPILLWAY_TRY(ReadStageShape(context, connection));
    return true;
  }
  if (!IsOurs()) {
    return Status(ErrorClass::kAlreadyExists, "a " + old_->kind +
                                                  " that this synced table did not make is at " +
                                                  stage_.target.ToString())
        .With("table", stage_.target.ToString())
        .With("kind", old_->kind);
  }
  if (old_->oid != ready_oid_) return false;
  if (swaps()) {
    for (const std::string& statement : attachments_.lock) {
      locks_.push_back(Sql() << ServerSql(statement));
    }
    locks_.push_back(Sql() << "LOCK TABLE ONLY " << stage_.target << " IN ACCESS EXCLUSIVE MODE");
    return true;
  }
  auto alignment = AlignColumns(context, connection, publish_, old_->oid, published_shape_,
                                extra_columns_, pinned_by_);
  // What a swap could have done, had readers left: they are the reason, not the columns.
  const bool readers =
      !may_not_swap_.ok() && may_not_swap_.error_class() == ErrorClass::kLockTimeout;
  if (!alignment.ok()) return readers ? may_not_swap_ : std::move(alignment).status();
  alignment_ = *std::move(alignment);
  locks_.push_back(
      LockForApply(stage_.target, alignment_.ChangesTable() || !attachments_.defer.empty()));
  return true;
}

Result<bool> TablePublish::CheckAgain(const Context& context, Connection& connection) {
  if (!old_) return true;
  SPILLWAY_ASSIGN(const auto locked, FindRelation(context, connection, stage_.target, true));
  if (!locked || locked->oid != old_->oid) return false;
  SPILLWAY_ASSIGN(const auto collisions, FindCollisions(context, connection));
  if (!collisions.empty()) return false;
  SPILLWAY_ASSIGN(const auto users,
                  FindColumnUsers(context, connection, old_->oid, published_shape_, dropped_));
  if (!users.empty()) return false;
  SPILLWAY_ASSIGN(const Rows unlocked, connection.Query(context, UnlockedAttachments(old_->oid)));
  if (unlocked.size() == 0) return false;
  unlocked_ = unlocked.text(0, 0);
  SPILLWAY_ASSIGN(Attachments now, ReadAttachments(context, connection, old_->oid, stage_,
                                                   published_shape_, own_columns_, group_));
  const bool same = now.SamePreparation(attachments_);
  attachments_ = std::move(now);
  if (swaps()) {
    SPILLWAY_ASSIGN(const auto dependents,
                    FindDependents(context, connection, old_->oid, published_shape_));
    return same && Immovable(dependents).empty();
  }
  const bool changes_table = alignment_.ChangesTable();
  SPILLWAY_ASSIGN(alignment_, AlignColumns(context, connection, publish_, old_->oid,
                                           published_shape_, extra_columns_, pinned_by_));
  return changes_table || !alignment_.ChangesTable();
}

Result<bool> TablePublish::Put(const Context& context, Connection& connection) {
  if (old_ && swaps()) return Swap(context, connection);
  SPILLWAY_TRY(old_ ? Apply(context, connection) : PutFirst(context, connection));
  return true;
}

Status TablePublish::PutFirst(const Context& context, Connection& connection) {
  SPILLWAY_TRY(MakeSchema(context, connection, stage_));
  SPILLWAY_ASSIGN(const Sql grants, DefaultGrants(context, connection, stage_));
  SPILLWAY_TRY(connection.Execute(context, TakePlace(stage_, publish_.table_comment) << grants)
                   .While("put the stage in place as " + stage_.target.ToString()));
  SPILLWAY_ASSIGN(const Sql names, OwnNames(context, connection, stage_, oid_));
  published_.inserted = publish_.position.rows;
  published_.updated = published_.deleted = published_.unchanged = 0;
  return names.empty() ? Status() : connection.Execute(context, names);
}

Result<bool> TablePublish::Swap(const Context& context, Connection& connection) {
  const TableName aside{stage_.target.schema, stage_.table.table + "_old"};
  Sql place;
  place << "ALTER TABLE " << stage_.target << " RENAME TO " << Identifier(aside.table) << ";"
        << TakePlace(stage_, publish_.table_comment);
  SPILLWAY_TRY(connection.Execute(context, place)
                   .While("put the stage in place as " + stage_.target.ToString()));
  SPILLWAY_TRY(connection.Execute(context, Statements(attachments_.attach)));
  // Without CASCADE: whatever still hangs on the old table is a reason to apply instead.
  Sql drop = UnlockedAttachments(old_->oid);
  drop << "; DROP TABLE " << aside << ";" << Statements(attachments_.name);
  SPILLWAY_ASSIGN(const auto results, connection.Run(context, drop));
  if (results.front().text(0, 0) != unlocked_) return false;
  SPILLWAY_ASSIGN(Sql names, OwnNames(context, connection, stage_, oid_));
  SPILLWAY_TRY(connection.Execute(context, names << Statements(attachments_.settle))
                   .While("give the new table what others made of " + stage_.target.ToString()));
  return true;
}

Status TablePublish::Apply(const Context& context, Connection& connection) {
  Sql before = SetLockTimeout(publish_.lock_timeout);
  before << Statements(attachments_.defer);
  if (group_.size() > 1) before << "SET CONSTRAINTS ALL DEFERRED;";
  before << alignment_.before;
  if (Status aligned = connection.Execute(context, before); !aligned.ok()) {
    const auto state = aligned.detail("sqlstate");
    if (state == kTooManyColumns) {
      return PinnedError(
          stage_.target,
          "it has no room for more columns, since those dropped from it count too (" +
              std::string(aligned.message()) + ")",
          pinned_by_);
    }
    if (state != "0A000" && state != "2BP01") return aligned;
    return PinnedError(stage_.target, aligned.message(), pinned_by_);
  }
  Publish publish = publish_;
  // That the rows go was asked for when the table was taken over.
  if (IsReplaced(published_shape_)) publish.max_delete_percent = 100;
  auto applied = ApplyDifference(context, connection, publish, old_->oid, group_);
  if (!applied.ok()) return ReplicaIdentityError(std::move(applied).status(), stage_.target);
  const Difference& difference = *applied;
  unique_indexes_ = difference.unique_indexes;
  oid_ = old_->oid;
  published_.inserted = difference.inserted;
  published_.updated = difference.updated;
  published_.deleted = difference.deleted;
  published_.unchanged = difference.unchanged;
  return Status();
}

Status TablePublish::Complete(const Context& context, Connection& connection) {
  if (!old_) return Status();
  Sql sql;
  if (swaps()) {
    sql << Statements(attachments_.validate_group);
  } else {
    sql << unique_indexes_ << Statements(attachments_.undefer) << alignment_.indexes
        << alignment_.after << alignment_.comments;
  }
  if (Status done = sql.empty() ? Status() : connection.Execute(context, sql); !done.ok()) {
    return ConstraintError(std::move(done), stage_.target);
  }
  if (swaps()) return Status();
  return OwnDropError(connection.Execute(context, Sql() << "DROP TABLE " << stage_.table),
                      stage_.target);
}

Status TablePublish::Finish(const Context& context, Connection& connection) {
  SPILLWAY_ASSIGN(const std::string now, ReadShape(context, connection, oid_));
  SPILLWAY_TRY(
      RecordRelation(context, connection, stage_.fence, oid_,
                     OwnShape(now, stage_shape_, own_columns_, attachments_.indexes, publish_)));
  Sql sql;
  sql << "DELETE FROM spillway.stage_task WHERE stage_name = " << Literal(stage_.table.table)
      << "; DELETE FROM spillway.stage WHERE stage_name = " << Literal(stage_.table.table);
  SPILLWAY_TRY(connection.Execute(context, sql));
  return Notify(context, connection);
}

Status TablePublish::Notify(const Context& context, Connection& connection) {
  const nlohmann::json event = {{"event", "published"},
                                {"synced_table", stage_.fence.synced_table_id},
                                {"schema", stage_.target.schema},
                                {"table", stage_.target.table},
                                {"version", publish_.position.version},
                                {"rows", publish_.position.rows},
                                {"run", stage_.fence.run_id}};
  Sql sql;
  sql << "SELECT pg_notify('spillway', "
      << Literal(event.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace)) << ")";
  return connection.Execute(context, sql);
}

}  // namespace spillway::target::postgres

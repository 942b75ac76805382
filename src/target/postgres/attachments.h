#ifndef SPILLWAY_TARGET_POSTGRES_ATTACHMENTS_H_
#define SPILLWAY_TARGET_POSTGRES_ATTACHMENTS_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "target/postgres/session/connection.h"
#include "target/stage.h"

/// What others hang on a published table and a swap carries to the new one, as statements that the
/// server writes from its catalogs. Which kinds there are, and what cannot be carried, is told by
/// dependents.h; whatever is movable there has its statement here.
namespace spillway::target::postgres {

/// A statement, and for people what it carries; "" when that is not one thing.
struct CarryStatement {
  std::string sql;
  std::string object;
  bool operator==(const CarryStatement& other) const { return sql == other.sql; }
};

/// The statements, by the moment of a publish at which they are run; each list in its order.
struct Attachments {
  /// On the stage, before anything is locked: what takes time. Repeating them is harmless.
  std::vector<CarryStatement> build;
  /// Likewise, when `build` is committed: foreign keys against the rows. Those that refer to a
  /// table of the group cannot be held against it before the group is published.
  std::vector<CarryStatement> validate;
  /// In the publish, before the table's own lock: views, outermost first, and tables referred to.
  std::vector<std::string> lock;
  /// When the stage has the table's name, while the old table still exists: owner, owned sequences,
  /// views.
  std::vector<std::string> attach;
  /// When the old table is gone: indexes, constraints and statistics get their names.
  std::vector<std::string> name;
  /// When every index has its name: options, row security, triggers, rules, policies, grants,
  /// comments.
  std::vector<std::string> settle;
  /// When every table of the group has its new rows: the foreign keys left out of `validate`.
  std::vector<std::string> validate_group;
  /// For a table that stays: foreign keys to tables of the group made deferrable, and as they were.
  std::vector<std::string> defer;
  std::vector<std::string> undefer;
  /// Places in the group of the tables that this one's foreign keys refer to.
  std::vector<std::size_t> refers_to;
  /// Names of the indexes among them: not Spillway's own.
  std::vector<std::string> indexes;

  /// True when `other` asks for the same preparation of the stage and the same locks.
  bool SamePreparation(const Attachments& other) const {
    return build == other.build && validate == other.validate && lock == other.lock;
  }
};

/// Reads the attachments of relation `oid`, to be carried to `stage`. `published_shape` is what
/// Spillway left there; `own_columns` are the stage's columns before any statement was run on it;
/// `group` are the tables that are published together, this one among them.
base::Result<Attachments> ReadAttachments(const base::Context& context, Connection& connection,
                                          std::int64_t oid, const Stage& stage,
                                          std::string_view published_shape,
                                          const std::vector<std::string>& own_columns,
                                          const std::vector<TableName>& group);

/// A query: what is said of relation `oid` and may change in spite of every lock on the table, as
/// one text. Grants on it and its row type; names, comments, settings of its indexes and statistics
/// objects; extensions that its indexes and triggers depend on.
Sql UnlockedAttachments(std::int64_t oid);

/// The comment of a column of a stage that others compute in the table, until it is published.
inline constexpr std::string_view kCarriedColumn = "Spillway: carried";

/// An expression: what makes a generated column, after its name, from `column`, a row of
/// pg_attribute, and its `expression` as the server writes it.
Sql GeneratedDeclaration(SqlText column, SqlText expression);

/// The beginning of the names that indexes, constraints and statistics carried to `stage` have
/// until they are published.
std::string CarriedPrefix(const Stage& stage);

}  // namespace spillway::target::postgres

#endif  // SPILLWAY_TARGET_POSTGRES_ATTACHMENTS_H_

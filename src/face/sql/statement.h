#ifndef SPILLWAY_FACE_SQL_STATEMENT_H_
#define SPILLWAY_FACE_SQL_STATEMENT_H_

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/result.h"
#include "service/configuration.h"
#include "sync/definition.h"
#include "sync/definition_fields.h"

/// The SQL form of definitions and verbs: docs/reference/sql.md. Parses and prints; the command
/// line performs. Values; any thread.
namespace spillway::face::sql {

/// A part of the script, in bytes.
struct Span {
  std::size_t begin = 0;
  std::size_t end = 0;
};

struct CreateSyncedTable {
  bool if_not_exists = false;
  sync::Definition definition;  ///< not validated
};
struct AlterSyncedTable {
  std::string name;  ///< as service::ParseSyncedTableName reads it
  /// In the order given; without a value the field goes back to its default.
  std::vector<std::pair<const sync::Field*, std::optional<sync::FieldValue>>> fields;
};
struct DropSyncedTable {
  bool if_exists = false;
  std::string name;
  bool drop_table = false;  ///< of the target too
};
struct ShowSyncedTables {
  std::optional<std::string> like;
};
/// Verbs that are a word and names.
enum class Verb : std::uint8_t {
  kSync,
  kExplain,
  kResync,
  kPause,
  kResume,
  kDescribe,
  kShowCreate
};
struct OnSyncedTables {
  Verb verb = Verb::kSync;
  std::vector<std::string> names;
};
struct CreateTarget {
  bool if_not_exists = false;
  service::TargetDeclaration target;
};
struct CreateSource {
  bool if_not_exists = false;
  service::SourceDeclaration source;
};
enum class Registry : std::uint8_t { kTargets, kSources };
struct DropRegistered {
  Registry registry = Registry::kTargets;
  bool if_exists = false;
  std::string name;
};
struct ShowRegistered {
  Registry registry = Registry::kTargets;
};

struct Statement {
  std::variant<CreateSyncedTable, AlterSyncedTable, DropSyncedTable, ShowSyncedTables,
               OnSyncedTables, CreateTarget, CreateSource, DropRegistered, ShowRegistered>
      what;
  Span span;
  std::map<std::string, Span> fields;  ///< where each given field stands, by key
};

/// A text with the name to call it by in messages; empty: none is shown.
struct Script {
  std::string file;
  std::string text;
};

/// The statements of `script`, separated by semicolons; all of it is parsed or nothing. Errors:
/// INVALID_DEFINITION "FILE:LINE:COLUMN: WHAT", the line, and a caret under the token; details
/// file, line, column, token.
base::Result<std::vector<Statement>> Parse(const Script& script);

/// `error` of performing `statement`, with the place: that of the field which detail `field` names,
/// else of the statement.
base::Status At(const Script& script, const Statement& statement, const base::Status& error);

/// Bytes of the comment that `text` begins with, which may hold others: /* a /* b */ c */. npos
/// when it has no end; 0 when there is none.
std::size_t BlockCommentLength(std::string_view text);

/// Whether `text` ends outside of a statement: nothing after the last semicolon but space and
/// comments. An interactive reader asks for more while it does not.
bool IsComplete(std::string_view text);

/// CREATE SYNCED TABLE … of this definition, with semicolon and line break. What is left at its
/// default is left out.
std::string CreateStatement(const sync::Definition& definition);
/// CREATE TARGET and CREATE SOURCE.
std::string CreateStatement(const service::TargetDeclaration& target);
std::string CreateStatement(const service::SourceDeclaration& source);

/// Whether `text` is like `pattern`: % any characters, _ one, \ takes the next as it is.
bool IsLike(std::string_view text, std::string_view pattern);

/// The words that may begin or go on a statement, for completion.
std::vector<std::string> Keywords();

}  // namespace spillway::face::sql

#endif  // SPILLWAY_FACE_SQL_STATEMENT_H_

#ifndef SPILLWAY_FACE_SQL_EXPECTED_H_
#define SPILLWAY_FACE_SQL_EXPECTED_H_

#include <tao/pegtl.hpp>

#include "face/sql/grammar.h"

/// What to say when a rule of the grammar that must match does not: "expected …". Internal to
/// `parse.cc`, as the grammar is.
namespace spillway::face::sql {

namespace g = grammar;
namespace p = tao::pegtl;

/// Of a rule; null: it need not match.
template <typename Rule>
inline constexpr const char* kExpected = nullptr;
template <>
inline constexpr auto kExpected<g::CommentRest> = "the comment's end */";
template <>
inline constexpr auto kExpected<g::QuotedRest> = "the closing \"";
template <>
inline constexpr auto kExpected<g::TickedRest> = "the closing `";
template <>
inline constexpr auto kExpected<g::StringRest> = "the closing '";
template <>
inline constexpr auto kExpected<g::DotName> = "a name after the dot";
template <>
inline constexpr auto kExpected<g::PairValue> = "a value";
template <>
inline constexpr auto kExpected<g::NextEntry> = "a value";
template <>
inline constexpr auto kExpected<g::GroupEnd> = "a comma or the closing parenthesis";
template <>
inline constexpr auto kExpected<g::OptionEquals> = "=";
template <>
inline constexpr auto kExpected<g::OptionValue> =
    "a value: a 'text', a word, a number, or a list in parentheses";
template <>
inline constexpr auto kExpected<g::NextOption> = "an option's name";
template <>
inline constexpr auto kExpected<g::OptionsEnd> = "a comma or the closing parenthesis";
template <>
inline constexpr auto kExpected<g::WantExists> = "EXISTS";
template <>
inline constexpr auto kExpected<g::WantTable> = "TABLE";
template <>
inline constexpr auto kExpected<g::WantTables> = "TABLES";
template <>
inline constexpr auto kExpected<g::WantSyncedTable> = "TABLE or SYNCED TABLE";
template <>
inline constexpr auto kExpected<g::WantFrom> = "FROM";
template <>
inline constexpr auto kExpected<g::WantLakebase> = "LAKEBASE";
template <>
inline constexpr auto kExpected<g::WantInstance> = "INSTANCE";
template <>
inline constexpr auto kExpected<g::WantUrl> = "URL";
template <>
inline constexpr auto kExpected<g::WantSync> = "SYNC";
template <>
inline constexpr auto kExpected<g::WantSynced> = "SYNCED";
template <>
inline constexpr auto kExpected<g::WantTableName> = "a name";
template <>
inline constexpr auto kExpected<g::WantTableNames> = "the name of a synced table";
template <>
inline constexpr auto kExpected<g::WantName> = "a name";
template <>
inline constexpr auto kExpected<g::WantOptions> = "options in parentheses: (key = value, …)";
template <>
inline constexpr auto kExpected<g::WantText> = "a 'text'";
template <>
inline constexpr auto kExpected<g::SourceName> = "a source: a name, or a 'location'";
template <>
inline constexpr auto kExpected<g::WantCreated> = "SYNCED TABLE, TARGET or SOURCE";
template <>
inline constexpr auto kExpected<g::WantResetKeys> = "options in parentheses: (key, …)";
template <>
inline constexpr auto kExpected<g::ResetKey> = "an option's name";
template <>
inline constexpr auto kExpected<g::WantAlteration> = "SET or RESET";
template <>
inline constexpr auto kExpected<g::WantFate> = "KEEP TABLE or DROP TABLE";
template <>
inline constexpr auto kExpected<g::WantDropped> = "SYNCED TABLE, TARGET or SOURCE";
template <>
inline constexpr auto kExpected<g::WantShown> =
    "SYNCED TABLES, CREATE SYNCED TABLE, TARGETS or SOURCES";
template <>
inline constexpr auto kExpected<g::WantStatement> =
    "a statement: CREATE, ALTER, DROP, SHOW, DESCRIBE, SYNC, EXPLAIN, RESYNC, PAUSE or RESUME";
template <>
inline constexpr auto kExpected<g::StatementEnd> = "a semicolon or the end";

// Parts that always match.
template <typename... Rules>
inline constexpr auto kExpected<p::opt<Rules...>> = "";

}  // namespace spillway::face::sql

#endif  // SPILLWAY_FACE_SQL_EXPECTED_H_

#include "target/table_state.h"

#include <algorithm>
#include <string_view>

namespace spillway::target {
namespace {

// The reserved words of SQL that PostgreSQL reserves too: unquoted they would not be names. A space
// stands around each.
constexpr std::string_view kReserved =
    " all analyse analyze and any array as asc asymmetric authorization binary both case cast "
    "check collate collation column concurrently constraint create cross current_catalog "
    "current_date current_role current_schema current_time current_timestamp current_user "
    "default deferrable desc distinct do else end except false fetch for foreign freeze from "
    "full grant group having ilike in initially inner intersect into is isnull join lateral "
    "leading left like limit localtime localtimestamp natural not notnull null offset on only "
    "or order outer overlaps placing primary references returning right select session_user "
    "similar some symmetric system_user table tablesample then to trailing true union unique "
    "user using variadic verbose when where window with ";

bool NeedsQuotes(std::string_view name) {
  if (name.empty() || (name.front() >= '0' && name.front() <= '9')) return true;
  const bool plain = std::ranges::all_of(
      name, [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_'; });
  return !plain || kReserved.find(" " + std::string(name) + " ") != std::string_view::npos;
}

std::string Shown(std::string_view name) {
  if (!NeedsQuotes(name)) return std::string(name);
  std::string out = "\"";
  for (const char c : name) {
    if (c == '"') out += c;
    out += c;
  }
  return out + '"';
}

}  // namespace

std::string Dependent::ToString() const {
  const std::string_view first = std::string_view(name).substr(0, name.find(' '));
  for (std::size_t at = 0; at <= kind.size();) {
    const std::size_t end = std::min(kind.find(' ', at), kind.size());
    if (std::string_view(kind).substr(at, end - at) == first) return name;
    at = end + 1;
  }
  return kind + " " + name;
}

std::string TableName::ToString() const { return Shown(schema) + "." + Shown(table); }

}  // namespace spillway::target

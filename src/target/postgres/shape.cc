#include "target/postgres/shape.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>

namespace spillway::target::postgres {
namespace {

using base::Context;
using base::Result;
using Json = nlohmann::json;

// A column of a shape: name, type, NOT NULL, identity, generated, default, collation.
constexpr std::size_t kName = 0;
constexpr std::size_t kType = 1;
constexpr std::size_t kNotNull = 2;
constexpr std::size_t kGenerated = 4;
constexpr std::size_t kExpression = 5;
constexpr std::size_t kCollation = 6;
constexpr std::size_t kColumnParts = 7;

bool IsColumn(const Json& column) {
  return column.is_array() && column.size() == kColumnParts && column[kName].is_string() &&
         column[kType].is_string();
}

Json ListOf(const Json& shape, std::string_view key) {
  const auto found = shape.is_object() ? shape.find(key) : shape.end();
  return found == shape.end() || !found->is_array() ? Json::array() : *found;
}

Json ColumnsOf(std::string_view shape) {
  Json columns = Json::array();
  for (const Json& column : ListOf(Json::parse(shape, nullptr, false), "columns")) {
    if (IsColumn(column)) columns.push_back(column);
  }
  return columns;
}

bool Contains(const std::vector<std::string>& names, const Json& name) {
  return name.is_string() &&
         std::ranges::find(names, name.get_ref<const std::string&>()) != names.end();
}

// Where the part of `text` ends that begins at `begin` and runs to `end`, which counts outside of
// quotes only; npos: nowhere.
std::size_t FindUnquoted(std::string_view text, std::size_t begin, std::string_view end) {
  char quote = 0;
  for (std::size_t i = begin; i < text.size(); ++i) {
    if (quote == 0 && text.substr(i).starts_with(end)) return i;
    if (quote != 0) {
      if (text[i] == quote) quote = 0;
    } else if (text[i] == '"' || text[i] == '\'') {
      quote = text[i];
    }
  }
  return std::string_view::npos;
}

// Where an index's definition goes on when it has named index and table.
std::size_t TailOf(std::string_view index) { return FindUnquoted(index, 0, " USING "); }

// What an index's definition says of rows: whoever renames one, or tunes its storage, takes nothing
// away.
std::string FormOf(const Json& index) {
  constexpr std::string_view kIndex = "INDEX ";
  constexpr std::string_view kWith = " WITH (";
  std::string text = index.is_string() ? index.get<std::string>() : std::string();
  const auto name = text.find(kIndex);
  if (name == std::string::npos) return text;
  const auto on = FindUnquoted(text, name + kIndex.size(), " ON ");
  if (on == std::string::npos) return text;
  text.erase(name, on - name);
  const auto with = FindUnquoted(text, 0, kWith);
  if (with == std::string::npos) return text;
  const auto close = FindUnquoted(text, with + kWith.size(), ")");
  if (close != std::string::npos) text.erase(with, close + 1 - with);
  return text;
}

// The definition of a published index as Spillway made it on the stage: without what others changed
// of its storage.
Json AsMade(const Json& index, const Json& stage_indexes) {
  const std::string form = FormOf(index);
  for (const Json& made : stage_indexes) {
    if (!index.is_string() || !made.is_string()) continue;
    const auto& now = index.get_ref<const std::string&>();
    const auto& text = made.get_ref<const std::string&>();
    const auto now_tail = TailOf(now);
    const auto tail = TailOf(text);
    if (now_tail == std::string::npos || tail == std::string::npos) continue;
    std::string whole = now.substr(0, now_tail) + text.substr(tail);
    if (FormOf(whole) == form) return whole;
  }
  return index;
}

std::string Dump(const Json& json) {
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

}  // namespace

Result<std::string> ReadShape(const Context& context, Connection& connection, std::int64_t oid) {
  Sql sql;
  sql << "SELECT json_build_object('columns', (SELECT json_agg(json_build_array("
      << "a.attname, format_type(a.atttypid, a.atttypmod), a.attnotnull, a.attidentity,"
      << " a.attgenerated, pg_get_expr(d.adbin, d.adrelid),"
      << " CASE WHEN a.attcollation <> t.typcollation THEN a.attcollation::regcollation::text END)"
      << " ORDER BY a.attnum) FROM pg_attribute a JOIN pg_type t ON t.oid = a.atttypid"
      << " LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum"
      << " WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped),"
      << " 'key', (SELECT pg_get_constraintdef(k.oid) FROM pg_constraint k"
      << " WHERE k.conrelid = c.oid AND k.contype = 'p'),"
      << " 'indexes', (SELECT json_agg(pg_get_indexdef(i.indexrelid)"
      << " ORDER BY i.indexrelid) FROM pg_index i WHERE i.indrelid = c.oid),"
      << " 'index_names', (SELECT json_agg(n.relname ORDER BY i.indexrelid) FROM pg_index i"
      << " JOIN pg_class n ON n.oid = i.indexrelid WHERE i.indrelid = c.oid),"
      << " 'comments', (SELECT json_agg(json_build_array(coalesce(a.attname, ''), s.description)"
      << " ORDER BY s.objsubid) FROM pg_description s LEFT JOIN pg_attribute a"
      << " ON a.attrelid = c.oid AND a.attnum = s.objsubid AND s.objsubid > 0"
      << " WHERE s.objoid = c.oid"
      << " AND s.classoid = 'pg_class'::regclass))"
      << " FROM pg_class c WHERE c.oid = " << Literal(oid) << "::oid";
  SPILLWAY_ASSIGN(const Rows rows, connection.Query(context, sql));
  return rows.size() == 0 ? std::string() : std::string(rows.text(0, 0));
}

std::string DescribeShapeDifference(std::string_view published, std::string_view now) {
  const Json before = Json::parse(published, nullptr, false);
  const Json after = Json::parse(now, nullptr, false);
  if (!before.is_object() || !after.is_object()) return {};
  std::map<std::string, Json> now_by_name;
  for (const Json& column : ColumnsOf(now)) now_by_name.emplace(column[kName], column);
  std::vector<std::string> parts;
  for (const Json& column : ColumnsOf(published)) {
    const auto name = column[kName].get<std::string>();
    const auto found = now_by_name.find(name);
    if (found == now_by_name.end()) {
      parts.push_back("column " + name + " is gone");
    } else if (found->second[kType] != column[kType]) {
      parts.push_back("column " + name + " is " + found->second[kType].get<std::string>() +
                      ", was " + column[kType].get<std::string>());
    } else if (found->second[kGenerated] != column[kGenerated] ||
               (column[kGenerated] != "" && found->second[kExpression] != column[kExpression])) {
      parts.push_back("column " + name + " is generated in another way");
    } else if (found->second[kCollation] != column[kCollation]) {
      parts.push_back("column " + name + " has another collation");
    } else if (column[kNotNull] == true && found->second[kNotNull] != true) {
      parts.push_back("column " + name + " is no longer NOT NULL");
    }
  }
  std::vector<std::string> present;
  for (const Json& index : ListOf(after, "indexes")) present.push_back(FormOf(index));
  for (const Json& index : ListOf(before, "indexes")) {
    if (!Contains(present, FormOf(index))) {
      parts.push_back("an index is gone: " + index.get<std::string>());
    }
  }
  if (before.value("key", Json()) != after.value("key", Json())) {
    parts.emplace_back("the primary key changed");
  }
  return fmt::format("{}", fmt::join(parts, ", "));
}

std::string ShapeList(std::string_view shape, std::string_view key) {
  return Dump(ListOf(Json::parse(shape, nullptr, false), key));
}

std::vector<std::string> ShapeColumns(std::string_view shape) {
  std::vector<std::string> names;
  for (const Json& column : ColumnsOf(shape)) names.push_back(column[kName]);
  return names;
}

std::map<std::string, std::string> ShapeTypes(std::string_view shape) {
  std::map<std::string, std::string> types;
  for (const Json& column : ColumnsOf(shape)) types[column[kName]] = column[kType];
  return types;
}

std::vector<std::string> ShapeKey(std::string_view shape) {
  // As the server writes it: PRIMARY KEY (a, "B ""c""")
  constexpr std::string_view kBegin = "PRIMARY KEY (";
  std::vector<std::string> names;
  const Json document = Json::parse(shape, nullptr, false);
  const Json key = document.is_object() ? document.value("key", Json()) : Json();
  const std::string text = key.is_string() ? key.get<std::string>() : std::string();
  if (!text.starts_with(kBegin)) return names;
  const std::size_t end = FindUnquoted(text, kBegin.size(), ")");
  if (end == std::string::npos) return names;
  for (std::size_t at = kBegin.size(); at < end;) {
    const std::size_t comma = std::min(FindUnquoted(text, at, ", "), end);
    std::string name = text.substr(at, comma - at);
    if (name.starts_with('"')) {
      name = name.substr(1, name.size() - 2);
      for (std::size_t i = 0; (i = name.find("\"\"", i)) != std::string::npos; ++i)
        name.erase(i, 1);
    }
    names.push_back(std::move(name));
    at = comma + 2;
  }
  return names;
}

std::vector<std::string> ShapeNotNull(std::string_view shape) {
  std::vector<std::string> names;
  for (const Json& column : ColumnsOf(shape)) {
    if (column[kNotNull] == true) names.push_back(column[kName]);
  }
  return names;
}

std::vector<std::string> ShapeGenerated(std::string_view shape) {
  std::vector<std::string> names;
  for (const Json& column : ColumnsOf(shape)) {
    if (column[kGenerated] != "") names.push_back(column[kName]);
  }
  return names;
}

std::map<std::string, std::string> ShapeComments(std::string_view shape) {
  std::map<std::string, std::string> comments;
  for (const Json& comment : ListOf(Json::parse(shape, nullptr, false), "comments")) {
    if (comment.is_array() && comment.size() == 2 && comment[0].is_string() &&
        comment[1].is_string()) {
      comments[comment[0].get<std::string>()] = comment[1].get<std::string>();
    }
  }
  return comments;
}

bool HaveSameColumn(std::string_view shape, std::string_view other, std::string_view name) {
  const auto find = [&](std::string_view from) {
    for (Json column : ColumnsOf(from)) {
      if (column[kName] != name) continue;
      column.erase(kNotNull);
      return column;
    }
    return Json();
  };
  const Json column = find(shape);
  return !column.is_null() && column == find(other);
}

std::vector<std::string> LoadedOverOthers(std::string_view published, std::string_view now,
                                          const std::vector<Column>& columns) {
  const std::vector<std::string> ours = ShapeColumns(published);
  std::vector<std::string> names;
  if (ours.empty()) return names;
  for (const std::string& name : ShapeColumns(now)) {
    if (!Contains(ours, name) && std::ranges::find(columns, name, &Column::name) != columns.end()) {
      names.push_back(name);
    }
  }
  return names;
}

std::string OwnShape(std::string_view now, std::string_view stage_shape,
                     const std::vector<std::string>& own_columns,
                     const std::vector<std::string>& others_indexes, const Publish& publish) {
  const Json table = Json::parse(now, nullptr, false);
  Json shape = {{"key", table.is_object() ? table.value("key", Json()) : Json()}};
  Json& columns = shape["columns"] = Json::array();
  std::map<std::string, Json> present;
  for (const Json& column : ColumnsOf(now)) present.emplace(column[kName], column);
  for (Json column : ColumnsOf(stage_shape)) {
    const auto found = present.find(column[kName]);
    if (!Contains(own_columns, column[kName]) || found == present.end()) continue;
    // Rows are the same under every collation: the one that is there stays.
    column[kCollation] = found->second[kCollation];
    columns.push_back(std::move(column));
  }
  Json& indexes = shape["indexes"] = Json::array();
  const Json definitions = ListOf(table, "indexes");
  const Json names = ListOf(table, "index_names");
  const Json made = ListOf(Json::parse(stage_shape, nullptr, false), "indexes");
  for (std::size_t i = 0; i < definitions.size() && i < names.size(); ++i) {
    if (!Contains(others_indexes, names[i])) {
      indexes.push_back(AsMade(definitions[i], made));
    }
  }
  Json& comments = shape["comments"] = Json::array();
  if (!publish.table_comment.empty()) comments.push_back({"", publish.table_comment});
  for (const Column& column : publish.stage.columns) {
    if (!column.comment.empty()) comments.push_back({column.name, column.comment});
  }
  return Dump(shape);
}

}  // namespace spillway::target::postgres

#include "target/postgres/relation.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>
#include <utility>

#include "target/postgres/bookkeeping.h"

namespace spillway::target::postgres {
namespace {

using base::Context;
using base::ErrorClass;
using base::Result;
using base::Status;
using Json = nlohmann::json;

std::string_view KindOf(std::string_view relkind) {
  if (relkind == "r") return "table";
  if (relkind == "v") return "view";
  if (relkind == "m") return "materialized view";
  if (relkind == "i" || relkind == "I") return "index";
  if (relkind == "S") return "sequence";
  if (relkind == "f") return "foreign table";
  if (relkind == "p") return "partitioned table";
  return "type";
}

}  // namespace

Result<std::optional<Relation>> FindRelation(const Context& context, Connection& connection,
                                             const TableName& table, bool has_layout) {
  Sql sql;
  sql << "SELECT oid, relkind, pg_get_userbyid(relowner),"
      << " pg_has_role(relowner, 'MEMBER'), ";
  if (has_layout) {
    // A logical copy of the database has other oids; there the name must do.
    sql << "(SELECT p.synced_table_id FROM spillway.position p WHERE p.table_oid = r.oid"
        << " OR (p.schema_name = " << Literal(table.schema)
        << " AND p.table_name = " << Literal(table.table)
        << " AND p.published_fence IS NOT NULL AND p.system_identifier <> "
        << Literal(connection.facts().system_identifier) << ")"
        << " ORDER BY p.table_oid = r.oid DESC LIMIT 1)";
  } else {
    sql << "NULL";
  }
  // A free-standing type of that name keeps a table away too: a table has a row type.
  sql << " FROM (SELECT c.oid, c.relkind::text, c.relowner, 1 AS rank FROM pg_class c"
      << " JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = "
      << Literal(table.schema) << " AND c.relname = " << Literal(table.table)
      << " UNION ALL SELECT t.oid, '', t.typowner, 2 FROM pg_type t JOIN pg_namespace n"
      << " ON n.oid = t.typnamespace WHERE n.nspname = " << Literal(table.schema)
      << " AND t.typname = " << Literal(table.table)
      << " AND t.typrelid = 0 AND t.typelem = 0) AS r ORDER BY rank LIMIT 1";
  SPILLWAY_ASSIGN(const Rows rows, connection.Query(context, sql));
  if (rows.size() == 0) return std::optional<Relation>();
  Relation relation;
  relation.oid = rows.number(0, 0);
  relation.kind = KindOf(rows.text(0, 1));
  relation.owner = rows.text(0, 2);
  relation.may_drop = rows.boolean(0, 3);
  relation.owned_by_id = rows.text(0, 4);
  return std::optional<Relation>(std::move(relation));
}

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
      << " ORDER BY pg_get_indexdef(i.indexrelid)) FROM pg_index i WHERE i.indrelid = c.oid),"
      << " 'comments', (SELECT json_agg(json_build_array(s.objsubid, s.description)"
      << " ORDER BY s.objsubid) FROM pg_description s WHERE s.objoid = c.oid"
      << " AND s.classoid = 'pg_class'::regclass))"
      << " FROM pg_class c WHERE c.oid = " << Literal(oid) << "::oid";
  SPILLWAY_ASSIGN(const Rows rows, connection.Query(context, sql));
  return rows.size() == 0 ? std::string() : std::string(rows.text(0, 0));
}

std::string DescribeShapeDifference(std::string_view published, std::string_view now) {
  const Json before = Json::parse(published, nullptr, false);
  const Json after = Json::parse(now, nullptr, false);
  const auto columns = [](const Json& shape) {
    std::map<std::string, Json> by_name;
    if (!shape.is_object() || !shape.contains("columns") || !shape["columns"].is_array()) {
      return by_name;
    }
    for (const Json& column : shape["columns"]) {
      if (column.is_array() && column.size() > 1 && column[0].is_string()) {
        by_name.emplace(column[0].get<std::string>(), column);
      }
    }
    return by_name;
  };
  const auto type = [](const Json& column) {
    return column[1].is_string() ? column[1].get<std::string>() : std::string("?");
  };
  const auto old_columns = columns(before);
  const auto new_columns = columns(after);
  std::vector<std::string> parts;
  for (const auto& [name, column] : old_columns) {
    const auto found = new_columns.find(name);
    if (found == new_columns.end()) {
      parts.push_back("column " + name + " is gone");
    } else if (type(found->second) != type(column)) {
      parts.push_back("column " + name + " is " + type(found->second) + ", was " + type(column));
    } else if (found->second != column) {
      parts.push_back("column " + name + " has another default, NOT NULL or collation");
    }
  }
  for (const auto& [name, column] : new_columns) {
    if (!old_columns.contains(name)) parts.push_back("column " + name + " was added");
  }
  if (before.is_object() && after.is_object() &&
      before.value("key", Json()) != after.value("key", Json())) {
    parts.push_back("the primary key changed");
  }
  if (parts.empty() && before.is_object() && after.is_object() &&
      before.value("columns", Json()) != after.value("columns", Json())) {
    return "its columns are in another order";
  }
  return fmt::format("{}", fmt::join(parts, ", "));
}

namespace {

// The published list `key` of a shape: index definitions, or comments with their column numbers.
Json ShapeList(std::string_view shape, const char* key) {
  const Json json = Json::parse(shape, nullptr, false);
  if (!json.is_object() || !json.contains(key) || !json[key].is_array()) return Json::array();
  return json[key];
}

// Common table expressions: r, the relation; own_index, the indexes that Spillway left; own, what
// is part of the relation and comes with any new one.
Sql OwnObjects(std::int64_t oid, std::string_view published_shape) {
  Sql sql;
  sql << "WITH r AS (SELECT c.*, t.typarray FROM pg_class c LEFT JOIN pg_type t"
      << " ON t.oid = c.reltype WHERE c.oid = " << Literal(oid) << "::oid),"
      << " own_index AS (SELECT i.* FROM pg_index i, r WHERE i.indrelid = r.oid"
      << " AND pg_get_indexdef(i.indexrelid) IN (SELECT json_array_elements_text("
      << Literal(ShapeList(published_shape, "indexes").dump()) << "::json))),"
      << " own(classid, objid) AS ("
      << "SELECT 'pg_class'::regclass::oid, r.oid FROM r"
      << " UNION ALL SELECT 'pg_class'::regclass::oid, r.reltoastrelid FROM r"
      << " UNION ALL SELECT 'pg_class'::regclass::oid, i.indexrelid FROM pg_index i, r"
      << " WHERE i.indrelid = r.reltoastrelid"
      << " UNION ALL SELECT 'pg_type'::regclass::oid, r.reltype FROM r"
      << " UNION ALL SELECT 'pg_type'::regclass::oid, r.typarray FROM r"
      << " UNION ALL SELECT 'pg_class'::regclass::oid, indexrelid FROM own_index"
      << " UNION ALL SELECT 'pg_constraint'::regclass::oid, k.oid FROM pg_constraint k, r"
      << " WHERE k.conrelid = r.oid AND (k.contype = 'n' OR (k.contype = 'p'"
      << " AND k.conindid IN (SELECT indexrelid FROM own_index))))";
  return sql;
}

// What pg_depend knows: objects outside of `own` that refer to an object in it.
Sql ReferringObjects() {
  Sql sql;
  sql << " SELECT CASE WHEN w.oid IS NULL OR w.ev_class = r.oid THEN i.type"
      << " WHEN v.relkind = 'm' THEN 'materialized view'"
      << " WHEN v.relkind = 'v' THEN 'view' ELSE 'rule' END,"
      << " CASE WHEN v.relkind IN ('m', 'v')"
      << " THEN pg_describe_object('pg_class'::regclass, w.ev_class, 0)"
      << " ELSE pg_describe_object(d.classid, d.objid, d.objsubid) END"
      << " FROM r, pg_depend d JOIN own o ON o.classid = d.refclassid AND o.objid = d.refobjid"
      << " LEFT JOIN pg_rewrite w ON d.classid = 'pg_rewrite'::regclass AND w.oid = d.objid"
      << " LEFT JOIN pg_class v ON v.oid = w.ev_class"
      << " LEFT JOIN pg_trigger g ON d.classid = 'pg_trigger'::regclass AND g.oid = d.objid"
      << " LEFT JOIN LATERAL pg_identify_object(d.classid, d.objid, d.objsubid) i ON true"
      << " WHERE NOT EXISTS (SELECT FROM own p WHERE p.classid = d.classid AND p.objid = d.objid)"
      << " AND g.tgisinternal IS NOT TRUE";
  return sql;
}

// What the relation carries itself.
Sql Properties() {
  Sql sql;
  sql << " UNION SELECT p.kind, p.name FROM r, LATERAL (VALUES"
      << " (r.reltablespace <> 0, 'tablespace',"
      << " (SELECT spcname::text FROM pg_tablespace s WHERE s.oid = r.reltablespace)),"
      << " (r.relreplident <> 'd', 'replica identity', r.relreplident::text),"
      << " (r.relpersistence <> 'p', 'persistence', 'unlogged or temporary'),"
      << " (r.relrowsecurity OR r.relforcerowsecurity, 'row security', 'enabled'),"
      << " (r.reloptions IS NOT NULL, 'storage parameters', array_to_string(r.reloptions, ', ')),"
      << " (r.reloftype <> 0, 'type', format_type(r.reloftype, NULL)),"
      << " (r.relispartition, 'partition', 'of another table'),"
      << " (r.relam <> (SELECT oid FROM pg_am WHERE amname = 'heap'), 'access method',"
      << " (SELECT amname::text FROM pg_am m WHERE m.oid = r.relam))"
      << ") AS p(present, kind, name) WHERE p.present"
      << " UNION SELECT 'storage parameters', 'toast: ' || array_to_string(t.reloptions, ', ')"
      << " FROM r JOIN pg_class t ON t.oid = r.reltoastrelid WHERE t.reloptions IS NOT NULL"
      << " UNION SELECT 'inheritance', h.inhparent::regclass::text || ' > ' ||"
      << " h.inhrelid::regclass::text FROM pg_inherits h, r WHERE r.oid IN (h.inhparent, "
         "h.inhrelid)"
      << " UNION SELECT 'clustering', i.indexrelid::regclass::text FROM own_index i"
      << " WHERE i.indisclustered"
      << " UNION SELECT 'tablespace', i.indexrelid::regclass::text FROM own_index i"
      << " JOIN pg_class c ON c.oid = i.indexrelid WHERE c.reltablespace <> 0"
      << " UNION SELECT 'extension', pg_describe_object(d.refclassid, d.refobjid, 0)"
      << " FROM pg_depend d, r WHERE d.classid = 'pg_class'::regclass AND d.objid = r.oid"
      << " AND d.deptype IN ('e', 'x')"
      << " UNION SELECT 'security label', l.provider FROM pg_seclabel l JOIN own o"
      << " ON o.classid = l.classoid AND o.objid = l.objoid"
      << " UNION SELECT 'comment', 'on ' || pg_describe_object(s.classoid, s.objoid, s.objsubid)"
      << " FROM pg_description s JOIN own o ON o.classid = s.classoid AND o.objid = s.objoid, r"
      << " WHERE o.objid <> r.oid"
      << " UNION SELECT 'subscription', s.srsubid::text FROM pg_subscription_rel s, r"
      << " WHERE s.srrelid = r.oid"
      << " UNION SELECT 'publication', p.pubname || ' (all tables)' FROM pg_publication p"
      << " WHERE p.puballtables"
      << " UNION SELECT 'grant', x.privilege_type || ' by ' || pg_get_userbyid(x.grantor)"
      << " FROM r, LATERAL aclexplode(r.relacl) x WHERE x.grantor <> r.relowner";
  return sql;
}

// What its columns carry. Option pg_attver is a stamp that some builds of the server give every
// column by themselves.
Sql ColumnProperties() {
  Sql sql;
  sql << " UNION SELECT p.kind, 'column ' || quote_ident(a.attname) FROM r"
      << " JOIN pg_attribute a ON a.attrelid = r.oid AND a.attnum > 0 AND NOT a.attisdropped"
      << " JOIN pg_type t ON t.oid = a.atttypid, LATERAL (VALUES"
      << " (coalesce(a.attstattarget, -1) >= 0, 'statistics target'),"
      << " (EXISTS (SELECT FROM unnest(a.attoptions) o WHERE o NOT LIKE 'pg_attver=%'), 'options'),"
      << " (a.attacl IS NOT NULL, 'grant'),"
      << " (a.attcompression <> '', 'compression'),"
      << " (a.attstorage <> t.typstorage, 'storage'),"
      << " (a.attidentity <> '', 'identity')"
      << ") AS p(present, kind) WHERE p.present";
  return sql;
}

}  // namespace

Result<std::vector<Dependent>> FindDependents(const Context& context, Connection& connection,
                                              std::int64_t oid, std::string_view published_shape) {
  Sql sql = OwnObjects(oid, published_shape);
  sql << " SELECT DISTINCT kind, name FROM (" << ReferringObjects() << Properties()
      << ColumnProperties();
  if (connection.facts().server_version >= 150000) {
    sql << " UNION SELECT 'publication', p.pubname || ' (of the schema)'"
        << " FROM pg_publication_namespace n JOIN pg_publication p ON p.oid = n.pnpubid, r"
        << " WHERE n.pnnspid = r.relnamespace";
  }
  sql << ") AS found(kind, name) ORDER BY kind, name";
  SPILLWAY_ASSIGN(const Rows rows, connection.Query(context, sql));
  std::vector<Dependent> dependents;
  for (int row = 0; row < rows.size(); ++row) {
    dependents.push_back({std::string(rows.text(row, 0)), std::string(rows.text(row, 1))});
  }
  SPILLWAY_ASSIGN(const std::string now, ReadShape(context, connection, oid));
  if (const auto difference = DescribeShapeDifference(published_shape, now); !difference.empty()) {
    dependents.push_back({"change of columns", difference});
  }
  const Json published_comments = ShapeList(published_shape, "comments");
  for (const Json& comment : ShapeList(now, "comments")) {
    if (std::find(published_comments.begin(), published_comments.end(), comment) !=
        published_comments.end()) {
      continue;
    }
    const bool on_table = comment.is_array() && comment.size() == 2 && comment[0] == 0;
    dependents.push_back({"comment", on_table ? "on the table" : "on a column"});
  }
  return dependents;
}

Status DependentsError(const TableName& table, const std::vector<Dependent>& dependents) {
  std::string names;
  for (const Dependent& dependent : dependents) {
    if (!names.empty()) names += "; ";
    names += dependent.kind + " " + dependent.name;
  }
  return Status(ErrorClass::kDependentObjectsStillExist,
                "replacing " + table.ToString() + " would lose what others made: " + names)
      .With("table", table.ToString())
      .With("dependents", names);
}

}  // namespace spillway::target::postgres

#include "target/postgres/dependents.h"

#include <algorithm>
#include <iterator>

#include "target/postgres/adopt.h"
#include "target/postgres/own_indexes.h"
#include "target/postgres/shape.h"

namespace spillway::target::postgres {
namespace {

using base::Context;
using base::Result;

// Common table expressions: r, the relation; own_index, the indexes that Spillway left; own, what
// is part of the relation and comes with any new one.
Sql OwnObjects(std::int64_t oid, std::string_view shape) {
  Sql sql;
  sql << "WITH r AS (SELECT c.*, t.typarray FROM pg_class c LEFT JOIN pg_type t"
      << " ON t.oid = c.reltype WHERE c.oid = " << Literal(oid) << "::oid),"
      << " " << OwnIndexes("r", shape) << ","
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

// Whether attachments.h can carry the object of a row of pg_depend, and we may.
Sql MayCarry() {
  Sql sql;
  sql << "CASE WHEN w.oid IS NOT NULL THEN w.ev_class = r.oid OR (v.relkind = 'v'"
      // Another session's temporary view is seen and cannot be touched.
      << " AND v.relpersistence <> 't' AND w.ev_type = '1' AND pg_has_role(v.relowner, 'USAGE')"
      << " AND has_schema_privilege(v.relnamespace, 'CREATE'))"
      << " WHEN d.classid = 'pg_trigger'::regclass THEN g.tgrelid = r.oid"
      << " AND has_function_privilege(g.tgfoid, 'EXECUTE')"
      << " WHEN d.classid = 'pg_policy'::regclass THEN EXISTS (SELECT FROM pg_policy p"
      << " WHERE p.oid = d.objid AND p.polrelid = r.oid)"
      << " WHEN d.classid = 'pg_statistic_ext'::regclass THEN EXISTS (SELECT FROM pg_statistic_ext "
         "s"
      << " WHERE s.oid = d.objid AND s.stxrelid = r.oid AND pg_has_role(s.stxowner, 'USAGE')"
      << " AND has_schema_privilege(s.stxnamespace, 'CREATE'))"
      << " WHEN d.classid = 'pg_attrdef'::regclass THEN EXISTS (SELECT FROM pg_attrdef f"
      << " WHERE f.oid = d.objid AND f.adrelid = r.oid)"
      << " WHEN d.classid = 'pg_constraint'::regclass THEN EXISTS (SELECT FROM pg_constraint k"
      << " WHERE k.oid = d.objid AND k.conrelid = r.oid AND (k.contype IN ('c', 'u', 'x', 't')"
      << " OR (k.contype = 'f' AND k.confrelid <> r.oid AND k.conparentid = 0"
      << " AND has_table_privilege(k.confrelid, 'REFERENCES')"
      << " AND has_table_privilege(k.confrelid, 'UPDATE, DELETE, TRUNCATE'))))"
      << " WHEN d.classid = 'pg_class'::regclass THEN EXISTS (SELECT FROM pg_class c LEFT JOIN"
      << " pg_index i ON i.indexrelid = c.oid WHERE c.oid = d.objid AND (c.relkind = 'i'"
      << " AND i.indrelid = r.oid AND i.indisvalid OR c.relkind = 'S' AND d.deptype = 'a'"
      << " AND pg_has_role(c.relowner, 'USAGE') AND c.relnamespace = r.relnamespace))"
      << " ELSE false END";
  return sql;
}

// Whether everything that the object of a row of pg_depend refers to can be named by us, as is
// needed to make it again.
Sql MayName() {
  Sql sql;
  sql << "NOT EXISTS (SELECT FROM pg_depend q LEFT JOIN pg_class qc"
      << " ON q.refclassid = 'pg_class'::regclass AND qc.oid = q.refobjid LEFT JOIN pg_proc qf"
      << " ON q.refclassid = 'pg_proc'::regclass AND qf.oid = q.refobjid LEFT JOIN pg_type qt"
      << " ON q.refclassid = 'pg_type'::regclass AND qt.oid = q.refobjid LEFT JOIN pg_operator qo"
      << " ON q.refclassid = 'pg_operator'::regclass AND qo.oid = q.refobjid"
      << " WHERE q.classid = d.classid AND q.objid = d.objid AND NOT has_schema_privilege(coalesce("
      << "qc.relnamespace, qf.pronamespace, qt.typnamespace, qo.oprnamespace), 'USAGE'))";
  return sql;
}

// Of a row of pg_depend: what the object is called by those who made it.
Sql ObjectKind() {
  Sql sql;
  sql << "CASE WHEN w.oid IS NULL OR w.ev_class = r.oid THEN i.type"
      << " WHEN v.relkind = 'm' THEN 'materialized view'"
      << " WHEN v.relkind = 'v' THEN 'view' ELSE 'rule' END";
  return sql;
}

Sql ObjectName() {
  Sql sql;
  sql << "CASE WHEN v.relkind IN ('m', 'v')"
      << " THEN pg_describe_object('pg_class'::regclass, w.ev_class, 0)"
      << " ELSE pg_describe_object(d.classid, d.objid, d.objsubid) END";
  return sql;
}

// The rows d of pg_depend by which objects outside of `own` refer to one in it.
Sql References() {
  Sql sql;
  sql << " FROM r CROSS JOIN pg_depend d JOIN own o ON o.classid = d.refclassid"
      << " AND o.objid = d.refobjid"
      << " LEFT JOIN pg_rewrite w ON d.classid = 'pg_rewrite'::regclass AND w.oid = d.objid"
      << " LEFT JOIN pg_class v ON v.oid = w.ev_class"
      << " LEFT JOIN pg_trigger g ON d.classid = 'pg_trigger'::regclass AND g.oid = d.objid"
      << " LEFT JOIN LATERAL pg_identify_object(d.classid, d.objid, d.objsubid) i ON true"
      << " WHERE NOT EXISTS (SELECT FROM own p WHERE p.classid = d.classid AND p.objid = d.objid)"
      << " AND g.tgisinternal IS NOT TRUE";
  return sql;
}

// What the dependency catalogs know.
Sql ReferringObjects() {
  Sql sql;
  sql << " SELECT " << ObjectKind() << ", " << ObjectName() << ", " << MayCarry() << " AND "
      << MayName()
      << References()
      // What refers to shared objects: owner, grants, policies' roles and tablespaces are known.
      << " UNION ALL SELECT 'shared dependency', pg_describe_object(d.refclassid, d.refobjid, 0),"
      << " false FROM pg_shdepend d, r WHERE d.classid = 'pg_class'::regclass AND d.objid = r.oid"
      << " AND d.dbid = (SELECT oid FROM pg_database WHERE datname = current_database())"
      << " AND d.deptype NOT IN ('o', 'a', 'i', 'r', 't')"
      // An extension that owns the table or something on it, or takes it along when it goes.
      << " UNION ALL SELECT 'extension', pg_describe_object(d.refclassid, d.refobjid, 0) || CASE"
      << " WHEN d.classid = 'pg_class'::regclass AND d.objid = r.oid THEN '' ELSE ' with ' ||"
      << " pg_describe_object(d.classid, d.objid, 0) END, d.deptype = 'x' AND (d.classid ="
      << " 'pg_trigger'::regclass OR EXISTS (SELECT FROM pg_index m WHERE m.indrelid = r.oid"
      << " AND d.classid = 'pg_class'::regclass AND m.indexrelid = d.objid))"
      << " FROM r CROSS JOIN pg_depend d WHERE d.deptype IN ('e', 'x') AND (d.classid, d.objid) IN "
         "(SELECT * FROM own UNION"
      << " SELECT n.classid, n.objid FROM pg_depend n JOIN own o ON o.classid = n.refclassid"
      << " AND o.objid = n.refobjid)";
  return sql;
}

// What the relation carries itself.
Sql Properties() {
  Sql sql;
  sql << " UNION ALL SELECT p.kind, p.name, p.movable FROM r, LATERAL (VALUES"
      << " (r.reltablespace <> 0, 'tablespace',"
      << " (SELECT spcname::text FROM pg_tablespace s WHERE s.oid = r.reltablespace),"
      << " r.reltablespace = 0 OR has_tablespace_privilege(nullif(r.reltablespace, 0), 'CREATE')),"
      << " (r.relreplident <> 'd', 'replica identity', r.relreplident::text, true),"
      << " (r.relpersistence <> 'p', 'persistence', 'unlogged or temporary', false),"
      << " (r.relrowsecurity OR r.relforcerowsecurity, 'row security', 'enabled', true),"
      << " (r.reloptions IS NOT NULL, 'storage parameters', array_to_string(r.reloptions, ', '),"
      << " true),"
      << " (r.reloftype <> 0, 'type', format_type(r.reloftype, NULL), false),"
      << " (r.relispartition, 'partition', 'of another table', false),"
      << " (r.relam <> (SELECT oid FROM pg_am WHERE amname = 'heap'), 'access method',"
      << " (SELECT amname::text FROM pg_am m WHERE m.oid = r.relam), false)"
      << ") AS p(present, kind, name, movable) WHERE p.present"
      << " UNION ALL SELECT 'storage parameters', 'toast: ' || array_to_string(t.reloptions, ', '),"
      << " true FROM r JOIN pg_class t ON t.oid = r.reltoastrelid WHERE t.reloptions IS NOT NULL"
      << " UNION ALL SELECT 'inheritance', h.inhparent::regclass::text || ' > ' ||"
      << " h.inhrelid::regclass::text, false FROM pg_inherits h, r"
      << " WHERE r.oid IN (h.inhparent, h.inhrelid)"
      << " UNION ALL SELECT 'index', pg_describe_object('pg_class'::regclass, i.indexrelid, 0), "
         "true"
      << " FROM own_index i WHERE NOT i.untouched"
      << " UNION ALL SELECT 'clustering', i.indexrelid::regclass::text, true FROM own_index i"
      << " WHERE i.indisclustered"
      << " UNION ALL SELECT 'statistics target', pg_describe_object('pg_class'::regclass,"
      << " i.indexrelid, 0), true FROM own_index i JOIN pg_attribute a ON a.attrelid = i.indexrelid"
      << " AND a.attstattarget >= 0"
      // DISABLE TRIGGER ALL reaches those of foreign keys, on both sides.
      << " UNION ALL SELECT 'trigger', 'of ' || pg_describe_object('pg_constraint'::regclass, "
         "k.oid,"
      << " 0) || ', not enabled as made', false FROM r JOIN pg_constraint k ON k.conrelid = r.oid"
      << " JOIN pg_trigger g ON g.tgconstraint = k.oid AND g.tgisinternal AND g.tgenabled <> 'O'"
      << " UNION ALL SELECT 'tablespace', i.indexrelid::regclass::text, false FROM own_index i"
      << " JOIN pg_class c ON c.oid = i.indexrelid WHERE c.reltablespace <> 0";
  return sql;
}

// What other catalogs say of it.
Sql Mentions() {
  Sql sql;
  sql << " UNION ALL SELECT 'security label', l.provider, false FROM pg_seclabel l JOIN own o"
      << " ON o.classid = l.classoid AND o.objid = l.objoid"
      << " UNION ALL SELECT 'comment', 'on ' || pg_describe_object(s.classoid, s.objoid,"
      << " s.objsubid), c.relkind = 'i' OR k.oid IS NOT NULL FROM r CROSS JOIN pg_description s"
      << " JOIN own o ON o.classid = s.classoid AND o.objid = s.objoid"
      << " LEFT JOIN pg_class c ON s.classoid = 'pg_class'::regclass AND c.oid = s.objoid"
      << " LEFT JOIN pg_constraint k ON s.classoid = 'pg_constraint'::regclass AND k.oid = s.objoid"
      << " WHERE o.objid <> r.oid"
      << " UNION ALL SELECT 'comment', CASE s.objsubid WHEN 0 THEN 'on the table' ELSE 'on a "
         "column'"
      << " END, s.objsubid >= 0 FROM r JOIN pg_description s ON s.classoid = 'pg_class'::regclass"
      << " AND s.objoid = r.oid LEFT JOIN pg_attribute a ON a.attrelid = r.oid"
      << " AND a.attnum = s.objsubid AND s.objsubid > 0 WHERE NOT EXISTS (SELECT FROM own_comment c"
      << " WHERE c.name = coalesce(a.attname, '') AND c.description = s.description)"
      << " UNION ALL SELECT 'subscription', s.srsubid::text, false FROM pg_subscription_rel s, r"
      << " WHERE s.srrelid = r.oid"
      << " UNION ALL SELECT 'publication', p.pubname || ' (all tables)', false FROM pg_publication "
         "p"
      << " WHERE p.puballtables"
      << " UNION ALL SELECT 'grant', x.privilege_type || ' by ' || pg_get_userbyid(x.grantor), "
         "false"
      << " FROM r, LATERAL aclexplode(r.relacl) x WHERE x.grantor <> r.relowner"
      << " UNION ALL SELECT 'grant', x.privilege_type || ' by ' || pg_get_userbyid(x.grantor), "
         "false"
      << " FROM r JOIN pg_attribute a ON a.attrelid = r.oid, LATERAL aclexplode(a.attacl) x"
      << " WHERE x.grantor <> r.relowner"
      << " UNION ALL SELECT 'grant', 'column ' || a.attname, false FROM r JOIN pg_attribute a"
      << " ON a.attrelid = r.oid AND a.attnum < 0 WHERE a.attacl IS NOT NULL"
      << " UNION ALL SELECT 'grant', 'on the row type', false FROM r JOIN pg_type t"
      << " ON t.oid = r.reltype WHERE t.typacl <> acldefault('T', t.typowner)";
  return sql;
}

// What its columns carry. Option pg_attver is a stamp that some builds of the server give every
// column by themselves.
Sql ColumnProperties() {
  Sql sql;
  sql << " UNION ALL SELECT p.kind, 'column ' || quote_ident(a.attname), p.movable FROM r"
      << " JOIN pg_attribute a ON a.attrelid = r.oid AND a.attnum > 0 AND NOT a.attisdropped"
      << " JOIN pg_type t ON t.oid = a.atttypid LEFT JOIN own_column o ON o.name = a.attname,"
      << " LATERAL (VALUES (coalesce(a.attstattarget, -1) >= 0, 'statistics target', true),"
      << " (EXISTS (SELECT FROM unnest(a.attoptions) o WHERE o NOT LIKE 'pg_attver=%'), 'options',"
      << " true),"
      << " (a.attacl IS NOT NULL, 'grant', true),"
      << " (a.attcompression <> '', 'compression', true),"
      << " (a.attstorage <> t.typstorage, 'storage', true),"
      << " (a.attidentity <> '', 'identity', false),"
      << " (a.attnotnull AND o.not_null IS FALSE, 'not null', true),"
      << " (o.name IS NULL AND a.attgenerated <> '', 'generated column', true),"
      << " (o.name IS NULL AND a.attgenerated = '', 'column of others', false)"
      << ") AS p(present, kind, movable) WHERE p.present";
  return sql;
}

}  // namespace

Result<std::vector<Dependent>> FindDependents(const Context& context, Connection& connection,
                                              std::int64_t oid, std::string_view published_shape) {
  Sql sql = OwnObjects(oid, published_shape);
  sql << ", own_column AS (SELECT e->>0 AS name, (e->>2)::boolean AS not_null"
      << " FROM json_array_elements(" << Literal(ShapeList(published_shape, "columns"))
      << "::json) e), own_comment AS (SELECT e->>0 AS name, e->>1 AS description"
      << " FROM json_array_elements(" << Literal(ShapeList(published_shape, "comments"))
      << "::json) e)"
      << " SELECT kind, name, bool_and(coalesce(movable, false)) FROM (" << ReferringObjects()
      << Properties() << Mentions() << ColumnProperties()
      << " UNION ALL SELECT 'publication', p.pubname || ' (of the schema)', false"
      << " FROM pg_publication_namespace n JOIN pg_publication p ON p.oid = n.pnpubid, r"
      << " WHERE n.pnnspid = r.relnamespace) AS found(kind, name, movable) GROUP BY kind, name "
         "ORDER BY kind, name";
  SPILLWAY_ASSIGN(const Rows rows, connection.Query(context, sql));
  std::vector<Dependent> dependents;
  for (int row = 0; row < rows.size(); ++row) {
    dependents.push_back(
        {std::string(rows.text(row, 0)), std::string(rows.text(row, 1)), rows.boolean(row, 2)});
  }
  return dependents;
}

Result<std::vector<ColumnUser>> FindColumnUsers(const Context& context, Connection& connection,
                                                std::int64_t oid, std::string_view published_shape,
                                                const std::vector<std::string>& columns) {
  std::vector<ColumnUser> users;
  if (columns.empty()) return users;
  Sql sql = OwnObjects(oid, published_shape);
  // A column of a table that is replaced takes along the sequence of its own default.
  Sql own_sequence;
  if (IsReplaced(published_shape)) {
    own_sequence << " AND NOT EXISTS (SELECT FROM pg_depend s JOIN pg_attrdef e ON e.oid = s.objid"
                 << " WHERE s.classid = 'pg_attrdef'::regclass AND d.classid = s.refclassid"
                 << " AND s.refobjid = d.objid AND e.adrelid = r.oid AND e.adnum = d.refobjsubid)";
  }
  // Another column is its table's own, and may be computed from this one.
  sql << " SELECT DISTINCT c.attname, CASE WHEN f.oid IS NULL THEN u.kind ELSE 'generated column'"
      << " END, CASE WHEN f.oid IS NULL THEN u.name ELSE pg_describe_object('pg_class'::regclass,"
      << " f.adrelid, f.adnum) END FROM (SELECT " << ObjectKind() << ", " << ObjectName()
      << ", d.classid, d.objid, d.refobjsubid" << References()
      << " AND d.refclassid = 'pg_class'::regclass AND d.refobjid = r.oid AND d.deptype <> 'i'"
      << own_sequence << ")"
      << " AS u(kind, name, classid, objid, place) JOIN pg_attribute c ON c.attrelid = "
      << Literal(oid) << "::oid AND c.attnum = u.place AND c.attname IN (''";
  for (const std::string& column : columns) sql << ", " << Literal(column);
  sql << ") LEFT JOIN pg_attrdef f ON u.classid = 'pg_attrdef'::regclass AND f.oid = u.objid"
      << " LEFT JOIN pg_attribute a ON a.attrelid = f.adrelid AND a.attnum = f.adnum"
      << " WHERE a.attname IS NULL OR a.attname NOT IN (SELECT e->>0 FROM json_array_elements("
      << Literal(ShapeList(published_shape, "columns")) << "::json) e) ORDER BY 1, 2, 3";
  SPILLWAY_ASSIGN(const Rows rows, connection.Query(context, sql));
  for (int row = 0; row < rows.size(); ++row) {
    users.push_back({std::string(rows.text(row, 0)),
                     {std::string(rows.text(row, 1)), std::string(rows.text(row, 2)), false}});
  }
  return users;
}

std::vector<Dependent> Immovable(const std::vector<Dependent>& dependents) {
  std::vector<Dependent> found;
  std::ranges::copy_if(dependents, std::back_inserter(found),
                       [](const Dependent& dependent) { return !dependent.movable; });
  return found;
}

std::string NamesOf(const std::vector<Dependent>& dependents) {
  std::string names;
  for (const Dependent& dependent : dependents) {
    if (!names.empty()) names += "; ";
    names += dependent.ToString();
  }
  return names;
}

}  // namespace spillway::target::postgres

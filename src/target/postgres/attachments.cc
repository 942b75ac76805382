#include "target/postgres/attachments.h"

#include <nlohmann/json.hpp>

#include "base/check.h"
#include "target/postgres/own_indexes.h"
#include "target/postgres/shape.h"

namespace spillway::target::postgres {
namespace {

using base::Context;
using base::Result;
using Json = nlohmann::json;

// Spillway's own indexes, old and new: own_key and own_pair, for the common table expressions
// below.
Sql OwnPairs() {
  Sql sql;
  sql << " own_key AS (SELECT k.oid, k.conname, d.def, c.reloptions, x.stage, x.target, x.schema,"
      << " s.conname AS new_name, d.def <> format('PRIMARY KEY (%s)', (SELECT string_agg("
      << "quote_ident(n), ', ' ORDER BY place) FROM unnest(o.names) WITH ORDINALITY AS u(n, "
      << "place))) AS more, EXISTS (SELECT FROM pg_attribute a WHERE a.attrelid = x.oid"
      << " AND a.attnum = ANY (i.indkey) AND a.attname NOT IN (SELECT attname FROM carried_col))"
      << " AS lacks FROM x JOIN own_index i ON i.indisprimary JOIN pg_class c"
      << " ON c.oid = i.indexrelid JOIN pg_constraint k ON k.conindid = i.indexrelid"
      << " AND k.contype = 'p' JOIN pg_index j ON j.indrelid = to_regclass(x.stage)"
      << " AND j.indisprimary JOIN pg_constraint s ON s.conindid = j.indexrelid"
      << " AND s.contype = 'p', LATERAL (SELECT pg_get_constraintdef(k.oid)) AS d(def),"
      << " LATERAL (SELECT " << KeyColumns("i")
      << ") AS o(names) WHERE o.names = " << KeyColumns("j") << "),"
      << " new_index AS (SELECT c.relname, f.form, row_number() OVER (PARTITION BY f.form"
      << " ORDER BY i.indexrelid) AS nth FROM x JOIN pg_index i"
      << " ON i.indrelid = to_regclass(x.stage) AND NOT i.indisprimary JOIN pg_class c"
      << " ON c.oid = i.indexrelid AND NOT starts_with(c.relname, x.prefix), LATERAL (SELECT "
      << IndexForm("pg_get_indexdef(i.indexrelid)") << ") AS f(form)),"
      << " own_pair AS (SELECT o.indexrelid, o.as_published, c.relname, c.reloptions, x.schema,"
      << " n.relname AS new_name FROM x, own_index o JOIN pg_class c ON c.oid = o.indexrelid"
      << " JOIN new_index n ON n.form = o.form AND n.nth = o.nth WHERE NOT o.indisprimary),";
  return sql;
}

// Every piece below selects (phase, rank, place, statement) from these common table expressions:
// x, the table and how it, its schema and the stage are written; columns, constraints and indexes
// that are not Spillway's own. Names of what is carried are the stage's until the publish.
Sql Common(std::int64_t oid, const Stage& stage, std::string_view shape,
           const std::vector<std::string>& own_columns, const std::vector<TableName>& group) {
  Json members = Json::array();
  for (const TableName& table : group) members.push_back((Sql() << table).text());
  Sql sql;
  sql << "WITH RECURSIVE x AS (SELECT c.*, n.nspname, quote_ident(n.nspname) AS schema,"
      << " format('%I.%I', n.nspname, c.relname) AS target, pg_get_userbyid(c.relowner) AS owner, "
      << Literal(CarriedPrefix(stage)) << "::text AS prefix, 'spillway.' || quote_ident("
      << Literal(stage.table.table) << ") AS stage FROM pg_class c JOIN pg_namespace n"
      << " ON n.oid = c.relnamespace WHERE c.oid = " << Literal(oid) << "::oid),"
      << " fk AS (SELECT k.*, m.place FROM x JOIN pg_constraint k ON k.conrelid = x.oid"
      << " AND k.contype = 'f' AND k.confrelid <> x.oid LEFT JOIN json_array_elements_text("
      << Literal(members.dump()) << "::json) WITH ORDINALITY AS m(name, place)"
      << " ON to_regclass(m.name) = k.confrelid),"
      << " published AS (SELECT e->>0 AS name, (e->>2)::boolean AS not_null, e->>5 AS expression"
      << " FROM json_array_elements(" << Literal(ShapeList(shape, "columns")) << "::json) e),"
      << " " << OwnIndexes("x", shape) << ","
      << " col AS (SELECT a.*, t.typstorage, pg_get_expr(d.adbin, d.adrelid) AS expression,"
      << " p.not_null AS published_not_null, p.expression AS published_expression, p.name AS "
      << "published, o.name IS NOT NULL AS on_stage FROM x JOIN pg_attribute a ON a.attrelid ="
      << " x.oid"
      << " AND a.attnum > 0 AND NOT a.attisdropped JOIN pg_type t ON t.oid = a.atttypid"
      << " LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum"
      << " LEFT JOIN published p ON p.name = a.attname"
      << " LEFT JOIN json_array_elements_text(" << Literal(Json(own_columns).dump())
      << "::json) AS o(name) ON o.name = a.attname),"
      << " carried_col AS (SELECT * FROM col WHERE on_stage OR attgenerated <> ''),"
      << " idx AS (SELECT i.*, c.relname, c.reloptions, s.spcname, k.conname, k.contype,"
      << " pg_get_constraintdef(k.oid) AS constraint_def, quote_ident(x.prefix || i.indexrelid)"
      << " AS carried, format('CREATE %sINDEX %I ON %s ', CASE WHEN i.indisunique THEN 'UNIQUE '"
      << " ELSE '' END, c.relname, x.target) AS head, pg_get_indexdef(i.indexrelid) AS def"
      << " FROM x JOIN pg_index i ON i.indrelid = x.oid JOIN pg_class c ON c.oid = i.indexrelid"
      << " LEFT JOIN pg_tablespace s ON s.oid = c.reltablespace"
      << " LEFT JOIN pg_constraint k ON k.conindid = i.indexrelid AND k.conrelid = x.oid"
      << " WHERE i.indisvalid AND i.indexrelid NOT IN (SELECT indexrelid FROM own_index)"
      << " AND k.contype IS DISTINCT FROM 'p')," << OwnPairs()
      << " stat AS (SELECT s.*, n.nspname, quote_ident(x.prefix || s.oid) AS carried FROM x"
      << " JOIN pg_statistic_ext s ON s.stxrelid = x.oid"
      << " JOIN pg_namespace n ON n.oid = s.stxnamespace),";
  // Views that use the table itself, each with the length of the longest way to it through other
  // views: what is farther out is locked first, as readers do.
  sql << " uses(view, depth) AS (SELECT w.ev_class, 1 FROM x JOIN pg_depend d"
      << " ON d.refclassid = 'pg_class'::regclass AND d.refobjid = x.oid OR d.refclassid ="
      << " 'pg_constraint'::regclass AND d.refobjid IN (SELECT k.oid FROM pg_constraint k"
      << " WHERE k.conrelid = x.oid) JOIN pg_rewrite w ON d.classid = 'pg_rewrite'::regclass"
      << " AND w.oid = d.objid AND w.ev_type = '1' UNION SELECT w.ev_class, u.depth + 1 FROM uses u"
      << " JOIN pg_depend d ON d.refclassid = 'pg_class'::regclass AND d.refobjid = u.view"
      << " JOIN pg_rewrite w ON d.classid = 'pg_rewrite'::regclass AND w.oid = d.objid"
      << " AND w.ev_type = '1' AND w.ev_class <> u.view),"
      << " view AS (SELECT v.oid, format('%I.%I', n.nspname, v.relname) AS name, v.relowner,"
      << " v.reloptions, (SELECT max(depth) FROM uses u WHERE u.view = v.oid) AS depth"
      << " FROM pg_class v JOIN pg_namespace n ON n.oid = v.relnamespace WHERE v.relkind = 'v'"
      << " AND v.oid IN (SELECT view FROM uses WHERE depth = 1))";
  return sql;
}

// Options as ALTER … SET takes them; option pg_attver is a stamp that some builds of the server
// give every column by themselves.
Sql Options(SqlText array, SqlText name_prefix) {
  Sql sql;
  sql << "(SELECT string_agg('" << name_prefix << "' || quote_ident(split_part(o, '=', 1)) ||"
      << " '=' || quote_literal(substr(o, strpos(o, '=') + 1)), ', ') FROM unnest(" << array
      << ") o WHERE o NOT LIKE 'pg_attver=%')";
  return sql;
}

Sql Columns() {
  Sql sql;
  sql << " SELECT 'build', 5, 0::bigint, format('ALTER TABLE %s SET TABLESPACE %I', x.stage,"
      << " s.spcname) FROM x JOIN pg_tablespace s ON s.oid = x.reltablespace"
      << " UNION ALL SELECT 'build', 10, c.attnum, format('ALTER TABLE %s ADD COLUMN IF NOT EXISTS"
      << " %I %s; COMMENT ON COLUMN %s.%I IS %L', x.stage, c.attname, "
      << GeneratedDeclaration("c", "c.expression") << ", x.stage, c.attname, "
      << Literal(kCarriedColumn)
      << "::text) FROM x, col c WHERE c.attgenerated <> '' AND NOT c.on_stage"
      << " AND c.published IS NULL"
      << " UNION ALL SELECT 'settle', 89, c.attnum, format('COMMENT ON COLUMN %s.%I IS NULL',"
      << " x.target, c.attname) FROM x, col c WHERE c.attgenerated <> '' AND NOT c.on_stage"
      << " AND c.published IS NULL"
      << " UNION ALL SELECT 'build', 20, c.attnum, format('ALTER TABLE %s ALTER COLUMN %I SET"
      << " DEFAULT %s', x.stage, c.attname, c.expression) FROM x, col c WHERE c.on_stage"
      << " AND c.attgenerated = '' AND c.attidentity = '' AND c.expression IS NOT NULL"
      << " AND c.expression IS DISTINCT FROM c.published_expression"
      << " UNION ALL SELECT 'build', 21, c.attnum, format('ALTER TABLE %s ALTER COLUMN %I SET NOT"
      << " NULL', x.stage, c.attname) FROM x, carried_col c"
      << " WHERE c.attnotnull AND c.published_not_null IS NOT TRUE AND NOT EXISTS (SELECT FROM"
      << " pg_constraint k WHERE k.conrelid = x.oid AND k.contype = 'n' AND k.conkey[1] = c.attnum)"
      << " UNION ALL SELECT 'build', 22, c.attnum, format('ALTER TABLE %s ALTER COLUMN %I SET"
      << " STORAGE %s', x.stage, c.attname, CASE c.attstorage WHEN 'p' THEN 'PLAIN' WHEN 'e' THEN"
      << " 'EXTERNAL' WHEN 'm' THEN 'MAIN' ELSE 'EXTENDED' END) FROM x, carried_col c"
      << " WHERE c.attstorage <> c.typstorage"
      << " UNION ALL SELECT 'build', 23, c.attnum, format('ALTER TABLE %s ALTER COLUMN %I SET"
      << " COMPRESSION %s', x.stage, c.attname, CASE c.attcompression WHEN 'l' THEN 'lz4' ELSE"
      << " 'pglz' END) FROM x, carried_col c WHERE c.attcompression <> ''"
      << " UNION ALL SELECT 'build', 24, c.attnum, format('ALTER TABLE %s ALTER COLUMN %I SET"
      << " STATISTICS %s', x.stage, c.attname, c.attstattarget) FROM x, carried_col c"
      << " WHERE c.attstattarget >= 0"
      << " UNION ALL SELECT 'build', 25, c.attnum, format('ALTER TABLE %s ALTER COLUMN %I SET "
      << "(%s)', x.stage, c.attname, o.options) FROM x, carried_col c, LATERAL (SELECT "
      << Options("c.attoptions", "") << " AS options) o WHERE o.options IS NOT NULL";
  return sql;
}

Sql Constraints() {
  Sql sql;
  sql << " UNION ALL SELECT 'build', 30, k.oid::bigint, format('ALTER TABLE %s DROP CONSTRAINT IF"
      << " EXISTS %I, ADD CONSTRAINT %I %s', x.stage, k.conname, k.conname,"
      << " pg_get_constraintdef(k.oid)) FROM x JOIN pg_constraint k ON k.conrelid = x.oid"
      << " WHERE k.contype = 'c'"
      << " UNION ALL SELECT 'build', 80, k.oid::bigint, format('ALTER TABLE %s DROP CONSTRAINT IF"
      << " EXISTS %I, ADD CONSTRAINT %I %s%s', x.stage, k.conname, k.conname,"
      << " pg_get_constraintdef(k.oid), CASE WHEN k.convalidated THEN ' NOT VALID' END)"
      << " FROM x, fk k"
      << " UNION ALL SELECT 'validate', 80, k.oid::bigint, format('ALTER TABLE %s VALIDATE"
      << " CONSTRAINT %I', x.stage, k.conname) FROM x, fk k WHERE k.convalidated"
      << " AND k.place IS NULL"
      << " UNION ALL SELECT 'validate group', 80, k.oid::bigint, format('ALTER TABLE %s VALIDATE"
      << " CONSTRAINT %I', x.target, k.conname) FROM x, fk k WHERE k.convalidated"
      << " AND k.place IS NOT NULL"
      << " UNION ALL SELECT 'defer', 80, k.oid::bigint, format('ALTER TABLE %s ALTER CONSTRAINT %I"
      << " DEFERRABLE', x.target, k.conname) FROM x, fk k WHERE NOT k.condeferrable"
      << " AND k.place IS NOT NULL"
      << " UNION ALL SELECT 'undefer', 80, k.oid::bigint, format('ALTER TABLE %s ALTER CONSTRAINT "
      << "%I NOT DEFERRABLE', x.target, k.conname) FROM x, fk k WHERE NOT k.condeferrable"
      << " AND k.place IS NOT NULL"
      << " UNION ALL SELECT 'refers to', 80, k.place, (k.place - 1)::text FROM fk k"
      << " WHERE k.place IS NOT NULL"
      // From PostgreSQL 18 on NOT NULL is a constraint with a name, and may be NOT VALID.
      << " UNION ALL SELECT 'build', 30, k.oid::bigint, format('ALTER TABLE %s DROP CONSTRAINT IF"
      << " EXISTS %I, ADD CONSTRAINT %I %s', x.stage, k.conname, k.conname,"
      << " pg_get_constraintdef(k.oid)) FROM x JOIN pg_constraint k ON k.conrelid = x.oid"
      << " AND k.contype = 'n' JOIN carried_col c ON c.attnum = k.conkey[1]"
      << " AND c.published_not_null IS NOT TRUE WHERE NOT EXISTS (SELECT FROM pg_constraint s"
      << " JOIN pg_attribute b ON b.attrelid = s.conrelid AND b.attnum = s.conkey[1]"
      << " WHERE s.conrelid = to_regclass(x.stage) AND s.contype = 'n' AND b.attname = c.attname"
      << " AND s.conname <> k.conname)"
      << " UNION ALL SELECT 'name', 30, k.oid::bigint, format('ALTER TABLE %s RENAME CONSTRAINT %I "
      << "TO %I', x.target, s.conname, k.conname) FROM x JOIN pg_constraint k ON k.conrelid = x.oid"
      << " AND k.contype = 'n' JOIN pg_attribute a ON a.attrelid = x.oid AND a.attnum = k.conkey[1]"
      << " JOIN pg_constraint s ON s.conrelid = to_regclass(x.stage) AND s.contype = 'n'"
      << " JOIN pg_attribute b ON b.attrelid = s.conrelid AND b.attnum = s.conkey[1]"
      << " AND b.attname = a.attname AND s.conname <> k.conname"
      // Dropping the old table takes its foreign keys' triggers off the tables referred to.
      << " UNION ALL SELECT 'lock', 2, c.oid::bigint, format('LOCK TABLE ONLY %I.%I IN ACCESS"
      << " EXCLUSIVE MODE', n.nspname, c.relname) FROM pg_class c JOIN pg_namespace n"
      << " ON n.oid = c.relnamespace WHERE c.oid IN (SELECT k.confrelid FROM fk k)";
  return sql;
}

// Spillway's own: made anew by the load, with the names of the old ones and what was tuned there.
// The key may also have been made with more than its columns.
Sql OwnIndexStatements() {
  Sql sql;
  sql << " UNION ALL SELECT 'build', 35, k.oid::bigint, format('ALTER TABLE %s DROP CONSTRAINT %I,"
      << " ADD CONSTRAINT %I %s', k.stage, k.new_name, k.new_name, k.def) FROM own_key k"
      << " WHERE k.more AND NOT k.lacks"
      << " UNION ALL SELECT 'build', 36, p.indexrelid::bigint, format('ALTER INDEX spillway.%I "
      << "ALTER COLUMN %s SET STATISTICS %s', p.new_name, a.attnum, a.attstattarget) FROM"
      << " own_pair p"
      << " JOIN pg_attribute a ON a.attrelid = p.indexrelid AND a.attstattarget >= 0"
      << " UNION ALL SELECT 'name', 5, k.oid::bigint, format('ALTER TABLE %s RENAME CONSTRAINT %I"
      << " TO %I', k.target, k.new_name, k.conname) FROM own_key k"
      << " UNION ALL SELECT 'name', 6, p.indexrelid::bigint, format('ALTER INDEX %s.%I RENAME TO"
      << " %I', p.schema, p.new_name, p.relname) FROM own_pair p"
      << " UNION ALL SELECT 'name', 7, i.place, format('ALTER INDEX %s.%I SET (%s)', i.schema,"
      << " i.name, o.options) FROM (SELECT oid::bigint, schema, conname, reloptions FROM own_key"
      << " UNION ALL SELECT indexrelid::bigint, schema, relname, reloptions FROM own_pair"
      << " WHERE NOT as_published) AS i(place, schema, name, reloptions), LATERAL (SELECT "
      << Options("i.reloptions", "") << " AS options) o WHERE o.options IS NOT NULL";
  return sql;
}

// In a tablespace of its own when it has one; 40: constraints with their indexes, 50: indexes.
Sql Indexes() {
  Sql sql;
  sql << " UNION ALL SELECT 'build', i.rank, i.indexrelid::bigint * 10, format('SELECT"
      << " set_config(''default_tablespace'', %L, true)', coalesce(i.spcname, ''))"
      << " FROM (SELECT *, CASE WHEN conname IS NULL THEN 50 ELSE 40 END AS rank FROM idx) i"
      << " UNION ALL SELECT 'build', 40, i.indexrelid::bigint * 10 + 1, format('ALTER TABLE %s DROP"
      << " CONSTRAINT IF EXISTS %s, ADD CONSTRAINT %s %s', x.stage, i.carried, i.carried,"
      << " i.constraint_def) FROM x, idx i WHERE i.conname IS NOT NULL"
      << " UNION ALL SELECT 'build', 40, i.indexrelid::bigint * 10 + 2, format('ALTER INDEX"
      << " spillway.%s SET (%s)', i.carried, o.options) FROM idx i, LATERAL (SELECT "
      << Options("i.reloptions", "") << " AS options) o WHERE i.conname IS NOT NULL"
      << " AND o.options IS NOT NULL"
      << " UNION ALL SELECT 'build', 50, i.indexrelid::bigint * 10 + 1, format('DROP INDEX IF"
      << " EXISTS spillway.%s', i.carried) FROM idx i WHERE i.conname IS NULL"
      << " UNION ALL SELECT 'build', 50, i.indexrelid::bigint * 10 + 2, format('CREATE %sINDEX %s "
      << "ON %s ', CASE WHEN i.indisunique THEN 'UNIQUE ' END, i.carried, x.stage) || substr(i.def,"
      << " length(i.head) + 1) FROM x, idx i WHERE i.conname IS NULL"
      << " AND starts_with(i.def, i.head)"
      << " UNION ALL SELECT 'build', 55, i.indexrelid::bigint * 10, format('ALTER INDEX "
         "spillway.%s "
         "ALTER"
      << " COLUMN %s SET STATISTICS %s', i.carried, a.attnum, a.attstattarget) FROM idx i"
      << " JOIN pg_attribute a ON a.attrelid = i.indexrelid AND a.attstattarget >= 0"
      << " AND i.indkey[a.attnum - 1] = 0"
      << " UNION ALL SELECT 'name', 10, i.indexrelid::bigint, CASE WHEN i.conname IS NULL"
      << " THEN format('ALTER INDEX %s.%s RENAME TO %I', x.schema, i.carried, i.relname)"
      << " ELSE format('ALTER TABLE %s RENAME CONSTRAINT %s TO %I', x.target, i.carried, i.conname)"
      << " END FROM x, idx i"
      << " UNION ALL SELECT 'index', 0, i.indexrelid::bigint, i.relname::text FROM idx i";
  return sql;
}

Sql Statistics() {
  Sql sql;
  sql << " UNION ALL SELECT 'build', 60, s.oid::bigint * 10, format('DROP STATISTICS IF EXISTS"
      << " spillway.%s', s.carried) FROM stat s"
      << " UNION ALL SELECT 'build', 60, s.oid::bigint * 10 + 1, format('CREATE STATISTICS"
      << " spillway.%s%s ON %s FROM %s', s.carried, (SELECT ' (' || string_agg(CASE k WHEN 'd' THEN"
      << " 'ndistinct' WHEN 'f' THEN 'dependencies' ELSE 'mcv' END, ', ') || ')'"
      << " FROM unnest(s.stxkind) k WHERE k IN ('d', 'f', 'm')),"
      << " pg_get_statisticsobjdef_columns(s.oid), x.stage) FROM x, stat s"
      << " UNION ALL SELECT 'build', 60, s.oid::bigint * 10 + 2, format('ALTER STATISTICS"
      << " spillway.%s SET STATISTICS %s', s.carried, s.stxstattarget) FROM stat s"
      << " WHERE s.stxstattarget >= 0"
      << " UNION ALL SELECT 'name', 20, s.oid::bigint, format('ALTER STATISTICS spillway.%s SET"
      << " SCHEMA %I; ALTER STATISTICS %I.%s RENAME TO %I%s', s.carried, s.nspname, s.nspname,"
      << " s.carried, s.stxname, CASE WHEN pg_get_userbyid(s.stxowner) <> current_user THEN"
      << " format('; ALTER STATISTICS %I.%I OWNER TO %I', s.nspname, s.stxname,"
      << " pg_get_userbyid(s.stxowner)) END) FROM stat s";
  return sql;
}

Sql Views() {
  Sql sql;
  // LOCK TABLE on a view would lock all that it reads; giving it the owner that it has locks it
  // alone.
  sql << " UNION ALL SELECT 'lock', 1, row_number() OVER (ORDER BY v.depth DESC, v.name),"
      << " format('ALTER VIEW %s OWNER TO %I', v.name, pg_get_userbyid(v.relowner)) FROM view v"
      << " UNION ALL SELECT 'attach', 30, row_number() OVER (ORDER BY v.depth, v.name),"
      << " format('CREATE OR REPLACE VIEW %s%s AS %s', v.name, ' WITH (' || "
      << Options("v.reloptions", "") << " || ')', rtrim(pg_get_viewdef(v.oid), ';')) FROM view v";
  return sql;
}

Sql Ownership() {
  Sql sql;
  sql << " UNION ALL SELECT 'attach', 10, 0, format('ALTER TABLE %s OWNER TO %I', x.target, "
      << "x.owner) FROM x WHERE x.owner <> current_user"
      << " UNION ALL SELECT 'attach', 20, s.oid::bigint, format('ALTER SEQUENCE %I.%I OWNED BY"
      << " %s.%I', n.nspname, s.relname, x.target, c.attname) FROM x JOIN pg_depend d"
      << " ON d.refclassid = 'pg_class'::regclass AND d.refobjid = x.oid AND d.deptype = 'a'"
      << " AND d.classid = 'pg_class'::regclass JOIN pg_class s ON s.oid = d.objid"
      << " AND s.relkind = 'S' JOIN pg_namespace n ON n.oid = s.relnamespace"
      << " JOIN carried_col c ON c.attnum = d.refobjsubid";
  return sql;
}

Sql Settings() {
  Sql sql;
  sql << " UNION ALL SELECT 'settle', 10, p.place, format('ALTER TABLE %s SET (%s)', x.target,"
      << " p.options) FROM x, LATERAL (SELECT 1, " << Options("x.reloptions", "")
      << " UNION ALL SELECT 2, " << Options("t.reloptions", "toast.")
      << " FROM pg_class t WHERE t.oid = x.reltoastrelid) AS p(place, options)"
      << " WHERE p.options IS NOT NULL"
      << " UNION ALL SELECT 'settle', 20, 1, format('ALTER TABLE %s ENABLE ROW LEVEL SECURITY',"
      << " x.target) FROM x WHERE x.relrowsecurity"
      << " UNION ALL SELECT 'settle', 20, 2, format('ALTER TABLE %s FORCE ROW LEVEL SECURITY',"
      << " x.target) FROM x WHERE x.relforcerowsecurity"
      << " UNION ALL SELECT 'settle', 70, 0, format('ALTER TABLE %s REPLICA IDENTITY %s', x.target,"
      << " CASE x.relreplident WHEN 'f' THEN 'FULL' WHEN 'n' THEN 'NOTHING' ELSE format('USING "
      << "INDEX %I', (SELECT c.relname FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid"
      << " WHERE i.indrelid = x.oid AND i.indisreplident)) END) FROM x WHERE x.relreplident <> 'd'"
      << " UNION ALL SELECT 'settle', 75, 0, format('ALTER TABLE %s CLUSTER ON %I', x.target,"
      << " c.relname) FROM x JOIN pg_index i ON i.indrelid = x.oid AND i.indisclustered"
      << " JOIN pg_class c ON c.oid = i.indexrelid";
  return sql;
}

Sql Behaviour() {
  Sql sql;
  sql << " UNION ALL SELECT 'settle', 30, t.oid::bigint, pg_get_triggerdef(t.oid) || CASE"
      << " t.tgenabled WHEN 'O' THEN '' ELSE format('; ALTER TABLE %s %s TRIGGER %I', x.target,"
      << " CASE t.tgenabled WHEN 'D' THEN 'DISABLE' WHEN 'R' THEN 'ENABLE REPLICA' ELSE"
      << " 'ENABLE ALWAYS' END, t.tgname) END FROM x JOIN pg_trigger t ON t.tgrelid = x.oid"
      << " WHERE NOT t.tgisinternal"
      << " UNION ALL SELECT 'settle', 40, w.oid::bigint, rtrim(pg_get_ruledef(w.oid), ';') || CASE"
      << " w.ev_enabled WHEN 'O' THEN '' ELSE format('; ALTER TABLE %s %s RULE %I', x.target,"
      << " CASE w.ev_enabled WHEN 'D' THEN 'DISABLE' WHEN 'R' THEN 'ENABLE REPLICA' ELSE"
      << " 'ENABLE ALWAYS' END, w.rulename) END FROM x JOIN pg_rewrite w ON w.ev_class = x.oid"
      << " UNION ALL SELECT 'settle', 50, p.oid::bigint, format('CREATE POLICY %I ON %s AS %s FOR "
      << "%s TO %s%s%s', p.polname, x.target, CASE WHEN p.polpermissive THEN 'PERMISSIVE' ELSE"
      << " 'RESTRICTIVE' END, CASE p.polcmd WHEN 'r' THEN 'SELECT' WHEN 'a' THEN 'INSERT' WHEN 'w'"
      << " THEN 'UPDATE' WHEN 'd' THEN 'DELETE' ELSE 'ALL' END, (SELECT string_agg(CASE r WHEN 0"
      << " THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(r)) END, ', ' ORDER BY place)"
      << " FROM unnest(p.polroles) WITH ORDINALITY AS u(r, place)),"
      << " ' USING (' || pg_get_expr(p.polqual, p.polrelid) || ')',"
      << " ' WITH CHECK (' || pg_get_expr(p.polwithcheck, p.polrelid) || ')')"
      << " FROM x JOIN pg_policy p ON p.polrelid = x.oid";
  return sql;
}

// The new table shall have exactly the old one's grants, whatever default privileges gave the
// stage.
Sql Grants() {
  Sql sql;
  sql << " UNION ALL SELECT 'settle', 60, 0, format('REVOKE ALL ON TABLE %s FROM %s', x.target,"
      << " string_agg(DISTINCT g.name, ', ')) FROM x, LATERAL (SELECT CASE a.grantee WHEN 0 THEN"
      << " 'PUBLIC' ELSE quote_ident(pg_get_userbyid(a.grantee)) END FROM pg_class s,"
      << " aclexplode(s.relacl) a WHERE s.oid = to_regclass(x.stage) UNION SELECT"
      << " quote_ident(x.owner) WHERE x.relacl IS NOT NULL) AS g(name) GROUP BY x.target"
      << " UNION ALL SELECT 'settle', 61, row_number() OVER (ORDER BY a.grantee, a.privilege_type),"
      << " format('GRANT %s ON TABLE %s TO %s%s', a.privilege_type, x.target, CASE a.grantee WHEN 0"
      << " THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(a.grantee)) END, CASE WHEN a.is_grantable"
      << " THEN ' WITH GRANT OPTION' END) FROM x, aclexplode(coalesce(x.relacl, acldefault('r',"
      << " x.relowner))) a WHERE x.relacl IS NOT NULL OR EXISTS (SELECT FROM pg_class s"
      << " WHERE s.oid = to_regclass(x.stage) AND s.relacl IS NOT NULL)"
      << " UNION ALL SELECT 'settle', 65, c.attnum, format('GRANT %s (%I) ON TABLE %s TO %s%s',"
      << " a.privilege_type, c.attname, x.target, CASE a.grantee WHEN 0 THEN 'PUBLIC' ELSE"
      << " quote_ident(pg_get_userbyid(a.grantee)) END, CASE WHEN a.is_grantable THEN"
      << " ' WITH GRANT OPTION' END) FROM x, carried_col c, aclexplode(c.attacl) a";
  return sql;
}

// Extensions that take an index or a trigger along when they go.
Sql Extensions() {
  Sql sql;
  sql << " UNION ALL SELECT 'settle', 80, d.objid::bigint, format('ALTER %s DEPENDS ON EXTENSION"
      << " %I', o.object, e.extname) FROM x CROSS JOIN LATERAL (SELECT 'pg_class'::regclass::oid,"
      << " i.indexrelid, format('INDEX %s.%I', x.schema, c.relname) FROM pg_index i JOIN pg_class c"
      << " ON c.oid = i.indexrelid WHERE i.indrelid = x.oid UNION ALL SELECT "
         "'pg_trigger'::regclass,"
      << " t.oid, format('TRIGGER %I ON %s', t.tgname, x.target) FROM pg_trigger t"
      << " WHERE t.tgrelid = x.oid) AS o(classid, objid, object) JOIN pg_depend d"
      << " ON d.classid = o.classid AND d.objid = o.objid AND d.deptype = 'x'"
      << " JOIN pg_extension e ON e.oid = d.refobjid";
  return sql;
}

// `published` comments are [column or "", text]: what is not among them is of others.
Sql Comments(std::string_view shape) {
  Sql sql;
  sql << " UNION ALL SELECT 'settle', 90, s.objsubid, CASE s.objsubid WHEN 0 THEN format('COMMENT "
      << "ON TABLE %s IS %L', x.target, s.description) ELSE format('COMMENT ON COLUMN %s.%I IS %L',"
      << " x.target, c.attname, s.description) END FROM x JOIN pg_description s"
      << " ON s.classoid = 'pg_class'::regclass AND s.objoid = x.oid LEFT JOIN carried_col c"
      << " ON c.attnum = s.objsubid WHERE (s.objsubid = 0 OR c.attnum IS NOT NULL)"
      << " AND NOT EXISTS (SELECT FROM json_array_elements("
      << Literal(ShapeList(shape, "comments"))
      << "::json) e WHERE e->>0 = coalesce(c.attname, '') AND e->>1 = s.description)"
      << " UNION ALL SELECT 'settle', 91, s.objoid::bigint, format('COMMENT ON %s %s IS %L', "
      << "o.kind, o.name, s.description) FROM x, LATERAL (SELECT 'pg_class'::regclass::oid,"
      << " i.indexrelid,"
      << " 'INDEX', format('%s.%I', x.schema, c.relname) FROM pg_index i JOIN pg_class c"
      << " ON c.oid = i.indexrelid WHERE i.indrelid = x.oid"
      << " UNION ALL SELECT 'pg_constraint'::regclass, k.oid, 'CONSTRAINT', format('%I ON %s',"
      << " k.conname, x.target) FROM pg_constraint k WHERE k.conrelid = x.oid"
      << " UNION ALL SELECT 'pg_trigger'::regclass, t.oid, 'TRIGGER', format('%I ON %s', t.tgname,"
      << " x.target) FROM pg_trigger t WHERE t.tgrelid = x.oid"
      << " UNION ALL SELECT 'pg_rewrite'::regclass, w.oid, 'RULE', format('%I ON %s', w.rulename,"
      << " x.target) FROM pg_rewrite w WHERE w.ev_class = x.oid"
      << " UNION ALL SELECT 'pg_policy'::regclass, p.oid, 'POLICY', format('%I ON %s', p.polname,"
      << " x.target) FROM pg_policy p WHERE p.polrelid = x.oid"
      << " UNION ALL SELECT 'pg_statistic_ext'::regclass, e.oid, 'STATISTICS', format('%I.%I',"
      << " e.nspname, e.stxname) FROM stat e) AS o(classid, objid, kind, name)"
      << " JOIN pg_description s ON s.classoid = o.classid AND s.objoid = o.objid";
  return sql;
}

// What a statement carries, from its rank and place.
Sql CarriedObject(std::int64_t oid) {
  Sql sql;
  sql << "CASE WHEN rank BETWEEN 10 AND 25 THEN pg_describe_object('pg_class'::regclass, "
      << Literal(oid) << "::oid, place::int) WHEN rank IN (30, 35, 80)"
      << " THEN pg_describe_object('pg_constraint'::regclass, place::oid, 0)"
      << " WHEN rank BETWEEN 40 AND 55"
      << " THEN pg_describe_object('pg_class'::regclass, (place / 10)::oid, 0)"
      << " WHEN rank = 60"
      << " THEN pg_describe_object('pg_statistic_ext'::regclass, (place / 10)::oid, 0) END";
  return sql;
}

}  // namespace

Sql GeneratedDeclaration(SqlText column, SqlText expression) {
  Sql sql;
  sql << "format('%s%s GENERATED ALWAYS AS (%s) %s', format_type(" << column << ".atttypid, "
      << column << ".atttypmod), (SELECT ' COLLATE ' || " << column
      << ".attcollation::regcollation FROM pg_type t WHERE t.oid = " << column
      << ".atttypid AND t.typcollation <> " << column << ".attcollation), " << expression
      << ", CASE " << column << ".attgenerated WHEN 's' THEN 'STORED' ELSE 'VIRTUAL' END)";
  return sql;
}

Sql UnlockedAttachments(std::int64_t oid) {
  Sql sql;
  sql << "SELECT ROW(c.relacl, (SELECT t.typacl FROM pg_type t WHERE t.oid = c.reltype),"
      << " ARRAY(SELECT ROW(a.attnum, a.attacl)::text FROM pg_attribute a WHERE a.attrelid = c.oid"
      << " AND a.attacl IS NOT NULL ORDER BY a.attnum),"
      << " ARRAY(SELECT ROW(n.relname, n.reloptions, obj_description(n.oid, 'pg_class'), ARRAY("
      << "SELECT ROW(a.attnum, a.attstattarget)::text FROM pg_attribute a WHERE a.attrelid = n.oid"
      << " AND a.attstattarget >= 0 ORDER BY a.attnum))::text FROM pg_index i JOIN pg_class n"
      << " ON n.oid = i.indexrelid WHERE i.indrelid = c.oid ORDER BY n.oid),"
      << " ARRAY(SELECT ROW(s.oid, s.stxname, s.stxnamespace, s.stxowner, s.stxstattarget,"
      << " obj_description(s.oid, 'pg_statistic_ext'))::text FROM pg_statistic_ext s"
      << " WHERE s.stxrelid = c.oid ORDER BY s.oid),"
      << " ARRAY(SELECT ROW(d.objid, d.refobjid)::text FROM pg_depend d WHERE d.deptype = 'x'"
      << " AND (d.classid = 'pg_class'::regclass AND d.objid IN (SELECT i.indexrelid FROM pg_index "
         "i"
      << " WHERE i.indrelid = c.oid) OR d.classid = 'pg_trigger'::regclass AND d.objid IN (SELECT"
      << " g.oid FROM pg_trigger g WHERE g.tgrelid = c.oid)) ORDER BY d.objid, d.refobjid)"
      << ")::text FROM pg_class c WHERE c.oid = " << Literal(oid) << "::oid";
  return sql;
}

// No name that the server makes of the stage's begins like that.
std::string CarriedPrefix(const Stage& stage) { return stage.table.table + "|"; }

Result<Attachments> ReadAttachments(const Context& context, Connection& connection,
                                    std::int64_t oid, const Stage& stage,
                                    std::string_view published_shape,
                                    const std::vector<std::string>& own_columns,
                                    const std::vector<TableName>& group) {
  Sql sql = Common(oid, stage, published_shape, own_columns, group);
  sql << " SELECT phase, statement, CASE WHEN phase IN ('build', 'validate') THEN "
      << CarriedObject(oid) << " END FROM (" << Columns() << Constraints() << OwnIndexStatements()
      << Indexes() << Statistics() << Views() << Ownership() << Settings() << Behaviour()
      << Grants() << Extensions() << Comments(published_shape)
      << ") AS s(phase, rank, place, statement)"
      << " ORDER BY phase, rank, place, statement";
  SPILLWAY_ASSIGN(const Rows rows, connection.Query(context, sql));
  Attachments found;
  const auto list = [&](std::string_view phase) -> std::vector<std::string>& {
    if (phase == "validate group") return found.validate_group;
    if (phase == "lock") return found.lock;
    if (phase == "attach") return found.attach;
    if (phase == "name") return found.name;
    if (phase == "settle") return found.settle;
    if (phase == "defer") return found.defer;
    if (phase == "undefer") return found.undefer;
    SPILLWAY_CHECK(phase == "index");
    return found.indexes;
  };
  for (int row = 0; row < rows.size(); ++row) {
    if (rows.text(row, 0) == "refers to") {
      found.refers_to.push_back(static_cast<std::size_t>(rows.number(row, 1)));
    } else if (rows.text(row, 0) == "build" || rows.text(row, 0) == "validate") {
      auto& carried = rows.text(row, 0) == "build" ? found.build : found.validate;
      carried.push_back({std::string(rows.text(row, 1)), std::string(rows.text(row, 2))});
    } else {
      list(rows.text(row, 0)).emplace_back(rows.text(row, 1));
    }
  }
  return found;
}

}  // namespace spillway::target::postgres

#ifndef SPILLWAY_TARGET_POSTGRES_CATALOG_PICTURE_TEST_H_
#define SPILLWAY_TARGET_POSTGRES_CATALOG_PICTURE_TEST_H_

/// How tests compare what hangs on a table before and after a publish: from the catalogs, sharing
/// nothing with the code that carries it.
namespace spillway::target::postgres::testing {

/// Asks for everything that the catalogs say of table public.products and what hangs on it, without
/// its own oid, and with the oids of views, which must stay.
inline constexpr const char* kCatalogPicture = R"(
  WITH r AS (SELECT c.*, n.nspname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
             WHERE n.nspname = 'public' AND c.relname = 'products'),
  v AS (SELECT c.* FROM pg_class c WHERE c.relkind IN ('v', 'm') AND c.relnamespace = 'public'::regnamespace)
  SELECT concat_ws(' ', 'table', relowner::regrole, (SELECT string_agg(a::text, ',' ORDER BY a::text)
      FROM unnest(relacl) a), (SELECT typacl FROM pg_type t WHERE t.oid = reltype), reloptions, relrowsecurity, relforcerowsecurity, relreplident,
      relpersistence, reltablespace, (SELECT reloptions FROM pg_class t WHERE t.oid = reltoastrelid),
      obj_description(oid)) FROM r
  UNION ALL SELECT concat_ws(' ', 'column', attname, format_type(atttypid, atttypmod), attnotnull,
      attstorage, attcompression, attstattarget, (SELECT string_agg(o, ',') FROM unnest(attoptions) o
      WHERE o NOT LIKE 'pg_attver%'), attacl,
      attgenerated, pg_get_expr(adbin, adrelid), col_description(r.oid, attnum))
    FROM r JOIN pg_attribute a ON attrelid = r.oid AND attnum > 0 AND NOT attisdropped
    LEFT JOIN pg_attrdef d ON adrelid = r.oid AND adnum = attnum
  UNION ALL SELECT concat_ws(' ', 'constraint', conname, contype, convalidated,
      pg_get_constraintdef(k.oid), obj_description(k.oid, 'pg_constraint'))
    FROM r JOIN pg_constraint k ON conrelid = r.oid
  UNION ALL SELECT concat_ws(' ', 'index', pg_get_indexdef(i.indexrelid), indisclustered,
      indisreplident, c.reltablespace, c.reloptions, obj_description(c.oid), (SELECT string_agg(
      attnum || ':' || attstattarget, ',') FROM pg_attribute WHERE attrelid = c.oid AND attstattarget >= 0))
    FROM r JOIN pg_index i ON indrelid = r.oid JOIN pg_class c ON c.oid = indexrelid
  UNION ALL SELECT concat_ws(' ', 'extension', d.refobjid, d.deptype, (SELECT relname FROM pg_class
      WHERE oid = d.objid), (SELECT tgname FROM pg_trigger WHERE oid = d.objid)) FROM r JOIN pg_depend d
    ON d.deptype IN ('e', 'x') AND (d.objid IN (SELECT indexrelid FROM pg_index WHERE indrelid = r.oid)
      OR d.objid IN (SELECT oid FROM pg_trigger WHERE tgrelid = r.oid))
  UNION ALL SELECT concat_ws(' ', 'trigger', pg_get_triggerdef(t.oid), tgenabled,
      obj_description(t.oid, 'pg_trigger')) FROM r JOIN pg_trigger t ON tgrelid = r.oid
    WHERE NOT tgisinternal
  UNION ALL SELECT concat_ws(' ', 'rule', pg_get_ruledef(w.oid), ev_enabled,
      obj_description(w.oid, 'pg_rewrite')) FROM r JOIN pg_rewrite w ON ev_class = r.oid
  UNION ALL SELECT concat_ws(' ', 'policy', p.polname, p.polpermissive, p.polcmd,
      p.polroles::regrole[], pg_get_expr(polqual, polrelid), pg_get_expr(polwithcheck, polrelid),
      obj_description(p.oid, 'pg_policy')) FROM r JOIN pg_policy p ON polrelid = r.oid
  UNION ALL SELECT concat_ws(' ', 'statistics', pg_get_statisticsobjdef(s.oid), stxstattarget,
      stxowner::regrole, obj_description(s.oid, 'pg_statistic_ext')) FROM r JOIN pg_statistic_ext s ON stxrelid = r.oid
  UNION ALL SELECT concat_ws(' ', 'sequence', s.relname, d.refobjsubid) FROM r JOIN pg_depend d
    ON d.refobjid = r.oid AND d.deptype = 'a' JOIN pg_class s ON s.oid = d.objid AND s.relkind = 'S'
  UNION ALL SELECT concat_ws(' ', 'view', v.oid, v.relname, relowner::regrole, relacl, reloptions,
      pg_get_viewdef(v.oid), obj_description(v.oid), (SELECT string_agg(pg_get_triggerdef(t.oid), ';')
      FROM pg_trigger t WHERE tgrelid = v.oid), (SELECT string_agg(attname || coalesce(attacl::text, '')
      || coalesce(pg_get_expr(adbin, adrelid), ''), ',' ORDER BY attnum) FROM pg_attribute a
      LEFT JOIN pg_attrdef d ON adrelid = v.oid AND adnum = attnum WHERE attrelid = v.oid AND attnum > 0))
    FROM v
  ORDER BY 1)";

}  // namespace spillway::target::postgres::testing

#endif  // SPILLWAY_TARGET_POSTGRES_CATALOG_PICTURE_TEST_H_

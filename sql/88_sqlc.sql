-- What tools that read DDL, and do not run it, have to know of tracked tables.

CREATE OR REPLACE FUNCTION yore.sqlc_schema() RETURNS SETOF text
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
AS $$
  WITH relations AS (
    SELECT m.*, r.place, r.kind, r.schema, format('%I.%I', r.schema, coalesce(r.name, m.table_name)) AS relation
      FROM yore.tracked AS m, yore.installation AS i,
           LATERAL (SELECT CASE m.schema_name WHEN 'public' THEN '' ELSE '_' || m.schema_name END AS suffix) AS s,
           LATERAL (VALUES (1, 'now', m.schema_name::text, NULL),
                           (2, 'ever', i.history_schema || s.suffix, NULL),
                           (3, 'then', i.asof_schema || s.suffix, NULL),
                           (4, 'stored', m.storage_schema, m.storage_name)) AS r (place, kind, schema, name)
     WHERE NOT (m.in_place AND r.kind = 'stored')
  ), columns AS (
    SELECT r.relation, string_agg(format('  %I %s%s', a.attname, format_type(a.atttypid, a.atttypmod), CASE WHEN
             CASE r.kind
               WHEN 'stored' THEN a.attnotnull
               WHEN 'now'    THEN coalesce(stored.attnotnull, a.attname <> r.prefix || 'deleted_at')
               -- The past has what older schemas allowed.
               ELSE a.attname = ANY (r.key_columns || ARRAY[r.prefix || 'version', r.prefix || 'xid']::name[])
                 OR a.attname = r.prefix || 'valid_from' AND r.since > '-infinity'
             END THEN ' NOT NULL' ELSE '' END), E',\n' ORDER BY a.attnum) AS list
      FROM relations AS r
      JOIN pg_attribute AS a ON a.attrelid = r.relation::regclass AND a.attnum > 0 AND NOT a.attisdropped
      LEFT JOIN pg_attribute AS stored ON stored.attrelid = format('%I.%I', r.storage_schema, r.storage_name)::regclass AND stored.attname = a.attname
     GROUP BY r.relation
  )
  SELECT 'CREATE SCHEMA IF NOT EXISTS ' || quote_ident(schema) || ';' FROM relations WHERE schema <> 'public' GROUP BY schema
  UNION ALL
  SELECT statement FROM (
    SELECT CASE r.kind
           WHEN 'then'
           THEN format(E'\nCREATE FUNCTION %s(at timestamp with time zone) RETURNS SETOF %I.%I LANGUAGE sql AS \'\';', r.relation, r.schema_name, r.table_name)
           -- sqlc does not tell a view from a table.
           ELSE format(E'\nDROP TABLE IF EXISTS %1$s;\nCREATE TABLE %1$s (\n%2$s\n);', r.relation, c.list) END AS statement
      FROM relations AS r JOIN columns AS c USING (relation)
     ORDER BY r.schema_name, r.table_name, r.place) AS s
$$;
COMMENT ON FUNCTION yore.sqlc_schema() IS
  'The faces of all tracked tables as DDL for sqlc, which reads the schema from files and does not know what yore.track does: what follows the application''s own DDL. Types are written with their schemas. Of the past no column is NOT NULL but the key and the version data, since it has what older schemas allowed.';

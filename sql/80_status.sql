-- Looking at what is tracked, and checking it.

CREATE OR REPLACE FUNCTION yore.status()
RETURNS TABLE (table_name text, state text, since timestamptz, storage text, past text, key_columns text[], options jsonb,
               current_bytes bigint, past_bytes bigint)
LANGUAGE sql STABLE
AS $$
  SELECT pg_catalog.format('%I.%I', m.schema_name, m.table_name),
         CASE WHEN s.rel IS NULL OR p.rel IS NULL THEN 'missing'
              WHEN m.generated_by < yore._version() THEN 'old'
              WHEN pg_catalog.has_table_privilege(s.rel, 'SELECT') AND yore._shape(s.rel) <> m.shape THEN 'needs sync'
              WHEN (SELECT pg_catalog.count(*) FROM pg_catalog.pg_trigger AS t
                     WHERE t.tgrelid = s.rel AND t.tgname LIKE '~yore\_%' AND t.tgenabled IN ('O', 'A')) < 6 THEN 'triggers off'
              ELSE 'ok' END,
         nullif(m.since, '-infinity'),
         pg_catalog.format('%I.%I', m.storage_schema, m.storage_name),
         pg_catalog.format('%I.%I', m.past_schema, m.past_name),
         m.key_columns::text[],
         pg_catalog.jsonb_strip_nulls(pg_catalog.jsonb_build_object(
           'journal', m.journal, 'no_journal', m.no_journal, 'full_journal', nullif(m.full_journal, false),
           'squash', nullif(m.squash, NOT m.immutable), 'on_truncate', nullif(m.on_truncate, 'refuse'),
           'in_place', nullif(m.in_place, false), 'exclusion', nullif(m.exclusion, false), 'prefix', nullif(m.prefix, ''),
           'immutable', nullif(m.immutable, false), 'allow_updates', nullif(m.allow_updates, false), 'allow_deletes', nullif(m.allow_deletes, false),
           'allow_version_write', nullif(m.allow_version_write, false), 'show_row_id', nullif(m.show_row_id, false), 'copy_indexes', nullif(m.copy_indexes, true))),
         coalesce((SELECT pg_catalog.sum(pg_catalog.pg_total_relation_size(t.relid))::bigint FROM pg_catalog.pg_partition_tree(s.rel) AS t),
                  pg_catalog.pg_total_relation_size(s.rel)),   -- a plain table has no tree
         pg_catalog.pg_total_relation_size(p.rel)
    FROM yore.tracked AS m
   CROSS JOIN LATERAL (SELECT pg_catalog.to_regclass(pg_catalog.format('%I.%I', m.storage_schema, m.storage_name))) AS s (rel)
   CROSS JOIN LATERAL (SELECT pg_catalog.to_regclass(pg_catalog.format('%I.%I', m.past_schema, m.past_name))) AS p (rel)
   ORDER BY m.schema_name, m.table_name
$$;
COMMENT ON FUNCTION yore.status() IS
  'One row for each tracked table. state: ok; needs sync (its columns have changed: writes fail until yore.sync); triggers off (a trigger of yore''s is missing or disabled: changes go by unrecorded); old (made by an older yore); missing (a table is gone). options: those that are not the default; since is NULL for -infinity.';

CREATE OR REPLACE FUNCTION yore.verify(t text DEFAULT NULL)
RETURNS TABLE (table_name text, problem text, key jsonb, version bigint, detail text)
LANGUAGE plpgsql VOLATILE
AS $$
#variable_conflict use_column
DECLARE
  m yore.tracked;
BEGIN
  FOR m IN SELECT (x).* FROM (SELECT yore._tracked(t) AS x WHERE t IS NOT NULL
                              UNION ALL SELECT k FROM yore.tracked AS k WHERE t IS NULL) AS u
            ORDER BY 1, 2
  LOOP
    RETURN QUERY SELECT * FROM yore._verify_triggers(m);
    RETURN QUERY SELECT * FROM yore._verify_versions(m);
  END LOOP;
END
$$;
COMMENT ON FUNCTION yore.verify(text) IS
  'What is wrong with one tracked table, or with all: no row means nothing is. problem: columns, trigger, trigger order, row security, partition, period, gap or overlap, number, row without past, vanished. Reads every version; takes ACCESS SHARE locks. What was done with triggers disabled shows where it broke the chain of versions; a value overwritten then leaves no trace. Error YO003 if t is not tracked.';

CREATE OR REPLACE FUNCTION yore._verify_triggers(m yore.tracked)
RETURNS TABLE (table_name text, problem text, key jsonb, version bigint, detail text)
LANGUAGE plpgsql STABLE
AS $$
#variable_conflict use_column
DECLARE
  rel  regclass := pg_catalog.format('%I.%I', m.storage_schema, m.storage_name)::regclass;
  past regclass := pg_catalog.format('%I.%I', m.past_schema, m.past_name)::regclass;
  name text := pg_catalog.format('%I.%I', m.schema_name, m.table_name);
BEGIN
  IF yore._shape(rel) <> m.shape THEN
    RETURN QUERY SELECT name, 'columns', NULL::jsonb, NULL::bigint,
      pg_catalog.format('the table has changed: run SELECT yore.sync(%L)', name);
    RETURN;   -- nothing else can be judged
  END IF;
  RETURN QUERY
  SELECT name, 'trigger', NULL::jsonb, NULL::bigint, w.problem
    FROM (
      SELECT pg_catalog.format('%s on %s is missing', e.trigger_name, e.relation) AS problem
        FROM (SELECT rel AS relation, '~yore_' || n AS trigger_name
                FROM pg_catalog.unnest(ARRAY['insert', 'update', 'delete', 'truncate', 'settle_insert', 'settle_key']) AS n
              UNION ALL
              SELECT past, 'yore_append_only_' || n FROM pg_catalog.unnest(ARRAY['update', 'delete', 'truncate']) AS n) AS e
       WHERE NOT EXISTS (SELECT FROM pg_catalog.pg_trigger AS g WHERE g.tgrelid = e.relation AND g.tgname = e.trigger_name)
      UNION ALL
      SELECT pg_catalog.format('%s on %s is disabled', g.tgname, g.tgrelid::regclass)
        FROM pg_catalog.pg_trigger AS g
       WHERE ((g.tgrelid = rel OR g.tgrelid IN (SELECT p.relid FROM pg_catalog.pg_partition_tree(rel) AS p)) AND g.tgname LIKE '~yore\_%' OR g.tgrelid = past AND g.tgname LIKE 'yore\_append\_only\_%')
         AND g.tgenabled NOT IN ('O', 'A')
      UNION ALL
      SELECT pg_catalog.format('function %I.%I is not what yore wrote', m.past_schema, s.function_name)
        FROM yore._trigger_sources(m) AS s
       WHERE m.generated_by = yore._version()
         AND NOT EXISTS (SELECT FROM pg_catalog.pg_proc AS p
                          WHERE p.pronamespace = pg_catalog.to_regnamespace(pg_catalog.quote_ident(m.past_schema))
                            AND p.proname = s.function_name AND p.prosrc = s.source)) AS w
  UNION ALL
  SELECT name, 'trigger order', NULL, NULL, pg_catalog.format('trigger %s fires after yore''s and can change a row unseen', g.tgname)
    FROM pg_catalog.pg_trigger AS g
   WHERE g.tgrelid = rel AND NOT g.tgisinternal AND (g.tgtype & 3) = 3 AND g.tgname::text COLLATE "C" > '~yore_z'
  UNION ALL
  SELECT name, 'trigger order', NULL, NULL,
         pg_catalog.format('trigger %s came after tracking, for a table that had none: run SELECT yore.sync(%L)', g.tgname, name)
    FROM pg_catalog.pg_trigger AS g
   WHERE NOT m.own_triggers AND yore._has_own_triggers(rel)
     AND g.tgrelid = rel AND NOT g.tgisinternal AND g.tgname NOT LIKE '~yore\_%' AND (g.tgtype & 20) <> 0
  UNION ALL
  SELECT name, 'row security', NULL, NULL, pg_catalog.format('binds the owner, too, as whom the triggers run: ALTER TABLE %s NO FORCE ROW LEVEL SECURITY', rel)
   WHERE yore._blinds_owner(rel)
  UNION ALL
  SELECT name, 'row security', NULL, NULL, pg_catalog.format('of %s and of what shows its past differ: run SELECT yore.sync(%L)', rel, name)
    FROM pg_catalog.pg_class AS c, pg_catalog.pg_class AS p
   WHERE c.oid = rel AND p.oid = past AND c.relrowsecurity <> p.relrowsecurity
  UNION ALL
  SELECT name, 'partition', NULL, NULL, pg_catalog.format('%s can be truncated by itself: run SELECT yore.sync(%L)', p.relid, name)
    FROM pg_catalog.pg_partition_tree(rel) AS p
   WHERE p.relid <> rel
     AND NOT EXISTS (SELECT FROM pg_catalog.pg_trigger AS g WHERE g.tgrelid = p.relid AND g.tgname = '~yore_truncate');
END
$$;
COMMENT ON FUNCTION yore._verify_triggers(yore.tracked) IS 'The part of yore.verify that looks at columns and triggers.';

CREATE OR REPLACE FUNCTION yore._verify_versions(m yore.tracked)
RETURNS TABLE (table_name text, problem text, key jsonb, version bigint, detail text)
LANGUAGE plpgsql STABLE
AS $$
DECLARE
  -- The key columns by number: the query has names of its own.
  named   text := (SELECT pg_catalog.string_agg(pg_catalog.format('%I AS k%s', k, place), ', ') FROM pg_catalog.unnest(m.key_columns) WITH ORDINALITY AS u (k, place));
  key     text := (SELECT pg_catalog.string_agg('k' || place, ', ') FROM pg_catalog.unnest(m.key_columns) WITH ORDINALITY AS u (k, place));
  as_json text := (SELECT pg_catalog.string_agg(pg_catalog.format('%L, k%s', k, place), ', ') FROM pg_catalog.unnest(m.key_columns) WITH ORDINALITY AS u (k, place));
BEGIN
  -- Each version beside the one before it. The open end of a current one is
  -- infinity here; a tombstone begins and ends at once.
  RETURN QUERY EXECUTE pg_catalog.format($query$
    WITH versions AS (
      SELECT %6$s, sys_version, sys_from, 'infinity'::timestamptz AS sys_to, true AS is_current FROM %2$s
      UNION ALL
      SELECT %6$s, sys_version, sys_from, sys_to, false FROM %3$s),
    chain AS (
      SELECT v.*, row_number() OVER w AS place,
             lag(sys_version) OVER w AS last_version, lag(sys_from) OVER w AS last_from, lag(sys_to) OVER w AS last_to,
             lag(is_current) OVER w AS last_is_current,
             lead(sys_version) OVER w IS NULL AS is_last
        FROM versions AS v
      WINDOW w AS (PARTITION BY %1$s ORDER BY sys_version, is_current)),
    excused AS (
      SELECT chain.*, %7$s AS allowed FROM chain),
    judged AS (
      SELECT excused.*, CASE
          WHEN sys_from > sys_to THEN 'period'
          WHEN last_version IS NOT NULL AND sys_version = last_version THEN 'number'
          WHEN last_is_current THEN 'number'
          WHEN last_version IS NOT NULL AND last_from < last_to AND sys_from <> last_to AND NOT (allowed AND sys_version > last_version + 1 AND sys_from > last_to) THEN 'gap or overlap'
          WHEN last_version IS NOT NULL AND last_from = last_to AND sys_from < last_to THEN 'gap or overlap'
          WHEN sys_version <> coalesce(last_version, 0) + 1 AND NOT (allowed AND sys_version > coalesce(last_version, 0)) THEN CASE WHEN last_version IS NULL AND is_current THEN 'row without past' ELSE 'number' END
          WHEN is_last AND NOT is_current AND sys_from < sys_to AND NOT allowed THEN 'vanished'
        END AS problem FROM excused)
    SELECT %4$L, problem,
           jsonb_build_object(%5$s),
           sys_version,
           CASE problem
             WHEN 'period' THEN format('ends %%s before it begins %%s', sys_to, sys_from)
             WHEN 'gap or overlap' THEN format('begins %%s, but version %%s ends %%s', sys_from, last_version, last_to)
             WHEN 'number' THEN format('follows version %%s', coalesce(last_version::text, 'none'))
             WHEN 'row without past' THEN 'the versions before it are not there'
             WHEN 'vanished' THEN 'it ended, and there is neither a next version nor a tombstone'
           END
      FROM judged WHERE problem IS NOT NULL$query$,
    key, pg_catalog.format('%I.%I', m.storage_schema, m.storage_name), pg_catalog.format('%I.%I', m.past_schema, m.past_name),
    pg_catalog.format('%I.%I', m.schema_name, m.table_name), as_json, named,
    -- Numbers that a client chose, or versions that were taken out.
    CASE WHEN m.version_gaps THEN 'true'
         WHEN m.immutable AND pg_catalog.to_regclass(yore._amendments(m)) IS NOT NULL
         THEN pg_catalog.format('EXISTS (SELECT FROM %s AS a WHERE a.entity_id = k1 AND a.operation = ''DELETE''
                                            AND (a.version > coalesce(last_version, 0) AND a.version < sys_version OR is_last AND a.version > sys_version))',
           yore._amendments(m))
         ELSE 'false' END);
END
$$;
COMMENT ON FUNCTION yore._verify_versions(yore.tracked) IS 'The part of yore.verify that follows every row through its versions.';

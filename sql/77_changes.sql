-- What has changed: one table or all, in one order.

CREATE OR REPLACE FUNCTION yore._skips_versions(m yore.tracked) RETURNS boolean
LANGUAGE sql STABLE
AS $$
  SELECT m.version_gaps OR m.immutable AND EXISTS (
         SELECT FROM pg_catalog.pg_class AS c JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
          WHERE (n.nspname, c.relname) = (m.past_schema, yore._derived(m.table_name, '_amendments')))
$$;
COMMENT ON FUNCTION yore._skips_versions(yore.tracked) IS
  'Whether the version before one need not have the number before its own: clients may have chosen numbers, or versions may have been taken out.';

CREATE OR REPLACE FUNCTION yore._began_within(m yore.tracked, alias text, from_time timestamptz, to_time timestamptz) RETURNS text
LANGUAGE sql STABLE
AS $$
  -- valid_from is NULL for what has always been so, which there is under
  -- since => '-infinity' alone. Nothing ends before it begins: by valid_to, the
  -- past's block-range index passes over all that was over by then.
  SELECT pg_catalog.concat_ws(' AND ', 'true',
           CASE WHEN from_time > '-infinity'
                THEN pg_catalog.format('%1$s.%2$I OPERATOR(pg_catalog.>=) %4$L::timestamptz AND (%1$s.%3$I IS NULL OR %1$s.%3$I OPERATOR(pg_catalog.>=) %4$L::timestamptz)',
                                       alias, yore._shown(m, 'valid_from'), yore._shown(m, 'valid_to'), yore._utc(from_time)) END,
           CASE WHEN to_time = '-infinity' THEN 'false'
                WHEN to_time < 'infinity'
                THEN pg_catalog.format(CASE WHEN m.since = '-infinity' THEN '(%1$s.%2$I IS NULL OR %1$s.%2$I OPERATOR(pg_catalog.<) %3$L::timestamptz)'
                                            ELSE '%1$s.%2$I OPERATOR(pg_catalog.<) %3$L::timestamptz' END,
                                       alias, yore._shown(m, 'valid_from'), yore._utc(to_time)) END)
$$;
COMMENT ON FUNCTION yore._began_within(yore.tracked, text, timestamptz, timestamptz) IS
  'The condition that a version of history, called alias, began in [from_time, to_time); NULL is open.';

CREATE OR REPLACE FUNCTION yore._version_before(m yore.tracked, one_by_one boolean) RETURNS text
LANGUAGE sql STABLE
AS $$
  -- A tombstone, which ends as it begins, is none: the row is new again. It is told
  -- by its times, of which PostgreSQL has statistics.
  SELECT pg_catalog.format(
    CASE WHEN yore._skips_versions(m)
         THEN 'LATERAL (SELECT p.* FROM %1$s AS p WHERE %2$s AND p.%3$I OPERATOR(pg_catalog.<) v.%3$I ORDER BY p.%3$I DESC LIMIT 1) AS p ON (p.%4$I OPERATOR(pg_catalog.=) p.%5$I) IS NOT TRUE'
         WHEN one_by_one
         THEN 'LATERAL (SELECT p.* FROM %1$s AS p WHERE %2$s AND p.%3$I OPERATOR(pg_catalog.=) (v.%3$I OPERATOR(pg_catalog.-) 1) LIMIT 1) AS p ON (p.%4$I OPERATOR(pg_catalog.=) p.%5$I) IS NOT TRUE'
         ELSE '%1$s AS p ON %2$s AND p.%3$I OPERATOR(pg_catalog.=) (v.%3$I OPERATOR(pg_catalog.-) 1) AND (p.%4$I OPERATOR(pg_catalog.=) p.%5$I) IS NOT TRUE' END,
    yore._qualified(yore._history(m)), yore._key_match(yore._storage(m), m.key_columns, 'p.%1$I %2$s v.%1$I'),
    yore._shown(m, 'version'), yore._shown(m, 'valid_from'), yore._shown(m, 'valid_to'))
$$;
COMMENT ON FUNCTION yore._version_before(yore.tracked, boolean) IS
  'What follows LEFT JOIN: the version p that v superseded. one_by_one: each by index, where few are asked for.';

CREATE OR REPLACE FUNCTION yore._changed_rows(m yore.tracked, tests jsonb) RETURNS text
LANGUAGE sql STABLE
AS $$
  -- Never what a tombstone says: that may be of a version that its own transaction
  -- made and deleted.
  SELECT yore._matches(tests, 'v', true) || CASE WHEN yore._matches(tests, 'v', false) = 'true' THEN ''
    ELSE pg_catalog.format(' AND (v.%I IS NULL AND %s OR EXISTS (SELECT FROM (SELECT) AS o JOIN %s WHERE %s))',
           yore._shown(m, 'deleted_at'), yore._matches(tests, 'v', false), yore._version_before(m, true), yore._matches(tests, 'p', false)) END
$$;
COMMENT ON FUNCTION yore._changed_rows(yore.tracked, jsonb) IS
  'The condition that the row matches, before or after the change that made the version v of history.';

CREATE OR REPLACE FUNCTION yore._changed_keys(m yore.tracked, tests jsonb) RETURNS text
LANGUAGE sql STABLE
AS $$
  SELECT pg_catalog.format('(SELECT DISTINCT %s FROM %s AS k WHERE %s AND %s)',
    (SELECT pg_catalog.string_agg(pg_catalog.format('k.%I', c), ', ') FROM pg_catalog.unnest(m.key_columns) AS c),
    yore._qualified(yore._history(m)), yore._matches(tests, 'k', true), yore._matches(tests, 'k', false))
$$;
COMMENT ON FUNCTION yore._changed_keys(yore.tracked, jsonb) IS 'The query of the keys that have a version which matches: an index may tell them.';

CREATE OR REPLACE FUNCTION yore._changes_of(m yore.tracked, from_time timestamptz, to_time timestamptz, matching jsonb, of_xid xid8, newest_first boolean, max_rows bigint)
RETURNS text
LANGUAGE plpgsql STABLE
AS $$
DECLARE
  tests   jsonb := yore._matching(m, matching);
  -- By the columns of the key, which are sorted faster than the key as JSON.
  -- A version of an immutable table has begun at some time: without a word about
  -- NULLs an index of the times gives the order.
  ordered text := pg_catalog.format('v.%1$I %3$s%4$s, v.%2$I %3$s, ', yore._shown(m, 'valid_from'), yore._shown(m, 'xid'),
                                    CASE WHEN newest_first THEN 'DESC' ELSE 'ASC' END,
                                    CASE WHEN NOT m.immutable THEN CASE WHEN newest_first THEN ' NULLS LAST' ELSE ' NULLS FIRST' END END)
               || (SELECT pg_catalog.string_agg(pg_catalog.format('v.%I %s', k, CASE WHEN newest_first THEN 'DESC' ELSE 'ASC' END), ', ' ORDER BY place)
                     FROM pg_catalog.unnest(m.key_columns::text[] || yore._shown(m, 'version')::text) WITH ORDINALITY AS u (k, place));
BEGIN
  RETURN yore._fill($query$
  SELECT {table_name} AS table_name, {key} AS key, v.{version} AS version, v.{valid_from} AS at,
         CASE WHEN v.{deleted_at} IS NOT NULL THEN 'delete' WHEN p.{version} IS NULL THEN 'insert' ELSE 'update' END AS kind,
         CASE WHEN v.{deleted_at} IS NULL THEN {changed} ELSE {had} END AS columns,
         CASE WHEN p.{version} IS NOT NULL THEN {old} END AS old,
         CASE WHEN v.{deleted_at} IS NULL THEN {new} END AS new,
         v.{xid} AS xid, pg_catalog.row_number() OVER (ORDER BY {ordered}) AS place
    FROM (SELECT v.* FROM {versions} WHERE {began} AND {of_xid} AND {matches}{first}) AS v
    LEFT JOIN {before}$query$,
    pg_catalog.jsonb_build_object(
      'table_name', pg_catalog.quote_literal(yore._written(m)),
      'version', pg_catalog.quote_ident(yore._shown(m, 'version')),
      'valid_from', pg_catalog.quote_ident(yore._shown(m, 'valid_from')),
      'deleted_at', pg_catalog.quote_ident(yore._shown(m, 'deleted_at')),
      'xid', pg_catalog.quote_ident(yore._shown(m, 'xid')),
      'key', yore._key_json(m, 'v'),
      'changed', yore._columns_where(m, 'pg_catalog.record_image_ne(ROW(v.%1$I), ROW(p.%1$I))'),
      'had', yore._columns_where(m, 'pg_catalog.num_nonnulls(p.%1$I) OPERATOR(pg_catalog.=) 1'),
      'old', yore._row_json(m, 'p'),
      'new', yore._row_json(m, 'v'),
      'ordered', ordered,
      'began', yore._began_within(m, 'v', from_time, to_time),
      'of_xid', CASE WHEN of_xid IS NULL THEN 'true' ELSE pg_catalog.format('v.%I OPERATOR(pg_catalog.=) %L::pg_catalog.xid8', yore._shown(m, 'xid'), of_xid) END,
      'matches', yore._changed_rows(m, tests),
      'first', CASE WHEN max_rows IS NULL THEN '' ELSE pg_catalog.format(' ORDER BY %s LIMIT %s', ordered, max_rows) END,
      -- Versions are asked for key by key where that must be fewer.
      'versions', CASE WHEN yore._matches(tests, 'v', false) = 'true' OR from_time > '-infinity' OR of_xid IS NOT NULL
                       THEN pg_catalog.format('%s AS v', yore._qualified(yore._history(m)))
                       ELSE pg_catalog.format('%s AS k CROSS JOIN LATERAL (SELECT v.* FROM %s AS v WHERE %s OFFSET 0) AS v', yore._changed_keys(m, tests),
                                              yore._qualified(yore._history(m)), yore._key_match(yore._storage(m), m.key_columns, 'v.%1$I %2$s k.%1$I')) END,
      'before', yore._version_before(m, tests <> '[]' OR max_rows IS NOT NULL)));
END
$$;
COMMENT ON FUNCTION yore._changes_of(yore.tracked, timestamptz, timestamptz, jsonb, xid8, boolean, bigint) IS
  'The query of yore.changes of one table, without order and transactions; place is a change''s within the table.';

CREATE OR REPLACE FUNCTION yore._changes(tables text[], from_time timestamptz, to_time timestamptz, matching jsonb, of_xid xid8, newest_first boolean, max_rows bigint)
RETURNS TABLE (table_name text, key jsonb, version bigint, at timestamptz, kind text, columns text[], old jsonb, new jsonb, xid xid8, actor text, reason text, meta jsonb)
LANGUAGE plpgsql STABLE SET jit = off   -- which takes longer than most of these queries
AS $$
DECLARE
  found yore.tracked[];
  query text;
  tells boolean := pg_catalog.has_table_privilege('yore.transaction', 'SELECT');
BEGIN
  PERFORM yore._check_max_rows(max_rows);
  IF tables IS NULL THEN
    SELECT pg_catalog.array_agg(k) INTO found FROM yore.tracked AS k
     WHERE yore._reads_history(k) AND yore._row_columns(k) @> ARRAY(SELECT pg_catalog.jsonb_object_keys(matching) WHERE pg_catalog.jsonb_typeof(matching) = 'object');
    IF found IS NULL AND matching IS NOT NULL THEN
      PERFORM yore._fail('YO007', pg_catalog.format('of no tracked table may role %I read a history with the columns of %s', current_user, matching),
                         'SELECT * FROM yore.status() lists the tables.');
    END IF;
  ELSE
    SELECT pg_catalog.array_agg(k) INTO found FROM (SELECT DISTINCT yore._tracked(n) AS k FROM pg_catalog.unnest(tables) AS n) AS u;
  END IF;
  SELECT pg_catalog.string_agg(yore._changes_of(k, from_time, to_time, matching, of_xid, newest_first, max_rows), E'\nUNION ALL')
    INTO query FROM pg_catalog.unnest(found) AS k;
  IF query IS NULL THEN
    RETURN;   -- nothing is tracked, or nothing granted
  END IF;
  RETURN QUERY EXECUTE pg_catalog.format($sql$
    SELECT c.table_name, c.key, c.version, c.at, c.kind, c.columns, c.old, c.new, c.xid, %2$s
      FROM (%1$s) AS c%3$s
     ORDER BY c.at %4$s NULLS %5$s, c.xid %4$s, c.table_name COLLATE "C" %4$s, c.place LIMIT %6$s$sql$,
    query,
    CASE WHEN tells THEN 'x.actor, x.reason, x.meta' ELSE 'NULL::text, NULL::text, NULL::jsonb' END,
    CASE WHEN tells THEN ' LEFT JOIN LATERAL yore.transaction_of(c.xid, c.at) AS x ON true' ELSE '' END,
    CASE WHEN newest_first THEN 'DESC' ELSE 'ASC' END, CASE WHEN newest_first THEN 'LAST' ELSE 'FIRST' END,
    coalesce(max_rows::text, 'ALL'));
END
$$;
COMMENT ON FUNCTION yore._changes(text[], timestamptz, timestamptz, jsonb, xid8, boolean, bigint) IS
  'yore.changes of several tables; NULL: of all whose history the caller may read.';

CREATE OR REPLACE FUNCTION yore.changes(
  t            text        DEFAULT NULL,
  from_time    timestamptz DEFAULT NULL,
  to_time      timestamptz DEFAULT NULL,
  matching     jsonb       DEFAULT NULL,
  of_xid       xid8        DEFAULT NULL,
  newest_first boolean     DEFAULT false,
  max_rows     bigint      DEFAULT NULL
) RETURNS TABLE (table_name text, key jsonb, version bigint, at timestamptz, kind text, columns text[], old jsonb, new jsonb,
                 xid xid8, actor text, reason text, meta jsonb)
LANGUAGE sql STABLE
AS $$ SELECT * FROM yore._changes(CASE WHEN t IS NOT NULL THEN ARRAY[t] END, from_time, to_time, matching, of_xid, newest_first, max_rows) $$;
COMMENT ON FUNCTION yore.changes(text, timestamptz, timestamptz, jsonb, xid8, boolean, bigint) IS
  'Every change of the tracked table t, or, where t is NULL, of all whose history the caller may read, that was made in [from_time, to_time), NULL being open: kind insert, update or delete, old and new as whole rows of the face, columns the user''s that differ or, of a row that came or went, that are not NULL. matching: only where the row before or after has these column values; without t, of the tables that have these columns. Ordered by at (NULL: since ever), xid, table, key, version. actor, reason and meta are NULL for those who may not read yore.transaction. Errors: YO003 t is not tracked, YO007 matching or max_rows, 42501 the history is not granted. No lock but that of reading.';

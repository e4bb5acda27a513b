-- When anything happened.

CREATE OR REPLACE FUNCTION yore.timeline(
  t            text,
  matching     jsonb       DEFAULT NULL,
  after        timestamptz DEFAULT NULL,
  before       timestamptz DEFAULT NULL,
  newest_first boolean     DEFAULT false,
  max_rows     bigint      DEFAULT NULL
) RETURNS SETOF timestamptz
LANGUAGE plpgsql STABLE SET jit = off
AS $$
DECLARE
  m     yore.tracked := yore._tracked(t);
  tests jsonb := yore._matching(m, matching);
  other text := yore._matches(tests, 'v', false);
BEGIN
  PERFORM yore._check_max_rows(max_rows);
  -- A tombstone says the same as the end of the version before it, and its data
  -- may be of one that its own transaction made and deleted: it counts only where
  -- the key alone is asked for. Each part has the order and the limit of the whole,
  -- so that an index on the times finds the first ones.
  RETURN QUERY EXECUTE yore._fill($query$
    (SELECT DISTINCT v.{valid_from} AS moment FROM {history} AS v
      WHERE v.{valid_from} OPERATOR(pg_catalog.>) {after} AND v.{valid_from} OPERATOR(pg_catalog.<) {before} AND {of_key} AND {of_others}
      ORDER BY 1 {direction} LIMIT {max_rows})
    UNION
    (SELECT DISTINCT v.{valid_to} FROM {history} AS v
      WHERE v.{valid_to} OPERATOR(pg_catalog.>) {after} AND v.{valid_to} OPERATOR(pg_catalog.<) {before} AND {of_key} AND {of_others}
      ORDER BY 1 {direction} LIMIT {max_rows})
     ORDER BY 1 {direction} LIMIT {max_rows}$query$,
    pg_catalog.jsonb_build_object(
      'history', yore._qualified(yore._history(m)),
      'valid_from', pg_catalog.quote_ident(yore._shown(m, 'valid_from')),
      'valid_to', pg_catalog.quote_ident(yore._shown(m, 'valid_to')),
      'after', pg_catalog.format('%L::timestamptz', coalesce(yore._utc(after), '-infinity')),
      'before', pg_catalog.format('%L::timestamptz', coalesce(yore._utc(before), 'infinity')),
      'of_key', yore._matches(tests, 'v', true),
      'of_others', CASE WHEN other = 'true' THEN other ELSE pg_catalog.format('v.%I IS NULL AND %s', yore._shown(m, 'deleted_at'), other) END,
      'direction', CASE WHEN newest_first THEN 'DESC' ELSE 'ASC' END,
      'max_rows', coalesce(max_rows::text, 'ALL')));
END
$$;
COMMENT ON FUNCTION yore.timeline(text, jsonb, timestamptz, timestamptz, boolean, bigint) IS
  'The moments, each once and in order, at which a version of the tracked table t began or ended; matching: of the versions with these column values. after and before are exclusive. Never NULL or infinite. Errors: YO003 t is not tracked, YO007 matching or max_rows, 42501 the history is not granted. No lock but that of reading.';

CREATE OR REPLACE FUNCTION yore.lifetimes(t text, matching jsonb DEFAULT NULL) RETURNS TABLE (valid_from timestamptz, valid_to timestamptz)
LANGUAGE plpgsql STABLE SET jit = off
AS $$
DECLARE
  m     yore.tracked := yore._tracked(t);
  tests jsonb := yore._matching(m, matching);
BEGIN
  -- Versions that touch or overlap are one lifetime: a new one begins where all
  -- before have ended.
  RETURN QUERY EXECUTE yore._fill($query$
    WITH versions AS (
      SELECT coalesce(v.{valid_from}, '-infinity') AS begins, coalesce(v.{valid_to}, 'infinity') AS ends
        FROM {history} AS v WHERE v.{deleted_at} IS NULL AND {of_key} AND {of_others}),
    starts AS (
      SELECT begins, ends,
             begins OPERATOR(pg_catalog.<=) pg_catalog.max(ends) OVER (ORDER BY begins, ends ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS goes_on
        FROM versions),
    lifetimes AS (
      SELECT begins, ends, pg_catalog.count(*) FILTER (WHERE goes_on IS NOT TRUE) OVER (ORDER BY begins, ends) AS number
        FROM starts)
    SELECT nullif(pg_catalog.min(begins), '-infinity'), nullif(pg_catalog.max(ends), 'infinity')
      FROM lifetimes GROUP BY number ORDER BY number$query$,
    pg_catalog.jsonb_build_object(
      'history', yore._qualified(yore._history(m)),
      'valid_from', pg_catalog.quote_ident(yore._shown(m, 'valid_from')),
      'valid_to', pg_catalog.quote_ident(yore._shown(m, 'valid_to')),
      'deleted_at', pg_catalog.quote_ident(yore._shown(m, 'deleted_at')),
      'of_key', yore._matches(tests, 'v', true),
      'of_others', yore._matches(tests, 'v', false)));
END
$$;
COMMENT ON FUNCTION yore.lifetimes(text, jsonb) IS
  'The half-open periods, in order, in which there were rows of the tracked table t with these column values; NULL is open. Errors: YO003 t is not tracked, YO007 matching, 42501 the history is not granted. No lock but that of reading.';

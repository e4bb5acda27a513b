-- Adopting from ImmuTable, the Elixir library: one table to which versions are
-- added; the current one of an entity is that with the highest number.

CREATE OR REPLACE FUNCTION yore._template_judge_numbered() RETURNS text LANGUAGE sql IMMUTABLE AS $outer$ SELECT $$
WITH found AS (
  SELECT h.entity_id AS k1, h.tableoid AS source, h.ctid AS place, h.version::bigint AS number, {begins} AS begins,
         {deleted} AS deleted_at, h.deleted_at IS NOT NULL AS is_tombstone
    FROM {from_history} AS h),
seen AS (
  SELECT f.*,
         CASE WHEN k1 IS NULL THEN 'NULL key'
              WHEN number IS NULL OR number < 1 THEN 'no number'
              WHEN begins IS NULL OR NOT pg_catalog.isfinite(begins) THEN 'no time' END AS unfit
    FROM found AS f),
counted AS (
  -- Of two with one number, the later.
  SELECT s.*,
         unfit IS NULL AND row_number() OVER (PARTITION BY k1, number, unfit IS NULL ORDER BY begins DESC, source DESC, place DESC) > 1 AS is_double,
         lag(number, 1, 0::bigint) OVER (PARTITION BY k1, unfit IS NULL ORDER BY number) AS number_before,
         max(number) FILTER (WHERE unfit IS NULL) OVER (PARTITION BY k1) AS last_number
    FROM seen AS s),
placed AS (
  SELECT c.*, max(begins) FILTER (WHERE unfit IS NULL AND NOT is_double AND number = last_number) OVER (PARTITION BY k1) AS last_begins
    FROM counted AS c),
folded AS (
  -- The last version stands, whatever time it has: it is the present.
  SELECT p.*,
         yore._adopt_until(CASE WHEN unfit IS NULL AND NOT is_double
                                 AND (number = last_number OR begins < last_begins OR begins = last_begins AND is_tombstone) THEN begins END,
                           CASE WHEN is_tombstone THEN begins ELSE begins + interval '1 microsecond' END)
           OVER (PARTITION BY k1 ORDER BY number, is_double, source, place ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS until
    FROM placed AS p),
judged AS (
  SELECT f.*, t.too_early, unfit IS NOT NULL OR is_double OR t.too_early AS is_left_out
    FROM folded AS f
   CROSS JOIN LATERAL (
         SELECT unfit IS NULL AND NOT is_double AND coalesce(number < last_number AND (begins < until OR begins > last_begins OR begins = last_begins AND NOT is_tombstone), false)) AS t (too_early)),
chained AS (
  SELECT j.*, lead(begins) OVER (PARTITION BY k1, is_left_out ORDER BY number) AS next_begins FROM judged AS j)
SELECT source, place,
       CASE WHEN is_left_out THEN 'left out' WHEN next_begins IS NULL AND NOT is_tombstone THEN 'current' ELSE 'past' END AS fate,
       begins, CASE WHEN is_tombstone THEN begins ELSE coalesce(next_begins, 'infinity') END AS ends,
       false AS begins_now, false AS ends_now, false AS deletes, NOT is_left_out AND (next_begins IS NOT NULL OR NOT is_tombstone) AS goes_on,
       number AS version, p.problem, n.note,
       CASE WHEN p.problem IS NOT NULL OR n.note IS NOT NULL THEN pg_catalog.jsonb_build_object('entity_id', k1, 'version', number) END AS key,
       CASE p.problem
         WHEN 'duplicate' THEN 'the entity has this number twice'
         WHEN 'time order' THEN 'begins no later than the version before it, or no earlier than the last'
         WHEN 'number gap' THEN pg_catalog.format('follows version %s', number_before)
         ELSE CASE WHEN n.note IS NOT NULL THEN pg_catalog.format('deleted_at was %s: the tombstone stands at its valid_from', yore._utc(deleted_at)) END
       END AS detail
  FROM chained
 CROSS JOIN LATERAL (
       SELECT CASE WHEN unfit IS NOT NULL THEN unfit
                   WHEN is_double THEN 'duplicate'
                   WHEN too_early THEN 'time order'
                   WHEN number > number_before + 1 THEN 'number gap' END) AS p (problem)
 CROSS JOIN LATERAL (
       SELECT CASE WHEN NOT is_left_out AND is_tombstone AND deleted_at <> begins THEN 'deletion time' END) AS n (note)$$ $outer$;
COMMENT ON FUNCTION yore._template_judge_numbered() IS
  'The query that judges the versions of one table of numbered versions: as _template_judge, but that the number decides which version follows which.';

CREATE OR REPLACE FUNCTION yore._adopt_immutable(rel regclass) RETURNS jsonb
LANGUAGE plpgsql STABLE
AS $$
BEGIN
  IF (SELECT pg_catalog.count(*) FROM pg_catalog.pg_attribute AS a
       WHERE a.attrelid = rel AND a.attnum > 0 AND NOT a.attisdropped
         AND (a.attname IN ('id', 'entity_id') AND a.atttypid = 'pg_catalog.uuid'::regtype
           OR a.attname = 'version' AND a.atttypid IN ('pg_catalog.int4'::regtype, 'pg_catalog.int8'::regtype)
           OR a.attname IN ('valid_from', 'deleted_at') AND a.atttypid IN ('pg_catalog.timestamp'::regtype, 'pg_catalog.timestamptz'::regtype))) < 5
     OR (SELECT c.relkind <> 'r' FROM pg_catalog.pg_class AS c WHERE c.oid = rel) THEN
    RETURN NULL;
  END IF;
  RETURN pg_catalog.jsonb_build_object(
    'system', 'ImmuTable', 'detach', 'immutable', 'immutable', true,
    'current', rel::oid, 'history', rel::oid,
    'from_current', rel::text, 'from_history', rel::text,
    'begins', yore._as_timestamptz(rel, 'valid_from', 'h.valid_from'), 'ends', 'NULL',
    'deleted', yore._as_timestamptz(rel, 'deleted_at', 'h.deleted_at'),
    'row_id', 'h.id',
    'period', 'version and valid_from; the highest version is current, deleted_at marks a tombstone',
    'own_columns', '["id", "version", "valid_from", "deleted_at"]'::jsonb,
    'drop_columns', '["id", "version", "valid_from", "deleted_at"]'::jsonb);
END
$$;
COMMENT ON FUNCTION yore._adopt_immutable(regclass) IS
  'The source, if rel is a table of ImmuTable: id and entity_id, both uuid, version, valid_from, deleted_at. NULL if not.';

CREATE OR REPLACE FUNCTION yore._detach_immutable(s jsonb) RETURNS jsonb
LANGUAGE plpgsql VOLATILE
AS $$
DECLARE
  current regclass := (s ->> 'current')::oid;
BEGIN
  EXECUTE pg_catalog.format('CREATE TEMPORARY TABLE yore_adopted_rows AS SELECT h.tableoid AS sys_source, h.ctid AS sys_place, h.* FROM %s AS h', current);
  -- The table goes on with the current rows alone: its constraints, grants, comments and policies with them.
  EXECUTE pg_catalog.format(
    'DELETE FROM %s AS c WHERE NOT EXISTS (SELECT FROM pg_temp.yore_adopted AS a WHERE a.fate = ''current'' AND a.source = c.tableoid AND a.place = c.ctid)', current);
  RETURN s;
END
$$;
COMMENT ON FUNCTION yore._detach_immutable(jsonb) IS 'Copies all versions aside and leaves the current rows in the table.';

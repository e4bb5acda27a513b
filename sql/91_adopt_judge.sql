-- Judging: one query says of every version of a source what becomes of it. Dry
-- run and adoption ask the same one.

CREATE OR REPLACE FUNCTION yore._adopt_fold(until timestamptz, begins timestamptz, ends timestamptz) RETURNS timestamptz
LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS $$ SELECT CASE WHEN begins IS NULL OR begins < until THEN until ELSE ends END $$;
COMMENT ON FUNCTION yore._adopt_fold(timestamptz, timestamptz, timestamptz) IS 'The step of yore._adopt_until.';

CREATE OR REPLACE AGGREGATE yore._adopt_until(begins timestamptz, ends timestamptz) (
  SFUNC = yore._adopt_fold, STYPE = timestamptz);
COMMENT ON AGGREGATE yore._adopt_until(timestamptz, timestamptz) IS
  'Over versions in the order of their begin: the end of the last one that could be taken, where one that begins earlier than that is passed over, as are those without begin.';

-- Where row and history disagree about the present, the history holds up to the
-- adoption and the row from then on: nothing is lost, and either says what it said.
CREATE OR REPLACE FUNCTION yore._template_judge() RETURNS text LANGUAGE sql IMMUTABLE AS $outer$ SELECT $$
WITH twins AS (
  -- Each current row beside the newest open version that the history has of it.
  SELECT t.*, differs AND (row_begins IS NULL OR row_begins = begins) AS disagrees,
         NOT differs AND (row_begins IS NULL OR row_begins = begins) AS agrees
    FROM (SELECT DISTINCT ON ({c_key}) c.tableoid AS row_source, c.ctid AS row_place, h.tableoid AS source, h.ctid AS place,
                 {begins} AS begins, {row_begins} AS row_begins,
                 NOT pg_catalog.record_image_eq(ROW({c_compared}), ROW({h_compared})) AS differs
            FROM {from_current} AS c JOIN {from_history} AS h ON {h_is_c}
           WHERE {ends} = 'infinity' AND {begins} < 'infinity'
           ORDER BY {c_key}, {begins} DESC, h.ctid DESC) AS t),
found AS (
  SELECT {h_key_named}, h.tableoid AS source, h.ctid AS place, false AS is_row,
         {begins} AS begins, {ends} AS ends, NULL::timestamptz AS twin_begins,
         coalesce(t.disagrees, false) AS disagrees, coalesce(t.agrees, false) AS agrees
    FROM {from_history} AS h LEFT JOIN twins AS t ON t.source = h.tableoid AND t.place = h.ctid
  UNION ALL
  SELECT {c_key_named}, c.tableoid, c.ctid, true,
         {row_begins}, 'infinity', t.begins, coalesce(t.disagrees, false), coalesce(t.agrees, false)
    FROM {from_current} AS c LEFT JOIN twins AS t ON t.row_source = c.tableoid AND t.row_place = c.ctid),
seen AS (
  SELECT f.*,
         CASE WHEN is_row THEN NULL
              WHEN {key_is_null} THEN 'NULL key'
              WHEN begins > ends THEN 'inverted period'
              WHEN begins IS NULL OR ends IS NULL OR begins = ends THEN 'empty period'
         END AS unfit,
         bool_or(is_row) OVER k AS has_row,
         max(begins) FILTER (WHERE NOT is_row AND ends = 'infinity' AND begins < ends) OVER k AS open_begins,
         -- Later than all that is recorded, if clocks were wrong.
         greatest(pg_catalog.transaction_timestamp(),
                  max(begins) FILTER (WHERE begins < 'infinity') OVER k + interval '1 microsecond',
                  max(ends) FILTER (WHERE ends < 'infinity') OVER k) AS adopted
    FROM found AS f WINDOW k AS (PARTITION BY {key})),
dated AS (
  SELECT {key}, source, place, is_row, unfit, agrees AND NOT is_row AS is_copy, w.begins_now, w.ends_now,
         CASE WHEN w.begins_now THEN adopted WHEN is_row AND begins IS NULL THEN twin_begins ELSE begins END AS begins,
         CASE WHEN w.ends_now THEN adopted ELSE ends END AS ends,
         CASE WHEN is_row AND w.begins_now AND NOT disagrees THEN 'row without version'
              WHEN w.ends_now THEN CASE WHEN has_row THEN 'values differ' ELSE 'version without row' END
         END AS disagreement
    FROM seen
   CROSS JOIN LATERAL (
         SELECT is_row AND (disagrees OR begins IS NULL AND NOT agrees) AS begins_now,
                NOT is_row AND unfit IS NULL AND ends = 'infinity' AND (disagrees OR NOT has_row AND begins = open_begins) AS ends_now) AS w),
placed AS (
  SELECT d.*, max(begins) FILTER (WHERE is_row) OVER (PARTITION BY {key}) AS row_began FROM dated AS d),
folded AS (
  SELECT p.*, lag(begins) OVER o AS last_begins, lag(ends) OVER o AS last_ends,
         yore._adopt_until(CASE WHEN NOT is_row AND NOT is_copy AND unfit IS NULL AND (row_began IS NULL OR ends <= row_began) THEN begins END, ends)
           OVER (o ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS until
    FROM placed AS p WINDOW o AS (PARTITION BY {key} ORDER BY begins, ends, is_row, source, place)),
judged AS (
  SELECT f.*,
         CASE WHEN is_row THEN disagreement
              WHEN is_copy THEN NULL
              WHEN unfit IS NOT NULL THEN unfit
              WHEN begins < until AND begins = last_begins AND ends = last_ends THEN 'duplicate'
              WHEN begins < until OR ends > row_began THEN 'overlap'
              ELSE disagreement END AS problem,
         CASE WHEN is_row THEN 'current'
              WHEN is_copy THEN 'copy'
              WHEN unfit IS NOT NULL OR begins < until OR ends > row_began THEN 'left out'
              ELSE 'past' END AS fate,
         CASE WHEN ends > row_began THEN row_began ELSE until END AS against
    FROM folded AS f),
chained AS (
  SELECT j.*, lead(begins) OVER (PARTITION BY {key}, fate IN ('past', 'current') ORDER BY begins, is_row) AS next_begins
    FROM judged AS j),
ended AS (
  SELECT c.*, fate = 'past' AND (next_begins IS NULL OR ends < next_begins) AS deletes,
         -- Between its end and the next begin.
         coalesce(max(CASE WHEN fate = 'left out' AND begins < ends THEN ends END) OVER (PARTITION BY {key} ORDER BY begins RANGE UNBOUNDED PRECEDING) > ends, false)
         OR coalesce(lead(begins) OVER (PARTITION BY {key} ORDER BY begins, is_row, fate) < next_begins, false) AS left_out
    FROM chained AS c)
SELECT source, place, fate, begins, ends, begins_now, ends_now, deletes, fate = 'current' OR next_begins IS NOT NULL AS goes_on,
       CASE WHEN fate IN ('past', 'current')
            THEN row_number() OVER chain + count(*) FILTER (WHERE deletes) OVER (chain ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) END AS version,
       problem, CASE WHEN deletes AND next_begins IS NOT NULL THEN 'gap' END AS note,
       CASE WHEN problem IS NOT NULL OR deletes AND next_begins IS NOT NULL THEN pg_catalog.jsonb_build_object({key_json}) END AS key,
       CASE problem
         WHEN 'overlap' THEN CASE WHEN ends > row_began THEN 'the current row began ' ELSE 'the version before it ended ' END || yore._utc(against)
         WHEN 'duplicate' THEN 'the history has the same period twice'
         WHEN 'values differ' THEN 'the current row is not what its open version says: one holds up to the adoption, the other from then on'
         WHEN 'version without row' THEN 'still open, but there is no such row: ends with the adoption'
         WHEN 'row without version' THEN 'the history does not say from when: begins with the adoption'
         WHEN 'NULL key' THEN 'a version of no row'
         ELSE CASE WHEN deletes AND next_begins IS NOT NULL
                   THEN 'absent until ' || yore._utc(next_begins) || ': recorded as deleted' || CASE WHEN left_out THEN ', though a version that cannot be taken says otherwise' ELSE '' END END
       END AS detail
  FROM ended WINDOW chain AS (PARTITION BY {key}, fate IN ('past', 'current') ORDER BY begins, is_row)$$ $outer$;
COMMENT ON FUNCTION yore._template_judge() IS
  'The query that judges the versions of a source whose history is a table beside the current one: fate is current, past, copy (what the history repeats of a current row) or left out.';

CREATE OR REPLACE FUNCTION yore._adopt_judge(s jsonb) RETURNS text
LANGUAGE plpgsql STABLE
AS $$
DECLARE
  current regclass := (s ->> 'current')::oid;
  keys    text[] := ARRAY(SELECT pg_catalog.jsonb_array_elements_text(s -> 'key'));
  v       jsonb;
BEGIN
  -- The key columns by number: the query has names of its own.
  SELECT pg_catalog.jsonb_build_object(
           'key', pg_catalog.string_agg('k' || place, ', ' ORDER BY place),
           'c_key', pg_catalog.string_agg(pg_catalog.format('c.%I', k), ', ' ORDER BY place),
           'c_key_named', pg_catalog.string_agg(pg_catalog.format('c.%I AS k%s', k, place), ', ' ORDER BY place),
           'h_key_named', pg_catalog.string_agg(pg_catalog.format('h.%I AS k%s', k, place), ', ' ORDER BY place),
           'key_is_null', pg_catalog.string_agg(pg_catalog.format('k%s IS NULL', place), ' OR ' ORDER BY place),
           'key_json', pg_catalog.string_agg(pg_catalog.format('%L, k%s', k, place), ', ' ORDER BY place))
    INTO v FROM pg_catalog.unnest(keys) WITH ORDINALITY AS u (k, place);
  RETURN yore._fill(CASE WHEN (s ->> 'immutable')::boolean THEN yore._template_judge_numbered() ELSE yore._template_judge() END,
    v || pg_catalog.jsonb_build_object(
      'from_current', s ->> 'from_current', 'from_history', s ->> 'from_history',
      'begins', s ->> 'begins', 'ends', s ->> 'ends', 'row_begins', s ->> 'row_begins',
      'deleted', s ->> 'deleted', 'number', s ->> 'number',
      'h_is_c', yore._key_match(current, keys::name[], 'h.%1$I %2$s c.%1$I'),
      'c_compared', (SELECT coalesce(pg_catalog.string_agg(pg_catalog.format('c.%I', x), ', '), '') FROM pg_catalog.jsonb_array_elements_text(s -> 'compared') AS x),
      'h_compared', (SELECT coalesce(pg_catalog.string_agg(pg_catalog.format('h.%I', x), ', '), '') FROM pg_catalog.jsonb_array_elements_text(s -> 'compared') AS x)));
END
$$;
COMMENT ON FUNCTION yore._adopt_judge(jsonb) IS 'The query that judges the versions of this source.';

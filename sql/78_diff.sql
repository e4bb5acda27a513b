-- A table as of one time beside itself as of another.

CREATE OR REPLACE FUNCTION yore._check_known(m yore.tracked, t timestamptz) RETURNS void
LANGUAGE plpgsql STABLE
AS $$
BEGIN
  IF t < m.since THEN
    PERFORM yore._fail('YO014', pg_catalog.format('nothing is known of table %s as of %s: it is tracked since %s', yore._written(m), yore._utc(t), yore._utc(m.since)),
                       pg_catalog.format('Ask for a time from then on; SELECT yore.tracked_since(%L) gives the first.', yore._written(m)));
  END IF;
END
$$;
COMMENT ON FUNCTION yore._check_known(yore.tracked, timestamptz) IS 'Error YO014 for a time before the table''s past is known.';

CREATE OR REPLACE FUNCTION yore.diff(t text, from_time timestamptz, to_time timestamptz, matching jsonb DEFAULT NULL)
RETURNS TABLE (key jsonb, kind text, columns text[], old jsonb, new jsonb)
LANGUAGE plpgsql STABLE SET jit = off
AS $$
DECLARE
  m        yore.tracked := yore._tracked(t);
  earlier  timestamptz := least(coalesce(from_time, 'infinity'), coalesce(to_time, 'infinity'));
  later    timestamptz := greatest(coalesce(from_time, 'infinity'), coalesce(to_time, 'infinity'));
  reversed boolean := coalesce(from_time, 'infinity') > coalesce(to_time, 'infinity');
  tests    jsonb := yore._matching(m, matching);
  -- The rows of the earlier time, e, and of the later one, l.
  was      text := CASE WHEN reversed THEN 'l' ELSE 'e' END;
  is_now   text := CASE WHEN reversed THEN 'e' ELSE 'l' END;
BEGIN
  PERFORM yore._check_known(m, earlier);
  -- A version that both times have is the same row. So the earlier rows that count
  -- have ended by the later time, and the later ones have begun since: as many as
  -- have changed, however many there are.
  RETURN QUERY EXECUTE yore._fill($query$
    SELECT CASE WHEN {was}.{version} IS NULL THEN {key_is} ELSE {key_was} END,
           CASE WHEN {was}.{version} IS NULL THEN 'added' WHEN {is}.{version} IS NULL THEN 'removed' ELSE 'changed' END,
           {differ},
           CASE WHEN {was}.{version} IS NOT NULL THEN {old} END,
           CASE WHEN {is}.{version} IS NOT NULL THEN {new} END
      FROM (SELECT v.* FROM {history} AS v
             WHERE (v.{valid_from} IS NULL OR v.{valid_from} OPERATOR(pg_catalog.<=) {earlier})
               AND v.{valid_to} OPERATOR(pg_catalog.>) {earlier} AND v.{valid_to} OPERATOR(pg_catalog.<=) {later} AND {of_key}) AS e
      FULL JOIN (SELECT v.* FROM {history} AS v
             WHERE v.{valid_from} OPERATOR(pg_catalog.>) {earlier} AND v.{valid_from} OPERATOR(pg_catalog.<=) {later}
               AND (v.{valid_to} IS NULL OR v.{valid_to} OPERATOR(pg_catalog.>) {later}) AND {of_key}) AS l ON {same_key}
     WHERE (e.{version} IS NULL OR l.{version} IS NULL OR pg_catalog.record_image_ne(ROW({early}), ROW({late})))
       AND (e.{version} IS NOT NULL AND {early_matches} OR l.{version} IS NOT NULL AND {late_matches})
     ORDER BY 1$query$,
    pg_catalog.jsonb_build_object(
      'history', yore._qualified(yore._history(m)),
      'version', pg_catalog.quote_ident(yore._shown(m, 'version')),
      'valid_from', pg_catalog.quote_ident(yore._shown(m, 'valid_from')),
      'valid_to', pg_catalog.quote_ident(yore._shown(m, 'valid_to')),
      'earlier', pg_catalog.format('%L::timestamptz', yore._utc(earlier)),
      'later', pg_catalog.format('%L::timestamptz', yore._utc(later)),
      'was', was, 'is', is_now,
      'key_was', yore._key_json(m, was), 'key_is', yore._key_json(m, is_now),
      'differ', yore._columns_where(m, 'pg_catalog.record_image_ne(ROW(e.%1$I), ROW(l.%1$I))'),
      'old', yore._row_json(m, was), 'new', yore._row_json(m, is_now),
      'same_key', yore._key_match(yore._storage(m), m.key_columns, 'e.%1$I %2$s l.%1$I'),
      'early', yore._list(m.columns, 'e.%I', ', ', false), 'late', yore._list(m.columns, 'l.%I', ', ', false),
      'of_key', yore._matches(tests, 'v', true),
      'early_matches', yore._matches(tests, 'e', false), 'late_matches', yore._matches(tests, 'l', false)));
END
$$;
COMMENT ON FUNCTION yore.diff(text, timestamptz, timestamptz, jsonb) IS
  'The rows of the tracked table t as of from_time against those as of to_time, NULL being the present: kind added, removed or changed, columns the user''s that differ, old and new as whole rows of the face. What changed and changed back is not listed. A from_time after to_time gives the difference backwards. matching: only where the row of either time has these column values. Ordered by key. Reads what ended or began between the times, the present once. Errors: YO003 t is not tracked, YO007 matching, YO014 a time before yore.tracked_since, 42501 the history is not granted. No lock but that of reading.';

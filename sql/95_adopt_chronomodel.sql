-- Adopting from ChronoModel, the Ruby gem: a view of the current rows with INSTEAD
-- OF triggers, over temporal.t, from which history.t inherits. history.t has every
-- version, the open ones too; its validity is a tsrange in UTC.

CREATE OR REPLACE FUNCTION yore._adopt_chronomodel(rel regclass) RETURNS jsonb
LANGUAGE plpgsql STABLE
AS $$
#variable_conflict use_variable
DECLARE
  current  regclass;
  history  regclass;
  remark   text := pg_catalog.obj_description(rel, 'pg_class');
  options  jsonb := '{}';
BEGIN
  SELECT i.inhparent, i.inhrelid INTO current, history
    FROM pg_catalog.pg_class AS v
    JOIN pg_catalog.pg_rewrite AS r ON r.ev_class = v.oid
    JOIN pg_catalog.pg_depend AS d ON d.classid = 'pg_catalog.pg_rewrite'::regclass AND d.objid = r.oid AND d.refclassid = 'pg_catalog.pg_class'::regclass
    JOIN pg_catalog.pg_inherits AS i ON i.inhparent = d.refobjid
   WHERE v.oid = rel AND v.relkind = 'v'
     AND (SELECT pg_catalog.count(*) FROM pg_catalog.pg_attribute AS a
           WHERE a.attrelid = i.inhrelid AND NOT a.attisdropped AND a.attname IN ('hid', 'recorded_at')
              OR a.attrelid = i.inhrelid AND NOT a.attisdropped AND a.attname = 'validity' AND a.atttypid = 'pg_catalog.tsrange'::regtype) = 3
   LIMIT 1;
  IF current IS NULL THEN
    RETURN NULL;
  END IF;
  BEGIN
    options := remark::jsonb;
  EXCEPTION WHEN invalid_text_representation THEN
    options := '{}';   -- a remark of somebody's
  END;
  RETURN pg_catalog.jsonb_build_object(
    'system', pg_catalog.concat_ws(' ', 'ChronoModel', options ->> 'chronomodel'),
    'detach', 'chronomodel',
    'current', current::oid, 'history', history::oid,
    'from_current', pg_catalog.format('ONLY %s', current), 'from_history', history::text,
    'begins', yore._as_timestamptz(history, 'validity', yore._range_begins('h.validity')),
    'ends', yore._as_timestamptz(history, 'validity', yore._range_ends('h.validity')),
    'period', 'validity, a tsrange in UTC; open while current',
    'own_columns', '["hid", "validity", "recorded_at"]'::jsonb,
    'relations', pg_catalog.jsonb_build_array(rel::oid, history::oid),
    'functions', (SELECT coalesce(pg_catalog.jsonb_agg(DISTINCT p.oid), '[]') FROM pg_catalog.pg_trigger AS g JOIN pg_catalog.pg_proc AS p ON p.oid = g.tgfoid
                   WHERE g.tgrelid = rel AND NOT g.tgisinternal AND p.proname LIKE 'chronomodel\_%'),
    'options', yore._chronomodel_options(options, current),
    'notes', (SELECT coalesce(pg_catalog.jsonb_agg(n), '[]') FROM (
                SELECT pg_catalog.format('sequence %s moves to schema %I, where the table''s others are', d.objid::regclass, v.relnamespace::regnamespace)
                  FROM pg_catalog.pg_depend AS d JOIN pg_catalog.pg_class AS q ON q.oid = d.objid AND q.relkind = 'S', pg_catalog.pg_class AS v
                 WHERE d.refobjid = current AND d.deptype = 'a' AND v.oid = rel AND q.relnamespace <> v.relnamespace
                UNION ALL
                SELECT 'no_journal took updated_at in; with yore its change alone makes no version' WHERE options ? 'no_journal' AND NOT (options -> 'no_journal') ? 'updated_at'
                   AND EXISTS (SELECT FROM pg_catalog.pg_attribute AS a WHERE a.attrelid = current AND a.attname = 'updated_at' AND NOT a.attisdropped)) AS x (n)));
END
$$;
COMMENT ON FUNCTION yore._adopt_chronomodel(regclass) IS
  'The source, if rel is the view of a ChronoModel table: one over a table with a child that has hid, validity and recorded_at. NULL if not. The journal options are read from the view''s comment.';

CREATE OR REPLACE FUNCTION yore._chronomodel_options(options jsonb, current regclass) RETURNS jsonb
LANGUAGE plpgsql STABLE
AS $$
DECLARE
  named  text := CASE WHEN pg_catalog.jsonb_typeof(options -> 'journal') = 'array' THEN 'journal'
                      WHEN pg_catalog.jsonb_typeof(options -> 'no_journal') = 'array' THEN 'no_journal' END;
  listed jsonb;
BEGIN
  IF named IS NULL THEN
    RETURN CASE WHEN options -> 'full_journal' = 'true' THEN '{"full_journal": true}'::jsonb ELSE '{}' END;
  END IF;
  -- Names of columns that are gone are passed over, as ChronoModel does.
  SELECT coalesce(pg_catalog.jsonb_agg(a.attname), '[]') INTO listed
    FROM pg_catalog.pg_attribute AS a WHERE a.attrelid = current AND (options -> named) ? a.attname::text AND a.attnum > 0 AND NOT a.attisdropped;
  IF listed = '[]' THEN
    -- None but the key, which always is.
    RETURN CASE WHEN named = 'journal' THEN pg_catalog.jsonb_build_object('journal', yore._check_key(current, NULL)) ELSE '{}' END;
  END IF;
  RETURN pg_catalog.jsonb_build_object(named, listed);
END
$$;
COMMENT ON FUNCTION yore._chronomodel_options(jsonb, regclass) IS 'The journal options of ChronoModel as those of yore.track.';

CREATE OR REPLACE FUNCTION yore._detach_chronomodel(s jsonb) RETURNS jsonb
LANGUAGE plpgsql VOLATILE
AS $$
DECLARE
  face    regclass := (s ->> 'face')::oid;
  current regclass := (s ->> 'current')::oid;
  history regclass := (s ->> 'history')::oid;
  acl     jsonb := yore._save_acl(face);
  remarks jsonb;
  f       oid;
  r       record;
BEGIN
  SELECT coalesce(pg_catalog.jsonb_object_agg(a.attname, pg_catalog.col_description(face, a.attnum)), '{}') INTO remarks
    FROM pg_catalog.pg_attribute AS a WHERE a.attrelid = face AND a.attnum > 0 AND pg_catalog.col_description(face, a.attnum) IS NOT NULL;
  EXECUTE pg_catalog.format('DROP VIEW %s', face);
  FOREACH f IN ARRAY yore._oids(s -> 'functions') LOOP
    EXECUTE pg_catalog.format('DROP FUNCTION %s', f::regprocedure);
  END LOOP;
  -- Its schemas are called as yore's are: out of the way, and of nothing else in them.
  EXECUTE pg_catalog.format('ALTER TABLE %s NO INHERIT %s', history, current);
  PERFORM yore._move_aside(history);
  EXECUTE pg_catalog.format('ALTER TABLE %s SET SCHEMA %I', current, s ->> 'schema');
  FOR r IN SELECT x.key AS column_name, x.value AS remark FROM pg_catalog.jsonb_each_text(remarks) AS x
            WHERE EXISTS (SELECT FROM pg_catalog.pg_attribute AS a
                           WHERE a.attrelid = current AND a.attname = x.key AND NOT a.attisdropped AND pg_catalog.col_description(current, a.attnum) IS NULL)
  LOOP
    EXECUTE pg_catalog.format('COMMENT ON COLUMN %s.%I IS %L', current, r.column_name, r.remark);
  END LOOP;
  RETURN s || pg_catalog.jsonb_build_object('face_acl', acl);
END
$$;
COMMENT ON FUNCTION yore._detach_chronomodel(jsonb) IS
  'Drops the view and its trigger functions, parts history from the current table and moves that to the view''s schema, with the sequences it owns. The face gets the grants that the view had.';

-- Carrying an adoption out, once the versions have been judged.

CREATE OR REPLACE FUNCTION yore._adopt_run(s jsonb) RETURNS void
LANGUAGE plpgsql VOLATILE
AS $$
DECLARE
  face     text := pg_catalog.format('%I.%I', s ->> 'schema', s ->> 'name');
  current  regclass := (s ->> 'current')::oid;
  history  regclass := (s ->> 'history')::oid;
  earliest timestamptz;
  triggers jsonb;
  m        yore.tracked;
  found    text;
BEGIN
  SELECT least(pg_catalog.min(a.begins), pg_catalog.transaction_timestamp()) INTO earliest FROM pg_temp.yore_adopted AS a WHERE a.fate IN ('past', 'current');
  triggers := yore._pause_triggers(current);
  s := CASE s ->> 'detach'
         WHEN 'chronomodel' THEN yore._detach_chronomodel(s)
         WHEN 'periods' THEN yore._detach_periods(s)
         WHEN 'immutable' THEN yore._detach_immutable(s)
         ELSE yore._detach_triggers(s) END;
  IF s -> 'drop_columns' <> '[]' THEN
    EXECUTE pg_catalog.format('ALTER TABLE %s %s', current,
      (SELECT pg_catalog.string_agg(pg_catalog.format('DROP COLUMN %I', c), ', ') FROM pg_catalog.jsonb_array_elements_text(s -> 'drop_columns') AS c));
  END IF;
  IF (s ->> 'immutable')::boolean THEN
    EXECUTE pg_catalog.format('ALTER TABLE %s ADD PRIMARY KEY (entity_id)', current);
  END IF;
  PERFORM yore._adopt_track(s, earliest);
  IF EXISTS (SELECT FROM pg_temp.yore_adopted AS a WHERE (s ->> 'immutable')::boolean AND (a.fate = 'left out' OR a.problem = 'number gap')) THEN
    -- The numbers are the source's, and some are missing.
    UPDATE yore.tracked AS x SET version_gaps = true WHERE (x.schema_name, x.table_name) = (s ->> 'schema', s ->> 'name');
  END IF;
  m := yore._tracked(face);
  PERFORM yore._load_past(m, s);
  PERFORM yore._load_present(m, s);
  PERFORM yore._keep_left_out(m, s);
  PERFORM yore._resume_triggers(current, triggers);

  -- All is there, counted and sound: what held it before may go.
  SELECT pg_catalog.string_agg(pg_catalog.concat_ws(' ', v.problem, v.key, v.version, v.detail), E'\n') INTO found
    FROM (SELECT * FROM yore._verify_versions(m) LIMIT 10) AS v;
  IF found IS NOT NULL THEN
    PERFORM yore._fail('YO025', pg_catalog.format('%s: the versions came out unsound, so nothing is adopted', face), 'This is a defect of yore; please report it.', found);
  END IF;
  IF history <> current THEN
    EXECUTE pg_catalog.format('DROP TABLE %s', history);
  ELSE
    DROP TABLE pg_temp.yore_adopted_rows;
  END IF;
  DROP TABLE pg_temp.yore_adopted;
END
$$;
COMMENT ON FUNCTION yore._adopt_run(jsonb) IS
  'Takes the source apart, tracks the table, loads every version with its time and number, and drops the emptied history. Errors YO025 if a count or yore.verify should not come out right; those of yore.track.';

CREATE OR REPLACE FUNCTION yore._adopt_track(s jsonb, since timestamptz) RETURNS void
LANGUAGE plpgsql VOLATILE
AS $$
BEGIN
  PERFORM yore.track(pg_catalog.format('%I.%I', s ->> 'schema', s ->> 'name'),
    since => since,
    journal => (SELECT pg_catalog.array_agg(j) FROM pg_catalog.jsonb_array_elements_text(s #> '{options,journal}') AS j),
    no_journal => (SELECT pg_catalog.array_agg(j) FROM pg_catalog.jsonb_array_elements_text(s #> '{options,no_journal}') AS j),
    full_journal => (s #>> '{options,full_journal}')::boolean,
    immutable => CASE WHEN (s ->> 'immutable')::boolean THEN true END,
    key => CASE WHEN NOT (s ->> 'immutable')::boolean THEN ARRAY(SELECT pg_catalog.jsonb_array_elements_text(s -> 'key')) END,
    in_place => (s ->> 'in_place')::boolean,
    prefix => s ->> 'prefix',
    past_name => s ->> 'past_name');
  IF s ? 'face_acl' THEN   -- the face's were not the table's
    PERFORM yore._revoke_acl(pg_catalog.format('%I.%I', s ->> 'schema', s ->> 'name')::regclass);
    PERFORM yore._grant_acl(pg_catalog.format('%I.%I', s ->> 'schema', s ->> 'name')::regclass, s -> 'face_acl');
  END IF;
END
$$;
COMMENT ON FUNCTION yore._adopt_track(jsonb, timestamptz) IS 'Tracks the table with the options that its source had. Errors: those of yore.track.';

CREATE OR REPLACE FUNCTION yore._pause_triggers(rel regclass) RETURNS jsonb
LANGUAGE plpgsql VOLATILE
AS $$
DECLARE
  were jsonb := (SELECT coalesce(pg_catalog.jsonb_object_agg(g.tgname, g.tgenabled), '{}') FROM pg_catalog.pg_trigger AS g
                  WHERE g.tgrelid = rel AND NOT g.tgisinternal AND g.tgenabled <> 'D');
BEGIN
  -- Moving rows about is no change that anybody made: no updated_at, no mail.
  EXECUTE pg_catalog.format('ALTER TABLE %s DISABLE TRIGGER USER', rel);
  RETURN were;
END
$$;
COMMENT ON FUNCTION yore._pause_triggers(regclass) IS 'Disables the triggers of a table, but for those of foreign keys, and returns what they were.';

CREATE OR REPLACE FUNCTION yore._resume_triggers(rel regclass, were jsonb) RETURNS void
LANGUAGE plpgsql VOLATILE
AS $$
DECLARE
  g record;
BEGIN
  FOR g IN
    SELECT t.tgname, CASE were ->> t.tgname::text WHEN 'R' THEN 'REPLICA ' WHEN 'A' THEN 'ALWAYS ' ELSE '' END AS as_was
      FROM pg_catalog.pg_trigger AS t
     WHERE t.tgrelid = rel AND NOT t.tgisinternal AND (were ? t.tgname::text OR t.tgname LIKE '~yore\_%')
  LOOP
    EXECUTE pg_catalog.format('ALTER TABLE %s ENABLE %sTRIGGER %I', rel, g.as_was, g.tgname);
  END LOOP;
END
$$;
COMMENT ON FUNCTION yore._resume_triggers(regclass, jsonb) IS 'Enables the triggers of a table as they were, and yore''s.';

CREATE OR REPLACE FUNCTION yore._move_aside(rel regclass) RETURNS void
LANGUAGE plpgsql VOLATILE
AS $$
BEGIN
  -- Its name may be the one of a view in history.
  EXECUTE pg_catalog.format('ALTER TABLE %s RENAME TO %I', rel, 'yore_adopts_' || rel::oid::text);
END
$$;
COMMENT ON FUNCTION yore._move_aside(regclass) IS 'Frees the name of a history table, which goes at the end of the adoption.';

-- The columns of the past follow those of the present.

CREATE OR REPLACE FUNCTION yore._rename_columns(m yore.tracked, now_has jsonb) RETURNS yore.tracked
LANGUAGE plpgsql VOLATILE
AS $$
DECLARE
  past      text := pg_catalog.format('%I.%I', m.past_schema, m.past_name);
  faces     text[] := ARRAY[pg_catalog.format('%I.%I', yore._schema('history', m.schema_name), m.table_name),
                            pg_catalog.format('%I.%I', yore._schema('asof', m.schema_name), m.table_name)]
                      || CASE WHEN m.in_place THEN '{}'::text[] ELSE ARRAY[pg_catalog.format('%I.%I', m.schema_name, m.table_name)] END;
  face      text;
  renamed   record;
  step      integer;
  from_name name;
  to_name   name;
BEGIN
  -- Twice, by way of names that nobody has, so that two columns may swap theirs.
  FOR step IN 1 .. 2 LOOP
    FOR renamed IN
      SELECT w ->> 'name' AS was, h ->> 'name' AS name, 'yore column ' || (h ->> 'number') AS between, w ->> 'generated' AS generated
        FROM pg_catalog.jsonb_array_elements(m.columns) AS w
        JOIN pg_catalog.jsonb_array_elements(now_has) AS h ON h -> 'number' = w -> 'number'
       WHERE h ->> 'name' <> w ->> 'name'
    LOOP
      from_name := CASE step WHEN 1 THEN renamed.was ELSE renamed.between END;
      to_name := CASE step WHEN 1 THEN renamed.between ELSE renamed.name END;
      PERFORM yore._make_way(m, to_name);
      IF renamed.generated <> 'v' THEN
        EXECUTE pg_catalog.format('ALTER TABLE %s RENAME COLUMN %I TO %I', past, from_name, to_name);
      END IF;
      -- The views by themselves keep the old name. Renaming there too keeps
      -- grants on the column, and what the user has made over the view.
      FOREACH face IN ARRAY faces LOOP
        IF step = 2 AND EXISTS (SELECT FROM pg_catalog.pg_attribute AS a WHERE a.attrelid = pg_catalog.to_regclass(face) AND a.attname = to_name) THEN
          EXECUTE pg_catalog.format('ALTER VIEW %s RENAME COLUMN %I TO "yore column 0"', face, to_name);   -- the row id, which gives way
        END IF;
        IF EXISTS (SELECT FROM pg_catalog.pg_attribute AS a WHERE a.attrelid = pg_catalog.to_regclass(face) AND a.attname = from_name) THEN
          EXECUTE pg_catalog.format('ALTER VIEW %s RENAME COLUMN %I TO %I', face, from_name, to_name);
        END IF;
      END LOOP;
      m.key_columns := pg_catalog.array_replace(m.key_columns, from_name, to_name);
      m.journal := pg_catalog.array_replace(m.journal, from_name, to_name);
      m.no_journal := pg_catalog.array_replace(m.no_journal, from_name, to_name);
      m.sequences := (SELECT coalesce(pg_catalog.jsonb_agg(CASE s ->> 'column' WHEN from_name THEN s || pg_catalog.jsonb_build_object('column', to_name) ELSE s END), '[]')
                        FROM pg_catalog.jsonb_array_elements(m.sequences) AS s);
    END LOOP;
  END LOOP;
  RETURN m;
END
$$;
COMMENT ON FUNCTION yore._rename_columns(yore.tracked, jsonb) IS
  'Renames in the past and in the views what was renamed in the present; the key, the journal options and owned sequences follow.';

CREATE OR REPLACE FUNCTION yore._fit_past(m yore.tracked, now_has jsonb, keep_past boolean, in_batches boolean, conversions jsonb) RETURNS jsonb
LANGUAGE plpgsql VOLATILE
AS $$
DECLARE
  past    regclass := yore._past(m);
  marks   jsonb;
  gone    name;
  pair    record;
  columns jsonb := '[]';
BEGIN
  -- Before any column is dropped: what USING gave may speak of it.
  SELECT yore._retype_past(m, coalesce(pg_catalog.jsonb_agg(pg_catalog.jsonb_build_object(
           'column', f.now, 'was', f.past_type, 'conversion', coalesce(conversions -> (f.now ->> 'name'), '{}')) ORDER BY f.place), '[]'), in_batches)
    INTO marks
    FROM yore._former(m, now_has) AS f
   WHERE f.past_type IS NOT NULL AND (f.now -> 'type', f.now -> 'collation') IS DISTINCT FROM (f.was -> 'type', f.was -> 'collation');
  FOR gone IN SELECT w ->> 'name' FROM pg_catalog.jsonb_array_elements(m.columns) AS w
               WHERE w ->> 'generated' <> 'v' AND NOT keep_past
                 AND NOT EXISTS (SELECT FROM pg_catalog.jsonb_array_elements(now_has) AS h WHERE h -> 'number' = w -> 'number')
  LOOP
    EXECUTE pg_catalog.format('ALTER TABLE %s DROP COLUMN IF EXISTS %I', past, gone);
  END LOOP;
  FOR pair IN SELECT * FROM yore._former(m, now_has) AS f ORDER BY f.place LOOP
    IF pair.past_type IS NULL AND NOT (pair.now ->> 'generated' = 'v'
       AND EXISTS (SELECT FROM pg_catalog.jsonb_array_elements(m.columns) AS w WHERE w -> 'number' = pair.now -> 'number')) THEN
      -- If there is a column of that name, it was dropped once and the past kept it.
      PERFORM yore._make_way(m, (pair.now ->> 'name')::name);
      IF pair.now ->> 'generated' <> 'v' THEN
        PERFORM yore._add_past_column(past, pair.now);
      END IF;
    END IF;
    columns := columns || (pair.now
      || CASE WHEN marks -> (pair.now ->> 'name') ? 'using' THEN pg_catalog.jsonb_build_object('was', marks -> (pair.now ->> 'name'))
              WHEN pair.was ? 'was' THEN pg_catalog.jsonb_build_object('was', pair.was -> 'was')
              ELSE '{}' END);
  END LOOP;
  m.columns := columns;
  IF marks <> '{}' AND yore._unconverted(m) IS NULL THEN
    PERFORM yore._copy_indexes(m);   -- those of columns that were put aside
  END IF;
  RETURN columns;
END
$$;
COMMENT ON FUNCTION yore._fit_past(yore.tracked, jsonb, boolean, boolean, jsonb) IS
  'Gives columns of the past their new types, adds those it lacks, and with keep_past false drops what the present has dropped. Returns the present''s columns, those marked ("was") whose former values are still to be converted.';

CREATE OR REPLACE FUNCTION yore._former(m yore.tracked, now_has jsonb) RETURNS TABLE (now jsonb, was jsonb, past_type text, place bigint)
LANGUAGE sql STABLE
AS $$
  SELECT h.c, w.c, pg_catalog.format_type(a.atttypid, a.atttypmod), h.place
    FROM pg_catalog.jsonb_array_elements(now_has) WITH ORDINALITY AS h (c, place)
    LEFT JOIN pg_catalog.jsonb_array_elements(m.columns) AS w (c) ON w.c -> 'number' = h.c -> 'number' AND w.c ->> 'generated' <> 'v'
    LEFT JOIN pg_catalog.pg_attribute AS a ON a.attrelid = yore._past(m) AND a.attname = h.c ->> 'name' AND NOT a.attisdropped
         AND w.c IS NOT NULL AND h.c ->> 'generated' <> 'v'
   ORDER BY h.place
$$;
COMMENT ON FUNCTION yore._former(yore.tracked, jsonb) IS
  'The present''s columns, each beside what the catalog has of it and its type in the past: NULL where it is new, or stored nowhere.';

CREATE OR REPLACE FUNCTION yore._add_past_column(past regclass, c jsonb) RETURNS void
LANGUAGE plpgsql VOLATILE
AS $$
BEGIN
  EXECUTE pg_catalog.format('ALTER TABLE %s ADD COLUMN %s', past, yore._past_column(c));
EXCEPTION WHEN not_null_violation OR check_violation THEN
  PERFORM yore._fail('YO005', pg_catalog.format('column %I has type %s, which refuses the NULL that it is in former versions', c ->> 'name', c ->> 'type'),
                     'Give it the domain''s base type, and NOT NULL and CHECK of its own: those bind the present alone.', SQLERRM);
END
$$;
COMMENT ON FUNCTION yore._add_past_column(regclass, jsonb) IS
  'Adds a column to the past, NULL in all versions so far. Error YO005 for a domain that is not to be NULL.';

CREATE OR REPLACE FUNCTION yore._set_aside(past regclass, column_name name) RETURNS name
LANGUAGE plpgsql VOLATILE
AS $$
DECLARE
  aside name;
BEGIN
  IF NOT EXISTS (SELECT FROM pg_catalog.pg_attribute AS a WHERE a.attrelid = past AND a.attname = column_name) THEN
    RETURN NULL;
  END IF;
  aside := yore._aside(past, column_name);
  EXECUTE pg_catalog.format('ALTER TABLE %s RENAME COLUMN %I TO %I', past, column_name, aside);
  RETURN aside;
END
$$;
COMMENT ON FUNCTION yore._set_aside(regclass, name) IS
  'Frees a name in the past for another column: the one that has it keeps its values under the name that is returned; NULL if there is none.';

CREATE OR REPLACE FUNCTION yore._make_way(m yore.tracked, column_name name) RETURNS void
LANGUAGE plpgsql VOLATILE
AS $$
DECLARE
  history text := pg_catalog.format('%I.%I', yore._schema('history', m.schema_name), m.table_name);
  aside   name := yore._set_aside(yore._past(m), column_name);
BEGIN
  IF aside IS NOT NULL AND EXISTS (SELECT FROM pg_catalog.pg_attribute AS a
                                    WHERE a.attrelid = pg_catalog.to_regclass(history) AND a.attname = column_name) THEN
    EXECUTE pg_catalog.format('ALTER VIEW %s RENAME COLUMN %I TO %I', history, column_name, aside);   -- and views of the user's go on with it
  END IF;
END
$$;
COMMENT ON FUNCTION yore._make_way(yore.tracked, name) IS
  'Has a dropped column that the past keeps, and history shows, give up a name that another column takes.';

CREATE OR REPLACE FUNCTION yore._aside(past regclass, column_name name, word text DEFAULT '_until_') RETURNS name
LANGUAGE sql STABLE
AS $$
  SELECT free.name
    FROM pg_catalog.generate_series(1, 1600) AS n
   CROSS JOIN LATERAL (SELECT yore._derived(column_name, word || n)) AS free (name)
   WHERE NOT EXISTS (SELECT FROM pg_catalog.pg_attribute AS a WHERE a.attrelid = past AND a.attname = free.name)
     -- A virtual column is not in the past, and has its name in history all the same.
     AND NOT EXISTS (SELECT FROM yore.tracked AS m CROSS JOIN LATERAL pg_catalog.jsonb_array_elements(m.columns) AS c
                      WHERE yore._past(m) = past AND c ->> 'name' = free.name)
   ORDER BY n LIMIT 1
$$;
COMMENT ON FUNCTION yore._aside(regclass, name, text) IS 'The name under which the past keeps a column that gave up its own: name_until_1, _2, …';

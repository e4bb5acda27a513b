CREATE OR REPLACE FUNCTION yore.sync(t text) RETURNS void
LANGUAGE plpgsql VOLATILE
AS $$
DECLARE
  m       yore.tracked := yore._tracked(t);
  rel     regclass := yore._storage(m);
  face    text := pg_catalog.format('%I.%I', m.schema_name, m.table_name);
  had_face boolean := pg_catalog.to_regclass(face) IS NOT NULL;
  now_has jsonb;
BEGIN
  PERFORM yore._check_rights(rel, m.in_place);
  PERFORM yore._lock(m);
  m := yore._tracked(t);   -- as it is now: another sync may have been quicker
  now_has := yore._columns(rel);
  m := yore._rename_columns(m, now_has);
  m.key_columns := yore._check_key(rel, m.key_columns::text[]);
  PERFORM yore._fit_past(m, now_has);
  m.columns := now_has;
  m.journal := ARRAY(SELECT j FROM pg_catalog.unnest(m.journal) AS j WHERE now_has @> pg_catalog.jsonb_build_array(pg_catalog.jsonb_build_object('name', j)));
  m.no_journal := ARRAY(SELECT j FROM pg_catalog.unnest(m.no_journal) AS j WHERE now_has @> pg_catalog.jsonb_build_array(pg_catalog.jsonb_build_object('name', j)));
  m.journal := nullif(m.journal, '{}');
  m.no_journal := nullif(m.no_journal, '{}');
  m.shape := yore._shape(rel);
  m.own_triggers := yore._has_own_triggers(rel);
  m.generated_by := yore._version();
  PERFORM yore._check_options(m);
  IF NOT m.immutable THEN
    PERFORM yore._check_columns(rel, '{sys_id,sys_deleted_at}');
  END IF;
  PERFORM yore._check_row_security(rel, m.in_place);
  UPDATE yore.tracked AS x
     SET key_columns = m.key_columns, columns = m.columns, shape = m.shape, own_triggers = m.own_triggers, journal = m.journal,
         no_journal = m.no_journal, sequences = m.sequences, generated_by = m.generated_by
   WHERE (x.schema_name, x.table_name) = (m.schema_name, m.table_name);
  PERFORM yore._give(pg_catalog.format('%I.%I', m.past_schema, m.past_name), 'TABLE', rel);   -- the table's may have changed
  PERFORM yore._copy_policies(m);
  PERFORM yore._make_triggers(m);
  PERFORM yore._make_faces(m);
  IF NOT m.in_place THEN
    -- A face that went with a DROP … CASCADE took its grants along.
    PERFORM yore._grant_face(m, CASE WHEN had_face THEN '[]' ELSE yore._save_acl(rel) END);
  END IF;
END
$$;
COMMENT ON FUNCTION yore.sync(text) IS
  'Brings past, triggers and faces of a tracked table in step with its columns, after an ALTER TABLE by hand; where nothing differs, writes them anew. Columns that were dropped stay in the past table. Errors: YO003 not tracked, YO005 the key is no longer one or a domain refuses NULL, YO006 a new column has a taken name, YO008 no right, 2BP01 something of the user''s depends on a face that must change. Takes an ACCESS EXCLUSIVE lock; a change of type rewrites the past.';

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
      IF renamed.generated <> 'v' THEN
        PERFORM yore._put_aside(past::regclass, to_name);
        EXECUTE pg_catalog.format('ALTER TABLE %s RENAME COLUMN %I TO %I', past, from_name, to_name);
      END IF;
      -- The views by themselves keep the old name. Renaming there too keeps
      -- grants on the column, and what the user has made over the view.
      FOREACH face IN ARRAY faces LOOP
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

CREATE OR REPLACE FUNCTION yore._fit_past(m yore.tracked, now_has jsonb) RETURNS void
LANGUAGE plpgsql VOLATILE
AS $$
DECLARE
  past regclass := pg_catalog.format('%I.%I', m.past_schema, m.past_name)::regclass;
  c    jsonb;
  here record;
BEGIN
  FOR c IN SELECT * FROM pg_catalog.jsonb_array_elements(now_has) AS h WHERE h ->> 'generated' <> 'v' LOOP
    SELECT pg_catalog.format_type(a.atttypid, a.atttypmod) AS type,
           EXISTS (SELECT FROM pg_catalog.jsonb_array_elements(m.columns) AS w WHERE w -> 'number' = c -> 'number') AS same
      INTO here FROM pg_catalog.pg_attribute AS a
     WHERE a.attrelid = past AND a.attname = c ->> 'name' AND NOT a.attisdropped;
    IF NOT FOUND THEN
      PERFORM yore._add_past_column(past, c);
    ELSIF NOT here.same THEN
      -- A column of that name was dropped once, and the past kept it.
      PERFORM yore._put_aside(past, (c ->> 'name')::name);
      PERFORM yore._add_past_column(past, c);
    ELSIF here.type <> (SELECT pg_catalog.format_type(a.atttypid, a.atttypmod) FROM pg_catalog.pg_attribute AS a
                         WHERE a.attrelid = yore._storage(m)
                           AND a.attnum = (c ->> 'number')::smallint) THEN
      PERFORM yore._retype_past(m, c, here.type);
    END IF;
  END LOOP;
END
$$;
COMMENT ON FUNCTION yore._fit_past(yore.tracked, jsonb) IS 'Adds to the past the columns it lacks and gives the others their new types.';

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

CREATE OR REPLACE FUNCTION yore._put_aside(past regclass, column_name name) RETURNS void
LANGUAGE plpgsql VOLATILE
AS $$
BEGIN
  IF EXISTS (SELECT FROM pg_catalog.pg_attribute AS a WHERE a.attrelid = past AND a.attname = column_name) THEN
    EXECUTE pg_catalog.format('ALTER TABLE %s RENAME COLUMN %I TO %I', past, column_name, yore._aside(past, column_name));
  END IF;
END
$$;
COMMENT ON FUNCTION yore._put_aside(regclass, name) IS
  'Frees a name in the past for a new column: the former one keeps its values under another.';

CREATE OR REPLACE FUNCTION yore._aside(past regclass, column_name name) RETURNS name
LANGUAGE sql STABLE
AS $$
  SELECT free.name
    FROM pg_catalog.generate_series(1, 1600) AS n
   CROSS JOIN LATERAL (SELECT yore._derived(column_name, '_until_' || n)) AS free (name)
   WHERE NOT EXISTS (SELECT FROM pg_catalog.pg_attribute AS a WHERE a.attrelid = past AND a.attname = free.name)
   ORDER BY n LIMIT 1
$$;
COMMENT ON FUNCTION yore._aside(regclass, name) IS 'The name under which the past keeps a column that gave up its own: name_until_1, _2, …';

CREATE OR REPLACE FUNCTION yore._retype_past(m yore.tracked, c jsonb, was text) RETURNS void
LANGUAGE plpgsql VOLATILE
AS $$
DECLARE
  past    text := pg_catalog.format('%I.%I', m.past_schema, m.past_name);
  history text := pg_catalog.format('%I.%I', yore._schema('history', m.schema_name), m.table_name);
  asof    text := pg_catalog.format('%I.%I', yore._schema('asof', m.schema_name), m.table_name);
  retype  text := pg_catalog.format('ALTER TABLE %s ALTER COLUMN %I TYPE %s%s USING ', past, c ->> 'name', c ->> 'type', coalesce(' COLLATE ' || (c ->> 'collation'), ''));
  lossy   boolean;
  aside   name := yore._aside(past::regclass, (c ->> 'name')::name);
BEGIN
  -- The views over the past hold on to its types.
  PERFORM yore._drop_asof_function(m);
  EXECUTE pg_catalog.format('DROP VIEW IF EXISTS %s', asof);
  EXECUTE pg_catalog.format('DROP VIEW IF EXISTS %s', history);
  BEGIN
    -- There and back again: what comes back changed has lost something.
    EXECUTE pg_catalog.format('SELECT EXISTS (SELECT FROM %1$s WHERE NOT pg_catalog.record_image_eq(ROW(%2$I::%3$s::%4$s), ROW(%2$I)))',
                              past, c ->> 'name', c ->> 'type', was) INTO lossy;
  EXCEPTION WHEN OTHERS THEN
    lossy := true;
  END;
  IF lossy THEN
    EXECUTE pg_catalog.format('ALTER TABLE %s ADD COLUMN %I %s GENERATED ALWAYS AS (%I) STORED', past, aside, was, c ->> 'name');
    EXECUTE pg_catalog.format('ALTER TABLE %s ALTER COLUMN %I DROP EXPRESSION', past, aside);
  END IF;
  BEGIN
    EXECUTE retype || pg_catalog.format('%I::%s', c ->> 'name', c ->> 'type');
  EXCEPTION WHEN cannot_coerce OR data_exception OR integrity_constraint_violation THEN
    IF (c ->> 'name')::name = ANY (m.key_columns) THEN
      RAISE;
    END IF;
    EXECUTE retype || 'NULL';
  END;
  IF lossy THEN
    RAISE WARNING USING MESSAGE = pg_catalog.format('yore: not every former value of column %I fits type %s', c ->> 'name', c ->> 'type'),
                        DETAIL = pg_catalog.format('%s keeps them as they were in column %I.', past, aside);
  END IF;
END
$$;
COMMENT ON FUNCTION yore._retype_past(yore.tracked, jsonb, text) IS
  'Converts a column of the past to its new type. Where the conversion loses something, or fails, the values as they were stay in a column name_until_1, _2, …, and a warning says so; a key must convert. Grants on history and asof must be made again.';

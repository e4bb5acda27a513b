CREATE OR REPLACE FUNCTION yore.sync(t text) RETURNS void
LANGUAGE plpgsql VOLATILE
AS $$
DECLARE
  m       yore.tracked := yore._tracked(t);
  storage text := pg_catalog.format('%I.%I', m.storage_schema, m.storage_name);
  rel     regclass := storage::regclass;
  face    text := pg_catalog.format('%I.%I', m.schema_name, m.table_name);
  had_face boolean := pg_catalog.to_regclass(face) IS NOT NULL;
  now_has jsonb;
BEGIN
  PERFORM yore._check_rights(rel, m.in_place);
  EXECUTE pg_catalog.format('LOCK TABLE %s IN ACCESS EXCLUSIVE MODE', storage);
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
  m.generated_by := yore._version();
  PERFORM yore._check_options(m);
  UPDATE yore.tracked AS x
     SET key_columns = m.key_columns, columns = m.columns, shape = m.shape, journal = m.journal,
         no_journal = m.no_journal, generated_by = m.generated_by
   WHERE (x.schema_name, x.table_name) = (m.schema_name, m.table_name);
  PERFORM yore._copy_policies(m);
  PERFORM yore._make_triggers(m);
  PERFORM yore._make_faces(m);
  IF NOT had_face AND NOT m.in_place THEN
    PERFORM yore._grant_face(m, yore._save_acl(rel));   -- it went with a DROP … CASCADE
  END IF;
END
$$;
COMMENT ON FUNCTION yore.sync(text) IS
  'Brings past, triggers and faces of a tracked table in step with its columns, after an ALTER TABLE by hand; where nothing differs, writes them anew. Columns that were dropped stay in the past table. Errors: YO003 not tracked, YO005 the key is no longer one, YO006 a new column has a taken name, YO008 no right, 2BP01 something of the user''s depends on a face that must change. Takes an ACCESS EXCLUSIVE lock; a change of type rewrites the past.';

CREATE OR REPLACE FUNCTION yore._rename_columns(m yore.tracked, now_has jsonb) RETURNS yore.tracked
LANGUAGE plpgsql VOLATILE
AS $$
DECLARE
  past    text := pg_catalog.format('%I.%I', m.past_schema, m.past_name);
  renamed record;
  step    integer;
BEGIN
  -- Twice, by way of names that nobody has, so that two columns may swap theirs.
  FOR step IN 1 .. 2 LOOP
    FOR renamed IN
      SELECT w ->> 'name' AS was, h ->> 'name' AS name, 'yore column ' || (h ->> 'number') AS between, w ->> 'generated' AS generated
        FROM pg_catalog.jsonb_array_elements(m.columns) AS w
        JOIN pg_catalog.jsonb_array_elements(now_has) AS h ON h -> 'number' = w -> 'number'
       WHERE h ->> 'name' <> w ->> 'name'
    LOOP
      IF renamed.generated <> 'v' THEN
        EXECUTE pg_catalog.format('ALTER TABLE %s RENAME COLUMN %I TO %I', past,
          CASE step WHEN 1 THEN renamed.was ELSE renamed.between END, CASE step WHEN 1 THEN renamed.between ELSE renamed.name END);
      END IF;
      m.key_columns := pg_catalog.array_replace(m.key_columns, (CASE step WHEN 1 THEN renamed.was ELSE renamed.between END)::name, (CASE step WHEN 1 THEN renamed.between ELSE renamed.name END)::name);
      m.journal := pg_catalog.array_replace(m.journal, (CASE step WHEN 1 THEN renamed.was ELSE renamed.between END)::name, (CASE step WHEN 1 THEN renamed.between ELSE renamed.name END)::name);
      m.no_journal := pg_catalog.array_replace(m.no_journal, (CASE step WHEN 1 THEN renamed.was ELSE renamed.between END)::name, (CASE step WHEN 1 THEN renamed.between ELSE renamed.name END)::name);
    END LOOP;
  END LOOP;
  RETURN m;
END
$$;
COMMENT ON FUNCTION yore._rename_columns(yore.tracked, jsonb) IS
  'Renames in the past what was renamed in the present; the key and journal options follow.';

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
      EXECUTE pg_catalog.format('ALTER TABLE %s ADD COLUMN %s', past, yore._past_column(c));
    ELSIF NOT here.same THEN
      -- A column of that name was dropped once, and the past kept it.
      EXECUTE pg_catalog.format('ALTER TABLE %s RENAME COLUMN %I TO %I', past, c ->> 'name',
                                yore._derived(c ->> 'name', '_until_' || (c ->> 'number')));
      EXECUTE pg_catalog.format('ALTER TABLE %s ADD COLUMN %s', past, yore._past_column(c));
    ELSIF here.type <> (SELECT pg_catalog.format_type(a.atttypid, a.atttypmod) FROM pg_catalog.pg_attribute AS a
                         WHERE a.attrelid = pg_catalog.format('%I.%I', m.storage_schema, m.storage_name)::regclass
                           AND a.attnum = (c ->> 'number')::smallint) THEN
      PERFORM yore._retype_past(m, c);
    END IF;
  END LOOP;
END
$$;
COMMENT ON FUNCTION yore._fit_past(yore.tracked, jsonb) IS 'Adds to the past the columns it lacks and gives the others their new types.';

CREATE OR REPLACE FUNCTION yore._retype_past(m yore.tracked, c jsonb) RETURNS void
LANGUAGE plpgsql VOLATILE
AS $$
DECLARE
  history text := pg_catalog.format('%I.%I', yore._schema('history', m.schema_name), m.table_name);
  asof    text := pg_catalog.format('%I.%I', yore._schema('asof', m.schema_name), m.table_name);
BEGIN
  -- The views over the past hold on to its types.
  PERFORM yore._drop_asof_function(m);
  EXECUTE pg_catalog.format('DROP VIEW IF EXISTS %s', asof);
  EXECUTE pg_catalog.format('DROP VIEW IF EXISTS %s', history);
  EXECUTE pg_catalog.format('ALTER TABLE %1$I.%2$I ALTER COLUMN %3$I TYPE %4$s%5$s USING %3$I::%4$s',
    m.past_schema, m.past_name, c ->> 'name', c ->> 'type', coalesce(' COLLATE ' || (c ->> 'collation'), ''));
END
$$;
COMMENT ON FUNCTION yore._retype_past(yore.tracked, jsonb) IS
  'Converts a column of the past to its new type with a cast. An error of the cast (22xxx, 42846) leaves everything as it was. Grants on history and asof must be made again.';

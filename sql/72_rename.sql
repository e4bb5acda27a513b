-- Another name or schema for a tracked table, and its end.

CREATE OR REPLACE FUNCTION yore.rename_table(t text, new_name text) RETURNS void
LANGUAGE plpgsql VOLATILE
AS $$
DECLARE
  m yore.tracked := yore._to_alter(t);
BEGIN
  PERFORM yore._check_name(new_name);
  IF m.schema_name IS NULL THEN
    EXECUTE pg_catalog.format('ALTER TABLE %s RENAME TO %I', yore._relation(t), new_name);
  ELSE
    PERFORM yore._check_rights(yore._storage(m), m.in_place);
    m := yore._hold(m);
    PERFORM yore._rename(m, m.schema_name, new_name);
  END IF;
END
$$;
COMMENT ON FUNCTION yore.rename_table(text, text) IS
  'Renames a table with all that yore has made for it; indexes called after the table follow, and so do views over it, of themselves. Errors: YO003 no such table, YO006 a name is taken or too long, YO007 no name, YO008 no right, YO009 the table was altered by hand. Takes ACCESS EXCLUSIVE locks for changes of the catalog.';

CREATE OR REPLACE FUNCTION yore.drop_table(t text, history text DEFAULT 'keep') RETURNS void
LANGUAGE plpgsql VOLATILE
AS $$
DECLARE
  m yore.tracked := yore._to_alter(t);
BEGIN
  IF m.schema_name IS NULL THEN
    EXECUTE pg_catalog.format('DROP TABLE %s', yore._relation(t));
    RETURN;
  END IF;
  PERFORM yore.untrack(t, history);
  EXECUTE pg_catalog.format('DROP TABLE %I.%I', m.schema_name, m.table_name);
END
$$;
COMMENT ON FUNCTION yore.drop_table(text, text) IS
  'Drops a table. history => keep, the default, leaves its closed past for reading, as yore.untrack does; drop leaves nothing. Errors: YO003 no such table, YO007 another word, YO008 no right, YO013 keep in a transaction that is not READ COMMITTED, 2BP01 something of the user''s depends on it. Takes an ACCESS EXCLUSIVE lock; keep copies the rows under it.';

CREATE OR REPLACE FUNCTION yore._rename(m yore.tracked, new_schema name, new_name text) RETURNS void
LANGUAGE plpgsql VOLATILE
AS $$
DECLARE
  rel  regclass := yore._storage(m);
  n    yore.tracked := m;
  kind text;
BEGIN
  n.schema_name := new_schema;
  n.past_schema := yore._schema('temporal', new_schema);
  n.storage_schema := CASE WHEN m.in_place THEN new_schema ELSE n.past_schema END;
  IF m.past_name = m.table_name || '_past' THEN
    n.past_name := new_name || '_past';
    IF pg_catalog.octet_length(new_name || '_past') > 63 THEN
      PERFORM yore._fail('YO006', pg_catalog.format('the name %I leaves no room for _past within 63 bytes', new_name), 'Choose one of at most 58 bytes.');
    END IF;
  END IF;
  n.table_name := new_name;
  n.storage_name := new_name;
  IF pg_catalog.to_regnamespace(pg_catalog.quote_ident(new_schema)) IS NULL THEN
    PERFORM yore._fail('YO007', pg_catalog.format('there is no schema %I', new_schema), pg_catalog.format('CREATE SCHEMA %I', new_schema));
  END IF;
  PERFORM yore._check_free(m, n);
  PERFORM yore._lock(m);
  PERFORM yore._fits(rel, m.shape);
  FOREACH kind IN ARRAY ARRAY['temporal', 'history', 'asof'] LOOP
    PERFORM yore._make_schema(kind, new_schema, rel);
  END LOOP;
  PERFORM yore._drop_triggers(m);
  PERFORM yore._move(p.kind, p.from_name, p.to_name) FROM yore._places(m) AS f JOIN yore._places(n) AS w USING (thing)
    CROSS JOIN LATERAL (SELECT f.kind, ARRAY[f.in_schema, f.name] AS from_name, ARRAY[w.in_schema, w.name] AS to_name) AS p;
  n.sequences := yore._move_sequences(m.sequences, m.schema_name, new_schema);
  PERFORM yore._rename_indexes(m, n);
  UPDATE yore.tracked AS x
     SET schema_name = n.schema_name, table_name = n.table_name, storage_schema = n.storage_schema, storage_name = n.storage_name,
         past_schema = n.past_schema, past_name = n.past_name, sequences = n.sequences, generated_by = yore._version()
   WHERE (x.schema_name, x.table_name) = (m.schema_name, m.table_name);
  n.generated_by := yore._version();
  PERFORM yore._make_triggers(n);
  PERFORM yore._make_faces(n);
  IF NOT n.in_place THEN
    PERFORM yore._grant_face(n, '[]');
  END IF;
END
$$;
COMMENT ON FUNCTION yore._rename(yore.tracked, name, text) IS 'Gives a tracked table another name or schema. Errors and locks: as of yore.rename_table.';

CREATE OR REPLACE FUNCTION yore._follow_name(m yore.tracked) RETURNS yore.tracked
LANGUAGE plpgsql VOLATILE
AS $$
DECLARE
  rel        regclass := yore._with_triggers(m);
  new_schema name;
  new_name   name;
BEGIN
  IF rel IS NULL THEN
    PERFORM yore._fail('YO003', pg_catalog.format('the storage of %I.%I, %I.%I, is gone', m.schema_name, m.table_name, m.storage_schema, m.storage_name),
                       'Restore it from a backup.');
  END IF;
  PERFORM yore._check_rights(rel, m.in_place);
  SELECT n.nspname, c.relname INTO new_schema, new_name FROM pg_catalog.pg_class AS c JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace WHERE c.oid = rel;
  -- Back to where it was, and from there with everything.
  PERFORM yore._move('TABLE', ARRAY[new_schema, new_name], ARRAY[m.storage_schema, m.storage_name]);
  PERFORM yore._rename(m, CASE WHEN new_schema = m.storage_schema THEN m.schema_name ELSE new_schema END, new_name);
  RETURN yore._find(rel);
END
$$;
COMMENT ON FUNCTION yore._follow_name(yore.tracked) IS
  'A table that was renamed or moved by hand: everything of it gets the new name. Error YO003 if there is no table with its triggers.';

CREATE OR REPLACE FUNCTION yore._places(m yore.tracked) RETURNS TABLE (thing text, kind text, in_schema name, name name)
LANGUAGE sql STABLE
AS $$
  SELECT p.thing, p.kind, p.in_schema, p.name
    FROM (VALUES
      ('storage',       'TABLE',    m.storage_schema, m.storage_name),
      ('past',          'TABLE',    m.past_schema,    m.past_name),
      ('amendments',    'TABLE',    m.past_schema,    yore._derived(m.table_name, '_amendments')),
      ('face',          'VIEW',     CASE WHEN NOT m.in_place THEN m.schema_name END, m.table_name),
      ('history',       'VIEW',     yore._schema('history', m.schema_name), m.table_name),
      ('asof',          'VIEW',     yore._schema('asof', m.schema_name), m.table_name),
      ('asof function', 'FUNCTION', yore._schema('asof', m.schema_name), m.table_name)) AS p (thing, kind, in_schema, name)
   WHERE p.in_schema IS NOT NULL
$$;
COMMENT ON FUNCTION yore._places(yore.tracked) IS 'Where each thing is, or would be, that belongs to a tracked table.';

CREATE OR REPLACE FUNCTION yore._check_free(m yore.tracked, n yore.tracked) RETURNS void
LANGUAGE plpgsql STABLE
AS $$
DECLARE
  taken text;
BEGIN
  SELECT pg_catalog.string_agg(pg_catalog.format('%I.%I', w.in_schema, w.name), ', ') INTO taken
    FROM yore._places(n) AS w
   WHERE w.kind <> 'FUNCTION' AND pg_catalog.to_regclass(pg_catalog.format('%I.%I', w.in_schema, w.name)) IS NOT NULL
     -- The past may stay where it is; the table itself has to get another name.
     AND NOT EXISTS (SELECT FROM yore._places(m) AS here WHERE (here.thing, here.in_schema, here.name) = (w.thing, w.in_schema, w.name)
                        AND (m.schema_name, m.table_name) <> (n.schema_name, n.table_name));
  IF taken IS NOT NULL THEN
    PERFORM yore._fail('YO006', pg_catalog.format('%I.%I cannot be called %I.%I: %s is already there', m.schema_name, m.table_name, n.schema_name, n.table_name, taken),
                       'Choose another name, or rename what has it.');
  END IF;
END
$$;
COMMENT ON FUNCTION yore._check_free(yore.tracked, yore.tracked) IS 'Error YO006 if a relation has one of the names that a table renamed from m to n would take.';

CREATE OR REPLACE FUNCTION yore._move(kind text, from_name name[], to_name name[]) RETURNS void
LANGUAGE plpgsql VOLATILE
AS $$
DECLARE
  arguments text := CASE kind WHEN 'FUNCTION' THEN '(timestamptz)' ELSE '' END;
  here      text := pg_catalog.format('%I.%I', from_name[1], from_name[2]) || arguments;
BEGIN
  IF (CASE kind WHEN 'FUNCTION' THEN pg_catalog.to_regprocedure(here) IS NULL ELSE pg_catalog.to_regclass(here) IS NULL END) THEN
    RETURN;
  END IF;
  IF to_name[1] <> from_name[1] THEN
    EXECUTE pg_catalog.format('ALTER %s %s SET SCHEMA %I', kind, here, to_name[1]);
  END IF;
  IF to_name[2] <> from_name[2] THEN
    EXECUTE pg_catalog.format('ALTER %s %I.%I%s RENAME TO %I', kind, to_name[1], from_name[2], arguments, to_name[2]);
  END IF;
END
$$;
COMMENT ON FUNCTION yore._move(text, name[], name[]) IS 'Gives a thing, if it is there, another schema and name.';

CREATE OR REPLACE FUNCTION yore._move_sequences(sequences jsonb, old_schema name, new_schema name) RETURNS jsonb
LANGUAGE plpgsql VOLATILE
AS $$
DECLARE
  own   jsonb;
  rel   regclass;
  moved jsonb := '[]';
BEGIN
  FOR own IN SELECT * FROM pg_catalog.jsonb_array_elements(sequences) LOOP
    rel := pg_catalog.to_regclass(own ->> 'sequence');
    IF old_schema <> new_schema AND EXISTS (SELECT FROM pg_catalog.pg_class AS c WHERE c.oid = rel AND c.relnamespace = pg_catalog.quote_ident(old_schema)::regnamespace) THEN
      EXECUTE pg_catalog.format('ALTER SEQUENCE %s SET SCHEMA %I', rel, new_schema);
      own := own || pg_catalog.jsonb_build_object('sequence', (SELECT pg_catalog.format('%I.%I', new_schema, c.relname) FROM pg_catalog.pg_class AS c WHERE c.oid = rel));
    END IF;
    moved := moved || own;
  END LOOP;
  RETURN moved;
END
$$;
COMMENT ON FUNCTION yore._move_sequences(jsonb, name, name) IS 'Takes a table''s own sequences along to another schema, as PostgreSQL does.';

CREATE OR REPLACE FUNCTION yore._rename_indexes(m yore.tracked, n yore.tracked) RETURNS void
LANGUAGE plpgsql VOLATILE
AS $$
DECLARE
  index record;
BEGIN
  IF m.table_name = n.table_name THEN
    RETURN;
  END IF;
  FOR index IN
    SELECT i.indexrelid::regclass AS rel, i.indrelid, c.relname, s.nspname, new.name
      FROM pg_catalog.pg_index AS i
      JOIN pg_catalog.pg_class AS c ON c.oid = i.indexrelid
      JOIN pg_catalog.pg_namespace AS s ON s.oid = c.relnamespace
     CROSS JOIN LATERAL (
           SELECT n.table_name || pg_catalog.substr(c.relname, pg_catalog.length(m.table_name) + 1)
            WHERE i.indrelid = yore._storage(n) AND pg_catalog.starts_with(c.relname::text, m.table_name || '_')
           UNION ALL
           SELECT yore._derived(n.past_name, own.suffix)
             FROM pg_catalog.unnest(ARRAY['_pkey', '_key_to', '_to', '_no_overlap', '_row_id']) AS own (suffix)
            WHERE i.indrelid = yore._past(n) AND c.relname = yore._derived(m.past_name, own.suffix)) AS new (name)
     WHERE i.indrelid IN (yore._storage(n), yore._past(n))
  LOOP
    IF pg_catalog.octet_length(index.name) <= 63 AND pg_catalog.to_regclass(pg_catalog.format('%I.%I', index.nspname, index.name)) IS NULL THEN
      EXECUTE pg_catalog.format('ALTER INDEX %s RENAME TO %I', index.rel, index.name);
      IF index.indrelid = yore._storage(n) THEN
        PERFORM yore._rename_copy(n, index.relname, index.name);
      END IF;
    END IF;
  END LOOP;
END
$$;
COMMENT ON FUNCTION yore._rename_indexes(yore.tracked, yore.tracked) IS
  'Renames the indexes that are called after their table, and with them the constraints that they serve and their copies in the past; those whose new name is taken or too long stay.';

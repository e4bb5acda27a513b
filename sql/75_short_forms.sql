-- Changes of a table that are made often, in a form that reads well in migrations.

CREATE OR REPLACE FUNCTION yore._alter_one(t text, action text, keep_past boolean DEFAULT true) RETURNS void
LANGUAGE plpgsql VOLATILE
AS $$
BEGIN
  IF (SELECT pg_catalog.count(*) FROM yore._actions(action)) <> 1 THEN
    PERFORM yore._fail('YO024', pg_catalog.format('%L is more than one action', action), 'yore.alter_table takes several.');
  END IF;
  PERFORM yore.alter_table(t, action, keep_past);
END
$$;
COMMENT ON FUNCTION yore._alter_one(text, text, boolean) IS 'yore.alter_table for the shorthands: one action. Error YO024 for more.';

CREATE OR REPLACE FUNCTION yore._check_name(name text) RETURNS void
LANGUAGE plpgsql STABLE
AS $$
BEGIN
  IF coalesce(name, '') = '' THEN
    PERFORM yore._fail('YO007', pg_catalog.format('%s is no name', pg_catalog.quote_nullable(name)), 'Give the name as it is, without quotes.');
  ELSIF pg_catalog.octet_length(name) > 63 THEN
    PERFORM yore._fail('YO006', pg_catalog.format('the name %I is longer than 63 bytes', name), 'PostgreSQL would cut it off.');
  END IF;
END
$$;
COMMENT ON FUNCTION yore._check_name(text) IS 'Errors YO007 for no name, YO006 for one that is too long.';

CREATE OR REPLACE FUNCTION yore.add_column(t text, name text, definition text) RETURNS void
LANGUAGE plpgsql VOLATILE
AS $$
BEGIN
  PERFORM yore._check_name(name);
  IF coalesce(definition, '') = '' THEN
    PERFORM yore._fail('YO007', pg_catalog.format('column %I needs a type', name), 'yore.add_column(''t'', ''note'', ''text NOT NULL DEFAULT …'')');
  END IF;
  PERFORM yore._alter_one(t, pg_catalog.format('ADD COLUMN %I %s', name, definition));
END
$$;
COMMENT ON FUNCTION yore.add_column(text, text, text) IS
  'Adds a column, of the definition that follows its name in ADD COLUMN. In the versions before it is NULL. Errors and locks: as of yore.alter_table.';

CREATE OR REPLACE FUNCTION yore.rename_column(t text, name text, new_name text) RETURNS void
LANGUAGE plpgsql VOLATILE
AS $$
BEGIN
  PERFORM yore._check_name(name), yore._check_name(new_name);
  PERFORM yore._alter_one(t, pg_catalog.format('RENAME COLUMN %I TO %I', name, new_name));
END
$$;
COMMENT ON FUNCTION yore.rename_column(text, text, text) IS
  'Renames a column in present, past and faces; journal options follow. Errors and locks: as of yore.alter_table.';

CREATE OR REPLACE FUNCTION yore.drop_column(t text, name text, keep_past boolean DEFAULT true) RETURNS void
LANGUAGE plpgsql VOLATILE
AS $$
BEGIN
  PERFORM yore._check_name(name);
  PERFORM yore._alter_one(t, pg_catalog.format('DROP COLUMN %I', name), keep_past);
END
$$;
COMMENT ON FUNCTION yore.drop_column(text, text, boolean) IS
  'Drops a column. The past keeps it, and history shows it, unless keep_past is false. Errors and locks: as of yore.alter_table.';

CREATE OR REPLACE FUNCTION yore.add_foreign_key(t text, columns text[], referenced text, referenced_columns text[] DEFAULT NULL,
  name text DEFAULT NULL, on_delete text DEFAULT NULL, on_update text DEFAULT NULL, validate boolean DEFAULT true) RETURNS void
LANGUAGE plpgsql VOLATILE
AS $$
#variable_conflict use_variable
DECLARE
  m   yore.tracked := yore._to_alter(referenced);
  rel regclass := CASE WHEN m.schema_name IS NULL THEN yore._relation(referenced) ELSE yore._storage(m) END;
  odd text;
BEGIN
  SELECT pg_catalog.string_agg(pg_catalog.quote_nullable(e.event), ', ') INTO odd FROM pg_catalog.unnest(ARRAY[on_delete, on_update]) AS e (event)
   WHERE pg_catalog.upper(e.event) NOT IN ('NO ACTION', 'RESTRICT', 'CASCADE', 'SET NULL', 'SET DEFAULT');
  IF odd IS NOT NULL THEN
    PERFORM yore._fail('YO007', pg_catalog.format('a foreign key does NO ACTION, RESTRICT, CASCADE, SET NULL or SET DEFAULT, not %s', odd),
                       'yore.add_foreign_key(…, on_delete => ''CASCADE'')');
  ELSIF coalesce(pg_catalog.cardinality(columns), 0) = 0 THEN
    PERFORM yore._fail('YO007', 'a foreign key needs columns', 'yore.add_foreign_key(''orders'', ''{customer}'', ''customers'')');
  END IF;
  PERFORM yore._alter_one(t, pg_catalog.concat_ws(' ', 'ADD', 'CONSTRAINT ' || pg_catalog.quote_ident(name),
    pg_catalog.format('FOREIGN KEY (%s) REFERENCES %s', yore._quoted(columns), yore._qualified(rel)),
    '(' || yore._quoted(coalesce(referenced_columns, m.key_columns::text[])) || ')',
    'ON DELETE ' || on_delete, 'ON UPDATE ' || on_update, CASE WHEN NOT validate THEN 'NOT VALID' END));
END
$$;
COMMENT ON FUNCTION yore.add_foreign_key IS
  'Adds a foreign key from one table to another, either of them tracked or not; referenced_columns defaults to the key. The past has none. validate => false: NOT VALID. Errors: YO007 a word that is none of the actions; as of yore.alter_table. Locks: SHARE ROW EXCLUSIVE on both.';

CREATE OR REPLACE FUNCTION yore._quoted(names text[]) RETURNS text
LANGUAGE sql IMMUTABLE
AS $$ SELECT pg_catalog.string_agg(pg_catalog.quote_ident(n), ', ' ORDER BY place) FROM pg_catalog.unnest(names) WITH ORDINALITY AS u (n, place) $$;
COMMENT ON FUNCTION yore._quoted(text[]) IS 'The names, quoted and in a list.';

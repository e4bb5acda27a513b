-- Immutable tables: tracked tables whose key is an entity_id and whose faces
-- show the version data.

CREATE OR REPLACE FUNCTION yore._check_entity(rel regclass, key text[]) RETURNS name[]
LANGUAGE plpgsql STABLE
AS $$
BEGIN
  IF key IS NOT NULL THEN
    PERFORM yore._fail('YO007', pg_catalog.format('the key of %s is entity_id, as of every immutable table', rel), 'Leave key out.');
  END IF;
  IF EXISTS (SELECT FROM pg_catalog.pg_attribute AS a
              WHERE a.attrelid = rel AND a.attname = 'entity_id' AND NOT a.attisdropped AND a.atttypid = 'pg_catalog.uuid'::regtype) THEN
    RETURN yore._check_key(rel, '{entity_id}');
  END IF;
  RETURN '{entity_id}';
END
$$;
COMMENT ON FUNCTION yore._check_entity(regclass, text[]) IS
  'The key columns of an immutable table. An entity_id that is there must be fit to be a key: error YO005; YO007 for another key.';

CREATE OR REPLACE FUNCTION yore._add_entity(rel regclass) RETURNS void
LANGUAGE plpgsql VOLATILE
AS $$
DECLARE
  has_entity boolean := EXISTS (SELECT FROM pg_catalog.pg_attribute AS a WHERE a.attrelid = rel AND a.attname = 'entity_id' AND NOT a.attisdropped);
  has_key    boolean := EXISTS (SELECT FROM pg_catalog.pg_index AS i WHERE i.indrelid = rel AND i.indisprimary);
BEGIN
  -- One rewrite: every row gets an id of its own.
  EXECUTE pg_catalog.format('ALTER TABLE %s %s ADD COLUMN sys_id uuid NOT NULL DEFAULT yore.uuidv7(), ADD COLUMN sys_deleted_at timestamptz', rel,
    CASE WHEN NOT has_entity
         THEN pg_catalog.format('ADD COLUMN entity_id uuid NOT NULL DEFAULT yore.uuidv7(), ADD %s (entity_id),', CASE WHEN has_key THEN 'UNIQUE' ELSE 'PRIMARY KEY' END)
         ELSE '' END);
  EXECUTE pg_catalog.format('ALTER TABLE %s ALTER sys_id DROP DEFAULT', rel);
  IF NOT has_entity THEN
    EXECUTE pg_catalog.format('ALTER TABLE %s ALTER entity_id DROP DEFAULT', rel);
  END IF;
END
$$;
COMMENT ON FUNCTION yore._add_entity(regclass) IS
  'Adds what an immutable table has beside every tracked one. Rewrites the table under ACCESS EXCLUSIVE.';

CREATE OR REPLACE FUNCTION yore._index_row_id(m yore.tracked) RETURNS void
LANGUAGE plpgsql VOLATILE
AS $$
DECLARE
  here record;
BEGIN
  FOR here IN
    SELECT t.in_schema, t.of_table, x.index_name, pg_catalog.to_regclass(pg_catalog.format('%I.%I', t.in_schema, x.index_name)) AS index
      FROM (VALUES (m.storage_schema, m.storage_name), (m.past_schema, m.past_name)) AS t (in_schema, of_table)
     CROSS JOIN LATERAL (SELECT yore._derived(t.of_table, '_row_id')) AS x (index_name)
  LOOP
    IF m.show_row_id AND here.index IS NULL THEN
      EXECUTE pg_catalog.format('CREATE UNIQUE INDEX %I ON %I.%I (sys_id)', here.index_name, here.in_schema, here.of_table);
    ELSIF m.immutable AND NOT m.show_row_id AND here.index IS NOT NULL THEN
      EXECUTE pg_catalog.format('DROP INDEX %s', here.index);
    END IF;
  END LOOP;
END
$$;
COMMENT ON FUNCTION yore._index_row_id(yore.tracked) IS
  'Indexes the row ids where they are shown. That index makes every update of a row touch all its indexes, so it is not there for nothing.';

CREATE OR REPLACE FUNCTION yore.create_immutable_table(
  name         text,
  columns      text,
  journal      text[]      DEFAULT NULL,
  no_journal   text[]      DEFAULT NULL,
  full_journal boolean     DEFAULT NULL,
  on_truncate  text        DEFAULT NULL,
  exclusion    boolean     DEFAULT NULL,
  prefix       text        DEFAULT NULL,
  past_name    text        DEFAULT NULL,
  allow_updates boolean    DEFAULT NULL,
  allow_deletes boolean    DEFAULT NULL,
  allow_version_write boolean DEFAULT NULL,
  show_row_id  boolean     DEFAULT NULL
) RETURNS void
LANGUAGE plpgsql VOLATILE
AS $$
#variable_conflict use_variable
DECLARE
  part      text[];
  in_schema name;
  path      text := pg_catalog.current_setting('search_path');
BEGIN
  BEGIN
    part := pg_catalog.parse_ident(name);
  EXCEPTION WHEN invalid_parameter_value THEN
    part := NULL;
  END;
  IF part IS NULL OR pg_catalog.cardinality(part) > 2 THEN
    PERFORM yore._fail('YO007', pg_catalog.format('%L is no name for a table', name), 'Name it as in SQL: with or without its schema, mixed-case names in double quotes.');
  END IF;
  in_schema := CASE WHEN pg_catalog.cardinality(part) = 2 THEN part[1] ELSE pg_catalog.current_schema() END;
  IF in_schema IS NULL OR pg_catalog.to_regnamespace(pg_catalog.quote_ident(in_schema)) IS NULL THEN
    PERFORM yore._fail('YO007', pg_catalog.format('there is no schema for table %s', name), 'CREATE SCHEMA …, or set search_path.');
  ELSIF pg_catalog.to_regclass(pg_catalog.format('%I.%I', in_schema, part[pg_catalog.cardinality(part)])) IS NOT NULL THEN
    PERFORM yore._fail('YO006', pg_catalog.format('%s is already there', name),
                       pg_catalog.format('SELECT yore.track(%L, immutable => true) makes an existing table immutable.', name));
  END IF;
  -- REFERENCES needs the tables beneath the faces: their names mean those here.
  PERFORM pg_catalog.set_config('search_path', yore._twin_path('temporal'), true);
  EXECUTE pg_catalog.format(E'CREATE TABLE %I.%I (entity_id uuid PRIMARY KEY%s\n)', in_schema, part[pg_catalog.cardinality(part)],
                            CASE WHEN columns ~ '\S' THEN E',\n' || columns ELSE '' END);
  PERFORM pg_catalog.set_config('search_path', path, true);
  PERFORM yore.track(pg_catalog.format('%I.%I', in_schema, part[pg_catalog.cardinality(part)]), immutable => true,
                     journal => journal, no_journal => no_journal, full_journal => full_journal, on_truncate => on_truncate,
                     exclusion => exclusion, prefix => prefix, past_name => past_name, allow_updates => allow_updates,
                     allow_deletes => allow_deletes, allow_version_write => allow_version_write, show_row_id => show_row_id);
END
$$;
COMMENT ON FUNCTION yore.create_immutable_table IS
  'Creates a table with the columns and constraints given, as between the parentheses of CREATE TABLE, and tracks it as an immutable one. In REFERENCES, the unqualified name of a tracked table means the table beneath its face. Options as of yore.track. Errors: YO006 the name, or a column''s, is taken, YO007 no such schema, or an option''s value, YO008 no right; those of CREATE TABLE.';

CREATE OR REPLACE FUNCTION yore.undelete(t text, entity_id uuid, changes jsonb DEFAULT NULL) RETURNS bigint
LANGUAGE plpgsql VOLATILE
AS $$
#variable_conflict use_variable
DECLARE
  m     yore.tracked := yore._tracked(t);
  face  text := pg_catalog.format('%I.%I', m.schema_name, m.table_name);
  odd   text;
  names text[];
  version bigint;
BEGIN
  IF NOT m.immutable THEN
    PERFORM yore._fail('YO007', pg_catalog.format('%s is no immutable table', face), 'INSERT brings a deleted row of a temporal table back.');
  ELSIF entity_id IS NULL THEN
    PERFORM yore._fail('YO007', 'the entity_id to undelete is NULL');
  ELSIF pg_catalog.jsonb_typeof(changes) <> 'object' THEN
    PERFORM yore._fail('YO007', pg_catalog.format('changes is an object of columns and values, not %s', pg_catalog.jsonb_typeof(changes)));
  ELSIF entity_id = '00000000-0000-0000-0000-000000000000' THEN
    PERFORM yore._refuse_undelete(entity_id, false, 'table ' || face);   -- inserted, it would ask for a new entity
  END IF;
  -- Version data is not for clients to write: passed over.
  SELECT pg_catalog.string_agg(pg_catalog.quote_ident(k), ', ') FILTER (WHERE c.name IS NULL), coalesce(pg_catalog.array_agg(k) FILTER (WHERE c.name IS NOT NULL), '{}')
    INTO odd, names
    FROM pg_catalog.jsonb_object_keys(coalesce(changes, '{}')) AS k
    LEFT JOIN (SELECT e ->> 'name' AS name FROM pg_catalog.jsonb_array_elements(m.columns) AS e) AS c ON c.name = k
   WHERE k <> 'entity_id' AND k <> ALL (ARRAY[yore._shown(m, 'version'), yore._shown(m, 'valid_from'), yore._shown(m, 'deleted_at')]::text[])
     AND NOT (m.show_row_id AND k = yore._shown(m, 'id'));
  IF odd IS NOT NULL THEN
    PERFORM yore._fail('YO007', pg_catalog.format('changes of %s: there is no column %s', face, odd));
  END IF;
  -- The insert is the caller's, with the caller's rights; the trigger, told by
  -- the setting, takes what is not given from the tombstone.
  PERFORM pg_catalog.set_config('yore.undelete', entity_id::text || ' ' || names::text, true);
  EXECUTE pg_catalog.format('INSERT INTO %s (entity_id%s) SELECT $1%s%s RETURNING %I',
    face, (SELECT coalesce(pg_catalog.string_agg(pg_catalog.format(', %I', n), '' ORDER BY n), '') FROM pg_catalog.unnest(names) AS n),
    (SELECT coalesce(pg_catalog.string_agg(pg_catalog.format(', r.%I', n), '' ORDER BY n), '') FROM pg_catalog.unnest(names) AS n),
    (SELECT ' FROM pg_catalog.jsonb_to_record($2) AS r (' || pg_catalog.string_agg(pg_catalog.format('%I %s', c ->> 'name', c ->> 'type'), ', ') || ')'
       FROM pg_catalog.jsonb_array_elements(m.columns) AS c WHERE c ->> 'name' = ANY (names)),
    yore._shown(m, 'version'))
    INTO version USING entity_id, coalesce(changes, '{}');
  RETURN version;
END
$$;
COMMENT ON FUNCTION yore.undelete(text, uuid, jsonb) IS
  'Brings a deleted entity of an immutable table back, with the data of its tombstone but for the changes given, as its next version; returns that number. Needs INSERT on the face and SELECT of its version, no right on the past; a column of a domain that is not to be NULL has to have a default or be given. Errors: YO003 not tracked, YO007 no immutable table or no such column, YO019 no such entity, YO021 it is not deleted; 23505 where it would meet a unique value, or under REPEATABLE READ a second undelete at the same time.';

CREATE OR REPLACE FUNCTION yore.entity_state(t text, entity_id uuid) RETURNS TABLE (state text, version bigint, deleted_at timestamptz)
LANGUAGE plpgsql STABLE
AS $$
#variable_conflict use_variable
DECLARE
  m       yore.tracked := yore._tracked(t);
  face    text := pg_catalog.format('%I.%I', m.schema_name, m.table_name);
  history text := pg_catalog.format('%I.%I', yore._schema('history', m.schema_name), m.table_name);
  session_time timestamptz := yore._session_time();
BEGIN
  IF NOT m.immutable THEN
    PERFORM yore._fail('YO007', pg_catalog.format('%s is no immutable table', face));
  END IF;
  IF session_time IS NULL THEN
    EXECUTE pg_catalog.format('SELECT ''live'', %I FROM %s WHERE entity_id = $1', yore._shown(m, 'version'), face) INTO state, version USING entity_id;
  END IF;
  IF state IS NULL AND pg_catalog.has_schema_privilege(yore._schema('history', m.schema_name), 'USAGE') AND pg_catalog.has_table_privilege(history, 'SELECT') THEN
    -- By its end, not by its tombstone, which can have been taken out.
    EXECUTE pg_catalog.format('SELECT CASE WHEN %5$I <= coalesce($2, ''infinity'') THEN ''deleted'' ELSE ''live'' END, %2$I, %1$I
                                 FROM %3$s WHERE entity_id = $1 AND %4$I <= coalesce($2, ''infinity'') ORDER BY 2 DESC LIMIT 1',
                              yore._shown(m, 'deleted_at'), yore._shown(m, 'version'), history, yore._shown(m, 'valid_from'), yore._shown(m, 'valid_to'))
      INTO state, version, deleted_at USING entity_id, session_time;
  END IF;
  state := coalesce(state, 'unknown');
  RETURN NEXT;
END
$$;
COMMENT ON FUNCTION yore.entity_state(text, uuid) IS
  'Whether an entity of an immutable table is live, deleted or unknown, with the number of its last version and the time of its deletion; in an as-of session, as of its time. To those who may not read history, what is not live is unknown. Errors YO003, YO007.';

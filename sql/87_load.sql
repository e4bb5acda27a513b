-- What a dump of yore's calls when it is loaded, by yore load or by psql. All of
-- it happens in one transaction: an error anywhere leaves nothing behind.

CREATE OR REPLACE FUNCTION yore._load_check(head jsonb, structure boolean, data boolean) RETURNS void
LANGUAGE plpgsql VOLATILE
AS $$
DECLARE
  d       jsonb;
  missing text;
BEGIN
  IF (head ->> 'yore')::integer > yore._version() THEN
    PERFORM yore._fail('YO015', pg_catalog.format('the dump is of version %s of yore''s functions, newer than this database''s %s', head ->> 'yore', yore._version()),
                       'yore install, of a newer yore, brings the database up to date.');
  END IF;
  PERFORM pg_catalog.set_config('yore.load_head', head::text, true);
  IF structure THEN
    SELECT pg_catalog.string_agg(DISTINCT n.kind || ' ' || n.name, ', ') INTO missing
      FROM pg_catalog.jsonb_array_elements(head -> 'tables') AS t (d)
     CROSS JOIN LATERAL pg_catalog.jsonb_array_elements(t.d -> 'needs') AS need
     CROSS JOIN LATERAL pg_catalog.jsonb_each_text(need) AS n (kind, name)
     WHERE CASE n.kind WHEN 'extension' THEN NOT EXISTS (SELECT FROM pg_catalog.pg_extension AS e WHERE e.extname = n.name)
                       WHEN 'type' THEN pg_catalog.to_regtype(n.name) IS NULL
                       WHEN 'collation' THEN pg_catalog.to_regcollation(n.name) IS NULL END;
    IF missing IS NOT NULL THEN
      PERFORM yore._fail('YO028', 'the database lacks what the dumped tables need: ' || missing, 'CREATE EXTENSION, CREATE TYPE or CREATE COLLATION first; a dump does not.');
    END IF;
  END IF;
  FOR d IN SELECT * FROM pg_catalog.jsonb_array_elements(head -> 'tables') LOOP
    IF NOT structure THEN
      PERFORM yore._load_fits(d);
    ELSIF pg_catalog.to_regclass(d ->> 'name') IS NOT NULL THEN
      PERFORM yore._fail('YO006', pg_catalog.format('%s is already there', d ->> 'name'),
        CASE WHEN data THEN 'Load into a database without it; or load the data alone, into the table, empty and tracked.' ELSE 'Load into a database without it.' END);
    END IF;
  END LOOP;
END
$$;
COMMENT ON FUNCTION yore._load_check(jsonb, boolean, boolean) IS
  'Whether a dump can be loaded into this database, before anything has changed. Errors: YO003 a table is not tracked (data alone), YO006 a table is already there, YO015 the dump is of a newer yore, YO028 something is missing, or a table is not empty or has other columns.';

CREATE OR REPLACE FUNCTION yore._load_names(temporal name, history name, asof name) RETURNS void
LANGUAGE plpgsql STABLE
AS $$
BEGIN
  IF NOT EXISTS (SELECT FROM yore.installation AS i WHERE (i.temporal_schema, i.history_schema, i.asof_schema) = (temporal, history, asof)) THEN
    PERFORM yore._fail('YO028', pg_catalog.format('yore''s schemas are not called %I, %I and %I here, as they are in the dump', temporal, history, asof), 'yore load puts the names right; psql cannot.');
  END IF;
END
$$;
COMMENT ON FUNCTION yore._load_names(name, name, name) IS 'Error YO028 where the names in a dump are not those of this database''s schemas. For psql.';

CREATE OR REPLACE FUNCTION yore._load_fits(d jsonb) RETURNS yore.tracked
LANGUAGE plpgsql VOLATILE
AS $$
DECLARE
  m    yore.tracked := yore._tracked(d ->> 'name');
  odd  text;
  filled text;
  part text;
BEGIN
  SELECT pg_catalog.string_agg(pg_catalog.concat_ws(' ', pg_catalog.quote_ident(coalesce(g.name, h.name)),
           CASE WHEN h.name IS NULL THEN '(missing)' WHEN g.name IS NULL THEN '(not in the dump)' ELSE pg_catalog.format('(%s, in the dump %s)', h.type, g.type) END), ', ')
    INTO odd
    FROM (SELECT c ->> 'name' AS name, pg_catalog.concat_ws(' generated ', c ->> 'type', nullif(c ->> 'generated', '')) AS type FROM pg_catalog.jsonb_array_elements(d -> 'columns') AS c) AS g
    FULL JOIN (SELECT c ->> 'name' AS name, pg_catalog.concat_ws(' generated ', c ->> 'type', nullif(c ->> 'generated', '')) AS type FROM pg_catalog.jsonb_array_elements(m.columns) AS c) AS h USING (name)
   WHERE g.type IS DISTINCT FROM h.type;
  IF odd IS NOT NULL OR m.immutable <> (d ->> 'immutable')::boolean THEN
    PERFORM yore._fail('YO028', pg_catalog.format('%s is not the table that was dumped: %s', d ->> 'name', coalesce('column ' || odd, CASE WHEN m.immutable THEN 'it is immutable here' ELSE 'it was immutable' END)),
                       'Load structure and data, into a database without the table.');
  END IF;
  FOREACH part IN ARRAY ARRAY[pg_catalog.format('%I.%I', m.storage_schema, m.storage_name), pg_catalog.format('%I.%I', m.past_schema, m.past_name),
                              pg_catalog.to_regclass(yore._amendments(m))::text] LOOP
    CONTINUE WHEN part IS NULL;
    EXECUTE pg_catalog.format('SELECT %L FROM %s LIMIT 1', part, part) INTO filled;
    IF filled IS NOT NULL THEN
      PERFORM yore._fail('YO028', pg_catalog.format('%s has rows, or had some: %s is not empty', d ->> 'name', filled), 'Data alone is loaded into tables that were never written to.');
    END IF;
  END LOOP;
  RETURN m;
END
$$;
COMMENT ON FUNCTION yore._load_fits(jsonb) IS
  'The catalog row of the table that a dump describes. Errors: YO003 not tracked, YO028 other columns, or not empty.';

CREATE OR REPLACE FUNCTION yore._load_table(t text) RETURNS jsonb
LANGUAGE sql STABLE
AS $$
  SELECT d FROM pg_catalog.jsonb_array_elements(pg_catalog.current_setting('yore.load_head')::jsonb -> 'tables') AS d WHERE d ->> 'name' = t
$$;
COMMENT ON FUNCTION yore._load_table(text) IS 'What the head of the dump that is being loaded says of a table.';

CREATE OR REPLACE FUNCTION yore._load_begin(t text) RETURNS void
LANGUAGE plpgsql VOLATILE
AS $$
DECLARE
  d    jsonb := yore._load_table(t);
  m    yore.tracked := yore._tracked(t);
  rel  regclass := yore._storage(m);
  past regclass := pg_catalog.format('%I.%I', m.past_schema, m.past_name)::regclass;
  c    jsonb;
  here record;
  undo text[] := '{}';
  off  text[] := '{}';
  command text;
BEGIN
  EXECUTE pg_catalog.format('LOCK TABLE %s, %s IN SHARE ROW EXCLUSIVE MODE', rel, past);
  PERFORM yore._load_fits(d);
  FOR c IN SELECT * FROM pg_catalog.jsonb_array_elements(d -> 'past_only') LOOP
    EXECUTE pg_catalog.format('ALTER TABLE %s ADD COLUMN IF NOT EXISTS %s', past, yore._past_column(c));
  END LOOP;
  IF (d ->> 'amendments')::boolean THEN
    PERFORM yore._make_amendments(m);
  END IF;
  -- A foreign key is judged once all tables have their rows.
  FOR here IN
    SELECT k.conname, k.condeferrable FROM pg_catalog.pg_constraint AS k
     WHERE k.conrelid = rel AND k.contype = 'f' AND k.conparentid = 0 AND NOT k.condeferred
  LOOP
    EXECUTE pg_catalog.format('ALTER TABLE %s ALTER CONSTRAINT %I DEFERRABLE INITIALLY DEFERRED', rel, here.conname);
    undo := undo || pg_catalog.format('ALTER TABLE %s ALTER CONSTRAINT %I %s', rel, here.conname, CASE WHEN here.condeferrable THEN 'DEFERRABLE INITIALLY IMMEDIATE' ELSE 'NOT DEFERRABLE' END);
  END LOOP;
  -- The rows come with their version data. Triggers that are not simply on get
  -- their former state back one by one; a whole passes its own on to partitions.
  FOR here IN
    SELECT r.relation FROM (SELECT rel AS relation, 0 AS level UNION SELECT p.relid, p.level FROM pg_catalog.pg_partition_tree(rel) AS p) AS r ORDER BY r.level
  LOOP
    undo := undo || pg_catalog.format('ALTER TABLE %s ENABLE TRIGGER USER', here.relation);
    undo := undo || ARRAY(
      SELECT pg_catalog.format('ALTER TABLE %s %s TRIGGER %I', here.relation,
               CASE g.tgenabled WHEN 'D' THEN 'DISABLE' WHEN 'R' THEN 'ENABLE REPLICA' ELSE 'ENABLE ALWAYS' END, g.tgname)
        FROM pg_catalog.pg_trigger AS g WHERE g.tgrelid = here.relation AND NOT g.tgisinternal AND g.tgenabled <> 'O');
    off := off || pg_catalog.format('ALTER TABLE %s DISABLE TRIGGER USER', here.relation);
  END LOOP;
  FOREACH command IN ARRAY off LOOP
    EXECUTE command;
  END LOOP;
  PERFORM pg_catalog.set_config('yore.load',
    (coalesce(nullif(pg_catalog.current_setting('yore.load', true), ''), '{}')::jsonb || pg_catalog.jsonb_build_object(t, undo))::text, true);
END
$$;
COMMENT ON FUNCTION yore._load_begin(text) IS
  'Makes a tracked, empty table ready for dumped rows: triggers off, foreign keys deferred, until _load_end of the same transaction. Errors YO003, YO028; 42501 for others than its owner. Takes SHARE ROW EXCLUSIVE locks on the table and its past.';

CREATE OR REPLACE FUNCTION yore._load_end(t text) RETURNS void
LANGUAGE plpgsql VOLATILE
AS $$
DECLARE
  d       jsonb := yore._load_table(t);
  m       yore.tracked := yore._tracked(t);
  undo    jsonb := pg_catalog.current_setting('yore.load')::jsonb -> t;
  command text;
  wrong   record;
BEGIN
  SET CONSTRAINTS ALL IMMEDIATE;
  FOR command IN SELECT u FROM pg_catalog.jsonb_array_elements_text(undo) WITH ORDINALITY AS e (u, place) ORDER BY place LOOP
    EXECUTE command;
  END LOOP;
  PERFORM pg_catalog.set_config('yore.load', (pg_catalog.current_setting('yore.load')::jsonb - t)::text, true);
  UPDATE yore.tracked AS x
     SET since = (d ->> 'since')::timestamptz, tracked_at = (d ->> 'tracked_at')::timestamptz, version_gaps = x.version_gaps OR (d ->> 'version_gaps')::boolean
   WHERE (x.schema_name, x.table_name) = (m.schema_name, m.table_name)
  RETURNING x.* INTO m;
  IF NOT m.in_place THEN
    EXECUTE pg_catalog.format('COMMENT ON VIEW %I.%I IS %L', m.schema_name, m.table_name, yore._note(m));
  END IF;
  IF d -> 'past_only' <> '[]' OR (d ->> 'amendments')::boolean OR m.since = '-infinity' THEN
    -- Triggers and faces depend on what the past has, which came after them, and
    -- history on whether a version can have begun at -infinity.
    PERFORM yore._make_triggers(m);
    PERFORM yore._make_faces(m);
  END IF;
  SELECT v.* INTO wrong FROM yore.verify(t) AS v LIMIT 1;
  IF FOUND THEN
    PERFORM yore._fail('YO028', pg_catalog.format('%s as it was dumped does not pass yore.verify: %s', t,
        pg_catalog.concat_ws(' ', wrong.problem, wrong.key, 'version ' || wrong.version)),
      'Mend the table that was dumped: yore.verify lists what is wrong.', wrong.detail);
  END IF;
END
$$;
COMMENT ON FUNCTION yore._load_end(text) IS
  'Takes back what _load_begin did, and verifies every version. Errors: YO028 something is wrong with them, 23503 a foreign key.';

CREATE OR REPLACE FUNCTION yore._load_sequence(t text, column_name text, sequence text, last_value bigint, is_called boolean) RETURNS void
LANGUAGE plpgsql VOLATILE
AS $$
DECLARE
  m      yore.tracked := yore._tracked(t);
  target regclass := coalesce(sequence, pg_catalog.pg_get_serial_sequence(pg_catalog.format('%I.%I', m.storage_schema, m.storage_name), column_name))::regclass;
  ahead  boolean;
BEGIN
  -- A sequence that other tables use as well does not go back.
  EXECUTE pg_catalog.format('SELECT s.is_called AND CASE WHEN o.seqincrement > 0 THEN s.last_value >= $1 ELSE s.last_value <= $1 END
                               FROM %s AS s, pg_catalog.pg_sequence AS o WHERE o.seqrelid = $2', target) INTO ahead USING last_value, target::oid;
  IF NOT ahead THEN
    PERFORM pg_catalog.setval(target, last_value, is_called);
  END IF;
END
$$;
COMMENT ON FUNCTION yore._load_sequence(text, text, text, bigint, boolean) IS
  'Sets a sequence to where it was when it was dumped, unless it is further already; with sequence NULL that of an identity column.';

CREATE OR REPLACE FUNCTION yore._beneath(t text, before text, after text) RETURNS void
LANGUAGE plpgsql VOLATILE
AS $$
DECLARE
  m yore.tracked := yore._tracked(t);
BEGIN
  EXECUTE pg_catalog.format('%s %I.%I %s', before, m.storage_schema, m.storage_name, after);
END
$$;
COMMENT ON FUNCTION yore._beneath(text, text, text) IS 'Runs a statement on the table beneath a face, whose schema need not have the name that it had elsewhere.';

CREATE OR REPLACE FUNCTION yore._refer(t text, before text, other text, after text) RETURNS void
LANGUAGE plpgsql VOLATILE
AS $$
DECLARE
  target regclass := pg_catalog.to_regclass(other);
  o      yore.tracked := yore._find(target);
BEGIN
  IF target IS NULL THEN
    RAISE WARNING USING MESSAGE = pg_catalog.format('yore: %s refers to %s, which is not here: its foreign key is left out', t, other),
                        HINT = pg_catalog.format('Once it is: ALTER TABLE … %s%s%s', before, other, after);
    RETURN;
  END IF;
  PERFORM yore._beneath(t, 'ALTER TABLE', before || CASE WHEN o.schema_name IS NULL THEN target::text ELSE pg_catalog.format('%I.%I', o.storage_schema, o.storage_name) END || after);
END
$$;
COMMENT ON FUNCTION yore._refer(text, text, text, text) IS
  'Adds a foreign key to a tracked table, where the table that it refers to is there; else a warning says that it is left out.';

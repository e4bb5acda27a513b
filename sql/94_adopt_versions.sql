-- Loading the versions that were judged, with the time and the number they had.

CREATE OR REPLACE FUNCTION yore._loaded_columns(m yore.tracked, s jsonb) RETURNS TABLE (targets text, sources text)
LANGUAGE plpgsql VOLATILE
AS $$
DECLARE
  past    regclass := pg_catalog.format('%I.%I', m.past_schema, m.past_name)::regclass;
  columns jsonb := (SELECT coalesce(pg_catalog.jsonb_agg(pg_catalog.jsonb_build_array(n, n)), '[]') FROM pg_catalog.jsonb_array_elements_text(s -> 'common') AS n);
  c       jsonb;
  name    name;
BEGIN
  FOR c IN SELECT * FROM pg_catalog.jsonb_array_elements(s -> 'past_only') LOOP
    name := c ->> 'name';
    IF EXISTS (SELECT FROM pg_catalog.pg_attribute AS a WHERE a.attrelid = past AND a.attname = name) THEN
      name := yore._aside(past, name);   -- called like one of yore's
    END IF;
    EXECUTE pg_catalog.format('ALTER TABLE %s ADD COLUMN %s', past, yore._past_column(c || pg_catalog.jsonb_build_object('name', name)));
    columns := columns || pg_catalog.jsonb_build_array(pg_catalog.jsonb_build_array(name, c ->> 'name'));
  END LOOP;
  RETURN QUERY SELECT pg_catalog.string_agg(pg_catalog.quote_ident(x ->> 0), ', ' ORDER BY place), pg_catalog.string_agg(pg_catalog.format('h.%I', x ->> 1), ', ' ORDER BY place)
                 FROM pg_catalog.jsonb_array_elements(columns) WITH ORDINALITY AS e (x, place);
END
$$;
COMMENT ON FUNCTION yore._loaded_columns(yore.tracked, jsonb) IS
  'The columns of the past and, over h, of the history from which they are filled. Adds to the past those that only the history has, without constraints.';

CREATE OR REPLACE FUNCTION yore._adopted_rows(s jsonb) RETURNS text
LANGUAGE sql STABLE
AS $$
  -- Where each version stands, by the place at which it was judged. An ImmuTable's
  -- rows have been copied from there, since its table goes on with the current ones.
  SELECT CASE WHEN (s ->> 'immutable')::boolean
              THEN 'pg_temp.yore_adopted AS a JOIN pg_temp.yore_adopted_rows AS h ON h.sys_source = a.source AND h.sys_place = a.place'
              ELSE pg_catalog.format('pg_temp.yore_adopted AS a JOIN %s AS h ON h.tableoid = a.source AND h.ctid = a.place', (s ->> 'history')::oid::regclass) END
$$;
COMMENT ON FUNCTION yore._adopted_rows(jsonb) IS 'What was judged, a, beside the rows of the history, h, for a FROM clause.';

CREATE OR REPLACE FUNCTION yore._count_loaded(what text, loaded bigint, expected bigint) RETURNS void
LANGUAGE plpgsql STABLE
AS $$
BEGIN
  IF loaded <> expected THEN
    PERFORM yore._fail('YO025', pg_catalog.format('%s: %s of %s came over, so nothing is adopted', what, loaded, expected), 'This is a defect of yore; please report it.');
  END IF;
END
$$;
COMMENT ON FUNCTION yore._count_loaded(text, bigint, bigint) IS 'Error YO025 unless as many came over as were judged.';

CREATE OR REPLACE FUNCTION yore._load_past(m yore.tracked, s jsonb) RETURNS void
LANGUAGE plpgsql VOLATILE
AS $$
DECLARE
  columns record;
  loaded  bigint;
BEGIN
  SELECT * INTO columns FROM yore._loaded_columns(m, s);
  -- A version, and where its key ended with it the tombstone that says when. In
  -- the order of their end, as the past's block-range index likes it.
  EXECUTE pg_catalog.format($query$
    INSERT INTO %1$I.%2$I (%3$s, sys_version, sys_from, sys_xid, sys_to, sys_xid_to%4$s)
    SELECT %5$s, a.version + v.step,
           CASE v.step WHEN 0 THEN a.begins ELSE a.ends END,
           CASE WHEN v.step = 1 AND a.ends_now THEN pg_catalog.pg_current_xact_id() ELSE yore._xid_unknown() END,
           a.ends,
           CASE WHEN a.ends_now THEN pg_catalog.pg_current_xact_id() ELSE yore._xid_unknown() END%6$s
      FROM %7$s
     CROSS JOIN (VALUES (0), (1)) AS v (step)
     WHERE a.fate = 'past' AND (v.step = 0 OR a.deletes)
     ORDER BY a.ends, v.step$query$,
    m.past_schema, m.past_name, columns.targets, yore._with_id(m, 'sys_id'), columns.sources, yore._with_id(m, s ->> 'row_id'), yore._adopted_rows(s));
  GET DIAGNOSTICS loaded = ROW_COUNT;
  PERFORM yore._count_loaded('past versions and tombstones', loaded,
    (SELECT pg_catalog.count(*) + pg_catalog.count(*) FILTER (WHERE a.deletes) FROM pg_temp.yore_adopted AS a WHERE a.fate = 'past'));
END
$$;
COMMENT ON FUNCTION yore._load_past(yore.tracked, jsonb) IS 'Copies the past versions, with tombstones where a key ended. Error YO025 if not all came over.';

CREATE OR REPLACE FUNCTION yore._load_present(m yore.tracked, s jsonb) RETURNS void
LANGUAGE plpgsql VOLATILE
AS $$
DECLARE
  storage text := pg_catalog.format('%I.%I', m.storage_schema, m.storage_name);
  loaded  bigint;
BEGIN
  EXECUTE pg_catalog.format('ALTER TABLE %s DISABLE TRIGGER USER', storage);   -- yore's now, too
  EXECUTE pg_catalog.format($query$
    UPDATE %1$s AS c
       SET sys_version = a.version, sys_from = a.begins,
           sys_xid = CASE WHEN a.begins_now THEN pg_catalog.pg_current_xact_id() ELSE yore._xid_unknown() END%2$s
      FROM %3$s
     WHERE a.fate = 'current' AND %4$s$query$, storage,
    CASE WHEN m.immutable THEN pg_catalog.format(', sys_id = %s', s ->> 'row_id') ELSE '' END,
    CASE WHEN m.immutable THEN yore._adopted_rows(s) ELSE 'pg_temp.yore_adopted AS a' END,
    CASE WHEN m.immutable THEN 'c.entity_id = h.entity_id' ELSE 'c.tableoid = a.source AND c.ctid = a.place' END);
  GET DIAGNOSTICS loaded = ROW_COUNT;
  PERFORM yore._count_loaded('current rows', loaded, (SELECT pg_catalog.count(*) FROM pg_temp.yore_adopted AS a WHERE a.fate = 'current'));
  EXECUTE pg_catalog.format('SELECT pg_catalog.count(*) FROM %s', storage) INTO loaded;
  PERFORM yore._count_loaded('rows of the table', loaded, (SELECT pg_catalog.count(*) FROM pg_temp.yore_adopted AS a WHERE a.fate = 'current'));
END
$$;
COMMENT ON FUNCTION yore._load_present(yore.tracked, jsonb) IS
  'Gives the current rows the number and the time of their version, with all triggers disabled. Error YO025 if not all got theirs.';

CREATE OR REPLACE FUNCTION yore._keep_left_out(m yore.tracked, s jsonb) RETURNS void
LANGUAGE plpgsql VOLATILE
AS $$
DECLARE
  name text := pg_catalog.format('%I.%I', m.past_schema, yore._derived(m.table_name, '_left_out'));
BEGIN
  IF NOT EXISTS (SELECT FROM pg_temp.yore_adopted AS a WHERE a.fate = 'left out') THEN
    RETURN;
  END IF;
  EXECUTE pg_catalog.format('CREATE TABLE %s AS SELECT a.problem AS sys_problem, h.* FROM %s WHERE a.fate = ''left out''', name, yore._adopted_rows(s));
  IF m.immutable THEN
    EXECUTE pg_catalog.format('ALTER TABLE %s DROP COLUMN sys_source, DROP COLUMN sys_place', name);
  END IF;
  EXECUTE pg_catalog.format('COMMENT ON TABLE %s IS %L', name,
    pg_catalog.format('Versions of %I.%I that could not be adopted from %s, as they were there; sys_problem says why.', m.schema_name, m.table_name, s ->> 'system'));
  PERFORM yore._give(name, 'TABLE', yore._storage(m));
END
$$;
COMMENT ON FUNCTION yore._keep_left_out(yore.tracked, jsonb) IS 'Keeps what was left out in t_left_out, beside the past, with all columns that it had.';

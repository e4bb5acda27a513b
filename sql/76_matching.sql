-- What the readers of history below have in common: which rows are asked for, and
-- rows as JSON. They read history.t as their caller, and put their queries together
-- of the names in the catalog and of literals alone.

CREATE OR REPLACE FUNCTION yore._history(m yore.tracked) RETURNS regclass
LANGUAGE sql STABLE
AS $$
  SELECT c.oid::regclass FROM pg_catalog.pg_class AS c JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
   WHERE (n.nspname, c.relname) = (yore._schema('history', m.schema_name), m.table_name)
$$;
COMMENT ON FUNCTION yore._history(yore.tracked) IS 'The view of every version; NULL if it is not there.';

CREATE OR REPLACE FUNCTION yore._reads_history(m yore.tracked) RETURNS boolean
LANGUAGE sql STABLE
AS $$
  -- Under row-level security the view reads with its reader's rights, or refuses
  -- those whom it binds (yore._guard).
  SELECT pg_catalog.has_schema_privilege(v.relnamespace, 'USAGE') AND pg_catalog.has_table_privilege(v.oid, 'SELECT')
         AND CASE WHEN NOT s.relrowsecurity THEN true
                  WHEN pg_catalog.current_setting('server_version_num')::integer < 150000 THEN NOT pg_catalog.row_security_active(s.oid)
                  ELSE pg_catalog.has_table_privilege(s.oid, 'SELECT') AND pg_catalog.has_table_privilege(p.oid, 'SELECT') END
    FROM pg_catalog.pg_class AS v, pg_catalog.pg_class AS s, pg_catalog.pg_class AS p
   WHERE v.oid = yore._history(m) AND s.oid = yore._storage(m) AND p.oid = yore._past(m)
$$;
COMMENT ON FUNCTION yore._reads_history(yore.tracked) IS 'Whether the caller may read all columns of a table''s history; NULL if it is not there.';

CREATE OR REPLACE FUNCTION yore._written(m yore.tracked) RETURNS text
LANGUAGE sql IMMUTABLE
AS $$ SELECT CASE WHEN m.schema_name = 'public' THEN pg_catalog.quote_ident(m.table_name) ELSE pg_catalog.format('%I.%I', m.schema_name, m.table_name) END $$;
COMMENT ON FUNCTION yore._written(yore.tracked) IS 'The table''s name as SQL has it: with its schema, but for public.';

CREATE OR REPLACE FUNCTION yore._row_columns(m yore.tracked) RETURNS text[]
LANGUAGE sql IMMUTABLE
AS $$
  SELECT pg_catalog.array_agg(c ->> 'name' ORDER BY m.immutable AND c ->> 'name' = 'entity_id' DESC, place)
    FROM pg_catalog.jsonb_array_elements(m.columns) WITH ORDINALITY AS e (c, place)
$$;
COMMENT ON FUNCTION yore._row_columns(yore.tracked) IS 'The user''s columns in the order in which the face has them.';

CREATE OR REPLACE FUNCTION yore._base_type(type_id oid) RETURNS oid
LANGUAGE sql STABLE
AS $$
  WITH RECURSIVE base AS (
    SELECT t.oid, t.typtype, t.typbasetype FROM pg_catalog.pg_type AS t WHERE t.oid = type_id
    UNION ALL
    SELECT t.oid, t.typtype, t.typbasetype FROM base AS b JOIN pg_catalog.pg_type AS t ON b.typtype = 'd' AND t.oid = b.typbasetype)
  SELECT b.oid FROM base AS b WHERE b.typtype <> 'd'
$$;
COMMENT ON FUNCTION yore._base_type(oid) IS 'The type itself, or the one that a domain is made of.';

CREATE OR REPLACE FUNCTION yore._row_json(m yore.tracked, alias text) RETURNS text
LANGUAGE sql STABLE
AS $$
  -- No column is called sys_to, so the alias means the row. A type that PostgreSQL
  -- would cast to JSON, as hstore, is written as text instead: only from that does
  -- jsonb_populate_record read it again, and wholly.
  SELECT pg_catalog.format('(SELECT pg_catalog.to_jsonb(sys_to) FROM (SELECT %s) AS sys_to)',
           pg_catalog.string_agg(pg_catalog.format(CASE WHEN x.castsource IS NULL THEN '%s.%I' ELSE '%s.%I::text' END, alias, n), ', ' ORDER BY place))
    FROM pg_catalog.unnest(yore._face_names(m)) WITH ORDINALITY AS u (n, place)
    LEFT JOIN pg_catalog.pg_attribute AS a ON a.attrelid = yore._history(m) AND a.attname = n
    LEFT JOIN pg_catalog.pg_cast AS x ON x.castsource = yore._base_type(a.atttypid) AND x.casttarget = 'pg_catalog.json'::regtype AND x.castmethod = 'f'
$$;
COMMENT ON FUNCTION yore._row_json(yore.tracked, text) IS
  'The expression of a version of history, called alias, as the JSON of its row: the columns of the face, or of an in_place table the user''s.';

CREATE OR REPLACE FUNCTION yore._key_json(m yore.tracked, alias text) RETURNS text
LANGUAGE sql IMMUTABLE
AS $$
  SELECT pg_catalog.format('pg_catalog.jsonb_build_object(%s)', pg_catalog.string_agg(pg_catalog.format('%1$L, %2$s.%1$I', k, alias), ', ' ORDER BY place))
    FROM pg_catalog.unnest(m.key_columns) WITH ORDINALITY AS u (k, place)
$$;
COMMENT ON FUNCTION yore._key_json(yore.tracked, text) IS 'The expression of the key, as JSON, of a version of history called alias.';

CREATE OR REPLACE FUNCTION yore._columns_where(m yore.tracked, pattern text) RETURNS text
LANGUAGE sql IMMUTABLE
AS $$
  SELECT pg_catalog.format('pg_catalog.array_remove(ARRAY[%s]::text[], NULL)',
                           pg_catalog.string_agg(pg_catalog.format('CASE WHEN %s THEN %L END', pg_catalog.format(pattern, n), n), ', ' ORDER BY place))
    FROM pg_catalog.unnest(yore._row_columns(m)) WITH ORDINALITY AS u (n, place)
$$;
COMMENT ON FUNCTION yore._columns_where(yore.tracked, text) IS
  'The expression of the names of the user''s columns for which a condition holds, format(pattern, column).';

CREATE OR REPLACE FUNCTION yore._equality(type_id oid) RETURNS text
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
AS $$
  -- As the type cache finds it: the type's own, that of all arrays, enums, ranges,
  -- records, or that of a type which is stored the same.
  SELECT format('OPERATOR(%I.%s)', n.nspname, o.oprname)
    FROM pg_type AS t
    JOIN pg_opclass AS c ON c.opcdefault
     AND (c.opcintype = t.oid
          OR c.opcintype = CASE WHEN t.typelem <> 0 AND t.typlen = -1 AND t.typcategory = 'A' THEN 'anyarray'::regtype
                                WHEN t.typtype = 'e' THEN 'anyenum'::regtype
                                WHEN t.typtype = 'r' THEN 'anyrange'::regtype
                                WHEN t.typtype = 'm' THEN to_regtype('anymultirange')
                                WHEN t.typtype = 'c' THEN 'record'::regtype END
          OR EXISTS (SELECT FROM pg_cast AS x WHERE x.castsource = t.oid AND x.casttarget = c.opcintype AND x.castmethod = 'b' AND x.castcontext = 'i'))
    JOIN pg_am AS a ON a.oid = c.opcmethod AND a.amname IN ('btree', 'hash')
    JOIN pg_amop AS p ON p.amopfamily = c.opcfamily AND p.amopstrategy = CASE a.amname WHEN 'btree' THEN 3 ELSE 1 END
                     AND p.amoplefttype = c.opcintype AND p.amoprighttype = c.opcintype
    JOIN pg_operator AS o ON o.oid = p.amopopr
    JOIN pg_namespace AS n ON n.oid = o.oprnamespace
   WHERE t.oid = type_id
   ORDER BY c.opcintype = t.oid DESC, a.amname, c.oid
   LIMIT 1
$$;
COMMENT ON FUNCTION yore._equality(oid) IS
  'The operator by which two values of a type are equal, whatever "=" means on the search_path; NULL for a type that has none, such as json. For a domain: ask for its base type.';

CREATE OR REPLACE FUNCTION yore._matching(m yore.tracked, matching jsonb) RETURNS jsonb
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp   -- so that types are written with their schema
AS $$
DECLARE
  tests jsonb := '[]';
  asked record;
  value text;
BEGIN
  IF jsonb_typeof(matching) <> 'object' THEN
    PERFORM yore._fail('YO007', format('matching is an object of columns and values, not %s', matching), 'matching => ''{"id": 1}''');
  END IF;
  FOR asked IN
    SELECT e.name, e.value, base.type_id, format_type(base.type_id, -1) AS type
      FROM jsonb_each(matching) AS e (name, value)
      LEFT JOIN pg_attribute AS a ON a.attrelid = yore._history(m) AND a.attname = e.name AND NOT a.attisdropped AND e.name = ANY (yore._row_columns(m))
      LEFT JOIN LATERAL yore._base_type(a.atttypid) AS base (type_id) ON true
     ORDER BY e.name
  LOOP
    IF asked.type_id IS NULL THEN
      PERFORM yore._fail('YO007', format('matching names %I, which is no column of table %s', asked.name, yore._written(m)),
                         format('Its columns are %s.', array_to_string(yore._row_columns(m), ', ')));
    END IF;
    BEGIN
      EXECUTE format('SELECT r.v::text FROM jsonb_to_record(jsonb_build_object(''v'', $1)) AS r (v %s)', asked.type) INTO value USING asked.value;
    EXCEPTION WHEN data_exception THEN
      PERFORM yore._fail('YO007', format('matching: %s is no %s, the type of column %I of table %s', asked.value, asked.type, asked.name, yore._written(m)), SQLERRM);
    END;
    tests := tests || jsonb_build_object('column', asked.name, 'of_key', asked.name = ANY (m.key_columns::text[]), 'value', value, 'type', asked.type,
      'pattern', CASE WHEN asked.value = 'null' THEN '%1$s IS NULL'
                      ELSE coalesce('%1$s ' || yore._equality(asked.type_id) || ' %2$L::%3$s', 'pg_catalog.record_image_eq(ROW(%1$s), ROW(%2$L::%3$s))') END);
  END LOOP;
  RETURN tests;
END
$$;
COMMENT ON FUNCTION yore._matching(yore.tracked, jsonb) IS
  'What matching asks of rows, for yore._matches: a value is read as its column''s type and compared by that type''s equality, or, where it has none, as stored; null means IS NULL. Error YO007 if it is no object, names no column, or a value is none of the column''s type.';

CREATE OR REPLACE FUNCTION yore._matches(tests jsonb, alias text, of_key boolean) RETURNS text
LANGUAGE sql IMMUTABLE
AS $$
  SELECT coalesce(pg_catalog.string_agg(
           pg_catalog.format(x ->> 'pattern', pg_catalog.format('%s.%I', alias, x ->> 'column'), x ->> 'value', x ->> 'type'), ' AND ' ORDER BY place), 'true')
    FROM pg_catalog.jsonb_array_elements(tests) WITH ORDINALITY AS e (x, place)
   WHERE (x ->> 'of_key')::boolean = of_key
$$;
COMMENT ON FUNCTION yore._matches(jsonb, text, boolean) IS
  'The condition that a version of history, called alias, matches: of the key columns, or of the others; true where nothing is asked.';

CREATE OR REPLACE FUNCTION yore._check_max_rows(max_rows bigint) RETURNS void
LANGUAGE plpgsql STABLE
AS $$
BEGIN
  IF max_rows < 0 THEN
    PERFORM yore._fail('YO007', pg_catalog.format('max_rows is %s: no number of rows is negative', max_rows), 'NULL means all.');
  END IF;
END
$$;
COMMENT ON FUNCTION yore._check_max_rows(bigint) IS 'Error YO007 for a negative number of rows.';

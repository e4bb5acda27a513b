-- 00_install.sql

-- What yore keeps about itself: one row that says what is installed, one row
-- for each tracked table, one row for each transaction that said who and why.
--
-- Every file of this folder may be run again at any time: tables are created
-- only where they are missing, functions are replaced. The whole folder is run
-- in one transaction; the lock makes two installers wait for each other.

DO $check$
BEGIN
  PERFORM pg_catalog.pg_advisory_xact_lock(pg_catalog.hashtextextended('yore: install', 0));
  IF pg_catalog.current_setting('server_version_num')::integer < 130000 THEN
    RAISE EXCEPTION 'yore: PostgreSQL % is too old', pg_catalog.current_setting('server_version')
      USING ERRCODE = 'YO016', HINT = 'yore needs PostgreSQL 13 or newer.';
  END IF;
END
$check$;

CREATE SCHEMA IF NOT EXISTS yore;
GRANT USAGE ON SCHEMA yore TO PUBLIC;
COMMENT ON SCHEMA yore IS 'yore: temporal tables. Functions, the catalog of tracked tables, transactions.';

CREATE TABLE IF NOT EXISTS yore.installation (
  only_row        boolean     PRIMARY KEY DEFAULT true CHECK (only_row),
  version         integer     NOT NULL,
  temporal_schema name        NOT NULL,
  history_schema  name        NOT NULL,
  asof_schema     name        NOT NULL,
  installed_at    timestamptz NOT NULL DEFAULT pg_catalog.now()
);
GRANT SELECT ON yore.installation TO PUBLIC;
COMMENT ON TABLE yore.installation IS 'The one row that says which version of yore is installed and how its schemas are called.';

CREATE TABLE IF NOT EXISTS yore.tracked (
  schema_name    name        NOT NULL,           -- the name that applications use
  table_name     name        NOT NULL,
  storage_schema name        NOT NULL,           -- where the current rows are
  storage_name   name        NOT NULL,
  past_schema    name        NOT NULL,           -- where the superseded versions are
  past_name      name        NOT NULL,
  key_columns    name[]      NOT NULL,
  in_place       boolean     NOT NULL,
  squash         boolean     NOT NULL,
  journal        name[],                         -- NULL: not given
  no_journal     name[],
  full_journal   boolean     NOT NULL,
  on_truncate    text        NOT NULL CHECK (on_truncate IN ('refuse', 'archive')),
  exclusion      boolean     NOT NULL,
  immutable      boolean     NOT NULL,           -- an entity key, and version columns that are shown
  allow_updates  boolean     NOT NULL,           -- of stored versions, through history
  allow_deletes  boolean     NOT NULL,
  allow_version_write boolean NOT NULL,          -- a version number that is written counts, if it is later
  version_gaps   boolean     NOT NULL,           -- whether allow_version_write ever held
  show_row_id    boolean     NOT NULL,
  prefix         text        NOT NULL,           -- before version, valid_from, … in what users see
  since          timestamptz NOT NULL,           -- from when the rows found at tracking are known
  tracked_at     timestamptz NOT NULL DEFAULT pg_catalog.now(),
  columns        jsonb       NOT NULL,           -- those the triggers were generated for
  shape          text        NOT NULL,           -- the same with yore's own, as yore._shape writes it
  own_triggers   boolean     NOT NULL,           -- whether the table had triggers of its own then
  sequences      jsonb       NOT NULL,           -- owned ones that stay beside the face
  generated_by   integer     NOT NULL,           -- the version of yore that wrote the triggers
  PRIMARY KEY (schema_name, table_name),
  UNIQUE (storage_schema, storage_name),
  UNIQUE (past_schema, past_name)
);
GRANT SELECT ON yore.tracked TO PUBLIC;
COMMENT ON TABLE yore.tracked IS 'What is tracked, with which options, since when, and the columns the triggers were generated for.';

CREATE TABLE IF NOT EXISTS yore.transaction (
  xid         xid8        NOT NULL,
  began       timestamptz NOT NULL,              -- tells two clusters'' equal xids apart after a restore
  actor       text,
  reason      text,
  meta        jsonb,
  at_time     timestamptz,                       -- set by yore.at_time alone
  role        name        NOT NULL,
  application text        NOT NULL,
  PRIMARY KEY (xid, began)
);
COMMENT ON TABLE yore.transaction IS 'Who and why: one row for each transaction that called yore.set_context or yore.at_time.';

DO $version$
DECLARE
  this CONSTANT integer := 1;   -- as yore._version() below
  here integer;
BEGIN
  SELECT i.version INTO here FROM yore.installation AS i;
  IF here > this THEN
    RAISE EXCEPTION 'yore: the database has version % of yore''s functions, newer than this program''s %', here, this
      USING ERRCODE = 'YO015', HINT = 'Use a newer yore.';
  END IF;
  INSERT INTO yore.installation AS i (version, temporal_schema, history_schema, asof_schema)
  VALUES (this,
          coalesce(nullif(pg_catalog.current_setting('yore.temporal_schema', true), ''), 'temporal'),
          coalesce(nullif(pg_catalog.current_setting('yore.history_schema', true), ''), 'history'),
          coalesce(nullif(pg_catalog.current_setting('yore.asof_schema', true), ''), 'asof'))
  ON CONFLICT (only_row) DO UPDATE SET version = excluded.version WHERE i.version <> excluded.version;
END
$version$;

CREATE OR REPLACE FUNCTION yore._version() RETURNS integer LANGUAGE sql IMMUTABLE AS 'SELECT 1';
COMMENT ON FUNCTION yore._version() IS 'The version of these functions; goes up when what they make changes.';

-- 10_names.sql

-- Names and templates. Nothing here reads or writes a user's table.

CREATE OR REPLACE FUNCTION yore._fill(template text, variables jsonb) RETURNS text
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
AS $$
DECLARE
  rest   text := template;
  result text := '';
  name   text;
  place  integer;
BEGIN
  -- From left to right, once: a value that happens to read {past} stays as it is.
  LOOP
    name := pg_catalog.substring(rest, '\{([a-z_]+)\}');
    EXIT WHEN name IS NULL;
    IF NOT variables ? name THEN
      RAISE EXCEPTION 'yore: template names {%}, which has no value', name;
    END IF;
    place := pg_catalog.strpos(rest, '{' || name || '}');
    result := result || pg_catalog.left(rest, place - 1) || (variables ->> name);
    rest := pg_catalog.substr(rest, place + pg_catalog.length(name) + 2);
  END LOOP;
  RETURN result || rest;
END
$$;
COMMENT ON FUNCTION yore._fill(text, jsonb) IS
  'The template with each {name} replaced by the variable of that name.';

CREATE OR REPLACE FUNCTION yore._indent(template text) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS $$ SELECT pg_catalog.regexp_replace(template, '\n(?=[^\n])', E'\n  ', 'g') $$;
COMMENT ON FUNCTION yore._indent(text) IS 'The template one level deeper.';

CREATE OR REPLACE FUNCTION yore._derived(base text, suffix text) RETURNS name
LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS $$
  -- The suffix stays whole; a base too long for it is cut, by characters, and
  -- marked with a digest so that two long names do not meet.
  SELECT CASE
           WHEN pg_catalog.octet_length(base || suffix) <= 63 THEN base || suffix
           ELSE (SELECT pg_catalog.left(base, n) || '_' || pg_catalog.left(pg_catalog.md5(base), 6) || suffix
                   FROM pg_catalog.generate_series(pg_catalog.length(base), 0, -1) AS n
                  WHERE pg_catalog.octet_length(pg_catalog.left(base, n)) + 7 + pg_catalog.octet_length(suffix) <= 63
                  ORDER BY n DESC LIMIT 1)
         END::name
$$;
COMMENT ON FUNCTION yore._derived(text, text) IS
  'The name of something that belongs to base: base and suffix, shortened to 63 bytes where needed.';

CREATE OR REPLACE FUNCTION yore._schema(kind text, of_schema name) RETURNS name
LANGUAGE plpgsql STABLE
AS $$
DECLARE
  base   name;
  result text;
BEGIN
  SELECT CASE kind WHEN 'temporal' THEN i.temporal_schema
                   WHEN 'history'  THEN i.history_schema
                   WHEN 'asof'     THEN i.asof_schema END
    INTO STRICT base FROM yore.installation AS i;
  IF of_schema = 'public' THEN
    RETURN base;
  END IF;
  result := base || '_' || of_schema;
  IF pg_catalog.octet_length(result) > 63 THEN
    PERFORM yore._fail('YO006', pg_catalog.format('schema name %I is too long: yore would need %I', of_schema, result),
                       'Rename the schema, or install yore with shorter schema names.');
  END IF;
  RETURN result;
END
$$;
COMMENT ON FUNCTION yore._schema(text, name) IS
  'The schema that holds what yore makes for the tables of of_schema: temporal, history, asof for public, temporal_s, … for a schema s. kind is temporal, history or asof.';

CREATE OR REPLACE FUNCTION yore._fail(code text, message text, hint text DEFAULT '', detail text DEFAULT '') RETURNS void
LANGUAGE plpgsql STABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp   -- triggers call it with their owner's rights
AS $$
BEGIN
  message := 'yore: ' || message;
  IF hint = '' THEN
    RAISE EXCEPTION USING ERRCODE = code, MESSAGE = message;
  ELSIF detail = '' THEN
    RAISE EXCEPTION USING ERRCODE = code, MESSAGE = message, HINT = hint;
  ELSE
    RAISE EXCEPTION USING ERRCODE = code, MESSAGE = message, HINT = hint, DETAIL = detail;
  END IF;
END
$$;
COMMENT ON FUNCTION yore._fail(text, text, text, text) IS
  'Raises the error; the codes, class YO, are listed in docs/errors.md.';

CREATE OR REPLACE FUNCTION yore._utc(t timestamptz) RETURNS text
LANGUAGE sql STABLE SET timezone = 'UTC' SET datestyle = 'ISO'
AS $$ SELECT t::text $$;
COMMENT ON FUNCTION yore._utc(timestamptz) IS
  'The time as text that means the same under every TimeZone and DateStyle, to the microsecond.';

-- 20_catalog.sql

-- Reading PostgreSQL's catalogs and yore's own.

CREATE OR REPLACE FUNCTION yore._relation(t text) RETURNS regclass
LANGUAGE plpgsql STABLE
AS $$
DECLARE
  rel  regclass;
  like_it text;
BEGIN
  BEGIN
    rel := pg_catalog.to_regclass(t);
  EXCEPTION WHEN OTHERS THEN
    rel := NULL;   -- not even the form of a name
  END;
  IF rel IS NULL THEN
    SELECT pg_catalog.string_agg(c.oid::regclass::text, ', ') INTO like_it
      FROM pg_catalog.pg_class AS c
     WHERE pg_catalog.lower(c.relname) = pg_catalog.lower(pg_catalog.replace(t, '"', ''))
       AND c.relkind IN ('r', 'p', 'v') AND NOT pg_catalog.pg_is_other_temp_schema(c.relnamespace);
    PERFORM yore._fail('YO003', pg_catalog.format('there is no table %s', t),
      CASE WHEN like_it IS NULL THEN 'Name it as in SQL: with its schema if search_path lacks that, mixed-case names in double quotes.'
           ELSE 'Did you mean ' || like_it || '? Mixed-case names need double quotes.' END);
  END IF;
  RETURN rel;
END
$$;
COMMENT ON FUNCTION yore._relation(text) IS
  'The relation that t names, read as SQL reads a name. Error YO003 if there is none.';

CREATE OR REPLACE FUNCTION yore._find(rel regclass) RETURNS yore.tracked
LANGUAGE sql STABLE
AS $$
  SELECT m FROM yore.tracked AS m, pg_catalog.pg_class AS c, pg_catalog.pg_namespace AS n
   WHERE c.oid = rel AND n.oid = c.relnamespace
     AND ((m.schema_name, m.table_name) = (n.nspname, c.relname)
       OR (m.storage_schema, m.storage_name) = (n.nspname, c.relname))
$$;
COMMENT ON FUNCTION yore._find(regclass) IS
  'The catalog row of a tracked table, found by its face or by its storage; NULL if the relation is not tracked.';

CREATE OR REPLACE FUNCTION yore._find_faceless(t text) RETURNS yore.tracked
LANGUAGE plpgsql STABLE
AS $$
DECLARE
  part text[];
  m    yore.tracked;
BEGIN
  BEGIN
    part := pg_catalog.parse_ident(t);
  EXCEPTION WHEN invalid_parameter_value THEN
    RETURN NULL;   -- not even the form of a name
  END;
  SELECT x.* INTO m FROM yore.tracked AS x
   WHERE x.table_name = part[pg_catalog.cardinality(part)]::name
     AND CASE pg_catalog.cardinality(part) WHEN 1 THEN x.schema_name = ANY (pg_catalog.current_schemas(false))
                                           WHEN 2 THEN x.schema_name = part[1]::name END
     AND pg_catalog.to_regclass(pg_catalog.format('%I.%I', x.schema_name, x.table_name)) IS NULL
     AND pg_catalog.to_regclass(t) IS NULL
   ORDER BY pg_catalog.array_position(pg_catalog.current_schemas(false), x.schema_name)
   LIMIT 1;
  RETURN m;
END
$$;
COMMENT ON FUNCTION yore._find_faceless(text) IS
  'The catalog row of a tracked table whose face is not there, a DROP … CASCADE having taken it; NULL if t names no such table.';

CREATE OR REPLACE FUNCTION yore._tracked(t text) RETURNS yore.tracked
LANGUAGE plpgsql STABLE
AS $$
DECLARE
  rel regclass;
  m   yore.tracked := yore._find_faceless(t);
BEGIN
  IF m.schema_name IS NOT NULL THEN
    RETURN m;
  END IF;
  rel := yore._relation(t);
  m := yore._find(rel);
  IF m.schema_name IS NULL AND yore._session_time() IS NOT NULL THEN
    -- An as-of session's search_path finds the view of that time.
    SELECT x.* INTO m
      FROM yore.tracked AS x, pg_catalog.pg_class AS c, pg_catalog.pg_namespace AS n
     WHERE c.oid = rel AND n.oid = c.relnamespace AND (yore._schema('asof', x.schema_name), x.table_name) = (n.nspname, c.relname);
  END IF;
  IF m.schema_name IS NULL THEN
    PERFORM yore._fail('YO003', pg_catalog.format('table %s is not tracked', rel),
      pg_catalog.format('SELECT yore.track(%L) tracks it; SELECT * FROM yore.status() lists what is.', rel));
  END IF;
  RETURN m;
END
$$;
COMMENT ON FUNCTION yore._tracked(text) IS
  'The catalog row of the tracked table t, named by face or storage. Error YO003 if it is unknown or not tracked.';

CREATE OR REPLACE FUNCTION yore._storage(m yore.tracked) RETURNS regclass
LANGUAGE sql STABLE
AS $$
  SELECT c.oid::regclass FROM pg_catalog.pg_class AS c JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
   WHERE (n.nspname, c.relname) = (m.storage_schema, m.storage_name)
$$;
COMMENT ON FUNCTION yore._storage(yore.tracked) IS
  'The table with the current rows. Looked up for callers who may not use its schema, so that it can be said who may.';

CREATE OR REPLACE FUNCTION yore._own_columns() RETURNS name[]
LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS $$ SELECT ARRAY['sys_version', 'sys_from', 'sys_xid', 'sys_id', 'sys_deleted_at']::name[] $$;
COMMENT ON FUNCTION yore._own_columns() IS
  'The columns that tracking adds to a table; the last two, to immutable ones. sys_deleted_at is NULL in every row: a place for clients to write what only DELETE sets.';

CREATE OR REPLACE FUNCTION yore._columns(rel regclass) RETURNS jsonb
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
AS $$
  -- With an empty path every type is written with its schema.
  SELECT coalesce(jsonb_agg(jsonb_build_object(
           'number', a.attnum,
           'name', a.attname,
           'type', format_type(a.atttypid, a.atttypmod),
           'collation', CASE WHEN a.attcollation <> t.typcollation THEN format('%I.%I', cn.nspname, co.collname) END,
           'generated', a.attgenerated,
           'expression', CASE WHEN a.attgenerated = 'v' THEN pg_get_expr(d.adbin, d.adrelid) END)
           ORDER BY a.attnum), '[]')
    FROM pg_attribute AS a
    JOIN pg_type AS t ON t.oid = a.atttypid
    LEFT JOIN pg_collation AS co ON co.oid = a.attcollation
    LEFT JOIN pg_namespace AS cn ON cn.oid = co.collnamespace
    LEFT JOIN pg_attrdef AS d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
   WHERE a.attrelid = rel AND a.attnum > 0 AND NOT a.attisdropped
     AND a.attname <> ALL (yore._own_columns())
$$;
COMMENT ON FUNCTION yore._columns(regclass) IS
  'The user''s columns of a table, in order: number, name, type, collation where it is not the type''s, generated (s stored, v virtual), and the expression of virtual ones.';

CREATE OR REPLACE FUNCTION yore._list(columns jsonb, pattern text, separator text DEFAULT ', ', stored_only boolean DEFAULT true) RETURNS text
LANGUAGE sql IMMUTABLE
AS $$
  SELECT coalesce(pg_catalog.string_agg(pg_catalog.format(pattern, c ->> 'name'), separator ORDER BY place), '')
    FROM pg_catalog.jsonb_array_elements(columns) WITH ORDINALITY AS e (c, place)
   WHERE NOT (stored_only AND c ->> 'generated' = 'v')
$$;
COMMENT ON FUNCTION yore._list(jsonb, text, text, boolean) IS
  'A list of columns for generated SQL: each name through the format() pattern. Virtual columns are left out unless stored_only is false.';

CREATE OR REPLACE FUNCTION yore._shown(m yore.tracked, column_name text) RETURNS name
LANGUAGE sql IMMUTABLE
AS $$ SELECT (m.prefix || column_name)::name $$;
COMMENT ON FUNCTION yore._shown(yore.tracked, text) IS 'How a column of yore''s is called where users see it.';

CREATE OR REPLACE FUNCTION yore._shows_id(m yore.tracked) RETURNS boolean
LANGUAGE sql IMMUTABLE
AS $$
  SELECT m.immutable AND (m.show_row_id
      OR NOT m.columns @> pg_catalog.jsonb_build_array(pg_catalog.jsonb_build_object('name', yore._shown(m, 'id'))))
$$;
COMMENT ON FUNCTION yore._shows_id(yore.tracked) IS
  'Whether history shows the row id: always, but where the table has an id of its own and show_row_id is off.';

CREATE OR REPLACE FUNCTION yore._missing(rel regclass, columns text[]) RETURNS text
LANGUAGE sql STABLE
AS $$
  SELECT pg_catalog.string_agg(coalesce(pg_catalog.quote_ident(k), 'NULL'), ', ') FROM pg_catalog.unnest(columns) AS k
   WHERE NOT EXISTS (SELECT FROM pg_catalog.pg_attribute AS a WHERE a.attrelid = rel AND a.attname = k AND a.attnum > 0 AND NOT a.attisdropped)
$$;
COMMENT ON FUNCTION yore._missing(regclass, text[]) IS 'Those of the names that are no columns of the table, for a message; NULL if all are.';

CREATE OR REPLACE FUNCTION yore._key_index(rel regclass, key_columns name[]) RETURNS oid
LANGUAGE sql STABLE
AS $$
  SELECT i.indexrelid
    FROM pg_catalog.pg_index AS i
   WHERE i.indrelid = rel AND i.indisunique AND i.indisvalid AND i.indimmediate
     AND i.indpred IS NULL AND i.indexprs IS NULL
     AND (SELECT pg_catalog.array_agg(a.attname ORDER BY a.attname)
            FROM pg_catalog.pg_attribute AS a, pg_catalog.unnest(i.indkey::smallint[]) WITH ORDINALITY AS k (attnum, place)
           WHERE a.attrelid = rel AND a.attnum = k.attnum AND k.place <= i.indnkeyatts)
       = (SELECT pg_catalog.array_agg(c ORDER BY c) FROM pg_catalog.unnest(key_columns) AS c)
   ORDER BY i.indisprimary DESC, i.indexrelid
   LIMIT 1
$$;
COMMENT ON FUNCTION yore._key_index(regclass, name[]) IS
  'The index that makes the key columns unique at once (not deferrable, not partial, no expressions); NULL if there is none.';

CREATE OR REPLACE FUNCTION yore._key_match(rel regclass, key_columns name[], pattern text) RETURNS text
LANGUAGE sql STABLE
AS $$
  -- The equality of the index that makes the key unique, not whatever "=" means
  -- on somebody's search_path: citext, for one, has its own.
  SELECT pg_catalog.string_agg(
           pg_catalog.format(pattern, k.column_name, pg_catalog.format('OPERATOR(%I.%s)', n.nspname, o.oprname)),
           ' AND ' ORDER BY k.place)
    FROM pg_catalog.unnest(key_columns) WITH ORDINALITY AS k (column_name, place)
    JOIN pg_catalog.pg_attribute AS a ON a.attrelid = rel AND a.attname = k.column_name
    JOIN LATERAL (
      SELECT i.indclass[p.place::integer - 1] AS opclass
        FROM pg_catalog.pg_index AS i,
             pg_catalog.unnest(i.indkey::smallint[]) WITH ORDINALITY AS p (attnum, place)
       WHERE i.indexrelid = yore._key_index(rel, key_columns) AND p.attnum = a.attnum
       LIMIT 1) AS x ON true
    JOIN pg_catalog.pg_opclass AS c ON c.oid = x.opclass
    JOIN pg_catalog.pg_amop AS am ON am.amopfamily = c.opcfamily AND am.amopstrategy = 3
                                 AND am.amoplefttype = c.opcintype AND am.amoprighttype = c.opcintype
    JOIN pg_catalog.pg_operator AS o ON o.oid = am.amopopr
    JOIN pg_catalog.pg_namespace AS n ON n.oid = o.oprnamespace
$$;
COMMENT ON FUNCTION yore._key_match(regclass, name[], text) IS
  'A condition over the key columns: format(pattern, column, operator) for each, joined by AND, with the key index''s own equality.';

CREATE OR REPLACE FUNCTION yore._shape(rel regclass) RETURNS text
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  names text[];
  shape text;
BEGIN
  -- Asked of the parser, which knows the table as it is now, and not read from
  -- pg_attribute, which an old snapshot would show as it was. No column is called
  -- sys_to, so the alias means the row.
  EXECUTE format('SELECT ARRAY(SELECT json_object_keys(row_to_json(sys_to)))
                    FROM (SELECT (sys_to).* FROM (SELECT 1) AS one LEFT JOIN %s AS sys_to ON false) AS sys_to', rel)
    INTO names;
  EXECUTE format('SELECT array_to_string(ARRAY[%s], '', '') FROM (SELECT 1) AS one LEFT JOIN %s AS sys_to ON false',
                 (SELECT string_agg(format('%L || pg_typeof(sys_to.%I) || %L', quote_ident(n) || ' ', n, coalesce(size.size, '')), ', ' ORDER BY place)
                    FROM unnest(names) WITH ORDINALITY AS u (n, place)
                    -- Length, scale and precision are all that the parser does not say.
                    LEFT JOIN LATERAL (
                         SELECT ' ' || substring(format_type(a.atttypid, a.atttypmod), '\(.*\)') AS size
                           FROM pg_attribute AS a WHERE a.attrelid = rel AND a.attname = n) AS size ON true), rel)
    INTO shape;
  RETURN shape;
END
$$;
COMMENT ON FUNCTION yore._shape(regclass) IS
  'The names and types of all columns of a table, as one text. A transaction with an old snapshot sees new columns and types, but sizes, as in varchar(10), as they were.';

CREATE OR REPLACE FUNCTION yore._fits(rel regclass, shape text) RETURNS boolean
LANGUAGE plpgsql IMMUTABLE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  m yore.tracked;
BEGIN
  IF yore._shape(rel) IS DISTINCT FROM shape THEN
    m := yore._find(rel);
    PERFORM yore._fail('YO009',
      pg_catalog.format('table %s has changed since its triggers were generated, and nothing may be missing from history', rel),
      pg_catalog.format('Run SELECT yore.sync(%L).', pg_catalog.format('%I.%I', m.schema_name, m.table_name)),
      pg_catalog.format('generated for (%s); now (%s)', shape, yore._shape(rel)));
  END IF;
  RETURN true;
END
$$;
COMMENT ON FUNCTION yore._fits(regclass, text) IS
  'True; error YO009 if the table''s columns are no longer those of shape. Declared IMMUTABLE so that the planner calls it once and keeps the answer with the trigger''s plan: the plan names the table, so PostgreSQL discards it, and the answer, whenever the table changes (docs/adr/0003). Not for other use.';

CREATE OR REPLACE FUNCTION yore._twin_path(kind text) RETURNS text
LANGUAGE sql STABLE
AS $$
  -- An unqualified name goes on finding the table that it found.
  SELECT coalesce(pg_catalog.string_agg(
           CASE WHEN n.oid IS NULL THEN '' ELSE pg_catalog.format('%I, ', n.nspname) END || pg_catalog.quote_ident(p.schema_name),
           ', ' ORDER BY p.place), '')
    FROM pg_catalog.unnest(pg_catalog.current_schemas(false)) WITH ORDINALITY AS p (schema_name, place)
   CROSS JOIN (SELECT CASE kind WHEN 'temporal' THEN i.temporal_schema WHEN 'history' THEN i.history_schema ELSE i.asof_schema END AS name
                 FROM yore.installation AS i) AS base
    LEFT JOIN pg_catalog.pg_namespace AS n
           ON n.nspname = CASE p.schema_name WHEN 'public' THEN base.name ELSE base.name || '_' || p.schema_name END
$$;
COMMENT ON FUNCTION yore._twin_path(text) IS
  'The search_path with, before each of its schemas, the one of yore''s that goes with it: kind is temporal, history or asof.';

-- 25_uuid.sql

-- Identifiers that sort by the time at which they were made: UUID version 7,
-- RFC 9562, section 5.7.

DO $uuid$
BEGIN
  IF pg_catalog.to_regprocedure('pg_catalog.uuidv7()') IS NOT NULL THEN
    CREATE OR REPLACE FUNCTION yore.uuidv7() RETURNS uuid
    LANGUAGE sql VOLATILE PARALLEL SAFE AS 'SELECT pg_catalog.uuidv7()';
    RETURN;
  END IF;

  CREATE OR REPLACE FUNCTION yore.uuidv7() RETURNS uuid
  LANGUAGE plpgsql VOLATILE
  AS $$
  DECLARE
    -- Microseconds; the session's last one is kept so that none is used twice.
    tick bigint := extract(epoch FROM pg_catalog.clock_timestamp())::double precision OPERATOR(pg_catalog.*) 1000000::double precision;
    last pg_catalog.text := pg_catalog.current_setting('yore.uuid_tick', true);
  BEGIN
    -- Anyone can set a setting: one that is no recent time has no effect.
    IF last OPERATOR(pg_catalog.>=) tick::pg_catalog.text AND last OPERATOR(pg_catalog.~) '^[0-9]{16}$'
       AND last::bigint OPERATOR(pg_catalog.<) (tick OPERATOR(pg_catalog.+) 10000) THEN
      tick := last::bigint OPERATOR(pg_catalog.+) 1;
    END IF;
    PERFORM pg_catalog.set_config('yore.uuid_tick', tick::pg_catalog.text, false);
    -- 48 bits of milliseconds, 12 bits of the rest (method 3 of section 6.2),
    -- and the variant with 62 random bits, which a random UUID ends in.
    RETURN (pg_catalog.lpad(pg_catalog.to_hex(tick OPERATOR(pg_catalog./) 1000), 12, '0')
            OPERATOR(pg_catalog.||) '7'
            OPERATOR(pg_catalog.||) pg_catalog.lpad(pg_catalog.to_hex((tick OPERATOR(pg_catalog.%) 1000) OPERATOR(pg_catalog.*) 4096 OPERATOR(pg_catalog./) 1000), 3, '0')
            OPERATOR(pg_catalog.||) pg_catalog.substr(pg_catalog.gen_random_uuid()::pg_catalog.text, 20))::pg_catalog.uuid;
  END
  $$;
END
$uuid$;
COMMENT ON FUNCTION yore.uuidv7() IS
  'A new UUID of version 7 (RFC 9562): they sort by the time at which they were made, to the microsecond, and strictly within a session. PostgreSQL 18''s own function where there is one.';

-- 30_time.sql

-- The time of a transaction's versions, and what goes with it: loading known
-- history, and who and why.

CREATE OR REPLACE FUNCTION yore._loading_time() RETURNS timestamptz
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
  -- The setting yore.at_time only says that it is worth looking; anyone can set
  -- it. What counts is the row that yore.at_time wrote for this transaction.
  SELECT coalesce((SELECT t.at_time FROM yore.transaction AS t
                    WHERE t.xid = pg_current_xact_id_if_assigned() AND t.began = transaction_timestamp()),
                  transaction_timestamp())
$$;
COMMENT ON FUNCTION yore._loading_time() IS
  'The time at which this transaction''s versions begin: what yore.at_time set, else transaction_timestamp(). A forged setting has no effect.';

CREATE OR REPLACE FUNCTION yore._later(began timestamptz, last timestamptz, after_deletion boolean, what text) RETURNS timestamptz
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  loading boolean := began IS DISTINCT FROM pg_catalog.transaction_timestamp();
BEGIN
  IF NOT loading THEN
    RETURN greatest(began, last + interval '1 microsecond');
  END IF;
  IF began > last OR (began = last AND after_deletion) THEN
    RETURN began;
  END IF;
  PERFORM yore._fail('YO011',
    pg_catalog.format('%s: a version at %s would not be after the last one, of %s', what, yore._utc(began), yore._utc(last)),
    'History is loaded from the earliest change to the latest; give yore.at_time a later time.');
END
$$;
COMMENT ON FUNCTION yore._later(timestamptz, timestamptz, boolean, text) IS
  'When the next version of a row begins: at the transaction''s time, or 1 microsecond after the last one began where a transaction that started later was quicker. Under yore.at_time there is no such shift behind another transaction''s version: error YO011.';

CREATE OR REPLACE FUNCTION yore.at_time(t timestamptz) RETURNS timestamptz
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  given timestamptz;
BEGIN
  IF t IS NULL OR NOT isfinite(t) OR t > transaction_timestamp() THEN
    PERFORM yore._fail('YO007', format('at_time needs a time that is not in the future, not %s', coalesce(yore._utc(t), 'NULL')));
  END IF;
  INSERT INTO yore.transaction AS x (xid, began, at_time, role, application)
  VALUES (pg_current_xact_id(), transaction_timestamp(), t, session_user, current_setting('application_name'))
  ON CONFLICT (xid, began) DO UPDATE SET at_time = coalesce(x.at_time, excluded.at_time)
  RETURNING x.at_time INTO given;
  IF given <> t THEN
    PERFORM yore._fail('YO011', format('this transaction already loads history at %s', yore._utc(given)),
                       'All versions of a transaction have one time; use one transaction for each.');
  END IF;
  PERFORM set_config('yore.at_time', yore._utc(t), true);
  RETURN t;
END
$$;
REVOKE EXECUTE ON FUNCTION yore.at_time(timestamptz) FROM PUBLIC;
COMMENT ON FUNCTION yore.at_time(timestamptz) IS
  'Makes the versions of this transaction begin at t, to load known history. To be called before the first write, by roles that were granted EXECUTE. Errors: YO007 (t in the future, infinite or NULL), YO011 (another time was set for this transaction; later, from the write: the row has a version at or after t).';

CREATE OR REPLACE FUNCTION yore.set_context(actor text, reason text DEFAULT NULL, meta jsonb DEFAULT NULL) RETURNS void
LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
  INSERT INTO yore.transaction AS x (xid, began, actor, reason, meta, role, application)
  VALUES (pg_current_xact_id(), transaction_timestamp(), $1, $2, $3, session_user, current_setting('application_name'))
  ON CONFLICT (xid, began) DO UPDATE
     SET actor = excluded.actor, reason = excluded.reason, meta = excluded.meta
$$;
COMMENT ON FUNCTION yore.set_context(text, text, jsonb) IS
  'Says who makes this transaction''s changes and why; versions point to it by their xid. Called again in the same transaction it replaces what was said. Open to every role: it is the client''s word; the session''s role and application_name are kept beside it.';

CREATE OR REPLACE FUNCTION yore.stable_time() RETURNS timestamptz
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  -- A session reports a new transaction's start a moment after it took it.
  slack  CONSTANT interval := '100 milliseconds';
  oldest timestamptz;
  hidden integer;
BEGIN
  IF pg_is_in_recovery() THEN
    PERFORM yore._fail('YO012', 'a standby does not know the open transactions of its primary', 'Ask the primary.');
  END IF;
  IF EXISTS (SELECT FROM pg_prepared_xacts AS p WHERE p.database = current_database()) THEN
    PERFORM yore._fail('YO012', 'a prepared transaction does not show when it began',
                       'COMMIT PREPARED or ROLLBACK PREPARED what pg_prepared_xacts lists, then ask again.');
  END IF;
  SELECT min(a.xact_start), count(*) FILTER (WHERE a.backend_type IS NULL)
    INTO oldest, hidden
    FROM pg_stat_activity AS a
   WHERE a.datname = current_database()
     AND coalesce(a.backend_type, 'hidden') NOT IN ('autovacuum worker', 'walsender');
  IF hidden > 0 THEN
    PERFORM yore._fail('YO012', format('%s sessions of other roles hide their transactions from %I', hidden, current_user),
                       format('GRANT pg_read_all_stats TO %I', current_user));
  END IF;
  RETURN least(oldest, transaction_timestamp(), clock_timestamp() - slack) - interval '1 microsecond';
END
$$;
COMMENT ON FUNCTION yore.stable_time() IS
  'The newest time T whose as-of answers no open transaction can still change: just before the oldest one of this database began, the calling one included. Transactions that load history (yore.at_time) change the past on purpose and do not count. Error YO012 where it cannot be known: on a standby, with prepared transactions, or without the right to see other sessions.';

-- 40_triggers.sql

-- The triggers of a tracked table, written for its columns: no dynamic SQL and
-- no reading of catalogs on the write path. docs/triggers.md shows one as it
-- comes out. They run with the rights of the table's owner, whatever the
-- caller's search_path, so every name and every operator in them has its schema.
--
-- A template is constant text with {placeholders}. Those that stand for another
-- template are replaced first (yore._compose), then all the table's names and
-- conditions at once (yore._fill).

CREATE OR REPLACE FUNCTION yore._template_begin_new() RETURNS text LANGUAGE sql IMMUTABLE AS $outer$ SELECT $$
  -- The first version of the key, or the one after its last.
  SELECT p.sys_version, p.sys_from, p.sys_to, p.sys_xid
    INTO last_version, last_from, last_to, last_xid
    FROM {past} AS p
   WHERE {past_is_new}
   ORDER BY p.sys_version DESC
   LIMIT 1;
  IF last_version IS NULL THEN
    NEW.sys_version := 1;
    NEW.sys_from := began;
  ELSIF last_from OPERATOR(pg_catalog.<) last_to THEN
    -- Superseded, not deleted: the row goes on where that version ended.
    NEW.sys_version := last_version OPERATOR(pg_catalog.+) 1;
    NEW.sys_from := last_to;
  {resurrect}ELSE
    NEW.sys_version := last_version OPERATOR(pg_catalog.+) 1;
    NEW.sys_from := CASE WHEN last_xid OPERATOR(pg_catalog.=) xid
                         THEN greatest(began, last_to OPERATOR(pg_catalog.+) interval '1 microsecond')
                         ELSE yore._later(began, last_to, true, {face_text}) END;
  END IF;
  NEW.sys_xid := xid;$$ $outer$;
COMMENT ON FUNCTION yore._template_begin_new() IS 'Part of a trigger: numbers a row whose key is new.';

CREATE OR REPLACE FUNCTION yore._template_resurrect() RETURNS text LANGUAGE sql IMMUTABLE AS $outer$ SELECT $$ELSIF last_xid OPERATOR(pg_catalog.=) xid AND last_from OPERATOR(pg_catalog.>=) began THEN
    -- Deleted by this very transaction: as if it had been updated. The trigger
    -- after the insert takes the tombstone away.
    NEW.sys_version := last_version;
    NEW.sys_from := last_from;
  $$ $outer$;
COMMENT ON FUNCTION yore._template_resurrect() IS 'Part of _template_begin_new, where the changes of a transaction are squashed.';

CREATE OR REPLACE FUNCTION yore._template_end_old() RETURNS text LANGUAGE sql IMMUTABLE AS $outer$ SELECT $$
  ended := greatest(began, OLD.sys_from OPERATOR(pg_catalog.+) interval '1 microsecond');
  IF ended OPERATOR(pg_catalog.<>) began AND OLD.sys_xid OPERATOR(pg_catalog.<>) xid THEN
    ended := yore._later(began, OLD.sys_from, false, {face_text});
  END IF;
  -- The version that ends, and the tombstone that says when and by whom.
  INSERT INTO {past} ({columns}, sys_version, sys_from, sys_xid, sys_to, sys_xid_to)
  VALUES ({old_columns}, OLD.sys_version, OLD.sys_from, OLD.sys_xid, ended, xid),
         ({tombstone_columns}, OLD.sys_version OPERATOR(pg_catalog.+) 1, ended, xid, ended, xid){on_conflict};$$ $outer$;
COMMENT ON FUNCTION yore._template_end_old() IS 'Part of a trigger: ends the old row, for DELETE and for a change of the key.';

CREATE OR REPLACE FUNCTION yore._template_end_old_squashing() RETURNS text LANGUAGE sql IMMUTABLE AS $outer$ SELECT $$
  IF OLD.sys_xid OPERATOR(pg_catalog.=) xid AND OLD.sys_from OPERATOR(pg_catalog.>=) began THEN
    -- This transaction made the version, so nobody else ever saw it. Where it
    -- had replaced one that others did see, a tombstone stands in its place.
    INSERT INTO {past} ({columns}, sys_version, sys_from, sys_xid, sys_to, sys_xid_to)
    SELECT {old_columns}, OLD.sys_version, OLD.sys_from, xid, OLD.sys_from, xid
      FROM {past} AS p
     WHERE {past_is_old}
       AND p.sys_version OPERATOR(pg_catalog.=) (OLD.sys_version OPERATOR(pg_catalog.-) 1)
       AND p.sys_xid_to OPERATOR(pg_catalog.=) xid
       AND p.sys_from OPERATOR(pg_catalog.<) p.sys_to
    ON CONFLICT DO NOTHING;
  ELSE{end_old}
  END IF;$$ $outer$;
COMMENT ON FUNCTION yore._template_end_old_squashing() IS 'The same where the changes of a transaction are squashed.';

CREATE OR REPLACE FUNCTION yore._template_insert() RETURNS text LANGUAGE sql IMMUTABLE AS $outer$ SELECT $$
#variable_conflict use_variable
DECLARE
  fits         boolean := yore._fits({storage_text}, {shape_text});
  xid          pg_catalog.xid8 := pg_catalog.pg_current_xact_id();
  began        timestamp with time zone := {began};
  last_version bigint;
  last_from    timestamp with time zone;
  last_to      timestamp with time zone;
  last_xid     pg_catalog.xid8;{entity_declare}
BEGIN{entity}{begin_new}{identify_new}
  RETURN NEW;
END
$$ $outer$;
COMMENT ON FUNCTION yore._template_insert() IS
  'BEFORE INSERT FOR EACH ROW. Writes nothing: under ON CONFLICT it fires for rows that are then not inserted.';

CREATE OR REPLACE FUNCTION yore._template_insert_late() RETURNS text LANGUAGE sql IMMUTABLE AS $outer$ SELECT $$
#variable_conflict use_variable
DECLARE
  fits boolean := yore._fits({storage_text}, {shape_text});
BEGIN
  -- As if nobody had had the key before. Where somebody had, the trigger after
  -- the statement has the row numbered.
  NEW.sys_version := 1;
  NEW.sys_from := {began};
  NEW.sys_xid := pg_catalog.pg_current_xact_id();
  RETURN NEW;
END
$$ $outer$;
COMMENT ON FUNCTION yore._template_insert_late() IS
  'BEFORE INSERT FOR EACH ROW, of a table without triggers of its own: nobody sees the number before it is settled.';

CREATE OR REPLACE FUNCTION yore._template_settle() RETURNS text LANGUAGE sql IMMUTABLE AS $outer$ SELECT $$
#variable_conflict use_variable
DECLARE
  xid pg_catalog.xid8 := pg_catalog.pg_current_xact_id();{settle_declare}
BEGIN
  -- The key may have been there before, and while a row waited for it another
  -- transaction may have ended that. Now the key is ours and nobody else can have
  -- it: what the past says of it is final.{settle_loop}
  IF pg_catalog.current_setting('transaction_isolation') OPERATOR(pg_catalog.<>) 'read committed' THEN
    -- An old snapshot does not show what has been committed since. The past's
    -- primary key does: a conflict with a row we cannot see is error 40001.
    INSERT INTO {past} ({columns}, sys_version, sys_from, sys_xid, sys_to, sys_xid_to)
    SELECT {current_columns}, c.sys_version, '-infinity', xid, '-infinity', xid
      FROM {storage} AS c{made_rows}
    ON CONFLICT DO NOTHING;
    DELETE FROM {past} AS p USING {storage} AS c{made_rows}
       AND {past_is_current}
       AND p.sys_version OPERATOR(pg_catalog.=) c.sys_version
       AND p.sys_to OPERATOR(pg_catalog.=) '-infinity';
  END IF;
  RETURN NULL;
END
$$ $outer$;
COMMENT ON FUNCTION yore._template_settle() IS
  'AFTER INSERT, and AFTER UPDATE of the key: makes sure of the version number once the key is the row''s.';

CREATE OR REPLACE FUNCTION yore._template_settle_row() RETURNS text LANGUAGE sql IMMUTABLE AS $outer$ SELECT $$
  IF EXISTS (SELECT FROM {past} AS p
              WHERE {past_is_made} AND p.sys_version OPERATOR(pg_catalog.>=) NEW.sys_version) THEN{settle_one}
  END IF;$$ $outer$;
COMMENT ON FUNCTION yore._template_settle_row() IS 'Part of _template_settle for a row trigger.';

CREATE OR REPLACE FUNCTION yore._template_settle_statement() RETURNS text LANGUAGE sql IMMUTABLE AS $outer$ SELECT $$
  IF EXISTS (SELECT FROM created AS m, {past} AS p
              WHERE {past_is_m} AND p.sys_version OPERATOR(pg_catalog.>=) m.sys_version) THEN
    FOR made IN
      SELECT m.* FROM created AS m
       WHERE EXISTS (SELECT FROM {past} AS p
                      WHERE {past_is_m} AND p.sys_version OPERATOR(pg_catalog.>=) m.sys_version)
    LOOP{settle_one}
    END LOOP;
  END IF;$$ $outer$;
COMMENT ON FUNCTION yore._template_settle_statement() IS 'Part of _template_settle for a statement trigger.';

CREATE OR REPLACE FUNCTION yore._template_settle_one() RETURNS text LANGUAGE sql IMMUTABLE AS $outer$ SELECT $$
  -- Deleted and made again by this transaction: the tombstone goes …
  DELETE FROM {past} AS p
   WHERE {past_is_made}
     AND p.sys_version OPERATOR(pg_catalog.=) {made}.sys_version
     AND p.sys_from OPERATOR(pg_catalog.=) p.sys_to
     AND p.sys_xid OPERATOR(pg_catalog.=) xid
     AND EXISTS (SELECT FROM {storage} AS c WHERE {current_is_made});
  -- … and where anything else has the number, the row asks for another.
  UPDATE {storage} AS c SET sys_xid = NULL
   WHERE {current_is_made}
     AND EXISTS (SELECT FROM {past} AS p
                  WHERE {past_is_made} AND p.sys_version OPERATOR(pg_catalog.>=) c.sys_version);$$ $outer$;
COMMENT ON FUNCTION yore._template_settle_one() IS 'Part of _template_settle: the rare row whose number is taken.';

CREATE OR REPLACE FUNCTION yore._template_update() RETURNS text LANGUAGE sql IMMUTABLE AS $outer$ SELECT $$
#variable_conflict use_variable
DECLARE
  fits         boolean := yore._fits({storage_text}, {shape_text});
  xid          pg_catalog.xid8 := pg_catalog.pg_current_xact_id();
  began        timestamp with time zone := {began};
  ended        timestamp with time zone;
  rekeyed      boolean;
  last_version bigint;
  last_from    timestamp with time zone;
  last_to      timestamp with time zone;
  last_xid     pg_catalog.xid8;
BEGIN{entity_update}
  IF NOT ({new_is_old}) OR (NEW.sys_xid IS NULL AND pg_catalog.pg_trigger_depth() OPERATOR(pg_catalog.>) 1) THEN
    rekeyed := NOT ({new_is_old});
    IF rekeyed THEN{end_this}
    END IF;
    IF rekeyed OR OLD.sys_xid OPERATOR(pg_catalog.=) xid THEN{begin_new}{bury}
      RETURN NEW;
    END IF;
  END IF;

  IF {unchanged}{squash} THEN
    NEW.sys_version := OLD.sys_version;
    NEW.sys_from := OLD.sys_from;
    NEW.sys_xid := OLD.sys_xid;{same_identity}
    RETURN NEW;
  END IF;

  IF began OPERATOR(pg_catalog.<=) OLD.sys_from THEN
    -- A transaction that started later was quicker.
    began := CASE WHEN OLD.sys_xid OPERATOR(pg_catalog.=) xid
                  THEN OLD.sys_from OPERATOR(pg_catalog.+) interval '1 microsecond'
                  ELSE yore._later(began, OLD.sys_from, false, {face_text}) END;
  END IF;
  INSERT INTO {past} ({columns}, sys_version, sys_from, sys_xid, sys_to, sys_xid_to)
  VALUES ({old_columns}, OLD.sys_version, OLD.sys_from, OLD.sys_xid, began, xid);
  NEW.sys_version := {next_version};
  NEW.sys_from := began;
  NEW.sys_xid := xid;{identify}
  RETURN NEW;
END
$$ $outer$;
COMMENT ON FUNCTION yore._template_update() IS
  'BEFORE UPDATE FOR EACH ROW: moves the old version to the past, unless nothing journaled has changed or this transaction made it.';

CREATE OR REPLACE FUNCTION yore._template_bury() RETURNS text LANGUAGE sql IMMUTABLE AS $outer$ SELECT $$
  -- If this transaction had deleted the key, its tombstone goes.
  DELETE FROM {past} AS p
   WHERE {past_is_new}
     AND p.sys_version OPERATOR(pg_catalog.=) NEW.sys_version
     AND p.sys_from OPERATOR(pg_catalog.=) p.sys_to
     AND p.sys_xid OPERATOR(pg_catalog.=) xid;$$ $outer$;
COMMENT ON FUNCTION yore._template_bury() IS
  'Part of _template_update, where the changes of a transaction are squashed: unlike an INSERT, an UPDATE that got this far is carried out.';

CREATE OR REPLACE FUNCTION yore._template_delete() RETURNS text LANGUAGE sql IMMUTABLE AS $outer$ SELECT $$
#variable_conflict use_variable
DECLARE
  fits  boolean := yore._fits({storage_text}, {shape_text});
  xid   pg_catalog.xid8 := pg_catalog.pg_current_xact_id();
  began timestamp with time zone := {began};
  ended timestamp with time zone;
BEGIN{end_this}
  RETURN OLD;
END
$$ $outer$;
COMMENT ON FUNCTION yore._template_delete() IS 'BEFORE DELETE FOR EACH ROW: moves the row to the past and leaves a tombstone.';

CREATE OR REPLACE FUNCTION yore._template_truncate() RETURNS text LANGUAGE sql IMMUTABLE AS $outer$ SELECT $$
#variable_conflict use_variable
DECLARE
  fits  boolean := yore._fits({storage_text}, {shape_text});
  xid   pg_catalog.xid8 := pg_catalog.pg_current_xact_id();
  began timestamp with time zone := {began};
BEGIN
  IF pg_catalog.current_setting('transaction_isolation') OPERATOR(pg_catalog.<>) 'read committed' THEN
    -- TRUNCATE takes every row, an old snapshot need not show every row.
    PERFORM yore._fail('YO013', pg_catalog.concat({face_text}, ' is tracked: its rows could be lost by a TRUNCATE that is not READ COMMITTED'),
                       'Use DELETE, or TRUNCATE in a transaction of isolation level READ COMMITTED.');
  END IF;
  INSERT INTO {past} ({columns}, sys_version, sys_from, sys_xid, sys_to, sys_xid_to)
  SELECT {ended_columns}, c.sys_version OPERATOR(pg_catalog.+) v.step,
         CASE WHEN v.step OPERATOR(pg_catalog.=) 0 THEN c.sys_from ELSE e.ended END,
         CASE WHEN v.step OPERATOR(pg_catalog.=) 0 THEN c.sys_xid ELSE xid END,
         e.ended, xid
    FROM {storage} AS c
   CROSS JOIN LATERAL (
         SELECT CASE WHEN began OPERATOR(pg_catalog.>) c.sys_from THEN began
                     WHEN c.sys_xid OPERATOR(pg_catalog.=) xid THEN c.sys_from OPERATOR(pg_catalog.+) interval '1 microsecond'
                     ELSE yore._later(began, c.sys_from, false, {face_text}) END) AS e (ended)
   CROSS JOIN (VALUES (0), (1)) AS v (step){not_forgotten};
  {truncate_forgotten}RETURN NULL;
END
$$ $outer$;
COMMENT ON FUNCTION yore._template_truncate() IS 'BEFORE TRUNCATE where on_truncate is archive: does for every row what DELETE does. Error YO013 unless the transaction is READ COMMITTED.';

CREATE OR REPLACE FUNCTION yore._template_truncate_forgotten() RETURNS text LANGUAGE sql IMMUTABLE AS $outer$ SELECT $$INSERT INTO {past} ({columns}, sys_version, sys_from, sys_xid, sys_to, sys_xid_to)
  SELECT {current_columns}, c.sys_version, c.sys_from, xid, c.sys_from, xid
    FROM {storage} AS c
   WHERE c.sys_xid OPERATOR(pg_catalog.=) xid AND c.sys_from OPERATOR(pg_catalog.>=) began
     AND EXISTS (SELECT FROM {past} AS p
                  WHERE {past_is_current}
                    AND p.sys_version OPERATOR(pg_catalog.=) (c.sys_version OPERATOR(pg_catalog.-) 1)
                    AND p.sys_xid_to OPERATOR(pg_catalog.=) xid
                    AND p.sys_from OPERATOR(pg_catalog.<) p.sys_to);
  $$ $outer$;
COMMENT ON FUNCTION yore._template_truncate_forgotten() IS 'Part of _template_truncate, where the changes of a transaction are squashed: rows that it made itself.';

CREATE OR REPLACE FUNCTION yore._refuse_truncate() RETURNS trigger
LANGUAGE plpgsql
AS $$
BEGIN
  PERFORM yore._fail('YO002', pg_catalog.format('table %I.%I is tracked: TRUNCATE would lose its rows', TG_TABLE_SCHEMA, TG_TABLE_NAME),
    'Use DELETE, or track it with on_truncate => ''archive'' to have TRUNCATE keep every row in the past.');
END
$$;
COMMENT ON FUNCTION yore._refuse_truncate() IS 'BEFORE TRUNCATE where on_truncate is refuse: error YO002.';

CREATE OR REPLACE FUNCTION yore._refuse_past_change() RETURNS trigger
LANGUAGE plpgsql
AS $$
BEGIN
  PERFORM yore._fail('YO001', pg_catalog.format('%s of %I.%I refused: the past is append-only', TG_OP, TG_TABLE_SCHEMA, TG_TABLE_NAME),
    'Change the present instead; its former state is kept.');
END
$$;
COMMENT ON FUNCTION yore._refuse_past_change() IS 'BEFORE UPDATE, DELETE, TRUNCATE of a past table: error YO001.';

-- 41_generate.sql

-- Writing a tracked table's triggers from the templates.

CREATE OR REPLACE FUNCTION yore._variables(m yore.tracked) RETURNS jsonb
LANGUAGE plpgsql STABLE
AS $$
DECLARE
  storage   text := pg_catalog.format('%I.%I', m.storage_schema, m.storage_name);
  past      text := pg_catalog.format('%I.%I', m.past_schema, m.past_name);
  rel       regclass := storage::regclass;
  journaled jsonb;
  v         jsonb;
BEGIN
  SELECT pg_catalog.jsonb_agg(c ORDER BY place) INTO journaled
    FROM pg_catalog.jsonb_array_elements(m.columns) WITH ORDINALITY AS e (c, place)
   WHERE c ->> 'generated' = '' AND yore._is_journaled(m, c ->> 'name');

  v := pg_catalog.jsonb_build_object(
    'storage', storage,
    'past', past,
    'storage_text', pg_catalog.quote_literal(storage),
    'face_text', pg_catalog.quote_literal(pg_catalog.format('table %I.%I', m.schema_name, m.table_name)),
    'shape_text', pg_catalog.quote_literal(m.shape),
    'columns', yore._list(m.columns, '%I') || yore._with_id(m, 'sys_id'),
    'old_columns', yore._list(m.columns, 'OLD.%I') || yore._with_id(m, 'OLD.sys_id'),
    'tombstone_columns', yore._list(m.columns, 'OLD.%I') || yore._with_id(m, yore._new_row_id(m)),
    'current_columns', yore._list(m.columns, 'c.%I') || yore._with_id(m, 'c.sys_id'),
    'ended_columns', yore._list(m.columns, 'c.%I') || yore._with_id(m, 'CASE WHEN v.step OPERATOR(pg_catalog.=) 0 THEN c.sys_id ELSE ' || yore._new_row_id(m) || ' END'),
    'past_is_new', yore._key_match(rel, m.key_columns, 'p.%1$I %2$s NEW.%1$I'),
    'past_is_old', yore._key_match(rel, m.key_columns, 'p.%1$I %2$s OLD.%1$I'),
    'past_is_m', yore._key_match(rel, m.key_columns, 'p.%1$I %2$s m.%1$I'),
    'past_is_current', yore._key_match(rel, m.key_columns, 'p.%1$I %2$s c.%1$I'),
    'new_is_old', yore._key_match(rel, m.key_columns, 'NEW.%1$I %2$s OLD.%1$I'),
    'unchanged', pg_catalog.format('pg_catalog.record_image_eq(ROW(%s), ROW(%s))',
                                   yore._list(journaled, 'NEW.%I'), yore._list(journaled, 'OLD.%I')),
    'began', 'CASE WHEN pg_catalog.current_setting(''yore.at_time'', true) OPERATOR(pg_catalog.<>) '''' '
          || 'THEN yore._loading_time() ELSE pg_catalog.transaction_timestamp() END',
    -- What differs with the options.
    'squash', CASE WHEN m.squash THEN E'\n     OR (OLD.sys_xid OPERATOR(pg_catalog.=) xid AND OLD.sys_from OPERATOR(pg_catalog.>=) began)' ELSE '' END,
    'on_conflict', CASE WHEN yore._is_partitioned(rel) THEN E'\n    ON CONFLICT DO NOTHING' ELSE '' END,
    'not_forgotten', CASE WHEN m.squash THEN E'\n   WHERE NOT (c.sys_xid OPERATOR(pg_catalog.=) xid AND c.sys_from OPERATOR(pg_catalog.>=) began)' ELSE '' END);
  RETURN CASE WHEN m.immutable THEN v || yore._entity_variables(m) ELSE v END;
END
$$;
COMMENT ON FUNCTION yore._variables(yore.tracked) IS 'What the templates of a table''s triggers are filled with.';

CREATE OR REPLACE FUNCTION yore._compose(template text, m yore.tracked) RETURNS text
LANGUAGE plpgsql STABLE
AS $$
DECLARE
  squash    boolean := m.squash;
  begin_new text := pg_catalog.replace(yore._template_begin_new(), '{resurrect}', CASE WHEN squash THEN yore._template_resurrect() ELSE '' END);
  end_this  text := CASE WHEN squash
                         THEN pg_catalog.replace(yore._template_end_old_squashing(), '{end_old}', yore._indent(yore._template_end_old()))
                         ELSE yore._template_end_old() END;
BEGIN
  IF pg_catalog.strpos(template, 'IF rekeyed') > 0 THEN   -- UPDATE does both, if the key changes
    begin_new := yore._indent(yore._indent(begin_new));
    end_this := yore._indent(yore._indent(end_this));
  END IF;
  template := pg_catalog.replace(template, '{begin_new}', begin_new);
  template := pg_catalog.replace(template, '{end_this}', end_this);
  template := pg_catalog.replace(template, '{bury}', CASE WHEN squash THEN yore._indent(yore._indent(yore._template_bury())) ELSE '' END);
  template := pg_catalog.replace(template, 'LOOP{settle_one}', 'LOOP' || yore._indent(yore._indent(yore._template_settle_one())));
  template := pg_catalog.replace(template, '{settle_one}', yore._indent(yore._template_settle_one()));
  template := pg_catalog.replace(template, '{truncate_forgotten}', CASE WHEN squash THEN yore._template_truncate_forgotten() ELSE '' END);
  template := pg_catalog.replace(template, '{next_version}',
    CASE WHEN m.allow_version_write THEN 'yore._next_version(OLD.sys_version, NEW.sys_version, {face_text})'
         ELSE 'OLD.sys_version OPERATOR(pg_catalog.+) 1' END);
  RETURN yore._compose_entity(template, m);
END
$$;
COMMENT ON FUNCTION yore._compose(text, yore.tracked) IS 'A template with the templates in it.';

CREATE OR REPLACE FUNCTION yore._is_partitioned(rel regclass) RETURNS boolean
LANGUAGE sql STABLE
AS $$ SELECT c.relkind = 'p' FROM pg_catalog.pg_class AS c WHERE c.oid = rel $$;
COMMENT ON FUNCTION yore._is_partitioned(regclass) IS 'Whether the relation is a partitioned table.';

CREATE OR REPLACE FUNCTION yore._is_journaled(m yore.tracked, column_name text) RETURNS boolean
LANGUAGE sql IMMUTABLE
AS $$
  SELECT CASE
           WHEN column_name = ANY (m.key_columns::text[]) OR m.full_journal THEN true
           WHEN m.journal IS NOT NULL THEN column_name = ANY (m.journal::text[])
           ELSE column_name <> ALL (coalesce(m.no_journal, '{}')::text[] || 'updated_at'::text)
         END
$$;
COMMENT ON FUNCTION yore._is_journaled(yore.tracked, text) IS
  'Whether a change of the column makes a version: key columns always; all under full_journal; those of journal where given; else all but those of no_journal and updated_at.';

CREATE OR REPLACE FUNCTION yore._has_own_triggers(rel regclass) RETURNS boolean
LANGUAGE sql STABLE
AS $$
  SELECT EXISTS (SELECT FROM pg_catalog.pg_trigger AS g
                  WHERE g.tgrelid = rel AND NOT g.tgisinternal AND g.tgname NOT LIKE '~yore\_%' AND (g.tgtype & 20) <> 0)
$$;
COMMENT ON FUNCTION yore._has_own_triggers(regclass) IS 'Whether the table has triggers of the user''s for INSERT or UPDATE.';

CREATE OR REPLACE FUNCTION yore._numbers_late(m yore.tracked) RETURNS boolean
LANGUAGE sql STABLE
AS $$ SELECT NOT (m.own_triggers OR m.in_place OR m.immutable) $$;
COMMENT ON FUNCTION yore._numbers_late(yore.tracked) IS
  'Whether rows are numbered after they are inserted alone: where neither a trigger of the user''s nor RETURNING could see the number before, or the update that sets it (docs/adr/0002).';

CREATE OR REPLACE FUNCTION yore._trigger_sources(m yore.tracked) RETURNS TABLE (event text, function_name name, source text)
LANGUAGE plpgsql STABLE
AS $$
DECLARE
  rel    regclass := yore._storage(m);
  v      jsonb := yore._variables(m);
  of_new jsonb;
  of_all jsonb;
  current_is_new text := yore._key_match(rel, m.key_columns, 'c.%1$I %2$s NEW.%1$I');
BEGIN
  -- Settling one row (NEW), and settling all rows of a statement.
  of_new := v || pg_catalog.jsonb_build_object(
    'made', 'NEW', 'settle_declare', '',
    'made_rows', E'\n     WHERE ' || current_is_new,
    'past_is_made', v ->> 'past_is_new',
    'current_is_made', current_is_new);
  of_all := v || pg_catalog.jsonb_build_object(
    'made', 'made', 'settle_declare', E'\n  made pg_catalog.record;',
    'made_rows', E', created AS m\n     WHERE ' || yore._key_match(rel, m.key_columns, 'c.%1$I %2$s m.%1$I'),
    'past_is_made', yore._key_match(rel, m.key_columns, 'p.%1$I %2$s made.%1$I'),
    'current_is_made', yore._key_match(rel, m.key_columns, 'c.%1$I %2$s made.%1$I'));

  RETURN QUERY
  SELECT s.event, yore._derived(m.table_name, '_' || s.event), yore._fill(yore._compose(s.template, m), s.variables)
    FROM (VALUES
      ('insert',     CASE WHEN yore._numbers_late(m) THEN yore._template_insert_late() ELSE yore._template_insert() END, v),
      ('update',     yore._template_update(), v),
      ('delete',     yore._template_delete(), v),
      ('settle',     pg_catalog.replace(yore._template_settle(), '{settle_loop}', yore._template_settle_row()), of_new),
      ('settle_all', pg_catalog.replace(yore._template_settle(), '{settle_loop}', yore._template_settle_statement()), of_all),
      ('truncate',   yore._template_truncate(), v),
      ('amend',      yore._template_amend(), v),
      ('amend_past', yore._template_amend_past(), v)) AS s (event, template, variables)
   WHERE (s.event <> 'truncate' OR m.on_truncate = 'archive')
     AND (s.event NOT IN ('amend', 'amend_past') OR yore._amendable(m))
     AND (s.event <> 'settle_all' OR NOT yore._is_partitioned(rel));
END
$$;
COMMENT ON FUNCTION yore._trigger_sources(yore.tracked) IS
  'The trigger functions of a tracked table as they should be: in the schema of its past, named after it and the event.';

CREATE OR REPLACE FUNCTION yore._make_triggers(m yore.tracked) RETURNS void
LANGUAGE plpgsql VOLATILE
AS $$
DECLARE
  storage text := pg_catalog.format('%I.%I', m.storage_schema, m.storage_name);
  rel     regclass := storage::regclass;
  made    record;
  function_text text;
  when_rekeyed text;
  piece   regclass;
BEGIN
  PERFORM yore._drop_triggers(m);
  IF yore._amendable(m) THEN
    PERFORM yore._make_amendments(m);
  END IF;
  -- A condition is parsed anew by every statement; the list of columns is free,
  -- but does not see a key that another trigger changes (docs/adr/0002).
  when_rekeyed := CASE
    WHEN m.own_triggers THEN pg_catalog.format('ON %s FOR EACH ROW WHEN (NOT (%s))', storage, yore._key_match(rel, m.key_columns, 'NEW.%1$I %2$s OLD.%1$I'))
    ELSE pg_catalog.format('OF %s ON %s FOR EACH ROW', (SELECT pg_catalog.string_agg(pg_catalog.quote_ident(k), ', ') FROM pg_catalog.unnest(m.key_columns) AS k), storage)
  END;
  FOR made IN SELECT * FROM yore._trigger_sources(m) LOOP
    function_text := pg_catalog.format('%I.%I()', m.past_schema, made.function_name);
    EXECUTE pg_catalog.format('CREATE FUNCTION %s RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER %s AS %L', function_text,
      -- A plan made while the past was small would read it whole for every row
      -- once it is large: these look keys up by index from the start.
      CASE WHEN made.event = 'settle' OR made.event = 'insert' AND NOT yore._numbers_late(m) THEN 'SET enable_seqscan = off'
           WHEN made.event = 'settle_all' THEN 'SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off'
           ELSE '' END, made.source);
    EXECUTE pg_catalog.format('REVOKE ALL ON FUNCTION %s FROM PUBLIC', function_text);
    EXECUTE pg_catalog.format('COMMENT ON FUNCTION %s IS %L', function_text,
              pg_catalog.format('Written by yore for %I.%I; SELECT yore.sync(%L) writes it anew.', m.schema_name, m.table_name,
                                pg_catalog.format('%I.%I', m.schema_name, m.table_name)));
    PERFORM yore._give(function_text, 'FUNCTION', rel);
    CONTINUE WHEN made.event IN ('amend', 'amend_past');   -- not for the current table
    -- BEFORE triggers fire in the order of their names, and ours must see what
    -- the others made of the row: hence the tilde.
    EXECUTE CASE made.event
      WHEN 'insert' THEN pg_catalog.format('CREATE TRIGGER "~yore_insert" BEFORE INSERT ON %s FOR EACH ROW EXECUTE FUNCTION %s', storage, function_text)
      WHEN 'update' THEN pg_catalog.format('CREATE TRIGGER "~yore_update" BEFORE UPDATE ON %s FOR EACH ROW EXECUTE FUNCTION %s', storage, function_text)
      WHEN 'delete' THEN pg_catalog.format('CREATE TRIGGER "~yore_delete" BEFORE DELETE ON %s FOR EACH ROW EXECUTE FUNCTION %s', storage, function_text)
      WHEN 'settle_all' THEN pg_catalog.format('CREATE TRIGGER "~yore_settle_insert" AFTER INSERT ON %s REFERENCING NEW TABLE AS created FOR EACH STATEMENT EXECUTE FUNCTION %s', storage, function_text)
      WHEN 'settle' THEN pg_catalog.format('CREATE TRIGGER "~yore_settle_key" AFTER UPDATE %s EXECUTE FUNCTION %s', when_rekeyed, function_text)
      WHEN 'truncate' THEN pg_catalog.format('CREATE TRIGGER "~yore_truncate" BEFORE TRUNCATE ON %s FOR EACH STATEMENT EXECUTE FUNCTION %s', storage, function_text)
    END;
    IF made.event = 'settle' AND yore._is_partitioned(rel) THEN
      -- Rows may be written to a partition by its own name, where a statement
      -- trigger of the whole does not fire.
      EXECUTE pg_catalog.format('CREATE TRIGGER "~yore_settle_insert" AFTER INSERT ON %s FOR EACH ROW EXECUTE FUNCTION %s', storage, function_text);
    END IF;
  END LOOP;
  IF yore._amendable(m) THEN
    PERFORM yore._guard_past(m, true);
  END IF;
  IF m.on_truncate = 'refuse' THEN
    EXECUTE pg_catalog.format('CREATE TRIGGER "~yore_truncate" BEFORE TRUNCATE ON %s FOR EACH STATEMENT EXECUTE FUNCTION yore._refuse_truncate()', storage);
  END IF;
  -- A partition can be truncated by itself; for that there is no archiving.
  FOR piece IN SELECT p.relid FROM pg_catalog.pg_partition_tree(rel) AS p WHERE p.relid <> rel LOOP
    EXECUTE pg_catalog.format('CREATE TRIGGER "~yore_truncate" BEFORE TRUNCATE ON %s FOR EACH STATEMENT EXECUTE FUNCTION yore._refuse_truncate()', piece);
  END LOOP;
END
$$;
COMMENT ON FUNCTION yore._make_triggers(yore.tracked) IS 'Writes the triggers of a tracked table anew. Takes a SHARE ROW EXCLUSIVE lock on it.';

CREATE OR REPLACE FUNCTION yore._drop_triggers(m yore.tracked) RETURNS void
LANGUAGE plpgsql VOLATILE
AS $$
DECLARE
  rel  regclass := yore._storage(m);
  history text := pg_catalog.format('%I.%I', yore._schema('history', m.schema_name), m.table_name);
  here record;
BEGIN
  FOR here IN
    SELECT t.tgrelid::regclass AS relation, t.tgname
      FROM pg_catalog.pg_trigger AS t
     WHERE NOT t.tgisinternal AND t.tgname LIKE '~yore\_%' AND t.tgparentid = 0
       AND t.tgrelid IN (SELECT rel UNION SELECT p.relid FROM pg_catalog.pg_partition_tree(rel) AS p)
  LOOP
    EXECUTE pg_catalog.format('DROP TRIGGER %I ON %s', here.tgname, here.relation);
  END LOOP;
  IF m.immutable THEN
    PERFORM yore._guard_past(m, false);
    PERFORM yore._drop_trigger(history, 'yore_amend');   -- _make_faces makes it anew
  END IF;
  FOR here IN
    SELECT p.proname AS function_name
      FROM pg_catalog.pg_proc AS p
     WHERE p.pronamespace = pg_catalog.to_regnamespace(pg_catalog.quote_ident(m.past_schema)) AND p.pronargs = 0
       AND p.proname IN (SELECT yore._derived(m.table_name, '_' || e.event)
                           FROM pg_catalog.unnest(ARRAY['insert', 'update', 'delete', 'settle', 'settle_all', 'truncate', 'amend', 'amend_past']) AS e (event))
  LOOP
    EXECUTE pg_catalog.format('DROP FUNCTION %I.%I()', m.past_schema, here.function_name);
  END LOOP;
END
$$;
COMMENT ON FUNCTION yore._drop_triggers(yore.tracked) IS 'Drops the triggers of a tracked table, and their functions. Takes an ACCESS EXCLUSIVE lock on it.';

CREATE OR REPLACE FUNCTION yore._give(thing text, kind text, like_rel regclass) RETURNS void
LANGUAGE plpgsql VOLATILE
AS $$
BEGIN
  EXECUTE pg_catalog.format('ALTER %s %s OWNER TO %I', kind, thing,
    (SELECT pg_catalog.pg_get_userbyid(c.relowner) FROM pg_catalog.pg_class AS c WHERE c.oid = like_rel));
END
$$;
COMMENT ON FUNCTION yore._give(text, text, regclass) IS 'Makes the owner of like_rel the owner of a thing of the given kind.';

-- 42_entity.sql

-- What the triggers of an immutable table do beside those of every tracked
-- table: see to entity_id, the row id and what clients write to version data.

CREATE OR REPLACE FUNCTION yore._template_entity_declare() RETURNS text LANGUAGE sql IMMUTABLE AS $outer$ SELECT $$
  undeleting   pg_catalog.text := pg_catalog.current_setting('yore.undelete', true);
  given        pg_catalog.text[];{version_declare}$$ $outer$;
COMMENT ON FUNCTION yore._template_entity_declare() IS 'Part of _template_insert for immutable tables.';

CREATE OR REPLACE FUNCTION yore._template_entity() RETURNS text LANGUAGE sql IMMUTABLE AS $outer$ SELECT $$
  IF NEW.sys_deleted_at IS NOT NULL THEN
    PERFORM yore._refuse_tombstone({face_text});
  END IF;
  IF NEW.entity_id IS NULL OR NEW.entity_id OPERATOR(pg_catalog.=) '00000000-0000-0000-0000-000000000000' THEN
    -- Nobody had this key before.
    NEW.entity_id := yore.uuidv7();
    NEW.sys_version := {first_version};
    NEW.sys_from := began;
    NEW.sys_xid := xid;
    NEW.sys_id := {row_id};
    RETURN NEW;
  END IF;
  IF pg_catalog.starts_with(undeleting, NEW.entity_id::pg_catalog.text) THEN
    -- yore.undelete asks for the data of the tombstone, but for the columns given.
    PERFORM pg_catalog.set_config('yore.undelete', '', true);
    -- One at a time: what another brings back and deletes again, this one copies.
    PERFORM pg_catalog.pg_advisory_xact_lock(pg_catalog.hashtextextended(NEW.entity_id::pg_catalog.text, 0));
    given := pg_catalog.substr(undeleting, 38);
    -- The present first: what is deleted between the two looks has its tombstone.
    PERFORM yore._refuse_undelete(NEW.entity_id, true, {face_text})
       FROM {storage} AS c WHERE c.entity_id OPERATOR(pg_catalog.=) NEW.entity_id;
    SELECT {undelete_columns}p.sys_from, p.sys_to
      INTO {undelete_into}last_from, last_to
      FROM {past} AS p
     WHERE {past_is_new}
     ORDER BY p.sys_version DESC
     LIMIT 1;
    IF last_from IS NULL THEN
      PERFORM yore._refuse_undelete(NEW.entity_id, false, {face_text});
    END IF;
  END IF;$$ $outer$;
COMMENT ON FUNCTION yore._template_entity() IS 'Part of _template_insert for immutable tables: a new entity, an undeleted one, or one whose id was given.';

CREATE OR REPLACE FUNCTION yore._template_removed() RETURNS text LANGUAGE sql IMMUTABLE AS $outer$ SELECT $$
  -- The numbers of versions that were taken out are not given again.
  SELECT pg_catalog.max(a.version), pg_catalog.max(a.amended_at)
    INTO last_version, last_to
    FROM {amendments} AS a
   WHERE a.entity_id OPERATOR(pg_catalog.=) NEW.entity_id AND a.operation OPERATOR(pg_catalog.=) 'DELETE'
     AND a.version OPERATOR(pg_catalog.>=) NEW.sys_version;
  IF last_version IS NOT NULL THEN
    NEW.sys_version := last_version OPERATOR(pg_catalog.+) 1;
    NEW.sys_from := yore._later(began, last_to, true, {face_text});
  END IF;$$ $outer$;
COMMENT ON FUNCTION yore._template_removed() IS 'Part of _template_insert where versions have been taken out of history.';

CREATE OR REPLACE FUNCTION yore._template_entity_update() RETURNS text LANGUAGE sql IMMUTABLE AS $outer$ SELECT $$
  IF NEW.entity_id OPERATOR(pg_catalog.<>) OLD.entity_id OR NEW.entity_id IS NULL THEN
    PERFORM yore._refuse_new_id(OLD.entity_id, {face_text});
  END IF;
  IF NEW.sys_deleted_at IS NOT NULL THEN
    PERFORM yore._refuse_tombstone({face_text});
  END IF;{amend}$$ $outer$;
COMMENT ON FUNCTION yore._template_entity_update() IS 'Part of _template_update for immutable tables.';

CREATE OR REPLACE FUNCTION yore._next_version(last bigint, written bigint, what text) RETURNS bigint
LANGUAGE plpgsql IMMUTABLE SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
  IF written IS NULL OR written = last THEN
    RETURN last + 1;
  ELSIF written < last THEN
    PERFORM yore._fail('YO018', format('%s: version %s would follow version %s', what, written, last), 'Version numbers only go up.');
  END IF;
  RETURN written;
END
$$;
COMMENT ON FUNCTION yore._next_version(bigint, bigint, text) IS
  'The number after last, or under allow_version_write the one that was written. Error YO018 if that is lower.';

CREATE OR REPLACE FUNCTION yore._refuse_tombstone(what text) RETURNS void
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
  PERFORM yore._fail('YO018', format('%s: deleted_at cannot be written', what),
                     'DELETE makes the tombstone, yore.undelete() the version after it.');
END
$$;
COMMENT ON FUNCTION yore._refuse_tombstone(text) IS 'Error YO018: a client wrote deleted_at.';

CREATE OR REPLACE FUNCTION yore._refuse_new_id(entity_id uuid, what text) RETURNS void
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
  PERFORM yore._fail('YO018', format('%s: the entity_id %s is the same in all versions and cannot be changed', what, entity_id),
                     'INSERT makes a new entity.');
END
$$;
COMMENT ON FUNCTION yore._refuse_new_id(uuid, text) IS 'Error YO018: a client changed entity_id.';

CREATE OR REPLACE FUNCTION yore._refuse_undelete(entity_id uuid, live boolean, what text) RETURNS void
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
  IF live THEN
    PERFORM yore._fail('YO021', format('%s: entity %s is not deleted', what, entity_id), 'UPDATE changes a live entity.');
  END IF;
  PERFORM yore._fail('YO019', format('%s: there is no entity %s', what, entity_id));
END
$$;
COMMENT ON FUNCTION yore._refuse_undelete(uuid, boolean, text) IS 'Error YO021 for a live entity, YO019 for one that never was.';

CREATE OR REPLACE FUNCTION yore._with_id(m yore.tracked, expression text) RETURNS text
LANGUAGE sql IMMUTABLE
AS $$ SELECT CASE WHEN m.immutable THEN ', ' || expression ELSE '' END $$;
COMMENT ON FUNCTION yore._with_id(yore.tracked, text) IS 'The expression as the last of a list, for immutable tables.';

CREATE OR REPLACE FUNCTION yore._new_row_id(m yore.tracked) RETURNS text
LANGUAGE sql IMMUTABLE
AS $$
  -- Where it is indexed, one that sorts by time; else the cheapest (docs/adr/0007).
  SELECT CASE WHEN m.show_row_id THEN 'yore.uuidv7()' ELSE 'pg_catalog.gen_random_uuid()' END
$$;
COMMENT ON FUNCTION yore._new_row_id(yore.tracked) IS 'The expression of a new version''s row id.';

CREATE OR REPLACE FUNCTION yore._entity_variables(m yore.tracked) RETURNS jsonb
LANGUAGE plpgsql STABLE
AS $$
DECLARE
  rel     regclass := yore._storage(m);
  written jsonb;
BEGIN
  SELECT coalesce(pg_catalog.jsonb_agg(c ORDER BY place), '[]') INTO written
    FROM pg_catalog.jsonb_array_elements(m.columns) WITH ORDINALITY AS e (c, place)
   WHERE c ->> 'generated' = '' AND c ->> 'name' <> 'entity_id';
  RETURN yore._amend_variables(m) || pg_catalog.jsonb_build_object(
    'row_id', yore._new_row_id(m),
    'undelete_into', yore._list(written, 'NEW.%I, ', ''),
    'undelete_columns', (
      -- A column that came after the deletion is NULL there and has its default here.
      SELECT coalesce(pg_catalog.string_agg(pg_catalog.format(
               CASE WHEN a.attnotnull
                    THEN 'CASE WHEN %1$L OPERATOR(pg_catalog.=) ANY (given) OR p.%2$I IS NULL THEN NEW.%2$I ELSE p.%2$I END, '
                    ELSE 'CASE WHEN %1$L OPERATOR(pg_catalog.=) ANY (given) THEN NEW.%2$I ELSE p.%2$I END, ' END,
               a.attname, a.attname), E'\n           ' ORDER BY e.place), '')
        FROM pg_catalog.jsonb_array_elements(written) WITH ORDINALITY AS e (c, place)
        JOIN pg_catalog.pg_attribute AS a ON a.attrelid = rel AND a.attname = e.c ->> 'name'));
END
$$;
COMMENT ON FUNCTION yore._entity_variables(yore.tracked) IS 'What the templates of an immutable table''s triggers are filled with beside the others.';

CREATE OR REPLACE FUNCTION yore._compose_entity(template text, m yore.tracked) RETURNS text
LANGUAGE plpgsql STABLE
AS $$
DECLARE
  part record;
BEGIN
  FOR part IN
    SELECT * FROM (VALUES
      ('{entity_declare}', yore._template_entity_declare()),
      ('{entity_update}',  yore._template_entity_update()),
      ('{entity}',         yore._template_entity()),
      ('{first_version}',  CASE WHEN m.allow_version_write THEN 'yore._next_version(0, written, {face_text})' ELSE '1' END),
      ('{same_identity}',  E'\n    NEW.sys_id := OLD.sys_id;'),
      ('{version_declare}', CASE WHEN m.allow_version_write THEN E'\n  written      bigint := NEW.sys_version;' ELSE '' END),
      ('{identify_new}',   CASE WHEN pg_catalog.to_regclass(yore._amendments(m)) IS NOT NULL THEN yore._template_removed() ELSE '' END
                           || CASE WHEN m.allow_version_write
                                THEN E'\n  NEW.sys_version := yore._next_version(NEW.sys_version OPERATOR(pg_catalog.-) 1, written, {face_text});' ELSE '' END
                           || E'\n  NEW.sys_id := {row_id};'),
      ('{identify}',       E'\n  NEW.sys_id := {row_id};'),
      ('{amend}',          CASE WHEN m.allow_updates THEN yore._template_amend_current() ELSE '' END)) AS p (place, text)
  LOOP
    template := pg_catalog.replace(template, part.place, CASE WHEN m.immutable THEN part.text ELSE '' END);
  END LOOP;
  RETURN template;
END
$$;
COMMENT ON FUNCTION yore._compose_entity(text, yore.tracked) IS 'A template with what immutable tables have more, or without it.';

-- 43_amend.sql

-- Altering stored versions of an immutable table, where allow_updates or
-- allow_deletes was given: through history, and every amendment is itself kept.

CREATE OR REPLACE FUNCTION yore._template_amend() RETURNS text LANGUAGE sql IMMUTABLE AS $outer$ SELECT $$
#variable_conflict use_variable
DECLARE
  was    pg_catalog.jsonb;
  wanted pg_catalog.jsonb := CASE WHEN TG_OP OPERATOR(pg_catalog.=) 'UPDATE' THEN pg_catalog.to_jsonb(NEW) OPERATOR(pg_catalog.-) {not_amended} END;
  is_now pg_catalog.jsonb;
BEGIN
  IF NOT (TG_OP OPERATOR(pg_catalog.=) 'UPDATE' AND {allow_updates} OR TG_OP OPERATOR(pg_catalog.=) 'DELETE' AND {allow_deletes}) THEN
    PERFORM yore._fail_amendment(TG_OP, {face_name});
  ELSIF TG_OP OPERATOR(pg_catalog.=) 'DELETE' AND OLD.{valid_to} IS NULL THEN
    PERFORM yore._fail('YO018', pg_catalog.concat('version ', OLD.{version}, ' of entity ', OLD.entity_id, ' is the present'),
                       pg_catalog.concat('DELETE FROM ', {face_name}, ' ends it; then it can be taken out of history.'));
  ELSIF TG_OP OPERATOR(pg_catalog.=) 'UPDATE'
        AND NOT pg_catalog.record_image_eq(ROW({new_version_data}), ROW({old_version_data})) THEN
    PERFORM yore._fail('YO018', pg_catalog.concat('the version data of entity ', OLD.entity_id, ' cannot be amended'), 'The columns of your own can.');
  END IF;
  -- As it is once it is ours, not as the statement's snapshot has it.
  IF OLD.{valid_to} IS NULL THEN
    SELECT pg_catalog.to_jsonb(c.*) OPERATOR(pg_catalog.-) {not_amended} INTO was FROM {storage} AS c
     WHERE c.entity_id OPERATOR(pg_catalog.=) OLD.entity_id AND c.sys_version OPERATOR(pg_catalog.=) OLD.{version} FOR NO KEY UPDATE;
  ELSE
    SELECT pg_catalog.to_jsonb(p.*) OPERATOR(pg_catalog.-) {not_amended} INTO was FROM {past} AS p
     WHERE p.entity_id OPERATOR(pg_catalog.=) OLD.entity_id AND p.sys_version OPERATOR(pg_catalog.=) OLD.{version} FOR NO KEY UPDATE;
  END IF;
  IF was IS NULL THEN
    RETURN NULL;
  END IF;
  -- This row is what lets the change past the triggers of the tables.
  INSERT INTO {amendments} (entity_id, version, operation, xid, role, before, after)
  VALUES (OLD.entity_id, OLD.{version}, TG_OP, pg_catalog.pg_current_xact_id(), session_user, was, wanted);
  IF TG_OP OPERATOR(pg_catalog.=) 'DELETE' THEN
    DELETE FROM {past} AS p WHERE p.entity_id OPERATOR(pg_catalog.=) OLD.entity_id AND p.sys_version OPERATOR(pg_catalog.=) OLD.{version};
    RETURN OLD;
  ELSIF OLD.{valid_to} IS NULL THEN
    UPDATE {storage} AS c SET sys_xid = '0'{set_written}
     WHERE c.entity_id OPERATOR(pg_catalog.=) OLD.entity_id AND c.sys_version OPERATOR(pg_catalog.=) OLD.{version}
    RETURNING pg_catalog.to_jsonb(c.*) OPERATOR(pg_catalog.-) {not_amended} INTO is_now;
    IF coalesce(is_now, was) OPERATOR(pg_catalog.<>) wanted THEN
      -- Triggers of the table's own had their say.
      INSERT INTO {amendments} (entity_id, version, operation, xid, role, before, after)
      VALUES (OLD.entity_id, OLD.{version}, TG_OP, pg_catalog.pg_current_xact_id(), session_user, wanted, coalesce(is_now, was));
    END IF;
    RETURN CASE WHEN is_now IS NOT NULL THEN NEW END;
  END IF;
  UPDATE {past} AS p SET sys_to = p.sys_to{set_all}
   WHERE p.entity_id OPERATOR(pg_catalog.=) OLD.entity_id AND p.sys_version OPERATOR(pg_catalog.=) OLD.{version};
  RETURN NEW;
END
$$ $outer$;
COMMENT ON FUNCTION yore._template_amend() IS 'INSTEAD OF INSERT, UPDATE, DELETE of history.';

CREATE OR REPLACE FUNCTION yore._template_amend_current() RETURNS text LANGUAGE sql IMMUTABLE AS $outer$ SELECT $$
  IF NEW.sys_xid OPERATOR(pg_catalog.=) '0' AND pg_catalog.pg_trigger_depth() OPERATOR(pg_catalog.>) 1 AND EXISTS (
     SELECT FROM {amendments} AS a
      WHERE a.entity_id OPERATOR(pg_catalog.=) OLD.entity_id AND a.version OPERATOR(pg_catalog.=) OLD.sys_version
        AND a.xid OPERATOR(pg_catalog.=) xid AND a.operation OPERATOR(pg_catalog.=) 'UPDATE') THEN
    -- An amendment of the current version, not a new one.
    NEW.sys_version := OLD.sys_version;
    NEW.sys_from := OLD.sys_from;
    NEW.sys_xid := OLD.sys_xid;
    NEW.sys_id := OLD.sys_id;
    RETURN NEW;
  END IF;$$ $outer$;
COMMENT ON FUNCTION yore._template_amend_current() IS 'Part of _template_update under allow_updates.';

CREATE OR REPLACE FUNCTION yore._template_amend_past() RETURNS text LANGUAGE sql IMMUTABLE AS $outer$ SELECT $$
#variable_conflict use_variable
BEGIN
  IF pg_catalog.pg_trigger_depth() OPERATOR(pg_catalog.=) 1 OR NOT EXISTS (
     SELECT FROM {amendments} AS a
      WHERE a.entity_id OPERATOR(pg_catalog.=) OLD.entity_id AND a.version OPERATOR(pg_catalog.=) OLD.sys_version
        AND a.xid OPERATOR(pg_catalog.=) pg_catalog.pg_current_xact_id() AND a.operation OPERATOR(pg_catalog.=) TG_OP
        AND CASE WHEN TG_OP OPERATOR(pg_catalog.=) 'UPDATE'
                 THEN a.after OPERATOR(pg_catalog.=) (pg_catalog.to_jsonb(NEW) OPERATOR(pg_catalog.-) {not_amended})
                      AND pg_catalog.record_image_eq(ROW(NEW.entity_id, NEW.sys_version, NEW.sys_from, NEW.sys_to, NEW.sys_xid, NEW.sys_xid_to, NEW.sys_id),
                                                     ROW(OLD.entity_id, OLD.sys_version, OLD.sys_from, OLD.sys_to, OLD.sys_xid, OLD.sys_xid_to, OLD.sys_id))
                 ELSE true END) THEN
    PERFORM yore._fail('YO001', pg_catalog.format('%s of %I.%I refused: the past is append-only', TG_OP, TG_TABLE_SCHEMA, TG_TABLE_NAME),
                       'Amend it through its view in history, which keeps what was there before.');
  END IF;
  RETURN CASE WHEN TG_OP OPERATOR(pg_catalog.=) 'UPDATE' THEN NEW ELSE OLD END;
END
$$ $outer$;
COMMENT ON FUNCTION yore._template_amend_past() IS 'BEFORE UPDATE, DELETE of a past that may be amended: error YO001 for what is no amendment.';

CREATE OR REPLACE FUNCTION yore._fail_amendment(operation text, face text) RETURNS void
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
  PERFORM yore._fail('YO018', format('%s of a stored version of %s refused: it is an immutable table', operation, face),
    CASE operation
      WHEN 'UPDATE' THEN format('UPDATE %s makes the next version. To have stored versions altered: SELECT yore.track(%L, allow_updates => true)', face, face)
      WHEN 'DELETE' THEN format('DELETE FROM %s makes a tombstone. To have stored versions removed: SELECT yore.track(%L, allow_deletes => true)', face, face)
      ELSE format('INSERT INTO %s makes a new entity, UPDATE a further version.', face) END);
END
$$;
COMMENT ON FUNCTION yore._fail_amendment(text, text) IS 'Error YO018, with the statement that does what is meant.';

CREATE OR REPLACE FUNCTION yore._refuse_amendment() RETURNS trigger
LANGUAGE plpgsql
AS $$
BEGIN
  PERFORM yore._fail_amendment(TG_OP, TG_ARGV[0]);
END
$$;
COMMENT ON FUNCTION yore._refuse_amendment() IS 'INSTEAD OF INSERT, UPDATE, DELETE of an immutable table''s history: error YO018.';

CREATE OR REPLACE FUNCTION yore._amendments(m yore.tracked) RETURNS text
LANGUAGE sql STABLE
AS $$ SELECT pg_catalog.format('%I.%I', m.past_schema, yore._derived(m.table_name, '_amendments')) $$;
COMMENT ON FUNCTION yore._amendments(yore.tracked) IS 'The name of the table of what was amended.';

CREATE OR REPLACE FUNCTION yore._amendable(m yore.tracked) RETURNS boolean
LANGUAGE sql IMMUTABLE
AS $$ SELECT m.allow_updates OR m.allow_deletes $$;
COMMENT ON FUNCTION yore._amendable(yore.tracked) IS 'Whether stored versions may be altered at all.';

CREATE OR REPLACE FUNCTION yore._amend_variables(m yore.tracked) RETURNS jsonb
LANGUAGE sql STABLE
AS $$
  SELECT pg_catalog.jsonb_build_object(
    'amendments', yore._amendments(m),
    'face_name', pg_catalog.quote_literal(pg_catalog.format('%I.%I', m.schema_name, m.table_name)),
    'allow_updates', m.allow_updates::text,
    'allow_deletes', m.allow_deletes::text,
    'version', pg_catalog.quote_ident(yore._shown(m, 'version')),
    'valid_to', pg_catalog.quote_ident(yore._shown(m, 'valid_to')),
    'new_version_data', data.of_new,
    'old_version_data', pg_catalog.replace(data.of_new, 'NEW.', 'OLD.'),
    'set_written', yore._list(w.written, ', %1$I = NEW.%1$I', ''),
    'set_all', yore._list(w.stored, ', %1$I = NEW.%1$I', ''),
    'not_amended', pg_catalog.format('%L::pg_catalog.text[]', w.hidden || yore._own_columns()::text[] || ARRAY['entity_id', 'sys_to', 'sys_xid_to']
      || ARRAY(SELECT yore._shown(m, n)::text FROM pg_catalog.unnest(ARRAY['id', 'version', 'valid_from', 'valid_to', 'deleted_at', 'xid']) AS n
                WHERE n <> 'id' OR yore._shows_id(m))))
    FROM (SELECT pg_catalog.concat_ws(', ', 'NEW.entity_id',
                   pg_catalog.string_agg(pg_catalog.format('NEW.%I', yore._shown(m, n)), ', ')) AS of_new
            FROM pg_catalog.unnest(ARRAY['version', 'valid_from', 'valid_to', 'deleted_at', 'xid']) AS n) AS data,
         (SELECT coalesce(pg_catalog.jsonb_agg(c) FILTER (WHERE c ->> 'generated' = '' AND NOT EXISTS (
                   -- GENERATED ALWAYS AS IDENTITY
                   SELECT FROM pg_catalog.pg_attribute AS a WHERE a.attrelid = yore._storage(m) AND a.attname = c ->> 'name' AND a.attidentity = 'a')), '[]') AS written,
                 coalesce(pg_catalog.jsonb_agg(c) FILTER (WHERE c ->> 'generated' <> 'v'), '[]') AS stored,
                 -- What nobody writes, and what the past alone has kept.
                 coalesce(pg_catalog.array_agg(c ->> 'name') FILTER (WHERE c ->> 'generated' <> ''), '{}')
                   || ARRAY(SELECT a.attname::text FROM pg_catalog.pg_attribute AS a
                             WHERE a.attrelid = pg_catalog.to_regclass(pg_catalog.format('%I.%I', m.past_schema, m.past_name)) AND a.attnum > 0 AND NOT a.attisdropped
                               AND NOT m.columns @> pg_catalog.jsonb_build_array(pg_catalog.jsonb_build_object('name', a.attname))) AS hidden
            FROM pg_catalog.jsonb_array_elements(m.columns) AS c WHERE c ->> 'name' <> 'entity_id') AS w
$$;
COMMENT ON FUNCTION yore._amend_variables(yore.tracked) IS 'What the templates of amending are filled with.';

CREATE OR REPLACE FUNCTION yore._make_amendments(m yore.tracked) RETURNS void
LANGUAGE plpgsql VOLATILE
AS $$
DECLARE
  name text := yore._amendments(m);
BEGIN
  IF pg_catalog.to_regclass(name) IS NOT NULL THEN
    RETURN;
  END IF;
  EXECUTE pg_catalog.format(
    'CREATE TABLE %s (entity_id uuid NOT NULL, version bigint NOT NULL, operation text NOT NULL, xid xid8 NOT NULL,
                      amended_at timestamptz NOT NULL DEFAULT pg_catalog.transaction_timestamp(), role name NOT NULL,
                      before jsonb NOT NULL, after jsonb)', name);
  EXECUTE pg_catalog.format('CREATE INDEX ON %s (entity_id, version)', name);
  EXECUTE pg_catalog.format('CREATE TRIGGER yore_append_only BEFORE UPDATE OR DELETE ON %s FOR EACH ROW EXECUTE FUNCTION yore._refuse_past_change()', name);
  EXECUTE pg_catalog.format('CREATE TRIGGER yore_append_only_truncate BEFORE TRUNCATE ON %s FOR EACH STATEMENT EXECUTE FUNCTION yore._refuse_past_change()', name);
  EXECUTE pg_catalog.format('COMMENT ON TABLE %s IS %L', name,
    pg_catalog.format('What was altered in stored versions of %I.%I: before and after, when, by whom (xid: see yore.transaction). Append-only.', m.schema_name, m.table_name));
  PERFORM yore._give(name, 'TABLE', yore._storage(m));
END
$$;
COMMENT ON FUNCTION yore._make_amendments(yore.tracked) IS 'Creates the table of amendments, if it is missing.';

CREATE OR REPLACE FUNCTION yore._drop_trigger(relation text, trigger_name name) RETURNS void
LANGUAGE plpgsql VOLATILE
AS $$
BEGIN
  IF EXISTS (SELECT FROM pg_catalog.pg_trigger AS g WHERE g.tgrelid = pg_catalog.to_regclass(relation) AND g.tgname = trigger_name) THEN
    EXECUTE pg_catalog.format('DROP TRIGGER %I ON %s', trigger_name, relation);
  END IF;
END
$$;
COMMENT ON FUNCTION yore._drop_trigger(text, name) IS 'Drops a trigger if it is there, without a word if it is not.';

CREATE OR REPLACE FUNCTION yore._guard_past(m yore.tracked, amendable boolean) RETURNS void
LANGUAGE plpgsql VOLATILE
AS $$
DECLARE
  past  text := pg_catalog.format('%I.%I', m.past_schema, m.past_name);
  guard text := CASE WHEN amendable THEN pg_catalog.format('%I.%I()', m.past_schema, yore._derived(m.table_name, '_amend_past'))
                     ELSE 'yore._refuse_past_change()' END;
BEGIN
  PERFORM yore._drop_trigger(past, 'yore_append_only_update');
  PERFORM yore._drop_trigger(past, 'yore_append_only_delete');
  EXECUTE pg_catalog.format('CREATE TRIGGER yore_append_only_update BEFORE UPDATE ON %s FOR EACH ROW EXECUTE FUNCTION %s', past, guard);
  -- yore's own triggers take back a tombstone of their own transaction, when
  -- it makes the row again.
  EXECUTE pg_catalog.format(
    'CREATE TRIGGER yore_append_only_delete BEFORE DELETE ON %s FOR EACH ROW
       WHEN (pg_catalog.pg_trigger_depth() = 0 OR OLD.sys_from <> OLD.sys_to OR OLD.sys_xid <> pg_catalog.pg_current_xact_id())
       EXECUTE FUNCTION %s', past, guard);
END
$$;
COMMENT ON FUNCTION yore._guard_past(yore.tracked, boolean) IS 'Makes the triggers that keep the past append-only, but for amendments where those are allowed.';

CREATE OR REPLACE FUNCTION yore._guard_history(m yore.tracked) RETURNS void
LANGUAGE plpgsql VOLATILE
AS $$
DECLARE
  history text := pg_catalog.format('%I.%I', yore._schema('history', m.schema_name), m.table_name);
BEGIN
  IF NOT m.immutable THEN
    RETURN;
  END IF;
  PERFORM yore._drop_trigger(history, 'yore_amend');
  EXECUTE pg_catalog.format('CREATE TRIGGER yore_amend INSTEAD OF INSERT OR UPDATE OR DELETE ON %s FOR EACH ROW EXECUTE FUNCTION %s', history,
    CASE WHEN yore._amendable(m) THEN pg_catalog.format('%I.%I()', m.past_schema, yore._derived(m.table_name, '_amend'))
         ELSE pg_catalog.format('yore._refuse_amendment(%L)', pg_catalog.format('%I.%I', m.schema_name, m.table_name)) END);
END
$$;
COMMENT ON FUNCTION yore._guard_history(yore.tracked) IS 'Makes the trigger by which an immutable table''s history refuses changes, or amends.';

-- 50_faces.sql

-- The faces: now (the table's own name), ever (history) and then (asof).

CREATE OR REPLACE FUNCTION yore._save_acl(rel regclass) RETURNS jsonb
LANGUAGE sql STABLE
AS $$
  SELECT coalesce(pg_catalog.jsonb_agg(pg_catalog.jsonb_build_object(
           'column', p.column_name, 'privilege', x.privilege_type, 'grantable', x.is_grantable,
           'grantee', CASE x.grantee WHEN 0 THEN 'PUBLIC' ELSE pg_catalog.quote_ident(pg_catalog.pg_get_userbyid(x.grantee)) END)), '[]')
    FROM pg_catalog.pg_class AS c
   CROSS JOIN LATERAL (
         SELECT c.relacl AS acl, NULL::name AS column_name
         UNION ALL
         SELECT a.attacl, a.attname FROM pg_catalog.pg_attribute AS a
          WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped) AS p
   CROSS JOIN LATERAL pg_catalog.aclexplode(p.acl) AS x
   WHERE c.oid = rel AND x.grantee <> c.relowner
$$;
COMMENT ON FUNCTION yore._save_acl(regclass) IS 'The grants on a relation and its columns to others than its owner.';

CREATE OR REPLACE FUNCTION yore._grant_acl(rel regclass, acl jsonb) RETURNS void
LANGUAGE plpgsql VOLATILE
AS $$
DECLARE
  g jsonb;
BEGIN
  FOR g IN SELECT * FROM pg_catalog.jsonb_array_elements(acl) LOOP
    EXECUTE pg_catalog.format('GRANT %s%s ON %s TO %s%s', g ->> 'privilege',
      CASE WHEN g ->> 'column' IS NULL THEN '' ELSE pg_catalog.format(' (%I)', g ->> 'column') END,
      rel, g ->> 'grantee', CASE WHEN (g ->> 'grantable')::boolean THEN ' WITH GRANT OPTION' ELSE '' END);
  END LOOP;
END
$$;
COMMENT ON FUNCTION yore._grant_acl(regclass, jsonb) IS 'Grants what _save_acl read elsewhere.';

CREATE OR REPLACE FUNCTION yore._revoke_acl(rel regclass) RETURNS void
LANGUAGE plpgsql VOLATILE
AS $$
DECLARE
  g jsonb;
BEGIN
  FOR g IN SELECT * FROM pg_catalog.jsonb_array_elements(yore._save_acl(rel)) LOOP
    EXECUTE pg_catalog.format('REVOKE %s%s ON %s FROM %s CASCADE', g ->> 'privilege',
      CASE WHEN g ->> 'column' IS NULL THEN '' ELSE pg_catalog.format(' (%I)', g ->> 'column') END, rel, g ->> 'grantee');
  END LOOP;
END
$$;
COMMENT ON FUNCTION yore._revoke_acl(regclass) IS 'Takes back all grants on a relation and its columns to others than its owner.';

CREATE OR REPLACE FUNCTION yore._make_view(name text, definition text, options text, like_rel regclass) RETURNS void
LANGUAGE plpgsql VOLATILE
AS $$
DECLARE
  acl jsonb;
BEGIN
  IF pg_catalog.to_regclass(name) IS NULL THEN
    EXECUTE pg_catalog.format('CREATE VIEW %s %s AS %s', name, options, definition);
    PERFORM yore._give(name, 'VIEW', like_rel);
    RETURN;
  END IF;
  BEGIN
    EXECUTE pg_catalog.format('CREATE OR REPLACE VIEW %s %s AS %s', name, options, definition);
    PERFORM yore._give(name, 'VIEW', like_rel);
  EXCEPTION WHEN invalid_table_definition THEN
    -- Columns were taken away, renamed or moved: there is no replacing that.
    acl := yore._save_acl(name::regclass);
    EXECUTE pg_catalog.format('DROP VIEW %s', name);
    EXECUTE pg_catalog.format('CREATE VIEW %s %s AS %s', name, options, definition);
    PERFORM yore._give(name, 'VIEW', like_rel);
    PERFORM yore._grant_acl(name::regclass,
      (SELECT coalesce(pg_catalog.jsonb_agg(g), '[]') FROM pg_catalog.jsonb_array_elements(acl) AS g
        WHERE g ->> 'column' IS NULL OR EXISTS (
              SELECT FROM pg_catalog.pg_attribute AS a
               WHERE a.attrelid = name::regclass AND a.attname = g ->> 'column' AND NOT a.attisdropped)));
  END;
END
$$;
COMMENT ON FUNCTION yore._make_view(text, text, text, regclass) IS
  'Creates the view, or replaces it with its grants kept; the owner is that of like_rel. Error 2BP01 where its columns change and something of the user''s depends on it.';

CREATE OR REPLACE FUNCTION yore._user_columns(m yore.tracked, of_past boolean) RETURNS text
LANGUAGE sql STABLE
AS $$
  -- Virtual columns are stored nowhere: computed from the past's columns as
  -- from the present's. NULL if there is no column.
  SELECT pg_catalog.string_agg(
           CASE WHEN of_past AND c ->> 'generated' = 'v'
                THEN pg_catalog.format('(%s)::%s AS %I', c ->> 'expression', c ->> 'type', c ->> 'name')
                ELSE pg_catalog.quote_ident(c ->> 'name') END, ', ' ORDER BY place)
    FROM pg_catalog.jsonb_array_elements(m.columns) WITH ORDINALITY AS e (c, place)
   WHERE NOT (m.immutable AND c ->> 'name' = 'entity_id')
$$;
COMMENT ON FUNCTION yore._user_columns(yore.tracked, boolean) IS
  'The select list of the user''s columns, from the past table or the current one; of an immutable table, without entity_id.';

CREATE OR REPLACE FUNCTION yore._face_columns(m yore.tracked, of_past boolean, with_id boolean, deleted_at text) RETURNS text
LANGUAGE sql STABLE
AS $$
  SELECT CASE WHEN m.immutable
              THEN pg_catalog.concat_ws(', ',
                     CASE WHEN with_id THEN pg_catalog.format('sys_id AS %I', yore._shown(m, 'id')) END, 'entity_id',
                     pg_catalog.format('sys_version AS %I', yore._shown(m, 'version')),
                     pg_catalog.format('sys_from AS %I', yore._shown(m, 'valid_from')),
                     pg_catalog.format('%s AS %I', deleted_at, yore._shown(m, 'deleted_at')),
                     yore._user_columns(m, of_past))
              ELSE yore._user_columns(m, of_past) END
$$;
COMMENT ON FUNCTION yore._face_columns(yore.tracked, boolean, boolean, text) IS
  'The select list of a face: the user''s columns, for an immutable table behind its version data. deleted_at is an expression.';

CREATE OR REPLACE FUNCTION yore._versions(m yore.tracked, of_past boolean) RETURNS text
LANGUAGE sql STABLE
AS $$
  -- Nobody sees infinity; a tombstone begins and ends at once.
  SELECT pg_catalog.format(E'SELECT %s, %s\n  FROM %s',
    yore._face_columns(m, of_past, yore._shows_id(m), own.deleted_at),
    CASE WHEN m.immutable
         THEN pg_catalog.format('%s AS %I, sys_xid AS %I', own.valid_to, yore._shown(m, 'valid_to'), yore._shown(m, 'xid'))
         ELSE pg_catalog.format(E'sys_version AS %I, nullif(sys_from, ''-infinity'') AS %I, %s AS %I,\n       %s AS %I, sys_xid AS %I',
                                yore._shown(m, 'version'), yore._shown(m, 'valid_from'), own.valid_to, yore._shown(m, 'valid_to'),
                                own.deleted_at, yore._shown(m, 'deleted_at'), yore._shown(m, 'xid')) END,
    own.table_name)
    FROM (SELECT CASE WHEN of_past THEN 'sys_to' ELSE 'NULL::timestamptz' END AS valid_to,
                 CASE WHEN of_past THEN 'CASE WHEN sys_from = sys_to THEN sys_to END' ELSE 'NULL::timestamptz' END AS deleted_at,
                 CASE WHEN of_past THEN pg_catalog.format('%I.%I', m.past_schema, m.past_name)
                      ELSE pg_catalog.format('%I.%I', m.storage_schema, m.storage_name) END AS table_name) AS own
$$;
COMMENT ON FUNCTION yore._versions(yore.tracked, boolean) IS
  'The query of the past''s or the present''s part of history; the present''s versions are open.';

CREATE OR REPLACE FUNCTION yore._asof_definition(m yore.tracked, t text) RETURNS text
LANGUAGE plpgsql STABLE
AS $$
DECLARE
  storage text := pg_catalog.format('%I.%I', m.storage_schema, m.storage_name);
BEGIN
  -- The same columns in the same order as the face, or as the table itself
  -- where that is the face: there, yore's own may stand amid the user's.
  IF m.in_place THEN
    SELECT pg_catalog.jsonb_agg(coalesce(u.c, pg_catalog.jsonb_build_object('name', a.attname, 'generated', '')) ORDER BY a.attnum)
      INTO m.columns
      FROM pg_catalog.pg_attribute AS a
      LEFT JOIN pg_catalog.jsonb_array_elements(m.columns) AS u (c) ON (u.c ->> 'number')::smallint = a.attnum
     WHERE a.attrelid = storage::regclass AND a.attnum > 0 AND NOT a.attisdropped;
  END IF;
  RETURN pg_catalog.format(
    E'SELECT %1$s\n  FROM %2$s\n WHERE sys_from <= %3$s\nUNION ALL\nSELECT %4$s\n  FROM %5$s\n WHERE sys_from <= %3$s AND sys_to > %3$s',
    yore._face_columns(m, false, m.show_row_id, 'sys_deleted_at'), storage, t,
    yore._face_columns(m, true, m.show_row_id, 'NULL::timestamptz'), pg_catalog.format('%I.%I', m.past_schema, m.past_name));
END
$$;
COMMENT ON FUNCTION yore._asof_definition(yore.tracked, text) IS
  'The query of the rows as of the time t, an expression; periods are half-open, [from, to), as in SQL:2011.';

CREATE OR REPLACE FUNCTION yore._drop_asof_function(m yore.tracked) RETURNS void
LANGUAGE plpgsql VOLATILE
AS $$
DECLARE
  name text := pg_catalog.format('%I.%I(timestamptz)', yore._schema('asof', m.schema_name), m.table_name);
BEGIN
  IF pg_catalog.to_regprocedure(name) IS NOT NULL THEN
    EXECUTE pg_catalog.format('DROP FUNCTION %s', name);
  END IF;
END
$$;
COMMENT ON FUNCTION yore._drop_asof_function(yore.tracked) IS 'Drops asof.t(time) if it is there.';

CREATE OR REPLACE FUNCTION yore._view_options(rel regclass) RETURNS text
LANGUAGE sql STABLE
AS $$
  -- Views read with their owner's rights, whom row security does not bind.
  SELECT CASE WHEN c.relrowsecurity AND pg_catalog.current_setting('server_version_num')::integer >= 150000
              THEN 'WITH (security_invoker = true)' ELSE '' END
    FROM pg_catalog.pg_class AS c WHERE c.oid = rel
$$;
COMMENT ON FUNCTION yore._view_options(regclass) IS 'The options of a view over the table: under row-level security it reads with its reader''s rights.';

CREATE OR REPLACE FUNCTION yore._guard(rel regclass, view_name text, definition text) RETURNS text
LANGUAGE sql STABLE
AS $$
  -- Before PostgreSQL 15 a view cannot read with its reader's rights.
  SELECT CASE WHEN c.relrowsecurity AND pg_catalog.current_setting('server_version_num')::integer < 150000
              THEN pg_catalog.format(E'SELECT *\n  FROM (%s) AS all_rows\n WHERE CASE WHEN pg_catalog.row_security_active(%L::pg_catalog.regclass) THEN yore.refuse_rows(%L) ELSE true END',
                                     definition, rel, view_name)
              ELSE definition END
    FROM pg_catalog.pg_class AS c WHERE c.oid = rel
$$;
COMMENT ON FUNCTION yore._guard(regclass, text, text) IS
  'The definition of a view, such that it refuses those from whom it would have to keep rows and cannot.';

CREATE OR REPLACE FUNCTION yore.refuse_rows(view_name text) RETURNS boolean
LANGUAGE plpgsql STABLE
AS $$
BEGIN
  PERFORM yore._fail('YO008', pg_catalog.format('%s would show role %I rows that row-level security keeps from it', view_name, current_user),
                     'Before PostgreSQL 15 views cannot apply it: read the function asof.t(time), which does.');
END
$$;
COMMENT ON FUNCTION yore.refuse_rows(text) IS
  'What history and asof call before PostgreSQL 15 when read by a role that row-level security binds: error YO008.';

CREATE OR REPLACE FUNCTION yore._make_faces(m yore.tracked) RETURNS void
LANGUAGE plpgsql VOLATILE
AS $$
DECLARE
  storage text := pg_catalog.format('%I.%I', m.storage_schema, m.storage_name);
  rel     regclass := storage::regclass;
  face    text := pg_catalog.format('%I.%I', m.schema_name, m.table_name);
  history text := pg_catalog.format('%I.%I', yore._schema('history', m.schema_name), m.table_name);
  asof    text := pg_catalog.format('%I.%I', yore._schema('asof', m.schema_name), m.table_name);
  options text := yore._view_options(rel);
  -- A subquery, so that the setting is read once a query and not once a row.
  session_time CONSTANT text := '(SELECT coalesce(yore._session_time(), ''infinity''))';
  note    record;
BEGIN
  PERFORM yore._drop_asof_function(m);
  IF NOT m.in_place THEN
    PERFORM yore._make_view(face, pg_catalog.format(
      E'SELECT %s\n  FROM %s\n WHERE CASE WHEN coalesce(pg_catalog.current_setting(''yore.as_of'', true), '''') = '''' THEN true ELSE yore.refuse_present(%L) END',
      yore._face_columns(m, false, m.show_row_id, 'sys_deleted_at'), storage, face), options, rel);
    FOR note IN
      SELECT a.attname, d.description FROM pg_catalog.pg_attribute AS a
        JOIN pg_catalog.pg_description AS d ON d.objoid = a.attrelid AND d.objsubid = a.attnum AND d.classoid = 'pg_catalog.pg_class'::regclass
       WHERE a.attrelid = rel AND a.attname <> ALL (yore._own_columns())
    LOOP
      EXECUTE pg_catalog.format('COMMENT ON COLUMN %s.%I IS %L', face, note.attname, note.description);
    END LOOP;
    EXECUTE pg_catalog.format('COMMENT ON VIEW %s IS %L', face, yore._note(m));
  END IF;

  PERFORM yore._make_view(history, yore._guard(rel, history,
    yore._versions(m, false) || E'\nUNION ALL\n' || yore._versions(m, true)), options, rel);
  PERFORM yore._guard_history(m);
  EXECUTE pg_catalog.format('COMMENT ON VIEW %s IS %L', history,
    pg_catalog.format('Every version of %s, tombstones included (deleted_at is set). Written by yore.', face));

  PERFORM yore._make_view(asof, yore._guard(rel, asof, yore._asof_definition(m, session_time)), options, rel);
  EXECUTE pg_catalog.format('COMMENT ON VIEW %s IS %L', asof,
    pg_catalog.format('%s as of the time that yore.as_of set for the session; without one, the present. Written by yore.', face));
  EXECUTE pg_catalog.format('CREATE FUNCTION %s(timestamptz) RETURNS SETOF %s LANGUAGE sql STABLE ROWS 1000 AS %L',
    asof, face, yore._asof_definition(m, 'coalesce($1, ''infinity'')'));
  EXECUTE pg_catalog.format('COMMENT ON FUNCTION %s(timestamptz) IS %L', asof,
    pg_catalog.format('%s as of the time given; NULL means the present. Inlined by the planner; reads with the caller''s rights (yore.grant_history). Written by yore.', face));
  PERFORM yore._give(asof || '(timestamptz)', 'FUNCTION', rel);
END
$$;
COMMENT ON FUNCTION yore._make_faces(yore.tracked) IS
  'Makes the views and the function of a tracked table, or brings them in step with its columns; grants stay. Error 2BP01 if something of the user''s stands in the way.';

CREATE OR REPLACE FUNCTION yore._drop_faces(m yore.tracked) RETURNS void
LANGUAGE plpgsql VOLATILE
AS $$
BEGIN
  PERFORM yore._drop_asof_function(m);
  EXECUTE pg_catalog.format('DROP VIEW IF EXISTS %I.%I', yore._schema('asof', m.schema_name), m.table_name);
  EXECUTE pg_catalog.format('DROP VIEW IF EXISTS %I.%I', yore._schema('history', m.schema_name), m.table_name);
  IF NOT m.in_place THEN
    EXECUTE pg_catalog.format('DROP VIEW IF EXISTS %I.%I', m.schema_name, m.table_name);
  END IF;
END
$$;
COMMENT ON FUNCTION yore._drop_faces(yore.tracked) IS 'Drops what _make_faces made. Error 2BP01 if something of the user''s depends on it.';

CREATE OR REPLACE FUNCTION yore._note(m yore.tracked) RETURNS text
LANGUAGE sql STABLE
AS $$
  SELECT pg_catalog.jsonb_build_object('yore', pg_catalog.jsonb_strip_nulls(
           pg_catalog.to_jsonb(m) - ARRAY['columns', 'shape', 'own_triggers', 'version_gaps', 'sequences', 'schema_name', 'table_name', 'tracked_at']))::text
$$;
COMMENT ON FUNCTION yore._note(yore.tracked) IS 'The options and the version as JSON, for the comment of the face.';

CREATE OR REPLACE FUNCTION yore.grant_history(t text, role name) RETURNS void
LANGUAGE plpgsql VOLATILE
AS $$
DECLARE
  m      yore.tracked := yore._tracked(t);
  target text;
BEGIN
  FOREACH target IN ARRAY ARRAY[
    pg_catalog.format('USAGE ON SCHEMA %I, %I, %I', m.storage_schema, m.past_schema, yore._schema('history', m.schema_name)),
    pg_catalog.format('USAGE ON SCHEMA %I', yore._schema('asof', m.schema_name)),
    pg_catalog.format('SELECT ON %I.%I, %I.%I, %I.%I, %I.%I', m.storage_schema, m.storage_name, m.past_schema, m.past_name,
      yore._schema('history', m.schema_name), m.table_name, yore._schema('asof', m.schema_name), m.table_name)]
  LOOP
    EXECUTE pg_catalog.format('GRANT %s TO %I', target, role);
  END LOOP;
  -- Without the right to grant, PostgreSQL only warns.
  IF NOT (pg_catalog.has_schema_privilege(role, m.past_schema, 'USAGE') AND pg_catalog.has_schema_privilege(role, m.storage_schema, 'USAGE')) THEN
    PERFORM yore._fail('YO008', pg_catalog.format('role %I may not let others use schema %I', current_user, m.past_schema),
                       pg_catalog.format('Its owner can: GRANT USAGE ON SCHEMA %I, %I TO %I', m.past_schema, m.storage_schema, role));
  END IF;
END
$$;
COMMENT ON FUNCTION yore.grant_history(text, name) IS
  'Lets the role read all of a tracked table''s past: the history and asof views, and the tables beneath, which the function asof.t(time) reads. For the views alone a plain GRANT SELECT does. Errors: YO003 not tracked, 42501 not the owner, YO008 not allowed to open the schemas.';

-- 60_check.sql

-- What cannot be tracked is refused here, before anything has changed.

CREATE OR REPLACE FUNCTION yore._check_table(rel regclass, in_place boolean) RETURNS void
LANGUAGE plpgsql STABLE
AS $$
DECLARE
  c    record;
  other text;
BEGIN
  SELECT k.relkind, k.relpersistence, k.relispartition, k.relowner, k.reltype, k.reloftype, n.nspname
    INTO STRICT c FROM pg_catalog.pg_class AS k JOIN pg_catalog.pg_namespace AS n ON n.oid = k.relnamespace WHERE k.oid = rel;

  IF c.relkind NOT IN ('r', 'p') THEN
    PERFORM yore._fail('YO005', pg_catalog.format('%s is %s; only tables can be tracked', rel,
      CASE c.relkind WHEN 'v' THEN 'a view' WHEN 'm' THEN 'a materialized view' WHEN 'f' THEN 'a foreign table' WHEN 'S' THEN 'a sequence'
                     WHEN 'i' THEN 'an index' WHEN 'I' THEN 'an index' WHEN 'c' THEN 'a type' ELSE pg_catalog.format('a relation of kind %s', c.relkind) END),
      CASE WHEN c.relkind IN ('v', 'm') THEN 'Track the tables that the view reads.'
           WHEN c.relkind = 'f' THEN 'Track the table on the server that has it.'
           ELSE 'Track the table that it belongs to.' END);
  ELSIF c.relpersistence = 't' THEN
    PERFORM yore._fail('YO005', pg_catalog.format('%s is a temporary table; its past would end with the session', rel), 'Use an ordinary table.');
  ELSIF c.relpersistence = 'u' THEN
    PERFORM yore._fail('YO005', pg_catalog.format('%s is unlogged; a crash would empty it behind its past', rel),
                       pg_catalog.format('ALTER TABLE %s SET LOGGED', rel));
  ELSIF c.reloftype <> 0 THEN
    PERFORM yore._fail('YO005', pg_catalog.format('%s is a table OF type %s and cannot have further columns', rel, c.reloftype::regtype),
                       pg_catalog.format('ALTER TABLE %s NOT OF', rel));
  ELSIF c.relispartition THEN
    PERFORM yore._fail('YO005', pg_catalog.format('%s is a partition', rel),
      pg_catalog.format('Track the whole: SELECT yore.track(%L, in_place => true)', (pg_catalog.pg_partition_root(rel))::text));
  ELSIF c.relkind = 'p' AND NOT in_place THEN
    PERFORM yore._fail('YO005', pg_catalog.format('%s is partitioned; it can only be tracked where it is', rel),
      pg_catalog.format('SELECT yore.track(%L, in_place => true)', rel));
  ELSIF EXISTS (SELECT FROM pg_catalog.pg_inherits AS i WHERE i.inhrelid = rel OR (i.inhparent = rel AND c.relkind = 'r')) THEN
    PERFORM yore._fail('YO005', pg_catalog.format('%s takes part in table inheritance', rel), 'ALTER TABLE … NO INHERIT, or use partitions.');
  ELSIF c.nspname IN ('pg_catalog', 'information_schema', 'yore') OR EXISTS (
        SELECT FROM yore.installation AS i, pg_catalog.unnest(ARRAY[i.temporal_schema, i.history_schema, i.asof_schema]) AS own (name)
         WHERE c.nspname = own.name) THEN
    PERFORM yore._fail('YO005', pg_catalog.format('%s stands in schema %I, which is not for tables of applications', rel, c.nspname));
  END IF;
  PERFORM yore._check_row_security(rel, in_place);

  SELECT pg_catalog.string_agg(t.tgname, ', ') INTO other FROM pg_catalog.pg_trigger AS t
   WHERE t.tgrelid = rel AND NOT t.tgisinternal AND (t.tgtype & 3) = 3 AND t.tgname::text COLLATE "C" > '~yore_z';
  IF other IS NOT NULL THEN
    PERFORM yore._fail('YO006', pg_catalog.format('trigger %s of %s would fire after yore''s and could change a row unseen', other, rel),
                       'ALTER TRIGGER … RENAME TO a name that sorts before ~.');
  END IF;

  IF NOT in_place THEN
    SELECT pg_catalog.string_agg(DISTINCT pg_catalog.pg_describe_object(d.classid, d.objid, d.objsubid), ', ') INTO other
      FROM pg_catalog.pg_depend AS d JOIN pg_catalog.pg_type AS t ON t.oid = d.refobjid
     WHERE d.refclassid = 'pg_catalog.pg_type'::regclass AND (t.oid = c.reltype OR t.typelem = c.reltype AND t.typlen = -1)
       AND d.deptype = 'n';
    IF other IS NOT NULL THEN
      PERFORM yore._fail('YO005', pg_catalog.format('the row type of %s is used by %s', rel, other),
        pg_catalog.format('Drop that and make it again after tracking (it then means the face), or SELECT yore.track(%L, in_place => true).', rel));
    END IF;
  END IF;
END
$$;
COMMENT ON FUNCTION yore._check_table(regclass, boolean) IS
  'Refuses what cannot be tracked: error YO005 (not a table, temporary, unlogged, foreign, a partition, partitioned without in_place, inheritance, a row type in use, row-level security that binds the owner), YO006 (a trigger whose name sorts too late).';

CREATE OR REPLACE FUNCTION yore._check_row_security(rel regclass, in_place boolean) RETURNS void
LANGUAGE plpgsql STABLE
AS $$
DECLARE
  guarded boolean := (SELECT c.relrowsecurity FROM pg_catalog.pg_class AS c WHERE c.oid = rel);
BEGIN
  IF guarded AND NOT in_place AND pg_catalog.current_setting('server_version_num')::integer < 150000 THEN
    PERFORM yore._fail('YO005', pg_catalog.format('%s has row-level security, which a view can only keep from PostgreSQL 15 on', rel),
      pg_catalog.format('SELECT yore.track(%L, in_place => true)', rel));
  ELSIF yore._blinds_owner(rel) THEN
    PERFORM yore._fail('YO005', pg_catalog.format('%s has row-level security that binds its owner, too, as whom yore''s triggers run', rel),
      pg_catalog.format('ALTER TABLE %s NO FORCE ROW LEVEL SECURITY', rel));
  END IF;
END
$$;
COMMENT ON FUNCTION yore._check_row_security(regclass, boolean) IS
  'Error YO005 where row-level security could not be kept, or would keep rows from the triggers.';

CREATE OR REPLACE FUNCTION yore._blinds_owner(rel regclass) RETURNS boolean
LANGUAGE sql STABLE
AS $$
  SELECT c.relrowsecurity AND c.relforcerowsecurity AND NOT (o.rolsuper OR o.rolbypassrls)
    FROM pg_catalog.pg_class AS c JOIN pg_catalog.pg_roles AS o ON o.oid = c.relowner
   WHERE c.oid = rel
$$;
COMMENT ON FUNCTION yore._blinds_owner(regclass) IS
  'Whether row-level security keeps rows of the table from its owner, and so from triggers that run with the owner''s rights.';

CREATE OR REPLACE FUNCTION yore._check_rights(rel regclass, in_place boolean) RETURNS void
LANGUAGE plpgsql STABLE
AS $$
DECLARE
  owner  oid := (SELECT c.relowner FROM pg_catalog.pg_class AS c WHERE c.oid = rel);
  space  name := (SELECT n.nspname FROM pg_catalog.pg_class AS c JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace WHERE c.oid = rel);
  kind   text;
  needed name;
BEGIN
  IF NOT pg_catalog.pg_has_role(owner, 'MEMBER') THEN
    PERFORM yore._fail('YO008', pg_catalog.format('role %I does not own %s', current_user, rel),
                       pg_catalog.format('Ask %s, or a superuser.', pg_catalog.pg_get_userbyid(owner)));
  END IF;
  IF NOT pg_catalog.has_table_privilege('yore.tracked', 'INSERT, UPDATE') THEN
    PERFORM yore._fail('YO008', pg_catalog.format('role %I may not track tables', current_user),
                       pg_catalog.format('The role that installed yore can: GRANT ALL ON yore.tracked TO %I', current_user));
  END IF;
  IF NOT in_place AND NOT pg_catalog.has_schema_privilege(owner, space, 'CREATE') THEN
    PERFORM yore._fail('YO008', pg_catalog.format('%s may not make a view in schema %I', pg_catalog.pg_get_userbyid(owner), space),
                       pg_catalog.format('GRANT CREATE ON SCHEMA %I TO %s', space, pg_catalog.pg_get_userbyid(owner)));
  END IF;
  FOREACH kind IN ARRAY ARRAY['temporal', 'history', 'asof'] LOOP
    needed := yore._schema(kind, space);
    IF pg_catalog.to_regnamespace(pg_catalog.quote_ident(needed)) IS NULL THEN
      IF NOT pg_catalog.has_database_privilege(pg_catalog.current_database(), 'CREATE') THEN
        PERFORM yore._fail('YO008', pg_catalog.format('role %I may not make schema %I', current_user, needed),
          pg_catalog.format('GRANT CREATE ON DATABASE %I TO %I', pg_catalog.current_database(), current_user));
      END IF;
    ELSIF NOT (pg_catalog.has_schema_privilege(needed, 'CREATE') AND pg_catalog.has_schema_privilege(owner, needed, 'CREATE')) THEN
      PERFORM yore._fail('YO008', pg_catalog.format('schema %I is closed to %I, the owner of %s', needed, pg_catalog.pg_get_userbyid(owner), rel),
        pg_catalog.format('GRANT CREATE, USAGE ON SCHEMA %I TO %I', needed, pg_catalog.pg_get_userbyid(owner)));
    END IF;
  END LOOP;
END
$$;
COMMENT ON FUNCTION yore._check_rights(regclass, boolean) IS 'Error YO008 if the caller may not track, untrack or sync the table.';

CREATE OR REPLACE FUNCTION yore._check_key(rel regclass, key text[]) RETURNS name[]
LANGUAGE plpgsql STABLE
AS $$
DECLARE
  found name[] := key::name[];
  odd   text;
BEGIN
  IF key IS NULL THEN
    SELECT pg_catalog.array_agg(a.attname ORDER BY k.place) INTO found
      FROM pg_catalog.pg_index AS i, pg_catalog.unnest(i.indkey::smallint[]) WITH ORDINALITY AS k (attnum, place), pg_catalog.pg_attribute AS a
     WHERE i.indrelid = rel AND i.indisprimary AND k.place <= i.indnkeyatts AND a.attrelid = rel AND a.attnum = k.attnum;
    IF found IS NULL THEN
      PERFORM yore._fail('YO005', pg_catalog.format('table %s has no primary key', rel),
                         'Add one, or name the key columns with key => ''{…}''; a unique index must hold them.');
    END IF;
  END IF;
  odd := yore._missing(rel, found::text[]);
  IF odd IS NOT NULL OR pg_catalog.cardinality(found) = 0 THEN
    PERFORM yore._fail('YO007', pg_catalog.format('key of %s: there is no column %s', rel, coalesce(odd, '{}')));
  END IF;
  SELECT pg_catalog.string_agg(pg_catalog.quote_ident(a.attname), ', ') INTO odd FROM pg_catalog.pg_attribute AS a
   WHERE a.attrelid = rel AND a.attname = ANY (found) AND NOT a.attnotnull;
  IF odd IS NOT NULL THEN
    PERFORM yore._fail('YO005', pg_catalog.format('key of %s: column %s may be NULL', rel, odd), 'ALTER TABLE … ALTER COLUMN … SET NOT NULL');
  END IF;
  SELECT pg_catalog.string_agg(pg_catalog.quote_ident(a.attname), ', ') INTO odd FROM pg_catalog.pg_attribute AS a
   WHERE a.attrelid = rel AND a.attname = ANY (found) AND a.attgenerated <> '';
  IF odd IS NOT NULL THEN
    PERFORM yore._fail('YO005', pg_catalog.format('key of %s: column %s is generated, after triggers have seen the row', rel, odd),
                       'Name another key with key => ''{…}''; a unique index must hold it.');
  END IF;
  IF yore._key_index(rel, found) IS NULL THEN
    PERFORM yore._fail('YO005', pg_catalog.format('key of %s: no index makes (%s) unique at once', rel,
        (SELECT pg_catalog.string_agg(pg_catalog.quote_ident(k), ', ') FROM pg_catalog.unnest(found) AS k)),
      'A unique index or constraint over exactly these columns is needed: not deferrable, not partial, no expressions.');
  END IF;
  RETURN found;
END
$$;
COMMENT ON FUNCTION yore._check_key(regclass, text[]) IS
  'The key columns: those given, else the primary key''s. Errors YO005 (none, nullable, generated, not unique at once), YO007 (no such column).';

CREATE OR REPLACE FUNCTION yore._check_options(m yore.tracked) RETURNS void
LANGUAGE plpgsql STABLE
AS $$
DECLARE
  rel   text := pg_catalog.format('%I.%I', m.schema_name, m.table_name);
  names text[] := ARRAY(SELECT c ->> 'name' FROM pg_catalog.jsonb_array_elements(m.columns) AS c);
  odd   text;
BEGIN
  SELECT pg_catalog.string_agg(pg_catalog.quote_ident(j), ', ') INTO odd
    FROM pg_catalog.unnest(coalesce(m.journal, '{}') || coalesce(m.no_journal, '{}')) AS j WHERE j::text <> ALL (names);
  IF odd IS NOT NULL THEN
    PERFORM yore._fail('YO007', pg_catalog.format('journal options of %s: there is no column %s', rel, odd));
  ELSIF (m.journal IS NOT NULL)::integer + (m.no_journal IS NOT NULL)::integer + m.full_journal::integer > 1 THEN
    PERFORM yore._fail('YO007', 'journal, no_journal and full_journal exclude one another', 'Give one; ''{}'' and false take one back.');
  ELSIF m.on_truncate NOT IN ('refuse', 'archive') THEN
    PERFORM yore._fail('YO007', pg_catalog.format('on_truncate is ''refuse'' or ''archive'', not %L', m.on_truncate));
  ELSIF pg_catalog.octet_length(m.prefix || 'valid_from') > 63 THEN
    PERFORM yore._fail('YO007', pg_catalog.format('prefix of %s leaves no room for valid_from within 63 bytes', rel));
  ELSIF m.since > pg_catalog.transaction_timestamp() THEN
    PERFORM yore._fail('YO007', pg_catalog.format('since is in the future: %s', yore._utc(m.since)));
  END IF;
  PERFORM yore._check_immutable(m);
  SELECT pg_catalog.string_agg(pg_catalog.quote_ident(n), ', ') INTO odd FROM pg_catalog.unnest(names) AS n
   WHERE n IN ('sys_to', 'sys_xid_to');
  IF odd IS NOT NULL THEN
    PERFORM yore._fail('YO006', pg_catalog.format('column %s of %s has the name of one that yore adds', odd, rel), 'ALTER TABLE … RENAME COLUMN …');
  END IF;
  SELECT pg_catalog.string_agg(pg_catalog.quote_ident(n), ', ') INTO odd FROM pg_catalog.unnest(names) AS n,
         pg_catalog.unnest(ARRAY['version', 'valid_from', 'valid_to', 'deleted_at', 'xid'] || CASE WHEN m.show_row_id THEN '{id}'::text[] ELSE '{}' END) AS own (name)
   WHERE n = yore._shown(m, own.name);
  IF odd IS NOT NULL THEN
    PERFORM yore._fail('YO006', pg_catalog.format('column %s of %s has the name of one that history shows', odd, rel),
      pg_catalog.format('SELECT yore.track(%L, prefix => ''sys_'') shows yore''s own as sys_version, sys_valid_from, ….', rel));
  END IF;
END
$$;
COMMENT ON FUNCTION yore._check_options(yore.tracked) IS 'Errors YO007 (an option''s value) and YO006 (a column with the name of one of yore''s).';

CREATE OR REPLACE FUNCTION yore._check_immutable(m yore.tracked) RETURNS void
LANGUAGE plpgsql STABLE
AS $$
DECLARE
  rel  text := pg_catalog.format('%I.%I', m.schema_name, m.table_name);
  type text := (SELECT c ->> 'type' FROM pg_catalog.jsonb_array_elements(m.columns) AS c WHERE c ->> 'name' = 'entity_id');
BEGIN
  IF NOT m.immutable THEN
    IF m.allow_updates OR m.allow_deletes OR m.allow_version_write OR m.show_row_id THEN
      PERFORM yore._fail('YO007', pg_catalog.format('%s is no immutable table: allow_updates, allow_deletes, allow_version_write and show_row_id are not for it', rel),
                         'They go with immutable => true.');
    END IF;
    RETURN;
  END IF;
  IF m.in_place THEN
    PERFORM yore._fail('YO007', pg_catalog.format('%s: immutable and in_place exclude one another', rel),
                       'An immutable table is read and written through its face, which shows the version data.');
  ELSIF m.squash THEN
    PERFORM yore._fail('YO007', pg_catalog.format('%s: an immutable table keeps every change of a transaction', rel), 'Leave squash out.');
  ELSIF m.since = '-infinity' THEN
    PERFORM yore._fail('YO007', pg_catalog.format('%s: since of an immutable table is a time, shown as valid_from', rel));
  ELSIF m.key_columns <> '{entity_id}' THEN   -- renamed by hand
    PERFORM yore._fail('YO006', pg_catalog.format('the key of %s is entity_id, as of every immutable table, not %s', rel, m.key_columns::text),
                       'ALTER TABLE … RENAME COLUMN … TO entity_id');
  ELSIF type <> 'uuid' THEN
    PERFORM yore._fail('YO006', pg_catalog.format('column entity_id of %s is %s, not uuid', rel, type), 'ALTER TABLE … RENAME COLUMN …, or change its type.');
  END IF;
END
$$;
COMMENT ON FUNCTION yore._check_immutable(yore.tracked) IS
  'Errors YO007 (options that an immutable table cannot have, or only it) and YO006 (an entity_id that is no uuid, or is called otherwise).';

-- 61_past.sql

-- The past table of a tracked table.

CREATE OR REPLACE FUNCTION yore._past_column(c jsonb) RETURNS text
LANGUAGE sql IMMUTABLE
AS $$
  -- The name and the type, nothing else: the past holds what was valid under
  -- older schemas, so no NOT NULL, default, identity or generation.
  SELECT pg_catalog.format('%I %s', c ->> 'name', c ->> 'type') || coalesce(' COLLATE ' || (c ->> 'collation'), '')
$$;
COMMENT ON FUNCTION yore._past_column(jsonb) IS 'The definition of a column of the past, from an element of _columns.';

CREATE OR REPLACE FUNCTION yore._make_past(m yore.tracked) RETURNS void
LANGUAGE plpgsql VOLATILE
AS $$
DECLARE
  storage regclass := yore._storage(m);
  past    text := pg_catalog.format('%I.%I', m.past_schema, m.past_name);
  key     text := (SELECT pg_catalog.string_agg(pg_catalog.quote_ident(k), ', ' ORDER BY place) FROM pg_catalog.unnest(m.key_columns) WITH ORDINALITY AS u (k, place));
BEGIN
  EXECUTE pg_catalog.format(
    'CREATE TABLE %s (%s, sys_version bigint NOT NULL, sys_from timestamptz NOT NULL, sys_xid xid8 NOT NULL,
                      sys_to timestamptz NOT NULL, sys_xid_to xid8 NOT NULL,
                      CONSTRAINT %I PRIMARY KEY (%s, sys_version))',
    past,
    (SELECT pg_catalog.string_agg(yore._past_column(c), ', ' ORDER BY place)
       FROM pg_catalog.jsonb_array_elements(m.columns) WITH ORDINALITY AS e (c, place) WHERE c ->> 'generated' <> 'v')
      || yore._with_id(m, 'sys_id uuid NOT NULL'),
    yore._derived(m.past_name, '_pkey'), key);
  -- sys_from, so that of the versions which ended after a time the index alone
  -- tells the one that had begun by then.
  EXECUTE pg_catalog.format('CREATE INDEX %I ON %s (%s, sys_to, sys_from)', yore._derived(m.past_name, '_key_to'), past, key);
  -- Rows arrive in the order of sys_to, near enough for a block-range index,
  -- which costs a write almost nothing (docs/adr/0004); with sys_from, ranges of
  -- versions that all began later are passed over as well.
  EXECUTE pg_catalog.format('CREATE INDEX %I ON %s USING brin (sys_to, sys_from) WITH (pages_per_range = 16, autosummarize = on)',
                            yore._derived(m.past_name, '_to'), past);
  IF m.exclusion THEN
    PERFORM yore._set_exclusion(m);
  END IF;
  PERFORM yore._guard_past(m, false);
  EXECUTE pg_catalog.format('CREATE TRIGGER yore_append_only_truncate BEFORE TRUNCATE ON %s FOR EACH STATEMENT EXECUTE FUNCTION yore._refuse_past_change()', past);
  EXECUTE pg_catalog.format('COMMENT ON TABLE %s IS %L', past,
    pg_catalog.format('Superseded versions and tombstones of %I.%I: append-only, written by its triggers. Read it as %I.%I.',
                      m.schema_name, m.table_name, yore._schema('history', m.schema_name), m.table_name));
  PERFORM yore._give(past, 'TABLE', storage);
END
$$;
COMMENT ON FUNCTION yore._make_past(yore.tracked) IS 'Creates the past table with its indexes and the triggers that keep it append-only.';

CREATE OR REPLACE FUNCTION yore._set_exclusion(m yore.tracked) RETURNS void
LANGUAGE plpgsql VOLATILE
AS $$
DECLARE
  storage regclass := yore._storage(m);
  past    text := pg_catalog.format('%I.%I', m.past_schema, m.past_name);
  name    name := yore._derived(m.past_name, '_no_overlap');
BEGIN
  IF NOT m.exclusion THEN
    EXECUTE pg_catalog.format('ALTER TABLE %s DROP CONSTRAINT IF EXISTS %I', past, name);
    RETURN;
  END IF;
  IF NOT EXISTS (SELECT FROM pg_catalog.pg_extension AS e WHERE e.extname = 'btree_gist') THEN
    PERFORM yore._fail('YO005', 'exclusion needs the extension btree_gist', 'CREATE EXTENSION btree_gist');
  END IF;
  BEGIN
    EXECUTE pg_catalog.format('ALTER TABLE %s ADD CONSTRAINT %I EXCLUDE USING gist (%s, pg_catalog.tstzrange(sys_from, sys_to) WITH &&)',
                              past, name, pg_catalog.replace(yore._key_match(storage, m.key_columns, '%1$I WITH %2$s'), ' AND ', ', '));
  EXCEPTION WHEN undefined_object OR wrong_object_type OR undefined_function OR datatype_mismatch THEN
    PERFORM yore._fail('YO005', pg_catalog.format('exclusion: a key column of %I.%I has a type that GiST cannot compare', m.schema_name, m.table_name),
                       'Leave exclusion off; the triggers guard against overlaps all the same.', SQLERRM);
  END;
END
$$;
COMMENT ON FUNCTION yore._set_exclusion(yore.tracked) IS
  'Adds or drops the exclusion constraint of (key, period) on the past. Error YO005 without btree_gist or for types it lacks. Adding reads the whole past under ACCESS EXCLUSIVE.';

CREATE OR REPLACE FUNCTION yore._copy_policies(m yore.tracked) RETURNS void
LANGUAGE plpgsql VOLATILE
AS $$
DECLARE
  storage regclass := yore._storage(m);
  past    regclass := pg_catalog.format('%I.%I', m.past_schema, m.past_name)::regclass;
  guarded boolean := (SELECT c.relrowsecurity FROM pg_catalog.pg_class AS c WHERE c.oid = storage);
  p       record;
BEGIN
  FOR p IN SELECT q.polname FROM pg_catalog.pg_policy AS q WHERE q.polrelid = past LOOP
    EXECUTE pg_catalog.format('DROP POLICY %I ON %s', p.polname, past);
  END LOOP;
  EXECUTE pg_catalog.format('ALTER TABLE %s %s ROW LEVEL SECURITY', past, CASE WHEN guarded THEN 'ENABLE' ELSE 'DISABLE' END);
  IF NOT guarded THEN
    RETURN;
  END IF;
  BEGIN
    FOR p IN
      SELECT q.polname, q.polpermissive, pg_catalog.pg_get_expr(q.polqual, q.polrelid) AS condition,
             (SELECT pg_catalog.string_agg(CASE r WHEN 0 THEN 'PUBLIC' ELSE pg_catalog.quote_ident(pg_catalog.pg_get_userbyid(r)) END, ', ')
                FROM pg_catalog.unnest(q.polroles) AS r) AS roles
        FROM pg_catalog.pg_policy AS q
       WHERE q.polrelid = storage AND q.polcmd IN ('r', '*')
    LOOP
      EXECUTE pg_catalog.format('CREATE POLICY %I ON %s AS %s FOR SELECT TO %s USING (%s)', p.polname, past,
                                CASE WHEN p.polpermissive THEN 'PERMISSIVE' ELSE 'RESTRICTIVE' END, p.roles, coalesce(p.condition, 'true'));
    END LOOP;
  EXCEPTION WHEN OTHERS THEN
    -- All of them or none: one left out could show too much.
    RAISE WARNING USING MESSAGE = pg_catalog.format('yore: policy %I of %I.%I could not be copied to the past, which stays closed to all but its owner',
                                                    p.polname, m.schema_name, m.table_name),
                        DETAIL = SQLERRM, HINT = pg_catalog.format('Make policies FOR SELECT on %s by hand.', past);
  END;
END
$$;
COMMENT ON FUNCTION yore._copy_policies(yore.tracked) IS
  'Gives the past the row-level security of the table: its policies for reading, judged today over the rows of then.';

-- 62_track.sql

-- Turning history on and off.

CREATE OR REPLACE FUNCTION yore.track(
  t            text,
  journal      text[]      DEFAULT NULL,
  no_journal   text[]      DEFAULT NULL,
  full_journal boolean     DEFAULT NULL,
  squash       boolean     DEFAULT NULL,
  since        timestamptz DEFAULT NULL,
  on_truncate  text        DEFAULT NULL,
  key          text[]      DEFAULT NULL,
  in_place     boolean     DEFAULT NULL,
  exclusion    boolean     DEFAULT NULL,
  prefix       text        DEFAULT NULL,
  past_name    text        DEFAULT NULL,
  immutable    boolean     DEFAULT NULL,
  allow_updates boolean    DEFAULT NULL,
  allow_deletes boolean    DEFAULT NULL,
  allow_version_write boolean DEFAULT NULL,
  show_row_id  boolean     DEFAULT NULL
) RETURNS void
LANGUAGE plpgsql VOLATILE
AS $$
#variable_conflict use_variable
DECLARE
  rel     regclass := yore._relation(t);
  m       yore.tracked := yore._find(rel);
  before  yore.tracked := m;
  given   boolean := pg_catalog.num_nonnulls(journal, no_journal, full_journal, squash, on_truncate, exclusion, prefix,
                                              allow_updates, allow_deletes, allow_version_write, show_row_id) > 0;
  fixed   boolean := pg_catalog.num_nonnulls(since, key, in_place, past_name, immutable) > 0;
  tracked boolean := m.schema_name IS NOT NULL;
BEGIN
  IF tracked AND NOT given THEN
    PERFORM yore._fail('YO004', pg_catalog.format('table %s is already tracked', rel),
      CASE WHEN fixed THEN 'since, key, in_place, immutable and past_name are fixed at the first tracking.'
           ELSE 'To change its options, name them: yore.track(…, journal => …).' END);
  ELSIF tracked AND fixed THEN
    PERFORM yore._fail('YO007', pg_catalog.format('table %s is tracked: since, key, in_place, immutable and past_name can no longer be changed', rel),
                       'Untrack it first.');
  END IF;
  IF NOT tracked THEN
    SELECT n.nspname, c.relname INTO STRICT m.schema_name, m.table_name
      FROM pg_catalog.pg_class AS c JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace WHERE c.oid = rel;
    m.in_place := coalesce(in_place, false);
    PERFORM yore._check_table(rel, m.in_place);
    m.past_schema := yore._schema('temporal', m.schema_name);
    m.past_name := coalesce(past_name, m.table_name || '_past');
    IF past_name = '' THEN
      PERFORM yore._fail('YO007', pg_catalog.format('past_name of %s is empty', rel), 'Leave it out for the table''s name with _past.');
    ELSIF pg_catalog.octet_length(coalesce(past_name, m.table_name || '_past')) > 63 THEN
      PERFORM yore._fail('YO006', pg_catalog.format('the name of %s leaves no room for _past within 63 bytes', rel),
                         'Name the past table yourself with past_name => ''…'', or rename the table to at most 58 bytes.');
    END IF;
    m.storage_schema := CASE WHEN m.in_place THEN m.schema_name ELSE m.past_schema END;
    m.storage_name := m.table_name;
    m.immutable := coalesce(immutable, false);
    m.since := coalesce(since, pg_catalog.transaction_timestamp());
    m.tracked_at := pg_catalog.transaction_timestamp();
    m.full_journal := false;
    m.on_truncate := 'refuse';
    m.exclusion := false;
    m.squash := NOT m.immutable;
    m.prefix := '';
    m.allow_updates := false;
    m.allow_deletes := false;
    m.allow_version_write := false;
    m.show_row_id := false;
    m.columns := yore._columns(rel);
    m.key_columns := CASE WHEN m.immutable THEN yore._check_entity(rel, key) ELSE yore._check_key(rel, key) END;
  END IF;
  -- What is not given stays; '{}' takes a list back.
  m.journal := CASE WHEN journal IS NULL THEN m.journal WHEN journal = '{}' THEN NULL ELSE journal::name[] END;
  m.no_journal := CASE WHEN no_journal IS NULL THEN m.no_journal WHEN no_journal = '{}' THEN NULL ELSE no_journal::name[] END;
  m.full_journal := coalesce(full_journal, m.full_journal);
  m.on_truncate := coalesce(on_truncate, m.on_truncate);
  m.exclusion := coalesce(exclusion, m.exclusion);
  m.squash := coalesce(squash, m.squash);
  m.prefix := coalesce(prefix, m.prefix);
  m.allow_updates := coalesce(allow_updates, m.allow_updates);
  m.allow_deletes := coalesce(allow_deletes, m.allow_deletes);
  m.allow_version_write := coalesce(allow_version_write, m.allow_version_write);
  m.version_gaps := coalesce(m.version_gaps, false) OR m.allow_version_write;
  m.show_row_id := coalesce(show_row_id, m.show_row_id);
  m.generated_by := yore._version();
  PERFORM yore._check_options(m);
  IF NOT tracked THEN
    PERFORM yore._check_columns(rel, yore._own_columns());
  END IF;
  IF m.on_truncate = 'archive' AND yore._is_partitioned(rel) THEN
    PERFORM yore._fail('YO007', pg_catalog.format('on_truncate => ''archive'' is not for partitioned tables such as %s', rel), 'Use DELETE.');
  END IF;
  PERFORM yore._check_rights(rel, m.in_place);

  IF tracked THEN
    PERFORM yore._retrack(before, m);
  ELSE
    PERFORM yore._start(rel, m);
  END IF;
END
$$;
COMMENT ON FUNCTION yore.track IS
  'Keeps every change of the table t from now on; for a tracked table, changes the options that are given. Options and defaults: docs/sql.md. Errors: YO003 unknown, YO004 already tracked and no option given, YO005 cannot be tracked, YO006 a name in the way, YO007 an option''s value, YO008 no right. Takes an ACCESS EXCLUSIVE lock for changes of the catalog alone: no row is read or rewritten, but for immutable => true, which gives every row its ids.';

CREATE OR REPLACE FUNCTION yore._check_columns(rel regclass, taken name[]) RETURNS void
LANGUAGE plpgsql STABLE
AS $$
DECLARE
  odd text;
BEGIN
  SELECT pg_catalog.string_agg(pg_catalog.quote_ident(a.attname), ', ') INTO odd FROM pg_catalog.pg_attribute AS a
   WHERE a.attrelid = rel AND a.attnum > 0 AND NOT a.attisdropped AND a.attname = ANY (taken);
  IF odd IS NOT NULL THEN
    PERFORM yore._fail('YO006', pg_catalog.format('column %s of %s has the name of one that yore adds', odd, rel), 'ALTER TABLE … RENAME COLUMN …');
  END IF;
END
$$;
COMMENT ON FUNCTION yore._check_columns(regclass, name[]) IS 'Error YO006 if a table has a column of its own with a name that tracking takes.';

CREATE OR REPLACE FUNCTION yore._start(rel regclass, m yore.tracked) RETURNS void
LANGUAGE plpgsql VOLATILE
AS $$
DECLARE
  storage text := pg_catalog.format('%I.%I', m.storage_schema, m.storage_name);
  acl     jsonb;
  own     record;
  kind    text;
  taken   text;
BEGIN
  EXECUTE pg_catalog.format('LOCK TABLE %s IN ACCESS EXCLUSIVE MODE', rel);
  FOREACH kind IN ARRAY ARRAY['temporal', 'history', 'asof'] LOOP
    PERFORM yore._make_schema(kind, m.schema_name, rel);
  END LOOP;
  FOREACH taken IN ARRAY ARRAY[
    CASE WHEN NOT m.in_place THEN storage END, pg_catalog.format('%I.%I', m.past_schema, m.past_name),
    pg_catalog.format('%I.%I', yore._schema('history', m.schema_name), m.table_name),
    pg_catalog.format('%I.%I', yore._schema('asof', m.schema_name), m.table_name)]
  LOOP
    IF pg_catalog.to_regclass(taken) IS NOT NULL OR (NOT m.in_place AND m.past_name = m.storage_name) THEN
      PERFORM yore._fail('YO006', pg_catalog.format('%s is already there, so %s cannot be tracked', taken, rel),
        'If it is the past that an earlier untrack kept, rename or drop it and its view in history.');
    END IF;
  END LOOP;

  acl := yore._save_acl(rel);
  IF m.immutable THEN
    PERFORM yore._add_entity(rel);
    m.columns := yore._columns(rel);
  END IF;
  -- What the table has at this moment has been so since then; a constant
  -- default fills the columns without rewriting the table.
  EXECUTE pg_catalog.format('ALTER TABLE %s ADD COLUMN sys_version bigint NOT NULL DEFAULT 1,
                                         ADD COLUMN sys_from timestamptz NOT NULL DEFAULT %L,
                                         ADD COLUMN sys_xid xid8 NOT NULL DEFAULT %L',
                            rel, m.since, pg_catalog.pg_current_xact_id());
  EXECUTE pg_catalog.format('ALTER TABLE %s ALTER sys_version DROP DEFAULT, ALTER sys_from DROP DEFAULT, ALTER sys_xid DROP DEFAULT', rel);

  m.sequences := '[]';
  IF NOT m.in_place THEN
    -- Sequences of serial columns keep their name: applications call nextval
    -- by it. They would move with the table that owns them.
    FOR own IN
      SELECT s.oid::regclass AS sequence, pg_catalog.format('%I.%I', n.nspname, s.relname) AS name, a.attname AS column_name
        FROM pg_catalog.pg_depend AS d
        JOIN pg_catalog.pg_class AS s ON s.oid = d.objid AND s.relkind = 'S'
        JOIN pg_catalog.pg_namespace AS n ON n.oid = s.relnamespace
        JOIN pg_catalog.pg_attribute AS a ON a.attrelid = rel AND a.attnum = d.refobjsubid
       WHERE d.classid = 'pg_catalog.pg_class'::regclass AND d.refclassid = 'pg_catalog.pg_class'::regclass
         AND d.refobjid = rel AND d.deptype = 'a'
    LOOP
      EXECUTE pg_catalog.format('ALTER SEQUENCE %s OWNED BY NONE', own.sequence);
      m.sequences := m.sequences || pg_catalog.jsonb_build_object('sequence', own.name, 'column', own.column_name);
    END LOOP;
    EXECUTE pg_catalog.format('ALTER TABLE %s SET SCHEMA %I', rel, m.storage_schema);
  END IF;

  m.own_triggers := yore._has_own_triggers(rel);
  m.shape := yore._shape(rel);
  PERFORM yore._make_past(m);
  PERFORM yore._index_row_id(m);
  PERFORM yore._copy_policies(m);
  PERFORM yore._make_triggers(m);
  PERFORM yore._make_faces(m);
  IF NOT m.in_place THEN
    PERFORM yore._grant_face(m, acl);
  END IF;
  INSERT INTO yore.tracked SELECT m.*;
  PERFORM yore._say_views(m);
END
$$;
COMMENT ON FUNCTION yore._start(regclass, yore.tracked) IS 'Begins to track the table, with options that have been checked.';

CREATE OR REPLACE FUNCTION yore._make_schema(kind text, of_schema name, rel regclass) RETURNS void
LANGUAGE plpgsql VOLATILE
AS $$
DECLARE
  wanted name := yore._schema(kind, of_schema);
  owner  name := (SELECT pg_catalog.pg_get_userbyid(c.relowner) FROM pg_catalog.pg_class AS c WHERE c.oid = rel);
BEGIN
  IF pg_catalog.to_regnamespace(pg_catalog.quote_ident(wanted)) IS NOT NULL THEN
    RETURN;
  END IF;
  EXECUTE pg_catalog.format('CREATE SCHEMA IF NOT EXISTS %I', wanted);
  EXECUTE pg_catalog.format('COMMENT ON SCHEMA %I IS %L', wanted, pg_catalog.format('yore: %s of the tables of schema %I',
    CASE kind WHEN 'temporal' THEN 'the storage' WHEN 'history' THEN 'every version' ELSE 'the rows as of the session''s time' END, of_schema));
  IF owner <> current_user THEN
    EXECUTE pg_catalog.format('GRANT CREATE, USAGE ON SCHEMA %I TO %I WITH GRANT OPTION', wanted, owner);   -- for yore.grant_history
  END IF;
  IF kind <> 'temporal' THEN
    EXECUTE pg_catalog.format('GRANT USAGE ON SCHEMA %I TO PUBLIC', wanted);   -- the views in it are granted one by one
  END IF;
END
$$;
COMMENT ON FUNCTION yore._make_schema(text, name, regclass) IS 'Creates one of yore''s schemas if it is missing.';

CREATE OR REPLACE FUNCTION yore._grant_face(m yore.tracked, acl jsonb) RETURNS void
LANGUAGE plpgsql VOLATILE
AS $$
DECLARE
  storage regclass := yore._storage(m);
  face    regclass := pg_catalog.format('%I.%I', m.schema_name, m.table_name)::regclass;
  grantee text;
BEGIN
  PERFORM yore._grant_acl(face, acl);
  IF NOT (SELECT c.relrowsecurity FROM pg_catalog.pg_class AS c WHERE c.oid = storage) THEN
    RETURN;
  END IF;
  -- Under row-level security the face reads with its reader's rights: what is
  -- granted on it is needed beneath.
  PERFORM yore._grant_acl(storage, yore._save_acl(face));
  FOR grantee IN SELECT DISTINCT g ->> 'grantee' FROM pg_catalog.jsonb_array_elements(yore._save_acl(face)) AS g LOOP
    EXECUTE pg_catalog.format('GRANT USAGE ON SCHEMA %I TO %s', m.storage_schema, grantee);
  END LOOP;
END
$$;
COMMENT ON FUNCTION yore._grant_face(yore.tracked, jsonb) IS
  'Gives the face the grants that the table had; under row-level security, the table those of the face.';

CREATE OR REPLACE FUNCTION yore._say_views(m yore.tracked) RETURNS void
LANGUAGE plpgsql STABLE
AS $$
DECLARE
  rel   regclass := yore._storage(m);
  views text;
BEGIN
  SELECT pg_catalog.string_agg(DISTINCT r.ev_class::regclass::text, ', ') INTO views
    FROM pg_catalog.pg_depend AS d JOIN pg_catalog.pg_rewrite AS r ON r.oid = d.objid
   WHERE d.classid = 'pg_catalog.pg_rewrite'::regclass AND d.refclassid = 'pg_catalog.pg_class'::regclass AND d.refobjid = rel
     AND r.ev_class NOT IN (rel, pg_catalog.to_regclass(pg_catalog.format('%I.%I', m.schema_name, m.table_name)),
                            pg_catalog.to_regclass(pg_catalog.format('%I.%I', yore._schema('history', m.schema_name), m.table_name)),
                            pg_catalog.to_regclass(pg_catalog.format('%I.%I', yore._schema('asof', m.schema_name), m.table_name)));
  IF views IS NOT NULL THEN
    RAISE NOTICE USING MESSAGE = pg_catalog.format('yore: these views read %s and always show the present: %s', rel, views),
                       HINT = 'Inside an as-of session query the tables themselves.';
  END IF;
END
$$;
COMMENT ON FUNCTION yore._say_views(yore.tracked) IS 'Says in a notice which views of the user''s do not travel in time.';

CREATE OR REPLACE FUNCTION yore._retrack(before yore.tracked, m yore.tracked) RETURNS void
LANGUAGE plpgsql VOLATILE
AS $$
DECLARE
  rel regclass := yore._storage(m);
BEGIN
  EXECUTE pg_catalog.format('LOCK TABLE %s IN ACCESS EXCLUSIVE MODE', rel);
  PERFORM yore._fits(rel, m.shape);
  m.own_triggers := yore._has_own_triggers(rel);
  UPDATE yore.tracked AS x
     SET own_triggers = m.own_triggers, journal = m.journal, no_journal = m.no_journal, full_journal = m.full_journal, squash = m.squash,
         on_truncate = m.on_truncate, exclusion = m.exclusion, prefix = m.prefix, allow_updates = m.allow_updates,
         allow_deletes = m.allow_deletes, allow_version_write = m.allow_version_write, version_gaps = m.version_gaps, show_row_id = m.show_row_id, generated_by = m.generated_by
   WHERE (x.schema_name, x.table_name) = (m.schema_name, m.table_name);
  IF m.exclusion <> before.exclusion THEN
    PERFORM yore._set_exclusion(m);
  END IF;
  PERFORM yore._index_row_id(m);
  PERFORM yore._make_triggers(m);
  PERFORM yore._make_faces(m);
END
$$;
COMMENT ON FUNCTION yore._retrack(yore.tracked, yore.tracked) IS 'Changes the options of a tracked table.';

-- 63_untrack.sql

CREATE OR REPLACE FUNCTION yore.untrack(t text, history text DEFAULT 'keep') RETURNS void
LANGUAGE plpgsql VOLATILE
AS $$
#variable_conflict use_variable
DECLARE
  m       yore.tracked := yore._tracked(t);
  rel     regclass := yore._storage(m);
  past    text := pg_catalog.format('%I.%I', m.past_schema, m.past_name);
  acl     jsonb;
  own     jsonb;
BEGIN
  IF history IS NULL OR history NOT IN ('keep', 'drop') THEN
    PERFORM yore._fail('YO007', pg_catalog.format('history is ''keep'' or ''drop'', not %s', pg_catalog.quote_nullable(history)));
  END IF;
  PERFORM yore._check_rights(rel, m.in_place);
  EXECUTE pg_catalog.format('LOCK TABLE %s IN ACCESS EXCLUSIVE MODE', rel);

  IF history = 'keep' THEN
    PERFORM yore._fits(rel, m.shape);
    IF pg_catalog.current_setting('transaction_isolation') <> 'read committed' THEN
      PERFORM yore._fail('YO013', pg_catalog.format('untrack of %s that keeps history needs a transaction of READ COMMITTED: an older snapshot need not show every row', rel),
                         'BEGIN ISOLATION LEVEL READ COMMITTED');
    END IF;
  END IF;

  IF NOT m.in_place THEN
    acl := yore._save_acl(coalesce(pg_catalog.to_regclass(pg_catalog.format('%I.%I', m.schema_name, m.table_name)), rel));
  END IF;
  PERFORM yore._drop_faces(m);
  PERFORM yore._drop_triggers(m);
  IF history = 'keep' THEN
    PERFORM yore._close_past(m);
  ELSE
    EXECUTE pg_catalog.format('DROP TABLE %s', past);
    EXECUTE pg_catalog.format('DROP TABLE IF EXISTS %s', yore._amendments(m));
  END IF;
  EXECUTE pg_catalog.format('ALTER TABLE %s DROP COLUMN sys_version, DROP COLUMN sys_from, DROP COLUMN sys_xid%s', rel,
                            CASE WHEN m.immutable THEN ', DROP COLUMN sys_id, DROP COLUMN sys_deleted_at' ELSE '' END);
  IF m.immutable THEN
    -- No trigger fills it any more.
    EXECUTE pg_catalog.format('ALTER TABLE %s ALTER entity_id SET DEFAULT pg_catalog.gen_random_uuid()', rel);
  END IF;
  IF NOT m.in_place THEN
    EXECUTE pg_catalog.format('ALTER TABLE %s SET SCHEMA %I', rel, m.schema_name);
    FOR own IN SELECT * FROM pg_catalog.jsonb_array_elements(m.sequences) LOOP
      IF pg_catalog.to_regclass(own ->> 'sequence') IS NOT NULL AND EXISTS (
         SELECT FROM pg_catalog.pg_attribute AS a WHERE a.attrelid = rel AND a.attname = own ->> 'column') THEN
        EXECUTE pg_catalog.format('ALTER SEQUENCE %s OWNED BY %s.%I', own ->> 'sequence', rel, own ->> 'column');
      END IF;
    END LOOP;
    -- What was granted and revoked on the face meanwhile holds for the table.
    PERFORM yore._revoke_acl(rel);
    PERFORM yore._grant_acl(rel, acl);
  END IF;
  DELETE FROM yore.tracked AS x WHERE (x.schema_name, x.table_name) = (m.schema_name, m.table_name);
END
$$;
COMMENT ON FUNCTION yore.untrack(text, text) IS
  'Gives the plain table back, with its grants, indexes, foreign keys, sequences and comments. history => keep (the default) closes every current version, copies it to the past and leaves past table and history view for reading; drop drops them. Errors: YO003 not tracked, YO007 another word, YO008 no right, YO009 keep of a table altered by hand, YO013 keep in a transaction that is not READ COMMITTED, 2BP01 something of the user''s depends on a face. Takes an ACCESS EXCLUSIVE lock; keep copies the rows under it.';

CREATE OR REPLACE FUNCTION yore._close_past(m yore.tracked) RETURNS void
LANGUAGE plpgsql VOLATILE
AS $$
DECLARE
  storage text := pg_catalog.format('%I.%I', m.storage_schema, m.storage_name);
  past    text := pg_catalog.format('%I.%I', m.past_schema, m.past_name);
  history text := pg_catalog.format('%I.%I', yore._schema('history', m.schema_name), m.table_name);
BEGIN
  EXECUTE pg_catalog.format(
    'INSERT INTO %1$s (%2$s, sys_version, sys_from, sys_xid, sys_to, sys_xid_to)
     SELECT %2$s, sys_version, sys_from, sys_xid,
            greatest(transaction_timestamp(), sys_from + interval ''1 microsecond''), pg_current_xact_id()
       FROM %3$s', past, yore._list(m.columns, '%I') || yore._with_id(m, 'sys_id'), storage);
  PERFORM yore._make_view(history, yore._guard(past::regclass, history, yore._versions(m, true)),
                          yore._view_options(past::regclass), storage::regclass);
  EXECUTE pg_catalog.format('COMMENT ON VIEW %s IS %L', history,
    pg_catalog.format('Every version of %I.%I until it was untracked, on %s.', m.schema_name, m.table_name, yore._utc(pg_catalog.transaction_timestamp())));
END
$$;
COMMENT ON FUNCTION yore._close_past(yore.tracked) IS
  'Ends every current version at the transaction''s time, copied to the past, and leaves history as a view of that alone.';

-- 64_sync.sql

CREATE OR REPLACE FUNCTION yore.sync(t text) RETURNS void
LANGUAGE plpgsql VOLATILE
AS $$
DECLARE
  m       yore.tracked := yore._tracked(t);
  storage text := pg_catalog.format('%I.%I', m.storage_schema, m.storage_name);
  rel     regclass := yore._storage(m);
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

-- 65_immutable.sql

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

-- 66_periods.sql

-- For tables with periods of their own, tracked or not: a column of a range
-- type, half-open as yore's are.

CREATE OR REPLACE FUNCTION yore._period_table(t text, period text) RETURNS regclass
LANGUAGE plpgsql STABLE
AS $$
DECLARE
  rel  regclass := yore._relation(t);
  m    yore.tracked := yore._find(rel);
  type oid;
BEGIN
  IF m.schema_name IS NOT NULL THEN
    rel := yore._storage(m);
  END IF;
  IF (SELECT c.relkind NOT IN ('r', 'p') FROM pg_catalog.pg_class AS c WHERE c.oid = rel) THEN
    PERFORM yore._fail('YO005', pg_catalog.format('%s is no table', rel), 'Indexes and constraints are for tables.');
  END IF;
  SELECT a.atttypid INTO type FROM pg_catalog.pg_attribute AS a WHERE a.attrelid = rel AND a.attname = period AND a.attnum > 0 AND NOT a.attisdropped;
  IF type IS NULL THEN
    PERFORM yore._fail('YO007', pg_catalog.format('%s has no column %s', rel, pg_catalog.quote_nullable(period)));
  ELSIF NOT EXISTS (SELECT FROM pg_catalog.pg_range AS r WHERE r.rngtypid = type) THEN
    PERFORM yore._fail('YO007', pg_catalog.format('column %I of %s is %s, no range', period, rel, pg_catalog.format_type(type, NULL)),
                       'A period is a column of a range type, such as tstzrange or daterange.');
  END IF;
  RETURN rel;
END
$$;
COMMENT ON FUNCTION yore._period_table(text, text) IS
  'The table, of a tracked one that beneath its face, that has the range column. Errors YO003 unknown, YO005 no table, YO007 no such column, or no range.';

CREATE OR REPLACE FUNCTION yore._period_indexes(rel regclass, period text) RETURNS TABLE (index_name name, method text, expression text)
LANGUAGE sql STABLE
AS $$
  SELECT yore._derived(c.relname || '_' || period, i.suffix), i.method, pg_catalog.format(i.pattern, period)
    FROM pg_catalog.pg_class AS c,
         (VALUES ('_period', 'gist', '%I'), ('_lower', 'btree', 'pg_catalog.lower(%I)'), ('_upper', 'btree', 'pg_catalog.upper(%I)')) AS i (suffix, method, pattern)
   WHERE c.oid = rel
$$;
COMMENT ON FUNCTION yore._period_indexes(regclass, text) IS 'The indexes that yore.add_period_indexes makes.';

CREATE OR REPLACE FUNCTION yore.add_period_indexes(t text, period text) RETURNS name[]
LANGUAGE plpgsql VOLATILE
AS $$
DECLARE
  rel regclass := yore._period_table(t, period);
  i   record;
BEGIN
  FOR i IN SELECT * FROM yore._period_indexes(rel, period) LOOP
    EXECUTE pg_catalog.format('CREATE INDEX %I ON %s USING %s (%s)', i.index_name, rel, i.method, i.expression);
  END LOOP;
  RETURN ARRAY(SELECT x.index_name FROM yore._period_indexes(rel, period) AS x);
END
$$;
COMMENT ON FUNCTION yore.add_period_indexes(text, text) IS
  'Indexes a range column for questions of time: GiST on the range (at, within, overlapping) and B-trees on its lower and upper bound (before, after, in order). Returns their names. Errors: YO003 unknown, YO005 no table, YO007 no such column or no range, 42P07 they are there. Takes a SHARE lock on the table.';

CREATE OR REPLACE FUNCTION yore.drop_period_indexes(t text, period text) RETURNS void
LANGUAGE plpgsql VOLATILE
AS $$
DECLARE
  rel   regclass := yore._period_table(t, period);
  here  regclass;
BEGIN
  FOR here IN
    SELECT i.indexrelid::regclass FROM pg_catalog.pg_index AS i JOIN pg_catalog.pg_class AS c ON c.oid = i.indexrelid
     WHERE i.indrelid = rel AND c.relname IN (SELECT x.index_name FROM yore._period_indexes(rel, period) AS x)
  LOOP
    EXECUTE pg_catalog.format('DROP INDEX %s', here);
  END LOOP;
  IF NOT FOUND THEN
    PERFORM yore._fail('YO007', pg_catalog.format('%s has no period indexes on column %I', rel, period), 'yore.add_period_indexes makes them.');
  END IF;
END
$$;
COMMENT ON FUNCTION yore.drop_period_indexes(text, text) IS
  'Drops what yore.add_period_indexes made. Errors: as there, and YO007 if there is none. Takes an ACCESS EXCLUSIVE lock on the table.';

CREATE OR REPLACE FUNCTION yore._no_overlap_name(rel regclass, key text[], period text, suffix text) RETURNS name
LANGUAGE sql STABLE
AS $$
  SELECT yore._derived(pg_catalog.concat_ws('_', c.relname, pg_catalog.array_to_string(key, '_'), period), suffix) FROM pg_catalog.pg_class AS c WHERE c.oid = rel
$$;
COMMENT ON FUNCTION yore._no_overlap_name(regclass, text[], text, text) IS 'The name of a constraint of yore.add_no_overlap.';

CREATE OR REPLACE FUNCTION yore.add_no_overlap(t text, key text[], period text) RETURNS void
LANGUAGE plpgsql VOLATILE
AS $$
DECLARE
  rel regclass := yore._period_table(t, period);
  odd text := yore._missing(rel, key);
BEGIN
  IF odd IS NOT NULL OR coalesce(pg_catalog.cardinality(key), 0) = 0 THEN
    PERFORM yore._fail('YO007', pg_catalog.format('key of %s: there is no column %s', rel, coalesce(odd, '{}')));
  ELSIF NOT EXISTS (SELECT FROM pg_catalog.pg_extension AS e WHERE e.extname = 'btree_gist') THEN
    PERFORM yore._fail('YO005', 'add_no_overlap needs the extension btree_gist', 'CREATE EXTENSION btree_gist');
  END IF;
  BEGIN
    -- An empty range overlaps nothing: any number of them would pass.
    EXECUTE pg_catalog.format('ALTER TABLE %s ADD CONSTRAINT %I CHECK (NOT pg_catalog.isempty(%I)), ADD CONSTRAINT %I EXCLUDE USING gist (%s, %I WITH &&)', rel,
      yore._no_overlap_name(rel, key, period, '_not_empty'), period, yore._no_overlap_name(rel, key, period, '_no_overlap'),
      (SELECT pg_catalog.string_agg(pg_catalog.format('%I WITH =', k), ', ' ORDER BY place) FROM pg_catalog.unnest(key) WITH ORDINALITY AS u (k, place)), period);
  EXCEPTION WHEN undefined_object OR undefined_function OR datatype_mismatch OR wrong_object_type THEN
    PERFORM yore._fail('YO005', pg_catalog.format('a key column of %s has a type that GiST cannot compare', rel), '', SQLERRM);
  END;
END
$$;
COMMENT ON FUNCTION yore.add_no_overlap(text, text[], text) IS
  'No two rows with the same key may have overlapping periods, and none an empty one: an exclusion constraint and a CHECK. Rows with a NULL in the key are not compared. Errors: YO003 unknown, YO005 no table, no btree_gist, or a type that GiST lacks, YO007 no such column or no range, 23P01 or 23514 for rows that are there, 42P07 it is there. Reads the table under ACCESS EXCLUSIVE.';

CREATE OR REPLACE FUNCTION yore.drop_no_overlap(t text, key text[], period text) RETURNS void
LANGUAGE plpgsql VOLATILE
AS $$
DECLARE
  rel  regclass := yore._period_table(t, period);
  here record;
BEGIN
  FOR here IN
    SELECT c.conname FROM pg_catalog.pg_constraint AS c
     WHERE c.conrelid = rel AND c.conname IN (yore._no_overlap_name(rel, key, period, '_not_empty'), yore._no_overlap_name(rel, key, period, '_no_overlap'))
  LOOP
    EXECUTE pg_catalog.format('ALTER TABLE %s DROP CONSTRAINT %I', rel, here.conname);
  END LOOP;
  IF NOT FOUND THEN
    PERFORM yore._fail('YO007', pg_catalog.format('%s has no constraint against overlaps of %I within (%s)', rel, period, pg_catalog.array_to_string(key, ', ')),
                       'yore.add_no_overlap makes one.');
  END IF;
END
$$;
COMMENT ON FUNCTION yore.drop_no_overlap(text, text[], text) IS
  'Drops what yore.add_no_overlap made. Errors: as there, and YO007 if there is none. Takes an ACCESS EXCLUSIVE lock on the table.';

-- 70_asof.sql

-- Whole sessions as of a time.

CREATE OR REPLACE FUNCTION yore._session_time() RETURNS timestamptz
LANGUAGE sql STABLE PARALLEL SAFE
AS $$ SELECT nullif(pg_catalog.current_setting('yore.as_of', true), '')::timestamptz $$;
COMMENT ON FUNCTION yore._session_time() IS 'The time that yore.as_of set; NULL in the present.';

CREATE OR REPLACE FUNCTION yore.refuse_present(face text) RETURNS boolean
LANGUAGE plpgsql STABLE PARALLEL SAFE   -- every query of a face names it
AS $$
BEGIN
  PERFORM yore._fail('YO010',
    pg_catalog.format('%s is the present, but this transaction reads as of %s', face, pg_catalog.current_setting('yore.as_of', true)),
    'Write the table without its schema: search_path then finds it as of that time. A view or function of yours that names the table has the same need.');
END
$$;
COMMENT ON FUNCTION yore.refuse_present(text) IS
  'What a face calls when it is read inside an as-of session: error YO010, never silently the present.';

CREATE OR REPLACE FUNCTION yore.as_of(t timestamptz) RETURNS timestamptz
LANGUAGE plpgsql VOLATILE
AS $$
DECLARE
  plain text := nullif(pg_catalog.current_setting('yore.present_path', true), '');
  path  text;
BEGIN
  IF plain IS NOT NULL THEN
    PERFORM pg_catalog.set_config('search_path', plain, true);   -- a second call: begin again from the first's
  END IF;
  IF t IS NULL THEN
    PERFORM pg_catalog.set_config('yore.as_of', '', true);
    PERFORM pg_catalog.set_config('yore.present_path', '', true);
    RETURN NULL;
  END IF;
  PERFORM pg_catalog.set_config('yore.present_path', pg_catalog.current_setting('search_path'), true);
  path := yore._twin_path('asof');
  PERFORM pg_catalog.set_config('search_path', coalesce(path, ''), true);
  PERFORM pg_catalog.set_config('yore.as_of', yore._utc(t), true);
  PERFORM pg_catalog.set_config('transaction_read_only', 'on', true);
  RETURN t;
END
$$;
COMMENT ON FUNCTION yore.as_of(timestamptz) IS
  'From here to the end of the transaction, which becomes read-only, unqualified names of tracked tables mean their rows as of t. NULL goes back to the present. To be called inside BEGIN … COMMIT: outside, it lasts for its own statement alone.';

CREATE OR REPLACE FUNCTION yore.tracked_since(t text) RETURNS timestamptz
LANGUAGE sql STABLE
AS $$ SELECT (yore._tracked(t)).since $$;
COMMENT ON FUNCTION yore.tracked_since(text) IS
  'From when the table''s past is known: before, "no row" does not mean that there was none. -infinity: all of it is known. Error YO003 if it is not tracked.';

-- 80_status.sql

-- Looking at what is tracked, and checking it.

CREATE OR REPLACE FUNCTION yore.status()
RETURNS TABLE (table_name text, state text, since timestamptz, storage text, past text, key_columns text[], options jsonb,
               current_bytes bigint, past_bytes bigint)
LANGUAGE sql STABLE
AS $$
  SELECT pg_catalog.format('%I.%I', m.schema_name, m.table_name),
         CASE WHEN s.rel IS NULL OR p.rel IS NULL THEN 'missing'
              WHEN m.generated_by < yore._version() THEN 'old'
              WHEN pg_catalog.has_table_privilege(s.rel, 'SELECT') AND yore._shape(s.rel) <> m.shape THEN 'needs sync'
              WHEN (SELECT pg_catalog.count(*) FROM pg_catalog.pg_trigger AS t
                     WHERE t.tgrelid = s.rel AND t.tgname LIKE '~yore\_%' AND t.tgenabled IN ('O', 'A')) < 6 THEN 'triggers off'
              ELSE 'ok' END,
         nullif(m.since, '-infinity'),
         pg_catalog.format('%I.%I', m.storage_schema, m.storage_name),
         pg_catalog.format('%I.%I', m.past_schema, m.past_name),
         m.key_columns::text[],
         pg_catalog.jsonb_strip_nulls(pg_catalog.jsonb_build_object(
           'journal', m.journal, 'no_journal', m.no_journal, 'full_journal', nullif(m.full_journal, false),
           'squash', nullif(m.squash, NOT m.immutable), 'on_truncate', nullif(m.on_truncate, 'refuse'),
           'in_place', nullif(m.in_place, false), 'exclusion', nullif(m.exclusion, false), 'prefix', nullif(m.prefix, ''),
           'immutable', nullif(m.immutable, false), 'allow_updates', nullif(m.allow_updates, false), 'allow_deletes', nullif(m.allow_deletes, false),
           'allow_version_write', nullif(m.allow_version_write, false), 'show_row_id', nullif(m.show_row_id, false))),
         coalesce((SELECT pg_catalog.sum(pg_catalog.pg_total_relation_size(t.relid))::bigint FROM pg_catalog.pg_partition_tree(s.rel) AS t),
                  pg_catalog.pg_total_relation_size(s.rel)),   -- a plain table has no tree
         pg_catalog.pg_total_relation_size(p.rel)
    FROM yore.tracked AS m
   CROSS JOIN LATERAL (SELECT pg_catalog.to_regclass(pg_catalog.format('%I.%I', m.storage_schema, m.storage_name))) AS s (rel)
   CROSS JOIN LATERAL (SELECT pg_catalog.to_regclass(pg_catalog.format('%I.%I', m.past_schema, m.past_name))) AS p (rel)
   ORDER BY m.schema_name, m.table_name
$$;
COMMENT ON FUNCTION yore.status() IS
  'One row for each tracked table. state: ok; needs sync (its columns have changed: writes fail until yore.sync); triggers off (a trigger of yore''s is missing or disabled: changes go by unrecorded); old (made by an older yore); missing (a table is gone). options: those that are not the default; since is NULL for -infinity.';

CREATE OR REPLACE FUNCTION yore.verify(t text DEFAULT NULL)
RETURNS TABLE (table_name text, problem text, key jsonb, version bigint, detail text)
LANGUAGE plpgsql VOLATILE
AS $$
#variable_conflict use_column
DECLARE
  m yore.tracked;
BEGIN
  FOR m IN SELECT (x).* FROM (SELECT yore._tracked(t) AS x WHERE t IS NOT NULL
                              UNION ALL SELECT k FROM yore.tracked AS k WHERE t IS NULL) AS u
            ORDER BY 1, 2
  LOOP
    RETURN QUERY SELECT * FROM yore._verify_triggers(m);
    RETURN QUERY SELECT * FROM yore._verify_versions(m);
  END LOOP;
END
$$;
COMMENT ON FUNCTION yore.verify(text) IS
  'What is wrong with one tracked table, or with all: no row means nothing is. problem: columns, trigger, trigger order, row security, partition, period, gap or overlap, number, row without past, vanished. Reads every version; takes ACCESS SHARE locks. What was done with triggers disabled shows where it broke the chain of versions; a value overwritten then leaves no trace. Error YO003 if t is not tracked.';

CREATE OR REPLACE FUNCTION yore._verify_triggers(m yore.tracked)
RETURNS TABLE (table_name text, problem text, key jsonb, version bigint, detail text)
LANGUAGE plpgsql STABLE
AS $$
#variable_conflict use_column
DECLARE
  rel  regclass := pg_catalog.format('%I.%I', m.storage_schema, m.storage_name)::regclass;
  past regclass := pg_catalog.format('%I.%I', m.past_schema, m.past_name)::regclass;
  name text := pg_catalog.format('%I.%I', m.schema_name, m.table_name);
BEGIN
  IF yore._shape(rel) <> m.shape THEN
    RETURN QUERY SELECT name, 'columns', NULL::jsonb, NULL::bigint,
      pg_catalog.format('the table has changed: run SELECT yore.sync(%L)', name);
    RETURN;   -- nothing else can be judged
  END IF;
  RETURN QUERY
  SELECT name, 'trigger', NULL::jsonb, NULL::bigint, w.problem
    FROM (
      SELECT pg_catalog.format('%s on %s is missing', e.trigger_name, e.relation) AS problem
        FROM (SELECT rel AS relation, '~yore_' || n AS trigger_name
                FROM pg_catalog.unnest(ARRAY['insert', 'update', 'delete', 'truncate', 'settle_insert', 'settle_key']) AS n
              UNION ALL
              SELECT past, 'yore_append_only_' || n FROM pg_catalog.unnest(ARRAY['update', 'delete', 'truncate']) AS n) AS e
       WHERE NOT EXISTS (SELECT FROM pg_catalog.pg_trigger AS g WHERE g.tgrelid = e.relation AND g.tgname = e.trigger_name)
      UNION ALL
      SELECT pg_catalog.format('%s on %s is disabled', g.tgname, g.tgrelid::regclass)
        FROM pg_catalog.pg_trigger AS g
       WHERE (g.tgrelid = rel AND g.tgname LIKE '~yore\_%' OR g.tgrelid = past AND g.tgname LIKE 'yore\_append\_only\_%')
         AND g.tgenabled NOT IN ('O', 'A')
      UNION ALL
      SELECT pg_catalog.format('function %I.%I is not what yore wrote', m.past_schema, s.function_name)
        FROM yore._trigger_sources(m) AS s
       WHERE m.generated_by = yore._version()
         AND NOT EXISTS (SELECT FROM pg_catalog.pg_proc AS p
                          WHERE p.pronamespace = pg_catalog.to_regnamespace(pg_catalog.quote_ident(m.past_schema))
                            AND p.proname = s.function_name AND p.prosrc = s.source)) AS w
  UNION ALL
  SELECT name, 'trigger order', NULL, NULL, pg_catalog.format('trigger %s fires after yore''s and can change a row unseen', g.tgname)
    FROM pg_catalog.pg_trigger AS g
   WHERE g.tgrelid = rel AND NOT g.tgisinternal AND (g.tgtype & 3) = 3 AND g.tgname::text COLLATE "C" > '~yore_z'
  UNION ALL
  SELECT name, 'trigger order', NULL, NULL,
         pg_catalog.format('trigger %s came after tracking, for a table that had none: run SELECT yore.sync(%L)', g.tgname, name)
    FROM pg_catalog.pg_trigger AS g
   WHERE NOT m.own_triggers AND yore._has_own_triggers(rel)
     AND g.tgrelid = rel AND NOT g.tgisinternal AND g.tgname NOT LIKE '~yore\_%' AND (g.tgtype & 20) <> 0
  UNION ALL
  SELECT name, 'row security', NULL, NULL, pg_catalog.format('binds the owner, too, as whom the triggers run: ALTER TABLE %s NO FORCE ROW LEVEL SECURITY', rel)
   WHERE yore._blinds_owner(rel)
  UNION ALL
  SELECT name, 'row security', NULL, NULL, pg_catalog.format('of %s and of what shows its past differ: run SELECT yore.sync(%L)', rel, name)
    FROM pg_catalog.pg_class AS c, pg_catalog.pg_class AS p
   WHERE c.oid = rel AND p.oid = past AND c.relrowsecurity <> p.relrowsecurity
  UNION ALL
  SELECT name, 'partition', NULL, NULL, pg_catalog.format('%s can be truncated by itself: run SELECT yore.sync(%L)', p.relid, name)
    FROM pg_catalog.pg_partition_tree(rel) AS p
   WHERE p.relid <> rel
     AND NOT EXISTS (SELECT FROM pg_catalog.pg_trigger AS g WHERE g.tgrelid = p.relid AND g.tgname = '~yore_truncate');
END
$$;
COMMENT ON FUNCTION yore._verify_triggers(yore.tracked) IS 'The part of yore.verify that looks at columns and triggers.';

CREATE OR REPLACE FUNCTION yore._verify_versions(m yore.tracked)
RETURNS TABLE (table_name text, problem text, key jsonb, version bigint, detail text)
LANGUAGE plpgsql STABLE
AS $$
DECLARE
  -- The key columns by number: the query has names of its own.
  named   text := (SELECT pg_catalog.string_agg(pg_catalog.format('%I AS k%s', k, place), ', ') FROM pg_catalog.unnest(m.key_columns) WITH ORDINALITY AS u (k, place));
  key     text := (SELECT pg_catalog.string_agg('k' || place, ', ') FROM pg_catalog.unnest(m.key_columns) WITH ORDINALITY AS u (k, place));
  as_json text := (SELECT pg_catalog.string_agg(pg_catalog.format('%L, k%s', k, place), ', ') FROM pg_catalog.unnest(m.key_columns) WITH ORDINALITY AS u (k, place));
BEGIN
  -- Each version beside the one before it. The open end of a current one is
  -- infinity here; a tombstone begins and ends at once.
  RETURN QUERY EXECUTE pg_catalog.format($query$
    WITH versions AS (
      SELECT %6$s, sys_version, sys_from, 'infinity'::timestamptz AS sys_to, true AS is_current FROM %2$s
      UNION ALL
      SELECT %6$s, sys_version, sys_from, sys_to, false FROM %3$s),
    chain AS (
      SELECT v.*, row_number() OVER w AS place,
             lag(sys_version) OVER w AS last_version, lag(sys_from) OVER w AS last_from, lag(sys_to) OVER w AS last_to,
             lag(is_current) OVER w AS last_is_current,
             lead(sys_version) OVER w IS NULL AS is_last
        FROM versions AS v
      WINDOW w AS (PARTITION BY %1$s ORDER BY sys_version, is_current)),
    excused AS (
      SELECT chain.*, %7$s AS allowed FROM chain),
    judged AS (
      SELECT excused.*, CASE
          WHEN sys_from > sys_to THEN 'period'
          WHEN last_version IS NOT NULL AND sys_version = last_version THEN 'number'
          WHEN last_is_current THEN 'number'
          WHEN last_version IS NOT NULL AND last_from < last_to AND sys_from <> last_to AND NOT (allowed AND sys_version > last_version + 1 AND sys_from > last_to) THEN 'gap or overlap'
          WHEN last_version IS NOT NULL AND last_from = last_to AND sys_from < last_to THEN 'gap or overlap'
          WHEN sys_version <> coalesce(last_version, 0) + 1 AND NOT (allowed AND sys_version > coalesce(last_version, 0)) THEN CASE WHEN last_version IS NULL AND is_current THEN 'row without past' ELSE 'number' END
          WHEN is_last AND NOT is_current AND sys_from < sys_to AND NOT allowed THEN 'vanished'
        END AS problem FROM excused)
    SELECT %4$L, problem,
           jsonb_build_object(%5$s),
           sys_version,
           CASE problem
             WHEN 'period' THEN format('ends %%s before it begins %%s', sys_to, sys_from)
             WHEN 'gap or overlap' THEN format('begins %%s, but version %%s ends %%s', sys_from, last_version, last_to)
             WHEN 'number' THEN format('follows version %%s', coalesce(last_version::text, 'none'))
             WHEN 'row without past' THEN 'the versions before it are not there'
             WHEN 'vanished' THEN 'it ended, and there is neither a next version nor a tombstone'
           END
      FROM judged WHERE problem IS NOT NULL$query$,
    key, pg_catalog.format('%I.%I', m.storage_schema, m.storage_name), pg_catalog.format('%I.%I', m.past_schema, m.past_name),
    pg_catalog.format('%I.%I', m.schema_name, m.table_name), as_json, named,
    -- Numbers that a client chose, or versions that were taken out.
    CASE WHEN m.version_gaps THEN 'true'
         WHEN m.immutable AND pg_catalog.to_regclass(yore._amendments(m)) IS NOT NULL
         THEN pg_catalog.format('EXISTS (SELECT FROM %s AS a WHERE a.entity_id = k1 AND a.operation = ''DELETE''
                                            AND (a.version > coalesce(last_version, 0) AND a.version < sys_version OR is_last AND a.version > sys_version))',
           yore._amendments(m))
         ELSE 'false' END);
END
$$;
COMMENT ON FUNCTION yore._verify_versions(yore.tracked) IS 'The part of yore.verify that follows every row through its versions.';


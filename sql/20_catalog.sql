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

CREATE OR REPLACE FUNCTION yore._with_triggers(m yore.tracked) RETURNS regclass
LANGUAGE sql STABLE
AS $$
  SELECT g.tgrelid::regclass
    FROM pg_catalog.pg_trigger AS g JOIN pg_catalog.pg_proc AS p ON p.oid = g.tgfoid JOIN pg_catalog.pg_namespace AS n ON n.oid = p.pronamespace
   WHERE g.tgname = '~yore_update' AND g.tgparentid = 0 AND (n.nspname, p.proname) = (m.past_schema, yore._derived(m.table_name, '_update'))
$$;
COMMENT ON FUNCTION yore._with_triggers(yore.tracked) IS 'The table that has the triggers of the tracked one, whatever it is called now; NULL if there is none.';

CREATE OR REPLACE FUNCTION yore._find(rel regclass) RETURNS yore.tracked
LANGUAGE sql STABLE
AS $$
  SELECT m
    FROM pg_catalog.pg_class AS c
    JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
    LEFT JOIN pg_catalog.pg_trigger AS g ON g.tgrelid = c.oid AND g.tgname = '~yore_update' AND g.tgparentid = 0
    LEFT JOIN pg_catalog.pg_proc AS p ON p.oid = g.tgfoid
    LEFT JOIN pg_catalog.pg_namespace AS pn ON pn.oid = p.pronamespace
    JOIN yore.tracked AS m ON (m.schema_name, m.table_name) = (n.nspname, c.relname)
                           OR (m.storage_schema, m.storage_name) = (n.nspname, c.relname)
                           OR (m.past_schema, yore._derived(m.table_name, '_update')) = (pn.nspname, p.proname)
   WHERE c.oid = rel
$$;
COMMENT ON FUNCTION yore._find(regclass) IS
  'The catalog row of a tracked table, found by its face, by its storage, or, if that was renamed by hand, by its triggers; NULL if the relation is not tracked.';

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
  IF pg_catalog.cardinality(part) > 2 THEN
    RETURN NULL;
  END IF;
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

CREATE OR REPLACE FUNCTION yore._past(m yore.tracked) RETURNS regclass
LANGUAGE sql STABLE
AS $$
  SELECT c.oid::regclass FROM pg_catalog.pg_class AS c JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
   WHERE (n.nspname, c.relname) = (m.past_schema, m.past_name)
$$;
COMMENT ON FUNCTION yore._past(yore.tracked) IS 'The table with the superseded versions; NULL if it is not there.';

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
           'relation', rel::oid::bigint,
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
  'The user''s columns of a table, in order: number (in that relation), name, type, collation where it is not the type''s, generated (s stored, v virtual), and the expression of virtual ones.';

CREATE OR REPLACE FUNCTION yore._renumbered(m yore.tracked) RETURNS yore.tracked
LANGUAGE plpgsql STABLE
AS $$
DECLARE
  rel regclass := yore._storage(m);
BEGIN
  -- Version 1 did not write down which relation the numbers are of.
  IF (m.columns -> 0 ->> 'relation')::bigint = rel::oid::bigint OR NOT m.columns -> 0 ? 'relation' AND yore._shape(rel) <> m.shape THEN
    RETURN m;
  END IF;
  -- Another relation of that name: a dump was restored. It has the same columns
  -- in the same order, numbered from 1 without the gaps that dropped ones left;
  -- if nobody has altered it since, their names tell.
  SELECT pg_catalog.jsonb_agg(was.c || pg_catalog.jsonb_build_object('number', coalesce(same.attnum, free.number), 'relation', rel::oid::bigint) ORDER BY was.place)
    INTO m.columns
    FROM pg_catalog.jsonb_array_elements(m.columns) WITH ORDINALITY AS was (c, place)
    LEFT JOIN pg_catalog.pg_attribute AS same ON same.attrelid = rel AND same.attname = was.c ->> 'name' AND yore._shape(rel) = m.shape
    JOIN (SELECT n AS number, pg_catalog.row_number() OVER (ORDER BY n) AS place
            FROM pg_catalog.generate_series(1, 1600) AS n
           WHERE n NOT IN (SELECT a.attnum FROM pg_catalog.pg_attribute AS a
                            WHERE a.attrelid = rel AND NOT a.attisdropped AND a.attname = ANY (yore._own_columns()))) AS free
      ON free.place = was.place;
  RETURN m;
END
$$;
COMMENT ON FUNCTION yore._renumbered(yore.tracked) IS
  'The catalog row with its columns'' numbers as they are in this table: a dump and restore numbers columns anew, and by their numbers yore.sync tells which were renamed.';

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

CREATE OR REPLACE FUNCTION yore._kept(m yore.tracked) RETURNS SETOF jsonb
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
AS $$
  SELECT c FROM jsonb_array_elements(yore._columns(yore._past(m))) WITH ORDINALITY AS e (c, place)
   WHERE c ->> 'name' NOT IN ('sys_to', 'sys_xid_to')
     AND NOT m.columns @> jsonb_build_array(jsonb_build_object('name', c ->> 'name'))
     AND NOT m.columns @> jsonb_build_array(jsonb_build_object('was', jsonb_build_object('column', c ->> 'name')))
     AND NOT m.columns @> jsonb_build_array(jsonb_build_object('was', jsonb_build_object('still', c ->> 'name')))
   ORDER BY place
$$;
COMMENT ON FUNCTION yore._kept(yore.tracked) IS 'The columns that the past alone still has, as _columns describes them; not those that are being converted.';

CREATE OR REPLACE FUNCTION yore._shows_id(m yore.tracked) RETURNS boolean
LANGUAGE sql STABLE
AS $$
  SELECT m.immutable AND (m.show_row_id
      OR NOT m.columns @> pg_catalog.jsonb_build_array(pg_catalog.jsonb_build_object('name', yore._shown(m, 'id')))
         AND NOT EXISTS (SELECT FROM yore._kept(m) AS c WHERE c ->> 'name' = yore._shown(m, 'id')))
$$;
COMMENT ON FUNCTION yore._shows_id(yore.tracked) IS
  'Whether history shows the row id: always, but where the table has, or had, an id of its own and show_row_id is off.';

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
LANGUAGE plpgsql STABLE   -- so that its plan is kept: it is asked for many patterns
AS $$
BEGIN
  -- The equality of the index that makes the key unique, not whatever "=" means
  -- on somebody's search_path: citext, for one, has its own.
  RETURN (
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
    JOIN pg_catalog.pg_namespace AS n ON n.oid = o.oprnamespace);
END
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
  m    yore.tracked;
  part text[];
BEGIN
  IF yore._shape(rel) IS DISTINCT FROM shape THEN
    m := yore._find(rel);
    PERFORM yore._fail('YO009',
      pg_catalog.format('table %s has changed since its triggers were generated, and nothing may be missing from history', rel),
      pg_catalog.format('Run SELECT yore.sync(%L).', pg_catalog.format('%I.%I', m.schema_name, m.table_name)),
      pg_catalog.format('generated for (%s); now (%s)', shape, yore._shape(rel)));
  END IF;
  -- The first write of every session waits for this: one table by its index, and
  -- no join (yore._find).
  part := parse_ident(rel::text);
  IF NOT EXISTS (SELECT FROM yore.tracked AS t WHERE t.storage_schema = part[1]::name AND t.storage_name = part[2]::name)
     AND current_setting('transaction_isolation') = 'read committed' THEN   -- an older snapshot need not show that the table is tracked
    PERFORM yore._fail('YO026',
      format('%s has yore''s triggers, but yore.tracked does not list it: a restore left the data of schema yore out, or has not come to it yet', rel),
      'Restore data by itself with --disable-triggers; to an empty copy of the structure, restore the data of yore.installation and yore.tracked. See docs/guides/dump.md.');
  END IF;
  RETURN true;
END
$$;
COMMENT ON FUNCTION yore._fits(regclass, text) IS
  'True; error YO009 if the table''s columns are no longer those of shape, YO026 if yore.tracked does not list it. Declared IMMUTABLE so that the planner calls it once and keeps the answer with the trigger''s plan: the plan names the table, so PostgreSQL discards it, and the answer, whenever the table changes (docs/adr/0003). Not for other use.';

CREATE OR REPLACE FUNCTION yore._restoring() RETURNS boolean
LANGUAGE plpgsql IMMUTABLE SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
  RETURN pg_catalog.current_setting('check_function_bodies') = 'off';
END
$$;
COMMENT ON FUNCTION yore._restoring() IS
  'Whether the session has the settings of a file that pg_dump wrote, or of pg_restore. Declared IMMUTABLE for the reason of yore._fits: elsewhere, the planner takes the test for restored rows out of the triggers. Not for other use.';

CREATE OR REPLACE FUNCTION yore._refuse_restored(what text) RETURNS boolean
LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
  PERFORM yore._fail('YO026', format('%s: rows come with their version data, as a restore brings them, and the triggers would write it anew', what),
    'Restore data by itself with --disable-triggers (an option of pg_restore, and of pg_dump for plain files). See docs/guides/dump.md.');
  RETURN false;
END
$$;
COMMENT ON FUNCTION yore._refuse_restored(text) IS
  'Error YO026: a restore of data alone, while the triggers are on.';

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

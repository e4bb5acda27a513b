-- Adopting history that another system kept: what a source is.
--
-- Each system has a file of its own (93 …) that recognises it and writes down, as
-- one jsonb object, where its versions are and what is its own. All that comes
-- after, judging, reporting, loading, goes by that object and knows no system:
--
--   system        who kept it, as shown
--   schema, name  the table as applications call it
--   face          the oid of that; current and history, those of the tables that hold the rows
--   from_current  what stands after FROM for the current rows, from_history for the others
--   begins, ends  of a version: expressions over h, a row of the history table; ends is infinity while open
--   row_begins    of a current row: an expression over c, NULL where only the history says it
--   period        how the period is stored, as shown
--   own_columns   of the history table that are the system's, not the user's
--   drop_columns  of the current table
--   triggers      on the current table that are the system's; relations and functions: oids of what goes
--   options       of yore.track that it had
--   notes         what should be known
--   immutable     whether the versions are rows of one table, numbered

CREATE OR REPLACE FUNCTION yore._xid_unknown() RETURNS xid8
LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS $$ SELECT '2'::pg_catalog.xid8 $$;
COMMENT ON FUNCTION yore._xid_unknown() IS
  'The transaction of versions that were adopted: PostgreSQL''s own mark for "frozen", older than every transaction and none of them. Not 0, by which an amendment is known.';

CREATE OR REPLACE FUNCTION yore._range_begins(p text) RETURNS text
LANGUAGE sql IMMUTABLE
AS $$
  SELECT pg_catalog.format('(CASE WHEN pg_catalog.isempty(%1$s) THEN NULL WHEN pg_catalog.lower_inf(%1$s) THEN ''-infinity''
      ELSE pg_catalog.lower(%1$s) + CASE WHEN pg_catalog.lower_inc(%1$s) THEN ''0'' ELSE ''1 microsecond'' END::interval END)', p)
$$;
COMMENT ON FUNCTION yore._range_begins(text) IS 'The expression of when a range begins, half-open to the microsecond; NULL if it is empty or NULL.';

CREATE OR REPLACE FUNCTION yore._range_ends(p text) RETURNS text
LANGUAGE sql IMMUTABLE
AS $$
  SELECT pg_catalog.format('(CASE WHEN pg_catalog.isempty(%1$s) THEN NULL WHEN pg_catalog.upper_inf(%1$s) THEN ''infinity''
      ELSE pg_catalog.upper(%1$s) + CASE WHEN pg_catalog.upper_inc(%1$s) THEN ''1 microsecond'' ELSE ''0'' END::interval END)', p)
$$;
COMMENT ON FUNCTION yore._range_ends(text) IS 'The expression of when a range ends, half-open to the microsecond: infinity while it is open.';

CREATE OR REPLACE FUNCTION yore._as_timestamptz(rel regclass, column_name name, expression text) RETURNS text
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  type regtype := (SELECT coalesce(r.rngsubtype, a.atttypid) FROM pg_attribute AS a LEFT JOIN pg_range AS r ON r.rngtypid = a.atttypid
                    WHERE a.attrelid = rel AND a.attname = column_name AND a.attnum > 0 AND NOT a.attisdropped);
BEGIN
  IF type = 'timestamptz'::regtype THEN
    RETURN expression;
  ELSIF type = 'timestamp'::regtype THEN
    RETURN format('((%s)::timestamp AT TIME ZONE ''UTC'')', expression);   -- as those systems write it
  END IF;
  PERFORM yore._fail('YO007', format('column %I of %s is no period of timestamps', column_name, rel),
                     'Name one column of type tstzrange or tsrange, or two of type timestamptz or timestamp.');
END
$$;
COMMENT ON FUNCTION yore._as_timestamptz(regclass, name, text) IS
  'The expression over a column, or a bound of a range column, as timestamptz; without time zone it is UTC. Error YO007 for another type, or no such column.';

CREATE OR REPLACE FUNCTION yore._adopt_period(rel regclass, alias text, period text[]) RETURNS jsonb
LANGUAGE plpgsql STABLE
AS $$
DECLARE
  first  text := alias || '.' || pg_catalog.quote_ident(period[1]);
  second text := alias || '.' || pg_catalog.quote_ident(period[2]);   -- NULL for a range
BEGIN
  IF pg_catalog.cardinality(period) = 1 THEN
    RETURN pg_catalog.jsonb_build_object('begins', yore._as_timestamptz(rel, period[1], yore._range_begins(first)),
                                         'ends', yore._as_timestamptz(rel, period[1], yore._range_ends(first)));
  ELSIF pg_catalog.cardinality(period) = 2 THEN
    RETURN pg_catalog.jsonb_build_object('begins', yore._as_timestamptz(rel, period[1], first),
                                         'ends', pg_catalog.format('coalesce(%s, ''infinity'')', yore._as_timestamptz(rel, period[2], second)));
  END IF;
  PERFORM yore._fail('YO007', 'period names one column of a range type, or the two of begin and end',
                     'period => ''{sys_period}'', or period => ''{valid_from,valid_to}''');
END
$$;
COMMENT ON FUNCTION yore._adopt_period(regclass, text, text[]) IS
  'The expressions of when a version begins and ends, for a row of rel under an alias. Error YO007 for what is no period.';

CREATE OR REPLACE FUNCTION yore._adopt_source(rel regclass, history_table text, period text[]) RETURNS jsonb
LANGUAGE plpgsql STABLE
AS $$
DECLARE
  s jsonb;
BEGIN
  IF history_table IS NOT NULL OR period IS NOT NULL THEN
    s := yore._adopt_by_hand(rel, history_table, period);
  ELSE
    s := coalesce(yore._adopt_chronomodel(rel), yore._adopt_periods(rel), yore._adopt_temporal_tables(rel), yore._adopt_immutable(rel));
  END IF;
  IF s IS NULL THEN
    PERFORM yore._fail('YO025', pg_catalog.format('%s has no history that yore knows how to read', rel),
      'Known are ChronoModel, ImmuTable, temporal_tables and periods. Name the parts of another: yore.adopt(…, history_table => ''…'', period => ''{…}''). Without a past, SELECT yore.track(…).');
  END IF;
  RETURN pg_catalog.jsonb_build_object('schema', n.nspname, 'name', c.relname, 'face', rel::oid, 'row_begins', 'NULL::timestamptz', 'own_columns', '[]'::jsonb, 'drop_columns', '[]'::jsonb,
           'triggers', '[]'::jsonb, 'relations', '[]'::jsonb, 'functions', '[]'::jsonb, 'options', '{}'::jsonb, 'notes', '[]'::jsonb, 'immutable', false) || s
    FROM pg_catalog.pg_class AS c JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace WHERE c.oid = rel;
END
$$;
COMMENT ON FUNCTION yore._adopt_source(regclass, text, text[]) IS
  'The source of a table''s history, detected or by the parts given. Errors YO025 (none is known), YO007 (parts that are none).';

CREATE OR REPLACE FUNCTION yore._adopt_columns(s jsonb, key text[]) RETURNS jsonb
LANGUAGE plpgsql STABLE
AS $$
#variable_conflict use_variable
DECLARE
  current regclass := (s ->> 'current')::oid;
  m       yore.tracked;
BEGIN
  m.key_columns := CASE WHEN (s ->> 'immutable')::boolean THEN '{entity_id}' ELSE yore._check_key(current, key) END;
  m.journal := ARRAY(SELECT pg_catalog.jsonb_array_elements_text(s #> '{options,journal}'));
  m.journal := nullif(m.journal, '{}');
  m.no_journal := ARRAY(SELECT pg_catalog.jsonb_array_elements_text(s #> '{options,no_journal}'));
  m.full_journal := coalesce((s #>> '{options,full_journal}')::boolean, false);
  -- Columns by name: those of both tables, of the history alone, of the table alone.
  RETURN s || (
    SELECT pg_catalog.jsonb_build_object(
             'key', pg_catalog.to_jsonb(m.key_columns),
             'common', coalesce(pg_catalog.jsonb_agg(c.name ORDER BY c.number) FILTER (WHERE c.stored AND h.name IS NOT NULL), '[]'),
             -- What is not journaled differs, rightly, between the row and its version.
             'compared', coalesce(pg_catalog.jsonb_agg(c.name ORDER BY c.number) FILTER (WHERE c.written AND h.name IS NOT NULL AND yore._is_journaled(m, c.name)), '[]'),
             'absent', coalesce(pg_catalog.jsonb_agg(c.name ORDER BY c.number) FILTER (WHERE c.stored AND h.name IS NULL), '[]'),
             'mistyped', coalesce(pg_catalog.jsonb_agg(pg_catalog.format('column %I is %s in the table and %s in its history', c.name, c.type, h.type)) FILTER (WHERE c.type <> h.type), '[]'),
             'past_only', coalesce(pg_catalog.jsonb_agg(pg_catalog.jsonb_build_object('name', h.name, 'type', h.type, 'collation', h.collation) ORDER BY h.number) FILTER (WHERE c.name IS NULL), '[]'))
      FROM (SELECT * FROM yore._adopt_columns_of(current) AS x WHERE NOT (s -> 'drop_columns') ? x.name) AS c
      FULL JOIN (SELECT * FROM yore._adopt_columns_of((s ->> 'history')::oid) AS x WHERE NOT (s -> 'own_columns') ? x.name) AS h ON h.name = c.name);
END
$$;
COMMENT ON FUNCTION yore._adopt_columns(jsonb, text[]) IS
  'The source with its key and with what it says of columns. Errors YO005 (no key), YO007 (key names no column).';

CREATE OR REPLACE FUNCTION yore._adopt_columns_of(rel regclass) RETURNS TABLE (number smallint, name text, type text, "collation" text, stored boolean, written boolean)
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
AS $$
  SELECT a.attnum, a.attname::text, format_type(a.atttypid, a.atttypmod),
         CASE WHEN a.attcollation <> t.typcollation THEN format('%I.%I', n.nspname, o.collname) END, a.attgenerated <> 'v', a.attgenerated = ''
    FROM pg_attribute AS a
    JOIN pg_type AS t ON t.oid = a.atttypid
    LEFT JOIN pg_collation AS o ON o.oid = a.attcollation
    LEFT JOIN pg_namespace AS n ON n.oid = o.collnamespace
   WHERE a.attrelid = rel AND a.attnum > 0 AND NOT a.attisdropped
$$;
COMMENT ON FUNCTION yore._adopt_columns_of(regclass) IS 'The columns of a table, types written with their schemas.';

CREATE OR REPLACE FUNCTION yore._oids(list jsonb) RETURNS oid[]
LANGUAGE sql IMMUTABLE
AS $$ SELECT ARRAY(SELECT o::pg_catalog.oid FROM pg_catalog.jsonb_array_elements_text(list) AS o) $$;
COMMENT ON FUNCTION yore._oids(jsonb) IS 'A jsonb array of oids as an array.';

CREATE OR REPLACE FUNCTION yore._adopt_dependents(s jsonb) RETURNS SETOF text
LANGUAGE sql STABLE
AS $$
  WITH gone AS (
    SELECT yore._oids(s -> 'relations') AS relations, yore._oids(s -> 'functions') AS functions, (s ->> 'current')::oid AS current),
  dropped AS (
    SELECT a.attnum FROM gone, pg_catalog.pg_attribute AS a
     WHERE a.attrelid = gone.current AND (s -> 'drop_columns') ? a.attname::text AND NOT a.attisdropped),
  used AS (
    SELECT d.classid, d.objid, d.objsubid,
           CASE d.classid
             WHEN 'pg_catalog.pg_class'::regclass THEN d.objid
             WHEN 'pg_catalog.pg_rewrite'::regclass THEN (SELECT r.ev_class FROM pg_catalog.pg_rewrite AS r WHERE r.oid = d.objid)
             WHEN 'pg_catalog.pg_attrdef'::regclass THEN (SELECT x.adrelid FROM pg_catalog.pg_attrdef AS x WHERE x.oid = d.objid)
             WHEN 'pg_catalog.pg_constraint'::regclass THEN (SELECT k.conrelid FROM pg_catalog.pg_constraint AS k WHERE k.oid = d.objid)
             WHEN 'pg_catalog.pg_policy'::regclass THEN (SELECT p.polrelid FROM pg_catalog.pg_policy AS p WHERE p.oid = d.objid)
             WHEN 'pg_catalog.pg_trigger'::regclass THEN (SELECT g.tgrelid FROM pg_catalog.pg_trigger AS g WHERE g.oid = d.objid)
           END AS of_relation
      FROM pg_catalog.pg_depend AS d, gone
     WHERE d.deptype = 'n'
       AND (d.refclassid = 'pg_catalog.pg_class'::regclass AND d.refobjid = ANY (gone.relations)
         OR d.refclassid = 'pg_catalog.pg_class'::regclass AND d.refobjid = gone.current AND d.refobjsubid IN (SELECT attnum FROM dropped)
         OR d.refclassid = 'pg_catalog.pg_proc'::regclass AND d.refobjid = ANY (gone.functions)
         OR d.refclassid = 'pg_catalog.pg_type'::regclass AND d.refobjid IN (
              SELECT t.oid FROM pg_catalog.pg_type AS t JOIN pg_catalog.pg_type AS r ON t.oid = r.oid OR t.oid = r.typarray
               WHERE r.typrelid = ANY (gone.relations))))
  SELECT DISTINCT CASE WHEN u.classid = 'pg_catalog.pg_rewrite'::regclass
                       THEN pg_catalog.pg_describe_object('pg_catalog.pg_class'::regclass, u.of_relation, 0)
                       ELSE pg_catalog.pg_describe_object(u.classid, u.objid, u.objsubid) END
    FROM used AS u, gone
   WHERE coalesce(u.of_relation <> ALL (gone.relations), true)
     AND NOT (u.classid = 'pg_catalog.pg_proc'::regclass AND u.objid = ANY (gone.functions))
     AND NOT (u.classid = 'pg_catalog.pg_constraint'::regclass AND u.of_relation = gone.current AND EXISTS (
              SELECT FROM pg_catalog.pg_constraint AS k WHERE k.oid = u.objid AND k.contype = 'c'))   -- goes with its column
     AND NOT (u.classid = 'pg_catalog.pg_trigger'::regclass AND EXISTS (
              SELECT FROM pg_catalog.pg_trigger AS g
               WHERE g.oid = u.objid AND g.tgrelid = gone.current AND (s -> 'triggers') ? g.tgname::text))
$$;
COMMENT ON FUNCTION yore._adopt_dependents(jsonb) IS
  'What of the user''s depends on something of the source that goes: its tables, views, functions, or columns of the current table.';

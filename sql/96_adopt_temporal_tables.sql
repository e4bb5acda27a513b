-- Adopting from temporal_tables, arkhipov's extension or nearform's functions: a
-- table with a tstzrange column, a trigger versioning(period, history, …), and a
-- table of that shape for what was. And from any two tables of that kind, named
-- by hand.

CREATE OR REPLACE FUNCTION yore._trigger_arguments(arguments bytea) RETURNS text[]
LANGUAGE plpgsql STABLE
AS $$
DECLARE
  rest   bytea := arguments;
  result text[] := '{}';
  stop   integer;
BEGIN
  LOOP   -- each ends with a zero byte
    stop := pg_catalog.position(rest, '\x00'::bytea);
    EXIT WHEN stop = 0;
    result := result || pg_catalog.convert_from(pg_catalog.substr(rest, 1, stop - 1), pg_catalog.getdatabaseencoding());
    rest := pg_catalog.substr(rest, stop + 1);
  END LOOP;
  RETURN result;
END
$$;
COMMENT ON FUNCTION yore._trigger_arguments(bytea) IS 'The arguments of a trigger, pg_trigger.tgargs, one by one.';

CREATE OR REPLACE FUNCTION yore._history_named(rel regclass, written text) RETURNS regclass
LANGUAGE plpgsql STABLE
AS $$
DECLARE
  space name := (SELECT n.nspname FROM pg_catalog.pg_class AS c JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace WHERE c.oid = rel);
  name  text;
  found regclass;
BEGIN
  -- Beside the table first: the applications' search_path need not be ours. Older
  -- versions took the name as it is, newer ones as in SQL.
  FOREACH name IN ARRAY ARRAY[pg_catalog.format('%I.%I', space, written), pg_catalog.format('%I.%s', space, written), written, pg_catalog.quote_ident(written)] LOOP
    BEGIN
      found := pg_catalog.to_regclass(name);
    EXCEPTION WHEN syntax_error OR invalid_name OR feature_not_supported THEN
      found := NULL;
    END;
    IF found IS NOT NULL THEN
      RETURN found;
    END IF;
  END LOOP;
  RETURN NULL;
END
$$;
COMMENT ON FUNCTION yore._history_named(regclass, text) IS 'The history table that a versioning trigger of rel names; NULL if there is none.';

CREATE OR REPLACE FUNCTION yore._adopt_temporal_tables(rel regclass) RETURNS jsonb
LANGUAGE plpgsql STABLE
AS $$
DECLARE
  g       record;
  history regclass;
BEGIN
  SELECT t.tgname, yore._trigger_arguments(t.tgargs) AS argument, e.extversion INTO g
    FROM pg_catalog.pg_trigger AS t
    JOIN pg_catalog.pg_proc AS p ON p.oid = t.tgfoid
    LEFT JOIN pg_catalog.pg_depend AS d ON d.classid = 'pg_catalog.pg_proc'::regclass AND d.objid = p.oid AND d.deptype = 'e'
    LEFT JOIN pg_catalog.pg_extension AS e ON e.oid = d.refobjid
   WHERE t.tgrelid = rel AND NOT t.tgisinternal AND p.proname LIKE 'versioning%' AND t.tgnargs >= 2
   ORDER BY t.tgname LIMIT 1;
  IF NOT FOUND THEN
    RETURN yore._adopt_static(rel);
  END IF;
  history := yore._history_named(rel, g.argument[2]);
  IF history IS NULL THEN
    PERFORM yore._fail('YO025', pg_catalog.format('trigger %I of %s names the history table %s, and there is none', g.tgname, rel, g.argument[2]),
                       'Name it: yore.adopt(…, history_table => ''…'', period => ''{…}'')');
  END IF;
  RETURN yore._adopt_pair(rel, history, g.argument[1:1]) || pg_catalog.jsonb_build_object(
    'system', pg_catalog.concat_ws(' ', 'temporal_tables', g.extversion),
    'notes', CASE WHEN g.argument[7] = 'true'
                  THEN pg_catalog.jsonb_build_array(pg_catalog.format('column %I was counted up by the trigger, and will be no more: history shows yore''s own numbers', coalesce(g.argument[8], 'version')))
                  ELSE '[]' END);
END
$$;
COMMENT ON FUNCTION yore._adopt_temporal_tables(regclass) IS
  'The source, if rel has a trigger of temporal_tables; NULL if not. Error YO025 if the history table that it names is not there.';

CREATE OR REPLACE FUNCTION yore._adopt_static(rel regclass) RETURNS jsonb
LANGUAGE plpgsql STABLE
AS $$
DECLARE
  here record;
BEGIN
  SELECT pg_catalog.count(DISTINCT (h.oid, a.attname)) AS number, pg_catalog.min(h.oid) AS history, pg_catalog.min(a.attname::text) AS period INTO here
    FROM pg_catalog.pg_trigger AS g
    JOIN pg_catalog.pg_proc AS p ON p.oid = g.tgfoid
    JOIN pg_catalog.pg_attribute AS a ON a.attrelid = g.tgrelid AND a.atttypid = 'pg_catalog.tstzrange'::regtype AND NOT a.attisdropped
    JOIN pg_catalog.pg_attribute AS b ON b.attname = a.attname AND b.atttypid = a.atttypid AND b.attrelid <> a.attrelid AND NOT b.attisdropped
    JOIN pg_catalog.pg_class AS h ON h.oid = b.attrelid AND h.relkind IN ('r', 'p') AND NOT h.relispartition
   WHERE g.tgrelid = rel AND NOT g.tgisinternal AND g.tgnargs = 0 AND p.proname LIKE '%versioning'
     AND pg_catalog.strpos(p.prosrc, pg_catalog.format('INTO %I.%I (', h.relnamespace::regnamespace::name, h.relname)) > 0
     AND pg_catalog.strpos(p.prosrc, a.attname) > 0;
  IF here.number <> 1 THEN
    RETURN NULL;
  END IF;
  RETURN yore._adopt_pair(rel, here.history, ARRAY[here.period]) || '{"system": "temporal_tables, written for the table"}';
END
$$;
COMMENT ON FUNCTION yore._adopt_static(regclass) IS
  'The source, if rel has a trigger that temporal_tables wrote for it alone: a function t_versioning that inserts into one table with the same tstzrange column. NULL if not.';

CREATE OR REPLACE FUNCTION yore._adopt_by_hand(rel regclass, history_table text, period text[]) RETURNS jsonb
LANGUAGE plpgsql STABLE
AS $$
DECLARE
  history regclass;
BEGIN
  IF history_table IS NULL OR period IS NULL THEN
    PERFORM yore._fail('YO007', pg_catalog.format('to name the parts of %s''s history takes both history_table and period', rel),
                       'yore.adopt(…, history_table => ''…'', period => ''{sys_period}'')');
  END IF;
  history := yore._relation(history_table);
  IF history = rel OR (SELECT c.relkind NOT IN ('r', 'p') FROM pg_catalog.pg_class AS c WHERE c.oid = history) THEN
    PERFORM yore._fail('YO007', pg_catalog.format('%s is no history table of %s', history, rel), 'Name a table that has what the rows were.');
  END IF;
  RETURN yore._adopt_pair(rel, history, period) || '{"system": "as named"}';
END
$$;
COMMENT ON FUNCTION yore._adopt_by_hand(regclass, text, text[]) IS 'The source of the parts given. Errors YO003 (no such table), YO007.';

CREATE OR REPLACE FUNCTION yore._adopt_pair(rel regclass, history regclass, period text[]) RETURNS jsonb
LANGUAGE plpgsql STABLE
AS $$
DECLARE
  of_row    jsonb;
  of_past   jsonb;
  row_begins text := 'NULL::timestamptz';   -- where only the history says it
  begin_is_in_row boolean := yore._missing(rel, period[1:1]) IS NULL;
  end_is_in_row   boolean := yore._missing(rel, period) IS NULL;
  triggers  jsonb;
  functions jsonb;
BEGIN
  of_past := yore._adopt_period(history, 'h', period);
  IF end_is_in_row THEN
    -- A row whose period is empty, or over, does not say since when it is there.
    of_row := yore._adopt_period(rel, 'c', period);
    row_begins := pg_catalog.format('CASE WHEN %s = ''infinity'' AND %s < ''infinity'' THEN %2$s END', of_row ->> 'ends', of_row ->> 'begins');
  ELSIF begin_is_in_row AND pg_catalog.cardinality(period) = 2 THEN
    row_begins := yore._as_timestamptz(rel, period[1], pg_catalog.format('c.%I', period[1]));
  END IF;
  -- The triggers that write the history: those that get its name, and those whose
  -- function has it in its text beside the period's.
  SELECT coalesce(pg_catalog.jsonb_agg(g.tgname ORDER BY g.tgname), '[]'),
         coalesce(pg_catalog.jsonb_agg(DISTINCT p.oid) FILTER (
           WHERE NOT EXISTS (SELECT FROM pg_catalog.pg_trigger AS o WHERE o.tgfoid = p.oid AND o.tgrelid <> rel)
             AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend AS d WHERE d.classid = 'pg_catalog.pg_proc'::regclass AND d.objid = p.oid AND d.deptype = 'e')), '[]')
    INTO triggers, functions
    FROM pg_catalog.pg_trigger AS g
    JOIN pg_catalog.pg_proc AS p ON p.oid = g.tgfoid
    JOIN pg_catalog.pg_class AS h ON h.oid = history
   WHERE g.tgrelid = rel AND NOT g.tgisinternal
     AND (g.tgnargs >= 2 AND p.proname LIKE 'versioning%' AND (yore._trigger_arguments(g.tgargs))[1] = period[1] AND yore._history_named(rel, (yore._trigger_arguments(g.tgargs))[2]) = history
       OR pg_catalog.strpos(p.prosrc, h.relname) > 0 AND pg_catalog.strpos(p.prosrc, period[1]) > 0);
  RETURN pg_catalog.jsonb_build_object(
    'detach', 'triggers',
    'current', rel::oid, 'history', history::oid,
    'from_current', rel::text, 'from_history', history::text,
    'begins', of_past ->> 'begins', 'ends', of_past ->> 'ends',
    'row_begins', row_begins,
    'period', pg_catalog.array_to_string(period, ', '),
    'own_columns', pg_catalog.to_jsonb(period),
    'drop_columns', (SELECT coalesce(pg_catalog.jsonb_agg(p), '[]') FROM pg_catalog.unnest(period) AS p WHERE yore._missing(rel, ARRAY[p]) IS NULL),
    'triggers', triggers,
    'relations', pg_catalog.jsonb_build_array(history::oid),
    'functions', functions);
END
$$;
COMMENT ON FUNCTION yore._adopt_pair(regclass, regclass, text[]) IS
  'The source that a table and a table of its past are, with the same columns for the period; of the triggers, those that write that past. Error YO007 if period is none.';

CREATE OR REPLACE FUNCTION yore._detach_triggers(s jsonb) RETURNS jsonb
LANGUAGE plpgsql VOLATILE
AS $$
DECLARE
  current regclass := (s ->> 'current')::oid;
  name    text;
  f       oid;
BEGIN
  FOR name IN SELECT pg_catalog.jsonb_array_elements_text(s -> 'triggers') LOOP
    EXECUTE pg_catalog.format('DROP TRIGGER %I ON %s', name, current);
  END LOOP;
  FOREACH f IN ARRAY yore._oids(s -> 'functions') LOOP
    EXECUTE pg_catalog.format('DROP FUNCTION %s', f::regprocedure);
  END LOOP;
  PERFORM yore._move_aside((s ->> 'history')::oid);
  RETURN s;
END
$$;
COMMENT ON FUNCTION yore._detach_triggers(jsonb) IS 'Drops the triggers of the source, and their functions where no other table uses them.';

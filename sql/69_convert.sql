-- Converting the past to a column's new type.

CREATE OR REPLACE FUNCTION yore._rewrites(was text, type text) RETURNS boolean
LANGUAGE plpgsql VOLATILE
AS $$
DECLARE
  before oid;
  after  oid;
BEGIN
  -- PostgreSQL decides by the types alone, so an empty table tells.
  EXECUTE pg_catalog.format('CREATE TEMPORARY TABLE yore_trial (c %s)', was);
  before := pg_catalog.pg_relation_filenode('pg_temp.yore_trial');
  EXECUTE pg_catalog.format('ALTER TABLE pg_temp.yore_trial ALTER c TYPE %s', type);
  after := pg_catalog.pg_relation_filenode('pg_temp.yore_trial');
  DROP TABLE pg_temp.yore_trial;
  RETURN before <> after;
EXCEPTION WHEN datatype_mismatch OR feature_not_supported OR insufficient_privilege THEN
  RETURN true;
END
$$;
COMMENT ON FUNCTION yore._rewrites(text, text) IS
  'Whether giving a column another type rewrites its table. Where it does not, every value stays bit for bit what it was.';

CREATE OR REPLACE FUNCTION yore._judge(past text, column_name name, was text, converted text, condition text DEFAULT 'true') RETURNS text
LANGUAGE plpgsql STABLE
AS $$
DECLARE
  lossy boolean;
BEGIN
  BEGIN
    -- There and back again: what comes back changed has lost something.
    EXECUTE pg_catalog.format('SELECT EXISTS (SELECT FROM %s WHERE (%s) AND NOT pg_catalog.record_image_eq(ROW((%s)::%s), ROW(%I)))',
                              past, condition, converted, was, column_name) INTO lossy;
    IF NOT lossy THEN
      RETURN 'exact';
    END IF;
  EXCEPTION WHEN OTHERS THEN
    NULL;
  END;
  -- The search ended with the first that is lossy; others may not convert at all.
  EXECUTE pg_catalog.format('SELECT pg_catalog.count(%s) FROM %s WHERE %s', converted, past, condition);
  RETURN 'lossy';
EXCEPTION WHEN cannot_coerce OR data_exception OR integrity_constraint_violation OR syntax_error_or_access_rule_violation THEN
  RETURN 'fails';
END
$$;
COMMENT ON FUNCTION yore._judge(text, name, text, text, text) IS
  'What converting a column of the past does to its values: exact (each could be converted back), lossy, or fails for some. Reads the rows of the condition.';

CREATE OR REPLACE FUNCTION yore._converted(c jsonb, given text) RETURNS text
LANGUAGE sql IMMUTABLE
AS $$
  SELECT pg_catalog.format('(%s)::%s%s', coalesce(given, pg_catalog.quote_ident(c ->> 'name')), c ->> 'type', coalesce(' COLLATE ' || (c ->> 'collation'), ''))
$$;
COMMENT ON FUNCTION yore._converted(jsonb, text) IS 'The expression of a column''s converted value: what USING gave, or a plain cast.';

CREATE OR REPLACE FUNCTION yore._retype_past(m yore.tracked, c jsonb, was text, in_batches boolean, conversion jsonb) RETURNS jsonb
LANGUAGE plpgsql VOLATILE
AS $$
DECLARE
  past      text := pg_catalog.format('%I.%I', m.past_schema, m.past_name);
  name      name := c ->> 'name';
  type      text := (c ->> 'type') || coalesce(' COLLATE ' || (c ->> 'collation'), '');
  given     text := conversion ->> 'using';
  converted text := yore._converted(c, given);
  verdict   text;
  aside     name;
BEGIN
  IF given IS NULL AND NOT yore._rewrites(was, type) THEN
    EXECUTE pg_catalog.format('ALTER TABLE %s ALTER COLUMN %I TYPE %s', past, name, type);
    RETURN '{}';
  END IF;
  IF pg_catalog.current_setting('transaction_isolation') <> 'read committed' THEN
    PERFORM yore._fail('YO013', pg_catalog.format('converting the past of %I.%I needs a transaction of READ COMMITTED: an older snapshot need not show every version', m.schema_name, m.table_name),
                       'BEGIN ISOLATION LEVEL READ COMMITTED');
  ELSIF conversion ? 'verdict' THEN   -- of all versions before; those since then are few
    verdict := yore._judge(past, name, was, converted, pg_catalog.format('sys_xid_to >= %L', conversion ->> 'xmin'));
    verdict := CASE WHEN 'fails' IN (verdict, conversion ->> 'verdict') THEN 'fails' WHEN 'lossy' IN (verdict, conversion ->> 'verdict') THEN 'lossy' ELSE verdict END;
  ELSE
    RAISE NOTICE USING
      MESSAGE = pg_catalog.format('yore: the past of %I.%I is rewritten, some %s versions, under an exclusive lock', m.schema_name, m.table_name,
                  (SELECT greatest(k.reltuples, 0)::bigint FROM pg_catalog.pg_class AS k WHERE k.oid = past::regclass)),
      HINT = 'yore.alter_table(…, in_batches => true) leaves that for later, without the lock.';
    verdict := yore._judge(past, name, was, converted);
  END IF;
  IF verdict <> 'exact' THEN
    IF name = ANY (m.key_columns) AND verdict = 'fails' THEN
      PERFORM yore._fail('YO005', pg_catalog.format('former values of the key column %I of %I.%I do not fit type %s', name, m.schema_name, m.table_name, type));
    END IF;
    RAISE WARNING USING
      MESSAGE = pg_catalog.format('yore: not every former value of column %I fits type %s', name, type),
      DETAIL = pg_catalog.format('%s keeps them as they were in column %I.', past, yore._aside(past::regclass, name));
  END IF;
  IF in_batches OR verdict = 'fails' THEN
    aside := yore._put_aside(past::regclass, name);
    PERFORM yore._add_past_column(past::regclass, c);
    RETURN CASE WHEN verdict = 'fails' THEN '{}' ELSE pg_catalog.jsonb_build_object('was', pg_catalog.jsonb_build_object(
      'column', aside, 'using', yore._convert_aside(m, c, aside, given), 'keep', verdict <> 'exact', 'page', 0,
      'pages', pg_catalog.pg_relation_size(past::regclass) / pg_catalog.current_setting('block_size')::integer)) END;
  END IF;
  IF verdict = 'lossy' THEN
    aside := yore._aside(past::regclass, name);
    EXECUTE pg_catalog.format('ALTER TABLE %s ADD COLUMN %I %s GENERATED ALWAYS AS (%I) STORED', past, aside, was, name);
    EXECUTE pg_catalog.format('ALTER TABLE %s ALTER COLUMN %I DROP EXPRESSION', past, aside);
  END IF;
  EXECUTE pg_catalog.format('ALTER TABLE %s ALTER COLUMN %I TYPE %s USING %s', past, name, type, converted);
  RETURN '{}';
END
$$;
COMMENT ON FUNCTION yore._retype_past(yore.tracked, jsonb, text, boolean, jsonb) IS
  'Converts a column of the past to its new type, by the expression of USING where one was given. Where that loses something, the former values stay in a column name_until_1, _2, …, and a warning says so; where it fails for some, none is converted and the column is NULL in the past. in_batches: returns the mark of a column that yore.convert_past is to convert. A key must convert: error YO005.';

CREATE OR REPLACE FUNCTION yore._convert_aside(m yore.tracked, c jsonb, aside name, given text) RETURNS text
LANGUAGE sql STABLE
AS $$
  -- The user's expression names the columns as they were. Not the past by its
  -- name, which may become another before all is converted.
  SELECT CASE WHEN given IS NULL THEN pg_catalog.format('%I::%s', aside, c ->> 'type')
              ELSE pg_catalog.format('(SELECT (%s)::%s FROM (SELECT %s) AS %I)', given, c ->> 'type',
                     pg_catalog.string_agg(pg_catalog.format('%I AS %I', CASE w ->> 'name' WHEN c ->> 'name' THEN aside ELSE (w ->> 'name')::name END, w ->> 'name'), ', '),
                     m.storage_name) END || coalesce(' COLLATE ' || (c ->> 'collation'), '')
    FROM pg_catalog.jsonb_array_elements(m.columns) AS w WHERE w ->> 'generated' <> 'v'
$$;
COMMENT ON FUNCTION yore._convert_aside(yore.tracked, jsonb, name, text) IS
  'The expression of a converted value, over the past whose former values stand in the column aside.';

CREATE OR REPLACE FUNCTION yore._refuse_unconverted(m yore.tracked, now_has jsonb) RETURNS void
LANGUAGE plpgsql STABLE
AS $$
DECLARE
  waiting text := (SELECT pg_catalog.string_agg(pg_catalog.quote_ident(w ->> 'name'), ', ') FROM pg_catalog.jsonb_array_elements(m.columns) AS w WHERE w ? 'was');
BEGIN
  IF waiting IS NOT NULL AND now_has <> (SELECT pg_catalog.jsonb_agg(w - 'was' ORDER BY place) FROM pg_catalog.jsonb_array_elements(m.columns) WITH ORDINALITY AS e (w, place)) THEN
    PERFORM yore._fail('YO024', pg_catalog.format('the past of %I.%I is still being converted to the new type of %s', m.schema_name, m.table_name, waiting),
                       pg_catalog.format('SELECT * FROM yore.convert_past(%L) until nothing remains.', pg_catalog.format('%I.%I', m.schema_name, m.table_name)));
  END IF;
END
$$;
COMMENT ON FUNCTION yore._refuse_unconverted(yore.tracked, jsonb) IS 'Error YO024 if columns change while a conversion of the past is under way.';

CREATE OR REPLACE FUNCTION yore.convert_past(t text, pages integer DEFAULT 500) RETURNS TABLE (converted bigint, remaining bigint)
LANGUAGE plpgsql VOLATILE
AS $$
DECLARE
  m    yore.tracked := yore._tracked(t);
  past text := pg_catalog.format('%I.%I', m.past_schema, m.past_name);
  c    jsonb := yore._unconverted(m);
  upto bigint;
BEGIN
  converted := 0;
  IF pages IS NULL OR pages < 1 THEN
    PERFORM yore._fail('YO007', 'pages is a number from 1 on');
  END IF;
  PERFORM yore._check_rights(yore._storage(m), m.in_place);
  IF (c #>> '{was,page}')::bigint >= (c #>> '{was,pages}')::bigint THEN
    PERFORM yore._end_conversion(m, c);
  ELSIF c IS NOT NULL THEN
    -- Nobody else converts, or writes history, meanwhile.
    EXECUTE pg_catalog.format('ALTER TABLE %s DISABLE TRIGGER yore_append_only_update', past);
    m := yore._tracked(t);
    c := yore._unconverted(m);
    upto := least((c #>> '{was,page}')::bigint + pages, (c #>> '{was,pages}')::bigint);
    EXECUTE pg_catalog.format('UPDATE %1$s SET %2$I = %3$s WHERE ctid >= %4$L AND ctid < %5$L AND %6$I IS NOT NULL AND %2$I IS NULL',
      past, c ->> 'name', c #>> '{was,using}', pg_catalog.format('(%s,0)', c #>> '{was,page}'), pg_catalog.format('(%s,0)', upto), c #>> '{was,column}');
    GET DIAGNOSTICS converted = ROW_COUNT;
    EXECUTE pg_catalog.format('ALTER TABLE %s ENABLE TRIGGER yore_append_only_update', past);
    PERFORM yore._set_column(m, c || pg_catalog.jsonb_build_object('was', (c -> 'was') || pg_catalog.jsonb_build_object('page', upto)));
  END IF;
  m := yore._tracked(t);
  remaining := (SELECT coalesce(pg_catalog.sum((w #>> '{was,pages}')::bigint - (w #>> '{was,page}')::bigint + 1), 0)
                  FROM pg_catalog.jsonb_array_elements(m.columns) AS w WHERE w ? 'was');
  RETURN NEXT;
END
$$;
COMMENT ON FUNCTION yore.convert_past(text, integer) IS
  'Converts further pages of a past that yore.alter_table(…, in_batches => true) left to be converted; returns how many versions that were and how many pages remain, and one step for the end: call it, each time in a transaction of its own, until nothing remains. Meanwhile history and asof convert what they read. Errors: YO003 not tracked, YO007 pages, YO008 no right. Blocks writers, not readers, for as long as a call takes; the last one takes ACCESS EXCLUSIVE for changes of the catalog.';

CREATE OR REPLACE FUNCTION yore._unconverted(m yore.tracked) RETURNS jsonb
LANGUAGE sql IMMUTABLE
AS $$ SELECT w FROM pg_catalog.jsonb_array_elements(m.columns) WITH ORDINALITY AS e (w, place) WHERE w ? 'was' ORDER BY place LIMIT 1 $$;
COMMENT ON FUNCTION yore._unconverted(yore.tracked) IS 'The first column whose former values are still to be converted; NULL if there is none.';

CREATE OR REPLACE FUNCTION yore._set_column(m yore.tracked, c jsonb) RETURNS yore.tracked
LANGUAGE plpgsql VOLATILE
AS $$
BEGIN
  m.columns := (SELECT pg_catalog.jsonb_agg(CASE WHEN w -> 'number' = c -> 'number' THEN c ELSE w END ORDER BY place)
                  FROM pg_catalog.jsonb_array_elements(m.columns) WITH ORDINALITY AS e (w, place));
  UPDATE yore.tracked AS x SET columns = m.columns WHERE (x.schema_name, x.table_name) = (m.schema_name, m.table_name);
  RETURN m;
END
$$;
COMMENT ON FUNCTION yore._set_column(yore.tracked, jsonb) IS 'Writes what the catalog says of one column.';

CREATE OR REPLACE FUNCTION yore._end_conversion(m yore.tracked, c jsonb) RETURNS void
LANGUAGE plpgsql VOLATILE
AS $$
DECLARE
  past  regclass := yore._past(m);
  saved jsonb := '[]';
BEGIN
  PERFORM yore._lock(m);
  m := yore._set_column(m, c - 'was');
  IF NOT (c #>> '{was,keep}')::boolean THEN
    saved := yore._take_down(m, past);
    EXECUTE pg_catalog.format('ALTER TABLE %s DROP COLUMN %I', past, c #>> '{was,column}');
  END IF;
  PERFORM yore._copy_indexes(m);   -- those of the column went with its former values
  PERFORM yore._make_faces(m);
  PERFORM yore._put_up(saved);
  IF m.immutable THEN
    PERFORM yore._make_triggers(m);   -- undeleting reads the past itself again
  END IF;
END
$$;
COMMENT ON FUNCTION yore._end_conversion(yore.tracked, jsonb) IS
  'The past of a column is converted: its former values go, unless something of them was lost. Takes ACCESS EXCLUSIVE locks; indexes of the column are built anew.';

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

CREATE OR REPLACE FUNCTION yore._checked(rel regclass, constraint_name name) RETURNS text
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp   -- so that all names are written with their schemas
AS $$
  -- It was written as CHECK (num_nulls(expression) = 0).
  SELECT substr(e.checked, length(e.head) + 1, length(e.checked) - length(e.head) - length(e.tail))
    FROM (SELECT pg_get_expr(c.conbin, c.conrelid) AS checked, '(num_nulls(' AS head, ') = 0)' AS tail
            FROM pg_constraint AS c WHERE c.conrelid = rel AND c.conname = constraint_name) AS e
   WHERE starts_with(e.checked, e.head)
$$;
COMMENT ON FUNCTION yore._checked(regclass, name) IS
  'The expression in a CHECK that was made to have PostgreSQL read it: as it means the same under any search_path, with the columns'' names as they are now.';

CREATE OR REPLACE FUNCTION yore._plainly(m yore.tracked, expression text) RETURNS text
LANGUAGE plpgsql VOLATILE
AS $$
DECLARE
  plain text;
BEGIN
  expression := yore._unqualified(expression, m.storage_schema, m.storage_name);
  -- A table of the same columns: there the expression means what it means in
  -- ALTER TABLE.
  EXECUTE pg_catalog.format('CREATE TEMPORARY TABLE %I (LIKE %I.%I)', m.storage_name, m.storage_schema, m.storage_name);
  EXECUTE pg_catalog.format('ALTER TABLE pg_temp.%I ADD CONSTRAINT yore_using CHECK (pg_catalog.num_nulls(%s) = 0)', m.storage_name, expression);
  plain := yore._checked(pg_catalog.format('pg_temp.%I', m.storage_name)::regclass, 'yore_using');
  EXECUTE pg_catalog.format('DROP TABLE pg_temp.%I', m.storage_name);
  RETURN coalesce(plain, expression);
EXCEPTION WHEN syntax_error_or_access_rule_violation OR feature_not_supported OR data_exception THEN
  RETURN expression;   -- ALTER TABLE will say what is wrong with it
END
$$;
COMMENT ON FUNCTION yore._plainly(yore.tracked, text) IS
  'An expression over the table''s columns, written so that it can stand over the past''s: without the table''s name, and meaning the same under any search_path.';

CREATE OR REPLACE FUNCTION yore._verdict(m yore.tracked, c jsonb, was text, conversion jsonb) RETURNS text
LANGUAGE plpgsql VOLATILE
AS $$
DECLARE
  past      text := pg_catalog.format('%I.%I', m.past_schema, m.past_name);
  name      name := c ->> 'name';
  converted text := yore._converted(c, conversion ->> 'using');
  verdict   text;
BEGIN
  IF conversion ->> 'using' IS NULL AND NOT yore._rewrites(was, (c ->> 'type') || coalesce(' COLLATE ' || (c ->> 'collation'), '')) THEN
    RETURN 'same';
  ELSIF pg_catalog.current_setting('transaction_isolation') <> 'read committed' THEN
    PERFORM yore._fail('YO013', pg_catalog.format('converting the past of %I.%I needs a transaction of READ COMMITTED: an older snapshot need not show every version', m.schema_name, m.table_name),
                       'BEGIN ISOLATION LEVEL READ COMMITTED');
  ELSIF conversion ? 'verdict' THEN   -- of all versions before; those since then are few
    verdict := yore._judge(past, name, was, converted, pg_catalog.format('sys_xid_to >= %L', conversion ->> 'xmin')
      -- By their time they are found by index, but for those that were loaded.
      || CASE WHEN conversion ? 'stable' AND NOT yore._loaded_since((conversion ->> 'xmin')::xid8)
              THEN pg_catalog.format(' AND sys_to > %L', conversion ->> 'stable') ELSE '' END);
    verdict := CASE WHEN 'fails' IN (verdict, conversion ->> 'verdict') THEN 'fails' WHEN 'lossy' IN (verdict, conversion ->> 'verdict') THEN 'lossy' ELSE verdict END;
  ELSE
    RAISE NOTICE USING
      MESSAGE = pg_catalog.format('yore: the past of %I.%I is rewritten, some %s versions, under an exclusive lock', m.schema_name, m.table_name,
                  (SELECT greatest(k.reltuples, 0)::bigint FROM pg_catalog.pg_class AS k WHERE k.oid = past::regclass)),
      HINT = 'yore.alter_table(…, in_batches => true) leaves that for later, without the lock.';
    verdict := yore._judge(past, name, was, converted);
  END IF;
  IF verdict = 'exact' THEN
    RETURN verdict;
  ELSIF name = ANY (m.key_columns) AND verdict = 'fails' THEN
    PERFORM yore._fail('YO005', pg_catalog.format('former values of the key column %I of %I.%I do not fit type %s', name, m.schema_name, m.table_name, c ->> 'type'));
  END IF;
  RAISE WARNING USING
    MESSAGE = pg_catalog.format('yore: not every former value of column %I fits type %s', name, c ->> 'type'),
    DETAIL = pg_catalog.format('%s keeps them as they were in column %I.', past, yore._aside(past::regclass, name));
  RETURN verdict;
END
$$;
COMMENT ON FUNCTION yore._verdict(yore.tracked, jsonb, text, jsonb) IS
  'What becomes of the past of a column whose type has changed: same (nothing is to be rewritten), exact, lossy or fails, as _judge has it, which is said in a warning. Errors: YO005 a key that does not convert, YO013 not READ COMMITTED.';

CREATE OR REPLACE FUNCTION yore._retype_past(m yore.tracked, retyped jsonb, in_batches boolean) RETURNS jsonb
LANGUAGE plpgsql VOLATILE
AS $$
DECLARE
  past      regclass := yore._past(m);
  r         jsonb;      -- column, was (its type), conversion; of those below: name, verdict, aside, left
  c         jsonb;
  verdict   text;
  converted text;
  now_given text[] := '{}';
  aside     jsonb := '[]';
  marks     jsonb := '{}';
  still     name;
BEGIN
  FOR r IN SELECT * FROM pg_catalog.jsonb_array_elements(retyped) LOOP
    c := r -> 'column';
    verdict := yore._verdict(m, c, r ->> 'was', r -> 'conversion');
    converted := yore._converted(c, r #>> '{conversion,using}');
    IF verdict = 'fails' OR verdict <> 'same' AND in_batches AND (c ->> 'name')::name <> ALL (m.key_columns) THEN
      aside := aside || pg_catalog.jsonb_build_object('column', c, 'verdict', verdict, 'converted', converted);
      CONTINUE;
    ELSIF verdict = 'lossy' THEN
      PERFORM yore._keep_copy(past, (c ->> 'name')::name, r ->> 'was');
    END IF;
    now_given := now_given || pg_catalog.format('ALTER COLUMN %I TYPE %s%s%s', c ->> 'name', c ->> 'type', coalesce(' COLLATE ' || (c ->> 'collation'), ''),
                                                CASE WHEN verdict <> 'same' THEN ' USING ' || converted ELSE '' END);
  END LOOP;
  -- At once, since the expressions speak of the columns as they were.
  IF now_given <> '{}' THEN
    EXECUTE pg_catalog.format('ALTER TABLE %s %s', past, pg_catalog.array_to_string(now_given, ', '));
  END IF;
  IF aside @? '$[*] ? (@.verdict != "fails")' THEN
    -- True in the versions that are here now, NULL in those to come: neither
    -- costs a rewrite.
    still := yore._aside(past, 'sys_unconverted', '_');
    EXECUTE pg_catalog.format('ALTER TABLE %s ADD COLUMN %I boolean DEFAULT true', past, still);
    EXECUTE pg_catalog.format('ALTER TABLE %s ALTER COLUMN %I DROP DEFAULT', past, still);
  END IF;
  -- As CHECKs, which follow the columns when these are renamed.
  FOR r IN SELECT * FROM pg_catalog.jsonb_array_elements(aside) AS e WHERE e ->> 'verdict' <> 'fails' LOOP
    EXECUTE pg_catalog.format('ALTER TABLE %s ADD CONSTRAINT %I CHECK (pg_catalog.num_nulls(%s) = 0) NOT VALID', past,
                              'yore_using_' || (r #>> '{column,number}'), r ->> 'converted');
  END LOOP;
  FOR r IN SELECT * FROM pg_catalog.jsonb_array_elements(aside) LOOP
    PERFORM yore._drop_copies(past, (r #>> '{column,name}')::name);
    marks := marks || pg_catalog.jsonb_build_object(r #>> '{column,name}', pg_catalog.jsonb_build_object('column', yore._set_aside(past, (r #>> '{column,name}')::name)));
  END LOOP;
  FOR r IN SELECT * FROM pg_catalog.jsonb_array_elements(aside) LOOP
    marks := pg_catalog.jsonb_set(marks, ARRAY[r #>> '{column,name}'], yore._start_conversion(past, r, marks -> (r #>> '{column,name}'), still));
  END LOOP;
  RETURN marks;
END
$$;
COMMENT ON FUNCTION yore._retype_past(yore.tracked, jsonb, boolean) IS
  'Converts columns of the past to their new types, by the expressions of USING where they were given. Where that loses something, the former values stay in a column name_until_1, _2, …, and a warning says so; where it fails for some, none is converted and the column is NULL in the past. Returns, by name, marks of the columns that were put aside: those with "using" are for yore.convert_past to convert. Errors as of _verdict.';

CREATE OR REPLACE FUNCTION yore._keep_copy(past regclass, column_name name, type text) RETURNS void
LANGUAGE plpgsql VOLATILE
AS $$
DECLARE
  aside name := yore._aside(past, column_name);
BEGIN
  EXECUTE pg_catalog.format('ALTER TABLE %s ADD COLUMN %I %s GENERATED ALWAYS AS (%I) STORED', past, aside, type, column_name);
  EXECUTE pg_catalog.format('ALTER TABLE %s ALTER COLUMN %I DROP EXPRESSION', past, aside);
END
$$;
COMMENT ON FUNCTION yore._keep_copy(regclass, name, text) IS 'Copies a column of the past, before it is converted, to name_until_1, _2, ….';

CREATE OR REPLACE FUNCTION yore._start_conversion(past regclass, r jsonb, mark jsonb, still name) RETURNS jsonb
LANGUAGE plpgsql VOLATILE
AS $$
DECLARE
  constraint_name CONSTANT name := 'yore_using_' || (r #>> '{column,number}');
BEGIN
  PERFORM yore._add_past_column(past, r -> 'column');
  IF r ->> 'verdict' = 'fails' THEN
    RETURN mark;
  END IF;
  mark := mark || pg_catalog.jsonb_build_object(
    'still', still, 'using', yore._checked(past, constraint_name), 'keep', r ->> 'verdict' <> 'exact',
    'page', 0, 'pages', pg_catalog.pg_relation_size(past) / pg_catalog.current_setting('block_size')::integer);
  EXECUTE pg_catalog.format('ALTER TABLE %s DROP CONSTRAINT %I', past, constraint_name);
  RETURN mark;
END
$$;
COMMENT ON FUNCTION yore._start_conversion(regclass, jsonb, jsonb, name) IS
  'Adds the new column beside the one that was put aside, and returns what yore.convert_past needs to know: where the former values are (column), which versions are still to be converted (still), how (using), whether the former values stay (keep), and how far it has got; where they cannot be converted, the first alone.';

CREATE OR REPLACE FUNCTION yore._refuse_unconverted(m yore.tracked, now_has jsonb) RETURNS void
LANGUAGE plpgsql STABLE
AS $$
DECLARE
  waiting text := (SELECT pg_catalog.string_agg(pg_catalog.quote_ident(w ->> 'name'), ', ') FROM pg_catalog.jsonb_array_elements(m.columns) AS w WHERE w ? 'was');
BEGIN
  IF waiting IS NOT NULL AND now_has IS DISTINCT FROM (SELECT pg_catalog.jsonb_agg(w - 'was' ORDER BY place) FROM pg_catalog.jsonb_array_elements(m.columns) WITH ORDINALITY AS e (w, place)) THEN
    PERFORM yore._fail('YO024', pg_catalog.format('the past of %I.%I is still being converted to the new type of %s', m.schema_name, m.table_name, waiting),
                       pg_catalog.format('SELECT * FROM yore.convert_past(%L) until nothing remains.', pg_catalog.format('%I.%I', m.schema_name, m.table_name)));
  END IF;
END
$$;
COMMENT ON FUNCTION yore._refuse_unconverted(yore.tracked, jsonb) IS
  'Error YO024 if a conversion of the past is under way, and the table''s columns are no longer those of the catalog, or, now_has being NULL, are about to change.';

CREATE OR REPLACE FUNCTION yore._begin_again(m yore.tracked, c jsonb) RETURNS yore.tracked
LANGUAGE plpgsql VOLATILE
AS $$
DECLARE
  past      regclass := yore._past(m);
  forgotten boolean;
BEGIN
  -- Pages are no names: VACUUM FULL, CLUSTER, or a dump and restore put versions
  -- on others.
  EXECUTE pg_catalog.format('SELECT EXISTS (SELECT FROM %s WHERE %I)', past, c #>> '{was,still}') INTO forgotten;
  IF forgotten THEN
    m := yore._mark(m, pg_catalog.jsonb_build_object('page', 0, 'pages', pg_catalog.pg_relation_size(past) / pg_catalog.current_setting('block_size')::integer));
  END IF;
  RETURN m;
END
$$;
COMMENT ON FUNCTION yore._begin_again(yore.tracked, jsonb) IS
  'Before former values are dropped: where versions are left that are not converted, sets the conversion back to the first page. Reads the past.';

CREATE OR REPLACE FUNCTION yore.convert_past(t text, pages integer DEFAULT 200) RETURNS TABLE (converted bigint, remaining bigint)
LANGUAGE plpgsql VOLATILE
AS $$
DECLARE
  m    yore.tracked := yore._tracked(t);
  past text;
  c    jsonb;
  upto bigint;
BEGIN
  converted := 0;
  IF pages IS NULL OR pages < 1 THEN
    PERFORM yore._fail('YO007', pg_catalog.format('pages is a number from 1 on, not %s', pg_catalog.quote_nullable(pages)),
                       'Leave it out for 200, which is 1.6 MB.');
  END IF;
  PERFORM yore._check_rights(yore._storage(m), m.in_place);
  m := yore._hold(m);   -- nobody else converts meanwhile
  c := yore._unconverted(m);
  IF (c #>> '{was,page}')::bigint >= (c #>> '{was,pages}')::bigint THEN
    m := yore._begin_again(m, c);
    c := yore._unconverted(m);
  END IF;
  IF (c #>> '{was,page}')::bigint >= (c #>> '{was,pages}')::bigint THEN
    PERFORM yore._end_conversion(m);
  ELSIF c IS NOT NULL THEN
    past := pg_catalog.format('%I.%I', m.past_schema, m.past_name);
    upto := least((c #>> '{was,page}')::bigint + pages, (c #>> '{was,pages}')::bigint);
    EXECUTE pg_catalog.format('ALTER TABLE %s DISABLE TRIGGER yore_append_only_update', past);
    EXECUTE pg_catalog.format('UPDATE %1$s SET %2$s, %3$I = NULL WHERE ctid >= %4$L AND ctid < %5$L AND %3$I', past,
      (SELECT pg_catalog.string_agg(pg_catalog.format('%I = %s', w ->> 'name', w #>> '{was,using}'), ', ') FROM pg_catalog.jsonb_array_elements(m.columns) AS w WHERE w ? 'was'),
      c #>> '{was,still}', pg_catalog.format('(%s,0)', c #>> '{was,page}'), pg_catalog.format('(%s,0)', upto));
    GET DIAGNOSTICS converted = ROW_COUNT;
    EXECUTE pg_catalog.format('ALTER TABLE %s ENABLE TRIGGER yore_append_only_update', past);
    m := yore._mark(m, pg_catalog.jsonb_build_object('page', upto));
    remaining := (c #>> '{was,pages}')::bigint - upto + 1;
  END IF;
  remaining := coalesce(remaining, 0);
  RETURN NEXT;
END
$$;
COMMENT ON FUNCTION yore.convert_past(text, integer) IS
  'Converts further pages of a past that yore.alter_table(…, in_batches => true) left to be converted; returns how many versions that were and how many pages remain, and one step for the end: call it, each time in a transaction of its own, until nothing remains. Meanwhile history and asof convert what they read. Errors: YO003 not tracked, YO007 pages, YO008 no right. Blocks writers, not readers, for as long as a call takes; the last one takes ACCESS EXCLUSIVE for changes of the catalog, and builds the column''s indexes.';

CREATE OR REPLACE FUNCTION yore._unconverted(m yore.tracked) RETURNS jsonb
LANGUAGE sql IMMUTABLE
AS $$ SELECT w FROM pg_catalog.jsonb_array_elements(m.columns) WITH ORDINALITY AS e (w, place) WHERE w ? 'was' ORDER BY place LIMIT 1 $$;
COMMENT ON FUNCTION yore._unconverted(yore.tracked) IS 'The first column whose former values are still to be converted; NULL if there is none.';

CREATE OR REPLACE FUNCTION yore._mark(m yore.tracked, more jsonb) RETURNS yore.tracked
LANGUAGE plpgsql VOLATILE
AS $$
BEGIN
  m.columns := (SELECT pg_catalog.jsonb_agg(CASE WHEN NOT w ? 'was' THEN w WHEN more IS NULL THEN w - 'was'
                                                 ELSE w || pg_catalog.jsonb_build_object('was', (w -> 'was') || more) END ORDER BY place)
                  FROM pg_catalog.jsonb_array_elements(m.columns) WITH ORDINALITY AS e (w, place));
  UPDATE yore.tracked AS x SET columns = m.columns WHERE (x.schema_name, x.table_name) = (m.schema_name, m.table_name);
  RETURN m;
END
$$;
COMMENT ON FUNCTION yore._mark(yore.tracked, jsonb) IS 'Adds to the marks of the columns that are being converted, or, more being NULL, takes them away.';

CREATE OR REPLACE FUNCTION yore._end_conversion(m yore.tracked) RETURNS void
LANGUAGE plpgsql VOLATILE
AS $$
DECLARE
  past  regclass := yore._past(m);
  marks jsonb := (SELECT pg_catalog.jsonb_agg(w -> 'was') FROM pg_catalog.jsonb_array_elements(m.columns) AS w WHERE w ? 'was');
  gone  name;
BEGIN
  PERFORM yore._lock(m);
  m := yore._mark(m, '{"done": true}');
  PERFORM yore._make_faces(m);   -- with the same columns, and none of those that go
  FOR gone IN SELECT DISTINCT w ->> 'still' FROM pg_catalog.jsonb_array_elements(marks) AS w
              UNION ALL SELECT w ->> 'column' FROM pg_catalog.jsonb_array_elements(marks) AS w WHERE NOT (w ->> 'keep')::boolean
  LOOP
    EXECUTE pg_catalog.format('ALTER TABLE %s DROP COLUMN %I', past, gone);
  END LOOP;
  m := yore._mark(m, NULL);
  PERFORM yore._make_faces(m);     -- history shows what was kept
  PERFORM yore._copy_indexes(m);   -- those of the columns went with their former values
  IF m.immutable THEN
    PERFORM yore._make_triggers(m);   -- undeleting reads the past itself again
  END IF;
END
$$;
COMMENT ON FUNCTION yore._end_conversion(yore.tracked) IS
  'The past is converted: former values go, unless something of them was lost. Takes ACCESS EXCLUSIVE locks; indexes of the columns are built anew.';

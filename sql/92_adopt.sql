-- Adopting a table whose history another system kept: the function, and its report.

CREATE OR REPLACE FUNCTION yore.adopt(
  t             text,
  dry_run       boolean DEFAULT false,
  on_problem    text    DEFAULT 'refuse',
  history_table text    DEFAULT NULL,
  period        text[]  DEFAULT NULL,
  key           text[]  DEFAULT NULL,
  in_place      boolean DEFAULT NULL,
  prefix        text    DEFAULT NULL,
  past_name     text    DEFAULT NULL
) RETURNS TABLE (kind text, item text, figure bigint, row_key jsonb, valid_from timestamptz, valid_to timestamptz, detail text)
LANGUAGE plpgsql VOLATILE
AS $$
#variable_conflict use_variable
DECLARE
  rel      regclass := yore._relation(t);
  given    jsonb;
  s        jsonb;
  judged   text;
  problems integer;
  stuck    boolean;
  worst    text;
BEGIN
  IF on_problem IS NULL OR on_problem NOT IN ('refuse', 'leave_out') THEN
    PERFORM yore._fail('YO007', pg_catalog.format('on_problem is ''refuse'' or ''leave_out'', not %s', pg_catalog.quote_nullable(on_problem)));
  ELSIF (yore._find(rel)).schema_name IS NOT NULL THEN
    PERFORM yore._fail('YO004', pg_catalog.format('table %s is already tracked', rel), 'Its history is yore''s own; there is nothing to adopt.');
  END IF;
  given := pg_catalog.jsonb_build_object('in_place', coalesce(in_place, false), 'prefix', coalesce(prefix, ''), 'past_name', past_name);
  s := yore._adopt_columns(yore._adopt_source(rel, history_table, period), key) || given;
  PERFORM yore._adopt_check(s);
  judged := yore._adopt_judge(s);
  IF NOT dry_run THEN
    PERFORM yore._adopt_lock(s);
    -- Seen again behind the locks, and judged once.
    s := yore._adopt_columns(yore._adopt_source(rel, history_table, period), key) || given;
    judged := yore._adopt_judge(s);
    EXECUTE pg_catalog.format('CREATE TEMPORARY TABLE yore_adopted AS %s', judged);
    judged := 'SELECT * FROM pg_temp.yore_adopted';
  END IF;
  RETURN QUERY SELECT * FROM yore._adopt_report(s, judged);
  IF dry_run THEN
    RETURN;
  END IF;

  SELECT pg_catalog.count(*), coalesce(pg_catalog.bool_or(r.kind = 'obstacle'), false),
         pg_catalog.string_agg(pg_catalog.concat_ws(' ', r.item, r.row_key, r.valid_from, r.detail), E'\n' ORDER BY r.place) FILTER (WHERE r.place <= 10)
    INTO problems, stuck, worst
    FROM (SELECT *, pg_catalog.row_number() OVER () AS place FROM yore._adopt_report(s, judged) AS x
           WHERE x.kind = 'obstacle' OR x.kind = 'problem' AND on_problem = 'refuse') AS r;
  IF problems > 0 THEN
    PERFORM yore._fail('YO025', pg_catalog.format('%s is not adopted, for %s', rel, CASE problems WHEN 1 THEN 'one reason' ELSE problems || ' reasons' END),
      CASE WHEN stuck THEN 'Obstacles have to be mended first, whatever on_problem says; yore.adopt(…, dry_run => true) shows all.'
           ELSE 'yore.adopt(…, dry_run => true) shows all. Mend them in the source; or, with on_problem => ''leave_out'', versions that cannot be taken are kept in a table.' END, worst);
  END IF;
  PERFORM yore._adopt_run(s);
END
$$;
COMMENT ON FUNCTION yore.adopt IS
  'Reads the history that ChronoModel, ImmuTable, temporal_tables or periods kept of the table t, or that of the history_table and period given, makes every version of it one of yore''s, drops what the other system needed, and tracks the table from then on. Returns what was read: kind is source, figure, problem (of a version), obstacle (none of a version) or note. dry_run: the report alone, nothing is changed, and nothing locked but for reading. on_problem: refuse (the default), or leave_out, which keeps versions that cannot be taken in t_left_out, beside the past. Errors: YO003 no such table, YO004 tracked already, YO005 no key, YO007 an option''s value, YO008 no right, YO013 not READ COMMITTED, YO025 problems or obstacles, or no history that is known; those of yore.track; then nothing has changed. Takes ACCESS EXCLUSIVE locks on the table and its history, while every version is read and written once.';

CREATE OR REPLACE FUNCTION yore._adopt_check(s jsonb) RETURNS void
LANGUAGE plpgsql VOLATILE
AS $$
DECLARE
  face    regclass := (s ->> 'face')::oid;
  current regclass := (s ->> 'current')::oid;
  history regclass := (s ->> 'history')::oid;
BEGIN
  IF current = face THEN
    PERFORM yore._check_table(current, (s ->> 'in_place')::boolean);
  ELSE
    PERFORM yore._check_row_security(current, (s ->> 'in_place')::boolean);
  END IF;
  PERFORM yore._check_rights(face, (s ->> 'in_place')::boolean);
  IF pg_catalog.row_security_active(current) OR pg_catalog.row_security_active(history) THEN
    PERFORM yore._fail('YO008', pg_catalog.format('row-level security may keep rows of %s or %s from %I', current, history, current_user), 'Adopt as the owner, or as a superuser.');
  END IF;
END
$$;
COMMENT ON FUNCTION yore._adopt_check(jsonb) IS 'Errors YO005 and YO008, before anything is read.';

CREATE OR REPLACE FUNCTION yore._adopt_lock(s jsonb) RETURNS void
LANGUAGE plpgsql VOLATILE
AS $$
DECLARE
  face    regclass := (s ->> 'face')::oid;
  current regclass := (s ->> 'current')::oid;
  history regclass := (s ->> 'history')::oid;
BEGIN
  IF pg_catalog.current_setting('transaction_isolation') <> 'read committed' THEN
    PERFORM yore._fail('YO013', pg_catalog.format('adopting %s needs a transaction of READ COMMITTED: an older snapshot need not show every version', face), 'BEGIN ISOLATION LEVEL READ COMMITTED');
  END IF;
  EXECUTE pg_catalog.format('LOCK TABLE %s IN ACCESS EXCLUSIVE MODE', face);
  IF (yore._find(face)).schema_name IS NOT NULL OR (SELECT pg_catalog.count(*) FROM pg_catalog.pg_class AS c WHERE c.oid IN (face, current, history)) < (SELECT pg_catalog.count(DISTINCT o) FROM pg_catalog.unnest(ARRAY[face, current, history]) AS o) THEN
    -- The lock was waited for, and who had it did the same.
    PERFORM yore._fail('YO004', pg_catalog.format('table %I.%I has been tracked meanwhile', s ->> 'schema', s ->> 'name'));
  END IF;
  IF current <> face THEN
    EXECUTE pg_catalog.format('LOCK TABLE %s IN ACCESS EXCLUSIVE MODE', current);
  END IF;
  IF history <> current THEN
    EXECUTE pg_catalog.format('LOCK TABLE %s IN ACCESS EXCLUSIVE MODE', history);
  END IF;
END
$$;
COMMENT ON FUNCTION yore._adopt_lock(jsonb) IS 'Takes ACCESS EXCLUSIVE locks on the table and its history. Errors YO013 in a transaction that is not READ COMMITTED, YO004 if another adopted it meanwhile.';

CREATE OR REPLACE FUNCTION yore._adopt_report(s jsonb, judged text)
RETURNS TABLE (kind text, item text, figure bigint, row_key jsonb, valid_from timestamptz, valid_to timestamptz, detail text)
LANGUAGE plpgsql STABLE
AS $$
#variable_conflict use_column
BEGIN
  RETURN QUERY SELECT 'source', a.item, NULL::bigint, NULL::jsonb, NULL::timestamptz, NULL::timestamptz, a.detail FROM yore._adopt_parts(s) AS a;
  RETURN QUERY EXECUTE pg_catalog.format($query$
    WITH judged AS MATERIALIZED (%s),
    facts AS (
      SELECT j.*, CASE WHEN fate = 'past' AND begins = ends THEN true ELSE false END AS is_tombstone FROM judged AS j),
    figures AS (
      SELECT count(*) FILTER (WHERE fate <> 'copy' AND NOT is_tombstone) AS versions,
             count(*) FILTER (WHERE fate = 'current' OR NOT goes_on AND (deletes OR is_tombstone)) AS rows,
             count(*) FILTER (WHERE fate = 'current') AS present,
             count(*) FILTER (WHERE NOT goes_on AND (deletes OR is_tombstone)) AS deleted,
             count(*) FILTER (WHERE deletes OR is_tombstone) AS deletions,
             count(*) FILTER (WHERE fate = 'left out') AS unfit,
             count(problem) AS problems,
             min(begins) FILTER (WHERE fate IN ('past', 'current')) AS earliest
        FROM facts)
    SELECT 'figure', f.item, f.figure, NULL::jsonb, CASE f.item WHEN 'versions' THEN nullif(earliest, '-infinity') END, NULL::timestamptz, f.detail
      FROM figures CROSS JOIN LATERAL (VALUES
        ('versions',     versions,  'read, the current ones among them'),
        ('keys',         rows,      'rows that there are or were'),
        ('current rows', present,   NULL),
        ('deleted keys', deleted,   'rows that there were'),
        ('deletions',    deletions, 'tombstones in the past'),
        ('left out',     unfit,     CASE WHEN unfit > 0 THEN 'versions that cannot be taken: on_problem => ''leave_out'' keeps them in ' || %s END),
        ('problems',     problems,  NULL)) AS f (item, figure, detail)
    UNION ALL
    SELECT * FROM (
      SELECT CASE WHEN problem IS NOT NULL THEN 'problem' ELSE 'note' END, coalesce(problem, note), NULL::bigint, key,
             nullif(begins, '-infinity'), nullif(ends, 'infinity'), detail
        FROM facts WHERE problem IS NOT NULL OR note IS NOT NULL
       ORDER BY problem IS NULL, key::text, begins, ends) AS p$query$, judged,
    pg_catalog.quote_literal(pg_catalog.format('%I.%I', yore._schema('temporal', s ->> 'schema'), yore._derived(s ->> 'name', '_left_out'))));
  RETURN QUERY SELECT b.kind, b.item, NULL::bigint, NULL::jsonb, NULL::timestamptz, NULL::timestamptz, b.detail FROM yore._adopt_blockers(s) AS b ORDER BY b.kind DESC, b.item, b.detail;
END
$$;
COMMENT ON FUNCTION yore._adopt_report(jsonb, text) IS 'The report: the parts of the source, figures, problems, notes. judged is the query that judges, or one that reads what it said.';

CREATE OR REPLACE FUNCTION yore._adopt_parts(s jsonb) RETURNS TABLE (item text, detail text)
LANGUAGE sql STABLE
AS $$
  SELECT 'system', s ->> 'system'
  UNION ALL SELECT 'current rows', ((s ->> 'current')::oid::regclass)::text
  UNION ALL SELECT 'history', ((s ->> 'history')::oid::regclass)::text
  UNION ALL SELECT 'period', s ->> 'period'
  UNION ALL SELECT 'key', (SELECT pg_catalog.string_agg(pg_catalog.quote_ident(k), ', ') FROM pg_catalog.jsonb_array_elements_text(s -> 'key') AS k)
  UNION ALL SELECT 'options', s ->> 'options' WHERE s -> 'options' <> '{}'
  UNION ALL SELECT 'goes', 'trigger ' || pg_catalog.quote_ident(g) FROM pg_catalog.jsonb_array_elements_text(s -> 'triggers') AS g
  UNION ALL SELECT 'goes', pg_catalog.pg_describe_object('pg_catalog.pg_class'::regclass, o, 0) FROM pg_catalog.unnest(yore._oids(s -> 'relations')) AS o
  UNION ALL SELECT 'goes', pg_catalog.pg_describe_object('pg_catalog.pg_proc'::regclass, o, 0) FROM pg_catalog.unnest(yore._oids(s -> 'functions')) AS o
  UNION ALL SELECT 'goes', pg_catalog.format('column %I', c) FROM pg_catalog.jsonb_array_elements_text(s -> 'drop_columns') AS c
$$;
COMMENT ON FUNCTION yore._adopt_parts(jsonb) IS 'What the source consists of, and what goes with it.';

CREATE OR REPLACE FUNCTION yore._adopt_blockers(s jsonb) RETURNS TABLE (kind text, item text, detail text)
LANGUAGE plpgsql STABLE
AS $$
#variable_conflict use_column
DECLARE
  current regclass := (s ->> 'current')::oid;
  history regclass := (s ->> 'history')::oid;
  space   name := s ->> 'schema';
  stays   text[] := ARRAY(SELECT x.name FROM yore._adopt_columns_of(current) AS x WHERE NOT (s -> 'drop_columns') ? x.name);
BEGIN
  RETURN QUERY SELECT 'obstacle', 'dependent', pg_catalog.format('%s depends on what goes: drop it, and make it anew afterwards', d) FROM yore._adopt_dependents(s) AS d;
  RETURN QUERY SELECT 'obstacle', 'column type', x FROM pg_catalog.jsonb_array_elements_text(s -> 'mistyped') AS x;
  RETURN QUERY
    SELECT 'obstacle', 'name', pg_catalog.format('column %I has the name of one that yore adds', c) FROM pg_catalog.unnest(stays) AS c
     WHERE c = ANY (yore._own_columns()::text[] || '{sys_to,sys_xid_to}'::text[])
    UNION ALL
    SELECT 'obstacle', 'name', pg_catalog.format('column %I has the name of one that history shows: prefix => ''sys_''', c) FROM pg_catalog.unnest(stays) AS c
     WHERE c IN (SELECT (s ->> 'prefix') || n FROM pg_catalog.unnest(ARRAY['version', 'valid_from', 'valid_to', 'deleted_at', 'xid']) AS n)
    UNION ALL
    SELECT 'obstacle', 'name', pg_catalog.format('%s is already there', n.name)
      FROM pg_catalog.unnest(ARRAY[
             CASE WHEN NOT (s ->> 'in_place')::boolean THEN pg_catalog.format('%I.%I', yore._schema('temporal', space), s ->> 'name') END,
             pg_catalog.format('%I.%I', yore._schema('temporal', space), coalesce(s ->> 'past_name', (s ->> 'name') || '_past')),
             pg_catalog.format('%I.%I', yore._schema('temporal', space), yore._derived(s ->> 'name', '_left_out')),
             pg_catalog.format('%I.%I', yore._schema('history', space), s ->> 'name'),
             pg_catalog.format('%I.%I', yore._schema('asof', space), s ->> 'name')]) AS n (name)
     WHERE pg_catalog.to_regclass(n.name) <> ALL (ARRAY[current, history] || yore._oids(s -> 'relations')::regclass[]);
  RETURN QUERY SELECT 'note', 'note', x FROM pg_catalog.jsonb_array_elements_text(s -> 'notes') AS x;
  RETURN QUERY SELECT 'note', 'column', pg_catalog.format('%I is not in the history: NULL in the past', x) FROM pg_catalog.jsonb_array_elements_text(s -> 'absent') AS x;
  RETURN QUERY SELECT 'note', 'column', pg_catalog.format('%I is in the history alone: stays in the past', x ->> 'name') FROM pg_catalog.jsonb_array_elements(s -> 'past_only') AS x;
  RETURN QUERY
    SELECT 'note', 'goes', pg_catalog.format('trigger %I on %s', g.tgname, g.tgrelid::regclass)
      FROM pg_catalog.pg_trigger AS g
     WHERE g.tgrelid = ANY (yore._oids(s -> 'relations')) AND NOT g.tgisinternal AND g.tgfoid <> ALL (yore._oids(s -> 'functions'));
  -- Indexes and constraints over columns that go, go with them.
  RETURN QUERY
    SELECT DISTINCT 'note', 'goes', pg_catalog.format('%s', coalesce(pg_catalog.pg_get_constraintdef(k.oid), pg_catalog.pg_get_indexdef(d.objid)))
      FROM pg_catalog.pg_depend AS d
      JOIN pg_catalog.pg_attribute AS a ON a.attrelid = d.refobjid AND a.attnum = d.refobjsubid
      LEFT JOIN pg_catalog.pg_constraint AS k ON d.classid = 'pg_catalog.pg_constraint'::regclass AND k.oid = d.objid AND k.contype IN ('u', 'p', 'x', 'c', 'f')
      LEFT JOIN pg_catalog.pg_index AS i ON d.classid = 'pg_catalog.pg_class'::regclass AND i.indexrelid = d.objid
     WHERE d.refclassid = 'pg_catalog.pg_class'::regclass AND d.refobjid = current AND d.deptype = 'a'
       AND (s -> 'drop_columns') ? a.attname::text AND (k.oid IS NOT NULL OR i.indexrelid IS NOT NULL);
  RETURN QUERY
    SELECT 'note', 'grants', pg_catalog.format('%s may read %s: SELECT yore.grant_history(…) lets a role read the past', pg_catalog.string_agg(DISTINCT g ->> 'grantee', ', '), history)
      FROM pg_catalog.jsonb_array_elements(yore._save_acl(history)) AS g WHERE g ->> 'privilege' = 'SELECT' AND history <> current
    HAVING pg_catalog.count(*) > 0;
END
$$;
COMMENT ON FUNCTION yore._adopt_blockers(jsonb) IS 'What stands in the way, seen in the catalogs, and what should be known.';

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

-- Indexes of a tracked table, and the past's copies of them: as-of queries have
-- the same conditions as those of the present.

CREATE OR REPLACE FUNCTION yore._copy_name(index_name text) RETURNS name
LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS $$ SELECT yore._derived(index_name, '_past') $$;
COMMENT ON FUNCTION yore._copy_name(text) IS 'How the past''s copy of an index is called.';

CREATE OR REPLACE FUNCTION yore._takes_period(index regclass) RETURNS boolean
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
AS $$
  -- An entry has to fit a third of a page, or the write of a version would fail
  -- that the present has taken. Text without a limit may come near to that.
  SELECT am.amname = 'btree' AND i.indnatts <= 30
     AND (SELECT sum(CASE WHEN t.typlen > 0 THEN t.typlen
                          WHEN t.typname IN ('varchar', 'bpchar') AND a.atttypmod > 0 THEN 4 * a.atttypmod
                          ELSE 10000 END) < 2000
            FROM pg_attribute AS a JOIN pg_type AS t ON t.oid = a.atttypid
           WHERE a.attrelid = index)
    FROM pg_index AS i JOIN pg_class AS c ON c.oid = i.indexrelid JOIN pg_am AS am ON am.oid = c.relam
   WHERE i.indexrelid = index
$$;
COMMENT ON FUNCTION yore._takes_period(regclass) IS
  'Whether the past''s copy of an index can have sys_to and sys_from behind its columns: a B-tree whose entries stay small. By them a query as of a time finds the one version that it needs, instead of all that a row has had.';

CREATE OR REPLACE FUNCTION yore._with_columns(definition text, more text) RETURNS text
LANGUAGE plpgsql IMMUTABLE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  depth  integer := 0;
  inside text;      -- the kind of quote that is open
  c      text;
BEGIN
  FOR i IN 1 .. length(definition) LOOP
    c := substr(definition, i, 1);
    IF inside IS NOT NULL THEN
      inside := nullif(inside, c);   -- a doubled quote closes and opens again
    ELSIF c IN ('''', '"') THEN
      inside := c;
    ELSIF c = '(' THEN
      depth := depth + 1;
    ELSIF c = ')' THEN
      depth := depth - 1;
      IF depth = 0 THEN
        RETURN substr(definition, 1, i - 1) || more || substr(definition, i);
      END IF;
    END IF;
  END LOOP;
  RETURN definition;
END
$$;
COMMENT ON FUNCTION yore._with_columns(text, text) IS
  'What follows the table''s name in CREATE INDEX, as pg_get_indexdef writes it, with further columns behind the first ones.';

CREATE OR REPLACE FUNCTION yore._copy_index(m yore.tracked, index regclass) RETURNS void
LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp   -- so that the definition names everything with its schema
AS $$
DECLARE
  definition text := pg_get_indexdef(index);
  name       name := (SELECT c.relname FROM pg_class AS c WHERE c.oid = index);
  tail       text;
BEGIN
  -- Access method, columns with their operator classes and order, INCLUDE, WITH,
  -- WHERE: all that follows the table's name.
  SELECT substr(definition, length(h.head) + 1) INTO tail
    FROM unnest(ARRAY['', 'ONLY ']) AS o (only_word)
   CROSS JOIN unnest(ARRAY['', 'UNIQUE ']) AS u (is_unique)
   CROSS JOIN LATERAL (SELECT format('CREATE %sINDEX %I ON %s%I.%I', u.is_unique, name, o.only_word, m.storage_schema, m.storage_name)) AS h (head)
   WHERE starts_with(definition, h.head || ' USING ');
  IF yore._takes_period(index) THEN
    -- The period behind them, as in the past's own index of the key.
    tail := yore._with_columns(tail, ', sys_to, sys_from');
  END IF;
  PERFORM yore._drop_copy(m, name);   -- of a former index of that name
  EXECUTE format('CREATE INDEX %I ON %I.%I %s', yore._copy_name(name), m.past_schema, m.past_name, tail);
END
$$;
COMMENT ON FUNCTION yore._copy_index(yore.tracked, regclass) IS
  'Makes the past''s copy of an index: the same but not unique, since the past has many versions of a row, and with the period behind its columns where there is room. Takes a SHARE lock on the past and reads it.';

CREATE OR REPLACE FUNCTION yore._copy_indexes(m yore.tracked) RETURNS void
LANGUAGE plpgsql VOLATILE
AS $$
DECLARE
  rel   regclass := yore._storage(m);
  index regclass;
BEGIN
  FOR index IN
    SELECT i.indexrelid
      FROM pg_catalog.pg_index AS i JOIN pg_catalog.pg_class AS c ON c.oid = i.indexrelid
     WHERE m.copy_indexes AND i.indrelid = rel AND i.indisvalid
       AND i.indexrelid <> yore._key_index(rel, m.key_columns)   -- the past is ordered by its key as it is
       AND NOT EXISTS (SELECT FROM pg_catalog.pg_attribute AS a
                        WHERE a.attrelid = rel AND a.attnum = ANY (i.indkey::smallint[]) AND a.attname = ANY (yore._own_columns()))
       AND pg_catalog.to_regclass(pg_catalog.format('%I.%I', m.past_schema, yore._copy_name(c.relname))) IS NULL
     ORDER BY i.indexrelid
  LOOP
    BEGIN
      PERFORM yore._copy_index(m, index);
    EXCEPTION WHEN syntax_error_or_access_rule_violation OR feature_not_supported OR program_limit_exceeded THEN
      RAISE WARNING USING MESSAGE = pg_catalog.format('yore: index %s could not be copied to the past', index), DETAIL = SQLERRM;
    END;
  END LOOP;
END
$$;
COMMENT ON FUNCTION yore._copy_indexes(yore.tracked) IS
  'Gives the past a copy of each index of the table that it has none of, but the key''s; under copy_indexes => false, none.';

CREATE OR REPLACE FUNCTION yore._copy_of(m yore.tracked, index_name name) RETURNS regclass
LANGUAGE sql STABLE
AS $$
  SELECT i.indexrelid::regclass FROM pg_catalog.pg_index AS i JOIN pg_catalog.pg_class AS c ON c.oid = i.indexrelid
   WHERE i.indrelid = yore._past(m) AND c.relname = yore._copy_name(index_name)
$$;
COMMENT ON FUNCTION yore._copy_of(yore.tracked, name) IS 'The past''s copy of an index; NULL if there is none.';

CREATE OR REPLACE FUNCTION yore._drop_copy(m yore.tracked, index_name name) RETURNS void
LANGUAGE plpgsql VOLATILE
AS $$
DECLARE
  copy regclass := yore._copy_of(m, index_name);
BEGIN
  IF copy IS NOT NULL THEN
    EXECUTE pg_catalog.format('DROP INDEX %s', copy);
  END IF;
END
$$;
COMMENT ON FUNCTION yore._drop_copy(yore.tracked, name) IS 'Drops the past''s copy of an index, if there is one.';

CREATE OR REPLACE FUNCTION yore._drop_copies(past regclass, column_name name) RETURNS void
LANGUAGE plpgsql VOLATILE
AS $$
DECLARE
  copy regclass;
BEGIN
  FOR copy IN
    SELECT DISTINCT i.indexrelid
      FROM pg_catalog.pg_index AS i
      JOIN pg_catalog.pg_depend AS d ON d.classid = 'pg_catalog.pg_class'::regclass AND d.objid = i.indexrelid AND d.refclassid = d.classid AND d.refobjid = past
      JOIN pg_catalog.pg_attribute AS a ON a.attrelid = past AND a.attnum = d.refobjsubid AND a.attname = column_name
     WHERE i.indrelid = past
  LOOP
    EXECUTE pg_catalog.format('DROP INDEX %s', copy);
  END LOOP;
END
$$;
COMMENT ON FUNCTION yore._drop_copies(regclass, name) IS
  'Drops the past''s indexes that speak of a column, in their columns or their condition: it is about to be put aside. Not for columns of the key.';

CREATE OR REPLACE FUNCTION yore._rename_copy(m yore.tracked, index_name name, new_name name) RETURNS void
LANGUAGE plpgsql VOLATILE
AS $$
DECLARE
  copy regclass := yore._copy_of(m, index_name);
BEGIN
  IF copy IS NOT NULL AND pg_catalog.to_regclass(pg_catalog.format('%I.%I', m.past_schema, yore._copy_name(new_name))) IS NULL THEN
    EXECUTE pg_catalog.format('ALTER INDEX %s RENAME TO %I', copy, yore._copy_name(new_name));
  END IF;
END
$$;
COMMENT ON FUNCTION yore._rename_copy(yore.tracked, name, name) IS 'Gives the past''s copy of an index, if there is one, the name that goes with the index''s new name.';

CREATE OR REPLACE FUNCTION yore.create_index(t text, definition text, name text DEFAULT NULL, is_unique boolean DEFAULT false) RETURNS name
LANGUAGE plpgsql VOLATILE
AS $$
#variable_conflict use_variable
DECLARE
  m      yore.tracked := yore._to_alter(t);
  rel    regclass := CASE WHEN m.schema_name IS NULL THEN yore._relation(t) ELSE yore._storage(m) END;
  before oid[] := ARRAY(SELECT i.indexrelid FROM pg_catalog.pg_index AS i WHERE i.indrelid = rel);
  made   regclass;
  how    CONSTANT text := 'Write what follows the table''s name in CREATE INDEX, as in yore.create_index(''t'', ''(a, b DESC) WHERE c'').';
BEGIN
  IF m.schema_name IS NOT NULL THEN
    PERFORM yore._check_rights(rel, m.in_place);
  END IF;
  PERFORM yore._actions(definition, 'definition of an index', how);
  BEGIN
    EXECUTE pg_catalog.format('CREATE %sINDEX %sON %s %s', CASE WHEN is_unique THEN 'UNIQUE ' ELSE '' END, pg_catalog.quote_ident(name) || ' ', rel, definition);
  EXCEPTION WHEN syntax_error THEN
    PERFORM yore._fail('YO024', pg_catalog.format('%L is no definition of an index', definition), how, SQLERRM);
  END;
  SELECT i.indexrelid INTO made FROM pg_catalog.pg_index AS i WHERE i.indrelid = rel AND i.indexrelid <> ALL (before);
  IF m.copy_indexes THEN
    PERFORM yore._copy_index(m, made);
  END IF;
  RETURN (SELECT c.relname FROM pg_catalog.pg_class AS c WHERE c.oid = made);
END
$$;
COMMENT ON FUNCTION yore.create_index(text, text, text, boolean) IS
  'Makes an index on present and past alike, from what follows the table''s name in CREATE INDEX: [USING method] (columns) [INCLUDE …] [WHERE …]; in the past it is never unique and has the name with _past; where the table is tracked with copy_indexes => false, on the present alone. Returns its name, which PostgreSQL chooses where none is given. Errors: YO003 no such table, YO008 no right, YO024 no definition; those of CREATE INDEX. Takes SHARE locks: readers go on, writers wait while present and past are read.';

CREATE OR REPLACE FUNCTION yore.drop_index(t text, name text DEFAULT NULL, columns text[] DEFAULT NULL) RETURNS void
LANGUAGE plpgsql VOLATILE
AS $$
#variable_conflict use_variable
DECLARE
  m     yore.tracked := yore._to_alter(t);
  rel   regclass := CASE WHEN m.schema_name IS NULL THEN yore._relation(t) ELSE yore._storage(m) END;
  found regclass[];
  own   name;
BEGIN
  IF m.schema_name IS NOT NULL THEN
    PERFORM yore._check_rights(rel, m.in_place);
  END IF;
  IF pg_catalog.num_nonnulls(name, columns) <> 1 THEN
    PERFORM yore._fail('YO007', 'drop_index needs the name of an index, or its columns', 'yore.drop_index(''t'', ''t_a_idx'') or yore.drop_index(''t'', columns => ''{a}'')');
  END IF;
  found := ARRAY(
    SELECT i.indexrelid FROM pg_catalog.pg_index AS i JOIN pg_catalog.pg_class AS c ON c.oid = i.indexrelid
     WHERE i.indrelid = rel
       AND CASE WHEN name IS NOT NULL THEN c.relname = name
                ELSE columns = ARRAY(SELECT a.attname::text FROM pg_catalog.unnest(i.indkey::smallint[]) WITH ORDINALITY AS k (attnum, place)
                                       LEFT JOIN pg_catalog.pg_attribute AS a ON a.attrelid = rel AND a.attnum = k.attnum
                                      WHERE k.place <= i.indnkeyatts ORDER BY k.place) END);
  IF pg_catalog.cardinality(found) <> 1 THEN
    PERFORM yore._fail('YO007', pg_catalog.format('%s has %s %s', rel,
        CASE pg_catalog.cardinality(found) WHEN 0 THEN 'no index' ELSE 'more than one index' END, coalesce(pg_catalog.quote_ident(name), 'on (' || yore._quoted(columns) || ')')),
      CASE pg_catalog.cardinality(found) WHEN 0 THEN 'It has: ' || (SELECT pg_catalog.string_agg(i.indexrelid::regclass::text, ', ' ORDER BY i.indexrelid) FROM pg_catalog.pg_index AS i WHERE i.indrelid = rel)
           ELSE 'Name it: ' || pg_catalog.array_to_string(found, ', ') END);
  END IF;
  own := (SELECT c.relname FROM pg_catalog.pg_class AS c WHERE c.oid = found[1]);
  EXECUTE pg_catalog.format('DROP INDEX %s', found[1]);
  IF m.schema_name IS NOT NULL THEN
    PERFORM yore._drop_copy(m, own);
  END IF;
END
$$;
COMMENT ON FUNCTION yore.drop_index(text, text, text[]) IS
  'Drops an index of present and past, named or told by its columns. Errors: YO003 no such table, YO007 no such index, or several, YO008 no right; 2BP01 where a constraint needs it. Takes an ACCESS EXCLUSIVE lock on the table.';

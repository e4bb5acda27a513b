-- The whole of a tracked table for yore dump: statements in the order in which
-- they are to be run, and what its rows are read with.

CREATE OR REPLACE FUNCTION yore._definition(m yore.tracked) RETURNS TABLE (stage integer, statement text)
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
DECLARE
  rel   regclass := yore._storage(m);
  face  text := format('%I.%I', m.schema_name, m.table_name);
  key   oid := yore._key_index(rel, m.key_columns);
BEGIN
  -- 1: what must be there before, and may be there already.
  RETURN QUERY
  SELECT 1, format('DO %L', format('BEGIN IF pg_catalog.to_regnamespace(%L) IS NULL THEN CREATE SCHEMA %I; END IF; END', quote_ident(n.nspname), n.nspname))
    FROM pg_namespace AS n
   WHERE n.nspname <> 'public'
     AND (n.nspname = m.schema_name
       OR n.oid IN (SELECT k.typnamespace FROM yore._used_types(m) AS u JOIN pg_type AS k ON k.oid = u.type_oid WHERE u.extension IS NULL)
       OR n.oid IN (SELECT c.relnamespace FROM yore._used_sequences(m) AS s JOIN pg_class AS c ON c.oid = s.sequence WHERE NOT s.is_identity));
  RETURN QUERY
  SELECT 2, format('DO %L', format('BEGIN IF pg_catalog.to_regtype(%L) IS NULL THEN %s; END IF; END', u.type_oid::regtype, d.definition))
    FROM yore._used_types(m) AS u CROSS JOIN LATERAL (SELECT yore._type_definition(u.type_oid)) AS d (definition)
   WHERE u.extension IS NULL AND d.definition IS NOT NULL
   ORDER BY u.depth DESC, u.type_oid;
  RETURN QUERY
  SELECT 3, format('CREATE SEQUENCE IF NOT EXISTS %s AS %s %s', s.sequence, format_type(q.seqtypid, NULL), yore._sequence_options(s.sequence))
    FROM yore._used_sequences(m) AS s JOIN pg_sequence AS q ON q.seqrelid = s.sequence
   WHERE NOT s.is_identity;

  -- 4: the plain table, 5: what belongs to it.
  RETURN QUERY SELECT 4, yore._table_definition(m);
  RETURN QUERY
  SELECT 5, format('CREATE TABLE %s PARTITION OF %s %s', p.relid, p.parentrelid, pg_get_expr(c.relpartbound, c.oid))
            || CASE WHEN c.relkind = 'p' THEN ' PARTITION BY ' || pg_get_partkeydef(c.oid) ELSE '' END
            || coalesce(' WITH (' || array_to_string(c.reloptions, ', ') || ')', '')
    FROM pg_partition_tree(rel) AS p JOIN pg_class AS c ON c.oid = p.relid
   WHERE p.level > 0 AND c.relkind IN ('r', 'p')
   ORDER BY p.level, c.relname;
  RETURN QUERY
  SELECT 5, format('ALTER SEQUENCE %s OWNED BY %s.%I', s.sequence, face, s.column_name) FROM yore._used_sequences(m) AS s WHERE s.owned AND NOT s.is_identity;
  RETURN QUERY
  SELECT 5, yore._index_definition(i.indexrelid, face)
    FROM pg_index AS i WHERE i.indexrelid = key AND NOT EXISTS (SELECT FROM pg_constraint AS k WHERE k.conindid = key AND k.conrelid = rel AND k.contype IN ('p', 'u', 'x'));
  RETURN QUERY
  SELECT 5, format('COMMENT ON %s IS %L', CASE d.objsubid WHEN 0 THEN 'TABLE ' || face ELSE format('COLUMN %s.%I', face, a.attname) END, d.description)
    FROM pg_description AS d LEFT JOIN pg_attribute AS a ON a.attrelid = rel AND a.attnum = d.objsubid
   WHERE d.classoid = 'pg_class'::regclass AND d.objoid = rel
   ORDER BY d.objsubid;
  RETURN QUERY
  SELECT 5, format('COMMENT ON CONSTRAINT %I ON %s IS %L', k.conname, face, d.description)
    FROM pg_constraint AS k JOIN pg_description AS d ON d.classoid = 'pg_constraint'::regclass AND d.objoid = k.oid
   WHERE k.conrelid = rel AND k.contype IN ('p', 'u', 'c', 'x') AND k.convalidated
   ORDER BY k.conname;
  RETURN QUERY
  SELECT 5, format('ALTER TABLE %s %s', face, string_agg(format('ALTER COLUMN %I %s', a.attname, s.setting), ', ' ORDER BY a.attnum, s.setting))
    FROM pg_attribute AS a JOIN pg_type AS k ON k.oid = a.atttypid
   CROSS JOIN LATERAL (
         SELECT format('SET STATISTICS %s', a.attstattarget) WHERE a.attstattarget >= 0
         UNION ALL
         SELECT format('SET (%s)', array_to_string(a.attoptions, ', ')) WHERE a.attoptions IS NOT NULL
         UNION ALL
         SELECT format('SET STORAGE %s', CASE a.attstorage WHEN 'p' THEN 'PLAIN' WHEN 'e' THEN 'EXTERNAL' WHEN 'm' THEN 'MAIN' ELSE 'EXTENDED' END) WHERE a.attstorage <> k.typstorage) AS s (setting)
   WHERE a.attrelid = rel AND a.attnum > 0 AND NOT a.attisdropped AND a.attname <> ALL (yore._own_columns())
  HAVING count(*) > 0;
  RETURN QUERY
  SELECT 5, format('ALTER TABLE %s REPLICA IDENTITY %s', face, CASE c.relreplident WHEN 'f' THEN 'FULL' ELSE 'NOTHING' END) FROM pg_class AS c WHERE c.oid = rel AND c.relreplident IN ('f', 'n');
  RETURN QUERY
  SELECT 5, format('ALTER TABLE %s ENABLE ROW LEVEL SECURITY', face) || CASE WHEN c.relforcerowsecurity THEN ', FORCE ROW LEVEL SECURITY' ELSE '' END
    FROM pg_class AS c WHERE c.oid = rel AND c.relrowsecurity;
  RETURN QUERY SELECT 5, p FROM yore._policy_definitions(rel, face) AS p;

  RETURN QUERY SELECT 6, yore._track_call(m);

  -- 7, 8: once the rows are there.
  RETURN QUERY
  SELECT 7, format('SELECT yore._beneath(%L, %L, %L)', face, d.head, d.tail)
    FROM (SELECT yore._index_definition(i.indexrelid, NULL) AS head, yore._index_definition(i.indexrelid, '') AS tail, i.indexrelid
            FROM pg_index AS i
           WHERE i.indrelid = rel AND i.indexrelid <> key AND i.indisvalid
             AND i.indexrelid IS DISTINCT FROM to_regclass(format('%I.%I', m.storage_schema, yore._derived(m.storage_name, '_row_id')))
             AND NOT EXISTS (SELECT FROM pg_constraint AS k WHERE k.conindid = i.indexrelid AND k.conrelid = rel AND k.contype IN ('p', 'u', 'x'))) AS d
   ORDER BY d.head;
  RETURN QUERY SELECT 7, format('SELECT yore._copy_indexes(yore._tracked(%L::text))', face) WHERE m.copy_indexes;
  RETURN QUERY
  SELECT 7, format('SELECT yore._beneath(%L, %L, %L)', face, 'ALTER TABLE', format('ADD CONSTRAINT %I %s', k.conname, pg_get_constraintdef(k.oid)))
    FROM pg_constraint AS k WHERE k.conrelid = rel AND k.contype = 'c' AND NOT k.convalidated
   ORDER BY k.conname;
  RETURN QUERY
  SELECT 8, format('SELECT yore._refer(%L, %L, %L, %L)', face, format('ADD CONSTRAINT %I %s', k.conname, left(d.definition, d.at - 1)),
                   CASE WHEN (o).schema_name IS NULL THEN k.confrelid::regclass::text ELSE format('%I.%I', (o).schema_name, (o).table_name) END,
                   substr(d.definition, d.at + length(k.confrelid::regclass::text)))
    FROM pg_constraint AS k
   CROSS JOIN LATERAL (SELECT yore._find(k.confrelid)) AS f (o)
   CROSS JOIN LATERAL (SELECT pg_get_constraintdef(k.oid), strpos(pg_get_constraintdef(k.oid), format(') REFERENCES %s(', k.confrelid::regclass)) + 13) AS d (definition, at)
   WHERE k.conrelid = rel AND k.contype = 'f' AND k.conparentid = 0
   ORDER BY k.conname;
END
$$;
COMMENT ON FUNCTION yore._definition(yore.tracked) IS
  'The statements that make a tracked table anew, by stage: 1 schemas, 2 types, 3 sequences, 4 the plain table, 5 partitions, comments, policies, settings of columns, 6 yore.track, 7 indexes, 8 foreign keys. Of several tables, each stage comes before the next. Not among them: grants, owners, comments on indexes, triggers, rules and extended statistics of the user''s, and what the statements call.';

CREATE OR REPLACE FUNCTION yore.definition(t text) RETURNS text
LANGUAGE sql STABLE
AS $$
  SELECT pg_catalog.string_agg(d.statement || ';', E'\n' ORDER BY d.place)
    FROM yore._definition(yore._tracked(t)) WITH ORDINALITY AS d (stage, statement, place)
$$;
COMMENT ON FUNCTION yore.definition(text) IS
  'The SQL that makes a tracked table anew where it is missing: types, sequences, the plain table, yore.track with its options, indexes, foreign keys. Not in it: rows, grants, owners, triggers, rules and extended statistics of the user''s, comments on indexes, and what the statements call. Error YO003.';

CREATE OR REPLACE FUNCTION yore._index_definition(index oid, face text) RETURNS text
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
AS $$
  -- CREATE INDEX name ON [ONLY] table USING …: the table may be another.
  SELECT CASE WHEN face IS NULL THEN head ELSE concat_ws(' ', nullif(head || ' ' || face, head || ' '), substr(d.definition, length(head || ' ' || d.word || d.on_table) + 2)) END
    FROM pg_index AS i
    JOIN pg_class AS c ON c.oid = i.indexrelid
    JOIN pg_class AS t ON t.oid = i.indrelid
   CROSS JOIN LATERAL (SELECT pg_get_indexdef(index), i.indrelid::regclass::text, CASE WHEN t.relkind = 'p' THEN 'ONLY ' ELSE '' END) AS d (definition, on_table, word)
   CROSS JOIN LATERAL (SELECT format('CREATE %sINDEX %I ON', CASE WHEN i.indisunique THEN 'UNIQUE ' ELSE '' END, c.relname)) AS h (head)
   WHERE i.indexrelid = index
$$;
COMMENT ON FUNCTION yore._index_definition(oid, text) IS
  'The statement that makes the index on the relation given; with NULL only what stands before the relation''s name, with an empty one what stands after.';

CREATE OR REPLACE FUNCTION yore._left_out(m yore.tracked) RETURNS SETOF text
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  rel regclass := yore._storage(m);
BEGIN
  RETURN QUERY
  SELECT format('trigger %I', g.tgname) FROM pg_trigger AS g WHERE g.tgrelid = rel AND NOT g.tgisinternal AND g.tgname NOT LIKE '~yore\_%'
  UNION ALL
  SELECT format('rule %I', r.rulename) FROM pg_rewrite AS r WHERE r.ev_class = rel
  UNION ALL
  SELECT format('statistics %I', s.stxname) FROM pg_statistic_ext AS s WHERE s.stxrelid = rel
  UNION ALL
  SELECT format('foreign key %I of %s', k.conname, k.conrelid::regclass)
    FROM pg_constraint AS k WHERE k.confrelid = rel AND k.contype = 'f' AND k.conparentid = 0 AND (yore._find(k.conrelid)).schema_name IS NULL
  UNION ALL
  SELECT format('partition %s, a foreign table', p.relid) FROM pg_partition_tree(rel) AS p JOIN pg_class AS c ON c.oid = p.relid WHERE c.relkind = 'f';
END
$$;
COMMENT ON FUNCTION yore._left_out(yore.tracked) IS 'What belongs to a tracked table and is not in yore._definition, grants apart.';

CREATE OR REPLACE FUNCTION yore._dumped(m yore.tracked) RETURNS jsonb
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  rel   regclass := yore._storage(m);
  past  regclass := format('%I.%I', m.past_schema, m.past_name)::regclass;
BEGIN
  IF yore._shape(rel) <> m.shape THEN
    PERFORM yore._fail('YO009', format('table %I.%I has changed since its triggers were generated', m.schema_name, m.table_name),
                       format('Run SELECT yore.sync(%L).', format('%I.%I', m.schema_name, m.table_name)));
  END IF;
  PERFORM yore._refuse_unconverted(m, NULL);   -- a dump does not say how far that is
  RETURN jsonb_build_object(
    'name', format('%I.%I', m.schema_name, m.table_name),
    'columns', (SELECT jsonb_agg(jsonb_build_object('name', c ->> 'name', 'type', c ->> 'type', 'generated', c ->> 'generated') ORDER BY place)
                  FROM jsonb_array_elements(m.columns) WITH ORDINALITY AS e (c, place)),
    'immutable', m.immutable,
    'since', yore._utc(m.since),
    'tracked_at', yore._utc(m.tracked_at),
    'version_gaps', m.version_gaps,
    'amendments', to_regclass(yore._amendments(m)) IS NOT NULL,
    'past_only', (SELECT coalesce(jsonb_agg(jsonb_build_object('name', a.attname, 'type', format_type(a.atttypid, a.atttypmod),
                                  'collation', CASE WHEN a.attcollation <> k.typcollation THEN format('%I.%I', n.nspname, co.collname) END) ORDER BY a.attnum), '[]')
                    FROM pg_attribute AS a
                    JOIN pg_type AS k ON k.oid = a.atttypid
                    LEFT JOIN pg_collation AS co ON co.oid = a.attcollation
                    LEFT JOIN pg_namespace AS n ON n.oid = co.collnamespace
                   WHERE a.attrelid = past AND a.attnum > 0 AND NOT a.attisdropped
                     AND a.attname <> ALL (yore._own_columns() || '{sys_to,sys_xid_to}'::name[])
                     AND NOT m.columns @> jsonb_build_array(jsonb_build_object('name', a.attname))),
    'needs', (SELECT coalesce(jsonb_agg(DISTINCT need), '[]') FROM (
                SELECT jsonb_build_object('extension', u.extension) FROM yore._used_types(m) AS u WHERE u.extension IS NOT NULL
                UNION ALL
                SELECT jsonb_build_object('extension', 'btree_gist') WHERE m.exclusion
                UNION ALL
                SELECT jsonb_build_object('type', u.type_oid::regtype) FROM yore._used_types(m) AS u WHERE u.extension IS NULL AND yore._type_definition(u.type_oid) IS NULL
                UNION ALL
                SELECT jsonb_build_object('collation', format('%I.%I', n.nspname, co.collname))
                  FROM pg_attribute AS a JOIN pg_collation AS co ON co.oid = a.attcollation JOIN pg_namespace AS n ON n.oid = co.collnamespace
                 WHERE a.attrelid IN (rel, past) AND a.attnum > 0 AND NOT a.attisdropped AND co.collname NOT IN ('default', 'C')) AS x (need)),
    'rows', (SELECT greatest(sum(c.reltuples), 0)::bigint FROM pg_class AS c
              WHERE c.oid = past OR c.oid = rel OR c.oid IN (SELECT p.relid FROM pg_partition_tree(rel) AS p)));
END
$$;
COMMENT ON FUNCTION yore._dumped(yore.tracked) IS
  'What a dump says of a tracked table at its head, for yore._load_check and yore._load_begin; rows is an estimate. Errors YO009, YO024 its past is being converted.';

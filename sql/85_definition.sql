-- What makes a tracked table anew, as SQL: for yore dump, and for whoever has no
-- pg_dump. The table as a plain one first, then SELECT yore.track(…).
--
-- Under an empty search_path PostgreSQL writes every name with its schema.

CREATE OR REPLACE FUNCTION yore._used_types(m yore.tracked) RETURNS TABLE (type_oid oid, depth integer, extension name)
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
AS $$
  WITH RECURSIVE used (type_oid, depth) AS (
    SELECT a.atttypid, 0
      FROM pg_attribute AS a
     WHERE a.attrelid IN (format('%I.%I', m.storage_schema, m.storage_name)::regclass, format('%I.%I', m.past_schema, m.past_name)::regclass)
       AND a.attnum > 0 AND NOT a.attisdropped
    UNION
    -- Elements of arrays, what domains and ranges are over, fields.
    SELECT part.type_oid, used.depth + 1
      FROM used
      JOIN pg_type AS t ON t.oid = used.type_oid
     CROSS JOIN LATERAL (
           SELECT t.typelem WHERE t.typcategory = 'A'
           UNION ALL
           SELECT t.typbasetype WHERE t.typtype = 'd'
           UNION ALL
           SELECT r.rngsubtype FROM pg_range AS r WHERE r.rngtypid = t.oid
           UNION ALL
           SELECT a.atttypid FROM pg_attribute AS a WHERE t.typtype = 'c' AND a.attrelid = t.typrelid AND a.attnum > 0 AND NOT a.attisdropped) AS part (type_oid)
     WHERE part.type_oid <> 0 AND used.depth < 20)
  SELECT used.type_oid, max(used.depth),
         (SELECT e.extname FROM pg_depend AS d JOIN pg_extension AS e ON e.oid = d.refobjid
           WHERE d.classid = 'pg_type'::regclass AND d.objid = used.type_oid AND d.refclassid = 'pg_extension'::regclass AND d.deptype = 'e')
    FROM used
    JOIN pg_type AS t ON t.oid = used.type_oid
   WHERE t.typnamespace NOT IN ('pg_catalog'::regnamespace, 'information_schema'::regnamespace) AND t.typcategory <> 'A'
   GROUP BY used.type_oid
$$;
COMMENT ON FUNCTION yore._used_types(yore.tracked) IS
  'The types outside pg_catalog that the columns of a tracked table and of its past use, the deepest last, each with its extension if it has one.';

CREATE OR REPLACE FUNCTION yore._type_definition(type_oid oid) RETURNS text
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
AS $$
  SELECT CASE t.typtype
    WHEN 'e' THEN format('CREATE TYPE %s AS ENUM (%s)', t.oid::regtype,
                         (SELECT string_agg(quote_literal(e.enumlabel), ', ' ORDER BY e.enumsortorder) FROM pg_enum AS e WHERE e.enumtypid = t.oid))
    WHEN 'd' THEN format('CREATE DOMAIN %s AS %s', t.oid::regtype, format_type(t.typbasetype, t.typtypmod))
                  || coalesce(' DEFAULT ' || t.typdefault, '') || CASE WHEN t.typnotnull THEN ' NOT NULL' ELSE '' END
                  || coalesce((SELECT string_agg(format(' CONSTRAINT %I %s', k.conname, pg_get_constraintdef(k.oid)), '' ORDER BY k.conname)
                                 FROM pg_constraint AS k WHERE k.contypid = t.oid AND k.contype = 'c'), '')
    WHEN 'c' THEN (SELECT format('CREATE TYPE %s AS (%s)', t.oid::regtype,
                                 (SELECT string_agg(format('%I %s', a.attname, format_type(a.atttypid, a.atttypmod)), ', ' ORDER BY a.attnum)
                                    FROM pg_attribute AS a WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped))
                     FROM pg_class AS c WHERE c.oid = t.typrelid AND c.relkind = 'c')
  END
    FROM pg_type AS t WHERE t.oid = type_oid
$$;
COMMENT ON FUNCTION yore._type_definition(oid) IS 'The statement that creates an enum, a domain or a composite type; NULL for any other.';

CREATE OR REPLACE FUNCTION yore._used_sequences(m yore.tracked) RETURNS TABLE (sequence regclass, column_name name, owned boolean, is_identity boolean)
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
AS $$
  -- Those that a default calls, and those of identity columns.
  SELECT s.oid::regclass, a.attname,
         d.deptype = 'a' OR EXISTS (SELECT FROM jsonb_array_elements(m.sequences) AS own WHERE to_regclass(own ->> 'sequence') = s.oid),
         d.deptype = 'i'
    FROM (SELECT yore._storage(m) AS oid) AS rel
    JOIN pg_attribute AS a ON a.attrelid = rel.oid AND a.attnum > 0 AND NOT a.attisdropped
   CROSS JOIN LATERAL (
         SELECT o.objid, o.deptype FROM pg_depend AS o
          WHERE o.refclassid = 'pg_class'::regclass AND o.refobjid = rel.oid AND o.refobjsubid = a.attnum AND o.classid = 'pg_class'::regclass AND o.deptype IN ('a', 'i')
         UNION
         SELECT u.refobjid, CASE WHEN EXISTS (SELECT FROM pg_depend AS o WHERE o.classid = 'pg_class'::regclass AND o.objid = u.refobjid AND o.refobjid = rel.oid AND o.refobjsubid = a.attnum AND o.deptype = 'a')
                                 THEN 'a' ELSE 'n' END::"char"
           FROM pg_attrdef AS f JOIN pg_depend AS u ON u.classid = 'pg_attrdef'::regclass AND u.objid = f.oid AND u.refclassid = 'pg_class'::regclass
          WHERE f.adrelid = rel.oid AND f.adnum = a.attnum) AS d (objid, deptype)
    JOIN pg_class AS s ON s.oid = d.objid AND s.relkind = 'S'
$$;
COMMENT ON FUNCTION yore._used_sequences(yore.tracked) IS
  'The sequences of a tracked table: whether the table owned them when it was a plain one, and whether they are an identity column''s.';

CREATE OR REPLACE FUNCTION yore._sequence_options(sequence regclass) RETURNS text
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
AS $$
  SELECT format('START WITH %s INCREMENT BY %s MINVALUE %s MAXVALUE %s CACHE %s%s', s.seqstart, s.seqincrement, s.seqmin, s.seqmax, s.seqcache, CASE WHEN s.seqcycle THEN ' CYCLE' ELSE '' END)
    FROM pg_sequence AS s WHERE s.seqrelid = sequence
$$;
COMMENT ON FUNCTION yore._sequence_options(regclass) IS 'A sequence''s options, as CREATE SEQUENCE and identity columns have them.';

CREATE OR REPLACE FUNCTION yore._table_definition(m yore.tracked) RETURNS text
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  rel   regclass := yore._storage(m);
  parts text;
BEGIN
  SELECT string_agg(line, E',\n  ' ORDER BY place, number, line) INTO parts
    FROM (
      SELECT 1 AS place, a.attnum AS number, format('%I %s', a.attname, format_type(a.atttypid, a.atttypmod))
             || CASE WHEN a.attcollation <> t.typcollation THEN format(' COLLATE %I.%I', n.nspname, co.collname) ELSE '' END
             || CASE WHEN a.attgenerated <> '' THEN format(' GENERATED ALWAYS AS (%s) %s', pg_get_expr(f.adbin, f.adrelid), CASE a.attgenerated WHEN 's' THEN 'STORED' ELSE 'VIRTUAL' END)
                     WHEN a.attidentity <> '' THEN format(' GENERATED %s AS IDENTITY (%s)', CASE a.attidentity WHEN 'a' THEN 'ALWAYS' ELSE 'BY DEFAULT' END,
                            (SELECT yore._sequence_options(s.sequence) FROM yore._used_sequences(m) AS s WHERE s.column_name = a.attname AND s.is_identity))
                     WHEN f.oid IS NOT NULL THEN ' DEFAULT ' || pg_get_expr(f.adbin, f.adrelid)
                     ELSE '' END
             || CASE WHEN a.attnotnull THEN ' NOT NULL' ELSE '' END AS line
        FROM pg_attribute AS a
        JOIN pg_type AS t ON t.oid = a.atttypid
        LEFT JOIN pg_collation AS co ON co.oid = a.attcollation
        LEFT JOIN pg_namespace AS n ON n.oid = co.collnamespace
        LEFT JOIN pg_attrdef AS f ON f.adrelid = a.attrelid AND f.adnum = a.attnum
       WHERE a.attrelid = rel AND a.attnum > 0 AND NOT a.attisdropped AND a.attname <> ALL (yore._own_columns())
      UNION ALL
      SELECT 2, 0, format('CONSTRAINT %I %s', k.conname, pg_get_constraintdef(k.oid))
        FROM pg_constraint AS k WHERE k.conrelid = rel AND k.contype IN ('p', 'u', 'c', 'x') AND k.convalidated) AS lines;
  RETURN (SELECT format(E'CREATE TABLE %I.%I (\n  %s\n)', m.schema_name, m.table_name, parts)
                 || CASE WHEN c.relkind = 'p' THEN ' PARTITION BY ' || pg_get_partkeydef(rel) ELSE '' END
                 || coalesce(' WITH (' || array_to_string(c.reloptions, ', ') || ')', '')
            FROM pg_class AS c WHERE c.oid = rel);
END
$$;
COMMENT ON FUNCTION yore._table_definition(yore.tracked) IS
  'CREATE TABLE for a tracked table as the plain table that it would be: without yore''s columns, foreign keys, and constraints that are NOT VALID.';

CREATE OR REPLACE FUNCTION yore._track_call(m yore.tracked) RETURNS text
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
AS $$
  SELECT format('SELECT yore.track(%L', format('%I.%I', m.schema_name, m.table_name))
      || CASE WHEN m.immutable THEN ', immutable => true' ELSE format(', key => %L', m.key_columns) END
      || coalesce(', journal => ' || quote_literal(m.journal), '')
      || coalesce(', no_journal => ' || quote_literal(m.no_journal), '')
      || CASE WHEN m.full_journal THEN ', full_journal => true' ELSE '' END
      || CASE WHEN NOT m.squash AND NOT m.immutable THEN ', squash => false' ELSE '' END
      || CASE WHEN m.on_truncate <> 'refuse' THEN format(', on_truncate => %L', m.on_truncate) ELSE '' END
      || CASE WHEN m.in_place THEN ', in_place => true' ELSE '' END
      || CASE WHEN m.exclusion THEN ', exclusion => true' ELSE '' END
      || CASE WHEN m.prefix <> '' THEN format(', prefix => %L', m.prefix) ELSE '' END
      || CASE WHEN m.past_name <> m.table_name || '_past' THEN format(', past_name => %L', m.past_name) ELSE '' END
      || CASE WHEN m.allow_updates THEN ', allow_updates => true' ELSE '' END
      || CASE WHEN m.allow_deletes THEN ', allow_deletes => true' ELSE '' END
      || CASE WHEN m.allow_version_write THEN ', allow_version_write => true' ELSE '' END
      || CASE WHEN m.show_row_id THEN ', show_row_id => true' ELSE '' END
      || CASE WHEN NOT m.copy_indexes THEN ', copy_indexes => false' ELSE '' END
      || ')'
$$;
COMMENT ON FUNCTION yore._track_call(yore.tracked) IS 'The call of yore.track that tracks a table with the options that it has; since is not among them.';

CREATE OR REPLACE FUNCTION yore._policy_definitions(rel regclass, face text) RETURNS SETOF text
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
AS $$
  SELECT format('CREATE POLICY %I ON %s AS %s FOR %s TO %s', p.polname, face, CASE WHEN p.polpermissive THEN 'PERMISSIVE' ELSE 'RESTRICTIVE' END,
                CASE p.polcmd WHEN 'r' THEN 'SELECT' WHEN 'a' THEN 'INSERT' WHEN 'w' THEN 'UPDATE' WHEN 'd' THEN 'DELETE' ELSE 'ALL' END,
                (SELECT string_agg(CASE r WHEN 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(r)) END, ', ') FROM unnest(p.polroles) AS r))
         || coalesce(' USING (' || pg_get_expr(p.polqual, rel) || ')', '')
         || coalesce(' WITH CHECK (' || pg_get_expr(p.polwithcheck, rel) || ')', '')
    FROM pg_policy AS p WHERE p.polrelid = rel
   ORDER BY p.polname
$$;
COMMENT ON FUNCTION yore._policy_definitions(regclass, text) IS 'The policies of row-level security of a relation, as statements for another of that name.';

-- The faces: now (the table's own name), ever (history) and then (asof).

CREATE OR REPLACE FUNCTION yore._save_acl(rel regclass) RETURNS jsonb
LANGUAGE sql STABLE
AS $$
  SELECT coalesce(pg_catalog.jsonb_agg(pg_catalog.jsonb_build_object(
           'column', p.column_name, 'privilege', x.privilege_type, 'grantable', x.is_grantable,
           'grantee', CASE x.grantee WHEN 0 THEN 'PUBLIC' ELSE pg_catalog.quote_ident(pg_catalog.pg_get_userbyid(x.grantee)) END)), '[]')
    FROM pg_catalog.pg_class AS c
   CROSS JOIN LATERAL (
         SELECT c.relacl AS acl, NULL::name AS column_name
         UNION ALL
         SELECT a.attacl, a.attname FROM pg_catalog.pg_attribute AS a
          WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped) AS p
   CROSS JOIN LATERAL pg_catalog.aclexplode(p.acl) AS x
   WHERE c.oid = rel AND x.grantee <> c.relowner
$$;
COMMENT ON FUNCTION yore._save_acl(regclass) IS 'The grants on a relation and its columns to others than its owner.';

CREATE OR REPLACE FUNCTION yore._grant_acl(rel regclass, acl jsonb) RETURNS void
LANGUAGE plpgsql VOLATILE
AS $$
DECLARE
  g jsonb;
BEGIN
  FOR g IN SELECT * FROM pg_catalog.jsonb_array_elements(acl) LOOP
    EXECUTE pg_catalog.format('GRANT %s%s ON %s TO %s%s', g ->> 'privilege',
      CASE WHEN g ->> 'column' IS NULL THEN '' ELSE pg_catalog.format(' (%I)', g ->> 'column') END,
      rel, g ->> 'grantee', CASE WHEN (g ->> 'grantable')::boolean THEN ' WITH GRANT OPTION' ELSE '' END);
  END LOOP;
END
$$;
COMMENT ON FUNCTION yore._grant_acl(regclass, jsonb) IS 'Grants what _save_acl read elsewhere.';

CREATE OR REPLACE FUNCTION yore._revoke_acl(rel regclass) RETURNS void
LANGUAGE plpgsql VOLATILE
AS $$
DECLARE
  g jsonb;
BEGIN
  FOR g IN SELECT * FROM pg_catalog.jsonb_array_elements(yore._save_acl(rel)) LOOP
    EXECUTE pg_catalog.format('REVOKE %s%s ON %s FROM %s CASCADE', g ->> 'privilege',
      CASE WHEN g ->> 'column' IS NULL THEN '' ELSE pg_catalog.format(' (%I)', g ->> 'column') END, rel, g ->> 'grantee');
  END LOOP;
END
$$;
COMMENT ON FUNCTION yore._revoke_acl(regclass) IS 'Takes back all grants on a relation and its columns to others than its owner.';

CREATE OR REPLACE FUNCTION yore._revoke_column(m yore.tracked, column_name name) RETURNS void
LANGUAGE plpgsql VOLATILE
AS $$
DECLARE
  face regclass;
  g    jsonb;
BEGIN
  FOREACH face IN ARRAY ARRAY[CASE WHEN NOT m.in_place THEN pg_catalog.to_regclass(pg_catalog.format('%I.%I', m.schema_name, m.table_name)) END,
                              pg_catalog.to_regclass(pg_catalog.format('%I.%I', yore._schema('history', m.schema_name), m.table_name)),
                              pg_catalog.to_regclass(pg_catalog.format('%I.%I', yore._schema('asof', m.schema_name), m.table_name))] LOOP
    FOR g IN SELECT * FROM pg_catalog.jsonb_array_elements(yore._save_acl(face)) AS a WHERE a ->> 'column' = column_name LOOP
      EXECUTE pg_catalog.format('REVOKE %s (%I) ON %s FROM %s CASCADE', g ->> 'privilege', column_name, face, g ->> 'grantee');
    END LOOP;
  END LOOP;
END
$$;
COMMENT ON FUNCTION yore._revoke_column(yore.tracked, name) IS
  'Takes back the grants on a column of the faces: one that is dropped by the same statement that adds another of its name, which does not inherit them.';

CREATE OR REPLACE FUNCTION yore._replace_view(m yore.tracked, name text, definition text, options text, like_rel regclass) RETURNS jsonb
LANGUAGE plpgsql VOLATILE
AS $$
DECLARE
  make  text := pg_catalog.format('VIEW %s %s AS %s', name, options, definition);
  saved jsonb := '[]';
BEGIN
  BEGIN
    EXECUTE 'CREATE OR REPLACE ' || make;
  EXCEPTION WHEN invalid_table_definition THEN
    -- Columns were taken away or moved: there is no replacing that.
    saved := yore._take_down(m, name::regclass);
    EXECUTE 'CREATE ' || make;
  END;
  PERFORM yore._give(name, 'VIEW', like_rel);
  RETURN saved;
END
$$;
COMMENT ON FUNCTION yore._replace_view(yore.tracked, text, text, text, regclass) IS
  'Creates the view, or replaces it; the owner is that of like_rel. What the user has made over it stays; or, where its columns were taken away or moved, it is taken down and returned for _put_up. Error 2BP01 where that is not possible.';

CREATE OR REPLACE FUNCTION yore._user_columns(m yore.tracked, of_past boolean) RETURNS text
LANGUAGE sql STABLE
AS $$
  -- Virtual columns are stored nowhere: computed from the past's columns as
  -- from the present's. NULL if there is no column.
  SELECT pg_catalog.string_agg(
           CASE WHEN of_past AND c ->> 'generated' = 'v'
                THEN pg_catalog.format('(%s)::%s AS %I', c ->> 'expression', c ->> 'type', c ->> 'name')
                -- yore.convert_past has not got there yet.
                WHEN of_past AND c ? 'was' AND NOT c -> 'was' ? 'done'
                THEN pg_catalog.format('CASE WHEN %1$I THEN %3$s ELSE %2$I END AS %2$I', c #>> '{was,still}', c ->> 'name', c #>> '{was,using}')
                ELSE pg_catalog.quote_ident(c ->> 'name') END, ', ' ORDER BY place)
    FROM pg_catalog.jsonb_array_elements(m.columns) WITH ORDINALITY AS e (c, place)
   WHERE NOT (m.immutable AND c ->> 'name' = 'entity_id')
$$;
COMMENT ON FUNCTION yore._user_columns(yore.tracked, boolean) IS
  'The select list of the user''s columns, from the past table or the current one; of an immutable table, without entity_id.';

CREATE OR REPLACE FUNCTION yore._face_columns(m yore.tracked, of_past boolean, with_id boolean, deleted_at text) RETURNS text
LANGUAGE sql STABLE
AS $$
  SELECT CASE WHEN m.immutable
              THEN pg_catalog.concat_ws(', ',
                     CASE WHEN with_id THEN pg_catalog.format('sys_id AS %I', yore._shown(m, 'id')) END, 'entity_id',
                     pg_catalog.format('sys_version AS %I', yore._shown(m, 'version')),
                     pg_catalog.format('sys_from AS %I', yore._shown(m, 'valid_from')),
                     pg_catalog.format('%s AS %I', deleted_at, yore._shown(m, 'deleted_at')),
                     yore._user_columns(m, of_past))
              ELSE yore._user_columns(m, of_past) END
$$;
COMMENT ON FUNCTION yore._face_columns(yore.tracked, boolean, boolean, text) IS
  'The select list of a face: the user''s columns, for an immutable table behind its version data. deleted_at is an expression.';

CREATE OR REPLACE FUNCTION yore._face_names(m yore.tracked) RETURNS text[]
LANGUAGE sql STABLE
AS $$
  SELECT CASE WHEN m.show_row_id THEN ARRAY[yore._shown(m, 'id')]::text[] END
         || CASE WHEN m.immutable THEN ARRAY['entity_id', yore._shown(m, 'version'), yore._shown(m, 'valid_from'), yore._shown(m, 'deleted_at')]::text[] END
         || ARRAY(SELECT c ->> 'name' FROM pg_catalog.jsonb_array_elements(m.columns) WITH ORDINALITY AS e (c, place)
                   WHERE NOT (m.immutable AND c ->> 'name' = 'entity_id') ORDER BY place)
$$;
COMMENT ON FUNCTION yore._face_names(yore.tracked) IS 'The names of the columns of a face, in the order of _face_columns.';

CREATE OR REPLACE FUNCTION yore._kept_columns(m yore.tracked, of_past boolean) RETURNS text
LANGUAGE sql STABLE
AS $$
  SELECT pg_catalog.string_agg(
           CASE WHEN of_past THEN pg_catalog.quote_ident(c ->> 'name')
                ELSE pg_catalog.format('NULL::%s%s AS %I', c ->> 'type', coalesce(' COLLATE ' || (c ->> 'collation'), ''), c ->> 'name') END, ', ')
    FROM yore._kept(m) AS c
$$;
COMMENT ON FUNCTION yore._kept_columns(yore.tracked, boolean) IS
  'The select list of the columns that were dropped and that the past has kept; NULL if there is none.';

CREATE OR REPLACE FUNCTION yore._versions(m yore.tracked, of_past boolean) RETURNS text
LANGUAGE sql STABLE
AS $$
  -- Nobody sees infinity; a tombstone begins and ends at once.
  SELECT pg_catalog.format(E'SELECT %s, %s\n  FROM %s',
    pg_catalog.concat_ws(', ', yore._face_columns(m, of_past, yore._shows_id(m), own.deleted_at), yore._kept_columns(m, of_past)),
    CASE WHEN m.immutable
         THEN pg_catalog.format('%s AS %I, sys_xid AS %I', own.valid_to, yore._shown(m, 'valid_to'), yore._shown(m, 'xid'))
         ELSE pg_catalog.format(E'sys_version AS %I, %s AS %I, %s AS %I,\n       %s AS %I, sys_xid AS %I', yore._shown(m, 'version'),
                                -- By the column itself, an index finds times. Without since => '-infinity', none is infinite.
                                CASE WHEN m.since = '-infinity' THEN 'nullif(sys_from, ''-infinity'')' ELSE 'sys_from' END,
                                yore._shown(m, 'valid_from'), own.valid_to, yore._shown(m, 'valid_to'),
                                own.deleted_at, yore._shown(m, 'deleted_at'), yore._shown(m, 'xid')) END,
    own.table_name)
    FROM (SELECT CASE WHEN of_past THEN 'sys_to' ELSE 'NULL::timestamptz' END AS valid_to,
                 CASE WHEN of_past THEN 'CASE WHEN sys_from = sys_to THEN sys_to END' ELSE 'NULL::timestamptz' END AS deleted_at,
                 CASE WHEN of_past THEN pg_catalog.format('%I.%I', m.past_schema, m.past_name)
                      ELSE pg_catalog.format('%I.%I', m.storage_schema, m.storage_name) END AS table_name) AS own
$$;
COMMENT ON FUNCTION yore._versions(yore.tracked, boolean) IS
  'The query of the past''s or the present''s part of history; the present''s versions are open.';

CREATE OR REPLACE FUNCTION yore._asof_definition(m yore.tracked, t text) RETURNS text
LANGUAGE plpgsql STABLE
AS $$
DECLARE
  storage text := pg_catalog.format('%I.%I', m.storage_schema, m.storage_name);
BEGIN
  -- The same columns in the same order as the face, or as the table itself
  -- where that is the face: there, yore's own may stand amid the user's.
  IF m.in_place THEN
    SELECT pg_catalog.jsonb_agg(coalesce(u.c, pg_catalog.jsonb_build_object('name', a.attname, 'generated', '')) ORDER BY a.attnum)
      INTO m.columns
      FROM pg_catalog.pg_attribute AS a
      LEFT JOIN pg_catalog.jsonb_array_elements(m.columns) AS u (c) ON (u.c ->> 'number')::smallint = a.attnum
     WHERE a.attrelid = storage::regclass AND a.attnum > 0 AND NOT a.attisdropped;
  END IF;
  -- The conditions stand outside the UNION ALL, where the planner can take it apart
  -- and find the rows of a join by their key; a branch that had conditions of its
  -- own would be read whole. Of the constant ~open nothing is left in the plan.
  RETURN pg_catalog.format(
    E'SELECT %1$s\n  FROM (SELECT %2$s, sys_from AS "~from", NULL::timestamptz AS "~to", true AS "~open"\n          FROM %3$s\n        UNION ALL\n        SELECT %4$s, sys_from, sys_to, false\n          FROM %5$s) AS v\n WHERE "~from" <= %6$s AND ("~open" OR "~to" > %6$s)',
    yore._quoted(yore._face_names(m)), yore._face_columns(m, false, m.show_row_id, 'sys_deleted_at'), storage,
    yore._face_columns(m, true, m.show_row_id, 'NULL::timestamptz'), pg_catalog.format('%I.%I', m.past_schema, m.past_name), t);
END
$$;
COMMENT ON FUNCTION yore._asof_definition(yore.tracked, text) IS
  'The query of the rows as of the time t, an expression; periods are half-open, [from, to), as in SQL:2011.';

CREATE OR REPLACE FUNCTION yore._view_options(rel regclass) RETURNS text
LANGUAGE sql STABLE
AS $$
  -- Views read with their owner's rights, whom row security does not bind.
  SELECT CASE WHEN c.relrowsecurity AND pg_catalog.current_setting('server_version_num')::integer >= 150000
              THEN 'WITH (security_invoker = true)' ELSE '' END
    FROM pg_catalog.pg_class AS c WHERE c.oid = rel
$$;
COMMENT ON FUNCTION yore._view_options(regclass) IS 'The options of a view over the table: under row-level security it reads with its reader''s rights.';

CREATE OR REPLACE FUNCTION yore._guard(rel regclass, view_name text, definition text) RETURNS text
LANGUAGE sql STABLE
AS $$
  -- Before PostgreSQL 15 a view cannot read with its reader's rights.
  SELECT CASE WHEN c.relrowsecurity AND pg_catalog.current_setting('server_version_num')::integer < 150000
              THEN pg_catalog.format(E'SELECT *\n  FROM (%s) AS all_rows\n WHERE CASE WHEN pg_catalog.row_security_active(%L::pg_catalog.regclass) THEN yore.refuse_rows(%L) ELSE true END',
                                     definition, rel, view_name)
              ELSE definition END
    FROM pg_catalog.pg_class AS c WHERE c.oid = rel
$$;
COMMENT ON FUNCTION yore._guard(regclass, text, text) IS
  'The definition of a view, such that it refuses those from whom it would have to keep rows and cannot.';

CREATE OR REPLACE FUNCTION yore.refuse_rows(view_name text) RETURNS boolean
LANGUAGE plpgsql STABLE
AS $$
BEGIN
  PERFORM yore._fail('YO008', pg_catalog.format('%s would show role %I rows that row-level security keeps from it', view_name, current_user),
                     'Before PostgreSQL 15 views cannot apply it: read the function asof.t(time), which does.');
END
$$;
COMMENT ON FUNCTION yore.refuse_rows(text) IS
  'What history and asof call before PostgreSQL 15 when read by a role that row-level security binds: error YO008.';

CREATE OR REPLACE FUNCTION yore._make_faces(m yore.tracked) RETURNS void
LANGUAGE plpgsql VOLATILE
AS $$
DECLARE
  storage text := pg_catalog.format('%I.%I', m.storage_schema, m.storage_name);
  rel     regclass := storage::regclass;
  face    text := pg_catalog.format('%I.%I', m.schema_name, m.table_name);
  history text := pg_catalog.format('%I.%I', yore._schema('history', m.schema_name), m.table_name);
  asof    text := pg_catalog.format('%I.%I', yore._schema('asof', m.schema_name), m.table_name);
  options text := yore._view_options(rel);
  -- A subquery, so that the setting is read once a query and not once a row.
  session_time CONSTANT text := '(SELECT coalesce(yore._session_time(), ''infinity''))';
  note    record;
  saved   jsonb := '[]';
BEGIN
  IF NOT m.in_place THEN
    saved := yore._replace_view(m, face, pg_catalog.format(
      E'SELECT %s\n  FROM %s\n WHERE CASE WHEN coalesce(pg_catalog.current_setting(''yore.as_of'', true), '''') = '''' THEN true ELSE yore.refuse_present(%L) END',
      yore._face_columns(m, false, m.show_row_id, 'sys_deleted_at'), storage, face), options, rel);
    FOR note IN
      SELECT a.attname, d.description FROM pg_catalog.pg_attribute AS a
        JOIN pg_catalog.pg_description AS d ON d.objoid = a.attrelid AND d.objsubid = a.attnum AND d.classoid = 'pg_catalog.pg_class'::regclass
       WHERE a.attrelid = rel AND a.attname <> ALL (yore._own_columns())
    LOOP
      EXECUTE pg_catalog.format('COMMENT ON COLUMN %s.%I IS %L', face, note.attname, note.description);
    END LOOP;
    EXECUTE pg_catalog.format('COMMENT ON VIEW %s IS %L', face, yore._note(m));
  END IF;

  -- What is taken down later needs nothing of what was taken down before.
  saved := yore._replace_view(m, history, yore._guard(rel, history,
    yore._versions(m, false) || E'\nUNION ALL\n' || yore._versions(m, true)), options, rel) || saved;
  PERFORM yore._guard_history(m);
  EXECUTE pg_catalog.format('COMMENT ON VIEW %s IS %L', history,
    pg_catalog.format('Every version of %s, tombstones included (deleted_at is set). Written by yore.', face));

  saved := yore._replace_view(m, asof, yore._guard(rel, asof, yore._asof_definition(m, session_time)), options, rel) || saved;
  EXECUTE pg_catalog.format('COMMENT ON VIEW %s IS %L', asof,
    pg_catalog.format('%s as of the time that yore.as_of set for the session; without one, the present. Written by yore.', face));
  IF EXISTS (SELECT FROM pg_catalog.pg_proc AS p, pg_catalog.pg_class AS c
              WHERE p.oid = pg_catalog.to_regprocedure(asof || '(timestamptz)') AND c.oid = face::regclass AND p.prorettype <> c.reltype) THEN
    EXECUTE pg_catalog.format('DROP FUNCTION %s(timestamptz)', asof);   -- the face is another: the one that was has been renamed
  END IF;
  EXECUTE pg_catalog.format('CREATE OR REPLACE FUNCTION %s(timestamptz) RETURNS SETOF %s LANGUAGE sql STABLE ROWS 1000 AS %L',
    asof, face, yore._asof_definition(m, 'coalesce($1, ''infinity'')'));
  EXECUTE pg_catalog.format('COMMENT ON FUNCTION %s(timestamptz) IS %L', asof,
    pg_catalog.format('%s as of the time given; NULL means the present. Inlined by the planner; reads with the caller''s rights (yore.grant_history). Written by yore.', face));
  PERFORM yore._give(asof || '(timestamptz)', 'FUNCTION', rel);
  PERFORM yore._put_up(saved);
END
$$;
COMMENT ON FUNCTION yore._make_faces(yore.tracked) IS
  'Makes the views and the function of a tracked table, or brings them in step with its columns; grants stay. Error 2BP01 if something of the user''s stands in the way.';

CREATE OR REPLACE FUNCTION yore._drop_faces(m yore.tracked) RETURNS void
LANGUAGE plpgsql VOLATILE
AS $$
BEGIN
  EXECUTE pg_catalog.format('DROP FUNCTION IF EXISTS %I.%I(timestamptz)', yore._schema('asof', m.schema_name), m.table_name);
  EXECUTE pg_catalog.format('DROP VIEW IF EXISTS %I.%I', yore._schema('asof', m.schema_name), m.table_name);
  EXECUTE pg_catalog.format('DROP VIEW IF EXISTS %I.%I', yore._schema('history', m.schema_name), m.table_name);
  IF NOT m.in_place THEN
    EXECUTE pg_catalog.format('DROP VIEW IF EXISTS %I.%I', m.schema_name, m.table_name);
  END IF;
END
$$;
COMMENT ON FUNCTION yore._drop_faces(yore.tracked) IS 'Drops what _make_faces made. Error 2BP01 if something of the user''s depends on it.';

CREATE OR REPLACE FUNCTION yore._note(m yore.tracked) RETURNS text
LANGUAGE sql STABLE
AS $$
  SELECT pg_catalog.jsonb_build_object('yore', pg_catalog.jsonb_strip_nulls(
           pg_catalog.to_jsonb(m) - ARRAY['columns', 'shape', 'own_triggers', 'version_gaps', 'sequences', 'schema_name', 'table_name', 'tracked_at']))::text
$$;
COMMENT ON FUNCTION yore._note(yore.tracked) IS 'The options and the version as JSON, for the comment of the face.';

CREATE OR REPLACE FUNCTION yore.grant_history(t text, role name) RETURNS void
LANGUAGE plpgsql VOLATILE
AS $$
DECLARE
  m      yore.tracked := yore._tracked(t);
  target text;
BEGIN
  FOREACH target IN ARRAY ARRAY[
    pg_catalog.format('USAGE ON SCHEMA %I, %I, %I', m.storage_schema, m.past_schema, yore._schema('history', m.schema_name)),
    pg_catalog.format('USAGE ON SCHEMA %I', yore._schema('asof', m.schema_name)),
    pg_catalog.format('SELECT ON %I.%I, %I.%I, %I.%I, %I.%I', m.storage_schema, m.storage_name, m.past_schema, m.past_name,
      yore._schema('history', m.schema_name), m.table_name, yore._schema('asof', m.schema_name), m.table_name)]
  LOOP
    EXECUTE pg_catalog.format('GRANT %s TO %I', target, role);
  END LOOP;
  -- Without the right to grant, PostgreSQL only warns.
  IF NOT (pg_catalog.has_schema_privilege(role, m.past_schema, 'USAGE') AND pg_catalog.has_schema_privilege(role, m.storage_schema, 'USAGE')) THEN
    PERFORM yore._fail('YO008', pg_catalog.format('role %I may not let others use schema %I', current_user, m.past_schema),
                       pg_catalog.format('Its owner can: GRANT USAGE ON SCHEMA %I, %I TO %I', m.past_schema, m.storage_schema, role));
  END IF;
END
$$;
COMMENT ON FUNCTION yore.grant_history(text, name) IS
  'Lets the role read all of a tracked table''s past: the history and asof views, and the tables beneath, which the function asof.t(time) reads. For the views alone a plain GRANT SELECT does. Errors: YO003 not tracked, 42501 not the owner, YO008 not allowed to open the schemas.';

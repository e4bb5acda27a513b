-- What hangs on a relation: views and functions of the user's over a face, and
-- the faces over the storage. Where a relation cannot be replaced in its place,
-- they are taken down first and put up again as they were.

CREATE OR REPLACE FUNCTION yore._hangs_on(class oid, object oid) RETURNS TABLE (class_id oid, object_id oid)
LANGUAGE plpgsql STABLE ROWS 5 SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  -- A view is found by its rules; it is referred to by its row type as well. That of a table is no matter:
  -- it changes along with the table.
  kind    "char" := (SELECT c.relkind FROM pg_class AS c WHERE class = 'pg_class'::regclass AND c.oid = object);
  type    oid := (SELECT c.reltype FROM pg_class AS c WHERE kind = 'v' AND c.oid = object);
  type_of oid := (SELECT t.typarray FROM pg_type AS t WHERE t.oid = type);
BEGIN
  RETURN QUERY
  SELECT DISTINCT CASE WHEN v.oid IS NOT NULL THEN 'pg_class'::regclass::oid ELSE d.classid END, coalesce(v.oid, d.objid)
    FROM (VALUES (class, object), ('pg_type'::regclass::oid, type), ('pg_type'::regclass::oid, type_of)) AS it (class_id, object_id)
    JOIN pg_depend AS d ON d.refclassid = it.class_id AND d.refobjid = it.object_id AND d.deptype = 'n'
    LEFT JOIN pg_rewrite AS r ON d.classid = 'pg_rewrite'::regclass AND r.oid = d.objid
    LEFT JOIN pg_class AS v ON v.oid = r.ev_class AND v.relkind IN ('v', 'm')
   WHERE NOT (r.rulename IS NOT NULL AND kind IS NOT NULL AND r.ev_class = object)
     -- What else a table is referred to by is not for here: foreign keys, say.
     AND (kind IS NULL OR kind = 'v' OR d.classid IN ('pg_rewrite'::regclass, 'pg_proc'::regclass));
END
$$;
COMMENT ON FUNCTION yore._hangs_on(oid, oid) IS
  'What depends directly on a relation or function and would have to go for it to go; of a table, the views and functions alone.';

CREATE OR REPLACE FUNCTION yore._hanging(roots regclass[]) RETURNS TABLE (class_id oid, object_id oid, depth integer)
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp SET jit = off   -- compiling it takes longer than all else
AS $$
  WITH RECURSIVE hanging AS (
    SELECT 'pg_class'::regclass::oid AS class_id, r::oid AS object_id, ARRAY[r::oid] AS path FROM unnest(roots) AS r
    UNION ALL
    SELECT d.class_id, d.object_id, h.path || d.object_id   -- rules may lead in circles
      FROM hanging AS h CROSS JOIN LATERAL yore._hangs_on(h.class_id, h.object_id) AS d WHERE d.object_id <> ALL (h.path))
  SELECT h.class_id, h.object_id, max(cardinality(h.path)) - 1 FROM hanging AS h GROUP BY 1, 2
$$;
COMMENT ON FUNCTION yore._hanging(regclass[]) IS
  'The relations, and all that depends on them, by way of whatever: each with the number of steps that it is away, so that what is more of them away may depend on what is fewer.';

CREATE OR REPLACE FUNCTION yore._save_view(view regclass) RETURNS jsonb
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp   -- so that all names are written with their schemas
AS $$
  SELECT jsonb_build_object(
    'kind', 'VIEW', 'name', format('%I.%I', n.nspname, c.relname), 'owner', pg_get_userbyid(c.relowner),
    'create', format('CREATE VIEW %I.%I%s AS %s', n.nspname, c.relname,
                     coalesce(' WITH (' || array_to_string(c.reloptions, ', ') || ')', ''), pg_get_viewdef(c.oid)),
    'acl', yore._save_acl(view),
    -- The owner's own rights, unless they are all that there are.
    'own_rights', (SELECT coalesce(jsonb_agg(x.privilege_type), '[]') FROM aclexplode(c.relacl) AS x WHERE x.grantee = c.relowner AND c.relacl IS NOT NULL),
    'default_acl', c.relacl IS NULL,
    'comment', obj_description(c.oid, 'pg_class'),
    'comments', (SELECT coalesce(jsonb_agg(jsonb_build_object('column', a.attname, 'text', d.description)), '[]')
                   FROM pg_description AS d JOIN pg_attribute AS a ON a.attrelid = d.objoid AND a.attnum = d.objsubid
                  WHERE d.classoid = 'pg_class'::regclass AND d.objoid = view),
    'defaults', (SELECT coalesce(jsonb_agg(jsonb_build_object('column', a.attname, 'text', pg_get_expr(d.adbin, d.adrelid))), '[]')
                   FROM pg_attrdef AS d JOIN pg_attribute AS a ON a.attrelid = d.adrelid AND a.attnum = d.adnum WHERE d.adrelid = view),
    'further', (SELECT coalesce(jsonb_agg(f.definition), '[]')
                  FROM (SELECT pg_get_triggerdef(g.oid) AS definition FROM pg_trigger AS g
                         WHERE g.tgrelid = view AND NOT g.tgisinternal AND g.tgname <> 'yore_amend'
                        UNION ALL
                        SELECT pg_get_ruledef(r.oid) FROM pg_rewrite AS r WHERE r.ev_class = view AND r.rulename <> '_RETURN'
                        UNION ALL
                        SELECT format('COMMENT ON TRIGGER %I ON %I.%I IS %L', g.tgname, n.nspname, c.relname, d.description)
                          FROM pg_trigger AS g JOIN pg_description AS d ON (d.classoid, d.objoid) = ('pg_trigger'::regclass, g.oid) WHERE g.tgrelid = view
                        UNION ALL
                        SELECT format('COMMENT ON RULE %I ON %I.%I IS %L', r.rulename, n.nspname, c.relname, d.description)
                          FROM pg_rewrite AS r JOIN pg_description AS d ON (d.classoid, d.objoid) = ('pg_rewrite'::regclass, r.oid) WHERE r.ev_class = view) AS f))
    FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace
   WHERE c.oid = view
$$;
COMMENT ON FUNCTION yore._save_view(regclass) IS
  'All it takes to make a view again: definition, options, owner, grants, comments, defaults, triggers, rules.';

CREATE OR REPLACE FUNCTION yore._save_function(f regprocedure) RETURNS jsonb
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
AS $$
  SELECT jsonb_build_object(
    'kind', CASE p.prokind WHEN 'p' THEN 'PROCEDURE' ELSE 'FUNCTION' END,
    'name', format('%I.%I(%s)', n.nspname, p.proname, pg_get_function_identity_arguments(p.oid)), 'signature', p.oid::regprocedure::text,
    'owner', pg_get_userbyid(p.proowner), 'create', pg_get_functiondef(p.oid), 'comment', obj_description(p.oid, 'pg_proc'),
    'acl', (SELECT jsonb_agg(jsonb_build_object('privilege', x.privilege_type, 'grantable', x.is_grantable,
                     'grantee', CASE x.grantee WHEN 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(x.grantee)) END))
              FROM aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) AS x))
    FROM pg_proc AS p JOIN pg_namespace AS n ON n.oid = p.pronamespace
   WHERE p.oid = f
$$;
COMMENT ON FUNCTION yore._save_function(regprocedure) IS
  'All it takes to make a function again: definition, owner, comment, and its grants.';

CREATE OR REPLACE FUNCTION yore._own_face(m yore.tracked, class oid, object oid) RETURNS boolean
LANGUAGE sql STABLE
AS $$
  SELECT CASE WHEN class = 'pg_catalog.pg_proc'::regclass
              THEN object = pg_catalog.to_regprocedure(pg_catalog.format('%I.%I(timestamptz)', yore._schema('asof', m.schema_name), m.table_name))
              ELSE object IN (pg_catalog.to_regclass(pg_catalog.format('%I.%I', m.schema_name, m.table_name)),
                              pg_catalog.to_regclass(pg_catalog.format('%I.%I', yore._schema('history', m.schema_name), m.table_name)),
                              pg_catalog.to_regclass(pg_catalog.format('%I.%I', yore._schema('asof', m.schema_name), m.table_name))) END
$$;
COMMENT ON FUNCTION yore._own_face(yore.tracked, oid, oid) IS 'Whether the object is one of the faces that yore makes for the table.';

CREATE OR REPLACE FUNCTION yore._take_down(m yore.tracked, root regclass) RETURNS jsonb
LANGUAGE plpgsql VOLATILE
AS $$
DECLARE
  pg_class CONSTANT oid := 'pg_catalog.pg_class'::regclass;
  pg_proc  CONSTANT oid := 'pg_catalog.pg_proc'::regclass;
  saved    jsonb := '[]';
  thing    record;
  item     jsonb;
  stuck    text;
BEGIN
  FOR thing IN
    SELECT h.class_id, h.object_id, c.relkind, p.prokind, yore._own_face(m, h.class_id, h.object_id) AS own
      FROM yore._hanging(ARRAY[root]) AS h
      LEFT JOIN pg_catalog.pg_class AS c ON h.class_id = pg_class AND c.oid = h.object_id
      LEFT JOIN pg_catalog.pg_proc AS p ON h.class_id = pg_proc AND p.oid = h.object_id
     WHERE h.depth > 0 OR c.relkind = 'v'
     ORDER BY h.depth, h.object_id
  LOOP
    IF thing.relkind = 'v' THEN
      item := yore._save_view(thing.object_id);
    ELSIF thing.prokind IN ('f', 'p', 'w') THEN
      item := yore._save_function(thing.object_id);
    ELSE
      stuck := pg_catalog.concat_ws(', ', stuck, pg_catalog.pg_describe_object(thing.class_id, thing.object_id, 0));
    END IF;
    saved := saved || (item || pg_catalog.jsonb_build_object('own', thing.own));
  END LOOP;
  IF stuck IS NOT NULL THEN
    PERFORM yore._fail('2BP01', pg_catalog.format('%s hangs on %I.%I and cannot be made again by yore', stuck, m.schema_name, m.table_name),
                       'Drop it first, and make it again afterwards. Views and functions are kept without your doing.');
  END IF;
  -- The last made goes first. Nothing else can hang on them.
  FOR item IN SELECT e.item FROM pg_catalog.jsonb_array_elements(saved) WITH ORDINALITY AS e (item, place) ORDER BY e.place DESC LOOP
    EXECUTE pg_catalog.format('DROP %s %s', item ->> 'kind', item ->> 'name');
  END LOOP;
  RETURN saved;
END
$$;
COMMENT ON FUNCTION yore._take_down(yore.tracked, regclass) IS
  'Drops what hangs on a relation of a tracked table, and a view itself; returns, in the order of making, what _put_up makes it again from. Error 2BP01, before anything is dropped, where something is neither view nor function: a materialized view, a table with a column of the row type, a policy.';

CREATE OR REPLACE FUNCTION yore._put_up(saved jsonb, expendable boolean DEFAULT false) RETURNS void
LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp SET check_function_bodies = off
AS $$
DECLARE
  item jsonb;
  gone text[] := '{}';
BEGIN
  FOR item IN SELECT * FROM jsonb_array_elements(saved) LOOP
    IF NOT (item ->> 'own')::boolean THEN
      BEGIN
        EXECUTE item ->> 'create';
      EXCEPTION WHEN syntax_error_or_access_rule_violation OR feature_not_supported OR data_exception THEN
        IF NOT expendable OR SQLSTATE NOT IN ('42703', '42P01', '42883', '42704') THEN
          PERFORM yore._fail('2BP01', format('%s %s does not go with this change: %s', lower(item ->> 'kind'), item ->> 'name', SQLERRM),
                             'Change or drop it first. Nothing has been changed.');
        END IF;
        RAISE NOTICE 'yore: dropped % %, as CASCADE says', lower(item ->> 'kind'), item ->> 'name';
        gone := gone || (item ->> 'name');
        CONTINUE;
      END;
      EXECUTE format('ALTER %s %s OWNER TO %I', item ->> 'kind', item ->> 'name', item ->> 'owner');
      IF item ->> 'comment' IS NOT NULL THEN
        EXECUTE format('COMMENT ON %s %s IS %L', item ->> 'kind', item ->> 'name', item ->> 'comment');
      END IF;
    END IF;
    IF item ->> 'kind' = 'VIEW' THEN
      PERFORM yore._put_up_view(item);
    ELSE
      PERFORM yore._put_up_grants(item);
    END IF;
  END LOOP;
  -- Triggers and rules, which may speak of any of the others.
  FOR item IN SELECT e.item FROM jsonb_array_elements(saved) AS e (item) WHERE e.item ->> 'name' <> ALL (gone) LOOP
    PERFORM yore._put_up_further(item, expendable);
  END LOOP;
END
$$;
COMMENT ON FUNCTION yore._put_up(jsonb, boolean) IS
  'Makes again what _take_down took down; of yore''s own faces, which are there already, the grants and what the user hung on them. Error 2BP01 for what no longer fits, unless it is expendable.';

CREATE OR REPLACE FUNCTION yore._put_up_view(item jsonb) RETURNS void
LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  view  regclass := item ->> 'name';
  here  text[] := ARRAY(SELECT a.attname FROM pg_attribute AS a WHERE a.attrelid = view AND a.attnum > 0);
  owner name := (SELECT pg_get_userbyid(c.relowner) FROM pg_class AS c WHERE c.oid = view);
  part  jsonb;
BEGIN
  PERFORM yore._revoke_acl(view);
  IF NOT (item ->> 'default_acl')::boolean THEN
    EXECUTE format('REVOKE ALL ON %s FROM %I', view, owner);
    FOR part IN SELECT * FROM jsonb_array_elements(item -> 'own_rights') LOOP
      EXECUTE format('GRANT %s ON %s TO %I', part #>> '{}', view, owner);
    END LOOP;
  END IF;
  PERFORM yore._grant_acl(view, (SELECT coalesce(jsonb_agg(g), '[]') FROM jsonb_array_elements(item -> 'acl') AS g
                                  WHERE g ->> 'column' IS NULL OR g ->> 'column' = ANY (here)));
  FOR part IN SELECT * FROM jsonb_array_elements(item -> 'comments') LOOP
    IF part ->> 'column' = ANY (here) THEN
      EXECUTE format('COMMENT ON COLUMN %s.%I IS %L', view, part ->> 'column', part ->> 'text');
    END IF;
  END LOOP;
  FOR part IN SELECT * FROM jsonb_array_elements(item -> 'defaults') LOOP
    IF part ->> 'column' = ANY (here) THEN
      EXECUTE format('ALTER VIEW %s ALTER COLUMN %I SET DEFAULT %s', view, part ->> 'column', part ->> 'text');
    END IF;
  END LOOP;
END
$$;
COMMENT ON FUNCTION yore._put_up_view(jsonb) IS 'Gives a view its grants, comments and defaults, but for columns that are gone.';

CREATE OR REPLACE FUNCTION yore._put_up_grants(item jsonb) RETURNS void
LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  part jsonb;
  f    regprocedure := item ->> 'signature';
BEGIN
  -- What default privileges gave it, too.
  FOR part IN SELECT DISTINCT jsonb_build_object('grantee', CASE x.grantee WHEN 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(x.grantee)) END)
                FROM pg_proc AS p, aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) AS x WHERE p.oid = f
  LOOP
    EXECUTE format('REVOKE ALL ON %s %s FROM %s', item ->> 'kind', item ->> 'name', part ->> 'grantee');
  END LOOP;
  FOR part IN SELECT * FROM jsonb_array_elements(item -> 'acl') LOOP
    EXECUTE format('GRANT EXECUTE ON %s %s TO %s%s', item ->> 'kind', item ->> 'name', part ->> 'grantee',
                   CASE WHEN (part ->> 'grantable')::boolean THEN ' WITH GRANT OPTION' ELSE '' END);
  END LOOP;
END
$$;
COMMENT ON FUNCTION yore._put_up_grants(jsonb) IS 'Gives a function the grants that it had, and no others.';

CREATE OR REPLACE FUNCTION yore._put_up_further(item jsonb, expendable boolean) RETURNS void
LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  part text;
BEGIN
  FOR part IN SELECT * FROM jsonb_array_elements_text(item -> 'further') LOOP
    BEGIN
      EXECUTE part;
    EXCEPTION WHEN syntax_error_or_access_rule_violation OR feature_not_supported OR data_exception THEN
      IF NOT expendable THEN
        PERFORM yore._fail('2BP01', format('a trigger or rule of %s %s does not go with this change: %s', lower(item ->> 'kind'), item ->> 'name', SQLERRM),
                           'Change or drop it first. Nothing has been changed.', part);
      END IF;
      RAISE NOTICE 'yore: dropped a trigger or rule of % %, as CASCADE says', lower(item ->> 'kind'), item ->> 'name';
    END;
  END LOOP;
END
$$;
COMMENT ON FUNCTION yore._put_up_further(jsonb, boolean) IS 'Gives a view its triggers and rules. Error 2BP01 for those that no longer fit, unless they are expendable.';

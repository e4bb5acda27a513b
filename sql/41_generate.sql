-- Writing a tracked table's triggers from the templates.

CREATE OR REPLACE FUNCTION yore._variables(m yore.tracked) RETURNS jsonb
LANGUAGE plpgsql STABLE
AS $$
DECLARE
  storage   text := pg_catalog.format('%I.%I', m.storage_schema, m.storage_name);
  past      text := pg_catalog.format('%I.%I', m.past_schema, m.past_name);
  rel       regclass := storage::regclass;
  journaled jsonb;
  v         jsonb;
BEGIN
  SELECT pg_catalog.jsonb_agg(c ORDER BY place) INTO journaled
    FROM pg_catalog.jsonb_array_elements(m.columns) WITH ORDINALITY AS e (c, place)
   WHERE c ->> 'generated' = '' AND yore._is_journaled(m, c ->> 'name');

  v := pg_catalog.jsonb_build_object(
    'storage', storage,
    'past', past,
    'storage_text', pg_catalog.quote_literal(storage),
    'face_text', pg_catalog.quote_literal(pg_catalog.format('table %I.%I', m.schema_name, m.table_name)),
    'shape_text', pg_catalog.quote_literal(m.shape),
    'not_restored', pg_catalog.format('(NEW.sys_xid IS NULL OR NOT yore._restoring() OR yore._refuse_restored(%L))', pg_catalog.format('table %I.%I', m.schema_name, m.table_name)),
    'columns', yore._list(m.columns, '%I') || yore._with_id(m, 'sys_id'),
    'old_columns', yore._list(m.columns, 'OLD.%I') || yore._with_id(m, 'OLD.sys_id'),
    'tombstone_columns', yore._list(m.columns, 'OLD.%I') || yore._with_id(m, yore._new_row_id(m)),
    'current_columns', yore._list(m.columns, 'c.%I') || yore._with_id(m, 'c.sys_id'),
    'ended_columns', yore._list(m.columns, 'c.%I') || yore._with_id(m, 'CASE WHEN v.step OPERATOR(pg_catalog.=) 0 THEN c.sys_id ELSE ' || yore._new_row_id(m) || ' END'),
    'past_is_new', yore._key_match(rel, m.key_columns, 'p.%1$I %2$s NEW.%1$I'),
    'past_is_old', yore._key_match(rel, m.key_columns, 'p.%1$I %2$s OLD.%1$I'),
    'past_is_m', yore._key_match(rel, m.key_columns, 'p.%1$I %2$s m.%1$I'),
    'past_is_current', yore._key_match(rel, m.key_columns, 'p.%1$I %2$s c.%1$I'),
    'new_is_old', yore._key_match(rel, m.key_columns, 'NEW.%1$I %2$s OLD.%1$I'),
    'unchanged', pg_catalog.format('pg_catalog.record_image_eq(ROW(%s), ROW(%s))',
                                   yore._list(journaled, 'NEW.%I'), yore._list(journaled, 'OLD.%I')),
    'began', 'CASE WHEN pg_catalog.current_setting(''yore.at_time'', true) OPERATOR(pg_catalog.<>) '''' '
          || 'THEN yore._loading_time() ELSE pg_catalog.transaction_timestamp() END',
    -- What differs with the options.
    'squash', CASE WHEN m.squash THEN E'\n     OR (OLD.sys_xid OPERATOR(pg_catalog.=) xid AND OLD.sys_from OPERATOR(pg_catalog.>=) began)' ELSE '' END,
    'on_conflict', CASE WHEN yore._is_partitioned(rel) THEN E'\n    ON CONFLICT DO NOTHING' ELSE '' END,
    'not_forgotten', CASE WHEN m.squash THEN E'\n   WHERE NOT (c.sys_xid OPERATOR(pg_catalog.=) xid AND c.sys_from OPERATOR(pg_catalog.>=) began)' ELSE '' END);
  RETURN CASE WHEN m.immutable THEN v || yore._entity_variables(m) ELSE v END;
END
$$;
COMMENT ON FUNCTION yore._variables(yore.tracked) IS 'What the templates of a table''s triggers are filled with.';

CREATE OR REPLACE FUNCTION yore._compose(template text, m yore.tracked) RETURNS text
LANGUAGE plpgsql STABLE
AS $$
DECLARE
  squash    boolean := m.squash;
  begin_new text := pg_catalog.replace(yore._template_begin_new(), '{resurrect}', CASE WHEN squash THEN yore._template_resurrect() ELSE '' END);
  end_this  text := CASE WHEN squash
                         THEN pg_catalog.replace(yore._template_end_old_squashing(), '{end_old}', yore._indent(yore._template_end_old()))
                         ELSE yore._template_end_old() END;
BEGIN
  IF pg_catalog.strpos(template, 'IF rekeyed') > 0 THEN   -- UPDATE does both, if the key changes
    begin_new := yore._indent(yore._indent(begin_new));
    end_this := yore._indent(yore._indent(end_this));
  END IF;
  template := pg_catalog.replace(template, '{begin_new}', begin_new);
  template := pg_catalog.replace(template, '{end_this}', end_this);
  template := pg_catalog.replace(template, '{bury}', CASE WHEN squash THEN yore._indent(yore._indent(yore._template_bury())) ELSE '' END);
  template := pg_catalog.replace(template, 'LOOP{settle_one}', 'LOOP' || yore._indent(yore._indent(yore._template_settle_one())));
  template := pg_catalog.replace(template, '{settle_one}', yore._indent(yore._template_settle_one()));
  template := pg_catalog.replace(template, '{truncate_forgotten}', CASE WHEN squash THEN yore._template_truncate_forgotten() ELSE '' END);
  template := pg_catalog.replace(template, '{next_version}',
    CASE WHEN m.allow_version_write THEN 'yore._next_version(OLD.sys_version, NEW.sys_version, {face_text})'
         ELSE 'OLD.sys_version OPERATOR(pg_catalog.+) 1' END);
  RETURN yore._compose_entity(template, m);
END
$$;
COMMENT ON FUNCTION yore._compose(text, yore.tracked) IS 'A template with the templates in it.';

CREATE OR REPLACE FUNCTION yore._is_partitioned(rel regclass) RETURNS boolean
LANGUAGE sql STABLE
AS $$ SELECT c.relkind = 'p' FROM pg_catalog.pg_class AS c WHERE c.oid = rel $$;
COMMENT ON FUNCTION yore._is_partitioned(regclass) IS 'Whether the relation is a partitioned table.';

CREATE OR REPLACE FUNCTION yore._is_journaled(m yore.tracked, column_name text) RETURNS boolean
LANGUAGE sql IMMUTABLE
AS $$
  SELECT CASE
           WHEN column_name = ANY (m.key_columns::text[]) OR m.full_journal THEN true
           WHEN m.journal IS NOT NULL THEN column_name = ANY (m.journal::text[])
           ELSE column_name <> ALL (coalesce(m.no_journal, '{}')::text[] || 'updated_at'::text)
         END
$$;
COMMENT ON FUNCTION yore._is_journaled(yore.tracked, text) IS
  'Whether a change of the column makes a version: key columns always; all under full_journal; those of journal where given; else all but those of no_journal and updated_at.';

CREATE OR REPLACE FUNCTION yore._has_own_triggers(rel regclass) RETURNS boolean
LANGUAGE sql STABLE
AS $$
  SELECT EXISTS (SELECT FROM pg_catalog.pg_trigger AS g
                  WHERE g.tgrelid = rel AND NOT g.tgisinternal AND g.tgname NOT LIKE '~yore\_%' AND (g.tgtype & 20) <> 0)
$$;
COMMENT ON FUNCTION yore._has_own_triggers(regclass) IS 'Whether the table has triggers of the user''s for INSERT or UPDATE.';

CREATE OR REPLACE FUNCTION yore._numbers_late(m yore.tracked) RETURNS boolean
LANGUAGE sql STABLE
AS $$ SELECT NOT (m.own_triggers OR m.in_place OR m.immutable) $$;
COMMENT ON FUNCTION yore._numbers_late(yore.tracked) IS
  'Whether rows are numbered after they are inserted alone: where neither a trigger of the user''s nor RETURNING could see the number before, or the update that sets it (docs/adr/0002).';

CREATE OR REPLACE FUNCTION yore._trigger_sources(m yore.tracked) RETURNS TABLE (event text, function_name name, source text)
LANGUAGE plpgsql STABLE
AS $$
DECLARE
  rel    regclass := yore._storage(m);
  v      jsonb := yore._variables(m);
  of_new jsonb;
  of_all jsonb;
  current_is_new text := yore._key_match(rel, m.key_columns, 'c.%1$I %2$s NEW.%1$I');
BEGIN
  -- Settling one row (NEW), and settling all rows of a statement.
  of_new := v || pg_catalog.jsonb_build_object(
    'made', 'NEW', 'settle_declare', '',
    'made_rows', E'\n     WHERE ' || current_is_new,
    'past_is_made', v ->> 'past_is_new',
    'current_is_made', current_is_new);
  of_all := v || pg_catalog.jsonb_build_object(
    'made', 'made', 'settle_declare', E'\n  made pg_catalog.record;',
    'made_rows', E', created AS m\n     WHERE ' || yore._key_match(rel, m.key_columns, 'c.%1$I %2$s m.%1$I'),
    'past_is_made', yore._key_match(rel, m.key_columns, 'p.%1$I %2$s made.%1$I'),
    'current_is_made', yore._key_match(rel, m.key_columns, 'c.%1$I %2$s made.%1$I'));

  RETURN QUERY
  SELECT s.event, yore._derived(m.table_name, '_' || s.event), yore._fill(yore._compose(s.template, m), s.variables)
    FROM (VALUES
      ('insert',     CASE WHEN yore._numbers_late(m) THEN yore._template_insert_late() ELSE yore._template_insert() END, v),
      ('update',     yore._template_update(), v),
      ('delete',     yore._template_delete(), v),
      ('settle',     pg_catalog.replace(yore._template_settle(), '{settle_loop}', yore._template_settle_row()), of_new),
      ('settle_all', pg_catalog.replace(yore._template_settle(), '{settle_loop}', yore._template_settle_statement()), of_all),
      ('truncate',   yore._template_truncate(), v),
      ('amend',      yore._template_amend(), v),
      ('amend_past', yore._template_amend_past(), v)) AS s (event, template, variables)
   WHERE (s.event <> 'truncate' OR m.on_truncate = 'archive')
     AND (s.event NOT IN ('amend', 'amend_past') OR yore._amendable(m))
     AND (s.event <> 'settle_all' OR NOT yore._is_partitioned(rel));
END
$$;
COMMENT ON FUNCTION yore._trigger_sources(yore.tracked) IS
  'The trigger functions of a tracked table as they should be: in the schema of its past, named after it and the event.';

CREATE OR REPLACE FUNCTION yore._make_triggers(m yore.tracked) RETURNS void
LANGUAGE plpgsql VOLATILE
AS $$
DECLARE
  storage text := pg_catalog.format('%I.%I', m.storage_schema, m.storage_name);
  rel     regclass := storage::regclass;
  made    record;
  function_text text;
  when_rekeyed text;
  piece   regclass;
BEGIN
  PERFORM yore._drop_triggers(m);
  IF yore._amendable(m) THEN
    PERFORM yore._make_amendments(m);
  END IF;
  -- A condition is parsed anew by every statement; the list of columns is free,
  -- but does not see a key that another trigger changes (docs/adr/0002).
  when_rekeyed := CASE
    WHEN m.own_triggers THEN pg_catalog.format('ON %s FOR EACH ROW WHEN (NOT (%s))', storage, yore._key_match(rel, m.key_columns, 'NEW.%1$I %2$s OLD.%1$I'))
    ELSE pg_catalog.format('OF %s ON %s FOR EACH ROW', (SELECT pg_catalog.string_agg(pg_catalog.quote_ident(k), ', ') FROM pg_catalog.unnest(m.key_columns) AS k), storage)
  END;
  FOR made IN SELECT * FROM yore._trigger_sources(m) LOOP
    function_text := pg_catalog.format('%I.%I()', m.past_schema, made.function_name);
    EXECUTE pg_catalog.format('CREATE FUNCTION %s RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER %s AS %L', function_text,
      -- A plan made while the past was small would read it whole for every row
      -- once it is large: these look keys up by index from the start.
      CASE WHEN made.event = 'settle' OR made.event = 'insert' AND NOT yore._numbers_late(m) THEN 'SET enable_seqscan = off'
           WHEN made.event = 'settle_all' THEN 'SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off'
           ELSE '' END, made.source);
    EXECUTE pg_catalog.format('REVOKE ALL ON FUNCTION %s FROM PUBLIC', function_text);
    EXECUTE pg_catalog.format('COMMENT ON FUNCTION %s IS %L', function_text,
              pg_catalog.format('Written by yore for %I.%I; SELECT yore.sync(%L) writes it anew.', m.schema_name, m.table_name,
                                pg_catalog.format('%I.%I', m.schema_name, m.table_name)));
    PERFORM yore._give(function_text, 'FUNCTION', rel);
    CONTINUE WHEN made.event IN ('amend', 'amend_past');   -- not for the current table
    -- BEFORE triggers fire in the order of their names, and ours must see what
    -- the others made of the row: hence the tilde.
    EXECUTE CASE made.event
      WHEN 'insert' THEN pg_catalog.format('CREATE TRIGGER "~yore_insert" BEFORE INSERT ON %s FOR EACH ROW EXECUTE FUNCTION %s', storage, function_text)
      WHEN 'update' THEN pg_catalog.format('CREATE TRIGGER "~yore_update" BEFORE UPDATE ON %s FOR EACH ROW EXECUTE FUNCTION %s', storage, function_text)
      WHEN 'delete' THEN pg_catalog.format('CREATE TRIGGER "~yore_delete" BEFORE DELETE ON %s FOR EACH ROW EXECUTE FUNCTION %s', storage, function_text)
      WHEN 'settle_all' THEN pg_catalog.format('CREATE TRIGGER "~yore_settle_insert" AFTER INSERT ON %s REFERENCING NEW TABLE AS created FOR EACH STATEMENT EXECUTE FUNCTION %s', storage, function_text)
      WHEN 'settle' THEN pg_catalog.format('CREATE TRIGGER "~yore_settle_key" AFTER UPDATE %s EXECUTE FUNCTION %s', when_rekeyed, function_text)
      WHEN 'truncate' THEN pg_catalog.format('CREATE TRIGGER "~yore_truncate" BEFORE TRUNCATE ON %s FOR EACH STATEMENT EXECUTE FUNCTION %s', storage, function_text)
    END;
    IF made.event = 'settle' AND yore._is_partitioned(rel) THEN
      -- Rows may be written to a partition by its own name, where a statement
      -- trigger of the whole does not fire.
      EXECUTE pg_catalog.format('CREATE TRIGGER "~yore_settle_insert" AFTER INSERT ON %s FOR EACH ROW EXECUTE FUNCTION %s', storage, function_text);
    END IF;
  END LOOP;
  IF yore._amendable(m) THEN
    PERFORM yore._guard_past(m, true);
  END IF;
  IF m.on_truncate = 'refuse' THEN
    EXECUTE pg_catalog.format('CREATE TRIGGER "~yore_truncate" BEFORE TRUNCATE ON %s FOR EACH STATEMENT EXECUTE FUNCTION yore._refuse_truncate()', storage);
  END IF;
  -- A partition can be truncated by itself; for that there is no archiving.
  FOR piece IN SELECT p.relid FROM pg_catalog.pg_partition_tree(rel) AS p WHERE p.relid <> rel LOOP
    EXECUTE pg_catalog.format('CREATE TRIGGER "~yore_truncate" BEFORE TRUNCATE ON %s FOR EACH STATEMENT EXECUTE FUNCTION yore._refuse_truncate()', piece);
  END LOOP;
END
$$;
COMMENT ON FUNCTION yore._make_triggers(yore.tracked) IS 'Writes the triggers of a tracked table anew. Takes a SHARE ROW EXCLUSIVE lock on it.';

CREATE OR REPLACE FUNCTION yore._drop_triggers(m yore.tracked) RETURNS void
LANGUAGE plpgsql VOLATILE
AS $$
DECLARE
  rel  regclass := yore._storage(m);
  history text := pg_catalog.format('%I.%I', yore._schema('history', m.schema_name), m.table_name);
  here record;
BEGIN
  FOR here IN
    SELECT t.tgrelid::regclass AS relation, t.tgname
      FROM pg_catalog.pg_trigger AS t
     WHERE NOT t.tgisinternal AND t.tgname LIKE '~yore\_%' AND t.tgparentid = 0
       AND t.tgrelid IN (SELECT rel UNION SELECT p.relid FROM pg_catalog.pg_partition_tree(rel) AS p)
  LOOP
    EXECUTE pg_catalog.format('DROP TRIGGER %I ON %s', here.tgname, here.relation);
  END LOOP;
  IF m.immutable THEN
    PERFORM yore._guard_past(m, false);
    PERFORM yore._drop_trigger(history, 'yore_amend');   -- _make_faces makes it anew
  END IF;
  FOR here IN
    SELECT p.proname AS function_name
      FROM pg_catalog.pg_proc AS p
     WHERE p.pronamespace = pg_catalog.to_regnamespace(pg_catalog.quote_ident(m.past_schema)) AND p.pronargs = 0
       AND p.proname IN (SELECT yore._derived(m.table_name, '_' || e.event)
                           FROM pg_catalog.unnest(ARRAY['insert', 'update', 'delete', 'settle', 'settle_all', 'truncate', 'amend', 'amend_past']) AS e (event))
  LOOP
    EXECUTE pg_catalog.format('DROP FUNCTION %I.%I()', m.past_schema, here.function_name);
  END LOOP;
END
$$;
COMMENT ON FUNCTION yore._drop_triggers(yore.tracked) IS 'Drops the triggers of a tracked table, and their functions. Takes an ACCESS EXCLUSIVE lock on it.';

CREATE OR REPLACE FUNCTION yore._give(thing text, kind text, like_rel regclass) RETURNS void
LANGUAGE plpgsql VOLATILE
AS $$
BEGIN
  EXECUTE pg_catalog.format('ALTER %s %s OWNER TO %I', kind, thing,
    (SELECT pg_catalog.pg_get_userbyid(c.relowner) FROM pg_catalog.pg_class AS c WHERE c.oid = like_rel));
END
$$;
COMMENT ON FUNCTION yore._give(text, text, regclass) IS 'Makes the owner of like_rel the owner of a thing of the given kind.';

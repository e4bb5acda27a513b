-- Altering stored versions of an immutable table, where allow_updates or
-- allow_deletes was given: through history, and every amendment is itself kept.

CREATE OR REPLACE FUNCTION yore._template_amend() RETURNS text LANGUAGE sql IMMUTABLE AS $outer$ SELECT $$
#variable_conflict use_variable
DECLARE
  was    pg_catalog.jsonb;
  wanted pg_catalog.jsonb := CASE WHEN TG_OP OPERATOR(pg_catalog.=) 'UPDATE' THEN pg_catalog.to_jsonb(NEW) OPERATOR(pg_catalog.-) {not_amended} END;
  is_now pg_catalog.jsonb;
BEGIN
  IF NOT (TG_OP OPERATOR(pg_catalog.=) 'UPDATE' AND {allow_updates} OR TG_OP OPERATOR(pg_catalog.=) 'DELETE' AND {allow_deletes}) THEN
    PERFORM yore._fail_amendment(TG_OP, {face_name});
  ELSIF TG_OP OPERATOR(pg_catalog.=) 'DELETE' AND OLD.{valid_to} IS NULL THEN
    PERFORM yore._fail('YO018', pg_catalog.concat('version ', OLD.{version}, ' of entity ', OLD.entity_id, ' is the present'),
                       pg_catalog.concat('DELETE FROM ', {face_name}, ' ends it; then it can be taken out of history.'));
  ELSIF TG_OP OPERATOR(pg_catalog.=) 'UPDATE'
        AND NOT pg_catalog.record_image_eq(ROW({new_version_data}), ROW({old_version_data})) THEN
    PERFORM yore._fail('YO018', pg_catalog.concat('the version data of entity ', OLD.entity_id, ' cannot be amended'), 'The columns of your own can.');
  END IF;
  -- As it is once it is ours, not as the statement's snapshot has it.
  IF OLD.{valid_to} IS NULL THEN
    SELECT pg_catalog.to_jsonb(c.*) OPERATOR(pg_catalog.-) {not_amended} INTO was FROM {storage} AS c
     WHERE c.entity_id OPERATOR(pg_catalog.=) OLD.entity_id AND c.sys_version OPERATOR(pg_catalog.=) OLD.{version} FOR NO KEY UPDATE;
  ELSE
    SELECT pg_catalog.to_jsonb(p.*) OPERATOR(pg_catalog.-) {not_amended} INTO was FROM {past} AS p
     WHERE p.entity_id OPERATOR(pg_catalog.=) OLD.entity_id AND p.sys_version OPERATOR(pg_catalog.=) OLD.{version} FOR NO KEY UPDATE;
  END IF;
  IF was IS NULL THEN
    RETURN NULL;
  END IF;
  -- This row is what lets the change past the triggers of the tables.
  INSERT INTO {amendments} (entity_id, version, operation, xid, role, before, after)
  VALUES (OLD.entity_id, OLD.{version}, TG_OP, pg_catalog.pg_current_xact_id(), session_user, was, wanted);
  IF TG_OP OPERATOR(pg_catalog.=) 'DELETE' THEN
    DELETE FROM {past} AS p WHERE p.entity_id OPERATOR(pg_catalog.=) OLD.entity_id AND p.sys_version OPERATOR(pg_catalog.=) OLD.{version};
    RETURN OLD;
  ELSIF OLD.{valid_to} IS NULL THEN
    UPDATE {storage} AS c SET sys_xid = '0'{set_written}
     WHERE c.entity_id OPERATOR(pg_catalog.=) OLD.entity_id AND c.sys_version OPERATOR(pg_catalog.=) OLD.{version}
    RETURNING pg_catalog.to_jsonb(c.*) OPERATOR(pg_catalog.-) {not_amended} INTO is_now;
    IF coalesce(is_now, was) OPERATOR(pg_catalog.<>) wanted THEN
      -- Triggers of the table's own had their say.
      INSERT INTO {amendments} (entity_id, version, operation, xid, role, before, after)
      VALUES (OLD.entity_id, OLD.{version}, TG_OP, pg_catalog.pg_current_xact_id(), session_user, wanted, coalesce(is_now, was));
    END IF;
    RETURN CASE WHEN is_now IS NOT NULL THEN NEW END;
  END IF;
  UPDATE {past} AS p SET sys_to = p.sys_to{set_all}
   WHERE p.entity_id OPERATOR(pg_catalog.=) OLD.entity_id AND p.sys_version OPERATOR(pg_catalog.=) OLD.{version};
  RETURN NEW;
END
$$ $outer$;
COMMENT ON FUNCTION yore._template_amend() IS 'INSTEAD OF INSERT, UPDATE, DELETE of history.';

CREATE OR REPLACE FUNCTION yore._template_amend_current() RETURNS text LANGUAGE sql IMMUTABLE AS $outer$ SELECT $$
  IF NEW.sys_xid OPERATOR(pg_catalog.=) '0' AND pg_catalog.pg_trigger_depth() OPERATOR(pg_catalog.>) 1 AND EXISTS (
     SELECT FROM {amendments} AS a
      WHERE a.entity_id OPERATOR(pg_catalog.=) OLD.entity_id AND a.version OPERATOR(pg_catalog.=) OLD.sys_version
        AND a.xid OPERATOR(pg_catalog.=) xid AND a.amended_at OPERATOR(pg_catalog.=) pg_catalog.transaction_timestamp()
        AND a.operation OPERATOR(pg_catalog.=) 'UPDATE') THEN
    -- An amendment of the current version, not a new one.
    NEW.sys_version := OLD.sys_version;
    NEW.sys_from := OLD.sys_from;
    NEW.sys_xid := OLD.sys_xid;
    NEW.sys_id := OLD.sys_id;
    RETURN NEW;
  END IF;$$ $outer$;
COMMENT ON FUNCTION yore._template_amend_current() IS 'Part of _template_update under allow_updates.';

CREATE OR REPLACE FUNCTION yore._template_amend_past() RETURNS text LANGUAGE sql IMMUTABLE AS $outer$ SELECT $$
#variable_conflict use_variable
BEGIN
  IF pg_catalog.pg_trigger_depth() OPERATOR(pg_catalog.=) 1 OR NOT EXISTS (
     SELECT FROM {amendments} AS a
      WHERE a.entity_id OPERATOR(pg_catalog.=) OLD.entity_id AND a.version OPERATOR(pg_catalog.=) OLD.sys_version
        AND a.xid OPERATOR(pg_catalog.=) pg_catalog.pg_current_xact_id() AND a.amended_at OPERATOR(pg_catalog.=) pg_catalog.transaction_timestamp()
        AND a.operation OPERATOR(pg_catalog.=) TG_OP
        AND CASE WHEN TG_OP OPERATOR(pg_catalog.=) 'UPDATE'
                 THEN a.after OPERATOR(pg_catalog.=) (pg_catalog.to_jsonb(NEW) OPERATOR(pg_catalog.-) {not_amended})
                      AND pg_catalog.record_image_eq(ROW(NEW.entity_id, NEW.sys_version, NEW.sys_from, NEW.sys_to, NEW.sys_xid, NEW.sys_xid_to, NEW.sys_id),
                                                     ROW(OLD.entity_id, OLD.sys_version, OLD.sys_from, OLD.sys_to, OLD.sys_xid, OLD.sys_xid_to, OLD.sys_id))
                 ELSE true END) THEN
    PERFORM yore._fail('YO001', pg_catalog.format('%s of %I.%I refused: the past is append-only', TG_OP, TG_TABLE_SCHEMA, TG_TABLE_NAME),
                       'Amend it through its view in history, which keeps what was there before.');
  END IF;
  RETURN CASE WHEN TG_OP OPERATOR(pg_catalog.=) 'UPDATE' THEN NEW ELSE OLD END;
END
$$ $outer$;
COMMENT ON FUNCTION yore._template_amend_past() IS 'BEFORE UPDATE, DELETE of a past that may be amended: error YO001 for what is no amendment.';

CREATE OR REPLACE FUNCTION yore._fail_amendment(operation text, face text) RETURNS void
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
  PERFORM yore._fail('YO018', format('%s of a stored version of %s refused: it is an immutable table', operation, face),
    CASE operation
      WHEN 'UPDATE' THEN format('UPDATE %s makes the next version. To have stored versions altered: SELECT yore.track(%L, allow_updates => true)', face, face)
      WHEN 'DELETE' THEN format('DELETE FROM %s makes a tombstone. To have stored versions removed: SELECT yore.track(%L, allow_deletes => true)', face, face)
      ELSE format('INSERT INTO %s makes a new entity, UPDATE a further version.', face) END);
END
$$;
COMMENT ON FUNCTION yore._fail_amendment(text, text) IS 'Error YO018, with the statement that does what is meant.';

CREATE OR REPLACE FUNCTION yore._refuse_amendment() RETURNS trigger
LANGUAGE plpgsql
AS $$
BEGIN
  PERFORM yore._fail_amendment(TG_OP, TG_ARGV[0]);
END
$$;
COMMENT ON FUNCTION yore._refuse_amendment() IS 'INSTEAD OF INSERT, UPDATE, DELETE of an immutable table''s history: error YO018.';

CREATE OR REPLACE FUNCTION yore._amendments(m yore.tracked) RETURNS text
LANGUAGE sql STABLE
AS $$ SELECT pg_catalog.format('%I.%I', m.past_schema, yore._derived(m.table_name, '_amendments')) $$;
COMMENT ON FUNCTION yore._amendments(yore.tracked) IS 'The name of the table of what was amended.';

CREATE OR REPLACE FUNCTION yore._amendable(m yore.tracked) RETURNS boolean
LANGUAGE sql IMMUTABLE
AS $$ SELECT m.allow_updates OR m.allow_deletes $$;
COMMENT ON FUNCTION yore._amendable(yore.tracked) IS 'Whether stored versions may be altered at all.';

CREATE OR REPLACE FUNCTION yore._amend_variables(m yore.tracked) RETURNS jsonb
LANGUAGE sql STABLE
AS $$
  SELECT pg_catalog.jsonb_build_object(
    'amendments', yore._amendments(m),
    'face_name', pg_catalog.quote_literal(pg_catalog.format('%I.%I', m.schema_name, m.table_name)),
    'allow_updates', m.allow_updates::text,
    'allow_deletes', m.allow_deletes::text,
    'version', pg_catalog.quote_ident(yore._shown(m, 'version')),
    'valid_to', pg_catalog.quote_ident(yore._shown(m, 'valid_to')),
    'new_version_data', data.of_new,
    'old_version_data', pg_catalog.replace(data.of_new, 'NEW.', 'OLD.'),
    'set_written', yore._list(w.written, ', %1$I = NEW.%1$I', ''),
    'set_all', yore._list(w.stored, ', %1$I = NEW.%1$I', ''),
    'not_amended', pg_catalog.format('%L::pg_catalog.text[]', w.hidden || yore._own_columns()::text[] || ARRAY['entity_id', 'sys_to', 'sys_xid_to']
      || ARRAY(SELECT yore._shown(m, n)::text FROM pg_catalog.unnest(ARRAY['id', 'version', 'valid_from', 'valid_to', 'deleted_at', 'xid']) AS n
                WHERE n <> 'id' OR yore._shows_id(m))))
    FROM (SELECT pg_catalog.concat_ws(', ', 'NEW.entity_id',
                   pg_catalog.string_agg(pg_catalog.format('NEW.%I', yore._shown(m, n)), ', ')) AS of_new
            FROM pg_catalog.unnest(ARRAY['version', 'valid_from', 'valid_to', 'deleted_at', 'xid']) AS n) AS data,
         (SELECT coalesce(pg_catalog.jsonb_agg(c) FILTER (WHERE c ->> 'generated' = '' AND NOT EXISTS (
                   -- GENERATED ALWAYS AS IDENTITY
                   SELECT FROM pg_catalog.pg_attribute AS a WHERE a.attrelid = yore._storage(m) AND a.attname = c ->> 'name' AND a.attidentity = 'a')), '[]') AS written,
                 coalesce(pg_catalog.jsonb_agg(c) FILTER (WHERE c ->> 'generated' <> 'v'), '[]') AS stored,
                 -- What nobody writes, and what the past alone has kept.
                 coalesce(pg_catalog.array_agg(c ->> 'name') FILTER (WHERE c ->> 'generated' <> ''), '{}')
                   || ARRAY(SELECT a.attname::text FROM pg_catalog.pg_attribute AS a
                             WHERE a.attrelid = pg_catalog.to_regclass(pg_catalog.format('%I.%I', m.past_schema, m.past_name)) AND a.attnum > 0 AND NOT a.attisdropped
                               AND NOT m.columns @> pg_catalog.jsonb_build_array(pg_catalog.jsonb_build_object('name', a.attname))) AS hidden
            FROM pg_catalog.jsonb_array_elements(m.columns) AS c WHERE c ->> 'name' <> 'entity_id') AS w
$$;
COMMENT ON FUNCTION yore._amend_variables(yore.tracked) IS 'What the templates of amending are filled with.';

CREATE OR REPLACE FUNCTION yore._make_amendments(m yore.tracked) RETURNS void
LANGUAGE plpgsql VOLATILE
AS $$
DECLARE
  name text := yore._amendments(m);
BEGIN
  IF pg_catalog.to_regclass(name) IS NOT NULL THEN
    RETURN;
  END IF;
  EXECUTE pg_catalog.format(
    'CREATE TABLE %s (entity_id uuid NOT NULL, version bigint NOT NULL, operation text NOT NULL, xid xid8 NOT NULL,
                      amended_at timestamptz NOT NULL DEFAULT pg_catalog.transaction_timestamp(), role name NOT NULL,
                      before jsonb NOT NULL, after jsonb)', name);
  EXECUTE pg_catalog.format('CREATE INDEX ON %s (entity_id, version)', name);
  EXECUTE pg_catalog.format('CREATE TRIGGER yore_append_only BEFORE UPDATE OR DELETE ON %s FOR EACH ROW EXECUTE FUNCTION yore._refuse_past_change()', name);
  EXECUTE pg_catalog.format('CREATE TRIGGER yore_append_only_truncate BEFORE TRUNCATE ON %s FOR EACH STATEMENT EXECUTE FUNCTION yore._refuse_past_change()', name);
  EXECUTE pg_catalog.format('COMMENT ON TABLE %s IS %L', name,
    pg_catalog.format('What was altered in stored versions of %I.%I: before and after, when, by whom (xid: see yore.transaction). Append-only.', m.schema_name, m.table_name));
  PERFORM yore._give(name, 'TABLE', yore._storage(m));
END
$$;
COMMENT ON FUNCTION yore._make_amendments(yore.tracked) IS 'Creates the table of amendments, if it is missing.';

CREATE OR REPLACE FUNCTION yore._drop_trigger(relation text, trigger_name name) RETURNS void
LANGUAGE plpgsql VOLATILE
AS $$
BEGIN
  IF EXISTS (SELECT FROM pg_catalog.pg_trigger AS g WHERE g.tgrelid = pg_catalog.to_regclass(relation) AND g.tgname = trigger_name) THEN
    EXECUTE pg_catalog.format('DROP TRIGGER %I ON %s', trigger_name, relation);
  END IF;
END
$$;
COMMENT ON FUNCTION yore._drop_trigger(text, name) IS 'Drops a trigger if it is there, without a word if it is not.';

CREATE OR REPLACE FUNCTION yore._guard_past(m yore.tracked, amendable boolean) RETURNS void
LANGUAGE plpgsql VOLATILE
AS $$
DECLARE
  past  text := pg_catalog.format('%I.%I', m.past_schema, m.past_name);
  guard text := CASE WHEN amendable THEN pg_catalog.format('%I.%I()', m.past_schema, yore._derived(m.table_name, '_amend_past'))
                     ELSE 'yore._refuse_past_change()' END;
BEGIN
  PERFORM yore._drop_trigger(past, 'yore_append_only_update');
  PERFORM yore._drop_trigger(past, 'yore_append_only_delete');
  EXECUTE pg_catalog.format('CREATE TRIGGER yore_append_only_update BEFORE UPDATE ON %s FOR EACH ROW EXECUTE FUNCTION %s', past, guard);
  -- yore's own triggers take back a tombstone of their own transaction, when
  -- it makes the row again.
  EXECUTE pg_catalog.format(
    'CREATE TRIGGER yore_append_only_delete BEFORE DELETE ON %s FOR EACH ROW
       WHEN (pg_catalog.pg_trigger_depth() = 0 OR OLD.sys_from <> OLD.sys_to OR OLD.sys_xid <> pg_catalog.pg_current_xact_id())
       EXECUTE FUNCTION %s', past, guard);
END
$$;
COMMENT ON FUNCTION yore._guard_past(yore.tracked, boolean) IS 'Makes the triggers that keep the past append-only, but for amendments where those are allowed.';

CREATE OR REPLACE FUNCTION yore._guard_history(m yore.tracked) RETURNS void
LANGUAGE plpgsql VOLATILE
AS $$
DECLARE
  history text := pg_catalog.format('%I.%I', yore._schema('history', m.schema_name), m.table_name);
BEGIN
  IF NOT m.immutable THEN
    RETURN;
  END IF;
  PERFORM yore._drop_trigger(history, 'yore_amend');
  EXECUTE pg_catalog.format('CREATE TRIGGER yore_amend INSTEAD OF INSERT OR UPDATE OR DELETE ON %s FOR EACH ROW EXECUTE FUNCTION %s', history,
    CASE WHEN yore._amendable(m) THEN pg_catalog.format('%I.%I()', m.past_schema, yore._derived(m.table_name, '_amend'))
         ELSE pg_catalog.format('yore._refuse_amendment(%L)', pg_catalog.format('%I.%I', m.schema_name, m.table_name)) END);
END
$$;
COMMENT ON FUNCTION yore._guard_history(yore.tracked) IS 'Makes the trigger by which an immutable table''s history refuses changes, or amends.';

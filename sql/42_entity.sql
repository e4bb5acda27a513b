-- What the triggers of an immutable table do beside those of every tracked
-- table: see to entity_id, the row id and what clients write to version data.

CREATE OR REPLACE FUNCTION yore._template_entity_declare() RETURNS text LANGUAGE sql IMMUTABLE AS $outer$ SELECT $$
  undeleting   pg_catalog.text := pg_catalog.current_setting('yore.undelete', true);
  given        pg_catalog.text[];{version_declare}$$ $outer$;
COMMENT ON FUNCTION yore._template_entity_declare() IS 'Part of _template_insert for immutable tables.';

CREATE OR REPLACE FUNCTION yore._template_entity() RETURNS text LANGUAGE sql IMMUTABLE AS $outer$ SELECT $$
  IF NEW.sys_deleted_at IS NOT NULL THEN
    PERFORM yore._refuse_tombstone({face_text});
  END IF;
  IF NEW.entity_id IS NULL OR NEW.entity_id OPERATOR(pg_catalog.=) '00000000-0000-0000-0000-000000000000' THEN
    -- Nobody had this key before.
    NEW.entity_id := yore.uuidv7();
    NEW.sys_version := {first_version};
    NEW.sys_from := began;
    NEW.sys_xid := xid;
    NEW.sys_id := {row_id};
    RETURN NEW;
  END IF;
  IF pg_catalog.starts_with(undeleting, NEW.entity_id::pg_catalog.text) THEN
    -- yore.undelete asks for the data of the tombstone, but for the columns given.
    PERFORM pg_catalog.set_config('yore.undelete', '', true);
    -- One at a time: what another brings back and deletes again, this one copies.
    PERFORM pg_catalog.pg_advisory_xact_lock(pg_catalog.hashtextextended(NEW.entity_id::pg_catalog.text, 0));
    given := pg_catalog.substr(undeleting, 38);
    -- The present first: what is deleted between the two looks has its tombstone.
    PERFORM yore._refuse_undelete(NEW.entity_id, true, {face_text})
       FROM {storage} AS c WHERE c.entity_id OPERATOR(pg_catalog.=) NEW.entity_id;
    SELECT {undelete_columns}p.sys_from, p.sys_to
      INTO {undelete_into}last_from, last_to
      FROM {undelete_from} AS p
     WHERE {past_is_new}
     ORDER BY p.sys_version DESC
     LIMIT 1;
    IF last_from IS NULL THEN
      PERFORM yore._refuse_undelete(NEW.entity_id, false, {face_text});
    END IF;
  END IF;$$ $outer$;
COMMENT ON FUNCTION yore._template_entity() IS 'Part of _template_insert for immutable tables: a new entity, an undeleted one, or one whose id was given.';

CREATE OR REPLACE FUNCTION yore._template_removed() RETURNS text LANGUAGE sql IMMUTABLE AS $outer$ SELECT $$
  -- The numbers of versions that were taken out are not given again.
  SELECT pg_catalog.max(a.version), pg_catalog.max(a.amended_at)
    INTO last_version, last_to
    FROM {amendments} AS a
   WHERE a.entity_id OPERATOR(pg_catalog.=) NEW.entity_id AND a.operation OPERATOR(pg_catalog.=) 'DELETE'
     AND a.version OPERATOR(pg_catalog.>=) NEW.sys_version;
  IF last_version IS NOT NULL THEN
    NEW.sys_version := last_version OPERATOR(pg_catalog.+) 1;
    NEW.sys_from := yore._later(began, last_to, true, {face_text});
  END IF;$$ $outer$;
COMMENT ON FUNCTION yore._template_removed() IS 'Part of _template_insert where versions have been taken out of history.';

CREATE OR REPLACE FUNCTION yore._template_entity_update() RETURNS text LANGUAGE sql IMMUTABLE AS $outer$ SELECT $$
  IF NEW.entity_id OPERATOR(pg_catalog.<>) OLD.entity_id OR NEW.entity_id IS NULL THEN
    PERFORM yore._refuse_new_id(OLD.entity_id, {face_text});
  END IF;
  IF NEW.sys_deleted_at IS NOT NULL THEN
    PERFORM yore._refuse_tombstone({face_text});
  END IF;{amend}$$ $outer$;
COMMENT ON FUNCTION yore._template_entity_update() IS 'Part of _template_update for immutable tables.';

CREATE OR REPLACE FUNCTION yore._next_version(last bigint, written bigint, what text) RETURNS bigint
LANGUAGE plpgsql IMMUTABLE SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
  IF written IS NULL OR written = last THEN
    RETURN last + 1;
  ELSIF written < last THEN
    PERFORM yore._fail('YO018', format('%s: version %s would follow version %s', what, written, last), 'Version numbers only go up.');
  END IF;
  RETURN written;
END
$$;
COMMENT ON FUNCTION yore._next_version(bigint, bigint, text) IS
  'The number after last, or under allow_version_write the one that was written. Error YO018 if that is lower.';

CREATE OR REPLACE FUNCTION yore._refuse_tombstone(what text) RETURNS void
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
  PERFORM yore._fail('YO018', format('%s: deleted_at cannot be written', what),
                     'DELETE makes the tombstone, yore.undelete() the version after it.');
END
$$;
COMMENT ON FUNCTION yore._refuse_tombstone(text) IS 'Error YO018: a client wrote deleted_at.';

CREATE OR REPLACE FUNCTION yore._refuse_new_id(entity_id uuid, what text) RETURNS void
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
  PERFORM yore._fail('YO018', format('%s: the entity_id %s is the same in all versions and cannot be changed', what, entity_id),
                     'INSERT makes a new entity.');
END
$$;
COMMENT ON FUNCTION yore._refuse_new_id(uuid, text) IS 'Error YO018: a client changed entity_id.';

CREATE OR REPLACE FUNCTION yore._refuse_undelete(entity_id uuid, live boolean, what text) RETURNS void
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
  IF live THEN
    PERFORM yore._fail('YO021', format('%s: entity %s is not deleted', what, entity_id), 'UPDATE changes a live entity.');
  END IF;
  PERFORM yore._fail('YO019', format('%s: there is no entity %s', what, entity_id));
END
$$;
COMMENT ON FUNCTION yore._refuse_undelete(uuid, boolean, text) IS 'Error YO021 for a live entity, YO019 for one that never was.';

CREATE OR REPLACE FUNCTION yore._with_id(m yore.tracked, expression text) RETURNS text
LANGUAGE sql IMMUTABLE
AS $$ SELECT CASE WHEN m.immutable THEN ', ' || expression ELSE '' END $$;
COMMENT ON FUNCTION yore._with_id(yore.tracked, text) IS 'The expression as the last of a list, for immutable tables.';

CREATE OR REPLACE FUNCTION yore._new_row_id(m yore.tracked) RETURNS text
LANGUAGE sql IMMUTABLE
AS $$
  -- Where it is indexed, one that sorts by time; else the cheapest (docs/adr/0007).
  SELECT CASE WHEN m.show_row_id THEN 'yore.uuidv7()' ELSE 'pg_catalog.gen_random_uuid()' END
$$;
COMMENT ON FUNCTION yore._new_row_id(yore.tracked) IS 'The expression of a new version''s row id.';

CREATE OR REPLACE FUNCTION yore._entity_variables(m yore.tracked) RETURNS jsonb
LANGUAGE plpgsql STABLE
AS $$
DECLARE
  rel     regclass := yore._storage(m);
  written jsonb;
BEGIN
  SELECT coalesce(pg_catalog.jsonb_agg(c ORDER BY place), '[]') INTO written
    FROM pg_catalog.jsonb_array_elements(m.columns) WITH ORDINALITY AS e (c, place)
   WHERE c ->> 'generated' = '' AND c ->> 'name' <> 'entity_id';
  RETURN yore._amend_variables(m) || pg_catalog.jsonb_build_object(
    'row_id', yore._new_row_id(m),
    'undelete_from', CASE
      WHEN yore._unconverted(m) IS NULL THEN pg_catalog.format('%I.%I', m.past_schema, m.past_name)
      -- History converts what yore.convert_past has not got to yet.
      ELSE pg_catalog.format('(SELECT h.entity_id, %sh.%I AS sys_version, h.%I AS sys_from, h.%I AS sys_to FROM %I.%I AS h)', yore._list(written, 'h.%I, ', ''),
             yore._shown(m, 'version'), yore._shown(m, 'valid_from'), yore._shown(m, 'valid_to'), yore._schema('history', m.schema_name), m.table_name) END,
    'undelete_into', yore._list(written, 'NEW.%I, ', ''),
    'undelete_columns', (
      -- A column that came after the deletion is NULL there and has its default here.
      SELECT coalesce(pg_catalog.string_agg(pg_catalog.format(
               CASE WHEN a.attnotnull
                    THEN 'CASE WHEN %1$L OPERATOR(pg_catalog.=) ANY (given) OR p.%2$I IS NULL THEN NEW.%2$I ELSE p.%2$I END, '
                    ELSE 'CASE WHEN %1$L OPERATOR(pg_catalog.=) ANY (given) THEN NEW.%2$I ELSE p.%2$I END, ' END,
               a.attname, a.attname), E'\n           ' ORDER BY e.place), '')
        FROM pg_catalog.jsonb_array_elements(written) WITH ORDINALITY AS e (c, place)
        JOIN pg_catalog.pg_attribute AS a ON a.attrelid = rel AND a.attname = e.c ->> 'name'));
END
$$;
COMMENT ON FUNCTION yore._entity_variables(yore.tracked) IS 'What the templates of an immutable table''s triggers are filled with beside the others.';

CREATE OR REPLACE FUNCTION yore._compose_entity(template text, m yore.tracked) RETURNS text
LANGUAGE plpgsql STABLE
AS $$
DECLARE
  part record;
BEGIN
  FOR part IN
    SELECT * FROM (VALUES
      ('{entity_declare}', yore._template_entity_declare()),
      ('{entity_update}',  yore._template_entity_update()),
      ('{entity}',         yore._template_entity()),
      ('{first_version}',  CASE WHEN m.allow_version_write THEN 'yore._next_version(0, written, {face_text})' ELSE '1' END),
      ('{same_identity}',  E'\n    NEW.sys_id := OLD.sys_id;'),
      ('{version_declare}', CASE WHEN m.allow_version_write THEN E'\n  written      bigint := NEW.sys_version;' ELSE '' END),
      ('{identify_new}',   CASE WHEN pg_catalog.to_regclass(yore._amendments(m)) IS NOT NULL THEN yore._template_removed() ELSE '' END
                           || CASE WHEN m.allow_version_write
                                THEN E'\n  NEW.sys_version := yore._next_version(NEW.sys_version OPERATOR(pg_catalog.-) 1, written, {face_text});' ELSE '' END
                           || E'\n  NEW.sys_id := {row_id};'),
      ('{identify}',       E'\n  NEW.sys_id := {row_id};'),
      ('{amend}',          CASE WHEN m.allow_updates THEN yore._template_amend_current() ELSE '' END)) AS p (place, text)
  LOOP
    template := pg_catalog.replace(template, part.place, CASE WHEN m.immutable THEN part.text ELSE '' END);
  END LOOP;
  RETURN template;
END
$$;
COMMENT ON FUNCTION yore._compose_entity(text, yore.tracked) IS 'A template with what immutable tables have more, or without it.';

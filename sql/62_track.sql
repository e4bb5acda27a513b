-- Turning history on and off.

CREATE OR REPLACE FUNCTION yore.track(
  t            text,
  journal      text[]      DEFAULT NULL,
  no_journal   text[]      DEFAULT NULL,
  full_journal boolean     DEFAULT NULL,
  squash       boolean     DEFAULT NULL,
  since        timestamptz DEFAULT NULL,
  on_truncate  text        DEFAULT NULL,
  key          text[]      DEFAULT NULL,
  in_place     boolean     DEFAULT NULL,
  exclusion    boolean     DEFAULT NULL,
  prefix       text        DEFAULT NULL,
  past_name    text        DEFAULT NULL,
  immutable    boolean     DEFAULT NULL,
  allow_updates boolean    DEFAULT NULL,
  allow_deletes boolean    DEFAULT NULL,
  allow_version_write boolean DEFAULT NULL,
  show_row_id  boolean     DEFAULT NULL,
  copy_indexes boolean     DEFAULT NULL
) RETURNS void
LANGUAGE plpgsql VOLATILE
AS $$
#variable_conflict use_variable
DECLARE
  rel     regclass := yore._relation(t);
  m       yore.tracked := yore._find(rel);
  before  yore.tracked := m;
  given   boolean := pg_catalog.num_nonnulls(journal, no_journal, full_journal, squash, on_truncate, exclusion, prefix,
                                              allow_updates, allow_deletes, allow_version_write, show_row_id, copy_indexes) > 0;
  fixed   boolean := pg_catalog.num_nonnulls(since, key, in_place, past_name, immutable) > 0;
  tracked boolean := m.schema_name IS NOT NULL;
BEGIN
  IF tracked AND NOT given THEN
    PERFORM yore._fail('YO004', pg_catalog.format('table %s is already tracked', rel),
      CASE WHEN fixed THEN 'since, key, in_place, immutable and past_name are fixed at the first tracking.'
           ELSE 'To change its options, name them: yore.track(…, journal => …).' END);
  ELSIF tracked AND fixed THEN
    PERFORM yore._fail('YO007', pg_catalog.format('table %s is tracked: since, key, in_place, immutable and past_name can no longer be changed', rel),
                       'Untrack it first.');
  END IF;
  IF NOT tracked THEN
    SELECT n.nspname, c.relname INTO STRICT m.schema_name, m.table_name
      FROM pg_catalog.pg_class AS c JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace WHERE c.oid = rel;
    m.in_place := coalesce(in_place, false);
    PERFORM yore._check_table(rel, m.in_place);
    m.past_schema := yore._schema('temporal', m.schema_name);
    m.past_name := coalesce(past_name, m.table_name || '_past');
    IF past_name = '' THEN
      PERFORM yore._fail('YO007', pg_catalog.format('past_name of %s is empty', rel), 'Leave it out for the table''s name with _past.');
    ELSIF pg_catalog.octet_length(coalesce(past_name, m.table_name || '_past')) > 63 THEN
      PERFORM yore._fail('YO006', pg_catalog.format('the name of %s leaves no room for _past within 63 bytes', rel),
                         'Name the past table yourself with past_name => ''…'', or rename the table to at most 58 bytes.');
    END IF;
    m.storage_schema := CASE WHEN m.in_place THEN m.schema_name ELSE m.past_schema END;
    m.storage_name := m.table_name;
    m.immutable := coalesce(immutable, false);
    m.since := coalesce(since, pg_catalog.transaction_timestamp());
    m.tracked_at := pg_catalog.transaction_timestamp();
    m.full_journal := false;
    m.on_truncate := 'refuse';
    m.exclusion := false;
    m.squash := NOT m.immutable;
    m.prefix := '';
    m.allow_updates := false;
    m.allow_deletes := false;
    m.allow_version_write := false;
    m.show_row_id := false;
    m.copy_indexes := true;
    m.columns := yore._columns(rel);
    m.key_columns := CASE WHEN m.immutable THEN yore._check_entity(rel, key) ELSE yore._check_key(rel, key) END;
  END IF;
  -- What is not given stays; '{}' takes a list back.
  m.journal := CASE WHEN journal IS NULL THEN m.journal WHEN journal = '{}' THEN NULL ELSE journal::name[] END;
  m.no_journal := CASE WHEN no_journal IS NULL THEN m.no_journal WHEN no_journal = '{}' THEN NULL ELSE no_journal::name[] END;
  m.full_journal := coalesce(full_journal, m.full_journal);
  m.on_truncate := coalesce(on_truncate, m.on_truncate);
  m.exclusion := coalesce(exclusion, m.exclusion);
  m.squash := coalesce(squash, m.squash);
  m.prefix := coalesce(prefix, m.prefix);
  m.allow_updates := coalesce(allow_updates, m.allow_updates);
  m.allow_deletes := coalesce(allow_deletes, m.allow_deletes);
  m.allow_version_write := coalesce(allow_version_write, m.allow_version_write);
  m.version_gaps := coalesce(m.version_gaps, false) OR m.allow_version_write;
  m.show_row_id := coalesce(show_row_id, m.show_row_id);
  m.copy_indexes := coalesce(copy_indexes, m.copy_indexes);
  m.generated_by := coalesce(m.generated_by, yore._version());   -- what else a newer version does to a table, yore.sync does
  PERFORM yore._check_options(m);
  IF NOT tracked THEN
    PERFORM yore._check_columns(rel, yore._own_columns());
  END IF;
  IF m.on_truncate = 'archive' AND yore._is_partitioned(rel) THEN
    PERFORM yore._fail('YO007', pg_catalog.format('on_truncate => ''archive'' is not for partitioned tables such as %s', rel), 'Use DELETE.');
  END IF;
  PERFORM yore._check_rights(rel, m.in_place);

  IF tracked THEN
    PERFORM yore._retrack(before, m);
  ELSE
    PERFORM yore._start(rel, m);
  END IF;
END
$$;
COMMENT ON FUNCTION yore.track(text, text[], text[], boolean, boolean, timestamptz, text, text[], boolean, boolean, text, text, boolean, boolean, boolean, boolean, boolean, boolean) IS
  'Keeps every change of the table t from now on; for a tracked table, changes the options that are given. Options and defaults: docs/sql.md. Errors: YO003 unknown, YO004 already tracked and no option given, YO005 cannot be tracked, YO006 a name in the way, YO007 an option''s value, YO008 no right. Takes an ACCESS EXCLUSIVE lock for changes of the catalog alone: no row is read or rewritten, but for immutable => true, which gives every row its ids.';

CREATE OR REPLACE FUNCTION yore._check_columns(rel regclass, taken name[]) RETURNS void
LANGUAGE plpgsql STABLE
AS $$
DECLARE
  odd text;
BEGIN
  SELECT pg_catalog.string_agg(pg_catalog.quote_ident(a.attname), ', ') INTO odd FROM pg_catalog.pg_attribute AS a
   WHERE a.attrelid = rel AND a.attnum > 0 AND NOT a.attisdropped AND a.attname = ANY (taken);
  IF odd IS NOT NULL THEN
    PERFORM yore._fail('YO006', pg_catalog.format('column %s of %s has the name of one that yore adds', odd, rel), 'ALTER TABLE … RENAME COLUMN …');
  END IF;
END
$$;
COMMENT ON FUNCTION yore._check_columns(regclass, name[]) IS 'Error YO006 if a table has a column of its own with a name that tracking takes.';

CREATE OR REPLACE FUNCTION yore._start(rel regclass, m yore.tracked) RETURNS void
LANGUAGE plpgsql VOLATILE
AS $$
DECLARE
  storage text := pg_catalog.format('%I.%I', m.storage_schema, m.storage_name);
  acl     jsonb;
  own     record;
  kind    text;
  taken   text;
BEGIN
  EXECUTE pg_catalog.format('LOCK TABLE %s IN ACCESS EXCLUSIVE MODE', rel);
  FOREACH kind IN ARRAY ARRAY['temporal', 'history', 'asof'] LOOP
    PERFORM yore._make_schema(kind, m.schema_name, rel);
  END LOOP;
  FOREACH taken IN ARRAY ARRAY[
    CASE WHEN NOT m.in_place THEN storage END, pg_catalog.format('%I.%I', m.past_schema, m.past_name),
    pg_catalog.format('%I.%I', yore._schema('history', m.schema_name), m.table_name),
    pg_catalog.format('%I.%I', yore._schema('asof', m.schema_name), m.table_name)]
  LOOP
    IF pg_catalog.to_regclass(taken) IS NOT NULL OR (NOT m.in_place AND m.past_name = m.storage_name) THEN
      PERFORM yore._fail('YO006', pg_catalog.format('%s is already there, so %s cannot be tracked', taken, rel),
        'If it is the past that an earlier untrack kept, rename or drop it and its view in history.');
    END IF;
  END LOOP;

  acl := yore._save_acl(rel);
  IF m.immutable THEN
    PERFORM yore._add_entity(rel);
    m.columns := yore._columns(rel);
  END IF;
  -- What the table has at this moment has been so since then; a constant
  -- default fills the columns without rewriting the table.
  EXECUTE pg_catalog.format('ALTER TABLE %s ADD COLUMN sys_version bigint NOT NULL DEFAULT 1,
                                         ADD COLUMN sys_from timestamptz NOT NULL DEFAULT %L,
                                         ADD COLUMN sys_xid xid8 NOT NULL DEFAULT %L',
                            rel, m.since, pg_catalog.pg_current_xact_id());
  EXECUTE pg_catalog.format('ALTER TABLE %s ALTER sys_version DROP DEFAULT, ALTER sys_from DROP DEFAULT, ALTER sys_xid DROP DEFAULT', rel);

  m.sequences := '[]';
  IF NOT m.in_place THEN
    -- Sequences of serial columns keep their name: applications call nextval
    -- by it. They would move with the table that owns them.
    FOR own IN
      SELECT s.oid::regclass AS sequence, pg_catalog.format('%I.%I', n.nspname, s.relname) AS name, a.attname AS column_name
        FROM pg_catalog.pg_depend AS d
        JOIN pg_catalog.pg_class AS s ON s.oid = d.objid AND s.relkind = 'S'
        JOIN pg_catalog.pg_namespace AS n ON n.oid = s.relnamespace
        JOIN pg_catalog.pg_attribute AS a ON a.attrelid = rel AND a.attnum = d.refobjsubid
       WHERE d.classid = 'pg_catalog.pg_class'::regclass AND d.refclassid = 'pg_catalog.pg_class'::regclass
         AND d.refobjid = rel AND d.deptype = 'a'
    LOOP
      EXECUTE pg_catalog.format('ALTER SEQUENCE %s OWNED BY NONE', own.sequence);
      m.sequences := m.sequences || pg_catalog.jsonb_build_object('sequence', own.name, 'column', own.column_name);
    END LOOP;
    EXECUTE pg_catalog.format('ALTER TABLE %s SET SCHEMA %I', rel, m.storage_schema);
  END IF;

  m.own_triggers := yore._has_own_triggers(rel);
  m.shape := yore._shape(rel);
  PERFORM yore._make_past(m);
  PERFORM yore._copy_indexes(m);
  PERFORM yore._index_row_id(m);
  PERFORM yore._copy_policies(m);
  PERFORM yore._make_triggers(m);
  PERFORM yore._make_faces(m);
  IF NOT m.in_place THEN
    PERFORM yore._grant_face(m, acl);
  END IF;
  INSERT INTO yore.tracked SELECT m.*;
  PERFORM yore._say_views(m);
END
$$;
COMMENT ON FUNCTION yore._start(regclass, yore.tracked) IS 'Begins to track the table, with options that have been checked.';

CREATE OR REPLACE FUNCTION yore._make_schema(kind text, of_schema name, rel regclass) RETURNS void
LANGUAGE plpgsql VOLATILE
AS $$
DECLARE
  wanted name := yore._schema(kind, of_schema);
  owner  name := (SELECT pg_catalog.pg_get_userbyid(c.relowner) FROM pg_catalog.pg_class AS c WHERE c.oid = rel);
BEGIN
  IF pg_catalog.to_regnamespace(pg_catalog.quote_ident(wanted)) IS NOT NULL THEN
    RETURN;
  END IF;
  EXECUTE pg_catalog.format('CREATE SCHEMA IF NOT EXISTS %I', wanted);
  EXECUTE pg_catalog.format('COMMENT ON SCHEMA %I IS %L', wanted, pg_catalog.format('yore: %s of the tables of schema %I',
    CASE kind WHEN 'temporal' THEN 'the storage' WHEN 'history' THEN 'every version' ELSE 'the rows as of the session''s time' END, of_schema));
  IF owner <> current_user THEN
    EXECUTE pg_catalog.format('GRANT CREATE, USAGE ON SCHEMA %I TO %I WITH GRANT OPTION', wanted, owner);   -- for yore.grant_history
  END IF;
  IF kind <> 'temporal' THEN
    EXECUTE pg_catalog.format('GRANT USAGE ON SCHEMA %I TO PUBLIC', wanted);   -- the views in it are granted one by one
  END IF;
END
$$;
COMMENT ON FUNCTION yore._make_schema(text, name, regclass) IS 'Creates one of yore''s schemas if it is missing.';

CREATE OR REPLACE FUNCTION yore._grant_face(m yore.tracked, acl jsonb) RETURNS void
LANGUAGE plpgsql VOLATILE
AS $$
DECLARE
  storage regclass := yore._storage(m);
  face    regclass := pg_catalog.format('%I.%I', m.schema_name, m.table_name)::regclass;
  grantee text;
BEGIN
  PERFORM yore._grant_acl(face, acl);
  IF NOT (SELECT c.relrowsecurity FROM pg_catalog.pg_class AS c WHERE c.oid = storage) THEN
    RETURN;
  END IF;
  -- Under row-level security the face reads with its reader's rights: what is
  -- granted on it is needed beneath.
  PERFORM yore._grant_acl(storage, yore._save_acl(face));
  FOR grantee IN SELECT DISTINCT g ->> 'grantee' FROM pg_catalog.jsonb_array_elements(yore._save_acl(face)) AS g LOOP
    EXECUTE pg_catalog.format('GRANT USAGE ON SCHEMA %I TO %s', m.storage_schema, grantee);
  END LOOP;
END
$$;
COMMENT ON FUNCTION yore._grant_face(yore.tracked, jsonb) IS
  'Gives the face the grants that the table had; under row-level security, the table those of the face.';

CREATE OR REPLACE FUNCTION yore._say_views(m yore.tracked) RETURNS void
LANGUAGE plpgsql STABLE
AS $$
DECLARE
  rel   regclass := yore._storage(m);
  views text;
BEGIN
  SELECT pg_catalog.string_agg(DISTINCT r.ev_class::regclass::text, ', ') INTO views
    FROM pg_catalog.pg_depend AS d JOIN pg_catalog.pg_rewrite AS r ON r.oid = d.objid
   WHERE d.classid = 'pg_catalog.pg_rewrite'::regclass AND d.refclassid = 'pg_catalog.pg_class'::regclass AND d.refobjid = rel
     AND r.ev_class NOT IN (rel, pg_catalog.to_regclass(pg_catalog.format('%I.%I', m.schema_name, m.table_name)),
                            pg_catalog.to_regclass(pg_catalog.format('%I.%I', yore._schema('history', m.schema_name), m.table_name)),
                            pg_catalog.to_regclass(pg_catalog.format('%I.%I', yore._schema('asof', m.schema_name), m.table_name)));
  IF views IS NOT NULL THEN
    RAISE NOTICE USING MESSAGE = pg_catalog.format('yore: these views read %s and always show the present: %s', rel, views),
                       HINT = 'Inside an as-of session query the tables themselves.';
  END IF;
END
$$;
COMMENT ON FUNCTION yore._say_views(yore.tracked) IS 'Says in a notice which views of the user''s do not travel in time.';

CREATE OR REPLACE FUNCTION yore._retrack(before yore.tracked, m yore.tracked) RETURNS void
LANGUAGE plpgsql VOLATILE
AS $$
DECLARE
  rel regclass := yore._storage(m);
BEGIN
  PERFORM yore._hold(m);
  PERFORM yore._lock(m);
  PERFORM yore._fits(rel, m.shape);
  m := yore._renumbered(m);
  m.own_triggers := yore._has_own_triggers(rel);
  UPDATE yore.tracked AS x
     SET columns = m.columns, own_triggers = m.own_triggers, journal = m.journal, no_journal = m.no_journal, full_journal = m.full_journal, squash = m.squash,
         on_truncate = m.on_truncate, exclusion = m.exclusion, prefix = m.prefix, allow_updates = m.allow_updates,
         allow_deletes = m.allow_deletes, allow_version_write = m.allow_version_write, version_gaps = m.version_gaps, show_row_id = m.show_row_id, copy_indexes = m.copy_indexes, generated_by = m.generated_by
   WHERE (x.schema_name, x.table_name) = (m.schema_name, m.table_name);
  IF m.exclusion <> before.exclusion THEN
    PERFORM yore._set_exclusion(m);
  END IF;
  IF before.copy_indexes AND NOT m.copy_indexes THEN
    PERFORM yore._drop_copy(m, c.relname) FROM pg_catalog.pg_index AS i JOIN pg_catalog.pg_class AS c ON c.oid = i.indexrelid WHERE i.indrelid = rel;
  END IF;
  PERFORM yore._copy_indexes(m);
  PERFORM yore._index_row_id(m);
  PERFORM yore._make_triggers(m);
  PERFORM yore._make_faces(m);
END
$$;
COMMENT ON FUNCTION yore._retrack(yore.tracked, yore.tracked) IS 'Changes the options of a tracked table.';

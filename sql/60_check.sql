-- What cannot be tracked is refused here, before anything has changed.

CREATE OR REPLACE FUNCTION yore._check_kind(rel regclass, in_place boolean) RETURNS void
LANGUAGE plpgsql STABLE
AS $$
DECLARE
  c record;
BEGIN
  SELECT k.relkind, k.relpersistence, k.relispartition, k.reloftype
    INTO STRICT c FROM pg_catalog.pg_class AS k WHERE k.oid = rel;

  IF c.relkind NOT IN ('r', 'p') THEN
    PERFORM yore._fail('YO005', pg_catalog.format('%s is %s; only tables can be tracked', rel,
      CASE c.relkind WHEN 'v' THEN 'a view' WHEN 'm' THEN 'a materialized view' WHEN 'f' THEN 'a foreign table' WHEN 'S' THEN 'a sequence'
                     WHEN 'i' THEN 'an index' WHEN 'I' THEN 'an index' WHEN 'c' THEN 'a type' ELSE pg_catalog.format('a relation of kind %s', c.relkind) END),
      CASE WHEN c.relkind IN ('v', 'm') THEN 'Track the tables that the view reads.'
           WHEN c.relkind = 'f' THEN 'Track the table on the server that has it.'
           ELSE 'Track the table that it belongs to.' END);
  ELSIF c.relpersistence = 't' THEN
    PERFORM yore._fail('YO005', pg_catalog.format('%s is a temporary table; its past would end with the session', rel), 'Use an ordinary table.');
  ELSIF c.relpersistence = 'u' THEN
    PERFORM yore._fail('YO005', pg_catalog.format('%s is unlogged; a crash would empty it behind its past', rel),
                       pg_catalog.format('ALTER TABLE %s SET LOGGED', rel));
  ELSIF c.reloftype <> 0 THEN
    PERFORM yore._fail('YO005', pg_catalog.format('%s is a table OF type %s and cannot have further columns', rel, c.reloftype::regtype),
                       pg_catalog.format('ALTER TABLE %s NOT OF', rel));
  ELSIF c.relispartition THEN
    PERFORM yore._fail('YO005', pg_catalog.format('%s is a partition', rel),
      pg_catalog.format('Track the whole: SELECT yore.track(%L, in_place => true)', (pg_catalog.pg_partition_root(rel))::text));
  ELSIF c.relkind = 'p' AND NOT in_place THEN
    PERFORM yore._fail('YO005', pg_catalog.format('%s is partitioned; it can only be tracked where it is', rel),
      pg_catalog.format('SELECT yore.track(%L, in_place => true)', rel));
  ELSIF EXISTS (SELECT FROM pg_catalog.pg_inherits AS i WHERE i.inhrelid = rel OR (i.inhparent = rel AND c.relkind = 'r')) THEN
    PERFORM yore._fail('YO005', pg_catalog.format('%s takes part in table inheritance', rel), 'ALTER TABLE … NO INHERIT, or use partitions.');
  END IF;
  PERFORM yore._check_row_security(rel, in_place);
END
$$;
COMMENT ON FUNCTION yore._check_kind(regclass, boolean) IS
  'Error YO005 for what cannot be, or stay, tracked: not a table, temporary, unlogged, foreign, of a type, a partition, partitioned without in_place, inheritance, row-level security that binds the owner.';

CREATE OR REPLACE FUNCTION yore._check_table(rel regclass, in_place boolean) RETURNS void
LANGUAGE plpgsql STABLE
AS $$
DECLARE
  c     record;
  other text;
BEGIN
  PERFORM yore._check_kind(rel, in_place);
  SELECT k.reltype, n.nspname INTO STRICT c FROM pg_catalog.pg_class AS k JOIN pg_catalog.pg_namespace AS n ON n.oid = k.relnamespace WHERE k.oid = rel;
  IF c.nspname IN ('pg_catalog', 'information_schema', 'yore') OR EXISTS (
        SELECT FROM yore.installation AS i, pg_catalog.unnest(ARRAY[i.temporal_schema, i.history_schema, i.asof_schema]) AS own (name)
         WHERE c.nspname = own.name) THEN
    PERFORM yore._fail('YO005', pg_catalog.format('%s stands in schema %I, which is not for tables of applications', rel, c.nspname));
  END IF;

  SELECT pg_catalog.string_agg(t.tgname, ', ') INTO other FROM pg_catalog.pg_trigger AS t
   WHERE t.tgrelid = rel AND NOT t.tgisinternal AND (t.tgtype & 3) = 3 AND t.tgname::text COLLATE "C" > '~yore_z';
  IF other IS NOT NULL THEN
    PERFORM yore._fail('YO006', pg_catalog.format('trigger %s of %s would fire after yore''s and could change a row unseen', other, rel),
                       'ALTER TRIGGER … RENAME TO a name that sorts before ~.');
  END IF;

  IF NOT in_place THEN
    SELECT pg_catalog.string_agg(DISTINCT pg_catalog.pg_describe_object(d.classid, d.objid, d.objsubid), ', ') INTO other
      FROM pg_catalog.pg_depend AS d JOIN pg_catalog.pg_type AS t ON t.oid = d.refobjid
     WHERE d.refclassid = 'pg_catalog.pg_type'::regclass AND (t.oid = c.reltype OR t.typelem = c.reltype AND t.typlen = -1)
       AND d.deptype = 'n';
    IF other IS NOT NULL THEN
      PERFORM yore._fail('YO005', pg_catalog.format('the row type of %s is used by %s', rel, other),
        pg_catalog.format('Drop that and make it again after tracking (it then means the face), or SELECT yore.track(%L, in_place => true).', rel));
    END IF;
  END IF;
END
$$;
COMMENT ON FUNCTION yore._check_table(regclass, boolean) IS
  'Refuses what cannot be tracked: error YO005 (as _check_kind; in a schema of the system or of yore; a row type in use), YO006 (a trigger whose name sorts too late).';

CREATE OR REPLACE FUNCTION yore._check_row_security(rel regclass, in_place boolean) RETURNS void
LANGUAGE plpgsql STABLE
AS $$
DECLARE
  guarded boolean := (SELECT c.relrowsecurity FROM pg_catalog.pg_class AS c WHERE c.oid = rel);
BEGIN
  IF guarded AND NOT in_place AND pg_catalog.current_setting('server_version_num')::integer < 150000 THEN
    PERFORM yore._fail('YO005', pg_catalog.format('%s has row-level security, which a view can only keep from PostgreSQL 15 on', rel),
      pg_catalog.format('SELECT yore.track(%L, in_place => true)', rel));
  ELSIF yore._blinds_owner(rel) THEN
    PERFORM yore._fail('YO005', pg_catalog.format('%s has row-level security that binds its owner, too, as whom yore''s triggers run', rel),
      pg_catalog.format('ALTER TABLE %s NO FORCE ROW LEVEL SECURITY', rel));
  END IF;
END
$$;
COMMENT ON FUNCTION yore._check_row_security(regclass, boolean) IS
  'Error YO005 where row-level security could not be kept, or would keep rows from the triggers.';

CREATE OR REPLACE FUNCTION yore._blinds_owner(rel regclass) RETURNS boolean
LANGUAGE sql STABLE
AS $$
  SELECT c.relrowsecurity AND c.relforcerowsecurity AND NOT (o.rolsuper OR o.rolbypassrls)
    FROM pg_catalog.pg_class AS c JOIN pg_catalog.pg_roles AS o ON o.oid = c.relowner
   WHERE c.oid = rel
$$;
COMMENT ON FUNCTION yore._blinds_owner(regclass) IS
  'Whether row-level security keeps rows of the table from its owner, and so from triggers that run with the owner''s rights.';

CREATE OR REPLACE FUNCTION yore._check_rights(rel regclass, in_place boolean) RETURNS void
LANGUAGE plpgsql STABLE
AS $$
DECLARE
  owner  oid := (SELECT c.relowner FROM pg_catalog.pg_class AS c WHERE c.oid = rel);
  space  name := (SELECT n.nspname FROM pg_catalog.pg_class AS c JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace WHERE c.oid = rel);
  kind   text;
  needed name;
BEGIN
  IF NOT pg_catalog.pg_has_role(owner, 'MEMBER') THEN
    PERFORM yore._fail('YO008', pg_catalog.format('role %I does not own %s', current_user, rel),
                       pg_catalog.format('Ask %s, or a superuser.', pg_catalog.pg_get_userbyid(owner)));
  END IF;
  IF NOT pg_catalog.has_table_privilege('yore.tracked', 'INSERT, UPDATE') THEN
    PERFORM yore._fail('YO008', pg_catalog.format('role %I may not track tables', current_user),
                       pg_catalog.format('The role that installed yore can: GRANT ALL ON yore.tracked TO %I', current_user));
  END IF;
  IF NOT in_place AND NOT pg_catalog.has_schema_privilege(owner, space, 'CREATE') THEN
    PERFORM yore._fail('YO008', pg_catalog.format('%s may not make a view in schema %I', pg_catalog.pg_get_userbyid(owner), space),
                       pg_catalog.format('GRANT CREATE ON SCHEMA %I TO %s', space, pg_catalog.pg_get_userbyid(owner)));
  END IF;
  FOREACH kind IN ARRAY ARRAY['temporal', 'history', 'asof'] LOOP
    needed := yore._schema(kind, space);
    IF pg_catalog.to_regnamespace(pg_catalog.quote_ident(needed)) IS NULL THEN
      IF NOT pg_catalog.has_database_privilege(pg_catalog.current_database(), 'CREATE') THEN
        PERFORM yore._fail('YO008', pg_catalog.format('role %I may not make schema %I', current_user, needed),
          pg_catalog.format('GRANT CREATE ON DATABASE %I TO %I', pg_catalog.current_database(), current_user));
      END IF;
    ELSIF NOT (pg_catalog.has_schema_privilege(needed, 'CREATE') AND pg_catalog.has_schema_privilege(owner, needed, 'CREATE')) THEN
      PERFORM yore._fail('YO008', pg_catalog.format('schema %I is closed to %I, the owner of %s', needed, pg_catalog.pg_get_userbyid(owner), rel),
        pg_catalog.format('GRANT CREATE, USAGE ON SCHEMA %I TO %I', needed, pg_catalog.pg_get_userbyid(owner)));
    END IF;
  END LOOP;
END
$$;
COMMENT ON FUNCTION yore._check_rights(regclass, boolean) IS 'Error YO008 if the caller may not track, untrack or sync the table.';

CREATE OR REPLACE FUNCTION yore._check_key(rel regclass, key text[]) RETURNS name[]
LANGUAGE plpgsql STABLE
AS $$
DECLARE
  found name[] := key::name[];
  odd   text;
BEGIN
  IF key IS NULL THEN
    SELECT pg_catalog.array_agg(a.attname ORDER BY k.place) INTO found
      FROM pg_catalog.pg_index AS i, pg_catalog.unnest(i.indkey::smallint[]) WITH ORDINALITY AS k (attnum, place), pg_catalog.pg_attribute AS a
     WHERE i.indrelid = rel AND i.indisprimary AND k.place <= i.indnkeyatts AND a.attrelid = rel AND a.attnum = k.attnum;
    IF found IS NULL THEN
      PERFORM yore._fail('YO005', pg_catalog.format('table %s has no primary key', rel),
                         'Add one, or name the key columns with key => ''{…}''; a unique index must hold them.');
    END IF;
  END IF;
  odd := yore._missing(rel, found::text[]);
  IF odd IS NOT NULL OR pg_catalog.cardinality(found) = 0 THEN
    PERFORM yore._fail('YO007', pg_catalog.format('key of %s: there is no column %s', rel, coalesce(odd, '{}')));
  END IF;
  SELECT pg_catalog.string_agg(pg_catalog.quote_ident(a.attname), ', ') INTO odd FROM pg_catalog.pg_attribute AS a
   WHERE a.attrelid = rel AND a.attname = ANY (found) AND NOT a.attnotnull;
  IF odd IS NOT NULL THEN
    PERFORM yore._fail('YO005', pg_catalog.format('key of %s: column %s may be NULL', rel, odd), 'ALTER TABLE … ALTER COLUMN … SET NOT NULL');
  END IF;
  SELECT pg_catalog.string_agg(pg_catalog.quote_ident(a.attname), ', ') INTO odd FROM pg_catalog.pg_attribute AS a
   WHERE a.attrelid = rel AND a.attname = ANY (found) AND a.attgenerated <> '';
  IF odd IS NOT NULL THEN
    PERFORM yore._fail('YO005', pg_catalog.format('key of %s: column %s is generated, after triggers have seen the row', rel, odd),
                       'Name another key with key => ''{…}''; a unique index must hold it.');
  END IF;
  IF yore._key_index(rel, found) IS NULL THEN
    PERFORM yore._fail('YO005', pg_catalog.format('key of %s: no index makes (%s) unique at once', rel,
        (SELECT pg_catalog.string_agg(pg_catalog.quote_ident(k), ', ') FROM pg_catalog.unnest(found) AS k)),
      'A unique index or constraint over exactly these columns is needed: not deferrable, not partial, no expressions.');
  END IF;
  RETURN found;
END
$$;
COMMENT ON FUNCTION yore._check_key(regclass, text[]) IS
  'The key columns: those given, else the primary key''s. Errors YO005 (none, nullable, generated, not unique at once), YO007 (no such column).';

CREATE OR REPLACE FUNCTION yore._check_options(m yore.tracked) RETURNS void
LANGUAGE plpgsql STABLE
AS $$
DECLARE
  rel   text := pg_catalog.format('%I.%I', m.schema_name, m.table_name);
  names text[] := ARRAY(SELECT c ->> 'name' FROM pg_catalog.jsonb_array_elements(m.columns) AS c);
  odd   text;
BEGIN
  SELECT pg_catalog.string_agg(pg_catalog.quote_ident(j), ', ') INTO odd
    FROM pg_catalog.unnest(coalesce(m.journal, '{}') || coalesce(m.no_journal, '{}')) AS j WHERE j::text <> ALL (names);
  IF odd IS NOT NULL THEN
    PERFORM yore._fail('YO007', pg_catalog.format('journal options of %s: there is no column %s', rel, odd));
  ELSIF (m.journal IS NOT NULL)::integer + (m.no_journal IS NOT NULL)::integer + m.full_journal::integer > 1 THEN
    PERFORM yore._fail('YO007', 'journal, no_journal and full_journal exclude one another', 'Give one; ''{}'' and false take one back.');
  ELSIF m.on_truncate NOT IN ('refuse', 'archive') THEN
    PERFORM yore._fail('YO007', pg_catalog.format('on_truncate is ''refuse'' or ''archive'', not %L', m.on_truncate));
  ELSIF pg_catalog.octet_length(m.prefix || 'valid_from') > 63 THEN
    PERFORM yore._fail('YO007', pg_catalog.format('prefix of %s leaves no room for valid_from within 63 bytes', rel));
  ELSIF m.since > pg_catalog.transaction_timestamp() THEN
    PERFORM yore._fail('YO007', pg_catalog.format('since is in the future: %s', yore._utc(m.since)));
  END IF;
  PERFORM yore._check_immutable(m);
  PERFORM yore._check_names(m, names);
END
$$;
COMMENT ON FUNCTION yore._check_options(yore.tracked) IS 'Errors YO007 (an option''s value) and YO006 (a column with the name of one of yore''s).';

CREATE OR REPLACE FUNCTION yore._check_names(m yore.tracked, names text[]) RETURNS void
LANGUAGE plpgsql STABLE
AS $$
DECLARE
  rel  text := pg_catalog.format('%I.%I', m.schema_name, m.table_name);
  kept text[] := ARRAY(SELECT c ->> 'name' FROM yore._kept(m) AS c);
  odd  text;
BEGIN
  SELECT pg_catalog.string_agg(pg_catalog.quote_ident(n), ', ') INTO odd FROM pg_catalog.unnest(names) AS n
   WHERE n IN ('sys_to', 'sys_xid_to');
  IF odd IS NOT NULL THEN
    PERFORM yore._fail('YO006', pg_catalog.format('column %s of %s has the name of one that yore adds', odd, rel), 'ALTER TABLE … RENAME COLUMN …');
  END IF;
  SELECT pg_catalog.string_agg(pg_catalog.quote_ident(n), ', ') INTO odd FROM pg_catalog.unnest(names || kept) AS n,
         pg_catalog.unnest(ARRAY['version', 'valid_from', 'valid_to', 'deleted_at', 'xid'] || CASE WHEN m.show_row_id THEN '{id}'::text[] ELSE '{}' END) AS own (name)
   WHERE n = yore._shown(m, own.name);
  IF odd IS NOT NULL THEN
    PERFORM yore._fail('YO006', pg_catalog.format('column %s of %s has the name of one that history shows', odd, rel),
      pg_catalog.format('SELECT yore.track(%L, prefix => ''sys_'') shows yore''s own as sys_version, sys_valid_from, ….', rel));
  END IF;
END
$$;
COMMENT ON FUNCTION yore._check_names(yore.tracked, text[]) IS 'Error YO006 for a column, of the present or kept by the past, with the name of one of yore''s.';

CREATE OR REPLACE FUNCTION yore._check_immutable(m yore.tracked) RETURNS void
LANGUAGE plpgsql STABLE
AS $$
DECLARE
  rel  text := pg_catalog.format('%I.%I', m.schema_name, m.table_name);
  type text := (SELECT c ->> 'type' FROM pg_catalog.jsonb_array_elements(m.columns) AS c WHERE c ->> 'name' = 'entity_id');
BEGIN
  IF NOT m.immutable THEN
    IF m.allow_updates OR m.allow_deletes OR m.allow_version_write OR m.show_row_id THEN
      PERFORM yore._fail('YO007', pg_catalog.format('%s is no immutable table: allow_updates, allow_deletes, allow_version_write and show_row_id are not for it', rel),
                         'They go with immutable => true.');
    END IF;
    RETURN;
  END IF;
  IF m.in_place THEN
    PERFORM yore._fail('YO007', pg_catalog.format('%s: immutable and in_place exclude one another', rel),
                       'An immutable table is read and written through its face, which shows the version data.');
  ELSIF m.squash THEN
    PERFORM yore._fail('YO007', pg_catalog.format('%s: an immutable table keeps every change of a transaction', rel), 'Leave squash out.');
  ELSIF m.since = '-infinity' THEN
    PERFORM yore._fail('YO007', pg_catalog.format('%s: since of an immutable table is a time, shown as valid_from', rel));
  ELSIF m.key_columns <> '{entity_id}' THEN   -- renamed by hand
    PERFORM yore._fail('YO006', pg_catalog.format('the key of %s is entity_id, as of every immutable table, not %s', rel, m.key_columns::text),
                       'ALTER TABLE … RENAME COLUMN … TO entity_id');
  ELSIF type <> 'uuid' THEN
    PERFORM yore._fail('YO006', pg_catalog.format('column entity_id of %s is %s, not uuid', rel, type), 'ALTER TABLE … RENAME COLUMN …, or change its type.');
  END IF;
END
$$;
COMMENT ON FUNCTION yore._check_immutable(yore.tracked) IS
  'Errors YO007 (options that an immutable table cannot have, or only it) and YO006 (an entity_id that is no uuid, or is called otherwise).';

CREATE OR REPLACE FUNCTION yore.untrack(t text, history text DEFAULT 'keep') RETURNS void
LANGUAGE plpgsql VOLATILE
AS $$
#variable_conflict use_variable
DECLARE
  m       yore.tracked := yore._tracked(t);
  rel     regclass := yore._storage(m);
  past    text := pg_catalog.format('%I.%I', m.past_schema, m.past_name);
  acl     jsonb;
  own     jsonb;
BEGIN
  IF history IS NULL OR history NOT IN ('keep', 'drop') THEN
    PERFORM yore._fail('YO007', pg_catalog.format('history is ''keep'' or ''drop'', not %s', pg_catalog.quote_nullable(history)),
                       'keep leaves the past for reading, drop leaves nothing.');
  END IF;
  PERFORM yore._check_rights(rel, m.in_place);
  m := yore._hold(m);
  PERFORM yore._lock(m);

  IF history = 'keep' THEN
    PERFORM yore._fits(rel, m.shape);
    IF pg_catalog.current_setting('transaction_isolation') <> 'read committed' THEN
      PERFORM yore._fail('YO013', pg_catalog.format('untrack of %s that keeps history needs a transaction of READ COMMITTED: an older snapshot need not show every row', rel),
                         'BEGIN ISOLATION LEVEL READ COMMITTED');
    END IF;
  END IF;

  IF NOT m.in_place THEN
    acl := yore._save_acl(coalesce(pg_catalog.to_regclass(pg_catalog.format('%I.%I', m.schema_name, m.table_name)), rel));
  END IF;
  PERFORM yore._drop_faces(m);
  PERFORM yore._drop_triggers(m);
  IF history = 'keep' THEN
    PERFORM yore._close_past(m);
  ELSE
    EXECUTE pg_catalog.format('DROP TABLE %s', past);
    EXECUTE pg_catalog.format('DROP TABLE IF EXISTS %s', yore._amendments(m));
  END IF;
  DELETE FROM yore.tracked AS x WHERE (x.schema_name, x.table_name) = (m.schema_name, m.table_name);
  EXECUTE pg_catalog.format('ALTER TABLE %s DROP COLUMN sys_version, DROP COLUMN sys_from, DROP COLUMN sys_xid%s', rel,
                            CASE WHEN m.immutable THEN ', DROP COLUMN sys_id, DROP COLUMN sys_deleted_at' ELSE '' END);
  IF m.immutable THEN
    -- No trigger fills it any more.
    EXECUTE pg_catalog.format('ALTER TABLE %s ALTER entity_id SET DEFAULT pg_catalog.gen_random_uuid()', rel);
  END IF;
  IF NOT m.in_place THEN
    EXECUTE pg_catalog.format('ALTER TABLE %s SET SCHEMA %I', rel, m.schema_name);
    FOR own IN SELECT * FROM pg_catalog.jsonb_array_elements(m.sequences) LOOP
      IF pg_catalog.to_regclass(own ->> 'sequence') IS NOT NULL AND EXISTS (
         SELECT FROM pg_catalog.pg_attribute AS a WHERE a.attrelid = rel AND a.attname = own ->> 'column') THEN
        EXECUTE pg_catalog.format('ALTER SEQUENCE %s OWNED BY %s.%I', own ->> 'sequence', rel, own ->> 'column');
      END IF;
    END LOOP;
    -- What was granted and revoked on the face meanwhile holds for the table.
    PERFORM yore._revoke_acl(rel);
    PERFORM yore._grant_acl(rel, acl);
  END IF;
END
$$;
COMMENT ON FUNCTION yore.untrack(text, text) IS
  'Gives the plain table back, with its grants, indexes, foreign keys, sequences and comments. history => keep (the default) closes every current version, copies it to the past and leaves past table and history view for reading; drop drops them. Errors: YO003 not tracked, YO007 another word, YO008 no right, YO009 keep of a table altered by hand, YO013 keep in a transaction that is not READ COMMITTED, 2BP01 something of the user''s depends on a face. Takes an ACCESS EXCLUSIVE lock; keep copies the rows under it.';

CREATE OR REPLACE FUNCTION yore._close_past(m yore.tracked) RETURNS void
LANGUAGE plpgsql VOLATILE
AS $$
DECLARE
  storage text := pg_catalog.format('%I.%I', m.storage_schema, m.storage_name);
  past    text := pg_catalog.format('%I.%I', m.past_schema, m.past_name);
  history text := pg_catalog.format('%I.%I', yore._schema('history', m.schema_name), m.table_name);
BEGIN
  EXECUTE pg_catalog.format(
    'INSERT INTO %1$s (%2$s, sys_version, sys_from, sys_xid, sys_to, sys_xid_to)
     SELECT %2$s, sys_version, sys_from, sys_xid,
            greatest(transaction_timestamp(), sys_from + interval ''1 microsecond''), pg_current_xact_id()
       FROM %3$s', past, yore._list(m.columns, '%I') || yore._with_id(m, 'sys_id'), storage);
  PERFORM yore._put_up(yore._replace_view(m, history, yore._guard(past::regclass, history, yore._versions(m, true)),
                                          yore._view_options(past::regclass), storage::regclass));
  EXECUTE pg_catalog.format('COMMENT ON VIEW %s IS %L', history,
    pg_catalog.format('Every version of %I.%I until it was untracked, on %s.', m.schema_name, m.table_name, yore._utc(pg_catalog.transaction_timestamp())));
END
$$;
COMMENT ON FUNCTION yore._close_past(yore.tracked) IS
  'Ends every current version at the transaction''s time, copied to the past, and leaves history as a view of that alone.';

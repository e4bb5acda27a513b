-- Where event triggers may be created, yore.sync by itself.

CREATE OR REPLACE FUNCTION yore.auto_sync(enable boolean) RETURNS void
LANGUAGE plpgsql VOLATILE
AS $$
DECLARE
  here boolean := EXISTS (SELECT FROM pg_catalog.pg_event_trigger AS e WHERE e.evtname = 'yore_auto_sync');
BEGIN
  IF enable IS NULL THEN
    PERFORM yore._fail('YO007', 'auto_sync is true or false, not NULL');
  ELSIF enable AND NOT here THEN
    CREATE EVENT TRIGGER yore_auto_sync ON ddl_command_end WHEN TAG IN ('ALTER TABLE') EXECUTE FUNCTION yore._auto_sync();
  ELSIF here AND NOT enable THEN
    DROP EVENT TRIGGER yore_auto_sync;
  END IF;
EXCEPTION WHEN insufficient_privilege THEN
  PERFORM yore._fail('YO008', pg_catalog.format('role %I may not make event triggers', current_user),
                     'Superusers may, and the administrators of most managed servers. Without it, run yore.sync after an ALTER TABLE by hand, or use yore.alter_table.', SQLERRM);
END
$$;
COMMENT ON FUNCTION yore.auto_sync(boolean) IS
  'With true, every ALTER TABLE of a tracked table, by whatever client, is followed by yore.sync in the same statement; with false, no longer. Nothing in yore needs it. What PostgreSQL refuses because of the faces over a table, dropping a column or changing its type, needs yore.alter_table all the same. Errors: YO007 NULL, YO008 the role may not make event triggers.';

CREATE OR REPLACE FUNCTION yore._auto_sync() RETURNS event_trigger
LANGUAGE plpgsql
AS $$
DECLARE
  rel regclass;
  m   yore.tracked;
BEGIN
  IF pg_catalog.current_setting('yore.altering', true) = 'on' THEN
    RETURN;   -- yore does the rest itself
  END IF;
  FOR rel IN
    SELECT DISTINCT coalesce(pg_catalog.pg_partition_root(c.objid), c.objid)
      FROM pg_catalog.pg_event_trigger_ddl_commands() AS c
     WHERE c.classid = 'pg_catalog.pg_class'::regclass AND c.object_type IN ('table', 'table column')
  LOOP
    m := yore._find(rel);
    CONTINUE WHEN m.schema_name IS NULL;
    -- Renamed by hand, it is not where the catalog says.
    IF yore._storage(m) IS NULL OR yore._storage(m) = rel AND EXISTS (
       SELECT FROM yore._verify_triggers(m) AS v WHERE v.detail LIKE '%yore.sync(%') THEN
      PERFORM yore.sync(pg_catalog.format('%I.%I', m.schema_name, m.table_name));
    END IF;
  END LOOP;
END
$$;
COMMENT ON FUNCTION yore._auto_sync() IS 'The event trigger of yore.auto_sync, at the end of ALTER TABLE: runs yore.sync where yore.verify would ask for it.';

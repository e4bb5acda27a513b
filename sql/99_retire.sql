-- Functions that former versions made and this one does not: another overload
-- left behind would make calls ambiguous, or be called in place of ours.

CREATE OR REPLACE FUNCTION yore._retired() RETURNS TABLE (signature text, called_by_triggers boolean)
LANGUAGE sql IMMUTABLE
AS $$
  -- One line for each function of an earlier version that is gone, or has other
  -- arguments now. Those that its triggers and faces call, or that are called on
  -- their behalf, stay until the last table has new ones. TestUpgrade says which
  -- line is missing.
  SELECT r.signature, r.called_by_triggers
    FROM (VALUES
      -- Of version 1.
      ('yore.track(text, text[], text[], boolean, boolean, timestamptz, text, text[], boolean, boolean, text, text, boolean, boolean, boolean, boolean, boolean)', false),
      ('yore._aside(regclass, name)', false),
      ('yore._drop_asof_function(yore.tracked)', false),
      ('yore._fit_past(yore.tracked, jsonb)', false),
      ('yore._make_view(text, text, text, regclass)', false),
      ('yore._put_aside(regclass, name)', false),
      ('yore._retype_past(yore.tracked, jsonb, text)', false)
    ) AS r (signature, called_by_triggers)
$$;
COMMENT ON FUNCTION yore._retired() IS
  'The functions of earlier versions that are no longer made, and whether triggers of those versions call them.';

CREATE OR REPLACE FUNCTION yore._retire() RETURNS text[]
LANGUAGE plpgsql VOLATILE
AS $$
DECLARE
  old_triggers boolean := EXISTS (SELECT FROM yore.tracked AS m WHERE m.generated_by < yore._version() AND yore._storage(m) IS NOT NULL);
  dropped      text[] := '{}';
  gone         record;
BEGIN
  FOR gone IN
    SELECT r.signature FROM yore._retired() AS r
     WHERE pg_catalog.to_regprocedure(r.signature) IS NOT NULL AND NOT (r.called_by_triggers AND old_triggers)
     ORDER BY r.signature
  LOOP
    BEGIN
      EXECUTE pg_catalog.format('DROP FUNCTION %s', gone.signature);
      dropped := dropped || gone.signature;
    EXCEPTION WHEN dependent_objects_still_exist THEN
      RAISE WARNING USING MESSAGE = pg_catalog.format('yore: %s of an earlier version could not be dropped', gone.signature),
                          DETAIL = SQLERRM, HINT = 'Change what depends on it, then run yore upgrade.';
    END;
  END LOOP;
  RETURN dropped;
END
$$;
COMMENT ON FUNCTION yore._retire() IS
  'Drops the functions of earlier versions that nothing of yore''s calls any more, and returns them; no other function in the schema is touched. A warning where something of the user''s depends on one. To be called by who installed yore.';

DO $retire$
BEGIN
  PERFORM yore._retire();
END
$retire$;

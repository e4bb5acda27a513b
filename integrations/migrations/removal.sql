DO $$
DECLARE
  of_yore name;
BEGIN
  IF EXISTS (SELECT FROM yore.tracked) THEN
    RAISE EXCEPTION 'tables are tracked' USING HINT = 'SELECT yore.untrack(…) for each of yore.status()';
  END IF;
  FOR of_yore IN SELECT nspname FROM pg_namespace WHERE nspname ~ '^(temporal|history|asof)(_|$)' LOOP
    EXECUTE format('DROP SCHEMA %I', of_yore);   -- refused where a past is left
  END LOOP;
  DROP SCHEMA yore CASCADE;
END
$$;

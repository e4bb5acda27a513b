-- Taking a tracked table from everybody else, for a change of what yore made.

CREATE OR REPLACE FUNCTION yore._lock(m yore.tracked) RETURNS void
LANGUAGE plpgsql VOLATILE
AS $$
DECLARE
  given   CONSTANT text := pg_catalog.current_setting('lock_timeout');
  allowed CONSTANT integer := (SELECT s.setting::integer FROM pg_catalog.pg_settings AS s WHERE s.name = 'lock_timeout');   -- 0: none
  began   CONSTANT timestamptz := pg_catalog.clock_timestamp();
  statement text;
BEGIN
  FOR statement IN
    -- A view before what it reads, as every query locks them: the other way
    -- round, queries that wait for the table would hold the view that we wait
    -- for. LOCK TABLE of a view takes the tables along; to change its owner to
    -- what it is changes nothing and locks the view alone. The face comes last
    -- of them, for most wait for that.
    (SELECT pg_catalog.format('ALTER VIEW %s OWNER TO %I', c.oid::regclass, pg_catalog.pg_get_userbyid(c.relowner))
       FROM pg_catalog.unnest(ARRAY[yore._schema('history', m.schema_name), yore._schema('asof', m.schema_name), m.schema_name])
            WITH ORDINALITY AS v (schema_name, place)
       JOIN pg_catalog.pg_namespace AS n ON n.nspname = v.schema_name
       JOIN pg_catalog.pg_class AS c ON c.relnamespace = n.oid AND c.relname = m.table_name AND c.relkind = 'v'
      ORDER BY v.place)
    UNION ALL
    VALUES (pg_catalog.format('LOCK TABLE %I.%I IN ACCESS EXCLUSIVE MODE', m.storage_schema, m.storage_name)),
           (pg_catalog.format('LOCK TABLE %I.%I IN ACCESS EXCLUSIVE MODE', m.past_schema, m.past_name))
  LOOP
    EXECUTE statement;
    IF allowed > 0 THEN
      -- One lock_timeout for all of them: whoever waits for the first of these
      -- locks would else wait for it several times over.
      PERFORM pg_catalog.set_config('lock_timeout',
        greatest(1, allowed - (extract(epoch FROM pg_catalog.clock_timestamp() - began) * 1000)::integer)::text, true);
    END IF;
  END LOOP;
  PERFORM pg_catalog.set_config('lock_timeout', given, true);
END
$$;
COMMENT ON FUNCTION yore._lock(yore.tracked) IS
  'Takes ACCESS EXCLUSIVE locks on a tracked table, its past and its views, the views first. lock_timeout is for all of them together: error 55P03.';

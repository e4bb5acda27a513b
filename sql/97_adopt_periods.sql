-- Adopting from the extension periods: SYSTEM VERSIONING, whose catalogs say where
-- everything is, with the period in two columns, open at infinity.

CREATE OR REPLACE FUNCTION yore._adopt_periods(rel regclass) RETURNS jsonb
LANGUAGE plpgsql STABLE
AS $$
DECLARE
  here record;
BEGIN
  IF pg_catalog.to_regclass('periods.system_versioning') IS NULL THEN
    RETURN NULL;
  END IF;
  EXECUTE $query$
    SELECT v.history_table_name::oid AS history, v.view_name::oid AS view, p.start_column_name AS begins, p.end_column_name AS ends, t.excluded_column_names AS excluded,
           ARRAY[v.func_as_of, v.func_between, v.func_between_symmetric, v.func_from_to] AS functions,
           ARRAY[t.generated_always_trigger, t.write_history_trigger, t.truncate_trigger] AS triggers,
           (SELECT e.extversion FROM pg_catalog.pg_extension AS e WHERE e.extname = 'periods') AS version
      FROM periods.system_versioning AS v
      JOIN periods.periods AS p ON p.table_name = v.table_name AND p.period_name = v.period_name
      JOIN periods.system_time_periods AS t ON t.table_name = v.table_name AND t.period_name = v.period_name
     WHERE v.table_name = $1$query$ INTO here USING rel;
  IF here.history IS NULL THEN
    RETURN NULL;
  END IF;
  RETURN yore._adopt_pair(rel, here.history, ARRAY[here.begins, here.ends]) || pg_catalog.jsonb_build_object(
    'system', pg_catalog.concat_ws(' ', 'periods', here.version),
    'detach', 'periods',
    'triggers', pg_catalog.to_jsonb(here.triggers),
    'relations', pg_catalog.jsonb_build_array(here.history, here.view),
    'functions', (SELECT pg_catalog.jsonb_agg(pg_catalog.to_regprocedure(f)::oid) FROM pg_catalog.unnest(here.functions) AS f),
    'options', CASE WHEN here.excluded = '{}' THEN '{}'::jsonb ELSE pg_catalog.jsonb_build_object('no_journal', here.excluded) END);
END
$$;
COMMENT ON FUNCTION yore._adopt_periods(regclass) IS
  'The source, if the extension periods keeps SYSTEM VERSIONING for rel; NULL if not. Excluded columns become no_journal.';

CREATE OR REPLACE FUNCTION yore._detach_periods(s jsonb) RETURNS jsonb
LANGUAGE plpgsql VOLATILE
AS $$
BEGIN
  -- Its own functions do it: they know of its catalogs and of what guards them.
  EXECUTE 'SELECT periods.drop_system_versioning($1)' USING (s ->> 'current')::oid::regclass;
  EXECUTE 'SELECT periods.drop_system_time_period($1, purge => true)' USING (s ->> 'current')::oid::regclass;
  PERFORM yore._move_aside((s ->> 'history')::oid);
  RETURN s;
END
$$;
COMMENT ON FUNCTION yore._detach_periods(jsonb) IS 'Ends SYSTEM VERSIONING and the system_time period of the table, by the functions of the extension.';

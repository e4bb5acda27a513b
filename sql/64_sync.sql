-- Bringing past, triggers and faces in step with a table that was altered.

CREATE OR REPLACE FUNCTION yore.sync(t text) RETURNS void
LANGUAGE plpgsql VOLATILE
AS $$
DECLARE
  m yore.tracked := yore._tracked(t);
BEGIN
  IF yore._storage(m) IS NULL THEN
    m := yore._follow_name(m);
  END IF;
  PERFORM yore._check_rights(yore._storage(m), m.in_place);
  m := yore._hold(m);
  PERFORM yore._lock(m);
  PERFORM yore._sync(m);
END
$$;
COMMENT ON FUNCTION yore.sync(text) IS
  'Brings past, triggers and faces of a tracked table in step with its columns, after an ALTER TABLE by hand; where nothing differs, writes them anew. A table that was renamed or given another schema by hand is renamed with all that belongs to it. What yore.alter_table does by itself: it keeps dropped columns, and converts the past by a plain cast. Errors: YO003 not tracked, YO005 the key is no longer one or a domain refuses NULL, YO006 a new column has a taken name, YO008 no right, YO024 a conversion of the past is under way, 2BP01 something of the user''s depends on a face that must change. Takes an ACCESS EXCLUSIVE lock; a change of type rewrites the past, which is said beforehand.';

CREATE OR REPLACE FUNCTION yore._sync(m yore.tracked, keep_past boolean DEFAULT true, in_batches boolean DEFAULT false, conversions jsonb DEFAULT '{}') RETURNS void
LANGUAGE plpgsql VOLATILE
AS $$
DECLARE
  rel      regclass := yore._storage(m);
  past     regclass := yore._past(m);
  face     text := pg_catalog.format('%I.%I', m.schema_name, m.table_name);
  had_face boolean := pg_catalog.to_regclass(face) IS NOT NULL;
  now_has  jsonb := yore._columns(rel);
  saved    jsonb;
BEGIN
  PERFORM yore._check_kind(rel, m.in_place);
  m := yore._renumbered(m);
  PERFORM yore._refuse_unconverted(m, now_has);
  PERFORM yore._check_names(m, ARRAY(SELECT h ->> 'name' FROM pg_catalog.jsonb_array_elements(now_has) AS h));
  m := yore._rename_columns(m, now_has);
  m.key_columns := yore._check_key(rel, m.key_columns::text[]);
  saved := CASE WHEN yore._disturbs(m, now_has, keep_past) THEN yore._take_down(m, past) ELSE '[]' END;
  PERFORM yore._drop_policies(past);
  m.columns := yore._fit_past(m, now_has, keep_past, in_batches, conversions);
  m.journal := nullif(ARRAY(SELECT j FROM pg_catalog.unnest(m.journal) AS j WHERE now_has @> pg_catalog.jsonb_build_array(pg_catalog.jsonb_build_object('name', j))), '{}');
  m.no_journal := nullif(ARRAY(SELECT j FROM pg_catalog.unnest(m.no_journal) AS j WHERE now_has @> pg_catalog.jsonb_build_array(pg_catalog.jsonb_build_object('name', j))), '{}');
  m.shape := yore._shape(rel);
  m.own_triggers := yore._has_own_triggers(rel);
  m.generated_by := yore._version();
  PERFORM yore._check_options(m);
  IF NOT m.immutable THEN
    PERFORM yore._check_columns(rel, '{sys_id,sys_deleted_at}');
  END IF;
  UPDATE yore.tracked AS x
     SET key_columns = m.key_columns, columns = m.columns, shape = m.shape, own_triggers = m.own_triggers, journal = m.journal,
         no_journal = m.no_journal, sequences = m.sequences, generated_by = m.generated_by
   WHERE (x.schema_name, x.table_name) = (m.schema_name, m.table_name);
  PERFORM yore._give(past::text, 'TABLE', rel);   -- the table's may have changed
  PERFORM yore._copy_policies(m);
  PERFORM yore._respell_options(past);
  PERFORM yore._make_triggers(m);
  PERFORM yore._make_faces(m);
  PERFORM yore._put_up(saved);
  IF NOT m.in_place THEN
    -- A face that went with a DROP … CASCADE took its grants along.
    PERFORM yore._grant_face(m, CASE WHEN had_face THEN '[]' ELSE yore._save_acl(rel) END);
  END IF;
END
$$;
COMMENT ON FUNCTION yore._sync(yore.tracked, boolean, boolean, jsonb) IS
  'The work of yore.sync and yore.alter_table, under their locks. conversions: for columns whose type has changed, the expression of USING and what is known of the past, as of _foresee.';

CREATE OR REPLACE FUNCTION yore._disturbs(m yore.tracked, now_has jsonb, keep_past boolean) RETURNS boolean
LANGUAGE sql STABLE
AS $$
  SELECT EXISTS (
           SELECT FROM pg_catalog.jsonb_array_elements(m.columns) AS w
            WHERE w ->> 'generated' <> 'v' AND NOT keep_past
              AND NOT EXISTS (SELECT FROM pg_catalog.jsonb_array_elements(now_has) AS h WHERE h -> 'number' = w -> 'number'))
      OR EXISTS (
           SELECT FROM pg_catalog.jsonb_array_elements(m.columns) AS w
             JOIN pg_catalog.jsonb_array_elements(now_has) AS h ON h -> 'number' = w -> 'number'
            WHERE (h -> 'type', h -> 'collation') IS DISTINCT FROM (w -> 'type', w -> 'collation'))
$$;
COMMENT ON FUNCTION yore._disturbs(yore.tracked, jsonb, boolean) IS
  'Whether the past must lose a column or change the type of one: not while views show it.';

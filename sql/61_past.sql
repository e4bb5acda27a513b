-- The past table of a tracked table.

CREATE OR REPLACE FUNCTION yore._past_column(c jsonb) RETURNS text
LANGUAGE sql IMMUTABLE
AS $$
  -- The name and the type, nothing else: the past holds what was valid under
  -- older schemas, so no NOT NULL, default, identity or generation.
  SELECT pg_catalog.format('%I %s', c ->> 'name', c ->> 'type') || coalesce(' COLLATE ' || (c ->> 'collation'), '')
$$;
COMMENT ON FUNCTION yore._past_column(jsonb) IS 'The definition of a column of the past, from an element of _columns.';

CREATE OR REPLACE FUNCTION yore._make_past(m yore.tracked) RETURNS void
LANGUAGE plpgsql VOLATILE
AS $$
DECLARE
  storage regclass := yore._storage(m);
  past    text := pg_catalog.format('%I.%I', m.past_schema, m.past_name);
  key     text := (SELECT pg_catalog.string_agg(pg_catalog.quote_ident(k), ', ' ORDER BY place) FROM pg_catalog.unnest(m.key_columns) WITH ORDINALITY AS u (k, place));
BEGIN
  EXECUTE pg_catalog.format(
    'CREATE TABLE %s (%s, sys_version bigint NOT NULL, sys_from timestamptz NOT NULL, sys_xid xid8 NOT NULL,
                      sys_to timestamptz NOT NULL, sys_xid_to xid8 NOT NULL,
                      CONSTRAINT %I PRIMARY KEY (%s, sys_version))',
    past,
    (SELECT pg_catalog.string_agg(yore._past_column(c), ', ' ORDER BY place)
       FROM pg_catalog.jsonb_array_elements(m.columns) WITH ORDINALITY AS e (c, place) WHERE c ->> 'generated' <> 'v')
      || yore._with_id(m, 'sys_id uuid NOT NULL'),
    yore._derived(m.past_name, '_pkey'), key);
  -- sys_from, so that of the versions which ended after a time the index alone
  -- tells the one that had begun by then.
  EXECUTE pg_catalog.format('CREATE INDEX %I ON %s (%s, sys_to, sys_from)', yore._derived(m.past_name, '_key_to'), past, key);
  -- Rows arrive in the order of sys_to, near enough for a block-range index,
  -- which costs a write almost nothing (docs/adr/0004); with sys_from, ranges of
  -- versions that all began later are passed over as well.
  EXECUTE pg_catalog.format('CREATE INDEX %I ON %s USING brin (sys_to, sys_from) WITH (pages_per_range = 16, autosummarize = on)',
                            yore._derived(m.past_name, '_to'), past);
  IF m.exclusion THEN
    PERFORM yore._set_exclusion(m);
  END IF;
  PERFORM yore._guard_past(m, false);
  EXECUTE pg_catalog.format('CREATE TRIGGER yore_append_only_truncate BEFORE TRUNCATE ON %s FOR EACH STATEMENT EXECUTE FUNCTION yore._refuse_past_change()', past);
  EXECUTE pg_catalog.format('COMMENT ON TABLE %s IS %L', past,
    pg_catalog.format('Superseded versions and tombstones of %I.%I: append-only, written by its triggers. Read it as %I.%I.',
                      m.schema_name, m.table_name, yore._schema('history', m.schema_name), m.table_name));
  PERFORM yore._give(past, 'TABLE', storage);
END
$$;
COMMENT ON FUNCTION yore._make_past(yore.tracked) IS 'Creates the past table with its indexes and the triggers that keep it append-only.';

CREATE OR REPLACE FUNCTION yore._set_exclusion(m yore.tracked) RETURNS void
LANGUAGE plpgsql VOLATILE
AS $$
DECLARE
  storage regclass := yore._storage(m);
  past    text := pg_catalog.format('%I.%I', m.past_schema, m.past_name);
  name    name := yore._derived(m.past_name, '_no_overlap');
BEGIN
  IF NOT m.exclusion THEN
    EXECUTE pg_catalog.format('ALTER TABLE %s DROP CONSTRAINT IF EXISTS %I', past, name);
    RETURN;
  END IF;
  IF NOT EXISTS (SELECT FROM pg_catalog.pg_extension AS e WHERE e.extname = 'btree_gist') THEN
    PERFORM yore._fail('YO005', 'exclusion needs the extension btree_gist', 'CREATE EXTENSION btree_gist');
  END IF;
  BEGIN
    EXECUTE pg_catalog.format('ALTER TABLE %s ADD CONSTRAINT %I EXCLUDE USING gist (%s, pg_catalog.tstzrange(sys_from, sys_to) WITH &&)',
                              past, name, pg_catalog.replace(yore._key_match(storage, m.key_columns, '%1$I WITH %2$s'), ' AND ', ', '));
  EXCEPTION WHEN undefined_object OR wrong_object_type OR undefined_function OR datatype_mismatch THEN
    PERFORM yore._fail('YO005', pg_catalog.format('exclusion: a key column of %I.%I has a type that GiST cannot compare', m.schema_name, m.table_name),
                       'Leave exclusion off; the triggers guard against overlaps all the same.', SQLERRM);
  END;
END
$$;
COMMENT ON FUNCTION yore._set_exclusion(yore.tracked) IS
  'Adds or drops the exclusion constraint of (key, period) on the past. Error YO005 without btree_gist or for types it lacks. Adding reads the whole past under ACCESS EXCLUSIVE.';

CREATE OR REPLACE FUNCTION yore._drop_policies(past regclass) RETURNS void
LANGUAGE plpgsql VOLATILE
AS $$
DECLARE
  policy name;
BEGIN
  FOR policy IN SELECT q.polname FROM pg_catalog.pg_policy AS q WHERE q.polrelid = past LOOP
    EXECUTE pg_catalog.format('DROP POLICY %I ON %s', policy, past);
  END LOOP;
END
$$;
COMMENT ON FUNCTION yore._drop_policies(regclass) IS 'Drops the policies that _copy_policies made, or all that stand there.';

CREATE OR REPLACE FUNCTION yore._copy_policies(m yore.tracked) RETURNS void
LANGUAGE plpgsql VOLATILE
AS $$
DECLARE
  storage regclass := yore._storage(m);
  past    regclass := pg_catalog.format('%I.%I', m.past_schema, m.past_name)::regclass;
  guarded boolean := (SELECT c.relrowsecurity FROM pg_catalog.pg_class AS c WHERE c.oid = storage);
  p       record;
BEGIN
  PERFORM yore._drop_policies(past);
  EXECUTE pg_catalog.format('ALTER TABLE %s %s ROW LEVEL SECURITY', past, CASE WHEN guarded THEN 'ENABLE' ELSE 'DISABLE' END);
  IF NOT guarded THEN
    RETURN;
  END IF;
  BEGIN
    FOR p IN
      SELECT q.polname, q.polpermissive, pg_catalog.pg_get_expr(q.polqual, q.polrelid) AS condition,
             (SELECT pg_catalog.string_agg(CASE r WHEN 0 THEN 'PUBLIC' ELSE pg_catalog.quote_ident(pg_catalog.pg_get_userbyid(r)) END, ', ')
                FROM pg_catalog.unnest(q.polroles) AS r) AS roles
        FROM pg_catalog.pg_policy AS q
       WHERE q.polrelid = storage AND q.polcmd IN ('r', '*')
    LOOP
      EXECUTE pg_catalog.format('CREATE POLICY %I ON %s AS %s FOR SELECT TO %s USING (%s)', p.polname, past,
                                CASE WHEN p.polpermissive THEN 'PERMISSIVE' ELSE 'RESTRICTIVE' END, p.roles, coalesce(p.condition, 'true'));
    END LOOP;
  EXCEPTION WHEN OTHERS THEN
    -- All of them or none: one left out could show too much.
    RAISE WARNING USING MESSAGE = pg_catalog.format('yore: policy %I of %I.%I could not be copied to the past, which stays closed to all but its owner',
                                                    p.polname, m.schema_name, m.table_name),
                        DETAIL = SQLERRM, HINT = pg_catalog.format('Make policies FOR SELECT on %s by hand.', past);
  END;
END
$$;
COMMENT ON FUNCTION yore._copy_policies(yore.tracked) IS
  'Gives the past the row-level security of the table: its policies for reading, judged today over the rows of then.';

-- Bringing past, triggers and faces in step with a table that was altered.

CREATE OR REPLACE FUNCTION yore.sync(t text) RETURNS void
LANGUAGE plpgsql VOLATILE
AS $$
DECLARE
  m yore.tracked := yore._tracked(t);
BEGIN
  PERFORM yore._check_rights(yore._storage(m), m.in_place);
  m := yore._hold(m);
  PERFORM yore._lock(m);
  PERFORM yore._sync(m);
END
$$;
COMMENT ON FUNCTION yore.sync(text) IS
  'Brings past, triggers and faces of a tracked table in step with its columns, after an ALTER TABLE by hand; where nothing differs, writes them anew. What yore.alter_table does by itself: it keeps dropped columns, and converts the past by a plain cast. Errors: YO003 not tracked, YO005 the key is no longer one or a domain refuses NULL, YO006 a new column has a taken name, YO008 no right, YO024 a conversion of the past is under way, 2BP01 something of the user''s depends on a face that must change. Takes an ACCESS EXCLUSIVE lock; a change of type rewrites the past, which is said beforehand.';

CREATE OR REPLACE FUNCTION yore._hold(m yore.tracked) RETURNS yore.tracked
LANGUAGE plpgsql VOLATILE
AS $$
DECLARE
  here yore.tracked;
BEGIN
  SELECT x.* INTO here FROM yore.tracked AS x WHERE (x.schema_name, x.table_name) = (m.schema_name, m.table_name) FOR UPDATE;
  IF here.schema_name IS NULL THEN
    PERFORM yore._fail('YO003', pg_catalog.format('table %I.%I is no longer tracked under this name', m.schema_name, m.table_name),
                       'Another transaction has renamed, dropped or untracked it.');
  END IF;
  RETURN here;
END
$$;
COMMENT ON FUNCTION yore._hold(yore.tracked) IS
  'The catalog row of a tracked table, locked to the end of the transaction: whoever else changes the table waits here, before it locks anything. Error YO003 if it has gone meanwhile.';

CREATE OR REPLACE FUNCTION yore._lock(m yore.tracked) RETURNS void
LANGUAGE plpgsql VOLATILE
AS $$
DECLARE
  given    CONSTANT text := pg_catalog.current_setting('lock_timeout');
  allowed  CONSTANT integer := (SELECT s.setting FROM pg_catalog.pg_settings AS s WHERE s.name = 'lock_timeout');
  began    CONSTANT timestamptz := pg_catalog.clock_timestamp();
  -- Half of what others wait before they look for a deadlock: they find none.
  patience integer := (SELECT greatest(1, s.setting::integer / 2) FROM pg_catalog.pg_settings AS s WHERE s.name = 'deadlock_timeout');
  tries    integer := 0;
  first    timestamptz;   -- when the first lock was there
  wait     integer;
  rel      regclass;
BEGIN
  LOOP
    tries := tries + 1;
    first := NULL;
    wait := allowed;
    BEGIN
      -- Every other time, begin where the last try ended: where long queries are
      -- in the way, the long wait is one that holds up nobody else. Not always:
      -- those who take the locks in order would be met the wrong way round.
      FOR rel IN SELECT o.thing FROM yore._lock_order(m) AS o (thing, place) ORDER BY (tries % 2 = 0 AND o.thing = rel) IS TRUE DESC, o.place LOOP
        IF first IS NOT NULL THEN
          wait := greatest(1, patience - (1000 * pg_catalog.date_part('epoch', pg_catalog.clock_timestamp() - first))::integer);
          wait := CASE WHEN allowed > 0 THEN least(wait, allowed) ELSE wait END;
        END IF;
        PERFORM pg_catalog.set_config('lock_timeout', wait::text, true);
        PERFORM yore._lock_one(rel);
        first := coalesce(first, pg_catalog.clock_timestamp());
      END LOOP;
      PERFORM pg_catalog.set_config('lock_timeout', given, true);
      RETURN;
    EXCEPTION WHEN lock_not_available THEN   -- and the locks so far are given back
      IF allowed > 0 AND pg_catalog.clock_timestamp() > began + allowed * interval '1 millisecond' THEN
        RAISE;
      END IF;
    END;
    PERFORM pg_catalog.pg_sleep(0.05 * pg_catalog.random());
    IF tries > 60 THEN   -- half a minute: better a deadlock than never
      patience := 2 * patience;
    END IF;
  END LOOP;
END
$$;
COMMENT ON FUNCTION yore._lock(yore.tracked) IS
  'Takes ACCESS EXCLUSIVE locks on the views over a tracked table, the table and its past, without deadlocks with those who use them: it waits for the first lock as for any, for the others together half of deadlock_timeout, and then gives them back and begins again; after sixty tries it waits longer. Error 55P03 after lock_timeout.';

CREATE OR REPLACE FUNCTION yore._lock_order(m yore.tracked) RETURNS TABLE (rel regclass, place bigint)
LANGUAGE sql STABLE
AS $$
  -- That in which queries take theirs: views over views, the faces, then what is
  -- beneath. But a transaction may have begun at the table, by a foreign key for
  -- one, and go on to the face.
  SELECT o.rel, pg_catalog.row_number() OVER (ORDER BY o.turn, o.place, o.rel)
    FROM (SELECT h.object_id::regclass AS rel, 1 AS turn, -h.depth AS place
            FROM yore._hanging(ARRAY[yore._storage(m), yore._past(m)]) AS h
           WHERE h.class_id = 'pg_catalog.pg_class'::regclass AND h.depth > 0 AND NOT yore._own_face(m, h.class_id, h.object_id)
          UNION ALL
          SELECT pg_catalog.to_regclass(pg_catalog.format('%I.%I', f.in_schema, f.name)), 2, f.place
            FROM (VALUES (m.schema_name, m.table_name, 1), (yore._schema('history', m.schema_name), m.table_name, 2),
                         (yore._schema('asof', m.schema_name), m.table_name, 3)) AS f (in_schema, name, place)
          UNION ALL
          SELECT b.rel, 3, b.place FROM (VALUES (yore._storage(m), 1), (yore._past(m), 2)) AS b (rel, place)) AS o
    JOIN pg_catalog.pg_class AS c ON c.oid = o.rel
   WHERE (c.relkind = 'v' OR o.turn = 3) AND pg_catalog.pg_has_role(c.relowner, 'MEMBER')
$$;
COMMENT ON FUNCTION yore._lock_order(yore.tracked) IS 'What _lock locks, in order: what depends on a tracked table, its faces, the table, its past. Views of those whom the caller is no member of are left out.';

CREATE OR REPLACE FUNCTION yore._lock_one(rel regclass) RETURNS void
LANGUAGE plpgsql VOLATILE
AS $$
BEGIN
  IF (SELECT c.relkind = 'v' FROM pg_catalog.pg_class AS c WHERE c.oid = rel) THEN
    -- LOCK TABLE would go on to the tables beneath before the next view; to give
    -- a view to the owner that it has locks it alone.
    PERFORM yore._give(rel::text, 'VIEW', rel);
  ELSE
    EXECUTE pg_catalog.format('LOCK TABLE %s IN ACCESS EXCLUSIVE MODE', rel);
  END IF;
END
$$;
COMMENT ON FUNCTION yore._lock_one(regclass) IS 'Takes an ACCESS EXCLUSIVE lock on a table, or on a view and nothing beneath it.';

CREATE OR REPLACE FUNCTION yore._sync(m yore.tracked, keep_past boolean DEFAULT true, in_batches boolean DEFAULT false, conversions jsonb DEFAULT '{}') RETURNS void
LANGUAGE plpgsql VOLATILE
AS $$
DECLARE
  rel      regclass := yore._storage(m);
  past     regclass := yore._past(m);
  face     text := pg_catalog.format('%I.%I', m.schema_name, m.table_name);
  had_face boolean := pg_catalog.to_regclass(face) IS NOT NULL;
  now_has  jsonb := yore._columns(rel);
  named    yore.tracked := m;
  saved    jsonb;
BEGIN
  PERFORM yore._check_kind(rel, m.in_place);
  PERFORM yore._refuse_unconverted(m, now_has);
  named.columns := now_has;
  named.journal := NULL;
  named.no_journal := NULL;
  PERFORM yore._check_options(named);   -- the names, before they meet those of the views
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

-- Taking a tracked table from everybody else, for a change of what yore made.

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
      -- in the way, the long wait is one that holds up nobody else. Not always, and
      -- then hardly waiting for the others: those who take the locks in order are
      -- met the wrong way round, and may have waited long enough to look for a
      -- deadlock just now.
      FOR rel IN SELECT o.thing FROM yore._lock_order(m) AS o (thing, place) ORDER BY (tries % 2 = 0 AND o.thing = rel) IS TRUE DESC, o.place LOOP
        IF first IS NOT NULL THEN
          wait := greatest(1, CASE WHEN tries % 2 = 1 THEN patience ELSE 10 END - (1000 * pg_catalog.date_part('epoch', pg_catalog.clock_timestamp() - first))::integer);
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
  'Takes ACCESS EXCLUSIVE locks on the views over a tracked table, the table and its past, without deadlocks with those who use them: it waits for the first lock as for any, for the others together half of deadlock_timeout, or 10 ms where it did not begin with the first, and then gives them back and begins again; after sixty tries it waits longer. Error 55P03 after lock_timeout.';

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

-- Changing a tracked table. Every function here does the same for a table that
-- is not tracked, so that a migration need not know.

CREATE OR REPLACE FUNCTION yore._to_alter(t text) RETURNS yore.tracked
LANGUAGE plpgsql STABLE
AS $$
DECLARE
  m   yore.tracked := yore._find_faceless(t);
  rel regclass;
  own yore.tracked;
BEGIN
  IF m.schema_name IS NULL THEN
    rel := yore._relation(t);
    m := yore._find(rel);
  END IF;
  IF m.schema_name IS NULL THEN
    SELECT x.* INTO own
      FROM yore.tracked AS x, pg_catalog.pg_class AS c JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
     WHERE c.oid = rel AND ((n.nspname, c.relname) = (x.past_schema, x.past_name)
        OR c.relname = x.table_name AND n.nspname IN (yore._schema('history', x.schema_name), yore._schema('asof', x.schema_name)));
    IF own.schema_name IS NOT NULL THEN
      PERFORM yore._fail('YO024', pg_catalog.format('%s is yore''s, and follows table %I.%I', rel, own.schema_name, own.table_name), 'Alter that one.');
    END IF;
  END IF;
  RETURN m;
END
$$;
COMMENT ON FUNCTION yore._to_alter(text) IS
  'The catalog row of the table, or NULL if it is not tracked. Errors: YO003 no such table, YO024 what yore has made for a table.';

CREATE OR REPLACE FUNCTION yore.alter_table(t text, action text, keep_past boolean DEFAULT true, in_batches boolean DEFAULT false) RETURNS void
LANGUAGE plpgsql VOLATILE
AS $$
DECLARE
  m           yore.tracked := yore._to_alter(t);
  rel         regclass;
  a           record;
  concerned   boolean := false;   -- past, triggers or faces
  cascades    boolean := false;
  added       name[] := '{}';
  dropped     name[] := '{}';
  conversions jsonb := '{}';
  saved       jsonb;
BEGIN
  IF m.schema_name IS NULL THEN
    PERFORM yore._actions(action);
    PERFORM yore._run_beneath(pg_catalog.format('ALTER TABLE %s ', yore._qualified(yore._relation(t))), action);
    RETURN;
  END IF;
  rel := yore._storage(m);
  PERFORM yore._check_rights(rel, m.in_place);
  m := yore._hold(m);
  FOR a IN SELECT x.words, x.using_expression, k.kind, k.column_name FROM yore._actions(action) AS x CROSS JOIN LATERAL yore._action_kind(x.words) AS k LOOP
    IF a.kind = 'move' THEN
      PERFORM yore._move_to(m, a.words, action);
      RETURN;
    END IF;
    PERFORM yore._refuse_action(m, a.kind, a.column_name);
    concerned := concerned OR a.kind <> 'other' OR m.immutable AND yore._binds(a.words);
    added := added || CASE WHEN a.kind = 'add' THEN ARRAY[a.column_name] ELSE '{}'::name[] END;
    dropped := dropped || CASE WHEN a.kind = 'drop' THEN ARRAY[a.column_name] ELSE '{}'::name[] END;
    cascades := cascades OR a.kind = 'drop' AND pg_catalog.upper(a.words[pg_catalog.cardinality(a.words)]) = 'CASCADE';
    IF a.kind = 'retype' THEN
      conversions := conversions || pg_catalog.jsonb_build_object(a.column_name, yore._foresee(m, a.words, a.column_name, a.using_expression, in_batches));
    ELSIF a.kind = 'drop' AND keep_past IS NOT FALSE THEN
      PERFORM yore._say_loss(m, a.column_name);
    END IF;
  END LOOP;
  IF concerned THEN
    PERFORM yore._lock(m);
  END IF;
  PERFORM yore._fits(rel, m.shape);
  m := yore._renumbered(m);
  PERFORM yore._move_partition(m, x.words) FROM yore._actions(action) AS x WHERE pg_catalog.upper(x.words[2]) = 'PARTITION';
  -- While the views are still there to follow.
  PERFORM yore._make_way(m, n) FROM pg_catalog.unnest(added) AS n
    WHERE NOT m.columns @> pg_catalog.jsonb_build_array(pg_catalog.jsonb_build_object('name', n));
  PERFORM yore._revoke_column(m, n) FROM pg_catalog.unnest(added) AS n WHERE n = ANY (dropped);
  IF m.immutable AND keep_past IS FALSE AND yore._shown(m, 'id') = ANY (dropped) AND NOT yore._shows_id(m) THEN
    -- History will show the row id under that name: not to views that mean the column.
    EXECUTE pg_catalog.format('ALTER VIEW %I.%I RENAME COLUMN %I TO "yore column 0"', yore._schema('history', m.schema_name), m.table_name, yore._shown(m, 'id'));
  END IF;
  saved := yore._alter(m, action, cascades);
  IF concerned OR saved <> '[]' OR yore._shape(rel) <> m.shape THEN
    PERFORM yore._sync(m, coalesce(keep_past, true), coalesce(in_batches, false), conversions);
  ELSE
    PERFORM yore._check_kind(rel, m.in_place), yore._check_key(rel, m.key_columns::text[]);
  END IF;
  PERFORM yore._put_up(saved, cascades);
  PERFORM yore._follow_constraint(m, x.words) FROM yore._actions(action) AS x;
  PERFORM yore._refuse_disabled(m) FROM yore._actions(action) AS x WHERE pg_catalog.upper(x.words[2]) = 'TRIGGER' OR pg_catalog.upper(x.words[3]) = 'TRIGGER';
END
$$;
COMMENT ON FUNCTION yore.alter_table(text, text, boolean, boolean) IS
  'Runs what follows the name in ALTER TABLE, any action or several with commas between, on the table beneath the face, then brings past, triggers and faces in step. In REFERENCES, the unqualified name of a tracked table means the table beneath its face. keep_past => false drops a column from the past, too; in_batches => true leaves converting the past to a new type to yore.convert_past. Views and functions of the user''s over the faces are made again with their grants and comments, or the call is refused. Errors, nothing being changed: YO003 no such table, YO008 no right, YO009 the table was altered by hand, YO024 no action of ALTER TABLE, or one that a tracked table cannot have, YO005 and YO006 as of yore.track, YO013 a conversion of the past outside READ COMMITTED, 2BP01 something does not go with the change; those of ALTER TABLE. Locks: those of ALTER TABLE; ACCESS EXCLUSIVE on table, past, faces and the views over them where they must change.';

CREATE OR REPLACE FUNCTION yore._binds(words text[]) RETURNS boolean
LANGUAGE sql IMMUTABLE
AS $$
  SELECT pg_catalog.upper(words[1]) = 'DROP' AND pg_catalog.upper(words[2]) = 'CONSTRAINT'
      OR EXISTS (SELECT FROM pg_catalog.unnest(words) AS w WHERE pg_catalog.upper(w) IN ('NULL', 'PRIMARY', 'IDENTITY'))
$$;
COMMENT ON FUNCTION yore._binds(text[]) IS
  'Whether an action may change what is NOT NULL or an identity: an immutable table''s triggers are written for that, too.';

CREATE OR REPLACE FUNCTION yore._move_partition(m yore.tracked, words text[]) RETURNS void
LANGUAGE plpgsql VOLATILE
AS $$
DECLARE
  piece regclass := pg_catalog.to_regclass(CASE WHEN words[4] = '.' THEN words[3] || '.' || words[5] ELSE words[3] END);
  past  text := pg_catalog.format('%I.%I', m.past_schema, m.past_name);
  xid   CONSTANT xid8 := pg_catalog.pg_current_xact_id();
BEGIN
  IF piece IS NULL OR pg_catalog.current_setting('transaction_isolation') <> 'read committed' AND yore._has_rows(piece) THEN
    IF piece IS NOT NULL THEN
      PERFORM yore._fail('YO013', pg_catalog.format('rows of %s come or go with it, and an old snapshot need not show every one', piece), 'BEGIN ISOLATION LEVEL READ COMMITTED');
    END IF;
    RETURN;   -- ALTER TABLE will say so
  END IF;
  EXECUTE pg_catalog.format('LOCK TABLE %s IN ACCESS EXCLUSIVE MODE', piece);
  IF pg_catalog.upper(words[1]) = 'DETACH' AND EXISTS (SELECT FROM pg_catalog.pg_inherits AS i WHERE i.inhrelid = piece AND i.inhparent = yore._storage(m)) THEN
    -- As TRUNCATE does: the version that ends, and the tombstone.
    EXECUTE pg_catalog.format(
      'INSERT INTO %1$s (%2$s, sys_version, sys_from, sys_xid, sys_to, sys_xid_to)
       SELECT %3$s, c.sys_version + v.step, CASE v.step WHEN 0 THEN c.sys_from ELSE e.ended END, CASE v.step WHEN 0 THEN c.sys_xid ELSE %5$L::xid8 END, e.ended, %5$L
         FROM %4$s AS c
        CROSS JOIN LATERAL (SELECT greatest(transaction_timestamp(), c.sys_from + interval ''1 microsecond'') AS ended) AS e
        CROSS JOIN (VALUES (0), (1)) AS v (step)', past, yore._list(m.columns, '%I'), yore._list(m.columns, 'c.%I'), piece, xid);
    PERFORM yore._drop_trigger(p.relid::text, '~yore_truncate') FROM pg_catalog.pg_partition_tree(piece) AS p;
  ELSIF pg_catalog.upper(words[1]) = 'ATTACH' AND yore._missing(piece, ARRAY['sys_version', 'sys_from', 'sys_xid'] || m.key_columns::text[]) IS NULL THEN
    -- As if inserted now.
    EXECUTE pg_catalog.format(
      'UPDATE %2$s AS c
          SET sys_version = 1 + coalesce((SELECT max(p.sys_version) FROM %1$s AS p WHERE %3$s), 0), sys_xid = %4$L,
              sys_from = greatest(transaction_timestamp(), (SELECT max(p.sys_to) + interval ''1 microsecond'' FROM %1$s AS p WHERE %3$s))',
      past, piece, yore._key_match(yore._storage(m), m.key_columns, 'p.%1$I %2$s c.%1$I'), xid);
  END IF;
END
$$;
COMMENT ON FUNCTION yore._move_partition(yore.tracked, text[]) IS
  'Rows that leave with a partition are deleted as far as history goes, those that come with one inserted: DETACH writes their last versions and tombstones to the past, ATTACH numbers them. Error YO013 outside READ COMMITTED.';

CREATE OR REPLACE FUNCTION yore._has_rows(rel regclass) RETURNS boolean
LANGUAGE plpgsql STABLE
AS $$
DECLARE
  some boolean;
BEGIN
  EXECUTE pg_catalog.format('SELECT EXISTS (SELECT FROM %s)', rel) INTO some;
  RETURN some;
END
$$;
COMMENT ON FUNCTION yore._has_rows(regclass) IS 'Whether a table has any row that the caller sees.';

CREATE OR REPLACE FUNCTION yore._qualified(rel regclass) RETURNS text
LANGUAGE sql STABLE
AS $$ SELECT pg_catalog.format('%I.%I', n.nspname, c.relname) FROM pg_catalog.pg_class AS c JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace WHERE c.oid = rel $$;
COMMENT ON FUNCTION yore._qualified(regclass) IS 'The relation''s name with its schema, the same under any search_path.';

CREATE OR REPLACE FUNCTION yore._move_to(m yore.tracked, words text[], action text) RETURNS void
LANGUAGE plpgsql VOLATILE
AS $$
DECLARE
  space boolean := pg_catalog.upper(words[1]) = 'SET';
BEGIN
  IF pg_catalog.cardinality(words) <> 3 OR (SELECT pg_catalog.count(*) FROM yore._actions(action)) <> 1 THEN
    PERFORM yore._fail('YO024', pg_catalog.format('%L is no action of ALTER TABLE', action), 'RENAME TO and SET SCHEMA take a name, and stand alone.');
  END IF;
  PERFORM yore._rename(m, CASE WHEN space THEN yore._name_of(words[3]) ELSE m.schema_name END, CASE WHEN space THEN m.table_name ELSE yore._name_of(words[3]) END);
END
$$;
COMMENT ON FUNCTION yore._move_to(yore.tracked, text[], text) IS 'Carries RENAME TO or SET SCHEMA out. Error YO024 where more is said than that.';

CREATE OR REPLACE FUNCTION yore._say_loss(m yore.tracked, column_name name) RETURNS void
LANGUAGE plpgsql STABLE
AS $$
DECLARE
  filled boolean;
BEGIN
  IF EXISTS (SELECT FROM pg_catalog.pg_attribute AS a WHERE a.attrelid = yore._storage(m) AND a.attname = column_name AND a.attnum > 0 AND NOT a.attisdropped) THEN
    -- Not the whole of a large table, for a word.
    EXECUTE pg_catalog.format('SELECT EXISTS (SELECT FROM (SELECT %3$I AS value FROM %1$I.%2$I LIMIT 100000) AS c WHERE c.value IS NOT NULL)',
                              m.storage_schema, m.storage_name, column_name) INTO filled;
    IF filled THEN
      RAISE NOTICE USING
        MESSAGE = pg_catalog.format('yore: the past of %I.%I keeps column %I, but the values in current rows go with it', m.schema_name, m.table_name, column_name),
        HINT = pg_catalog.format('UPDATE %I.%I SET %I = NULL beforehand makes them part of the past.', m.schema_name, m.table_name, column_name);
    END IF;
  END IF;
END
$$;
COMMENT ON FUNCTION yore._say_loss(yore.tracked, name) IS 'Says in a notice what DROP COLUMN takes away that no former version has.';

CREATE OR REPLACE FUNCTION yore._follow_constraint(m yore.tracked, words text[]) RETURNS void
LANGUAGE plpgsql VOLATILE
AS $$
DECLARE
  w text[] := ARRAY(SELECT pg_catalog.upper(u.word) FROM pg_catalog.unnest(words[1:3]) WITH ORDINALITY AS u (word, place) ORDER BY u.place);
BEGIN
  IF w[1] = 'RENAME' AND w[2] = 'CONSTRAINT' THEN
    PERFORM yore._rename_copy(m, yore._name_of(words[3]), yore._name_of(words[5]));
  ELSIF w[1] = 'DROP' AND w[2] = 'CONSTRAINT' THEN
    PERFORM yore._drop_copy(m, yore._name_of(words[CASE WHEN w[3] = 'IF' THEN 5 ELSE 3 END]));
  END IF;
END
$$;
COMMENT ON FUNCTION yore._follow_constraint(yore.tracked, text[]) IS 'Where a constraint with an index was dropped or renamed, so is the past''s copy of that index.';

CREATE OR REPLACE FUNCTION yore._refuse_disabled(m yore.tracked) RETURNS void
LANGUAGE plpgsql STABLE
AS $$
BEGIN
  IF EXISTS (SELECT FROM pg_catalog.pg_trigger AS g WHERE g.tgrelid = yore._storage(m) AND g.tgname LIKE '~yore\_%' AND g.tgenabled NOT IN ('O', 'A')) THEN
    PERFORM yore._refuse_action(m, 'untrigger', NULL);
  END IF;
END
$$;
COMMENT ON FUNCTION yore._refuse_disabled(yore.tracked) IS 'Error YO024 if a trigger of yore''s does not fire.';

CREATE OR REPLACE FUNCTION yore._refuse_action(m yore.tracked, kind text, column_name name) RETURNS void
LANGUAGE plpgsql STABLE
AS $$
DECLARE
  face text := pg_catalog.format('%I.%I', m.schema_name, m.table_name);
BEGIN
  IF kind IN ('add', 'drop', 'retype', 'rename') THEN
    PERFORM yore._refuse_unconverted(m, NULL);
  END IF;
  IF kind = 'untrigger' THEN
    PERFORM yore._fail('YO024', pg_catalog.format('without its triggers, changes of %s would go by unrecorded', face),
                       'Name the triggers of your own that are to be disabled; yore.untrack ends tracking.');
  ELSIF column_name = ANY (yore._own_columns()) OR column_name IN ('sys_to', 'sys_xid_to') THEN
    PERFORM yore._fail('YO024', pg_catalog.format('column %I of %s is one that yore adds', column_name, face), 'Choose another name.');
  ELSIF column_name = ANY (m.key_columns) AND kind IN ('drop', 'retype') THEN
    PERFORM yore._fail('YO024', pg_catalog.format('column %I is part of the key of %s, by which its versions hang together', column_name, face),
                       'A key column can be renamed. For another key: yore.untrack, alter the table, yore.track.');
  END IF;
END
$$;
COMMENT ON FUNCTION yore._refuse_action(yore.tracked, text, name) IS
  'Error YO024 for what a tracked table cannot have: its key column dropped or of another type, yore''s columns altered, yore''s triggers off.';

CREATE OR REPLACE FUNCTION yore._foresee(m yore.tracked, words text[], column_name name, using_expression text, in_batches boolean) RETURNS jsonb
LANGUAGE plpgsql VOLATILE
AS $$
DECLARE
  past  text := pg_catalog.format('%I.%I', m.past_schema, m.past_name);
  -- ALTER [COLUMN] name [SET DATA] TYPE …
  first integer := CASE WHEN pg_catalog.upper(words[2]) = 'COLUMN' THEN 4 ELSE 3 END;
  given text := CASE WHEN using_expression IS NOT NULL THEN yore._plainly(m, using_expression) END;
  type  text;
  stable timestamptz;
  was   text := (SELECT pg_catalog.format_type(a.atttypid, a.atttypmod) FROM pg_catalog.pg_attribute AS a
                  WHERE a.attrelid = past::regclass AND a.attname = column_name AND NOT a.attisdropped);
BEGIN
  IF in_batches IS NOT TRUE OR was IS NULL THEN
    RETURN pg_catalog.jsonb_strip_nulls(pg_catalog.jsonb_build_object('using', given));
  END IF;
  first := first + CASE WHEN pg_catalog.upper(words[first]) = 'SET' THEN 2 ELSE 0 END;
  -- … up to COLLATE, USING or the end.
  SELECT pg_catalog.string_agg(u.word, ' ' ORDER BY u.place) INTO type
    FROM pg_catalog.unnest(words) WITH ORDINALITY AS u (word, place)
   WHERE u.place > first
     AND NOT EXISTS (SELECT FROM pg_catalog.unnest(words[first + 1:u.place::integer]) AS w WHERE pg_catalog.upper(w) IN ('COLLATE', 'USING'));
  stable := yore._stable_time_or_null();   -- before the snapshot of what follows
  RETURN pg_catalog.jsonb_strip_nulls(pg_catalog.jsonb_build_object('using', given, 'xmin', pg_catalog.pg_snapshot_xmin(pg_catalog.pg_current_snapshot())::text,
    'stable', stable, 'verdict', yore._judge(past, column_name, was, pg_catalog.format('(%s)::%s', coalesce(given, pg_catalog.quote_ident(column_name)), type))));
END
$$;
COMMENT ON FUNCTION yore._foresee(yore.tracked, text[], name, text, boolean) IS
  'What is known of a conversion before any lock is taken: the expression of USING and, where the past is converted in batches, how its values will take it (_judge).';

CREATE OR REPLACE FUNCTION yore._alter(m yore.tracked, action text, cascades boolean) RETURNS jsonb
LANGUAGE plpgsql VOLATILE
AS $$
DECLARE
  command CONSTANT text := pg_catalog.format('ALTER TABLE %I.%I ', m.storage_schema, m.storage_name);
  saved   jsonb;
BEGIN
  IF NOT cascades THEN   -- which would take the faces along
    BEGIN
      PERFORM yore._run_beneath(command, action);
      RETURN '[]';
    EXCEPTION WHEN feature_not_supported OR dependent_objects_still_exist THEN
      NULL;   -- maybe because of the views; if not, it fails again
    END;
  END IF;
  saved := yore._take_down(m, yore._storage(m));
  PERFORM yore._run_beneath(command, action);
  RETURN saved;
END
$$;
COMMENT ON FUNCTION yore._alter(yore.tracked, text, boolean) IS
  'Runs the action on the table beneath the face, with the views over it out of the way where they are in it; returns what _put_up is to make again.';

CREATE OR REPLACE FUNCTION yore._run_beneath(command text, action text) RETURNS void
LANGUAGE plpgsql VOLATILE
AS $$
DECLARE
  path text := pg_catalog.current_setting('search_path');
BEGIN
  -- REFERENCES needs the tables beneath the faces: their names mean those here.
  PERFORM pg_catalog.set_config('search_path', yore._twin_path('temporal'), true);
  PERFORM pg_catalog.set_config('yore.altering', 'on', true);   -- yore.auto_sync need not
  EXECUTE command || action;
  PERFORM pg_catalog.set_config('yore.altering', '', true);
  PERFORM pg_catalog.set_config('search_path', path, true);
EXCEPTION WHEN syntax_error THEN
  PERFORM yore._fail('YO024', pg_catalog.format('%L is no action of ALTER TABLE', action),
                     'Write what follows the table''s name in ALTER TABLE, as in yore.alter_table(''t'', ''ADD COLUMN note text''); several with commas between.', SQLERRM);
END
$$;
COMMENT ON FUNCTION yore._run_beneath(text, text) IS
  'Runs a statement under a search_path where the names of tracked tables mean the tables beneath their faces. Error YO024 for a syntax error.';

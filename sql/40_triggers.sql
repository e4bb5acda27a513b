-- The triggers of a tracked table, written for its columns: no dynamic SQL and
-- no reading of catalogs on the write path. docs/triggers.md shows one as it
-- comes out. They run with the rights of the table's owner, whatever the
-- caller's search_path, so every name and every operator in them has its schema.
--
-- A template is constant text with {placeholders}. Those that stand for another
-- template are replaced first (yore._compose), then all the table's names and
-- conditions at once (yore._fill).

CREATE OR REPLACE FUNCTION yore._template_begin_new() RETURNS text LANGUAGE sql IMMUTABLE AS $outer$ SELECT $$
  -- The first version of the key, or the one after its last.
  SELECT p.sys_version, p.sys_from, p.sys_to, p.sys_xid
    INTO last_version, last_from, last_to, last_xid
    FROM {past} AS p
   WHERE {past_is_new}
   ORDER BY p.sys_version DESC
   LIMIT 1;
  IF last_version IS NULL THEN
    NEW.sys_version := 1;
    NEW.sys_from := began;
  ELSIF last_from OPERATOR(pg_catalog.<) last_to THEN
    -- Superseded, not deleted: the row goes on where that version ended.
    NEW.sys_version := last_version OPERATOR(pg_catalog.+) 1;
    NEW.sys_from := last_to;
  {resurrect}ELSE
    NEW.sys_version := last_version OPERATOR(pg_catalog.+) 1;
    NEW.sys_from := CASE WHEN last_xid OPERATOR(pg_catalog.=) xid
                         THEN greatest(began, last_to OPERATOR(pg_catalog.+) interval '1 microsecond')
                         ELSE yore._later(began, last_to, true, {face_text}) END;
  END IF;
  NEW.sys_xid := xid;$$ $outer$;
COMMENT ON FUNCTION yore._template_begin_new() IS 'Part of a trigger: numbers a row whose key is new.';

CREATE OR REPLACE FUNCTION yore._template_resurrect() RETURNS text LANGUAGE sql IMMUTABLE AS $outer$ SELECT $$ELSIF last_xid OPERATOR(pg_catalog.=) xid AND last_from OPERATOR(pg_catalog.>=) began THEN
    -- Deleted by this very transaction: as if it had been updated. The trigger
    -- after the insert takes the tombstone away.
    NEW.sys_version := last_version;
    NEW.sys_from := last_from;
  $$ $outer$;
COMMENT ON FUNCTION yore._template_resurrect() IS 'Part of _template_begin_new, where the changes of a transaction are squashed.';

CREATE OR REPLACE FUNCTION yore._template_end_old() RETURNS text LANGUAGE sql IMMUTABLE AS $outer$ SELECT $$
  ended := greatest(began, OLD.sys_from OPERATOR(pg_catalog.+) interval '1 microsecond');
  IF ended OPERATOR(pg_catalog.<>) began AND OLD.sys_xid OPERATOR(pg_catalog.<>) xid THEN
    ended := yore._later(began, OLD.sys_from, false, {face_text});
  END IF;
  -- The version that ends, and the tombstone that says when and by whom.
  INSERT INTO {past} ({columns}, sys_version, sys_from, sys_xid, sys_to, sys_xid_to)
  VALUES ({old_columns}, OLD.sys_version, OLD.sys_from, OLD.sys_xid, ended, xid),
         ({tombstone_columns}, OLD.sys_version OPERATOR(pg_catalog.+) 1, ended, xid, ended, xid){on_conflict};$$ $outer$;
COMMENT ON FUNCTION yore._template_end_old() IS 'Part of a trigger: ends the old row, for DELETE and for a change of the key.';

CREATE OR REPLACE FUNCTION yore._template_end_old_squashing() RETURNS text LANGUAGE sql IMMUTABLE AS $outer$ SELECT $$
  IF OLD.sys_xid OPERATOR(pg_catalog.=) xid AND OLD.sys_from OPERATOR(pg_catalog.>=) began THEN
    -- This transaction made the version, so nobody else ever saw it. Where it
    -- had replaced one that others did see, a tombstone stands in its place.
    INSERT INTO {past} ({columns}, sys_version, sys_from, sys_xid, sys_to, sys_xid_to)
    SELECT {old_columns}, OLD.sys_version, OLD.sys_from, xid, OLD.sys_from, xid
      FROM {past} AS p
     WHERE {past_is_old}
       AND p.sys_version OPERATOR(pg_catalog.=) (OLD.sys_version OPERATOR(pg_catalog.-) 1)
       AND p.sys_xid_to OPERATOR(pg_catalog.=) xid
       AND p.sys_from OPERATOR(pg_catalog.<) p.sys_to
    ON CONFLICT DO NOTHING;
  ELSE{end_old}
  END IF;$$ $outer$;
COMMENT ON FUNCTION yore._template_end_old_squashing() IS 'The same where the changes of a transaction are squashed.';

CREATE OR REPLACE FUNCTION yore._template_insert() RETURNS text LANGUAGE sql IMMUTABLE AS $outer$ SELECT $$
#variable_conflict use_variable
DECLARE
  fits         boolean := yore._fits({storage_text}, {shape_text}) AND {not_restored};
  xid          pg_catalog.xid8 := pg_catalog.pg_current_xact_id();
  began        timestamp with time zone := {began};
  last_version bigint;
  last_from    timestamp with time zone;
  last_to      timestamp with time zone;
  last_xid     pg_catalog.xid8;{entity_declare}
BEGIN{entity}{begin_new}{identify_new}
  RETURN NEW;
END
$$ $outer$;
COMMENT ON FUNCTION yore._template_insert() IS
  'BEFORE INSERT FOR EACH ROW. Writes nothing: under ON CONFLICT it fires for rows that are then not inserted.';

CREATE OR REPLACE FUNCTION yore._template_insert_late() RETURNS text LANGUAGE sql IMMUTABLE AS $outer$ SELECT $$
#variable_conflict use_variable
DECLARE
  fits boolean := yore._fits({storage_text}, {shape_text}) AND {not_restored};
BEGIN
  -- As if nobody had had the key before. Where somebody had, the trigger after
  -- the statement has the row numbered.
  NEW.sys_version := 1;
  NEW.sys_from := {began};
  NEW.sys_xid := pg_catalog.pg_current_xact_id();
  RETURN NEW;
END
$$ $outer$;
COMMENT ON FUNCTION yore._template_insert_late() IS
  'BEFORE INSERT FOR EACH ROW, of a table without triggers of its own: nobody sees the number before it is settled.';

CREATE OR REPLACE FUNCTION yore._template_settle() RETURNS text LANGUAGE sql IMMUTABLE AS $outer$ SELECT $$
#variable_conflict use_variable
DECLARE
  xid pg_catalog.xid8 := pg_catalog.pg_current_xact_id();{settle_declare}
BEGIN
  -- The key may have been there before, and while a row waited for it another
  -- transaction may have ended that. Now the key is ours and nobody else can have
  -- it: what the past says of it is final.{settle_loop}
  IF pg_catalog.current_setting('transaction_isolation') OPERATOR(pg_catalog.<>) 'read committed' THEN
    -- An old snapshot does not show what has been committed since. The past's
    -- primary key does: a conflict with a row we cannot see is error 40001.
    INSERT INTO {past} ({columns}, sys_version, sys_from, sys_xid, sys_to, sys_xid_to)
    SELECT {current_columns}, c.sys_version, '-infinity', xid, '-infinity', xid
      FROM {storage} AS c{made_rows}
    ON CONFLICT DO NOTHING;
    DELETE FROM {past} AS p USING {storage} AS c{made_rows}
       AND {past_is_current}
       AND p.sys_version OPERATOR(pg_catalog.=) c.sys_version
       AND p.sys_to OPERATOR(pg_catalog.=) '-infinity';
  END IF;
  RETURN NULL;
END
$$ $outer$;
COMMENT ON FUNCTION yore._template_settle() IS
  'AFTER INSERT, and AFTER UPDATE of the key: makes sure of the version number once the key is the row''s.';

CREATE OR REPLACE FUNCTION yore._template_settle_row() RETURNS text LANGUAGE sql IMMUTABLE AS $outer$ SELECT $$
  IF EXISTS (SELECT FROM {past} AS p
              WHERE {past_is_made} AND p.sys_version OPERATOR(pg_catalog.>=) NEW.sys_version) THEN{settle_one}
  END IF;$$ $outer$;
COMMENT ON FUNCTION yore._template_settle_row() IS 'Part of _template_settle for a row trigger.';

CREATE OR REPLACE FUNCTION yore._template_settle_statement() RETURNS text LANGUAGE sql IMMUTABLE AS $outer$ SELECT $$
  IF EXISTS (SELECT FROM created AS m, {past} AS p
              WHERE {past_is_m} AND p.sys_version OPERATOR(pg_catalog.>=) m.sys_version) THEN
    FOR made IN
      SELECT m.* FROM created AS m
       WHERE EXISTS (SELECT FROM {past} AS p
                      WHERE {past_is_m} AND p.sys_version OPERATOR(pg_catalog.>=) m.sys_version)
    LOOP{settle_one}
    END LOOP;
  END IF;$$ $outer$;
COMMENT ON FUNCTION yore._template_settle_statement() IS 'Part of _template_settle for a statement trigger.';

CREATE OR REPLACE FUNCTION yore._template_settle_one() RETURNS text LANGUAGE sql IMMUTABLE AS $outer$ SELECT $$
  -- Deleted and made again by this transaction: the tombstone goes …
  DELETE FROM {past} AS p
   WHERE {past_is_made}
     AND p.sys_version OPERATOR(pg_catalog.=) {made}.sys_version
     AND p.sys_from OPERATOR(pg_catalog.=) p.sys_to
     AND p.sys_xid OPERATOR(pg_catalog.=) xid
     AND EXISTS (SELECT FROM {storage} AS c WHERE {current_is_made});
  -- … and where anything else has the number, the row asks for another.
  UPDATE {storage} AS c SET sys_xid = NULL
   WHERE {current_is_made}
     AND EXISTS (SELECT FROM {past} AS p
                  WHERE {past_is_made} AND p.sys_version OPERATOR(pg_catalog.>=) c.sys_version);$$ $outer$;
COMMENT ON FUNCTION yore._template_settle_one() IS 'Part of _template_settle: the rare row whose number is taken.';

CREATE OR REPLACE FUNCTION yore._template_update() RETURNS text LANGUAGE sql IMMUTABLE AS $outer$ SELECT $$
#variable_conflict use_variable
DECLARE
  fits         boolean := yore._fits({storage_text}, {shape_text});
  xid          pg_catalog.xid8 := pg_catalog.pg_current_xact_id();
  began        timestamp with time zone := {began};
  ended        timestamp with time zone;
  rekeyed      boolean;
  last_version bigint;
  last_from    timestamp with time zone;
  last_to      timestamp with time zone;
  last_xid     pg_catalog.xid8;
BEGIN{entity_update}
  IF NOT ({new_is_old}) OR (NEW.sys_xid IS NULL AND pg_catalog.pg_trigger_depth() OPERATOR(pg_catalog.>) 1) THEN
    rekeyed := NOT ({new_is_old});
    IF rekeyed THEN{end_this}
    END IF;
    IF rekeyed OR OLD.sys_xid OPERATOR(pg_catalog.=) xid THEN{begin_new}{bury}
      RETURN NEW;
    END IF;
  END IF;

  IF {unchanged}{squash} THEN
    NEW.sys_version := OLD.sys_version;
    NEW.sys_from := OLD.sys_from;
    NEW.sys_xid := OLD.sys_xid;{same_identity}
    RETURN NEW;
  END IF;

  IF began OPERATOR(pg_catalog.<=) OLD.sys_from THEN
    -- A transaction that started later was quicker.
    began := CASE WHEN OLD.sys_xid OPERATOR(pg_catalog.=) xid
                  THEN OLD.sys_from OPERATOR(pg_catalog.+) interval '1 microsecond'
                  ELSE yore._later(began, OLD.sys_from, false, {face_text}) END;
  END IF;
  INSERT INTO {past} ({columns}, sys_version, sys_from, sys_xid, sys_to, sys_xid_to)
  VALUES ({old_columns}, OLD.sys_version, OLD.sys_from, OLD.sys_xid, began, xid);
  NEW.sys_version := {next_version};
  NEW.sys_from := began;
  NEW.sys_xid := xid;{identify}
  RETURN NEW;
END
$$ $outer$;
COMMENT ON FUNCTION yore._template_update() IS
  'BEFORE UPDATE FOR EACH ROW: moves the old version to the past, unless nothing journaled has changed or this transaction made it.';

CREATE OR REPLACE FUNCTION yore._template_bury() RETURNS text LANGUAGE sql IMMUTABLE AS $outer$ SELECT $$
  -- If this transaction had deleted the key, its tombstone goes.
  DELETE FROM {past} AS p
   WHERE {past_is_new}
     AND p.sys_version OPERATOR(pg_catalog.=) NEW.sys_version
     AND p.sys_from OPERATOR(pg_catalog.=) p.sys_to
     AND p.sys_xid OPERATOR(pg_catalog.=) xid;$$ $outer$;
COMMENT ON FUNCTION yore._template_bury() IS
  'Part of _template_update, where the changes of a transaction are squashed: unlike an INSERT, an UPDATE that got this far is carried out.';

CREATE OR REPLACE FUNCTION yore._template_delete() RETURNS text LANGUAGE sql IMMUTABLE AS $outer$ SELECT $$
#variable_conflict use_variable
DECLARE
  fits  boolean := yore._fits({storage_text}, {shape_text});
  xid   pg_catalog.xid8 := pg_catalog.pg_current_xact_id();
  began timestamp with time zone := {began};
  ended timestamp with time zone;
BEGIN{end_this}
  RETURN OLD;
END
$$ $outer$;
COMMENT ON FUNCTION yore._template_delete() IS 'BEFORE DELETE FOR EACH ROW: moves the row to the past and leaves a tombstone.';

CREATE OR REPLACE FUNCTION yore._template_truncate() RETURNS text LANGUAGE sql IMMUTABLE AS $outer$ SELECT $$
#variable_conflict use_variable
DECLARE
  fits  boolean := yore._fits({storage_text}, {shape_text});
  xid   pg_catalog.xid8 := pg_catalog.pg_current_xact_id();
  began timestamp with time zone := {began};
BEGIN
  IF pg_catalog.current_setting('transaction_isolation') OPERATOR(pg_catalog.<>) 'read committed' THEN
    -- TRUNCATE takes every row, an old snapshot need not show every row.
    PERFORM yore._fail('YO013', pg_catalog.concat({face_text}, ' is tracked: its rows could be lost by a TRUNCATE that is not READ COMMITTED'),
                       'Use DELETE, or TRUNCATE in a transaction of isolation level READ COMMITTED.');
  END IF;
  INSERT INTO {past} ({columns}, sys_version, sys_from, sys_xid, sys_to, sys_xid_to)
  SELECT {ended_columns}, c.sys_version OPERATOR(pg_catalog.+) v.step,
         CASE WHEN v.step OPERATOR(pg_catalog.=) 0 THEN c.sys_from ELSE e.ended END,
         CASE WHEN v.step OPERATOR(pg_catalog.=) 0 THEN c.sys_xid ELSE xid END,
         e.ended, xid
    FROM {storage} AS c
   CROSS JOIN LATERAL (
         SELECT CASE WHEN began OPERATOR(pg_catalog.>) c.sys_from THEN began
                     WHEN c.sys_xid OPERATOR(pg_catalog.=) xid THEN c.sys_from OPERATOR(pg_catalog.+) interval '1 microsecond'
                     ELSE yore._later(began, c.sys_from, false, {face_text}) END) AS e (ended)
   CROSS JOIN (VALUES (0), (1)) AS v (step){not_forgotten};
  {truncate_forgotten}RETURN NULL;
END
$$ $outer$;
COMMENT ON FUNCTION yore._template_truncate() IS 'BEFORE TRUNCATE where on_truncate is archive: does for every row what DELETE does. Error YO013 unless the transaction is READ COMMITTED.';

CREATE OR REPLACE FUNCTION yore._template_truncate_forgotten() RETURNS text LANGUAGE sql IMMUTABLE AS $outer$ SELECT $$INSERT INTO {past} ({columns}, sys_version, sys_from, sys_xid, sys_to, sys_xid_to)
  SELECT {current_columns}, c.sys_version, c.sys_from, xid, c.sys_from, xid
    FROM {storage} AS c
   WHERE c.sys_xid OPERATOR(pg_catalog.=) xid AND c.sys_from OPERATOR(pg_catalog.>=) began
     AND EXISTS (SELECT FROM {past} AS p
                  WHERE {past_is_current}
                    AND p.sys_version OPERATOR(pg_catalog.=) (c.sys_version OPERATOR(pg_catalog.-) 1)
                    AND p.sys_xid_to OPERATOR(pg_catalog.=) xid
                    AND p.sys_from OPERATOR(pg_catalog.<) p.sys_to);
  $$ $outer$;
COMMENT ON FUNCTION yore._template_truncate_forgotten() IS 'Part of _template_truncate, where the changes of a transaction are squashed: rows that it made itself.';

CREATE OR REPLACE FUNCTION yore._refuse_truncate() RETURNS trigger
LANGUAGE plpgsql
AS $$
BEGIN
  PERFORM yore._fail('YO002', pg_catalog.format('table %I.%I is tracked: TRUNCATE would lose its rows', TG_TABLE_SCHEMA, TG_TABLE_NAME),
    'Use DELETE, or track it with on_truncate => ''archive'' to have TRUNCATE keep every row in the past.');
END
$$;
COMMENT ON FUNCTION yore._refuse_truncate() IS 'BEFORE TRUNCATE where on_truncate is refuse: error YO002.';

CREATE OR REPLACE FUNCTION yore._refuse_past_change() RETURNS trigger
LANGUAGE plpgsql
AS $$
BEGIN
  PERFORM yore._fail('YO001', pg_catalog.format('%s of %I.%I refused: the past is append-only', TG_OP, TG_TABLE_SCHEMA, TG_TABLE_NAME),
    'Change the present instead; its former state is kept.');
END
$$;
COMMENT ON FUNCTION yore._refuse_past_change() IS 'BEFORE UPDATE, DELETE, TRUNCATE of a past table: error YO001.';

-- What yore keeps about itself: one row that says what is installed, one row
-- for each tracked table, one row for each transaction that said who and why.
--
-- Every file of this folder may be run again at any time: tables are created
-- only where they are missing, functions are replaced. The whole folder is run
-- in one transaction; the lock makes two installers wait for each other.
--
-- The tables below are those of version 1. A column that a later version adds is
-- added after its CREATE TABLE, and there alone, so that columns have the same
-- order in every database (rows are inserted whole): in a DO block that looks into
-- pg_attribute first, for ALTER TABLE takes its lock even where nothing is to do.

DO $check$
BEGIN
  PERFORM pg_catalog.pg_advisory_xact_lock(pg_catalog.hashtextextended('yore: install', 0));
  IF pg_catalog.current_setting('server_version_num')::integer < 130000 THEN
    RAISE EXCEPTION 'yore: PostgreSQL % is too old', pg_catalog.current_setting('server_version')
      USING ERRCODE = 'YO016', HINT = 'yore needs PostgreSQL 13 or newer.';
  END IF;
END
$check$;

CREATE SCHEMA IF NOT EXISTS yore;
GRANT USAGE ON SCHEMA yore TO PUBLIC;
COMMENT ON SCHEMA yore IS 'yore: temporal tables. Functions, the catalog of tracked tables, transactions.';

CREATE TABLE IF NOT EXISTS yore.installation (
  only_row        boolean     PRIMARY KEY DEFAULT true CHECK (only_row),
  version         integer     NOT NULL,
  temporal_schema name        NOT NULL,
  history_schema  name        NOT NULL,
  asof_schema     name        NOT NULL,
  installed_at    timestamptz NOT NULL DEFAULT pg_catalog.now()
);
GRANT SELECT ON yore.installation TO PUBLIC;
COMMENT ON TABLE yore.installation IS 'The one row that says which version of yore is installed and how its schemas are called.';

CREATE TABLE IF NOT EXISTS yore.tracked (
  schema_name    name        NOT NULL,           -- the name that applications use
  table_name     name        NOT NULL,
  storage_schema name        NOT NULL,           -- where the current rows are
  storage_name   name        NOT NULL,
  past_schema    name        NOT NULL,           -- where the superseded versions are
  past_name      name        NOT NULL,
  key_columns    name[]      NOT NULL,
  in_place       boolean     NOT NULL,
  squash         boolean     NOT NULL,
  journal        name[],                         -- NULL: not given
  no_journal     name[],
  full_journal   boolean     NOT NULL,
  on_truncate    text        NOT NULL CHECK (on_truncate IN ('refuse', 'archive')),
  exclusion      boolean     NOT NULL,
  immutable      boolean     NOT NULL,           -- an entity key, and version columns that are shown
  allow_updates  boolean     NOT NULL,           -- of stored versions, through history
  allow_deletes  boolean     NOT NULL,
  allow_version_write boolean NOT NULL,          -- a version number that is written counts, if it is later
  version_gaps   boolean     NOT NULL,           -- whether allow_version_write ever held
  show_row_id    boolean     NOT NULL,
  prefix         text        NOT NULL,           -- before version, valid_from, … in what users see
  since          timestamptz NOT NULL,           -- from when the rows found at tracking are known
  tracked_at     timestamptz NOT NULL DEFAULT pg_catalog.now(),
  columns        jsonb       NOT NULL,           -- those the triggers were generated for
  shape          text        NOT NULL,           -- the same with yore's own, as yore._shape writes it
  own_triggers   boolean     NOT NULL,           -- whether the table had triggers of its own then
  sequences      jsonb       NOT NULL,           -- owned ones that stay beside the face
  generated_by   integer     NOT NULL,           -- the version of yore that wrote the triggers
  PRIMARY KEY (schema_name, table_name),
  UNIQUE (storage_schema, storage_name),
  UNIQUE (past_schema, past_name)
);
GRANT SELECT ON yore.tracked TO PUBLIC;
DO $columns$
BEGIN
  -- Version 2: whether the past has a copy of each index. Version 1 made none.
  IF NOT EXISTS (SELECT FROM pg_catalog.pg_attribute AS a WHERE a.attrelid = 'yore.tracked'::pg_catalog.regclass AND a.attname = 'copy_indexes') THEN
    ALTER TABLE yore.tracked ADD COLUMN copy_indexes boolean NOT NULL DEFAULT false;
    ALTER TABLE yore.tracked ALTER COLUMN copy_indexes DROP DEFAULT;
  END IF;
END
$columns$;
COMMENT ON TABLE yore.tracked IS 'What is tracked, with which options, since when, and the columns the triggers were generated for.';

CREATE TABLE IF NOT EXISTS yore.transaction (
  xid         xid8        NOT NULL,
  began       timestamptz NOT NULL,              -- tells two clusters'' equal xids apart after a restore
  actor       text,
  reason      text,
  meta        jsonb,
  at_time     timestamptz,                       -- set by yore.at_time alone
  role        name        NOT NULL,
  application text        NOT NULL,
  PRIMARY KEY (xid, began)
);
COMMENT ON TABLE yore.transaction IS 'Who and why: one row for each transaction that called yore.set_context or yore.at_time.';

DO $version$
DECLARE
  this CONSTANT integer := 2;   -- the version of these functions; in Go, sql.Version
  here integer;
BEGIN
  SELECT i.version INTO here FROM yore.installation AS i;
  IF here > this THEN
    RAISE EXCEPTION 'yore: the database has version % of yore''s functions, newer than this program''s %', here, this
      USING ERRCODE = 'YO015', HINT = 'Use a newer yore.';
  END IF;
  EXECUTE pg_catalog.format('CREATE OR REPLACE FUNCTION yore._version() RETURNS integer LANGUAGE sql IMMUTABLE AS %L', 'SELECT ' || this);
  INSERT INTO yore.installation AS i (version, temporal_schema, history_schema, asof_schema)
  VALUES (this,
          coalesce(nullif(pg_catalog.current_setting('yore.temporal_schema', true), ''), 'temporal'),
          coalesce(nullif(pg_catalog.current_setting('yore.history_schema', true), ''), 'history'),
          coalesce(nullif(pg_catalog.current_setting('yore.asof_schema', true), ''), 'asof'))
  ON CONFLICT (only_row) DO UPDATE SET version = excluded.version WHERE i.version <> excluded.version;
END
$version$;
COMMENT ON FUNCTION yore._version() IS 'The version of these functions; goes up with every release that changes them (CONTRIBUTING.md).';

-- Whole sessions as of a time.

CREATE OR REPLACE FUNCTION yore._session_time() RETURNS timestamptz
LANGUAGE sql STABLE PARALLEL SAFE
AS $$ SELECT nullif(pg_catalog.current_setting('yore.as_of', true), '')::timestamptz $$;
COMMENT ON FUNCTION yore._session_time() IS 'The time that yore.as_of set; NULL in the present.';

CREATE OR REPLACE FUNCTION yore.refuse_present(face text) RETURNS boolean
LANGUAGE plpgsql STABLE PARALLEL SAFE   -- every query of a face names it
AS $$
BEGIN
  PERFORM yore._fail('YO010',
    pg_catalog.format('%s is the present, but this transaction reads as of %s', face, pg_catalog.current_setting('yore.as_of', true)),
    'Write the table without its schema: search_path then finds it as of that time. A view or function of yours that names the table has the same need.');
END
$$;
COMMENT ON FUNCTION yore.refuse_present(text) IS
  'What a face calls when it is read inside an as-of session: error YO010, never silently the present.';

CREATE OR REPLACE FUNCTION yore.as_of(t timestamptz) RETURNS timestamptz
LANGUAGE plpgsql VOLATILE
AS $$
DECLARE
  plain text := nullif(pg_catalog.current_setting('yore.present_path', true), '');
  path  text;
BEGIN
  IF plain IS NOT NULL THEN
    PERFORM pg_catalog.set_config('search_path', plain, true);   -- a second call: begin again from the first's
  END IF;
  IF t IS NULL THEN
    PERFORM pg_catalog.set_config('yore.as_of', '', true);
    PERFORM pg_catalog.set_config('yore.present_path', '', true);
    RETURN NULL;
  END IF;
  PERFORM pg_catalog.set_config('yore.present_path', pg_catalog.current_setting('search_path'), true);
  path := yore._twin_path('asof');
  PERFORM pg_catalog.set_config('search_path', coalesce(path, ''), true);
  PERFORM pg_catalog.set_config('yore.as_of', yore._utc(t), true);
  PERFORM pg_catalog.set_config('transaction_read_only', 'on', true);
  RETURN t;
END
$$;
COMMENT ON FUNCTION yore.as_of(timestamptz) IS
  'From here to the end of the transaction, which becomes read-only, unqualified names of tracked tables mean their rows as of t. NULL goes back to the present. To be called inside BEGIN … COMMIT: outside, it lasts for its own statement alone.';

CREATE OR REPLACE FUNCTION yore.tracked_since(t text) RETURNS timestamptz
LANGUAGE sql STABLE
AS $$ SELECT (yore._tracked(t)).since $$;
COMMENT ON FUNCTION yore.tracked_since(text) IS
  'From when the table''s past is known: before, "no row" does not mean that there was none. -infinity: all of it is known. Error YO003 if it is not tracked.';

-- Names and templates. Nothing here reads or writes a user's table.

CREATE OR REPLACE FUNCTION yore._fill(template text, variables jsonb) RETURNS text
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
AS $$
DECLARE
  rest   text := template;
  result text := '';
  name   text;
  place  integer;
BEGIN
  -- From left to right, once: a value that happens to read {past} stays as it is.
  LOOP
    name := pg_catalog.substring(rest, '\{([a-z_]+)\}');
    EXIT WHEN name IS NULL;
    IF NOT variables ? name THEN
      RAISE EXCEPTION 'yore: template names {%}, which has no value', name;
    END IF;
    place := pg_catalog.strpos(rest, '{' || name || '}');
    result := result || pg_catalog.left(rest, place - 1) || (variables ->> name);
    rest := pg_catalog.substr(rest, place + pg_catalog.length(name) + 2);
  END LOOP;
  RETURN result || rest;
END
$$;
COMMENT ON FUNCTION yore._fill(text, jsonb) IS
  'The template with each {name} replaced by the variable of that name.';

CREATE OR REPLACE FUNCTION yore._indent(template text) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS $$ SELECT pg_catalog.regexp_replace(template, '\n(?=[^\n])', E'\n  ', 'g') $$;
COMMENT ON FUNCTION yore._indent(text) IS 'The template one level deeper.';

CREATE OR REPLACE FUNCTION yore._derived(base text, suffix text) RETURNS name
LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS $$
  -- The suffix stays whole; a base too long for it is cut, by characters, and
  -- marked with a digest so that two long names do not meet.
  SELECT CASE
           WHEN pg_catalog.octet_length(base || suffix) <= 63 THEN base || suffix
           ELSE (SELECT pg_catalog.left(base, n) || '_' || pg_catalog.left(pg_catalog.md5(base), 6) || suffix
                   FROM pg_catalog.generate_series(pg_catalog.length(base), 0, -1) AS n
                  WHERE pg_catalog.octet_length(pg_catalog.left(base, n)) + 7 + pg_catalog.octet_length(suffix) <= 63
                  ORDER BY n DESC LIMIT 1)
         END::name
$$;
COMMENT ON FUNCTION yore._derived(text, text) IS
  'The name of something that belongs to base: base and suffix, shortened to 63 bytes where needed.';

CREATE OR REPLACE FUNCTION yore._schema(kind text, of_schema name) RETURNS name
LANGUAGE plpgsql STABLE
AS $$
DECLARE
  base   name;
  result text;
BEGIN
  SELECT CASE kind WHEN 'temporal' THEN i.temporal_schema
                   WHEN 'history'  THEN i.history_schema
                   WHEN 'asof'     THEN i.asof_schema END
    INTO STRICT base FROM yore.installation AS i;
  IF of_schema = 'public' THEN
    RETURN base;
  END IF;
  result := base || '_' || of_schema;
  IF pg_catalog.octet_length(result) > 63 THEN
    PERFORM yore._fail('YO006', pg_catalog.format('schema name %I is too long: yore would need %I', of_schema, result),
                       'Rename the schema, or install yore with shorter schema names.');
  END IF;
  RETURN result;
END
$$;
COMMENT ON FUNCTION yore._schema(text, name) IS
  'The schema that holds what yore makes for the tables of of_schema: temporal, history, asof for public, temporal_s, … for a schema s. kind is temporal, history or asof.';

CREATE OR REPLACE FUNCTION yore._fail(code text, message text, hint text DEFAULT '', detail text DEFAULT '') RETURNS void
LANGUAGE plpgsql STABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp   -- triggers call it with their owner's rights
AS $$
BEGIN
  message := 'yore: ' || message;
  IF hint = '' THEN
    RAISE EXCEPTION USING ERRCODE = code, MESSAGE = message;
  ELSIF detail = '' THEN
    RAISE EXCEPTION USING ERRCODE = code, MESSAGE = message, HINT = hint;
  ELSE
    RAISE EXCEPTION USING ERRCODE = code, MESSAGE = message, HINT = hint, DETAIL = detail;
  END IF;
END
$$;
COMMENT ON FUNCTION yore._fail(text, text, text, text) IS
  'Raises the error; the codes, class YO, are listed in docs/errors.md.';

CREATE OR REPLACE FUNCTION yore._utc(t timestamptz) RETURNS text
LANGUAGE sql STABLE SET timezone = 'UTC' SET datestyle = 'ISO'
AS $$ SELECT t::text $$;
COMMENT ON FUNCTION yore._utc(timestamptz) IS
  'The time as text that means the same under every TimeZone and DateStyle, to the microsecond.';

-- Identifiers that sort by the time at which they were made: UUID version 7,
-- RFC 9562, section 5.7.

DO $uuid$
BEGIN
  IF pg_catalog.to_regprocedure('pg_catalog.uuidv7()') IS NOT NULL THEN
    CREATE OR REPLACE FUNCTION yore.uuidv7() RETURNS uuid
    LANGUAGE sql VOLATILE PARALLEL SAFE AS 'SELECT pg_catalog.uuidv7()';
    RETURN;
  END IF;

  CREATE OR REPLACE FUNCTION yore.uuidv7() RETURNS uuid
  LANGUAGE plpgsql VOLATILE
  AS $$
  DECLARE
    -- Microseconds; the session's last one is kept so that none is used twice.
    tick bigint := extract(epoch FROM pg_catalog.clock_timestamp())::double precision OPERATOR(pg_catalog.*) 1000000::double precision;
    last pg_catalog.text := pg_catalog.current_setting('yore.uuid_tick', true);
  BEGIN
    -- Anyone can set a setting: one that is no recent time has no effect.
    IF last OPERATOR(pg_catalog.>=) tick::pg_catalog.text AND last OPERATOR(pg_catalog.~) '^[0-9]{16}$'
       AND last::bigint OPERATOR(pg_catalog.<) (tick OPERATOR(pg_catalog.+) 10000) THEN
      tick := last::bigint OPERATOR(pg_catalog.+) 1;
    END IF;
    PERFORM pg_catalog.set_config('yore.uuid_tick', tick::pg_catalog.text, false);
    -- 48 bits of milliseconds, 12 bits of the rest (method 3 of section 6.2),
    -- and the variant with 62 random bits, which a random UUID ends in.
    RETURN (pg_catalog.lpad(pg_catalog.to_hex(tick OPERATOR(pg_catalog./) 1000), 12, '0')
            OPERATOR(pg_catalog.||) '7'
            OPERATOR(pg_catalog.||) pg_catalog.lpad(pg_catalog.to_hex((tick OPERATOR(pg_catalog.%) 1000) OPERATOR(pg_catalog.*) 4096 OPERATOR(pg_catalog./) 1000), 3, '0')
            OPERATOR(pg_catalog.||) pg_catalog.substr(pg_catalog.gen_random_uuid()::pg_catalog.text, 20))::pg_catalog.uuid;
  END
  $$;
END
$uuid$;
COMMENT ON FUNCTION yore.uuidv7() IS
  'A new UUID of version 7 (RFC 9562): they sort by the time at which they were made, to the microsecond, and strictly within a session. PostgreSQL 18''s own function where there is one.';

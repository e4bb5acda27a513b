CREATE SCHEMA IF NOT EXISTS asof;
CREATE SCHEMA IF NOT EXISTS temporal;
CREATE SCHEMA IF NOT EXISTS history;

DROP TABLE IF EXISTS public.countries;
CREATE TABLE public.countries (
  code text NOT NULL,
  name text NOT NULL,
  currency text,
  population bigint,
  eu_member boolean NOT NULL
);

DROP TABLE IF EXISTS history.countries;
CREATE TABLE history.countries (
  code text NOT NULL,
  name text,
  currency text,
  population bigint,
  eu_member boolean,
  version bigint NOT NULL,
  valid_from timestamp with time zone NOT NULL,
  valid_to timestamp with time zone,
  deleted_at timestamp with time zone,
  xid xid8 NOT NULL
);

CREATE FUNCTION asof.countries(at timestamp with time zone) RETURNS SETOF public.countries LANGUAGE sql AS '';

DROP TABLE IF EXISTS temporal.countries;
CREATE TABLE temporal.countries (
  code text NOT NULL,
  name text NOT NULL,
  currency text,
  population bigint,
  sys_version bigint NOT NULL,
  sys_from timestamp with time zone NOT NULL,
  sys_xid xid8 NOT NULL,
  eu_member boolean NOT NULL
);

DROP TABLE IF EXISTS public.currencies;
CREATE TABLE public.currencies (
  code text NOT NULL,
  name text NOT NULL
);

DROP TABLE IF EXISTS history.currencies;
CREATE TABLE history.currencies (
  code text NOT NULL,
  name text,
  version bigint NOT NULL,
  valid_from timestamp with time zone NOT NULL,
  valid_to timestamp with time zone,
  deleted_at timestamp with time zone,
  xid xid8 NOT NULL
);

CREATE FUNCTION asof.currencies(at timestamp with time zone) RETURNS SETOF public.currencies LANGUAGE sql AS '';

DROP TABLE IF EXISTS temporal.currencies;
CREATE TABLE temporal.currencies (
  code text NOT NULL,
  name text NOT NULL,
  sys_version bigint NOT NULL,
  sys_from timestamp with time zone NOT NULL,
  sys_xid xid8 NOT NULL
);

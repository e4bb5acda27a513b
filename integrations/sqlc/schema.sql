CREATE TABLE currencies (
  code text PRIMARY KEY,
  name text NOT NULL
);
CREATE TABLE countries (
  code       text PRIMARY KEY,
  name       text NOT NULL,
  currency   text REFERENCES currencies,
  population bigint
);
SELECT yore.track('currencies'), yore.track('countries');

-- Which sqlc cannot see: it is in yore.sql.
SELECT yore.add_column('countries', 'eu_member', 'boolean NOT NULL DEFAULT false');

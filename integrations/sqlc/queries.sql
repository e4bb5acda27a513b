-- Ordinary queries: the present, or, inside yore.AsOf, any time.

-- name: Country :one
SELECT * FROM countries WHERE code = $1;

-- name: Countries :many
SELECT * FROM countries ORDER BY code;

-- name: CountriesWithCurrency :many
SELECT c.name, k.name AS currency
  FROM countries AS c
  JOIN currencies AS k ON k.code = c.currency
 ORDER BY c.code;

-- name: MembersByCurrency :many
SELECT sqlc.embed(k), count(*) AS members
  FROM currencies AS k
  JOIN countries AS c ON c.currency = k.code
 WHERE c.eu_member
 GROUP BY k.code, k.name
 ORDER BY k.code;

-- name: CountriesByCode :batchone
SELECT * FROM countries WHERE code = $1;

-- Another time, by parameter, in a single query.

-- name: CountriesAsOf :many
SELECT * FROM asof.countries(sqlc.arg(at)) ORDER BY code;

-- name: CountriesWithCurrencyAsOf :many
SELECT c.name, k.name AS currency
  FROM asof.countries(sqlc.arg(at)) AS c
  JOIN asof.currencies(sqlc.arg(at)) AS k ON k.code = c.currency
 ORDER BY c.code;

-- name: CountriesAsOfOrNow :many
SELECT * FROM asof.countries(sqlc.narg(at)) ORDER BY code;

-- For a column that is younger than the past that is asked for.

-- name: MembersAsOf :many
SELECT code, coalesce(eu_member, false) AS eu_member FROM asof.countries(sqlc.arg(at)) ORDER BY code;

-- Every version.

-- name: CountryHistory :many
SELECT * FROM history.countries WHERE code = $1 ORDER BY version;

-- name: LastChange :one
SELECT sqlc.embed(c), h.version, h.valid_from, h.xid
  FROM countries AS c
  JOIN history.countries AS h ON h.code = c.code AND h.valid_to IS NULL
 WHERE c.code = $1;

-- Writes: nothing of yore in them.

-- name: InsertCountry :exec
INSERT INTO countries (code, name, currency, population) VALUES ($1, $2, $3, $4);

-- name: SetPopulation :execrows
UPDATE countries SET population = $2 WHERE currency = $1;

-- name: Rename :one
UPDATE countries SET name = $2 WHERE code = $1 RETURNING *;

-- name: Upsert :one
INSERT INTO countries (code, name, currency) VALUES ($1, $2, $3)
    ON CONFLICT (code) DO UPDATE SET name = excluded.name, currency = excluded.currency
RETURNING *;

-- name: InsertCountries :exec
INSERT INTO countries (code, name)
SELECT unnest(@codes::text[]), unnest(@names::text[]);

-- name: DeleteCountry :execresult
DELETE FROM countries WHERE code = $1;

-- name: DeleteOfCurrency :many
DELETE FROM countries WHERE currency = $1 RETURNING code;

-- name: SetMember :batchexec
UPDATE countries SET eu_member = true WHERE code = $1;

-- COPY goes to the table below the face.

-- name: CopyCountries :copyfrom
INSERT INTO temporal.countries (code, name, currency, population) VALUES ($1, $2, $3, $4);

-- name: CopyIntoFace :copyfrom
INSERT INTO countries (code, name) VALUES ($1, $2);

-- Reads the present by its full name, which yore.AsOf refuses.

-- name: CountOfPublic :one
SELECT count(*) FROM public.countries;

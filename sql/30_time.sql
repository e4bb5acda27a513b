-- The time of a transaction's versions, and what goes with it: loading known
-- history, and who and why.

CREATE OR REPLACE FUNCTION yore._loading_time() RETURNS timestamptz
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
  -- The setting yore.at_time only says that it is worth looking; anyone can set
  -- it. What counts is the row that yore.at_time wrote for this transaction.
  SELECT coalesce((SELECT t.at_time FROM yore.transaction AS t
                    WHERE t.xid = pg_current_xact_id_if_assigned() AND t.began = transaction_timestamp()),
                  transaction_timestamp())
$$;
COMMENT ON FUNCTION yore._loading_time() IS
  'The time at which this transaction''s versions begin: what yore.at_time set, else transaction_timestamp(). A forged setting has no effect.';

CREATE OR REPLACE FUNCTION yore._later(began timestamptz, last timestamptz, after_deletion boolean, what text) RETURNS timestamptz
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  loading boolean := began IS DISTINCT FROM pg_catalog.transaction_timestamp();
BEGIN
  IF NOT loading THEN
    RETURN greatest(began, last + interval '1 microsecond');
  END IF;
  IF began > last OR (began = last AND after_deletion) THEN
    RETURN began;
  END IF;
  PERFORM yore._fail('YO011',
    pg_catalog.format('%s: a version at %s would not be after the last one, of %s', what, yore._utc(began), yore._utc(last)),
    'History is loaded from the earliest change to the latest; give yore.at_time a later time.');
END
$$;
COMMENT ON FUNCTION yore._later(timestamptz, timestamptz, boolean, text) IS
  'When the next version of a row begins: at the transaction''s time, or 1 microsecond after the last one began where a transaction that started later was quicker. Under yore.at_time there is no such shift behind another transaction''s version: error YO011.';

CREATE OR REPLACE FUNCTION yore.at_time(t timestamptz) RETURNS timestamptz
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  given timestamptz;
BEGIN
  IF t IS NULL OR NOT isfinite(t) OR t > transaction_timestamp() THEN
    PERFORM yore._fail('YO007', format('at_time needs a time that is not in the future, not %s', coalesce(yore._utc(t), 'NULL')));
  END IF;
  INSERT INTO yore.transaction AS x (xid, began, at_time, role, application)
  VALUES (pg_current_xact_id(), transaction_timestamp(), t, session_user, current_setting('application_name'))
  ON CONFLICT (xid, began) DO UPDATE SET at_time = coalesce(x.at_time, excluded.at_time)
  RETURNING x.at_time INTO given;
  IF given <> t THEN
    PERFORM yore._fail('YO011', format('this transaction already loads history at %s', yore._utc(given)),
                       'All versions of a transaction have one time; use one transaction for each.');
  END IF;
  PERFORM set_config('yore.at_time', yore._utc(t), true);
  RETURN t;
END
$$;
REVOKE EXECUTE ON FUNCTION yore.at_time(timestamptz) FROM PUBLIC;
COMMENT ON FUNCTION yore.at_time(timestamptz) IS
  'Makes the versions of this transaction begin at t, to load known history. To be called before the first write, by roles that were granted EXECUTE. Errors: YO007 (t in the future, infinite or NULL), YO011 (another time was set for this transaction; later, from the write: the row has a version at or after t).';

CREATE OR REPLACE FUNCTION yore.set_context(actor text, reason text DEFAULT NULL, meta jsonb DEFAULT NULL) RETURNS void
LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
  INSERT INTO yore.transaction AS x (xid, began, actor, reason, meta, role, application)
  VALUES (pg_current_xact_id(), transaction_timestamp(), $1, $2, $3, session_user, current_setting('application_name'))
  ON CONFLICT (xid, began) DO UPDATE
     SET actor = excluded.actor, reason = excluded.reason, meta = excluded.meta
$$;
COMMENT ON FUNCTION yore.set_context(text, text, jsonb) IS
  'Says who makes this transaction''s changes and why; versions point to it by their xid. Called again in the same transaction it replaces what was said. Open to every role: it is the client''s word; the session''s role and application_name are kept beside it.';

CREATE OR REPLACE FUNCTION yore.carry_context(actor text, reason text DEFAULT NULL, meta jsonb DEFAULT NULL) RETURNS boolean
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
  -- Whoever may not write any more cannot be asked to; a standby never may.
  IF pg_current_xact_id_if_assigned() IS NULL OR current_setting('transaction_read_only')::boolean THEN
    RETURN false;
  END IF;
  -- No SELECT before it: under SERIALIZABLE the page it reads would be the one to
  -- which every other transaction adds its row.
  INSERT INTO yore.transaction AS x (xid, began, actor, reason, meta, role, application)
  VALUES (pg_current_xact_id(), transaction_timestamp(), $1, $2, $3, session_user, current_setting('application_name'))
  ON CONFLICT ON CONSTRAINT transaction_pkey DO UPDATE
     SET actor = excluded.actor, reason = excluded.reason, meta = excluded.meta
   WHERE x.actor IS NULL AND x.reason IS NULL AND x.meta IS NULL;
  RETURN FOUND;
END
$$;
COMMENT ON FUNCTION yore.carry_context(text, text, jsonb) IS
  'What yore.set_context does, for a client that says it with every COMMIT: nothing in a transaction that has written nothing (it has no xid) or can write no more (read-only), and nothing where yore.set_context has been called. Returns whether it was said. Open to every role.';

CREATE OR REPLACE FUNCTION yore.transaction_of(xid xid8, valid_from timestamptz) RETURNS SETOF yore.transaction
LANGUAGE sql STABLE ROWS 1
AS $$
  -- A cluster gives an xid once, but a restored one counts anew. A version begins
  -- when its transaction did, at the time that it loads, or a little later: where
  -- another was quicker. One day is what a transaction is given for that.
  SELECT t.*
    FROM yore.transaction AS t
   WHERE t.xid OPERATOR(pg_catalog.=) $1
     AND coalesce(t.at_time, t.began) OPERATOR(pg_catalog.<=) $2
     AND coalesce(t.at_time, t.began) OPERATOR(pg_catalog.>) ($2 OPERATOR(pg_catalog.-) interval '1 day')
   ORDER BY coalesce(t.at_time, t.began) DESC, t.began DESC
   LIMIT 1
$$;
COMMENT ON FUNCTION yore.transaction_of(xid8, timestamptz) IS
  'What was said of the transaction that made a version, from the xid and the valid_from that history shows; no row if nothing was. An xid alone is not enough: after a dump and restore another transaction may have the same. Needs the right to read yore.transaction.';

CREATE OR REPLACE FUNCTION yore.stable_time() RETURNS timestamptz
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  -- A session reports a new transaction's start a moment after it took it.
  slack  CONSTANT interval := '100 milliseconds';
  oldest timestamptz;
  hidden integer;
BEGIN
  IF pg_is_in_recovery() THEN
    PERFORM yore._fail('YO012', 'a standby does not know the open transactions of its primary', 'Ask the primary.');
  END IF;
  IF EXISTS (SELECT FROM pg_prepared_xacts AS p WHERE p.database = current_database()) THEN
    PERFORM yore._fail('YO012', 'a prepared transaction does not show when it began',
                       'COMMIT PREPARED or ROLLBACK PREPARED what pg_prepared_xacts lists, then ask again.');
  END IF;
  SELECT min(a.xact_start), count(*) FILTER (WHERE a.backend_type IS NULL)
    INTO oldest, hidden
    FROM pg_stat_activity AS a
   WHERE a.datname = current_database()
     AND coalesce(a.backend_type, 'hidden') NOT IN ('autovacuum worker', 'walsender');
  IF hidden > 0 THEN
    PERFORM yore._fail('YO012', format('%s sessions of other roles hide their transactions from %I', hidden, current_user),
                       format('GRANT pg_read_all_stats TO %I', current_user));
  END IF;
  RETURN least(oldest, transaction_timestamp(), clock_timestamp() - slack) - interval '1 microsecond';
END
$$;
COMMENT ON FUNCTION yore.stable_time() IS
  'The newest time T whose as-of answers no open transaction can still change: just before the oldest one of this database began, the calling one included. Transactions that load history (yore.at_time) change the past on purpose and do not count. Error YO012 where it cannot be known: on a standby, with prepared transactions, or without the right to see other sessions.';

CREATE OR REPLACE FUNCTION yore._stable_time_or_null() RETURNS timestamptz
LANGUAGE plpgsql VOLATILE
AS $$
BEGIN
  RETURN yore.stable_time();
EXCEPTION WHEN SQLSTATE 'YO012' THEN
  RETURN NULL;
END
$$;
COMMENT ON FUNCTION yore._stable_time_or_null() IS 'yore.stable_time, NULL where it cannot be known.';

CREATE OR REPLACE FUNCTION yore._loaded_since(oldest xid8) RETURNS boolean
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$ SELECT EXISTS (SELECT FROM yore.transaction AS t WHERE t.xid >= oldest AND t.at_time IS NOT NULL) $$;
COMMENT ON FUNCTION yore._loaded_since(xid8) IS 'Whether a transaction with that number or a later one has loaded known history.';

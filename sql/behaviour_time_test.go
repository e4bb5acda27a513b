package sql_test

import (
	"strings"
	"testing"
)

func TestBehaviourTransactionTime(t *testing.T) {
	t.Parallel()
	table := []string{"CREATE TABLE t (id int PRIMARY KEY, name text)", "SELECT yore.track('t')"}

	t.Run("temporal-76 three inserts of a transaction are there from its first moment", func(t *testing.T) {
		l := newLab(t, table...)
		s := l.session()
		s.exec("BEGIN", "INSERT INTO t VALUES (1, 'a')", "SELECT pg_sleep(0.002)", "INSERT INTO t VALUES (2, 'b')", "INSERT INTO t VALUES (3, 'c')")
		began := s.value("SELECT transaction_timestamp()")
		s.exec("COMMIT")
		l.want("SELECT valid_from FROM history.t WHERE id = 1", began)
		l.wantAsOf(began, "SELECT name FROM t ORDER BY 1", "a", "b", "c")
		l.want("SELECT count(*) FROM asof.t('"+began+"'::timestamptz - interval '1 microsecond')", "0")
	})

	t.Run("temporal-77 parent and child of a transaction find each other", func(t *testing.T) {
		l := newLab(t, "CREATE TABLE p (id int PRIMARY KEY, name text)", "CREATE TABLE c (id int PRIMARY KEY, p int REFERENCES p)",
			"SELECT yore.track('p'), yore.track('c')")
		l.session().exec("BEGIN", "INSERT INTO p VALUES (1, 'parent')", "SELECT pg_sleep(0.002)", "INSERT INTO c VALUES (2, 1)", "COMMIT",
			"BEGIN", "DELETE FROM c", "SELECT pg_sleep(0.002)", "DELETE FROM p", "COMMIT")
		start := l.value("SELECT min(valid_from) FROM history.c")
		l.wantAsOf(start, "SELECT c.id, p.name FROM c JOIN p ON p.id = c.p", "2|parent")
		l.want("SELECT c.id, p.name FROM asof.c('"+start+"') AS c JOIN asof.p('"+start+"') AS p ON p.id = c.p", "2|parent")
		// … and go together: at no moment is there one without the other.
		l.want(`SELECT count(*) FROM (SELECT valid_from AS at FROM history.p UNION SELECT valid_from FROM history.c) AS m
			WHERE (SELECT count(*) FROM asof.p(m.at)) <> (SELECT count(*) FROM asof.c(m.at))`, "0")
	})

	t.Run("temporal-78 five inserts of a transaction have one start", func(t *testing.T) {
		l := newLab(t, table...)
		s := l.session()
		s.exec("BEGIN")
		for _, id := range strings.Fields("1 2 3 4 5") {
			s.exec("INSERT INTO t VALUES (" + id + ", 'a')")
		}
		s.exec("COMMIT")
		l.want("SELECT count(*), count(DISTINCT valid_from), count(DISTINCT xid::text) FROM history.t", "5|1|1")
	})

	t.Run("temporal-79 what a transaction inserts and updates shows its last values from its time", func(t *testing.T) {
		l := newLab(t, append(table, "INSERT INTO t VALUES (0, 'old')")...)
		s := l.session()
		s.exec("BEGIN", "INSERT INTO t SELECT n, 'new' FROM generate_series(1, 5) AS n", "SELECT pg_sleep(0.002)",
			"UPDATE t SET name = name || id", "UPDATE t SET name = name || '!' WHERE id > 3")
		began := s.value("SELECT transaction_timestamp()")
		s.exec("COMMIT")
		l.wantAsOf(began, "SELECT name FROM t ORDER BY id", "old0", "new1", "new2", "new3", "new4!", "new5!")
		l.want("SELECT id, name FROM asof.t('"+began+"'::timestamptz - interval '1 microsecond')", "0|old")
		l.sound("t", "id")
	})

	t.Run("temporal-80 an update 10 ms after the insert", func(t *testing.T) {
		l := newLab(t, table...)
		l.session().exec("INSERT INTO t VALUES (1, 'a')", "SELECT pg_sleep(0.01)", "UPDATE t SET name = 'b'")
		l.history("t", "id, name", "1|a|v1 past", "1|b|v2 open")
		l.want("SELECT valid_to - valid_from >= interval '10 milliseconds', valid_to = (SELECT valid_from FROM history.t WHERE version = 2) FROM history.t WHERE version = 1", "t|t")
		l.sound("t", "id")
	})

	t.Run("temporal-71 a session's time zone changes nothing", func(t *testing.T) {
		l := newLab(t, table...)
		s := l.session()
		s.exec("SET timezone = 'America/Havana'", "SET datestyle = 'SQL, DMY'", "BEGIN", "INSERT INTO t VALUES (1, 'a')")
		began := s.value("SELECT extract(epoch FROM transaction_timestamp())")
		s.exec("COMMIT", "UPDATE t SET name = 'b'")
		l.want("SELECT extract(epoch FROM valid_from) FROM history.t WHERE version = 1", began)
		l.want("SELECT clock_timestamp() - valid_from BETWEEN '0' AND '1 minute' FROM history.t WHERE version = 2", "t")
		s.exec("BEGIN", "SELECT yore.as_of(to_timestamp("+began+"))")
		s.want("SELECT name FROM t", "a")
		s.exec("COMMIT")
		l.sound("t", "id")
	})

	t.Run("temporal-71 an hour that comes twice is two hours", func(t *testing.T) {
		l := newLab(t, table...)
		s := l.session()
		// On this night Havana's clocks went from 1:00 back to 0:00: both are 0:30.
		s.exec("SET timezone = 'America/Havana'",
			"BEGIN", "SELECT yore.at_time('2023-11-05 04:30Z')", "INSERT INTO t VALUES (1, 'first')", "COMMIT",
			"BEGIN", "SELECT yore.at_time('2023-11-05 05:30Z')", "UPDATE t SET name = 'second'", "COMMIT")
		s.want("SELECT name, valid_from::timestamp, valid_to - valid_from FROM history.t ORDER BY version",
			"first|2023-11-05 00:30:00|01:00:00", "second|2023-11-05 00:30:00|∅")
		for at, name := range map[string]string{"04:30Z": "first", "05:29:59.999999Z": "first", "05:30Z": "second"} {
			s.exec("BEGIN", "SELECT yore.as_of('2023-11-05 "+at+"')")
			s.want("SELECT name FROM t", name)
			s.exec("COMMIT")
		}
		l.sound("t", "id")
	})

	t.Run("temporal-73 more versions than 2^31", func(t *testing.T) {
		l := newLab(t, append(table, "INSERT INTO t VALUES (1, 'a')", "UPDATE t SET name = 'b'")...)
		l.session().exec("SET session_replication_role = replica", "UPDATE temporal.t_past SET sys_version = 2147483647", "UPDATE temporal.t SET sys_version = 2147483648")
		l.exec("UPDATE t SET name = 'c'", "UPDATE t SET id = 2", "UPDATE t SET id = 1", "DELETE FROM t", "INSERT INTO t VALUES (1, 'd')")
		l.history("t", "id, name", "1|a|v2147483647 past", "1|b|v2147483648 past", "1|c|v2147483649 past", "1|c|v2147483650 tombstone",
			"1|c|v2147483651 past", "1|c|v2147483652 tombstone", "1|d|v2147483653 open", "2|c|v1 past", "2|c|v2 tombstone")
		// The jump that the test made is what verify finds, and nothing else.
		l.want("SELECT problem, key, version FROM yore.verify()", `number|{"id": 1}|2147483647`)
	})
}

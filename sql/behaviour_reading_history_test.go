package sql_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"yore.example/yore"
	"yore.example/yore/internal/pgtest"
)

// versionsOf are a table's versions as the story has them, in the order of ids
// and numbers: "id|version|name".
func versionsOf(table string) (lines []string) {
	for _, row := range toldRows {
		for i, v := range row.values {
			if row.table == table {
				lines = append(lines, fmt.Sprintf("%d|%d|%s", row.id, i+1, v[1]))
			}
		}
	}
	return lines
}

// The rows of history are versions; the id of one is (id, version).
func TestBehaviourReadingHistory(t *testing.T) {
	r := newReading(t)

	t.Run("temporal-125, temporal-134 all of a table's history, in the order in which it came", func(t *testing.T) {
		r := r.in(t)
		for _, table := range trackedTables {
			var began []string
			for _, moment := range r.moments {
				for _, row := range r.rowsOf(table, moment) {
					for i, v := range row.values {
						if v[0] == moment {
							began = append(began, fmt.Sprintf("%d|%d|%s", row.id, i+1, v[1]))
						}
					}
				}
			}
			r.want("SELECT id, version, name FROM history."+table+" ORDER BY valid_from, id, version", began...)
			r.want("SELECT id, version, name FROM history."+table+" ORDER BY id, version", versionsOf(table)...)
		}
		r.want("SELECT name FROM history.foos ORDER BY valid_from, id, version", "foo", "foo bar", "new foo", "foo 0", "foo 1")
	})

	t.Run("temporal-126 the versions of a row", func(t *testing.T) {
		r := r.in(t)
		for _, row := range toldRows {
			if row.table == "bazs" {
				continue
			}
			var names []string
			for _, v := range row.values {
				names = append(names, v[1])
			}
			r.want(fmt.Sprintf("SELECT name FROM history.%s WHERE id = %d ORDER BY version", row.table, row.id), names...)
			r.want(fmt.Sprintf("SELECT count(*), count(*) FILTER (WHERE valid_to IS NULL) FROM history.%s WHERE id = %d", row.table, row.id), fmt.Sprintf("%d|1", len(names)))
		}
		r.want("SELECT (SELECT count(*) FROM history.foos WHERE id = 1), (SELECT count(*) FROM history.bars WHERE id = 1)", "3|4")
	})

	t.Run("temporal-127 the second and the last by (id, version)", func(t *testing.T) {
		r := r.in(t)
		for _, table := range trackedTables {
			all := versionsOf(table)
			r.want("SELECT id, version, name FROM history."+table+" ORDER BY id, version OFFSET 1 LIMIT 1", all[min(1, len(all)):min(2, len(all))]...)
			r.want("SELECT id, version, name FROM history."+table+" ORDER BY id DESC, version DESC LIMIT 1", all[len(all)-1])
		}
	})

	t.Run("temporal-129 what each version was related to at its end", func(t *testing.T) {
		r := r.in(t)
		// A NULL end is the present: asof.t(NULL).
		const end = "h.valid_to - interval '1 microsecond'"
		r.want("SELECT h.version, b.name FROM history.foos AS h LEFT JOIN LATERAL asof.bars("+end+") AS b ON b.foo_id = h.id WHERE h.id = 1 ORDER BY h.version",
			"1|∅", "2|foo bar", "3|new bar")
		r.want("SELECT h.version, f.name FROM history.bars AS h JOIN LATERAL asof.foos("+end+") AS f ON f.id = h.foo_id WHERE h.id = 1 ORDER BY h.version",
			"1|foo bar", "2|new foo", "3|new foo", "4|new foo")
		// Of every row, against the story.
		for _, relation := range []struct{ table, column, parent string }{{"bars", "foo_id", "foos"}, {"sub_bars", "bar_id", "bars"}, {"sub_sub_bars", "sub_bar_id", "sub_bars"}} {
			var want []string
			for _, row := range r.rowsOf(relation.table, "n1") {
				for i := range row.values {
					last := "n1"
					if i+1 < len(row.values) {
						next := slices.Index(r.moments, row.values[i+1][0])
						last = r.moments[next-1]
					}
					want = append(want, fmt.Sprintf("%d|%d|%s", row.id, i+1, r.nameOf(relation.parent, row.parent, last)))
				}
			}
			r.want(fmt.Sprintf("SELECT h.id, h.version, p.name FROM history.%s AS h JOIN LATERAL asof.%s(%s) AS p ON p.id = h.%s ORDER BY h.id, h.version",
				relation.table, relation.parent, end, relation.column), want...)
		}
	})

	t.Run("temporal-132 aggregates and groups", func(t *testing.T) {
		r := r.in(t)
		r.want("SELECT id, count(*), max(name), max(version) FROM history.foos GROUP BY id ORDER BY id", "1|3|new foo|3", "2|1|foo 0|1", "3|1|foo 1|1")
		r.want("SELECT count(*), count(DISTINCT id), sum(version) FROM history.bars", "6|3|12")
		r.want("SELECT name, count(*) FROM (SELECT name FROM history.foos UNION ALL SELECT name FROM history.bars) AS x GROUP BY name HAVING count(*) > 1", "foo bar|2")
		r.everywhere(func(v view) {
			v.wants([]string{fmt.Sprintf("%d|%d", len(versionsOf("foos")), len(r.rowsOf("foos", v.moment)))}, "SELECT (SELECT count(*) FROM history.foos), (SELECT count(*) FROM foos)")
			longest := "∅"
			for _, row := range r.rowsOf("foos", v.moment) {
				if n := fmt.Sprintf("%02d", len(r.name(row, v.moment))); longest == "∅" || n > longest {
					longest = n
				}
			}
			v.wants([]string{longest}, "SELECT to_char(max(length(name)), 'FM00') FROM foos")
		})
	})

	t.Run("temporal-133 a version by (id, version), its relations by id and by another column", func(t *testing.T) {
		r := r.in(t)
		for _, table := range trackedTables {
			for _, line := range versionsOf(table) {
				part := strings.SplitN(line, "|", 3)
				r.want(fmt.Sprintf("SELECT name FROM history.%s WHERE (id, version) = (%s, %s)", table, part[0], part[1]), part[2])
			}
			r.want("SELECT name FROM history." + table + " WHERE (id, version) = (1, 99)")
		}
		// By name: bars that are called as a foo is, at the end of that version.
		const same = "SELECT b.id FROM history.foos AS h JOIN LATERAL asof.bars(h.valid_to - interval '1 microsecond') AS b ON b.%s WHERE (h.id, h.version) = (1, %d)"
		for version, want := range map[int][2][]string{1: {nil, nil}, 2: {{"1"}, {"1"}}, 3: {{"1"}, nil}} {
			r.want(fmt.Sprintf(same, "foo_id = h.id", version), want[0]...)
			r.want(fmt.Sprintf(same, "name = h.name", version), want[1]...)
		}
		r.everywhere(func(v view) {
			var want []string
			foo, bar := r.nameOf("foos", 1, v.moment), r.nameOf("bars", 1, v.moment)
			if foo != "" && foo == bar {
				want = []string{foo}
			}
			v.wants(want, "SELECT f.name FROM foos AS f JOIN bars AS b ON b.name = f.name")
		})
	})

	t.Run("temporal-136 history cannot be deleted from, nor the past", func(t *testing.T) {
		r := r.in(t)
		for _, table := range append(trackedTables, "boos_moos") {
			before := r.rows("SELECT * FROM history." + table + " ORDER BY 1, 2, version")
			r.refused("55000", "DELETE FROM history."+table)
			r.refused("YO001", "TRUNCATE temporal."+table+"_past")
			if len(r.rows("SELECT FROM temporal."+table+"_past")) > 0 { // refused row by row
				r.refused("YO001", "DELETE FROM temporal."+table+"_past")
			}
			r.want("SELECT * FROM history."+table+" ORDER BY 1, 2, version", before...)
		}
		pgtest.Clean(t, r.db)
	})

	t.Run("temporal-137 the current version from the row, from then, and from history", func(t *testing.T) {
		r := r.in(t)
		const current = "new foo|3"
		r.want("SELECT h.name, h.version FROM foos AS f JOIN history.foos AS h ON h.id = f.id AND h.valid_to IS NULL WHERE f.id = 1", current)
		r.want("SELECT DISTINCT c.name, c.version FROM history.foos AS h JOIN history.foos AS c ON c.id = h.id AND c.valid_to IS NULL WHERE h.id = 1", current)
		r.everywhere(func(v view) {
			for _, row := range r.rowsOf("foos", v.moment) {
				v.wants([]string{r.name(row, v.moment) + "|" + r.name(row, "n1")}, "SELECT f.name, c.name FROM foos AS f JOIN history.foos AS c ON c.id = f.id AND c.valid_to IS NULL WHERE f.id = $1::bigint", row.id)
				v.wants([]string{r.name(row, v.moment) + "|" + r.name(row, "n1")}, "SELECT f.name, c.name FROM foos AS f JOIN asof.foos(NULL) AS c ON c.id = f.id WHERE f.id = $1::bigint", row.id)
			}
		})
		// Of a row that is deleted there is none.
		r.exec("INSERT INTO noos (id, name) VALUES (9, 'gone')", "DELETE FROM noos WHERE id = 9")
		r.want("SELECT h.version, c.version FROM history.noos AS h LEFT JOIN history.noos AS c ON c.id = h.id AND c.valid_to IS NULL WHERE h.id = 9 ORDER BY 1", "1|∅", "2|∅")
	})

	t.Run("temporal-138 whether rows are of the present is told by the session, of history by the version", func(t *testing.T) {
		r := r.in(t)
		const past = "SELECT coalesce(current_setting('yore.as_of', true), '') <> ''"
		for _, mode := range execModes {
			conn := r.connect(mode)
			for _, moment := range r.moments {
				r.asOfBy(conn, r.at[moment], func(tx pgx.Tx) { view{r, tx, moment, mode.String()}.wants([]string{"true"}, past) })
				if got := read(t, conn, past); !slices.Equal(got, []string{"false"}) {
					t.Errorf("afterwards: %q", got)
				}
			}
			r.asOfBy(conn, time.Time{}, func(tx pgx.Tx) { view{r, tx, "present", mode.String()}.wants([]string{"false"}, past) })
		}
		r.want("SELECT version, valid_to IS NOT NULL FROM history.foos WHERE id = 1 ORDER BY 1", "1|t", "2|t", "3|f")
	})

	t.Run("temporal-139 the times of a version, and of the session, whatever its zone; a row of the present has none", func(t *testing.T) {
		r := r.in(t)
		for _, mode := range execModes {
			conn := r.connect(mode)
			for _, zone := range []string{"UTC", "Asia/Tokyo", "America/St_Johns"} {
				if _, err := conn.Exec(t.Context(), "SET timezone = '"+zone+"'"); err != nil {
					t.Fatal(err)
				}
				for _, row := range toldRows {
					for i, value := range row.values {
						if row.table == "bazs" {
							continue
						}
						var from time.Time
						var to *time.Time
						err := conn.QueryRow(t.Context(), "SELECT valid_from, valid_to FROM history."+row.table+" WHERE (id, version) = ($1::bigint, $2::bigint)", row.id, i+1).Scan(&from, &to)
						if err != nil {
							t.Fatal(err)
						}
						moment := slices.Index(r.moments, value[0])
						if from.After(r.at[value[0]]) || !from.After(r.at[r.moments[moment-1]]) {
							t.Errorf("%s %d began at %s, not just before %s", row.table, row.id, from, value[0])
						}
						if open := i == len(row.values)-1; open != (to == nil) {
							t.Errorf("%s %d ended at %v", row.table, row.id, to)
						}
						if to != nil {
							if next := r.at[row.values[i+1][0]]; to.After(next) || !to.After(r.at[r.moments[slices.Index(r.moments, row.values[i+1][0])-1]]) {
								t.Errorf("%s %d ended at %s, not just before %s", row.table, row.id, to, row.values[i+1][0])
							}
						}
					}
				}
				for _, moment := range r.moments {
					r.asOfBy(conn, r.at[moment], func(tx pgx.Tx) {
						got := read(t, tx, "SELECT current_setting('yore.as_of')")[0]
						if at, err := time.Parse("2006-01-02 15:04:05Z07", got); err != nil || !at.Equal(r.at[moment]) || !strings.HasSuffix(got, "+00") {
							t.Errorf("%s, %s: the session's time is %s, %v", zone, moment, got, err)
						}
					})
				}
			}
			for _, column := range []string{"valid_from", "valid_to", "version", "sys_from"} {
				if _, err := conn.Exec(t.Context(), "SELECT "+column+" FROM foos"); sqlState(err) != "42703" {
					t.Errorf("%s of the present: %v", column, err)
				}
				err := yore.AsOf(t.Context(), conn, r.at["f1"], func(tx pgx.Tx) error {
					_, err := tx.Exec(t.Context(), "SELECT "+column+" FROM foos")
					return err
				})
				if sqlState(err) != "42703" {
					t.Errorf("%s as of then: %v", column, err)
				}
			}
		}
	})

	t.Run("temporal-140 in batches, every row once", func(t *testing.T) {
		r := r.in(t)
		all := versionsOf("bars")
		for size := 1; size <= len(all)+1; size++ {
			var got []string
			id, version := "0", "0"
			for {
				batch := r.rows(fmt.Sprintf("SELECT id, version, name FROM history.bars WHERE (id, version) > (%s, %s) ORDER BY id, version LIMIT %d", id, version, size))
				got = append(got, batch...)
				if len(batch) < size {
					break
				}
				part := strings.SplitN(batch[len(batch)-1], "|", 3)
				id, version = part[0], part[1]
			}
			if !slices.Equal(got, all) {
				t.Errorf("by %d: %q, not %q", size, got, all)
			}
		}
		r.everywhere(func(v view) {
			want := r.lines(r.rowsOf("foos", v.moment), v.moment)
			for size := 1; size <= 2; size++ {
				var got []string
				last := 0
				for {
					batch := read(t, v.tx, "SELECT id, name FROM foos WHERE id > $1::bigint ORDER BY id LIMIT $2::bigint", last, size)
					got = append(got, batch...)
					if len(batch) < size {
						break
					}
					if _, err := fmt.Sscan(strings.SplitN(batch[len(batch)-1], "|", 2)[0], &last); err != nil {
						t.Fatal(err)
					}
				}
				if !slices.Equal(got, want) {
					t.Errorf("as of %s, %s, by %d: %q, not %q", v.moment, v.mode, size, got, want)
				}
			}
			// And by a cursor.
			if _, err := v.tx.Exec(t.Context(), "DECLARE c CURSOR FOR SELECT id, name FROM foos ORDER BY id"); err != nil {
				t.Fatal(err)
			}
			for _, line := range want {
				v.wants([]string{line}, "FETCH 1 FROM c")
			}
			v.wants(nil, "FETCH 1 FROM c")
		})
	})
}

// temporal-130: a parent and its child that one transaction changed: the first
// version of the parent has the old child at its end.
func TestBehaviourReadingTogether(t *testing.T) {
	r := newReading(t)
	r.exec("INSERT INTO foos (id, name) VALUES (10, 'old foo')", "INSERT INTO bars (id, name, foo_id) VALUES (10, 'old bar', 10)")
	const ends = `SELECT h.version, h.name, b.name FROM history.foos AS h LEFT JOIN LATERAL asof.bars(h.valid_to - interval '1 microsecond') AS b ON b.foo_id = h.id WHERE h.id = 10 ORDER BY 1`
	for i, both := range [][]string{
		{"UPDATE foos SET name = 'foo 1' WHERE id = 10", "UPDATE bars SET name = 'bar 1' WHERE id = 10"},
		{"UPDATE bars SET name = 'bar 2' WHERE id = 10", "UPDATE foos SET name = 'foo 2' WHERE id = 10"}, // whichever comes first
	} {
		s := r.session()
		s.exec(append(append([]string{"BEGIN"}, both...), "COMMIT")...)
		want := []string{"1|old foo|old bar", "2|foo 1|bar 1", "3|foo 2|bar 2"}[:i+2]
		r.want(ends, want...)
		// One time for both: no moment at which one has changed and the other not.
		r.want(fmt.Sprintf("SELECT f.valid_from = b.valid_from FROM history.foos AS f JOIN history.bars AS b ON b.id = f.id AND b.version = f.version WHERE f.id = 10 AND f.version = %d", i+2), "t")
	}
	for version := 1; version <= 3; version++ {
		for _, edge := range []string{"valid_from", "valid_to - interval '1 microsecond'"} {
			at := r.value(fmt.Sprintf("SELECT coalesce(%s, 'infinity') FROM history.foos WHERE (id, version) = (10, %d)", edge, version))
			bar := []string{"old bar", "bar 1", "bar 2"}[version-1]
			if version == 1 && edge == "valid_from" {
				r.wantAsOf(at, "SELECT name FROM bars WHERE foo_id = 10") // not yet there
				continue
			}
			r.wantAsOf(at, "SELECT b.name FROM foos AS f JOIN bars AS b ON b.foo_id = f.id WHERE f.id = 10", bar)
		}
	}
	// temporal-134: the order is total, where times are the same.
	r.exec("BEGIN; UPDATE foos SET name = name || '!'; COMMIT")
	r.want("SELECT count(DISTINCT valid_from), count(*) FROM history.foos WHERE valid_to IS NULL", "1|4")
	r.want("SELECT id FROM history.foos WHERE valid_to IS NULL ORDER BY valid_from, id, version", "1", "2", "3", "10")
}

// temporal-128, temporal-135: what was found through history can be changed: what
// it is related to, and the row itself, in the present. A stored version can be
// amended where the table is immutable and allows it, that version alone; a
// temporal table's cannot.
func TestBehaviourReadingAmend(t *testing.T) {
	t.Run("temporal-128 a temporal table's present, found through history", func(t *testing.T) {
		r := newReading(t)
		r.exec("UPDATE foos AS f SET name = h.name FROM history.foos AS h WHERE h.id = f.id AND (h.id, h.version) = (1, 1)", // put back
			"UPDATE bars AS b SET name = 'of an old foo' FROM history.foos AS h WHERE b.foo_id = h.id AND h.name = 'foo bar'")
		r.want("SELECT f.name, b.name FROM foos AS f JOIN bars AS b ON b.foo_id = f.id WHERE f.id = 1", "foo|of an old foo")
		r.want("SELECT version, name FROM history.foos WHERE id = 1 ORDER BY 1", "1|foo", "2|foo bar", "3|new foo", "4|foo")
		r.refused("55000", "UPDATE history.foos SET name = 'x' WHERE id = 1")
		r.refused("YO001", "UPDATE temporal.foos_past SET name = 'x' WHERE id = 1")
		pgtest.Clean(t, r.db)
	})
	t.Run("temporal-135 an immutable table's versions, each by itself", func(t *testing.T) {
		l := chequered(t, ", allow_updates => true")
		for _, version := range []string{"1", "2", "4", "5"} {
			before := l.rows("SELECT version, name, n, valid_from, valid_to, xid FROM history.t WHERE version <> " + version + " ORDER BY 1")
			period := l.value("SELECT valid_from, valid_to, xid FROM history.t WHERE version = " + version)
			if n := l.affected("UPDATE history.t SET name = 'amended " + version + "' WHERE version = " + version); n != 1 {
				t.Errorf("%d rows", n)
			}
			l.want("SELECT name FROM history.t WHERE version = "+version, "amended "+version)
			l.want("SELECT version, name, n, valid_from, valid_to, xid FROM history.t WHERE version <> "+version+" ORDER BY 1", before...)
			l.want("SELECT valid_from, valid_to, xid FROM history.t WHERE version = "+version, period)
		}
		l.want("SELECT name, version FROM t", "amended 5|5")
		l.want("SELECT version FROM temporal.t_amendments ORDER BY version", "1", "2", "4", "5")
		pgtest.Clean(t, l.db)
	})
	t.Run("temporal-141 a version's period is not amended, so that none can overlap", func(t *testing.T) {
		l := chequered(t, ", allow_updates => true, allow_deletes => true")
		before := l.rows("SELECT * FROM history.t ORDER BY version")
		for _, change := range []string{
			"valid_from = valid_from - interval '1 hour'", "valid_from = valid_from + interval '1 microsecond'", "valid_to = valid_to + interval '1 hour'",
			"valid_to = valid_to - interval '1 microsecond'", "valid_to = NULL", "valid_from = '2001-01-01', valid_to = '2002-01-01'",
		} {
			for _, version := range []string{"1", "2", "4"} {
				refuses(t, l.db, "UPDATE history.t SET "+change+" WHERE version = "+version, "YO018", "version data", one)
			}
		}
		l.want("SELECT * FROM history.t ORDER BY version", before...)
		pgtest.Clean(t, l.db)
	})
}

// temporal-102, temporal-104: an error inside AsOf is what it was, and the
// connection is in the present again.
func TestBehaviourReadingErrors(t *testing.T) {
	r := newReading(t)
	for _, mode := range execModes {
		conn := r.connect(mode)
		var name string
		err := yore.AsOf(t.Context(), conn, r.at["start"], func(tx pgx.Tx) error {
			return tx.QueryRow(t.Context(), "SELECT name FROM foos WHERE id = 1").Scan(&name)
		})
		if !errors.Is(err, pgx.ErrNoRows) {
			t.Errorf("%s: %v", mode, err)
		}
		err = yore.AsOf(t.Context(), conn, r.at["f1"], func(tx pgx.Tx) error {
			_, err := tx.Exec(t.Context(), "SELECT name FROM public.foos")
			return err
		})
		if !errors.Is(yore.Explain(err), yore.ErrPresent) {
			t.Errorf("%s: %v", mode, err)
		}
		if got := read(t, conn, "SELECT name FROM foos WHERE id = 1"); !slices.Equal(got, []string{"new foo"}) {
			t.Errorf("%s: afterwards %q", mode, got)
		}
	}
}

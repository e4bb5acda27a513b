package sql_test

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"yore.example/yore/yoretest"
)

// The events of temporal-156 to 161, days relative to today with the end
// excluded, and what has no period: as a range of each type, and as two columns.
const eventsTable = `
	CREATE TABLE events (id int PRIMARY KEY, name text, days daterange, local tsrange, held tstzrange, starts date, ends date, starts_at timestamptz, ends_at timestamptz);
	SELECT yore.track('events');
	INSERT INTO events
	SELECT id, name, daterange(f, t), tsrange(f, t), tstzrange(f, t), f, t, f, t
	  FROM (VALUES (1, 'think', -15, -13), (2, 'plan', -14, -12), (3, 'collect', -12, -10), (4, 'start', -8, -7), (5, 'build', -7, -1)) AS e (id, name, a, b),
	       LATERAL (SELECT current_date + e.a, current_date + e.b) AS d (f, t);
	INSERT INTO events
	SELECT 6, 'profit', daterange(f, t), tsrange(f, t), tstzrange(f, t), f, t, f, t FROM (SELECT current_date + 1, (current_date + interval '1 year')::date) AS d (f, t);
	INSERT INTO events (id, name, days, local, held, starts, ends, starts_at, ends_at)
	SELECT 7, 'never', 'empty', 'empty', 'empty', d, d, d, d FROM (SELECT current_date - 14 AS d) AS x;
	INSERT INTO events (id, name) VALUES (8, 'unknown');`

// A question of time, in the forms that plain SQL has for it. {p} is the range, its
// type's constructor is {range}, {from} and {to} are two columns, {type} the type
// of a time; {a} and {b} are the times.
type question struct{ ofRange, ofColumns string }

var (
	// temporal-156: what contains a time.
	atPoint = question{"{p} @> {a}", "{from} <= {a} AND {a} < {to}"}
	// temporal-157: what has a part of [a, b); if they are equal, of that time.
	atRange = question{"{p} && {range}({a}, {b}, CASE WHEN {a} = {b} THEN '[]' ELSE '[)' END)",
		"{from} < {to} AND CASE WHEN {a} = {b} THEN {from} <= {a} AND {a} < {to} ELSE {from} < {b} AND {a} < {to} END"}
	// temporal-158: what has a part before a time; what was over by then.
	beforeInclusive = question{"{p} && {range}(NULL, {a})", "{from} < {to} AND {from} < {a}"}
	beforeExclusive = question{"{p} << {range}({a}, NULL)", "{from} < {to} AND {to} <= {a}"}
	// temporal-159: what has a part from then on; what began then or later.
	afterInclusive = question{"{p} && {range}({a}, NULL)", "{from} < {to} AND {to} > {a}"}
	afterExclusive = question{"{p} >> {range}(NULL, {a})", "{from} < {to} AND {from} >= {a}"}
)

// temporal-160: what does not; an empty or unknown period neither does nor does not.
func not(q question) question {
	return question{"NOT isempty({p}) AND NOT (" + q.ofRange + ")", "{from} < {to} AND NOT (" + q.ofColumns + ")"}
}

// forms are the question's conditions for every kind of period in events. A day
// is a parameter or, as text in parentheses, what the server's clock says.
func (q question) forms(a, b string) map[string]string {
	forms := map[string]string{}
	form := func(condition, kind, period, from, to, constructor, typ string) {
		of := func(time string) string {
			if strings.HasPrefix(time, "(") {
				return "(" + time + "::" + typ + ")"
			}
			return "(current_date + " + time + "::int)::" + typ
		}
		forms[kind] = strings.NewReplacer("{p}", period, "{range}", constructor, "{from}", from, "{to}", to, "{a}", of(a), "{b}", of(b)).Replace(condition)
	}
	form(q.ofRange, "daterange", "days", "", "", "daterange", "date")
	form(q.ofRange, "tsrange", "local", "", "", "tsrange", "timestamp")
	form(q.ofRange, "tstzrange", "held", "", "", "tstzrange", "timestamptz")
	form(q.ofColumns, "two dates", "", "starts", "ends", "", "date")
	form(q.ofColumns, "two times", "", "starts_at", "ends_at", "", "timestamptz")
	return forms
}

func TestBehaviourReadingPeriods(t *testing.T) {
	l := newLab(t)
	l.exec("ALTER DATABASE " + l.pool.Config().ConnConfig.Database + " SET TimeZone = 'UTC'")
	r := &reading{lab: l, dsn: l.pool.Config().ConnString()}
	setup := r.connect(pgx.QueryExecModeSimpleProtocol)
	if _, err := setup.Exec(t.Context(), eventsTable); err != nil {
		t.Fatal(err)
	}
	told := yoretest.Now(t, l.pool)
	// What comes later is not seen as of then.
	l.exec("UPDATE events SET days = NULL, local = NULL, held = NULL, starts = NULL, ends = NULL, starts_at = NULL, ends_at = NULL WHERE id < 4", "DELETE FROM events WHERE id >= 4")

	const (
		now   = "(clock_timestamp())"
		today = "(current_date)"
		month = "31"
	)
	all := []string{"think", "plan", "collect", "start", "build", "profit"}
	for _, c := range []struct {
		name string
		q    question
		a, b string
		want []string
	}{
		{"156 none", atPoint, "-10", "", nil},
		{"156 one", atPoint, "-15", "", []string{"think"}},
		{"156 two", atPoint, "-14", "", []string{"think", "plan"}},
		{"156 the end is out", atPoint, "-13", "", []string{"plan"}},
		{"156 where one ends and one begins", atPoint, "-12", "", []string{"collect"}},
		{"156 and again", atPoint, "-7", "", []string{"build"}},
		{"156 hole", atPoint, "-9", "", nil},
		{"156 before all", atPoint, "-16", "", nil},
		{"156 today", atPoint, "0", "", nil},
		{"156 today, by the server", atPoint, today, "", nil},
		{"156 now, by the server", atPoint, now, "", nil},
		{"156 tomorrow", atPoint, "1", "", []string{"profit"}},
		{"156 in two years", atPoint, "730", "", nil},
		{"157 empty, as a point", atRange, "-14", "-14", []string{"think", "plan"}},
		{"157 empty, in a hole", atRange, "-10", "-10", nil},
		{"157 none", atRange, "-10", "-8", nil},
		{"157 one", atRange, "-8", "-7", []string{"start"}},
		{"157 many", atRange, "-16", "-11", []string{"think", "plan", "collect"}},
		{"157 edge and hole", atRange, "-10", "-7", []string{"start"}},
		{"157 up to today", atRange, "-2", today, []string{"build"}},
		{"157 all", atRange, "-20", "400", all},
		{"158 before", beforeInclusive, "-14", "", []string{"think"}},
		{"158 before, exclusive", beforeExclusive, "-14", "", nil},
		{"158 before the first", beforeInclusive, "-15", "", nil},
		{"158 before an end, exclusive", beforeExclusive, "-13", "", []string{"think"}},
		{"158 before -11", beforeInclusive, "-11", "", []string{"think", "plan", "collect"}},
		{"158 before -11, exclusive", beforeExclusive, "-11", "", []string{"think", "plan"}},
		{"158 before -8", beforeInclusive, "-8", "", []string{"think", "plan", "collect"}},
		{"158 before today", beforeInclusive, today, "", all[:5]},
		{"158 before now, exclusive", beforeExclusive, now, "", all[:5]},
		{"158 before two years from now", beforeInclusive, "730", "", all},
		{"159 after -10", afterInclusive, "-10", "", []string{"start", "build", "profit"}},
		{"159 after -10, exclusive", afterExclusive, "-10", "", []string{"start", "build", "profit"}},
		{"159 after -8", afterInclusive, "-8", "", []string{"start", "build", "profit"}},
		{"159 after -7, exclusive", afterExclusive, "-7", "", []string{"build", "profit"}},
		{"159 after -6, inclusive", afterInclusive, "-6", "", []string{"build", "profit"}},
		{"159 after -6, exclusive", afterExclusive, "-6", "", []string{"profit"}},
		{"159 after today", afterInclusive, today, "", []string{"profit"}},
		{"159 after a month", afterInclusive, month, "", []string{"profit"}},
		{"159 after a month, exclusive", afterExclusive, month, "", nil},
		{"159 after two years", afterInclusive, "730", "", nil},
		{"160 not at -8", not(atPoint), "-8", "", []string{"think", "plan", "collect", "build", "profit"}},
		{"160 not at today", not(atPoint), today, "", all},
		{"160 not over a range", not(atRange), "-16", "-11", []string{"start", "build", "profit"}},
		{"160 not over a point", not(atRange), "-14", "-14", all[2:]},
		{"160 not before, exclusive", not(beforeExclusive), "-11", "", []string{"collect", "start", "build", "profit"}},
		{"160 not after, exclusive", not(afterExclusive), "-6", "", all[:5]},
	} {
		for kind, condition := range c.q.forms(c.a, cmp.Or(c.b, "0")) {
			query := "SELECT name FROM events WHERE " + condition + " ORDER BY id"
			for _, mode := range execModes[3:] { // no parameters: prepared or not
				r.asOfBy(r.pool, told, func(tx pgx.Tx) {
					if got := read(t, tx, query, mode); !slices.Equal(got, c.want) {
						t.Errorf("temporal-%s, %s, %s: %s\n got %q\nwant %q", c.name, kind, mode, query, got, c.want)
					}
				})
			}
			l.want(query) // the present has none of them
		}
	}

	// The same with the time as a parameter, in every mode.
	for _, mode := range execModes {
		conn := r.connect(mode)
		var day time.Time
		if err := conn.QueryRow(t.Context(), "SELECT current_date::timestamptz").Scan(&day); err != nil {
			t.Fatal(err)
		}
		for back, want := range map[int][]string{-15: {"think"}, -14: {"think", "plan"}, -10: nil, -8: {"start"}} {
			at := day.AddDate(0, 0, back)
			r.asOfBy(conn, told, func(tx pgx.Tx) {
				v := view{r, tx, fmt.Sprint(back), mode.String()}
				v.wants(want, "SELECT name FROM events WHERE held @> $1::timestamptz ORDER BY id", at)
				v.wants(want, "SELECT name FROM events WHERE held && tstzrange($1::timestamptz, $1::timestamptz, '[]') ORDER BY id", at)
				v.wants(want, "SELECT name FROM events WHERE starts_at <= $1::timestamptz AND ends_at > $1::timestamptz ORDER BY id", at)
				v.wants(want, "SELECT name FROM events WHERE days @> $1::date ORDER BY id", at)
			})
		}
	}
}

// temporal-161: versions by their own period, whose open end is NULL.
func TestBehaviourReadingVersionPeriods(t *testing.T) {
	r := newReading(t)
	for condition, want := range map[string]string{
		"valid_to IS NULL OR valid_to > now()": "3", // after now, inclusive
		"valid_from >= now()":                  "0", // exclusive
		"valid_from < now()":                   "5", // before now, inclusive
		"valid_to <= now()":                    "2", // exclusive: the past
		"tstzrange(valid_from, valid_to) && tstzrange(now(), NULL)": "3",
		"tstzrange(valid_from, valid_to) >> tstzrange(NULL, now())": "0",
		"tstzrange(valid_from, valid_to) && tstzrange(NULL, now())": "5",
		"tstzrange(valid_from, valid_to) << tstzrange(now(), NULL)": "2",
		"valid_to IS NOT NULL": "2",
	} {
		r.want("SELECT count(*) FROM history.foos WHERE "+condition, want)
		// History is the same wherever it is asked from.
		for _, moment := range []string{"start", "f1", "n1"} {
			r.asOfBy(r.pool, r.at[moment], func(tx pgx.Tx) {
				view{r, tx, moment, "pool"}.wants([]string{want}, "SELECT count(*) FROM history.foos WHERE "+condition)
			})
		}
	}
	// A tombstone's period is empty: as a range it is in none.
	r.exec("DELETE FROM noos WHERE id = 2")
	r.want("SELECT version, isempty(tstzrange(valid_from, valid_to)) FROM history.noos WHERE id = 2 ORDER BY 1", "1|f", "2|t")
	r.want("SELECT version FROM history.noos WHERE id = 2 AND tstzrange(valid_from, valid_to) && tstzrange(NULL, now())", "1")
	// At every moment, the versions whose period contains it are the rows as of it.
	conn := r.connect(pgx.QueryExecModeCacheStatement)
	for _, moment := range r.moments {
		for _, table := range trackedTables {
			var names []string
			r.asOfBy(conn, r.at[moment], func(tx pgx.Tx) { names = read(t, tx, "SELECT id, name FROM "+table+" ORDER BY id") })
			versions := read(t, conn, "SELECT id, name FROM history."+table+" WHERE tstzrange(valid_from, valid_to) @> $1::timestamptz ORDER BY id", r.at[moment])
			if !slices.Equal(versions, names) {
				t.Errorf("%s at %s: versions %q, rows %q", table, moment, versions, names)
			}
		}
	}
}

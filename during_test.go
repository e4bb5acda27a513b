package yore_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"yore.example/yore"
	"yore.example/yore/internal/pgtest"
)

type event struct {
	Name string `db:"name,key"`
}

var events = yore.Temporal[event]("events")

// The events of temporal-156 to 161: days relative to today, the end excluded,
// in a range of each type and as two columns of each type.
var eventTables = []string{
	`CREATE TABLE events (name text PRIMARY KEY, days daterange, local tsrange, held tstzrange, from_day date, to_day date, from_time timestamptz, to_time timestamptz)`,
	`CREATE INDEX ON events USING gist (held)`,
	`SELECT yore.track('events')`,
	`INSERT INTO events
	 SELECT e.name, daterange(f, t), tsrange(f::timestamp, t::timestamp), tstzrange(f::timestamptz, t::timestamptz), f, t, f::timestamptz, t::timestamptz
	   FROM (VALUES ('think', -15, -13), ('plan', -14, -12), ('collect', -12, -10), ('start', -8, -7), ('build', -7, -1)) AS e (name, a, b),
	        LATERAL (SELECT current_date + e.a, current_date + e.b) AS d (f, t)
	 UNION ALL
	 SELECT 'profit', daterange(f, t), tsrange(f::timestamp, t::timestamp), tstzrange(f::timestamptz, t::timestamptz), f, t, f::timestamptz, t::timestamptz
	   FROM (SELECT current_date + 1, (current_date + interval '1 year')::date) AS d (f, t)`,
	`INSERT INTO events (name, days, local, held) VALUES ('never', 'empty', 'empty', 'empty'), ('unknown', NULL, NULL, NULL)`,
	`INSERT INTO events (name, from_day, to_day, from_time, to_time) SELECT 'nothing', d, d, d, d FROM (SELECT current_date - 14 AS d) AS x`,
}

// temporal-156 to 160, for every type of range and period, through every handle.
func TestDuring(t *testing.T) {
	t.Parallel()
	dsn := pgtest.DSN(t)
	db := pgtest.Connect(t, dsn)
	pgtest.Exec(t, db, "ALTER DATABASE "+db.Config().ConnConfig.Database+" SET TimeZone = 'UTC'")
	db = pgtest.Connect(t, dsn) // sessions begun from here on
	pgtest.Exec(t, db, eventTables...)
	var today time.Time
	if err := db.QueryRow(t.Context(), "SELECT current_date::timestamptz").Scan(&today); err != nil {
		t.Fatal(err)
	}
	day := func(n int) time.Time { return today.AddDate(0, 0, n) }
	month := today.AddDate(0, 1, 0)
	all := []string{"think", "plan", "collect", "start", "build", "profit"}
	for what, test := range map[string]struct {
		p    yore.TimePredicate
		want []string
	}{
		// temporal-156
		"none":                {yore.At(day(-10)), nil},
		"one":                 {yore.At(day(-15)), []string{"think"}},
		"two":                 {yore.At(day(-14)), []string{"think", "plan"}},
		"the end is out":      {yore.At(day(-13)), []string{"plan"}},
		"hole":                {yore.At(day(-9)), nil},
		"today":               {yore.At(today), nil},
		"today, the server's": {yore.At(yore.Today), nil},
		"now, the server's":   {yore.At(yore.Now), nil},
		"far future":          {yore.At(month), []string{"profit"}},
		// temporal-157
		"empty range":     {yore.Over(day(-14), day(-14)), []string{"think", "plan"}},
		"range, none":     {yore.Over(day(-10), day(-8)), nil},
		"range, one":      {yore.Over(day(-8), day(-7)), []string{"start"}},
		"range, many":     {yore.Over(day(-16), day(-11)), []string{"think", "plan", "collect"}},
		"edge and hole":   {yore.Over(day(-10), day(-7)), []string{"start"}},
		"open beginning":  {yore.Over(time.Time{}, day(-14)), []string{"think"}},
		"open end":        {yore.Over(day(-7), time.Time{}), []string{"build", "profit"}},
		"open everywhere": {yore.Over(time.Time{}, time.Time{}), all},
		// temporal-158
		"before":                {yore.Before(day(-14)), []string{"think"}},
		"before, exclusive":     {yore.Before(day(-14)).Exclusive(), nil},
		"before -13, exclusive": {yore.Before(day(-13)).Exclusive(), []string{"think"}},
		"before -11":            {yore.Before(day(-11)), []string{"think", "plan", "collect"}},
		"before -11, exclusive": {yore.Before(day(-11)).Exclusive(), []string{"think", "plan"}},
		"before -8":             {yore.Before(day(-8)), []string{"think", "plan", "collect"}},
		"before today":          {yore.Before(yore.Today), all[:5]},
		"before now, exclusive": {yore.Before(yore.Now).Exclusive(), all[:5]},
		// temporal-159
		"after -10":                {yore.After(day(-10)), []string{"start", "build", "profit"}},
		"after -10, exclusive":     {yore.After(day(-10)).Exclusive(), []string{"start", "build", "profit"}},
		"after -8":                 {yore.After(day(-8)), []string{"start", "build", "profit"}},
		"after -7, exclusive":      {yore.After(day(-7)).Exclusive(), []string{"build", "profit"}},
		"after -6, exclusive":      {yore.After(day(-6)).Exclusive(), []string{"profit"}},
		"after today":              {yore.After(yore.Today), []string{"profit"}},
		"after a month":            {yore.After(month), []string{"profit"}},
		"after a month, exclusive": {yore.After(month).Exclusive(), nil},
		"after two years":          {yore.After(today.AddDate(2, 0, 0)), nil},
		// temporal-160
		"not at -8":             {yore.Not(yore.At(day(-8))), []string{"think", "plan", "collect", "build", "profit"}},
		"not over":              {yore.Not(yore.Over(day(-16), day(-11))), []string{"start", "build", "profit"}},
		"not not":               {yore.Not(yore.Not(yore.At(day(-8)))), []string{"start"}},
		"not before, exclusive": {yore.Not(yore.Before(day(-11)).Exclusive()), []string{"collect", "start", "build", "profit"}},
	} {
		want := append([]string{}, test.want...)
		check := func(how string, q yore.Query[event], db yore.DB) {
			t.Helper()
			q = q.Where("name <> ALL ('{unknown}')").OrderBy("from_day", "name")
			if got := names(do(q.All(t.Context(), db)).ok(t), func(e event) string { return e.Name }); len(got) != len(want) || len(got) > 0 && !slices.Equal(got, want) {
				t.Errorf("%s by %s: %v, want %v", what, how, got, want)
			}
		}
		for _, column := range []string{"days", "local", "held", "events.held", `"held"`} {
			check(column, events.Current().During(column, test.p), db)
		}
		plain := events.Where("name <> 'never'")
		check("two dates", plain.DuringPeriod("from_day", "to_day", test.p), db)
		check("two times", plain.DuringPeriod("from_time", "to_time", test.p), db)
		if what == "two" || what == "now, the server's" || what == "not at -8" {
			for handle, db := range everyHandle(t, dsn) {
				check("held, "+handle, events.Current().During("held", test.p), db)
				check("two times, "+handle, plain.DuringPeriod("from_time", "to_time", test.p), db)
			}
		}
	}
	for what, q := range map[string]yore.Query[event]{
		"zero":         events.Current().During("held", yore.At(time.Time{})),
		"zero bound":   events.Current().During("held", yore.Not(yore.Before(time.Time{}))),
		"backwards":    events.Current().DuringPeriod("from_day", "to_day", yore.Over(day(2), day(1))),
		"no column":    events.Current().During("held; DROP TABLE events", yore.At(yore.Now)),
		"no column, 2": events.Current().DuringPeriod("from_day", "", yore.At(yore.Now)),
	} {
		t.Run(what, func(t *testing.T) { do(q.All(t.Context(), db)).fails(t, yore.ErrOption) })
	}
}

// A GiST index on the column is used.
func TestDuringUsesTheIndex(t *testing.T) {
	t.Parallel()
	db := pgtest.Pool(t)
	pgtest.Exec(t, db, eventTables...)
	pgtest.Exec(t, db, "INSERT INTO events (name, held) SELECT i::text, tstzrange(now() + i * interval '1 day', now() + (i + 1) * interval '1 day') FROM generate_series(1, 5000) AS i",
		"ANALYZE temporal.events")
	for _, p := range []yore.TimePredicate{yore.At(time.Now().AddDate(1, 0, 0)), yore.Before(time.Now()).Exclusive(), yore.Over(time.Now(), time.Now().AddDate(0, 0, 3))} {
		sql, args, err := events.Current().During("held", p).SQL()
		if err != nil {
			t.Fatal(err)
		}
		rows, err := db.Query(t.Context(), "EXPLAIN "+sql, args...)
		if err != nil {
			t.Fatal(err)
		}
		plan := ""
		for rows.Next() {
			var line string
			if err := rows.Scan(&line); err != nil {
				t.Fatal(err)
			}
			plan += line + "\n"
		}
		if !strings.Contains(plan, "events_held_idx") {
			t.Errorf("no index:\n%s", plan)
		}
	}
}

// temporal-161: versions by their own period.
func TestDuringOfVersions(t *testing.T) {
	t.Parallel()
	ctx, dsn, _ := withStory(t)
	db := pgtest.Connect(t, dsn)
	period := func(p yore.TimePredicate) int64 {
		return do(foos.AllVersions().DuringPeriod("valid_from", "valid_to", p).Count(ctx, db)).ok(t)
	}
	equal(t, "after now", period(yore.After(yore.Now)), int64(3))
	equal(t, "after now, exclusive", period(yore.After(yore.Now).Exclusive()), int64(0))
	equal(t, "before now", period(yore.Before(yore.Now)), int64(5))
	equal(t, "before now, exclusive: the past", period(yore.Before(yore.Now).Exclusive()), int64(2))
	// A tombstone has an empty period and is in none.
	pgtest.Exec(t, db, "DELETE FROM noos WHERE id = 2")
	q := noos.History(2).DuringPeriod("valid_from", "valid_to", yore.Before(yore.Now))
	equal(t, "deleted", do(q.Count(ctx, db)).ok(t), int64(1))
}

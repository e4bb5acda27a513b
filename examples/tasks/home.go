package main

import (
	"net/http"
	"time"

	"yore.example/yore"
)

// A tally is how many tasks have a status.
type tally struct {
	Status string
	Count  int64
}

// Label is the status as people read it.
func (t tally) Label() string { return Cell{Value: t.Status, Field: taskKind.fields[2].Field}.read() }

// A day is how many versions began on it.
type day struct {
	Day   time.Time
	Count int64
}

const chartDays = 42

// home leads to everything.
func home(p *page) error {
	open, err := tasks.Where("status IN ('pending', 'in_progress')").OrderBy("due_on").Limit(6).All(p.r.Context(), p.db)
	if err != nil {
		return err
	}
	latest, err := notes.Current().OrderBy("valid_from DESC").Limit(4).All(p.r.Context(), p.db)
	if err != nil {
		return err
	}
	events, err := everything(p, yore.ChangesOptions{NewestFirst: true, Limit: 8, To: p.until()})
	if err != nil {
		return err
	}
	return p.show(http.StatusOK, "home.html", struct {
		*page
		Open, Notes []Record
		Events      []Event
	}{p, taskKind.records(p, open), noteKind.records(p, latest), events})
}

// overview counts, which takes the longer the more there is: the start page loads
// it behind the rest.
func overview(p *page) error {
	tallies, err := yore.Select[tally](tasks.Current(), "status", "count(*)").GroupBy("status").All(p.r.Context(), p.db)
	if err != nil {
		return err
	}
	chart, err := activity(p)
	if err != nil {
		return err
	}
	return p.show(http.StatusOK, "overview.html", struct {
		*page
		Tallies []tally
		Chart   columns
	}{p, tallies, chart})
}

// activity counts the versions of each day, up to the moment that is shown.
func activity(p *page) (columns, error) {
	last := p.Moment().Truncate(24 * time.Hour)
	first := last.AddDate(0, 0, 1-chartDays)
	count := func(q yore.Selection[day]) (map[time.Time]int64, error) {
		days := map[time.Time]int64{}
		list, err := q.GroupBy("1").All(p.r.Context(), p.db)
		for _, d := range list {
			days[d.Day.UTC()] = d.Count
		}
		return days, err
	}
	const began, by = "valid_from >= $1 AND valid_from < $2", "(valid_from AT TIME ZONE 'UTC')::date AS day"
	end := p.Moment().Add(time.Microsecond)
	ofTasks, err := count(yore.Select[day](tasks.AllVersions().Where(began, first, end), by, "count(*)"))
	if err != nil {
		return columns{}, err
	}
	ofNotes, err := count(yore.Select[day](notes.AllVersions().Where(began, first, end), by, "count(*)"))
	return drawColumns(p, first, ofTasks, ofNotes), err
}

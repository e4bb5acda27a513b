package main

import (
	"fmt"
	"time"
)

// A lifeline draws when the versions of a record began, from left to right. Its
// numbers are those of an SVG viewBox, 720 wide.
type lifeline struct {
	Spans    []span
	Marks    []mark
	From, To time.Time
}

// A span is a time in which the record was there.
type span struct{ X, Width float64 }

// A mark is the beginning of a version.
type mark struct {
	X     float64
	Event Event
	Up    bool // its number stands above the line
}

// drawLife draws events, which are the newest first.
func drawLife(events []Event, now time.Time) lifeline {
	const left, right = 24, 696
	l := lifeline{From: events[len(events)-1].At, To: now}
	x := func(t time.Time) float64 {
		whole := max(l.To.Sub(l.From), time.Second)
		return left + (right-left)*float64(t.Sub(l.From))/float64(whole)
	}
	until := x(now)
	for _, e := range events {
		at := x(e.At)
		if e.What != "deleted" {
			l.Spans = append(l.Spans, span{at, until - at})
		}
		until = at
		crowded := len(l.Marks) > 0 && l.Marks[len(l.Marks)-1].X-at < 14
		l.Marks = append(l.Marks, mark{at, e, crowded && !l.Marks[len(l.Marks)-1].Up})
	}
	return l
}

// columns draw how many versions began on each day.
type columns struct {
	Bars     []bar
	From, To time.Time
}

// A bar is a day: the tasks from below, the notes on them.
type bar struct {
	X, Width, TaskY, TaskHeight, NoteY, NoteHeight float64
	Tasks, Notes                                   int64
	Link, Label                                    string
}

func drawColumns(p *page, first time.Time, ofTasks, ofNotes map[time.Time]int64) columns {
	c := columns{From: first, To: first.AddDate(0, 0, chartDays-1)}
	most := int64(1)
	for i := range chartDays {
		day := first.AddDate(0, 0, i)
		most = max(most, ofTasks[day]+ofNotes[day])
	}
	const wide, high = 720.0 / chartDays, 120.0
	scale := (high - 10) / float64(most)
	for i := range chartDays {
		day := first.AddDate(0, 0, i)
		b := bar{X: float64(i)*wide + 2, Width: wide - 4, Tasks: ofTasks[day], Notes: ofNotes[day]}
		b.TaskHeight, b.NoteHeight = scale*float64(b.Tasks), scale*float64(b.Notes)
		b.TaskY = high - b.TaskHeight
		b.NoteY = b.TaskY - b.NoteHeight
		b.Label = fmt.Sprintf("%s: %d versions of tasks, %d of notes", day.Format("Mon 2 Jan"), b.Tasks, b.Notes)
		b.Link = "/"
		if end := day.AddDate(0, 0, 1).Add(-time.Second); end.Before(p.Now) {
			b.Link = "/at/" + stamp(end) + "/"
		}
		c.Bars = append(c.Bars, b)
	}
	return c
}

// Package when reads times as people type them on a command line.
package when

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// Forms lists what Parse accepts, for help texts and errors.
const Forms = `2023-01-01, "2023-01-01 12:30", 2023-01-01T12:30:00+02:00, now, -2h or -30d`

// A Time is a moment, or how long ago one was. Whose clock "ago" means is
// decided by Resolve: the database's, as that one stamps the versions.
type Time struct {
	at       time.Time
	ago      time.Duration
	days     int
	relative bool
	forever  bool
}

// Parse reads RFC 3339; a date, with a time to the microsecond and a zone or
// without; "now"; durations such as -2h, -1h30m, -30d, -2w (ago; the sign may be
// left out). No zone means UTC.
func Parse(text string) (Time, error) {
	s := strings.TrimSpace(text)
	if strings.EqualFold(s, "now") {
		return Time{relative: true}, nil
	}
	if t, ok := parseAgo(s); ok {
		return t, nil
	}
	for _, layout := range layouts {
		if t, err := time.Parse(layout, strings.ToUpper(s)); err == nil {
			return Time{at: t.UTC()}, nil
		}
	}
	return Time{}, fmt.Errorf("%q is not a time; write it like %s", text, Forms)
}

// ParseSince is Parse for times from which something has been so: "-infinity"
// is one, too.
func ParseSince(text string) (Time, error) {
	if strings.EqualFold(strings.TrimSpace(text), "-infinity") {
		return Time{forever: true}, nil
	}
	return Parse(text)
}

// Relative reports whether Resolve needs to know what time it is.
func (t Time) Relative() bool { return t.relative }

// Forever reports whether the time is -infinity.
func (t Time) Forever() bool { return t.forever }

// Resolve returns the moment, in UTC.
func (t Time) Resolve(now time.Time) time.Time {
	if !t.relative {
		return t.at
	}
	return now.UTC().AddDate(0, 0, -t.days).Add(-t.ago)
}

var layouts = func() (all []string) {
	for _, between := range []string{" ", "T"} {
		for _, clock := range []string{"15:04", "15:04:05"} { // fractions are read after seconds, too
			for _, zone := range []string{"", "Z07:00", " Z07:00", "Z0700", "Z07"} {
				all = append(all, "2006-01-02"+between+clock+zone)
			}
		}
	}
	return append(all, "2006-01-02", "2006-01-02Z07:00")
}()

var (
	agoForm = regexp.MustCompile(`^-?((?:\d+(?:\.\d+)?(?:us|µs|ms|s|m|h|d|w))+)(?: ago)?$`)
	agoPart = regexp.MustCompile(`(\d+(?:\.\d+)?)(us|µs|ms|s|m|h|d|w)`)
)

func parseAgo(s string) (Time, bool) {
	m := agoForm.FindStringSubmatch(s)
	if m == nil {
		return Time{}, false
	}
	t := Time{relative: true}
	for _, part := range agoPart.FindAllStringSubmatch(m[1], -1) {
		perUnit := map[string]int{"d": 1, "w": 7}[part[2]]
		if perUnit == 0 {
			d, err := time.ParseDuration(part[0])
			if err != nil {
				return Time{}, false
			}
			t.ago += d
			continue
		}
		n, err := strconv.Atoi(part[1]) // whole days: half of one is 12h
		if err != nil || n > 4_000_000 {
			return Time{}, false
		}
		t.days += n * perUnit
	}
	return t, true
}

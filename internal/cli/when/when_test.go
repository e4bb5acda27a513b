package when

import (
	"strings"
	"testing"
	"time"
)

func TestParse(t *testing.T) {
	now := time.Date(2026, 3, 31, 12, 0, 0, 0, time.FixedZone("", 3600))
	for text, want := range map[string]string{
		"2023-01-01":                       "2023-01-01T00:00:00Z",
		"2023-01-01 12:30":                 "2023-01-01T12:30:00Z",
		"2023-01-01 12:30:15":              "2023-01-01T12:30:15Z",
		"2023-01-01 12:30:15.123456":       "2023-01-01T12:30:15.123456Z",
		"2023-01-01 12:30:15.5Z":           "2023-01-01T12:30:15.5Z",
		"2023-01-01 12:30+02:00":           "2023-01-01T10:30:00Z",
		"2023-01-01 12:30:15-05:30":        "2023-01-01T18:00:15Z",
		"2023-01-01 12:30:15.000001+00":    "2023-01-01T12:30:15.000001Z",
		"2023-01-01T12:30:15Z":             "2023-01-01T12:30:15Z",
		"2023-01-01t12:30:15z":             "2023-01-01T12:30:15Z",
		"2023-01-01T12:30:15.25+02:00":     "2023-01-01T10:30:15.25Z",
		"1969-12-31":                       "1969-12-31T00:00:00Z",
		"2024-02-29":                       "2024-02-29T00:00:00Z",
		" now ":                            "2026-03-31T11:00:00Z",
		"-2h":                              "2026-03-31T09:00:00Z",
		"2h":                               "2026-03-31T09:00:00Z",
		"2h ago":                           "2026-03-31T09:00:00Z",
		"-1h30m":                           "2026-03-31T09:30:00Z",
		"-30d":                             "2026-03-01T11:00:00Z",
		"-2w":                              "2026-03-17T11:00:00Z",
		"-1d2h":                            "2026-03-30T09:00:00Z",
		"2023-01-01 12:30:15.123456 +0200": "",
		"":                                 "",
		"yesterday":                        "",
		"2023":                             "",
		"2023-13-01":                       "",
		"2023-02-29":                       "",
		"2023-1-1":                         "",
		"01.02.2023":                       "",
		"2023-01-01 25:00":                 "",
		"2023-01-01 12":                    "",
		"2023-01-0l":                       "",
		"-2y":                              "",
		"-1.5d":                            "",
		"--2h":                             "",
		"2h3":                              "",
		"-99999999999d":                    "",
		"-infinity":                        "",
	} {
		got, err := Parse(text)
		switch {
		case want == "" && err == nil:
			t.Errorf("%q was read as %s", text, got.Resolve(now))
		case want == "":
			if !strings.Contains(err.Error(), "2023-01-01T12:30:00+02:00") || !strings.Contains(err.Error(), text) {
				t.Errorf("%q: the error names neither it nor examples: %v", text, err)
			}
		case err != nil:
			t.Errorf("%q: %v", text, err)
		default:
			if s := got.Resolve(now).Format(time.RFC3339Nano); s != want {
				t.Errorf("%q: got %s, want %s", text, s, want)
			}
		}
	}
}

func TestParseSince(t *testing.T) {
	forever, err := ParseSince("-infinity")
	if err != nil || !forever.Forever() {
		t.Errorf("-infinity: %v, %v", forever, err)
	}
	if other, err := ParseSince("2020-01-01"); err != nil || other.Forever() {
		t.Errorf("2020-01-01: %v, %v", other, err)
	}
}

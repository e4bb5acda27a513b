// Package demo shows yore on real data: how the names, currencies and European
// Union membership of some fifty countries changed since 1970.
package demo

import (
	"bytes"
	_ "embed" // the data
	"encoding/csv"
	"fmt"
	"strconv"
	"time"
)

// Data is what the demo loads, and the answers that it expects.
type Data struct {
	Events     []byte // date,op,code,name,currency,eu,reason; empty: unchanged
	Currencies []byte // code,name
	Expected   []byte // as_of,countries,in_eu,using_euro: from replaying the events without a database
}

// Countries returns the data that comes with the program.
func Countries() Data { return Data{eventsCSV, currenciesCSV, expectedCSV} }

var (
	//go:embed countries-events.csv
	eventsCSV []byte
	//go:embed currencies.csv
	currenciesCSV []byte
	//go:embed countries-asof.csv
	expectedCSV []byte
)

// An event is one change of one country.
type event struct {
	date                                 time.Time
	op, code, name, currency, eu, reason string
}

func (d Data) events() ([]event, error) {
	var all []event
	err := read(d.Events, 7, func(f []string) error {
		date, err := time.Parse(time.DateOnly, f[0])
		all = append(all, event{date, f[1], f[2], f[3], f[4], f[5], f[6]})
		return err
	})
	return all, err
}

func (d Data) currencyNames() (map[string]string, error) {
	names := map[string]string{}
	err := read(d.Currencies, 2, func(f []string) error {
		names[f[0]] = f[1]
		return nil
	})
	return names, err
}

// An answer is what a date is expected to show, and what it shows.
type answer struct {
	date                    time.Time
	countries, inEU, inEuro int
}

func (d Data) expected() ([]answer, error) {
	var all []answer
	err := read(d.Expected, 4, func(f []string) error {
		date, err := time.Parse(time.DateOnly, f[0])
		if err != nil {
			return err
		}
		a := answer{date: date}
		for i, to := range []*int{&a.countries, &a.inEU, &a.inEuro} {
			if *to, err = strconv.Atoi(f[i+1]); err != nil {
				return err
			}
		}
		all = append(all, a)
		return nil
	})
	return all, err
}

// read calls each for every line after the first.
func read(data []byte, fields int, each func([]string) error) error {
	r := csv.NewReader(bytes.NewReader(data))
	r.FieldsPerRecord = fields
	lines, err := r.ReadAll()
	if err != nil {
		return fmt.Errorf("demo data: %w", err)
	}
	for i, line := range lines[min(1, len(lines)):] {
		if err := each(line); err != nil {
			return fmt.Errorf("demo data, line %d: %w", i+2, err)
		}
	}
	return nil
}

package yore

import (
	"fmt"
	"strings"
	"time"
)

// An UpgradeReport says what Upgrade did.
type UpgradeReport struct {
	From   int // version of the functions before; 0 if there was no yore
	To     int // version of the functions now
	Tables []TableUpgrade
}

// A TableUpgrade says what became of a table that had triggers of an earlier
// version.
type TableUpgrade struct {
	Table    string // as yore.status shows it
	From     int    // the version that had written its triggers
	Attempts int
	Took     time.Duration // pauses included
	Err      error         // why it still has them; nil if it is done
}

// An UpgradeError says which tables Upgrade left as they were, and why. It is
// ErrUpgrade, and the errors of those tables.
type UpgradeError struct {
	Report UpgradeReport // of all tables, the finished ones too
}

// Remaining returns the tables that were left as they were.
func (e *UpgradeError) Remaining() []TableUpgrade {
	var remain []TableUpgrade
	for _, t := range e.Report.Tables {
		if t.Err != nil {
			remain = append(remain, t)
		}
	}
	return remain
}

func (e *UpgradeError) Error() string {
	remain := e.Remaining()
	var b strings.Builder
	fmt.Fprintf(&b, "yore: %d of %d tables still to be upgraded", len(remain), len(e.Report.Tables))
	for _, t := range remain {
		fmt.Fprintf(&b, "; %s: %s", t.Table, strings.TrimPrefix(t.Err.Error(), "yore: "))
	}
	return b.String()
}

// Unwrap returns ErrUpgrade and the errors of the tables.
func (e *UpgradeError) Unwrap() []error {
	errs := []error{ErrUpgrade}
	for _, t := range e.Remaining() {
		errs = append(errs, t.Err)
	}
	return errs
}

package yore

import (
	"context"
	"time"
)

// Conversion is how far ConvertPast has come.
type Conversion struct {
	Versions int64         // converted so far
	Pages    int64         // that remain, of 8 kB
	Took     time.Duration // the last batch, in which writers had to wait
}

// ConvertPast converts what AlterTable left to be converted (InBatches), batch
// after batch, each a transaction of its own in which writers wait for some
// tens of milliseconds. It goes on where an earlier call was ended, and does
// nothing where nothing is left. progress, which may be nil, is called after each
// batch.
//
// db must not be a transaction: each batch would wait for the end of all.
//
// Errors: ErrNotTracked, ErrRights; those of ctx.
func ConvertPast(ctx context.Context, db DB, table string, progress func(Conversion)) error {
	var c Conversion
	for {
		began := time.Now()
		var versions int64
		err := db.QueryRow(ctx, "SELECT converted, remaining FROM yore.convert_past($1::text)", table).Scan(&versions, &c.Pages)
		if err != nil {
			return Explain(err)
		}
		c.Versions += versions
		c.Took = time.Since(began)
		if progress != nil {
			progress(c)
		}
		if c.Pages == 0 {
			return nil
		}
	}
}

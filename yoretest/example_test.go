package yoretest_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"yore.example/yore"
	"yore.example/yore/yoretest"
)

// An exampleT stands for the *testing.T that a test has: it prints what a failing
// test would.
type exampleT struct {
	testing.TB
	cleanups []func()
}

func (t *exampleT) Helper()                   {}
func (t *exampleT) Errorf(s string, a ...any) { fmt.Printf(s+"\n", a...) }
func (t *exampleT) Fatalf(s string, a ...any) { panic(fmt.Sprintf(s, a...)) }
func (t *exampleT) Cleanup(fn func())         { t.cleanups = append(t.cleanups, fn) }
func (t *exampleT) end() {
	for i := len(t.cleanups) - 1; i >= 0; i-- {
		t.cleanups[i]()
	}
}

const schema = `
	CREATE TABLE countries (code text PRIMARY KEY, name text NOT NULL, currency text NOT NULL);
	SELECT yore.track('countries', since => '-infinity');
`

func ExamplePool() {
	t := &exampleT{} // in a test, the *testing.T
	defer t.end()

	db := yoretest.Pool(t, yoretest.Script(schema))
	_, err := db.Exec(context.Background(), "INSERT INTO countries VALUES ('HR', 'Croatia', 'kuna')")
	if err != nil {
		t.Fatalf("%v", err)
	}
	fmt.Println(yoretest.History(t, db, "countries"))
	// Output: HR v1 [t0,) name=Croatia currency=kuna
}

// A moment between two transactions, without a pause.
func ExampleNow() {
	t := &exampleT{} // in a test, the *testing.T
	defer t.end()
	db := yoretest.Pool(t, yoretest.Script(schema))

	yoretest.Past(t, db, yoretest.Step{SQL: "INSERT INTO countries VALUES ('HR', 'Croatia', 'kuna')"})
	before := yoretest.Now(t, db)
	yoretest.Past(t, db, yoretest.Step{SQL: "UPDATE countries SET currency = 'euro'"})

	for _, at := range []time.Time{before, yoretest.Now(t, db)} {
		var currency string
		err := yore.AsOf(context.Background(), db, at, func(tx pgx.Tx) error {
			return tx.QueryRow(context.Background(), "SELECT currency FROM countries").Scan(&currency)
		})
		fmt.Println(currency, err)
	}
	// Output:
	// kuna <nil>
	// euro <nil>
}

func ExampleAt() {
	t := &exampleT{} // in a test, the *testing.T
	defer t.end()
	db := yoretest.Pool(t, yoretest.Script(schema))

	yoretest.At(t, db, time.Date(2013, 7, 1, 0, 0, 0, 0, time.UTC), func(tx pgx.Tx) error {
		_, err := tx.Exec(context.Background(), "INSERT INTO countries VALUES ('HR', 'Croatia', 'kuna')")
		return err
	})
	fmt.Println(yoretest.History(t, db, "countries", "HR"))
	// Output: HR v1 [2013-07-01,) name=Croatia currency=kuna
}

func ExamplePast() {
	t := &exampleT{} // in a test, the *testing.T
	defer t.end()
	db := yoretest.Pool(t, yoretest.Script(schema))

	yoretest.Past(t, db,
		yoretest.Step{At: "2013-07-01", SQL: "INSERT INTO countries VALUES ($1, $2, $3)", Args: []any{"HR", "Croatia", "kuna"}},
		yoretest.Step{At: "2023-01-01", SQL: "UPDATE countries SET currency = 'euro' WHERE code = 'HR'"},
		yoretest.Step{SQL: "DELETE FROM countries"},
	)
	fmt.Println(yoretest.History(t, db, "countries"))
	// Output:
	// HR v1 [2013-07-01,2023-01-01) name=Croatia currency=kuna
	// HR v2 [2023-01-01,t0) currency: kuna -> euro
	// HR v3 t0 deleted
}

// How a test fails.
func ExampleEqual() {
	t := &exampleT{} // in a test, the *testing.T
	defer t.end()
	db := yoretest.Pool(t, yoretest.Script(schema))
	yoretest.Past(t, db,
		yoretest.Step{At: "2013-07-01", SQL: "INSERT INTO countries VALUES ('HR', 'Croatia', 'kuna')"},
		yoretest.Step{At: "2023-01-01", SQL: "UPDATE countries SET currency = 'euro'"},
	)

	yoretest.Equal(t, db, "countries", `
		HR v1 [2013-07-01,2023-01-01) name=Croatia currency=kuna
		HR v2 [2023-01-01,)           currency: kuna -> dollar
	`)
	// Output:
	// yoretest: history of countries (-want +got):
	//       HR v1 [2013-07-01,2023-01-01) name=Croatia currency=kuna
	//     - HR v2 [2023-01-01,) currency: kuna -> dollar
	//     + HR v2 [2023-01-01,) currency: kuna -> euro
}

// Columns that differ from run to run.
func ExampleTable() {
	t := &exampleT{} // in a test, the *testing.T
	defer t.end()
	db := yoretest.Pool(t, yoretest.Script("SELECT yore.create_immutable_table('tasks', 'title text, token uuid DEFAULT gen_random_uuid()')"))
	yoretest.Past(t, db, yoretest.Step{SQL: "INSERT INTO tasks (title) VALUES ('sweep')"}, yoretest.Step{SQL: "UPDATE tasks SET title = 'sweep all'"})

	tasks := yoretest.Table{Name: "tasks", Omit: []string{"token"}}
	fmt.Println(tasks.History(t, db))
	// Output:
	// e1 v1 [t0,t1) title=sweep
	// e1 v2 [t1,) title: sweep -> 'sweep all'
}

package sql_test

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"yore.example/yore"
)

func TestBehaviourReadingAsOf(t *testing.T) {
	r := newReading(t)

	t.Run("temporal-94 a month ago there was nothing", func(t *testing.T) {
		r := r.in(t)
		for _, mode := range execModes {
			r.asOfBy(r.connect(mode), r.at["start"].AddDate(0, -1, 0), func(tx pgx.Tx) {
				for _, table := range append(trackedTables, "boos_moos") {
					if got := read(t, tx, "SELECT * FROM "+table); len(got) > 0 {
						t.Errorf("%s, %s: %q", table, mode, got)
					}
				}
			})
		}
	})

	t.Run("temporal-95 at every moment exactly the rows that there were", func(t *testing.T) {
		r := r.in(t)
		r.everywhere(func(v view) {
			for _, table := range trackedTables {
				v.wants(r.lines(r.rowsOf(table, v.moment), v.moment), "SELECT id, name FROM "+table+" ORDER BY id")
			}
			links := []string{"0"}
			if !r.at[v.moment].Before(r.at["links"]) {
				links = []string{"4"}
			}
			v.wants(links, "SELECT count(*) FROM boos_moos")
		})
	})

	t.Run("temporal-96 as of now the rows are those of the present", func(t *testing.T) {
		r := r.in(t)
		for _, mode := range execModes {
			conn := r.connect(mode)
			for name, at := range map[string]time.Time{"now": time.Now().Add(time.Minute), "zero": {}, "n1": r.at["n1"]} {
				for _, table := range append(trackedTables, "boos_moos", "bazs") {
					present := read(t, conn, "SELECT * FROM "+table+" ORDER BY 1, 2")
					r.asOfBy(conn, at, func(tx pgx.Tx) {
						if got := read(t, tx, "SELECT * FROM "+table+" ORDER BY 1, 2"); !slices.Equal(got, present) || len(got) == 0 {
							t.Errorf("%s as of %s, %s: %q, not %q", table, name, mode, got, present)
						}
					})
				}
			}
		}
	})

	t.Run("temporal-97 rows are of the table's own type", func(t *testing.T) {
		r := r.in(t)
		columns := func(db yore.DB, table string) (all []string) {
			rows, err := db.Query(t.Context(), "SELECT * FROM "+table)
			if err != nil {
				t.Fatal(err)
			}
			defer rows.Close()
			for _, f := range rows.FieldDescriptions() {
				all = append(all, fmt.Sprint(f.Name, f.DataTypeOID, f.TypeModifier))
			}
			return all
		}
		for _, table := range append(trackedTables, "boos_moos") {
			present := columns(r.pool, table)
			r.asOfBy(r.pool, r.at["f1"], func(tx pgx.Tx) {
				if got := columns(tx, table); !slices.Equal(got, present) {
					t.Errorf("%s has columns %q, in the present %q", table, got, present)
				}
			})
			r.want("SELECT DISTINCT pg_typeof(x) FROM asof."+table+"('infinity') AS x", table)
		}
		// One struct takes both.
		type bar struct {
			ID    int64
			Name  string
			FooID *int64
		}
		r.everywhere(func(v view) {
			rows, err := v.tx.Query(t.Context(), "SELECT * FROM bars WHERE id = 1")
			if err != nil {
				t.Fatal(err)
			}
			got, err := pgx.CollectRows(rows, pgx.RowToStructByName[bar])
			if err != nil {
				t.Fatal(err)
			}
			if name := r.nameOf("bars", 1, v.moment); name == "" && len(got) > 0 || name != "" && (len(got) != 1 || got[0].Name != name || *got[0].FooID != 1) {
				t.Errorf("as of %s, %s: %v", v.moment, v.mode, got)
			}
		})
	})

	t.Run("temporal-98, temporal-102, temporal-104 each row has the name that it had, or is not found", func(t *testing.T) {
		r := r.in(t)
		r.everywhere(func(v view) {
			for _, row := range toldRows {
				var name string
				err := v.tx.QueryRow(t.Context(), "SELECT name FROM "+row.table+" WHERE id = $1::bigint", row.id).Scan(&name)
				if want := r.name(row, v.moment); want == "" && !errors.Is(err, pgx.ErrNoRows) || want != "" && (err != nil || name != want) {
					t.Errorf("%s %d as of %s, %s: %q, %v; want %q", row.table, row.id, v.moment, v.mode, name, err, want)
				}
			}
			v.wants(nil, "SELECT name FROM foos WHERE id = $1::bigint", 99)
			v.wants([]string{fmt.Sprint(r.nameOf("foos", 3, v.moment) != "")}, "SELECT EXISTS (SELECT FROM foos WHERE id = $1::bigint)", 3)
		})
	})

	t.Run("temporal-99 the zone in which the time is given does not matter", func(t *testing.T) {
		r := r.in(t)
		for _, zone := range []*time.Location{time.UTC, time.FixedZone("", 14*3600), time.FixedZone("", -9*3600-1800), time.FixedZone("", 3600+23)} {
			conn := r.connect(pgx.QueryExecModeCacheStatement)
			for _, session := range []string{"UTC", "Asia/Kathmandu", "America/New_York"} {
				if _, err := conn.Exec(t.Context(), "SET timezone = '"+session+"'"); err != nil {
					t.Fatal(err)
				}
				for _, moment := range r.moments {
					r.asOfBy(conn, r.at[moment].In(zone), func(tx pgx.Tx) {
						view{r, tx, moment, zone.String()}.wants(r.lines(r.rowsOf("foos", moment), moment), "SELECT id, name FROM foos ORDER BY id")
						view{r, tx, moment, zone.String()}.wants(r.lines(r.rowsOf("bars", moment), moment), "SELECT id, name FROM asof.bars($1) ORDER BY id", r.at[moment].In(zone))
					})
				}
			}
		}
	})

	t.Run("temporal-100 children as of then, none before they were linked", func(t *testing.T) {
		r := r.in(t)
		r.everywhere(func(v view) {
			for foo := 1; foo <= 3; foo++ {
				v.wants(r.lines(r.childrenOf("bars", foo, v.moment), v.moment), "SELECT id, name FROM bars WHERE foo_id = $1::bigint ORDER BY id", foo)
			}
			v.wants(r.lines(r.childrenOf("sub_bars", 1, v.moment), v.moment), "SELECT id, name FROM sub_bars WHERE bar_id = $1::bigint ORDER BY id", 1)
		})
	})

	t.Run("temporal-101 the parent as of then", func(t *testing.T) {
		r := r.in(t)
		r.everywhere(func(v view) {
			for _, bar := range r.rowsOf("bars", v.moment) {
				parent := some(r.nameOf("foos", bar.parent, v.moment))
				v.wants(parent, "SELECT f.name FROM bars AS b JOIN foos AS f ON f.id = b.foo_id WHERE b.id = $1::bigint", bar.id)
				v.wants(parent, "SELECT name FROM foos WHERE id = (SELECT foo_id FROM bars WHERE id = $1::bigint)", bar.id)
			}
		})
	})

	t.Run("temporal-103 a relation at another time than the row's", func(t *testing.T) {
		r := r.in(t)
		for _, then := range r.moments {
			r.asOfBy(r.pool, r.at[then], func(tx pgx.Tx) {
				for _, bar := range r.rowsOf("bars", then) {
					var foo int
					if err := tx.QueryRow(t.Context(), "SELECT foo_id FROM bars WHERE id = $1", bar.id).Scan(&foo); err != nil {
						t.Fatal(err)
					}
					for _, when := range r.moments {
						// In the same transaction, by the time's own relation, or by going there.
						v := view{r, tx, when, "from " + then}
						v.wants(some(r.nameOf("foos", bar.parent, when)), "SELECT name FROM asof.foos($1) WHERE id = $2", r.at[when], foo)
						r.asOfBy(tx, r.at[when], func(there pgx.Tx) {
							view{r, there, when, "from " + then}.wants(some(r.nameOf("foos", bar.parent, when)), "SELECT name FROM foos WHERE id = $1", foo)
						})
						v.wants([]string{r.name(bar, then) + "|" + cmp.Or(r.nameOf("foos", bar.parent, when), "∅")},
							"SELECT b.name, f.name FROM bars AS b LEFT JOIN asof.foos($1) AS f ON f.id = b.foo_id WHERE b.id = $2", r.at[when], bar.id)
					}
				}
			})
		}
	})

	t.Run("temporal-105 what is read as of a time is a relation: it can be filtered, ordered, counted, joined", func(t *testing.T) {
		r := r.in(t)
		r.everywhere(func(v view) {
			all := r.rowsOf("foos", v.moment)
			last := slices.Clone(all)
			slices.Reverse(last)
			v.wants(r.lines(last[:min(2, len(last))], v.moment), "SELECT id, name FROM foos ORDER BY id DESC LIMIT 2")
			v.wants(r.lines(all[min(1, len(all)):], v.moment), "SELECT id, name FROM foos ORDER BY id OFFSET 1")
			v.wants([]string{fmt.Sprint(len(all))}, "SELECT count(*) FROM foos")
			v.wants([]string{fmt.Sprint(len(all))}, "SELECT count(*) FROM asof.foos($1)", r.at[v.moment])
			v.wants(some(r.nameOf("foos", 2, v.moment)), "WITH f AS (SELECT * FROM foos), g AS (SELECT * FROM f WHERE id > 1) SELECT name FROM g WHERE id < 3")
			v.wants(r.lines(all, v.moment), "SELECT id, name FROM foos WHERE id IN (SELECT id FROM foos EXCEPT SELECT 0) ORDER BY id")
		})
	})

	t.Run("temporal-106 a condition sees the values of the time; without it there are all", func(t *testing.T) {
		r := r.in(t)
		r.everywhere(func(v view) {
			var kept []toldRow
			for _, row := range r.rowsOf("foos", v.moment) {
				if strings.HasPrefix(r.name(row, v.moment), "foo b") {
					kept = append(kept, row)
				}
			}
			v.wants(r.lines(kept, v.moment), "SELECT id, name FROM foos WHERE name LIKE $1::text ORDER BY id", "foo b%")
			v.wants(r.lines(r.rowsOf("foos", v.moment), v.moment), "SELECT id, name FROM foos WHERE name LIKE $1::text ORDER BY id", "%")
		})
		// A filter never brings back what the row was at another time.
		r.asOfBy(r.pool, r.at["f2"], func(tx pgx.Tx) {
			view{r, tx, "f2", ""}.wants(nil, "SELECT name FROM foos WHERE name = 'foo bar' OR name = 'foo'")
		})
	})
}

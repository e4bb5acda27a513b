package sql_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"sort"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"yore.example/yore"
)

// readIDs reads one column of ids, for the query that follows.
func readIDs(t testing.TB, db yore.DB, query string, args ...any) []int64 {
	t.Helper()
	rows, err := db.Query(t.Context(), query, args...)
	if err != nil {
		t.Fatalf("%s\n%v", query, err)
	}
	all, err := pgx.CollectRows(rows, pgx.RowTo[int64])
	if err != nil {
		t.Fatalf("%s\n%v", query, err)
	}
	return all
}

// below are the rows of a table that belong to any of these.
func (r *reading) below(table string, parents []toldRow, moment string) (rows []toldRow) {
	for _, p := range parents {
		rows = append(rows, r.childrenOf(table, p.id, moment)...)
	}
	sort.Slice(rows, func(i, j int) bool { return rows[i].id < rows[j].id })
	return rows
}

// Related rows, loaded as what puts SQL together loads them: all parents, then
// the children of all of them; or one by one; or by joins.
func TestBehaviourReadingLoad(t *testing.T) {
	r := newReading(t)
	const (
		barsOf = "SELECT id, name FROM bars WHERE foo_id = ANY ($1::bigint[]) ORDER BY id"
		subsOf = "SELECT id, name FROM sub_bars WHERE bar_id = ANY ($1::bigint[]) ORDER BY id"
	)

	t.Run("temporal-111, temporal-112, temporal-113 children of all parents, parents of all children, two levels", func(t *testing.T) {
		r := r.in(t)
		r.everywhere(func(v view) {
			foos := r.rowsOf("foos", v.moment)
			bars := r.below("bars", foos, v.moment)
			subs := r.below("sub_bars", bars, v.moment)
			fooIDs := readIDs(t, v.tx, "SELECT id FROM foos")
			v.wants(r.lines(bars, v.moment), barsOf, fooIDs)
			barIDs := readIDs(t, v.tx, "SELECT id FROM bars WHERE foo_id = ANY ($1::bigint[])", fooIDs)
			v.wants(r.lines(subs, v.moment), subsOf, barIDs)

			var parents []toldRow
			for _, foo := range foos {
				if len(r.childrenOf("bars", foo.id, v.moment)) > 0 {
					parents = append(parents, foo)
				}
			}
			v.wants(r.lines(parents, v.moment), "SELECT id, name FROM foos WHERE id = ANY ($1::bigint[]) ORDER BY id", readIDs(t, v.tx, "SELECT foo_id FROM bars"))
		})
	})

	t.Run("temporal-114, temporal-115 through a relation, through that, and with conditions", func(t *testing.T) {
		r := r.in(t)
		r.everywhere(func(v view) {
			var through, deeper, scoped []string
			for _, foo := range r.rowsOf("foos", v.moment) {
				for _, bar := range r.childrenOf("bars", foo.id, v.moment) {
					for _, sub := range r.childrenOf("sub_bars", bar.id, v.moment) {
						name := r.name(sub, v.moment)
						through = append(through, fmt.Sprintf("%d|%s", foo.id, name))
						if strings.HasPrefix(r.name(bar, v.moment), "foo") && strings.Contains(name, "sub-bar") {
							scoped = append(scoped, fmt.Sprintf("%d|%s", foo.id, name))
						}
						for _, last := range r.childrenOf("sub_sub_bars", sub.id, v.moment) {
							deeper = append(deeper, fmt.Sprintf("%d|%s", foo.id, r.name(last, v.moment)))
						}
					}
				}
			}
			fooIDs := readIDs(t, v.tx, "SELECT id FROM foos")
			const join = " FROM bars AS b JOIN sub_bars AS s ON s.bar_id = b.id "
			v.wants(through, "SELECT b.foo_id, s.name"+join+"WHERE b.foo_id = ANY ($1::bigint[]) ORDER BY s.id", fooIDs)
			v.wants(deeper, "SELECT b.foo_id, l.name"+join+"JOIN sub_sub_bars AS l ON l.sub_bar_id = s.id WHERE b.foo_id = ANY ($1::bigint[]) ORDER BY l.id", fooIDs)
			v.wants(scoped, "SELECT b.foo_id, s.name"+join+"WHERE b.foo_id = ANY ($1::bigint[]) AND b.name LIKE $2::text AND s.name LIKE $3::text ORDER BY s.id", fooIDs, "foo%", "%sub-bar%")
		})
	})

	t.Run("temporal-116, temporal-123, temporal-124 a table that is not tracked has its present rows, what they lead to is as of then", func(t *testing.T) {
		r := r.in(t)
		r.everywhere(func(v view) {
			var withBaz []string
			if name := r.nameOf("bars", 1, v.moment); name != "" {
				withBaz = []string{name + "|baz"}
			}
			v.wants(withBaz, "SELECT b.name, z.name FROM bars AS b JOIN bazs AS z ON z.bar_id = b.id")
			v.wants([]string{"baz"}, "SELECT name FROM public.bazs WHERE bar_id = ANY ($1::bigint[])", []int64{1, 2, 3})
			v.wants([]string{"baz"}, "SELECT name FROM bazs")
			v.wants(some(r.nameOf("bars", 1, v.moment)), "SELECT name FROM bars WHERE id = ANY ($1::bigint[])", readIDs(t, v.tx, "SELECT bar_id FROM bazs"))
			grand := "∅|∅"
			if bar := r.nameOf("bars", 1, v.moment); bar != "" {
				grand = bar + "|" + r.nameOf("foos", 1, v.moment)
			}
			v.wants([]string{"baz|" + grand}, "SELECT z.name, b.name, f.name FROM bazs AS z LEFT JOIN bars AS b ON b.id = z.bar_id LEFT JOIN foos AS f ON f.id = b.foo_id")
		})
	})

	t.Run("temporal-117 the grandparent as of then, by every way of loading", func(t *testing.T) {
		r := r.in(t)
		r.everywhere(func(v view) {
			want := some("")
			if r.nameOf("sub_bars", 1, v.moment) != "" {
				want = some(r.nameOf("foos", 1, v.moment))
			}
			const from = " FROM sub_bars AS s "
			const inner = "JOIN bars AS b ON b.id = s.bar_id JOIN foos AS f ON f.id = b.foo_id "
			v.wants(want, "SELECT f.name"+from+inner+"WHERE s.id = $1::bigint", 1)                                          // joins only
			v.wants(want, "SELECT f.name"+from+strings.ReplaceAll(inner, "JOIN", "LEFT JOIN")+"WHERE s.id = $1::bigint", 1) // eager load
			// Joins to choose, then what they chose loaded; inner and left.
			for _, join := range []string{inner, strings.ReplaceAll(inner, "JOIN", "LEFT JOIN")} {
				barIDs := readIDs(t, v.tx, "SELECT s.bar_id"+from+join+"WHERE s.id = $1::bigint", 1)
				fooIDs := readIDs(t, v.tx, "SELECT foo_id FROM bars WHERE id = ANY ($1::bigint[])", barIDs)
				v.wants(want, "SELECT name FROM foos WHERE id = ANY ($1::bigint[])", fooIDs)
			}
			// Loads only.
			barIDs := readIDs(t, v.tx, "SELECT bar_id FROM sub_bars WHERE id = $1::bigint", 1)
			v.wants(want, "SELECT name FROM foos WHERE id = ANY ($1::bigint[])", readIDs(t, v.tx, "SELECT foo_id FROM bars WHERE id = ANY ($1::bigint[])", barIDs))
			// A condition on the grandparent's value then.
			if len(want) > 0 {
				v.wants([]string{"1"}, "SELECT s.id"+from+inner+"WHERE f.name = $1::text", want[0])
			}
			v.wants(nil, "SELECT s.id"+from+inner+"WHERE f.name = $1::text", "no foo's name")
		})
	})

	t.Run("temporal-118 every level of a nested load, in one query or in four", func(t *testing.T) {
		r := r.in(t)
		type node struct {
			Name     string
			Children []node
		}
		levels := []string{"foos", "bars", "sub_bars", "sub_sub_bars"}
		const nested = `
			SELECT jsonb_build_object('Name', f.name, 'Children', coalesce((SELECT jsonb_agg(
			   jsonb_build_object('Name', b.name, 'Children', coalesce((SELECT jsonb_agg(
			     jsonb_build_object('Name', s.name, 'Children', coalesce((SELECT jsonb_agg(
			       jsonb_build_object('Name', l.name) ORDER BY l.id) FROM sub_sub_bars AS l WHERE l.sub_bar_id = s.id), '[]'))
			     ORDER BY s.id) FROM sub_bars AS s WHERE s.bar_id = b.id), '[]'))
			   ORDER BY b.id) FROM bars AS b WHERE b.foo_id = f.id), '[]'))::text
			  FROM foos AS f ORDER BY f.id`
		r.everywhere(func(v view) {
			var tree func(level, parent int) []node
			tree = func(level, parent int) (all []node) {
				if level == len(levels) {
					return nil
				}
				rows := r.childrenOf(levels[level], parent, v.moment)
				if level == 0 {
					rows = r.rowsOf("foos", v.moment)
				}
				for _, row := range rows {
					all = append(all, node{r.name(row, v.moment), tree(level+1, row.id)})
				}
				return all
			}
			want := fmt.Sprint(tree(0, 0))
			rows, err := v.tx.Query(t.Context(), nested)
			if err != nil {
				t.Fatal(err)
			}
			got, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (n node, err error) {
				var text string
				if err := row.Scan(&text); err != nil {
					return n, err
				}
				return n, json.Unmarshal([]byte(text), &n)
			})
			if err != nil || fmt.Sprint(got) != want {
				t.Errorf("as of %s, %s: %v, %v; want %s", v.moment, v.mode, got, err, want)
			}
			var load func(level int, parents []int64) map[int64][]node
			load = func(level int, parents []int64) map[int64][]node {
				found := map[int64][]node{}
				if level == len(levels) {
					return found
				}
				up := strings.TrimSuffix(levels[max(level-1, 0)], "s") + "_id"
				query := fmt.Sprintf("SELECT id, %s, name FROM %s WHERE %[1]s = ANY ($1::bigint[]) ORDER BY id", up, levels[level])
				rows, err := v.tx.Query(t.Context(), query, parents)
				if err != nil {
					t.Fatal(err)
				}
				type child struct {
					ID, Parent int64
					Name       string
				}
				children, err := pgx.CollectRows(rows, pgx.RowToStructByPos[child])
				if err != nil {
					t.Fatal(err)
				}
				var all []int64
				for _, c := range children {
					all = append(all, c.ID)
				}
				below := load(level+1, all)
				for _, c := range children {
					found[c.Parent] = append(found[c.Parent], node{c.Name, below[c.ID]})
				}
				return found
			}
			var loaded []node
			fooIDs := readIDs(t, v.tx, "SELECT id FROM foos ORDER BY id")
			below := load(1, fooIDs)
			for i, line := range read(t, v.tx, "SELECT name FROM foos ORDER BY id") {
				loaded = append(loaded, node{line, below[fooIDs[i]]})
			}
			if fmt.Sprint(loaded) != want {
				t.Errorf("as of %s, %s: loaded %v, want %s", v.moment, v.mode, loaded, want)
			}
		})
	})

	t.Run("temporal-119 one by one is the same as all at once", func(t *testing.T) {
		r := r.in(t)
		r.everywhere(func(v view) {
			fooIDs := readIDs(t, v.tx, "SELECT id FROM foos ORDER BY id")
			var lazy []string
			for _, id := range fooIDs {
				lazy = append(lazy, read(t, v.tx, "SELECT id, name FROM bars WHERE foo_id = $1::bigint ORDER BY id", id)...)
			}
			sort.Strings(lazy)
			v.wants(lazy, barsOf, fooIDs)
			joined := read(t, v.tx, "SELECT b.id, b.name FROM foos AS f JOIN bars AS b ON b.foo_id = f.id ORDER BY b.id")
			if !slices.Equal(joined, lazy) {
				t.Errorf("as of %s, %s: joined %q, one by one %q", v.moment, v.mode, joined, lazy)
			}
		})
	})

	t.Run("temporal-120 what is read outside is untouched, before, between and after", func(t *testing.T) {
		r := r.in(t)
		for _, mode := range execModes {
			conn := r.connect(mode)
			present := func() {
				t.Helper()
				v := view{r, nil, "n1", mode.String()}
				for query, want := range map[string][]string{
					"SELECT id, name FROM foos ORDER BY id":                                                                                       r.lines(r.rowsOf("foos", "n1"), "n1"),
					"SELECT f.name, b.name FROM foos AS f JOIN bars AS b ON b.foo_id = f.id WHERE f.id = 1":                                       {"new foo|new bar"},
					"SELECT f.name FROM foos AS f LEFT JOIN bars AS b ON b.foo_id = f.id AND b.name = 'foo bar' WHERE b.id IS NULL ORDER BY f.id": {"new foo", "foo 0", "foo 1"},
					"SELECT count(*) FROM foos": {"3"},
				} {
					if got := read(t, conn, query); !slices.Equal(got, want) {
						t.Errorf("%s: %s: %q, want %q", v.mode, query, got, want)
					}
				}
				if got := read(t, conn, barsOf, []int64{1}); !slices.Equal(got, []string{"1|new bar"}) {
					t.Errorf("%s: %q", v.mode, got)
				}
			}
			present()
			for _, moment := range r.moments {
				r.asOfBy(conn, r.at[moment], func(tx pgx.Tx) {
					view{r, tx, moment, mode.String()}.wants(r.lines(r.rowsOf("foos", moment), moment), "SELECT id, name FROM foos ORDER BY id")
					// Another session beside it.
					r.want("SELECT count(*) FROM foos", "3")
				})
				present()
			}
		}
	})
}

// temporal-121, temporal-122: many to many, through a join table that is tracked.
func TestBehaviourReadingManyToMany(t *testing.T) {
	r := newReading(t)
	r.exec("DELETE FROM boos_moos WHERE boo_id = 1 AND moo_id = 1")
	unlinked := r.now()
	r.exec("DELETE FROM boos_moos WHERE moo_id = 2", "DELETE FROM moos WHERE id = 2")
	gone := r.now()
	r.exec("INSERT INTO boos_moos VALUES (1, 1)", "UPDATE moos SET name = 'moo'")
	const (
		join     = "SELECT b.name, m.name FROM boos AS b JOIN boos_moos AS l ON l.boo_id = b.id JOIN moos AS m ON m.id = l.moo_id ORDER BY 1, 2"
		linksOf  = "SELECT moo_id FROM boos_moos WHERE boo_id = ANY ($1::bigint[])"
		linkedTo = "SELECT name FROM moos WHERE id = ANY ($1::bigint[]) ORDER BY 1"
	)
	all := []string{"boo 0|moo 0", "boo 0|moo 1", "boo 1|moo 0", "boo 1|moo 1"}
	now := []string{"boo 0|moo", "boo 1|moo"}
	r.want(join, now...)
	for at, want := range map[string][]string{
		r.at["boos"].Format(timeFormat): nil, r.at["moos"].Format(timeFormat): nil, // there, but not linked
		r.at["links"].Format(timeFormat): all, r.at["n1"].Format(timeFormat): all,
		unlinked: all[1:], gone: {"boo 1|moo 0"}, r.now(): now,
	} {
		r.wantAsOf(at, join, want...)
		for _, mode := range execModes {
			conn := r.connect(mode)
			tx, err := conn.Begin(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if _, err := tx.Exec(t.Context(), "SELECT yore.as_of($1::text::timestamptz)", at); err != nil {
				t.Fatal(err)
			}
			v := view{r, tx, at, mode.String()}
			for _, boo := range []string{"boo 0", "boo 1"} {
				var moos []string
				for _, pair := range want {
					if moo, ok := strings.CutPrefix(pair, boo+"|"); ok {
						moos = append(moos, moo)
					}
				}
				boos := readIDs(t, tx, "SELECT id FROM boos WHERE name = $1::text", boo)
				v.wants(moos, linkedTo, readIDs(t, tx, linksOf, boos))
			}
			if err := tx.Rollback(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
	}
}

const timeFormat = "2006-01-02 15:04:05.999999Z07:00"

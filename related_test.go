package yore_test

import (
	"context"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"yore.example/yore"
)

// counter counts the queries of a pool.
type counter struct{ n atomic.Int64 }

func (c *counter) TraceQueryStart(ctx context.Context, _ *pgx.Conn, _ pgx.TraceQueryStartData) context.Context {
	c.n.Add(1)
	return ctx
}
func (c *counter) TraceQueryEnd(context.Context, *pgx.Conn, pgx.TraceQueryEndData) {}

// withCounter is withImmutable with a pool that counts.
func withCounter(t testing.TB) (context.Context, *pgxpool.Pool, *counter) {
	t.Helper()
	ctx, dsn := immutableDSN(t)
	config := do(pgxpool.ParseConfig(dsn)).ok(t)
	c := &counter{}
	config.ConnConfig.Tracer = c
	pool := do(pgxpool.NewWithConfig(ctx, config)).ok(t)
	t.Cleanup(pool.Close)
	return ctx, pool, c
}

var (
	orgOf       = yore.Related(orgs.Current(), yore.BelongsTo, "org_entity_id")
	projectsOf  = yore.Related(projects.Current().OrderBy("title"), yore.HasMany, "org_entity_id")
	developerOf = yore.Related(developers.Current(), yore.HasOne, "project_entity_id")
)

// immutable-156..163
func TestBelongsTo(t *testing.T) {
	t.Parallel()
	ctx, db, queries := withCounter(t)
	o := do(orgs.Insert(ctx, db, org{Name: "o"})).ok(t)
	p1 := do(projects.Insert(ctx, db, project{Title: "p1", OrgEntityID: &o.EntityID})).ok(t)
	p2 := do(projects.Insert(ctx, db, project{Title: "p2", OrgEntityID: &o.EntityID})).ok(t)
	equal(t, "immutable-156", *p1.OrgEntityID, o.EntityID)
	equal(t, "immutable-157", *do(projects.Get(ctx, db, p1.EntityID)).ok(t).OrgEntityID, o.EntityID)
	equal(t, "immutable-158", do(orgOf.One(ctx, db, p1)).ok(t), &o)
	o2 := do(orgs.Update(ctx, db, o, yore.Changes{"name": "o2"})).ok(t)
	equal(t, "immutable-159", do(orgOf.One(ctx, db, p1)).ok(t), &o2)

	none := do(projects.Insert(ctx, db, project{Title: "none"})).ok(t)
	lost := do(projects.Insert(ctx, db, project{Title: "lost", OrgEntityID: new(yore.NewUUID())})).ok(t)
	before := queries.n.Load()
	rows := []project{p1, p2, none, lost, p1}
	found := do(orgOf.Load(ctx, db, rows)).ok(t)
	equal(t, "queries of one Load", queries.n.Load()-before, int64(1))
	for i, want := range []*org{&o2, &o2, nil, nil, &o2} { // immutable-160
		equal(t, "immutable-160: "+rows[i].Title, found.One(rows[i]), want)
	}
	equal(t, "pointer", found.One(&p1), &o2)
	pointers := do(orgOf.Load(ctx, db, []*project{&p1, nil, &none})).ok(t)
	equal(t, "pointers", pointers.One(&p1), &o2)
	equal(t, "nil", []*org{pointers.One(nil), pointers.One((*project)(nil)), pointers.One(none)}, []*org{nil, nil, nil})
	equal(t, "no row", do(orgOf.One(ctx, db, nil)).ok(t), (*org)(nil))
	before = queries.n.Load()
	do(orgOf.Load(ctx, db, []project{})).ok(t)
	do(orgOf.Load(ctx, db, []project{none})).ok(t)
	equal(t, "queries of nothing", queries.n.Load()-before, int64(0))

	past := yore.Related(orgs.AsOf(o.ValidFrom), yore.BelongsTo, "org_entity_id")
	equal(t, "as of then", do(past.One(ctx, db, p1)).ok(t), &o)
	equal(t, "before it was", do(yore.Related(orgs.AsOf(o.ValidFrom.Add(-time.Second)), yore.BelongsTo, "org_entity_id").One(ctx, db, p1)).ok(t), (*org)(nil))
	do(orgs.Delete(ctx, db, o2)).ok(t)
	equal(t, "immutable-161", do(orgOf.One(ctx, db, p1)).ok(t), (*org)(nil))
	tomb := do(yore.Related(orgs.IncludeDeleted(), yore.BelongsTo, "org_entity_id").One(ctx, db, p1)).ok(t)
	if tomb == nil || tomb.DeletedAt == nil {
		t.Errorf("tombstone: %+v", tomb)
	}
	back := do(orgs.Undelete(ctx, db, o.EntityID)).ok(t)
	if got := do(orgOf.One(ctx, db, p1)).ok(t); got == nil || *got != back || got.Version != 4 {
		t.Errorf("immutable-162: %+v", got)
	}
	other := do(orgs.Insert(ctx, db, org{Name: "other"})).ok(t)
	do(projects.Insert(ctx, db, project{Title: "p3", OrgEntityID: &other.EntityID})).ok(t)
	equal(t, "immutable-163", do(projects.Where("org_entity_id = $1", o.EntityID).Count(ctx, db)).ok(t), int64(2))
}

// immutable-166..175
func TestHasManyHasOne(t *testing.T) {
	t.Parallel()
	ctx, db, queries := withCounter(t)
	o := do(orgs.Insert(ctx, db, org{Name: "o"})).ok(t)
	empty := do(orgs.Insert(ctx, db, org{Name: "empty"})).ok(t)
	one := do(orgs.Insert(ctx, db, org{Name: "one"})).ok(t)
	p1 := do(projects.Insert(ctx, db, project{Title: "p1", OrgEntityID: &o.EntityID})).ok(t)
	p2 := do(projects.Insert(ctx, db, project{Title: "p2", OrgEntityID: &o.EntityID})).ok(t)
	p3 := do(projects.Insert(ctx, db, project{Title: "p3", OrgEntityID: &one.EntityID})).ok(t)
	equal(t, "immutable-166", do(projectsOf.Many(ctx, db, o)).ok(t), []project{p1, p2})
	equal(t, "immutable-167", do(projectsOf.Many(ctx, db, empty)).ok(t), []project{})
	before := queries.n.Load()
	found := do(projectsOf.Load(ctx, db, []org{o, one, empty, o})).ok(t)
	equal(t, "queries of one Load", queries.n.Load()-before, int64(1))
	equal(t, "immutable-170", []int{len(found.Many(o)), len(found.Many(one)), len(found.Many(empty))}, []int{2, 1, 0})
	p3b := do(projects.Update(ctx, db, p3, yore.Changes{"title": "p3b"})).ok(t)
	equal(t, "immutable-168", do(projectsOf.Many(ctx, db, one)).ok(t), []project{p3b})
	do(projects.Delete(ctx, db, p1)).ok(t)
	equal(t, "immutable-169", do(projectsOf.Many(ctx, db, o)).ok(t), []project{p2})
	then := yore.Related(projects.AsOf(p3.ValidFrom).OrderBy("title DESC"), yore.HasMany, "org_entity_id")
	equal(t, "as of then, ordered", do(then.Many(ctx, db, o)).ok(t), []project{p2, p1})
	named := yore.Related(projects.Where("title LIKE $1", "%b"), yore.HasMany, "org_entity_id")
	equal(t, "with a condition", len(do(named.Load(ctx, db, []org{o, one})).ok(t).Many(one)), 1)

	d := do(developers.Insert(ctx, db, developer{Name: "d", ProjectEntityID: &p2.EntityID})).ok(t)
	equal(t, "immutable-171", do(developerOf.One(ctx, db, p2)).ok(t), &d)
	equal(t, "immutable-172", do(developerOf.One(ctx, db, p3b)).ok(t), (*developer)(nil))
	d2 := do(developers.Update(ctx, db, d, yore.Changes{"name": "d2"})).ok(t)
	equal(t, "immutable-173", do(developerOf.One(ctx, db, p2)).ok(t), &d2)
	e := do(developers.Insert(ctx, db, developer{Name: "e", ProjectEntityID: &p3.EntityID})).ok(t)
	both := do(developerOf.Load(ctx, db, []project{p2, p3})).ok(t)
	equal(t, "immutable-175", []*developer{both.One(p2), both.One(p3)}, []*developer{&d2, &e})
	do(developers.Delete(ctx, db, d2)).ok(t)
	equal(t, "immutable-174", do(developerOf.One(ctx, db, p2)).ok(t), (*developer)(nil))
	do(developers.Insert(ctx, db, developer{Name: "f", ProjectEntityID: &p3.EntityID})).ok(t)
	if err := do(developerOf.Load(ctx, db, []project{p2, p3})).fails(t, yore.ErrOption); !strings.Contains(err.Error(), p3.EntityID.String()) {
		t.Errorf("%v does not name whose they are", err)
	}
}

// immutable-164, immutable-165, immutable-176..181
func TestJoins(t *testing.T) {
	t.Parallel()
	ctx, db := withImmutable(t)
	type line struct{ Title, Org string }
	o := do(orgs.Insert(ctx, db, org{Name: "o"})).ok(t)
	o = do(orgs.Update(ctx, db, o, yore.Changes{"name": "o2"})).ok(t)
	p1 := do(projects.Insert(ctx, db, project{Title: "p1", OrgEntityID: &o.EntityID})).ok(t)
	p2 := do(projects.Insert(ctx, db, project{Title: "p2", OrgEntityID: &o.EntityID})).ok(t)
	withOrg := yore.Select[line](projects.Current().Join("orgs", orgs.Current(), "orgs.entity_id = projects.org_entity_id").OrderBy("title"), "title", "orgs.name AS org")
	equal(t, "immutable-164", do(withOrg.All(ctx, db)).ok(t), []line{{"p1", "o2"}, {"p2", "o2"}})
	children := yore.Select[line](orgs.Current().Join("p", projects.Current(), "p.org_entity_id = orgs.entity_id").OrderBy("p.title"), "p.title", "orgs.name AS org")
	equal(t, "immutable-176", do(children.All(ctx, db)).ok(t), []line{{"p1", "o2"}, {"p2", "o2"}})
	p1 = do(projects.Update(ctx, db, p1, yore.Changes{"title": "p1b"})).ok(t)
	equal(t, "immutable-178", do(children.All(ctx, db)).ok(t), []line{{"p1b", "o2"}, {"p2", "o2"}})
	do(projects.Delete(ctx, db, p2)).ok(t)
	equal(t, "immutable-177", do(children.All(ctx, db)).ok(t), []line{{"p1b", "o2"}})

	type pair struct{ Title, Name string }
	d := do(developers.Insert(ctx, db, developer{Name: "d", ProjectEntityID: &p1.EntityID})).ok(t)
	pairs := yore.Select[pair](projects.Current().Join("d", developers.Current(), "d.project_entity_id = projects.entity_id"), "title", "d.name")
	equal(t, "immutable-179", do(pairs.All(ctx, db)).ok(t), []pair{{"p1b", "d"}})
	d = do(developers.Update(ctx, db, d, yore.Changes{"name": "d2"})).ok(t)
	equal(t, "immutable-181", do(pairs.All(ctx, db)).ok(t), []pair{{"p1b", "d2"}})
	do(developers.Delete(ctx, db, d)).ok(t)
	equal(t, "immutable-180", do(pairs.All(ctx, db)).ok(t), []pair{})
	// A table by its name is a source, too.
	byName := projects.Current().Join("o", yore.Table("public.orgs"), "o.entity_id = projects.org_entity_id AND o.name = $1", "o2")
	equal(t, "Table", do(byName.All(ctx, db)).ok(t), []project{p1})
	equal(t, "Table of an older time", do(projects.Current().Join("o", yore.Table(`"history"."orgs"`), "o.entity_id = org_entity_id").Count(ctx, db)).ok(t), int64(2))
	do(orgs.DeleteAny(ctx, db, o.EntityID)).ok(t)
	equal(t, "immutable-165", do(withOrg.All(ctx, db)).ok(t), []line{})
}

func TestRelatedMisuse(t *testing.T) {
	t.Parallel()
	ctx, db := withImmutable(t)
	o := do(orgs.Insert(ctx, db, org{Name: "o"})).ok(t)
	do(orgOf.Load(ctx, db, o)).fails(t, yore.ErrOption)
	do(orgOf.Load(ctx, db, nil)).fails(t, yore.ErrOption)
	do(orgOf.Load(ctx, db, []int{1})).fails(t, yore.ErrOption)
	do(orgOf.One(ctx, db, o)).fails(t, yore.ErrOption) // an org has no org
	for _, q := range []yore.Query[project]{projects.Current().Limit(1), projects.Current().Offset(1)} {
		do(yore.Related(q, yore.HasMany, "org_entity_id").Many(ctx, db, o)).fails(t, yore.ErrOption)
	}
	do(yore.Related(projects.Current(), yore.HasMany, "nonsense").Many(ctx, db, o)).fails(t, yore.ErrOption)
	do(yore.Related(projects.Current(), yore.HasMany, "title").Many(ctx, db, o)).fails(t, yore.ErrOption)
	do(yore.Related(orgs.Current(), yore.BelongsTo, "title").One(ctx, db, project{Title: "x"})).fails(t, yore.ErrOption)
	do(yore.Related(projects.Where("$1"), yore.HasMany, "org_entity_id").Many(ctx, db, o)).fails(t, yore.ErrOption)
	// Found rows of another type: nothing is related to them.
	found := do(orgOf.Load(ctx, db, []project{{OrgEntityID: &o.EntityID}})).ok(t)
	equal(t, "of an int", found.Many(3), []org{})
	equal(t, "of another row", found.One(o), (*org)(nil))

	// References may be UUIDs of any package.
	type other struct {
		OrgEntityID foreignUUID
	}
	equal(t, "foreign", do(orgOf.One(ctx, db, other{foreignUUID(o.EntityID)})).ok(t), &o)
	equal(t, "foreign zero", do(orgOf.One(ctx, db, &other{})).ok(t), (*org)(nil))
}

package migrations_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"ariga.io/atlas/sql/migrate"
	"ariga.io/atlas/sql/postgres"
	"ariga.io/atlas/sql/schema"
	golangmigrate "github.com/golang-migrate/migrate/v4"
	pgxmigrate "github.com/golang-migrate/migrate/v4/database/pgx/v5"
	"github.com/golang-migrate/migrate/v4/source/iofs"
	"github.com/jackc/pgx/v5"
	_ "github.com/jackc/pgx/v5/stdlib"
	tern "github.com/jackc/tern/v2/migrate"
	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/lock"

	_ "yore.example/yore/integrations/migrations/goosego" // its migrations register themselves
	"yore.example/yore/internal/gen"
	"yore.example/yore/internal/pgtest"
)

// A tool runs the migrations of a folder.
type tool struct {
	name   string
	folder string // of the story, in the tool's form
	format gen.Format
	file   string // format of a file's name: number, what
	join   func(up, down string) []string

	forward  bool   // no down migrations
	versions string // the tool's own table
	open     func(t testing.TB, dsn, dir string) migrator
}

// A migrator has the database of one test.
type migrator interface {
	// to goes up or down to a step of the story; 0 is an empty database.
	to(ctx context.Context, step int) error
	// step is where the tool says that the database is.
	step(ctx context.Context) (int, error)
}

const lastStep = 8

var tools = []tool{
	{
		name: "goose", folder: "goose", format: gen.Goose, file: "%05d_%s.sql", versions: "goose_db_version",
		join: func(up, down string) []string { return []string{"-- +goose Up\n" + up + "\n-- +goose Down\n" + down} },
		open: func(t testing.TB, dsn, dir string) migrator { return openGoose(t, dsn, os.DirFS(dir), false) },
	},
	{
		name: "goose in Go", versions: "goose_db_version",
		open: func(t testing.TB, dsn, _ string) migrator { return openGoose(t, dsn, nil, true) },
	},
	{
		name: "golang-migrate", folder: "golang-migrate", format: gen.GolangMigrate, file: "%06d_%s.up.sql", versions: "schema_migrations",
		join: func(up, down string) []string { return []string{up, down} },
		open: openGolangMigrate,
	},
	{
		name: "tern", folder: "tern", format: gen.Tern, file: "%03d_%s.sql", versions: "schema_version",
		join: func(up, down string) []string { return []string{up + "\n---- create above / drop below ----\n" + down} },
		open: openTern,
	},
	{
		name: "atlas", folder: "atlas", format: gen.Atlas, file: "2000010%d000000_%s.sql", versions: "atlas_schema_revisions", forward: true,
		join: func(up, _ string) []string { return []string{up} },
		open: openAtlas,
	},
	{
		name: "psql", folder: "golang-migrate", format: gen.PlainSQL, file: "%06d_%s.up.sql",
		join: func(up, down string) []string { return []string{up, down} },
		open: openPsql,
	},
}

// withFiles gives the tools that have migrations in files.
func withFiles(yield func(tool) bool) {
	for _, tool := range tools {
		if tool.folder != "" && !yield(tool) {
			return
		}
	}
}

// dir is a copy of the tool's folder with yore's installation as the first
// migration.
func (o tool) dir(t testing.TB) string {
	t.Helper()
	dir := t.TempDir()
	if o.folder == "" {
		return dir
	}
	if err := os.CopyFS(dir, os.DirFS(o.folder)); err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(dir, fmt.Sprintf(o.file, 1, "yore")), gen.Install(o.format))
	return dir
}

// add writes a migration, replacing what has its number.
func (o tool) add(t testing.TB, dir string, number int, what, up, down string) (name string) {
	t.Helper()
	name = fmt.Sprintf(o.file, number, what)
	for i, text := range o.join(up, down) {
		file := name
		if i == 1 {
			file = strings.Replace(name, ".up.", ".down.", 1)
		}
		write(t, filepath.Join(dir, file), text)
	}
	return name
}

// only keeps the first files: those up to a step.
func (o tool) only(t testing.TB, dir string, step int) {
	t.Helper()
	for i, name := range files(t, os.DirFS(dir)) {
		n := i + 1
		if o.file == "%06d_%s.up.sql" {
			n, _ = strconv.Atoi(name[:6])
		}
		if n > step {
			if err := os.Remove(filepath.Join(dir, name)); err != nil {
				t.Fatal(err)
			}
		}
	}
}

func files(t testing.TB, dir fs.FS) []string {
	t.Helper()
	names, err := fs.Glob(dir, "*.sql")
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(names)
	return names
}

func write(t testing.TB, name, text string) {
	t.Helper()
	if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

func openSQL(t testing.TB, dsn string) *sql.DB {
	t.Helper()
	db, err := sql.Open("pgx/v5", dsn)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	return db
}

type gooseMigrator struct{ *goose.Provider }

func openGoose(t testing.TB, dsn string, files fs.FS, inGo bool) migrator {
	t.Helper()
	locker, err := lock.NewPostgresSessionLocker(lock.WithLockTimeout(1, 120)) // tries each second
	if err != nil {
		t.Fatal(err)
	}
	p, err := goose.NewProvider(goose.DialectPostgres, openSQL(t, dsn), files,
		goose.WithSessionLocker(locker), goose.WithDisableGlobalRegistry(!inGo))
	if err != nil {
		t.Fatal(err)
	}
	return gooseMigrator{p}
}

func (m gooseMigrator) step(ctx context.Context) (int, error) {
	v, err := m.GetDBVersion(ctx)
	return int(v), err
}

func (m gooseMigrator) to(ctx context.Context, step int) error {
	here, err := m.GetDBVersion(ctx)
	if err != nil {
		return err
	}
	if int64(step) < here {
		_, err = m.DownTo(ctx, int64(step))
	} else {
		_, err = m.UpTo(ctx, int64(step))
	}
	return err
}

type golangMigrator struct{ *golangmigrate.Migrate }

func openGolangMigrate(t testing.TB, dsn, dir string) migrator {
	t.Helper()
	m, err := golangMigrate(dsn, dir, false)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { m.Close() })
	return m
}

func golangMigrate(dsn, dir string, multiStatement bool) (golangMigrator, error) {
	files, err := iofs.New(os.DirFS(dir), ".")
	if err != nil {
		return golangMigrator{}, err
	}
	db, err := sql.Open("pgx/v5", dsn)
	if err != nil {
		return golangMigrator{}, err
	}
	driver, err := pgxmigrate.WithInstance(db, &pgxmigrate.Config{MultiStatementEnabled: multiStatement})
	if err != nil {
		return golangMigrator{}, err
	}
	m, err := golangmigrate.NewWithInstance("iofs", files, "pgx5", driver)
	return golangMigrator{m}, err
}

// CREATE INDEX CONCURRENTLY must be alone in a file: 8 and 9 are the last step.
func (m golangMigrator) to(_ context.Context, step int) error {
	switch step {
	case 0:
		return m.Down()
	case lastStep:
		return m.Up()
	}
	err := m.Migrate.Migrate(uint(step))
	if errors.Is(err, golangmigrate.ErrNoChange) {
		return nil
	}
	return err
}

func (m golangMigrator) step(context.Context) (int, error) {
	v, dirty, err := m.Version()
	if errors.Is(err, golangmigrate.ErrNilVersion) {
		return 0, nil
	}
	if dirty {
		err = fmt.Errorf("version %d is dirty", v)
	}
	return min(int(v), lastStep), err
}

type ternMigrator struct{ *tern.Migrator }

func openTern(t testing.TB, dsn, dir string) migrator {
	t.Helper()
	ctx := context.Background()
	conn, err := pgx.Connect(ctx, dsn)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close(ctx) })
	m, err := tern.NewMigrator(ctx, conn, "public.schema_version")
	if err == nil {
		err = m.LoadMigrations(os.DirFS(dir))
	}
	if err != nil {
		t.Fatal(err)
	}
	return ternMigrator{m}
}

func (m ternMigrator) to(ctx context.Context, step int) error { return m.MigrateTo(ctx, int32(step)) }

func (m ternMigrator) step(ctx context.Context) (int, error) {
	v, err := m.GetCurrentVersion(ctx)
	return int(v), err
}

// atlasMigrator does with atlas' executor what the atlas command does, which is
// no module: a lock, and one transaction for each file unless it says
// -- atlas:txmode none.
type atlasMigrator struct {
	db  *sql.DB
	dir *migrate.LocalDir
}

func openAtlas(t testing.TB, dsn, dir string) migrator {
	t.Helper()
	local, err := migrate.NewLocalDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	return atlasMigrator{openSQL(t, dsn), local}
}

func (m atlasMigrator) to(ctx context.Context, step int) error {
	sum, err := m.dir.Checksum()
	if err == nil {
		err = migrate.WriteSumFile(m.dir, sum) // atlas migrate hash
	}
	if err != nil {
		return err
	}
	driver, err := postgres.Open(m.db)
	if err != nil {
		return err
	}
	unlock, err := driver.(schema.Locker).Lock(ctx, "atlas_migrate_execute", time.Minute)
	if err != nil {
		return err
	}
	defer func() { _ = unlock() }()
	_, err = m.db.ExecContext(ctx, "CREATE TABLE IF NOT EXISTS atlas_schema_revisions (version text PRIMARY KEY, description text, applied int, total int, hash text)")
	if err != nil {
		return err
	}
	executor, err := migrate.NewExecutor(driver, m.dir, revisions{m.db}, migrate.WithAllowDirty(true))
	if err != nil {
		return err
	}
	pending, err := executor.Pending(ctx)
	if err != nil && !errors.Is(err, migrate.ErrNoPendingFiles) {
		return err
	}
	here, err := m.step(ctx)
	if err != nil {
		return err
	}
	for _, file := range pending[:min(max(step-here, 0), len(pending))] {
		if err := m.execute(ctx, executor, file); err != nil {
			return err
		}
	}
	return nil
}

func (m atlasMigrator) execute(ctx context.Context, outside *migrate.Executor, file migrate.File) error {
	if slices.Contains(file.(*migrate.LocalFile).Directive("txmode"), "none") {
		return outside.Execute(ctx, file)
	}
	tx, err := m.db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback() }()
	driver, err := postgres.Open(tx)
	if err != nil {
		return err
	}
	executor, err := migrate.NewExecutor(driver, m.dir, revisions{tx})
	if err != nil {
		return err
	}
	if err := executor.Execute(ctx, file); err != nil {
		return err
	}
	return tx.Commit()
}

func (m atlasMigrator) step(ctx context.Context) (n int, err error) {
	err = m.db.QueryRowContext(ctx, "SELECT count(*) FROM atlas_schema_revisions").Scan(&n)
	return n, err
}

// revisions is what the atlas command has in a table of this name.
type revisions struct {
	db interface {
		ExecContext(context.Context, string, ...any) (sql.Result, error)
		QueryContext(context.Context, string, ...any) (*sql.Rows, error)
	}
}

func (r revisions) Ident() *migrate.TableIdent {
	return &migrate.TableIdent{Name: "atlas_schema_revisions"}
}

func (r revisions) ReadRevisions(ctx context.Context) ([]*migrate.Revision, error) {
	rows, err := r.db.QueryContext(ctx, "SELECT version, description, applied, total, hash FROM atlas_schema_revisions ORDER BY version")
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var all []*migrate.Revision
	for rows.Next() {
		v := &migrate.Revision{Type: migrate.RevisionTypeExecute}
		if err := rows.Scan(&v.Version, &v.Description, &v.Applied, &v.Total, &v.Hash); err != nil {
			return nil, err
		}
		all = append(all, v)
	}
	return all, rows.Err()
}

func (r revisions) ReadRevision(ctx context.Context, version string) (*migrate.Revision, error) {
	all, err := r.ReadRevisions(ctx)
	for _, v := range all {
		if v.Version == version {
			return v, nil
		}
	}
	return nil, errors.Join(err, migrate.ErrRevisionNotExist)
}

func (r revisions) WriteRevision(ctx context.Context, v *migrate.Revision) error {
	_, err := r.db.ExecContext(ctx, `INSERT INTO atlas_schema_revisions VALUES ($1, $2, $3, $4, $5)
		ON CONFLICT (version) DO UPDATE SET applied = excluded.applied, total = excluded.total`, v.Version, v.Description, v.Applied, v.Total, v.Hash)
	if err != nil && v.Error != "" {
		return nil // the transaction is at its end: the command writes this after it
	}
	return err
}

func (r revisions) DeleteRevision(ctx context.Context, version string) error {
	_, err := r.db.ExecContext(ctx, "DELETE FROM atlas_schema_revisions WHERE version = $1", version)
	return err
}

// psqlMigrator runs a file after the other, each in one transaction (psql -1),
// but those with CONCURRENTLY. psql has no table of versions.
type psqlMigrator struct {
	dsn, dir string
	here     *int
}

func openPsql(t testing.TB, dsn, dir string) migrator {
	t.Helper()
	if _, err := exec.LookPath("psql"); err != nil {
		t.Skip("there is no psql on this machine")
	}
	return psqlMigrator{dsn, dir, new(int)}
}

func (m psqlMigrator) step(context.Context) (int, error) { return *m.here, nil }

func (m psqlMigrator) to(ctx context.Context, step int) error {
	number := func(s int) int { // 8 and 9 are the last step
		if s == lastStep {
			return s + 1
		}
		return s
	}
	for n := number(*m.here) + 1; n <= number(step); n++ {
		if err := m.run(ctx, n, "up"); err != nil {
			return err
		}
		*m.here = min(n, lastStep)
	}
	for n := number(*m.here); n > number(step); n-- {
		if n > 1 {
			if err := m.run(ctx, n, "down"); err != nil {
				return err
			}
		}
		*m.here = n - 1
	}
	return nil
}

func (m psqlMigrator) run(ctx context.Context, number int, direction string) error {
	names, err := filepath.Glob(filepath.Join(m.dir, fmt.Sprintf("%06d_*.%s.sql", number, direction)))
	if err != nil || len(names) != 1 {
		return fmt.Errorf("%d has %d files: %w", number, len(names), err)
	}
	text, err := os.ReadFile(names[0])
	if err != nil {
		return err
	}
	args := []string{"-X", "-q", "-o", os.DevNull, "-v", "ON_ERROR_STOP=1", "-f", names[0], m.dsn}
	if number > 1 && !strings.Contains(string(text), "CONCURRENTLY") {
		args = append([]string{"-1"}, args...)
	}
	out, err := exec.CommandContext(ctx, "psql", args...).CombinedOutput()
	if err != nil {
		return fmt.Errorf("%w: %s", err, out)
	}
	return nil
}

// database gives an empty database of role shop_owner, the role's connection
// string, and one of role shop, the application's.
func database(t testing.TB) (owner, app, super string) {
	t.Helper()
	ctx := context.Background()
	s := pgtest.Server(t)
	err := s.Template(ctx, "migrations_template", func(ctx context.Context, dsn string) error {
		conn, err := pgx.Connect(ctx, dsn)
		if err != nil {
			return err
		}
		defer func() { _ = conn.Close(ctx) }()
		_, err = conn.Exec(ctx, `DO $$
BEGIN
  IF pg_catalog.to_regrole('shop_owner') IS NULL THEN CREATE ROLE shop_owner LOGIN; END IF;
  IF pg_catalog.to_regrole('shop') IS NULL THEN CREATE ROLE shop LOGIN; END IF;
END
$$`)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	super, drop, err := s.Clone(ctx, "migrations_template")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(drop)
	db := pgtest.Connect(t, super)
	pgtest.Exec(t, db, "DO $$ BEGIN EXECUTE format('ALTER DATABASE %I OWNER TO shop_owner', current_database()); END $$",
		"GRANT ALL ON SCHEMA public TO shop_owner")
	return as(super, "shop_owner"), as(super, "shop"), super
}

// as is the connection string of a session of the role, by whatever way in.
func as(dsn, role string) string {
	return dsn + "&options=-c%20role%3D" + role
}

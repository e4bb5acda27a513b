// Package yoretest helps to test programs that use yore, against a real
// PostgreSQL.
//
// [Pool], [DSN] and [SQL] give a test a database of its own with yore
// installed: a copy of a template, which is made once. [Script], [Files] and
// [Migrate] say what else is in the template.
//
//	func TestCountries(t *testing.T) {
//		t.Parallel()
//		db := yoretest.Pool(t, yoretest.Files(os.DirFS("../migrations"), "*.sql"))
//		…
//	}
//
// The server is one that [yore.example/yore/pgdev] finds or fetches and that
// ends with the process, or the one that the environment variable YORE_TEST_DSN
// names, or the one given by [On].
//
// No test has to sleep to tell one moment from the next, nor to fake a clock:
// [Now] is a moment between what was committed and what comes, and [At] and
// [Past] write versions that began long ago.
//
// [History] shows all versions of rows as lines that are the same in every run,
// [Equal] compares them with what is wanted, and [Verify] looks for damage.
//
// A test that rolls one transaction back at its end does not fit tables with a
// past: in a transaction time stands still, and a row that it changes five times
// has one version. Take a database for each test instead; that costs a few
// hundredths of a second.
package yoretest

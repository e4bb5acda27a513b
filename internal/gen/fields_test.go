package gen

import (
	"errors"
	"fmt"
	"go/format"
	"slices"
	"strings"
	"testing"
	"unicode"

	"yore.example/yore/internal/rowtype"
)

// refused fails the test unless err is an *Error whose message and hint contain
// the texts.
func refused(t *testing.T, err error, texts ...string) {
	t.Helper()
	var wrong *Error
	if !errors.As(err, &wrong) {
		t.Errorf("error %v, want one that says %q", err, texts)
		return
	}
	said := wrong.Message + " | " + wrong.Hint
	for _, text := range texts {
		if !strings.Contains(said, text) {
			t.Errorf("%s\nsays nothing of %q", said, text)
		}
	}
}

// immutable-242, immutable-252, immutable-253: names that cannot be.
func TestNamesRefused(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		qualified, table, schema, pkg string
		says                          []string
	}{
		{"blog.Post", "posts", "", "", []string{`"blog.Post" is no Context.Type`, "CamelCase", "Did you mean Blog.Post?"}},
		{"Blog.post", "posts", "", "", []string{"Did you mean Blog.Post?"}},
		{"Blog.blog_post", "posts", "", "", []string{"Did you mean Blog.BlogPost?"}},
		{"Post", "posts", "", "", []string{"without its context", "Blog.Post"}},
		{"Blog.", "posts", "", "", []string{`"Blog." is no Context.Type`}},
		{"Blog.Pöst", "posts", "", "", []string{"is no Context.Type"}},
		{"", "posts", "", "", []string{"is no Context.Type"}},
		{"posts", "Blog.Post", "", "", []string{`"posts" is no Context.Type`}},
		{"Blog.Post", "Posts", "", "", []string{`"Posts" is no name for a table`, "snake_case and plural", "Did you mean posts?"}},
		{"Blog.Post", "blogPosts", "", "", []string{"Did you mean blog_posts?"}},
		{"Blog.Post", "blog-posts", "", "", []string{"Did you mean blog_posts?"}},
		{"Blog.Post", "title:string", "", "", []string{`"title:string" is no name for a table`}},
		{"Blog.Post", "sales.posts", "", "", []string{"is no name for a table"}},
		{"Blog.Post", "posts; DROP", "", "", []string{"is no name for a table"}},
		{"Blog.Post", "2posts", "", "", []string{"is no name for a table"}},
		{"Blog.Post", "", "", "", []string{"is no name for a table"}},
		{"Blog.Post", strings.Repeat("p", 59), "", "", []string{"has 59 bytes; 58 are allowed", "_past"}},
		{"Blog.Post", "posts", "My Sales", "", []string{"is no name for a schema"}},
		{"Blog.Post", "posts", strings.Repeat("s", 55), "", []string{"54 are allowed"}},
		{"Type.Post", "posts", "", "", []string{"package type, a keyword of Go", "--package"}},
		{"String.Post", "posts", "", "", []string{"package string, a predeclared name of Go"}},
		{"Main.Post", "posts", "", "", []string{"package main, which has a meaning of its own to Go"}},
		{"Blog.Post", "posts", "", "Blog", []string{`"Blog" is no name for a package`}},
		{"Blog.Post", "posts", "", "func", []string{"package func, a keyword"}},
	} {
		_, err := ParseNames(c.qualified, c.table, c.schema, c.pkg)
		t.Run(c.qualified+" "+c.table, func(t *testing.T) { refused(t, err, c.says...) })
	}
}

func TestNames(t *testing.T) {
	t.Parallel()
	n, err := ParseNames("Admin.UserAccounts.LineItem", "line_items", "public", "")
	if err != nil || n.Package != "useraccounts" || n.Type != "LineItem" || n.Face() != "line_items" || n.Handle() != "LineItems" || n.Var() != "lineItem" || n.AnOne() != "a line item" {
		t.Errorf("%+v, %v", n, err)
	}
	if dir := Dir("Admin.UserAccounts.LineItem"); dir != "admin/useraccounts" {
		t.Error(dir)
	}
	if n, err := ParseNames("Main.Type", "order", "sales", "shop"); err != nil || n.Package != "shop" || n.Var() != "row" || n.FaceSQL() != `sales."order"` || n.StorageSQL() != `temporal_sales."order"` {
		t.Errorf("%+v, %v", n, err)
	}
	for plural, want := range map[string]string{"posts": "post", "categories": "category", "boxes": "box", "order_lines": "order_line", "people": "person", "news": "news",
		"addresses": "address", "status": "status", "houses": "house", "branches": "branch", "glass": "glass", "sheep": "sheep", "user_people": "user_person"} {
		if got := singular(plural); got != want {
			t.Errorf("%s: %s, not %s", plural, got, want)
		}
	}
}

// Fields that cannot be, and what is said of them.
func TestFieldsRefused(t *testing.T) {
	t.Parallel()
	n, _ := ParseNames("Blog.Post", "posts", "", "")
	for spec, says := range map[string][]string{
		"title":                             {"field title has no type", "string, text, integer", "references", "NAME:TYPE[:MODIFIER…]"},
		"title:":                            {"has no type"},
		":string":                           {`"" is no name for a field`},
		"Title:string":                      {`"Title" is no name for a field`, "Did you mean title:string?"},
		"dueOn:date":                        {"Did you mean due_on:date?"},
		"a__b:string":                       {"is no name for a field"},
		"naïve:string":                      {"is no name for a field"},
		"id:uuid":                           {"a field id is not possible", "entity_id, version, valid_from"},
		"entity_id:uuid":                    {"not possible"},
		"version:integer":                   {"not possible"},
		"valid_from:utc_datetime":           {"not possible"},
		"valid_to:utc_datetime":             {"not possible"},
		"deleted_at:utc_datetime":           {"not possible"},
		"xid:bigint":                        {"not possible"},
		"sys_version:integer":               {"not possible"},
		"ctid:string":                       {"PostgreSQL's own columns"},
		"title:strng":                       {`no type "strng"`, "Did you mean string?"},
		"age:int":                           {"Did you mean integer?"},
		"age:jsonb":                         {"Did you mean map?"},
		"age:varchar":                       {"Did you mean string?"},
		"age:qqqqqqqq":                      {"a type is string, text, integer"},
		"age:Integer":                       {`no type "Integer"`, "Did you mean integer?"},
		"age:integer:uniqe":                 {`no modifier "uniqe"`, "null, unique, index or default=VALUE", "Did you mean unique?"},
		"age:integer:defalt=3":              {"Did you mean default=VALUE?"},
		"age:integer:":                      {`no modifier ""`},
		"age:integer:null:null":             {"modifier null twice"},
		"age:integer:unique:index":          {"what is unique has an index"},
		"tags:array":                        {"array needs the type of its elements", "tags:array:string"},
		"tags:array:array:string":           {"an array is of string, text"},
		"tags:array:enum:a,b":               {"an array is of"},
		"tags:array:strin":                  {"Did you mean string?"},
		"status:enum":                       {"enum needs its values"},
		"status:enum:a":                     {"two values or more"},
		"status:enum:a,a":                   {"different words"},
		"status:enum:a,b\nc":                {"different words"},
		"status:enum:a,,b":                  {"different words"},
		"author:references":                 {"references needs the table", "references:users"},
		"author:references:Users":           {"is no name of a table"},
		"author:references:a.b.c":           {"is no name of a table"},
		"author:references:users:x":         {`no modifier "x"`},
		"parent:references:posts":           {"each of the posts would need another before it", "parent:references:posts:null"},
		"author:references:u:default=a":     {"a reference has no default"},
		"a:integer:default=1:default=2":     {"two defaults"},
		strings.Repeat("a", 64) + ":string": {"64 bytes"},
	} {
		_, err := ParseFields([]string{spec}, n)
		t.Run(spec, func(t *testing.T) { refused(t, err, says...) })
	}
	for _, twice := range [][]string{{"title:string", "title:text"}, {"author:references:users", "author_entity_id:uuid"}, {"a_1:string", "a1:string"}} {
		_, err := ParseFields(twice, n)
		t.Run(strings.Join(twice, " "), func(t *testing.T) { refused(t, err, twice[0]+" and "+twice[1]+" would both be") })
	}
}

// Defaults are checked by their type, and what is allowed is said.
func TestDefaultsRefused(t *testing.T) {
	t.Parallel()
	n, _ := ParseNames("Blog.Post", "posts", "", "")
	for spec, says := range map[string]string{
		"a:integer:default=abc":                  "default=abc does not fit integer: it is a whole number of 32 bits",
		"a:integer:default=":                     "it is a whole number",
		"a:integer:default=1.5":                  "it is a whole number",
		"a:integer:default=2147483648":           "of 32 bits",
		"a:smallint:default=32768":               "of 16 bits",
		"a:bigint:default=9223372036854775808":   "of 64 bits",
		"a:float:default=NaN":                    "it is a number",
		"a:float:default=1e999":                  "it is a number",
		"a:decimal:default=1/2":                  "a number such as 19.90",
		"a:boolean:default=yes":                  "true or false",
		"a:date:default=2026-02-30":              "a day such as 2026-01-31, or now",
		"a:date:default=31.1.2026":               "a day such as",
		"a:time:default=25:00":                   "a time of day such as",
		"a:time:default=9:30":                    "a time of day such as",
		"a:utc_datetime:default=2026-01-31":      "a moment such as",
		"a:naive_datetime:default=2026-01-31":    "such as 2026-01-31T09:30:00",
		"a:uuid:default=1234":                    "a UUID",
		"a:binary:default=xyz":                   "hexadecimal digits",
		"a:map:default={":                        "JSON such as {}",
		"a:array:integer:default=1,b":            "{}, or a list with commas: each a whole number",
		"a:enum:x,y:default=z":                   "x or y",
		"a:integer:default=1); DROP TABLE users": "it is a whole number",
	} {
		_, err := ParseFields([]string{spec}, n)
		t.Run(spec, func(t *testing.T) { refused(t, err, says) })
	}
	fields, err := ParseFields([]string{"a:time:default=09:30:null", "b:utc_datetime:default=now", "c:array:integer:default={}", "d:decimal:default=0", "e:integer:default=0", "f:boolean:default=true", "g:string:default="}, n)
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []string{
		"*string `db:\",default\"` DEFAULT '09:30'", "time.Time `db:\",default\"` NOT NULL DEFAULT now()", "[]int32 `db:\",default\"` NOT NULL DEFAULT '{}'",
		"string `db:\",default\"` NOT NULL DEFAULT 0", "int32 NOT NULL DEFAULT 0", "*bool `db:\",default\"` NOT NULL DEFAULT true", "string `db:\",default\"` NOT NULL DEFAULT ''",
	} {
		f := fields[i]
		if got := f.GoType() + f.Tag() + " " + f.Constraints(n); got != want {
			t.Errorf("%s: %s, not %s", f.Column, got, want)
		}
	}
}

// Whatever the field, its column is that of the Go field, by the rule or by a
// tag, and the code is formatted.
func TestFieldNames(t *testing.T) {
	t.Parallel()
	for column, want := range map[string]string{
		"title": "Title", "due_on": "DueOn", "url": "URL", "api_url": "APIURL `db:\"api_url\"`", "http_code": "HTTPCode", "line_2": "Line2 `db:\"line_2\"`", "a1": "A1",
		"meta": "MetaValue `db:\"meta\"`", "validate": "ValidateValue `db:\"validate\"`", "order": "Order", "type": "Type", "func": "Func", "x": "X", "user_id": "UserID",
	} {
		n, fields := parse(t, "Blog.Post", "posts", "", column+":string")
		if got := fields[0].Name + fields[0].Tag(); got != want {
			t.Errorf("%s: %s, not %s", column, got, want)
		}
		if f := fields[0]; f.Tag() == "" && rowtype.Snake(f.Name) != column || !unicode.IsUpper(rune(f.Name[0])) {
			t.Errorf("%s: %s", column, f.Name)
		}
		file, err := Schema{Names: n, Fields: fields}.Code("blog")
		if err != nil {
			t.Fatal(err)
		}
		if again, err := format.Source(file.Text); err != nil || string(again) != string(file.Text) {
			t.Errorf("%s is not formatted: %v", column, err)
		}
	}
}

func TestRelatedRefused(t *testing.T) {
	t.Parallel()
	n, fields := parse(t, "Blog.Post", "posts", "", "author:references:users", "editor:references:users", "title:string")
	for given, says := range map[string]string{
		"User":                        "of which reference? There are 2",
		"title=User":                  "no field title references a table | The references are author, editor.",
		"author=user":                 "names no type",
		"author=example.com/x-y.User": "names no type",
	} {
		_, err := ParseRelated([]string{given}, fields, n)
		t.Run(given, func(t *testing.T) { refused(t, err, says) })
	}
}

func TestComplete(t *testing.T) {
	t.Parallel()
	for word, want := range map[string]string{
		"title": "", "title:": "string", "title:st": "text", "tags:array:": "uuid", "status:enum:": "", "author:references:": "", "title:string:": "default=", "status:enum:a,b:": "unique",
	} {
		var words []string
		for _, w := range Complete(word) {
			words = append(words, w[0])
		}
		if want == "" && len(words) > 0 || want != "" && !slices.Contains(words, want) {
			t.Errorf("%s: %q", word, words)
		}
	}
	if words := fmt.Sprint(Complete("title:string:null:")); strings.Contains(words, "{null") || strings.Contains(words, "[null") {
		t.Error(words)
	}
}

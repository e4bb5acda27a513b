package fragment

import (
	"slices"
	"strings"
	"testing"
)

func TestPart(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"a = $1 AND b = $2":            "a = $4 AND b = $5",
		"$2 > $1":                      "$5 > $4",
		"$1 = $1 OR $2":                "$4 = $4 OR $5",
		"'$1' = $1 AND $2":             "'$1' = $4 AND $5",
		"'it''s $1' = $1 AND $2":       "'it''s $1' = $4 AND $5",
		`"$1" = $1 AND $2`:             `"$1" = $4 AND $5`,
		`E'\'$1' = $1 AND $2`:          `E'\'$1' = $4 AND $5`,
		`e'\\' = $1 AND $2`:            `e'\\' = $4 AND $5`,
		`type'\' = $1 AND $2`:          `type'\' = $4 AND $5`,
		"$1 -- $9\n AND $2":            "$4 -- $9\n AND $5",
		"$1 -- $9\r AND $2":            "$4 -- $9\r AND $5",
		"$1 AND $2 -- $9":              "$4 AND $5 -- $9",
		"$1 /* $9 */ AND $2":           "$4 /* $9 */ AND $5",
		"$1 /* /* $9 */ $8 */ AND $2":  "$4 /* /* $9 */ $8 */ AND $5",
		"$$ $9 $$ = $1 AND $2":         "$$ $9 $$ = $4 AND $5",
		"$t$ $9 $$ ' $t$ = $1 AND $2":  "$t$ $9 $$ ' $t$ = $4 AND $5",
		"a$1 = $1 AND $2":              "a$1 = $4 AND $5",
		"ä$1$ = $1 AND $2":             "ä$1$ = $4 AND $5",
		"f($1, (g($2)))":               "f($4, (g($5)))",
		"'(' = $1 AND ')' <> $2":       "'(' = $4 AND ')' <> $5",
		"a[$1:$2]":                     "a[$4:$5]",
		"$1::text = '$' || $2":         "$4::text = '$' || $5",
		"$1 OPERATOR(pg_catalog.-) $2": "$4 OPERATOR(pg_catalog.-) $5",
	} {
		b := Builder{Args: []any{1, 2, 3}}
		got, err := b.Part(in, []any{"x", "y"})
		if err != nil || got != want || len(b.Args) != 5 || b.Args[3] != "x" {
			t.Errorf("%s: got %s, %v, %v, want %s", in, got, b.Args, err, want)
		}
	}
	for _, in := range []string{"", "$1", "$2", "$1 $2 $3", "$0 $1 $2", "'$1 $2", `"$1 $2`, "$1 $2 /*", "$1 $2 /* /* */", "($1 $2", "$1) ($2", "$1 $2)", "$a$ $1 $2", "E'\\' $1 $2", "$1 $2 $99999999999999999999"} {
		b := Builder{Args: []any{1}}
		if got, err := b.Part(in, []any{"x", "y"}); err == nil || len(b.Args) != 1 {
			t.Errorf("%q became %q with %v", in, got, b.Args)
		}
	}
}

func TestList(t *testing.T) {
	t.Parallel()
	for in, want := range map[string][]string{
		"": {""}, "a": {"a"}, "a DESC, b": {"a DESC", " b"}, "f(a, b), c": {"f(a, b)", " c"}, "ARRAY[a, b], (c, (d, e))": {"ARRAY[a, b]", " (c, (d, e))"},
		`'a, '',' || E'\',', "b,c"`: {`'a, '',' || E'\','`, ` "b,c"`}, "a /* , */ -- ,\n, b": {"a /* , */ -- ,\n", " b"}, "$x$,$x$,b": {"$x$,$x$", "b"},
	} {
		if got := List(in); !slices.Equal(got, want) {
			t.Errorf("%s: got %q, want %q", in, got, want)
		}
	}
}

func TestName(t *testing.T) {
	t.Parallel()
	for in, want := range map[string][2]string{
		"tasks":          {"", "tasks"},
		" Tasks ":        {"", "tasks"},
		"sales.tasks":    {"sales", "tasks"},
		`"Tasks"`:        {"", "Tasks"},
		`Sales."My Tab"`: {"sales", "My Tab"},
		`"a.b"."c""d"`:   {"a.b", `c"d`},
		`"a"."b"`:        {"a", "b"},
		"Über":           {"", "Über"},
		"t$1_x":          {"", "t$1_x"},
		`"1"`:            {"", "1"},
		`""""`:           {"", `"`},
	} {
		schema, name, err := Name(in)
		if err != nil || [2]string{schema, name} != want {
			t.Errorf("%s: got %q.%q, %v", in, schema, name, err)
		}
	}
	for _, in := range []string{"", " ", ".", "a.", ".a", "a.b.c", "a b", "a-b", `"a`, `"a"b`, `""`, `a."`, "a;b", "a'b", "1a", "$a", `"a""`, "a.1b", "(a)"} {
		if schema, name, err := Name(in); err == nil {
			t.Errorf("%q is %q.%q", in, schema, name)
		}
	}
}

func TestIdents(t *testing.T) {
	t.Parallel()
	if got := Idents(`"t".`, []string{"a", `b"c`}); got != `"t"."a", "t"."b""c"` {
		t.Error(got)
	}
	if got := Idents("", nil); got != "" {
		t.Error(got)
	}
}

func FuzzPart(f *testing.F) {
	for _, s := range []string{"a = $1", "'$1", "E'\\' $1", "/* /* */ $1 */", "$t$ $1 $t$", "($1)", "a$1 $1", "--\r$1", `"$1" $1`} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		var one, moved Builder
		moved.Args = []any{"before"}
		a, errA := one.Part(s, []any{"x"})
		b, errB := moved.Part(s, []any{"x"})
		if (errA == nil) != (errB == nil) {
			t.Fatalf("%q: %v, %v", s, errA, errB)
		}
		if errA != nil {
			if len(one.Args) != 0 {
				t.Errorf("%q: arguments of a part that was refused", s)
			}
			return
		}
		if a != s { // from $1 on, a part is as it was written, but for zeros
			if strings.ReplaceAll(a, "$1", "") != strings.NewReplacer("$01", "", "$1", "").Replace(strings.ReplaceAll(s, "$0", "$")) && !strings.Contains(s, "$0") {
				t.Errorf("%q became %q", s, a)
			}
		}
		if len(one.Args) != 1 || len(moved.Args) != 2 || !strings.Contains(b, "$2") {
			t.Errorf("%q became %q with %v", s, b, moved.Args)
		}
		// In parentheses, with a line break, it is one expression: what follows stands outside.
		var whole Builder
		if _, err := whole.Part("("+s+"\n) AND $1", []any{"x"}); err != nil {
			t.Errorf("%q in parentheses: %v", s, err)
		}
	})
}

func FuzzName(f *testing.F) {
	for _, s := range []string{"tasks", `"A""b".c`, "a.b", "Ä", `"`, "1a"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		schema, name, err := Name(s)
		if err != nil {
			return
		}
		quoted := Ident(name)
		if schema != "" {
			quoted = Ident(schema) + "." + quoted
		}
		if strings.ContainsRune(s, 0) { // quoting drops what no name can have
			return
		}
		schema2, name2, err := Name(quoted)
		if err != nil || schema2 != schema || name2 != name || name == "" {
			t.Errorf("%q is %q.%q, quoted %s: %q.%q, %v", s, schema, name, quoted, schema2, name2, err)
		}
	})
}

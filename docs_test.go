package yore_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"strings"
	"testing"
)

// Every exported name of the library has a doc comment, methods included but for
// those that everybody knows.
func TestEverythingIsDocumented(t *testing.T) {
	t.Parallel()
	for _, folder := range []string{".", "pgdev", "yoretest"} {
		files := token.NewFileSet()
		//nolint:staticcheck // no build tags to mind
		packages, err := parser.ParseDir(files, folder, func(f fs.FileInfo) bool { return !strings.HasSuffix(f.Name(), "_test.go") }, parser.ParseComments)
		if err != nil {
			if folder == "yoretest" {
				continue
			}
			t.Fatal(err)
		}
		missing := func(doc *ast.CommentGroup, name *ast.Ident) {
			if name.IsExported() && doc.Text() == "" && name.Name != "Error" && name.Name != "Unwrap" {
				t.Errorf("%s: %s has no doc comment", files.Position(name.Pos()), name.Name)
			}
		}
		for _, p := range packages {
			for _, f := range p.Files {
				for _, decl := range f.Decls {
					switch d := decl.(type) {
					case *ast.FuncDecl:
						if exportedReceiver(d) {
							missing(d.Doc, d.Name)
						}
					case *ast.GenDecl:
						for _, spec := range d.Specs {
							switch s := spec.(type) {
							case *ast.TypeSpec:
								missing(either(s.Doc, d.Doc), s.Name)
							case *ast.ValueSpec:
								for _, name := range s.Names {
									missing(either(s.Doc, either(d.Doc, s.Comment)), name)
								}
							}
						}
					}
				}
			}
		}
	}
}

func exportedReceiver(f *ast.FuncDecl) bool {
	if f.Recv == nil {
		return true
	}
	receiver := f.Recv.List[0].Type
	for {
		switch r := receiver.(type) {
		case *ast.StarExpr:
			receiver = r.X
		case *ast.IndexExpr:
			receiver = r.X
		case *ast.IndexListExpr:
			receiver = r.X
		case *ast.Ident:
			return r.IsExported()
		default:
			return false
		}
	}
}

func either(a, b *ast.CommentGroup) *ast.CommentGroup {
	if a != nil {
		return a
	}
	return b
}

package settings

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
)

// readHere are the settings that this package itself acts on.
var readHere = []string{"Config"}

// O6: no setting is silently ignored. Each is read by a file that imports
// this package, or stands in notYet.
func TestEverySettingIsReadOrNotYet(t *testing.T) {
	t.Parallel()
	read := append(selectors(t, "../.."), readHere...)
	v := reflect.TypeFor[Settings]()
	for i := range v.NumField() {
		if !v.Field(i).Anonymous {
			continue
		}
		for j := range v.Field(i).Type.NumField() {
			f := v.Field(i).Type.Field(j)
			name := f.Tag.Get("name")
			if f.Tag.Get("fileof") != "" { // read here, in place of its secret
				continue
			}
			if !isNotYet(name) && !someNotYet(name) && !slices.Contains(read, f.Name) {
				t.Errorf("--%s is read by nobody: wire Settings.%s, or put it into notYet", name, f.Name)
			}
		}
	}
}

// someNotYet are settings of which only the words that ask for nothing are
// taken.
func someNotYet(name string) bool {
	return slices.ContainsFunc(notYetWords, func(pair string) bool { return strings.HasPrefix(pair, name+"=") })
}

func TestNotYetNamesSettings(t *testing.T) {
	t.Parallel()
	for _, name := range notYet {
		if !slices.Contains(names(), name) {
			t.Errorf("notYet names %q, which is no setting", name)
		}
	}
	for _, pair := range notYetWords {
		if name, word, ok := strings.Cut(pair, "="); !ok || word == "" || !slices.Contains(names(), name) {
			t.Errorf("notYetWords names %q, which is no setting=word", pair)
		}
	}
}

// selectors are the names selected from anything in the files below root that
// import this package.
func selectors(t *testing.T, root string) []string {
	t.Helper()
	var out []string
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && path != root && (strings.HasPrefix(d.Name(), ".") || d.Name() == "testdata" || d.Name() == "settings") {
			return filepath.SkipDir
		}
		if d.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return nil
		}
		f, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		if !slices.ContainsFunc(f.Imports, func(s *ast.ImportSpec) bool { return strings.HasSuffix(s.Path.Value, `/cmd/settings"`) }) {
			return nil
		}
		ast.Inspect(f, func(n ast.Node) bool {
			if s, ok := n.(*ast.SelectorExpr); ok {
				out = append(out, s.Sel.Name)
			}
			return true
		})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

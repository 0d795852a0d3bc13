package main

import (
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/parleyhq/parley/"

// mayImport is the table of docs/architecture.md: for a folder and all below
// it, the folders of this module that its code may import. The longest match
// counts. A package may always import what lies above and below itself; `*`
// is everything. Tests are free, and so are conformance suites and load
// generators (eventtest, pebblebench): they bring what they measure with.
var mayImport = map[string][]string{
	"domain":              {"domain/event", "domain/fault", "domain/text"}, // each noun alone
	"domain/event":        {"domain/fault"},
	"domain/fault":        {},
	"domain/text":         {"domain/fault"},
	"commands":            {"domain"},
	"readmodels":          {"domain"},
	"projections":         {"domain", "readmodels"},
	"projections/process": {"projections", "commands", "readmodels", "domain"},
	"transport":           {"commands", "readmodels", "domain"},
	"infra":               {"domain", "commands", "readmodels", "projections"},                      // the owner of the port it implements
	"infra/files":         {"domain", "commands", "readmodels", "projections", "infra/smtp/letter"}, // a folder gets the same mails
	"infra/stack":         {"domain", "commands", "readmodels", "projections", "infra"},
	"cmd/settings":        {},
	"cmd/app":             {"*"},
	"cmd/parley":          {"*"},
	"cmd/acceptance":      {"cmd/app", "cmd/settings"},
	"cmd":                 {"*"},
	"docs":                {"*"},
	"examples":            {}, // clients see the public contract alone

	"readmodels/searchtest": {"domain", "examples/community"}, // what engines are judged by
}

// foreign are the modules that domain code may import.
var foreign = map[string][]string{
	"domain":       {"github.com/google/uuid", "golang.org/x/text"},
	"domain/fault": {},
	"domain/text":  {"github.com/google/uuid", "golang.org/x/text", "github.com/rivo/uniseg"},

	"domain/text/gfm": {"github.com/yuin/goldmark"},
}

// drivers are modules with one home each; whoever needs what they do asks for
// a port.
var drivers = map[string][]string{
	"github.com/cockroachdb/pebble":              {"infra/pebble"},
	"modernc.org/sqlite":                         {"infra/sqlite", "infra/keyring"},
	"github.com/blevesearch":                     {"infra/bleve"},
	"github.com/EventStore/EventStore-Client-Go": {"infra/eventstore", "transport/eventgrpc"}, // the latter serves its protocol
	"github.com/segmentio/kafka-go":              {"infra/kafka"},
	"github.com/jackc/pgx":                       {"infra/postgres"},
	"github.com/elastic":                         {"infra/elastic"},
	"github.com/redis":                           {"infra/redis"},
	"github.com/minio/minio-go":                  {"infra/s3"},
	"github.com/wneessen/go-mail":                {"infra/smtp"},
	"github.com/coreos/go-oidc":                  {"infra/oidc"},
	"github.com/gorilla/websocket":               {"transport/push", "cmd/acceptance", "cmd/bench", "examples"},
	"github.com/go-chi/chi":                      {"transport"},
	"github.com/alecthomas/kong":                 {"cmd"},
}

// source is a file that is no test, with its folder and its imports.
type source struct {
	folder, file string
	lines        int
	imports      []string
	inits        bool
}

// TestImportTable holds the house together: which folder may know which.
func TestImportTable(t *testing.T) {
	t.Parallel()
	for _, s := range sources(t) {
		for _, imported := range s.imports {
			if problem := forbidden(s.folder, imported); problem != "" {
				t.Errorf("%s imports %s: %s", s.file, imported, problem)
			}
		}
	}
}

// TestHouseRules holds what makes a package readable: it says what it is for,
// its files stay short, and nothing happens before main.
func TestHouseRules(t *testing.T) {
	t.Parallel()
	documented := map[string]bool{}
	for _, s := range sources(t) {
		documented[s.folder] = documented[s.folder] || path.Base(s.file) == "doc.go"
		if s.inits {
			t.Errorf("%s has a func init", s.file)
		}
		if s.lines > 500 && !generated(t, s.file) {
			t.Errorf("%s has %d lines: over 500 is usually two things", s.file, s.lines)
		}
	}
	for folder, ok := range documented {
		if !ok {
			t.Errorf("%s has no doc.go", folder)
		}
	}
}

// forbidden says why a folder may not import something, or nothing.
func forbidden(folder, imported string) string {
	own, internal := strings.CutPrefix(imported, module)
	if internal {
		if within(own, folder) || within(folder, own) {
			return ""
		}
		rule, ok := longest(mayImport, folder)
		if !ok {
			return folder + " has no row in the import table"
		}
		if !slices.ContainsFunc(mayImport[rule], func(may string) bool { return may == "*" || within(own, may) }) {
			return rule + " may not"
		}
		return ""
	}
	if !strings.Contains(strings.Split(imported, "/")[0], ".") {
		return "" // the standard library
	}
	if strings.HasSuffix(folder, "test") || strings.HasSuffix(folder, "bench") {
		return ""
	}
	if rule, ok := longest(foreign, folder); ok && !slices.ContainsFunc(foreign[rule], func(may string) bool { return within(imported, may) }) {
		return rule + " imports the standard library and little else"
	}
	if driver, ok := longest(drivers, imported); ok && !slices.ContainsFunc(drivers[driver], func(home string) bool { return within(folder, home) }) {
		return "its home is " + strings.Join(drivers[driver], ", ")
	}
	return ""
}

func within(p, folder string) bool { return p == folder || strings.HasPrefix(p, folder+"/") }

// longest is the longest key of the table that p lies within.
func longest(table map[string][]string, p string) (string, bool) {
	best, found := "", false
	for key := range table {
		if within(p, key) && len(key) >= len(best) {
			best, found = key, true
		}
	}
	return best, found
}

// sources reads the module's code, tests left out.
func sources(t *testing.T) []source {
	t.Helper()
	var out []source
	root := filepath.Join("..", "..")
	err := filepath.WalkDir(root, func(p string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name := d.Name()
		if d.IsDir() && p != root && (strings.HasPrefix(name, ".") || name == "testdata" || name == "data" || name == "bin" || name == "node_modules") {
			return filepath.SkipDir
		}
		if d.IsDir() || !strings.HasSuffix(name, ".go") || strings.HasSuffix(name, "_test.go") {
			return nil
		}
		s, err := read(p)
		rel, _ := filepath.Rel(root, p)
		s.file = filepath.ToSlash(rel)
		s.folder = path.Dir(s.file)
		out = append(out, s)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(out) < 20 {
		t.Fatalf("only %d files were found", len(out))
	}
	return out
}

func read(p string) (source, error) {
	text, err := os.ReadFile(p)
	if err != nil {
		return source{}, err
	}
	f, err := parser.ParseFile(token.NewFileSet(), p, text, parser.SkipObjectResolution)
	if err != nil {
		return source{}, err
	}
	s := source{lines: strings.Count(string(text), "\n"), inits: strings.Contains(string(text), "\nfunc init() {")}
	for _, i := range f.Imports {
		s.imports = append(s.imports, strings.Trim(i.Path.Value, `"`))
	}
	return s, nil
}

func generated(t *testing.T, file string) bool {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "..", file))
	if err != nil {
		t.Fatal(err)
	}
	return strings.HasPrefix(string(text), "// Code generated ")
}

// The table itself: what it must let through and what not.
func TestForbidden(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		folder, imported string
		ok               bool
	}{
		{"domain/post", module + "domain/event", true},
		{"domain/post", module + "domain/account", false},
		{"domain/post", "net/http", true},
		{"domain/post", "github.com/go-chi/chi/v5", false},
		{"domain/fault", "github.com/google/uuid", false},
		{"domain", module + "domain/post", true},
		{"commands", module + "domain/post", true},
		{"commands", module + "readmodels", false},
		{"commands", "github.com/jackc/pgx/v5", false},
		{"readmodels", module + "commands", false},
		{"projections", module + "commands", false},
		{"projections/process", module + "commands", true},
		{"transport/rest", module + "infra/sqlite", false},
		{"transport/rest", module + "transport/push", false},
		{"infra/sqlite", module + "readmodels", true},
		{"infra/sqlite", module + "infra/pebble", false},
		{"infra/sqlite", "modernc.org/sqlite/lib", true},
		{"infra/pebble/pebblebench", module + "infra/pebble", true},
		{"domain/event/eventtest", "github.com/google/go-cmp/cmp", true},
		{"infra/stack", module + "infra/pebble", true},
		{"infra/stack", module + "transport/rest", false},
		{"infra/stack", module + "cmd/settings", false},
		{"cmd/parley", module + "transport/rest", true},
		{"examples/live", module + "domain/event", false},
		{"elsewhere", module + "domain/event", false},
	} {
		if problem := forbidden(c.folder, c.imported); (problem == "") != c.ok {
			t.Errorf("%s → %s: %q", c.folder, c.imported, problem)
		}
	}
}

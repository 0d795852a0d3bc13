package main

import (
	"bytes"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

const featuresIntro = `
# Features and their tests

Each row is proved through the public interface by the acceptance tests named beside it (` + "`cmd/acceptance`" + `, run them with
` + "`make test`, or against the real process with `make test-stack`" + `); the tests of the parts follow in the last column.
`

// acceptance is the folder of the tests that drive the public interface.
const acceptance = "cmd/acceptance/"

const invariantsIntro = `
## Invariants and their tests

The numbers are those of [invariants.md](invariants.md).

| invariant | tests |
|---|---|
`

// proof is a test and the rows it names.
type proof struct {
	file string // path below the repository, with slashes
	name string
	rows []string // ids of features, numbers of invariants
}

// maxInvariant is the last number of invariants.md.
const maxInvariant = 13

// features writes the rows that an acceptance test proves.
func features(b *bytes.Buffer, root string) error {
	all, err := proofs(root)
	if err != nil {
		return err
	}
	b.WriteString(featuresIntro)
	b.WriteString("\n| row | feature | acceptance tests | further tests |\n|---|---|---|---|\n")
	for _, r := range rows {
		var black, white []string
		for _, p := range all {
			if !slices.Contains(p.rows, r.id) {
				continue
			}
			if link := fmt.Sprintf("[%s](../%s)", p.name, p.file); strings.HasPrefix(p.file, acceptance) {
				black = append(black, link)
			} else {
				white = append(white, link)
			}
		}
		if len(black) > 0 {
			fmt.Fprintf(b, "| %s | %s | %s | %s |\n", r.id, r.title, strings.Join(black, "<br>"), strings.Join(white, "<br>"))
		}
	}
	invariants(b, all)
	return nil
}

// invariants writes the numbers that tests name in their comments.
func invariants(b *bytes.Buffer, all []proof) {
	b.WriteString(invariantsIntro)
	for n := 1; n <= maxInvariant; n++ {
		var tests []string
		for _, p := range all {
			if slices.Contains(p.rows, strconv.Itoa(n)) {
				tests = append(tests, fmt.Sprintf("[%s](../%s)", p.name, p.file))
			}
		}
		if len(tests) > 0 {
			fmt.Fprintf(b, "| %d | %s |\n", n, strings.Join(tests, "<br>"))
		}
	}
}

// proofs reads every test of the repository that names a row, by file and
// place.
func proofs(root string) ([]proof, error) {
	var out []proof
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name := d.Name()
		if d.IsDir() && path != root && (strings.HasPrefix(name, ".") || name == "testdata" || name == "node_modules" || name == "bin" || name == "data") {
			return filepath.SkipDir
		}
		if d.IsDir() || !strings.HasSuffix(name, "_test.go") {
			return nil
		}
		rel, err := filepath.Rel(root, path)
		if err != nil {
			return err
		}
		found, err := proofsOf(path, filepath.ToSlash(rel))
		out = append(out, found...)
		return err
	})
	return out, err
}

// proofsOf reads one file. A test names rows in its name, in the comment
// above it, or in comments inside that begin with a row.
func proofsOf(path, rel string) ([]proof, error) {
	files := token.NewFileSet()
	f, err := parser.ParseFile(files, path, nil, parser.ParseComments|parser.SkipObjectResolution)
	if err != nil {
		return nil, err
	}
	var out []proof
	for _, decl := range f.Decls {
		fn, ok := decl.(*ast.FuncDecl)
		if !ok || fn.Recv != nil || !strings.HasPrefix(fn.Name.Name, "Test") && !strings.HasPrefix(fn.Name.Name, "Fuzz") {
			continue
		}
		p := proof{file: rel, name: fn.Name.Name}
		p.rows = append(p.rows, rowsOfName(fn.Name.Name)...)
		if fn.Doc != nil {
			p.rows = append(p.rows, rowWord.FindAllString(fn.Doc.Text(), -1)...)
			for _, match := range invariant.FindAllString(fn.Doc.Text(), -1) {
				p.rows = append(p.rows, number.FindAllString(match, -1)...)
			}
		}
		for _, c := range f.Comments {
			if c.Pos() > fn.Pos() && c.End() < fn.End() {
				p.rows = append(p.rows, rowWord.FindAllString(leading.FindString(c.Text()), -1)...)
			}
		}
		if len(p.rows) > 0 {
			out = append(out, p)
		}
	}
	return out, nil
}

var (
	rowWord   = regexp.MustCompile(`\b[ASFCNQO][0-9]{1,2}\b`)
	leading   = regexp.MustCompile(`^[ASFCNQO][0-9]{1,2}(,? (and )?[ASFCNQO][0-9]{1,2})*\b`)
	rowName   = regexp.MustCompile(`^(?:Test|Fuzz)((?:_?[ASFCNQO][0-9]{1,2})+)(?:_|$)`)
	invariant = regexp.MustCompile(`[Ii]nvariants? [0-9]+((, | and |, and )[0-9]+)*`)
	number    = regexp.MustCompile(`[0-9]+`)
	rowPart   = regexp.MustCompile(`[ASFCNQO][0-9]{1,2}`)
)

// rowsOfName are the rows of TestA4_… or TestA4S2_….
func rowsOfName(name string) []string {
	match := rowName.FindStringSubmatch(name)
	if match == nil {
		return nil
	}
	return rowPart.FindAllString(match[1], -1)
}

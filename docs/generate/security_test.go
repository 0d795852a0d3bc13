package main

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

var (
	namedTest    = regexp.MustCompile(`\b(?:Test|Fuzz)[A-Z][A-Za-z0-9_]*`)
	declaredTest = regexp.MustCompile(`(?m)^func ((?:Test|Fuzz)[A-Z][A-Za-z0-9_]*)\(`)
)

// Each test that docs/security.md names is there, and each threat names one.
func TestSecurityNamesTests(t *testing.T) {
	t.Parallel()
	declared := map[string]bool{}
	err := filepath.WalkDir("../..", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(path, "_test.go") {
			if d != nil && d.IsDir() && strings.HasPrefix(d.Name(), ".") && d.Name() != ".." {
				return fs.SkipDir
			}
			return err
		}
		text, err := os.ReadFile(path)
		for _, m := range declaredTest.FindAllSubmatch(text, -1) {
			declared[string(m[1])] = true
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	page, err := os.ReadFile("../security.md")
	if err != nil {
		t.Fatal(err)
	}
	threats := 0
	for line := range strings.Lines(string(page)) {
		cells := strings.Split(line, "|")
		if len(cells) != 5 || strings.HasPrefix(cells[1], " threat") || strings.HasPrefix(cells[1], "---") {
			continue
		}
		threats++
		names := namedTest.FindAllString(cells[3], -1)
		if len(names) == 0 {
			t.Errorf("no test shows:%s", cells[1])
		}
		for _, name := range names {
			if !declared[name] {
				t.Errorf("there is no %s", name)
			}
		}
	}
	if threats < 30 {
		t.Errorf("only %d threats were found", threats)
	}
}

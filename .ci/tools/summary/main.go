// Command summary reads `go test -json` and says in few lines what happened:
// each package with its number of tests and seconds (those that failed alone,
// where one did), what was skipped, the output of what failed, and the sum last.
//
// It fails when a test or a build failed and when nothing ran. -list names a
// file to which every test that ran is written; with -skips, a skip whose
// reason does not match that expression is a failure too.
package main

import (
	"bufio"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"os"
	"regexp"
	"slices"
	"strings"
)

// event is a line of `go test -json`; see `go doc test2json`.
type event struct {
	Action     string
	Package    string
	ImportPath string // of a build's output
	Test       string
	Elapsed    float64
	Output     string
}

// Most lines of output shown of one failed test.
const maxLines = 60

type result struct {
	name, action string
	elapsed      float64
	tests        int
}

func main() {
	list := flag.String("list", "", "the file to write every test that ran to; none where it is empty")
	skips := flag.String("skips", "", "what the reason of a skipped test must match; any does where it is empty")
	flag.Parse()
	s := summary{reason: regexp.MustCompile(*skips), output: map[string][]string{}, tests: map[string]int{}, parents: map[string]bool{}}
	if err := s.read(os.Stdin); err != nil {
		fmt.Fprintln(os.Stderr, "summary:", err)
		os.Exit(1)
	}
	if *list != "" {
		if err := os.WriteFile(*list, s.list(), 0o644); err != nil {
			fmt.Fprintln(os.Stderr, "summary:", err)
			os.Exit(1)
		}
	}
	if !s.print(os.Stdout) {
		os.Exit(1)
	}
}

type summary struct {
	reason                  *regexp.Regexp      // to skip a test
	output                  map[string][]string // by package and test
	tests                   map[string]int      // that ran, by package
	parents                 map[string]bool     // tests that have subtests
	packages                []result
	ran, failures, skips    []result
	passed, failed, skipped int
	broken                  int // packages that failed outside of a test
}

func (s *summary) read(r io.Reader) error {
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, 16<<20)
	for lines.Scan() {
		var e event
		if json.Unmarshal(lines.Bytes(), &e) != nil {
			fmt.Println(lines.Text()) // not JSON: the go command itself speaks
			continue
		}
		s.add(e)
	}
	return lines.Err()
}

func (s *summary) add(e event) {
	key := e.Package + " " + e.Test
	switch e.Action {
	case "build-output":
		fmt.Print(e.Output)
	case "output":
		if strings.HasPrefix(e.Output, "=== ") {
			return // RUN, PAUSE, CONT, NAME: the test's own lines tell more
		}
		s.output[key] = append(s.output[key], e.Output)
	case "run":
		for i, c := range e.Test {
			if c == '/' {
				s.parents[e.Package+" "+e.Test[:i]] = true
			}
		}
	case "pass", "fail", "skip":
		s.end(key, e)
	}
}

func (s *summary) end(key string, e event) {
	if e.Test == "" {
		s.packages = append(s.packages, result{e.Package, e.Action, e.Elapsed, s.tests[e.Package]})
		if e.Action == "fail" && s.tests[e.Package] == 0 {
			s.broken++
			s.failures = append(s.failures, result{key, e.Action, e.Elapsed, 0})
		}
		return
	}
	r := result{name: key, action: e.Action, elapsed: e.Elapsed}
	s.tests[e.Package]++
	s.ran = append(s.ran, r)
	switch e.Action {
	case "pass":
		s.passed++
		delete(s.output, key)
	case "skip":
		s.skipped++
		s.skips = append(s.skips, r)
	case "fail":
		s.failed++
		s.failures = append(s.failures, r)
	}
}

// list names every test that ran, a line each.
func (s *summary) list() []byte {
	var b []byte
	for _, r := range s.ran {
		if !s.parents[r.name] {
			b = fmt.Appendf(b, "  %-4s %6.2fs  %s\n", r.action, r.elapsed, short(r.name))
		}
	}
	return b
}

// print says what happened, and whether all is well: what failed stands last,
// and the last line counts and names it. That is all that some readers of a
// long log get to see.
func (s *summary) print(w io.Writer) bool {
	slices.SortFunc(s.packages, func(a, b result) int { return strings.Compare(a.name, b.name) })
	failed := s.failed > 0 || slices.ContainsFunc(s.packages, func(p result) bool { return p.action == "fail" })
	for _, p := range s.packages {
		// Beside a failure the packages without one are only in the way.
		if p.action == "fail" || p.tests > 0 && !failed {
			fmt.Fprintf(w, "  %-4s %7.2fs %5d tests  %s\n", p.action, p.elapsed, p.tests, short(p.name))
		}
	}
	for _, r := range s.skips {
		why := strings.Join(s.output[r.name], "")
		if s.parents[r.name] || s.reason.MatchString(why) {
			fmt.Fprintf(w, "  skipped: %s\n", short(r.name))
			continue
		}
		failed = true
		fmt.Fprintf(w, "--- skipped, and may not be: %s\n%s", short(r.name), why)
	}
	for _, r := range s.failures {
		fmt.Fprintf(w, "--- %s\n", short(r.name))
		out := strings.Split(strings.TrimRight(strings.Join(s.output[r.name], ""), "\n"), "\n")
		if len(out) > maxLines {
			fmt.Fprintf(w, "    … %d lines before\n", len(out)-maxLines)
			out = out[len(out)-maxLines:]
		}
		fmt.Fprintln(w, strings.Join(out, "\n"))
	}
	fmt.Fprintf(w, "%d tests ran: %d passed, %d failed, %d skipped", len(s.ran), s.passed, s.failed, s.skipped)
	if s.broken > 0 {
		fmt.Fprintf(w, "; %d packages failed as a whole", s.broken)
	}
	var names []string
	for _, r := range s.failures {
		if !s.parents[r.name] {
			names = append(names, strings.TrimSpace(short(r.name)))
		}
	}
	if len(names) > 0 {
		fmt.Fprintf(w, "; failed: %s", strings.Join(names, ", "))
	}
	fmt.Fprintln(w)
	if len(s.ran)-s.skipped == 0 {
		fmt.Fprintln(w, "nothing ran: that is a failure")
		return false
	}
	return !failed
}

func short(name string) string {
	return strings.TrimPrefix(strings.TrimPrefix(name, "github.com/parleyhq/parley/"), "github.com/parleyhq/parley ")
}

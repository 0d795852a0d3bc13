package bench

import (
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Table prints results as lines, each as soon as it is there.
type Table struct {
	out  io.Writer
	wide int // of the first column, in characters
}

// NewTable prints the head of a table that has room for the pairs.
func NewTable(out io.Writer, pairs []Pair) (*Table, error) {
	t := &Table{out: out, wide: len("what")}
	for _, p := range pairs {
		t.wide = max(t.wide, utf8.RuneCountInString(p.What))
	}
	return t, t.line("what", "Parley", "floor", "", "ratio", "aim", "floor is")
}

// Show prints one result.
func (t *Table) Show(r Result) error {
	if r.Error != "" {
		_, err := fmt.Fprintf(t.out, "%-*s  failed: %s\n", t.wide, r.What, strings.Join(strings.Fields(r.Error), " "))
		return err
	}
	floor, ratio := "", ""
	if r.Floor != nil {
		floor, ratio = round(*r.Floor), strconv.FormatFloat(*r.Ratio, 'f', 2, 64)
	}
	return t.line(r.What, round(r.Parley), floor, r.Unit, ratio, r.Aim, r.Beside)
}

func (t *Table) line(what, parley, floor, unit, ratio, aim, beside string) error {
	line := fmt.Sprintf("%-*s  %9s %9s  %-12s  %6s  %-8s  %s", t.wide, what, parley, floor, unit, ratio, aim, beside)
	_, err := fmt.Fprintln(t.out, strings.TrimRight(line, " "))
	return err
}

// WriteJSON writes results as one JSON array.
func WriteJSON(out io.Writer, results []Result) error {
	e := json.NewEncoder(out)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	return e.Encode(results)
}

func round(v float64) string {
	switch {
	case v >= 100:
		return strconv.FormatFloat(v, 'f', 0, 64)
	case v >= 1:
		return strconv.FormatFloat(v, 'f', 1, 64)
	}
	return strconv.FormatFloat(v, 'f', 3, 64)
}

package bench

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/parleyhq/parley/cmd/app"
	"github.com/parleyhq/parley/cmd/settings"
)

// TestMain lets this binary stand in for the program where a process of its
// own is measured: "serve" and its flags are what the program takes.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == "serve" {
		if err := serve(os.Args[2:]); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

func serve(args []string) error {
	cfg, err := settings.Parse(args, nil)
	if err != nil {
		return err
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	return app.Run(ctx, cfg, os.Stdout, os.Stderr)
}

// Every pair runs, on very little work: no time is held against anything.
func TestPairs(t *testing.T) {
	t.Parallel()
	executable, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	pairs := slices.DeleteFunc(Pairs(small(dir, executable, Servers{})), func(p Pair) bool { return p.Needs != nil })
	compare(t, dir, pairs)
}

// small is a plan of very little work.
func small(data, executable string, servers Servers) Plan {
	return Plan{
		Data: data, Executable: executable, Servers: servers, Writers: []int{1, 4}, Remote: []int{1, 4}, Clients: 4, Events: 50,
		Sockets: []int{8}, Backlog: 4, Idle: 100, Returning: 20, Relayed: []int{12, 256}, Posts: 40, Fed: 8,
		Searched: 60, OnBoard: 50, OnPost: 90, Reacting: 6,
		Feed: Feed{Posts: 4000, Followees: 3, Followers: 5},
	}
}

// Rows of servers that are not given say which ones.
func TestNeeds(t *testing.T) {
	t.Parallel()
	needs := func(servers Servers) string {
		var all []string
		for _, p := range Pairs(small("", "", servers)) {
			all = append(all, p.Needs...)
		}
		slices.Sort(all)
		return strings.Join(slices.Compact(all), " ")
	}
	if got := needs(Servers{}); got != "--elasticsearch --kafka --postgres" {
		t.Errorf("without servers: %s", got)
	}
	if got := needs(Servers{Postgres: "p", Kafka: "k"}); got != "--elasticsearch" {
		t.Errorf("without Elasticsearch: %s", got)
	}
	if got := needs(Servers{Postgres: "p", Kafka: "k", Elasticsearch: "e"}); got != "" {
		t.Errorf("with all: %s", got)
	}
	for _, url := range []string{"kafka://me:secret@host:1", "kafka://host:1?tls=true", "http://host:1"} {
		if _, err := (Servers{Kafka: url}).brokers(); !errors.Is(err, errors.ErrUnsupported) || strings.Contains(err.Error(), "secret") {
			t.Errorf("%s: %v", url, err)
		}
	}
}

// compare measures pairs for a moment each, and fails unless each has a result
// and leaves nothing behind in dir.
func compare(t *testing.T, dir string, pairs []Pair) {
	t.Helper()
	var results []Result
	err := Compare(t.Context(), pairs, Options{Rounds: 1, Each: 10 * time.Millisecond}, func(r Result) error {
		results = append(results, r)
		return nil
	})
	if err != nil {
		t.Error(err)
	}
	if len(results) != len(pairs) {
		t.Fatalf("%d results of %d pairs", len(results), len(pairs))
	}
	for i, r := range results {
		if r.Error == errors.ErrUnsupported.Error() {
			continue
		}
		if r.What != pairs[i].What || r.Error != "" || r.Parley == 0 || math.IsNaN(r.Parley) {
			t.Errorf("%+v", r)
		}
		if (r.Floor == nil) != (pairs[i].Floor == "") || (r.Floor == nil) != (r.Ratio == nil) {
			t.Errorf("%s: has a floor: %v", r.What, r.Floor != nil)
		}
	}
	left, err := os.ReadDir(dir)
	if err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

// Sides take turns; medians are shown, and the ratio is that of neighbours.
func TestCompare(t *testing.T) {
	t.Parallel()
	var turns []string
	from := func(name string, values ...float64) Turn {
		return func(context.Context, time.Duration) (float64, error) {
			turns = append(turns, name)
			v := values[0]
			values = values[1:]
			return v, nil
		}
	}
	closed := false
	broken := errors.New("out of paper")
	pairs := []Pair{
		{What: "drawing", Unit: "lines/s", Floor: "a pencil", Aim: "≥ 0.6", Open: func(context.Context) (Sides, error) {
			return Sides{Parley: from("A", 10, 40, 5), Base: from("B", 20, 50, 50), Close: func() error { closed = true; return nil }}, nil
		}},
		{What: "printing", Open: func(context.Context) (Sides, error) { return Sides{}, broken }},
		{What: "flying", Open: func(context.Context) (Sides, error) { return Sides{}, errors.ErrUnsupported }},
		{What: "size", Unit: "MiB", Open: ready(from("A", 3, 1, 2), nil)},
	}
	var text bytes.Buffer
	table, err := NewTable(&text, pairs)
	if err != nil {
		t.Fatal(err)
	}
	var results []Result
	err = Compare(t.Context(), pairs, Options{Rounds: 3, Each: time.Second}, func(r Result) error {
		results = append(results, r)
		return table.Show(r)
	})
	if !errors.Is(err, broken) || errors.Is(err, errors.ErrUnsupported) {
		t.Errorf("error %v", err)
	}
	if got := strings.Join(turns, ""); got != "ABABABAAA" || !closed {
		t.Errorf("turns %s, closed %v", got, closed)
	}
	const want = `what         Parley     floor                 ratio  aim       floor is
drawing        10.0      50.0  lines/s         0.50  ≥ 0.6     a pencil
printing  failed: out of paper
flying    failed: unsupported operation
size            2.0            MiB
`
	if diff := cmp.Diff(want, text.String()); diff != "" {
		t.Error(diff)
	}
	var raw bytes.Buffer
	if err := WriteJSON(&raw, results); err != nil {
		t.Fatal(err)
	}
	var back []Result
	if err := json.Unmarshal(raw.Bytes(), &back); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(results, back); diff != "" {
		t.Error(diff)
	}
}

// A run that is stopped says so, and measures nothing more.
func TestCompareStops(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	pair := Pair{What: "waiting", Open: ready(func(ctx context.Context, _ time.Duration) (float64, error) {
		cancel()
		return 0, ctx.Err()
	}, nil)}
	err := Compare(ctx, []Pair{pair, pair}, Options{Rounds: 2, Each: time.Hour}, func(Result) error {
		t.Error("a result of a run that was stopped")
		return nil
	})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
}

package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"regexp"
	"runtime/pprof"
	"slices"
	"strings"
	"time"

	"github.com/parleyhq/parley/cmd/bench"
)

type benchCommand struct {
	Only   string        `placeholder:"REGEXP" help:"Measure only what matches this, ignoring case."`
	Rounds int           `default:"3" help:"How often each side of a pair takes its turn; medians are shown."`
	Each   time.Duration `default:"2s" help:"How long a turn takes, where it is not a given amount of work."`
	Data   string        `placeholder:"DIR" type:"path" help:"Folder to work in, for both sides; what is put there is removed. Default: one for temporary files."`
	JSON   bool          `name:"json" help:"One JSON array at the end, with every turn."`

	Postgres      string `placeholder:"URL" help:"Server for the rows with Postgres."`
	Kafka         string `placeholder:"URL" help:"Brokers for the rows with Kafka."`
	Elasticsearch string `placeholder:"URL" help:"Cluster for the rows with Elasticsearch."`

	CPUProfile string `name:"cpu-profile" placeholder:"FILE" type:"path" help:"Write a CPU profile of both sides, for go tool pprof."`
}

// Help is the long help of the command.
func (*benchCommand) Help() string {
	return `Measures Parley beside floors, programs that do the same work with nothing around it: on the same disk, in the same
process, in turn. Ratios say something about Parley; times say something about the machine. Everything takes some
minutes. Nothing fails because it is slow.

What needs Postgres, Kafka or Elasticsearch is measured where its URL is given. Each turn has schemas, topics and
indexes of its own, named bench_…, and removes them.

Example:

    parley bench --only "append|http" --rounds 5 --data /var/tmp`
}

// Validate refuses what cannot be measured.
func (c *benchCommand) Validate() error {
	if _, _, err := c.pairs(c.plan("", "")); err != nil {
		return err
	}
	if c.Rounds < 1 || c.Each <= 0 {
		return errors.New("--rounds and --each have to be above 0")
	}
	return nil
}

func (c *benchCommand) plan(data, executable string) bench.Plan {
	return bench.Documented(data, executable, bench.Servers{Postgres: c.Postgres, Kafka: c.Kafka, Elasticsearch: c.Elasticsearch})
}

// pairs are those that --only asks for and that can be measured, and in words
// what the others lack, if there are any.
func (c *benchCommand) pairs(p bench.Plan) (wanted []bench.Pair, lacking string, err error) {
	only, err := regexp.Compile("(?i)" + c.Only)
	if err != nil {
		return nil, "", errors.New("--only is no regular expression")
	}
	all := bench.Pairs(p)
	var needs []string
	left := 0
	for _, p := range all {
		switch {
		case !only.MatchString(p.What):
		case p.Needs != nil:
			left++
			needs = append(needs, p.Needs...)
		default:
			wanted = append(wanted, p)
		}
	}
	if left > 0 {
		slices.Sort(needs)
		lacking = fmt.Sprintf("%d rows are left out for want of %s: `make stack`, then `. .stack/env`", left, strings.Join(slices.Compact(needs), ", "))
	}
	switch {
	case len(wanted) > 0:
		return wanted, lacking, nil
	case left > 0:
		return nil, "", errors.New(lacking)
	}
	return nil, "", fmt.Errorf("--only matches nothing that is measured; the last of that is %q", all[len(all)-1].What)
}

// Run measures and prints.
func (c *benchCommand) Run(ctx context.Context, std streams) (err error) {
	executable, err := os.Executable()
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp(c.Data, "parley-bench-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	pairs, lacking, err := c.pairs(c.plan(dir, executable))
	if err != nil {
		return err
	}
	if lacking != "" {
		if _, err := fmt.Fprintln(std.err, lacking); err != nil {
			return err
		}
	}
	if c.CPUProfile != "" {
		stop, wrong := profile(c.CPUProfile)
		if wrong != nil {
			return wrong
		}
		defer func() { err = errors.Join(err, stop()) }()
	}
	o := bench.Options{Rounds: c.Rounds, Each: c.Each}
	if c.JSON {
		results := []bench.Result{}
		err := bench.Compare(ctx, pairs, o, func(r bench.Result) error { results = append(results, r); return nil })
		return errors.Join(err, bench.WriteJSON(std.out, results))
	}
	table, err := bench.NewTable(std.out, pairs)
	if err != nil {
		return err
	}
	return bench.Compare(ctx, pairs, o, table.Show)
}

// profile begins a CPU profile and gives the function that ends it.
func profile(file string) (stop func() error, err error) {
	f, err := os.OpenFile(file, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return nil, err
	}
	if err := pprof.StartCPUProfile(f); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return func() error { pprof.StopCPUProfile(); return f.Close() }, nil
}

package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"
	"time"

	"github.com/parleyhq/parley/cmd/dump"
	"github.com/parleyhq/parley/cmd/settings"
	"github.com/parleyhq/parley/commands"
	"github.com/parleyhq/parley/domain/fault"
)

// shownRefusals is how many refused lines are shown where no report was asked
// for.
const shownRefusals = 20

type importCommand struct {
	settings.Settings
	File   string `arg:"" type:"existingfile" help:"The dump: accounts, boards, posts, comments and reactions, one JSON object a line."`
	As     string `required:"" placeholder:"ACCOUNT" help:"Administrator who makes the boards: handle, mail address or id."`
	Source string `default:"import" help:"A name for where the dump comes from; ids are unique within it."`
	Report string `placeholder:"FILE" help:"Where each refused line is written with its reason, as JSON lines."`

	NewestAt time.Time `placeholder:"TIME" help:"Move all times by as much as puts the newest line there (RFC 3339), for samples."`
}

// Help is the long help of the command.
func (*importCommand) Help() string {
	return `Brings in what was elsewhere before, through the same commands that people use, but with its own times and without
telling anybody. Accounts have no password until their owners reset it. What is here by now is passed over, so an import
that was cut off goes on when it is run again. Refused lines are named with their reason, and the exit status is 1 then.
On one machine no server may be running on the folder. docs/import.md describes the lines.

Example:

    parley import --data ./data --as admin --report refused.jsonl forum.jsonl`
}

// Run imports the file.
func (c *importCommand) Run(ctx context.Context, std streams) (err error) {
	if err := c.Available(); err != nil {
		return err
	}
	if err := c.sparesTheDump(); err != nil {
		return err
	}
	w := whom{Settings: c.Settings, Account: c.As}
	all, by, done, err := w.open(ctx, std)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, done()) }()
	actor := commands.Actor{Account: by}
	switch err := all.MayCreateBoards(ctx, actor); {
	case errors.Is(err, fault.ErrForbidden):
		return fmt.Errorf("%s is no administrator", c.As)
	case err != nil:
		return plainly(err)
	}
	in, err := os.Open(c.File)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, in.Close()) }()
	total, err := countLines(in)
	if err != nil {
		return err
	}
	shift, err := c.shift(in)
	if err != nil {
		return err
	}
	refused, written, err := c.refusals(std.err)
	if err != nil {
		return err
	}
	progress := newProgress(std.err)
	began := time.Now()
	result, err := dump.Import(ctx, in, dump.Config{
		Source: c.Source, By: actor, Commands: all, Now: time.Now, Shift: shift, Refused: refused,
		Progress: func(lines int) { progress("lines", lines, total) },
	})
	if err := errors.Join(err, written()); err != nil {
		return fmt.Errorf("it ended at line %d: %w; run it again to go on", result.Lines, plainly(err))
	}
	return c.tell(std.out, result, time.Since(began))
}

// countLines counts, and goes back to the beginning.
func countLines(in io.ReadSeeker) (int, error) {
	lines, last := 0, byte('\n')
	buffer := make([]byte, 64<<10)
	for {
		n, err := in.Read(buffer)
		if n > 0 {
			lines += bytes.Count(buffer[:n], []byte{'\n'})
			last = buffer[n-1]
		}
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return 0, err
		}
	}
	if last != '\n' {
		lines++
	}
	_, err := in.Seek(0, io.SeekStart)
	return lines, err
}

// shift is how far times move, and goes back to the beginning.
func (c *importCommand) shift(in io.ReadSeeker) (time.Duration, error) {
	if c.NewestAt.IsZero() {
		return 0, nil
	}
	newest, err := dump.Newest(in)
	if err != nil || newest.IsZero() {
		return 0, err
	}
	_, err = in.Seek(0, io.SeekStart)
	return c.NewestAt.Sub(newest), err
}

// refusals writes the report, or shows the first ones.
func (c *importCommand) refusals(out io.Writer) (each func(dump.Refusal) error, done func() error, err error) {
	if c.Report == "" {
		shown := 0
		return func(r dump.Refusal) error {
			if shown++; shown > shownRefusals {
				return nil
			}
			_, err := fmt.Fprintf(out, "line %d is refused: %s\n", r.Line, sentence(r))
			return err
		}, func() error { return nil }, nil
	}
	file, err := os.Create(c.Report)
	if err != nil {
		return nil, nil, err
	}
	buffered := bufio.NewWriter(file)
	lines := json.NewEncoder(buffered)
	return func(r dump.Refusal) error { return lines.Encode(r) },
		func() error { return errors.Join(buffered.Flush(), file.Close()) }, nil
}

// sparesTheDump is nil unless the report would be written over the dump.
func (c *importCommand) sparesTheDump() error {
	report, err := os.Stat(c.Report)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	from, err := os.Stat(c.File)
	if err == nil && os.SameFile(report, from) {
		err = errors.New("--report names the dump itself, and would write over it")
	}
	return err
}

// sentence says why a line was refused.
func sentence(r dump.Refusal) string {
	var b strings.Builder
	switch {
	case r.ID != "": // reactions have none
		fmt.Fprintf(&b, "%s %q: ", r.Kind, r.ID)
	case r.Kind != "":
		fmt.Fprintf(&b, "%s: ", r.Kind)
	}
	fmt.Fprintf(&b, "%s (%s", r.Message, r.Error)
	for _, d := range r.Details {
		b.WriteString("; " + strings.TrimSpace(d.Field+" "+d.Problem))
	}
	return b.String() + ")"
}

// tell says what became of the file. Errors: that lines were refused.
func (c *importCommand) tell(out io.Writer, result dump.Result, took time.Duration) error {
	for _, kind := range dump.Kinds {
		if n, ok := result.Counts[kind]; ok {
			if _, err := fmt.Fprintf(out, "%s: %d imported, %d were there already, %d refused\n", kind, n.Imported, n.There, n.Refused); err != nil {
				return err
			}
		}
	}
	if _, err := fmt.Fprintf(out, "read %d lines in %s\n", result.Lines, took.Round(100*time.Millisecond)); err != nil {
		return err
	}
	refused := result.Refused()
	if refused == 0 {
		return nil
	}
	where := "--report FILE names all of them"
	if c.Report != "" {
		where = c.Report + " says why"
	}
	return fmt.Errorf("%d of %d lines were refused; %s", refused, result.Lines, where)
}

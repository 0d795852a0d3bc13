package dump

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"io"
	"time"

	"github.com/parleyhq/parley/commands"
	"github.com/parleyhq/parley/domain/fault"
)

// maxLine bounds a line, in bytes without its end.
const maxLine = 2 << 20

// byteOrderMark is what some programs begin a file with.
const byteOrderMark = "\uFEFF"

// Refusal is a line that was not imported, and why. Line counts from 1.
type Refusal struct {
	Line    int            `json:"line"`
	Kind    string         `json:"kind"`
	ID      string         `json:"id"`
	Error   string         `json:"error"`
	Message string         `json:"message"`
	Details []fault.Detail `json:"details"`
}

// Count is what became of the lines of one kind.
type Count struct {
	Imported, There, Refused int // There: imported before
}

// Result is what became of a file. Lines of no known kind count under "".
type Result struct {
	Lines  int
	Counts map[string]Count
}

// Refused is how many lines were refused.
func (r Result) Refused() int {
	n := 0
	for _, c := range r.Counts {
		n += c.Refused
	}
	return n
}

// Config is what an import needs.
type Config struct {
	Source   string         // a name for where the dump comes from: ids are unique within it
	By       commands.Actor // an administrator, who makes the boards
	Commands *commands.Commands
	Now      func() time.Time
	Shift    time.Duration       // is added to the time of each line
	Refused  func(Refusal) error // is told of each
	Progress func(lines int)     // is told after each line
}

// Import brings in what the lines hold, one after the other. Empty lines are
// passed over. What failed for another reason than the line itself ends it at
// that line, the Result's last; run again it goes on.
// Errors: those of reading, of Refused and of storage.
func Import(ctx context.Context, in io.Reader, cfg Config) (Result, error) {
	result := Result{Counts: map[string]Count{}}
	err := each(in, func(n int, raw []byte) error {
		result.Lines = n
		if len(bytes.TrimSpace(raw)) > 0 {
			if err := cfg.one(ctx, raw, &result); err != nil {
				return err
			}
		}
		cfg.Progress(n)
		return nil
	})
	return result, err
}

// Newest is the newest time of all lines that can be read, zero where there is
// none. Errors: those of reading.
func Newest(in io.Reader) (newest time.Time, err error) {
	err = each(in, func(_ int, raw []byte) error {
		if len(bytes.TrimSpace(raw)) == 0 {
			return nil
		}
		if l, err := parse(raw, 0, endOfTime); err == nil && l.At.After(newest) {
			newest = l.At
		}
		return nil
	})
	return newest, err
}

// endOfTime is behind every time of RFC 3339.
var endOfTime = time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC)

// each hands out the lines, which have numbers from 1. One over maxLine is cut
// off, and over it still.
func each(in io.Reader, line func(n int, raw []byte) error) error {
	lines := bufio.NewReaderSize(in, maxLine+len("\r\n"))
	for n := 1; ; n++ {
		raw, err := lines.ReadSlice('\n')
		long := errors.Is(err, bufio.ErrBufferFull)
		switch {
		case long:
		case len(raw) == 0 && errors.Is(err, io.EOF):
			return nil
		case err != nil && !errors.Is(err, io.EOF):
			return err
		default:
			raw = bytes.TrimRight(raw, "\r\n")
		}
		if n == 1 {
			raw = bytes.TrimPrefix(raw, []byte(byteOrderMark))
		}
		if err := line(n, raw); err != nil {
			return err
		}
		if long {
			if err := pass(lines); err != nil {
				return err
			}
		}
	}
}

// pass goes to the end of a line.
func pass(lines *bufio.Reader) error {
	for {
		_, err := lines.ReadSlice('\n')
		switch {
		case err == nil, errors.Is(err, io.EOF):
			return nil
		case !errors.Is(err, bufio.ErrBufferFull):
			return err
		}
	}
}

// one imports a line, or says why not. Errors: those that are not the line's.
func (cfg Config) one(ctx context.Context, raw []byte, result *Result) error {
	line, err := parse(raw, cfg.Shift, cfg.Now())
	made := false
	if err == nil {
		made, err = cfg.bring(ctx, line)
	}
	f := fault.As(err)
	if err != nil && (f == nil || f.Kind == fault.Unavailable || f.Kind == fault.Full || f.Kind == fault.Limited || errors.Is(err, fault.ErrConflict)) {
		return err
	}
	count := result.Counts[line.Kind]
	switch {
	case f != nil:
		count.Refused++
		err = cfg.Refused(Refusal{Line: result.Lines, Kind: line.Kind, ID: line.ID, Error: f.Slug, Message: f.Message, Details: append([]fault.Detail{}, f.Details...)})
	case made:
		count.Imported++
	default:
		count.There++
	}
	result.Counts[line.Kind] = count
	return err
}

// bring hands a line to its command; false where it is here by now.
func (cfg Config) bring(ctx context.Context, l Line) (bool, error) {
	p, c := place{cfg.Source, l}, cfg.Commands
	switch l.Kind {
	case kindAccount:
		return c.ImportAccount(ctx, p.origin(), commands.ImportAccount{Email: l.Email, Handle: l.Handle, DisplayName: l.DisplayName, Bio: l.Bio})
	case kindBoard:
		return c.ImportBoard(ctx, p.origin(), cfg.By, commands.CreateBoard{Name: l.Name, Description: l.Description, Rules: l.Rules})
	case kindPost:
		return c.ImportPost(ctx, p.origin(), p.author(), p.id(kindBoard, l.Board),
			commands.CreatePost{Title: l.Title, Body: l.Body, Type: l.Type, Anonymous: l.Anonymous})
	case kindComment:
		return c.ImportComment(ctx, p.origin(), p.author(), p.id(kindPost, l.Post), l.Body, p.id(kindComment, l.Parent))
	default:
		to, subject := p.subject()
		return c.ImportReaction(ctx, p.origin(), p.author(), to, subject, l.Reaction)
	}
}

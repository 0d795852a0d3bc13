package transfer

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/parleyhq/parley/commands"
	"github.com/parleyhq/parley/domain/event"
	"github.com/parleyhq/parley/domain/ops"
)

// Bounds of one append to the target: half of what EventStoreDB takes.
const (
	maxEvents = 100
	maxBytes  = 512 << 10
)

// Progress is told how far a part has come; it ends with done equal to total.
type Progress func(part string, done, total int)

// Keys is a keyring that can be copied.
type Keys interface {
	// Copy copies every key to the target's keyring and returns how many there
	// are. Calling it again is a success.
	Copy(ctx context.Context) (int, error)
}

// Told is how far the notifications of a stack were told.
type Told interface {
	Load(ctx context.Context) (epoch uuid.UUID, position uint64, err error)
	Save(ctx context.Context, epoch uuid.UUID, position uint64) error
}

// Config is what Run needs.
type Config struct {
	Source, Target         event.Store
	Keys                   Keys
	SourceFiles            commands.Blobs // of pictures; nil: none are copied
	TargetFiles            commands.Blobs
	SourceTold, TargetTold Told
	LeaveUntold            bool         // go on although the source has not told of everything
	Codec                  *event.Codec // of the target
	NewID                  func() uuid.UUID
	Now                    func() time.Time
	Progress               Progress // nil: nobody is told
}

// Result is what was done.
type Result struct {
	Events   int // in the target now, the server's own left out
	Resumed  int // of them were there already
	Keys     int
	Epoch    uuid.UUID
	Position uint64 // of the epoch's first event
}

// Errors of Run, besides those of the engines.
var (
	ErrEmpty   = errors.New("there is nothing to copy: the log of the source is empty")
	ErrUntold  = errors.New("the source has not told everybody yet")
	ErrForeign = errors.New("the target holds another log than the source")
	ErrWentOn  = errors.New("the target was copied before and has gone on since")
)

// Run copies a community. Errors: ErrEmpty, ErrUntold, ErrForeign, ErrWentOn.
func Run(ctx context.Context, cfg Config) (Result, error) {
	if cfg.Progress == nil {
		cfg.Progress = func(string, int, int) {}
	}
	c := &copying{Config: cfg}
	if err := c.look(ctx); err != nil {
		return Result{}, err
	}
	if err := c.compare(ctx); err != nil {
		return Result{}, err
	}
	var err error
	if c.result.Keys, err = cfg.Keys.Copy(ctx); err != nil {
		return Result{}, fmt.Errorf("copy the keys: %w", err)
	}
	cfg.Progress("keys", c.result.Keys, c.result.Keys)
	if err := c.files(ctx); err != nil {
		return Result{}, err
	}
	if c.result.Epoch == uuid.Nil {
		if err := c.events(ctx); err != nil {
			return Result{}, err
		}
		if err := c.begin(ctx); err != nil {
			return Result{}, fmt.Errorf("begin a new epoch: %w", err)
		}
	}
	if err := cfg.TargetTold.Save(ctx, c.result.Epoch, c.result.Position); err != nil {
		return Result{}, fmt.Errorf("count notifications as told: %w", err)
	}
	return c.result, nil
}

// copying is one run.
type copying struct {
	Config
	result Result

	head   uint64 // of the source
	epochs uint64 // of the source
	from   uint64 // position of the source up to which the target has everything

	// of the append that is being gathered
	stream   string
	expected event.Expected
	batch    []event.Event
	bytes    int
}

// look makes sure that the source can be copied.
func (c *copying) look(ctx context.Context) (err error) {
	if c.head, err = c.Source.Head(ctx); err != nil {
		return err
	}
	var newest uuid.UUID
	for r, err := range c.Source.Stream(ctx, ops.EpochStream, 0, event.Forward) {
		if err != nil {
			return err
		}
		c.epochs, newest = r.Revision+1, r.ID
	}
	if c.epochs == 0 {
		return ErrEmpty
	}
	if c.LeaveUntold {
		return nil
	}
	epoch, told, err := c.SourceTold.Load(ctx)
	if err != nil {
		return err
	}
	if epoch != newest {
		told = 0
	}
	left := 0
	for r, err := range c.Source.All(ctx, told, event.Filter{}) {
		if err != nil {
			return err
		}
		if !own(r) && r.Category() != "inbox" && r.Stream != ops.EpochStream {
			left++
		}
	}
	if left > 0 {
		return fmt.Errorf("%w: %d events may still ask for notifications", ErrUntold, left)
	}
	return nil
}

// own says whether an event is the log's own, as EventStoreDB has them: it is
// copied, but a store over such a server does not show it.
func own(r event.Record) bool {
	return strings.HasPrefix(r.Stream, "$") || strings.HasPrefix(r.Type, "$")
}

// begin begins the target's epoch.
func (c *copying) begin(ctx context.Context) error {
	id := c.NewID()
	typ, data, err := c.Codec.Encode(ctx, ops.EpochStream, id, ops.EpochBegun{Reason: "copied"})
	if err != nil {
		return err
	}
	r, err := c.Target.Append(ctx, ops.EpochStream, event.At(c.epochs-1), []event.Event{{
		ID: id, Type: typ, Time: c.Now(), ContentType: event.ContentJSON, Data: data, Metadata: []byte(`{"actor":"` + event.System + `"}`),
	}})
	if err != nil {
		return err
	}
	c.result.Epoch, c.result.Position = id, r.Position
	c.result.Events++
	return nil
}

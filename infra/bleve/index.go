package bleve

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"sync"

	"github.com/blevesearch/bleve/v2"

	"github.com/google/uuid"

	"github.com/parleyhq/parley/readmodels"
)

// batchBytes bounds the text of one bleve batch: each becomes a segment, which
// is built in memory.
const batchBytes = 4 << 20

// keyPosition is where an index keeps how far the log is in it.
var keyPosition = []byte("parley-position")

// Index is one generation. It implements readmodels.SearchIndex; its one
// writer calls Apply and SetPosition one after the other.
type Index struct {
	index   bleve.Index
	readers sync.WaitGroup // searches under way

	writing sync.Mutex // held by a write, and for ever once it is closed
	closed  bool
}

// Library is the index as bleve has it, for whoever measures beside it: it is
// read alone, and gone when the generation is.
func (i *Index) Library() bleve.Index { return i.index }

func newIndex(i bleve.Index) *Index { return &Index{index: i} }

// document is what bleve is given; its mapping is static.
type document struct {
	Kind   string   `json:"kind"`
	Room   string   `json:"room,omitempty"`
	Number float64  `json:"number,omitempty"`
	Board  string   `json:"board,omitempty"`
	Author string   `json:"author,omitempty"`
	Tags   []string `json:"tags,omitempty"`
	At     float64  `json:"at"` // milliseconds: exact for the next 280,000 years
	Names  []string `json:"names,omitempty"`
	Title  string   `json:"title,omitempty"`
	Body   string   `json:"body,omitempty"`
}

func documentOf(d readmodels.Document) document {
	return document{
		Kind: string(d.Kind), Room: idText(d.Room()), Number: float64(d.Number), Board: idText(d.Board), Author: idText(d.Author), Tags: d.Tags,
		At: float64(d.At.UnixMilli()), Names: d.Names, Title: d.Title, Body: d.Body,
	}
}

func idText(id uuid.UUID) string {
	if id == uuid.Nil {
		return ""
	}
	return id.String()
}

// Apply implements readmodels.SearchIndex. Positions are not looked at: the
// index has one writer, and holds what that wrote last.
func (i *Index) Apply(ctx context.Context, changes []readmodels.Change, _ uint64) error {
	b, size := i.index.NewBatch(), 0
	for n := range changes {
		c := &changes[n]
		if c.Gone {
			b.Delete(c.Key())
		} else if err := b.Index(c.Key(), documentOf(c.Document)); err != nil {
			return fmt.Errorf("bleve: document %s: %w", c.Key(), err)
		}
		if size += len(c.Title) + len(c.Body); size < batchBytes && n+1 < len(changes) {
			continue
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := i.write(b); err != nil {
			return err
		}
		b, size = i.index.NewBatch(), 0
	}
	return nil
}

// write waits until a batch is on the disk.
func (i *Index) write(b *bleve.Batch) error {
	i.writing.Lock()
	defer i.writing.Unlock()
	if i.closed {
		return readmodels.ErrNoGeneration
	}
	if err := i.index.Batch(b); err != nil {
		return fmt.Errorf("%w: bleve: write: %w", readmodels.ErrUnavailable, err)
	}
	return nil
}

// Refresh implements readmodels.SearchIndex: a batch is found as soon as it is
// written.
func (i *Index) Refresh(context.Context) error { return nil }

// Position implements readmodels.SearchIndex.
func (i *Index) Position(context.Context) (uint64, error) {
	i.writing.Lock()
	defer i.writing.Unlock()
	if i.closed {
		return 0, readmodels.ErrNoGeneration
	}
	value, err := i.index.GetInternal(keyPosition)
	switch {
	case err != nil:
		return 0, fmt.Errorf("%w: bleve: position: %w", readmodels.ErrUnavailable, err)
	case len(value) == 0:
		return 0, nil
	case len(value) != 8:
		return 0, fmt.Errorf("bleve: a position of %d bytes", len(value))
	}
	return binary.BigEndian.Uint64(value), nil
}

// SetPosition implements readmodels.SearchIndex.
func (i *Index) SetPosition(_ context.Context, position uint64) error {
	b := i.index.NewBatch()
	b.SetInternal(keyPosition, binary.BigEndian.AppendUint64(nil, position))
	return i.write(b)
}

// close waits for who reads and writes.
func (i *Index) close() error {
	i.readers.Wait()
	i.writing.Lock()
	defer i.writing.Unlock()
	if i.closed {
		return nil
	}
	i.closed = true
	if err := i.index.Close(); err != nil {
		return fmt.Errorf("bleve: close: %w", err)
	}
	return nil
}

// classify says that the engine is to blame, unless the caller went away.
func classify(ctx context.Context, what string, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if errors.Is(err, bleve.ErrorIndexClosed) {
		return readmodels.ErrNoGeneration
	}
	return fmt.Errorf("%w: bleve: %s: %w", readmodels.ErrUnavailable, what, err)
}

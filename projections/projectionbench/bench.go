package projectionbench

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/google/uuid"
	"golang.org/x/sync/errgroup"

	"github.com/parleyhq/parley/domain/event"
	"github.com/parleyhq/parley/projections"
	"github.com/parleyhq/parley/readmodels"
)

// BatchSize is how many rows a transaction holds, in the projector and its floor.
const BatchSize = 1000

// wrote is an event of the usual kind: open ids and two sealed fields.
type wrote struct {
	Board  uuid.UUID `json:"board"`
	Author uuid.UUID `json:"author"`
	Title  string    `json:"title" seal:"personal,Author"`
	Body   string    `json:"body" seal:"personal,Author"`
	Length int       `json:"length"`
}

// Definitions are for the catalogue of the codec that is measured.
func Definitions() []event.Definition {
	return []event.Definition{event.Of[wrote]("bench.wrote.v1", event.Forum, nil)}
}

var schema = []string{
	`CREATE TABLE IF NOT EXISTS bench (id text PRIMARY KEY, board text NOT NULL, author text NOT NULL, title text NOT NULL,
		body text NOT NULL, length bigint NOT NULL, at bigint NOT NULL)`,
	`CREATE INDEX IF NOT EXISTS bench_board ON bench (board, at DESC)`,
}

const upsert = `INSERT INTO bench (id, board, author, title, body, length, at) VALUES (?, ?, ?, ?, ?, ?, ?)
	ON CONFLICT (id) DO UPDATE SET title = excluded.title, body = excluded.body, length = excluded.length`

// Projector is what is measured: a row an event.
func Projector() projections.Projector {
	return projections.Projector{Name: "bench", Version: 1, Schema: schema, Routes: []projections.Route{
		projections.On(func(ctx context.Context, b readmodels.Batch, e event.Decoded, d wrote) error {
			return b.Exec(ctx, upsert, event.StreamID(e.Stream), d.Board.String(), d.Author.String(), d.Title, d.Body,
				d.Length, e.Time.UnixMilli())
		}),
	}}
}

// row is the i-th event and its row; both sides write the same. Like ids that
// begin with their time, the ids rise.
func row(i int, authors []uuid.UUID) (id uuid.UUID, d wrote) {
	id[0], id[1], id[2], id[3], id[15] = byte(i>>24), byte(i>>16), byte(i>>8), byte(i), 1
	d.Board[0] = byte(i % 50)
	d.Author = authors[i%len(authors)]
	d.Title = fmt.Sprintf("title %d", i)
	d.Body = strings.Repeat("body ", 50)
	d.Length = len(d.Body)
	return id, d
}

// fillers is how many append at once in Fill.
const fillers = 64

// Fill appends so many events, nearly in the order of their ids, as they
// would come. Every author has a key already.
func Fill(ctx context.Context, store event.Store, codec *event.Codec, authors []uuid.UUID, events int) error {
	var next atomic.Int64
	group, ctx := errgroup.WithContext(ctx)
	for range fillers {
		group.Go(func() error {
			for {
				i := int(next.Add(1)) - 1
				if i >= events {
					return nil
				}
				if err := write(ctx, store, codec, authors, i); err != nil {
					return err
				}
			}
		})
	}
	return group.Wait()
}

// write appends the i-th event.
func write(ctx context.Context, store event.Store, codec *event.Codec, authors []uuid.UUID, i int) error {
	id, d := row(i, authors)
	stream := event.StreamName("bench", id.String())
	typ, data, err := codec.Encode(ctx, stream, id, d)
	if err != nil {
		return err
	}
	_, err = store.Append(ctx, stream, event.NoStream, []event.Event{{ID: id, Type: typ, Data: data}})
	return err
}

// Project folds the whole log into a new generation and tells the events per
// second, from reading the first to the commit of the last. edit changes how
// the runner is made.
func Project(ctx context.Context, store event.Store, codec *event.Codec, g readmodels.Generations, events int, edit ...func(*projections.Config)) (perSecond float64, err error) {
	r, stop, err := start(ctx, store, codec, g, edit...)
	if err != nil {
		return 0, err
	}
	began := time.Now()
	head, err := store.Head(ctx)
	if err == nil {
		err = r.Wait(ctx, head)
	}
	perSecond = float64(events) / time.Since(began).Seconds()
	return perSecond, errors.Join(err, stop())
}

func start(ctx context.Context, store event.Store, codec *event.Codec, g readmodels.Generations, edit ...func(*projections.Config)) (*projections.Runner, func() error, error) {
	cfg := projections.Config{
		Projector: Projector(), Store: store, Codec: codec, Generations: g, BatchSize: BatchSize,
		Epoch: func(context.Context) (uuid.UUID, error) { return uuid.UUID{1}, nil },
	}
	for _, e := range edit {
		e(&cfg)
	}
	r, err := projections.NewRunner(cfg)
	if err != nil {
		return nil, nil, err
	}
	ctx, cancel := context.WithCancel(ctx)
	ended := make(chan error, 1)
	go func() { ended <- r.Run(ctx) }()
	return r, func() error { cancel(); return <-ended }, nil
}

// Floor upserts the rows bare, size of them a transaction, and tells the rows
// per second. A size of 1 is one transaction an event.
func Floor(ctx context.Context, db readmodels.DB, authors []uuid.UUID, rows, size int) (perSecond float64, err error) {
	if err := db.Batch(ctx, func(b readmodels.Batch) error {
		for _, s := range schema {
			if err := b.Exec(ctx, s); err != nil {
				return err
			}
		}
		return nil
	}); err != nil {
		return 0, err
	}
	args := make([][]any, rows)
	for i := range args {
		id, d := row(i, authors)
		args[i] = []any{id.String(), d.Board.String(), d.Author.String(), d.Title, d.Body, d.Length, int64(i)}
	}
	began := time.Now()
	for group := range slices.Chunk(args, size) {
		if err := db.Batch(ctx, func(b readmodels.Batch) error {
			for _, a := range group {
				if err := b.Exec(ctx, upsert, a...); err != nil {
					return err
				}
			}
			return nil
		}); err != nil {
			return 0, err
		}
	}
	return float64(rows) / time.Since(began).Seconds(), nil
}

// Visible appends events one after another to an otherwise idle log that
// holds held events of Fill, and tells how long each took from the answer of
// the append to being in the tables, shortest first.
func Visible(ctx context.Context, store event.Store, codec *event.Codec, g readmodels.Generations, authors []uuid.UUID, held, events int, edit ...func(*projections.Config)) (took []time.Duration, err error) {
	r, stop, err := start(ctx, store, codec, g, edit...)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, stop()) }()
	for i := range events + 1 {
		began := time.Now()
		at, err := store.Head(ctx)
		if err != nil {
			return nil, err
		}
		if err := r.Wait(ctx, at); err != nil {
			return nil, err
		}
		if i > 0 { // the first one built the tables
			took = append(took, time.Since(began))
		}
		if err := write(ctx, store, codec, authors, held+i); err != nil {
			return nil, err
		}
	}
	slices.Sort(took)
	return took, nil
}

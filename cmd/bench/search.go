package bench

import (
	"context"
	"errors"
	"path/filepath"
	"strings"
	"time"

	"github.com/google/uuid"
	"golang.org/x/sync/errgroup"

	"github.com/parleyhq/parley/domain"
	"github.com/parleyhq/parley/domain/event"
	"github.com/parleyhq/parley/domain/post"
	"github.com/parleyhq/parley/infra/elastic"
	"github.com/parleyhq/parley/infra/keyring"
	"github.com/parleyhq/parley/infra/pebble"
	"github.com/parleyhq/parley/infra/sqlite"
	"github.com/parleyhq/parley/projections"
	"github.com/parleyhq/parley/readmodels"
)

// shelf is a log of posts, and tables that hold all of them.
type shelf struct {
	closers
	store  event.Store
	codec  *event.Codec
	tables *projections.Runner
	reads  *readmodels.Tables
	head   uint64
	posts  int
}

// epoch is the epoch of logs that nobody relays.
func epoch(context.Context) (uuid.UUID, error) { return uuid.UUID{1}, nil }

func (p Plan) shelf(ctx context.Context) (_ *shelf, err error) {
	dir, drop, err := p.folder()
	if err != nil {
		return nil, err
	}
	s := &shelf{closers: closers{drop}, posts: p.Posts}
	defer func() {
		if err != nil {
			err = errors.Join(err, s.close())
		}
	}()
	ring, err := keyring.Open(filepath.Join(dir, "keys.db"), make([]byte, keyring.KeySize))
	if err != nil {
		return nil, err
	}
	s.add(ring.Close)
	log, err := pebble.Open(filepath.Join(dir, "log"), pebble.Options{})
	if err != nil {
		return nil, err
	}
	s.add(log.Close)
	catalogue, err := domain.Catalogue()
	if err != nil {
		return nil, err
	}
	s.store, s.codec = log, event.NewCodec(catalogue, ring)
	place, err := sqlite.OpenGenerations(dir)
	if err != nil {
		return nil, err
	}
	s.add(place.Close)
	if s.head, err = s.fill(ctx, ring); err != nil {
		return nil, err
	}
	s.reads = readmodels.NewTables(place)
	s.tables, err = projections.NewRunner(projections.Config{
		Projector: projections.Tables(readmodels.Feeds{}), Store: s.store, Codec: s.codec, Generations: place, Epoch: epoch,
	})
	if err != nil {
		return nil, err
	}
	running, end := context.WithCancel(context.WithoutCancel(ctx))
	ended := make(chan error, 1)
	go func() { ended <- s.tables.Run(running) }()
	s.add(func() error { end(); return <-ended })
	return s, s.tables.Wait(ctx, s.head)
}

// fillers is how many write posts at once.
const fillers = 32

// fill appends the posts, and gives the position of the last.
func (s *shelf) fill(ctx context.Context, ring *keyring.Ring) (head uint64, err error) {
	var writers [fillers]uuid.UUID
	work, inner := errgroup.WithContext(ctx)
	for w := range writers {
		writers[w] = uuid.New()
		if err := ring.EnsureAccount(ctx, writers[w]); err != nil {
			return 0, errors.Join(err, work.Wait())
		}
		work.Go(func() error {
			for n := w; n < s.posts; n += fillers {
				id := uuid.Must(uuid.NewV7())
				stream := post.Stream(id)
				typ, data, err := s.codec.Encode(inner, stream, id, post.Published{
					Board: uuid.UUID{7}, Author: writers[w], Type: post.Article, Title: "A title of some words",
					Body: strings.Repeat("some words that are looked for ", 8), Hashtags: []string{"words"},
				})
				if err != nil {
					return err
				}
				if _, err := s.store.Append(inner, stream, event.NoStream, []event.Event{{ID: id, Type: typ, Data: data}}); err != nil {
					return err
				}
			}
			return nil
		})
	}
	if err := work.Wait(); err != nil {
		return 0, err
	}
	return s.store.Head(ctx)
}

// indexed builds a search index of all posts, until they can be found.
func (p Plan) indexed() Pair {
	return p.Servers.on(Pair{
		What: "search indexer, Elasticsearch", Unit: "posts/s", Floor: "bare _bulk of the same bodies, ready", Aim: "≥ 0.7",
		Open: func(ctx context.Context) (_ Sides, err error) {
			s, err := p.shelf(ctx)
			if err != nil {
				return Sides{}, err
			}
			bulks, err := p.bulks(ctx, s)
			if err != nil {
				return Sides{}, errors.Join(err, s.close())
			}
			return Sides{
				Parley: func(ctx context.Context, _ time.Duration) (float64, error) {
					return p.index(ctx, s, p.Servers.Elasticsearch)
				},
				Base:  func(ctx context.Context, _ time.Duration) (float64, error) { return p.bareBulks(ctx, s, bulks) },
				Close: s.close,
			}, nil
		},
	}, "elasticsearch")
}

// index lets an indexer build an index with the cluster at url.
func (p Plan) index(ctx context.Context, s *shelf, url string) (perSecond float64, err error) {
	prefix := strings.ReplaceAll(namespace(), "_", "-")
	engine, err := elastic.New(elastic.Config{URLs: strings.Split(url, ","), Prefix: prefix})
	if err != nil {
		return 0, err
	}
	defer func() {
		err = errors.Join(err, engine.Close(), p.dropIndexes(context.WithoutCancel(ctx), prefix))
	}()
	x := projections.NewIndexer(projections.IndexerConfig{Store: s.store, Engine: engine, Tables: s.tables, Reads: s.reads, Epoch: epoch})
	running, end := context.WithCancel(ctx)
	defer end()
	ended := make(chan error, 1)
	begun := time.Now()
	go func() { ended <- x.Run(running) }()
	err = x.Wait(ctx, s.head)
	perSecond = float64(s.posts) / time.Since(begun).Seconds()
	end()
	return perSecond, errors.Join(err, <-ended)
}

package bench

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/parleyhq/parley/infra/sqlite"
	"github.com/parleyhq/parley/readmodels"
)

// Feed is how large the home feed is that is measured.
type Feed struct {
	Posts     int // of everybody
	Followees int // of the reader; each tenth post is by one of them
	Followers int // of the author whose posts are delivered
}

// feeds are kept as they are by default.
var feeds = readmodels.Feeds{FanOut: 1000, Length: 400, TagDays: 30}

// homeFeed are pages of the feed of somebody who follows many.
func (p Plan) homeFeed() []Pair {
	const share, copies = 10, 100
	tables := &shared{plan: p, put: func(w *writer, f *filled) {
		people, strangers := w.people(f.viewer)[:1+p.Feed.Followees], w.strangers(p.Feed.Followees*(share-1))
		for i := range p.Feed.Posts / copies {
			by := strangers
			if i%share == 0 {
				by = people[1:]
			}
			w.post(uuid.UUID{7}, by)
		}
		w.repeat(copies - 1)
		for _, id := range people[1:] {
			w.follow(f.viewer, id)
		}
	}}
	l := listing[readmodels.Post, readmodels.PostKey]{
		what: fmt.Sprintf("home feed, %d followed, %d posts", p.Feed.Followees, p.Feed.Posts), rows: p.Feed.Posts / copies / share * copies, tables: tables, table: "post", marks: true,
		read: func(ctx context.Context, r readmodels.Reader, viewer uuid.UUID, after *readmodels.PostKey, limit int) ([]readmodels.Post, func(readmodels.Post) readmodels.PostKey, error) {
			posts, err := readmodels.HomeFeed(ctx, r, viewer, after, limit)
			return posts, readmodels.Post.Place, err
		},
		keys: func(p readmodels.Post) (uuid.UUID, *readmodels.Summary) { return p.ID, p.Author },
	}
	behind := func(posts int) float64 { return min(1, float64(posts)/float64(l.rows-l.size())) }
	return []Pair{
		l.first(), l.later("last page of the timeline", behind(feeds.Length-l.size())), l.later("page below the timeline", behind(2*feeds.Length)),
	}
}

// deliveries writes the posts of somebody whom many follow to the timelines of
// all of them, some posts in a transaction, beside bare inserts of the rows.
func (p Plan) deliveries() Pair {
	return Pair{
		What: "timeline deliveries", Unit: "rows/s", Floor: "bare inserts, batched alike", Aim: "≥ 0.7",
		Open: func(ctx context.Context) (_ Sides, err error) {
			var open closers
			defer func() {
				if err != nil {
					err = errors.Join(err, open.close())
				}
			}()
			var people []uuid.UUID
			ours, err := p.crowd(ctx, &open, &people)
			if err != nil {
				return Sides{}, err
			}
			bare, err := p.crowd(ctx, &open, &people)
			if err != nil {
				return Sides{}, err
			}
			return Sides{
				Parley: delivering(ours, p.Feed.Followers, func(w *writer) { w.post(uuid.UUID{7}, people[:1]) }),
				Base: delivering(bare, p.Feed.Followers, func(w *writer) {
					at, id := w.at.UnixMilli(), w.id().String()
					for _, follower := range people[1:] {
						w.run(func() error {
							return w.b.Exec(w.ctx, `INSERT INTO timeline (reader, at, post) VALUES (?, ?, ?)`, follower.String(), at, id)
						})
					}
				}),
				Close: open.close,
			}, nil
		},
	}
}

// crowd is tables with somebody, the first of people, whom the others follow.
func (p Plan) crowd(ctx context.Context, open *closers, people *[]uuid.UUID) (readmodels.DB, error) {
	dir, drop, err := p.folder()
	if err != nil {
		return nil, err
	}
	open.add(drop)
	place, err := sqlite.OpenGenerations(dir)
	if err != nil {
		return nil, err
	}
	open.add(place.Close)
	db, err := place.Create(ctx, "tables", readmodels.Schema())
	if err != nil {
		return nil, err
	}
	return db, db.Batch(ctx, func(b readmodels.Batch) error {
		w := newWriter(ctx, b)
		*people = w.strangers(1 + p.Feed.Followers)
		for _, id := range (*people)[1:] {
			w.follow(id, (*people)[0])
		}
		return w.err
	})
}

// delivering writes posts until the time is over.
func delivering(db readmodels.DB, followers int, put func(*writer)) Turn {
	const atOnce = 10                         // posts in a transaction
	w := newWriter(context.Background(), nil) // each transaction has its own
	return func(ctx context.Context, each time.Duration) (perSecond float64, err error) {
		begun, n := time.Now(), 0
		for ; n == 0 || time.Since(begun) < each; n += atOnce {
			err := db.Batch(ctx, func(b readmodels.Batch) error {
				w.ctx, w.b = ctx, b
				for range atOnce {
					put(w)
					w.at = w.at.Add(time.Second)
				}
				return w.err
			})
			if err != nil {
				return 0, err
			}
		}
		return float64(n*followers) / time.Since(begun).Seconds(), nil
	}
}

package bench

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/parleyhq/parley/readmodels"
)

// month is the time over which a board was written.
const month = 30 * 24 * time.Hour

// boardPages are pages of one board with very many posts of a month, and the
// board itself.
func (p Plan) boardPages() []Pair {
	place := uuid.New()
	tables := &shared{plan: p, put: func(w *writer, f *filled) {
		people := w.people(f.viewer)
		w.board(place, people[0])
		tags := rand.NewZipf(w.random, 1.1, 1, 2000)
		for i := range p.OnBoard {
			w.at = started.Add(time.Duration(i) * (month / time.Duration(p.OnBoard)))
			hashtags := []string{fmt.Sprint("tag", tags.Uint64()), fmt.Sprint("topic", tags.Uint64())}
			w.react(w.post(place, people, hashtags...), people)
		}
	}}
	all := []Pair{p.board(tables, place)}
	for _, days := range []int{1, 7, 30} {
		all = append(all, p.trending(tables, days))
	}
	for _, order := range []readmodels.PostOrder{readmodels.NewestPosts, readmodels.HotPosts} {
		l := p.boardList(tables, place, order)
		all = append(all, l.first(), l.later("page in the middle", 0.5), l.later("last page", 1))
	}
	return all
}

// board is the board as it is shown, with its popular hashtags, beside its row.
func (p Plan) board(tables *shared, place uuid.UUID) Pair {
	return Pair{
		What: fmt.Sprintf("board of %d posts, with its hashtags", p.OnBoard), Unit: "boards/s", Floor: "the row by its primary key",
		Open: func(ctx context.Context) (Sides, error) {
			f, err := tables.open(ctx)
			if err != nil {
				return Sides{}, err
			}
			row := statement{"SELECT * FROM board WHERE id = ?", []any{place.String()}}
			return Sides{
				Parley: f.again(func(ctx context.Context, r readmodels.Reader) error {
					b, _, err := readmodels.BoardOf(ctx, r, f.viewer, place, readmodels.BoardTags{Since: started, Most: 10})
					if err == nil && (b.Posts != p.OnBoard || len(b.Hashtags) != 10) {
						err = fmt.Errorf("a board of %d posts with the hashtags %q", b.Posts, b.Hashtags)
					}
					return err
				}),
				Base: f.again(func(ctx context.Context, r readmodels.Reader) error {
					_, err := row.run(ctx, r)
					return err
				}),
			}, nil
		},
		Done: tables.done,
	}
}

// trending are the hashtags of the last days, beside the same ones by their
// primary keys.
func (p Plan) trending(tables *shared, days int) Pair {
	since := started.Add(month - time.Duration(days)*24*time.Hour)
	return Pair{
		What: fmt.Sprintf("trending hashtags of %d days, of a month of %d posts", days, p.OnBoard), Unit: "pages/s", Floor: "the same rows by primary key",
		Open: func(ctx context.Context) (Sides, error) {
			f, err := tables.open(ctx)
			if err != nil {
				return Sides{}, err
			}
			page := func(ctx context.Context, r readmodels.Reader) ([]readmodels.Hashtag, error) {
				tags, err := readmodels.Trending(ctx, r, f.viewer, since, nil, pageSize)
				if err == nil && len(tags) == 0 {
					err = errors.New("no hashtag is in the trend")
				}
				return tags, err
			}
			var tags []any
			err = f.reads.Read(ctx, func(r readmodels.Reader) error {
				found, err := page(ctx, r)
				for _, t := range found {
					tags = append(tags, t.Tag)
				}
				return err
			})
			rows := statement{"SELECT * FROM hashtag WHERE tag IN (?" + strings.Repeat(", ?", max(0, len(tags)-1)) + ")", tags}
			return Sides{
				Parley: f.again(func(ctx context.Context, r readmodels.Reader) error {
					_, err := page(ctx, r)
					return err
				}),
				Base: f.again(func(ctx context.Context, r readmodels.Reader) error {
					_, err := rows.run(ctx, r)
					return err
				}),
			}, err
		},
		Done: tables.done,
	}
}

func (p Plan) boardList(tables *shared, place uuid.UUID, order readmodels.PostOrder) listing[readmodels.Post, readmodels.BoardPage] {
	return listing[readmodels.Post, readmodels.BoardPage]{
		what: fmt.Sprintf("board of %d posts, %s", p.OnBoard, order), rows: p.OnBoard, tables: tables, table: "post", marks: true,
		read: func(ctx context.Context, r readmodels.Reader, viewer uuid.UUID, after *readmodels.BoardPage, limit int) ([]readmodels.Post, func(readmodels.Post) readmodels.BoardPage, error) {
			posts, at, err := readmodels.BoardPosts(ctx, r, viewer, place, order, after, limit)
			return posts, at.Place, err
		},
		keys: func(p readmodels.Post) (uuid.UUID, *readmodels.Summary) { return p.ID, p.Author },
	}
}

package bench

import (
	"context"
	"fmt"

	"github.com/google/uuid"

	"github.com/parleyhq/parley/readmodels"
)

// boardPages are pages of one board with very many posts.
func (p Plan) boardPages() []Pair {
	place := uuid.New()
	tables := &shared{plan: p, put: func(w *writer, f *filled) {
		people := w.people(f.viewer)
		w.board(place, people[0])
		for range p.OnBoard {
			w.react(w.post(place, people), people)
		}
	}}
	var all []Pair
	for _, order := range []readmodels.PostOrder{readmodels.NewestPosts, readmodels.HotPosts} {
		l := p.boardList(tables, place, order)
		all = append(all, l.first(), l.later("page in the middle", 0.5), l.later("last page", 1))
	}
	return all
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

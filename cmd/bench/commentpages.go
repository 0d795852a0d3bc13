package bench

import (
	"context"
	"fmt"

	"github.com/google/uuid"

	"github.com/parleyhq/parley/readmodels"
)

// commentPages are pages of one post with very many comments, and of branches
// of them.
func (p Plan) commentPages() []Pair {
	whole, half, few := p.thread(0), p.thread(p.OnPost/2), p.thread(2*pageSize)
	var all []Pair
	for _, order := range []readmodels.CommentOrder{readmodels.Oldest, readmodels.Newest, readmodels.Best} {
		l := whole.list(order)
		all = append(all, l.first(), l.later("last page", 1))
	}
	for _, order := range []readmodels.CommentOrder{readmodels.Oldest, readmodels.Best} {
		l := half.list(order)
		all = append(all, l.first(), l.later("last page", 1))
	}
	return append(all, few.list(readmodels.Oldest).first())
}

// thread is a post with comments, some of which stand in a branch.
type thread struct {
	*shared
	on, parent uuid.UUID // parent is uuid.Nil where the whole post is read
	what       string
	rows       int // of what is read
}

// thread is a post with a branch of so many answers below its first comment,
// spread over the whole post; 0: there is none, and the whole post is read.
func (p Plan) thread(branch int) *thread {
	t := &thread{what: fmt.Sprintf("post of %d comments", p.OnPost), rows: p.OnPost}
	if branch > 0 {
		t.what, t.rows = fmt.Sprintf("branch of %d in %d comments", branch, p.OnPost), branch
	}
	t.shared = &shared{plan: p, put: func(w *writer, f *filled) {
		people := w.people(f.viewer)
		place := w.id()
		w.board(place, people[0])
		t.on = w.post(place, people)
		within := []uuid.UUID{w.comment(t.on, uuid.Nil, people)}
		for i := 1; i < p.OnPost; i++ {
			answered := uuid.Nil
			if len(within) <= i*branch/(p.OnPost-1) {
				answered = within[w.random.IntN(len(within))]
			}
			id := w.comment(t.on, answered, people)
			if answered != uuid.Nil {
				within = append(within, id)
			}
			w.react(id, people)
		}
		if branch > 0 {
			t.parent = within[0]
		}
	}}
	return t
}

func (t *thread) list(order readmodels.CommentOrder) listing[readmodels.Comment, readmodels.CommentKey] {
	return listing[readmodels.Comment, readmodels.CommentKey]{
		what: fmt.Sprintf("%s, %s", t.what, order), rows: t.rows, tables: t.shared, table: "comment",
		read: func(ctx context.Context, r readmodels.Reader, viewer uuid.UUID, after *readmodels.CommentKey, limit int) ([]readmodels.Comment, func(readmodels.Comment) readmodels.CommentKey, error) {
			comments, err := readmodels.Comments(ctx, r, viewer, t.on, t.parent, order, after, limit)
			return comments, readmodels.Comment.Place, err
		},
		keys: func(m readmodels.Comment) (uuid.UUID, *readmodels.Summary) { return m.ID, m.Author },
	}
}

package bench

import (
	"context"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/google/uuid"

	"github.com/parleyhq/parley/domain/comment"
	"github.com/parleyhq/parley/readmodels"
)

// commentPages are pages of one post with very many comments, and of branches
// of them.
func (p Plan) commentPages() []Pair {
	var all []Pair
	for _, order := range []readmodels.CommentOrder{readmodels.Oldest, readmodels.Newest, readmodels.Best} {
		l := p.commentList(order, thread{})
		all = append(all, l.first(p), l.later(p, "last page", 1))
	}
	half := p.commentList(readmodels.Oldest, thread{rows: p.OnPost / 2})
	best := p.commentList(readmodels.Best, thread{rows: p.OnPost / 2})
	few := p.commentList(readmodels.Oldest, thread{rows: 2 * pageSize})
	return append(all, half.first(p), half.later(p, "last page", 1), best.first(p), few.first(p))
}

// thread is a branch with so many answers below its first comment; 0: the whole post.
type thread struct{ rows int }

// commentList is a post whose comments answer others half the time.
func (p Plan) commentList(order readmodels.CommentOrder, t thread) listing[readmodels.Comment, readmodels.CommentKey] {
	on, parent := uuid.New(), uuid.Nil
	what, rows := fmt.Sprintf("post of %d comments, %s", p.OnPost, order), p.OnPost
	if t.rows > 0 {
		what, rows = fmt.Sprintf("branch of %d in %d comments, %s", t.rows, p.OnPost, order), t.rows
	}
	return listing[readmodels.Comment, readmodels.CommentKey]{
		what: what, rows: rows, table: "comment",
		fill: func(ctx context.Context, b readmodels.Batch, f *filled) error {
			w := &writer{ctx: ctx, b: b, random: rand.New(rand.NewPCG(3, 4)), at: time.UnixMilli(1_700_000_000_000)} //nolint:gosec // repeatable
			people := w.people(f.viewer)
			place := w.id()
			w.board(place, people[0])
			on = w.post(place, people)
			var branch []uuid.UUID // its first comment, and those below it
			for i := range p.OnPost {
				answered := uuid.Nil
				// the answers of the branch are spread over the whole post
				if below := len(branch) - 1; len(branch) > 0 && t.rows > 0 && below < t.rows && i*t.rows/(p.OnPost-1) > below {
					answered = branch[w.random.IntN(len(branch))]
				}
				id := w.comment(on, answered, people)
				if len(branch) == 0 || answered != uuid.Nil {
					branch = append(branch, id)
				}
				w.react(id, people)
			}
			if t.rows > 0 {
				parent = branch[0]
			}
			return w.err
		},
		read: func(ctx context.Context, r readmodels.Reader, viewer uuid.UUID, after *readmodels.CommentKey, limit int) ([]readmodels.Comment, func(readmodels.Comment) readmodels.CommentKey, error) {
			comments, err := readmodels.Comments(ctx, r, viewer, on, parent, order, after, limit)
			return comments, readmodels.Comment.Place, err
		},
		keys: func(m readmodels.Comment) (uuid.UUID, *readmodels.Summary) { return m.ID, m.Author },
	}
}

// comment is one by any of those people.
func (w *writer) comment(on, parent uuid.UUID, people []uuid.UUID) uuid.UUID {
	id := w.id()
	w.run(func() error {
		return readmodels.PutComment(w.ctx, w.b, id, comment.Published{
			Post: on, Parent: parent, Author: people[w.random.IntN(len(people))], Body: text,
		}, w.when(id))
	})
	return id
}

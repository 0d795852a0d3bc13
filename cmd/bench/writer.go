package bench

import (
	"context"
	"math/rand/v2"
	"time"

	"github.com/google/uuid"

	"github.com/parleyhq/parley/domain/account"
	"github.com/parleyhq/parley/domain/board"
	"github.com/parleyhq/parley/domain/comment"
	"github.com/parleyhq/parley/domain/follow"
	"github.com/parleyhq/parley/domain/post"
	"github.com/parleyhq/parley/readmodels"
)

// reactors is how many react to a post or comment at most.
const reactors = 8

// writer writes a community into tables, a second apart. After an error it
// writes no more.
type writer struct {
	ctx    context.Context //nolint:containedctx // of one call
	b      readmodels.Batch
	random *rand.Rand
	at     time.Time
	err    error
}

// started is when a writer's clock begins.
var started = time.UnixMilli(1_700_000_000_000)

func newWriter(ctx context.Context, b readmodels.Batch) *writer {
	return &writer{ctx: ctx, b: b, random: rand.New(rand.NewPCG(1, 2)), at: started} //nolint:gosec // repeatable
}

// when is that of the next thing, which has the given id.
func (w *writer) when(id uuid.UUID) readmodels.When {
	w.at = w.at.Add(time.Second)
	return readmodels.When{Version: id, At: w.at}
}

func (w *writer) run(write func() error) {
	if w.err == nil {
		w.err = write()
	}
}

// id is one of this moment of the writer's clock.
func (w *writer) id() (id uuid.UUID) {
	for i := range id {
		id[i] = byte(w.random.Uint32())
	}
	ms := w.at.UnixMilli()
	for i := range 6 {
		id[i] = byte(ms >> (40 - 8*i))
	}
	id[6], id[8] = 0x70|id[6]&0xf, 0x80|id[8]&0x3f
	return id
}

// people are those who write, the viewer among them.
func (w *writer) people(viewer uuid.UUID) []uuid.UUID {
	return w.register(append([]uuid.UUID{viewer}, w.strangers(authors-1)...))
}

// strangers are ids of so many more, who have no accounts yet.
func (w *writer) strangers(n int) []uuid.UUID {
	all := make([]uuid.UUID, n)
	for i := range all {
		all[i] = w.id()
	}
	return all
}

func (w *writer) register(all []uuid.UUID) []uuid.UUID {
	for _, id := range all {
		w.run(func() error {
			return readmodels.PutAccount(w.ctx, w.b, id, account.Registered{Handle: id.String(), DisplayName: "Somebody"}, w.at, id)
		})
	}
	return all
}

// follow lets somebody follow another one.
func (w *writer) follow(follower, followee uuid.UUID) {
	w.run(func() error {
		_, err := readmodels.PutFollow(w.ctx, w.b, follow.Started{Follower: follower, Followee: followee}, 1, feeds)
		return err
	})
}

func (w *writer) board(id, by uuid.UUID) {
	w.run(func() error {
		return readmodels.PutBoard(w.ctx, w.b, id, board.Created{Name: "A board", By: by}, w.at, id)
	})
}

// post is one by any of those people.
func (w *writer) post(on uuid.UUID, people []uuid.UUID, hashtags ...string) uuid.UUID {
	id := w.id()
	w.run(func() error {
		return readmodels.PutPost(w.ctx, w.b, id, readmodels.PostText{
			Board: on, Author: people[w.random.IntN(len(people))], Type: post.Article, Title: "A title of some words", Body: text, Hashtags: hashtags,
		}, post.Live, time.Time{}, w.when(id), feeds)
	})
	return id
}

// repeat writes all posts again so many times, each time before the ones that
// are there: without what follows from them, it is ten times as fast.
func (w *writer) repeat(times int) {
	period := w.at.Sub(started).Milliseconds()
	w.exec(`CREATE TEMP TABLE copied AS SELECT * FROM post`)
	for range times {
		w.exec(`UPDATE copied SET id = substr(id, 1, 24) || lower(hex(randomblob(6))), created_at = created_at - ?,
			published_at = published_at - ?, hot = hot - ?`, period, period, period)
		w.exec(`INSERT INTO post SELECT * FROM copied`)
	}
	w.exec(`DROP TABLE copied`)
}

func (w *writer) exec(sql string, args ...any) {
	w.run(func() error { return w.b.Exec(w.ctx, sql, args...) })
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

// react lets some of those people react to every fourth thing.
func (w *writer) react(to uuid.UUID, people []uuid.UUID) {
	if w.random.IntN(4) > 0 {
		return
	}
	for range 1 + w.random.IntN(reactors) {
		w.run(func() error {
			return readmodels.SetReaction(w.ctx, w.b, to, people[w.random.IntN(len(people))], "like", true)
		})
	}
}

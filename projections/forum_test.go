package projections_test

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"testing"
	"time"

	diff "github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/parleyhq/parley/commands"
	"github.com/parleyhq/parley/domain"
	"github.com/parleyhq/parley/domain/account"
	"github.com/parleyhq/parley/domain/event"
	"github.com/parleyhq/parley/infra/keyring"
	"github.com/parleyhq/parley/projections"
	"github.com/parleyhq/parley/projections/projectiontest"
	"github.com/parleyhq/parley/readmodels"
)

// forumWorld is people who do random things on boards, through commands, on a
// log in memory, and what a naive model of it holds.
type forumWorld struct {
	t      *testing.T
	log    *projectiontest.Log
	codec  *event.Codec
	c      *commands.Commands
	random *rand.Rand
	people []uuid.UUID
	boards []uuid.UUID

	posts     map[uuid.UUID]*modelPost
	order     []uuid.UUID // of posts
	comments  map[uuid.UUID]*modelComment
	reactions map[string]map[string]bool // subject kind → accounts
	relations map[string]bool            // "follow a b"
}

type modelPost struct {
	board, owner uuid.UUID
	anonymous    bool
	published    bool
	deleted      bool
	pinned       bool
	at           time.Time
	tags         []string
}

type modelComment struct {
	post, parent uuid.UUID
	deleted      bool
}

var forumTags = []string{"go", "日本語", "rust"}

func newForumWorld(t *testing.T, seed uint64) *forumWorld {
	t.Helper()
	ring, err := keyring.Open(filepath.Join(t.TempDir(), "keys.db"), make([]byte, keyring.KeySize))
	must(t, err)
	t.Cleanup(func() { _ = ring.Close() })
	catalogue, err := domain.Catalogue()
	must(t, err)
	w := &forumWorld{
		t: t, log: projectiontest.NewLog(), codec: event.NewCodec(catalogue, ring), random: rand.New(rand.NewPCG(seed, 2)), //nolint:gosec // a repeatable test
		posts: map[uuid.UUID]*modelPost{}, comments: map[uuid.UUID]*modelComment{}, reactions: map[string]map[string]bool{}, relations: map[string]bool{},
	}
	cfg := commands.Defaults()
	clock := time.UnixMilli(1_700_000_000_000).UTC()
	cfg.Now = func() time.Time { clock = clock.Add(time.Millisecond); return clock }
	cfg.Forum.BoardsByMembers = true
	w.c, err = commands.New(cfg, commands.Deps{Store: w.log, Codec: w.codec, Keyring: ring, Log: slog.New(slog.DiscardHandler)})
	must(t, err)
	t.Cleanup(func() { w.c.Close(context.Background()) })
	for range 5 {
		id := uuid.Must(uuid.NewV7())
		must(t, ring.EnsureAccount(t.Context(), id))
		eid := uuid.Must(uuid.NewV7())
		typ, stored, err := w.codec.Encode(t.Context(), account.Stream(id), eid, account.Registered{Handle: id.String()[:8]})
		must(t, err)
		_, err = w.log.Append(t.Context(), account.Stream(id), event.NoStream, []event.Event{{ID: eid, Type: typ, Time: time.UnixMilli(1), Data: stored}})
		must(t, err)
		w.people = append(w.people, id)
	}
	for i := range 2 {
		id, _, err := w.c.CreateBoard(t.Context(), commands.Actor{Account: w.people[i]}, commands.CreateBoard{Name: fmt.Sprint("Board ", i)})
		must(t, err)
		w.boards = append(w.boards, id)
	}
	_, err = w.c.SetModerator(t.Context(), commands.Actor{Account: w.people[1]}, w.boards[1], w.people[0], true, nil) // of both
	must(t, err)
	return w
}

func pick[T any](w *forumWorld, from []T) T { return from[w.random.IntN(len(from))] }

// act does one random thing; being refused is as good as being heard.
func (w *forumWorld) act() {
	ctx, by := w.t.Context(), commands.Actor{Account: pick(w, w.people)}
	n := w.random.IntN(100)
	switch {
	case n < 15 || len(w.order) == 0:
		w.post(by)
	case n < 22:
		w.edit(by, pick(w, w.order))
	case n < 26:
		id := pick(w, w.order)
		if _, err := w.c.DeletePost(ctx, by, id, nil); err == nil {
			w.posts[id].deleted = true
		}
	case n < 30:
		id := pick(w, w.order)
		if _, err := w.c.RestorePost(ctx, by, id, nil); err == nil {
			w.posts[id].deleted = false
		}
	case n < 33:
		id, on := pick(w, w.order), w.random.IntN(2) == 0
		if _, err := w.c.PinPost(ctx, by, id, on, nil); err == nil {
			w.posts[id].pinned = on
		}
	case n < 36:
		id, board := pick(w, w.order), pick(w, w.boards)
		if _, err := w.c.MovePost(ctx, by, id, board, nil); err == nil && w.posts[id].board != board {
			w.posts[id].board, w.posts[id].pinned = board, false
		}
	case n < 52:
		w.comment(by, pick(w, w.order))
	case n < 56 && len(w.comments) > 0:
		id := pick(w, w.commentIDs())
		if _, err := w.c.DeleteComment(ctx, by, id, nil); err == nil {
			w.comments[id].deleted = true
		}
	case n < 85:
		w.react(by, w.random.IntN(3) > 0)
	default:
		w.relate(by, w.random.IntN(3) > 0)
	}
}

func (w *forumWorld) commentIDs() []uuid.UUID {
	ids := make([]uuid.UUID, 0, len(w.comments))
	for id := range w.comments {
		ids = append(ids, id)
	}
	slices.SortFunc(ids, func(a, b uuid.UUID) int { return cmp.Compare(a.String(), b.String()) })
	return ids
}

// text is a body with some tags, and those tags.
func (w *forumWorld) text() (string, []string) {
	body, tags := fmt.Sprint("text ", w.random.IntN(4)), []string(nil)
	for _, tag := range forumTags {
		if w.random.IntN(3) == 0 {
			body, tags = body+" #"+tag, append(tags, tag)
		}
	}
	return body, tags
}

func (w *forumWorld) post(by commands.Actor) {
	body, tags := w.text()
	in := commands.CreatePost{Title: "T", Body: body, Anonymous: w.random.IntN(3) == 0, Draft: w.random.IntN(4) == 0}
	board := pick(w, w.boards)
	id, _, err := w.c.CreatePost(w.t.Context(), by, board, in)
	must(w.t, err)
	w.posts[id] = &modelPost{board: board, owner: by.Account, anonymous: in.Anonymous, published: !in.Draft, tags: tags}
	w.order = append(w.order, id)
	w.stamp(id)
}

// stamp notes when a post was published.
func (w *forumWorld) stamp(id uuid.UUID) {
	for rec, err := range w.log.Stream(w.t.Context(), "post-"+id.String(), event.End, event.Backward) {
		must(w.t, err)
		if rec.Type == "post.published.v1" {
			w.posts[id].at = rec.Time
			return
		}
	}
}

func (w *forumWorld) edit(by commands.Actor, id uuid.UUID) {
	body, tags := w.text()
	publish := w.random.IntN(2) == 0
	if _, err := w.c.EditPost(w.t.Context(), by, id, commands.EditPost{Body: &body, Publish: publish}); err != nil {
		return
	}
	p := w.posts[id]
	p.tags = tags
	if publish && !p.published {
		p.published = true
		w.stamp(id)
	}
}

func (w *forumWorld) comment(by commands.Actor, on uuid.UUID) {
	var parent uuid.UUID
	for id, m := range w.comments {
		if m.post == on {
			parent = id
			break
		}
	}
	if id, _, err := w.c.AddComment(w.t.Context(), by, on, "said", parent); err == nil {
		w.comments[id] = &modelComment{post: on, parent: parent}
	}
}

func (w *forumWorld) react(by commands.Actor, on bool) {
	kind, id := pick(w, []string{"like", "sad"}), pick(w, w.order)
	command := w.c.ReactToPost
	if len(w.comments) > 0 && w.random.IntN(2) == 0 {
		id, command = pick(w, w.commentIDs()), w.c.ReactToComment
	}
	if _, err := command(w.t.Context(), by, id, kind, on); err != nil {
		return
	}
	key := id.String() + " " + kind
	if w.reactions[key] == nil {
		w.reactions[key] = map[string]bool{}
	}
	delete(w.reactions[key], by.Account.String())
	if on {
		w.reactions[key][by.Account.String()] = true
	}
}

func (w *forumWorld) relate(by commands.Actor, on bool) {
	ctx, other := w.t.Context(), pick(w, w.people)
	set := func(err error, name string, to any) {
		if err == nil {
			w.relations[fmt.Sprint(name, " ", by.Account, " ", to)] = on
		}
	}
	switch w.random.IntN(4) {
	case 0:
		_, err := w.c.Follow(ctx, by, other, on)
		set(err, "follow", other)
	case 1:
		board := pick(w, w.boards)
		_, err := w.c.FollowBoard(ctx, by, board, on)
		set(err, "board", board)
	case 2:
		tag := pick(w, forumTags)
		_, err := w.c.FollowHashtag(ctx, by, tag, on)
		set(err, "tag", tag)
	case 3:
		_, err := w.c.Mute(ctx, by, other, on)
		set(err, "mute", other)
	}
}

// newest sorts ids of posts as lists do.
func (w *forumWorld) newest(keep func(id uuid.UUID, p *modelPost) bool) []string {
	var ids []uuid.UUID
	for id, p := range w.posts {
		if p.published && !p.deleted && keep(id, p) {
			ids = append(ids, id)
		}
	}
	slices.SortFunc(ids, func(a, b uuid.UUID) int {
		return cmp.Or(w.posts[b].at.Compare(w.posts[a].at), cmp.Compare(b.String(), a.String()))
	})
	list := []string{}
	for _, id := range ids {
		list = append(list, id.String())
	}
	return list
}

// popular are the hashtags of a board's posts, most used first.
func (w *forumWorld) popular(on uuid.UUID) []string {
	used, tags := map[string]int{}, []string{}
	for _, p := range w.posts {
		if p.board != on || !p.published || p.deleted {
			continue
		}
		for _, tag := range p.tags {
			if used[tag]++; used[tag] == 1 {
				tags = append(tags, tag)
			}
		}
	}
	slices.SortFunc(tags, func(a, b string) int { return cmp.Or(cmp.Compare(used[b], used[a]), cmp.Compare(a, b)) })
	return tags
}

func (w *forumWorld) on(name string, a, b any) bool {
	return w.relations[fmt.Sprint(name, " ", a, " ", b)]
}

func (w *forumWorld) feed(viewer uuid.UUID) []string {
	return w.newest(func(_ uuid.UUID, p *modelPost) bool {
		if p.owner == viewer {
			return true
		}
		signed := !p.anonymous
		if signed && w.on("mute", viewer, p.owner) {
			return false
		}
		return signed && w.on("follow", viewer, p.owner) || w.on("board", viewer, p.board) ||
			slices.ContainsFunc(p.tags, func(tag string) bool { return w.on("tag", viewer, tag) })
	})
}

// every reads a list by small pages.
func every(t *testing.T, limit int, page func(after *readmodels.PostKey, limit int) ([]readmodels.Post, error)) []string {
	t.Helper()
	list := []string{}
	var after *readmodels.PostKey
	for {
		posts, err := page(after, limit)
		must(t, err)
		for _, p := range posts {
			list = append(list, p.ID.String())
		}
		if len(posts) < limit {
			return list
		}
		k := posts[len(posts)-1].Place()
		after = &k
	}
}

// F1, F2, F4, F5, F7, F9, invariant 5: whatever happens on boards, the tables
// show what a naive model holds, and they do so after crashes as well.
func TestForumTables(t *testing.T) {
	t.Parallel()
	for seed := range uint64(4) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			w := newForumWorld(t, seed)
			for range 600 {
				w.act()
			}
			feeds := []readmodels.Feeds{{}, feeds, {FanOut: 3, Length: 1}, {FanOut: 1000, Length: 400}}[seed]
			g := newPlace(t)
			projectiontest.Fold(t, projectiontest.Config(projections.Tables(feeds), w.log, w.codec, g))
			must(t, readmodels.NewTables(g).Read(t.Context(), func(r readmodels.Reader) error {
				w.checkPosts(r)
				w.checkLists(r)
				return nil
			}))
			projectiontest.Check(t, projections.Tables(feeds), w.codec, w.log, newPlace, seed)
		})
	}
}

func (w *forumWorld) checkPosts(r readmodels.Reader) {
	t, ctx := w.t, w.t.Context()
	for id, p := range w.posts {
		for _, viewer := range w.people {
			got, ok, err := readmodels.PostOf(ctx, r, viewer, id)
			must(t, err)
			if want := p.published || p.owner == viewer; ok != want {
				t.Fatalf("post %s for %s: there %v, want %v", id, viewer, ok, want)
			}
			if !ok {
				continue
			}
			if got.Mine != (p.owner == viewer) || (got.Author == nil) != p.anonymous {
				t.Errorf("post %s for %s: mine %v, author %v", id, viewer, got.Mine, got.Author)
			}
			if want := w.countComments(func(m *modelComment) bool { return m.post == id }); got.Comments != want {
				t.Errorf("post %s: %d comments, want %d", id, got.Comments, want)
			}
			if want := w.counted(id); len(want)+len(got.Reactions.Counts) > 0 && !diff.Equal(want, got.Reactions.Counts) {
				t.Errorf("post %s: %v, want %v", id, got.Reactions.Counts, want)
			}
		}
	}
	for id, m := range w.comments {
		got, ok, err := readmodels.CommentOf(ctx, r, uuid.Nil, id)
		must(t, err)
		if !ok || got.Deleted != m.deleted || got.Replies != w.countComments(func(m *modelComment) bool { return m.parent == id }) {
			t.Errorf("comment %s: %v %+v", id, ok, got)
		}
		if want := w.counted(id); len(want)+len(got.Reactions.Counts) > 0 && !diff.Equal(want, got.Reactions.Counts) {
			t.Errorf("comment %s: %v, want %v", id, got.Reactions.Counts, want)
		}
	}
}

func (w *forumWorld) counted(subject uuid.UUID) map[string]int {
	counts := map[string]int{}
	for _, kind := range []string{"like", "sad"} {
		if n := len(w.reactions[subject.String()+" "+kind]); n > 0 {
			counts[kind] = n
		}
	}
	return counts
}

func (w *forumWorld) countComments(of func(*modelComment) bool) int {
	n := 0
	for _, m := range w.comments {
		if !m.deleted && of(m) {
			n++
		}
	}
	return n
}

func (w *forumWorld) checkLists(r readmodels.Reader) {
	t, ctx := w.t, w.t.Context()
	check := func(what string, want, got []string) {
		if d := diff.Diff(want, got); d != "" {
			t.Errorf("%s (-want +got): %s", what, d)
		}
	}
	for _, viewer := range w.people {
		for _, limit := range []int{1, 3, 100} {
			check("feed", w.feed(viewer), every(t, limit, func(after *readmodels.PostKey, limit int) ([]readmodels.Post, error) {
				return readmodels.HomeFeed(ctx, r, viewer, after, limit)
			}))
		}
		signed := w.newest(func(_ uuid.UUID, p *modelPost) bool { return p.owner == viewer && !p.anonymous })
		check("signed", signed, every(t, 2, func(after *readmodels.PostKey, limit int) ([]readmodels.Post, error) {
			return readmodels.AuthorPosts(ctx, r, uuid.Nil, viewer, after, limit)
		}))
		a, err := readmodels.AccountByID(ctx, r, uuid.Nil, viewer)
		must(t, err)
		if a.Posts != len(signed) {
			t.Errorf("account: %d posts, want %d", a.Posts, len(signed))
		}
	}
	for _, id := range w.boards {
		want := append(w.newest(func(_ uuid.UUID, p *modelPost) bool { return p.board == id && p.pinned }),
			w.newest(func(_ uuid.UUID, p *modelPost) bool { return p.board == id && !p.pinned })...)
		var page *readmodels.BoardPage
		check("board", want, every(t, 3, func(_ *readmodels.PostKey, limit int) ([]readmodels.Post, error) {
			posts, at, err := readmodels.BoardPosts(ctx, r, uuid.Nil, id, readmodels.NewestPosts, page, limit)
			if len(posts) > 0 {
				next := at.Place(posts[len(posts)-1])
				page = &next
			}
			return posts, err
		}))
		b, _, err := readmodels.BoardOf(ctx, r, uuid.Nil, id, readmodels.BoardTags{Most: 10})
		must(t, err)
		followers := 0
		for _, p := range w.people {
			if w.on("board", p, id) {
				followers++
			}
		}
		if b.Posts != len(want) || b.Followers != followers {
			t.Errorf("board: %d posts, %d followers; want %d, %d", b.Posts, b.Followers, len(want), followers)
		}
		check("hashtags of a board", w.popular(id), b.Hashtags)
	}
	for _, tag := range forumTags {
		want := w.newest(func(_ uuid.UUID, p *modelPost) bool { return slices.Contains(p.tags, tag) })
		check("hashtag", want, every(t, 3, func(after *readmodels.PostKey, limit int) ([]readmodels.Post, error) {
			return readmodels.HashtagPosts(ctx, r, uuid.Nil, tag, after, limit)
		}))
		h, err := readmodels.HashtagOf(ctx, r, uuid.Nil, tag)
		must(t, err)
		if h.Posts != len(want) {
			t.Errorf("#%s: %d posts, want %d", tag, h.Posts, len(want))
		}
	}
}

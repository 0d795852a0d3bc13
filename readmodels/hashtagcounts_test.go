package readmodels_test

import (
	"cmp"
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/parleyhq/parley/domain/board"
	"github.com/parleyhq/parley/domain/post"
	"github.com/parleyhq/parley/readmodels"
)

// taggedPost is a post as a naive model keeps it.
type taggedPost struct {
	board, author uuid.UUID
	at            time.Time
	tags          []string
	deleted       bool
}

// tagWorld writes posts with hashtags, and knows what they are.
type tagWorld struct {
	*testing.T
	readmodels.DB
	random         *rand.Rand
	boards, people []uuid.UUID
	posts          []taggedPost
	now            time.Time
	keeping        readmodels.Feeds
}

// nth is the id of a thing of a kind.
func nth(kind byte, n int) uuid.UUID { return uuid.UUID{13: kind, 14: byte(n >> 8), 15: byte(n)} }

func (w *tagWorld) tags() (tags []string) {
	for _, tag := range []string{"go", "rust", "日本語", "a", "b", "c"} {
		if w.random.IntN(4) == 0 {
			tags = append(tags, tag)
		}
	}
	return tags
}

// act lets somebody publish, edit, delete, restore or move a post.
func (w *tagWorld) act() {
	w.Helper()
	err := w.Batch(w.Context(), func(b readmodels.Batch) error {
		ctx, n := w.Context(), len(w.posts)
		if n > 0 && w.random.IntN(3) > 0 {
			n = w.random.IntN(n)
			return w.change(ctx, b, nth(3, n), &w.posts[n])
		}
		w.now = w.now.Add(time.Duration(w.random.IntN(8*60)) * time.Minute)
		if w.random.IntN(30) == 0 { // nobody writes for a while
			w.now = w.now.Add(time.Duration(w.random.IntN(20*24)) * time.Hour)
		}
		p := taggedPost{board: w.boards[w.random.IntN(len(w.boards))], author: w.people[w.random.IntN(len(w.people))], at: w.now, tags: w.tags()}
		if w.random.IntN(5) == 0 { // an import
			p.at = w.now.Add(-time.Duration(w.random.IntN(40*24*60)) * time.Minute)
		}
		w.posts = append(w.posts, p)
		text := readmodels.PostText{Board: p.board, Author: p.author, Type: post.Article, Title: "t", Hashtags: p.tags}
		return readmodels.PutPost(ctx, b, nth(3, n), text, post.Live, time.Time{}, readmodels.When{Version: nth(3, n), At: p.at}, w.keeping)
	})
	if err != nil {
		w.Fatal(err)
	}
}

func (w *tagWorld) change(ctx context.Context, b readmodels.Batch, id uuid.UUID, p *taggedPost) error {
	when := readmodels.When{Version: nth(4, 0), At: w.now}
	switch w.random.IntN(4) {
	case 0:
		p.deleted = true
		return readmodels.DeletePost(ctx, b, id, when)
	case 1:
		p.deleted = false
		_, err := readmodels.RestorePost(ctx, b, id, when)
		return err
	case 2:
		p.board = w.boards[w.random.IntN(len(w.boards))]
		return readmodels.MovePost(ctx, b, id, post.Moved{Board: p.board}, when)
	default:
		if p.deleted { // is not edited
			return nil
		}
		p.tags = w.tags()
		return readmodels.EditPost(ctx, b, id, post.Edited{Editor: p.author, Title: "t", Hashtags: p.tags}, when)
	}
}

// since are the posts of a time that are there.
func (w *tagWorld) since(begin time.Time) (posts []taggedPost) {
	for _, p := range w.posts {
		if !p.deleted && !p.at.Before(begin) {
			posts = append(posts, p)
		}
	}
	return posts
}

// trend is what Trending is to say, as "tag people posts".
func (w *tagWorld) trend(begin time.Time) (list []string) {
	people, posts := map[string]map[uuid.UUID]bool{}, map[string]int{}
	for _, p := range w.since(begin) {
		for _, tag := range p.tags {
			if posts[tag]++; posts[tag] == 1 {
				list, people[tag] = append(list, tag), map[uuid.UUID]bool{}
			}
			people[tag][p.author] = true
		}
	}
	slices.SortFunc(list, func(a, b string) int {
		return cmp.Or(len(people[b])-len(people[a]), posts[b]-posts[a], cmp.Compare(a, b))
	})
	for i, tag := range list {
		list[i] = fmt.Sprint(tag, len(people[tag]), posts[tag])
	}
	return list
}

// popular are the most used hashtags of a board.
func (w *tagWorld) popular(on uuid.UUID, begin time.Time, most int) (list []string) {
	posts := map[string]int{}
	for _, p := range w.since(begin) {
		for _, tag := range p.tags {
			if p.board != on {
				continue
			}
			if posts[tag]++; posts[tag] == 1 {
				list = append(list, tag)
			}
		}
	}
	slices.SortFunc(list, func(a, b string) int { return cmp.Or(posts[b]-posts[a], cmp.Compare(a, b)) })
	return list[:min(most, len(list))]
}

func (w *tagWorld) check() {
	w.Helper()
	for range 4 {
		begin := w.now.Add(-time.Duration(w.random.IntN(31*24*60)) * time.Minute)
		if w.random.IntN(3) == 0 {
			begin = begin.Truncate(time.Hour)
		}
		var got []string
		for after := (*readmodels.TrendKey)(nil); ; {
			page, err := readmodels.Trending(w.Context(), w, uuid.Nil, begin, after, 2)
			if err != nil {
				w.Fatal(err)
			}
			for _, h := range page {
				got = append(got, fmt.Sprint(h.Tag, h.People, h.Recent))
				after = &readmodels.TrendKey{Since: begin.UnixMilli(), People: h.People, Recent: h.Recent, Tag: h.Tag}
			}
			if len(page) == 0 {
				break
			}
		}
		if want := w.trend(begin); fmt.Sprint(got) != fmt.Sprint(want) {
			w.Fatalf("trend since %s: %v, want %v", begin, got, want)
		}
	}
	for _, back := range []int{w.keeping.TagDays, w.random.IntN(40)} { // as summed, and other days
		begin := w.now.AddDate(0, 0, -back)
		boards, err := readmodels.Boards(w.Context(), w, uuid.Nil, readmodels.BoardTags{Since: begin, Most: 4}, nil, 10)
		if err != nil {
			w.Fatal(err)
		}
		for _, b := range boards {
			if want := w.popular(b.ID, begin.Truncate(24*time.Hour), 4); fmt.Sprint(b.Hashtags) != fmt.Sprint(want) {
				w.Fatalf("popular of %d days: %v, want %v", back, b.Hashtags, want)
			}
		}
	}
}

// F1, F7: whatever is published, imported, edited, moved, deleted and restored
// on whichever day, trends and the popular hashtags of boards are those of the
// posts; also where sums are kept of more days, or fewer, than before.
func TestF7_HashtagCounts(t *testing.T) {
	t.Parallel()
	for seed := range uint64(2) {
		w := &tagWorld{
			T: t, DB: newTables(t), random: rand.New(rand.NewPCG(seed, 7)), now: time.Date(2026, time.March, 10, 12, 0, 0, 0, time.UTC), //nolint:gosec // repeatable
			boards: []uuid.UUID{nth(1, 1), nth(1, 2)}, people: []uuid.UUID{nth(2, 1), nth(2, 2), nth(2, 3), nth(2, 4)},
			keeping: readmodels.Feeds{TagDays: 30},
		}
		for _, id := range w.boards {
			err := w.Batch(t.Context(), func(b readmodels.Batch) error {
				return readmodels.PutBoard(t.Context(), b, id, board.Created{By: me, Name: id.String()}, w.now, id)
			})
			if err != nil {
				t.Fatal(err)
			}
		}
		w.check()
		for i := range 300 {
			if i%75 == 50 {
				w.keeping.TagDays = w.random.IntN(40)
			}
			if w.act(); i%10 == 9 {
				w.check()
			}
		}
	}
}

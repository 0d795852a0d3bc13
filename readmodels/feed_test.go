package readmodels_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/parleyhq/parley/domain/account"
	"github.com/parleyhq/parley/domain/board"
	"github.com/parleyhq/parley/domain/follow"
	"github.com/parleyhq/parley/domain/post"
	"github.com/parleyhq/parley/readmodels"
)

// feeds are kept as they are by default.
var feeds = readmodels.Feeds{FanOut: 1000, Length: 400}

// crowd is tables with 1,000 authors on 50 boards, and a viewer who follows
// some of them; the newest posts are strangers'.
func crowd(b testing.TB, feeds readmodels.Feeds, posts, strangers, followees, boards, tags int) (db readmodels.DB, viewer uuid.UUID, ids []uuid.UUID) {
	b.Helper()
	ctx := context.Background()
	db = newTables(b)
	random := rand.New(rand.NewPCG(1, 2)) //nolint:gosec // repeatable
	at := time.UnixMilli(1_700_000_000_000)
	id := func() uuid.UUID { return uuid.Must(uuid.NewV7()) }
	var people, places []uuid.UUID
	viewer = id()
	fill := func(t readmodels.Batch) error {
		for range 1000 {
			p := id()
			people = append(people, p)
			if err := readmodels.PutAccount(ctx, t, p, account.Registered{Handle: p.String()}, at, p); err != nil {
				return err
			}
		}
		for range 50 {
			p := id()
			places = append(places, p)
			if err := readmodels.PutBoard(ctx, t, p, board.Created{Name: p.String(), By: people[0]}, at, p); err != nil {
				return err
			}
		}
		for i := range posts + strangers {
			p, author, place, tag := id(), people[random.IntN(1000)], places[random.IntN(50)], fmt.Sprint("tag", random.IntN(500))
			if i >= posts { // nothing that anybody follows
				author, place, tag = id(), id(), "strange"
			}
			ids = append(ids, p)
			err := readmodels.PutPost(ctx, t, p, readmodels.PostText{
				Board: place, Author: author, Type: post.Article, Title: "A title", Body: "Some words of a body",
				Hashtags: []string{tag},
			}, post.Live, time.Time{}, readmodels.When{Version: p, At: at.Add(time.Duration(i) * time.Second)}, feeds)
			if err != nil {
				return err
			}
		}
		for i, p := range people[:followees] {
			if _, err := readmodels.PutFollow(ctx, t, follow.Started{Follower: viewer, Followee: p}, uint64(i+1), feeds); err != nil {
				return err
			}
		}
		for _, p := range places[:boards] {
			if err := readmodels.PutBoardFollow(ctx, t, viewer, p, feeds); err != nil {
				return err
			}
		}
		for i := range tags {
			if err := readmodels.PutHashtagFollow(ctx, t, viewer, fmt.Sprint("tag", i), feeds); err != nil {
				return err
			}
		}
		return nil
	}
	if err := db.Batch(ctx, fill); err != nil {
		b.Fatal(err)
	}
	return db, viewer, ids
}

// F9: every page is right, whichever way it is put together.
func TestFeedOfManySources(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	for _, size := range []struct {
		readmodels.Feeds
		posts, strangers, followees, boards, tags int
	}{
		{feeds, 900, 250, 120, 2, 20}, // a timeline, and below its floor
		{feeds, 200, 4100, 110, 0, 1},
		{feeds, 1000, 0, 2, 1, 1},
		{readmodels.Feeds{Length: 400}, 900, 250, 120, 2, 20}, // all merged, too much for one statement
		{readmodels.Feeds{}, 200, 4100, 110, 0, 1},
		{readmodels.Feeds{FanOut: 1, Length: 7}, 1000, 0, 2, 1, 1},
	} {
		db, viewer, _ := crowd(t, size.Feeds, size.posts, size.strangers, size.followees, size.boards, size.tags)
		rows, err := db.Query(ctx, `SELECT id FROM post WHERE author IN (SELECT followee FROM follow WHERE follower = ?)
			OR board IN (SELECT board FROM board_follow WHERE account = ?)
			OR id IN (SELECT post FROM post_hashtag WHERE tag IN (SELECT tag FROM hashtag_follow WHERE account = ?))
			ORDER BY published_at DESC, id DESC`, viewer.String(), viewer.String(), viewer.String())
		if err != nil {
			t.Fatal(err)
		}
		var want, got []string
		for rows.Next() {
			var id string
			if err := rows.Scan(&id); err != nil {
				t.Fatal(err)
			}
			want = append(want, id)
		}
		if err := rows.Close(); err != nil {
			t.Fatal(err)
		}
		var after *readmodels.PostKey
		for {
			page, err := readmodels.HomeFeed(ctx, db, viewer, after, 17)
			if err != nil {
				t.Fatal(err)
			}
			for _, p := range page {
				got = append(got, p.ID.String())
			}
			if len(page) < 17 {
				break
			}
			k := page[16].Place()
			after = &k
		}
		if len(want) < 4 || !slices.Equal(want, got) {
			t.Errorf("%+v: %d posts, want %d", size, len(got), len(want))
		}
	}
}

// F9: a page of 20 of the home feed, beside the same number of posts by their
// primary keys.
func BenchmarkFeed(b *testing.B) {
	for _, size := range []struct{ posts, strangers, followees, boards, tags int }{
		{10_000, 0, 1000, 0, 0}, {10_000, 0, 3, 0, 0}, {10_000, 0, 100, 10, 10}, {10_000, 300, 1000, 50, 50}, {10_000, 300, 3, 1, 1}, {100_000, 0, 100, 10, 10},
	} {
		db, viewer, ids := crowd(b, feeds, size.posts, size.strangers, size.followees, size.boards, size.tags)
		ctx := context.Background()
		name := fmt.Sprintf("%d posts, %d strange, %d people, %d boards, %d tags", size.posts, size.strangers, size.followees, size.boards, size.tags)
		b.Run(name+"/feed", func(b *testing.B) {
			for b.Loop() {
				if _, err := readmodels.HomeFeed(ctx, db, viewer, nil, 21); err != nil {
					b.Fatal(err)
				}
			}
		})
		b.Run(name+"/public", func(b *testing.B) {
			for b.Loop() {
				if _, err := readmodels.PublicFeed(ctx, db, viewer, nil, 21); err != nil {
					b.Fatal(err)
				}
			}
		})
		b.Run(name+"/keys", func(b *testing.B) {
			for b.Loop() {
				if _, err := readmodels.PostsByID(ctx, db, viewer, ids[len(ids)-21:]); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

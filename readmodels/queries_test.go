package readmodels_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/parleyhq/parley/domain/account"
	"github.com/parleyhq/parley/domain/board"
	"github.com/parleyhq/parley/domain/chat"
	"github.com/parleyhq/parley/domain/comment"
	"github.com/parleyhq/parley/domain/follow"
	"github.com/parleyhq/parley/domain/notification"
	"github.com/parleyhq/parley/domain/post"
	"github.com/parleyhq/parley/readmodels"
)

// counting counts the statements of a reader.
type counting struct {
	readmodels.Reader
	statements int
}

func (c *counting) Query(ctx context.Context, sql string, args ...any) (readmodels.Rows, error) {
	c.statements++
	return c.Reader.Query(ctx, sql, args...)
}

const many = 30

// crowded fills tables with things that all have different people around
// them, and gives the people; the first one looks at it all.
func crowded(t *testing.T, db readmodels.DB) (people []uuid.UUID, aBoard, aPost, aRoom uuid.UUID) {
	t.Helper()
	nth := func(kind byte, n int) uuid.UUID { return uuid.UUID{6: 0x70, 8: 0x80, 14: kind, 15: byte(n)} }
	for n := range many + 1 {
		people = append(people, nth(1, n))
	}
	me, aBoard, aPost, aRoom := people[0], nth(2, 0), nth(3, 0), nth(5, 0)
	err := db.Batch(t.Context(), func(b readmodels.Batch) error {
		var failed error
		do := func(results ...any) {
			if err, is := results[len(results)-1].(error); is && failed == nil {
				failed = err
			}
		}
		for n, id := range people {
			do(readmodels.PutAccount(t.Context(), b, id, account.Registered{Handle: fmt.Sprint("p", n)}, at, id))
		}
		do(readmodels.PutRoom(t.Context(), b, aRoom, chat.RoomCreated{Kind: chat.Group, Name: "r"}, at, aRoom, 1))
		do(readmodels.AddRoomMember(t.Context(), b, aRoom, me, chat.Owner, at, 1))
		for n := range many {
			who, when := people[n+1], readmodels.When{Version: nth(9, n), At: at.Add(time.Duration(n) * time.Second)}
			do(readmodels.PutBoard(t.Context(), b, nth(2, n), board.Created{By: who, Name: fmt.Sprint("b", n)}, when.At, when.Version))
			do(readmodels.PutBoardFollow(t.Context(), b, me, nth(2, n), feeds))
			do(readmodels.PutFollow(t.Context(), b, follow.Started{Follower: me, Followee: who}, uint64(2*n+1), feeds))
			do(readmodels.PutFollow(t.Context(), b, follow.Started{Follower: who, Followee: me}, uint64(2*n+2), feeds))
			text := readmodels.PostText{Board: aBoard, Author: who, Type: post.Article, Title: "t", Body: "b", Hashtags: []string{"all", fmt.Sprint("tag", n)}, Mentions: people}
			do(readmodels.PutPost(t.Context(), b, nth(3, n), text, post.Live, time.Time{}, when, feeds))
			do(readmodels.PutComment(t.Context(), b, nth(4, n), comment.Published{Post: aPost, Author: who, Body: "c", Mentions: people}, when))
			do(readmodels.EditPost(t.Context(), b, aPost, post.Edited{Author: me, Editor: who, Title: "t", Body: "b", Hashtags: []string{"all"}, Mentions: people}, when))
			for _, subject := range []uuid.UUID{nth(3, n), nth(4, n)} {
				do(readmodels.SetReaction(t.Context(), b, subject, me, "like", true))
				do(readmodels.SetReaction(t.Context(), b, subject, who, "sad", true))
			}
			do(readmodels.PutBookmark(t.Context(), b, me, nth(3, n), fmt.Sprint("f", n), when.At, uint64(n+1)))
			do(readmodels.PutPostFollow(t.Context(), b, me, nth(3, n), uint64(n+1)))
			do(readmodels.AddRoomMember(t.Context(), b, aRoom, who, chat.Plain, at, uint64(n+2)))
			sent := chat.MessageSent{Sender: who, Text: "m", Mentions: people}
			do(readmodels.PutMessage(t.Context(), b, readmodels.MessageSent(aRoom, uint64(n+100), when.Version, when.At, sent), uint64(n+100)))
			do(readmodels.SetMessageReaction(t.Context(), b, readmodels.MessageKey{Room: aRoom, Number: uint64(n + 100)}, who, "like", true))
			do(readmodels.PutRoom(t.Context(), b, nth(5, n+1), chat.RoomCreated{Kind: chat.Direct}, when.At, when.Version, uint64(n+1)))
			do(readmodels.AddRoomMember(t.Context(), b, nth(5, n+1), me, chat.Plain, at, 1))
			do(readmodels.AddRoomMember(t.Context(), b, nth(5, n+1), who, chat.Plain, at, 1))
			entry := notification.Notified{Kind: notification.PostReaction, Actor: who, Subject: notification.Subject{Type: "post", ID: nth(3, n)}}
			do(readmodels.PutNotification(t.Context(), b, me, uint64(n+1), entry, when.At))
		}
		return failed
	})
	if err != nil {
		t.Fatal(err)
	}
	return people, aBoard, aPost, aRoom
}

// F12: a page of many costs as many statements as a page of one: whoever and
// whatever stands around its things comes with all of them at once.
func TestF12_QueriesOfAPage(t *testing.T) {
	t.Parallel()
	db := newTables(t)
	people, aBoard, aPost, aRoom := crowded(t, db)
	me := people[0]
	tags := readmodels.BoardTags{Since: at.Add(-time.Hour), Most: 10}
	lists := map[string]func(ctx context.Context, r readmodels.Reader, limit int) (int, error){
		"boards": func(ctx context.Context, r readmodels.Reader, limit int) (int, error) {
			found, err := readmodels.Boards(ctx, r, me, tags, nil, limit)
			return len(found), err
		},
		"posts of a board": func(ctx context.Context, r readmodels.Reader, limit int) (int, error) {
			found, _, err := readmodels.BoardPosts(ctx, r, me, aBoard, readmodels.HotPosts, nil, limit)
			return len(found), err
		},
		"revisions": func(ctx context.Context, r readmodels.Reader, limit int) (int, error) {
			found, err := readmodels.Revisions(ctx, r, me, aPost, nil, limit)
			return len(found), err
		},
		"posts of a hashtag": func(ctx context.Context, r readmodels.Reader, limit int) (int, error) {
			found, err := readmodels.HashtagPosts(ctx, r, me, "all", nil, limit)
			return len(found), err
		},
		"public feed": func(ctx context.Context, r readmodels.Reader, limit int) (int, error) {
			found, err := readmodels.PublicFeed(ctx, r, me, nil, limit)
			return len(found), err
		},
		"home feed": func(ctx context.Context, r readmodels.Reader, limit int) (int, error) {
			found, err := readmodels.HomeFeed(ctx, r, me, nil, limit)
			return len(found), err
		},
		"bookmarks": func(ctx context.Context, r readmodels.Reader, limit int) (int, error) {
			found, err := readmodels.Bookmarks(ctx, r, me, nil, nil, limit)
			return len(found), err
		},
		"comments": func(ctx context.Context, r readmodels.Reader, limit int) (int, error) {
			found, err := readmodels.Comments(ctx, r, me, aPost, uuid.Nil, readmodels.Oldest, nil, limit)
			return len(found), err
		},
		"hashtags": func(ctx context.Context, r readmodels.Reader, limit int) (int, error) {
			found, err := readmodels.Trending(ctx, r, me, at.Add(-time.Hour), nil, limit)
			return len(found), err
		},
		"followers": func(ctx context.Context, r readmodels.Reader, limit int) (int, error) {
			found, err := readmodels.Followers(ctx, r, me, me, 0, limit)
			return len(found), err
		},
		"rooms": func(ctx context.Context, r readmodels.Reader, limit int) (int, error) {
			found, err := readmodels.RoomsOf(ctx, r, me, 0, limit)
			return len(found), err
		},
		"members": func(ctx context.Context, r readmodels.Reader, limit int) (int, error) {
			found, err := readmodels.RoomMembers(ctx, r, aRoom, nil, limit)
			return len(found), err
		},
		"messages": func(ctx context.Context, r readmodels.Reader, limit int) (int, error) {
			found, err := readmodels.MessagesOf(ctx, r, aRoom, readmodels.MessageRange{Limit: limit})
			return len(found), err
		},
		"notifications": func(ctx context.Context, r readmodels.Reader, limit int) (int, error) {
			found, err := readmodels.NotificationsOf(ctx, r, me, 0, limit)
			return len(found), err
		},
	}
	for name, list := range lists {
		var statements [2]int
		for i, limit := range []int{1, many} {
			err := db.Read(t.Context(), func(r readmodels.Reader) error {
				c := &counting{Reader: r}
				n, err := list(t.Context(), c, limit)
				if err == nil && n < limit {
					t.Errorf("%s: %d things of %d", name, n, limit)
				}
				statements[i] = c.statements
				return err
			})
			if err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
		if statements[0] != statements[1] || statements[0] == 0 {
			t.Errorf("%s: a page of one takes %d statements, one of %d takes %d", name, statements[0], many, statements[1])
		}
	}
}

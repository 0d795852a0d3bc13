package readmodels_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/parleyhq/parley/domain/account"
	"github.com/parleyhq/parley/domain/apikey"
	"github.com/parleyhq/parley/domain/board"
	"github.com/parleyhq/parley/domain/chat"
	"github.com/parleyhq/parley/domain/comment"
	"github.com/parleyhq/parley/domain/event"
	"github.com/parleyhq/parley/domain/follow"
	"github.com/parleyhq/parley/domain/notification"
	"github.com/parleyhq/parley/domain/post"
	"github.com/parleyhq/parley/domain/session"
	"github.com/parleyhq/parley/readmodels"
)

// planned is a batch that asks the engine how it runs each statement.
type planned struct {
	readmodels.Batch
	t      *testing.T
	tables []string
}

// plan refuses a walk through a whole table, and an index that is made for one
// statement, which is the same.
func (p planned) plan(ctx context.Context, sql string, args []any) {
	p.t.Helper()
	for _, step := range walks(ctx, p, sql, args) {
		p.t.Errorf("%s\n%s", step, sql)
	}
}

func (p planned) Query(ctx context.Context, sql string, args ...any) (readmodels.Rows, error) {
	p.plan(ctx, sql, args)
	return p.Batch.Query(ctx, sql, args...)
}

func (p planned) Exec(ctx context.Context, sql string, args ...any) error {
	p.plan(ctx, sql, args)
	return p.Batch.Exec(ctx, sql, args...)
}

// No statement walks through a table, however large it has grown.
func TestPlans(t *testing.T) {
	t.Parallel()
	db := newTables(t)
	var tables []string
	for _, statement := range readmodels.Schema() {
		if name, ok := strings.CutPrefix(statement, "CREATE TABLE IF NOT EXISTS "); ok {
			tables = append(tables, strings.Fields(name)[0])
		}
	}
	err := db.Batch(t.Context(), func(b readmodels.Batch) error {
		p := planned{b, t, tables}
		for _, part := range []func(context.Context, readmodels.Batch, func(...any)){planPeople, planForum, planChat, planInbox, planSearch, planReports} {
			part(t.Context(), p, func(results ...any) {
				t.Helper()
				if err, failed := results[len(results)-1].(error); failed {
					t.Error(err)
				}
			})
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// Whom and what the statements are about.
var (
	me, you, thing, other = uuid.UUID{15: 1}, uuid.UUID{15: 2}, uuid.UUID{15: 3}, uuid.UUID{15: 4}
	at                    = time.UnixMilli(1_700_000_000_000)
	when                  = readmodels.When{Version: thing, At: at}
)

// told is the nth event of a history.
func told(n byte) event.Decoded {
	return event.Decoded{Record: event.Record{ID: uuid.UUID{n}, Time: at}}
}

func planPeople(ctx context.Context, b readmodels.Batch, run func(...any)) {
	name := "a name"
	for _, id := range []uuid.UUID{me, you} {
		run(readmodels.PutAccount(ctx, b, id, account.Registered{Roles: []string{"member"}}, at, thing))
	}
	run(readmodels.SetEmail(ctx, b, me, account.EmailVerified{}, thing))
	run(readmodels.DropClaim(ctx, b, me, "c", thing))
	run(readmodels.SetProfile(ctx, b, me, account.ProfileChanged{DisplayName: &name}, thing))
	run(readmodels.AddRole(ctx, b, me, "r", thing))
	run(readmodels.DropRole(ctx, b, me, "r", thing))
	run(readmodels.PutAPIKey(ctx, b, thing, apikey.Created{By: me}, at))
	run(readmodels.APIKeys(ctx, b, nil, 20))
	run(readmodels.DropAPIKey(ctx, b, thing))
	run(readmodels.AccountByID(ctx, b, me, you))
	run(readmodels.AccountByHandle(ctx, b, me, ""))
	run(readmodels.Summaries(ctx, b, me, you))
	run(readmodels.PutSession(ctx, b, thing, session.Started{Account: me}, told(1)))
	run(readmodels.JoinSession(ctx, b, thing, session.Joined{}, told(2)))
	run(readmodels.TouchSession(ctx, b, thing, at, at))
	run(readmodels.Sessions(ctx, b, me, at, nil, 20))
	run(readmodels.SessionOf(ctx, b, me, thing))
	run(readmodels.EndSession(ctx, b, thing, told(3), session.Ended{Account: me, Reason: session.SignedOut}))
	run(readmodels.DropSessions(ctx, b, me, account.SessionsEnded{}, told(4)))
	run(readmodels.History(ctx, b, me, 100, nil, 20))
	run(readmodels.PutAct(ctx, b, readmodels.ActOf(told(5), me, "account", you)))
	run(readmodels.PutActOnOthers(ctx, b, readmodels.ActOf(told(6), me, "post", thing)))
	run(readmodels.PutActOnOthers(ctx, b, readmodels.ActOf(told(7), me, "comment", thing)))
	run(readmodels.Acts(ctx, b, readmodels.ActFilter{}, nil, 20))
	run(readmodels.Acts(ctx, b, readmodels.ActFilter{Actor: me}, nil, 20))
	run(readmodels.Acts(ctx, b, readmodels.ActFilter{Subject: you}, nil, 20))
	run(readmodels.PutFollow(ctx, b, follow.Started{Follower: me, Followee: you}, 1, feeds))
	run(readmodels.PutMute(ctx, b, follow.MuteStarted{Muter: me, Muted: you}, 1))
	for _, list := range []func(context.Context, readmodels.Reader, uuid.UUID, uuid.UUID, uint64, int) ([]readmodels.Related, error){
		readmodels.Followers, readmodels.Followees,
	} {
		run(list(ctx, b, me, you, 0, 20))
	}
	run(readmodels.FollowsOf(ctx, b, me))
	run(readmodels.DropFollow(ctx, b, me, you))
	run(readmodels.PutBlock(ctx, b, follow.BlockStarted{Blocker: me, Blocked: you}, 1))
	run(readmodels.BlocksOf(ctx, b, me))
	run(readmodels.Silenced(ctx, b, me, you))
	run(readmodels.Blocks(ctx, b, me, 0, 20))
	run(readmodels.Mutes(ctx, b, me, 0, 20))
	run(readmodels.DropBlock(ctx, b, follow.BlockEnded{Blocker: me, Blocked: you}))
	run(readmodels.DropMute(ctx, b, follow.MuteEnded{Muter: me, Muted: you}))
}

func planForum(ctx context.Context, b readmodels.Batch, run func(...any)) {
	tags := readmodels.BoardTags{Since: at, Most: 10}
	run(readmodels.PutBoard(ctx, b, other, board.Created{By: me}, at, thing))
	run(readmodels.SetBoard(ctx, b, other, board.Changed{}, thing))
	run(readmodels.SetModerator(ctx, b, other, you, true, thing))
	run(readmodels.PutBoardFollow(ctx, b, me, other, feeds))
	run(readmodels.PutHashtagFollow(ctx, b, me, "t", feeds))
	text := readmodels.PostText{Board: other, Author: me, Type: post.Question, Hashtags: []string{"t"}, Mentions: []uuid.UUID{you}}
	run(readmodels.PutPost(ctx, b, thing, text, post.Live, time.Time{}, when, feeds))
	run(readmodels.EditPost(ctx, b, thing, post.Edited{Hashtags: text.Hashtags}, when))
	run(readmodels.PutComment(ctx, b, you, comment.Published{Post: thing, Author: you}, when))
	run(readmodels.PutComment(ctx, b, me, comment.Published{Post: thing, Author: you, Parent: you}, when))
	run(readmodels.EditComment(ctx, b, you, comment.Edited{}, when))
	run(readmodels.SetAnswer(ctx, b, thing, you, when))
	run(readmodels.SetReaction(ctx, b, you, me, "like", true))
	run(readmodels.SetReaction(ctx, b, you, me, "like", false))

	folder := "f"
	run(readmodels.PutBookmark(ctx, b, me, thing, folder, at, 1))
	run(readmodels.MoveBookmark(ctx, b, me, thing, folder))
	run(readmodels.PutPostFollow(ctx, b, me, thing, 1))
	run(readmodels.PostFollowers(ctx, b, thing, 2, thing, 2))
	run(readmodels.WhoSeePost(ctx, b, thing, []uuid.UUID{me, you}))
	for _, after := range []*readmodels.BookmarkKey{nil, {Position: 2}} {
		run(readmodels.Bookmarks(ctx, b, me, nil, after, 20))
		run(readmodels.Bookmarks(ctx, b, me, &folder, after, 20))
	}
	run(readmodels.BookmarkFolders(ctx, b, me, "", 20))
	run(readmodels.UnschedulePost(ctx, b, you, post.Unscheduled{}, when))
	run(readmodels.DuePosts(ctx, b, at, readmodels.DueKey{}, 20))
	run(readmodels.BoardOf(ctx, b, me, other, tags))
	run(readmodels.Boards(ctx, b, me, tags, &readmodels.BoardKey{}, 20))
	run(readmodels.PostOf(ctx, b, me, thing))
	run(readmodels.ChangedPost(ctx, b, me, thing))
	run(readmodels.SeesPost(ctx, b, me, thing))
	run(readmodels.PostsByID(ctx, b, me, []uuid.UUID{thing}))
	for _, after := range []*readmodels.PostKey{nil, {At: at.UnixMilli() + 1, ID: thing}} {
		run(readmodels.AuthorPosts(ctx, b, me, you, after, 20))
		run(readmodels.HashtagPosts(ctx, b, me, "t", after, 20))
		run(readmodels.OwnPosts(ctx, b, me, []post.State{post.Draft, post.Live}, after, 20))
		run(readmodels.PublicFeed(ctx, b, me, after, 20))
		run(readmodels.HomeFeed(ctx, b, me, after, 20))
	}
	for _, page := range []*readmodels.BoardPage{nil, {Leading: []uuid.UUID{thing, you}}, {Leading: []uuid.UUID{thing}, Shown: 1, PostKey: readmodels.PostKey{At: 1}}} {
		run(readmodels.BoardPosts(ctx, b, me, other, readmodels.NewestPosts, page, 20))
		run(readmodels.BoardPosts(ctx, b, me, other, readmodels.HotPosts, page, 20))
	}
	run(readmodels.HashtagOf(ctx, b, me, "t"))
	run(readmodels.Trending(ctx, b, me, at, nil, 20))
	run(readmodels.Trending(ctx, b, me, at, &readmodels.TrendKey{}, 20))
	run(readmodels.CommentOf(ctx, b, me, you))
	for _, order := range []readmodels.CommentOrder{readmodels.Oldest, readmodels.Newest, readmodels.Best} {
		for _, parent := range []uuid.UUID{uuid.Nil, you, me} {
			run(readmodels.Comments(ctx, b, me, thing, parent, order, nil, 20))
			run(readmodels.Comments(ctx, b, me, thing, parent, order, &readmodels.CommentKey{Reactions: 1}, 20))
		}
	}
	run(readmodels.DropBookmark(ctx, b, me, thing))
	run(readmodels.DropPostFollow(ctx, b, me, thing))
	run(readmodels.DeleteComment(ctx, b, you, when))
	run(readmodels.Revisions(ctx, b, me, thing, nil, 20))
	run(readmodels.Revisions(ctx, b, me, thing, &readmodels.RevisionKey{N: 2}, 20))
	run(readmodels.RedactRevision(ctx, b, thing, post.Redacted{Revision: 1}, when))
	run(readmodels.LockPost(ctx, b, thing, post.Locked{Locked: true}, when))
	run(readmodels.PinPost(ctx, b, thing, post.Pinned{Pinned: true}, when))
	run(readmodels.DeletePost(ctx, b, thing, when))
	run(readmodels.RestorePost(ctx, b, thing, when))
	run(readmodels.MovePost(ctx, b, thing, post.Moved{From: other, Board: you}, when))
}

func planChat(ctx context.Context, b readmodels.Batch, run func(...any)) {
	name := "a name"
	run(readmodels.PutRoom(ctx, b, thing, chat.RoomCreated{Kind: chat.Direct}, at, thing, 1))
	for _, id := range []uuid.UUID{me, you} {
		run(readmodels.AddRoomMember(ctx, b, thing, id, chat.Plain, at, 1))
	}
	run(readmodels.SetRoom(ctx, b, thing, chat.SettingsChanged{Name: &name}, thing))
	run(readmodels.SetRoomRole(ctx, b, thing, me, chat.Admin))
	sent := chat.MessageSent{Sender: me, Mentions: []uuid.UUID{you}}
	run(readmodels.PutMessage(ctx, b, readmodels.MessageSent(thing, 2, other, at, sent), 2))
	run(readmodels.EditMessage(ctx, b, thing, chat.MessageEdited{Number: 2}, at, 3))
	key := readmodels.MessageKey{Room: thing, Number: 2}
	run(readmodels.SetMessageReaction(ctx, b, key, you, "like", true))
	run(readmodels.SetMessageReaction(ctx, b, key, you, "love", false))
	run(readmodels.RoomOf(ctx, b, me, thing))
	run(readmodels.RoomsOf(ctx, b, me, 0, 20))
	run(readmodels.RoomMembers(ctx, b, thing, &readmodels.RoomMember{}, 20))
	run(readmodels.RoomMemberOf(ctx, b, thing, me))
	for _, w := range []readmodels.MessageRange{{}, {Before: 3}, {After: 1}, {Around: 2}} {
		w.Limit = 20
		run(readmodels.MessagesOf(ctx, b, thing, w))
	}
	run(readmodels.MessageOf(ctx, b, key))
	run(readmodels.RoomToTell(ctx, b, key, me, 2))
	run(readmodels.ToldOfRoom(ctx, b, thing, you, 2))
	run(readmodels.SetReceipt(ctx, b, thing, you, 2, 3))
	run(readmodels.EmptyMessage(ctx, b, key, 4))
	run(readmodels.RemoveRoomMember(ctx, b, thing, you))
}

func planInbox(ctx context.Context, b readmodels.Batch, run func(...any)) {
	entry := notification.Notified{Kind: notification.PostReaction, Actor: you, Subject: notification.Subject{Type: "post", ID: thing}}
	for n := range uint64(3) {
		run(readmodels.PutNotification(ctx, b, me, n+1, entry, at))
	}
	run(readmodels.InboxOf(ctx, b, me))
	run(readmodels.NotificationsOf(ctx, b, me, 0, 20))
	run(readmodels.ReadInbox(ctx, b, me, 2))
}

func planSearch(ctx context.Context, b readmodels.Batch, run func(...any)) {
	for _, kind := range []readmodels.Kind{
		readmodels.SearchAccounts, readmodels.SearchBoards, readmodels.SearchPosts, readmodels.SearchHashtags, readmodels.SearchMessages,
	} {
		run(readmodels.SearchChanges(ctx, b, kind, []readmodels.Thing{{Kind: kind, ID: thing, Number: 2, Tag: "t"}}))
	}
	run(readmodels.AccountsByID(ctx, b, me, []uuid.UUID{you, me}))
	run(readmodels.BoardsByID(ctx, b, me, readmodels.BoardTags{Since: at, Most: 10}, []uuid.UUID{thing, other}))
	run(readmodels.HashtagsUsed(ctx, b, me, []string{"t", "u"}))
	run(readmodels.RoomsSeen(ctx, b, me, readmodels.MaxRooms))
	run(readmodels.MessagesSeen(ctx, b, me, []readmodels.MessageKey{{Room: thing, Number: 2}, {Room: other, Number: 3}}))
	run(readmodels.AccountsFrom(ctx, b, me, "a", readmodels.MaxSuggestions))
	run(readmodels.HashtagsFrom(ctx, b, me, "t", readmodels.MaxSuggestions))
}

package projections

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/parleyhq/parley/domain/account"
	"github.com/parleyhq/parley/domain/apikey"
	"github.com/parleyhq/parley/domain/board"
	"github.com/parleyhq/parley/domain/comment"
	"github.com/parleyhq/parley/domain/event"
	"github.com/parleyhq/parley/domain/post"
	"github.com/parleyhq/parley/domain/report"
	"github.com/parleyhq/parley/readmodels"
)

// auditRoutes keep the table audit: what moderators, administrators and the
// operator did. What people do to their own things is no such act.
func auditRoutes() []Route {
	return append(forumActs(),
		act("account", func(d account.RoleGranted, a *readmodels.Act) { a.Actor, a.Detail = d.By, d.Role }),
		act("account", func(d account.RoleRevoked, a *readmodels.Act) { a.Actor, a.Detail, a.Reason = d.By, d.Role, d.Reason }),
		act("account", func(d account.Suspended, a *readmodels.Act) {
			a.Actor, a.Detail, a.Reason = d.By, suspendedUntil(d), d.Reason
		}),
		act("account", func(d account.SuspensionLifted, a *readmodels.Act) {
			a.Actor, a.Reason = d.By, d.Reason
			if d.Event != uuid.Nil { // one of several: the act that is taken back
				a.Detail = d.Event.String()
			}
		}),
		act("board", func(d board.Changed, a *readmodels.Act) { a.Actor, a.Detail = d.By, changed(d) }),
		act("board", func(d board.Archived, a *readmodels.Act) {
			a.Actor, a.Detail = d.By, said(d.Archived, "archived", "opened")
		}),
		act("board", func(d board.ModeratorSet, a *readmodels.Act) {
			a.Actor, a.Detail = d.By, said(d.Moderator, "made ", "unmade ")+d.Account.String()
		}),
		act("api_key", func(d apikey.Created, a *readmodels.Act) { a.Actor, a.Detail = d.By, d.Name }),
		act("api_key", func(d apikey.Revoked, a *readmodels.Act) { a.Actor = d.By }),
		act("report", func(d report.Decided, a *readmodels.Act) {
			a.Actor, a.Detail, a.Reason = d.By, string(d.Action), d.Reason
		}),
	)
}

// forumActs are what was done to posts and comments.
func forumActs() []Route {
	return []Route{
		act("post", func(d post.Unmasked, a *readmodels.Act) { a.Actor, a.Reason = d.By, d.Reason }),
		onID(func(ctx context.Context, b readmodels.Batch, id uuid.UUID, e event.Decoded, d comment.Restored) error {
			return readmodels.PutActOnOthers(ctx, b, readmodels.ActOf(e, d.By, "comment", id))
		}),
		onID(func(ctx context.Context, b readmodels.Batch, id uuid.UUID, e event.Decoded, d post.Edited) error {
			return readmodels.PutActOnOthers(ctx, b, readmodels.ActOf(e, d.Editor, "post", id))
		}),
		onID(func(ctx context.Context, b readmodels.Batch, id uuid.UUID, e event.Decoded, d post.AnswerAccepted) error {
			a := readmodels.ActOf(e, d.By, "post", id)
			a.Detail = said(d.Comment != uuid.Nil, d.Comment.String(), "none")
			return readmodels.PutActOnOthers(ctx, b, a)
		}),
		onID(func(ctx context.Context, b readmodels.Batch, id uuid.UUID, e event.Decoded, d post.Deleted) error {
			return readmodels.PutActOnOthers(ctx, b, readmodels.ActOf(e, d.By, "post", id))
		}),
		onID(func(ctx context.Context, b readmodels.Batch, id uuid.UUID, e event.Decoded, d post.Restored) error {
			a := readmodels.ActOf(e, d.By, "post", id)
			if d.By != d.DeletedBy { // over somebody else's head, be it in one's own cause
				return readmodels.PutAct(ctx, b, a)
			}
			return readmodels.PutActOnOthers(ctx, b, a)
		}),
		onID(func(ctx context.Context, b readmodels.Batch, id uuid.UUID, e event.Decoded, d post.Redacted) error {
			a := readmodels.ActOf(e, d.By, "post", id)
			a.Detail = fmt.Sprint("revision ", d.Revision)
			return readmodels.PutActOnOthers(ctx, b, a)
		}),
		act("post", func(d post.Locked, a *readmodels.Act) { a.Actor, a.Detail = d.By, said(d.Locked, "locked", "unlocked") }),
		act("post", func(d post.Pinned, a *readmodels.Act) { a.Actor, a.Detail = d.By, said(d.Pinned, "pinned", "unpinned") }),
		act("post", func(d post.Moved, a *readmodels.Act) {
			a.Actor, a.Detail = d.By, "from "+d.From.String()+" to "+d.Board.String()
		}),
		onID(func(ctx context.Context, b readmodels.Batch, id uuid.UUID, e event.Decoded, d comment.Deleted) error {
			return readmodels.PutActOnOthers(ctx, b, readmodels.ActOf(e, d.By, "comment", id))
		}),
	}
}

// act is a route of events that are always an act.
func act[T any](subject string, say func(d T, a *readmodels.Act)) Route {
	return onID(func(ctx context.Context, b readmodels.Batch, id uuid.UUID, e event.Decoded, d T) error {
		a := readmodels.ActOf(e, uuid.Nil, subject, id)
		say(d, &a)
		return readmodels.PutAct(ctx, b, a)
	})
}

// suspendedUntil says until when an account is suspended, and whether that took the place
// of what stood. For ever is "".
func suspendedUntil(d account.Suspended) string {
	until := ""
	if !d.Until.IsZero() {
		until = d.Until.UTC().Format(time.RFC3339)
	}
	switch {
	case d.Report == uuid.Nil:
		return until
	case until == "":
		return "beside others"
	}
	return "beside others, until " + until
}

func said(is bool, yes, no string) string {
	if is {
		return yes
	}
	return no
}

// changed are the fields of a board that were changed; what they say is shown
// by the board, and was sealed before.
func changed(d board.Changed) string {
	var fields []string
	for _, f := range []struct {
		name string
		is   bool
	}{{"name", d.Name != nil}, {"rules", d.Rules != nil}, {"description", d.Description != nil}, {"icon", d.Icon != nil}, {"banner", d.Banner != nil}} {
		if f.is {
			fields = append(fields, f.name)
		}
	}
	return strings.Join(fields, ", ")
}

package foldtest

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/parleyhq/parley/domain/account"
	"github.com/parleyhq/parley/domain/apikey"
	"github.com/parleyhq/parley/domain/board"
	"github.com/parleyhq/parley/domain/comment"
	"github.com/parleyhq/parley/domain/post"
	"github.com/parleyhq/parley/domain/report"
)

// audited are acts by the id of the event that says so.
type audited map[uuid.UUID]actRow

type actRow struct {
	act     string
	actor   uuid.UUID
	kind    string
	subject uuid.UUID
	detail  string
	reason  string
	at      time.Time
}

// foldAct keeps what was done in the name of the community: everything about
// roles, suspensions, keys and boards, and what was done to what others wrote.
func (m *Model) foldAct(e Event) {
	note := m.note(e)
	switch d := e.Data.(type) {
	case account.RoleGranted:
		note("account.role_granted", d.By, "account", d.Role, "")
	case account.RoleRevoked:
		note("account.role_revoked", d.By, "account", d.Role, d.Reason)
	case account.Suspended:
		until := ""
		if !d.Until.IsZero() {
			until = d.Until.UTC().Format(time.RFC3339)
		}
		if d.Report != uuid.Nil {
			until = map[bool]string{true: "beside others", false: "beside others, until " + until}[until == ""]
		}
		note("account.suspended", d.By, "account", until, d.Reason)
	case account.SuspensionLifted:
		lifted := ""
		if d.Event != uuid.Nil {
			lifted = d.Event.String()
		}
		note("account.suspension_lifted", d.By, "account", lifted, d.Reason)
	case board.Changed:
		var fields []string
		for name, is := range map[string]bool{
			"name": d.Name != nil, "rules": d.Rules != nil, "description": d.Description != nil, "icon": d.Icon != nil, "banner": d.Banner != nil,
		} {
			if is {
				fields = append(fields, name)
			}
		}
		slices.SortFunc(fields, func(a, b string) int { return strings.Index(boardFields, a) - strings.Index(boardFields, b) })
		note("board.changed", d.By, "board", strings.Join(fields, ", "), "")
	case board.Archived:
		note("board.archived", d.By, "board", map[bool]string{true: "archived", false: "opened"}[d.Archived], "")
	case board.ModeratorSet:
		note("board.moderator_set", d.By, "board", map[bool]string{true: "made ", false: "unmade "}[d.Moderator]+d.Account.String(), "")
	case apikey.Created:
		note("apikey.created", d.By, "api_key", d.Name, "")
	case apikey.Revoked:
		note("apikey.revoked", d.By, "api_key", "", "")
	case report.Decided:
		note("report.decided", d.By, "report", string(d.Action), d.Reason)
	default:
		m.foldForumAct(e)
	}
}

// note is how an event becomes an act.
func (m *Model) note(e Event) func(act string, actor uuid.UUID, kind, detail, reason string) {
	return func(act string, actor uuid.UUID, kind, detail, reason string) {
		m.audited[e.ID] = actRow{act, actor, kind, e.thing(), detail, reason, e.Time}
	}
}

// foldForumAct is foldAct for posts and comments.
func (m *Model) foldForumAct(e Event) {
	note := m.note(e)
	switch d := e.Data.(type) {
	case post.Unmasked:
		note("post.unmasked", d.By, "post", "", d.Reason)
	case comment.Restored:
		if m.comments[e.thing()].author != d.By {
			note("comment.restored", d.By, "comment", "", "")
		}
	case post.Edited:
		if m.posts[e.thing()].author != d.Editor {
			note("post.edited", d.Editor, "post", "", "")
		}
	case post.AnswerAccepted:
		if m.posts[e.thing()].author != d.By {
			note("post.answer_accepted", d.By, "post", either(d.Comment == uuid.Nil, "none", d.Comment.String()), "")
		}
	case post.Deleted:
		if m.posts[e.thing()].author != d.By {
			note("post.deleted", d.By, "post", "", "")
		}
	case post.Restored:
		if d.By != d.DeletedBy || m.posts[e.thing()].author != d.By {
			note("post.restored", d.By, "post", "", "")
		}
	case post.Redacted:
		if m.posts[e.thing()].author != d.By {
			note("post.redacted", d.By, "post", fmt.Sprint("revision ", d.Revision), "")
		}
	case post.Locked:
		note("post.locked", d.By, "post", either(d.Locked, "locked", "unlocked"), "")
	case post.Pinned:
		note("post.pinned", d.By, "post", either(d.Pinned, "pinned", "unpinned"), "")
	case post.Moved:
		note("post.moved", d.By, "post", fmt.Sprintf("from %s to %s", d.From, d.Board), "")
	case comment.Deleted:
		if m.comments[e.thing()].author != d.By {
			note("comment.deleted", d.By, "comment", "", "")
		}
	}
}

const boardFields = "name, rules, description, icon, banner" // in the order in which an act names them

func (m *Model) printAudit() {
	for id, a := range m.audited {
		m.row("audit", columns{
			"id": id, "act": a.act, "actor": a.actor, "subject_type": a.kind, "subject": a.subject, "detail": a.detail, "reason": a.reason, "at": a.at,
		})
	}
}

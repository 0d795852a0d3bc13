package foldtest

import (
	"time"

	"github.com/google/uuid"

	"github.com/parleyhq/parley/domain/chat"
	"github.com/parleyhq/parley/domain/comment"
	"github.com/parleyhq/parley/domain/post"
	"github.com/parleyhq/parley/domain/report"
)

var reportActs = []act{
	{9, makeReport},
	{9, decideReport},
	{7, appealReport},
	{3, unmaskPost},
	{4, restoreComment},
	{2, takeDownMessage},
	{5, putBackMessage},
}

// makeReport reports something, which may be deleted by now.
func makeReport(h *History) {
	d := report.Made{Reporter: h.person(), Reason: h.words()}
	switch n := h.random.IntN(6); {
	case n == 0 && len(h.posts) > 0:
		p := recent(h, h.posts)
		d.Subject, d.Post, d.Author = report.Subject{Type: report.Post, ID: p.id.String()}, p.id, p.author
	case n == 1 && len(h.comments) > 0:
		c := recent(h, h.comments)
		d.Subject, d.Post = report.Subject{Type: report.Comment, ID: c.id.String()}, c.in.id
		d.Author = stateOf(h, comment.Stream(c.id), comment.New).Author
	case n == 2:
		id, _, r := h.room()
		number := h.number(r)
		d.Author = r.Sender(number)
		if d.Author == uuid.Nil {
			return
		}
		d.Room, d.Number, d.Subject = id, number, report.Subject{Type: report.Message, ID: h.id().String()}
		d.Copy = report.Copy{Text: h.words(), Mentions: some(h, h.Accounts, 8), Images: h.pictures(), SentAt: h.clock}
		if h.one(2) {
			d.Copy.EditedAt = h.clock.Add(time.Millisecond)
		}
	case n == 3:
		d.Author = h.person()
		d.Subject = report.Subject{Type: report.Account, ID: d.Author.String()}
	case n == 4:
		d.Subject = report.Subject{Type: report.Board, ID: pick(h, h.boards).String()}
	default:
		d.Subject = report.Subject{Type: report.Hashtag, ID: pick(h, tags)}
	}
	id := h.id()
	name := report.Stream(id)
	h.say(name, stateOf(h, name, report.New).Make(d), nil)
	h.reports = append(h.reports, id)
}

// decideReport resolves a report, or decides it anew.
func decideReport(h *History) {
	if len(h.reports) == 0 {
		return
	}
	name := report.Stream(recent(h, h.reports))
	r := stateOf(h, name, report.New)
	d := report.Decided{By: h.person(), Action: pick(h, []report.Action{report.None, report.Remove, report.Suspend}), About: r.Author, Reason: h.words()}
	if r.Author == uuid.Nil {
		d.About = d.By
	}
	if d.Action == report.Suspend && h.one(2) {
		d.Until = h.clock.Add(time.Hour)
	}
	events, err := r.Decide(d, false)
	h.say(name, events, err)
}

func appealReport(h *History) {
	for range 5 { // look for one where something was done
		if len(h.reports) == 0 {
			return
		}
		name := report.Stream(recent(h, h.reports))
		r := stateOf(h, name, report.New)
		if r.Author == uuid.Nil {
			continue
		}
		events, err := r.Appeal(h.words())
		if h.say(name, events, err) {
			return
		}
	}
}

func unmaskPost(h *History) {
	if len(h.posts) == 0 {
		return
	}
	name := post.Stream(recent(h, h.posts).id)
	events, err := stateOf(h, name, post.New).Unmask(h.person(), h.words())
	h.say(name, events, err)
}

// restoreComment gives a comment back, which may have been the accepted answer.
func restoreComment(h *History) {
	for range 8 { // look for one that was deleted
		if len(h.comments) == 0 {
			return
		}
		c := recent(h, h.comments)
		name := comment.Stream(c.id)
		events, err := stateOf(h, name, comment.New).Restore(comment.Restored{
			By: h.person(), Body: h.words(), Mentions: some(h, h.Accounts, 8),
			Answer: stateOf(h, post.Stream(c.in.id), post.New).Answer == c.id,
		})
		if h.say(name, events, err) {
			return
		}
	}
}

func takeDownMessage(h *History) {
	_, name, r := h.room()
	events, err := r.TakeDown(h.person(), h.number(r))
	h.say(name, events, err)
}

func putBackMessage(h *History) {
	_, name, r := h.room()
	for range 8 { // look for one that was deleted
		events, err := r.Restore(chat.MessageRestored{
			By: h.person(), Number: h.number(r), Text: h.words(), Mentions: some(h, h.Accounts, 8), Images: h.pictures(),
		})
		if h.say(name, events, err) {
			return
		}
	}
}

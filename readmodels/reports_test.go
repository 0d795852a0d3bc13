package readmodels_test

import (
	"context"
	"testing"

	"github.com/google/uuid"

	"github.com/parleyhq/parley/domain/account"
	"github.com/parleyhq/parley/domain/board"
	"github.com/parleyhq/parley/domain/chat"
	"github.com/parleyhq/parley/domain/comment"
	"github.com/parleyhq/parley/domain/post"
	"github.com/parleyhq/parley/domain/report"
	"github.com/parleyhq/parley/readmodels"
)

func planReports(ctx context.Context, b readmodels.Batch, run func(...any)) {
	run(readmodels.PutReport(ctx, b, thing, report.Made{Subject: report.Subject{Type: report.Post, ID: thing.String()}, Post: thing}, when))
	run(readmodels.PutReport(ctx, b, you, report.Made{Subject: report.Subject{Type: report.Comment, ID: you.String()}, Post: thing}, when))
	run(readmodels.DecideReport(ctx, b, thing, report.Decided{}, when))
	run(readmodels.AppealReport(ctx, b, thing, report.Appealed{}, when))
	run(readmodels.RestoreComment(ctx, b, you, comment.Restored{Post: thing, Answer: true}, when))
	run(readmodels.FillMessage(ctx, b, thing, chat.MessageRestored{Number: 1}, 3))
	run(readmodels.MessageByID(ctx, b, thing))
	run(readmodels.Moderates(ctx, b, me))
	for _, viewer := range []readmodels.Judge{{Account: me}, {Account: me, Administrator: true}} {
		run(readmodels.ReportOf(ctx, b, viewer, thing))
		for _, f := range []readmodels.ReportFilter{{}, {State: report.Open}, {Board: other}, {State: report.Open, Board: other}} {
			run(readmodels.Reports(ctx, b, viewer, f, nil, 20))
			run(readmodels.Reports(ctx, b, viewer, f, &readmodels.ReportKey{At: 1, ID: thing}, 20))
		}
	}
}

// F11, invariant 11: who sees what of a report. Whom it is about must not find
// out who reported it, not even by the words.
func TestReportOf(t *testing.T) {
	t.Parallel()
	ctx, db := t.Context(), newTables(t)
	moderator, reporter, author, mask := uuid.UUID{1}, uuid.UUID{2}, uuid.UUID{3}, uuid.UUID{4}
	where, what, id := uuid.UUID{5}, uuid.UUID{6}, uuid.UUID{7}
	write := func(write func(b readmodels.Batch) error) {
		t.Helper()
		if err := db.Batch(ctx, write); err != nil {
			t.Fatal(err)
		}
	}
	for i, person := range []uuid.UUID{moderator, reporter, author} {
		write(func(b readmodels.Batch) error {
			return readmodels.PutAccount(ctx, b, person, account.Registered{Handle: string(rune('a' + i))}, at, thing)
		})
	}
	write(func(b readmodels.Batch) error {
		return readmodels.PutBoard(ctx, b, where, board.Created{By: moderator}, at, thing)
	})
	write(func(b readmodels.Batch) error {
		return readmodels.PutPost(ctx, b, what, readmodels.PostText{Board: where, Author: mask, Hidden: author, Anonymous: true}, post.Live, at, when, feeds)
	})
	write(func(b readmodels.Batch) error {
		return readmodels.PutReport(ctx, b, id, report.Made{
			Reporter: reporter, Subject: report.Subject{Type: report.Post, ID: what.String()}, Post: what, Author: mask, Reason: "I know them",
		}, when)
	})
	write(func(b readmodels.Batch) error {
		return readmodels.DecideReport(ctx, b, id, report.Decided{By: moderator, Action: report.Remove, Reason: "rules"}, when)
	})
	write(func(b readmodels.Batch) error {
		return readmodels.AppealReport(ctx, b, id, report.Appealed{Author: mask, Reason: "art"}, when)
	})
	type seen struct{ reporter, words, by, why, plea bool }
	for name, test := range map[string]struct {
		viewer readmodels.Judge
		there  bool
		seen   seen
	}{
		"a moderator":      {readmodels.Judge{Account: moderator}, true, seen{true, true, true, true, true}},
		"an administrator": {readmodels.Judge{Account: other, Administrator: true}, true, seen{true, true, true, true, true}},
		"the reporter":     {readmodels.Judge{Account: reporter}, true, seen{reporter: true, words: true}},
		"the author":       {readmodels.Judge{Account: author}, true, seen{why: true, plea: true}},
		"the pseudonym":    {readmodels.Judge{Account: mask}, false, seen{}},
		"a stranger":       {readmodels.Judge{Account: other}, false, seen{}},
	} {
		x, there, err := readmodels.ReportOf(ctx, db, test.viewer, id)
		if err != nil || there != test.there {
			t.Errorf("%s: there %v, %v", name, there, err)
		}
		if !there {
			continue
		}
		got := seen{x.Reporter != nil, x.Reason != "", x.Decision.By != nil, x.Decision.Reason != "", x.Appeal != nil}
		if got != test.seen || x.Board != where || x.State != report.Contested {
			t.Errorf("%s: %+v, want %+v", name, got, test.seen)
		}
	}
}

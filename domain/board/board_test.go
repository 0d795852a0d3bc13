package board_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/parleyhq/parley/domain/board"
	"github.com/parleyhq/parley/domain/event"
	"github.com/parleyhq/parley/domain/event/eventtest"
	"github.com/parleyhq/parley/domain/fault"
	"github.com/parleyhq/parley/domain/text"
)

var (
	maker     = uuid.UUID{1}
	moderator = uuid.UUID{2}
	other     = uuid.UUID{3}
	admin     = board.Who{Account: other, Administrator: true}

	created = board.Created{By: maker, Name: "Go", NameClaim: "boardname-go", Rules: "R"}
	helped  = board.ModeratorSet{By: maker, Account: moderator, Moderator: true}
)

func given(events ...event.Data) *board.Board {
	b := board.New()
	for _, e := range events {
		b.Apply(event.Decoded{Payload: e})
	}
	return b
}

func to[T any](v T) *T { return &v }

// F1: who may change what, and what it says.
func TestDecisions(t *testing.T) {
	t.Parallel()
	type when func(*board.Board) ([]event.Data, error)
	change := func(who board.Who, c board.Changed, archived *bool) when {
		return func(b *board.Board) ([]event.Data, error) { return b.Change(who, c, archived, b.Naming()) }
	}
	set := func(who board.Who, account uuid.UUID, on bool) when {
		return func(b *board.Board) ([]event.Data, error) { return b.SetModerator(who, account, on) }
	}
	create := func(b *board.Board) ([]event.Data, error) { return b.Create(created) }
	icon := uuid.UUID{9}
	for name, test := range map[string]struct {
		given []event.Data
		when  when
		then  []event.Data
		err   error
	}{
		"create":               {nil, create, []event.Data{created}, nil},
		"create again":         {[]event.Data{created}, create, nil, nil},
		"create too late":      {[]event.Data{board.Voided{}}, create, nil, board.ErrAbandoned},
		"change nothing there": {nil, change(admin, board.Changed{Rules: to("X")}, nil), nil, fault.ErrNotFound},
		"change as its maker": {
			[]event.Data{created},
			change(board.Who{Account: maker}, board.Changed{Rules: to("X")}, nil),
			[]event.Data{board.Changed{By: maker, Rules: to("X")}}, nil,
		},
		"change as a moderator": {
			[]event.Data{created, helped},
			change(board.Who{Account: moderator}, board.Changed{Icon: &icon}, nil),
			[]event.Data{board.Changed{By: moderator, Icon: &icon}}, nil,
		},
		"change as an administrator": {
			[]event.Data{created},
			change(admin, board.Changed{Description: to("D")}, to(true)),
			[]event.Data{board.Changed{By: other, Description: to("D")}, board.Archived{By: other, Archived: true}}, nil,
		},
		"change to the same": {[]event.Data{created}, change(admin, board.Changed{Name: to("Go"), NameClaim: "boardname-go", Rules: to("R")}, to(false)), nil, nil},
		"claim the same anew": {
			[]event.Data{created}, change(admin, board.Changed{Name: to("Go"), NameClaim: "boardname-new"}, nil),
			[]event.Data{board.Changed{By: other, Name: to("Go"), NameClaim: "boardname-new"}}, nil,
		},
		"change as a visitor": {[]event.Data{created}, change(board.Who{Account: other}, board.Changed{Rules: to("X")}, nil), nil, fault.ErrForbidden},
		"add a moderator":     {[]event.Data{created}, set(board.Who{Account: maker}, moderator, true), []event.Data{helped}, nil},
		"add one again":       {[]event.Data{created, helped}, set(admin, moderator, true), nil, nil},
		"take one away": {
			[]event.Data{created, helped}, set(admin, moderator, false),
			[]event.Data{board.ModeratorSet{By: other, Account: moderator}}, nil,
		},
		"take none away":   {[]event.Data{created}, set(admin, moderator, false), nil, nil},
		"add as a visitor": {[]event.Data{created}, set(board.Who{Account: moderator}, moderator, true), nil, fault.ErrForbidden},
	} {
		eventtest.Decided(t, name, test.then, test.err)(test.when(given(test.given...)))
	}
}

// Invariant 3: a renaming that was begun under the old name fails when others
// came and went meanwhile: they may have released the name that it claimed.
func TestRenamingLosesToOnesThatCameAndWent(t *testing.T) {
	t.Parallel()
	a, b, c := "A", "B", "C"
	first := board.Changed{Name: &a, NameClaim: "boardname-a"}
	begun := given(created, first).Naming()
	back := given(created, first, board.Changed{Name: &b, NameClaim: "boardname-b"}, first)
	if _, err := back.Change(admin, board.Changed{Name: &c, NameClaim: "boardname-c"}, nil, begun); !errors.Is(err, board.ErrAbandoned) {
		t.Errorf("renaming: %v", err)
	}
}

// Invariant 3: a renaming that a fence or another renaming overtook says
// nothing.
func TestRenamingLosesToAFence(t *testing.T) {
	t.Parallel()
	renamed := board.Changed{Name: to("Rust"), NameClaim: "boardname-rust"}
	for name, between := range map[string]event.Data{
		"fence":    board.ClaimVoided{Claim: "boardname-rust"},
		"renaming": board.Changed{Name: to("Zig"), NameClaim: "boardname-zig"},
	} {
		begun := given(created).Naming()
		if _, err := given(created, between).Change(admin, renamed, nil, begun); !errors.Is(err, board.ErrAbandoned) {
			t.Errorf("%s: %v", name, err)
		}
	}
	b := given(created)
	if events, err := b.Change(admin, renamed, nil, b.Naming()); err != nil || len(events) != 1 {
		t.Errorf("alone: %v %v", events, err)
	}
}

// Invariant 3: fences of names.
func TestFence(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		given []event.Data
		then  []event.Data
		ok    bool
	}{
		"never made":     {nil, []event.Data{board.Voided{}}, true},
		"fenced already": {[]event.Data{board.Voided{}}, nil, true},
		"its own name":   {[]event.Data{created}, nil, false},
		"another's":      {[]event.Data{board.Created{NameClaim: "boardname-x"}}, []event.Data{board.ClaimVoided{Claim: "boardname-go"}}, true},
	} {
		got, ok := given(test.given...).Fence("boardname-go")
		if ok != test.ok {
			t.Errorf("%s: %v", name, ok)
		}
		if d := cmp.Diff(test.then, got); d != "" {
			t.Errorf("%s: %s", name, d)
		}
	}
}

// F1: names are 32 bytes, and the same however they are written.
func TestNames(t *testing.T) {
	t.Parallel()
	for name, problem := range map[string]string{
		"Go": "", strings.Repeat("a", 32): "", strings.Repeat("a", 33): text.TooLong,
		"日本語日本語日本語日": "", "日本語日本語日本語日本": text.TooLong, // 3 bytes each
		"": text.Required, "a\nb": text.Characters, "a\x00b": text.Characters,
	} {
		var c text.Check
		board.CheckFields(&c, board.DefaultLimits(), &name, nil, nil)
		got := ""
		if f := fault.As(c.Err()); f != nil {
			got = f.Details[0].Problem
		}
		if got != problem {
			t.Errorf("%q: %q", name, got)
		}
	}
	for _, same := range []string{
		"Go Lang", "go  lang", " GO LANG ", "Ｇｏ Ｌａｎｇ", "G\u200bo L\u2060an\ufeffg", "Go\u00ad Lang\ufe0f", "Go\u200d Lang\U000e0061\U000e007f",
		"\u3164Go Lang\u202c", "Go\u2800Lang", "Go\U000e0100 \u034fLang\u180e", "\u2066Go Lang\u2069",
	} {
		if board.FoldName(same) != "go lang" {
			t.Errorf("%q folds to %q", same, board.FoldName(same))
		}
	}
	if e, composed := board.FoldName("e\u200b\u0301"), board.FoldName("\u00e9"); e != composed {
		t.Errorf("%q and %q", e, composed)
	}
}

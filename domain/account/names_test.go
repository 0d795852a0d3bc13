package account_test

import (
	"testing"

	"github.com/google/uuid"
	"pgregory.net/rapid"

	"github.com/parleyhq/parley/domain/account"
	"github.com/parleyhq/parley/domain/event"
	"github.com/parleyhq/parley/domain/text"
)

// A1: one spelling of each handle; what is none is refused.
func TestFoldHandle(t *testing.T) {
	t.Parallel()
	for in, want := range map[string][2]string{
		"ada":                             {"ada", ""},
		"Ada_99":                          {"ada_99", ""},
		"ＡＤＡ":                             {"ada", ""}, // full width
		"ﬁne":                             {"fine", ""},
		"K2_peak":                         {"k2_peak", ""}, // KELVIN SIGN
		"ab":                              {"", "too_short"},
		"":                                {"", text.Required},
		"abcdefghijklmnopqrstuvwxyz01234": {"", text.TooLong},
		"abcdefghijklmnopqrstuvwxyz0123":  {"abcdefghijklmnopqrstuvwxyz0123", ""},
		"аdа":                             {"", text.Characters}, // Cyrillic
		"ad a":                            {"", text.Characters},
		"ad-a":                            {"", text.Characters},
		"ad\x00a":                         {"", text.Characters},
		"ad\u200da":                       {"", text.Characters},
		"ädä":                             {"", text.Characters},
		"\xff\xfe\xfd":                    {"", text.Characters},
	} {
		if got, problem := account.FoldHandle(in, limits); got != want[0] || problem != want[1] {
			t.Errorf("%q: %q %q, want %q", in, got, problem, want)
		}
	}
}

// A1: handles that look alike are one name. FROZEN: streams are named after it.
func TestSkeleton(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"alice": "alice", "a1ice": "alice", "b0b": "bob", "modern": "rnodern", "rnodern": "rnodern",
		"wave": "vvave", "vvave": "vvave", "i_am": "i_arn", "z2": "z2", "s5": "s5",
	} {
		if got := account.Skeleton(in); got != want {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
}

func TestFoldingTwiceChangesNothing(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		folded, problem := account.FoldHandle(rapid.String().Draw(t, "handle"), limits)
		if problem != "" {
			return
		}
		if again, problem := account.FoldHandle(folded, limits); again != folded || problem != "" {
			t.Fatalf("%q became %q %s", folded, again, problem)
		}
		if s := account.Skeleton(folded); account.Skeleton(s) != s {
			t.Fatalf("skeleton of %q", s)
		}
	})
}

// Invariant 3: a name has one owner at most.
func TestClaim(t *testing.T) {
	t.Parallel()
	claimed := func(id uuid.UUID) event.Data { return account.HandleClaimed{Account: id} }
	released := func(id uuid.UUID) event.Data { return account.HandleReleased{Account: id} }
	claim, another := uuid.UUID{1}, uuid.UUID{2}
	owned := func(by uuid.UUID) *account.Claim {
		c := account.NewClaim()
		c.Apply(event.Decoded{Record: event.Record{Time: at, ID: claim}, Payload: claimed(by)})
		return c
	}
	for name, c := range map[string]struct {
		claim    *account.Claim
		to, seen uuid.UUID
		want     []event.Data
		ok       bool
	}{
		"free":           {account.NewClaim(), me, uuid.Nil, []event.Data{claimed(me)}, true},
		"own":            {owned(me), me, uuid.Nil, []event.Data{claimed(me)}, true},
		"claimed anew":   {owned(other), me, another, nil, false},
		"taken":          {owned(other), me, uuid.Nil, nil, false},
		"taken over":     {owned(other), me, claim, []event.Data{claimed(me)}, true},
		"freed meantime": {account.NewClaim(), me, claim, nil, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, ok := c.claim.Give(c.to, c.seen, claimed)
			if ok != c.ok {
				t.Errorf("ok %v", ok)
			}
			then(t, got, nil, c.want, nil)
		})
	}
	then(t, owned(me).Release(me, claim, released), nil, []event.Data{released(me)}, nil)
	then(t, owned(me).Release(me, uuid.Nil, released), nil, []event.Data{released(me)}, nil)
	then(t, owned(me).Release(me, another, released), nil, nil, nil)
	then(t, owned(other).Release(me, claim, released), nil, nil, nil)
	c := owned(me)
	if !c.At.Equal(at) {
		t.Error("when it was claimed is lost")
	}
	if c.Apply(event.Decoded{Payload: released(me)}); c.Owner != uuid.Nil {
		t.Error("it is not free")
	}
}

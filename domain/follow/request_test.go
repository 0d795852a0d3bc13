package follow_test

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/parleyhq/parley/domain/event"
	"github.com/parleyhq/parley/domain/fault"
	"github.com/parleyhq/parley/domain/follow"
)

// F8: a guarded follow waits for an answer, or until approval is switched off.
func TestRequests(t *testing.T) {
	t.Parallel()
	a, b := uuid.UUID{1}, uuid.UUID{2}
	started, ended := follow.Started{Follower: a, Followee: b}, follow.Ended{Follower: a, Followee: b}
	asked, refused := follow.Requested{Follower: a, Followee: b, Openings: 3}, follow.Refused{Follower: a, Followee: b}
	guarded, opened := follow.Guard{Approves: true, Openings: 3}, follow.Guard{Openings: 4}
	given := func(events ...event.Data) *follow.Relation {
		r := follow.New()
		for _, d := range events {
			r.Apply(event.Decoded{Payload: d})
		}
		return r
	}
	then := func(what string, got []event.Data, want ...event.Data) {
		t.Helper()
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s: %s", what, diff)
		}
	}
	then("asks", given().Ask(a, b, guarded), asked)
	then("asks again", given(asked).Ask(a, b, guarded))
	then("follows", given().Ask(a, b, opened), started)
	then("follows by the opening", given(asked).Ask(a, b, opened))
	then("asks after a refusal", given(asked, refused).Ask(a, b, guarded), asked)
	then("withdraws", given(asked).Leave(a, b), ended)
	then("leaves", given(asked, started).Leave(a, b), ended)
	then("nothing to leave", given(asked, ended).Leave(a, b))
	then("refuses", given(asked).Refuse(a, b, guarded), refused)
	then("refuses nothing", given().Refuse(a, b, guarded))
	then("refuses too late", given(asked).Refuse(a, b, opened))
	then("refuses no follower", given(asked, started).Refuse(a, b, guarded))
	for name, c := range map[string]struct {
		r    *follow.Relation
		want []event.Data
		err  error
	}{
		"grants":         {given(asked), []event.Data{started}, nil},
		"grants again":   {given(asked, started), nil, nil},
		"grants nothing": {given(), nil, fault.ErrNotFound},
		"withdrawn":      {given(asked, ended), nil, fault.ErrNotFound},
		"refused":        {given(asked, refused), nil, fault.ErrNotFound},
	} {
		got, err := c.r.Grant(a, b, guarded)
		if !errors.Is(err, c.err) {
			t.Errorf("%s: %v", name, err)
		}
		then(name, got, c.want...)
	}
	if r := given(asked); r.Follows(guarded) || !r.Waits(guarded) || !r.Follows(opened) || r.Waits(opened) {
		t.Error("what an opening means")
	}
}

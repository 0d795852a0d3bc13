package follow_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/parleyhq/parley/domain/event"
	"github.com/parleyhq/parley/domain/follow"
)

// F8: a relation that stands is not said again, and one that does not neither.
func TestTurn(t *testing.T) {
	t.Parallel()
	a, b := uuid.UUID{1}, uuid.UUID{2}
	for _, c := range [][2]event.Data{
		{follow.Started{Follower: a, Followee: b}, follow.Ended{Follower: a, Followee: b}},
		{follow.BlockStarted{Blocker: a, Blocked: b}, follow.BlockEnded{Blocker: a, Blocked: b}},
		{follow.MuteStarted{Muter: a, Muted: b}, follow.MuteEnded{Muter: a, Muted: b}},
		{follow.BoardStarted{Account: a, Board: b}, follow.BoardEnded{Account: a, Board: b}},
		{follow.TagStarted{Account: a, Tag: "go"}, follow.TagEnded{Account: a, Tag: "go"}},
		{follow.PostStarted{Account: a, HiddenAccount: a, Post: b}, follow.PostEnded{Account: a, HiddenAccount: a, Post: b}},
	} {
		r := follow.New()
		for _, step := range []struct {
			on   bool
			want []event.Data
		}{
			{false, nil}, {true, []event.Data{c[0]}}, {true, nil}, {false, []event.Data{c[1]}}, {false, nil}, {true, []event.Data{c[0]}},
		} {
			got := r.Turn(step.on, c[0], c[1])
			if diff := cmp.Diff(step.want, got); diff != "" {
				t.Errorf("%T %v: %s", c[0], step.on, diff)
			}
			for _, d := range got {
				r.Apply(event.Decoded{Payload: d})
			}
		}
	}
}

// The names of streams are frozen.
func TestStreams(t *testing.T) {
	t.Parallel()
	a, b := uuid.MustParse("01890a5d-ac96-774b-bcce-b302099a8057"), uuid.MustParse("01890a5d-ac96-774b-bcce-b302099a8058")
	if got := follow.Stream("follow", a, b); got != "follow-01890a5d-ac96-774b-bcce-b302099a8057.01890a5d-ac96-774b-bcce-b302099a8058" {
		t.Error(got)
	}
	if got := follow.TagStream(a, "日本語"); got != "tagfollow-01890a5d-ac96-774b-bcce-b302099a8057.日本語" {
		t.Error(got)
	}
}

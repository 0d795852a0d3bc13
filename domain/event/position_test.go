package event_test

import (
	"errors"
	"testing"

	"github.com/google/uuid"
	"pgregory.net/rapid"

	"github.com/parleyhq/parley/domain/event"
)

// Q11: a token is the position it was made from, for its own epoch alone.
func TestQ11_PositionTokensGoThereAndBack(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		position := rapid.Uint64().Draw(t, "position")
		codec := event.NewPositions(uuid.UUID(rapid.SliceOfN(rapid.Byte(), 16, 16).Draw(t, "epoch")))
		token := codec.Encode(position)
		got, err := codec.Decode(token)
		if err != nil || got != position {
			t.Fatalf("%d came back as %d, %v", position, got, err)
		}
		other := event.NewPositions(uuid.NewSHA1(codec.Epoch(), nil))
		if _, err := other.Decode(token); !errors.Is(err, event.ErrEpoch) {
			t.Fatalf("another epoch: %v", err)
		}
	})
}

// Q11: whatever Encode never made is malformed, never another position.
func FuzzPositionToken(f *testing.F) {
	codec := event.NewPositions(uuid.MustParse("01890a5d-ac96-774b-bcce-b302099a8057"))
	f.Add(codec.Encode(0))
	f.Add(codec.Encode(1 << 63))
	f.Add("")
	f.Add("not a token")
	f.Fuzz(func(t *testing.T, token string) {
		position, err := codec.Decode(token)
		if err == nil && codec.Encode(position) != token {
			t.Fatalf("%q is read as %d, whose token is %q", token, position, codec.Encode(position))
		}
		if err != nil && !errors.Is(err, event.ErrPosition) && !errors.Is(err, event.ErrEpoch) {
			t.Fatalf("%q: %v", token, err)
		}
	})
}

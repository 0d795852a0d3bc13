package commands

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"strconv"
	"time"

	"github.com/google/uuid"

	"github.com/parleyhq/parley/domain/fault"
)

// Faults of the replay guard.
var (
	ErrReplayInvalid = fault.New(fault.Unauthorized, "replay.invalid", "This takes the headers Parley-Timestamp (seconds since 1970, or RFC 3339) and Parley-Nonce (1 to 128 visible ASCII characters), once each.")
	ErrReplayStale   = fault.New(fault.Unauthorized, "replay.stale", "The timestamp of this request is too far from the time here.")
	ErrReplaySeen    = fault.New(fault.Unauthorized, "replay.seen", "This nonce was used before.")
)

// Bounds of the guard's headers.
const (
	maxNonce     = 128
	maxTimestamp = 40
)

// Fresh uses up the nonce of a request that comes from an account, or from
// nobody. It is remembered for longer than the timestamp is taken: twice the
// window, so that no other node's clock takes it again. Errors:
// ErrReplayInvalid, ErrReplayStale, ErrReplaySeen, fault.ErrUnavailable.
func (c *Commands) Fresh(ctx context.Context, account uuid.UUID, timestamp, nonce string) error {
	at, ok := readTimestamp(timestamp)
	if !ok {
		return ErrReplayInvalid.With(fault.Field("Parley-Timestamp", "invalid"))
	}
	if !visible(nonce) {
		return ErrReplayInvalid.With(fault.Field("Parley-Nonce", "invalid"))
	}
	if off := c.now().Sub(at); off > c.cfg.ReplayWindow || off < -c.cfg.ReplayWindow {
		return ErrReplayStale
	}
	sum := sha256.Sum256(append(account[:], nonce...))
	first, err := c.deps.Ephemeral.Add(ctx, "nonce "+base64.RawURLEncoding.EncodeToString(sum[:]), nil, 2*c.cfg.ReplayWindow)
	switch {
	case err != nil:
		return storeAway(err)
	case !first:
		return ErrReplaySeen
	}
	return nil
}

func readTimestamp(text string) (time.Time, bool) {
	if text == "" || len(text) > maxTimestamp {
		return time.Time{}, false
	}
	if seconds, err := strconv.ParseInt(text, 10, 64); err == nil {
		return time.Unix(seconds, 0), true
	}
	at, err := time.Parse(time.RFC3339, text)
	return at, err == nil
}

func visible(nonce string) bool {
	for i := range len(nonce) {
		if nonce[i] <= ' ' || nonce[i] > '~' {
			return false
		}
	}
	return nonce != "" && len(nonce) <= maxNonce
}

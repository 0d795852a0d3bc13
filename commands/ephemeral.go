package commands

import (
	"context"
	"time"
)

// Ephemeral keeps small values for a short time: tickets, captchas, nonces.
// All nodes see the same ones. What it holds may be lost at any time, and then
// counts as used or expired. Every adapter passes commandstest.Ephemeral.
//
// Keys hold no secrets and no personal data: who keeps a secret here hashes it
// first. Errors: fault.ErrUnavailable when there is no room; the engine's own.
type Ephemeral interface {
	// Put keeps value under key for ttl, in the place of what was there.
	Put(ctx context.Context, key string, value []byte, ttl time.Duration) error
	// PutAmong is Put for a value of a group, of which most may wait at once:
	// the oldest gives way.
	PutAmong(ctx context.Context, group string, most int, key string, value []byte, ttl time.Duration) error
	// Add is Put where nothing is kept under key; added says whether.
	Add(ctx context.Context, key string, value []byte, ttl time.Duration) (added bool, err error)
	// Get is the value under key, if there is one.
	Get(ctx context.Context, key string) (value []byte, ok bool, err error)
	// Take is Get that removes it: of any number of callers at once, one gets it.
	Take(ctx context.Context, key string) (value []byte, ok bool, err error)
}

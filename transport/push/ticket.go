package push

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"time"

	"github.com/parleyhq/parley/commands"
)

// Bounds of tickets.
const (
	maxTicketsAccount = 64 // that wait to be used; the oldest gives way
	ticketBytes       = 32 // of randomness
)

// Tickets are the keys to one socket each: random, used once, bound to the
// account and session that asked. What is kept of them is a hash.
type Tickets struct {
	ttl  time.Duration
	kept TicketKeeper
}

// NewTickets makes tickets that live for ttl. All nodes share kept.
func NewTickets(ttl time.Duration, kept TicketKeeper) *Tickets { return &Tickets{ttl, kept} }

// Issue makes a ticket: 43 characters of base64url, valid for the duration
// given back. Errors: fault.ErrUnavailable when far too many wait.
func (t *Tickets) Issue(ctx context.Context, by commands.Actor) (string, time.Duration, error) {
	raw := make([]byte, ticketBytes)
	_, _ = rand.Read(raw) // never fails
	word := base64.RawURLEncoding.EncodeToString(raw)
	bearer, err := json.Marshal(by)
	if err != nil {
		return "", 0, fmt.Errorf("encode the bearer of a ticket: %w", err)
	}
	group := "tickets " + by.Account.String()
	if err := t.kept.PutAmong(ctx, group, maxTicketsAccount, ticketKey(word), bearer, t.ttl); err != nil {
		return "", 0, err
	}
	return word, t.ttl, nil
}

// Redeem uses a ticket up; false for one that is unknown, used or too old.
func (t *Tickets) Redeem(ctx context.Context, word string) (by commands.Actor, ok bool, err error) {
	bearer, ok, err := t.kept.Take(ctx, ticketKey(word))
	if !ok || err != nil {
		return commands.Actor{}, false, err
	}
	if err := json.Unmarshal(bearer, &by); err != nil {
		return commands.Actor{}, false, fmt.Errorf("decode the bearer of a ticket: %w", err)
	}
	return by, true, nil
}

// ticketKey is where a ticket is kept. Who reads the store cannot use it.
func ticketKey(word string) string {
	sum := sha256.Sum256([]byte(word))
	return "ticket " + base64.RawURLEncoding.EncodeToString(sum[:])
}

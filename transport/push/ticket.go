package push

import (
	"container/list"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/parleyhq/parley/commands"
	"github.com/parleyhq/parley/domain/fault"
)

// Bounds of the tickets that wait to be used.
const (
	maxTickets        = 200_000
	maxTicketsAccount = 64 // the oldest gives way
	ticketBytes       = 32 // of randomness
)

// Tickets are the keys to one socket each: random, used once, bound to the
// account and session that asked. They are kept in memory as hashes.
type Tickets struct {
	ttl time.Duration
	now func() time.Time

	mu        sync.Mutex
	waiting   map[[sha256.Size]byte]*list.Element
	order     list.List // of *ticket, oldest first
	byAccount map[uuid.UUID]int
}

type ticket struct {
	hash    [sha256.Size]byte
	actor   commands.Actor
	expires time.Time
}

// NewTickets makes the store of tickets that live for ttl.
func NewTickets(ttl time.Duration, now func() time.Time) *Tickets {
	return &Tickets{ttl: ttl, now: now, waiting: map[[sha256.Size]byte]*list.Element{}, byAccount: map[uuid.UUID]int{}}
}

// Issue makes a ticket: 43 characters of base64url, valid for the duration
// given back. Errors: fault.ErrUnavailable when far too many wait.
func (t *Tickets) Issue(_ context.Context, by commands.Actor) (string, time.Duration, error) {
	raw := make([]byte, ticketBytes)
	_, _ = rand.Read(raw) // never fails
	word := base64.RawURLEncoding.EncodeToString(raw)

	t.mu.Lock()
	defer t.mu.Unlock()
	now := t.now()
	for e := t.order.Front(); e != nil && !now.Before(e.Value.(*ticket).expires); e = t.order.Front() {
		t.remove(e)
	}
	if t.byAccount[by.Account] >= maxTicketsAccount {
		t.removeOldest(by.Account)
	}
	if len(t.waiting) >= maxTickets {
		return "", 0, fault.ErrUnavailable
	}
	k := &ticket{hash: sha256.Sum256([]byte(word)), actor: by, expires: now.Add(t.ttl)}
	t.waiting[k.hash] = t.order.PushBack(k)
	t.byAccount[by.Account]++
	return word, t.ttl, nil
}

// Redeem uses a ticket up; false for one that is unknown, used or too old.
func (t *Tickets) Redeem(_ context.Context, word string) (commands.Actor, bool, error) {
	hash := sha256.Sum256([]byte(word))
	t.mu.Lock()
	defer t.mu.Unlock()
	e, ok := t.waiting[hash]
	if !ok {
		return commands.Actor{}, false, nil
	}
	k := t.remove(e)
	return k.actor, t.now().Before(k.expires), nil
}

func (t *Tickets) remove(e *list.Element) *ticket {
	k := t.order.Remove(e).(*ticket)
	delete(t.waiting, k.hash)
	if t.byAccount[k.actor.Account]--; t.byAccount[k.actor.Account] <= 0 {
		delete(t.byAccount, k.actor.Account)
	}
	return k
}

func (t *Tickets) removeOldest(account uuid.UUID) {
	for e := t.order.Front(); e != nil; e = e.Next() {
		if e.Value.(*ticket).actor.Account == account {
			t.remove(e)
			return
		}
	}
}

package push

import (
	"slices"
	"sync"
	"time"

	"github.com/google/uuid"
)

// hub knows every topic that somebody reads, or read a moment ago, and every
// account that has sockets here.
type hub struct {
	mu      sync.RWMutex
	topics  map[string]*topic
	feeds   map[uuid.UUID]*topic // of topics, those that are home feeds
	viewers map[uuid.UUID]*viewer
	sockets int
	idle    int // topics kept for their ring alone
}

func newHub() *hub {
	return &hub{topics: map[string]*topic{}, feeds: map[uuid.UUID]*topic{}, viewers: map[uuid.UUID]*viewer{}}
}

// join registers a socket, unless its account has too many.
func (h *hub) join(c *conn, account uuid.UUID, most int) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	v := h.viewers[account]
	if v == nil {
		v = &viewer{account: account}
		h.viewers[account] = v
	}
	if len(v.conns) >= most {
		return false
	}
	v.conns = append(v.conns, c)
	h.sockets++
	c.mu.Lock()
	c.viewer = v
	c.mu.Unlock()
	return true
}

// leave forgets a socket.
func (h *hub) leave(c *conn) {
	h.mu.Lock()
	defer h.mu.Unlock()
	c.mu.Lock()
	v := c.viewer
	c.viewer = nil
	c.mu.Unlock()
	if v == nil {
		return
	}
	h.sockets--
	v.conns = slices.DeleteFunc(v.conns, func(other *conn) bool { return other == c })
	if len(v.conns) == 0 {
		delete(h.viewers, v.account)
	}
}

// sessions closes an account's sockets whose session match picks.
func (h *hub) sessions(account uuid.UUID, code CloseCode, match func(session uuid.UUID) bool) {
	for _, c := range h.of(account) {
		c.mu.Lock()
		hit := match(c.actor.Session)
		c.mu.Unlock()
		if hit {
			c.close(code)
		}
	}
}

// of lists an account's sockets.
func (h *hub) of(account uuid.UUID) []*conn {
	h.mu.RLock()
	defer h.mu.RUnlock()
	if v := h.viewers[account]; v != nil {
		return slices.Clone(v.conns)
	}
	return nil
}

// viewer is the account's state here, or nil.
func (h *hub) viewer(account uuid.UUID) *viewer {
	h.mu.RLock()
	defer h.mu.RUnlock()
	return h.viewers[account]
}

func (h *hub) everyone() []*conn {
	h.mu.RLock()
	defer h.mu.RUnlock()
	all := make([]*conn, 0, h.sockets)
	for _, v := range h.viewers {
		all = append(all, v.conns...)
	}
	return all
}

func (h *hub) count() int {
	h.mu.RLock()
	defer h.mu.RUnlock()
	return h.sockets
}

// find is the topic of that key, or nil when nobody reads it.
func (h *hub) find(key string) *topic {
	h.mu.RLock()
	defer h.mu.RUnlock()
	return h.topics[key]
}

// homes lists the home feeds that are read.
func (h *hub) homes() []*topic {
	h.mu.RLock()
	defer h.mu.RUnlock()
	all := make([]*topic, 0, len(h.feeds))
	for _, t := range h.feeds {
		all = append(all, t)
	}
	return all
}

// all lists the topics.
func (h *hub) all() []*topic {
	h.mu.RLock()
	defer h.mu.RUnlock()
	all := make([]*topic, 0, len(h.topics))
	for _, t := range h.topics {
		all = append(all, t)
	}
	return all
}

// attach adds a reader to the topic of that name, which is made on demand.
// From here on the topic gets whatever the feeder looks at next.
func (h *hub) attach(s *sub, n topicName, ring int) {
	for {
		h.mu.Lock()
		t := h.topics[n.key]
		if t == nil {
			t = &topic{topicName: n, ring: ring0(ring)}
			h.topics[n.key] = t
			if n.kind == topicFeed {
				h.feeds[n.id] = t
			}
		}
		h.mu.Unlock()
		if t.attach(s, h) {
			return
		}
	}
}

// quiet is told by a topic, under its lock, that its last reader left; true:
// the topic is dropped.
func (h *hub) quiet(t *topic, keep bool) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	if keep && h.idle < maxIdleRings {
		h.idle++
		return false
	}
	h.drop(t)
	return true
}

func (h *hub) drop(t *topic) {
	delete(h.topics, t.key)
	if t.kind == topicFeed {
		delete(h.feeds, t.id)
	}
}

// sweep drops topics without readers since before.
func (h *hub) sweep(before time.Time) {
	for _, t := range h.all() {
		t.mu.Lock()
		if len(t.subs) == 0 && !t.dead && !t.quietSince.IsZero() && t.quietSince.Before(before) {
			t.dead = true
			h.mu.Lock()
			h.idle--
			h.drop(t)
			h.mu.Unlock()
		}
		t.mu.Unlock()
	}
}

// forget empties every ring: the words of somebody who was erased may be in
// them.
func (h *hub) forget() {
	for _, t := range h.all() {
		t.forget()
	}
}

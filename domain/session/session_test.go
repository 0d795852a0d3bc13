package session_test

import (
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
	"pgregory.net/rapid"

	"github.com/parleyhq/parley/domain/event"
	"github.com/parleyhq/parley/domain/fault"
	"github.com/parleyhq/parley/domain/session"
)

const (
	grace = 10 * time.Second
	ttl   = 480 * time.Hour
)

var (
	me      = uuid.UUID{1}
	family  = uuid.UUID{2}
	at      = time.Date(2030, 1, 1, 12, 0, 0, 0, time.UTC)
	started = session.Started{Account: me, Family: family, Epoch: 3, ExpiresAt: at.Add(ttl)}
	ended   = session.Ended{Account: me, Reason: session.SignedOut}
)

func refreshed(n uint32, at time.Time) session.Refreshed {
	return session.Refreshed{Account: me, Family: family, Token: n, ExpiresAt: at.Add(ttl)}
}

func given(events ...event.Data) *session.Session {
	s := session.New()
	for _, d := range events {
		s.Apply(event.Decoded{Record: event.Record{Time: at}, Payload: d})
	}
	return s
}

// S2: each token once, its successor again within grace, anything else is the
// end.
func TestRefresh(t *testing.T) {
	t.Parallel()
	reused := []event.Data{session.Ended{Account: me, Reason: session.Reused}}
	for name, c := range map[string]struct {
		given  []event.Data
		family uuid.UUID
		n      uint32
		after  time.Duration
		events []event.Data
		want   session.Refreshment
		err    error
	}{
		"first use":      {[]event.Data{started}, family, 0, time.Hour, []event.Data{refreshed(1, at.Add(time.Hour))}, session.Refreshment{Token: 1, Expires: at.Add(time.Hour + ttl)}, nil},
		"second use":     {[]event.Data{started, refreshed(1, at)}, family, 1, 0, []event.Data{refreshed(2, at)}, session.Refreshment{Token: 2, Expires: at.Add(ttl)}, nil},
		"two tabs":       {[]event.Data{started, refreshed(1, at)}, family, 0, grace, nil, session.Refreshment{Token: 1, Expires: at.Add(ttl)}, nil},
		"too late":       {[]event.Data{started, refreshed(1, at)}, family, 0, grace + 1, reused, session.Refreshment{Reused: true}, nil},
		"successor used": {[]event.Data{started, refreshed(1, at), refreshed(2, at)}, family, 0, 0, reused, session.Refreshment{Reused: true}, nil},
		"not issued yet": {[]event.Data{started}, family, 1, 0, nil, session.Refreshment{}, session.ErrRefreshInvalid},
		"other family":   {[]event.Data{started}, uuid.UUID{9}, 0, 0, nil, session.Refreshment{}, session.ErrRefreshInvalid},
		"expired":        {[]event.Data{started}, family, 0, ttl, nil, session.Refreshment{}, session.ErrRefreshInvalid},
		"ended":          {[]event.Data{started, ended}, family, 0, 0, nil, session.Refreshment{}, session.ErrRefreshInvalid},
		"reused, ended":  {[]event.Data{started, refreshed(1, at), ended}, family, 0, grace + 1, nil, session.Refreshment{}, session.ErrRefreshInvalid},
		"no session":     {nil, family, 0, 0, nil, session.Refreshment{}, session.ErrRefreshInvalid},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			events, got, err := given(c.given...).Refresh(c.family, c.n, at.Add(c.after), grace, ttl)
			if !errors.Is(err, c.err) || got != c.want {
				t.Errorf("%+v %v, want %+v %v", got, err, c.want, c.err)
			}
			if diff := cmp.Diff(c.events, events); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// S4.
func TestEnd(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		given  []event.Data
		by     uuid.UUID
		events []event.Data
		err    error
	}{
		"own":       {[]event.Data{started}, me, []event.Data{ended}, nil},
		"again":     {[]event.Data{started, ended}, me, nil, nil},
		"another's": {[]event.Data{started}, uuid.UUID{7}, nil, fault.ErrNotFound},
		"absent":    {nil, uuid.Nil, nil, fault.ErrNotFound},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			events, err := given(c.given...).End(c.by, session.SignedOut)
			if !errors.Is(err, c.err) {
				t.Errorf("%v, want %v", err, c.err)
			}
			if diff := cmp.Diff(c.events, events); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestStartAndLive(t *testing.T) {
	t.Parallel()
	if diff := cmp.Diff([]event.Data{started}, session.New().Start(started, session.Binding{})); diff != "" {
		t.Error(diff)
	}
	s := given(started)
	if s.Start(started, session.Binding{}) != nil || !s.Live(me) || s.Live(uuid.UUID{7}) || s.Epoch != 3 {
		t.Errorf("%+v", s)
	}
	if given(started, ended).Live(me) || session.New().Live(uuid.Nil) {
		t.Error("it lives")
	}
}

// S2, as a machine: a thief and an owner who use tokens in any order are never
// both signed in afterwards: a token leads on at most once outside of grace,
// and whoever is refused finds the session ended or the token unknown.
func TestRefreshMachine(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		s, now, issued, newest := given(started), at, at, uint32(0)
		over := false
		apply := func(events []event.Data) {
			for _, d := range events {
				s.Apply(event.Decoded{Record: event.Record{Time: now}, Payload: d})
			}
		}
		for range rapid.IntRange(1, 30).Draw(t, "steps") {
			now = now.Add(time.Duration(rapid.IntRange(0, 15).Draw(t, "seconds")) * time.Second)
			n := uint32(rapid.IntRange(0, int(newest)+1).Draw(t, "token"))
			events, done, err := s.Refresh(family, n, now, grace, ttl)
			apply(events)
			switch {
			case over || n > newest:
				if err == nil {
					t.Fatalf("token %d of an ended session led to %+v", n, done)
				}
			case n == newest:
				if err != nil || done.Token != newest+1 {
					t.Fatalf("the newest token led to %+v, %v", done, err)
				}
				newest, issued = newest+1, now
			case n+1 == newest && now.Sub(issued) <= grace:
				if err != nil || done.Token != newest || len(events) > 0 {
					t.Fatalf("within grace: %+v, %v", done, err)
				}
			default:
				if !done.Reused || !s.Ended {
					t.Fatalf("token %d of %d came back: %+v", n, newest, done)
				}
				over = true
			}
		}
	})
}

// S4: sign-ins that share a session have families of their own; what ends one
// ends all.
func TestShare(t *testing.T) {
	t.Parallel()
	second := started
	second.Family, second.Device = uuid.UUID{3}, "d"
	joined := session.Joined{Account: me, Family: second.Family, Device: "d", ExpiresAt: second.ExpiresAt}
	for name, c := range map[string]struct {
		given []event.Data
		want  []event.Data
		ok    bool
	}{
		"first":  {nil, []event.Data{second}, true},
		"second": {[]event.Data{started}, []event.Data{joined}, true},
		"again":  {[]event.Data{started, joined}, nil, true},
		"over":   {[]event.Data{started, ended}, nil, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, ok := given(c.given...).Share(second, session.Binding{})
			if diff := cmp.Diff(c.want, got); diff != "" || ok != c.ok {
				t.Error(ok, diff)
			}
		})
	}
	s := given(started, joined, refreshed(1, at))
	for id, want := range map[uuid.UUID]uint32{family: 2, second.Family: 1} {
		if _, done, err := s.Refresh(id, want-1, at, grace, ttl); err != nil || done.Token != want {
			t.Errorf("%+v %v", done, err)
		}
	}
	events := []event.Data{started}
	for i := range session.MaxFamilies {
		joined.Family = uuid.UUID{4, byte(i)}
		events = append(events, joined)
	}
	s = given(events...)
	if _, _, err := s.Refresh(family, 0, at, grace, ttl); !errors.Is(err, session.ErrRefreshInvalid) {
		t.Errorf("the oldest family: %v", err)
	}
	if _, _, err := s.Refresh(joined.Family, 0, at, grace, ttl); err != nil {
		t.Error(err)
	}
}

// S8: tokens are good where they were issued to, as far as is compared; what
// was never bound fits nowhere.
func TestBinding(t *testing.T) {
	t.Parallel()
	home := session.Binding{Agent: []byte("a"), Network: []byte("n")}
	events := session.New().Start(started, home)
	bound := session.Bound{Account: me, Family: family, Agent: home.Agent, Network: home.Network}
	if diff := cmp.Diff([]event.Data{started, bound}, events); diff != "" {
		t.Fatal(diff)
	}
	s, free := given(append(events, refreshed(1, at))...), given(started)
	for name, c := range map[string]struct {
		s    *session.Session
		id   uuid.UUID
		b    session.Binding
		fits bool
	}{
		"home":            {s, family, home, true},
		"agent alone":     {s, family, session.Binding{Agent: home.Agent}, true},
		"nothing asked":   {s, family, session.Binding{}, true},
		"other agent":     {s, family, session.Binding{Agent: []byte("b"), Network: home.Network}, false},
		"other network":   {s, family, session.Binding{Network: []byte("m")}, false},
		"never bound":     {free, family, home, false},
		"free, not asked": {free, family, session.Binding{}, true},
		"unknown family":  {s, uuid.UUID{9}, home, true},
	} {
		if got := c.s.Fits(c.id, c.b); got != c.fits {
			t.Errorf("%s: %v", name, got)
		}
	}
	over := []event.Data{
		session.Mismatched{Account: me, Device: "d", Network: "m"},
		session.Ended{Account: me, Reason: session.Foreign},
	}
	if diff := cmp.Diff(over, s.Mismatch("d", "m")); diff != "" {
		t.Error(diff)
	}
	if given(started, ended).Mismatch("d", "m") != nil || session.New().Mismatch("d", "m") != nil {
		t.Error("what has ended ends again")
	}
}

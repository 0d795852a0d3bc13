package projections_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/parleyhq/parley/domain"
	"github.com/parleyhq/parley/domain/account"
	"github.com/parleyhq/parley/domain/event"
	"github.com/parleyhq/parley/domain/fault"
	"github.com/parleyhq/parley/domain/follow"
	"github.com/parleyhq/parley/domain/session"
	"github.com/parleyhq/parley/infra/keyring"
	"github.com/parleyhq/parley/projections"
	"github.com/parleyhq/parley/projections/projectiontest"
	"github.com/parleyhq/parley/readmodels"
)

// peopleWorld is people to whom random events happen, also in orders that
// commands only leave behind when they crash or cross each other, and the slow
// way of knowing what follows from them.
type peopleWorld struct {
	t        *testing.T
	log      *projectiontest.Log
	ring     *keyring.Ring
	codec    *event.Codec
	random   *rand.Rand
	people   []uuid.UUID
	revision map[string]event.Expected
	clock    time.Time

	on       map[string]bool // by relation's stream
	follows  [][2]uuid.UUID  // in their order
	blocks   map[[2]uuid.UUID]bool
	profiles map[uuid.UUID]account.Profile
	sessions map[uuid.UUID][]uuid.UUID // in their order
	epochs   map[uuid.UUID]account.SessionsEnded
}

func newPeopleWorld(t *testing.T, seed uint64) *peopleWorld {
	t.Helper()
	ring, err := keyring.Open(filepath.Join(t.TempDir(), "keys.db"), make([]byte, keyring.KeySize))
	must(t, err)
	t.Cleanup(func() { _ = ring.Close() })
	catalogue, err := domain.Catalogue()
	must(t, err)
	w := &peopleWorld{
		t: t, log: projectiontest.NewLog(), ring: ring, codec: event.NewCodec(catalogue, ring), random: rand.New(rand.NewPCG(seed, 2)), //nolint:gosec // a repeatable test
		revision: map[string]event.Expected{}, clock: time.UnixMilli(1_700_000_000_000).UTC(), on: map[string]bool{}, blocks: map[[2]uuid.UUID]bool{},
		profiles: map[uuid.UUID]account.Profile{}, sessions: map[uuid.UUID][]uuid.UUID{}, epochs: map[uuid.UUID]account.SessionsEnded{},
	}
	for i := range 6 {
		id := uuid.Must(uuid.NewV7())
		must(t, ring.EnsureAccount(t.Context(), id))
		w.people = append(w.people, id)
		w.happen(account.Stream(id), account.Registered{
			Email: fmt.Sprintf("p%d@example.org", i), EmailClaim: fmt.Sprintf("email-%d", i),
			Handle: fmt.Sprintf("p%d", i), HandleClaim: fmt.Sprintf("handle-%d", i), DisplayName: "P", Roles: []string{account.Member},
		})
		w.profiles[id] = account.Profile{DisplayName: "P"}
	}
	for range 400 {
		w.act()
	}
	return w
}

func (w *peopleWorld) happen(stream string, data event.Data) {
	w.t.Helper()
	id := uuid.Must(uuid.NewV7())
	typ, stored, err := w.codec.Encode(w.t.Context(), stream, id, data)
	must(w.t, err)
	at, began := w.revision[stream]
	if !began {
		at = event.NoStream
	}
	w.clock = w.clock.Add(time.Millisecond)
	_, err = w.log.Append(w.t.Context(), stream, at, []event.Event{{ID: id, Type: typ, Time: w.clock, Data: stored}})
	must(w.t, err)
	w.revision[stream] = at + 1
}

func (w *peopleWorld) act() {
	a, b := w.people[w.random.IntN(len(w.people))], w.people[w.random.IntN(len(w.people))]
	switch n := w.random.IntN(100); {
	case n < 70 && a != b:
		w.relate(a, b, n)
	case n < 80:
		bio, name := fmt.Sprint("bio ", n), fmt.Sprint("name ", n)
		d := account.ProfileChanged{Bio: &bio}
		p := w.profiles[a]
		p.Bio = bio
		if n%2 == 0 {
			d.DisplayName, d.Links = &name, &[]account.Link{{Kind: "other", URL: "https://example.org"}}
			p.DisplayName, p.Links = name, *d.Links
		}
		w.profiles[a] = p
		w.happen(account.Stream(a), d)
	case n < 90:
		w.signIn(a)
	case n < 95 && len(w.sessions[a]) > 0:
		i := w.random.IntN(len(w.sessions[a]))
		w.happen(session.Stream(w.sessions[a][i]), session.Ended{Account: a, Reason: session.SignedOut})
		w.sessions[a] = slices.Delete(w.sessions[a], i, i+1)
	case n < 97:
		d := account.SessionsEnded{Epoch: w.epochs[a].Epoch + 1}
		if all := w.sessions[a]; n%2 == 0 && len(all) > 0 {
			d.Keep = all[len(all)-1]
		}
		w.sessions[a] = slices.DeleteFunc(w.sessions[a], func(id uuid.UUID) bool { return id != d.Keep })
		w.epochs[a] = d
		w.happen(account.Stream(a), d)
	}
}

// signIn starts a session, which may be of an epoch that ended meanwhile.
func (w *peopleWorld) signIn(a uuid.UUID) {
	id, epoch := uuid.Must(uuid.NewV7()), w.epochs[a].Epoch
	if epoch > 0 && w.random.IntN(3) == 0 {
		epoch--
	} else {
		w.sessions[a] = append(w.sessions[a], id)
	}
	w.happen(session.Stream(id), session.Started{Account: a, Family: id, Epoch: epoch, Device: "d", Network: "n", ExpiresAt: w.clock.Add(time.Hour)})
}

func (w *peopleWorld) relate(a, b uuid.UUID, n int) {
	category := []string{"follow", "follow", "follow", "block", "mute"}[n%5]
	stream := follow.Stream(category, a, b)
	pair, on := [2]uuid.UUID{a, b}, !w.on[follow.Stream(category, a, b)]
	w.on[stream] = on
	unfollow := func(p [2]uuid.UUID) {
		w.follows = slices.DeleteFunc(w.follows, func(f [2]uuid.UUID) bool { return f == p })
	}
	switch {
	case category == "follow" && on:
		if !w.blocks[pair] && !w.blocks[[2]uuid.UUID{b, a}] && !slices.Contains(w.follows, pair) {
			w.follows = append(w.follows, pair)
		}
		w.happen(stream, follow.Started{Follower: a, Followee: b})
	case category == "follow":
		unfollow(pair)
		w.happen(stream, follow.Ended{Follower: a, Followee: b})
	case category == "block" && on:
		w.blocks[pair] = true
		unfollow(pair)
		unfollow([2]uuid.UUID{b, a})
		w.happen(stream, follow.BlockStarted{Blocker: a, Blocked: b})
	case category == "block":
		delete(w.blocks, pair)
		w.happen(stream, follow.BlockEnded{Blocker: a, Blocked: b})
	case on:
		w.happen(stream, follow.MuteStarted{Muter: a, Muted: b})
	default:
		w.happen(stream, follow.MuteEnded{Muter: a, Muted: b})
	}
}

// account is what viewer may see of id, or nil.
func (w *peopleWorld) account(viewer, id uuid.UUID) *readmodels.Account {
	if w.blocks[[2]uuid.UUID{id, viewer}] {
		return nil
	}
	p := w.profiles[id]
	a := &readmodels.Account{Summary: readmodels.Summary{ID: id, Handle: fmt.Sprintf("p%d", slices.Index(w.people, id)), DisplayName: p.DisplayName}}
	a.Viewer = readmodels.AccountViewer{
		Following:  slices.Contains(w.follows, [2]uuid.UUID{viewer, id}),
		FollowedBy: slices.Contains(w.follows, [2]uuid.UUID{id, viewer}),
		Blocking:   w.blocks[[2]uuid.UUID{viewer, id}],
		Muting:     w.on[follow.Stream("mute", viewer, id)],
	}
	if a.Viewer.Blocking {
		a.Hidden, a.FollowsHidden = true, true
		return a
	}
	a.Bio, a.Links = p.Bio, p.Links
	if a.Links == nil {
		a.Links = []account.Link{}
	}
	a.Followers, a.Following = len(w.list(viewer, id, 1)), len(w.list(viewer, id, 0))
	if viewer == id {
		a.Own = &readmodels.OwnAccount{Email: a.Handle + "@example.org", Roles: []string{account.Member}, Settings: account.DefaultSettings()}
	}
	return a
}

// list are those on the other side of id's follows, newest first, that viewer
// may see.
func (w *peopleWorld) list(viewer, id uuid.UUID, side int) []uuid.UUID {
	all := []uuid.UUID{}
	for _, f := range slices.Backward(w.follows) {
		other := f[1-side]
		if f[side] == id && !w.blocks[[2]uuid.UUID{viewer, other}] && !w.blocks[[2]uuid.UUID{other, viewer}] {
			all = append(all, other)
		}
	}
	return all
}

// A7, S4, F8, invariants 5 and 11: the tables show what a naive fold of the log
// shows, to each viewer, and after crashes as well.
func TestPeopleTables(t *testing.T) {
	t.Parallel()
	for seed := range uint64(3) {
		w := newPeopleWorld(t, seed)
		g := newPlace(t)
		projectiontest.Fold(t, projectiontest.Config(projections.Tables(feeds), w.log, w.codec, g))
		must(t, readmodels.NewTables(g).Read(t.Context(), func(r readmodels.Reader) error {
			for _, id := range w.people {
				for _, viewer := range append([]uuid.UUID{uuid.Nil}, w.people...) {
					w.checkAccount(r, viewer, id)
					w.checkList(r, viewer, id, 1, readmodels.Followers)
					w.checkList(r, viewer, id, 0, readmodels.Followees)
				}
				w.checkSessions(r, id)
			}
			return nil
		}))
		projectiontest.Check(t, projections.Tables(feeds), w.codec, w.log, newPlace, seed)
	}
}

func (w *peopleWorld) checkAccount(r readmodels.Reader, viewer, id uuid.UUID) {
	w.t.Helper()
	want := w.account(viewer, id)
	got, err := readmodels.AccountByID(w.t.Context(), r, viewer, id)
	if want == nil {
		if !errors.Is(err, fault.ErrNotFound) {
			w.t.Errorf("%s sees %s: %v", viewer, id, err)
		}
		return
	}
	must(w.t, err)
	got.CreatedAt, got.Version = time.Time{}, ""
	if diff := cmp.Diff(*want, got); diff != "" {
		w.t.Errorf("%s sees %s: %s", viewer, id, diff)
	}
}

func (w *peopleWorld) checkList(r readmodels.Reader, viewer, id uuid.UUID, side int, query func(ctx context.Context, r readmodels.Reader, viewer, of uuid.UUID, before uint64, limit int) ([]readmodels.Related, error)) {
	w.t.Helper()
	got := []uuid.UUID{}
	var before uint64
	for { // pages of two
		rows, err := query(w.t.Context(), r, viewer, id, before, 2)
		must(w.t, err)
		for _, row := range rows[:min(2, len(rows))] {
			got, before = append(got, row.ID), row.Position
		}
		if len(rows) <= 2 {
			break
		}
	}
	if diff := cmp.Diff(w.list(viewer, id, side), got); diff != "" {
		w.t.Errorf("%s lists %s: %s", viewer, id, diff)
	}
}

func (w *peopleWorld) checkSessions(r readmodels.Reader, id uuid.UUID) {
	w.t.Helper()
	var got []uuid.UUID
	var after *readmodels.SessionKey
	for {
		rows, err := readmodels.Sessions(w.t.Context(), r, id, w.clock, after, 2)
		must(w.t, err)
		for _, row := range rows[:min(2, len(rows))] {
			key := row.Key()
			got, after = append(got, row.ID), &key
		}
		if len(rows) <= 2 {
			break
		}
	}
	slices.Reverse(got)
	if diff := cmp.Diff(append([]uuid.UUID(nil), w.sessions[id]...), got); diff != "" {
		w.t.Errorf("sessions of %s: %s", id, diff)
	}
	later, err := readmodels.Sessions(w.t.Context(), r, id, w.clock.Add(2*time.Hour), nil, 10)
	if must(w.t, err); len(later) > 0 {
		w.t.Errorf("%d sessions live for ever", len(later))
	}
}

// Q9, invariant 9: a log whose key is gone shows an account without words.
func TestErasedAccountTables(t *testing.T) {
	t.Parallel()
	w := newPeopleWorld(t, 9)
	gone := w.people[0]
	must(t, w.ring.Destroy(t.Context(), gone))
	g := newPlace(t)
	projectiontest.Fold(t, projectiontest.Config(projections.Tables(feeds), w.log, w.codec, g))
	must(t, readmodels.NewTables(g).Read(t.Context(), func(r readmodels.Reader) error {
		a, err := readmodels.AccountByID(t.Context(), r, gone, gone)
		must(t, err)
		if a.Handle+a.DisplayName+a.Bio+a.Own.Email != "" || len(a.Links) > 0 {
			t.Errorf("%+v %+v", a, a.Own)
		}
		rows, err := readmodels.Sessions(t.Context(), r, gone, w.clock, nil, 10)
		must(t, err)
		for _, row := range rows {
			if row.Device+row.Network != "" {
				t.Errorf("%+v", row)
			}
		}
		return nil
	}))
}

// Summaries are loaded by ids, each once, in one query for many.
func TestSummaries(t *testing.T) {
	t.Parallel()
	w := newPeopleWorld(t, 5)
	g := newPlace(t)
	projectiontest.Fold(t, projectiontest.Config(projections.Tables(feeds), w.log, w.codec, g))
	must(t, readmodels.NewTables(g).Read(t.Context(), func(r readmodels.Reader) error {
		ids := append(slices.Repeat(w.people, 200), uuid.Nil, uuid.New())
		got, err := readmodels.Summaries(t.Context(), r, ids...)
		must(t, err)
		if len(got) != len(w.people) || got[w.people[3]].Handle != "p3" {
			t.Errorf("%v", got)
		}
		none, err := readmodels.Summaries(t.Context(), r)
		if must(t, err); len(none) != 0 {
			t.Errorf("%v", none)
		}
		return nil
	}))
}

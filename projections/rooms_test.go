package projections_test

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/parleyhq/parley/commands"
	"github.com/parleyhq/parley/commands/passwords"
	"github.com/parleyhq/parley/domain"
	"github.com/parleyhq/parley/domain/account"
	"github.com/parleyhq/parley/domain/chat"
	"github.com/parleyhq/parley/domain/event"
	"github.com/parleyhq/parley/domain/notification"
	"github.com/parleyhq/parley/infra/keyring"
	"github.com/parleyhq/parley/projections"
	"github.com/parleyhq/parley/projections/projectiontest"
	"github.com/parleyhq/parley/readmodels"
)

// chatWorld is people who do random things in rooms, through commands, on a
// log in memory.
type chatWorld struct {
	t      *testing.T
	log    *projectiontest.Log
	codec  *event.Codec
	c      *commands.Commands
	random *rand.Rand
	people []uuid.UUID
	rooms  []uuid.UUID
}

func newChatWorld(t *testing.T, seed uint64, people int) *chatWorld {
	t.Helper()
	ring, err := keyring.Open(filepath.Join(t.TempDir(), "keys.db"), make([]byte, keyring.KeySize))
	must(t, err)
	t.Cleanup(func() { _ = ring.Close() })
	catalogue, err := domain.Catalogue()
	must(t, err)
	w := &chatWorld{t: t, log: projectiontest.NewLog(), codec: event.NewCodec(catalogue, ring), random: rand.New(rand.NewPCG(seed, 1))} //nolint:gosec // a repeatable test
	cfg := commands.Defaults()
	cfg.PasswordCost = passwords.Cost{Memory: 64, Time: 1, Threads: 1}
	clock := time.UnixMilli(1_700_000_000_000).UTC()
	cfg.Now = func() time.Time { clock = clock.Add(time.Millisecond); return clock }
	w.c, err = commands.New(cfg, commands.Deps{Store: w.log, Codec: w.codec, Keyring: ring, Log: slog.New(slog.DiscardHandler)})
	must(t, err)
	t.Cleanup(func() { w.c.Close(context.Background()) })
	for range people {
		id := uuid.Must(uuid.NewV7())
		must(t, ring.EnsureAccount(t.Context(), id))
		w.append(account.Stream(id), event.NoStream, account.Registered{Handle: id.String()[:8]})
		w.people = append(w.people, id)
	}
	return w
}

func (w *chatWorld) append(stream string, at event.Expected, data event.Data) {
	w.t.Helper()
	id := uuid.Must(uuid.NewV7())
	typ, stored, err := w.codec.Encode(w.t.Context(), stream, id, data)
	must(w.t, err)
	_, err = w.log.Append(w.t.Context(), stream, at, []event.Event{{ID: id, Type: typ, Time: time.UnixMilli(1), Data: stored}})
	must(w.t, err)
}

func (w *chatWorld) person() commands.Actor {
	return commands.Actor{Account: w.people[w.random.IntN(len(w.people))]}
}

// act does one random thing; being refused is as good as being heard.
func (w *chatWorld) act() {
	ctx, c, by, other := w.t.Context(), w.c, w.person(), w.person()
	if len(w.rooms) == 0 || w.random.IntN(60) == 0 {
		history := w.random.IntN(2) == 0
		kind, members := chat.Group, w.people[:w.random.IntN(len(w.people))]
		if w.random.IntN(4) == 0 {
			kind, members = chat.Direct, []uuid.UUID{other.Account}
		}
		if opened, err := c.OpenRoom(ctx, by, commands.OpenRoom{Kind: kind, Members: members, History: &history}); err == nil && opened.Created {
			w.rooms = append(w.rooms, opened.Room)
		}
		return
	}
	room := w.rooms[w.random.IntN(len(w.rooms))]
	newest, err := c.RoomNewest(ctx, room)
	must(w.t, err)
	number := 1 + w.random.Uint64N(newest+1)
	switch n := w.random.IntN(100); {
	case n < 45:
		_, _ = c.SendMessage(ctx, by, commands.SendMessage{Room: room, Text: fmt.Sprint("text ", n), ClientID: []string{"", "a", "b"}[n%3], ReplyTo: number * uint64(n%2)})
	case n < 52:
		_, _ = c.EditMessage(ctx, by, commands.EditMessage{Room: room, Number: number, Text: fmt.Sprint("edited ", n)})
	case n < 62:
		_, _ = c.DeleteMessage(ctx, by, room, number, nil)
	case n < 72:
		_, _ = c.ReactToMessage(ctx, by, room, number, []string{"like", "sad"}[n%2], n < 69)
	case n < 88:
		_, _, _ = c.ReadRoom(ctx, by, room, number)
	case n < 91:
		_, _ = c.RemoveFromRoom(ctx, by, room, other.Account)
	case n < 93:
		_, _ = c.SetRoomRole(ctx, by, room, other.Account, []chat.Role{chat.Owner, chat.Admin, chat.Plain}[n%3])
	case n < 94:
		name := fmt.Sprint("name ", number)
		_, _ = c.ChangeRoom(ctx, by, room, chat.Settings{Name: &name}, nil)
	default:
		w.join(room, by.Account)
	}
}

// join brings somebody into a group, as accepting an invite does.
func (w *chatWorld) join(room, account uuid.UUID) {
	r := chat.NewRoom(10)
	var last event.Expected
	for rec, err := range w.log.Stream(w.t.Context(), chat.Stream(room), 0, event.Forward) {
		must(w.t, err)
		d, err := w.codec.Decode(w.t.Context(), rec)
		must(w.t, err)
		r.Apply(d)
		last = event.At(rec.Revision)
	}
	if events, err := r.Join(chat.Joined{Account: account}, 50); err == nil && len(events) == 1 {
		w.append(chat.Stream(room), last, events[0])
	}
}

// seenRoom is what a member sees of a room, computed the slow way.
type seenRoom struct {
	Role             chat.Role
	Members, Unread  int
	ReadUpTo, Newest uint64
	Name             string
	Messages         []readmodels.Message
}

// model folds the log naively: for each room and member what they see.
func (w *chatWorld) model() map[uuid.UUID]map[uuid.UUID]seenRoom {
	type member struct {
		role        chat.Role
		since, read uint64
	}
	type room struct {
		history  bool
		name     string
		members  map[uuid.UUID]*member
		messages []readmodels.Message
		reacted  map[string]bool
	}
	rooms := map[uuid.UUID]*room{}
	for rec, err := range w.log.All(w.t.Context(), 0, event.Filter{Categories: []string{"chat", "receipt"}}) {
		must(w.t, err)
		d, err := w.codec.Decode(w.t.Context(), rec)
		must(w.t, err)
		if e, ok := d.Payload.(chat.Read); ok {
			if m := rooms[e.Room].members[e.Account]; m != nil {
				m.read = max(m.read, e.Number)
			}
			continue
		}
		id := uuid.MustParse(event.StreamID(rec.Stream))
		r, n := rooms[id], rec.Revision+1
		find := func(number uint64) *readmodels.Message {
			for i := range r.messages {
				if r.messages[i].Number == number {
					return &r.messages[i]
				}
			}
			w.t.Fatalf("no message %d", number)
			return nil
		}
		react := func(number uint64, by uuid.UUID, kind string, by1 int) {
			m, key := find(number), fmt.Sprint(number, by, kind)
			if r.reacted[key] == (by1 > 0) || m.Deleted {
				w.t.Fatalf("reaction %s twice", key)
			}
			r.reacted[key] = by1 > 0
			if m.Reactions == nil {
				m.Reactions = map[string]int{}
			}
			if m.Reactions[kind] += by1; m.Reactions[kind] == 0 {
				delete(m.Reactions, kind)
			}
		}
		switch e := d.Payload.(type) {
		case chat.RoomCreated:
			r = &room{history: e.History, members: map[uuid.UUID]*member{}, reacted: map[string]bool{}}
			rooms[id] = r
			for _, a := range e.Members {
				r.members[a] = &member{role: chat.Plain, since: n, read: n}
			}
			if e.Kind == chat.Group {
				r.members[e.By].role = chat.Owner
			}
		case chat.SettingsChanged:
			r.name = *e.Name
		case chat.Joined:
			r.members[e.Account] = &member{role: chat.Plain, since: n, read: n}
		case chat.Left:
			delete(r.members, e.Account)
		case chat.Removed:
			delete(r.members, e.Account)
		case chat.RoleChanged:
			r.members[e.Account].role = e.Role
		case chat.MessageSent:
			r.messages = append(r.messages, readmodels.MessageSent(id, n, rec.ID, rec.Time, e))
		case chat.MessageEdited:
			m := find(e.Number)
			m.Text, m.Mentions, m.EditedAt, m.Changed = e.Text, e.Mentions, rec.Time, n
		case chat.MessageDeleted:
			m := find(e.Number)
			m.Text, m.Mentions, m.Deleted, m.Reactions, m.Changed = "", nil, true, nil, n
		case chat.ReactionAdded:
			react(e.Number, e.Account, e.Kind, 1)
		case chat.ReactionRemoved:
			react(e.Number, e.Account, e.Kind, -1)
		}
	}
	seen := map[uuid.UUID]map[uuid.UUID]seenRoom{}
	for id, r := range rooms {
		seen[id] = map[uuid.UUID]seenRoom{}
		for a, m := range r.members {
			s := seenRoom{Role: m.role, Members: len(r.members), ReadUpTo: m.read, Name: r.name}
			for _, msg := range r.messages {
				if len(msg.Reactions) == 0 {
					msg.Reactions = nil
				}
				if r.history || msg.Number > m.since {
					s.Messages = append(s.Messages, msg)
					s.Newest = msg.Number
				}
				if msg.Number > m.read && msg.Sender != a && !msg.Deleted {
					s.Unread++
				}
			}
			seen[id][a] = s
		}
	}
	return seen
}

// C1, C5, C6, C7, invariant 5: whatever happens in rooms, the tables show
// what a naive fold of the log shows, and they do so after crashes as well.
func TestRoomsTables(t *testing.T) {
	t.Parallel()
	for seed := range uint64(4) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			w := newChatWorld(t, seed, 6)
			for range 800 {
				w.act()
			}
			g := newPlace(t)
			projectiontest.Fold(t, projectiontest.Config(projections.Tables(feeds), w.log, w.codec, g))
			must(t, readmodels.NewTables(g).Read(t.Context(), func(r readmodels.Reader) error {
				for room, members := range w.model() {
					for member, want := range members {
						if d := cmp.Diff(want, readRoom(t, r, member, room)); d != "" {
							t.Errorf("room %s as %s sees it: (-want +got)\n%s", room, member, d)
						}
					}
				}
				return nil
			}))
			projectiontest.Check(t, projections.Tables(feeds), w.codec, w.log, newPlace, seed)
		})
	}
}

// readRoom is what the tables say, read by small pages.
func readRoom(t *testing.T, r readmodels.Reader, viewer, id uuid.UUID) seenRoom {
	t.Helper()
	room, ok, err := readmodels.RoomOf(t.Context(), r, viewer, id)
	must(t, err)
	if !ok {
		t.Fatalf("no room %s for %s", id, viewer)
	}
	got := seenRoom{Role: room.Role, Members: room.Members, Unread: room.Unread, ReadUpTo: room.ReadUpTo, Name: room.Name}
	visible := readmodels.MessageRange{First: room.Since, Limit: 7}
	if room.History {
		visible.First = 1
	}
	for {
		page, err := readmodels.MessagesOf(t.Context(), r, id, visible)
		must(t, err)
		got.Messages = append(page, got.Messages...)
		if len(page) < visible.Limit {
			break
		}
		visible.Before = page[0].Number
	}
	if room.LastMessage != nil {
		got.Newest = room.LastMessage.Number
		if d := cmp.Diff(got.Messages[len(got.Messages)-1], *room.LastMessage); d != "" {
			t.Errorf("last message: %s", d)
		}
	}
	return got
}

// C6: pages either way around a number.
func TestMessagePages(t *testing.T) {
	t.Parallel()
	w := newChatWorld(t, 1, 2)
	alice := commands.Actor{Account: w.people[0]}
	opened, err := w.c.OpenRoom(t.Context(), alice, commands.OpenRoom{Kind: chat.Group, Members: w.people})
	must(t, err)
	for i := range 20 { // numbers 2 … 21
		_, err := w.c.SendMessage(t.Context(), alice, commands.SendMessage{Room: opened.Room, Text: fmt.Sprint(i)})
		must(t, err)
	}
	g := newPlace(t)
	projectiontest.Fold(t, projectiontest.Config(projections.Tables(feeds), w.log, w.codec, g))
	for name, c := range map[string]struct {
		page     readmodels.MessageRange
		from, to uint64
	}{
		"newest":            {readmodels.MessageRange{Limit: 5}, 17, 21},
		"before":            {readmodels.MessageRange{Before: 10, Limit: 5}, 5, 9},
		"before the first":  {readmodels.MessageRange{Before: 4, Limit: 5}, 2, 3},
		"after":             {readmodels.MessageRange{After: 10, Limit: 5}, 11, 15},
		"after the last":    {readmodels.MessageRange{After: 19, Limit: 5}, 20, 21},
		"around":            {readmodels.MessageRange{Around: 10, Limit: 5}, 8, 12},
		"around, even":      {readmodels.MessageRange{Around: 10, Limit: 4}, 8, 11},
		"around one":        {readmodels.MessageRange{Around: 10, Limit: 1}, 10, 10},
		"around the first":  {readmodels.MessageRange{Around: 2, Limit: 5}, 2, 6},
		"around the last":   {readmodels.MessageRange{Around: 21, Limit: 5}, 17, 21},
		"around far beyond": {readmodels.MessageRange{Around: 1 << 63, Limit: 5}, 17, 21},
		"before far beyond": {readmodels.MessageRange{Before: 1<<64 - 1, Limit: 5}, 17, 21},
		"first visible":     {readmodels.MessageRange{First: 20, Limit: 5}, 20, 21},
		"none visible":      {readmodels.MessageRange{First: 30, Limit: 5}, 0, 0},
		"after far beyond":  {readmodels.MessageRange{After: 1<<64 - 1, Limit: 5}, 0, 0},
	} {
		must(t, readmodels.NewTables(g).Read(t.Context(), func(r readmodels.Reader) error {
			page, err := readmodels.MessagesOf(t.Context(), r, opened.Room, c.page)
			var got, want []uint64
			for _, m := range page {
				got = append(got, m.Number)
			}
			for n := c.from; n > 0 && n <= c.to; n++ {
				want = append(want, n)
			}
			if d := cmp.Diff(want, got); d != "" {
				t.Errorf("%s: (-want +got)\n%s", name, d)
			}
			return err
		}))
	}
}

// N2: grouping, counts and "read up to", against a naive fold.
func TestInboxTables(t *testing.T) {
	t.Parallel()
	for seed := range uint64(4) {
		w := newChatWorld(t, seed, 2)
		reader := commands.Actor{Account: w.people[0]}
		actors := append(w.people, uuid.Nil, uuid.Must(uuid.NewV7()))
		subjects := []uuid.UUID{uuid.Must(uuid.NewV7()), uuid.Must(uuid.NewV7()), uuid.Must(uuid.NewV7())}
		kinds := []notification.Kind{notification.PostReaction, notification.Reply}
		type entry struct {
			readmodels.Notification
			group string
		}
		var all []entry
		var newest, read uint64
		for i := range uint64(150) {
			if w.random.IntN(12) == 0 {
				up, out, err := w.c.ReadNotifications(t.Context(), reader, w.random.Uint64N(newest+3))
				must(t, err)
				if out.Changed {
					newest++
				}
				read = up
				continue
			}
			n := notification.Notified{
				Kind: kinds[w.random.IntN(2)], Actor: actors[w.random.IntN(4)],
				Subject: notification.Subject{Type: "post", ID: subjects[w.random.IntN(3)]},
				Cause:   notification.Cause{Epoch: projectiontest.Epoch, Position: i + 1},
			}
			out, err := w.c.Notify(t.Context(), commands.Notify{Recipient: reader.Account, Telling: notification.Telling{Entry: n}})
			must(t, err)
			newest++
			all = append(all, entry{readmodels.Notification{
				Number: newest, Kind: n.Kind, Actor: n.Actor, Subject: n.Subject, CreatedAt: out.At, Actors: 1,
			}, fmt.Sprint(n.Kind, n.Subject.ID)})
		}
		var want []readmodels.Notification
		unread := 0
		people := map[string]map[uuid.UUID]bool{}
		for _, e := range all {
			if e.Number > read {
				if people[e.group] == nil {
					people[e.group] = map[uuid.UUID]bool{}
				}
				people[e.group][e.Actor] = true
				unread++
			}
		}
		shown := map[string]bool{}
		for _, e := range slices.Backward(all) {
			n := e.Notification
			if n.Read = n.Number <= read; !n.Read {
				if shown[e.group] {
					continue
				}
				shown[e.group] = true
				n.Actors = len(slices.Collect(maps.Keys(people[e.group])))
			}
			want = append(want, n)
		}
		g := newPlace(t)
		projectiontest.Fold(t, projectiontest.Config(projections.Tables(feeds), w.log, w.codec, g))
		must(t, readmodels.NewTables(g).Read(t.Context(), func(r readmodels.Reader) error {
			state, err := readmodels.InboxOf(t.Context(), r, reader.Account)
			if state.ReadUpTo != read || state.Unread != unread || err != nil {
				t.Errorf("seed %d: inbox %+v, %v; want %d unread after %d", seed, state, err, unread, read)
			}
			var got []readmodels.Notification
			for before := uint64(0); ; before = got[len(got)-1].Number {
				page, err := readmodels.NotificationsOf(t.Context(), r, reader.Account, before, 7)
				must(t, err)
				if got = append(got, page...); len(page) < 7 {
					break
				}
			}
			if d := cmp.Diff(want, got); d != "" {
				t.Errorf("seed %d: (-want +got)\n%s", seed, d)
			}
			return nil
		}))
	}
}

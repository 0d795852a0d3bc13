package acceptance

import (
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/parleyhq/parley/cmd/acceptance/harness"
)

type body = map[string]any

// group makes a group of owner and others.
func group(owner *harness.Client, others ...*harness.Client) (room string) {
	ids := []string{}
	for _, o := range others {
		ids = append(ids, o.Account.ID)
	}
	id := owner.Post("/v1/rooms", body{"kind": "group", "name": "us", "members": ids}).Want(201).ID()
	seeing(owner, others...)
	return id
}

// seeing lets others see what the first one has written.
func seeing(writer *harness.Client, others ...*harness.Client) {
	for _, o := range others {
		o.Position = writer.Position
	}
}

// C1: one direct room for each pair, whoever asks, however often.
func TestC1_DirectRooms(t *testing.T) {
	t.Parallel()
	s := harness.Start(t)
	alice, bob, carol := s.NewPerson("alice"), s.NewPerson("bob"), s.NewPerson("carol")
	made := alice.Post("/v1/rooms", body{"kind": "direct", "members": []string{bob.Account.ID}}).Want(201)
	room := made.ID()
	if id, err := uuid.Parse(room); err != nil || id.Version() != 8 {
		t.Errorf("id of a direct room: %s, %v", room, err)
	}
	want := body{
		"id": room, "kind": "direct", "name": nil, "avatar": nil, "emoji": nil, "history": true, "members": 2.0,
		"lastMessage": nil, "unread": 0.0, "readUpTo": 1.0,
		"me": body{"role": "member", "theme": nil, "nickname": nil, "notifications": "on", "mutedUntil": nil, "pinned": false},
	}
	got := made.Map()
	if peer, _ := got["peer"].(body); peer["id"] != bob.Account.ID {
		t.Errorf("peer: %v", got["peer"])
	}
	delete(got, "peer")
	delete(got, "createdAt")
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("(-want +got)\n%s", d)
	}
	seeing(alice, bob)
	for _, c := range []*harness.Client{alice, bob} {
		other := map[string]string{alice.Account.ID: bob.Account.ID, bob.Account.ID: alice.Account.ID}[c.Account.ID]
		again := c.Post("/v1/rooms", body{"kind": "direct", "members": []string{other}}).Want(200)
		if again.ID() != room {
			t.Errorf("another room: %s", again)
		}
	}
	carol.Get("/v1/rooms/"+room).Want(404, "not_found")
	bob.Patch("/v1/rooms/"+room, body{"emoji": "🦜"}).Want(200)
	if got := bob.Get("/v1/rooms/" + room).Want(200).Map(); got["emoji"] != "🦜" {
		t.Errorf("both may change it: %v", got)
	}
	bob.Delete("/v1/rooms/"+room+"/members/"+bob.Account.ID).Want(403, "auth.forbidden")
	bob.Put("/v1/rooms/"+room+"/members/"+alice.Account.ID, body{"role": "admin"}).Want(403)

	for name, c := range map[string]struct {
		members []string
		status  int
		slug    string
	}{
		"oneself": {[]string{alice.Account.ID}, 422, "account.self"},
		"nobody":  {[]string{}, 422, "request.invalid"},
		"two":     {[]string{bob.Account.ID, carol.Account.ID}, 422, "request.invalid"},
		"unknown": {[]string{uuid.NewString()}, 404, "not_found"},
		"no id":   {[]string{"bob"}, 422, "request.invalid"},
	} {
		if a := alice.Post("/v1/rooms", body{"kind": "direct", "members": c.members}); a.Status != c.status || a.Error != c.slug {
			t.Errorf("%s: %s", name, a)
		}
	}
}

// C1: two who open their room at the same moment meet in one.
func TestC1_DirectRoomIsOneUnderConcurrency(t *testing.T) {
	t.Parallel()
	s := harness.Start(t)
	alice, bob := s.NewPerson("alice"), s.NewPerson("bob")
	var mu sync.Mutex
	rooms, made := map[string]int{}, 0
	var all sync.WaitGroup
	for i := range 16 {
		by, other := alice, bob
		if i%2 == 0 {
			by, other = bob, alice
		}
		c := s.Client()
		c.Token, c.Position = by.Token, by.Position
		all.Go(func() {
			a := c.Post("/v1/rooms", body{"kind": "direct", "members": []string{other.Account.ID}})
			mu.Lock()
			defer mu.Unlock()
			rooms[fmt.Sprint(a.Map()["id"])]++
			if a.Status == 201 {
				made++
			} else if a.Status != 200 {
				t.Error(a)
			}
		})
	}
	all.Wait()
	if len(rooms) != 1 || made != 1 {
		t.Errorf("%d were made: %v", made, rooms)
	}
}

// C1: across a block there is nobody to meet, and a direct room takes no more
// messages; groups go on.
func TestC1_Blocks(t *testing.T) {
	t.Parallel()
	s := harness.Start(t)
	alice, bob, carol := s.NewPerson("alice"), s.NewPerson("bob"), s.NewPerson("carol")
	direct := alice.Post("/v1/rooms", body{"kind": "direct", "members": []string{bob.Account.ID}}).Want(201).ID()
	shared := group(alice, bob)
	bob.Put("/v1/accounts/"+alice.Account.ID+"/block", nil).Want(204)
	seeing(bob, alice, carol)
	for _, c := range []*harness.Client{alice, bob} {
		other := map[string]string{alice.Account.ID: bob.Account.ID, bob.Account.ID: alice.Account.ID}[c.Account.ID]
		c.Post("/v1/rooms", body{"kind": "direct", "members": []string{other}}).Want(404, "not_found")
		c.Post("/v1/rooms", body{"kind": "group", "members": []string{carol.Account.ID, other}}).Want(404, "not_found")
		c.Post("/v1/rooms/"+direct+"/messages", body{"text": "hi"}).Want(404, "not_found")
		c.Post("/v1/rooms/"+shared+"/messages", body{"text": "hi"}).Want(201)
		c.Get("/v1/rooms/" + direct + "/messages").Want(200)
	}
	bob.Delete("/v1/accounts/" + alice.Account.ID + "/block").Want(204)
	seeing(bob, alice)
	alice.Post("/v1/rooms/"+direct+"/messages", body{"text": "hi"}).Want(201)
}

// C1: members, roles, leaving, removing, handing over; bad input of each.
func TestC1_Groups(t *testing.T) {
	t.Parallel()
	s := harness.Start(t, harness.Flags("--room-members=4"))
	alice, bob, carol, dave, eve := s.NewPerson("alice"), s.NewPerson("bob"), s.NewPerson("carol"), s.NewPerson("dave"), s.NewPerson("eve")
	ids := func(all ...*harness.Client) (list []string) {
		for _, c := range all {
			list = append(list, c.Account.ID)
		}
		return list
	}
	alice.Post("/v1/rooms", body{"kind": "group", "members": ids(bob, carol, dave, eve)}).Want(422, "room.too_many_members")
	for name, in := range map[string]body{
		"kind":   {"kind": "crowd"},
		"name":   {"kind": "group", "name": strings.Repeat("n", 101)},
		"emoji":  {"kind": "group", "emoji": strings.Repeat("e", 17)},
		"avatar": {"kind": "group", "avatar": uuid.NewString()},
	} {
		a := alice.Post("/v1/rooms", in).Want(422)
		if len(a.Details) != 1 || a.Details[0].Field != name {
			t.Errorf("%s: %s", name, a)
		}
	}
	alice.Post("/v1/rooms", body{"kind": "group", "name": "a\nb"}).Want(422, "text.invalid")
	room := alice.Post("/v1/rooms", body{"kind": "group", "name": "us", "members": append(ids(bob, carol, dave, bob), alice.Account.ID)}).Want(201).ID()
	seeing(alice, bob, carol, dave, eve)
	path := "/v1/rooms/" + room

	roles := func(by *harness.Client) (list []string) {
		for _, m := range by.Get(path + "/members").Want(200).Items() {
			list = append(list, fmt.Sprint(m["account"].(body)["displayName"], " ", m["role"], " ", m["readUpTo"], " ", m["nickname"]))
		}
		return list
	}
	has := func(by *harness.Client, want ...string) {
		t.Helper()
		got := map[string]bool{}
		for _, line := range roles(by) {
			name, rest, _ := strings.Cut(line, " ")
			got[name+" "+strings.Fields(rest)[0]] = true
		}
		expected := map[string]bool{}
		for _, w := range want {
			expected[w] = true
		}
		if d := cmp.Diff(expected, got); d != "" {
			t.Errorf("members (-want +got)\n%s", d)
		}
	}
	has(alice, "alice owner", "bob member", "carol member", "dave member")
	first := alice.Get(path + "/members?limit=3").Want(200)
	second := alice.Get(path + "/members?limit=3&cursor=" + first.Next()).Want(200)
	if len(first.Items()) != 3 || len(second.Items()) != 1 || second.Next() != "" || first.Header.Get("Link") == "" {
		t.Errorf("pages of members: %s %s", first, second)
	}

	bob.Put(path+"/members/"+carol.Account.ID, body{"role": "admin"}).Want(403)
	bob.Patch(path, body{"name": "x"}).Want(403)
	bob.Patch(path, body{"name": 7}).Want(403) // what is hidden stays hidden, what is wrong comes later
	bob.Delete(path + "/members/" + carol.Account.ID).Want(403)
	if got := alice.Put(path+"/members/"+bob.Account.ID, body{"role": "admin"}).Want(200).Map(); got["role"] != "admin" {
		t.Errorf("a member: %v", got)
	}
	seeing(alice, bob)
	alice.Put(path+"/members/"+bob.Account.ID, body{"role": "king"}).Want(422)
	alice.Put(path+"/members/"+bob.Account.ID, body{}).Want(422)
	alice.Put(path+"/members/"+eve.Account.ID, body{"role": "member"}).Want(404)
	alice.Put(path+"/members/nobody", body{"role": "member"}).Want(404)
	eve.Put(path+"/members/"+bob.Account.ID, body{"role": "king"}).Want(404)
	bob.Put(path+"/members/"+carol.Account.ID, body{"role": "admin"}).Want(403)
	bob.Delete(path + "/members/" + alice.Account.ID).Want(403)
	bob.Delete(path + "/members/" + dave.Account.ID).Want(204)
	bob.Delete(path + "/members/" + dave.Account.ID).Want(204)
	seeing(bob, alice, dave, carol)
	dave.Get(path).Want(404)
	dave.Delete(path + "/members/" + dave.Account.ID).Want(404)

	alice.Delete(path+"/members/"+alice.Account.ID).Want(409, "room.owner_must_transfer")
	alice.Put(path+"/members/"+alice.Account.ID, body{"role": "member"}).Want(409, "room.owner_must_transfer")
	alice.Put(path+"/members/"+carol.Account.ID, body{"role": "owner"}).Want(200)
	has(alice, "alice admin", "bob admin", "carol owner")
	alice.Delete(path + "/members/" + alice.Account.ID).Want(204)
	seeing(alice, carol, bob)
	has(carol, "bob admin", "carol owner")
	carol.Delete(path + "/members/" + bob.Account.ID).Want(204)
	carol.Delete(path + "/members/" + carol.Account.ID).Want(204)
	carol.Get(path).Want(404)
	if left := carol.Get("/v1/rooms").Want(200).Items(); len(left) != 0 {
		t.Errorf("rooms left: %v", left)
	}
	s.Client().Get("/v1/rooms").Want(401, "auth.missing")
	alice.Get("/v1/rooms/17").Want(404)
}

// C3: name, avatar and emoji are everybody's; ETag and If-Match.
func TestC3_SharedSettings(t *testing.T) {
	t.Parallel()
	s := harness.Start(t)
	alice, bob := s.NewPerson("alice"), s.NewPerson("bob")
	room := group(alice, bob)
	path := "/v1/rooms/" + room
	old := alice.Get(path).Want(200).Header.Get("ETag")
	a := alice.Patch(path, body{"name": "the parrots", "emoji": "🦜", "avatar": nil, "kind": "direct"}, harness.Header{Name: "If-Match", Value: old}).Want(200)
	if got := a.Map(); got["name"] != "the parrots" || got["emoji"] != "🦜" || got["kind"] != "group" || a.Header.Get("ETag") == old {
		t.Errorf("changed: %s, %s", a, a.Header.Get("ETag"))
	}
	seeing(alice, bob)
	if got := bob.Get(path).Want(200).Map(); got["name"] != "the parrots" {
		t.Errorf("another sees %v", got)
	}
	alice.Patch(path, body{"name": "x"}, harness.Header{Name: "If-Match", Value: old}).Want(412)
	alice.Patch(path, body{"name": "x"}, harness.Header{Name: "If-Match", Value: "x"}).Want(400)
	alice.Patch(path, body{"name": nil}).Want(200)
	if got := alice.Get(path).Want(200).Map(); got["name"] != nil || got["emoji"] != "🦜" {
		t.Errorf("cleared: %v", got)
	}
	alice.Patch(path, body{"avatar": uuid.NewString()}).Want(422, "image.unknown")
	alice.Patch(path, body{"name": strings.Repeat("n", 101)}).Want(422, "request.invalid")
	alice.Patch(path, body{"name": "a\nb"}).Want(422, "text.invalid")
	alice.Patch(path, "{").Want(400)
}

// C1: one's rooms come with the newest activity first, by pages.
func TestC1_ListOfRooms(t *testing.T) {
	t.Parallel()
	s := harness.Start(t)
	alice, bob := s.NewPerson("alice"), s.NewPerson("bob")
	var rooms []string
	for range 5 {
		rooms = append(rooms, group(alice, bob))
	}
	bob.Post("/v1/rooms/"+rooms[1]+"/messages", body{"text": "up"}).Want(201)
	seeing(bob, alice)
	want := []string{rooms[1], rooms[4], rooms[3], rooms[2], rooms[0]}
	var got []string
	for path := "/v1/rooms?limit=2"; ; {
		a := alice.Get(path).Want(200)
		for _, r := range a.Items() {
			got = append(got, r["id"].(string))
		}
		if a.Next() == "" {
			break
		}
		path = "/v1/rooms?limit=2&cursor=" + a.Next()
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("(-want +got)\n%s", d)
	}
	top := alice.Get("/v1/rooms?limit=1").Want(200)
	if r := top.Items()[0]; r["unread"] != 1.0 || r["lastMessage"].(body)["text"] != "up" || r["lastMessage"].(body)["sender"].(body)["id"] != bob.Account.ID {
		t.Errorf("the newest: %v", r)
	}
	bob.Get("/v1/rooms?cursor="+top.Next()).Want(400, "list.cursor")
	alice.Get("/v1/rooms?limit=0").Want(422)
	alice.Get("/v1/rooms?limit=101").Want(422)
}

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

// C5: a message, its place, its form, and what is wrong with others.
func TestC5_Send(t *testing.T) {
	t.Parallel()
	s := harness.Start(t)
	alice, bob, eve := s.NewPerson("alice"), s.NewPerson("bob"), s.NewPerson("eve")
	room := group(alice, bob)
	path := "/v1/rooms/" + room + "/messages"
	a := bob.Post(path, body{"text": " hello\nthere 🦜", "clientId": "one", "sender": alice.Account.ID, "number": 99}).Want(201)
	got := a.Map()
	if sender, _ := got["sender"].(body); sender["id"] != bob.Account.ID || sender["handle"] != bob.Account.Handle {
		t.Errorf("the sender is who is signed in: %v", got["sender"])
	}
	if a.Header.Get("Parley-Position") == "" || a.Header.Get("ETag") == "" {
		t.Errorf("headers: %v", a.Header)
	}
	read := bob.Get(path).Want(200).Items()
	if d := cmp.Diff([]body{got}, read); d != "" {
		t.Errorf("what is read differs from what was answered: %s", d)
	}
	for _, field := range []string{"sender", "id", "createdAt"} {
		delete(got, field)
	}
	want := body{
		"number": 2.0, "roomId": room, "text": " hello\nthere 🦜", "images": []any{}, "replyTo": nil, "clientId": "one",
		"editedAt": nil, "deleted": false, "reactions": body{},
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("(-want +got)\n%s", d)
	}
	if n := alice.Post(path, body{"text": strings.Repeat("日", 8000), "replyTo": 2}).Want(201).Map(); n["number"] != 3.0 || n["replyTo"] != 2.0 {
		t.Errorf("an answer: %v", n)
	}
	for name, c := range map[string]struct {
		in    any
		code  int
		slug  string
		field string
	}{
		"empty":             {body{"text": ""}, 422, "request.invalid", "text"},
		"nothing":           {body{}, 422, "request.invalid", "text"},
		"white space":       {body{"text": " \n\t"}, 422, "request.invalid", "text"},
		"too long":          {body{"text": strings.Repeat("日", 8001)}, 422, "request.invalid", "text"},
		"no text":           {body{"text": 5}, 422, "request.invalid", "text"},
		"NUL":               {body{"text": "a\x00b"}, 422, "text.invalid", "text"},
		"reply to none":     {body{"text": "a", "replyTo": 1}, 422, "request.invalid", "replyTo"},
		"reply to later":    {body{"text": "a", "replyTo": 99}, 422, "request.invalid", "replyTo"},
		"reply to 0":        {body{"text": "a", "replyTo": 0}, 422, "request.invalid", "replyTo"},
		"reply to -1":       {body{"text": "a", "replyTo": -1}, 422, "request.invalid", "replyTo"},
		"reply to huge":     {body{"text": "a", "replyTo": uint64(1 << 63)}, 422, "request.invalid", "replyTo"},
		"clientId too long": {body{"text": "a", "clientId": strings.Repeat("c", 65)}, 422, "request.invalid", "clientId"},
		"unknown image":     {body{"text": "a", "images": []string{uuid.NewString()}}, 422, "image.unknown", "images"},
		"image is no id":    {body{"text": "a", "images": []string{"http://x"}}, 422, "request.invalid", "images[0]"},
		"broken":            {`{"text":`, 400, "", ""},
	} {
		a := alice.Post(path, c.in)
		if a.Status != c.code || c.slug != "" && a.Error != c.slug || c.field != "" && (len(a.Details) != 1 || a.Details[0].Field != c.field) {
			t.Errorf("%s: %s", name, a)
		}
	}
	alice.Post(path, body{"text": "a", "clientId": strings.Repeat("日", 64)}).Want(201)
	eve.Post(path, body{"text": ""}).Want(404)
	eve.Get(path).Want(404)
	eve.Get(path + "?limit=0").Want(404)
	alice.Post("/v1/rooms/"+uuid.NewString()+"/messages", body{"text": "a"}).Want(404)
	s.Client().Post(path, body{"text": "a"}).Want(401)
}

// C5: numbers are 1, 2, 3 … without gaps over all that happens, whoever
// writes at the same moment.
func TestC5_NumbersWithoutGaps(t *testing.T) {
	t.Parallel()
	s := harness.Start(t)
	alice, bob := s.NewPerson("alice"), s.NewPerson("bob")
	room := group(alice, bob)
	path := "/v1/rooms/" + room + "/messages"
	const each = 40
	var mu sync.Mutex
	numbers := map[float64]string{}
	var all sync.WaitGroup
	for w, by := range []*harness.Client{alice, bob, alice, bob} {
		c := s.Client()
		c.Token = by.Token
		all.Go(func() {
			for i := range each {
				text := fmt.Sprint(w, " ", i)
				n, _ := c.Post(path, body{"text": text}).Want(201).Map()["number"].(float64)
				mu.Lock()
				numbers[n] = text
				mu.Unlock()
			}
		})
	}
	all.Wait()
	for n := 2.0; n <= 1+4*each; n++ {
		if numbers[n] == "" {
			t.Fatalf("number %v is missing: %d numbers", n, len(numbers))
		}
	}
	last := alice.Post(path, body{"text": "last"}).Want(201)
	seen := map[float64]string{}
	for cursor := ""; ; {
		a := alice.Get(path + "?limit=50&cursor=" + cursor).Want(200)
		for _, m := range a.Items() {
			seen[m["number"].(float64)], _ = m["text"].(string)
		}
		if cursor = a.Next(); cursor == "" {
			break
		}
	}
	numbers[last.Map()["number"].(float64)] = "last"
	if d := cmp.Diff(numbers, seen); d != "" {
		t.Errorf("history (-sent +read)\n%s", d)
	}
}

// C5: a client id makes a resend the same message, for that sender in that
// room, among the newest.
func TestC5_Resend(t *testing.T) {
	t.Parallel()
	s := harness.Start(t, harness.Flags("--resend-memory=20"))
	alice, bob := s.NewPerson("alice"), s.NewPerson("bob")
	room, other := group(alice, bob), group(alice, bob)
	path := "/v1/rooms/" + room + "/messages"
	first := alice.Post(path, body{"text": "first", "clientId": "x"}).Want(201)
	again := alice.Post(path, body{"text": "something else", "clientId": "x"}).Want(200)
	if d := cmp.Diff(first.Map(), again.Map()); d != "" {
		t.Errorf("a resend is the first one: %s", d)
	}
	var made sync.Map
	var all sync.WaitGroup
	for range 12 {
		c := s.Client()
		c.Token = alice.Token
		all.Go(func() {
			a := c.Post(path, body{"text": "at once", "clientId": "y"})
			if a.Status != 200 && a.Status != 201 {
				t.Error(a)
			}
			made.Store(a.Map()["number"], true)
		})
	}
	all.Wait()
	count := 0
	made.Range(func(any, any) bool { count++; return true })
	if count != 1 {
		t.Errorf("%d messages of one client id", count)
	}
	bob.Post(path, body{"text": "mine", "clientId": "x"}).Want(201)
	alice.Post("/v1/rooms/"+other+"/messages", body{"text": "there", "clientId": "x"}).Want(201)
	alice.Patch(path+"/2", body{"text": "edited"}).Want(200)
	if m := alice.Post(path, body{"text": "first", "clientId": "x"}).Want(200).Map(); m["text"] != "edited" || m["number"] != 2.0 {
		t.Errorf("the first one as it stands: %v", m)
	}
	for i := range 20 {
		alice.Post(path, body{"text": "more", "clientId": fmt.Sprint(i)}).Want(201)
	}
	alice.Post(path, body{"text": "long ago", "clientId": "x"}).Want(201)
}

// C5: edit, delete, react, and who may.
func TestC5_EditDeleteReact(t *testing.T) {
	t.Parallel()
	s := harness.Start(t)
	owner, bob, carol, eve := s.NewPerson("owner"), s.NewPerson("bob"), s.NewPerson("carol"), s.NewPerson("eve")
	room := group(owner, bob, carol)
	path := "/v1/rooms/" + room + "/messages"
	sent := bob.Post(path, body{"text": "helo"}).Want(201) // 2
	seeing(bob, owner, carol, eve)
	edited := bob.Patch(path+"/2", body{"text": "hello"}, harness.Header{Name: "If-Match", Value: sent.Header.Get("ETag")}).Want(200)
	if m := edited.Map(); m["text"] != "hello" || m["editedAt"] == nil || m["number"] != 2.0 || m["createdAt"] != sent.Map()["createdAt"] {
		t.Errorf("edited: %v", m)
	}
	bob.Patch(path+"/2", body{"text": "x"}, harness.Header{Name: "If-Match", Value: sent.Header.Get("ETag")}).Want(412)
	bob.Delete(path+"/2", harness.Header{Name: "If-Match", Value: sent.Header.Get("ETag")}).Want(412)
	owner.Patch(path+"/2", body{"text": "x"}).Want(403)
	owner.Patch(path+"/2", body{"text": 7}).Want(403)
	eve.Patch(path+"/2", body{"text": "x"}).Want(404)
	bob.Patch(path+"/1", body{"text": "x"}).Want(404)
	bob.Patch(path+"/99", body{"text": "x"}).Want(404)
	bob.Patch(path+"/two", body{"text": "x"}).Want(404)
	bob.Patch(path+"/18446744073709551616", body{"text": "x"}).Want(404)
	bob.Patch(path+"/2", body{"text": " "}).Want(422)
	bob.Patch(path+"/2", body{}).Want(422)
	bob.Patch(path+"/2", body{"text": strings.Repeat("a", 8001)}).Want(422)

	for range 2 {
		carol.Put(path+"/2/reactions/like", nil).Want(204)
		owner.Put(path+"/2/reactions/like", nil).Want(204)
		owner.Put(path+"/2/reactions/sad", nil).Want(204)
	}
	for range 2 {
		owner.Delete(path + "/2/reactions/sad").Want(204)
	}
	seeing(owner, carol)
	if m := carol.Get(path).Want(200).Items()[0]; !cmp.Equal(m["reactions"], body{"like": 2.0}) {
		t.Errorf("reactions: %v", m["reactions"])
	}
	owner.Put(path+"/2/reactions/meh", nil).Want(422, "reaction.unknown")
	owner.Delete(path+"/2/reactions/meh").Want(422, "reaction.unknown")
	owner.Put(path+"/1/reactions/like", nil).Want(404)
	eve.Put(path+"/2/reactions/meh", nil).Want(404)

	carol.Delete(path + "/2").Want(403)
	eve.Delete(path + "/2").Want(404)
	bob.Delete(path + "/1").Want(404)
	carol.Post(path, body{"text": "answer", "replyTo": 2}).Want(201)
	seeing(carol, bob, owner)
	bob.Delete(path + "/2").Want(204)
	bob.Delete(path + "/2").Want(204)
	items := bob.Get(path).Want(200).Items()
	gone := items[0]
	if gone["number"] != 2.0 || gone["deleted"] != true || gone["text"] != "" || gone["sender"] == nil ||
		!cmp.Equal(gone["reactions"], body{}) || !cmp.Equal(gone["images"], []any{}) {
		t.Errorf("a deleted message keeps its place, empty: %v", gone)
	}
	if items[1]["replyTo"] != 2.0 {
		t.Errorf("the answer: %v", items[1])
	}
	bob.Patch(path+"/2", body{"text": "back"}).Want(404)
	bob.Put(path+"/2/reactions/like", nil).Want(404)
	number := carol.Post(path, body{"text": "rude"}).Want(201).Map()["number"]
	seeing(carol, owner)
	owner.Delete(fmt.Sprint(path, "/", number)).Want(204)

	text := "hi @" + bob.Account.Handle + ", @nobody_at_all"
	number = owner.Post(path, body{"text": text}).Want(201).Map()["number"]
	if m := owner.Get(path + "?limit=1").Want(200).Items()[0]; m["text"] != text || m["number"] != number {
		t.Errorf("a mention: %v", m)
	}
}

// C6: pages either way around a number.
func TestC6_History(t *testing.T) {
	t.Parallel()
	s := harness.Start(t)
	alice := s.NewPerson("alice")
	path := "/v1/rooms/" + group(alice) + "/messages"
	for i := range 30 { // 2 … 31
		alice.Post(path, body{"text": fmt.Sprint(i)}).Want(201)
	}
	numbers := func(a *harness.Answer) (list []int) {
		for _, m := range a.Items() {
			list = append(list, int(m["number"].(float64)))
		}
		return list
	}
	span := func(from, to int) (list []int) {
		for n := from; n <= to; n++ {
			list = append(list, n)
		}
		return list
	}
	for query, want := range map[string][]int{
		"":                       span(12, 31),
		"limit=3":                span(29, 31),
		"before=10&limit=3":      span(7, 9),
		"before=4":               span(2, 3),
		"before=2":               nil,
		"after=10&limit=3":       span(11, 13),
		"after=29":               span(30, 31),
		"after=31":               nil,
		"after=999999999999":     nil,
		"around=10&limit=5":      span(8, 12),
		"around=31&limit=5":      span(27, 31),
		"around=1&limit=3":       span(2, 4),
		"around=999999&limit=2":  span(30, 31),
		"before=999999&limit=1":  span(31, 31),
		"after=1&limit=100":      span(2, 31),
		"limit=100&cursor=":      span(2, 31),
		"limit=2&unknown=ignore": span(30, 31),
	} {
		if d := cmp.Diff(want, numbers(alice.Get(path+"?"+query).Want(200))); d != "" {
			t.Errorf("%s: (-want +got)\n%s", query, d)
		}
	}
	for start, want := range map[string][]int{"?limit=7": nil, "?limit=7&after=1": nil, "?limit=7&before=20": span(2, 19)} {
		if want == nil {
			want = span(2, 31)
		}
		seen := map[int]bool{}
		for cursor, pages := "", 0; pages < 10; pages++ {
			a := alice.Get(path + start + "&cursor=" + cursor).Want(200)
			for _, n := range numbers(a) {
				if seen[n] {
					t.Errorf("%s: %d twice", start, n)
				}
				seen[n] = true
			}
			if cursor = a.Next(); cursor == "" {
				break
			}
		}
		if len(seen) != len(want) {
			t.Errorf("%s: %d numbers, want %d", start, len(seen), len(want))
		}
	}
	for _, bad := range []string{"before=3&after=5", "around=3&after=5", "before=0", "before=-1", "before=x", "limit=0", "limit=101", "before="} {
		alice.Get(path+"?"+bad).Want(422, "request.invalid")
	}
	alice.Get(path+"?cursor=xx").Want(400, "list.cursor")
}

// C7: receipts go forward only; unread counts what others wrote after them
// and did not delete.
func TestC7_Receipts(t *testing.T) {
	t.Parallel()
	s := harness.Start(t)
	alice, bob, eve := s.NewPerson("alice"), s.NewPerson("bob"), s.NewPerson("eve")
	room := group(alice, bob)
	path := "/v1/rooms/" + room
	for range 4 { // 2 … 5
		alice.Post(path+"/messages", body{"text": "a"}).Want(201)
	}
	bob.Post(path+"/messages", body{"text": "mine"}).Want(201) // 6
	alice.Post(path+"/messages", body{"text": "a"}).Want(201)  // 7
	seeing(alice, bob)
	stands := func(what string, unread, readUpTo float64) {
		t.Helper()
		if r := bob.Get(path).Want(200).Map(); r["unread"] != unread || r["readUpTo"] != readUpTo {
			t.Errorf("%s: unread %v, read up to %v; want %v, %v", what, r["unread"], r["readUpTo"], unread, readUpTo)
		}
	}
	stands("at first", 5, 1)
	bob.Put(path+"/read", body{"number": 3}).Want(204)
	stands("read two", 3, 3)
	bob.Put(path+"/read", body{"number": 2}).Want(204)
	stands("never back", 3, 3)
	alice.Delete(path + "/messages/4").Want(204)
	alice.Delete(path + "/messages/2").Want(204)
	seeing(alice, bob)
	stands("deleted ones do not count", 2, 3)
	bob.Put(path+"/read", body{"number": uint64(1 << 63)}).Want(204)
	newest := 9.0 // the two deletes took numbers
	stands("beyond the newest", 0, newest)
	bob.Put(path+"/read", body{"number": 9}).Want(204)
	alice.Post(path+"/messages", body{"text": "new"}).Want(201)
	seeing(alice, bob)
	stands("a new one", 1, newest)
	for _, m := range bob.Get(path + "/members").Want(200).Items() {
		if m["account"].(body)["id"] == bob.Account.ID && m["readUpTo"] != newest {
			t.Errorf("as others see it: %v", m)
		}
	}
	eve.Put(path+"/read", body{"number": 1}).Want(404)
	eve.Put(path+"/read", body{}).Want(404)
	bob.Put(path+"/read", body{}).Want(422)
	bob.Put(path+"/read", body{"number": -1}).Want(422)
	bob.Put(path+"/read", body{"number": "1"}).Want(422)
	bob.Put(path+"/read", body{"number": 1.5}).Want(422)
}

// C5, N3: a message reads the same in history and on a socket, live and
// replayed, whatever the log holds in the place of handles.
func TestC5_MentionsReadAsHandles(t *testing.T) {
	t.Parallel()
	s := harness.Start(t)
	alice, bob := s.NewPerson("alice"), s.NewPerson("bob")
	room := group(alice, bob)
	text := "hi @" + bob.Account.Handle + "!"
	socket := bob.Dial()
	socket.Subscribe("room:"+room, nil)
	alice.Post("/v1/rooms/"+room+"/messages", body{"text": text}).Want(201)
	live := socket.NextOf("room:"+room, "chat.message_sent.v1")
	alice.Patch("/v1/rooms/"+room+"/messages/2", body{"text": text + "!"}).Want(200)
	edited := socket.NextOf("room:"+room, "chat.message_edited.v1")
	again := bob.Dial()
	again.Subscribe("room:"+room, map[string]any{"after": 1, "epoch": again.Epoch})
	replayed := again.NextOf("room:"+room, "chat.message_sent.v1")
	for what, f := range map[string]harness.Frame{"live": live, "replayed": replayed} {
		if f.Map()["text"] != text {
			t.Errorf("%s: %s", what, f.Raw)
		}
	}
	if edited.Map()["text"] != text+"!" {
		t.Errorf("edited: %s", edited.Raw)
	}
}

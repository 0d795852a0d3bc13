package acceptance

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/parleyhq/parley/cmd/acceptance/harness"
)

// refused fails the test unless a frame is an error answer of that slug.
func refused(t *testing.T, f harness.Frame, slug string) {
	t.Helper()
	if f.OK == nil || *f.OK || f.Error != slug || f.Message == "" {
		t.Errorf("want %s: %s", slug, f.Raw)
	}
}

// N3, N5, C5: what happens in a room arrives at its members in numbers, in the
// fields of the resource.
func TestN3_RoomLive(t *testing.T) {
	t.Parallel()
	s := harness.Start(t)
	alice, bob := s.NewPerson("alice"), s.NewPerson("bob")
	room := group(alice, bob)
	topic := "room:" + room
	a, b := alice.Dial(), bob.Dial()
	if f := b.Subscribe(topic, body{"position": bob.Position}); f.N != 1 || *f.Recovered {
		t.Fatalf("answer: %s", f.Raw)
	}
	sent := a.Ask("send", body{"room": room, "text": "hello", "clientId": "c1"})
	if sent.OK == nil || !*sent.OK || sent.Number != 2 {
		t.Fatalf("send: %s", sent.Raw)
	}
	again := a.Ask("send", body{"room": room, "text": "hello", "clientId": "c1"})
	if again.Number != 2 {
		t.Errorf("a resend is the first message: %s", again.Raw)
	}
	f := b.Next()
	if f.Topic != topic || f.N != 2 || f.Type != "chat.message_sent.v1" || f.Time == "" {
		t.Fatalf("frame: %s", f.Raw)
	}
	listed := bob.Get("/v1/rooms/"+room+"/messages", harness.Header{Name: "Parley-Position", Value: sent.Position}).Want(200).Items()[0]
	delete(listed, "reactions")
	if d := cmp.Diff(listed, f.Map()); d != "" {
		t.Errorf("a frame is the message without counts (-listed +frame)\n%s", d)
	}
	path := "/v1/rooms/" + room + "/messages/2"
	alice.Patch(path, body{"text": "edited"}).Want(200)
	bob.Put(path+"/reactions/like", nil).Want(204)
	bob.Delete(path + "/reactions/like").Want(204)
	alice.Delete(path).Want(204)
	alice.Patch("/v1/rooms/"+room, body{"name": "new"}).Want(200)
	for i, want := range []struct {
		typ  string
		data body
	}{
		{"chat.message_edited.v1", body{"number": 2., "text": "edited"}},
		{"chat.reaction_added.v1", body{"number": 2., "kind": "like", "on": true}},
		{"chat.reaction_removed.v1", body{"number": 2., "kind": "like", "on": false}},
		{"chat.message_deleted.v1", body{"number": 2.}},
		{"chat.notice.v1", body{"number": 7., "kind": "settings", "name": "new"}},
	} {
		f := b.Next()
		got := f.Map()
		if who, ok := got["account"].(body); ok {
			if id := who["id"]; id != alice.Account.ID && id != bob.Account.ID {
				t.Errorf("account: %s", f.Raw)
			}
		}
		delete(got, "account")
		delete(got, "editedAt")
		if d := cmp.Diff(want.data, got); f.N != uint64(3+i) || f.Type != want.typ || d != "" {
			t.Errorf("frame %d: %s\n%s", 3+i, f.Raw, d)
		}
	}
}

// N3, invariant 11: the past comes as it stands.
func TestN3_RoomPast(t *testing.T) {
	t.Parallel()
	s := harness.Start(t)
	alice := s.NewPerson("alice")
	room := group(alice)
	path := "/v1/rooms/" + room + "/messages"
	alice.Post(path, body{"text": "secret"}).Want(201)
	alice.Post(path, body{"text": "kept"}).Want(201)
	alice.Patch(path+"/2", body{"text": "secret too"}).Want(200)
	alice.Delete(path + "/2").Want(204)
	for range 2 { // from the log, then from memory
		c := alice.Dial()
		if f := c.Subscribe("room:"+room, body{"after": 1, "epoch": c.Epoch}); !*f.Recovered || f.N != 5 {
			t.Errorf("recovered: %s", f.Raw)
		}
		if f := c.Next(); f.N != 2 || f.Map()["text"] != "" || f.Map()["deleted"] != true {
			t.Errorf("deleted since: %s", f.Raw)
		}
		if f := c.Next(); f.N != 3 || f.Map()["text"] != "kept" {
			t.Errorf("kept: %s", f.Raw)
		}
		if f := c.Next(); f.N != 4 || f.Map()["text"] != "" {
			t.Errorf("the edit of what was deleted since: %s", f.Raw)
		}
		if f := c.Next(); f.N != 5 || f.Type != "chat.message_deleted.v1" {
			t.Errorf("the delete: %s", f.Raw)
		}
	}
}

// N3, C5, invariant 11: topics of others, and of nobody, are not found; whoever
// loses a room is told.
func TestN3_HiddenTopics(t *testing.T) {
	t.Parallel()
	s := harness.Start(t)
	alice, bob, eve := s.NewPerson("alice"), s.NewPerson("bob"), s.NewPerson("eve")
	room := group(alice, bob)
	e := eve.Dial()
	for _, topic := range []string{
		"room:" + room, "room:" + uuid.NewString(), "post:" + uuid.NewString(), "board:" + uuid.NewString(),
		"inbox:" + alice.Account.ID, "feed:" + alice.Account.ID, "room:", "x", "",
	} {
		refused(t, e.Ask("subscribe", body{"topic": topic}), "topic.not_found")
	}
	refused(t, e.Ask("send", body{"room": room, "text": "x"}), "not_found")
	refused(t, e.Ask("typing", body{"room": room}), "not_found")
	refused(t, e.Ask("read", body{"room": room, "number": 1}), "not_found")
	refused(t, e.Ask("subscribe", body{"topic": "inbox", "position": "nonsense"}), "position.invalid")

	b := bob.Dial()
	b.Subscribe("room:"+room, nil)
	alice.Delete("/v1/rooms/" + room + "/members/" + bob.Account.ID).Want(204)
	if f := b.Next(); f.Type != "chat.notice.v1" || f.Map()["kind"] != "removed" {
		t.Errorf("notice: %s", f.Raw)
	}
	if f := b.Next(); !f.Ended || f.Topic != "room:"+room {
		t.Errorf("ended: %s", f.Raw)
	}
	refused(t, b.Ask("subscribe", body{"topic": "room:" + room, "after": 0}), "topic.not_found")
}

// N3, N2: the inbox is numbered, over a restart too.
func TestN3_InboxOverRestart(t *testing.T) {
	t.Parallel()
	s := harness.Start(t)
	alice, bob := s.NewPerson("alice"), s.NewPerson("bob")
	a := alice.Dial()
	a.Subscribe("inbox", nil)
	bob.Put("/v1/accounts/"+alice.Account.ID+"/follow", nil).Want(204)
	f := a.Next()
	actor, _ := f.Map()["actor"].(body)
	if f.Topic != "inbox" || f.N != 1 || f.Type != "inbox.notified.v1" || f.Map()["kind"] != "follow" || actor["handle"] != bob.Account.Handle {
		t.Fatalf("notified: %s", f.Raw)
	}
	if r := a.Ask("read", body{"topic": "inbox", "number": 1}); r.OK == nil || !*r.OK {
		t.Fatalf("read: %s", r.Raw)
	}
	if f := a.Next(); f.N != 2 || f.Type != "inbox.read.v1" || f.Map()["readUpTo"] != 1. {
		t.Errorf("read: %s", f.Raw)
	}
	epoch := a.Epoch
	s.Stop()
	if code := a.WaitClosed(); code != 4002 {
		t.Errorf("going away: %d", code)
	}
	s.Again(false)
	alice = s.SignIn(alice.Account.Handle)
	a = alice.Dial()
	if a.Epoch != epoch {
		t.Errorf("a restart is no new epoch: %s, %s", a.Epoch, epoch)
	}
	if f := a.Subscribe("inbox", body{"after": 1, "epoch": epoch}); f.N != 2 || !*f.Recovered {
		t.Errorf("answer: %s", f.Raw)
	}
	if f := a.Next(); f.N != 2 {
		t.Errorf("what was missed: %s", f.Raw)
	}
	for _, cursor := range []body{{"after": 3, "epoch": epoch}, {"after": 1, "epoch": uuid.NewString()}} {
		if f := a.Subscribe("inbox", cursor); *f.Recovered {
			t.Errorf("%v: %s", cursor, f.Raw)
		}
		if f := a.Next(); !f.Reset || f.From != 2 {
			t.Errorf("%v: %s", cursor, f.Raw)
		}
	}
}

// N3: live topics say from where on nothing is missed; a list read with that
// token holds what came before.
func TestN3_LiveTopics(t *testing.T) {
	t.Parallel()
	f := newForum(t)
	f.bob.Put("/v1/accounts/"+f.alice.Account.ID+"/follow", nil).Want(204)
	f.see(f.bob)
	old := makePost(f.alice, f.board, nil)
	f.see(f.alice)
	b := f.bob.Dial()
	topics := map[string]string{"board": "board:" + f.board, "feed": "feed", "post": "post:" + old}
	for name, topic := range topics {
		answer := b.Subscribe(topic, body{"position": f.bob.Position})
		if answer.Position == "" {
			t.Fatalf("%s: %s", name, answer.Raw)
		}
		list := f.bob.Get("/v1/boards/"+f.board+"/posts", harness.Header{Name: "Parley-Position", Value: answer.Position}).Want(200).Items()
		if len(list) != 1 || list[0]["id"] != old {
			t.Errorf("%s: the list lacks what came before: %v", name, list)
		}
	}
	fresh := makePost(f.alice, f.board, map[string]any{"title": "Fresh", "body": "**bold** #news"})
	seen := map[string]harness.Frame{}
	for len(seen) < 2 {
		frame := b.Next()
		seen[frame.Topic] = frame
	}
	for _, topic := range []string{topics["board"], "feed"} {
		frame := seen[topic]
		got := frame.Map()
		author, _ := got["author"].(body)
		if frame.Type != "post.published.v1" || frame.Position == "" || frame.N != 0 || got["id"] != fresh || author["id"] != f.alice.Account.ID ||
			got["title"] != "Fresh" || !strings.Contains(fmt.Sprint(got["html"]), "<strong>") {
			t.Errorf("%s: %s", topic, frame.Raw)
		}
	}
	comment := say(f.bob, old, "")
	f.bob.Put("/v1/posts/"+old+"/reactions/like", nil).Want(204)
	f.bob.Delete("/v1/comments/" + comment).Want(204)
	f.alice.Patch("/v1/posts/"+old, map[string]any{"title": "Changed"}).Want(200)
	f.alice.Delete("/v1/posts/" + old).Want(204)
	for _, want := range []string{"comment.published.v1", "reaction.added.v1", "comment.deleted.v1", "post.edited.v1", "post.deleted.v1"} {
		if frame := b.NextOf(topics["post"], want); frame.Position == "" {
			t.Errorf("%s: %s", want, frame.Raw)
		}
	}
	theirs := "post:" + makePost(f.alice, f.board, nil)
	b.Subscribe(theirs, body{"position": f.alice.Position})
	f.bob.Put("/v1/accounts/"+f.alice.Account.ID+"/block", nil).Want(204)
	f.see(f.bob)
	for frame := b.Next(); frame.Topic != theirs || !frame.Ended; { // other nodes know a block a moment later
		frame = b.Next()
	}
	refused(t, b.Ask("subscribe", body{"topic": theirs, "position": f.bob.Position}), "topic.not_found")
	makePost(f.alice, f.board, nil)
	mine := makePost(f.bob, f.board, nil)
	frame := b.Next()
	for frame.Topic == topics["post"] || frame.Type == "post.deleted.v1" { // lost to bob too, and to the lists
		frame = b.Next()
	}
	if frame.Map()["id"] != mine {
		t.Errorf("across a block: %s", frame.Raw)
	}
}

// N3, F8: frames list of the mentioned, and name of the answers, whom their
// reader would find in the lists: nobody across a block, whichever of the two
// began it.
func TestF8_MentionsInFrames(t *testing.T) {
	t.Parallel()
	f := newForum(t)
	cleo, dora := f.NewPerson("cleo"), f.NewPerson("dora")
	f.bob.Put("/v1/accounts/"+cleo.Account.ID+"/block", nil).Want(204)
	dora.Put("/v1/accounts/"+f.bob.Account.ID+"/block", nil).Want(204)
	for _, reader := range []*harness.Client{f.bob, cleo, dora} {
		reader.Position = dora.Position
		reader.Put("/v1/boards/"+f.board+"/follow", nil).Want(204)
	}
	handles := ""
	for _, c := range []*harness.Client{f.bob, cleo, dora} {
		handles += " @" + c.Account.Handle
	}
	post := makePost(f.alice, f.board, map[string]any{"type": "question"})
	cleo.Position = f.alice.Position
	answer := say(cleo, post, "")
	f.alice.Position = cleo.Position
	readers := map[string]*harness.Socket{}
	for name, reader := range map[string]*harness.Client{"bob": f.bob, "cleo": cleo, "dora": dora} {
		socket := reader.Dial()
		for _, topic := range []string{"board:" + f.board, "feed", "post:" + post} {
			socket.Subscribe(topic, body{"position": f.alice.Position})
		}
		readers[name] = socket
	}
	comment := say(f.alice, post, "")
	f.alice.Patch("/v1/comments/"+comment, map[string]any{"body": handles}).Want(200)
	f.alice.Post("/v1/posts/"+post+"/comments", map[string]any{"body": handles}).Want(201)
	f.alice.Patch("/v1/posts/"+post, map[string]any{"body": handles}).Want(200)
	f.alice.Put("/v1/posts/"+post+"/answer", map[string]any{"commentId": answer}).Want(200)
	makePost(f.alice, f.board, map[string]any{"body": handles})
	answers := map[string]any{"bob": nil, "cleo": answer, "dora": answer}
	for name, want := range map[string][]string{
		"bob": {f.bob.Account.Handle}, "cleo": {cleo.Account.Handle, dora.Account.Handle}, "dora": {cleo.Account.Handle, dora.Account.Handle},
	} {
		lacks := map[string]bool{
			"comment.edited.v1 of post:" + post: true, "comment.published.v1 of post:" + post: true, "post.edited.v1 of post:" + post: true,
			"post.published.v1 of board:" + f.board: true, "post.published.v1 of feed": true, "post.answer_accepted.v1 of post:" + post: true,
		}
		for len(lacks) > 0 { // what is of several posts comes in any order
			frame := readers[name].Next()
			what := frame.Type + " of " + frame.Topic
			if id := frame.Map()["id"]; !lacks[what] || frame.Type == "comment.published.v1" && (id == comment || id == answer) {
				continue
			}
			delete(lacks, what)
			if id, accepted := frame.Map()["answerId"]; accepted {
				if id != answers[name] {
					t.Errorf("%s to %s, want %v: %s", what, name, answers[name], frame.Raw)
				}
				continue
			}
			got := []string{}
			for _, m := range frame.Map()["mentions"].([]any) {
				got = append(got, fmt.Sprint(m.(body)["handle"]))
			}
			if !slices.Equal(got, want) {
				t.Errorf("%s to %s mentions %v, want %v: %s", what, name, got, want, frame.Raw)
			}
		}
	}
}

// N3, F2, invariant 9: no frame tells who wrote an anonymous post.
func TestN3_AnonymousFrames(t *testing.T) {
	t.Parallel()
	f := newForum(t)
	b := f.bob.Dial()
	f.bob.Put("/v1/boards/"+f.board+"/follow", nil).Want(204)
	f.bob.Put("/v1/accounts/"+f.alice.Account.ID+"/follow", nil).Want(204)
	b.Subscribe("board:"+f.board, body{"position": f.bob.Position})
	b.Subscribe("feed", body{"position": f.bob.Position})
	post := makePost(f.alice, f.board, map[string]any{"anonymous": true})
	f.see(f.alice)
	b.Subscribe("post:"+post, body{"position": f.alice.Position})
	say(f.alice, post, "")
	f.alice.Patch("/v1/posts/"+post, map[string]any{"title": "Other"}).Want(200)
	f.alice.Delete("/v1/posts/" + post).Want(204)
	for {
		frame := b.Next()
		if strings.Contains(frame.Raw, f.alice.Account.ID) || strings.Contains(frame.Raw, f.alice.Account.Handle) {
			t.Errorf("it names the author: %s", frame.Raw)
		}
		if author, ok := frame.Map()["author"]; ok && author != nil {
			t.Errorf("author: %s", frame.Raw)
		}
		if frame.Type == "post.deleted.v1" && frame.Topic == "post:"+post {
			return
		}
	}
}

// with is the header of a handshake.
func with(protocols, origin string) http.Header {
	h := http.Header{}
	if protocols != "" {
		h.Set("Sec-WebSocket-Protocol", protocols)
	}
	if origin != "" {
		h.Set("Origin", origin)
	}
	return h
}

// N4: handshakes that become no socket.
func TestN4_Handshake(t *testing.T) {
	t.Parallel()
	s := harness.Start(t)
	alice := s.NewPerson("alice")
	for name, c := range map[string]struct {
		header http.Header
		query  string
		status int
	}{
		"foreign origin":      {with(harness.Subprotocol+", ticket."+alice.Ticket(), "https://evil.example"), "", 403},
		"null origin":         {with(harness.Subprotocol+", ticket."+alice.Ticket(), "null"), "", 403},
		"no subprotocol":      {with("", ""), "?ticket=" + alice.Ticket(), 400},
		"another subprotocol": {with("graphql-ws", ""), "?ticket=" + alice.Ticket(), 400},
		"a ticket alone":      {with("ticket."+alice.Ticket(), ""), "", 400},
	} {
		_, res, err := alice.DialWith(c.header, c.query)
		if err == nil || res == nil || res.StatusCode != c.status {
			t.Errorf("%s: %v %v", name, res, err)
		}
	}
	alice.Get("/v1/push").Want(400)
}

// N4: tickets and origins.
func TestN4_SignIn(t *testing.T) {
	t.Parallel()
	s := harness.Start(t, harness.Flags("--allowed-origins=https://friend.example"))
	alice := s.NewPerson("alice")
	s.Client().Post("/v1/push/tickets", nil).Want(401, "auth.missing")
	var ticket struct {
		Ticket    string
		ExpiresIn int
	}
	answer := alice.Post("/v1/push/tickets", nil).Want(201).Into(&ticket)
	if ticket.ExpiresIn != 60 || !strings.Contains(answer.Header.Get("Cache-Control"), "no-store") {
		t.Errorf("ticket: %s %v", answer, answer.Header)
	}
	for name, c := range map[string]struct {
		header http.Header
		query  string
	}{
		"subprotocol":    {with(harness.Subprotocol+", ticket."+ticket.Ticket, ""), ""},
		"query":          {with(harness.Subprotocol, ""), "?ticket=" + alice.Ticket()},
		"own origin":     {with(harness.Subprotocol+", ticket."+alice.Ticket(), s.Base), ""},
		"allowed origin": {with(harness.Subprotocol+", ticket."+alice.Ticket(), "https://friend.example"), ""},
	} {
		socket, res, err := alice.DialWith(c.header, c.query)
		if err != nil {
			t.Errorf("%s: %v %v", name, res, err)
			continue
		}
		if res.Header.Get("Sec-WebSocket-Protocol") != harness.Subprotocol {
			t.Errorf("%s: %v", name, res.Header)
		}
		if f := socket.Next(); f.Hello == nil || f.Hello.Heartbeat != 25 || f.Hello.Session == "" || f.Hello.Node == "" || f.Hello.Epoch == "" {
			t.Errorf("%s: %s", name, f.Raw)
		}
	}
	for name, protocols := range map[string]string{
		"used": harness.Subprotocol + ", ticket." + ticket.Ticket, "made up": harness.Subprotocol + ", ticket.x", "missing": harness.Subprotocol,
		"a token": harness.Subprotocol + ", ticket." + alice.Token,
	} {
		socket, res, err := alice.DialWith(with(protocols, ""), "")
		if err != nil {
			t.Errorf("%s: %v %v", name, res, err)
		} else if code := socket.WaitClosed(); code != 4101 {
			t.Errorf("%s: %d", name, code)
		}
	}
	socket, _, err := alice.DialWith(with(harness.Subprotocol, ""), "?token="+alice.Token)
	if err != nil || socket.WaitClosed() != 4101 {
		t.Errorf("?token= is off: %v", err)
	}
}

// N4: ?token= and the first message, where a setting allows them.
func TestN4_OtherCarriers(t *testing.T) {
	t.Parallel()
	s := harness.Start(t, harness.Flags("--socket-carriers=ticket,query,message"))
	alice := s.NewPerson("alice")
	bare := http.Header{"Sec-WebSocket-Protocol": {harness.Subprotocol}}
	socket, _, err := alice.DialWith(bare, "?token="+alice.Token)
	if err != nil || socket.Next().Hello == nil {
		t.Errorf("?token=: %v", err)
	}
	if socket, _, err = alice.DialWith(bare, "?token=x"); err != nil || socket.WaitClosed() != 4101 {
		t.Errorf("a bad one: %v", err)
	}
	if socket, _, err = alice.DialWith(bare, ""); err != nil {
		t.Fatal(err)
	}
	socket.Send(body{"id": "1", "do": "auth", "token": alice.Token})
	if f := socket.Next(); f.Hello == nil {
		t.Errorf("first message: %s", f.Raw)
	}
	if socket, _, err = alice.DialWith(bare, ""); err != nil {
		t.Fatal(err)
	}
	socket.Send(body{"id": "1", "do": "ping"})
	if code := socket.WaitClosed(); code != 4101 {
		t.Errorf("another first message: %d", code)
	}
}

// N4, S4: sign-out and expiry close sockets; a fresh token in band keeps them.
func TestN4_EndOfSession(t *testing.T) {
	t.Parallel()
	s := harness.Start(t)
	alice := s.NewPerson("alice")
	here, there := s.SignIn(alice.Account.Handle), s.SignIn(alice.Account.Handle)
	a, b := here.Dial(), there.Dial()
	here.Delete("/v1/sessions/current").Want(204)
	if code := a.WaitClosed(); code != 4102 {
		t.Errorf("signed out: %d", code)
	}
	third := s.SignIn(alice.Account.Handle)
	c := third.Dial()
	third.Delete("/v1/sessions?keep=current").Want(204)
	if code := b.WaitClosed(); code != 4102 {
		t.Errorf("everywhere else: %d", code)
	}
	eve := s.NewPerson("eve")
	refused(t, c.Ask("auth", body{"token": eve.Token}), "auth.invalid")
	refused(t, c.Ask("auth", body{"token": "x"}), "auth.invalid")
	refused(t, c.Ask("auth", nil), "request.invalid")
	if f := c.Ask("auth", body{"token": third.Token}); f.OK == nil || !*f.OK {
		t.Errorf("auth: %s", f.Raw)
	}
}

// N4: a socket lives as long as its token, and longer with the next one.
func TestN4_EndOfToken(t *testing.T) {
	t.Parallel()
	s := harness.Start(t, harness.Flags("--access-ttl=8s")) // for the six calls up to auth
	alice := s.NewPerson("alice")
	third := s.SignIn(alice.Account.Handle)
	c, old := third.Dial(), third.Dial()
	var fresh struct{ AccessToken string }
	third.Post("/v1/sessions/refresh", nil).Want(200).Into(&fresh)
	if f := c.Ask("auth", body{"token": fresh.AccessToken}); f.OK == nil || !*f.OK {
		t.Errorf("auth: %s", f.Raw)
	}
	if code := old.WaitClosed(); code != 4003 {
		t.Errorf("expired: %d", code)
	}
	if code := c.WaitClosed(); code != 4003 {
		t.Errorf("expired later: %d", code)
	}
}

// N5: commands over the socket, each answered with its id; mistakes hurt
// nobody.
func TestN5_Commands(t *testing.T) {
	t.Parallel()
	s := harness.Start(t)
	alice, bob := s.NewPerson("alice"), s.NewPerson("bob")
	room := group(alice, bob)
	a, b := alice.Dial(), bob.Dial()
	b.Subscribe("room:"+room, nil)
	if f := a.Ask("ping", nil); f.OK == nil || !*f.OK {
		t.Errorf("ping: %s", f.Raw)
	}
	refused(t, a.Ask("dance", nil), "request.unknown")
	refused(t, a.Ask("send", body{"text": "x"}), "request.invalid")
	refused(t, a.Ask("send", body{"room": room, "text": ""}), "request.invalid")
	refused(t, a.Ask("send", body{"room": room, "text": strings.Repeat("x", 8001)}), "request.invalid")
	refused(t, a.Ask("send", body{"room": room, "text": 7}), "request.invalid")
	refused(t, a.Ask("read", body{"room": room}), "request.invalid")
	refused(t, a.Ask("subscribe", body{"topic": "room:" + room, "after": -1}), "request.invalid")
	refused(t, a.Ask("unsubscribe", body{"topic": "?"}), "topic.not_found")
	for _, raw := range []string{`{}`, `{"do":"ping"}`, `{"id":7,"do":"ping"}`} {
		a.Send(raw)
		if f := a.Next(); f.Re != nil || f.OK == nil || *f.OK {
			t.Errorf("%s: %s", raw, f.Raw)
		}
	}
	for raw, slug := range map[string]string{
		`{"id":"s","do":"send","room":"` + room + `","text":"a\u0000"}`:              "text.invalid",
		`{"id":"s","do":"send","room":"` + room + `","text":"a\ud800"}`:              "text.invalid",
		`{"id":"s","do":"send","room":"` + room + `","text":"a","clientId":"\n"}`:    "text.invalid",
		`{"id":"s","do":"send","room":"` + room + `","text":"one","text":"another"}`: "json.duplicate_key",
	} {
		a.Send(raw)
		refused(t, a.Next(), slug)
	}
	if sent := a.Ask("send", body{"room": room, "text": "x"}); sent.Number != 2 {
		t.Errorf("send: %s", sent.Raw)
	}
	if f := b.Next(); f.N != 2 {
		t.Errorf("the other one: %s", f.Raw)
	}
	if f := b.Ask("read", body{"room": room, "number": 99}); f.OK == nil || !*f.OK || f.Number != 2 {
		t.Errorf("read: %s", f.Raw)
	}
	if f := b.NextOf("room:"+room, "read"); f.N != 0 || f.Map()["number"] != 2. {
		t.Errorf("receipt: %s", f.Raw)
	}
	a.Subscribe("room:"+room, nil)
	a.Ask("unsubscribe", body{"topic": "room:" + room})
	b.Ask("send", body{"room": room, "text": "unheard"})
	a.Ask("ping", nil)
	if f := a.Ask("subscribe", body{"topic": "room:" + room}); f.N != 3 {
		t.Errorf("nothing came in between: %s", f.Raw)
	}
	b.Ask("send", body{"room": room, "text": "heard"})
	if f := a.Next(); f.N != 4 {
		t.Errorf("after an unsubscribe: %s", f.Raw)
	}
}

// C8: typing reaches the others of the room and says when it fades.
func TestC8_Typing(t *testing.T) {
	t.Parallel()
	s := harness.Start(t)
	alice, bob := s.NewPerson("alice"), s.NewPerson("bob")
	room := group(alice, bob)
	a, b := alice.Dial(), bob.Dial()
	a.Subscribe("room:"+room, nil)
	b.Subscribe("room:"+room, nil)
	asked := time.Now()
	if f := a.Ask("typing", body{"room": room}); f.OK == nil || !*f.OK {
		t.Fatalf("typing: %s", f.Raw)
	}
	f := b.Next()
	who, _ := f.Map()["account"].(body)
	until, err := time.Parse(time.RFC3339, fmt.Sprint(f.Map()["until"]))
	if f.Type != "typing" || f.N != 0 || who["id"] != alice.Account.ID || err != nil || time.Until(until) > 6*time.Second || until.Sub(asked) < 5*time.Second {
		t.Errorf("frame: %s %v", f.Raw, err)
	}
	b.Ask("send", body{"room": room, "text": "x"})
	if f := a.Next(); f.N != 2 {
		t.Errorf("one's own typing comes back: %s", f.Raw)
	}
}

// N6: frames that are none, too large or too many; sockets and topics beyond
// the bound.
func TestN6_Limits(t *testing.T) {
	t.Parallel()
	s := harness.Start(t, harness.Flags("--socket-rate=10"))
	alice, bob := s.NewPerson("alice"), s.NewPerson("bob")
	for _, raw := range []string{`[]`, `null`, `"x"`, ``, `{`, `{"id":"1","do":"ping"}{}`, `{"id":"1","do":"` + strings.Repeat("x", 64<<10) + `"}`} {
		c := alice.Dial()
		c.Send(raw)
		if code := c.WaitClosed(); code != 4103 {
			t.Errorf("%.20q: %d", raw, code)
		}
	}
	var all []*harness.Socket
	s.Eventually("the closed ones to be gone", func() bool { // they count until they have left
		all = append(all, bob.Dial())
		return len(all) == 20
	})
	c, _, err := bob.DialWith(http.Header{"Sec-WebSocket-Protocol": {harness.Subprotocol + ", ticket." + bob.Ticket()}}, "")
	if err != nil || c.WaitClosed() != 4104 {
		t.Errorf("the 21st: %v", err)
	}
	flood := all[0]
	for i := range 200 {
		flood.Send(fmt.Sprintf(`{"id":"%d","do":"ping"}`, i))
	}
	limited := 0
	for range 200 {
		if f := flood.Next(); f.Error == "limit.exceeded" && f.Re != nil {
			limited++
		}
	}
	if limited == 0 {
		t.Error("200 frames at once are not limited")
	}
	if f := all[1].Ask("ping", nil); f.OK == nil || !*f.OK {
		t.Errorf("another socket: %s", f.Raw)
	}
}

// N6: topics of one socket.
func TestN6_Topics(t *testing.T) {
	t.Parallel()
	s := harness.Start(t, harness.Flags("--topics-per-socket=1"))
	alice := s.NewPerson("alice")
	c := alice.Dial()
	c.Subscribe("inbox", nil)
	refused(t, c.Ask("subscribe", body{"topic": "feed"}), "push.too_many_topics")
	c.Ask("unsubscribe", body{"topic": "inbox"})
	c.Subscribe("feed", nil)
	if raw, err := json.Marshal(c.Epoch); err != nil || len(raw) < 30 {
		t.Errorf("epoch: %s", raw)
	}
}

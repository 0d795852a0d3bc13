package acceptance

import (
	"slices"
	"strings"
	"testing"

	"github.com/parleyhq/parley/cmd/acceptance/harness"
)

// A8: what is given changes, in its one spelling, and is read back; all that
// is wrong is told.
func TestA8_Settings(t *testing.T) {
	t.Parallel()
	s := harness.Start(t)
	ada := s.NewPerson("ada")
	settings := func(a *harness.Answer) map[string]any {
		t.Helper()
		m, _ := a.Want(200).Map()["settings"].(map[string]any)
		return m
	}
	first := ada.Get("/v1/me")
	was := settings(first)
	if was["locale"] != "en" || was["theme"] != "system" || was["timeZone"] != "UTC" || dig(was, "privacy", "profile") != "public" {
		t.Errorf("at first: %v", was)
	}
	changed := ada.Patch("/v1/me/settings", body{
		"locale": "de-ch", "theme": "dark", "timeZone": "Europe/Zurich", "unknown": 1,
		"privacy": body{"follows": "followers", "presence": "nobody", "directMessages": "followed", "approveFollowers": true},
	})
	if changed.Header.Get("ETag") == first.Header.Get("ETag") {
		t.Error("the ETag is the old one")
	}
	for _, a := range []*harness.Answer{changed, ada.Get("/v1/me")} {
		m := settings(a)
		if m["locale"] != "de-CH" || m["theme"] != "dark" || m["timeZone"] != "Europe/Zurich" {
			t.Errorf("%v", m)
		}
		p, _ := m["privacy"].(map[string]any)
		for key, want := range map[string]any{"profile": "public", "follows": "followers", "approveFollowers": true, "directMessages": "followed", "presence": "nobody"} {
			if p[key] != want {
				t.Errorf("%s: %v, want %v", key, p[key], want)
			}
		}
	}
	for given, want := range map[string]string{"EN_us": "en-US", "zh-hant-tw": "zh-Hant-TW", "iw": "he", "sr-latn": "sr-Latn", "ja": "ja"} {
		if got := settings(ada.Patch("/v1/me/settings", body{"locale": given}))["locale"]; got != want {
			t.Errorf("%s became %v", given, got)
		}
	}
	for _, zone := range []string{"Asia/Tokyo", "America/Argentina/Buenos_Aires", "Etc/GMT+3", "UTC"} {
		ada.Patch("/v1/me/settings", body{"timeZone": zone}).Want(200)
	}
	if settings(ada.Patch("/v1/me/settings", body{}))["theme"] != "dark" {
		t.Error("an empty patch changed something")
	}
	ada.Patch("/v1/me/settings", body{"theme": "light"}, harness.Header{Name: "If-Match", Value: first.Header.Get("ETag")}).Want(412)

	for field, values := range map[string][]any{
		"locale":   {"", "x", "klingon-language-of-kings", "und", "und-US", "a b", "en\x00", 7, nil, strings.Repeat("en-", 200)},
		"theme":    {"", "pink", "Dark", 1, nil},
		"timeZone": {"", "Mars/Olympus", "../../etc/passwd", "Local", "posix/UTC", "+01:00", "localtime", 1, nil, strings.Repeat("A", 9000)},
		"privacy":  {"public", nil, []any{}, 1},
	} {
		for _, v := range values {
			a := ada.Patch("/v1/me/settings", body{field: v}).Want(422)
			if len(a.Details) != 1 || a.Details[0].Field != field {
				t.Errorf("%s %v: %s", field, v, a)
			}
		}
	}
	for field, values := range map[string][]any{
		"profile": {"everyone", "", nil, 1}, "follows": {"nobody", "", nil}, "approveFollowers": {"yes", 1, nil},
		"directMessages": {"public", "followers", nil}, "presence": {"private", nil},
	} {
		for _, v := range values {
			a := ada.Patch("/v1/me/settings", body{"privacy": body{field: v}}).Want(422)
			if len(a.Details) != 1 || a.Details[0].Field != "privacy."+field {
				t.Errorf("%s %v: %s", field, v, a)
			}
		}
	}
	if got := problems(ada.Patch("/v1/me/settings", body{"theme": "x", "locale": "x", "timeZone": "x", "privacy": body{"profile": "x"}}).Want(422)); len(got) != 4 {
		t.Errorf("%q", got)
	}
	s.Client().Patch("/v1/me/settings", body{"theme": "dark"}).Want(401, "auth.missing")
	if m := settings(ada.Get("/v1/me")); m["theme"] != "dark" || m["timeZone"] != "UTC" {
		t.Errorf("a refused change changed: %v", m)
	}
}

// A8: a profile and follows are for whom they are.
func TestA8_Privacy(t *testing.T) {
	t.Parallel()
	s := harness.Start(t)
	ada, fan, bob := s.NewPerson("ada"), s.NewPerson("fan"), s.NewPerson("bob")
	at := "/v1/accounts/" + ada.Account.ID
	fan.Put(at+"/follow", nil).Want(204)
	ada.Position = fan.Position
	ada.Put("/v1/accounts/"+bob.Account.ID+"/follow", nil).Want(204)
	ada.Patch("/v1/me/profile", body{"bio": "Xylophonist", "signature": "— A."}).Want(200)
	anyone := s.Client()
	set := func(fields body) {
		t.Helper()
		ada.Patch("/v1/me/settings", body{"privacy": fields}).Want(200)
		fan.Position, bob.Position, anyone.Position = ada.Position, ada.Position, ada.Position
	}
	sees := func(c *harness.Client, profile, follows bool) {
		t.Helper()
		m := c.Get(at).Want(200).Map()
		if m["handle"] != ada.Account.Handle || (m["bio"] == "Xylophonist") != profile || (m["signature"] != nil) != profile {
			t.Errorf("the profile: %v", m)
		}
		if (m["followers"] == 1.0) != follows || (m["following"] == 1.0) != follows {
			t.Errorf("the counts: %v", m)
		}
		status := map[bool]int{true: 200, false: 404}[follows]
		for _, list := range []string{"/followers", "/following"} {
			c.Get(at + list).Want(status)
		}
		c.Get(at + "/posts").Want(map[bool]int{true: 200, false: 404}[profile])
	}
	for _, step := range []struct {
		profile, follows string
		fan, others      [2]bool // see the profile, and the follows
	}{
		{"public", "public", [2]bool{true, true}, [2]bool{true, true}},
		{"public", "followers", [2]bool{true, true}, [2]bool{true, false}},
		{"public", "private", [2]bool{true, false}, [2]bool{true, false}},
		{"followers", "public", [2]bool{true, true}, [2]bool{false, false}},
		{"private", "public", [2]bool{false, false}, [2]bool{false, false}},
	} {
		set(body{"profile": step.profile, "follows": step.follows})
		sees(ada, true, true)
		sees(fan, step.fan[0], step.fan[1])
		sees(bob, step.others[0], step.others[1])
		sees(anyone, step.others[0], step.others[1])
	}
	found := func(q string) int {
		return len(bob.Get("/v1/search?kind=accounts&q=" + q).Want(200).Items())
	}
	s.Eventually("a bio that is nobody's affair", func() bool { return found("Xylophonist") == 0 && found(ada.Account.Handle) == 1 })
	set(body{"profile": "public"})
	s.Eventually("the bio", func() bool { return found("Xylophonist") == 1 })
}

// A8: who may begin a direct room; one that is there goes on.
func TestA8_DirectMessages(t *testing.T) {
	t.Parallel()
	s := harness.Start(t)
	ada, bob, eve := s.NewPerson("ada"), s.NewPerson("bob"), s.NewPerson("eve")
	open := func(c, with *harness.Client) *harness.Answer {
		c.Position = with.Position
		return c.Post("/v1/rooms", body{"kind": "direct", "members": []string{with.Account.ID}})
	}
	set := func(who string) { ada.Patch("/v1/me/settings", body{"privacy": body{"directMessages": who}}).Want(200) }
	ada.Put("/v1/accounts/"+bob.Account.ID+"/follow", nil).Want(204)
	set("followed")
	open(eve, ada).Want(403, "room.direct_refused")
	room := open(bob, ada).Want(201).ID()
	set("nobody")
	open(eve, ada).Want(403, "room.direct_refused")
	open(bob, ada).Want(200)
	bob.Post("/v1/rooms/"+room+"/messages", body{"text": "still here"}).Want(201)
	begun := open(ada, eve).Want(201).ID()
	eve.Position = ada.Position
	eve.Post("/v1/rooms/"+begun+"/messages", body{"text": "hello"}).Want(201)
	set("everyone")
	cleo := s.NewPerson("cleo")
	open(cleo, ada).Want(201)
	group := body{"kind": "group", "name": "All", "members": []string{ada.Account.ID, bob.Account.ID}}
	set("nobody")
	cleo.Position = ada.Position
	cleo.Post("/v1/rooms", group).Want(201)
}

// F8: a protected account's followers wait until they are let in, refused or
// go away; it guards nothing else.
func TestF8_FollowRequests(t *testing.T) {
	t.Parallel()
	s := harness.Start(t)
	ada, bob, cleo, eve := s.NewPerson("ada"), s.NewPerson("bob"), s.NewPerson("cleo"), s.NewPerson("eve")
	at := "/v1/accounts/" + ada.Account.ID
	want := func(c *harness.Client, following, requested bool) {
		t.Helper()
		c.Position = ada.Position
		if v := viewerOf(c, ada.Account.ID); v["following"] != following || v["requested"] != requested {
			t.Errorf("%s: %v, want %v %v", c.Account.Handle, v, following, requested)
		}
	}
	waiting := func() []string {
		t.Helper()
		return handles(ada.Get("/v1/me/follow-requests"))
	}
	ask := func(c *harness.Client) {
		t.Helper()
		c.Position = ada.Position
		c.Put(at+"/follow", nil).Want(204)
		ada.Position = c.Position
	}
	answer := func(method string, c *harness.Client) *harness.Answer {
		return ada.Do(method, "/v1/me/follow-requests/"+c.Account.ID, nil)
	}
	ada.Patch("/v1/me/settings", body{"privacy": body{"approveFollowers": true}}).Want(200)
	for range 2 {
		ask(bob)
	}
	ask(cleo)
	ask(eve)
	if got := waiting(); !slices.Equal(got, []string{eve.Account.Handle, cleo.Account.Handle, bob.Account.Handle}) {
		t.Errorf("waiting: %q", got)
	}
	want(bob, false, true)
	if m := ada.Get("/v1/me").Want(200).Map(); m["followers"] != 0.0 {
		t.Errorf("they count: %v", m)
	}
	told := ada.Get("/v1/notifications").Want(200).Items()
	if len(told) != 3 || told[2]["kind"] != "follow_request" || dig(told[2], "subject", "type") != "account" || dig(told[2], "actor", "id") != bob.Account.ID {
		t.Errorf("told: %v", told)
	}

	for range 2 {
		answer("PUT", bob).Want(204)
	}
	want(bob, true, false)
	for _, n := range ada.Get("/v1/notifications").Want(200).Items() {
		if n["kind"] != "follow_request" {
			t.Errorf("who let somebody in is told of it: %v", n)
		}
	}
	for range 2 {
		answer("DELETE", cleo).Want(204)
	}
	want(cleo, false, false)
	answer("PUT", cleo).Want(404)
	answer("PUT", ada).Want(404)
	for _, id := range []string{nowhereAtAll, "x"} {
		ada.Put("/v1/me/follow-requests/"+id, nil).Want(404)
		ada.Delete("/v1/me/follow-requests/" + id).Want(404)
	}
	eve.Position = ada.Position
	eve.Delete(at + "/follow").Want(204)
	ada.Position = eve.Position
	if got := waiting(); len(got) != 0 {
		t.Errorf("waiting: %q", got)
	}

	ask(cleo)
	ask(eve)
	ada.Put("/v1/accounts/"+eve.Account.ID+"/block", nil).Want(204)
	if got := waiting(); !slices.Equal(got, []string{cleo.Account.Handle}) {
		t.Errorf("waiting: %q", got)
	}
	ada.Delete("/v1/accounts/" + eve.Account.ID + "/block").Want(204)
	if got := waiting(); !slices.Equal(got, []string{cleo.Account.Handle}) {
		t.Errorf("a lifted block restored a request: %q", got)
	}

	socket := cleo.Dial()
	socket.Subscribe("feed", nil)
	ada.Patch("/v1/me/settings", body{"privacy": body{"approveFollowers": false}}).Want(200)
	want(cleo, true, false)
	want(eve, false, false)
	if m := ada.Get("/v1/me").Want(200).Map(); m["followers"] != 2.0 || len(waiting()) != 0 {
		t.Errorf("after it was switched off: %v", m)
	}
	board := newBoard(s, s.Admin())
	post := ada.Post("/v1/boards/"+board+"/posts", body{"title": "News", "body": "x"}).Want(201).ID()
	if f := socket.NextOf("feed", "post.published.v1"); dig(f.Map(), "id") != post && !strings.Contains(string(f.Raw), post) {
		t.Errorf("cleo's feed: %s", f.Raw)
	}
	ada.Patch("/v1/me/settings", body{"privacy": body{"approveFollowers": true}}).Want(200)
	want(cleo, true, false)
	ask(cleo)
	want(cleo, true, false)
	ask(eve)
	want(eve, false, true)
	cleo.Position = ada.Position
	cleo.Delete(at + "/follow").Want(204)
	ada.Position = cleo.Position
	want(cleo, false, false)
	s.Client().Get("/v1/me/follow-requests").Want(401, "auth.missing")
}

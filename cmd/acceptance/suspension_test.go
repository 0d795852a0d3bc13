package acceptance

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/parleyhq/parley/cmd/acceptance/harness"
)

// A12: a suspended account may neither write nor refresh nor sign in, its
// sockets close, and it goes on reading; until it is lifted, or its time is over.
func TestA12_Suspension(t *testing.T) {
	t.Parallel()
	s := harness.Start(t)
	admin, ada := s.Admin(), s.NewPerson("ada")
	eve, token := bodySignIn(s, ada.Account.Handle)
	eve.Account = ada.Account
	of := "/v1/accounts/" + ada.Account.ID + "/suspension"
	spam := map[string]any{"reason": "spam"}

	s.Client().Put(of, spam).Want(401, "auth.missing")
	ada.Put(of, map[string]any{}).Want(403)
	admin.Put("/v1/accounts/"+admin.Account.ID+"/suspension", spam).Want(422, "account.self")
	admin.Put("/v1/accounts/"+uuid.NewString()+"/suspension", spam).Want(404)
	admin.Put("/v1/accounts/x/suspension", spam).Want(404)
	for name, body := range map[string]map[string]any{
		"no reason":      {},
		"a blank reason": {"reason": " "},
		"a long reason":  {"reason": strings.Repeat("x", 501)},
		"the past":       {"reason": "spam", "until": "2020-01-01T00:00:00Z"},
		"no time":        {"reason": "spam", "until": "tomorrow"},
		"a number":       {"reason": 1},
	} {
		if a := admin.Put(of, body); a.Status != 422 {
			t.Errorf("%s: %s", name, a)
		}
	}
	admin.Delete(of).Want(204) // there is none

	socket := ada.Dial()
	socket.Subscribe("inbox", nil)
	admin.Put(of, spam).Want(204)
	if code := socket.WaitClosed(); code != 4102 {
		t.Errorf("the socket was closed with %d", code)
	}
	s.Eventually("every node to know", func() bool {
		for range 4 { // behind one address stand several
			if ada.Patch("/v1/me/profile", map[string]any{"bio": "x"}).Status != 403 {
				return false
			}
		}
		return true
	})
	a := ada.Patch("/v1/me/profile", map[string]any{"bio": "x"}).Want(403, "account.suspended")
	if !strings.Contains(string(a.Raw), `"never"`) {
		t.Errorf("it does not say until when: %s", a)
	}
	ada.Post("/v1/push/tickets", nil).Want(403, "account.suspended")
	ada.Get("/v1/me").Want(200)
	ada.Get("/v1/feed").Want(200)
	refresh(s, token).Want(403, "account.suspended")
	s.Client().Post("/v1/sessions", map[string]any{"login": ada.Account.Handle, "password": harness.Password}).Want(403, "account.suspended")
	s.Client().Post("/v1/sessions", map[string]any{"login": ada.Account.Handle, "password": "something else"}).Want(401, "session.bad_credentials")
	eve.Delete("/v1/sessions/current").Want(204)
	eve.Get("/v1/me").Want(401, "auth.revoked")

	admin.Delete(of + "?reason=" + strings.Repeat("x", 501)).Want(422)
	admin.Delete(of + "?reason=a+mistake").Want(204)
	s.Eventually("every node to know", func() bool {
		for range 4 {
			if ada.Patch("/v1/me/profile", map[string]any{"bio": "x"}).Status != 200 {
				return false
			}
		}
		return true
	})
	ada.Dial().Subscribe("inbox", nil)

	until := time.Now()
	for a := (*harness.Answer)(nil); a == nil || a.Status != 204; { // a busy machine may be too late
		if a != nil && time.Now().Before(until) {
			a.Want(204)
		}
		until = time.Now().Add(3 * time.Second)
		a = admin.Put(of, map[string]any{"reason": "spam", "until": until})
	}
	s.Eventually("the suspension to hold and to be over", func() bool {
		return time.Now().After(until) && s.Client().Post("/v1/sessions", map[string]any{"login": ada.Account.Handle, "password": harness.Password}).Status == 201
	})
}

// A12: every act of moderation and administration stands in the audit, with
// who did it and why; what people do to their own things does not.
func TestA12_Audit(t *testing.T) {
	t.Parallel()
	s := harness.Start(t)
	admin, ada, bob := s.Admin(), s.NewPerson("ada"), s.NewPerson("bob")
	board := admin.Post("/v1/boards", map[string]any{"name": "Audited"}).Want(201).ID()
	admin.Put("/v1/boards/"+board+"/moderators/"+bob.Account.ID, nil).Want(204)
	write := func() string {
		return ada.Post("/v1/boards/"+board+"/posts", map[string]any{"title": "t", "body": "b"}).Want(201).ID()
	}
	own, others := write(), write()
	ada.Delete("/v1/posts/" + own).Want(204)
	comment := ada.Post("/v1/posts/"+others+"/comments", map[string]any{"body": "c"}).Want(201).ID()
	bob.Delete("/v1/comments/" + comment).Want(204)
	bob.Delete("/v1/posts/" + others).Want(204)
	admin.Put("/v1/accounts/"+ada.Account.ID+"/suspension", map[string]any{"reason": "spam", "until": "2100-01-31T12:00:00Z"}).Want(204)
	admin.Delete("/v1/accounts/" + ada.Account.ID + "/suspension?reason=a+mistake").Want(204)

	type act struct{ act, actor, kind, subject, detail, reason any }
	want := []act{
		{"account.suspension_lifted", admin.Account.ID, "account", ada.Account.ID, nil, "a mistake"},
		{"account.suspended", admin.Account.ID, "account", ada.Account.ID, "2100-01-31T12:00:00Z", "spam"},
		{"post.deleted", bob.Account.ID, "post", others, nil, nil},
		{"comment.deleted", bob.Account.ID, "comment", comment, nil, nil},
		{"board.moderator_set", admin.Account.ID, "board", board, "made " + bob.Account.ID, nil},
	}
	shown := func(path string) (acts []act) {
		for _, item := range admin.Get(path).Want(200).Items() {
			subject, _ := item["subject"].(map[string]any)
			actor, _ := item["actor"].(map[string]any)
			acts = append(acts, act{item["act"], actor["id"], subject["type"], subject["id"], item["detail"], item["reason"]})
		}
		return acts
	}
	if got := shown("/v1/admin/audit"); len(got) < len(want) || !slices.Equal(got[:len(want)], want) {
		t.Errorf("%v, want %v", got, want)
	}
	if got := shown("/v1/admin/audit?actor=" + bob.Account.ID); !slices.Equal(got, want[2:4]) {
		t.Errorf("bob's: %v", got)
	}
	if got := shown("/v1/admin/audit?subject=" + ada.Account.ID); !slices.Equal(got, want[:2]) {
		t.Errorf("about ada: %v", got)
	}
	next := admin.Get("/v1/admin/audit?limit=2").Want(200).Next()
	if got := shown("/v1/admin/audit?limit=2&cursor=" + next); !slices.Equal(got, want[2:4]) {
		t.Errorf("the second page: %v", got)
	}
	admin.Get("/v1/admin/audit?actor=ada").Want(422)
	bob.Get("/v1/admin/audit").Want(403)
	s.Client().Get("/v1/admin/audit").Want(401)
}

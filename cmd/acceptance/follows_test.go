package acceptance

import (
	"slices"
	"testing"

	"github.com/parleyhq/parley/cmd/acceptance/harness"
)

// viewerOf is what stands between c and an account.
func viewerOf(c *harness.Client, id string) map[string]any {
	v, _ := c.Get("/v1/accounts/" + id).Want(200).Map()["viewer"].(map[string]any)
	return v
}

// handles are those of a list's items.
func handles(a *harness.Answer) []string {
	all := []string{}
	for _, item := range a.Want(200).Items() {
		all = append(all, item["handle"].(string))
	}
	return all
}

// F8: follow and unfollow, lists and counts.
func TestF8_Follow(t *testing.T) {
	t.Parallel()
	s := harness.Start(t)
	ada, bob, cleo := s.NewPerson("ada"), s.NewPerson("bob"), s.NewPerson("cleo")
	target := "/v1/accounts/" + ada.Account.ID
	for range 2 {
		a := bob.Put(target+"/follow", nil).Want(204)
		if a.Header.Get("Parley-Position") == "" {
			t.Error("no position")
		}
	}
	cleo.Put(target+"/follow", nil).Want(204)
	if v := viewerOf(bob, ada.Account.ID); v["following"] != true || v["followedBy"] != false || v["requested"] != false || v["blocking"] != false || v["muting"] != false {
		t.Errorf("%v", v)
	}
	if v := viewerOf(ada, bob.Account.ID); v["following"] != false || v["followedBy"] != true {
		t.Errorf("%v", v)
	}
	if m := s.Client().Get(target).Want(200).Map(); m["followers"] != 2.0 || m["following"] != 0.0 {
		t.Errorf("%v", m)
	}
	anyone := s.Client()
	if got, want := handles(anyone.Get(target+"/followers")), []string{cleo.Account.Handle, bob.Account.Handle}; !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
	if got := handles(anyone.Get("/v1/accounts/@" + bob.Account.Handle + "/following")); !slices.Equal(got, []string{ada.Account.Handle}) {
		t.Errorf("%v", got)
	}
	page := anyone.Get(target + "/followers?limit=1").Want(200)
	rest := anyone.Get(target + "/followers?limit=1&cursor=" + page.Next()).Want(200)
	if len(page.Items()) != 1 || page.Header.Get("Link") == "" || len(rest.Items()) != 1 || rest.Next() != "" || rest.Items()[0]["id"] != bob.Account.ID {
		t.Errorf("%s\n%s", page, rest)
	}
	bob.Get(target+"/followers?cursor="+page.Next()).Want(400, "list.cursor") // another reader's
	anyone.Get(target + "/followers?limit=101").Want(422)
	for range 2 {
		bob.Delete(target + "/follow").Want(204)
	}
	if m := bob.Get(target).Want(200).Map(); m["followers"] != 1.0 {
		t.Errorf("%v", m)
	}
	for _, name := range []string{"follow", "block", "mute"} {
		ada.Put(target+"/"+name, nil).Want(422, "account.self")
		ada.Delete(target+"/"+name).Want(422, "account.self")
		for _, id := range []string{nowhereAtAll, "x"} {
			ada.Put("/v1/accounts/"+id+"/"+name, nil).Want(404)
			ada.Delete("/v1/accounts/" + id + "/" + name).Want(404)
		}
	}
	anyone.Get("/v1/accounts/" + nowhereAtAll + "/followers").Want(404)
	anyone.Get("/v1/accounts/" + nowhereAtAll + "/followers?limit=0").Want(404)
}

// F8: a block puts both out of each other's sight and ends follows both ways.
func TestF8_Block(t *testing.T) {
	t.Parallel()
	s := harness.Start(t)
	ada, bob, cleo := s.NewPerson("ada"), s.NewPerson("bob"), s.NewPerson("cleo")
	atAda, atBob, atCleo := "/v1/accounts/"+ada.Account.ID, "/v1/accounts/"+bob.Account.ID, "/v1/accounts/"+cleo.Account.ID
	ada.Put(atBob+"/follow", nil).Want(204)
	bob.Put(atAda+"/follow", nil).Want(204)
	ada.Put(atCleo+"/follow", nil).Want(204)
	bob.Put(atCleo+"/follow", nil).Want(204)
	bob.Patch("/v1/me/profile", map[string]any{"bio": "secret"}).Want(200)
	for range 2 {
		ada.Put(atBob+"/block", nil).Want(204)
	}
	bob.Position, cleo.Position = ada.Position, ada.Position

	bob.Get(atAda).Want(404)
	bob.Get("/v1/accounts/@" + ada.Account.Handle).Want(404)
	bob.Get(atAda + "/followers").Want(404)
	bob.Put(atAda+"/follow", nil).Want(404)
	bob.Put(atAda+"/mute", nil).Want(404)
	bob.Put(atAda+"/block", nil).Want(404)
	seen := ada.Get(atBob).Want(200).Map()
	if v := seen["viewer"].(map[string]any); v["blocking"] != true || v["following"] != false || v["followedBy"] != false {
		t.Errorf("%v", v)
	}
	if seen["bio"] != nil || seen["handle"] != bob.Account.Handle || seen["followers"] != 0.0 {
		t.Errorf("the blocker sees %v", seen)
	}
	ada.Get(atBob + "/followers").Want(404)
	ada.Put(atBob+"/follow", nil).Want(404)
	if got := handles(ada.Get(atCleo + "/followers")); !slices.Equal(got, []string{ada.Account.Handle}) {
		t.Errorf("ada sees %v", got)
	}
	if got := handles(bob.Get(atCleo + "/followers")); !slices.Equal(got, []string{bob.Account.Handle}) {
		t.Errorf("bob sees %v", got)
	}
	if got := handles(cleo.Get(atCleo + "/followers")); len(got) != 2 {
		t.Errorf("cleo sees %v", got)
	}
	if got := handles(ada.Get("/v1/me/blocks")); !slices.Equal(got, []string{bob.Account.Handle}) {
		t.Errorf("%v", got)
	}
	if m := ada.Get("/v1/me").Want(200).Map(); m["followers"] != 0.0 || m["following"] != 1.0 {
		t.Errorf("%v", m)
	}

	for range 2 {
		ada.Delete(atBob + "/block").Want(204)
	}
	bob.Position = ada.Position
	if v := viewerOf(bob, ada.Account.ID); v["following"] != false || v["followedBy"] != false {
		t.Errorf("follows came back: %v", v)
	}
	bob.Put(atAda+"/follow", nil).Want(204)
	if v := viewerOf(bob, ada.Account.ID); v["following"] != true {
		t.Errorf("%v", v)
	}
	if got := handles(ada.Get("/v1/me/blocks")); len(got) != 0 {
		t.Errorf("%v", got)
	}
}

// F8: a number says no more than the list below it: what a block hides is not
// counted for either of the two, and for everybody else it is.
func TestF8_CountsAcrossBlocks(t *testing.T) {
	t.Parallel()
	f := newForum(t)
	cleo := f.NewPerson("cleo")
	readers := []*harness.Client{f.alice, f.bob, cleo, f.Client()}
	see := func(c *harness.Client) {
		for _, r := range readers {
			r.Position = c.Position
		}
	}
	post := makePost(f.alice, f.board, map[string]any{"type": "question"})
	see(f.alice)
	top := say(f.alice, post, "")
	see(f.alice)
	bobs := say(f.bob, post, top)
	see(f.bob)
	answer := say(cleo, post, top)
	see(cleo)
	say(cleo, post, bobs)
	gone := say(cleo, post, top)
	cleo.Delete("/v1/comments/" + gone).Want(204)
	see(cleo)
	for _, c := range []*harness.Client{f.bob, cleo} {
		c.Put("/v1/accounts/"+f.alice.Account.ID+"/follow", nil).Want(204)
		see(c)
	}
	f.alice.Put("/v1/posts/"+post+"/answer", map[string]any{"commentId": answer}).Want(200)
	see(f.alice)
	check := func(c *harness.Client, who string, comments, replies float64, answered any, followers float64) {
		t.Helper()
		p := c.Get("/v1/posts/" + post).Want(200).Map()
		listed := c.Get(f.posts()).Want(200).Items()[0]
		below := c.Get("/v1/posts/" + post + "/comments").Want(200).Items()
		seen := 0.0
		for _, m := range below {
			if m["deleted"] == false {
				seen++
			}
		}
		account := c.Get("/v1/accounts/" + f.alice.Account.ID).Want(200).Map()
		if p["comments"] != comments || listed["comments"] != comments || seen != comments || p["answerId"] != answered ||
			c.Get("/v1/comments/" + top).Want(200).Map()["replies"] != replies || account["followers"] != followers {
			t.Errorf("%s: %v comments, %v in the list of posts, %v below, answer %v, %v followers", who, p["comments"], listed["comments"], seen, p["answerId"], account["followers"])
		}
	}
	everybody := func() {
		t.Helper()
		check(f.alice, "alice", 4, 2, answer, 2)
		check(readers[3], "anybody", 4, 2, answer, 2)
	}
	everybody()
	f.bob.Put("/v1/accounts/"+cleo.Account.ID+"/block", nil).Want(204)
	see(f.bob)
	everybody()
	check(f.bob, "bob", 2, 1, nil, 1)
	check(cleo, "cleo", 3, 1, answer, 1)
	cleo.Put("/v1/accounts/"+f.bob.Account.ID+"/block", nil).Want(404)
	f.bob.Delete("/v1/accounts/" + cleo.Account.ID + "/block").Want(204)
	see(f.bob)
	check(f.bob, "bob again", 4, 2, answer, 2)
}

// F8: a mute is known to nobody else.
func TestF8_Mute(t *testing.T) {
	t.Parallel()
	s := harness.Start(t)
	ada, bob := s.NewPerson("ada"), s.NewPerson("bob")
	for range 2 {
		ada.Put("/v1/accounts/"+bob.Account.ID+"/mute", nil).Want(204)
	}
	if v := viewerOf(ada, bob.Account.ID); v["muting"] != true || v["blocking"] != false {
		t.Errorf("%v", v)
	}
	if got := handles(ada.Get("/v1/me/mutes")); !slices.Equal(got, []string{bob.Account.Handle}) {
		t.Errorf("%v", got)
	}
	bob.Position = ada.Position
	if v := viewerOf(bob, ada.Account.ID); v["muting"] != false {
		t.Errorf("bob knows: %v", v)
	}
	bob.Put("/v1/accounts/"+ada.Account.ID+"/follow", nil).Want(204)
	for range 2 {
		ada.Delete("/v1/accounts/" + bob.Account.ID + "/mute").Want(204)
	}
	if got := handles(ada.Get("/v1/me/mutes")); len(got) != 0 {
		t.Errorf("%v", got)
	}
}

// F8: what was related is the same after a restart.
func TestF8_Restart(t *testing.T) {
	t.Parallel()
	s := harness.Start(t)
	ada, bob, cleo := s.NewPerson("ada"), s.NewPerson("bob"), s.NewPerson("cleo")
	bob.Put("/v1/accounts/"+ada.Account.ID+"/follow", nil).Want(204)
	ada.Put("/v1/accounts/"+cleo.Account.ID+"/block", nil).Want(204)
	s.Stop()
	s.Again(false)
	if v := viewerOf(s.Move(bob), ada.Account.ID); v["following"] != true {
		t.Errorf("%v", v)
	}
	s.Move(cleo).Get("/v1/accounts/" + ada.Account.ID).Want(404)
}

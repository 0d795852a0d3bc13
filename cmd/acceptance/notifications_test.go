package acceptance

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/parleyhq/parley/cmd/acceptance/harness"
)

// told are an inbox's items as "kind actor actors subject-type read".
func told(c *harness.Client) (lines []string, unread, readUpTo float64) {
	var inbox struct {
		Items []struct {
			Kind    string
			Actor   *struct{ DisplayName string }
			Actors  int
			Subject struct{ Type, ID string }
			Read    bool
		}
		Unread, ReadUpTo float64
	}
	c.Get("/v1/notifications").Want(200).Into(&inbox)
	for _, i := range inbox.Items {
		actor := "nobody"
		if i.Actor != nil {
			actor = i.Actor.DisplayName
		}
		lines = append(lines, fmt.Sprintf("%s %s %d %s %v", i.Kind, actor, i.Actors, i.Subject.Type, i.Read))
	}
	return lines, inbox.Unread, inbox.ReadUpTo
}

func tells(t *testing.T, what string, c *harness.Client, unread float64, want ...string) {
	t.Helper()
	got, count, _ := told(c)
	if d := cmp.Diff(want, got); d != "" || count != unread {
		t.Errorf("%s: %v unread, want %v (-want +got)\n%s", what, count, unread, d)
	}
}

// N1, N2: replies, reactions and follows; grouped while unread; never to
// oneself, to those who mute, or across a block.
func TestN1_ForumAndFollows(t *testing.T) {
	t.Parallel()
	s := harness.Start(t)
	alice, bob, carol, dave := s.NewPerson("alice"), s.NewPerson("bob"), s.NewPerson("carol"), s.NewPerson("dave")
	admin := s.Admin()
	board := newBoard(s, admin)
	seeing(admin, alice)
	post := alice.Post("/v1/boards/"+board+"/posts", body{"title": "t", "body": "b"}).Want(201).ID()
	seeing(alice, bob, carol, dave)
	tells(t, "nothing yet", alice, 0)

	bob.Put("/v1/posts/"+post+"/reactions/like", nil).Want(204)
	seeing(bob, alice, carol)
	tells(t, "a reaction", alice, 1, "post_reaction bob 1 post false")
	carol.Put("/v1/posts/"+post+"/reactions/like", nil).Want(204)
	carol.Put("/v1/posts/"+post+"/reactions/sad", nil).Want(204)
	seeing(carol, alice, bob)
	tells(t, "grouped", alice, 3, "post_reaction carol 2 post false")
	comment := bob.Post("/v1/posts/"+post+"/comments", body{"body": "c"}).Want(201).ID()
	seeing(bob, alice, carol)
	tells(t, "a reply", alice, 4, "reply bob 1 comment false", "post_reaction carol 2 post false")
	alice.Post("/v1/posts/"+post+"/comments", body{"body": "c", "parentId": comment}).Want(201)
	alice.Put("/v1/posts/"+post+"/reactions/like", nil).Want(204)
	alice.Put("/v1/comments/"+comment+"/reactions/love", nil).Want(204)
	alice.Put("/v1/accounts/"+bob.Account.ID+"/follow", nil).Want(204)
	alice.Put("/v1/accounts/"+bob.Account.ID+"/follow", nil).Want(204)
	seeing(alice, bob)
	tells(t, "never of oneself", alice, 4, "reply bob 1 comment false", "post_reaction carol 2 post false")
	tells(t, "answer, reaction, follow", bob, 3, "follow alice 1 account false", "comment_reaction alice 1 comment false", "reply alice 1 comment false")

	alice.Put("/v1/accounts/"+carol.Account.ID+"/mute", nil).Want(204)
	alice.Put("/v1/accounts/"+dave.Account.ID+"/block", nil).Want(204)
	seeing(alice, carol, dave)
	carol.Put("/v1/posts/"+post+"/reactions/happy", nil).Want(204)
	dave.Put("/v1/posts/"+post+"/reactions/happy", nil).Want(404)
	seeing(carol, alice)
	tells(t, "by whom one mutes or blocks", alice, 4, "reply bob 1 comment false", "post_reaction carol 2 post false")

	// What was told stays told, as numbered frames do.
	alice.Put("/v1/accounts/"+bob.Account.ID+"/block", nil).Want(204)
	seeing(alice, bob)
	tells(t, "by who blocks one now", bob, 3, "follow alice 1 account false", "comment_reaction alice 1 comment false", "reply alice 1 comment false")
}

// N1, F2: whom a post or a comment mentions is told, once; a mention wins over
// a reply, and that over a followed post. Who is mentioned in a scheduled post
// is told when it is published.
func TestN1_Mentions(t *testing.T) {
	t.Parallel()
	s := harness.Start(t, harness.Flags("--due-every=20ms"))
	alice, bob, carol := s.NewPerson("alice"), s.NewPerson("bob"), s.NewPerson("carol")
	admin := s.Admin()
	board := newBoard(s, admin)
	seeing(admin, alice)
	dear := "@" + bob.Account.Handle + " @" + bob.Account.Handle + " @" + alice.Account.Handle
	post := makePost(alice, board, body{"title": "For @" + bob.Account.Handle, "body": dear})
	seeing(alice, bob, carol)
	tells(t, "a post", bob, 1, "mention alice 1 post false")
	tells(t, "oneself", alice, 0)
	bob.Put("/v1/posts/"+post+"/follow", nil).Want(204)
	seeing(bob, carol)
	thread := say(bob, post, "")
	seeing(bob, carol)
	carol.Post("/v1/posts/"+post+"/comments", body{"body": "Dear @" + bob.Account.Handle, "parentId": thread}).Want(201)
	seeing(carol, bob, alice)
	tells(t, "a comment that answers", bob, 2, "comment_mention carol 1 comment false", "mention alice 1 post false")
	tells(t, "the author of the post", alice, 2, "reply carol 1 comment false", "reply bob 1 comment false")

	secret := makePost(alice, board, body{"anonymous": true, "body": dear})
	carol.Put("/v1/accounts/"+bob.Account.ID+"/block", nil).Want(204)
	seeing(carol, alice)
	makePost(carol, board, body{"body": dear})
	carol.Post("/v1/posts/"+post+"/comments", body{"body": dear}).Want(201)
	seeing(carol, bob, alice)
	want := []string{"mention nobody 1 post false", "comment_mention carol 1 comment false", "mention alice 1 post false"}
	tells(t, "anonymous, and not across a block", bob, 3, want...)
	tells(t, "of carol's", alice, 4, "comment_mention carol 1 comment false", "mention carol 1 post false", "reply carol 1 comment false", "reply bob 1 comment false")
	if newest := bob.Get("/v1/notifications").Want(200).Items()[0]; dig(newest, "subject", "id") != secret || newest["actor"] != nil {
		t.Errorf("of the anonymous post: %v", newest)
	}

	later := schedule(alice, board, 300*time.Millisecond, body{"body": dear}).ID()
	s.Eventually("the scheduled one", func() bool {
		lines, _, _ := told(bob)
		return len(lines) == 4 && strings.Contains(bob.Get("/v1/notifications?limit=1").Want(200).String(), later)
	})
	tells(t, "scheduled", bob, 4, append([]string{"mention alice 1 post false"}, want...)...)
	alice.Patch("/v1/posts/"+later, body{"body": dear + " again"}).Want(200)
	seeing(alice, bob)
	tells(t, "an edit tells nobody again", bob, 4, append([]string{"mention alice 1 post false"}, want...)...)
}

// N1: an anonymous author is told of replies, and is nobody to others.
func TestN1_Anonymous(t *testing.T) {
	t.Parallel()
	s := harness.Start(t)
	alice, bob := s.NewPerson("alice"), s.NewPerson("bob")
	admin := s.Admin()
	board := newBoard(s, admin)
	seeing(admin, alice)
	post := alice.Post("/v1/boards/"+board+"/posts", body{"title": "t", "body": "b", "anonymous": true}).Want(201).ID()
	seeing(alice, bob)
	comment := bob.Post("/v1/posts/"+post+"/comments", body{"body": "who?"}).Want(201).ID()
	seeing(bob, alice)
	tells(t, "the author", alice, 1, "reply bob 1 comment false")
	alice.Post("/v1/posts/"+post+"/comments", body{"body": "me", "parentId": comment}).Want(201)
	seeing(alice, bob)
	tells(t, "who was answered", bob, 1, "reply nobody 1 comment false")
	if raw := string(bob.Get("/v1/notifications").Want(200).Raw); strings.Contains(raw, alice.Account.ID) || strings.Contains(raw, alice.Account.Handle) {
		t.Errorf("the author leaks: %s", raw)
	}
}

// N1: chat is told once for a room until it is read there.
func TestN1_Chat(t *testing.T) {
	t.Parallel()
	s := harness.Start(t)
	alice, bob := s.NewPerson("alice"), s.NewPerson("bob")
	room := group(alice, bob)
	path := "/v1/rooms/" + room
	for range 3 {
		alice.Post(path+"/messages", body{"text": "hi"}).Want(201)
	}
	seeing(alice, bob)
	tells(t, "three messages", bob, 1, "chat alice 1 room false")
	tells(t, "own messages", alice, 0)
	bob.Put("/v1/notifications/read", body{"number": 1}).Want(204)
	seeing(bob, alice)
	alice.Post(path+"/messages", body{"text": "hi"}).Want(201)
	seeing(alice, bob)
	tells(t, "not read there", bob, 0, "chat alice 1 room true")
	bob.Put(path+"/read", body{"number": 99}).Want(204)
	seeing(bob, alice)
	alice.Post(path+"/messages", body{"text": "hi"}).Want(201)
	seeing(alice, bob)
	tells(t, "read there", bob, 1, "chat alice 1 room false", "chat alice 1 room true")
}

// N2: read up to here, never back; pages; numbers are those of the inbox.
func TestN2_Inbox(t *testing.T) {
	t.Parallel()
	s := harness.Start(t)
	alice, bob := s.NewPerson("alice"), s.NewPerson("bob")
	admin := s.Admin()
	board := newBoard(s, admin)
	seeing(admin, alice)
	var posts []string
	for range 5 {
		posts = append(posts, alice.Post("/v1/boards/"+board+"/posts", body{"title": "t", "body": "b"}).Want(201).ID())
	}
	seeing(alice, bob)
	for _, post := range posts {
		bob.Put("/v1/posts/"+post+"/reactions/like", nil).Want(204)
	}
	bob.Put("/v1/posts/"+posts[0]+"/reactions/love", nil).Want(204) // 6, with 1
	seeing(bob, alice)
	var numbers []float64
	for path := "/v1/notifications?limit=2"; ; {
		a := alice.Get(path).Want(200)
		for _, n := range a.Items() {
			numbers = append(numbers, n["number"].(float64))
		}
		if a.Next() == "" {
			break
		}
		path = "/v1/notifications?limit=2&cursor=" + a.Next()
	}
	if d := cmp.Diff([]float64{6, 5, 4, 3, 2}, numbers); d != "" {
		t.Errorf("pages (-want +got)\n%s", d)
	}
	alice.Put("/v1/notifications/read", body{"number": 3}).Want(204)
	if _, unread, read := told(alice); unread != 3 || read != 3 {
		t.Errorf("read up to %v, %v unread", read, unread)
	}
	alice.Put("/v1/notifications/read", body{"number": 2}).Want(204)
	items := alice.Get("/v1/notifications").Want(200).Items()
	numbers = nil
	for _, n := range items {
		numbers = append(numbers, n["number"].(float64))
		if n["read"] != (n["number"].(float64) <= 3) {
			t.Errorf("%v", n)
		}
	}
	if d := cmp.Diff([]float64{6, 5, 4, 3, 2, 1}, numbers); d != "" {
		t.Errorf("what was read stands alone (-want +got)\n%s", d)
	}
	alice.Put("/v1/notifications/read", body{"number": 1 << 40}).Want(204)
	if _, unread, read := told(alice); unread != 0 || read != 7 { // reading took number 7
		t.Errorf("read up to %v, %v unread", read, unread)
	}
	alice.Put("/v1/notifications/read", body{}).Want(422)
	alice.Put("/v1/notifications/read", body{"number": -1}).Want(422)
	alice.Put("/v1/notifications/read", body{"number": nil}).Want(422)
	s.Client().Get("/v1/notifications").Want(401)
}

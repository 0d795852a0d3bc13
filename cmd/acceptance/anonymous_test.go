package acceptance

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/parleyhq/parley/cmd/acceptance/harness"
	"github.com/parleyhq/parley/domain/event"
)

// secretPost is an anonymous post of alice's with everything around it that
// its author and others can do.
type secretPost struct {
	*forum
	post, draft, answer, own string // ids; own is alice's comment under it
	pictures                 []string
}

func newSecretPost(t *testing.T) *secretPost {
	t.Helper()
	f := newForum(t)
	f.bob.Put("/v1/accounts/"+f.alice.Account.ID+"/follow", nil).Want(204)
	f.bob.Put("/v1/boards/"+f.board+"/follow", nil).Want(204)
	f.see(f.bob)
	s := &secretPost{forum: f}
	for n := range 3 {
		s.pictures = append(s.pictures, f.alice.Upload("post", harness.Picture(100, 50, uint8(n+1))).Want(201).ID())
	}
	s.draft = makePost(f.alice, f.board, map[string]any{"anonymous": true, "draft": true, "title": "Not yet", "images": s.pictures[:1]})
	s.post = makePost(f.alice, f.board, map[string]any{
		"anonymous": true, "type": "question", "title": "Whose? #whisper", "body": "Dear @" + f.bob.Account.Handle + " #secret",
		"images": s.pictures[1:2], "thumbnail": s.pictures[2],
	})
	makePost(f.alice, f.board, map[string]any{ // signed
		"body": "#loud", "thumbnail": f.alice.Upload("post", harness.Picture(100, 50, 1)).Want(201).ID(),
	})
	for _, secret := range s.pictures { // they would tell whose the post is
		f.alice.Post(f.posts(), map[string]any{"title": "Loud", "body": "B", "images": []string{secret}}).Want(422, "image.unknown")
	}
	f.alice.Patch("/v1/posts/"+s.post, map[string]any{"body": "Edited, @" + f.bob.Account.Handle + " #secret"}).Want(200)
	f.alice.Patch("/v1/posts/"+s.draft, map[string]any{"title": "Still not", "publishAt": in(time.Hour)}).Want(200)
	f.see(f.alice)
	s.answer = say(f.bob, s.post, "")
	f.bob.Put("/v1/posts/"+s.post+"/reactions/like", nil).Want(204)
	f.see(f.bob)
	s.own = say(f.alice, s.post, s.answer)
	f.alice.Patch("/v1/comments/"+s.own, map[string]any{"body": "Edited, @" + f.bob.Account.Handle}).Want(200)
	f.alice.Delete("/v1/comments/" + say(f.alice, s.post, "")).Want(204)
	f.alice.Put("/v1/posts/"+s.post+"/answer", map[string]any{"commentId": s.answer}).Want(200)
	f.alice.Put("/v1/posts/"+s.post+"/reactions/love", nil).Want(204)
	f.alice.Put("/v1/comments/"+s.answer+"/reactions/love", nil).Want(204)
	f.alice.Put("/v1/comments/"+s.own+"/reactions/sad", nil).Want(204)
	f.alice.Delete("/v1/comments/" + s.own + "/reactions/sad").Want(204)
	f.alice.Put("/v1/posts/"+s.post+"/bookmark", map[string]any{"folder": "mine"}).Want(204)
	f.alice.Put("/v1/posts/"+s.post+"/bookmark", nil).Want(204)
	f.alice.Delete("/v1/posts/" + s.post + "/bookmark").Want(204)
	f.alice.Put("/v1/posts/"+s.post+"/bookmark", map[string]any{"folder": "mine"}).Want(204)
	f.alice.Put("/v1/posts/"+s.post+"/follow", nil).Want(204)
	f.alice.Delete("/v1/posts/" + s.post + "/follow").Want(204)
	f.alice.Put("/v1/posts/"+s.post+"/follow", nil).Want(204)
	f.see(f.alice)
	return s
}

// F2, Q9, invariants 9 and 11: no answer to anybody tells who wrote an
// anonymous post or its author's comments.
func TestQ9_AnonymousAnswers(t *testing.T) {
	t.Parallel()
	s := newSecretPost(t)
	names := []string{s.alice.Account.ID, s.alice.Account.Handle, strings.Split(s.alice.Account.Handle, "_")[0]}
	for _, c := range []*harness.Client{s.bob, s.admin, s.Client()} {
		c.Get("/v1/posts/" + s.draft).Want(404)
		for _, at := range []string{
			"/v1/posts/" + s.post, "/v1/posts/" + s.post + "/comments", "/v1/comments/" + s.own, "/v1/posts/" + s.post + "/comments?sort=best",
			"/v1/posts/" + s.post + "/comments?parent=" + s.answer, "/v1/hashtags/secret/posts", "/v1/hashtags/whisper/posts", "/v1/hashtags/secret",
			"/v1/hashtags", "/v1/boards/" + s.board, "/v1/boards",
		} {
			a := c.Get(at).Want(200)
			headers := fmt.Sprint(a.Header)
			for _, name := range names {
				if bytes.Contains(a.Raw, []byte(name)) || strings.Contains(headers, name) {
					t.Errorf("%s tells %q: %s", at, name, a)
				}
			}
		}
		// Lists that hold alice's signed post too: the anonymous one has no author.
		for _, list := range []string{s.posts(), "/v1/feed", "/v1/feed?public=true"} {
			for _, item := range c.Get(list).Want(200).Items() {
				if item["id"] == s.post && (item["author"] != nil || item["anonymous"] != true || dig(item, "viewer", "mine") != false) {
					t.Errorf("%s: %v", list, item)
				}
			}
		}
		if got := allPages(c, "/v1/accounts/"+s.alice.Account.ID+"/posts"); slices.Contains(got, s.post) {
			t.Errorf("her posts: %v", got)
		}
		if a := c.Get("/v1/accounts/" + s.alice.Account.ID).Map(); a["posts"] != 1.0 {
			t.Errorf("her count: %v", a["posts"])
		}
	}
	mine := s.alice.Get("/v1/posts/" + s.post).Want(200).Map()
	if mine["author"] != nil || dig(mine, "viewer", "mine") != true || mine["answerId"] != s.answer || mine["comments"] != 2.0 {
		t.Errorf("as she sees it: %v", mine)
	}
	if dig(mine, "viewer", "bookmarked") != true || dig(mine, "viewer", "following") != true {
		t.Errorf("what she keeps and follows: %v", mine["viewer"])
	}
	own := s.alice.Get("/v1/comments/" + s.own).Want(200).Map()
	if own["author"] != nil || dig(own, "viewer", "mine") != true {
		t.Errorf("her comment: %v", own)
	}
	if !slices.Contains(allPages(s.alice, "/v1/me/posts"), s.post) || !slices.Contains(allPages(s.alice, "/v1/feed"), s.post) {
		t.Error("she lost her own post")
	}
	if b := s.bob.Get("/v1/boards/" + s.board).Map(); b["posts"] != 2.0 {
		t.Errorf("the board counts %v", b["posts"])
	}
}

// F2, F9: an anonymous post comes by its board and hashtags, never because
// its author is followed; trends count it as somebody of its own.
func TestQ9_AnonymousInFeeds(t *testing.T) {
	t.Parallel()
	s := newSecretPost(t)
	s.bob.Delete("/v1/boards/" + s.board + "/follow").Want(204)
	if got := allPages(s.bob, "/v1/feed"); slices.Contains(got, s.post) || len(got) != 1 {
		t.Errorf("by its author: %v", got)
	}
	s.bob.Put("/v1/hashtags/secret/follow", nil).Want(204)
	if got := allPages(s.bob, "/v1/feed"); !slices.Contains(got, s.post) {
		t.Errorf("by its hashtag: %v", got)
	}
}

// F2: blocks and mutes leave anonymous posts alone, both ways: they would
// tell who wrote them.
func TestQ9_AnonymousAcrossBlocks(t *testing.T) {
	t.Parallel()
	s := newSecretPost(t)
	s.bob.Put("/v1/accounts/"+s.alice.Account.ID+"/mute", nil).Want(204)
	if !slices.Contains(allPages(s.bob, "/v1/feed"), s.post) {
		t.Error("muted: it is gone from the feed")
	}
	s.bob.Put("/v1/accounts/"+s.alice.Account.ID+"/block", nil).Want(204)
	check := func(what string) {
		t.Helper()
		s.bob.Get("/v1/posts/" + s.post).Want(200)
		s.bob.Get("/v1/comments/" + s.own).Want(200)
		for _, list := range []string{s.posts(), "/v1/feed", "/v1/feed?public=true", "/v1/hashtags/secret/posts"} {
			if !slices.Contains(allPages(s.bob, list), s.post) {
				t.Errorf("%s: it is gone from %s", what, list)
			}
		}
		if !slices.Contains(allPages(s.bob, "/v1/posts/"+s.post+"/comments"), s.own) {
			t.Errorf("%s: her comment is gone", what)
		}
		s.bob.Put("/v1/posts/"+s.post+"/reactions/happy", nil).Want(204)
		s.bob.Put("/v1/comments/"+s.own+"/reactions/happy", nil).Want(204)
		say(s.bob, s.post, s.own)
	}
	check("blocking her")
	s.bob.Delete("/v1/accounts/" + s.alice.Account.ID + "/block").Want(204)
	s.alice.Position = s.bob.Position
	s.alice.Put("/v1/accounts/"+s.bob.Account.ID+"/block", nil).Want(204)
	s.bob.Position = s.alice.Position
	check("blocked by her")
	s.alice.Position = s.bob.Position
	s.alice.Get("/v1/posts/" + s.post).Want(200)
}

// F2, N3: sockets tell no author either.
func TestQ9_AnonymousSockets(t *testing.T) {
	t.Parallel()
	s := newSecretPost(t)
	live := s.bob.Dial()
	for _, topic := range []string{"board:" + s.board, "post:" + s.post, "feed", "inbox"} {
		live.Subscribe(topic, nil)
	}
	late := makePost(s.alice, s.board, map[string]any{"anonymous": true, "body": "#secret @" + s.bob.Account.Handle})
	s.alice.Patch("/v1/posts/"+s.post, map[string]any{"title": "Other"}).Want(200)
	last := say(s.alice, s.post, "")
	told := map[string]bool{}
	for !told[last] || !told[late] {
		f := live.Next()
		for _, name := range []string{s.alice.Account.ID, s.alice.Account.Handle} {
			if strings.Contains(f.Raw, name) {
				t.Errorf("a frame tells %q: %s", name, f.Raw)
			}
		}
		id, _ := f.Map()["id"].(string)
		told[id] = true
	}
	if raw := s.bob.Get("/v1/notifications").Want(200).String(); strings.Contains(raw, s.alice.Account.ID) {
		t.Errorf("notifications tell: %s", raw)
	}
}

// Q9, invariant 9: nothing open in the log links an anonymous author to what
// they wrote: no field, no stream's name, no metadata, no key, no correlation.
func TestQ9_AnonymousInTheLog(t *testing.T) {
	t.Parallel()
	s := newSecretPost(t)
	alice := s.alice.Account.ID
	trace := harness.Header{Name: "traceparent", Value: "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"} // one for all that she does
	s.alice.Patch("/v1/posts/"+s.post, map[string]any{"title": "Traced"}, trace).Want(200)
	s.alice.Post(s.posts(), map[string]any{"title": "Traced", "body": "B"}, trace).Want(201)
	s.Eventually("notifications", func() bool { return len(s.bob.Get("/v1/notifications").Items()) > 0 })
	s.Stop()
	log := stoppedLog(t, s.Server)

	signed := map[string]string{} // values found beside alice's id, and where
	hidden := map[string]string{} // values found in what she did anonymously
	things := append([]string{s.post, s.draft, s.own}, s.pictures...)
	var mask string
	for pass := range 2 { // the first finds the pseudonyms
		for rec, err := range log.All(t.Context(), 0, event.Filter{}) {
			if err != nil {
				t.Fatal(err)
			}
			open := rec.Stream + string(rec.Metadata) + string(rec.Data)
			about := slices.ContainsFunc(things, func(id string) bool { return strings.Contains(open, id) })
			if about && strings.Contains(open, alice) {
				t.Errorf("%s of %s names her: %s %s", rec.Type, rec.Stream, rec.Metadata, rec.Data)
			}
			if about && (rec.Type == "post.published.v1" || rec.Type == "post.drafted.v1") {
				var d struct{ Author string }
				if err := json.Unmarshal(rec.Data, &d); err != nil || d.Author == "" || d.Author == alice {
					t.Fatalf("author %q: %v", d.Author, err)
				}
				things, mask = append(things, d.Author), d.Author
			}
			if pass == 0 {
				continue
			}
			meta := rec.Meta()
			values := []string{meta.Actor, meta.Correlation, meta.Causation, meta.Trace, meta.Request}
			for _, key := range keysIn(t, rec.Data) {
				values = append(values, "key "+key)
			}
			for _, v := range values {
				switch {
				case v == "" || v == event.System:
				case strings.Contains(open, alice):
					signed[v] = rec.Type
				case about && strings.Contains(open, mask) || about && meta.Actor != s.bob.Account.ID && meta.Actor != s.admin.Account.ID:
					hidden[v] = rec.Type
				}
			}
		}
	}
	if len(hidden) < 4 || len(signed) < 4 {
		t.Fatalf("the test sees nothing: %v %v", hidden, signed)
	}
	for v, where := range hidden {
		if there, ok := signed[v]; ok {
			t.Errorf("%q stands in %s and in %s", v, where, there)
		}
	}
}

// keysIn are the ids of the keys that seal fields of an event.
func keysIn(t *testing.T, data []byte) []string {
	t.Helper()
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(data, &fields); err != nil {
		t.Fatal(err)
	}
	var keys []string
	for _, raw := range fields {
		var sealed event.Sealed
		if json.Unmarshal(raw, &sealed) == nil && sealed.KeyID != "" {
			keys = append(keys, sealed.KeyID)
		}
	}
	return keys
}

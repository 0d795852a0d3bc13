package acceptance

import (
	"fmt"
	"strings"
	"testing"
)

// F2, F5, invariant 11: whoever reacts under their own anonymous post stays
// nobody there, and is still one person with their own reactions.
func TestF5_AnonymousReactions(t *testing.T) {
	t.Parallel()
	f := newForum(t)
	id := makePost(f.alice, f.board, body{"anonymous": true})
	post := "/v1/posts/" + id
	f.see(f.alice)
	comment := say(f.bob, id, "")
	f.see(f.bob)
	live := f.bob.Dial()
	live.Subscribe("post:"+id, body{"position": f.bob.Position})
	for _, thing := range []string{post, "/v1/comments/" + comment} {
		for range 2 {
			f.alice.Put(thing+"/reactions/like", nil).Want(204)
		}
		f.alice.Put(thing+"/reactions/love", nil).Want(204)
		for range 2 {
			f.alice.Delete(thing + "/reactions/love").Want(204)
		}
		for _, typ := range []string{"reaction.added.v1", "reaction.added.v1", "reaction.removed.v1"} {
			frame := live.NextOf("post:"+id, typ)
			if account, there := frame.Map()["account"]; account != nil || !there || strings.Contains(frame.Raw, f.alice.Account.ID) {
				t.Errorf("a frame tells: %s", frame.Raw)
			}
		}
		f.see(f.alice)
		for who, want := range map[string]string{"her": "map[like:1] [like]", "him": "map[like:1] []"} {
			c := f.alice
			if who == "him" {
				c = f.bob
			}
			shown := c.Get(thing).Want(200).Map()
			if got := fmt.Sprint(shown["reactions"], dig(shown, "viewer", "reactions")); got != want {
				t.Errorf("%s to %s: %s, want %s", thing, who, got, want)
			}
		}
	}
	tells(t, "a reaction of nobody's", f.bob, 2, "comment_reaction nobody 1 comment false")
	tells(t, "her own", f.alice, 1, "reply bob 1 comment false")
}

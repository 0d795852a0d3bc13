package commands

import (
	"context"
	"testing"

	"github.com/google/uuid"

	"github.com/parleyhq/parley/domain/account"
	"github.com/parleyhq/parley/domain/fault"
)

type relating func(ctx context.Context, by Actor, other uuid.UUID, on bool) (Outcome, error)

// F8: oneself, nobody, and who is out of sight.
func TestRelationsRefuse(t *testing.T) {
	t.Parallel()
	c := newCommunity(t)
	n := c.node(c.store)
	ada, _ := c.member(n, "ada")
	bob, _ := c.member(n, "bob")
	for name, relate := range map[string]relating{"follow": n.Follow, "block": n.Block, "mute": n.Mute} {
		for _, on := range []bool{true, false} {
			_, err := relate(t.Context(), ada, ada.Account, on)
			want(t, err, account.ErrSelf)
			_, err = relate(t.Context(), ada, uuid.New(), on)
			want(t, err, fault.ErrNotFound)
		}
		for _, on := range []bool{true, true, false, false} {
			if _, err := relate(t.Context(), ada, bob.Account, on); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
	}
	if _, err := n.Block(t.Context(), bob, ada.Account, true); err != nil {
		t.Fatal(err)
	}
	for _, relate := range []relating{n.Follow, n.Block, n.Mute} {
		_, err := relate(t.Context(), ada, bob.Account, true)
		want(t, err, fault.ErrNotFound)
	}
	_, err := n.Follow(t.Context(), bob, ada.Account, true)
	want(t, err, fault.ErrNotFound)
}

// F8: a block ends follows both ways; lifting it restores none.
func TestBlockEndsFollows(t *testing.T) {
	t.Parallel()
	c := newCommunity(t)
	n := c.node(c.store)
	ada, _ := c.member(n, "ada")
	bob, _ := c.member(n, "bob")
	follow := func(by Actor, other uuid.UUID, changed bool) {
		t.Helper()
		if out, err := n.Follow(t.Context(), by, other, true); err != nil || out.Changed != changed {
			t.Errorf("%+v %v", out, err)
		}
	}
	follow(ada, bob.Account, true)
	follow(bob, ada.Account, true)
	if _, err := n.Block(t.Context(), ada, bob.Account, true); err != nil {
		t.Fatal(err)
	}
	if _, err := n.Block(t.Context(), ada, bob.Account, false); err != nil {
		t.Fatal(err)
	}
	follow(ada, bob.Account, true) // it had ended
	follow(bob, ada.Account, true)
}

// F8: a crash between a block and the ends of the follows heals: the follows
// do not come back with the block's end, and can be begun anew.
func TestBlockAfterACrash(t *testing.T) {
	t.Parallel()
	for _, n := range []int{2, 3} { // the append that is lost: the end of either follow
		c := newCommunity(t)
		healthy := c.node(c.store)
		ada, _ := c.member(healthy, "ada")
		bob, _ := c.member(healthy, "bob")
		for _, pair := range [][2]Actor{{ada, bob}, {bob, ada}} {
			if _, err := healthy.Follow(t.Context(), pair[0], pair[1].Account, true); err != nil {
				t.Fatal(err)
			}
		}
		store := stallAt(c.store, n, false)
		dying := c.node(store)
		ended := make(chan error, 1)
		go func() {
			_, err := dying.Block(context.Background(), ada, bob.Account, true)
			ended <- err
		}()
		<-store.stalls
		store.goOn(true)
		if <-ended == nil {
			t.Error("the crash went unnoticed")
		}
		if _, err := healthy.Block(t.Context(), ada, bob.Account, false); err != nil {
			t.Fatal(err)
		}
		for _, pair := range [][2]Actor{{ada, bob}, {bob, ada}} {
			if out, err := healthy.Follow(t.Context(), pair[0], pair[1].Account, true); err != nil || !out.Changed {
				t.Errorf("append %d: %+v %v", n, out, err)
			}
		}
	}
}

package commands

import (
	"strings"
	"testing"

	"github.com/google/uuid"

	"github.com/parleyhq/parley/domain/fault"
	"github.com/parleyhq/parley/domain/text"
)

// A12: the operator finds people by id, handle and address, and makes them
// administrators or takes that back, for a reason.
func TestAdministratorsAtTheOperatorsWord(t *testing.T) {
	t.Parallel()
	c := newCommunity(t)
	n := c.node(c.store)
	bob, _ := c.member(n, "bob")
	for _, name := range []string{bob.Account.String(), "bob", "@Bob", " bob@example.org "} {
		if id, err := n.FindAccount(t.Context(), name); err != nil || id != bob.Account {
			t.Errorf("%q: %v %v", name, id, err)
		}
	}
	for _, name := range []string{"", "nobody", "@", "no@example.org", uuid.NewString(), uuid.Nil.String()} {
		_, err := n.FindAccount(t.Context(), name)
		want(t, err, fault.ErrNotFound)
	}
	for _, changes := range []bool{true, false} {
		if out, err := n.GrantAdministrator(t.Context(), bob.Account); err != nil || out.Changed != changes {
			t.Errorf("granted: %+v %v", out, err)
		}
	}
	if is, err := n.administrator(t.Context(), bob.Account); err != nil || !is {
		t.Errorf("%v %v", is, err)
	}
	for reason, wanted := range map[string]*fault.Fault{" ": fault.ErrInvalid, "a\x00": text.ErrInvalid, strings.Repeat("x", maxReason+1): fault.ErrInvalid} {
		_, err := n.RevokeAdministrator(t.Context(), bob.Account, reason)
		want(t, err, wanted)
	}
	for _, changes := range []bool{true, false} {
		if out, err := n.RevokeAdministrator(t.Context(), bob.Account, "left the team"); err != nil || out.Changed != changes {
			t.Errorf("revoked: %+v %v", out, err)
		}
	}
	_, err := n.GrantAdministrator(t.Context(), uuid.New())
	want(t, err, fault.ErrNotFound)
	_, err = n.RevokeAdministrator(t.Context(), uuid.New(), "x")
	want(t, err, fault.ErrNotFound)
}

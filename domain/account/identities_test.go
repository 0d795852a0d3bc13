package account

import (
	"errors"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/parleyhq/parley/domain/event"
	"github.com/parleyhq/parley/domain/fault"
)

// fold applies events to an account.
func fold(a *Account, all ...event.Data) {
	for _, d := range all {
		a.Apply(event.Decoded{Record: event.Record{ID: uuid.New(), Time: time.UnixMilli(1)}, Payload: d})
	}
}

// A9: what links, what unlinks, and that the last way in stays.
func TestA9_Identities(t *testing.T) {
	t.Parallel()
	x := IdentityLinked{Provider: "x", Issuer: "https://x", Claim: "identity-x", Subject: "1", Email: "a@x"}
	y := IdentityLinked{Provider: "y", Issuer: "https://y", Claim: "identity-y", Subject: "1"}
	other := IdentityLinked{Provider: "x", Issuer: "https://x", Claim: "identity-z", Subject: "2"}
	password := Registered{PasswordHash: "$", EmailClaim: "email-a", HandleClaim: "handle-a"}
	none := Registered{EmailClaim: "email-a", HandleClaim: "handle-a"}
	for name, test := range map[string]struct {
		given  []event.Data
		do     func(*Account) ([]event.Data, error)
		events int
		want   error
	}{
		"link":                     {[]event.Data{password}, link(x), 1, nil},
		"again":                    {[]event.Data{password, x}, link(x), 0, nil},
		"two providers":            {[]event.Data{password, x}, link(y), 1, nil},
		"two of a provider":        {[]event.Data{password, x}, link(other), 0, ErrIdentityExists},
		"another in its place":     {[]event.Data{password, x, IdentityUnlinked{"x", x.Claim}}, link(other), 1, nil},
		"nobody":                   {nil, link(x), 0, fault.ErrNotFound},
		"abandoned":                {[]event.Data{Voided{}}, link(x), 0, fault.ErrNotFound},
		"unlink beside a password": {[]event.Data{password, x}, unlink("x"), 1, nil},
		"unlink one of two":        {[]event.Data{none, x, y}, unlink("x"), 1, nil},
		"the last one":             {[]event.Data{none, x}, unlink("x"), 0, ErrLastWayIn},
		"the last of two":          {[]event.Data{none, x, y, IdentityUnlinked{"y", y.Claim}}, unlink("x"), 0, ErrLastWayIn},
		"none":                     {[]event.Data{password}, unlink("x"), 0, fault.ErrNotFound},
		"lost by a fence":          {[]event.Data{password, x, ClaimVoided{x.Claim}}, unlink("x"), 0, fault.ErrNotFound},
	} {
		a := New()
		fold(a, test.given...)
		events, err := test.do(a)
		if len(events) != test.events || !errors.Is(err, test.want) {
			t.Errorf("%s: %v %v", name, events, err)
		}
	}
	for _, between := range []event.Data{y, IdentityUnlinked{"y", y.Claim}, ClaimVoided{x.Claim}} {
		a := New()
		fold(a, password)
		begun := a.Naming()
		fold(a, between)
		if _, err := a.LinkIdentity(x, begun); !errors.Is(err, ErrSuperseded) {
			t.Errorf("after %T: %v", between, err)
		}
	}
}

func link(l IdentityLinked) func(*Account) ([]event.Data, error) {
	return func(a *Account) ([]event.Data, error) { return a.LinkIdentity(l, a.Naming()) }
}

func unlink(provider string) func(*Account) ([]event.Data, error) {
	return func(a *Account) ([]event.Data, error) {
		_, events, err := a.UnlinkIdentity(provider)
		return events, err
	}
}

// A1, A9: handles of names as people write them.
func TestA9_SuggestHandle(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]string{
		"Ada Lovelace": "ada_lovelace", "Zoë Müller-Straße": "zoe_muller_strasse", "O'Brien, Pat": "obrien_pat", "  J. R. R.  Tolkien ": "j_r_r_tolkien",
		"Søren Ærø": "soren_aero", "ＡＤＡ": "ada", "日本語": "", "Ada 日本": "ada", "x": "", "__": "", "": "", "x.y+z": "x_y_z",
		"abcdefghij abcdefghi abcdefghijk": "abcdefghij_abcdefghi_abcdefghi", "\x00\xffada": "ada",
	} {
		if got := SuggestHandle(name, DefaultLimits()); got != want {
			t.Errorf("%q: %q, want %q", name, got, want)
		}
	}
}

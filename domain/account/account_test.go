package account_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/parleyhq/parley/domain/account"
	"github.com/parleyhq/parley/domain/event"
	"github.com/parleyhq/parley/domain/fault"
	"github.com/parleyhq/parley/domain/text"
)

var (
	me     = uuid.MustParse("01890a5d-ac96-774b-bcce-b302099a8057")
	other  = uuid.MustParse("01890a5d-ac96-774b-bcce-b302099a8058")
	at     = time.Date(2030, 1, 1, 12, 0, 0, 0, time.UTC)
	limits = account.DefaultLimits()

	registered = account.Registered{
		Email: "ada@example.org", EmailClaim: "email-a", Handle: "ada", HandleClaim: "handle-a",
		DisplayName: "Ada", PasswordHash: "$hash", Roles: []string{account.Member},
	}
	requested = account.VerificationRequested{
		Email: "ada@example.org", Claim: "email-a", TokenHash: []byte("token"), CodeHash: []byte("code"), ExpiresAt: at.Add(15 * time.Minute),
	}
	verified = account.EmailVerified{Email: "ada@example.org", Claim: "email-a"}
	lost     = account.ClaimVoided{Claim: "email-a"}
)

// given folds events into an account.
func given(events ...event.Data) *account.Account {
	a := account.New()
	for i, d := range events {
		a.Apply(event.Decoded{Record: event.Record{Revision: uint64(i), ID: uuid.UUID{15: byte(i + 1)}, Time: at}, Payload: d})
	}
	return a
}

func then(t *testing.T, got []event.Data, err error, want []event.Data, wantErr error) {
	t.Helper()
	if !errors.Is(err, wantErr) {
		t.Errorf("error %v, want %v", err, wantErr)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// A1: a sign-up comes through once, and never after it was abandoned.
func TestRegister(t *testing.T) {
	t.Parallel()
	elsewhere := registered
	elsewhere.EmailClaim = "email-b"
	for name, c := range map[string]struct {
		given []event.Data
		with  account.Registered
		want  []event.Data
		err   error
	}{
		"new":              {nil, registered, []event.Data{registered, requested}, nil},
		"again":            {[]event.Data{registered}, registered, nil, nil},
		"another":          {[]event.Data{registered}, elsewhere, nil, account.ErrAbandoned},
		"taken over since": {[]event.Data{account.Voided{}}, registered, nil, account.ErrAbandoned},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := given(c.given...).Register(c.with, requested)
			then(t, got, err, c.want, c.err)
		})
	}
}

// Invariant 3: whoever takes a name over fences its old claimant, and cannot
// where that one owns it by right.
func TestFence(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		given  []event.Data
		claim  string
		lapsed bool
		want   []event.Data
		ok     bool
	}{
		"never came":             {nil, "email-a", false, []event.Data{account.Voided{}}, true},
		"fenced before":          {[]event.Data{account.Voided{}}, "email-a", false, nil, true},
		"owns the address":       {[]event.Data{registered}, "email-a", false, nil, false},
		"owns the handle":        {[]event.Data{registered}, "handle-a", true, nil, false},
		"verified, though old":   {[]event.Data{registered, requested, verified}, "email-a", true, nil, false},
		"not verified in time":   {[]event.Data{registered}, "email-a", true, []event.Data{lost}, true},
		"names another":          {[]event.Data{registered}, "email-b", false, []event.Data{account.ClaimVoided{Claim: "email-b"}}, true},
		"lost it":                {[]event.Data{registered, lost}, "email-a", false, []event.Data{lost}, true},
		"changes to it":          {[]event.Data{registered, verified, sought}, "email-b", true, nil, false},
		"changed its mind":       {[]event.Data{registered, verified, sought, account.EmailChangeWithdrawn{}}, "email-b", false, []event.Data{account.ClaimVoided{Claim: "email-b"}}, true},
		"is first administrator": {[]event.Data{registered}, account.SetupStream, false, nil, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, ok := given(c.given...).Fence(c.claim, c.lapsed, at)
			if ok != c.ok {
				t.Errorf("ok %v, want %v", ok, c.ok)
			}
			then(t, got, nil, c.want, nil)
		})
	}
}

func TestNames(t *testing.T) {
	t.Parallel()
	a := given(registered)
	if !a.Names("email-a") || !a.Names("handle-a") || a.Names("email-b") {
		t.Error("after sign-up")
	}
	a = given(registered, requested, lost)
	if a.Names("email-a") || !a.Names("handle-a") || a.Email != "" {
		t.Error("after the address was lost")
	}
	if given(registered, account.Voided{}).Names("email-a") {
		t.Error("a void account names nothing")
	}
}

// A4: the newest proof, once, in time, for an address that is still there.
func TestVerifyToken(t *testing.T) {
	t.Parallel()
	newer := requested
	newer.TokenHash = []byte("newer")
	for name, c := range map[string]struct {
		given []event.Data
		token string
		after time.Duration
		want  []event.Data
		err   error
	}{
		"right":          {[]event.Data{registered, requested}, "token", 14 * time.Minute, []event.Data{verified}, nil},
		"wrong":          {[]event.Data{registered, requested}, "other", 0, nil, account.ErrVerification},
		"old":            {[]event.Data{registered, requested}, "token", 15 * time.Minute, nil, account.ErrVerification},
		"used":           {[]event.Data{registered, requested, verified}, "token", 0, nil, account.ErrVerification},
		"replaced":       {[]event.Data{registered, requested, newer}, "token", 0, nil, account.ErrVerification},
		"the newer":      {[]event.Data{registered, requested, newer}, "newer", 0, []event.Data{verified}, nil},
		"lost address":   {[]event.Data{registered, requested, lost}, "token", 0, nil, account.ErrVerification},
		"none requested": {[]event.Data{registered}, "", 0, nil, account.ErrVerification},
		"no account":     {nil, "token", 0, nil, account.ErrVerification},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := given(c.given...).VerifyToken([]byte(c.token), at.Add(c.after))
			then(t, got, err, c.want, c.err)
		})
	}
}

// A4: a code dies after five wrong tries; the link lives on.
func TestVerifyCode(t *testing.T) {
	t.Parallel()
	tries := func(n int) []event.Data {
		events := []event.Data{registered, requested}
		for range n {
			events = append(events, account.VerificationFailed{})
		}
		return events
	}
	for name, c := range map[string]struct {
		given       []event.Data
		claim, code string
		want        []event.Data
		wrong       bool
		err         error
	}{
		"right":            {tries(0), "email-a", "code", []event.Data{verified}, false, nil},
		"wrong":            {tries(0), "email-a", "nope", []event.Data{account.VerificationFailed{}}, true, nil},
		"right, fifth":     {tries(4), "email-a", "code", []event.Data{verified}, false, nil},
		"right, too late":  {tries(5), "email-a", "code", nil, false, account.ErrVerification},
		"wrong, no more":   {tries(5), "email-a", "nope", nil, false, account.ErrVerification},
		"another address":  {tries(0), "email-b", "code", nil, false, account.ErrVerification},
		"new mail":         {append(tries(5), requested), "email-a", "code", []event.Data{verified}, false, nil},
		"used":             {append(tries(0), verified), "email-a", "code", nil, false, account.ErrVerification},
		"nothing to prove": {[]event.Data{registered}, "", "", nil, false, account.ErrVerification},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, wrong, err := given(c.given...).VerifyCode(c.claim, []byte(c.code), at, limits)
			if wrong != c.wrong {
				t.Errorf("wrong %v", wrong)
			}
			then(t, got, err, c.want, c.err)
		})
	}
	if _, err := given(tries(5)...).VerifyToken([]byte("token"), at); err != nil {
		t.Errorf("the link: %v", err)
	}
}

func TestRequestVerification(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		given []event.Data
		want  []event.Data
		err   error
	}{
		"open":     {[]event.Data{registered}, []event.Data{requested}, nil},
		"again":    {[]event.Data{registered, requested}, []event.Data{requested}, nil},
		"verified": {[]event.Data{registered, verified}, nil, nil},
		"lost":     {[]event.Data{registered, lost}, nil, nil},
		"nobody":   {nil, nil, fault.ErrNotFound},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := given(c.given...).RequestVerification([]byte("token"), []byte("code"), requested.ExpiresAt)
			then(t, got, err, c.want, c.err)
		})
	}
}

// A7: what stays as it is is not said again.
func TestChangeProfile(t *testing.T) {
	t.Parallel()
	links := []account.Link{{Kind: "other", URL: "https://example.org"}}
	for name, c := range map[string]struct {
		given []event.Data
		patch account.ProfileChanged
		want  []event.Data
		err   error
	}{
		"nothing":   {[]event.Data{registered}, account.ProfileChanged{}, nil, nil},
		"the same":  {[]event.Data{registered}, account.ProfileChanged{DisplayName: new("Ada"), Bio: new("")}, nil, nil},
		"part":      {[]event.Data{registered}, account.ProfileChanged{DisplayName: new("Ada"), Bio: new("x")}, []event.Data{account.ProfileChanged{Bio: new("x")}}, nil},
		"links":     {[]event.Data{registered}, account.ProfileChanged{Links: &links}, []event.Data{account.ProfileChanged{Links: &links}}, nil},
		"no links":  {[]event.Data{registered}, account.ProfileChanged{Links: &[]account.Link{}}, nil, nil},
		"unlinked":  {[]event.Data{registered, account.ProfileChanged{Links: &links}}, account.ProfileChanged{Links: &[]account.Link{}}, []event.Data{account.ProfileChanged{Links: &[]account.Link{}}}, nil},
		"unchanged": {[]event.Data{registered, account.ProfileChanged{Links: &links}}, account.ProfileChanged{Links: &links}, nil, nil},
		"nobody":    {nil, account.ProfileChanged{Bio: new("x")}, nil, fault.ErrNotFound},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := given(c.given...).ChangeProfile(c.patch)
			then(t, got, err, c.want, c.err)
		})
	}
}

// A7: every bad field at once.
func TestCheckProfile(t *testing.T) {
	t.Parallel()
	long := func(n int) *string { return new(strings.Repeat("é", n)) }
	for name, c := range map[string]struct {
		patch account.ProfileChanged
		want  []fault.Detail
	}{
		"at the bounds": {account.ProfileChanged{DisplayName: long(50), Bio: long(500), Signature: long(160)}, nil},
		"beyond them": {
			account.ProfileChanged{DisplayName: long(51), Bio: long(501), Signature: long(161)},
			[]fault.Detail{fault.Field("displayName", text.TooLong), fault.Field("bio", text.TooLong), fault.Field("signature", text.TooLong)},
		},
		"blank": {account.ProfileChanged{DisplayName: new(" ")}, []fault.Detail{fault.Field("displayName", text.Required)}},
		"good links": {account.ProfileChanged{Links: &[]account.Link{
			{Kind: "twitter", URL: "https://twitter.com/ada"}, {Kind: "other", Name: "日本", URL: "http://例え.jp/x?y=z#w"},
		}}, nil},
		"bad links": {
			account.ProfileChanged{Links: &[]account.Link{
				{Kind: "myspace", URL: "https://example.org"}, {Kind: "other", URL: "javascript:alert(1)"}, {Kind: "other"},
				{Kind: "other", URL: "//example.org"}, {Kind: "other", URL: "https://"}, {Kind: "other", URL: `https://a/"onload=x`},
				{Kind: "other", URL: "ftp://example.org"}, {Kind: "other", URL: "https://:80/"},
			}},
			[]fault.Detail{
				fault.Field("links[0].kind", "unknown"), fault.Field("links[1].url", "url"), fault.Field("links[2].url", text.Required),
				fault.Field("links[3].url", "url"), fault.Field("links[4].url", "url"), fault.Field("links[5].url", "url"),
				fault.Field("links[6].url", "url"), fault.Field("links[7].url", "url"),
			},
		},
		"too many": {account.ProfileChanged{Links: new(make([]account.Link, account.MaxLinks+1))}, []fault.Detail{fault.Field("links", "too_many")}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var check text.Check
			account.CheckProfile(c.patch, limits, &check)
			if diff := cmp.Diff(c.want, []fault.Detail(check.Checks)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// S4: ending all sessions ends those of before, but the one that is kept.
func TestEndSessions(t *testing.T) {
	t.Parallel()
	kept, gone := uuid.UUID{1}, uuid.UUID{2}
	a := given(registered)
	if a.Over(kept, 0) {
		t.Error("over before anything ended")
	}
	events := a.EndSessions(kept)
	then(t, events, nil, []event.Data{account.SessionsEnded{Epoch: 1, Keep: kept}}, nil)
	a = given(registered, events[0])
	if a.Over(kept, 0) || !a.Over(gone, 0) || a.Over(gone, 1) {
		t.Error("after all but one were ended")
	}
	a = given(registered, events[0], a.EndSessions(uuid.Nil)[0])
	if !a.Over(kept, 0) || !a.Over(gone, 1) || a.Over(gone, 2) {
		t.Error("after all were ended")
	}
	if !given().Over(kept, 0) || !given(registered, account.Voided{}).Over(kept, 0) {
		t.Error("nobody has no sessions")
	}
}

func TestGrant(t *testing.T) {
	t.Parallel()
	got, err := given(registered).Grant(account.Administrator, other)
	then(t, got, err, []event.Data{account.RoleGranted{Role: account.Administrator, By: other}}, nil)
	a := given(registered, got[0])
	if !a.Has(account.Administrator) || !a.Has(account.Member) {
		t.Error("the role is not there")
	}
	got, err = a.Grant(account.Administrator, other)
	then(t, got, err, nil, nil)
	got, err = given().Grant(account.Administrator, other)
	then(t, got, err, nil, fault.ErrNotFound)
}

// A12: a role that is taken back is gone, the others stay, and it says why.
func TestRevoke(t *testing.T) {
	t.Parallel()
	granted := account.RoleGranted{Role: account.Administrator}
	got, err := given(registered, granted).Revoke(account.Administrator, other, "left")
	then(t, got, err, []event.Data{account.RoleRevoked{Role: account.Administrator, By: other, Reason: "left"}}, nil)
	a := given(registered, granted, got[0])
	if a.Has(account.Administrator) || !a.Has(account.Member) {
		t.Errorf("the roles are %v", a.Roles)
	}
	got, err = a.Revoke(account.Administrator, other, "left")
	then(t, got, err, nil, nil)
	got, err = given().Revoke(account.Administrator, other, "left")
	then(t, got, err, nil, fault.ErrNotFound)
}

// Q9: what an event without its key says leaves an account without words.
func TestErased(t *testing.T) {
	t.Parallel()
	a := given(account.Registered{EmailClaim: "email-a", HandleClaim: "handle-a", Roles: []string{account.Member}})
	if a.PasswordHash != "" || a.Handle != "" || !a.Names("handle-a") {
		t.Errorf("%+v", a)
	}
}

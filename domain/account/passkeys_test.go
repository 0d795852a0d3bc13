package account_test

import (
	"slices"
	"testing"

	"github.com/google/uuid"

	"github.com/parleyhq/parley/domain/account"
	"github.com/parleyhq/parley/domain/event"
	"github.com/parleyhq/parley/domain/fault"
)

var added = account.PasskeyAdded{
	Passkey: uuid.UUID{1}, Claim: "passkey-a", Name: "Phone", Credential: []byte("credential"), PublicKey: []byte("key"), Counter: 5,
}

// A10: a passkey is added once, by whoever still holds its claim.
func TestAddPasskey(t *testing.T) {
	t.Parallel()
	another := account.PasskeyAdded{Passkey: uuid.UUID{2}, Claim: "passkey-b"}
	full := []event.Data{registered}
	for i := range account.MaxPasskeys {
		full = append(full, account.PasskeyAdded{Passkey: uuid.UUID{2, byte(i)}, Claim: "passkey-" + string(rune('b'+i))})
	}
	for name, c := range map[string]struct {
		given, between []event.Data // before and after the claim
		want           []event.Data
		err            error
	}{
		"first":      {[]event.Data{registered}, nil, []event.Data{added}, nil},
		"second":     {[]event.Data{registered, another}, nil, []event.Data{added}, nil},
		"used":       {[]event.Data{registered, another}, []event.Data{account.PasskeyUsed{Passkey: another.Passkey}}, []event.Data{added}, nil},
		"again":      {[]event.Data{registered}, []event.Data{added}, nil, nil},
		"same key":   {[]event.Data{registered, account.PasskeyAdded{Passkey: uuid.UUID{3}, Claim: "passkey-a"}}, nil, nil, account.ErrPasskeyTaken},
		"fenced":     {[]event.Data{registered}, []event.Data{account.ClaimVoided{Claim: "passkey-a"}}, nil, account.ErrSuperseded},
		"to and fro": {[]event.Data{registered, another}, []event.Data{account.PasskeyRemoved{Passkey: another.Passkey}}, nil, account.ErrSuperseded},
		"full":       {full, nil, nil, account.ErrPasskeys},
		"no account": {nil, nil, nil, fault.ErrNotFound},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			begun := given(c.given...).Naming()
			got, err := given(slices.Concat(c.given, c.between)...).AddPasskey(added, begun)
			then(t, got, err, c.want, c.err)
		})
	}
	a := given(registered, added)
	if k, ok := a.Passkey([]byte("credential")); !ok || k.Name != "Phone" || !k.CreatedAt.Equal(at) || !k.LastUsedAt.IsZero() {
		t.Errorf("%+v", k)
	}
	if _, ok := a.Passkey(nil); ok {
		t.Error("no credential is one")
	}
	if !a.Names("passkey-a") || given(registered, added, account.PasskeyRemoved{Passkey: added.Passkey}).Names("passkey-a") {
		t.Error("its claim")
	}
	if _, ok := a.Fence("passkey-a", false, at); ok {
		t.Error("it was taken from its owner")
	}
}

// A10: a counter rises, or never counts.
func TestUsePasskey(t *testing.T) {
	t.Parallel()
	never := added
	never.Counter = 0
	used := func(n uint32) event.Data { return account.PasskeyUsed{Passkey: added.Passkey, Counter: n} }
	refused := func(n uint32) event.Data { return account.PasskeyRefused{Passkey: added.Passkey, Counter: n} }
	for name, c := range map[string]struct {
		given   []event.Data
		counter uint32
		want    []event.Data
		refused bool
		err     error
	}{
		"higher":            {[]event.Data{registered, added}, 6, []event.Data{used(6)}, false, nil},
		"the same":          {[]event.Data{registered, added}, 5, []event.Data{refused(5)}, true, nil},
		"none any more":     {[]event.Data{registered, added}, 0, []event.Data{refused(0)}, true, nil},
		"lower than a used": {[]event.Data{registered, added, used(9)}, 8, []event.Data{refused(8)}, true, nil},
		"after a refused":   {[]event.Data{registered, added, refused(3)}, 6, []event.Data{used(6)}, false, nil},
		"never counts":      {[]event.Data{registered, never, used(0)}, 0, []event.Data{used(0)}, false, nil},
		"begins to count":   {[]event.Data{registered, never}, 1, []event.Data{used(1)}, false, nil},
		"removed":           {[]event.Data{registered, added, account.PasskeyRemoved{Passkey: added.Passkey}}, 6, nil, false, fault.ErrNotFound},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, refused, err := given(c.given...).UsePasskey(added.Passkey, c.counter)
			if refused != c.refused {
				t.Errorf("refused: %v", refused)
			}
			then(t, got, err, c.want, c.err)
		})
	}
	if k := given(registered, added, used(9)).Passkeys()[0]; k.Counter != 9 || !k.LastUsedAt.Equal(at) {
		t.Errorf("%+v", k)
	}
}

// A10: the last way in stays.
func TestRemovePasskey(t *testing.T) {
	t.Parallel()
	keyless := registered
	keyless.PasswordHash = ""
	removed := account.PasskeyRemoved{Passkey: added.Passkey}
	for name, c := range map[string]struct {
		given []event.Data
		want  []event.Data
		err   error
	}{
		"beside a password": {[]event.Data{registered, added}, []event.Data{removed}, nil},
		"beside another":    {[]event.Data{keyless, added, account.PasskeyAdded{Passkey: uuid.UUID{2}}}, []event.Data{removed}, nil},
		"the last way in":   {[]event.Data{keyless, added}, nil, account.ErrLastWayIn},
		"removed":           {[]event.Data{registered, added, removed}, nil, fault.ErrNotFound},
		"never there":       {[]event.Data{registered}, nil, fault.ErrNotFound},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := given(c.given...).RemovePasskey(added.Passkey)
			then(t, got, err, c.want, c.err)
		})
	}
}

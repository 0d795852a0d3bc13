package apikey_test

import (
	"bytes"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/google/uuid"

	"github.com/parleyhq/parley/domain/apikey"
	"github.com/parleyhq/parley/domain/event"
	"github.com/parleyhq/parley/domain/fault"
	"github.com/parleyhq/parley/domain/text"
)

var (
	id     = uuid.MustParse("01890a5d-ac96-774b-bcce-b302099a8057")
	ada    = uuid.UUID{1}
	secret = apikey.Secret([apikey.SecretBytes]byte{1, 2, 3})
	made   = apikey.Created{By: ada, Name: "reader", Scopes: []string{apikey.EventsRead}, Hash: apikey.Hash(secret)}
)

func given(events ...event.Data) *apikey.Key {
	k := apikey.New()
	for _, e := range events {
		k.Apply(event.Decoded{Payload: e})
	}
	return k
}

// Q4: a key is made once and revoked once, and nothing brings it back.
func TestKey(t *testing.T) {
	t.Parallel()
	if events := given().Create(made); len(events) != 1 {
		t.Errorf("made: %v", events)
	}
	for name, k := range map[string]*apikey.Key{"made": given(made), "revoked": given(made, apikey.Revoked{By: ada})} {
		if events := k.Create(made); events != nil {
			t.Errorf("%s, made again: %v", name, events)
		}
	}
	if _, err := given().Revoke(ada); !errors.Is(err, fault.ErrNotFound) {
		t.Errorf("never made: %v", err)
	}
	if events, err := given(made).Revoke(ada); err != nil || len(events) != 1 {
		t.Errorf("revoked: %v %v", events, err)
	}
	if events, err := given(made, apikey.Revoked{By: ada}).Revoke(ada); err != nil || events != nil {
		t.Errorf("revoked again: %v %v", events, err)
	}
}

// Q4: a key that was never made, and one whose hash was erased with its maker,
// is opened by nothing.
func TestOpens(t *testing.T) {
	t.Parallel()
	erased := made
	erased.Hash = nil
	for name, test := range map[string]struct {
		key    *apikey.Key
		secret string
		want   bool
	}{
		"its own":       {given(made), secret, true},
		"another":       {given(made), strings.Repeat("0", 52), false},
		"none":          {given(made), "", false},
		"never made":    {given(), secret, false},
		"nothing there": {given(), "", false},
		"erased":        {given(erased), "", false},
	} {
		if got := test.key.Opens(test.secret); got != test.want {
			t.Errorf("%s: %v", name, got)
		}
	}
	if bytes.Contains(made.Hash, []byte(secret)) {
		t.Error("the hash holds the secret")
	}
}

// Q4: the id in a key leads to its stream; nothing that differs is a key.
func TestText(t *testing.T) {
	t.Parallel()
	key := apikey.Text(id, secret)
	if got, s, ok := apikey.Parse(key); !ok || got != id || s != secret {
		t.Errorf("%s: %v %q %v", key, got, s, ok)
	}
	if strings.Trim(key, "abcdefghijklmnopqrstuvwxyz0123456789_") != "" {
		t.Errorf("%s needs an escape somewhere", key)
	}
	for _, wrong := range []string{
		"", "parley_", key[1:], key[:len(key)-1], key + "0", strings.Replace(key, "_"+secret, "-"+secret, 1),
		apikey.Prefix + strings.Repeat("x", 32) + "_" + secret, " " + key, strings.ToUpper(key), "eyJhbGciOiJFZERTQSJ9.e30.x",
	} {
		if _, _, ok := apikey.Parse(wrong); ok {
			t.Errorf("%q is no key", wrong)
		}
	}
}

// Q4: a key has a name and scopes that there are.
func TestCheck(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		name   string
		scopes []string
		want   string
	}{
		"good":      {"reader", []string{apikey.Admin, apikey.EventsRead, apikey.Admin}, ""},
		"all":       {strings.Repeat("日", apikey.MaxName), apikey.Scopes, ""},
		"no name":   {" ", apikey.Scopes, "name required"},
		"long name": {strings.Repeat("x", apikey.MaxName+1), apikey.Scopes, "name too_long"},
		"two lines": {"a\nb", apikey.Scopes, "name characters"},
		"no scopes": {"reader", nil, "scopes required"},
		"unknown":   {"reader", []string{apikey.Admin, "events"}, "scopes unknown"},
		"both":      {"", []string{""}, "name required, scopes unknown"},
	} {
		var check text.Check
		scopes := apikey.Check(&check, test.name, test.scopes)
		var problems []string
		for _, d := range check.Checks {
			problems = append(problems, d.Field+" "+d.Problem)
		}
		if got := strings.Join(problems, ", "); got != test.want {
			t.Errorf("%s: %q", name, got)
		}
		if name == "good" && !slices.Equal(scopes, []string{apikey.EventsRead, apikey.Admin}) {
			t.Errorf("in their order, each once: %v", scopes)
		}
	}
}

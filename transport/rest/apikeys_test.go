package rest

import (
	"slices"
	"testing"

	"github.com/parleyhq/parley/domain/apikey"
)

// Q4: an API key comes in where the route names one of its scopes and nowhere
// else; a bad one is 401 everywhere, and its actor is its maker.
func TestQ4_ScopesOfAPIKeys(t *testing.T) {
	t.Parallel()
	c := toyServer(t)
	toy := "/v1/toys/" + toyThing.String()
	for _, test := range []struct {
		path, key string
		status    int
		slug      string
	}{
		{"/v1/toy-events", toyKey, 200, ""},
		{"/v1/toy-optional", toyKey, 200, ""},
		{"/v1/toy-admin", toyKey, 403, "auth.scope"},
		{toy, toyKey, 403, "auth.scope"}, // that anonymous callers may read
		{toy + "/find", toyKey, 403, "auth.scope"},
		{"/v1/public", toyKey, 200, ""},
		{"/v1/toy-events", toyRevoked, 401, "auth.revoked"},
		{toy, toyRevoked, 401, "auth.revoked"},
		{"/v1/toy-events", apikey.Prefix, 401, "auth.invalid"},
		{"/v1/toy-optional", apikey.Prefix + "x", 401, "auth.invalid"},
		{"/v1/toy-admin", "alice", 200, ""}, // scopes are for keys
	} {
		a := c.do("GET", test.path, "", "Authorization", "Bearer "+test.key).want(t, test.status, test.slug)
		if test.status == 200 && test.path != "/v1/public" {
			if got, _ := a.got(t).([]any); !slices.Equal(got, []any{toyAlice.String(), toyAlice.String()}) {
				t.Errorf("%s: acts for %v", test.path, got)
			}
		}
	}
}

// Q4, S6: keys have one carrier, whatever those of tokens are.
func TestQ4_CarrierOfAPIKeys(t *testing.T) {
	t.Parallel()
	c := toyServer(t, func(cfg *Config) {
		cfg.Carriers = map[string][]Carrier{"toy-events": {Raw, Query, Cookie}}
	})
	c.do("GET", "/v1/toy-events", "", "Authorization", "Bearer "+toyKey).want(t, 200, "")
	c.do("GET", "/v1/toy-events", "", "Authorization", toyKey).want(t, 401, "auth.invalid")
	c.do("GET", "/v1/toy-events?token="+toyKey, "").want(t, 401, "auth.invalid")
	c.do("GET", "/v1/toy-events", "", "Cookie", tokenCookie+"="+toyKey).want(t, 401, "auth.invalid")
}

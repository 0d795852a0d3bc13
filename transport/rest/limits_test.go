package rest

import (
	"context"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/parleyhq/parley/commands"
)

// toyGate notes what it is asked and answers as it is told.
type toyGate struct {
	mu     sync.Mutex
	asked  []commands.Arrival
	levels []commands.Level
	err    error
}

// Admit implements Gate.
func (g *toyGate) Admit(ctx context.Context, a commands.Arrival) (*commands.Actor, []commands.Level, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.asked = append(g.asked, a)
	if g.err != nil || a.Token == "" {
		return a.Key, g.levels, g.err
	}
	by, err := toyAuth{}.Authenticate(ctx, a.Token)
	return &by, g.levels, err
}

func (g *toyGate) taken() []commands.Arrival {
	g.mu.Lock()
	defer g.mu.Unlock()
	all := g.asked
	g.asked = nil
	return all
}

// S11: what the gate is told of each kind of request, and what is not counted.
func TestS11_WhatIsCounted(t *testing.T) {
	t.Parallel()
	gate := &toyGate{}
	mounted := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusTeapot) })
	c := toyServer(t, func(cfg *Config) {
		cfg.Gate = gate
		cfg.Mounts = []Mount{{Pattern: "/v1/socket", Handler: mounted}, {Pattern: "/page", Handler: mounted}}
	})
	toy := "/v1/toys/" + toyThing.String()
	const network = "127.0.0.1"
	key := &commands.Actor{Account: toyAlice, Key: toyThing}
	for _, test := range []struct {
		method, path, authorization string
		status                      int
		want                        commands.Arrival
	}{
		{"GET", toy, "Bearer alice", 200, commands.Arrival{Token: "alice", Network: network, Route: "getToy"}},
		{"HEAD", toy, "Bearer alice", 200, commands.Arrival{Token: "alice", Network: network, Route: "getToy"}},
		{"GET", toy, "", 200, commands.Arrival{Network: network, Route: "getToy"}},
		{"GET", toy, "Bearer bad", 401, commands.Arrival{Token: "bad", Network: network, Route: "getToy"}},
		{"GET", toy, "Basic x", 401, commands.Arrival{Network: network, Route: "getToy"}},
		{"PUT", toy + "/follow", "Bearer alice", 204, commands.Arrival{Token: "alice", Network: network, Route: "followToy", Write: true}},
		{"PUT", toy + "/follow", "", 401, commands.Arrival{Network: network, Route: "followToy", Write: true}},
		{"GET", "/v1/public", "Bearer alice", 200, commands.Arrival{Network: network, Route: "getPublic"}},
		{"GET", "/v1/toy-events", "Bearer " + toyKey, 200, commands.Arrival{Key: key, Network: network, Route: "readToyEvents"}},
		{"GET", "/v1/toy-events", "Bearer " + toyRevoked, 401, commands.Arrival{Network: network, Route: "readToyEvents"}},
		{"GET", "/v1/socket", "", 418, commands.Arrival{Network: network, Route: "/v1/socket"}},
	} {
		a := c.do(test.method, test.path, "", "Authorization", test.authorization)
		got := gate.taken()
		if a.Status != test.status || len(got) != 1 {
			t.Errorf("%s %s %q: %d, asked %+v", test.method, test.path, test.authorization, a.Status, got)
			continue
		}
		if (got[0].Key == nil) != (test.want.Key == nil) || got[0].Key != nil && (got[0].Key.Account != toyAlice || got[0].Key.Key != toyThing) {
			t.Errorf("%s %s: key %+v", test.method, test.path, got[0].Key)
		}
		got[0].Key, test.want.Key = nil, nil
		if got[0] != test.want {
			t.Errorf("%s %s: %+v, want %+v", test.method, test.path, got[0], test.want)
		}
	}
	for _, path := range []string{"/livez", "/readyz", "/actuator/health", "/metrics", "/openapi.json", "/docs", "/page", "/nowhere"} {
		c.do("GET", path, "")
		if got := gate.taken(); len(got) > 0 {
			t.Errorf("%s: asked %+v", path, got)
		}
	}
}

// S11: RateLimit and RateLimit-Policy as structured fields; 429 with them and
// with Retry-After in whole seconds, rounded up.
func TestS11_LimitsAreTold(t *testing.T) {
	t.Parallel()
	gate := &toyGate{levels: []commands.Level{
		{Rule: "account", Rate: commands.Rate{Count: 1200, Per: time.Minute}, Remaining: 1199, Full: 50 * time.Millisecond},
		{Rule: "write", Rate: commands.Rate{Count: 3, Per: 1500 * time.Millisecond}, Remaining: 0, Full: 2 * time.Second},
	}}
	c := toyServer(t, func(cfg *Config) { cfg.Gate = gate })
	const policy, level = `"account";q=1200;w=60, "write";q=3;w=2`, `"account";r=1199;t=1, "write";r=0;t=2`
	told := func(a answer) {
		t.Helper()
		if got := a.Header.Get("RateLimit-Policy"); got != policy {
			t.Errorf("RateLimit-Policy %q, want %q", got, policy)
		}
		if got := a.Header.Get("RateLimit"); got != level {
			t.Errorf("RateLimit %q, want %q", got, level)
		}
	}
	toy := "/v1/toys/" + toyThing.String()
	told(c.do("GET", toy, "", "Authorization", "Bearer alice").want(t, 200, ""))
	told(c.do("GET", toy, "", "Authorization", "Bearer bad").want(t, 401, "auth.invalid"))
	gate.err = commands.ErrLimited.After(1200 * time.Millisecond)
	for _, authorization := range []string{"Bearer alice", "", "Bearer bad", "Basic x"} {
		a := c.do("GET", toy, "", "Authorization", authorization).want(t, 429, "limit.exceeded")
		told(a)
		if got := a.Header.Get("Retry-After"); got != "2" {
			t.Errorf("Retry-After %q", got)
		}
	}
	gate.err, gate.levels = nil, nil
	a := c.do("GET", toy, "").want(t, 200, "")
	if a.Header.Values("RateLimit") != nil || a.Header.Values("RateLimit-Policy") != nil {
		t.Errorf("limits that do not hold are told: %v", a.Header)
	}
}

// S11: which routes of the API have rules of their own, and which are not
// counted.
func TestS11_ScarceRoutes(t *testing.T) {
	t.Parallel()
	scarce := map[string]commands.Scarce{
		"signIn": commands.ScarceSignIn, "signUp": commands.ScarceSignUp, "setUp": commands.ScarceSignUp, "verifyEmail": commands.ScarceConfirm,
		"newCaptcha": commands.ScarceCaptcha, "captchaPicture": commands.ScarceCaptcha, "refreshCaptcha": commands.ScarceCaptcha,
		"requestPasswordReset": commands.ScarceSignUp, "resetPassword": commands.ScarceConfirm,
		"beginOAuth": commands.ScarceSignIn, "exchangeOAuth": commands.ScarceConfirm,
	}
	free := map[string]bool{
		"livez": true, "readyz": true, "actuatorHealth": true, "metrics": true, "openapi": true, "docs": true, "docsScript": true, "docsStyle": true, "jwks": true,
	}
	for _, e := range realServer(t).routes {
		if e.op.Scarce != scarce[e.op.ID] || e.op.Unlimited != free[e.op.ID] {
			t.Errorf("%s: scarce %d, not counted %v", e.op.ID, e.op.Scarce, e.op.Unlimited)
		}
		delete(scarce, e.op.ID)
		delete(free, e.op.ID)
	}
	if len(scarce)+len(free) > 0 {
		t.Errorf("no such routes: %v %v", scarce, free)
	}
}

package rest

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// The floor of the benchmarks does what every request of sendMessage has to
// do, or it would be no fair floor; and nothing else is there.
func TestFloorIsThePipelineAlone(t *testing.T) {
	t.Parallel()
	whole, err := build(toyConfig(), toys)
	if err != nil {
		t.Fatal(err)
	}
	s, err := whole.Floor()
	if err != nil {
		t.Fatal(err)
	}
	path := "/v1/rooms/" + toyThing.String() + "/messages"
	for _, c := range []struct {
		method, path, token, body string
		status                    int
	}{
		{http.MethodPost, path, "alice", `{"text":"hello"}`, 204},
		{http.MethodPost, path, "", `{"text":"hello"}`, 401},
		{http.MethodPost, path, "revoked", `{"text":"hello"}`, 401},
		{http.MethodPost, path, "alice", `{"text":"hello"`, 400},
		{http.MethodPost, path, "alice", `{"text":7}`, 422},
		{http.MethodPost, "/v1/rooms/none/messages", "alice", `{"text":"hello"}`, 404},
		{http.MethodGet, "/v1/nothing", "alice", "", 204},
		{http.MethodGet, "/v1/nothing", "", "", 204},
		{http.MethodGet, "/v1/nothing", "revoked", "", 401},
		{http.MethodPost, "/v1/toys", "alice", `{"text":"hello"}`, 404},
	} {
		r := httptest.NewRequest(c.method, c.path, strings.NewReader(c.body))
		r.Header.Set("Content-Type", mediaJSON)
		if c.token != "" {
			r.Header.Set("Authorization", "Bearer "+c.token)
		}
		w := httptest.NewRecorder()
		s.Handler().ServeHTTP(w, r)
		if w.Code != c.status {
			t.Errorf("%s %s %q as %q: %d %s", c.method, c.path, c.body, c.token, w.Code, w.Body)
		}
	}
}

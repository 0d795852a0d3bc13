package rest

import (
	"bytes"
	"context"
	"errors"
	"mime/multipart"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/parleyhq/parley/domain/fault"
)

// S7: a public route looks at no token, a required one needs it, an optional
// one takes none for anonymous and a bad one never.
func TestS7_PublicOptionalRequired(t *testing.T) {
	t.Parallel()
	c := toyServer(t)
	optional, required := "/v1/toys/"+toyThing.String(), "/v1/toys/"+toyThing.String()+"/find"
	for _, test := range []struct {
		path, authorization string
		status              int
		slug                string
	}{
		{"/v1/public", "", 200, ""},
		{"/v1/public", "Bearer nonsense", 200, ""},
		{optional, "", 200, ""},
		{optional, "Bearer alice", 200, ""},
		{optional, "bearer alice", 200, ""},
		{optional, "Bearer nonsense", 401, "auth.invalid"},
		{optional, "Bearer expired", 401, "auth.expired"},
		{optional, "Bearer revoked", 401, "auth.revoked"},
		{optional, "Bearer", 401, "auth.invalid"},
		{optional, "Bearer ", 401, "auth.invalid"},
		{optional, "Basic YWxpY2U6eA==", 401, "auth.invalid"},
		{optional, "alice", 401, "auth.invalid"}, // raw is not allowed here
		{required, "", 401, "auth.missing"},
		{required, "Bearer nonsense", 401, "auth.invalid"},
		{required, "Bearer alice", 200, ""},
		{required, "Bearer bob", 404, "not_found"},
	} {
		a := c.do("GET", test.path, "", "Authorization", test.authorization).want(t, test.status, test.slug)
		if got := a.Header.Get("WWW-Authenticate"); (got != "") != (test.status == 401) {
			t.Errorf("%s: WWW-Authenticate %q", test.path, got)
		}
	}
	anonymous := c.do("GET", optional, "").got(t)
	if anonymous != "00000000-0000-0000-0000-000000000000" {
		t.Error(anonymous)
	}
	// Two headers are no token.
	r, _ := http.NewRequest("GET", c.url+optional, nil)
	r.Header["Authorization"] = []string{"Bearer alice", "Bearer bob"}
	c.send(r).want(t, 401, "auth.invalid")
}

// S12: all failures of authentication have one shape.
func TestS12_AuthenticationFailuresHaveOneShape(t *testing.T) {
	t.Parallel()
	c := toyServer(t)
	var first []string
	for _, authorization := range []string{"", "Bearer nonsense", "Bearer expired", "Bearer revoked", "Basic x"} {
		a := c.do("GET", "/v1/toys/"+toyThing.String()+"/find", "", "Authorization", authorization)
		var shape []string
		for name := range a.Header {
			if name != "Content-Length" {
				shape = append(shape, name)
			}
		}
		for name, v := range a.JSON {
			if (name == "details" && len(v.([]any)) > 0) || (name == "data" && v != nil) {
				t.Errorf("%q: %s", authorization, a.Raw)
			}
			shape = append(shape, name)
		}
		slices.Sort(shape)
		if first == nil {
			first = shape
		}
		if diff := cmp.Diff(first, shape); diff != "" || a.Status != 401 {
			t.Errorf("%q: %d %s", authorization, a.Status, diff)
		}
		if !strings.HasPrefix(a.Header.Get("WWW-Authenticate"), `Bearer realm="parley"`) {
			t.Error(a.Header.Get("WWW-Authenticate"))
		}
	}
}

// S6: other carriers than Bearer count only where the group allows them, in
// the group's order.
func TestS6_CarriersByGroup(t *testing.T) {
	t.Parallel()
	c := toyServer(t, func(cfg *Config) {
		cfg.Carriers = map[string][]Carrier{"toys": {Raw, Query, Cookie}, "people": {Bearer, Raw}}
	})
	toy, person, other := "/v1/toys/"+toyThing.String(), "/v1/people/@x", "/v1/numbers"
	alice, anonymous := toyAlice.String(), "00000000-0000-0000-0000-000000000000"
	for _, test := range []struct {
		path, header, value string
		status              int
		got                 any
	}{
		{toy, "Authorization", "alice", 200, alice},
		{toy, "Authorization", "Bearer alice", 401, nil}, // not in this group
		{toy + "?token=alice", "", "", 200, alice},
		{toy + "?token=nonsense", "", "", 401, nil},
		{toy + "?token=", "", "", 401, nil},
		{toy, "Cookie", "parley_token=alice", 200, alice},
		{toy, "Cookie", "parley_token=nonsense", 401, nil},
		{toy, "Cookie", "other=alice", 200, anonymous},
		{toy + "?token=bob", "Authorization", "alice", 200, alice},
		{person, "Authorization", "alice", 200, "x"},
		{person, "Authorization", "Bearer alice", 200, "x"},
		{person, "Authorization", "Basic alice", 401, nil},
		{other + "?token=nonsense", "", "", 200, nil}, // not looked at: anonymous
		{other, "Cookie", "parley_token=nonsense", 200, nil},
		{other, "Authorization", "alice", 401, nil},
	} {
		a := c.do("GET", test.path, "", test.header, test.value)
		if a.Status != test.status {
			t.Errorf("%s %s %q: %d %s", test.path, test.header, test.value, a.Status, a.Raw)
		}
		if test.got != nil && a.got(t) != test.got {
			t.Errorf("%s %s %q: %v", test.path, test.header, test.value, a.got(t))
		}
	}
}

// S6: a form field carries a token, in multipart and urlencoded forms, and the
// route still gets the whole body.
func TestS6_FormFieldsCarryTokens(t *testing.T) {
	t.Parallel()
	c := toyServer(t, func(cfg *Config) { cfg.Carriers = map[string][]Carrier{"files": {Bearer, Form}, "toys": {Form}} })
	form := func(fields ...string) (body, kind string) {
		var b bytes.Buffer
		w := multipart.NewWriter(&b)
		for i := 0; i < len(fields); i += 2 {
			_ = w.WriteField(fields[i], fields[i+1])
		}
		_ = w.Close()
		return b.String(), w.FormDataContentType()
	}
	for _, test := range []struct {
		fields []string
		status int
		slug   string
	}{
		{[]string{"purpose", "avatar", "token", "alice"}, 200, ""},
		{[]string{"token", "alice", "purpose", "avatar"}, 200, ""},
		{[]string{"purpose", "avatar"}, 401, "auth.missing"},
		{[]string{"purpose", "avatar", "token", "nonsense"}, 401, "auth.invalid"},
		{[]string{"purpose", strings.Repeat("x", 4096), "token", "alice"}, 413, "body.too_large"},
	} {
		body, kind := form(test.fields...)
		a := c.do("POST", "/v1/files", body, "Content-Type", kind).want(t, test.status, test.slug)
		if test.status == 200 && a.Raw != "avatar of "+toyAlice.String() {
			t.Error(a.Raw)
		}
	}
	c.do("POST", "/v1/files", "token=alice", "Content-Type", "application/x-www-form-urlencoded").want(t, 415, "body.type")
	c.do("POST", "/v1/toys", "token="+url.QueryEscape("alice"), "Content-Type", "application/x-www-form-urlencoded").want(t, 415, "body.type")
	c.do("POST", "/v1/toys", "token=nonsense", "Content-Type", "application/x-www-form-urlencoded").want(t, 401, "auth.invalid")
	c.do("POST", "/v1/files", "--broken", "Content-Type", "multipart/form-data; boundary=b").want(t, 401, "auth.missing")
}

// Invariant 11: 401 comes before 403 and 404, those before 400, 415 and 422,
// and 409 and 412 come last, so that no error tells of a hidden thing.
func TestS12_OrderOfChecks(t *testing.T) {
	t.Parallel()
	c := toyServer(t)
	path := "/v1/toys/" + toyThing.String()
	bad := []string{"Content-Encoding", "gzip", "If-Match", "nonsense", positionHeader, "nonsense"}
	c.do("PATCH", path, `{"title":`, bad...).want(t, 401, "auth.missing")
	c.do("PATCH", "/v1/toys/17", `{"title":`, bad...).want(t, 401, "auth.missing")
	bob := append([]string{"Authorization", "Bearer bob"}, bad...)
	c.do("PATCH", path, `{"title":`, bob...).want(t, 404, "not_found")
	c.do("PATCH", "/v1/toys/17", `{"title":`, bob...).want(t, 404, "not_found")
	c.do("PATCH", path, strings.Repeat("x", 2<<20), "Authorization", "Bearer bob").want(t, 404, "not_found")
	c.do("GET", path+"/find?count=99&flag=maybe", "", "Authorization", "Bearer bob").want(t, 404, "not_found")
	alice := []string{"Authorization", "Bearer alice"}
	c.do("PATCH", path, `{}`, append(alice, positionHeader, "nonsense")...).want(t, 400, "position.invalid")
	c.do("PATCH", path, `{}`, append(alice, "If-Match", "nonsense")...).want(t, 400, "match.malformed")
	c.do("PATCH", path, `{"title":`, append(alice, "If-Match", `"old"`)...).want(t, 400, "json.malformed")
	c.do("PATCH", path, `{"title":1}`, append(alice, "If-Match", `"old"`)...).want(t, 422, "request.invalid")
	c.do("PATCH", path, `{}`, append(alice, "If-Match", `"old"`)...).want(t, 412, "match.failed")
}

// Steps run after authentication, before anything is read; their errors and
// headers are the answer's.
func TestS11_StepsRunBeforeAnythingIsRead(t *testing.T) {
	t.Parallel()
	c := toyServer(t, func(cfg *Config) {
		cfg.Steps = []Step{func(_ context.Context, c *Call) error {
			c.Header().Set("RateLimit", c.Group())
			switch {
			case c.Account() == toyBob && c.Operation().ID == "makeToy":
				return fault.New(fault.Forbidden, "account.suspended", "Suspended.")
			case c.Request.URL.Query().Has("boom"):
				return errors.New("boom")
			}
			return nil
		}}
	})
	a := c.do("POST", "/v1/toys", `{"title":`, "Authorization", "Bearer bob").want(t, 403, "account.suspended")
	if a.Header.Get("RateLimit") != "toys" {
		t.Error(a.Header)
	}
	c.do("POST", "/v1/toys", `{"title":`).want(t, 401, "auth.missing")
	c.do("POST", "/v1/toys", `{"title":"x"}`, "Authorization", "Bearer alice").want(t, 201, "")
	c.do("GET", "/v1/public?boom", "").want(t, 500, "internal")
}

package rest

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/parleyhq/parley/domain/fault"
)

// The time of the toys' clock, as every answer writes it.
const toyTime = "2026-01-31T11:00:00.123Z"

// S12: the standard envelope, to the letter.
func TestS12_StandardEnvelope(t *testing.T) {
	t.Parallel()
	c := toyServer(t)
	a := c.do("GET", "/v1/public", "").want(t, 200, "")
	if a.Raw != `{"code":200,"message":"ok","data":{"got":true},"timestamp":"`+toyTime+"\"}\n" || a.Header.Get("Content-Type") != "application/json" {
		t.Error(a.Raw)
	}
	a = c.do("GET", "/v1/fail/wrapped", "").want(t, 409, "toy.taken")
	want := `{"code":409,"message":"Taken.","data":null,"timestamp":"` + toyTime +
		`","error":"toy.taken","details":[{"field":"title","problem":"taken"}],"traceId":"` + a.JSON["traceId"].(string) + "\"}\n"
	if diff := cmp.Diff(want, a.Raw); diff != "" {
		t.Error(diff)
	}
	a = c.do("GET", "/v1/fail/internal", "").want(t, 500, "internal")
	if !strings.Contains(a.Raw, `"details":[]`) {
		t.Error("no details are no list")
	}
	a = c.do("PUT", "/v1/toys/"+toyThing.String()+"/follow", "", "Authorization", "Bearer alice").want(t, 204, "")
	if a.Raw != "" || a.Header.Get("Parley-Position") == "" || a.Header.Get("Content-Type") != "" {
		t.Errorf("%+v", a)
	}
	a = c.do("POST", "/v1/toys", `{"title":"<b>&"}`, "Authorization", "Bearer alice").want(t, 201, "")
	if a.JSON["code"] != 201.0 || a.Header.Get("Etag") != `"`+toyThing.String()+`"` || !strings.Contains(a.Raw, "<b>&") {
		t.Error(a.Raw)
	}
}

// S12: always200 says everything in the body, 204 included.
func TestS12_Always200Envelope(t *testing.T) {
	t.Parallel()
	c := toyServer(t, func(cfg *Config) { cfg.Envelope = Always200 })
	if a := c.do("GET", "/v1/public", ""); a.Status != 200 || a.Raw != `{"status_code":0,"status_msg":"ok","data":{"got":true},"timestamp":"`+toyTime+"\"}\n" {
		t.Error(a.Raw)
	}
	for path, want := range map[string]float64{"/v1/fail/wrapped": 409, "/nowhere": 404, "/v1/toys/" + toyThing.String() + "/find": 401} {
		a := c.do("GET", path, "")
		if a.Status != 200 || a.JSON["status_code"] != want || a.JSON["data"] != nil || a.JSON["error"] == nil ||
			a.JSON["status_msg"] == "" || a.JSON["timestamp"] != toyTime || a.JSON["traceId"] == "" || a.JSON["details"] == nil || a.JSON["code"] != nil {
			t.Errorf("%s: %d %s", path, a.Status, a.Raw)
		}
	}
	for _, test := range [][3]string{
		{"POST", "/v1/toys", `{"title":"x"}`}, {"PUT", "/v1/toys/" + toyThing.String() + "/follow", ""},
	} {
		a := c.do(test[0], test[1], test[2], "Authorization", "Bearer alice")
		if a.Status != 200 || a.JSON["status_code"] != 0.0 || a.Header.Get("Parley-Position") == "" {
			t.Errorf("%s: %d %s", test[1], a.Status, a.Raw)
		}
	}
	for path, status := range map[string]int{"/livez": 200, "/readyz": 200, "/openapi.json": 200, "/docs": 200, "/metrics": 200} {
		if a := c.do("GET", path, ""); a.Status != status || a.JSON["status_code"] != nil {
			t.Errorf("%s lost its own form: %d", path, a.Status)
		}
	}
}

// S12: problem changes errors only, as RFC 9457 has it.
func TestS12_ProblemEnvelope(t *testing.T) {
	t.Parallel()
	c := toyServer(t, func(cfg *Config) { cfg.Envelope = Problem })
	if a := c.do("GET", "/v1/public", "").want(t, 200, ""); a.JSON["code"] != 200.0 || a.Header.Get("Content-Type") != "application/json" {
		t.Error(a.Raw)
	}
	a := c.do("GET", "/v1/fail/wrapped", "").want(t, 409, "toy.taken")
	want := map[string]any{
		"type": "urn:parley:error:toy.taken", "title": "Conflict", "status": 409.0, "detail": "Taken.", "error": "toy.taken",
		"details": []any{map[string]any{"field": "title", "problem": "taken"}}, "traceId": a.JSON["traceId"],
	}
	if diff := cmp.Diff(want, a.JSON); diff != "" || a.Header.Get("Content-Type") != "application/problem+json" {
		t.Error(a.Header.Get("Content-Type"), diff)
	}
}

// S12: Accept chooses an envelope where it names one outright.
func TestS12_AcceptChoosesTheEnvelope(t *testing.T) {
	t.Parallel()
	servers := map[Envelope]*client{}
	for _, e := range []Envelope{Standard, Always200, Problem} {
		servers[e] = toyServer(t, func(cfg *Config) { cfg.Envelope = e })
	}
	formOf := func(a answer) Envelope {
		switch {
		case a.Header.Get("Content-Type") == mediaProblem && a.Status == 409:
			return Problem
		case a.JSON["status_code"] == 409.0 && a.Status == 200:
			return Always200
		case a.JSON["code"] == 409.0 && a.Status == 409:
			return Standard
		}
		return "none"
	}
	for _, test := range []struct {
		accept  string
		setting Envelope
		want    Envelope
	}{
		{"*/*", Standard, Standard},
		{"*/*", Always200, Always200},
		{"application/json", Always200, Always200},
		{"application/json", Problem, Problem},
		{"text/html", Problem, Problem},
		{"application/problem+json", Standard, Problem},
		{"Application/Problem+JSON; q=0.5", Standard, Problem},
		{"application/json, application/problem+json", Standard, Problem},
		{"application/problem+json", Always200, Problem},
		{"application/problem+json;q=0", Standard, Standard},
		{"application/problem+json;q=0", Problem, Standard},
		{"application/problem+json;q=nonsense", Standard, Standard},
		{"application/vnd.parley.always200+json", Standard, Always200},
		{"application/vnd.parley.always200+json;q=0.2, application/problem+json", Standard, Problem},
	} {
		if got := formOf(servers[test.setting].do("GET", "/v1/fail/wrapped", "", "Accept", test.accept)); got != test.want {
			t.Errorf("Accept %q at %s: %s, want %s", test.accept, test.setting, got, test.want)
		}
	}
}

// S12: every kind of fault has a row in the one table, every slug one kind.
func TestS12_EveryKindHasAStatus(t *testing.T) {
	t.Parallel()
	for kind := fault.Malformed; kind <= fault.Internal; kind++ {
		if statuses[kind] < 400 || http.StatusText(statuses[kind]) == "" {
			t.Errorf("kind %d has no status", kind)
		}
	}
	if statusOf(&fault.Fault{}) != http.StatusInternalServerError {
		t.Error("a kind without a row is no bug")
	}
}

// Times are UTC with milliseconds, whatever was given.
func TestS12_Times(t *testing.T) {
	t.Parallel()
	b, err := json.Marshal(struct {
		At    Time  `json:"at"`
		Never *Time `json:"never"`
	}{At(toyClock), AtOrNull(time.Time{})})
	if err != nil || string(b) != `{"at":"`+toyTime+`","never":null}` {
		t.Error(string(b), err)
	}
	for in, want := range map[string]string{
		`"2026-01-31T12:00:00Z"`: "2026-01-31T12:00:00.000Z", `"2026-01-31T12:00:00.123999+02:00"`: "2026-01-31T10:00:00.123Z",
		`"9999-12-31T23:59:59-01:00"`: "", `"2026-01-31"`: "", `17`: "", `""`: "",
	} {
		var got Time
		err := json.Unmarshal([]byte(in), &got)
		if (err == nil) != (want != "") {
			t.Errorf("%s: %v", in, err)
			continue
		}
		if text, _ := got.MarshalText(); err == nil && string(text) != want {
			t.Errorf("%s: %s", in, text)
		}
	}
}

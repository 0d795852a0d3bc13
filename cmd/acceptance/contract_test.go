package acceptance

import (
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"hash/crc32"
	"path/filepath"
	"regexp"
	"strconv"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/parleyhq/parley/cmd/acceptance/harness"
	"github.com/parleyhq/parley/domain/event"
	"github.com/parleyhq/parley/infra/pebble"
)

// S12: one envelope, by setting or by Accept, for answers and errors alike.
func TestS12_Envelopes(t *testing.T) {
	t.Parallel()
	var standard struct {
		Code               int
		Message, Timestamp string
		Data               json.RawMessage
		Error, TraceID     string
		Details            []map[string]string
	}
	s := harness.Start(t)
	c := s.Client()
	a := c.Get("/v1/boards").Want(200)
	if err := json.Unmarshal(a.Raw, &standard); err != nil || standard.Code != 200 || standard.Message != "ok" || string(standard.Data) == "null" {
		t.Errorf("%v: %s", err, a)
	}
	if !regexp.MustCompile(`^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$`).MatchString(standard.Timestamp) {
		t.Errorf("timestamp %q", standard.Timestamp)
	}
	bad := map[string]any{"email": "no address", "handle": "!", "password": "short"}
	a = c.Post("/v1/accounts", bad).Want(422)
	if err := json.Unmarshal(a.Raw, &standard); err != nil || standard.Code != 422 || string(standard.Data) != "null" ||
		standard.Error == "" || standard.TraceID == "" || len(standard.Details) != 3 {
		t.Errorf("%v: %s", err, a)
	}

	problem := harness.Header{Name: "Accept", Value: "application/problem+json"}
	var p map[string]any
	a = c.Post("/v1/accounts", bad, problem).Want(422)
	if err := json.Unmarshal(a.Raw, &p); err != nil || a.Header.Get("Content-Type") != "application/problem+json" ||
		p["status"] != 422.0 || p["title"] == nil || p["error"] == nil || p["details"] == nil || p["traceId"] == nil {
		t.Errorf("%v: %s", err, a)
	}
	c.Get("/v1/boards", problem).Want(200) // changes errors alone

	failures := map[string]*harness.Answer{
		"missing": c.Get("/v1/me"),
		"invalid": c.Get("/v1/me", harness.Header{Name: "Authorization", Value: "Bearer nonsense"}),
	}
	for slug, a := range failures {
		a.Want(401, "auth."+slug)
		if a.Header.Get("WWW-Authenticate") == "" || string(a.Data) != "null" {
			t.Errorf("%s: %v %s", slug, a.Header, a)
		}
	}

	always := harness.Start(t, harness.Flags("--envelope=always200")).Client()
	for path, want := range map[string]int{"/v1/boards": 0, "/v1/me": 401, "/v1/nowhere": 404} {
		var body struct {
			Code *int   `json:"status_code"`
			Msg  string `json:"status_msg"`
		}
		a := always.Get(path).Want(200)
		if err := json.Unmarshal(a.Raw, &body); err != nil || body.Code == nil || *body.Code != want || body.Msg == "" {
			t.Errorf("%s: %v: %s", path, err, a)
		}
	}
	always.Get("/livez").Want(200)
	always.Get("/.well-known/jwks.json").Want(200) // keeps its own form
}

// Q11: whoever carries the position of a write reads it, from any list.
func TestQ11_ReadYourWrites(t *testing.T) {
	t.Parallel()
	const wait = 8 * time.Second // which a machine that is shared needs
	s := harness.Start(t, harness.Flags("--position-wait="+wait.String()))
	admin, ada, ben := s.Admin(), s.NewPerson("ada"), s.NewPerson("ben")
	board := admin.Post("/v1/boards", map[string]any{"name": harness.NewHandle("Board")}).Want(201).ID()
	for i := range 30 {
		ada.Position = admin.Position
		title := fmt.Sprintf("post %d", i)
		made := ada.Post("/v1/boards/"+board+"/posts", map[string]any{"title": title, "body": "text"}).Want(201)
		ben.Position = made.Header.Get("Parley-Position")
		if first := ben.Get("/v1/boards/" + board + "/posts?limit=1").Want(200).Items()[0]; first["title"] != title {
			t.Fatalf("after writing %q the list begins with %q", title, first["title"])
		}
		ben.Put("/v1/posts/"+made.ID()+"/reactions/like", nil).Want(204)
		ada.Position = ben.Position
		if told := ada.Get("/v1/notifications").Want(200).Map(); told["unread"] != float64(i+1) {
			t.Fatalf("after %d reactions %v are told", i+1, told["unread"])
		}
	}

	at := func(token string) harness.Header { return harness.Header{Name: "Parley-Position", Value: token} }
	ada.Get("/v1/boards", at("nonsense")).Want(400, "position.invalid")
	ada.Get("/v1/boards", at(positionToken(t, ada.Position, func(raw []byte) { raw[3] ^= 1 }))).Want(409, "position.epoch")
	began := time.Now()
	ahead := ada.Get("/v1/boards", at(positionToken(t, ada.Position, func(raw []byte) { binary.BigEndian.PutUint64(raw[17:], 1<<40) }))).Want(503)
	if seconds, err := strconv.Atoi(ahead.Header.Get("Retry-After")); err != nil || seconds < 1 || time.Since(began) < wait {
		t.Errorf("Retry-After %q after %s", ahead.Header.Get("Retry-After"), time.Since(began))
	}
}

// positionToken is a token changed and made whole again.
func positionToken(t *testing.T, token string, change func([]byte)) string {
	t.Helper()
	raw, err := base64.RawURLEncoding.DecodeString(token)
	if err != nil || len(raw) != 29 {
		t.Fatalf("token %q: %v", token, err)
	}
	change(raw)
	binary.BigEndian.PutUint32(raw[25:], crc32.ChecksumIEEE(raw[:25]))
	return base64.RawURLEncoding.EncodeToString(raw)
}

// Q11: If-Match holds or is 412; ETag names the thing's own newest change.
func TestQ11_IfMatch(t *testing.T) {
	t.Parallel()
	s := harness.Start(t)
	admin, ada := s.Admin(), s.NewPerson("ada")
	board := admin.Post("/v1/boards", map[string]any{"name": harness.NewHandle("Board")}).Want(201).ID()
	ada.Position = admin.Position
	made := ada.Post("/v1/boards/"+board+"/posts", map[string]any{"title": "one", "body": "text"}).Want(201)
	path, first := "/v1/posts/"+made.ID(), made.Header.Get("ETag")
	match := func(tag string) harness.Header { return harness.Header{Name: "If-Match", Value: tag} }

	ada.Post(path+"/comments", map[string]any{"body": "a comment is not a change of the post"}).Want(201)
	if tag := ada.Get(path).Header.Get("ETag"); tag != first || tag == "" {
		t.Errorf("ETag %q became %q by a comment", first, tag)
	}
	second := ada.Patch(path, map[string]any{"title": "two"}, match(first)).Want(200).Header.Get("ETag")
	if second == first {
		t.Error("an edit leaves the ETag as it was")
	}
	ada.Patch(path, map[string]any{"title": "three"}, match(first)).Want(412)
	ada.Patch(path, map[string]any{"title": "three"}, match("no quotes")).Want(400)
	if title := ada.Get(path).Map()["title"]; title != "two" {
		t.Errorf("a refused edit left %q", title)
	}
	ada.Patch(path, map[string]any{"title": "three"}, match(second)).Want(200)
}

// stoppedLog is the log of a server that was stopped.
func stoppedLog(t *testing.T, s *harness.Server) *pebble.Log {
	t.Helper()
	log, err := pebble.Open(filepath.Join(s.Data, "log"), pebble.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = log.Close() })
	return log
}

// Q1, Q9: every change is an event that says who, why and when, of a type
// with a version; nothing that a person wrote can be read in the log.
func TestQ1_EveryChangeIsAnEventThatSaysWhy(t *testing.T) {
	t.Parallel()
	s := harness.Start(t)
	admin, ada, ben := s.Admin(), s.NewPerson("ada"), s.NewPerson("ben")
	board := admin.Post("/v1/boards", map[string]any{"name": "Xylophones"}).Want(201).ID()
	ada.Position = admin.Position
	post := ada.Post("/v1/boards/"+board+"/posts", map[string]any{"title": "Quincunx", "body": "a zeugma #tag"}).Want(201).ID()
	ben.Position = ada.Position
	ben.Post("/v1/posts/"+post+"/comments", map[string]any{"body": "a syzygy"}).Want(201)
	ben.Put("/v1/accounts/"+ada.Account.ID+"/follow", nil).Want(204)
	room := ben.Post("/v1/rooms", map[string]any{"kind": "direct", "members": []string{ada.Account.ID}}).Want(201).ID()
	ben.Post("/v1/rooms/"+room+"/messages", map[string]any{"text": "a rhythm"}).Want(201)
	ada.Position = ben.Position
	ada.Get("/v1/notifications").Want(200) // told by now
	s.Stop()

	log := stoppedLog(t, s)
	versioned := regexp.MustCompile(`^[a-z]+\.[a-z_]+\.v[1-9]\d*$`)
	written := regexp.MustCompile(`Xylophones|Quincunx|zeugma|syzygy|rhythm|@example\.org|` + ada.Account.Handle + `|argon2`)
	actors := map[string]bool{}
	count := 0
	for r, err := range log.All(t.Context(), 0, event.Filter{}) {
		if err != nil {
			t.Fatal(err)
		}
		count++
		m := r.Meta()
		actors[m.Actor] = true
		if m.Actor == "" || !versioned.MatchString(r.Type) || r.ID == uuid.Nil || time.Since(r.Time) > time.Hour || r.Time.Location() != time.UTC {
			t.Errorf("position %d: %s in %s at %s by %q", r.Position, r.Type, r.Stream, r.Time, m.Actor)
		}
		if m.Correlation == "" && m.Actor != event.System {
			t.Errorf("position %d: %s does not say which request it was", r.Position, r.Type)
		}
		if found := written.Find(append(append([]byte(r.Stream), r.Data...), r.Metadata...)); found != nil {
			t.Errorf("position %d: %s shows %q", r.Position, r.Type, found)
		}
	}
	if count < 25 || !actors[ada.Account.ID] || !actors[ben.Account.ID] || !actors[event.System] {
		t.Errorf("%d events by %v", count, actors)
	}
}

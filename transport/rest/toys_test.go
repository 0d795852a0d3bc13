package rest

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/parleyhq/parley/commands"
	"github.com/parleyhq/parley/domain/apikey"
	"github.com/parleyhq/parley/domain/event"
	"github.com/parleyhq/parley/domain/fault"
)

// The toys are routes of every kind, so that the pipeline can be tested before
// and apart from the nouns.

var (
	toyEpoch = uuid.MustParse("01890a5d-ac96-774b-bcce-b302099a8057")
	toyAlice = uuid.MustParse("01890a5d-ac96-774b-bcce-b302099a8058")
	toyBob   = uuid.MustParse("01890a5d-ac96-774b-bcce-b302099a8059")
	toyThing = uuid.MustParse("01890a5d-ac96-774b-bcce-b302099a805a")
	toyClock = time.Date(2026, 1, 31, 12, 0, 0, 123_456_789, time.FixedZone("", 3600))
)

// toyAuth knows four tokens.
type toyAuth struct{}

func (toyAuth) Authenticate(_ context.Context, token string) (commands.Actor, error) {
	switch token {
	case "alice":
		return commands.Actor{Account: toyAlice}, nil
	case "bob":
		return commands.Actor{Account: toyBob}, nil
	case "expired":
		return commands.Actor{}, fault.New(fault.Unauthorized, "auth.expired", "This token has expired.")
	case "revoked":
		return commands.Actor{}, fault.New(fault.Unauthorized, "auth.revoked", "This session is over.")
	}
	return commands.Actor{}, errAuthInvalid
}

// toyKey is an API key of Alice's that may read the log, toyRevoked one that
// was revoked.
const toyKey, toyRevoked = apikey.Prefix + "reader", apikey.Prefix + "revoked"

func (toyAuth) AuthenticateKey(_ context.Context, key string) (commands.Actor, error) {
	switch key {
	case toyKey:
		return commands.Actor{Account: toyAlice, Key: toyThing, Scopes: []string{apikey.EventsRead}}, nil
	case toyRevoked:
		return commands.Actor{}, commands.ErrKeyRevoked
	}
	return commands.Actor{}, commands.ErrKeyInvalid
}

// toyWaiter has passed position 100 and never gets further.
type toyWaiter struct{}

func (toyWaiter) Wait(ctx context.Context, position uint64) error {
	if position <= 100 {
		return nil
	}
	<-ctx.Done()
	return ctx.Err()
}

type toyPath struct {
	ID uuid.UUID `path:"id"`
}

type toyFind struct {
	ID    uuid.UUID `path:"id"`
	Count int       `query:"count" minimum:"1" maximum:"5" default:"3"`
	Kind  string    `query:"kind" enum:"red,blue"`
	Since *Time     `query:"since"`
	Board uuid.UUID `query:"board"`
	Tags  []string  `query:"tags" maxItems:"2"`
	Flag  bool      `query:"flag"`
}

type toyFound struct {
	Count int        `json:"count"`
	Kind  string     `json:"kind"`
	Since *Time      `json:"since"`
	Board *uuid.UUID `json:"board"`
	Tags  []string   `json:"tags"`
	Flag  bool       `json:"flag"`
}

// toyRef is an id, or a handle behind "@".
type toyRef struct {
	ID     uuid.UUID
	Handle string
}

func (r *toyRef) UnmarshalText(b []byte) error {
	if handle, ok := strings.CutPrefix(string(b), "@"); ok && handle != "" {
		r.Handle = handle
		return nil
	}
	var ok bool
	if r.ID, ok = parseUUID(string(b)); !ok {
		return errors.New("neither")
	}
	return nil
}

type toyLink struct {
	URL  string `json:"url" format:"uri" maxLength:"100"`
	Name string `json:"name,omitempty" maxLength:"10"`
}

// toyBase is embedded, and its type is not exported.
type toyBase struct {
	Title string `json:"title" minLength:"1" maxLength:"20" example:"A title"`
	Body  string `json:"body,omitempty" maxLength:"40000" text:"lines"`
}

type toyMake struct {
	toyBase
	ID     uuid.UUID         `json:"id" readOnly:"true"`
	Count  int               `json:"count,omitempty" minimum:"0" maximum:"10"`
	Small  int8              `json:"small,omitempty"`
	Big    uint64            `json:"big,omitempty"`
	Ratio  float64           `json:"ratio,omitempty"`
	Draft  bool              `json:"draft,omitempty"`
	Board  *uuid.UUID        `json:"board,omitempty"`
	At     *Time             `json:"at,omitempty"`
	Kind   string            `json:"kind,omitempty" enum:"article,question"`
	Links  []toyLink         `json:"links,omitempty" maxItems:"3"`
	Labels map[string]string `json:"labels,omitempty"`
	Any    json.RawMessage   `json:"any,omitempty"`
}

type toyEdit struct {
	Title  Maybe[string]    `json:"title" minLength:"1" maxLength:"20" nullable:"false"`
	Bio    Maybe[string]    `json:"bio" maxLength:"500" text:"lines"`
	Avatar Maybe[uuid.UUID] `json:"avatar"`
	Link   Maybe[toyLink]   `json:"link"`
	Links  Maybe[[]toyLink] `json:"links" maxItems:"2"`
}

type toyEcho struct {
	Got any `json:"got"`
}

type toyNumber struct {
	Number int `json:"number"`
}

type toyListing struct {
	Page
	Sort string `query:"sort" enum:"newest,oldest" default:"newest"`
}

type toyCounted struct {
	List[toyNumber]
	Unread int `json:"unread"`
}

var errToyHidden = fault.ErrNotFound

// hidden lets Alice alone see.
func hidden[P any](_ context.Context, c *Call, _ P) error {
	if c.Account() != toyAlice {
		return errToyHidden
	}
	return nil
}

func get(path, id string, auth Auth) Op {
	return Op{Method: http.MethodGet, Path: path, ID: id, Summary: id, Tag: "Toys", Auth: auth}
}

func send(method, path, id string) Op {
	return Op{Method: method, Path: path, ID: id, Summary: id, Tag: "Toys"}
}

func toys(s *Server) {
	route(s, get("/v1/toys/{id}", "getToy", Optional), nil,
		func(_ context.Context, c *Call, p toyPath, _ None) (Reply[toyEcho], error) {
			return Reply[toyEcho]{Data: toyEcho{c.Account().String()}, ETag: p.ID.String()}, nil
		})
	route(s, get("/v1/public", "getPublic", Public), nil,
		func(_ context.Context, c *Call, _, _ None) (Reply[toyEcho], error) {
			return Reply[toyEcho]{Data: toyEcho{c.Actor == nil}}, nil
		})
	route(s, get("/v1/toys/{id}/find", "findToy", Required), hidden[toyFind],
		func(_ context.Context, _ *Call, p toyFind, _ None) (Reply[toyFound], error) {
			found := toyFound{Count: p.Count, Kind: p.Kind, Since: p.Since, Tags: p.Tags, Flag: p.Flag}
			if p.Board != (uuid.UUID{}) {
				found.Board = &p.Board
			}
			if found.Tags == nil {
				found.Tags = []string{}
			}
			return Reply[toyFound]{Data: found}, nil
		})
	route(s, get("/v1/people/{ref}", "getPerson", Optional), nil,
		func(_ context.Context, _ *Call, p struct {
			Ref toyRef `path:"ref"`
		}, _ None) (Reply[toyEcho], error) {
			return Reply[toyEcho]{Data: toyEcho{p.Ref.Handle}}, nil
		})
	route(s, get("/v1/client", "getClient", Public), nil,
		func(ctx context.Context, c *Call, _, _ None) (Reply[toyEcho], error) {
			return Reply[toyEcho]{Data: toyEcho{[]any{
				c.Network, commands.ClientFrom(ctx), commands.MetaFrom(ctx), commands.PositionFrom(ctx),
			}}}, nil
		})
	toyScopes(s)
	toyWrites(s)
	toyLists(s)
	toyTroubles(s)
}

// toyScopes are routes that let API keys in.
func toyScopes(s *Server) {
	for _, op := range []Op{
		{Path: "/v1/toy-events", ID: "readToyEvents", Scope: apikey.EventsRead},
		{Path: "/v1/toy-admin", ID: "operateToys", Scope: apikey.Admin},
		{Path: "/v1/toy-optional", ID: "readOpenToyEvents", Scope: apikey.EventsRead, Auth: Optional},
	} {
		op.Method, op.Summary, op.Tag = http.MethodGet, op.ID, "Toys"
		route(s, op, nil, func(ctx context.Context, c *Call, _, _ None) (Reply[toyEcho], error) {
			return Reply[toyEcho]{Data: toyEcho{[]any{c.Account(), commands.MetaFrom(ctx).Actor}}}, nil
		})
	}
}

func toyWrites(s *Server) {
	op := send(http.MethodPost, "/v1/toys", "makeToy")
	op.Status = http.StatusCreated
	route(s, op, nil, func(_ context.Context, _ *Call, _ None, b toyMake) (Reply[toyEcho], error) {
		return Reply[toyEcho]{Data: toyEcho{b}, Position: 42, ETag: toyThing.String()}, nil
	})
	route(s, send(http.MethodPatch, "/v1/toys/{id}", "editToy"), hidden[toyPath],
		func(_ context.Context, c *Call, _ toyPath, b toyEdit) (Reply[toyEcho], error) {
			if err := c.CheckMatch("current"); err != nil {
				return Reply[toyEcho]{}, err
			}
			title, _ := b.Title.Get()
			bio, _ := b.Bio.Get()
			return Reply[toyEcho]{Data: toyEcho{map[string]any{
				"title": title, "titleAbsent": b.Title.Absent(),
				"bio": bio, "bioAbsent": b.Bio.Absent(), "bioNull": b.Bio.Null(),
				"avatar": b.Avatar.Pointer(), "avatarNull": b.Avatar.Null(),
				"link": b.Link.Pointer(), "links": b.Links.Pointer(),
			}}}, nil
		})
	route(s, send(http.MethodPut, "/v1/toys/{id}/follow", "followToy"), nil,
		func(context.Context, *Call, toyPath, None) (Reply[None], error) {
			return Reply[None]{Position: 43}, nil
		})
	op = send(http.MethodPost, "/v1/refresh", "refreshToy")
	op.Auth, op.Secret, op.BodyOptional, op.Waits = Public, true, true, NoWait
	route(s, op, nil, func(_ context.Context, c *Call, _ None, b struct {
		Token string `json:"refreshToken,omitempty"`
	}) (Reply[toyEcho], error) {
		if err := c.CheckOrigin(); err != nil {
			return Reply[toyEcho]{}, err
		}
		return Reply[toyEcho]{
			Data: toyEcho{b.Token}, Cookies: []*http.Cookie{{Name: "parley_refresh", Value: "v", HttpOnly: true}},
		}, nil
	})
	op = send(http.MethodPost, "/v1/files", "sendFile")
	op.Consumes, op.Produces, op.MaxBody = "multipart/form-data", mediaJSON, 4096
	handle(s, op, nil, func(_ context.Context, c *Call, _ None, w http.ResponseWriter) error {
		if err := c.Request.ParseMultipartForm(4096); err != nil {
			return errBodyIncomplete.Because(err)
		}
		_, err := io.WriteString(w, c.Request.FormValue("purpose")+" of "+c.Account().String())
		return err
	})
}

func toyLists(s *Server) {
	list := func(c *Call, p toyListing) (List[toyNumber], error) {
		type key struct{ N int }
		after, err := seek[key](c, p.Page)
		if err != nil {
			return List[toyNumber]{}, err
		}
		from := 0
		if after != nil {
			from = after.N
		}
		var rows []int
		for n := from + 1; n <= 45 && len(rows) <= p.Limit; n++ {
			rows = append(rows, n)
		}
		return page(c, p.Page, rows, func(n int) toyNumber { return toyNumber{n} }, func(n int) key { return key{n} })
	}
	route(s, get("/v1/numbers", "listNumbers", Optional), nil,
		func(_ context.Context, c *Call, p toyListing, _ None) (Reply[List[toyNumber]], error) {
			l, err := list(c, p)
			return Reply[List[toyNumber]]{Data: l}, err
		})
	route(s, get("/v1/counted", "listCounted", Optional), nil,
		func(_ context.Context, c *Call, p toyListing, _ None) (Reply[toyCounted], error) {
			l, err := list(c, p)
			return Reply[toyCounted]{Data: toyCounted{l, 7}}, err
		})
}

func toyTroubles(s *Server) {
	fail := func(path string, err error) {
		op := get("/v1/fail/"+path, "fail"+path, Public)
		op.Waits = NoWait
		route(s, op, nil, func(context.Context, *Call, None, None) (Reply[None], error) {
			return Reply[None]{}, err
		})
	}
	fail("internal", errors.New("the secret of the database"))
	fail("wrapped", fmt.Errorf("deep down: %w", fault.New(fault.Conflict, "toy.taken", "Taken.", fault.Field("title", "taken"))))
	fail("limited", fault.New(fault.Limited, "limit.exceeded", "Slow down.").After(1500*time.Millisecond))
	fail("full", fmt.Errorf("append: %w", event.ErrFull))
	fail("keyless", fmt.Errorf("key of names: %w", event.ErrKeysUnavailable))
	fail("late", context.DeadlineExceeded)
	op := get("/v1/fail/panic", "failPanic", Public)
	route(s, op, nil, func(context.Context, *Call, None, None) (Reply[None], error) { panic("the secret of the panic") })
	op = get("/v1/fail/nil", "failNil", Public)
	route(s, op, nil, func(context.Context, *Call, None, None) (Reply[toyFound], error) {
		return Reply[toyFound]{Data: toyFound{Kind: "red"}}, nil // Tags is nil
	})
	op = get("/v1/fail/halfway", "failHalfway", Public)
	op.Produces = "text/plain"
	handle(s, op, nil, func(_ context.Context, _ *Call, _ None, w http.ResponseWriter) error {
		_, _ = io.WriteString(w, strings.Repeat("x", 10_000))
		panic("in the middle")
	})
}

// toyConfig is what the toys need; edit changes it.
func toyConfig(edit ...func(*Config)) Config {
	cfg := Config{
		Auth: toyAuth{}, Positions: event.NewPositions(toyEpoch), Waiters: map[string]Waiter{Tables: toyWaiter{}},
		Ready: func(context.Context) Readiness { return Readiness{Ready: true} },
		Log:   slog.New(slog.DiscardHandler), Now: func() time.Time { return toyClock },
		Metrics: prometheus.NewRegistry(), PositionWait: 20 * time.Millisecond, VerifyReplies: true,
		CursorKey: []byte("0123456789abcdef0123456789abcdef"),
	}
	for _, e := range edit {
		e(&cfg)
	}
	return cfg
}

// toyServer runs the toys on a real socket.
func toyServer(t testing.TB, edit ...func(*Config)) *client {
	t.Helper()
	s, err := build(toyConfig(edit...), toys)
	if err != nil {
		t.Fatal(err)
	}
	return serveOn(t, s)
}

// serveOn runs a server on a real socket.
func serveOn(t testing.TB, s *Server) *client {
	t.Helper()
	srv := httptest.NewUnstartedServer(nil)
	srv.Config = s.HTTPServer()
	srv.Start()
	t.Cleanup(srv.Close)
	return &client{t: t, url: srv.URL, http: srv.Client()}
}

// client talks to a toy server.
type client struct {
	t    testing.TB
	url  string
	http *http.Client
}

// answer is what came back.
type answer struct {
	Status int
	Header http.Header
	Raw    string
	JSON   map[string]any
}

// slug is the error of an envelope, or "".
func (a answer) slug() string { s, _ := a.JSON["error"].(string); return s }

// fields lists the bad fields as "field: problem".
func (a answer) fields() []string {
	list := []string{}
	details, _ := a.JSON["details"].([]any)
	for _, d := range details {
		m := d.(map[string]any)
		list = append(list, fmt.Sprint(m["field"], ": ", m["problem"]))
	}
	return list
}

// do sends a request; headers come in pairs. A body without a Content-Type is
// JSON.
func (c *client) do(method, path, body string, headers ...string) answer {
	c.t.Helper()
	var in io.Reader
	if body != "" {
		in = strings.NewReader(body)
	}
	r, err := http.NewRequest(method, c.url+path, in)
	if err != nil {
		c.t.Fatal(err)
	}
	if body != "" {
		r.Header.Set("Content-Type", mediaJSON)
	}
	for i := 0; i < len(headers); i += 2 {
		if headers[i+1] == "" {
			r.Header.Del(headers[i])
			continue
		}
		if headers[i] == "Host" {
			r.Host = headers[i+1]
		}
		r.Header.Set(headers[i], headers[i+1])
	}
	return c.send(r)
}

func (c *client) send(r *http.Request) answer {
	c.t.Helper()
	res, err := c.http.Do(r)
	if err != nil {
		c.t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		c.t.Fatal(err)
	}
	a := answer{Status: res.StatusCode, Header: res.Header, Raw: string(b)}
	_ = json.Unmarshal(b, &a.JSON)
	return a
}

// want checks a status and a slug; "" wants none.
func (a answer) want(t testing.TB, status int, slug string) answer {
	t.Helper()
	if a.Status != status || a.slug() != slug {
		t.Fatalf("got %d %q, want %d %q\n%s", a.Status, a.slug(), status, slug, a.Raw)
	}
	return a
}

// got is data.got of a toyEcho.
func (a answer) got(t testing.TB) any {
	t.Helper()
	data, ok := a.JSON["data"].(map[string]any)
	if !ok {
		t.Fatalf("no data in %s", a.Raw)
	}
	return data["got"]
}

// logged is a log that tests read.
type logged struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (l *logged) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.Write(b)
}

func (l *logged) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.String()
}

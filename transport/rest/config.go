package rest

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/parleyhq/parley/commands"
	"github.com/parleyhq/parley/domain/fault"
	"github.com/parleyhq/parley/readmodels"
)

// Authenticator turns an access token or an API key into who it stands for.
// Errors are faults of kind Unauthorized: auth.invalid, auth.expired,
// auth.revoked, auth.binding. commands.ClientFrom(ctx) is the caller's client.
type Authenticator interface {
	Authenticate(ctx context.Context, token string) (commands.Actor, error)
	AuthenticateKey(ctx context.Context, key string) (commands.Actor, error)
}

// Positions turns positions of the log into tokens and back. event.Positions
// is one. Errors: event.ErrPosition, event.ErrEpoch.
type Positions interface {
	Encode(position uint64) string
	Decode(token string) (uint64, error)
}

// Waiter waits until a projector has passed a position of the log, or ctx
// ends; it returns ctx's error then.
type Waiter interface {
	Wait(ctx context.Context, position uint64) error
}

// Step runs on every routed request after it was authenticated and before
// anything is read: limits, scopes, suspension, replay guard. It may set
// headers of the answer with Call.Header. An error ends the request.
type Step func(ctx context.Context, c *Call) error

// Mount is a handler that answers for itself (sockets, the console) and still
// gets bounds, security headers, CORS, log and metrics. It authenticates on
// its own. A pattern that takes everything ("/*") would also take what should
// be answered 404 in the envelope.
type Mount struct {
	Method  string // empty: GET
	Pattern string // a chi pattern, "/assets/*"
	Handler http.Handler
}

// Envelope is the form of answers.
type Envelope string

// The forms.
const (
	Standard  Envelope = "standard"  // {"code":200,"message":"ok","data":…,"timestamp":…}
	Always200 Envelope = "always200" // HTTP 200 and {"status_code":0,"status_msg":"ok",…}
	Problem   Envelope = "problem"   // errors as RFC 9457; the rest is standard
)

// Carrier is a place where a token may stand.
type Carrier string

// The carriers.
const (
	Bearer Carrier = "bearer" // Authorization: Bearer <token>
	Raw    Carrier = "raw"    // Authorization: <token>
	Query  Carrier = "query"  // ?token=<token>
	Form   Carrier = "form"   // the field token of a form, multipart or urlencoded
	Cookie Carrier = "cookie" // the cookie parley_token
)

// The projectors that a route can wait for.
const (
	Tables = "tables"
	Notify = "notify"
	Search = "search"
)

// Config is what a Server needs. Fields without a default are required.
type Config struct {
	Commands  *commands.Commands   // what routes change things with; tests of the pipeline have none
	Tables    *readmodels.Tables   // what routes read from; likewise
	Search    *readmodels.Finder   // what answers searches; likewise
	Tickets   Tickets              // for sockets
	Seen      *readmodels.LastSeen // notes when sessions are used; nil: nobody does
	History   int                  // entries of a sign-in history that are shown; default 100
	Auth      Authenticator
	Gate      Gate                                                        // limits; nil: none, and Auth alone says who calls
	Renew     func(ctx context.Context, by commands.Actor) (token string) // nil: no token is renewed by the way
	Positions Positions
	Waiters   map[string]Waiter // by projector; a route may only wait for what is here
	Ready     func(context.Context) Readiness
	Log       *slog.Logger         // default: slog.Default
	Metrics   *prometheus.Registry // default: a new one
	Now       func() time.Time     // default: time.Now

	Version        string               // of the API's description; default "dev"
	BaseURL        string               // own origin, for CORS and HSTS; may be empty
	ImageURL       string               // what links to public pictures begin with; default: BaseURL
	Envelope       Envelope             // default Standard
	Origins        []string             // foreign origins that may read answers: "https://app.example"
	Carriers       map[string][]Carrier // by route group, the first part of a path after /v1; default Bearer
	TrustedProxies []netip.Prefix       // whose X-Forwarded-For counts
	CursorKey      []byte               // signs list cursors, the same on all nodes; default: random
	PositionWait   time.Duration        // default 2 s
	Timeout        time.Duration        // of a whole request, streams apart; default 30 s
	MaxInFlight    int                  // requests at work at once, streams apart; default 2048
	Forum          Forum                // default: the documented one
	Lists          Lists                // default: the documented one
	Steps          []Step               // in order
	Mounts         []Mount
	Unrouted       error            // what unknown paths are answered with; default: 404
	Lost           http.HandlerFunc // answers them to browsers, GET and HEAD; default: as to everybody
	NoAPI          bool             // operations and mounts alone: a process of another role
	VerifyReplies  bool             // tests: an answer that does not fit its own schema is a 500

	Projections Projections // what administrators look after; without it they are told 503
}

// Forum says how boards and hashtags are shown.
type Forum struct {
	BoardHashtags       int           // popular hashtags shown with a board; default 10
	BoardHashtagsWindow time.Duration // over which they are counted, in whole days (UTC); default 30 days
	TrendingWindow      time.Duration // of trending hashtags where the caller does not say; default 24 h
}

// Lists are the bounds of a page of every list.
type Lists struct {
	Limit int // items where the caller does not say; default 20
	Max   int // most items that a caller may ask for; default 100
}

// Bounds of every request.
const (
	maxBody    = 1 << 20  // bytes of JSON
	maxDepth   = 64       // levels of JSON
	maxHeaders = 64 << 10 // bytes of names and values
	maxURL     = 8 << 10  // bytes of the request target
	maxAgent   = 512      // bytes of a User-Agent that are kept
)

// withDefaults fills what is empty and refuses what cannot be.
func (cfg Config) withDefaults() (Config, error) {
	if cfg.Ready == nil || !cfg.NoAPI && (cfg.Auth == nil || cfg.Positions == nil) {
		return cfg, errors.New("rest: Auth, Positions and Ready are required")
	}
	setDefault(&cfg.Version, "dev")
	setDefault(&cfg.ImageURL, cfg.BaseURL)
	setDefault(&cfg.Unrouted, error(fault.ErrNotFound))
	setDefault(&cfg.Envelope, Standard)
	setDefault(&cfg.PositionWait, 2*time.Second)
	setDefault(&cfg.Timeout, 30*time.Second)
	setDefault(&cfg.MaxInFlight, 2048)
	setDefault(&cfg.History, 100)
	setDefault(&cfg.Forum.BoardHashtags, 10)
	setDefault(&cfg.Forum.BoardHashtagsWindow, 30*24*time.Hour)
	setDefault(&cfg.Forum.TrendingWindow, 24*time.Hour)
	setDefault(&cfg.Lists.Limit, 20)
	setDefault(&cfg.Lists.Max, 100)
	if l := cfg.Lists; l.Limit < 1 || l.Limit > l.Max {
		return cfg, fmt.Errorf("rest: a page of %d items, and %d at most", l.Limit, l.Max)
	}
	setDefault(&cfg.Log, slog.Default())
	if cfg.Metrics == nil {
		cfg.Metrics = prometheus.NewRegistry()
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if len(cfg.CursorKey) == 0 {
		cfg.CursorKey = make([]byte, 32)
		_, _ = rand.Read(cfg.CursorKey) // never fails, see crypto/rand
	}
	if !slices.Contains([]Envelope{Standard, Always200, Problem}, cfg.Envelope) {
		return cfg, fmt.Errorf("rest: envelope %q is none of standard, always200, problem", cfg.Envelope)
	}
	for group, carriers := range cfg.Carriers {
		for _, c := range carriers {
			if !slices.Contains([]Carrier{Bearer, Raw, Query, Form, Cookie}, c) {
				return cfg, fmt.Errorf("rest: token carrier %q of %s is none of bearer, raw, query, form, cookie", c, group)
			}
		}
	}
	for _, o := range cfg.Origins {
		if u, err := url.Parse(o); err != nil || u.Scheme == "" || u.Host == "" || o != u.Scheme+"://"+u.Host {
			return cfg, fmt.Errorf("rest: %q is no origin; write scheme://host or scheme://host:port", o)
		}
	}
	return cfg, nil
}

func setDefault[T comparable](at *T, value T) {
	var zero T
	if *at == zero {
		*at = value
	}
}

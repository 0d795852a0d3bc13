package rest

import (
	"net/http"
	"net/url"
	"strings"
)

// Header values that never change are shared: nobody may append to them.
var (
	nosniff    = []string{"nosniff"}
	noReferrer = []string{"no-referrer"}
	denied     = []string{"DENY"}
	noSources  = []string{"default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"}
	hsts       = []string{"max-age=31536000"}
	vary       = []string{"Accept, Authorization, Origin"}
	yes        = []string{"true"}
	exposed    = []string{"Allow, ETag, Idempotent-Replayed, Link, Location, Parley-Position, RateLimit, RateLimit-Policy, refresh-token, Retry-After, WWW-Authenticate, X-Request-Id"}
	takes      = []string{"Authorization, Content-Type, Idempotency-Key, If-Match, Last-Event-ID, Parley-Nonce, Parley-Position, Parley-Timestamp, traceparent"}
	verbs      = []string{"GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS"}
	tenMinutes = []string{"600"}
)

// htmlPolicy is the Content-Security-Policy of our own pages: their own files,
// nothing inline.
const htmlPolicy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; " +
	"frame-ancestors 'none'; base-uri 'none'; form-action 'none'"

// secure sets the headers that every answer has. Pages replace the policy.
func (s *Server) secure(h http.Header, r *http.Request) {
	h["X-Content-Type-Options"] = nosniff
	h["Referrer-Policy"] = noReferrer
	h["X-Frame-Options"] = denied
	h["Content-Security-Policy"] = noSources
	h["Vary"] = vary
	if r.TLS != nil || strings.HasPrefix(s.cfg.BaseURL, "https:") {
		h["Strict-Transport-Security"] = hsts
	}
}

// originOf is scheme://host of a URL, as browsers write it in Origin.
func originOf(raw string) string {
	u, err := url.Parse(raw)
	if err != nil || u.Host == "" {
		return ""
	}
	host := strings.ToLower(u.Host)
	switch u.Scheme {
	case "http":
		host = strings.TrimSuffix(host, ":80")
	case "https":
		host = strings.TrimSuffix(host, ":443")
	}
	return u.Scheme + "://" + host
}

// OriginAllowed says whether the request's Origin is ours or listed. A missing
// Origin and the origin "null" are not.
//
// Ours is the base URL's, and whatever host the browser calls us by: a page
// cannot forge Host, and who reaches us by another name has no cookie of ours.
func (s *Server) OriginAllowed(r *http.Request) bool {
	values := r.Header["Origin"]
	if len(values) != 1 {
		return false
	}
	scheme, host, ok := strings.Cut(values[0], "://")
	return s.origins[values[0]] ||
		ok && (scheme == "http" || scheme == "https") && host != "" && strings.EqualFold(host, r.Host)
}

// cors lets pages of allowed origins read the answer. Any other origin gets no
// Access-Control header at all.
func (s *Server) cors(h http.Header, r *http.Request) {
	origin := r.Header["Origin"]
	if !s.OriginAllowed(r) {
		return
	}
	h["Access-Control-Allow-Origin"] = origin
	h["Access-Control-Allow-Credentials"] = yes
	h["Access-Control-Expose-Headers"] = exposed
}

// preflight adds what a preflight asks for, where cors allowed the origin.
func (s *Server) preflight(h http.Header, r *http.Request) {
	if h["Access-Control-Allow-Origin"] == nil || r.Header.Get("Access-Control-Request-Method") == "" {
		return
	}
	delete(h, "Access-Control-Expose-Headers")
	h["Access-Control-Allow-Methods"] = verbs
	h["Access-Control-Allow-Headers"] = takes
	h["Access-Control-Max-Age"] = tenMinutes
}

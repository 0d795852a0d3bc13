package commands

import (
	"fmt"
	"net"
	"net/url"
	"strings"

	"github.com/parleyhq/parley/domain/fault"
)

// ErrRedirect is a page to which no sign-in by provider returns.
var ErrRedirect = fault.New(fault.Invalid, "oauth.redirect", "A sign-in does not return to that address.", fault.Field("redirect", "not_allowed"))

// maxRedirect bounds the address of a page, in bytes.
const maxRedirect = 2048

// redirects are the pages to which a sign-in by provider returns: those of our
// own origin, and those that the operator lists. A listed address is one page,
// or where it ends with "/" (an origin alone does) that and all below it.
// Scheme, host and port are the same to the letter; the query is the page's
// own affair.
type redirects struct{ pages []page }

// page is an address without query: scheme://host:port and a path that is
// written in one way only.
type page struct{ origin, path string }

// newRedirects reads the list. Errors: an entry that could be read in two ways.
func newRedirects(base string, listed []string) (redirects, error) {
	var r redirects
	own, err := parsePage(base)
	if err == nil {
		r.pages = append(r.pages, page{own.origin, "/"})
	}
	for _, entry := range listed {
		p, err := parsePage(entry)
		if err == nil && strings.ContainsAny(entry, "?*") {
			err = fmt.Errorf("it has a query or a wildcard")
		}
		if err != nil {
			return redirects{}, fmt.Errorf("%q is no page that a sign-in could return to: %w", entry, err)
		}
		r.pages = append(r.pages, p)
	}
	return r, nil
}

// check refuses where we send nobody. Errors: ErrRedirect.
func (r redirects) check(address string) error {
	p, err := parsePage(address)
	if err != nil {
		return ErrRedirect
	}
	for _, allowed := range r.pages {
		if p.origin == allowed.origin && (p.path == allowed.path || strings.HasSuffix(allowed.path, "/") && strings.HasPrefix(p.path, allowed.path)) {
			return nil
		}
	}
	return ErrRedirect
}

// parsePage reads an address that browsers and we are sure to read alike:
// absolute, plain, without a name, a fragment, or steps in its path.
func parsePage(address string) (page, error) {
	u, err := url.Parse(address)
	switch {
	case len(address) > maxRedirect:
		return page{}, fmt.Errorf("it is longer than %d bytes", maxRedirect)
	case strings.ContainsFunc(address, oddInAddress):
		return page{}, fmt.Errorf("it has characters that have no place in an address")
	case err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Hostname() == "" || u.Opaque != "":
		return page{}, fmt.Errorf("it does not begin with https://host or http://host")
	case u.User != nil || strings.Contains(address, "#"):
		return page{}, fmt.Errorf("it has a user or a fragment")
	}
	path := u.EscapedPath()
	if path == "" {
		path = "/"
	}
	for step := range strings.SplitSeq(u.Path, "/") {
		if step == "." || step == ".." {
			return page{}, fmt.Errorf("its path has steps up or on the spot")
		}
	}
	if strings.Contains(u.Path, "//") || strings.ContainsRune(u.Path, '\\') || strings.Contains(strings.ToLower(path), "%2f") {
		return page{}, fmt.Errorf("its path can be read in two ways")
	}
	return page{u.Scheme + "://" + hostOf(u), path}, nil
}

// oddInAddress is everything that a browser would drop, change or show
// otherwise: an address is ASCII, as it goes over the wire.
func oddInAddress(r rune) bool {
	return r <= ' ' || r >= 0x7f || strings.ContainsRune("<>\"\\^`{|}", r)
}

// hostOf is the host and port of an address, the scheme's own port left out.
func hostOf(u *url.URL) string {
	host, port := strings.ToLower(u.Hostname()), u.Port()
	if port == "" || u.Scheme == "https" && port == "443" || u.Scheme == "http" && port == "80" {
		if strings.Contains(host, ":") {
			return "[" + host + "]"
		}
		return host
	}
	return net.JoinHostPort(host, port)
}

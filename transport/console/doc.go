// Package console serves Parley's own web pages: what stands at the address
// itself, the form behind the set-up link that serve prints, the pages that
// links in mails open, and what browsers see where nothing is.
//
// Console is an http.Handler for the paths that Paths lists, and for nothing
// else: whoever mounts it says what is not there, to browsers with Lost. Pages
// are rendered once, when a Console is made; their styles and scripts are
// embedded files whose path carries the hash of their content, so that they may
// be cached for ever. Nothing comes from elsewhere, and nothing is inline: the
// pages work without internet and under a strict Content-Security-Policy.
//
// The pages are clients of the public API like any other. The package knows
// one thing about the community, whether it has an administrator; it may not
// read or change anything else.
package console

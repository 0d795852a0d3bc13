package oidc

import "net/http"

// NewOver is New with other wires.
func NewOver(cfg Config, wires http.RoundTripper) *Providers {
	ps := New(cfg)
	ps.client.Transport = &bounded{wires}
	return ps
}

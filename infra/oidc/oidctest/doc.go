// Package oidctest is an OpenID provider for tests: it listens on a port of
// this machine and does what a provider does (discovery, authorization with
// PKCE, tokens, keys, UserInfo), for people whom a test makes up.
//
// A Person may come with lies: Lies are what a hostile or broken provider
// could say, each of which must lead to nothing.
package oidctest

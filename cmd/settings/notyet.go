package settings

import (
	"reflect"
	"slices"
	"strings"
)

// notYet are the settings that are known and whose feature is not in this
// release. `serve` refuses to start with one of them rather than ignore it.
// Whoever builds the feature takes its line away.
var notYet = []string{
	"autocert",
	"autocert-email",
	"autocert-directory",
	"hsts",
	"body-size",
	"json-depth",
	"header-size",
	"url-size",
	"body-timeout",
	"idempotency-ttl",
	"idempotency-lease",
	"event-streams",
	"erase-grace",
	"export-ttl",
	"allow-private-webhooks",
	"bell-followers",
	"invite-ttl",
	"presence-heartbeat",
	"presence-ttl",
	"webhook-timeout",
	"webhook-retries",
	"webhook-parallel",
	"webhooks-per-account",
	"web-push-contact",
	"digest-hour",
	"append-queue",
	"append-batch",
	"append-retries",
	"snapshot-every",
	"readers",
	"rebuild-lag",
	"breaker-calls",
	"breaker-failures",
	"slow-query",
}

// notYetWords are single words of a setting, name=word, in the same state.
var notYetWords = []string{}

// isNotYet holds for a secret's file too where it holds for the secret.
func isNotYet(name string) bool {
	return slices.Contains(notYet, name) || slices.Contains(notYet, strings.TrimSuffix(name, "-file"))
}

// Available refuses settings that somebody gave and that this release does
// not have. It is no part of loading, so that `parley config` can show them.
func (s Settings) Available() error {
	for _, f := range fields(reflect.ValueOf(s)) {
		if s.sources[f.name] == Default {
			continue
		}
		if isNotYet(f.name) {
			return usagef("--%s is not available in this release (given by %s)", f.name, s.sources[f.name])
		}
		for _, word := range words(f.value) {
			if slices.Contains(notYetWords, f.name+"="+word) {
				return usagef("--%s %s is not available in this release (given by %s)", f.name, word, s.sources[f.name])
			}
		}
	}
	if s.Has("log") {
		return nil
	}
	for _, role := range []string{"api", "projector", "relay", "push"} {
		if !s.Has(role) && !s.Distributed() {
			return usagef("--roles: one process with everything embedded has all roles, %s too", role)
		}
	}
	return nil
}

// words are the parts of a value that is one word or a list of them.
func words(v reflect.Value) []string {
	switch x := v.Interface().(type) {
	case string:
		return []string{x}
	case []string:
		return x
	case Switch:
		return []string{x.String()}
	}
	return nil
}

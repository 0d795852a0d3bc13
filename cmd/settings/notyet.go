package settings

import (
	"reflect"
	"slices"
)

// notYet are the settings that are known and whose feature is not in this
// release. `serve` refuses to start with one of them rather than ignore it.
// Whoever builds the feature takes its line away.
var notYet = []string{}

// notYetWords are single words of a setting, name=word, in the same state.
var notYetWords = []string{}

func isNotYet(name string) bool { return slices.Contains(notYet, name) }

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
	return nil
}

// words are the parts of a value that is one word or a list of them.
func words(v reflect.Value) []string {
	switch x := v.Interface().(type) {
	case string:
		return []string{x}
	case []string:
		return x
	}
	return nil
}

package rest

import "strings"

// Match is what If-Match asks for. The zero Match asks for nothing.
type Match struct {
	given bool
	any   bool
	tags  []string // without quotes; weak ones are left out, they never match
}

// Holds says whether etag (without quotes) is what the caller has in hand.
// True where nothing was asked.
func (m Match) Holds(etag string) bool {
	if !m.given || m.any {
		return true
	}
	for _, t := range m.tags {
		if t == etag {
			return true
		}
	}
	return false
}

// Given says whether the caller sent If-Match.
func (m Match) Given() bool { return m.given }

// parseMatch reads the values of If-Match. RFC 9110, section 13.1.1.
func parseMatch(values []string) (Match, error) {
	if len(values) == 0 {
		return Match{}, nil
	}
	m := Match{given: true}
	rest := strings.TrimSpace(strings.Join(values, ","))
	if rest == "*" {
		m.any = true
		return m, nil
	}
	for {
		strong, weak := rest, strings.HasPrefix(rest, "W/")
		if weak {
			strong = rest[2:]
		}
		if !strings.HasPrefix(strong, `"`) {
			return Match{}, errMatch
		}
		end := strings.IndexByte(strong[1:], '"')
		if end < 0 || !validTag(strong[1:1+end]) {
			return Match{}, errMatch
		}
		if !weak {
			m.tags = append(m.tags, strong[1:1+end])
		}
		rest = strings.TrimSpace(strong[end+2:])
		if rest == "" {
			return m, nil
		}
		if rest[0] != ',' {
			return Match{}, errMatch
		}
		rest = strings.TrimSpace(rest[1:])
	}
}

// validTag is RFC 9110's etagc: visible characters but the quote.
func validTag(s string) bool {
	for i := range len(s) {
		if s[i] <= ' ' || s[i] == 0x7f {
			return false
		}
	}
	return true
}

package commands

import (
	"net/mail"
	"strings"

	"golang.org/x/net/idna"
	"golang.org/x/text/cases"
	"golang.org/x/text/unicode/norm"

	"github.com/parleyhq/parley/domain/text"
)

// maxEmail is RFC 5321's bound of a path, in bytes.
const maxEmail = 254

// email is an address: as it was given, for mails, and folded, for names.
type email struct {
	address string
	folded  string
}

// hosts maps as browsers do (UTS 46) and takes what DNS takes.
var hosts = idna.New(idna.MapForLookup(), idna.BidiRule(), idna.Transitional(false), idna.StrictDomainName(true), idna.VerifyDNSLength(true))

// parseEmail reads one bare address (RFC 5322's addr-spec, and UTF-8 as RFC
// 6532 has it). The domain becomes its IDNA form. What is wrong with it
// otherwise: "required", "too_long" or "email".
//
// How it folds is frozen: streams are named after it.
func parseEmail(s string) (email, string) {
	switch {
	case s == "":
		return email{}, text.Required
	case len(s) > maxEmail:
		return email{}, text.TooLong
	}
	s = norm.NFC.String(s)
	a, err := mail.ParseAddress(s)
	if err != nil || a.Address != s || a.Name != "" {
		return email{}, "email"
	}
	at := strings.LastIndexByte(s, '@')
	local, host := s[:at], s[at+1:]
	host, err = hosts.ToASCII(host)
	if err != nil || host == "" || len(host)+1+len(local) > maxEmail || strings.ContainsFunc(local, unprintable) {
		return email{}, "email"
	}
	return email{address: local + "@" + host, folded: norm.NFC.String(cases.Fold().String(local)) + "@" + host}, ""
}

func unprintable(r rune) bool { return r <= ' ' || (r >= 0x7f && r < 0xa0) }

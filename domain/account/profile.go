package account

import (
	"net/url"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/google/uuid"

	"github.com/parleyhq/parley/domain/event"
	"github.com/parleyhq/parley/domain/fault"
)

// Bounds of a profile, in characters; MaxLinks is a number.
const (
	MaxDisplayName = 50
	MaxBio         = 500
	MaxSignature   = 160
	MaxLinks       = 20
	MaxLinkName    = 50
	MaxLinkURL     = 2048
)

// linkKinds are the kinds of links there are.
var linkKinds = []string{"facebook", "instagram", "twitter", "other"}

// Profile is what an account says about itself.
type Profile struct {
	DisplayName, Bio, Signature string
	Links                       []Link
	Avatar, Banner              uuid.UUID // of images; uuid.Nil: none
}

func (p *Profile) apply(d ProfileChanged) {
	set(&p.DisplayName, d.DisplayName)
	set(&p.Bio, d.Bio)
	set(&p.Signature, d.Signature)
	set(&p.Avatar, d.Avatar)
	set(&p.Banner, d.Banner)
	if d.Links != nil {
		p.Links = slices.Clone(*d.Links)
	}
}

func set[T any](to, from *T) {
	if from != nil {
		*to = *from
	}
}

// ChangeProfile changes what is given; what stays as it is is not said again.
// The patch was checked by CheckProfile.
func (a *Account) ChangeProfile(patch ProfileChanged) ([]event.Data, error) {
	if !a.Exists() {
		return nil, fault.ErrNotFound
	}
	p := a.Profile
	drop(&patch.DisplayName, p.DisplayName)
	drop(&patch.Bio, p.Bio)
	drop(&patch.Signature, p.Signature)
	drop(&patch.Avatar, p.Avatar)
	drop(&patch.Banner, p.Banner)
	if patch.Links != nil && slices.Equal(*patch.Links, p.Links) {
		patch.Links = nil
	}
	if patch == (ProfileChanged{}) {
		return nil, nil
	}
	return []event.Data{patch}, nil
}

func drop[T comparable](field **T, same T) {
	if *field != nil && **field == same {
		*field = nil
	}
}

// CheckProfile gathers what is wrong with a patch, under its JSON names.
func CheckProfile(p ProfileChanged, c *fault.Checks) {
	if p.DisplayName != nil {
		CheckDisplayName(*p.DisplayName, c)
	}
	checkLength(p.Bio, MaxBio, "bio", c)
	checkLength(p.Signature, MaxSignature, "signature", c)
	if p.Links == nil {
		return
	}
	if len(*p.Links) > MaxLinks {
		c.Add("links", "too_many")
		return
	}
	for i, l := range *p.Links {
		checkLink(l, "links["+strconv.Itoa(i)+"]", c)
	}
}

// CheckDisplayName gathers what is wrong with a display name.
func CheckDisplayName(name string, c *fault.Checks) {
	if strings.TrimSpace(name) == "" {
		c.Add("displayName", "required")
	}
	checkLength(&name, MaxDisplayName, "displayName", c)
}

func checkLength(s *string, most int, field string, c *fault.Checks) {
	if s != nil && utf8.RuneCountInString(*s) > most {
		c.Add(field, "too_long")
	}
}

func checkLink(l Link, at string, c *fault.Checks) {
	if !slices.Contains(linkKinds, l.Kind) {
		c.Add(at+".kind", "unknown")
	}
	checkLength(&l.Name, MaxLinkName, at+".name", c)
	checkLength(&l.URL, MaxLinkURL, at+".url", c)
	u, err := url.Parse(l.URL)
	switch {
	case l.URL == "":
		c.Add(at+".url", "required")
	case err != nil || u.Host == "" || (u.Scheme != "http" && u.Scheme != "https") || strings.ContainsFunc(l.URL, unsafe):
		c.Add(at+".url", "url")
	}
}

// unsafe characters have no place in an address that browsers follow.
func unsafe(r rune) bool { return r <= ' ' || r == 0x7f || strings.ContainsRune("<>\"\\^`{|}", r) }

package account

import (
	"fmt"
	"net/url"
	"slices"
	"strings"

	"github.com/google/uuid"

	"github.com/parleyhq/parley/domain/event"
	"github.com/parleyhq/parley/domain/fault"
	"github.com/parleyhq/parley/domain/text"
)

// Bounds of links that are no settings; lengths in characters.
const (
	MaxLinks    = 20
	MaxLinkName = 50
	MaxLinkURL  = 2048
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
func CheckProfile(p ProfileChanged, l Limits, c *text.Check) {
	if p.DisplayName != nil {
		c.Need("displayName", *p.DisplayName)
		c.Line("displayName", *p.DisplayName, l.DisplayNameMax)
	}
	if p.Bio != nil {
		c.Block("bio", *p.Bio, l.BioMax)
	}
	if p.Signature != nil {
		c.Block("signature", *p.Signature, l.SignatureMax)
	}
	if p.Links == nil {
		return
	}
	if len(*p.Links) > MaxLinks {
		c.Add("links", "too_many")
		return
	}
	for i, link := range *p.Links {
		checkLink(link, fmt.Sprintf("links[%d]", i), c)
	}
}

func checkLink(l Link, at string, c *text.Check) {
	if !slices.Contains(linkKinds, l.Kind) {
		c.Add(at+".kind", "unknown")
	}
	c.Line(at+".name", l.Name, MaxLinkName)
	c.Line(at+".url", l.URL, MaxLinkURL)
	u, err := url.Parse(l.URL)
	switch {
	case l.URL == "":
		c.Add(at+".url", text.Required)
	case err != nil || u.Hostname() == "" || (u.Scheme != "http" && u.Scheme != "https") || strings.ContainsFunc(l.URL, unsafe):
		c.Add(at+".url", "url")
	}
}

// unsafe characters have no place in an address that browsers follow.
func unsafe(r rune) bool { return r <= ' ' || r == 0x7f || strings.ContainsRune("<>\"\\^`{|}", r) }

package foldtest

import (
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/parleyhq/parley/domain/account"
	"github.com/parleyhq/parley/domain/apikey"
	"github.com/parleyhq/parley/domain/follow"
	"github.com/parleyhq/parley/domain/post"
	"github.com/parleyhq/parley/domain/session"
)

// pair is a relation: of the first to the second.
type pair [2]uuid.UUID

type people struct {
	accounts map[uuid.UUID]*person
	sessions map[uuid.UUID]*signedIn
	told     map[uuid.UUID]told       // of sign-ins and ways in, by event
	keys     map[uuid.UUID]programKey // that were not revoked
	// since when they stand: positions
	follows, requests, blocks, mutes map[pair]uint64
}

type person struct {
	handle, email, claim string
	verified             bool
	name, bio, signature string
	links                []account.Link
	avatar, banner       uuid.UUID
	roles                []string
	created              time.Time
	version              uuid.UUID
	epoch                uint64
	kept                 uuid.UUID
	settings             account.Settings
	openings             uint64
}

type signedIn struct {
	account               uuid.UUID
	device, network       string
	created, seen, expire time.Time
}

type told struct {
	account               uuid.UUID
	kind, device, network string
	at                    time.Time
}

type programKey struct {
	maker   uuid.UUID
	name    string
	scopes  []string
	created time.Time
}

func newPeople() people {
	return people{
		accounts: map[uuid.UUID]*person{}, sessions: map[uuid.UUID]*signedIn{}, told: map[uuid.UUID]told{}, keys: map[uuid.UUID]programKey{},
		follows: map[pair]uint64{}, requests: map[pair]uint64{}, blocks: map[pair]uint64{}, mutes: map[pair]uint64{},
	}
}

func (m *Model) foldPeople(e Event) {
	m.foldTold(e)
	switch d := e.Data.(type) {
	case account.Registered:
		m.accounts[e.thing()] = &person{
			handle: d.Handle, email: d.Email, claim: d.EmailClaim, name: d.DisplayName,
			links: []account.Link{}, roles: d.Roles, created: e.Time, version: e.ID, settings: account.DefaultSettings(),
		}
	case account.ClaimVoided: // an account names one address at most
		if p := m.accounts[e.thing()]; p.claim == d.Claim {
			p.email, p.claim, p.verified, p.version = "", "", false, e.ID
		}
	case account.EmailVerified:
		p := m.accounts[e.thing()]
		p.email, p.claim, p.verified, p.version = d.Email, d.Claim, true, e.ID
	case account.HandleChanged:
		p := m.accounts[e.thing()]
		p.handle, p.version = d.Handle, e.ID
	case account.ProfileChanged:
		p := m.accounts[e.thing()]
		p.version = e.ID
		change(&p.name, d.DisplayName)
		change(&p.bio, d.Bio)
		change(&p.signature, d.Signature)
		change(&p.links, d.Links)
		change(&p.avatar, d.Avatar)
		change(&p.banner, d.Banner)
	case account.SettingsChanged:
		p := m.accounts[e.thing()]
		p.version = e.ID
		m.foldSettings(e.thing(), p, d)
	case account.RoleGranted:
		p := m.accounts[e.thing()]
		p.roles, p.version = append(slices.Clone(p.roles), d.Role), e.ID
	case account.RoleRevoked:
		p := m.accounts[e.thing()]
		left := []string{}
		for _, role := range p.roles {
			if role != d.Role {
				left = append(left, role)
			}
		}
		p.roles, p.version = left, e.ID
	case apikey.Created:
		m.keys[e.thing()] = programKey{d.By, d.Name, d.Scopes, e.Time}
	case apikey.Revoked:
		delete(m.keys, e.thing())
	case account.SessionsEnded:
		p := m.accounts[e.thing()]
		p.epoch, p.kept = d.Epoch, d.Keep
		m.told[e.ID] = told{e.thing(), "ended", "", "", e.Time}
		for id, s := range m.sessions {
			if s.account == e.thing() && id != d.Keep {
				delete(m.sessions, id)
			}
		}
	default:
		m.foldSession(e)
	}
}

// foldSettings lets all who wait follow when approval is switched off.
func (m *Model) foldSettings(id uuid.UUID, p *person, d account.SettingsChanged) {
	approved := p.settings.Privacy.ApproveFollowers
	p.settings.Change(d)
	if !approved || p.settings.Privacy.ApproveFollowers {
		return
	}
	p.openings++
	for r, since := range m.requests {
		if r[1] == id {
			m.follows[r] = since
			delete(m.requests, r)
		}
	}
}

// change does what a patch says of a field.
func change[T any](field, to *T) {
	if to != nil {
		*field = *to
	}
}

// foldSession keeps sessions that are not over: neither ended by themselves,
// nor with all of their account, nor begun in an epoch that was over by then;
// and what is told of them.
func (m *Model) foldSession(e Event) {
	switch d := e.Data.(type) {
	case session.Started:
		if p := m.accounts[d.Account]; d.Epoch >= p.epoch || p.kept == e.thing() {
			m.sessions[e.thing()] = &signedIn{d.Account, d.Device, d.Network, e.Time, e.Time, d.ExpiresAt}
			m.told[e.ID] = told{d.Account, "signed_in", d.Device, d.Network, e.Time}
		}
	case session.Joined:
		if s := m.sessions[e.thing()]; s != nil {
			s.device, s.network, s.seen, s.expire = d.Device, d.Network, e.Time, d.ExpiresAt
			m.told[e.ID] = told{d.Account, "signed_in", d.Device, d.Network, e.Time}
		}
	case session.Refreshed:
		if s := m.sessions[e.thing()]; s != nil {
			s.seen, s.expire = e.Time, d.ExpiresAt
		}
	case session.Mismatched:
		m.told[e.ID] = told{d.Account, "binding", d.Device, d.Network, e.Time}
	case session.Ended:
		if s := m.sessions[e.thing()]; s != nil && d.Reason != session.Foreign {
			m.told[e.ID] = told{d.Account, d.Reason, s.device, s.network, e.Time}
		}
		delete(m.sessions, e.thing())
	}
}

func (m *Model) foldRelation(e Event) {
	begin := func(in map[pair]uint64, p pair) {
		if _, stands := in[p]; !stands {
			in[p] = e.Position
		}
	}
	switch d := e.Data.(type) {
	case follow.Started:
		p := pair{d.Follower, d.Followee}
		delete(m.requests, p)
		if !m.apart(p) {
			begin(m.follows, p)
		}
	case follow.Requested:
		p := pair{d.Follower, d.Followee}
		_, follows := m.follows[p]
		switch {
		case m.apart(p) || follows:
		case m.accounts[d.Followee].openings > d.Openings:
			delete(m.requests, p)
			begin(m.follows, p)
		default:
			begin(m.requests, p)
		}
	case follow.Refused:
		delete(m.follows, pair{d.Follower, d.Followee})
		delete(m.requests, pair{d.Follower, d.Followee})
	case follow.Ended:
		delete(m.follows, pair{d.Follower, d.Followee})
		delete(m.requests, pair{d.Follower, d.Followee})
	case follow.BlockStarted:
		begin(m.blocks, pair{d.Blocker, d.Blocked})
		delete(m.follows, pair{d.Blocker, d.Blocked})
		delete(m.follows, pair{d.Blocked, d.Blocker})
		delete(m.requests, pair{d.Blocker, d.Blocked})
		delete(m.requests, pair{d.Blocked, d.Blocker})
	case follow.BlockEnded:
		delete(m.blocks, pair{d.Blocker, d.Blocked})
	case follow.MuteStarted:
		begin(m.mutes, pair{d.Muter, d.Muted})
	case follow.MuteEnded:
		delete(m.mutes, pair{d.Muter, d.Muted})
	}
}

// apart says whether one of two blocks the other: what crosses that counts for
// nothing.
func (m *Model) apart(p pair) bool {
	_, one := m.blocks[p]
	_, other := m.blocks[pair{p[1], p[0]}]
	return one || other
}

func (m *Model) printPeople() {
	for id, p := range m.accounts {
		m.row("account", columns{
			"id": id, "handle": p.handle, "email": p.email, "email_claim": p.claim, "email_verified": p.verified,
			"display_name": p.name, "bio": p.bio, "signature": p.signature, "links": array(p.links),
			"avatar": p.avatar, "banner": p.banner, "roles": array(p.roles), "created_at": p.created, "version": p.version,
			"followers": m.related(id, 1), "followees": m.related(id, 0), "posts": m.openPosts(id),
			"epoch": p.epoch, "kept_session": p.kept,
		})
		s := p.settings
		m.row("account_settings", columns{
			"account": id, "locale": s.Locale, "theme": s.Theme, "time_zone": s.TimeZone,
			"profile": string(s.Privacy.Profile), "follows": string(s.Privacy.Follows), "approve_followers": s.Privacy.ApproveFollowers,
			"direct_messages": string(s.Privacy.DirectMessages), "presence": string(s.Privacy.Presence), "openings": p.openings,
		})
	}
	for id, s := range m.sessions {
		m.row("session", columns{
			"id": id, "account": s.account, "device": s.device, "network": s.network,
			"created_at": s.created, "last_seen_at": s.seen, "expires_at": s.expire,
		})
	}
	for id, t := range m.told {
		m.row("history", columns{
			"id": id, "account": t.account, "kind": t.kind, "device": t.device, "network": t.network, "at": t.at,
		})
	}
	for id, k := range m.keys {
		m.row("api_key", columns{
			"id": id, "account": k.maker, "name": k.name, "scopes": strings.Join(k.scopes, ","), "created_at": k.created,
		})
	}
	for p, since := range m.follows {
		m.row("follow", columns{
			"follower": p[0], "followee": p[1], "position": since, "merged": !m.written[following{"person", p[0], p[1].String()}],
		})
	}
	for p, since := range m.requests {
		m.row("follow_request", columns{"follower": p[0], "followee": p[1], "position": since})
	}
	for p, since := range m.blocks {
		m.row("block", columns{"blocker": p[0], "blocked": p[1], "position": since})
	}
	for p, since := range m.mutes {
		m.row("mute", columns{"muter": p[0], "muted": p[1], "position": since})
	}
}

// related counts the follows that have id on that side.
func (m *Model) related(id uuid.UUID, side int) (n int) {
	for p := range m.follows {
		if p[side] == id {
			n++
		}
	}
	return n
}

// openPosts counts the published posts that id signed with its own name.
func (m *Model) openPosts(id uuid.UUID) (n int) {
	for _, p := range m.posts {
		if p.author == id && !p.anonymous && p.state == post.Live {
			n++
		}
	}
	return n
}

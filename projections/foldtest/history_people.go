package foldtest

import (
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/parleyhq/parley/domain/account"
	"github.com/parleyhq/parley/domain/apikey"
	"github.com/parleyhq/parley/domain/event"
	"github.com/parleyhq/parley/domain/follow"
	"github.com/parleyhq/parley/domain/ops"
	"github.com/parleyhq/parley/domain/session"
)

var peopleActs = []act{
	{2, signUp},
	{8, proveAddress},
	{4, loseAddress},
	{4, changeHandle},
	{3, changePassword},
	{8, changeSettings},
	{10, changeProfile},
	{3, grantRole},
	{3, revokeRole},
	{8, suspend},
	{3, makeKey},
	{2, revokeKey},
	{12, signIn},
	{8, refresh},
	{4, signOut},
	{4, endSessions},
	{45, relate},
	{12, followThing},
}

// There are few of everything, so that things happen between the same ones.
const (
	maxPeople = 7
	maxBoards = 3
	maxRooms  = 5
)

type personAct struct {
	id    uuid.UUID
	token []byte // of the newest mail
}

type signInAct struct {
	account, session, family uuid.UUID
	token                    uint32
}

// begin is what stands in every log first.
func (h *History) begin() {
	h.fact(ops.EpochStream, ops.EpochBegun{Reason: "created"})
}

func (h *History) person() uuid.UUID { return pick(h, h.people).id }

func (h *History) claim(category string) string {
	h.names++
	return fmt.Sprintf("%s-%064x", category, h.names)
}

// signUp claims an address and a handle and makes the account, or crashes on
// the way and is healed by whoever wants the names next.
func signUp(h *History) {
	if len(h.people) == maxPeople {
		return
	}
	id := h.id()
	h.Accounts = append(h.Accounts, id)
	email, handle := h.claim("email"), h.claim("handle")
	first := len(h.people) == 0
	if first {
		h.fact(account.SetupStream, account.SetupCompleted{Account: id})
	}
	h.fact(email, account.EmailClaimed{Account: id})
	h.fact(handle, account.HandleClaimed{Account: id})
	name := account.Stream(id)
	a := stateOf(h, name, account.New)
	if first && h.one(2) || !first && h.one(5) {
		events, _ := a.Fence(handle, false, h.clock)
		h.say(name, events, nil)
		h.fact(email, account.EmailReleased{Account: id})
		h.fact(handle, account.HandleReleased{Account: id})
		if first {
			h.fact(account.SetupStream, account.SetupReleased{Account: id})
			signUp(h)
		}
		return
	}
	p := &personAct{id: id, token: []byte(email)}
	address := fmt.Sprintf("p%d@example.org", h.names)
	events, err := a.Register(account.Registered{
		Email: address, EmailClaim: email, Handle: fmt.Sprintf("p%d", h.names), HandleClaim: handle,
		DisplayName: h.sometimes(), PasswordHash: pick(h, []string{"", "$argon2id$"}), Roles: []string{account.Member},
	}, account.VerificationRequested{Email: address, Claim: email, TokenHash: p.token, CodeHash: []byte("1"), ExpiresAt: h.clock.Add(time.Hour)})
	h.say(name, events, err)
	h.people = append(h.people, p)
}

// proveAddress asks for another mail, tries a code or follows a link: to the
// address of the sign-up, or to a new one.
func proveAddress(h *History) {
	p := pick(h, h.people)
	name := account.Stream(p.id)
	a := stateOf(h, name, account.New)
	switch h.random.IntN(6) {
	case 0:
		p.token = []byte(h.words())
		events, err := a.RequestVerification(p.token, []byte("1"), h.clock.Add(time.Hour))
		h.say(name, events, err)
	case 1:
		events, _, err := a.VerifyCode(a.EmailClaim, []byte("2"), h.clock, account.DefaultLimits())
		h.say(name, events, err)
	case 2:
		claim := h.claim("email")
		h.fact(claim, account.EmailClaimed{Account: p.id})
		p.token = []byte(claim)
		h.say(name, []event.Data{account.VerificationRequested{
			Email: fmt.Sprintf("new%d@example.org", h.names), Claim: claim, TokenHash: p.token, CodeHash: []byte("1"), ExpiresAt: h.clock.Add(time.Hour),
		}}, nil)
	default:
		events, err := a.VerifyToken(p.token, h.clock)
		h.say(name, events, err)
	}
}

// loseAddress takes away an address that was not verified in time, or a claim
// that the account never named.
func loseAddress(h *History) {
	p := pick(h, h.people)
	name := account.Stream(p.id)
	a := stateOf(h, name, account.New)
	claim := a.EmailClaim
	if claim == "" || h.one(3) {
		claim = h.claim("email")
	}
	events, ok := a.Fence(claim, true, h.clock)
	if ok && h.say(name, events, nil) {
		h.fact(claim, account.EmailReleased{Account: p.id})
	}
}

// changeHandle takes another handle, or another spelling of the same.
func changeHandle(h *History) {
	id := h.person()
	name := account.Stream(id)
	a := stateOf(h, name, account.New)
	old := a.HandleClaim
	claim := old
	if claim == "" || h.one(2) {
		claim = h.claim("handle")
		h.fact(claim, account.HandleClaimed{Account: id})
	}
	events, err := a.ChangeHandle(fmt.Sprintf("h%d", h.names), claim, a.Naming())
	if h.say(name, events, err) && old != "" && old != claim {
		h.fact(old, account.HandleReleased{Account: id})
	}
}

func changeSettings(h *History) {
	id := h.person()
	name := account.Stream(id)
	audience := func(words ...account.Audience) *account.Audience {
		return maybe(h, func() account.Audience { return pick(h, words) })
	}
	events, err := stateOf(h, name, account.New).ChangeSettings(account.SettingsChanged{
		Locale: maybe(h, func() string { return pick(h, []string{"en", "de-CH"}) }), Theme: maybe(h, func() string { return pick(h, []string{"dark", "system"}) }),
		TimeZone: maybe(h, func() string { return pick(h, []string{"UTC", "Asia/Tokyo"}) }),
		Privacy: &account.PrivacyChanged{
			Profile: audience(account.Public, account.Private), Follows: audience(account.Public, account.Followers),
			ApproveFollowers: maybe(h, func() bool { return h.one(2) }),
			DirectMessages:   audience(account.Everyone, account.Nobody), Presence: audience(account.Everyone, account.Followers),
		},
	})
	h.say(name, events, err)
}

// changePassword sets a new password, by the link of a mail or by the old one;
// an address that was not verified is by the link.
func changePassword(h *History) {
	id := h.person()
	name := account.Stream(id)
	a := stateOf(h, name, account.New)
	if h.one(2) {
		events, err := a.ChangePassword(a.PasswordHash, "$argon2id$", pick(h, []uuid.UUID{uuid.Nil, h.id()}))
		h.say(name, events, err)
		return
	}
	token := []byte(h.words())
	if h.say(name, a.RequestReset(token, h.clock.Add(time.Hour)), nil) {
		events, err := stateOf(h, name, account.New).ResetPassword(token, "$argon2id$", h.clock)
		h.say(name, events, err)
	}
}

func changeProfile(h *History) {
	id := h.person()
	name := account.Stream(id)
	events, err := stateOf(h, name, account.New).ChangeProfile(account.ProfileChanged{
		DisplayName: maybe(h, h.sometimes), Bio: maybe(h, h.sometimes), Signature: maybe(h, h.sometimes),
		Links: maybe(h, func() []account.Link {
			return append([]account.Link{}, some(h, []account.Link{
				{Kind: "other", URL: "https://example.org/?a=1&b=<2>"}, {Kind: "twitter", Name: h.words(), URL: "https://example.org"},
			}, 2)...)
		}),
		Avatar: maybe(h, h.image), Banner: maybe(h, h.image),
	})
	h.say(name, events, err)
}

func grantRole(h *History) {
	name := account.Stream(h.person())
	events, err := stateOf(h, name, account.New).Grant(account.Administrator, pick(h, []uuid.UUID{uuid.Nil, h.person()}))
	h.say(name, events, err)
}

func revokeRole(h *History) {
	name := account.Stream(h.person())
	events, err := stateOf(h, name, account.New).Revoke(pick(h, []string{account.Administrator, account.Member}), uuid.Nil, h.words())
	h.say(name, events, err)
}

// suspend suspends somebody, by hand or for one of a few reports, or lifts that.
func suspend(h *History) {
	name, by := account.Stream(h.person()), pick(h, []uuid.UUID{uuid.Nil, h.person()})
	state := stateOf(h, name, account.New)
	report := pick(h, []uuid.UUID{uuid.Nil, {15: 1}, {15: 2}, {15: 3}})
	var events []event.Data
	var err error
	switch lift := h.one(2); {
	case !lift:
		until := pick(h, []time.Time{{}, h.clock.Add(time.Hour)})
		events, err = state.Suspend(account.Suspended{Until: until, Reason: h.words(), By: by, Report: report}, h.clock)
	case report == uuid.Nil:
		events, err = state.Lift(account.SuspensionLifted{Reason: h.sometimes(), By: by}, h.clock)
	default:
		events, err = state.LiftFor(report, account.SuspensionLifted{Reason: h.sometimes(), By: by}, h.clock)
	}
	h.say(name, events, err)
}

func makeKey(h *History) {
	id := h.id()
	h.keys = append(h.keys, id)
	name := apikey.Stream(id)
	h.say(name, stateOf(h, name, apikey.New).Create(apikey.Created{
		By: h.person(), Name: h.words(), Scopes: append([]string{apikey.EventsRead}, some(h, apikey.Scopes[1:], 2)...), Hash: []byte(name),
	}), nil)
}

// revokeKey ends a key, or tries it with one that has ended.
func revokeKey(h *History) {
	if len(h.keys) == 0 {
		return
	}
	name := apikey.Stream(pick(h, h.keys))
	events, err := stateOf(h, name, apikey.New).Revoke(h.person())
	h.say(name, events, err)
}

// signIn starts a session or shares one, which may be of an epoch that ended
// meanwhile.
func signIn(h *History) {
	id := h.person()
	s := &signInAct{account: id, session: h.id(), family: h.id()}
	if len(h.signIns) > 0 && h.one(3) {
		shared := recent(h, h.signIns)
		s.account, s.session = shared.account, shared.session
	}
	epoch := stateOf(h, account.Stream(s.account), account.New).Epoch
	if epoch > 0 && h.one(3) {
		epoch--
	}
	name := session.Stream(s.session)
	events, _ := stateOf(h, name, session.New).Share(session.Started{
		Account: s.account, Family: s.family, Epoch: epoch, Device: h.sometimes(), Network: pick(h, []string{"", "192.0.2.1", "2001:db8::/64"}),
		ExpiresAt: h.clock.Add(time.Hour),
	}, pick(h, []session.Binding{{}, {Agent: []byte("agent")}}))
	if h.say(name, events, nil) {
		h.signIns = append(h.signIns, s)
	}
}

// refresh presents the newest token, or one that was used before.
func refresh(h *History) {
	if len(h.signIns) == 0 {
		return
	}
	s := recent(h, h.signIns)
	presented := s.token
	if presented > 0 && h.one(6) {
		presented--
	}
	name := session.Stream(s.session)
	events, next, err := stateOf(h, name, session.New).Refresh(s.family, presented, h.clock, 0, time.Hour)
	if h.say(name, events, err) {
		s.token = next.Token
	}
}

// signOut ends a session, or finds one of its tokens elsewhere.
func signOut(h *History) {
	if len(h.signIns) == 0 {
		return
	}
	s := recent(h, h.signIns)
	name := session.Stream(s.session)
	if h.one(3) {
		h.say(name, stateOf(h, name, session.New).Mismatch(h.sometimes(), "192.0.2.9"), nil)
		return
	}
	events, err := stateOf(h, name, session.New).End(s.account, session.SignedOut)
	h.say(name, events, err)
}

func endSessions(h *History) {
	id, keep := h.person(), uuid.Nil
	if len(h.signIns) > 0 && h.one(2) {
		s := recent(h, h.signIns)
		id, keep = s.account, s.session
	}
	name := account.Stream(id)
	h.say(name, stateOf(h, name, account.New).EndSessions(keep), nil)
}

// relate begins or ends a relation of two people. A follow may cross a block,
// and the events that a block owes come later, or never.
func relate(h *History) {
	a, b := h.person(), h.person()
	if a == b {
		return
	}
	turn := func(category string, x, y uuid.UUID, on bool, started, ended event.Data) {
		name := follow.Stream(category, x, y)
		h.say(name, stateOf(h, name, follow.New).Turn(on, started, ended), nil)
	}
	stands := func(category string, x, y uuid.UUID) bool {
		return stateOf(h, follow.Stream(category, x, y), follow.New).On
	}
	unfollow := func(x, y uuid.UUID) {
		name := follow.Stream("follow", x, y)
		h.say(name, stateOf(h, name, follow.New).Leave(x, y), nil)
	}
	guard := h.guard(b)
	if guard.Openings > 0 && h.one(4) { // it may be known late
		guard = follow.Guard{Approves: true, Openings: guard.Openings - 1}
	}
	what := h.random.IntN(7)
	if h.one(2) && stateOf(h, follow.Stream("follow", a, b), follow.New).Waits(guard) {
		what = 3 // requests are few, and few are answered by chance
	}
	switch what {
	case 0:
		turn("mute", a, b, !stands("mute", a, b), follow.MuteStarted{Muter: a, Muted: b}, follow.MuteEnded{Muter: a, Muted: b})
	case 1:
		on := !stands("block", a, b)
		turn("block", a, b, on, follow.BlockStarted{Blocker: a, Blocked: b}, follow.BlockEnded{Blocker: a, Blocked: b})
		if on && h.one(2) {
			unfollow(a, b)
			unfollow(b, a)
		}
	case 2:
		if apart := stands("block", a, b) || stands("block", b, a); apart && h.one(2) {
			unfollow(a, b)
		}
	case 3:
		for range 50 { // look for a request: few wait
			if stateOf(h, follow.Stream("follow", a, b), follow.New).Waits(guard) {
				break
			}
			a, b = h.person(), h.person()
			guard = h.guard(b)
		}
		name := follow.Stream("follow", a, b)
		r := stateOf(h, name, follow.New)
		if h.one(2) {
			h.say(name, r.Refuse(a, b, guard), nil)
			return
		}
		events, err := r.Grant(a, b, guard)
		h.say(name, events, err)
	default:
		on, apart := h.random.IntN(4) > 0, stands("block", a, b) || stands("block", b, a)
		if !on {
			unfollow(a, b)
		} else if !apart || h.one(3) {
			name := follow.Stream("follow", a, b)
			h.say(name, stateOf(h, name, follow.New).Ask(a, b, guard), nil)
		}
	}
}

// guard is how an account stands to its followers.
func (h *History) guard(id uuid.UUID) follow.Guard {
	a := stateOf(h, account.Stream(id), account.New)
	return follow.Guard{Approves: a.Settings.Privacy.ApproveFollowers, Openings: a.Openings}
}

// followThing begins or ends following a board or a hashtag.
func followThing(h *History) {
	a := h.person()
	if h.one(2) {
		tag := pick(h, tags)
		name := follow.TagStream(a, tag)
		r := stateOf(h, name, follow.New)
		h.say(name, r.Turn(!r.On, follow.TagStarted{Account: a, Tag: tag}, follow.TagEnded{Account: a, Tag: tag}), nil)
		return
	}
	b := pick(h, h.boards)
	name := follow.Stream("boardfollow", a, b)
	r := stateOf(h, name, follow.New)
	h.say(name, r.Turn(!r.On, follow.BoardStarted{Account: a, Board: b}, follow.BoardEnded{Account: a, Board: b}), nil)
}

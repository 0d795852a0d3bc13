package foldtest

import (
	"fmt"
	"time"

	"github.com/parleyhq/parley/domain/account"
	"github.com/parleyhq/parley/domain/event"
)

var wayActs = []act{
	{5, changeFactor},
	{5, changePasskey},
	{3, changeIdentity},
}

// changeFactor makes, confirms, uses or ends a second factor.
func changeFactor(h *History) {
	name := account.Stream(h.person())
	a := stateOf(h, name, account.New)
	right := account.OTP{Steps: func([]byte) []int64 { return []int64{h.clock.UnixMilli()} }}
	recovery := account.OTP{Steps: func([]byte) []int64 { return nil }, Recovery: []byte("recovery")}
	var events []event.Data
	var err error
	switch h.random.IntN(5) {
	case 0, 1:
		events, err = a.RequestTOTP([]byte(h.words()))
		if h.say(name, events, err) {
			events, err = a.EnableTOTP(right, [][]byte{[]byte("recovery")}, h.clock.Add(-time.Hour))
		}
	case 2:
		events, err = a.PassTOTP(right)
	case 3:
		events, err = a.PassTOTP(recovery)
	default:
		events, err = a.DisableTOTP(right)
	}
	h.say(name, events, err)
}

// changePasskey adds a passkey, or uses or removes one.
func changePasskey(h *History) {
	id := h.person()
	name := account.Stream(id)
	a := stateOf(h, name, account.New)
	key := pick(h, a.Passkeys())
	var events []event.Data
	var err error
	switch h.random.IntN(4) {
	case 0, 1:
		claim := h.claim("passkey")
		h.fact(claim, account.PasskeyClaimed{Account: id})
		events, err = a.AddPasskey(account.PasskeyAdded{
			Passkey: h.id(), Claim: claim, Name: h.words(), Credential: []byte(claim), PublicKey: []byte("key"), Counter: 1,
		}, a.Naming())
	case 2:
		events, _, err = a.UsePasskey(key.ID, uint32(h.random.IntN(4)))
	default:
		if events, err = a.RemovePasskey(key.ID); h.say(name, events, err) {
			h.fact(key.Claim, account.PasskeyReleased{Account: id})
		}
		return
	}
	h.say(name, events, err)
}

// changeIdentity links an account of a provider, or unlinks it.
func changeIdentity(h *History) {
	id, provider := h.person(), fmt.Sprint("provider", h.random.IntN(2))
	name := account.Stream(id)
	a := stateOf(h, name, account.New)
	if h.one(2) {
		claim, events, err := a.UnlinkIdentity(provider)
		if h.say(name, events, err) {
			h.fact(claim, account.IdentityReleased{Account: id})
		}
		return
	}
	claim := h.claim("identity")
	h.fact(claim, account.IdentityClaimed{Account: id})
	events, err := a.LinkIdentity(account.IdentityLinked{
		Provider: provider, Issuer: "https://example.org", Claim: claim, Subject: h.words(), Email: "p@example.org",
	}, a.Naming())
	h.say(name, events, err)
}

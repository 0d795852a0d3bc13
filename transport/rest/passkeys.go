package rest

import (
	"cmp"
	"context"
	"encoding/json"
	"net/http"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/parleyhq/parley/commands"
	"github.com/parleyhq/parley/commands/passkeys"
	"github.com/parleyhq/parley/domain/account"
	"github.com/parleyhq/parley/domain/fault"
)

func (s *Server) passkeys() {
	route(s, Op{
		Method: http.MethodGet, Path: "/v1/me/passkeys", ID: "listPasskeys", Summary: "One's own passkeys, newest first", Tag: "Second factors",
	}, nil, s.listPasskeys)
	route(s, Op{
		Method: http.MethodPost, Path: "/v1/me/passkeys/challenge", ID: "challengePasskey", Summary: "Ask one's browser for a new passkey", Tag: "Second factors",
		Secret: true, Errors: []*fault.Fault{commands.ErrNotRecent, account.ErrPasskeys, passkeys.ErrUnavailable},
	}, nil, s.challengePasskey)
	route(s, Op{
		Method: http.MethodPost, Path: "/v1/me/passkeys", ID: "addPasskey", Summary: "Add the passkey that the browser made", Tag: "Second factors",
		Status: http.StatusCreated, Errors: []*fault.Fault{passkeys.ErrInvalid, passkeys.ErrUnavailable, account.ErrPasskeyTaken, account.ErrPasskeys, account.ErrSuperseded},
	}, nil, s.addPasskey)
	route(s, Op{
		Method: http.MethodDelete, Path: "/v1/me/passkeys/{id}", ID: "removePasskey", Summary: "Remove a passkey; never the last way in", Tag: "Second factors",
		Errors: []*fault.Fault{commands.ErrNotRecent, fault.ErrNotFound, account.ErrLastWayIn},
	}, nil, s.removePasskey)
	route(s, Op{
		Method: http.MethodPost, Path: "/v1/passkeys/challenge", ID: "askPasskey", Summary: "Ask a browser for a passkey to sign in with", Tag: "Sessions",
		Auth: Public, Secret: true, Errors: []*fault.Fault{passkeys.ErrUnavailable},
	}, nil, s.askPasskey)
}

// Passkey is one of the caller's own.
type Passkey struct {
	ID         uuid.UUID `json:"id"`
	Name       string    `json:"name"`
	CreatedAt  Time      `json:"createdAt"`
	LastUsedAt *Time     `json:"lastUsedAt"`
}

func showPasskey(k account.Passkey) Passkey {
	return Passkey{ID: k.ID, Name: k.Name, CreatedAt: At(k.CreatedAt), LastUsedAt: AtOrNull(k.LastUsedAt)}
}

// PasskeyChallenge is what a page hands to navigator.credentials.
type PasskeyChallenge struct {
	ID      uuid.UUID       `json:"id" doc:"good for one answer"`
	Options json.RawMessage `json:"options" doc:"publicKey of navigator.credentials.create or .get, in the JSON of WebAuthn Level 3"`
}

type passkeyKey struct {
	At time.Time `json:"at"`
	ID uuid.UUID `json:"id"`
}

// listPasskeys asks the account's own stream, which has a few at most: no table
// knows of passkeys.
func (s *Server) listPasskeys(ctx context.Context, c *Call, p Page, _ None) (Reply[List[Passkey]], error) {
	after, err := seek[passkeyKey](c, p)
	if err != nil {
		return Reply[List[Passkey]]{}, err
	}
	rows, err := s.cfg.Commands.Passkeys(ctx, *c.Actor)
	if err != nil {
		return Reply[List[Passkey]]{}, err
	}
	slices.SortFunc(rows, func(a, b account.Passkey) int {
		return cmp.Or(b.CreatedAt.Compare(a.CreatedAt), cmp.Compare(b.ID.String(), a.ID.String()))
	})
	if after != nil {
		rows = slices.DeleteFunc(rows, func(k account.Passkey) bool {
			return cmp.Or(after.At.Compare(k.CreatedAt), cmp.Compare(after.ID.String(), k.ID.String())) <= 0
		})
	}
	answer, err := page(c, p, rows, showPasskey, func(k account.Passkey) passkeyKey { return passkeyKey{k.CreatedAt, k.ID} })
	return Reply[List[Passkey]]{Data: answer}, err
}

func (s *Server) challengePasskey(ctx context.Context, c *Call, _, _ None) (Reply[PasskeyChallenge], error) {
	made, err := s.cfg.Commands.ChallengePasskey(ctx, *c.Actor)
	return Reply[PasskeyChallenge]{Data: PasskeyChallenge{ID: made.ID, Options: made.Options}}, err
}

func (s *Server) askPasskey(ctx context.Context, _ *Call, _, _ None) (Reply[PasskeyChallenge], error) {
	made, err := s.cfg.Commands.AskPasskey(ctx)
	return Reply[PasskeyChallenge]{Data: PasskeyChallenge{ID: made.ID, Options: made.Options}}, err
}

// passkeyAnswer is what the browser gave, as PublicKeyCredential.toJSON writes
// it.
type passkeyAnswer struct {
	ID       uuid.UUID       `json:"id" doc:"of the challenge"`
	Response json.RawMessage `json:"response" doc:"what PublicKeyCredential.toJSON gives"`
}

type newPasskey struct {
	passkeyAnswer
	Name string `json:"name,omitempty" doc:"at most 50 characters; Passkey where it is left out"`
}

func (s *Server) addPasskey(ctx context.Context, c *Call, _ None, b newPasskey) (Reply[Passkey], error) {
	made, out, err := s.cfg.Commands.AddPasskey(ctx, *c.Actor, b.Name, commands.PasskeyAnswer(b.passkeyAnswer))
	return Reply[Passkey]{Data: showPasskey(made), Position: out.Position}, err
}

func (s *Server) removePasskey(ctx context.Context, c *Call, p thingPath, _ None) (Reply[None], error) {
	out, err := s.cfg.Commands.RemovePasskey(ctx, *c.Actor, p.ID)
	return s.settled(ctx, out, err)
}

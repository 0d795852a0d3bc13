package passkeys

import (
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/url"
	"strings"
	"time"

	"github.com/go-webauthn/webauthn/protocol"
	"github.com/go-webauthn/webauthn/webauthn"
	"github.com/google/uuid"

	"github.com/parleyhq/parley/domain/fault"
)

// MaxAnswer bounds an answer, in bytes: attestations bring certificates.
const MaxAnswer = 64 << 10

// Faults of passkeys.
var (
	ErrInvalid     = fault.New(fault.Invalid, "passkey.invalid", "This is no valid answer to a challenge of ours, or it came too late.")
	ErrUnavailable = fault.New(fault.Conflict, "passkey.unavailable", "Passkeys belong to a domain, and this site is reached by a bare address.")
)

// Config says for which site passkeys are.
type Config struct {
	BaseURL string        // its own address
	Origins []string      // of other pages that may ask for them
	TTL     time.Duration // how long a person may take; a hint for browsers
}

// Party is the site: WebAuthn's relying party. A nil Party has no passkeys.
type Party struct {
	site *webauthn.WebAuthn
}

// Person is whose passkey is to be made.
type Person struct {
	ID                  uuid.UUID
	Handle, DisplayName string
	Has                 [][]byte // ids of credentials that are there
}

// Credential is what the server knows of a passkey.
type Credential struct {
	ID        []byte
	PublicKey []byte // COSE_Key
	Counter   uint32
	Synced    bool // "backup eligible"
}

// New makes the party of a site. Its id is the host of BaseURL; a loopback
// address counts as localhost, which is where browsers take it.
// Errors: ErrUnavailable for any other bare address, and for none.
func New(cfg Config) (*Party, error) {
	base, err := url.Parse(cfg.BaseURL)
	if err != nil || base.Host == "" {
		return nil, ErrUnavailable
	}
	id, origins := strings.ToLower(base.Hostname()), append([]string{base.Scheme + "://" + base.Host}, cfg.Origins...)
	if ip := net.ParseIP(id); ip != nil {
		if !ip.IsLoopback() && !ip.IsUnspecified() {
			return nil, ErrUnavailable
		}
		id = "localhost"
		local := base.Scheme + "://" + id
		if base.Port() != "" {
			local += ":" + base.Port()
		}
		origins = append(origins, local)
	}
	needed, times := true, webauthn.TimeoutConfig{Timeout: cfg.TTL, TimeoutUVD: cfg.TTL}
	site, err := webauthn.New(&webauthn.Config{
		RPID: id, RPDisplayName: id, RPOrigins: origins, AttestationPreference: protocol.PreferNoAttestation,
		AuthenticatorSelection: protocol.AuthenticatorSelection{
			ResidentKey: protocol.ResidentKeyRequirementRequired, RequireResidentKey: &needed, UserVerification: protocol.VerificationRequired,
		},
		Timeouts: webauthn.TimeoutsConfig{Login: times, Registration: times},
		// Password managers answer with what nobody asked for.
		ExtensionsUnsolicitedOutputPolicy: protocol.UnsolicitedOutputPolicyIgnore,
	})
	if err != nil {
		return nil, fmt.Errorf("passkeys of %s: %w", cfg.BaseURL, err)
	}
	return &Party{site}, nil
}

// Create asks a browser for a new passkey. kept goes to Created.
func (p *Party) Create(who Person) (options, kept []byte, err error) {
	if p == nil {
		return nil, nil, ErrUnavailable
	}
	known := make([]protocol.CredentialDescriptor, len(who.Has))
	for i, id := range who.Has {
		known[i] = protocol.CredentialDescriptor{Type: protocol.PublicKeyCredentialType, CredentialID: id}
	}
	creation, session, err := p.site.BeginRegistration(user{who: who}, webauthn.WithExclusions(known))
	if err != nil {
		return nil, nil, fmt.Errorf("ask for a new passkey: %w", err)
	}
	return both(creation.Response, session)
}

// Ask asks a browser for any passkey of this site. kept goes to Answered.
func (p *Party) Ask() (options, kept []byte, err error) {
	if p == nil {
		return nil, nil, ErrUnavailable
	}
	assertion, session, err := p.site.BeginDiscoverableLogin()
	if err != nil {
		return nil, nil, fmt.Errorf("ask for a passkey: %w", err)
	}
	return both(assertion.Response, session)
}

func both(options, session any) (shown, kept []byte, err error) {
	shown, err1 := json.Marshal(options)
	kept, err2 := json.Marshal(session)
	return shown, kept, errors.Join(err1, err2)
}

// Created is the passkey that a browser made for the person id.
// Errors: ErrInvalid.
func (p *Party) Created(kept, answer []byte, id uuid.UUID) (made Credential, err error) {
	if p == nil {
		return made, ErrUnavailable
	}
	session, err := opened(kept)
	if err != nil {
		return made, err
	}
	err = safely(answer, func() error {
		parsed, err := protocol.ParseCredentialCreationResponseBytes(answer)
		if err != nil {
			return err
		}
		c, err := p.site.CreateCredential(user{who: Person{ID: id}}, session, parsed)
		if err != nil {
			return err
		}
		made = Credential{ID: c.ID, PublicKey: c.PublicKey, Counter: c.Authenticator.SignCount, Synced: c.Flags.BackupEligible}
		return nil
	})
	return made, err
}

// Answer is a browser's answer that was read, and not believed yet.
type Answer struct {
	Credential []byte // the id of the credential that it claims to be by
	parsed     *protocol.ParsedCredentialAssertionData
}

// Read reads an answer to Ask. Errors: ErrInvalid.
func Read(answer []byte) (a Answer, err error) {
	err = safely(answer, func() (err error) {
		if a.parsed, err = protocol.ParseCredentialRequestResponseBytes(answer); err == nil {
			a.Credential = a.parsed.RawID
		}
		return err
	})
	return a, err
}

// Answered checks that an answer is by the passkey c of the person id, and
// gives the count of its signatures: whether that has risen is the caller's
// affair. Errors: ErrInvalid.
func (p *Party) Answered(kept []byte, a Answer, id uuid.UUID, c Credential) (counter uint32, err error) {
	if p == nil {
		return 0, ErrUnavailable
	}
	session, err := opened(kept)
	if err != nil {
		return 0, err
	}
	err = safely(nil, func() error {
		owner := func(_, _ []byte) (webauthn.User, error) { return user{who: Person{ID: id}, credential: &c}, nil }
		if _, err := p.site.ValidateDiscoverableLogin(owner, session, a.parsed); err != nil {
			return err
		}
		counter = a.parsed.Response.AuthenticatorData.Counter
		return nil
	})
	return counter, err
}

func opened(kept []byte) (webauthn.SessionData, error) {
	var session webauthn.SessionData
	if err := json.Unmarshal(kept, &session); err != nil {
		return session, fmt.Errorf("passkeys: a challenge that was kept: %w", err)
	}
	return session, nil
}

// safely makes all that is wrong with an answer ErrInvalid, and carries why.
func safely(answer []byte, check func() error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = ErrInvalid.Because(fmt.Errorf("panic: %v", p))
		}
	}()
	if len(answer) > MaxAnswer {
		return ErrInvalid
	}
	if err := check(); err != nil {
		return ErrInvalid.Because(err)
	}
	return nil
}

// user is a Person as go-webauthn asks for one.
type user struct {
	who        Person
	credential *Credential // nil: none that matters
}

// WebAuthnID is the user handle: what a discoverable credential says whose it
// is.
func (u user) WebAuthnID() []byte { return u.who.ID[:] }

// WebAuthnName implements webauthn.User.
func (u user) WebAuthnName() string { return u.who.Handle }

// WebAuthnDisplayName implements webauthn.User.
func (u user) WebAuthnDisplayName() string { return u.who.DisplayName }

// WebAuthnCredentials implements webauthn.User.
func (u user) WebAuthnCredentials() []webauthn.Credential {
	if u.credential == nil {
		return nil
	}
	return []webauthn.Credential{{
		ID: u.credential.ID, PublicKey: u.credential.PublicKey, Flags: webauthn.CredentialFlags{BackupEligible: u.credential.Synced},
		Authenticator: webauthn.Authenticator{SignCount: u.credential.Counter},
	}}
}

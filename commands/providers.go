package commands

import (
	"context"
	"time"

	"github.com/parleyhq/parley/domain/fault"
)

// Faults of providers.
var (
	// ErrProvider is a provider that is down, or that said what must not be
	// believed; the cause is for logs.
	ErrProvider = fault.New(fault.Unavailable, "oauth.provider", "The provider does not answer, or not as it should; please try again.").After(5 * time.Second)
	// ErrDenied is a person who said no at the provider.
	ErrDenied = fault.New(fault.Forbidden, "oauth.denied", "The provider was not allowed to tell who you are.")
)

// Providers are the OpenID providers at which people sign in, by the names
// that the operator gave them. Nothing is asked of one before it is needed.
type Providers interface {
	// Has says whether there is such a provider.
	Has(provider string) bool
	// Begin is the address to which a browser is sent. Errors: ErrProvider.
	Begin(ctx context.Context, provider string, a Authorization) (address string, err error)
	// Finish says whom the provider vouches for, once the browser is back.
	// Errors: ErrProvider, ErrDenied.
	Finish(ctx context.Context, provider string, a Authorization, back Authorized) (Identity, error)
}

// Authorization is what is asked of a provider. What binds the answer to it is
// made anew each time: 32 random bytes each, as texts.
type Authorization struct {
	Callback string // to which the browser is sent back
	State    string // binds the answer to the browser
	Nonce    string // binds the token to the answer
	Verifier string // of PKCE: binds the code to us
}

// Authorized is the answer that a browser brings back.
type Authorized struct {
	Code   string
	Issuer string // RFC 9207; empty: not told
	Error  string // of RFC 6749, section 4.1.2.1; empty: none
}

// Identity is somebody whom a provider vouches for. Issuer and Subject
// together name a person for ever; nothing else does.
type Identity struct {
	Issuer, Subject string
	Email           string // empty: not told
	EmailVerified   bool
	Name            string // as people write it; empty: not told
}

package commands

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/pquerna/otp/hotp"

	"github.com/parleyhq/parley/domain/account"
	"github.com/parleyhq/parley/domain/session"
)

// edited is a text with so many bytes after the first at replaced by others.
func edited(text string, at, drop uint16, by string) string {
	i := min(int(at), len(text))
	return text[:i] + by + text[min(i+int(drop), len(text)):]
}

// FuzzTokens holds that an access token is one that we signed, to the letter,
// and everything else is refused.
func FuzzTokens(f *testing.F) {
	c := newCommunity(f)
	n := c.node(c.store)
	who, in := c.member(n, "ada")
	head, rest, _ := strings.Cut(in.AccessToken, ".")
	whole, after := uint16(len(in.AccessToken)), uint16(len(head)+1)
	f.Add(uint16(0), uint16(0), "")
	f.Add(whole, uint16(0), "=")
	f.Add(whole-1, uint16(1), "A")
	f.Add(whole-9, uint16(0), "\r\n")
	f.Add(uint16(0), after, "eyJhbGciOiJub25lIn0.")
	f.Add(uint16(0), after, "eyJhbGciOiJIUzI1NiIsImtpZCI6Ii4uLy4uL2V0Yy9wYXNzd2QifQ.")
	f.Add(after, uint16(strings.IndexByte(rest, '.')), "e30")
	f.Add(uint16(0), whole, "..")
	f.Fuzz(func(t *testing.T, at, drop uint16, by string) {
		token := edited(in.AccessToken, at, drop, by)
		a, err := n.deps.Tokens.Check(token)
		switch {
		case (err == nil) != (token == in.AccessToken):
			t.Fatalf("%q: %v", token, err)
		case err == nil && (a.Account != who.Account || a.Session != who.Session):
			t.Fatalf("it lets %v in", a)
		case err != nil && !errors.Is(err, ErrTokenInvalid) && !errors.Is(err, ErrTokenExpired):
			t.Fatalf("%q: %v", token, err)
		}
	})
}

// FuzzRefreshTokens holds the same of refresh tokens.
func FuzzRefreshTokens(f *testing.F) {
	c := newCommunity(f)
	n := c.node(c.store)
	_, in := c.member(n, "ada")
	whole := uint16(len(in.RefreshToken))
	f.Add(uint16(0), uint16(0), "")
	f.Add(whole, uint16(0), "A")
	f.Add(whole-1, uint16(1), "_")
	f.Add(whole-9, uint16(0), "\n")
	f.Add(uint16(0), whole, "")
	f.Fuzz(func(t *testing.T, at, drop uint16, by string) {
		token := edited(in.RefreshToken, at, drop, by)
		_, err := n.readRefresh(t.Context(), token)
		if (err == nil) != (token == in.RefreshToken) || err != nil && !errors.Is(err, session.ErrRefreshInvalid) {
			t.Fatalf("%q: %v", token, err)
		}
	})
}

// FuzzLinks holds that a signed link opens what it was made for, and nothing
// else does.
func FuzzLinks(f *testing.F) {
	c := newCommunity(f)
	n := c.node(c.store)
	const path = "/v1/images/a/b"
	made, err := n.SignLink(f.Context(), path)
	if err != nil {
		f.Fatal(err)
	}
	_, query, _ := strings.Cut(made, "?exp=")
	exp, sig, _ := strings.Cut(query, "&sig=")
	f.Add(uint16(0), uint16(0), "", uint8(0))
	f.Add(uint16(len(path)), uint16(0), "\n", uint8(0))
	f.Add(uint16(0), uint16(0), "0", uint8(1))
	f.Add(uint16(0), uint16(20), "-1", uint8(1))
	f.Add(uint16(len(sig)-1), uint16(1), "A", uint8(2))
	f.Add(uint16(14), uint16(0), "\n", uint8(2))
	f.Add(uint16(0), uint16(100), "", uint8(2))
	f.Fuzz(func(t *testing.T, at, drop uint16, by string, which uint8) {
		parts := [3]string{path, exp, sig}
		part := &parts[which%3]
		was := *part
		*part = edited(was, at, drop, by)
		err := n.CheckLink(t.Context(), parts[0], parts[1], parts[2])
		if (err == nil) != (*part == was) || err != nil && !errors.Is(err, ErrLinkInvalid) {
			t.Fatalf("%q: %v", parts, err)
		}
	})
}

// FuzzProofs holds that the token of a mailed link is read in one way: what is
// written again proves the same.
func FuzzProofs(f *testing.F) {
	p := proof{account: uuid.MustParse("01890a5d-ac96-774b-bcce-b302099a8058"), secret: make([]byte, proofSecret)}
	f.Add(p.token())
	f.Add(" " + p.token() + "\n")
	f.Add(strings.ToUpper(p.token()))
	f.Add(p.token() + "=")
	f.Add("")
	f.Fuzz(func(t *testing.T, token string) {
		id, secret, ok := parseProof(token)
		if !ok {
			return
		}
		again, same, ok := parseProof(proof{account: id, secret: secret}.token())
		if !ok || again != id || !slices.Equal(secret, same) || strings.TrimSpace(token) != (proof{account: id, secret: secret}).token() {
			t.Fatalf("%q: %s %x, and then %s %x %v", token, id, secret, again, same, ok)
		}
	})
}

// FuzzOTP holds that whatever is typed as a code is the code of a step around
// now, digit by digit, or a recovery code, or nothing.
func FuzzOTP(f *testing.F) {
	c := newCommunity(f)
	at := time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC)
	n := c.node(c.store, func(cfg *Config) { cfg.Now = func() time.Time { return at } })
	secret := []byte("12345678901234567890")
	right := map[string]int64{}
	for step := at.Unix()/totpPeriod - account.TOTPSkew; step <= at.Unix()/totpPeriod+account.TOTPSkew; step++ {
		code, err := hotp.GenerateCodeCustom(totpSeed.EncodeToString(secret), uint64(step), hotp.ValidateOpts{Digits: totpDigits})
		if err != nil {
			f.Fatal(err)
		}
		right[code] = step
		f.Add(code)
		f.Add(code[:3] + " " + code[3:])
	}
	f.Add(writeRecoveryCode(make([]byte, recoverySecret)))
	f.Add("١٢٣٤٥٦")
	f.Add("")
	id := uuid.New()
	f.Fuzz(func(t *testing.T, typed string) {
		o := n.otp(id, typed)
		code := strings.NewReplacer(" ", "", "-", "").Replace(typed)
		for _, step := range o.Steps(secret) {
			if right[strings.TrimSpace(code)] != step {
				t.Fatalf("%q is taken for the code of step %d", typed, step)
			}
		}
		if len(o.Steps(nil)) > 0 {
			t.Fatalf("%q is a code of no secret", typed)
		}
		if o.Recovery != nil && (o.Steps(secret) != nil || len(code) != 8*recoverySecret/5) {
			t.Fatalf("%q is taken for a recovery code", typed)
		}
	})
}

// FuzzOAuthReturn holds that a browser comes back with the state that it was
// sent out with, and with its own cookie, or not at all.
func FuzzOAuthReturn(f *testing.F) {
	c := newCommunity(f)
	n := c.node(c.store)
	begun, err := n.BeginOAuth(f.Context(), BeginOAuth{Provider: "door", Redirect: ownPage})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(begun.URL, begun.Browser+"x", "ada", "", "")
	f.Add(begun.URL+"=", begun.Browser, "ada", "iss", "")
	f.Add("", "", "", "", "access_denied")
	f.Add(begun.URL[:9]+"\n"+begun.URL[9:], begun.Browser, "ada", "", "")
	f.Add(strings.Repeat("A", 43), strings.Repeat("A", 43), "\x00", "\r\n", "#")
	f.Fuzz(func(t *testing.T, state, browser, code, issuer, refusal string) {
		if state == begun.URL && browser == begun.Browser {
			return
		}
		back := OAuthReturn{Provider: "door", State: state, Browser: browser, Answer: Authorized{Code: code, Issuer: issuer, Error: refusal}}
		if page, err := n.ReturnOAuth(t.Context(), back); !errors.Is(err, ErrOAuthState) || page != "" {
			t.Fatalf("%+v: %q %v", back, page, err)
		}
		if _, err := n.ExchangeOAuth(t.Context(), ExchangeOAuth{Code: state, Browser: browser}); err == nil {
			t.Fatalf("%q is exchanged", state)
		}
	})
}

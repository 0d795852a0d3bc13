package commands

import (
	"context"
	"fmt"
	"strings"

	"github.com/google/uuid"

	"github.com/parleyhq/parley/domain/account"
)

// A remedy is what somebody is to do who did not do it themselves, and the page
// for it.
type remedy struct{ text, page string }

var (
	bySignIn = remedy{"please sign in, change your password and end all other sessions", "/"}
	byReset  = remedy{"set a new password at once, which ends all sessions and any change of the address", "/reset"}
)

// tell mails an account what has happened to its ways in. Limits keep it from
// an address alone that nobody has verified: it may be a stranger's.
func (c *Commands) tell(ctx context.Context, id uuid.UUID, subject, text string, r remedy) {
	var to, handle string
	var verified bool
	err := c.account(ctx, id, func(a *account.Account) error {
		to, handle, verified = a.Email, a.Handle, a.EmailVerified
		return nil
	})
	if err != nil {
		c.log.ErrorContext(ctx, "a notice was not sent", "account", id, "subject", subject, "error", err)
		return
	}
	if e, problem := parseEmail(to); problem == "" && !verified && c.mayMail(ctx, e) != nil {
		return
	}
	c.mail(ctx, id, to, subject, fmt.Sprintf(`Hello @%s,

%s

If it was you, there is nothing to do. If it was not, %s:
`, handle, text, r.text), r.page)
}

// mail sends a notice about an account that ends with the address of a page of
// ours. What it tells is done, whether or not it leaves.
func (c *Commands) mail(ctx context.Context, about uuid.UUID, to, subject, text, page string) {
	if to == "" {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), c.cfg.AppendTimeout) // who asked may be gone
	defer cancel()
	err := c.deps.Mail.Send(ctx, Mail{To: to, Subject: subject, Text: text + strings.TrimSuffix(c.cfg.BaseURL, "/") + page + "\n"})
	if err != nil {
		c.log.ErrorContext(ctx, "a notice was not sent", "account", about, "subject", subject, "error", err)
	}
}

package commands

import (
	"context"
	"fmt"

	"github.com/google/uuid"

	"github.com/parleyhq/parley/domain/account"
)

// tell mails an account what has happened to its ways in. Limits keep it from
// an address alone that nobody has verified: it may be a stranger's. What was
// done is done whether or not the mail leaves.
func (c *Commands) tell(ctx context.Context, id uuid.UUID, subject, text string) {
	var to, handle string
	var verified bool
	err := c.account(ctx, id, func(a *account.Account) error {
		to, handle, verified = a.Email, a.Handle, a.EmailVerified
		return nil
	})
	if err == nil && to == "" {
		return
	}
	if e, problem := parseEmail(to); err == nil && problem == "" && !verified {
		if c.mayMail(ctx, e) != nil {
			return
		}
	}
	if err == nil {
		err = c.deps.Mail.Send(ctx, Mail{To: to, Subject: subject, Text: fmt.Sprintf(`Hello @%s,

%s

If it was you, there is nothing to do. If not, please sign in at
%s
change your password and end all other sessions.
`, handle, text, c.cfg.BaseURL)})
	}
	if err != nil {
		c.log.ErrorContext(ctx, "a notice was not sent", "account", id, "subject", subject, "error", err)
	}
}

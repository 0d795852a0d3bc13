package commands

import (
	"context"
	"slices"
	"strings"

	"github.com/google/uuid"

	"github.com/parleyhq/parley/commands/markup"
	"github.com/parleyhq/parley/domain/account"
	"github.com/parleyhq/parley/domain/text"
)

// words are a text as events hold it, and what it names.
type words struct {
	title, body string // quoted
	hashtags    []string
	mentions    []uuid.UUID
}

// words finds out which accounts a text mentions, each once in the order of
// the text. Without a title it is a comment's.
func (c *Commands) words(ctx context.Context, title, body string) (words, error) {
	t, b := markup.Title(title), markup.Body(body)
	w := words{hashtags: markup.Hashtags(t, b)}
	accounts := map[string]uuid.UUID{}
	for _, handle := range markup.Mentions(t, b) {
		id, err := c.accountByHandle(ctx, handle)
		if err != nil {
			return words{}, err
		}
		if id != uuid.Nil {
			accounts[handle] = id
			w.mentions = append(w.mentions, id)
		}
	}
	w.title, w.body = t.Quoted(accounts), b.Quoted(accounts)
	return w, nil
}

// unquoted is a stored text as its author wrote it, with the handles that the
// mentioned accounts have now. Ids of accounts that are gone stay.
func (c *Commands) unquoted(ctx context.Context, mentions []uuid.UUID, texts ...*string) error {
	handles := map[uuid.UUID]string{}
	var there []uuid.UUID
	for _, id := range mentions {
		err := c.account(ctx, id, func(a *account.Account) error {
			if a.Exists() && a.Handle != "" {
				handles[id] = a.Handle
				there = append(there, id)
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	for _, t := range texts {
		*t = text.Unquote(*t, there, func(id uuid.UUID) string { return handles[id] })
	}
	return nil
}

// keep adds the mentions of before that the words still hold by id: those of
// accounts that are gone.
func (w *words) keep(before []uuid.UUID) {
	for _, id := range before {
		at := "@" + id.String()
		if !slices.Contains(w.mentions, id) && (strings.Contains(w.title, at) || strings.Contains(w.body, at)) {
			w.mentions = append(w.mentions, id)
		}
	}
}

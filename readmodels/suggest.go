package readmodels

import (
	"context"
	"errors"
	"strings"

	"github.com/google/uuid"

	"github.com/parleyhq/parley/domain/fault"
	"github.com/parleyhq/parley/domain/text"
)

// MaxSuggestions is how many there are at most.
const MaxSuggestions = 10

// maxBeginnings bounds how many names with one beginning are looked at, in
// their order: of more, the best may be missed until another letter is typed.
const maxBeginnings = 500

// lastRune follows whatever goes on behind a beginning.
const lastRune = "\U0010FFFF"

// Suggestion is what somebody may mean who has typed the beginning of it; one
// of the two is set.
type Suggestion struct {
	Account *Summary
	Hashtag *Hashtag
}

// Suggest is what goes on from what was typed: handles and hashtags that begin
// with it, or the one of both that its sign says, and people with such a name.
// Handles and hashtags come from the tables; the index adds the names, and
// goes without saying while it is not available. Nobody comes across a block.
func (f *Finder) Suggest(ctx context.Context, viewer uuid.UUID, typed string) ([]Suggestion, error) {
	beginning := text.Fold(strings.TrimSpace(typed)) // wide signs become narrow ones
	wantPeople, wantTags := true, true
	if rest, ok := strings.CutPrefix(beginning, "@"); ok {
		beginning, wantTags = rest, false
	} else if rest, ok := strings.CutPrefix(beginning, "#"); ok {
		beginning, wantPeople = rest, false
	}
	if beginning == "" {
		return nil, nil
	}
	var people []Summary
	var tags []Hashtag
	err := f.Tables.Read(ctx, func(r Reader) (err error) {
		if wantPeople {
			people, err = AccountsFrom(ctx, r, viewer, beginning, MaxSuggestions)
		}
		if tag, ok := text.FoldHashtag(beginning); ok && wantTags && err == nil {
			tags, err = HashtagsFrom(ctx, r, viewer, tag, MaxSuggestions)
		}
		return err
	})
	if err == nil && wantPeople && len(people) < MaxSuggestions {
		people, err = f.addNamed(ctx, viewer, beginning, people)
	}
	return mixed(people, tags), err
}

// addNamed adds people with a display name that goes on from what was typed.
func (f *Finder) addNamed(ctx context.Context, viewer uuid.UUID, beginning string, people []Summary) ([]Summary, error) {
	words := Words(beginning)
	if len(words) > MaxWords {
		return people, nil
	}
	for i := range words {
		words[i].Typos = 0 // what is still being typed has none
	}
	known := make(map[uuid.UUID]bool, len(people))
	for _, p := range people {
		known[p.ID] = true
	}
	named, _, err := f.Find(ctx, viewer, BoardTags{}, SearchQuery{Kind: SearchAccounts, Words: words, Limit: MaxSuggestions}, nil)
	if errors.Is(err, ErrSearchUnavailable) {
		return people, nil
	}
	for _, n := range named {
		if n.Highlights["displayName"] != nil && !known[n.Account.ID] && len(people) < MaxSuggestions {
			people = append(people, n.Account.Summary)
		}
	}
	return people, err
}

// mixed gives people first, and room to both where both are many.
func mixed(people []Summary, tags []Hashtag) []Suggestion {
	const half = MaxSuggestions / 2
	people = people[:min(len(people), max(half, MaxSuggestions-len(tags)))]
	tags = tags[:min(len(tags), MaxSuggestions-len(people))]
	all := make([]Suggestion, 0, len(people)+len(tags))
	for i := range people {
		all = append(all, Suggestion{Account: &people[i]})
	}
	for i := range tags {
		all = append(all, Suggestion{Hashtag: &tags[i]})
	}
	return all
}

// AccountsFrom are those whose handles begin with a folded text: the one that
// is just that, then whom viewer follows, then those whom most follow; at most
// limit.
func AccountsFrom(ctx context.Context, r Reader, viewer uuid.UUID, beginning string, limit int) ([]Summary, error) {
	me := textID(viewer)
	return collect(ctx, r, scanSummary, `SELECT a.id, a.handle, a.display_name, a.avatar FROM (
			SELECT id, handle, display_name, avatar, followers FROM account WHERE handle >= ? AND handle < ?`+visible("account.id")+`
			ORDER BY handle LIMIT ?) AS a
		ORDER BY CASE WHEN a.handle = ? THEN 0 ELSE 1 END,
			(SELECT count(*) FROM follow WHERE follow.follower = ? AND follow.followee = a.id) DESC,
			a.followers DESC, a.handle LIMIT ?`,
		beginning, beginning+lastRune, me, me, maxBeginnings, beginning, me, limit)
}

// Named is the account of a folded handle, if the viewer can see one;
// uuid.Nil otherwise.
func (f *Finder) Named(ctx context.Context, viewer uuid.UUID, handle string) (uuid.UUID, error) {
	var a Account
	err := f.Tables.Read(ctx, func(r Reader) (err error) {
		a, err = AccountByHandle(ctx, r, viewer, handle)
		return err
	})
	if errors.Is(err, fault.ErrNotFound) {
		return uuid.Nil, nil
	}
	return a.ID, err
}

package readmodels

import (
	"context"

	"github.com/google/uuid"
)

// Each of these reads hits of one kind as a viewer may see them, and marks the
// words in them. What is not in the answer is not for the viewer.

func seenAccounts(ctx context.Context, r Reader, viewer uuid.UUID, q SearchQuery, hits []Thing) (map[Thing]Found, error) {
	accounts, err := AccountsByID(ctx, r, viewer, idsOfThings(hits))
	seen := make(map[Thing]Found, len(accounts))
	for i := range accounts {
		a := &accounts[i]
		marked := map[string][]string{}
		add(marked, "handle", HighlightName(a.Handle, q.Words))
		add(marked, "displayName", HighlightTitle(a.DisplayName, q.Words))
		add(marked, "bio", Highlight(a.Bio, q.Words))
		seen[Thing{Kind: q.Kind, ID: a.ID}] = Found{Account: a, Highlights: marked}
	}
	return seen, err
}

func seenBoards(ctx context.Context, r Reader, viewer uuid.UUID, tags BoardTags, q SearchQuery, hits []Thing) (map[Thing]Found, error) {
	boards, err := BoardsByID(ctx, r, viewer, tags, idsOfThings(hits))
	seen := make(map[Thing]Found, len(boards))
	for i := range boards {
		b := &boards[i]
		marked := map[string][]string{}
		add(marked, "name", HighlightTitle(b.Name, q.Words))
		add(marked, "description", Highlight(b.Description, q.Words))
		seen[Thing{Kind: q.Kind, ID: b.ID}] = Found{Board: b, Highlights: marked}
	}
	return seen, err
}

func seenPosts(ctx context.Context, r Reader, viewer uuid.UUID, q SearchQuery, hits []Thing) (map[Thing]Found, error) {
	posts, err := PostsByID(ctx, r, viewer, idsOfThings(hits))
	seen := make(map[Thing]Found, len(posts))
	for i := range posts {
		p := &posts[i]
		if !q.shows(*p) {
			continue
		}
		marked := map[string][]string{}
		add(marked, "title", Highlight(p.Title, q.Words))
		add(marked, "body", Highlight(plain(p.HTML), q.Words))
		seen[Thing{Kind: q.Kind, ID: p.ID}] = Found{Post: p, Highlights: marked}
	}
	return seen, err
}

// seenHashtags leaves out what no published post has any more.
func seenHashtags(ctx context.Context, r Reader, viewer uuid.UUID, q SearchQuery, hits []Thing) (map[Thing]Found, error) {
	names := make([]string, len(hits))
	for i, t := range hits {
		names[i] = t.Tag
	}
	hashtags, err := HashtagsUsed(ctx, r, viewer, names)
	seen := make(map[Thing]Found, len(hashtags))
	for i := range hashtags {
		h := &hashtags[i]
		marked := map[string][]string{}
		add(marked, "tag", HighlightTitle(h.Tag, q.Words))
		seen[Thing{Kind: q.Kind, Tag: h.Tag}] = Found{Hashtag: h, Highlights: marked}
	}
	return seen, err
}

func seenMessages(ctx context.Context, r Reader, viewer uuid.UUID, q SearchQuery, hits []Thing) (map[Thing]Found, error) {
	messages, err := MessagesSeen(ctx, r, viewer, messageKeys(hits))
	if err != nil {
		return nil, err
	}
	each := make([]*Message, len(messages))
	for i := range messages {
		each[i] = &messages[i]
	}
	people, err := NameMessages(ctx, r, each)
	seen := make(map[Thing]Found, len(messages))
	for _, m := range each {
		marked := map[string][]string{}
		add(marked, "text", Highlight(m.Text, q.Words))
		seen[Thing{Kind: q.Kind, ID: m.Room, Number: m.Number}] = Found{Message: m, People: people, Highlights: marked}
	}
	return seen, err
}

func add(all map[string][]string, field string, parts []string) {
	if parts != nil {
		all[field] = parts
	}
}

func idsOfThings(things []Thing) []uuid.UUID {
	ids := make([]uuid.UUID, len(things))
	for i, t := range things {
		ids[i] = t.ID
	}
	return ids
}

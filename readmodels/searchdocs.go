package readmodels

import (
	"context"
	"fmt"
	"html"
	"slices"
	"strings"

	"github.com/google/uuid"
)

// SearchSchemaVersion rises when documents come about in another way from the
// same rows, or when engines keep them in another way; it makes a new
// generation of the index.
const SearchSchemaVersion = 5

// SearchChanges are the documents of some things of a kind, as the tables have
// them now; what is not there, or not for everybody, is gone. Those of posts
// bring along the hashtags that the posts have or had when they were deleted.
// Things are at most 500.
func SearchChanges(ctx context.Context, r Reader, kind Kind, things []Thing) ([]Change, error) {
	if len(things) == 0 {
		return nil, nil
	}
	var docs []Document
	var err error
	switch kind {
	case SearchAccounts:
		docs, err = documents(ctx, r, scanAccountDocument, `SELECT id, handle, display_name, CASE WHEN profile = 'public' THEN bio ELSE '' END, created_at
			FROM account JOIN account_settings ON account_settings.account = account.id WHERE id IN (`, things)
	case SearchBoards:
		docs, err = documents(ctx, r, scanBoardDocument, `SELECT id, name, description, created_at FROM board WHERE id IN (`, things)
	case SearchPosts:
		docs, err = documents(ctx, r, scanPostDocument, `SELECT id, board, CASE WHEN anonymous = 0 THEN author ELSE '' END, title, html, hashtags, mentions, published_at
			FROM post WHERE state = 'published' AND id IN (`, things)
	case SearchHashtags:
		docs, err = hashtagDocuments(ctx, r, things)
	case SearchMessages:
		docs, err = messageDocuments(ctx, r, things)
	default:
		err = fmt.Errorf("readmodels: %q is no kind that is indexed", kind)
	}
	if err != nil {
		return nil, err
	}
	changes := changesOf(docs, things)
	if kind != SearchPosts {
		return changes, nil
	}
	tags, err := tagsOf(ctx, r, things)
	for chunk := range slices.Chunk(tags, maxTags) {
		var more []Change
		if more, err = SearchChanges(ctx, r, SearchHashtags, chunk); err != nil {
			return nil, err
		}
		changes = append(changes, more...)
	}
	return changes, err
}

// maxTags bounds the hashtags of one query.
const maxTags = 500

// changesOf puts documents in their places, and takes out those of things that
// have none.
func changesOf(docs []Document, things []Thing) []Change {
	there := make(map[Thing]bool, len(docs))
	changes := make([]Change, 0, len(things))
	for _, d := range docs {
		there[d.Thing] = true
		changes = append(changes, Change{Document: d})
	}
	for _, t := range things {
		if !there[t] {
			changes = append(changes, Change{Document: Document{Thing: t}, Gone: true})
		}
	}
	return changes
}

// documents runs a query that ends before a list of ids.
func documents(ctx context.Context, r Reader, scan func(Rows) (Document, error), sql string, things []Thing) ([]Document, error) {
	args := make([]any, len(things))
	for i, t := range things {
		args[i] = t.ID.String()
	}
	return collect(ctx, r, scan, sql+marks(len(args))+`)`, args...)
}

func scanAccountDocument(rows Rows) (Document, error) {
	d := Document{Thing: Thing{Kind: SearchAccounts}}
	var id, handle string
	var created int64
	err := rows.Scan(&id, &handle, &d.Title, &d.Body, &created)
	d.ID, d.At = idOf(id), fromMillis(created)
	d.Title, d.Body = Searchable(d.Title), Searchable(d.Body)
	d.Names = beginnings(Searchable(handle), d.Title)
	return d, err
}

func scanBoardDocument(rows Rows) (Document, error) {
	d := Document{Thing: Thing{Kind: SearchBoards}}
	var id string
	var created int64
	err := rows.Scan(&id, &d.Title, &d.Body, &created)
	d.ID, d.At = idOf(id), fromMillis(created)
	d.Title, d.Body = Searchable(d.Title), Searchable(d.Body)
	d.Names = beginnings(d.Title)
	return d, err
}

func scanPostDocument(rows Rows) (Document, error) {
	d := Document{Thing: Thing{Kind: SearchPosts}}
	var id, board, author, tags, mentions string
	var published int64
	err := rows.Scan(&id, &board, &author, &d.Title, &d.Body, &tags, &mentions, &published)
	if err == nil {
		err = unlist(tags, &d.Tags)
	}
	var named []uuid.UUID
	if err == nil {
		err = unlist(mentions, &named)
	}
	d.ID, d.Board, d.Author, d.At = idOf(id), idOf(board), idOf(author), fromMillis(published)
	d.Title = Searchable(withoutMentions(d.Title, named))
	d.Body = Searchable(withoutMentions(plain(d.Body), named))
	return d, err
}

// hashtagDocuments are those of hashtags that published posts have.
func hashtagDocuments(ctx context.Context, r Reader, things []Thing) ([]Document, error) {
	args := make([]any, len(things))
	for i, t := range things {
		args[i] = t.Tag
	}
	return collect(ctx, r, func(rows Rows) (Document, error) {
		d := Document{Thing: Thing{Kind: SearchHashtags}}
		var newest int64
		err := rows.Scan(&d.Tag, &newest)
		d.At, d.Title = fromMillis(newest), Searchable(d.Tag)
		d.Names = beginnings(d.Title)
		return d, err
	}, `SELECT h.tag, (SELECT p.published_at FROM post_hashtag p WHERE p.tag = h.tag ORDER BY p.published_at DESC LIMIT 1)
		FROM hashtag h WHERE h.posts > 0 AND h.tag IN (`+marks(len(args))+`)`, args...)
}

// tagsOf are the hashtags in the texts of posts, each once, those of deleted
// posts too.
func tagsOf(ctx context.Context, r Reader, posts []Thing) ([]Thing, error) {
	args := make([]any, len(posts))
	for i, p := range posts {
		args[i] = p.ID.String()
	}
	lists, err := collect(ctx, r, scanText, `SELECT hashtags FROM post WHERE hashtags <> '' AND id IN (`+marks(len(args))+`)`, args...)
	if err != nil {
		return nil, err
	}
	var tags []Thing
	known := map[string]bool{}
	for _, list := range lists {
		var names []string
		if err := unlist(list, &names); err != nil {
			return nil, err
		}
		for _, name := range names {
			if !known[name] {
				known[name] = true
				tags = append(tags, Thing{Kind: SearchHashtags, Tag: name})
			}
		}
	}
	return tags, nil
}

// messageDocuments are those of messages that say something and were not
// deleted.
func messageDocuments(ctx context.Context, r Reader, things []Thing) ([]Document, error) {
	where, args := byKey(messageKeys(things))
	return collect(ctx, r, func(rows Rows) (Document, error) {
		m, err := scanMessage(rows)
		return Document{
			Thing:  Thing{Kind: SearchMessages, ID: m.Room, Number: m.Number},
			Author: m.Sender, At: m.CreatedAt, Body: Searchable(withoutMentions(m.Text, m.Mentions)),
		}, err
	}, `SELECT `+messageColumns+` FROM message WHERE deleted = 0 AND body <> '' AND (`+where+`)`, args...)
}

func messageKeys(things []Thing) []MessageKey {
	keys := make([]MessageKey, len(things))
	for i, t := range things {
		keys[i] = MessageKey{Room: t.ID, Number: t.Number}
	}
	return keys
}

// beginnings are the words of names, each once, in their order, without the
// signs and emoji around them.
func beginnings(names ...string) []string {
	var all []string
	for _, name := range names {
		for field := range strings.FieldsSeq(name) {
			if word := core(field); word != "" && !slices.Contains(all, word) {
				all = append(all, word)
			}
		}
	}
	return all
}

// withoutMentions takes the ids of the mentioned out of a text. Their handles
// are not put in their place: they change, and would have to be found again in
// every text then.
func withoutMentions(s string, ids []uuid.UUID) string {
	if len(ids) == 0 {
		return s
	}
	pairs := make([]string, 0, 2*len(ids))
	for _, id := range ids {
		pairs = append(pairs, "@"+id.String(), " ")
	}
	return strings.NewReplacer(pairs...).Replace(s)
}

// plain is the text of HTML that markdown.HTML made: in that, "<" and ">"
// stand for tags alone.
func plain(s string) string {
	var b strings.Builder
	b.Grow(len(s))
	for {
		at := strings.IndexByte(s, '<')
		if at < 0 {
			break
		}
		b.WriteString(s[:at])
		tag, rest, _ := strings.Cut(s[at:], ">")
		if breaks(tag) {
			b.WriteByte('\n')
		}
		s = rest
	}
	b.WriteString(s)
	return strings.TrimSpace(html.UnescapeString(b.String()))
}

// breaks says whether words on both sides of a tag are apart.
func breaks(tag string) bool {
	name, _, _ := strings.Cut(strings.TrimLeft(tag, "</"), " ")
	switch strings.TrimSuffix(name, "/") {
	case "em", "strong", "del", "code", "a":
		return false
	}
	return true
}

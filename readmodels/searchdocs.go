package readmodels

import (
	"context"
	"fmt"
	"html"
	"strings"

	"github.com/google/uuid"
)

// SearchSchemaVersion rises when documents come about in another way from the
// same rows; it makes a new generation of the index.
const SearchSchemaVersion = 2

// SearchChanges are the documents of some things of a kind, as the tables have
// them now; what is not there, or not for everybody, is gone. Ids are at most
// 500.
func SearchChanges(ctx context.Context, r Reader, kind Kind, ids []uuid.UUID) ([]Change, error) {
	var sql string
	var scan func(Rows) (Document, error)
	switch kind {
	case SearchAccounts:
		sql, scan = `SELECT id, handle, display_name, CASE WHEN profile = 'public' THEN bio ELSE '' END, created_at
			FROM account JOIN account_settings ON account_settings.account = account.id WHERE id IN (`, scanAccountDocument
	case SearchPosts:
		sql, scan = `SELECT id, board, CASE WHEN anonymous = 0 THEN author ELSE '' END, title, html, hashtags, mentions, published_at
			FROM post WHERE state = 'published' AND id IN (`, scanPostDocument
	default:
		return nil, fmt.Errorf("readmodels: %q is no kind that is indexed", kind)
	}
	if len(ids) == 0 {
		return nil, nil
	}
	args := make([]any, len(ids))
	missing := make(map[uuid.UUID]bool, len(ids))
	for i, id := range ids {
		args[i] = id.String()
		missing[id] = true
	}
	docs, err := collect(ctx, r, scan, sql+marks(len(ids))+`)`, args...)
	if err != nil {
		return nil, err
	}
	changes := make([]Change, 0, len(ids))
	for _, d := range docs {
		delete(missing, d.ID)
		changes = append(changes, Change{Document: d})
	}
	for _, id := range ids {
		if missing[id] {
			changes = append(changes, Change{Document: Document{Kind: kind, ID: id}, Gone: true})
		}
	}
	return changes, nil
}

func scanAccountDocument(rows Rows) (Document, error) {
	d := Document{Kind: SearchAccounts}
	var id string
	var created int64
	err := rows.Scan(&id, &d.Name, &d.Title, &d.Body, &created)
	d.ID, d.At = idOf(id), fromMillis(created)
	d.Title, d.Body = Searchable(d.Title), Searchable(d.Body)
	return d, err
}

func scanPostDocument(rows Rows) (Document, error) {
	d := Document{Kind: SearchPosts}
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

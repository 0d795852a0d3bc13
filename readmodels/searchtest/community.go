package searchtest

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/parleyhq/parley/domain/text"
	"github.com/parleyhq/parley/examples/community"
	"github.com/parleyhq/parley/readmodels"
)

// said is a line of the sample community: there are several posts near each
// topic, so that the right one has to be told from its like.
type said struct {
	Kind, ID, Board, Author  string
	Handle, DisplayName, Bio string
	Name, Description        string
	Title, Body              string
	At                       time.Time
}

// ref names a line's thing in questions: "@mei", "coffee", "ramen-home".
func (s said) ref() string {
	if s.Kind == "account" {
		return "@" + s.ID
	}
	return s.ID
}

// communityDocuments are the documents of the community, hashtags among them,
// and what their keys stand for.
func communityDocuments() (docs []readmodels.Document, refs map[string]string, err error) {
	refs = map[string]string{}
	keyOf := map[string]readmodels.Thing{}
	tags := map[string]time.Time{}
	lines := bufio.NewScanner(bytes.NewReader(community.Lines))
	for n := 1; lines.Scan(); n++ {
		var s said
		if err := json.Unmarshal(lines.Bytes(), &s); err != nil {
			return nil, nil, fmt.Errorf("line %d: %w", n, err)
		}
		d := readmodels.Document{Thing: readmodels.Thing{ID: id(n)}, At: s.At}
		switch s.Kind {
		case "account":
			d.Kind = readmodels.SearchAccounts
			d.Title, d.Body = readmodels.Searchable(s.DisplayName), readmodels.Searchable(s.Bio)
			d.Names = append(strings.Fields(d.Title), s.Handle)
		case "board":
			d.Kind = readmodels.SearchBoards
			d.Title, d.Body = readmodels.Searchable(s.Name), readmodels.Searchable(s.Description)
			d.Names = strings.Fields(d.Title)
		case "post":
			d.Kind = readmodels.SearchPosts
			d.Title, d.Body = readmodels.Searchable(s.Title), readmodels.Searchable(s.Body)
			for _, token := range text.Tokens(s.Body) {
				if token.Kind == text.Hashtag {
					d.Tags = append(d.Tags, token.Name)
					tags[token.Name] = s.At
				}
			}
			d.Board, d.Author = keyOf[s.Board].ID, keyOf["@"+s.Author].ID
		case "comment", "reaction":
			continue // nobody looks for them
		default:
			return nil, nil, fmt.Errorf("line %d: %q is no kind", n, s.Kind)
		}
		if refs[d.Key()] = s.ref(); keyOf[s.ref()].Kind != "" {
			return nil, nil, fmt.Errorf("line %d: another %s", n, s.ref())
		}
		keyOf[s.ref()] = d.Thing
		docs = append(docs, d)
	}
	for tag, at := range tags {
		title := readmodels.Searchable(tag)
		d := readmodels.Document{Thing: readmodels.Thing{Kind: readmodels.SearchHashtags, Tag: tag}, Names: strings.Fields(title), Title: title, At: at}
		refs[d.Key()] = "#" + tag
		docs = append(docs, d)
	}
	return docs, refs, lines.Err()
}

package foldtest

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/parleyhq/parley/readmodels"
)

// Model is what the tables hold, folded the slow and obvious way: it keeps
// what was said and counts it when asked.
type Model struct {
	people
	forum
	feeds
	bookmarks
	rooms
	inboxes
	images
	audited
	reported

	gone func(uuid.UUID) bool
	rows []string // while they are printed
}

// NewModel is the model of an empty log. gone says of an account or a
// pseudonym that its key was destroyed; nil: nobody's was. keeping says how home
// feeds are kept.
func NewModel(keeping readmodels.Feeds, gone func(uuid.UUID) bool) *Model {
	if gone == nil {
		gone = func(uuid.UUID) bool { return false }
	}
	return &Model{people: newPeople(), forum: newForum(), feeds: newFeeds(keeping), bookmarks: newBookmarks(), rooms: newRooms(), inboxes: inboxes{}, images: newImages(), audited: audited{}, reported: reported{}, gone: gone}
}

// Fold folds one event in.
func (m *Model) Fold(e Event) {
	e.Data = erased(e, m.gone)
	m.foldPeople(e)
	m.foldRelation(e)
	m.foldBoard(e)
	m.foldPost(e)
	m.foldComment(e)
	m.foldFeed(e)
	m.foldBookmark(e)
	m.foldRoom(e)
	m.foldMessage(e)
	m.foldInbox(e)
	m.foldImage(e)
	m.foldPlaces(e)
	m.foldReport(e)
	m.foldAct(e)
}

// Rows are all rows of all tables, each on a line, sorted.
func (m *Model) Rows() []string {
	m.rows = nil
	m.printPeople()
	m.printForum()
	m.printFeeds()
	m.printBookmarks()
	m.printRooms()
	m.printInboxes()
	m.printImages()
	m.printAudit()
	m.printReports()
	slices.Sort(m.rows)
	return m.rows
}

// columns are the columns of a row, by name.
type columns map[string]any

// row prints a row. Yes and no are 1 and 0, a time is in milliseconds, no id is
// the empty text: so they stand in the tables.
func (m *Model) row(table string, cs columns) {
	plain := make(columns, len(cs))
	for name, value := range cs {
		switch v := value.(type) {
		case bool:
			plain[name] = int64(0)
			if v {
				plain[name] = int64(1)
			}
		case time.Time:
			plain[name] = int64(0)
			if !v.IsZero() {
				plain[name] = v.UnixMilli()
			}
		case uuid.UUID:
			plain[name] = ""
			if v != uuid.Nil {
				plain[name] = v.String()
			}
		default:
			plain[name] = v
		}
	}
	m.rows = append(m.rows, line(table, plain))
}

// line is how a row is printed: texts are quoted, numbers are not.
func line(table string, cs columns) string {
	parts := make([]string, 0, len(cs))
	for name, value := range cs {
		if text, ok := value.(string); ok {
			value = fmt.Sprintf("%q", text)
		}
		parts = append(parts, fmt.Sprintf("%s=%v", name, value))
	}
	slices.Sort(parts)
	return table + " " + strings.Join(parts, " ")
}

// array is a list as the tables of the forum and of accounts hold it: JSON.
func array(list any) string {
	raw, err := json.Marshal(list)
	if err != nil {
		return err.Error()
	}
	return string(raw)
}

// arrayOrNone is array, but the empty text for the empty list.
func arrayOrNone[T any](list []T) string {
	if len(list) == 0 {
		return ""
	}
	return array(list)
}

// joined is a list of ids as the table of messages holds it.
func joined(ids []uuid.UUID) string {
	words := make([]string, len(ids))
	for i, id := range ids {
		words[i] = id.String()
	}
	return strings.Join(words, ",")
}

// thing is the id in the name of a stream.
func (e Event) thing() uuid.UUID {
	_, id, _ := strings.Cut(e.Stream, "-")
	return uuid.MustParse(id)
}

// number is an event's place in its stream, from 1.
func (e Event) number() uint64 { return e.Revision + 1 }

package dump

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"time"
	"unicode/utf8"

	"github.com/google/uuid"

	"github.com/parleyhq/parley/commands"
	"github.com/parleyhq/parley/domain/fault"
	"github.com/parleyhq/parley/domain/post"
	"github.com/parleyhq/parley/domain/reaction"
	"github.com/parleyhq/parley/domain/text"
)

const (
	kindAccount  = "account"
	kindBoard    = "board"
	kindPost     = "post"
	kindComment  = "comment"
	kindReaction = "reaction"
)

// Kinds are the kinds of lines, in the order in which a file has to bring what
// others refer to.
var Kinds = []string{kindAccount, kindBoard, kindPost, kindComment, kindReaction}

// Line is one line of a dump. ID is what the source calls the thing; Author,
// Board, Post, Comment and Parent are what it calls others.
type Line struct {
	Kind string    `json:"kind"`
	ID   string    `json:"id"`
	At   time.Time `json:"at"`

	Email       string `json:"email"`
	Handle      string `json:"handle"`
	DisplayName string `json:"displayName"`
	Bio         string `json:"bio"`

	Name        string `json:"name"`
	Description string `json:"description"`
	Rules       string `json:"rules"`

	Author    string    `json:"author"`
	Board     string    `json:"board"`
	Type      post.Type `json:"type"`
	Title     string    `json:"title"`
	Body      string    `json:"body"`
	Anonymous bool      `json:"anonymous"`

	Post     string `json:"post"`
	Comment  string `json:"comment"`
	Parent   string `json:"parent"`
	Reaction string `json:"reaction"`
}

// Faults of lines.
var (
	errMalformed = fault.New(fault.Malformed, "line.malformed", "This line is no JSON object of the documented form.")
	errTooLong   = fault.New(fault.TooLarge, "line.too_long", fmt.Sprintf("This line is longer than %d MiB.", maxLine>>20))
)

// parse reads one line; shift is added to its time. Errors: errMalformed,
// errTooLong, fault.ErrInvalid.
func parse(raw []byte, shift time.Duration, now time.Time) (Line, error) {
	var l Line
	if len(raw) > maxLine {
		return l, errTooLong
	}
	if !utf8.Valid(raw) {
		return l, errMalformed.With(fault.Field("", "no valid UTF-8"))
	}
	if err := json.Unmarshal(raw, &l); err != nil {
		var wrong *json.UnmarshalTypeError
		if errors.As(err, &wrong) && wrong.Field != "" {
			return l, fault.ErrInvalid.With(fault.Field(wrong.Field, "wrong type"))
		}
		var at *time.ParseError
		if errors.As(err, &at) {
			return l, fault.ErrInvalid.With(fault.Field("at", "no RFC 3339 time"))
		}
		return l, errMalformed
	}
	if text.LoneSurrogate(raw) {
		return l, errMalformed.With(fault.Field("", "half of a surrogate pair"))
	}
	if trimmed := bytes.TrimSpace(raw); trimmed[0] != '{' { // null is read as nothing
		return l, errMalformed
	}
	if !l.At.IsZero() {
		l.At = l.At.Add(shift).UTC().Truncate(time.Millisecond)
	}
	return l, l.check(now)
}

// check says what is missing of what the commands do not look at.
func (l Line) check(now time.Time) error {
	var check fault.Checks
	need := func(field, value string) {
		if value == "" {
			check.Add(field, "required")
		}
	}
	switch l.Kind {
	case kindAccount, kindBoard:
		need("id", l.ID)
	case kindPost:
		need("id", l.ID)
		need("author", l.Author)
		need("board", l.Board)
	case kindComment:
		need("id", l.ID)
		need("author", l.Author)
		need("post", l.Post)
	case kindReaction:
		need("author", l.Author)
		if (l.Post == "") == (l.Comment == "") {
			check.Add("post", "either this or comment is required")
		}
	case "":
		check.Add("kind", "required")
	default:
		check.Add("kind", "unknown")
	}
	switch {
	case l.At.IsZero():
		check.Add("at", "required")
	case l.At.Before(time.Unix(0, 0)):
		check.Add("at", "before 1970")
	case l.At.After(now):
		check.Add("at", "in the future")
	}
	return check.Err()
}

// place is what of a source a line becomes here.
type place struct {
	source string
	line   Line
}

// id is the id here of what the source calls so; uuid.Nil for nothing.
func (p place) id(kind, name string) uuid.UUID {
	if name == "" {
		return uuid.Nil
	}
	return commands.OriginID(p.source, kind, name)
}

func (p place) origin() commands.Origin {
	return commands.Origin{ID: p.id(p.line.Kind, p.line.ID), At: p.line.At}
}

func (p place) author() commands.Actor {
	return commands.Actor{Account: p.id(kindAccount, p.line.Author)}
}

// subject is what a reaction is to.
func (p place) subject() (reaction.SubjectType, uuid.UUID) {
	if p.line.Comment != "" {
		return reaction.Comment, p.id(kindComment, p.line.Comment)
	}
	return reaction.Post, p.id(kindPost, p.line.Post)
}

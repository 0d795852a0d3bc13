package push

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"unicode/utf8"

	"github.com/google/uuid"

	"github.com/parleyhq/parley/domain/fault"
	"github.com/parleyhq/parley/domain/text"
)

// request is a frame of a client.
type request struct {
	ID       *string // nil when it carries none that can be repeated
	Do       string
	Topic    string
	After    *uint64
	Epoch    string
	Position string
	Room     uuid.UUID
	Text     string
	Images   []uuid.UUID
	ReplyTo  uint64
	ClientID string
	Number   *uint64
	Token    string
}

// errNoObject says that a frame is not one JSON object in UTF-8: the socket is
// closed with CloseProtocol.
var errNoObject = errors.New("push: the frame is no JSON object")

var (
	errBadRequest = fault.New(fault.Malformed, "request.invalid", "This frame has fields that are missing or not valid.")
	errTwice      = fault.New(fault.Malformed, "json.duplicate_key", "This frame names a field twice.")
	errUnknownDo  = fault.New(fault.Malformed, "request.unknown", "There is no such command.")
)

// parseRequest reads a frame.
//
// Errors: errNoObject; otherwise a fault, and a request that holds at least
// the id, where there was one.
func parseRequest(raw []byte) (request, error) {
	var r request
	if !utf8.Valid(raw) {
		return r, errNoObject
	}
	trimmed := bytes.TrimLeft(raw, " \t\r\n")
	if len(trimmed) == 0 || trimmed[0] != '{' {
		return r, errNoObject
	}
	fields, twice, err := fieldsOf(trimmed)
	if err != nil {
		return r, err
	}
	var wrong fault.Checks
	if !r.readID(fields["id"]) {
		wrong.Add("id", "a string of 1 to 128 bytes is needed")
	}
	if twice != "" {
		return r, errTwice.With(fault.Field(twice, "given twice"))
	}
	take(&wrong, fields, "do", &r.Do)
	take(&wrong, fields, "topic", &r.Topic)
	take(&wrong, fields, "after", &r.After)
	take(&wrong, fields, "epoch", &r.Epoch)
	take(&wrong, fields, "position", &r.Position)
	take(&wrong, fields, "room", &r.Room)
	take(&wrong, fields, "text", &r.Text)
	take(&wrong, fields, "images", &r.Images)
	take(&wrong, fields, "replyTo", &r.ReplyTo)
	take(&wrong, fields, "clientId", &r.ClientID)
	take(&wrong, fields, "number", &r.Number)
	take(&wrong, fields, "token", &r.Token)
	if len(wrong) > 0 {
		return r, errBadRequest.With(wrong...)
	}
	for _, name := range []string{"text", "clientId"} { // what else a text cannot hold, the command finds
		if text.LoneSurrogate(fields[name]) {
			wrong.Add(name, text.Characters)
		}
	}
	if len(wrong) > 0 {
		return r, text.ErrInvalid.With(wrong...)
	}
	return r, nil
}

// fieldsOf splits a frame into its fields. twice is a name that stands there
// more than once, or "": of two values nobody knows which one is meant.
// Errors: errNoObject.
func fieldsOf(raw []byte) (fields map[string]json.RawMessage, twice string, err error) {
	d := json.NewDecoder(bytes.NewReader(raw))
	if _, err := d.Token(); err != nil { // the brace
		return nil, "", errNoObject
	}
	fields = map[string]json.RawMessage{}
	for d.More() {
		name, err := d.Token()
		if err != nil {
			return nil, "", errNoObject
		}
		key, _ := name.(string) // a decoder takes no other name
		var value json.RawMessage
		if d.Decode(&value) != nil {
			return nil, "", errNoObject
		}
		if _, there := fields[key]; there {
			twice = key
		}
		fields[key] = value
	}
	if _, err := d.Token(); err != nil {
		return nil, "", errNoObject
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil, "", errNoObject
	}
	return fields, twice, nil
}

func (r *request) readID(raw json.RawMessage) bool {
	var id string
	if len(raw) == 0 || json.Unmarshal(raw, &id) != nil || id == "" || len(id) > maxRequestID || text.LoneSurrogate(raw) {
		return false
	}
	r.ID = &id
	return true
}

// take reads one field, if it is there.
func take[T any](wrong *fault.Checks, fields map[string]json.RawMessage, name string, into *T) {
	raw, ok := fields[name]
	if !ok || string(raw) == "null" {
		return
	}
	if json.Unmarshal(raw, into) != nil {
		var zero T
		*into = zero
		wrong.Add(name, "not valid")
	}
}

// need adds a problem for every name whose value is missing.
func need(missing map[string]bool) error {
	var wrong fault.Checks
	for _, name := range []string{"topic", "room", "number", "token"} {
		if missing[name] {
			wrong.Add(name, "missing")
		}
	}
	if len(wrong) > 0 {
		return errBadRequest.With(wrong...)
	}
	return nil
}

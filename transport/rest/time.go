package rest

import (
	"errors"
	"time"

	"github.com/danielgtaylor/huma/v2"
)

// timeLayout is RFC 3339 in UTC with milliseconds, the one form of times.
const timeLayout = "2006-01-02T15:04:05.000Z"

// Time is a time of a body, an answer or a parameter. It is written in UTC
// with milliseconds and read from any RFC 3339 time of the years 0 to 9999.
type Time struct{ time.Time }

// At is t as it is answered.
func At(t time.Time) Time { return Time{t} }

// AtOrNull is t as it is answered where the zero time means null.
func AtOrNull(t time.Time) *Time {
	if t.IsZero() {
		return nil
	}
	return &Time{t}
}

// AppendText appends the one form.
func (t Time) AppendText(b []byte) ([]byte, error) {
	return t.UTC().AppendFormat(b, timeLayout), nil
}

// MarshalText is the one form.
func (t Time) MarshalText() ([]byte, error) { return t.AppendText(nil) }

// MarshalJSON is the one form, quoted.
func (t Time) MarshalJSON() ([]byte, error) {
	return t.UTC().AppendFormat(make([]byte, 0, len(timeLayout)+2), `"`+timeLayout+`"`), nil
}

var errTime = errors.New("expected an RFC 3339 time")

// UnmarshalText reads RFC 3339 and cuts to milliseconds.
func (t *Time) UnmarshalText(b []byte) error {
	parsed, err := time.Parse(time.RFC3339Nano, string(b))
	if err != nil {
		return errTime
	}
	parsed = parsed.UTC()
	if parsed.Year() < 0 || parsed.Year() > 9999 {
		return errTime // its offset carries it out of RFC 3339's years
	}
	t.Time = parsed.Truncate(time.Millisecond)
	return nil
}

// UnmarshalJSON reads what MarshalJSON wrote.
func (t *Time) UnmarshalJSON(b []byte) error {
	if len(b) < 2 || b[0] != '"' || b[len(b)-1] != '"' {
		return errTime
	}
	return t.UnmarshalText(b[1 : len(b)-1])
}

// Schema is a date-time.
func (Time) Schema(huma.Registry) *huma.Schema {
	return &huma.Schema{
		Type: huma.TypeString, Format: "date-time", Description: "RFC 3339, UTC, milliseconds",
		Examples: []any{"2026-01-31T12:00:00.000Z"},
	}
}

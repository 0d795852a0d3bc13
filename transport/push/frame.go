package push

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"time"

	"github.com/parleyhq/parley/domain/fault"
)

// Opcodes of RFC 6455, 5.2.
const (
	opText  = 0x1
	opClose = 0x8
	opPing  = 0x9
	opPong  = 0xA
)

// Time is how every time is written: RFC 3339 in UTC with milliseconds.
type Time time.Time

// MarshalJSON writes null for the zero time.
func (t Time) MarshalJSON() ([]byte, error) {
	if time.Time(t).IsZero() {
		return []byte("null"), nil
	}
	return []byte(time.Time(t).UTC().Format(`"2006-01-02T15:04:05.000Z07:00"`)), nil
}

// The server's frames; each is one JSON object in one text frame.
type (
	hello struct {
		Hello greeting `json:"hello"`
	}
	greeting struct {
		Session   string `json:"session"`
		Node      string `json:"node"`
		Epoch     string `json:"epoch"`
		Heartbeat int    `json:"heartbeat"` // seconds
	}
	// numberedFrame is an event of a numbered topic.
	numberedFrame struct {
		Topic string `json:"topic"`
		N     uint64 `json:"n"`
		Type  string `json:"type"`
		Time  Time   `json:"time"`
		Data  any    `json:"data"`
	}
	// liveFrame is an event of a live topic.
	liveFrame struct {
		Topic    string `json:"topic"`
		Position string `json:"position"`
		Type     string `json:"type"`
		Time     Time   `json:"time"`
		Data     any    `json:"data"`
	}
	// passingFrame may be lost: typing, presence, receipts.
	passingFrame struct {
		Topic string `json:"topic"`
		Type  string `json:"type"`
		Data  any    `json:"data"`
	}
	resetFrame struct {
		Topic string `json:"topic"`
		Reset bool   `json:"reset"`
		From  uint64 `json:"from"`
	}
	endedFrame struct {
		Topic string `json:"topic"`
		Ended bool   `json:"ended"`
	}
)

// answer is what a request gets. Fields that do not belong to the request's
// kind are left out.
type answer struct {
	Re        *string        `json:"re"`
	OK        bool           `json:"ok"`
	Error     string         `json:"error,omitempty"`
	Message   string         `json:"message,omitempty"`
	Details   []fault.Detail `json:"details,omitempty"`
	Topic     string         `json:"topic,omitempty"`
	N         *uint64        `json:"n,omitempty"`
	Recovered *bool          `json:"recovered,omitempty"`
	Position  string         `json:"position,omitempty"`
	Number    uint64         `json:"number,omitempty"`
	ID        string         `json:"id,omitempty"`
	ExpiresAt *Time          `json:"expiresAt,omitempty"`
}

// textFrame is v as a whole text frame: header (servers do not mask) and JSON.
func textFrame(v any) ([]byte, error) {
	var b bytes.Buffer
	b.Grow(512)
	b.Write(make([]byte, maxHeader))
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return nil, fmt.Errorf("encode a frame: %w", err)
	}
	all := b.Bytes()
	payload := all[maxHeader : len(all)-1] // without Encode's line break
	header := frameHeader(opText, len(payload))
	start := maxHeader - len(header)
	copy(all[start:], header)
	return all[start : len(all)-1 : len(all)-1], nil
}

const maxHeader = 10

// frameHeader is the header of an unmasked, unfragmented frame.
func frameHeader(op byte, size int) []byte {
	switch {
	case size < 126:
		return []byte{0x80 | op, byte(size)}
	case size <= 0xFFFF:
		return binary.BigEndian.AppendUint16([]byte{0x80 | op, 126}, uint16(size))
	}
	return binary.BigEndian.AppendUint64([]byte{0x80 | op, 127}, uint64(size))
}

// controlFrame is a ping or pong; payload is at most 125 bytes.
func controlFrame(op byte, payload string) []byte {
	return append(frameHeader(op, len(payload)), payload...)
}

var pingFrame = controlFrame(opPing, "")

// marshal is JSON as frames have it.
func marshal(v any) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return nil, err
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), nil
}

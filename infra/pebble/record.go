package pebble

import (
	"encoding/binary"
	"hash/crc32"
	"time"

	"github.com/google/uuid"

	"github.com/parleyhq/parley/domain/event"
)

// A stored record is
//
//	version 1 · CRC-32C (4) · body · revision (uvarint)
//
// where the checksum covers body, revision and position. The body does not know
// its place, so callers encode it side by side and the sequencer only adds to
// the checksum:
//
//	id (16) · time in ms (varint) · stream · type · content type · data · metadata
//
// with a uvarint of its length before each of the last five. A known content
// type is one byte.
const (
	recordVersion = 1
	recordHead    = 5
	placeSize     = 8
)

// Content types as stored; any other string is stored as it is.
const (
	codeJSON   = "\x00"
	codeBinary = "\x01"
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// body is an encoded event without its place.
type body struct {
	id    uuid.UUID
	bytes []byte
	crc   uint32 // of bytes
}

// bodySize bounds the size of e's body from above.
func bodySize(stream string, e event.Event) int {
	return 16 + 6*binary.MaxVarintLen64 + len(stream) + len(e.Type) + len(e.ContentType) + len(e.Data) + len(e.Metadata)
}

// appendBody encodes e of stream at the end of b.
func appendBody(b []byte, stream string, e event.Event, at time.Time) []byte {
	b = append(b, e.ID[:]...)
	b = binary.AppendVarint(b, at.UnixMilli())
	b = appendString(b, stream)
	b = appendString(b, e.Type)
	switch e.ContentType {
	case "", event.ContentJSON:
		b = appendString(b, codeJSON)
	case event.ContentBinary:
		b = appendString(b, codeBinary)
	default:
		b = appendString(b, e.ContentType)
	}
	b = appendString(b, e.Data)
	return appendString(b, e.Metadata)
}

func appendString[T string | []byte](b []byte, s T) []byte {
	return append(binary.AppendUvarint(b, uint64(len(s))), s...)
}

// storedSize is the size of a record of n bytes of body.
func storedSize(n int, revision uint64) int { return recordHead + n + uvarintSize(revision) }

func uvarintSize(v uint64) int {
	n := 1
	for ; v >= 0x80; v >>= 7 {
		n++
	}
	return n
}

// putRecord fills dst, which has the right size, with the record of body at its
// place.
func putRecord(dst []byte, b body, revision, position uint64) {
	n := copy(dst[recordHead:], b.bytes) + recordHead
	binary.PutUvarint(dst[n:], revision)
	dst[0] = recordVersion
	crc := crc32.Update(b.crc, castagnoli, dst[n:])
	binary.LittleEndian.PutUint32(dst[1:], sealPlace(crc, position))
}

// sealPlace adds the position to the checksum, so that a record that turns up
// under another key is no record.
func sealPlace(crc uint32, position uint64) uint32 {
	var place [placeSize]byte
	binary.BigEndian.PutUint64(place[:], position)
	return crc32.Update(crc, castagnoli, place[:])
}

// parts is a record that was checked and taken apart, but not copied: its
// slices are those of the value.
type parts struct {
	revision             uint64
	id                   uuid.UUID
	at                   int64
	stream, typ, content []byte
	data, metadata       []byte
}

// parse checks value against its checksum and its position. False means that
// it is not what was written there.
func parse(value []byte, position uint64) (parts, bool) {
	var p parts
	if len(value) < recordHead+16 || value[0] != recordVersion {
		return p, false
	}
	crc := crc32.Checksum(value[recordHead:], castagnoli)
	if sealPlace(crc, position) != binary.LittleEndian.Uint32(value[1:]) {
		return p, false
	}
	rest, ok := p.parseBody(value[recordHead:])
	if !ok {
		return p, false
	}
	revision, n := binary.Uvarint(rest)
	p.revision = revision
	return p, n > 0 && n == len(rest)
}

func (p *parts) parseBody(b []byte) (rest []byte, ok bool) {
	if len(b) < 16 {
		return nil, false
	}
	copy(p.id[:], b)
	b = b[16:]
	at, n := binary.Varint(b)
	if n <= 0 {
		return nil, false
	}
	p.at, b = at, b[n:]
	for _, field := range []*[]byte{&p.stream, &p.typ, &p.content, &p.data, &p.metadata} {
		size, n := binary.Uvarint(b)
		if n <= 0 || uint64(len(b)-n) < size {
			return nil, false
		}
		end := n + int(size)
		*field, b = b[n:end:end], b[end:]
	}
	return b, true
}

// record makes the event.Record; it keeps the value's bytes.
func (p parts) record(position uint64) event.Record {
	r := event.Record{
		Position: position,
		Stream:   string(p.stream),
		Revision: p.revision,
		ID:       p.id,
		Type:     string(p.typ),
		Time:     time.UnixMilli(p.at).UTC(),
		Data:     orNil(p.data),
		Metadata: orNil(p.metadata),
	}
	switch string(p.content) {
	case codeJSON:
		r.ContentType = event.ContentJSON
	case codeBinary:
		r.ContentType = event.ContentBinary
	default:
		r.ContentType = string(p.content)
	}
	return r
}

func orNil(b []byte) []byte {
	if len(b) == 0 {
		return nil
	}
	return b
}

func checksum(b []byte) uint32 { return crc32.Checksum(b, castagnoli) }

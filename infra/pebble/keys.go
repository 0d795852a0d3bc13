package pebble

import (
	"encoding/binary"
	"math/bits"
)

// The layout, format 1. Numbers in keys are "ordered": a length byte, then that
// many bytes, most significant first, so that they sort as numbers and small
// ones are short.
//
//	f                        → format version, one ordered number
//	a <position>             → the record (record.go)
//	n <name of the stream>   → the stream's number, from 1
//	s <number> <revision>    → position, an ordered number
//	t <number>               reserved: a stream that was deleted or cut
//	x …                      reserved: whatever a later format needs
//
// The newest revision of a stream is its last s key, and the newest number
// given is that of the last s key of all, because a stream begins with its
// first event. Nothing is ever overwritten or deleted.
const (
	prefixFormat   = 'f'
	prefixRecord   = 'a'
	prefixName     = 'n'
	prefixRevision = 's'
)

// format is the version of the layout that this package reads and writes.
const format = 1

// appendOrdered appends v so that bytes compare as the numbers do.
func appendOrdered(b []byte, v uint64) []byte {
	n := (bits.Len64(v) + 7) / 8
	b = append(b, byte(n))
	for i := n - 1; i >= 0; i-- {
		b = append(b, byte(v>>(8*i)))
	}
	return b
}

// ordered reads what appendOrdered wrote and how many bytes it took; 0 bytes
// mean that b holds no such number.
func ordered(b []byte) (v uint64, size int) {
	if len(b) == 0 || b[0] > 8 || len(b) < 1+int(b[0]) {
		return 0, 0
	}
	size = 1 + int(b[0])
	for _, c := range b[1:size] {
		v = v<<8 | uint64(c)
	}
	return v, size
}

func orderedSize(v uint64) int { return 1 + (bits.Len64(v)+7)/8 }

func formatKey() []byte { return []byte{prefixFormat} }

func recordKey(b []byte, position uint64) []byte {
	return appendOrdered(append(b, prefixRecord), position)
}

func nameKey(b []byte, stream string) []byte {
	return append(append(b, prefixName), stream...)
}

func revisionKey(b []byte, number, revision uint64) []byte {
	return appendOrdered(appendOrdered(append(b, prefixRevision), number), revision)
}

// revisionBounds is the span of all s keys of one stream.
func revisionBounds(number uint64) (lower, upper []byte) {
	return appendOrdered([]byte{prefixRevision}, number),
		appendOrdered([]byte{prefixRevision}, number+1)
}

// positionOf reads the position of a record's key.
func positionOf(key []byte) (uint64, bool) {
	if len(key) < 2 || key[0] != prefixRecord {
		return 0, false
	}
	v, n := ordered(key[1:])
	return v, n == len(key)-1
}

// revisionOf reads the number and revision of an s key.
func revisionOf(key []byte) (number, revision uint64, ok bool) {
	if len(key) < 3 || key[0] != prefixRevision {
		return 0, 0, false
	}
	number, n := ordered(key[1:])
	if n == 0 {
		return 0, 0, false
	}
	revision, m := ordered(key[1+n:])
	return number, revision, m != 0 && 1+n+m == len(key)
}

// note is what every batch says in the write-ahead log alone, first thing:
// up to where the log was durable when the batch was made, and the positions
// that it holds (none in a seal, where first is last + 1). check.go reads it.
type note struct{ durable, first, last uint64 }

const (
	noteSize = 25
	noteMark = 0xE7
)

func (n note) bytes() []byte {
	b := make([]byte, 0, noteSize)
	b = append(b, noteMark)
	b = binary.BigEndian.AppendUint64(b, n.durable)
	b = binary.BigEndian.AppendUint64(b, n.first)
	return binary.BigEndian.AppendUint64(b, n.last)
}

func noteOf(b []byte) (note, bool) {
	if len(b) != noteSize || b[0] != noteMark {
		return note{}, false
	}
	return note{
		durable: binary.BigEndian.Uint64(b[1:]),
		first:   binary.BigEndian.Uint64(b[9:]),
		last:    binary.BigEndian.Uint64(b[17:]),
	}, true
}

package pebble

import (
	"encoding/binary"
	"fmt"
	"io"
	"sort"
	"strconv"
	"strings"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// The engine's write-ahead log, as far as it must be known to find notes in it:
// blocks of 32 KiB with chunks, each
//
//	checksum (4) · length (2) · type (1) · log number (4) · [synced offset (8)] · payload
//
// of which the first of a record begins with the header of a batch, 12 bytes,
// and our note. A chunk does not cross a block. Types 9 to 12 have the synced
// offset; types 5 to 8 have none, and are what the very first file of a new
// log is made of, because the engine makes it before it takes on its format.
const (
	walBlock     = 32 << 10
	walOldHeader = 11
	walHeader    = 19
	walOldFull   = 5
	walOldFirst  = 6
	walFull      = 9
	walFirst     = 10
	walLast      = 12
	walLengthAt  = 4
	walTypeAt    = 6
	walNumberAt  = 7
	batchHeader  = 12
	opLogData    = 3
)

// headerOf is the size of the header of a chunk of that type, 0 for none.
func headerOf(typ byte) int {
	switch {
	case typ >= walFull && typ <= walLast:
		return walHeader
	case typ >= walOldFull && typ < walFull:
		return walOldHeader
	}
	return 0
}

// begins says whether a chunk of that type is the first of a record.
func begins(typ byte) bool {
	return typ == walFull || typ == walFirst || typ == walOldFull || typ == walOldFirst
}

// evidence is what the write-ahead log says of the rest of the log.
type evidence struct {
	durable uint64   // positions up to here were durable
	firsts  []uint64 // first position of each file
	damage  string   // where a file is damaged, with an offset; "" if it is not known
}

// examine reads the notes of every write-ahead log file, also behind a damaged
// place. The engine stops reading at such a place and takes what was before it
// for all, because a crash may have cut the last write short; a note behind it
// proves that it was not the last.
func examine(filesystem vfs.FS, dir string) (evidence, error) {
	var e evidence
	names, err := filesystem.List(dir)
	if err != nil {
		return e, err
	}
	sort.Strings(names) // numbers of six digits; longer ones only cost a good error text
	for _, name := range names {
		number, err := strconv.ParseUint(strings.TrimSuffix(name, ".log"), 10, 64)
		if err != nil || !strings.HasSuffix(name, ".log") {
			continue
		}
		path := filesystem.PathJoin(dir, name)
		b, err := readAll(filesystem, path)
		if err != nil {
			return e, fmt.Errorf("read %s: %w", path, err)
		}
		e.scan(path, b, uint32(number))
	}
	return e, nil
}

func readAll(filesystem vfs.FS, path string) ([]byte, error) {
	f, err := filesystem.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(f)
}

// scan takes every chunk that is whole, wherever it is.
func (e *evidence) scan(path string, b []byte, number uint32) {
	bad, first := -1, true
	for i := 0; i+walOldHeader <= len(b); {
		if rest := walBlock - i%walBlock; rest < walOldHeader {
			i += rest
			continue
		}
		header, size, ok := chunkAt(b, i, number)
		if !ok {
			if bad < 0 {
				bad = i
			}
			i++
			continue
		}
		if bad >= 0 && e.damage == "" {
			e.damage = fmt.Sprintf("%s is damaged at offset %d", path, bad)
		}
		if n, ok := noteIn(b[i+header : i+size]); ok && begins(b[i+walTypeAt]) {
			e.durable = max(e.durable, n.durable)
			if first {
				e.firsts = append(e.firsts, n.first)
				first = false
			}
		}
		i += size
	}
}

// chunkAt is the size of the chunk at i and of its header, if there is a whole
// one.
func chunkAt(b []byte, i int, number uint32) (header, size int, ok bool) {
	header = headerOf(b[i+walTypeAt])
	if header == 0 || binary.LittleEndian.Uint32(b[i+walNumberAt:]) != number {
		return 0, 0, false
	}
	size = header + int(binary.LittleEndian.Uint16(b[i+walLengthAt:]))
	if i+size > len(b) || i%walBlock+size > walBlock {
		return 0, 0, false
	}
	c := checksum(b[i+walTypeAt : i+size])
	return header, size, (c>>15|c<<17)+0xa282ead8 == binary.LittleEndian.Uint32(b[i:])
}

// noteIn is the note at the beginning of a batch.
func noteIn(payload []byte) (note, bool) {
	const size = batchHeader + 2 + noteSize
	if len(payload) < size || payload[batchHeader] != opLogData || payload[batchHeader+1] != noteSize {
		return note{}, false
	}
	return noteOf(payload[batchHeader+2 : size])
}

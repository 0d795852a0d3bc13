package pebble

import (
	"sync"

	"github.com/parleyhq/parley/domain/event"
)

const (
	ringRecords = 2048    // newest records in memory
	ringBytes   = 2 << 20 // and their bytes
	ringChunk   = 256     // records handed to a tail at once
)

// ring keeps the newest records for tails that keep up, so that each is taken
// apart once for all of them. Their bytes are shared: nobody changes them.
type ring struct {
	mu      sync.Mutex
	records [ringRecords]event.Record // position p is at p % ringRecords
	sizes   [ringRecords]int
	first   uint64 // oldest position kept
	last    uint64 // newest position that tails may see
	next    uint64 // position that push expects
	bytes   int
	changed chan struct{} // closed when last moves; nil: nobody waits
}

func newRing(head uint64) *ring { return &ring{first: head + 1, next: head + 1, last: head} }

// push adds the record at position next. The caller holds mu.
func (r *ring) push(position, revision uint64, body []byte) {
	var p parts
	if rest, ok := p.parseBody(body); !ok || len(rest) != 0 || position != r.next {
		r.clear(position)
		return
	}
	p.revision = revision
	for r.next-r.first >= ringRecords || r.bytes+len(body) > ringBytes && r.first < r.next {
		r.drop()
	}
	i := position % ringRecords
	r.records[i], r.sizes[i] = p.record(position), len(body)
	r.bytes += len(body)
	r.next++
}

func (r *ring) drop() {
	i := r.first % ringRecords
	r.bytes -= r.sizes[i]
	r.records[i], r.sizes[i] = event.Record{}, 0
	r.first++
}

// clear forgets everything up to a position that it cannot keep.
func (r *ring) clear(position uint64) {
	for r.first < r.next {
		r.drop()
	}
	r.first, r.next = position+1, position+1
}

// wake lets tails see up to last. The caller holds mu.
func (r *ring) wake(last uint64) {
	r.last = last
	if r.changed != nil {
		close(r.changed)
		r.changed = nil
	}
}

// after appends to dst what the filter keeps after position at, and returns how
// far it looked. ok is false when the ring does not reach back that far. wait
// is set when there is nothing newer, and is closed when there is.
func (r *ring) after(at uint64, dst []event.Record, keep keeper) (uint64, []event.Record, <-chan struct{}, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if at >= r.last {
		if r.changed == nil {
			r.changed = make(chan struct{})
		}
		return at, dst, r.changed, true
	}
	if at+1 < r.first {
		return at, dst, nil, false
	}
	for at < r.last && len(dst) < ringChunk {
		at++
		if record := r.records[at%ringRecords]; keep.matchRecord(record) {
			dst = append(dst, record)
		}
	}
	return at, dst, nil, true
}

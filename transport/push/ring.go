package push

// ring is the newest frames of a numbered topic, without gaps, bounded by
// count and by ringBytes. Most who come back get their past from here.
//
// The past is shown as it stands, so an event that takes words away empties
// the ring: what is older is read from the log again.
type ring struct {
	most   int
	frames [][]byte // of the numbers newest-len+1 … newest
	bytes  int
	newest uint64 // handed out or merged; 0: not known yet
	scars  int    // how many of frames take words away
	erases []bool // which
	era    uint64 // rises whenever the ring is emptied
}

func ring0(most int) ring { return ring{most: most} }

func (r *ring) len() int { return len(r.frames) }

// oldest is the number of the first frame; newest+1 when there is none.
func (r *ring) oldest() uint64 { return r.newest + 1 - uint64(len(r.frames)) }

// add takes the frame of an event as it happens.
func (r *ring) add(n uint64, frame []byte, erases bool) {
	switch {
	case r.newest != 0 && n <= r.newest: // read from the log before the feeder came by
		if erases {
			r.clear()
		}
		return
	case erases, n != r.newest+1:
		r.clear()
		r.newest = n - 1
	}
	r.append(frame, erases)
	r.trim()
}

func (r *ring) append(frame []byte, erases bool) {
	r.frames = append(r.frames, frame)
	r.erases = append(r.erases, erases)
	r.bytes += len(frame)
	r.newest++
	if erases {
		r.scars++
	}
}

// clear forgets the frames, not how far they went.
func (r *ring) clear() {
	r.frames, r.erases, r.bytes, r.scars = nil, nil, 0, 0
	r.era++
}

func (r *ring) trim() {
	for len(r.frames) > r.most || r.bytes > ringBytes && len(r.frames) > 1 {
		r.bytes -= len(r.frames[0])
		if r.erases[0] {
			r.scars--
		}
		r.frames[0] = nil
		r.frames, r.erases = r.frames[1:], r.erases[1:]
	}
}

// from gives the frames from number next on; false when some are no longer
// here.
func (r *ring) from(next uint64) ([][]byte, bool) {
	if next > r.newest {
		return nil, true
	}
	if next < r.oldest() {
		return nil, false
	}
	return r.frames[next-r.oldest():], true
}

// merge adds what somebody read from the log, numbers first …, so that others
// need not. It is refused when the ring was emptied meanwhile, when the frames
// are for their reader alone, and where the ring takes words away that they may
// still show.
func (r *ring) merge(first uint64, frames [][]byte, alone bool, era uint64) {
	last := first + uint64(len(frames)) - 1
	if len(frames) == 0 || alone || r.scars > 0 || r.era != era {
		return
	}
	switch {
	case r.newest == 0:
		r.newest = first - 1
		for _, f := range frames {
			r.append(f, false)
		}
	case first <= r.newest+1 && last > r.newest && len(r.frames) > 0:
		for _, f := range frames[r.newest+1-first:] {
			r.append(f, false)
		}
	case last+1 == r.oldest() && len(r.frames) > 0:
		r.prepend(frames)
	}
	r.trim()
}

func (r *ring) prepend(frames [][]byte) {
	room := min(r.most-len(r.frames), len(frames))
	if room <= 0 {
		return
	}
	older := frames[len(frames)-room:]
	size := 0
	for _, f := range older {
		size += len(f)
	}
	if r.bytes+size > ringBytes {
		return
	}
	r.bytes += size
	r.frames = append(append(make([][]byte, 0, r.most), older...), r.frames...)
	r.erases = append(make([]bool, len(older), r.most), r.erases...)
}

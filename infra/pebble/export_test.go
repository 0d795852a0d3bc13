package pebble

import "runtime"

// WaitSealed waits until the write-ahead log says that all is durable.
func WaitSealed(l *Log) {
	for l.seq.sealed.Load() != l.head.Load()+1 {
		runtime.Gosched()
	}
}

// SetFormat makes the log one of another format.
func SetFormat(l *Log, version uint64) error {
	return l.db.Set(formatKey(), appendOrdered(nil, version), nil)
}

// WaitStuck waits until a write waits for space.
func WaitStuck(l *Log) {
	for l.disk.waiting.Load() == 0 {
		runtime.Gosched()
	}
}

package pebble

import "runtime"

// WaitSealed waits until the write-ahead log says that all is durable.
func WaitSealed(l *Log) {
	for l.seq.sealed.Load() != l.head.Load()+1 {
		runtime.Gosched()
	}
}

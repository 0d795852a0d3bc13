package rest

import (
	"bufio"
	"net"
	"net/http"
)

// writer remembers what was answered, for the log and the metrics, and lets
// sockets and streams through to the connection.
type writer struct {
	http.ResponseWriter
	status   int   // 0 before the header is written
	size     int64 // bytes of the body
	hijacked bool
}

// WriteHeader notes the first status that is final.
func (w *writer) WriteHeader(status int) {
	if w.status == 0 && status >= http.StatusOK {
		w.begin(status)
	}
	w.ResponseWriter.WriteHeader(status)
}

// Write counts.
func (w *writer) Write(b []byte) (int, error) {
	if w.status == 0 {
		w.begin(http.StatusOK)
	}
	n, err := w.ResponseWriter.Write(b)
	w.size += int64(n)
	return n, err
}

// begin is where the header is final: with a token in it, it is for no cache,
// whatever its route says.
func (w *writer) begin(status int) {
	w.status = status
	if h := w.Header(); h[refreshHeader] != nil {
		h["Cache-Control"] = noStore
	}
}

// Unwrap lets http.ResponseController find the connection.
func (w *writer) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// Flush sends what was written.
func (w *writer) Flush() { _ = http.NewResponseController(w.ResponseWriter).Flush() }

// Hijack hands the connection over: a socket's.
func (w *writer) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	conn, rw, err := http.NewResponseController(w.ResponseWriter).Hijack()
	if err == nil {
		w.hijacked = true
		w.status = http.StatusSwitchingProtocols
	}
	return conn, rw, err
}

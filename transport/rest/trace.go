package rest

import (
	"encoding/hex"
	"net/http"
	"strings"

	"github.com/google/uuid"
)

// trace is a W3C Trace Context: the request's place in a caller's trace, or a
// trace of its own.
type trace struct {
	id   string // 32 hexadecimal digits
	meta string // traceparent of what happens here
}

// traceOf reads traceparent, or begins a trace that is named after the
// request. https://www.w3.org/TR/trace-context/#traceparent-header
func traceOf(r *http.Request, request uuid.UUID) trace {
	var b [55]byte
	copy(b[:], "00-")
	b[35], b[52] = '-', '-'
	hex.Encode(b[36:52], request[8:]) // this node's span
	parent := ""
	if v := r.Header["Traceparent"]; len(v) == 1 {
		parent = v[0]
	}
	if validTraceparent(parent) {
		copy(b[3:35], parent[3:35])
		copy(b[53:], parent[53:55])
	} else {
		hex.Encode(b[3:35], request[:])
		copy(b[53:], "00")
	}
	whole := string(b[:])
	return trace{id: whole[3:35], meta: whole}
}

func validTraceparent(v string) bool {
	if len(v) < 55 || v[2] != '-' || v[35] != '-' || v[52] != '-' || v[:2] == "ff" {
		return false
	}
	// Version 00 has exactly these four fields; later ones may have more.
	if len(v) > 55 && (v[:2] == "00" || v[55] != '-') {
		return false
	}
	return lowerHex(v[:2]) && lowerHex(v[3:35]) && lowerHex(v[36:52]) && lowerHex(v[53:55]) &&
		strings.Trim(v[3:35], "0") != "" && strings.Trim(v[36:52], "0") != ""
}

func lowerHex(s string) bool {
	for i := range len(s) {
		if (s[i] < '0' || s[i] > '9') && (s[i] < 'a' || s[i] > 'f') {
			return false
		}
	}
	return true
}

package rest

import (
	"bytes"
	"encoding/json"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/parleyhq/parley/domain/fault"
)

// Media types of answers.
const (
	mediaJSON      = "application/json"
	mediaProblem   = "application/problem+json"
	mediaAlways200 = "application/vnd.parley.always200+json" // asks for that envelope
)

var (
	contentJSON    = []string{mediaJSON}
	contentProblem = []string{mediaProblem}
	private        = []string{"private, no-cache"}
	noStore        = []string{"no-store"}
)

var buffers = sync.Pool{New: func() any { return new(bytes.Buffer) }}

// maxKept is the largest buffer that goes back to the pool, in bytes.
const maxKept = 256 << 10

func release(b *bytes.Buffer) {
	if b.Cap() <= maxKept {
		b.Reset()
		buffers.Put(b)
	}
}

// envelope is the form of this answer: what the setting says, unless Accept
// names one of the others outright.
func (s *Server) envelope(r *http.Request) Envelope {
	accept := r.Header["Accept"]
	if len(accept) == 0 || len(accept) == 1 && (accept[0] == "*/*" || accept[0] == mediaJSON) {
		return s.cfg.Envelope
	}
	form := s.cfg.Envelope
	best := 0.0
	for entry := range strings.SplitSeq(strings.Join(accept, ","), ",") {
		kind, options, _ := strings.Cut(entry, ";")
		want := map[string]Envelope{mediaProblem: Problem, mediaAlways200: Always200}[strings.ToLower(strings.TrimSpace(kind))]
		if want == "" {
			continue
		}
		switch q := quality(options); {
		case q > best:
			form, best = want, q
		case q == 0 && form == want && best == 0:
			form = Standard // the setting's own form is refused
		}
	}
	return form
}

// quality is the q of an entry of Accept; 1 where it says none.
func quality(options string) float64 {
	for o := range strings.SplitSeq(options, ";") {
		if v, ok := strings.CutPrefix(strings.ToLower(strings.TrimSpace(o)), "q="); ok {
			if q, err := strconv.ParseFloat(v, 64); err == nil && q >= 0 && q <= 1 {
				return q
			}
			return 0
		}
	}
	return 1
}

// renderData writes an answer that went well. data is JSON, or nil for null.
func (s *Server) renderData(x *exchange, status int, data []byte) {
	h := x.out.Header()
	form := s.envelope(x.call.Request)
	if form != Always200 && status == http.StatusNoContent {
		x.out.WriteHeader(status)
		return
	}
	b := buffers.Get().(*bytes.Buffer)
	defer release(b)
	if form == Always200 {
		b.WriteString(`{"status_code":0,"status_msg":"ok","data":`)
	} else {
		b.WriteString(`{"code":`)
		b.Write(strconv.AppendInt(b.AvailableBuffer(), int64(status), 10))
		b.WriteString(`,"message":"ok","data":`)
	}
	if data == nil {
		b.WriteString("null")
	} else {
		b.Write(data)
	}
	b.WriteString(`,"timestamp":"`)
	b.Write(x.call.Now.AppendFormat(b.AvailableBuffer(), timeLayout))
	b.WriteString("\"}\n")
	h["Content-Type"] = contentJSON
	if form == Always200 {
		status = http.StatusOK
	}
	s.write(x, status, b.Bytes())
}

// nothing is the data of an error: null.
type nothing struct{}

func (nothing) MarshalJSON() ([]byte, error) { return []byte("null"), nil }

// Schema is null.
func (nothing) Schema(huma.Registry) *huma.Schema { return &huma.Schema{Type: "null"} }

// errorBody is an error in the standard envelope.
type errorBody struct {
	Code      int            `json:"code" doc:"the HTTP status"`
	Message   string         `json:"message" doc:"one English sentence, for people"`
	Data      nothing        `json:"data"`
	Timestamp Time           `json:"timestamp"`
	Error     string         `json:"error" doc:"a stable slug, for programs"`
	Details   []fault.Detail `json:"details" doc:"every bad field"`
	TraceID   string         `json:"traceId" doc:"to be quoted in a report"`
}

// legacyBody is an error in the envelope always200.
type legacyBody struct {
	Code      int            `json:"status_code"`
	Message   string         `json:"status_msg"`
	Data      nothing        `json:"data"`
	Timestamp Time           `json:"timestamp"`
	Error     string         `json:"error"`
	Details   []fault.Detail `json:"details"`
	TraceID   string         `json:"traceId"`
}

// problemBody is an error as RFC 9457 has it; error, details and traceId are
// extension members.
type problemBody struct {
	Type    string         `json:"type" doc:"names the error: urn:parley:error:<slug>"`
	Title   string         `json:"title"`
	Status  int            `json:"status"`
	Detail  string         `json:"detail"`
	Error   string         `json:"error"`
	Details []fault.Detail `json:"details"`
	TraceID string         `json:"traceId"`
}

// renderFault writes an error: the one place where errors become bytes.
func (s *Server) renderFault(x *exchange, f *fault.Fault) {
	status := statusOf(f)
	h := x.out.Header()
	h["Cache-Control"] = noStore
	delete(h, "Etag")
	if status == http.StatusUnauthorized {
		h["Www-Authenticate"] = []string{challenge(f)}
	}
	if f.RetryAfter > 0 {
		h["Retry-After"] = []string{seconds(f.RetryAfter)}
	}
	details := f.Details
	if details == nil {
		details = []fault.Detail{}
	}
	sent, kind := status, contentJSON
	var body any
	switch s.envelope(x.call.Request) {
	case Always200:
		sent = http.StatusOK
		body = legacyBody{
			Code: status, Message: f.Message, Timestamp: At(x.call.Now), Error: f.Slug, Details: details, TraceID: x.call.TraceID,
		}
	case Problem:
		kind = contentProblem
		body = problemBody{
			Type: "urn:parley:error:" + f.Slug, Title: http.StatusText(status), Status: status, Detail: f.Message,
			Error: f.Slug, Details: details, TraceID: x.call.TraceID,
		}
	default:
		body = errorBody{
			Code: status, Message: f.Message, Timestamp: At(x.call.Now), Error: f.Slug, Details: details, TraceID: x.call.TraceID,
		}
	}
	h["Content-Type"] = kind
	b := buffers.Get().(*bytes.Buffer)
	defer release(b)
	_ = encode(b, body) // strings and numbers: cannot fail
	s.write(x, sent, b.Bytes())
}

// challenge is the one shape of WWW-Authenticate. RFC 6750, section 3: no
// error where there was no token.
func challenge(f *fault.Fault) string {
	if strings.HasPrefix(f.Slug, "auth.") && f.Slug != errAuthMissing.Slug {
		return `Bearer realm="parley", error="invalid_token"`
	}
	return `Bearer realm="parley"`
}

// encode writes v as JSON and a line's end, without escaping HTML: answers are
// JSON that no browser sniffs.
func encode(b *bytes.Buffer, v any) error {
	e := json.NewEncoder(b)
	e.SetEscapeHTML(false)
	return e.Encode(v)
}

// writeTimeout is how long a client may take to read an answer.
const writeTimeout = 30 * time.Second

// write sends a whole answer.
func (s *Server) write(x *exchange, status int, body []byte) {
	x.out.Header()["Content-Length"] = []string{strconv.Itoa(len(body))}
	if len(body) > 4<<10 { // smaller ones fit the connection's buffer
		_ = http.NewResponseController(x.out.ResponseWriter).SetWriteDeadline(time.Now().Add(writeTimeout))
	}
	x.out.WriteHeader(status)
	_, _ = x.out.Write(body) // a client that went away; the log has the status
}

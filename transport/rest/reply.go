package rest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"

	"github.com/danielgtaylor/huma/v2"
)

// outcome is a Reply without its data.
type outcome struct {
	position uint64
	etag     string
	header   http.Header
	cookies  []*http.Cookie
}

// reply renders what a route answers.
func (s *Server) reply(x *exchange, status int, data any, o outcome) error {
	e := x.call.route
	setDefault(&status, e.op.Status)
	h := x.out.Header()
	var body []byte
	if e.dataSchema != nil {
		b := buffers.Get().(*bytes.Buffer)
		defer release(b)
		if err := encode(b, data); err != nil {
			return fmt.Errorf("rest: %s: %w", e.op.ID, err)
		}
		body = b.Bytes()[:b.Len()-1]
		if s.cfg.VerifyReplies {
			if err := s.verify(e, body); err != nil {
				return err
			}
		}
	}
	for name, values := range o.header {
		h[name] = values
	}
	for _, k := range o.cookies {
		h.Add("Set-Cookie", k.String())
	}
	if o.position > 0 {
		h[positionHeader] = []string{s.cfg.Positions.Encode(o.position)}
	}
	if o.etag != "" {
		h["Etag"] = []string{`"` + o.etag + `"`}
	}
	if l, ok := data.(pager); ok {
		if next := l.nextPage(); next != nil {
			h["Link"] = []string{x.call.link(*next)}
		}
	}
	s.renderData(x, status, body)
	return nil
}

// verify holds an answer against its own schema: a test's net for null lists,
// forgotten fields and wrong names.
func (s *Server) verify(e *endpoint, body []byte) error {
	var node any
	if err := json.Unmarshal(body, &node); err != nil {
		return fmt.Errorf("rest: %s: %w", e.op.ID, err)
	}
	var res huma.ValidateResult
	huma.Validate(s.registry, e.dataSchema, huma.NewPathBuffer(nil, 0), huma.ModeReadFromServer, node, &res)
	for _, err := range res.Errors {
		// References that may be null have no form in huma; see nullableRef.
		if d, ok := err.(*huma.ErrorDetail); ok && (d.Value != nil || d.Message != "expected object") {
			return fmt.Errorf("rest: %s: the answer does not fit its schema: %w", e.op.ID, err)
		}
	}
	return nil
}

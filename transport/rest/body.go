package rest

import (
	"errors"
	"io"
	"mime"
	"net/http"
	"reflect"
	"strings"
	"time"

	"github.com/parleyhq/parley/domain/fault"
)

// bodyTimeout is how long a client may take to send a body.
const bodyTimeout = 30 * time.Second

// readBody reads a whole body within the route's bound.
// Errors: errBodyTooLarge, errBodyIncomplete.
func readBody(c *Call) ([]byte, error) {
	limit := c.route.op.MaxBody
	r := c.Request
	if r.ContentLength > limit {
		return nil, errBodyTooLarge
	}
	// Not every writer has deadlines (tests); a connection does.
	control := http.NewResponseController(c.out.ResponseWriter)
	if control.SetReadDeadline(time.Now().Add(bodyTimeout)) == nil {
		defer func() { _ = control.SetReadDeadline(time.Time{}) }()
	}
	reader := http.MaxBytesReader(c.out.ResponseWriter, r.Body, limit)
	buf := make([]byte, 0, max(512, r.ContentLength+1))
	for {
		n, err := reader.Read(buf[len(buf):cap(buf)])
		buf = buf[:len(buf)+n]
		if len(buf) == cap(buf) {
			buf = append(buf, 0)[:len(buf)]
		}
		var large *http.MaxBytesError
		switch {
		case err == nil:
		case err == io.EOF:
			return buf, nil
		case errors.As(err, &large):
			return nil, errBodyTooLarge
		default:
			return nil, errBodyIncomplete.Because(err)
		}
	}
}

// checkMedia refuses encodings and types that the route does not take.
// Errors: errBodyEncoding, errBodyType.
func checkMedia(r *http.Request, want string) error {
	if err := checkEncoding(r); err != nil {
		return err
	}
	have := r.Header.Get("Content-Type")
	if have == want { // nearly always
		return nil
	}
	wrong := errBodyType.With(fault.Field("Content-Type", "expected "+want))
	kind, options, err := mime.ParseMediaType(have)
	if err != nil || kind != want {
		return wrong
	}
	if charset := options["charset"]; charset != "" && !strings.EqualFold(charset, "utf-8") {
		return wrong
	}
	return nil
}

// checkEncoding refuses bodies that would have to be unpacked: small ones can
// be large then. Errors: errBodyEncoding.
func checkEncoding(r *http.Request) error {
	if len(r.Header["Content-Encoding"]) > 0 {
		return errBodyEncoding
	}
	return nil
}

// bindBody reads, checks and decodes a JSON body into into, a B.
func (s *Server) bindBody(c *Call, into reflect.Value) error {
	e := c.route
	if c.Request.ContentLength == 0 {
		if err := checkEncoding(c.Request); err != nil || e.op.BodyOptional {
			return err
		}
		return errJSONEmpty
	}
	if err := checkMedia(c.Request, mediaJSON); err != nil {
		return err
	}
	b, err := readBody(c)
	if err != nil {
		return err
	}
	node, err := parseJSON(b)
	if err != nil {
		return err
	}
	return e.body.decode(s.registry, e.bodySchema, node, into)
}

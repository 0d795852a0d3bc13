package rest

import (
	"context"
	"errors"
	"io"
	"mime/multipart"
	"net/http"
	"reflect"
	"slices"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/parleyhq/parley/commands"
	"github.com/parleyhq/parley/commands/pictures"
	"github.com/parleyhq/parley/domain/fault"
	"github.com/parleyhq/parley/domain/image"
)

const mediaForm = "multipart/form-data"

// Bounds of a form with a file.
const (
	maxField  = 4 << 10  // bytes of a field that is no file
	maxParts  = 20       // of a form
	maxAround = 64 << 10 // bytes besides the file
)

// errFormMalformed is a form that cannot be read.
var errFormMalformed = fault.New(fault.Malformed, "form.malformed", "The body is not a valid form.")

// upload registers a route that takes a form with a file, which do reads, and
// answers O as any other. schema describes the form.
func upload[O any](s *Server, op Op, schema *huma.Schema, do func(context.Context, *Call) (Reply[O], error)) {
	op.Consumes = mediaForm
	e, ok := s.prepare(op, reflect.TypeFor[None](), reflect.TypeFor[None](), reflect.TypeFor[O]())
	if !ok {
		return
	}
	e.bodySchema = schema
	e.run = func(ctx context.Context, x *exchange) error {
		var p None
		ctx, err := arrive(ctx, s, x, &p, nil)
		if err != nil {
			return err
		}
		if err := checkMedia(x.call.Request, mediaForm); err != nil {
			return err
		}
		if x.conflict != nil {
			return x.conflict
		}
		r, err := do(ctx, &x.call)
		if err != nil {
			return err
		}
		return s.reply(x, r.Status, r.Data, outcome{r.Position, r.ETag, r.Header, r.Cookies})
	}
	s.add(e)
}

// readUpload reads the form of a picture; no byte more than may be of its file.
// Errors: ErrTooLarge, errFormMalformed, errBodyIncomplete, invalid fields.
func (s *Server) readUpload(c *Call) (in commands.UploadImage, err error) {
	most := s.cfg.Commands.MaxUpload()
	r := c.Request
	if r.ContentLength > most+maxAround {
		return in, pictures.ErrTooLarge
	}
	control := http.NewResponseController(c.out.ResponseWriter)
	if control.SetReadDeadline(time.Now().Add(bodyTimeout)) == nil {
		defer func() { _ = control.SetReadDeadline(time.Time{}) }()
	}
	r.Body = http.MaxBytesReader(c.out.ResponseWriter, r.Body, most+maxAround)
	form, err := r.MultipartReader()
	if err != nil {
		return in, errFormMalformed.Because(err)
	}
	found := map[string]bool{}
	var check fault.Checks
	for range maxParts {
		part, err := form.NextRawPart()
		if errors.Is(err, io.EOF) {
			return in, checkUpload(in, found, check)
		}
		if err != nil {
			return in, formFault(err)
		}
		name := part.FormName()
		if (name == "file" || name == "purpose") && found[name] {
			check.Add(name, "given twice")
		}
		found[name] = true
		switch name {
		case "file":
			in.Content, err = readPart(part, most, pictures.ErrTooLarge)
		case "purpose":
			var purpose []byte
			purpose, err = readPart(part, maxField, errFormMalformed)
			in.Purpose = image.Purpose(purpose)
		default:
			_, err = readPart(part, maxField, errFormMalformed)
		}
		if err != nil {
			return in, err
		}
	}
	return in, errFormMalformed
}

func checkUpload(in commands.UploadImage, found map[string]bool, check fault.Checks) error {
	for _, name := range []string{"file", "purpose"} {
		if !found[name] {
			check.Add(name, "required")
		}
	}
	if found["purpose"] && !slices.Contains(image.Purposes, in.Purpose) {
		check.Add("purpose", "unknown")
	}
	return check.Err()
}

// readPart reads a part of at most so many bytes, or answers beyond.
func readPart(p *multipart.Part, most int64, beyond error) ([]byte, error) {
	content, err := io.ReadAll(io.LimitReader(p, most+1))
	switch {
	case err != nil:
		return nil, formFault(err)
	case int64(len(content)) > most:
		return nil, beyond
	}
	return content, nil
}

// formFault says what is wrong with a form that could not be read on.
func formFault(err error) error {
	var large *http.MaxBytesError
	switch {
	case errors.As(err, &large):
		return pictures.ErrTooLarge
	case errors.Is(err, io.ErrUnexpectedEOF), isNetwork(err):
		return errBodyIncomplete.Because(err)
	}
	return errFormMalformed.Because(err)
}

// isNetwork says that the connection failed, and not what came over it.
func isNetwork(err error) bool {
	var timeout interface{ Timeout() bool }
	return errors.As(err, &timeout)
}

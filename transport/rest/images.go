package rest

import (
	"context"
	"encoding/hex"
	"errors"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"github.com/parleyhq/parley/commands"
	"github.com/parleyhq/parley/commands/pictures"
	"github.com/parleyhq/parley/domain/fault"
	"github.com/parleyhq/parley/domain/image"
	"github.com/parleyhq/parley/readmodels"
)

func (s *Server) images() {
	upload(s, Op{
		Method: http.MethodPost, Path: "/v1/images", ID: "uploadImage", Tag: "Images", Status: http.StatusCreated, Waits: NoWait,
		Summary: "Upload a picture: PNG, JPEG, GIF or WebP; one that nothing names is removed after a while",
		Errors: []*fault.Fault{
			errBodyType, errBodyIncomplete, errFormMalformed, fault.ErrInvalid,
			pictures.ErrTooLarge, pictures.ErrType, pictures.ErrBroken, pictures.ErrPixels, pictures.ErrBusy,
		},
	}, uploadSchema(), s.uploadImage)
	handle(s, Op{
		Method: http.MethodGet, Path: imagePath + "{name}", ID: "getImage", Tag: "Images", Auth: Public, Produces: "image/*",
		Summary: "A picture's file: public ones for ever under one name, others by a signed link",
		Errors:  []*fault.Fault{commands.ErrLinkInvalid, commands.ErrLinkExpired},
	}, nil, s.getImage)
}

// uploadSchema describes the form.
func uploadSchema() *huma.Schema {
	purposes := make([]any, len(image.Purposes))
	for i, p := range image.Purposes {
		purposes[i] = string(p)
	}
	return &huma.Schema{
		Type: huma.TypeObject, Required: []string{"file", "purpose"},
		Properties: map[string]*huma.Schema{
			"file":    {Type: huma.TypeString, Format: "binary", Description: "at most 5 MiB, unless it is set otherwise"},
			"purpose": {Type: huma.TypeString, Enum: purposes, Description: "what the picture may be used for"},
		},
	}
}

func (s *Server) uploadImage(ctx context.Context, c *Call) (Reply[Image], error) {
	leave, err := s.cfg.Commands.EnterUpload()
	if err != nil {
		return Reply[Image]{}, err
	}
	defer leave()
	in, err := s.readUpload(c)
	if err != nil {
		return Reply[Image]{}, err
	}
	made, err := s.cfg.Commands.UploadImage(ctx, *c.Actor, in)
	if err != nil {
		return Reply[Image]{}, err
	}
	if err := s.written(ctx, made.Position); err != nil { // links lead there from now on
		return Reply[Image]{}, err
	}
	answer := Image{ID: made.ID, open: made.Purpose.Open()}
	err = s.links().fill(ctx, &answer, made.Picture)
	return Reply[Image]{Data: answer, Position: made.Position}, err
}

type imageName struct {
	Name string `path:"name"`
	Exp  string `query:"exp" doc:"of a signed link: when it is over"`
	Sig  string `query:"sig" doc:"of a signed link"`
}

// Headers of files: nothing in them can run, whoever opens them where.
var (
	sandboxed = []string{"default-src 'none'; sandbox"}
	forever   = []string{"public, max-age=31536000, immutable"}
	anywhere  = []string{"cross-origin"} // pages of other origins may show them
	byOrigin  = []string{"Origin"}
)

func (s *Server) getImage(ctx context.Context, c *Call, p imageName, w http.ResponseWriter) error {
	name, ok := image.ParseName(p.Name)
	if !ok {
		return fault.ErrNotFound
	}
	open := name.Hash != ""
	if !open {
		if err := s.cfg.Commands.CheckLink(ctx, imagePath+p.Name, p.Exp, p.Sig); err != nil {
			return err
		}
	}
	picture, n, err := s.findImage(ctx, name)
	if err != nil {
		return err
	}
	if p.Name != picture.OpenName(n) && p.Name != picture.SignedName(n) {
		return fault.ErrNotFound // another ending
	}
	// The request's time-out is for answers that are made, not for slow lines.
	source := &file{open: func() (commands.Blob, error) {
		return s.cfg.Commands.OpenImage(context.WithoutCancel(ctx), picture.ID, n)
	}}
	defer source.close()
	if err := source.begin(); err != nil {
		return err
	}
	h := w.Header()
	h.Set("Content-Type", picture.Files[n].Type)
	h.Set("Content-Disposition", `inline; filename="`+p.Name+`"`)
	h.Set("ETag", `"`+hex.EncodeToString(picture.Hashes[n])+`"`)
	h["Content-Security-Policy"], h["Cross-Origin-Resource-Policy"] = sandboxed, anywhere
	if open {
		h["Cache-Control"], h["Vary"] = forever, byOrigin
	}
	http.ServeContent(w, c.Request, "", noTime, source)
	return nil
}

// findImage is the picture of a file's name. A name that is not found may be
// newer than the tables are. Errors: fault.ErrNotFound.
func (s *Server) findImage(ctx context.Context, name image.Name) (p image.Picture, n int, err error) {
	find := func(r readmodels.Reader) error {
		var ok bool
		p, n, ok, err = readmodels.FindImage(ctx, r, name)
		if err == nil && !ok {
			err = fault.ErrNotFound
		}
		return err
	}
	if err = s.cfg.Tables.Read(ctx, find); !errors.Is(err, fault.ErrNotFound) {
		return p, n, err
	}
	head, err := s.cfg.Commands.Head(ctx)
	if err == nil {
		err = s.written(ctx, head)
	}
	if err == nil {
		err = s.cfg.Tables.Read(ctx, find)
	}
	return p, n, err
}

package transfer_test

import (
	"context"
	"crypto/aes"
	"crypto/cipher"
	"io"
	"strings"
	"testing"

	"github.com/google/uuid"

	"github.com/parleyhq/parley/cmd/transfer"
	"github.com/parleyhq/parley/commands"
	"github.com/parleyhq/parley/domain"
	"github.com/parleyhq/parley/domain/event"
	"github.com/parleyhq/parley/domain/image"
	"github.com/parleyhq/parley/infra/files"
)

// oneKey opens everything.
type oneKey struct{}

func (oneKey) SealingKey(context.Context, event.Owner) (string, cipher.AEAD, error) {
	key, err := oneKey{}.OpeningKey(context.Background(), "")
	return "key", key, err
}

func (oneKey) OpeningKey(context.Context, string) (cipher.AEAD, error) {
	block, err := aes.NewCipher(make([]byte, 32))
	if err != nil {
		return nil, err
	}
	return cipher.NewGCM(block)
}

// O7, A13: pictures come along; removed ones do not, and what is there already
// is left alone.
func TestCopyPictures(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.fill()
	catalogue, err := domain.Catalogue()
	must(t, err)
	w.cfg.Codec = event.NewCodec(catalogue, oneKey{})
	from, to := files.NewBlobs(t.TempDir()), files.NewBlobs(t.TempDir())
	w.cfg.LeaveUntold = true
	w.cfg.Target, w.cfg.SourceFiles, w.cfg.TargetFiles = newLog(t), from, to

	append1 := func(id uuid.UUID, payload event.Data) {
		t.Helper()
		e := event.Event{ID: uuid.New(), ContentType: event.ContentJSON, Metadata: []byte("{}")}
		e.Type, e.Data, err = w.cfg.Codec.Encode(w.ctx, image.Stream(id), e.ID, payload)
		must(t, err)
		_, err = w.log.Append(w.ctx, image.Stream(id), event.Any, []event.Event{e})
		must(t, err)
	}
	put := func(b commands.Blobs, id uuid.UUID, place int, content string) {
		t.Helper()
		must(t, b.Put(w.ctx, commands.ImageKey(id, place), "image/png", int64(len(content)), strings.NewReader(content)))
	}
	stays, gone, half := uuid.New(), uuid.New(), uuid.New()
	for _, id := range []uuid.UUID{stays, gone, half} {
		append1(id, image.Uploaded{Owner: uuid.New(), Purpose: image.Avatar, Files: make([]image.File, 2)})
		put(from, id, 0, "picture")
		if id != half {
			put(from, id, 1, "thumbnail")
		}
	}
	append1(gone, image.Removed{Files: 2})
	put(to, stays, 0, "there already")
	for range 2 {
		_, err = transfer.Run(w.ctx, w.cfg)
		must(t, err)
	}
	for key, want := range map[string]string{
		commands.ImageKey(stays, 0): "there already", commands.ImageKey(stays, 1): "thumbnail", commands.ImageKey(half, 0): "picture",
		commands.ImageKey(half, 1): "", commands.ImageKey(gone, 0): "", commands.ImageKey(gone, 1): "",
	} {
		got := ""
		if b, err := to.Get(w.ctx, key); err == nil {
			raw, err := io.ReadAll(b)
			must(t, err)
			must(t, b.Close())
			got = string(raw)
		}
		if got != want {
			t.Errorf("%s: %q, want %q", key, got, want)
		}
	}
}

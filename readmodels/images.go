package readmodels

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/parleyhq/parley/domain/image"
)

// owner is the account, also where the log names a pseudonym. idle_since is
// since when nothing names the picture, 0 while something does; used says that
// something did. image_use is what names pictures, by a word for the place.
var imageSchema = []string{
	`CREATE TABLE IF NOT EXISTS image (
		id text PRIMARY KEY, owner text NOT NULL, purpose text NOT NULL, name text NOT NULL, files text NOT NULL, hashes text NOT NULL,
		used bigint NOT NULL, idle_since bigint NOT NULL, revision bigint NOT NULL)`,
	`CREATE INDEX IF NOT EXISTS image_owner ON image (owner)`,
	`CREATE INDEX IF NOT EXISTS image_name ON image (name)`,
	`CREATE INDEX IF NOT EXISTS image_idle ON image (idle_since) WHERE idle_since > 0`,
	`CREATE TABLE IF NOT EXISTS image_file (image text NOT NULL, place bigint NOT NULL, hash text NOT NULL, PRIMARY KEY (image, place))`,
	`CREATE INDEX IF NOT EXISTS image_file_hash ON image_file (hash)`,
	`CREATE TABLE IF NOT EXISTS image_use (place text NOT NULL, image text NOT NULL, shown bigint NOT NULL, PRIMARY KEY (place, image))`,
	`CREATE INDEX IF NOT EXISTS image_use_image ON image_use (image)`,
}

// Shown says to whom a place shows the pictures that it names.
type Shown int

// The answers.
const (
	ToNobody    Shown = iota // the place can come back: a deleted post
	ToSome                   // by signed links
	ToEverybody              // by their open names
)

// PutImage adds a picture.
func PutImage(ctx context.Context, b Batch, id uuid.UUID, d image.Uploaded, at time.Time, revision uint64) error {
	owner := d.Owner
	if d.HiddenOwner != uuid.Nil {
		owner = d.HiddenOwner
	}
	err := b.Exec(ctx, `INSERT INTO image (id, owner, purpose, name, files, hashes, used, idle_since, revision)
		VALUES (?, ?, ?, ?, ?, ?, 0, ?, ?) ON CONFLICT DO NOTHING`,
		id.String(), owner.String(), string(d.Purpose), d.Name, list(d.Files), list(d.Hashes), millis(at), int64(revision))
	for n, hash := range d.Hashes {
		if err == nil {
			err = b.Exec(ctx, `INSERT INTO image_file (image, place, hash) VALUES (?, ?, ?) ON CONFLICT DO NOTHING`, id.String(), n, hex.EncodeToString(hash))
		}
	}
	return err
}

// KeepImage notes that something is about to name a picture.
func KeepImage(ctx context.Context, b Batch, id uuid.UUID, at time.Time, revision uint64) error {
	return b.Exec(ctx, `UPDATE image SET revision = ?, idle_since = CASE WHEN idle_since = 0 THEN 0 ELSE CAST(? AS bigint) END WHERE id = ?`,
		int64(revision), millis(at), id.String())
}

// DropImage forgets a picture.
func DropImage(ctx context.Context, b Batch, id uuid.UUID) error {
	if err := b.Exec(ctx, `DELETE FROM image_file WHERE image = ?`, id.String()); err != nil {
		return err
	}
	return b.Exec(ctx, `DELETE FROM image WHERE id = ?`, id.String())
}

// SetImageUses says which pictures a place names now, in place of those before;
// uuid.Nil is none.
func SetImageUses(ctx context.Context, b Batch, place string, shown Shown, at time.Time, ids ...uuid.UUID) error {
	before, err := collect(ctx, b, scanText, `SELECT image FROM image_use WHERE place = ? ORDER BY image`, place)
	if err != nil {
		return err
	}
	for _, old := range before {
		if slices.Contains(ids, idOf(old)) {
			continue
		}
		if err := b.Exec(ctx, `DELETE FROM image_use WHERE place = ? AND image = ?`, place, old); err != nil {
			return err
		}
		err := b.Exec(ctx, `UPDATE image SET idle_since = ? WHERE id = ? AND NOT EXISTS (SELECT 1 FROM image_use WHERE image_use.image = image.id)`,
			millis(at), old)
		if err != nil {
			return err
		}
	}
	for _, id := range ids {
		if id == uuid.Nil {
			continue
		}
		err := b.Exec(ctx, `INSERT INTO image_use (place, image, shown) VALUES (?, ?, ?) ON CONFLICT (place, image) DO UPDATE SET shown = excluded.shown`,
			place, id.String(), int(shown))
		if err == nil {
			err = b.Exec(ctx, `UPDATE image SET used = 1, idle_since = 0 WHERE id = ?`, id.String())
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// ShowImageUses changes to whom a place shows what it names.
func ShowImageUses(ctx context.Context, b Batch, place string, shown Shown) error {
	return b.Exec(ctx, `UPDATE image_use SET shown = ? WHERE place = ?`, int(shown), place)
}

// Pictures are those of some pictures that can be shown: each id once, those
// that are gone left out. It is one query for each 500.
func Pictures(ctx context.Context, r Reader, ids []uuid.UUID) (map[uuid.UUID]image.Picture, error) {
	found := make(map[uuid.UUID]image.Picture, len(ids))
	for chunk := range slices.Chunk(ids, maxSummaries) {
		args := make([]any, len(chunk))
		for i, id := range chunk {
			args[i] = id.String()
		}
		rows, err := collect(ctx, r, scanPicture, `SELECT `+pictureColumns+` FROM image i WHERE i.hashes <> '' AND i.id IN (`+marks(len(chunk))+`)`, args...)
		if err != nil {
			return nil, err
		}
		for _, p := range rows {
			found[p.ID] = p
		}
	}
	return found, nil
}

const pictureColumns = `i.id, i.name, i.files, i.hashes`

func scanPicture(rows Rows) (p image.Picture, err error) {
	var files, hashes string
	if err := rows.Scan(&p.ID, &p.Name, &files, &hashes); err != nil {
		return p, err
	}
	if err := unlist(files, &p.Files); err != nil {
		return p, err
	}
	return p, unlist(hashes, &p.Hashes)
}

// FindImage is the picture of a file's name, and which file it is; false where
// no place shows it so. A picture that was not used yet is shown by its signed
// links, and openly where its purpose is open.
func FindImage(ctx context.Context, r Reader, n image.Name) (p image.Picture, file int, ok bool, err error) {
	if n.Hash == "" {
		p, ok, err = first(ctx, r, scanPicture, `SELECT `+pictureColumns+` FROM image i WHERE i.name = ? AND i.hashes <> ''
			AND (i.used = 0 OR EXISTS (SELECT 1 FROM image_use u WHERE u.image = i.id AND u.shown > 0))`, n.Random)
		return p, n.File, ok && n.File < len(p.Files), err
	}
	type place struct {
		picture image.Picture
		file    int
	}
	args := []any{n.Hash, int(ToEverybody)}
	var open []string
	for _, purpose := range image.Purposes {
		if purpose.Open() {
			open = append(open, "?")
			args = append(args, string(purpose))
		}
	}
	x, ok, err := first(ctx, r, func(rows Rows) (x place, err error) {
		var files, hashes string
		if err := rows.Scan(&x.picture.ID, &x.picture.Name, &files, &hashes, &x.file); err != nil {
			return x, err
		}
		if err := json.Unmarshal([]byte(files), &x.picture.Files); err != nil {
			return x, err
		}
		return x, json.Unmarshal([]byte(hashes), &x.picture.Hashes)
	}, `SELECT `+pictureColumns+`, f.place FROM image_file f JOIN image i ON i.id = f.image WHERE f.hash = ?
		AND (EXISTS (SELECT 1 FROM image_use u WHERE u.image = i.id AND u.shown = ?) OR i.used = 0 AND i.purpose IN (`+marks(len(open))+`))
		ORDER BY i.id LIMIT 1`, args...)
	return x.picture, x.file, ok, err
}

// IdleImage is a picture that nothing names.
type IdleImage struct {
	ID       uuid.UUID
	Revision uint64 // of its stream, as of when that was so
}

// IdleImages are those that nothing has named since before, the longest idle
// first.
func IdleImages(ctx context.Context, r Reader, before time.Time, limit int) ([]IdleImage, error) {
	return collect(ctx, r, func(rows Rows) (x IdleImage, err error) {
		err = rows.Scan(&x.ID, &x.Revision)
		return x, err
	}, `SELECT id, revision FROM image WHERE idle_since > 0 AND idle_since < ? ORDER BY idle_since, id LIMIT ?`, millis(before), limit)
}

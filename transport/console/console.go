package console

import (
	"bytes"
	"context"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"html/template"
	"io/fs"
	"log/slog"
	"maps"
	"net/http"
	"path"
	"slices"
	"strconv"
	"sync/atomic"
	"time"
)

//go:embed pages/*.html
var pageFiles embed.FS

//go:embed assets
var assetFiles embed.FS

// Cache-Control of what is served. The address of the set-up page carries the
// token: not even the page is to be found in a cache under it.
const (
	forever  = "public, max-age=31536000, immutable"
	checked  = "no-cache"
	unstored = "no-store"
)

// policy is the pages' Content-Security-Policy: their own files and nothing
// inline; forms are sent by scripts alone, so that no password ends up in an
// address; and strings become markup through one named policy only.
const policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; " +
	"frame-ancestors 'none'; base-uri 'none'; form-action 'none'; require-trusted-types-for 'script'; trusted-types parley"

// lost is the page for addresses where nothing is. It names everything from
// the root: it is shown at any depth.
const lost = "lost.html"

// lookTimeout is how long a page waits to hear whether there is an
// administrator; it is served in any case.
const lookTimeout = 2 * time.Second

// pages says where each page is, and how it may be cached.
var pages = map[string]struct{ file, cache string }{
	"/":       {"landing.html", checked},
	"/setup":  {"setup.html", unstored},
	"/verify": {"verify.html", checked},
	"/reset":  {"reset.html", checked},
}

// kinds are the media types of assets, by extension. The system's table is
// not asked: it differs from machine to machine.
var kinds = map[string]string{
	".css": "text/css; charset=utf-8",
	".js":  "text/javascript; charset=utf-8",
	".svg": "image/svg+xml",
}

const html = "text/html; charset=utf-8"

// Config is what a Console needs.
type Config struct {
	NeedsSetup func(context.Context) (bool, error) // whether there is no administrator yet; required
	Log        *slog.Logger                        // default: slog.Default
}

// Console serves the pages. It is safe for use at once.
type Console struct {
	cfg   Config
	files map[string]file // by path
	first map[string]file // pages as they are before the first administrator
	lost  file
	isSet atomic.Bool // there is an administrator: that never changes back
}

// file is something that is served as it is.
type file struct {
	kind, etag, cache string
	body              []byte
}

// view is what pages are rendered with.
type view struct {
	Root       string // where the start page is, relative to the page: "./"
	Assets     string // the assets' folder, likewise: "assets/0123456789abcdef"
	NeedsSetup bool
}

// New renders the pages.
func New(cfg Config) (*Console, error) {
	if cfg.NeedsSetup == nil {
		return nil, fmt.Errorf("console: NeedsSetup is required")
	}
	if cfg.Log == nil {
		cfg.Log = slog.Default()
	}
	c := &Console{cfg: cfg}
	var folder string
	var err error
	if c.files, folder, err = readAssets(); err != nil {
		return nil, fmt.Errorf("console: %w", err)
	}
	templates, err := template.ParseFS(pageFiles, "pages/*.html")
	if err != nil {
		return nil, fmt.Errorf("console: %w", err)
	}
	if c.lost, err = render(templates, lost, unstored, view{"/", folder, false}); err != nil {
		return nil, err
	}
	c.first = map[string]file{}
	for at, p := range pages {
		for _, needed := range []bool{true, false} {
			f, err := render(templates, p.file, p.cache, view{"./", folder[1:], needed})
			if err != nil {
				return nil, err
			}
			if needed {
				c.first[at] = f
			} else {
				c.files[at] = f
			}
		}
	}
	return c, nil
}

// render makes a page of its template.
func render(templates *template.Template, name, cache string, v view) (file, error) {
	var b bytes.Buffer
	if err := templates.ExecuteTemplate(&b, name, v); err != nil {
		return file{}, fmt.Errorf("console: %w", err)
	}
	return file{html, `"` + digest(b.Bytes()) + `"`, cache, b.Bytes()}, nil
}

// readAssets reads the assets into a folder that is named after the content of
// all of them. One name for all lets scripts import each other.
func readAssets() (files map[string]file, folder string, err error) {
	content := map[string][]byte{}
	var all []byte
	err = fs.WalkDir(assetFiles, "assets", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		body, err := assetFiles.ReadFile(name)
		if err != nil {
			return err
		}
		content[path.Base(name)] = body
		sum := sha256.Sum256(body)
		all = append(append(all, name...), sum[:]...) // WalkDir goes in order
		return nil
	})
	if err != nil {
		return nil, "", err
	}
	folder = "/assets/" + digest(all)
	files = map[string]file{}
	for name, body := range content {
		kind, ok := kinds[path.Ext(name)]
		if !ok {
			return nil, "", fmt.Errorf("%s: no media type for its extension", name)
		}
		files[folder+"/"+name] = file{kind, `"` + digest(body) + `"`, forever, body}
	}
	return files, folder, nil
}

// digest is 64 bits of a hash, in hex: names of our own files, not a defence.
func digest(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:8])
}

// Paths are the paths that the Console answers, sorted.
func (c *Console) Paths() []string { return slices.Sorted(maps.Keys(c.files)) }

// ServeHTTP answers GET and HEAD of Paths.
func (c *Console) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	f, ok := c.files[r.URL.Path]
	if !ok { // mounted where it does not belong
		http.NotFound(w, r)
		return
	}
	if early, ok := c.first[r.URL.Path]; ok && c.needsSetup(r.Context()) {
		f = early
	}
	f.head(w.Header())
	if f.cache != unstored {
		w.Header().Set("ETag", f.etag)
	}
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(f.body))
}

// Lost answers a GET or HEAD of a browser, for a path where nothing is, with
// 404 and a page that leads back.
func (c *Console) Lost(w http.ResponseWriter, _ *http.Request) {
	c.lost.head(w.Header())
	w.Header().Set("Content-Length", strconv.Itoa(len(c.lost.body)))
	w.WriteHeader(http.StatusNotFound)
	_, _ = w.Write(c.lost.body) // net/http drops it for HEAD; an error: nobody reads it
}

// head sets the headers that all files have.
func (f file) head(h http.Header) {
	h.Set("Content-Type", f.kind)
	h.Set("Cache-Control", f.cache)
	h.Set("Content-Security-Policy", policy)
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Referrer-Policy", "no-referrer") // addresses of set-up links are secrets
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("X-Frame-Options", "DENY")
}

// needsSetup says whether there is no administrator yet; it asks only until
// there is one. Where it cannot be known, pages look as they do later.
func (c *Console) needsSetup(ctx context.Context) bool {
	if c.isSet.Load() {
		return false
	}
	ctx, cancel := context.WithTimeout(ctx, lookTimeout)
	defer cancel()
	needed, err := c.cfg.NeedsSetup(ctx)
	if err != nil {
		c.cfg.Log.WarnContext(ctx, "whether there is an administrator is not known", "error", err)
		return false
	}
	if !needed {
		c.isSet.Store(true)
	}
	return needed
}

package rest

import (
	"context"
	"embed"
	"fmt"
	"net/http"
)

//go:embed docs/docs.html docs/docs.js docs/docs.css
var docsFiles embed.FS

// docsPage is the documentation page: three files of our own that read
// /openapi.json. Nothing comes from elsewhere, so it works without internet
// and under a policy that allows nothing inline.
type docsPage map[string]docsFile

type docsFile struct {
	kind string
	body []byte
}

func loadDocs() (docsPage, error) {
	page := docsPage{}
	for path, f := range map[string]struct{ name, kind string }{
		"/docs":          {"docs.html", "text/html; charset=utf-8"},
		"/docs/docs.js":  {"docs.js", "text/javascript; charset=utf-8"},
		"/docs/docs.css": {"docs.css", "text/css; charset=utf-8"},
	} {
		body, err := docsFiles.ReadFile("docs/" + f.name)
		if err != nil {
			return nil, fmt.Errorf("rest: %w", err)
		}
		page[path] = docsFile{f.kind, body}
	}
	return page, nil
}

func (s *Server) serveDocs(_ context.Context, c *Call, _ None, w http.ResponseWriter) error {
	f := s.docs[c.route.op.Path]
	h := w.Header()
	h["Content-Type"] = []string{f.kind}
	h["Content-Security-Policy"] = []string{htmlPolicy}
	h["Cache-Control"] = []string{"public, max-age=300"}
	s.write(exchangeOf(c.Request), http.StatusOK, f.body)
	return nil
}

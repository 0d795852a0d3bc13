package bench

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"path"
	"strings"
	"sync"
	"time"

	"github.com/parleyhq/parley/infra/elastic"
)

// bulk is the body of a request that writes documents.
type bulk struct {
	body  []byte
	query string // of its URL
}

// bulks are the requests by which an indexer writes the posts of a shelf: it
// does so once through a proxy that keeps them.
func (p Plan) bulks(ctx context.Context, s *shelf) ([]bulk, error) {
	to, err := url.Parse(strings.Split(p.Servers.Elasticsearch, ",")[0])
	if err != nil {
		return nil, err
	}
	var mu sync.Mutex
	var kept []bulk
	proxy := &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(to) }}
	server := &http.Server{ReadHeaderTimeout: patience, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if path.Base(r.URL.Path) == "_bulk" {
			body, err := io.ReadAll(r.Body)
			if err != nil {
				http.Error(w, err.Error(), http.StatusBadRequest)
				return
			}
			r.Body = io.NopCloser(bytes.NewReader(body))
			mu.Lock()
			kept = append(kept, bulk{body, r.URL.RawQuery})
			mu.Unlock()
		}
		proxy.ServeHTTP(w, r)
	})}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()
	_, err = p.index(ctx, s, "http://"+listener.Addr().String())
	err = errors.Join(err, server.Close())
	if end := <-served; !errors.Is(end, http.ErrServerClosed) {
		err = errors.Join(err, end)
	}
	mu.Lock()
	defer mu.Unlock()
	if err == nil && len(kept) == 0 {
		err = errors.New("the indexer wrote nothing")
	}
	return kept, err
}

// bareBulks sends those requests one after another to a new index of the same
// definition, and lets what they wrote be found.
func (p Plan) bareBulks(ctx context.Context, s *shelf, bulks []bulk) (perSecond float64, err error) {
	prefix := strings.ReplaceAll(namespace(), "_", "-")
	engine, err := elastic.New(elastic.Config{URLs: strings.Split(p.Servers.Elasticsearch, ","), Prefix: prefix})
	if err != nil {
		return 0, err
	}
	defer func() {
		err = errors.Join(err, engine.Close(), p.dropIndexes(context.WithoutCancel(ctx), prefix))
	}()
	begun := time.Now()
	index, err := engine.Create(ctx, "floor")
	if err != nil {
		return 0, err
	}
	for _, b := range bulks {
		var answer struct{ Errors bool }
		if err := p.elasticsearch(ctx, http.MethodPost, "/"+prefix+"-floor/_bulk?"+b.query, b.body, &answer); err != nil {
			return 0, err
		}
		if answer.Errors {
			return 0, errors.New("some documents were refused")
		}
	}
	err = index.Refresh(ctx)
	return float64(s.posts) / time.Since(begun).Seconds(), err
}

// elasticsearch makes one bare request.
func (p Plan) elasticsearch(ctx context.Context, method, path string, body []byte, into any) (err error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	address := strings.TrimSuffix(strings.Split(p.Servers.Elasticsearch, ",")[0], "/")
	request, err := http.NewRequestWithContext(ctx, method, address+path, bytes.NewReader(body))
	if err != nil {
		return errors.New("the URL of Elasticsearch cannot be read") // it may hold a password
	}
	request.Header.Set("Content-Type", "application/x-ndjson")
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, answer.Body.Close()) }()
	raw, err := io.ReadAll(answer.Body)
	if err != nil {
		return err
	}
	if answer.StatusCode/100 != 2 {
		return fmt.Errorf("the server answered %d to %s %s: %.200s", answer.StatusCode, method, path, raw)
	}
	return json.Unmarshal(raw, into)
}

// dropIndexes deletes the indexes of a prefix, one by one: a cluster may
// refuse a pattern.
func (p Plan) dropIndexes(ctx context.Context, prefix string) error {
	var found map[string]any
	if err := p.elasticsearch(ctx, http.MethodGet, "/"+prefix+"-*/_alias", nil, &found); err != nil {
		return err
	}
	var errs []error
	for index := range found {
		var done any
		errs = append(errs, p.elasticsearch(ctx, http.MethodDelete, "/"+index, nil, &done))
	}
	return errors.Join(errs...)
}

package harness

import (
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"sync"
	"sync/atomic"
	"testing"
)

// front is the one address of a cluster: sockets go to the push processes,
// everything else to the api processes, each in turn.
type front struct {
	base string
	turn atomic.Uint64

	mu    sync.Mutex
	nodes *Cluster // nil: nobody is there
}

func newFront(t testing.TB) *front {
	f := &front{}
	proxy := &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			to, _ := url.Parse(f.pick(r.In.URL.Path)) // a node's own address
			r.SetURL(to)
			r.Out.Host = r.In.Host
			r.Out.Header["X-Forwarded-For"] = r.In.Header["X-Forwarded-For"] // a test may stand for another proxy
			r.SetXForwarded()
		},
		ErrorHandler: func(w http.ResponseWriter, _ *http.Request, _ error) { w.WriteHeader(http.StatusBadGateway) },
	}
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if f.pick(r.URL.Path) == "" {
			w.WriteHeader(http.StatusBadGateway)
			return
		}
		proxy.ServeHTTP(w, r)
	}))
	t.Cleanup(s.Close)
	f.base = s.URL
	return f
}

func (f *front) serve(c *Cluster) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.nodes = c
}

func (f *front) pause() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.nodes = nil
}

// pick is the next process that answers for a path; "" when there is none.
func (f *front) pick(path string) string {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.nodes == nil {
		return ""
	}
	role := "api"
	if path == "/v1/push" {
		role = "push"
	}
	var up []string
	for _, n := range f.nodes.Nodes(role) {
		if run, _, base := n.now(); run != nil {
			up = append(up, base)
		}
	}
	if len(up) == 0 {
		return ""
	}
	return up[f.turn.Add(1)%uint64(len(up))]
}

package elastic

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"time"

	"github.com/elastic/elastic-transport-go/v8/elastictransport"
	"github.com/elastic/go-elasticsearch/v8/esapi"

	"github.com/parleyhq/parley/readmodels"
)

// Config is what an Engine needs. Zero values mean the defaults given.
type Config struct {
	URLs     []string      // of the nodes, "http://user:password@host:9200"; needed
	Prefix   string        // of all index names; "parley"
	Shards   int           // of an index; 1
	Replicas int           // copies of each shard
	Timeout  time.Duration // of one call; 10 s
	Writing  time.Duration // of one bulk of documents; 60 s
	Retries  int           // of a call that the cluster has no time for; 5
	RetryMin time.Duration // pause before the first, doubled up to RetryMax; 100 ms
	RetryMax time.Duration // 5 s
}

func (c *Config) fill() {
	c.Prefix = cmp.Or(c.Prefix, "parley")
	c.Shards = cmp.Or(c.Shards, 1)
	c.Timeout = cmp.Or(c.Timeout, 10*time.Second)
	c.Writing = cmp.Or(c.Writing, time.Minute)
	c.Retries = cmp.Or(c.Retries, 5)
	c.RetryMin = cmp.Or(c.RetryMin, 100*time.Millisecond)
	c.RetryMax = cmp.Or(c.RetryMax, 5*time.Second)
}

// pause is how long to wait before retry n, from 1; some chance in it keeps
// processes from coming back together.
func (c *Config) pause(n int) time.Duration {
	d := min(c.RetryMin<<min(n-1, 16), c.RetryMax)
	return d/2 + rand.N(d/2+1) //nolint:gosec // no secret
}

// Bounds of the connections to a node.
const (
	maxConnections = 64
	dialTimeout    = 5 * time.Second
	idleTimeout    = 90 * time.Second
)

// Engine is the indexes of one prefix. It may be used from any goroutine and
// by any number of processes.
type Engine struct {
	cfg       Config
	client    *elastictransport.Client
	transport *http.Transport
}

var _ readmodels.SearchEngine = (*Engine)(nil)

// New asks nothing of the cluster yet. Errors: what is wrong with the
// settings.
func New(cfg Config) (*Engine, error) {
	cfg.fill()
	if len(cfg.URLs) == 0 {
		return nil, errors.New("elasticsearch: no address")
	}
	if !goodPrefix.MatchString(cfg.Prefix) {
		return nil, fmt.Errorf("elasticsearch: %q is no prefix of indexes; it takes lower-case letters, digits and -", cfg.Prefix)
	}
	nodes := make([]*url.URL, len(cfg.URLs))
	for i, address := range cfg.URLs {
		u, err := url.Parse(address)
		if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
			return nil, errors.New("elasticsearch: an address is no http:// or https:// URL") // it may hold a password
		}
		nodes[i] = u
	}
	transport := &http.Transport{
		Proxy:               http.ProxyFromEnvironment,
		DialContext:         (&net.Dialer{Timeout: dialTimeout}).DialContext,
		TLSHandshakeTimeout: dialTimeout, IdleConnTimeout: idleTimeout,
		MaxConnsPerHost: maxConnections, MaxIdleConnsPerHost: maxConnections,
	}
	client, err := elastictransport.NewClient(
		elastictransport.WithUserAgent("parley"), elastictransport.WithURLs(nodes...), elastictransport.WithTransport(transport),
		elastictransport.WithRetry(cfg.Retries,
			http.StatusTooManyRequests, http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout),
		elastictransport.WithRetryBackoff(cfg.pause),
	)
	if err != nil {
		return nil, fmt.Errorf("elasticsearch: %w", err)
	}
	return &Engine{cfg: cfg, client: client, transport: transport}, nil
}

// Close lets go of idle connections.
func (e *Engine) Close() error {
	e.transport.CloseIdleConnections()
	return nil
}

// Ping asks whether the cluster answers, for readiness.
func (e *Engine) Ping(ctx context.Context) error {
	return e.call(ctx, "health", e.cfg.Timeout, esapi.ClusterHealthRequest{}, nil)
}

var (
	goodPrefix = regexp.MustCompile(`^[a-z0-9][a-z0-9-]{0,62}$`)
	goodName   = regexp.MustCompile(`^[a-z][a-z0-9_]{0,62}$`)
)

const docsSuffix = "-docs"

func (e *Engine) alias(name string) string  { return e.cfg.Prefix + "-" + name }
func (e *Engine) index(name string) string  { return e.alias(name) + docsSuffix }
func (e *Engine) live(family string) string { return e.alias(family) + "-live" }
func (e *Engine) nameOf(index string) string {
	return strings.TrimSuffix(strings.TrimPrefix(index, e.cfg.Prefix+"-"), docsSuffix)
}

// Create implements readmodels.SearchEngine. Of several processes that do it
// at once, one makes the index.
func (e *Engine) Create(ctx context.Context, name string) (readmodels.SearchIndex, error) {
	if !goodName.MatchString(name) {
		return nil, fmt.Errorf("elasticsearch: %q is no name for a generation", name)
	}
	err := e.call(ctx, "create "+e.index(name), e.cfg.Writing, esapi.IndicesCreateRequest{
		Index: e.index(name), Body: body(definition(e.cfg, e.alias(name))),
	}, nil)
	if refused := (*refusal)(nil); errors.As(err, &refused) && refused.Type == "resource_already_exists_exception" {
		err = nil
	}
	if err != nil {
		return nil, err
	}
	return &Index{engine: e, alias: e.alias(name)}, nil
}

// Live implements readmodels.SearchEngine.
func (e *Engine) Live(ctx context.Context, family string) (string, error) {
	indexes, err := e.aliased(ctx, e.live(family))
	if err != nil {
		return "", err
	}
	if len(indexes) != 1 {
		return "", fmt.Errorf("elasticsearch: the alias %s names %d indexes: %s", e.live(family), len(indexes), strings.Join(indexes, ", "))
	}
	return e.nameOf(indexes[0]), nil
}

// aliased are the indexes of an alias; ErrNoGeneration where it is none.
func (e *Engine) aliased(ctx context.Context, alias string) ([]string, error) {
	var found map[string]any
	err := e.call(ctx, "alias "+alias, e.cfg.Timeout, esapi.IndicesGetAliasRequest{Name: []string{alias}}, &found)
	if err != nil {
		return nil, err
	}
	return keys(found), nil
}

// family are the indexes of a family, live or not.
func (e *Engine) family(ctx context.Context, family string) ([]string, error) {
	var found map[string]any
	err := e.call(ctx, "indexes of "+family, e.cfg.Timeout, esapi.IndicesGetAliasRequest{
		Index: []string{e.index(family), e.alias(family) + "_*" + docsSuffix}, IgnoreUnavailable: yes(), AllowNoIndices: yes(),
	}, &found)
	if errors.Is(err, readmodels.ErrNoGeneration) {
		return nil, nil
	}
	return keys(found), err
}

// Swap implements readmodels.SearchEngine: the alias moves in one step.
func (e *Engine) Swap(ctx context.Context, family, name string) error {
	before, err := e.aliased(ctx, e.live(family))
	if err != nil && !errors.Is(err, readmodels.ErrNoGeneration) {
		return err
	}
	alias := map[string]any{"alias": e.live(family)}
	actions := []any{map[string]any{"add": with(alias, "index", e.index(name))}}
	for _, old := range before {
		if old != e.index(name) {
			actions = append(actions, map[string]any{"remove": with(alias, "index", old)})
		}
	}
	err = e.call(ctx, "swap to "+e.index(name), e.cfg.Writing, esapi.IndicesUpdateAliasesRequest{
		Body: body(map[string]any{"actions": actions}),
	}, nil)
	if err != nil {
		return err
	}
	all, err := e.family(ctx, family)
	if err != nil {
		return err
	}
	for _, old := range all {
		if old != e.index(name) {
			if err := e.Drop(ctx, e.nameOf(old)); err != nil {
				return err
			}
		}
	}
	return nil
}

// Drop implements readmodels.SearchEngine.
func (e *Engine) Drop(ctx context.Context, name string) error {
	if !goodName.MatchString(name) { // above all no wildcard
		return fmt.Errorf("elasticsearch: %q is no name for a generation", name)
	}
	var found map[string]struct {
		Aliases map[string]any `json:"aliases"`
	}
	err := e.call(ctx, "drop "+e.index(name), e.cfg.Timeout, esapi.IndicesGetAliasRequest{Index: []string{e.index(name)}}, &found)
	for alias := range found[e.index(name)].Aliases {
		if err == nil && alias != e.alias(name) {
			err = fmt.Errorf("elasticsearch: generation %s is live: %s", name, alias)
		}
	}
	if err == nil {
		err = e.call(ctx, "drop "+e.index(name), e.cfg.Writing, esapi.IndicesDeleteRequest{Index: []string{e.index(name)}}, nil)
	}
	if errors.Is(err, readmodels.ErrNoGeneration) {
		return nil
	}
	return err
}

package bench

import (
	"errors"
	"fmt"
	"strings"

	"github.com/google/uuid"
)

// Servers are those of the distributed stack, by URL; empty: there is none.
type Servers struct {
	Postgres, Kafka, Elasticsearch string
}

// on says what is missing of the servers that a pair needs.
func (s Servers) on(p Pair, servers ...string) Pair {
	given := map[string]string{"postgres": s.Postgres, "kafka": s.Kafka, "elasticsearch": s.Elasticsearch}
	for _, name := range servers {
		if given[name] == "" {
			p.Needs = append(p.Needs, "--"+name)
		}
	}
	return p
}

// namespace is what everything on a server begins with that one turn makes: it
// is nobody else's, and removed after the turn.
func namespace() string { return "bench_" + strings.ReplaceAll(uuid.NewString(), "-", "")[:10] }

// brokers are the addresses of a Kafka that asks for neither TLS nor a
// password, for floors that speak with it bare.
func (s Servers) brokers() ([]string, error) {
	list, ok := strings.CutPrefix(s.Kafka, "kafka://")
	if !ok || strings.ContainsAny(list, "@?") {
		return nil, fmt.Errorf("the bare clients know neither passwords nor TLS of Kafka: %w", errors.ErrUnsupported)
	}
	return strings.Split(strings.TrimSuffix(list, "/"), ","), nil
}

// closers end what was opened, the last one first.
type closers []func() error

func (c *closers) add(f func() error) { *c = append(*c, f) }

func (c *closers) close() error {
	var errs []error
	for i := len(*c) - 1; i >= 0; i-- {
		errs = append(errs, (*c)[i]())
	}
	return errors.Join(errs...)
}

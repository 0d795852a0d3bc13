package elastic

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"time"

	"github.com/elastic/go-elasticsearch/v8/esapi"

	"github.com/parleyhq/parley/readmodels"
)

// maxAnswer bounds what is read of an answer, in bytes: the largest is that of
// a bulk, which says something of each document.
const maxAnswer = 16 << 20

// refusal is what the cluster says when it does not do something.
type refusal struct {
	Status int    `json:"-"`
	Type   string `json:"type"`
	Reason string `json:"reason"`
}

func (r *refusal) Error() string { return fmt.Sprintf("status %d, %s: %s", r.Status, r.Type, r.Reason) }

// gone says that an index or alias is not there.
func (r *refusal) gone() bool {
	return r.Type == "index_not_found_exception" || r.Type == "aliases_not_found_exception"
}

// busy says that the same call may succeed later.
func (r *refusal) busy() bool {
	return r.Status == http.StatusTooManyRequests || r.Status >= http.StatusInternalServerError
}

// call makes one call, which the client repeats while the cluster is busy, and
// decodes its answer. what names it in errors.
func (e *Engine) call(ctx context.Context, what string, timeout time.Duration, r esapi.Request, into any) error {
	bounded, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	answer, err := r.Do(bounded, e.client)
	if err != nil {
		return failed(ctx, what, err)
	}
	defer answer.Body.Close()
	if answer.Header.Get("X-Elastic-Product") != "Elasticsearch" && !answer.IsError() {
		return failed(ctx, what, errors.New("what answers there is no Elasticsearch"))
	}
	raw, err := io.ReadAll(io.LimitReader(answer.Body, maxAnswer))
	if err != nil {
		return failed(ctx, what, err)
	}
	if answer.IsError() {
		return refused(what, answer.StatusCode, raw)
	}
	if into == nil {
		return nil
	}
	if err := json.Unmarshal(raw, into); err != nil {
		return failed(ctx, what, err)
	}
	return nil
}

// failed is the engine's fault, unless the caller went away.
func failed(ctx context.Context, what string, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return fmt.Errorf("%w: elasticsearch: %s: %w", readmodels.ErrUnavailable, what, err)
}

// refused reads an answer that is an error.
func refused(what string, status int, raw []byte) error {
	r := refusal{Status: status}
	var answer struct {
		Error json.RawMessage `json:"error"`
	}
	if json.Unmarshal(raw, &answer) != nil || json.Unmarshal(answer.Error, &r) != nil {
		r.Reason = string(raw[:min(len(raw), 500)]) // of a missing alias, or of a proxy
		if status == http.StatusNotFound && answer.Error != nil {
			r.Type = "aliases_not_found_exception"
		}
	}
	switch {
	case r.gone():
		return fmt.Errorf("%w: elasticsearch: %s: %w", readmodels.ErrNoGeneration, what, &r)
	case r.busy(), status == http.StatusUnauthorized, status == http.StatusForbidden:
		return fmt.Errorf("%w: elasticsearch: %s: %w", readmodels.ErrUnavailable, what, &r)
	}
	return fmt.Errorf("elasticsearch: %s: %w", what, &r)
}

// body is a value of maps, lists and texts as JSON.
func body(v any) io.Reader {
	raw, _ := json.Marshal(v) // never fails
	return bytes.NewReader(raw)
}

func with(m map[string]any, key string, value any) map[string]any {
	c := maps.Clone(m)
	c[key] = value
	return c
}

func keys(m map[string]any) []string { return slices.Sorted(maps.Keys(m)) }

func yes() *bool { b := true; return &b }

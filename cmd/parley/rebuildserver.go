package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"
)

// maxAnswer bounds what is read of an answer, in bytes.
const maxAnswer = 4 << 20

// remote rebuilds on a running server.
type remote struct {
	base   string
	key    string
	every  time.Duration // between looks
	gone   time.Duration // how long the server may not answer
	client *http.Client
}

// ask is the server that was named.
func (c *rebuildCommand) ask() (*remote, error) {
	key := c.Key
	if c.KeyFile != "" {
		b, err := os.ReadFile(c.KeyFile)
		if err != nil {
			return nil, fmt.Errorf("--key-file: %w", err)
		}
		key = strings.TrimSpace(string(b))
	}
	return &remote{
		base: strings.TrimSuffix(c.Server, "/"), key: key, every: c.DueEvery, gone: c.RequestTimeout,
		client: &http.Client{Timeout: c.RequestTimeout},
	}, nil
}

// remoteRebuild is a rebuild as the server tells of it.
type remoteRebuild struct {
	ID       string  `json:"id"`
	State    string  `json:"state"`
	Progress float64 `json:"progress"`
	Reason   *string `json:"reason"`
}

func (r *remote) names(ctx context.Context) ([]string, error) {
	var all struct {
		Items []struct {
			Name        string `json:"name"`
			Rebuildable bool   `json:"rebuildable"`
		} `json:"items"`
	}
	if err := r.call(ctx, http.MethodGet, "/v1/admin/projections", &all); err != nil {
		return nil, err
	}
	var names []string
	for _, p := range all.Items {
		if p.Rebuildable {
			names = append(names, p.Name)
		}
	}
	return names, nil
}

func (r *remote) rebuild(ctx context.Context, name string, progress func(percent int)) error {
	path := "/v1/admin/projections/" + url.PathEscape(name) + "/rebuild"
	var asked, now remoteRebuild
	if err := r.call(ctx, http.MethodPost, path, &asked); err != nil {
		return err
	}
	answered := time.Now()
	for now = asked; ; {
		switch {
		case now.ID != asked.ID:
			return errors.New("another rebuild began before it was told what became of this one")
		case now.State == "done":
			progress(100)
			return nil
		case now.State == "failed" && now.Reason != nil:
			return errors.New(*now.Reason)
		case now.State == "failed":
			return errors.New("it failed")
		}
		progress(int(100 * now.Progress))
		select {
		case <-time.After(r.every):
		case <-ctx.Done():
			return errors.New("interrupted; the server goes on with it")
		}
		err := r.call(ctx, http.MethodGet, path, &now)
		if err == nil {
			answered = time.Now()
		} else if ctx.Err() == nil && (!passes(err) || time.Since(answered) > r.gone) {
			return err
		}
	}
}

// refusal is what a server answered instead.
type refusal struct {
	status   int
	sentence string
}

func (r *refusal) Error() string { return r.sentence }

// passes says whether it is worth to ask again: the server restarts, or is
// not reached for a moment.
func passes(err error) bool {
	var r *refusal
	return !errors.As(err, &r) || r.status >= http.StatusInternalServerError || r.status == http.StatusTooManyRequests
}

// call asks the server and reads the data of its answer.
func (r *remote) call(ctx context.Context, method, path string, data any) error {
	req, err := http.NewRequestWithContext(ctx, method, r.base+path, nil)
	if err != nil {
		return err
	}
	req.Header.Set("Authorization", "Bearer "+r.key)
	req.Header.Set("Accept", "application/problem+json") // errors as RFC 9457, whatever the server's setting
	res, err := r.client.Do(req)
	if err != nil {
		return fmt.Errorf("the server is not reached: %w", err)
	}
	body, err := io.ReadAll(io.LimitReader(res.Body, maxAnswer))
	if err = errors.Join(err, res.Body.Close()); err != nil {
		return fmt.Errorf("the server's answer broke off: %w", err)
	}
	if res.StatusCode >= http.StatusMultipleChoices {
		var problem struct {
			Detail string `json:"detail"`
		}
		if err := json.Unmarshal(body, &problem); err != nil || problem.Detail == "" {
			problem.Detail = "the server answers " + res.Status
		}
		return &refusal{res.StatusCode, strings.TrimSuffix(problem.Detail, ".")}
	}
	answer := struct {
		Data any `json:"data"`
	}{data}
	if err := json.Unmarshal(body, &answer); err != nil {
		return errors.New("there is no Parley at " + r.base)
	}
	return nil
}

package main

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

const (
	attempts   = 4               // of one call
	firstPause = 1 * time.Second // where the server names none
	longest    = 30 * time.Second
	maxAnswer  = 16 << 20 // bytes
)

// Client is one person at one server. It is not for several goroutines at once.
type Client struct {
	Base string // https://parley.example.org

	http     http.Client
	access   string // lives for minutes
	refresh  string // for days; each is good for one renewal
	position string // of the newest write that this client knows of
}

// Error is an answer that is no success. Tell one from another by Slug: it is
// stable, while Message is for people and may be worded better tomorrow.
type Error struct {
	Status  int
	Slug    string `json:"error"`
	Message string
	Details []struct{ Field, Problem string } // every field that is wrong
	TraceID string                            // names the call to whoever runs the server

	pause time.Duration // what Retry-After asks for
}

func (e *Error) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%d %s: %s", e.Status, e.Slug, e.Message)
	for _, d := range e.Details {
		fmt.Fprintf(&b, " [%s: %s]", d.Field, d.Problem)
	}
	return b.String()
}

// is tells whether an error is the one with that slug.
func is(err error, slug string) bool {
	var e *Error
	return errors.As(err, &e) && e.Slug == slug
}

// Call sends in as JSON, unless it is nil, and reads what comes back into out,
// unless that is nil. It tries again where that may help and cannot do harm.
func (c *Client) Call(ctx context.Context, method, path string, in, out any) error {
	var body []byte
	if in != nil {
		var err error
		if body, err = json.Marshal(in); err != nil {
			return err
		}
	}
	for attempt := 1; ; attempt++ {
		err := c.try(ctx, method, path, body, out)
		if err == nil || attempt == attempts {
			return err
		}
		if err := c.prepare(ctx, method, attempt, err); err != nil {
			return err
		}
	}
}

// prepare does what must be done before an attempt is repeated. It returns the
// error where no repetition helps, and where one might do something twice: a
// POST or PATCH is repeated only where it was refused before it began.
func (c *Client) prepare(ctx context.Context, method string, attempt int, err error) error {
	harmless := method != http.MethodPost && method != http.MethodPatch
	pause := firstPause << (attempt - 1)
	var answer *Error
	switch {
	case ctx.Err() != nil:
		return err
	case !errors.As(err, &answer): // no answer at all: it may have taken effect, or not
		if !harmless {
			return err
		}
	case answer.Slug == "auth.expired" && c.refresh != "":
		return c.renew(ctx)
	case answer.Slug == "position.epoch": // the server was restored from a backup
		c.position = ""
		return nil
	case answer.Status == http.StatusTooManyRequests, answer.Slug == "position.not_reached",
		answer.Status == http.StatusServiceUnavailable && harmless:
		pause = min(cmp.Or(answer.pause, pause), longest)
	default:
		return err
	}
	select {
	case <-time.After(pause):
		return nil
	case <-ctx.Done():
		return err
	}
}

// try is one attempt of a call.
func (c *Client) try(ctx context.Context, method, path string, body []byte, out any) error {
	req, err := http.NewRequestWithContext(ctx, method, c.Base+path, bytes.NewReader(body))
	if err != nil {
		return err
	}
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	if c.access != "" {
		req.Header.Set("Authorization", "Bearer "+c.access)
	}
	if c.position != "" { // what this client wrote is in what it reads, on whichever node
		req.Header.Set("Parley-Position", c.position)
	}
	res, err := c.http.Do(req)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	raw, err := io.ReadAll(io.LimitReader(res.Body, maxAnswer))
	if err != nil {
		return err
	}
	if at := res.Header.Get("Parley-Position"); at != "" {
		c.position = at
	}
	if res.StatusCode >= 400 {
		return failed(res, raw)
	}
	if out == nil || len(raw) == 0 { // 204 says nothing
		return nil
	}
	return json.Unmarshal(raw, &struct{ Data any }{out})
}

// failed reads the envelope of an error. Something in between may have
// answered in its place, so there may be no envelope.
func failed(res *http.Response, raw []byte) error {
	e := &Error{}
	if json.Unmarshal(raw, e) != nil || e.Slug == "" {
		e = &Error{Slug: "unknown", Message: http.StatusText(res.StatusCode)}
	}
	e.Status = res.StatusCode
	if seconds, err := strconv.Atoi(res.Header.Get("Retry-After")); err == nil {
		e.pause = time.Duration(seconds) * time.Second
	}
	return e
}

// session is what signing in and renewing answer.
type session struct {
	AccessToken, RefreshToken string
	Account                   Account
}

// SignIn begins a session. A program keeps its refresh token itself and asks
// for it in the body; a page in a browser leaves carrier out and gets a cookie
// that no script can read.
func (c *Client) SignIn(ctx context.Context, login, password string) (Account, error) {
	var s session
	err := c.Call(ctx, http.MethodPost, "/v1/sessions", map[string]string{"login": login, "password": password, "carrier": "body"}, &s)
	c.access, c.refresh = s.AccessToken, s.RefreshToken
	return s.Account, err
}

// renew trades the refresh token for new tokens. Each is good for one renewal:
// whoever uses an old one ends the session. Only where the answer was lost may
// it be tried again, within seconds, and gives the same.
func (c *Client) renew(ctx context.Context) error {
	body, err := json.Marshal(map[string]string{"refreshToken": c.refresh})
	if err != nil {
		return err
	}
	expired := c.access
	c.access = ""
	var s session
	err = c.try(ctx, http.MethodPost, "/v1/sessions/refresh", body, &s)
	var refused *Error
	switch {
	case err == nil:
		c.access, c.refresh = s.AccessToken, s.RefreshToken
		return nil
	case errors.As(err, &refused) && refused.Status == http.StatusUnauthorized:
		c.refresh = ""
		return fmt.Errorf("sign in again: %w", err)
	default:
		c.access = expired
		return err
	}
}

// SignOut ends the session, at once and everywhere.
func (c *Client) SignOut(ctx context.Context) error {
	err := c.Call(ctx, http.MethodDelete, "/v1/sessions/current", nil, nil)
	c.access, c.refresh = "", ""
	return err
}

// Pages walks through a list page by page, until the end or until the caller
// has enough. A cursor says where the last page ended, so nothing is seen
// twice when new things arrive on top meanwhile. Take it as it is: it cannot
// be made up, and is good for this list and this reader alone.
func Pages[T any](ctx context.Context, c *Client, path string, query url.Values) iter.Seq2[[]T, error] {
	return func(yield func([]T, error) bool) {
		for cursor := ""; ; {
			asked := url.Values{}
			for name, values := range query {
				asked[name] = values
			}
			if cursor != "" {
				asked.Set("cursor", cursor)
			}
			var page struct {
				Items []T
				Next  string // null at the end
			}
			err := c.Call(ctx, http.MethodGet, path+"?"+asked.Encode(), nil, &page)
			if !yield(page.Items, err) || err != nil || page.Next == "" {
				return
			}
			cursor = page.Next
		}
	}
}

package harness

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"strings"
	"testing"
)

// Client speaks the public contract as one person with one browser: it keeps
// cookies, the access token of its newest sign-in and the position of its
// newest write.
type Client struct {
	t        testing.TB
	base     string
	http     *http.Client
	Token    string // access token; sent as bearer when not empty
	Position string // newest Parley-Position; sent along when not empty
	Account  Account
}

// Account is what tests need of a signed-in account.
type Account struct {
	ID     string `json:"id"`
	Handle string `json:"handle"`
	Email  string `json:"email"`
}

// Answer is one response, read whole.
type Answer struct {
	t      testing.TB
	call   string
	Status int
	Header http.Header
	Raw    []byte
	// The envelope, where there is one.
	Code    int             `json:"code"`
	Message string          `json:"message"`
	Data    json.RawMessage `json:"data"`
	Error   string          `json:"error"`
	Details []struct {
		Field, Problem string
	} `json:"details"`
	TraceID string `json:"traceId"`
}

// Header changes one header of a call.
type Header struct{ Name, Value string }

func newClient(t testing.TB, base string) *Client {
	jar, _ := cookiejar.New(nil)
	return &Client{t: t, base: base, http: &http.Client{
		Jar:     jar,
		Timeout: Patience,
		CheckRedirect: func(*http.Request, []*http.Request) error {
			return http.ErrUseLastResponse
		},
	}}
}

// Clone is the same person in the same browser, for use at the same time.
func (c *Client) Clone() *Client {
	clone := *c
	return &clone
}

// At is the same person in the same browser at another address.
func (c *Client) At(base string) *Client {
	clone := *c
	clone.base = base
	return &clone
}

// Base is the address the client talks to.
func (c *Client) Base() string { return c.base }

// Do sends one request. body may be nil, a string or []byte (sent as it is),
// or anything that marshals to JSON. It fails the test when there is no
// answer, or when the answer is a 500: that is always a bug.
func (c *Client) Do(method, path string, body any, headers ...Header) *Answer {
	c.t.Helper()
	a, err := c.Try(method, path, body, headers...)
	if err != nil {
		c.t.Fatalf("%s %s: %v", method, path, err)
	}
	if a.Status == http.StatusInternalServerError {
		c.t.Fatalf("%s: a 500 is a bug: %s", a.call, a.Raw)
	}
	return a
}

// Try is Do for servers that may die under it.
func (c *Client) Try(method, path string, body any, headers ...Header) (*Answer, error) {
	req, sent, err := c.request(method, path, body, headers)
	if err != nil {
		return nil, err
	}
	res, err := c.http.Do(req)
	if err != nil {
		return nil, err
	}
	defer res.Body.Close()
	a := &Answer{t: c.t, call: method + " " + path, Status: res.StatusCode, Header: res.Header}
	if a.Raw, err = io.ReadAll(res.Body); err != nil {
		return nil, err
	}
	guardExchange(c.t, req, sent, res, a.Raw)
	if a.Status >= http.StatusBadRequest {
		Discreet(c.t, "an error", string(a.Raw))
	}
	if strings.Contains(res.Header.Get("Content-Type"), "json") {
		_ = json.Unmarshal(a.Raw, a)
	}
	if p := res.Header.Get("Parley-Position"); p != "" && method != http.MethodGet {
		c.Position = p
	}
	return a, nil
}

func (c *Client) request(method, path string, body any, headers []Header) (req *http.Request, sent []byte, err error) {
	switch b := body.(type) {
	case nil:
	case string:
		sent = []byte(b)
	case []byte:
		sent = b
	default:
		if sent, err = json.Marshal(b); err != nil {
			return nil, nil, err
		}
	}
	var reader io.Reader
	if body != nil {
		reader = bytes.NewReader(sent)
	}
	if req, err = http.NewRequestWithContext(c.t.Context(), method, c.base+path, reader); err != nil {
		return nil, nil, err
	}
	if reader != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	if c.Token != "" {
		req.Header.Set("Authorization", "Bearer "+c.Token)
	}
	if c.Position != "" {
		req.Header.Set("Parley-Position", c.Position)
	}
	for _, h := range headers {
		if h.Value == "" {
			req.Header.Del(h.Name)
		} else {
			req.Header.Set(h.Name, h.Value)
		}
	}
	return req, sent, nil
}

// The verbs.

// Get reads.
func (c *Client) Get(path string, h ...Header) *Answer {
	c.t.Helper()
	return c.Do("GET", path, nil, h...)
}

// Post creates.
func (c *Client) Post(path string, body any, h ...Header) *Answer {
	c.t.Helper()
	return c.Do("POST", path, body, h...)
}

// Put replaces.
func (c *Client) Put(path string, body any, h ...Header) *Answer {
	c.t.Helper()
	return c.Do("PUT", path, body, h...)
}

// Patch changes.
func (c *Client) Patch(path string, body any, h ...Header) *Answer {
	c.t.Helper()
	return c.Do("PATCH", path, body, h...)
}

// Delete removes.
func (c *Client) Delete(path string, h ...Header) *Answer {
	c.t.Helper()
	return c.Do("DELETE", path, nil, h...)
}

// Want fails the test unless the answer has that status, and that error slug
// where one is given.
func (a *Answer) Want(status int, slug ...string) *Answer {
	a.t.Helper()
	if a.Status != status || (len(slug) > 0 && a.Error != slug[0]) {
		a.t.Fatalf("%s: %d %s, want %d %v\n%s", a.call, a.Status, a.Error, status, slug, a.Raw)
	}
	return a
}

// Into unmarshals data.
func (a *Answer) Into(v any) *Answer {
	a.t.Helper()
	if err := json.Unmarshal(a.Data, v); err != nil {
		a.t.Fatalf("%s: %v: %s", a.call, err, a.Raw)
	}
	return a
}

// Map is data as a map.
func (a *Answer) Map() map[string]any {
	a.t.Helper()
	var m map[string]any
	a.Into(&m)
	return m
}

// Items is the list in data.
func (a *Answer) Items() []map[string]any {
	a.t.Helper()
	var l struct{ Items []map[string]any }
	a.Into(&l)
	return l.Items
}

// Next is the list's cursor, "" at the end.
func (a *Answer) Next() string {
	a.t.Helper()
	var l struct{ Next *string }
	a.Into(&l)
	if l.Next == nil {
		return ""
	}
	return *l.Next
}

// ID is data.id.
func (a *Answer) ID() string {
	a.t.Helper()
	id, ok := a.Map()["id"].(string)
	if !ok {
		a.t.Fatalf("%s: no id in %s", a.call, a.Raw)
	}
	return id
}

// String is the answer for messages of tests.
func (a *Answer) String() string { return fmt.Sprintf("%s: %d %s", a.call, a.Status, a.Raw) }

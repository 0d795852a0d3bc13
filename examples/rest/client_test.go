package main

import (
	"errors"
	"io"
	"net/http"
	"strconv"
	"strings"
	"testing"
)

// answering stands for the network.
type answering func(*http.Request) (*http.Response, error)

func (a answering) RoundTrip(r *http.Request) (*http.Response, error) { return a(r) }

// Tokens are renewed on the way, a position of another life of the log is
// forgotten, and what may have taken effect is not done again.
func TestCallsAreRepeatedWithCare(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		method  string
		answers []string
		asked   string // after the call itself, joined
		fails   string
	}{
		{"GET", []string{`200 {"data":1}`}, "", ""},
		{"POST", []string{`401 {"error":"auth.expired"}`, `200 {"data":{"accessToken":"new","refreshToken":"next"}}`, `201 {"data":1}`},
			"POST /v1/sessions/refresh  p; POST /v1/things Bearer new p", ""},
		{"GET", []string{`401 {"error":"auth.expired"}`, `401 {"error":"session.refresh_invalid"}`}, "POST /v1/sessions/refresh  p", "sign in again: 401 session.refresh_invalid"},
		{"GET", []string{`409 {"error":"position.epoch"}`, `200 {"data":1}`}, "GET /v1/things Bearer old ", ""},
		{"POST", []string{"cut"}, "", "cut"},
		{"POST", []string{`503 {"error":"unavailable"}`}, "", "503 unavailable"},
		{"GET", []string{`404 {"error":"not_found","message":"gone"}`}, "", "404 not_found: gone"},
		{"GET", []string{`502 <html>`}, "", "502 unknown: Bad Gateway"},
	} {
		var asked []string
		client := Client{Base: "http://parley.example.org", access: "old", refresh: "one", position: "p"}
		client.http.Transport = answering(func(r *http.Request) (*http.Response, error) {
			asked = append(asked, strings.Join([]string{r.Method, r.URL.Path, r.Header.Get("Authorization"), r.Header.Get("Parley-Position")}, " "))
			status, body, _ := strings.Cut(c.answers[len(asked)-1], " ")
			code, err := strconv.Atoi(status)
			if err != nil {
				return nil, errors.New(status)
			}
			return &http.Response{StatusCode: code, Body: io.NopCloser(strings.NewReader(body))}, nil
		})
		var got int
		err := client.Call(t.Context(), c.method, "/v1/things", nil, &got)
		if c.fails == "" && (err != nil || got != 1) || c.fails != "" && (err == nil || !strings.Contains(err.Error(), c.fails)) {
			t.Errorf("%s %v: %d, %v", c.method, c.answers, got, err)
		}
		if first := c.method + " /v1/things Bearer old p"; len(asked) == 0 || asked[0] != first || strings.Join(asked[1:], "; ") != c.asked {
			t.Errorf("%s %v: asked %q", c.method, c.answers, asked)
		}
	}
}

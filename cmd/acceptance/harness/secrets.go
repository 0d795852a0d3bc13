package harness

import (
	"bytes"
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
)

// What clients sent and were told that nothing may show: of each test, by what
// it was called. Every server's log is looked through when the server ends, and
// every answer that is an error at once.
var secrets = struct {
	mu sync.Mutex
	of map[string]map[string]string
}{of: map[string]map[string]string{}}

// Names of secrets in bodies, in queries, and of cookies.
var secretNames = []string{
	"password", "current", "token", "otp", "refreshToken", "accessToken", "ticket", "key", "secret", "recoveryCodes", "sig", "captcha",
	"parley_refresh", "parley_oauth", "parley_token",
}

// minSecret is the shortest secret that is looked for: shorter ones stand in
// other words.
const minSecret = 12

func testOf(t testing.TB) string {
	name, _, _ := strings.Cut(t.Name(), "/")
	return name
}

// guard remembers a secret.
func guard(t testing.TB, name, value string) {
	if len(value) < minSecret || !slices.Contains(secretNames, name) {
		return
	}
	secrets.mu.Lock()
	defer secrets.mu.Unlock()
	test := testOf(t)
	if secrets.of[test] == nil {
		secrets.of[test] = map[string]string{}
	}
	secrets.of[test][value] = name
}

// guardBody remembers the secrets of a JSON object, and of the data in an
// envelope.
func guardBody(t testing.TB, raw []byte) {
	if !bytes.HasPrefix(bytes.TrimSpace(raw), []byte("{")) {
		return
	}
	var body map[string]any
	if json.Unmarshal(raw, &body) != nil {
		return
	}
	guardFields(t, body)
	if data, ok := body["data"].(map[string]any); ok {
		guardFields(t, data)
	}
}

func guardFields(t testing.TB, fields map[string]any) {
	for name, value := range fields {
		switch v := value.(type) {
		case string:
			guard(t, name, v)
		case []any:
			for _, one := range v {
				if s, ok := one.(string); ok {
					guard(t, name, s)
				}
			}
		}
	}
}

// guardExchange remembers the secrets of a request and its answer.
func guardExchange(t testing.TB, req *http.Request, sent []byte, res *http.Response, answered []byte) {
	guardBody(t, sent)
	guardBody(t, answered)
	guard(t, "token", strings.TrimPrefix(req.Header.Get("Authorization"), "Bearer "))
	for name, values := range req.URL.Query() {
		for _, v := range values {
			guard(t, name, v)
		}
	}
	for _, cookie := range res.Cookies() {
		guard(t, cookie.Name, cookie.Value)
	}
}

// Discreet fails the test where a text shows one of its secrets.
func Discreet(t testing.TB, what, text string) {
	t.Helper()
	secrets.mu.Lock()
	defer secrets.mu.Unlock()
	for value, name := range secrets.of[testOf(t)] {
		if at := strings.Index(text, value); at >= 0 {
			line := text[strings.LastIndexByte(text[:at], '\n')+1:]
			line, _, _ = strings.Cut(line, "\n")
			t.Errorf("%s shows a secret, %s: %s", what, name, line)
		}
	}
}

package settings

import (
	"fmt"
	"net"
	"net/mail"
	"net/netip"
	"net/url"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
)

// RouteGroups are the groups of routes that --token-carriers and
// --replay-guard name.
var RouteGroups = []string{"accounts", "sessions", "forum", "chat", "notifications", "push", "events", "admin"}

var tokenCarriers = []string{"bearer", "raw", "query", "form", "cookie"}

// checks are what the tag check may name; the part after a colon is arg. A
// check says what was expected, never the value, which may be a secret.
var checks = map[string]func(value, arg string) error{
	"flagonly":  func(string, string) error { return nil },
	"some":      checkSome,
	"address":   checkAddress,
	"url":       checkURL,
	"urls":      func(value, _ string) error { return checkURL(value, "http,https") },
	"origins":   checkOrigin,
	"hosts":     checkHost,
	"mail":      checkMail,
	"word":      checkWord,
	"words":     checkWord,
	"namespace": checkNamespace,
	"issuer":    checkIssuer,
	"oidc":      checkOIDC,
	"carriers":  checkCarriers,
	"groups":    func(value, _ string) error { return checkOneOf(value, RouteGroups) },
}

// check refuses every wrong value, in the order of the table, then what does
// not fit together.
func (s *Settings) check(src *Sources) error {
	for _, f := range fields(reflect.ValueOf(s).Elem()) {
		if err := f.check(); err != nil {
			return usagef("%s: %v", src.spell(f.name), err)
		}
	}
	for _, rule := range rules {
		if rule.broken(s) {
			return &UsageError{rule.sentence}
		}
	}
	return nil
}

func (f field) check() error {
	if err := f.checkNumbers(); err != nil {
		return err
	}
	name, arg, _ := strings.Cut(f.tag.Get("check"), ":")
	items := words(f.value)
	if m, ok := f.value.Interface().(map[string]string); ok {
		for _, k := range sortedKeys(m) {
			items = append(items, k+"="+m[k])
		}
	}
	if name == "some" && len(items) == 0 {
		return checkSome("", "")
	}
	for _, item := range items {
		if allowed := f.tag.Get("oneof"); allowed != "" {
			if err := checkOneOf(item, strings.Split(allowed, ",")); err != nil {
				return err
			}
		}
		// Empty is absent, but not inside a list.
		if check := checks[name]; check != nil && (item != "" || name == "some" || f.value.Kind() != reflect.String) {
			if err := check(item, arg); err != nil {
				return err
			}
		}
	}
	return nil
}

// checkNumbers holds numbers and durations, lists of them too, above 0 and
// below their max.
func (f field) checkNumbers() error {
	limit := int64(0)
	if m := f.tag.Get("max"); m != "" {
		limit, _ = strconv.ParseInt(m, 10, 64)
	}
	values := []reflect.Value{f.value}
	if f.value.Kind() == reflect.Slice {
		values = nil
		for i := range f.value.Len() {
			values = append(values, f.value.Index(i))
		}
	}
	for _, v := range values {
		if v.Kind() != reflect.Int && v.Kind() != reflect.Int64 || v.Type() == reflect.TypeFor[DurationOrOff]() {
			continue
		}
		n := v.Int()
		switch {
		case n < 0 || n == 0 && f.tag.Get("zero") == "":
			return fmt.Errorf("must be above 0, not %s", text(v))
		case limit > 0 && n > limit:
			return fmt.Errorf("must be at most %d, not %d", limit, n)
		}
	}
	return nil
}

// rules are what values must keep to each other.
var rules = []struct {
	sentence string
	broken   func(*Settings) bool
}{
	{"--handle-min is above --handle-max", func(s *Settings) bool { return s.HandleMin > s.HandleMax }},
	{"--password-min is above --password-max", func(s *Settings) bool { return s.PasswordMin > s.PasswordMax }},
	{"--list-limit is above --list-max", func(s *Settings) bool { return s.ListLimit > s.ListMax }},
	{"--refresh-ttl must be longer than --access-ttl", func(s *Settings) bool { return s.RefreshTTL <= s.AccessTTL }},
	{"--max-refresh must be shorter than --access-ttl", func(s *Settings) bool { return time.Duration(s.MaxRefresh) >= s.AccessTTL }},
	{"--captcha-width is below 20 pixels a character of --captcha-length", func(s *Settings) bool { return s.CaptchaWidth < 20*s.CaptchaLength }},
	{"--captcha-height is below 32", func(s *Settings) bool { return s.CaptchaHeight < 32 }},
	{"--socket-pong must be shorter than --socket-ping", func(s *Settings) bool { return s.SocketPong >= s.SocketPing }},
	{"--presence-ttl must be longer than --presence-heartbeat", func(s *Settings) bool { return s.PresenceTTL <= s.PresenceEvery }},
	{"--route-ttl must be longer than --route-every", func(s *Settings) bool { return s.RouteTTL <= s.RouteEvery }},
	{"--lockout-longest is shorter than --lockout-first", func(s *Settings) bool { return s.LockoutLongest < s.LockoutFirst }},
	{"--retry-longest is shorter than --retry-first", func(s *Settings) bool { return s.RetryLongest < s.RetryFirst }},
	{"--breaker-failures is above --breaker-calls", func(s *Settings) bool { return s.BreakerFailures > s.BreakerCalls }},
	{"--mail-lease must be longer than --mail-timeout and --connect-timeout together", func(s *Settings) bool { return s.MailLease <= s.MailTimeout+s.ConnectTimeout }},
	{"--mail-retry-longest is shorter than --mail-retry-first", func(s *Settings) bool { return s.MailRetryLongest < s.MailRetryFirst }},
	{"--oidc-secret-file names a provider that --oidc does not", func(s *Settings) bool {
		return slices.ContainsFunc(sortedKeys(s.OIDCSecretFile), func(name string) bool { return s.OIDC[name] == "" })
	}},
	{"--invite-ttl is over 168h", func(s *Settings) bool { return s.InviteTTL > 7*24*time.Hour }},
	{"--tls-cert-file and --tls-key-file are needed together", func(s *Settings) bool { return (s.TLSCertFile == "") != (s.TLSKeyFile == "") }},
	{"--autocert and --tls-cert-file are both given, keep one", func(s *Settings) bool { return len(s.Autocert) > 0 && s.TLSCertFile != "" }},
	{"--roles log stands alone: a bare log serves no other role", func(s *Settings) bool { return s.Has("log") && len(s.Roles) > 1 }},
	{"--roles log needs --grpc", func(s *Settings) bool { return s.Has("log") && s.GRPC == "" }},
	{"--grpc beyond loopback needs TLS (--tls-cert-file or --autocert)", (*Settings).openGRPC},
	{"--roles log stands alone: it takes no server", func(s *Settings) bool { return s.Has("log") && (s.Distributed() || s.Kafka != "") }},
	{"the distributed stack needs all of --eventstore, --kafka, --postgres, --elasticsearch and --redis", func(s *Settings) bool {
		return s.Distributed() && (s.EventStore == "" || s.Kafka == "" || s.Postgres == "" || s.Elasticsearch == "" || s.Redis == "")
	}},
	{"--grpc serves the embedded log, and --eventstore takes its place", func(s *Settings) bool { return s.GRPC != "" && s.EventStore != "" }},
	{"the distributed stack needs --jwt-key-file and --master-key-file: every node needs the same keys", func(s *Settings) bool {
		return s.Distributed() && (s.JWTKeyFile == "" || s.MasterKeyFile == "")
	}},
}

// openGRPC tells whether the log would be open to other machines in the
// clear. A bare log is a stand-in without these limits.
func (s *Settings) openGRPC() bool {
	if s.GRPC == "" || s.Has("log") || s.TLSCertFile != "" || len(s.Autocert) > 0 {
		return false
	}
	return !s.GRPCLocal()
}

// GRPCLocal tells whether only this machine can reach the log.
func (s *Settings) GRPCLocal() bool {
	host, _, _ := net.SplitHostPort(s.GRPC)
	return loopback(host)
}

func loopback(host string) bool {
	ip, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && ip.IsLoopback()
}

func checkSome(value, _ string) error {
	if strings.TrimSpace(value) == "" {
		return fmt.Errorf("must not be empty")
	}
	return nil
}

// checkIssuer takes what has room in a QR code, where a colon ends it.
func checkIssuer(value, _ string) error {
	if err := checkSome(value, ""); err != nil {
		return err
	}
	if len(value) > 64 || strings.ContainsFunc(value, func(r rune) bool { return r == ':' || unicode.IsControl(r) }) {
		return fmt.Errorf("expected at most 64 bytes on one line, without a colon, but got %q", value)
	}
	return nil
}

func checkOneOf(value string, allowed []string) error {
	if slices.Contains(allowed, value) {
		return nil
	}
	return fmt.Errorf("expected one of %s but got %q%s", strings.Join(allowed, ", "), value, didYouMean(value, allowed))
}

func checkAddress(value, _ string) error {
	host, port, err := net.SplitHostPort(value)
	n, err2 := strconv.ParseUint(port, 10, 16)
	if err != nil || err2 != nil || n > 65535 || strings.ContainsAny(host, "/ @") {
		return fmt.Errorf("expected host:port but got %q", value)
	}
	return nil
}

func checkURL(value, schemes string) error {
	allowed := strings.Split(schemes, ",")
	scheme, rest, found := strings.Cut(value, "://")
	// Kafka and EventStoreDB list several hosts, which url.Parse refuses.
	if !found || !slices.Contains(allowed, scheme) || rest == "" || strings.HasPrefix(rest, "/") || strings.ContainsAny(value, " \t\r\n\x00") {
		return fmt.Errorf("expected a URL that begins with %s://", strings.Join(allowed, ":// or "))
	}
	if scheme != "http" && scheme != "https" {
		return nil
	}
	if u, err := url.Parse(value); err != nil || u.Host == "" || u.Fragment != "" {
		return fmt.Errorf("expected a URL like %s://host", scheme)
	}
	return nil
}

func checkOrigin(value, _ string) error {
	u, err := url.Parse(value)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.User != nil || u.Scheme+"://"+u.Host != value {
		return fmt.Errorf("expected an origin like https://example.org, without a path, but got %q", value)
	}
	return nil
}

var hostName = regexp.MustCompile(`^([a-z0-9]([a-z0-9-]*[a-z0-9])?\.)+[a-z0-9-]+$`)

func checkHost(value, _ string) error {
	if len(value) > 253 || !hostName.MatchString(value) {
		return fmt.Errorf("expected a host name like example.org but got %q", value)
	}
	return nil
}

func checkMail(value, _ string) error {
	if _, err := mail.ParseAddress(value); err != nil || strings.ContainsAny(value, "\r\n") {
		return fmt.Errorf("expected a mail address but got %q", value)
	}
	return nil
}

var word = regexp.MustCompile(`^[A-Za-z0-9_.-]{1,64}$`)

func checkWord(value, _ string) error {
	if !word.MatchString(value) {
		return fmt.Errorf("expected a word of letters, digits, _, . and - but got %q", value)
	}
	return nil
}

var namespace = regexp.MustCompile(`^[a-z][a-z0-9_]{0,19}$`)

func checkNamespace(value, _ string) error {
	if !namespace.MatchString(value) {
		return fmt.Errorf("expected at most 20 of a-z, 0-9 and _, a letter first, but got %q", value)
	}
	return nil
}

func checkOIDC(value, _ string) error {
	name, provider, _ := strings.Cut(value, "=")
	issuer, client, _ := strings.Cut(provider, ",")
	if checkWord(name, "") != nil || checkURL(issuer, "http,https") != nil || client == "" {
		return fmt.Errorf("expected NAME=ISSUER,CLIENT_ID but got %q", value)
	}
	return nil
}

func checkCarriers(value, _ string) error {
	group, list, _ := strings.Cut(value, "=")
	if err := checkOneOf(group, RouteGroups); err != nil {
		return err
	}
	for _, carrier := range strings.Split(list, ",") {
		if err := checkOneOf(carrier, tokenCarriers); err != nil {
			return err
		}
	}
	return nil
}

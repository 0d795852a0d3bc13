package kafka

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"strconv"
	"strings"
)

// address is where a cluster is and how one gets in.
type address struct {
	brokers        []string // host:port, at least one
	user, password string   // SASL PLAIN; empty: none
	tls            bool
}

// parseURL reads kafka://host:port,host:port, with user:password@ for SASL
// PLAIN and ?tls=true for TLS. Errors never show the password.
func parseURL(raw string) (address, error) {
	var a address
	rest, ok := strings.CutPrefix(raw, "kafka://")
	if !ok {
		return a, errors.New("kafka: the URL must begin with kafka://")
	}
	rest, query, _ := strings.Cut(rest, "?")
	if at := strings.LastIndexByte(rest, '@'); at >= 0 {
		u, err := url.Parse("kafka://" + rest[:at] + "@host")
		if err != nil {
			return a, errors.New("kafka: the user and password of the URL cannot be read; escape what is no letter or digit")
		}
		a.user = u.User.Username()
		a.password, _ = u.User.Password()
		rest = rest[at+1:]
	}
	for _, broker := range strings.Split(strings.TrimSuffix(rest, "/"), ",") {
		host, port, err := net.SplitHostPort(broker)
		n, bad := strconv.ParseUint(port, 10, 16)
		if err != nil || bad != nil || host == "" || n == 0 {
			return a, fmt.Errorf("kafka: %q is no host:port", broker)
		}
		a.brokers = append(a.brokers, broker)
	}
	return a, a.options(query)
}

func (a *address) options(query string) error {
	values, err := url.ParseQuery(query)
	if err != nil {
		return errors.New("kafka: the options of the URL cannot be read")
	}
	for name, value := range values {
		if name != "tls" {
			return fmt.Errorf("kafka: the URL has an unknown option %q; there is tls", name)
		}
		if a.tls, err = strconv.ParseBool(value[0]); err != nil {
			return fmt.Errorf("kafka: tls=%q of the URL is neither true nor false", value[0])
		}
	}
	return nil
}

package acceptance

import (
	"bufio"
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"math"
	"math/big"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/EventStore/EventStore-Client-Go/v4/esdb"

	"github.com/parleyhq/parley/cmd/acceptance/harness"
)

// authority is a certificate of its own for 127.0.0.1, in files.
type authority struct {
	cert, key string
	roots     *x509.CertPool
}

func newAuthority(t *testing.T) authority {
	t.Helper()
	dir := t.TempDir()
	a := authority{filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem"), x509.NewCertPool()}
	a.renew(t, 1)
	return a
}

// renew puts another certificate in the place of the one before, which stays
// trusted.
func (a authority) renew(t *testing.T, number int64) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(number), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true,
	}
	raw, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	encoded, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	chain := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: raw})
	a.roots.AppendCertsFromPEM(chain)
	for name, text := range map[string][]byte{a.cert: chain, a.key: pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: encoded})} {
		if err := os.WriteFile(name, text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

func (a authority) config() *tls.Config {
	return &tls.Config{RootCAs: a.roots, MinVersion: tls.VersionTLS12}
}

// open is a server that other machines could reach, with TLS for everything.
type open struct {
	*testing.T
	authority
	base, log string // https://…, host:port
	http      *http.Client
}

var secureLines = regexp.MustCompile(`(?s)^parley listening on (https://\S+)\n.*event log on esdb://\S+:(\d+)\S*\n`)

// startOpen starts the program on a folder and stops it when the test ends.
func startOpen(t *testing.T, data string) *open {
	t.Helper()
	o := &open{T: t, authority: newAuthority(t)}
	o.http = &http.Client{Timeout: harness.Patience, Transport: &http.Transport{TLSClientConfig: o.config(), DisableKeepAlives: true}}
	cmd := exec.Command(harness.Binary(t), "serve", "--data", data, "--http", "127.0.0.1:0", "--grpc", "0.0.0.0:0", "--log-level", "warn",
		"--tls-cert-file", o.cert, "--tls-key-file", o.key, "--tls-reload", "1ms", "--rate-limits=off", "--hash-memory=64KiB", "--hash-time=1")
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd.Stderr = t.Output()
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		if err := cmd.Wait(); err != nil {
			t.Errorf("stop: %v", err)
		}
	})
	lines := bufio.NewScanner(stdout)
	for said := ""; lines.Scan(); {
		said += lines.Text() + "\n"
		if found := secureLines.FindStringSubmatch(said); found != nil {
			o.base, o.log = found[1], "127.0.0.1:"+found[2]
			return o
		}
	}
	t.Fatalf("it does not say where it listens: %v", lines.Err())
	return nil
}

// call sends a request and gives its answer, which must have a status.
func (o *open) call(method, path, token string, body any, want int) map[string]any {
	o.Helper()
	raw, err := json.Marshal(body)
	if err != nil {
		o.Fatal(err)
	}
	r, err := http.NewRequestWithContext(o.Context(), method, o.base+path, bytes.NewReader(raw))
	if err != nil {
		o.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/json")
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	res, err := o.http.Do(r)
	if err != nil {
		o.Fatal(err)
	}
	defer res.Body.Close()
	var answer struct{ Data map[string]any }
	if err := json.NewDecoder(res.Body).Decode(&answer); res.StatusCode != want || err != nil && want != 204 {
		o.Fatalf("%s %s: %d, want %d: %v", method, path, res.StatusCode, want, err)
	}
	return answer.Data
}

// as is an official client that comes with a key.
func (o *open) as(id, key string) *esdb.Client {
	o.Helper()
	who := ""
	if id != "" {
		who = url.UserPassword(id, key).String() + "@"
	}
	config, err := esdb.ParseConnectionString("esdb://" + who + o.log)
	if err != nil {
		o.Fatal(err)
	}
	config.RootCAs, config.Logger = o.roots, esdb.NoopLogging()
	c, err := esdb.NewClient(config)
	if err != nil {
		o.Fatal(err)
	}
	o.Cleanup(func() { _ = c.Close() })
	return c
}

func (o *open) reads(c *esdb.Client) error {
	_, err := readLog(c.ReadAll(o.Context(), esdb.ReadAllOptions{From: esdb.Start{}}, math.MaxUint64))
	return err
}

func (o *open) appends(c *esdb.Client, stream string) error {
	_, err := c.AppendToStream(o.Context(), stream, esdb.AppendToStreamOptions{ExpectedRevision: esdb.Any{}}, thing("rain"))
	return err
}

// Q4: beyond loopback official clients need TLS and a key, which does what its
// scopes say, to streams of outside categories alone; a subscription ends when
// its key is revoked.
func TestQ4_KeysBeyondLoopback(t *testing.T) {
	t.Parallel()
	s := harness.Start(t, harness.Embedded())
	admin := s.Admin()
	both, bothID := makeKey(s, admin, "events:read", "events:write")
	reader, readerID := makeKey(s, admin, "events:read")
	other, otherID := makeKey(s, admin, "admin", "moderation", "events:personal")
	account := "account-" + admin.Account.ID
	s.Stop()
	o := startOpen(t, s.Data)

	for name, c := range map[string]*esdb.Client{
		"no key": o.as("", ""), "a wrong key": o.as(readerID, reader.Token+"x"), "another's id": o.as(bothID, reader.Token), "a word": o.as("admin", "changeit"),
	} {
		t.Logf("with %s", name)
		wantCode(t, o.reads(c), esdb.ErrorCodeUnauthenticated)
		wantCode(t, o.appends(c, "weather-1"), esdb.ErrorCodeUnauthenticated)
	}
	useless := o.as(otherID, other.Token)
	wantCode(t, o.reads(useless), esdb.ErrorCodeAccessDenied)
	wantCode(t, o.appends(useless, "weather-1"), esdb.ErrorCodeAccessDenied)
	reading := o.as(readerID, reader.Token)
	if err := o.reads(reading); err != nil {
		t.Error(err)
	}
	wantCode(t, o.appends(reading, "weather-1"), esdb.ErrorCodeAccessDenied)
	writing := o.as(bothID, both.Token)
	if err := errors.Join(o.appends(writing, "weather-1"), o.reads(writing)); err != nil {
		t.Error(err)
	}
	wantCode(t, o.appends(writing, account), esdb.ErrorCodeAccessDenied)
	_, err := writing.SetStreamMetadata(t.Context(), account, esdb.AppendToStreamOptions{}, esdb.StreamMetadata{})
	wantCode(t, err, esdb.ErrorCodeAccessDenied)
	_, err = writing.TombstoneStream(t.Context(), account, esdb.TombstoneStreamOptions{ExpectedRevision: esdb.Any{}})
	wantCode(t, err, esdb.ErrorCodeAccessDenied)

	live, err := reading.SubscribeToAll(t.Context(), esdb.SubscribeToAllOptions{From: esdb.End{}})
	if err != nil {
		t.Fatal(err)
	}
	in := o.call("POST", "/v1/sessions", "", map[string]any{"login": "first_admin", "password": harness.Password}, 201)
	token, _ := in["accessToken"].(string)
	o.call("DELETE", "/v1/admin/api-keys/"+readerID, token, nil, 204)
	wantCode(t, o.reads(reading), esdb.ErrorCodeUnauthenticated)
	for dropped := false; !dropped; {
		dropped = live.Recv().SubscriptionDropped != nil
	}
	if err := o.reads(writing); err != nil {
		t.Errorf("another key: %v", err)
	}
}

// Q4, O6: with a certificate nothing is served in the clear, a renewed one is
// shown without a restart, and a bad one is refused at start.
func TestQ4_TLSForEverything(t *testing.T) {
	t.Parallel()
	data := filepath.Join(t.TempDir(), "data")
	o := startOpen(t, data)
	plain, err := (&http.Client{Timeout: harness.Patience}).Get("http" + strings.TrimPrefix(o.base, "https") + "/livez")
	if err == nil {
		_ = plain.Body.Close()
		if plain.StatusCode != http.StatusBadRequest {
			t.Errorf("in the clear: %d", plain.StatusCode)
		}
	}
	config, err := esdb.ParseConnectionString("esdb://" + o.log + "?tls=false&maxDiscoverAttempts=1")
	if err != nil {
		t.Fatal(err)
	}
	config.Logger = esdb.NoopLogging()
	clear, err := esdb.NewClient(config)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = clear.Close() }()
	if err := o.reads(clear); err == nil {
		t.Error("the log is read in the clear")
	}
	shown := func(address string) int64 {
		conn, err := tls.Dial("tcp", address, o.config())
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		return conn.ConnectionState().PeerCertificates[0].SerialNumber.Int64()
	}
	o.renew(t, 2)
	for _, address := range []string{strings.TrimPrefix(o.base, "https://"), o.log} {
		deadline := time.Now().Add(harness.Patience)
		for shown(address) != 2 {
			if time.Now().After(deadline) {
				t.Fatalf("%s does not show the new certificate", address)
			}
		}
	}
	empty := filepath.Join(t.TempDir(), "data")
	serve := []string{"serve", "--http", "127.0.0.1:0", "--data", empty, "--tls-cert-file"}
	refuses(t, 1, o.key, append(serve, o.key, "--tls-key-file", o.cert)...)
	refuses(t, 1, "no such file", append(serve, o.cert, "--tls-key-file", empty)...)
}

package files_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"io"
	"log/slog"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/parleyhq/parley/infra/files"
)

// pair is a certificate for localhost with a number, and its key, as PEM.
func pair(t *testing.T, number int64, until time.Time) (cert, key []byte) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(number), NotBefore: until.Add(-24 * time.Hour), NotAfter: until, DNSNames: []string{"localhost"},
	}
	raw, err := x509.CreateCertificate(rand.Reader, template, template, &private.PublicKey, private)
	if err != nil {
		t.Fatal(err)
	}
	encoded, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: raw}), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: encoded})
}

// tlsFiles is a folder with a certificate and its key, and a clock.
type tlsFiles struct {
	*testing.T
	cert, key string
	log       bytes.Buffer
	now       time.Time
}

func newTLSFiles(t *testing.T) *tlsFiles {
	t.Helper()
	dir := t.TempDir()
	f := &tlsFiles{T: t, cert: filepath.Join(dir, "cert.pem"), key: filepath.Join(dir, "key.pem"), now: time.Now()}
	f.put(pair(t, 1, f.now.Add(time.Hour)))
	return f
}

// put writes what is not nil.
func (f *tlsFiles) put(cert, key []byte) {
	f.Helper()
	for name, text := range map[string][]byte{f.cert: cert, f.key: key} {
		if text != nil {
			if err := os.WriteFile(name, text, 0o600); err != nil {
				f.Fatal(err)
			}
		}
	}
}

func (f *tlsFiles) open() (*files.Certificate, error) {
	return files.NewCertificate(files.CertificateConfig{
		CertFile: f.cert, KeyFile: f.key, Every: 10 * time.Second, Now: func() time.Time { return f.now },
		Log: slog.New(slog.NewTextHandler(&f.log, nil)),
	})
}

// handshake gives the number of the certificate that a client is shown.
func (f *tlsFiles) handshake(c *files.Certificate) (int64, error) {
	client, server := net.Pipe()
	defer client.Close()
	defer server.Close()
	var answering sync.WaitGroup
	defer answering.Wait()
	answering.Go(func() { _ = tls.Server(server, c.TLS()).HandshakeContext(f.Context()) })
	conn := tls.Client(client, &tls.Config{InsecureSkipVerify: true, MinVersion: tls.VersionTLS13}) //nolint:gosec // who it is is what is asked
	if err := conn.HandshakeContext(f.Context()); err != nil {
		return 0, err
	}
	return conn.ConnectionState().PeerCertificates[0].SerialNumber.Int64(), nil
}

func (f *tlsFiles) shown(c *files.Certificate) int64 {
	f.Helper()
	n, err := f.handshake(c)
	if err != nil {
		f.Fatal(err)
	}
	return n
}

// O6: a certificate that was replaced is shown to new connections without a
// restart; a pair that does not fit together, or is gone, changes nothing.
func TestCertificateIsReadAgain(t *testing.T) {
	t.Parallel()
	f := newTLSFiles(t)
	c, err := f.open()
	if err != nil {
		t.Fatal(err)
	}
	later := func(want int64, logged string) {
		t.Helper()
		f.now = f.now.Add(10 * time.Second)
		f.log.Reset()
		if got := f.shown(c); got != want {
			t.Errorf("certificate %d is shown, want %d", got, want)
		}
		if got := f.log.String(); logged == "" && got != "" || !strings.Contains(got, logged) {
			t.Errorf("logged %q, want %q", got, logged)
		}
	}
	later(1, "")
	cert, key := pair(t, 2, f.now.Add(time.Hour))
	f.put(cert, nil)
	later(1, "does not match")
	later(1, "") // told once
	f.put(nil, key)
	later(2, "was changed")
	f.put(pair(t, 3, f.now.Add(time.Hour)))
	if got := f.shown(c); got != 2 {
		t.Errorf("%d is shown: it looked before its time", got)
	}
	later(3, "was changed")
	if err := os.Remove(f.key); err != nil {
		t.Fatal(err)
	}
	later(3, "no such file")
	f.put([]byte("not PEM"), key)
	later(3, "certificate")
	f.put(pair(t, 4, f.now.Add(-time.Hour)))
	later(4, "is not valid now")
}

// O6: what is no certificate with its key is refused at start, in a sentence
// that names the file.
func TestBadCertificates(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		spoil func(f *tlsFiles) error
		key   bool // the key is what is wrong
		want  string
	}{
		"no certificate":   {func(f *tlsFiles) error { return os.Remove(f.cert) }, false, "no such file"},
		"no key":           {func(f *tlsFiles) error { return os.Remove(f.key) }, true, "no such file"},
		"a folder":         {func(f *tlsFiles) error { return errors.Join(os.Remove(f.key), os.Mkdir(f.key, 0o700)) }, true, "no regular file"},
		"nothing in it":    {func(f *tlsFiles) error { return os.WriteFile(f.cert, nil, 0o600) }, false, "failed to find"},
		"text":             {func(f *tlsFiles) error { return os.WriteFile(f.key, []byte("hello"), 0o600) }, true, "failed to find"},
		"far too large":    {func(f *tlsFiles) error { return os.Truncate(f.cert, 2<<20) }, false, "larger than"},
		"taken for others": {func(f *tlsFiles) error { f.cert, f.key = f.key, f.cert; return nil }, false, "switched"},
		"another's key": {func(f *tlsFiles) error {
			_, key := pair(f.T, 2, f.now.Add(time.Hour))
			return os.WriteFile(f.key, key, 0o600)
		}, true, "does not match"},
	} {
		f := newTLSFiles(t)
		if err := test.spoil(f); err != nil {
			t.Fatal(err)
		}
		_, err := f.open()
		file := f.cert
		if test.key {
			file = f.key
		}
		if err == nil || !strings.Contains(err.Error(), file) || !strings.Contains(err.Error(), test.want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// Any number of connections may come while the files change: each is shown a
// whole pair.
func TestCertificateChangesUnderConnections(t *testing.T) {
	t.Parallel()
	f := newTLSFiles(t)
	c, err := files.NewCertificate(files.CertificateConfig{
		CertFile: f.cert, KeyFile: f.key, Now: time.Now, Log: slog.New(slog.NewTextHandler(io.Discard, nil)),
	})
	if err != nil {
		t.Fatal(err)
	}
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			for range 20 {
				if _, err := f.handshake(c); err != nil {
					t.Error(err)
				}
			}
		})
	}
	for n := range int64(20) {
		f.put(pair(t, n, f.now.Add(time.Hour)))
	}
	all.Wait()
	if got := f.shown(c); got != 19 {
		t.Errorf("%d is shown in the end", got)
	}
}

package files

import (
	"bytes"
	"crypto/tls"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// maxPEM bounds a file of a certificate or its key.
const maxPEM = 1 << 20

// CertificateConfig names the files of a certificate.
type CertificateConfig struct {
	CertFile string        // PEM: the certificate, then those that it needs
	KeyFile  string        // PEM: its private key, not encrypted
	Every    time.Duration // how often a connection makes it look whether they changed; 0: with each
	Now      func() time.Time
	Log      *slog.Logger
}

// Certificate is a certificate in two files, which may be replaced at any
// time: new connections get the newest pair that fits together. It holds no
// goroutine.
type Certificate struct {
	cfg    CertificateConfig
	newest atomic.Pointer[tls.Certificate]

	looking sync.Mutex // guards the rest
	looked  time.Time
	read    [2][]byte // as it was tried last, whether it was any good
}

// NewCertificate reads the files. Errors: one sentence that names the file and
// what is wrong with it.
func NewCertificate(cfg CertificateConfig) (*Certificate, error) {
	c := &Certificate{cfg: cfg, looked: cfg.Now()}
	var err error
	if c.read, err = c.files(); err != nil {
		return nil, err
	}
	return c, c.take()
}

// TLS is what one server needs; each call makes another, because servers add
// the protocols that they speak.
func (c *Certificate) TLS() *tls.Config {
	return &tls.Config{
		MinVersion:     tls.VersionTLS12,
		GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return c.current(), nil },
	}
}

// current is the certificate for a connection. One connection at a time looks
// for changes; the others do not wait for it.
func (c *Certificate) current() *tls.Certificate {
	if c.looking.TryLock() {
		defer c.looking.Unlock()
		if now := c.cfg.Now(); now.Sub(c.looked) >= c.cfg.Every {
			c.looked = now
			c.look()
		}
	}
	return c.newest.Load()
}

// look takes what the files hold by now. Between the replacing of one file and
// that of the other they do not fit together: then what is in use stays.
func (c *Certificate) look() {
	read, err := c.files()
	switch {
	case err != nil:
		c.cfg.Log.Warn("the TLS certificate was not read again; the one in use stays", "error", err)
		return
	case bytes.Equal(read[0], c.read[0]) && bytes.Equal(read[1], c.read[1]):
		return
	}
	c.read = read
	if err := c.take(); err != nil {
		c.cfg.Log.Warn("the TLS certificate was changed and is not good; the one in use stays", "error", err)
		return
	}
	c.cfg.Log.Info("the TLS certificate was changed", "until", c.newest.Load().Leaf.NotAfter)
}

// files reads both. The contents are compared, not the times of the files:
// those may be coarse, and stay when a link is turned.
func (c *Certificate) files() (read [2][]byte, err error) {
	for i, name := range []string{c.cfg.CertFile, c.cfg.KeyFile} {
		if read[i], err = readPEM(name); err != nil {
			return read, fmt.Errorf("the TLS %s %s: %w", [...]string{"certificate", "key"}[i], name, err)
		}
	}
	return read, nil
}

// readPEM reads a small file; its errors leave the name to the caller.
func readPEM(name string) ([]byte, error) {
	info, err := os.Stat(name)
	var failed *fs.PathError
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, errors.New("there is no such file")
	case errors.As(err, &failed):
		return nil, failed.Err
	case err != nil:
		return nil, err
	case !info.Mode().IsRegular():
		return nil, errors.New("it is no regular file")
	case info.Size() > maxPEM:
		return nil, errors.New("it is larger than 1 MiB")
	}
	text, err := os.ReadFile(name)
	if errors.As(err, &failed) {
		err = failed.Err
	}
	return text, err
}

// take puts what was read last to use, if it is a pair.
func (c *Certificate) take() error {
	pair, err := tls.X509KeyPair(c.read[0], c.read[1])
	if err != nil {
		return fmt.Errorf("the TLS certificate %s with the key %s: %s", c.cfg.CertFile, c.cfg.KeyFile, strings.TrimPrefix(err.Error(), "tls: "))
	}
	if now := c.cfg.Now(); now.After(pair.Leaf.NotAfter) || now.Before(pair.Leaf.NotBefore) {
		c.cfg.Log.Warn("the TLS certificate is not valid now: clients will refuse it",
			"file", c.cfg.CertFile, "from", pair.Leaf.NotBefore, "until", pair.Leaf.NotAfter)
	}
	c.newest.Store(&pair)
	return nil
}

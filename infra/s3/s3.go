package s3

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"

	"github.com/parleyhq/parley/commands"
)

// Config says which bucket, and how long to wait for it.
type Config struct {
	// URL is s3://key:secret@host:port/bucket?region=eu-central-1&tls=false. TLS
	// is on unless it is switched off; the region is found out where it is not
	// given.
	URL string

	ConnectTimeout time.Duration // 5 s
	CallTimeout    time.Duration // of an answer to begin, also after all of a file was sent; 10 s
	PutTimeout     time.Duration // of a whole Put; 1 min
	Tries          int           // of a request that failed in a way that may pass; 3
}

// Blobs is a bucket. It may be used from any number of goroutines.
type Blobs struct {
	cfg       Config
	core      minio.Core
	transport *http.Transport
	where     string // for errors: host and bucket
	bucket    string
	region    string
}

var _ commands.Blobs = (*Blobs)(nil)

const maxContentType = 256 // bytes

// Open reaches the server and makes the bucket if it is not there; several may
// do so at once. Errors: a URL that is none, without its secret; the server's.
func Open(ctx context.Context, cfg Config) (*Blobs, error) {
	setDefault(&cfg.ConnectTimeout, 5*time.Second)
	setDefault(&cfg.CallTimeout, 10*time.Second)
	setDefault(&cfg.PutTimeout, time.Minute)
	setDefault(&cfg.Tries, 3)
	p, err := parse(cfg.URL)
	if err != nil {
		return nil, err
	}
	b := &Blobs{cfg: cfg, where: "S3 " + p.host + "/" + p.bucket, bucket: p.bucket, region: p.region, transport: transport(cfg)}
	client, err := minio.New(p.host, &minio.Options{
		Creds: credentials.NewStaticV4(p.key, p.secret, ""), Secure: p.tls, Region: p.region,
		Transport: b.transport, MaxRetries: cfg.Tries,
	})
	if err != nil {
		return nil, fmt.Errorf("%s: %w", b.where, err)
	}
	b.core = minio.Core{Client: client}
	if err := b.ensure(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("%s: %w", b.where, err), b.Close())
	}
	return b, nil
}

// Close lets go of connections that wait for the next request.
func (b *Blobs) Close() error {
	b.transport.CloseIdleConnections()
	return nil
}

func (b *Blobs) ensure(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, b.cfg.PutTimeout)
	defer cancel()
	exists, err := b.core.BucketExists(ctx, b.bucket)
	if err != nil || exists {
		return err
	}
	made := b.core.MakeBucket(ctx, b.bucket, minio.MakeBucketOptions{Region: b.region})
	if made == nil {
		return nil
	}
	if exists, err = b.core.BucketExists(ctx, b.bucket); err == nil && exists {
		return nil // somebody else was first
	}
	return made
}

// Put implements commands.Blobs. Files of more than 16 MiB are sent in parts.
func (b *Blobs) Put(ctx context.Context, key, contentType string, size int64, content io.Reader) error {
	if err := commands.CheckBlobKey(key); err != nil {
		return err
	}
	if len(contentType) > maxContentType || strings.ContainsFunc(contentType, unicode.IsControl) {
		return fmt.Errorf("keep %s: %q is no content type", key, contentType)
	}
	within, cancel := context.WithTimeout(ctx, b.cfg.PutTimeout)
	defer cancel()
	exact := &source{content: commands.Exactly(content, size)}
	if size <= 0 {
		// The client would not read it.
		if _, err := exact.Read(make([]byte, 1)); !errors.Is(err, io.EOF) {
			return b.failed(ctx, "keep", key, err)
		}
	}
	_, err := b.core.Client.PutObject(within, b.bucket, key, exact, size, minio.PutObjectOptions{
		ContentType:          contentType,
		DisableContentSha256: size == 0, // it would be sent in chunks, without a length, which S3 refuses
	})
	if exact.err != nil {
		err = exact.err // the cause: the client may have put it into words of its own
	}
	return b.failed(ctx, "keep", key, err)
}

// Get implements commands.Blobs.
func (b *Blobs) Get(ctx context.Context, key string) (commands.Blob, error) {
	if err := commands.CheckBlobKey(key); err != nil {
		return commands.Blob{}, err
	}
	body, info, _, err := b.core.GetObject(ctx, b.bucket, key, minio.GetObjectOptions{})
	if minio.ToErrorResponse(err).Code == minio.NoSuchKey {
		return commands.Blob{}, fmt.Errorf("%w: %s", commands.ErrNoBlob, key)
	}
	if err != nil {
		return commands.Blob{}, b.failed(ctx, "open", key, err)
	}
	return commands.Blob{ReadCloser: body, ContentType: info.ContentType, Size: info.Size}, nil
}

// Delete implements commands.Blobs.
func (b *Blobs) Delete(ctx context.Context, key string) error {
	if err := commands.CheckBlobKey(key); err != nil {
		return err
	}
	within, cancel := context.WithTimeout(ctx, b.cfg.PutTimeout)
	defer cancel()
	return b.failed(ctx, "delete", key, b.core.RemoveObject(within, b.bucket, key, minio.RemoveObjectOptions{}))
}

// Ping implements commands.Blobs.
func (b *Blobs) Ping(ctx context.Context) error {
	within, cancel := context.WithTimeout(ctx, b.cfg.CallTimeout)
	defer cancel()
	exists, err := b.core.BucketExists(within, b.bucket)
	if err == nil && !exists {
		err = errors.New("the bucket is gone")
	}
	if err != nil {
		return fmt.Errorf("%s: %w", b.where, err)
	}
	return nil
}

// failed says what was being done; the end of the caller's context is told as
// that, however the client says it.
func (b *Blobs) failed(ctx context.Context, verb, key string, err error) error {
	if err == nil {
		return nil
	}
	if over := ctx.Err(); over != nil && !errors.Is(err, over) {
		err = fmt.Errorf("%w: %w", over, err)
	}
	return fmt.Errorf("%s: %s %s: %w", b.where, verb, key, err)
}

// source remembers what was wrong with content.
type source struct {
	content io.Reader
	err     error
}

func (s *source) Read(p []byte) (int, error) {
	n, err := s.content.Read(p)
	if err != nil && !errors.Is(err, io.EOF) {
		s.err = err
	}
	return n, err
}

func transport(cfg Config) *http.Transport {
	dialer := net.Dialer{Timeout: cfg.ConnectTimeout}
	return &http.Transport{
		Proxy:       http.ProxyFromEnvironment,
		DialContext: dialer.DialContext, TLSHandshakeTimeout: cfg.ConnectTimeout, ResponseHeaderTimeout: cfg.CallTimeout,
		MaxIdleConnsPerHost: 16, IdleConnTimeout: time.Minute, ForceAttemptHTTP2: true,
		DisableCompression: true, // sizes are those of what was kept
	}
}

// place is what a URL says.
type place struct {
	host, bucket, key, secret, region string
	tls                               bool
}

func parse(raw string) (place, error) {
	const form = "s3://key:secret@host:port/bucket"
	u, err := url.Parse(raw)
	if err != nil {
		return place{}, errors.New("S3: the address is no URL; expected " + form) // the cause would show the secret
	}
	secret, _ := u.User.Password()
	p := place{host: u.Host, bucket: strings.Trim(u.Path, "/"), key: u.User.Username(), secret: secret, tls: true}
	if u.Scheme != "s3" || u.Hostname() == "" || p.key == "" || p.secret == "" || p.bucket == "" || strings.Contains(p.bucket, "/") {
		return place{}, errors.New("S3: expected " + form)
	}
	for name, values := range u.Query() {
		switch name {
		case "region":
			p.region = values[0]
		case "tls":
			if p.tls, err = strconv.ParseBool(values[0]); err != nil {
				return place{}, errors.New("S3: tls is true or false")
			}
		default:
			return place{}, fmt.Errorf("S3: %q is no option of the address; there are region and tls", name)
		}
	}
	return p, nil
}

func setDefault[T comparable](value *T, to T) {
	if *value == *new(T) {
		*value = to
	}
}

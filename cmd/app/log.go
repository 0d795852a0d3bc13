package app

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"time"

	"github.com/parleyhq/parley/cmd/settings"
	"github.com/parleyhq/parley/commands"
	"github.com/parleyhq/parley/infra/files"
	"github.com/parleyhq/parley/transport/eventgrpc"
)

// logService is the log in the EventStoreDB protocol; a nil one was not asked
// for, and costs nothing.
type logService struct {
	listener net.Listener
	open     bool       // to whoever reaches it: on loopback alone, or a bare log
	ended    chan error // what Run returned, once it has
}

// listenLog takes the address of --grpc before anything is opened.
func listenLog(cfg settings.Settings) (*logService, error) {
	if cfg.GRPC == "" {
		return nil, nil
	}
	l, err := listen("grpc", cfg.GRPC)
	if err != nil {
		return nil, err
	}
	return &logService{listener: l, open: cfg.Has("log") || cfg.GRPCLocal(), ended: make(chan error, 1)}, nil
}

func (l *logService) close() {
	if l != nil {
		_ = l.listener.Close() // again, where it was served
	}
}

// greet says where clients find the log.
func (l *logService) greet(stdout io.Writer) error {
	if l == nil {
		return nil
	}
	options := "tls=true"
	if l.open {
		options = "tls=false"
	}
	_, err := fmt.Fprintf(stdout, "event log on esdb://%s?%s\n", l.listener.Addr(), options)
	return err
}

// guard asks for TLS and an API key where others than this machine can reach
// the log.
func (l *logService) guard(c *eventgrpc.Config, cfg settings.Settings, commands *commands.Commands, log *slog.Logger) error {
	if l == nil || l.open {
		return nil
	}
	certificate, err := newCertificate(cfg, log)
	if err != nil {
		return err
	}
	c.TLS, c.Authenticate = certificate.TLS(), commands.AuthenticateUser
	return nil
}

// newCertificate reads the certificate of HTTP and gRPC; nil: none is given.
func newCertificate(cfg settings.Settings, log *slog.Logger) (*files.Certificate, error) {
	if cfg.TLSCertFile == "" {
		return nil, nil
	}
	return files.NewCertificate(files.CertificateConfig{
		CertFile: cfg.TLSCertFile, KeyFile: cfg.TLSKeyFile, Every: cfg.TLSReload, Now: now, Log: log,
	})
}

// serve serves a log until ctx ends.
func (l *logService) serve(ctx context.Context, cfg eventgrpc.Config, grace time.Duration) {
	if l == nil {
		return
	}
	server := eventgrpc.New(cfg)
	go func() {
		err := server.Run(ctx, l.listener, grace)
		if err == nil && ctx.Err() == nil {
			err = errors.New("EventStoreDB protocol: it ended by itself")
		}
		l.ended <- err
	}()
}

// failed is told when the service ends; never where there is none.
func (l *logService) failed() <-chan error {
	if l == nil {
		return nil
	}
	return l.ended
}

// wait returns when the service is over, with its error.
func (l *logService) wait() error {
	if l == nil {
		return nil
	}
	return <-l.ended
}

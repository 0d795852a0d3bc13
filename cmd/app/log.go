package app

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"time"

	"github.com/parleyhq/parley/transport/eventgrpc"
)

// logService is the log in the EventStoreDB protocol; a nil one was not asked
// for, and costs nothing.
type logService struct {
	listener net.Listener
	ended    chan error // what Run returned, once it has
}

// listenLog takes the address of --grpc before anything is opened.
func listenLog(address string) (*logService, error) {
	if address == "" {
		return nil, nil
	}
	l, err := listen(address)
	if err != nil {
		return nil, err
	}
	return &logService{listener: l, ended: make(chan error, 1)}, nil
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
	_, err := fmt.Fprintf(stdout, "event log on esdb://%s?tls=false\n", l.listener.Addr())
	return err
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

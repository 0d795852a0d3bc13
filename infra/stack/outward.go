package stack

import (
	"context"
	"fmt"
	"path/filepath"

	"github.com/parleyhq/parley/infra/files"
	"github.com/parleyhq/parley/infra/s3"
	"github.com/parleyhq/parley/infra/smtp"
)

// openOutward opens what either stack may have: a mail server and S3, or the
// data folder in their place.
func (s *Stack) openOutward(ctx context.Context, cfg Config) error {
	if err := s.openMail(ctx, cfg); err != nil {
		return err
	}
	if cfg.S3 == "" {
		s.Blobs = files.NewBlobs(filepath.Join(cfg.Data, "images"))
		return nil
	}
	blobs, err := await(ctx, cfg, "s3", func(ctx context.Context) (*s3.Blobs, error) {
		return s3.Open(ctx, s3.Config{URL: cfg.S3, ConnectTimeout: cfg.ConnectTimeout, CallTimeout: cfg.CallTimeout, PutTimeout: cfg.BlobTimeout, Tries: cfg.CallRetries + 1})
	})
	if err != nil {
		return err
	}
	s.Blobs = blobs
	s.closing(blobs.Close)
	s.check("s3", false, blobs.Ping)
	return nil
}

// openMail lets letters wait in the state database for the mail server, which
// may be away: nothing of a start waits for it.
func (s *Stack) openMail(ctx context.Context, cfg Config) (err error) {
	if cfg.SMTP == "" {
		s.Mail, err = files.NewMail(filepath.Join(cfg.Data, "mail"), cfg.MailFrom, cfg.Now, cfg.NewID)
		return err
	}
	server, err := smtp.NewServer(smtp.ServerConfig{
		URL: cfg.SMTP, From: cfg.MailFrom, ConnectTimeout: cfg.ConnectTimeout, CallTimeout: cfg.MailTimeout,
	})
	if err != nil {
		return fmt.Errorf("--smtp: %w", err)
	}
	mailing := cfg.Mailing
	mailing.Now, mailing.NewID, mailing.Log = cfg.Now, cfg.NewID, cfg.Log
	box, err := smtp.NewOutbox(ctx, s.State, server, mailing)
	if err != nil {
		return err
	}
	s.Mail, s.Mailing = box, box.Run
	s.check("smtp", false, server.Ping)
	return nil
}

// check adds a dependency to those that are asked how they are.
func (s *Stack) check(name string, required bool, ping func(context.Context) error) {
	s.Checks = append(s.Checks, Check{Name: name, Required: required, Ping: ping})
}

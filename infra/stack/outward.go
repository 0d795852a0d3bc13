package stack

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"

	"github.com/parleyhq/parley/infra/files"
	"github.com/parleyhq/parley/infra/oidc"
	"github.com/parleyhq/parley/infra/s3"
	"github.com/parleyhq/parley/infra/smtp"
)

// openOutward opens what either stack may have: a mail server and S3, or the
// data folder in their place; and providers of identities.
func (s *Stack) openOutward(ctx context.Context, cfg Config) error {
	if err := s.openMail(ctx, cfg); err != nil {
		return err
	}
	if err := s.openProviders(cfg); err != nil {
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

// openProviders asks nobody: a provider that is away stops nothing but sign-ins
// through itself.
func (s *Stack) openProviders(cfg Config) error {
	list := slices.Clone(cfg.Providers)
	for i, p := range list {
		if path := cfg.ProviderSecrets[p.Name]; path != "" {
			secret, err := files.Secret(path)
			if err != nil {
				return fmt.Errorf("--oidc-secret-file %s: %w", p.Name, err)
			}
			list[i].Secret = secret
		}
	}
	providers := oidc.New(oidc.Config{
		Providers: list, CallTimeout: cfg.CallTimeout, Keep: cfg.ProviderCache, RetryAfter: cfg.ProviderPause, Now: cfg.Now, Log: cfg.Log,
	})
	s.Providers = providers
	s.closing(providers.Close)
	for _, p := range list {
		s.check("oidc "+p.Name, false, func(ctx context.Context) error { return providers.Ping(ctx, p.Name) })
	}
	return nil
}

// check adds a dependency to those that are asked how they are.
func (s *Stack) check(name string, required bool, ping func(context.Context) error) {
	s.Checks = append(s.Checks, Check{Name: name, Required: required, Ping: ping})
}

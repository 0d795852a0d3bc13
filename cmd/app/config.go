package app

import (
	"cmp"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/parleyhq/parley/cmd/settings"
	"github.com/parleyhq/parley/commands"
	"github.com/parleyhq/parley/commands/passwords"
	"github.com/parleyhq/parley/commands/pictures"
	"github.com/parleyhq/parley/domain/account"
	"github.com/parleyhq/parley/domain/board"
	"github.com/parleyhq/parley/domain/post"
	"github.com/parleyhq/parley/infra/oidc"
	"github.com/parleyhq/parley/infra/relay"
	"github.com/parleyhq/parley/infra/smtp"
	"github.com/parleyhq/parley/infra/stack"
	"github.com/parleyhq/parley/projections"
	"github.com/parleyhq/parley/readmodels"
	"github.com/parleyhq/parley/transport/push"
	"github.com/parleyhq/parley/transport/rest"
)

// This file turns settings into what each part is told: the only place where
// the name of a setting and the field of a part meet.

func now() time.Time { return time.Now().UTC().Truncate(time.Millisecond) }

func newID() uuid.UUID { return uuid.Must(uuid.NewV7()) }

// StackConfig is what the engines are told.
func StackConfig(cfg settings.Settings, log *slog.Logger, report stack.Report) stack.Config {
	c := stack.Config{
		Data: cfg.Data, MasterKeyFile: cfg.MasterKeyFile,
		SigningKeyFile: cfg.JWTKeyFile, SigningKeyName: "jwt-" + strings.ToLower(cfg.JWTAlg) + ".key", SigningOverlap: cfg.JWTOverlap,
		NewSigningKey: func() ([]byte, error) { return commands.GenerateKey(cfg.JWTAlg) },
		MailFrom:      cfg.MailFrom, Now: now, NewID: newID, Log: log, Report: report,
		EventStore: cfg.EventStore, Postgres: cfg.Postgres, Elasticsearch: cfg.Elasticsearch, Redis: cfg.Redis,
		Kafka: cfg.Kafka, S3: cfg.S3, SMTP: cfg.SMTP,
		Namespace: cfg.Namespace, KafkaPartitions: cfg.KafkaPartitions, KafkaReplication: cfg.KafkaReplication,
		KafkaCompression: cfg.KafkaCompression,
		PoolMax:          cfg.PoolMax, PoolIdle: cfg.PoolIdle, PoolLeak: cfg.PoolLeak,
		ConnectTimeout: cfg.ConnectTimeout, CallTimeout: cfg.CallTimeout, AppendTimeout: cfg.AppendTimeout,
		CallRetries: cfg.CallRetries, RetryFirst: cfg.RetryFirst, RetryLongest: cfg.RetryLongest,
		LeaseTTL: cfg.LeaseTTL, GenerationKeep: cfg.GenerationKeep, DropWait: cfg.DropWait,
		IndexShards: cfg.IndexShards, IndexReplicas: cfg.IndexReplicas,
		Mailing: smtp.OutboxConfig{
			Workers: cfg.MailWorkers, MaxWaiting: cfg.MailWaiting, KeepFor: cfg.MailKeep, Lease: cfg.MailLease,
			RetryFirst: cfg.MailRetryFirst, RetryLongest: cfg.MailRetryLongest, Poll: cfg.MailPoll, WriteTimeout: cfg.CallTimeout,
		},
		MailTimeout: cfg.MailTimeout, BlobTimeout: cfg.BlobTimeout,
		ProviderSecrets: cfg.OIDCSecretFile, ProviderCache: cfg.OIDCCache, ProviderPause: cfg.BreakerPause,
	}
	if cfg.Has("api") {
		for _, name := range slices.Sorted(maps.Keys(cfg.OIDC)) {
			issuer, client, _ := strings.Cut(cfg.OIDC[name], ",")
			c.Providers = append(c.Providers, oidc.Provider{Name: name, Issuer: issuer, ClientID: client})
		}
	}
	return c
}

func commandsConfig(cfg settings.Settings, baseURL string) commands.Config {
	c := commands.Defaults()
	c.States, c.Freshness, c.AppendTimeout = cfg.CacheStreams, cfg.CacheFreshness, cfg.AppendTimeout
	c.EmailClaimTTL, c.ClaimTakeover, c.VerificationTTL = cfg.EmailClaimTTL, cfg.ClaimTakeover, cfg.VerificationTTL
	c.ResetTTL, c.VerificationDigits = cfg.ResetTTL, cfg.VerificationCode
	c.BaseURL = baseURL
	c.Accounts = account.Limits{
		HandleMin: cfg.HandleMin, HandleMax: cfg.HandleMax, DisplayNameMax: cfg.DisplayNameMax,
		BioMax: cfg.BioMax, SignatureMax: cfg.SignatureMax, VerificationTries: cfg.VerificationTries,
	}
	c.PasswordMin, c.PasswordMax = cfg.PasswordMin, cfg.PasswordMax
	c.PasswordCost = passwords.Cost{Memory: uint32(cfg.HashMemory / 1024), Time: uint32(cfg.HashTime), Threads: uint8(cfg.HashThreads)}
	c.HashParallel, c.HashWait = cfg.HashParallel, cfg.HashWait
	c.SessionMode, c.RefreshTTL, c.RefreshGrace, c.Binding = cfg.SessionMode, cfg.RefreshTTL, cfg.RefreshGrace, cfg.Binding
	c.RecentSignIn, c.TOTPIssuer, c.TOTPTTL, c.RecoveryCodes = cfg.RecentSignIn, cfg.TOTPIssuer, cfg.TOTPTTL, cfg.RecoveryCodes
	c.MaxRefresh, c.ReplayWindow = time.Duration(cfg.MaxRefresh), cfg.ReplayWindow
	c.PasskeyOrigins, c.PasskeyTTL = cfg.AllowedOrigins, cfg.PasskeyTTL
	c.Captcha = commands.CaptchaRules{
		Policy: cfg.Captcha, TTL: cfg.CaptchaTTL, Length: cfg.CaptchaLength, Failures: cfg.CaptchaFailures, Memory: cfg.CaptchaMemory,
	}
	c.OAuthTTL, c.OAuthCodeTTL, c.OAuthRedirects = cfg.OAuthTTL, cfg.OAuthCodeTTL, cfg.OAuthRedirects
	c.Limits, c.Revocation = limitRules(cfg), cfg.Revocation
	c.SharedSlow, c.SharedPause = cfg.BreakerSlow, cfg.BreakerPause
	c.Reactions = cfg.Reactions
	c.Forum.BoardsByMembers = cfg.BoardCreation == "members"
	c.Forum.Board = board.Limits{Name: int(cfg.BoardNameMax), Text: cfg.BoardTextMax}
	c.Forum.Post = post.Limits{Title: cfg.TitleMax, Body: cfg.PostMax, Images: cfg.PostImages}
	c.Forum.CommentMax, c.Forum.FolderMax = cfg.CommentMax, cfg.FolderMax
	c.Forum.ScheduleMax, c.Forum.RestoreWindow = cfg.ScheduleMax, cfg.RestoreWindow
	c.Chat = commands.ChatRules{
		RoomMembers: cfg.RoomMembers, MessageMax: cfg.MessageMax, MessageImages: cfg.MessageImages, ResendMemory: cfg.ResendMemory,
	}
	c.LinkTTL = cfg.LinkTTL
	c.Images = commands.ImageRules{
		Limits: pictures.Limits{
			Size: int64(cfg.ImageSize), Pixels: cfg.ImagePixels, Frames: cfg.ImageFrames, Widths: cfg.Thumbnails,
			Parallel: cfg.ImageParallel, Wait: cfg.ImageWait,
		},
		Keep: cfg.ImageKeep,
	}
	c.Now, c.NewID = now, newID
	return c
}

func relayConfig(cfg settings.Settings) relay.Config {
	return relay.Config{Batch: cfg.RelayBatch, SaveEvery: cfg.RelaySave, RetryFirst: cfg.RetryFirst, RetryLongest: cfg.RetryLongest}
}

func limitRules(cfg settings.Settings) commands.LimitRules {
	return commands.LimitRules{
		SignIn: commands.Rate(cfg.SignInRate), SignUp: commands.Rate(cfg.SignUpRate), Mail: commands.Rate(cfg.MailRate),
		Account: commands.Rate(cfg.AccountRate), Network: commands.Rate(cfg.NetworkRate), Write: commands.Rate(cfg.WriteRate),
		LockoutFailures: cfg.LockoutFailures, LockoutNetworkFailures: cfg.NetworkLockout,
		LockoutFirst: cfg.LockoutFirst, LockoutLongest: cfg.LockoutLongest,
	}
}

func runnerConfig(cfg settings.Settings) projections.Config {
	return projections.Config{
		BatchSize: cfg.ProjectionBatch, BatchWait: cfg.ProjectionDelay, RetryMin: cfg.RetryFirst, RetryMax: cfg.RetryLongest, Now: now,
	}
}

// Feeds says how home feeds are kept, and over how many days boards' hashtags
// are summed.
func Feeds(cfg settings.Settings) readmodels.Feeds {
	return readmodels.Feeds{FanOut: cfg.FeedFanOut, Length: cfg.FeedLength, TagDays: int(cfg.BoardTagsWindow / (24 * time.Hour))}
}

func indexerConfig(cfg settings.Settings) projections.IndexerConfig {
	c := projections.IndexerConfig{
		BatchSize: cfg.IndexBatch, BatchWait: cfg.ProjectionDelay, RetryMin: cfg.RetryFirst, RetryMax: cfg.RetryLongest,
	}
	if cfg.Elasticsearch != "" {
		c.Refresh = cfg.IndexRefresh
	} else { // the embedded index shows what it has at once, and takes its time from those who write
		c.Rest = cfg.IndexRefresh
	}
	return c
}

func tokensConfig(cfg settings.Settings, keys []commands.SigningKey) commands.TokensConfig {
	return commands.TokensConfig{
		Algorithm: cfg.JWTAlg, Keys: keys, Issuer: cfg.JWTIssuer, Audience: cfg.JWTAudience,
		TTL: cfg.AccessTTL, Cache: cfg.TokenCache, Now: now, NewID: newID,
	}
}

// guard adds what a setting asks of requests and of their answers.
func guard(cfg settings.Settings, c *rest.Config, all *commands.Commands) {
	if cfg.MaxRefresh > 0 {
		c.Renew = all.Renew
	}
	if len(cfg.ReplayGuard) > 0 {
		c.Steps = append(c.Steps, rest.GuardReplays(cfg.ReplayGuard, all))
	}
}

func restConfig(cfg settings.Settings) rest.Config {
	c := rest.Config{
		Envelope: rest.Envelope(cfg.Envelope), Origins: cfg.AllowedOrigins, Carriers: map[string][]rest.Carrier{},
		PositionWait: cfg.PositionWait, Timeout: cfg.RequestTimeout, MaxInFlight: cfg.Requests, Now: now, History: cfg.SessionHistory,
	}
	c.Forum = rest.Forum{
		BoardHashtags: cfg.BoardTags, BoardHashtagsWindow: cfg.BoardTagsWindow, TrendingWindow: cfg.TrendingWindow,
	}
	c.Lists = rest.Lists{Limit: cfg.ListLimit, Max: cfg.ListMax}
	for group, list := range cfg.TokenCarriers {
		for word := range strings.SplitSeq(list, ",") {
			c.Carriers[group] = append(c.Carriers[group], rest.Carrier(strings.TrimSpace(word)))
		}
	}
	for _, n := range cfg.TrustedProxies {
		c.TrustedProxies = append(c.TrustedProxies, n.Prefix)
	}
	return c
}

func lastSeenConfig(cfg settings.Settings, state readmodels.DB, log *slog.Logger) readmodels.LastSeenConfig {
	return readmodels.LastSeenConfig{DB: state, Every: cfg.LastSeenEvery, Keep: cfg.RefreshTTL, Now: now, Log: log}
}

func pushConfig(cfg settings.Settings, node string) push.Config {
	c := push.Defaults()
	c.Node, c.Origins = node, cfg.AllowedOrigins
	for _, carrier := range cfg.SocketCarriers {
		c.QueryTokens = c.QueryTokens || carrier == "query"
		c.FirstMessage = c.FirstMessage || carrier == "message"
	}
	c.SignIn, c.Ping, c.Pong, c.Write = cfg.SocketSignIn, cfg.SocketPing, cfg.SocketPong, cfg.SocketWrite
	c.QueueFrames, c.QueueBytes, c.FrameBytes = cfg.SocketQueue, int(cfg.SocketQueueSize), int(cfg.SocketFrame)
	c.Rate, c.PerAccount, c.PerSocket, c.Sockets = cfg.SocketRate, cfg.SocketsPerAccount, cfg.TopicsPerSocket, cfg.Sockets
	c.PositionWait, c.RouteEvery, c.RouteTTL = cfg.PositionWait, cfg.RouteEvery, cfg.RouteTTL
	c.Ring, c.Typing, c.Shutdown, c.Now = cfg.TopicRing, cfg.TypingTTL, cfg.ShutdownTimeout, now
	return c
}

func newTickets(cfg settings.Settings, kept push.TicketKeeper) *push.Tickets {
	return push.NewTickets(cfg.TicketTTL, kept)
}

// imageURL is what links to public pictures begin with.
func imageURL(cfg settings.Settings, baseURL string) string {
	return strings.TrimSuffix(cmp.Or(cfg.ImageURL, baseURL), "/")
}

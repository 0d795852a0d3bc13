package settings

import "time"

// Settings is every setting of Parley, in the groups in which help and
// documentation show them.
//
// The tags of a field:
//
//	name     the flag; PARLEY_ and its upper snake case is the environment
//	         variable, the flag as it stands the key of the settings file
//	default  the value where nobody gives one; none is empty
//	help     one sentence, units and bounds included
//	roles    the roles that read it; none is all of them
//	secret   never shown; has a sibling whose fileof names it
//	oneof    the words that are allowed
//	check    what a text must be, see checks
//	zero     what 0 means; without it numbers and durations are above 0
//	max      the highest number
type Settings struct {
	Serving   `group:"Serving"`
	Bounds    `group:"Bounds of a request"`
	Accounts  `group:"Accounts"`
	Sessions  `group:"Sessions and tokens"`
	Abuse     `group:"Captcha and limits"`
	Forum     `group:"Forum"`
	Chat      `group:"Chat"`
	Push      `group:"Push"`
	Log       `group:"Log and projections"`
	Adapters  `group:"Servers of the distributed stack"`
	Telemetry `group:"Telemetry"`

	sources map[string]Source // by flag; what is absent is a default
}

// Serving is where and as what a process serves.
type Serving struct {
	Config            string        `name:"config" check:"flagonly" placeholder:"FILE" help:"Settings file (TOML); its keys are spelled as the flags."`
	Data              string        `name:"data" default:"./data" check:"some" placeholder:"DIR" help:"Folder of everything embedded; a second process on it refuses to start."`
	HTTP              string        `name:"http" default:"127.0.0.1:8080" check:"address" placeholder:"ADDR" help:"Address of REST, WebSocket and console; port 0 picks one."`
	GRPC              string        `name:"grpc" check:"address" placeholder:"ADDR" help:"Address of the EventStoreDB protocol of the embedded log; empty is off." roles:"api,log"`
	Roles             []string      `name:"roles" default:"api,projector,relay,push" oneof:"api,projector,relay,push,log" check:"some" help:"What this process does; log alone serves a bare log."`
	Node              string        `name:"node" check:"word" help:"Name of this process among its like; empty makes one at start."`
	BaseURL           string        `name:"base-url" check:"url:http,https" placeholder:"URL" help:"What links in mails begin with; empty is the address listened on." roles:"api,projector,push"`
	AllowedOrigins    []string      `name:"allowed-origins" check:"origins" placeholder:"ORIGIN" help:"Origins of other pages that may call (CORS and WebSocket); empty is the own one." roles:"api,push"`
	TrustedProxies    []Network     `name:"trusted-proxies" placeholder:"NETWORK" help:"Addresses and CIDRs whose X-Forwarded-For counts; the rightmost other entry is the caller." roles:"api,push"`
	Envelope          string        `name:"envelope" default:"standard" oneof:"standard,always200,problem" help:"Form of the answers." roles:"api"`
	ShutdownTimeout   time.Duration `name:"shutdown-timeout" default:"15s" help:"How long a stop waits for requests and sockets."`
	TLSCertFile       string        `name:"tls-cert-file" placeholder:"FILE" help:"Certificate chain (PEM) of HTTP and gRPC; needs --tls-key-file." roles:"api,push"`
	TLSKeyFile        string        `name:"tls-key-file" placeholder:"FILE" help:"Private key (PEM) of --tls-cert-file." roles:"api,push"`
	TLSReload         time.Duration `name:"tls-reload" default:"1m" help:"How often it is looked whether the files of the certificate changed." roles:"api,push"`
	Autocert          []string      `name:"autocert" check:"hosts" placeholder:"HOST" help:"Names for which certificates are fetched by ACME; empty is off." roles:"api,push"`
	AutocertEmail     string        `name:"autocert-email" check:"mail" placeholder:"ADDRESS" help:"Contact given to the certificate authority." roles:"api,push"`
	AutocertDirectory string        `name:"autocert-directory" check:"url:https" placeholder:"URL" help:"ACME directory; empty is Let's Encrypt." roles:"api,push"`
	HSTS              time.Duration `name:"hsts" default:"8760h" zero:"off" help:"How long browsers shall insist on TLS, sent over TLS only." roles:"api"`
}

// Bounds are the bounds of one request, and of lists.
type Bounds struct {
	BodySize       Bytes         `name:"body-size" default:"1MiB" help:"Largest JSON body." roles:"api"`
	JSONDepth      int           `name:"json-depth" default:"64" max:"1000" help:"Deepest nesting of a JSON body, in levels." roles:"api"`
	HeaderSize     Bytes         `name:"header-size" default:"64KiB" help:"Most bytes of request headers." roles:"api,push"`
	URLSize        Bytes         `name:"url-size" default:"8KiB" help:"Longest URL of a request." roles:"api,push"`
	HeaderTimeout  time.Duration `name:"header-timeout" default:"10s" help:"How long the headers of a request may take to arrive." roles:"api,push"`
	BodyTimeout    time.Duration `name:"body-timeout" default:"60s" help:"How long a whole request may take to arrive." roles:"api"`
	RequestTimeout time.Duration `name:"request-timeout" default:"30s" help:"How long a request may be worked on; streams excepted." roles:"api"`
	IdleTimeout    time.Duration `name:"idle-timeout" default:"120s" help:"How long a connection may wait for its next request." roles:"api,push"`
	Requests       int           `name:"requests" default:"2048" help:"Most requests worked on at once; more are answered 503." roles:"api"`
	PositionWait   time.Duration `name:"position-wait" default:"2s" help:"How long a call waits for the position it carries." roles:"api,push"`
	IdempotencyTTL time.Duration `name:"idempotency-ttl" default:"24h" help:"How long the answer to an Idempotency-Key is kept." roles:"api"`
	IdempotencyRun time.Duration `name:"idempotency-lease" default:"10s" help:"After this long a started key without an answer counts as dead." roles:"api"`
	ListLimit      int           `name:"list-limit" default:"20" max:"1000" help:"Items of a page where the caller does not say." roles:"api"`
	ListMax        int           `name:"list-max" default:"100" max:"1000" help:"Most items of a page." roles:"api"`
	Streams        int           `name:"event-streams" default:"64" help:"Most callers that follow the events at once." roles:"api"`
}

// Accounts are the rules of accounts, their mails, pictures and ways in.
type Accounts struct {
	HandleMin         int               `name:"handle-min" default:"3" max:"30" help:"Shortest handle, in characters." roles:"api"`
	HandleMax         int               `name:"handle-max" default:"30" max:"64" help:"Longest handle, in characters." roles:"api"`
	PasswordMin       int               `name:"password-min" default:"8" max:"128" help:"Shortest password, in characters." roles:"api"`
	PasswordMax       int               `name:"password-max" default:"128" max:"1024" help:"Longest password, in characters." roles:"api"`
	HashMemory        Bytes             `name:"hash-memory" default:"19MiB" help:"Memory of one argon2id hash." roles:"api"`
	HashTime          int               `name:"hash-time" default:"2" max:"100" help:"Passes of one argon2id hash." roles:"api"`
	HashThreads       int               `name:"hash-threads" default:"1" max:"64" help:"Lanes of one argon2id hash." roles:"api"`
	HashParallel      int               `name:"hash-parallel" default:"0" zero:"one a processor" help:"Passwords hashed at once." roles:"api"`
	HashWait          time.Duration     `name:"hash-wait" default:"5s" help:"How long a sign-in waits for its turn to hash before 503." roles:"api"`
	DisplayNameMax    int               `name:"display-name-max" default:"50" max:"200" help:"Longest display name, in characters." roles:"api"`
	BioMax            int               `name:"bio-max" default:"500" max:"10000" help:"Longest bio, in characters." roles:"api"`
	SignatureMax      int               `name:"signature-max" default:"160" max:"1000" help:"Longest signature, in characters." roles:"api"`
	EmailClaimTTL     time.Duration     `name:"email-claim-ttl" default:"168h" help:"How long an address that was never verified stays claimed." roles:"api"`
	ClaimTakeover     time.Duration     `name:"claim-takeover" default:"10m" help:"Age from which the claim of an unfinished sign-up may be taken over." roles:"api"`
	VerificationTTL   time.Duration     `name:"verification-ttl" default:"15m" help:"Life of the link and code that confirm an address." roles:"api"`
	VerificationCode  int               `name:"verification-digits" default:"6" max:"12" help:"Digits of that code." roles:"api"`
	VerificationTries int               `name:"verification-tries" default:"5" max:"100" help:"Wrong tries after which a code is dead." roles:"api"`
	ResetTTL          time.Duration     `name:"reset-ttl" default:"10m" help:"Life of a password reset link." roles:"api"`
	EraseGrace        time.Duration     `name:"erase-grace" default:"336h" help:"Time between asking to be erased and being erased." roles:"api,projector"`
	ExportTTL         time.Duration     `name:"export-ttl" default:"168h" help:"How long a finished export is kept." roles:"api,projector"`
	RecentSignIn      time.Duration     `name:"recent-sign-in" default:"10m" help:"How new a sign-in must be where neither password nor passkey can be asked for." roles:"api"`
	ImageSize         Bytes             `name:"image-size" default:"5MiB" help:"Largest picture that may be uploaded." roles:"api"`
	ImagePixels       int               `name:"image-pixels" default:"40000000" help:"Most pixels of a picture, checked before it is decoded." roles:"api"`
	ImageParallel     int               `name:"image-parallel" default:"2" help:"Pictures decoded at once." roles:"api"`
	ImageFrames       int               `name:"image-frames" default:"500" help:"Most frames of an animated picture; all of them together have no more pixels than one may have." roles:"api"`
	ImageWait         time.Duration     `name:"image-wait" default:"10s" help:"Longest wait for a turn to decode a picture." roles:"api"`
	ImageKeep         time.Duration     `name:"image-keep" default:"24h" help:"How long a picture is kept that nothing names." roles:"api,projector"`
	ImageURL          string            `name:"image-url" check:"url:http,https" placeholder:"URL" help:"What links to public pictures begin with (a CDN that asks us for what it lacks); empty is --base-url." roles:"api,push"`
	Thumbnails        []int             `name:"thumbnails" default:"96,320,960" help:"Widths of the thumbnails, in pixels." roles:"api"`
	MailFrom          string            `name:"mail-from" default:"Parley <parley@localhost>" check:"mail" placeholder:"ADDRESS" help:"Sender of mails." roles:"api,projector"`
	OIDC              map[string]string `name:"oidc" check:"oidc" placeholder:"NAME=ISSUER,CLIENT_ID" help:"OpenID Connect providers, separated by semicolons." roles:"api"`
	OIDCSecretFile    map[string]string `name:"oidc-secret-file" placeholder:"NAME=FILE" help:"File of each provider's client secret, separated by semicolons." roles:"api"`
	OAuthRedirects    []string          `name:"oauth-redirects" check:"urls" placeholder:"URL" help:"Pages to which a sign-in by provider may return, besides those of --base-url: one page each, or all below an address that ends with /." roles:"api"`
	OIDCCache         time.Duration     `name:"oidc-cache" default:"1h" help:"How long what a provider says of itself is kept." roles:"api"`
	OAuthTTL          time.Duration     `name:"oauth-ttl" default:"10m" help:"How long a sign-in by provider may take." roles:"api"`
	OAuthCodeTTL      time.Duration     `name:"oauth-code-ttl" default:"60s" help:"Life of the one-time code that a page exchanges for a session." roles:"api"`
	TOTPIssuer        string            `name:"totp-issuer" default:"Parley" check:"issuer" help:"Name that authenticator apps show." roles:"api"`
	TOTPTTL           time.Duration     `name:"totp-ttl" default:"15m" help:"How long a new authenticator app may be confirmed by its first code." roles:"api"`
	RecoveryCodes     int               `name:"recovery-codes" default:"10" max:"50" help:"Recovery codes made with a second factor." roles:"api"`
	PasskeyTTL        time.Duration     `name:"passkey-ttl" default:"5m" help:"Life of a passkey challenge." roles:"api"`
}

// Sessions are the rules of tokens, sessions and links.
type Sessions struct {
	AccessTTL      time.Duration     `name:"access-ttl" default:"15m" help:"Life of an access token; more than 24h warns." roles:"api,push"`
	RefreshTTL     time.Duration     `name:"refresh-ttl" default:"480h" help:"Life of a refresh token." roles:"api"`
	RefreshGrace   time.Duration     `name:"refresh-grace" default:"10s" zero:"off" help:"How long a used refresh token is answered with the same successor." roles:"api"`
	MaxRefresh     DurationOrOff     `name:"max-refresh" default:"off" placeholder:"DURATION" help:"An access token older than this gets a new one in the header refresh-token." roles:"api"`
	JWTAlg         string            `name:"jwt-alg" default:"EdDSA" oneof:"EdDSA,HS256,RS256" help:"Algorithm of access tokens; any other is refused." roles:"api,push"`
	JWTKeyFile     string            `name:"jwt-key-file" placeholder:"FILE" help:"Signing key, PKCS#8 PEM (HS256: raw bytes); empty makes one in the data folder." roles:"api,push"`
	JWTOverlap     time.Duration     `name:"jwt-overlap" default:"24h" help:"How long a rotated signing key is still accepted." roles:"api,push"`
	JWTIssuer      string            `name:"jwt-issuer" default:"parley" check:"some" help:"The iss of access tokens." roles:"api,push"`
	JWTAudience    string            `name:"jwt-audience" default:"parley" check:"some" help:"The aud of access tokens." roles:"api,push"`
	MasterKeyFile  string            `name:"master-key-file" placeholder:"FILE" help:"Key that wraps all account keys; empty makes one in the data folder."`
	SessionMode    string            `name:"session-mode" default:"multi" oneof:"multi,single,shared" help:"Whether a sign-in stands beside others, ends them, or shares their session." roles:"api"`
	Revocation     string            `name:"revocation" default:"blacklist" oneof:"blacklist,whitelist,both" help:"How ended sessions are told from live ones." roles:"api,push"`
	Binding        string            `name:"binding" default:"none" oneof:"none,ua,ip,both" help:"What a session is bound to; a mismatch ends it." roles:"api,push"`
	TokenCarriers  map[string]string `name:"token-carriers" check:"carriers" placeholder:"GROUP=LIST" help:"Where route groups take tokens from: bearer, raw, query, form, cookie; bearer everywhere else. Groups (accounts, sessions, forum, chat, notifications, push, events, admin) are separated by semicolons." roles:"api"`
	ReplayGuard    []string          `name:"replay-guard" check:"groups" placeholder:"GROUP" help:"Route groups whose requests must carry Parley-Timestamp and a Parley-Nonce that is used once." roles:"api"`
	ReplayWindow   time.Duration     `name:"replay-window" default:"300s" help:"How far a guarded timestamp may be off, either way." roles:"api"`
	LinkTTL        time.Duration     `name:"link-ttl" default:"900s" help:"Life of a signed link." roles:"api,push"`
	TokenCache     int               `name:"token-cache" default:"65536" help:"Verified access tokens remembered." roles:"api,push"`
	LastSeenEvery  time.Duration     `name:"last-seen-every" default:"1m" help:"How often the last use of a session is written down." roles:"api"`
	SessionHistory int               `name:"session-history" default:"100" max:"1000" help:"Entries of an account's history that are shown." roles:"api"`
}

// Abuse is what holds abuse off.
type Abuse struct {
	Captcha          string        `name:"captcha" default:"adaptive" oneof:"always,adaptive,off" help:"When sign-up, sign-in and password reset ask for a captcha." roles:"api"`
	CaptchaTTL       time.Duration `name:"captcha-ttl" default:"5m" help:"Life of a captcha." roles:"api"`
	CaptchaLength    int           `name:"captcha-length" default:"8" max:"16" help:"Characters of a captcha." roles:"api"`
	CaptchaWidth     int           `name:"captcha-width" default:"240" max:"2000" help:"Width of its picture, in pixels." roles:"api"`
	CaptchaHeight    int           `name:"captcha-height" default:"80" max:"2000" help:"Height of its picture, in pixels." roles:"api"`
	CaptchaFailures  int           `name:"captcha-failures" default:"3" help:"Failures of an account or network after which adaptive asks." roles:"api"`
	CaptchaMemory    time.Duration `name:"captcha-memory" default:"15m" help:"How long such a failure counts." roles:"api"`
	RateLimits       Switch        `name:"rate-limits" default:"on" help:"Rate limits and lock-out; off for load tests." roles:"api,push"`
	SignInRate       Rate          `name:"sign-in-rate" default:"30/1m" help:"Sign-ins of a network." roles:"api"`
	SignUpRate       Rate          `name:"sign-up-rate" default:"30/1m" help:"Sign-ups of a network." roles:"api"`
	MailRate         Rate          `name:"mail-rate" default:"10/1h" help:"Mails to one address." roles:"api"`
	AccountRate      Rate          `name:"account-rate" default:"1200/1m" help:"Requests of an account." roles:"api"`
	NetworkRate      Rate          `name:"network-rate" default:"2400/1m" help:"Requests of a network without a token." roles:"api"`
	WriteRate        Rate          `name:"write-rate" default:"300/1m" help:"Writes of an account on one route." roles:"api"`
	LockoutFailures  int           `name:"lockout-failures" default:"10" help:"Failed sign-ins after which an account is locked." roles:"api"`
	LockoutFirst     time.Duration `name:"lockout-first" default:"1m" help:"The first lock; each further one is twice as long." roles:"api"`
	LockoutLongest   time.Duration `name:"lockout-longest" default:"1h" help:"The longest lock." roles:"api"`
	NetworkLockout   int           `name:"lockout-network-failures" default:"100" help:"Failed sign-ins after which a network is locked." roles:"api"`
	AllowPrivateHook bool          `name:"allow-private-webhooks" help:"Let webhooks call loopback and private addresses." roles:"api,projector"`
}

// Forum are the rules of boards, posts and comments.
type Forum struct {
	BoardCreation   string        `name:"board-creation" default:"administrators" oneof:"administrators,members" help:"Who may create boards." roles:"api"`
	BoardNameMax    Bytes         `name:"board-name-max" default:"32B" help:"Longest board name." roles:"api"`
	BoardTextMax    int           `name:"board-text-max" default:"10000" max:"40000" help:"Longest rules and description of a board, in characters." roles:"api"`
	TitleMax        int           `name:"title-max" default:"200" max:"1000" help:"Longest title of a post, in characters." roles:"api"`
	PostMax         int           `name:"post-max" default:"40000" max:"100000" help:"Longest body of a post, in characters." roles:"api"`
	CommentMax      int           `name:"comment-max" default:"10000" max:"40000" help:"Longest comment, in characters." roles:"api"`
	FolderMax       int           `name:"bookmark-folder-max" default:"50" max:"200" help:"Longest name of a folder of bookmarks, in characters." roles:"api"`
	PostImages      int           `name:"post-images" default:"20" max:"100" help:"Most pictures of a post." roles:"api"`
	ScheduleMax     time.Duration `name:"schedule-max" default:"8760h" help:"How far ahead a post may be scheduled." roles:"api"`
	Reactions       []string      `name:"reactions" default:"like,love,laugh,sad,happy,angry" check:"words" help:"Kinds of reactions to posts, comments and messages." roles:"api"`
	RestoreWindow   time.Duration `name:"restore-window" default:"720h" help:"How long a deleted post can be restored." roles:"api"`
	BoardTags       int           `name:"board-hashtags" default:"10" max:"100" help:"Popular hashtags shown with a board." roles:"api"`
	BoardTagsWindow time.Duration `name:"board-hashtags-window" default:"720h" help:"Time over which those are counted; the day (UTC) in which it begins counts as a whole. Whole days are shown fastest, where the nodes that project have the same." roles:"api,projector"`
	TrendingWindow  time.Duration `name:"trending-window" default:"24h" help:"Time over which trending hashtags are counted where the caller does not say." roles:"api"`
	FeedFanOut      int           `name:"feed-fan-out" default:"1000" zero:"all are merged" help:"Followers of a person, board or hashtag to whose feeds its posts are written. For those beyond they are merged when a feed is read." roles:"projector"`
	FeedLength      int           `name:"feed-length" default:"400" max:"10000" help:"Posts that are kept written for the feed of each reader. Older ones are looked for when they are read." roles:"projector"`
	BellFollowers   int           `name:"bell-followers" default:"1000" help:"Followers above which only those are told of posts who asked." roles:"projector"`
}

// Chat are the rules of rooms.
type Chat struct {
	RoomMembers   int           `name:"room-members" default:"50" max:"1000" help:"Most members of a room." roles:"api"`
	InviteTTL     time.Duration `name:"invite-ttl" default:"10m" help:"Life of an invite where its maker does not say; at most 168h." roles:"api"`
	MessageMax    int           `name:"message-max" default:"8000" max:"40000" help:"Longest message, in characters." roles:"api,push"`
	MessageImages int           `name:"message-images" default:"10" max:"100" help:"Most pictures of a message." roles:"api,push"`
	ResendMemory  int           `name:"resend-memory" default:"200" max:"10000" help:"Newest messages of a sender in a room among which a resend is found." roles:"api,push"`
	TypingTTL     time.Duration `name:"typing-ttl" default:"6s" help:"After this long typing fades." roles:"push"`
	PresenceEvery time.Duration `name:"presence-heartbeat" default:"25s" help:"How often clients shall send a heartbeat." roles:"api,push"`
	PresenceTTL   time.Duration `name:"presence-ttl" default:"30s" help:"Without a heartbeat for this long one is offline." roles:"api,push"`
}

// Push are the bounds of sockets, and the ways out of the system.
type Push struct {
	TicketTTL          time.Duration   `name:"ticket-ttl" default:"60s" help:"Life of a ticket for a socket." roles:"api,push"`
	SocketCarriers     []string        `name:"socket-carriers" default:"ticket" oneof:"ticket,query,message" check:"some" help:"How sockets sign in: by ticket, by ?token=, by their first message." roles:"push"`
	SocketSignIn       time.Duration   `name:"socket-sign-in" default:"10s" help:"How long a socket may take to sign in by its first message." roles:"push"`
	SocketPing         time.Duration   `name:"socket-ping" default:"25s" help:"How often a socket is pinged." roles:"push"`
	SocketPong         time.Duration   `name:"socket-pong" default:"8s" help:"How long its pong may take." roles:"push"`
	SocketWrite        time.Duration   `name:"socket-write" default:"10s" help:"How long one write to a socket may take." roles:"push"`
	SocketQueue        int             `name:"socket-queue" default:"1024" help:"Frames that may wait for a socket; one more closes it with 4001." roles:"push"`
	SocketQueueSize    Bytes           `name:"socket-queue-size" default:"4MiB" help:"Bytes that may wait for a socket." roles:"push"`
	SocketFrame        Bytes           `name:"socket-frame" default:"64KiB" help:"Largest frame from a client." roles:"push"`
	SocketRate         int             `name:"socket-rate" default:"50" help:"Frames a second from a client." roles:"push"`
	SocketsPerAccount  int             `name:"sockets-per-account" default:"20" help:"Sockets of an account; one more is closed with 4104." roles:"push"`
	TopicsPerSocket    int             `name:"topics-per-socket" default:"500" help:"Topics of a socket." roles:"push"`
	Sockets            int             `name:"sockets" default:"100000" help:"Most sockets of this process." roles:"push"`
	RouteEvery         time.Duration   `name:"route-every" default:"25s" help:"How often the table of all nodes' sockets is told that they live." roles:"push"`
	RouteTTL           time.Duration   `name:"route-ttl" default:"80s" help:"Without that for so long sockets count as gone." roles:"push"`
	TopicRing          int             `name:"topic-ring" default:"256" help:"Newest frames of a topic kept in memory." roles:"push"`
	WebhookTimeout     time.Duration   `name:"webhook-timeout" default:"10s" help:"How long a call of a webhook may take." roles:"projector"`
	WebhookRetries     []time.Duration `name:"webhook-retries" default:"1s,5s,30s,2m,10m,1h,6h,24h" help:"Waits before each retry of a webhook." roles:"projector"`
	WebhookParallel    int             `name:"webhook-parallel" default:"16" help:"Webhooks called at once." roles:"projector"`
	WebhooksPerAccount int             `name:"webhooks-per-account" default:"20" help:"Webhooks of an account." roles:"api"`
	WebPushContact     string          `name:"web-push-contact" check:"mail" placeholder:"ADDRESS" help:"Contact told to the push services of browsers; empty is --mail-from." roles:"projector"`
	DigestHour         int             `name:"digest-hour" default:"8" zero:"midnight" max:"23" help:"Hour of the day, in the reader's time zone, at which digests are mailed." roles:"projector"`
}

// Log are the bounds of the log, its caches and what is derived from it.
type Log struct {
	AppendQueue     int           `name:"append-queue" default:"4096" help:"Appends that may wait for the embedded log." roles:"api,log"`
	AppendBatch     int           `name:"append-batch" default:"1024" help:"Appends made durable together." roles:"api,log"`
	AppendTimeout   time.Duration `name:"append-timeout" default:"10s" help:"How long an append may take." roles:"api"`
	AppendRetries   int           `name:"append-retries" default:"16" max:"1000" help:"Times a command decides again after a conflict." roles:"api"`
	CacheFreshness  time.Duration `name:"cache-freshness" default:"2s" help:"After this long without word from the log, streams are read from the log itself." roles:"api,push"`
	CacheStreams    int           `name:"cache-streams" default:"65536" help:"Streams whose state is kept in memory." roles:"api,push"`
	SnapshotEvery   int           `name:"snapshot-every" default:"1000" help:"Events of a room between snapshots of its state." roles:"api"`
	ProjectionBatch int           `name:"projection-batch" default:"1000" max:"100000" help:"Events that a projector applies in one transaction." roles:"projector"`
	ProjectionDelay time.Duration `name:"projection-delay" default:"0s" zero:"at once" help:"How long a projector waits for more before it applies." roles:"projector"`
	LeaseTTL        time.Duration `name:"lease-ttl" default:"10s" help:"After this long without a sign of life another process leads." roles:"projector,relay"`
	GenerationKeep  time.Duration `name:"generation-keep" default:"24h" help:"How long read models stay of a release of which no process is left." roles:"projector"`
	DropWait        time.Duration `name:"drop-wait" default:"5s" help:"How long a swap of read models waits for readers before it leaves dropping the old one for later." roles:"projector"`
	NodeTTL         time.Duration `name:"node-ttl" default:"30s" help:"After this long without a sign of life a process does not count for a release that is being rolled out."`
	DueEvery        time.Duration `name:"due-every" default:"1s" help:"How often it is looked whether something is due."`
	Readers         int           `name:"readers" default:"4" max:"256" help:"Connections that read the embedded tables." roles:"api,projector,push"`
	IndexRefresh    time.Duration `name:"index-refresh" default:"200ms" help:"Shortest time from one refresh of the index to the next; of the embedded one, between batches that nobody waits for." roles:"projector"`
	IndexBatch      int           `name:"index-batch" default:"500" max:"100000" help:"Events that are indexed together." roles:"projector"`
	IndexShards     int           `name:"index-shards" default:"1" max:"1000" help:"Shards of a search index that is made in Elasticsearch." roles:"projector"`
	IndexReplicas   int           `name:"index-replicas" default:"1" zero:"none" max:"100" help:"Copies of each of its shards." roles:"projector"`
	RebuildLag      int           `name:"rebuild-lag" default:"1000" help:"Events behind the live one at which a rebuilt projection may swap in." roles:"projector"`
}

// Adapters are the servers that take the place of what is embedded.
type Adapters struct {
	EventStore        string        `name:"eventstore" secret:"" check:"url:esdb,esdb+discover" placeholder:"URL" help:"EventStoreDB, esdb://host:port; empty is the embedded log."`
	EventStoreFile    string        `name:"eventstore-file" fileof:"eventstore" placeholder:"FILE" help:"File that holds --eventstore."`
	Kafka             string        `name:"kafka" secret:"" check:"url:kafka" placeholder:"URL" help:"Kafka, kafka://host:port,host:port; empty is none." roles:"relay,push"`
	KafkaFile         string        `name:"kafka-file" fileof:"kafka" placeholder:"FILE" help:"File that holds --kafka." roles:"relay,push"`
	Postgres          string        `name:"postgres" secret:"" check:"url:postgres,postgresql" placeholder:"URL" help:"PostgreSQL, postgres://user:password@host:port/name; empty is embedded tables."`
	PostgresFile      string        `name:"postgres-file" fileof:"postgres" placeholder:"FILE" help:"File that holds --postgres."`
	Elasticsearch     string        `name:"elasticsearch" secret:"" check:"url:http,https" placeholder:"URL" help:"Elasticsearch, http://host:port; empty is the embedded index." roles:"api,projector"`
	ElasticsearchFile string        `name:"elasticsearch-file" fileof:"elasticsearch" placeholder:"FILE" help:"File that holds --elasticsearch." roles:"api,projector"`
	Redis             string        `name:"redis" secret:"" check:"url:redis,rediss" placeholder:"URL" help:"Redis, redis://host:port; empty is memory." roles:"api,push"`
	RedisFile         string        `name:"redis-file" fileof:"redis" placeholder:"FILE" help:"File that holds --redis." roles:"api,push"`
	S3                string        `name:"s3" secret:"" check:"url:s3" placeholder:"URL" help:"S3, s3://key:secret@host:port/bucket; empty is the data folder." roles:"api,projector"`
	S3File            string        `name:"s3-file" fileof:"s3" placeholder:"FILE" help:"File that holds --s3." roles:"api,projector"`
	SMTP              string        `name:"smtp" secret:"" check:"url:smtp,smtps" placeholder:"URL" help:"Mail server, smtp://user:password@host:port; empty writes mails to the data folder." roles:"api,projector"`
	SMTPFile          string        `name:"smtp-file" fileof:"smtp" placeholder:"FILE" help:"File that holds --smtp." roles:"api,projector"`
	Namespace         string        `name:"namespace" default:"parley" check:"namespace" help:"What topics, schemas, indexes and keys begin with, so that communities can share servers."`
	KafkaPartitions   int           `name:"kafka-partitions" default:"12" max:"10000" help:"Partitions of a topic that is created." roles:"relay,push"`
	KafkaReplication  int           `name:"kafka-replication" default:"1" max:"100" help:"Copies of a topic that is created." roles:"relay,push"`
	RelayBatch        int           `name:"relay-batch" default:"2000" max:"100000" help:"Events sent to Kafka before their acknowledgement." roles:"relay"`
	RelaySave         time.Duration `name:"relay-save" default:"500ms" help:"How far the relay's checkpoint may be behind while it is busy." roles:"relay"`
	KafkaCompression  string        `name:"kafka-compression" default:"none" oneof:"none,gzip,snappy,lz4,zstd" help:"Compression of what is sent to Kafka." roles:"relay"`
	PoolMax           int           `name:"pool-max" default:"50" max:"10000" help:"Most connections of a pool."`
	PoolIdle          time.Duration `name:"pool-idle" default:"300s" help:"After this long an unused connection is closed."`
	PoolLeak          time.Duration `name:"pool-leak" default:"60s" help:"A connection in use for longer is warned of."`
	ConnectTimeout    time.Duration `name:"connect-timeout" default:"5s" help:"How long a connection may take to open."`
	OpenTimeout       time.Duration `name:"open-timeout" default:"30s" zero:"until it answers" help:"How long a command tries to reach a server before it gives up; serve never does."`
	CallTimeout       time.Duration `name:"call-timeout" default:"10s" help:"How long one call of a server may take."`
	CallRetries       int           `name:"call-retries" default:"3" max:"100" zero:"none" help:"Retries of a call that failed in passing."`
	MailWorkers       int           `name:"mail-workers" default:"4" max:"1000" help:"Letters that a process delivers at once." roles:"api,projector"`
	MailWaiting       int           `name:"mail-waiting" default:"10000" help:"Most letters that wait for the mail server." roles:"api,projector"`
	MailKeep          time.Duration `name:"mail-keep" default:"24h" help:"How long a letter is tried." roles:"api,projector"`
	MailLease         time.Duration `name:"mail-lease" default:"2m" help:"After this long another process takes a letter over; longer than --mail-timeout." roles:"api,projector"`
	MailRetryFirst    time.Duration `name:"mail-retry-first" default:"1s" help:"Wait before a letter is tried again; each further one is twice as long." roles:"api,projector"`
	MailRetryLongest  time.Duration `name:"mail-retry-longest" default:"10m" help:"The longest such wait." roles:"api,projector"`
	MailPoll          time.Duration `name:"mail-poll" default:"1s" help:"How often late letters, and those of other processes, are looked for." roles:"api,projector"`
	MailTimeout       time.Duration `name:"mail-timeout" default:"30s" help:"How long one delivery may take." roles:"api,projector"`
	BlobTimeout       time.Duration `name:"blob-timeout" default:"1m" help:"How long one file may take to be kept in S3." roles:"api,projector"`
	RetryFirst        time.Duration `name:"retry-first" default:"100ms" help:"Wait before the first retry; each further one is twice as long."`
	RetryLongest      time.Duration `name:"retry-longest" default:"30s" help:"The longest wait between retries."`
	BreakerSlow       time.Duration `name:"breaker-slow" default:"1s" help:"A call of a server that one can do without counts as failed after this long."`
	BreakerCalls      int           `name:"breaker-calls" default:"20" max:"10000" help:"Calls over which a circuit breaker looks back."`
	BreakerFailures   int           `name:"breaker-failures" default:"10" max:"10000" help:"Failures among those that open it."`
	BreakerPause      time.Duration `name:"breaker-pause" default:"10s" help:"How long it stays open before it tries again."`
}

// Telemetry is what the process says of itself. Traces follow the OTEL_
// variables of OpenTelemetry.
type Telemetry struct {
	LogLevel  string        `name:"log-level" default:"info" oneof:"debug,info,warn,error" help:"Lowest level that is logged."`
	LogFormat string        `name:"log-format" default:"auto" oneof:"auto,text,json" help:"Form of the log on stderr; auto is text on a terminal, else JSON lines."`
	SlowQuery time.Duration `name:"slow-query" default:"200ms" zero:"off" help:"Queries slower than this are logged."`
}

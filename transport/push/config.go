package push

import (
	"log/slog"
	"time"
)

// Subprotocol is the one subprotocol there is.
const Subprotocol = "parley.v1.json"

// Bounds that are no settings.
const (
	maxRequestID   = 128              // bytes of a request's id
	maxTopicName   = 64               // bytes
	maxReplays     = 64               // chunks of the past read from the log at once
	replayChunk    = 128              // events of one chunk
	replayBytes    = 256 << 10        // bytes of one chunk
	ringBytes      = 256 << 10        // bytes of a topic's ring
	maxIdleRings   = 10_000           // rings kept without a reader
	idleRing       = 30 * time.Second // how long
	maxRefusals    = 1_000            // frames over the rate before a socket is closed
	linger         = 2 * time.Second  // between our last word and the end of the connection
	typingInterval = time.Second      // typing of one socket in one room is told this often
)

// Config times and bounds a Server. All fields are needed; Defaults has the
// documented values.
type Config struct {
	Node    string   // name of this node; no other one has it
	Origins []string // that may connect beside the own one, as "https://host:port"

	QueryTokens   bool          // ?token= signs in
	FirstMessage  bool          // a first frame `auth` signs in
	SignIn        time.Duration // how long that may take
	Ping, Pong    time.Duration // a ping each; how long its answer may take
	Write         time.Duration // one write to a socket
	Shutdown      time.Duration // how long a stop waits for sockets to close
	QueueFrames   int           // that may wait for a socket
	QueueBytes    int
	FrameBytes    int // of a frame from a client
	Rate          int // frames a second from a client
	PerAccount    int // sockets
	PerSocket     int // topics
	Sockets       int // of this node
	Ring          int // newest frames of a topic that are kept
	Typing        time.Duration
	PositionWait  time.Duration // a subscribe waits this long for its position, and nobody longer for the table of all nodes
	RouteEvery    time.Duration // how often the table of all nodes is told that sockets live
	RouteTTL      time.Duration // without that for so long they are gone from it
	Now           func() time.Time
	SocketBuffers int // bytes of a socket's kernel buffers; 0 leaves them to the system
}

// Defaults are the documented ones.
func Defaults() Config {
	return Config{
		Node: "node", SignIn: 10 * time.Second, Ping: 25 * time.Second, Pong: 8 * time.Second, Write: 10 * time.Second, Shutdown: 15 * time.Second,
		QueueFrames: 1024, QueueBytes: 4 << 20, FrameBytes: 64 << 10, Rate: 50, PerAccount: 20, PerSocket: 500,
		Sockets: 100_000, Ring: 256, Typing: 6 * time.Second, PositionWait: 2 * time.Second,
		RouteEvery: 25 * time.Second, RouteTTL: 80 * time.Second,
		Now: func() time.Time { return time.Now().UTC().Truncate(time.Millisecond) },
	}
}

func quiet(l *slog.Logger) *slog.Logger {
	if l == nil {
		return slog.New(slog.DiscardHandler)
	}
	return l
}

package bench

import (
	"context"
	"fmt"
	"os"
)

// Plan says how large the work is that both sides of every pair do.
type Plan struct {
	Data       string // folder on the disk that is measured; it exists
	Executable string // a Parley, for what a process of its own costs
	Servers    Servers
	Writers    []int // of the durable appends, a row each
	Remote     []int // writers of the appends over the EventStoreDB protocol, a row each
	Clients    int   // of HTTP, on connections that stay open
	Events     int   // that the projector folds
	Sockets    []int // that one message goes to, a row each
	Backlog    int   // messages that wait at once, where there is a backlog
	Idle       int   // sockets whose memory is measured
	Returning  int   // clients that come back at once
	Relayed    []int // sizes of the events that are relayed, in bytes, a row each
	Posts      int   // that are indexed for search
	OnBoard    int   // posts of a board that is read in pages
	OnPost     int   // comments of a post that is read in pages
	Reacting   int   // people who react to one post at once
	Searched   int   // posts that are searched
	Fed        int   // sockets that messages go to through Kafka
	Feed       Feed  // the home feed
}

// Documented is the plan of docs/performance.md.
func Documented(data, executable string, servers Servers) Plan {
	return Plan{
		Data: data, Executable: executable, Servers: servers, Writers: []int{1, 64, 512}, Remote: []int{1, 64}, Clients: 64, Events: 50_000,
		Sockets: []int{1000, 8000}, Backlog: 64, Idle: 4000, Returning: 10_000, Relayed: []int{12, 256}, Posts: 10_000, Fed: 1000,
		Searched: 100_000, OnBoard: 100_000, OnPost: 10_000, Reacting: 1000,
		Feed: Feed{Posts: 1_000_000, Followees: 1000, Followers: 1000},
	}
}

// Pairs is everything that is measured: the table of contents.
func Pairs(p Plan) []Pair {
	var all []Pair
	for _, writers := range p.Writers {
		all = append(all, p.appends(writers))
	}
	all = append(all, p.messages(true), p.messages(false))
	all = append(all, p.projector(), p.singly())
	for _, kind := range []visible{message, remark} {
		all = append(all, p.visible(kind, 50), p.visible(kind, 99))
	}
	all = append(all, p.boardPages()...)
	all = append(all, p.commentPages()...)
	all = append(all, p.reactions()...)
	all = append(append(all, p.homeFeed()...), p.deliveries())
	for _, sockets := range p.Sockets {
		all = append(all, p.fanOut(sockets, 1), p.fanOut(sockets, p.Backlog))
	}
	all = append(all, p.searching(), p.idle(), p.reconnect(), p.authenticate(), p.signedIn(), p.start(), p.resident(), p.size())
	return append(all, p.distributed()...)
}

// distributed is what is measured of the engines of a cluster.
func (p Plan) distributed() []Pair {
	var all []Pair
	for _, writers := range p.Remote {
		all = append(all, p.overProtocol(writers))
	}
	all = append(all, p.onPostgres(), p.onPostgresSingly())
	for _, size := range p.Relayed {
		all = append(all, p.relayed(size))
	}
	return append(all, p.indexed(), p.fedByKafka(p.Fed, 1), p.fedByKafka(p.Fed, p.Backlog))
}

// folder makes a folder for one turn and the function that drops it.
func (p Plan) folder() (dir string, drop func() error, err error) {
	if dir, err = os.MkdirTemp(p.Data, "turn-"); err != nil {
		return "", nil, fmt.Errorf("a folder to measure in: %w", err)
	}
	return dir, func() error { return os.RemoveAll(dir) }, nil
}

// ready is Open of a pair that needs nothing before its turns.
func ready(parley, base Turn) func(context.Context) (Sides, error) {
	return func(context.Context) (Sides, error) { return Sides{Parley: parley, Base: base}, nil }
}

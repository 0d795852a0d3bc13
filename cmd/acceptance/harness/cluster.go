package harness

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"maps"
	mathrand "math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
)

// Cluster is a Parley of several processes on real servers: a bare log in the
// EventStoreDB protocol, two processes of each role, and one address before
// them all.
type Cluster struct {
	EventStore string // where its log is
	Namespace  string // of its topics, schemas, indexes and keys

	t     testing.TB
	front *front
	store *Node
	nodes []*Node

	data     string
	keys     string   // folder of the shared keys
	servers  []string // flags that name the servers
	logFlags []string
}

// roles are the processes of a cluster, besides the log.
var roles = []string{"api", "api", "projector", "projector", "relay", "relay", "push", "push"}

// Servers are the addresses of the real servers, by their setting: those of
// own, and shared ones for the rest. A missing one fails the test: what needs
// them must not be skipped in silence.
func Servers(t testing.TB, own map[string]string) map[string]string {
	t.Helper()
	found := maps.Clone(own)
	if found == nil {
		found = map[string]string{}
	}
	for _, name := range []string{"kafka", "postgres", "elasticsearch", "redis"} {
		if found[name] != "" {
			continue
		}
		variable := "PARLEY_TEST_" + strings.ToUpper(name)
		if found[name] = os.Getenv(variable); found[name] == "" {
			t.Fatalf("%s is not set: `make test-stack` starts the servers", variable)
		}
	}
	return found
}

func newCluster(t testing.TB, data string, own map[string]string) *Cluster {
	t.Helper()
	c := &Cluster{t: t, front: newFront(t), data: data, keys: data + "-keys"}
	if err := os.MkdirAll(c.keys, 0o700); err != nil {
		t.Fatal(err)
	}
	address := freeAddress(t)
	c.logFlags = []string{"--roles=log", "--data=" + data, "--http=127.0.0.1:0", "--grpc=" + address}
	c.Namespace, c.EventStore = namespaceOf(t, c.keys), "esdb://"+address+"?tls=false"
	c.servers = []string{
		"--eventstore=" + c.EventStore, "--namespace=" + c.Namespace, "--kafka-partitions=2", "--pool-max=6", "--lease-ttl=3s", "--retry-longest=500ms", "--position-wait=10s", "--breaker-slow=10s",
	}
	for name, url := range Servers(t, own) {
		c.servers = append(c.servers, "--"+name+"="+url)
	}
	return c
}

// namespaceOf is a new namespace, as the servers are shared by all tests; a
// cluster that was on the same folder before had the same one.
func namespaceOf(t testing.TB, folder string) string {
	t.Helper()
	file := filepath.Join(folder, "namespace")
	if kept, err := os.ReadFile(file); err == nil {
		return string(kept)
	}
	name := fmt.Sprintf("t%x", randomBytes(6))
	if err := os.WriteFile(file, []byte(name), 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

// freeAddress is one that nobody else takes before the log does, or while it is
// killed: below the ports that the system gives away, away from the servers'.
func freeAddress(t testing.TB) string {
	t.Helper()
	for range 100 {
		address := fmt.Sprintf("127.0.0.1:%d", 10_000+mathrand.IntN(10_000))
		if _, taken := given.LoadOrStore(address, true); taken {
			continue
		}
		if l, err := net.Listen("tcp", address); err == nil {
			_ = l.Close()
			return address
		}
	}
	t.Fatal("no free address")
	return ""
}

// given are the addresses that freeAddress has chosen in this process.
var given sync.Map

// start is a starter of the whole cluster. The flags of the test go to every
// process but the log.
func (c *Cluster) start(begin starter) starter {
	return func(t testing.TB, args []string) (running, string, error) {
		keys, err := c.keyFiles(args)
		if err != nil {
			return nil, "", err
		}
		if err := c.startLog(begin); err != nil {
			return nil, "", err
		}
		c.nodes = nil
		for _, role := range roles {
			flags := []string{"--roles=" + role, "--base-url=" + c.front.base, "--trusted-proxies=127.0.0.1"}
			for _, more := range [][]string{c.servers, keys, args} {
				flags = append(flags, more...)
			}
			c.nodes = append(c.nodes, &Node{Role: role, t: t, begin: begin, args: flags})
		}
		if err := each(c.nodes, (*Node).start); err != nil {
			return nil, "", errors.Join(err, whole{c}.kill())
		}
		c.front.serve(c)
		return whole{c}, c.front.base, nil
	}
}

// startLog starts the log below everything, unless it runs.
func (c *Cluster) startLog(begin starter) error {
	if c.store != nil {
		if run, _, _ := c.store.now(); run != nil {
			return nil
		}
	}
	c.store = &Node{Role: "log", t: c.t, begin: begin, args: c.logFlags}
	return c.store.start()
}

// keyFiles makes the keys that all processes share, once: those that the flags
// name are the test's own.
func (c *Cluster) keyFiles(args []string) ([]string, error) {
	algorithm := "EdDSA"
	var own []string
	for i, a := range args {
		if value, ok := strings.CutPrefix(a, "--jwt-alg="); ok {
			algorithm = value
		} else if a == "--jwt-alg" {
			algorithm = args[i+1]
		}
	}
	for flag, generate := range map[string]func() ([]byte, error){
		"--jwt-key-file":    func() ([]byte, error) { return signingKey(algorithm) },
		"--master-key-file": func() ([]byte, error) { return randomBytes(32), nil },
	} {
		if strings.Contains(strings.Join(args, " "), flag) {
			continue
		}
		path := filepath.Join(c.keys, strings.TrimPrefix(flag, "--")+"-"+algorithm) // see SigningKeyFile
		if flag == "--master-key-file" {
			path = c.MasterKeyFile()
		}
		own = append(own, flag+"="+path)
		if _, err := os.Stat(path); err == nil {
			continue
		}
		raw, err := generate()
		if err == nil {
			err = os.WriteFile(path, raw, 0o600)
		}
		if err != nil {
			return nil, err
		}
	}
	return own, nil
}

func signingKey(algorithm string) ([]byte, error) {
	var key any
	var err error
	switch algorithm {
	case "HS256":
		return randomBytes(32), nil
	case "RS256":
		key, err = rsa.GenerateKey(rand.Reader, 2048)
	default:
		_, key, err = ed25519.GenerateKey(rand.Reader)
	}
	if err != nil {
		return nil, err
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	return pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), err
}

func randomBytes(n int) []byte {
	raw := make([]byte, n)
	_, _ = rand.Read(raw) // never fails
	return raw
}

// Ready waits until every process says that it can serve.
func (c *Cluster) Ready() {
	c.t.Helper()
	for _, n := range append([]*Node{c.store}, c.nodes...) {
		if run, _, _ := n.now(); run != nil {
			n.Ready()
		}
	}
}

// Flags are what every process of the cluster is started with: servers and
// keys.
func (c *Cluster) Flags() []string {
	keys, err := c.keyFiles(nil)
	if err != nil {
		c.t.Fatal(err)
	}
	return append(slices.Clone(c.servers), keys...)
}

// MasterKeyFile is the key that all processes share.
func (c *Cluster) MasterKeyFile() string { return filepath.Join(c.keys, "master") }

// SigningKeyFile is the key of access tokens that all processes share; a test
// may put one there before they start.
func (c *Cluster) SigningKeyFile() string { return filepath.Join(c.keys, "jwt-key-file-EdDSA") }

// Log is the process of the log.
func (c *Cluster) Log() *Node { return c.store }

// Nodes are the processes of a role.
func (c *Cluster) Nodes(role string) []*Node {
	var found []*Node
	for _, n := range c.nodes {
		if n.Role == role {
			found = append(found, n)
		}
	}
	return found
}

// stop ends the roles, then the log below them.
func (c whole) stop(ctx context.Context) error {
	c.front.pause()
	err := each(c.nodes, func(n *Node) error { return n.stop(ctx) })
	return errors.Join(err, c.store.stop(ctx))
}

func (c whole) kill() error {
	c.front.pause()
	return each(append([]*Node{c.store}, c.nodes...), (*Node).kill)
}

// whole is a cluster as a test starts and stops it.
type whole struct{ *Cluster }

func (w whole) log() string { return w.gather(running.log) }
func (w whole) out() string { return w.gather(running.out) }

// gather is a text of every process, one after the other.
func (c *Cluster) gather(of func(running) string) string {
	var b strings.Builder
	for _, n := range append([]*Node{c.store}, c.nodes...) {
		if _, last, base := n.now(); last != nil {
			fmt.Fprintf(&b, "--- %s %s\n%s\n", n.Role, base, of(last))
		}
	}
	return b.String()
}

// each does f for all nodes at once.
func each(nodes []*Node, f func(*Node) error) error {
	errs := make([]error, len(nodes))
	var all sync.WaitGroup
	for i, n := range nodes {
		all.Go(func() { errs[i] = f(n) })
	}
	all.Wait()
	return errors.Join(errs...)
}

// AdminCreate runs `parley admin create` with the settings of the cluster.
func (c *Cluster) AdminCreate(email, handle, password string) ([]byte, error) {
	ctx, cancel := context.WithTimeout(context.Background(), Patience)
	defer cancel()
	file := filepath.Join(c.keys, "password")
	if err := os.WriteFile(file, []byte(password), 0o600); err != nil {
		return nil, err
	}
	args, err := c.Command("admin", "create", "--email", email, "--handle", handle, "--password-file", file, "--hash-memory=64KiB", "--hash-time=1")
	if err != nil {
		return nil, err
	}
	return exec.CommandContext(ctx, Binary(c.t), args...).CombinedOutput()
}

// Command gives the arguments of a command on the cluster.
func (c *Cluster) Command(args ...string) ([]string, error) {
	keys, err := c.keyFiles(nil)
	return slices.Concat(args, []string{"--data=" + c.data}, c.servers, keys), err
}

package deploy_test

import (
	"crypto/ed25519"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"github.com/parleyhq/parley/cmd/settings"
)

// composition is what docker-compose.yml says, as far as it is checked.
type composition struct {
	Services map[string]struct {
		Image       string
		Build       struct{ Dockerfile string }
		Environment map[string]string
		Volumes     []string
		DependsOn   map[string]struct{ Condition string } `yaml:"depends_on"`
		Healthcheck struct{ Test []string }
		Deploy      struct{ Replicas int }
	}
	Volumes map[string]any
}

func readComposition(t *testing.T) composition {
	t.Helper()
	raw, err := os.ReadFile("../docker-compose.yml")
	if err != nil {
		t.Fatal(err)
	}
	var c composition
	if err := yaml.Unmarshal(raw, &c); err != nil {
		t.Fatal(err)
	}
	return c
}

// O2: every setting that the composition gives exists and has a value that is
// taken; every server that an address names is there.
func TestComposeSettings(t *testing.T) {
	t.Parallel()
	c := readComposition(t)
	var roles []string
	for name, s := range c.Services {
		var environ []string
		for variable, value := range s.Environment {
			if !strings.HasPrefix(variable, "PARLEY_") {
				continue
			}
			environ = append(environ, variable+"="+value)
			u, err := url.Parse(value)
			if err != nil || u.Hostname() == "" || variable == "PARLEY_BASE_URL" {
				continue
			}
			if _, ok := c.Services[u.Hostname()]; !ok {
				t.Errorf("%s: %s names the service %s, which is not there", name, variable, u.Hostname())
			}
			if _, ok := s.DependsOn[u.Hostname()]; !ok {
				t.Errorf("%s does not wait for %s", name, u.Hostname())
			}
		}
		if environ == nil {
			continue
		}
		got, err := settings.Parse(nil, environ)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if !got.Distributed() {
			t.Errorf("%s is not on the distributed stack", name)
		}
		if s.Deploy.Replicas != 2 {
			t.Errorf("%s has %d nodes", name, s.Deploy.Replicas)
		}
		roles = append(roles, got.Roles...)
	}
	slices.Sort(roles)
	if want := []string{"api", "projector", "push", "relay"}; !slices.Equal(roles, want) {
		t.Errorf("roles %v, want %v", roles, want)
	}
}

// O2: what the composition refers to is there, images are pinned, and whoever
// is waited for can say that it is healthy.
func TestComposeReferences(t *testing.T) {
	t.Parallel()
	c := readComposition(t)
	for name, s := range c.Services {
		image, tag, _ := strings.Cut(s.Image, ":")
		if image == "" || tag == "" || tag == "latest" {
			t.Errorf("%s: the image %q is not pinned", name, s.Image)
		}
		if s.Build.Dockerfile != "" {
			if _, err := os.Stat(filepath.Join("..", s.Build.Dockerfile)); err != nil {
				t.Error(err)
			}
		}
		for other, how := range s.DependsOn {
			o, ok := c.Services[other]
			if !ok {
				t.Errorf("%s waits for %s, which is not there", name, other)
			}
			if how.Condition == "service_healthy" && len(o.Healthcheck.Test) == 0 && o.Image != "parley:local" { // its Dockerfile has one
				t.Errorf("%s waits for the health of %s, which has no check", name, other)
			}
		}
		for _, volume := range s.Volumes {
			from, _, _ := strings.Cut(volume, ":")
			if strings.HasPrefix(from, "./") {
				if _, err := os.Stat(filepath.Join("..", from)); err != nil {
					t.Errorf("%s: %v", name, err)
				}
			} else if _, ok := c.Volumes[from]; !ok {
				t.Errorf("%s: there is no volume %s", name, from)
			}
		}
	}
	proxy, err := os.ReadFile("compose/Caddyfile")
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range strings.Split(string(proxy), "\n") {
		if to, ok := strings.CutPrefix(strings.TrimSpace(line), "import nodes "); ok {
			if _, there := c.Services[to]; !there {
				t.Errorf("the entry leads to %s, which is not there", to)
			}
		}
	}
	docker, err := os.ReadFile("Dockerfile")
	if err != nil || !strings.Contains(string(docker), "\nHEALTHCHECK ") || !strings.Contains(string(docker), "\nUSER ") {
		t.Errorf("Dockerfile: %v", err)
	}
}

// The keys of the composition are keys, and are made once.
func TestComposeKeys(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	var before string
	for range 2 {
		if out, err := exec.Command("compose/keys", dir, fmt.Sprint(os.Getuid())).CombinedOutput(); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
		raw, err := os.ReadFile(filepath.Join(dir, "jwt.pem"))
		if err != nil {
			t.Fatal(err)
		}
		block, rest := pem.Decode(raw)
		if block == nil || len(rest) > 0 {
			t.Fatalf("no PEM: %q", raw)
		}
		key, err := x509.ParsePKCS8PrivateKey(block.Bytes)
		if _, ok := key.(ed25519.PrivateKey); err != nil || !ok {
			t.Fatalf("%T, %v", key, err)
		}
		master, err := os.ReadFile(filepath.Join(dir, "master"))
		if err != nil || len(master) != 32 {
			t.Fatalf("%d bytes, %v", len(master), err)
		}
		if now := string(raw) + string(master); before != "" && now != before {
			t.Error("keys were made anew")
		} else {
			before = now
		}
		for _, name := range []string{"jwt.pem", "master"} {
			if info, err := os.Stat(filepath.Join(dir, name)); err != nil || info.Mode().Perm() != 0o600 {
				t.Errorf("%s: %v, %v", name, info.Mode(), err)
			}
		}
	}
}

package acceptance

import (
	"bytes"
	"context"
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/parleyhq/parley/cmd/acceptance/harness"
	"github.com/parleyhq/parley/examples/community"
)

// sample imports the community of the examples.
func (i importing) sample() {
	i.t.Helper()
	lines := strings.Split(strings.TrimSpace(string(community.Lines)), "\n")
	want := "account: 12 imported, 0 were there already, 0 refused\nboard: 10 imported, 0 were there already, 0 refused\npost: 220 imported, 0 were there already, 0 refused\n"
	if status, stdout, stderr := i.run(lines); status != 0 || !strings.HasPrefix(stdout, want) {
		i.t.Fatalf("exit %d: %s%s", status, stdout, stderr)
	}
}

// makeSample runs `make sample` into that folder, with the program that other
// tests have built already.
func makeSample(t *testing.T, data string) (printed string, err error) {
	t.Helper()
	sample := exec.CommandContext(t.Context(), "make", "-C", "../..", "--no-print-directory", "--assume-old=build", "sample",
		"BIN="+filepath.Dir(harness.Binary(t)), "DATA="+data)
	out, err := sample.CombinedOutput()
	return string(out), err
}

// O1: `make sample` on no folder at all makes a lively community with an
// administrator, and does no harm where it is run again.
func TestO1_Sample(t *testing.T) {
	t.Parallel()
	data := filepath.Join(t.TempDir(), "data")
	if out, err := makeSample(t, data); err != nil || !strings.Contains(out, "post: 220 imported") {
		t.Fatalf("%v: %s", err, out)
	}
	if out, err := makeSample(t, data); err != nil || !strings.Contains(out, "post: 0 imported, 220 were there already") {
		t.Fatalf("again: %v: %s", err, out)
	}

	s := harness.Start(t, harness.Embedded(), harness.On(data))
	if out, err := makeSample(t, data); err == nil || !strings.Contains(out, data) {
		t.Errorf("while it is served: %s", out)
	}
	c := s.Client()
	c.SignIn("root_admin", "open the pod bay doors").Want(201)
	posts := 0.0
	for _, b := range c.Get("/v1/boards?limit=100").Want(200).Items() {
		n, _ := b["posts"].(float64)
		posts += n
	}
	if posts != 220 {
		t.Errorf("%v posts", posts)
	}
	post := c.Get("/v1/posts/" + here("post", "ramen-tokyo")).Want(200).Map()
	if post["comments"] != 3.0 || len(post["reactions"].(map[string]any)) == 0 {
		t.Errorf("a lively post: %v", post)
	}
	newest, err := time.Parse(time.RFC3339, fmt.Sprint(c.Get("/v1/feed?public=true").Want(200).Items()[0]["publishedAt"]))
	if err != nil || time.Since(newest) > 24*time.Hour || len(c.Get("/v1/hashtags?window=30d").Want(200).Items()) == 0 {
		t.Errorf("it looks abandoned since %v: %v", newest, err)
	}
	if strings.Contains(s.Log(), "not removed for now") { // tables that are on their way are no trouble
		t.Error("the first start complains")
	}
}

// O10: the REST client visits the sample community, as somebody new and as
// somebody known.
func TestO10_REST(t *testing.T) {
	t.Parallel()
	program := filepath.Join(t.TempDir(), "rest")
	if out, err := exec.CommandContext(t.Context(), "go", "build", "-o", program, "../../examples/rest").CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	i := importing{t, harness.Start(t)}
	i.s.Admin()
	visitor := harness.NewHandle("visitor")
	visit := func(password string) (stdout, stderr string, status int) {
		ctx, cancel := context.WithTimeout(t.Context(), harness.Patience)
		defer cancel()
		cmd := exec.CommandContext(ctx, program, "-server", i.s.Base, "-login", visitor)
		cmd.Env = []string{"PARLEY_PASSWORD=" + password}
		var out, errs bytes.Buffer
		cmd.Stdout, cmd.Stderr = &out, &errs
		_ = cmd.Run() // the status tells
		return out.String(), errs.String(), cmd.ProcessState.ExitCode()
	}
	if out, errs, status := visit(harness.Password); status != 1 || errs != "rest: there is no board Coffee: fill the server with `make sample` first\n" {
		t.Fatalf("without the sample: exit %d: %s%s", status, out, errs)
	}
	i.sample()
	for range 2 {
		out, errs, status := visit(harness.Password)
		if status != 0 {
			t.Fatalf("exit %d: %s%s", status, out, errs)
		}
		for _, want := range []string{
			"signed in as @" + visitor + "\nfollowing 王美 Mei\nfollowing 田中健二\nfollowing the board Coffee\nfollowing #台北\n",
			"\nfeed, page 1\n", "\nfeed, page 3\n", "  東京オフ会のお知らせ (田中健二)\n",
			"台北咖啡店地圖 2026\n    title: «台北咖啡»店地圖 2026\n", "    title: 東京で一番おいしい«ラーメン»屋\n", "    title: Beginner «guitar» «chords»\n",
			"\npublished \"Greetings from the command line\": 1 comment, 1 like\nfound it by searching\n",
			"\nrefused, as it should be: Some fields are not valid. (request.invalid)\n  title: required\n  body: required\n",
		} {
			if !strings.Contains(out, want) {
				t.Errorf("%q is missing in\n%s", want, out)
			}
		}
	}
	if out, errs, status := visit("another " + harness.Password); status != 1 || !strings.Contains(errs, "@"+visitor+" is somebody with another password") {
		t.Errorf("another password: exit %d: %s%s", status, out, errs)
	}
}

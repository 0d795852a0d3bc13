package acceptance

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/parleyhq/parley/cmd/acceptance/harness"
)

// O1: a seeded folder answers the pages of the tour, and seeding it again is
// refused.
func TestO1_ASeededCommunity(t *testing.T) {
	t.Parallel()
	data := filepath.Join(t.TempDir(), "data")
	args := []string{"seed", "--data", data, "--accounts", "30", "--posts", "80", "--messages", "300"}
	status, stdout, stderr := parley(t, args...)
	if status != 0 || !strings.Contains(stdout, "made 30 accounts, 80 posts and 300 messages") || !strings.Contains(stderr, "messages: 300\n") {
		t.Fatalf("exit %d: %s%s", status, stdout, stderr)
	}
	if status, _, stderr := parley(t, args...); status != 1 || !strings.Contains(stderr, "sample") {
		t.Errorf("seeded twice: exit %d: %s", status, stderr)
	}
	refuses(t, 2, "--posts", "seed", "--data", data, "--posts", "-1")

	s := harness.Start(t, harness.Embedded(), harness.On(data))
	c := s.Client()
	c.SignIn("sample_admin", "parley-sample-password").Want(201)
	boards := c.Get("/v1/boards?limit=100").Want(200).Items()
	posts := 0.0
	for _, b := range boards {
		n, _ := b["posts"].(float64)
		posts += n
	}
	if len(boards) != 10 || posts != 80 {
		t.Errorf("%d boards with %v posts", len(boards), posts)
	}
	if len(c.Get("/v1/hashtags").Want(200).Items()) == 0 || len(c.Get("/v1/feed?public=true").Want(200).Items()) != 20 {
		t.Error("hashtags or the public feed are empty")
	}
	author, _ := c.Get("/v1/feed?public=true").Items()[0]["author"].(map[string]any)
	handle, _ := author["handle"].(string)
	someone := s.Client()
	someone.SignIn(handle, "parley-sample-password").Want(201)
	if len(someone.Get("/v1/feed").Want(200).Items()) == 0 {
		t.Error("an active person's home feed is empty")
	}
	refuses(t, 1, data, args...) // while a server runs on it
}

package acceptance

import (
	"sync"
	"testing"

	"github.com/parleyhq/parley/cmd/acceptance/harness"
)

// N2, invariant 8 on the real process: people follow one another and react
// while it is killed with signal 9 again and again. Whatever was acknowledged
// is told once, what was not at most once, and numbers have no gaps.
func TestN2_KilledAtAnyMomentTellsOnce(t *testing.T) {
	t.Parallel()
	s := harness.StartProcess(t)
	alice, bob := s.NewPerson("alice"), s.NewPerson("bob")
	admin := s.Admin()
	board := newBoard(s, admin)
	seeing(admin, alice)
	done := map[string]bool{}
	for range rounds(t) {
		var posts []string
		for range 30 {
			posts = append(posts, makePost(alice, board, nil))
		}
		seeing(alice, bob)
		first := make(chan struct{})
		var writer sync.WaitGroup
		writer.Go(func() {
			for i, post := range posts {
				a, err := bob.Try("PUT", "/v1/posts/"+post+"/reactions/like", nil)
				if err != nil {
					break
				}
				done[post] = a.Status == 204
				if i == 10 {
					close(first)
				}
			}
		})
		<-first
		s.Kill()
		writer.Wait()
		s.Again(true)
		s.Move(alice)
		s.Move(bob)
	}
	seeing(bob, alice)
	told := map[string]int{}
	last := 0.0
	for path := "/v1/notifications?limit=100"; ; {
		a := alice.Get(path).Want(200)
		for _, n := range a.Items() {
			told[n["subject"].(body)["id"].(string)]++
			if number := n["number"].(float64); last != 0 && number != last-1 {
				t.Errorf("number %v comes after %v", number, last)
			}
			last = n["number"].(float64)
		}
		if a.Next() == "" {
			break
		}
		path = "/v1/notifications?limit=100&cursor=" + a.Next()
	}
	if last != 1 || len(done) < 10*rounds(t) {
		t.Errorf("the oldest number is %v; %d reactions", last, len(done))
	}
	for post, acknowledged := range done {
		if acknowledged && told[post] == 0 {
			t.Errorf("nobody was told of post %s", post)
		}
	}
	for post, times := range told {
		if times != 1 {
			t.Errorf("told %d times of post %s", times, post)
		}
	}
}

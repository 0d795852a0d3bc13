package commandstest

import (
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/parleyhq/parley/commands"
)

// Limits runs the suite. open makes empty limits for each test.
func Limits(t *testing.T, open func(testing.TB) (commands.Limits, Advance)) {
	t.Helper()
	suite(t, open, map[string]func(*testing.T, commands.Limits, Advance){
		"a bucket":                 oneBucket,
		"buckets are apart":        bucketsApart,
		"several at once":          severalBuckets,
		"no more than there is":    drawnAtOnce,
		"a lock":                   oneLock,
		"locks double":             locksDouble,
		"failures are forgotten":   failuresFade,
		"a success forgets":        successForgets,
		"a lock is opened":         lockOpened,
		"what began before a lock": settledLate,
		"failures at once":         failuresAtOnce,
	})
}

var tenIn20 = commands.Rate{Count: 10, Per: 20 * time.Second}

func drawOne(t *testing.T, l commands.Limits, rule, key string, rate commands.Rate) commands.Level {
	t.Helper()
	levels, err := l.Draw(t.Context(), []commands.Draw{{Rule: rule, Key: key, Rate: rate}})
	if err != nil || len(levels) != 1 || levels[0].Rule != rule || levels[0].Rate != rate {
		t.Fatalf("%+v %v", levels, err)
	}
	return levels[0]
}

// between fails the test unless d is in (low, high].
func between(t *testing.T, what string, d, low, high time.Duration) {
	t.Helper()
	if d <= low || d > high {
		t.Errorf("%s: %s, want over %s and at most %s", what, d, low, high)
	}
}

func oneBucket(t *testing.T, l commands.Limits, advance Advance) {
	for i := range 10 {
		got := drawOne(t, l, "r", "k", tenIn20)
		if got.Wait != 0 || got.Remaining != 9-i {
			t.Fatalf("draw %d: %+v", i, got)
		}
		between(t, "until it is full", got.Full, time.Duration(i)*2*time.Second, time.Duration(i+1)*2*time.Second)
	}
	for range 3 { // what is refused takes nothing
		got := drawOne(t, l, "r", "k", tenIn20)
		if got.Remaining != 0 {
			t.Errorf("%+v", got)
		}
		between(t, "wait", got.Wait, time.Second, 2*time.Second)
	}
	advance(2 * time.Second)
	if got := drawOne(t, l, "r", "k", tenIn20); got.Wait != 0 {
		t.Errorf("after a tenth of the time: %+v", got)
	}
	if got := drawOne(t, l, "r", "k", tenIn20); got.Wait == 0 {
		t.Error("two after the time of one")
	}
	advance(20 * time.Second)
	if got := drawOne(t, l, "r", "k", tenIn20); got.Wait != 0 || got.Remaining != 9 {
		t.Errorf("after the whole time: %+v", got)
	}
}

func bucketsApart(t *testing.T, l commands.Limits, _ Advance) {
	once := commands.Rate{Count: 1, Per: time.Minute}
	for _, b := range [][2]string{{"r", "k"}, {"r", "other"}, {"other", "k"}, {"rk", ""}, {"", "rk"}, {"r", "k\x00"}} {
		if got := drawOne(t, l, b[0], b[1], once); got.Wait != 0 {
			t.Errorf("%q: %+v", b, got)
		}
		if got := drawOne(t, l, b[0], b[1], once); got.Wait == 0 {
			t.Errorf("%q: a second one", b)
		}
	}
}

func severalBuckets(t *testing.T, l commands.Limits, _ Advance) {
	draws := []commands.Draw{
		{Rule: "wide", Key: "k", Rate: commands.Rate{Count: 7, Per: time.Minute}},
		{Rule: "narrow", Key: "k", Rate: commands.Rate{Count: 1, Per: time.Minute}},
	}
	for i, refused := range []bool{false, true} {
		levels, err := l.Draw(t.Context(), draws)
		must(t, err)
		if len(levels) != 2 || levels[0].Rule != "wide" || levels[0].Remaining != 6-i || levels[0].Wait != 0 || (levels[1].Wait > 0) != refused {
			t.Errorf("%d: %+v", i, levels)
		}
	}
	if levels, err := l.Draw(t.Context(), nil); err != nil || len(levels) != 0 {
		t.Errorf("no draws: %v %v", levels, err)
	}
}

func drawnAtOnce(t *testing.T, l commands.Limits, _ Advance) {
	rate := commands.Rate{Count: 25, Per: time.Hour}
	var given atomic.Int64
	var all sync.WaitGroup
	for range 10 {
		all.Go(func() {
			for range 10 {
				levels, err := l.Draw(t.Context(), []commands.Draw{{Rule: "r", Key: "k", Rate: rate}})
				if err != nil {
					t.Error(err)
				} else if levels[0].Wait == 0 {
					given.Add(1)
				}
			}
		})
	}
	all.Wait()
	if given.Load() != 25 {
		t.Errorf("%d of 25 were given", given.Load())
	}
}

func lockOf(key string) commands.Lock {
	return commands.Lock{Key: key, Failures: 3, First: time.Second, Longest: 30 * time.Second}
}

func fails(t *testing.T, l commands.Limits, locks ...commands.Lock) time.Duration {
	t.Helper()
	rest, err := l.Settle(t.Context(), locks, true)
	must(t, err)
	return rest
}

func lockedFor(t *testing.T, l commands.Limits, locks ...commands.Lock) time.Duration {
	t.Helper()
	rest, err := l.Locked(t.Context(), locks)
	must(t, err)
	return rest
}

func oneLock(t *testing.T, l commands.Limits, advance Advance) {
	ada, bob := lockOf("ada"), lockOf("bob")
	for i := range 3 {
		if rest := lockedFor(t, l, ada, bob); rest > 0 {
			t.Fatalf("locked before failure %d", i)
		}
		if rest := fails(t, l, ada); rest > 0 {
			t.Fatalf("failure %d met a lock", i)
		}
	}
	between(t, "the first lock", lockedFor(t, l, ada), 0, time.Second)
	between(t, "of several", lockedFor(t, l, bob, ada), 0, time.Second)
	if rest := lockedFor(t, l, bob); rest > 0 {
		t.Errorf("another's: %s", rest)
	}
	advance(time.Second)
	if rest := lockedFor(t, l, ada); rest > 0 {
		t.Errorf("after its time: %s", rest)
	}
}

func locksDouble(t *testing.T, l commands.Limits, advance Advance) {
	ada := commands.Lock{Key: "ada", Failures: 3, First: time.Second, Longest: 5 * time.Second}
	slow := commands.Lock{Key: "slow", Failures: 3, First: time.Second, Longest: time.Hour}
	for range 3 {
		fails(t, l, slow)
	}
	for _, want := range []time.Duration{1, 2, 4, 8} {
		rest := lockedFor(t, l, slow)
		between(t, "a further lock", rest, want*time.Second/2, want*time.Second)
		advance(rest)
		fails(t, l, slow)
	}
	longest := time.Duration(0)
	for range 12 { // failures fade while it is locked, so there may be several between two locks
		fails(t, l, ada)
		rest := lockedFor(t, l, ada)
		longest = max(longest, rest)
		if rest > 0 {
			advance(rest)
		}
	}
	between(t, "the longest lock", longest, 0, 5*time.Second)
}

func failuresFade(t *testing.T, l commands.Limits, advance Advance) {
	ada := lockOf("ada")
	fails(t, l, ada)
	fails(t, l, ada)
	advance(20 * time.Second) // two are forgotten
	for i := range 2 {
		fails(t, l, ada)
		if rest := lockedFor(t, l, ada); rest > 0 {
			t.Fatalf("locked after failure %d", i)
		}
	}
	fails(t, l, ada)
	if lockedFor(t, l, ada) == 0 {
		t.Error("not locked by the third")
	}
}

func lockOpened(t *testing.T, l commands.Limits, _ Advance) {
	ada, eve, net := lockOf("ada"), lockOf("eve"), lockOf("net")
	net.Keeps = true
	for range 3 {
		fails(t, l, ada)
		fails(t, l, net)
		fails(t, l, eve)
	}
	must(t, l.Forgive(t.Context(), []commands.Lock{ada, net}))
	must(t, l.Forgive(t.Context(), nil))
	if lockedFor(t, l, ada) > 0 || lockedFor(t, l, net) == 0 || lockedFor(t, l, eve) == 0 {
		t.Error("the wrong ones are open")
	}
	fails(t, l, ada)
	if lockedFor(t, l, ada) > 0 {
		t.Error("old failures count")
	}
}

func successForgets(t *testing.T, l commands.Limits, _ Advance) {
	ada, net := lockOf("ada"), lockOf("net")
	net.Failures, net.Keeps = 5, true
	for range 2 {
		fails(t, l, ada, net)
	}
	if rest, err := l.Settle(t.Context(), []commands.Lock{ada, net}, false); rest > 0 || err != nil {
		t.Error(rest, err)
	}
	for i := range 2 {
		fails(t, l, ada, net)
		if rest := lockedFor(t, l, ada, net); rest > 0 {
			t.Fatalf("locked after failure %d", i)
		}
	}
	fails(t, l, lockOf("bob"), net) // the fifth of the network
	if lockedFor(t, l, net) == 0 {
		t.Error("a success cleared the network")
	}
	if lockedFor(t, l, ada) > 0 {
		t.Error("the account is locked by two failures")
	}
}

func settledLate(t *testing.T, l commands.Limits, _ Advance) {
	ada := lockOf("ada")
	for range 3 {
		fails(t, l, ada)
	}
	for _, failed := range []bool{true, false} {
		rest, err := l.Settle(t.Context(), []commands.Lock{ada, lockOf("bob")}, failed)
		must(t, err)
		between(t, "what is left of the lock", rest, 0, time.Second)
	}
	between(t, "the lock stays as it is", lockedFor(t, l, ada), 0, time.Second)
}

func failuresAtOnce(t *testing.T, l commands.Limits, _ Advance) {
	ada := lockOf("ada")
	ada.First = time.Minute
	ada.Longest = time.Hour
	var told atomic.Int64
	var all sync.WaitGroup
	for range 20 {
		all.Go(func() {
			if rest, err := l.Settle(t.Context(), []commands.Lock{ada}, true); err != nil {
				t.Error(err)
			} else if rest == 0 {
				told.Add(1)
			}
		})
	}
	all.Wait()
	if told.Load() != 3 {
		t.Errorf("%d of 20 guesses were answered, want 3", told.Load())
	}
}

package memory

import (
	"context"
	"math"
	"sync"
	"time"

	lru "github.com/hashicorp/golang-lru/v2/simplelru"

	"github.com/parleyhq/parley/commands"
)

// Limits is a commands.Limits and a commands.Tallies. It keeps the buckets, the
// locks and the tallies that were used last: whoever is forgotten begins with
// a full bucket.
type Limits struct {
	now func() time.Time

	mu      sync.Mutex
	buckets *lru.LRU[bucket, time.Time] // when it will be full again
	locks   *lru.LRU[string, failures]
	tallies *lru.LRU[string, []time.Time] // of failures, newest first
}

type bucket struct{ rule, key string }

// failures are those of one key. They are forgotten evenly: one in each
// Longest/Failures.
type failures struct {
	count float64 // at that time
	at    time.Time
	locks int // so many in a row
	until time.Time
}

// NewLimits makes room for most buckets, and as many locks and tallies.
func NewLimits(most int, now func() time.Time) *Limits {
	buckets, err := lru.NewLRU[bucket, time.Time](most, nil)
	if err != nil { // most is not positive
		panic(err)
	}
	locks, _ := lru.NewLRU[string, failures](most, nil) // as above
	tallies, _ := lru.NewLRU[string, []time.Time](most, nil)
	return &Limits{now: now, buckets: buckets, locks: locks, tallies: tallies}
}

// Draw implements commands.Limits. A bucket is what the generic cell rate
// algorithm (ITU-T I.371) keeps: the time at which it will be full.
func (l *Limits) Draw(_ context.Context, draws []commands.Draw) ([]commands.Level, error) {
	levels := make([]commands.Level, len(draws))
	l.mu.Lock()
	defer l.mu.Unlock()
	now := l.now()
	for i, d := range draws {
		full, _ := l.buckets.Get(bucket{d.Rule, d.Key})
		if full.Before(now) {
			full = now
		}
		each := max(1, d.Rate.Per/time.Duration(max(1, d.Rate.Count)))
		var wait time.Duration
		if next := full.Add(each); next.Sub(now) <= d.Rate.Per {
			full = next
			l.buckets.Add(bucket{d.Rule, d.Key}, full)
		} else {
			wait = next.Sub(now) - d.Rate.Per
		}
		levels[i] = commands.Level{
			Rule: d.Rule, Rate: d.Rate, Wait: wait,
			Remaining: int((d.Rate.Per - full.Sub(now)) / each), Full: full.Sub(now),
		}
	}
	return levels, nil
}

// Locked implements commands.Limits.
func (l *Limits) Locked(_ context.Context, locks []commands.Lock) (time.Duration, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.locked(l.now(), locks), nil
}

func (l *Limits) locked(now time.Time, locks []commands.Lock) (longest time.Duration) {
	for _, k := range locks {
		if f, ok := l.locks.Get(k.Key); ok {
			longest = max(longest, f.until.Sub(now))
		}
	}
	return longest
}

// Settle implements commands.Limits.
func (l *Limits) Settle(_ context.Context, locks []commands.Lock, failed bool) (time.Duration, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := l.now()
	if rest := l.locked(now, locks); rest > 0 {
		return rest, nil
	}
	for _, k := range locks {
		if failed {
			f, _ := l.locks.Get(k.Key)
			f.fail(now, k)
			l.locks.Add(k.Key, f)
		} else if !k.Keeps {
			l.locks.Remove(k.Key)
		}
	}
	return 0, nil
}

// Forgive implements commands.Limits.
func (l *Limits) Forgive(_ context.Context, locks []commands.Lock) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, k := range locks {
		if !k.Keeps {
			l.locks.Remove(k.Key)
		}
	}
	return nil
}

// fail counts one failure, and locks when there are too many.
func (f *failures) fail(now time.Time, k commands.Lock) {
	each := float64(k.Longest) / float64(max(1, k.Failures))
	if f.count -= float64(now.Sub(f.at)) / each; f.count <= 0 || f.at.IsZero() {
		*f = failures{}
	}
	f.count, f.at = f.count+1, now
	if f.count <= float64(k.Failures)-1 {
		return
	}
	f.until = now.Add(time.Duration(min(float64(k.First)*math.Exp2(float64(f.locks)), float64(k.Longest))))
	f.locks++
}

// Full implements commands.Tallies.
func (l *Limits) Full(_ context.Context, tallies []commands.Tally) (bool, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, t := range tallies {
		if at, _ := l.tallies.Get(t.Key); len(at) >= t.Count && l.now().Sub(at[t.Count-1]) < t.For {
			return true, nil
		}
	}
	return false, nil
}

// Count implements commands.Tallies.
func (l *Limits) Count(_ context.Context, tallies []commands.Tally, failed bool) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, t := range tallies {
		if failed {
			at, _ := l.tallies.Get(t.Key)
			l.tallies.Add(t.Key, append([]time.Time{l.now()}, at[:min(len(at), t.Count-1)]...))
		} else if !t.Keeps {
			l.tallies.Remove(t.Key)
		}
	}
	return nil
}

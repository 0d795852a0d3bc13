package commandstest

import (
	"sync"
	"testing"
	"time"

	"github.com/parleyhq/parley/commands"
)

// Tallies runs the suite. open makes empty tallies for each test.
func Tallies(t *testing.T, open func(testing.TB) (commands.Tallies, Advance)) {
	t.Helper()
	suite(t, open, map[string]func(*testing.T, commands.Tallies, Advance){
		"a tally":             oneTally,
		"tallies are apart":   talliesApart,
		"failures get old":    talliesAge,
		"a success empties":   successEmpties,
		"tallied at once":     talliedAtOnce,
		"a smaller one later": smallerTally,
	})
}

// tallyOf is three failures, each for a minute.
func tallyOf(key string) commands.Tally {
	return commands.Tally{Key: key, Count: 3, For: time.Minute}
}

func counts(t *testing.T, l commands.Tallies, failed bool, tallies ...commands.Tally) {
	t.Helper()
	must(t, l.Count(t.Context(), tallies, failed))
}

// isFull fails the test unless one of tallies is full, or none.
func isFull(t *testing.T, l commands.Tallies, want bool, tallies ...commands.Tally) {
	t.Helper()
	if got, err := l.Full(t.Context(), tallies); err != nil || got != want {
		t.Errorf("%+v full: %v %v, want %v", tallies, got, err, want)
	}
}

func oneTally(t *testing.T, l commands.Tallies, _ Advance) {
	ada := tallyOf("ada")
	isFull(t, l, false, ada)
	for range 3 {
		isFull(t, l, false, ada)
		counts(t, l, true, ada)
	}
	isFull(t, l, true, ada)
	counts(t, l, true, ada) // one more is one more
	isFull(t, l, true, ada)
}

func talliesApart(t *testing.T, l commands.Tallies, _ Advance) {
	ada, bob, net := tallyOf("ada"), tallyOf("bob"), tallyOf("net")
	for range 2 {
		counts(t, l, true, ada, net)
	}
	counts(t, l, true, bob, net)
	isFull(t, l, false, ada)
	isFull(t, l, false, bob)
	isFull(t, l, true, net)
	isFull(t, l, true, bob, net) // one is enough
	isFull(t, l, false)
}

func talliesAge(t *testing.T, l commands.Tallies, advance Advance) {
	ada := tallyOf("ada")
	ada.For = 4 * time.Second // a real store waits for it
	for range 3 {
		counts(t, l, true, ada)
		advance(time.Second)
	}
	isFull(t, l, true, ada) // of three, two and one second
	advance(time.Second)
	isFull(t, l, false, ada)
	counts(t, l, true, ada)
	isFull(t, l, true, ada)
	advance(4 * time.Second)
	isFull(t, l, false, ada)
}

func successEmpties(t *testing.T, l commands.Tallies, _ Advance) {
	ada, net := tallyOf("ada"), tallyOf("net")
	net.Keeps = true
	for range 3 {
		counts(t, l, true, ada, net)
	}
	counts(t, l, false, ada, net)
	isFull(t, l, false, ada)
	isFull(t, l, true, net)
}

func talliedAtOnce(t *testing.T, l commands.Tallies, _ Advance) {
	ada := tallyOf("ada")
	ada.Count = 20
	var all sync.WaitGroup
	for range 19 {
		all.Go(func() {
			if err := l.Count(t.Context(), []commands.Tally{ada}, true); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	isFull(t, l, false, ada)
	counts(t, l, true, ada)
	isFull(t, l, true, ada)
}

// smallerTally is what a node sees whose operator changed the setting.
func smallerTally(t *testing.T, l commands.Tallies, _ Advance) {
	ada := tallyOf("ada")
	counts(t, l, true, ada)
	ada.Count = 1
	isFull(t, l, true, ada)
	ada.Count = 9
	isFull(t, l, false, ada)
}

package account_test

import (
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"
	"pgregory.net/rapid"

	"github.com/parleyhq/parley/domain/account"
	"github.com/parleyhq/parley/domain/event"
	"github.com/parleyhq/parley/domain/fault"
)

var (
	one, two = uuid.UUID{15: 101}, uuid.UUID{15: 102} // reports
	day      = at.AddDate(0, 0, 1)
	week     = at.AddDate(0, 0, 7)
)

// suspended is a suspension by a report, or by hand (uuid.Nil).
func suspended(report uuid.UUID, until time.Time) account.Suspended {
	return account.Suspended{Until: until, Reason: "spam", By: other, Report: report}
}

// lifted takes back what the nth event said, from 1; 0: all.
func lifted(n int) account.SuspensionLifted {
	d := account.SuspensionLifted{Reason: "spam", By: other}
	if n > 0 {
		d.Event = uuid.UUID{15: byte(n)}
	}
	return d
}

// A12, F11: what stands beside what, and until when that keeps one from writing.
func TestSuspended(t *testing.T) {
	t.Parallel()
	never := time.Time{}
	for name, test := range map[string]struct {
		given []event.Data
		now   time.Time
		until time.Time
		is    bool
	}{
		"not at all":                       {nil, at, never, false},
		"by hand":                          {[]event.Data{suspended(uuid.Nil, day)}, at, day, true},
		"for ever":                         {[]event.Data{suspended(uuid.Nil, never)}, week, never, true},
		"until now":                        {[]event.Data{suspended(uuid.Nil, day)}, day, never, false},
		"by hand, shorter":                 {[]event.Data{suspended(uuid.Nil, week), suspended(uuid.Nil, day)}, at, day, true},
		"by hand, after reports":           {[]event.Data{suspended(one, week), suspended(two, never), suspended(uuid.Nil, day)}, at, day, true},
		"shorter beside longer":            {[]event.Data{suspended(one, week), suspended(two, day)}, at, week, true},
		"longer beside shorter":            {[]event.Data{suspended(one, day), suspended(two, week)}, at, week, true},
		"for ever beside longer":           {[]event.Data{suspended(one, never), suspended(two, week)}, at, never, true},
		"shorter beside one by hand":       {[]event.Data{suspended(uuid.Nil, week), suspended(one, day)}, at, week, true},
		"the longer one ran out":           {[]event.Data{suspended(one, week), suspended(two, day)}, week, never, false},
		"the shorter one ran out":          {[]event.Data{suspended(one, day), suspended(two, week)}, day, week, true},
		"the longer one lifted":            {[]event.Data{suspended(one, week), suspended(two, day), lifted(1)}, at, day, true},
		"the shorter one lifted":           {[]event.Data{suspended(one, week), suspended(two, day), lifted(2)}, at, week, true},
		"one of two with the same end":     {[]event.Data{suspended(one, day), suspended(two, day), lifted(1)}, at, day, true},
		"both lifted":                      {[]event.Data{suspended(one, week), suspended(two, day), lifted(1), lifted(2)}, at, never, false},
		"all lifted":                       {[]event.Data{suspended(one, week), suspended(two, day), lifted(0)}, at, never, false},
		"lifted, and it did not stand":     {[]event.Data{suspended(one, week), suspended(uuid.Nil, day), lifted(1)}, at, day, true},
		"one by hand beneath it stays":     {[]event.Data{suspended(uuid.Nil, day), suspended(one, week), lifted(2)}, at, day, true},
		"one by hand lifted alone":         {[]event.Data{suspended(uuid.Nil, week), suspended(one, day), lifted(1)}, at, day, true},
		"after all were lifted, once more": {[]event.Data{suspended(one, week), lifted(0), suspended(one, day)}, at, day, true},
	} {
		if until, is := given(append([]event.Data{}, test.given...)...).Suspended(test.now); is != test.is || !until.Equal(test.until) {
			t.Errorf("%s: until %v, %v", name, until, is)
		}
	}
}

// A12, F11: what suspending and lifting say.
func TestSuspend(t *testing.T) {
	t.Parallel()
	type when func(*account.Account) ([]event.Data, error)
	suspend := func(d account.Suspended) when {
		return func(a *account.Account) ([]event.Data, error) { return a.Suspend(d, at) }
	}
	lift := func(a *account.Account) ([]event.Data, error) { return a.Lift(lifted(0), at) }
	liftFor := func(report uuid.UUID, now time.Time) when {
		return func(a *account.Account) ([]event.Data, error) { return a.LiftFor(report, lifted(0), now) }
	}
	for name, test := range map[string]struct {
		given []event.Data // after the account was registered
		when  when
		then  []event.Data
	}{
		"by hand":                            {nil, suspend(suspended(uuid.Nil, day)), []event.Data{suspended(uuid.Nil, day)}},
		"by hand, so again":                  {[]event.Data{suspended(uuid.Nil, day)}, suspend(suspended(uuid.Nil, day)), []event.Data{suspended(uuid.Nil, day)}},
		"for a report":                       {nil, suspend(suspended(one, day)), []event.Data{suspended(one, day)}},
		"for it, so again":                   {[]event.Data{suspended(one, day), suspended(two, week)}, suspend(suspended(one, day)), nil},
		"for it, for longer":                 {[]event.Data{suspended(two, day), suspended(one, day)}, suspend(suspended(one, week)), []event.Data{lifted(3), suspended(one, week)}},
		"for another, with the same end":     {[]event.Data{suspended(one, day)}, suspend(suspended(two, day)), []event.Data{suspended(two, day)}},
		"for it, lifted since":               {[]event.Data{suspended(one, day), lifted(0)}, suspend(suspended(one, day)), []event.Data{suspended(one, day)}},
		"for it, replaced since":             {[]event.Data{suspended(one, day), suspended(uuid.Nil, day)}, suspend(suspended(one, day)), []event.Data{suspended(one, day)}},
		"for it, where it ran out":           {[]event.Data{suspended(one, at)}, suspend(suspended(one, day)), []event.Data{suspended(one, day)}},
		"lift nothing":                       {nil, lift, nil},
		"lift all":                           {[]event.Data{suspended(one, day), suspended(two, week)}, lift, []event.Data{lifted(0)}},
		"lift all, which ran out":            {[]event.Data{suspended(one, at)}, lift, nil},
		"lift for a report":                  {[]event.Data{suspended(one, day), suspended(two, week)}, liftFor(two, at), []event.Data{lifted(3)}},
		"lift for it again":                  {[]event.Data{suspended(one, day), suspended(two, week), lifted(3)}, liftFor(two, at), nil},
		"lift for another":                   {[]event.Data{suspended(uuid.Nil, day), suspended(one, day)}, liftFor(two, at), nil},
		"lift for it, where it ran out":      {[]event.Data{suspended(one, day), suspended(two, week)}, liftFor(one, day), nil},
		"lift for it, where all were":        {[]event.Data{suspended(one, day), lifted(0)}, liftFor(one, at), nil},
		"lift for it, where it was replaced": {[]event.Data{suspended(one, day), suspended(uuid.Nil, day)}, liftFor(one, at), nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := test.when(given(append([]event.Data{registered}, test.given...)...))
			then(t, got, err, test.then, nil)
		})
	}
	for name, when := range map[string]when{"suspend": suspend(suspended(one, day)), "lift": lift, "lift for a report": liftFor(one, at)} {
		if got, err := when(given()); got != nil || !errors.Is(err, fault.ErrNotFound) {
			t.Errorf("%s who is not there: %v, %v", name, got, err)
		}
	}
}

// F11: whatever reports decide, in whatever order, one is suspended until the
// latest end of those whose newest decision says so; an administrator begins
// all of it anew.
func TestSuspensionsAreThoseOfTheReports(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		a, n := given(registered), 1
		standing := map[uuid.UUID]time.Time{} // by report; uuid.Nil: by hand
		say := func(events []event.Data, err error) {
			if err != nil {
				t.Fatal(err)
			}
			for _, d := range events {
				n++
				a.Apply(event.Decoded{Record: event.Record{ID: uuid.UUID{14: byte(n >> 8), 15: byte(n)}, Time: at}, Payload: d})
			}
		}
		t.Repeat(map[string]func(*rapid.T){
			"suspend": func(t *rapid.T) {
				report := uuid.UUID{0: byte(rapid.IntRange(1, 3).Draw(t, "report"))}
				until := at.Add(time.Duration(rapid.IntRange(1, 3).Draw(t, "hours")) * time.Hour)
				say(a.Suspend(suspended(report, until), at))
				standing[report] = until
			},
			"take back": func(t *rapid.T) {
				report := uuid.UUID{0: byte(rapid.IntRange(1, 3).Draw(t, "report"))}
				say(a.LiftFor(report, lifted(0), at))
				delete(standing, report)
			},
			"suspend by hand": func(t *rapid.T) {
				until := at.Add(time.Duration(rapid.IntRange(1, 3).Draw(t, "hours")) * time.Hour)
				say(a.Suspend(suspended(uuid.Nil, until), at))
				clear(standing)
				standing[uuid.Nil] = until
			},
			"lift": func(*rapid.T) {
				say(a.Lift(lifted(0), at))
				clear(standing)
			},
			"": func(t *rapid.T) {
				var want time.Time
				for _, until := range standing {
					want = slices.MaxFunc([]time.Time{want, until}, time.Time.Compare)
				}
				if until, is := a.Suspended(at); is != (len(standing) > 0) || !until.Equal(want) {
					t.Fatalf("until %v, %v; want %v", until, is, want)
				}
			},
		})
	})
}

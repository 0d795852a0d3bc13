package report_test

import (
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/parleyhq/parley/domain/event"
	"github.com/parleyhq/parley/domain/event/eventtest"
	"github.com/parleyhq/parley/domain/fault"
	"github.com/parleyhq/parley/domain/report"
)

var (
	ada, bob, mod = uuid.UUID{1}, uuid.UUID{2}, uuid.UUID{3}
	until         = time.Date(2100, 1, 2, 3, 4, 5, 0, time.UTC)

	made     = report.Made{Reporter: ada, Subject: report.Subject{Type: report.Post, ID: uuid.UUID{4}.String()}, Post: uuid.UUID{4}, Author: bob, Reason: "spam"}
	none     = report.Decided{By: mod, Action: report.None, About: bob, Reason: "fine"}
	removed  = report.Decided{By: mod, Action: report.Remove, Acted: true, About: bob, Reason: "spam"}
	appealed = report.Appealed{Author: bob, Reason: "no"}
)

func given(events ...event.Data) *report.Report {
	r := report.New()
	for i, e := range events {
		r.Apply(event.Decoded{Record: event.Record{ID: uuid.UUID{100, byte(i)}}, Payload: e})
	}
	return r
}

// F11: what may happen to a report, and what it says.
func TestDecisions(t *testing.T) {
	t.Parallel()
	type when func(*report.Report) ([]event.Data, error)
	decide := func(d report.Decided) when {
		return func(r *report.Report) ([]event.Data, error) { return r.Decide(d, false) }
	}
	appeal := func(r *report.Report) ([]event.Data, error) { return r.Appeal("no") }
	after := func(d report.Decided, former report.Action) []event.Data {
		d.Former = former
		return []event.Data{d}
	}
	suspended := report.Decided{By: mod, Action: report.Suspend, Until: until, Acted: true, About: bob, Reason: "spam"}
	forEver := suspended
	forEver.Until = time.Time{}
	for name, test := range map[string]struct {
		given []event.Data
		when  when
		then  []event.Data
		err   error
	}{
		"make":                     {nil, func(r *report.Report) ([]event.Data, error) { return r.Make(made), nil }, []event.Data{made}, nil},
		"make again":               {[]event.Data{made}, func(r *report.Report) ([]event.Data, error) { return r.Make(made), nil }, nil, nil},
		"decide what is not there": {nil, decide(none), nil, fault.ErrNotFound},
		"resolve":                  {[]event.Data{made}, decide(removed), []event.Data{removed}, nil},
		"resolve so again":         {[]event.Data{made, removed}, decide(removed), nil, nil},
		"undo":                     {[]event.Data{made, removed}, decide(none), after(none, report.Remove), nil},
		"do it anew":               {[]event.Data{made, removed, none}, decide(removed), after(removed, report.None), nil},
		"suspend for longer":       {[]event.Data{made, suspended}, decide(forEver), after(forEver, report.Suspend), nil},
		"appeal":                   {[]event.Data{made, removed}, appeal, []event.Data{appealed}, nil},
		"appeal nothing yet":       {[]event.Data{made}, appeal, nil, report.ErrNothing},
		"appeal nothing":           {[]event.Data{made, none}, appeal, nil, report.ErrNothing},
		"appeal what is not there": {nil, appeal, nil, fault.ErrNotFound},
		"appeal twice":             {[]event.Data{made, removed, appealed}, appeal, nil, report.ErrAppealed},
		"appeal the appeal":        {[]event.Data{made, removed, appealed, removed}, appeal, nil, report.ErrAppealed},
		"appeal after it was won":  {[]event.Data{made, removed, appealed, none}, appeal, nil, report.ErrAppealed},
		"deny an appeal":           {[]event.Data{made, removed, appealed}, decide(removed), after(removed, report.Remove), nil},
		"grant an appeal":          {[]event.Data{made, removed, appealed}, decide(none), after(none, report.Remove), nil},
	} {
		eventtest.Decided(t, name, test.then, test.err)(test.when(given(test.given...)))
	}
}

// F11: open until it is decided, and again while an appeal waits.
func TestStates(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		given []event.Data
		state report.State
		waits bool
	}{
		"nothing":  {nil, "", false},
		"made":     {[]event.Data{made}, report.Open, true},
		"resolved": {[]event.Data{made, removed}, report.Resolved, false},
		"appealed": {[]event.Data{made, removed, appealed}, report.Contested, true},
		"decided":  {[]event.Data{made, removed, appealed, none}, report.Resolved, false},
	} {
		if r := given(test.given...); r.State != test.state || r.Waits() != test.waits || r.Exists() != (test.state != "") {
			t.Errorf("%s: %+v", name, r)
		}
	}
}

// F11: what can be done to what.
func TestTakes(t *testing.T) {
	t.Parallel()
	all := []report.Action{report.None, report.Remove, report.Suspend}
	for subject, want := range map[report.SubjectType][]bool{
		report.Post: {true, true, true}, report.Comment: {true, true, true}, report.Message: {true, true, true},
		report.Account: {true, false, true}, report.Board: {true, false, false}, report.Hashtag: {true, false, false},
	} {
		for i, action := range all {
			if subject.Takes(action) != want[i] {
				t.Errorf("%s of a %s: %v", action, subject, !want[i])
			}
		}
		if subject.Takes("praise") {
			t.Errorf("an unknown action of a %s", subject)
		}
	}
}

package post_test

import (
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/parleyhq/parley/domain/event"
	"github.com/parleyhq/parley/domain/event/eventtest"
	"github.com/parleyhq/parley/domain/fault"
	"github.com/parleyhq/parley/domain/post"
)

var (
	board  = uuid.UUID{1}
	author = uuid.UUID{2}
	mask   = uuid.UUID{3}
	other  = uuid.UUID{4}
	answer = uuid.UUID{5}

	drafted   = post.Drafted{Board: board, Author: author, Type: post.Article, Title: "T", Body: "B"}
	due       = time.UnixMilli(1_800_000_000_000)
	scheduled = post.Drafted{Board: board, Author: author, Type: post.Article, Title: "T", Body: "B", PublishAt: due}
	later     = post.Drafted{Board: board, Author: author, Type: post.Article, Title: "T", Body: "B", PublishAt: due.Add(1)}
	refused   = post.Unscheduled{Reason: "board.archived"}
	published = post.Published{Board: board, Author: author, Type: post.Question, Title: "T", Body: "B"}
	hidden    = post.Published{Board: board, Author: mask, Anonymous: true, HiddenAuthor: author, Type: post.Question, Title: "T", Body: "B"}
	deleted   = post.Deleted{By: author}
)

func given(events ...event.Data) *post.Post {
	p := post.New()
	for i, e := range events {
		p.Apply(event.Decoded{Record: event.Record{ID: uuid.UUID{100, byte(i)}}, Payload: e})
	}
	return p
}

type when func(*post.Post) ([]event.Data, error)

// F2, F4: what may happen to a post, and what it says.
func TestDecisions(t *testing.T) {
	t.Parallel()
	draft := func(d post.Drafted) when { return func(p *post.Post) ([]event.Data, error) { return p.Draft(d) } }
	publish := func(d post.Published) when { return func(p *post.Post) ([]event.Data, error) { return p.Publish(d) } }
	edit := func(title, body string) when {
		return func(p *post.Post) ([]event.Data, error) {
			return p.Edit(post.Edited{Editor: p.Acts(author), Title: title, Body: body})
		}
	}
	remove := func(by uuid.UUID) when {
		return func(p *post.Post) ([]event.Data, error) { return p.Delete(p.Acts(by)) }
	}
	accept := func(by, comment uuid.UUID) when {
		return func(p *post.Post) ([]event.Data, error) { return p.Accept(p.Acts(by), comment) }
	}
	unschedule := func(now time.Time) when {
		return func(p *post.Post) ([]event.Data, error) { return p.Unschedule("board.archived", now), nil }
	}
	unmask := func(p *post.Post) ([]event.Data, error) { return p.Unmask(other, "threats") }
	changed := drafted
	changed.Body = "C"
	for name, test := range map[string]struct {
		given []event.Data
		when  when
		then  []event.Data
		err   error
	}{
		"draft":                         {nil, draft(drafted), []event.Data{drafted}, nil},
		"draft again":                   {[]event.Data{drafted}, draft(drafted), nil, nil},
		"change a draft":                {[]event.Data{drafted}, draft(changed), []event.Data{changed}, nil},
		"draft what is published":       {[]event.Data{published}, draft(drafted), nil, post.ErrPublished},
		"draft what is deleted":         {[]event.Data{drafted, deleted}, draft(drafted), nil, post.ErrDeleted},
		"schedule":                      {nil, draft(scheduled), []event.Data{scheduled}, nil},
		"schedule a draft":              {[]event.Data{drafted}, draft(scheduled), []event.Data{scheduled}, nil},
		"schedule again":                {[]event.Data{scheduled}, draft(scheduled), nil, nil},
		"schedule for another time":     {[]event.Data{scheduled}, draft(later), []event.Data{later}, nil},
		"take the date away":            {[]event.Data{scheduled}, draft(drafted), []event.Data{drafted}, nil},
		"schedule what is published":    {[]event.Data{published}, draft(scheduled), nil, post.ErrPublished},
		"publish what is scheduled":     {[]event.Data{scheduled}, publish(published), []event.Data{published}, nil},
		"edit what is scheduled":        {[]event.Data{scheduled}, edit("T2", "B"), nil, post.ErrNotYet},
		"unschedule what is due":        {[]event.Data{scheduled}, unschedule(due), []event.Data{refused}, nil},
		"unschedule before the time":    {[]event.Data{scheduled}, unschedule(due.Add(-1)), nil, nil},
		"unschedule again":              {[]event.Data{scheduled, refused}, unschedule(due), nil, nil},
		"unschedule a draft":            {[]event.Data{drafted}, unschedule(due), nil, nil},
		"unschedule what was moved":     {[]event.Data{scheduled, later}, unschedule(due), nil, nil},
		"unschedule what is published":  {[]event.Data{scheduled, published}, unschedule(due), nil, nil},
		"unschedule a tombstone":        {[]event.Data{scheduled, deleted}, unschedule(due), nil, nil},
		"a draft after it is the same":  {[]event.Data{scheduled, refused}, draft(drafted), nil, nil},
		"schedule it anew":              {[]event.Data{scheduled, refused}, draft(later), []event.Data{later}, nil},
		"publish":                       {nil, publish(published), []event.Data{published}, nil},
		"publish a draft":               {[]event.Data{drafted}, publish(published), []event.Data{published}, nil},
		"publish again":                 {[]event.Data{published}, publish(published), nil, nil},
		"publish what is deleted":       {[]event.Data{drafted, deleted}, publish(published), nil, post.ErrDeleted},
		"edit":                          {[]event.Data{published}, edit("T2", "B"), []event.Data{post.Edited{Author: author, Editor: author, Title: "T2", Body: "B"}}, nil},
		"edit to the same":              {[]event.Data{published}, edit("T", "B"), nil, nil},
		"edit moves no text over":       {[]event.Data{published}, edit("TB", ""), []event.Data{post.Edited{Author: author, Editor: author, Title: "TB"}}, nil},
		"edit back":                     {[]event.Data{published, post.Edited{Title: "T2", Body: "B"}}, edit("T", "B"), []event.Data{post.Edited{Author: author, Editor: author, Title: "T", Body: "B"}}, nil},
		"edit an anonymous one":         {[]event.Data{hidden}, edit("T", "B2"), []event.Data{post.Edited{Author: mask, Editor: mask, Title: "T", Body: "B2"}}, nil},
		"edit a draft":                  {[]event.Data{drafted}, edit("T2", "B"), nil, post.ErrNotYet},
		"edit a tombstone":              {[]event.Data{published, deleted}, edit("T2", "B"), nil, post.ErrDeleted},
		"delete":                        {[]event.Data{published}, remove(author), []event.Data{post.Deleted{By: author}}, nil},
		"delete as a moderator":         {[]event.Data{published}, remove(other), []event.Data{post.Deleted{By: other}}, nil},
		"delete an anonymous one":       {[]event.Data{hidden}, remove(author), []event.Data{post.Deleted{By: mask}}, nil},
		"delete again":                  {[]event.Data{published, deleted}, remove(author), nil, nil},
		"unmask":                        {[]event.Data{hidden}, unmask, []event.Data{post.Unmasked{By: other, Author: mask, HiddenAuthor: author, Reason: "threats"}}, nil},
		"unmask again":                  {[]event.Data{hidden, post.Unmasked{}}, unmask, []event.Data{post.Unmasked{By: other, Author: mask, HiddenAuthor: author, Reason: "threats"}}, nil},
		"unmask a tombstone":            {[]event.Data{hidden, deleted}, unmask, []event.Data{post.Unmasked{By: other, Author: mask, HiddenAuthor: author, Reason: "threats"}}, nil},
		"unmask what is signed":         {[]event.Data{published}, unmask, nil, post.ErrSigned},
		"unmask nothing":                {nil, unmask, nil, fault.ErrNotFound},
		"accept":                        {[]event.Data{published}, accept(author, answer), []event.Data{post.AnswerAccepted{By: author, Comment: answer}}, nil},
		"accept under an anonymous one": {[]event.Data{hidden}, accept(author, answer), []event.Data{post.AnswerAccepted{By: mask, Comment: answer}}, nil},
		"accept again":                  {[]event.Data{published, post.AnswerAccepted{Comment: answer}}, accept(author, answer), nil, nil},
		"take an answer back":           {[]event.Data{published, post.AnswerAccepted{Comment: answer}}, accept(author, uuid.Nil), []event.Data{post.AnswerAccepted{By: author}}, nil},
		"accept for an article":         {[]event.Data{post.Published{Type: post.Article}}, accept(author, answer), nil, post.ErrNoQuestion},
		"accept for a draft":            {[]event.Data{drafted}, accept(author, answer), nil, post.ErrNotYet},
		"accept for a tombstone":        {[]event.Data{published, deleted}, accept(author, answer), nil, post.ErrDeleted},
	} {
		eventtest.Decided(t, name, test.then, test.err)(test.when(given(test.given...)))
	}
}

// F2: who is there for whom.
func TestExisted(t *testing.T) {
	t.Parallel()
	anonymousDraft := post.Drafted{Board: board, Author: mask, Anonymous: true, HiddenAuthor: author}
	for name, test := range map[string]struct {
		given             []event.Data
		forOwner, forRest bool
	}{
		"nothing":              {nil, false, false},
		"draft":                {[]event.Data{drafted}, true, false},
		"anonymous draft":      {[]event.Data{anonymousDraft}, true, false},
		"published":            {[]event.Data{published}, true, true},
		"tombstone":            {[]event.Data{published, deleted}, true, true},
		"tombstone of a draft": {[]event.Data{drafted, deleted}, true, false},
	} {
		p := given(test.given...)
		if p.Existed(author) != test.forOwner || p.Existed(other) != test.forRest || p.Existed(mask) != test.forRest {
			t.Errorf("%s: %v %v %v", name, p.Existed(author), p.Existed(other), p.Existed(mask))
		}
	}
}

// F2, Q9: unmasking changes nothing of what a post shows, its ETag included.
func TestUnmaskedLooksTheSame(t *testing.T) {
	t.Parallel()
	p := given(hidden)
	version, state := p.Version, p.State
	p.Apply(event.Decoded{Record: event.Record{ID: uuid.UUID{101}}, Payload: post.Unmasked{By: other}})
	if !p.Unmasked || p.Version != version || p.State != state || p.Author != mask {
		t.Errorf("%+v", *p)
	}
}

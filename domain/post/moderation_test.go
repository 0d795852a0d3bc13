package post_test

import (
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/parleyhq/parley/domain/event"
	"github.com/parleyhq/parley/domain/event/eventtest"
	"github.com/parleyhq/parley/domain/fault"
	"github.com/parleyhq/parley/domain/post"
)

var (
	elsewhere = uuid.UUID{6}
	removed   = post.Deleted{By: other}
	gone      = post.Deleted{By: mask}
	edited    = post.Edited{Author: author, Editor: other, Title: "T2", Body: "B"}
)

// F3: what moderators do to a post, and what becomes of its texts.
func TestModeration(t *testing.T) {
	t.Parallel()
	lock := func(on bool) when { return func(p *post.Post) ([]event.Data, error) { return p.Lock(other, on) } }
	pin := func(on bool) when { return func(p *post.Post) ([]event.Data, error) { return p.Pin(other, on) } }
	move := func(to uuid.UUID) when { return func(p *post.Post) ([]event.Data, error) { return p.Move(other, to) } }
	redact := func(n int) when { return func(p *post.Post) ([]event.Data, error) { return p.Redact(author, n) } }
	twice := []event.Data{drafted, published, edited, edited}
	for name, test := range map[string]struct {
		given []event.Data
		when  when
		then  []event.Data
		err   error
	}{
		"lock":                  {[]event.Data{published}, lock(true), []event.Data{post.Locked{By: other, Locked: true}}, nil},
		"lock again":            {[]event.Data{published, post.Locked{Locked: true}}, lock(true), nil, nil},
		"unlock":                {[]event.Data{published, post.Locked{Locked: true}}, lock(false), []event.Data{post.Locked{By: other}}, nil},
		"unlock what is open":   {[]event.Data{published}, lock(false), nil, nil},
		"lock a draft":          {[]event.Data{drafted}, lock(true), nil, post.ErrNotYet},
		"lock a tombstone":      {[]event.Data{published, deleted}, lock(true), nil, post.ErrDeleted},
		"lock nothing":          {nil, lock(true), nil, fault.ErrNotFound},
		"pin":                   {[]event.Data{published}, pin(true), []event.Data{post.Pinned{By: other, Pinned: true}}, nil},
		"pin again":             {[]event.Data{published, post.Pinned{Pinned: true}}, pin(true), nil, nil},
		"unpin":                 {[]event.Data{published, post.Pinned{Pinned: true}}, pin(false), []event.Data{post.Pinned{By: other}}, nil},
		"pin a tombstone":       {[]event.Data{published, deleted}, pin(true), nil, post.ErrDeleted},
		"move":                  {[]event.Data{published}, move(elsewhere), []event.Data{post.Moved{By: other, From: board, Board: elsewhere}}, nil},
		"move where it is":      {[]event.Data{published}, move(board), nil, nil},
		"move back":             {[]event.Data{published, post.Moved{Board: elsewhere}}, move(board), []event.Data{post.Moved{By: other, From: elsewhere, Board: board}}, nil},
		"a moved one is no pin": {[]event.Data{published, post.Pinned{Pinned: true}, post.Moved{Board: elsewhere}}, pin(false), nil, nil},
		"move a draft":          {[]event.Data{drafted}, move(elsewhere), nil, post.ErrNotYet},
		"redact the first":      {twice, redact(1), []event.Data{post.Redacted{By: author, Revision: 1, Event: uuid.UUID{100, 1}}}, nil},
		"redact the second":     {twice, redact(2), []event.Data{post.Redacted{By: author, Revision: 2, Event: uuid.UUID{100, 2}}}, nil},
		"redact the newest":     {twice, redact(3), nil, post.ErrNewest},
		"redact the next":       {twice, redact(4), nil, fault.ErrNotFound},
		"redact none":           {twice, redact(0), nil, fault.ErrNotFound},
		"redact again":          {append(twice[:4:4], post.Redacted{Revision: 1}), redact(1), nil, nil},
		"redact a tombstone's":  {append(twice[:4:4], deleted), redact(2), []event.Data{post.Redacted{By: author, Revision: 2, Event: uuid.UUID{100, 2}}}, nil},
		"redact a draft":        {[]event.Data{drafted}, redact(1), nil, post.ErrNewest},
		"redact of a draft":     {[]event.Data{drafted}, redact(2), nil, fault.ErrNotFound},
		"redact nothing":        {nil, redact(1), nil, fault.ErrNotFound},
	} {
		eventtest.Decided(t, name, test.then, test.err)(test.when(given(test.given...)))
	}
}

// F3: authors restore what they deleted, moderators anything; nobody later than
// the window, and nobody in a name that tells who they are.
func TestRestores(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		given     []event.Data
		account   uuid.UUID
		moderator bool
		as        uuid.UUID
		err       error
	}{
		"the author":                        {[]event.Data{published, deleted}, author, false, author, nil},
		"another":                           {[]event.Data{published, deleted}, other, false, uuid.Nil, fault.ErrForbidden},
		"a moderator":                       {[]event.Data{published, deleted}, other, true, other, nil},
		"the author what a moderator did":   {[]event.Data{published, removed}, author, false, uuid.Nil, fault.ErrForbidden},
		"the author who moderates":          {[]event.Data{published, removed}, author, true, author, nil},
		"a hidden author":                   {[]event.Data{hidden, gone}, author, false, mask, nil},
		"a hidden author who moderates":     {[]event.Data{hidden, gone}, author, true, mask, nil},
		"a hidden author as a moderator":    {[]event.Data{hidden, removed}, author, true, author, nil},
		"a hidden author what another did":  {[]event.Data{hidden, removed}, author, false, uuid.Nil, fault.ErrForbidden},
		"what stands":                       {[]event.Data{published}, author, true, uuid.Nil, post.ErrNotDeleted},
		"what was restored":                 {[]event.Data{published, deleted, post.Restored{}}, author, true, uuid.Nil, post.ErrNotDeleted},
		"nothing":                           {nil, author, true, uuid.Nil, fault.ErrNotFound},
		"the author, what was deleted anew": {[]event.Data{published, deleted, post.Restored{}, removed}, author, false, uuid.Nil, fault.ErrForbidden},
	} {
		as, err := given(test.given...).Restores(test.account, test.moderator)
		if as != test.as || !errors.Is(err, test.err) {
			t.Errorf("%s: %v %v", name, as, err)
		}
	}
	at := time.UnixMilli(1_700_000_000_000)
	p := given(published)
	p.Apply(event.Decoded{Record: event.Record{Time: at}, Payload: deleted})
	if got, err := p.Restore(author, at.Add(time.Hour), time.Hour); err != nil || cmp.Diff([]event.Data{post.Restored{By: author, DeletedBy: author}}, got) != "" {
		t.Errorf("in time: %v %v", got, err)
	}
	if _, err := p.Restore(author, at.Add(time.Hour+1), time.Hour); !errors.Is(err, post.ErrTooLate) {
		t.Errorf("too late: %v", err)
	}
	dated := drafted
	dated.PublishAt = at
	for name, test := range map[string]struct {
		before event.Data
		state  post.State
	}{"published": {published, post.Live}, "a draft": {drafted, post.Draft}, "a dated draft": {dated, post.Draft}} {
		if p := given(test.before, deleted, post.Restored{}); p.State != test.state {
			t.Errorf("%s: %s", name, p.State)
		}
	}
}

// F3: a moderator's delete counts over the author's, which is there again where
// that is taken back.
func TestDeletedByBoth(t *testing.T) {
	t.Parallel()
	again := post.Deleted{By: author}
	for name, test := range map[string]struct {
		given    []event.Data
		deletes  []event.Data // by the moderator
		undelete []event.Data
	}{
		"published":           {[]event.Data{published}, []event.Data{removed}, nil},
		"by the author":       {[]event.Data{published, deleted}, []event.Data{removed}, nil},
		"by the moderator":    {[]event.Data{published, removed}, nil, []event.Data{post.Restored{By: other, DeletedBy: other}}},
		"by both":             {[]event.Data{published, deleted, removed}, nil, []event.Data{again}},
		"by the author again": {[]event.Data{published, deleted, removed, again}, []event.Data{removed}, nil},
		"by the author, before it was restored": {
			[]event.Data{published, deleted, post.Restored{}, removed}, nil, []event.Data{post.Restored{By: other, DeletedBy: other}},
		},
	} {
		p := given(test.given...)
		if got, err := p.Delete(other); err != nil || cmp.Diff(test.deletes, got) != "" {
			t.Errorf("%s, deleted: %v %v", name, got, err)
		}
		if got, err := p.Undelete(other, time.Time{}, time.Hour); err != nil || cmp.Diff(test.undelete, got) != "" {
			t.Errorf("%s, put back: %v %v", name, got, err)
		}
	}
	if p := given(published, deleted, removed, again, post.Restored{}); p.State != post.Live || p.Withdrawn {
		t.Errorf("restored: %+v", p)
	}
}

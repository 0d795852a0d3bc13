package comment_test

import (
	"errors"
	"testing"

	"github.com/google/uuid"

	"github.com/parleyhq/parley/domain/comment"
	"github.com/parleyhq/parley/domain/event"
	"github.com/parleyhq/parley/domain/event/eventtest"
	"github.com/parleyhq/parley/domain/fault"
)

var (
	on     = uuid.UUID{1}
	author = uuid.UUID{2}
	mask   = uuid.UUID{3}
	other  = uuid.UUID{4}

	published = comment.Published{Post: on, Author: author, Body: "B"}
	hidden    = comment.Published{Post: on, Author: mask, Anonymous: true, HiddenAuthor: author, Body: "B"}
	deleted   = comment.Deleted{Post: on, By: author}
)

func given(events ...event.Data) *comment.Comment {
	c := comment.New()
	for _, e := range events {
		c.Apply(event.Decoded{Payload: e})
	}
	return c
}

// F4: what may happen to a comment, and what it says.
func TestDecisions(t *testing.T) {
	t.Parallel()
	type when func(*comment.Comment) ([]event.Data, error)
	edit := func(body string) when {
		return func(c *comment.Comment) ([]event.Data, error) { return c.Edit(comment.Edited{Body: body}) }
	}
	remove := func(c *comment.Comment) ([]event.Data, error) { return c.Delete(c.Acts(author)) }
	restore := func(c *comment.Comment) ([]event.Data, error) {
		return c.Restore(comment.Restored{By: other, Body: "B"})
	}
	for name, test := range map[string]struct {
		given []event.Data
		when  when
		then  []event.Data
		err   error
	}{
		"publish":          {nil, func(c *comment.Comment) ([]event.Data, error) { return c.Publish(published) }, []event.Data{published}, nil},
		"publish again":    {[]event.Data{published}, func(c *comment.Comment) ([]event.Data, error) { return c.Publish(published) }, nil, nil},
		"edit":             {[]event.Data{published}, edit("C"), []event.Data{comment.Edited{Post: on, Author: author, Body: "C"}}, nil},
		"edit a hidden":    {[]event.Data{hidden}, edit("C"), []event.Data{comment.Edited{Post: on, Author: mask, Body: "C"}}, nil},
		"edit to the same": {[]event.Data{published}, edit("B"), nil, nil},
		"edit a deleted":   {[]event.Data{published, deleted}, edit("C"), nil, comment.ErrDeleted},
		"edit nothing":     {nil, edit("C"), nil, fault.ErrNotFound},
		"delete":           {[]event.Data{published}, remove, []event.Data{comment.Deleted{Post: on, By: author}}, nil},
		"delete a hidden":  {[]event.Data{hidden}, remove, []event.Data{comment.Deleted{Post: on, By: mask}}, nil},
		"delete again":     {[]event.Data{published, deleted}, remove, nil, nil},
		"delete nothing":   {nil, remove, nil, fault.ErrNotFound},
		"restore":          {[]event.Data{hidden, deleted}, restore, []event.Data{comment.Restored{Post: on, By: other, Author: mask, Body: "B"}}, nil},
		"restore again":    {[]event.Data{published, deleted, comment.Restored{}}, restore, nil, nil},
		"restore what is":  {[]event.Data{published}, restore, nil, nil},
		"restore nothing":  {nil, restore, nil, fault.ErrNotFound},
		"delete it anew":   {[]event.Data{published, deleted, comment.Restored{}}, remove, []event.Data{comment.Deleted{Post: on, By: author}}, nil},
	} {
		eventtest.Decided(t, name, test.then, test.err)(test.when(given(test.given...)))
	}
}

// F4: who may edit and delete.
func TestMay(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]*comment.Comment{"signed": given(published), "hidden": given(hidden)} {
		if err := c.MayEdit(author); err != nil {
			t.Errorf("%s: the author: %v", name, err)
		}
		for _, who := range []uuid.UUID{other, mask} {
			if err := c.MayEdit(who); !errors.Is(err, fault.ErrForbidden) {
				t.Errorf("%s: another one: %v", name, err)
			}
		}
		if err := c.MayDelete(other, true); err != nil {
			t.Errorf("%s: a moderator: %v", name, err)
		}
	}
}

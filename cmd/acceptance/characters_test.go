package acceptance

import (
	"strings"
	"testing"

	"github.com/parleyhq/parley/cmd/acceptance/harness"
)

const family = "👨\u200d👩\u200d👧\u200d👦" // what a reader takes for one character, in 25 bytes

// texts are the fields that people write, by name: each is set to a text, and
// answered.
func (f *forum) texts(t *testing.T) map[string]func(string) *harness.Answer {
	t.Helper()
	post := makePost(f.alice, f.board, nil)
	comment := say(f.alice, post, "")
	room := group(f.alice, f.bob)
	f.see(f.alice)
	return map[string]func(string) *harness.Answer{
		"title":        func(s string) *harness.Answer { return f.alice.Post(f.posts(), body{"title": s, "body": "b"}) },
		"title again":  func(s string) *harness.Answer { return f.alice.Patch("/v1/posts/"+post, body{"title": s}) },
		"body":         func(s string) *harness.Answer { return f.alice.Post(f.posts(), body{"title": "t", "body": s}) },
		"comment":      func(s string) *harness.Answer { return f.alice.Post("/v1/posts/"+post+"/comments", body{"body": s}) },
		"comment edit": func(s string) *harness.Answer { return f.alice.Patch("/v1/comments/"+comment, body{"body": s}) },
		"message":      func(s string) *harness.Answer { return f.alice.Post("/v1/rooms/"+room+"/messages", body{"text": s}) },
		"display name": func(s string) *harness.Answer { return f.alice.Patch("/v1/me/profile", body{"displayName": s}) },
		"reason":       func(s string) *harness.Answer { return f.bob.Post("/v1/reports", about("post", post, s)) },
	}
}

// notTaken wants a text to be refused for that problem.
func notTaken(t *testing.T, field, text string, a *harness.Answer, slug, problem string) {
	t.Helper()
	if a.Status != 422 || a.Error != slug || len(a.Details) != 1 || a.Details[0].Problem != problem {
		t.Errorf("%s %.40q of %d bytes: %d %s %v, want %s", field, text, len(text), a.Status, a.Error, a.Details, problem)
	}
}

// F2, F4: limits count what a reader sees: letters with their marks, families
// and flags are one each; what they are made of is bounded too.
func TestF2_LimitsCountWhatOneSees(t *testing.T) {
	t.Parallel()
	f := newForum(t)
	texts := f.texts(t)
	for _, test := range []struct {
		field string
		most  int
	}{{"title", 200}, {"title again", 200}, {"body", 40_000}, {"comment", 10_000}, {"comment edit", 10_000}, {"message", 8000}, {"display name", 50}} {
		set := texts[test.field]
		ones := []string{"a", "日", "😀", "e\u0301"}
		if test.most <= 200 { // a long text has room for 4 bytes a character
			ones = append(ones, family)
		}
		for _, one := range ones {
			fits := strings.Repeat(one, test.most)
			if a := set(fits); a.Status/100 != 2 {
				t.Errorf("%s of %d %q: %d %s %v", test.field, test.most, one, a.Status, a.Error, a.Details)
			}
			notTaken(t, test.field, fits+"x", set(fits+"x"), "request.invalid", "too_long")
		}
		for _, one := range []string{
			"👨" + strings.Repeat("\u200d👨", 30_000), // one character, however long
			strings.Repeat("a"+strings.Repeat("\u0301", 25), min(test.most, 20_000)),
		} {
			notTaken(t, test.field, one, set(one), "request.invalid", "too_long")
		}
	}
}

// F2, F4: nothing to see is nothing, and no text reaches out of itself.
func TestF2_CharactersThatNoTextTakes(t *testing.T) {
	t.Parallel()
	f := newForum(t)
	for field, set := range f.texts(t) {
		nothing := []string{"\u200b", " \u200d\u2060 ", "\ufeff", "\u00ad", "\u3164", "\u2800", "\u0301", "\u3000"}
		for _, s := range nothing {
			notTaken(t, field, s, set(s), "request.invalid", "required")
		}
		for _, s := range []string{"a\x07", "\x1b[2J", "a\x7f", "a\u009b", "a\u202eb", "a\u202db", "a" + strings.Repeat("\u0301", 31)} {
			notTaken(t, field, s, set(s), "text.invalid", "characters")
		}
		notTaken(t, field, "NUL", set("a\x00"), "text.invalid", "NUL is not allowed")
		for _, s := range []string{"a\tb", "\u2067שלום\u2069", "می\u200cخواهم", "หน้า", family, "a" + strings.Repeat("\u0301", 15)} {
			if a := set(s); a.Status/100 != 2 {
				t.Errorf("%s %q: %d %s %v", field, s, a.Status, a.Error, a.Details)
			}
		}
	}
	entities := f.alice.Post(f.posts(), body{"title": "T", "body": "a&#x202e;b" + strings.Repeat("&#x0301;", 40)}).Want(201).Map()
	if want := "<p>a\ufffdb" + strings.Repeat("\u0301", 30) + "</p>\n"; entities["html"] != want {
		t.Errorf("entities: %q", entities["html"])
	}
}

// F1: a board's name is counted in bytes, whatever they show.
func TestF1_NamesAreCountedInBytes(t *testing.T) {
	t.Parallel()
	s := harness.Start(t)
	admin := s.Admin()
	for name, fits := range map[string]bool{
		strings.Repeat("a", 32): true, strings.Repeat("b", 33): false,
		strings.Repeat("日", 10): true, strings.Repeat("日", 10) + "本": false,
		"e\u0301" + strings.Repeat("e", 29): true, "e\u0301" + strings.Repeat("e", 30): false,
		family + "7 bytes": true, family + "8 bytes.": false,
	} {
		a := admin.Post("/v1/boards", body{"name": name})
		if fits && a.Status != 201 {
			t.Errorf("%q of %d bytes: %s", name, len(name), a)
		} else if !fits {
			notTaken(t, "name", name, a, "request.invalid", "too_long")
		}
	}
	for _, name := range []string{"\u200b", "\u3164\u2800"} {
		notTaken(t, "name", name, admin.Post("/v1/boards", body{"name": name}), "request.invalid", "required")
	}
	notTaken(t, "name", "turned", admin.Post("/v1/boards", body{"name": "a\u202eb"}), "text.invalid", "characters")
}

// F2: a text within its limit that grows beyond what one event holds, as ids
// take the place of handles, is refused and nothing is half written.
func TestF2_TextsThatGrow(t *testing.T) {
	t.Parallel()
	f := newForum(t)
	f.NewPerson("x")
	short := body{"email": "abc@example.org", "handle": "abc", "password": harness.Password}
	c := f.Client()
	c.Post("/v1/accounts", short).Want(201)
	f.see(c)
	grown := strings.Repeat("@abc<"+strings.Repeat("\U0001d165", 3), 8000)
	f.alice.Post(f.posts(), body{"title": "t", "body": grown}).Want(413, "request.too_large")
	post := makePost(f.alice, f.board, nil)
	f.alice.Patch("/v1/posts/"+post, body{"body": grown}).Want(413, "request.too_large")
	if got := f.alice.Get("/v1/posts/" + post).Want(200).Map(); got["body"] != "A body" {
		t.Errorf("body %.40q", got["body"])
	}
}

package acceptance

import (
	"slices"
	"testing"

	"github.com/parleyhq/parley/cmd/acceptance/harness"
)

// F10: the community by which engines are judged, imported: what people ask
// of all of it, over the whole way.
func TestF10_ImportedCommunity(t *testing.T) {
	t.Parallel()
	i := importing{t, harness.Start(t)}
	i.s.Admin()
	asker := i.s.NewPerson("asker")
	i.sample()
	i.s.Move(asker)
	i.s.Eventually("the last line to be found", func() bool {
		a := asker.Get("/v1/search?q=allergic+bedroom")
		return a.Status == 200 && len(a.Items()) == 1
	})
	for _, c := range []struct{ q, more, kind, first string }{
		{"吉他 新手", "", "post", "guitar-zh"},
		{"台北咖啡店", "", "post", "taipei-map"},
		{"ラーメン 東京", "", "post", "ramen-tokyo"},
		{"包丁の研ぎ方", "", "post", "knife-ja"},
		{"guittar chords", "", "post", "guitar-en"},
		{"hot chocolate 食譜", "", "post", "cocoa"},
		{"김치찌개", "", "post", "kimchi-ko"},
		{"coffee", "&board=" + here("board", "cats"), "post", ""},
		{"coffee", "&board=" + here("board", "town-hall"), "post", "intro"},
		{"coffee", "&author=@nora&sort=newest", "post", "scale"},
		{"京都", "&tag=賞楓", "post", "kyoto-zh"},
		{"cat", "&since=2026-01-15T00:00:00Z&sort=newest", "post", "allergy"},
		{"cat", "&until=2026-01-01T08:00:00Z", "post", ""},
		{"小明", "&kind=accounts", "account", "lin"},
		{"sam beck", "&kind=accounts", "account", "sam"},
		{"プログラミング", "&kind=boards", "board", "programming"},
		{"coff", "&kind=boards", "board", "coffee"},
	} {
		got, want := search(asker, c.q, c.more), here(c.kind, c.first)
		if c.first == "" && len(got) > 0 || c.first != "" && (len(got) == 0 || got[0] != want) {
			t.Errorf("%q%s: %v first, want %s, %s", c.q, c.more, got[:min(len(got), 3)], c.first, want)
		}
	}
	if got := search(asker, "台", "&kind=hashtags"); len(got) != 4 || got[3] != "陽台" { // behind what begins with it
		t.Errorf("hashtags: %v", got)
	}
	if got := suggested(asker, "ke"); !slices.Equal(got, []string{"@kenji", "@tom", "#keyboard"}) { // Tom Keller
		t.Errorf("suggested: %v", got)
	}
	// Deep pages of everything with a common word, each once: of the best once
	// the index stands still, as scores move a little while it merges its parts.
	for _, sort := range []string{"newest", "best"} {
		i.s.Eventually("pages of the "+sort+" to meet", func() bool {
			whole := search(asker, "the", "&limit=100&sort="+sort)
			return len(whole) > 50 && slices.Equal(whole, allPages(asker, "/v1/search?limit=7&q=the&sort="+sort))
		})
	}
}

package bleve

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/blevesearch/bleve/v2/index/scorch"
	"github.com/google/uuid"
	"go.uber.org/goleak"

	"github.com/parleyhq/parley/readmodels"
	"github.com/parleyhq/parley/readmodels/searchtest"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m,
		goleak.IgnoreTopFunction("github.com/blevesearch/bleve_index_api.AnalysisWorker")) // bleve's own, for the whole process
}

func opened(t *testing.T, dir string) *Engine {
	t.Helper()
	e, err := Open(dir, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// F10: the engine is what the port says.
func TestF10_Conformance(t *testing.T) {
	t.Parallel()
	searchtest.Run(t, func(t *testing.T) searchtest.Place {
		dir := t.TempDir()
		return searchtest.Place{Merge: merge, Open: func(t *testing.T) (readmodels.SearchEngine, func()) {
			e := opened(t, dir)
			return e, func() {
				if err := e.Close(); err != nil {
					t.Error(err)
				}
			}
		}}
	})
}

// merge makes one segment of all.
func merge(t *testing.T, e readmodels.SearchEngine, name string) {
	t.Helper()
	i, err := e.Create(t.Context(), name)
	must(t, err)
	inner, err := i.(*Index).index.Advanced()
	must(t, err)
	must(t, inner.(*scorch.Scorch).ForceMerge(t.Context(), nil))
}

// changed is a document that is found by a word.
func changed(id uuid.UUID, word string) []readmodels.Change {
	return []readmodels.Change{{Document: readmodels.Document{
		Thing: readmodels.Thing{Kind: readmodels.SearchPosts, ID: id}, Title: word, At: time.UnixMilli(1_700_000_000_000),
	}}}
}

// found says whether a word finds something in the live index.
func found(t *testing.T, e *Engine, word string) bool {
	t.Helper()
	hits, err := e.Search(t.Context(), "search_f", readmodels.SearchQuery{Kind: readmodels.SearchPosts, Words: readmodels.Words(word), Limit: 10})
	must(t, err)
	return len(hits) > 0
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// filled makes a live index of several segments in dir and closes it.
func filled(t *testing.T, dir string) {
	t.Helper()
	e := opened(t, dir)
	i, err := e.Create(t.Context(), "search_f")
	must(t, err)
	for n := range 3 {
		must(t, i.Apply(t.Context(), changed(uuid.New(), "word"), uint64(n)))
	}
	must(t, i.SetPosition(t.Context(), 3))
	must(t, e.Swap(t.Context(), "search_f", "search_f"))
	must(t, e.Close())
}

// O1, O5: an index that is damaged in any file, in any way, is said in the log,
// thrown away and begun anew; never is it a panic or a wrong answer.
func TestF10_DamagedIndexIsBuiltAgain(t *testing.T) {
	t.Parallel()
	flip := func(t *testing.T, path string) {
		raw, err := os.ReadFile(path)
		must(t, err)
		raw[len(raw)/3] ^= 0x10
		must(t, os.WriteFile(path, raw, 0o600))
	}
	short := func(t *testing.T, path string) {
		info, err := os.Stat(path)
		must(t, err)
		must(t, os.Truncate(path, info.Size()/2))
	}
	gone := func(t *testing.T, path string) { must(t, os.Remove(path)) }
	garbage := func(t *testing.T, path string) { must(t, os.WriteFile(path, []byte("garbage"), 0o600)) }
	for name, c := range map[string]struct {
		file   string
		damage func(*testing.T, string)
	}{
		"segment flipped": {"store/*.zap", flip}, "segment short": {"store/*.zap", short}, "segment gone": {"store/*.zap", gone},
		"segment empty": {"store/*.zap", func(t *testing.T, p string) { must(t, os.Truncate(p, 0)) }},
		"root short":    {"store/root.bolt", func(t *testing.T, p string) { must(t, os.Truncate(p, 5000)) }}, "root garbage": {"store/root.bolt", garbage}, "root gone": {"store/root.bolt", gone},
		"meta gone": {"index_meta.json", gone}, "meta garbage": {"index_meta.json", garbage},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			filled(t, dir)
			files, err := filepath.Glob(filepath.Join(dir, "search_f", c.file))
			must(t, err)
			if len(files) == 0 {
				t.Fatal("no such file")
			}
			for _, f := range files { // an older snapshot that is whole would do as well
				c.damage(t, f)
			}
			var log bytes.Buffer
			e, err := Open(dir, slog.New(slog.NewTextHandler(&log, nil)))
			must(t, err)
			defer func() { must(t, e.Close()) }()
			if name, err := e.Live(t.Context(), "search_f"); !errors.Is(err, readmodels.ErrNoGeneration) {
				t.Fatalf("live is %q, %v", name, err)
			}
			if !strings.Contains(log.String(), "damaged") || !strings.Contains(log.String(), "search_f") {
				t.Errorf("the log says %q", log.String())
			}
			i, err := e.Create(t.Context(), "search_f")
			must(t, err)
			if at, err := i.Position(t.Context()); err != nil || at != 0 {
				t.Errorf("position %d, %v", at, err)
			}
			must(t, i.Apply(t.Context(), changed(uuid.New(), "again"), 1))
			must(t, e.Swap(t.Context(), "search_f", "search_f"))
			if !found(t, e, "again") || found(t, e, "word") {
				t.Error("it is not the new one")
			}
		})
	}
}

// O1: what a crash leaves half written belongs to no index and harms none; a
// copy that is taken while it is written is as after kill -9.
func TestF10_CrashLeavesAWholeIndex(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	e := opened(t, dir)
	i, err := e.Create(t.Context(), "search_f")
	must(t, err)
	must(t, e.Swap(t.Context(), "search_f", "search_f"))
	for n := range 20 {
		word := fmt.Sprintf("word%d", n)
		must(t, i.Apply(t.Context(), changed(uuid.New(), word), uint64(n)))
		must(t, i.SetPosition(t.Context(), uint64(n)))
		if n%7 != 6 {
			continue
		}
		image := atOnce(t, dir)
		must(t, os.WriteFile(filepath.Join(image, "search_f", "store", "0000000fffff.zap"), []byte("half"), 0o600))
		again := opened(t, image)
		if !found(t, again, word) {
			t.Errorf("%s was lost", word)
		}
		one, err := again.Create(t.Context(), "search_f")
		must(t, err)
		if at, err := one.Position(t.Context()); err != nil || at != uint64(n) {
			t.Errorf("position %d, %v; want %d", at, err, n)
		}
		must(t, again.Close())
	}
	must(t, e.Close())
}

// atOnce copies a folder as it was at one moment: files come and go while an
// index is at work, and a copy during which none did is tried for.
func atOnce(t *testing.T, dir string) string {
	t.Helper()
	listed := func() (files []string) {
		must(t, filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
			info, gone := os.Stat(path)
			if gone == nil {
				files = append(files, fmt.Sprint(path, info.Size(), info.ModTime().UnixNano()))
			}
			if errors.Is(err, os.ErrNotExist) {
				return nil
			}
			return err
		}))
		return files
	}
	for end := time.Now().Add(time.Minute); time.Now().Before(end); {
		image, before := t.TempDir(), listed()
		err := os.CopyFS(image, os.DirFS(dir))
		if err == nil && slices.Equal(before, listed()) {
			return image
		}
		if err != nil && !errors.Is(err, os.ErrNotExist) {
			t.Fatal(err)
		}
	}
	t.Fatal("the index never rests")
	return ""
}

// Invariant 9: no file of an index holds a text as it was written.
func TestF10_TextsCannotBeReadBack(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	e := opened(t, dir)
	i, err := e.Create(t.Context(), "search_f")
	must(t, err)
	const text = "nobody should read these words in their order"
	must(t, i.Apply(t.Context(), changed(uuid.New(), text), 1))
	must(t, e.Close())
	err = filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		raw, err := os.ReadFile(path)
		if bytes.Contains(raw, []byte("nobody should")) {
			t.Errorf("%s holds the text", path)
		}
		return err
	})
	must(t, err)
}

package bleve

import (
	"log/slog"
	"testing"

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
		return searchtest.Place{Open: func(t *testing.T) (readmodels.SearchEngine, func()) {
			e := opened(t, dir)
			return e, func() {
				if err := e.Close(); err != nil {
					t.Error(err)
				}
			}
		}}
	})
}

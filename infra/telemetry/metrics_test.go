package telemetry

import (
	"net/http/httptest"
	"strings"
	"testing"
)

// O4: the runtime's metrics are there, and two registries stand side by side.
func TestMetrics(t *testing.T) {
	t.Parallel()
	NewMetrics("other")
	answer := httptest.NewRecorder()
	Handler(NewMetrics("v1.2.3")).ServeHTTP(answer, httptest.NewRequest("GET", "/metrics", nil))
	for _, want := range []string{`parley_build_info{version="v1.2.3"} 1`, "\ngo_goroutines ", "\ngo_sched_latencies_seconds_count ", "\nprocess_open_fds "} {
		if !strings.Contains(answer.Body.String(), want) {
			t.Errorf("%q is missing", want)
		}
	}
	if answer.Code != 200 {
		t.Errorf("status %d", answer.Code)
	}
}

package rest

import (
	"errors"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// latencyMetric is parley_http_request_duration_seconds in the registry: a new
// one, or the one that another Server of this process has put there.
func latencyMetric(registry *prometheus.Registry) (*prometheus.HistogramVec, error) {
	h := prometheus.NewHistogramVec(prometheus.HistogramOpts{
		Name:    "parley_http_request_duration_seconds",
		Help:    "Time from the first byte of a request to the last of its answer, streams and sockets apart.",
		Buckets: []float64{.0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10},
	}, []string{"method", "route", "status"})
	err := registry.Register(h)
	var there prometheus.AlreadyRegisteredError
	if errors.As(err, &there) {
		if same, ok := there.ExistingCollector.(*prometheus.HistogramVec); ok {
			return same, nil
		}
	}
	return h, err
}

// observe counts a request. Labels are bounded: known methods, the patterns of
// routes, statuses.
func (s *Server) observe(method, pattern string, status int, took time.Duration) {
	if !slices.Contains(methods, method) && method != http.MethodOptions {
		method = "other"
	}
	s.latency.WithLabelValues(method, pattern, strconv.Itoa(status)).Observe(took.Seconds())
}

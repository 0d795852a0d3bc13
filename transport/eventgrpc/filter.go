package eventgrpc

import (
	"regexp"
	"strings"
	"time"

	"github.com/EventStore/EventStore-Client-Go/v4/protos/streams"
	"github.com/dlclark/regexp2"

	"github.com/parleyhq/parley/domain/event"
)

const (
	maxPattern    = 64 << 10 // bytes of a regular expression
	matchTimeout  = 250 * time.Millisecond
	defaultWindow = 32 // events
)

// filter keeps events of the whole log by their type or by their stream. A
// nil filter keeps all.
type filter struct {
	byType   bool
	prefixes []string
	linear   *regexp.Regexp
	// looking is for expressions that look ahead or behind, which the standard
	// library has not: Python's client does it by default. It may take long.
	looking *regexp2.Regexp
	every   uint64 // events looked at between two checkpoints
}

// filterOf reads a filter; nil where there is none.
func filterOf(option any) (*filter, error) {
	o, ok := option.(*streams.ReadReq_Options_Filter)
	if !ok {
		if _, none := option.(*streams.ReadReq_Options_NoFilter); !none {
			return nil, badRequest("filter or no filter: the option is missing")
		}
		return nil, nil
	}
	f := &filter{every: defaultWindow}
	var expression *streams.ReadReq_Options_FilterOptions_Expression
	switch e := o.Filter.GetFilter().(type) {
	case *streams.ReadReq_Options_FilterOptions_EventType:
		f.byType, expression = true, e.EventType
	case *streams.ReadReq_Options_FilterOptions_StreamIdentifier:
		expression = e.StreamIdentifier
	}
	if w, ok := o.Filter.GetWindow().(*streams.ReadReq_Options_FilterOptions_Max); ok && w.Max > 0 {
		f.every = uint64(w.Max)
	}
	f.every *= uint64(max(o.Filter.GetCheckpointIntervalMultiplier(), 1))
	f.prefixes = expression.GetPrefix()
	if expression.GetRegex() == "" {
		if len(f.prefixes) == 0 {
			return nil, badRequest("a filter needs a regular expression or prefixes")
		}
		return f, nil
	}
	return f, f.compile(expression.GetRegex())
}

func (f *filter) compile(pattern string) error {
	if len(pattern) > maxPattern {
		return badRequest("a regular expression has at most %d bytes", maxPattern)
	}
	var err error
	if f.linear, err = regexp.Compile(pattern); err == nil {
		return nil
	}
	if f.looking, err = regexp2.Compile(pattern, regexp2.None); err != nil {
		return badRequest("the filter's regular expression: %s", err)
	}
	f.looking.MatchTimeout = matchTimeout
	return nil
}

// keeps says whether the filter keeps an event.
// Errors: an expression that takes too long.
func (f *filter) keeps(r event.Record) (bool, error) {
	if f == nil {
		return true, nil
	}
	text := r.Stream
	if f.byType {
		text = r.Type
	}
	switch {
	case f.linear != nil:
		return f.linear.MatchString(text), nil
	case f.looking != nil:
		ok, err := f.looking.MatchString(text)
		if err != nil {
			return false, badRequest("the filter's regular expression takes too long for %q", text)
		}
		return ok, nil
	}
	for _, p := range f.prefixes {
		if strings.HasPrefix(text, p) {
			return true, nil
		}
	}
	return false, nil
}

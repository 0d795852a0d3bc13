package eventstore

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"strconv"
	"time"
)

// The time of an event is ours, the server's clock is not. It is written into
// the metadata, in one of two forms. Both are JSON and can be undone byte by
// byte:
//
//	{"actor":"…","parley.time":1700000000000}                     an object with fields: ours is put last
//	{"parley.time":1700000000000,"parley.metadata":"<base64>"}    anything else; the second field only if there is something
//
// Metadata in neither form are an outside writer's: they come back as they are,
// and the time is the server's.
const (
	timeField = `"parley.time":`
	restField = `"parley.metadata":`
)

// addTime puts a time into metadata. The zero time is left to the server; then
// only metadata that would be mistaken for ours are put away.
func addTime(metadata []byte, at time.Time) []byte {
	if at.IsZero() {
		if _, _, ours := cutTime(bytes.Clone(metadata)); ours {
			return wrapped(nil, metadata)
		}
		return metadata
	}
	millis := strconv.AppendInt(nil, at.UnixMilli(), 10)
	if !hasFields(metadata) {
		return wrapped(millis, metadata)
	}
	out := make([]byte, 0, len(metadata)+1+len(timeField)+len(millis))
	out = append(out, metadata[:len(metadata)-1]...)
	out = append(append(append(out, ','), timeField...), millis...)
	return append(out, '}')
}

// hasFields says whether metadata are a JSON object, not an empty one, from
// their first byte to their last.
func hasFields(metadata []byte) bool {
	return len(metadata) > 2 && metadata[0] == '{' && metadata[len(metadata)-1] == '}' &&
		len(bytes.TrimSpace(metadata[1:len(metadata)-1])) > 0 && json.Valid(metadata)
}

// wrapped is the second form.
func wrapped(millis, metadata []byte) []byte {
	out := []byte{'{'}
	if millis != nil {
		out = append(append(out, timeField...), millis...)
	}
	if len(metadata) > 0 {
		if millis != nil {
			out = append(out, ',')
		}
		out = append(append(out, restField...), '"')
		out = append(base64.StdEncoding.AppendEncode(out, metadata), '"')
	}
	return append(out, '}')
}

// cutTime undoes addTime in place. at is zero where no time was added; ours is
// false for metadata that addTime left as they were.
func cutTime(stored []byte) (metadata []byte, at time.Time, ours bool) {
	if len(stored) < 2 || stored[len(stored)-1] != '}' {
		return stored, time.Time{}, false
	}
	if i := bytes.LastIndex(stored, []byte(","+timeField)); i > 0 {
		if at, ok := parseMillis(stored[i+1+len(timeField) : len(stored)-1]); ok {
			stored[i] = '}'
			return stored[: i+1 : i+1], at, true
		}
	}
	inner := stored[1 : len(stored)-1]
	if rest, ok := bytes.CutPrefix(inner, []byte(timeField)); ok {
		millis, rest, more := bytes.Cut(rest, []byte{','})
		if at, ok = parseMillis(millis); !ok {
			return stored, time.Time{}, false
		}
		if !more {
			return nil, at, true
		}
		inner = rest
	}
	metadata, ok := unwrapped(inner)
	if !ok {
		return stored, time.Time{}, false
	}
	return metadata, at, true
}

// unwrapped reads the field that holds metadata.
func unwrapped(field []byte) ([]byte, bool) {
	text, ok := bytes.CutPrefix(field, []byte(restField+`"`))
	text, closed := bytes.CutSuffix(text, []byte{'"'})
	if !ok || !closed || len(text) == 0 {
		return nil, false
	}
	metadata, err := base64.StdEncoding.Strict().AppendDecode(nil, text)
	return metadata, err == nil
}

// parseMillis reads what AppendInt wrote, and nothing else.
func parseMillis(text []byte) (time.Time, bool) {
	n, err := strconv.ParseInt(string(text), 10, 64)
	if err != nil || strconv.FormatInt(n, 10) != string(text) {
		return time.Time{}, false
	}
	return time.UnixMilli(n).UTC(), true
}

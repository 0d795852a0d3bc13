package eventstore

import (
	"bytes"
	"encoding/json"
	"testing"
	"time"
)

// Q1: metadata come back byte by byte and the time to the millisecond,
// whatever they are, and what is stored is JSON whenever there is a time.
func TestMetadataRoundTrip(t *testing.T) {
	t.Parallel()
	at := time.UnixMilli(1_700_000_000_123).UTC()
	for _, text := range []string{
		"", "{}", "{ }", "null", "[]", `"x"`, `{"a":1}`, ` {"a":1}`, `{"a":1} `, "{\"a\":1\n}", `{"a":1`, "\x00\xff}", "{\xff}", `{"a":"ä€🙂"}`,
		`{"parley.time":1}`, `{"a":1,"parley.time":1}`, `{"a":1,"parley.time":01}`, `{"parley.metadata":"AAA="}`, `{"parley.metadata":""}`,
		`{"parley.time":1,"parley.metadata":"AAA="}`, `{"parley.time":1,"parley.metadata":"AAB="}`, `{"parley.time":x}`,
	} {
		checkMetadata(t, []byte(text), at)
		checkMetadata(t, []byte(text), time.Time{})
		twice := addTime([]byte(text), at)
		checkMetadata(t, twice, at.Add(time.Hour))
	}
}

// The time is readable for whoever looks at the server.
func TestTimeIsAField(t *testing.T) {
	t.Parallel()
	var fields map[string]any
	if err := json.Unmarshal(addTime([]byte(`{"actor":"system"}`), time.UnixMilli(5)), &fields); err != nil {
		t.Fatal(err)
	}
	if fields["actor"] != "system" || fields["parley.time"] != 5.0 {
		t.Errorf("stored as %v", fields)
	}
}

func checkMetadata(t *testing.T, metadata []byte, at time.Time) {
	t.Helper()
	stored := addTime(bytes.Clone(metadata), at)
	if !at.IsZero() && !json.Valid(stored) {
		t.Errorf("%q is stored as %q", metadata, stored)
	}
	got, when, ours := cutTime(bytes.Clone(stored))
	if !bytes.Equal(got, metadata) || !when.Equal(at) || ours != !bytes.Equal(stored, metadata) {
		t.Errorf("%q at %v came back from %q as %q at %v, ours %v", metadata, at, stored, got, when, ours)
	}
}

func FuzzMetadata(f *testing.F) {
	f.Add([]byte(`{"a":1}`), int64(7))
	f.Add([]byte(`{"parley.time":1}`), int64(0))
	f.Fuzz(func(t *testing.T, metadata []byte, millis int64) {
		checkMetadata(t, metadata, time.UnixMilli(millis%(1<<50)).UTC())
		checkMetadata(t, metadata, time.Time{})
	})
}

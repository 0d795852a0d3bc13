package relay

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/parleyhq/parley/domain/event"
)

// Q2: the short way through metadata says what the long one does, and takes
// what is ours.
func TestPlainMetadata(t *testing.T) {
	t.Parallel()
	for name, m := range map[string]event.Meta{
		"none": {},
		"all":  {Actor: "a", Correlation: "b c", Causation: "d", Trace: "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", Request: strings.Repeat("r", maxAttribute)},
		"last": {Request: "r"}, "some": {Correlation: "c", Request: "}"},
	} {
		raw, err := json.Marshal(m)
		if err != nil {
			t.Fatal(err)
		}
		if !agree(t, raw) {
			t.Errorf("%s: %s takes the long way", name, raw)
		}
	}
	for _, raw := range []string{
		``, `{`, `{}x`, `{"actor":"a"} `, `{"actor":"a",}`, `{,"actor":"a"}`, `{"actor":""}`, `{"request":"r","actor":"a"}`, `{"actor":"a""trace":"t"}`,
		`{"actor":"<"}`, `{"actor":"\\u0061"}`, `{"actor":"ä"}`, "{\"actor\":\"\x00\"}", `{"actor":"` + strings.Repeat("x", maxAttribute+1) + `"}`, `{"$by":"me"}`,
	} {
		if agree(t, []byte(raw)) {
			t.Errorf("%q takes the short way", raw)
		}
	}
}

func FuzzPlainMetadata(f *testing.F) {
	for _, raw := range []string{`{}`, `{"actor":"a","correlation":"b","causation":"c","trace":"d","request":"e"}`, `{"actor":"a","request":"<"}`, `{"trace":"","x":1}`} {
		f.Add([]byte(raw))
	}
	f.Fuzz(func(t *testing.T, raw []byte) { agree(t, raw) })
}

// agree says whether metadata takes the short way, and fails where that says
// anything else than the long one.
func agree(t *testing.T, raw []byte) bool {
	t.Helper()
	short, ok := plain(raw)
	if !ok {
		return false
	}
	if long, all := readMetadata(raw); long != short || !all {
		t.Errorf("%q: %v, and the long way %v, all of it: %t", raw, short, long, all)
	}
	return true
}

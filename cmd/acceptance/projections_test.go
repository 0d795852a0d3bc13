package acceptance

import (
	"bytes"
	"encoding/json"
	"testing"
	"time"

	"github.com/parleyhq/parley/cmd/acceptance/harness"
)

// Q7: an administrator asks a running server for a rebuild and watches it; what
// was told cannot be rebuilt, and nobody else may ask.
func TestQ7_Rebuild(t *testing.T) {
	t.Parallel()
	s := harness.Start(t, harness.Flags("--due-every=20ms"))
	admin := s.Admin()
	person := s.NewPerson("reader")
	const path = "/v1/admin/projections"
	rebuild := func(name string) string { return path + "/" + name + "/rebuild" }
	person.Get(path).Want(403, "auth.forbidden")
	person.Post(rebuild("tables"), nil).Want(403, "auth.forbidden")
	admin.Post(rebuild("notify"), nil).Want(422, "projection.not_rebuildable")
	admin.Post(rebuild("nothing"), nil).Want(404, "not_found")
	admin.Get(rebuild("tables")).Want(404, "not_found")
	id := newBoard(s, admin)
	makePost(admin, id, map[string]any{"body": "#tagged"})
	board := admin.Get("/v1/boards/" + id).Want(200).Data
	for _, name := range []string{"tables", "search"} {
		admin.Post(rebuild(name), nil).Want(202)
		var now struct {
			State    string
			Progress float64
			Reason   *string
		}
		for end := time.Now().Add(harness.Patience); now.State != "done"; {
			if now.State == "failed" || time.Now().After(end) {
				t.Fatalf("%s: %+v", name, now)
			}
			if err := json.Unmarshal(admin.Get(rebuild(name)).Want(200).Data, &now); err != nil {
				t.Fatal(err)
			}
			person.Get("/v1/me").Want(200) // no failed read meanwhile
		}
	}
	var all struct {
		Items []struct {
			Name        string
			Rebuildable bool
			Rebuild     *struct{}
			Parked      int
		}
	}
	if err := json.Unmarshal(admin.Get(path).Want(200).Data, &all); err != nil || len(all.Items) != 3 {
		t.Fatalf("%v, %+v", err, all)
	}
	for _, p := range all.Items {
		if p.Rebuildable != (p.Name != "notify") || p.Rebuild != nil || p.Parked != 0 {
			t.Errorf("%+v", p)
		}
	}
	if again := admin.Get("/v1/boards/" + id).Want(200).Data; !bytes.Contains(again, []byte(`"tagged"`)) || !bytes.Equal(again, board) {
		t.Errorf("a board: %s, and from other tables: %s", board, again)
	}
	admin.Get("/v1/admin/parked").Want(200)
	admin.Post("/v1/admin/parked/tables-1/replay", nil).Want(404, "not_found")
}

package acceptance

import (
	"encoding/json"
	"regexp"
	"strings"
	"testing"

	"github.com/parleyhq/parley/cmd/acceptance/harness"
)

// S12: who may not delete a thing hears of that first, and of a thing that is
// hidden nothing else, whatever is wrong with the request.
func TestS12_DeletesForbiddenFirst(t *testing.T) {
	t.Parallel()
	f := newForum(t)
	post := makePost(f.alice, f.board, nil)
	draft := makePost(f.alice, f.board, map[string]any{"draft": true})
	comment := say(f.alice, post, "")
	shared, hidden := group(f.alice, f.bob), group(f.alice)
	for _, room := range []string{shared, hidden} {
		f.alice.Post("/v1/rooms/"+room+"/messages", map[string]any{"text": "x"}).Want(201)
	}
	f.see(f.alice)
	wrong := []harness.Header{{Name: "If-Match", Value: "no tag"}, {Name: "Content-Encoding", Value: "gzip"}, {Name: "If-Match", Value: `"old"`}}
	for path, status := range map[string]int{
		"/v1/posts/" + post:                                      403,
		"/v1/posts/" + draft:                                     404,
		"/v1/comments/" + comment:                                403,
		"/v1/posts/" + draft + "/reactions/like":                 404,
		"/v1/comments/" + nowhere + "/reactions/like":            404,
		"/v1/boards/" + nowhere + "/follow":                      404,
		"/v1/boards/" + f.board + "/moderators/" + nowhere:       403,
		"/v1/rooms/" + shared + "/messages/2":                    403,
		"/v1/rooms/" + hidden + "/messages/2":                    404,
		"/v1/rooms/" + hidden + "/messages/2/reactions/like":     404,
		"/v1/rooms/" + hidden + "/members/" + f.alice.Account.ID: 404,
	} {
		for _, header := range wrong {
			f.bob.Delete(path, header).Want(status)
		}
	}
	f.alice.Delete("/v1/posts/"+post, wrong[0]).Want(400)
	f.alice.Delete("/v1/posts/"+post, wrong[1]).Want(415)
	f.alice.Delete("/v1/posts/"+post, wrong[2]).Want(412)
}

// S12: whatever else is wrong with a request, what is not there, or not for who
// asks, is said first, by every route that changes a thing which others might
// see. One's own sessions, keys and requests are nobody else's to ask for.
func TestS12_AbsentFirst(t *testing.T) {
	t.Parallel()
	f := newForum(t)
	var document struct {
		Paths map[string]map[string]struct{ OperationID string }
	}
	if err := json.Unmarshal(f.Client().Get("/openapi.json").Want(200).Raw, &document); err != nil {
		t.Fatal(err)
	}
	fill := strings.NewReplacer("{number}", "7", "{revision}", "7", "{kind}", "like", "{provider}", "door")
	tried := 0
	for path, operations := range document.Paths {
		if !strings.Contains(path, "{") || strings.HasPrefix(path, "/v1/me/") || strings.HasPrefix(path, "/v1/sessions/") || strings.HasPrefix(path, "/v1/captchas/") {
			continue
		}
		filled := regexp.MustCompile(`{[a-z]+}`).ReplaceAllString(fill.Replace(path), nowhere)
		for method, operation := range operations {
			if method == "get" {
				continue
			}
			for _, wrong := range []harness.Header{{Name: "If-Match", Value: "no tag"}, {Name: "Content-Encoding", Value: "gzip"}} {
				a := f.alice.Do(strings.ToUpper(method), filled, nil, wrong)
				if a.Status != 403 && a.Status != 404 {
					t.Errorf("%s, %s %s: %s: %s", operation.OperationID, method, path, wrong.Name, a)
				}
				tried++
			}
		}
	}
	if tried < 80 {
		t.Errorf("tried %d requests only", tried)
	}
	f.alice.Put("/v1/accounts/"+f.bob.Account.ID+"/block", nil).Want(204)
	for _, relation := range []string{"follow", "block", "mute"} {
		f.bob.Put("/v1/accounts/"+f.alice.Account.ID+"/"+relation, nil, harness.Header{Name: "If-Match", Value: "no tag"}).Want(404)
	}
}

package acceptance

import (
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

//go:build stack

package acceptance

import (
	"testing"

	"github.com/parleyhq/parley/cmd/acceptance/harness"
	"github.com/parleyhq/parley/deploy/servers/servertest"
)

// S5: under the policies with a list of live sessions too, a Redis that forgets
// everything signs nobody out, lets nobody back in, and hears of new ends.
func TestS5_PoliciesWhereRedisIsEmptied(t *testing.T) {
	t.Parallel()
	for _, policy := range []string{"whitelist", "both"} {
		t.Run(policy, func(t *testing.T) {
			t.Parallel()
			server := servertest.Start(t, servertest.Redis)
			s := harness.Start(t, harness.OnCluster(map[string]string{"redis": server.URL()}), harness.Flags("--revocation="+policy))
			everywhere := func(what string, c *harness.Client, status int) {
				t.Helper()
				for range 2 { // by the log, and by the list that was made anew
					for _, n := range s.Cluster.Nodes("api") {
						there := n.Client()
						there.Token, there.Position = c.Token, c.Position
						if a := there.Get("/v1/me"); a.Status != status {
							t.Errorf("%s: %s", what, a)
						}
					}
				}
			}
			ada := s.NewPerson("ada")
			early, late := s.SignIn(ada.Account.Handle), s.SignIn(ada.Account.Handle)
			early.Delete("/v1/sessions/current").Want(204)
			everywhere("signed out", early, 401)
			flush(t, server.Addr())
			everywhere("alive", ada, 200)
			everywhere("signed out before", early, 401)
			late.Delete("/v1/sessions/current").Want(204)
			everywhere("signed out since", late, 401)
			flush(t, server.Addr())
			everywhere("signed out since, and forgotten", late, 401)
			everywhere("alive", ada, 200)
			everywhere("signed in since", s.SignIn(ada.Account.Handle), 200)
			ada.Delete("/v1/sessions").Want(204)
			flush(t, server.Addr())
			everywhere("signed out everywhere", ada, 401)
		})
	}
}

//go:build stack

package acceptance

import (
	"testing"

	"github.com/parleyhq/parley/cmd/acceptance/harness"
)

// A9: begun at one process, ended at another.
func TestA9_AcrossNodes(t *testing.T) {
	t.Parallel()
	p, _, flags := providers(t)
	s := harness.Start(t, flags, harness.OnCluster(nil))
	api := s.Cluster.Nodes("api")
	a := api[0].Client()
	b := a.At(api[1].Client().Base())
	back := p.Visit(begin(a, "test", "login", listed), person("nodes"))
	code := landed(t, comeBack(b, back), listed).Get("code")
	comeBack(a, back).Want(422, "oauth.state_invalid")
	m := a.Clone().Post("/v1/oauth/exchange", map[string]any{"code": code}).Want(201).Map()
	b.Post("/v1/oauth/exchange", map[string]any{"code": code}).Want(401, "oauth.code_invalid")
	b.Token = m["accessToken"].(string)
	if items := b.Get("/v1/me/identities").Want(200).Items(); len(items) != 1 {
		t.Errorf("%v", items)
	}
}

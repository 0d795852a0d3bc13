package rest

import (
	"context"
	"net/http"

	"github.com/google/uuid"

	"github.com/parleyhq/parley/domain/fault"
	"github.com/parleyhq/parley/readmodels"
)

// No key makes, shows or ends keys, so these routes have no scope.
func (s *Server) apiKeys() {
	route(s, Op{
		Method: http.MethodGet, Path: "/v1/admin/api-keys", ID: "listAPIKeys", Summary: "API keys that were not revoked, newest first", Tag: "Administration",
		Errors: []*fault.Fault{fault.ErrForbidden},
	}, mayManageAPIKeys[Page](s), s.listAPIKeys)
	route(s, Op{
		Method: http.MethodPost, Path: "/v1/admin/api-keys", ID: "createAPIKey", Summary: "Make an API key; it is shown here and never again", Tag: "Administration",
		Status: http.StatusCreated, Secret: true, Errors: []*fault.Fault{fault.ErrForbidden},
	}, mayManageAPIKeys[None](s), s.createAPIKey)
	route(s, Op{
		Method: http.MethodDelete, Path: "/v1/admin/api-keys/{id}", ID: "revokeAPIKey", Summary: "End an API key at once", Tag: "Administration",
		Errors: []*fault.Fault{fault.ErrForbidden, fault.ErrNotFound},
	}, mayManageAPIKeys[thingPath](s), s.revokeAPIKey)
}

// APIKey is a key without what makes it one.
type APIKey struct {
	ID        uuid.UUID `json:"id"`
	Name      string    `json:"name"`
	Scopes    []string  `json:"scopes"`
	CreatedBy *Summary  `json:"createdBy" doc:"for whom it acts"`
	CreatedAt Time      `json:"createdAt"`
}

// CreatedAPIKey is a key as it is shown once.
type CreatedAPIKey struct {
	ID        uuid.UUID `json:"id"`
	Key       string    `json:"key" doc:"what programs send: Authorization: Bearer <key>"`
	Name      string    `json:"name"`
	Scopes    []string  `json:"scopes"`
	CreatedAt Time      `json:"createdAt"`
}

func showAPIKey(k readmodels.APIKey) APIKey {
	shown := APIKey{ID: k.ID, Name: k.Name, Scopes: k.Scopes, CreatedAt: At(k.CreatedAt)}
	if k.CreatedBy != nil {
		maker := showSummary(*k.CreatedBy)
		shown.CreatedBy = &maker
	}
	return shown
}

// mayManageAPIKeys is the access of routes with any parameters.
func mayManageAPIKeys[P any](s *Server) func(context.Context, *Call, P) error {
	return func(ctx context.Context, c *Call, _ P) error { return s.cfg.Commands.MayManageAPIKeys(ctx, *c.Actor) }
}

func (s *Server) listAPIKeys(ctx context.Context, c *Call, p Page, _ None) (Reply[List[APIKey]], error) {
	return listed(ctx, s, c, p, func(r readmodels.Reader, after *readmodels.APIKeyKey, limit int) ([]readmodels.APIKey, error) {
		return readmodels.APIKeys(ctx, r, after, limit)
	}, showAPIKey, readmodels.APIKey.Key)
}

type apiKeyRequest struct {
	Name   string   `json:"name,omitempty" doc:"needed; at most 50 characters"`
	Scopes []string `json:"scopes,omitempty" doc:"needed; what the key may do" enum:"events:read,events:personal,events:write,moderation,admin" maxItems:"20"`
}

// createAPIKey does not wait for the tables: a key that was made and not shown
// is lost.
func (s *Server) createAPIKey(ctx context.Context, c *Call, _ None, b apiKeyRequest) (Reply[CreatedAPIKey], error) {
	made, key, out, err := s.cfg.Commands.CreateAPIKey(ctx, *c.Actor, b.Name, b.Scopes)
	if err != nil {
		return Reply[CreatedAPIKey]{}, err
	}
	return Reply[CreatedAPIKey]{
		Data:     CreatedAPIKey{ID: made.ID, Key: key, Name: made.Name, Scopes: made.Scopes, CreatedAt: At(made.CreatedAt)},
		Position: out.Position,
	}, nil
}

func (s *Server) revokeAPIKey(ctx context.Context, c *Call, p thingPath, _ None) (Reply[None], error) {
	out, err := s.cfg.Commands.RevokeAPIKey(ctx, *c.Actor, p.ID)
	return s.settled(ctx, out, err)
}

package rest

import (
	"context"
	"net/http"

	"github.com/google/uuid"

	"github.com/parleyhq/parley/domain/apikey"
	"github.com/parleyhq/parley/domain/fault"
	"github.com/parleyhq/parley/readmodels"
)

func (s *Server) audit() {
	route(s, Op{
		Method: http.MethodGet, Path: "/v1/admin/audit", ID: "listAudit",
		Summary: "What moderators, administrators and the operator did, newest first", Tag: "Administration",
		Scope: apikey.Admin, Errors: []*fault.Fault{fault.ErrForbidden},
	}, func(ctx context.Context, c *Call, _ auditQuery) error {
		return s.cfg.Commands.MayAdminister(ctx, *c.Actor)
	}, s.listAudit)
}

// AuditEntry is one act.
type AuditEntry struct {
	ID      uuid.UUID    `json:"id"`
	Act     string       `json:"act" example:"account.suspended"`
	Actor   *Summary     `json:"actor" doc:"null: the operator, or somebody who was erased"`
	Subject AuditSubject `json:"subject"`
	Detail  *string      `json:"detail" doc:"a role, a moderator's id, the end of a suspension and whether it stands beside others, the id of the one entry that a lifting takes back (null: all suspensions), a key's name, what became of a post"`
	Reason  *string      `json:"reason"`
	At      Time         `json:"at"`
}

// AuditSubject is what an act was done to.
type AuditSubject struct {
	Type string    `json:"type" enum:"account,board,post,comment,report,api_key"`
	ID   uuid.UUID `json:"id"`
}

func showAct(a readmodels.Act) AuditEntry {
	out := AuditEntry{
		ID: a.ID, Act: a.Act, Subject: AuditSubject{Type: a.SubjectType, ID: a.Subject},
		Detail: orNull(a.Detail), Reason: orNull(a.Reason), At: At(a.At),
	}
	if a.ActorSummary != nil {
		who := showSummary(*a.ActorSummary)
		out.Actor = &who
	}
	return out
}

type auditQuery struct {
	Page
	Actor   uuid.UUID `query:"actor" doc:"id of an account: what it did"`
	Subject uuid.UUID `query:"subject" doc:"id of what it was done to"`
}

func (s *Server) listAudit(ctx context.Context, c *Call, p auditQuery, _ None) (Reply[List[AuditEntry]], error) {
	return listed(ctx, s, c, p.Page, func(r readmodels.Reader, after *readmodels.ActKey, limit int) ([]readmodels.Act, error) {
		return readmodels.Acts(ctx, r, readmodels.ActFilter{Actor: p.Actor, Subject: p.Subject}, after, limit)
	}, showAct, readmodels.Act.Key)
}

package foldtest

import (
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/parleyhq/parley/domain/report"
)

// reported are the reports, by their ids.
type reported map[uuid.UUID]*reportRow

type reportRow struct {
	report.Made
	owner   uuid.UUID
	created time.Time

	state     report.State
	decision  report.Decided
	decided   time.Time
	appeal    string
	contested time.Time
	version   uuid.UUID
}

func (m *Model) foldReport(e Event) {
	switch d := e.Data.(type) {
	case report.Made:
		x := &reportRow{Made: d, owner: d.Author, created: e.Time, state: report.Open, version: e.ID}
		switch id, _ := uuid.Parse(d.Subject.ID); d.Subject.Type {
		case report.Post:
			x.owner = m.posts[id].owner
		case report.Comment:
			x.owner = m.comments[id].owner
		}
		m.reported[e.thing()] = x
		if len(d.Copy.Images) > 0 {
			m.name(e, fmt.Sprintf("report/%s", e.thing()), 1, d.Copy.Images...)
		}
	case report.Decided:
		x := m.reported[e.thing()]
		x.state, x.decision, x.decided, x.version = report.Resolved, d, e.Time, e.ID
	case report.Appealed:
		x := m.reported[e.thing()]
		x.state, x.appeal, x.contested, x.version = report.Contested, d.Reason, e.Time, e.ID
	}
}

func (m *Model) printReports() {
	for id, x := range m.reported {
		m.row("report", columns{
			"id": id, "reporter": x.Reporter, "subject_type": string(x.Subject.Type), "subject": x.Subject.ID, "post": x.Post,
			"author": x.Author, "owner": x.owner, "reason": x.Reason, "state": string(x.state),
			"said": x.Copy.Text, "mentions": joined(x.Copy.Mentions), "images": joined(x.Copy.Images),
			"sent_at": x.Copy.SentAt, "edited_at": x.Copy.EditedAt,
			"action": string(x.decision.Action), "suspended_until": x.decision.Until, "decided_by": x.decision.By, "decision": x.decision.Reason,
			"decided_at": x.decided, "appeal": x.appeal, "appealed_at": x.contested, "created_at": x.created, "version": x.version,
		})
	}
}

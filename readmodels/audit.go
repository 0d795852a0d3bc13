package readmodels

import (
	"context"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/parleyhq/parley/domain/event"
)

// Every act of moderation and administration has a row, for good.
var auditSchema = []string{
	`CREATE TABLE IF NOT EXISTS audit (
		id text PRIMARY KEY, act text NOT NULL, actor text NOT NULL, subject_type text NOT NULL, subject text NOT NULL,
		detail text NOT NULL, reason text NOT NULL, at bigint NOT NULL)`,
	`CREATE INDEX IF NOT EXISTS audit_at ON audit (at, id)`,
	`CREATE INDEX IF NOT EXISTS audit_subject ON audit (subject, at, id)`,
	`CREATE INDEX IF NOT EXISTS audit_actor ON audit (actor, at, id)`,
}

// Act is something that was done in the name of the community.
type Act struct {
	ID          uuid.UUID // of the event that says so
	Act         string    // its type without the version: "account.suspended"
	Actor       uuid.UUID // uuid.Nil: the operator
	SubjectType string    // account, board, post, comment, report, api_key
	Subject     uuid.UUID
	Detail      string // a role, a moderator's id, the end of a suspension, the id of the act that is taken back
	Reason      string
	At          time.Time

	ActorSummary *Summary // nil: the operator, or erased
}

// ActKey is an act's place in its list.
type ActKey struct {
	At int64     `json:"at"`
	ID uuid.UUID `json:"id"`
}

// Key is where the act stands.
func (a Act) Key() ActKey { return ActKey{At: millis(a.At), ID: a.ID} }

// ActOf is what e says about a subject, by actor.
func ActOf(e event.Decoded, actor uuid.UUID, subjectType string, subject uuid.UUID) Act {
	name, _, _ := strings.Cut(e.Type, ".v")
	return Act{ID: e.ID, Act: name, Actor: actor, SubjectType: subjectType, Subject: subject, At: e.Time}
}

// PutAct adds an act.
func PutAct(ctx context.Context, b Batch, a Act) error {
	return b.Exec(ctx, `INSERT INTO audit (id, act, actor, subject_type, subject, detail, reason, at) VALUES (?, ?, ?, ?, ?, ?, ?, ?)`,
		a.ID.String(), a.Act, textID(a.Actor), a.SubjectType, a.Subject.String(), a.Detail, a.Reason, millis(a.At))
}

// PutActOnOthers adds an act upon a post or comment, where its actor is not
// its author. The subject's type is its table.
func PutActOnOthers(ctx context.Context, b Batch, a Act) error {
	return b.Exec(ctx, `INSERT INTO audit (id, act, actor, subject_type, subject, detail, reason, at)
		SELECT ?, ?, ?, ?, id, ?, ?, ? FROM `+a.SubjectType+` WHERE id = ? AND author <> ?`,
		a.ID.String(), a.Act, textID(a.Actor), a.SubjectType, a.Detail, a.Reason, millis(a.At), a.Subject.String(), a.Actor.String())
}

// ActFilter narrows a list of acts; what is uuid.Nil does not.
type ActFilter struct {
	Actor, Subject uuid.UUID
}

// Acts are limit of the acts that fit, newest first, after the one at key
// after (nil: from the first).
func Acts(ctx context.Context, r Reader, f ActFilter, after *ActKey, limit int) ([]Act, error) {
	if after == nil {
		after = &ActKey{At: 1 << 62}
	}
	where, args := `(at, id) < (?, ?)`, []any{after.At, textID(after.ID)}
	if f.Actor != uuid.Nil {
		where, args = where+` AND actor = ?`, append(args, f.Actor.String())
	}
	if f.Subject != uuid.Nil {
		where, args = where+` AND subject = ?`, append(args, f.Subject.String())
	}
	acts, err := collect(ctx, r, scanAct, `SELECT id, act, actor, subject_type, subject, detail, reason, at FROM audit
		WHERE `+where+` ORDER BY at DESC, id DESC LIMIT ?`, append(args, limit)...)
	if err != nil {
		return nil, err
	}
	actors := make([]uuid.UUID, len(acts))
	for i, a := range acts {
		actors[i] = a.Actor
	}
	people, err := Summaries(ctx, r, actors...)
	for i, a := range acts {
		if s, known := people[a.Actor]; known {
			acts[i].ActorSummary = &s
		}
	}
	return acts, err
}

func scanAct(rows Rows) (Act, error) {
	var a Act
	var id, actor, subject string
	var at int64
	err := rows.Scan(&id, &a.Act, &actor, &a.SubjectType, &subject, &a.Detail, &a.Reason, &at)
	a.ID, a.Actor, a.Subject, a.At = idOf(id), idOf(actor), idOf(subject), fromMillis(at)
	return a, err
}

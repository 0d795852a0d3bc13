package readmodels

import (
	"context"
	"time"

	"github.com/google/uuid"

	"github.com/parleyhq/parley/domain/report"
	"github.com/parleyhq/parley/domain/text"
)

// author and owner are as in the table post: whom the report is about, and the
// account behind a pseudonym. The board of a report is that of its post, where
// it stands now. said is the copy of a message, quoted (text.Quote).
var reportSchema = []string{
	`CREATE TABLE IF NOT EXISTS report (
		id text PRIMARY KEY, reporter text NOT NULL, subject_type text NOT NULL, subject text NOT NULL, post text NOT NULL,
		author text NOT NULL, owner text NOT NULL, reason text NOT NULL, state text NOT NULL,
		said text NOT NULL, mentions text NOT NULL, images text NOT NULL, sent_at bigint NOT NULL, edited_at bigint NOT NULL,
		action text NOT NULL, suspended_until bigint NOT NULL, decided_by text NOT NULL, decision text NOT NULL, decided_at bigint NOT NULL,
		appeal text NOT NULL, appealed_at bigint NOT NULL, created_at bigint NOT NULL, version text NOT NULL)`,
	`CREATE INDEX IF NOT EXISTS report_created ON report (created_at, id)`,
	`CREATE INDEX IF NOT EXISTS report_state ON report (state, created_at, id)`,
}

// Role is what a viewer is to a report.
type Role int

// The roles; who has several is the first of them.
const (
	Stranger  Role = iota
	Moderator      // who may decide it
	ActedOn        // whom it is about
	Reporter
)

// Report is a report as a viewer sees it.
type Report struct {
	ID        uuid.UUID
	Subject   report.Subject
	Board     uuid.UUID // uuid.Nil: on none
	Reason    string    // of the reporter
	State     report.State
	Reporter  *Summary // nil: gone, or not for the viewer
	Message   *ReportedMessage
	Decision  *Decision // nil: none yet
	Appeal    *Appeal   // nil: none
	CreatedAt time.Time
	Version   string // id of the newest event

	role                     Role
	reporter, author, owner  uuid.UUID
	said                     string
	mentions, images         []uuid.UUID
	sentAt, editedAt         time.Time
	action                   report.Action
	until, decided, appealed time.Time
	decidedBy                uuid.UUID
	decision, appeal         string
}

// ReportedMessage is the copy of a message that a report brings.
type ReportedMessage struct {
	Sender   *Summary // nil: gone
	Text     string
	Images   []uuid.UUID
	SentAt   time.Time
	EditedAt time.Time // zero: never
}

// Decision is the newest one.
type Decision struct {
	Action report.Action
	Reason string
	By     *Summary  // nil: gone, or not for the viewer
	Until  time.Time // of a suspension; zero: for ever
	At     time.Time
}

// Appeal is what whom a decision is about says against it.
type Appeal struct {
	Reason string
	At     time.Time
}

// PutReport adds a report; a second time, nothing changes. Who wrote what is
// reported, the tables know already.
func PutReport(ctx context.Context, b Batch, id uuid.UUID, e report.Made, w When) error {
	owner := textID(e.Author)
	var err error
	var found string
	switch e.Subject.Type {
	case report.Post:
		found, _, err = first(ctx, b, scanText, `SELECT owner FROM post WHERE id = ?`, e.Subject.ID)
	case report.Comment:
		found, _, err = first(ctx, b, scanText, `SELECT owner FROM comment WHERE id = ?`, e.Subject.ID)
	}
	if err != nil {
		return err
	}
	if found != "" {
		owner = found
	}
	return b.Exec(ctx, `INSERT INTO report (id, reporter, subject_type, subject, post, author, owner, reason, state,
			said, mentions, images, sent_at, edited_at, action, suspended_until, decided_by, decision, decided_at, appeal, appealed_at, created_at, version)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, '', 0, '', '', 0, '', 0, ?, ?) ON CONFLICT DO NOTHING`,
		id.String(), e.Reporter.String(), string(e.Subject.Type), e.Subject.ID, textID(e.Post), textID(e.Author), owner, e.Reason, string(report.Open),
		e.Copy.Text, textIDs(e.Copy.Mentions), textIDs(e.Copy.Images), millis(e.Copy.SentAt), millis(e.Copy.EditedAt), millis(w.At), w.Version.String())
}

// DecideReport resolves a report.
func DecideReport(ctx context.Context, b Batch, id uuid.UUID, e report.Decided, w When) error {
	return b.Exec(ctx, `UPDATE report SET state = ?, action = ?, suspended_until = ?, decided_by = ?, decision = ?, decided_at = ?, version = ? WHERE id = ?`,
		string(report.Resolved), string(e.Action), millis(e.Until), e.By.String(), e.Reason, millis(w.At), w.Version.String(), id.String())
}

// AppealReport notes an appeal.
func AppealReport(ctx context.Context, b Batch, id uuid.UUID, e report.Appealed, w When) error {
	return b.Exec(ctx, `UPDATE report SET state = ?, appeal = ?, appealed_at = ?, version = ? WHERE id = ?`,
		string(report.Contested), e.Reason, millis(w.At), w.Version.String(), id.String())
}

// reportRows takes the viewer. The board is where the post stands now: it is
// asked for each report, so that no plan begins with the posts.
const reportRows = `SELECT r.id, r.reporter, r.subject_type, r.subject, coalesce(r.board, ''), r.author, r.owner, r.reason, r.state,
		r.said, r.mentions, r.images, r.sent_at, r.edited_at, r.action, r.suspended_until, r.decided_by, r.decision, r.decided_at,
		r.appeal, r.appealed_at, r.created_at, r.version,
		CASE WHEN EXISTS (SELECT 1 FROM board_moderator m WHERE m.board = r.board AND m.account = ?) THEN 1 ELSE 0 END
	FROM (SELECT report.*, (SELECT p.board FROM post p WHERE p.id = report.post) AS board FROM report) r`

func scanReport(rows Rows) (x Report, err error) {
	var board, reporter, author, owner, mentions, images, decidedBy string
	var sent, edited, until, decided, appealed, created, moderates int64
	err = rows.Scan(&x.ID, &reporter, &x.Subject.Type, &x.Subject.ID, &board, &author, &owner, &x.Reason, &x.State,
		&x.said, &mentions, &images, &sent, &edited, &x.action, &until, &decidedBy, &x.decision, &decided,
		&x.appeal, &appealed, &created, &x.Version, &moderates)
	x.Board, x.reporter, x.author, x.owner, x.decidedBy = idOf(board), idOf(reporter), idOf(author), idOf(owner), idOf(decidedBy)
	if x.Subject.Type == report.Board {
		x.Board = idOf(x.Subject.ID)
	}
	x.mentions, x.images = idsOf(mentions), idsOf(images)
	x.sentAt, x.editedAt, x.until = fromMillis(sent), fromMillis(edited), fromMillis(until)
	x.decided, x.appealed, x.CreatedAt = fromMillis(decided), fromMillis(appealed), fromMillis(created)
	if moderates != 0 {
		x.role = Moderator
	}
	return x, err
}

// Judge is who looks at reports.
type Judge struct {
	Account       uuid.UUID
	Administrator bool
}

// ReportOf is one report as viewer sees it; false where it is not there, or not
// for viewer. Whom it is about does not see who reported it, nor in what words;
// neither they nor the reporter see who decided, and the reporter does not see
// why.
func ReportOf(ctx context.Context, r Reader, viewer Judge, id uuid.UUID) (Report, bool, error) {
	found, err := collect(ctx, r, scanReport, reportRows+` WHERE r.id = ?`, viewer.Account.String(), id.String())
	if err != nil || len(found) == 0 {
		return Report{}, false, err
	}
	switch x := &found[0]; {
	case viewer.Administrator || x.role == Moderator:
		x.role = Moderator
	case x.owner == viewer.Account:
		x.role = ActedOn
	case x.reporter == viewer.Account:
		x.role = Reporter
	default:
		return Report{}, false, nil
	}
	err = showReports(ctx, r, found)
	return found[0], true, err
}

// Moderates says whether account moderates some board.
func Moderates(ctx context.Context, r Reader, account uuid.UUID) (bool, error) {
	_, ok, err := first(ctx, r, scanText, `SELECT account FROM board_moderator WHERE account = ? LIMIT 1`, account.String())
	return ok, err
}

// ReportFilter narrows the queue; what is empty does not.
type ReportFilter struct {
	State report.State
	Board uuid.UUID
}

// ReportKey is a report's place in the queue.
type ReportKey struct {
	At int64     `json:"at"`
	ID uuid.UUID `json:"id"`
}

// Key is where the report stands.
func (x Report) Key() ReportKey { return ReportKey{At: millis(x.CreatedAt), ID: x.ID} }

// Reports are limit of the reports that viewer may decide and that fit, newest
// first, after the one at key after (nil: from the first): those of posts and
// comments on boards that viewer moderates, or all for administrators.
func Reports(ctx context.Context, r Reader, viewer Judge, f ReportFilter, after *ReportKey, limit int) ([]Report, error) {
	if after == nil {
		after = &ReportKey{At: 1 << 62}
	}
	where, args := ` WHERE (r.created_at, r.id) < (?, ?)`, []any{viewer.Account.String(), after.At, textID(after.ID)}
	if f.State != "" {
		where, args = where+` AND r.state = ?`, append(args, string(f.State))
	}
	if f.Board != uuid.Nil {
		where += ` AND (r.board = ? OR r.subject_type = 'board' AND r.subject = ?)`
		args = append(args, f.Board.String(), f.Board.String())
	}
	if !viewer.Administrator {
		where += ` AND EXISTS (SELECT 1 FROM board_moderator j WHERE j.board = r.board AND j.account = ?)`
		args = append(args, viewer.Account.String())
	}
	found, err := collect(ctx, r, scanReport, reportRows+where+` ORDER BY r.created_at DESC, r.id DESC LIMIT ?`, append(args, limit)...)
	if err != nil || len(found) == 0 {
		return found, err
	}
	for i := range found {
		found[i].role = Moderator
	}
	return found, showReports(ctx, r, found)
}

// showReports fills in what each report shows to whom it was read for, with
// all people in one query.
func showReports(ctx context.Context, r Reader, found []Report) error {
	var people []uuid.UUID
	for _, x := range found {
		people = append(append(people, x.reporter, x.decidedBy), x.mentions...)
		if x.Subject.Type == report.Message {
			people = append(people, x.author)
		}
	}
	known, err := Summaries(ctx, r, people...)
	if err != nil {
		return err
	}
	for i := range found {
		found[i].show(known)
	}
	return nil
}

func (x *Report) show(known map[uuid.UUID]Summary) {
	if x.role != ActedOn {
		x.Reporter = person(known, x.reporter)
	} else {
		x.Reason = ""
	}
	if x.Subject.Type == report.Message && !x.sentAt.IsZero() {
		x.Message = &ReportedMessage{
			Sender: person(known, x.author), Images: x.images, SentAt: x.sentAt, EditedAt: x.editedAt,
			Text: text.Unquote(x.said, x.mentions, func(id uuid.UUID) string { return known[id].Handle }),
		}
	}
	if x.action != "" {
		x.Decision = &Decision{Action: x.action, Until: x.until, At: x.decided}
		if x.role != Reporter {
			x.Decision.Reason = x.decision
		}
		if x.role == Moderator {
			x.Decision.By = person(known, x.decidedBy)
		}
	}
	if !x.appealed.IsZero() && x.role != Reporter {
		x.Appeal = &Appeal{Reason: x.appeal, At: x.appealed}
	}
}

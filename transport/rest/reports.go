package rest

import (
	"context"
	"net/http"

	"github.com/google/uuid"

	"github.com/parleyhq/parley/commands"
	"github.com/parleyhq/parley/domain/account"
	"github.com/parleyhq/parley/domain/apikey"
	"github.com/parleyhq/parley/domain/comment"
	"github.com/parleyhq/parley/domain/fault"
	"github.com/parleyhq/parley/domain/post"
	"github.com/parleyhq/parley/domain/report"
	"github.com/parleyhq/parley/readmodels"
)

func (s *Server) reports() {
	guarded := []*fault.Fault{fault.ErrForbidden, fault.ErrNotFound}
	route(s, Op{
		Method: http.MethodPost, Path: "/v1/reports", ID: "makeReport", Tag: "Moderation", Status: http.StatusCreated, Found: true,
		Summary: "Report something to those who look after it; one's own report of it that still waits comes back",
		Errors:  []*fault.Fault{fault.ErrNotFound, account.ErrSelf, post.ErrDeleted, comment.ErrDeleted},
	}, nil, s.makeReport)
	route(s, Op{
		Method: http.MethodGet, Path: "/v1/moderation/reports", ID: "listReports", Tag: "Moderation", Scope: apikey.Moderation,
		Summary: "Reports, newest first: those of one's boards, all for administrators", Errors: guarded,
	}, s.maySeeReports, s.listReports)
	route(s, Op{
		Method: http.MethodGet, Path: "/v1/moderation/reports/{id}", ID: "getReport", Tag: "Moderation", Scope: apikey.Moderation,
		Summary: "A report, for those who decide it; with less, for who made it and whom it is about", Errors: []*fault.Fault{fault.ErrNotFound},
	}, nil, s.getReport)
	route(s, Op{
		Method: http.MethodPut, Path: "/v1/moderation/reports/{id}", ID: "decideReport", Tag: "Moderation", Scope: apikey.Moderation,
		Summary: "Resolve a report; resolving it anew takes back what was done before",
		Errors:  append(guarded, account.ErrSelf, commands.ErrChanged, commands.ErrMasked, commands.ErrNobodyToSuspend, post.ErrTooLate),
	}, func(ctx context.Context, c *Call, p thingPath) error {
		return s.cfg.Commands.MayDecide(ctx, *c.Actor, p.ID)
	}, s.decideReport)
	route(s, Op{
		Method: http.MethodPost, Path: "/v1/moderation/reports/{id}/appeal", ID: "appealReport", Tag: "Moderation", Suspended: true,
		Summary: "Ask for another decision, once; for the person that the decision is about",
		Errors:  append(guarded, report.ErrNothing, report.ErrAppealed),
	}, func(ctx context.Context, c *Call, p thingPath) error {
		return s.cfg.Commands.MayAppeal(ctx, *c.Actor, p.ID)
	}, s.appealReport)
	route(s, Op{
		Method: http.MethodPost, Path: "/v1/posts/{id}/unmask", ID: "unmaskPost", Tag: "Moderation", Scope: apikey.Moderation,
		Summary: "Be told who wrote an anonymous post; that is noted, with the reason", Errors: append(guarded, post.ErrSigned, post.ErrAuthorGone),
	}, func(ctx context.Context, c *Call, p thingPath) error {
		return s.cfg.Commands.MayUnmask(ctx, *c.Actor, p.ID)
	}, s.unmaskPost)
}

// Report is a report as the caller may see it.
type Report struct {
	ID        uuid.UUID        `json:"id"`
	Subject   ReportSubject    `json:"subject"`
	BoardID   *uuid.UUID       `json:"boardId" doc:"where the post or comment stands; the board itself"`
	Reason    *string          `json:"reason" doc:"of the reporter; null for whom it is about"`
	State     string           `json:"state" enum:"open,resolved,appealed"`
	Reporter  *Summary         `json:"reporter" doc:"null for whom it is about"`
	Action    *string          `json:"action" enum:"none,remove,suspend" doc:"of the decision; null: none yet"`
	Message   *ReportedMessage `json:"message" doc:"of a message: as it was reported"`
	Decision  *ReportDecision  `json:"decision"`
	Appeal    *ReportAppeal    `json:"appeal"`
	CreatedAt Time             `json:"createdAt"`
}

// ReportSubject is what a report is about.
type ReportSubject struct {
	Type string `json:"type" enum:"post,comment,message,account,board,hashtag"`
	ID   string `json:"id" doc:"a hashtag's is its tag" maxLength:"200"`
}

// ReportedMessage is the copy of a message.
type ReportedMessage struct {
	Sender    *Summary `json:"sender"`
	Text      string   `json:"text"`
	Images    []Image  `json:"images"`
	CreatedAt Time     `json:"createdAt"`
	EditedAt  *Time    `json:"editedAt"`
}

// ReportDecision is the newest decision.
type ReportDecision struct {
	Reason *string  `json:"reason" doc:"null for the reporter"`
	By     *Summary `json:"by" doc:"for those who decide alone"`
	Until  *Time    `json:"until" doc:"of a suspension; null: for ever"`
	At     Time     `json:"at"`
}

// ReportAppeal is what whom the decision is about says against it.
type ReportAppeal struct {
	Reason string `json:"reason"`
	At     Time   `json:"at"`
}

func showReport(x readmodels.Report) Report {
	out := Report{
		ID: x.ID, Subject: ReportSubject{Type: string(x.Subject.Type), ID: x.Subject.ID}, Reason: orNull(x.Reason), State: string(x.State),
		Reporter: showPerson(x.Reporter), CreatedAt: At(x.CreatedAt),
	}
	if x.Board != uuid.Nil {
		out.BoardID = &x.Board
	}
	if m := x.Message; m != nil {
		out.Message = &ReportedMessage{
			Sender: showPerson(m.Sender), Text: m.Text, Images: imagesOf(m.Images, false), CreatedAt: At(m.SentAt), EditedAt: AtOrNull(m.EditedAt),
		}
	}
	if d := x.Decision; d != nil {
		out.Action = orNull(string(d.Action))
		out.Decision = &ReportDecision{Reason: orNull(d.Reason), By: showPerson(d.By), Until: AtOrNull(d.Until), At: At(d.At)}
	}
	if a := x.Appeal; a != nil {
		out.Appeal = &ReportAppeal{Reason: a.Reason, At: At(a.At)}
	}
	return out
}

type newReport struct {
	Subject ReportSubject `json:"subject"`
	Reason  string        `json:"reason,omitempty" text:"lines" doc:"needed; at most 2,000 characters"`
}

// makeReport looks up where a message stands; whether it is there for the
// caller is asked of its room.
func (s *Server) makeReport(ctx context.Context, c *Call, _ None, b newReport) (Reply[Report], error) {
	in := commands.MakeReport{Subject: report.Subject{Type: report.SubjectType(b.Subject.Type), ID: b.Subject.ID}, Reason: b.Reason}
	if id, err := uuid.Parse(b.Subject.ID); err == nil && in.Subject.Type == report.Message {
		err := s.cfg.Tables.Read(ctx, func(r readmodels.Reader) error {
			at, _, err := readmodels.MessageByID(ctx, r, id)
			in.Room, in.Number = at.Room, at.Number
			return err
		})
		if err != nil {
			return Reply[Report]{}, err
		}
	}
	made, err := s.cfg.Commands.MakeReport(ctx, *c.Actor, in)
	if err != nil {
		return Reply[Report]{}, err
	}
	reply, err := s.replyReport(ctx, c, made.Report, made.Position)
	if !made.Made {
		reply.Status = http.StatusOK
	}
	return reply, err
}

// judge is the caller as one who looks at reports, with the role as it stands.
func (s *Server) judge(ctx context.Context, c *Call) (readmodels.Judge, error) {
	err := s.cfg.Commands.MayAdminister(ctx, *c.Actor)
	if f := fault.As(err); f != nil && f.Kind == fault.Forbidden {
		return readmodels.Judge{Account: c.Account()}, nil
	}
	return readmodels.Judge{Account: c.Account(), Administrator: true}, err
}

func (s *Server) replyReport(ctx context.Context, c *Call, id uuid.UUID, position uint64) (Reply[Report], error) {
	viewer, err := s.judge(ctx, c)
	if err != nil {
		return Reply[Report]{}, err
	}
	return found(ctx, s, position, func(r readmodels.Reader) (readmodels.Report, bool, error) {
		return readmodels.ReportOf(ctx, r, viewer, id)
	}, showReport, func(x readmodels.Report) string { return x.Version })
}

func (s *Server) getReport(ctx context.Context, c *Call, p thingPath, _ None) (Reply[Report], error) {
	return s.replyReport(ctx, c, p.ID, 0)
}

type reportQuery struct {
	Page
	State string    `query:"state" enum:"open,resolved,appealed" doc:"all where it is left out"`
	Board uuid.UUID `query:"board" doc:"of one board alone"`
}

// maySeeReports lets administrators in, and moderators: of that board, or of
// any where none is asked for.
func (s *Server) maySeeReports(ctx context.Context, c *Call, p reportQuery) error {
	if p.Board != uuid.Nil {
		_, err := s.cfg.Commands.MayModerate(ctx, *c.Actor, p.Board)
		return err
	}
	viewer, err := s.judge(ctx, c)
	if err != nil || viewer.Administrator {
		return err
	}
	return s.cfg.Tables.Read(ctx, func(r readmodels.Reader) error {
		moderates, err := readmodels.Moderates(ctx, r, viewer.Account)
		if err == nil && !moderates {
			err = fault.ErrForbidden
		}
		return err
	})
}

func (s *Server) listReports(ctx context.Context, c *Call, p reportQuery, _ None) (Reply[List[Report]], error) {
	viewer, err := s.judge(ctx, c)
	if err != nil {
		return Reply[List[Report]]{}, err
	}
	return listed(ctx, s, c, p.Page, func(r readmodels.Reader, after *readmodels.ReportKey, limit int) ([]readmodels.Report, error) {
		return readmodels.Reports(ctx, r, viewer, readmodels.ReportFilter{State: report.State(p.State), Board: p.Board}, after, limit)
	}, showReport, readmodels.Report.Key)
}

type verdict struct {
	Action string      `json:"action,omitempty" doc:"needed" enum:"none,remove,suspend"`
	Reason string      `json:"reason,omitempty" text:"lines" doc:"needed; at most 500 characters"`
	Until  Maybe[Time] `json:"until" doc:"of suspend; null or left out: for ever"`
}

func (s *Server) decideReport(ctx context.Context, c *Call, p thingPath, b verdict) (Reply[Report], error) {
	until, _ := b.Until.Get()
	out, err := s.cfg.Commands.DecideReport(ctx, *c.Actor, p.ID, commands.DecideReport{
		Action: report.Action(b.Action), Reason: b.Reason, Until: until.Time, IfMatch: c.match(),
	})
	if err != nil {
		return Reply[Report]{}, err
	}
	return s.replyReport(ctx, c, p.ID, out.Position)
}

type reasoned struct {
	Reason string `json:"reason,omitempty" text:"lines" doc:"needed"`
}

func (s *Server) appealReport(ctx context.Context, c *Call, p thingPath, b reasoned) (Reply[Report], error) {
	out, err := s.cfg.Commands.Appeal(ctx, *c.Actor, p.ID, b.Reason)
	if err != nil {
		return Reply[Report]{}, err
	}
	return s.replyReport(ctx, c, p.ID, out.Position)
}

// Unmasked is who wrote an anonymous post.
type Unmasked struct {
	Author *Summary `json:"author"`
}

func (s *Server) unmaskPost(ctx context.Context, c *Call, p thingPath, b reasoned) (Reply[Unmasked], error) {
	author, out, err := s.cfg.Commands.Unmask(ctx, *c.Actor, p.ID, b.Reason)
	if err != nil {
		return Reply[Unmasked]{}, err
	}
	if err := s.written(ctx, out.Position); err != nil {
		return Reply[Unmasked]{}, err
	}
	answer := Unmasked{}
	err = s.cfg.Tables.Read(ctx, func(r readmodels.Reader) error {
		people, err := readmodels.Summaries(ctx, r, author)
		if who, known := people[author]; known {
			shown := showSummary(who)
			answer.Author = &shown
		}
		return err
	})
	return Reply[Unmasked]{Data: answer, Position: out.Position}, err
}

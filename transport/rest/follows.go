package rest

import (
	"context"
	"net/http"

	"github.com/google/uuid"

	"github.com/parleyhq/parley/commands"
	"github.com/parleyhq/parley/domain/account"
	"github.com/parleyhq/parley/domain/fault"
	"github.com/parleyhq/parley/readmodels"
)

// relate is a command that makes a relation to another account stand or not.
type relate func(c *commands.Commands, ctx context.Context, by commands.Actor, other uuid.UUID, on bool) (commands.Outcome, error)

func (s *Server) follows() {
	s.relation("follow", "followAccount", "Follow an account", (*commands.Commands).Follow)
	s.relation("block", "blockAccount", "Block an account: both are out of each other's sight", (*commands.Commands).Block)
	s.relation("mute", "muteAccount", "Mute an account: it stays out of feed and notifications", (*commands.Commands).Mute)

	absent := []*fault.Fault{fault.ErrNotFound}
	route(s, Op{
		Method: http.MethodGet, Path: "/v1/accounts/{account}/followers", ID: "listFollowers", Summary: "Who follows an account", Tag: "Follows",
		Auth: Optional, Errors: absent,
	}, s.maySeeFollows, s.listFollowers)
	route(s, Op{
		Method: http.MethodGet, Path: "/v1/accounts/{account}/following", ID: "listFollowing", Summary: "Whom an account follows", Tag: "Follows",
		Auth: Optional, Errors: absent,
	}, s.maySeeFollows, s.listFollowing)
	s.followRequests()
	route(s, Op{
		Method: http.MethodGet, Path: "/v1/me/blocks", ID: "listBlocks", Summary: "Whom one blocks", Tag: "Follows",
	}, nil, s.listBlocks)
	route(s, Op{
		Method: http.MethodGet, Path: "/v1/me/mutes", ID: "listMutes", Summary: "Whom one mutes", Tag: "Follows",
	}, nil, s.listMutes)
}

type otherPath struct {
	ID uuid.UUID `path:"id"`
}

// relation registers PUT and DELETE of a relation, name being its category.
func (s *Server) relation(name, id, summary string, command relate) {
	set := func(on bool) func(context.Context, *Call, otherPath, None) (Reply[None], error) {
		return func(ctx context.Context, c *Call, p otherPath, _ None) (Reply[None], error) {
			out, err := command(s.cfg.Commands, ctx, *c.Actor, p.ID, on)
			return s.settled(ctx, out, err)
		}
	}
	path := "/v1/accounts/{id}/" + name
	faults := []*fault.Fault{account.ErrSelf, fault.ErrNotFound}
	may := func(on bool) func(context.Context, *Call, otherPath) error {
		return func(ctx context.Context, c *Call, p otherPath) error {
			return s.cfg.Commands.SeesAccount(ctx, name, *c.Actor, p.ID, on)
		}
	}
	route(s, Op{Method: http.MethodPut, Path: path, ID: id, Summary: summary, Tag: "Follows", Errors: faults}, may(true), set(true))
	route(s, Op{Method: http.MethodDelete, Path: path, ID: "un" + id, Summary: "Take that back: " + summary, Tag: "Follows", Errors: faults}, may(false), set(false))
}

type accountList struct {
	accountPath
	Page
}

// maySeeAccount hides the lists of whom the caller does not see in full.
func (s *Server) maySeeAccount(ctx context.Context, c *Call, p accountList) error {
	return s.mayList(ctx, c, p, func(a readmodels.Account) bool { return !a.Hidden })
}

// maySeeFollows hides who follows whom from those whom it is not for.
func (s *Server) maySeeFollows(ctx context.Context, c *Call, p accountList) error {
	return s.mayList(ctx, c, p, func(a readmodels.Account) bool { return !a.FollowsHidden })
}

func (s *Server) mayList(ctx context.Context, c *Call, p accountList, may func(readmodels.Account) bool) error {
	return s.cfg.Tables.Read(ctx, func(r readmodels.Reader) error {
		a, err := p.Account.find(ctx, r, c.Account())
		if err == nil && !may(a) {
			err = fault.ErrNotFound
		}
		return err
	})
}

func (s *Server) listFollowers(ctx context.Context, c *Call, p accountList, _ None) (Reply[List[Summary]], error) {
	return s.listRelated(ctx, c, p, readmodels.Followers)
}

func (s *Server) listFollowing(ctx context.Context, c *Call, p accountList, _ None) (Reply[List[Summary]], error) {
	return s.listRelated(ctx, c, p, readmodels.Followees)
}

func (s *Server) listRelated(ctx context.Context, c *Call, p accountList,
	query func(ctx context.Context, r readmodels.Reader, viewer, of uuid.UUID, before uint64, limit int) ([]readmodels.Related, error),
) (Reply[List[Summary]], error) {
	return s.showRelated(ctx, c, p.Page, func(r readmodels.Reader, before uint64, limit int) ([]readmodels.Related, error) {
		a, err := p.Account.find(ctx, r, c.Account())
		if err != nil {
			return nil, err
		}
		return query(ctx, r, c.Account(), a.ID, before, limit)
	})
}

func (s *Server) listBlocks(ctx context.Context, c *Call, p Page, _ None) (Reply[List[Summary]], error) {
	return s.showRelated(ctx, c, p, func(r readmodels.Reader, before uint64, limit int) ([]readmodels.Related, error) {
		return readmodels.Blocks(ctx, r, c.Account(), before, limit)
	})
}

func (s *Server) listMutes(ctx context.Context, c *Call, p Page, _ None) (Reply[List[Summary]], error) {
	return s.showRelated(ctx, c, p, func(r readmodels.Reader, before uint64, limit int) ([]readmodels.Related, error) {
		return readmodels.Mutes(ctx, r, c.Account(), before, limit)
	})
}

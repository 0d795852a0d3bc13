package rest

// How to add a route
//
// Each noun has a file here (posts.go) with one method that registers its
// routes, and a line in register below. A route is an Op, a P for its
// parameters, a B for its body, an O for its data, and one or two functions:
//
//	func (s *Server) boards() {
//		route(s, Op{
//			Method: http.MethodPatch, Path: "/v1/boards/{id}", ID: "editBoard",
//			Summary: "Change a board", Tag: "Boards",
//			Errors: []*fault.Fault{board.ErrArchived},
//		}, s.mayEditBoard, s.editBoard)
//	}
//
//	type boardPath struct {
//		ID uuid.UUID `path:"id"`
//	}
//
//	type boardEdit struct {
//		Name        Maybe[string] `json:"name" maxLength:"32" nullable:"false"` // absent or a value
//		Icon        Maybe[uuid.UUID] `json:"icon"`                             // absent, null or a value
//		Description Maybe[string] `json:"description" maxLength:"2000" nullable:"false" text:"lines"`
//	}
//
//	// mayEditBoard runs before the body is read: 403 and 404 come before 422.
//	func (s *Server) mayEditBoard(ctx context.Context, c *Call, p boardPath) error {
//		return s.cfg.Commands.MayEditBoard(ctx, c.Account(), p.ID)
//	}
//
//	func (s *Server) editBoard(ctx context.Context, c *Call, p boardPath, b boardEdit) (Reply[Board], error) {
//		done, err := s.cfg.Commands.EditBoard(ctx, p.ID, commands.BoardEdit{Name: b.Name.Pointer(), …})
//		if err != nil {
//			return Reply[Board]{}, err // faults are answered, anything else is a 500
//		}
//		return Reply[Board]{Data: boardOf(done), Position: done.Position, ETag: done.Event.String()}, nil
//	}
//
// The rules that the types keep:
//   - Auth is Required unless the Op says Optional or Public. API keys are let
//     in by Scope alone; their actor is their maker, so that access asks the same of
//     both. Waits is Tables; say []string{Search} where the route reads the index.
//   - The status is 200, 204 where O is None, or Op.Status (201), or
//     Reply.Status where it depends.
//   - Fields of a body are required unless `omitempty` (pointers too) or a Maybe. null
//     in an optional field is as if it were absent; a Maybe keeps the difference.
//   - Validation is huma's tags (minLength, maxLength, enum, minimum, maxItems
//     …), path:"", query:"", header:"", default:"" and example:"" too. A text is one
//     line unless the field says text:"lines". readOnly:"true" is ignored.
//   - An id in a path that is no UUID is 404. A type of your own with
//     UnmarshalText ("@handle or id") is 404 in a path, 422 elsewhere.
//   - Pictures are openImage(id), signedImage(id) or imagesOf(ids, …); the rest
//     of them is filled in when do has returned.
//   - Times are Time (At, AtOrNull), never time.Time. Lists in answers are
//     made, never nil; Config.VerifyReplies finds those that are.
//   - Lists: embed Page in P, read seek[Key](c, p.Page), ask the query for
//     p.Limit+1 rows, answer page(c, p.Page, rows, show, key). Next, the Link header and
//     the cursor's binding to list, filters and reader come by themselves.
//   - If-Match: c.CheckMatch(etag), and let the command expect that revision.
//   - Files, streams, redirects and forms use handle instead of route.
//
// register is the table of contents.
func (s *Server) register() {
	s.accounts()
	s.captchas()
	s.passwords()
	s.settings()
	s.sessions()
	s.totp()
	s.identities()
	s.passkeys()
	s.follows()
	s.boards()
	s.posts()
	s.revisions()
	s.postModeration()
	s.comments()
	s.reactions()
	s.bookmarks()
	s.hashtags()
	s.feeds()
	s.search()
	s.rooms()
	s.messages()
	s.receipts()
	s.notifications()
	s.push()
	s.apiKeys()
	s.images()
	s.suspensions()
	s.reports()
	s.audit()
	s.projections()
}

package foldtest

import (
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/parleyhq/parley/domain/board"
	"github.com/parleyhq/parley/domain/comment"
	"github.com/parleyhq/parley/domain/post"
	"github.com/parleyhq/parley/domain/reaction"
)

var forumActs = []act{
	{2, createBoard},
	{8, changeBoard},
	{5, setModerator},
	{14, writePost},
	{16, finishDraft},
	{14, editPost},
	{6, deletePost},
	{5, restorePost},
	{10, redact},
	{10, moderatePost},
	{16, acceptAnswer},
	{30, writeComment},
	{10, editComment},
	{14, deleteComment},
	{34, react},
	{14, keepPost},
	{8, followPost},
}

var (
	tags      = []string{"go", "日本語", "rust", "100%", "o'clock"}
	postTypes = []post.Type{post.Article, post.Question, post.Question, post.Picture}
	reactions = []string{"like", "sad", "🦜"}
)

// postAct is what never changes of a post.
type postAct struct {
	id, board, author, owner uuid.UUID
	kind                     post.Type
}

func (p *postAct) anonymous() bool { return p.author != p.owner }

// hidden is the owner, where that is not the author.
func (p *postAct) hidden() uuid.UUID {
	if p.anonymous() {
		return p.owner
	}
	return uuid.Nil
}

type commentAct struct {
	id uuid.UUID
	in *postAct
}

// createBoard claims a name and makes the board, or leaves that to be healed.
func createBoard(h *History) {
	if len(h.boards) == maxBoards {
		return
	}
	id, claim := h.id(), h.claim("boardname")
	h.fact(claim, board.NameClaimed{Board: id})
	name := board.Stream(id)
	b := stateOf(h, name, board.New)
	if len(h.boards) > 0 && h.one(3) {
		events, _ := b.Fence(claim)
		h.say(name, events, nil)
		h.fact(claim, board.NameReleased{Board: id})
		return
	}
	events, err := b.Create(board.Created{
		By: h.person(), Name: fmt.Sprint("Board ", h.names), NameClaim: claim, Rules: h.sometimes(), Description: h.sometimes(),
		Icon: h.image(), Banner: h.image(),
	})
	h.say(name, events, err)
	h.boards = append(h.boards, id)
}

// changeBoard changes a board or archives it; a renaming may lose its claim.
func changeBoard(h *History) {
	id := pick(h, h.boards)
	name := board.Stream(id)
	b := stateOf(h, name, board.New)
	who := board.Who{Account: h.person(), Administrator: h.one(2)}
	begun := b.Naming()
	c := board.Changed{
		Rules: maybe(h, h.sometimes), Description: maybe(h, h.sometimes), Icon: maybe(h, h.image), Banner: maybe(h, h.image),
	}
	if h.one(2) {
		c.Name, c.NameClaim = maybe(h, h.words), h.claim("boardname")
		h.fact(c.NameClaim, board.NameClaimed{Board: id})
		if h.one(3) {
			events, _ := b.Fence(c.NameClaim)
			h.say(name, events, nil)
		}
	}
	if c.Name == nil {
		c.NameClaim = ""
	}
	events, err := b.Change(who, c, maybe(h, func() bool { return h.one(3) }), begun)
	h.say(name, events, err)
}

func setModerator(h *History) {
	name := board.Stream(pick(h, h.boards))
	who := board.Who{Account: h.person(), Administrator: h.one(2)}
	events, err := stateOf(h, name, board.New).SetModerator(who, h.person(), h.random.IntN(3) > 0)
	h.say(name, events, err)
}

// written is what a post says.
func (h *History) written() (title, body string, hashtags []string, mentions []uuid.UUID) {
	return h.words(), h.sometimes(), some(h, tags, 3), some(h, h.Accounts, 8)
}

func (h *History) pictures() []uuid.UUID {
	var images []uuid.UUID
	for range h.random.IntN(3) {
		images = append(images, h.picture())
	}
	return images
}

// writePost begins a draft or publishes at once; the board may have been
// archived meanwhile.
func writePost(h *History) {
	owner := h.person()
	p := &postAct{id: h.id(), board: pick(h, h.boards), author: owner, owner: owner, kind: pick(h, postTypes)}
	if h.one(3) {
		p.author = h.id()
		h.Authors[p.author] = owner
	}
	h.posts = append(h.posts, p)
	if h.one(3) {
		h.draft(p)
		return
	}
	h.publish(p)
}

func (h *History) draft(p *postAct) {
	title, body, _, _ := h.written()
	at := time.Time{}
	if h.one(2) {
		at = h.clock.Add(time.Duration(h.random.IntN(1e9)))
	}
	name := post.Stream(p.id)
	events, err := stateOf(h, name, post.New).Draft(post.Drafted{
		Board: p.board, Author: p.author, Anonymous: p.anonymous(), HiddenAuthor: p.hidden(), Type: p.kind,
		Title: title, Body: body, Images: h.pictures(), Thumbnail: h.image(), PublishAt: at,
	})
	h.say(name, events, err)
}

func (h *History) publish(p *postAct) {
	title, body, hashtags, mentions := h.written()
	name := post.Stream(p.id)
	events, err := stateOf(h, name, post.New).Publish(post.Published{
		Board: p.board, Author: p.author, Anonymous: p.anonymous(), HiddenAuthor: p.hidden(), Type: p.kind,
		Title: title, Body: body, Hashtags: hashtags, Mentions: mentions, Images: h.pictures(), Thumbnail: h.image(),
	})
	h.say(name, events, err)
}

// finishDraft changes a draft, publishes it, or takes its date away.
func finishDraft(h *History) {
	for range 5 { // look for one
		if len(h.posts) == 0 {
			return
		}
		p := recent(h, h.posts)
		if !stateOf(h, post.Stream(p.id), post.New).Waiting() {
			continue
		}
		name := post.Stream(p.id)
		if due := stateOf(h, name, post.New).Unschedule("board.archived", h.clock.Add(time.Hour)); due != nil && h.one(3) {
			h.say(name, due, nil)
		} else if h.one(2) {
			h.draft(p)
		} else {
			h.publish(p)
		}
		return
	}
}

func editPost(h *History) {
	if len(h.posts) == 0 {
		return
	}
	p := recent(h, h.posts)
	name := post.Stream(p.id)
	title, body, hashtags, mentions := h.written()
	events, err := stateOf(h, name, post.New).Edit(post.Edited{
		Editor: pick(h, []uuid.UUID{p.author, h.person()}), Title: title, Body: body, Hashtags: hashtags, Mentions: mentions,
	})
	h.say(name, events, err)
}

func deletePost(h *History) {
	if len(h.posts) == 0 {
		return
	}
	p := recent(h, h.posts)
	name := post.Stream(p.id)
	events, err := stateOf(h, name, post.New).Delete(p.author)
	h.say(name, events, err)
	for i := range len(h.posts) % 3 { // a moderator deletes it as well, and takes that back
		state := stateOf(h, name, post.New)
		if events, err = state.Delete(h.Accounts[0]); i > 0 {
			events, err = state.Undelete(h.Accounts[0], time.Time{}, 0)
		}
		h.say(name, events, err)
	}
}

// restorePost takes a delete back; it may be anybody's.
func restorePost(h *History) {
	for range 5 { // look for one
		if len(h.posts) == 0 {
			return
		}
		p := recent(h, h.posts)
		name := post.Stream(p.id)
		state := stateOf(h, name, post.New)
		by, err := state.Restores(pick(h, []uuid.UUID{p.owner, h.person()}), true)
		if err != nil {
			continue
		}
		events, err := state.Restore(by, h.clock, time.Hour)
		h.say(name, events, err)
		return
	}
}

// redact takes an earlier text of a post away, of a deleted one too.
func redact(h *History) {
	if len(h.posts) == 0 {
		return
	}
	p := recent(h, h.posts)
	name := post.Stream(p.id)
	events, err := stateOf(h, name, post.New).Redact(pick(h, []uuid.UUID{p.author, h.person()}), 1+h.random.IntN(3))
	h.say(name, events, err)
}

// moderatePost locks, pins or moves a post, or takes one of the first two back.
func moderatePost(h *History) {
	if len(h.posts) == 0 {
		return
	}
	p := recent(h, h.posts)
	name := post.Stream(p.id)
	state, by := stateOf(h, name, post.New), h.person()
	events, err := state.Lock(by, h.one(2))
	switch h.random.IntN(3) {
	case 0:
		events, err = state.Pin(by, h.one(2))
	case 1:
		events, err = state.Move(by, pick(h, h.boards))
	}
	h.say(name, events, err)
}

// acceptAnswer names a comment, which may have been deleted meanwhile, or
// takes the answer back.
func acceptAnswer(h *History) {
	if len(h.comments) == 0 {
		return
	}
	c := recent(h, h.comments)
	answer := c.id
	if h.one(5) {
		answer = uuid.Nil
	}
	name := post.Stream(c.in.id)
	events, err := stateOf(h, name, post.New).Accept(c.in.author, answer)
	h.say(name, events, err)
}

// writeComment answers a post or a comment, either of which may have been
// deleted meanwhile.
func writeComment(h *History) {
	if len(h.posts) == 0 {
		return
	}
	p := recent(h, h.posts)
	state := stateOf(h, post.Stream(p.id), post.New)
	if !state.Published() && (state.Was != post.Live || h.one(2)) {
		return
	}
	d := comment.Published{Post: p.id, Board: p.board, Author: h.person(), Body: h.words(), Mentions: some(h, h.Accounts, 8)}
	if p.anonymous() && (d.Author == p.owner || h.one(3)) {
		d.Author, d.Anonymous, d.HiddenAuthor = p.author, true, p.owner
	}
	if len(h.comments) > 0 && h.random.IntN(3) > 0 {
		if to := recent(h, h.comments); to.in == p {
			d.Parent = to.id
		}
	}
	c := &commentAct{id: h.id(), in: p}
	name := comment.Stream(c.id)
	events, err := stateOf(h, name, comment.New).Publish(d)
	h.say(name, events, err)
	h.comments = append(h.comments, c)
}

func editComment(h *History) {
	if len(h.comments) == 0 {
		return
	}
	name := comment.Stream(recent(h, h.comments).id)
	events, err := stateOf(h, name, comment.New).Edit(comment.Edited{Body: h.words(), Mentions: some(h, h.Accounts, 8)})
	h.say(name, events, err)
}

func deleteComment(h *History) {
	if len(h.comments) == 0 {
		return
	}
	c := recent(h, h.comments)
	if answer := stateOf(h, post.Stream(c.in.id), post.New).Answer; answer != uuid.Nil && h.one(2) {
		c = &commentAct{id: answer, in: c.in}
	}
	name := comment.Stream(c.id)
	events, err := stateOf(h, name, comment.New).Delete(h.person())
	h.say(name, events, err)
}

// react puts a reaction on a post or a comment, or takes it back; either may
// have been deleted meanwhile.
func react(h *History) {
	if len(h.posts) == 0 {
		return
	}
	p := recent(h, h.posts)
	if len(h.felt) > 0 && h.one(3) {
		d := pick(h, h.felt)
		name := reaction.Stream(d.Subject, d.Account)
		events, err := stateOf(h, name, reaction.New).Remove(reaction.Removed(d))
		h.say(name, events, err)
		return
	}
	d := reaction.Added{Account: h.person(), Kind: pick(h, reactions), SubjectType: reaction.Post, Subject: p.id}
	if len(h.comments) > 0 && h.one(2) {
		c := recent(h, h.comments)
		d.SubjectType, d.Subject, p = reaction.Comment, c.id, c.in
	} else if state := stateOf(h, post.Stream(p.id), post.New); !state.Published() && state.Was != post.Live {
		return
	}
	d.Post = p.id
	if d.Account == p.owner && p.anonymous() {
		d.Account, d.HiddenAccount = p.author, p.owner
	}
	name := reaction.Stream(d.Subject, d.Account)
	events, err := stateOf(h, name, reaction.New).Add(d)
	h.say(name, events, err)
	h.felt = append(h.felt, d)
}

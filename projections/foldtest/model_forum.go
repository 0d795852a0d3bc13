package foldtest

import (
	"math"
	"time"

	"github.com/google/uuid"

	"github.com/parleyhq/parley/domain/board"
	"github.com/parleyhq/parley/domain/comment"
	"github.com/parleyhq/parley/domain/follow"
	"github.com/parleyhq/parley/domain/post"
	"github.com/parleyhq/parley/domain/reaction"
	"github.com/parleyhq/parley/readmodels"
	"github.com/parleyhq/parley/readmodels/markdown"
)

type forum struct {
	boards       map[uuid.UUID]*boardRow
	moderators   map[pair]bool // board, account
	boardFollows map[pair]bool // account, board
	tagFollows   map[accountTag]bool
	posts        map[uuid.UUID]*postRow
	comments     map[uuid.UUID]*commentRow
	reactions    map[felt]bool // false: taken back
	tags         map[string]bool
	newest       time.Time // of the posts published with hashtags so far
}

type accountTag struct {
	account uuid.UUID
	tag     string
}

type boardTag struct {
	board uuid.UUID
	day   int64
	tag   string
}

type felt struct {
	subject, account uuid.UUID
	kind             string
}

type boardRow struct {
	name, rules, description string
	icon, banner             uuid.UUID
	archived                 bool
	created                  time.Time
	version                  uuid.UUID
}

type postRow struct {
	board, author, owner                  uuid.UUID
	anonymous                             bool
	kind                                  post.Type
	title, body                           string
	images                                []uuid.UUID
	thumbnail                             uuid.UUID
	hashtags                              []string
	mentions                              []uuid.UUID
	state                                 post.State
	refusal                               string
	answer                                uuid.UUID
	locked, pinned                        bool
	editor                                uuid.UUID
	earlier                               []revisionRow // texts before this one
	created, edited, published, scheduled time.Time
	version                               uuid.UUID
}

// revisionRow is a text that a post had.
type revisionRow struct {
	title, body string
	mentions    []uuid.UUID
	editor      uuid.UUID
	at          time.Time
	redacted    bool
}

type commentRow struct {
	post, parent, author, owner uuid.UUID
	anonymous, deleted          bool
	body                        string
	mentions                    []uuid.UUID
	created, edited             time.Time
	version                     uuid.UUID
}

func newForum() forum {
	return forum{
		boards: map[uuid.UUID]*boardRow{}, moderators: map[pair]bool{}, boardFollows: map[pair]bool{}, tagFollows: map[accountTag]bool{},
		posts: map[uuid.UUID]*postRow{}, comments: map[uuid.UUID]*commentRow{}, reactions: map[felt]bool{}, tags: map[string]bool{},
	}
}

func (m *Model) foldBoard(e Event) {
	switch d := e.Data.(type) {
	case board.Created:
		m.boards[e.thing()] = &boardRow{
			name: d.Name, rules: d.Rules, description: d.Description, icon: d.Icon, banner: d.Banner, created: e.Time, version: e.ID,
		}
		m.moderators[pair{e.thing(), d.By}] = true
	case board.Changed:
		b := m.boards[e.thing()]
		b.version = e.ID
		change(&b.name, d.Name)
		change(&b.rules, d.Rules)
		change(&b.description, d.Description)
		change(&b.icon, d.Icon)
		change(&b.banner, d.Banner)
	case board.Archived:
		b := m.boards[e.thing()]
		b.archived, b.version = d.Archived, e.ID
	case board.ModeratorSet:
		m.boards[e.thing()].version = e.ID
		m.moderators[pair{e.thing(), d.Account}] = d.Moderator
	case follow.BoardStarted:
		m.boardFollows[pair{d.Account, d.Board}] = true
	case follow.BoardEnded:
		delete(m.boardFollows, pair{d.Account, d.Board})
	case follow.TagStarted:
		m.tagFollows[accountTag{d.Account, d.Tag}] = true
	case follow.TagEnded:
		delete(m.tagFollows, accountTag{d.Account, d.Tag})
	}
}

func (m *Model) foldPost(e Event) {
	switch d := e.Data.(type) {
	case post.Drafted:
		p := m.post(e)
		p.board, p.author, p.anonymous, p.kind = d.Board, d.Author, d.Anonymous, d.Type
		p.title, p.body, p.images, p.thumbnail = d.Title, d.Body, d.Images, d.Thumbnail
		p.owner, p.editor = either(d.Anonymous, d.HiddenAuthor, d.Author), d.Author
		p.scheduled, p.state, p.refusal = d.PublishAt, post.Draft, ""
		if !d.PublishAt.IsZero() {
			p.state = post.Scheduled
		}
	case post.Unscheduled:
		p := m.post(e)
		p.scheduled, p.state, p.refusal = time.Time{}, post.Draft, d.Reason
	case post.Published:
		p := m.post(e)
		p.board, p.author, p.anonymous, p.kind = d.Board, d.Author, d.Anonymous, d.Type
		p.title, p.body, p.images, p.thumbnail = d.Title, d.Body, d.Images, d.Thumbnail
		p.owner, p.editor = either(d.Anonymous, d.HiddenAuthor, d.Author), d.Author
		p.hashtags, p.mentions = d.Hashtags, d.Mentions
		p.scheduled, p.published, p.state, p.refusal = time.Time{}, e.Time, post.Live, ""
		if len(d.Hashtags) > 0 && e.Time.After(m.newest) {
			m.newest = e.Time
		}
		m.used(d.Hashtags)
	case post.Edited:
		p := m.post(e)
		p.earlier = append(p.earlier, revisionRow{
			title: p.title, body: p.body, mentions: p.mentions, editor: p.editor, at: either(len(p.earlier) > 0, p.edited, p.published),
		})
		p.title, p.body, p.hashtags, p.mentions, p.edited, p.editor = d.Title, d.Body, d.Hashtags, d.Mentions, e.Time, d.Editor
		m.used(d.Hashtags)
	case post.Deleted: // keeps its text
		m.post(e).state = post.Tombstone
	case post.Restored:
		p := m.post(e)
		p.state = post.Live
		if p.published.IsZero() {
			p.state, p.scheduled = post.Draft, time.Time{}
		}
	case post.Redacted:
		v := &m.post(e).earlier[d.Revision-1]
		v.title, v.body, v.mentions, v.redacted = "", "", nil, true
	case post.Locked:
		m.post(e).locked = d.Locked
	case post.Pinned:
		m.post(e).pinned = d.Pinned
	case post.Moved:
		p := m.post(e)
		p.board, p.pinned = d.Board, false
	case post.AnswerAccepted:
		p := m.post(e)
		p.answer = d.Comment
		if c := m.comments[d.Comment]; c != nil && c.deleted { // it was deleted meanwhile
			p.answer = uuid.Nil
		}
	}
}

// post is the post that e is about, which e changes.
func (m *Model) post(e Event) *postRow {
	p := m.posts[e.thing()]
	if p == nil {
		p = &postRow{created: e.Time}
		m.posts[e.thing()] = p
	}
	p.version = e.ID
	return p
}

// used notes tags that have a page from now on.
func (m *Model) used(tags []string) {
	for _, tag := range tags {
		m.tags[tag] = true
	}
}

func either[T any](first bool, a, b T) T {
	if first {
		return a
	}
	return b
}

func (m *Model) foldComment(e Event) {
	switch d := e.Data.(type) {
	case comment.Published:
		m.comments[e.thing()] = &commentRow{
			post: d.Post, parent: d.Parent, author: d.Author, owner: either(d.Anonymous, d.HiddenAuthor, d.Author), anonymous: d.Anonymous,
			body: d.Body, mentions: d.Mentions, created: e.Time, version: e.ID,
		}
	case comment.Edited:
		c := m.comments[e.thing()]
		c.body, c.mentions, c.edited, c.version = d.Body, d.Mentions, e.Time, e.ID
	case comment.Deleted: // keeps its place, and is no answer any more
		c := m.comments[e.thing()]
		c.body, c.mentions, c.deleted, c.version = "", nil, true, e.ID
		if p := m.posts[c.post]; p.answer == e.thing() {
			p.answer = uuid.Nil
		}
	case comment.Restored:
		c := m.comments[e.thing()]
		c.body, c.mentions, c.deleted, c.version = d.Body, d.Mentions, false, e.ID
		if p := m.posts[c.post]; d.Answer && p.answer == uuid.Nil {
			p.answer = e.thing()
		}
	case reaction.Added:
		m.reactions[felt{d.Subject, either(d.HiddenAccount != uuid.Nil, d.HiddenAccount, d.Account), d.Kind}] = true
	case reaction.Removed:
		m.reactions[felt{d.Subject, either(d.HiddenAccount != uuid.Nil, d.HiddenAccount, d.Account), d.Kind}] = false
	}
}

func (m *Model) printForum() {
	m.printBoards()
	m.printPosts()
	m.printComments()
	kinds := map[felt]int{} // by subject and kind; of what was all taken back, 0
	for f, stands := range m.reactions {
		if count := (felt{subject: f.subject, kind: f.kind}); stands {
			m.row("reaction", columns{"subject": f.subject, "account": f.account, "kind": f.kind})
			kinds[count]++
		} else {
			kinds[count] += 0
		}
	}
	for f, n := range kinds {
		m.row("reaction_count", columns{"subject": f.subject, "kind": f.kind, "n": n})
	}
}

func (m *Model) printBoards() {
	for id, b := range m.boards {
		followers, posts := 0, 0
		for f := range m.boardFollows {
			if f[1] == id {
				followers++
			}
		}
		for _, p := range m.posts {
			if p.board == id && p.state == post.Live {
				posts++
			}
		}
		m.row("board", columns{
			"id": id, "name": b.name, "icon": b.icon, "banner": b.banner, "rules": b.rules, "description": b.description,
			"archived": b.archived, "created_at": b.created, "version": b.version, "followers": followers, "posts": posts,
		})
	}
	for x, stands := range m.moderators {
		if stands {
			m.row("board_moderator", columns{"board": x[0], "account": x[1]})
		}
	}
	for f := range m.boardFollows {
		m.row("board_follow", columns{"account": f[0], "board": f[1], "merged": !m.written[following{"board", f[0], f[1].String()}]})
	}
	for f := range m.tagFollows {
		m.row("hashtag_follow", columns{"account": f.account, "tag": f.tag, "merged": !m.written[following{"hashtag", f.account, f.tag}]})
	}
}

// printPosts prints posts, their earlier texts and the pages of their hashtags.
func (m *Model) printPosts() {
	used, onBoards := map[string]int{}, map[boardTag]int{}
	reactions := map[uuid.UUID]int{}
	for f, stands := range m.reactions {
		if stands {
			reactions[f.subject]++
		}
	}
	for id, p := range m.posts {
		comments := 0
		for _, c := range m.comments {
			if c.post == id && !c.deleted {
				comments++
			}
		}
		hot := int64(0)
		if !p.published.IsZero() {
			hot = p.published.UnixMilli() + int64(math.Round(readmodels.HotHalf/math.Ln2*math.Log(float64(1+comments+reactions[id]))))
		}
		m.row("post", columns{
			"id": id, "board": p.board, "author": p.author, "owner": p.owner, "anonymous": p.anonymous, "type": string(p.kind),
			"title": p.title, "body": p.body, "html": markdown.HTML(p.body), "images": arrayOrNone(p.images), "thumbnail": p.thumbnail,
			"hashtags": arrayOrNone(p.hashtags), "mentions": arrayOrNone(p.mentions), "state": string(p.state), "locked": p.locked, "pinned": p.pinned,
			"answer": p.answer, "revision": 1 + len(p.earlier), "editor": p.editor, "comments": comments, "created_at": p.created, "edited_at": p.edited,
			"published_at": p.published, "hot": hot, "publish_at": p.scheduled, "publish_error": p.refusal, "version": p.version,
		})
		for i, v := range p.earlier {
			m.row("post_revision", columns{
				"post": id, "n": i + 1, "title": v.title, "body": v.body, "mentions": arrayOrNone(v.mentions), "editor": v.editor,
				"created_at": v.at, "redacted": v.redacted,
			})
		}
		if p.state != post.Live {
			continue
		}
		for _, tag := range p.hashtags {
			used[tag]++
			onBoards[boardTag{p.board, daysOf(p.published), tag}]++
			m.row("post_hashtag", columns{"tag": tag, "post": id, "author": p.author, "published_at": p.published})
		}
	}
	for tag := range m.tags {
		m.row("hashtag", columns{"tag": tag, "posts": used[tag]})
	}
	m.printUses()
	for of, posts := range onBoards {
		m.row("board_hashtag", columns{"board": of.board, "day": of.day, "tag": of.tag, "posts": posts})
	}
	if m.newest.IsZero() {
		return
	}
	newest, popular := daysOf(m.newest), map[boardTag]int{} // of day 0
	first := newest - int64(m.keeping.TagDays)
	m.row("hashtag_window", columns{"one": 1, "newest": newest, "first": first})
	for of, posts := range onBoards {
		if of.day >= first {
			popular[boardTag{board: of.board, tag: of.tag}] += posts
		}
	}
	for of, posts := range popular {
		m.row("board_popular", columns{"board": of.board, "tag": of.tag, "posts": posts})
	}
}

func daysOf(t time.Time) int64 { return t.Unix() / (24 * 60 * 60) }

// printUses prints how much hashtags were used, and who did so last when.
func (m *Model) printUses() {
	type use struct {
		tag      string
		span, at int64
	}
	type user struct {
		tag    string
		author uuid.UUID
	}
	posts, people, last := map[use]int{}, map[use]int{}, map[user]time.Time{}
	spans := []time.Duration{time.Hour, 24 * time.Hour, 7 * 24 * time.Hour}
	of := func(tag string, span time.Duration, at time.Time) use {
		return use{tag, span.Milliseconds(), at.UnixMilli() / span.Milliseconds() * span.Milliseconds()}
	}
	for _, p := range m.posts {
		if p.state != post.Live {
			continue
		}
		for _, tag := range p.hashtags {
			for _, span := range spans {
				posts[of(tag, span, p.published)]++
			}
			if by := (user{tag, p.author}); p.published.After(last[by]) {
				last[by] = p.published
			}
		}
	}
	for by, at := range last {
		for _, span := range spans {
			people[of(by.tag, span, at)]++
		}
	}
	for u, n := range posts {
		m.row("hashtag_use", columns{"span": u.span, "at": u.at, "tag": u.tag, "people": people[u], "posts": n})
	}
}

// thread is the last comment above parent, which answers the post itself.
func (m *Model) thread(parent uuid.UUID) uuid.UUID {
	for parent != uuid.Nil && m.comments[parent].parent != uuid.Nil {
		parent = m.comments[parent].parent
	}
	return parent
}

func (m *Model) printComments() {
	for id, c := range m.comments {
		replies, reactions := 0, 0
		for _, reply := range m.comments {
			if reply.parent == id && !reply.deleted {
				replies++
			}
		}
		for f, stands := range m.reactions {
			if f.subject == id && stands {
				reactions++
			}
		}
		m.row("comment", columns{
			"id": id, "post": c.post, "parent": c.parent, "thread": m.thread(c.parent), "author": c.author, "owner": c.owner, "anonymous": c.anonymous,
			"body": c.body, "html": markdown.HTML(c.body), "mentions": arrayOrNone(c.mentions), "deleted": c.deleted,
			"replies": replies, "reactions": reactions, "created_at": c.created, "edited_at": c.edited, "version": c.version,
		})
	}
}

package seed

import (
	"fmt"
	"iter"
	"math/rand/v2"
	"strings"
)

// Size is how large a sample is. Comments, reactions and follows come with it.
type Size struct {
	Accounts, Posts, Messages int
}

// Person is somebody made up.
type Person struct {
	Handle, Email, Name, Bio string
	tongue                   int
}

// Post is one post of the plan, its comments and reactions included. People
// and boards are indexes into Plan.
type Post struct {
	Author, Board int
	Title, Body   string
	Anonymous     bool
	Comments      []Comment
	Reactions     []Reaction
}

// Comment is one comment; Parent is the index of the comment it answers, or -1.
type Comment struct {
	Author, Parent int
	Body           string
}

// Reaction is one person's.
type Reaction struct {
	By   int
	Kind string
}

// Room is a conversation; the first member is its owner.
type Room struct {
	Name     string // empty: direct
	Members  []int
	Messages []Message
}

// Message is one line of a conversation.
type Message struct {
	Sender int // a person
	Text   string
}

// Board is one board.
type Board struct{ Name, Description, Rules string }

// Plan is a community made up. People and boards are few and kept; the rest is
// made up as it is read, so that a large plan costs no memory.
type Plan struct {
	Size   Size
	People []Person
	Boards []Board
	seed   uint64
}

// New plans a sample: the same for the same size and seed, whenever it is
// made. A small one begins like a large one.
func New(size Size, seed uint64) *Plan {
	p := &Plan{Size: size, seed: seed}
	r := p.source(1)
	for i := range size.Accounts {
		tongue := [...]int{0, 0, 1, 2}[r.IntN(4)]
		t := tongues[tongue]
		latin, name := pick(r, tongues[0].given), ""
		if tongue == 0 {
			name = latin + " " + pick(r, t.family)
		} else {
			name = pick(r, t.family) + pick(r, t.given)
		}
		handle := fmt.Sprintf("%s_%d", strings.ToLower(latin), i+1)
		about := topics[r.IntN(len(topics))]
		p.People = append(p.People, Person{
			Handle: handle, Email: handle + "@example.org", Name: name,
			Bio: t.about(r, t.sentences[:1], about.words[tongue]), tongue: tongue,
		})
	}
	for _, t := range topics {
		p.Boards = append(p.Boards, Board{Name: t.board, Description: t.about, Rules: "Be kind. Stay on topic."})
	}
	return p
}

// source is a random source of its own for each part, so that one part's size
// does not change another.
func (p *Plan) source(part uint64) *rand.Rand { return rand.New(rand.NewPCG(p.seed, part)) }

// somebody is a person; a few are far more active than most.
func (p *Plan) somebody(r *rand.Rand) int {
	x := r.Float64()
	return int(x * x * float64(len(p.People)))
}

// Follows are pairs of follower and followed, each once.
func (p *Plan) Follows() iter.Seq2[int, int] {
	return func(yield func(int, int) bool) {
		r := p.source(2)
		for a := range p.People {
			seen := map[int]bool{a: true}
			for range min(8, len(p.People)-1) {
				b := p.somebody(r)
				if seen[b] {
					continue
				}
				seen[b] = true
				if !yield(a, b) {
					return
				}
			}
		}
	}
}

// BoardFollows are pairs of person and board, each once.
func (p *Plan) BoardFollows() iter.Seq2[int, int] {
	return func(yield func(int, int) bool) {
		r := p.source(3)
		for a := range p.People {
			for _, b := range r.Perm(len(p.Boards))[:1+r.IntN(3)] {
				if !yield(a, b) {
					return
				}
			}
		}
	}
}

var kinds = []string{"like", "like", "like", "love", "laugh", "happy", "sad"}

// Posts are all posts in their order.
func (p *Plan) Posts() iter.Seq[Post] {
	return func(yield func(Post) bool) {
		r := p.source(4)
		for range p.Size.Posts {
			author, board := p.somebody(r), r.IntN(len(p.Boards))
			in, person := topics[board], p.People[author]
			t, word := tongues[person.tongue], in.words[person.tongue]
			post := Post{Author: author, Board: board, Title: t.about(r, t.openings, word), Body: t.body(r, in, word), Anonymous: r.IntN(50) == 0}
			for i := range r.IntN(4) {
				by := p.somebody(r)
				parent := -1
				if i > 0 && r.IntN(2) == 0 {
					parent = r.IntN(i)
				}
				post.Comments = append(post.Comments, Comment{Author: by, Parent: parent, Body: pick(r, tongues[p.People[by].tongue].replies)})
			}
			seen := map[int]bool{}
			for range r.IntN(4) {
				if by := p.somebody(r); !seen[by] {
					seen[by] = true
					post.Reactions = append(post.Reactions, Reaction{By: by, Kind: pick(r, kinds)})
				}
			}
			if !yield(post) {
				return
			}
		}
	}
}

// Rooms are all conversations; together they hold Size.Messages messages.
func (p *Plan) Rooms() iter.Seq[Room] {
	return func(yield func(Room) bool) {
		r := p.source(5)
		pairs := map[[2]int]bool{}
		for left, n := p.Size.Messages, 0; left > 0 && len(p.People) > 1; n++ {
			room := p.room(r, n)
			if room.Name == "" {
				pair := [2]int{min(room.Members[0], room.Members[1]), max(room.Members[0], room.Members[1])}
				if pairs[pair] && len(pairs) < len(p.People)*(len(p.People)-1)/2 {
					continue
				}
				pairs[pair] = true
			}
			for range min(left, 20+r.IntN(180)) {
				by := pick(r, room.Members)
				room.Messages = append(room.Messages, Message{Sender: by, Text: pick(r, tongues[p.People[by].tongue].chat)})
			}
			left -= len(room.Messages)
			if !yield(room) {
				return
			}
		}
	}
}

func (p *Plan) room(r *rand.Rand, n int) Room {
	want, name := 2, ""
	if r.IntN(3) == 0 {
		want, name = 3+r.IntN(8), fmt.Sprintf("%s %d", topics[r.IntN(len(topics))].board, n+1)
	}
	want = min(want, len(p.People))
	room := Room{Name: name}
	seen := map[int]bool{}
	for len(room.Members) < want {
		by := p.somebody(r)
		for seen[by] {
			by = (by + 1) % len(p.People)
		}
		seen[by] = true
		room.Members = append(room.Members, by)
	}
	return room
}

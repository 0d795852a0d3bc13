package rest

import (
	"context"
	"reflect"
	"sync"

	"github.com/google/uuid"

	"github.com/parleyhq/parley/commands"
	"github.com/parleyhq/parley/domain/image"
	"github.com/parleyhq/parley/readmodels"
)

// imagePath is what stands before the name of a file.
const imagePath = "/v1/images/"

// Image is a picture that was uploaded. Handlers answer the id alone, as *Image
// or []Image, and say whether the place shows it to everybody; the rest is
// filled in before the answer is written, for all pictures of it at once. One
// that is gone is null there, or left out of its list.
type Image struct {
	ID         uuid.UUID   `json:"id"`
	URL        string      `json:"url"`
	Width      int         `json:"width" doc:"in pixels"`
	Height     int         `json:"height"`
	Thumbnails []Thumbnail `json:"thumbnails" doc:"by rising width, never larger than the picture"`

	open bool
}

// Thumbnail is a smaller copy of a picture.
type Thumbnail struct {
	URL    string `json:"url"`
	Width  int    `json:"width"`
	Height int    `json:"height"`
}

// openImage is a picture that its place shows to everybody; null for uuid.Nil.
func openImage(id uuid.UUID) *Image { return imageOf(id, true) }

// signedImage is a picture that its place shows to those who may see the place.
func signedImage(id uuid.UUID) *Image { return imageOf(id, false) }

func imageOf(id uuid.UUID, open bool) *Image {
	if id == uuid.Nil {
		return nil
	}
	return &Image{ID: id, open: open}
}

// imagesOf are the pictures of a place in their order.
func imagesOf(ids []uuid.UUID, open bool) []Image {
	all := make([]Image, len(ids))
	for i, id := range ids {
		all[i] = Image{ID: id, open: open}
	}
	return all
}

// imageLinks makes the links to pictures.
type imageLinks struct {
	commands *commands.Commands // signs
	base     string             // what links to open pictures begin with
}

// fill adds to an image what it is and where it is.
func (l imageLinks) fill(ctx context.Context, i *Image, p image.Picture) (err error) {
	url := func(n int) string {
		if i.open {
			return l.base + imagePath + p.OpenName(n)
		}
		signed, failed := l.commands.SignLink(ctx, imagePath+p.SignedName(n))
		if failed != nil {
			err = failed
		}
		return signed
	}
	i.URL, i.Width, i.Height = url(0), p.Files[0].Width, p.Files[0].Height
	i.Thumbnails = make([]Thumbnail, len(p.Files)-1)
	for n, f := range p.Files[1:] {
		i.Thumbnails[n] = Thumbnail{URL: url(n + 1), Width: f.Width, Height: f.Height}
	}
	return err
}

// illustrate fills in all pictures of an answer; load finds them by their ids.
func (l imageLinks) illustrate(ctx context.Context, answer any,
	load func(context.Context, []uuid.UUID) (map[uuid.UUID]image.Picture, error),
) error {
	var found places
	found.gather(reflect.ValueOf(answer).Elem())
	ids := found.ids()
	if len(ids) == 0 {
		return nil
	}
	pictures, err := load(ctx, ids)
	if err != nil {
		return err
	}
	for _, one := range found.single {
		p, there := pictures[(*one).ID]
		if !there {
			*one = nil
		} else if err := l.fill(ctx, *one, p); err != nil {
			return err
		}
	}
	for _, list := range found.lists {
		kept := (*list)[:0]
		for _, i := range *list {
			p, there := pictures[i.ID]
			if !there {
				continue
			}
			if err := l.fill(ctx, &i, p); err != nil {
				return err
			}
			kept = append(kept, i)
		}
		*list = kept
	}
	return nil
}

// pictures are those of some ids, from the tables.
func (s *Server) pictures(ctx context.Context, ids []uuid.UUID) (found map[uuid.UUID]image.Picture, err error) {
	err = s.cfg.Tables.Read(ctx, func(r readmodels.Reader) (err error) {
		found, err = readmodels.Pictures(ctx, r, ids)
		return err
	})
	return found, err
}

// illustrate fills in the pictures of an answer, a pointer to it.
func (s *Server) illustrate(ctx context.Context, answer any) error {
	return s.links().illustrate(ctx, answer, s.pictures)
}

func (s *Server) links() imageLinks { return imageLinks{s.cfg.Commands, s.cfg.ImageURL} }

// places are where an answer has pictures.
type places struct {
	single []**Image
	lists  []*[]Image
}

func (p *places) ids() []uuid.UUID {
	seen := map[uuid.UUID]bool{}
	var ids []uuid.UUID
	add := func(id uuid.UUID) {
		if !seen[id] {
			seen[id] = true
			ids = append(ids, id)
		}
	}
	for _, one := range p.single {
		add((*one).ID)
	}
	for _, list := range p.lists {
		for _, i := range *list {
			add(i.ID)
		}
	}
	return ids
}

// gather walks a value that can be set, and into nothing that cannot have
// pictures.
func (p *places) gather(v reflect.Value) {
	if !illustrated(v.Type()) {
		return
	}
	switch {
	case v.Type() == imagePointer:
		if !v.IsNil() {
			p.single = append(p.single, v.Addr().Interface().(**Image))
		}
	case v.Type() == imageList:
		p.lists = append(p.lists, v.Addr().Interface().(*[]Image))
	case v.Kind() == reflect.Pointer:
		if !v.IsNil() {
			p.gather(v.Elem())
		}
	case v.Kind() == reflect.Slice:
		for i := range v.Len() {
			p.gather(v.Index(i))
		}
	case v.Kind() == reflect.Struct:
		for i := range v.NumField() {
			if shownField(v.Type().Field(i)) {
				p.gather(v.Field(i))
			}
		}
	}
}

// shownField says whether JSON shows a field, or those in it.
func shownField(f reflect.StructField) bool { return f.IsExported() || f.Anonymous }

// known remembers of types whether they can have pictures.
var known sync.Map // reflect.Type → bool

var (
	imagePointer = reflect.TypeFor[*Image]()
	imageList    = reflect.TypeFor[[]Image]()
)

// illustrated says whether values of a type can have pictures.
func illustrated(t reflect.Type) bool {
	if yes, ok := known.Load(t); ok {
		return yes.(bool)
	}
	yes := reaches(t, map[reflect.Type]bool{})
	known.Store(t, yes)
	return yes
}

// reaches looks for pictures in a type; seen are those it is looking at.
func reaches(t reflect.Type, seen map[reflect.Type]bool) bool {
	if t == imagePointer || t == imageList {
		return true
	}
	if seen[t] {
		return false
	}
	seen[t] = true
	switch t.Kind() {
	case reflect.Pointer, reflect.Slice:
		return reaches(t.Elem(), seen)
	case reflect.Struct:
		for i := range t.NumField() {
			if f := t.Field(i); shownField(f) && reaches(f.Type, seen) {
				return true
			}
		}
	}
	return false
}

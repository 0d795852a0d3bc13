package acceptance

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"hash/crc32"
	"image"
	_ "image/jpeg" // decoders for what is answered
	"image/png"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/johannesboyne/gofakes3"
	"github.com/johannesboyne/gofakes3/backend/s3mem"

	"github.com/parleyhq/parley/cmd/acceptance/harness"
)

// gallery is a forum, with somebody who is not signed in.
type gallery struct {
	*forum
	guest *harness.Client
}

func newGallery(t *testing.T, options ...harness.Option) *gallery {
	t.Helper()
	f := newForum(t, options...)
	return &gallery{f, f.Client()}
}

// upload uploads for alice, and gives the id.
func (g *gallery) upload(purpose string, seed uint8) string {
	return g.alice.Upload(purpose, harness.Picture(400, 200, seed)).Want(201).ID()
}

// fetch gets a link as a guest.
func (g *gallery) fetch(t *testing.T, link any, headers ...harness.Header) *harness.Answer {
	t.Helper()
	path, ok := strings.CutPrefix(fmt.Sprint(link), g.Base)
	if !ok {
		t.Fatalf("a link leads elsewhere: %v", link)
	}
	return g.guest.Get(path, headers...)
}

// shows checks that shown is the picture of that id, openly or by a signed
// link, with thumbnails, and gives its link.
func (g *gallery) shows(t *testing.T, shown any, id string, open bool) string {
	t.Helper()
	i, _ := shown.(map[string]any)
	link, _ := i["url"].(string)
	if i["id"] != id || link == "" || i["width"] != 400.0 || i["height"] != 200.0 {
		t.Fatalf("not the picture %s: %v", id, shown)
	}
	if strings.Contains(link, "sig=") == open {
		t.Errorf("openly %v: %s", open, link)
	}
	thumbnails, _ := i["thumbnails"].([]any)
	if len(thumbnails) != 2 {
		t.Fatalf("thumbnails: %v", thumbnails)
	}
	g.opens(t, link, 400, 200, open)
	for n, width := range []int{96, 320} {
		small := thumbnails[n].(map[string]any)
		if small["width"] != float64(width) || small["height"] != float64(width/2) {
			t.Errorf("thumbnail %v", small)
		}
		g.opens(t, small["url"].(string), width, width/2, open)
	}
	return link
}

// opens checks what a link answers, to whoever has it.
func (g *gallery) opens(t *testing.T, link string, width, height int, open bool) {
	t.Helper()
	a := g.fetch(t, link).Want(200)
	c, format, err := image.DecodeConfig(bytes.NewReader(a.Raw))
	if err != nil || c.Width != width || c.Height != height || a.Header.Get("Content-Type") != "image/"+format {
		t.Errorf("%s: %s of %d × %d, %v; want %d × %d", link, format, c.Width, c.Height, err, width, height)
	}
	cache := "private, no-cache"
	if open {
		cache = "public, max-age=31536000, immutable"
		sum := sha256.Sum256(a.Raw)
		if !strings.Contains(link, hex.EncodeToString(sum[:])) {
			t.Errorf("%s does not say what is in it", link)
		}
	}
	for name, want := range map[string]string{
		"Cache-Control": cache, "X-Content-Type-Options": "nosniff", "Content-Security-Policy": "default-src 'none'; sandbox",
	} {
		if got := a.Header.Get(name); got != want {
			t.Errorf("%s: %s is %q", link, name, got)
		}
	}
	if name := a.Header.Get("Content-Disposition"); !strings.HasPrefix(name, `inline; filename="`) {
		t.Errorf("%s: %q", link, name)
	}
}

// A13, A7, F1: pictures of accounts and boards are read back wherever these
// are shown, under names of what is in them.
func TestA13_PublicPictures(t *testing.T) {
	t.Parallel()
	g := newGallery(t)
	avatar, banner := g.upload("avatar", 1), g.upload("banner", 2)
	g.alice.Patch("/v1/me/profile", body{"avatar": avatar, "banner": banner}).Want(200)
	g.see(g.alice)
	me := g.bob.Get("/v1/accounts/" + g.alice.Account.ID).Want(200).Map()
	link := g.shows(t, me["avatar"], avatar, true)
	g.shows(t, me["banner"], banner, true)

	post := makePost(g.alice, g.board, nil)
	comment := say(g.alice, post, "")
	g.alice.Put("/v1/accounts/"+g.bob.Account.ID+"/follow", nil).Want(204)
	room := group(g.alice, g.bob)
	number := g.alice.Post("/v1/rooms/"+room+"/messages", body{"text": "x"}).Want(201)
	g.see(g.alice)
	for path, keys := range map[string][]string{
		"/v1/posts/" + post:       {"author", "avatar", "url"},
		"/v1/comments/" + comment: {"author", "avatar", "url"},
	} {
		if got := dig(g.bob.Get(path).Want(200).Map(), keys...); got != link {
			t.Errorf("%s: %v", path, got)
		}
	}
	for path, keys := range map[string][]string{
		g.posts():                         {"author", "avatar", "url"},
		"/v1/posts/" + post + "/comments": {"author", "avatar", "url"},
		"/v1/accounts/" + g.bob.Account.ID + "/followers":      {"avatar", "url"},
		"/v1/rooms/" + room + "/messages":                      {"sender", "avatar", "url"},
		"/v1/rooms/" + room + "/members":                       {"account", "avatar", "url"},
		"/v1/rooms":                                            {"lastMessage", "sender", "avatar", "url"},
		"/v1/notifications":                                    {"actor", "avatar", "url"},
		"/v1/search?kind=accounts&q=" + g.alice.Account.Handle: {"account", "avatar", "url"},
	} {
		g.Eventually(path, func() bool {
			items := g.bob.Get(path).Want(200).Items()
			return len(items) > 0 && dig(items[0], keys...) == link
		})
	}
	if dig(number.Map(), "sender", "avatar", "url") != link {
		t.Errorf("sent: %s", number)
	}
	in := g.Client()
	if got := dig(in.SignIn(g.alice.Account.Handle, harness.Password).Want(201).Map(), "account", "avatar", "url"); got != link {
		t.Errorf("sign-in: %v", got)
	}

	icon, wide := g.admin.Upload("board", harness.Picture(400, 200, 3)).Want(201).ID(), g.admin.Upload("board", harness.Picture(400, 200, 4)).Want(201).ID()
	made := g.admin.Post("/v1/boards", body{"name": "Pictures", "icon": icon}).Want(201)
	g.shows(t, made.Map()["icon"], icon, true)
	g.shows(t, g.admin.Patch("/v1/boards/"+made.ID(), body{"banner": wide}).Want(200).Map()["banner"], wide, true)
	g.admin.Patch("/v1/boards/"+made.ID(), body{"icon": avatar}).Want(422, "image.unknown")
	if gone := g.admin.Patch("/v1/boards/"+made.ID(), body{"icon": nil}).Want(200).Map(); gone["icon"] != nil {
		t.Errorf("icon: %v", gone["icon"])
	}

	for what, id := range map[string]string{"another's": icon, "nobody's": uuid.Must(uuid.NewV7()).String(), "a banner": banner} {
		a := g.alice.Patch("/v1/me/profile", body{"avatar": id}).Want(422, "image.unknown")
		if len(a.Details) != 1 || a.Details[0].Field != "avatar" {
			t.Errorf("%s: %s", what, a)
		}
	}
	g.alice.Patch("/v1/me/profile", body{"avatar": g.Base + "/v1/images/x.png"}).Want(422, "request.invalid")
	other := g.upload("avatar", 5)
	g.alice.Patch("/v1/me/profile", body{"avatar": other}).Want(200)
	g.fetch(t, link).Want(404) // nothing shows it any more
	if me := g.alice.Patch("/v1/me/profile", body{"avatar": nil}).Want(200).Map(); me["avatar"] != nil {
		t.Errorf("avatar: %v", me["avatar"])
	}
}

// A13: how files are served.
func TestA13_Files(t *testing.T) {
	t.Parallel()
	g := newGallery(t)
	up := g.alice.Upload("avatar", harness.Picture(400, 200, 1)).Want(201)
	link := g.shows(t, up.Map(), up.ID(), true)
	whole := g.fetch(t, link)
	tag := whole.Header.Get("ETag")
	if a := g.fetch(t, link, harness.Header{Name: "If-None-Match", Value: tag}).Want(304); len(a.Raw) > 0 || tag == "" {
		t.Errorf("304: %d bytes, %q", len(a.Raw), tag)
	}
	for ranges, want := range map[string][]byte{"bytes=10-19": whole.Raw[10:20], "bytes=-5": whole.Raw[len(whole.Raw)-5:], "bytes=0-0": whole.Raw[:1]} {
		if a := g.fetch(t, link, harness.Header{Name: "Range", Value: ranges}).Want(206); !bytes.Equal(a.Raw, want) {
			t.Errorf("%s: %q", ranges, a.Raw)
		}
	}
	both := g.fetch(t, link, harness.Header{Name: "Range", Value: "bytes=50-59,0-9"}).Want(206)
	if !bytes.Contains(both.Raw, whole.Raw[50:60]) || !bytes.Contains(both.Raw, whole.Raw[:10]) {
		t.Errorf("two ranges: %q", both.Raw)
	}
	g.fetch(t, link, harness.Header{Name: "Range", Value: "bytes=99999999-"}).Want(416)
	path := strings.TrimPrefix(link, g.Base)
	if a := g.guest.Do("HEAD", path, nil).Want(200); len(a.Raw) > 0 || a.Header.Get("Content-Length") != fmt.Sprint(len(whole.Raw)) {
		t.Errorf("HEAD: %v", a.Header)
	}
	for _, wrong := range []string{
		strings.TrimSuffix(path, ".png") + ".jpg", strings.TrimSuffix(path, ".png"), "/v1/images/" + up.ID(), "/v1/images/x", "/v1/images/%2e%2e%2fx.png",
		"/v1/images/" + strings.Repeat("0", 64) + ".png", strings.ToUpper(path),
	} {
		g.guest.Get(wrong).Want(404)
	}
	g.guest.Get("/v1/images/"+strings.Repeat("0", 32)+"-0.png").Want(403, "link.invalid")
	again := g.bob.Upload("avatar", harness.Picture(400, 200, 1)).Want(201)
	if again.Map()["url"] != link || again.ID() == up.ID() {
		t.Errorf("the same picture: %s", again)
	}
}

// A13, S10, F2: pictures of a draft have signed links; published with it they
// get open names, and lose them with it.
func TestA13_PostPictures(t *testing.T) {
	t.Parallel()
	g := newGallery(t)
	one, two, small := g.upload("post", 1), g.upload("post", 2), g.upload("post", 3)
	draft := g.alice.Post(g.posts(), body{"title": "T", "type": "picture", "draft": true, "images": []string{two, one}, "thumbnail": small}).Want(201)
	check := func(a *harness.Answer, open bool) (links []string) {
		t.Helper()
		images, _ := a.Map()["images"].([]any)
		if len(images) != 2 {
			t.Fatalf("images: %s", a)
		}
		return []string{g.shows(t, images[0], two, open), g.shows(t, images[1], one, open), g.shows(t, a.Map()["thumbnail"], small, open)}
	}
	signed := check(draft, false)
	for _, link := range signed {
		bare, _, _ := strings.Cut(link, "?")
		g.fetch(t, bare).Want(403, "link.invalid")
	}
	g.bob.Post(g.posts(), body{"title": "T", "type": "picture", "images": []string{one}}).Want(422, "image.unknown")
	if a := g.alice.Post(g.posts(), body{"title": "T", "body": "B", "thumbnail": g.upload("message", 3)}).Want(422, "image.unknown"); a.Details[0].Field != "thumbnail" {
		t.Errorf("%s", a)
	}
	open := check(g.alice.Patch("/v1/posts/"+draft.ID(), body{"publish": true}).Want(200), true)
	g.see(g.alice)
	check(g.bob.Get("/v1/posts/"+draft.ID()).Want(200), true)
	g.alice.Delete("/v1/posts/" + draft.ID()).Want(204)
	for _, link := range append(open, signed...) {
		g.fetch(t, link).Want(404)
	}
	gone := g.alice.Get("/v1/posts/" + draft.ID()).Want(200).Map()
	if fmt.Sprint(gone["images"]) != "[]" || gone["thumbnail"] != nil {
		t.Errorf("a tombstone: %v %v", gone["images"], gone["thumbnail"])
	}
}

// A13, S10, C3, C5: pictures of rooms are for those who are told the link, for
// as long as it lasts.
func TestS10_RoomPictures(t *testing.T) {
	t.Parallel()
	g := newGallery(t)
	room := group(g.alice, g.bob)
	socket := g.bob.Dial()
	socket.Subscribe("room:"+room, body{"position": g.alice.Position})
	picture := g.upload("message", 1)
	sent := g.alice.Post("/v1/rooms/"+room+"/messages", body{"images": []string{picture}}).Want(201)
	image := func(m map[string]any) any {
		t.Helper()
		images, _ := m["images"].([]any)
		if len(images) != 1 {
			t.Fatalf("images: %v", m)
		}
		return images[0]
	}
	link := g.shows(t, image(sent.Map()), picture, false)
	g.shows(t, image(socket.Next().Map()), picture, false)
	g.see(g.alice)
	g.shows(t, image(g.bob.Get("/v1/rooms/" + room + "/messages").Items()[0]), picture, false)
	g.bob.Post("/v1/rooms/"+room+"/messages", body{"images": []string{picture}}).Want(422, "image.unknown")
	refused(t, socket.Ask("send", body{"room": room, "images": []string{picture}}), "image.unknown")

	parsed, err := url.Parse(link)
	if err != nil {
		t.Fatal(err)
	}
	with := func(path, exp, sig string) *harness.Answer {
		return g.guest.Get(path + "?" + url.Values{"exp": {exp}, "sig": {sig}}.Encode())
	}
	exp, sig := parsed.Query().Get("exp"), parsed.Query().Get("sig")
	with(parsed.Path, exp, sig).Want(200)
	with(parsed.Path, exp+"0", sig).Want(403, "link.invalid")
	with(parsed.Path, "1", sig).Want(403, "link.invalid") // long ago, but first of all not ours
	with(parsed.Path, "0"+exp, sig).Want(403, "link.invalid")
	with(parsed.Path, exp, "").Want(403, "link.invalid")
	with(parsed.Path, "", "").Want(403, "link.invalid")
	with(parsed.Path, exp, sig+"A").Want(403, "link.invalid")
	with(parsed.Path, exp, base64.RawURLEncoding.EncodeToString(make([]byte, 32))).Want(403, "link.invalid")
	with(strings.Replace(parsed.Path, "-0.", "-1.", 1), exp, sig).Want(403, "link.invalid")
	with("/v1/images/"+strings.Repeat("a", 32)+"-0.png", exp, sig).Want(403, "link.invalid")

	path := fmt.Sprintf("/v1/rooms/%s/messages/%v", room, sent.Map()["number"])
	g.alice.Delete(path).Want(204)
	with(parsed.Path, exp, sig).Want(404) // with the message

	// A picture that was open until now is not, in a room.
	up := g.alice.Upload("avatar", harness.Picture(400, 200, 2)).Want(201)
	open := g.shows(t, up.Map(), up.ID(), true)
	g.shows(t, g.alice.Patch("/v1/rooms/"+room, body{"avatar": up.ID()}).Want(200).Map()["avatar"], up.ID(), false)
	g.fetch(t, open).Want(404)
	if f := socket.NextOf("room:"+room, "chat.notice.v1"); dig(f.Map(), "avatar", "id") != up.ID() {
		t.Errorf("notice: %s", f.Raw)
	}
	emoji := g.upload("emoji", 3)
	g.shows(t, g.alice.Post("/v1/rooms", body{"kind": "group", "avatar": emoji}).Want(201).Map()["avatar"], emoji, false)
	g.alice.Patch("/v1/rooms/"+room, body{"avatar": picture}).Want(422, "image.unknown")
}

// A13: what is refused, and why.
func TestA13_BadUploads(t *testing.T) {
	t.Parallel()
	g := newGallery(t, harness.Flags("--image-size=100KiB", "--image-pixels=1000000"))
	drawing := string(harness.Picture(40, 20, 1))
	huge := []byte(harness.Picture(1, 1, 1))
	copy(huge[16:], []byte{0, 0, 0xc3, 0x50, 0, 0, 0xc3, 0x50}) // 50,000 × 50,000
	copy(huge[29:], crcOf(huge[12:29]))
	for name, c := range map[string]struct {
		fields []string
		status int
		slug   string
		field  string
	}{
		"nothing":            {nil, 422, "request.invalid", "file"},
		"no purpose":         {[]string{"file", drawing}, 422, "request.invalid", "purpose"},
		"no file":            {[]string{"purpose", "avatar"}, 422, "request.invalid", "file"},
		"unknown purpose":    {[]string{"purpose", "wallpaper", "file", drawing}, 422, "request.invalid", "purpose"},
		"two files":          {[]string{"purpose", "avatar", "file", drawing, "file", drawing}, 422, "request.invalid", "file"},
		"two purposes":       {[]string{"purpose", "avatar", "purpose", "post", "file", drawing}, 422, "request.invalid", "purpose"},
		"an empty file":      {[]string{"purpose", "avatar", "file", ""}, 415, "image.type", ""},
		"text":               {[]string{"purpose", "avatar", "file", "hello"}, 415, "image.type", ""},
		"svg":                {[]string{"purpose", "avatar", "file", `<svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"/>`}, 415, "image.type", ""},
		"page and GIF":       {[]string{"purpose", "avatar", "file", "GIF89a=1;<script>alert(1)</script>"}, 422, "image.broken", ""},
		"half of it":         {[]string{"purpose", "avatar", "file", drawing[:len(drawing)/2]}, 422, "image.broken", ""},
		"50,000 × 50,000":    {[]string{"purpose", "avatar", "file", string(huge)}, 422, "image.pixels", ""},
		"too many pixels":    {[]string{"file", string(harness.Picture(1001, 1000, 0)), "purpose", "avatar"}, 422, "image.pixels", ""},
		"too many bytes":     {[]string{"purpose", "avatar", "file", drawing + strings.Repeat("x", 100<<10)}, 413, "image.too_large", ""},
		"far too many bytes": {[]string{"purpose", "avatar", "file", strings.Repeat("x", 1<<20)}, 413, "image.too_large", ""},
		"a long purpose":     {[]string{"purpose", strings.Repeat("x", 5000), "file", drawing}, 400, "form.malformed", ""},
	} {
		form, header := harness.Form(c.fields...)
		a := g.alice.Post("/v1/images", form, header)
		if a.Status != c.status || a.Error != c.slug || c.field != "" && (len(a.Details) == 0 || a.Details[0].Field != c.field) {
			t.Errorf("%s: %s", name, a)
		}
	}
	form, header := harness.Form("purpose", "avatar", "file", drawing)
	g.guest.Post("/v1/images", form, header).Want(401, "auth.missing")
	g.alice.Post("/v1/images", body{"purpose": "avatar"}).Want(415, "body.type")
	g.alice.Post("/v1/images", form, harness.Header{Name: "Content-Type", Value: "multipart/form-data"}).Want(400, "form.malformed")
	g.alice.Post("/v1/images", form[:len(form)-20], header).Want(400)
	g.alice.Post("/v1/images", form, header, harness.Header{Name: "Content-Encoding", Value: "gzip"}).Want(415, "body.encoding")
	g.alice.Post("/v1/images", form, header).Want(201)
	chunked(t, g, strings.Repeat("x", 1<<20))
}

// chunked sends a file without saying how long it is.
func chunked(t *testing.T, g *gallery, content string) {
	t.Helper()
	form, header := harness.Form("purpose", "avatar", "file", content)
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, g.Base+"/v1/images", struct{ *bytes.Reader }{bytes.NewReader(form)})
	if err != nil {
		t.Fatal(err)
	}
	req.ContentLength = -1
	req.Header.Set(header.Name, header.Value)
	req.Header.Set("Authorization", "Bearer "+g.alice.Token)
	res, err := http.DefaultTransport.RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	_ = res.Body.Close()
	if res.StatusCode != http.StatusRequestEntityTooLarge {
		t.Errorf("without a length: %d", res.StatusCode)
	}
}

// A13: what is kept is made anew: nothing that stood beside the pixels is in it.
func TestA13_NothingBesidePixels(t *testing.T) {
	t.Parallel()
	g := newGallery(t)
	var b bytes.Buffer
	if err := png.Encode(&b, image.NewGray(image.Rect(0, 0, 120, 10))); err != nil {
		t.Fatal(err)
	}
	const secret = "48.2082 N, 16.3738 E"
	drawing := b.Bytes()
	chunk := append([]byte{0, 0, 0, byte(len(secret) + 2)}, "tEXtP\x00"+secret...)
	chunk = append(chunk, crcOf(chunk[4:])...)
	content := append(append(append([]byte{}, drawing[:33]...), chunk...), drawing[33:]...)
	up := g.alice.Upload("avatar", append(content, "<script>alert(1)</script>"...)).Want(201).Map()
	thumbnail := up["thumbnails"].([]any)[0].(map[string]any)
	for _, link := range []any{up["url"], thumbnail["url"]} {
		if a := g.fetch(t, link).Want(200); bytes.Contains(a.Raw, []byte(secret)) || bytes.Contains(a.Raw, []byte("script")) {
			t.Errorf("%v tells: %q", link, a.Raw)
		}
	}
}

// S10: a link is over after its time.
func TestS10_LinksExpire(t *testing.T) {
	t.Parallel()
	g := newGallery(t, harness.Flags("--link-ttl=1s"))
	link := g.alice.Upload("message", harness.Picture(40, 20, 1)).Want(201).Map()["url"]
	g.Eventually("the end of a link", func() bool { return g.fetch(t, link).Status == http.StatusGone })
	g.fetch(t, link).Want(410, "link.expired")
	g.fetch(t, link.(string)+"A").Want(403, "link.invalid")
}

// A13: a picture that nothing names is removed after a while, with its files;
// one that is named stays.
func TestA13_IdlePicturesGo(t *testing.T) {
	t.Parallel()
	keep := "2s"
	if harness.Distributed() {
		keep = "10s"
	}
	g := newGallery(t, harness.Flags("--image-keep="+keep, "--image-url=https://cdn.example/x/"))
	upload := func(purpose string, seed uint8) string {
		return g.alice.Upload(purpose, harness.Picture(40, 20, seed)).Want(201).ID()
	}
	var me body
	name := func(field string, seed uint8) (id string) { // on a busy machine it may be gone before
		g.Eventually("a picture that is named in time", func() bool {
			id = upload(field, seed)
			a := g.alice.Patch("/v1/me/profile", body{field: id})
			if a.Status == http.StatusOK {
				me = a.Map()
			}
			return a.Status == http.StatusOK
		})
		return id
	}
	idle, kept, dropped := upload("post", 2), name("avatar", 1), name("banner", 3)
	if link := fmt.Sprint(dig(me, "avatar", "url")); !strings.HasPrefix(link, "https://cdn.example/x/v1/images/") {
		t.Errorf("elsewhere: %s", link)
	}
	g.alice.Patch("/v1/me/profile", body{"banner": nil}).Want(200)
	file := func(id string) bool {
		found, err := filepath.Glob(filepath.Join(g.Data, "images", "images", id[len(id)-2:], id+"-*"))
		return err == nil && len(found) > 0
	}
	if !file(kept) {
		t.Fatal("the test looks in another folder")
	}
	g.Eventually("removal", func() bool { return !file(idle) && !file(dropped) })
	g.alice.Post(g.posts(), body{"title": "T", "body": "B", "images": []string{idle}}).Want(422, "image.unknown")
	g.alice.Patch("/v1/me/profile", body{"banner": dropped}).Want(422, "image.unknown")
	link, _ := dig(g.alice.Get("/v1/me").Want(200).Map(), "avatar", "url").(string)
	g.guest.Get(strings.TrimPrefix(link, "https://cdn.example/x")).Want(200)
}

// crcOf is the checksum of a PNG's chunk.
func crcOf(b []byte) []byte { return binary.BigEndian.AppendUint32(nil, crc32.ChecksumIEEE(b)) }

// A13: pictures lie in S3 where one is named, and are served from there.
func TestA13_OnS3(t *testing.T) {
	t.Parallel()
	kept := s3mem.New()
	bucket := httptest.NewServer(gofakes3.New(kept).Server())
	t.Cleanup(bucket.Close)
	g := newGallery(t, harness.Flags("--s3=s3://key:secret@"+bucket.Listener.Addr().String()+"/pictures?tls=false&region=us-east-1"))
	up := g.alice.Upload("avatar", harness.Picture(400, 200, 1)).Want(201)
	link := g.shows(t, up.Map(), up.ID(), true)
	whole := g.fetch(t, link).Want(200)
	if a := g.fetch(t, link, harness.Header{Name: "Range", Value: "bytes=-9,5-9"}).Want(206); !bytes.Contains(a.Raw, whole.Raw[5:10]) || !bytes.Contains(a.Raw, whole.Raw[len(whole.Raw)-9:]) {
		t.Errorf("ranges: %q", a.Raw)
	}
	objects, err := kept.ListBucket("pictures", nil, gofakes3.ListBucketPage{})
	if err != nil || len(objects.Contents) != 3 {
		t.Errorf("%d files in the bucket, %v", len(objects.Contents), err)
	}
	g.shows(t, g.alice.Patch("/v1/me/profile", body{"avatar": up.ID()}).Want(200).Map()["avatar"], up.ID(), true)
	bucket.CloseClientConnections()
	bucket.Close() // it is away, but nothing is a bug of ours
	g.fetch(t, link).Want(503, "storage.unavailable")
	g.alice.Upload("avatar", harness.Picture(400, 200, 2)).Want(503, "storage.unavailable")
}

package acceptance

import (
	"bytes"
	"image/png"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/parleyhq/parley/cmd/acceptance/harness"
)

// newCaptcha makes a captcha and gives its id.
func newCaptcha(c *harness.Client) string { return c.Post("/v1/captchas", nil).Want(201).ID() }

// A3: what can be known of captchas without reading one. That a right answer
// is taken, once, the tests of the commands say.
func TestA3_Always(t *testing.T) {
	t.Parallel()
	s := harness.Start(t, harness.Flags("--captcha=always"))
	c := s.Client()
	made := c.Post("/v1/captchas", nil).Want(201)
	id := made.ID()
	expires, err := time.Parse(time.RFC3339, made.Map()["expiresAt"].(string))
	if left := time.Until(expires); err != nil || left < 4*time.Minute || left > 5*time.Minute+time.Second {
		t.Errorf("expires at %s: %v", expires, err)
	}
	if made.Header.Get("Cache-Control") != "no-store" || len(made.Map()) != 2 {
		t.Errorf("%v %s", made.Header, made)
	}

	t.Run("picture", func(t *testing.T) {
		first := c.Get("/v1/captchas/" + id + ".png").Want(200)
		if h := first.Header; h.Get("Content-Type") != "image/png" || h.Get("Cache-Control") != "no-store" {
			t.Errorf("%v", h)
		}
		img, err := png.Decode(bytes.NewReader(first.Raw))
		if err != nil || img.Bounds().Dx() != 240 || img.Bounds().Dy() != 80 {
			t.Fatalf("%v: %v", img.Bounds(), err)
		}
		c.Do(http.MethodHead, "/v1/captchas/"+id+".png", nil).Want(200)
		again := c.Post("/v1/captchas/"+id+"/refresh", nil).Want(200)
		if again.ID() != id || again.Map()["expiresAt"] == nil {
			t.Errorf("%s", again)
		}
		if bytes.Equal(first.Raw, c.Get("/v1/captchas/"+id+".png?2").Want(200).Raw) {
			t.Error("the picture is the same after a refresh")
		}
		for _, none := range []string{nowhereAtAll, "x", "..%2f..%2fetc%2fpasswd", strings.Repeat("9", 500)} {
			c.Get("/v1/captchas/" + none + ".png").Want(404)
			c.Post("/v1/captchas/"+none+"/refresh", nil).Want(404)
		}
		c.Get("/v1/captchas/" + id).Want(404)
		c.Get("/v1/captchas").Want(405)
	})

	t.Run("setup is exempt", func(t *testing.T) {
		if s.Cluster != nil {
			return // there it is `parley admin create`, which asks for none
		}
		c.Post("/v1/setup", map[string]any{
			"token": s.SetupToken(), "email": "root@example.org", "handle": "the_root", "password": harness.Password,
		}).Want(201)
	})

	t.Run("refused before anything is told", func(t *testing.T) {
		ada := signUp("ada", nil)
		in := map[string]any{"login": "the_root", "password": harness.Password}
		for name, answer := range map[string]struct {
			fields map[string]any
			slug   string
		}{
			"none":         {nil, "captcha.required"},
			"no text":      {map[string]any{"captchaId": newCaptcha(c)}, "captcha.required"},
			"no id":        {map[string]any{"captcha": "34679ACD"}, "captcha.required"},
			"empty":        {map[string]any{"captchaId": "", "captcha": ""}, "captcha.required"},
			"wrong":        {map[string]any{"captchaId": newCaptcha(c), "captcha": "00000000"}, "captcha.wrong"},
			"nobody's id":  {map[string]any{"captchaId": nowhereAtAll, "captcha": "34679ACD"}, "captcha.wrong"},
			"no id at all": {map[string]any{"captchaId": strings.Repeat("x", 5000), "captcha": "34679ACD"}, "captcha.wrong"},
			"long":         {map[string]any{"captchaId": newCaptcha(c), "captcha": strings.Repeat("3", 5000)}, "captcha.wrong"},
		} {
			for path, body := range map[string]map[string]any{"/v1/accounts": ada, "/v1/sessions": in} {
				with := map[string]any{}
				for _, m := range []map[string]any{body, answer.fields} {
					for k, v := range m {
						with[k] = v
					}
				}
				if a := c.Post(path, with); a.Status != 400 || a.Error != answer.slug {
					t.Errorf("%s with %s: %s, want 400 %s", path, name, a, answer.slug)
				}
				if id, ok := answer.fields["captchaId"].(string); ok && answer.slug == "captcha.wrong" && len(id) == 36 {
					c.Get("/v1/captchas/" + id + ".png").Want(404) // used up
					c.Post("/v1/captchas/"+id+"/refresh", nil).Want(404)
				}
			}
		}
		c.Post("/v1/sessions", map[string]any{"login": "ada", "password": "x", "captcha": 7}).Want(422)
		c.Post("/v1/accounts", signUp("ada", map[string]any{"captchaId": []string{"x"}})).Want(422)
		c.Get("/v1/accounts/@ada").Want(404)
	})
}

// A3: adaptive asks after three failures of a login, which exists or not, or of
// a network, and forgets them.
func TestA3_Adaptive(t *testing.T) {
	t.Parallel()
	s := harness.Start(t, harness.Flags("--captcha=adaptive", "--trusted-proxies=127.0.0.1", "--captcha-memory=3s"))
	from := func(address string) harness.Header { return harness.Header{Name: "X-Forwarded-For", Value: address} }
	c := s.Client()
	c.Post("/v1/accounts", signUp("ada", nil)).Want(201)
	in := func(login, password, address string) *harness.Answer {
		return c.Post("/v1/sessions", map[string]any{"login": login, "password": password}, from(address))
	}
	began := time.Now()
	for i, login := range []string{"ada", "@ADA", "Ada"} {
		in(login, "wrong", "192.0.2."+string(rune('1'+i))).Want(401, "session.bad_credentials")
	}
	for _, login := range []string{"mallory", "nobody", "someone"} {
		in(login, "wrong", "198.51.100.9").Want(401, "session.bad_credentials")
	}
	if a, b := in("ada", harness.Password, "192.0.2.7"), in("nobody", harness.Password, "198.51.100.9"); time.Since(began) < 3*time.Second {
		a.Want(400, "captcha.required")
		b.Want(400, "captcha.required")
	}
	if a := c.Post("/v1/accounts", signUp("eve", nil), from("198.51.100.9")); time.Since(began) < 3*time.Second {
		a.Want(400, "captcha.required")
	}
	c.Post("/v1/accounts", signUp("bob", nil), from("192.0.2.7")).Want(201)
	s.Eventually("the end of memory", func() bool { return in("ada", harness.Password, "198.51.100.9").Status == 201 })
}

// A3: off asks nobody; a captcha that expired is gone; what a picture is are
// settings.
func TestA3_Settings(t *testing.T) {
	t.Parallel()
	s := harness.Start(t, harness.Flags("--captcha=off", "--captcha-ttl=1s", "--captcha-length=4", "--captcha-width=120", "--captcha-height=60"))
	c := s.Client()
	id := newCaptcha(c)
	if a := c.Get("/v1/captchas/" + id + ".png"); a.Status == 200 {
		if img, err := png.Decode(bytes.NewReader(a.Raw)); err != nil || img.Bounds().Dx() != 120 || img.Bounds().Dy() != 60 {
			t.Errorf("%v", err)
		}
	}
	for range 5 {
		c.SignIn("nobody", "wrong").Want(401, "session.bad_credentials")
	}
	s.Eventually("its end", func() bool { return c.Get("/v1/captchas/"+id+".png").Status == 404 })
	c.Post("/v1/captchas/"+id+"/refresh", nil).Want(404)
	for _, args := range [][]string{{"--captcha-width=159"}, {"--captcha-height=31"}, {"--captcha-length=17"}, {"--captcha-ttl=0s"}} {
		_, stderr, status := parleyWith(t, nil, append([]string{"serve", "--data", t.TempDir()}, args...)...)
		if name, _, _ := strings.Cut(args[0], "="); status != 2 || !regexp.MustCompile(`^parley: .*`+name+`.*\n$`).MatchString(stderr) {
			t.Errorf("%v: status %d, %q", args, status, stderr)
		}
	}
}

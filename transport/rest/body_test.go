package rest

import (
	"encoding/json"
	"fmt"
	"io"
	"math"
	"net/http"
	"reflect"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"github.com/parleyhq/parley/domain/fault"
)

// S12: what cannot be understood is refused with one slug a reason, before
// any field is looked at.
func TestS12_BodiesThatCannotBeUnderstood(t *testing.T) {
	t.Parallel()
	c := toyServer(t)
	deep := func(levels int) string {
		return `{"title":"x","unknown":` + strings.Repeat("[", levels-1) + strings.Repeat("]", levels-1) + "}"
	}
	large := func(size int) string {
		return `{"title":"x","unknown":"` + strings.Repeat("x", size-len(`{"title":"x","unknown":""}`)) + `"}`
	}
	for name, test := range map[string]struct {
		body    string
		headers []string
		status  int
		slug    string
	}{
		"no body":             {"", nil, 400, "json.malformed"},
		"blank":               {" ", nil, 400, "json.malformed"},
		"cut off":             {`{"title":"x"`, nil, 400, "json.malformed"},
		"two values":          {`{"title":"x"} {}`, nil, 400, "json.malformed"},
		"trailing comma":      {`{"title":"x",}`, nil, 400, "json.malformed"},
		"single quotes":       {`{'title':'x'}`, nil, 400, "json.malformed"},
		"control character":   {"{\"title\":\"a\nb\"}", nil, 400, "json.malformed"},
		"bad escape":          {`{"title":"\x"}`, nil, 400, "json.malformed"},
		"leading zero":        {`{"title":"x","count":01}`, nil, 400, "json.malformed"},
		"no number":           {`{"title":"x","count":NaN}`, nil, 400, "json.malformed"},
		"byte order mark":     {"\ufeff{}", nil, 400, "json.malformed"},
		"invalid UTF-8":       {"{\"title\":\"\xff\"}", nil, 400, "json.utf8"},
		"invalid in unknown":  {"{\"title\":\"x\",\"unknown\":\"\xc0\x80\"}", nil, 400, "json.utf8"},
		"encoded surrogate":   {"{\"title\":\"\xed\xa0\x80\"}", nil, 400, "json.utf8"},
		"duplicate key":       {`{"title":"x","title":"x"}`, nil, 400, "json.duplicate_key"},
		"escaped duplicate":   {`{"title":"x","\u0074itle":"x"}`, nil, 400, "json.duplicate_key"},
		"duplicate inside":    {`{"title":"x","unknown":[{"a":1,"a":2}]}`, nil, 400, "json.duplicate_key"},
		"64 levels":           {deep(64), nil, 201, ""},
		"65 levels":           {deep(65), nil, 400, "json.depth"},
		"a million levels":    {strings.Repeat("[", 1_000_000), nil, 400, "json.depth"},
		"1 MiB":               {large(1 << 20), nil, 201, ""},
		"1 MiB and a byte":    {large(1<<20 + 1), nil, 413, "body.too_large"},
		"compressed":          {`{"title":"x"}`, []string{"Content-Encoding", "gzip"}, 415, "body.encoding"},
		"identity":            {`{"title":"x"}`, []string{"Content-Encoding", "identity"}, 415, "body.encoding"},
		"a form":              {`title=x`, []string{"Content-Type", "application/x-www-form-urlencoded"}, 415, "body.type"},
		"text":                {`{"title":"x"}`, []string{"Content-Type", "text/plain"}, 415, "body.type"},
		"no type":             {`{"title":"x"}`, []string{"Content-Type", ""}, 415, "body.type"},
		"type that is none":   {`{"title":"x"}`, []string{"Content-Type", ";;"}, 415, "body.type"},
		"UTF-8 said":          {`{"title":"x"}`, []string{"Content-Type", "Application/JSON; charset=UTF-8"}, 201, ""},
		"another charset":     {`{"title":"x"}`, []string{"Content-Type", "application/json; charset=latin1"}, 415, "body.type"},
		"encoding, no body":   {"", []string{"Content-Encoding", "br"}, 415, "body.encoding"},
		"white space around":  {" \r\n\t{\"title\":\"x\"} \n", nil, 201, ""},
		"unknown field":       {`{"title":"x","nonsense":{"a":[1,2,{"b":null}]}}`, nil, 201, ""},
		"read-only field":     {`{"title":"x","id":17}`, nil, 201, ""},
		"surrogate elsewhere": {`{"title":"x","nonsense":"\ud800"}`, nil, 201, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			headers := append([]string{"Authorization", "Bearer alice"}, test.headers...)
			a := c.do("POST", "/v1/toys", test.body, headers...).want(t, test.status, test.slug)
			if test.slug == "body.type" && !strings.Contains(a.Raw, "expected "+mediaJSON) {
				t.Errorf("it does not say what is taken: %s", a.Raw)
			}
		})
	}
}

// S12: a body of unknown length is bounded as well.
func TestS12_ChunkedBodiesAreBounded(t *testing.T) {
	t.Parallel()
	c := toyServer(t)
	for size, want := range map[int]struct {
		status int
		slug   string
	}{1 << 20: {201, ""}, 1<<20 + 1: {413, "body.too_large"}} {
		frame := `{"title":"x","unknown":"`
		body := frame + strings.Repeat("x", size-len(frame)-2) + `"}`
		r, err := http.NewRequest("POST", c.url+"/v1/toys", io.MultiReader(strings.NewReader(body)))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Authorization", "Bearer alice")
		r.Header.Set("Content-Type", mediaJSON)
		c.send(r).want(t, want.status, want.slug)
	}
}

// S12: what is understood and wrong names every bad field.
func TestS12_BodiesThatAreInvalid(t *testing.T) {
	t.Parallel()
	c := toyServer(t)
	for name, test := range map[string]struct {
		body   string
		slug   string
		fields []string
	}{
		"no object":       {`[]`, "request.invalid", []string{"body: expected object"}},
		"null":            {`null`, "request.invalid", []string{"body: expected object"}},
		"required":        {`{}`, "request.invalid", []string{"title: required"}},
		"required null":   {`{"title":null}`, "request.invalid", []string{"title: expected string"}},
		"other case":      {`{"Title":"x"}`, "request.invalid", []string{"title: required"}},
		"wrong types":     {`{"title":1,"draft":"yes","count":"1","links":{},"labels":[]}`, "request.invalid", []string{"count: expected integer", "draft: expected boolean", "labels: expected object", "links: expected array", "title: expected string"}},
		"too short":       {`{"title":""}`, "request.invalid", []string{"title: expected length >= 1"}},
		"too long":        {`{"title":"` + strings.Repeat("é", 21) + `"}`, "request.invalid", []string{"title: expected length <= 20"}},
		"inside a list":   {`{"title":"x","links":[{"url":"http://a"},{"name":"12345678901"},7,null]}`, "request.invalid", []string{"links: expected array length <= 3", "links[1].name: expected length <= 10", "links[1].url: required", "links[2]: expected object"}},
		"inside a map":    {`{"title":"x","labels":{"a":1}}`, "request.invalid", []string{"labels.a: expected string"}},
		"enumeration":     {`{"title":"x","kind":"poem"}`, "request.invalid", []string{`kind: expected value to be one of "article, question"`}},
		"a fraction":      {`{"title":"x","count":1.5}`, "request.invalid", []string{"count: expected integer"}},
		"out of bounds":   {`{"title":"x","count":11}`, "request.invalid", []string{"count: expected number <= 10"}},
		"out of type":     {`{"title":"x","small":128,"big":-1}`, "request.invalid", []string{"big: expected number >= 0", "small: out of range"}},
		"out of 64 bits":  {`{"title":"x","big":18446744073709551616,"ratio":1e999}`, "request.invalid", []string{"big: out of range", "ratio: out of range"}},
		"no UUID":         {`{"title":"x","board":"01890a5d"}`, "request.invalid", []string{"board: expected a UUID"}},
		"another UUID":    {`{"title":"x","board":"{01890a5d-ac96-774b-bcce-b302099a8057}"}`, "request.invalid", []string{"board: expected a UUID"}},
		"no time":         {`{"title":"x","at":"yesterday"}`, "request.invalid", []string{"at: expected string to be RFC 3339 date-time"}},
		"a time as a sum": {`{"title":"x","at":1700000000}`, "request.invalid", []string{"at: expected string"}},
		"NUL":             {`{"title":"a\u0000b"}`, "text.invalid", []string{"title: NUL is not allowed"}},
		"NUL in lines":    {`{"title":"x","body":"a\u0000b"}`, "text.invalid", []string{"body: NUL is not allowed"}},
		"lone surrogate":  {`{"title":"\ud83d"}`, "text.invalid", []string{"title: lone surrogates are not allowed"}},
		"low surrogate":   {`{"title":"\udc00x"}`, "text.invalid", []string{"title: lone surrogates are not allowed"}},
		"wrong order":     {`{"title":"\udc00\ud83d"}`, "text.invalid", []string{"title: lone surrogates are not allowed"}},
		"line break":      {`{"title":"a\nb"}`, "text.invalid", []string{"title: line breaks are not allowed"}},
		"return":          {`{"title":"a\rb"}`, "text.invalid", []string{"title: line breaks are not allowed"}},
		"separator":       {`{"title":"a\u2028b"}`, "text.invalid", []string{"title: line breaks are not allowed"}},
		"text of a map":   {`{"title":"x","labels":{"a\u0000":"x","b":"\u0000"}}`, "text.invalid", []string{"labels.a�: NUL is not allowed", "labels.b: NUL is not allowed"}},
		"text of any":     {`{"title":"x","any":[{"a":"\udfff"}]}`, "text.invalid", []string{"any[0].a: lone surrogates are not allowed"}},
		"text and field":  {`{"title":"a\u0000b","count":99}`, "text.invalid", []string{"count: expected number <= 10", "title: NUL is not allowed"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := c.do("POST", "/v1/toys", test.body, "Authorization", "Bearer alice").want(t, 422, test.slug)
			if diff := cmp.Diff(test.fields, a.fields()); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// S12: half a million wrong items are told of in a bounded answer.
func TestS12_DetailsAreBounded(t *testing.T) {
	t.Parallel()
	c := toyServer(t)
	items := strings.Repeat("1,", 400_000) + "1"
	c.do("POST", "/v1/toys", `{"title":"x","links":[`+items+`]}`, "Authorization", "Bearer alice").want(t, 422, "request.invalid")
	var names strings.Builder
	for i := range 900 {
		fmt.Fprintf(&names, `"k%d":1,`, i)
	}
	a := c.do("POST", "/v1/toys", `{"title":"x","labels":{`+names.String()+`"z":1}}`, "Authorization", "Bearer alice").want(t, 422, "request.invalid")
	if n := len(a.fields()); n != maxDetails {
		t.Errorf("%d details", n)
	}
}

// S12: every field arrives as it was sent.
func TestS12_BodiesArriveWhole(t *testing.T) {
	t.Parallel()
	c := toyServer(t)
	body := `{"title":"\u0041\ud83d\ude00é/\/","body":"a\nb","count":1e1,"small":-128,"big":18446744073709551615,
		"ratio":0.5,"draft":true,"board":"01890A5D-ac96-774b-bcce-b302099a8057","at":"2026-02-01T01:00:00.9999+01:00","kind":"question",
		"links":[{"url":"http://a"},{"url":"http://b","name":"b"}],"labels":{"k":"v"},"any":{"x":[1,null,"\n"]},"id":3,"nonsense":1}`
	a := c.do("POST", "/v1/toys", body, "Authorization", "Bearer alice").want(t, 201, "")
	want := map[string]any{
		"id": "00000000-0000-0000-0000-000000000000", "title": "A😀é//", "body": "a\nb", "count": 10.0, "small": -128.0,
		"big": 18446744073709551615.0, "ratio": 0.5, "draft": true, "board": "01890a5d-ac96-774b-bcce-b302099a8057",
		"at": "2026-02-01T00:00:00.999Z", "kind": "question",
		"links":  []any{map[string]any{"url": "http://a"}, map[string]any{"url": "http://b", "name": "b"}},
		"labels": map[string]any{"k": "v"}, "any": map[string]any{"x": []any{1.0, nil, "\n"}},
	}
	if diff := cmp.Diff(want, a.got(t)); diff != "" {
		t.Error(diff)
	}
	if !strings.Contains(a.Raw, `"big":18446744073709551615`) {
		t.Error("a whole number lost its last digits")
	}
	a = c.do("POST", "/v1/toys", `{"title":"x","body":null,"board":null,"links":null,"at":null}`, "Authorization", "Bearer alice").want(t, 201, "")
	if diff := cmp.Diff(map[string]any{"id": "00000000-0000-0000-0000-000000000000", "title": "x"}, a.got(t)); diff != "" {
		t.Error("null is not absent:", diff)
	}
}

// S12: a PATCH tells absent, null and a value apart.
func TestS12_PatchTellsAbsentFromNull(t *testing.T) {
	t.Parallel()
	c := toyServer(t)
	path := "/v1/toys/" + toyThing.String()
	for body, want := range map[string]map[string]any{
		`{}`:                              {"title": "", "titleAbsent": true, "bio": "", "bioAbsent": true, "bioNull": false, "avatar": nil, "avatarNull": false, "link": nil, "links": nil},
		`{"bio":null,"avatar":null}`:      {"title": "", "titleAbsent": true, "bio": "", "bioAbsent": false, "bioNull": true, "avatar": nil, "avatarNull": true, "link": nil, "links": nil},
		`{"title":"t","bio":"a\nb"}`:      {"title": "t", "titleAbsent": false, "bio": "a\nb", "bioAbsent": false, "bioNull": false, "avatar": nil, "avatarNull": false, "link": nil, "links": nil},
		`{"link":{"url":"u"},"links":[]}`: {"title": "", "titleAbsent": true, "bio": "", "bioAbsent": true, "bioNull": false, "avatar": nil, "avatarNull": false, "link": map[string]any{"url": "u"}, "links": []any{}},
	} {
		a := c.do("PATCH", path, body, "Authorization", "Bearer alice").want(t, 200, "")
		if diff := cmp.Diff(want, a.got(t)); diff != "" {
			t.Errorf("%s: %s", body, diff)
		}
	}
	for body, want := range map[string][]string{
		`{"title":null}`:                    {"title: null is not allowed"},
		`{"title":""}`:                      {"title: expected length >= 1"},
		`{"avatar":"x"}`:                    {"avatar: expected a UUID"},
		`{"bio":1,"link":{"name":1}}`:       {"bio: expected string", "link.name: expected string", "link.url: required"},
		`{"links":[{},{},{}],"avatar":[1]}`: {"avatar: expected string", "links: expected array length <= 2", "links[0].url: required", "links[1].url: required"},
	} {
		a := c.do("PATCH", path, body, "Authorization", "Bearer alice").want(t, 422, "request.invalid")
		if diff := cmp.Diff(want, a.fields()); diff != "" {
			t.Errorf("%s: %s", body, diff)
		}
	}
}

// S12: an optional body may be empty.
func TestS12_OptionalBodies(t *testing.T) {
	t.Parallel()
	c := toyServer(t)
	if got := c.do("POST", "/v1/refresh", "").want(t, 200, "").got(t); got != "" {
		t.Error(got)
	}
	if got := c.do("POST", "/v1/refresh", `{"refreshToken":"r"}`).want(t, 200, "").got(t); got != "r" {
		t.Error(got)
	}
	c.do("POST", "/v1/refresh", `{"refreshToken":`).want(t, 400, "json.malformed")
}

// S12: the parser takes what encoding/json takes, and means the same, but for
// what the contract refuses.
func FuzzParseJSON(f *testing.F) {
	for _, seed := range []string{
		`{"a":[1,-0.5e+3,true,false,null,"\u00e9\ud83d\ude00"]}`, `{"a":1,"a":2}`, `"\ud800"`, `[[[[]]]]`, ` 0 `, `-`, `01`, `1.`, `{"a"`, "\"\xff\"",
		`18446744073709551615`, `1e999`, `"\u12"`, `[1,]`, `nul`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		got, err := parseJSON(b)
		if err != nil {
			if fault.As(err) == nil {
				t.Fatalf("%q: no fault: %v", b, err)
			}
			if fault.As(err).Slug == errJSONMalformed.Slug && json.Valid(b) {
				t.Fatalf("%q is valid, but: %v", b, err)
			}
			return
		}
		if !json.Valid(b) {
			t.Fatalf("%q is not valid, but was taken", b)
		}
		again, err := json.Marshal(got)
		if err != nil {
			return // a number beyond float64
		}
		var want, have any
		if json.Unmarshal(b, &want) != nil || json.Unmarshal(again, &have) != nil {
			return // likewise, to encoding/json
		}
		if utf8.ValidString(fmt.Sprint(got)) && !reflect.DeepEqual(want, have) {
			t.Fatalf("%q means %v, was read as %v", b, want, have)
		}
	})
}

// S12: no body makes the decoder panic, and what it takes is within its type.
func FuzzDecodeBody(f *testing.F) {
	f.Add([]byte(`{"title":"x","links":[{"url":"http://a"}],"at":"2026-01-31T12:00:00Z","any":{"a":1}}`))
	f.Add([]byte(`{"title":"\ud800","small":300,"labels":{"a\u0000":[]}}`))
	s, err := build(toyConfig(), toys)
	if err != nil {
		f.Fatal(err)
	}
	e := s.routes[len(s.routes)-1]
	for _, r := range s.routes {
		if r.op.ID == "makeToy" {
			e = r
		}
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		node, err := parseJSON(b)
		if err != nil {
			return
		}
		var got toyMake
		err = e.body.decode(s.registry, e.bodySchema, node, reflect.ValueOf(&got).Elem())
		switch {
		case err != nil && fault.As(err) == nil:
			t.Fatalf("%q: no fault: %v", b, err)
		case err != nil:
			return
		case !utf8.ValidString(got.Title+got.Body) || strings.ContainsAny(got.Title, "\x00\n\r"):
			t.Fatalf("%q: text %q", b, got.Title)
		case utf8.RuneCountInString(got.Title) > 20 || got.Title == "" || len(got.Links) > 3 || math.IsInf(got.Ratio, 0):
			t.Fatalf("%q: out of bounds: %+v", b, got)
		}
	})
}

package harness

import (
	"bytes"
	"image"
	"image/color"
	"image/png"
	"io"
	"mime/multipart"
)

// Picture is a PNG of that size; another seed is another picture.
func Picture(width, height int, seed uint8) []byte {
	m := image.NewNRGBA(image.Rect(0, 0, width, height))
	for i := range m.Pix {
		m.Pix[i] = uint8(i) * seed
	}
	m.SetNRGBA(0, 0, color.NRGBA{seed, 1, 2, 255})
	var b bytes.Buffer
	_ = png.Encode(&b, m) // never fails
	return b.Bytes()
}

// Form is a form of those fields, name and content by turns, and its type. The
// field file is a file.
func Form(fields ...string) (body []byte, header Header) {
	var b bytes.Buffer
	w := multipart.NewWriter(&b)
	for i := 0; i+1 < len(fields); i += 2 {
		var p io.Writer // of a buffer: never fails
		if fields[i] == "file" {
			p, _ = w.CreateFormFile("file", `..\../<evil>.html`)
		} else {
			p, _ = w.CreateFormField(fields[i])
		}
		_, _ = p.Write([]byte(fields[i+1]))
	}
	_ = w.Close()
	return b.Bytes(), Header{"Content-Type", w.FormDataContentType()}
}

// Upload uploads a picture.
func (c *Client) Upload(purpose string, content []byte) *Answer {
	c.t.Helper()
	body, header := Form("purpose", purpose, "file", string(content))
	return c.Post("/v1/images", body, header)
}

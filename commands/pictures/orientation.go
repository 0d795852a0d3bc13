package pictures

import (
	"bytes"
	"encoding/binary"
	"image"
	"image/draw"
)

// asIs is the orientation of pixels that stand as they are to be seen; Exif
// numbers them 1 to 8.
const asIs = 1

// maxSegments is how many parts of a file are looked at for its orientation.
const maxSegments = 1000

func orientationOfJPEG(c []byte) int {
	at := 2
	for range maxSegments {
		if at+4 > len(c) || c[at] != 0xff {
			return asIs
		}
		marker, size := c[at+1], int(binary.BigEndian.Uint16(c[at+2:]))
		end := at + 2 + size
		if marker == 0xff { // a filling byte
			at++
			continue
		}
		if marker == 0xda || size < 2 || end > len(c) { // the pixels begin
			return asIs
		}
		if exif, ok := bytes.CutPrefix(c[at+4:end], []byte("Exif\x00\x00")); marker == 0xe1 && ok {
			return orientationOf(exif)
		}
		at = end
	}
	return asIs
}

func orientationOfPNG(c []byte) int {
	for at, n := 8, 0; at+12 <= len(c) && n < maxSegments; n++ {
		size := int64(binary.BigEndian.Uint32(c[at:]))
		end := int64(at) + 12 + size
		if end > int64(len(c)) {
			return asIs
		}
		if string(c[at+4:at+8]) == "eXIf" {
			return orientationOf(c[at+8 : end-4])
		}
		at = int(end)
	}
	return asIs
}

func orientationOfWebP(c []byte) int {
	exif := chunkOf(c, "EXIF")
	return orientationOf(bytes.TrimPrefix(exif, []byte("Exif\x00\x00")))
}

// orientationOf reads the tag 0x0112 of the first directory of TIFF data,
// which is what Exif is. What cannot be read turns nothing.
func orientationOf(tiff []byte) int {
	const tag, short, entry = 0x0112, 3, 12
	if len(tiff) < 8 {
		return asIs
	}
	var order binary.ByteOrder = binary.LittleEndian
	switch string(tiff[:2]) {
	case "II":
	case "MM":
		order = binary.BigEndian
	default:
		return asIs
	}
	at := int64(order.Uint32(tiff[4:]))
	if at+2 > int64(len(tiff)) {
		return asIs
	}
	for n := range int64(order.Uint16(tiff[at:])) {
		from := at + 2 + n*entry
		if from+entry > int64(len(tiff)) {
			return asIs
		}
		e := tiff[from:]
		if order.Uint16(e) == tag && order.Uint16(e[2:]) == short {
			if o := int(order.Uint16(e[8:])); o >= 1 && o <= 8 {
				return o
			}
			return asIs
		}
	}
	return asIs
}

// upright turns pixels to how they are to be seen.
func upright(m image.Image, orientation int) image.Image {
	if orientation == asIs {
		return m
	}
	b := m.Bounds()
	from := image.NewRGBA(image.Rectangle{Max: b.Size()})
	draw.Draw(from, from.Bounds(), m, b.Min, draw.Src)
	w, h := b.Dx(), b.Dy()
	tw, th := w, h
	if orientation >= 5 {
		tw, th = h, w
	}
	to := image.NewRGBA(image.Rect(0, 0, tw, th))
	for y := range th {
		for x := range tw {
			fx, fy := x, y
			switch orientation {
			case 2:
				fx = w - 1 - x
			case 3:
				fx, fy = w-1-x, h-1-y
			case 4:
				fy = h - 1 - y
			case 5:
				fx, fy = y, x
			case 6:
				fx, fy = y, h-1-x
			case 7:
				fx, fy = w-1-y, h-1-x
			case 8:
				fx, fy = w-1-y, x
			}
			copy(to.Pix[to.PixOffset(x, y):][:4], from.Pix[from.PixOffset(fx, fy):][:4])
		}
	}
	return to
}

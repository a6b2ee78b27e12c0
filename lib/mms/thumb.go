package mms

import (
	"bytes"
	"errors"
	"fmt"
	"image"
	"image/color"
	_ "image/gif" // decoders of what thumbnails are made of
	"image/jpeg"
	_ "image/png" // as above
)

// Limits of pictures that are looked into. What is beyond them is kept and has no preview.
const (
	maxPixels  = 24_000_000
	maxPicture = 16 << 20 // bytes
)

// ErrNoPreview says that a picture gets no preview, and why.
var ErrNoPreview = errors.New("no preview")

// Thumbnail makes a JPEG of at most size pixels in each direction of a JPEG, PNG or GIF (its first frame). The dimensions are read before any pixel
// is: a picture that says that it is huge is refused, whatever its bytes unpack to.
func Thumbnail(data []byte, size int) ([]byte, error) {
	if len(data) > maxPicture {
		return nil, fmt.Errorf("%w: the picture is larger than %d bytes", ErrNoPreview, maxPicture)
	}
	head, format, err := image.DecodeConfig(bytes.NewReader(data))
	if err != nil {
		return nil, fmt.Errorf("%w: it is no JPEG, PNG or GIF that can be read", ErrNoPreview)
	}
	if head.Width <= 0 || head.Height <= 0 || int64(head.Width)*int64(head.Height) > maxPixels {
		return nil, fmt.Errorf("%w: %s of %d x %d pixels is beyond %d pixels", ErrNoPreview, format, head.Width, head.Height, maxPixels)
	}
	picture, _, err := image.Decode(bytes.NewReader(data)) // of a GIF the first frame only
	if err != nil {
		return nil, fmt.Errorf("%w: the picture is damaged", ErrNoPreview)
	}
	var out bytes.Buffer
	if err := jpeg.Encode(&out, shrink(picture, size), &jpeg.Options{Quality: 80}); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrNoPreview, err)
	}
	return out.Bytes(), nil
}

// shrink averages the pixels that fall on one; what is transparent becomes white.
func shrink(src image.Image, size int) image.Image {
	from := src.Bounds()
	w, h := from.Dx(), from.Dy()
	if w > size || h > size {
		if w >= h {
			w, h = size, max(1, h*size/from.Dx())
		} else {
			w, h = max(1, w*size/from.Dy()), size
		}
	}
	out := image.NewRGBA(image.Rect(0, 0, w, h))
	for y := range h {
		for x := range w {
			x0, x1 := from.Min.X+x*from.Dx()/w, from.Min.X+(x+1)*from.Dx()/w
			y0, y1 := from.Min.Y+y*from.Dy()/h, from.Min.Y+(y+1)*from.Dy()/h
			out.SetRGBA(x, y, average(src, x0, max(x1, x0+1), y0, max(y1, y0+1)))
		}
	}
	return out
}

// average looks at no more than 8 x 8 pixels of a field: enough for a preview, and bounded.
func average(src image.Image, x0, x1, y0, y1 int) color.RGBA {
	const most = 8
	dx, dy := max(1, (x1-x0)/most), max(1, (y1-y0)/most)
	var r, g, b, n uint64
	for y := y0; y < y1; y += dy {
		for x := x0; x < x1; x += dx {
			pr, pg, pb, pa := src.At(x, y).RGBA()
			white := uint64(0xffff - pa)
			r, g, b, n = r+uint64(pr)+white, g+uint64(pg)+white, b+uint64(pb)+white, n+1
		}
	}
	return color.RGBA{uint8(r / n >> 8), uint8(g / n >> 8), uint8(b / n >> 8), 0xff}
}

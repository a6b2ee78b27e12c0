package api

import (
	"bytes"
	"context"
	_ "embed"
	"encoding/base64"
	"fmt"
	"html/template"
	"io"
	"time"

	"github.com/gin-gonic/gin"

	"parley/interaction"
)

// slidesHTML is the page of a multimedia message: its slides on a line of time, then one below the other.
//
//go:embed slides.html
var slidesHTML string

var slidesTemplate = template.Must(template.New("slides").Funcs(template.FuncMap{"time": clockOf}).Parse(slidesHTML))

const (
	mostPictures = 40         // of one page; making small ones of many takes long
	lineWidth    = 1000.0     // of the line of time, in its own units
	untimed      = 5 * 1000.0 // milliseconds that a slide without a duration takes on the line
)

// slidePage is what the page shows.
type slidePage struct {
	Subject, From, At string
	Slides            []slideShown
	Timed             bool // the presentation says how long slides last
	Problems          []string
}

// slideShown is one slide, on the line and below it.
type slideShown struct {
	Slide
	Begin    int     // milliseconds from the beginning
	X, Width float64 // on the line; no width: it is not on it
	Media    []mediaShown
}

// mediaShown is a medium with its small picture, or with why there is none.
type mediaShown struct {
	Media
	Picture template.URL
	Missing string
}

// slidesPage shows the slides of a multimedia message as a page that needs nothing beside it and runs nothing.
func (s *server) slidesPage(c *gin.Context) error {
	m, err := s.pathMessage(c)
	if err != nil {
		return err
	}
	ctx := c.Request.Context()
	slides, err := s.slidesOfMessage(ctx, m)
	if err != nil {
		return err
	}
	pictures := 0
	page, err := slidePageOf(m, slides, func(attachment int) ([]byte, error) {
		if pictures++; pictures > mostPictures {
			return nil, interaction.Invalid("no_preview", "attachment", "there are more than %d pictures; see the attachments", mostPictures)
		}
		return s.smallPicture(ctx, m, attachment)
	})
	if err != nil {
		return err
	}
	var b bytes.Buffer
	if err := writeSlidePage(&b, page); err != nil {
		return err
	}
	c.Header("Content-Security-Policy", "default-src 'none'; img-src data:; style-src 'unsafe-inline'")
	c.Data(200, "text/html; charset=utf-8", b.Bytes())
	return nil
}

// slidePageOf lays the slides out. small gives the JPEG of an attachment that is a picture, and refuses what is none.
func slidePageOf(m interaction.Message, slides Slides, small func(attachment int) ([]byte, error)) (slidePage, error) {
	page := slidePage{Subject: m.Subject, From: m.From.Address, At: m.At.UTC().Format("2006-01-02 15:04 MST"), Problems: slides.Problems}
	total, begin := 0.0, 0
	for _, slide := range slides.Items {
		total += onLine(slide)
		page.Timed = page.Timed || slide.DurationMS > 0
	}
	at := 0.0
	for _, slide := range slides.Items {
		shown := slideShown{Slide: slide, Begin: begin}
		if slide.Placed {
			shown.X, shown.Width = at/total*lineWidth, onLine(slide)/total*lineWidth
		}
		at += onLine(slide)
		begin += slide.DurationMS
		for _, media := range slide.Media {
			m, err := showMedia(media, small)
			if err != nil {
				return page, err
			}
			shown.Media = append(shown.Media, m)
		}
		page.Slides = append(page.Slides, shown)
	}
	return page, nil
}

// onLine is how much of the line a slide takes, in milliseconds.
func onLine(slide Slide) float64 {
	switch {
	case !slide.Placed:
		return 0
	case slide.DurationMS > 0:
		return float64(slide.DurationMS)
	}
	return untimed
}

func showMedia(media Media, small func(int) ([]byte, error)) (mediaShown, error) {
	shown := mediaShown{Media: media}
	if media.Attachment == 0 {
		shown.Missing = "the message does not hold it"
		return shown, nil
	}
	if !media.Preview {
		return shown, nil
	}
	picture, err := small(media.Attachment)
	if interaction.KindOf(err) == interaction.KindInvalid {
		shown.Missing = err.Error()
		return shown, nil
	}
	shown.Picture = template.URL("data:image/jpeg;base64," + base64.StdEncoding.EncodeToString(picture)) //nolint:gosec // made here
	return shown, err
}

func writeSlidePage(w io.Writer, p slidePage) error {
	if err := slidesTemplate.Execute(w, p); err != nil {
		return fmt.Errorf("page of slides: %w", err)
	}
	return nil
}

// clockOf writes milliseconds as minutes and seconds.
func clockOf(ms int) string {
	d := time.Duration(ms) * time.Millisecond
	return fmt.Sprintf("%d:%04.1f", int(d.Minutes()), d.Seconds()-60*float64(int(d.Minutes())))
}

// smallPicture gives the small JPEG of an attachment, counted from 1.
func (s *server) smallPicture(ctx context.Context, m interaction.Message, attachment int) ([]byte, error) {
	if attachment < 1 || attachment > len(m.Attachments) {
		return nil, interaction.Unknown("attachment")
	}
	select {
	case s.picturing <- struct{}{}:
		defer func() { <-s.picturing }()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	data, err := s.fileData(ctx, m, m.Attachments[attachment-1])
	if err != nil {
		return nil, err
	}
	return thumbnailOf(data)
}

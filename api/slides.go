package api

import (
	"context"
	"strconv"
	"strings"

	"github.com/gin-gonic/gin"

	"parley/interaction"
	"parley/lib/mms"
)

// SlidesInput names a message.
type SlidesInput struct {
	ByID
	Number int64 `path:"number" minimum:"1"`
}

// Slides are a multimedia message as it is to be shown: slide by slide, then what is on none.
type Slides struct {
	Layout   string   `json:"layout" enum:"smil,none" doc:"none: parts are shown in order of arrival, on one slide each"`
	Items    []Slide  `json:"items" nullable:"false"`
	Problems []string `json:"problems" nullable:"false"`
}

// Slide is what is shown together.
type Slide struct {
	Number     int     `json:"number"`
	DurationMS int     `json:"duration_ms,omitempty" doc:"until the next one; until the reader goes on when missing"`
	Placed     bool    `json:"placed" doc:"false: the presentation names it nowhere, it is shown behind the others"`
	Media      []Media `json:"media" nullable:"false"`
}

// Media is one medium on a slide.
type Media struct {
	Kind       string `json:"kind" doc:"text, img, audio, video or ref"`
	Attachment int    `json:"attachment,omitempty" doc:"number of the attachment; none: the message does not hold what the presentation names"`
	Type       string `json:"type,omitempty"`
	Name       string `json:"name,omitempty"`
	Text       string `json:"text,omitempty"`
	Alt        string `json:"alt,omitempty"`
	Region     string `json:"region,omitempty"`
	BeginMS    int    `json:"begin_ms,omitempty"`
	EndMS      int    `json:"end_ms,omitempty"`
	Guessed    bool   `json:"guessed,omitempty" doc:"the presentation names something else; this one of the same kind is on no slide"`
	Preview    bool   `json:"preview" doc:"there may be a thumbnail"`
}

// SlidesOutput is the answer.
type SlidesOutput struct {
	Body Slides
}

// messageSlides gives the slides of a multimedia message.
func (s *server) messageSlides(ctx context.Context, in *SlidesInput) (*SlidesOutput, error) {
	id, err := pathID(in.ID, "interaction")
	if err != nil {
		return nil, err
	}
	m, err := s.InteractionMessage(ctx, actorOf(ctx), id, in.Number)
	if err != nil {
		return nil, err
	}
	slides, err := s.slidesOfMessage(ctx, m)
	if err != nil {
		return nil, err
	}
	return &SlidesOutput{slides}, nil
}

// slidesOfMessage reads the slides anew from the message as it came.
func (s *server) slidesOfMessage(ctx context.Context, m interaction.Message) (Slides, error) {
	if m.Inbound == "" {
		return Slides{}, interaction.Unknown("slides")
	}
	channel, err := s.InboundChannel(ctx, m.Inbound)
	if err != nil {
		return Slides{}, err
	}
	if channel != interaction.MMS {
		return Slides{}, interaction.Unknown("slides")
	}
	raw, err := s.Raw(ctx, m.Inbound)
	if err != nil {
		return Slides{}, err
	}
	return slidesOf(mms.Parse(raw), m.Attachments), nil
}

func slidesOf(p *mms.Message, files []interaction.File) Slides {
	out := Slides{Layout: "none", Items: []Slide{}, Problems: same(p.Problems)}
	number := map[int]int{} // of the attachment, by part
	for n, f := range files {
		number[f.Part] = n + 1
	}
	shown := map[int]bool{}
	for _, slide := range p.Slides {
		out.Layout = "smil"
		view := Slide{Number: slide.Number, DurationMS: slide.Duration, Placed: true, Media: []Media{}}
		for _, i := range slide.Items {
			media := Media{Kind: i.Kind, Alt: i.Alt, Region: i.Region, BeginMS: i.Begin, EndMS: i.End, Guessed: i.Guess}
			if i.Part >= 0 {
				shown[i.Part] = true
				media.fill(&p.Parts[i.Part], number[i.Part])
			}
			view.Media = append(view.Media, media)
		}
		out.Items = append(out.Items, view)
	}
	for _, n := range p.Order() {
		if shown[n] {
			continue
		}
		media := Media{Kind: kindOf(p.Parts[n].Media())}
		media.fill(&p.Parts[n], number[n])
		out.Items = append(out.Items, Slide{Number: len(out.Items) + 1, Placed: false, Media: []Media{media}})
	}
	return out
}

func (m *Media) fill(p *mms.Part, attachment int) {
	m.Attachment, m.Type, m.Name, m.Text = attachment, p.Media(), p.Name, p.Text
	m.Preview = attachment > 0 && (m.Type == "image/jpeg" || m.Type == "image/png" || m.Type == "image/gif")
}

func kindOf(typ string) string {
	switch kind, _, _ := strings.Cut(typ, "/"); kind {
	case "image":
		return "img"
	case "audio", "video", "text":
		return kind
	}
	return "ref"
}

// thumbnailSize is the longer side of a thumbnail, in pixels.
const thumbnailSize = 320

// thumbnail gives a small JPEG of a picture. What is too large to be looked into, or is no picture, has none.
func (s *server) thumbnail(c *gin.Context) error {
	m, err := s.pathMessage(c)
	if err != nil {
		return err
	}
	n, err := strconv.Atoi(c.Param("attachment"))
	if err != nil || n < 1 || n > len(m.Attachments) {
		return interaction.Unknown("attachment")
	}
	small, err := s.smallPicture(c.Request.Context(), m, n)
	if err != nil {
		return err
	}
	download(c, "image/jpeg", "thumbnail.jpg", small)
	return nil
}

func thumbnailOf(data []byte) ([]byte, error) {
	small, err := mms.Thumbnail(data, thumbnailSize)
	if err != nil {
		return nil, interaction.Invalid("no_preview", "attachment", "%v", err)
	}
	return small, nil
}

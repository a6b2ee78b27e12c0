package api

import (
	"bytes"
	"errors"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"parley/interaction"
)

func TestThePageOfSlides(t *testing.T) {
	m := interaction.Message{Subject: `<script>alert(1)</script>`, From: interaction.Address{Address: "+4915112345678"}, At: time.Date(2026, 11, 23, 9, 30, 0, 0, time.UTC)}
	slides := Slides{Layout: "smil", Problems: []string{"wrong_content_ids"}, Items: []Slide{
		{Number: 1, DurationMS: 3000, Placed: true, Media: []Media{{Kind: "img", Attachment: 1, Type: "image/png", Preview: true, Alt: `"><b>cat`}, {Kind: "text", Attachment: 2, Text: "Look <i>here</i>"}}},
		{Number: 2, DurationMS: 9000, Placed: true, Media: []Media{{Kind: "video", Attachment: 3, Type: "video/3gpp", Name: "way.3gp"}, {Kind: "img"}}},
		{Number: 3, Placed: true, Media: []Media{{Kind: "img", Attachment: 4, Type: "image/gif", Preview: true}}},
		{Number: 4, Media: []Media{{Kind: "text", Attachment: 5, Text: "On none"}}},
	}}
	page, err := slidePageOf(m, slides, func(attachment int) ([]byte, error) {
		if attachment == 4 {
			return nil, interaction.Invalid("no_preview", "attachment", "it is no picture")
		}
		return []byte("jpeg"), nil
	})
	require.NoError(t, err)
	var b bytes.Buffer
	require.NoError(t, writeSlidePage(&b, page))
	got := b.String()
	for _, has := range []string{
		"&lt;script&gt;alert(1)", "4915112345678, 2026-11-23 09:30 UTC", `src="data:image/jpeg;base64,anBlZw=="`, "Look &lt;i&gt;here", "from 0:03.0, for 0:09.0", "way.3gp", "the message does not hold it",
		"it is no picture", "until the reader goes on", "On no slide", "wrong_content_ids",
	} {
		require.Contains(t, got, has)
	}
	require.NotContains(t, got, "<script")
	require.NotContains(t, got, "<b>cat")
	order := []int{strings.Index(got, ">Slide 1 <"), strings.Index(got, ">Slide 2 <"), strings.Index(got, ">Slide 3 <"), strings.Index(got, "On no slide")}
	require.IsIncreasing(t, order)
	require.Positive(t, order[0])
	widths := regexp.MustCompile(`<rect x="([0-9.]+)" y="4" width="([0-9.]+)"`).FindAllStringSubmatch(got, -1)
	require.Len(t, widths, 3, "what is on no slide is not on the line")
	require.Equal(t, "176.470588", widths[0][2][:10])
	require.Equal(t, widths[0][2], widths[1][1], "one begins where the other ends")
	_, err = slidePageOf(m, slides, func(int) ([]byte, error) { return nil, interaction.Unavailable("database_away", errors.New("gone")) })
	require.Equal(t, interaction.KindUnavailable, interaction.KindOf(err), "a page that could not be made whole is none")
}

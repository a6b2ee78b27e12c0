package mms

import (
	"bytes"
	"encoding/binary"
	"hash/crc32"
	"image"
	"image/color"
	"image/gif"
	"image/jpeg"
	"image/png"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"parley/interaction"
)

var zeroFacts interaction.Facts

func TestAnswersRepeatWhatTheCentreSpeaks(t *testing.T) {
	req := Parse([]byte(`<e:Envelope xmlns:e="http://schemas.xmlsoap.org/soap/envelope/"><e:Header><TransactionID>a&lt;b</TransactionID></e:Header><e:Body>` +
		`<DeliverReq xmlns="http://www.3gpp.org/ftp/Specs/archive/23_series/23.140/schema/REL-5-MM7-1-0"><MM7Version>5.3.0</MM7Version></DeliverReq></e:Body></e:Envelope>`))
	rsp := Parse(Response(req, StatusSuccess))
	require.Equal(t, DeliverRsp, rsp.Kind)
	require.Equal(t, Status{Code: 1000, Text: "Success"}, rsp.Status)
	require.Equal(t, "a<b", rsp.Transaction)
	require.Equal(t, "5.3.0", rsp.Version)
	require.Contains(t, rsp.Namespace, "REL-5-MM7-1-0")

	fault := Parse(FaultResponse(req, "Client", StatusNoSuchTo, `<"&>`))
	require.Equal(t, Fault, fault.Kind)
	require.Equal(t, 2003, fault.Status.Code)
	require.Equal(t, "a<b", fault.Transaction)
	require.Equal(t, Fault, Parse(FaultResponse(nil, "Server", StatusAway, "")).Kind)
}

func TestReportsAreRead(t *testing.T) {
	m := Parse([]byte(`<Envelope><Body><DeliveryReportReq><MessageID>m1</MessageID><Recipient><Number>+491701</Number></Recipient><Sender><ShortCode>123</ShortCode></Sender>` +
		`<Date>2026-03-01T10:00:00Z</Date><MMStatus>Retrieved</MMStatus></DeliveryReportReq></Body></Envelope>`))
	require.Equal(t, DeliveryReportReq, m.Kind)
	require.Equal(t, "m1", m.MessageID)
	require.Equal(t, "Retrieved", m.Status.State)
	require.Equal(t, "+491701", m.Recipients[0].Value)
	require.Equal(t, ReadReplyReq, Parse([]byte(`<Envelope><Body><ReadReplyReq><MMStatus>Read</MMStatus></ReadReplyReq></Body></Envelope>`)).Kind)
}

func TestSubmitIsReadBack(t *testing.T) {
	s := Submit{
		Transaction: "t<1>", VASP: "p", VAS: "s", From: "12345", To: []string{"+491701234567"}, Subject: "Re: Grüße & mehr", Text: "Hallo\nWelt €",
		Media: []Medium{{"../a b.jpg", "image/jpeg", []byte("\xff\xd8\xff1")}, {"ä.png", "image/png", []byte("\x89PNG\r\n\x1a\n2")}}, LinkedID: "l1", Reports: true,
	}
	typ, body, err := SubmitRequest(s)
	require.NoError(t, err)
	_, again, err := SubmitRequest(s)
	require.NoError(t, err)
	require.Equal(t, body, again)
	m := Parse(append([]byte("Content-Type: "+typ+"\r\n\r\n"), body...))
	require.Equal(t, SubmitReq, m.Kind)
	require.Empty(t, m.Problems)
	require.Equal(t, "t<1>", m.Transaction)
	require.Equal(t, Address{Kind: ShortCode, Value: "12345"}, m.Sender)
	require.Equal(t, []Address{{Kind: Number, Value: "+491701234567", Field: "to"}}, m.Recipients)
	require.Equal(t, s.Text, m.Text())
	require.Len(t, m.Slides, 2)
	require.Equal(t, s.Media[0].Data, m.Parts[m.Slides[0].Items[0].Part].Data)
	require.Equal(t, s.Media[1].Data, m.Parts[m.Slides[1].Items[0].Part].Data)
}

func TestSubmitRefuses(t *testing.T) {
	ok := func() Submit { return Submit{Transaction: "t", From: "1", To: []string{"+49170"}} }
	for name, change := range map[string]func(*Submit){
		"nobody":          func(s *Submit) { s.To = nil },
		"a line break":    func(s *Submit) { s.To[0] = "+49\r\nX: y" },
		"no sender":       func(s *Submit) { s.From = "" },
		"no media type":   func(s *Submit) { s.Media = []Medium{{Name: "x"}} },
		"a type of lines": func(s *Submit) { s.Media = []Medium{{Type: "image/png\r\nX: y"}} },
	} {
		s := ok()
		change(&s)
		_, _, err := SubmitRequest(s)
		require.Error(t, err, name)
	}
}

func TestThumbnails(t *testing.T) {
	picture := image.NewRGBA(image.Rect(0, 0, 800, 200))
	var asJPEG, asPNG bytes.Buffer
	require.NoError(t, jpeg.Encode(&asJPEG, picture, nil))
	require.NoError(t, png.Encode(&asPNG, picture))
	for _, b := range [][]byte{asJPEG.Bytes(), asPNG.Bytes()} {
		small, err := Thumbnail(b, 320)
		require.NoError(t, err)
		head, format, err := image.DecodeConfig(bytes.NewReader(small))
		require.NoError(t, err)
		require.Equal(t, "jpeg", format)
		require.Equal(t, []int{320, 80}, []int{head.Width, head.Height})
	}
	_, err := Thumbnail([]byte("<html>"), 320)
	require.ErrorIs(t, err, ErrNoPreview)
}

// What says that it is huge is refused before a pixel of it is read, and of an animation only the first frame is (P-10).
func TestHugePicturesGetNoPreview(t *testing.T) {
	_, err := Thumbnail(hugePNG(60_000, 60_000), 320)
	require.ErrorIs(t, err, ErrNoPreview)
	require.ErrorContains(t, err, "60000 x 60000")

	frame := image.NewPaletted(image.Rect(0, 0, 4, 4), color.Palette{color.Black, color.White})
	one := &gif.GIF{Image: []*image.Paletted{frame}, Delay: []int{1}}
	var first bytes.Buffer
	require.NoError(t, gif.EncodeAll(&first, one))
	body := first.Bytes()[:first.Len()-1]           // without the trailer
	piece := body[bytes.LastIndexByte(body, 0x2c):] // from the image descriptor
	many := append(bytes.Clone(body), bytes.Repeat(piece, 100_000)...)
	small, err := Thumbnail(append(many, 0x3b), 320)
	require.NoError(t, err)
	require.Less(t, len(small), 2000)
}

// hugePNG is a PNG whose header names these dimensions.
func hugePNG(w, h uint32) []byte {
	chunk := binary.BigEndian.AppendUint32([]byte("IHDR"), w)
	chunk = append(binary.BigEndian.AppendUint32(chunk, h), 8, 2, 0, 0, 0)
	out := binary.BigEndian.AppendUint32([]byte("\x89PNG\r\n\x1a\n"), uint32(len(chunk)-4))
	out = append(out, chunk...)
	return binary.BigEndian.AppendUint32(out, crc32.ChecksumIEEE(chunk))
}

func TestRepeatsAreKnown(t *testing.T) {
	post := func(boundary, transaction, text string) []byte {
		return []byte(strings.NewReplacer("B", boundary).Replace("--B\r\nContent-Type: text/xml\r\n\r\n") + "<Envelope><Header><TransactionID>" + transaction +
			"</TransactionID></Header><Body><DeliverReq><LinkedID>l1</LinkedID><Sender>+491</Sender></DeliverReq></Body></Envelope>\r\n--" + boundary +
			"\r\nContent-Type: text/plain\r\n\r\n" + text + "\r\n--" + boundary + "--\r\n")
	}
	first := Parse(post("x", "t1", "hello")).Identity()
	require.Equal(t, first, Parse(post("y", "t2", "hello")).Identity(), "another boundary and transaction")
	require.NotEqual(t, first, Parse(post("x", "t1", "other")).Identity(), "other content under the same name (P-16)")
}

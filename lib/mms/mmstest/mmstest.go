// Package mmstest makes MM7 posts as centres send them, right and wrong ones, with what a reader must find in each. The same number always gives the
// same post.
package mmstest

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"image"
	"image/color"
	"image/jpeg"
	"image/png"
	"math/rand/v2"
	"strings"
)

// Post is one generated message.
type Post struct {
	Name        string // what is wrong with it, or how it is made
	Transaction string
	ContentType string
	Body        []byte
	Sender      string   // in the form that a reader gives it
	Media       [][]byte // decoded contents of the media in order of arrival, without the presentation
	Order       []int    // indexes of Media in the order of the slides; nil: of arrival
	Problem     string   // that must be named; empty: none about the presentation
}

// Kinds are what is made in turn.
var Kinds = []string{
	"slides by content id", "slides by location", "slides by name", "no start", "start names nothing", "wrong content ids", "timing in a circle",
	"presentation names itself", "300 KiB picture", "no presentation", "presentation not well-formed", "ten thousand slides", "external sources",
	"line feeds only", "end missing", "nested twice", "short codes and old namespace", "UTF-16 without a mark", "charset by number", "parts flat beside the envelope",
}

// Make makes post number n, to a short code.
func Make(n int, to string) Post {
	g := &generator{Rand: rand.New(rand.NewPCG(7, uint64(n))), n: n, kind: Kinds[n%len(Kinds)], to: to}
	return g.post()
}

type generator struct {
	*rand.Rand
	n    int
	kind string
	to   string
}

type medium struct {
	typ, id, name string
	data          []byte
	wire          string // Content-Type as written
}

func (g *generator) post() Post {
	p := Post{Name: g.kind, Transaction: fmt.Sprintf("t-%06d", g.n), Sender: fmt.Sprintf("+49170%07d", g.n)}
	media := g.media()
	slides := make([][]int, (len(media)+1)/2) // a picture and its text
	for i := range media {
		slides[i/2] = append(slides[i/2], i)
	}
	arrival := g.Perm(len(media)) // arrival[k] is the medium that comes k-th
	place := make([]int, len(media))
	for k, m := range arrival {
		place[m] = k
		p.Media = append(p.Media, media[m].data)
	}
	for _, s := range slides {
		for _, m := range s {
			p.Order = append(p.Order, place[m])
		}
	}
	smil, start, problem, ordered := g.presentation(media, slides)
	p.Problem = problem
	if !ordered {
		p.Order = nil
	}
	p.ContentType, p.Body = g.write(p, media, arrival, smil, start)
	return p
}

// media makes one to four pictures with a text each.
func (g *generator) media() []medium {
	var list []medium
	for i := range 1 + g.IntN(4) {
		picture := g.picture(i == 0 && g.kind == "300 KiB picture")
		ext := map[string]string{"image/jpeg": "jpg", "image/png": "png"}[picture.typ]
		picture.id, picture.name = fmt.Sprintf("p%d.%d@mmsc", g.n, i), fmt.Sprintf("IMG_%d%03d.%s", g.n, i, ext)
		picture.wire = fmt.Sprintf(`%s; name="%s"`, picture.typ, picture.name)
		text := medium{typ: "text/plain", id: fmt.Sprintf("x%d.%d@mmsc", g.n, i), name: fmt.Sprintf("text_%d_%d.txt", g.n, i)}
		words := fmt.Sprintf("Grüße Nr. %d, Seite %d €", g.n, i+1)
		text.data, text.wire = []byte(words), `text/plain; charset="utf-8"; name=`+text.name
		switch g.kind {
		case "UTF-16 without a mark":
			text.data = nil
			for _, r := range words {
				text.data = append(text.data, byte(r>>8), byte(r))
			}
			text.wire = "text/plain; charset=utf-16; name=" + text.name
		case "charset by number":
			text.wire = "text/plain; charset=106; name=" + text.name
		}
		list = append(list, picture, text)
	}
	return list
}

func (g *generator) picture(large bool) medium {
	side := 8 + g.IntN(24)
	if large {
		side = 320 // of noise, which PNG cannot pack: more than 300 KiB
	}
	picture := image.NewRGBA(image.Rect(0, 0, side, side))
	for i := range picture.Pix {
		picture.Pix[i] = uint8(g.IntN(256))
	}
	for y := range side {
		picture.SetRGBA(0, y, color.RGBA{uint8(y), 0, 0, 255})
	}
	var b bytes.Buffer
	if large || g.IntN(2) == 0 {
		_ = png.Encode(&b, picture) // a bytes.Buffer never fails
		return medium{typ: "image/png", data: b.Bytes()}
	}
	_ = jpeg.Encode(&b, picture, nil)
	return medium{typ: "image/jpeg", data: b.Bytes()}
}

// presentation writes the SMIL; ordered says whether a reader can know the order of the slides.
func (g *generator) presentation(media []medium, slides [][]int) (smil, start, problem string, ordered bool) {
	start, ordered = "<smil>", true
	source := func(m int) string { return "cid:" + media[m].id }
	dur := func(int) string { return `dur="5s"` }
	switch g.kind {
	case "slides by location", "UTF-16 without a mark", "line feeds only":
		source = func(m int) string { return media[m].name }
	case "slides by name":
		source = func(m int) string { return strings.ToUpper(media[m].name) }
	case "no start":
		start = ""
	case "start names nothing":
		start, problem = "<nobody>", "start_names_no_part"
	case "wrong content ids":
		source = func(m int) string { return fmt.Sprintf("cid:gone-%d", m) }
		problem = "smil_names_missing"
		ordered = false
	case "timing in a circle":
		dur = func(s int) string {
			return fmt.Sprintf(`id="s%d" begin="s%d.end"`, s, (s+1)%len(slides))
		}
		problem = "smil_timing_in_circle"
	case "presentation names itself":
		problem = "smil_refers_to_itself"
	case "no presentation":
		return "", "", "no_presentation", false
	case "external sources":
		problem = "smil_names_external"
	}
	var b strings.Builder
	b.WriteString("<smil><head><layout><root-layout/></layout></head><body>")
	if g.kind == "presentation names itself" {
		b.WriteString(`<par><ref src="cid:smil"/></par>`)
	}
	if g.kind == "external sources" {
		b.WriteString(`<par><img src="http://169.254.169.254/x.jpg"/><img src="file:///etc/passwd"/></par>`)
	}
	for n, s := range slides {
		fmt.Fprintf(&b, "<par %s>", dur(n))
		for _, m := range s {
			kind := "img"
			if media[m].typ == "text/plain" {
				kind = "text"
			}
			fmt.Fprintf(&b, `<%s src="%s" region="R"/>`, kind, source(m))
		}
		b.WriteString("</par>")
	}
	if g.kind == "ten thousand slides" {
		b.WriteString(strings.Repeat("<par/>", 10_000))
		problem = "smil_over_500_slides"
	}
	b.WriteString("</body></smil>")
	smil = b.String()
	if g.kind == "presentation not well-formed" {
		return strings.Replace(smil, "</par>", "</pra>", 1), start, "smil_not_well_formed", false
	}
	return smil, start, problem, ordered
}

func (g *generator) write(p Post, media []medium, arrival []int, smil, start string) (contentType string, body []byte) {
	outer, inner := fmt.Sprintf("----=_Part_%d", g.n), fmt.Sprintf("==inner==%d", g.n)
	var b bytes.Buffer
	fmt.Fprintf(&b, "--%s\r\nContent-Type: text/xml; charset=utf-8\r\nContent-ID: <soap>\r\n\r\n%s\r\n", outer, g.envelope(p))
	flat := g.kind == "parts flat beside the envelope"
	boundary := inner
	switch {
	case flat:
		boundary = outer
	case g.kind == "nested twice":
		fmt.Fprintf(&b, "--%s\r\nContent-Type: multipart/mixed; boundary=middle\r\nContent-ID: <content>\r\n\r\n--middle\r\n", outer)
		fallthrough
	default:
		if g.kind != "nested twice" {
			fmt.Fprintf(&b, "--%s\r\n", outer)
		}
		fmt.Fprintf(&b, "Content-Type: multipart/related; type=\"application/smil\"")
		if start != "" {
			fmt.Fprintf(&b, "; start=\"%s\"", start)
		}
		fmt.Fprintf(&b, ";\r\n\tboundary=\"%s\"\r\nContent-ID: <content>\r\n\r\n", inner)
	}
	at := -1 // where the presentation stands among the parts
	if smil != "" {
		at = g.IntN(len(arrival) + 1)
	}
	for k := range len(arrival) + 1 {
		if k == at {
			fmt.Fprintf(&b, "--%s\r\nContent-Type: application/smil; charset=utf-8\r\nContent-ID: <smil>\r\nContent-Location: pres.smil\r\n\r\n%s\r\n", boundary, smil)
		}
		if k < len(arrival) {
			g.part(&b, boundary, media[arrival[k]])
		}
	}
	if g.kind != "end missing" {
		if !flat {
			fmt.Fprintf(&b, "--%s--\r\n", inner)
		}
		if g.kind == "nested twice" {
			b.WriteString("--middle--\r\n")
		}
		fmt.Fprintf(&b, "--%s--\r\n", outer)
	}
	body = b.Bytes()
	if g.kind == "end missing" {
		body = bytes.TrimSuffix(body, []byte("\r\n"))
	}
	if g.kind == "line feeds only" { // pictures are base64 in these
		body = bytes.ReplaceAll(body, []byte("\r\n"), []byte("\n"))
	}
	return fmt.Sprintf(`multipart/related; boundary="%s"; type="text/xml"; start="<soap>"`, outer), body
}

func (g *generator) part(b *bytes.Buffer, boundary string, m medium) {
	fmt.Fprintf(b, "--%s\r\nContent-Type: %s\r\nContent-ID: <%s>\r\nContent-Location: %s\r\n", boundary, m.wire, m.id, m.name)
	if g.kind == "line feeds only" || g.IntN(2) == 0 {
		b.WriteString("Content-Transfer-Encoding: base64\r\n\r\n")
		encoded := base64.StdEncoding.EncodeToString(m.data)
		for len(encoded) > 76 {
			b.WriteString(encoded[:76] + "\r\n")
			encoded = encoded[76:]
		}
		b.WriteString(encoded + "\r\n")
		return
	}
	b.WriteString("Content-Transfer-Encoding: binary\r\n\r\n")
	b.Write(m.data)
	b.WriteString("\r\n")
}

func (g *generator) envelope(p Post) string {
	ns, prefix, version := "http://www.3gpp.org/ftp/Specs/archive/23_series/23.140/schema/REL-6-MM7-1-4", "mm7:", "6.8.0"
	sender, recipient := "<mm7:Number>"+p.Sender+"</mm7:Number>", "<mm7:Number>"+g.to+"</mm7:Number>"
	if g.kind == "short codes and old namespace" {
		ns, version = "http://www.3gpp.org/ftp/Specs/archive/23_series/23.140/schema/REL-5-MM7-1-0", "5.3.0"
		sender, recipient = "<mm7:Number>"+p.Sender+"/TYPE=PLMN</mm7:Number>", "<mm7:ShortCode>"+g.to+"</mm7:ShortCode>"
	}
	body := fmt.Sprintf(`<mm7:DeliverReq xmlns:mm7="%s"><mm7:MM7Version>%s</mm7:MM7Version><mm7:MMSRelayServerID>relay</mm7:MMSRelayServerID>`+
		`<mm7:LinkedID>linked-%d</mm7:LinkedID><mm7:Sender>%s</mm7:Sender><mm7:Recipients><mm7:To>%s</mm7:To></mm7:Recipients>`+
		`<mm7:TimeStamp>2026-03-01T10:00:00+01:00</mm7:TimeStamp><mm7:Priority>Normal</mm7:Priority><mm7:Subject>Nummer %d</mm7:Subject>`+
		`<mm7:Content href="cid:content"/></mm7:DeliverReq>`, ns, version, g.n, sender, recipient, g.n)
	if g.IntN(2) == 0 { // the same without a prefix
		body = strings.NewReplacer("xmlns:mm7=", "xmlns=", "<mm7:", "<", "</mm7:", "</").Replace(body)
		prefix = ""
	}
	return fmt.Sprintf(`<?xml version="1.0" encoding="UTF-8"?><env:Envelope xmlns:env="http://schemas.xmlsoap.org/soap/envelope/"><env:Header>`+
		`<%[1]sTransactionID xmlns%[2]s="%[3]s" env:mustUnderstand="1">%[4]s</%[1]sTransactionID></env:Header><env:Body>%[5]s</env:Body></env:Envelope>`,
		prefix, strings.TrimSuffix(":"+prefix, ":"), ns, p.Transaction, body)
}

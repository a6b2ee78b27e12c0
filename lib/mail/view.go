package mail

import (
	"bytes"
	"crypto/sha256"
	"strings"
	"unicode/utf8"
)

// view finds the text, the HTML and the attachments of a message.
func (m *Message) view(root *part) {
	if strings.HasPrefix(root.media.typ, "multipart/") && len(root.children) == 0 {
		m.problem("kept raw: no part of the " + oneLine(text(root.media.typ)) + " could be found")
		m.keepRaw(root.body)
		return
	}
	v := viewer{m: m}
	v.part(root, nil)
	m.Text, m.TextFrom = v.text()
	m.HTML = v.html()
	v.useSpare()
}

// useSpare fills in text and HTML that only winmail.dat or an invitation has.
func (v *viewer) useSpare() {
	for _, s := range v.spare {
		if v.m.TextFrom == TextNone && strings.TrimSpace(s.plain) != "" {
			v.m.Text, v.m.TextFrom = cutText(s.plain), s.from
		}
		if v.m.HTML == "" && v.m.TextFrom != TextPlain {
			v.m.HTML = cutText(lines(s.html))
		}
	}
}

func cutText(s string) string {
	if len(s) > maxText {
		s = s[:maxText]
	}
	return strings.ReplaceAll(strings.ToValidUTF8(s, "\uFFFD"), "\x00", "\uFFFD")
}

// leaf is one place in the message where text stands: plain, HTML, or both as alternatives.
type leaf struct {
	plain, html []string
}

type viewer struct {
	m      *Message
	leaves []*leaf
	spare  []spareText
}

// spareText is shown where the message has no other text: of winmail.dat, or of an invitation.
type spareText struct {
	plain, html string
	from        TextFrom
}

// part looks at p and what is in it. Inside multipart/alternative all texts go to one leaf.
func (v *viewer) part(p *part, alternative *leaf) {
	switch {
	case len(p.children) > 0 && strings.HasPrefix(p.media.typ, "multipart/"):
		if p.media.typ == "multipart/alternative" && alternative == nil {
			alternative = v.leaf()
		}
		for _, c := range p.children {
			v.part(c, alternative)
		}
	case isText(p):
		at := alternative
		if at == nil {
			at = v.leaf()
		}
		v.read(p, at)
	case isForward(p):
		v.forward(p)
	case strings.HasPrefix(p.media.typ, "multipart/"):
		v.unparted(p)
	default:
		v.attach(p)
	}
}

// unparted shows what a multipart holds that has no parts. What stands before a
// delimiter that only closes it is nobody's (RFC 2046 section 5.1.1).
func (v *viewer) unparted(p *part) {
	boundary := []byte("--" + p.media.params["boundary"])
	if len(bytes.TrimSpace(p.body)) == 0 || len(boundary) > 2 && bytes.Contains(p.body, boundary) {
		return
	}
	v.m.problem("no part of the " + oneLine(text(p.media.typ)) + " could be found")
	v.leaf().plain = []string{lines(text(p.body[:min(len(p.body), maxText)]))}
}

// isForward reports whether p is another message that is to be read as part of
// this one. The message that a report returns is not: it is what we wrote.
func isForward(p *part) bool {
	return isMessage(p) && len(p.children) == 1 && p.parent != "multipart/report" && (p.dispo.typ == "" || p.dispo.typ == "inline")
}

// forward shows a message inside this one: the important header fields, and then its text.
func (v *viewer) forward(p *part) {
	inner := p.children[0]
	var b strings.Builder
	for _, name := range []string{"From", "Date", "To", "Cc", "Subject"} {
		if value := decodeValue([]byte(inner.header.get(name))); value != "" {
			b.WriteString(name + ": " + value + "\n")
		}
	}
	if b.Len() > 0 {
		v.leaf().plain = []string{"\n" + b.String()}
	}
	v.part(inner, nil)
}

func (v *viewer) leaf() *leaf {
	l := &leaf{}
	v.leaves = append(v.leaves, l)
	return l
}

// isText reports whether a part is to be read, not to be saved.
func isText(p *part) bool {
	switch p.media.typ {
	case "text/plain", "text/html", "text", "plain/text":
		return p.dispo.typ == "" || p.dispo.typ == "inline"
	}
	return false
}

// read decodes one text part into its leaf.
func (v *viewer) read(p *part, at *leaf) {
	data, whole := decodeBody(p)
	if !whole {
		v.m.problem("a text part is damaged: its transfer encoding is broken")
		if line, _ := cutLine(bytes.TrimSpace(p.body)); !utf8.Valid(data) && strings.Contains(encodingOf(p), "base64") && !isBase64Line(line) {
			data = p.body // it was never encoded
		}
	}
	v.named(p, data)
	if p.media.typ != "text/html" {
		_, files := cutUU(data)
		v.attachInner(p, files)
	}
	if len(data) > maxText {
		data = data[:maxText]
		v.m.problem("a text part is cut: it is longer than 4 MiB")
	}
	label := p.media.params["charset"]
	s, known := decodeCharset(label, data)
	if !known {
		v.m.problem("a text part has an unknown charset: " + oneLine(text(label)))
	}
	s = lines(s)
	if p.media.typ == "text/html" {
		at.html = append(at.html, s)
		return
	}
	if strings.EqualFold(p.media.params["format"], "flowed") {
		s = unflow(s, strings.EqualFold(p.media.params["delsp"], "yes"))
	}
	at.plain = append(at.plain, s)
}

// attach notes a part as an attachment, or the files inside of it.
func (v *viewer) attach(p *part) {
	data, whole := decodeBody(p)
	v.named(p, data)
	if isTNEF(p, data) && v.winmail(p, data) {
		return
	}
	if p.media.typ == "text/calendar" {
		s, _ := decodeCharset(p.media.params["charset"], data[:min(len(data), maxText)])
		v.spare = append(v.spare, spareText{plain: calendarText(s), from: TextCalendar})
	}
	if isEncodedMessage(p) {
		v.forwardEncoded(data)
	}
	v.note(p, data, whole)
}

// isEncodedMessage reports whether p is a message in base64 or quoted-printable, which RFC 2046 section 5.2.1 forbids and some programs write.
func isEncodedMessage(p *part) bool {
	return (p.media.typ == "message/rfc822" || p.media.typ == "message/global") && len(p.children) == 0 && p.parent != "multipart/report" && p.dispo.typ != "attachment"
}

// forwardEncoded shows the text of such a message. What is attached to it stays inside.
func (v *viewer) forwardEncoded(data []byte) {
	if v.m.inside {
		return
	}
	inner := &Message{inside: true}
	inner.parse(data)
	if inner.TextFrom == TextPlain || inner.TextFrom == TextHTML {
		v.leaf().plain = []string{inner.Text}
	}
}

// named says which protection a part has, because nothing else of it can be read.
func (v *viewer) named(p *part, data []byte) {
	switch p.media.typ {
	case "application/pkcs7-mime", "application/x-pkcs7-mime":
		if strings.HasPrefix(strings.ToLower(p.media.params["smime-type"]), "signed") {
			v.m.problem("signed with S/MIME in a form that hides the text: see the attachment")
		} else {
			v.m.problem("encrypted with S/MIME: only the recipient's key opens it")
		}
	case "application/pgp-encrypted":
		v.m.problem("encrypted with PGP: only the recipient's key opens it")
	case "application/pgp", "text/plain":
		if bytes.Contains(data, []byte("-----BEGIN PGP MESSAGE-----")) {
			v.m.problem("encrypted with PGP: only the recipient's key opens it")
		}
	}
}

// note keeps size and hash of an attachment.
func (v *viewer) note(p *part, data []byte, whole bool) {
	a := Attachment{
		Part: p.index, Name: fileName(p), Type: oneLine(text(p.media.typ)), Size: int64(len(data)), SHA256: sha256.Sum256(data), Damaged: !whole,
		ContentID: strings.Trim(oneLine(decodeValue([]byte(p.header.get("Content-Id")))), "<> "),
	}
	a.Inline = p.dispo.typ == "inline" || p.dispo.typ == "" && p.parent == "multipart/related" && a.ContentID != ""
	if a.Damaged {
		v.m.problem("an attachment is damaged: its transfer encoding is broken")
	}
	v.m.Attachments = append(v.m.Attachments, a)
}

// fileName gives the name a part was sent under, without any path.
func fileName(p *part) string {
	name := p.dispo.params["filename"]
	if name == "" {
		name = p.media.params["name"]
	}
	return safeName(decodeWords(name))
}

// safeName gives the last element of a path, without control characters.
func safeName(name string) string {
	name = oneLine(text(name))
	if i := strings.LastIndexAny(name, `/\`); i >= 0 {
		name = name[i+1:]
	}
	if runes := []rune(name); len(runes) > 200 {
		name = string(runes[:200])
	}
	if name == "." || name == ".." {
		return ""
	}
	return name
}

// text joins the leaves. Where only some have plain text, the HTML of the others is made text, so that nothing is missing.
func (v *viewer) text() (string, TextFrom) {
	from := TextNone
	var pieces []string
	for _, l := range v.leaves {
		if len(l.plain) > 0 && strings.TrimSpace(strings.Join(l.plain, "")) != "" {
			from = TextPlain
		}
	}
	for _, l := range v.leaves {
		switch {
		case len(l.plain) > 0 && (from == TextPlain || len(l.html) == 0):
			pieces = append(pieces, l.plain...)
		case len(l.html) > 0:
			for _, h := range l.html {
				pieces = append(pieces, HTMLToText(h))
			}
		}
	}
	s := strings.Join(pieces, "\n")
	if len(s) > maxText {
		s = strings.ToValidUTF8(s[:maxText], "")
		v.m.problem("the text is cut: it is longer than 4 MiB")
	}
	switch {
	case strings.TrimSpace(s) == "":
		return "", TextNone
	case from == TextNone:
		return s, TextHTML
	}
	return s, from
}

// html joins the HTML parts.
func (v *viewer) html() string {
	var pieces []string
	for _, l := range v.leaves {
		pieces = append(pieces, l.html...)
	}
	s := strings.Join(pieces, "\n")
	if len(s) > maxText {
		s = strings.ToValidUTF8(s[:maxText], "")
		v.m.problem("the HTML is cut: it is longer than 4 MiB")
	}
	return s
}

// unflow joins the lines of format=flowed text (RFC 3676). Lines of another quote depth, and the signature mark, are not joined.
func unflow(s string, delSp bool) string {
	var b strings.Builder
	flowing, depth := false, 0
	for i, line := range strings.Split(s, "\n") {
		d := len(line) - len(strings.TrimLeft(line, ">"))
		content := strings.TrimPrefix(line[d:], " ")
		switch {
		case flowing && d == depth && content != "-- ":
			line = content
		default:
			if i > 0 {
				b.WriteByte('\n')
			}
			line = strings.Repeat(">", d)
			if d > 0 {
				line += " "
			}
			line += content
		}
		flowing, depth = strings.HasSuffix(content, " ") && content != "-- ", d
		if flowing && delSp {
			line = line[:len(line)-1]
		}
		b.WriteString(line)
	}
	return b.String()
}

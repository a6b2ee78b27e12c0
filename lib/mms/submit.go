package mms

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"mime"
	"strings"
	"time"
	"unicode/utf8"
)

// Submit is a message to be sent through a centre.
type Submit struct {
	Transaction string // the same for every attempt: a centre may tell a repeat by it
	VASP, VAS   string
	From        string // the address that the customer sees: a short code, a number or an email address
	To          []string
	Subject     string
	Text        string
	Media       []Medium
	Expires     time.Time // zero: as the centre does it
	Reports     bool      // ask for a DeliveryReport
	LinkedID    string    // of the message that it answers
	Version     string    // MM7Version and namespace as the centre wants them; empty: 6.8.0
	Namespace   string
}

// Medium is one file of a message.
type Medium struct {
	Name string
	Type string
	Data []byte
}

// maxTo bounds the recipients of one message.
const maxTo = 100

// SubmitRequest writes a SubmitReq with its parts and a presentation of one slide a medium, the text on the first. The same Submit always gives the
// same bytes. It refuses what could begin a field of its own.
func SubmitRequest(s Submit) (contentType string, body []byte, err error) {
	if err := s.check(); err != nil {
		return "", nil, err
	}
	sum := sha256.Sum256(fmt.Appendf(nil, "%q %q %q", s.Transaction, s.Subject, s.Text))
	boundary := "parley-" + hex.EncodeToString(sum[:12])
	outer, inner := boundary+"-0", boundary+"-1"
	var b strings.Builder
	fmt.Fprintf(&b, "--%s\r\nContent-Type: text/xml; charset=\"utf-8\"\r\nContent-ID: <mm7-submit>\r\n\r\n%s\r\n", outer, s.envelope())
	fmt.Fprintf(&b, "--%s\r\nContent-Type: multipart/related; type=\"application/smil\"; start=\"<smil>\"; boundary=\"%s\"\r\nContent-ID: <mm7-content>\r\n\r\n", outer, inner)
	writePart(&b, inner, "application/smil; charset=\"utf-8\"", "smil", "smil.smil", []byte(s.presentation()))
	if s.Text != "" {
		writePart(&b, inner, "text/plain; charset=\"utf-8\"", "text", "text.txt", []byte(s.Text))
	}
	for n, m := range s.Media {
		writePart(&b, inner, m.Type, fmt.Sprintf("medium-%d", n+1), s.mediumName(n), m.Data)
	}
	fmt.Fprintf(&b, "--%s--\r\n--%s--\r\n", inner, outer)
	return fmt.Sprintf(`multipart/related; type="text/xml"; start="<mm7-submit>"; boundary="%s"`, outer), []byte(b.String()), nil
}

func (s *Submit) check() error {
	if len(s.To) == 0 || len(s.To) > maxTo {
		return fmt.Errorf("needs 1 to %d recipients", maxTo)
	}
	for _, a := range append([]string{s.From}, s.To...) {
		if a == "" || len(a) > 320 || !utf8.ValidString(a) || strings.ContainsFunc(a, func(r rune) bool { return r <= ' ' || r == 0x7f }) {
			return errors.New("an address is empty, too long, or holds blanks or control characters")
		}
	}
	for _, m := range s.Media {
		if typ, _, err := mime.ParseMediaType(m.Type); err != nil || strings.HasPrefix(typ, "multipart/") || strings.ContainsAny(m.Type, "\r\n") {
			return fmt.Errorf("a file has no media type")
		}
	}
	return nil
}

// envelope is the SOAP part (annex K.1.2.1 of TS 23.140).
func (s *Submit) envelope() string {
	like := &Message{Transaction: s.Transaction, Namespace: s.Namespace, Version: s.Version}
	var b strings.Builder
	fmt.Fprintf(&b, `<SubmitReq xmlns="%s"><MM7Version>%s</MM7Version><SenderIdentification>`, escape(namespaceFor(like)), escape(versionFor(like)))
	if s.VASP != "" {
		fmt.Fprintf(&b, `<VASPID>%s</VASPID>`, escape(s.VASP))
	}
	if s.VAS != "" {
		fmt.Fprintf(&b, `<VASID>%s</VASID>`, escape(s.VAS))
	}
	fmt.Fprintf(&b, `<SenderAddress>%s</SenderAddress></SenderIdentification><Recipients><To>`, addressElement(s.From))
	for _, to := range s.To {
		b.WriteString(addressElement(to))
	}
	b.WriteString(`</To></Recipients>`)
	if s.LinkedID != "" {
		fmt.Fprintf(&b, `<LinkedID>%s</LinkedID>`, escape(s.LinkedID))
	}
	if !s.Expires.IsZero() {
		fmt.Fprintf(&b, `<ExpiryDate>%s</ExpiryDate>`, s.Expires.UTC().Format(time.RFC3339))
	}
	if s.Reports {
		b.WriteString(`<DeliveryReport>true</DeliveryReport>`)
	}
	if s.Subject != "" {
		fmt.Fprintf(&b, `<Subject>%s</Subject>`, escape(shorten(readable(s.Subject), 200)))
	}
	b.WriteString(`<Content href="cid:mm7-content" allowAdaptations="true"/></SubmitReq>`)
	return string(envelope(like, b.String()))
}

// addressElement names an address by its kind: a number of up to six digits without "+" is a short code.
func addressElement(s string) string {
	a := ParseAddress(s)
	switch {
	case a.Kind == Email:
		return "<RFC2822Address>" + escape(a.Value) + "</RFC2822Address>"
	case len(a.Value) <= 6 && !strings.HasPrefix(a.Value, "+"):
		return "<ShortCode>" + escape(a.Value) + "</ShortCode>"
	}
	return "<Number>" + escape(a.Value) + "</Number>"
}

// presentation is a slide for each medium; the text goes with the first.
func (s *Submit) presentation() string {
	var b strings.Builder
	b.WriteString(`<smil><head><layout><root-layout width="100%" height="100%"/><region id="Image" left="0" top="0" width="100%" height="70%" fit="meet"/>` +
		`<region id="Text" left="0" top="70%" width="100%" height="30%" fit="scroll"/></layout></head><body>`)
	for n := range max(len(s.Media), 1) {
		b.WriteString(`<par dur="8000ms">`)
		if n < len(s.Media) {
			region := ` region="Image"`
			kind := smilKind(s.Media[n].Type)
			if kind == "audio" {
				region = ""
			}
			fmt.Fprintf(&b, `<%s src="%s"%s/>`, kind, escape(s.mediumName(n)), region)
		}
		if n == 0 && s.Text != "" {
			b.WriteString(`<text src="text.txt" region="Text"/>`)
		}
		b.WriteString(`</par>`)
	}
	b.WriteString(`</body></smil>`)
	return b.String()
}

func smilKind(typ string) string {
	switch kind, _, _ := strings.Cut(typ, "/"); kind {
	case "image":
		return "img"
	case "audio", "video", "text":
		return kind
	}
	return "ref"
}

// mediumName is the location of a medium: plain ASCII, which is all that old telephones read, and never twice the same.
func (s *Submit) mediumName(n int) string {
	plain := strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '.' || r == '-' || r == '_' {
			return r
		}
		return -1
	}, label(s.Media[n].Name))
	if len(plain) > 32 {
		plain = plain[len(plain)-32:]
	}
	return fmt.Sprintf("%d-%s", n+1, plain)
}

func writePart(b *strings.Builder, boundary, typ, id, location string, data []byte) {
	fmt.Fprintf(b, "--%s\r\nContent-Type: %s\r\nContent-ID: <%s>\r\nContent-Location: %s\r\nContent-Transfer-Encoding: base64\r\n\r\n", boundary, typ, id, location)
	encoded := base64.StdEncoding.EncodeToString(data)
	for len(encoded) > 76 {
		b.WriteString(encoded[:76] + "\r\n")
		encoded = encoded[76:]
	}
	b.WriteString(encoded + "\r\n")
}

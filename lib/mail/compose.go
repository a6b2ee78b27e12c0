package mail

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"net/mail"
	"strings"
	"unicode/utf8"

	"github.com/emersion/go-message"

	"parley/interaction"
)

// ComposeOptions are what a message does not say itself.
type ComposeOptions struct {
	Loop string // value of X-Parley-Loop on automatic mail, e.g. the installation's name; "yes" where it is empty
	HTML bool   // a text that has no HTML form gets one (see HTMLOf)
}

// Compose writes a message as it goes over the wire: lines end in CRLF, none is
// longer than 998 bytes, everything outside ASCII is encoded except in an
// address that itself is not ASCII (SMTPUTF8, RFC 6531). The same message
// always gives the same bytes. A value that cannot stand in a header (a line
// break, a NUL, an address that is none) is an invalid error that names the field.
func Compose(out interaction.Outbound, opts ComposeOptions) ([]byte, error) {
	if err := checkOutbound(out); err != nil {
		return nil, err
	}
	h, err := composeHeader(out, opts)
	if err != nil {
		return nil, err
	}
	if opts.HTML && out.HTML == "" && out.Text != "" {
		out.HTML = HTMLOf(out.Text)
	}
	var b bytes.Buffer
	if err := writeBody(&b, h, out); err != nil {
		return nil, fmt.Errorf("compose %s: %w", out.Key, err)
	}
	return b.Bytes(), nil
}

// NeedsSMTPUTF8 reports whether a message has an address that is not ASCII.
func NeedsSMTPUTF8(out interaction.Outbound) bool {
	addresses := append([]interaction.Address{out.From, {Address: out.Envelope}}, out.To...)
	addresses = append(addresses, out.Cc...)
	if out.ReplyTo != nil {
		addresses = append(addresses, *out.ReplyTo)
	}
	for _, a := range addresses {
		if !isASCII(a.Address) {
			return true
		}
	}
	return false
}

func isASCII(s string) bool {
	for i := range len(s) {
		if s[i] >= 0x80 {
			return false
		}
	}
	return true
}

// checkOutbound refuses what could not be sent honestly.
func checkOutbound(out interaction.Outbound) error {
	switch {
	case out.Key == "":
		return interaction.Invalid("no_key", "key", "a message needs its ledger key")
	case len(out.To)+len(out.Cc) == 0:
		return interaction.Invalid("no_recipient", "to", "a message needs a recipient")
	case out.Date.IsZero():
		return interaction.Invalid("no_date", "date", "a message needs its date")
	case out.Text == "" && out.HTML == "" && len(out.Attachments) == 0:
		return interaction.Invalid("no_text", "text", "a message needs a text")
	case !utf8.ValidString(out.Text) || strings.ContainsRune(out.Text, 0):
		return interaction.Invalid("bad_text", "text", "the text is not valid UTF-8 or has a NUL byte")
	case !utf8.ValidString(out.HTML) || strings.ContainsRune(out.HTML, 0):
		return interaction.Invalid("bad_text", "html", "the HTML is not valid UTF-8 or has a NUL byte")
	}
	if out.Envelope != "" {
		return checkAddress("envelope", out.Envelope)
	}
	return nil
}

// composeHeader makes the top-level fields, in the order in which they are written.
func composeHeader(out interaction.Outbound, opts ComposeOptions) (*message.Header, error) {
	w := fieldWriter{}
	w.plain("Date", out.Date.Format("Mon, 02 Jan 2006 15:04:05 -0700"))
	w.id("Message-ID", "messageId", out.MessageID)
	w.addresses("From", "from", out.From)
	if out.ReplyTo != nil {
		w.addresses("Reply-To", "replyTo", *out.ReplyTo)
	}
	w.addresses("To", "to", out.To...)
	w.addresses("Cc", "cc", out.Cc...)
	w.text("Subject", "subject", out.Subject)
	if out.InReplyTo != "" {
		w.id("In-Reply-To", "inReplyTo", out.InReplyTo)
	}
	w.references(out.References)
	if out.Automatic {
		loop := opts.Loop
		if loop == "" {
			loop = "yes"
		}
		w.plain("Auto-Submitted", "auto-replied")
		w.plain("X-Auto-Response-Suppress", "All")
		w.plain("Precedence", "bulk")
		w.text(LoopHeader, "loop", loop)
	}
	w.plain("MIME-Version", "1.0")
	return w.header()
}

// writeBody writes header and body: text, text and HTML as alternatives, and the attachments around them.
func writeBody(b *bytes.Buffer, h *message.Header, out interaction.Outbound) error {
	if len(out.Attachments) == 0 {
		return writeEntity(b, nil, h, content(out))
	}
	mixed := entity{kind: "multipart/mixed", boundary: boundary(out.Key, "mixed"), parts: []entity{content(out)}}
	for i, a := range out.Attachments {
		part, err := attachment(i, a)
		if err != nil {
			return err
		}
		mixed.parts = append(mixed.parts, part)
	}
	return writeEntity(b, nil, h, mixed)
}

// entity is one MIME part before it is written.
type entity struct {
	kind     string // media type
	params   map[string]string
	boundary string // of a multipart
	name     string // of an attachment
	encoding string
	data     []byte
	parts    []entity
}

// content is what a person reads.
func content(out interaction.Outbound) entity {
	plain := textEntity("text/plain", out.Text)
	switch {
	case out.HTML == "":
		return plain
	case out.Text == "":
		plain = textEntity("text/plain", HTMLToText(out.HTML))
	}
	return entity{
		kind: "multipart/alternative", boundary: boundary(out.Key, "alternative"),
		parts: []entity{plain, textEntity("text/html", out.HTML)},
	}
}

func textEntity(kind, s string) entity {
	s = strings.TrimRight(lines(s), "\n") + "\n"
	return entity{kind: kind, params: map[string]string{"charset": "utf-8"}, encoding: "quoted-printable", data: []byte(strings.ReplaceAll(s, "\n", "\r\n"))}
}

func attachment(i int, a interaction.Attachment) (entity, error) {
	field := fmt.Sprintf("attachments[%d]", i)
	kind, params := attachedType(a.Type)
	if !mediaType.MatchString(kind) || strings.HasPrefix(kind, "multipart/") || strings.HasPrefix(kind, "message/") {
		return entity{}, interaction.Invalid("bad_type", field+".type", "is not a media type that can be attached")
	}
	if err := checkLine(field+".name", a.Name); err != nil {
		return entity{}, err
	}
	if len(a.Name) > 255 {
		return entity{}, interaction.Invalid("too_long", field+".name", "is longer than 255 bytes")
	}
	name := a.Name
	if name == "" {
		name = fmt.Sprintf("attachment-%d", i+1)
	}
	return entity{kind: kind, params: params, name: name, encoding: "base64", data: a.Data}, nil
}

// attachedType parts a media type from its parameters, of which only UTF-8 as a charset is kept: other charsets are told by the file itself.
func attachedType(given string) (kind string, params map[string]string) {
	kind, rest, _ := strings.Cut(given, ";")
	kind = strings.ToLower(strings.TrimSpace(kind))
	if kind == "" {
		kind = "application/octet-stream"
	}
	if strings.EqualFold(strings.TrimSpace(rest), "charset=utf-8") {
		params = map[string]string{"charset": "utf-8"}
	}
	return kind, params
}

// writeEntity writes e with the fields of h before its own. Parts of a multipart are written into parent.
func writeEntity(b io.Writer, parent *message.Writer, h *message.Header, e entity) error {
	params := map[string]string{}
	for k, v := range e.params {
		params[k] = v
	}
	if e.boundary != "" {
		params["boundary"] = e.boundary
	}
	h.SetContentType(e.kind, params)
	if e.encoding != "" {
		h.Set("Content-Transfer-Encoding", e.encoding)
	}
	if e.name != "" {
		h.SetContentDisposition("attachment", map[string]string{"filename": e.name})
	}
	var w *message.Writer
	var err error
	if parent == nil {
		w, err = message.CreateWriter(b, *h)
	} else {
		w, err = parent.CreatePart(*h)
	}
	if err != nil {
		return fmt.Errorf("write %s: %w", e.kind, err)
	}
	if _, err := w.Write(e.data); e.boundary == "" && err != nil {
		return fmt.Errorf("write %s: %w", e.kind, err)
	}
	for _, p := range e.parts {
		if err := writeEntity(b, w, &message.Header{}, p); err != nil {
			return err
		}
	}
	if err := w.Close(); err != nil {
		return fmt.Errorf("write %s: %w", e.kind, err)
	}
	return nil
}

// boundary is always the same for a key; "=_" cannot stand in quoted-printable or base64, so no content can hold it.
func boundary(key, which string) string {
	sum := sha256.Sum256([]byte(which + "\x00" + key))
	return "=_" + hex.EncodeToString(sum[:15])
}

// checkAddress refuses what is not one plain address.
func checkAddress(field, address string) error {
	if err := checkLine(field, address); err != nil {
		return err
	}
	a, err := mail.ParseAddress("<" + address + ">")
	if err != nil || len(address) > 320 || strings.ContainsAny(address, "<> \t") || a.Address == "" {
		return interaction.Invalid("bad_address", field, "is not an email address")
	}
	return nil
}

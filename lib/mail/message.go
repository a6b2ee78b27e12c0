package mail

import (
	"bytes"
	"fmt"
	"strings"
	"time"

	"parley/interaction"
)

// Limits of what Parse unfolds. A message beyond the first two is kept raw.
const (
	maxParts    = 1000      // parts in all
	maxDepth    = 50        // multiparts and messages inside each other
	maxFields   = 2000      // header fields of one part that are looked at
	maxValue    = 256 << 10 // bytes of one header value that are decoded
	maxIDs      = 200       // message ids kept of References and In-Reply-To
	maxAddrs    = 1000      // addresses kept of one address field
	maxText     = 4 << 20   // bytes of the text view, of the HTML, and of one text part
	maxProblems = 50        // lines of Problems
)

// TextFrom says where a message's text view comes from.
type TextFrom string

// The sources of a text view.
const (
	TextPlain TextFrom = "plain" // text/plain parts
	TextHTML  TextFrom = "html"  // made from HTML parts
	TextRaw   TextFrom = "raw"   // the body as it came: the structure was not understood
	TextNone  TextFrom = "none"  // there is no text; Text is empty

	TextTNEF     TextFrom = "tnef"     // the body in winmail.dat
	TextCalendar TextFrom = "calendar" // the fields of an invitation
)

// Message is what a mail says. All its strings are valid UTF-8 without NUL
// bytes, and no header value holds a line break.
type Message struct {
	From, To, Cc, ReplyTo, Sender []interaction.Address

	// SenderVerified is true only where exactly one From field names exactly
	// one address (RFC 5322 section 3.6.2 without its rarer forms). Everything
	// else could show one sender to people and another to checks.
	SenderVerified bool

	Subject    string
	Date       time.Time // zero where it is missing or cannot be read
	MessageID  string    // without angle brackets
	InReplyTo  []string  // message ids without angle brackets
	References []string  // oldest first

	Headers []Field // all top-level fields in order, values decoded
	Type    string  // media type of the whole, e.g. "multipart/mixed"
	Report  string  // report-type of a multipart/report (RFC 6522), e.g. "delivery-status"

	Text      string   // the text view; empty only with TextNone
	TextFrom  TextFrom // where Text comes from
	HTML      string   // the HTML as it came: never show it without CleanHTML
	ReplyText string   // what is new in Text: without quoted parts and signature

	Attachments []Attachment
	Problems    []string // what was wrong with the message, for people

	written      map[string][]interaction.Address // of the address fields, those without an address too
	bounces      []Bounce
	returned     Returned
	reportParts  []string // types of the message/… parts of a report, outside any message inside
	holdsMessage bool     // a message came inside
	inside       bool     // this one is inside another
}

// Field is one header field.
type Field struct {
	Name  string // as it was spelled
	Value string // unfolded and decoded (RFC 2047)
}

// Attachment is one part that is not the text. Its bytes are not kept here; Part extracts them.
type Attachment struct {
	Part      int    // index for Part
	Name      string // last element of the name given, never a path; may be empty
	Type      string // media type as declared
	Size      int64  // bytes after decoding
	SHA256    [32]byte
	Inline    bool   // shown within the HTML (Content-Disposition inline, or a Content-ID inside multipart/related)
	ContentID string // without angle brackets
	Damaged   bool   // its transfer encoding is broken; the bytes are what could be read
}

// Parse reads a message. It never fails: a message that cannot be understood
// has Problems and its raw text as Text.
func Parse(raw []byte) (m *Message) {
	m = &Message{}
	defer func() {
		if trouble := recover(); trouble != nil {
			m = &Message{Problems: []string{fmt.Sprintf("kept raw: the parser gave up: %v", trouble)}}
			m.keepRaw(raw)
		}
	}()
	m.parse(raw)
	return m
}

// Get gives the first header field of that name, in any case; empty where there is none.
func (m *Message) Get(name string) string {
	for _, f := range m.Headers {
		if strings.EqualFold(f.Name, name) {
			return f.Value
		}
	}
	return ""
}

// Written gives the mailboxes of an address field (From, To, Cc, Reply-To, Sender) as they
// were written: with those that are a name alone, which nobody can write to.
func (m *Message) Written(field string) []interaction.Address { return m.written[field] }

// Values gives all header fields of that name, in any case.
func (m *Message) Values(name string) []string {
	var values []string
	for _, f := range m.Headers {
		if strings.EqualFold(f.Name, name) {
			values = append(values, f.Value)
		}
	}
	return values
}

func (m *Message) parse(raw []byte) {
	src, problems := clean(raw)
	m.problem(problems...)
	root, err := split(src)
	m.readHeader(root)
	if err != nil {
		m.problem("kept raw: " + err.Error())
		m.keepRaw(root.body)
		return
	}
	m.view(root)
	said, _ := cutUU([]byte(m.Text))
	if m.TextFrom == TextHTML {
		m.ReplyText = htmlReply(m.HTML, string(said), m.From)
	} else {
		m.ReplyText = replyText(string(said), m.From)
	}
	m.findBounces(root)
}

// readHeader fills everything that comes from the top-level header.
func (m *Message) readHeader(root *part) {
	for _, f := range root.header {
		m.Headers = append(m.Headers, Field{Name: text(f.name), Value: decodeValue(f.value)})
	}
	m.written = map[string][]interaction.Address{}
	for name, list := range map[string]*[]interaction.Address{"From": &m.From, "To": &m.To, "Cc": &m.Cc, "Reply-To": &m.ReplyTo, "Sender": &m.Sender} {
		m.written[name] = mailboxes(root.header, name)
		*list = reachable(m.written[name])
	}
	m.SenderVerified = len(root.header.all("From")) == 1 && len(m.From) == 1 && strings.Contains(m.From[0].Address, "@")
	if !m.SenderVerified {
		m.problem("the sender cannot be trusted: not exactly one From field with one address")
	}
	m.Subject = m.Get("Subject")
	m.MessageID = firstID(root.header)
	m.InReplyTo = messageIDs(m.Values("In-Reply-To"))
	m.References = messageIDs(m.Values("References"))
	m.Type = root.media.typ
	if root.media.typ == "multipart/report" {
		m.Report = strings.ToLower(root.media.params["report-type"])
	}
	if date := m.Get("Date"); date != "" {
		at, ok := parseDate(date)
		if !ok {
			m.problem("the date cannot be read")
		}
		m.Date = at
	}
}

// keepRaw takes the bytes as they are as the text, cut to what a person would read.
func (m *Message) keepRaw(body []byte) {
	const shown = 256 << 10
	if len(body) > shown {
		body = body[:shown]
		m.problem("the text is cut: the message is longer")
	}
	m.Text, m.TextFrom = strings.TrimRight(lines(text(body)), "\n"), TextRaw
	if strings.TrimSpace(m.Text) == "" {
		m.Text, m.TextFrom = "", TextNone
	}
	m.ReplyText = m.Text
}

func (m *Message) problem(lines ...string) {
	for _, line := range lines {
		if len(m.Problems) < maxProblems {
			m.Problems = append(m.Problems, line)
		}
	}
}

// text makes a valid UTF-8 string without NUL from bytes of no declared charset.
func text[T string | []byte](b T) string {
	s, _ := decodeCharset("", []byte(b))
	return s
}

// lines makes every kind of line end a single LF.
func lines(s string) string {
	if !strings.Contains(s, "\r") {
		return s
	}
	return strings.ReplaceAll(strings.ReplaceAll(s, "\r\n", "\n"), "\r", "\n")
}

// clipped gives at most n bytes of b, so that appending copies.
func clipped(b []byte, n int) []byte { return b[:min(n, len(b)):min(n, len(b))] }

var crlf, lf = []byte("\r\n"), []byte("\n")

// hasLF is false for the rare message that uses bare CR as line end.
func hasLF(b []byte) bool { return bytes.IndexByte(b, '\n') >= 0 }

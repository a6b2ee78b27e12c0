package mms

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Kind names what a document is: the element in the SOAP body (TS 23.140 clause 8.7.1), Fault, or what a file is that is no SOAP.
type Kind string

// The kinds that are read. Other elements of MM7 keep their own name.
const (
	DeliverReq        Kind = "DeliverReq"
	DeliverRsp        Kind = "DeliverRsp"
	SubmitReq         Kind = "SubmitReq"
	SubmitRsp         Kind = "SubmitRsp"
	DeliveryReportReq Kind = "DeliveryReportReq"
	ReadReplyReq      Kind = "ReadReplyReq"
	ErrorRsp          Kind = "RSErrorRsp"
	Fault             Kind = "Fault"
	Presentation      Kind = "smil"    // a bare presentation
	Unreadable        Kind = "unknown" // neither SOAP nor SMIL
)

// Problems of a message.
const (
	ProblemEnvelope    = "no_soap_envelope"
	ProblemXML         = "soap_not_well_formed"
	ProblemStart       = "start_names_no_part"
	ProblemContent     = "content_names_no_part"
	ProblemNoContent   = "no_content"
	ProblemNoSender    = "no_sender"
	ProblemHidden      = "sender_hidden"
	ProblemType        = "type_differs_from_content" // of some part; the part says more
	ProblemDamaged     = "transfer_encoding_damaged"
	ProblemCharset     = "charset_not_sure"
	ProblemNoLayout    = "no_presentation" // parts are shown in order of arrival
	ProblemLength      = "content_length_differs"
	ProblemSameID      = "content_id_twice"
	ProblemUnplaced    = "parts_on_no_slide" // shown behind the slides, in order of arrival
	ProblemMailHTTP    = "http_header_incomplete"
	ProblemTimestamp   = "timestamp_not_readable"
	ProblemGaveUp      = "kept_raw" // the same word as the house's
	ProblemPartsNested = "parts_nested_too_deep"
)

// Message is one MM7 document with its parts. All strings are valid UTF-8 without control characters, but for texts of parts.
type Message struct {
	Kind        Kind
	Transaction string // TransactionID, which an answer repeats
	Namespace   string // of MM7 as the other side writes it
	Version     string // MM7Version
	VASP, VAS   string // VASPID and VASID
	Relay       string // MMSRelayServerID
	LinkedID    string
	MessageID   string
	Sender      Address // zero where there is none
	Recipients  []Address
	Subject     string
	Sent        time.Time // TimeStamp
	Expires     time.Time // ExpiryDate, where it is a moment
	Deliver     time.Time // EarliestDeliveryTime
	Priority    string
	Status      Status // of an answer, a report or a fault

	Parts    []Part
	Slides   []Slide // empty without a presentation: parts are shown in order then
	Layout   int     // index of the presentation in Parts; -1 without
	Problems []string

	lengthWrong bool
}

// Status is what an answer, a report or a fault says.
type Status struct {
	Code   int    `json:"code,omitempty"`
	Text   string `json:"text,omitempty"`
	State  string `json:"state,omitempty"` // MMStatus of a report, e.g. Retrieved, Expired, Read
	Detail string `json:"detail,omitempty"`
}

// Part is one medium.
type Part struct {
	Number    int    // index in Message.Parts
	Type      string // as declared, lower case
	Sniffed   string // what the bytes are, where they tell something else
	Name      string // a label without path; may be empty
	ContentID string // without angle brackets
	Location  string // Content-Location as a label
	Size      int64  // bytes after decoding
	SHA256    [32]byte
	Text      string // of a text part, in UTF-8
	IsText    bool
	Charset   string // as declared
	Slides    []int  // numbers of the slides that show it
	Problems  []string

	Data []byte // decoded; may be a slice of what was parsed
}

// Hash is the SHA-256 in hexadecimal digits.
func (p *Part) Hash() string { return hex.EncodeToString(p.SHA256[:]) }

// Media is the type that the part is handled as: what its bytes are, where that is known, otherwise what it says.
func (p *Part) Media() string {
	if p.Sniffed != "" {
		return p.Sniffed
	}
	return p.Type
}

// LengthWrong reports whether a Content-Length stood with the input and was not its length.
func (m *Message) LengthWrong() bool { return m.lengthWrong }

// Identity is what makes two posts the same message, whatever boundary, transaction or order of fields a repeat has: the centre's own name for it
// and its content.
func (m *Message) Identity() string {
	id := m.LinkedID
	if id == "" {
		id = m.MessageID
	}
	if id == "" {
		id = m.Transaction
	}
	said := fmt.Appendf(nil, "%q %q %q %q %q", m.Kind, id, m.Sender.Value, m.Subject, m.Sent.UTC().Format(time.RFC3339Nano))
	said = fmt.Appendf(said, " %d %q", m.Status.Code, m.Status.State)
	for _, to := range m.Recipients {
		said = fmt.Appendf(said, " %q", to.Value)
	}
	for _, p := range m.Parts {
		said = fmt.Appendf(said, " %x", p.SHA256)
	}
	sum := sha256.Sum256(said)
	return hex.EncodeToString(sum[:])
}

// Parse reads a POST or an answer: with an HTTP header, with the header of a MIME entity, or bare. It never fails; what cannot be read leaves a
// Message with Problems and the parts that could be read.
func Parse(raw []byte) (m *Message) {
	m = &Message{Kind: Unreadable, Layout: -1}
	defer func() {
		if trouble := recover(); trouble != nil {
			note(&m.Problems, ProblemGaveUp)
		}
	}()
	m.parse(raw)
	return m
}

func (m *Message) parse(raw []byte) {
	e := m.outer(raw)
	s := &splitter{problems: &m.Problems}
	if strings.HasPrefix(e.media.typ, "multipart/") {
		s.split(e, 0)
	}
	var rest []*entity
	envelope := e
	if len(e.parts) > 0 {
		envelope = m.pickEnvelope(e)
		for _, p := range e.parts {
			if p != envelope {
				rest = append(rest, p)
			}
		}
	}
	var href string
	if envelope != nil {
		b, _ := envelope.decoded()
		switch {
		case Sniff(b) == "application/smil" && len(e.parts) == 0:
			m.bareSMIL(b)
			return
		case looksLikeXML(b):
			href = m.envelope(b)
		default:
			note(&m.Problems, ProblemEnvelope)
			rest = append([]*entity{envelope}, rest...)
		}
	} else {
		note(&m.Problems, ProblemEnvelope)
	}
	if m.Kind == Unreadable && len(rest) == 1 && len(rest[0].header) == 0 && len(bytes.TrimSpace(rest[0].body)) == 0 {
		rest = nil
	}
	m.content(rest, href)
	m.judge(href)
}

// outer takes off what HTTP puts around a document, and guesses at what is missing there.
func (m *Message) outer(raw []byte) *entity {
	b := bytes.TrimPrefix(raw, []byte("\xef\xbb\xbf"))
	if line, rest := cutLine(b); bytes.HasPrefix(line, []byte("HTTP/")) || bytes.Contains(line, []byte(" HTTP/1")) || bytes.HasSuffix(line, []byte(" HTTP/2")) {
		b = rest
	}
	trimmed := bytes.TrimLeft(b, " \t\r\n")
	e := &entity{body: b}
	if !bytes.HasPrefix(trimmed, []byte("--")) && !bytes.HasPrefix(trimmed, []byte("<")) {
		if with := readEntity(b); len(with.header) > 0 {
			e = with
		}
	}
	if strings.EqualFold(e.get("Transfer-Encoding"), "chunked") {
		e.body = unchunk(e.body)
	}
	if declared, err := strconv.Atoi(e.get("Content-Length")); err == nil && declared != len(e.body) {
		m.lengthWrong = true
		note(&m.Problems, ProblemLength)
	}
	if !strings.HasPrefix(e.media.typ, "multipart/") && firstBoundary(e.body) != "" {
		if e.media.params == nil {
			e.media.params = map[string]string{}
		}
		if len(e.header) > 0 {
			note(&m.Problems, ProblemMailHTTP)
		}
		e.media.typ, e.media.params["boundary"] = "multipart/related", firstBoundary(e.body)
	}
	return e
}

// unchunk joins the chunks of HTTP/1.1 (RFC 9112 section 7.1); what is none is left.
func unchunk(b []byte) []byte {
	var out []byte
	for rest := b; ; {
		line, after := cutLine(rest)
		size, _, _ := strings.Cut(string(line), ";")
		n, err := strconv.ParseInt(strings.TrimSpace(size), 16, 32)
		if err != nil || n < 0 || int(n) > len(after) {
			if out == nil {
				return b
			}
			return append(out, rest...)
		}
		if n == 0 {
			return out
		}
		out = append(out, after[:n]...)
		rest = bytes.TrimPrefix(bytes.TrimPrefix(after[n:], []byte("\r")), []byte("\n"))
	}
}

// pickEnvelope finds the part with the SOAP envelope: what start names, else the first that is XML with one.
func (m *Message) pickEnvelope(e *entity) *entity {
	if start := contentID(e.media.params["start"]); start != "" {
		for _, p := range e.parts {
			if contentID(p.get("Content-ID")) == start {
				return p
			}
		}
		note(&m.Problems, ProblemStart)
	}
	for _, p := range e.parts {
		if b, _ := p.decoded(); looksLikeXML(b) && bytes.Contains(b, []byte("Envelope")) {
			return p
		}
	}
	for _, p := range e.parts {
		if b, _ := p.decoded(); p.media.typ == "text/xml" || p.media.typ == "application/soap+xml" && looksLikeXML(b) {
			return p
		}
	}
	return nil
}

func contentID(s string) string {
	return strings.Trim(strings.TrimSpace(readable(s)), "<> ")
}

func (m *Message) bareSMIL(b []byte) {
	m.Kind = Presentation
	m.Slides, m.Problems = ParseSMIL(b)
	m.Parts = []Part{{Type: "application/smil", Size: int64(len(b)), SHA256: sha256.Sum256(b), Data: b}}
	m.Layout = 0
}

// content makes parts of the entities behind the envelope: those that href names first where several stand side by side.
func (m *Message) content(rest []*entity, href string) {
	target := refer(href)
	for _, e := range rest {
		m.collect(e)
	}
	if href != "" && target.id != "" {
		found := false
		for _, e := range rest {
			id := contentID(e.get("Content-ID"))
			found = found || id != "" && strings.EqualFold(id, target.id) || strings.EqualFold(contentID(e.get("Content-Location")), target.id)
		}
		if !found && len(rest) > 0 {
			note(&m.Problems, ProblemContent)
		}
	}
	m.present(rest)
}

func (m *Message) collect(e *entity) {
	if len(e.parts) > 0 || strings.HasPrefix(e.media.typ, "multipart/") && len(bytes.TrimSpace(e.body)) == 0 {
		for _, p := range e.parts {
			m.collect(p)
		}
		return
	}
	m.Parts = append(m.Parts, partOf(e, len(m.Parts)))
}

// partOf reads one medium.
func partOf(e *entity, number int) Part {
	b, whole := e.decoded()
	p := Part{
		Number: number, Type: shorten(readable(e.media.typ), 200), ContentID: shorten(contentID(e.get("Content-ID")), 500), Location: label(e.get("Content-Location")),
		Charset: shorten(readable(e.media.params["charset"]), 60), Size: int64(len(b)), SHA256: sha256.Sum256(b), Data: b,
	}
	for _, name := range []string{
		e.media.params["name"], parseMedia(e.get("Content-Disposition")).params["filename"], e.get("Content-Location"),
	} {
		if p.Name == "" && name != "" {
			p.Name = label(name)
		}
	}
	if !whole {
		p.Problems = append(p.Problems, ProblemDamaged)
	}
	found := Sniff(b)
	switch {
	case p.Type == "" && found != "":
		p.Type = found
	case p.Type == "":
		p.Type = "application/octet-stream"
		if plain, sure := decodeText("", b); sure && len(b) > 0 && !strings.ContainsRune(plain, '\uFFFD') {
			p.Type = "text/plain"
		}
	case p.Type == "text/plain" && found != "" && strings.HasPrefix(found, "text/"): // people write what looks like HTML
	case !sameKind(p.Type, found):
		p.Sniffed = found
		p.Problems = append(p.Problems, ProblemType)
	case p.Type == "application/octet-stream" && found != "":
		p.Sniffed = found
	}
	if strings.HasPrefix(p.Type, "text/plain") || p.Type == "text" {
		text, sure := decodeText(p.Charset, b)
		if !sure {
			p.Problems = append(p.Problems, ProblemCharset)
		}
		p.IsText, p.Text = true, strings.ReplaceAll(strings.ReplaceAll(text, "\r\n", "\n"), "\r", "\n")
	}
	return p
}

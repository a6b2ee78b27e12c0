package mail

import (
	"regexp"
	"slices"
	"strings"

	"parley/lib/mail/bounce"
)

// maxBounces bounds the recipients of one report that are told apart.
const maxBounces = 200

// Bounce is what a report tells about one recipient of a mail of ours.
type Bounce struct {
	Reason    bounce.Reason
	Hard      bool   // a further mail to the address is pointless
	Action    string // "failed", "delayed", "delivered", "relayed" or "expanded" (RFC 3464 section 2.3.3), "feedback" or "vacation"
	Status    string // enhanced status code (RFC 3463), e.g. "5.1.1"; may be empty
	Code      string // SMTP reply code, e.g. "550"; may be empty
	Recipient string // the address that the mail was for; may be empty
	Text      string // what the server said, in one line, cut to 500 bytes
}

// Bounces reads a delivery report, whatever its form, a complaint or an automatic
// answer: one entry a recipient, in the order of the report. It is empty for all
// other mail, such as that of a person who quotes or forwards a report.
func (m *Message) Bounces() []Bounce {
	return m.bounces
}

// Returned names the mail that a report, a receipt or a complaint is about.
// All fields are empty where the report does not tell.
func (m *Message) Returned() Returned { return m.returned }

// Returned is what is known of the mail that a report is about.
type Returned struct {
	MessageID  string `json:"message_id"`            // without angle brackets
	EnvelopeID string `json:"envelope_id,omitempty"` // ENVID of RFC 3461
	To         string `json:"to"`                    // the first address of its To field
	From       string `json:"from"`
	Subject    string `json:"subject"`
}

// findBounces fills what Bounces and Returned give.
func (m *Message) findBounces(root *part) {
	r := reading{m: m}
	root.walk(r.part)
	m.holdsMessage = len(r.returned) > 0
	r.likely = m.looksLikeReport()
	m.returned = r.original()
	if sesNotices.MatchString(m.Text) {
		if m.bounces = fromSES(r.said()); len(m.bounces) > 0 {
			return
		}
	}
	switch {
	case len(r.feedback) > 0:
		m.bounces = r.complaints()
	case r.isComplaint():
		m.bounces = []Bounce{complaint(m.returned.To, "abuse")}
	case isUnsubscribe(m):
		m.bounces = []Bounce{complaint(m.senderAddress(), "opt-out")}
	case !r.isReport() && !r.likely && isAutoAnswer(m):
		m.bounces = []Bounce{r.vacation()}
	default:
		m.bounces = r.failures()
	}
	if len(m.bounces) > maxBounces {
		m.bounces = m.bounces[:maxBounces]
		m.problem("the report names more recipients than are looked at")
	}
}

// reading is a report while it is read.
type reading struct {
	m        *Message
	likely   bool     // a program that moves mail wrote it
	texts    []*part  // what is written for people, outside the returned message
	status   []header // groups of delivery-status fields
	feedback []header // fields of feedback reports
	receipt  header   // fields of a disposition notification
	returned header   // header of the mail that came back
}

// part takes what a report's part has to say. A message inside counts as the
// mail that came back; nothing in it is part of the report.
func (r *reading) part(p *part) bool {
	typ := p.media.typ
	if strings.HasPrefix(typ, "message/") && !isReturnedHeader(typ) {
		r.m.reportParts = append(r.m.reportParts, typ)
	}
	switch {
	case isReturnedHeader(typ):
		r.takeReturned(p)
		return false
	case typ == "message/delivery-status" || typ == "message/global-delivery-status" || typ == "message/delivery-report":
		r.status = append(r.status, fieldGroups(decoded(p))...)
	case typ == "message/feedback-report":
		r.feedback = append(r.feedback, fieldGroups(decoded(p))...)
	case typ == "message/disposition-notification" || typ == "message/global-disposition-notification":
		for _, group := range fieldGroups(decoded(p)) {
			r.receipt = append(r.receipt, group...)
		}
	case strings.HasPrefix(typ, "multipart/") && len(p.children) > 0:
	case strings.HasPrefix(typ, "multipart/") || (typ == "text/plain" || typ == "text/html" || typ == "text") && p.dispo.typ != "attachment":
		r.texts = append(r.texts, p)
	case strings.HasPrefix(typ, "text/") && looksReturned(p.body):
		r.takeReturned(p)
	}
	return true
}

func isReturnedHeader(typ string) bool {
	return typ == "message/rfc822" || typ == "message/global" || typ == "text/rfc822-headers" || typ == "text/rfc822" || typ == "message/rfc822-headers" || typ == "message/global-headers" || typ == "message/partial"
}

func (r *reading) takeReturned(p *part) {
	if len(r.returned) > 0 {
		return
	}
	if len(p.children) > 0 {
		r.returned = p.children[0].header
		return
	}
	r.returned = headerOf(decoded(p))
}

// looksReturned reports whether a text begins with the header of a mail.
func looksReturned(body []byte) bool {
	h := headerOf(body)
	return len(h) > 2 && (h.get("Received") != "" || h.get("Return-Path") != "" || h.get("Message-Id") != "")
}

// isReport reports whether a part says by its type that this is a report.
func (r *reading) isReport() bool { return len(r.status) > 0 }

func decoded(p *part) []byte {
	data, _ := decodeBody(p)
	return data[:min(len(data), maxText)]
}

// said is the text for people, of all parts.
func (r *reading) said() string {
	pieces := make([]string, 0, len(r.texts))
	for _, p := range r.texts {
		pieces = append(pieces, readable(p))
	}
	return strings.Join(pieces, "\n")
}

// readable gives the text of a part, whatever form it is in.
func readable(p *part) string {
	s, _ := decodeCharset(p.media.params["charset"], decoded(p))
	if p.media.typ == "text/html" {
		return HTMLToText(s)
	}
	return lines(s)
}

// headerOf reads the fields at the beginning of a text.
func headerOf(b []byte) header {
	src, _ := clean(b)
	s := &splitter{src: src, levels: map[string][]int{}}
	return s.open("text/plain", "").header
}

// fieldGroups reads groups of header fields with empty lines between them (RFC 3464 section 2.1).
func fieldGroups(b []byte) (groups []header) {
	var h header
	for len(b) > 0 && len(groups) <= maxBounces {
		var line []byte
		line, b = cutLine(b)
		if len(strings.TrimSpace(string(line))) == 0 {
			if len(h) > 0 {
				groups, h = append(groups, h), nil
			}
			continue
		}
		h.add(line)
	}
	if len(h) > 0 {
		groups = append(groups, h)
	}
	return groups
}

// original names the mail that this is about.
func (r *reading) original() (o Returned) {
	h := r.returned
	if len(h) == 0 && r.likely {
		_, after := cutOriginal(r.said())
		h = headerOf([]byte(strings.TrimLeft(after, "\n \t")))
	}
	if len(h) > 0 {
		o.MessageID, o.Subject = firstID(h), decodeValue([]byte(h.get("Subject")))
		o.To, o.From = firstAddress(h, "To"), firstAddress(h, "From")
	}
	for _, group := range append(append([]header{r.receipt}, r.status...), r.feedback...) {
		if id := group.get("Original-Message-Id"); id != "" && o.MessageID == "" {
			o.MessageID = strings.Trim(id, "<> ")
		}
		if id := group.get("Original-Envelope-Id"); id != "" && o.EnvelopeID == "" {
			o.EnvelopeID = oneLine(text(id))
		}
	}
	return o
}

func firstAddress(h header, name string) string {
	if list := addresses(h, name); len(list) > 0 {
		return list[0].Address
	}
	return ""
}

// complaints makes one entry an address that a feedback report names (RFC 5965 section 3.2).
func (r *reading) complaints() (list []Bounce) {
	for _, group := range r.feedback {
		kind := oneLine(text(group.get("Feedback-Type")))
		for _, name := range []string{"Original-Rcpt-To", "Removal-Recipient"} {
			for _, value := range group.all(name) {
				for _, a := range ParseAddresses(string(value)) {
					list = append(list, complaint(a.Address, kind))
				}
			}
			if len(list) > 0 {
				return list
			}
		}
	}
	kind := oneLine(text(r.feedback[0].get("Feedback-Type")))
	return append(list, complaint(r.m.returned.To, kind))
}

// complaintSubject is how providers title the complaints that they send in no standard form.
var complaintSubject = regexp.MustCompile(`(?i)^\s*(complaint about message from|abuse report|spam (report|complaint)|feedback loop|fbl report|email abuse report)\b`)

// isComplaint reports whether a provider sends back a mail of ours that somebody called spam.
func (r *reading) isComplaint() bool {
	return len(r.returned) > 0 && complaintSubject.MatchString(r.m.Subject) && !isAnswerSubject.MatchString(r.m.Subject)
}

// isUnsubscribe reports whether a mail program wants its user off a list (RFC 2369, List-Unsubscribe with mailto).
func isUnsubscribe(m *Message) bool {
	return strings.EqualFold(strings.TrimSpace(m.Subject), "unsubscribe") && byAutoHeader(m, false).Is
}

func (m *Message) senderAddress() string {
	if len(m.From) == 0 {
		return ""
	}
	return m.From[0].Address
}

func complaint(address, kind string) Bounce {
	return Bounce{Reason: bounce.Feedback, Action: "feedback", Recipient: address, Text: kind}
}

// vacation is the answer that a program gave for the one who was written to.
func (r *reading) vacation() Bounce {
	return Bounce{Reason: bounce.Vacation, Action: "vacation", Recipient: r.m.senderAddress(), Text: shorten(oneLine(r.m.Text), 500)}
}

// failures reads delivery reports: by RFC 3464 where there is one, else from the words.
func (r *reading) failures() []Bounce {
	if !r.isReport() && !r.likely {
		return nil
	}
	said, after := cutOriginal(r.said())
	if passedOn := r.passedOn(after); len(passedOn) > 0 {
		return passedOn
	}
	var list []Bounce
	for _, group := range r.status {
		if b, ok := fromGroup(group, r.status[0], said, len(r.status) <= 2); ok {
			list = append(list, b)
		}
	}
	if len(list) > 0 {
		return list
	}
	return r.fromWords(said)
}

// passedOn reads the report that a provider passes on inside the text of a notice of its own.
func (r *reading) passedOn(after string) []Bounce {
	if r.isReport() || r.m.inside || !strings.Contains(after, "message/delivery-status") {
		return nil
	}
	inner := &Message{inside: true}
	inner.parse([]byte(after))
	if !slices.Contains(inner.reportParts, "message/delivery-status") {
		return nil
	}
	return inner.bounces
}

var statusCode = regexp.MustCompile(`\b([245]\.\d{1,3}\.\d{1,3})\b`)

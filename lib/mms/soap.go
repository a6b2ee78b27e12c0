package mms

import (
	"bytes"
	"encoding/xml"
	"strconv"
	"strings"
	"time"
)

// envelope reads the SOAP envelope (SOAP 1.1 and 1.2, annex K of TS 23.140) and gives what Content names.
func (m *Message) envelope(b []byte) (href string) {
	root, err := readXML(b)
	if err != nil {
		note(&m.Problems, ProblemXML)
	}
	env := root.find("Envelope")
	if env == nil {
		note(&m.Problems, ProblemEnvelope)
		if root == nil {
			return ""
		}
		env = &node{children: []*node{{name: "Body", children: []*node{root}}}} // the element alone
	}
	m.Transaction = env.child("Header").value("TransactionID")
	body := env.child("Body")
	if body == nil || len(body.children) == 0 {
		if m.Kind == Unreadable {
			note(&m.Problems, ProblemEnvelope)
		}
		return ""
	}
	doc := body.children[0]
	m.Kind, m.Namespace = Kind(shorten(readable(doc.name), 60)), namespaceOf(b, doc.name)
	if doc.name == "Fault" {
		m.fault(doc)
		return ""
	}
	return m.document(doc)
}

func (m *Message) document(doc *node) (href string) {
	m.Version = doc.value("MM7Version")
	m.VASP, m.VAS = doc.value("VASPID"), doc.value("VASID")
	if id := doc.child("SenderIdentification"); id != nil { // SubmitReq has them one below
		m.VASP, m.VAS = id.value("VASPID"), id.value("VASID")
		if a := id.child("SenderAddress"); a != nil && len(a.children) > 0 {
			m.Sender = addressOf(a.children[0])
		}
	}
	m.Relay = doc.value("MMSRelayServerID")
	m.LinkedID, m.MessageID = doc.value("LinkedID"), doc.value("MessageID")
	m.Priority, m.Subject = doc.value("Priority"), doc.value("Subject")
	m.Sent, m.Expires, m.Deliver = m.moment(doc, "TimeStamp", "Date"), m.moment(doc, "ExpiryDate"), m.moment(doc, "EarliestDeliveryTime")
	if s := doc.child("Sender"); s != nil {
		m.Sender = oneAddress(s)
	}
	m.recipients(doc)
	m.Status = statusOf(doc)
	m.Status.State = doc.value("MMStatus")
	if text := doc.value("StatusText"); text != "" && m.Status.Text == "" {
		m.Status.Text = text
	}
	if content := doc.child("Content"); content != nil {
		return strings.TrimSpace(content.attrs["href"])
	}
	return ""
}

// oneAddress reads an element that holds an address element, or the address itself.
func oneAddress(n *node) Address {
	for _, c := range n.children {
		switch strings.ToLower(c.name) {
		case "number", "rfc2822address", "shortcode":
			return addressOf(c)
		}
	}
	return addressOf(n)
}

// recipients reads To, Cc and Bcc, within Recipients (requests) or alone (reports).
func (m *Message) recipients(doc *node) {
	const most = 1000
	for _, list := range []*node{doc.child("Recipients"), doc.child("Recipient")} {
		if list == nil {
			continue
		}
		for _, c := range list.children {
			field := strings.ToLower(c.name)
			switch field {
			case "to", "cc", "bcc":
				for _, a := range c.children {
					if len(m.Recipients) < most {
						to := addressOf(a)
						to.Field = field
						m.Recipients = append(m.Recipients, to)
					}
				}
				if len(c.children) == 0 && strings.TrimSpace(c.text) != "" && len(m.Recipients) < most {
					to := addressOf(c)
					to.Field = field
					m.Recipients = append(m.Recipients, to)
				}
			case "number", "rfc2822address", "shortcode":
				if len(m.Recipients) < most {
					to := addressOf(c)
					to.Field = "to"
					m.Recipients = append(m.Recipients, to)
				}
			}
		}
	}
}

func statusOf(n *node) Status {
	status := n.child("Status", "StatusCode")
	s := Status{}
	if status == nil {
		return s
	}
	code := status.value("StatusCode")
	if strings.EqualFold(status.name, "StatusCode") {
		code = strings.TrimSpace(status.text)
	}
	s.Code, _ = strconv.Atoi(code)
	s.Text = status.value("StatusText")
	if d := status.child("Details"); d != nil {
		s.Detail = shorten(readable(strings.Join(strings.Fields(textOf(d, 0)), " ")), 500)
	}
	return s
}

func textOf(n *node, depth int) string {
	s := n.text
	if depth < maxDepth {
		for _, c := range n.children {
			s += " " + textOf(c, depth+1)
		}
	}
	return s
}

// fault reads SOAP 1.1 (faultcode, faultstring, detail) and 1.2 (Code, Reason, Detail); an RSErrorRsp or VASPErrorRsp inside says more.
func (m *Message) fault(doc *node) {
	m.Status.Text = doc.value("faultstring")
	if m.Status.Text == "" {
		m.Status.Text = doc.child("Reason").value("Text")
	}
	detail := doc.child("detail")
	if detail == nil || len(detail.children) == 0 {
		return
	}
	inner := detail.children[0]
	m.Version = inner.value("MM7Version")
	status := statusOf(inner)
	m.Status.Code = status.Code
	if status.Text != "" {
		m.Status.Detail = m.Status.Text
		m.Status.Text = status.Text
	}
}

// moment reads a time of XML schema; a duration (ExpiryDate may be one) is none.
func (m *Message) moment(doc *node, names ...string) time.Time {
	s := doc.value(names...)
	if s == "" {
		return time.Time{}
	}
	for _, layout := range []string{time.RFC3339Nano, "2006-01-02T15:04:05.999999999", "2006-01-02T15:04:05.999999999Z0700", "2006-01-02T15:04Z07:00", "2006-01-02"} {
		if at, err := time.Parse(layout, s); err == nil && at.Year() > 1970 && at.Year() < 10000 {
			return at.UTC()
		}
	}
	if !strings.HasPrefix(strings.TrimPrefix(s, "-"), "P") {
		note(&m.Problems, ProblemTimestamp)
	}
	return time.Time{}
}

// namespaceOf finds the namespace of the first element of that name.
func namespaceOf(b []byte, name string) string {
	d := xml.NewDecoder(bytes.NewReader(b))
	d.CharsetReader = charsetReader
	for range maxNodes {
		t, err := d.Token()
		if err != nil {
			return ""
		}
		if s, ok := t.(xml.StartElement); ok && s.Name.Local == name {
			return shorten(readable(s.Name.Space), 200)
		}
	}
	return ""
}

package house

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/emersion/go-smtp"
)

// Mail is one mail of a customer.
type Mail struct {
	From, To string
	Subject  string
	ID       string // Message-ID without brackets; the same again is the same mail
	Text     string
	File     []byte // attached
	FileName string
}

// questions are of the kinds that people answer: no category with an automatic response, no rule that takes them for spam.
var questions = []string{
	"My parcel has not moved for four days according to the tracking page. Could you look where it is, please?",
	"Half of my order has come, is the other half on the way? I would like to have the garden table before the weekend.",
	"The website promised delivery on Thursday. Is that still going to happen? Somebody has to be at home for it.",
	"I would be grateful for information about the whereabouts of my consignment, ordered on the second of April.",
}

// Question is the n-th mail of a run: some 5 KiB, text and an attachment, from a customer of its own.
func Question(run string, n int, to string) Mail {
	text := questions[n%len(questions)]
	return Mail{
		From: fmt.Sprintf("customer-%s-%d@customers.example.test", run, n), To: to, Subject: fmt.Sprintf("Where is my parcel, run %s mail %d", run, n),
		ID:   fmt.Sprintf("%s.%d@customers.example.test", run, n),
		Text: strings.Repeat(text+"\r\n", 8), File: bytes.Repeat([]byte{0x89, 'P', 'N', 'G', byte(n), byte(n >> 8)}, 500), FileName: "photo.png",
	}
}

// Bytes is the mail as it goes over the wire.
func (m Mail) Bytes() []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, "From: %s\r\nTo: <%s>\r\nSubject: %s\r\nMessage-ID: <%s>\r\nDate: Mon, 02 Mar 2026 10:00:00 +0000\r\nMIME-Version: 1.0\r\n"+
		"Content-Type: multipart/mixed; boundary=part\r\n\r\n--part\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n%s\r\n", m.From, m.To, m.Subject, m.ID, m.Text)
	if m.File != nil {
		fmt.Fprintf(&b, "--part\r\nContent-Type: application/octet-stream\r\nContent-Disposition: attachment; filename=%q\r\nContent-Transfer-Encoding: base64\r\n\r\n", m.FileName)
		encoded := base64.StdEncoding.EncodeToString(m.File)
		for len(encoded) > 76 {
			b.WriteString(encoded[:76] + "\r\n")
			encoded = encoded[76:]
		}
		b.WriteString(encoded + "\r\n")
	}
	b.WriteString("--part--\r\n")
	return b.Bytes()
}

// Send delivers the mail in an SMTP session of its own; nil means that the server took it.
func Send(address string, m Mail) (err error) {
	c, err := smtp.Dial(address)
	if err != nil {
		return err
	}
	defer func() { _ = c.Close() }()
	c.CommandTimeout, c.SubmissionTimeout = 30*time.Second, time.Minute
	if err := c.Hello("customers.example.test"); err != nil {
		return err
	}
	from := m.From
	if _, inner, ok := strings.Cut(from, "<"); ok {
		from = strings.TrimSuffix(inner, ">")
	}
	if err := c.Mail(from, nil); err != nil {
		return err
	}
	if err := c.Rcpt(m.To, nil); err != nil {
		return err
	}
	w, err := c.Data()
	if err != nil {
		return err
	}
	if _, err := io.Copy(w, bytes.NewReader(m.Bytes())); err != nil {
		return err
	}
	if err := w.Close(); err != nil {
		return err
	}
	_ = c.Quit() // it has said yes; how it says goodbye changes nothing
	return nil
}

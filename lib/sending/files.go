package sending

import (
	"bytes"
	"fmt"
	"mime/multipart"
	"net/http"
	"net/textproto"
	"path"
	"strings"

	"parley/interaction"
)

// Message gives the recipient, the text and the files of a message for one recipient: words, files or both, of which there are at most count with most bytes each. The
// error tells its author what is in the way.
func Message(out interaction.Outbound, count, most int) (to, text string, files []interaction.Attachment, err error) {
	files = out.Attachments
	switch {
	case len(files) > count:
		return "", "", nil, fmt.Errorf("a message takes %d files here, not %d", count, len(files))
	case len(files) > 0 && len(out.To) == 1:
		to, text = out.To[0].Address, strings.TrimRight(out.Text, "\r\n ")
	default:
		to, text, err = Words(out)
	}
	for _, f := range files {
		switch {
		case len(f.Data) == 0:
			return "", "", nil, fmt.Errorf("the file %q is empty", f.Name)
		case len(f.Data) > most:
			return "", "", nil, fmt.Errorf("the file %q has %d bytes; at most %d may go here", f.Name, len(f.Data), most)
		}
	}
	return to, text, files, err
}

// TypeOf is what a file is by its bytes; where they do not tell, what it is called.
func TypeOf(f interaction.Attachment) string {
	kind, _, _ := strings.Cut(http.DetectContentType(f.Data), ";")
	if said, _, _ := strings.Cut(f.Type, ";"); said != "" && (kind == "application/octet-stream" || kind == "application/zip" || kind == "text/plain") {
		return strings.ToLower(strings.TrimSpace(said))
	}
	return kind
}

// Form is the body of a request that brings files (multipart/form-data, RFC 7578).
type Form struct {
	body  bytes.Buffer
	parts *multipart.Writer
}

// NewForm begins an empty one.
func NewForm() *Form {
	f := &Form{}
	f.parts = multipart.NewWriter(&f.body)
	return f
}

// Field adds a value.
func (f *Form) Field(name, value string) { _ = f.parts.WriteField(name, value) } // writing to memory does not fail

// File adds a file under a field's name, with the last element of its own.
func (f *Form) File(field string, file interaction.Attachment) {
	name := path.Base(strings.ReplaceAll(file.Name, `\`, "/"))
	if name == "." || name == "/" || name == ".." {
		name = "file"
	}
	header := textproto.MIMEHeader{}
	header.Set("Content-Disposition", multipart.FileContentDisposition(field, name))
	header.Set("Content-Type", TypeOf(file))
	w, err := f.parts.CreatePart(header)
	if err == nil {
		_, _ = w.Write(file.Data)
	}
}

// Body ends the form and gives its media type and its bytes.
func (f *Form) Body() (contentType string, body []byte) {
	_ = f.parts.Close()
	return f.parts.FormDataContentType(), f.body.Bytes()
}

// InParts sends a message that takes several requests, each of which the customer sees by itself. What becomes of the first one is the outcome, as long as the others are
// sent too. Where a later one is not, nobody but a person can say what the message is worth: the outcome is unknown, and its text says how far it came.
func InParts(parts ...func() interaction.Outcome) (whole interaction.Outcome) {
	for n, send := range parts {
		o := send()
		switch {
		case n == 0:
			whole = o
		case o.State != interaction.SendSent:
			text := o.Text
			if text == "" {
				text = o.Code
			}
			whole.State, whole.Code = interaction.SendUnknown, "in_part"
			whole.Text = fmt.Sprintf("%d of %d parts were taken; then: %s", n, len(parts), text)
		case o.ID != "":
			whole.Names = append(whole.Names, interaction.CarrierName{ID: o.ID})
		}
		if whole.State != interaction.SendSent {
			return whole
		}
	}
	return whole
}

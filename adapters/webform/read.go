package webform

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	netmail "net/mail"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"parley/interaction"
	"parley/lib/files"
	"parley/lib/mail"
)

// Limits of a form.
const (
	maxJSON   = 256 << 10
	maxBody   = 15 << 20 // with files
	maxFiles  = 5
	maxText   = 50_000 // characters
	maxFields = 20
)

// httpError is a failure that has a status of its own.
type httpError struct {
	status  int
	problem *interaction.Error
}

// Error gives the text for the log.
func (e *httpError) Error() string { return e.problem.Error() }

func bad(status int, code, field, format string, args ...any) error {
	return &httpError{status, &interaction.Error{Code: code, Field: field, Text: fmt.Sprintf(format, args...)}}
}

// wantsPage reports whether a browser sent the form itself and shows what is answered.
func wantsPage(r *http.Request) bool {
	return strings.HasPrefix(r.Header.Get("Accept"), "text/html")
}

// read reads a form as JSON, as multipart/form-data or as application/x-www-form-urlencoded.
func read(w http.ResponseWriter, r *http.Request) (*Form, error) {
	kind, params, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil {
		return nil, bad(http.StatusUnsupportedMediaType, "wrong_content_type", "", "send application/json or multipart/form-data")
	}
	if charset := params["charset"]; charset != "" && !strings.EqualFold(charset, "utf-8") {
		return nil, bad(http.StatusUnsupportedMediaType, "wrong_charset", "", "send UTF-8")
	}
	f := &Form{}
	switch kind {
	case "application/json":
		r.Body = http.MaxBytesReader(w, r.Body, maxJSON)
		err = f.readJSON(r.Body)
	case "multipart/form-data":
		r.Body = http.MaxBytesReader(w, r.Body, maxBody)
		err = f.readParts(r)
	case "application/x-www-form-urlencoded":
		r.Body = http.MaxBytesReader(w, r.Body, maxJSON)
		if err = r.ParseForm(); err == nil {
			for name, values := range r.PostForm {
				if err = f.set(name, values[0]); err != nil {
					break
				}
			}
		}
	default:
		return nil, bad(http.StatusUnsupportedMediaType, "wrong_content_type", "", "send application/json or multipart/form-data")
	}
	var large *http.MaxBytesError
	var known *httpError
	var refused *interaction.Error
	switch {
	case errors.As(err, &large):
		return nil, bad(http.StatusRequestEntityTooLarge, "too_large", "", "is larger than %d bytes", large.Limit)
	case errors.As(err, &known), errors.As(err, &refused):
		return nil, err
	case err != nil:
		return nil, bad(http.StatusBadRequest, "bad_body", "", "the body cannot be read as %s", kind)
	}
	if key := r.Header.Get("Idempotency-Key"); key != "" {
		f.ID = key
	}
	return f, nil
}

func (f *Form) readJSON(body io.Reader) error {
	d := json.NewDecoder(body)
	d.DisallowUnknownFields()
	if err := d.Decode(f); err != nil {
		var wrong *json.UnmarshalTypeError
		if errors.As(err, &wrong) {
			return bad(http.StatusBadRequest, "bad_type", wrong.Field, "is no %s", wrong.Type)
		}
		if _, name, ok := strings.Cut(err.Error(), "json: unknown field "); ok {
			return bad(http.StatusBadRequest, "unknown_field", strings.Trim(name, `"`), "is not a field of a form; put your own fields into fields")
		}
		return err
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return bad(http.StatusBadRequest, "bad_body", "", "there is something behind the JSON value")
	}
	return nil
}

func (f *Form) readParts(r *http.Request) error {
	parts, err := r.MultipartReader()
	if err != nil {
		return err
	}
	for n := 0; ; n++ {
		part, err := parts.NextPart()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if n > maxFields+maxFiles+10 {
			return bad(http.StatusRequestEntityTooLarge, "too_many_fields", "", "has too many fields")
		}
		if err := f.readPart(part); err != nil {
			return err
		}
	}
}

func (f *Form) readPart(part *multipart.Part) error {
	data, err := io.ReadAll(part)
	if err != nil {
		return err
	}
	if part.FileName() == "" && part.FormName() != "file" {
		return f.set(part.FormName(), string(data))
	}
	if len(data) == 0 {
		return nil // a browser's field for files that was left empty
	}
	if len(f.Files) >= maxFiles {
		return bad(http.StatusRequestEntityTooLarge, "too_many_files", "file", "there may be %d files", maxFiles)
	}
	name := files.Name(part.FileName())
	kind, _, _ := strings.Cut(files.Type(name, data), ";")
	f.Files = append(f.Files, interaction.Attachment{Name: name, Type: kind, Data: data})
	return nil
}

// set sets a field by its name; those that a form does not know are the page's own when they say so.
func (f *Form) set(name, value string) error {
	known := map[string]*string{
		"id": &f.ID, "name": &f.Name, "email": &f.Email, "phone": &f.Phone, "subject": &f.Subject, "text": &f.Text, "website": &f.Website,
	}
	if at, ok := known[name]; ok {
		if *at != "" {
			return bad(http.StatusBadRequest, "field_twice", name, "is there twice")
		}
		*at = value
		return nil
	}
	own, ok := strings.CutPrefix(name, "fields.")
	if !ok {
		return bad(http.StatusBadRequest, "unknown_field", name, "is not a field of a form; name your own fields fields.NAME")
	}
	if f.Fields == nil {
		f.Fields = map[string]string{}
	}
	f.Fields[own] = value
	return nil
}

// fieldName is what a page's own field may be called: it becomes a header's name.
var fieldName = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9-]{0,39}$`)

// check says what is wrong with the content, by field.
func (f *Form) check() error {
	f.Email, f.Name, f.Subject = strings.TrimSpace(f.Email), strings.TrimSpace(f.Name), strings.TrimSpace(f.Subject)
	for _, v := range []struct {
		field, value string
		most         int
		lines        bool
	}{
		{"id", f.ID, 200, false},
		{"name", f.Name, 200, false},
		{"email", f.Email, 254, false},
		{"phone", f.Phone, 60, false},
		{"subject", f.Subject, 300, false},
		{"text", f.Text, maxText, true},
	} {
		if err := checkText(v.field, v.value, v.most, v.lines); err != nil {
			return err
		}
	}
	if len(f.Fields) > maxFields {
		return interaction.Invalid("too_many_fields", "fields", "has more than %d fields", maxFields)
	}
	for name, value := range f.Fields {
		if !fieldName.MatchString(name) {
			return interaction.Invalid("bad_field_name", "fields", "has a name that is not letters, digits and hyphens")
		}
		if err := checkText("fields."+name, value, 500, false); err != nil {
			return err
		}
	}
	switch a, err := netmail.ParseAddress(f.Email); {
	case f.Email == "":
		return interaction.Invalid("missing", "email", "is missing; we answer by email")
	case err != nil || a.Address != f.Email || strings.ContainsAny(f.Email, "<>\" "):
		return interaction.Invalid("bad_email", "email", "is not an email address")
	case strings.TrimSpace(f.Text) == "":
		return interaction.Invalid("missing", "text", "is missing; write what it is about")
	}
	return nil
}

func checkText(field, value string, most int, lines bool) error {
	switch {
	case !utf8.ValidString(value) || strings.ContainsRune(value, 0):
		return interaction.Invalid("bad_text", field, "is not valid UTF-8 or has a NUL byte")
	case utf8.RuneCountInString(value) > most:
		return interaction.Invalid("too_long", field, "is longer than %d characters", most)
	case !lines && strings.ContainsAny(value, "\r\n\v\f\u0085\u2028\u2029"):
		return interaction.Invalid("bad_line", field, "has a line break")
	}
	return nil
}

// letter is a form as a mail.
type letter []byte

func (l letter) reader() io.Reader { return bytes.NewReader(l) }
func (l letter) size() int64       { return int64(len(l)) }

// mail writes the form as a mail from its sender to the entry point: the page's own fields are headers, and stand below the text.
func (f *Form) mail(to, domain string, now time.Time) (letter, error) {
	id := interaction.NewID()
	subject := f.Subject
	if subject == "" {
		subject, _, _ = strings.Cut(strings.TrimSpace(f.Text), "\n")
		if r := []rune(subject); len(r) > 80 {
			subject = string(r[:79]) + "…"
		}
	}
	text, head := strings.TrimRight(f.Text, "\r\n")+"\n", ""
	own := make([]string, 0, len(f.Fields)+1)
	for name := range f.Fields {
		own = append(own, name)
	}
	slices.Sort(own)
	lines := ""
	for _, name := range own {
		head += "X-Form-" + name + ": " + mime.QEncoding.Encode("utf-8", f.Fields[name]) + "\r\n"
		lines += name + ": " + f.Fields[name] + "\n"
	}
	if f.Phone != "" {
		head += "X-Form-Phone: " + mime.QEncoding.Encode("utf-8", f.Phone) + "\r\n"
		lines += "Phone: " + f.Phone + "\n"
	}
	if lines != "" {
		text += "\n" + lines
	}
	raw, err := mail.Compose(interaction.Outbound{
		Key: string(id), MessageID: mail.MessageIDFor(string(id), domain), Date: now, From: interaction.Address{Name: f.Name, Address: f.Email},
		To: []interaction.Address{{Address: to}}, Subject: strings.TrimSpace(subject), Text: text, Attachments: f.Files,
	}, mail.ComposeOptions{})
	return append([]byte(head), raw...), err
}

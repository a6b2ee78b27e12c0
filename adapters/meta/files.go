package meta

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"unicode/utf8"

	"parley/interaction"
	"parley/lib/safehttp"
	"parley/lib/sending"
)

// maxFiles is how many files go with a message: each is a message of its own for the customer.
const maxFiles = 10

// largest is how large a file may be at all; WhatsApp has lower limits for some kinds.
var largest = map[string]int{WhatsApp: 100 << 20, Messenger: 25 << 20}

// maxCaption is how many characters may stand below a file of WhatsApp's.
const maxCaption = 1024

// kinds are what WhatsApp shows as something else than a document ("Supported media types" of the Cloud API), and how large that may be.
var kinds = map[string]struct {
	kind string
	most int
}{
	"image/jpeg": {"image", 5 << 20}, "image/png": {"image", 5 << 20},
	"video/mp4": {"video", 16 << 20}, "video/3gpp": {"video", 16 << 20},
	"audio/aac": {"audio", 16 << 20}, "audio/amr": {"audio", 16 << 20}, "audio/mpeg": {"audio", 16 << 20}, "audio/mp4": {"audio", 16 << 20}, "audio/ogg": {"audio", 16 << 20},
}

// documents are the other types that WhatsApp takes, beside text.
var documents = map[string]bool{
	"application/pdf": true, "application/msword": true, "application/vnd.ms-excel": true, "application/vnd.ms-powerpoint": true,
	"application/vnd.openxmlformats-officedocument.wordprocessingml.document":   true,
	"application/vnd.openxmlformats-officedocument.spreadsheetml.sheet":         true,
	"application/vnd.openxmlformats-officedocument.presentationml.presentation": true,
}

// kindOf is what a file is shown as.
func (a *Adapter) kindOf(f interaction.Attachment) string {
	of := sending.TypeOf(f)
	if a.Kind == Messenger {
		if top, _, _ := strings.Cut(of, "/"); top == "image" || top == "audio" || top == "video" {
			return top
		}
		return "file"
	}
	if k, shown := kinds[of]; shown && len(f.Data) <= k.most {
		return k.kind
	}
	return "document"
}

// takes says which file the network would refuse.
func (a *Adapter) takes(files []interaction.Attachment) error {
	if a.Kind != WhatsApp {
		return nil
	}
	for _, f := range files {
		switch of := sending.TypeOf(f); {
		case kinds[of].most > 0 && len(f.Data) > kinds[of].most:
			return fmt.Errorf("the file %q has %d bytes; WhatsApp takes at most %d of %s", f.Name, len(f.Data), kinds[of].most, of)
		case kinds[of].most == 0 && !documents[of] && of != "text/plain":
			return fmt.Errorf("WhatsApp takes no file of type %s (%q): pictures, audio, video, PDF, text and office documents go", of, f.Name)
		}
	}
	return nil
}

// give uploads a file and gives its id. Whatever goes wrong, nothing has left for the customer.
func (a *Adapter) give(ctx context.Context, out interaction.Outbound, f interaction.Attachment) (id string, failed *interaction.Outcome) {
	form, path, field := sending.NewForm(), "media", "file"
	if a.Kind == WhatsApp {
		form.Field("messaging_product", "whatsapp")
		form.Field("type", sending.TypeOf(f))
	} else {
		path, field = "message_attachments", "filedata"
		form.Field("message", fmt.Sprintf(`{"attachment":{"type":%q,"payload":{"is_reusable":true}}}`, a.kindOf(f)))
	}
	form.File(field, f)
	contentType, body := form.Body()
	r, err := a.post(ctx, out, path, contentType, body)
	if err != nil {
		o := sending.Impossible(err)
		return "", &o
	}
	answer, err := a.Client.Do(r)
	if err != nil {
		return "", &interaction.Outcome{State: interaction.SendQueued, Code: "meta_away", Text: err.Error()}
	}
	if id, err = a.given(answer); err != nil {
		return "", a.notGiven(answer, err)
	}
	return id, nil
}

// given reads the id of a file that was uploaded.
func (a *Adapter) given(answer safehttp.Answer) (string, error) {
	var body struct {
		ID         string      `json:"id"`            // WhatsApp
		Attachment string      `json:"attachment_id"` // Messenger
		Error      *graphError `json:"error"`
	}
	if err := json.Unmarshal(answer.Body, &body); err != nil {
		return "", fmt.Errorf("the answer to a file cannot be read, its status was %d", answer.Status)
	}
	switch {
	case body.Error != nil:
		return "", body.Error
	case answer.Status == http.StatusOK && body.ID+body.Attachment != "":
		return body.ID + body.Attachment, nil
	}
	return "", fmt.Errorf("the file was not taken, the status was %d", answer.Status)
}

// notGiven is the outcome of a file that could not be uploaded.
func (a *Adapter) notGiven(answer safehttp.Answer, err error) *interaction.Outcome {
	o := interaction.Outcome{State: interaction.SendNotSent, Code: strconv.Itoa(answer.Status), Text: err.Error()}
	var no *graphError
	if errors.As(err, &no) {
		o = a.refused(*no, answer)
	} else if answer.Status < 400 || answer.Status >= 500 || answer.Status == http.StatusTooManyRequests {
		o.State, o.Wait = interaction.SendQueued, a.wanted(answer)
	}
	if o.State == interaction.SendUnknown { // nobody has seen anything yet: it can be tried again
		o.State = interaction.SendQueued
	}
	return &o
}

// bodies are what is said, one after the other: a text by itself where it cannot stand below the first file, then the files.
func (a *Adapter) bodies(to, text string, files []interaction.Attachment, given []string) (list []any) {
	below := a.Kind == WhatsApp && len(files) > 0 && a.kindOf(files[0]) != "audio" && utf8.RuneCountInString(text) <= maxCaption
	if text != "" && !below {
		list = append(list, a.body(to, "text", text))
		text = ""
	}
	for n, f := range files {
		kind := a.kindOf(f)
		if a.Kind == Messenger {
			list = append(list, a.body(to, "attachment", map[string]any{"type": kind, "payload": map[string]string{"attachment_id": given[n]}}))
			continue
		}
		shown := map[string]string{"id": given[n]}
		if kind == "document" {
			shown["filename"] = f.Name
		}
		if text != "" {
			shown["caption"], text = text, ""
		}
		list = append(list, a.body(to, kind, shown))
	}
	return list
}

// body is one message of a kind.
func (a *Adapter) body(to, kind string, what any) any {
	if a.Kind == Messenger {
		return map[string]any{"recipient": named{to}, "messaging_type": "RESPONSE", "message": map[string]any{kind: what}}
	}
	if kind == "text" {
		what = map[string]any{"preview_url": false, "body": what}
	}
	return map[string]any{"messaging_product": "whatsapp", "recipient_type": "individual", "to": to, "type": kind, kind: what}
}

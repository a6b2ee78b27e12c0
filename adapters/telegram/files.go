package telegram

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"

	"parley/interaction"
	"parley/lib/sending"
)

// What the Bot API takes of bots: sendPhoto, sendDocument and sendMediaGroup.
const (
	maxFiles   = 10
	maxFile    = 50 << 20
	maxPhoto   = 10 << 20 // what is larger goes as a document
	maxCaption = 1024     // characters below a file, in units of UTF-16
)

// files makes the call that sends files with a text below the first one: one by itself, several as an album, since each call is a message that cannot be taken back.
func (b *Bot) files(ctx context.Context, params map[string]any, text string, files []interaction.Attachment) (*http.Request, error) {
	kind, method := "photo", "sendPhoto"
	for _, f := range files {
		if !photo(f) { // an album is of one kind
			kind, method = "document", "sendDocument"
		}
	}
	form := sending.NewForm()
	for name, value := range params {
		field, err := json.Marshal(value)
		if err != nil {
			return nil, err
		}
		if said, isText := value.(string); isText {
			field = []byte(said)
		}
		form.Field(name, string(field))
	}
	if len(files) == 1 {
		if text != "" {
			form.Field("caption", text)
		}
		form.File(kind, files[0])
	} else {
		method = "sendMediaGroup"
		album := make([]inAlbum, len(files))
		for n, f := range files {
			name := fmt.Sprint("file", n)
			album[n] = inAlbum{Type: kind, Media: "attach://" + name}
			form.File(name, f)
		}
		album[0].Caption = text
		list, err := json.Marshal(album)
		if err != nil {
			return nil, err
		}
		form.Field("media", string(list))
	}
	contentType, body := form.Body()
	return b.api.post(ctx, method, contentType, body)
}

// inAlbum is InputMediaPhoto or InputMediaDocument.
type inAlbum struct {
	Type    string `json:"type"`
	Media   string `json:"media"`
	Caption string `json:"caption,omitempty"`
}

// photo reports whether a file is shown as a picture: what Telegram makes a photo of.
func photo(f interaction.Attachment) bool {
	kind := sending.TypeOf(f)
	return (kind == "image/jpeg" || kind == "image/png") && len(f.Data) <= maxPhoto
}

// made are the messages that a call made: one, or those of an album.
type made []message

// UnmarshalJSON reads either.
func (m *made) UnmarshalJSON(raw []byte) error {
	if raw = bytes.TrimSpace(raw); len(raw) > 0 && raw[0] == '[' {
		var list []message
		err := json.Unmarshal(raw, &list)
		*m = list
		return err
	}
	var one message
	err := json.Unmarshal(raw, &one)
	*m = made{one}
	return err
}

package interaction

import (
	"net/url"
	"slices"
	"strings"
	"unicode/utf8"
)

// MaxChatText is how long a chat's message can be whatever the settings say, in bytes.
const MaxChatText = 16 << 10

// spoken are the kinds of messages that each role may post; the others are written by the store itself.
var spoken = map[ChatRole][]ChatKind{
	ChatCustomer:   {ChatText, ChatFile, ChatRenamed},
	ChatAgent:      {ChatText, ChatURL, ChatFile, ChatNote, ChatRenamed},
	ChatSupervisor: {ChatText, ChatURL, ChatFile, ChatNote, ChatRenamed},
	ChatSystem:     {ChatText, ChatURL, ChatQuestion, ChatNote, ChatAttention},
}

// Check refuses a post that nobody of its role may make, or whose content cannot be kept or shown; maxText is in bytes.
func (p ChatPost) Check(maxText int) error {
	switch {
	case !slices.Contains(spoken[p.From.Role], p.Kind):
		return Forbidden("forbidden", "this is not yours to say here")
	case len(p.Text) > maxText:
		e := Invalid("too_long", "text", "is longer than %d bytes; shorten it or send it in parts", maxText)
		return e.With("limit", maxText)
	case !utf8.ValidString(p.Text) || strings.ContainsRune(p.Text, 0):
		return Invalid("bad_text", "text", "is not text: it holds bytes that are not UTF-8, or a NUL")
	case len(p.ClientID) > 100 || !utf8.ValidString(p.ClientID) || strings.ContainsRune(p.ClientID, 0):
		return Invalid("bad_client_id", "client_id", "has up to 100 bytes of text")
	case p.Kind == ChatFile:
		if p.File == "" {
			return Invalid("required", "upload", "name the upload")
		}
		return nil
	case strings.TrimSpace(p.Text) == "":
		return Invalid("required", "text", "is empty")
	case p.Kind == ChatURL:
		if u, err := url.Parse(p.Text); err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" || len(p.Text) > 2000 {
			return Invalid("bad_url", "text", "is not a URL of http or https")
		}
	case p.Kind == ChatRenamed:
		if utf8.RuneCountInString(p.Text) > 60 || strings.ContainsFunc(p.Text, func(r rune) bool { return r < ' ' || r == 0x7f }) {
			return Invalid("bad_name", "name", "is one line of up to 60 characters")
		}
	}
	return nil
}

// ForAgentsOnly reports whether messages of the kind are never shown to customers.
func (k ChatKind) ForAgentsOnly() bool { return k == ChatNote || k == ChatAttention }

// Says reports whether a message of the kind counts as activity when a customer or an agent writes it.
func (k ChatKind) Says() bool { return k == ChatText || k == ChatURL || k == ChatFile }

package chat

import (
	"encoding/json"
	"errors"
	"math"
	"strconv"
	"time"
	"unicode/utf8"

	"parley/interaction"
)

// Subprotocol is the name and version of the protocol.
const Subprotocol = "parley.chat.v1"

// maxFrame bounds what one frame may hold, in bytes; a text of the largest size in which each byte is escaped fits.
const maxFrame = 6*interaction.MaxChatText + 1<<10

// frame is what a client sends. Fields that its type does not use are ignored.
type frame struct {
	Type     string  `json:"type"`
	Session  string  `json:"session"`
	Token    string  `json:"token"`
	Since    *int64  `json:"since"`
	ClientID string  `json:"client_id"`
	Text     string  `json:"text"`
	Upload   string  `json:"upload"`
	On       bool    `json:"on"`
	Number   int64   `json:"number"`
	Name     string  `json:"name"`
	Email    string  `json:"email"`
	Mode     *string `json:"mode"`
}

// parse reads a frame. What it says is wrong never repeats what was sent.
func parse(data []byte) (frame, error) {
	var f frame
	if !utf8.Valid(data) {
		return f, interaction.Invalid("bad_text", "", "the frame holds bytes that are not UTF-8")
	}
	err := json.Unmarshal(data, &f)
	var kind *json.UnmarshalTypeError
	if errors.As(err, &kind) && kind.Field != "" {
		return f, interaction.Invalid("bad_frame", known(kind.Field), "a field of the frame has another type than it should")
	}
	if err != nil {
		return f, interaction.Invalid("bad_frame", "", "the frame is no JSON object")
	}
	return f, nil
}

// known gives a field's name if it is one of ours.
func known(field string) string {
	switch field {
	case "type", "session", "token", "since", "client_id", "text", "upload", "on", "number", "name", "email", "mode":
		return field
	}
	return ""
}

// since gives the number that a client has seen up to.
func (f frame) since() int64 {
	if f.Since == nil {
		return 0
	}
	return max(*f.Since, 0)
}

type (
	welcomeFrame struct {
		Type      string                  `json:"type"`
		Session   interaction.ID          `json:"session,omitempty"`
		Last      int64                   `json:"last"`
		Limits    *interaction.ChatLimits `json:"limits,omitempty"`
		Role      interaction.ChatRole    `json:"role"`
		Mode      interaction.ChatMode    `json:"mode,omitempty"`
		Nickname  string                  `json:"nickname,omitempty"`
		Resumed   bool                    `json:"resumed"`
		GapFilled bool                    `json:"gap_filled"`
		Parties   []partyView             `json:"parties,omitempty"`
		Sessions  []interaction.ID        `json:"sessions,omitempty"`
	}
	partyView struct {
		interaction.Party
		Mode interaction.ChatMode `json:"mode,omitempty"`
		Read int64                `json:"read,omitempty"`
	}
	messageFrame struct {
		Type    string                   `json:"type"`
		Session interaction.ID           `json:"session,omitempty"`
		Message *interaction.ChatMessage `json:"message"`
	}
	ackFrame struct {
		Type     string         `json:"type"`
		Session  interaction.ID `json:"session,omitempty"`
		ClientID string         `json:"client_id"`
		Number   int64          `json:"number"`
		At       time.Time      `json:"at"`
	}
	noticeFrame struct {
		Type    string            `json:"type"`
		Session interaction.ID    `json:"session,omitempty"`
		From    interaction.Party `json:"from"`
		On      *bool             `json:"on,omitempty"`
		Number  int64             `json:"number,omitempty"`
	}
	positionFrame struct {
		Type        string         `json:"type"`
		Session     interaction.ID `json:"session,omitempty"`
		Place       int            `json:"place"`
		WaitSeconds int            `json:"wait_seconds"`
	}
	errorFrame struct {
		Type       string         `json:"type"`
		Session    interaction.ID `json:"session,omitempty"`
		Code       string         `json:"code"`
		Text       string         `json:"text"`
		Field      string         `json:"field,omitempty"`
		Limit      any            `json:"limit,omitempty"`
		ClientID   string         `json:"client_id,omitempty"`
		RetryAfter int            `json:"retry_after,omitempty"` // seconds
	}
	byeFrame struct {
		Type    string         `json:"type"`
		Session interaction.ID `json:"session,omitempty"`
		Code    string         `json:"code"`
	}
)

// encode makes the bytes of a frame; its types always encode.
func encode(f any) []byte {
	b, err := json.Marshal(f)
	if err != nil {
		return []byte(`{"type":"error","code":"unavailable","text":"a frame could not be made"}`)
	}
	return b
}

// refusal makes the error frame of an error: its code and text, never its cause.
func refusal(err error, session interaction.ID, client string) errorFrame {
	var e *interaction.Error
	if !errors.As(err, &e) {
		e = interaction.Unavailable("unavailable", err)
	}
	return errorFrame{
		Type: "error", Session: session, Code: e.Code, Text: e.Text, Field: e.Field, Limit: e.Detail["limit"], ClientID: client, RetryAfter: e.RetryAfter,
	}
}

// unknownType answers every frame that is none of ours, always alike.
func unknownType() error {
	return &interaction.Error{Kind: interaction.KindInvalid, Code: "unknown_type", Text: "there is no frame of this type"}
}

// slowDown asks a client to wait.
func slowDown(seconds float64) error {
	return &interaction.Error{
		Kind: interaction.KindTooMany, Code: "slow_down", RetryAfter: int(math.Max(1, math.Ceil(seconds))),
		Text: "too many messages in a short time; send this one again after retry_after seconds",
	}
}

// message makes a message's frame for agents, or as customers see it: nobody's id, nothing internal.
func message(m interaction.ChatMessage, agents bool) []byte {
	f := messageFrame{Type: "message", Message: &m}
	if agents {
		f.Session = m.Session
	} else {
		m.From.Agent = ""
	}
	return encode(f)
}

// parseSince reads a number of a query; absent is -1.
func parseSince(s string) (int64, error) {
	if s == "" {
		return -1, nil
	}
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil || n < 0 {
		return 0, interaction.Invalid("bad_since", "since", "is a number of a message, from 0")
	}
	return n, nil
}

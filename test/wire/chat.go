package wire

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"time"

	"github.com/coder/websocket"
)

// ChatTicket is what a customer holds.
type ChatTicket struct {
	Session string `json:"session"`
	Token   string `json:"token"`
}

// ChatMessage is a message of a conversation, as frames and the API tell it.
type ChatMessage struct {
	Number   int64  `json:"number"`
	Kind     string `json:"kind"`
	Text     string `json:"text"`
	Internal bool   `json:"internal"`
}

// ChatFrame is any frame, in either direction, as far as tests look at it.
type ChatFrame struct {
	Type       string       `json:"type"`
	Session    string       `json:"session,omitempty"`
	Token      string       `json:"token,omitempty"`
	Since      *int64       `json:"since,omitempty"`
	ClientID   string       `json:"client_id,omitempty"`
	Text       string       `json:"text,omitempty"`
	Email      string       `json:"email,omitempty"`
	Mode       string       `json:"mode,omitempty"`
	Code       string       `json:"code,omitempty"`
	Number     int64        `json:"number,omitempty"`
	RetryAfter int          `json:"retry_after,omitempty"` // seconds
	Message    *ChatMessage `json:"message,omitempty"`
}

// OpenChat opens a conversation as a page of the server does, as the nth of many customers: each has an address of 127/8 of his own.
func OpenChat(ctx context.Context, address, entryPoint string, nth int) (t ChatTicket, err error) {
	customer := &http.Transport{DisableKeepAlives: true, DialContext: (&net.Dialer{LocalAddr: &net.TCPAddr{IP: net.IPv4(127, 1, byte(nth>>8), byte(nth))}}).DialContext}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+address+"/in/"+entryPoint+"/sessions", bytes.NewBufferString(`{}`))
	if err != nil {
		return t, err
	}
	r.Header.Set("Origin", "http://"+address)
	answer, err := customer.RoundTrip(r)
	if err != nil {
		return t, err
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusCreated {
		return t, fmt.Errorf("a conversation was not opened: %s", answer.Status)
	}
	return t, json.NewDecoder(answer.Body).Decode(&t)
}

// ChatSocket is one end of a socket.
type ChatSocket struct{ ws *websocket.Conn }

// DialChat connects to a path and says hello.
func DialChat(ctx context.Context, address, path string, hello ChatFrame) (*ChatSocket, error) {
	ctx, cancel := context.WithTimeout(ctx, callTime)
	defer cancel()
	ws, _, err := websocket.Dial(ctx, "ws://"+address+path, &websocket.DialOptions{ //nolint:bodyclose // the library closes it
		Subprotocols: []string{"parley.chat.v1"}, HTTPHeader: http.Header{"Origin": {"http://" + address}},
	})
	if err != nil {
		return nil, err
	}
	ws.SetReadLimit(1 << 20)
	s := &ChatSocket{ws}
	hello.Type = "hello"
	return s, s.Send(ctx, hello)
}

// Send sends a frame.
func (s *ChatSocket) Send(ctx context.Context, f ChatFrame) error {
	b, err := json.Marshal(f)
	if err != nil {
		return err
	}
	return s.ws.Write(ctx, websocket.MessageText, b)
}

// Next waits for the next frame; nothing for so long is an error.
func (s *ChatSocket) Next(ctx context.Context, patience time.Duration) (f ChatFrame, err error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	_, b, err := s.ws.Read(ctx)
	if err != nil {
		return f, err
	}
	return f, json.Unmarshal(b, &f)
}

// Cut ends the connection without a word.
func (s *ChatSocket) Cut() { _ = s.ws.CloseNow() }

package chat

import (
	"encoding/json"
	"testing"
	"unicode/utf8"

	"parley/interaction"
)

// What strangers send makes a frame or a refusal, never a panic; a refusal repeats nothing of what was sent; and a text that passes the check is one
// that PostgreSQL keeps and JSON gives back as it was.
func FuzzFrames(f *testing.F) {
	for _, seed := range []string{
		`{"type":"hello","session":"x","token":"y","since":5}`, `{"type":"text","client_id":"a","text":"\ud800"}`, `{"type":"text","text":"\u0000"}`,
		`{"type":5}`, `{"type":"read","number":1e99}`, `[`, "\xff", `{"type":"join","mode":null,"since":-1}`, `{"since":9223372036854775808}`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		frame, err := parse(data)
		if err != nil {
			refused := refusal(err, "", frame.ClientID)
			if refused.Code != "bad_text" && refused.Code != "bad_frame" || known(refused.Field) != refused.Field {
				t.Fatalf("refused with %+v", refused)
			}
			return
		}
		if frame.since() < 0 {
			t.Fatal("a number below zero")
		}
		post := interaction.ChatPost{From: interaction.Party{Role: interaction.ChatCustomer}, Kind: interaction.ChatText, Text: frame.Text, ClientID: frame.ClientID}
		if post.Check(4096) != nil {
			return
		}
		m := interaction.ChatMessage{Number: 1, Kind: post.Kind, Text: post.Text, From: interaction.Party{Role: interaction.ChatAgent, Agent: "an id"}}
		for _, agents := range []bool{true, false} {
			var back struct {
				Message interaction.ChatMessage `json:"message"`
			}
			if err := json.Unmarshal(message(m, agents), &back); err != nil || back.Message.Text != frame.Text || !utf8.ValidString(frame.Text) {
				t.Fatalf("%q came back as %q: %v", frame.Text, back.Message.Text, err)
			}
			if !agents && back.Message.From.Agent != "" {
				t.Fatal("a customer learns an agent's id")
			}
		}
	})
}

package conversation

import (
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"parley/interaction"
)

// A customer is called who wants that and whose number is known; what is lacking he is asked for while he is there.
func TestACallInsteadOfAChat(t *testing.T) {
	lines := interaction.ChatSettings{Callback: "line", WhenGone: interaction.InsteadCallback, WhenNobody: interaction.InsteadCallback}.WithDefaults()
	own := lines
	own.Questions = []interaction.ChatAsk{{Key: interaction.AskCall, Choices: []string{"Please call me", "No need"}}}
	mail := lines
	mail.Mail = "support"
	gone := interaction.ChatSession{EndedAt: time.Now()}
	wrote := []interaction.ChatMessage{{From: interaction.Party{Role: interaction.ChatCustomer}, Kind: interaction.ChatText, Text: "My kettle leaks."}}
	tests := []struct {
		name                  string
		view                  interaction.ChatView
		asks                  string // first
		calls, letter, reason string
		said                  string // begins so
	}{
		{"nothing is known", interaction.ChatView{Settings: lines}, "call_back", "", "", "nobody_there", "Please try again later"},
		{"he does not want it", interaction.ChatView{Settings: lines, Data: map[string]string{"call_back": "No"}, Phone: "+4930901820"}, "", "", "", "nobody_there", "Please try again later"},
		{"he wants it", interaction.ChatView{Settings: lines, Data: map[string]string{"call_back": "Yes"}}, "phone", "", "", "nobody_there", "Please try again later"},
		{"his number is known", interaction.ChatView{Settings: lines, Data: map[string]string{"call_back": "ja"}, Phone: "+4930901820"}, "", "+4930901820", "", "callback_booked", "Thank you. We will call you"},
		{"the house's own question", interaction.ChatView{Settings: own, Data: map[string]string{"call_back": "Please call me"}, Phone: "+4930901820"}, "", "+4930901820", "", "callback_booked", "Thank you"},
		{"answered otherwise", interaction.ChatView{Settings: own, Data: map[string]string{"call_back": "No need"}, Phone: "+4930901820"}, "", "", "", "nobody_there", "Please try"},
		{"gone, with all that is needed", interaction.ChatView{Settings: lines, Session: gone, Data: map[string]string{"call_back": "yes"}, Phone: "+4930901820"}, "", "+4930901820", "", "callback_booked", ""},
		{"gone without having agreed", interaction.ChatView{Settings: lines, Session: gone, Phone: "+4930901820"}, "", "", "", "nobody_there", ""},
		{"gone, but he wrote, and has an address", interaction.ChatView{Settings: mail, Session: gone, Email: "kim@customer.test", Messages: wrote}, "", "", "My kettle leaks.", "left_message", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			a, s := house(tt.view)
			turn := Turn{Policy: a.policies(tt.view.Settings).WhenNobody, Reason: "nobody_there"}
			require.Equal(t, interaction.InsteadBook, turn.Policy)
			told, err := a.AskForMessage(t.Context(), turn)
			require.NoError(t, err)
			require.Equal(t, tt.asks, told.Asked)
			told, err = a.EndOfChat(t.Context(), turn)
			require.NoError(t, err)
			require.Equal(t, "workflow", s.turn.End)
			say, reason := s.turn.Say, told.Reason
			if tt.calls != "" {
				require.Equal(t, tt.calls, s.turn.Call.Request.Phone)
				require.Equal(t, "line", s.turn.Call.Request.EntryPoint)
				say, reason = s.turn.Call.Booked(interaction.Booked{}, nil)
				_, refused := s.turn.Call.Booked(interaction.Booked{}, errors.New("refused"))
				require.Equal(t, "nobody_there", refused)
			} else {
				require.Nil(t, s.turn.Call)
			}
			require.Equal(t, tt.reason, reason)
			if tt.said == "" {
				require.Empty(t, say)
			}
			require.Contains(t, say, tt.said)
			if tt.letter != "" {
				require.Equal(t, tt.letter, s.turn.Letter.Text)
			} else {
				require.Nil(t, s.turn.Letter)
			}
		})
	}
}

// Whoever is called is told his link; who cannot be is told so, and shown the form.
func TestWhatIsSaidOfACall(t *testing.T) {
	v := interaction.ChatView{Settings: interaction.ChatSettings{Callback: "line"}.WithDefaults()}
	a, _ := house(v)
	a.Address = func() string { return "https://parley.example.test" }
	call := a.call(v, "closed")
	say, reason := call.Booked(interaction.Booked{Token: "secret"}, nil)
	require.Equal(t, "callback_booked", reason)
	require.Equal(t, texts["booked"]["en"]+"\nhttps://parley.example.test/callback/secret", say)
	say, _ = call.Booked(interaction.Booked{Merged: true}, nil)
	require.Equal(t, texts["booked"]["en"], say, "the link of a callback that waits already is its own customer's")
	say, reason = call.Booked(interaction.Booked{}, interaction.Invalid("bad_number", "phone", "is none"))
	require.Equal(t, "closed", reason)
	require.Equal(t, texts["not_booked"]["en"]+"\n"+texts["callback"]["en"]+" https://parley.example.test/in/line/", say)
}

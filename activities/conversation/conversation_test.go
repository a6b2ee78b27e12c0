package conversation

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"parley/interaction"
)

// session is a store of one session.
type session struct {
	view interaction.ChatView
	turn interaction.ChatTurn
}

func (s *session) TurnChat(_ context.Context, _ interaction.ID, _ string, decide func(interaction.ChatView) interaction.ChatTurn) (interaction.ChatTold, error) {
	s.turn = decide(s.view)
	return s.turn.Told, nil
}

func (s *session) KeepTranscript(_ context.Context, _ interaction.ID, _ string, write func(interaction.ChatView) interaction.ChatPaper) (interaction.ChatKept, error) {
	return interaction.ChatKept{Mail: write(s.view).MailTo != ""}, nil
}

// braces renders the reference only, and fails on a broken field code.
type braces struct{}

func (braces) Render(source string, values map[string]any) (string, error) {
	if strings.Count(source, "{{") != strings.Count(source, "}}") {
		return "", errors.New("not closed")
	}
	for name, value := range values {
		source = strings.ReplaceAll(source, "{{ "+name+" }}", value.(string))
	}
	return source, nil
}

// mornings is a calendar that is open before noon.
type mornings struct{}

func (mornings) Open(definition []byte, at time.Time) (bool, error) {
	if string(definition) == "broken" {
		return true, errors.New("broken")
	}
	return definition == nil || at.Hour() < 12, nil
}

func settings() interaction.ChatSettings {
	return interaction.ChatSettings{
		Mail: "support", Greeting: map[string]string{"en": "Hello {{ contact.name }}!", "de": "Guten Tag!"},
		Questions: []interaction.ChatAsk{{Key: "order", Text: map[string]string{"en": "Which order?"}}},
	}.WithDefaults()
}

func house(v interaction.ChatView) (*Activities, *session) {
	s := &session{view: v}
	return &Activities{Store: s, Renderer: braces{}, Hours: mornings{}}, s
}

func TestGreeting(t *testing.T) {
	tests := []struct {
		name     string
		language string
		greeting map[string]string
		want     string
	}{
		{"in his language", "de", nil, "Guten Tag!"},
		{"of his region", "de-AT", nil, "Guten Tag!"},
		{"English where there is none", "fr", nil, "Hello Nora!"},
		{"any other before none", "fr", map[string]string{"it": "Ciao", "nl": "Hallo"}, "Ciao"},
		{"a broken one is left out", "en", map[string]string{"en": "Hello {{ contact.name"}, ""},
		{"none", "en", map[string]string{}, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			v := interaction.ChatView{Settings: settings(), Name: "Nora", Session: interaction.ChatSession{Language: tt.language}}
			if tt.greeting != nil {
				v.Settings.Greeting = tt.greeting
			}
			a, s := house(v)
			told, err := a.BeginChat(t.Context(), Turn{})
			require.NoError(t, err)
			require.Equal(t, tt.want, s.turn.Say)
			require.Equal(t, 1, told.Questions)
			require.Equal(t, 600*time.Second, told.Wait())
			require.Equal(t, interaction.InsteadMessage, told.WhenNobody)
			require.False(t, told.Closed)
		})
	}
}

func TestOutOfHoursNobodyIsGreeted(t *testing.T) {
	tests := []struct {
		name     string
		calendar string
		hour     int
		closed   bool
	}{
		{"in the morning", "mornings", 9, false},
		{"in the afternoon", "mornings", 13, true},
		{"a calendar that cannot be read counts as none", "broken", 13, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			a, s := house(interaction.ChatView{Settings: settings(), Calendar: []byte(tt.calendar), At: time.Date(2026, 3, 1, tt.hour, 0, 0, 0, time.UTC)})
			told, err := a.BeginChat(t.Context(), Turn{})
			require.NoError(t, err)
			require.Equal(t, tt.closed, told.Closed)
			require.Equal(t, tt.closed, s.turn.Say == "")
		})
	}
}

func TestWithoutMailNothingBecomesAMessage(t *testing.T) {
	v := interaction.ChatView{Settings: settings()}
	v.Settings.Mail = ""
	a, _ := house(v)
	told, err := a.BeginChat(t.Context(), Turn{})
	require.NoError(t, err)
	require.Equal(t, []string{"stop", "stop", "stop"}, []string{told.WhenNobody, told.WhenClosed, told.WhenGone})
}

func TestAQuestionIsAskedOnce(t *testing.T) {
	over := interaction.ChatSession{EndedAt: time.Now()}
	tests := []struct {
		name string
		n    int
		data map[string]string
		in   interaction.ChatSession
		want string
	}{
		{"asked", 0, nil, interaction.ChatSession{}, "order"},
		{"answered before", 0, map[string]string{"order": "10442"}, interaction.ChatSession{}, ""},
		{"his address is known", 1, nil, interaction.ChatSession{}, ""},
		{"the session is over", 0, nil, over, ""},
		{"the configuration has fewer now", 2, nil, interaction.ChatSession{}, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			policy := settings()
			policy.Questions = append(policy.Questions, interaction.ChatAsk{Key: "mail", Kind: "email", Text: map[string]string{"en": "Which address?"}})
			a, s := house(interaction.ChatView{Settings: policy, Data: tt.data, Session: tt.in, Email: "nora@customer.test"})
			told, err := a.AskCustomer(t.Context(), Turn{Question: tt.n})
			require.NoError(t, err)
			require.Equal(t, tt.want, told.Asked)
			require.Equal(t, tt.want != "", s.turn.Ask != nil)
		})
	}
}

func says(role interaction.ChatRole, kind interaction.ChatKind, text string) interaction.ChatMessage {
	return interaction.ChatMessage{From: interaction.Party{Role: role}, Kind: kind, Text: text}
}

func TestWhatAMessageLacksIsAskedFor(t *testing.T) {
	his := says(interaction.ChatCustomer, interaction.ChatText, "My kettle leaks.")
	question, answer := says(interaction.ChatSystem, interaction.ChatQuestion, "Which order?"), says(interaction.ChatCustomer, interaction.ChatText, "10442")
	tests := []struct {
		name     string
		email    string
		messages []interaction.ChatMessage
		asked    string
	}{
		{"an address first", "", []interaction.ChatMessage{his}, "email"},
		{"then words", "nora@customer.test", nil, "message"},
		{"an answer is not what it is about", "nora@customer.test", []interaction.ChatMessage{question, answer}, "message"},
		{"nothing", "nora@customer.test", []interaction.ChatMessage{question, answer, his}, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			a, s := house(interaction.ChatView{Settings: settings(), Email: tt.email, Messages: tt.messages})
			told, err := a.AskForMessage(t.Context(), Turn{Reason: "nobody_there"})
			require.NoError(t, err)
			require.Equal(t, tt.asked, told.Asked)
			require.Equal(t, texts["nobody"]["en"], s.turn.Say)
			require.Equal(t, tt.asked != "", s.turn.Words != "", "the question has words")
			_, err = a.AskForMessage(t.Context(), Turn{Reason: "nobody_there", Question: 1})
			require.NoError(t, err)
			require.Empty(t, s.turn.Say, "the reason is said once")
		})
	}
}

func TestEndOfAChatThatCameToNothing(t *testing.T) {
	his := []interaction.ChatMessage{says(interaction.ChatCustomer, interaction.ChatText, "My kettle leaks.")}
	tests := []struct {
		name   string
		policy string
		email  string
		his    []interaction.ChatMessage
		reason string
		letter bool
		say    string
	}{
		{"a message by mail", interaction.InsteadMessage, "nora@customer.test", his, "left_message", true, "Thank you. We will answer by email; the reference is abc123."},
		{"no address", interaction.InsteadMessage, "", his, "closed", false, texts["goodbye"]["en"]},
		{"no words", interaction.InsteadMessage, "nora@customer.test", nil, "closed", false, texts["goodbye"]["en"]},
		{"by policy nothing", interaction.InsteadStop, "nora@customer.test", his, "closed", false, texts["closed"]["en"]},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			a, s := house(interaction.ChatView{Settings: settings(), Email: tt.email, Messages: tt.his, Reference: "abc123"})
			told, err := a.EndOfChat(t.Context(), Turn{Policy: tt.policy, Reason: "closed"})
			require.NoError(t, err)
			require.Equal(t, tt.reason, told.Reason)
			require.Equal(t, tt.letter, s.turn.Letter != nil)
			require.Equal(t, tt.say, s.turn.Say)
			require.Equal(t, "workflow", s.turn.End)
		})
	}
}

// A customer whom nobody can answer is shown where he can have himself called; where that is, has to be known.
func TestAFormInsteadOfAChat(t *testing.T) {
	v := interaction.ChatView{Settings: settings()}
	v.Settings.WhenNobody, v.Settings.Callback, v.Settings.Mail = interaction.InsteadCallback, "call", ""
	for _, address := range []string{"https://parley.example.test", ""} {
		a, s := house(v)
		a.Address = func() string { return address }
		told, err := a.EndOfChat(t.Context(), Turn{Policy: interaction.InsteadCallback, Reason: "nobody_there"}) // of a story that was begun before callbacks were booked
		require.NoError(t, err)
		require.Equal(t, "nobody_there", told.Reason)
		require.Equal(t, address != "", strings.HasSuffix(s.turn.Say, "\n"+texts["callback"]["en"]+" https://parley.example.test/in/call/"), s.turn.Say)
	}
}

func TestATextOfTheHouseReplacesOurs(t *testing.T) {
	v := interaction.ChatView{Settings: settings(), Session: interaction.ChatSession{Language: "de"}}
	v.Settings.Texts = map[string]map[string]string{"closed": {"de": "Morgen ab acht!"}}
	a, s := house(v)
	_, err := a.EndOfChat(t.Context(), Turn{Policy: interaction.InsteadStop, Reason: "closed"})
	require.NoError(t, err)
	require.Equal(t, "Morgen ab acht!", s.turn.Say)
}

func TestLetter(t *testing.T) {
	v := interaction.ChatView{
		Email: "nora@customer.test", Session: interaction.ChatSession{Nickname: "Nora"}, Data: map[string]string{"message": "Please call\nme"},
		Messages: []interaction.ChatMessage{
			says(interaction.ChatCustomer, interaction.ChatText, " My kettle leaks, and it is the third one this year; what is to be done about it now?"),
			says(interaction.ChatSystem, interaction.ChatQuestion, "Which order?"),
			says(interaction.ChatCustomer, interaction.ChatText, "10442\nor so"),
			says(interaction.ChatAgent, interaction.ChatText, "not his words"),
			says(interaction.ChatSystem, interaction.ChatQuestion, "Which address?"),
			says(interaction.ChatCustomer, interaction.ChatText, "Nora@customer.test"),
			says(interaction.ChatSystem, interaction.ChatQuestion, "What may we do?"),
			says(interaction.ChatCustomer, interaction.ChatText, "Please call\nme"),
		},
	}
	got := letter(v)
	require.Equal(t, interaction.Address{Name: "Nora", Address: "nora@customer.test"}, got.From)
	require.Equal(t, "My kettle leaks, and it is the third one this year; what is to be …", got.Subject)
	require.Equal(t, "My kettle leaks, and it is the third one this year; what is to be done about it now?\n\nWhich order?\n> 10442\n> or so\n\nPlease call\nme", got.Text)

	v.Messages = []interaction.ChatMessage{says(interaction.ChatCustomer, interaction.ChatText, strings.Repeat("ü", 100))}
	require.Equal(t, strings.Repeat("ü", 35)+" …", letter(v).Subject, "cut at a letter's edge")
}

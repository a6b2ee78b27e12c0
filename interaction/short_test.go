package interaction

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestKeywords(t *testing.T) {
	own := &Keywords{More: map[string]Keyword{"Genug": KeywordStop}, Stop: map[string]string{"de": "Schade."}}
	for text, want := range map[string]Keyword{
		"STOP": KeywordStop, "stop": KeywordStop, " Stop. ": KeywordStop, "\"STOP\"": KeywordStop, "ARRET": KeywordStop, "Arrêt": KeywordStop, "STOPP": KeywordStop, "stop all": KeywordStop, "STOPALL": KeywordStop,
		"Opt-Out": KeywordStop, "СТОП": KeywordStop, "Abmelden": KeywordStop, "genug!": KeywordStop, "START": KeywordStart, "Démarrer": KeywordStart, "HELP": KeywordHelp, "Hilfe?": KeywordHelp, "AYUDA": KeywordHelp,
		"": "", "stop it please": "", "Please help me": "", "1": "", "stops": "", "Can I start tomorrow?": "",
	} {
		require.Equal(t, want, own.KeywordOf(text), "%q", text)
	}
	require.Equal(t, KeywordStop, (*SMSSettings)(nil).KeywordOf("stop"))
	require.Equal(t, "Schade.", own.Answer(KeywordStop, "de"))
	require.Contains(t, own.Answer(KeywordHelp, "de"), "STOPP")
	require.Contains(t, (*Keywords)(nil).Answer(KeywordStop, "fi"), "START", "English where there are no words of the language")
}

func TestModes(t *testing.T) {
	s := &SMSSettings{Rules: []SMSRule{
		{Number: "+4917*", Text: `\border\b`, Mode: SMSPaging}, {Number: "+49*", Mode: SMSSession}, {Number: "*99", Mode: SMSSession}, {Number: "+1*5*7", Mode: SMSSession}, {Text: "^chat", Mode: SMSSession},
	}}
	for _, c := range []struct {
		number, text string
		want         SMSMode
	}{
		{"+491701", "hello", SMSSession},
		{"+491701", "my ORDER 1", SMSPaging},
		{"+491701", "orders", SMSSession},
		{"+33199", "hello", SMSSession},
		{"+33198", "hello", SMSPaging},
		{"+12537", "x", SMSSession},
		{"+1237", "x", SMSPaging},
		{"+33", "Chat please", SMSSession},
	} {
		require.Equal(t, c.want, s.ModeOf(c.number, c.text), "%s %s", c.number, c.text)
	}
	require.Equal(t, SMSPaging, (*SMSSettings)(nil).ModeOf("+49", "hello"))
	require.Equal(t, SMSSession, (&SMSSettings{Mode: SMSSession}).ModeOf("+49", "hello"))
	message := func(text string, problems ...string) Message {
		return Message{Text: text, From: Address{Address: "+4917"}, Problems: problems}
	}
	require.True(t, s.InSession(message("hello")))
	require.False(t, s.InSession(message("STOP")), "keywords are heeded outside of conversations")
	require.False(t, s.InSession(message("hello", ProblemNoReply)))
	picture := message("look")
	picture.Attachments = []File{{Name: "a.png"}}
	require.False(t, s.InSession(picture), "a chat would not show it")
}

func TestSMSSettingsAreChecked(t *testing.T) {
	for want, s := range map[string]SMSSettings{
		"sms.mode": {Mode: "both"}, "sms.rules[0]": {Rules: []SMSRule{{Mode: SMSSession}}}, "sms.rules[0].mode": {Rules: []SMSRule{{Number: "+1"}}},
		"sms.rules[0].text": {Rules: []SMSRule{{Text: "(", Mode: SMSSession}}}, "sms.quiet.from": {Quiet: &Quiet{From: "9", To: "10:00"}}, "sms.quiet.zone": {Quiet: &Quiet{From: "21:00", To: "08:00", Zone: "Mars"}},
	} {
		var wrong *Error
		require.ErrorAs(t, s.Check(), &wrong)
		require.Equal(t, want, wrong.Field)
	}
	require.NoError(t, (*SMSSettings)(nil).Check())
}

func TestQuietHours(t *testing.T) {
	berlin, err := time.LoadLocation("Europe/Berlin")
	require.NoError(t, err)
	night, noon := &Quiet{From: "21:00", To: "08:00", Zone: "Europe/Berlin"}, &Quiet{From: "12:00", To: "13:00", Zone: "Europe/Berlin"}
	at := func(day, hour, minute int) time.Time { return time.Date(2026, 3, day, hour, minute, 0, 0, berlin) }
	for _, c := range []struct {
		quiet *Quiet
		now   time.Time
		until time.Time
	}{
		{night, at(10, 20, 59), time.Time{}},
		{night, at(10, 21, 0), at(11, 8, 0)},
		{night, at(11, 2, 0), at(11, 8, 0)},
		{night, at(11, 8, 0), time.Time{}},
		{noon, at(10, 12, 30), at(10, 13, 0)},
		{noon, at(10, 13, 0), time.Time{}},
		{nil, at(10, 3, 0), time.Time{}},
		{night, at(28, 23, 0), at(29, 8, 0)}, // the night in which summer time begins
	} {
		require.True(t, c.until.Equal(c.quiet.Until(c.now)), "%s: %s", c.now, c.quiet.Until(c.now))
	}
}

func TestWhatAnEntryPointCannotSend(t *testing.T) {
	number, mail := Address{Address: "+491701234567"}, Address{Address: "a@b.test"}
	for field, c := range map[string]struct {
		message NewOutbound
		channel Channel
	}{
		"to.address": {NewOutbound{To: mail, Text: "hi"}, SMS}, "html": {NewOutbound{To: number, Text: "hi", HTML: "<p>hi"}, SMS},
		"text": {NewOutbound{To: number, Text: " "}, SMS}, "subject": {NewOutbound{To: mail, Text: "hi"}, Email},
	} {
		var wrong *Error
		require.ErrorAs(t, c.message.Fits(c.channel), &wrong)
		require.Equal(t, field, wrong.Field)
	}
	require.NoError(t, NewOutbound{To: number, Text: "hi"}.Fits(SMS))
	require.NoError(t, NewOutbound{To: mail, Text: "hi", Subject: "Hi"}.Fits(Email))
	var wrong *Error
	require.ErrorAs(t, NewOutbound{To: number, Text: "hi", Subject: "Hi"}.Fits(Email), &wrong)
}

func TestAConversationByTextWaitsOverTheWeekend(t *testing.T) {
	s := (*ChatSettings)(nil).For(SMS)
	require.True(t, s.Async)
	require.Equal(t, textWait, s.WaitSeconds)
	require.Equal(t, "stop", s.WhenNobody)
	s = (&ChatSettings{WaitSeconds: 60, Transcript: "always"}).For(SMS)
	require.Equal(t, 60, s.WaitSeconds)
	require.Equal(t, "never", s.Transcript)
	require.False(t, s.Async)
	require.Equal(t, (&ChatSettings{Async: true}).For(Chat), ChatSettings{Async: true}.WithDefaults())
}

package smtp

import (
	"errors"
	"fmt"
	"net/textproto"
	"strings"

	"github.com/emersion/go-smtp"

	"parley/interaction"
)

// sessionOutcome is what a failure before the mail means: with the host, its
// TLS or the password. It says nothing about the message, which stays queued.
func sessionOutcome(err error) interaction.Outcome {
	o := mailOutcome(err)
	o.State, o.Permanent = interaction.SendQueued, false
	return o
}

// mailOutcome is what a failure before the final dot means: nothing left.
func mailOutcome(err error) interaction.Outcome {
	code, enhanced, text, ok := reply(err)
	if !ok {
		return interaction.Outcome{State: interaction.SendQueued, Text: cutText(err.Error())}
	}
	o := interaction.Outcome{State: interaction.SendQueued, Code: codeText(code, enhanced), Text: cutText(text)}
	if code/100 == 5 {
		o.State = interaction.SendNotSent
		o.Permanent = enhanced[0] == 5 && enhanced[1] == 1
	}
	return o
}

// dotOutcome is what a failure behind the final dot means. Only a clear no is a
// no; without an answer, or with one that makes no sense, nobody knows.
func dotOutcome(err error) interaction.Outcome {
	code, enhanced, text, ok := reply(err)
	if !ok {
		return interaction.Outcome{State: interaction.SendUnknown, Text: cutText(err.Error())}
	}
	o := interaction.Outcome{Code: codeText(code, enhanced), Text: cutText(text)}
	switch code / 100 {
	case 2:
		o.State = interaction.SendSent
	case 4:
		o.State = interaction.SendQueued
	case 5:
		o.State = interaction.SendNotSent
		o.Permanent = enhanced[0] == 5 && enhanced[1] == 1
	default:
		o.State = interaction.SendUnknown
	}
	return o
}

// reply takes the host's answer out of an error; not ok where there was none.
func reply(err error) (code int, enhanced smtp.EnhancedCode, text string, ok bool) {
	var answered *smtp.SMTPError
	if errors.As(err, &answered) {
		return answered.Code, answered.EnhancedCode, answered.Message, true
	}
	var plain *textproto.Error
	if errors.As(err, &plain) {
		return plain.Code, smtp.EnhancedCode{}, plain.Msg, true
	}
	return 0, smtp.EnhancedCode{}, "", false
}

func codeText(code int, enhanced smtp.EnhancedCode) string {
	if enhanced == (smtp.EnhancedCode{}) {
		return fmt.Sprint(code)
	}
	return fmt.Sprintf("%d %d.%d.%d", code, enhanced[0], enhanced[1], enhanced[2])
}

// cutText makes what the other side said fit to be kept: valid, without NUL, at most 500 bytes.
func cutText(s string) string {
	s = strings.ReplaceAll(strings.ToValidUTF8(s, "?"), "\x00", "?")
	if len(s) > 500 {
		s = strings.ToValidUTF8(s[:500], "")
	}
	return s
}

package interaction

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"
)

// SMSSettings are the policies of an entry point for short messages.
type SMSSettings struct {
	Mode  SMSMode   `yaml:"mode,omitempty" json:"mode,omitempty"`   // where no rule says otherwise; default paging
	Rules []SMSRule `yaml:"rules,omitempty" json:"rules,omitempty"` // the first that fits says the mode
	Quiet *Quiet    `yaml:"quiet,omitempty" json:"quiet,omitempty"` // hours in which nobody is written to
	Words *Keywords `yaml:"keywords,omitempty" json:"keywords,omitempty"`
}

// SMSMode is how a number's messages are worked on.
type SMSMode string

// The modes.
const (
	SMSPaging  SMSMode = "paging"  // each message is an interaction of its own
	SMSSession SMSMode = "session" // messages of a number are one conversation, which agents have as a chat
)

// SMSRule chooses a mode for messages that fit all of what it names.
type SMSRule struct {
	Number string  `yaml:"number,omitempty" json:"number,omitempty"` // of the sender; * stands for anything
	Text   string  `yaml:"text,omitempty" json:"text,omitempty"`     // regular expression (RE2) that the text contains, whatever its case
	Mode   SMSMode `yaml:"mode" json:"mode"`
}

// ModeOf chooses the mode of a message.
func (s *SMSSettings) ModeOf(number, text string) SMSMode {
	if s == nil {
		return SMSPaging
	}
	for _, r := range s.Rules {
		if r.fits(number, text) {
			return r.Mode
		}
	}
	if s.Mode == "" {
		return SMSPaging
	}
	return s.Mode
}

// InSession reports whether a message belongs to a conversation of its number. Keywords never do, nor what came with files, and who has no number cannot be answered.
func (s *SMSSettings) InSession(m Message) bool {
	return m.From.Address != "" && len(m.Attachments) == 0 && !slices.Contains(m.Problems, ProblemNoReply) && s.KeywordOf(m.Text) == "" && s.ModeOf(m.From.Address, m.Text) == SMSSession
}

func (r SMSRule) fits(number, text string) bool {
	if r.Number != "" && !glob(r.Number, number) {
		return false
	}
	if r.Text == "" {
		return true
	}
	pattern, err := regexp.Compile("(?i)" + r.Text)
	return err == nil && pattern.MatchString(text)
}

// glob compares with a pattern in which * stands for anything.
func glob(pattern, text string) bool {
	pieces := strings.Split(pattern, "*")
	if !strings.HasPrefix(text, pieces[0]) {
		return false
	}
	text = text[len(pieces[0]):]
	for i, piece := range pieces[1:] {
		if i == len(pieces)-2 {
			return strings.HasSuffix(text, piece)
		}
		at := strings.Index(text, piece)
		if at < 0 {
			return false
		}
		text = text[at+len(piece):]
	}
	return text == ""
}

// HoldsAnswers reports whether quiet hours keep answers to customers back too.
func (s *SMSSettings) HoldsAnswers() bool { return s != nil && s.Quiet != nil && s.Quiet.Answers }

// QuietUntil is when the quiet hours end that a moment lies in; zero where it lies in none.
func (s *SMSSettings) QuietUntil(now time.Time) time.Time {
	if s == nil {
		return time.Time{}
	}
	return s.Quiet.Until(now)
}

// Check tells what is wrong with the settings.
func (s *SMSSettings) Check() error {
	if s == nil {
		return nil
	}
	if s.Mode != "" && s.Mode != SMSPaging && s.Mode != SMSSession {
		return Invalid("bad_setting", "sms.mode", "must be paging or session")
	}
	for n, r := range s.Rules {
		field := fmt.Sprintf("sms.rules[%d]", n)
		if r.Mode != SMSPaging && r.Mode != SMSSession {
			return Invalid("bad_setting", field+".mode", "must be paging or session")
		}
		if r.Number == "" && r.Text == "" {
			return Invalid("bad_setting", field, "names neither number nor text")
		}
		if len(r.Text) > 500 {
			return Invalid("bad_setting", field+".text", "may have 500 characters")
		}
		if _, err := regexp.Compile("(?i)" + r.Text); err != nil {
			return Invalid("bad_setting", field+".text", "is no regular expression: %v", err)
		}
	}
	return s.Quiet.check()
}

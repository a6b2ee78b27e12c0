package conversation

import (
	"cmp"
	"strings"
	"unicode/utf8"

	"parley/interaction"
)

// exchange is one thing that the customer wrote, with the question that it answers.
type exchange struct {
	question string // empty: he wrote by himself
	text     string
}

// exchanges goes through what the customer wrote. What he writes first behind a question is its answer.
func exchanges(v interaction.ChatView) []exchange {
	var list []exchange
	var question string
	for _, m := range v.Messages {
		switch {
		case m.Kind == interaction.ChatQuestion:
			question = m.Text
		case m.Kind == interaction.ChatText && m.From.Role == interaction.ChatCustomer:
			list = append(list, exchange{question, strings.TrimSpace(m.Text)})
			question = ""
		}
	}
	return list
}

// wrote reports whether the customer said what it is about: by himself, or when he was asked for it.
func wrote(v interaction.ChatView) bool {
	if v.Data[interaction.AskMessage] != "" {
		return true
	}
	for _, e := range exchanges(v) {
		if e.question == "" && e.text != "" {
			return true
		}
	}
	return false
}

// letter makes a message by mail of what the customer wrote: his own words as they stand, his answers below their questions. His address
// is the sender's and not repeated.
func letter(v interaction.ChatView) *interaction.ChatLetter {
	var parts []string
	for _, e := range exchanges(v) {
		switch {
		case e.text == "" || strings.EqualFold(e.text, v.Email):
		case e.question == "" || e.text == strings.TrimSpace(v.Data[interaction.AskMessage]):
			parts = append(parts, e.text)
		default:
			parts = append(parts, e.question+"\n> "+strings.ReplaceAll(e.text, "\n", "\n> "))
		}
	}
	text := strings.Join(parts, "\n\n")
	return &interaction.ChatLetter{
		From:    interaction.Address{Name: cmp.Or(v.Session.Nickname, v.Name), Address: v.Email},
		Subject: cmp.Or(v.Subject, subjectOf(v)),
		Text:    text,
	}
}

// subjectLength bounds, in bytes, a subject made of a first line.
const subjectLength = 70

// subjectOf is the first line of what the customer wrote by himself or when asked for it.
func subjectOf(v interaction.ChatView) string {
	words := v.Data[interaction.AskMessage]
	for _, e := range exchanges(v) {
		if e.question == "" && e.text != "" {
			words = e.text
			break
		}
	}
	line, _, _ := strings.Cut(strings.TrimSpace(words), "\n")
	if len(line) <= subjectLength {
		return line
	}
	cut := strings.LastIndex(line[:subjectLength], " ")
	if cut <= 0 {
		for cut = subjectLength; !utf8.RuneStart(line[cut]); {
			cut--
		}
	}
	return line[:cut] + " …"
}

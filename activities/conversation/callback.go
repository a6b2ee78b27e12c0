package conversation

import (
	"cmp"
	"slices"
	"strings"

	"parley/interaction"
)

// askForCall asks whether the customer wants to be called, and then for his number, where they are not known.
func (a *Activities) askForCall(v interaction.ChatView) interaction.ChatTurn {
	if v.Data[interaction.AskCall] == "" {
		q, _ := v.Settings.Ask(interaction.AskCall)
		if len(q.Choices) == 0 {
			q.Choices = []string{a.text(v, "yes"), a.text(v, "no")}
		}
		return a.ask(v, q)
	}
	if agreed(v) && v.Phone == "" {
		q, _ := v.Settings.Ask(interaction.AskPhone)
		return a.ask(v, q)
	}
	return interaction.ChatTurn{}
}

// agreed reports whether the customer said that he wants to be called: in any of our words, by the first choice of the entry point's own question, or by what his page attached.
func agreed(v interaction.ChatView) bool {
	said := v.Data[interaction.AskCall]
	yes := []string{"yes", "true"}
	for _, word := range v.Settings.Texts["yes"] {
		yes = append(yes, word)
	}
	for _, word := range texts["yes"] {
		yes = append(yes, word)
	}
	if q, _ := v.Settings.Ask(interaction.AskCall); len(q.Choices) > 0 {
		yes = append(yes, q.Choices[0])
	}
	return slices.ContainsFunc(yes, func(word string) bool { return strings.EqualFold(word, said) })
}

// maxTopic and maxCallText bound what a callback takes of a conversation, in characters.
const (
	maxTopic    = 200
	maxCallText = 2000
)

// call has the customer called about what he wrote. Refused, he is told so, and the chat stops with its reason.
func (a *Activities) call(v interaction.ChatView, reason string) *interaction.ChatCall {
	said := letter(v)
	return &interaction.ChatCall{
		Request: interaction.CallRequest{
			EntryPoint: v.Settings.Callback, Phone: v.Phone, Name: first(cmp.Or(v.Session.Nickname, v.Name), maxTopic), Topic: first(said.Subject, maxTopic),
			Text: first(said.Text, maxCallText), Language: v.Session.Language,
		},
		Booked: func(b interaction.Booked, refused error) (string, string) {
			switch {
			case refused != nil && !v.Session.EndedAt.IsZero():
				return "", reason
			case refused != nil:
				said := a.text(v, "not_booked")
				if form := a.form(v.Settings); form != "" {
					said += "\n" + a.text(v, "callback") + " " + form
				}
				return said, reason
			case !v.Session.EndedAt.IsZero():
				return "", "callback_booked"
			}
			said := a.text(v, "booked")
			if b.Token != "" && a.Address != nil && a.Address() != "" {
				said += "\n" + a.Address() + "/callback/" + b.Token
			}
			return said, "callback_booked"
		},
	}
}

// first gives at most so many characters from the beginning.
func first(s string, most int) string {
	if runes := []rune(s); len(runes) > most {
		return string(runes[:most])
	}
	return s
}

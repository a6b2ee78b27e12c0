package conversation

import (
	"strings"

	"parley/interaction"
)

// What the system says where configuration does not say it better, by name and language. Field codes are Liquid, like those of standard responses.
var texts = map[string]map[string]string{
	"closed": {
		"en": "We are closed at the moment.",
		"de": "Wir haben im Moment geschlossen.",
	},
	"nobody": {
		"en": "We are sorry: nobody is free for you at the moment.",
		"de": "Es tut uns leid: Im Moment ist niemand für Sie frei.",
	},
	"address": {
		"en": "We will answer by email. Which address may we write to?",
		"de": "Wir antworten Ihnen per E-Mail. An welche Adresse dürfen wir schreiben?",
	},
	"message": {
		"en": "What may we do for you? Please write it in one message.",
		"de": "Was dürfen wir für Sie tun? Bitte schreiben Sie es in eine Nachricht.",
	},
	"taken": {
		"en": "Thank you. We will answer by email; the reference is {{ interaction.reference }}.",
		"de": "Vielen Dank. Wir antworten per E-Mail; das Zeichen ist {{ interaction.reference }}.",
	},
	"callback": {
		"en": "If you like, we call you; choose a time here:",
		"de": "Wenn Sie möchten, rufen wir Sie an; wählen Sie hier eine Zeit:",
	},
	"call_back": {
		"en": "Shall we call you back?",
		"de": "Sollen wir Sie zurückrufen?",
	},
	"yes": {"en": "Yes", "de": "Ja"},
	"no":  {"en": "No", "de": "Nein"},
	"phone": {
		"en": "Which number may we call? Please write it with its country, as +49 30 901820.",
		"de": "Welche Nummer dürfen wir anrufen? Bitte mit dem Land, wie +49 30 901820.",
	},
	"booked": {
		"en": "Thank you. We will call you as soon as somebody is free.",
		"de": "Vielen Dank. Wir rufen Sie an, sobald jemand frei ist.",
	},
	"not_booked": {
		"en": "We are sorry: we cannot book a call to this number now.",
		"de": "Es tut uns leid: Für diese Nummer können wir jetzt keinen Rückruf vormerken.",
	},
	"goodbye": {
		"en": "Please try again later. Goodbye.",
		"de": "Bitte versuchen Sie es später noch einmal. Auf Wiedersehen.",
	},
}

// textOf names the text for a reason or for a built-in question.
var textOf = map[string]string{
	"closed": "closed", "nobody_there": "nobody", interaction.AskAddress: "address", interaction.AskMessage: "message", interaction.AskCall: "call_back", interaction.AskPhone: "phone",
}

// text gives one of the system's texts in the customer's language.
func (a *Activities) text(v interaction.ChatView, name string) string {
	if said := a.fill(v, v.Settings.Texts[name]); said != "" {
		return said
	}
	return a.fill(v, texts[name])
}

// fill picks the text of the customer's language (his region's, his language's, English, any) and fills it. A text that cannot be filled is
// left out: silence is better than a broken sentence.
func (a *Activities) fill(v interaction.ChatView, byLanguage map[string]string) string {
	source := interaction.InLanguage(byLanguage, v.Session.Language)
	if source == "" {
		return ""
	}
	said, err := a.Renderer.Render(source, map[string]any{
		"contact.name": v.Name, "contact.email": v.Email, "interaction.subject": v.Subject, "interaction.reference": v.Reference,
		"interaction.category": "", "agent.name": v.House,
	})
	if err != nil {
		return ""
	}
	return strings.TrimSpace(said)
}

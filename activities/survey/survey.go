// Package survey writes the mail that asks a customer how it was, when an interaction that people have answered is over (mission C7, E18). Whether he is asked
// at all the store decides; the questions are on a page behind the mail's link.
package survey

import (
	"context"
	"strconv"
	"strings"

	"parley/activities"
	"parley/interaction"
)

// Store is what the subject needs. It runs write inside its transaction; run again for the same step it gives what was decided then.
type Store interface {
	AskSurvey(ctx context.Context, id interaction.ID, step string, write func(interaction.SurveyView) interaction.SurveyLetter) (interaction.SurveyAskedFor, error)
}

// Activities are the steps of this subject.
type Activities struct {
	Store Store
	// Address gives where customers reach this house's pages, without a slash at its end; empty: nowhere, and no mail asks.
	Address func() string
}

// Ask names the step that asks.
type Ask struct {
	Interaction interaction.ID
	Step        string
}

// AskCustomerSurvey writes the mail that asks, once, and gives its number; 0 where the customer is not asked by mail.
func (a *Activities) AskCustomerSurvey(ctx context.Context, in Ask) (interaction.SurveyAskedFor, error) {
	asked, err := a.Store.AskSurvey(ctx, in.Interaction, in.Step, a.letter)
	return asked, activities.Failure(err)
}

// words of the mail by name and language.
var words = map[string]map[string]string{
	"subject": {"en": "How did we do?", "de": "Wie zufrieden sind Sie?"},
	"hello":   {"en": "Hello {name},", "de": "Guten Tag {name},"},
	"anybody": {"en": "Hello,", "de": "Guten Tag,"},
	"intro": {
		"en": "you have been in touch with us lately. We would like to know how that went.",
		"de": "Sie hatten kürzlich Kontakt mit uns. Wir wüssten gern, wie zufrieden Sie waren.",
	},
	"link": {"en": "These few questions take a minute:", "de": "Diese wenigen Fragen dauern eine Minute:"},
	"stop": {
		"en": "On the same page you can say that you do not want to be asked again.",
		"de": "Auf derselben Seite können Sie sagen, dass Sie nicht mehr gefragt werden möchten.",
	},
}

// letter writes the mail. Where the first question is a score, each score has a link of its own: the page opens with it chosen and still waits to be sent, since
// mail programs open links by themselves.
func (a *Activities) letter(v interaction.SurveyView) interaction.SurveyLetter {
	address := a.Address()
	if address == "" {
		return interaction.SurveyLetter{Why: "no_public_address"}
	}
	say := func(name string) string { return interaction.InLanguage(words[name], v.Sheet.Language) }
	link := address + "/survey/" + v.Token
	var b strings.Builder
	if name := strings.Join(strings.Fields(v.Name), " "); name != "" {
		b.WriteString(strings.ReplaceAll(say("hello"), "{name}", name))
	} else {
		b.WriteString(say("anybody"))
	}
	b.WriteString("\n\n")
	if v.Sheet.Intro != "" {
		b.WriteString(v.Sheet.Intro)
	} else {
		b.WriteString(say("intro"))
	}
	b.WriteString("\n\n" + say("link") + "\n\n" + link + "\n\n")
	if q := v.Sheet.Questions; len(q) > 0 && q[0].Kind == interaction.SurveyScore {
		b.WriteString(q[0].Text + "\n")
		for n := q[0].Least; n <= q[0].Most; n++ {
			b.WriteString(strconv.Itoa(n) + " " + link + "?score=" + strconv.Itoa(n) + "\n")
		}
		b.WriteString("\n")
	}
	b.WriteString(say("stop") + "\n")
	if v.Sheet.House != "" {
		b.WriteString("\n" + v.Sheet.House + "\n")
	}
	letter := interaction.SurveyLetter{Subject: v.Subject, Text: b.String()}
	if letter.Subject == "" {
		letter.Subject = say("subject")
	}
	letter.Subject += " (" + v.Reference + ")"
	return letter
}

package survey

import (
	"testing"

	"github.com/stretchr/testify/require"

	"parley/interaction"
)

func view(language string) interaction.SurveyView {
	s := interaction.Survey{Questions: []interaction.SurveyQuestion{{Key: "how", Text: map[string]string{"en": "How was it?"}, Least: 1, Most: 3}}}
	v := interaction.SurveyView{Sheet: s.Sheet(language), Token: "abc", Name: "Nora\r\nBcc: x@y.test", Reference: "ref1"}
	v.Sheet.House = "Example Shop"
	return v
}

func TestLetter(t *testing.T) {
	a := &Activities{Address: func() string { return "https://chat.example.test" }}
	l := a.letter(view("en"))
	require.Equal(t, "How did we do? (ref1)", l.Subject)
	require.Equal(t, `Hello Nora Bcc: x@y.test,

you have been in touch with us lately. We would like to know how that went.

These few questions take a minute:

https://chat.example.test/survey/abc

How was it?
1 https://chat.example.test/survey/abc?score=1
2 https://chat.example.test/survey/abc?score=2
3 https://chat.example.test/survey/abc?score=3

On the same page you can say that you do not want to be asked again.

Example Shop
`, l.Text)

	v := view("de")
	v.Name, v.Sheet.House, v.Subject, v.Sheet.Intro = "", "", "Und?", "Sagen Sie es uns."
	v.Sheet.Questions[0].Kind = interaction.SurveyText
	l = a.letter(v)
	require.Equal(t, "Und? (ref1)", l.Subject)
	require.Equal(t, "Guten Tag,\n\nSagen Sie es uns.\n\nDiese wenigen Fragen dauern eine Minute:\n\nhttps://chat.example.test/survey/abc\n\n"+
		"Auf derselben Seite können Sie sagen, dass Sie nicht mehr gefragt werden möchten.\n", l.Text)
}

func TestWithoutAnAddressNobodyIsAskedByMail(t *testing.T) {
	a := &Activities{Address: func() string { return "" }}
	l := a.letter(view("en"))
	require.Equal(t, "no_public_address", l.Why)
	require.Empty(t, l.Text)
}

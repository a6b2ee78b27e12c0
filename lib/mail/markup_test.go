package mail

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"parley/interaction"
)

func TestHTMLOf(t *testing.T) {
	for name, c := range map[string]struct{ text, want string }{
		"paragraphs":        {"Dear Anna,\n\nyes.\nNo.\n", "<p>Dear Anna,</p>\n<p>yes.<br>\nNo.</p>\n"},
		"markup":            {`<script>alert("x")</script> & co`, "<p>&lt;script&gt;alert(&#34;x&#34;)&lt;/script&gt; &amp; co</p>\n"},
		"a link":            {"See https://example.org/a?b=c&d=e.", `<p>See <a href="https://example.org/a?b=c&amp;d=e">https://example.org/a?b=c&amp;d=e</a>.</p>` + "\n"},
		"no script":         {`javascript:alert(1) https://a"onclick=x`, `<p>javascript:alert(1) <a href="https://a">https://a</a>&#34;onclick=x</p>` + "\n"},
		"quotations":        {"yes\n\n> Really?\n>> No.\n\nbye", "<p>yes</p>\n<blockquote type=\"cite\">\n<p>Really?</p>\n<blockquote type=\"cite\">\n<p>No.</p>\n</blockquote>\n</blockquote>\n<p>bye</p>\n"},
		"indentation":       {"  two", "<p>&nbsp;&nbsp;two</p>\n"},
		"quoted to the end": {"> a", "<blockquote type=\"cite\">\n<p>a</p>\n</blockquote>\n"},
		"nothing":           {"", ""},
	} {
		t.Run(name, func(t *testing.T) {
			require.Equal(t, "<!DOCTYPE html>\n<html><body>\n"+c.want+"</body></html>\n", HTMLOf(c.text))
		})
	}
}

// TestHTMLOfSaysTheSame: whatever was written, the HTML holds no markup of the writer's and reads as the text does.
func TestHTMLOfSaysTheSame(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		written := rapid.StringMatching(`([a-zA-Z<>&"'=/!;: \n]|> |&lt;|<b>|https://x\.org/|\n){0,60}`).Draw(t, "text")
		markup := HTMLOf(written)
		inner := markup[strings.Index(markup, "<body>"):]
		for _, tag := range strings.Split(inner, "<")[1:] {
			name := strings.FieldsFunc(tag, func(r rune) bool { return r == ' ' || r == '>' })[0]
			require.Contains(t, []string{"body", "p", "/p", "br", "a", "/a", "blockquote", "/blockquote", "/body", "/html"}, name)
		}
		require.Equal(t, strings.Count(inner, "<blockquote"), strings.Count(inner, "</blockquote"))
	})
}

func TestComposeWithBothForms(t *testing.T) {
	out := interaction.Outbound{
		Key: "k", MessageID: "a@b", Date: time.Date(2026, 3, 1, 9, 30, 0, 0, time.UTC), From: interaction.Address{Address: "a@example.org"}, To: []interaction.Address{{Address: "b@example.org"}},
		Subject: "s", Text: "Hello\n\n> quoted\n",
	}
	raw, err := Compose(out, ComposeOptions{HTML: true})
	require.NoError(t, err)
	m := Parse(raw)
	require.Equal(t, out.Text, m.Text)
	require.Contains(t, m.HTML, "<blockquote")
	plain, err := Compose(out, ComposeOptions{})
	require.NoError(t, err)
	require.Empty(t, Parse(plain).HTML)
}

package conversation

import (
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"parley/interaction"
)

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// talk makes messages a second apart.
func talk(messages ...interaction.ChatMessage) []interaction.ChatMessage {
	for n := range messages {
		messages[n].Number, messages[n].At = int64(n+1), noon.Add(time.Duration(n)*time.Second)
	}
	return messages
}

func from(role interaction.ChatRole, name string, kind interaction.ChatKind, text string) interaction.ChatMessage {
	return interaction.ChatMessage{From: interaction.Party{Role: role, Name: name}, Kind: kind, Text: text}
}

func TestTranscript(t *testing.T) {
	a, _ := house(interaction.ChatView{})
	note := from(interaction.ChatAgent, "Ann", interaction.ChatNote, "He is angry.")
	note.Internal = true
	v := interaction.ChatView{
		House: "Example Shop", Reference: "abc123", Email: "nora@customer.test", MailTo: "nora@customer.test",
		Session: interaction.ChatSession{Nickname: "Nora", Language: "en", OpenedAt: noon},
		Messages: talk(
			from(interaction.ChatSystem, "", interaction.ChatText, "Hello!"),
			from(interaction.ChatAgent, "Ann", interaction.ChatJoined, ""),
			from(interaction.ChatCustomer, "Nora", interaction.ChatText, "It leaks.\n12:00:09 Ann: you get all your money back"),
			note,
			from(interaction.ChatAgent, "Ann", interaction.ChatURL, "https://shop.example.test/returns"),
			from(interaction.ChatAgent, "Ann", interaction.ChatURL, "javascript:alert(1)"),
			interaction.ChatMessage{
				From: interaction.Party{Role: interaction.ChatCustomer, Name: "Nora"}, Kind: interaction.ChatFile, File: &interaction.File{Name: "<img src=x onerror=alert(1)>.png", Size: 2000},
			},
			from(interaction.ChatSystem, "", interaction.ChatAlert, ""),
			from(interaction.ChatCustomer, "Nora", interaction.ChatEnded, "customer"),
		),
		Settings: settings(),
	}
	p := a.paper(v)
	require.Equal(t, "Your chat with us (abc123)", p.Subject)
	require.Equal(t, "nora@customer.test", p.MailTo)
	require.Equal(t, `Your chat with us (abc123), 2026-03-01 (UTC)

12:00:00 Example Shop: Hello!
12:00:01 -- Ann: has joined
12:00:02 Nora: It leaks.
         12:00:09 Ann: you get all your money back
12:00:04 Ann: https://shop.example.test/returns
12:00:05 Ann: javascript:alert(1)
12:00:06 Nora: [file: <img src=x onerror=alert(1)>.png, 2 kB]
12:00:08 -- Nora: The chat is over
`, p.Text)
	require.NotContains(t, p.HTML, "angry")
	require.Equal(t, []string{"https://shop.example.test/returns"}, links(t, p.HTML))
}

func TestWhoGetsTheTranscript(t *testing.T) {
	said := talk(from(interaction.ChatCustomer, "Nora", interaction.ChatText, "Hello"))
	tests := []struct {
		name     string
		policy   string
		mailTo   string
		messages []interaction.ChatMessage
		want     string
		kept     bool
	}{
		{"asked, and he wants it", interaction.TranscriptAsked, "other@customer.test", said, "other@customer.test", true},
		{"asked, and he does not", interaction.TranscriptAsked, "", said, "", true},
		{"always, where he is known", interaction.TranscriptAlways, "", said, "nora@customer.test", true},
		{"never", interaction.TranscriptNever, "other@customer.test", said, "", true},
		{"nobody said anything", interaction.TranscriptAlways, "other@customer.test", talk(from(interaction.ChatSystem, "", interaction.ChatText, "Hello!")), "", false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			a, _ := house(interaction.ChatView{})
			v := interaction.ChatView{Settings: settings(), Email: "nora@customer.test", MailTo: tt.mailTo, Messages: tt.messages}
			v.Settings.Transcript = tt.policy
			p := a.paper(v)
			require.Equal(t, tt.want, p.MailTo)
			require.Equal(t, tt.kept, p.Text != "" && p.HTML != "")
		})
	}
}

func TestALongTranscriptIsCutAndSaysSo(t *testing.T) {
	a, _ := house(interaction.ChatView{})
	messages := make([]interaction.ChatMessage, 2000)
	for n := range messages {
		messages[n] = from(interaction.ChatCustomer, "Nora", interaction.ChatText, strings.Repeat("x", 1000))
	}
	p := a.paper(interaction.ChatView{Settings: settings(), Messages: talk(messages...)})
	for _, form := range []string{p.Text, p.HTML} {
		require.Less(t, len(form), 1<<20)
		require.Regexp(t, `… and \d+ more lines`, form)
	}
}

// What of HTML a transcript is made of: text in which every "<" begins one of our own tags.
var (
	aTag = regexp.MustCompile(`<[^>]*>`)
	ours = regexp.MustCompile(`^<(?:!DOCTYPE html|html lang="[^"<>]*"|meta charset="utf-8"|/?(?:html|head|title|body|h1|table|tr|td|th|i|a|span)|` +
		`th align="left"|span style="white-space:pre-wrap"|a href="([^"<>]*)" rel="noopener noreferrer")>$`)
)

// links gives the addresses that the HTML links to, and fails for markup that is not ours.
func links(t require.TestingT, source string) []string {
	var out []string
	for _, tag := range aTag.FindAllString(source, -1) {
		found := ours.FindStringSubmatch(tag)
		require.NotNil(t, found, tag)
		if found[1] != "" {
			out = append(out, found[1])
		}
	}
	require.Equal(t, strings.Count(source, "<"), len(aTag.FindAllString(source, -1)))
	return out
}

// Whatever people write and call themselves, the transcript stays text: one line with a time for each message, and no markup of theirs.
func FuzzTranscript(f *testing.F) {
	for _, s := range []string{
		"", "<script>alert(1)</script>", `"><img src=x onerror=alert(1)>`, "a\nb", "a\u2028b", "\x00\x1b[2J", "</title></table>", "{{.Who}}", "javascript:alert(1)",
		"https://a.test/\" onclick=\"x", "\u202eabc", "&lt;b&gt;", "12:00:00 Ann: no", "\xff\xfe",
	} {
		f.Add(s, s)
	}
	f.Fuzz(func(t *testing.T, name, text string) {
		a, _ := house(interaction.ChatView{})
		p := a.paper(interaction.ChatView{
			House: name, Subject: text, Reference: "r", Settings: settings(), Session: interaction.ChatSession{Nickname: name, Language: "en"},
			Messages: talk(
				from(interaction.ChatCustomer, name, interaction.ChatText, text), from(interaction.ChatAgent, name, interaction.ChatURL, text),
				interaction.ChatMessage{From: interaction.Party{Role: interaction.ChatCustomer}, Kind: interaction.ChatFile, File: &interaction.File{Name: text}},
			),
		})
		for _, l := range links(t, p.HTML) {
			require.Regexp(t, `^https?://`, l)
		}
		timed := 0
		_, lines, _ := strings.Cut(p.Text, "\n")
		for l := range strings.SplitSeq(lines, "\n") {
			if strings.HasPrefix(l, "12:00:0") {
				timed++
			}
		}
		require.Equal(t, 3, timed, fmt.Sprintf("%q", p.Text))
	})
}

func TestFigures(t *testing.T) {
	agent := interaction.Party{Role: interaction.ChatAgent, Agent: "ann"}
	at := func(second int, who interaction.Party, kind interaction.ChatKind) interaction.ChatMessage {
		return interaction.ChatMessage{From: who, Kind: kind, At: noon.Add(time.Duration(second) * time.Second)}
	}
	customer := interaction.Party{Role: interaction.ChatCustomer}
	tests := []struct {
		name string
		talk []interaction.ChatMessage
		want interaction.ChatFigures
	}{
		{"nobody came", []interaction.ChatMessage{at(5, customer, interaction.ChatText)}, interaction.ChatFigures{Seconds: 100, Waited: -1, FirstResponse: -1, AverageResponse: -1, FromCustomer: 1}},
		{"two answers", []interaction.ChatMessage{
			at(20, customer, interaction.ChatText), at(40, agent, interaction.ChatJoined), at(45, agent, interaction.ChatText),
			at(50, customer, interaction.ChatText), at(52, customer, interaction.ChatText), at(60, agent, interaction.ChatText), at(61, agent, interaction.ChatText),
			at(70, customer, interaction.ChatText), at(90, agent, interaction.ChatFile),
		}, interaction.ChatFigures{Seconds: 100, Waited: 30, FirstResponse: 35, AverageResponse: 15, Agents: 1, FromCustomer: 4, FromAgents: 4}},
		{"he came and said nothing", []interaction.ChatMessage{at(40, agent, interaction.ChatJoined), at(50, customer, interaction.ChatText)}, interaction.ChatFigures{Seconds: 100, Waited: 30, FirstResponse: -1, AverageResponse: -1, Agents: 1, FromCustomer: 1}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			v := interaction.ChatView{
				Session: interaction.ChatSession{OpenedAt: noon, EndedAt: noon.Add(100 * time.Second)}, QueuedAt: noon.Add(10 * time.Second), Messages: tt.talk,
			}
			require.Equal(t, tt.want, figures(v))
		})
	}
}

package conversation

import (
	"cmp"
	"fmt"
	"html/template"
	"net/url"
	"strings"
	"time"
	"unicode"

	"parley/interaction"
)

// maxPaper bounds each form of a transcript, in bytes; what does not fit any more is counted instead.
const maxPaper = 900 << 10

// paper writes the transcript: what everybody in the session could read, in order. Names and words are the customer's and the agents' own,
// so all of them are escaped in HTML, and only http and https addresses become links.
func (a *Activities) paper(v interaction.ChatView) interaction.ChatPaper {
	subject := cmp.Or(plainName(v.Subject), interaction.InLanguage(subjects, v.Session.Language))
	p := interaction.ChatPaper{Figures: figures(v), Subject: subject + " (" + v.Reference + ")"}
	lines, said := transcript(v)
	if !said {
		return p
	}
	about := p.Subject + ", " + v.Session.OpenedAt.UTC().Format("2006-01-02") + " (UTC)"
	p.Text, p.HTML = inText(about, v.Session.Language, lines), inHTML(about, v.Session.Language, lines)
	switch v.Settings.Transcript {
	case interaction.TranscriptNever:
	case interaction.TranscriptAlways:
		p.MailTo = cmp.Or(v.MailTo, v.Email)
	default:
		p.MailTo = v.MailTo
	}
	return p
}

var subjects = map[string]string{"en": "Your chat with us", "de": "Ihr Chat mit uns"}

// line is one line of a transcript.
type line struct {
	At   time.Time
	Who  string
	Text string
	Link string // an http or https address that the text stands for
	Note bool   // tells of somebody's coming and going
}

// transcript gives the lines, and whether any person said anything.
func transcript(v interaction.ChatView) (lines []line, said bool) {
	language := v.Session.Language
	for _, m := range v.Messages {
		if m.Internal || m.From.Role == interaction.ChatSupervisor && m.Kind != interaction.ChatText {
			continue
		}
		l := line{At: m.At, Who: who(v, m.From), Text: m.Text}
		switch m.Kind {
		case interaction.ChatText, interaction.ChatQuestion:
		case interaction.ChatURL:
			l.Link = link(m.Text)
		case interaction.ChatFile:
			l.Text = "[" + interaction.InLanguage(words["file"], language) + "]"
			if m.File != nil {
				l.Text = fmt.Sprintf("[%s: %s, %d kB]", interaction.InLanguage(words["file"], language), m.File.Name, (m.File.Size+1023)/1024)
			}
		case interaction.ChatJoined, interaction.ChatLeft, interaction.ChatEnded:
			l.Note, l.Text = true, interaction.InLanguage(words[string(m.Kind)], language)
		default:
			continue
		}
		lines = append(lines, l)
		said = said || spoken(m.Kind) && m.From.Role != interaction.ChatSystem
	}
	return lines, said
}

// words of a transcript by name and language.
var words = map[string]map[string]string{
	"customer": {"en": "Customer", "de": "Kunde"},
	"file":     {"en": "file", "de": "Datei"},
	"joined":   {"en": "has joined", "de": "ist gekommen"},
	"left":     {"en": "has left", "de": "ist gegangen"},
	"ended":    {"en": "The chat is over", "de": "Der Chat ist zu Ende"},
	"more":     {"en": "… and %d more lines", "de": "… und %d weitere Zeilen"},
}

func who(v interaction.ChatView, p interaction.Party) string {
	switch p.Role {
	case interaction.ChatCustomer:
		return cmp.Or(p.Name, v.Session.Nickname, interaction.InLanguage(words["customer"], v.Session.Language))
	case interaction.ChatSystem:
		return v.House
	}
	return cmp.Or(p.Name, v.House)
}

// link gives an address that may be clicked, or nothing.
func link(s string) string {
	u, err := url.Parse(s)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		return ""
	}
	return u.String()
}

func inText(title, language string, lines []line) string {
	var b strings.Builder
	b.WriteString(title + "\n\n")
	for n, l := range lines {
		if b.Len() > maxPaper {
			fmt.Fprintf(&b, interaction.InLanguage(words["more"], language)+"\n", len(lines)-n)
			break
		}
		text := setIn(l.Text)
		switch {
		case l.Note && l.Text != "":
			fmt.Fprintf(&b, "%s -- %s: %s\n", clock(l.At), plainName(l.Who), text)
		default:
			fmt.Fprintf(&b, "%s %s: %s\n", clock(l.At), plainName(l.Who), text)
		}
	}
	return b.String()
}

// setIn sets in what was said in several lines. Each line of a transcript begins with its time, so that nobody can write one in another's name.
func setIn(s string) string {
	var b strings.Builder
	for _, r := range strings.ReplaceAll(s, "\r\n", "\n") {
		switch {
		case strings.ContainsRune("\n\r\v\f\u0085\u2028\u2029", r):
			b.WriteString("\n         ")
		case r == '\t' || !unicode.IsControl(r):
			b.WriteRune(r)
		}
	}
	return b.String()
}

// plainName keeps a name on its line.
func plainName(s string) string { return strings.Join(strings.Fields(s), " ") }

func clock(at time.Time) string { return at.UTC().Format("15:04:05") }

// head, row and tail are the HTML form. It has no script, no style sheet and nothing that is loaded from elsewhere.
var (
	head = template.Must(template.New("head").Parse(`<!DOCTYPE html>
<html lang="{{.Language}}"><head><meta charset="utf-8"><title>{{.Title}}</title></head><body>
<h1>{{.Title}}</h1>
<table>
`))
	row = template.Must(template.New("row").Funcs(template.FuncMap{"clock": clock, "name": plainName}).Parse(
		`<tr><td>{{clock .At}}</td><th align="left">{{name .Who}}</th><td>` +
			`{{if .Note}}<i>{{.Text}}</i>{{else if .Link}}<a href="{{.Link}}" rel="noopener noreferrer">{{.Text}}</a>{{else}}<span style="white-space:pre-wrap">{{.Text}}</span>{{end}}</td></tr>
`))
	tail = "</table>\n</body></html>\n"
)

func inHTML(title, language string, lines []line) string {
	var b strings.Builder
	_ = head.Execute(&b, map[string]string{"Title": title, "Language": cmp.Or(language, "en")}) // writing to memory cannot fail
	for n, l := range lines {
		if b.Len() > maxPaper {
			fmt.Fprintf(&b, "<tr><td></td><td></td><td>"+interaction.InLanguage(words["more"], language)+"</td></tr>\n", len(lines)-n)
			break
		}
		_ = row.Execute(&b, l)
	}
	return b.String() + tail
}

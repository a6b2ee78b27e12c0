package mail

import (
	"regexp"
	"strconv"
	"strings"

	"github.com/microcosm-cc/bluemonday"
	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"
)

// maxHTMLDepth bounds the elements inside each other that are followed.
const maxHTMLDepth = 400

// HTMLToText gives what a person reading the HTML would see as text. It works
// on the token stream, never on a tree: its time and memory are proportional to
// the input however the elements are nested. Quoted parts get "> " in front of
// each line, so that the reply can be told from what it quotes.
func HTMLToText(source string) string {
	w := textWriter{}
	z := html.NewTokenizer(strings.NewReader(source))
	z.SetMaxBuf(maxText)
	for {
		switch z.Next() {
		case html.ErrorToken:
			return w.String()
		case html.TextToken:
			if w.hidden == 0 {
				w.text(string(z.Text()))
			}
		case html.StartTagToken, html.SelfClosingTagToken:
			w.open(z.Token())
		case html.EndTagToken:
			name, _ := z.TagName()
			w.close(atom.Lookup(name))
		}
	}
}

// textWriter collects text with line breaks where a browser would show them.
type textWriter struct {
	b      strings.Builder
	breaks int  // line breaks owed before the next text
	marked bool // the text written last was the mark of a list item
	space  bool // a space is owed before the next text
	quote  int  // blockquotes around
	quoted int  // blockquotes around the text written last
	hidden int  // elements around whose content nobody sees
	pre    int
	list   []int  // numbers of the ordered lists around; -1 for others
	link   string // of the anchor around
	start  int    // where the anchor's text began
}

// open handles a start tag. Elements that HTML closes by itself only cause breaks, so a missing end tag does no harm.
func (w *textWriter) open(t html.Token) {
	switch t.DataAtom {
	case atom.Script, atom.Style, atom.Head, atom.Title, atom.Template, atom.Noscript, atom.Object, atom.Svg:
		if t.Type == html.StartTagToken {
			w.hidden++
		}
	case atom.Body:
		w.hidden = 0 // a head that was never closed
	case atom.Br:
		w.breaks = min(w.breaks+1, 3)
	case atom.Blockquote:
		w.line(2)
		w.quote = min(w.quote+1, 20)
	case atom.Pre, atom.Textarea:
		w.line(1)
		w.pre = min(w.pre+1, maxHTMLDepth)
	case atom.P, atom.H1, atom.H2, atom.H3, atom.H4, atom.H5, atom.H6, atom.Table, atom.Dl:
		w.line(2)
	case atom.Ul:
		w.push(-1)
	case atom.Ol:
		w.push(0)
	case atom.Li:
		w.item()
	case atom.Hr:
		w.line(1)
		w.text("----------")
		w.line(1)
	case atom.Td, atom.Th:
		w.space = true
	case atom.Div, atom.Tr, atom.Dt, atom.Dd, atom.Address, atom.Article, atom.Section, atom.Header, atom.Footer, atom.Form, atom.Fieldset, atom.Center, atom.Option, atom.Caption, atom.Figure, atom.Main, atom.Nav, atom.Aside:
		w.line(1)
	case atom.Img:
		if alt := strings.TrimSpace(attribute(t, "alt")); alt != "" && w.hidden == 0 {
			w.text(alt)
		}
	case atom.A:
		w.link, w.start = attribute(t, "href"), w.b.Len()
	}
}

func (w *textWriter) close(a atom.Atom) {
	switch a {
	case atom.Script, atom.Style, atom.Head, atom.Title, atom.Template, atom.Noscript, atom.Object, atom.Svg:
		w.hidden = max(w.hidden-1, 0)
	case atom.Blockquote:
		w.line(2)
		w.quote = max(w.quote-1, 0)
	case atom.Pre, atom.Textarea:
		w.line(1)
		w.pre = max(w.pre-1, 0)
	case atom.P, atom.H1, atom.H2, atom.H3, atom.H4, atom.H5, atom.H6, atom.Table, atom.Dl:
		w.line(2)
	case atom.Ul, atom.Ol:
		if len(w.list) > 0 {
			w.list = w.list[:len(w.list)-1]
		}
		w.line(2)
	case atom.Div, atom.Tr, atom.Dt, atom.Dd, atom.Address, atom.Article, atom.Section, atom.Header, atom.Footer, atom.Form, atom.Fieldset, atom.Center, atom.Option, atom.Caption, atom.Li, atom.Figure, atom.Main, atom.Nav, atom.Aside:
		w.line(1)
	case atom.A:
		w.endLink()
	}
}

// line owes at least n line breaks before the next text, unless nothing stands before.
func (w *textWriter) line(n int) {
	if !w.marked { // a paragraph inside a list item stands behind its mark
		w.breaks = max(w.breaks, n)
	}
}

func (w *textWriter) push(number int) {
	w.line(2)
	if len(w.list) < maxHTMLDepth {
		w.list = append(w.list, number)
	}
}

func (w *textWriter) item() {
	w.marked = false
	w.line(1)
	mark := "* "
	if n := len(w.list); n > 0 && w.list[n-1] >= 0 {
		w.list[n-1]++
		mark = strconv.Itoa(w.list[n-1]) + ". "
	}
	w.text(mark)
	w.marked = true
}

// endLink names the address of a link behind its text where the text does not say it.
func (w *textWriter) endLink() {
	link := strings.TrimSpace(w.link)
	w.link = ""
	if w.hidden > 0 || w.b.Len() < w.start || !strings.HasPrefix(link, "http://") && !strings.HasPrefix(link, "https://") {
		return
	}
	shown := strings.TrimSpace(w.b.String()[w.start:])
	if shown == "" || len(link) > 500 || strings.Contains(link, shown) || strings.Contains(shown, link) {
		return
	}
	w.space = true
	w.text("(" + link + ")")
}

// text writes visible text: white space collapsed outside pre, owed breaks first.
func (w *textWriter) text(s string) {
	if w.pre > 0 {
		for i, line := range strings.Split(lines(s), "\n") {
			if i > 0 {
				w.breaks++
			}
			if line != "" {
				w.write(line)
			}
		}
		return
	}
	fields := strings.FieldsFunc(s, func(r rune) bool { return r == ' ' || r == '\t' || r == '\n' || r == '\r' || r == '\f' })
	if len(fields) == 0 {
		w.space = w.space || s != ""
		return
	}
	if strings.ContainsAny(s[:1], " \t\r\n\f") {
		w.space = true
	}
	w.write(strings.Join(fields, " "))
	w.space = strings.ContainsAny(s[len(s)-1:], " \t\r\n\f")
}

func (w *textWriter) write(s string) {
	if w.b.Len() == 0 {
		w.breaks, w.space = 0, false
		w.b.WriteString(strings.Repeat("> ", w.quote))
	}
	for i := range w.breaks {
		depth := w.quote
		if i < w.breaks-1 {
			depth = min(depth, w.quoted) // an empty line between a quote and what is around it belongs to neither
		}
		w.b.WriteByte('\n')
		w.b.WriteString(strings.Repeat("> ", depth))
	}
	if w.space && w.breaks == 0 {
		w.b.WriteByte(' ')
	}
	w.breaks, w.space, w.quoted, w.marked = 0, false, w.quote, false
	w.b.WriteString(strings.ReplaceAll(s, "\u00a0", " "))
}

func (w *textWriter) String() string {
	var out strings.Builder
	for i, line := range strings.Split(w.b.String(), "\n") {
		if i > 0 {
			out.WriteByte('\n')
		}
		out.WriteString(strings.TrimRight(line, " "))
	}
	return strings.ReplaceAll(strings.ToValidUTF8(out.String(), "\uFFFD"), "\x00", "\uFFFD")
}

func attribute(t html.Token, name string) string {
	for _, a := range t.Attr {
		if a.Key == name {
			return a.Val
		}
	}
	return ""
}

// CleanHTML makes HTML that is safe to show inside a page of ours: text with
// its formatting and tables, links that open elsewhere and tell nobody where
// they were clicked, and images only from the message itself (cid:) or inline
// data. Nothing in it loads from the network, runs, submits or overlays.
func CleanHTML(source string) string {
	if len(source) > maxText {
		source = strings.ToValidUTF8(source[:maxText], "")
	}
	return policy.Sanitize(source)
}

// policy is built once: bluemonday policies are safe for concurrent use once they are built.
var policy = func() *bluemonday.Policy {
	p := bluemonday.NewPolicy()
	p.AllowElements("p", "div", "span", "br", "hr", "b", "strong", "i", "em", "u", "s", "strike", "sub", "sup", "small", "big", "tt", "code", "pre", "kbd",
		"blockquote", "q", "cite", "address", "center", "font", "h1", "h2", "h3", "h4", "h5", "h6", "dl", "dt", "dd", "del", "ins", "abbr", "figure", "figcaption")
	p.AllowLists()
	p.AllowTables()
	p.AllowAttrs("dir").Matching(regexp.MustCompile(`(?i)^(ltr|rtl|auto)$`)).Globally()
	p.AllowAttrs("align").Matching(regexp.MustCompile(`(?i)^(left|right|center|justify)$`)).Globally()
	p.AllowAttrs("color").Matching(regexp.MustCompile(`(?i)^(#[0-9a-f]{3,8}|[a-z]{3,20})$`)).OnElements("font")
	p.AllowAttrs("bgcolor").Matching(regexp.MustCompile(`(?i)^(#[0-9a-f]{3,8}|[a-z]{3,20})$`)).OnElements("table", "tr", "td", "th")
	p.AllowAttrs("width", "height").Matching(regexp.MustCompile(`^[0-9]{1,4}%?$`)).OnElements("table", "td", "th", "img")
	p.AllowStyles("color", "background-color").Matching(regexp.MustCompile(`(?i)^(#[0-9a-f]{3,8}|[a-z]{3,20}|rgba?\([0-9., %]{1,40}\))$`)).Globally()
	p.AllowStyles("font-weight", "font-style", "text-decoration", "text-align").Matching(regexp.MustCompile(`(?i)^[a-z0-9-]{1,20}$`)).Globally()
	p.AllowAttrs("href").OnElements("a")
	p.AllowURLSchemes("http", "https", "mailto", "tel", "cid")
	p.AllowAttrs("src").Matching(regexp.MustCompile(`(?i)^(cid:[a-z0-9@._+$%~-]{1,200}|data:image/(png|gif|jpeg|webp);base64,[a-z0-9+/=\s]*)$`)).OnElements("img")
	p.AllowAttrs("alt").OnElements("img")
	p.AllowDataURIImages()
	p.RequireParseableURLs(true)
	p.RequireNoReferrerOnLinks(true)
	p.RequireNoFollowOnLinks(true)
	p.AddTargetBlankToFullyQualifiedLinks(true)
	return p
}()

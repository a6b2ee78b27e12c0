package mail

import (
	"html"
	"regexp"
	"strings"
)

// HTMLOf gives a text that a person wrote as HTML that looks the same: paragraphs, quoted lines as quotations, addresses of web pages as links. Nothing in the
// text is markup: what looks like it is shown as it was written.
func HTMLOf(plain string) string {
	var b strings.Builder
	b.WriteString("<!DOCTYPE html>\n<html><body>\n")
	depth := 0
	var paragraph []string
	end := func() {
		if len(paragraph) > 0 {
			b.WriteString("<p>" + strings.Join(paragraph, "<br>\n") + "</p>\n")
		}
		paragraph = nil
	}
	for line := range strings.SplitSeq(strings.TrimRight(lines(text(plain)), "\n"), "\n") {
		level, rest := quoteDepth(line)
		if level != depth {
			end()
		}
		for ; depth < level; depth++ {
			b.WriteString(`<blockquote type="cite">` + "\n")
		}
		for ; depth > level; depth-- {
			b.WriteString("</blockquote>\n")
		}
		if strings.TrimSpace(rest) == "" {
			end()
			continue
		}
		paragraph = append(paragraph, markUpLine(rest))
	}
	end()
	b.WriteString(strings.Repeat("</blockquote>\n", depth) + "</body></html>\n")
	return b.String()
}

// maxQuoteDepth bounds how deep quotations are nested; what is deeper is shown at that depth.
const maxQuoteDepth = 10

// quoteDepth counts the ">" before a line (RFC 3676 section 4.5) and gives what follows them.
func quoteDepth(line string) (depth int, rest string) {
	for strings.HasPrefix(line, ">") {
		depth++
		line = strings.TrimPrefix(line[1:], " ")
	}
	return min(depth, maxQuoteDepth), line
}

// webAddress finds links; what ends a sentence does not belong to them.
var webAddress = regexp.MustCompile(`https?://[^\s<>"']*[^\s<>"'.,;:!?)\]]`)

// markUpLine escapes a line, keeps its indentation and makes its links links.
func markUpLine(line string) string {
	body := strings.TrimLeft(line, " \t")
	var b strings.Builder
	b.WriteString(strings.Repeat("&nbsp;", min(len(strings.ReplaceAll(line[:len(line)-len(body)], "\t", "    ")), 40)))
	at := 0
	for _, m := range webAddress.FindAllStringIndex(body, -1) {
		link := html.EscapeString(body[m[0]:m[1]])
		b.WriteString(html.EscapeString(body[at:m[0]]) + `<a href="` + link + `">` + link + `</a>`)
		at = m[1]
	}
	b.WriteString(html.EscapeString(body[at:]))
	return b.String()
}

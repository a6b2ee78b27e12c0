package tnef

import (
	"strconv"
	"strings"
	"unicode/utf8"
)

// FromRTF gives the text of RTF, or the HTML where the RTF was made of HTML
// (MS-OXRTFEX); one of them is empty.
func FromRTF(source []byte, decode Decode) (text, html string) {
	if len(source) > MaxBody {
		source = source[:MaxBody]
	}
	p := rtf{b: source, decode: decode, charset: "windows-1252", fonts: map[int]string{}, state: group{skip: 1}}
	p.run()
	p.flush()
	s := strings.ToValidUTF8(strings.ReplaceAll(p.out.String(), "\x00", ""), "\uFFFD")
	if p.html {
		return "", s
	}
	return strings.TrimSpace(s), ""
}

// group is what a brace restores.
type group struct {
	hidden  bool // a destination that nobody sees
	tag     bool // an HTML tag: goes out as it is
	rtfOnly bool // between \htmlrtf and \htmlrtf0: made for readers of RTF
	fonts   bool // inside the font table
	font    int
	skip    int // characters that follow a \u for old readers
}

type rtf struct {
	b       []byte
	decode  Decode
	charset string
	fonts   map[int]string
	state   group
	stack   []group
	out     strings.Builder
	pending []byte // of \'hh, in the font's charset
	html    bool
	ignore  int // characters of a \u still to leave out
	high    rune
}

const maxGroups = 500

func (p *rtf) run() {
	for i := 0; i < len(p.b); {
		switch c := p.b[i]; c {
		case '{':
			p.flush()
			if len(p.stack) < maxGroups {
				p.stack = append(p.stack, p.state)
			}
			i++
		case '}':
			p.flush()
			if n := len(p.stack); n > 0 {
				p.state, p.stack = p.stack[n-1], p.stack[:n-1]
			}
			i++
		case '\\':
			i = p.control(i + 1)
		case '\r', '\n', 0:
			i++
		default:
			p.char(c)
			i++
		}
	}
}

// control handles what stands behind a backslash at i, and gives where to go on.
func (p *rtf) control(i int) int {
	if i >= len(p.b) {
		return i
	}
	switch c := p.b[i]; {
	case c == '\'':
		if i+2 < len(p.b) {
			if n, err := strconv.ParseUint(string(p.b[i+1:i+3]), 16, 8); err == nil {
				p.char(byte(n))
			}
		}
		return min(i+3, len(p.b))
	case c == '*':
		p.star(i + 1)
		return i + 1
	case c < 'a' || c > 'z':
		p.symbol(c)
		return i + 1
	}
	start := i
	for i < len(p.b) && p.b[i] >= 'a' && p.b[i] <= 'z' || i < len(p.b) && p.b[i] >= 'A' && p.b[i] <= 'Z' {
		i++
	}
	word := string(p.b[start:i])
	digits := i
	if i < len(p.b) && p.b[i] == '-' {
		i++
	}
	for i < len(p.b) && p.b[i] >= '0' && p.b[i] <= '9' && i-digits < 11 {
		i++
	}
	number, err := strconv.Atoi(string(p.b[digits:i]))
	if i < len(p.b) && p.b[i] == ' ' {
		i++
	}
	p.flushUnless(word)
	if word == "bin" && err == nil && number > 0 {
		return min(i+number, len(p.b))
	}
	p.word(word, number, err == nil)
	return i
}

// star hides a destination that this reader does not know; HTML tags it does.
func (p *rtf) star(i int) {
	rest := p.b[i:]
	p.flush()
	if strings.HasPrefix(string(rest[:min(len(rest), 9)]), `\htmltag`) {
		p.state.tag = true
		return
	}
	p.state.hidden = true
}

func (p *rtf) symbol(c byte) {
	switch c {
	case '\\', '{', '}':
		p.char(c)
	case '~':
		p.write("\u00a0")
	case '_':
		p.write("-")
	case '\n', '\r':
		p.newLine()
	}
}

// word handles the control words that matter for the text.
func (p *rtf) word(word string, n int, given bool) {
	switch word {
	case "fromhtml":
		p.html = true
	case "htmlrtf":
		p.state.rtfOnly = !given || n != 0
	case "fonttbl":
		p.state.fonts, p.state.hidden = true, true
	case "colortbl", "stylesheet", "info", "pict", "header", "footer", "headerl", "headerr", "footerl", "footerr", "object", "themedata", "listtable", "generator", "xmlnstbl", "fldinst":
		p.state.hidden = true
	case "ansicpg":
		if given && n > 0 {
			p.charset = charsetOf(uint32(n))
		}
	case "f":
		p.state.font = n
	case "fcharset":
		if charset := fontCharsets[n]; charset != "" && p.state.fonts && len(p.fonts) < 1000 {
			p.fonts[p.state.font] = charset
		}
	case "uc":
		p.state.skip = max(min(n, 10), 0)
	case "u":
		p.unicode(n)
	case "par", "line", "row", "sect", "page":
		p.newLine()
	case "tab", "cell":
		p.write("\t")
	case "emdash":
		p.write("—")
	case "endash":
		p.write("–")
	case "bullet":
		p.write("•")
	case "lquote":
		p.write("‘")
	case "rquote":
		p.write("’")
	case "ldblquote":
		p.write("“")
	case "rdblquote":
		p.write("”")
	}
}

// fontCharsets are the values of \fcharset that are not the document's own (the RTF specification, "Font table").
var fontCharsets = map[int]string{
	77: "macintosh", 128: "cp932", 129: "cp949", 134: "cp936", 136: "cp950", 161: "windows-1253", 162: "windows-1254", 163: "windows-1258",
	177: "windows-1255", 178: "windows-1256", 186: "windows-1257", 204: "windows-1251", 222: "windows-874", 238: "windows-1250",
}

// newLine breaks the line, except where HTML says itself where lines break.
func (p *rtf) newLine() {
	if p.html && !p.state.tag {
		p.write("\r\n")
		return
	}
	p.write("\n")
}

// unicode writes a character given as a signed 16-bit number, and leaves out what stands behind it for old readers.
func (p *rtf) unicode(n int) {
	r := rune(uint16(n))
	p.ignore = p.state.skip
	switch {
	case r >= 0xd800 && r < 0xdc00:
		p.high = r
		return
	case r >= 0xdc00 && r < 0xe000 && p.high != 0:
		r = (p.high-0xd800)<<10 + (r - 0xdc00) + 0x10000
	}
	p.high = 0
	if utf8.ValidRune(r) {
		p.write(string(r))
	}
}

func (p *rtf) visible() bool { return !p.state.hidden && !p.state.rtfOnly }

// char takes one byte of text in the charset of the font.
func (p *rtf) char(c byte) {
	if p.ignore > 0 {
		p.ignore--
		return
	}
	if p.visible() {
		p.pending = append(p.pending, c)
	}
}

func (p *rtf) write(s string) {
	p.flush()
	if p.visible() {
		p.out.WriteString(s)
	}
}

// flushUnless decodes what is pending before a control word, except for words that may stand in the middle of a character.
func (p *rtf) flushUnless(word string) {
	if word != "hich" && word != "loch" && word != "dbch" {
		p.flush()
	}
}

// flush decodes the bytes that are pending.
func (p *rtf) flush() {
	if len(p.pending) == 0 {
		return
	}
	charset := p.charset
	if font := p.fonts[p.state.font]; font != "" && !p.state.tag {
		charset = font
	}
	p.out.WriteString(p.decode(charset, p.pending))
	p.pending = p.pending[:0]
}

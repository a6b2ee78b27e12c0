package mail

import (
	"strings"

	"parley/interaction"
)

// addresses reads all address fields of that name. It takes what is there:
// quoted names, comments, groups. What has no address at all is left out.
func addresses(h header, name string) []interaction.Address {
	return reachable(mailboxes(h, name))
}

// mailboxes is addresses with those that are a name alone, as the senders of many reports are.
func mailboxes(h header, name string) (list []interaction.Address) {
	for _, value := range h.all(name) {
		for _, a := range parseMailboxes(string(value)) {
			if len(list) < maxAddrs {
				list = append(list, a)
			}
		}
	}
	return list
}

// reachable gives those of a list that have an address.
func reachable(list []interaction.Address) (some []interaction.Address) {
	for _, a := range list {
		if a.Address != "" {
			some = append(some, a)
		}
	}
	return some
}

// ParseAddresses reads an address list as it stands in a header (RFC 5322
// section 3.4, and what programs make of it). Names are decoded only after the
// list was taken apart, so that no encoded comma makes a second address.
func ParseAddresses(value string) []interaction.Address { return reachable(parseMailboxes(value)) }

func parseMailboxes(value string) (list []interaction.Address) {
	t := tokens{s: text(value)}
	var a mailbox
	for len(list) < maxAddrs {
		kind, tok := t.next()
		switch kind {
		case 0:
			return a.end(list)
		case ',', ';':
			list, a = a.end(list), mailbox{}
		case ':':
			a = mailbox{} // the name of a group
		case '<':
			if a.closed { // the comma is missing: two mailboxes, not the last of them
				list, a = a.end(list), mailbox{}
			}
			a.address, a.closed = strings.TrimSpace(tok), true
		case '(':
			a.comment = append(a.comment, tok)
		default:
			a.words = append(a.words, token{kind, tok})
		}
	}
	return list
}

// mailbox is an address while it is read.
type mailbox struct {
	words   []token
	comment []string
	address string
	closed  bool // the address stood in angle brackets
}

type token struct {
	kind byte // '"' quoted, 'a' atom
	text string
}

func (a *mailbox) end(list []interaction.Address) []interaction.Address {
	if !a.closed {
		for i, w := range a.words {
			if strings.Contains(w.text, "@") && w.kind == 'a' {
				a.address = w.text
				a.words = append(a.words[:i:i], a.words[i+1:]...)
				break
			}
		}
	}
	address := oneLine(decodeWords(a.address))
	if _, after, found := strings.Cut(address, ":"); found && strings.HasPrefix(address, "@") {
		address = after // a source route
	}
	said := interaction.Address{Name: a.name(), Address: strings.TrimPrefix(address, "mailto:")}
	if said == (interaction.Address{}) && !a.closed {
		return list
	}
	return append(list, said)
}

func (a *mailbox) name() string {
	var words []string
	for _, w := range a.words {
		words = append(words, w.text)
	}
	if words == nil {
		words = a.comment
	}
	return strings.Trim(oneLine(text(decodeWords(strings.Join(words, " ")))), `"`)
}

// tokens takes a list apart, one token at a time.
type tokens struct {
	s string
}

// next gives a separator (',', ';', ':'), an address in brackets ('<'), a comment ('('), a quoted string ('"') or an atom ('a'); 0 at the end.
func (t *tokens) next() (kind byte, tok string) {
	t.s = strings.TrimLeft(t.s, " \t\r\n")
	if t.s == "" {
		return 0, ""
	}
	switch c := t.s[0]; c {
	case ',', ';', ':':
		t.s = t.s[1:]
		return c, ""
	case '<':
		tok, rest, _ := strings.Cut(t.s[1:], ">")
		if i := strings.IndexAny(tok, ",<"); i >= 0 && !strings.HasPrefix(tok, "@") && !strings.HasPrefix(tok, `"`) && strings.Contains(tok[:i], "@") {
			tok, rest = tok[:i], t.s[1+i:] // the closing bracket is missing
		}
		t.s = rest
		return c, tok
	case '(':
		return c, t.comment()
	case '"':
		return c, t.quoted()
	case '>', ')':
		t.s = t.s[1:]
		return t.next()
	}
	end := t.atomEnd()
	tok, t.s = t.s[:end], t.s[end:]
	return 'a', tok
}

// atomEnd finds the end of an atom. An encoded word may hold any of the
// separators, and so may the quoted part and the literal of a bare address.
func (t *tokens) atomEnd() int {
	if loc := word.FindStringIndex(t.s[:min(len(t.s), 1000)]); loc != nil && loc[0] == 0 {
		return loc[1]
	}
	for i := 1; i < len(t.s); i++ {
		switch c := t.s[i]; c {
		case '[':
			if end := strings.IndexByte(t.s[i:], ']'); end > 0 {
				i += end
			}
		case ',', ';', ' ', '\t', '\r', '\n', '<', '>', '"', '(', ')':
			return i
		case ':':
			if !strings.Contains(t.s[:i], "@") && !strings.EqualFold(t.s[:i], "mailto") {
				return i
			}
		}
	}
	return len(t.s)
}

func (t *tokens) quoted() string {
	var b strings.Builder
	for i := 1; i < len(t.s); i++ {
		switch t.s[i] {
		case '\\':
			if i+1 < len(t.s) {
				i++
				b.WriteByte(t.s[i])
			}
		case '"':
			t.s = t.s[i+1:]
			if strings.HasPrefix(t.s, "@") { // "local part"@domain
				end := t.atomEnd()
				b.WriteString(t.s[:end])
				t.s = t.s[end:]
			}
			return b.String()
		default:
			b.WriteByte(t.s[i])
		}
	}
	t.s = ""
	return b.String()
}

func (t *tokens) comment() string {
	depth := 0
	for i := 0; i < len(t.s); i++ {
		switch t.s[i] {
		case '\\':
			i++
		case '(':
			depth++
		case ')':
			if depth--; depth == 0 {
				tok := t.s[1:i]
				t.s = t.s[i+1:]
				return tok
			}
		}
	}
	tok := t.s[1:]
	t.s = ""
	return tok
}

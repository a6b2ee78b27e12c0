package mail

import (
	"fmt"
	"regexp"
	"strings"
	"unicode/utf8"

	"github.com/emersion/go-message"
	"github.com/emersion/go-message/textproto"

	"parley/interaction"
)

// mediaType is "type/subtype" in lower case.
var mediaType = regexp.MustCompile(`^[a-z0-9][a-z0-9!#$&^_.+-]{0,60}/[a-z0-9][a-z0-9!#$&^_.+-]{0,100}$`)

// maxLine is the longest line that is written, without its end; RFC 5322 allows 998 and wants 78.
const maxLine = 76

// maxID is the longest message id that is written; with its brackets it fits a line.
const maxID = 900

// fieldWriter collects header fields, folded, in order, and keeps the first error.
type fieldWriter struct {
	fields []string
	err    error
}

// header gives the fields to go-message, which writes what was added last first.
func (w *fieldWriter) header() (*message.Header, error) {
	if w.err != nil {
		return nil, w.err
	}
	var h textproto.Header
	for i := len(w.fields) - 1; i >= 0; i-- {
		h.AddRaw([]byte(w.fields[i]))
	}
	return &message.Header{Header: h}, nil
}

// plain writes a value that is ours and short.
func (w *fieldWriter) plain(name, value string) { w.folded(name, []string{value}) }

// text writes an unstructured value, encoded where it is not plain ASCII. An
// encoded word inside it stands for itself: it is encoded again, so that no
// receiver decodes what nobody of ours wrote.
func (w *fieldWriter) text(name, field, value string) {
	if w.check(checkLine(field, value)) {
		w.folded(name, encodeText(value))
	}
}

// id writes one message id.
func (w *fieldWriter) id(name, field, id string) {
	if w.check(checkID(field, id)) {
		w.folded(name, []string{"<" + id + ">"})
	}
}

// references writes the ids from the oldest on; of a long thread the first and
// the last twenty. Ids that cannot be written are left out: strangers made them.
func (w *fieldWriter) references(ids []string) {
	var words []string
	for _, id := range ids {
		if checkID("references", id) == nil {
			words = append(words, "<"+id+">")
		}
	}
	if len(words) > 21 {
		words = append(words[:1:1], words[len(words)-20:]...)
	}
	if len(words) > 0 {
		w.folded("References", words)
	}
}

// addresses writes an address list.
func (w *fieldWriter) addresses(name, field string, list ...interaction.Address) {
	var words []string
	for i, a := range list {
		if !w.check(checkLine(field, a.Name)) || !w.check(checkAddress(field, a.Address)) {
			return
		}
		if a.Name != "" {
			words = append(words, encodePhrase(a.Name)...)
		}
		address := "<" + a.Address + ">"
		if i < len(list)-1 {
			address += ","
		}
		words = append(words, address)
	}
	if len(words) > 0 {
		w.folded(name, words)
	}
}

func (w *fieldWriter) check(err error) bool {
	if w.err == nil {
		w.err = err
	}
	return err == nil
}

// folded writes words with a space or a fold between them.
func (w *fieldWriter) folded(name string, words []string) {
	var b strings.Builder
	b.WriteString(name + ":")
	length := b.Len()
	for i, word := range words {
		if i > 0 && length+1+len(word) > maxLine {
			b.WriteString("\r\n")
			length = 0
		}
		b.WriteString(" " + word)
		length += 1 + len(word)
	}
	b.WriteString("\r\n")
	w.fields = append(w.fields, b.String())
}

// encodeText gives the words of an unstructured value: as they are as far as
// they are plain, encoded from the first one on that is not.
func encodeText(s string) []string {
	words := strings.Split(s, " ")
	for i := range words {
		if !isPlain(strings.Join(words[i:], " ")) && !isPlain(words[i]) {
			return append(words[:i:i], encodedWords(strings.Join(words[i:], " "))...)
		}
	}
	return words
}

// isPlain reports whether s may stand as it is: printable ASCII, no long word, nothing that looks encoded, spaces only single and inside.
func isPlain(s string) bool {
	if strings.Contains(s, "=?") || s == "" || strings.Contains(s, "  ") || strings.TrimSpace(s) != s {
		return false
	}
	for word := range strings.SplitSeq(s, " ") {
		if len(word) > 200 {
			return false
		}
	}
	return strings.IndexFunc(s, func(r rune) bool { return r < ' ' || r > '~' }) < 0
}

// encodedWords encodes s as a sequence of words (RFC 2047 section 5), each at most 75 bytes long and of whole characters.
func encodedWords(s string) (words []string) {
	var content strings.Builder
	flush := func() {
		if content.Len() > 0 {
			words = append(words, "=?utf-8?q?"+content.String()+"?=")
			content.Reset()
		}
	}
	for _, r := range s {
		encoded := encodeRune(r)
		if content.Len()+len(encoded) > 62 {
			flush()
		}
		content.WriteString(encoded)
	}
	flush()
	return words
}

// encodeRune leaves only what may stand in an encoded word of a display name, the strictest place.
func encodeRune(r rune) string {
	switch {
	case r == ' ':
		return "_"
	case r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z', r >= '0' && r <= '9', strings.ContainsRune("!*+-/", r):
		return string(r)
	}
	var b strings.Builder
	for _, c := range []byte(string(r)) {
		fmt.Fprintf(&b, "=%02X", c)
	}
	return b.String()
}

// encodePhrase gives the words of a display name: a quoted string where it is ASCII, encoded words otherwise.
func encodePhrase(name string) []string {
	if !isPlain(name) {
		return encodedWords(name)
	}
	quoted := strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(name)
	return strings.Split(`"`+quoted+`"`, " ")
}

// checkLine refuses what would end a header line, after decoding too.
func checkLine(field, value string) error {
	for _, s := range []string{value, decodeWords(value)} {
		if !utf8.ValidString(s) || strings.ContainsAny(s, "\r\n\x00\v\f\u0085\u2028\u2029") {
			return interaction.Invalid("bad_line", field, "has a line break, a NUL byte or broken characters")
		}
	}
	if len(value) > 10000 {
		return interaction.Invalid("too_long", field, "is longer than 10,000 bytes")
	}
	return nil
}

// checkID refuses a message id that would break out of its brackets.
func checkID(field, id string) error {
	if id == "" || len(id) > maxID || strings.ContainsFunc(id, func(r rune) bool { return r <= ' ' || r >= 0x7f || r == '<' || r == '>' }) {
		return interaction.Invalid("bad_message_id", field, "is not a message id of at most %d printable bytes", maxID)
	}
	return nil
}

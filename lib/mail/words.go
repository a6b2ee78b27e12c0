package mail

import (
	"bytes"
	"regexp"
	"strings"
)

// word is an encoded word (RFC 2047), as strict as needed to find one: programs put spaces and even question marks where none belong.
var word = regexp.MustCompile(`=\?([A-Za-z0-9_.:+'-]{1,60})(?:\*[A-Za-z0-9-]*)?\?([bBqQ])\?((?:[^?\r\n]|\?[^=\r\n])*?)\?=`)

// decodeValue makes one line of text from an unstructured header value.
// Line breaks and NUL that an encoded word brings are gone afterwards.
func decodeValue(raw []byte) string {
	s := string(raw)
	if strings.Contains(s, "=?") {
		s = decodeWords(s)
	}
	return oneLine(text(s))
}

// decodeWords replaces all encoded words. White space between two of them is
// dropped, and neighbours of one charset are joined before that is decoded,
// because some programs split in the middle of a character.
func decodeWords(s string) string {
	var out strings.Builder
	var pending []byte // decoded bytes not yet converted
	charset, end := "", 0
	flush := func() {
		if pending != nil {
			decoded, _ := decodeCharset(charset, pending)
			out.WriteString(decoded)
			pending = nil
		}
	}
	for _, at := range word.FindAllStringSubmatchIndex(s, -1) {
		between := s[end:at[0]]
		if pending == nil || strings.Trim(between, " \t\r\n") != "" {
			flush()
			out.WriteString(between)
		}
		next := strings.ToLower(s[at[2]:at[3]])
		if next != charset {
			flush()
		}
		charset, end = next, at[1]
		pending = append(pending, decodeWord(s[at[4]], s[at[6]:at[7]])...)
		if pending == nil {
			pending = []byte{}
		}
	}
	flush()
	out.WriteString(s[end:])
	return out.String()
}

func decodeWord(encoding byte, content string) []byte {
	if encoding == 'b' || encoding == 'B' {
		data, _ := decodeBase64([]byte(content))
		return data
	}
	data, _ := decodeQuoted(bytes.ReplaceAll([]byte(content), []byte("_"), []byte(" ")))
	return data
}

// oneLine makes line breaks and other control characters a space, and trims.
func oneLine(s string) string {
	s = strings.Map(func(r rune) rune {
		switch {
		case r == '\t' || r == '\r' || r == '\n' || r == '\v' || r == '\f' || r == 0x85 || r == 0x2028 || r == 0x2029:
			return ' '
		case r < ' ' || r == 0x7f:
			return '\uFFFD'
		}
		return r
	}, s)
	return strings.TrimSpace(s)
}

// Package sms knows what a short message is made of, whatever carries it: alphabets (3GPP TS 23.038), the user data header (3GPP TS 23.040
// section 9.2.3.24), how a long text is cut into parts and counted, and which words customers use to opt out. It knows no protocol.
package sms

import (
	"strings"
	"unicode/utf8"
)

// gsm7 is the default alphabet, TS 23.038 section 6.2.1, by code; escape is the code that leads into the extension table.
const (
	gsm7 = "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞ\x1bÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?" +
		"¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
	escape = 0x1b
)

// gsm7Extension is the extension table, TS 23.038 section 6.2.1.1.
var gsm7Extension = map[byte]rune{
	0x0a: '\f', 0x14: '^', 0x28: '{', 0x29: '}', 0x2f: '\\', 0x3c: '[', 0x3d: '~', 0x3e: ']', 0x40: '|', 0x65: '€',
}

var (
	gsm7Runes = []rune(gsm7)
	gsm7Codes = func() map[rune][]byte {
		codes := make(map[rune][]byte, 138)
		for code, r := range gsm7Runes {
			codes[r] = []byte{byte(code)}
		}
		delete(codes, escape)
		for code, r := range gsm7Extension {
			codes[r] = []byte{escape, code}
		}
		return codes
	}()
)

// encodeGSM7 gives the septets of a text, one an octet as SMPP carries them; false if a character is not in the alphabet.
func encodeGSM7(text string) ([]byte, bool) {
	out := make([]byte, 0, len(text))
	for _, r := range text {
		code, ok := gsm7Codes[r]
		if !ok {
			return nil, false
		}
		out = append(out, code...)
	}
	return out, true
}

// decodeGSM7 reads septets, one an octet. A code of the extension table that is not assigned shows as the character of the default table, as
// TS 23.038 asks for; an octet above 127 is no septet: it becomes U+FFFD and the answer is false.
func decodeGSM7(data []byte) (string, bool) {
	var text strings.Builder
	text.Grow(len(data))
	whole := true
	for i := 0; i < len(data); i++ {
		code := data[i]
		if code > 0x7f {
			text.WriteRune(utf8.RuneError)
			whole = false
			continue
		}
		if code != escape {
			text.WriteRune(gsm7Runes[code])
			continue
		}
		if i+1 == len(data) { // an escape with nothing behind it
			return text.String(), false
		}
		if i++; data[i] == escape || data[i] > 0x7f {
			text.WriteByte(' ')
			whole = whole && data[i] == escape
		} else if r, ok := gsm7Extension[data[i]]; ok {
			text.WriteRune(r)
		} else {
			text.WriteRune(gsm7Runes[data[i]])
		}
	}
	return text.String(), whole
}

package sms

import (
	"encoding/binary"
	"unicode/utf16"
	"unicode/utf8"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/japanese"
	"golang.org/x/text/encoding/korean"
)

// Alphabet is how the octets of a short message stand for characters.
type Alphabet string

// Alphabets. Binary is none: its octets are no text and are kept as they are.
const (
	GSM7      Alphabet = "gsm7"
	ASCII     Alphabet = "ascii"
	Latin1    Alphabet = "latin1"
	Cyrillic  Alphabet = "iso-8859-5"
	Hebrew    Alphabet = "iso-8859-8"
	UCS2      Alphabet = "ucs2" // read and written as UTF-16, big-endian
	ShiftJIS  Alphabet = "shift_jis"
	ISO2022JP Alphabet = "iso-2022-jp"
	EUCJP     Alphabet = "euc-jp"
	EUCKR     Alphabet = "euc-kr"
	UTF8      Alphabet = "utf-8" // of some carriers' default alphabet
	Binary    Alphabet = "binary"
)

// Coding is the data_coding of a message: SMPP 3.4 section 5.2.19, with the message class and message waiting groups of TS 23.038 section 4.
type Coding uint8

// Codings that we write.
const (
	CodingDefault Coding = 0
	CodingLatin1  Coding = 3
	CodingBinary  Coding = 4
	CodingUCS2    Coding = 8
)

var codings = map[Coding]Alphabet{
	1: ASCII, 2: Binary, 3: Latin1, 4: Binary, 5: ShiftJIS, 6: Cyrillic, 7: Hebrew, 8: UCS2, 9: Binary, 10: ISO2022JP, 13: EUCJP, 14: EUCKR,
}

// Alphabet tells how to read the octets; standard is what the carrier takes coding 0 for.
func (c Coding) Alphabet(standard Alphabet) Alphabet {
	switch {
	case c == CodingDefault:
		return standard
	case c >= 0xf0: // data coding and message class: bit 2 tells 8-bit data
		if c&0x04 != 0 {
			return Binary
		}
		return GSM7
	case c >= 0xe0: // message waiting, UCS-2
		return UCS2
	case c >= 0xc0: // message waiting, default alphabet
		return GSM7
	}
	if a, ok := codings[c]; ok {
		return a
	}
	return Binary // reserved: whatever it is, it is not to be guessed at
}

var charsets = map[Alphabet]encoding.Encoding{
	Cyrillic: charmap.ISO8859_5, Hebrew: charmap.ISO8859_8, ShiftJIS: japanese.ShiftJIS, ISO2022JP: japanese.ISO2022JP, EUCJP: japanese.EUCJP, EUCKR: korean.EUCKR,
}

// Decode reads octets. It answers false for what is no text in that alphabet; what could be read of it is given nevertheless, with U+FFFD where
// nothing could, and nothing for Binary.
func (a Alphabet) Decode(data []byte) (string, bool) {
	switch a {
	case GSM7:
		return decodeGSM7(data)
	case ASCII:
		return decodeASCII(data)
	case Latin1:
		runes := make([]rune, len(data))
		for i, b := range data {
			runes[i] = rune(b)
		}
		return string(runes), true
	case UCS2:
		return decodeUTF16(data)
	case UTF8:
		return string([]rune(string(data))), utf8.Valid(data)
	}
	if charset, ok := charsets[a]; ok {
		text, err := charset.NewDecoder().Bytes(data)
		whole := err == nil
		for _, r := range string(text) {
			whole = whole && r != utf8.RuneError
		}
		return string(text), whole
	}
	return "", false
}

// Encode writes a text; false if the alphabet does not have all of its characters.
func (a Alphabet) Encode(text string) ([]byte, bool) {
	switch a {
	case GSM7:
		return encodeGSM7(text)
	case ASCII, Latin1:
		limit := rune(0xff)
		if a == ASCII {
			limit = 0x7f
		}
		out := make([]byte, 0, len(text))
		for _, r := range text {
			if r > limit {
				return nil, false
			}
			out = append(out, byte(r))
		}
		return out, true
	case UCS2:
		return encodeUTF16(text), utf8.ValidString(text)
	case UTF8:
		return []byte(text), utf8.ValidString(text)
	}
	if charset, ok := charsets[a]; ok {
		out, err := charset.NewEncoder().Bytes([]byte(text))
		return out, err == nil
	}
	return nil, false
}

func decodeASCII(data []byte) (string, bool) {
	runes, whole := make([]rune, len(data)), true
	for i, b := range data {
		if runes[i] = rune(b); b > 0x7f {
			runes[i], whole = utf8.RuneError, false
		}
	}
	return string(runes), whole
}

// decodeUTF16 reads big-endian units. An odd length or half a pair is no text.
func decodeUTF16(data []byte) (string, bool) {
	units := make([]uint16, len(data)/2)
	for i := range units {
		units[i] = binary.BigEndian.Uint16(data[2*i:])
	}
	whole := len(data)%2 == 0
	for i := 0; i < len(units); i++ {
		if !utf16.IsSurrogate(rune(units[i])) {
			continue
		}
		if i+1 == len(units) || utf16.DecodeRune(rune(units[i]), rune(units[i+1])) == utf8.RuneError {
			whole = false
			continue
		}
		i++
	}
	return string(utf16.Decode(units)), whole
}

func encodeUTF16(text string) []byte {
	units := utf16.Encode([]rune(text))
	out := make([]byte, 2*len(units))
	for i, u := range units {
		binary.BigEndian.PutUint16(out[2*i:], u)
	}
	return out
}

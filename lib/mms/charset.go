package mms

import (
	"bytes"
	"fmt"
	"io"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"

	"golang.org/x/net/html/charset"
	"golang.org/x/text/encoding/charmap"
)

// numbers are the MIBenum values of the IANA registry of character sets. WAP's binary headers carry them, and some centres hand them on as text.
var numbers = map[int]string{
	3: "us-ascii", 4: "iso-8859-1", 5: "iso-8859-2", 6: "iso-8859-3", 7: "iso-8859-4", 8: "iso-8859-5", 9: "iso-8859-6", 10: "iso-8859-7",
	11: "iso-8859-8", 12: "iso-8859-9", 13: "iso-8859-10", 17: "shift_jis", 18: "euc-jp", 38: "euc-kr", 39: "iso-2022-jp", 106: "utf-8",
	109: "iso-8859-13", 110: "iso-8859-14", 111: "iso-8859-15", 112: "iso-8859-16", 113: "gbk", 114: "gb18030",
	1000: "utf-16be", 1013: "utf-16be", 1014: "utf-16le", 1015: "utf-16", 2025: "gbk", 2026: "big5", 2084: "koi8-r", 2085: "hz-gb-2312", 2088: "koi8-u",
	2250: "windows-1250", 2251: "windows-1251", 2252: "windows-1252", 2253: "windows-1253", 2254: "windows-1254", 2255: "windows-1255",
	2256: "windows-1256", 2257: "windows-1257", 2258: "windows-1258", 2259: "tis-620",
}

// decodeText makes valid UTF-8 without NUL bytes of bytes in the charset of that label, which may be a number, and reports whether the label was
// known and true. Without one, or with one nobody knows, it is UTF-16 where it looks so, UTF-8 where it is, else Windows-1252.
func decodeText(label string, b []byte) (text string, sure bool) {
	label = strings.ToLower(strings.Trim(label, " \t\r\n\"'\x00"))
	if n, err := strconv.Atoi(label); err == nil && numbers[n] != "" {
		label = numbers[n]
	}
	sure = true
	switch {
	case bytes.HasPrefix(b, []byte{0xef, 0xbb, 0xbf}):
		b = b[3:]
	case bytes.HasPrefix(b, []byte{0xff, 0xfe}), bytes.HasPrefix(b, []byte{0xfe, 0xff}):
		b = fromUTF16(b[2:], b[0] == 0xfe)
	case strings.HasPrefix(label, "utf-16"), label == "ucs-2", label == "iso-10646-ucs-2", label == "unicode":
		big, ok := byteOrder(b)
		if !ok { // nothing in it tells: what the label says, and RFC 2781 section 4.3 otherwise
			big = label != "utf-16le"
		}
		sure = !ok || label != "utf-16le" && label != "utf-16be" || big == (label == "utf-16be")
		b = fromUTF16(b, big)
	case label == "" || label == "utf-8" || label == "utf8" || label == "us-ascii" || label == "ascii":
		if big, ok := byteOrder(b); ok {
			b, sure = fromUTF16(b, big), false
		} else if !utf8.Valid(b) {
			b, sure = fromWindows1252(b), false
		}
	default:
		enc, name := charset.Lookup(label)
		if sure = enc != nil && name != "replacement" && name != "x-user-defined"; !sure {
			if !utf8.Valid(b) {
				b = fromWindows1252(b)
			}
			break
		}
		decoded, err := enc.NewDecoder().Bytes(b)
		b, sure = decoded, err == nil
	}
	text = strings.ToValidUTF8(string(b), "\uFFFD")
	return strings.ReplaceAll(text, "\x00", "\uFFFD"), sure
}

// byteOrder tells whether bytes are UTF-16 without a mark, and which end is first: text of any script has many characters of
// few blocks, so that one of the two bytes is often the same; zero for the Latin ones, which no other encoding has in text.
func byteOrder(b []byte) (big, ok bool) {
	if len(b) < 4 || len(b)%2 != 0 {
		return false, false
	}
	var zeros [2]int
	for i, c := range b[:min(len(b), 4096)] {
		if c == 0 {
			zeros[i%2]++
		}
	}
	units := min(len(b), 4096) / 2
	switch {
	case zeros[0] > units/3 && zeros[1] < units/10+1:
		return true, true
	case zeros[1] > units/3 && zeros[0] < units/10+1:
		return false, true
	}
	return false, false
}

func fromUTF16(b []byte, big bool) []byte {
	units := make([]uint16, 0, len(b)/2)
	for i := 0; i+1 < len(b); i += 2 {
		if big {
			units = append(units, uint16(b[i])<<8|uint16(b[i+1]))
		} else {
			units = append(units, uint16(b[i+1])<<8|uint16(b[i]))
		}
	}
	return []byte(string(utf16.Decode(units)))
}

func fromWindows1252(b []byte) []byte {
	out, err := charmap.Windows1252.NewDecoder().Bytes(b)
	if err != nil {
		return []byte("\uFFFD")
	}
	return out
}

// charsetReader lets XML and encoded words come in any charset.
func charsetReader(label string, in io.Reader) (io.Reader, error) {
	b, err := io.ReadAll(in)
	if err != nil {
		return nil, fmt.Errorf("read text in %q: %w", label, err)
	}
	text, _ := decodeText(label, b)
	return strings.NewReader(text), nil
}

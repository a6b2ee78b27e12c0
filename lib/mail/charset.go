package mail

import (
	"bytes"
	"encoding/base64"
	"strings"
	"unicode/utf16"
	"unicode/utf8"

	"golang.org/x/net/html/charset"
	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/charmap"
)

// decodeCharset makes valid UTF-8 without NUL bytes from bytes in the charset
// of that label, and reports whether the label was known. An empty label, or
// an unknown one, means UTF-8 where the bytes are valid UTF-8, else Windows-1252.
func decodeCharset(label string, b []byte) (string, bool) {
	label = normalLabel(label)
	known := true
	switch enc := encodingFor(label); {
	case isUTF8(label):
		b = bytes.TrimPrefix(b, []byte("\xef\xbb\xbf"))
	case label == "utf-7" || label == "utf7" || label == "unicode-1-1-utf-7":
		b = decodeUTF7(b)
	case enc != nil:
		b = decodeWith(enc, b)
	default:
		known = label == ""
		b = bytes.TrimPrefix(b, []byte("\xef\xbb\xbf"))
		if !utf8.Valid(b) {
			b = decodeWith(charmap.Windows1252, b)
		}
	}
	s := strings.ToValidUTF8(string(b), "\uFFFD")
	if strings.IndexByte(s, 0) >= 0 {
		s = strings.ReplaceAll(s, "\x00", "\uFFFD")
	}
	return s, known
}

// decodeWith keeps what was decoded before an error, and replaces the rest.
func decodeWith(enc encoding.Encoding, b []byte) []byte {
	out, err := enc.NewDecoder().Bytes(b)
	if err != nil {
		out = append(out, "\uFFFD"...)
	}
	return out
}

func isUTF8(label string) bool {
	switch label {
	case "utf-8", "utf8", "utf8mb4", "unicode-1-1-utf-8", "utf_8":
		return true
	}
	return false
}

// normalLabel takes off what mail programs put around a charset's name.
func normalLabel(label string) string {
	label, _, _ = strings.Cut(label, "\x00")
	label = strings.ToLower(strings.Trim(label, " \t\"'<>;,"))
	return strings.TrimPrefix(label, "charset=")
}

// aliases are labels seen in mail that the WHATWG table lacks.
var aliases = map[string]string{
	"cp932": "shift_jis", "ms932": "shift_jis", "iso-2022-jp-1": "iso-2022-jp", "iso-2022-jp-2": "iso-2022-jp", "iso-2022-jp-ms": "iso-2022-jp",
	"cp936": "gbk", "ms936": "gbk", "cp949": "euc-kr", "uhc": "euc-kr", "ms949": "euc-kr", "cp950": "big5", "ms950": "big5", "eucjp": "euc-jp",
	"ansi": "windows-1252", "8859-1": "iso-8859-1", "8859_1": "iso-8859-1", "iso-8859-1-windows-3.1-latin-1": "iso-8859-1", "iso8859_1": "iso-8859-1",
	"iso-8859-8-logical": "iso-8859-8-i", "win-1251": "windows-1251", "win1251": "windows-1251", "win-1252": "windows-1252", "tis620": "tis-620",
}

// more are encodings outside the WHATWG table.
var more = map[string]encoding.Encoding{
	"cp437": charmap.CodePage437, "ibm437": charmap.CodePage437, "cp850": charmap.CodePage850, "ibm850": charmap.CodePage850, "cp-850": charmap.CodePage850,
	"cp852": charmap.CodePage852, "ibm852": charmap.CodePage852, "cp858": charmap.CodePage858, "ibm00858": charmap.CodePage858, "cp865": charmap.CodePage865,
}

// encodingFor finds an encoding; nil where there is none. The WHATWG table maps
// some old encodings to one that only replaces: those count as unknown.
func encodingFor(label string) encoding.Encoding {
	if label == "" || isUTF8(label) {
		return nil
	}
	if enc := more[label]; enc != nil {
		return enc
	}
	if alias := aliases[label]; alias != "" {
		label = alias
	}
	for _, l := range []string{label, strings.TrimPrefix(label, "x-"), strings.ReplaceAll(label, "_", "-"), "windows-" + strings.TrimPrefix(label, "cp")} {
		if enc, name := charset.Lookup(l); enc != nil && name != "replacement" && name != "x-user-defined" {
			return enc
		}
	}
	return nil
}

// decodeUTF7 reads RFC 2152. What is not valid stays as it is.
func decodeUTF7(b []byte) []byte {
	out := make([]byte, 0, len(b))
	for i := 0; i < len(b); i++ {
		if b[i] != '+' {
			out = append(out, b[i])
			continue
		}
		end := i + 1
		for end < len(b) && isBase64(b[end]) {
			end++
		}
		switch {
		case end == i+1 && end < len(b) && b[end] == '-':
			out = append(out, '+')
		case end == i+1:
			out = append(out, '+')
			continue
		default:
			out = appendUTF16(out, b[i+1:end])
		}
		i = end - 1
		if end < len(b) && b[end] == '-' {
			i = end
		}
	}
	return out
}

func isBase64(c byte) bool {
	return c >= 'A' && c <= 'Z' || c >= 'a' && c <= 'z' || c >= '0' && c <= '9' || c == '+' || c == '/'
}

// appendUTF16 appends what base64-encoded UTF-16 says.
func appendUTF16(out, encoded []byte) []byte {
	raw := make([]byte, base64.RawStdEncoding.DecodedLen(len(encoded)))
	n, _ := base64.RawStdEncoding.Decode(raw, encoded)
	units := make([]uint16, 0, n/2)
	for i := 0; i+1 < n; i += 2 {
		units = append(units, uint16(raw[i])<<8|uint16(raw[i+1]))
	}
	return append(out, string(utf16.Decode(units))...)
}

package mail

import (
	"bytes"
	"strings"
)

// encodingOf gives a part's Content-Transfer-Encoding in lower case, without comments.
func encodingOf(p *part) string {
	value := strings.ToLower(stripComments(p.header.get("Content-Transfer-Encoding")))
	return strings.Trim(value, " \t\"';")
}

// decodeBody undoes a part's transfer encoding, and reports whether it was whole.
func decodeBody(p *part) ([]byte, bool) {
	switch enc := encodingOf(p); {
	case strings.Contains(enc, "base64"):
		return decodeBase64(p.body)
	case strings.Contains(enc, "quoted-printable"):
		return decodeQuoted(p.body)
	case enc == "x-uuencode" || enc == "uuencode" || enc == "x-uue":
		return decodeUU(p.body)
	case enc == "" || enc == "7bit" || enc == "8bit" || enc == "binary":
		return p.body, true
	default:
		return p.body, enc == "7-bit" || enc == "8-bit"
	}
}

// decodeBase64 skips what does not belong to the alphabet, and goes on behind
// padding where base64 goes on: some programs concatenate encoded pieces. Other
// text behind the padding, such as the footer of a list, is left out.
func decodeBase64(src []byte) ([]byte, bool) {
	out := make([]byte, 0, len(src)/4*3+3)
	group, n, whole, padded := uint32(0), 0, true, false
	for len(src) > 0 {
		var line []byte
		line, src = cutLine(src)
		if padded && len(bytes.TrimSpace(line)) > 0 {
			whole = false
			if !isBase64Line(line) {
				break
			}
			padded = false
		}
		for i, c := range line {
			v := base64Value[c]
			switch {
			case padded && v < 64 && (line[i-1] == ' ' || line[i-1] == '\t'):
				return out, false // words behind the padding
			case v < 64:
				group, n = group<<6|uint32(v), n+1
			case c == '=':
				out, group, n, padded = flushBase64(out, group, n), 0, 0, true
			case c != ' ' && c != '\t' && c != '\r':
				whole = false
			}
			if n == 4 {
				out = append(out, byte(group>>16), byte(group>>8), byte(group))
				group, n = 0, 0
			}
		}
	}
	return flushBase64(out, group, n), whole && n == 0
}

// isBase64Line reports whether a line has nothing but base64 in it.
func isBase64Line(line []byte) bool {
	for _, c := range bytes.TrimRight(bytes.TrimSpace(line), "=") {
		if base64Value[c] > 63 {
			return false
		}
	}
	return true
}

// flushBase64 appends the bytes of an unfinished group of n characters.
func flushBase64(out []byte, group uint32, n int) []byte {
	switch n {
	case 2:
		return append(out, byte(group>>4))
	case 3:
		return append(out, byte(group>>10), byte(group>>2))
	}
	return out
}

// base64Value maps a character to its six bits; 255 is no character of the alphabet.
var base64Value = func() (table [256]byte) {
	for i := range table {
		table[i] = 255
	}
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
	for i := range alphabet {
		table[alphabet[i]] = byte(i)
	}
	return table
}()

// decodeQuoted keeps an "=" that is followed by neither two hexadecimal digits
// nor a line end, and reports it.
func decodeQuoted(src []byte) ([]byte, bool) {
	out, whole := make([]byte, 0, len(src)), true
	for len(src) > 0 {
		line, rest, ended := bytes.Cut(src, lf)
		src = rest
		content := bytes.TrimRight(line, " \t\r")
		soft := bytes.HasSuffix(content, []byte("="))
		if soft {
			content = content[:len(content)-1]
		}
		if !ended && !soft {
			content = bytes.TrimSuffix(line, crlf[:1]) // spaces at the very end stay
		}
		for i := 0; i < len(content); i++ {
			if content[i] != '=' {
				out = append(out, content[i])
				continue
			}
			if i+2 < len(content) {
				if hi, lo := hexValue(content[i+1]), hexValue(content[i+2]); hi < 16 && lo < 16 {
					out = append(out, hi<<4|lo)
					i += 2
					continue
				}
			}
			whole = false
			out = append(out, '=')
		}
		if ended && !soft {
			out = append(out, '\n')
		}
	}
	return out, whole
}

func hexValue(c byte) byte {
	switch {
	case c >= '0' && c <= '9':
		return c - '0'
	case c >= 'A' && c <= 'F':
		return c - 'A' + 10
	case c >= 'a' && c <= 'f':
		return c - 'a' + 10
	}
	return 255
}

// decodeUU reads the lines between "begin" and "end".
func decodeUU(src []byte) ([]byte, bool) {
	var out []byte
	begun := false
	for len(src) > 0 {
		var line []byte
		line, src = cutLine(src)
		switch {
		case !begun:
			begun = bytes.HasPrefix(line, []byte("begin "))
		case bytes.Equal(line, []byte("end")):
			return out, true
		case len(line) > 0:
			out = appendUU(out, line)
		}
	}
	return out, false
}

func appendUU(out, line []byte) []byte {
	n, line := int(line[0]-' ')&63, line[1:]
	for ; n > 0 && len(line) >= 2; n -= 3 {
		var q [4]byte
		for i := range q {
			if i < len(line) {
				q[i] = (line[i] - ' ') & 63
			}
		}
		three := []byte{q[0]<<2 | q[1]>>4, q[1]<<4 | q[2]>>2, q[2]<<6 | q[3]}
		out = append(out, three[:min(3, n)]...)
		line = line[min(4, len(line)):]
	}
	return out
}

package mail

import "bytes"

// clean removes what other programs put before a message, and gives the rest
// as a slice of it wherever no byte has to change.
func clean(raw []byte) (src []byte, problems []string) {
	src = bytes.TrimPrefix(raw, []byte("\xef\xbb\xbf"))
	if !hasLF(src) && bytes.IndexByte(src, '\r') >= 0 {
		src = bytes.ReplaceAll(src, []byte("\r"), lf)
	}
	if rest := bytes.TrimLeft(src, "\r\n"); len(rest) > 0 && len(rest) < len(src) && startsHeader(rest) {
		src, problems = rest, append(problems, "blank lines before the header")
	}
	for bytes.HasPrefix(src, []byte("From ")) || bytes.HasPrefix(src, []byte(">From ")) {
		_, src = cutLine(src)
		problems = append(problems, "a mailbox separator before the header")
	}
	if rest := bytes.TrimLeft(src, " \t"); len(rest) < len(src) && startsHeader(rest) {
		src, problems = rest, append(problems, "the first header line is indented")
	}
	return src, problems
}

// startsHeader reports whether the first line has the form of a header field.
func startsHeader(b []byte) bool {
	line, _ := cutLine(b)
	if bytes.HasPrefix(line, []byte("From ")) {
		return true
	}
	_, _, ok := cutField(bytes.TrimLeft(line, " \t"))
	return ok
}

// cutLine gives the first line without its end, and what follows it.
func cutLine(b []byte) (line, rest []byte) {
	line, rest, _ = bytes.Cut(b, lf)
	return bytes.TrimSuffix(line, crlf[:1]), rest
}

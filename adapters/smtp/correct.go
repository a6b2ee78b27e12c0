package smtp

import (
	"regexp"
	"strings"
)

// corrections are the answers of go-smtp that have another code in RFC 5321 section 4.2.2 and 4.3.2: 502 is for commands that are
// not there at all, 503 for those that come at the wrong moment, 555 for parameters that are not known.
var corrections = []struct{ verb, answer, code string }{
	{"", "502 5.5.1 Please introduce yourself first", "503 5.5.1"},
	{"", "502 5.5.1 Missing ", "503 5.5.1"},
	{"", "502 5.5.1 MAIL not allowed", "503 5.5.1"},
	{"", "502 5.5.1 RCPT not allowed", "503 5.5.1"},
	{"", "502 5.5.1 DATA not allowed", "503 5.5.1"},
	{"", "500 5.5.4 Unknown MAIL FROM argument", "555 5.5.4"},
	{"", "500 5.5.4 Unknown RCPT TO argument", "555 5.5.4"},
	{"", "501 5.5.4 Unable to parse MAIL ESMTP", "555 5.5.4"},
	{"", "501 5.5.4 Unable to parse RCPT ESMTP", "555 5.5.4"},
	{"MAIL", "504 5.5.4 ", "555 5.5.4"},
	{"RCPT", "504 5.5.4 ", "555 5.5.4"},
	{"", "500 5.5.1 Too many errors", "421 4.7.0"},
}

// hugeSize is a size that go-smtp cannot read because it is so large (RFC 1870 allows 20 digits).
var hugeSize = regexp.MustCompile(` SIZE=\d{10,20}( |$)`)

// correct gives an answer to a command, in capitals, the code that it should have. Answers come line by line.
func correct(answer []byte, command string) []byte {
	text := string(answer)
	verb, _, _ := strings.Cut(command, " ")
	if strings.HasPrefix(text, "501 5.5.4 Unable to parse SIZE") && hugeSize.MatchString(command) {
		return []byte("552 5.3.4 Max message size exceeded\r\n")
	}
	for _, c := range corrections {
		if strings.HasPrefix(text, c.answer) && (c.verb == "" || c.verb == verb) {
			return []byte(c.code + text[len("000 0.0.0"):])
		}
	}
	return answer
}

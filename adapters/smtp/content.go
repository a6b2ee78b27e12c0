package smtp

import (
	"errors"
	"io"

	"github.com/emersion/go-smtp"
)

// errOddEnd is what a mail gives that holds an end which other servers may take for one and RFC 5321 does not have.
var errOddEnd = errors.New("an end of data that is not CRLF . CRLF")

// content reads a mail behind DATA to its end, CRLF . CRLF (RFC 5321 section 4.1.1.4), without that end and without the dots that were put before
// lines' first dots (section 4.5.2). All other bytes are given as they came, bare CR and LF among them.
//
// A dot alone between any two line breaks, whatever each of them is made of and with NUL bytes in between or not, is the end for some
// server somewhere. Unless it is the right one, the mail is refused: who sends it wants two servers to see different mails.
type content struct {
	guard *guard
	left  int64 // bytes that may still come; then it is too large
	state lineState
	ended bool
	err   error
}

// lineState is where in a line the next byte stands.
type lineState byte

const (
	lineBegin  lineState = iota // behind CRLF, or at the beginning
	lineMiddle                  //
	lineCR                      // behind a CR
	lineLoose                   // behind a bare CR or LF, or NULs behind any line break
	lineDot                     // behind the dot of lineBegin: held back, it may be the end
	lineDotCR                   // behind that and a CR
	lineLone                    // behind a dot that is not the end and would be one for others if a line break followed
)

// Read gives the next bytes. Behind an error there is nothing more, and the session is over.
func (c *content) Read(b []byte) (n int, err error) {
	if c.err == nil && c.ended {
		return 0, io.EOF
	}
	for n < len(b) && c.err == nil && !c.ended {
		if n > 0 && c.guard.in.Buffered() == 0 {
			break
		}
		var char byte
		if char, c.err = c.guard.in.ReadByte(); c.err != nil {
			if errors.Is(c.err, io.EOF) {
				c.err = io.ErrUnexpectedEOF
			}
			_ = c.guard.fatal(c.err)
			break
		}
		if c.keep(char) {
			b[n] = char
			n++
		}
	}
	if c.left -= int64(n); c.left < 0 {
		c.left = 0 // what the session leaves is read on, and given to nobody
		return 0, smtp.ErrDataTooLarge
	}
	switch {
	case n > 0:
		return n, nil
	case c.err != nil:
		return 0, c.err
	}
	return 0, io.EOF
}

// keep takes one byte and tells whether it belongs to the mail.
func (c *content) keep(char byte) bool {
	was := c.state
	switch {
	case was == lineDot && char == '\r':
		c.state = lineDotCR
		return false
	case was == lineDotCR && char == '\n':
		c.ended = true
		return false
	case was == lineDotCR, (was == lineDot || was == lineLone) && (char == '\r' || char == '\n'):
		c.err = errOddEnd
		return false
	case was == lineBegin && char == '.':
		c.state = lineDot
		return false
	}
	switch char {
	case '\r':
		c.state = lineCR
	case '\n':
		c.state = lineLoose
		if was == lineCR {
			c.state = lineBegin
		}
	case 0:
		switch was {
		case lineMiddle:
		case lineDot, lineLone:
			c.state = lineLone
		default:
			c.state = lineLoose
		}
	case '.':
		c.state = lineMiddle
		if was == lineCR || was == lineLoose {
			c.state = lineLone
		}
	default:
		c.state = lineMiddle
	}
	return true
}

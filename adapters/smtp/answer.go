package smtp

import (
	"errors"
	"io"
	"net"
	"syscall"

	"github.com/emersion/go-smtp"

	"parley/interaction"
)

// answer is the one place where errors become SMTP codes. What is unknown is
// temporary: the sender tries again. Nothing of the cause goes out.
func (l *Listener) answer(err error, peer string) error {
	reply := replyFor(err)
	l.log.Warn("mail not accepted", "code", reply.Code, "kind", interaction.KindOf(err), "error", err, "peer", peer)
	return reply
}

func replyFor(err error) *smtp.SMTPError {
	switch interaction.KindOf(err) {
	case interaction.KindUnknown, interaction.KindGone:
		return &smtp.SMTPError{Code: 550, EnhancedCode: smtp.EnhancedCode{5, 1, 1}, Message: "There is no such recipient here"}
	case interaction.KindForbidden:
		return &smtp.SMTPError{Code: 550, EnhancedCode: smtp.EnhancedCode{5, 7, 1}, Message: "This mail is not wanted here"}
	case interaction.KindInvalid:
		return &smtp.SMTPError{Code: 554, EnhancedCode: smtp.EnhancedCode{5, 6, 0}, Message: "This mail cannot be taken"}
	case interaction.KindFull:
		return &smtp.SMTPError{Code: 452, EnhancedCode: smtp.EnhancedCode{4, 3, 1}, Message: "No room left, try again later"}
	case interaction.KindTooMany:
		return &smtp.SMTPError{Code: 451, EnhancedCode: smtp.EnhancedCode{4, 7, 1}, Message: "Too much at a time, try again later"}
	}
	return &smtp.SMTPError{Code: 451, EnhancedCode: smtp.EnhancedCode{4, 3, 0}, Message: "A part of this server is away, try again later"}
}

// answerData is the answer where receiving the mail failed, before the inbox was asked.
func (l *Listener) answerData(err error, peer string) error {
	var reply *smtp.SMTPError
	var timeout net.Error
	switch {
	case errors.As(err, &reply): // too large
		return reply
	case errors.Is(err, errOddEnd):
		l.log.Warn("mail refused", "why", err, "peer", peer)
		return &smtp.SMTPError{Code: 554, EnhancedCode: smtp.EnhancedCode{5, 6, 0}, Message: "A mail ends with CRLF . CRLF, and holds nothing that looks like another end"}
	case errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EDQUOT):
		return l.answer(&interaction.Error{Kind: interaction.KindFull, Code: "spool_full", Cause: err}, peer)
	case errors.Is(err, smtp.ErrDataReset), errors.Is(err, io.ErrUnexpectedEOF):
		return err // nobody is there to read it
	case errors.As(err, &timeout) && timeout.Timeout():
		return &smtp.SMTPError{Code: 421, EnhancedCode: smtp.EnhancedCode{4, 4, 2}, Message: "The mail took too long"}
	}
	return l.answer(interaction.Unavailable("spool", err), peer)
}

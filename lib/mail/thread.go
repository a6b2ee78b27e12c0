package mail

import (
	"crypto/sha256"
	"encoding/base32"
	"io"
	"regexp"
	"strings"

	"parley/interaction"
)

// MessageIDFor makes the Message-ID, without brackets, of the message that
// belongs to a ledger key: always the same for the same key, so that a repeat
// can be told by every receiver.
func MessageIDFor(key, domain string) string {
	sum := sha256.Sum256([]byte(key))
	return strings.ToLower(base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString(sum[:20])) + "@" + domain
}

// replyPrefixes are what programs put before the subject of an answer, in many languages, counted or not.
var replyPrefixes = regexp.MustCompile(`(?i)^\s*(re|aw|antw|antwort|sv|vs|rv|r|odp|ynt|res|回复|回覆|답장)\s*(\[\d+\]|\(\d+\)|\d{1,3})?\s*[::]\s*`)

// ReplySubject gives the subject of an answer: "Re: " once, whatever stood there.
func ReplySubject(subject string) string {
	subject = oneLine(text(subject))
	for {
		rest := replyPrefixes.ReplaceAllString(subject, "")
		if rest == subject {
			break
		}
		subject = rest
	}
	return strings.TrimSpace("Re: " + subject)
}

// ReplyReferences gives In-Reply-To and References of an answer to m (RFC 5322
// section 3.6.4). Both are empty where m has no id.
func ReplyReferences(m *Message) (inReplyTo string, references []string) {
	if m.MessageID == "" {
		return "", nil
	}
	references = append(references, m.References...)
	if len(references) == 0 && len(m.InReplyTo) == 1 {
		references = append(references, m.InReplyTo[0])
	}
	return m.MessageID, append(references, m.MessageID)
}

// ReplyTo gives the addresses that an answer to m goes to.
func ReplyTo(m *Message) []interaction.Address {
	if len(m.ReplyTo) > 0 {
		return m.ReplyTo
	}
	return m.From
}

// Quote gives text with "> " before each line, below the line that says whose
// it is. Both are for the end of an answer; attribution may be empty.
func Quote(attribution, said string) string {
	var b strings.Builder
	if attribution != "" {
		b.WriteString(oneLine(text(attribution)) + "\n")
	}
	for line := range strings.SplitSeq(strings.TrimRight(lines(text(said)), "\n"), "\n") {
		b.WriteByte('>')
		if line != "" && !strings.HasPrefix(line, ">") {
			b.WriteByte(' ')
		}
		b.WriteString(line + "\n")
	}
	return b.String()
}

// CRLFHash is the SHA-256 of what is written to it after every line end was
// made CRLF: copies of one mail that differ in their line ends only have equal
// sums. The zero value is not ready; use NewCRLFHash.
type CRLFHash struct {
	sum interface {
		io.Writer
		Sum([]byte) []byte
	}
	cr bool // the last byte was a CR that is not yet hashed
}

// NewCRLFHash starts a hash.
func NewCRLFHash() *CRLFHash { return &CRLFHash{sum: sha256.New()} }

// Write never fails.
func (h *CRLFHash) Write(b []byte) (int, error) {
	start := 0
	for i, c := range b {
		if h.cr {
			h.cr = false
			h.sum.Write(crlf)
			if c == '\n' {
				start = i + 1
				continue
			}
		}
		switch c {
		case '\r', '\n':
			h.sum.Write(b[start:i])
			start = i + 1
			if c == '\r' {
				h.cr = true
			} else {
				h.sum.Write(crlf)
			}
		}
	}
	h.sum.Write(b[start:])
	return len(b), nil
}

// Sum gives the hash of what was written so far. A CR at the end counts as a line end.
func (h *CRLFHash) Sum() (sum [32]byte) {
	if h.cr {
		h.cr = false
		h.sum.Write(crlf)
	}
	h.sum.Sum(sum[:0])
	return sum
}

// ContentKey is the CRLFHash of a whole mail in memory.
func ContentKey(raw []byte) [32]byte {
	h := NewCRLFHash()
	h.Write(raw)
	return h.Sum()
}

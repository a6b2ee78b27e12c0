package example

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"strings"
	"time"

	"parley/interaction"
	"parley/lib/sending"
)

// Sender is the way out: one connection a message.
type Sender struct {
	addr    string
	timeout time.Duration
	log     *slog.Logger
}

var _ interaction.Sender = (*Sender)(nil)

// NewSender sends to the peer at addr. timeout is for one whole message; it must not be zero.
func NewSender(addr string, timeout time.Duration, log *slog.Logger) (*Sender, error) {
	if _, _, err := net.SplitHostPort(addr); err != nil {
		return nil, fmt.Errorf("example sender: addr %q: %w", addr, err)
	}
	if timeout <= 0 {
		return nil, errors.New("example sender: timeout: must be positive")
	}
	return &Sender{addr: addr, timeout: timeout, log: log}, nil
}

// Send puts one message on its way. The line with the dot is what cannot be taken back.
func (s *Sender) Send(ctx context.Context, out interaction.Outbound, commit func(context.Context) error) interaction.Outcome {
	return sending.Guard(s.log, commit, func(commit sending.Commit) interaction.Outcome { return s.send(ctx, out, commit) })
}

func (s *Sender) send(ctx context.Context, out interaction.Outbound, commit sending.Commit) interaction.Outcome {
	message, err := encode(out)
	if err != nil {
		return interaction.Outcome{State: interaction.SendNotSent, Text: err.Error()}
	}
	dialer := net.Dialer{Timeout: s.timeout}
	conn, err := dialer.DialContext(ctx, "tcp", s.addr)
	if err != nil {
		return interaction.Outcome{State: interaction.SendQueued, Text: err.Error()}
	}
	defer conn.Close()
	defer context.AfterFunc(ctx, func() { conn.Close() })()
	conn.SetDeadline(time.Now().Add(s.timeout))
	if _, err := conn.Write([]byte(message)); err != nil {
		return interaction.Outcome{State: interaction.SendQueued, Text: err.Error()}
	}
	if err := commit(ctx); err != nil {
		return sending.Aborted(err)
	}
	if _, err := conn.Write([]byte(".\n")); err != nil {
		return interaction.Outcome{State: interaction.SendUnknown, Text: err.Error()}
	}
	return outcome(bufio.NewReader(conn).ReadString('\n'))
}

// outcome reads the answer. Without one, or with one that makes no sense, nobody knows.
func outcome(answer string, err error) interaction.Outcome {
	answer = strings.TrimSpace(answer)
	o := interaction.Outcome{State: interaction.SendUnknown, Text: answer[:min(len(answer), 500)]}
	code, _, _ := strings.Cut(answer, " ")
	switch {
	case err != nil:
		o.Text = err.Error()
	case code == "OK":
		o.State, o.Code = interaction.SendSent, code
	case code == "LATER":
		o.State, o.Code = interaction.SendQueued, code
	case code == "NO":
		o.State, o.Code = interaction.SendNotSent, code
	}
	return o
}

// encode writes everything but the line with the dot. A line break in an
// address would begin a line of its own: it is refused, not repaired.
func encode(out interaction.Outbound) (string, error) {
	if len(out.To) != 1 || strings.ContainsAny(out.To[0].Address+out.MessageID, "\r\n\x00") || out.To[0].Address == "" || out.MessageID == "" {
		return "", interaction.Invalid("bad_recipient", "to", "needs exactly one recipient, without line breaks")
	}
	var b strings.Builder
	fmt.Fprintf(&b, "TO %s\nID %s\n", out.To[0].Address, out.MessageID)
	for line := range strings.SplitSeq(strings.TrimSuffix(out.Text, "\n"), "\n") {
		if strings.HasPrefix(line, ".") {
			b.WriteByte('.')
		}
		b.WriteString(line + "\n")
	}
	return b.String(), nil
}

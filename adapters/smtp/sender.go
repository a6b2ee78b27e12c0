package smtp

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"time"

	"github.com/emersion/go-smtp"

	"parley/interaction"
	"parley/lib/mail"
	"parley/lib/sending"
)

// Sender hands messages to a smart host, or to the servers that the recipients' domains name.
type Sender struct {
	opts SenderOptions
	log  *slog.Logger
	pool pool
}

var _ interaction.Sender = (*Sender)(nil)

// NewSender checks the options, and says everything that is wrong with them. Nothing is connected yet.
func NewSender(opts SenderOptions) (*Sender, error) {
	opts.defaults()
	if err := opts.validate(); err != nil {
		return nil, fmt.Errorf("smtp sender: %w", err)
	}
	return &Sender{opts: opts, log: opts.Logger.With("adapter", "smtp")}, nil
}

// Send puts one message on its way. Everything before the final dot can be taken back by closing the connection; commit is called when all of the mail
// but the dot is written. A mail that goes to several servers gets its dots when all of them have the rest: until then nobody has it.
//
// A recipient who is refused for good does not keep the mail from the others; while one is refused for now, nobody gets it.
func (s *Sender) Send(ctx context.Context, out interaction.Outbound, commit func(context.Context) error) interaction.Outcome {
	return sending.Guard(s.log, commit, func(commit sending.Commit) interaction.Outcome { return s.send(ctx, out, commit) })
}

func (s *Sender) send(ctx context.Context, out interaction.Outbound, commit sending.Commit) interaction.Outcome {
	raw, err := s.compose(out)
	if err != nil {
		return interaction.Outcome{State: interaction.SendNotSent, Text: cutText(err.Error())}
	}
	hops, refused := s.routes(ctx, recipients(out))
	if refused.queued() {
		return refused.worst()
	}
	var open []*transfer
	defer func() {
		for _, t := range open {
			t.end()
		}
	}()
	for _, h := range hops {
		t, no := s.begin(ctx, h, out, raw)
		refused = append(refused, no...)
		if t != nil {
			open = append(open, t)
		}
		if refused.queued() {
			return refused.worst()
		}
	}
	if len(open) == 0 {
		return refused.worst()
	}
	if err := commit(ctx); err != nil {
		return interaction.Outcome{State: interaction.SendQueued, Aborted: true, Text: cutText(err.Error())}
	}
	return s.finish(open, refused)
}

// compose writes the mail and signs it.
func (s *Sender) compose(out interaction.Outbound) ([]byte, error) {
	raw, err := mail.Compose(out, mail.ComposeOptions{Loop: s.opts.Loop, HTML: !s.opts.PlainOnly})
	if err != nil {
		return nil, err
	}
	return s.opts.DKIM.sign(raw, out.From.Address)
}

// transfer is a mail at one server, complete but for its end.
type transfer struct {
	line  *line
	data  *smtp.DataCommand
	whole bool // it has an answer: the line can serve again
}

// end gives the line back, or closes it: while a mail is open, the next command would write the final dot before itself.
func (t *transfer) end() {
	switch {
	case t.whole:
		t.line.rest()
	case t.data == nil:
		t.line.leave()
	default:
		t.line.drop()
	}
}

// refusal is what became of some of the recipients before the end of the mail.
type refusal struct {
	to      string
	outcome interaction.Outcome
}

type refusals []refusal

// queued reports whether one of them may be taken later: then nobody gets the mail now.
func (r refusals) queued() bool {
	for _, one := range r {
		if one.outcome.State == interaction.SendQueued {
			return true
		}
	}
	return false
}

// worst is what became of the mail where nobody has taken it.
func (r refusals) worst() interaction.Outcome {
	worst := interaction.Outcome{State: interaction.SendNotSent, Text: "there was nobody to send it to"}
	for i, one := range r {
		o := one.outcome
		if i > 0 {
			o.Permanent = o.Permanent && worst.Permanent
		}
		if i == 0 || o.State == interaction.SendQueued && worst.State != interaction.SendQueued {
			worst = o
		} else {
			worst.Permanent = o.Permanent
		}
	}
	return worst
}

func (r refusals) String() string {
	var list []string
	for _, one := range r {
		list = append(list, strings.TrimSpace(one.to+": "+one.outcome.Code+" "+one.outcome.Text))
	}
	return strings.Join(list, "; ")
}

// begin brings the mail to a server that takes it, all but its end. It is nil where nobody of this hop gets it.
func (s *Sender) begin(ctx context.Context, h hop, out interaction.Outbound, raw []byte) (*transfer, refusals) {
	line, err := s.pool.line(ctx, s, h)
	if err != nil {
		return nil, refusals{{strings.Join(h.to, ", "), sessionOutcome(err)}}
	}
	t := &transfer{line: line}
	no, ok := s.envelope(line.client, h.to, out, int64(len(raw)))
	if !ok && line.used > 0 && no.broken() { // it had been closed while it rested
		line.drop()
		if line, err = s.pool.fresh(ctx, s, h); err != nil {
			return nil, refusals{{strings.Join(h.to, ", "), sessionOutcome(err)}}
		}
		t.line = line
		no, ok = s.envelope(line.client, h.to, out, int64(len(raw)))
	}
	if !ok || no.queued() {
		t.end()
		return nil, no
	}
	if t.data, err = line.client.Data(); err == nil {
		_, err = io.Copy(t.data, bytes.NewReader(raw))
	}
	if err != nil {
		t.end()
		return nil, append(no, refusal{strings.Join(h.to, ", "), mailOutcome(err)})
	}
	return t, no
}

// broken reports whether there was no answer at all.
func (r refusals) broken() bool {
	return len(r) == 1 && r[0].outcome.State == interaction.SendQueued && r[0].outcome.Code == ""
}

// envelope says who sends to whom; ok is false where nobody is to get the mail.
func (s *Sender) envelope(client *smtp.Client, to []string, out interaction.Outbound, size int64) (no refusals, ok bool) {
	all := func(o interaction.Outcome) refusals { return refusals{{strings.Join(to, ", "), o}} }
	utf8 := mail.NeedsSMTPUTF8(out)
	if offered, _ := client.Extension("SMTPUTF8"); utf8 && !offered {
		return all(interaction.Outcome{State: interaction.SendNotSent, Code: "553 5.6.7", Text: "the server takes no address outside ASCII"}), false
	}
	if limit, known := client.MaxMessageSize(); known && limit > 0 && size > int64(limit) {
		return all(interaction.Outcome{State: interaction.SendNotSent, Code: "552 5.3.4", Text: fmt.Sprintf("the server takes no more than %d bytes", limit)}), false
	}
	if err := client.Mail(out.Envelope, &smtp.MailOptions{Size: size, UTF8: utf8}); err != nil {
		return all(mailOutcome(err)), false
	}
	for _, one := range to {
		err := client.Rcpt(one, nil)
		if err == nil {
			ok = true
			continue
		}
		o := mailOutcome(err)
		if o.Code == "" {
			return all(o), false // the connection broke
		}
		no = append(no, refusal{one, o})
	}
	return no, ok
}

// finish gives the mails their ends. What is known afterwards is the least that is known of any of them.
func (s *Sender) finish(open []*transfer, refused refusals) interaction.Outcome {
	var taken, unknown []interaction.Outcome
	for _, t := range open {
		answer, err := t.data.CloseWithResponse()
		o := interaction.Outcome{State: interaction.SendSent, Code: "250"}
		if err != nil {
			o = dotOutcome(err)
		} else {
			o.Text = cutText(answer.StatusText)
		}
		t.whole = o.State == interaction.SendSent
		switch o.State {
		case interaction.SendSent:
			taken = append(taken, o)
		case interaction.SendUnknown:
			unknown = append(unknown, o)
		default:
			refused = append(refused, refusal{t.line.dest.name, o})
		}
	}
	switch {
	case len(unknown) > 0:
		o := unknown[0]
		if len(taken) > 0 || len(refused) > 0 {
			o.Text = cutText(fmt.Sprintf("%s; %d other servers took it, %s", o.Text, len(taken), refused))
		}
		return o
	case len(taken) > 0:
		o := taken[0]
		if len(refused) > 0 {
			o.Text = cutText("not to " + refused.String() + "; to the others: " + o.Text)
		}
		return o
	}
	return refused.worst()
}

// recipients are the addresses of a message, each once.
func recipients(out interaction.Outbound) (list []string) {
	seen := map[string]bool{}
	for _, a := range append(out.To[:len(out.To):len(out.To)], out.Cc...) {
		if key := strings.ToLower(a.Address); !seen[key] {
			seen[key] = true
			list = append(list, a.Address)
		}
	}
	return list
}

// Close ends the lines that rest. What is being sent is not disturbed.
func (s *Sender) Close() error {
	s.pool.close()
	return nil
}

var errResting = errors.New("the server could not be reached just now, and is left alone for a moment")

var errBusy = errors.New("as many mails as the server gets at a time are on their way to it")

// now is the clock of pauses.
func now() time.Time { return time.Now() }

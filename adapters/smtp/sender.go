package smtp

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"strings"
	"time"

	"github.com/emersion/go-sasl"
	"github.com/emersion/go-smtp"

	"parley/interaction"
	"parley/lib/mail"
)

// TLSPolicy says how the way to the smart host is protected.
type TLSPolicy string

// The policies.
const (
	TLSNone          TLSPolicy = "none"          // never, for a host on the same machine
	TLSOpportunistic TLSPolicy = "opportunistic" // STARTTLS where it is offered, without looking at the certificate
	TLSRequired      TLSPolicy = "required"      // STARTTLS with a certificate that is valid for the host, or nothing is sent
	TLSImplicit      TLSPolicy = "implicit"      // TLS from the first byte (RFC 8314), likewise checked
)

// SenderOptions set a Sender up.
type SenderOptions struct {
	Addr          string        // host and port of the smart host
	Hostname      string        // our name in EHLO
	TLS           TLSPolicy     // default opportunistic
	TLSConfig     *tls.Config   // for roots of an own authority; may be nil
	User          string        // empty: no AUTH
	Password      string        //
	StepTimeout   time.Duration // for connecting, for each command, and for each piece of the mail; default 1 minute
	AnswerTimeout time.Duration // for the answer behind the final dot; default 10 minutes (RFC 5321 section 4.5.3.2.6)
	Loop          string        // value of the loop mark on automatic mail
	Logger        *slog.Logger
}

func (o *SenderOptions) validate() error {
	var errs []error
	host, _, err := net.SplitHostPort(o.Addr)
	if err != nil {
		errs = append(errs, fmt.Errorf("addr %q: %w", o.Addr, err))
	}
	if o.Hostname == "" || strings.ContainsAny(o.Hostname, " \r\n") {
		errs = append(errs, errors.New("hostname: give the name that this server has in the network"))
	}
	switch o.TLS {
	case TLSNone, TLSOpportunistic:
		if o.User != "" && !isLoopback(host) {
			errs = append(errs, fmt.Errorf("tls %q: a password needs the policy required or implicit", o.TLS))
		}
	case TLSRequired, TLSImplicit:
	default:
		errs = append(errs, fmt.Errorf("tls %q: is none of none, opportunistic, required, implicit", o.TLS))
	}
	if o.User == "" && o.Password != "" {
		errs = append(errs, errors.New("user: there is a password, but no user"))
	}
	if o.StepTimeout < 0 || o.AnswerTimeout < 0 {
		errs = append(errs, errors.New("timeouts: must not be negative"))
	}
	return errors.Join(errs...)
}

func isLoopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// Sender hands messages to one smart host, a connection for each.
type Sender struct {
	opts SenderOptions
	log  *slog.Logger
}

var _ interaction.Sender = (*Sender)(nil)

// NewSender checks the options, and says everything that is wrong with them. Nothing is connected yet.
func NewSender(opts SenderOptions) (*Sender, error) {
	setDefault(&opts.TLS, TLSOpportunistic)
	setDefault(&opts.StepTimeout, time.Minute)
	setDefault(&opts.AnswerTimeout, 10*time.Minute)
	setDefault(&opts.Logger, slog.Default())
	if err := opts.validate(); err != nil {
		return nil, fmt.Errorf("smtp sender: %w", err)
	}
	return &Sender{opts: opts, log: opts.Logger.With("adapter", "smtp")}, nil
}

// Send puts one message on its way. Everything before the final dot can be
// taken back by closing the connection; commit is called when all of the mail
// but the dot is written.
func (s *Sender) Send(ctx context.Context, out interaction.Outbound, commit func(context.Context) error) (o interaction.Outcome) {
	committed := false
	defer func() {
		if trouble := recover(); trouble != nil {
			s.log.Error("sending broke down", "trouble", trouble)
			o = interaction.Outcome{State: interaction.SendQueued, Text: "an internal error"}
			if committed {
				o.State = interaction.SendUnknown
			}
		}
	}()
	raw, err := mail.Compose(out, mail.ComposeOptions{Loop: s.opts.Loop})
	if err != nil {
		return interaction.Outcome{State: interaction.SendNotSent, Text: cutText(err.Error())}
	}
	client, end, err := s.connect(ctx)
	if err != nil {
		return sessionOutcome(err)
	}
	polite := true // while a mail is open, the next command would write the final dot before itself: then only the socket is closed
	defer func() { end(polite) }()
	refused, o, ok := s.envelope(client, out, int64(len(raw)))
	if !ok {
		return o
	}
	data, err := client.Data()
	if err != nil {
		return mailOutcome(err)
	}
	polite = false
	if _, err := data.Write(raw); err != nil {
		return mailOutcome(err)
	}
	if err := commit(ctx); err != nil {
		return interaction.Outcome{State: interaction.SendQueued, Aborted: true, Text: cutText(err.Error())}
	}
	committed = true
	answer, err := data.CloseWithResponse()
	if err != nil {
		return dotOutcome(err)
	}
	polite = true
	o = interaction.Outcome{State: interaction.SendSent, Code: "250", Text: cutText(answer.StatusText)}
	if len(refused) > 0 {
		o.Text = cutText("not to " + strings.Join(refused, "; ") + "; to the others: " + answer.StatusText)
	}
	return o
}

// envelope says who sends to whom. A recipient that is refused does not keep the
// mail from the others; when all are, ok is false and the outcome says why.
func (s *Sender) envelope(client *smtp.Client, out interaction.Outbound, size int64) (refused []string, o interaction.Outcome, ok bool) {
	utf8 := mail.NeedsSMTPUTF8(out)
	if offered, _ := client.Extension("SMTPUTF8"); utf8 && !offered {
		return nil, interaction.Outcome{State: interaction.SendNotSent, Code: "553 5.6.7", Text: "the smart host takes no address outside ASCII"}, false
	}
	if limit, known := client.MaxMessageSize(); known && limit > 0 && size > int64(limit) {
		return nil, interaction.Outcome{State: interaction.SendNotSent, Code: "552 5.3.4", Text: fmt.Sprintf("the smart host takes no more than %d bytes", limit)}, false
	}
	if err := client.Mail(out.Envelope, &smtp.MailOptions{Size: size, UTF8: utf8}); err != nil {
		return nil, mailOutcome(err), false
	}
	accepted := 0
	worst := interaction.Outcome{State: interaction.SendNotSent, Permanent: true}
	for _, to := range recipients(out) {
		err := client.Rcpt(to, nil)
		if err == nil {
			accepted++
			continue
		}
		o := mailOutcome(err)
		if o.Code == "" {
			return nil, o, false // the connection broke
		}
		refused = append(refused, to+": "+o.Code+" "+o.Text)
		if o.State == interaction.SendQueued || worst.Code == "" {
			o.Permanent = o.Permanent && worst.Permanent
			worst = o
		}
	}
	return refused, worst, accepted > 0
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

// connect opens a session that is ready for mail. end closes it, after a goodbye where polite.
func (s *Sender) connect(ctx context.Context) (client *smtp.Client, end func(polite bool), err error) {
	dialer := net.Dialer{Timeout: s.opts.StepTimeout}
	raw, err := dialer.DialContext(ctx, "tcp", s.opts.Addr)
	if err != nil {
		return nil, nil, err
	}
	release := context.AfterFunc(ctx, func() { raw.Close() })
	end = func(polite bool) {
		if polite && client != nil {
			client.CommandTimeout = min(s.opts.StepTimeout, 2*time.Second)
			_ = client.Quit() // what is known is known; a missing goodbye changes nothing
		}
		release()
		raw.Close()
	}
	conn, err := s.protect(ctx, &steps{Conn: raw, timeout: s.opts.StepTimeout})
	if err == nil {
		client = smtp.NewClient(conn)
		client.CommandTimeout, client.SubmissionTimeout = s.opts.StepTimeout, s.opts.AnswerTimeout
		if err = client.Hello(s.opts.Hostname); err == nil {
			err = s.authenticate(client)
		}
	}
	if err != nil {
		end(false)
		return nil, nil, err
	}
	return client, end, nil
}

// authenticate uses what the host offers of PLAIN and LOGIN.
func (s *Sender) authenticate(client *smtp.Client) error {
	switch {
	case s.opts.User == "":
		return nil
	case client.SupportsAuth("PLAIN"):
		return client.Auth(sasl.NewPlainClient("", s.opts.User, s.opts.Password))
	case client.SupportsAuth("LOGIN"):
		return client.Auth(sasl.NewLoginClient(s.opts.User, s.opts.Password))
	}
	return errors.New("the smart host offers neither AUTH PLAIN nor LOGIN")
}

package main

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/emersion/go-smtp"

	"parley/adapters/catcher"
	"parley/api"
	"parley/cmd/parley/stack"
	"parley/interaction"
	"parley/lib/mail"
)

// demoCommand plays the demo against a running Parley: mail by SMTP, people over REST, and what came out from the catcher.
type demoCommand struct {
	Home    string        `env:"PARLEY_HOME" default:".parley" help:"Directory of the running Parley's state."`
	Support string        `default:"support@example.test" help:"Entry point that gets the mail."`
	Limit   time.Duration `default:"45s" help:"How long one step of a story may take."`
}

// story is one mail, or one conversation, and what is expected of it.
type story struct {
	title  string
	mail   string                                 // header fields and body, without From, To, Date and Message-ID
	sender string                                 // local part; "" is the null path
	talk   func(d *demo) interaction.ID           // instead of a mail
	play   func(d *demo, i api.Interaction)       // what people do; nil: nobody does anything
	ends   string                                 // reason
	out    []string                               // what the customer gets, in order: automatic or reply
	check  func(d *demo, i api.Interaction) error // further expectations; nil: none
}

// stories are played one after the other.
var stories = []story{
	{
		title: "a question that the machine answers", sender: "nora",
		mail: "Subject: I forgot my password\nContent-Type: text/plain; charset=utf-8\n\n" +
			"Hello,\n\nI forgot my password and cannot log in to my account any more. Please help me to reset my password.\n\nNora\n",
		ends: "answered_automatically", out: []string{"automatic"},
	},
	{
		title: "a question for two agents, and a reviewer who wants it better", sender: "carl",
		mail: "Subject: Where is my order 10442?\nContent-Type: text/plain; charset=utf-8\n\n" +
			"Hello,\n\nI ordered two weeks ago, order 10442, and nothing has arrived yet. When will it be delivered?\n\nCarl\n",
		play: twoAgents, ends: "answered", out: []string{"automatic", "reply"}, check: revised,
	},
	{
		title: "spam", sender: "prince",
		mail: "Subject: You are our winner\nContent-Type: text/plain; charset=utf-8\n\nYou have won the lottery! To claim it send us your bank details today.\n",
		ends: "spam",
	},
	{
		title: "an absence notice, which must get no answer from a machine", sender: "",
		mail: "Subject: Out of office: your message\nAuto-Submitted: auto-replied\nContent-Type: text/plain; charset=utf-8\n\n" +
			"I am on holiday until Monday and do not read my mail.\n",
		play: setAside, ends: "no_answer_needed",
	},
	{
		title: "broken MIME, which is kept for a person", sender: "bert",
		mail: "Subject: =?utf-8?B?QnJva2VuIG1haWw?= of my order\nMIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=\"never-closed\"\n\n" +
			"--never-closed\nContent-Type: text/plain; charset=no-such-charset\nContent-Transfer-Encoding: base64\n\n" +
			"VGhlIGJveCBvZiBteSBvcmRlciBjYW1lIGJyb2tlbg%%%%\n--never-closed\nContent-Type: image/png\nContent-Transfer-Encoding: base64\n\nnot base64 at all\n",
		play: setAside, ends: "no_answer_needed", out: []string{"automatic"}, check: keptAsItCame,
	},
	{title: "a chat", talk: chatWithNora, ends: "solved", check: conversed},
}

// Run plays all stories and fails if one ends otherwise than expected.
func (c *demoCommand) Run(ctx context.Context) error {
	d, err := c.open()
	if err != nil {
		return err
	}
	wrong := 0
	for n, s := range stories {
		fmt.Printf("%d. %s\n", n+1, s.title)
		if err := d.tell(ctx, s); err != nil {
			wrong++
			fmt.Printf("   NOT AS EXPECTED: %v\n", err)
		}
		fmt.Println()
	}
	if wrong > 0 {
		fmt.Printf("%d of %d stories ended otherwise than expected.\n", wrong, len(stories))
		return exitError(1)
	}
	fmt.Printf("All %d stories ended as expected.\n", len(stories))
	return nil
}

// demo is one performance.
type demo struct {
	demoRest
	command *demoCommand
	smtp    string
	outbox  *catcher.Catcher
	run     string // makes addresses and ids of this performance its own
	sent    []byte // the story's mail
}

// open finds the running Parley.
func (c *demoCommand) open() (*demo, error) {
	info, err := stack.ReadRunInfo(c.Home)
	if err != nil {
		return nil, err
	}
	if info.Parley.PID == 0 || info.Parley.HTTP == "" {
		return nil, fmt.Errorf("no Parley runs in %s: start one with make run", c.Home)
	}
	tokens, err := readEnv(filepath.Join(c.Home, "demo.env"))
	if err != nil {
		return nil, fmt.Errorf("the demo's tokens: %w", err)
	}
	folder := filepath.Join(c.Home, "outbox")
	if _, err := os.Stat(folder); err != nil {
		return nil, fmt.Errorf("the demo looks at caught mail; run Parley without PARLEY_SMARTHOST: %w", err)
	}
	outbox, err := catcher.New(folder, "", nil)
	if err != nil {
		return nil, err
	}
	return &demo{
		demoRest: demoRest{address: info.Parley.HTTP, tokens: tokens, limit: c.Limit}, command: c,
		smtp: info.Parley.SMTP, outbox: outbox, run: string(interaction.NewID())[24:],
	}, nil
}

// tell plays one story and prints what happened.
func (d *demo) tell(ctx context.Context, s story) (err error) {
	defer func() {
		if trouble := recover(); trouble != nil {
			failed, ours := trouble.(demoFailed)
			if !ours {
				panic(trouble)
			}
			err = failed.error
		}
	}()
	d.ctx = ctx
	begun := time.Now()
	id, messageID, err := d.begin(s)
	if err != nil {
		return err
	}
	i := d.stopped(id)
	took := time.Since(begun)
	out := d.mailOut(messageID)
	d.print(i, out, took)
	if i.Reason != s.ends {
		return fmt.Errorf("it stopped as %s instead of %s", i.Reason, s.ends)
	}
	var kinds []string
	for _, m := range out {
		kinds = append(kinds, kindOf(m))
	}
	if !slices.Equal(kinds, s.out) {
		return fmt.Errorf("what left is %v instead of %v", kinds, s.out)
	}
	if s.check != nil {
		return s.check(d, i)
	}
	return nil
}

// begin has the customer write and people do their part.
func (d *demo) begin(s story) (id interaction.ID, messageID string, err error) {
	if s.talk != nil {
		return s.talk(d), "", nil
	}
	messageID, err = d.post(s)
	if err != nil {
		return "", "", err
	}
	i := d.arrived(messageID)
	if s.play != nil {
		s.play(d, i)
	}
	return i.ID, messageID, nil
}

// post sends the story's mail by SMTP.
func (d *demo) post(s story) (messageID string, err error) {
	name, envelope := s.sender, ""
	if name == "" {
		name = "otto"
	} else {
		envelope = name + "." + d.run + "@customers.example.test"
	}
	messageID = name + "." + d.run + "@customers.example.test"
	text := fmt.Sprintf("From: %s <%s.%s@customers.example.test>\nTo: <%s>\nDate: %s\nMessage-ID: <%s>\n%s",
		strings.ToUpper(name[:1])+name[1:], name, d.run, d.command.Support, time.Now().Format(time.RFC1123Z), messageID, s.mail)
	d.sent = bytes.ReplaceAll([]byte(text), []byte("\n"), []byte("\r\n"))
	return messageID, d.deliver(envelope)
}

// deliver sends the mail as other servers do: under STARTTLS where it is offered, whatever the certificate (RFC 7435).
func (d *demo) deliver(envelope string) error {
	client, err := smtp.DialStartTLS(d.smtp, &tls.Config{InsecureSkipVerify: true}) //nolint:gosec // as the listener's own certificate may be self-signed
	if err != nil {
		return err
	}
	defer client.Close()
	if err := client.SendMail(envelope, []string{d.command.Support}, bytes.NewReader(d.sent)); err != nil {
		return err
	}
	return client.Quit()
}

// twoAgents has Ann begin, Ben answer, and Sue return the answer once.
func twoAgents(d *demo, i api.Interaction) {
	ann, ben, sue := "PARLEY_AGENT_TOKEN", "PARLEY_AGENT2_TOKEN", "PARLEY_SENIOR_TOKEN"
	task := d.task(ann, i.ID, "handle")
	d.do(ann, "/v1/tasks/"+string(task.ID)+"/claim", nil)
	d.do(ann, "/v1/tasks/"+string(task.ID)+"/transfer", map[string]any{"agent_id": d.me(ben), "note": "You know the parcel service, Ben."})
	d.do(ben, "/v1/tasks/"+string(task.ID)+"/claim", nil)
	d.do(ben, "/v1/tasks/"+string(task.ID)+"/reply", map[string]any{"text": "It is on its way."})
	review := d.task(sue, i.ID, "review")
	d.do(sue, "/v1/reviews/"+string(review.ID)+"/decision", map[string]any{"decision": "return", "comment": "Say when it arrives."})
	task = d.task(ben, i.ID, "handle")
	d.do(ben, "/v1/tasks/"+string(task.ID)+"/claim", nil)
	d.do(ben, "/v1/tasks/"+string(task.ID)+"/reply", map[string]any{"text": "Your order is with the parcel service and arrives on Friday. We are sorry for the delay."})
	review = d.task(sue, i.ID, "review")
	d.do(sue, "/v1/reviews/"+string(review.ID)+"/decision", map[string]any{"decision": "approve"})
}

// setAside has Ann look at it and end it without an answer.
func setAside(d *demo, i api.Interaction) {
	task := d.task("PARLEY_AGENT_TOKEN", i.ID, "handle")
	d.do("PARLEY_AGENT_TOKEN", "/v1/tasks/"+string(task.ID)+"/claim", nil)
	d.do("PARLEY_AGENT_TOKEN", "/v1/tasks/"+string(task.ID)+"/complete", map[string]any{"disposition": "no_answer_needed"})
}

// revised expects the answer that the reviewer wanted.
func revised(d *demo, i api.Interaction) error {
	for _, m := range d.messages(i.ID) {
		if m.Kind == "reply" && m.Send != nil && m.Send.State == "sent" {
			if !strings.Contains(m.Text, "on Friday") {
				return errors.New("the answer that left is not the revised one")
			}
			return nil
		}
	}
	return errors.New("REST knows of no answer that left")
}

// keptAsItCame expects the bytes that were sent, and a word about what is wrong with them.
func keptAsItCame(d *demo, i api.Interaction) error {
	m := d.messages(i.ID)[0]
	if len(m.Problems) == 0 {
		return errors.New("nobody is told what is wrong with the mail")
	}
	fmt.Printf("   wrong with the mail: %s\n", strings.Join(m.Problems, "; "))
	if raw := d.raw(i.ID, m.Number); !bytes.Equal(raw, d.sent) {
		return fmt.Errorf("its bytes are not those that were sent: %d instead of %d", len(raw), len(d.sent))
	}
	return nil
}

// mailOut gives the caught mails that answer this one, oldest first.
func (d *demo) mailOut(messageID string) (out []*mail.Message) {
	list, err := d.outbox.List(1000)
	d.must(err)
	for _, e := range slices.Backward(list) {
		raw, err := d.outbox.Open(e.Name)
		d.must(err)
		if m := mail.Parse(raw); slices.Contains(m.InReplyTo, messageID) {
			out = append(out, m)
		}
	}
	return out
}

func kindOf(m *mail.Message) string {
	if m.Get("Auto-Submitted") != "" {
		return "automatic"
	}
	return "reply"
}

// print shows what REST and the catcher tell.
func (d *demo) print(i api.Interaction, out []*mail.Message, took time.Duration) {
	fmt.Printf("   %s\n   %q is %s as %s, category %q (%.2f), after %.1f s\n", i.ID, i.Subject, i.State, i.Reason, i.Category, i.Confidence, took.Seconds())
	for _, e := range d.events(i.ID) {
		fmt.Printf("   %s  %-22s %s\n", e.At.Format("15:04:05.000"), e.Code, strings.Trim(e.From+" → "+e.To, " →"))
	}
	for _, m := range out {
		line, _, _ := strings.Cut(strings.TrimSpace(m.Text), "\n")
		fmt.Printf("   out: %-9s to %s: %q: %s …\n", kindOf(m), m.To[0].Address, m.Subject, line)
	}
	if len(out) == 0 && i.Channel == string(interaction.Email) {
		fmt.Println("   out: nothing")
	}
}

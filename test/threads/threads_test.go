// Package threads lets customers with broken mail programs, forgers and mail servers write to the real store through the real parser, and looks at which thread
// each mail came to.
package threads

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"parley/interaction"
	"parley/lib/mail"
	"parley/store"
	"parley/store/storetest"
)

// post is the way in without its sockets: accept, take, parse, settle.
type post struct {
	t    *testing.T
	s    *store.Store
	null bool // the next mails have no envelope sender
}

// came is where a mail ended up.
type came struct {
	Interaction, Thread, Contact, Parent interaction.ID
	Number                               int64
}

// deliver brings a mail to an address.
func (p *post) deliver(raw string, addresses ...string) (list []came) {
	p.t.Helper()
	ctx := p.t.Context()
	var targets []interaction.Target
	for _, a := range addresses {
		name, err := p.s.EntryPoint(ctx, interaction.Email, a)
		require.NoError(p.t, err, a)
		targets = append(targets, interaction.Target{EntryPoint: name, Address: a})
	}
	raw = strings.ReplaceAll(raw, "\n", "\r\n")
	_, err := p.s.Accept(ctx, interaction.Inbound{
		Channel: interaction.Email, Targets: targets, Identity: mail.ContentKey([]byte(raw)), Facts: interaction.Facts{NullPath: p.null}, Raw: bytes.NewReader([]byte(raw)), Size: int64(len(raw)),
	})
	require.NoError(p.t, err)
	taken, err := p.s.Take(ctx, 10)
	require.NoError(p.t, err)
	for _, in := range taken {
		require.NoError(p.t, p.s.Settle(ctx, in, mail.Parser{}.Parse([]byte(raw), in.Facts)))
		var c came
		require.NoError(p.t, p.s.Pool().QueryRow(ctx, `select i.id, i.thread_id, i.contact_id, coalesce(i.parent_id::text, ''), b.message_number
			from inbound b join all_interactions i on i.id = b.interaction_id where b.id = $1`, in.ID).Scan(&c.Interaction, &c.Thread, &c.Contact, &c.Parent, &c.Number))
		list = append(list, c)
	}
	return list
}

// answer has an agent reply, and gives the mail that left.
func (p *post) answer(ann interaction.Actor, id interaction.ID) interaction.Outbound {
	p.t.Helper()
	return p.answerWith(ann, id, interaction.Reply{Text: "An answer."})
}

func (p *post) answerWith(ann interaction.Actor, id interaction.ID, r interaction.Reply) interaction.Outbound {
	p.t.Helper()
	ctx := p.t.Context()
	step := string(interaction.NewID())
	task, err := p.s.OpenTask(ctx, interaction.Ask{Interaction: id, Step: step, Kind: interaction.TaskHandle, Message: 1})
	require.NoError(p.t, err)
	held, err := p.s.Claim(ctx, ann, task)
	require.NoError(p.t, err)
	reply, err := p.s.Reply(ctx, ann, task, held.Version, r)
	require.NoError(p.t, err)
	require.NoError(p.t, p.s.ReleaseReply(ctx, id, step+"-release", reply.Number))
	d, err := p.s.PrepareSend(ctx, id, reply.Number)
	require.NoError(p.t, err)
	attempt := interaction.NewID()
	won, err := p.s.BeginSend(ctx, id, reply.Number, attempt)
	require.NoError(p.t, err)
	require.True(p.t, won)
	_, err = p.s.EndSend(ctx, id, reply.Number, attempt, interaction.Outcome{State: interaction.SendSent})
	require.NoError(p.t, err)
	return d.Out
}

// stop ends an interaction.
func (p *post) stop(id interaction.ID) {
	p.t.Helper()
	stopping, err := p.s.Stop(p.t.Context(), id, 1000, "answered")
	require.NoError(p.t, err)
	require.True(p.t, stopping.Stopped)
}

func (p *post) count(sql string, args ...any) (n int) {
	p.t.Helper()
	require.NoError(p.t, p.s.Pool().QueryRow(p.t.Context(), sql, args...).Scan(&n))
	return n
}

// TestThreads: customers whose programs drop references, change subjects, keep several tokens or quote from the top join their own thread; forgers join none.
// PARLEY_THREADS is how many threads; five forged mails go with each.
func TestThreads(t *testing.T) {
	threads := 60
	if n, err := strconv.Atoi(os.Getenv("PARLEY_THREADS")); err == nil {
		threads = n
	}
	s := storetest.New(t, store.Options{})
	ann := storetest.Person(t, s, "ann")
	p := &post{t: t, s: s}
	seed := uint64(time.Now().UnixNano())
	r := rand.New(rand.NewPCG(seed, 1))
	right, forged, joined := 0, 0, 0
	for n := range threads {
		who := fmt.Sprintf("anna%d@example.org", n)
		first := p.deliver(fmt.Sprintf("From: Anna <%s>\nTo: support@example.test\nSubject: Question %d\nMessage-ID: <q%d@example.org>\n\nHello?\n", who, n, n), "support@example.test")[0]
		out := p.answer(ann, first.Interaction)
		if r.IntN(2) == 0 {
			p.stop(first.Interaction)
		}
		token := out.ReplyTo.Address
		// What the customer's program makes of our mail.
		headers, to := fmt.Sprintf("In-Reply-To: <%s>\nReferences: <q%d@example.org> <%s>\n", out.MessageID, n, out.MessageID), token
		subject := "Re: " + out.Subject
		switch r.IntN(8) {
		case 0: // no references at all
			headers = ""
		case 1: // references without brackets, folded
			headers = fmt.Sprintf("References: %s\n q%d@example.org\n", out.MessageID, n)
		case 2: // his own id only
			headers = fmt.Sprintf("In-Reply-To: <q%d@example.org>\n", n)
		case 3: // another subject, no references
			subject, headers = "Something else", ""
		case 4: // sent to the address itself, with references
			to = "support@example.test"
		case 5: // an id of nobody's first
			headers = "In-Reply-To: <nobody@elsewhere.example>\n" + fmt.Sprintf("References: <nobody@elsewhere.example> <%s>\n", out.MessageID)
		case 6: // written in capitals by a program that does so
			to, headers = strings.ToUpper(token), ""
		}
		mine := p.deliver(fmt.Sprintf("From: Anna <%s>\nTo: %s\nSubject: %s\nMessage-ID: <a%d@example.org>\n%s\nThanks.\n\n> An answer.\n", who, to, subject, n, headers), to)[0]
		if mine.Thread == first.Thread && mine.Contact == first.Contact {
			right++
		}
		for k := range 5 { // strangers, and strangers who call themselves agents or us (E-22)
			forged++
			local, _, _ := strings.Cut(token, "+")
			guess := []string{"support@example.test", token, local + "+r." + strings.Repeat("a", 42) + "@example.test", strings.Replace(token, "+r.", "+r.a", 1), "support@example.test"}[k]
			from := []string{"mallory@evil.example", "mallory@evil.example", "ann@agents.example.test", "support@example.test", "Anna <mallory" + strconv.Itoa(n) + "@evil.example>"}[k]
			forgery := p.deliver(fmt.Sprintf("From: %s\nTo: %s\nSubject: Re: %s\nMessage-ID: <f%d.%d@evil.example>\nIn-Reply-To: <%s>\nReferences: <%s>\n\nSend the money elsewhere.\n",
				from, guess, out.Subject, n, k, out.MessageID, out.MessageID), guess)[0]
			if forgery.Thread == first.Thread || forgery.Contact == first.Contact {
				joined++
			}
		}
	}
	t.Logf("seed %d: %d of %d threads joined rightly, %d of %d forged mails joined one", seed, right, threads, joined, forged)
	require.GreaterOrEqual(t, float64(right), 0.999*float64(threads))
	require.Zero(t, joined)
	require.Zero(t, p.count(`select count(*) from messages where kind = 'reply' and body like '%money%'`), "nobody's mail is an agent's reply")
}

func bounce(out interaction.Outbound, action, status, original string) string {
	return fmt.Sprintf(`From: MAILER-DAEMON@mx.example.org
To: %s
Subject: Undelivered Mail Returned to Sender
Message-ID: <%s@mx.example.org>
MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status; boundary=b

--b
Content-Type: text/plain

<%s>: host mx.example.org said: 550 %s no such user

--b
Content-Type: message/delivery-status

Reporting-MTA: dns; mx.example.org

Final-Recipient: rfc822; %s
Action: %s
Status: %s
Diagnostic-Code: smtp; 550 %s User unknown

%s--b--
`, out.Envelope, interaction.NewID(), out.To[0].Address, status, out.To[0].Address, action, status, status, original)
}

func returned(out interaction.Outbound) string {
	return "--b\nContent-Type: text/rfc822-headers\n\nFrom: " + out.From.Address + "\nTo: " + out.To[0].Address + "\nSubject: x\nMessage-ID: <" + out.MessageID + ">\n\n"
}

// TestReportsJoinWhatTheyAreAbout: bounces and receipts become messages of the outgoing mail's interaction, or its child once that has stopped; the message and
// the address are marked; an address that its owner writes from is good again.
func TestReportsJoinWhatTheyAreAbout(t *testing.T) {
	s := storetest.New(t, store.Options{})
	ann := storetest.Person(t, s, "ann")
	p := &post{t: t, s: s}
	for name, c := range map[string]struct {
		action, status string
		withID         bool
		stopped        bool
		mark           string
		failed         bool
		news           interaction.NewsKind
	}{
		"hard":                      {"failed", "5.1.1", true, false, "bounced", true, interaction.NewsMessage},
		"hard, told by the address": {"failed", "5.1.1", false, false, "bounced", true, interaction.NewsMessage},
		"delayed":                   {"delayed", "4.4.1", true, false, "delayed", false, interaction.NewsReport},
		"delivered":                 {"delivered", "2.0.0", true, false, "delivered", false, interaction.NewsReport},
		"hard, stopped":             {"failed", "5.1.1", true, true, "bounced", true, interaction.NewsStart},
		"delivered, stopped":        {"delivered", "2.0.0", true, true, "delivered", false, interaction.NewsStart},
	} {
		t.Run(name, func(t *testing.T) {
			p := &post{t: t, s: s}
			who := strings.ReplaceAll(strings.ReplaceAll(name, " ", "."), ",", "") + "@example.org"
			first := p.deliver("From: "+who+"\nTo: support@example.test\nSubject: Q\nMessage-ID: <"+name[:4]+who+">\n\nHello?\n", "support@example.test")[0]
			out := p.answer(ann, first.Interaction)
			require.NotEqual(t, "support@example.test", out.Envelope, "a bounce comes back to the thread")
			if c.stopped {
				p.stop(first.Interaction)
			}
			original := ""
			if c.withID {
				original = returned(out)
			}
			got := p.deliver(bounce(out, c.action, c.status, original), out.Envelope)[0]
			require.Equal(t, first.Thread, got.Thread)
			require.Equal(t, first.Contact, got.Contact)
			if c.stopped {
				require.NotEqual(t, first.Interaction, got.Interaction)
				require.Equal(t, first.Interaction, got.Parent)
				require.Equal(t, 1, p.count(`select count(*) from interactions where id = $1 and workflow = 'Report'`, got.Interaction))
			} else {
				require.Equal(t, first.Interaction, got.Interaction)
			}
			require.Equal(t, 1, p.count(`select count(*) from messages where interaction_id = $1 and message_id = $2 and $3 = any(problems)`, first.Interaction, out.MessageID, c.mark))
			require.Equal(t, 1, p.count(`select count(*) from messages where interaction_id = $1 and in_reply_to = $2 and machine = 'dsn'`, got.Interaction, out.MessageID))
			require.Equal(t, 1, p.count(`select count(*) from outbox where interaction_id = $1 and news ->> 'kind' = $2 and (news ->> 'message')::bigint = $3`, got.Interaction, c.news, got.Number))
			failed := `select count(*) from contact_attributes where value = $1 and failed_at is not null`
			require.Equal(t, c.failed, p.count(failed, who) == 1)
			require.Equal(t, c.failed, p.count(`select count(*) from events where code = 'contact.address_failed' and interaction_id = $1`, first.Interaction) == 1)
			p.deliver("From: "+who+"\nTo: support@example.test\nSubject: again\nMessage-ID: <again"+who+">\n\nIt is me.\n", "support@example.test")
			require.Zero(t, p.count(failed, who))
		})
	}
	// A report about nothing of ours is a mail like any other, and marks nobody.
	stray := interaction.Outbound{Envelope: "support@example.test", To: []interaction.Address{{Address: "victim@example.org"}}, MessageID: "made-up@example.test"}
	p.deliver("From: victim@example.org\nTo: support@example.test\nSubject: Q\nMessage-ID: <v@example.org>\n\nHello?\n", "support@example.test")
	p.deliver(bounce(stray, "failed", "5.1.1", returned(stray)), "support@example.test")
	require.Zero(t, p.count(`select count(*) from contact_attributes where value = 'victim@example.org' and failed_at is not null`))
}

// TestAutomaticAnswersBeginNothing: what a program answers for its reader stands with what it answers, open or stopped, and disturbs nobody; from anybody else,
// or in answer to nothing of ours, it is a mail like any other.
func TestAutomaticAnswersBeginNothing(t *testing.T) {
	s := storetest.New(t, store.Options{})
	ann := storetest.Person(t, s, "ann")
	away := func(from, to, more string) string {
		return fmt.Sprintf("From: %s\nTo: %s\nSubject: Automatic reply: Q\nMessage-ID: <%s@example.org>\n%s\nI am out of the office until Monday.\n", from, to, interaction.NewID(), more)
	}
	for name, c := range map[string]struct {
		stopped       bool
		marks         string // of the answer, %s: what it answers
		from          string // empty: who was written to
		withoutSigned bool
		joins         bool
	}{
		"open":                     {marks: "Auto-Submitted: auto-replied\nIn-Reply-To: <%s>\n", joins: true},
		"stopped":                  {stopped: true, marks: "Auto-Submitted: auto-replied\nReferences: <a@b> <%s>\n", withoutSigned: true, joins: true},
		"by the signed address":    {stopped: true, marks: "X-Autoreply: yes\n", joins: true},
		"as Exchange writes them":  {stopped: true, marks: "Auto-Submitted: auto-generated\nX-Auto-Response-Suppress: All\nIn-Reply-To: <%s>\n", joins: true},
		"from a stranger":          {stopped: true, marks: "Auto-Submitted: auto-replied\nIn-Reply-To: <%s>\n", from: "mallory@evil.example"},
		"in answer to nothing":     {stopped: true, marks: "Auto-Submitted: auto-replied\n", withoutSigned: true},
		"written by a person":      {stopped: true, marks: "Subject: Re: Q\nIn-Reply-To: <%s>\n"},
		"a program, but no answer": {stopped: true, marks: "Auto-Submitted: auto-generated\nIn-Reply-To: <%s>\n"},
	} {
		t.Run(name, func(t *testing.T) {
			p := &post{t: t, s: s}
			who := strings.Map(func(r rune) rune {
				if r == ' ' || r == ',' {
					return '.'
				}
				return r
			}, name) + "@example.org"
			first := p.deliver("From: "+who+"\nTo: support@example.test\nSubject: Q\nMessage-ID: <first"+who+">\n\nHello?\n", "support@example.test")[0]
			out := p.answer(ann, first.Interaction)
			if c.stopped {
				p.stop(first.Interaction)
			}
			to, from := out.Envelope, who
			if c.withoutSigned {
				to = "support@example.test"
			}
			if c.from != "" {
				from = c.from
			}
			raw := away(from, to, strings.ReplaceAll(c.marks, "%s", out.MessageID))
			if strings.Contains(c.marks, "Subject:") || strings.Contains(name, "no answer") {
				raw = strings.Replace(raw, "Subject: Automatic reply: Q\n", "", 1)
			}
			news := `select count(*) from outbox where interaction_id = $1`
			before := p.count(news, first.Interaction)
			got := p.deliver(raw, to)[0]
			require.Equal(t, c.joins, got.Interaction == first.Interaction)
			marked := p.count(`select count(*) from messages where interaction_id = $1 and message_id = $2 and 'auto_reply' = any(problems)`, first.Interaction, out.MessageID)
			if !c.joins {
				require.Zero(t, marked)
				return
			}
			require.Equal(t, 1, marked)
			require.Equal(t, 3, int(got.Number), "the question, the answer, and this")
			require.Equal(t, 3, p.count(`select messages from all_interactions where id = $1`, first.Interaction))
			require.Equal(t, 1, p.count(`select count(*) from events where code = 'message.received' and interaction_id = $1 and data ->> 'report' = 'auto_reply'`, first.Interaction))
			if c.stopped {
				require.Equal(t, before, p.count(news, first.Interaction), "no workflow hears of it")
				require.Equal(t, 1, p.count(`select count(*) from closed_interactions where id = $1`, first.Interaction))
			} else {
				require.Equal(t, 1, p.count(news+` and news ->> 'kind' = 'report'`, first.Interaction), "the story goes on as it was")
			}
			next := p.deliver("From: "+who+"\nTo: support@example.test\nSubject: Re: Q\nMessage-ID: <next"+who+">\nIn-Reply-To: <"+out.MessageID+">\n\nI am back.\n", "support@example.test")[0]
			require.Equal(t, first.Thread, next.Thread)
			require.Equal(t, !c.stopped, next.Interaction == first.Interaction)
		})
	}
}

// TestSplitAndRepeat: one mail to two entry points is one interaction at each, an answer to both is one message of its thread; the same mail again is nothing new;
// the same Message-ID with other content is a second interaction with a note (E-20).
func TestSplitAndRepeat(t *testing.T) {
	s := storetest.New(t, store.Options{})
	ann := storetest.Person(t, s, "ann")
	_, err := s.Pool().Exec(t.Context(), `insert into entry_points (name, channel, address, workflow, queue) values ('sales', 'email', 'sales@example.test', 'Email', 'service')`)
	require.NoError(t, err)
	p := &post{t: t, s: s}
	both := "From: anna@example.org\nTo: support@example.test, sales@example.test\nSubject: Q\nMessage-ID: <split@example.org>\n\nHello?\n"
	list := p.deliver(both, "support@example.test", "sales@example.test")
	require.Len(t, list, 2)
	require.NotEqual(t, list[0].Interaction, list[1].Interaction)
	require.Equal(t, list[0].Contact, list[1].Contact)
	require.Empty(t, p.deliver(both, "support@example.test", "sales@example.test"), "the same mail again (E-19)")
	require.Zero(t, p.count(`select count(*) from messages where 'message_id_seen_before_with_other_content' = any(problems)`))

	at := list[0].Interaction
	if p.count(`select count(*) from interactions where id = $1 and entry_point = 'support'`, at) == 0 {
		at = list[1].Interaction
	}
	out := p.answer(ann, at)
	again := fmt.Sprintf("From: anna@example.org\nTo: %s, sales@example.test\nSubject: Re: Q\nMessage-ID: <again@example.org>\nIn-Reply-To: <%s>\n\nThanks.\n", out.ReplyTo.Address, out.MessageID)
	list = p.deliver(again, out.ReplyTo.Address, "sales@example.test")
	require.Len(t, list, 2)
	require.Equal(t, list[0], list[1], "one message of the thread")

	clash := p.deliver("From: mallory@evil.example\nTo: support@example.test\nSubject: Q\nMessage-ID: <split@example.org>\n\nOther content.\n", "support@example.test")
	require.Len(t, clash, 1)
	require.NotContains(t, []interaction.ID{list[0].Interaction, list[1].Interaction}, clash[0].Interaction)
	require.Equal(t, 1, p.count(`select count(*) from messages where interaction_id = $1 and 'message_id_seen_before_with_other_content' = any(problems)`, clash[0].Interaction))
}

// TestAnExpertIsAskedByMail: what somebody outside answers is a note in the interaction that he was asked about, from him only; the customer is answered as before.
func TestAnExpertIsAskedByMail(t *testing.T) {
	s := storetest.New(t, store.Options{})
	ann := storetest.Person(t, s, "ann")
	p := &post{t: t, s: s}
	first := p.deliver("From: anna@example.org\nTo: support@example.test\nSubject: Strange noise\nMessage-ID: <n@example.org>\n\nIt hums.\n", "support@example.test")[0]
	task, err := s.OpenTask(t.Context(), interaction.Ask{Interaction: first.Interaction, Step: "ask", Kind: interaction.TaskHandle, Message: 1})
	require.NoError(t, err)
	_, err = s.Forward(t.Context(), ann, task, interaction.Forward{To: interaction.Address{Address: "expert@maker.test"}, Text: "Why?"})
	require.Error(t, err, "only who holds it")
	_, err = s.Claim(t.Context(), ann, task)
	require.NoError(t, err)
	_, err = s.Forward(t.Context(), ann, task, interaction.Forward{To: interaction.Address{Address: "support@example.test"}, Text: "Why?"})
	require.ErrorContains(t, err, "own_address")
	asked, err := s.Forward(t.Context(), ann, task, interaction.Forward{To: interaction.Address{Name: "Eve Expert", Address: "expert@maker.test"}, Text: "Why does it hum?"})
	require.NoError(t, err)
	require.Equal(t, first.Interaction, asked.Parent)
	require.NoError(t, s.ReleaseReply(t.Context(), asked.ID, "release", 1))
	d, err := s.PrepareSend(t.Context(), asked.ID, 1)
	require.NoError(t, err)
	require.Equal(t, "Fwd: Strange noise", d.Out.Subject)
	require.Contains(t, d.Out.Text, "Why does it hum?")
	require.Contains(t, d.Out.Text, "It hums.")

	answer := func(from, id string) came {
		return p.deliver(fmt.Sprintf("From: %s\nTo: %s\nSubject: Re: Fwd\nMessage-ID: <%s@maker.test>\nIn-Reply-To: <%s>\n\nA loose screw.\n", from, d.Out.ReplyTo.Address, id, d.Out.MessageID), d.Out.ReplyTo.Address)[0]
	}
	got := answer("expert@maker.test", "1")
	require.Equal(t, first.Interaction, got.Interaction)
	require.Equal(t, 1, p.count(`select count(*) from messages where interaction_id = $1 and kind = 'note' and body like '%screw%'`, first.Interaction))
	require.NotEqual(t, first.Interaction, answer("mallory@evil.example", "2").Interaction, "a stranger's answer is no expert's")

	held, err := s.Task(t.Context(), ann, task)
	require.NoError(t, err)
	reply, err := s.Reply(t.Context(), ann, task, held.Version, interaction.Reply{Text: "It is a screw."})
	require.NoError(t, err)
	require.Equal(t, "anna@example.org", reply.To[0].Address, "the customer is answered, not the expert")
	p.stop(first.Interaction)
	require.NotEqual(t, first.Interaction, answer("expert@maker.test", "3").Interaction, "what comes too late is a mail of its own")
}

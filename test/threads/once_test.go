package threads

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"parley/interaction"
	"parley/store"
	"parley/store/storetest"
)

// withSales gives a store with two entry points for mail and an acknowledgement. Its loop guard lets everything through: what is told here must not hang on it.
func withSales(t *testing.T) *store.Store {
	s := storetest.New(t, store.Options{LoopGuard: store.LoopGuard{Short: time.Minute, ShortLimit: 100, Long: time.Hour, LongLimit: 100}})
	_, err := s.Pool().Exec(t.Context(), `insert into entry_points (name, channel, address, workflow, queue) values ('sales', 'email', 'sales@example.test', 'Email', 'service')`)
	require.NoError(t, err)
	require.NoError(t, s.Apply(t.Context(), interaction.System, interaction.Setup{Responses: []interaction.Answer{
		{Name: "ack", Usage: interaction.UseAcknowledgement, Language: "en", State: interaction.ResponseActive, Text: "We have it."},
	}}))
	return s
}

// TestOneMailIsAnsweredOnce: a mail to two entry points is one interaction at each, and whoever wrote it gets one automatic answer; the next mail has its own.
func TestOneMailIsAnsweredOnce(t *testing.T) {
	s := withSales(t)
	p := &post{t: t, s: s}
	acknowledge := func(c came) interaction.AutoAnswered {
		_, err := s.Understand(t.Context(), c.Interaction, "understand", 1, func(interaction.Material) interaction.Explained {
			return interaction.Explained{Understood: interaction.Understood{Language: "en"}}
		})
		require.NoError(t, err)
		answered, err := s.AnswerAutomatically(t.Context(), interaction.AutoAnswer{Interaction: c.Interaction, Step: "answer", Message: c.Number, Usage: interaction.UseAcknowledgement})
		require.NoError(t, err)
		return answered
	}
	mail := func(id string) string {
		return "From: anna@example.org\nTo: support@example.test, sales@example.test\nSubject: Q\nMessage-ID: <" + id + "@example.org>\n\nHello?\n"
	}
	both := p.deliver(mail("one"), "support@example.test", "sales@example.test")
	require.Len(t, both, 2)
	require.True(t, acknowledge(both[0]).Queued)
	require.Equal(t, "answered_elsewhere", acknowledge(both[1]).Reason)

	first, second := p.deliver(mail("two"), "sales@example.test"), p.deliver(mail("two"), "support@example.test")
	require.True(t, acknowledge(first[0]).Queued, "another mail of the same customer")
	require.Equal(t, "answered_elsewhere", acknowledge(second[0]).Reason, "brought by two deliveries it is one mail all the same")
	require.Equal(t, 2, p.count(`select count(*) from messages where kind = 'auto'`))
}

// TestAReportIsOneMessage: what a program says of a message of ours and sends to several of our entry points is told once, open or stopped.
func TestAReportIsOneMessage(t *testing.T) {
	s := withSales(t)
	ann := storetest.Person(t, s, "ann")
	p := &post{t: t, s: s}
	away := func(who string, out interaction.Outbound) string {
		return fmt.Sprintf("From: %s\nTo: %s, sales@example.test\nSubject: Automatic reply: Q\nMessage-ID: <%s@example.org>\nAuto-Submitted: auto-replied\nIn-Reply-To: <%s>\n\nI am away.\n",
			who, out.Envelope, interaction.NewID(), out.MessageID)
	}
	refused := func(_ string, out interaction.Outbound) string { return bounce(out, "failed", "5.1.1", returned(out)) }
	for name, c := range map[string]struct {
		report  func(who string, out interaction.Outbound) string
		stopped bool
		apart   bool // in two deliveries
	}{
		"away.open":       {report: away},
		"away.stopped":    {report: away, stopped: true},
		"away.apart":      {report: away, stopped: true, apart: true},
		"refused.open":    {report: refused, apart: true},
		"refused.stopped": {report: refused, stopped: true},
	} {
		t.Run(name, func(t *testing.T) {
			p := &post{t: t, s: s}
			who := name + "@example.org"
			first := p.deliver("From: "+who+"\nTo: support@example.test\nSubject: Q\nMessage-ID: <q"+who+">\n\nHello?\n", "support@example.test")[0]
			out := p.answer(ann, first.Interaction)
			if c.stopped {
				p.stop(first.Interaction)
			}
			interactions := p.count(`select count(*) from all_interactions`)
			raw := c.report(who, out)
			var list []came
			if c.apart {
				list = append(p.deliver(raw, out.Envelope), p.deliver(raw, "sales@example.test")...)
			} else {
				list = p.deliver(raw, out.Envelope, "sales@example.test")
			}
			require.Len(t, list, 2)
			require.Equal(t, list[0], list[1], "one message")
			require.Equal(t, 3, p.count(`select count(*) from messages g join all_interactions i on i.id = g.interaction_id where i.thread_id = $1`, first.Thread), "the question, the answer, and this")
			require.LessOrEqual(t, p.count(`select count(*) from all_interactions`), interactions+1, "at most one child")
		})
	}
	expert := p.deliver("From: eve@example.org\nTo: support@example.test\nSubject: Noise\nMessage-ID: <noise@example.org>\n\nIt hums.\n", "support@example.test")[0]
	task, err := s.OpenTask(t.Context(), interaction.Ask{Interaction: expert.Interaction, Step: "ask", Kind: interaction.TaskHandle, Message: 1})
	require.NoError(t, err)
	_, err = s.Claim(t.Context(), ann, task)
	require.NoError(t, err)
	asked, err := s.Forward(t.Context(), ann, task, interaction.Forward{To: interaction.Address{Address: "expert@maker.test"}, Text: "Why?"})
	require.NoError(t, err)
	require.NoError(t, s.ReleaseReply(t.Context(), asked.ID, "release", 1))
	d, err := s.PrepareSend(t.Context(), asked.ID, 1)
	require.NoError(t, err)
	answer := p.deliver(fmt.Sprintf("From: expert@maker.test\nTo: %s, sales@example.test\nSubject: Re: Fwd\nMessage-ID: <screw@maker.test>\nIn-Reply-To: <%s>\n\nA screw.\n", d.Out.ReplyTo.Address, d.Out.MessageID),
		d.Out.ReplyTo.Address, "sales@example.test")
	require.Equal(t, answer[0], answer[1], "an expert's answer is one note")
}

// TestWhatBouncedForNowIsSentAgainOnlyToOne: a reply to several, or to an address that has failed for good meanwhile, is for people; so is one whose waits are used up.
func TestWhatBouncedForNowIsSentAgainOnlyToOne(t *testing.T) {
	s := storetest.New(t, store.Options{})
	ann := storetest.Person(t, s, "ann")
	for name, c := range map[string]struct {
		reply  interaction.Reply
		failed bool
		waits  []time.Duration
		again  bool
	}{
		"to.one":         {waits: []time.Duration{time.Hour}, again: true},
		"with.a.copy":    {waits: []time.Duration{time.Hour}, reply: interaction.Reply{Cc: []interaction.Address{{Address: "boss@example.org"}}}},
		"address.failed": {waits: []time.Duration{time.Hour}, failed: true},
		"sent.too.often": {},
	} {
		t.Run(name, func(t *testing.T) {
			p := &post{t: t, s: s}
			who := name + "@example.org"
			first := p.deliver("From: "+who+"\nTo: support@example.test\nSubject: Q\nMessage-ID: <q"+who+">\n\nHello?\n", "support@example.test")[0]
			c.reply.Text = "An answer."
			out := p.answerWith(ann, first.Interaction, c.reply)
			p.stop(first.Interaction)
			report := p.deliver(bounce(out, "failed", "4.2.2", returned(out)), out.Envelope)[0]
			require.NotEqual(t, first.Interaction, report.Interaction)
			require.Equal(t, 1, p.count(`select count(*) from messages where interaction_id = $1 and message_id = $2 and 'bounced_for_now' = any(problems)`, first.Interaction, out.MessageID))
			if c.failed {
				p.fail(who)
			}
			again, err := s.MaySendAgain(t.Context(), report.Interaction, "may", report.Number, c.waits)
			require.NoError(t, err)
			require.Equal(t, c.again, again.Send)
			if c.again {
				require.Equal(t, time.Hour, again.Wait)
			}
		})
	}
}

// TestAnAddressThatFailsMeanwhileIsNotWrittenTo: between the decision to send again and the sending a report for good may come.
func TestAnAddressThatFailsMeanwhileIsNotWrittenTo(t *testing.T) {
	s := storetest.New(t, store.Options{})
	ann := storetest.Person(t, s, "ann")
	p := &post{t: t, s: s}
	first := p.deliver("From: anna@example.org\nTo: support@example.test\nSubject: Q\nMessage-ID: <q@example.org>\n\nHello?\n", "support@example.test")[0]
	out := p.answer(ann, first.Interaction)
	p.stop(first.Interaction)
	report := p.deliver(bounce(out, "failed", "4.2.2", returned(out)), out.Envelope)[0]
	again, err := s.MaySendAgain(t.Context(), report.Interaction, "may", report.Number, []time.Duration{time.Hour})
	require.NoError(t, err)
	require.True(t, again.Send)
	p.fail("anna@example.org")
	number, err := s.SendAgain(t.Context(), report.Interaction, "send", report.Number)
	require.NoError(t, err)
	require.Zero(t, number)
	require.Zero(t, p.count(`select count(*) from ledger where interaction_id = $1`, report.Interaction))
}

// fail marks an address as one that has failed for good.
func (p *post) fail(address string) {
	p.t.Helper()
	_, err := p.s.Pool().Exec(p.t.Context(), `update contact_attributes set failed_at = now(), failed_why = 'userunknown' where kind = 'email' and value = $1`, address)
	require.NoError(p.t, err)
}

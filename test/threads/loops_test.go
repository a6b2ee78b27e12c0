package threads

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"parley/interaction"
	"parley/lib/mail"
	"parley/store"
	"parley/store/storetest"
)

// house is an installation with an acknowledgement on every mail, as its workflow would send it.
type house struct {
	*post
	address string
	sent    int
}

func newHouse(t *testing.T, address string) *house {
	t.Helper()
	s := storetest.New(t, store.Options{MailDomain: address[strings.Index(address, "@")+1:]})
	_, err := s.Pool().Exec(t.Context(), `update entry_points set address = $1 where name = 'support'`, address)
	require.NoError(t, err)
	require.NoError(t, s.Apply(t.Context(), interaction.System, interaction.Setup{
		Responses: []interaction.Answer{{Name: "ack", Usage: interaction.UseAcknowledgement, Language: "en", State: interaction.ResponseActive, Subject: "We have your message", Text: "We have it."}},
	}))
	return &house{post: &post{t: t, s: s}, address: address}
}

// wire is a mail on its way: its bytes and whether its envelope sender is empty.
type wire struct {
	raw  string
	null bool
	auto bool
}

func (h *house) compose(out interaction.Outbound) wire {
	h.t.Helper()
	h.sent++
	raw, err := mail.Compose(out, mail.ComposeOptions{Loop: "installation", HTML: true})
	require.NoError(h.t, err)
	return wire{strings.ReplaceAll(string(raw), "\r\n", "\n"), out.Envelope == "", out.Automatic}
}

// receive takes a mail, and gives the acknowledgement that answers it, if any does.
func (h *house) receive(w wire) (wire, bool) {
	h.t.Helper()
	ctx := h.t.Context()
	h.null = w.null
	c := h.deliver(w.raw, h.address)[0]
	step := string(interaction.NewID())
	_, err := h.s.Understand(ctx, c.Interaction, step+"-understand", c.Number, func(interaction.Material) interaction.Explained {
		return interaction.Explained{Understood: interaction.Understood{Language: "en"}}
	})
	require.NoError(h.t, err)
	answered, err := h.s.AnswerAutomatically(ctx, interaction.AutoAnswer{Interaction: c.Interaction, Step: step, Usage: interaction.UseAcknowledgement, Message: c.Number})
	require.NoError(h.t, err)
	if !answered.Queued {
		return wire{}, false
	}
	d, err := h.s.PrepareSend(ctx, c.Interaction, answered.Message)
	require.NoError(h.t, err)
	return h.compose(d.Out), true
}

// TestTwoHousesFallSilent: two installations that acknowledge everything write to each other: the first mail and its acknowledgement, and nothing in the hour after that.
func TestTwoHousesFallSilent(t *testing.T) {
	a, b := newHouse(t, "support@a.example.test"), newHouse(t, "support@b.example.test")
	begun, err := a.s.StartOutbound(t.Context(), storetest.Person(t, a.s, "ann"), interaction.NewOutbound{
		EntryPoint: "support", To: interaction.Address{Address: b.address}, Subject: "Question", Text: "Who is there?",
	})
	require.NoError(t, err)
	require.NoError(t, a.s.ReleaseReply(t.Context(), begun.ID, "release", 1))
	first, err := a.s.PrepareSend(t.Context(), begun.ID, 1)
	require.NoError(t, err)
	on := a.compose(first.Out)
	require.False(t, on.auto, "a person's mail carries no mark of automatic mail (C4)")
	require.False(t, on.null)
	for _, mark := range []string{"Auto-Submitted", "X-Parley-Loop", "Precedence"} {
		require.NotContains(t, on.raw, mark+":")
	}
	at, to := a, b
	for again := true; again; {
		if on, again = to.receive(on); again {
			require.True(t, on.null, "automatic mail has no envelope sender (C4)")
			require.Contains(t, on.raw, "\nAuto-Submitted: auto-replied\n")
			require.Contains(t, on.raw, "\nX-Parley-Loop:")
		}
		at, to = to, at
		require.LessOrEqual(t, a.sent+b.sent, 2)
	}
	require.Equal(t, 2, a.sent+b.sent)
}

// TestAResponderThatStripsEveryMark answers each automatic mail at once with a mail that looks like a person's: at most three answers a day, one in ten minutes.
func TestAResponderThatStripsEveryMark(t *testing.T) {
	h := newHouse(t, "support@a.example.test")
	for minute := 0; minute < 24*60; minute += 5 {
		_, err := h.s.Pool().Exec(t.Context(), `update automatic_mail set at = at - interval '5 minutes'`)
		require.NoError(t, err)
		_, _ = h.receive(wire{raw: "From: robot@evil.example\nTo: " + h.address + "\nSubject: Re: We have your message\nMessage-ID: <" + string(interaction.NewID()) +
			"@evil.example>\n\nThank you for your acknowledgement.\n"})
	}
	require.LessOrEqual(t, h.sent, 3)
	require.Positive(t, h.sent)
}

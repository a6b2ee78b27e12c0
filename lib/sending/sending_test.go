package sending

import (
	"context"
	"errors"
	"log/slog"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"parley/interaction"
)

var quiet = slog.New(slog.DiscardHandler)

func TestOnce(t *testing.T) {
	agrees := func(context.Context) error { return nil }
	sent := interaction.Outcome{State: interaction.SendSent, Code: "200"}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	for name, c := range map[string]struct {
		ctx    context.Context
		commit Commit
		leave  func() interaction.Outcome
		want   interaction.Outcome
		left   bool
	}{
		"sent":             {t.Context(), agrees, func() interaction.Outcome { return sent }, sent, true},
		"ended before":     {ended, agrees, nil, interaction.Outcome{State: interaction.SendQueued, Code: "ended", Text: "context canceled"}, false},
		"not agreed":       {t.Context(), func(context.Context) error { return errors.New("another was first") }, nil, interaction.Outcome{State: interaction.SendQueued, Aborted: true, Text: "another was first"}, false},
		"commit panics":    {t.Context(), func(context.Context) error { panic("away") }, nil, interaction.Outcome{State: interaction.SendQueued, Aborted: true, Code: "panicked"}, false},
		"panic on the way": {t.Context(), agrees, func() interaction.Outcome { panic("half of it has left") }, interaction.Outcome{State: interaction.SendUnknown, Code: "panicked"}, true},
	} {
		t.Run(name, func(t *testing.T) {
			left := false
			o := Once(c.ctx, quiet, c.commit, func() interaction.Outcome {
				left = true
				return c.leave()
			})
			require.Equal(t, c.want, o)
			require.Equal(t, c.left, left)
		})
	}
}

// What breaks down on the way to the commit has not left, and is the adapter's fault, not another attempt's: it is tried again like a carrier's "not now".
func TestAPanicBeforeTheCommitIsQueued(t *testing.T) {
	o := Guard(quiet, func(context.Context) error { return nil }, func(Commit) interaction.Outcome { panic("while connecting") })
	require.Equal(t, interaction.Outcome{State: interaction.SendQueued, Code: "panicked"}, o)
}

func TestWords(t *testing.T) {
	anna := interaction.Address{Address: "anna"}
	for name, c := range map[string]struct {
		out  interaction.Outbound
		text string
		err  string
	}{
		"words":          {out: interaction.Outbound{To: []interaction.Address{anna}, Text: " Yes.\r\n\r\n"}, text: " Yes."},
		"nobody":         {out: interaction.Outbound{Text: "Yes."}, err: "a message goes to one recipient here, not to 0"},
		"two":            {out: interaction.Outbound{To: []interaction.Address{anna, anna}, Text: "Yes."}, err: "a message goes to one recipient here, not to 2"},
		"a file":         {out: interaction.Outbound{To: []interaction.Address{anna}, Text: "Yes.", Attachments: make([]interaction.Attachment, 1)}, err: "files cannot be sent by this link; take them out, or answer by another entry point"},
		"nothing at all": {out: interaction.Outbound{To: []interaction.Address{anna}, Text: " \r\n"}, err: "the text is empty"},
	} {
		t.Run(name, func(t *testing.T) {
			to, text, err := Words(c.out)
			if c.err != "" {
				require.EqualError(t, err, c.err)
				return
			}
			require.NoError(t, err)
			require.Equal(t, "anna", to)
			require.Equal(t, c.text, text)
		})
	}
}

func TestRest(t *testing.T) {
	now := time.Now()
	var r Rest
	require.LessOrEqual(t, r.Left(now), time.Duration(0))
	r.Want(now, time.Minute)
	r.Want(now, time.Second) // does not take it back
	require.Equal(t, time.Minute, r.Left(now))
	require.Equal(t, 20*time.Second, r.Left(now.Add(40*time.Second)))
	require.Equal(t, -time.Second, r.Left(now.Add(61*time.Second)))
}

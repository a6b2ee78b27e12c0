package example

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"parley/adapters/adaptertest"
	"parley/interaction"
)

func listen(t *testing.T, inbox interaction.Inbox, entries interaction.EntryPoints) *Listener {
	t.Helper()
	l, err := New(Options{Addr: "127.0.0.1:0", Channel: interaction.Chat, Logger: slog.New(slog.NewTextHandler(t.Output(), nil))}, inbox, entries)
	require.NoError(t, err)
	require.NoError(t, l.Start(t.Context()))
	return l
}

// A client names its messages itself, so the test gives equal texts equal ids.
func deliver(addr, to, text string) adaptertest.Answer {
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		return adaptertest.Gone
	}
	defer conn.Close()
	fmt.Fprintf(conn, "TO %s\nID id-of-%s\n%s\n.\n", to, text, text)
	answer, _ := bufio.NewReader(conn).ReadString('\n')
	switch code, _, _ := strings.Cut(strings.TrimSpace(answer), " "); code {
	case "OK":
		return adaptertest.Yes
	case "LATER":
		return adaptertest.Later
	case "NO":
		return adaptertest.No
	}
	return adaptertest.Gone
}

func TestReceives(t *testing.T) {
	adaptertest.Receive(t, func(t *testing.T, inbox interaction.Inbox, entries interaction.EntryPoints) adaptertest.Way {
		l := listen(t, inbox, entries)
		return adaptertest.Way{Adapter: l, Deliver: func(address, content string) adaptertest.Answer {
			return deliver(l.Addr().String(), address, content)
		}}
	})
}

// everybody knows every address: the carrier of the way out.
type everybody struct{}

func (everybody) EntryPoint(context.Context, interaction.Channel, string) (string, error) {
	return "carrier", nil
}

func TestSends(t *testing.T) {
	adaptertest.Send(t, func(t *testing.T) adaptertest.Outlet {
		carrier := &adaptertest.Inbox{}
		l := listen(t, carrier, everybody{})
		t.Cleanup(func() { l.Stop(t.Context()) })
		s, err := NewSender(l.Addr().String(), 5*time.Second, slog.New(slog.NewTextHandler(t.Output(), nil)))
		require.NoError(t, err)
		return adaptertest.Outlet{Sender: s, Left: carrier.Count}
	})
}

func TestATextOfDotsArrivesAsItWas(t *testing.T) {
	inbox := &adaptertest.Inbox{}
	l := listen(t, inbox, everybody{})
	defer l.Stop(t.Context())
	s, err := NewSender(l.Addr().String(), 5*time.Second, slog.New(slog.NewTextHandler(t.Output(), nil)))
	require.NoError(t, err)
	out := adaptertest.Example()
	out.Text = ".\n..\nx\n"
	require.Equal(t, interaction.SendSent, s.Send(t.Context(), out, func(context.Context) error { return nil }).State)
	require.Equal(t, out.Text, string(inbox.All(t, 1)[0].Content))
}

func TestOutcomes(t *testing.T) {
	for answer, want := range map[string]interaction.SendState{
		"OK 1\n": interaction.SendSent, "LATER\n": interaction.SendQueued, "NO\n": interaction.SendNotSent, "what?\n": interaction.SendUnknown, "\n": interaction.SendUnknown,
	} {
		require.Equal(t, want, outcome(answer, nil).State, answer)
	}
	require.Equal(t, interaction.SendUnknown, outcome("", io.EOF).State)
}

func TestEndlessTextIsCutOff(t *testing.T) {
	inbox := &adaptertest.Inbox{}
	l := listen(t, inbox, everybody{})
	defer l.Stop(t.Context())
	require.Equal(t, adaptertest.Gone, deliver(l.Addr().String(), "a", strings.Repeat("x", maxText)))
	inbox.All(t, 0)
}

func TestALink(t *testing.T) {
	for name, c := range map[string]struct {
		settings map[string]any
		wrong    string
	}{
		"good": {map[string]any{"address": "peer.test:2000"}, ""}, "no address": {nil, "address"}, "no port": {map[string]any{"address": "peer.test"}, "address"}, "of no kind": {map[string]any{"colour": "red"}, "colour"},
	} {
		err := CheckSettings(interaction.Link{Settings: c.settings})
		if c.wrong != "" {
			require.ErrorContains(t, err, c.wrong, name)
			continue
		}
		require.NoError(t, err)
		s, err := OpenLink(interaction.Link{Settings: c.settings}, slog.New(slog.DiscardHandler))
		require.NoError(t, err)
		require.NotNil(t, s)
	}
}

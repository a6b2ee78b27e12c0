package peers

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"parley/adapters/adaptertest"
	"parley/adapters/telegram"
	"parley/interaction"
	"parley/lib/safehttp"
	"parley/lib/social"
)

// theBot is a house whose only social entry point is the bot.
type theBot struct{}

func (theBot) EntryPoint(_ context.Context, _ interaction.Channel, address string) (string, error) {
	if address != "@TestNameBot" {
		return "", interaction.Unknown("entry_point")
	}
	return "bot", nil
}

// TestTelegramOfNPM: a bot of ours at a Bot API that is not ours hears customers and answers them. That one has neither offsets nor long polls: what it cannot show is
// shown with the stand-in of adapters/telegram.
func TestTelegramOfNPM(t *testing.T) {
	if os.Getenv("PARLEY_TEST_STACK") != "1" {
		t.Skip("SKIPPED: this test needs Node and its packages; set PARLEY_TEST_STACK=1, as make test does")
	}
	require.DirExists(t, "node_modules/telegram-test-api", "run test/peers/prepare first, as make test does")
	free, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	port := free.Addr().(*net.TCPAddr).Port
	require.NoError(t, free.Close())
	const token = "77:AAEthisIsATokenOfTests"
	node := exec.CommandContext(t.Context(), "node", "telegram.mjs", fmt.Sprint(port), token)
	node.Stderr = os.Stderr
	in, err := node.StdinPipe()
	require.NoError(t, err)
	out, err := node.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, node.Start())
	defer func() { _ = node.Process.Kill(); _ = node.Wait() }()
	lines := bufio.NewScanner(out)
	require.True(t, lines.Scan(), "the Bot API did not start")

	inbox := &adaptertest.Inbox{}
	bot, err := telegram.New(telegram.Options{
		Settings: telegram.Settings{API: fmt.Sprintf("http://127.0.0.1:%d", port)}, EntryPoint: "bot", Token: token, Inbox: inbox, Entries: theBot{}, Pause: 20 * time.Millisecond,
		Client: safehttp.New(safehttp.Options{Allow: []netip.Prefix{netip.MustParsePrefix("127.0.0.1/32")}}),
	})
	require.NoError(t, err)
	p := &adaptertest.Pulled{Puller: bot, Lease: adaptertest.Held(nil)}
	require.NoError(t, p.Start(t.Context()))
	_, err = fmt.Fprintln(in, "Where is my order?")
	require.NoError(t, err)
	require.Eventually(t, func() bool { return inbox.Count() == 1 }, 20*time.Second, 20*time.Millisecond)
	require.NoError(t, p.Stop(t.Context()))
	got := inbox.All(t, 1)[0]
	m := social.Parser{}.Parse(got.Content, got.Facts).Message
	require.Equal(t, "Where is my order?", m.Text)

	o := bot.Send(t.Context(), interaction.Outbound{To: []interaction.Address{m.ReplyTo}, Text: "On its way."}, func(context.Context) error { return nil })
	require.Equal(t, interaction.SendSent, o.State, o.Text)
	require.True(t, lines.Scan())
	var said struct {
		Text string `json:"text"`
	}
	require.NoError(t, json.Unmarshal(lines.Bytes(), &said))
	require.Equal(t, "On its way.", said.Text)
}

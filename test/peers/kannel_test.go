package peers

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"parley/adapters/adaptertest"
	"parley/adapters/smshttp"
	"parley/interaction"
	"parley/lib/safehttp"
	codec "parley/lib/smpp"
	"parley/lib/smpp/session"
	"parley/lib/smpp/sms"
	"parley/test/wire"
)

// kannelConfig is of both boxes; %[1]d is our message centre's port, %[2]s our URL, and the others are Kannel's own ports.
const kannelConfig = `
group = core
admin-port = %[3]s
admin-interface = 127.0.0.1
smsbox-port = %[4]s
smsbox-interface = 127.0.0.1
admin-password = bar
log-file = "bb.log"
box-deny-ip = "*.*.*.*"
box-allow-ip = "127.0.0.1"

group = smsc
smsc = smpp
smsc-id = parley
host = 127.0.0.1
port = %[1]s
transceiver-mode = true
system-type = ""
smsc-username = "esme"
smsc-password = "secret"
interface-version = 34
enquire-link-interval = 2
reconnect-delay = 1

group = smsbox
bearerbox-host = 127.0.0.1
sendsms-port = %[5]s
sendsms-interface = 127.0.0.1
global-sender = 40404

group = sendsms-user
username = parley
password = secret
max-messages = 4
concatenation = true

group = sms-service
keyword = default
get-url = "%[2]s/mo?secret=secret&id=%%I&time=%%T&from=%%p&to=%%P&text=%%b&charset=%%C"
max-messages = 0
concatenation = true
`

// ourCentre is a message centre on our own codec.
type ourCentre struct {
	mu    sync.Mutex
	conn  *session.Conn
	taken []*codec.PDU
}

// serve takes what Kannel submits and gives each message its receipt.
func (s *ourCentre) serve(t *testing.T, listen net.Listener) {
	c := &session.Carrier{
		SystemID: "parley",
		Bind: func(_ context.Context, _ codec.Command, b *codec.Bind) codec.Status {
			if b.SystemID != "esme" || b.Password != "secret" {
				return codec.StatusInvalidPassword
			}
			return codec.StatusOK
		},
		Bound: func(c *session.Conn) {
			s.mu.Lock()
			defer s.mu.Unlock()
			s.conn = c
		},
		Options: session.Options{Handle: func(ctx context.Context, c *session.Conn, p *codec.PDU) *codec.PDU {
			s.mu.Lock()
			s.taken = append(s.taken, p)
			id := fmt.Sprint(1000 + len(s.taken))
			s.mu.Unlock()
			m := p.Body.(*codec.Message)
			if m.RegisteredDelivery&1 != 0 {
				go func() {
					_, _ = c.Request(ctx, &codec.PDU{Command: codec.DeliverSM, Body: &codec.Message{
						Source: m.Dest, Dest: m.Source, ESMClass: codec.ESMClassReceipt,
						ShortMessage: []byte("id:" + id + " sub:001 dlvrd:001 submit date:2603010900 done date:2603010901 stat:DELIVRD err:000 text:"),
					}}, nil)
				}()
			}
			answer := p.Answer(codec.StatusOK)
			answer.Body = &codec.MessageResp{MessageID: id}
			return answer
		}},
	}
	var serving sync.WaitGroup
	serving.Go(func() {
		for {
			conn, err := listen.Accept()
			if err != nil {
				return
			}
			serving.Go(func() { _ = c.Serve(t.Context(), conn) })
		}
	})
	t.Cleanup(func() { _ = listen.Close(); serving.Wait() })
}

func (s *ourCentre) bound() *session.Conn {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.conn
}

// texts joins what was submitted.
func (s *ourCentre) texts() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var all strings.Builder
	for _, p := range s.taken {
		all.WriteString(p.Content(sms.GSM7).Text)
	}
	return all.String()
}

// box starts one of Kannel's programs.
func box(t *testing.T, folder, name string) {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		path = "/usr/sbin/" + name
	}
	if _, err := os.Stat(path); err != nil {
		t.Skipf("SKIPPED: %s is not installed; .ci/run installs it", name)
	}
	command := exec.CommandContext(t.Context(), path, "-v", "4", "bb.conf")
	command.Dir = folder
	command.Cancel = func() error { return command.Process.Signal(os.Interrupt) }
	command.WaitDelay = 5 * time.Second
	require.NoError(t, command.Start())
	t.Cleanup(func() { _ = command.Process.Signal(os.Interrupt); _ = command.Wait() })
}

// knowsUs reports whether Kannel's HTTP interface lets us in; nothing is sent, since no receiver is named.
func knowsUs(t *testing.T, address string) bool {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+address+"/cgi-bin/sendsms?username=parley&password=secret", nil)
	require.NoError(t, err)
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		return false
	}
	defer answer.Body.Close()
	said, err := io.ReadAll(answer.Body)
	return err == nil && !strings.Contains(string(said), "Authorization failed")
}

// TestKannel has Kannel as our customer and as our provider: what we deliver by SMPP comes back as its HTTP call, what we send by its HTTP interface comes to
// our message centre, and receipts go all the way back.
func TestKannel(t *testing.T) {
	if os.Getenv("PARLEY_TEST_STACK") != "1" {
		t.Skip("SKIPPED: this test runs Kannel; set PARLEY_TEST_STACK=1, as make test does")
	}
	listen, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	centre := &ourCentre{}
	centre.serve(t, listen)
	ports, err := wire.Ports(t.Context(), 3)
	require.NoError(t, err)
	_, sendsms, err := net.SplitHostPort(ports[2])
	require.NoError(t, err)

	inbox, receipts := &adaptertest.Inbox{}, &words{}
	var a *smshttp.Adapter
	web := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { a.Handler("texts").ServeHTTP(w, r) }))
	defer web.Close()
	a, err = smshttp.New(smshttp.Options{
		Provider: smshttp.Kannel{URL: "http://127.0.0.1:" + sendsms + "/cgi-bin/sendsms", User: "parley", Password: "secret", Public: web.URL + "/"}, Kind: "kannel", EntryPoint: "texts",
		Inbox: inbox, Entries: toUs{}, Receipts: receipts, Client: safehttp.New(safehttp.Options{Allow: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}}),
	})
	require.NoError(t, err)
	_, port, err := net.SplitHostPort(listen.Addr().String())
	require.NoError(t, err)
	folder := t.TempDir()
	own := make([]string, len(ports))
	for n, p := range ports {
		_, own[n], err = net.SplitHostPort(p)
		require.NoError(t, err)
	}
	config := fmt.Sprintf(kannelConfig, port, web.URL, own[0], own[1], own[2])
	require.NoError(t, os.WriteFile(filepath.Join(folder, "bb.conf"), []byte(config), 0o600))
	box(t, folder, "bearerbox")
	require.Eventually(t, func() bool { return reachable(t, own[1]) }, 20*time.Second, 50*time.Millisecond, "the bearerbox listens")
	box(t, folder, "smsbox")
	require.Eventually(t, func() bool { return reachable(t, own[2]) && centre.bound() != nil }, 20*time.Second, 50*time.Millisecond, "Kannel is bound")
	require.Eventually(t, func() bool { return knowsUs(t, ports[2]) }, 20*time.Second, 50*time.Millisecond, "its interface listens before it has read who may use it")

	said := strings.Repeat("Es kommt am Freitag. ", 12)
	out := adaptertest.Example()
	out.From.Address, out.To[0].Address, out.Text = "40404", "+491701234567", said
	o := a.Send(t.Context(), out, func(context.Context) error { return nil })
	require.Equal(t, interaction.SendSent, o.State, o.Text)
	require.Eventually(t, func() bool { return centre.texts() == strings.TrimRight(said, " ") }, 20*time.Second, 50*time.Millisecond, "in parts")
	require.Eventually(t, func() bool {
		receipts.mu.Lock()
		defer receipts.mu.Unlock()
		for _, word := range receipts.all {
			if word.State == interaction.ReceiptDelivered && word.ID == o.Names[0].ID {
				return true
			}
		}
		return false
	}, 20*time.Second, 50*time.Millisecond, "the receipt")

	for _, m := range []codec.Message{{ShortMessage: []byte("Wo ist mein Paket?")}, {Coding: sms.CodingUCS2, ShortMessage: []byte{0x04, 0x16, 0x04, 0x38}}} {
		m.Source, m.Dest = codec.Address{TON: 1, NPI: 1, Addr: "491701234567"}, codec.Address{Addr: "40404"}
		answer, err := centre.bound().Request(t.Context(), &codec.PDU{Command: codec.DeliverSM, Body: &m}, nil)
		require.NoError(t, err)
		require.Equal(t, codec.StatusOK, answer.Status)
	}
	require.Eventually(t, func() bool { return inbox.Count() == 2 }, 20*time.Second, 50*time.Millisecond, "the messages")
	var texts []string
	for _, in := range inbox.All(t, 2) {
		p := smshttp.Parser{}.Parse(in.Content, in.Facts)
		require.Equal(t, "+491701234567", p.Message.From.Address)
		texts = append(texts, p.Message.Text)
	}
	require.ElementsMatch(t, []string{"Wo ist mein Paket?", "Жи"}, texts)
}

func reachable(t *testing.T, port string) bool {
	conn, err := (&net.Dialer{Timeout: time.Second}).DialContext(t.Context(), "tcp", "127.0.0.1:"+port)
	if err != nil {
		return false
	}
	_ = conn.Close()
	return true
}

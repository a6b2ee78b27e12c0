package smpp

import (
	"context"
	"crypto/tls"
	"encoding/binary"
	"encoding/pem"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"parley/adapters/adaptertest"
	"parley/interaction"
	"parley/lib/smpp"
	"parley/lib/smpp/session"
	"parley/lib/smpp/sms"
)

// centre is a message centre on our own codec's other side.
type centre struct {
	carrier session.Carrier

	mu     sync.Mutex
	conns  []*session.Conn
	bound  chan struct{}
	taken  []*smpp.PDU
	answer func(n int, p *smpp.PDU) *smpp.PDU // of the n-th submit_sm; nil: OK
}

func newCentre() *centre {
	s := &centre{bound: make(chan struct{}, 100)}
	s.carrier.SystemID = "centre"
	s.carrier.Bind = func(context.Context, smpp.Command, *smpp.Bind) smpp.Status { return smpp.StatusOK }
	s.carrier.Bound = func(c *session.Conn) {
		s.mu.Lock()
		s.conns = append(s.conns, c)
		s.mu.Unlock()
		s.bound <- struct{}{}
	}
	s.carrier.Handle = func(_ context.Context, _ *session.Conn, p *smpp.PDU) *smpp.PDU {
		s.mu.Lock()
		defer s.mu.Unlock()
		if s.answer != nil {
			if answer := s.answer(len(s.taken), p); answer == nil || answer.Status != smpp.StatusOK {
				return answer
			}
		}
		s.taken = append(s.taken, p)
		answer := p.Answer(smpp.StatusOK)
		answer.Body = &smpp.MessageResp{MessageID: fmt.Sprintf("%x", 0xa0+len(s.taken))}
		return answer
	}
	return s
}

func (s *centre) dial(ctx context.Context) (net.Conn, error) {
	ours, theirs := net.Pipe()
	go func() { _ = s.carrier.Serve(context.WithoutCancel(ctx), theirs) }()
	return ours, nil
}

func (s *centre) left() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.taken)
}

func (s *centre) newest() *session.Conn {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.conns[len(s.conns)-1]
}

// lease is one that lasts.
type lease struct{ interaction.Lease }

func (lease) Tell(context.Context, interaction.LinkState, string) {}

// running is an adapter at work on a centre. It is an Adapter for the suite.
type running struct {
	*Adapter
	stop context.CancelFunc
	done chan struct{}
}

func (r *running) Start(context.Context) error { return nil }

func (r *running) Stop(context.Context) error {
	r.stop()
	<-r.done
	return nil
}

func open(t *testing.T, s *centre, inbox interaction.Inbox, entries interaction.EntryPoints, change func(*Options)) *running {
	t.Helper()
	o := Options{
		Settings: Settings{Address: "centre.test:2775", SystemID: "esme", Rate: 1000, AnswerSeconds: 1}, EntryPoint: "support", Inbox: inbox, Entries: entries, Receipts: &adaptertest.Receipts{}, Dial: s.dial,
	}
	if change != nil {
		change(&o)
	}
	a, err := New(o)
	require.NoError(t, err)
	ctx, stop := context.WithCancel(t.Context())
	r := &running{Adapter: a, stop: stop, done: make(chan struct{})}
	go func() {
		defer close(r.done)
		_ = a.Pull(ctx, lease{})
	}()
	t.Cleanup(func() { _ = r.Stop(t.Context()) })
	<-s.bound
	require.Eventually(t, a.Ready, 5*time.Second, time.Millisecond)
	return r
}

func deliver(to, text string) *smpp.PDU {
	return &smpp.PDU{Command: smpp.DeliverSM, Body: &smpp.Message{
		Source: smpp.Address{TON: 1, NPI: 1, Addr: "491701234567"}, Dest: smpp.Address{Addr: to}, ShortMessage: []byte(text),
	}}
}

func TestReceive(t *testing.T) {
	adaptertest.Receive(t, func(t *testing.T, inbox interaction.Inbox, entries interaction.EntryPoints) adaptertest.Way {
		s := newCentre()
		s.carrier.AnswerWithin = 10 * time.Second
		r := open(t, s, inbox, entries, nil)
		return adaptertest.Way{Adapter: r, Deliver: func(address, content string) adaptertest.Answer {
			// Each delivery comes on a connection of its own, as after an answer that was lost.
			ours, theirs := net.Pipe()
			defer ours.Close()
			select {
			case <-r.done:
				return adaptertest.Gone
			default:
			}
			client := session.NewLink(session.LinkOptions{
				Dial: func(context.Context) (net.Conn, error) { return ours, nil }, Options: session.Options{Handle: r.handle},
			})
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			go func() { _ = client.Run(ctx) }()
			bound := make(chan *session.Conn, 1)
			c := session.Carrier{Bind: s.carrier.Bind, Bound: func(c *session.Conn) { bound <- c }}
			go func() { _ = c.Serve(ctx, theirs) }()
			answer, err := (<-bound).Request(ctx, deliver(address, content), nil)
			switch {
			case err != nil:
				return adaptertest.Gone
			case answer.Status == smpp.StatusOK:
				return adaptertest.Yes
			case answer.Status == smpp.StatusAppTemporary:
				return adaptertest.Later
			}
			return adaptertest.No
		}}
	})
}

func TestSend(t *testing.T) {
	adaptertest.Send(t, func(t *testing.T) adaptertest.Outlet {
		s := newCentre()
		return adaptertest.Outlet{Sender: adaptertest.Addressed{Sender: open(t, s, &adaptertest.Inbox{}, adaptertest.EntryPoints(), nil), Customer: "+491701234567"}, Left: s.left}
	})
}

func outbound(text string) interaction.Outbound {
	out := adaptertest.Example()
	out.To, out.From, out.Text = []interaction.Address{{Address: "+491701234567"}}, interaction.Address{Address: "40404"}, text
	return out
}

func yes(context.Context) error { return nil }

func TestALongTextGoesInParts(t *testing.T) {
	text := strings.Repeat("Grüße 😀 ", 30)
	for _, long := range []string{"udh", "udh16", "sar", "payload"} {
		t.Run(long, func(t *testing.T) {
			s := newCentre()
			r := open(t, s, &adaptertest.Inbox{}, adaptertest.EntryPoints(), func(o *Options) { o.Long = long })
			o := r.Send(t.Context(), outbound(text), yes)
			require.Equal(t, interaction.SendSent, o.State, o.Text)
			require.Len(t, o.Names, s.left())
			var raws [][]byte
			for n, p := range s.taken {
				c := p.Content(sms.GSM7)
				require.Empty(t, c.Problems)
				require.Equal(t, smpp.Address{TON: 3, NPI: 1, Addr: "40404"}, c.Source)
				require.Equal(t, smpp.Address{TON: 1, NPI: 1, Addr: "491701234567"}, c.Dest)
				require.Equal(t, uint8(1), p.Body.(*smpp.Message).RegisteredDelivery)
				if long != "payload" {
					require.Equal(t, n+1, c.Part.Part)
					require.Equal(t, len(s.taken), c.Part.Total)
				}
				raw, err := p.Encode()
				require.NoError(t, err)
				raws = append(raws, raw)
			}
			require.Equal(t, strings.TrimRight(text, " "), Parser{}.Join(raws, interaction.Facts{}).Message.Text)
		})
	}
}

// TestWhatTheCentreSaysIsAnOutcome goes through the answers to submit_sm (M-22 among them).
func TestWhatTheCentreSaysIsAnOutcome(t *testing.T) {
	refuse := func(status smpp.Status) func(int, *smpp.PDU) *smpp.PDU {
		return func(_ int, p *smpp.PDU) *smpp.PDU { return p.Answer(status) }
	}
	long := strings.Repeat("a", 200)
	for _, c := range []struct {
		name, text string
		answer     func(int, *smpp.PDU) *smpp.PDU
		want       interaction.SendState
		code       string
		permanent  bool
	}{
		{"taken", "hi", nil, interaction.SendSent, "0", false},
		{"not now", "hi", refuse(smpp.StatusSystemError), interaction.SendQueued, "8", false},
		{"bad number", "hi", refuse(smpp.StatusInvalidDest), interaction.SendNotSent, "11", true},
		{"refused", "hi", refuse(smpp.StatusSubmitFailed), interaction.SendNotSent, "69", false},
		{"no answer", "hi", func(int, *smpp.PDU) *smpp.PDU { return nil }, interaction.SendUnknown, "answer_lost", false},
		{"second part refused", long, func(n int, p *smpp.PDU) *smpp.PDU {
			if n == 1 {
				return p.Answer(smpp.StatusSubmitFailed)
			}
			return p.Answer(smpp.StatusOK)
		}, interaction.SendUnknown, "69", false},
		{"second part not answered", long, func(n int, p *smpp.PDU) *smpp.PDU {
			if n == 1 {
				return nil
			}
			return p.Answer(smpp.StatusOK)
		}, interaction.SendUnknown, "in_part", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := newCentre()
			s.answer = c.answer
			r := open(t, s, &adaptertest.Inbox{}, adaptertest.EntryPoints(), nil)
			commits := 0
			o := r.Send(t.Context(), outbound(c.text), func(context.Context) error { commits++; return nil })
			require.Equal(t, c.want, o.State, o.Text)
			require.Equal(t, c.code, o.Code)
			require.Equal(t, c.permanent, o.Permanent)
			require.Equal(t, 1, commits)
		})
	}
}

func TestReceiptsAreHandedOn(t *testing.T) {
	s, words := newCentre(), &adaptertest.Receipts{}
	r := open(t, s, &adaptertest.Inbox{}, adaptertest.EntryPoints(), func(o *Options) { o.Receipts = words })
	o := r.Send(t.Context(), outbound("hi"), yes)
	require.Equal(t, "+491701234567/a1", o.Names[0].ID)
	receipt := deliver("40404", "id:0000000161 sub:001 dlvrd:001 submit date:1002101730 done date:1002101731 stat:DELIVRD err:000 text:hi")
	receipt.Body.(*smpp.Message).ESMClass = smpp.ESMClassReceipt
	answer, err := s.newest().Request(t.Context(), receipt, nil)
	require.NoError(t, err)
	require.Equal(t, smpp.StatusOK, answer.Status)
	require.Equal(t, interaction.ReceiptDelivered, words.All()[0].State)
	require.Contains(t, words.All()[0].Spellings, o.Names[0].ID, "hex in the answer, decimal in the receipt")

	words.Err = errors.New("away")
	answer, err = s.newest().Request(t.Context(), receipt, nil)
	require.NoError(t, err)
	require.Equal(t, smpp.StatusAppTemporary, answer.Status)
}

// TestTheSameTwiceIsOneOnlyWhereTheAnswerWasLost is M-16.
func TestTheSameTwiceIsOneOnlyWhereTheAnswerWasLost(t *testing.T) {
	var a arrivals
	begun := time.Date(2026, 3, 1, 9, 0, 0, 0, time.UTC)
	m := markOf(deliver("40404", "ok"))
	again := deliver("40404", "ok")
	again.Sequence = 99
	require.Equal(t, m, markOf(again), "the sequence number tells nothing")

	first := a.identify(m, 1, begun)
	a.acknowledged(first, 1, begun, begun)
	second := a.identify(m, 1, begun.Add(time.Second))
	require.NotEqual(t, first, second, "he has written it twice")
	a.acknowledged(second, 1, begun, begun.Add(time.Second))
	require.Contains(t, [][32]byte{first, second}, a.identify(m, 2, begun.Add(time.Minute)), "the next connection brings what was not acknowledged to it")
	require.Contains(t, [][32]byte{first, second}, a.identify(m, 2, begun.Add(time.Minute)))
	third := a.identify(m, 2, begun.Add(time.Minute))
	require.NotContains(t, [][32]byte{first, second}, third)

	a.acknowledged(third, 2, begun, begun.Add(lateAfter+time.Second))
	require.Equal(t, third, a.identify(m, 2, begun.Add(10*time.Second)), "the centre lost its patience before we answered")

	var restarted arrivals
	restarted.remember([][32]byte{first}, begun)
	require.Equal(t, first, restarted.identify(m, 1, begun.Add(time.Second)), "an earlier process accepted it")
	require.NotEqual(t, first, restarted.identify(m, 1, begun.Add(time.Second)))
}

// TestTLS: a link to a centre with a certificate of its own, which is trusted by name only.
func TestTLS(t *testing.T) {
	web := httptest.NewUnstartedServer(http.NotFoundHandler()) // for its certificate
	web.StartTLS()
	defer web.Close()
	listen, err := tls.Listen("tcp", "127.0.0.1:0", web.TLS)
	require.NoError(t, err)
	defer listen.Close()
	s := newCentre()
	go func() {
		for {
			conn, err := listen.Accept()
			if err != nil {
				return
			}
			go func() { _ = s.carrier.Serve(t.Context(), conn) }()
		}
	}()
	trusted := string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: web.Certificate().Raw}))
	a, err := New(Options{
		Settings:   Settings{Address: listen.Addr().String(), SystemID: "esme", TLS: true, TLSName: "example.com", TLSCA: trusted},
		EntryPoint: "support", Inbox: &adaptertest.Inbox{}, Entries: adaptertest.EntryPoints(), Receipts: &adaptertest.Receipts{},
	})
	require.NoError(t, err)
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() { defer close(done); _ = a.Pull(ctx, lease{}) }()
	defer func() { stop(); <-done }()
	require.Eventually(t, a.Ready, 10*time.Second, time.Millisecond)
	require.Equal(t, interaction.SendSent, a.Send(t.Context(), outbound("hi"), yes).State)

	stranger, err := New(Options{
		Settings:   Settings{Address: listen.Addr().String(), SystemID: "esme", TLS: true, TLSName: "smsc.other.test", TLSCA: trusted},
		EntryPoint: "support", Inbox: &adaptertest.Inbox{}, Entries: adaptertest.EntryPoints(), Receipts: &adaptertest.Receipts{},
	})
	require.NoError(t, err)
	_, err = stranger.dial(t.Context())
	require.ErrorContains(t, err, "smsc.other.test", "the certificate is another's")
}

// TestAFloodIsForgotten is the adapter's share of §F3: a million parts that nobody completes are rows in PostgreSQL, and what is remembered of them here is bounded.
func TestAFloodIsForgotten(t *testing.T) {
	var a arrivals
	before := heap()
	at := time.Date(2026, 3, 1, 9, 0, 0, 0, time.UTC)
	var identity [32]byte
	for n := range 1_000_000 {
		binary.BigEndian.PutUint64(identity[:], uint64(n))
		a.acknowledged(identity, 1, at, at.Add(time.Duration(n)*time.Microsecond))
	}
	used := int64(heap()-before) >> 20
	t.Logf("%d MiB behind a million", used)
	require.Less(t, used, int64(64))
	require.LessOrEqual(t, len(a.unsure), maxUnsure)
	a.acknowledged(identity, 1, at, at.Add(time.Hour))
	require.Len(t, a.unsure, 1)
}

func heap() uint64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// TestNumbers is M-26.
func TestNumbers(t *testing.T) {
	a := &Adapter{options: Options{Settings: Settings{Region: "DE"}}}
	for _, c := range []struct {
		from smpp.Address
		want string
	}{
		{smpp.Address{TON: 1, Addr: "491701234567"}, "+491701234567"},
		{smpp.Address{TON: 1, Addr: "+491701234567"}, "+491701234567"},
		{smpp.Address{TON: 2, Addr: "01701234567"}, "+491701234567"},
		{smpp.Address{TON: 0, Addr: "491701234567"}, "+491701234567"},
		{smpp.Address{TON: 0, Addr: "00491701234567"}, "+491701234567"},
		{smpp.Address{TON: 5, Addr: "MyBank"}, "MyBank"},
		{smpp.Address{TON: 1, Addr: "MyBank"}, "MyBank"},
		{smpp.Address{TON: 1, Addr: "12345678901234567890"}, "12345678901234567890"},
		{smpp.Address{TON: 3, Addr: "40404"}, "40404"},
		{smpp.Address{}, ""},
	} {
		require.Equal(t, c.want, a.number(c.from), "%+v", c.from)
	}
	for from, reply := range map[string]bool{"+491701234567": true, "40404": true, "MyBank": false, "": false, "12345678901234567890": false} {
		raw, err := deliver("40404", "hi").Encode()
		require.NoError(t, err)
		p := Parser{}.Parse(raw, interaction.Facts{Sender: from})
		require.Equal(t, reply, len(p.Message.Problems) == 0, from)
		require.Equal(t, reply, len(p.Identities) == 1, from)
	}
}

func TestSettings(t *testing.T) {
	good := map[string]any{"address": "smsc.test:2775", "system_id": "esme"}
	require.NoError(t, CheckSettings(interaction.Link{Settings: good}))
	for field, value := range map[string]any{"address": "smsc.test", "system_id": "", "window": -1, "long": "fax", "alphabet": "morse", "max_parts": 65, "tls_ca": "none", "region": "Germany", "colour": "red"} {
		bad := map[string]any{}
		for k, v := range good {
			bad[k] = v
		}
		bad[field] = value
		require.ErrorContains(t, CheckSettings(interaction.Link{Settings: bad}), field)
	}
}

func FuzzParse(f *testing.F) {
	for _, text := range []string{"hello", "\x05\x00\x03\x07\x02\x01hi"} {
		p := deliver("40404", text)
		p.Body.(*smpp.Message).ESMClass = 0x40
		raw, err := p.Encode()
		if err != nil {
			f.Fatal(err)
		}
		f.Add(raw)
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		p := Parser{}.Parse(raw, interaction.Facts{Sender: "+491701234567"})
		if p.Part != nil {
			Parser{}.Join([][]byte{raw, nil, raw}, interaction.Facts{})
		}
	})
}

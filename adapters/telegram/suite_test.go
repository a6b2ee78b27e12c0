package telegram

import (
	"context"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"parley/adapters/adaptertest"
	"parley/adapters/telegram/telegramtest"
	"parley/interaction"
	"parley/lib/safehttp"
)

const token = "77:AAEthisIsATokenOfTests"

// loopback is a client that reaches stand-ins.
func loopback() *safehttp.Client {
	return safehttp.New(safehttp.Options{Allow: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}, Timeout: 40 * time.Second, MaxBody: 1 << 20})
}

// options are those of a bot at a stand-in, with the suite's entry points.
func options(s *telegramtest.Server, inbox interaction.Inbox) Options {
	return Options{
		Settings: Settings{API: s.URL}, EntryPoint: "support", Token: token, Inbox: inbox, Entries: adaptertest.EntryPoints(), Client: loopback(), Pause: time.Microsecond, Longest: time.Millisecond,
	}
}

// heard keeps what a link told, and wakes who waits for it.
type heard struct {
	sync.Mutex
	state  interaction.LinkState
	detail string
	ring   func()
}

func (h *heard) tell(state interaction.LinkState, detail string) {
	h.Lock()
	h.state, h.detail = state, detail
	h.Unlock()
	h.ring()
}

func (h *heard) forget() {
	h.Lock()
	defer h.Unlock()
	h.state, h.detail = "", ""
}

func (h *heard) last() (interaction.LinkState, string) {
	h.Lock()
	defer h.Unlock()
	return h.state, h.detail
}

// The suite's addresses are bots: a fetched update is a yes once the API was asked for the next, a no once the bot said that it left it behind, and "later" while
// the link says that it waits.
func TestReceive(t *testing.T) {
	adaptertest.Receive(t, func(t *testing.T, inbox interaction.Inbox, entries interaction.EntryPoints) adaptertest.Way {
		way := &lines{t: t, inbox: inbox, entries: entries, of: map[string]*line{}}
		return adaptertest.Way{Adapter: way, Deliver: way.deliver}
	})
}

// lines are one bot for each address.
type lines struct {
	t       *testing.T
	inbox   interaction.Inbox
	entries interaction.EntryPoints
	over    bool
	of      map[string]*line
	ids     map[string]int64
}

type line struct {
	server *telegramtest.Server
	pulled *adaptertest.Pulled
	heard  *heard
	begun  bool
}

func (l *lines) Start(context.Context) error { return nil }

func (l *lines) Stop(ctx context.Context) error {
	l.over = true
	for _, one := range l.of {
		_ = one.pulled.Stop(ctx)
	}
	return nil
}

func (l *lines) line(address string) *line {
	if one := l.of[address]; one != nil {
		return one
	}
	s := telegramtest.NewServer(token, address)
	l.t.Cleanup(s.Close)
	o := options(s, plain{l.inbox})
	o.Entries = named{l.entries}
	bot, err := New(o)
	require.NoError(l.t, err)
	one := &line{server: s, heard: &heard{ring: s.Ring}}
	one.pulled = &adaptertest.Pulled{Puller: bot, Lease: adaptertest.Held(one.heard.tell)}
	l.of[address] = one
	return one
}

// plain and named take the @ of bots' names off: the suite's addresses have none in front.
type plain struct{ interaction.Inbox }

func (p plain) Accept(ctx context.Context, in interaction.Inbound) (interaction.Receipt, error) {
	in.Targets[0].Address = strings.TrimPrefix(in.Targets[0].Address, "@")
	return p.Inbox.Accept(ctx, in)
}

type named struct{ interaction.EntryPoints }

func (n named) EntryPoint(ctx context.Context, ch interaction.Channel, address string) (string, error) {
	return n.EntryPoints.EntryPoint(ctx, ch, strings.TrimPrefix(address, "@"))
}

// deliver gives the same content the same number: it is the same message then.
func (l *lines) deliver(address, content string) adaptertest.Answer {
	one := l.line(address)
	if l.ids == nil {
		l.ids = map[string]int64{}
	}
	if l.ids[content] == 0 {
		l.ids[content] = int64(len(l.ids) + 1)
	}
	update := one.server.Put("message", telegramtest.Text(9, l.ids[content], content))
	if l.over {
		return adaptertest.Gone
	}
	one.heard.forget()
	if !one.begun {
		one.begun = true
		_ = one.pulled.Start(l.t.Context())
	}
	var answer adaptertest.Answer
	gone := one.server.Await(update, func() bool {
		switch state, _ := one.heard.last(); state {
		case interaction.LinkFault:
			answer = adaptertest.No
		case interaction.LinkAway:
			answer = adaptertest.Later
		}
		return answer != ""
	})
	if !gone {
		return answer
	}
	if _, detail := one.heard.last(); strings.Contains(detail, "refused") {
		return adaptertest.No
	}
	return adaptertest.Yes
}

func TestPull(t *testing.T) {
	adaptertest.Pull(t, func(t *testing.T, inbox interaction.Inbox, _ interaction.EntryPoints) adaptertest.Source {
		s := telegramtest.NewServer(token, "support_bot")
		t.Cleanup(s.Close)
		n := int64(0)
		return adaptertest.Source{
			Link: interaction.Link{Name: "bot", Kind: Kind, EntryPoint: "support"},
			Open: func(t *testing.T) interaction.Puller {
				o := options(s, inbox)
				o.Entries = anyBot{}
				bot, err := New(o)
				require.NoError(t, err)
				return bot
			},
			Put: func(content string) {
				n++
				s.Put("message", telegramtest.Text(9, n, content))
			},
		}
	})
}

func TestSend(t *testing.T) {
	adaptertest.Send(t, func(t *testing.T) adaptertest.Outlet {
		s := telegramtest.NewServer(token, "support_bot")
		t.Cleanup(s.Close)
		bot, err := New(options(s, &adaptertest.Inbox{}))
		require.NoError(t, err)
		return adaptertest.Outlet{Sender: anna{bot}, Left: func() int { return len(s.Sent()) }}
	})
}

// anna is a sender to whom the suite's customer is a chat.
type anna struct{ *Bot }

func (a anna) Send(ctx context.Context, out interaction.Outbound, commit func(context.Context) error) interaction.Outcome {
	if out.To[0].Address == "anna@example.org" {
		out.To = []interaction.Address{{Address: "42"}}
	}
	return a.Bot.Send(ctx, out, commit)
}

package telegram

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"parley/adapters/adaptertest"
	"parley/adapters/telegram/telegramtest"
	"parley/interaction"
)

const token = "77:AAEthisIsATokenOfTests"

// options are those of a bot at a stand-in, with the suite's entry points.
func options(s *telegramtest.Server, inbox interaction.Inbox) Options {
	return Options{
		Settings: Settings{API: s.URL}, EntryPoint: "support", Token: token, Inbox: inbox, Entries: adaptertest.EntryPoints(), Client: adaptertest.Loopback(), Pause: time.Microsecond, Longest: time.Millisecond,
	}
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
	heard  *adaptertest.Heard
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
	one := &line{server: s, heard: &adaptertest.Heard{Ring: s.Ring}}
	one.pulled = &adaptertest.Pulled{Puller: bot, Lease: adaptertest.Held(one.heard.Tell)}
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
	one.heard.Forget()
	if !one.begun {
		one.begun = true
		_ = one.pulled.Start(l.t.Context())
	}
	var answer adaptertest.Answer
	one.server.Await(func() bool {
		confirmed := one.server.Confirmed(update)
		switch state, detail := one.heard.Last(); {
		case confirmed && strings.Contains(detail, "refused") || !confirmed && state == interaction.LinkFault:
			answer = adaptertest.No
		case confirmed:
			answer = adaptertest.Yes
		case state == interaction.LinkAway:
			answer = adaptertest.Later
		}
		return answer != ""
	})
	return answer
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
				o.Entries = adaptertest.OnlyEntryPoint("support")
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
		return adaptertest.Outlet{Sender: adaptertest.Addressed{Sender: bot, Customer: "42"}, Left: func() int { return len(s.Sent()) }}
	})
}

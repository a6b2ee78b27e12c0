package mastodon

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"parley/adapters/adaptertest"
	"parley/adapters/mastodon/mastodontest"
	"parley/interaction"
)

const token = "the-token-of-tests"

// options are those of an account at a stand-in, whose mentions are taken from the first.
func options(s *mastodontest.Server, inbox interaction.Inbox) Options {
	return Options{
		Settings: Settings{Server: s.URL, Begin: "all", Poll: 1}, EntryPoint: "support", Token: token, Inbox: inbox, Entries: adaptertest.OnlyEntryPoint("support"), Client: adaptertest.Loopback(),
		Pause: time.Microsecond, Longest: time.Millisecond,
	}
}

// TestReceive: the suite's addresses are accounts, each at a server of its own. A mention is a yes once the position has moved behind it.
func TestReceive(t *testing.T) {
	adaptertest.Receive(t, func(t *testing.T, inbox interaction.Inbox, entries interaction.EntryPoints) adaptertest.Way {
		way := &accounts{t: t, inbox: inbox, entries: entries, of: map[string]*one{}, posts: map[string]string{}}
		return adaptertest.Way{Adapter: way, Deliver: way.deliver}
	})
}

type accounts struct {
	t       *testing.T
	inbox   interaction.Inbox
	entries interaction.EntryPoints
	over    bool
	of      map[string]*one
	posts   map[string]string
}

type one struct {
	server *mastodontest.Server
	pulled *adaptertest.Pulled
	lease  interaction.Lease
	heard  adaptertest.Heard
}

func (a *accounts) Start(context.Context) error { return nil }

func (a *accounts) Stop(ctx context.Context) error {
	a.over = true
	for _, o := range a.of {
		_ = o.pulled.Stop(ctx)
	}
	return nil
}

// bare has an account known by its name alone: the suite's addresses have no server.
type bare struct {
	interaction.EntryPoints
	interaction.Inbox
}

func plain(address string) string {
	return strings.TrimPrefix(address[:strings.LastIndex(address, "@")], "@")
}

func (b bare) EntryPoint(ctx context.Context, ch interaction.Channel, address string) (string, error) {
	return b.EntryPoints.EntryPoint(ctx, ch, plain(address))
}

func (b bare) Accept(ctx context.Context, in interaction.Inbound) (interaction.Receipt, error) {
	in.Targets[0].Address = plain(in.Targets[0].Address)
	return b.Inbox.Accept(ctx, in)
}

func (a *accounts) account(address string) *one {
	if o := a.of[address]; o != nil {
		return o
	}
	o := &one{server: mastodontest.NewServer(token, address)}
	a.t.Cleanup(o.server.Close)
	house := bare{a.entries, a.inbox}
	opts := options(o.server, house)
	opts.Entries = house
	account, err := New(opts)
	require.NoError(a.t, err)
	o.heard.Ring = o.server.Ring
	o.lease = adaptertest.Held(o.heard.Tell)
	o.pulled = &adaptertest.Pulled{Puller: account, Lease: o.lease}
	a.of[address] = o
	return o
}

// done reports whether the position is behind the newest mention.
func (o *one) done(t *testing.T, id string) bool {
	var at position
	require.NoError(t, o.lease.Position(t.Context(), &at))
	return at.over(id)
}

// deliver tells the same content twice as the server does: the same notification is rung for again.
func (a *accounts) deliver(address, content string) adaptertest.Answer {
	fresh := a.of[address] == nil
	o := a.account(address)
	id, again := a.posts[address+content]
	if again {
		// the position is lost, as by a process that died before it moved
		require.NoError(a.t, o.pulled.Stop(a.t.Context()))
		require.NoError(a.t, o.lease.Move(a.t.Context(), position{Begun: true, After: "0"}))
		require.NoError(a.t, o.pulled.Start(a.t.Context()))
	} else {
		id = next(o.server.Mention("anna", "direct", "<p>"+content+"</p>", nil))
		a.posts[address+content] = id
	}
	if a.over {
		return adaptertest.Gone
	}
	o.heard.Forget()
	if fresh {
		require.NoError(a.t, o.pulled.Start(a.t.Context()))
	}
	var answer adaptertest.Answer
	o.server.Await(func() bool {
		switch state, detail := o.heard.Last(); {
		case state == interaction.LinkUp && o.done(a.t, id):
			if answer = adaptertest.Yes; strings.Contains(detail, "refused") {
				answer = adaptertest.No
			}
		case state == interaction.LinkFault:
			answer = adaptertest.No
		case state == interaction.LinkAway:
			answer = adaptertest.Later
		}
		return answer != ""
	})
	return answer
}

// next is the id of the notification of a post.
func next(post string) string {
	n := []byte(post)
	n[len(n)-1]++
	return string(n)
}

func TestPull(t *testing.T) {
	adaptertest.Pull(t, func(t *testing.T, inbox interaction.Inbox, _ interaction.EntryPoints) adaptertest.Source {
		s := mastodontest.NewServer(token, "support")
		t.Cleanup(s.Close)
		return adaptertest.Source{
			Link: interaction.Link{Name: "account", Kind: Kind, EntryPoint: "support"},
			Open: func(t *testing.T) interaction.Puller {
				account, err := New(options(s, inbox))
				require.NoError(t, err)
				return account
			},
			Put: func(content string) { s.Mention("anna", "direct", "<p>"+content+"</p>", nil) },
		}
	})
}

func TestSend(t *testing.T) {
	adaptertest.Send(t, func(t *testing.T) adaptertest.Outlet {
		s := mastodontest.NewServer(token, "support")
		t.Cleanup(s.Close)
		account, err := New(options(s, &adaptertest.Inbox{}))
		require.NoError(t, err)
		return adaptertest.Outlet{Sender: adaptertest.Addressed{Sender: account, Customer: "@anna@example.org"}, Left: func() int { return len(s.Posted()) }}
	})
}

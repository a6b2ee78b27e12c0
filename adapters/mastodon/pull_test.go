package mastodon

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"parley/adapters/adaptertest"
	"parley/adapters/mastodon/mastodontest"
	"parley/interaction"
	"parley/lib/social"
)

// house accepts like the real one: an identity once. It fails where fail says so, before or behind its commit.
type house struct {
	mu   sync.Mutex
	fail func() (before, behind error)
	all  []interaction.Parsed
	seen map[[32]byte]bool
	ring func()
}

func (h *house) Accept(_ context.Context, in interaction.Inbound) (interaction.Receipt, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	raw := make([]byte, in.Size)
	if _, err := in.Raw.Read(raw); err != nil {
		return interaction.Receipt{}, err
	}
	var behind error
	if h.fail != nil {
		var before error
		if before, behind = h.fail(); before != nil {
			return interaction.Receipt{}, before
		}
	}
	if h.seen == nil {
		h.seen = map[[32]byte]bool{}
	}
	repeat := h.seen[in.Identity]
	if h.seen[in.Identity] = true; !repeat {
		h.all = append(h.all, social.Parser{}.Parse(raw, in.Facts))
	}
	if h.ring != nil {
		go h.ring()
	}
	return interaction.Receipt{ID: interaction.NewID(), Repeat: repeat}, behind
}

// heard are the messages in their order, and what was done to them.
func (h *house) heard() (list []string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, p := range h.all {
		text := p.Message.Text
		if p.Amendment != nil {
			text = string(p.Amendment.Kind) + " " + text
		}
		list = append(list, text)
	}
	return list
}

// has waits until the house heard something.
func (h *house) has(s *mastodontest.Server, text string) {
	s.Await(func() bool { return slices.Contains(h.heard(), text) })
}

// Whatever the server, the stream and the house do wrong, and whenever the process dies: each mention arrives once, in order, also those of an outage.
func TestNothingLostNothingDoubled(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		s := mastodontest.NewServer(token, "support")
		defer s.Close()
		var mu sync.Mutex
		draw := func(of int, label string) int {
			mu.Lock()
			defer mu.Unlock()
			return rapid.IntRange(0, of-1).Draw(r, label)
		}
		faults := draw(40, "faults")
		s.Misbehave(func(what string) *mastodontest.Fault {
			if faults == 0 {
				return nil
			}
			faults--
			return []*mastodontest.Fault{
				nil, nil,
				{Drop: true, Before: what == "stream"},
				{Cut: what != "stream"},
				{Before: true, Status: http.StatusBadGateway, Body: "<html>bad gateway</html>"},
				{Before: true, Status: http.StatusTooManyRequests, Body: `{"error":"Too many requests"}`},
				{Before: true, Body: "not JSON"},
				{Before: true, Body: `{"error":"no"}`},
				{Before: true, Drop: true},
			}[draw(9, what)]
		})
		failures := draw(20, "failures of the house")
		h := &house{ring: s.Ring, fail: func() (before, behind error) {
			if failures == 0 {
				return nil, nil
			}
			failures--
			away := interaction.Unavailable("store_away", errors.New("planted"))
			return []error{nil, away, nil}[draw(3, "before")], []error{nil, nil, away}[draw(3, "behind")]
		}}
		lease := adaptertest.Held(nil)
		var want []string
		mention := func() {
			text := fmt.Sprint("mention ", len(want))
			want = append(want, text)
			s.Mention("anna", "public", "<p>"+text+"</p>", nil)
		}
		for range draw(60, "mentions before") {
			mention()
		}
		for range draw(4, "deaths") {
			account, err := New(options(s, h))
			require.NoError(t, err)
			dying, cancel := context.WithTimeout(t.Context(), time.Duration(draw(10, "ms"))*time.Millisecond)
			_ = account.Pull(dying, lease)
			cancel()
			mention()
		}
		account, err := New(options(s, h))
		require.NoError(t, err)
		p := &adaptertest.Pulled{Puller: account, Lease: lease}
		require.NoError(t, p.Start(t.Context()))
		for range draw(5, "mentions meanwhile") {
			s.Noise("notification", "garbage")
			s.StreamAway(draw(2, "stream") == 0)
			mention()
		}
		s.StreamAway(false)
		mention()
		h.has(s, want[len(want)-1])
		require.NoError(t, p.Stop(t.Context()))
		require.Equal(t, want, h.heard())
	})
}

// begun runs an account until the test ends.
func begun(t *testing.T, s *mastodontest.Server, h *house, lease interaction.Lease, change func(*Options)) *adaptertest.Pulled {
	t.Helper()
	h.ring = s.Ring
	o := options(s, h)
	o.Settings.Poll = 3600 // what comes, comes by the stream
	if change != nil {
		change(&o)
	}
	account, err := New(o)
	require.NoError(t, err)
	p := &adaptertest.Pulled{Puller: account, Lease: lease}
	require.NoError(t, p.Start(t.Context()))
	t.Cleanup(func() { _ = p.Stop(context.WithoutCancel(t.Context())) })
	s.Await(func() bool { return s.Streams() > 0 && s.Asked() > 0 })
	return p
}

func TestMentionsAsMessages(t *testing.T) {
	s := mastodontest.NewServer(token, "support")
	defer s.Close()
	s.Add("cat.png", []byte("\x89PNG\r\n\x1a\n..."))
	h := &house{}
	begun(t, s, h, adaptertest.Held(nil), nil)
	s.Mention("anna@else.example", "unlisted", `<p><span class="h-card"><a href="https://x/@support">@<span>support</span></a></span> It is <b>late</b></p><p>Really</p>`, map[string]any{
		"spoiler_text": "rant", "media_attachments": []any{
			map[string]any{"id": "1", "url": s.URL + "/files/cat.png", "description": "a cat"},
			map[string]any{"id": "2", "url": "http://169.254.169.254/latest/meta-data"},
			map[string]any{"id": "3", "url": nil, "remote_url": "http://gone.example.test/"},
		},
	})
	s.Mention("anna@else.example", "direct", "<p>in private</p>", nil)
	s.Mention("bert", "private", "<p>for followers</p>", map[string]any{"in_reply_to_id": "77"})
	s.Mention("support", "public", "<p>said by ourselves</p>", map[string]any{"account": map[string]any{"id": "1", "acct": "support"}})
	s.Mention("carl", "public", "<p>no id</p>", map[string]any{"account": map[string]any{}})
	s.Mention("dora", "public", "<p>broken</p>", map[string]any{"id": []int{}})
	s.Mention("emil", "public", "<p>the last</p>", nil)
	h.has(s, "the last")
	require.Len(t, h.all, 6)

	first := h.all[0].Message
	require.Equal(t, "rant\n\n@support It is late\n\nReally\n\n[file 1: a cat]", first.Text)
	require.Equal(t, interaction.VisibleUnlisted, first.Visibility)
	require.Equal(t, "@anna@else.example", first.From.Address)
	require.Len(t, first.Attachments, 1)
	require.Equal(t, "image/png", first.Attachments[0].Type)
	require.Equal(t, []string{social.ProblemMedia, social.ProblemMedia}, first.Problems, "an inner address, and none")
	require.Empty(t, h.all[0].Conversations, "in the open only what is answered belongs together")
	require.NotEmpty(t, h.all[1].Conversations)
	require.Equal(t, h.all[0].Identities, h.all[1].Identities)
	require.Equal(t, interaction.VisiblePrivate, h.all[2].Message.Visibility)
	require.Len(t, h.all[2].Follows, 1)
	require.Contains(t, h.all[3].Message.Problems, interaction.ProblemNoReply)
	require.Contains(t, h.all[4].Message.Problems, interaction.ProblemKeptRaw)
}

func TestEditsAndDeletionsAreTold(t *testing.T) {
	s := mastodontest.NewServer(token, "support")
	defer s.Close()
	h := &house{}
	lease := adaptertest.Held(nil)
	p := begun(t, s, h, lease, nil)
	one := s.Mention("anna", "public", "<p>one</p>", nil)
	two := s.Mention("anna", "public", "<p>two</p>", nil)
	h.has(s, "two")
	s.Edit(one, "<p>one!</p>", "2026-03-01T10:00:00.000Z", false)
	h.has(s, "edited one!")
	s.Noise("status.update", s.URL)
	s.Noise("delete", "424242") // not one of those
	s.Delete(two, false)
	h.has(s, "withdrawn ")
	require.NoError(t, p.Stop(t.Context()))

	// what no stream has told is found when it begins anew
	three := s.Mention("anna", "direct", "<p>three</p>", nil)
	begun(t, s, h, lease, nil)
	h.has(s, "three")
	s.StreamAway(true)
	s.Edit(one, "<p>one!!</p>", "2026-03-01T11:00:00.000Z", true)
	s.Delete(three, true)
	s.StreamAway(false)
	s.Await(func() bool { return len(h.heard()) == 7 })
	require.ElementsMatch(t, []string{"one", "two", "edited one!", "withdrawn ", "three", "edited one!!", "withdrawn "}, h.heard())
}

// A server in trouble answers a look with anything but "not there": nothing is taken for deleted.
func TestTroubleIsNoDeletion(t *testing.T) {
	for name, fault := range map[string]mastodontest.Fault{
		"its own error": {Status: http.StatusInternalServerError}, "forbidden": {Status: http.StatusForbidden, Body: `{"error":"This action is not allowed"}`}, "empty": {Body: "{}"}, "null": {Body: "null"},
	} {
		t.Run(name, func(t *testing.T) {
			s := mastodontest.NewServer(token, "support")
			defer s.Close()
			h := &house{}
			begun(t, s, h, adaptertest.Held(nil), nil)
			one := s.Mention("anna", "public", "<p>one</p>", nil)
			h.has(s, "one")
			looks := 0
			s.Misbehave(func(what string) *mastodontest.Fault {
				if what != "status" {
					return nil
				}
				if looks++; looks > 3 {
					return nil
				}
				return &fault
			})
			for range 4 {
				s.Noise("delete", one)
			}
			s.Mention("anna", "public", "<p>two</p>", nil)
			h.has(s, "two")
			require.NotContains(t, h.heard(), "withdrawn ")
		})
	}
}

func TestANewAccountBeginsNow(t *testing.T) {
	s := mastodontest.NewServer(token, "support")
	defer s.Close()
	s.Mention("anna", "public", "<p>of last year</p>", nil)
	h := &house{}
	begun(t, s, h, adaptertest.Held(nil), func(o *Options) { o.Settings.Begin = "" })
	s.Mention("anna", "public", "<p>of today</p>", nil)
	h.has(s, "of today")
	require.Equal(t, []string{"of today"}, h.heard())
}

// A stream that says nothing any more, not even its beat, is opened anew.
func TestADeadStreamIsLeft(t *testing.T) {
	s := mastodontest.NewServer(token, "support")
	defer s.Close()
	opened := 0
	s.Misbehave(func(what string) *mastodontest.Fault {
		if what == "stream" {
			opened++
		}
		return nil
	})
	h := &house{}
	begun(t, s, h, adaptertest.Held(nil), func(o *Options) { o.Quiet = 20 * time.Millisecond })
	s.Await(func() bool { return opened >= 3 })
}

func TestALostLeaseEndsIt(t *testing.T) {
	s := mastodontest.NewServer(token, "support")
	defer s.Close()
	s.Mention("anna", "public", "x", nil)
	place := &adaptertest.Place{}
	lease := place.Take(interaction.Link{})
	place.Take(interaction.Link{})
	account, err := New(options(s, &house{}))
	require.NoError(t, err)
	require.Equal(t, interaction.KindConflict, interaction.KindOf(account.Pull(t.Context(), lease)))
}

func TestPosition(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		var p position
		p.After = "0"
		done := map[string]bool{}
		for _, n := range rapid.SliceOf(rapid.IntRange(1, 1000)).Draw(r, "ids") {
			id := fmt.Sprint(n)
			if !p.over(id) {
				p.finish(id)
				done[id] = true
			}
			require.True(r, p.over(id))
			require.LessOrEqual(r, len(p.Done), behind)
			for id := range done {
				require.True(r, p.over(id), "what is over stays over")
			}
		}
	})
}

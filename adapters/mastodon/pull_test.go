package mastodon

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"parley/adapters/adaptertest"
	"parley/adapters/mastodon/mastodontest"
	"parley/interaction"
	"parley/lib/social"
)

func newHouse(s *mastodontest.Server) *adaptertest.House {
	return &adaptertest.House{Parser: social.Parser{}, Ring: s.Ring}
}

// await waits until the house has heard something.
func await(s *mastodontest.Server, h *adaptertest.House, text string) {
	s.Await(func() bool { return slices.Contains(h.Texts(), text) })
}

// Whatever the server, the stream and the house do wrong, and whenever the process dies: each mention arrives once, in order, also those of an outage.
func TestNothingLostNothingDoubled(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		s := mastodontest.NewServer(token, "support")
		defer s.Close()
		draw := adaptertest.Drawing(r)
		s.Misbehave(draw.Faults(40, 9, func(kind int, what string) *adaptertest.Fault {
			return []*adaptertest.Fault{
				nil, nil,
				{Drop: true, Before: what == "stream"},
				{Cut: what != "stream"},
				{Before: true, Status: http.StatusBadGateway, Body: "<html>bad gateway</html>"},
				{Before: true, Status: http.StatusTooManyRequests, Body: `{"error":"Too many requests"}`},
				{Before: true, Body: "not JSON"},
				{Before: true, Body: `{"error":"no"}`},
				{Before: true, Drop: true},
			}[kind]
		}))
		h := newHouse(s)
		h.Fail = draw.Failures(20)
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
		await(s, h, want[len(want)-1])
		require.NoError(t, p.Stop(t.Context()))
		require.Equal(t, want, h.Texts())
	})
}

// begun runs an account until the test ends.
func begun(t *testing.T, s *mastodontest.Server, h *adaptertest.House, lease interaction.Lease, change func(*Options)) *adaptertest.Pulled {
	t.Helper()
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
	h := newHouse(s)
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
	await(s, h, "the last")
	require.Len(t, h.All(), 6)

	first := h.All()[0].Message
	require.Equal(t, "rant\n\n@support It is late\n\nReally\n\n[file 1: a cat]", first.Text)
	require.Equal(t, interaction.VisibleUnlisted, first.Visibility)
	require.Equal(t, "@anna@else.example", first.From.Address)
	require.Len(t, first.Attachments, 1)
	require.Equal(t, "image/png", first.Attachments[0].Type)
	require.Equal(t, []string{social.ProblemMedia, social.ProblemMedia}, first.Problems, "an inner address, and none")
	require.Empty(t, h.All()[0].Conversations, "in the open only what is answered belongs together")
	require.NotEmpty(t, h.All()[1].Conversations)
	require.Equal(t, h.All()[0].Identities, h.All()[1].Identities)
	require.Equal(t, interaction.VisiblePrivate, h.All()[2].Message.Visibility)
	require.Len(t, h.All()[2].Follows, 1)
	require.Contains(t, h.All()[3].Message.Problems, interaction.ProblemNoReply)
	require.Contains(t, h.All()[4].Message.Problems, interaction.ProblemKeptRaw)
}

func TestEditsAndDeletionsAreTold(t *testing.T) {
	s := mastodontest.NewServer(token, "support")
	defer s.Close()
	h := newHouse(s)
	lease := adaptertest.Held(nil)
	p := begun(t, s, h, lease, nil)
	one := s.Mention("anna", "public", "<p>one</p>", nil)
	two := s.Mention("anna", "public", "<p>two</p>", nil)
	await(s, h, "two")
	s.Edit(one, "<p>one!</p>", "2026-03-01T10:00:00.000Z", false)
	await(s, h, "edited one!")
	s.Noise("status.update", s.URL)
	s.Noise("delete", "424242") // not one of those
	s.Delete(two, false)
	await(s, h, "withdrawn ")
	require.NoError(t, p.Stop(t.Context()))

	// what no stream has told is found when it begins anew
	three := s.Mention("anna", "direct", "<p>three</p>", nil)
	begun(t, s, h, lease, nil)
	await(s, h, "three")
	s.StreamAway(true)
	s.Edit(one, "<p>one!!</p>", "2026-03-01T11:00:00.000Z", true)
	s.Delete(three, true)
	s.StreamAway(false)
	s.Await(func() bool { return len(h.Texts()) == 7 })
	require.ElementsMatch(t, []string{"one", "two", "edited one!", "withdrawn ", "three", "edited one!!", "withdrawn "}, h.Texts())
}

// worked is what is still worked on: all that was heard of, but what is over.
type worked struct {
	h    *adaptertest.House
	over map[string]bool // ids
}

// OpenMessages gives names in their order.
func (w worked) OpenMessages(_ context.Context, prefix, behind string, limit int) (list []string, err error) {
	for _, p := range w.h.All() {
		name := p.Message.MessageID
		if p.Amendment == nil && strings.HasPrefix(name, prefix) && name > behind && !w.over[name[strings.LastIndexByte(name, ':')+1:]] {
			list = append(list, name)
		}
	}
	slices.Sort(list)
	return list[:min(len(list), limit)], nil
}

// What is still worked on is looked at again however long ago it came, some of it at each look, so that an edit and a deletion are found in the end that no stream has told;
// the stream's word of one is heeded too. What is over and old is left alone, and what was edited before it was taken is no edit.
func TestOldMentionsAreLookedAtAgain(t *testing.T) {
	s := mastodontest.NewServer(token, "support")
	defer s.Close()
	h := newHouse(s)
	open := worked{h: h, over: map[string]bool{}}
	begun(t, s, h, adaptertest.Held(nil), func(o *Options) { o.Open = open })
	var ids []string
	for n := range watched + 2*lookedAt + 5 { // the oldest are in nobody's memory but the house's
		more := map[string]any(nil)
		if n == 2 {
			more = map[string]any{"edited_at": "2026-03-01T09:45:00.000Z"}
		}
		ids = append(ids, s.Mention("anna", "public", fmt.Sprintf("<p>mention %d</p>", n), more))
	}
	open.over[ids[3]] = true
	await(s, h, fmt.Sprintf("mention %d", len(ids)-1))
	s.Edit(ids[4], "<p>told of</p>", "2026-03-01T10:00:00.000Z", false)
	await(s, h, "edited told of")

	s.StreamAway(true)
	s.Edit(ids[0], "<p>changed</p>", "2026-03-01T10:00:00.000Z", true)
	s.Edit(ids[3], "<p>it is over</p>", "2026-03-01T10:00:00.000Z", true)
	s.Edit(ids[2*lookedAt], "<p>changed as well</p>", "2026-03-01T10:00:00.000Z", true)
	s.Delete(ids[1], true)
	for _, found := range []string{"edited changed", "edited changed as well", "withdrawn "} {
		s.StreamAway(true)
		s.StreamAway(false) // each beginning is a look
		s.Await(func() bool {
			if slices.Contains(h.Texts(), found) {
				return true
			}
			s.StreamAway(true)
			s.StreamAway(false)
			return false
		})
	}
	require.NotContains(t, h.Texts(), "edited it is over")
	require.NotContains(t, h.Texts(), "edited mention 2", "it was taken in that version")
	require.Len(t, h.All(), len(ids)+4, "each is found once")
}

// A mention of a thousand people is one message to us, and our answer is for its author alone (H-19).
func TestAMentionOfAThousand(t *testing.T) {
	s := mastodontest.NewServer(token, "support")
	defer s.Close()
	h := newHouse(s)
	begun(t, s, h, adaptertest.Held(nil), nil)
	var people []any
	var text strings.Builder
	for n := range 1000 {
		people = append(people, map[string]any{"id": fmt.Sprint(n), "acct": fmt.Sprintf("person%d@else.example", n)})
		fmt.Fprintf(&text, "@person%d ", n)
	}
	id := s.Mention("anna@else.example", "public", "<p>"+text.String()+"@support help</p>", map[string]any{"mentions": people})
	s.Mention("bert", "public", "<p>the next</p>", nil)
	await(s, h, "the next")
	require.Len(t, h.All(), 2)
	got := h.All()[0]
	require.Equal(t, 1001, strings.Count(got.Message.Text, "@"))
	require.Len(t, got.Message.To, 1)
	require.Len(t, got.Identities, 1)
	account, err := New(options(s, h))
	require.NoError(t, err)
	out := reply(s, interaction.VisiblePublic, "Gladly.")
	out.InReplyTo = got.Message.MessageID
	require.Equal(t, interaction.SendSent, account.Send(t.Context(), out, adaptertest.Agree).State)
	require.Equal(t, "@anna@else.example Gladly.", s.Posted()[0]["status"])
	require.Equal(t, id, s.Posted()[0]["in_reply_to_id"])
}

// A server in trouble answers a look with anything but "not there": nothing is taken for deleted.
func TestTroubleIsNoDeletion(t *testing.T) {
	for name, fault := range map[string]adaptertest.Fault{
		"its own error": {Status: http.StatusInternalServerError}, "forbidden": {Status: http.StatusForbidden, Body: `{"error":"This action is not allowed"}`}, "empty": {Body: "{}"}, "null": {Body: "null"},
	} {
		t.Run(name, func(t *testing.T) {
			s := mastodontest.NewServer(token, "support")
			defer s.Close()
			h := newHouse(s)
			begun(t, s, h, adaptertest.Held(nil), nil)
			one := s.Mention("anna", "public", "<p>one</p>", nil)
			await(s, h, "one")
			looks := 0
			s.Misbehave(func(what string) *adaptertest.Fault {
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
			await(s, h, "two")
			require.NotContains(t, h.Texts(), "withdrawn ")
		})
	}
}

func TestANewAccountBeginsNow(t *testing.T) {
	s := mastodontest.NewServer(token, "support")
	defer s.Close()
	s.Mention("anna", "public", "<p>of last year</p>", nil)
	h := newHouse(s)
	begun(t, s, h, adaptertest.Held(nil), func(o *Options) { o.Settings.Begin = "" })
	s.Mention("anna", "public", "<p>of today</p>", nil)
	await(s, h, "of today")
	require.Equal(t, []string{"of today"}, h.Texts())
}

// A stream that says nothing any more, not even its beat, is opened anew.
func TestADeadStreamIsLeft(t *testing.T) {
	s := mastodontest.NewServer(token, "support")
	defer s.Close()
	var opened atomic.Int32
	s.Misbehave(func(what string) *adaptertest.Fault {
		if what == "stream" {
			opened.Add(1)
		}
		return nil
	})
	begun(t, s, newHouse(s), adaptertest.Held(nil), func(o *Options) { o.Quiet = 20 * time.Millisecond })
	s.Await(func() bool { return opened.Load() >= 3 })
}

func TestALostLeaseEndsIt(t *testing.T) {
	s := mastodontest.NewServer(token, "support")
	defer s.Close()
	s.Mention("anna", "public", "x", nil)
	place := &adaptertest.Place{}
	lease := place.Take(interaction.Link{})
	place.Take(interaction.Link{})
	account, err := New(options(s, newHouse(s)))
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

package peers

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"net"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"parley/adapters/adaptertest"
	"parley/adapters/smpp"
	"parley/interaction"
)

// nodeCentre is a message centre by npm smpp, see smsc.mjs.
type nodeCentre struct {
	addr string
	mu   sync.Mutex
	got  []submitted
}

type submitted struct {
	To, From, Text string
	Coding         int
	UDH            []string
	Answered       *int
}

func startNodeCentre(t *testing.T) *nodeCentre {
	t.Helper()
	if os.Getenv("PARLEY_TEST_STACK") != "1" {
		t.Skip("SKIPPED: this test needs Node and its packages; set PARLEY_TEST_STACK=1, as make test does")
	}
	require.DirExists(t, "node_modules/smpp", "run test/peers/prepare first, as make test does")
	node := exec.CommandContext(t.Context(), "node", "smsc.mjs")
	node.Stderr = os.Stderr
	out, err := node.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, node.Start())
	lines := bufio.NewScanner(out)
	require.True(t, lines.Scan(), "the message centre did not start")
	s := &nodeCentre{addr: net.JoinHostPort("127.0.0.1", lines.Text())}
	read := make(chan struct{})
	go func() {
		defer close(read)
		for lines.Scan() {
			var one submitted
			if json.Unmarshal(lines.Bytes(), &one) == nil {
				s.mu.Lock()
				s.got = append(s.got, one)
				s.mu.Unlock()
			}
		}
	}()
	t.Cleanup(func() { _ = node.Process.Kill(); <-read; _ = node.Wait() })
	return s
}

func (s *nodeCentre) all() (list []submitted, answers []int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, one := range s.got {
		if one.Answered != nil {
			answers = append(answers, *one.Answered)
		} else {
			list = append(list, one)
		}
	}
	return list, answers
}

// words keeps receipts in memory.
type words struct {
	mu  sync.Mutex
	all []interaction.Receipted
}

func (w *words) Receipt(_ context.Context, r interaction.Receipted) (bool, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.all = append(w.all, r)
	return true, nil
}

func (w *words) count() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.all)
}

// held is a lease that lasts.
type held struct{ interaction.Lease }

func (held) Tell(context.Context, interaction.LinkState, string) {}

// toUs knows every number as ours.
type toUs struct{}

func (toUs) EntryPoint(context.Context, interaction.Channel, string) (string, error) {
	return "texts", nil
}

// TestAMessageCentreInNode speaks SMPP with a library that other people wrote: texts of both alphabets and long ones go there, come back and are received.
func TestAMessageCentreInNode(t *testing.T) {
	centre := startNodeCentre(t)
	inbox, receipts := &adaptertest.Inbox{}, &words{}
	a, err := smpp.New(smpp.Options{
		Settings: smpp.Settings{Address: centre.addr, SystemID: "parley", Rate: 100}, EntryPoint: "texts", Password: "secret", Inbox: inbox, Entries: toUs{}, Receipts: receipts,
	})
	require.NoError(t, err)
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() { defer close(done); _ = a.Pull(ctx, held{}) }()
	t.Cleanup(func() { stop(); <-done })
	require.Eventually(t, a.Ready, 10*time.Second, 10*time.Millisecond)

	texts := []string{"say Hello @€é[]", "say Привет 😀", "say " + strings.Repeat("Where is my order? ", 12), "say " + strings.Repeat("Где мой заказ? ", 8)}
	for n, text := range texts {
		out := adaptertest.Example()
		out.Key, out.From.Address, out.To[0].Address, out.Text = text, "40404", "+491701234567", text
		o := a.Send(t.Context(), out, func(context.Context) error { return nil })
		require.Equal(t, interaction.SendSent, o.State, "%d: %s", n, o.Text)
	}
	said := strings.TrimRight(strings.ReplaceAll(strings.Join(texts, ""), "? say", "?say"), " ")
	var list []submitted
	require.Eventually(t, func() bool {
		var sent strings.Builder
		list, _ = centre.all()
		for _, one := range list {
			sent.WriteString(one.Text)
		}
		return sent.String() == said
	}, 10*time.Second, 10*time.Millisecond, "what was sent is what it took")
	for _, one := range list {
		require.Equal(t, "491701234567", one.To)
		require.Equal(t, "40404", one.From)
	}

	want := []string{"Hello @€é[]", "Привет 😀"}
	var got []string
	require.Eventually(t, func() bool {
		_, answers := centre.all()
		return inbox.Count() == 11 && receipts.count() == len(list) && len(answers) == inbox.Count()+receipts.count()
	}, 10*time.Second, 10*time.Millisecond, "all that was delivered was answered")
	_, answers := centre.all()
	for _, status := range answers {
		require.Zero(t, status)
	}
	parts := map[int][][]byte{}
	for _, in := range inbox.All(t, inbox.Count()) {
		p := smpp.Parser{}.Parse(in.Content, in.Facts)
		require.Empty(t, p.Message.Problems)
		require.Equal(t, "+491701234567", p.Message.From.Address)
		if p.Part == nil {
			got = append(got, p.Message.Text)
			continue
		}
		parts[p.Part.Total] = append(parts[p.Part.Total], in.Content)
	}
	require.Equal(t, want, got)
	var joined []string
	for _, raws := range parts {
		joined = append(joined, smpp.Parser{}.Join(raws, interaction.Facts{Alphabet: "gsm7"}).Message.Text)
	}
	require.ElementsMatch(t, []string{strings.TrimRight(texts[2][4:], " "), strings.TrimRight(texts[3][4:], " ")}, joined)
	for _, word := range receipts.all {
		require.Equal(t, interaction.ReceiptDelivered, word.State)
	}
}

func TestAWrongPasswordIsTold(t *testing.T) {
	centre := startNodeCentre(t)
	states := make(chan interaction.LinkState, 10)
	a, err := smpp.New(smpp.Options{
		Settings: smpp.Settings{Address: centre.addr, SystemID: "parley"}, EntryPoint: "texts", Password: "wrong", Inbox: &adaptertest.Inbox{}, Entries: toUs{}, Receipts: &words{},
	})
	require.NoError(t, err)
	ctx, stop := context.WithTimeoutCause(t.Context(), 20*time.Second, errors.New("nothing was told"))
	defer stop()
	go func() { _ = a.Pull(ctx, telling{states: states}) }()
	select {
	case state := <-states:
		require.Equal(t, interaction.LinkFault, state, "somebody must mend it")
	case <-ctx.Done():
		t.Fatal(context.Cause(ctx))
	}
}

// telling is a lease that hands on what it is told.
type telling struct {
	interaction.Lease
	states chan interaction.LinkState
}

func (l telling) Tell(_ context.Context, state interaction.LinkState, _ string) { l.states <- state }

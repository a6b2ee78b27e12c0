package chat

import (
	"context"
	"encoding/json"
	"log/slog"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"parley/interaction"
)

// kept is a store that has messages 1 to its number, and answers when it may.
type kept struct {
	interaction.ChatStore
	last int64
	may  chan struct{}
}

func (k *kept) ChatMessages(ctx context.Context, _ interaction.ID, after int64, _ bool, limit int) (list []interaction.ChatMessage, err error) {
	select {
	case <-k.may:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	for n := after + 1; n <= k.last && len(list) < limit; n++ {
		list = append(list, interaction.ChatMessage{Number: n, Kind: interaction.ChatText})
	}
	return list, nil
}

// ear notes the numbers that it was sent.
type ear struct {
	mu      sync.Mutex
	numbers []int64
}

func (e *ear) send(b []byte) bool {
	var f struct{ Message struct{ Number int64 } }
	if json.Unmarshal(b, &f) == nil && f.Message.Number > 0 {
		e.mu.Lock()
		e.numbers = append(e.numbers, f.Message.Number)
		e.mu.Unlock()
	}
	return true
}

func (e *ear) spare(context.Context) bool { return true }

func (e *ear) heard(numbers ...int64) func() bool {
	return func() bool {
		e.mu.Lock()
		defer e.mu.Unlock()
		return len(e.numbers) == len(numbers)
	}
}

func appendedTo(last int64) interaction.ChatAppended {
	return interaction.ChatAppended{Last: last, Messages: []interaction.ChatMessage{{Number: last, Kind: interaction.ChatText}}}
}

const soon = 10 * time.Second

// The store may be ahead of what a room has been told: who reads there has a message before it is handed out, and gets it once.
func TestWhatWasReadAheadIsNotHandedOutAgain(t *testing.T) {
	store := &kept{last: 4, may: make(chan struct{}, 10)}
	r := newHub(t.Context(), store, slog.New(slog.DiscardHandler)).enter("session")
	r.stands(3)
	to := &ear{}
	l := &listener{sink: to, agents: true}
	r.greet(l, 0, func(int64, bool) {})
	store.may <- struct{}{}
	require.Eventually(t, func() bool {
		r.mu.Lock()
		defer r.mu.Unlock()
		return l.live
	}, soon, time.Millisecond)
	r.appended(appendedTo(4)) // the word of the commit comes only now
	r.appended(appendedTo(5))
	require.Eventually(t, to.heard(1, 2, 3, 4, 5), soon, time.Millisecond)
	require.Equal(t, []int64{1, 2, 3, 4, 5}, to.numbers)
}

// Who comes back with a message that the room is only about to read does not get it again.
func TestWhatAClientHasIsNotHandedOutAgain(t *testing.T) {
	store := &kept{last: 4, may: make(chan struct{}, 10)}
	r := newHub(t.Context(), store, slog.New(slog.DiscardHandler)).enter("session")
	r.stands(3)
	stays, comes := &ear{}, &ear{}
	r.greet(&listener{sink: stays, agents: true}, 3, func(int64, bool) {})
	r.stands(4) // begins to read number 4
	r.greet(&listener{sink: comes, agents: true}, 4, func(int64, bool) {})
	store.may <- struct{}{}
	require.Eventually(t, stays.heard(4), soon, time.Millisecond)
	r.appended(appendedTo(5))
	require.Eventually(t, comes.heard(5), soon, time.Millisecond)
	require.Eventually(t, stays.heard(4, 5), soon, time.Millisecond)
	require.Equal(t, []int64{5}, comes.numbers)
	require.Equal(t, []int64{4, 5}, stays.numbers)
}

// A client that claims to have more than there is hears what comes.
func TestAClientThatClaimsTooMuchHearsWhatComes(t *testing.T) {
	r := newHub(t.Context(), &kept{}, slog.New(slog.DiscardHandler)).enter("session")
	r.stands(3)
	to := &ear{}
	r.greet(&listener{sink: to, agents: true}, 1<<40, func(int64, bool) {})
	r.appended(appendedTo(4))
	require.Eventually(t, to.heard(4), soon, time.Millisecond)
}

package store

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// Everybody gets the answer to his own question, however many ask at once, and what comes while statements are under way goes into few of them.
func TestQuestionsAreAnsweredTogether(t *testing.T) {
	const askers = 1000
	gate := make(chan struct{})
	var mu sync.Mutex
	statements, begun := 0, make(chan struct{}, askers)
	g := together[int, int]{answer: func(_ context.Context, questions []int) ([]int, error) {
		begun <- struct{}{}
		<-gate
		mu.Lock()
		defer mu.Unlock()
		statements++
		answers := make([]int, len(questions))
		for n, q := range questions {
			answers[n] = q * 2
		}
		return answers, nil
	}}
	var all sync.WaitGroup
	ask := func(n int) {
		all.Go(func() {
			answer, err := g.ask(t.Context(), n)
			require.NoError(t, err)
			require.Equal(t, n*2, answer)
		})
	}
	for n := range questionsAtOnce {
		ask(n)
		<-begun // it waits for nobody
	}
	for n := questionsAtOnce; n < askers; n++ {
		ask(n)
	}
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := g.ask(gone, 1)
	require.ErrorIs(t, err, context.Canceled)
	require.Eventually(t, func() bool {
		g.mu.Lock()
		defer g.mu.Unlock()
		return len(g.waiting) == askers-questionsAtOnce+1
	}, time.Minute, time.Millisecond)
	close(gate)
	all.Wait()
	require.LessOrEqual(t, statements, questionsAtOnce+askers/questionsMost+1)

	trouble := errors.New("away")
	g.answer = func(context.Context, []int) ([]int, error) { return nil, trouble }
	_, err = g.ask(t.Context(), 1)
	require.ErrorIs(t, err, trouble, "and it goes on behind an error")
	_, err = g.ask(t.Context(), 1)
	require.ErrorIs(t, err, trouble)
}

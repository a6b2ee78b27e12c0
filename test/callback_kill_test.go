package test

import (
	"fmt"
	"net/http"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"parley/test/wire"
)

// TestCallbacksSurviveBeingKilled kills Parley while callbacks are booked and while agents work on them. Whatever was said yes to is called, and called once: no
// callback is lost, none is there twice, and each try is one task.
func TestCallbacksSurviveBeingKilled(t *testing.T) {
	p := newProduct(t, alwaysOpen(t))
	p.start()
	ann := p.person("PARLEY_AGENT_TOKEN")
	again := func() {
		require.NoError(t, p.command.Process.Kill())
		<-p.ended
		p.start()
	}
	const rounds, each = 2, 8
	for round := range rounds {
		var wg sync.WaitGroup
		errs := make([]error, each)
		for n := range each {
			number := fmt.Sprintf("+493090%04d", 1000*(round+1)+n)
			wg.Go(func() {
				errs[n] = ann.Insist(t.Context(), http.MethodPost, "/v1/callbacks", "book-"+number, map[string]any{"entry_point": "call", "phone": number, "mode": "free"}, nil)
			})
		}
		again()
		wg.Wait()
		for _, err := range errs {
			require.NoError(t, err)
		}
	}
	for n := range rounds * each {
		task := p.claimNext(ann, "callback")
		require.NoError(t, ann.Insist(t.Context(), http.MethodPost, "/v1/tasks/"+task.ID+"/complete", "done-"+task.ID, map[string]any{"disposition": "reached"}, nil))
		if n == each/2 {
			again()
		}
	}
	type callback struct {
		ID, Phone, State string
		Tries            int
	}
	all, err := wire.List[callback](t.Context(), ann, "/v1/callbacks", nil)
	require.NoError(t, err)
	require.Len(t, all, rounds*each)
	numbers := map[string]bool{}
	for _, c := range all {
		require.False(t, numbers[c.Phone], "%s is there twice", c.Phone)
		numbers[c.Phone] = true
		require.Equal(t, "done", c.State)
		require.Equal(t, 1, c.Tries)
		p.stopped(ann, c.ID, "reached")
	}
	p.stop()
}

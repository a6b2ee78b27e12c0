package claims

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"parley/store"
	"parley/store/storetest"
)

// The small form: every figure comes out, and everybody who was told that he has a task has one of his own.
func TestClaimsBesideReferences(t *testing.T) {
	size := Size{Agents: 20, Skills: 5, Tasks: 20000, Stuck: 1000, Clients: 8, Leg: time.Second, Rate: 50}
	url := storetest.Empty(t, store.Options{}).Pool().Config().ConnString()
	r, err := Compare(t.Context(), url, size, 1)
	require.NoError(t, err)
	for name, figure := range map[string]float64{
		"claim A": Median(r.ClaimA), "claim B": Median(r.ClaimB), "update": Median(r.Update), "claim": Median(r.Claim),
		"even": Median(r.Even), "brief": Median(r.Brief),
		"claim p99": r.ClaimP99.Seconds(), "update p99": r.UpdateP99.Seconds(),
	} {
		require.Positive(t, figure, name)
		t.Logf("%s: %.3g", name, figure)
	}

	own := storetest.Empty(t, store.Options{}).Pool().Config().ConnString()
	h, err := Open(t.Context(), own, size)
	require.NoError(t, err)
	t.Cleanup(h.Close)
	c, err := h.Claim(t.Context(), 0)
	require.NoError(t, err)
	var held, holders int
	require.NoError(t, h.store.Pool().QueryRow(t.Context(), `select count(*), (select sum(load_total) from agents) from tasks where state = 'held'`).Scan(&held, &holders))
	require.Equal(t, len(c.Latency), held)
	require.Equal(t, held, holders)
}

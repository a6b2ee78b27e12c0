package store

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// Each week is compared with all before it together.
func TestShift(t *testing.T) {
	week := func(n int) time.Time { return time.Date(2026, 1, 5+7*n, 0, 0, 0, 0, time.UTC) }
	weeks := driftOf([]driftPart{
		{Week: week(0), Category: "a", Messages: 8, Confidence: 4},
		{Week: week(0), Category: "b", Messages: 2, Confidence: 2},
		{Week: week(1), Category: "a", Messages: 80, Confidence: 80},
		{Week: week(1), Category: "b", Messages: 20, Confidence: 20},
		{Week: week(2), Category: "a", Messages: 5},
		{Week: week(2), Category: "c", Messages: 5},
		{Week: week(3), Category: "d", Messages: 1},
		{Week: week(4), Messages: 3},
	})
	require.Len(t, weeks, 5)
	for n, want := range []float64{-1, 0, 0.5, 1, 1} {
		require.InDelta(t, want, weeks[n].Shift, 1e-9, "week %d", n)
	}
	require.InDelta(t, 0.6, weeks[0].Confidence, 1e-9)
	require.Zero(t, weeks[4].Confidence)
	require.EqualValues(t, 3, weeks[4].Unsure)
	require.Empty(t, driftOf(nil))
}

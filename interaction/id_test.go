package interaction

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestIDsSortByTimeAndKeepIt(t *testing.T) {
	first := newIDAt(time.UnixMilli(1_700_000_000_000))
	second := newIDAt(time.UnixMilli(1_700_000_000_001))
	require.Less(t, string(first), string(second))
	require.Equal(t, int64(1_700_000_000_001), second.Time().UnixMilli())
	require.True(t, ID("6ba7b810-9dad-11d1-80b4-00c04fd430c8").Time().IsZero(), "version 1 has no such time")
}

func TestParseID(t *testing.T) {
	id := NewID()
	tests := []struct {
		name, in string
		ok       bool
	}{
		{"as made", string(id), true},
		{"upper case", "0190E3C5-7B1A-7C3D-8E4F-0123456789AB", true},
		{"empty", "", false},
		{"without hyphens", "0190e3c57b1a7c3d8e4f0123456789ab", false},
		{"not hexadecimal", "0190e3c5-7b1a-7c3d-8e4f-0123456789ag", false},
		{"too long", string(id) + "0", false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := ParseID("id", tt.in)
			require.Equal(t, tt.ok, err == nil)
		})
	}
}

func TestDeriveIsStableAndInTheSameMonth(t *testing.T) {
	id := NewID()
	require.Equal(t, id.Derive("ask-1"), id.Derive("ask-1"))
	require.NotEqual(t, id.Derive("ask-1"), id.Derive("ask-2"))
	require.Equal(t, id.Time(), id.Derive("ask-1").Time())
}

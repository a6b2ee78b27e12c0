package store

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"parley/interaction"
)

func TestReplyAddress(t *testing.T) {
	key, thread := []byte("key"), interaction.NewID()
	address := replyAddress(key, "support@example.test", thread)
	local, _, _ := strings.Cut(address, "@")
	require.LessOrEqual(t, len(local), 64, "RFC 5321 section 4.5.3.1.1")
	tests := []struct {
		name, address string
		want          interaction.ID
	}{
		{"as sent", address, thread},
		{"in capitals", strings.ToUpper(address), thread},
		{"the plain address", "support@example.test", ""},
		{"another tag", "support+news@example.test", ""},
		{"another key", replyAddress([]byte("other"), "support@example.test", thread), ""},
		{"cut", strings.Replace(address, local, local[:len(local)-1], 1), ""},
		{"empty token", "support+r.@example.test", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) { require.Equal(t, tt.want, threadOf(key, tt.address)) })
	}
}

// No change of a single character gives another thread.
func TestReplyAddressCannotBeChanged(t *testing.T) {
	key, thread := []byte("key"), interaction.NewID()
	address := replyAddress(key, "s@example.test", thread)
	rapid.Check(t, func(r *rapid.T) {
		at := rapid.IntRange(len("s+r."), strings.IndexByte(address, '@')-1).Draw(r, "at")
		c := rapid.SampledFrom([]byte("abcdefghijklmnopqrstuvwxyz234567")).Draw(r, "c")
		forged := address[:at] + string(c) + address[at+1:]
		if got := threadOf(key, forged); got != "" && got != thread {
			r.Fatalf("%s joins %s", forged, got)
		}
	})
}

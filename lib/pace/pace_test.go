package pace

import (
	"encoding/binary"
	"net/netip"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestSubscriber(t *testing.T) {
	for address, want := range map[string]string{
		"192.0.2.7": "192.0.2.7", "::ffff:192.0.2.7": "192.0.2.7", "2001:db8:1:2:3:4:5:6": "2001:db8:1:2::", "2001:db8:1:2::9": "2001:db8:1:2::", "fe80::1%eth0": "fe80::",
	} {
		require.Equal(t, want, Subscriber(netip.MustParseAddr(address)).String(), address)
	}
	require.False(t, Subscriber(netip.Addr{}).IsValid(), "who cannot be told counts as one")
}

func TestTake(t *testing.T) {
	now, l := time.Now(), New(0.5, 2)
	one, neighbour, other := netip.MustParseAddr("2001:db8::1"), netip.MustParseAddr("2001:db8::2"), netip.MustParseAddr("192.0.2.7")
	for range 2 {
		require.False(t, l.Spent(one, now))
		_, ok := l.Take(one, now)
		require.True(t, ok)
	}
	require.True(t, l.Spent(neighbour, now), "they are one subscriber")
	wait, ok := l.Take(neighbour, now)
	require.False(t, ok)
	require.Equal(t, 2*time.Second, wait)
	_, ok = l.Take(other, now)
	require.True(t, ok)
	_, ok = l.Take(one, now.Add(wait))
	require.True(t, ok, "after the wait it may")
}

// Who does much is remembered, who has long done nothing is not, and there is a bound to it.
func TestWhatIsRemembered(t *testing.T) {
	now, l := time.Now(), New(1.0/60, 2)
	guest, busy := netip.MustParseAddr("192.0.2.7"), netip.MustParseAddr("192.0.2.8")
	l.Take(guest, now)
	now = now.Add(2 * time.Minute)
	l.Take(busy, now)
	l.Take(busy, now)
	require.Len(t, l.known, 1, "the guest's bucket is full again")
	now = now.Add(61 * time.Second)
	_, _ = l.Take(guest, now)
	require.Len(t, l.known, 2)
	for n := range uint32(maxKnown + 10) {
		var a [4]byte
		binary.BigEndian.PutUint32(a[:], 0x0a000000+n)
		l.Take(netip.AddrFrom4(a), now)
	}
	require.LessOrEqual(t, len(l.known), maxKnown)
}

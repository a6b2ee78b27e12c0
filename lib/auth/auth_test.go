package auth

import (
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestTokensDifferAndAreFoundByTheirHash(t *testing.T) {
	one, hash := NewToken()
	other, _ := NewToken()
	require.NotEqual(t, one, other)
	got, ok := HashToken(one)
	require.True(t, ok)
	require.Equal(t, hash, got)
}

func TestWhatIsNoTokenIsRefused(t *testing.T) {
	token, _ := NewToken()
	tests := map[string]string{
		"empty":           "",
		"prefix only":     "parley_",
		"without prefix":  strings.TrimPrefix(token, "parley_"),
		"cut":             token[:len(token)-1],
		"longer":          token + "A",
		"other alphabet":  token[:len(token)-1] + "+",
		"unused bits set": token[:len(token)-1] + "_",
		"a JWT":           "eyJhbGciOiJub25lIn0.eyJzdWIiOiJhZG1pbiJ9.",
	}
	for name, s := range tests {
		t.Run(name, func(t *testing.T) {
			_, ok := HashToken(s)
			require.False(t, ok)
		})
	}
}

func TestPassword(t *testing.T) {
	encoded := HashPassword("correct horse")
	require.True(t, strings.HasPrefix(encoded, "$argon2id$v=19$m=19456,t=2,p=1$"), encoded)
	require.NotEqual(t, encoded, HashPassword("correct horse"), "the salt is missing")
	for password, want := range map[string]bool{"correct horse": true, "Correct horse": false, "": false, strings.Repeat("x", MaxPassword+1): false} {
		ok, err := CheckPassword(encoded, password)
		require.NoError(t, err)
		require.Equal(t, want, ok, password)
	}
}

func TestAnOlderCostStillChecks(t *testing.T) { // RFC 9106 style encoding with other parameters
	ok, err := CheckPassword("$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc", "password")
	require.NoError(t, err)
	require.True(t, ok)
}

func TestBrokenEncodingsAreErrors(t *testing.T) {
	for _, s := range []string{
		"", "plain", "$argon2i$v=19$m=1,t=1,p=1$AAAA$AAAA", "$argon2id$v=19$m=0,t=1,p=1$AAAA$" + strings.Repeat("A", 43),
		"$argon2id$v=19$m=4294967295,t=1,p=1$AAAA$" + strings.Repeat("A", 43), "$argon2id$v=19$m=64,t=1,p=1$AAAA$AAAA", "$argon2id$v=19$m=64,t=1,p=1$*$*",
	} {
		_, err := CheckPassword(s, "x")
		require.ErrorIs(t, err, ErrEncoding, s)
	}
}

func FuzzCheckPasswordNeverPanics(f *testing.F) {
	f.Add("$argon2id$v=19$m=64,t=1,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc", "password")
	f.Fuzz(func(t *testing.T, encoded, _ string) {
		if _, err := parse(encoded); err != nil {
			require.ErrorIs(t, err, ErrEncoding)
		}
	})
}

func TestTries(t *testing.T) {
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	attacker, owner := netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("198.51.100.7")
	fail := func(tries *Tries, account string, from netip.Addr, n int) (failed int) {
		for range n {
			if _, ok := tries.Begin(account, from, now); ok {
				failed++
			}
		}
		return failed
	}
	t.Run("ten for one address over many accounts", func(t *testing.T) {
		var tries Tries
		for n := range perMinute {
			_, ok := tries.Begin(string(rune('a'+n)), attacker, now)
			require.True(t, ok)
		}
		wait, ok := tries.Begin("z", attacker, now.Add(20*time.Second))
		require.False(t, ok)
		require.Equal(t, 40*time.Second, wait)
		_, ok = tries.Begin("z", owner, now)
		require.True(t, ok, "another address is not disturbed")
		_, ok = tries.Begin("z", attacker, now.Add(time.Minute))
		require.True(t, ok, "a minute later it is over")
	})
	t.Run("ten for one account over many addresses", func(t *testing.T) {
		var tries Tries
		allowed := 0
		for n := range 40 {
			allowed += fail(&tries, "Ada", netip.AddrFrom4([4]byte{10, 0, 0, byte(n)}), 1)
		}
		require.Equal(t, perMinute, allowed)
	})
	t.Run("an attacker does not lock the owner out", func(t *testing.T) {
		var tries Tries
		_, ok := tries.Begin("ada", owner, now)
		require.True(t, ok)
		tries.Succeed("ada", owner, now)
		for n := range 40 {
			fail(&tries, "ada", netip.AddrFrom4([4]byte{10, 0, 0, byte(n)}), 5)
		}
		_, ok = tries.Begin("ada", owner, now)
		require.True(t, ok)
	})
	t.Run("the owner's own address has its limit too", func(t *testing.T) {
		var tries Tries
		tries.Begin("ada", owner, now)
		tries.Succeed("ada", owner, now)
		require.Equal(t, perMinute, fail(&tries, "ada", owner, 30))
	})
	t.Run("what goes well does not count", func(t *testing.T) {
		var tries Tries
		for n := range 100 {
			account := string(rune('A' + n))
			_, ok := tries.Begin(account, attacker, now)
			require.True(t, ok)
			tries.Succeed(account, attacker, now)
		}
	})
	t.Run("one IPv6 customer is one address", func(t *testing.T) {
		var tries Tries
		fail(&tries, "a", netip.MustParseAddr("2001:db8::1"), perMinute)
		_, ok := tries.Begin("b", netip.MustParseAddr("2001:db8::2"), now)
		require.False(t, ok)
	})
	t.Run("old windows are forgotten", func(t *testing.T) {
		var tries Tries
		for n := range 200 {
			fail(&tries, "x", netip.AddrFrom4([4]byte{10, 0, 0, byte(n)}), 1)
		}
		tries.Begin("y", owner, now.Add(2*time.Minute))
		require.Len(t, tries.failures, 2)
	})
}

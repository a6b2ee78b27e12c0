package store_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"parley/interaction"
	"parley/store"
	"parley/store/storetest"
)

func acceptMail(t *testing.T, s *store.Store, subject string) {
	t.Helper()
	_, err := s.Accept(t.Context(), inbound("Subject: "+subject+"\r\n\r\nHello"))
	require.NoError(t, err)
}

// However many intakes look at once, each row is with one of them; who died is followed by another, one row at a time.
func TestARowIsWithOneIntakeAtATime(t *testing.T) {
	s := storetest.New(t, store.Options{})
	for _, subject := range []string{"one", "two", "three"} {
		acceptMail(t, s, subject)
	}
	take := func(want int, attempts int) (ids []string) {
		t.Helper()
		taken, err := s.Take(t.Context(), 10)
		require.NoError(t, err)
		require.Len(t, taken, want)
		for _, in := range taken {
			require.Equal(t, attempts, in.Attempts)
			ids = append(ids, string(in.ID))
		}
		return ids
	}
	all := take(3, 1)
	take(0, 0)                                                              // the others find nothing
	exec(t, s, `update inbound set taken_at = now() - interval '1 minute'`) // its process died
	acceptMail(t, s, "four")
	alone := take(1, 1)
	require.Contains(t, all, alone[0])
	require.NoError(t, s.Try(t.Context(), interaction.ID(alone[0]))) // and the next one died of it
	take(1, 1)
	last := take(1, 1)
	take(1, 1) // then what is new
	take(0, 0)
	require.NoError(t, s.PutBack(t.Context(), interaction.ID(last[0]), 0, true))
	require.Equal(t, last, take(1, 1), "let go of, it is taken at once")
	exec(t, s, `update inbound set taken_at = now() - interval '1 minute' where id = $1`, alone[0])
	require.Equal(t, alone, take(1, 2))
	require.NoError(t, s.PutBack(t.Context(), interaction.ID(alone[0]), 2, true))
	require.Equal(t, alone, take(1, 1), "cleared, it is like a new one")
}

package store_test

import (
	"bytes"
	"crypto/sha256"
	"log/slog"
	"math/rand/v2"
	"net/url"
	"testing"

	"github.com/stretchr/testify/require"

	"parley/interaction"
	"parley/store"
	"parley/store/storetest"
)

// TestNothingIsAcceptedBeforeItIsOnDisk: a kill leaves what the system has in memory, a power cut does not. When Accept answers, the log with all the bytes that it was
// given has been flushed: for a hundred mails in a row, far quicker than the writer that flushes by itself now and then.
func TestNothingIsAcceptedBeforeItIsOnDisk(t *testing.T) {
	s := storetest.New(t, store.Options{})
	random := rand.NewChaCha8([32]byte{1})
	for n := range 100 {
		raw := make([]byte, 64<<10)
		_, err := random.Read(raw)
		require.NoError(t, err)
		var before string
		require.NoError(t, s.Pool().QueryRow(t.Context(), `select pg_current_wal_insert_lsn()::text`).Scan(&before))
		_, err = s.Accept(t.Context(), interaction.Inbound{
			Channel: interaction.Email, Targets: []interaction.Target{{EntryPoint: "support", Address: "support@example.test"}},
			Identity: sha256.Sum256(raw), Raw: bytes.NewReader(raw), Size: int64(len(raw)),
		})
		require.NoError(t, err)
		var flushed int64
		require.NoError(t, s.Pool().QueryRow(t.Context(), `select pg_wal_lsn_diff(pg_current_wal_flush_lsn(), $1::text::pg_lsn)::bigint`, before).Scan(&flushed))
		require.Greater(t, flushed, int64(len(raw)), "mail %d", n)
	}
}

// TestADatabaseThatForgetsIsRefused: and the setting is named.
func TestADatabaseThatForgetsIsRefused(t *testing.T) {
	s := storetest.Empty(t, store.Options{})
	const setting = "synchronous_commit" // fsync and full_page_writes are the server's alone
	for _, value := range []string{"off", "local"} {
		u, err := url.Parse(s.Pool().Config().ConnString())
		require.NoError(t, err)
		q := u.Query()
		q.Set(setting, value)
		u.RawQuery = q.Encode()
		_, err = store.Open(t.Context(), u.String(), store.Options{Log: slog.New(slog.DiscardHandler)})
		require.ErrorContains(t, err, setting+"="+value)
	}
}

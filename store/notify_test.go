package store_test

import (
	"context"
	"log/slog"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"parley/store"
	"parley/store/storetest"
)

// What one process commits rings the parts of another one.
func TestAnotherProcessHearsOfACommit(t *testing.T) {
	here := storetest.New(t, store.Options{Others: store.NewOthers()})
	heard := make(chan struct{}, 16)
	there, err := store.Open(t.Context(), here.Pool().Config().ConnString(), store.Options{
		Log: slog.New(slog.DiscardHandler), Others: store.NewOthers(), Wake: store.Wake{Inbound: func() { heard <- struct{}{} }},
	})
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	t.Cleanup(func() { cancel(); there.Close() })
	go func() { _ = here.TellOthers(ctx) }()
	go func() { _ = there.HearOthers(ctx) }()

	require.Eventually(t, func() bool { // the listener needs a moment to begin: what is said before that is found by polling in the house
		_, err := here.Accept(ctx, inbound("mail "+time.Now().String()))
		require.NoError(t, err)
		select {
		case <-heard:
			return true
		case <-time.After(200 * time.Millisecond):
			return false
		}
	}, 10*time.Second, time.Millisecond)
}

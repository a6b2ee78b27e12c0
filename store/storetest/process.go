package storetest

import (
	"context"
	"log/slog"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"parley/interaction"
	"parley/store"
)

// Process opens another store on the database of s, as another process of the same house does. What it commits to chats is told to its own hub, and, unless
// it is deaf, to those of the others.
func Process(t testing.TB, s *store.Store, deaf bool, chats func([]interaction.ChatAppended), notice func(interaction.ChatNotice)) *store.Store {
	t.Helper()
	opt := store.Options{
		Log: slog.New(slog.DiscardHandler), Renderer: plain{}, Wake: store.Wake{Chats: chats, ChatNotice: notice},
	}
	if !deaf {
		opt.Others = store.NewOthers()
	}
	p, err := store.Open(t.Context(), s.Pool().Config().ConnString(), opt)
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	var running sync.WaitGroup
	if !deaf {
		running.Go(func() { _ = p.TellOthers(ctx) })
		running.Go(func() { _ = p.HearOthers(ctx) })
	}
	t.Cleanup(func() { cancel(); running.Wait(); p.Close() })
	return p
}

// Bare is New for tests that do not know the store's own package.
func Bare(t testing.TB) *store.Store {
	t.Helper()
	return New(t, store.Options{})
}

package storetest

import (
	"testing"

	"parley/store"
)

// Waking is New for tests that do not know the store's own package: events is called whenever there are new events.
func Waking(t testing.TB, events func()) *store.Store {
	t.Helper()
	return New(t, store.Options{Wake: store.Wake{Events: events}})
}

// Once is the store's WithRequest for such tests.
var Once = store.WithRequest

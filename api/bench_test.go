package api

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"parley/interaction"
	"parley/lib/auth"
)

// What a call with a token costs beside what it does: guard, schema, problem and log.
func BenchmarkCallWithToken(b *testing.B) {
	f := accepting()
	f.list = func(interaction.InteractionFilter, interaction.Page) (interaction.Listed[interaction.Interaction], error) {
		return interaction.Listed[interaction.Interaction]{}, nil
	}
	handler := New(Deps{Store: f, RatePerSecond: 1e9, Burst: 1e9})
	token, _ := auth.NewToken()
	for b.Loop() {
		w := httptest.NewRecorder()
		r := httptest.NewRequest(http.MethodGet, "/v1/interactions?state=waiting", nil)
		r.Header.Set("Authorization", "Bearer "+token)
		handler.ServeHTTP(w, r)
		if w.Code != http.StatusOK {
			b.Fatal(w.Body)
		}
	}
}

package api

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"parley/interaction"
	"parley/lib/auth"
)

func TestSignInAndOut(t *testing.T) {
	h := newHouse(t)
	h.setPassword("ann", "open sesame")
	wrong := h.do("", post, "/v1/session", `{"login":"ann","password":"open barley"}`)
	require.Equal(t, 401, wrong.status, wrong)
	nobody := h.do("", post, "/v1/session", `{"login":"nobody","password":"open barley"}`)
	require.Equal(t, wrong.str("code"), nobody.str("code"), "who exists is not told")
	require.Equal(t, 401, h.do("", post, "/v1/session", `{"login":"ben","password":"open sesame"}`).status, "ben has no password")

	in := h.do("", post, "/v1/session", `{"login":"ann","password":"open sesame"}`)
	require.Equal(t, 201, in.status, in)
	token := in.str("token")
	require.True(t, strings.HasPrefix(token, "parley_"))
	require.NotEmpty(t, in.str("expires_at"))
	me := request(t, h.http.URL, token, get, "/v1/agents/me", "")
	require.Equal(t, "ann", me.str("login"))

	require.Equal(t, 204, request(t, h.http.URL, token, del, "/v1/session", "").status)
	require.Equal(t, 401, request(t, h.http.URL, token, get, "/v1/agents/me", "").status)
	require.Equal(t, 200, h.do("ann", get, "/v1/agents/me", "").status, "his other tokens stay")
}

func TestANewPasswordEndsOtherSessions(t *testing.T) {
	h := newHouse(t)
	h.setPassword("ann", "open sesame")
	signIn := func(password string) answered {
		return h.do("", post, "/v1/session", `{"login":"ann","password":"`+password+`"}`)
	}
	mine, other := signIn("open sesame").str("token"), signIn("open sesame").str("token")
	bad := request(t, h.http.URL, mine, put, "/v1/agents/me/password", `{"current":"open barley","new":"open wheat"}`)
	require.Equal(t, 403, bad.status, bad)
	require.Equal(t, 422, request(t, h.http.URL, mine, put, "/v1/agents/me/password", `{"current":"open sesame","new":"short"}`).status)
	require.Equal(t, 204, request(t, h.http.URL, mine, put, "/v1/agents/me/password", `{"current":"open sesame","new":"open wheat"}`).status)
	require.Equal(t, 401, request(t, h.http.URL, other, get, "/v1/agents/me", "").status)
	require.Equal(t, 200, request(t, h.http.URL, mine, get, "/v1/agents/me", "").status)
	require.Equal(t, 401, signIn("open sesame").status)
	require.Equal(t, 201, signIn("open wheat").status)
}

func TestADisabledAgentIsOut(t *testing.T) {
	h := newHouse(t)
	ctx := t.Context()
	l := h.listen(h.tokens["ann"], "")
	require.NoError(t, h.store.SetEnabled(ctx, h.people["root"], h.people["ann"].Agent, false))
	for range l.ch { // ends by itself
	}
	require.Eventually(t, func() bool { return h.do("ann", get, "/v1/agents/me", "").status == 401 }, time.Second, 20*time.Millisecond)
	err := h.store.SetEnabled(ctx, h.people["root"], h.people["root"].Agent, false)
	require.Equal(t, interaction.KindConflict, interaction.KindOf(err))
}

func TestFailingSignInsAreCounted(t *testing.T) { // M6
	encoded := auth.HashPassword("open sesame")
	f := &fake{login: func(login string) (interaction.ID, string, error) {
		if login == "ann" {
			return fakeAgent, encoded, nil
		}
		return "", "", interaction.Unknown("login")
	}}
	handler := New(Deps{Store: f})
	try := func(from, login, password string) int {
		w := httptest.NewRecorder()
		r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/v1/session",
			strings.NewReader(`{"login":"`+login+`","password":"`+password+`"}`))
		r.Header.Set("Content-Type", "application/json")
		r.Header.Set("X-Forwarded-For", "203.0.113.9") // not believed
		r.RemoteAddr = from + ":1234"
		handler.ServeHTTP(w, r)
		if w.Code == http.StatusTooManyRequests {
			require.NotEmpty(t, w.Header().Get("Retry-After"))
		}
		return w.Code
	}
	require.Equal(t, 201, try("198.51.100.7", "ann", "open sesame"))
	for range 10 {
		require.Equal(t, 401, try("192.0.2.1", "ann", "wrong"))
	}
	require.Equal(t, 429, try("192.0.2.1", "ann", "open sesame"), "even the right one: the address has had its tries")
	require.Equal(t, 429, try("192.0.2.2", "ann", "wrong"), "the account has had its tries from strangers")
	require.Equal(t, 201, try("198.51.100.7", "ann", "open sesame"), "its owner is not locked out")
	require.Equal(t, 401, try("192.0.2.3", "ben", "wrong"), "nor is anybody else")
}

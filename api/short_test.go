package api

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestATextIsMeasured(t *testing.T) {
	h := newHouse(t)
	got := h.do("ann", post, "/v1/texts/measure", `{"text":"Grüße 😀"}`)
	require.Equal(t, 200, got.status)
	require.Equal(t, map[string]any{"alphabet": "ucs2", "segments": 1.0, "characters": 7.0, "units": 8.0, "left": 62.0}, without(got.body, "$schema"))
}

func without(body map[string]any, key string) map[string]any {
	delete(body, key)
	return body
}

// TestTheRegisterOfConsent: any spelling of a number is the same one, anybody writes an opt-out down, a supervisor takes it back.
func TestTheRegisterOfConsent(t *testing.T) {
	h := newHouse(t)
	const spelled, plain = "/v1/consents/sms/%2B49%20170%201234567", "/v1/consents/sms/+491701234567"
	require.Equal(t, false, h.do("ann", get, plain, "").body["out"])
	put1 := h.do("ann", put, spelled, `{"out":true,"word":"no more, please"}`)
	require.Equal(t, 200, put1.status)
	require.Equal(t, "+491701234567", put1.body["address"])
	require.Equal(t, true, h.do("ann", get, plain, "").body["out"])
	require.Equal(t, 403, h.do("ann", put, plain, `{"out":false}`).status)
	require.Equal(t, 200, h.do("vic", put, plain, `{"out":false}`).status)
	require.Equal(t, false, h.do("ann", get, plain, "").body["out"])
	require.Equal(t, 404, h.do("ann", get, "/v1/consents/fax/1", "").status)
}

package imap

import (
	"io"
	"net/http"
	"net/url"
	"testing"

	"github.com/stretchr/testify/require"

	"parley/lib/safehttp"
)

func TestTokens(t *testing.T) {
	s := Settings{TokenURL: "https://login.example.org/token", ClientID: "parley", Scope: "mail"}
	var asked []url.Values
	answer := safehttp.Answer{Status: 200, Body: []byte(`{"access_token":"a1","expires_in":3600,"refresh_token":"r2"}`)}
	do := func(r *http.Request) (safehttp.Answer, error) {
		body, _ := io.ReadAll(r.Body)
		form, err := url.ParseQuery(string(body))
		require.NoError(t, err)
		asked = append(asked, form)
		return answer, nil
	}
	get := Tokens(s, "r1", do)
	for range 3 {
		token, err := get(t.Context())
		require.NoError(t, err)
		require.Equal(t, "a1", token)
	}
	require.Len(t, asked, 1, "it is kept for as long as it lasts")
	require.Equal(t, url.Values{"grant_type": {"refresh_token"}, "refresh_token": {"r1"}, "client_id": {"parley"}, "scope": {"mail"}}, asked[0])

	answer.Body = []byte(`{"access_token":"a2","expires_in":0}`)
	get = Tokens(s, `{"client_secret":"c"}`, do)
	for range 2 {
		_, err := get(t.Context())
		require.NoError(t, err)
	}
	require.Len(t, asked, 3, "one that does not last is fetched anew")
	require.Equal(t, "client_credentials", asked[2].Get("grant_type"))
	require.Equal(t, "c", asked[2].Get("client_secret"))

	answer = safehttp.Answer{Status: 400, Body: []byte(`{"error":"invalid_grant","error_description":"anna@example.org"}`)}
	_, err := Tokens(s, "r1", do)(t.Context())
	require.ErrorIs(t, err, errRefused)
	require.NotContains(t, err.Error(), "anna")
	answer = safehttp.Answer{Status: 502, Body: []byte(`<html>`)}
	_, err = Tokens(s, "r1", do)(t.Context())
	require.ErrorContains(t, err, "502")
	require.Nil(t, Tokens(Settings{}, "x", do))
}

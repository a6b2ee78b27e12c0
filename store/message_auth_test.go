package store_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"parley/interaction"
)

// What the checks of a sender said stands at his message, and nothing at one that was not checked.
func TestAuthIsKeptWithItsMessage(t *testing.T) {
	s := channels(t)
	checked := from("email", "ann@client.test")
	checked.Message.Auth = map[string]string{"spf": "pass", "dmarc": "fail"}
	id, number := arriveBy(t, s, "support", interaction.Email, checked)
	m, err := s.Message(t.Context(), id, number)
	require.NoError(t, err)
	require.Equal(t, checked.Message.Auth, m.Auth)
	id, number = arriveBy(t, s, "support", interaction.Email, from("email", "bob@client.test"))
	m, err = s.Message(t.Context(), id, number)
	require.NoError(t, err)
	require.Empty(t, m.Auth)
}

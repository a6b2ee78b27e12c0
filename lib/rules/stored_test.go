package rules

import (
	"testing"

	"github.com/stretchr/testify/require"

	"parley/interaction"
)

// What the checks of a mail's sender said is a field of rules; what somebody attached under that name counts more.
func TestAuthIsAField(t *testing.T) {
	m := interaction.Material{Message: interaction.Message{Auth: map[string]string{"spf": "fail", "dmarc": "pass"}}, Data: map[string]string{"auth.spf": "pass", "other": "x"}}
	in := InputOf(m, "en")
	require.Equal(t, map[string]string{"spf": "pass", "dmarc": "pass"}, in.Auth)
}

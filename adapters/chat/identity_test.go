package chat

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"parley/interaction"
)

// Only a page that has the entry point's secret says who somebody is; everybody else claims it.
func TestIdentitiesAreClaimsUntilProven(t *testing.T) {
	h := newHouse(t)
	var opened interaction.NewChat
	watch := func(s interaction.ChatStore) interaction.ChatStore { return opens{s, &opened} }
	p := h.process(true, Options{Secret: func(place string) (string, error) {
		if place != "env:PARLEY_LINK_SHOP" {
			return "", errors.New("there is no such secret")
		}
		return "the shop's secret", nil
	}}, watch)
	h.exec(`update entry_points set chat = '{"identity_secret": "env:PARLEY_LINK_SHOP"}' where name = 'web'`)
	id := identity{Kind: "email", Value: "Kim@customer.test"}
	right := hex.EncodeToString(identityProof("the shop's secret", id))
	kim := []interaction.Attribute{{Kind: "email", Value: "kim@customer.test"}}
	tests := []struct {
		name, proof, value, kind string
		status                   int
		proven, claimed          []interaction.Attribute
	}{
		{"without a proof", "", "Kim@customer.test", "email", 201, nil, kim},
		{"with the right one", right, "Kim@customer.test", "email", 201, kim, nil},
		{"of somebody else", right, "ann@customer.test", "email", 403, nil, nil},
		{"of another kind", right, "491701234567", "phone", 403, nil, nil},
		{"no hex", "zz", "Kim@customer.test", "email", 403, nil, nil},
		{"signed with nothing", hex.EncodeToString(identityProof("", id)), "Kim@customer.test", "email", 403, nil, nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			opened = interaction.NewChat{}
			status, out := p.request("POST", "/in/web/sessions", fmt.Sprintf(`{"identities":[{"kind":%q,"value":%q,"proof":%q}]}`, tt.kind, tt.value, tt.proof))
			require.Equal(t, tt.status, status, out)
			if status == 403 {
				require.Equal(t, "bad_proof", out["code"])
			}
			require.Equal(t, tt.proven, opened.Identities)
			require.Equal(t, tt.claimed, opened.Claims)
		})
	}
}

// opens remembers how the last session was opened.
type opens struct {
	interaction.ChatStore
	last *interaction.NewChat
}

func (o opens) OpenChat(ctx context.Context, c interaction.NewChat) (interaction.ChatTicket, error) {
	*o.last = c
	return o.ChatStore.OpenChat(ctx, c)
}

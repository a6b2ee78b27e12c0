package chat

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"strings"

	"parley/interaction"
)

// check gives the identity in the form that it is compared in.
func (i identity) check() (interaction.Attribute, error) {
	said := interaction.Attribute{Kind: i.Kind, Value: i.Value}
	switch i.Kind {
	case "email":
		address, err := mailAddress(i.Value)
		if err != nil || address == "" {
			return said, interaction.Invalid("bad_value", "identities", "holds what is not a mail address")
		}
		said.Value = strings.ToLower(address)
	case "phone":
		if len(i.Value) < 6 || len(i.Value) > 16 || strings.Trim(strings.TrimPrefix(i.Value, "+"), "0123456789") != "" {
			return said, interaction.Invalid("bad_value", "identities", "holds what is not a phone number of digits")
		}
	default:
		return said, interaction.Invalid("bad_value", "identities", "are of kind email or phone")
	}
	return said, nil
}

// prove makes identities of the claims whose proof is right. A page whose server knows who is signed in proves it by the entry point's secret; anybody can claim to be
// anybody. A wrong proof opens nothing.
func (a *Adapter) prove(wish *interaction.NewChat, list []identity, settings interaction.ChatSettings) error {
	var key string
	claims := wish.Claims
	wish.Claims = nil
	for n, id := range list {
		if id.Proof == "" {
			wish.Claims = append(wish.Claims, claims[n])
			continue
		}
		if key == "" && settings.IdentityKey != "" && a.opts.Secret != nil {
			var err error
			if key, err = a.opts.Secret(settings.IdentityKey); err != nil {
				return interaction.Unavailable("no_secret", err)
			}
		}
		proof, err := hex.DecodeString(id.Proof)
		if key == "" || err != nil || !hmac.Equal(proof, identityProof(key, id)) {
			return interaction.Forbidden("bad_proof", "the proof of an identity is not right")
		}
		wish.Identities = append(wish.Identities, claims[n])
	}
	return nil
}

// identityProof signs an identity as it was sent.
func identityProof(key string, i identity) []byte {
	mac := hmac.New(sha256.New, []byte(key))
	mac.Write([]byte("parley chat identity 1\n" + i.Kind + "\n" + i.Value))
	return mac.Sum(nil)
}

package store

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"strings"

	"parley/interaction"
)

// Links that customers get carry a token that is the right to what they lead to: the interaction's id and a signature under the house's key, for one
// purpose. It follows from the key and need not be kept.

// linkSignature is how many bytes of the HMAC a link carries.
const linkSignature = 16

// linkToken makes the token of a link.
func linkToken(key []byte, purpose string, id interaction.ID) string {
	raw, err := hex.DecodeString(strings.ReplaceAll(string(id), "-", ""))
	if err != nil {
		return ""
	}
	return tokenEncoding.EncodeToString(append(raw, signLink(key, purpose, raw)...))
}

// linkOf gives the interaction that a token was made for, or nothing.
func linkOf(key []byte, purpose, token string) interaction.ID {
	raw, err := tokenEncoding.DecodeString(strings.ToLower(token))
	if err != nil || len(raw) != 16+linkSignature || !hmac.Equal(raw[16:], signLink(key, purpose, raw[:16])) {
		return ""
	}
	h := hex.EncodeToString(raw[:16])
	return interaction.ID(h[:8] + "-" + h[8:12] + "-" + h[12:16] + "-" + h[16:20] + "-" + h[20:])
}

func signLink(key []byte, purpose string, id []byte) []byte {
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte(purpose))
	mac.Write(id)
	return mac.Sum(nil)[:linkSignature]
}

// Package auth makes and checks what people prove themselves with: opaque
// tokens, of which only a SHA-256 is kept, and passwords, kept as argon2id.
//
// It knows nothing of where they are kept or what they allow.
package auth

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"strings"
)

// prefix marks a token as ours, so that scanners for leaked secrets can find it.
const prefix = "parley_"

const tokenBytes = 32

// Hash is what is kept of a token. A token has 256 random bits, so a plain hash cannot be turned back.
type Hash = [sha256.Size]byte

// NewToken makes a token of 32 bytes of the operating system's randomness, and its hash. The token is shown once and never kept.
func NewToken() (token string, hash Hash) {
	var b [tokenBytes]byte
	rand.Read(b[:]) // never fails since Go 1.24: the process ends instead
	token = prefix + base64.RawURLEncoding.EncodeToString(b[:])
	return token, sha256.Sum256([]byte(token))
}

// HashToken gives the hash under which a token is kept, or false for what cannot be one of ours. A
// token is found by its hash, so no comparison's time tells anything about it.
func HashToken(token string) (Hash, bool) {
	body, ours := strings.CutPrefix(token, prefix)
	if !ours || len(body) != base64.RawURLEncoding.EncodedLen(tokenBytes) {
		return Hash{}, false
	}
	if _, err := base64.RawURLEncoding.Strict().DecodeString(body); err != nil {
		return Hash{}, false
	}
	return sha256.Sum256([]byte(token)), true
}

package callback

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"time"

	"parley/interaction"
)

// A form's token is a nonce, the second it was made in, and a signature of both under the house's key for the entry point. The nonce is the key of the
// callback that is booked with it, so a token books one.

const (
	nonceBytes     = 12
	stampBytes     = 8
	signatureBytes = 16
	tokenBytes     = nonceBytes + stampBytes + signatureBytes

	// tokenLife is how long a form may lie open.
	tokenLife = 4 * time.Hour
	// tokenSlack is by how much clocks of processes may differ.
	tokenSlack = time.Minute
)

// makeToken makes the token of a form.
func makeToken(key []byte, entryPoint string, now time.Time) string {
	raw := make([]byte, nonceBytes, tokenBytes)
	rand.Read(raw) // never fails since Go 1.24
	raw = binary.BigEndian.AppendUint64(raw, uint64(now.Unix()))
	return base64.RawURLEncoding.EncodeToString(append(raw, signToken(key, entryPoint, raw)...))
}

// readToken proves a token and gives its nonce.
func readToken(key []byte, entryPoint, token string, now time.Time) (nonce string, err error) {
	raw, err := base64.RawURLEncoding.DecodeString(token)
	if err != nil || len(raw) != tokenBytes || !hmac.Equal(raw[nonceBytes+stampBytes:], signToken(key, entryPoint, raw[:nonceBytes+stampBytes])) {
		return "", interaction.Forbidden("bad_token", "the form's token is missing or wrong; load the form again")
	}
	made := time.Unix(int64(binary.BigEndian.Uint64(raw[nonceBytes:])), 0) //nolint:gosec // signed by us
	if age := now.Sub(made); age > tokenLife || age < -tokenSlack {
		return "", interaction.Forbidden("old_token", "the form lay open for too long; load it again")
	}
	return base64.RawURLEncoding.EncodeToString(raw[:nonceBytes]), nil
}

func signToken(key []byte, entryPoint string, raw []byte) []byte {
	mac := hmac.New(sha256.New, key)
	mac.Write(raw)
	mac.Write([]byte(entryPoint))
	return mac.Sum(nil)[:signatureBytes]
}

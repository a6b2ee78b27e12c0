package store

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base32"
	"encoding/hex"
	"strings"

	"parley/interaction"
)

// A reply address carries the thread it belongs to: local+r.TOKEN@domain. The token is the thread's id and a signature under a key that only
// this house has, so that a mail whose client dropped all references still finds its thread, and nobody can make one up. Joining still
// asks for a known sender (mission E6).

// replyMark stands between the entry point's own local part and the token.
const replyMark = "+r."

// signatureBytes of the HMAC are kept: 2^80 tries to forge one.
const signatureBytes = 10

var tokenEncoding = base32.NewEncoding("abcdefghijklmnopqrstuvwxyz234567").WithPadding(base32.NoPadding)

// replyAddress puts the thread's token into an entry point's address.
func replyAddress(key []byte, address string, thread interaction.ID) string {
	local, domain, ok := strings.Cut(address, "@")
	id, err := hex.DecodeString(strings.ReplaceAll(string(thread), "-", ""))
	if !ok || err != nil {
		return address
	}
	return local + replyMark + tokenEncoding.EncodeToString(append(id, sign(key, id)...)) + "@" + domain
}

// threadOf gives the thread of a reply address, or nothing for any other address and for a forged one.
func threadOf(key []byte, address string) interaction.ID {
	local, _, _ := strings.Cut(address, "@")
	_, token, ok := strings.Cut(strings.ToLower(local), replyMark)
	if !ok {
		return ""
	}
	raw, err := tokenEncoding.DecodeString(token)
	if err != nil || len(raw) != 16+signatureBytes || !hmac.Equal(raw[16:], sign(key, raw[:16])) {
		return ""
	}
	h := hex.EncodeToString(raw[:16])
	return interaction.ID(h[:8] + "-" + h[8:12] + "-" + h[12:16] + "-" + h[16:20] + "-" + h[20:])
}

func sign(key, id []byte) []byte {
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte("reply address 1 "))
	mac.Write(id)
	return mac.Sum(nil)[:signatureBytes]
}

// replyKey gives the key of this house; the first process makes it.
func (s *Store) replyKey(ctx context.Context) ([]byte, error) {
	s.keyLock.Lock()
	defer s.keyLock.Unlock()
	if s.key != nil {
		return s.key, nil
	}
	fresh := make([]byte, 32)
	rand.Read(fresh) // never fails since Go 1.24
	var kept string
	err := s.pool.QueryRow(ctx, `with put as (insert into settings (name, value) values ('reply_key', to_jsonb($1::text)) on conflict do nothing returning value)
		select value #>> '{}' from put union all select value #>> '{}' from settings where name = 'reply_key' limit 1`, hex.EncodeToString(fresh)).Scan(&kept)
	if err != nil {
		return nil, translate(err)
	}
	key, err := hex.DecodeString(kept)
	if err != nil {
		return nil, err
	}
	s.key = key
	return key, nil
}

package auth

import (
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"

	"golang.org/x/crypto/argon2"
)

// The costs of argon2id for new passwords: the minimum of the OWASP Password Storage Cheat Sheet, 19 MiB and two passes.
const (
	memory  = 19 << 10 // KiB
	passes  = 2
	threads = 1
	saltLen = 16
	keyLen  = 32
)

// Lengths that a password may have, in bytes. The upper one bounds what a stranger makes us hash.
const (
	MinPassword = 8
	MaxPassword = 256
)

// ErrEncoding says that a kept password is not in the form that HashPassword gives.
var ErrEncoding = errors.New("the kept password is not an argon2id encoding")

// HashPassword derives what is kept of a password: costs, salt and key in the form
// $argon2id$v=19$m=…,t=…,p=…$salt$key, so that costs can rise later without breaking old ones.
func HashPassword(password string) string {
	salt := make([]byte, saltLen)
	rand.Read(salt)
	key := argon2.IDKey([]byte(password), salt, passes, memory, threads, keyLen)
	return fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d$%s$%s", argon2.Version, memory, passes, threads,
		base64.RawStdEncoding.EncodeToString(salt), base64.RawStdEncoding.EncodeToString(key))
}

// CheckPassword reports whether the password is the one that was encoded. The comparison takes the same time wherever the two differ.
func CheckPassword(encoded, password string) (bool, error) {
	if len(password) > MaxPassword {
		return false, nil
	}
	p, err := parse(encoded)
	if err != nil {
		return false, err
	}
	key := argon2.IDKey([]byte(password), p.salt, p.passes, p.memory, p.threads, uint32(len(p.key)))
	return subtle.ConstantTimeCompare(key, p.key) == 1, nil
}

// nobody is the encoding of a password that nobody has.
var nobody = HashPassword(rand.Text())

// CheckNobody takes the time of CheckPassword and finds nothing, so that a stranger cannot tell by the clock which logins exist.
func CheckNobody(password string) {
	_, _ = CheckPassword(nobody, password)
}

type encodedPassword struct {
	memory, passes uint32
	threads        uint8
	salt, key      []byte
}

// parse reads an encoding; costs far beyond ours are refused, since a check would then cost as much.
func parse(encoded string) (p encodedPassword, err error) {
	parts := strings.Split(encoded, "$")
	if len(parts) != 6 || parts[0] != "" || parts[1] != "argon2id" || parts[2] != fmt.Sprintf("v=%d", argon2.Version) {
		return p, ErrEncoding
	}
	if _, err := fmt.Sscanf(parts[3], "m=%d,t=%d,p=%d", &p.memory, &p.passes, &p.threads); err != nil {
		return p, ErrEncoding
	}
	if p.memory == 0 || p.memory > 1<<20 || p.passes == 0 || p.passes > 32 || p.threads == 0 {
		return p, ErrEncoding
	}
	if p.salt, err = base64.RawStdEncoding.DecodeString(parts[4]); err != nil {
		return p, ErrEncoding
	}
	if p.key, err = base64.RawStdEncoding.DecodeString(parts[5]); err != nil || len(p.key) < 16 || len(p.key) > 64 {
		return p, ErrEncoding
	}
	return p, nil
}

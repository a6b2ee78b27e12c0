package interaction

import "crypto/sha256"

// sha hashes the parts with a zero byte behind each, so that ("ab","c") and ("a","bc") differ.
func sha(parts ...string) [32]byte {
	h := sha256.New()
	for _, p := range parts {
		h.Write([]byte(p))
		h.Write([]byte{0})
	}
	return [32]byte(h.Sum(nil))
}

// SourceKey names one inbound thing for good: the entry point and what the
// source itself calls identity (a mail's content with CRLF line ends, a provider's id, a client's id).
// The same key accepted twice is one interaction.
func SourceKey(entryPoint string, identity [32]byte) [32]byte {
	return sha(entryPoint, string(identity[:]))
}

// Identity hashes a source's own id, where it has one, for SourceKey.
func Identity(id string) [32]byte { return sha(id) }

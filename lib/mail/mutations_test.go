package mail

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"testing"

	"github.com/stretchr/testify/require"
)

// mutate damages a mail as transports, programs and people with bad intentions do.
func mutate(raw []byte, r *rand.Rand) (how string, out []byte) {
	out = bytes.Clone(raw)
	at := func() int { return r.IntN(len(out)) }
	switch r.IntN(12) {
	case 0:
		return "cut off", out[:at()]
	case 1:
		for range 1 + len(out)/200 {
			out[at()] = byte(r.IntN(256))
		}
		return "bytes changed", out
	case 2:
		return "beginning lost", out[at():]
	case 3:
		return "line feeds lost", bytes.ReplaceAll(out, []byte("\n"), nil)
	case 4:
		return "bare CR", bytes.ReplaceAll(bytes.ReplaceAll(out, []byte("\r\n"), []byte("\r")), []byte("\n"), []byte("\r"))
	case 5:
		i := at()
		return "NUL bytes", append(append(out[:i:i], make([]byte, 50)...), raw[i:]...)
	case 6:
		return "twice", append(out, raw...)
	case 7:
		return "delimiters lost", bytes.ReplaceAll(out, []byte("\n--"), []byte("\n-"))
	case 8:
		return "8-bit", flip(out)
	case 9:
		return "inside a message", append([]byte("Subject: fwd\r\nContent-Type: message/rfc822\r\n\r\n"), out...)
	case 10:
		return "wrong encoding", append([]byte("Content-Transfer-Encoding: base64\r\nContent-Type: text/html; charset=utf-16\r\n"), out...)
	default:
		i, j := at(), at()
		return "pieces swapped", bytes.Join([][]byte{raw[max(i, j):], raw[min(i, j):max(i, j)], raw[:min(i, j)]}, nil)
	}
}

// TestMutations: §B6. Whatever happens to a mail, there is a text, or it says that there is none, and nothing panics.
func TestMutations(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2026))
	files := mailFiles(t)
	how := map[string]int{}
	for n := range 200 {
		raw, err := os.ReadFile(files[r.IntN(len(files))])
		require.NoError(t, err)
		if len(raw) == 0 || len(raw) > 1<<20 {
			continue
		}
		name, mutated := mutate(raw, r)
		how[name]++
		m := Parse(mutated)
		checkWhole(t, fmt.Sprintf("mutation %d (%s)", n, name), mutated, m)
		m.Machine(false)
		CleanHTML(m.HTML)
		for _, p := range m.Problems {
			require.NotContains(t, p, "gave up")
		}
	}
	t.Log(how)
}

// flip sets the eighth bit of every letter.
func flip(b []byte) []byte {
	for i, c := range b {
		if c >= 'a' && c <= 'z' {
			b[i] = c | 0x80
		}
	}
	return b
}

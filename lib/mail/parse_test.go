package mail

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"parley/interaction"
)

// mailOf joins lines with CRLF.
func mailOf(lines ...string) []byte { return []byte(strings.Join(lines, "\r\n")) }

func TestHeaders(t *testing.T) {
	m := Parse(mailOf(
		"From: =?iso-8859-1?Q?J=F6rg?= <joerg@example.org>", `To: "Doe, Jane" <jane@example.org>, =?utf-8?q?a=2Cb?= <c@example.org>,`, " group: x@example.org, y@example.org;",
		"Subject: =?utf-8?B?R3LDvMOf?= =?utf-8?B?ZQ==?=", "Message-ID: <1@example.org>", "In-Reply-To: <0@example.org> (of yesterday)",
		"References: <a@example.org>", "\t<b@example.org>", "Date: Sun, 1 Mar 2026 10:00:00 +0100 (CET)", "", "Hello", ""))
	require.Equal(t, []interaction.Address{{Name: "Jörg", Address: "joerg@example.org"}}, m.From)
	require.True(t, m.SenderVerified)
	require.Equal(t, []interaction.Address{
		{Name: "Doe, Jane", Address: "jane@example.org"}, {Name: "a,b", Address: "c@example.org"}, {Address: "x@example.org"}, {Address: "y@example.org"},
	}, m.To)
	require.Equal(t, "Grüße", m.Subject)
	require.Equal(t, []string{"0@example.org"}, m.InReplyTo)
	require.Equal(t, []string{"a@example.org", "b@example.org"}, m.References)
	require.Equal(t, "2026-03-01T09:00:00Z", m.Date.UTC().Format(time.RFC3339))
	require.Equal(t, "Hello\n", m.Text)
	require.Empty(t, m.Problems)
}

// TestOddMail: bad input is kept and shown (the E- numbers are those of the list of bad inputs).
func TestOddMail(t *testing.T) {
	for name, c := range map[string]struct {
		raw     []byte
		text    string
		from    TextFrom
		problem string
		check   func(*testing.T, *Message)
	}{
		"empty":                 {raw: nil, from: TextNone},
		"E-07 nothing but text": {raw: mailOf("just some words"), text: "just some words", from: TextPlain},
		"E-07 no body":          {raw: mailOf("From: a@b.test", "Subject: x"), from: TextNone},
		"mbox line":             {raw: mailOf("From a@b Mon Jan 1 00:00:00 2026", "From: a@b.test", "", "x"), text: "x", from: TextPlain, problem: "mailbox separator"},
		"blank lines first":     {raw: mailOf("", "", "From: a@b.test", "", "x"), text: "x", from: TextPlain, problem: "blank lines"},
		"indented first line":   {raw: mailOf("  From: a@b.test", "", "x"), text: "x", from: TextPlain, problem: "indented"},
		"bad top line":          {raw: mailOf("garbage without colon", "From: a@b.test", "", "x"), text: "x", from: TextPlain},
		"bare CR":               {raw: []byte("From: a@b.test\rSubject: s\r\rx\ry"), text: "x\ny", from: TextPlain},
		"E-08 two From":         {raw: mailOf("From: a@b.test", "From: c@d.test", "", "x"), text: "x", from: TextPlain, problem: "cannot be trusted"},
		"E-08 three addresses":  {raw: mailOf("From: a@b.test, c@d.test, e@f.test", "", "x"), text: "x", from: TextPlain, problem: "cannot be trusted"},
		"E-08 comma missing":    {raw: mailOf("From: Ann <a@b.test> Eve <e@f.test>", "", "x"), text: "x", from: TextPlain, problem: "cannot be trusted", check: func(t *testing.T, m *Message) { require.Len(t, m.From, 2) }},
		"a name alone": {raw: mailOf("From: Mail Delivery System <>", "To: undisclosed-recipients:;", "Cc: postmaster, a@b.test", "", "x"), text: "x", from: TextPlain, problem: "cannot be trusted", check: func(t *testing.T, m *Message) {
			require.Empty(t, m.From)
			require.Equal(t, []interaction.Address{{Name: "Mail Delivery System"}}, m.Written("From"))
			require.Empty(t, m.Written("To"))
			require.Equal(t, []interaction.Address{{Address: "a@b.test"}}, m.Cc)
			require.Equal(t, []interaction.Address{{Name: "postmaster"}, {Address: "a@b.test"}}, m.Written("Cc"))
		}},
		"E-10 unknown charset":   {raw: mailOf("Content-Type: text/plain; charset=klingon", "", "caf\xe9"), text: "café", from: TextPlain, problem: "unknown charset"},
		"E-10 charset with NUL":  {raw: mailOf("Content-Type: text/plain; charset=\"utf-8\x00\"", "", "é"), text: "é", from: TextPlain},
		"E-10 half a sequence":   {raw: mailOf("Content-Type: text/plain; charset=iso-2022-jp", "", "\x1b$B$"), text: "\uFFFD", from: TextPlain},
		"E-11 NUL":               {raw: mailOf("From: a@b.test", "Subject: a\x00b", "", "x\x00y"), text: "x\uFFFDy", from: TextPlain},
		"E-14 bad base64":        {raw: mailOf("Content-Transfer-Encoding: base64", "", "aGVsbG8"), text: "hello", from: TextPlain, problem: "damaged"},
		"base64 and a footer":    {raw: mailOf("Content-Transfer-Encoding: base64", "", "aGVsbG8=", "_______ list footer"), text: "hello", from: TextPlain, problem: "damaged"},
		"never was base64":       {raw: mailOf("Content-Transfer-Encoding: base64", "", "Hello, you there!"), text: "Hello, you there!", from: TextPlain, problem: "damaged"},
		"E-14 bad quoted":        {raw: mailOf("Content-Transfer-Encoding: quoted-printable", "", "a=ZZ=41=", "b"), text: "a=ZZAb", from: TextPlain, problem: "damaged"},
		"no boundary":            {raw: mailOf("Content-Type: multipart/mixed", "", "words"), text: "words", from: TextRaw, problem: "kept raw"},
		"boundary of 100 kB":     {raw: mailOf("Content-Type: multipart/mixed; boundary="+strings.Repeat("x", 100<<10), "", "--y", "words"), text: "--y\nwords", from: TextRaw, problem: "kept raw"},
		"cut off":                {raw: mailOf("Content-Type: multipart/mixed; boundary=b", "", "--b", "", "words"), text: "words", from: TextPlain},
		"same boundary inside":   {raw: mailOf("Content-Type: multipart/mixed; boundary=b", "", "--b", "Content-Type: multipart/mixed; boundary=b", "", "--b", "", "one", "--b--", "--b", "", "two", "--b--"), text: "one\ntwo", from: TextPlain},
		"outer ends the inner":   {raw: mailOf("Content-Type: multipart/mixed; boundary=b", "", "--b", "Content-Type: multipart/mixed; boundary=c", "", "--c", "", "one", "--b", "", "two", "--b--"), text: "one\ntwo", from: TextPlain},
		"HTML only":              {raw: mailOf("Content-Type: text/html", "", "<p>Hello<br>you &amp; me<script>no</script>"), text: "Hello\nyou & me", from: TextHTML},
		"format flowed":          {raw: mailOf("Content-Type: text/plain; format=flowed", "", "one ", "line", "> quoted ", "> too"), text: "one line\n> quoted too", from: TextPlain},
		"UTF-7":                  {raw: mailOf("Content-Type: text/plain; charset=utf-7", "", "Gr+APwA3w-e +- x"), text: "Grüße + x", from: TextPlain},
		"E-17 word with CR LF":   {raw: mailOf("Subject: =?utf-8?q?a=0D=0ABcc:_b?=", "", "x"), text: "x", from: TextPlain, check: func(t *testing.T, m *Message) { require.Equal(t, "a  Bcc: b", m.Subject) }},
		"forwarded message":      {raw: mailOf("Content-Type: multipart/mixed; boundary=b", "", "--b", "", "see below", "--b", "Content-Type: message/rfc822", "", "From: z@b.test", "Subject: inner", "", "deep", "--b--"), text: "see below\n\nFrom: z@b.test\nSubject: inner\n\ndeep", from: TextPlain},
		"alternatives":           {raw: mailOf("Content-Type: multipart/alternative; boundary=b", "", "--b", "", "plain", "--b", "Content-Type: text/html", "", "<b>html</b>", "--b--"), text: "plain", from: TextPlain, check: func(t *testing.T, m *Message) { require.Equal(t, "<b>html</b>", m.HTML) }},
		"one text, one HTML":     {raw: mailOf("Content-Type: multipart/mixed; boundary=b", "", "--b", "", "plain", "--b", "Content-Type: text/html", "", "<b>html</b>", "--b--"), text: "plain\nhtml", from: TextPlain},
		"attachment names":       {raw: mailOf("Content-Type: application/pdf", "Content-Disposition: attachment; filename*0*=utf-8''..%2F%C3%A4; filename*1=\".pdf\"", "", "x"), from: TextNone, check: func(t *testing.T, m *Message) { require.Equal(t, "ä.pdf", m.Attachments[0].Name) }},
		"E-25 named by its type": {raw: mailOf("Content-Type: application/pkcs7-mime", "", "x"), from: TextNone, check: func(t *testing.T, m *Message) { require.Equal(t, "application/pkcs7-mime", m.Attachments[0].Type) }},
	} {
		t.Run(name, func(t *testing.T) {
			m := Parse(c.raw)
			checkWhole(t, name, c.raw, m)
			require.Equal(t, c.text, m.Text)
			require.Equal(t, c.from, m.TextFrom)
			require.Contains(t, strings.Join(m.Problems, "\n"), c.problem)
			if c.check != nil {
				c.check(t, m)
			}
		})
	}
}

// TestBombsAreKeptRaw: E-13. Nothing is decoded.
func TestBombsAreKeptRaw(t *testing.T) {
	var deep, nested bytes.Buffer
	for i := range 10000 {
		fmt.Fprintf(&deep, "Content-Type: multipart/mixed; boundary=b%d\r\n\r\n--b%d\r\n", i, i)
	}
	for range 1000 {
		nested.WriteString("Content-Type: message/rfc822\r\n\r\n")
	}
	for name, raw := range map[string][]byte{
		"1,000,000 empty parts":            append([]byte("Subject: bomb\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n"), bytes.Repeat([]byte("--b\r\n\r\n"), 1_000_000)...),
		"depth 10,000":                     append([]byte("Subject: bomb\r\n"), deep.Bytes()...),
		"1,000 messages inside each other": append([]byte("Subject: bomb\r\n"), nested.Bytes()...),
	} {
		t.Run(name, func(t *testing.T) {
			m := Parse(raw)
			require.Equal(t, "bomb", m.Subject)
			require.Contains(t, m.Problems[len(m.Problems)-1]+strings.Join(m.Problems, ";"), "kept raw: it")
			require.Equal(t, TextRaw, m.TextFrom)
			require.Empty(t, m.Attachments)
			require.LessOrEqual(t, len(m.Text), 256<<10)
		})
	}
}

// TestFilesAreNeverExpanded: E-16. A file is bytes; what it would unpack to costs nothing. (Huge pictures get no preview either: lib/mms.)
func TestFilesAreNeverExpanded(t *testing.T) {
	var zipped bytes.Buffer
	w := gzip.NewWriter(&zipped)
	for zeros := make([]byte, 1<<20); zipped.Len() < 42<<10; {
		_, err := w.Write(zeros)
		require.NoError(t, err)
	}
	require.NoError(t, w.Close())
	raw := mailOf("From: a@b.test", "Content-Type: application/zip; name=42.zip", "Content-Transfer-Encoding: base64", "", foldBase64(zipped.Bytes()))
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	m := Parse(raw)
	runtime.ReadMemStats(&after)
	require.Len(t, m.Attachments, 1)
	require.EqualValues(t, zipped.Len(), m.Attachments[0].Size)
	require.Equal(t, sha256.Sum256(zipped.Bytes()), m.Attachments[0].SHA256)
	require.Less(t, after.TotalAlloc-before.TotalAlloc, uint64(4<<20), "bytes that the parse took; unpacked it is more than 40 MiB")
}

// TestHostileMailCostsInProportion: eight times the mail costs far less than sixty-four times the CPU, whatever it is made of.
func TestHostileMailCostsInProportion(t *testing.T) {
	for name, make := range map[string]func(n int) []byte{
		"boundaries that are none": func(n int) []byte {
			var b bytes.Buffer
			b.WriteString("Content-Type: multipart/mixed; boundary=b\r\n\r\n")
			for i := range 45 {
				fmt.Fprintf(&b, "--b\r\nContent-Type: multipart/mixed; boundary=b%d\r\n\r\n--b%d\r\n", i, i)
			}
			b.WriteString(strings.Repeat("\r\n--bx", n))
			return b.Bytes()
		},
		"one long header": func(n int) []byte { return append([]byte("Subject: "), bytes.Repeat([]byte("=?utf-8?q?x?= "), n)...) },
		"a million brackets": func(n int) []byte {
			return append([]byte("From: "), bytes.Repeat([]byte("<(\"a@"), n)...)
		},
		"HTML nested": func(n int) []byte {
			return append([]byte("Content-Type: text/html\r\n\r\n"), bytes.Repeat([]byte("<div><blockquote><table>"), n)...)
		},
		"quotes": func(n int) []byte { return append([]byte("\r\n"), bytes.Repeat([]byte(">\n"), n)...) },
	} {
		t.Run(name, func(t *testing.T) {
			few, many := cpu(make(1<<11)), cpu(make(1<<14))
			require.Less(t, many, 24*max(few, 5*time.Millisecond))
		})
	}
}

// cpu is what parsing a mail costs, at best of three.
func cpu(raw []byte) time.Duration {
	best := time.Hour
	for range 3 {
		begun := used()
		Parse(raw)
		best = min(best, used()-begun)
	}
	return best
}

// used is the CPU that this process has had.
func used() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		panic(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

func TestPartAnswersForUnknownIndex(t *testing.T) {
	_, err := Part(mailOf("From: a@b.test", "", "x"), 7)
	require.ErrorIs(t, err, errNoPart)
}

func TestReplyText(t *testing.T) {
	for name, c := range map[string]struct{ in, want string }{
		"plain":               {"Hello\nthere", "Hello\nthere"},
		"quote below":         {"Yes.\n\nOn Mon, 1 Mar 2026 at 10:00, Anna <a@b.test> wrote:\n> Ok?\n", "Yes."},
		"wrapped attribution": {"Yes.\n\nOn Mon, 1 Mar 2026 at 10:00, Anna Beispiel\n<anna@example.org> wrote:\n> Ok?\n", "Yes."},
		"German":              {"Ja.\n\nAm 01.03.2026 um 10:00 schrieb Anna:\n> Gut?\n", "Ja."},
		"French":              {"Oui.\n\nLe lun. 1 mars 2026 à 10:00, Anna <a@b.test> a écrit :\n> Bien?\n", "Oui."},
		"Spanish":             {"Sí.\n\nEl lun, 1 mar 2026 a las 10:00, Anna (<a@b.test>) escribió:\n> ¿Bien?\n", "Sí."},
		"Outlook":             {"Yes.\n\n-----Original Message-----\nFrom: Anna\nSent: Monday\n", "Yes."},
		"Outlook header":      {"Ja.\n\nVon: Anna <a@b.test>\nGesendet: Montag\nAn: Bert\nBetreff: x\n\nGut?\n", "Ja."},
		"signature":           {"Yes.\n-- \nBert\nACME\n", "Yes."},
		"inline answers":      {"> One?\nYes.\n> Two?\nNo.\n", "> One?\nYes.\n> Two?\nNo."},
		"answer below":        {"On Monday Anna wrote:\n> Ok?\n\nYes.\n", "Yes."},
		"only a quote":        {"> Ok?\n", "> Ok?"},
		"no attribution":      {"On time delivery matters.\nPlease note:\n1. x\n", "On time delivery matters.\nPlease note:\n1. x"},
	} {
		require.Equal(t, c.want, replyText(c.in, nil), name)
	}
}

func TestMachine(t *testing.T) {
	for name, c := range map[string]struct {
		header   []string
		nullPath bool
		want     MachineKind
	}{
		"person":              {[]string{"From: anna@example.org"}, false, ""},
		"Auto-Submitted: no":  {[]string{"Auto-Submitted: no"}, false, ""},
		"Outlook's receipts":  {[]string{"X-Auto-Response-Suppress: DR, RN, NRN"}, false, ""},
		"vacation":            {[]string{"Auto-Submitted: auto-replied (vacation)"}, false, KindAutoReply},
		"cron":                {[]string{"Auto-Submitted: auto-generated"}, false, KindAuto},
		"X-Autoreply":         {[]string{"X-Autoreply: yes"}, false, KindAutoReply},
		"Exchange":            {[]string{"X-Auto-Response-Suppress: All"}, false, KindAuto},
		"Precedence bulk":     {[]string{"Precedence: bulk"}, false, KindBulk},
		"old vacation":        {[]string{"Precedence: auto_reply"}, false, KindAutoReply},
		"list":                {[]string{"List-Id: <x.example.org>", "Precedence: list"}, false, KindList},
		"newsletter":          {[]string{"List-Unsubscribe: <https://example.org>"}, false, KindBulk},
		"Feedback-ID":         {[]string{"Feedback-ID: 1:2:3:x"}, false, KindBulk},
		"Return-Path":         {[]string{"Return-Path: <>"}, false, KindAuto},
		"null path":           {[]string{"From: anna@example.org"}, true, KindAuto},
		"mailer-daemon":       {[]string{"From: MAILER-DAEMON@example.org"}, false, KindDSN},
		"mailer-daemon alone": {[]string{"From: MAILER-DAEMON (Mail Delivery System)"}, false, ""},
		"no-reply":            {[]string{"From: shop-no-reply@example.org"}, false, KindNoReply},
		"DSN":                 {[]string{"Content-Type: multipart/report; report-type=delivery-status; boundary=b"}, true, KindDSN},
		"MDN":                 {[]string{"Content-Type: multipart/report; report-type=disposition-notification; boundary=b"}, false, KindMDN},
		"ARF":                 {[]string{"Content-Type: multipart/report; report-type=feedback-report; boundary=b"}, false, KindFeedback},
		"calendar":            {[]string{"Content-Type: text/calendar; method=REQUEST"}, false, KindCalendar},
		"our loop":            {[]string{"Auto-Submitted: auto-replied", LoopHeader + ": x"}, false, KindLoop},
	} {
		m := Parse(mailOf(append(c.header, "", "x")...))
		got := m.Machine(c.nullPath)
		require.Equal(t, c.want, got.Kind, name)
		require.Equal(t, c.want != "", got.Is, name)
	}
}

func TestCleanHTMLIsInert(t *testing.T) {
	for in, want := range map[string]string{
		`<p onclick="x()">a<script>alert(1)</script></p>`:                            `<p>a</p>`,
		`<img src="https://t.test/p.gif" alt="x">`:                                   `<img alt="x">`,
		`<img src="cid:a@b">`:                                                        `<img src="cid:a@b">`,
		`<base href="https://x.test"><meta http-equiv="refresh" content="0;url=x">a`: `a`,
		`<form action="https://x.test"><input name="p">a</form>`:                     `a`,
		`<style>@import "https://x.test"</style>a`:                                   `a`,
		`<div style="background:url(https://x.test);color:red">a</div>`:              `<div style="color: red">a</div>`,
		`<svg><feImage href="https://x.test"/></svg>a`:                               `a`,
		`<a href="javascript:alert(1)">a</a>`:                                        `a`,
		`<iframe src="https://x.test"></iframe>a`:                                    `a`,
		`<td background="https://x.test">a</td>`:                                     `<td>a</td>`,
	} {
		require.Equal(t, want, CleanHTML(in), in)
	}
	link := CleanHTML(`<a href="https://x.test" ping="https://y.test">a</a>`)
	require.Contains(t, link, `rel="nofollow noreferrer noopener"`)
	require.Contains(t, link, `target="_blank"`)
	require.NotContains(t, link, "ping")
}

func TestHTMLToText(t *testing.T) {
	for in, want := range map[string]string{
		"<p>a</p><p>b</p>":                                     "a\n\nb",
		"a<br>b<br><br>c":                                      "a\nb\n\nc",
		"<ul><li>one<li>two</ul><ol><li>x</ol>":                "* one\n* two\n\n1. x",
		"<ul><li><p>one</p></li><li><div>two</div></li></ul>":  "* one\n\n* two",
		"<div>a</div><div>b</div>":                             "a\nb",
		"x<blockquote>q<br>r</blockquote>y":                    "x\n\n> q\n> r\n\ny",
		"<pre>a\n  b</pre>":                                    "a\n  b",
		"<table><tr><td>a<td>b</tr><tr><td>c</tr></table>":     "a b\nc",
		`<a href="https://x.test/long">here</a>`:               "here (https://x.test/long)",
		`<a href="https://x.test">https://x.test</a>`:          "https://x.test",
		"<head><title>t</title><style>s</style></head><body>a": "a",
		"a  \n b<b> c</b>d":                                    "a b cd",
		"<p>&lt;tag&gt; &eacute;&nbsp;x":                       "<tag> é x",
		"<script>if (a<b) {}</script>z":                        "z",
		"":                                                     "",
	} {
		require.Equal(t, want, HTMLToText(in), in)
	}
}

// FuzzParse: nothing that a stranger sends makes Parse panic, or break what it promises.
func FuzzParse(f *testing.F) {
	f.Add(mailOf("From: a@b.test", "Content-Type: multipart/mixed; boundary=b", "", "--b", "Content-Transfer-Encoding: base64", "", "aGk=", "--b--"))
	f.Add(mailOf("Subject: =?utf-7?b?K0FQWS0=?=", "Content-Type: text/html; charset=utf-16", "", "<p>x"))
	f.Add(mailOf("Content-Type: text/plain; name*0*=a'b'%zz; name*1=x; format=flowed", "", "a ", "> b"))
	f.Add(mailOf("Content-Type: message/rfc822", "", "From x", "Content-Transfer-Encoding: x-uuencode", "", "begin 644 x", "#0V%T", "end"))
	if dir := os.Getenv("PARLEY_CORPORA"); dir != "" {
		files, _ := filepath.Glob(filepath.Join(dir, "enmime-testdata", "*", "*.raw"))
		for _, file := range files {
			if raw, err := os.ReadFile(file); err == nil && len(raw) < 16<<10 {
				f.Add(raw)
			}
		}
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		m := Parse(raw)
		checkWhole(t, "input", raw, m)
		for _, p := range m.Problems {
			if strings.Contains(p, "gave up") {
				t.Fatal(p)
			}
		}
		m.Machine(true)
		CleanHTML(m.HTML)
	})
}

func TestHops(t *testing.T) {
	head := strings.Repeat("Received: from a by b;\r\n\tyesterday\r\n", 7) + LoopHeader + ": x\r\nSubject: y\r\n\r\nReceived: not one\r\n"
	received, loops := Hops([]byte(head))
	require.Equal(t, 7, received)
	require.Equal(t, 1, loops)
}

package mail

import (
	"bytes"
	"crypto/sha256"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"parley/interaction"
)

func example() interaction.Outbound {
	return interaction.Outbound{
		Key: "reply/1", MessageID: MessageIDFor("reply/1", "example.test"), Date: time.Date(2026, 3, 1, 9, 30, 0, 0, time.UTC),
		From: interaction.Address{Name: "Süd Support", Address: "support@example.test"}, To: []interaction.Address{{Name: `Anna "A" Beispiel`, Address: "anna@example.org"}},
		Envelope: "bounce@example.test", Subject: "Re: Lieferung nach Köln", Text: "Guten Tag,\n\n.wird geliefert.\n", HTML: "<p>Guten Tag</p>",
		InReplyTo: "q1@example.org", References: []string{"q0@example.org", "q1@example.org"},
		Attachments: []interaction.Attachment{{Name: "Rechnung März.pdf", Type: "application/pdf", Data: []byte("%PDF-1.4\x00\xff")}},
	}
}

func TestComposedMailReadsAsItWasMeant(t *testing.T) {
	out := example()
	raw, err := Compose(out, ComposeOptions{})
	require.NoError(t, err)
	golden(t, "composed.eml", raw)
	again, err := Compose(out, ComposeOptions{})
	require.NoError(t, err)
	require.Equal(t, string(raw), string(again), "the same message must give the same bytes")

	m := Parse(raw)
	require.Equal(t, []interaction.Address{out.From}, m.From)
	require.Equal(t, out.To, m.To)
	require.Equal(t, out.Subject, m.Subject)
	require.Equal(t, out.MessageID, m.MessageID)
	require.Equal(t, []string{out.InReplyTo}, m.InReplyTo)
	require.Equal(t, out.References, m.References)
	require.True(t, out.Date.Equal(m.Date))
	require.Equal(t, out.Text, m.Text)
	require.Contains(t, m.HTML, out.HTML)
	require.Len(t, m.Attachments, 1)
	require.Equal(t, "Rechnung März.pdf", m.Attachments[0].Name)
	require.Equal(t, sha256.Sum256(out.Attachments[0].Data), m.Attachments[0].SHA256)
	require.Empty(t, m.Problems)
	require.False(t, m.Machine(false).Is, "a person's reply carries no mark of a machine")
}

func TestAutomaticMailIsMarked(t *testing.T) {
	out := example()
	out.Automatic, out.Envelope = true, ""
	raw, err := Compose(out, ComposeOptions{Loop: "desk.example.test"})
	require.NoError(t, err)
	m := Parse(raw)
	require.Equal(t, "auto-replied", m.Get("Auto-Submitted"))
	require.Equal(t, "All", m.Get("X-Auto-Response-Suppress"))
	require.Equal(t, "bulk", m.Get("Precedence"))
	require.Equal(t, "desk.example.test", m.Get(LoopHeader))
	require.Equal(t, KindLoop, m.Machine(true).Kind)

	out.Automatic = false
	raw, err = Compose(out, ComposeOptions{})
	require.NoError(t, err)
	for _, mark := range []string{"Auto-Submitted", "X-Auto-Response-Suppress", "Precedence", LoopHeader} {
		require.NotContains(t, string(raw), mark)
	}
}

func TestComposeRefusesWhatWouldInject(t *testing.T) {
	for name, spoil := range map[string]func(*interaction.Outbound){
		"subject":               func(o *interaction.Outbound) { o.Subject = "x\r\nBcc: a@b.test" },
		"subject encoded":       func(o *interaction.Outbound) { o.Subject = "=?utf-8?q?x=0D=0ABcc:_a@b.test?=" },
		"subject NUL":           func(o *interaction.Outbound) { o.Subject = "x\x00" },
		"name":                  func(o *interaction.Outbound) { o.To[0].Name = "x\nBcc: a@b.test" },
		"name encoded":          func(o *interaction.Outbound) { o.To[0].Name = "=?utf-8?b?DQpCY2M6?=" },
		"address":               func(o *interaction.Outbound) { o.To[0].Address = "a@b.test\r\nRCPT TO:<c@d.test>" },
		"address with brackets": func(o *interaction.Outbound) { o.To[0].Address = "a@b.test>,<c@d.test" },
		"two addresses":         func(o *interaction.Outbound) { o.To[0].Address = "a@b.test, c@d.test" },
		"no address":            func(o *interaction.Outbound) { o.To[0].Address = "nobody" },
		"envelope":              func(o *interaction.Outbound) { o.Envelope = "a@b.test>\r\nDATA" },
		"message id":            func(o *interaction.Outbound) { o.MessageID = "a@b>\r\nBcc: c" },
		"in reply to":           func(o *interaction.Outbound) { o.InReplyTo = "a b@c" },
		"attachment name":       func(o *interaction.Outbound) { o.Attachments[0].Name = "a\r\nContent-Type: text/html" },
		"attachment type":       func(o *interaction.Outbound) { o.Attachments[0].Type = "text/html\r\nX: y" },
		"text":                  func(o *interaction.Outbound) { o.Text = "a\x00b" },
		"no recipient":          func(o *interaction.Outbound) { o.To = nil },
	} {
		out := example()
		spoil(&out)
		_, err := Compose(out, ComposeOptions{})
		require.Equal(t, interaction.KindInvalid, interaction.KindOf(err), "%s: %v", name, err)
	}
}

func TestStrangersReferencesAreLeftOutNotRefused(t *testing.T) {
	out := example()
	out.References = []string{"first@x", "bad id@x", "a>\r\nBcc: b@x"}
	for range 50 {
		out.References = append(out.References, strings.Repeat("y", 60)+"@x")
	}
	raw, err := Compose(out, ComposeOptions{})
	require.NoError(t, err)
	m := Parse(raw)
	require.Len(t, m.References, 21)
	require.Equal(t, "first@x", m.References[0])
	require.Empty(t, m.Get("Bcc"))
}

// TestComposeParseRoundTrip: what goes in comes out, for any text, and no line is too long for SMTP.
func TestComposeParseRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		out := example()
		out.Key = rapid.StringN(1, 40, -1).Draw(t, "key")
		out.Subject = squeeze(rapid.StringMatching(`[ -~äöüß€漢字👍=?_]{0,120}`).Draw(t, "subject"))
		out.To[0].Name = squeeze(rapid.StringMatching(`[ -~äöüß漢字]{0,60}`).Draw(t, "name"))
		out.Text = rapid.StringMatching(`([ -~äöü漢👍\t.]{0,200}\n){1,5}x`).Draw(t, "text")
		out.HTML = rapid.SampledFrom([]string{"", "<p>x</p>"}).Draw(t, "html")
		out.Attachments[0].Data = rapid.SliceOfN(rapid.Byte(), 0, 300).Draw(t, "data")
		out.Attachments[0].Name = rapid.StringMatching(`[a-zäöü漢'"% ]{1,30}\.pdf`).Draw(t, "file")
		raw, err := Compose(out, ComposeOptions{})
		if err != nil {
			if interaction.KindOf(err) == interaction.KindInvalid && strings.Contains(out.Subject+out.To[0].Name, "=?") {
				return // it would decode to something else
			}
			t.Fatal(err)
		}
		for line := range bytes.SplitSeq(raw, crlf) {
			if len(line) > 998 || bytes.ContainsAny(line, "\r\n\x00") {
				t.Fatalf("bad line of %d bytes: %.80q", len(line), line)
			}
		}
		m := Parse(raw)
		if m.Subject != out.Subject || m.To[0].Address != out.To[0].Address || strings.Trim(m.To[0].Name, `"`) != strings.Trim(out.To[0].Name, `"`) {
			t.Fatalf("header: %q %q, want %q %q", m.Subject, m.To[0], out.Subject, out.To[0])
		}
		if strings.TrimRight(m.Text, "\n") != strings.TrimRight(out.Text, "\n") {
			t.Fatalf("text %q, want %q", m.Text, out.Text)
		}
		if len(m.Attachments) != 1 || m.Attachments[0].SHA256 != sha256.Sum256(out.Attachments[0].Data) || m.Attachments[0].Name != strings.TrimSpace(out.Attachments[0].Name) {
			t.Fatalf("attachments %+v", m.Attachments)
		}
	})
}

func TestReplySubject(t *testing.T) {
	for in, want := range map[string]string{
		"": "Re:", "Hallo": "Re: Hallo", "Re: Hallo": "Re: Hallo", "AW: RE[2]: Fwd: Hallo": "Re: Fwd: Hallo", "re : re: x": "Re: x",
		"Regarding: x": "Re: Regarding: x", "x\nBcc: y": "Re: x Bcc: y",
	} {
		require.Equal(t, want, ReplySubject(in))
	}
}

func TestQuote(t *testing.T) {
	require.Equal(t, "Anna wrote:\n> a\n>\n>> b\n", Quote("Anna wrote:", "a\r\n\r\n> b\n\n"))
}

func TestContentKeyIsBlindToLineEnds(t *testing.T) {
	want := sha256.Sum256([]byte("a\r\n\r\nb\r\n"))
	for _, same := range []string{"a\r\n\r\nb\r\n", "a\n\nb\n", "a\r\rb\r", "a\n\r\nb\r"} {
		require.Equal(t, want, ContentKey([]byte(same)), "%q", same)
		h := NewCRLFHash()
		for i := range len(same) {
			h.Write([]byte{same[i]})
		}
		require.Equal(t, want, h.Sum(), "byte by byte %q", same)
	}
	require.NotEqual(t, want, ContentKey([]byte("a\r\nb\r\n")))
}

// golden compares with a file in testdata; what was got lies beside it on failure. GOLDEN=write makes it.
func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if os.Getenv("GOLDEN") == "write" {
		require.NoError(t, os.WriteFile(path, got, 0o644))
	}
	want, err := os.ReadFile(path)
	require.NoError(t, err)
	if !bytes.Equal(want, got) {
		require.NoError(t, os.WriteFile(path+".got", got, 0o644))
		t.Fatalf("%s differs; see %s.got", path, path)
	}
}

// A text's type is told with its charset; a mail can carry it, and what it says arrives byte for byte.
func TestAttachedTextsKeepTheirType(t *testing.T) {
	for _, c := range []struct{ given, want string }{
		{"text/plain; charset=utf-8", "text/plain; charset=utf-8"},
		{"text/plain; charset=utf-16le", "text/plain"},
		{"Text/CSV", "text/csv"},
		{"", "application/octet-stream"},
	} {
		t.Run(c.given, func(t *testing.T) {
			out := example()
			out.Attachments = []interaction.Attachment{{Name: "a.txt", Type: c.given, Data: []byte("grün\n\xff")}}
			raw, err := Compose(out, ComposeOptions{})
			if err != nil {
				t.Fatal(err)
			}
			if !strings.Contains(string(raw), "Content-Type: "+c.want+"\r\n") {
				t.Errorf("no %q in\n%s", c.want, raw)
			}
			m := Parse(raw)
			if len(m.Attachments) != 1 {
				t.Fatalf("%d attachments", len(m.Attachments))
			}
			data, err := Part(raw, m.Attachments[0].Part)
			if err != nil || string(data) != "grün\n\xff" {
				t.Errorf("got %q, %v", data, err)
			}
		})
	}
}

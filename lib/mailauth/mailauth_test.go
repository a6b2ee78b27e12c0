package mailauth

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/emersion/go-msgauth/dkim"
	"github.com/stretchr/testify/require"
)

const plainMail = "From: Ann <ann@example.org>\r\nTo: bob@example.net\r\nSubject: Hello\r\n\r\nHow are you?\r\n"

// signer makes DKIM signatures of example.org and publishes its key.
type signer struct {
	key ed25519.PrivateKey
	dns *names
}

func newSigner(t *testing.T) *signer {
	t.Helper()
	public, private, err := ed25519.GenerateKey(rand.Reader)
	require.NoError(t, err)
	return &signer{private, &names{
		txt: map[string][]string{
			"s._domainkey.example.org":    {"v=DKIM1; k=ed25519; p=" + base64.StdEncoding.EncodeToString(public)},
			"example.org":                 {"v=spf1 ip4:192.0.2.1 -all"},
			"_dmarc.example.org":          {"v=DMARC1; p=reject; sp=quarantine"},
			"mailer.example.com":          {"v=spf1 ip4:192.0.2.9 -all"},
			"s._domainkey.strict.example": {"v=DKIM1; k=ed25519; p=" + base64.StdEncoding.EncodeToString(public)},
		},
		mx: map[string][]*net.MX{}, ip: map[string][]net.IPAddr{}, ptr: map[string][]string{}, slow: map[string]bool{},
	}}
}

func (s *signer) sign(t *testing.T, raw, domain string) string {
	t.Helper()
	var b bytes.Buffer
	require.NoError(t, dkim.Sign(&b, strings.NewReader(raw), &dkim.SignOptions{Domain: domain, Selector: "s", Signer: s.key, HeaderKeys: []string{"From", "To", "Subject"}}))
	return b.String()
}

func TestCheck(t *testing.T) {
	s := newSigner(t)
	ours, theirs := net.IPv4(192, 0, 2, 1), net.IPv4(203, 0, 113, 1)
	signed := s.sign(t, plainMail, "example.org")
	for name, c := range map[string]struct {
		raw   string
		facts Facts
		want  Results
	}{
		"everything fits":               {signed, Facts{IP: ours, Sender: "ann@example.org"}, Results{SPF: Pass, DKIM: Pass, DMARC: Pass, Policy: "reject", Signers: []string{"example.org"}}},
		"line ends of another system":   {strings.ReplaceAll(signed, "\r\n", "\n"), Facts{IP: ours, Sender: "ann@example.org"}, Results{SPF: Pass, DKIM: Pass, DMARC: Pass, Policy: "reject", Signers: []string{"example.org"}}},
		"forwarded: only the signature": {signed, Facts{IP: theirs, Sender: "x@elsewhere.example"}, Results{SPF: None, DKIM: Pass, DMARC: Pass, Policy: "reject", Signers: []string{"example.org"}}},
		"forged":                        {plainMail, Facts{IP: theirs, Sender: "ann@example.org"}, Results{SPF: Fail, DKIM: None, DMARC: Fail, Policy: "reject"}},
		"another domain's SPF":          {plainMail, Facts{IP: net.IPv4(192, 0, 2, 9), Sender: "b@mailer.example.com"}, Results{SPF: Pass, DKIM: None, DMARC: Fail, Policy: "reject"}},
		"a subdomain":                   {strings.Replace(plainMail, "ann@example.org", "ann@sub.example.org", 1), Facts{IP: theirs, Sender: "ann@example.org"}, Results{SPF: Fail, DKIM: None, DMARC: Fail, Policy: "quarantine"}},
		"changed on the way":            {strings.Replace(signed, "How are you", "Pay at once", 1), Facts{IP: ours, Sender: "ann@example.org"}, Results{SPF: Pass, DKIM: Fail, DMARC: Pass, Policy: "reject"}},
		"E-08 two From fields":          {"From: eve@evil.example\r\n" + signed, Facts{IP: ours, Sender: "ann@example.org"}, Results{SPF: Pass, DKIM: Pass, DMARC: None, Signers: []string{"example.org"}}},
		"no connection known":           {plainMail, Facts{}, Results{SPF: NotChecked, DKIM: None, DMARC: NotChecked, Policy: "reject"}},
		"the greeting's name":           {plainMail, Facts{IP: net.IPv4(192, 0, 2, 9), Helo: "mailer.example.com"}, Results{SPF: Pass, DKIM: None, DMARC: Fail, Policy: "reject"}},
	} {
		t.Run(name, func(t *testing.T) {
			got := (&Checker{Resolver: s.dns}).Check(t.Context(), []byte(c.raw), c.facts)
			require.Equal(t, None, got.ARC)
			got.ARC, got.Domain = "", ""
			require.Equal(t, c.want, got)
		})
	}
}

// S-22: however many signatures and names a mail has, it costs at most ten look-ups, and what was not looked at says so.
func TestLimits(t *testing.T) {
	s := newSigner(t)
	s.dns.txt["example.org"] = []string{"v=spf1 include:a.example.org include:b.example.org include:c.example.org include:d.example.org include:e.example.org include:f.example.org -all"}
	for _, name := range strings.Split("abcdef", "") {
		s.dns.txt[name+".example.org"] = []string{"v=spf1 ?all"}
	}
	var many strings.Builder
	for i := range 100 {
		fmt.Fprintf(&many, "DKIM-Signature: v=1; a=rsa-sha256; d=example.org; s=k%d; h=from; bh=47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=; b=YQ==\r\n", i)
	}
	got := (&Checker{Resolver: s.dns}).Check(t.Context(), []byte(many.String()+plainMail), Facts{IP: net.IPv4(203, 0, 113, 1), Sender: "ann@example.org"})
	require.LessOrEqual(t, s.dns.asked.Load(), int64(10))
	require.Equal(t, NotChecked, got.DKIM)
	require.Equal(t, NotChecked, got.SPF)
	require.Equal(t, NotChecked, got.DMARC)
}

// S-23: a signature over a part of the body is no pass.
func TestPartOfTheBodyIsNoPass(t *testing.T) {
	s := newSigner(t)
	signed := s.sign(t, plainMail, "example.org")
	partial := strings.Replace(signed, "DKIM-Signature: ", "DKIM-Signature: l=5; ", 1)
	got := (&Checker{Resolver: s.dns}).Check(t.Context(), []byte(partial), Facts{})
	require.NotEqual(t, Pass, got.DKIM)
	require.Empty(t, got.Signers)
}

// silent never answers, and does not listen to its context either.
type silent struct{ *names }

func (*silent) LookupTXT(context.Context, string) ([]string, error) { select {} }

func TestTime(t *testing.T) {
	begun := time.Now()
	got := (&Checker{Resolver: &silent{}, Timeout: 50 * time.Millisecond}).Check(t.Context(), []byte(plainMail), Facts{IP: net.IPv4(192, 0, 2, 1), Sender: "ann@example.org"})
	require.Equal(t, Results{SPF: NotChecked, DKIM: NotChecked, DMARC: NotChecked, ARC: NotChecked}, got)
	require.Less(t, time.Since(begun), 4*time.Second)
}

// FuzzCheck: nothing in a mail or in the records of strangers makes a check panic.
func FuzzCheck(f *testing.F) {
	f.Add([]byte(plainMail), "v=spf1 a:%{d}/24//64 exists:%{ir}.%{v}.x.example include:y.example ?all", "ann@example.org")
	f.Add([]byte("ARC-Seal: i=1; a=rsa-sha256; cv=none; d=a.b; s=c; b=YQ==\r\nARC-Message-Signature: i=1; h=from\r\nARC-Authentication-Results: i=1; x\r\n\r\n"), "v=spf1 redirect=%{l1r+}.example", "a+b@c.example")
	f.Fuzz(func(t *testing.T, raw []byte, record, sender string) {
		dns := &names{txt: map[string][]string{"example.org": {record}, "c.example": {record}}, mx: map[string][]*net.MX{}, ip: map[string][]net.IPAddr{}, ptr: map[string][]string{}, slow: map[string]bool{}}
		got := (&Checker{Resolver: dns}).Check(t.Context(), raw, Facts{IP: net.IPv4(192, 0, 2, 1), Helo: "example.org", Sender: sender})
		if got.SPF == "" || got.DKIM == "" || got.DMARC == "" || got.ARC == "" {
			t.Fatalf("no answer: %+v", got)
		}
	})
}

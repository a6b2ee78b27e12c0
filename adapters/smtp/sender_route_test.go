package smtp

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"net"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/emersion/go-msgauth/dkim"
	"github.com/stretchr/testify/require"

	"parley/adapters/adaptertest"
	"parley/interaction"
	"parley/lib/mail"
)

// zone is a DNS of the test's.
type zone struct {
	mx map[string][]*net.MX
	ip map[string]string
}

var errNoName = &net.DNSError{Err: "no such host", IsNotFound: true}

func (z zone) LookupMX(_ context.Context, domain string) ([]*net.MX, error) {
	if strings.HasPrefix(domain, "broken") {
		return nil, &net.DNSError{Err: "server failure", IsTemporary: true}
	}
	if list := z.mx[domain]; list != nil {
		return list, nil
	}
	return nil, errNoName
}

func (z zone) LookupNetIP(_ context.Context, _, host string) ([]netip.Addr, error) {
	if a := z.ip[host]; a != "" {
		return []netip.Addr{netip.MustParseAddr(a)}, nil
	}
	return nil, errNoName
}

func agree(context.Context) error { return nil }

// direct is a sender that finds the servers itself, and the hosts that stand at 127.0.0.1, .2 and .3.
func direct(t *testing.T, z zone, opts SenderOptions, hosts ...*host) *Sender {
	t.Helper()
	port := freePort(t)
	for i, h := range hosts {
		h.addr = net.JoinHostPort("127.0.0."+string(rune('1'+i)), port)
		h.start(t)
	}
	opts.Resolver, opts.Port = z, port
	if opts.Allow == nil {
		opts.Allow = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}
	}
	return (&host{}).sender(t, opts)
}

func to(addresses ...string) interaction.Outbound {
	out := adaptertest.Example()
	out.To = nil
	for _, a := range addresses {
		out.To = append(out.To, interaction.Address{Address: a})
	}
	return out
}

func TestFindsTheServersOfADomain(t *testing.T) {
	z := zone{
		mx: map[string][]*net.MX{
			"one.example":      {{Host: "a.example.", Pref: 10}},
			"two.example":      {{Host: "b.example.", Pref: 20}, {Host: "gone.example.", Pref: 10}},
			"none.example":     {{Host: ".", Pref: 0}},
			"ours.example":     {{Host: "mx.example.test.", Pref: 10}, {Host: "a.example.", Pref: 20}},
			"inside.example":   {{Host: "inside.example.", Pref: 10}},
			"xn--bcher-kva.de": {{Host: "a.example.", Pref: 10}},
		},
		ip: map[string]string{"a.example": "127.0.0.1", "b.example": "127.0.0.2", "bare.example": "127.0.0.1", "inside.example": "10.1.2.3"},
	}
	for name, c := range map[string]struct {
		to    string
		want  interaction.SendState
		code  string
		first int // mails at the first host
		other int
	}{
		"its server":                         {"anna@one.example", interaction.SendSent, "250", 1, 0},
		"the second where the first is gone": {"anna@two.example", interaction.SendSent, "250", 0, 1},
		"no MX: the domain itself":           {"anna@bare.example", interaction.SendSent, "250", 1, 0},
		"null MX":                            {"anna@none.example", interaction.SendNotSent, "556 5.1.10", 0, 0},
		"no such domain":                     {"anna@nowhere.example", interaction.SendNotSent, "550 5.1.2", 0, 0},
		"DNS away":                           {"anna@broken.example", interaction.SendQueued, "", 0, 0},
		"our own server":                     {"anna@ours.example", interaction.SendNotSent, "554 5.4.6", 0, 0},
		"a machine inside":                   {"anna@inside.example", interaction.SendQueued, "", 0, 0},
		"an address for a domain":            {"anna@[127.0.0.1]", interaction.SendSent, "250", 1, 0},
		"an umlaut domain":                   {"anna@bücher.de", interaction.SendSent, "250", 1, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			first, other := &host{}, &host{}
			s := direct(t, z, SenderOptions{}, first, other)
			o := s.Send(t.Context(), to(c.to), agree)
			require.Equal(t, c.want, o.State, "%+v", o)
			require.Equal(t, c.code, o.Code)
			require.Len(t, first.got(), c.first)
			require.Len(t, other.got(), c.other)
		})
	}
}

// TestAStrangersNameLeadsToNoMachineOfOurs: what a domain's owner writes into the DNS is not reached when it is inside.
func TestAStrangersNameLeadsToNoMachineOfOurs(t *testing.T) {
	z := zone{mx: map[string][]*net.MX{"evil.example": {{Host: "evil.example", Pref: 1}}}, ip: map[string]string{"evil.example": "127.0.0.1"}}
	h := &host{}
	s := direct(t, z, SenderOptions{Allow: []netip.Prefix{netip.MustParsePrefix("198.51.100.0/24")}}, h)
	for _, one := range []string{"a@evil.example", "a@[127.0.0.1]", "a@[IPv6:::ffff:127.0.0.1]"} {
		o := s.Send(t.Context(), to(one), agree)
		require.NotEqual(t, interaction.SendSent, o.State, one)
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	require.Empty(t, h.heard)
}

// TestSeveralServersGetTheEndTogether: while one of them is not ready, none has the mail; a final no of one does not keep it from the other.
func TestSeveralServersGetTheEndTogether(t *testing.T) {
	z := zone{
		mx: map[string][]*net.MX{"one.example": {{Host: "a.example"}}, "two.example": {{Host: "b.example"}}},
		ip: map[string]string{"a.example": "127.0.0.1", "b.example": "127.0.0.2"},
	}
	for name, c := range map[string]struct {
		says          map[string]string // of the second
		want          interaction.SendState
		first, second int
		commits       int
		text          string
	}{
		"both":                 {nil, interaction.SendSent, 1, 1, 1, ""},
		"one not now":          {map[string]string{"RCPT": "451 4.7.1 greylisted"}, interaction.SendQueued, 0, 0, 0, "greylisted"},
		"one closes":           {map[string]string{"DATA": ""}, interaction.SendQueued, 0, 0, 0, ""},
		"one never":            {map[string]string{"RCPT": "550 5.1.1 nobody"}, interaction.SendSent, 1, 0, 1, "not to anna@two.example: 550 5.1.1 nobody"},
		"one refuses the mail": {map[string]string{"dot": "554 5.7.1 spam"}, interaction.SendSent, 1, 1, 1, "not to two.example: 554 5.7.1 spam"},
		"one says nothing":     {map[string]string{"dot": ""}, interaction.SendUnknown, 1, 1, 1, "1 other servers took it"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			first, second := &host{}, &host{says: c.says}
			s := direct(t, z, SenderOptions{}, first, second)
			commits := 0
			o := s.Send(t.Context(), to("anna@one.example", "anna@two.example"), func(context.Context) error { commits++; return nil })
			require.Equal(t, c.want, o.State, "%+v", o)
			require.Len(t, first.got(), c.first)
			require.Len(t, second.got(), c.second)
			require.Equal(t, c.commits, commits)
			require.Contains(t, o.Text, c.text)
		})
	}
}

func TestATemporaryNoToOneRecipientKeepsTheMail(t *testing.T) {
	h := (&host{says: map[string]string{"RCPT TO:<later@example.org>": "451 4.7.1 greylisted"}}).start(t)
	o := h.sender(t, SenderOptions{}).Send(t.Context(), to("anna@example.org", "later@example.org"), agree)
	require.Equal(t, interaction.SendQueued, o.State)
	require.Equal(t, "451 4.7.1", o.Code)
	require.Empty(t, h.got())
}

func TestPolicyOfADomain(t *testing.T) {
	z := zone{mx: map[string][]*net.MX{"safe.example": {{Host: "a.example"}}, "other.example": {{Host: "a.example"}}}, ip: map[string]string{"a.example": "127.0.0.1"}}
	h := &host{}
	s := direct(t, z, SenderOptions{TLS: TLSOpportunistic, TLSFor: map[string]TLSPolicy{"safe.example": TLSRequired}}, h)
	require.Equal(t, interaction.SendQueued, s.Send(t.Context(), to("a@safe.example"), agree).State)
	require.Empty(t, h.got())
	require.Equal(t, interaction.SendSent, s.Send(t.Context(), to("a@other.example"), agree).State)
}

// TestTLSThatDoesNotComeAbout: with the opportunistic policy the mail goes in clear, with the strict one it stays.
func TestTLSThatDoesNotComeAbout(t *testing.T) {
	server, pool := certificate(t)
	old := server.Clone()
	old.MaxVersion, old.MinVersion = tls.VersionTLS10, tls.VersionTLS10
	for _, h := range []*host{{tls: old}, {tls: server, says: map[string]string{"STARTTLS": "454 4.7.0 not now"}}} {
		h.start(t)
		require.Equal(t, interaction.SendSent, h.sender(t, SenderOptions{TLS: TLSOpportunistic}).Send(t.Context(), adaptertest.Example(), agree).State)
		o := h.sender(t, SenderOptions{TLS: TLSRequired, TLSConfig: &tls.Config{RootCAs: pool}}).Send(t.Context(), adaptertest.Example(), agree)
		require.Equal(t, interaction.SendQueued, o.State)
		require.Len(t, h.got(), 1)
	}
}

// TestALineServesAgain: mails one after the other share a connection; one that was closed meanwhile costs nothing.
func TestALineServesAgain(t *testing.T) {
	h := (&host{}).start(t)
	s := h.sender(t, SenderOptions{})
	for range 5 {
		require.Equal(t, interaction.SendSent, s.Send(t.Context(), adaptertest.Example(), agree).State)
	}
	require.Equal(t, 1, h.count("EHLO"))
	h.cut()
	require.Equal(t, interaction.SendSent, s.Send(t.Context(), adaptertest.Example(), agree).State)
	require.Equal(t, 2, h.count("EHLO"))
	require.Len(t, h.got(), 6)
	for _, one := range h.got()[1:] {
		require.Equal(t, h.got()[0], one, "the same bytes each time")
	}
}

// TestNotTooManyAtATime: mails beyond the limit wait for a line.
func TestNotTooManyAtATime(t *testing.T) {
	h := (&host{}).start(t)
	s := h.sender(t, SenderOptions{AtATime: 3})
	var here, most atomic.Int64
	var all sync.WaitGroup
	for range 30 {
		all.Go(func() {
			o := s.Send(t.Context(), adaptertest.Example(), func(context.Context) error {
				if n := here.Add(1); n > most.Load() {
					most.Store(n)
				}
				defer here.Add(-1)
				return nil
			})
			if o.State != interaction.SendSent {
				t.Errorf("%+v", o)
			}
		})
	}
	all.Wait()
	require.LessOrEqual(t, most.Load(), int64(3))
	require.LessOrEqual(t, h.count("EHLO"), 3)
	require.Len(t, h.got(), 30)
}

// TestAServerThatIsAwayIsLeftAlone: the pause doubles with each try; another destination is not concerned.
func TestAServerThatIsAwayIsLeftAlone(t *testing.T) {
	d := &destination{}
	for _, want := range []time.Duration{time.Second, 2 * time.Second, 4 * time.Second} {
		before := time.Now()
		d.reached(false)
		require.InDelta(t, want, d.until.Sub(before), float64(500*time.Millisecond))
	}
	for range 20 {
		d.reached(false)
	}
	require.LessOrEqual(t, time.Until(d.until), longest)
	d.reached(true)
	require.False(t, d.resting())

	s := (&host{addr: "127.0.0.1:" + freePort(t)}).sender(t, SenderOptions{})
	o := s.Send(t.Context(), adaptertest.Example(), agree)
	require.Equal(t, interaction.SendQueued, o.State)
	require.Contains(t, o.Text, "refused")
	o = s.Send(t.Context(), adaptertest.Example(), agree)
	require.Equal(t, interaction.SendQueued, o.State)
	require.Contains(t, o.Text, "left alone")
}

func TestAuthLogin(t *testing.T) {
	h := (&host{says: map[string]string{
		"EHLO": "250-host\r\n250 AUTH LOGIN", "AUTH": "334 UGFzc3dvcmQ6", base64.StdEncoding.EncodeToString([]byte("p")): "235 welcome",
	}}).start(t)
	o := h.sender(t, SenderOptions{User: "u", Password: "p"}).Send(t.Context(), adaptertest.Example(), agree)
	require.Equal(t, interaction.SendSent, o.State, "%+v", o)
}

// TestSigns: the signature is right under the published key, covers what a reader sees, and breaks with any change of it.
func TestSigns(t *testing.T) {
	_, short, err := ed25519.GenerateKey(rand.Reader)
	require.NoError(t, err)
	long, err := rsa.GenerateKey(rand.Reader, 2048)
	require.NoError(t, err)
	public, err := x509.MarshalPKIXPublicKey(&long.PublicKey)
	require.NoError(t, err)
	records := map[string]string{
		"s1._domainkey.example.test":      "v=DKIM1; k=ed25519; p=" + base64.StdEncoding.EncodeToString(short.Public().(ed25519.PublicKey)),
		"s2._domainkey.mail.example.test": "v=DKIM1; k=rsa; p=" + base64.StdEncoding.EncodeToString(public),
	}
	h := (&host{}).start(t)
	s := h.sender(t, SenderOptions{DKIM: Keys{{"example.test", "s1", short}, {"mail.example.test", "s2", long}}})
	for from, want := range map[string]string{"support@example.test": "example.test", "support@mail.example.test": "mail.example.test", "a@x.example.test": "example.test", "a@elsewhere.example": ""} {
		out := adaptertest.Example()
		out.From.Address, out.Subject = from, "Grüße"
		require.Equal(t, interaction.SendSent, s.Send(t.Context(), out, agree).State)
		all := h.got()
		raw := all[len(all)-1]
		lookup := &dkim.VerifyOptions{LookupTXT: func(name string) ([]string, error) {
			if r := records[name]; r != "" {
				return []string{r}, nil
			}
			return nil, errors.New("no record " + name)
		}}
		found, err := dkim.VerifyWithOptions(strings.NewReader(raw), lookup)
		require.NoError(t, err)
		if want == "" {
			require.Empty(t, found)
			continue
		}
		require.Len(t, found, 1)
		require.NoError(t, found[0].Err)
		require.Equal(t, want, found[0].Domain)
		require.Subset(t, lower(found[0].HeaderKeys), []string{"from", "to", "subject", "date", "message-id"})
		changed, err := dkim.VerifyWithOptions(strings.NewReader(strings.Replace(raw, "An answer", "An offer!", 1)), lookup)
		require.NoError(t, err)
		require.Error(t, changed[0].Err)
		require.Equal(t, "Grüße", mail.Parse([]byte(raw)).Subject)
	}
}

func lower(list []string) (out []string) {
	for _, s := range list {
		out = append(out, strings.ToLower(s))
	}
	return out
}

func TestParseKey(t *testing.T) {
	weak, err := rsa.GenerateKey(rand.Reader, 1024)
	require.NoError(t, err)
	_, err = ParseKey(pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(weak)}))
	require.NoError(t, err)
	_, err = ParseKey([]byte("no key"))
	require.ErrorContains(t, err, "PEM")
	_, err = ParseKey(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: []byte("x")}))
	require.ErrorContains(t, err, "private key")
}

// TestAReceiverThatClosesAtEveryLine closes the socket at each line of a dialogue once, before it and behind it, and is well afterwards: nothing is lost and
// nothing comes twice. Nobody can know where it closes behind the commit, which comes when all but the dot is written: that is listed as unknown.
func TestAReceiverThatClosesAtEveryLine(t *testing.T) {
	unknown := 0
	for _, step := range []string{"greeting", "EHLO", "MAIL", "RCPT", "DATA", "body", "dot", "QUIT"} {
		for _, answer := range []string{"", "421 4.3.2 closing", "451 4.3.0 not now"} {
			name := step + " " + answer
			if step == "body" && answer != "" {
				continue
			}
			h := (&host{once: true, says: map[string]string{step: answer}}).start(t)
			s := h.sender(t, SenderOptions{})
			var state interaction.SendState
			require.Eventually(t, func() bool { // a server that was away is left alone for a second
				state = s.Send(t.Context(), adaptertest.Example(), agree).State
				return state != interaction.SendQueued
			}, 10*time.Second, 50*time.Millisecond, name)
			switch {
			case step == "body":
				require.Equal(t, interaction.SendUnknown, state, name)
				require.Empty(t, h.got())
				unknown++
			case step == "dot" && answer == "":
				require.Equal(t, interaction.SendUnknown, state, name)
				require.Len(t, h.got(), 1, "it had arrived, and was not sent again")
				unknown++
			case step == "dot":
				require.Equal(t, interaction.SendSent, state, name)
				require.Len(t, h.got(), 2, "the receiver said that it had not taken the first")
			default:
				require.Equal(t, interaction.SendSent, state, name)
				require.Len(t, h.got(), 1, name)
			}
		}
	}
	require.Equal(t, 2, unknown)
}

// TestNothingOfAStrangerReachesTheWireUnquoted: display names, reply-to and subjects that a customer chose (S-19, S-20, S-21, E-17).
func TestNothingOfAStrangerReachesTheWireUnquoted(t *testing.T) {
	evil := []string{
		"a\r\nRCPT TO:<evil@example.org>", "a\nBcc: evil@example.org", "a\rBcc: evil@example.org", "=?utf-8?q?a=0D=0ABcc:_evil=40example.org?=", "a\x00b",
		`a" <evil@example.org>, "b`, "a>\r\nDATA", "evil@example.org>, <b@example.org", "<evil@example.org>", "a\u2028Bcc: evil@example.org",
	}
	for _, e := range evil {
		h := (&host{}).start(t)
		s := h.sender(t, SenderOptions{})
		for _, change := range []func(*interaction.Outbound){
			func(o *interaction.Outbound) { o.To[0].Name = e },
			func(o *interaction.Outbound) { o.To[0].Address = e },
			func(o *interaction.Outbound) { o.Cc = []interaction.Address{{Name: e, Address: "c@example.org"}} },
			func(o *interaction.Outbound) { o.ReplyTo = &interaction.Address{Name: e, Address: "r@example.org"} },
			func(o *interaction.Outbound) { o.ReplyTo = &interaction.Address{Address: e} },
			func(o *interaction.Outbound) { o.Subject = "Re: " + e },
			func(o *interaction.Outbound) { o.InReplyTo = e },
			func(o *interaction.Outbound) { o.References = []string{e} },
			func(o *interaction.Outbound) { o.Envelope = e },
		} {
			out := adaptertest.Example()
			change(&out)
			s.Send(t.Context(), out, agree)
		}
		for _, line := range h.lines() {
			if command := strings.ToUpper(line); strings.HasPrefix(command, "RCPT") || strings.HasPrefix(command, "MAIL") {
				require.NotContains(t, line, "evil", "%q", e)
			}
		}
		for _, raw := range h.got() {
			m := mail.Parse([]byte(raw))
			require.Len(t, m.From, 1)
			require.Len(t, m.To, 1, "%q", raw)
			require.LessOrEqual(t, len(m.ReplyTo), 1)
			require.NotContains(t, strings.ToLower(string(bytes.SplitN([]byte(raw), []byte("\r\n\r\n"), 2)[0])), "\nbcc:", "%q", e)
			for _, a := range append(append(m.To, m.Cc...), m.ReplyTo...) {
				require.NotEqual(t, "evil@example.org", a.Address, "%q gave %q", e, raw)
			}
		}
	}
}

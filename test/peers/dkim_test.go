package peers

import (
	"crypto/ed25519"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"parley/adapters/smtp"
	"parley/interaction"
)

// TestOurSignaturesHold: a verifier that shares no code with our signer finds them good, for both kinds of keys and for a mail with everything in it; and it is one that
// tells a wrong key.
func TestOurSignaturesHold(t *testing.T) {
	_, short, err := ed25519.GenerateKey(rand.Reader)
	require.NoError(t, err)
	long, err := rsa.GenerateKey(rand.Reader, 2048)
	require.NoError(t, err)
	other, err := rsa.GenerateKey(rand.Reader, 2048)
	require.NoError(t, err)
	public := func(key *rsa.PrivateKey) string {
		der, err := x509.MarshalPKIXPublicKey(&key.PublicKey)
		require.NoError(t, err)
		return "v=DKIM1; k=rsa; p=" + base64.StdEncoding.EncodeToString(der)
	}
	records, err := json.Marshal(map[string]string{
		"s1._domainkey.ed.test":    "v=DKIM1; k=ed25519; p=" + base64.StdEncoding.EncodeToString(short.Public().(ed25519.PublicKey)),
		"s2._domainkey.rsa.test":   public(long),
		"s3._domainkey.wrong.test": public(other),
	})
	require.NoError(t, err)
	r := start(t, "dkim", string(records))
	s := r.sender(t, smtp.SenderOptions{DKIM: smtp.Keys{{Domain: "ed.test", Selector: "s1", Private: short}, {Domain: "rsa.test", Selector: "s2", Private: long}, {Domain: "wrong.test", Selector: "s3", Private: long}}})
	for domain, want := range map[string]string{"ed.test": "pass ed.test", "rsa.test": "pass rsa.test", "wrong.test": "fail wrong.test", "unsigned.test": "none"} {
		for name, change := range map[string]func(*interaction.Outbound){
			"plain": func(*interaction.Outbound) {},
			"spaces": func(o *interaction.Outbound) {
				o.Text, o.Subject = "Lines  with\t spaces \n\n\n.\n.. dots\n\n\n", "a  b"
			},
			"files": func(o *interaction.Outbound) {
				o.Attachments = []interaction.Attachment{{Name: "ä.bin", Type: "application/octet-stream", Data: make([]byte, 100_000)}}
			},
			"names": func(o *interaction.Outbound) {
				o.Subject, o.From.Name = strings.Repeat("Grüße und mehr ", 20), "Jörg, der \"Erste\""
			},
		} {
			out := letter(name+"-"+domain, "anna@example.org")
			out.From.Address = "support@" + domain
			change(&out)
			require.Equal(t, interaction.SendSent, s.Send(t.Context(), out, agree).State)
			require.Eventually(t, func() bool { return r.ids(out.MessageID) == 1 }, 10*time.Second, 10*time.Millisecond)
			r.mu.Lock()
			got := r.got[len(r.got)-1]
			r.mu.Unlock()
			require.Equal(t, []string{want}, got.DKIM, "%s: %s", domain, name)
		}
	}
}

package main

import (
	"crypto/ecdsa"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestTheListenersCertificateIsReadAgainWhenItChanges(t *testing.T) {
	cert, key := filepath.Join(t.TempDir(), "cert.pem"), filepath.Join(t.TempDir(), "key.pem")
	c := config{Hostname: "mx.example.test"}
	write := func(at time.Time) []byte {
		secure, err := c.mailTLS()
		require.NoError(t, err)
		pair := secure.Certificates[0]
		der, err := x509.MarshalPKCS8PrivateKey(pair.PrivateKey.(*ecdsa.PrivateKey))
		require.NoError(t, err)
		require.NoError(t, os.WriteFile(key, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), 0o600))
		require.NoError(t, os.WriteFile(cert, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: pair.Certificate[0]}), 0o600))
		require.NoError(t, os.Chtimes(cert, at, at))
		return pair.Certificate[0]
	}
	first := write(time.Now().Add(-time.Hour))
	files := config{Hostname: "mx.example.test", SMTPCert: cert, SMTPKey: key}
	secure, err := files.mailTLS()
	require.NoError(t, err)
	served := func() []byte {
		pair, err := secure.GetCertificate(&tls.ClientHelloInfo{})
		require.NoError(t, err)
		return pair.Certificate[0]
	}
	require.Equal(t, first, served())
	second := write(time.Now())
	require.Equal(t, second, served())
	require.NoError(t, os.WriteFile(cert, []byte("half"), 0o600))
	require.Equal(t, second, served(), "while it is being renewed, the one before serves")
}

func TestMailSettingsAreChecked(t *testing.T) {
	for name, c := range map[string]config{
		"key missing":        {SMTPCert: "cert.pem"},
		"certificate absent": {SMTPCert: "/does/not/exist", SMTPKey: "/does/not/exist"},
		"size":               {SMTPMaxSize: 100},
		"two ways out":       {MailDirect: true, SmartHost: "127.0.0.1:25"},
		"half a key":         {DKIM: []string{"example.org"}},
		"no key":             {DKIM: []string{"example.org:s:/does/not/exist"}},
		"no policy":          {MailTLS: []string{"example.org=perhaps"}},
		"less than nothing":  {MailAtATime: -1},
	} {
		t.Run(name, func(t *testing.T) { require.Len(t, c.checkMail(), 1) })
	}
	require.Empty(t, (&config{}).checkMail())
}

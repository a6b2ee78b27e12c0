package smtp

import (
	"bytes"
	"crypto"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"strings"

	"github.com/emersion/go-msgauth/dkim"
)

// Key signs the mail of one domain and of the domains below it (RFC 6376).
type Key struct {
	Domain   string
	Selector string
	Private  crypto.Signer
}

// Keys are the domains that mail is signed for.
type Keys []Key

// ParseKey reads a private key in PEM: RSA of 1024 bits or more, or Ed25519 (RFC 8463).
func ParseKey(text []byte) (crypto.Signer, error) {
	block, _ := pem.Decode(text)
	if block == nil {
		return nil, errors.New("is no key in PEM")
	}
	if key, err := x509.ParsePKCS1PrivateKey(block.Bytes); err == nil {
		return checkKey(key)
	}
	key, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		return nil, fmt.Errorf("is no private key: %w", err)
	}
	return checkKey(key)
}

func checkKey(key any) (crypto.Signer, error) {
	switch k := key.(type) {
	case *rsa.PrivateKey:
		if k.N.BitLen() >= 1024 {
			return k, nil
		}
		return nil, fmt.Errorf("has %d bits; give at least 1024, better 2048", k.N.BitLen())
	case ed25519.PrivateKey:
		return k, nil
	}
	return nil, fmt.Errorf("is a %T; give an RSA or Ed25519 key", key)
}

// signedHeaders are those that a reader sees or acts by, RFC 6376 section 5.4.1.
var signedHeaders = []string{
	"From", "Reply-To", "Subject", "Date", "To", "Cc", "Message-ID", "In-Reply-To", "References", "MIME-Version", "Content-Type", "Content-Transfer-Encoding", "Auto-Submitted",
}

// sign puts a signature above the mail, by the key that stands nearest to the sender's domain; without one the mail goes as it is.
func (k Keys) sign(raw []byte, from string) ([]byte, error) {
	key := k.of(strings.ToLower(from[strings.LastIndexByte(from, '@')+1:]))
	if key == nil {
		return raw, nil
	}
	var signed bytes.Buffer
	signed.Grow(len(raw) + 1024)
	err := dkim.Sign(&signed, bytes.NewReader(raw), &dkim.SignOptions{
		Domain: key.Domain, Selector: key.Selector, Signer: key.Private, HeaderKeys: signedHeaders,
		HeaderCanonicalization: dkim.CanonicalizationRelaxed, BodyCanonicalization: dkim.CanonicalizationRelaxed,
	})
	if err != nil {
		return nil, fmt.Errorf("sign for %s: %w", key.Domain, err)
	}
	return signed.Bytes(), nil
}

func (k Keys) of(domain string) (best *Key) {
	for i, key := range k {
		if (domain == key.Domain || strings.HasSuffix(domain, "."+key.Domain)) && (best == nil || len(key.Domain) > len(best.Domain)) {
			best = &k[i]
		}
	}
	return best
}

package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"fmt"
	"math/big"
	"os"
	"sync"
	"time"
)

// checkMail says what is wrong with the settings of mail.
func (c *config) checkMail() (errs []error) {
	errs = c.checkSending()
	if (c.SMTPCert == "") != (c.SMTPKey == "") {
		errs = append(errs, fmt.Errorf("PARLEY_SMTP_CERT=%q and PARLEY_SMTP_KEY=%q belong together; set both or none", c.SMTPCert, c.SMTPKey))
	} else if c.SMTPCert != "" {
		if _, err := tls.LoadX509KeyPair(c.SMTPCert, c.SMTPKey); err != nil {
			errs = append(errs, fmt.Errorf("PARLEY_SMTP_CERT=%q: %w; give a chain and its key in PEM", c.SMTPCert, err))
		}
	}
	if c.SMTPMaxSize != 0 && c.SMTPMaxSize < 64<<10 {
		errs = append(errs, fmt.Errorf("PARLEY_SMTP_MAX_SIZE=%d is too small for mail; give at least 65536", c.SMTPMaxSize))
	}
	return errs
}

// mailTLS is what the listener offers under STARTTLS: the certificate of the files, read again when they change, or a self-signed one. Servers that
// deliver mail do not check it, unless they were told to (RFC 7435); without one they would send in clear.
func (c *config) mailTLS() (*tls.Config, error) {
	if c.SMTPCert != "" {
		files := &certificateFiles{cert: c.SMTPCert, key: c.SMTPKey}
		_, err := files.get(nil)
		return &tls.Config{MinVersion: tls.VersionTLS12, GetCertificate: files.get}, err
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	now := time.Now()
	template := &x509.Certificate{
		SerialNumber: big.NewInt(now.UnixNano()), Subject: pkix.Name{CommonName: c.Hostname}, DNSNames: []string{c.Hostname},
		NotBefore: now.Add(-time.Hour), NotAfter: now.AddDate(10, 0, 0), KeyUsage: x509.KeyUsageDigitalSignature,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		return nil, err
	}
	return &tls.Config{MinVersion: tls.VersionTLS12, Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}}, nil
}

// certificateFiles is a certificate that is renewed while we run.
type certificateFiles struct {
	cert, key string

	mu      sync.Mutex
	changed time.Time // of the certificate's file, when it was read
	now     *tls.Certificate
}

// get gives the newest certificate that could be read.
func (f *certificateFiles) get(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	info, err := os.Stat(f.cert)
	if err == nil && f.now != nil && info.ModTime().Equal(f.changed) {
		return f.now, nil
	}
	pair, loadErr := tls.LoadX509KeyPair(f.cert, f.key)
	if err != nil || loadErr != nil {
		if f.now != nil {
			return f.now, nil // the files are being renewed at this moment
		}
		return nil, fmt.Errorf("PARLEY_SMTP_CERT=%q: %w", f.cert, loadErr)
	}
	f.changed, f.now = info.ModTime(), &pair
	return f.now, nil
}

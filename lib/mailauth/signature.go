package mailauth

import (
	"bytes"
	"context"
	"crypto"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"net"
	"regexp"
	"strings"
)

// minKey is the shortest RSA key that counts, in bits (RFC 8301 section 3.2).
const minKey = 1024

var (
	errTags      = errors.New("its tags are not well-formed")
	errBody      = errors.New("the body was changed")
	errSignature = errors.New("the signature does not fit")
	errKey       = errors.New("there is no usable key")
	errTemporary = errors.New("the key cannot be looked up now")
)

// tags are the tag=value pairs of a signature (RFC 6376 section 3.2).
type tags map[string]string

var tagName = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_]*$`)

// parseTags is strict: a doubled or malformed tag makes the whole list worthless.
func parseTags(value string) (tags, error) {
	t := tags{}
	pieces := strings.Split(strings.ReplaceAll(value, "\r\n", ""), ";")
	for i, piece := range pieces {
		if strings.Trim(piece, " \t") == "" {
			if i == len(pieces)-1 && i > 0 {
				break // a semicolon at the end
			}
			return nil, errTags
		}
		name, value, ok := strings.Cut(piece, "=")
		name = strings.Trim(name, " \t")
		if !ok || !tagName.MatchString(name) {
			return nil, errTags
		}
		if _, twice := t[name]; twice {
			return nil, errTags
		}
		t[name] = strings.Trim(value, " \t")
	}
	return t, nil
}

// base64Tag decodes a value in which white space may stand.
func (t tags) base64Tag(name string) ([]byte, error) {
	value := strings.NewReplacer(" ", "", "\t", "").Replace(t[name])
	b, err := base64.StdEncoding.DecodeString(value)
	if err != nil || len(b) == 0 {
		return nil, errTags
	}
	return b, nil
}

// checkCommon checks what both kinds of ARC signatures have: algorithm, domain, selector and time.
func (t tags) checkCommon() error {
	if t["a"] != "rsa-sha256" && t["a"] != "ed25519-sha256" || t["s"] == "" || !strings.Contains(t["d"], ".") || strings.ContainsAny(t["d"]+t["s"], " \t@") || strings.HasPrefix(t["d"], ".") {
		return errTags
	}
	if at, ok := t["t"]; ok && !digits.MatchString(at) {
		return errTags
	}
	return nil
}

var digits = regexp.MustCompile(`^[0-9]{1,12}$`)

// withoutSignature empties the value of b=, as it was when the field was signed.
func withoutSignature(f field) field {
	return field{f.name, signatureTag.ReplaceAllString(f.value, "$1")}
}

var signatureTag = regexp.MustCompile(`((?:^|;)[ \t\r\n]*b[ \t\r\n]*=)[^;]*`)

// verify checks a signature over signed data with the key that the signer's domain publishes (RFC 6376 section 3.6).
func (t tags) verify(ctx context.Context, signed []byte, budget *budget) error {
	signature, err := t.base64Tag("b")
	if err != nil {
		return err
	}
	records, err := budget.LookupTXT(ctx, t["s"]+"._domainkey."+t["d"])
	var notFound *net.DNSError
	switch {
	case errors.As(err, &notFound) && notFound.IsNotFound:
		return errKey
	case err != nil:
		return errTemporary
	case len(records) == 0:
		return errKey
	}
	key, err := parseKey(records[0])
	if err != nil {
		return err
	}
	sum := sha256.Sum256(signed)
	switch key := key.(type) {
	case *rsa.PublicKey:
		if t["a"] != "rsa-sha256" || rsa.VerifyPKCS1v15(key, crypto.SHA256, sum[:], signature) != nil {
			return errSignature
		}
	case ed25519.PublicKey:
		if t["a"] != "ed25519-sha256" || !ed25519.Verify(key, sum[:], signature) {
			return errSignature
		}
	}
	return nil
}

// parseKey reads a key record.
func parseKey(record string) (crypto.PublicKey, error) {
	t, err := parseTags(strings.NewReplacer("\r", "", "\n", "").Replace(record))
	if err != nil {
		return nil, errKey
	}
	data, err := t.base64Tag("p")
	if err != nil {
		return nil, errKey
	}
	if t["k"] == "ed25519" {
		if len(data) != ed25519.PublicKeySize {
			return nil, errKey
		}
		return ed25519.PublicKey(data), nil
	}
	parsed, err := x509.ParsePKIXPublicKey(data)
	if err != nil {
		if parsed, err = x509.ParsePKCS1PublicKey(data); err != nil {
			return nil, errKey
		}
	}
	key, ok := parsed.(*rsa.PublicKey)
	if !ok || key.N.BitLen() < minKey {
		return nil, errKey
	}
	return key, nil
}

// verifyMessage checks an ARC-Message-Signature, which signs as DKIM does (RFC 8617 section 4.1.2).
func (m message) verifyMessage(ctx context.Context, f field, t tags, budget *budget) error {
	header, body := simpleField, simpleBody
	c, ok := t["c"]
	if !ok {
		c = "relaxed/relaxed" // RFC 8617 has no default of its own; its test suite signs like this
	}
	if c != "simple/simple" {
		h, b, both := strings.Cut(c, "/")
		if !both {
			b = "simple"
		}
		if h != "simple" && h != "relaxed" || b != "simple" && b != "relaxed" {
			return errTags
		}
		if h == "relaxed" {
			header = relaxedField
		}
		if b == "relaxed" {
			body = relaxedBody
		}
	}
	hash, err := t.base64Tag("bh")
	if err != nil {
		return err
	}
	if sum := sha256.Sum256(body(m.body)); !bytes.Equal(sum[:], hash) {
		return errBody
	}
	var signed bytes.Buffer
	used := map[string]int{}
	for _, name := range strings.Split(t["h"], ":") {
		name = strings.ToLower(strings.Trim(name, " \t"))
		if name == "arc-seal" {
			return errTags
		}
		if found, ok := m.fromBottom(name, used[name]); ok {
			signed.WriteString(header(found) + "\r\n")
		}
		used[name]++
	}
	signed.WriteString(header(withoutSignature(f)))
	return t.verify(ctx, signed.Bytes(), budget)
}

// fromBottom gives the n-th field of that name, counted from the end of the header.
func (m message) fromBottom(name string, n int) (field, bool) {
	for i := len(m.fields) - 1; i >= 0; i-- {
		if strings.EqualFold(strings.TrimRight(m.fields[i].name, " \t"), name) {
			if n == 0 {
				return m.fields[i], true
			}
			n--
		}
	}
	return field{}, false
}

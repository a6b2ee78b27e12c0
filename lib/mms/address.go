package mms

import "strings"

// AddressKind tells how an address reaches somebody.
type AddressKind string

// The kinds of addresses (TS 23.140 clause 8.7.1.11: Number, RFC2822Address, ShortCode).
const (
	Number    AddressKind = "number"     // of a telephone; with "+" where it is international
	Email     AddressKind = "email"      // an address of RFC 2822
	ShortCode AddressKind = "short_code" // of a service
	NetworkID AddressKind = "network"    // an IP address or something else that no answer can go to
)

// Address is who sent or gets a message. Hidden ones can be shown and not be answered.
type Address struct {
	Kind   AddressKind `json:"kind"`
	Value  string      `json:"value"`
	Hidden bool        `json:"hidden,omitempty"` // the sender is not to be known, or is named by a token that only the centre understands
	Field  string      `json:"field,omitempty"`  // of a recipient: to, cc or bcc
}

// Answerable reports whether an answer can be sent to it.
func (a Address) Answerable() bool { return a.Value != "" && !a.Hidden && a.Kind != NetworkID }

// addressOf reads one address element.
func addressOf(n *node) Address {
	value := readable(strings.Join(strings.Fields(n.text), " "))
	a := ParseAddress(value)
	switch strings.ToLower(n.name) {
	case "rfc2822address":
		if strings.Contains(value, "@") && a.Kind != NetworkID {
			a.Kind = Email
		}
	case "shortcode":
		a.Kind = ShortCode
	}
	coding := strings.ToLower(n.attrs["addresscoding"])
	if n.attrs["displayonly"] == "true" || n.attrs["displayonly"] == "1" || coding == "obfuscated" || coding == "encrypted" || a.Value == "" {
		a.Hidden = true
	}
	return a
}

// ParseAddress makes one form of the ways in which centres write an address: +491701234567/TYPE=PLMN (WAP-209), tel: and sms: URIs, numbers with
// blanks, email with a name around it.
func ParseAddress(s string) Address {
	s = strings.TrimSpace(s)
	if i := strings.LastIndexByte(s, '<'); i >= 0 && strings.HasSuffix(s, ">") && strings.Contains(s[i:], "@") {
		s = s[i+1 : len(s)-1]
	}
	kind := AddressKind("")
	if i := strings.Index(strings.ToUpper(s), "/TYPE="); i >= 0 {
		switch typ := strings.ToUpper(s[i+len("/TYPE="):]); {
		case strings.HasPrefix(typ, "PLMN"):
			kind = Number
		default: // IPv4, IPv6 and what else there may be
			kind = NetworkID
		}
		s = s[:i]
	}
	for _, scheme := range []string{"tel:", "sms:", "mailto:", "mms:"} {
		if len(s) > len(scheme) && strings.EqualFold(s[:len(scheme)], scheme) {
			s, _, _ = strings.Cut(s[len(scheme):], ";")
		}
	}
	s = shorten(strings.TrimSpace(s), 320)
	lower := strings.ToLower(s)
	switch {
	case kind == NetworkID:
	case strings.Contains(s, "@"):
		kind = Email
	case lower == "anonymous" || lower == "hidden" || lower == "insert-address-token":
		return Address{Hidden: true}
	default:
		kind, s = Number, plainNumber(s)
	}
	return Address{Kind: kind, Value: s, Hidden: s == ""}
}

// plainNumber takes out what people put between digits. What is no number stays as it is.
func plainNumber(s string) string {
	var b strings.Builder
	for i, r := range s {
		switch {
		case r >= '0' && r <= '9' || r == '+' && i == 0:
			b.WriteRune(r)
		case strings.ContainsRune(" -./()\u00a0", r):
		default:
			return s
		}
	}
	plain := b.String()
	if rest, ok := strings.CutPrefix(plain, "00"); ok && len(rest) > 7 {
		plain = "+" + rest
	}
	return plain
}

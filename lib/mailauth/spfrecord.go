package mailauth

import (
	"context"
	"net"
	"net/url"
	"regexp"
	"strconv"
	"strings"
)

// spfRecord is a record whose syntax was checked as a whole (RFC 7208 section 4.6).
type spfRecord struct {
	mechanisms []mechanism
	redirect   string
}

// mechanism is one term that can match.
type mechanism struct {
	result Result // where it matches
	name   string // in lower case
	domain string // with macros; empty: the domain that is checked
	ip     net.IP
	v4, v6 int // bits that count
}

func (m mechanism) mask(client net.IP) int {
	if len(client) == net.IPv4len {
		return m.v4
	}
	return m.v6
}

var (
	modifier  = regexp.MustCompile(`^([A-Za-z][A-Za-z0-9_.-]*)=(.*)$`)
	directive = regexp.MustCompile(`^([-+?~]?)([A-Za-z][A-Za-z0-9_.-]*)(.*)$`)
	dualCIDR  = regexp.MustCompile(`(/(0|[1-9][0-9]?))?(//(0|[1-9][0-9]{0,2}))?$`)
	qualifier = map[string]Result{"": Pass, "+": Pass, "-": Fail, "~": SoftFail, "?": Neutral}
)

// parseSPF reads a record behind its version. Any mistake in it makes the whole record wrong.
func parseSPF(text string) (r spfRecord, err error) {
	explained := false
	for _, term := range strings.Split(text[6:], " ") {
		if term == "" {
			continue
		}
		if m := modifier.FindStringSubmatch(term); m != nil {
			value := m[2]
			switch strings.ToLower(m[1]) {
			case "redirect":
				if r.redirect != "" || !isDomainSpec(value) {
					return r, errPerm
				}
				r.redirect = value
			case "exp":
				if explained || !isDomainSpec(value) {
					return r, errPerm
				}
				explained = true
			default:
				if !isMacroString(value) {
					return r, errPerm
				}
			}
			continue
		}
		m, err := parseMechanism(term)
		if err != nil {
			return r, err
		}
		r.mechanisms = append(r.mechanisms, m)
	}
	return r, nil
}

// parseMechanism reads one mechanism with its argument (RFC 7208 section 5).
func parseMechanism(term string) (m mechanism, err error) {
	parts := directive.FindStringSubmatch(term)
	if parts == nil {
		return m, errPerm
	}
	m = mechanism{result: qualifier[parts[1]], name: strings.ToLower(parts[2]), v4: 32, v6: 128}
	argument := parts[3]
	switch m.name {
	case "all":
		if argument != "" {
			return m, errPerm
		}
		return m, nil
	case "ip4", "ip6":
		return m, m.parseNetwork(argument)
	case "a", "mx":
		if argument, err = m.cutCIDR(argument); err != nil {
			return m, err
		}
	case "ptr":
	case "include", "exists":
		if argument == "" {
			return m, errPerm
		}
	default:
		return m, errPerm
	}
	if argument == "" {
		return m, nil
	}
	if !strings.HasPrefix(argument, ":") || !isDomainSpec(argument[1:]) {
		return m, errPerm
	}
	m.domain = argument[1:]
	return m, nil
}

// cutCIDR takes the lengths off the end of an argument.
func (m *mechanism) cutCIDR(argument string) (rest string, err error) {
	found := dualCIDR.FindStringSubmatch(argument)
	rest = strings.TrimSuffix(argument, found[0])
	if found[2] != "" {
		m.v4, _ = strconv.Atoi(found[2])
	}
	if found[4] != "" {
		m.v6, _ = strconv.Atoi(found[4])
	}
	if m.v4 > 32 || m.v6 > 128 {
		return "", errPerm
	}
	return rest, nil
}

// parseNetwork reads the argument of ip4 and ip6.
func (m *mechanism) parseNetwork(argument string) error {
	address, bits, hasBits := strings.Cut(strings.TrimPrefix(argument, ":"), "/")
	ip := net.ParseIP(address)
	if !strings.HasPrefix(argument, ":") || ip == nil || (m.name == "ip4") == strings.Contains(address, ":") {
		return errPerm
	}
	most := 128
	m.ip = ip
	if m.name == "ip4" {
		m.ip, most = ip.To4(), 32
	}
	n := most
	if hasBits {
		var err error
		if n, err = strconv.Atoi(bits); err != nil || n > most || n < 0 || len(bits) > 1 && bits[0] == '0' || bits[0] == '+' {
			return errPerm
		}
	}
	m.v4, m.v6 = min(n, 32), n
	return nil
}

var (
	macro     = regexp.MustCompile(`^\{([slodipvhSLODIPVH])([1-9][0-9]{0,2})?([rR]?)([-.+,/_=]*)\}`)
	topLabel  = regexp.MustCompile(`\.([A-Za-z0-9]*[A-Za-z][A-Za-z0-9]*|[A-Za-z0-9]+-[A-Za-z0-9-]*[A-Za-z0-9])\.?$`)
	endsMacro = regexp.MustCompile(`%(\{[^{}%]*\}|%|_|-)$`)
)

// isMacroString checks section 7.1: visible ASCII, with a macro or one of three escapes behind each percent sign.
func isMacroString(s string) bool {
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c <= ' ' || c > '~':
			return false
		case c != '%':
		case i+1 < len(s) && strings.IndexByte("%_-", s[i+1]) >= 0:
			i++
		default:
			found := macro.FindString(s[i+1:])
			if found == "" {
				return false
			}
			i += len(found)
		}
	}
	return true
}

// isDomainSpec also asks for a top-level domain, or a macro, at the end.
func isDomainSpec(s string) bool {
	return s != "" && isMacroString(s) && (topLabel.MatchString(s) || endsMacro.MatchString(s))
}

// expand replaces macros (RFC 7208 section 7), and cuts labels off the left of a name that grew too long.
func (c *spfCheck) expand(ctx context.Context, s, domain string) (string, error) {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] != '%' {
			b.WriteByte(s[i])
			continue
		}
		i++
		switch s[i] {
		case '%':
			b.WriteByte('%')
		case '_':
			b.WriteByte(' ')
		case '-':
			b.WriteString("%20")
		default:
			found := macro.FindStringSubmatch(s[i:])
			if found == nil {
				return "", errPerm
			}
			b.WriteString(transform(c.letter(ctx, found[1], domain), found))
			i += len(found[0]) - 1
		}
	}
	name := b.String()
	for len(name) > 253 {
		_, rest, ok := strings.Cut(name, ".")
		if !ok {
			break
		}
		name = rest
	}
	return name, nil
}

// letter gives what a macro letter stands for.
func (c *spfCheck) letter(ctx context.Context, letter, domain string) string {
	switch strings.ToLower(letter) {
	case "s":
		return c.local + "@" + c.domain
	case "l":
		return c.local
	case "o":
		return c.domain
	case "d":
		return domain
	case "h":
		return c.helo
	case "v":
		if len(c.ip) == net.IPv4len {
			return "in-addr"
		}
		return "ip6"
	case "p":
		return c.name(ctx, domain)
	}
	if len(c.ip) == net.IPv4len {
		return c.ip.String()
	}
	var nibbles []string
	for _, b := range c.ip {
		nibbles = append(nibbles, strconv.FormatInt(int64(b>>4), 16), strconv.FormatInt(int64(b&15), 16))
	}
	return strings.Join(nibbles, ".")
}

// name is the confirmed name of the client that lies closest to the domain.
func (c *spfCheck) name(ctx context.Context, domain string) string {
	names := c.names(ctx)
	for _, name := range names {
		if strings.EqualFold(name, domain) {
			return name
		}
	}
	for _, name := range names {
		if isWithin(name, domain) {
			return name
		}
	}
	if len(names) > 0 {
		return names[0]
	}
	return "unknown"
}

// transform applies a macro's digits, "r" and delimiters, and escapes where the letter is upper case.
func transform(value string, found []string) string {
	delimiters := found[4]
	if delimiters == "" {
		delimiters = "."
	}
	parts := strings.FieldsFunc(value, func(r rune) bool { return strings.ContainsRune(delimiters, r) })
	if found[2] == "" && found[3] == "" && found[4] == "" {
		parts = []string{value}
	}
	if found[3] != "" {
		for i, j := 0, len(parts)-1; i < j; i, j = i+1, j-1 {
			parts[i], parts[j] = parts[j], parts[i]
		}
	}
	if n, err := strconv.Atoi(found[2]); err == nil && n < len(parts) {
		parts = parts[len(parts)-n:]
	}
	joined := strings.Join(parts, ".")
	if found[1] == strings.ToUpper(found[1]) {
		return strings.ReplaceAll(url.QueryEscape(joined), "+", "%20")
	}
	return joined
}

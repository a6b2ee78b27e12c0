package mailauth

import (
	"context"
	"errors"
	"net"
	"strings"
)

// The limits of RFC 7208 section 4.6.4.
const (
	spfTerms = 10 // mechanisms and modifiers that ask for names
	spfVoid  = 2  // questions without an answer
	spfNames = 10 // mail servers of an mx, names of a ptr
)

// errPerm and errTemp end an evaluation.
var (
	errPerm = errors.New("the domain's SPF record is wrong")
	errTemp = errors.New("the name service did not answer")
)

// spfCheck is one evaluation of SPF, through all includes.
type spfCheck struct {
	Resolver

	ip            net.IP
	helo          string
	local, domain string // of the sender
	terms, voids  int
}

// CheckSPF evaluates SPF (RFC 7208 section 4): for the envelope sender, or for
// the greeting's name where the sender is empty.
func CheckSPF(ctx context.Context, facts Facts, resolver Resolver) Result {
	c := &spfCheck{Resolver: resolver, ip: facts.IP, helo: facts.Helo, local: "postmaster", domain: facts.Helo}
	if v4 := facts.IP.To4(); v4 != nil {
		c.ip = v4
	}
	if i := strings.LastIndexByte(facts.Sender, '@'); i >= 0 {
		c.domain = facts.Sender[i+1:]
		if i > 0 {
			c.local = facts.Sender[:i]
		}
	}
	result, err := c.host(ctx, c.domain)
	switch {
	case errors.Is(err, errTemp):
		return TempError
	case err != nil:
		return PermError
	}
	return result
}

// host is check_host() of RFC 7208 section 4.
func (c *spfCheck) host(ctx context.Context, domain string) (Result, error) {
	if !isHostName(domain) || !strings.Contains(strings.TrimSuffix(domain, "."), ".") {
		return None, nil
	}
	text, err := c.record(ctx, domain)
	if err != nil || text == "" {
		return None, err
	}
	record, err := parseSPF(text)
	if err != nil {
		return None, err
	}
	for _, m := range record.mechanisms {
		match, err := c.matches(ctx, m, domain)
		if err != nil {
			return None, err
		}
		if match {
			return m.result, nil
		}
	}
	if record.redirect == "" {
		return Neutral, nil
	}
	if err := c.count(); err != nil {
		return None, err
	}
	target, err := c.expand(ctx, record.redirect, domain)
	if err != nil {
		return None, err
	}
	result, err := c.host(ctx, target)
	if err == nil && result == None {
		return None, errPerm
	}
	return result, err
}

// record finds the one SPF record of a domain (RFC 7208 section 4.5); empty where there is none.
func (c *spfCheck) record(ctx context.Context, domain string) (string, error) {
	texts, err := c.LookupTXT(ctx, domain)
	if err != nil && !isNotFound(err) {
		return "", errTemp
	}
	found := ""
	for _, text := range texts {
		if len(text) < 6 || !strings.EqualFold(text[:6], "v=spf1") || len(text) > 6 && text[6] != ' ' {
			continue
		}
		if found != "" {
			return "", errPerm
		}
		found = text
	}
	return found, nil
}

// matches evaluates one mechanism (RFC 7208 section 5).
func (c *spfCheck) matches(ctx context.Context, m mechanism, domain string) (bool, error) {
	switch m.name {
	case "all":
		return true, nil
	case "ip4", "ip6":
		return within(c.ip, m.ip, m.mask(c.ip)), nil
	}
	if err := c.count(); err != nil {
		return false, err
	}
	target := domain
	if m.domain != "" {
		var err error
		if target, err = c.expand(ctx, m.domain, domain); err != nil {
			return false, err
		}
	}
	switch m.name {
	case "include":
		return c.included(ctx, target)
	case "exists":
		return c.exists(ctx, target)
	case "ptr":
		return c.matchesName(ctx, target), nil
	case "mx":
		return c.matchesMX(ctx, target, m)
	}
	ips, err := c.addresses(ctx, target)
	return contains(ips, c.ip, m), err
}

// included asks another domain (RFC 7208 section 5.2).
func (c *spfCheck) included(ctx context.Context, target string) (bool, error) {
	result, err := c.host(ctx, target)
	if err != nil {
		return false, err
	}
	if result == None {
		return false, errPerm
	}
	return result == Pass, nil
}

// exists asks for an IPv4 address, whatever the client's is (RFC 7208 section 5.7).
func (c *spfCheck) exists(ctx context.Context, target string) (bool, error) {
	all, err := c.lookup(ctx, target)
	for _, ip := range all {
		if ip.To4() != nil {
			return true, nil
		}
	}
	if err == nil {
		err = c.void()
	}
	return false, err
}

func (c *spfCheck) matchesMX(ctx context.Context, target string, m mechanism) (bool, error) {
	if !isHostName(target) {
		return false, c.void()
	}
	servers, err := c.LookupMX(ctx, target)
	if err != nil && !isNotFound(err) {
		return false, errTemp
	}
	switch {
	case len(servers) == 0:
		return false, c.void()
	case len(servers) > spfNames:
		return false, errPerm
	}
	for _, server := range servers {
		ips, err := c.lookup(ctx, server.Host)
		if err != nil {
			return false, err
		}
		if contains(ips, c.ip, m) {
			return true, nil
		}
	}
	return false, nil
}

// matchesName reports whether a confirmed name of the client lies within target (RFC 7208 section 5.5).
func (c *spfCheck) matchesName(ctx context.Context, target string) bool {
	for _, name := range c.names(ctx) {
		if isWithin(name, target) {
			return true
		}
	}
	return false
}

// names are the client's names whose address is the client's again.
func (c *spfCheck) names(ctx context.Context) (confirmed []string) {
	names, err := c.LookupAddr(ctx, c.ip.String())
	if err != nil {
		return nil
	}
	for _, name := range names[:min(len(names), spfNames)] {
		ips, err := c.lookup(ctx, name)
		if err == nil && contains(ips, c.ip, mechanism{v4: 32, v6: 128}) {
			confirmed = append(confirmed, strings.ToLower(strings.TrimSuffix(name, ".")))
		}
	}
	return confirmed
}

// addresses are those of the client's own family; none at all counts as void.
func (c *spfCheck) addresses(ctx context.Context, host string) ([]net.IP, error) {
	ips, err := c.lookup(ctx, host)
	if err != nil {
		return nil, err
	}
	for _, ip := range ips {
		if (ip.To4() != nil) == (c.ip.To4() != nil) {
			return ips, nil
		}
	}
	return nil, c.void()
}

// lookup asks for all addresses of a host; there may be none.
func (c *spfCheck) lookup(ctx context.Context, host string) ([]net.IP, error) {
	if !isHostName(host) {
		return nil, nil
	}
	found, err := c.LookupIPAddr(ctx, host)
	if err != nil && !isNotFound(err) {
		return nil, errTemp
	}
	ips := make([]net.IP, 0, len(found))
	for _, a := range found {
		ips = append(ips, a.IP)
	}
	return ips, nil
}

func (c *spfCheck) count() error {
	if c.terms++; c.terms > spfTerms {
		return errPerm
	}
	return nil
}

func (c *spfCheck) void() error {
	if c.voids++; c.voids > spfVoid {
		return errPerm
	}
	return nil
}

func isNotFound(err error) bool {
	var e *net.DNSError
	return errors.As(err, &e) && e.IsNotFound
}

// contains reports whether the client is in the network of one of the addresses.
func contains(ips []net.IP, client net.IP, m mechanism) bool {
	for _, ip := range ips {
		if v4 := ip.To4(); v4 != nil {
			ip = v4
		}
		if len(ip) == len(client) && within(client, ip, m.mask(client)) {
			return true
		}
	}
	return false
}

// within compares the first bits of two addresses of one family.
func within(ip, network net.IP, bits int) bool {
	if len(ip) != len(network) {
		return false
	}
	mask := net.CIDRMask(bits, 8*len(ip))
	return ip.Mask(mask).Equal(network.Mask(mask))
}

func isWithin(name, domain string) bool {
	domain = strings.ToLower(strings.TrimSuffix(domain, "."))
	return name == domain || strings.HasSuffix(name, "."+domain)
}

// isHostName checks the lengths that the name service allows.
func isHostName(name string) bool {
	name = strings.TrimSuffix(name, ".")
	if name == "" || len(name) > 253 {
		return false
	}
	for _, label := range strings.Split(name, ".") {
		if label == "" || len(label) > 63 {
			return false
		}
	}
	return true
}

package safehttp

import (
	"fmt"
	"net/netip"
)

// special are the networks that no public host has, from the IANA registries of special-purpose addresses (RFC 6890 and its successors),
// multicast and the reserved rest.
var special = prefixes(
	"0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.0.0.0/24", "192.0.2.0/24",
	"192.88.99.0/24", "192.168.0.0/16", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/4", "240.0.0.0/4",
	"::/128", "::1/128", "::/96", "64:ff9b:1::/48", "100::/64", "2001::/23", "2001:db8::/32", "3fff::/20", "5f00::/16",
	"fc00::/7", "fe80::/10", "fec0::/10", "ff00::/8",
)

// carrying are the IPv6 networks whose addresses carry an IPv4 address, and where: traffic to them ends up at it.
var carrying = []struct {
	network netip.Prefix
	at      int // first byte of the IPv4 address
}{
	{netip.MustParsePrefix("64:ff9b::/96"), 12}, // RFC 6052
	{netip.MustParsePrefix("2002::/16"), 2},     // 6to4, RFC 3056
}

func prefixes(list ...string) []netip.Prefix {
	var out []netip.Prefix
	for _, p := range list {
		out = append(out, netip.MustParsePrefix(p))
	}
	return out
}

// Check refuses an address that is not public, unless it is allowed.
func Check(a netip.Addr, allow []netip.Prefix) error {
	a = a.Unmap().WithZone("")
	for _, p := range allow {
		if p.Contains(a) {
			return nil
		}
	}
	for _, c := range carrying {
		if c.network.Contains(a) {
			bytes := a.As16()
			return Check(netip.AddrFrom4([4]byte(bytes[c.at:c.at+4])), allow)
		}
	}
	for _, p := range special {
		if p.Contains(a) {
			return fmt.Errorf("%w: %s", ErrForbidden, a)
		}
	}
	return nil
}

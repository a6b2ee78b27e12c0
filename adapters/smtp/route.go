package smtp

import (
	"context"
	"errors"
	"math/rand/v2"
	"net"
	"net/netip"
	"slices"
	"strings"

	"golang.org/x/net/idna"

	"parley/interaction"
	"parley/lib/safehttp"
)

// hop is one server, or several that stand for one another, and the recipients that it is for.
type hop struct {
	name  string   // what lines and pauses are counted under: the domain, or the smart host
	hosts []string // in the order in which they are tried, with port
	to    []string
	tls   TLSPolicy
	known bool // configured, not named by a stranger's domain
}

// maxHosts bounds how many servers of a domain are tried.
const maxHosts = 5

// routes finds who takes the mail. Domains without a server are refused here, for good where the name says so.
func (s *Sender) routes(ctx context.Context, to []string) (hops []hop, refused refusals) {
	if s.opts.Addr != "" {
		return []hop{{name: s.opts.Addr, hosts: []string{s.opts.Addr}, to: to, tls: s.opts.TLS, known: true}}, nil
	}
	var domains []string
	of := map[string][]string{}
	for _, one := range to {
		domain := strings.ToLower(one[strings.LastIndexByte(one, '@')+1:])
		if of[domain] == nil {
			domains = append(domains, domain)
		}
		of[domain] = append(of[domain], one)
	}
	for _, domain := range domains {
		hosts, no := s.servers(ctx, domain)
		if no != nil {
			refused = append(refused, refusal{strings.Join(of[domain], ", "), *no})
			continue
		}
		policy := s.opts.TLS
		if own, ok := s.opts.TLSFor[domain]; ok {
			policy = own
		}
		hops = append(hops, hop{name: domain, hosts: hosts, to: of[domain], tls: policy})
	}
	return hops, refused
}

// servers finds a domain's servers (RFC 5321 section 5.1): those of its MX records, the domain itself without any, none with a null MX (RFC 7505).
func (s *Sender) servers(ctx context.Context, domain string) (hosts []string, no *interaction.Outcome) {
	if literal, ok := strings.CutPrefix(domain, "["); ok {
		address, err := netip.ParseAddr(strings.TrimPrefix(strings.TrimSuffix(literal, "]"), "ipv6:"))
		if err != nil {
			return nil, refuse("501 5.1.3", "the domain is not an address")
		}
		return []string{net.JoinHostPort(address.String(), s.opts.Port)}, nil
	}
	ascii, err := idna.Lookup.ToASCII(domain)
	if err != nil {
		return nil, refuse("501 5.1.3", "the domain cannot be a name")
	}
	records, err := s.opts.Resolver.LookupMX(ctx, ascii)
	if len(records) == 0 {
		var dns *net.DNSError
		if err != nil && (!errors.As(err, &dns) || !dns.IsNotFound) {
			return nil, &interaction.Outcome{State: interaction.SendQueued, Text: cutText(err.Error())}
		}
		if _, err := s.opts.Resolver.LookupNetIP(ctx, "ip", ascii); err != nil {
			if errors.As(err, &dns) && dns.IsNotFound {
				return nil, refuse("550 5.1.2", "there is no such domain")
			}
			return nil, &interaction.Outcome{State: interaction.SendQueued, Text: cutText(err.Error())}
		}
		records = []*net.MX{{Host: ascii}}
	}
	if len(records) == 1 && strings.Trim(records[0].Host, ".") == "" {
		return nil, refuse("556 5.1.10", "the domain takes no mail")
	}
	rand.Shuffle(len(records), func(i, j int) { records[i], records[j] = records[j], records[i] })
	slices.SortStableFunc(records, func(a, b *net.MX) int { return int(a.Pref) - int(b.Pref) })
	for _, r := range records {
		host := strings.TrimSuffix(strings.ToLower(r.Host), ".")
		if strings.EqualFold(host, s.opts.Hostname) {
			break // we are one of its servers: those behind us would send it back
		}
		if host != "" && len(hosts) < maxHosts {
			hosts = append(hosts, net.JoinHostPort(host, s.opts.Port))
		}
	}
	if len(hosts) == 0 {
		return nil, &interaction.Outcome{State: interaction.SendNotSent, Code: "554 5.4.6", Text: "the domain's server is this one, which takes no mail for it by this way"}
	}
	return hosts, nil
}

func refuse(code, text string) *interaction.Outcome {
	return &interaction.Outcome{State: interaction.SendNotSent, Permanent: true, Code: code, Text: text}
}

// addresses are where a host can be reached. A smart host is configured; a domain's server is what a stranger wrote into the DNS, and must not be a
// machine of ours.
func (s *Sender) addresses(ctx context.Context, host string, configured bool) ([]netip.Addr, error) {
	if address, err := netip.ParseAddr(host); err == nil {
		return s.public([]netip.Addr{address}, configured)
	}
	found, err := s.opts.Resolver.LookupNetIP(ctx, "ip", host)
	if err != nil {
		return nil, err
	}
	return s.public(found, configured)
}

func (s *Sender) public(found []netip.Addr, configured bool) (list []netip.Addr, err error) {
	err = errors.New("the host has no address")
	for _, a := range found {
		if !configured {
			if forbidden := safehttp.Check(a, s.opts.Allow); forbidden != nil {
				err = forbidden
				continue
			}
		}
		list = append(list, a)
	}
	if len(list) == 0 {
		return nil, err
	}
	return list, nil
}

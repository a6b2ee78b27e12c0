package main

import (
	"context"
	"net"
	"strings"
	"time"

	"parley/interaction"
	"parley/lib/mailauth"
)

// checks are what is asked about who messages are from, by channel; none where the settings do not want it.
func checks(c config) map[interaction.Channel]func(context.Context, []byte, interaction.Facts) map[string]string {
	if c.MailAuth != "on" {
		return nil
	}
	checker := &mailauth.Checker{Resolver: resolver(c.MailDNS)}
	return map[interaction.Channel]func(context.Context, []byte, interaction.Facts) map[string]string{
		interaction.Email: func(ctx context.Context, raw []byte, facts interaction.Facts) map[string]string {
			return authResults(checker.Check(ctx, raw, mailauth.Facts{IP: peerIP(facts.Peer), Helo: facts.Helo, Sender: facts.Sender}))
		},
	}
}

// dnsTime is how long one name server may take over one question.
const dnsTime = 2 * time.Second

// resolver asks the name server at that address; empty: the system's.
func resolver(server string) *net.Resolver {
	if server == "" {
		return net.DefaultResolver
	}
	return &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, network, _ string) (net.Conn, error) {
		d := net.Dialer{Timeout: dnsTime}
		return d.DialContext(ctx, network, server)
	}}
}

// peerIP takes the address out of "address:port"; nil for a mail that did not come over a connection.
func peerIP(peer string) net.IP {
	host, _, err := net.SplitHostPort(peer)
	if err != nil {
		host = peer
	}
	return net.ParseIP(host)
}

// authResults gives the results by name, as rules and people read them.
func authResults(r mailauth.Results) map[string]string {
	results := map[string]string{"spf": string(r.SPF), "dkim": string(r.DKIM), "dmarc": string(r.DMARC), "arc": string(r.ARC)}
	if r.Policy != "" {
		results["policy"] = r.Policy
	}
	if len(r.Signers) > 0 {
		results["signers"] = strings.Join(r.Signers, " ")
	}
	return results
}

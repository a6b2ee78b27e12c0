package smtp

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"strings"
	"time"
)

// TLSPolicy says how the way to a server is protected.
type TLSPolicy string

// The policies.
const (
	TLSNone          TLSPolicy = "none"          // never, for a host on the same machine
	TLSOpportunistic TLSPolicy = "opportunistic" // STARTTLS where it is offered, without looking at the certificate; in clear where it does not come about (RFC 7435)
	TLSRequired      TLSPolicy = "required"      // STARTTLS with a certificate that is valid for the host, or nothing is sent
	TLSImplicit      TLSPolicy = "implicit"      // TLS from the first byte (RFC 8314), likewise checked
)

// Resolver finds the servers of a domain. *net.Resolver is one.
type Resolver interface {
	LookupMX(ctx context.Context, domain string) ([]*net.MX, error)
	LookupNetIP(ctx context.Context, network, host string) ([]netip.Addr, error)
}

// SenderOptions set a Sender up. The zero value of an optional field means its default.
type SenderOptions struct {
	Addr          string               // host and port of the smart host; empty: mail goes to the servers of the recipients' domains
	Hostname      string               // our name in EHLO
	TLS           TLSPolicy            // default opportunistic
	TLSFor        map[string]TLSPolicy // domains with another policy, where mail goes to their own servers
	TLSConfig     *tls.Config          // for roots of an own authority; may be nil
	User          string               // at the smart host; empty: no AUTH
	Password      string               //
	StepTimeout   time.Duration        // for connecting, for each command, and for each piece of the mail; default 1 minute
	AnswerTimeout time.Duration        // for the answer behind the final dot; default 10 minutes (RFC 5321 section 4.5.3.2.6)
	AtATime       int                  // connections to the smart host, or to the servers of one domain; default 10
	Resolver      Resolver             // default: the system's
	Port          string               // of domains' servers; default 25
	Allow         []netip.Prefix       // networks that are not public and may be sent to all the same, by a domain's own naming
	DKIM          Keys                 // sign for these domains
	PlainOnly     bool                 // do not add an HTML form to what was written as text
	Loop          string               // value of the loop mark on automatic mail
	Logger        *slog.Logger
}

func (o *SenderOptions) defaults() {
	setDefault(&o.TLS, TLSOpportunistic)
	setDefault(&o.StepTimeout, time.Minute)
	setDefault(&o.AnswerTimeout, 10*time.Minute)
	setDefault(&o.AtATime, 10)
	setDefault(&o.Port, "25")
	setDefault(&o.Logger, slog.Default())
	if o.Resolver == nil {
		o.Resolver = net.DefaultResolver
	}
}

// validate gives everything that is wrong at once.
func (o *SenderOptions) validate() error {
	var errs []error
	host := ""
	if o.Addr != "" {
		var err error
		if host, _, err = net.SplitHostPort(o.Addr); err != nil {
			errs = append(errs, fmt.Errorf("addr %q: %w", o.Addr, err))
		}
	}
	if o.Hostname == "" || strings.ContainsAny(o.Hostname, " \r\n") {
		errs = append(errs, errors.New("hostname: give the name that this server has in the network"))
	}
	switch {
	case !known(o.TLS):
		errs = append(errs, fmt.Errorf("tls %q: is none of none, opportunistic, required, implicit", o.TLS))
	case (o.TLS == TLSNone || o.TLS == TLSOpportunistic) && o.User != "" && !isLoopback(host):
		errs = append(errs, fmt.Errorf("tls %q: a password needs the policy required or implicit", o.TLS))
	}
	for domain, policy := range o.TLSFor {
		if !known(policy) {
			errs = append(errs, fmt.Errorf("tls for %s %q: is none of none, opportunistic, required, implicit", domain, policy))
		}
	}
	if o.User == "" && o.Password != "" {
		errs = append(errs, errors.New("user: there is a password, but no user"))
	}
	if o.User != "" && o.Addr == "" {
		errs = append(errs, errors.New("user: there is a user, but no smart host to tell it to"))
	}
	if o.StepTimeout < 0 || o.AnswerTimeout < 0 || o.AtATime < 1 {
		errs = append(errs, errors.New("timeouts and connections at a time must be positive, not negative"))
	}
	return errors.Join(errs...)
}

func known(p TLSPolicy) bool {
	switch p {
	case TLSNone, TLSOpportunistic, TLSRequired, TLSImplicit:
		return true
	}
	return false
}

func isLoopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

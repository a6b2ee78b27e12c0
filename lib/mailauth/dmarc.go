package mailauth

import (
	"context"
	"errors"
	"strings"

	"github.com/emersion/go-msgauth/dmarc"
	"golang.org/x/net/publicsuffix"
)

// policy is what a domain publishes for DMARC, or why nobody knows.
type policy struct {
	record    *dmarc.Record
	inherited bool // published by the organisational domain for its subdomains
	result    Result
}

// lookupDMARC asks the domain in From, then its organisational domain (RFC 7489 section 6.6.3).
func lookupDMARC(ctx context.Context, domain string, budget *budget) policy {
	if domain == "" {
		return policy{result: None}
	}
	names := []string{domain}
	if org := organisation(domain); org != domain {
		names = append(names, org)
	}
	for i, name := range names {
		record, err := dmarc.LookupWithOptions(name, &dmarc.LookupOptions{
			LookupTXT: func(name string) ([]string, error) { return budget.LookupTXT(ctx, name) },
		})
		switch {
		case err == nil:
			return policy{record: record, inherited: i > 0}
		case errors.Is(err, dmarc.ErrNoPolicy):
		case dmarc.IsTempFail(err) && budget.spent(ctx):
			return policy{result: NotChecked}
		case dmarc.IsTempFail(err):
			return policy{result: TempError}
		default:
			return policy{result: PermError}
		}
	}
	return policy{result: None}
}

// evaluate decides by alignment (RFC 7489 section 3.1): SPF or DKIM must pass for the domain that people see.
func (p policy) evaluate(domain string, single bool, spfDomain string, r Results) (Result, string) {
	if p.record == nil {
		return p.result, ""
	}
	asked := string(p.record.Policy)
	if p.inherited && p.record.SubdomainPolicy != "" {
		asked = string(p.record.SubdomainPolicy)
	}
	if !single {
		return Fail, asked
	}
	if r.SPF == Pass && aligned(domain, spfDomain, p.record.SPFAlignment) {
		return Pass, asked
	}
	for _, signer := range r.Signers {
		if aligned(domain, signer, p.record.DKIMAlignment) {
			return Pass, asked
		}
	}
	switch { // what was not known may have been a pass
	case r.SPF == TempError || r.DKIM == TempError:
		return TempError, asked
	case r.SPF == NotChecked || r.DKIM == NotChecked:
		return NotChecked, asked
	}
	return Fail, asked
}

func aligned(from, other string, mode dmarc.AlignmentMode) bool {
	from, other = strings.TrimSuffix(from, "."), strings.TrimSuffix(strings.ToLower(other), ".")
	if from == other {
		return from != ""
	}
	return mode != dmarc.AlignmentStrict && organisation(from) == organisation(other)
}

// organisation is the part of a domain that somebody registered (RFC 7489 section 3.2).
func organisation(domain string) string {
	org, err := publicsuffix.EffectiveTLDPlusOne(domain)
	if err != nil {
		return domain
	}
	return org
}

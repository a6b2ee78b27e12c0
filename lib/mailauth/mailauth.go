// Package mailauth checks who a mail is from: SPF (RFC 7208), DKIM (RFC 6376),
// DMARC (RFC 7489) and ARC (RFC 8617).
//
// A check never refuses a mail and never fails: it ends with a word for each
// method. All methods together may look up a bounded number of names, in a
// bounded time; what could not be finished within that is "notchecked", which
// says nothing about the mail. SPF and DMARC speak RFC 8601's words.
//
// SPF is our own because every case of the RFC's test suite has to come out
// right. The files: mailauth.go (what Check gives), limits.go (the budget),
// spf.go and spfrecord.go, dmarc.go, arc.go (the chain), signature.go and canonical.go (how ARC signs).
package mailauth

import (
	"bytes"
	"context"
	"errors"
	"net"
	"net/mail"
	"strings"
	"time"

	"github.com/emersion/go-msgauth/dkim"
)

// Result is the outcome of one method.
type Result string

// The results (RFC 8601 section 2.7), and one of our own.
const (
	None       Result = "none"       // the mail or its domain says nothing
	Pass       Result = "pass"       // it is as it should be
	Fail       Result = "fail"       // it is not
	SoftFail   Result = "softfail"   // probably not (SPF)
	Neutral    Result = "neutral"    // the domain does not want to say (SPF)
	TempError  Result = "temperror"  // the name service did not answer
	PermError  Result = "permerror"  // the domain's records are wrong
	NotChecked Result = "notchecked" // beyond the limits, or not asked for
)

// Results is what is known about a mail.
type Results struct {
	SPF   Result
	DKIM  Result // pass if any signature passes, else the best result of all
	DMARC Result
	ARC   Result

	Policy  string   // what the domain in From asks for where DMARC fails: "none", "quarantine" or "reject"
	Domain  string   // the domain in From
	Signers []string // domains whose DKIM signature passes
}

// Facts is what the connection told.
type Facts struct {
	IP     net.IP // of the client; nil: SPF is not checked
	Helo   string
	Sender string // envelope sender; empty for the null path
}

// Resolver looks up names. net.Resolver is one.
type Resolver interface {
	LookupTXT(ctx context.Context, name string) ([]string, error)
	LookupMX(ctx context.Context, name string) ([]*net.MX, error)
	LookupIPAddr(ctx context.Context, host string) ([]net.IPAddr, error)
	LookupAddr(ctx context.Context, addr string) ([]string, error)
}

// Checker checks mails. It is safe for concurrent use.
type Checker struct {
	Resolver   Resolver
	Lookups    int           // names looked up for one mail; 0: 10
	Signatures int           // DKIM signatures looked at; 0: 5
	Timeout    time.Duration // for one mail; 0: 5 s
}

// Check checks one mail. It never fails and takes at most Timeout.
func (c *Checker) Check(ctx context.Context, raw []byte, facts Facts) Results {
	limits := c.limits()
	ctx, cancel := context.WithTimeout(ctx, limits.timeout)
	defer cancel()
	done := make(chan Results, 1)
	go func() { done <- c.check(ctx, newline(raw), facts, limits) }()
	select {
	case r := <-done:
		return r
	case <-ctx.Done(): // a resolver that does not listen to the context
		return Results{SPF: NotChecked, DKIM: NotChecked, DMARC: NotChecked, ARC: NotChecked}
	}
}

func (c *Checker) check(ctx context.Context, raw []byte, facts Facts, limits limits) Results {
	budget := &budget{Resolver: c.Resolver, left: limits.lookups}
	r := Results{}
	r.DKIM, r.Signers = checkDKIM(ctx, raw, budget, limits.signatures)
	domain, single := fromDomain(raw)
	r.Domain = domain
	record := lookupDMARC(ctx, domain, budget)
	r.SPF = checkSPF(ctx, facts, budget)
	r.ARC = checkARC(ctx, raw, budget)
	r.DMARC, r.Policy = record.evaluate(domain, single, spfDomain(facts), r)
	return r
}

// checkSPF asks whether the client may send for the sender's domain.
func checkSPF(ctx context.Context, facts Facts, budget *budget) Result {
	if facts.IP == nil {
		return NotChecked
	}
	result := CheckSPF(ctx, facts, budget)
	if budget.spent(ctx) && (result == TempError || result == PermError) {
		return NotChecked
	}
	return result
}

// spfDomain is the domain that SPF speaks for (RFC 7208 section 2.4).
func spfDomain(facts Facts) string {
	if i := strings.LastIndexByte(facts.Sender, '@'); i >= 0 {
		return strings.ToLower(facts.Sender[i+1:])
	}
	return strings.ToLower(facts.Helo)
}

// checkDKIM verifies the first signatures. One that covers only a part of the body (l=) is no pass.
func checkDKIM(ctx context.Context, raw []byte, budget *budget, most int) (Result, []string) {
	verified, err := dkim.VerifyWithOptions(bytes.NewReader(raw), &dkim.VerifyOptions{
		MaxVerifications: most,
		LookupTXT:        func(name string) ([]string, error) { return budget.LookupTXT(ctx, name) },
	})
	best, signers := None, []string(nil)
	for _, v := range verified {
		result := dkimResult(v.Err)
		if result != Pass && budget.spent(ctx) && result == TempError {
			result = NotChecked
		}
		if result == Pass {
			signers = append(signers, strings.ToLower(v.Domain))
		}
		if rank[result] > rank[best] {
			best = result
		}
	}
	if errors.Is(err, dkim.ErrTooManySignatures) && best != Pass {
		return NotChecked, signers
	}
	return best, signers
}

var rank = map[Result]int{None: 0, PermError: 1, NotChecked: 2, Fail: 3, TempError: 4, Pass: 5}

func dkimResult(err error) Result {
	switch {
	case err == nil:
		return Pass
	case dkim.IsTempFail(err):
		return TempError
	case dkim.IsPermFail(err):
		return PermError
	}
	return Fail
}

// fromDomain gives the domain in From, and whether there is exactly one From with one address (RFC 7489 section 6.6.1).
func fromDomain(raw []byte) (domain string, single bool) {
	var values []string
	for _, f := range splitHeader(raw).fields {
		if strings.EqualFold(f.name, "From") {
			values = append(values, strings.ReplaceAll(f.value, "\r\n", ""))
		}
	}
	if len(values) != 1 {
		return "", false
	}
	list, err := mail.ParseAddressList(values[0])
	if err != nil || len(list) != 1 {
		return "", false
	}
	return strings.ToLower(list[0].Address[strings.LastIndexByte(list[0].Address, '@')+1:]), true
}

// newline makes every line end CRLF, which is what is signed.
func newline(raw []byte) []byte {
	if bytes.Count(raw, []byte("\n")) == bytes.Count(raw, []byte("\r\n")) {
		return raw
	}
	return bytes.ReplaceAll(bytes.ReplaceAll(raw, []byte("\r\n"), []byte("\n")), []byte("\n"), []byte("\r\n"))
}

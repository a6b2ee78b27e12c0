package main

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"parley/lib/safehttp"
)

// roles are the parts of parley that can run apart from one another.
var roles = []string{"api", "adapters", "intake", "relay", "worker", "dispatcher"}

// waits are times one after the other.
type waits []time.Duration

// config is everything parley is told, by flags or environment. Nothing below cmd reads the environment.
type config struct {
	Home        string   `env:"PARLEY_HOME" default:".parley" help:"Directory for all state."`
	HTTP        string   `env:"PARLEY_HTTP" default:"127.0.0.1:8080" help:"Address of REST API and pages."`
	PublicURL   string   `env:"PARLEY_PUBLIC_URL" help:"Where customers reach this Parley, such as https://chat.example.org; links in mail lead there. Without it no mail asks them to answer a survey."`
	SMTP        string   `env:"PARLEY_SMTP" default:"127.0.0.1:2525" help:"Address that takes mail."`
	SMTPCert    string   `env:"PARLEY_SMTP_CERT" help:"Certificate chain for STARTTLS, PEM; without one a self-signed one is made. Read again when it changes."`
	SMTPKey     string   `env:"PARLEY_SMTP_KEY" help:"Key of the certificate, PEM."`
	SMTPTrusted []string `env:"PARLEY_SMTP_TRUSTED" default:"127.0.0.0/8,::1/128" help:"Networks that the limits for each address are not for, such as an own relay's."`
	SMTPMaxSize int64    `env:"PARLEY_SMTP_MAX_SIZE" default:"31457280" help:"Bytes of the largest mail that is taken."`
	DatabaseURL string   `env:"PARLEY_DATABASE_URL" help:"A PostgreSQL that is there already."`
	Temporal    string   `env:"TEMPORAL_ADDRESS" help:"A Temporal that is there already, host:port."`
	Namespace   string   `env:"TEMPORAL_NAMESPACE" default:"parley" help:"Temporal namespace."`
	Hostname    string   `env:"PARLEY_HOSTNAME" default:"parley.example.test" help:"Name this host gives itself in mail; Message-IDs end in it."`
	SmartHost   string   `env:"PARLEY_SMARTHOST" help:"host:port that takes outgoing mail; without one it is caught under PARLEY_HOME/outbox."`
	SmartTLS    string   `env:"PARLEY_SMARTHOST_TLS" default:"opportunistic" enum:"none,opportunistic,required,implicit" help:"TLS on the way out: STARTTLS where offered, or required with a valid certificate, or TLS from the first byte."`
	SmartUser   string   `env:"PARLEY_SMARTHOST_USER" help:"Name for AUTH at the smart host."`
	SmartPass   string   `env:"PARLEY_SMARTHOST_PASSWORD" help:"Password for AUTH at the smart host."`
	MailDirect  bool     `env:"PARLEY_MAIL_DIRECT" help:"Send mail to the servers of the recipients' domains (MX) instead of a smart host."`
	MailTLS     []string `env:"PARLEY_MAIL_TLS_FOR" help:"Domains with a TLS policy of their own when mail is sent directly: example.org=required."`
	MailAtATime int      `env:"PARLEY_MAIL_AT_A_TIME" default:"10" help:"Connections to the smart host, or to the servers of one domain."`
	MailAuth    string   `env:"PARLEY_MAIL_AUTH" default:"off" enum:"off,on" help:"Check SPF, DKIM, DMARC and ARC of mail that arrives; this asks the name service for each mail."`
	MailDNS     string   `env:"PARLEY_MAIL_DNS" help:"host:port of the name server for these checks; without one the system's."`
	DKIM        []string `env:"PARLEY_DKIM" help:"Keys that sign outgoing mail, domain:selector:file with the private key in PEM."`
	RepeatSends bool     `env:"PARLEY_REPEAT_UNKNOWN" help:"Send a message once more, with the same Message-ID, when its carrier's answer was lost; otherwise a person decides."`
	SendAgain   waits    `env:"PARLEY_MAIL_AGAIN" help:"Waits before a reply is sent again that bounced for now (a full mailbox, a server that gave up), such as 4h,24h; without any, and behind the last, who wrote it is told."`
	Classifier  string   `env:"PARLEY_CLASSIFIER_URL" help:"A classifier outside that is asked for the category of what people write, such as https://classifier.example.org/classify; what it does not say in time the own model says."`
	ClassToken  string   `env:"PARLEY_CLASSIFIER_TOKEN" help:"Bearer token for it."`
	ClassTime   int      `env:"PARLEY_CLASSIFIER_TIMEOUT" default:"5" help:"Seconds that it has for one answer, 1 to 30."`
	LogLevel    string   `env:"PARLEY_LOG" default:"info" enum:"debug,info,warn,error" help:"Least level that is logged."`
	Secrets     string   `env:"PARLEY_SECRETS" help:"Directory of the files that links name as their secrets; default PARLEY_HOME/secrets."`
	Allow       []string `env:"PARLEY_ALLOW_NETWORKS" help:"Networks that are not public and may be called all the same, by webhooks, links and the classifier: 10.1.2.0/24, 127.0.0.1/32."`
	Erasures    string   `env:"PARLEY_ERASURE_LEDGER" help:"File that keeps who was erased for the day when a backup is restored, the same for all dispatchers; default PARLEY_HOME/erasures.jsonl."`
	Shards      int      `env:"PARLEY_SHARDS" default:"1" help:"Into how many parts dispatchers divide the groups; the same in every process."`
	Role        []string `env:"PARLEY_ROLE" help:"Parts to run: api, adapters, intake, relay, worker, dispatcher; all when none is named."`
}

// networks makes prefixes of what Validate has checked.
func networks(texts []string) []netip.Prefix {
	list := []netip.Prefix{}
	for _, a := range texts {
		list = append(list, netip.MustParsePrefix(a))
	}
	return list
}

// Validate says everything that is wrong at once, each with the setting, its value and the remedy.
func (c *config) Validate() error {
	var errs []error
	for _, a := range []struct{ name, value string }{{"PARLEY_HTTP", c.HTTP}, {"PARLEY_SMTP", c.SMTP}, {"PARLEY_SMARTHOST", c.SmartHost}, {"PARLEY_MAIL_DNS", c.MailDNS}, {"TEMPORAL_ADDRESS", c.Temporal}} {
		if a.value == "" && a.name != "PARLEY_HTTP" && a.name != "PARLEY_SMTP" {
			continue
		}
		if !isHostPort(a.value) {
			errs = append(errs, fmt.Errorf("%s=%q is not host:port; write for example 127.0.0.1:8080", a.name, a.value))
		}
	}
	if c.DatabaseURL != "" {
		if u, err := url.Parse(c.DatabaseURL); err != nil || !strings.HasPrefix(u.Scheme, "postgres") {
			errs = append(errs, errors.New("PARLEY_DATABASE_URL is not of the form postgres://user:password@host:port/name"))
		}
	}
	if u, err := url.Parse(c.PublicURL); c.PublicURL != "" && (err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "") {
		errs = append(errs, fmt.Errorf("PARLEY_PUBLIC_URL=%q is not an address of the web; write for example https://chat.example.org", c.PublicURL))
	}
	for _, r := range c.Role {
		if !slices.Contains(roles, r) {
			errs = append(errs, fmt.Errorf("PARLEY_ROLE=%q is none of %s", r, strings.Join(roles, ", ")))
		}
	}
	if c.Hostname == "" || len(c.Hostname) > 253 || strings.Trim(strings.ToLower(c.Hostname), "abcdefghijklmnopqrstuvwxyz0123456789.-") != "" {
		errs = append(errs, fmt.Errorf("PARLEY_HOSTNAME=%q is not a host's name; write for example mail.example.org", c.Hostname))
	}
	if c.SmartUser != "" && c.SmartPass == "" {
		errs = append(errs, fmt.Errorf("PARLEY_SMARTHOST_USER=%q has no password; set PARLEY_SMARTHOST_PASSWORD too", c.SmartUser))
	}
	for name, list := range map[string][]string{"PARLEY_ALLOW_NETWORKS": c.Allow, "PARLEY_SMTP_TRUSTED": c.SMTPTrusted} {
		for _, a := range list {
			if _, err := netip.ParsePrefix(a); err != nil {
				errs = append(errs, fmt.Errorf("%s=%q is not a network; write for example 10.1.2.0/24", name, a))
			}
		}
	}
	errs = append(errs, c.checkMail()...)
	if err := safehttp.CheckURL(c.Classifier); c.Classifier != "" && err != nil {
		errs = append(errs, fmt.Errorf("PARLEY_CLASSIFIER_URL=%q: %w; write for example https://classifier.example.org/classify", c.Classifier, err))
	}
	if c.Classifier != "" && (c.ClassTime < 1 || c.ClassTime > 30) {
		errs = append(errs, fmt.Errorf("PARLEY_CLASSIFIER_TIMEOUT=%d is not 1 to 30 seconds", c.ClassTime))
	}
	if c.Home == "" {
		errs = append(errs, errors.New("PARLEY_HOME is empty; name a directory"))
	}
	if len(errs) > 0 {
		return configError{errors.Join(errs...)}
	}
	return nil
}

// isHostPort reports whether s is host:port with a port that there can be; 0 is any free one.
func isHostPort(s string) bool {
	_, port, err := net.SplitHostPort(s)
	if err != nil {
		return false
	}
	_, err = strconv.ParseUint(port, 10, 16)
	return err == nil
}

// configError ends the program with code 78 (EX_CONFIG).
type configError struct{ error }

// runs reports whether this process has the role.
func (c *config) runs(role string) bool { return len(c.Role) == 0 || slices.Contains(c.Role, role) }

package bounce

import (
	"regexp"
	"strings"
)

// maxWords bounds the text that is looked at.
const maxWords = 16 << 10

// Judge finds the reason. sure is false where only a code without a clear
// meaning, or nothing at all, spoke for it: other text may then tell more.
func Judge(e Evidence) (reason Reason, sure bool) {
	said := plain(e.Text)
	status, reply := Codes(e)
	if isDelivered(e, status, said) {
		return Delivered, true
	}
	if reason := byProvider(e.Server, e.Stage, said); reason != "" {
		return reason, true
	}
	bare := anonymous(unwrap(said))
	if reason := byExactStatus(status, bare); reason != "" {
		return reason, true
	}
	if strings.HasPrefix(e.Agent, "x-unix") || programFailed.MatchString(said) {
		if reason := byPhrase(bare, programReasons); reason != "" {
			return reason, true
		}
		return MailerError, true
	}
	if accessDenied.MatchString(bare) {
		return deniedAt(e.Stage), true
	}
	if nobody.MatchString(bare) {
		return atStage(status, e.Stage, bare), true
	}
	reason = byPhrase(bare, phrases)
	if reason == "" && lists.MatchString(said) {
		reason = Blocked
	}
	switch {
	case e.Stage == StageMail && (reason == HostUnknown || reason == UserUnknown || reason == Filtered):
		return Rejected, true // what is unknown is the sender
	case reason == UserUnknown, strings.HasSuffix(status, ".1.1") && (reason == Suspend || reason == Filtered || reason == PolicyViolation || reason == SecurityError || reason == SyntaxError):
		return atStage(status, e.Stage, bare), true
	case reason != "" && reason != OnHold:
		return reason, true
	}
	if r := byStatus(status, e.Stage); r != "" {
		return r, true
	}
	if r := byPhrase(bare, weak); r == UserUnknown {
		return atStage(status, e.Stage, bare), true
	} else if r != "" {
		return r, false
	}
	if r := byReply(reply, e.Stage); r != "" {
		return r, false
	}
	switch {
	case e.Action == "delayed":
		return Expired, false
	case reason == OnHold || reply != "" || status != "" && !vague(status):
		return OnHold, false
	case strings.TrimSpace(bare) != "":
		return OnHold, false
	}
	return Undefined, false
}

// isDelivered reports whether a report is about success (RFC 3464 section 2.3.3, class 2 of RFC 3463).
func isDelivered(e Evidence, status, said string) bool {
	switch e.Action {
	case "delivered", "relayed", "expanded":
		return true
	case "":
		return strings.HasPrefix(status, "2.") && !refusal.MatchString(said)
	}
	return false
}

var (
	refusal = regexp.MustCompile(`\b[45]\d\d[ -]`)
	// accessDenied says nothing more: what was denied depends on when.
	accessDenied = regexp.MustCompile(`^[^a-z]*(?:smtp; ?)?(?:.{0,40}said: )?(?:[45]\d\d )?(?:\d\.\d\.\d )?(?:@ ?)?[^a-z]*access denied[^a-z]*(?:\(|$)`)
	// lists are names that only block lists have.
	lists = regexp.MustCompile(`spamhaus|spamcop|sorbs\.net|abuseat|barracudacentral|mailspike|uceprotect|dnsbl|\.rbl|rbl\.`)
)

func deniedAt(stage Stage) Reason {
	switch stage {
	case StageConnect, StageHello:
		return Blocked
	case StageMail, StageRcpt:
		return Rejected
	}
	return SecurityError
}

// atStage tells a mailbox that does not exist from a message that was refused
// for a recipient: a server that says "user unknown" after it has seen the
// content, with the status of a refusal, or nobody knows when, may do so to
// hide a filter.
func atStage(status string, stage Stage, said string) Reason {
	switch {
	case strings.HasSuffix(status, ".1.1") || strings.HasSuffix(status, ".1.0") || strings.HasSuffix(status, ".1.3"):
		return UserUnknown
	case stage == StageRcpt || stage == StageMail || ownDirectory.MatchString(said):
		return UserUnknown
	}
	return Filtered
}

// wrapped is how some senders put the reply into a text of their own: "5.1.0 - Unknown address error 550-'5.2.2 …'".
var wrapped = regexp.MustCompile(`(?i)^\W*(?:smtp; ?)?\d\.\d\.\d - [a-z ]{3,60}? ([45]\d\d)?[- ]?'(.*?)'(?: \(.*\))?$`)

func unwrap(said string) string {
	if m := wrapped.FindStringSubmatch(said); m != nil {
		return m[1] + " " + m[2]
	}
	return said
}

var (
	address = regexp.MustCompile(`<?[\w.!#$%&'*+/=?^{|}~-]*@[\w.-]*>?`)
	weblink = regexp.MustCompile(`<?https?:\S+|www\.\S+`)
	ipv4    = regexp.MustCompile(`\[?\b(?:\d{1,3}\.){3}\d{1,3}\b\]?(?::25)?|\[?(?:[0-9a-f]{1,4}:){4,7}[0-9a-f:.]*\]?`)
	hosts   = regexp.MustCompile(`\b(?:[a-z0-9_-]+\.)+(?:com|net|org|edu|gov|jp|de|fr|uk|ru|ca|it|es|nl|eu|info|io|cn|in|br|au|us|cz|pl|ch|at|be|se|no|dk|fi|[a-z]{2}|example|test|local|invalid)\b`)
)

// anonymous puts words for what only names somebody, so that no host called
// "unknown.example" and no link to an explanation is taken for a reason.
func anonymous(said string) string {
	said = weblink.ReplaceAllString(said, "url")
	said = address.ReplaceAllString(said, "@")
	said = ipv4.ReplaceAllString(said, "ip")
	return hosts.ReplaceAllString(said, "host")
}

var (
	enhanced  = regexp.MustCompile(`(?:^|[^\d.])([245]\.\d{1,3}\.\d{1,3})(?:[^\d.]|\.?\s|\.?$)`)
	replyOf   = regexp.MustCompile(`(?:^|[^\d.:/\[=@_-])([245][0-7]\d)(?:[ \-:#;,)'"]|\.? |\.?$)`)
	spaces    = regexp.MustCompile(`\s+`)
	continued = regexp.MustCompile(`(?m)(^|\s)[245]\d\d-(?:[245]\.\d{1,3}\.\d{1,3})?`)
)

// Codes gives the enhanced status code and the reply code. What the server
// itself said counts more than what its report made of it, and a precise status
// more than one such as 5.0.0.
func Codes(e Evidence) (status, reply string) {
	status = e.Status
	if inner := wrapped.FindStringSubmatch(strings.TrimSpace(spaces.ReplaceAllString(e.Text, " "))); inner != nil {
		e.Text = inner[1] + " " + inner[2]
		status = ""
	}
	if m := enhanced.FindStringSubmatch(e.Text); m != nil && (vague(status) || !vague(m[1]) && m[1][0] == status[0] && strings.HasSuffix(status, ".0")) {
		status = m[1]
	}
	for _, m := range replyOf.FindAllStringSubmatch(e.Text, 5) {
		if status == "" || m[1][0] == status[0] || reply == "" {
			reply = m[1]
		}
		if status == "" || m[1][0] == status[0] {
			break
		}
	}
	return status, reply
}

// vague reports whether a status says no more than success, trouble or failure.
func vague(status string) bool { return status == "" || strings.HasSuffix(status, ".0.0") }

// plain makes one line in lower case of what a server said, without the codes
// that are repeated on each line of a reply.
func plain(s string) string {
	if len(s) > maxWords {
		s = s[:maxWords]
	}
	s = continued.ReplaceAllString(s, " ")
	s = strings.ToLower(strings.TrimSpace(spaces.ReplaceAllString(strings.ToValidUTF8(s, ""), " ")))
	return saysNothing.Replace(s)
}

// saysNothing drops what stands with reasons of every kind: Postfix's words for an address that it has given up for now, before the reason that it had, and RFC 5321's
// own text of code 421.
var saysNothing = strings.NewReplacer("delivery temporarily suspended: ", "", "service not available, closing transmission channel", "")

// words is one reason and what servers say for it.
type words struct {
	reason Reason
	say    *regexp.Regexp
}

// saying makes one expression of phrases in lower case; each is a regular expression.
func saying(reason Reason, say ...string) words {
	return words{reason, regexp.MustCompile(strings.Join(say, "|"))}
}

func byPhrase(said string, table []words) Reason {
	for _, w := range table {
		if w.say.MatchString(said) {
			return w.reason
		}
	}
	return ""
}

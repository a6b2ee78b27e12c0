package mail

import (
	"regexp"
	"strings"

	"parley/lib/mail/bounce"
)

// fromGroup reads the fields about one recipient (RFC 3464 section 2.3). head
// are the fields about the whole message, said is what the report tells people:
// it helps where the fields are empty, and where it can only be about this recipient.
func fromGroup(group, head header, said string, alone bool) (b Bounce, ok bool) {
	b.Recipient = typed(group, "Final-Recipient")
	if original := typed(group, "Original-Recipient"); original != "" && (b.Recipient == "" || !strings.Contains(b.Recipient, "@")) {
		b.Recipient = original
	}
	b.Action = strings.ToLower(firstWord(group.get("Action")))
	if b.Recipient == "" && b.Action == "" {
		return b, false
	}
	kind, diagnosis := cutType(decodeValue([]byte(group.get("Diagnostic-Code"))))
	_, server := cutType(decodeValue([]byte(group.get("Remote-Mta"))))
	_, reporter := cutType(decodeValue([]byte(head.get("Reporting-Mta"))))
	e := bounce.Evidence{Action: b.Action, Status: firstMatch(statusCode, group.get("Status")), Text: diagnosis, Server: server, Agent: strings.ToLower(kind)}
	if e.Server == "" {
		e.Server = reporter
	}
	about := wordsAbout(said, b.Recipient, alone)
	e.Stage = stageOf(diagnosis + "\n" + about)
	if strings.HasPrefix(group.get("X-Actual-Recipient"), "RFC822; |") || strings.Contains(b.Recipient, "|") {
		e.Agent = "x-unix"
	}
	if category := categories[strings.ToLower(group.get("X-Powermta-Bouncecategory"))]; category != "" {
		fillBounce(&b, e, "")
		b.Reason, b.Hard = category, category.Hard()
		return b, true
	}
	fillBounce(&b, e, about)
	return b, true
}

// categories are PowerMTA's own verdicts (its user's guide, "bounce categories").
var categories = map[string]bounce.Reason{
	"bad-configuration": bounce.SystemError, "bad-connection": bounce.NetworkError, "bad-domain": bounce.HostUnknown, "bad-mailbox": bounce.UserUnknown,
	"content-related": bounce.ContentError, "inactive-mailbox": bounce.Suspend, "invalid-sender": bounce.Rejected, "message-expired": bounce.Expired,
	"no-answer-from-host": bounce.NetworkError, "policy-related": bounce.PolicyViolation, "protocol-errors": bounce.SyntaxError, "quota-issues": bounce.MailboxFull,
	"relaying-issues": bounce.NoRelaying, "routing-errors": bounce.SystemError, "spam-related": bounce.SpamDetected, "virus-related": bounce.VirusDetected,
}

// fillBounce judges by the server's own words, and by the report's where those say nothing.
func fillBounce(b *Bounce, e bounce.Evidence, about string) {
	if strings.TrimSpace(e.Text) == "" {
		e.Text, about = about, ""
	}
	reason, sure := bounce.Judge(e)
	if e.Text != "" && strings.TrimSpace(e.Text) == strings.TrimSpace(b.Recipient) {
		sure = false
	}
	if !sure && strings.TrimSpace(about) != "" {
		wider := e
		wider.Text = e.Text + "\n" + about
		if r, certain := bounce.Judge(wider); certain || reason == bounce.Undefined || reason == bounce.OnHold && r != bounce.Undefined {
			reason = r
		}
	}
	b.Reason, b.Hard = reason, reason.Hard()
	b.Status, b.Code = bounce.Codes(e)
	b.Text = shorten(oneLine(e.Text), 500)
}

// typed reads a value such as "rfc822; someone@example.org".
func typed(h header, name string) string {
	_, value := cutType(decodeValue([]byte(h.get(name))))
	return bareAddress(value)
}

// bareAddress takes off brackets and whatever else is put around an address.
func bareAddress(s string) string {
	s = strings.TrimSpace(s)
	if i := strings.LastIndexByte(s, '<'); i >= 0 && strings.Contains(s[i:], "@") {
		s, _, _ = strings.Cut(s[i+1:], ">")
	}
	return strings.Trim(s, " <>\"'`,;:")
}

// cutType splits "smtp; 550 no" at the type in front.
func cutType(s string) (kind, value string) {
	kind, value, ok := strings.Cut(s, ";")
	if !ok || len(kind) > 20 || strings.ContainsAny(strings.TrimSpace(kind), " @") {
		return "", strings.TrimSpace(s)
	}
	return strings.TrimSpace(kind), strings.TrimSpace(value)
}

func firstWord(s string) string {
	if f := strings.FieldsFunc(s, func(r rune) bool { return r == ' ' || r == ';' || r == '(' || r == ',' }); len(f) > 0 {
		return f[0]
	}
	return ""
}

func firstMatch(re *regexp.Regexp, s string) string {
	if m := re.FindStringSubmatch(s); m != nil {
		return m[1]
	}
	return ""
}

// stages finds the command that was refused, in the words of many programs; the last one named counts.
var stages = regexp.MustCompile(`(?i)(?:in reply to (?:the )?(?:end of )?|error from remote (?:mail )?server after (?:pipelined )?(?:sending )?(?:end of )?|did not like our (?:final )?|>>> |server for |\bsent:? (?:<<<)? ?|command(?: was)?:? ?"?|response to (?:the )?(?:end of )?"?|\(|\[|after sending |stage: ?|failed after i sent the |ended? of |error in |reply to |smtp[ :]|smtp command |progress was )(helo|ehlo|lhlo|greeting|initial connection|connection|mail|rcpt|text|data|message|dot|\.$|bdat)(?:[ _](?:from|to))?\b`)

func stageOf(s string) (stage bounce.Stage) {
	switch {
	case recipientRefused.MatchString(s):
		return bounce.StageRcpt
	case senderRefused.MatchString(s):
		return bounce.StageMail
	case strings.Contains(s, "refused to talk to me:"): // Postfix, of the greeting or the answer to EHLO
		return bounce.StageConnect
	}
	for _, m := range stages.FindAllStringSubmatch(s[:min(len(s), 64<<10)], 200) {
		switch strings.ToLower(m[1]) {
		case "helo", "ehlo", "lhlo":
			stage = bounce.StageHello
		case "greeting", "connection", "initial connection":
			stage = bounce.StageConnect
		case "mail":
			stage = bounce.StageMail
		case "rcpt":
			stage = bounce.StageRcpt
		case "text", "data", "message", "dot", "bdat":
			stage = bounce.StageData
		}
	}
	return stage
}

// qmail and its kin, and Google's old reports, say it in words of their own.
var (
	recipientRefused = regexp.MustCompile(`(?i)does not like recipient|but recipient was rejected|rejected recipient|\(state 14\)`)
	senderRefused    = regexp.MustCompile(`(?i)but sender was rejected|does not like (the )?sender`)
)

package mail

import (
	"regexp"
	"strings"
)

// LoopHeader is the field that all our automatic mail carries. Mail that comes
// back with it was answered by a machine.
const LoopHeader = "X-Parley-Loop"

// MachineKind says what sort of machine wrote a mail.
type MachineKind string

// The kinds of machine mail.
const (
	KindDSN       MachineKind = "dsn"        // delivery report (RFC 3464), or a bounce of no standard
	KindMDN       MachineKind = "mdn"        // read report (RFC 8098)
	KindFeedback  MachineKind = "feedback"   // complaint (ARF, RFC 5965)
	KindAutoReply MachineKind = "auto_reply" // out of office and the like
	KindAuto      MachineKind = "auto"       // sent by a program, in answer to nothing
	KindList      MachineKind = "list"       // mailing list
	KindBulk      MachineKind = "bulk"       // newsletter and the like
	KindCalendar  MachineKind = "calendar"   // invitation or answer to one
	KindNoReply   MachineKind = "no_reply"   // an address that nobody reads
	KindLoop      MachineKind = "loop"       // our own automatic mail came back
)

// Machine is the verdict whether a machine wrote a mail. To a machine nothing
// is ever sent automatically (RFC 3834 section 2).
type Machine struct {
	Is     bool
	Kind   MachineKind
	Reason string // the field that says so, for people
}

// Machine judges by the header, whatever language the mail is in. nullPath
// tells that the envelope sender was empty, which only machines use (RFC 5321 section 4.5.5).
func (m *Message) Machine(nullPath bool) Machine {
	for _, judge := range judges {
		if verdict := judge(m, nullPath); verdict.Is {
			return verdict
		}
	}
	return Machine{}
}

// judges are asked in order: from the most telling to the least.
var judges = []func(m *Message, nullPath bool) Machine{byLoop, byReport, byBounceSender, byAutoHeader, byAutoSubject, byCalendar, byList, byBulk, byHelpdesk, byNullPath, byNoReply, byMonitor, byOwnWords}

func yes(kind MachineKind, reason string) Machine { return Machine{true, kind, oneLine(reason)} }

func byLoop(m *Message, _ bool) Machine {
	if v := m.Values(LoopHeader); len(v) > 0 {
		return yes(KindLoop, LoopHeader)
	}
	return Machine{}
}

func byReport(m *Message, _ bool) Machine {
	switch m.Report {
	case "delivery-status":
		return yes(KindDSN, "multipart/report; report-type=delivery-status")
	case "disposition-notification":
		return yes(KindMDN, "multipart/report; report-type=disposition-notification")
	case "feedback-report":
		return yes(KindFeedback, "multipart/report; report-type=feedback-report")
	}
	for _, typ := range m.reportParts { // those of a report that somebody forwards do not count
		switch typ {
		case "message/delivery-status", "message/global-delivery-status":
			return yes(KindDSN, "a part "+typ)
		case "message/disposition-notification", "message/global-disposition-notification":
			return yes(KindMDN, "a part "+typ)
		case "message/feedback-report":
			return yes(KindFeedback, "a part "+typ)
		}
	}
	for _, b := range m.bounces {
		switch b.Action {
		case "feedback":
			return yes(KindFeedback, "a complaint about "+b.Recipient)
		case "vacation":
		default:
			return yes(KindDSN, "a report about mail to "+b.Recipient)
		}
	}
	if m.Get("X-Failed-Recipients") != "" {
		return yes(KindDSN, "X-Failed-Recipients")
	}
	if m.Type == "multipart/report" {
		return yes(KindDSN, "multipart/report")
	}
	return Machine{}
}

// daemon matches the local parts that mail servers write from.
var daemon = regexp.MustCompile(`(?i)^(mailer-daemon|mail-daemon|maildaemon|postmaster|mdaemon|mail\.?delivery(subsystem)?|bounces?|bounced)([-+=_.].*)?@`)

// noReply matches local parts that say that nobody reads there.
var noReply = regexp.MustCompile(`(?i)^([a-z0-9._+-]*[._+-])?(no[-_.]?reply|do[-_.]?not[-_.]?reply|dont[-_.]?reply|keine[-_.]?antwort|nicht[-_.]?antworten|ne[-_.]?pas[-_.]?repondre|no[-_.]?responder|non[-_.]?rispondere|notifications?|automailer|mailer|nobody)([-+=_.][^@]*)?@`)

func byBounceSender(m *Message, _ bool) Machine {
	for _, a := range m.From {
		if strings.HasPrefix(strings.ToLower(a.Address), "postmaster") && m.Get("Auto-Submitted") == "" && len(m.InReplyTo) == 0 && len(m.Values("Return-Path")) == 0 {
			continue // a postmaster may be a person
		}
		if daemon.MatchString(a.Address + "@") {
			return yes(KindDSN, "From is a mail server's own address")
		}
	}
	return Machine{}
}

func byAutoHeader(m *Message, _ bool) Machine {
	if v := strings.ToLower(m.Get("Auto-Submitted")); v != "" {
		switch word, _, _ := strings.Cut(strings.TrimSpace(v), ";"); strings.Fields(word + " -")[0] {
		case "no", "-":
		case "auto-replied", "auto-replied-vacation", "auto-notified":
			return yes(KindAutoReply, "Auto-Submitted: "+v)
		default:
			return yes(KindAuto, "Auto-Submitted: "+v)
		}
	}
	for _, name := range []string{"X-Autoreply", "X-Autorespond", "X-Autoresponder", "X-Auto-Reply", "X-Mail-Autoreply", "X-AutoReply-From", "Auto-Reply", "X-Vacation", "X-Gm-Autoreply", "X-Cyberark-Autoreply"} {
		if v := m.Get(name); v != "" && !strings.EqualFold(v, "no") && !strings.EqualFold(v, "false") {
			return yes(KindAutoReply, name)
		}
	}
	if v := strings.ToLower(m.Get("X-Auto-Response-Suppress")); v != "" && v != "none" && !onlyReceipts(v) {
		return yes(KindAuto, "X-Auto-Response-Suppress: "+v)
	}
	if v := strings.ToLower(m.Get("Precedence")); strings.HasPrefix(v, "auto_reply") || strings.HasPrefix(v, "auto-reply") {
		return yes(KindAutoReply, "Precedence: "+v)
	}
	for _, name := range []string{"X-Cron-Env", "X-Cronjob", "X-Auto-Message", "X-Automatically-Generated", "X-Loop", "X-Jira-Fingerprint", "X-Zendesk-From-Account-Id", "X-Otrs-Loop", "X-Zammad-Send-Auto-Response", "X-GitHub-Reason"} {
		if m.Get(name) != "" {
			return yes(KindAuto, name)
		}
	}
	return Machine{}
}

// onlyReceipts reports whether a sender only asks for no receipts: people's Outlook does that for its own reasons.
func onlyReceipts(v string) bool {
	for _, word := range strings.FieldsFunc(v, func(r rune) bool { return r == ',' || r == ' ' || r == ';' }) {
		if word != "dr" && word != "rn" && word != "nrn" {
			return false
		}
	}
	return true
}

func byCalendar(m *Message, _ bool) Machine {
	if m.Type == "text/calendar" {
		return yes(KindCalendar, "Content-Type: text/calendar")
	}
	for _, a := range m.Attachments {
		if a.Type == "text/calendar" && a.Name == "" {
			return yes(KindCalendar, "a part text/calendar")
		}
	}
	return Machine{}
}

func byList(m *Message, _ bool) Machine {
	for _, name := range []string{"List-Id", "List-Post", "List-Help", "List-Owner", "Mailing-List", "X-Mailing-List", "X-Mailman-Version", "X-BeenThere"} {
		if m.Get(name) != "" {
			return yes(KindList, name)
		}
	}
	if m.Get("List-Unsubscribe") != "" {
		return yes(KindBulk, "List-Unsubscribe")
	}
	return Machine{}
}

func byBulk(m *Message, _ bool) Machine {
	switch v := strings.ToLower(strings.TrimSpace(m.Get("Precedence"))); v {
	case "list":
		return yes(KindList, "Precedence: list")
	case "bulk", "junk":
		return yes(KindBulk, "Precedence: "+v)
	}
	for _, name := range []string{"Feedback-ID", "X-Campaign", "X-CampaignId", "X-Campaign-Id", "X-Mailgun-Batch-Message-Id", "X-MC-User", "X-SG-EID", "X-CSA-Complaints", "X-Mailer-RecptId", "X-Report-Abuse-To"} {
		if m.Get(name) != "" {
			return yes(KindBulk, name)
		}
	}
	return Machine{}
}

func byNullPath(m *Message, nullPath bool) Machine {
	if nullPath {
		return yes(KindAuto, "the envelope sender is empty")
	}
	for _, v := range m.Values("Return-Path") {
		if strings.ReplaceAll(v, " ", "") == "<>" {
			return yes(KindAuto, "Return-Path: <>")
		}
	}
	return Machine{}
}

func byNoReply(m *Message, _ bool) Machine {
	for _, a := range append(m.From[:len(m.From):len(m.From)], m.ReplyTo...) {
		if noReply.MatchString(a.Address) {
			return yes(KindNoReply, "the sender's address says that nobody reads it")
		}
	}
	return Machine{}
}

// isAutoAnswer reports whether a program answered for the one who was written to.
func isAutoAnswer(m *Message) bool {
	return byAutoHeader(m, false).Kind == KindAutoReply || byAutoSubject(m, false).Is
}

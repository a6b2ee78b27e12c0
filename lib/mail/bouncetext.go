package mail

import (
	"encoding/json"
	"regexp"
	"strings"

	"parley/lib/mail/bounce"
)

// reportSubject is how programs title the reports that they write. An answer or a forward of one begins otherwise.
var reportSubject = regexp.MustCompile(`(?i)^\W{0,3}(\[?(delivery|mail|message)\]? ?(system |delivery |status )?(status notification|failure|failed|error|report|delayed|problem|warning|status|failed)|(mail|message|e-?mail)?\s?(could not be|not|was not|cannot be|couldn.t be|can.t be) (be )?(delivered|sent)|undeliver|(returned|failed|rejected|unrouteable|bounced) (mail|message|e-?mail|delivery)|failure notice|(mail )?system error|warning: (message|could not send|mail|e-?mail)|(delivery|mail|message) (has )?(failed|undeliverable)|unzustellbar|unable to deliver|non.?remis|échec|notification d'état|mensaje no entregado|no se puede entregar|mancata consegna|niet bestelbaar|onbestelbaar|returned to sender|there was an error sending your mail|user unknown|email bounce|bounced? (mail|message|notification)|nondeliver|permanent (error|delivery failure)|不在者|配信不能|配送|投递失败|退信|系统退信)|(delivery (failure|failed|status notification|report|problem)|undeliver(able|ed)|non-?delivery|mail delivery (failed|failure|system|error)|returned mail|failure notice|could not be delivered|returning message to sender|delayed mail|mail (was )?not delivered|email bounce notification)`)

// isAnswerSubject matches answers and forwards, which people write.
var isAnswerSubject = regexp.MustCompile(`(?i)^\s*(re|fwd?|aw|wg|sv|vs|tr|rv|antw|i|r|enc|odp|ynt|doorst|vb)\s?(\[\d+\])?\s?:`)

// looksLikeReport reports whether a program that moves mail wrote this one. A person's mail never counts, whatever it quotes.
func (m *Message) looksLikeReport() bool {
	if m.Report == "delivery-status" || m.Get("X-Failed-Recipients") != "" {
		return true
	}
	daemonic := false
	for _, a := range append(append([]string{}, rawNames(m)...), "") {
		daemonic = daemonic || daemonName.MatchString(a)
	}
	titled := reportSubject.MatchString(m.Subject) && !isAnswerSubject.MatchString(m.Subject)
	switch {
	case byNullPath(m, false).Is && m.holdsMessage && failureWords.MatchString(m.Text[:min(len(m.Text), 16<<10)]) && !isAutoAnswer(m):
		return true
	case isAnswerSubject.MatchString(m.Subject) && !daemonic:
		return false
	case daemonic:
		return titled || failureWords.MatchString(m.Text[:min(len(m.Text), 16<<10)])
	case titled && (byNullPath(m, false).Is || byAutoHeader(m, false).Is || m.Type == "multipart/report"):
		return true
	case titled:
		said := m.Text[:min(len(m.Text), 16<<10)]
		return len(m.InReplyTo) == 0 && reportWords.MatchString(said) && anyAddress.MatchString(said) && !greeting.MatchString(m.Text)
	}
	return false
}

// daemonName matches names and addresses that mail servers write from.
var daemonName = regexp.MustCompile(`(?i)mailer-?daemon|mail-?daemon|postmaster|mail[ ._-]?deliver|mail ?administrator|mailadmin|^system administrator|mail ?system|internet mail (delivery|service)|bounce|mail-?er\b|delivery (subsystem|system)|undeliver|autoantwort|complaints?@|e-?mail (server|delivery)|microsoft ?exchange|mmdf|^<>$|mail-?master|smtp gateway|notification@|no-?reply-?aws|mailservice|^root@|admin(istrator)?@`)

// rawNames gives names, addresses and the From field itself: a report's sender is often no address.
func rawNames(m *Message) (names []string) {
	for _, a := range m.From {
		names = append(names, a.Name, a.Address)
	}
	return append(names, m.Get("From"))
}

// greeting begins a person's mail.
var greeting = regexp.MustCompile(`(?i)^\s*(dear|hi|hello|hallo|hey|good (morning|day|evening)|sehr geehrte|lieber?|guten|bonjour|hola|buongiorno|ciao|geachte|beste|olá|cześć|dzień dobry)\b`)

// failureWords are what a report says somewhere in its first lines.
var failureWords = regexp.MustCompile(`(?i)undeliver|could not be (delivered|sent|reached|posted)|not (be )?deliver|fail|permanent|error|unable to|returned to|bounc|reject|delayed|does not exist|unknown|not reach|no such|refused|unzustellbar|konnte nicht|was not sent|did ?n.t (reach|work)|problem|expired|couldn.t be|can(no|')t be|delivery|troubles?\b|配信|できません|smtpresponse|notificationtype|n'a pas pu`)

// reportWords are what only a report says.
var reportWords = regexp.MustCompile(`(?i)\b[45]\d\d[ -]|\b[45]\.\d\.\d|following (address|recipient|destination)|(could|can) ?not be delivered to|unable to deliver|was not delivered|permanent (error|fatal)|undeliverable|did not reach|delivery to |mail delivery|unknown user|user unknown|配信|notificationtype`)

// originals are lines behind which the mail that came back is quoted.
var originals = regexp.MustCompile(`(?im)^[ \t>|]*(-{2,}|\*{2,}|={2,}|_{2,}|\|-+)?[ \t]*(below this line is a copy|this is a copy of|the headers? of the original message|the original message|original (message|mail|text|headers?)( follows?| headers?)?[ \t]*[.:=*_|-]|message (headers?|text|body|contents?)( follows?)?[ \t]*[.:=*_|-]|message headers? follow|unsent message|returned message|your (original )?message (reads|follows|begins)|a copy of (the|your) (original )?message|included is a copy|(first |the )?(\d+ )?lines? of (the )?original|forwarded message|copy of (the )?(original )?message|undelivered message|start of (returned|original)|content of (the )?original|-- original message|received header|(the )?headers? (of the|from the) (message|mail)|bounced e-?mail|text of (the )?(your )?(original )?message|transcript of message|message follows)[^\n]*$|^(Received: (from|by|\(|\[|with)|Return-Path: ?<|Received:from|DKIM-Signature:|Delivered-To: )`)

// cutOriginal splits a report's text where the mail that came back begins.
func cutOriginal(s string) (said, after string) {
	for start := 0; start < len(s); {
		at := originals.FindStringIndex(s[start:])
		if at == nil {
			break
		}
		line := s[start+at[0] : start+at[1]]
		if strings.TrimSpace(s[:start+at[0]]) != "" && !strings.Contains(strings.ToLower(line), "was received at") {
			if strings.HasPrefix(line, "Re") || strings.HasPrefix(line, "D") {
				return s[:start+at[0]], s[start+at[0]:]
			}
			return s[:start+at[0]], s[start+at[1]:]
		}
		start += max(at[1], 1)
	}
	return s, ""
}

const addr = `[A-Za-z0-9.!#$%&'*+/=?^_{|}~\x60-]+@[A-Za-z0-9._-]*[A-Za-z0-9]|"[^"\n]{1,64}"@[A-Za-z0-9._-]+`

// recipientLines find the addresses that a report is about, most telling form first.
// The first form that finds anything is used for the whole report.
var recipientLines = []*regexp.Regexp{
	regexp.MustCompile(`(?im)^[ \t>]*(?:final|original|failed|intended|actual)?[- ]?recip(?:ient)?s?(?:\(s\))?(?: address(?:es)?)?[ \t]*:[ \t]*(?:\[?smtp:|rfc822;)?[ \t]*<?(` + addr + `)`),
	regexp.MustCompile(`(?im)^[ \t]*(?:>>> )?(?:RCPT TO: ?)?<(` + addr + `)>[ \t]*(?:[:.;,(]|$|\.\.\.)`),
	regexp.MustCompile(`(?im)(?:deliver(?:y|ing)?|sent|sending|delevery|e-?mail|message|post(?:ed)?)(?: (?:your|the|this|mail|message|e-?mail|of))*(?: (?:mail|message))? (?:failed )?(?:to|for)(?: the (?:following )?(?:recipients?|address(?:es)?))?:?[ \t\n*]*<?(` + addr + `)`),
	regexp.MustCompile(`(?im)^[ \t*>|•·-]*<?(` + addr + `)>?[ \t]*(?:[:;,(\[]|$|\.\.\.| on | [-–—] )`),
	regexp.MustCompile(`(?im)\b[245]\d\d[ -](?:[245]\.\d+\.\d+ )?<?(` + addr + `)>?`),
	regexp.MustCompile(`(?im)(?:address|to|user|recipient|account|mailbox|for|an|宛先)[ \t]*(?:is|was)?[:=]?[ \t"'*]*<?(` + addr + `)`),
	regexp.MustCompile(`(?im)<(` + addr + `)>`),
	regexp.MustCompile(`(?im)\b(` + addr + `)`),
}

// fromWords makes bounces of a report in no standard form.
func (r *reading) fromWords(said string) (list []Bounce) {
	if len(said) > 64<<10 {
		said = said[:64<<10]
	}
	for _, group := range fieldGroups([]byte(said)) { // a report that lost its MIME structure
		if group.get("Final-Recipient") != "" && (group.get("Action") != "" || group.get("Status") != "" || group.get("Diagnostic-Code") != "") {
			if b, ok := fromGroup(group, group, said, true); ok {
				list = append(list, b)
			}
		}
	}
	if len(list) > 0 {
		return list
	}
	said = withoutSuccess(said)
	for _, address := range r.recipients(said) {
		about := wordsAbout(said, address, false)
		if about == "" {
			about = said
		}
		e := bounce.Evidence{Text: about, Server: domainOf(address), Stage: stageOf(about)}
		if e.Stage == "" {
			e.Stage = stageOf(said)
		}
		b := Bounce{Action: "failed", Recipient: address}
		fillBounce(&b, e, said)
		if isDelay(r.m.Subject, said) {
			b.Action = "delayed"
		}
		list = append(list, b)
	}
	return list
}

// withoutSuccess drops what went well from the transcript of a dialogue.
func withoutSuccess(said string) string {
	if !strings.Contains(said, "Out: ") {
		return said
	}
	return accepted.ReplaceAllString(said, "")
}

var accepted = regexp.MustCompile(`(?m)^ *Out: [23]\d\d.*\n| *In: +(QUIT|RSET).*\n`)

// isDelay reports whether a report only warns.
func isDelay(subject, said string) bool {
	return delayed.MatchString(subject) || delayed.MatchString(said[:min(len(said), 4<<10)])
}

var delayed = regexp.MustCompile(`(?i)warning message only|warning only|has been delayed|delayed mail|delivery delayed|still being retried|do not need to resend|will (continue|keep) (to try|trying)|will be retried`)

func domainOf(address string) string { return address[strings.LastIndexByte(address, '@')+1:] }

// recipients finds whom a report is about.
func (r *reading) recipients(said string) (list []string) {
	if v := r.m.Get("X-Failed-Recipients"); v != "" {
		for _, a := range ParseAddresses(v) {
			list = appendNew(list, a.Address)
		}
		if len(list) > 0 {
			return list
		}
	}
	own := r.ownAddresses()
	for _, form := range recipientLines {
		for _, m := range form.FindAllStringSubmatch(said, maxBounces) {
			if a := bareAddress(m[1]); !own[strings.ToLower(a)] && !daemon.MatchString(a) {
				list = appendNew(list, a)
			}
		}
		if len(list) > 0 {
			return list
		}
	}
	if r.m.returned.To != "" {
		return []string{r.m.returned.To}
	}
	return []string{""}
}

// ownAddresses are those of the ones who wrote the mail and who get the report: a report is not about them.
func (r *reading) ownAddresses() map[string]bool {
	own := map[string]bool{}
	for _, list := range [][]string{{r.m.returned.From}, {r.m.Get("Return-Path")}} {
		for _, a := range list {
			own[strings.ToLower(bareAddress(a))] = true
		}
	}
	for _, a := range append(r.m.To[:len(r.m.To):len(r.m.To)], r.m.From...) {
		if !strings.EqualFold(a.Address, r.m.returned.To) {
			own[strings.ToLower(a.Address)] = true
		}
	}
	return own
}

func appendNew(list []string, s string) []string {
	for _, have := range list {
		if strings.EqualFold(have, s) {
			return list
		}
	}
	return append(list, s)
}

// fromSES reads the notification that Amazon's service sends as JSON instead of a report.
func fromSES(said string) (list []Bounce) {
	start := strings.IndexByte(said, '{')
	if start < 0 {
		return nil
	}
	var n struct {
		sesNotice
		Message string `json:"Message"` // SNS puts the notice there, as text, unless it is told to deliver it raw
	}
	unfolded := strings.NewReplacer("!\n ", "", "\n ", "", "\n", "").Replace(said[start:]) // servers break its one long line
	if err := json.NewDecoder(strings.NewReader(unfolded)).Decode(&n); err != nil {
		return nil
	}
	if n.Message != "" && json.Unmarshal([]byte(n.Message), &n.sesNotice) != nil {
		return nil
	}
	for _, who := range n.Bounce.Recipients {
		_, said := cutType(who.Diagnosis)
		b := Bounce{Action: strings.ToLower(who.Action), Recipient: bareAddress(who.Address)}
		fillBounce(&b, bounce.Evidence{Action: b.Action, Status: who.Status, Text: said + " " + n.Bounce.SubType, Server: n.Bounce.MTA}, "")
		list = append(list, b)
	}
	for _, who := range n.Complaint.Recipients {
		list = append(list, complaint(bareAddress(who.Address), n.Complaint.Type))
	}
	for _, who := range n.Delivery.Recipients {
		b := Bounce{Action: "delivered", Recipient: bareAddress(who), Reason: bounce.Delivered, Text: n.Delivery.Response}
		b.Status, b.Code = bounce.Codes(bounce.Evidence{Text: n.Delivery.Response})
		list = append(list, b)
	}
	return list
}

// sesNotices is a field that the notices of Amazon SES have, bare or in the text of another JSON object.
var sesNotices = regexp.MustCompile(`"(notificationType|eventType)\\?"`)

// sesNotice is the part of the notification that is read
// (https://docs.aws.amazon.com/ses/latest/dg/notification-contents.html).
type sesNotice struct {
	Bounce struct {
		SubType    string `json:"bounceSubType"`
		MTA        string `json:"reportingMTA"`
		Recipients []struct {
			Address   string `json:"emailAddress"`
			Action    string `json:"action"`
			Status    string `json:"status"`
			Diagnosis string `json:"diagnosticCode"`
		} `json:"bouncedRecipients"`
	} `json:"bounce"`
	Complaint struct {
		Type       string `json:"complaintFeedbackType"`
		Recipients []struct {
			Address string `json:"emailAddress"`
		} `json:"complainedRecipients"`
	} `json:"complaint"`
	Delivery struct {
		Recipients []string `json:"recipients"`
		Response   string   `json:"smtpResponse"`
	} `json:"delivery"`
}

// wordsAbout gives the lines of a report that are about one recipient: from the
// line that names it to the next paragraph that names another one. alone tells
// that the report has no other recipient.
func wordsAbout(said, address string, alone bool) string {
	if alone || address == "" {
		return said
	}
	var about []string
	inside, told := false, false
	for _, line := range strings.Split(said, "\n") {
		if named := anyAddress.FindString(line); named != "" {
			inside = strings.Contains(strings.ToLower(line), strings.ToLower(address)) || inside && !startsWithAddress.MatchString(line)
		}
		if inside && told && strings.TrimSpace(line) == "" {
			inside = false
		}
		if inside {
			about = append(about, line)
			told = told || refusalWords.MatchString(line)
		}
	}
	return strings.Join(about, "\n")
}

// refusalWords are a server's reply within a report.
var refusalWords = regexp.MustCompile(`\b[45]\d\d[ -]|[45]\.\d\.\d|(?i)error on|not reachable|timed? ?out|lookup`)

var (
	anyAddress        = regexp.MustCompile(addr)
	startsWithAddress = regexp.MustCompile(`(?i)^[ \t]*(to:|recipient:|rcpt to:)?[ \t]*<?(` + addr + `)`)
)

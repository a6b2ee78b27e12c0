package mail

import (
	"regexp"
	"strings"

	"parley/interaction"
)

// replyText gives what the writer added: without the quoted message at the end
// and without the signature. Answers between quoted lines stay, with the lines
// they answer. Where nothing would be left, the whole text is the reply: better
// too much before a person's eyes than nothing. from are the sender's addresses;
// they tell a signature from what is said about somebody else.
func replyText(s string, from []interaction.Address) string {
	all := strings.Split(strings.TrimRight(s, " \t\n"), "\n")
	all = all[belowQuote(all):]
	end := len(all)
	for i := range all[:min(len(all), maxReplyLines)] {
		quote := quoteBegins(all, i)
		if !quote && !isSignature(all, i) {
			continue
		}
		if above := strings.TrimSpace(strings.Join(all[:i], "\n")); above == "" && answersBelow(all[i:]) {
			continue
		}
		if quote && answersBetween(all[i:]) {
			continue
		}
		end = i
		break
	}
	kept := dropQuotedTail(all[:end])
	kept = dropContactBlock(dropRule(kept), from)
	reply := strings.TrimSpace(strings.Join(kept, "\n"))
	if reply == "" {
		return strings.TrimSpace(s)
	}
	return reply
}

// maxReplyLines bounds how far down the end of the reply is looked for.
const maxReplyLines = 5000

// htmlReply is replyText for a mail that has only HTML: mail programs mark the
// quoted message there, so that nobody needs to know their language.
func htmlReply(source, shown string, from []interaction.Address) string {
	if at := quoteMark.FindStringIndex(source); at != nil {
		if above := HTMLToText(source[:at[0]]); strings.TrimSpace(above) != "" {
			return replyText(above, from)
		}
	}
	return replyText(shown, from)
}

// quoteMark is the element that holds, or stands above, the message that is
// answered: Gmail, Yahoo, Outlook for Mac, for Windows and on the web, Apple
// Mail, Thunderbird, Proton, Zimbra, mail.ru, Yandex, GMX and AOL.
var quoteMark = regexp.MustCompile(`(?i)<(div|blockquote|span|hr|table)\b[^>]{0,300}\b(class|id|name)=["']?[^"'>]{0,80}\b(gmail_quote|gmail_extra|gmail_attr|yahoo_quoted|yahoo-quoted|yQTDBase|OLK_SRC_BODY_SECTION|divRplyFwdMsg|appendonsend|stopSpelling|moz-cite-prefix|protonmail_quote|protonmail-quote|tutanota_quote|zmail_extra|mailcue|mail_ru_quote|quote_mailru|ecxhmmessage|aolReplyDiv|cite_prefix|hcspq|zimbraQuote|oriMsgHtmlSeperator|mail-editor-reference-message-container|ms-outlook-mobile-reference-message)\b|<blockquote\b[^>]{0,300}\btype=["']?cite|<div style=["']?border:none;\s?border-top:solid #[0-9a-f]{6} 1\.0pt|<!--\s?(originalMessage|original message)`)

// dropQuotedTail takes quoted and empty lines off the end.
func dropQuotedTail(lines []string) []string {
	end := len(lines)
	for end > 0 && (isQuoted(lines[end-1]) || strings.TrimSpace(lines[end-1]) == "") {
		end--
	}
	return lines[:end]
}

// dropRule takes a drawn line off the end, which stood above what was cut.
func dropRule(lines []string) []string {
	end := len(lines)
	for end > 0 && (drawnLine.MatchString(lines[end-1]) || strings.TrimSpace(lines[end-1]) == "") {
		end--
	}
	if end == 0 {
		return lines
	}
	return lines[:end]
}

var drawnLine = regexp.MustCompile(`^[\s>]*[-_=*~—–]{3,}\s*$`)

// belowQuote gives the line where an answer begins that stands below one quoted
// block at the top; 0 where the mail is not written like that.
func belowQuote(all []string) int {
	last, unquoted := -1, 0
	for i, line := range all {
		switch {
		case isQuoted(line):
			if unquoted > 3 || unquoted > 0 && last >= 0 {
				return 0
			}
			last, unquoted = i, 0
		case strings.TrimSpace(line) != "":
			if last < 0 && unquoted == 0 && !attributionAt(all, i) {
				return 0
			}
			unquoted++
		}
	}
	if last < 0 || unquoted == 0 || isSignature(all, firstText(all, last+1)) {
		return 0
	}
	return last + 1
}

// firstText gives the first line from i on that is not empty.
func firstText(all []string, i int) int {
	for i < len(all)-1 && strings.TrimSpace(all[i]) == "" {
		i++
	}
	return i
}

// answersBelow reports whether unquoted text follows a quote that begins at the top: the answer stands below it.
func answersBelow(lines []string) bool {
	quoted := false
	for _, line := range lines {
		if isQuoted(line) {
			quoted = true
		} else if quoted && strings.TrimSpace(line) != "" {
			return true
		}
	}
	return false
}

// answersBetween reports whether unquoted words stand behind a quoted block:
// then the writer answered point by point, and the quote is part of what he says.
// What a list or a virus scanner puts below does not count.
func answersBetween(lines []string) bool {
	quoted, wrapped := 0, false
	for i, line := range lines {
		switch {
		case isQuoted(line):
			quoted, wrapped = quoted+1, true
		case strings.TrimSpace(line) == "":
			wrapped = false
		case quoted == 0 || wrapped: // a quoted line that a program broke in two
		case drawnLine.MatchString(line) || isSignature(lines, i) || footer.MatchString(line):
			return false
		default:
			return true
		}
	}
	return false
}

// footer is what lists, scanners and providers append.
var footer = regexp.MustCompile(`(?i)^\s*(_{2,}|-{2,}|[\w-]+ mailing list|to unsubscribe|you received this|this (e-?mail|message) (and|was|is|may)|diese e-?mail|virus-free|virenfrei|get your own|do you yahoo|https?://\S+$|\S+@\S+$|confidentiality|disclaimer)`)

func isQuoted(line string) bool {
	line = strings.TrimLeft(line, " \t")
	return strings.HasPrefix(line, ">") || strings.HasPrefix(line, "|> ")
}

// isSignature reports whether the signature begins at line i: "-- " (RFC 3676
// section 4.3; the space is often lost), or what telephones and programs write.
func isSignature(all []string, i int) bool {
	line := strings.TrimSpace(all[i])
	if line == "" || isQuoted(line) {
		return false
	}
	if strings.IndexByte("-_\xe2", line[0]) >= 0 && signatureMark.MatchString(line) {
		return !insideTable(all, i)
	}
	return standsAlone(all, i) && len(line) < 200 && deviceMark.MatchString(strings.Trim(line, "*_<>[]() "))
}

// standsAlone reports whether a line begins or ends a paragraph: only there programs put their marks.
func standsAlone(all []string, i int) bool {
	return i == 0 || i == len(all)-1 || strings.TrimSpace(all[i-1]) == "" || strings.TrimSpace(all[i+1]) == "" || isQuoted(all[i+1]) || endsLikeAttribution(all[i+1:min(len(all), i+4)])
}

var signatureMark = regexp.MustCompile(`^(--|—|––|__+|-- \*.*|-{2,3}\s?)$`)

// insideTable reports whether a drawn line only underlines the line above it.
func insideTable(all []string, i int) bool {
	return i > 0 && strings.TrimSpace(all[i-1]) != "" && len(strings.TrimSpace(all[i])) > 3
}

// deviceMark is the advertisement of a program or telephone, in many languages, alone on its line.
var deviceMark = regexp.MustCompile(`(?i)^(` +
	`(sent|written|posted) (from|via|with|by|using) (my |the |an? )?\S[^.!?,]{0,45}|get outlook for \S+.{0,60}|sent from (yahoo|outlook|mail|proton|gmail|samsung|iphone|ipad|windows|blackberry|nine|aol|mailbox|mobile)\b[^.!?,]{0,60}|` +
	`(von|aus) (meinem|meiner|unterwegs|der|dem) \S.{0,45}(gesendet|gesandt|verschickt)\.?|gesendet (von|mit|über|aus) \S.{0,60}|(diese nachricht wurde )?(von|mit) \S.{0,40} gesendet\.?|holen sie sich outlook für .{0,40}|outlook für \S+ (herunterladen|beziehen).{0,30}|` +
	`envoy[ée] (de|depuis|à partir de|avec|via) (mon |ma |l'|un )?\S.{0,60}|télécharge[rz] outlook pour .{0,40}|provenance : .{0,60}|obtenez outlook pour .{0,40}|` +
	`enviad[oa] (desde|de|do|da|con|com|a partir d\S+|por|pelo) (mi |mis |meu |minha |el |la |un )?\S.{0,60}|obtener outlook para .{0,40}|obter o outlook para .{0,40}|descargar outlook para .{0,30}|` +
	`inviato (da|dal|con|tramite) (mio |il )?\S.{0,60}|scarica outlook per .{0,40}|ottieni outlook per .{0,30}|` +
	`(verzonden|verstuurd) (vanaf|via|met|van|vanuit|door) (mijn )?\S.{0,60}|outlook voor \S+ (downloaden|ophalen).{0,30}|` +
	`wysłan[eoy] (z|ze|przez|za pomocą) (mojego )?\S.{0,60}|odesláno (z|ze|pomocí) (mého )?\S.{0,60}|odoslané z .{0,60}|` +
	`(skickat|sendt|skickades) (från|fra|med) (min |mitt )?\S.{0,60}|lähetetty \S.{0,60}|` +
	`отправлено (с|из|со|через) (моего )?\S.{0,60}|надіслано (з|із|зі) \S.{0,60}|изпратено от .{0,60}|` +
	`\S.{0,40}(cihazımdan|'?dan|'?den|ımdan|umdan) gönderildi|trimis (de pe|din|cu) \S.{0,60}|\S.{0,40}(készülékemről|-ról|-ről) küldve.{0,20}|elküldve .{0,50}|` +
	`στάλθηκε από .{0,60}|gửi từ .{0,60}|dikirim dari .{0,60}|poslano (iz|z|sa) .{0,60}|` +
	`(iphone|ipad|android|スマートフォン|私の\S+)から送信|\S{0,20}から送信|发自我的\s?\S.{0,30}|從我的 .{0,30}|发送自 .{0,40}|傳送自 .{0,40}|나의 \S+에서 보냄|\S{0,20}에서 (보냄|보낸 메일)|` +
	`נשלח מה?-?.{0,40}|أُ?رسلت? من .{0,40}|ส่งจาก.{0,40})$`)

// dropContactBlock takes a contact block off the end: a few short lines in a
// paragraph of their own that hold the sender's own address, or two of an
// address, a telephone number and a web page.
func dropContactBlock(lines []string, from []interaction.Address) []string {
	end := len(lines)
	begin := end
	for begin > 0 && strings.TrimSpace(lines[begin-1]) != "" {
		begin--
	}
	if begin == 0 || end-begin > 9 || end-begin < 2 {
		return lines
	}
	block := strings.Join(lines[begin:end], "\n")
	for _, line := range lines[begin:end] {
		if len([]rune(strings.TrimSpace(line))) > 70 || strings.HasSuffix(strings.TrimSpace(line), "?") || isQuoted(line) {
			return lines
		}
	}
	signs := 0
	for _, sign := range contactSigns {
		if sign.MatchString(block) {
			signs++
		}
	}
	for _, a := range from {
		if a.Address != "" && strings.Contains(strings.ToLower(block), strings.ToLower(a.Address)) {
			signs += 2
		}
	}
	if signs < 2 || saysSomething.MatchString(block) {
		return lines
	}
	return dropQuotedTail(lines[:begin])
}

var (
	contactSigns = []*regexp.Regexp{
		regexp.MustCompile(`[\w.+-]+@[\w-]+\.[\w.]+`),
		regexp.MustCompile(`(?i)(^|\s|\b(tel|phone|fax|mobile|mobil|cell|tél|t|m|p|o)\s?[.:]?\s*)\+?\(?\d[\d ()/.-]{6,}\d`),
		regexp.MustCompile(`(?i)\b(www\.|https?://)\S+`),
	}
	// saysSomething keeps a paragraph that asks or tells: a contact block has no verbs.
	saysSomething = regexp.MustCompile(`(?i)\b(please|call|reach|contact me|is|are|was|my|can|will|should|bitte|ist|sind|kann|mein\w*|est|mon|ma|es|mi|è|il mio|meu|minha|zijn|mijn)\b`)
)

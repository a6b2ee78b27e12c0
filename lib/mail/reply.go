package mail

import (
	"regexp"
	"strings"
)

// replyText gives what the writer added: without the quoted message at the end
// and without the signature. Answers between quoted lines stay, with the lines
// they answer. Where nothing would be left, the whole text is the reply: better
// too much before a person's eyes than nothing.
func replyText(s string) string {
	all := strings.Split(strings.TrimRight(s, " \t\n"), "\n")
	end := len(all)
	for i := range all {
		if quoteBegins(all, i) || signatureMark.MatchString(all[i]) {
			if above := strings.TrimSpace(strings.Join(all[:i], "\n")); above != "" || !answersBelow(all[i:]) {
				end = i
				break
			}
		}
	}
	kept := dropQuotedTail(all[:end])
	reply := strings.TrimSpace(strings.Join(kept, "\n"))
	if reply == "" {
		return strings.TrimSpace(s)
	}
	return reply
}

// dropQuotedTail takes quoted and empty lines off the end, and then an attribution line.
func dropQuotedTail(lines []string) []string {
	end := len(lines)
	for end > 0 && (isQuoted(lines[end-1]) || strings.TrimSpace(lines[end-1]) == "") {
		end--
	}
	return lines[:end]
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

func isQuoted(line string) bool { return strings.HasPrefix(strings.TrimLeft(line, " \t"), ">") }

// signatureMark is "-- " (RFC 3676 section 4.3; the space is often lost), or what telephones write.
var signatureMark = regexp.MustCompile(`^(--|-- |__+|Sent from my \S.{0,40}|Von meinem \S.{0,40} gesendet|Gesendet von meinem \S.{0,40}|Envoyé de mon \S.{0,40}|Enviado desde mi \S.{0,40}|Inviato da \S.{0,40})$`)

// separators stand on a line of their own above a whole quoted message.
var separators = regexp.MustCompile(`(?i)^\s*[-_*]{2,}\s*(original message|original appointment|forwarded message|ursprüngliche nachricht|originalnachricht|weitergeleitete nachricht|message d.origine|message transféré|mensaje original|mensaje reenviado|messaggio originale|oorspronkelijk bericht|mensagem original|reply above this line).{0,40}$|^_{10,}$`)

// attributions end the line, or two or three lines, above a quote.
var attributions = []*regexp.Regexp{
	regexp.MustCompile(`(?is)^\s*on\s.{4,300}\b(wrote|writes|said)\s*:\s*$`),
	regexp.MustCompile(`(?is)^\s*(am|den|vom)\s.{4,300}\b(schrieb|schreibt)\b.{0,120}:\s*$`),
	regexp.MustCompile(`(?is)^.{4,300}\b(schrieb|wrote)\s(am|on)\b.{4,100}:\s*$`),
	regexp.MustCompile(`(?is)^\s*le\s.{4,300}\b(a écrit|écrivait|à écrit)\s*:\s*$`),
	regexp.MustCompile(`(?is)^\s*el\s.{4,300}\b(escribió|escribio)\s*:\s*$`),
	regexp.MustCompile(`(?is)^\s*il\s.{4,300}\bha scritto\s*:\s*$`),
	regexp.MustCompile(`(?is)^\s*op\s.{4,300}\b(schreef|geschreven).{0,120}:\s*$`),
	regexp.MustCompile(`(?is)^\s*em\s.{4,300}\bescreveu\s*:\s*$`),
	regexp.MustCompile(`(?is)^\s*(w dniu|dnia)\s.{4,300}\b(napisał|napisała|napisał\(a\)|pisze)\s*:\s*$`),
}

// headerBlock is the top of the little header that Outlook puts above the quoted message.
var headerBlock = regexp.MustCompile(`(?i)^\s*\*?(from|von|de|da|van|od|från|fra)\s?:\*?\s.*\S`)

// headerNext are the lines that follow it.
var headerNext = regexp.MustCompile(`(?i)^\s*\*?(sent|date|to|cc|subject|gesendet|datum|an|betreff|envoyé|à|objet|enviado|enviada|fecha|para|asunto|assunto|inviato|data|a|oggetto|verzonden|aan|onderwerp|wysłano|do|temat)\s?:\*?\s`)

// quoteBegins reports whether the quoted message begins at line i.
func quoteBegins(all []string, i int) bool {
	line := all[i]
	switch {
	case strings.TrimSpace(line) == "":
		return false
	case separators.MatchString(line):
		return true
	case headerBlock.MatchString(line):
		return countHeaders(all, i+1) >= 2
	}
	for n := 1; n <= 3 && i+n <= len(all); n++ {
		joined := strings.Join(all[i:i+n], " ")
		if len(joined) > 500 || n > 1 && strings.TrimSpace(all[i+n-1]) == "" {
			return false
		}
		if !strings.HasSuffix(strings.TrimRight(joined, " \t"), ":") {
			continue
		}
		for _, a := range attributions {
			if a.MatchString(joined) {
				return true
			}
		}
	}
	return false
}

func countHeaders(all []string, i int) (n int) {
	for end := min(i+5, len(all)); i < end; i++ {
		if headerNext.MatchString(all[i]) {
			n++
		}
	}
	return n
}

package mail

import (
	"regexp"
	"strings"
	"unicode"
)

// quoteBegins reports whether the message that is answered begins at line i:
// below a separator, a little header, or a line that says who wrote when.
func quoteBegins(all []string, i int) bool {
	line := strings.TrimSpace(all[i])
	switch {
	case line == "":
		return false
	case mayStand(line) && separator.MatchString(line):
		return true
	case drawnLine.MatchString(line) && headerSoon(all, i+1):
		return true
	case headerBlockAt(all, i):
		return true
	}
	return attributionAt(all, i)
}

// mayStand rules most lines out before the long expression is tried: a separator is drawn, or ends in a colon.
func mayStand(line string) bool {
	return strings.IndexByte("-_*=>#", line[0]) >= 0 || strings.HasPrefix(line, "—") || strings.HasSuffix(line, ":") || len(line) < 60 && strings.HasPrefix(strings.ToLower(line), "begin forwarded")
}

// separator stands on a line of its own above a whole quoted message.
var separator = regexp.MustCompile(`(?i)^[\s>]*([-_*=]{2,}|—+|>{2,})\s*(original[- ]?(message|mail|e-?mail|appointment)|forwarded message|begin forwarded message|ursprüngliche (nachricht|mail|e-?mail)|original-?nachricht|originalmail|weitergeleitete nachricht|message (d.origine|original|transféré|initial)|message d'origine|e-?mail d'origine|courriel original|mensaje (original|reenviado)|mensagem (original|encaminhada)|messaggio (originale|inoltrato)|oorspronkelijk bericht|doorgestuurd bericht|oprindelig (meddelelse|besked)|original(t)? meddelande|ursprungligt meddelande|vidarebefordrat|opprinnelig melding|alkuperäinen viesti|välitetty viesti|oryginalna wiadomość|wiadomość oryginalna|treść oryginalnej wiadomości|původní zpráva|původní e-?mail|pôvodná správa|eredeti üzenet|mesaj original|mesajul original|исходное сообщение|пересылаемое сообщение|пересланное сообщение|оригинальное сообщение|початкове повідомлення|оригінальне повідомлення|оригинално съобщение|αρχικό μήνυμα|orijinal (mesaj|ileti)|özgün (mesaj|ileti)|原始邮件|原始郵件|转发邮件|原始消息|元のメッセージ|転送メッセージ|오리지널 메시지|원본 메시지|הודעה מקורית|הודעה שהועברה|الرسالة الأصلية|رسالة أصلية|tin nhắn gốc|thư gốc|pesan asli|izvorna poruka|originalna poruka|izvirno sporočilo|reply (above|below) this line|please (type your )?reply above this line)\b?.{0,60}$|^>?\s*(begin forwarded message|début du message (réexpédié|transféré)|anfang der weitergeleiteten (nachricht|e-?mail)|inizio messaggio inoltrato|inicio del mensaje reenviado|início da mensagem encaminhada|начало переадресованного сообщения|doorgestuurd bericht|##- please type your reply above this line -##|## .{0,10}reply above this line.{0,10})\s*:?\s*#*$`)

// role is what a field of a quoted header tells.
type role byte

const (
	roleFrom role = 1 << iota
	roleDate
	roleTo
	roleSubject
	roleCc
)

// labels are the names of the fields in the languages of mail programs.
var labels = func() map[string]role {
	table := map[string]role{}
	for r, names := range map[role]string{
		roleFrom:    "from|von|de|da|van|od|från|fra|lähettäjä|feladó|de la|от|отправитель|від|από|gönderen|kimden|发件人|寄件者|寄件人|差出人|送信者|送信元|보낸 사람|보낸사람|발신|מאת|من|expéditeur|mittente|remitente|remetente|afzender|nadawca|odesílatel|odosielateľ|avsändare|avsender|afsender|pengirim|dari|จาก|từ|šalje|pošiljatelj|nuo|saatja|no|el|von meinem|absender|reply-to|gửi bởi",
		roleDate:    "date|sent|sent at|datum|gesendet|gesendet am|envoyé|envoyé le|date d'envoi|enviado|enviado el|enviada|enviado em|enviada em|fecha|data|inviato|data invio|verzonden|skickat|skickat den|sendt|sendt den|lähetetty|päivämäärä|elküldve|dátum|wysłano|wysłane|data wysłania|odesláno|odoslané|trimis|дата|отправлено|время|надіслано|изпратено|ημερομηνία|εστάλη|στάλθηκε|gönderildi|gönderme tarihi|tarih|发送时间|日期|时间|寄件日期|傳送日期|送信日時|日付|日時|보낸 날짜|날짜|보낸날짜|נשלח|תאריך|تاريخ|التاريخ|تم الإرسال|dato|dikirim|tanggal|ngày|đã gửi|poslano|received|empfangen|when",
		roleTo:      "to|an|à|a|para|aan|do|komu|till|til|vastaanottaja|címzett|către|catre|кому|до|προς|kime|alıcı|收件人|收件者|宛先|받는 사람|받는사람|אל|إلى|إلي|destinataire|destinatario|destinatário|ontvanger|odbiorca|empfänger|kepada|ถึง|đến|za|prima",
		roleSubject: "subject|betreff|betr|objet|asunto|oggetto|onderwerp|assunto|temat|předmět|predmet|ämne|emne|aihe|tárgy|subiect|тема|относно|θέμα|konu|主题|主旨|主題|件名|제목|נושא|الموضوع|perihal|subjek|เรื่อง|chủ đề|naslov|zadeva|teema|tema|re",
		roleCc:      "cc|kopie|copie|copia|cópia|kopia|kopio|копия|копія|másolat|抄送|副本|참조|bcc|reply to|antwort an|répondre à|wichtigkeit|importance|priority|priorität|attachments|anlagen|pièces jointes",
	} {
		for _, name := range strings.Split(names, "|") {
			table[name] = r
		}
	}
	return table
}()

var labelled = regexp.MustCompile(`^[\s>*_|]*([\p{L}\p{M}][\p{L}\p{M}' -]{0,24}?)[\s*_\x{a0}]*[:\x{ff1a}]\s?[*_]*\s*(.*)$`)

// labelOf gives the role of a line such as "*Von:* Anna", and what stands behind the label.
func labelOf(line string) (role, string) {
	if at := strings.IndexByte(line, ':'); len(line) > 1000 || at < 0 && !strings.Contains(line, "\uff1a") || at > 120 {
		return 0, ""
	}
	m := labelled.FindStringSubmatch(line)
	if m == nil {
		return 0, ""
	}
	return labels[strings.ToLower(strings.TrimSpace(m[1]))], m[2]
}

// headerBlockAt reports whether the header of a quoted message begins at line
// i: a sender, and two other fields within the next lines. A date and an
// address at once are enough.
func headerBlockAt(all []string, i int) bool {
	first, value := labelOf(all[i])
	if first == 0 || first == roleCc || first == roleTo {
		return false
	}
	seen := first
	for j, blank := i+1, 0; j < len(all) && j < i+14; j++ {
		line := strings.TrimSpace(strings.TrimLeft(all[j], "> "))
		if line == "" {
			if blank++; blank > 6 {
				break
			}
			continue
		}
		r, rest := labelOf(all[j])
		if r == 0 && seen&roleTo == 0 && seen&roleCc == 0 && j > i+3 {
			break
		}
		seen |= r
		value += rest
		if seen&roleFrom != 0 && seen&roleSubject != 0 && seen&(roleTo|roleDate) != 0 {
			return true
		}
	}
	return seen&roleFrom != 0 && seen&roleDate != 0 && (seen&roleTo != 0 || strings.Contains(value, "@"))
}

// headerSoon reports whether a quoted header begins within the next lines.
func headerSoon(all []string, i int) bool {
	for end := min(i+4, len(all)); i < end; i++ {
		if headerBlockAt(all, i) {
			return true
		}
		if strings.TrimSpace(all[i]) != "" {
			return false
		}
	}
	return false
}

// wroteWords are the verbs of lines that introduce a quote.
var wroteWords = regexp.MustCompile(`(?i)(\b(wrote|writes|said|schrieb|schreibt|a écrit|écrit|écrivait|à écrit|escribió|escribio|escribe|va escriure|ha scritto|scrive|scriveva|schreef|heeft geschreven|geschreven|het volgende geschreven|escreveu|escreve|napisał|napisała|napisał\(a\)|pisze|napsal|napsala|napsal\(a\)|napísal|napísala|skrev|skriver|kirjoitti|írta|ezt írta|a scris|menulis|rašė|rakstīja|kirjutas|je napisao|je napisala|napisao je|napisal|je pisal|đã viết|yazdı|şunu yazdı|şöyle yazdı)(\W|$)|написа|пишет|писал|пише|έγραψε|写道|寫道|写了|書きました|書き込みました|のメール|님이 작성|작성:|썼습니다|כתב|כתבה|كتب|เขียน)`)

var (
	hasAddress = regexp.MustCompile(`[^\s<>()\[\]"]+@[^\s<>()\[\]"]+|<mailto:`)
	hasDate    = regexp.MustCompile(`\d{4}[-/.年]\s?\d{1,2}|\d{1,2}[-/. ]\s?\S{1,12}[-/. ,]+(\d{4}|\d{2})\b|\b(19|20)\d\d\b|\d{1,2}[:.h]\d{2}`)
	startWord  = regexp.MustCompile(`(?i)^[\s>*-]*(on|am|le|el|il|op|em|w dniu|dnia|den|dne|dňa|den|på|pe|the|quoting|zitat von|в|на|у|στις|tarihinde|vào|pada|dia|в ср|în|la|в пн)\s`)
	hasTime    = regexp.MustCompile(`\d{1,2}[:.h]\d{2}`)
)

// attributionAt reports whether lines i and at most three more say who wrote
// what follows. Whatever the language, such a line has a date and an address,
// and ends in a colon or stands directly above a quote; a known verb replaces one of these.
func attributionAt(all []string, i int) bool {
	if i > 0 && strings.TrimSpace(all[i-1]) != "" && !isQuoted(all[i-1]) && continues(all[i]) {
		return false
	}
	if !endsLikeAttribution(all[i:min(len(all), i+4)]) {
		return false
	}
	if first := all[i]; !hasDate.MatchString(first) && !hasAddress.MatchString(first) && !startWord.MatchString(first) && !wroteWords.MatchString(first) {
		return false
	}
	joined := ""
	for n := 1; n <= 4 && i+n <= len(all); n++ {
		line := strings.TrimSpace(strings.TrimLeft(all[i+n-1], "> "))
		if line == "" {
			return false
		}
		joined = strings.TrimSpace(joined + " " + line)
		if len(joined) > 600 {
			return false
		}
		if introduces(joined, all, i+n) {
			return true
		}
	}
	return false
}

// endsLikeAttribution rules most lines out: one of these lines must end in a colon, in dashes, or in a verb.
func endsLikeAttribution(lines []string) bool {
	for _, line := range lines {
		line = strings.TrimRight(line, " \t*_>")
		if line == "" {
			return false
		}
		if strings.HasSuffix(line, ":") || strings.HasSuffix(line, "\uff1a") || strings.HasSuffix(line, "--") {
			return true
		}
		if verbs[strings.ToLower(line[strings.LastIndexByte(line, ' ')+1:])] {
			return true
		}
	}
	return false
}

// verbs end an attribution that has no colon.
var verbs = map[string]bool{"wrote": true, "schrieb": true, "écrit": true, "escribió": true, "scritto": true, "schreef": true, "escreveu": true, "napisał": true, "skrev": true, "kirjoitti": true, "написал": true}

// continues reports whether a line begins in the middle of a sentence.
func continues(line string) bool {
	line = strings.TrimSpace(line)
	for _, r := range line {
		return unicode.IsLower(r)
	}
	return false
}

// introduces judges one candidate; next is the line behind it.
func introduces(s string, all []string, next int) bool {
	bare := strings.TrimRight(s, " *_>")
	colon := strings.HasSuffix(bare, ":") || strings.HasSuffix(bare, "\uff1a")
	address, date, wrote := hasAddress.MatchString(s), hasDate.MatchString(s), wroteWords.MatchString(s)
	quoted := quoteFollows(all, next)
	switch {
	case wrote && colon && (date || address):
		return !strings.Contains(strings.TrimSuffix(bare, ":"), ". ") || date && address || quoted
	case wrote && date && address && hasTime.MatchString(s):
		return endsInWrote.MatchString(bare)
	case colon && address && date && hasTime.MatchString(s):
		return true
	case wrote && colon && quoted:
		return true
	case colon && quoted && (address || date):
		return true
	}
	return false
}

var endsInWrote = regexp.MustCompile(`(?i)(wrote|schrieb|écrit|escribió|scritto|schreef|escreveu|napisał|skrev|kirjoitti|написал)\W*$|-{2,}\s*$`)

// quoteFollows reports whether the next line that says something is quoted.
func quoteFollows(all []string, i int) bool {
	for end := min(i+3, len(all)); i < end; i++ {
		if strings.TrimSpace(all[i]) != "" {
			return isQuoted(all[i])
		}
	}
	return false
}

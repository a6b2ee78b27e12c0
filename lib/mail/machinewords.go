package mail

import (
	"regexp"
	"strings"
)

// This file knows machines that do not say so in the header as RFC 3834 asks:
// by the titles and words of their mail, in many languages. People write about
// the same things, so a word alone is never enough: it must stand where a
// program puts it, and most need a second sign.

// autoTitles is how programs title the answers that they give for people. Nobody else does.
var autoTitles = regexp.MustCompile(`(?i)^\s*\[?(auto(matic|mated)?[- ]?(reply|response|answer)|automatische antwort|autom\. antwort|automatisch(e)? (antwoord|reactie)|réponse automatique|respuesta autom[aá]tica|risposta automatica|resposta autom[aá]tica|autosvar|automatiskt svar|automatisk svar|automaattinen vastaus|odpowiedź automatyczna|automatyczna odpowiedź|automatická odpověď|automatikus válasz|otomatik yan[iı]t|автоматический ответ|автоответ|автоматична відповідь|αυτόματη απάντηση|自動返信|自動応答|自动回复|自动答复|자동 ?회신|자동 ?응답|رد تلقائي|răspuns automat|automatski odgovor|תשובה אוטומטית)\]?\s*([:!|(\x{ff1a}\x{2013}\x{2014}-].*)?$`)

// awayTitles begin such answers too, but people use them as well.
var awayTitles = regexp.MustCompile(`(?i)^\s*\[?(out[ -]of[ -](the )?office|(vacation|holiday|absence) (reply|message|response|notice|notification)|away from (the )?(office|my desk)|i am (currently )?(away|out of (the )?office)|on (vacation|holiday|leave)|(automatische )?abwesenheit(snotiz|smeldung|sbenachrichtigung|sassistent)?|abwesend|nicht im büro|absence( du bureau)?|absent(e)? du bureau|message d'absence|fuera de (la )?oficina|ausente|ausencia|fuori (sede|ufficio)|assenza|assente|fora do escrit[oó]rio|ausência( tempor[aá]ria)?|afwezig(heid)?(sbericht)?|niet op kantoor|ej på kontoret|frånvaro(meddelande)?|frånvarande|fravær|ikke på kontoret|fraværende|poissa( toimistolta)?|poissaolo(viesti)?|nieobecność|poza biurem|nieobecny w biurze|nepřítomnost|mimo kancelář|házon kívül|távollét|ofis dışında|ofiste değilim|не в офисе|нет на месте|отсутствие на работе|не на роботі|εκτός γραφείου|不在(通知|のお知らせ|連絡)?|休暇|不在办公室|外出|休假|부재중( ?알림)?|خارج المكتب|în afara biroului|izvan ureda)\]?\s*([:!|(\x{ff1a}\x{2013}\x{2014}-].*)?$`)

// awayWords are how such an answer begins.
var awayWords = regexp.MustCompile(`(?i)\b(i am|i'm|i will be) (currently |now )?(out of (the )?office|away|on (vacation|holiday|leave|annual leave|parental leave|a business trip)|not in the office|travell?ing)|out of (the )?office (until|from|through|till|and)|ich bin (vom |bis |zurzeit |derzeit |aktuell |momentan |ab )?.{0,40}(nicht (im (büro|haus)|erreichbar)|abwesend|im urlaub|außer haus)|(wieder|zurück) (im büro|erreichbar|da) (ab|am)|je suis (actuellement )?.{0,30}(absente?|en congés?|en vacances|en déplacement)|absente? (du bureau )?(du|jusqu)|estoy .{0,30}(fuera de (la )?oficina|de vacaciones|ausente)|estaré .{0,30}(fuera|ausente|de vacaciones)|sono .{0,30}(assente|fuori (sede|ufficio)|in ferie)|sarò .{0,30}(assente|fuori|in ferie)|est(ou|arei) .{0,30}(ausente|de férias|fora do escrit)|ik ben .{0,40}(afwezig|niet (op kantoor|aanwezig|bereikbaar)|met (vakantie|verlof))|jag är .{0,40}(inte på kontoret|på semester|frånvarande|ledig|tjänstledig)|jeg er .{0,40}(ikke på kontoret|på ferie|fraværende|bortrejst)|olen .{0,40}(poissa|lomalla|matkoilla)|(jestem|będę|przebywam) .{0,40}(nieobecn|na urlopie|poza biurem)|(jsem|budu) .{0,40}(mimo kancelář|na dovolené|nepřítom)|szabadságon vagyok|házon kívül vagyok|(izinde|ofis dışında|tatilde|izinli)(y[iı]m)?` +
	`|(^|[^а-я])я (сейчас |временно )?.{0,30}(в отпуске|не в офисе|отсутствую|в командировке)|нахожусь в (отпуске|командировке)|(буду|меня не будет) .{0,30}(отсутств|в офисе)|я .{0,30}у відпустці|λείπω|βρίσκομαι σε άδεια|απουσιάζω|不在にして|休暇(中|を)|出張(中|して)|外出しております|休假|不在办公室|出差|外出办公|휴가|부재중|출장|أنا (خارج المكتب|في إجازة)|sunt .{0,20}(în concediu|plecat)|na godišnjem`)

// byAutoSubject asks for a second sign where people use the title too.
func byAutoSubject(m *Message, nullPath bool) Machine {
	switch {
	case autoTitles.MatchString(m.Subject):
	case awayTitles.MatchString(m.Subject) && (byNullPath(m, nullPath).Is || len(m.InReplyTo) > 0 || awayWords.MatchString(beginning(m.ReplyText))):
	default:
		return Machine{}
	}
	return yes(KindAutoReply, "Subject: "+m.Subject)
}

// beginning is what a reader sees first.
func beginning(s string) string { return shorten(s, 1500) }

// helpdesks are the fields and program names of systems that answer mail as Parley does: two of them would talk for ever.
var (
	helpdeskFields = regexp.MustCompile(`(?i)^(x-zendesk-|x-otrs-|x-znuny-|x-rt-|rt-ticket|rt-originator|x-zammad-|x-freshdesk-|x-fd-|x-helpscout-|x-kayako-|x-jira-|x-redmine-|x-mantis-|x-bugzilla-|x-osticket-|x-glpi-|x-gitlab-|x-github-|x-intercom-|x-hubspot-ticket|x-frontapp-|x-deskpro-|x-ticket|x-servicenow-|x-gorgias-|x-trac-|x-request-tracker)`)
	helpdeskMailer = regexp.MustCompile(`(?i)\b(osticket|request tracker|otrs|znuny|zammad|freshdesk|zendesk|redmine|mantisbt?|glpi|kayako|jira|servicenow|deskpro|spiceworks|bugzilla|sugarcrm|vtiger)\b`)
)

func byHelpdesk(m *Message, _ bool) Machine {
	for _, f := range m.Headers {
		if helpdeskFields.MatchString(f.Name) {
			return yes(KindAuto, f.Name)
		}
	}
	if v := m.Get("X-Mailer"); helpdeskMailer.MatchString(v) {
		return yes(KindAuto, "X-Mailer: "+v)
	}
	return Machine{}
}

// monitors are accounts that only programs have; alarms are the subjects of what they send.
var (
	monitors = regexp.MustCompile(`(?i)^(nagios|icinga2?|zabbix|check_mk|checkmk|sensu|monit|munin|prometheus|alertmanager|grafana|cron|crond|logwatch|logcheck|fail2ban|smartd|mdadm|jenkins|hudson|gitlab-ci|teamcity|bamboo|sonarqube|uptimerobot|pingdom|statuscake|pagerduty|opsgenie|www-data|apache|nginx|daemon|unattended-upgrades|puppet|ansible|backuppc|bacula|bareos|veeam|rsnapshot|crashplan|root)([-+_.][^@]*)?@`)
	alarms   = regexp.MustCompile(`(?i)^\s*(\*\* ?(problem|recovery|acknowledgement|downtime|flapping)|cron ?<|logwatch for|\[?(firing|resolved|alerting|no ?data)[:\d\]]|\[?(problem|recovery|critical|warning|unknown|ok|up|down|alert|alarm)\]? ?[:\-|] ?\S.* (is|on|at|for) |(service|host) (alert|notification)|build (failed|fixed|unstable|is back to normal)|monit alert|smart error|degradedarray event|fail2ban|\[fail2ban\]|backup (job )?(report|succeeded|failed|completed|ok|successful)|.{0,60}(build #\d+|pipeline #\d+).{0,60}(failed|fixed|passed|succeeded))`)
)

func byMonitor(m *Message, _ bool) Machine {
	for _, a := range m.From {
		known, alarm := monitors.MatchString(a.Address), alarms.MatchString(m.Subject)
		if known && (alarm || !strings.HasPrefix(strings.ToLower(a.Address), "root@")) {
			return yes(KindAuto, "the sender is a program: "+a.Address)
		}
		if alarm && len(m.InReplyTo) == 0 && !greeting.MatchString(m.ReplyText) {
			return yes(KindAuto, "Subject: "+m.Subject)
		}
	}
	return Machine{}
}

// ownWords are lines in which a mail says of itself that a program sent it. They
// count at the start of a line outside of what is quoted: people who complain about such mail write of it in the middle of a sentence.
var ownWords = regexp.MustCompile(`(?im)^\W*(please note:? ?)?(this|the following) (e-?mail|mail|message|notification|is an?|was|is) ?(was |is |has been )?(an? )?(automat(ed|ic|ically)|auto-?generated|system[- ]generated|computer[- ]generated|(sent|generated|created) (automatically|by (a|an|our) (automat\w+|system)))|^\W*(please )?do(n.t| not) (reply|respond|answer) (to|directly to) this (e-?mail|message|mail|address)|^\W*(dies|diese|dieses|das) (ist eine|e-?mail|nachricht|schreiben|mail) ?(wurde |ist eine )?automatisch|^\W*bitte (antworten sie|antworte) nicht auf diese|^\W*(ceci est un|cet? (e-?mail|message|courriel) (est|a été)) .{0,30}automatique|^\W*merci de ne pas répondre à (ce|cet)|^\W*(este es un|este) (mensaje|correo|e-?mail) .{0,30}autom[aá]tic|^\W*por favor,? no responda a este|^\W*questo (è un|messaggio|e-?mail) .{0,40}automatic|^\W*si prega di non rispondere a quest|^\W*(esta é uma|este é um|esta|este) (mensagem|e-?mail) .{0,30}autom[aá]tic|^\W*(por favor,? )?não responda a est|^\W*(dit|deze) (is een|bericht|e-?mail|mail) .{0,30}automatisch|^\W*(gelieve )?niet (te )?(be)?antwoorden op (dit|deze)|^\W*(ta|to jest|niniejsza) wiadomość .{0,40}automatycz|^\W*(prosimy|proszę) nie odpowiadać na|^\W*(detta|det här) (är ett|meddelande|mejl) .{0,30}automatisk|^\W*dette (er en|meddelelse|e-?post) .{0,30}automatisk|^\W*(tämä|tama) (on|viesti) .{0,30}automaatti|^\W*(это|данное) (письмо|сообщение|автоматическ).{0,40}автоматич?|^\W*(это автоматическ|пожалуйста,? не отвечайте на это)|^\W*(bu|lütfen bu) (e-?posta|ileti|mesaj).{0,40}(otomatik|yanıtlamayın)|^\W*(この|本)(メール|通知).{0,30}(自動|送信専用)|^\W*(本邮件|此邮件|本消息|此为|本邮件由).{0,20}(自动|系统)|^\W*(본|이) (메일|이메일).{0,20}(자동|발신)|^\W*toto je automatick`)

func byOwnWords(m *Message, _ bool) Machine {
	said := m.ReplyText
	if len(said) > 6000 {
		said = said[:3000] + "\n" + said[len(said)-3000:]
	}
	if found := ownWords.FindString(said); found != "" {
		return yes(KindAuto, "it says so: "+shorten(oneLine(found), 100))
	}
	return Machine{}
}

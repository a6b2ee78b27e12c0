package mail

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// sample is one mail of the labelled set.
type sample struct {
	name string
	raw  []byte
	null bool // the envelope sender is empty
}

// letter makes a plain mail of a subject, further header lines and a body.
func letter(from, subject, body string, header ...string) []byte {
	lines := append([]string{"From: " + from, "To: service@shop.example", "Subject: " + subject, "Date: Mon, 2 Mar 2026 10:00:00 +0100", "Message-ID: <1@x.example>"}, header...)
	return mailOf(append(lines, "Content-Type: text/plain; charset=utf-8", "", body)...)
}

// away is how programs of a language answer for people who are not there.
var away = []struct{ language, automatic, title, body string }{
	{"English", "Automatic reply: Your order", "Out of Office: Your order", "Hello,\n\nI am out of the office until 9 March and will answer then.\n\nAnn"},
	{"German", "Automatische Antwort: Ihre Bestellung", "Abwesenheitsnotiz: Ihre Bestellung", "Guten Tag,\n\nich bin bis zum 9. März nicht im Büro.\n\nAnna"},
	{"French", "Réponse automatique : Votre commande", "Absence du bureau : votre commande", "Bonjour,\n\nje suis actuellement absent du bureau jusqu'au 9 mars.\n\nAnne"},
	{"Spanish", "Respuesta automática: Su pedido", "Fuera de la oficina: su pedido", "Hola,\n\nestoy fuera de la oficina hasta el 9 de marzo.\n\nAna"},
	{"Italian", "Risposta automatica: Il tuo ordine", "Fuori sede: ordine", "Buongiorno,\n\nsono fuori ufficio fino al 9 marzo.\n\nAnna"},
	{"Portuguese", "Resposta automática: Seu pedido", "Ausência temporária: pedido", "Olá,\n\nestou ausente até 9 de março.\n\nAna"},
	{"Dutch", "Automatisch antwoord: Uw bestelling", "Afwezig: uw bestelling", "Hallo,\n\nik ben tot 9 maart niet op kantoor.\n\nAnna"},
	{"Polish", "Odpowiedź automatyczna: zamówienie", "Nieobecność: zamówienie", "Dzień dobry,\n\njestem nieobecna do 9 marca.\n\nAnna"},
	{"Swedish", "Autosvar: Din beställning", "Frånvaro: beställning", "Hej,\n\njag är inte på kontoret till den 9 mars.\n\nAnna"},
	{"Finnish", "Automaattinen vastaus: tilaus", "Poissa: tilaus", "Hei,\n\nolen poissa 9.3. asti.\n\nAnna"},
	{"Russian", "Автоматический ответ: ваш заказ", "Не в офисе: заказ", "Здравствуйте,\n\nя в отпуске до 9 марта.\n\nАнна"},
	{"Japanese", "自動返信: ご注文", "不在通知: ご注文", "お世話になっております。\n\n3月9日まで休暇中のため不在にしております。"},
	{"Chinese", "自动回复: 订单", "不在办公室: 订单", "您好，\n\n我正在休假，3月9日回来。"},
	{"Turkish", "Otomatik Yanıt: siparişiniz", "Ofis dışında: sipariş", "Merhaba,\n\n9 Mart'a kadar izindeyim.\n\nAnna"},
}

// automatic is how mail says of itself, in each language, that nobody wrote it.
var automatic = []string{
	"This is an automated message, please do not reply.", "Please do not reply to this e-mail.", "Diese E-Mail wurde automatisch erstellt.", "Bitte antworten Sie nicht auf diese E-Mail.",
	"Ceci est un message automatique.", "Este es un mensaje automático.", "Questo è un messaggio automatico.", "Esta é uma mensagem automática.", "Dit is een automatisch bericht.",
	"Ta wiadomość została wygenerowana automatycznie.", "Detta är ett automatiskt meddelande.", "Tämä on automaattinen viesti.", "Это автоматическое сообщение.", "Bu e-posta otomatik olarak gönderilmiştir.", "このメールは自動送信されています。", "此邮件由系统自动发送。",
}

// machines are the mails that must never get an automatic answer.
func machines() (set []sample) {
	add := func(name string, null bool, raw []byte) { set = append(set, sample{name, raw, null}) }
	person, robot := "Ann Doe <ann@client.example>", "Client Ltd <info@client.example>"
	for _, a := range away {
		add(a.language+" Exchange", false, letter(person, a.automatic, a.body, "Auto-Submitted: auto-generated", "X-Auto-Response-Suppress: All", "In-Reply-To: <7@shop.example>"))
		add(a.language+" RFC 3834", true, letter(person, a.title, a.body, "Auto-Submitted: auto-replied"))
		add(a.language+" null path alone", true, letter(person, a.title, a.body))
		add(a.language+" automatic title alone", false, letter(person, a.automatic, a.body))
		add(a.language+" title and words alone", false, letter(person, a.title, a.body))
		add(a.language+" title as an answer", false, letter(person, a.title, "...", "In-Reply-To: <7@shop.example>"))
		add(a.language+" Precedence", false, letter(person, "Re: order", a.body, "Precedence: auto_reply"))
	}
	for i, words := range automatic {
		add(fmt.Sprintf("says so %d", i), false, letter(robot, fmt.Sprintf("Ticket %d", i), "Your request has been received.\n\n"+words))
		add(fmt.Sprintf("says so below %d", i), false, letter(robot, fmt.Sprintf("Update %d", i), words+"\n\nYour parcel is on its way.\nRegards"))
	}
	for i, header := range []string{
		"List-Id: <dev.lists.example>", "List-Post: <mailto:dev@lists.example>", "Mailing-List: list dev@lists.example", "X-Mailing-List: dev@lists.example", "X-BeenThere: dev@lists.example", "Precedence: list", "List-Help: <mailto:h@lists.example>",
		"List-Unsubscribe: <https://news.example/u>", "Precedence: bulk", "Precedence: junk", "Feedback-ID: 1:2:3:news", "X-Campaign: spring", "X-CampaignId: 4", "X-MC-User: 5", "X-SG-EID: 6", "X-CSA-Complaints: csa@eco.example", "X-Report-Abuse-To: a@news.example",
		"X-Zendesk-Ticket-Id: 8", "X-OTRS-Loop: yes", "RT-Ticket: example.com #9", "X-Zammad-Ticket-Id: 1", "X-Jira-FingerPrint: 2", "X-GitHub-Reason: mention", "X-Redmine-Host: r", "X-Mailer: osTicket Mailer", "X-Mailer: GLPI 10", "X-Helpscout-Conversation: 3", "X-RT-Loop-Prevention: x",
		"X-Cron-Env: <LANG=C>", "Auto-Submitted: auto-generated", "Auto-Submitted: auto-notified; owner-email=x", "X-Auto-Response-Suppress: OOF, AutoReply", "X-Autoreply: yes", "X-Autorespond: x", "X-Loop: service@shop.example", LoopHeader + ": 1", "Return-Path: <>", "X-Auto-Message: 1",
	} {
		for j, subject := range []string{"Hello", "Re: [dev] question"} {
			add(fmt.Sprintf("header %d/%d", i, j), false, letter(robot, subject, "Some words for you.", header))
		}
	}
	for i, from := range []string{
		"noreply@shop.example", "no-reply@shop.example", "do-not-reply@shop.example", "donotreply@x.example", "keine-antwort@x.example", "ne-pas-repondre@x.example", "no-responder@x.example", "non-rispondere@x.example", "notification@x.example", "notifications@x.example", "bank_no-reply@x.example", "noreply+7@x.example",
		"nagios@mon.example", "zabbix@mon.example", "icinga@mon.example", "cron@host.example", "monit@host.example", "jenkins@ci.example", "grafana@mon.example", "alertmanager@mon.example", "logwatch@host.example", "www-data@host.example", "uptimerobot@mon.example", "MAILER-DAEMON@mx.example", "bounces+1@x.example",
	} {
		add(fmt.Sprintf("address %d", i), false, letter(from, "News for you", "Something happened."))
	}
	for i, subject := range []string{
		"** PROBLEM Service Alert: web/HTTP is CRITICAL **", "** RECOVERY Host Alert: db is UP **", "Cron <root@host> /usr/bin/backup", "Logwatch for host (Linux)", "[FIRING:1] DiskFull", "[RESOLVED] DiskFull", "CRITICAL: disk is full on host", "Build failed in CI: shop #12", "SMART error (Health) detected on host: host", "Backup report: 3 of 3",
	} {
		add(fmt.Sprintf("alarm %d", i), false, letter("ops@host.example", subject, "State: CRITICAL\nInfo: disk 97 %"))
		add(fmt.Sprintf("alarm of root %d", i), false, letter("root@host.example", subject, "State: CRITICAL"))
	}
	for i, method := range []string{"REQUEST", "REPLY", "CANCEL", "COUNTER", "PUBLISH"} {
		calendar := "BEGIN:VCALENDAR\r\nMETHOD:" + method + "\r\nBEGIN:VEVENT\r\nSUMMARY:Meeting\r\nEND:VEVENT\r\nEND:VCALENDAR"
		add(fmt.Sprintf("calendar %d", i), false, mailOf("From: "+person, "Subject: Meeting", "Content-Type: text/calendar; method="+method, "", calendar))
		add(fmt.Sprintf("calendar as alternative %d", i), false, mailOf("From: "+person, "Subject: Meeting", "Content-Type: multipart/alternative; boundary=b", "", "--b", "", "Meeting", "--b", "Content-Type: text/calendar; method="+method, "", calendar, "--b--"))
	}
	for i, c := range []struct{ kind, typ, fields string }{
		{"delivery-status", "message/delivery-status", "Reporting-MTA: dns; mx.example\r\n\r\nFinal-Recipient: rfc822; bob@gone.example\r\nAction: failed\r\nStatus: 5.1.1"},
		{"delivery-status", "message/delivery-status", "Reporting-MTA: dns; mx.example\r\n\r\nFinal-Recipient: rfc822; bob@slow.example\r\nAction: delayed\r\nStatus: 4.4.1"},
		{"delivery-status", "message/delivery-status", "Reporting-MTA: dns; mx.example\r\n\r\nFinal-Recipient: rfc822; bob@ok.example\r\nAction: delivered\r\nStatus: 2.0.0"},
		{"disposition-notification", "message/disposition-notification", "Final-Recipient: rfc822; bob@x.example\r\nOriginal-Message-ID: <7@shop.example>\r\nDisposition: manual-action/MDN-sent-manually; displayed"},
		{"feedback-report", "message/feedback-report", "Feedback-Type: abuse\r\nUser-Agent: x/1\r\nVersion: 1\r\nOriginal-Rcpt-To: bob@x.example"},
	} {
		for j, null := range []bool{true, false} {
			add(fmt.Sprintf("report %d/%d", i, j), null, mailOf("From: Reports <reports@x.example>", "Subject: Report", "Content-Type: multipart/report; report-type="+c.kind+"; boundary=b", "", "--b", "", "A report.", "--b", "Content-Type: "+c.typ, "", c.fields, "", "--b--"))
		}
	}
	for i, body := range []string{
		"This is the qmail-send program at mx.example.\nI'm afraid I wasn't able to deliver your message to the following addresses.\n\n<bob@gone.example>:\nSorry, no mailbox here by that name. (#5.1.1)\n",
		"A message that you sent could not be delivered to one or more of its recipients.\n\n  bob@gone.example\n    SMTP error from remote mail server after RCPT TO:<bob@gone.example>: 550 no such user\n",
		"Your message did not reach some or all of the intended recipients.\n\n      bob@gone.example on 3/2/2026 10:00 AM\n            The recipient name is not recognized\n",
	} {
		add(fmt.Sprintf("bounce of no standard %d", i), false, letter("Mail Delivery System <MAILER-DAEMON@mx.example>", "failure notice", body))
		add(fmt.Sprintf("bounce from a postmaster %d", i), false, letter("postmaster@mx.example", "Undeliverable: Your order", body))
	}
	return set
}

// humans are mails of people, many of them near to what machines write.
func humans() (set []sample) {
	add := func(name string, raw []byte) { set = append(set, sample{name, raw, false}) }
	bounce := "This is the mail system at host mx.example.\n\n<bob@gone.example>: host mx said: 550 5.1.1 User unknown (in reply to RCPT TO command)\n"
	openings := []string{"Hello,", "Hallo,", "Bonjour,", "Hola,", "Buongiorno,", "Olá,", "Hoi,", "Dzień dobry,", "Hej,", "Hei,", "Здравствуйте,", "こんにちは、", "您好，", "Merhaba,"}
	matters := []struct{ subject, body string }{
		{"Where is my order?", "I ordered two weeks ago. When does it arrive?\n\nRegards\nAnn"},
		{"Re: Your order", "Yes, thank you.\n\nOn Mon, 2 Mar 2026 at 09:00, Service <service@shop.example> wrote:\n> This is an automated message, please do not reply.\n> Your order was shipped."},
		{"Out of office next week - please postpone", "I am out of the office next week. Could you deliver later?"},
		{"Problem with the invoice", "There is a problem: the amount is wrong. Please do not reply to my old address."},
		{"Delivery failed?", "The courier says that delivery failed, but nobody rang. What now?"},
		{"Fwd: Undelivered Mail Returned to Sender", "I get this when I write to Bob, can you help?\n\n---------- Forwarded message ---------\nFrom: Mail Delivery System <MAILER-DAEMON@mx.example>\nSubject: Undelivered Mail Returned to Sender\n\n" + bounce},
		{"Re: Automatic reply: Holiday", "Good to know, enjoy it!"},
		{"Your automatic messages", "Why do I get a mail with \"This is an automated message\" every day? I did not ask for it."},
		{"Returned goods", "I returned the parcel to sender as you asked. Please confirm."},
		{"My account is disabled", "I can not log in any more: \"user unknown\". My mailbox was full, perhaps that is why."},
		{"Cancellation", "Please cancel my newsletter, I wrote unsubscribe three times."},
		{"Vacation rental booking", "We booked for July and would like to bring a dog."},
	}
	for i, opening := range openings {
		for j, c := range matters {
			add(fmt.Sprintf("%d/%d", i, j), letter(fmt.Sprintf("Person %d <person%d@client%d.example>", i, i, j), c.subject, opening+"\n\n"+c.body))
		}
	}
	for i, header := range []string{
		"Auto-Submitted: no", "X-Auto-Response-Suppress: DR, RN, NRN", "X-Auto-Response-Suppress: DR", "Precedence: normal", "X-Priority: 1", "Importance: high", "X-Mailer: Microsoft Outlook 16.0", "X-Mailer: Apple Mail (2.3445.9.1)", "User-Agent: Mozilla Thunderbird",
		"Disposition-Notification-To: ann@client.example", "Return-Receipt-To: ann@client.example", "Return-Path: <ann@client.example>", "X-Spam-Status: No", "X-Google-DKIM-Signature: x", "X-Loop-Count: 1", "Reply-To: team@client.example", "Organization: Client Ltd", "X-Originating-IP: [192.0.2.1]", "Sender: assistant@client.example", "X-MS-Has-Attach: yes",
	} {
		for j, subject := range []string{"Question", "AW: Ihre Bestellung"} {
			add(fmt.Sprintf("header %d/%d", i, j), letter("Ann Doe <ann@client.example>", subject, "I have a question about my order.", header))
		}
	}
	for i, from := range []string{
		"Noreen Reply <noreen@x.example>", "Rootes <rootes@x.example>", "info@x.example", "office@x.example", "sales@x.example", "Monitor Shop <contact@monitor.example>", "Nagi Osman <nagi.osman@x.example>", "Bounce House Rental <hello@bouncehouse.example>",
		"Cronin <t.cronin@x.example>", "Grafen <grafen@x.example>", "support@x.example", "admin@x.example", "webmaster@x.example", "jobs@x.example", "Vacation Homes <ask@vacation.example>", "post@master.example", "Mona Notter <m.notter@x.example>", "Root Farm <farm@root.example>", "team+news@x.example", "autobody@garage.example",
	} {
		add(fmt.Sprintf("address %d", i), letter(from, "Offer", "Could you send me an offer for 12 pieces?"))
	}
	report := "Reporting-MTA: dns; mx.example\r\n\r\nFinal-Recipient: rfc822; bob@gone.example\r\nAction: failed\r\nStatus: 5.1.1"
	add("a bounce attached", mailOf("From: Ann <ann@client.example>", "Subject: cannot reach Bob", "Content-Type: multipart/mixed; boundary=a", "", "--a", "", "See the attached mail, what does it mean?", "--a", "Content-Type: message/rfc822", "",
		"From: MAILER-DAEMON@mx.example", "Subject: Undelivered Mail Returned to Sender", "Content-Type: multipart/report; report-type=delivery-status; boundary=b", "", "--b", "", bounce, "--b", "Content-Type: message/delivery-status", "", report, "", "--b--", "--a--"))
	add("a calendar file attached", mailOf("From: Ann <ann@client.example>", "Subject: dates", "Content-Type: multipart/mixed; boundary=a", "", "--a", "", "These are our dates.", "--a", "Content-Type: text/calendar; name=dates.ics", "Content-Disposition: attachment; filename=dates.ics", "", "BEGIN:VCALENDAR", "END:VCALENDAR", "--a--"))
	for i := range 22 {
		add(fmt.Sprintf("quotes a bounce %d", i), letter("Ann Doe <ann@client.example>", "Re: Undelivered Mail Returned to Sender", fmt.Sprintf("Attempt %d failed too.\n\n> %s", i, strings.ReplaceAll(bounce, "\n", "\n> ")), "In-Reply-To: <7@mx.example>"))
	}
	return set
}

// TestMachinesAndHumans: §C1. No machine may be taken for a person: it would get an automatic answer.
func TestMachinesAndHumans(t *testing.T) {
	robots, people := machines(), humans()
	require.GreaterOrEqual(t, len(robots), 250)
	require.GreaterOrEqual(t, len(people), 250)
	for _, s := range robots {
		if got := Parse(s.raw).Machine(s.null); !got.Is {
			t.Errorf("taken for a person: %s", s.name)
		}
	}
	right := 0
	for _, s := range people {
		m := Parse(s.raw)
		if got := m.Machine(s.null); got.Is || len(m.Bounces()) > 0 {
			t.Logf("taken for a machine: %s (%s: %s; %d bounces)", s.name, got.Kind, got.Reason, len(m.Bounces()))
			continue
		}
		right++
	}
	t.Logf("%d machines, %d people of whom %d (%.1f %%) are people", len(robots), len(people), right, 100*float64(right)/float64(len(people)))
	require.GreaterOrEqual(t, 100*right, 99*len(people))
}

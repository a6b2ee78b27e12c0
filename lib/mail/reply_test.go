package mail

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"parley/interaction"
)

// clients is how mail programs of each language introduce what they quote, and sign.
var clients = []struct {
	language, attribution, from, sent, to, subject, device string
}{
	{"English", "On Mon, 2 Mar 2026 at 10:00, Anna Beispiel <anna@example.org> wrote:", "From", "Sent", "To", "Subject", "Sent from my iPhone"},
	{"German", "Am Mo., 2. März 2026 um 10:00 Uhr schrieb Anna Beispiel <anna@example.org>:", "Von", "Gesendet", "An", "Betreff", "Von meinem iPhone gesendet"},
	{"French", "Le lun. 2 mars 2026 à 10:00, Anna Beispiel <anna@example.org> a écrit :", "De", "Envoyé", "À", "Objet", "Envoyé de mon iPhone"},
	{"Spanish", "El lun, 2 mar 2026 a las 10:00, Anna Beispiel (<anna@example.org>) escribió:", "De", "Enviado", "Para", "Asunto", "Enviado desde mi iPhone"},
	{"Portuguese", "Em seg., 2 de mar. de 2026 às 10:00, Anna Beispiel <anna@example.org> escreveu:", "De", "Enviada em", "Para", "Assunto", "Enviado do meu iPhone"},
	{"Italian", "Il giorno lun 2 mar 2026 alle ore 10:00 Anna Beispiel <anna@example.org> ha scritto:", "Da", "Inviato", "A", "Oggetto", "Inviato da iPhone"},
	{"Dutch", "Op ma 2 mrt 2026 om 10:00 schreef Anna Beispiel <anna@example.org>:", "Van", "Verzonden", "Aan", "Onderwerp", "Verstuurd vanaf mijn iPhone"},
	{"Polish", "pon., 2 mar 2026 o 10:00 Anna Beispiel <anna@example.org> napisał(a):", "Od", "Wysłano", "Do", "Temat", "Wysłane z mojego iPhone'a"},
	{"Czech", "po 2. 3. 2026 v 10:00 odesílatel Anna Beispiel <anna@example.org> napsal:", "Od", "Odesláno", "Komu", "Předmět", "Odesláno z iPhonu"},
	{"Swedish", "Den mån 2 mars 2026 kl 10:00 skrev Anna Beispiel <anna@example.org>:", "Från", "Skickat", "Till", "Ämne", "Skickat från min iPhone"},
	{"Danish", "Den man. 2. mar. 2026 kl. 10.00 skrev Anna Beispiel <anna@example.org>:", "Fra", "Sendt", "Til", "Emne", "Sendt fra min iPhone"},
	{"Norwegian", "man. 2. mars 2026 kl. 10:00 skrev Anna Beispiel <anna@example.org>:", "Fra", "Sendt", "Til", "Emne", "Sendt fra min iPhone"},
	{"Finnish", "ma 2. maalisk. 2026 klo 10.00 Anna Beispiel <anna@example.org> kirjoitti:", "Lähettäjä", "Lähetetty", "Vastaanottaja", "Aihe", "Lähetetty iPhonesta"},
	{"Hungarian", "Anna Beispiel <anna@example.org> ezt írta (időpont: 2026. márc. 2., H, 10:00):", "Feladó", "Elküldve", "Címzett", "Tárgy", "Elküldve az iPhone-omról"},
	{"Russian", "пн, 2 мар. 2026 г. в 10:00, Anna Beispiel <anna@example.org>:", "От", "Отправлено", "Кому", "Тема", "Отправлено с iPhone"},
	{"Ukrainian", "пн, 2 бер. 2026 р. о 10:00 Anna Beispiel <anna@example.org> пише:", "Від", "Надіслано", "Кому", "Тема", "Надіслано з iPhone"},
	{"Greek", "Στις Δευ 2 Μαρ 2026 στις 10:00 π.μ., ο χρήστης Anna Beispiel <anna@example.org> έγραψε:", "Από", "Ημερομηνία", "Προς", "Θέμα", "Στάλθηκε από το iPhone μου"},
	{"Turkish", "Anna Beispiel <anna@example.org>, 2 Mar 2026 Pzt, 10:00 tarihinde şunu yazdı:", "Gönderen", "Gönderildi", "Kime", "Konu", "iPhone'umdan gönderildi"},
	{"Romanian", "În lun., 2 mar. 2026 la 10:00, Anna Beispiel <anna@example.org> a scris:", "De la", "Trimis", "Către", "Subiect", "Trimis de pe iPhone-ul meu"},
	{"Japanese", "2026年3月2日(月) 10:00 Anna Beispiel <anna@example.org>:", "差出人", "送信日時", "宛先", "件名", "iPhoneから送信"},
	{"Chinese", "Anna Beispiel <anna@example.org> 于2026年3月2日周一 10:00写道:", "发件人", "发送时间", "收件人", "主题", "发自我的 iPhone"},
	{"Korean", "2026년 3월 2일 (월) 오전 10:00, Anna Beispiel <anna@example.org>님이 작성:", "보낸 사람", "보낸 날짜", "받는 사람", "제목", "나의 iPhone에서 보냄"},
	{"Vietnamese", "Vào Th 2, 2 thg 3, 2026 vào lúc 10:00 Anna Beispiel <anna@example.org> đã viết:", "Từ", "Ngày", "Đến", "Chủ đề", "Gửi từ iPhone của tôi"},
}

const (
	answered = "First line of the answer, with a time: 10:30.\n\nSecond paragraph: what about 2 March?\nAnna"
	asked    = "What do you think?\nRegards\nAnna"
)

func TestRepliesInManyLanguages(t *testing.T) {
	for _, c := range clients {
		quoted := "> " + strings.ReplaceAll(asked, "\n", "\n> ")
		header := c.from + ": Anna Beispiel <anna@example.org>\n" + c.sent + ": 2. 3. 2026 10:00\n" + c.to + ": Bert <bert@example.net>\n" + c.subject + ": Test\n\n" + asked
		at := strings.LastIndex(c.attribution[:len(c.attribution)/2+5], " ")
		for name, below := range map[string]string{
			"attribution":             "\n\n" + c.attribution + "\n\n" + quoted,
			"attribution, unquoted":   "\n\n" + c.attribution + "\n\n" + asked,
			"wrapped attribution":     "\n\n" + c.attribution[:at] + "\n" + c.attribution[at+1:] + "\n" + quoted,
			"header":                  "\n\n" + header,
			"header in bold":          "\n\n*" + strings.ReplaceAll(strings.Replace(header, ": ", ":* ", 1), "\n"+c.sent+": ", "\n*"+c.sent+":* "),
			"header below a line":     "\n\n________________________________\n" + header,
			"device":                  "\n\n" + c.device,
			"device and attribution":  "\n\n" + c.device + "\n\n" + c.attribution + "\n" + quoted,
			"signature and a quote":   "\n\n-- \nBert Muster\nACME\n\n" + c.attribution + "\n" + quoted,
			"separator and header":    "\n\n-----Original Message-----\n" + header,
			"a list's footer as well": "\n\n" + c.attribution + "\n" + quoted + "\n\n_______________________________________________\nlist mailing list\nlist@example.org",
		} {
			t.Run(c.language+"/"+name, func(t *testing.T) {
				require.Equal(t, answered, replyText(answered+below, nil))
			})
		}
	}
}

// What looks like a quote or a signature and is none stays.
func TestReplyKeepsWhatIsNoQuote(t *testing.T) {
	for name, text := range map[string]string{
		"fields of an order":    "Hello,\n\nTo: Hamburg\nDate: tomorrow\n\nIs that right?",
		"a sentence with wrote": "On Monday my colleague wrote to you about this.\nDid you get it?",
		"a colon and a list":    "On 2 March I ordered:\n- one\n- two\n\nWhere are they?",
		"an underlined heading": "Order\n-----\n12 pieces\n\nThanks",
		"a dashed list":         "I need\n-- one\n-- two",
		"only a greeting":       "Hi",
		"a telephone number":    "Please call me.\n\nMy number is +49 30 1234567\nYou can reach me at a@b.test until 5",
		"sent from in prose":    "It broke.\n\nSent from my desk, which is much easier.",
	} {
		require.Equal(t, text, replyText(text, nil), name)
	}
}

func TestReplyDropsContactBlock(t *testing.T) {
	from := []interaction.Address{{Name: "Gina Moore", Address: "gina@example.com"}}
	require.Equal(t, "Please help.\n\nThanks,\nGina", replyText("Please help.\n\nThanks,\nGina\n\nGina Moore\ngina@example.com\n(555) 346-9947\nwww.example.com", from))
	require.Equal(t, "Please help.", replyText("Please help.\n\nGina Moore\nGINA@example.com", from))
}

func TestHTMLReply(t *testing.T) {
	for name, below := range map[string]string{
		"Gmail":       `<div class="gmail_quote"><div dir="ltr" class="gmail_attr">who knows what language:<br></div><blockquote class="gmail_quote">x</blockquote></div>`,
		"Outlook":     `<div style="border:none;border-top:solid #E1E1E1 1.0pt;padding:3.0pt 0cm 0cm 0cm"><p><b>xx:</b> Anna</p></div><p>x</p>`,
		"Outlook web": `<hr><div id="divRplyFwdMsg" dir="ltr">xx</div>x`,
		"Thunderbird": `<div class="moz-cite-prefix">xx</div><blockquote type="cite">x</blockquote>`,
		"Yahoo":       `<div id="ydpyahoo_quoted_1" class="yahoo_quoted">x</div>`,
		"blockquote":  `<blockquote type='cite'>x</blockquote>`,
	} {
		m := Parse(mailOf("Content-Type: text/html", "", "<html><body><p>The <b>answer</b></p>"+below+"</body></html>"))
		require.Equal(t, "The answer", m.ReplyText, name)
	}
	only := Parse(mailOf("Content-Type: text/html", "", `<div class="gmail_quote">all is quoted</div>`))
	require.Equal(t, "all is quoted", only.ReplyText)
}

// TestCollectedReplies: the answers of three public collections. One collection
// has the same paragraph above everything that programs of all languages append.
func TestCollectedReplies(t *testing.T) {
	root := corpora(t)
	c := newTally()
	files, err := filepath.Glob(filepath.Join(root, "crisp-replies", "*.txt"))
	require.NoError(t, err)
	for _, file := range files {
		raw, err := os.ReadFile(file)
		require.NoError(t, err)
		text := lines(string(raw))
		if !strings.HasPrefix(text, "Fusce bibendum") {
			continue
		}
		want, _, _ := strings.Cut(text, "nec nibh.")
		got := replyText(text, nil)
		c.count("crisp", filepath.Base(file), strings.TrimSpace(got) == want+"nec nibh.", got[min(len(got), len(want)):], "")
	}
	for want, pattern := range map[string]string{"Hello": "standard_replies/*.eml", "Hi. I am fine. Thanks, Alex": "html_replies/*.html"} {
		files, err := filepath.Glob(filepath.Join(root, "talon-replies", pattern))
		require.NoError(t, err)
		require.NotEmpty(t, files)
		for _, file := range files {
			raw, err := os.ReadFile(file)
			require.NoError(t, err)
			if filepath.Ext(file) == ".html" {
				raw = append([]byte("Content-Type: text/html; charset=utf-8\n\n"), raw...)
			}
			got := squeeze(Parse(raw).ReplyText)
			c.count("talon", filepath.Base(file), got == want, got, want)
		}
	}
	for file, want := range map[string]string{
		"correct_sig": "this is an email with a correct -- signature.", "email_1_4": "Awesome! I haven't had another problem with it.", "email_1_6": "I get proper rendering as well.",
		"email_1_7": ":+1:", "email_2_1": "Outlook with a reply", "email_2_2": "Outlook with a reply directly above line", "email_2_3": "Outlook with a reply above headers using unusual format",
		"email_BlackBerry": "Here is another email", "email_iPhone": "Here is another email", "email_multi_word_sent_from_my_mobile_device": "Here is another email",
		"email_sent_from_my_not_signature": "Here is another email Sent from my desk, is much easier then my mobile phone.", "email_headers_no_delimiter": "And another reply!",
		"email_one_is_not_on":                   "Thank, this is really helpful. One outstanding question I had: Locally (on development), when I run...",
		"pathological":                          "I think you're onto something. I will try to fix the problem as soon as I get back to a computer.",
		"email_gmail":                           "This is a test for inbox replying to a github message.",
		"email_sig_delimiter_in_middle_of_line": "Hi there! Stuff happened. And here is a fix -- this is not a signature. kthxbai",
	} {
		raw, err := os.ReadFile(filepath.Join(root, "zapier-replies", file+".txt"))
		require.NoError(t, err)
		got := squeeze(replyText(lines(string(raw)), nil))
		c.count("zapier", file, got == want, got, want)
	}
	c.check(t, map[string]float64{"crisp": 100, "talon": 100, "zapier": 100})
}

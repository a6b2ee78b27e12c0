package interaction

import (
	"strings"
	"time"
	"unicode"
)

// Keyword is what a customer asks for by one word.
type Keyword string

// Keywords.
const (
	KeywordStop  Keyword = "stop"  // to be written to no more
	KeywordStart Keyword = "start" // to be written to again
	KeywordHelp  Keyword = "help"
)

// keywords are the words in the languages that their senders' countries use. A message is a keyword only when it is nothing else.
var keywords = map[string]Keyword{
	"stop": KeywordStop, "stopall": KeywordStop, "unsubscribe": KeywordStop, "end": KeywordStop, "quit": KeywordStop, "cancel": KeywordStop, "optout": KeywordStop, "revoke": KeywordStop,
	"arret": KeywordStop, "arreter": KeywordStop, "stopper": KeywordStop, "desabonner": KeywordStop, "stopp": KeywordStop, "abmelden": KeywordStop, "abbestellen": KeywordStop, "ende": KeywordStop,
	"alto": KeywordStop, "baja": KeywordStop, "parar": KeywordStop, "sair": KeywordStop, "cancelar": KeywordStop, "basta": KeywordStop, "fermati": KeywordStop, "disiscrivi": KeywordStop,
	"afmelden": KeywordStop, "uit": KeywordStop, "stoppa": KeywordStop, "avsluta": KeywordStop, "avmeld": KeywordStop, "lopeta": KeywordStop, "dur": KeywordStop, "iptal": KeywordStop, "стоп": KeywordStop, "отписаться": KeywordStop,
	"start": KeywordStart, "unstop": KeywordStart, "subscribe": KeywordStart, "optin": KeywordStart, "anmelden": KeywordStart, "beginn": KeywordStart, "demarrer": KeywordStart, "debut": KeywordStart, "reprendre": KeywordStart,
	"alta": KeywordStart, "empezar": KeywordStart, "iniciar": KeywordStart, "inizia": KeywordStart, "aanmelden": KeywordStart, "starta": KeywordStart, "aloita": KeywordStart, "basla": KeywordStart, "старт": KeywordStart,
	"help": KeywordHelp, "hilfe": KeywordHelp, "aide": KeywordHelp, "ayuda": KeywordHelp, "ajuda": KeywordHelp, "aiuto": KeywordHelp, "hulp": KeywordHelp, "hjalp": KeywordHelp, "hjelp": KeywordHelp, "apua": KeywordHelp,
	"yardim": KeywordHelp, "помощь": KeywordHelp,
}

// bare letters for those that people leave the marks off.
var bare = strings.NewReplacer("é", "e", "è", "e", "ê", "e", "ë", "e", "á", "a", "à", "a", "â", "a", "ä", "a", "å", "a", "ã", "a", "í", "i", "ì", "i", "î", "i", "ï", "i", "ı", "i",
	"ó", "o", "ò", "o", "ô", "o", "ö", "o", "ø", "o", "ú", "u", "ù", "u", "û", "u", "ü", "u", "ç", "c", "ş", "s", "ñ", "n")

// Keywords are what an entry point answers to them, by language; and words of its own beside the usual ones.
type Keywords struct {
	Stop  map[string]string  `yaml:"stop,omitempty" json:"stop,omitempty"`   // confirmation, by language
	Start map[string]string  `yaml:"start,omitempty" json:"start,omitempty"` // confirmation
	Help  map[string]string  `yaml:"help,omitempty" json:"help,omitempty"`
	More  map[string]Keyword `yaml:"more,omitempty" json:"more,omitempty"` // further words
}

// KeywordOf finds the keyword that a message is; empty for a message that says something. Case, marks, quotes and full stops do not matter.
func (k *Keywords) KeywordOf(text string) Keyword {
	if len(text) > 100 {
		return ""
	}
	word := bare.Replace(strings.ToLower(strings.TrimFunc(text, func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) })))
	word = strings.NewReplacer("-", "", " all", "all", "opt out", "optout", "opt in", "optin").Replace(word)
	if k != nil {
		for more, means := range k.More {
			if bare.Replace(strings.ToLower(more)) == word {
				return means
			}
		}
	}
	return keywords[word]
}

// KeywordOf finds the keyword that a message is.
func (s *SMSSettings) KeywordOf(text string) Keyword {
	if s == nil {
		return (*Keywords)(nil).KeywordOf(text)
	}
	return s.Words.KeywordOf(text)
}

// KeywordAnswer is what to answer to a keyword.
func (s *SMSSettings) KeywordAnswer(word Keyword, language string) string {
	if s == nil {
		return (*Keywords)(nil).Answer(word, language)
	}
	return s.Words.Answer(word, language)
}

// KeywordAnswered tells what became of a message that may be a keyword.
type KeywordAnswered struct {
	Word    Keyword `json:"word,omitempty"`    // empty: it was none
	Message int64   `json:"message,omitempty"` // number of the confirmation; 0: there is none
}

// usualAnswers are what is answered where an entry point says nothing else.
var usualAnswers = map[Keyword]map[string]string{
	KeywordStop: {
		"en": "You will get no more messages from us. Send START to get them again.", "de": "Sie erhalten keine Nachrichten mehr von uns. Mit START erhalten Sie sie wieder.",
		"fr": "Vous ne recevrez plus de messages de notre part. Envoyez START pour en recevoir de nouveau.", "es": "No recibirá más mensajes nuestros. Envíe START para volver a recibirlos.",
	},
	KeywordStart: {
		"en": "You will get our messages again. Send STOP to end them.", "de": "Sie erhalten wieder Nachrichten von uns. Mit STOPP beenden Sie das.",
		"fr": "Vous recevrez de nouveau nos messages. Envoyez STOP pour les arrêter.", "es": "Volverá a recibir nuestros mensajes. Envíe STOP para terminarlos.",
	},
	KeywordHelp: {
		"en": "Write to us here and a person will answer. Send STOP to get no more messages.", "de": "Schreiben Sie uns hier, ein Mensch antwortet. Mit STOPP erhalten Sie keine Nachrichten mehr.",
		"fr": "Écrivez-nous ici, une personne vous répondra. Envoyez STOP pour ne plus recevoir de messages.", "es": "Escríbanos aquí y una persona le responderá. Envíe STOP para no recibir más mensajes.",
	},
}

// Answer is what to answer to a keyword in a language; the entry point's own words go first, English stands for languages that have none.
func (k *Keywords) Answer(word Keyword, language string) string {
	var own map[string]string
	if k != nil {
		own = map[Keyword]map[string]string{KeywordStop: k.Stop, KeywordStart: k.Start, KeywordHelp: k.Help}[word]
	}
	for _, texts := range []map[string]string{own, usualAnswers[word]} {
		for _, l := range []string{language, "en"} {
			if text := texts[l]; text != "" {
				return text
			}
		}
	}
	return ""
}

// Quiet are hours of each day in which nobody is written to; what is to be sent waits for their end.
type Quiet struct {
	From string `yaml:"from" json:"from"` // "21:00"
	To   string `yaml:"to" json:"to"`     // "08:00", on the next day when it is earlier
	Zone string `yaml:"zone,omitempty" json:"zone,omitempty"`
	// Answers waits with answers to what the customer wrote too; otherwise only what we begin waits.
	Answers bool `yaml:"answers,omitempty" json:"answers,omitempty"`
}

const clock = "15:04"

func (q *Quiet) check() error {
	if q == nil {
		return nil
	}
	for field, value := range map[string]string{"sms.quiet.from": q.From, "sms.quiet.to": q.To} {
		if _, err := time.Parse(clock, value); err != nil {
			return Invalid("bad_setting", field, "must be a time of the day such as 21:00")
		}
	}
	if _, err := time.LoadLocation(q.Zone); err != nil {
		return Invalid("bad_setting", "sms.quiet.zone", "is no time zone; write one such as Europe/Berlin")
	}
	return nil
}

// Until is when the quiet hours end that a moment lies in; zero where it lies in none.
func (q *Quiet) Until(now time.Time) time.Time {
	if q == nil {
		return time.Time{}
	}
	zone, err := time.LoadLocation(q.Zone)
	from, err1 := time.Parse(clock, q.From)
	to, err2 := time.Parse(clock, q.To)
	if err != nil || err1 != nil || err2 != nil || q.From == q.To {
		return time.Time{}
	}
	local := now.In(zone)
	for back := range 2 { // the night that began today, and that of yesterday
		year, month, day := local.Year(), local.Month(), local.Day()-back
		begins := time.Date(year, month, day, from.Hour(), from.Minute(), 0, 0, zone)
		ends := time.Date(year, month, day, to.Hour(), to.Minute(), 0, 0, zone)
		if !ends.After(begins) {
			ends = time.Date(year, month, day+1, to.Hour(), to.Minute(), 0, 0, zone)
		}
		if !local.Before(begins) && local.Before(ends) {
			return ends
		}
	}
	return time.Time{}
}

// ConsentEntry gives the channel and the spelling under which the register knows an address: a web form is answered by mail, and mail knows no capitals.
func ConsentEntry(by Channel, address string) (Channel, string) {
	if by == WebForm {
		by = Email
	}
	if by == Email {
		address = strings.ToLower(address)
	}
	return by, address
}

// Consent is whether an address may be written to on a channel.
type Consent struct {
	Channel Channel
	Address string
	Out     bool // it may not
	Word    string
	Since   time.Time
	Source  string // customer, agent or import
}

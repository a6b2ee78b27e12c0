package survey

import (
	"html/template"
	"strings"

	"parley/interaction"
	"parley/lib/webpage"
)

// texts are the page's own words, by name and language; everything else is the survey's.
var texts = map[string]map[string]string{
	"title":    {"en": "How did we do?", "de": "Wie zufrieden sind Sie?", "fr": "Votre avis", "es": "Su opinión", "ar": "ما رأيك في خدمتنا؟"},
	"send":     {"en": "Send", "de": "Senden", "fr": "Envoyer", "es": "Enviar", "ar": "إرسال"},
	"optional": {"en": "optional", "de": "freiwillig", "fr": "facultatif", "es": "opcional", "ar": "اختياري"},
	"never": {
		"en": "Please do not ask me again", "de": "Bitte fragen Sie mich nicht mehr", "fr": "Ne plus me solliciter", "es": "No vuelvan a preguntarme",
		"ar": "لا ترسلوا لي استبيانات بعد الآن",
	},
	"wrong": {
		"en": "Please answer this.", "de": "Bitte beantworten Sie das.", "fr": "Veuillez répondre à cette question.", "es": "Responda a esta pregunta.",
		"ar": "يرجى الإجابة عن هذا السؤال.",
	},
	"empty": {
		"en": "Please answer at least one question.", "de": "Bitte beantworten Sie wenigstens eine Frage.", "fr": "Veuillez répondre à au moins une question.",
		"es": "Responda al menos a una pregunta.", "ar": "يرجى الإجابة عن سؤال واحد على الأقل.",
	},
	"thanks": {
		"en": "Thank you for your answers.", "de": "Vielen Dank für Ihre Antworten.", "fr": "Merci de vos réponses.", "es": "Gracias por sus respuestas.",
		"ar": "شكراً لإجاباتكم.",
	},
	"answered": {
		"en": "Your answers are here already. Thank you.", "de": "Ihre Antworten sind schon hier. Vielen Dank.", "fr": "Nous avons déjà reçu vos réponses. Merci.",
		"es": "Ya hemos recibido sus respuestas. Gracias.", "ar": "لقد تلقينا إجاباتكم من قبل. شكراً.",
	},
	"refused": {
		"en": "We will not ask you again.", "de": "Wir werden Sie nicht mehr fragen.", "fr": "Nous ne vous solliciterons plus.", "es": "No volveremos a preguntarle.",
		"ar": "لن نسألكم مرة أخرى.",
	},
	"unknown": {
		"en": "There is nothing to answer here, or not any more.", "de": "Hier ist nichts (mehr) zu beantworten.", "fr": "Il n'y a rien, ou plus rien, à répondre ici.",
		"es": "Aquí no hay nada que responder, o ya no.", "ar": "لا يوجد هنا ما يمكن الإجابة عنه.",
	},
	"later": {
		"en": "We cannot take this just now. Please try again in a moment.", "de": "Das geht gerade nicht. Bitte versuchen Sie es gleich noch einmal.",
		"fr": "C'est impossible pour le moment. Veuillez réessayer dans un instant.", "es": "Ahora no es posible. Inténtelo de nuevo en un momento.",
		"ar": "لا يمكننا استقبال ذلك الآن. يرجى المحاولة بعد قليل.",
	},
}

// style is the page's one style sheet; the policy names it by its hash.
const style = `:root{color-scheme:light dark}*{box-sizing:border-box}` +
	`body{margin:0;font:16px/1.5 system-ui,-apple-system,"Segoe UI",Roboto,"Noto Sans",sans-serif;background:light-dark(#f4f6f9,#131920);color:light-dark(#1c2430,#e8edf3)}` +
	`main{max-width:34rem;margin:0 auto;padding:2rem 1.25rem 3rem}h1{font-size:1.4rem;line-height:1.25;margin:0 0 .75rem}` +
	`.card{background:light-dark(#fff,#1c242f);border-radius:14px;padding:1.25rem;margin-block:1rem;border:1px solid light-dark(#dde3ea,#2f3b4a)}` +
	`fieldset{border:0;margin:0;padding:0;min-width:0}legend,.label{font-weight:600;padding:0;margin-block-end:.6rem;display:block}` +
	`.soft{color:light-dark(#566373,#a3b0bf);font-weight:400}.wrong{color:light-dark(#b3261e,#ffb4ab);margin:.4rem 0 0}` +
	`.scores{display:flex;flex-wrap:wrap;gap:.5rem}.scores label{position:relative}` +
	`.scores span{display:grid;place-items:center;min-width:44px;min-height:44px;padding-inline:.5rem;border:1px solid light-dark(#7c8896,#74839a);border-radius:10px}` +
	`.scores input{position:absolute;inset:0;width:100%;height:100%;margin:0;opacity:0;cursor:pointer}` +
	`.scores input:checked+span{background:#0b6e69;color:#fff;border-color:#0b6e69}.scores input:focus-visible+span{outline:2px solid light-dark(#0b5f8a,#7cc7ff);outline-offset:2px}` +
	`.choice,.never{display:flex;gap:.6rem;align-items:center;min-height:44px}.choice input,.never input{width:18px;height:18px;accent-color:#0b6e69}` +
	`textarea{width:100%;min-height:6rem;font:inherit;color:inherit;background:inherit;border:1px solid light-dark(#7c8896,#74839a);border-radius:10px;padding:.6rem .75rem}` +
	`button{font:inherit;font-weight:600;min-height:44px;padding:.5rem 1.5rem;border:0;border-radius:10px;background:#0b6e69;color:#fff;cursor:pointer}` +
	`:focus-visible{outline:2px solid light-dark(#0b5f8a,#7cc7ff);outline-offset:2px}@media(forced-colors:active){.scores input:checked+span{border-width:4px}}`

var styleSource = webpage.Source(style)

// Style gives the style sheet to the template, which otherwise would not let it pass.
func (shown) Style() template.CSS { return template.CSS(style) } //nolint:gosec // a constant of ours

// Scores are the numbers of a question.
func (shown) Scores(q interaction.SurveyAsked) []int {
	var all []int
	for n := q.Least; n <= q.Most; n++ {
		all = append(all, n)
	}
	return all
}

// Lines keeps a text's own paragraphs.
func (shown) Lines(s string) []string { return strings.Split(s, "\n") }

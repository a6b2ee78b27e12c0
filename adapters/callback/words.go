package callback

import (
	"fmt"
	"strings"
	"time"
)

// words are the page's texts by name and language.
var words = map[string]map[string]string{
	"title":     {"en": "We call you back", "de": "Wir rufen Sie zurück", "fr": "Nous vous rappelons", "es": "Le llamamos"},
	"phone":     {"en": "Your phone number", "de": "Ihre Telefonnummer", "fr": "Votre numéro de téléphone", "es": "Su número de teléfono"},
	"name":      {"en": "Your name", "de": "Ihr Name", "fr": "Votre nom", "es": "Su nombre"},
	"email":     {"en": "Your email address", "de": "Ihre E-Mail-Adresse", "fr": "Votre adresse e-mail", "es": "Su correo electrónico"},
	"topic":     {"en": "What it is about", "de": "Worum es geht", "fr": "Objet", "es": "Asunto"},
	"text":      {"en": "What we should know before we call", "de": "Was wir vor dem Anruf wissen sollten", "fr": "Ce que nous devrions savoir avant d'appeler", "es": "Lo que debemos saber antes de llamar"},
	"optional":  {"en": "optional", "de": "freiwillig", "fr": "facultatif", "es": "opcional"},
	"when":      {"en": "When shall we call?", "de": "Wann sollen wir anrufen?", "fr": "Quand devons-nous appeler ?", "es": "¿Cuándo le llamamos?"},
	"times":     {"en": "Free times", "de": "Freie Zeiten", "fr": "Horaires libres", "es": "Horas libres"},
	"mode.now":  {"en": "Now", "de": "Jetzt", "fr": "Maintenant", "es": "Ahora"},
	"mode.free": {"en": "As soon as somebody is free", "de": "Sobald jemand frei ist", "fr": "Dès que quelqu'un est disponible", "es": "En cuanto alguien esté libre"},
	"mode.slot": {"en": "At this time:", "de": "Zu dieser Zeit:", "fr": "À cette heure :", "es": "A esta hora:"},
	"send":      {"en": "Call me back", "de": "Rufen Sie mich zurück", "fr": "Rappelez-moi", "es": "Llámenme"},
	"due":       {"en": "When", "de": "Wann", "fr": "Quand", "es": "Cuándo"},
	"due.now":   {"en": "in a moment", "de": "gleich", "fr": "dans un instant", "es": "en un momento"},
	"due.free":  {"en": "as soon as somebody is free", "de": "sobald jemand frei ist", "fr": "dès que quelqu'un est disponible", "es": "en cuanto alguien esté libre"},
	"tries":     {"en": "Tries so far", "de": "Bisherige Versuche", "fr": "Essais jusqu'ici", "es": "Intentos hasta ahora"},
	"move":      {"en": "Choose another time", "de": "Andere Zeit wählen", "fr": "Choisir une autre heure", "es": "Elegir otra hora"},
	"cancel":    {"en": "Cancel the call", "de": "Anruf absagen", "fr": "Annuler l'appel", "es": "Cancelar la llamada"},
	"sure":      {"en": "We will not call you then.", "de": "Wir rufen Sie dann nicht an.", "fr": "Nous ne vous appellerons pas.", "es": "No le llamaremos."},
	"calling":   {"en": "Somebody is about to call you.", "de": "Sie werden gerade angerufen.", "fr": "Quelqu'un va vous appeler.", "es": "Alguien está a punto de llamarle."},
	"merged":    {"en": "This number waits for a call already. We have noted what you wrote.", "de": "Diese Nummer wartet schon auf einen Anruf. Wir haben notiert, was Sie geschrieben haben.", "fr": "Ce numéro attend déjà un appel. Nous avons noté votre message.", "es": "Este número ya espera una llamada. Hemos anotado su mensaje."},
	"next":      {"en": "The next free time is", "de": "Die nächste freie Zeit ist", "fr": "Prochain horaire libre :", "es": "La próxima hora libre es"},
	"unknown":   {"en": "There is no such call, or not any more.", "de": "Diesen Anruf gibt es nicht (mehr).", "fr": "Cet appel n'existe pas, ou plus.", "es": "Esta llamada no existe, o ya no."},
	"later":     {"en": "We cannot take this just now. Please try again in a moment.", "de": "Das geht gerade nicht. Bitte versuchen Sie es gleich noch einmal.", "fr": "C'est impossible pour le moment. Veuillez réessayer dans un instant.", "es": "Ahora no es posible. Inténtelo de nuevo en un momento."},
	"wrong":     {"en": "Something is not right. Please look at what you have written.", "de": "Etwas stimmt nicht. Bitte prüfen Sie Ihre Angaben.", "fr": "Il y a une erreur. Veuillez vérifier vos indications.", "es": "Algo no es correcto. Compruebe sus datos."},

	"state.waiting":   {"en": "We will call you", "de": "Wir rufen Sie an", "fr": "Nous vous appellerons", "es": "Le llamaremos"},
	"state.done":      {"en": "We have called you", "de": "Wir haben Sie angerufen", "fr": "Nous vous avons appelé", "es": "Le hemos llamado"},
	"state.failed":    {"en": "We could not reach you", "de": "Wir konnten Sie nicht erreichen", "fr": "Nous n'avons pas pu vous joindre", "es": "No hemos podido localizarle"},
	"state.cancelled": {"en": "The call is cancelled", "de": "Der Anruf ist abgesagt", "fr": "L'appel est annulé", "es": "La llamada está cancelada"},
	"state.expired":   {"en": "We could not call you in time", "de": "Wir konnten Sie nicht rechtzeitig anrufen", "fr": "Nous n'avons pas pu vous appeler à temps", "es": "No hemos podido llamarle a tiempo"},

	"wrong.required":           {"en": "Please tell us your phone number and, for a call at a time, which.", "de": "Bitte nennen Sie Ihre Telefonnummer und, für einen Anruf zu einer Zeit, welche.", "fr": "Veuillez indiquer votre numéro et, pour un appel à heure fixe, l'heure.", "es": "Indique su número y, para una llamada a una hora, cuál."},
	"wrong.bad_number":         {"en": "This is no phone number that we can call. Write it with its country, as +49 30 901820.", "de": "Das ist keine Nummer, die wir anrufen können. Schreiben Sie sie mit Ländervorwahl, etwa +49 30 901820.", "fr": "Nous ne pouvons pas appeler ce numéro. Écrivez-le avec l'indicatif du pays, p. ex. +33 1 23 45 67 89.", "es": "No podemos llamar a este número. Escríbalo con el prefijo del país, p. ej. +34 912 345 678."},
	"wrong.number_not_allowed": {"en": "We do not call numbers of this kind.", "de": "Nummern dieser Art rufen wir nicht an.", "fr": "Nous n'appelons pas ce type de numéro.", "es": "No llamamos a números de este tipo."},
	"wrong.bad_email":          {"en": "This is no email address.", "de": "Das ist keine E-Mail-Adresse.", "fr": "Ce n'est pas une adresse e-mail.", "es": "No es un correo electrónico."},
	"wrong.already_waiting":    {"en": "This number waits for a call already. Its link lets you move or cancel it.", "de": "Diese Nummer wartet schon auf einen Anruf. Über dessen Link können Sie ihn verschieben oder absagen.", "fr": "Ce numéro attend déjà un appel. Son lien permet de le déplacer ou de l'annuler.", "es": "Este número ya espera una llamada. Con su enlace puede cambiarla o cancelarla."},
	"wrong.slot_full":          {"en": "This time has just been taken.", "de": "Diese Zeit ist gerade vergeben worden.", "fr": "Cet horaire vient d'être pris.", "es": "Esta hora se acaba de ocupar."},
	"wrong.time_past":          {"en": "This time is over.", "de": "Diese Zeit ist vorbei.", "fr": "Cette heure est passée.", "es": "Esta hora ya pasó."},
	"wrong.time_too_far":       {"en": "This time is too far ahead.", "de": "Diese Zeit liegt zu weit in der Zukunft.", "fr": "Cette heure est trop lointaine.", "es": "Esta hora es demasiado lejana."},
	"wrong.time_closed":        {"en": "Nobody is here to call at that time.", "de": "Zu dieser Zeit ist niemand da, der anrufen kann.", "fr": "Personne n'est là pour appeler à cette heure.", "es": "A esa hora no hay nadie para llamar."},
	"wrong.old_token":          {"en": "The form lay open for long. Please send it once more.", "de": "Das Formular war lange offen. Bitte senden Sie es noch einmal ab.", "fr": "Le formulaire est resté longtemps ouvert. Veuillez le renvoyer.", "es": "El formulario estuvo abierto mucho tiempo. Envíelo de nuevo."},
	"wrong.stale_version":      {"en": "It has changed meanwhile. This is how it stands now.", "de": "Er hat sich inzwischen geändert. So steht er jetzt.", "fr": "Il a changé entre-temps. Voici son état.", "es": "Ha cambiado entretanto. Así está ahora."},
	"wrong.being_called":       {"en": "Somebody is about to call you; it cannot be moved now.", "de": "Sie werden gerade angerufen; verschieben geht jetzt nicht.", "fr": "Quelqu'un va vous appeler ; impossible de le déplacer.", "es": "Alguien está a punto de llamarle; no se puede cambiar."},
	"wrong.callback_over":      {"en": "It is over already.", "de": "Er ist schon vorbei.", "fr": "C'est déjà terminé.", "es": "Ya ha terminado."},
	"wrong.too_many_requests":  {"en": "That was quick. Please try again in a minute.", "de": "Das ging schnell. Bitte versuchen Sie es in einer Minute noch einmal.", "fr": "C'était rapide. Veuillez réessayer dans une minute.", "es": "Demasiado rápido. Inténtelo de nuevo en un minuto."},
}

// weekdays are short names from Sunday on.
var weekdays = map[string][7]string{
	"en": {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"}, "de": {"So", "Mo", "Di", "Mi", "Do", "Fr", "Sa"},
	"fr": {"dim.", "lun.", "mar.", "mer.", "jeu.", "ven.", "sam."}, "es": {"dom", "lun", "mar", "mié", "jue", "vie", "sáb"},
}

// dayTitle is a day as people write it.
func dayTitle(at time.Time, language string) string {
	short, _, _ := strings.Cut(strings.ToLower(language), "-")
	names, known := weekdays[short]
	if !known {
		return weekdays["en"][at.Weekday()] + at.Format(" 2 Jan")
	}
	if short == "en" {
		return names[at.Weekday()] + at.Format(" 2 Jan")
	}
	return fmt.Sprintf("%s %d.%d.", names[at.Weekday()], at.Day(), at.Month())
}

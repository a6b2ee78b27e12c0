package web

import (
	"html/template"
	"net/http"
	"slices"
)

// demoPolicy is as strict as a site's policy can be; the widget must live with it.
const demoPolicy = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' blob:; " +
	"base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'"

// language is one that the demo's page offers for the widget.
type language struct{ Code, Name string }

var languages = []language{{"en", "English"}, {"de", "Deutsch"}, {"fr", "Français"}, {"es", "Español"}, {"ar", "العربية"}}

// Demo serves /demo/chat, the page of a shop with the widget of an entry point, and what belongs to it. ?language= chooses the widget's
// language; without it the browser's is taken.
func Demo(entryPoint string) http.Handler {
	pages := load("demo")
	page := template.Must(template.New("chat").Parse(string(pages["chat.html"].plain)))
	mux := http.NewServeMux()
	mux.HandleFunc("GET /demo/chat", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		w.Header().Set("Content-Security-Policy", demoPolicy)
		w.Header().Set("Referrer-Policy", "no-referrer")
		w.Header().Set("X-Content-Type-Options", "nosniff")
		chosen := r.URL.Query().Get("language")
		if !slices.ContainsFunc(languages, func(l language) bool { return l.Code == chosen }) {
			chosen = ""
		}
		// The template is whole and its values are plain: only the connection can fail, and there is nobody to tell then.
		_ = page.Execute(w, map[string]any{"EntryPoint": entryPoint, "Languages": languages, "Language": chosen})
	})
	mux.HandleFunc("GET /demo/chat.css", func(w http.ResponseWriter, r *http.Request) { pages.serve(w, r, "chat.css", false) })
	return mux
}

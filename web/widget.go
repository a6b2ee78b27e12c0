package web

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"maps"
	"net/http"
	"slices"
)

// Widget serves the chat widget under every entry point: /in/{entry}/widget.js, the script of a page, and below
// /in/{entry}/widget/{version}/ the modules that it loads. Pages of other sites may load them.
func Widget() http.Handler {
	release := load("widget")
	version := release.version()
	script, err := pack(bytes.ReplaceAll(release["widget.js"].plain, []byte("{{version}}"), []byte(version)))
	if err != nil {
		panic(err) // it writes to memory
	}
	release["widget.js"] = script

	mux := http.NewServeMux()
	mux.HandleFunc("GET /in/{entry}/widget.js", func(w http.ResponseWriter, r *http.Request) {
		release.serve(w, r, "widget.js", false)
	})
	mux.HandleFunc("GET /in/{entry}/widget/{version}/{file...}", func(w http.ResponseWriter, r *http.Request) {
		// A page that was opened before an upgrade gets what there is now, for this time only.
		release.serve(w, r, r.PathValue("file"), r.PathValue("version") == version)
	})
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Access-Control-Allow-Origin", "*")
		w.Header().Set("Cross-Origin-Resource-Policy", "cross-origin")
		mux.ServeHTTP(w, r)
	})
}

// version names a release of the widget: it is the same as long as no file has changed.
func (a assets) version() string {
	hash := sha256.New()
	for _, name := range slices.Sorted(maps.Keys(a)) {
		hash.Write([]byte(name + a[name].tag))
	}
	return hex.EncodeToString(hash.Sum(nil))[:12]
}

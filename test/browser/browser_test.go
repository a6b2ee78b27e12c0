// Package browser runs the chat widget in a real Chromium, driven by Playwright from Node. Here the server's side is scripted within the
// test; the widget against the whole product is in package test.
package browser

import (
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"parley/web"
)

func TestWidgetInABrowser(t *testing.T) {
	if os.Getenv("PARLEY_TEST_STACK") != "1" {
		t.Skip("SKIPPED: this test needs Node, its packages and Chromium; set PARLEY_TEST_STACK=1, as make test does")
	}
	require.DirExists(t, "node_modules", "run test/browser/prepare first, as make test does")
	mux := http.NewServeMux()
	mux.Handle("/in/", web.Widget())
	mux.Handle("/demo/", web.Demo("shop"))
	mux.HandleFunc("GET /site", site)
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)

	files, err := filepath.Glob("*_test.mjs")
	require.NoError(t, err)
	require.NotEmpty(t, files)
	for _, file := range files {
		t.Run(file, func(t *testing.T) {
			t.Parallel()
			node := exec.CommandContext(t.Context(), "node", "--test-reporter=spec", file)
			node.Env = append(os.Environ(), "PARLEY_BROWSER_BASE="+server.URL)
			output, err := node.CombinedOutput()
			t.Logf("%s", output)
			require.NoError(t, err)
		})
	}
}

// site is a page of another origin than the chat's, with the policy that docs/chat-widget.md asks for and nothing more.
func site(w http.ResponseWriter, r *http.Request) {
	chat := "127.0.0.1:" + strings.TrimPrefix(r.Host, "localhost:")
	w.Header().Set("Content-Security-Policy", "default-src 'none'; script-src http://"+chat+"; connect-src http://"+chat+" ws://"+chat+
		"; img-src blob:; require-trusted-types-for 'script'")
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	_, _ = w.Write([]byte(`<!doctype html><html lang="de"><head><title>Shop</title>` +
		`<script src="http://` + chat + `/in/shop/widget.js" async></script></head><body><main><h1>Shop</h1></main></body></html>`))
}

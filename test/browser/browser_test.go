// Package browser runs the chat widget in a real Chromium, driven by Playwright from Node. Here the server's side is scripted within the
// test; the widget against the whole product is in package test.
package browser

import (
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
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

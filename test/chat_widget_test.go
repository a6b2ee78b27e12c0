package test

import (
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestChatInTwoBrowsers has a customer and an agent talk through the product in two browsers. What they say and do is in
// browser/product.mjs; here is what it cannot do itself: to kill the program, and to start it again.
func TestChatInTwoBrowsers(t *testing.T) {
	p := bareProduct(t)
	browsers := filepath.Join(source, "test", "browser")
	require.DirExists(t, filepath.Join(browsers, "node_modules"), "run test/browser/prepare first, as make test does")
	p.start()

	orders := http.NewServeMux()
	orders.HandleFunc("POST /kill", func(http.ResponseWriter, *http.Request) {
		if err := p.command.Process.Kill(); err != nil {
			t.Errorf("parley was not killed: %v", err)
		}
		<-p.ended
	})
	started := make(chan struct{})
	orders.HandleFunc("POST /start", func(http.ResponseWriter, *http.Request) { started <- struct{}{} })
	control := httptest.NewServer(orders)
	t.Cleanup(control.Close)

	node := exec.CommandContext(t.Context(), "node", "--test-reporter=spec", "product.mjs")
	node.Dir = browsers
	node.Env = append(os.Environ(), "PARLEY_BROWSER_BASE=http://"+p.http, "PARLEY_TEST_CONTROL="+control.URL,
		"PARLEY_TEST_AGENT="+p.person("PARLEY_AGENT_TOKEN").Token)
	var output []byte
	var failed error
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		output, failed = node.CombinedOutput()
	}()
	for {
		select {
		case <-started:
			p.start()
		case <-ended:
			t.Logf("%s", output)
			require.NoError(t, failed)
			return
		}
	}
}

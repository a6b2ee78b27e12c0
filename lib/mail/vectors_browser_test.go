package mail

import (
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// vectorsOnAPage is how many cleaned texts one page shows, each in an element of its own.
const vectorsOnAPage = 250

// TestVectorsInABrowser opens cleaned HTML in a real Chromium, without any policy that would help: nothing runs, nothing is asked for and the page stays where it is.
// PARLEY_VECTORS is how many mutations (default 2,000) are opened beside the vectors themselves.
func TestVectorsInABrowser(t *testing.T) {
	if os.Getenv("PARLEY_TEST_STACK") != "1" {
		t.Skip("SKIPPED: this test needs Node, its packages and Chromium; set PARLEY_TEST_STACK=1, as make test does")
	}
	folder := filepath.Join("..", "..", "test", "browser")
	require.DirExists(t, filepath.Join(folder, "node_modules"), "run test/browser/prepare first, as make test does")
	mutations := 2000
	if n, err := strconv.Atoi(os.Getenv("PARLEY_VECTORS")); err == nil {
		mutations = n
	}
	seed := uint64(time.Now().UnixNano())
	pages := 1 + (len(vectors)+mutations-1)/vectorsOnAPage
	mux := http.NewServeMux()
	mux.HandleFunc("GET /cleaned/{page}", func(w http.ResponseWriter, req *http.Request) {
		n, _ := strconv.Atoi(req.PathValue("page"))
		io.WriteString(w, "<!doctype html><title>page</title>")
		for i := n * vectorsOnAPage; i < min((n+1)*vectorsOnAPage, len(vectors)+mutations); i++ {
			v := ""
			if i < len(vectors) {
				v = vectors[i]
			} else {
				v = mutation(rand.New(rand.NewPCG(seed, uint64(i))))
			}
			fmt.Fprintf(w, "<div>%s</div>\n", CleanHTML(v))
		}
	})
	mux.HandleFunc("GET /as-it-came/0", func(w http.ResponseWriter, _ *http.Request) { // shows that the browser would tell
		io.WriteString(w, `<!doctype html><title>page</title><img src=x onerror=alert(1)><div style="background:url(https://x.test/a)">x</div>`)
	})
	server := httptest.NewServer(mux)
	defer server.Close()
	look := func(path string, pages int) (found struct{ Pages, Ran, Asked, Left int }) {
		node := exec.CommandContext(t.Context(), "node", "inert.mjs", server.URL+path, strconv.Itoa(pages))
		node.Dir = folder
		output, err := node.CombinedOutput()
		require.NoError(t, err, "%s", output)
		require.NoError(t, json.Unmarshal(output[strings.LastIndexByte(strings.TrimSpace(string(output)), '\n')+1:], &found), "%s", output)
		require.Equal(t, pages, found.Pages)
		return found
	}
	control := look("/as-it-came/", 1)
	require.Positive(t, control.Ran)
	require.GreaterOrEqual(t, control.Asked, 2)
	found := look("/cleaned/", pages)
	t.Logf("seed %d: %d vectors and %d mutations on %d pages: %d scripts ran, %d requests left, %d pages went elsewhere", seed, len(vectors), mutations, pages, found.Ran, found.Asked, found.Left)
	require.Zero(t, found.Ran)
	require.Zero(t, found.Asked)
	require.Zero(t, found.Left)
}

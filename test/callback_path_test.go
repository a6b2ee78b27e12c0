package test

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// callbackAnswer is what the form's JSON says.
type callbackAnswer struct {
	Link   string
	DueAt  time.Time `json:"due_at"`
	Repeat bool
}

// alwaysOpen is the setting that has a product take the demo's configuration without business hours: a test goes on at any hour and on holidays.
func alwaysOpen(t *testing.T) string {
	t.Helper()
	setup := t.TempDir()
	require.NoError(t, os.CopyFS(setup, os.DirFS(filepath.Join(source, "config", "demo"))))
	path := filepath.Join(setup, "parley.yaml")
	house, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Contains(t, string(house), ", calendar: office")
	require.NoError(t, os.WriteFile(path, []byte(strings.ReplaceAll(string(house), ", calendar: office", "")), 0o600))
	return "PARLEY_SETUP=" + setup
}

// TestACallbackGoesAllTheWay: a customer books a time on a page, moves it by his link while Parley is started anew, is not reached, and then is.
func TestACallbackGoesAllTheWay(t *testing.T) {
	p := newProduct(t, alwaysOpen(t))
	p.start()
	ann := p.person("PARLEY_AGENT_TOKEN")
	base := "http://" + ann.Address + "/in/call/"

	var form struct{ Token string }
	p.page(http.MethodGet, base+"token", nil, "", &form)
	slot := time.Now().UTC().Truncate(time.Hour).Add(26 * time.Hour)
	booking, err := json.Marshal(map[string]any{
		"token": form.Token, "phone": "030 901820", "name": "Carla", "topic": "Order 10023", "text": "Where is it?", "mode": "slot", "at": slot.Format(time.RFC3339),
	})
	require.NoError(t, err)
	var booked callbackAnswer
	for n := range 5 {
		require.Equal(t, http.StatusCreated, p.page(http.MethodPost, base+"callbacks", booking, "application/json", &booked))
		require.Equal(t, n > 0, booked.Repeat)
		require.True(t, booked.DueAt.Equal(slot))
	}
	i := p.find(ann, "Order 10023")
	p.refuse(ann, http.MethodPost, "/v1/tasks/claim-next", map[string]any{}, "it is not due before tomorrow")

	p.stop()
	p.start()
	ann = p.person("PARLEY_AGENT_TOKEN")
	link := "http://" + ann.Address + booked.Link[strings.Index(booked.Link, "/callback/"):]
	move := url.Values{"do": {"move"}, "mode": {"free"}}
	require.Equal(t, http.StatusOK, p.page(http.MethodPost, link, []byte(move.Encode()), "application/x-www-form-urlencoded", nil))

	task := p.claimNext(ann, "callback")
	require.Equal(t, i.ID, task.InteractionID)
	var preview struct {
		Callback struct{ Phone, Tel, Text string }
	}
	p.call(ann, http.MethodGet, "/v1/tasks/"+task.ID, nil, &preview)
	require.Equal(t, "+4930901820", preview.Callback.Phone)
	require.Equal(t, "Where is it?", preview.Callback.Text)
	p.call(ann, http.MethodPost, "/v1/callbacks/"+i.ID+"/dial", nil, nil)
	p.call(ann, http.MethodPost, "/v1/tasks/"+task.ID+"/complete", map[string]any{"disposition": "no_answer"}, nil)

	p.call(ann, http.MethodPost, "/v1/callbacks/"+i.ID+"/move", map[string]any{"mode": "now"}, nil)
	again := p.claimNext(ann, "callback")
	require.NotEqual(t, task.ID, again.ID)
	p.call(ann, http.MethodPost, "/v1/tasks/"+again.ID+"/complete", map[string]any{"disposition": "reached"}, nil)
	p.stopped(ann, i.ID, "reached")
	var shown []byte
	require.Equal(t, http.StatusOK, p.page(http.MethodGet, link, nil, "", &shown))
	require.Contains(t, string(shown), "We have called you")
	p.stop()
}

// page makes a call as a browser does, and gives the status where redirects ended.
func (p *product) page(method, address string, body []byte, kind string, into any) int {
	p.t.Helper()
	r, err := http.NewRequestWithContext(p.t.Context(), method, address, bytes.NewReader(body))
	require.NoError(p.t, err)
	if kind != "" {
		r.Header.Set("Content-Type", kind)
	}
	res, err := http.DefaultClient.Do(r)
	require.NoError(p.t, err)
	defer res.Body.Close()
	raw, err := io.ReadAll(res.Body)
	require.NoError(p.t, err)
	switch into := into.(type) {
	case nil:
	case *[]byte:
		*into = raw
	default:
		require.NoError(p.t, json.Unmarshal(raw, into), string(raw))
	}
	return res.StatusCode
}

// TestACallbackInABrowser has a customer book, move and cancel in a real browser; what he does is in browser/callback.mjs.
func TestACallbackInABrowser(t *testing.T) {
	p := bareProduct(t, alwaysOpen(t))
	browsers := filepath.Join(source, "test", "browser")
	require.DirExists(t, filepath.Join(browsers, "node_modules"), "run test/browser/prepare first, as make test does")
	p.start()
	node := exec.CommandContext(t.Context(), "node", "--test-reporter=spec", "callback.mjs")
	node.Dir = browsers
	node.Env = append(os.Environ(), "PARLEY_BROWSER_BASE=http://"+p.http)
	output, err := node.CombinedOutput()
	t.Logf("%s", output)
	require.NoError(t, err)
	p.stop()
}

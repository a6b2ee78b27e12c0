package test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"parley/lib/mail"
)

// TestAWebFormGoesAllTheWay: a message from a web page is handled like a mail, and answered by one that the customer can answer.
func TestAWebFormGoesAllTheWay(t *testing.T) {
	p := newProduct(t)
	p.start()
	ann, sue := p.person("PARLEY_AGENT_TOKEN"), p.person("PARLEY_SENIOR_TOKEN")
	send := func() (status int, answer struct {
		ID     string
		Repeat bool
	},
	) {
		res, err := http.Post("http://"+ann.Address+"/in/form/messages", "application/json", strings.NewReader(
			`{"id":"1","name":"Fred Form","email":"fred@customers.example.test","subject":"Wrong size","text":"The shirt is too small.","fields":{"Order":"4711"}}`))
		require.NoError(t, err)
		defer res.Body.Close()
		require.NoError(t, json.NewDecoder(res.Body).Decode(&answer))
		return res.StatusCode, answer
	}
	status, first := send()
	require.Equal(t, http.StatusAccepted, status)
	_, again := send()
	require.True(t, again.Repeat)
	require.Equal(t, first.ID, again.ID)

	i := p.find(ann, "Wrong size")
	task := p.claimNext(ann, "handle")
	require.Equal(t, i.ID, task.InteractionID)
	p.call(ann, http.MethodPost, "/v1/tasks/"+task.ID+"/reply", map[string]any{"text": "Send it back, please."}, nil)
	p.call(sue, http.MethodPost, "/v1/reviews/"+p.review(sue, i.ID).ID+"/decision", map[string]any{"decision": "approve"}, nil)
	p.stopped(ann, i.ID, "answered")

	var reply string
	for _, m := range p.sink.All() {
		if strings.Contains(mail.Parse(m.Raw).Text, "Send it back") {
			reply = string(m.Raw)
			require.Equal(t, []string{"fred@customers.example.test"}, m.To)
		}
	}
	require.NotEmpty(t, reply)
	require.Contains(t, mail.Parse([]byte(reply)).ReplyTo[0].Address, "support+r.")
	p.stop()
}

package test

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"parley/test/wire"
)

// Another system hears how an interaction ended, though it was away at first and Parley was killed meanwhile.
func TestAnotherSystemIsTold(t *testing.T) {
	p := newProduct(t, "PARLEY_ALLOW_NETWORKS=127.0.0.1/32")
	heard := &receiver{away: true}
	s := httptest.NewServer(heard)
	defer s.Close()
	p.start()
	root, ann := p.person("PARLEY_ADMIN_TOKEN"), p.person("PARLEY_AGENT_TOKEN")
	p.call(root, http.MethodPut, "/v1/configuration/webhooks/crm", map[string]any{"url": s.URL, "events": []string{"interaction.stopped"}}, nil)
	var rotated struct{ Secret string }
	p.call(root, http.MethodPost, "/v1/webhooks/crm/secret", nil, &rotated)
	secret, err := hex.DecodeString(rotated.Secret)
	require.NoError(t, err)

	p.mail("carla@customers.example.test", wire.Mail{From: "carla@customers.example.test", Subject: "Where is my order?", Text: "It has not arrived. When will it?"})
	task := p.claimNext(ann, "handle")
	p.call(ann, http.MethodPost, "/v1/tasks/"+task.ID+"/complete", map[string]any{"disposition": "no_answer_needed"}, nil)
	p.await(stepLimit, "an attempt in vain", func(ctx context.Context) error {
		var view struct{ Attempts int }
		if err := root.Call(ctx, http.MethodGet, "/v1/webhooks/crm", "", nil, &view); err != nil {
			return err
		}
		if view.Attempts == 0 {
			return errors.New("none yet")
		}
		return nil
	})
	require.NoError(t, p.command.Process.Kill())
	<-p.ended
	heard.back(secret)
	p.start()
	p.await(stepLimit, "the delivery", func(context.Context) error {
		if !slices.Contains(heard.stopped(), task.InteractionID) {
			return errors.New("not told yet")
		}
		return nil
	})
}

// receiver is another system that checks signatures.
type receiver struct {
	mu     sync.Mutex
	away   bool
	secret []byte
	ids    []string
}

func (r *receiver) back(secret []byte) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.away, r.secret = false, secret
}

func (r *receiver) stopped() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.ids)
}

func (r *receiver) ServeHTTP(w http.ResponseWriter, q *http.Request) {
	r.mu.Lock()
	defer r.mu.Unlock()
	body, err := io.ReadAll(q.Body)
	if r.away || err != nil {
		w.WriteHeader(http.StatusServiceUnavailable)
		return
	}
	at, macs, _ := strings.Cut(strings.TrimPrefix(q.Header.Get("Parley-Signature"), "t="), ",v1=")
	mac := hmac.New(sha256.New, r.secret)
	mac.Write([]byte(at + "." + string(body)))
	if !slices.Contains(strings.Split(macs, ",v1="), hex.EncodeToString(mac.Sum(nil))) {
		w.WriteHeader(http.StatusForbidden)
		return
	}
	var d struct {
		Events []struct {
			Code        string
			Interaction string `json:"interaction_id"`
		}
	}
	if err := json.Unmarshal(body, &d); err != nil {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	for _, e := range d.Events {
		r.ids = append(r.ids, e.Interaction)
	}
}

package test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"parley/adapters/meta/metatest"
	"parley/lib/mms"
	"parley/lib/mms/mmstest"
	"parley/test/wire"
)

// mmsCentre is a multimedia message centre of ours: it posts what customers send, and takes what Parley submits.
type mmsCentre struct {
	*httptest.Server
	mu    sync.Mutex
	taken []*mms.Message
}

func newMMSCentre(t *testing.T) *mmsCentre {
	t.Helper()
	c := &mmsCentre{}
	c.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if user, password, _ := r.BasicAuth(); err != nil || user != "mmsc" || password != "secret" {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		m := mms.Parse(append([]byte("POST / HTTP/1.1\r\nContent-Type: "+r.Header.Get("Content-Type")+"\r\n\r\n"), body...))
		c.mu.Lock()
		c.taken = append(c.taken, m)
		c.mu.Unlock()
		w.Header().Set("Content-Type", "text/xml")
		_, _ = w.Write(mms.Response(m, mms.StatusSuccess))
	}))
	t.Cleanup(c.Close)
	return c
}

// deliver posts a message as a centre does, and gives the status code of MM7 that it is answered with.
func (c *mmsCentre) deliver(ctx context.Context, address string, p mmstest.Post) (int, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, address, strings.NewReader(string(p.Body)))
	if err != nil {
		return 0, err
	}
	r.Header.Set("Content-Type", p.ContentType)
	r.Header.Set("SOAPAction", `""`)
	r.SetBasicAuth("mmsc", "secret")
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		return 0, err
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		return 0, err
	}
	return mms.Parse(body).Status.Code, nil
}

func (c *mmsCentre) texts() (list []string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, m := range c.taken {
		text := ""
		for _, p := range m.Parts {
			if p.Type == "text/plain" {
				text += strings.TrimSpace(p.Text)
			}
		}
		list = append(list, text)
	}
	return list
}

// pictures configures a number for multimedia messages with its centre.
func (p *product) pictures(root wire.Client, c *mmsCentre) {
	p.t.Helper()
	p.call(root, http.MethodPut, "/v1/configuration/entry_points/pictures", map[string]any{
		"channel": "mms", "address": "121399", "workflow": "MMS", "queue": "social", "language": "en",
	}, nil)
	p.call(root, http.MethodPut, "/v1/configuration/links/mmsc", map[string]any{
		"kind": "mm7", "entry_point": "pictures", "secret": "env:PARLEY_LINK_MMSC", "settings": map[string]any{"url": c.URL, "vaspid": "shop", "vasid": "support", "user": "mmsc"},
	}, nil)
}

// TestOneConversationOverChannels: a customer sends pictures, twice since the process dies behind its commit, and goes on by WhatsApp. That is one conversation, since the entry point says so. An
// agent answers where he wrote last; a second conversation is answered by the other channel, as the agent chooses.
func TestOneConversationOverChannels(t *testing.T) {
	const number = "106540352242922"
	p := newProduct(t, "PARLEY_LINK_MMSC=secret", `PARLEY_LINK_ACCOUNT={"app_secret": "app", "token": "tok", "verify_token": "ver"}`, "PARLEY_ALLOW_NETWORKS=127.0.0.0/8")
	centre, graph := newMMSCentre(t), metatest.NewGraph("tok")
	defer graph.Close()
	p.start()
	root, ann, sue := p.person("PARLEY_ADMIN_TOKEN"), p.person("PARLEY_AGENT_TOKEN"), p.person("PARLEY_SENIOR_TOKEN")
	p.social(root, "whatsapp", number, map[string]any{"api": graph.URL})
	p.call(root, http.MethodPut, "/v1/configuration/entry_points/social", map[string]any{
		"channel": "social", "address": number, "workflow": "Social", "queue": "social", "language": "en", "joins": true,
	}, nil)
	p.pictures(root, centre)

	sends := func(picture mmstest.Post) {
		p.await(stepLimit, "the centre to be answered", func(ctx context.Context) error {
			code, err := centre.deliver(ctx, "http://"+p.http+"/in/pictures/", picture)
			if err == nil && code != mms.StatusSuccess {
				err = fmt.Errorf("status %d", code)
			}
			return err
		})
	}
	writes := func(from, id, text string) {
		m := metatest.Text(id, text)
		m["from"] = strings.TrimPrefix(from, "+")
		p.await(stepLimit, "WhatsApp to be answered", func(ctx context.Context) error {
			status, err := metatest.Call(ctx, "http://"+p.http+"/in/social/", "app", metatest.WhatsApp(number, m))
			if err == nil && status != http.StatusOK {
				err = fmt.Errorf("status %d", status)
			}
			return err
		})
	}
	first := mmstest.Make(0, "121399")
	sends(first)
	require.NoError(t, p.command.Process.Kill())
	<-p.ended
	p.start()
	sends(first)
	task := p.claimNext(ann, "handle")
	p.shows(ann, task, first)
	writes(first.Sender, "wamid.1", "Did you get my picture?")
	var messages []wire.Message
	p.await(stepLimit, "both in one conversation", func(ctx context.Context) (err error) {
		if messages, err = ann.Messages(ctx, task.InteractionID); err == nil && len(messages) != 2 {
			err = fmt.Errorf("%d messages", len(messages))
		}
		return err
	})
	require.Equal(t, "Did you get my picture?", messages[1].Text)
	require.Equal(t, []string{"social", "pictures"}, p.ways(ann, task))
	p.answer(ann, sue, task, "We have it, thank you.")
	require.Len(t, graph.Sent(), 1, "he wrote there last")
	require.Empty(t, centre.texts())

	second := mmstest.Make(1, "121399")
	sends(second)
	task = p.claimNext(ann, "handle")
	writes(second.Sender, "wamid.2", "I am on my way.")
	p.await(stepLimit, "the other way", func(context.Context) error {
		if len(p.ways(ann, task)) != 2 {
			return errors.New("there is one way only")
		}
		return nil
	})
	p.call(ann, http.MethodPost, "/v1/tasks/"+task.ID+"/reply", map[string]any{"text": "A nice picture.", "entry_point": "pictures"}, nil)
	p.call(sue, http.MethodPost, "/v1/reviews/"+p.review(sue, task.InteractionID).ID+"/decision", map[string]any{"decision": "approve"}, nil)
	p.stopped(ann, task.InteractionID, "answered")
	require.Equal(t, []string{"A nice picture."}, centre.texts())
	require.Len(t, graph.Sent(), 1)
}

// shows looks at a multimedia message as a desk shows it: its media slide by slide, in their order, and each picture's small one.
func (p *product) shows(by wire.Client, task wire.Task, picture mmstest.Post) {
	p.t.Helper()
	var shown struct {
		Layout string
		Items  []struct {
			Placed bool
			Media  []struct {
				Kind, Type, Text string
				Attachment       int
			}
		}
	}
	base := "/v1/interactions/" + task.InteractionID + "/messages/1/"
	p.call(by, http.MethodGet, base+"slides", nil, &shown)
	require.Equal(p.t, "smil", shown.Layout)
	pictures, texts := 0, 0
	for _, slide := range shown.Items {
		require.True(p.t, slide.Placed)
		for _, m := range slide.Media {
			want := string(picture.Media[picture.Order[pictures+texts]])
			if m.Kind == "text" {
				require.Equal(p.t, want, m.Text)
				texts++
				continue
			}
			var whole, small []byte
			p.call(by, http.MethodGet, fmt.Sprintf("%sattachments/%d", base, m.Attachment), nil, &whole)
			require.Equal(p.t, want, string(whole), "the next in their order")
			p.call(by, http.MethodGet, fmt.Sprintf("%sattachments/%d/thumbnail", base, m.Attachment), nil, &small)
			require.Equal(p.t, "image/jpeg", http.DetectContentType(small))
			pictures++
		}
	}
	require.Equal(p.t, len(picture.Media), pictures+texts)
	require.Equal(p.t, pictures, texts)
	var page []byte
	p.call(by, http.MethodGet, base+"slides/page", nil, &page)
	require.Equal(p.t, pictures, bytes.Count(page, []byte("data:image/jpeg;base64,")), "the page shows them")
	require.Equal(p.t, len(shown.Items), bytes.Count(page, []byte("<rect ")), "on a line of time")
}

// ways are the entry points by which the customer of a task can be answered, the one that he wrote to last first.
func (p *product) ways(by wire.Client, task wire.Task) (names []string) {
	p.t.Helper()
	var told struct {
		Ways []struct {
			EntryPoint string `json:"entry_point"`
		} `json:"ways"`
	}
	p.call(by, http.MethodGet, "/v1/tasks/"+task.ID, nil, &told)
	for _, w := range told.Ways {
		names = append(names, w.EntryPoint)
	}
	return names
}

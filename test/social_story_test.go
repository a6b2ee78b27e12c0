package test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"parley/adapters/adaptertest"
	"parley/adapters/mastodon/mastodontest"
	"parley/adapters/meta/metatest"
	"parley/adapters/telegram/telegramtest"
	"parley/test/wire"
)

const botToken = "77:AAEthisIsATokenOfTests"

// social configures an account of a network, with a queue whose answers nobody reviews.
func (p *product) social(root wire.Client, kind, address string, settings map[string]any) {
	p.t.Helper()
	p.call(root, http.MethodPut, "/v1/configuration/queues/social", map[string]any{"group": "service", "review_percent": 0, "priority": 100}, nil)
	p.call(root, http.MethodPut, "/v1/configuration/entry_points/social", map[string]any{
		"channel": "social", "address": address, "workflow": "Social", "queue": "social", "language": "en",
	}, nil)
	p.call(root, http.MethodPut, "/v1/configuration/links/account", map[string]any{
		"kind": kind, "entry_point": "social", "secret": "env:PARLEY_LINK_ACCOUNT", "settings": settings,
	}, nil)
}

// answer has an agent answer the task, and a colleague release it.
func (p *product) answer(ann, sue wire.Client, task wire.Task, text string) {
	p.t.Helper()
	p.call(ann, http.MethodPost, "/v1/tasks/"+task.ID+"/reply", map[string]any{"text": text}, nil)
	p.call(sue, http.MethodPost, "/v1/reviews/"+p.review(sue, task.InteractionID).ID+"/decision", map[string]any{"decision": "approve"}, nil)
	p.stopped(ann, task.InteractionID, "answered")
}

// TestABotIsAnswered: somebody writes to a bot, while the process is killed, edits it and is answered with a picture, once.
func TestABotIsAnswered(t *testing.T) {
	p := newProduct(t, "PARLEY_LINK_ACCOUNT="+botToken, "PARLEY_ALLOW_NETWORKS=127.0.0.0/8")
	telegram := telegramtest.NewServer(botToken, "shop_bot")
	defer telegram.Close()
	telegram.Add("bill", []byte("%PDF-1.7 a bill"))
	p.start()
	root, ann, sue := p.person("PARLEY_ADMIN_TOKEN"), p.person("PARLEY_AGENT_TOKEN"), p.person("PARLEY_SENIOR_TOKEN")
	p.social(root, "telegram", "@shop_bot", map[string]any{"api": telegram.URL})

	first := telegramtest.Text(9, 1, "My order 10023 has not arrived.")
	first["document"] = map[string]any{"file_id": "bill", "file_name": "bill.pdf"}
	telegram.Put("message", first)
	telegram.RepeatAll(true) // confirmed or not, the API gives it again
	require.NoError(t, p.command.Process.Kill())
	<-p.ended
	p.start()
	telegram.RepeatAll(false)
	task := p.claimNext(ann, "handle")
	edited := telegramtest.Text(9, 1, "My order 10024 has not arrived.")
	edited["edit_date"] = 1_770_000_100
	last := telegram.Put("edited_message", edited)
	telegram.Await(func() bool { return telegram.Confirmed(last) })
	var messages []wire.Message
	p.await(stepLimit, "the new version", func(ctx context.Context) (err error) {
		if messages, err = ann.Messages(ctx, task.InteractionID); err == nil && len(messages) != 2 {
			err = fmt.Errorf("%d messages", len(messages))
		}
		return err
	})
	require.Equal(t, "My order 10023 has not arrived.", messages[0].Text)
	require.Equal(t, "My order 10024 has not arrived.", messages[1].Text)

	var file struct{ ID string }
	p.upload(ann, "/v1/attachments", "label.png", "\x89PNG\r\n\x1a\n a label", &file)
	p.call(ann, http.MethodPost, "/v1/tasks/"+task.ID+"/reply", map[string]any{"text": "It comes on Friday.", "attachments": []string{file.ID}}, nil)
	p.call(sue, http.MethodPost, "/v1/reviews/"+p.review(sue, task.InteractionID).ID+"/decision", map[string]any{"decision": "approve"}, nil)
	p.stopped(ann, task.InteractionID, "answered")
	sent := telegram.Sent()
	require.Len(t, sent, 1)
	require.Equal(t, "It comes on Friday.", sent[0]["caption"])
	require.Equal(t, telegramtest.Uploaded{Name: "label.png", Type: "image/png", Data: "\x89PNG\r\n\x1a\n a label"}, sent[0]["photo"])
	require.Equal(t, "9", sent[0]["chat_id"])
}

// TestAMentionIsAnsweredInTheOpen: an account is mentioned in the open and written to in private while its server is away; the two are two interactions, answered as
// openly as they came. What the customer takes back is not shown any more.
func TestAMentionIsAnsweredInTheOpen(t *testing.T) {
	p := newProduct(t, "PARLEY_LINK_ACCOUNT=token", "PARLEY_ALLOW_NETWORKS=127.0.0.0/8")
	server := mastodontest.NewServer("token", "support")
	defer server.Close()
	p.start()
	root, ann, sue := p.person("PARLEY_ADMIN_TOKEN"), p.person("PARLEY_AGENT_TOKEN"), p.person("PARLEY_SENIOR_TOKEN")
	p.social(root, "mastodon", "@support@"+strings.TrimPrefix(server.URL, "http://"), map[string]any{"server": server.URL, "poll_seconds": 1})
	server.Await(func() bool { return server.Streams() > 0 })

	server.StreamAway(true)
	server.Misbehave(func(string) *adaptertest.Fault {
		return &adaptertest.Fault{Before: true, Status: http.StatusBadGateway}
	})
	open := server.Mention("anna", "unlisted", "<p>@support My order has not arrived.</p>", nil)
	private := server.Mention("anna", "direct", "<p>@support It is number 10023.</p>", nil)
	server.Misbehave(nil)
	server.StreamAway(false)

	tasks := map[string]wire.Task{} // by what was said
	for range 2 {
		task := p.claimNext(ann, "handle")
		messages, err := ann.Messages(t.Context(), task.InteractionID)
		require.NoError(t, err)
		require.Len(t, messages, 1)
		tasks[messages[0].Text] = task
	}
	p.answer(ann, sue, tasks["@support My order has not arrived."], "We are looking for it.")
	p.answer(ann, sue, tasks["@support It is number 10023."], "It comes on Friday.")
	posted := server.Posted()
	require.Len(t, posted, 2)
	for n, want := range []map[string]string{
		{"status": "@anna We are looking for it.", "visibility": "unlisted", "in_reply_to_id": open},
		{"status": "@anna It comes on Friday.", "visibility": "direct", "in_reply_to_id": private},
	} {
		for field, value := range want {
			require.Equal(t, value, posted[n][field])
		}
	}

	server.Delete(private, true)
	server.StreamAway(true)
	server.StreamAway(false) // it begins anew, and the newest mentions are looked at again
	p.await(stepLimit, "what was taken back to be hidden", func(ctx context.Context) error {
		messages, err := ann.Messages(ctx, tasks["@support It is number 10023."].InteractionID)
		if err == nil && messages[0].Text != "" {
			err = errors.New("it is still shown")
		}
		return err
	})
	p.refuse(ann, http.MethodGet, "/v1/interactions/"+tasks["@support It is number 10023."].InteractionID+"/messages/1/raw", nil, "its bytes are hidden as well")
}

// TestWhatsAppIsAnsweredInTime: Meta posts a message while the process dies, and posts it again; it is answered once, and Meta's word on the answer stands beside it.
// What is not Meta's is refused.
func TestWhatsAppIsAnsweredInTime(t *testing.T) {
	const number = "106540352242922"
	p := newProduct(t, `PARLEY_LINK_ACCOUNT={"app_secret": "app", "token": "tok", "verify_token": "ver"}`, "PARLEY_ALLOW_NETWORKS=127.0.0.0/8")
	graph := metatest.NewGraph("tok")
	defer graph.Close()
	p.start()
	root, ann, sue := p.person("PARLEY_ADMIN_TOKEN"), p.person("PARLEY_AGENT_TOKEN"), p.person("PARLEY_SENIOR_TOKEN")
	p.social(root, "whatsapp", number, map[string]any{"api": graph.URL})

	body := metatest.WhatsApp(number, metatest.Text("wamid.1", "My order 10023 has not arrived."))
	call := func(secret string, want int) func(ctx context.Context) error {
		return func(ctx context.Context) error {
			status, err := metatest.Call(ctx, "http://"+p.http+"/in/social/", secret, body)
			if err == nil && status != want {
				err = fmt.Errorf("status %d", status)
			}
			return err
		}
	}
	p.await(stepLimit, "the link", call("app", http.StatusOK))
	require.NoError(t, p.command.Process.Kill())
	<-p.ended
	p.start()
	p.await(stepLimit, "the repeat to be taken", call("app", http.StatusOK))
	p.await(stepLimit, "the forgery to be refused", call("other", http.StatusUnauthorized))

	task := p.claimNext(ann, "handle")
	var told struct {
		Ways []struct {
			Until      time.Time `json:"until"`
			Characters int       `json:"characters"`
		} `json:"ways"`
	}
	p.call(ann, http.MethodGet, "/v1/tasks/"+task.ID, nil, &told)
	require.Len(t, told.Ways, 1)
	require.WithinDuration(t, time.Now().Add(24*time.Hour), told.Ways[0].Until, 10*time.Minute)
	require.Equal(t, 4096, told.Ways[0].Characters)
	refused := wire.Refused(ann.Call(t.Context(), http.MethodPost, "/v1/tasks/"+task.ID+"/reply", "", map[string]any{"text": strings.Repeat("ä", 4097)}, nil))
	require.NotNil(t, refused)
	require.Equal(t, http.StatusUnprocessableEntity, refused.Status)
	p.answer(ann, sue, task, "It comes on Friday.")
	require.Len(t, graph.Sent(), 1)
	require.Equal(t, "491701234567", graph.Sent()[0]["to"])

	body = metatest.Statuses(number, map[string]any{"id": "id.1", "status": "read", "timestamp": "1770000000"})
	p.await(stepLimit, "the receipt to be taken", call("app", http.StatusOK))
	messages, err := ann.Messages(t.Context(), task.InteractionID)
	require.NoError(t, err)
	require.Len(t, messages, 2)
	require.Equal(t, "read", messages[1].Send.Receipt)
}

package test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"parley/adapters/smshttp"
	"parley/lib/smpp"
	"parley/lib/smpp/session"
	"parley/lib/smpp/sms"
	"parley/test/wire"
)

// messageCentre is a short message centre of ours: it takes what Parley submits, and delivers.
type messageCentre struct {
	carrier session.Carrier
	listen  net.Listener

	mu    sync.Mutex
	conns []*session.Conn
	taken []*smpp.PDU
}

func newMessageCentre(t *testing.T, password string) *messageCentre {
	t.Helper()
	listen, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	s := &messageCentre{listen: listen}
	s.carrier = session.Carrier{
		SystemID: "centre",
		Bind: func(_ context.Context, _ smpp.Command, b *smpp.Bind) smpp.Status {
			if b.Password != password {
				return smpp.StatusInvalidPassword
			}
			return smpp.StatusOK
		},
		Bound: func(c *session.Conn) {
			s.mu.Lock()
			defer s.mu.Unlock()
			s.conns = append(s.conns, c)
		},
		Options: session.Options{Handle: func(_ context.Context, _ *session.Conn, p *smpp.PDU) *smpp.PDU {
			s.mu.Lock()
			defer s.mu.Unlock()
			s.taken = append(s.taken, p)
			answer := p.Answer(smpp.StatusOK)
			answer.Body = &smpp.MessageResp{MessageID: fmt.Sprintf("%x", 0x1000+len(s.taken))}
			return answer
		}},
	}
	var serving sync.WaitGroup
	serving.Go(func() {
		for {
			conn, err := listen.Accept()
			if err != nil {
				return
			}
			serving.Go(func() { _ = s.carrier.Serve(t.Context(), conn) })
		}
	})
	t.Cleanup(func() { _ = listen.Close(); serving.Wait() })
	return s
}

// deliver hands a message to Parley over the newest connection.
func (s *messageCentre) deliver(ctx context.Context, p *smpp.PDU) error {
	s.mu.Lock()
	if len(s.conns) == 0 {
		s.mu.Unlock()
		return errors.New("nobody is bound")
	}
	c := s.conns[len(s.conns)-1]
	s.mu.Unlock()
	answer, err := c.Request(ctx, p, nil)
	if err == nil && answer.Status != smpp.StatusOK {
		err = errors.New(answer.Status.String())
	}
	return err
}

// submitted gives what Parley has submitted so far, joined where it came in parts.
func (s *messageCentre) submitted() (texts []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, p := range s.taken {
		c := p.Content(sms.GSM7)
		if c.Part != nil && c.Part.Part > 1 {
			texts[len(texts)-1] += c.Text
			continue
		}
		texts = append(texts, c.Text)
	}
	return texts
}

func fromCustomer(text string) *smpp.PDU {
	return &smpp.PDU{Command: smpp.DeliverSM, Body: &smpp.Message{
		Source: smpp.Address{TON: smpp.TONInternational, NPI: smpp.NPIE164, Addr: "491701234567"}, Dest: smpp.Address{Addr: "40404"}, ShortMessage: []byte(text),
	}}
}

// shortMessages configures a number with a line to the centre.
func (p *product) shortMessages(root wire.Client, centre *messageCentre, policies map[string]any) {
	p.t.Helper()
	p.call(root, http.MethodPut, "/v1/configuration/queues/texts", map[string]any{"group": "service", "review_percent": 0, "priority": 100}, nil)
	p.call(root, http.MethodPut, "/v1/configuration/entry_points/texts", map[string]any{
		"channel": "sms", "address": "40404", "workflow": "SMS", "queue": "texts", "language": "de", "sms": policies,
	}, nil)
	p.call(root, http.MethodPut, "/v1/configuration/links/centre", map[string]any{
		"kind": "smpp", "entry_point": "texts", "secret": "env:PARLEY_LINK_CENTRE", "settings": map[string]any{"address": centre.listen.Addr().String(), "system_id": "parley", "enquire_seconds": 2},
	}, nil)
}

// TestAShortMessageGoesAllTheWay: a long message comes in parts, an agent answers at length, the receipts come back; STOP ends it for every sender.
func TestAShortMessageGoesAllTheWay(t *testing.T) {
	p := newProduct(t, "PARLEY_LINK_CENTRE=secret")
	centre := newMessageCentre(t, "secret")
	p.start()
	root, ann, sue := p.person("PARLEY_ADMIN_TOKEN"), p.person("PARLEY_AGENT_TOKEN"), p.person("PARLEY_SENIOR_TOKEN")
	p.shortMessages(root, centre, nil)

	second, first := fromCustomer("\x05\x00\x03\x07\x02\x02 When will it come?"), fromCustomer("\x05\x00\x03\x07\x02\x01My order 10023 has not arrived.")
	for _, part := range []*smpp.PDU{second, first} {
		part.Body.(*smpp.Message).ESMClass = smpp.ESMClassHeader
		p.await(stepLimit, "the link", func(ctx context.Context) error { return centre.deliver(ctx, part) })
	}
	task := p.claimNext(ann, "handle")
	messages, err := ann.Messages(t.Context(), task.InteractionID)
	require.NoError(t, err)
	require.Equal(t, "My order 10023 has not arrived. When will it come?", messages[0].Text)

	answer := strings.TrimSpace(strings.Repeat("It will come on Friday. ", 20))
	p.call(ann, http.MethodPost, "/v1/tasks/"+task.ID+"/reply", map[string]any{"text": answer}, nil)
	p.call(sue, http.MethodPost, "/v1/reviews/"+p.review(sue, task.InteractionID).ID+"/decision", map[string]any{"decision": "approve"}, nil)
	p.stopped(ann, task.InteractionID, "answered")
	require.Equal(t, []string{answer}, centre.submitted())

	for n := range centre.taken {
		receipt := fromCustomer(fmt.Sprintf("id:%010d sub:001 dlvrd:001 submit date:2603010900 done date:2603010901 stat:DELIVRD err:000 text:", 0x1001+n))
		receipt.Body.(*smpp.Message).ESMClass = smpp.ESMClassReceipt
		require.NoError(t, centre.deliver(t.Context(), receipt))
	}
	messages, err = ann.Messages(t.Context(), task.InteractionID)
	require.NoError(t, err)
	require.Equal(t, "delivered", messages[len(messages)-1].Send.Receipt)

	var begun wire.Interaction
	p.call(ann, http.MethodPost, "/v1/interactions", map[string]any{"entry_point": "texts", "to": map[string]any{"address": "+49 170 1234567"}, "text": "Was it in time?"}, &begun)
	require.Equal(t, p.interaction(ann, task.InteractionID).ThreadID, begun.ThreadID, "one number, one thread")
	p.call(sue, http.MethodPost, "/v1/reviews/"+p.review(sue, begun.ID).ID+"/decision", map[string]any{"decision": "approve"}, nil)
	p.stopped(ann, begun.ID, "sent")
	require.Equal(t, []string{answer, "Was it in time?"}, centre.submitted())

	require.NoError(t, centre.deliver(t.Context(), fromCustomer("Stopp")))
	p.await(stepLimit, "the confirmation", func(context.Context) error {
		if all := centre.submitted(); len(all) != 3 || !strings.Contains(all[2], "keine Nachrichten mehr") {
			return fmt.Errorf("submitted: %q", all)
		}
		return nil
	})
	p.refuse(ann, http.MethodPost, "/v1/interactions", map[string]any{"entry_point": "texts", "to": map[string]any{"address": "+491701234567"}, "text": "An offer"}, "she has opted out")
	require.Len(t, centre.submitted(), 3)
	p.stop()
}

// TestAConversationByText: two messages in one moment are one chat, the agent answers in it, and his words arrive as short messages.
func TestAConversationByText(t *testing.T) {
	p := newProduct(t, "PARLEY_LINK_CENTRE=secret")
	centre := newMessageCentre(t, "secret")
	p.start()
	root, ann := p.person("PARLEY_ADMIN_TOKEN"), p.person("PARLEY_AGENT_TOKEN")
	p.shortMessages(root, centre, map[string]any{"mode": "session"})
	p.await(stepLimit, "the link", func(ctx context.Context) error { return centre.deliver(ctx, fromCustomer("Where is my parcel?")) })
	require.NoError(t, centre.deliver(t.Context(), fromCustomer("It is order 10023")))

	task := p.claimNext(ann, "handle")
	type chat struct {
		Items []struct {
			Number int64
			Kind   string
			From   struct{ Role string }
			Text   string
		} `json:"items"`
	}
	texts := func() (list []string) {
		var read chat
		p.call(ann, http.MethodGet, "/v1/chats/"+task.InteractionID+"/messages", nil, &read)
		for _, m := range read.Items {
			if m.Kind == "text" {
				list = append(list, m.From.Role+": "+m.Text)
			}
		}
		return list
	}
	require.Equal(t, []string{"customer: Where is my parcel?", "customer: It is order 10023"}, texts())
	p.call(ann, http.MethodPost, "/v1/chats/"+task.InteractionID+"/messages", map[string]any{"text": "It is on its way.", "client_id": "1"}, nil)
	p.call(ann, http.MethodPost, "/v1/chats/"+task.InteractionID+"/messages", map[string]any{"text": "Friday 😀", "client_id": "2"}, nil)
	p.await(stepLimit, "the answers", func(context.Context) error {
		if all := centre.submitted(); !slices.Equal(all, []string{"It is on its way.", "Friday 😀"}) {
			return fmt.Errorf("submitted: %q", all)
		}
		return nil
	})
	require.NoError(t, centre.deliver(t.Context(), fromCustomer("Thank you")))
	p.await(stepLimit, "her word", func(context.Context) error {
		if all := texts(); len(all) != 5 || all[4] != "customer: Thank you" {
			return fmt.Errorf("in the chat: %q", all)
		}
		return nil
	})
	p.call(ann, http.MethodPost, "/v1/chats/"+task.InteractionID+"/end", nil, nil)
	p.call(ann, http.MethodPost, "/v1/tasks/"+task.ID+"/complete", map[string]any{"disposition": "no_answer_needed"}, nil)
	p.stopped(ann, task.InteractionID, "no_answer_needed")
	p.stop()
}

// TestAProviderCalls: a signed call of a provider is an interaction, the same call again is none, and the answer goes out over the provider's interface.
func TestAProviderCalls(t *testing.T) {
	var mu sync.Mutex
	var sent []url.Values
	api := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		_ = r.ParseForm()
		sent = append(sent, r.PostForm)
		w.WriteHeader(http.StatusCreated)
		_, _ = io.WriteString(w, `{"sid":"SM9"}`)
	}))
	defer api.Close()
	p := newProduct(t, "PARLEY_LINK_PROVIDER=12345", "PARLEY_ALLOW_NETWORKS=127.0.0.1/32")
	p.start()
	root, ann, sue := p.person("PARLEY_ADMIN_TOKEN"), p.person("PARLEY_AGENT_TOKEN"), p.person("PARLEY_SENIOR_TOKEN")
	public := "https://parley.example.test/in/texts/"
	p.call(root, http.MethodPut, "/v1/configuration/queues/texts", map[string]any{"group": "service", "review_percent": 0, "priority": 100}, nil)
	p.call(root, http.MethodPut, "/v1/configuration/entry_points/texts", map[string]any{"channel": "sms", "address": "+15005550006", "workflow": "SMS", "queue": "texts"}, nil)
	p.call(root, http.MethodPut, "/v1/configuration/links/provider", map[string]any{
		"kind": "twilio", "entry_point": "texts", "secret": "env:PARLEY_LINK_PROVIDER", "settings": map[string]any{"account": "AC1", "public_url": public, "api": api.URL},
	}, nil)
	signer := smshttp.Twilio{Account: "AC1", Token: "12345"}
	tell := func(path string, form url.Values, signature string) func(ctx context.Context) error {
		return func(ctx context.Context) error {
			r, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+p.http+"/in/texts/"+path, strings.NewReader(form.Encode()))
			if err != nil {
				return err
			}
			r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			r.Header.Set("X-Twilio-Signature", signature)
			answer, err := http.DefaultClient.Do(r)
			if err != nil {
				return err
			}
			defer answer.Body.Close()
			if answer.StatusCode != http.StatusOK {
				return fmt.Errorf("answered %d", answer.StatusCode)
			}
			return nil
		}
	}
	form := url.Values{"AccountSid": {"AC1"}, "MessageSid": {"SM1"}, "From": {"+491701234567"}, "To": {"+15005550006"}, "Body": {"Where is my order?"}, "NumMedia": {"0"}}
	for range 2 {
		p.await(stepLimit, "the link", tell("", form, signer.Sign(public, form)))
	}
	require.ErrorContains(t, tell("", form, signer.Sign(public+"x", form))(t.Context()), "403")

	task := p.claimNext(ann, "handle")
	p.call(ann, http.MethodPost, "/v1/tasks/"+task.ID+"/reply", map[string]any{"text": "On Friday."}, nil)
	p.call(sue, http.MethodPost, "/v1/reviews/"+p.review(sue, task.InteractionID).ID+"/decision", map[string]any{"decision": "approve"}, nil)
	p.stopped(ann, task.InteractionID, "answered")
	mu.Lock()
	require.Len(t, sent, 1)
	require.Equal(t, "On Friday.", sent[0].Get("Body"))
	require.Equal(t, "+15005550006", sent[0].Get("From"))
	mu.Unlock()
	status := url.Values{"AccountSid": {"AC1"}, "MessageSid": {"SM9"}, "MessageStatus": {"delivered"}}
	require.NoError(t, tell("status", status, signer.Sign(public+"status", status))(t.Context()))
	messages, err := ann.Messages(t.Context(), task.InteractionID)
	require.NoError(t, err)
	require.Equal(t, "delivered", messages[len(messages)-1].Send.Receipt)
	all, err := wire.List[wire.Interaction](t.Context(), ann, "/v1/interactions", url.Values{"channel": {"sms"}})
	require.NoError(t, err)
	require.Len(t, all, 1, "the call that came twice is one message")
	p.stop()
}

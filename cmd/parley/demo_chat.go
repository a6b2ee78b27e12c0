package main

import (
	"errors"
	"fmt"
	"net/http"
	"strings"

	"parley/api"
	"parley/interaction"
	"parley/lib/mail"
)

// demoCustomer is a customer who chats by long polling, as the widget does where networks forbid sockets.
type demoCustomer struct {
	d              *demo
	session, token string
	since          int64
}

// chatFrame is a frame of docs/chat-protocol.md, as far as the demo looks at it.
type chatFrame struct {
	Type     string `json:"type"`
	ClientID string `json:"client_id,omitempty"`
	Text     string `json:"text,omitempty"`
	Email    string `json:"email,omitempty"`
	Code     string `json:"code,omitempty"`
	Message  *struct {
		Number int64  `json:"number"`
		Kind   string `json:"kind"`
		Text   string `json:"text"`
		From   struct {
			Role string `json:"role"`
			Name string `json:"name"`
		} `json:"from"`
	} `json:"message,omitempty"`
}

// chatWithNora has Nora ask by chat, Ann answer, and both say good-bye.
func chatWithNora(d *demo) interaction.ID {
	nora := &demoCustomer{d: d}
	var opened struct{ Session, Token string }
	nora.call(http.MethodPost, "sessions", map[string]any{"key": "demo-" + string(interaction.NewID()), "nickname": "Nora", "language": "en"}, &opened)
	nora.session, nora.token = opened.Session, opened.Token
	nora.hears("question", "What is it about?")
	nora.says("Order")
	nora.hears("question", "Which email address")
	nora.says("nora." + d.run + "@customers.example.test")

	id := interaction.ID(nora.session)
	const ann = "PARLEY_AGENT_TOKEN"
	task := d.task(ann, id, "handle")
	d.do(ann, "/v1/tasks/"+string(task.ID)+"/claim", nil)
	nora.hears("joined", "")
	nora.says("Can I still change the colour of my kettle, order 10443?")
	d.do(ann, "/v1/chats/"+nora.session+"/messages", map[string]any{"text": "Yes: it has not left yet. Which one would you like?"})
	nora.hears("text", "Yes: it has not left yet.")
	nora.says("Blue, please.")
	d.do(ann, "/v1/chats/"+nora.session+"/messages", map[string]any{"text": "Done. It arrives on Friday."})
	nora.hears("text", "Done.")
	nora.frames(chatFrame{Type: "transcript", Email: "nora." + d.run + "@customers.example.test"}, chatFrame{Type: "end"})
	d.do(ann, "/v1/tasks/"+string(task.ID)+"/complete", map[string]any{"disposition": "solved"})
	return id
}

// says sends a text.
func (c *demoCustomer) says(text string) { c.frames(chatFrame{Type: "text", Text: text}) }

// frames sends frames; none may be refused.
func (c *demoCustomer) frames(list ...chatFrame) {
	for n := range list {
		list[n].ClientID = string(interaction.NewID())
	}
	var answer struct{ Frames []chatFrame }
	c.call(http.MethodPost, "sessions/"+c.session+"/frames", map[string]any{"frames": list}, &answer)
	for _, f := range answer.Frames {
		if f.Type == "error" {
			c.d.must(fmt.Errorf("the chat refused what Nora said: %s %s", f.Code, f.Text))
		}
	}
}

// hears waits for a message of this kind that begins so, and shows what comes meanwhile.
func (c *demoCustomer) hears(kind, begins string) {
	c.d.wait(fmt.Sprintf("Nora to be shown %s %q", kind, begins), func() bool {
		var answer struct{ Frames []chatFrame }
		c.call(http.MethodGet, fmt.Sprintf("sessions/%s/frames?since=%d", c.session, c.since), nil, &answer)
		for _, f := range answer.Frames {
			m := f.Message
			if m == nil || m.Number <= c.since {
				continue
			}
			c.since = m.Number
			fmt.Printf("   %-8s %-9s %s\n", m.From.Role, m.Kind, strings.TrimSpace(m.From.Name+" "+m.Text))
			if m.Kind == kind && strings.HasPrefix(m.Text, begins) {
				return true
			}
		}
		return false
	})
}

// call makes one call of the customer's protocol.
func (c *demoCustomer) call(method, path string, in, out any) {
	rest := c.d.demoRest
	rest.tokens = map[string]string{"": c.token}
	c.d.must(rest.call("", method, "/in/"+demoChat+"/"+path, in, out))
}

// conversed expects the transcript to hold what was said, and to have been mailed as it is kept.
func conversed(d *demo, i api.Interaction) error {
	messages := d.messages(i.ID)
	transcript := messages[len(messages)-1]
	for _, text := range []string{"Can I still change the colour of my kettle, order 10443?", "Yes: it has not left yet. Which one would you like?", "Blue, please.", "Done. It arrives on Friday."} {
		if !strings.Contains(transcript.Text, text) {
			return fmt.Errorf("the transcript lacks %q", text)
		}
	}
	list, err := d.outbox.List(1000)
	d.must(err)
	for _, e := range list {
		raw, err := d.outbox.Open(e.Name)
		d.must(err)
		if m := mail.Parse(raw); m.MessageID == transcript.MessageID {
			fmt.Printf("   out: the transcript to %s: %q\n", m.To[0].Address, m.Subject)
			return nil
		}
	}
	return errors.New("the transcript was not mailed")
}

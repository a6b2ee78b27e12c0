package meta

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"parley/adapters/adaptertest"
	"parley/adapters/meta/metatest"
	"parley/interaction"
)

var (
	picture = interaction.Attachment{Name: "map.png", Type: "image/png", Data: []byte("\x89PNG\r\n\x1a\n....")}
	bill    = interaction.Attachment{Name: "bill.pdf", Type: "application/pdf", Data: []byte("%PDF-1.7 a bill")}
	voice   = interaction.Attachment{Name: "hello.ogg", Type: "audio/ogg", Data: []byte("OggS....")}
)

func withFiles(text string, files ...interaction.Attachment) interaction.Outbound {
	out := reply(text)
	out.Attachments = files
	return out
}

// Files are given to Meta first. On WhatsApp the words stand below the first of them, as far as they may; on Messenger they go before.
func TestFilesGoOut(t *testing.T) {
	const long = 1025
	for name, c := range map[string]struct {
		kind string
		out  interaction.Outbound
		want string // of the messages, without what is the same in all
	}{
		"WhatsApp, a picture":           {WhatsApp, withFiles("Here", picture), `[{"type":"image","image":{"id":"media.1","caption":"Here"}}]`},
		"WhatsApp, a file and no words": {WhatsApp, withFiles("", bill), `[{"type":"document","document":{"id":"media.1","filename":"bill.pdf"}}]`},
		"WhatsApp, two": {
			WhatsApp, withFiles("Here", bill, picture),
			`[{"type":"document","document":{"id":"media.1","filename":"bill.pdf","caption":"Here"}},{"type":"image","image":{"id":"media.2"}}]`,
		},
		"WhatsApp, a voice": {WhatsApp, withFiles("Here", voice), `[{"type":"text","text":{"preview_url":false,"body":"Here"}},{"type":"audio","audio":{"id":"media.1"}}]`},
		"WhatsApp, many words": {
			WhatsApp, withFiles(strings.Repeat("a", long), picture),
			`[{"type":"text","text":{"preview_url":false,"body":"` + strings.Repeat("a", long) + `"}},{"type":"image","image":{"id":"media.1"}}]`,
		},
		"Messenger, two": {
			Messenger, withFiles("Here", picture, bill),
			`[{"message":{"text":"Here"}},{"message":{"attachment":{"type":"image","payload":{"attachment_id":"media.1"}}}},{"message":{"attachment":{"type":"file","payload":{"attachment_id":"media.2"}}}}]`,
		},
		"Messenger, no words": {Messenger, withFiles("", picture), `[{"message":{"attachment":{"type":"image","payload":{"attachment_id":"media.1"}}}}]`},
	} {
		t.Run(name, func(t *testing.T) {
			g := metatest.NewGraph("tok")
			defer g.Close()
			a := open(t, c.kind, g, &adaptertest.Inbox{}, nil)
			got := a.Send(t.Context(), c.out, func(context.Context) error {
				require.Len(t, g.Uploads(), len(c.out.Attachments), "they are there")
				require.Empty(t, g.Sent(), "and nobody has seen them")
				return nil
			})
			require.Equal(t, interaction.SendSent, got.State, got.Text)
			sent := g.Sent()
			require.Len(t, got.Names, len(sent)-1, "each message has a name")
			for _, m := range sent {
				for _, same := range []string{"path", "messaging_product", "recipient_type", "to", "recipient", "messaging_type"} {
					delete(m, same)
				}
			}
			raw, err := json.Marshal(sent)
			require.NoError(t, err)
			require.JSONEq(t, c.want, string(raw))
			first := g.Uploads()["media.1"]
			require.Equal(t, string(c.out.Attachments[0].Data), first.Data)
			require.Equal(t, c.out.Attachments[0].Name, first.Name)
			if c.kind == WhatsApp {
				require.Equal(t, map[string]string{"messaging_product": "whatsapp", "type": first.Type}, first.Fields)
			}
		})
	}
}

// Whatever becomes of a file before anything is said, nothing has left for the customer.
func TestFilesThatAreNotTaken(t *testing.T) {
	for name, c := range map[string]struct {
		fault adaptertest.Fault
		want  interaction.Outcome // of which State and Code count
	}{
		"the answer is lost": {adaptertest.Fault{Drop: true}, interaction.Outcome{State: interaction.SendQueued, Code: "meta_away"}},
		"no JSON":            {adaptertest.Fault{Body: "<html>"}, interaction.Outcome{State: interaction.SendQueued, Code: "200"}},
		"a gateway's page":   {adaptertest.Fault{Before: true, Status: 502, Body: "<html>"}, interaction.Outcome{State: interaction.SendQueued, Code: "502"}},
		"refused":            {adaptertest.Fault{Before: true, Status: 400, Body: `{"error":{"code":100,"message":"(#100) Param file must be a file"}}`}, interaction.Outcome{State: interaction.SendNotSent, Code: "100"}},
		"token revoked":      {adaptertest.Fault{Before: true, Status: 401, Body: `{"error":{"code":190,"message":"expired"}}`}, interaction.Outcome{State: interaction.SendNotSent, Code: "reconnect"}},
		"too much":           {adaptertest.Fault{Before: true, Status: http.StatusTooManyRequests, Body: `{"error":{"code":4,"message":"limit"}}`}, interaction.Outcome{State: interaction.SendQueued, Code: "4"}},
		"its own error":      {adaptertest.Fault{Before: true, Status: 500, Body: `{"error":{"code":2,"message":"temporary"}}`}, interaction.Outcome{State: interaction.SendQueued, Code: "2"}},
	} {
		t.Run(name, func(t *testing.T) {
			g := metatest.NewGraph("tok")
			defer g.Close()
			g.Misbehave(func(what string) *adaptertest.Fault {
				if what == "file" {
					return &c.fault
				}
				return nil
			})
			got := open(t, WhatsApp, g, &adaptertest.Inbox{}, nil).Send(t.Context(), withFiles("Here", picture), func(context.Context) error { t.Error("it was begun"); return nil })
			require.Equal(t, c.want, interaction.Outcome{State: got.State, Code: got.Code}, got.Text)
			require.Empty(t, g.Sent())
		})
	}
	for name, file := range map[string]interaction.Attachment{
		"a program": {Name: "a.exe", Data: []byte("MZ\x90\x00")}, "a page": {Name: "a.html", Data: []byte("<html>")}, "a huge picture": {Name: "a.png", Data: append([]byte("\x89PNG\r\n\x1a\n"), make([]byte, 5<<20)...)},
	} {
		g := metatest.NewGraph("tok")
		got := open(t, WhatsApp, g, &adaptertest.Inbox{}, nil).Send(t.Context(), withFiles("x", file), func(context.Context) error { t.Error("it was begun"); return nil })
		require.Equal(t, interaction.SendNotSent, got.State, name)
		require.Empty(t, g.Uploads())
		g.Close()
	}
}

// A second file that is refused leaves a message of which nobody can say that it was sent.
func TestASecondFileThatIsRefused(t *testing.T) {
	g := metatest.NewGraph("tok")
	defer g.Close()
	n := 0
	g.Misbehave(func(what string) *adaptertest.Fault {
		if what == "message" {
			n++
		}
		if n == 2 {
			return &adaptertest.Fault{Before: true, Status: 400, Body: `{"error":{"code":131053,"message":"Media upload error"}}`}
		}
		return nil
	})
	got := open(t, WhatsApp, g, &adaptertest.Inbox{}, nil).Send(t.Context(), withFiles("Here", picture, bill), adaptertest.Agree)
	require.Equal(t, interaction.SendUnknown, got.State)
	require.Equal(t, "in_part", got.Code)
	require.Equal(t, "1 of 2 parts were taken; then: Media upload error", got.Text)
	require.Len(t, g.Sent(), 1)
}

package telegram

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"parley/adapters/adaptertest"
	"parley/adapters/telegram/telegramtest"
	"parley/interaction"
)

var (
	picture = interaction.Attachment{Name: "map.png", Type: "image/png", Data: []byte("\x89PNG\r\n\x1a\n....")}
	bill    = interaction.Attachment{Name: "bill.pdf", Type: "application/pdf", Data: []byte("%PDF-1.7 a bill")}
)

// withFiles is an answer with files.
func withFiles(text string, files ...interaction.Attachment) interaction.Outbound {
	out := reply("9", text)
	out.Attachments = files
	return out
}

func TestFilesGoOut(t *testing.T) {
	for name, c := range map[string]struct {
		out     interaction.Outbound
		methods []string
	}{
		"a picture":                  {withFiles("Here", picture), []string{"sendPhoto"}},
		"a document":                 {withFiles("Here", bill), []string{"sendDocument"}},
		"a file and no words":        {withFiles("", bill), []string{"sendDocument"}},
		"an album of pictures":       {withFiles("Here", picture, picture), []string{"sendMediaGroup", "sendMediaGroup"}},
		"an album of several kinds":  {withFiles("Here", picture, bill), []string{"sendMediaGroup", "sendMediaGroup"}},
		"a text too long for a file": {withFiles(strings.Repeat("ä", 1025), picture), []string{"", "sendPhoto"}},
	} {
		t.Run(name, func(t *testing.T) {
			s := telegramtest.NewServer(token, "support_bot")
			defer s.Close()
			bot, err := New(options(s, newHouse(s)))
			require.NoError(t, err)
			got := bot.Send(t.Context(), c.out, adaptertest.Agree)
			require.Equal(t, interaction.SendSent, got.State, got.Text)
			require.Equal(t, "social:telegram:77:private:9/5001", got.ID)
			sent := s.Sent()
			var methods []string
			for _, m := range sent {
				method, _ := m["method"].(string)
				methods = append(methods, method)
			}
			require.Equal(t, c.methods, methods)
			last := sent[len(sent)-1]
			require.Equal(t, "9", last["chat_id"])
			switch c.methods[0] {
			case "sendPhoto":
				require.Equal(t, telegramtest.Uploaded{Name: "map.png", Type: "image/png", Data: string(picture.Data)}, last["photo"])
				require.Equal(t, "Here", last["caption"])
			case "sendDocument":
				require.Equal(t, telegramtest.Uploaded{Name: "bill.pdf", Type: "application/pdf", Data: string(bill.Data)}, last["document"])
			case "sendMediaGroup":
				var album []inAlbum
				require.NoError(t, json.Unmarshal([]byte(last["media"].(string)), &album))
				require.Equal(t, "Here", album[0].Caption)
				require.Empty(t, album[1].Caption, "it is said once")
			default:
				require.Equal(t, c.out.Text, sent[0]["text"])
				require.NotContains(t, last, "caption")
				require.Len(t, got.Names, 1, "the second message has a name as well")
			}
		})
	}
}

// Where the file of a long text is refused behind the text, nobody claims that the message was sent, nor that it was not.
func TestAFileThatIsRefusedBehindItsText(t *testing.T) {
	s := telegramtest.NewServer(token, "support_bot")
	defer s.Close()
	s.Misbehave(func(method string) *adaptertest.Fault {
		if method == "sendPhoto" {
			return &adaptertest.Fault{Before: true, Status: http.StatusBadRequest}
		}
		return nil
	})
	bot, err := New(options(s, newHouse(s)))
	require.NoError(t, err)
	got := bot.Send(t.Context(), withFiles(strings.Repeat("ä", 1025), picture), adaptertest.Agree)
	require.Equal(t, interaction.SendUnknown, got.State)
	require.Equal(t, "in_part", got.Code)
	require.Contains(t, got.Text, "1 of 2 parts")
	require.Len(t, s.Sent(), 1)
	require.Equal(t, interaction.SendNotSent, bot.Send(t.Context(), withFiles("short", picture), adaptertest.Agree).State)
}

func TestFilesThatDoNotGo(t *testing.T) {
	s := telegramtest.NewServer(token, "support_bot")
	defer s.Close()
	bot, err := New(options(s, newHouse(s)))
	require.NoError(t, err)
	for name, out := range map[string]interaction.Outbound{
		"eleven": withFiles("x", make([]interaction.Attachment, 11)...), "an empty one": withFiles("x", interaction.Attachment{Name: "a"}),
		"a huge one": withFiles("x", interaction.Attachment{Name: "film", Data: make([]byte, maxFile+1)}),
	} {
		got := bot.Send(t.Context(), out, func(context.Context) error { t.Error("it was begun"); return nil })
		require.Equal(t, interaction.SendNotSent, got.State, name)
	}
	require.Empty(t, s.Sent())
}

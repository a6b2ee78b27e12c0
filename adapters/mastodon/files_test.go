package mastodon

import (
	"context"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"parley/adapters/adaptertest"
	"parley/adapters/mastodon/mastodontest"
	"parley/interaction"
)

var picture = interaction.Attachment{Name: "map.png", Type: "image/png", Data: []byte("\x89PNG\r\n\x1a\n....")}

// withFiles is an answer with files.
func withFiles(s *mastodontest.Server, text string, files ...interaction.Attachment) interaction.Outbound {
	out := reply(s, interaction.VisiblePublic, text)
	out.InReplyTo, out.Attachments = "", files
	return out
}

// Files are given to the server first, also where it works on them for a while, and the post names them.
func TestFilesGoOut(t *testing.T) {
	s := mastodontest.NewServer(token, "support")
	defer s.Close()
	s.WorkOnFiles(3)
	account, err := New(options(s, newHouse(s)))
	require.NoError(t, err)
	begun := false
	got := account.Send(t.Context(), withFiles(s, "Here", picture, picture), func(context.Context) error {
		begun = true
		require.Len(t, s.Uploads(), 2, "nobody sees them before a post names them")
		return nil
	})
	require.Equal(t, interaction.SendSent, got.State, got.Text)
	require.True(t, begun)
	require.Equal(t, mastodontest.Uploaded{Name: "map.png", Type: "image/png", Data: string(picture.Data), Description: "map.png"}, s.Uploads()[0])
	require.Equal(t, []any{"m0", "m1"}, s.Posted()[0]["media_ids"])
	require.Equal(t, interaction.SendSent, account.Send(t.Context(), func() interaction.Outbound {
		out := withFiles(s, "", picture)
		out.Key = "another"
		return out
	}(), adaptertest.Agree).State, "a file and no words")
	require.Equal(t, "@anna@else.example", s.Posted()[1]["status"])
}

// Whatever becomes of a file, nothing was said yet: it is tried again, or its author is told what is wrong with it.
func TestFilesThatAreNotTaken(t *testing.T) {
	for name, c := range map[string]struct {
		fault adaptertest.Fault
		want  interaction.Outcome // of which State, Code and Wait count
	}{
		"the answer is lost":   {adaptertest.Fault{Drop: true}, interaction.Outcome{State: interaction.SendQueued, Code: "server_away"}},
		"the answer is cut":    {adaptertest.Fault{Cut: true}, interaction.Outcome{State: interaction.SendQueued, Code: "server_away"}},
		"no JSON":              {adaptertest.Fault{Body: "<html>"}, interaction.Outcome{State: interaction.SendQueued, Code: "server_away"}},
		"refused":              {adaptertest.Fault{Before: true, Status: 422, Body: `{"error":"Validation failed: File content type is invalid"}`}, interaction.Outcome{State: interaction.SendNotSent, Code: "422"}},
		"200 with an error":    {adaptertest.Fault{Before: true, Body: `{"error":"no"}`}, interaction.Outcome{State: interaction.SendNotSent, Code: "422"}},
		"token revoked":        {adaptertest.Fault{Before: true, Status: 401}, interaction.Outcome{State: interaction.SendNotSent, Code: "reconnect"}},
		"a token without them": {adaptertest.Fault{Before: true, Status: 403}, interaction.Outcome{State: interaction.SendNotSent, Code: "reconnect"}},
		"429": {
			adaptertest.Fault{Before: true, Status: http.StatusTooManyRequests, Header: map[string]string{"Retry-After": "7"}},
			interaction.Outcome{State: interaction.SendQueued, Code: "429", Wait: 7 * time.Second},
		},
		"its own error": {adaptertest.Fault{Before: true, Status: 500}, interaction.Outcome{State: interaction.SendQueued, Code: "500"}},
	} {
		t.Run(name, func(t *testing.T) {
			s := mastodontest.NewServer(token, "support")
			defer s.Close()
			s.Misbehave(func(what string) *adaptertest.Fault {
				if what == "upload" {
					return &c.fault
				}
				return nil
			})
			account, err := New(options(s, newHouse(s)))
			require.NoError(t, err)
			got := account.Send(t.Context(), withFiles(s, "Here", picture), func(context.Context) error { t.Error("it was begun"); return nil })
			require.Equal(t, c.want, interaction.Outcome{State: got.State, Code: got.Code, Wait: got.Wait}, got.Text)
			require.Empty(t, s.Posted())
		})
	}
	s := mastodontest.NewServer(token, "support")
	defer s.Close()
	s.WorkOnFiles(1000)
	account, err := New(options(s, newHouse(s)))
	require.NoError(t, err)
	got := account.Send(t.Context(), withFiles(s, "Here", picture), func(context.Context) error { t.Error("it was begun"); return nil })
	require.Equal(t, interaction.SendQueued, got.State, "the server is not done with it")
	require.Equal(t, "media_processing", got.Code)
	for name, out := range map[string]interaction.Outbound{
		"five": withFiles(s, "x", picture, picture, picture, picture, picture), "a document": withFiles(s, "x", interaction.Attachment{Name: "bill.pdf", Data: []byte("%PDF-1.7")}),
	} {
		got := account.Send(t.Context(), out, func(context.Context) error { t.Error("it was begun"); return nil })
		require.Equal(t, interaction.SendNotSent, got.State, name)
	}
}

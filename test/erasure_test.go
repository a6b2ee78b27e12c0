package test

import (
	"archive/zip"
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"parley/test/wire"
)

// TestErasedStaysErasedBehindARestore tells the story of somebody who asks what is held on him, and then to be forgotten, by REST alone. The house's database is then restored from
// a backup that knows him, and at the next start he is forgotten again; what he sent before is a repeat.
func TestErasedStaysErasedBehindARestore(t *testing.T) {
	p := newProduct(t)
	p.start()
	ann, root := p.person("PARLEY_AGENT_TOKEN"), p.person("PARLEY_ADMIN_TOKEN")
	question := wire.Mail{
		From: "Karla Customer <karla@customers.example.test>", Subject: "Where is my order 10024?", MessageID: "forget-1@customers.example.test", Text: "It has not arrived yet.",
	}
	p.mail("karla@customers.example.test", question)
	task := p.claimNext(ann, "handle")
	i := p.interaction(ann, task.InteractionID)

	p.stop()
	backup := p.home + "-backup"
	t.Cleanup(func() { _ = os.RemoveAll(backup) })
	p.copy(filepath.Join(p.home, "postgres"), backup)
	p.start()

	var export, erasure struct{ ID, State string }
	p.call(root, http.MethodPost, "/v1/contacts/"+i.ContactID+"/exports", nil, &export)
	p.await(stepLimit, "the export", func(ctx context.Context) error {
		return stands(ctx, root, "/v1/exports/"+export.ID, "ready")
	})
	p.holds(root, "/v1/exports/"+export.ID+"/archive", "order 10024")

	forget := func() {
		p.await(stepLimit, "the erasure", func(ctx context.Context) error {
			list, err := wire.List[struct {
				ContactID string `json:"contact_id"`
				State     string `json:"state"`
			}](ctx, root, "/v1/erasures", nil)
			if err == nil && (len(list) != 1 || list[0].ContactID != i.ContactID || list[0].State != "done") {
				err = fmt.Errorf("erasures: %+v", list)
			}
			return err
		})
		for _, path := range []string{"/v1/contacts/" + i.ContactID, "/v1/interactions/" + i.ID + "/messages/1/raw"} {
			err := root.Call(t.Context(), http.MethodGet, path, "", nil, nil)
			require.NotNil(t, wire.Refused(err), path)
			require.Equal(t, http.StatusGone, wire.Refused(err).Status, path)
		}
		stopped := p.interaction(root, i.ID)
		require.Equal(t, "stopped", stopped.State)
		require.Empty(t, stopped.Subject)
	}
	p.call(root, http.MethodPost, "/v1/contacts/"+i.ContactID+"/erasure", map[string]any{"reason": "asked_for"}, &erasure)
	forget()
	err := ann.Call(t.Context(), http.MethodPost, "/v1/tasks/"+task.ID+"/reply", "late", map[string]any{"text": "It will come on Friday."}, nil)
	require.NotNil(t, wire.Refused(err))
	require.Equal(t, http.StatusGone, wire.Refused(err).Status)

	p.stop()
	require.NoError(t, os.RemoveAll(filepath.Join(p.home, "postgres")))
	p.copy(backup, filepath.Join(p.home, "postgres"))
	p.start()
	forget()
	p.mail("karla@customers.example.test", question)
	all, err := wire.List[wire.Interaction](t.Context(), root, "/v1/interactions", nil)
	require.NoError(t, err)
	require.Len(t, all, 1, "the mail that came again is no second one")
	p.stop()
}

// stands says where a thing stands unless it is in the state.
func stands(ctx context.Context, by wire.Client, path, state string) error {
	var thing struct{ State string }
	if err := by.Call(ctx, http.MethodGet, path, "", nil, &thing); err != nil {
		return err
	}
	if thing.State != state {
		return fmt.Errorf("it is %s", thing.State)
	}
	return nil
}

// copy copies a directory with all that is needed to run it.
func (p *product) copy(from, to string) {
	p.t.Helper()
	said, err := exec.CommandContext(p.t.Context(), "cp", "-a", from, to).CombinedOutput()
	require.NoError(p.t, err, string(said))
}

// holds checks that a file of an archive has these words.
func (p *product) holds(by wire.Client, path, words string) {
	p.t.Helper()
	request, err := http.NewRequestWithContext(p.t.Context(), http.MethodGet, "http://"+by.Address+path, nil)
	require.NoError(p.t, err)
	request.Header.Set("Authorization", "Bearer "+by.Token)
	answer, err := http.DefaultClient.Do(request)
	require.NoError(p.t, err)
	defer answer.Body.Close()
	require.Equal(p.t, http.StatusOK, answer.StatusCode)
	raw, err := io.ReadAll(answer.Body)
	require.NoError(p.t, err)
	z, err := zip.NewReader(bytes.NewReader(raw), int64(len(raw)))
	require.NoError(p.t, err)
	found := 0
	for _, f := range z.File {
		r, err := f.Open()
		require.NoError(p.t, err)
		content, err := io.ReadAll(r)
		require.NoError(p.t, err)
		if bytes.Contains(content, []byte(words)) {
			found++
		}
	}
	require.GreaterOrEqual(p.t, found, 3, "the interaction, its message and the mail as it came")
}

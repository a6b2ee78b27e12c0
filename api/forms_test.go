package api

import (
	"bytes"
	"context"
	"io"
	"mime/multipart"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"parley/interaction"
	"parley/lib/auth"
)

// form makes a multipart form with one file.
func form(t *testing.T, field, name, content string) (body, contentType string) {
	t.Helper()
	var b bytes.Buffer
	w := multipart.NewWriter(&b)
	part, err := w.CreateFormFile(field, name)
	require.NoError(t, err)
	_, err = io.WriteString(part, content)
	require.NoError(t, err)
	require.NoError(t, w.Close())
	return b.String(), w.FormDataContentType()
}

func (h *house) setPassword(login, password string) {
	h.t.Helper()
	require.NoError(h.t, h.store.SetPassword(h.t.Context(), interaction.System, h.people[login].Agent, auth.HashPassword(password)))
}

// firstOfStream opens a stream and reads its first line.
func (h *house) firstOfStream(t *testing.T, login, path string) answered {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, h.http.URL+path, nil)
	require.NoError(t, err)
	req.Header.Set("Authorization", "Bearer "+h.tokens[login])
	res, err := http.DefaultClient.Do(req)
	require.NoError(t, err)
	defer res.Body.Close()
	first := make([]byte, 4)
	_, err = io.ReadFull(res.Body, first)
	require.NoError(t, err)
	if res.StatusCode == http.StatusOK {
		require.Contains(t, []string{"id: ", "retr"}, string(first))
	}
	return answered{status: res.StatusCode, raw: first}
}

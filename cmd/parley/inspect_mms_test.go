package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"parley/lib/mms/mmstest"
)

func TestInspectMMSPrintsOneObjectAFile(t *testing.T) {
	dir := t.TempDir()
	post := mmstest.Make(0, "12345")
	good, bad := filepath.Join(dir, "post"), filepath.Join(dir, "bad")
	require.NoError(t, os.WriteFile(good, post.Body, 0o600))
	require.NoError(t, os.WriteFile(bad, []byte("<fault"), 0o600))
	var out bytes.Buffer
	require.NoError(t, inspectMMS(&out, []string{good, bad}))
	var first, second struct {
		File, Kind string
		Sender     struct{ Value string }
		Slides     []struct{ Items []struct{ Part int } }
		Parts      []struct {
			Type, SHA256 string
			Size         int
		}
		Problems []string
	}
	lines := json.NewDecoder(&out)
	require.NoError(t, lines.Decode(&first))
	require.NoError(t, lines.Decode(&second))
	require.False(t, lines.More())
	require.Equal(t, good, first.File)
	require.Equal(t, post.Sender, first.Sender.Value)
	require.Len(t, first.Parts, len(post.Media)+1)
	require.Len(t, first.Slides, (len(post.Media)+1)/2)
	require.NotEmpty(t, second.Problems)
	require.Error(t, inspectMMS(&out, []string{filepath.Join(dir, "missing")}))
}

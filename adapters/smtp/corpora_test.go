package smtp

import (
	"bytes"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/emersion/go-smtp"
	"github.com/stretchr/testify/require"

	"parley/adapters/adaptertest"
	"parley/lib/mail"
)

// TestEveryCollectedMailIsTaken sends public mail collections through one
// session: each mail arrives byte for byte as it was sent, and none disturbs the next.
func TestEveryCollectedMailIsTaken(t *testing.T) {
	root := os.Getenv("PARLEY_CORPORA")
	if root == "" {
		t.Skip("SKIPPED: set PARLEY_CORPORA to the folder of mail collections to run this test")
	}
	inbox := &adaptertest.Inbox{}
	l := listen(t, Options{}, inbox)
	c, err := smtp.Dial(l.Addr().String())
	require.NoError(t, err)
	defer c.Close()
	var sent [][]byte
	for _, set := range []string{"enmime-testdata", "mikel-mail", "stalwart-eml", "mime4j-testmsgs", "flanker", "python-email", "sisimai-bounces"} {
		require.NoError(t, filepath.WalkDir(filepath.Join(root, set), func(path string, d fs.DirEntry, err error) error {
			if err != nil || !d.Type().IsRegular() || !slices.Contains([]string{".eml", ".raw", ".msg"}, filepath.Ext(path)) {
				return err
			}
			raw, err := os.ReadFile(path)
			require.NoError(t, err)
			raw = overTheWire(raw)
			require.NoError(t, c.SendMail("anna@example.org", []string{adaptertest.KnownAddress}, bytes.NewReader(raw)), path)
			sent = append(sent, raw)
			return nil
		}))
	}
	for i, got := range inbox.All(t, len(sent)) {
		require.True(t, bytes.Equal(sent[i], got.Content), "mail %d of %d bytes came as %d", i, len(sent[i]), len(got.Content))
		require.Equal(t, mail.ContentKey(sent[i]), got.Identity)
	}
	t.Logf("%d mails", len(sent))
}

// overTheWire makes line ends CRLF, and gives the last line one, as a client must.
func overTheWire(raw []byte) []byte {
	raw = bytes.ReplaceAll(bytes.ReplaceAll(raw, []byte("\r\n"), []byte("\n")), []byte("\r"), []byte("\n"))
	if !bytes.HasSuffix(raw, []byte("\n")) {
		raw = append(raw, '\n')
	}
	return bytes.ReplaceAll(raw, []byte("\n"), []byte("\r\n"))
}

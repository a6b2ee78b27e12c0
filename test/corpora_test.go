package test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"parley/lib/mail"
	"parley/test/wire"
)

// collections are the folders of public mail collections, below PARLEY_CORPORA.
var collections = []string{"python-email", "enmime-testdata", "mikel-mail", "stalwart-eml", "mime4j-testmsgs", "flanker"}

// collected lists the messages of the collections; what other programs made of them lies beside them and is left out.
func collected(t *testing.T) (files []string) {
	t.Helper()
	root := os.Getenv("PARLEY_CORPORA")
	if root == "" {
		t.Skip("SKIPPED: set PARLEY_CORPORA to the folder of mail collections to run this test")
	}
	for _, set := range collections {
		err := filepath.WalkDir(filepath.Join(root, set), func(path string, d fs.DirEntry, err error) error {
			if err == nil && d.Type().IsRegular() && !strings.Contains(path, "_decoded_") && slices.Contains([]string{".eml", ".raw", ".msg", ".txt"}, filepath.Ext(path)) {
				files = append(files, path)
			}
			return err
		})
		require.NoError(t, err)
	}
	return files
}

// nextLimit is how long any mail of a collection may hold up the next.
const nextLimit = 5 * time.Second

// TestAllCollectedMailArrives sends every message of the collections, broken as many are: each that is accepted is there once, with the
// bytes that were sent, and the same content again adds nothing.
func TestAllCollectedMailArrives(t *testing.T) {
	needStack(t)
	files := collected(t)
	require.Greater(t, len(files), 300)
	p := newProduct(t)
	p.start()
	vic := p.person("PARLEY_SUPERVISOR_TOKEN")

	sent := map[[32]byte]string{} // bytes as they are to be kept, by content
	var refused []string
	var slowest time.Duration
	for _, file := range files {
		raw, err := os.ReadFile(file)
		require.NoError(t, err)
		raw = wire.CRLF(raw)
		if !bytes.HasSuffix(raw, []byte("\r\n")) {
			raw = append(raw, "\r\n"...) // as the protocol does
		}
		begun := time.Now()
		err = wire.Post(t.Context(), p.smtp, "collector@customers.example.test", support, raw)
		slowest = max(slowest, time.Since(begun))
		switch {
		case wire.Code(err) >= 500:
			refused = append(refused, fmt.Sprintf("%s: %v", filepath.Base(file), err))
		case err != nil:
			require.NoError(t, err, file)
		default:
			if key := mail.ContentKey(raw); sent[key] == "" {
				sent[key] = string(raw)
			}
		}
	}
	t.Logf("%d files, %d different mails accepted, slowest after %v, refused: %v", len(files), len(sent), slowest, refused)
	require.Less(t, slowest, nextLimit)
	require.Less(t, len(refused), len(files)/50, "mail is refused that people send")

	var all []wire.Interaction
	p.await(startLimit, "all mails to be understood", func(ctx context.Context) (err error) {
		if all, err = wire.List[wire.Interaction](ctx, vic, "/v1/interactions", nil); err != nil {
			return err
		}
		begun, err := wire.List[wire.Interaction](ctx, vic, "/v1/interactions", url.Values{"state": {"received,automatic"}})
		if err == nil && len(begun) > 0 {
			err = fmt.Errorf("%d of %d are not", len(begun), len(all))
		}
		if err == nil && len(all) < len(sent) {
			err = p.allThere(ctx, vic, all, len(sent))
		}
		return err
	})
	kept := map[[32]byte]int{}
	for _, i := range all {
		messages, err := vic.Messages(t.Context(), i.ID)
		require.NoError(t, err)
		for _, m := range messages {
			if m.Kind == "in" {
				raw, err := vic.Raw(t.Context(), i.ID, m.Number)
				require.NoError(t, err)
				kept[sha256.Sum256(raw)]++
			}
		}
	}
	for _, raw := range sent {
		require.Equal(t, 1, kept[sha256.Sum256([]byte(raw))], "this mail is not there once, with its bytes:\n%s", raw[:min(len(raw), 500)])
	}
	require.Len(t, kept, len(sent))
	require.NotContains(t, p.log("log/parley.log"), "panic")
	p.stop()
}

// allThere reports whether the interactions hold so many mails between them: a mail can join the interaction of the one that it answers.
func (p *product) allThere(ctx context.Context, by wire.Client, all []wire.Interaction, want int) error {
	n := 0
	for _, i := range all {
		messages, err := by.Messages(ctx, i.ID)
		if err != nil {
			return err
		}
		for _, m := range messages {
			if m.Kind == "in" {
				n++
			}
		}
	}
	if n < want {
		return fmt.Errorf("%d of %d are there", n, want)
	}
	return nil
}

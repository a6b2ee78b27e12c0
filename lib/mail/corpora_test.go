package mail

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/stretchr/testify/require"
)

// corpora gives the folder with public mail collections, or skips.
func corpora(t testing.TB) string {
	t.Helper()
	dir := os.Getenv("PARLEY_CORPORA")
	if dir == "" {
		t.Skip("SKIPPED: set PARLEY_CORPORA to the folder of mail collections to run this test")
	}
	return dir
}

// mailFiles lists the messages of all mail collections.
func mailFiles(t testing.TB) (files []string) {
	t.Helper()
	root := corpora(t)
	for _, set := range []string{"enmime-testdata", "mikel-mail", "stalwart-eml", "mime4j-testmsgs", "flanker", "python-email", "sisimai-bounces"} {
		err := filepath.WalkDir(filepath.Join(root, set), func(path string, d fs.DirEntry, err error) error {
			if err == nil && d.Type().IsRegular() && !strings.Contains(path, "_decoded_") && slices.Contains([]string{".eml", ".raw", ".msg", ".txt"}, filepath.Ext(path)) {
				files = append(files, path)
			}
			return err
		})
		require.NoError(t, err)
	}
	require.Greater(t, len(files), 500)
	return files
}

// checkWhole fails unless a message has what Parse promises for every input.
func checkWhole(t testing.TB, name string, raw []byte, m *Message) {
	t.Helper()
	if strings.TrimSpace(m.Text) == "" && m.TextFrom != TextNone || m.TextFrom == TextNone && m.Text != "" || m.TextFrom == "" {
		t.Errorf("%s: text of %d bytes from %q", name, len(m.Text), m.TextFrom)
	}
	for _, s := range []string{m.Text, m.HTML, m.ReplyText, m.Subject, m.MessageID} {
		if !utf8.ValidString(s) || strings.ContainsRune(s, 0) {
			t.Errorf("%s: not clean: %.100q", name, s)
		}
	}
	for _, f := range m.Headers {
		if !utf8.ValidString(f.Name+f.Value) || strings.ContainsAny(f.Name+f.Value, "\x00\r\n") {
			t.Errorf("%s: header not clean: %.100q", name, f)
		}
	}
	for i, a := range m.Attachments {
		if i >= 50 {
			break
		}
		data, err := Part(raw, a.Part)
		if err != nil || sha256.Sum256(data) != a.SHA256 || int64(len(data)) != a.Size {
			t.Errorf("%s: attachment %d cannot be extracted again: %v", name, a.Part, err)
		}
	}
}

func TestEveryCollectedMessageGivesText(t *testing.T) {
	from := map[TextFrom]int{}
	var worst time.Duration
	files := mailFiles(t)
	for _, file := range files {
		raw, err := os.ReadFile(file)
		require.NoError(t, err)
		begun := time.Now()
		m := Parse(raw)
		worst = max(worst, time.Since(begun))
		checkWhole(t, file, raw, m)
		from[m.TextFrom]++
		for _, p := range m.Problems {
			if strings.Contains(p, "gave up") {
				t.Errorf("%s: %s", file, p)
			}
		}
	}
	t.Logf("%d messages, text from %v, slowest %v", len(files), from, worst)
}

// answer is what one reference parser made of a message.
type answer struct {
	Subject   string   `json:"subject"`
	From      []string `json:"from"`
	To        []string `json:"to"`
	MessageID string   `json:"message_id"`
	Text      string   `json:"text"`
	TextLen   int      `json:"text_len"`
	Att       [][]any  `json:"att"`
}

// TestAgreesWithReferenceParsers compares with two independent parsers in the
// fields on which they agree with each other. Where we differ on purpose (a
// text without header, an unencoded text that claims base64) a person sees more.
func TestAgreesWithReferenceParsers(t *testing.T) {
	root := corpora(t)
	f, err := os.Open(filepath.Join(root, "mime-crosscheck", "expected.jsonl"))
	require.NoError(t, err)
	defer f.Close()
	asked, agreed := map[string]int{}, map[string]int{}
	left, damaged, lost := 0, 0, 0
	var differ []string
	sc := bufio.NewScanner(f)
	sc.Buffer(nil, 16<<20)
	for sc.Scan() {
		var line struct {
			File       string   `json:"file"`
			Agree      []string `json:"agree"`
			Mailparser answer   `json:"mailparser"`
		}
		require.NoError(t, json.Unmarshal(sc.Bytes(), &line))
		raw, err := os.ReadFile(filepath.Join(root, line.File))
		require.NoError(t, err)
		if blind(raw) {
			left++
			continue
		}
		m := Parse(raw)
		got, want := asReference(m), line.Mailparser
		for _, field := range line.Agree {
			var g, w any
			switch field {
			case "subject":
				g, w = squeeze(got.Subject), squeeze(want.Subject)
			case "from":
				g, w = fmt.Sprint(len(got.From), got.From), fmt.Sprint(len(want.From), want.From)
			case "to":
				g, w = fmt.Sprint(len(got.To), got.To), fmt.Sprint(len(want.To), want.To)
			case "message_id":
				g, w = strings.Trim(got.MessageID, "<>"), strings.Trim(want.MessageID, "<>")
			case "text":
				if slices.Contains(m.Problems, damagedText) {
					damaged++
					continue
				}
				if g, w = got.Text, want.Text; g != w && lostBy(m.Text, want.Text) {
					g, lost = w, lost+1
				}
			case "att_count":
				g, w = len(got.Att), len(want.Att)
			}
			if w, ok := w.(string); ok && strings.ContainsRune(w, utf8.RuneError) {
				continue // the references lost characters there: 8-bit headers in an old charset
			}
			asked[field]++
			if g == w {
				agreed[field]++
			} else {
				differ = append(differ, field+" "+line.File+": "+short(g)+" want "+short(w))
			}
		}
	}
	require.NoError(t, sc.Err())
	t.Logf("left out: %d messages with bare CR or UTF-7, %d texts whose transfer encoding is broken; %d texts are equal but for characters that the references lost", left, damaged, lost)
	slices.Sort(differ)
	for _, d := range differ {
		t.Log(d)
	}
	for field, n := range asked {
		share := 100 * float64(agreed[field]) / float64(n)
		t.Logf("%-10s %4d of %4d: %.2f %%", field, agreed[field], n, share)
		if share < 99 {
			t.Errorf("%s: agreement %.2f %%, want 99 %%", field, share)
		}
	}
}

// blind reports what the references read by another rule than ours: they see one long line where bare CR ends the lines, and have no UTF-7.
func blind(raw []byte) bool {
	return !hasLF(raw) || bytes.Contains(bytes.ToLower(raw), []byte("utf-7"))
}

// damagedText is our word for a text that is no base64 or quoted-printable although it says so: the references print what decoding makes of it, we what was written.
const damagedText = "a text part is damaged: its transfer encoding is broken"

// lostBy reports whether a text is the reference's but for characters that the reference lost: 8-bit ones without a charset, of which it makes U+FFFD and
// we what they are in Windows-1252, and NUL, of which we make U+FFFD because it must not reach a database.
func lostBy(text, reference string) bool {
	for _, lossy := range []func(rune) rune{
		func(r rune) rune {
			if r >= utf8.RuneSelf {
				return utf8.RuneError
			}
			return r
		},
		func(r rune) rune {
			if r == utf8.RuneError {
				return 0
			}
			return r
		},
	} {
		if sum := sha256.Sum256([]byte(squeeze(strings.Map(lossy, text)))); hex.EncodeToString(sum[:8]) == reference {
			return true
		}
	}
	return false
}

// asReference puts a message into the form of the reference answers.
func asReference(m *Message) (a answer) {
	a.Subject, a.MessageID = m.Subject, m.MessageID
	for _, from := range m.Written("From") {
		a.From = append(a.From, from.Address)
	}
	for _, to := range m.Written("To") {
		a.To = append(a.To, to.Address)
	}
	said := m.Text
	if m.TextFrom != TextPlain {
		said = "" // the references were asked for text parts only
	}
	sum := sha256.Sum256([]byte(squeeze(said)))
	a.Text = hex.EncodeToString(sum[:8])
	a.Att = make([][]any, len(m.Attachments))
	return a
}

func squeeze(s string) string { return strings.Join(strings.Fields(s), " ") }

func short(v any) string {
	b, _ := json.Marshal(v)
	return string(b[:min(len(b), 120)])
}

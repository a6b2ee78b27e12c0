package mail

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"encoding/xml"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// tally counts how often an answer was the expected one, by field.
type tally struct {
	asked, right map[string]int
	wrong        []string
}

func newTally() *tally { return &tally{asked: map[string]int{}, right: map[string]int{}} }

func (c *tally) count(field, file string, same bool, got, want any) {
	c.asked[field]++
	if same {
		c.right[field]++
		return
	}
	c.wrong = append(c.wrong, field+" "+file+": "+short(got)+" want "+short(want))
}

// check prints the shares and fails where one is below what is asked of its field.
func (c *tally) check(t *testing.T, atLeast map[string]float64) {
	t.Helper()
	slices.Sort(c.wrong)
	for _, w := range c.wrong {
		t.Log(w)
	}
	for field, n := range c.asked {
		share := 100 * float64(c.right[field]) / float64(n)
		t.Logf("%-12s %4d of %4d: %.2f %%", field, c.right[field], n, share)
		if share < atLeast[field] {
			t.Errorf("%s: %.2f %%, want %v %%", field, share, atLeast[field])
		}
	}
}

// stated is a message as the collection states it.
type stated struct {
	TextBody    []int `json:"text_body"`
	Attachments []int `json:"attachments"`
	Parts       []struct {
		Headers []struct {
			Name  any             `json:"name"`
			Value json.RawMessage `json:"value"`
		} `json:"headers"`
		Body json.RawMessage `json:"body"`
	} `json:"parts"`
}

// TestStatedMessages compares with what the collection's authors state. Messages
// with another one inside are left out: there we show the inner text too.
func TestStatedMessages(t *testing.T) {
	files, err := filepath.Glob(filepath.Join(corpora(t), "stalwart-eml", "*", "*.eml"))
	require.NoError(t, err)
	require.NotEmpty(t, files)
	c := newTally()
	for _, file := range files {
		raw, err := os.ReadFile(file)
		require.NoError(t, err)
		said, err := os.ReadFile(strings.TrimSuffix(file, ".eml") + ".json")
		if err != nil {
			continue
		}
		var want stated
		require.NoError(t, json.Unmarshal(said, &want))
		name, m := filepath.Base(filepath.Dir(file))+"/"+filepath.Base(file), Parse(raw)
		if len(want.Parts) == 0 || bytes.Contains(said, []byte(`"Message":`)) {
			continue
		}
		for _, h := range want.Parts[0].Headers {
			switch h.Name {
			case "subject":
				var v struct{ Text string }
				if json.Unmarshal(h.Value, &v) == nil && v.Text != "" && !strings.Contains(v.Text, "\uFFFD") {
					c.count("subject", name, squeeze(m.Subject) == squeeze(v.Text), m.Subject, v.Text)
				}
			case "from":
				var v struct {
					Address struct {
						List []struct{ Address string }
					}
				}
				if json.Unmarshal(h.Value, &v) == nil && len(v.Address.List) > 0 && v.Address.List[0].Address != "" {
					got := ""
					if len(m.From) > 0 {
						got = m.From[0].Address
					}
					c.count("sender", name, got == v.Address.List[0].Address, got, v.Address.List[0].Address)
				}
			}
		}
		var text []string
		for _, i := range want.TextBody {
			var body struct{ Text *string }
			if json.Unmarshal(want.Parts[i].Body, &body) == nil && body.Text != nil {
				text = append(text, *body.Text)
			}
		}
		if joined := squeeze(strings.Join(text, "\n")); len(text) == len(want.TextBody) && joined != "" && !strings.ContainsAny(joined, "\uFFFD\x00") {
			c.count("text", name, strings.HasPrefix(squeeze(m.Text), joined), squeeze(m.Text), joined)
		}
		saved, got := 0, 0
		for _, i := range want.Attachments {
			if bytes.HasPrefix(want.Parts[i].Body, []byte(`{"Binary"`)) || bytes.HasPrefix(want.Parts[i].Body, []byte(`{"InlineBinary"`)) || bytes.HasPrefix(bytes.TrimSpace(want.Parts[i].Body), []byte("{\n")) && bytes.Contains(want.Parts[i].Body[:30], []byte("Binary")) {
				saved++
			}
		}
		for _, a := range m.Attachments {
			if !strings.HasPrefix(a.Type, "text/") {
				got++
			}
		}
		c.count("attachments", name, got == saved, got, saved)
	}
	c.check(t, map[string]float64{"subject": 99, "sender": 99, "text": 90, "attachments": 98})
}

// TestDecodedParts looks for every decoded part that the collection states: in the text, the HTML or the attachments.
func TestDecodedParts(t *testing.T) {
	files, err := filepath.Glob(filepath.Join(corpora(t), "mime4j-testmsgs", "*", "*_decoded.xml"))
	require.NoError(t, err)
	require.NotEmpty(t, files)
	c := newTally()
	for _, file := range files {
		raw, err := os.ReadFile(strings.TrimSuffix(file, "_decoded.xml") + ".msg")
		if err != nil {
			continue
		}
		structure, err := os.ReadFile(file)
		require.NoError(t, err)
		m := Parse(raw)
		shown := squeeze(m.Text + "\n" + strings.ReplaceAll(m.HTML, "\uFFFD", ""))
		for _, name := range partFiles(structure) {
			want, err := os.ReadFile(filepath.Join(filepath.Dir(file), name))
			if err != nil || len(bytes.TrimSpace(want)) == 0 {
				continue
			}
			found := strings.Contains(shown, squeeze(asText(want)))
			for _, a := range m.Attachments {
				data, err := Part(raw, a.Part)
				found = found || err == nil && (sha256.Sum256(data) == sha256.Sum256(want) || squeeze(asText(data)) == squeeze(asText(want)))
			}
			c.count("parts", name, found, len(m.Attachments), squeeze(asText(want)))
		}
	}
	c.check(t, map[string]float64{"parts": 96})
}

func asText(b []byte) string { return text(b) }

// partFiles are the names of the files with decoded parts.
func partFiles(structure []byte) (names []string) {
	d := xml.NewDecoder(bytes.NewReader(structure))
	d.Strict = false
	for {
		token, err := d.Token()
		if err != nil {
			return names
		}
		if start, ok := token.(xml.StartElement); ok && (start.Name.Local == "text-body" || start.Name.Local == "binary-body") {
			for _, a := range start.Attr {
				if a.Name.Local == "name" {
					names = append(names, a.Value)
				}
			}
		}
	}
}

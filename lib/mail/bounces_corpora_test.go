package mail

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// label is one row of the labelled bounces.
type label struct{ file, index, status, code, reason, hard string }

func bounceLabels(t testing.TB) (labels map[string][]label, files []string) {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join(corpora(t), "sisimai-bounces", "expected.tsv"))
	require.NoError(t, err)
	labels = map[string][]label{}
	for _, line := range strings.Split(string(raw), "\n") {
		f := strings.Split(line, "\t")
		if strings.HasPrefix(line, "#") || f[0] == "file" || len(f) < 6 {
			continue
		}
		if len(labels[f[0]]) == 0 {
			files = append(files, f[0])
		}
		labels[f[0]] = append(labels[f[0]], label{f[0], f[1], f[2], f[3], f[4], f[5]})
	}
	require.NotEmpty(t, files)
	return labels, files
}

// TestBouncesAreUnderstood counts recipients whose reason and hardness are those that people gave.
func TestBouncesAreUnderstood(t *testing.T) {
	labels, files := bounceLabels(t)
	rows, right, hard, count := 0, 0, 0, 0
	var wrong []string
	for _, file := range files {
		raw, err := os.ReadFile(filepath.Join(corpora(t), "sisimai-bounces", "maildir", "bsd", file))
		require.NoError(t, err)
		got := Parse(raw).Bounces()
		if len(got) == len(labels[file]) {
			count++
		}
		for i, want := range labels[file] {
			rows++
			if i >= len(got) {
				wrong = append(wrong, file+" "+want.index+": none, want "+want.reason)
				continue
			}
			same := string(got[i].Reason) == want.reason
			sameHard := got[i].Hard == (want.hard == "1")
			if same && sameHard {
				right++
			} else {
				wrong = append(wrong, file+" "+want.index+": "+string(got[i].Reason)+" want "+want.reason+" ["+got[i].Status+" "+got[i].Code+" "+got[i].Action+" "+got[i].Recipient+"] "+shorten(got[i].Text, 220))
			}
			if sameHard {
				hard++
			}
		}
	}
	slices.Sort(wrong)
	for _, w := range wrong {
		t.Log(w)
	}
	share := 100 * float64(right) / float64(rows)
	t.Logf("reason and hardness: %d of %d recipients, %.2f %%; hardness alone %.2f %%; number of recipients right in %d of %d reports", right, rows, share, 100*float64(hard)/float64(rows), count, len(files))
	require.GreaterOrEqual(t, share, 95.0)
}

// TestLineEndsDoNotMatter: a report reads the same with LF, CRLF and CR.
func TestLineEndsDoNotMatter(t *testing.T) {
	_, files := bounceLabels(t)
	for _, file := range files {
		raw, err := os.ReadFile(filepath.Join(corpora(t), "sisimai-bounces", "maildir", "bsd", file))
		require.NoError(t, err)
		lf := bytes.ReplaceAll(raw, []byte("\r"), nil)
		want := Parse(lf).Bounces()
		for name, end := range map[string]string{"CRLF": "\r\n", "CR": "\r"} {
			require.Equal(t, want, Parse(bytes.ReplaceAll(lf, []byte("\n"), []byte(end))).Bounces(), "%s with %s", file, name)
		}
	}
}

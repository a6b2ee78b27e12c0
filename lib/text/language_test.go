package text

import (
	"os"
	"strings"
	"testing"
)

// The test's sentences are about other things than the built-in ones.
func TestLanguageOfUnseenSentences(t *testing.T) {
	file, err := os.ReadFile("testdata/languages.txt")
	if err != nil {
		t.Fatal(err)
	}
	unseen, err := parseLanguages(string(file))
	if err != nil {
		t.Fatal(err)
	}
	seen := make(map[string]bool)
	for _, line := range strings.Split(languageSentences, "\n") {
		seen[line] = true
	}
	right, wrong, long := 0, 0, 0
	for _, s := range unseen {
		if seen[s.Text] {
			t.Errorf("%q is a training sentence", s.Text)
		}
		if len(strings.Fields(s.Text)) < 5 {
			continue
		}
		long++
		switch got, confidence := Language(s.Text); got {
		case s.Category:
			right++
		case Undetermined:
			t.Logf("%s undetermined (%.2f): %s", s.Category, confidence, s.Text)
		default:
			wrong++
			t.Logf("%s taken for %s (%.2f): %s", s.Category, got, confidence, s.Text)
		}
	}
	t.Logf("%d of %d right, %d wrong, the rest undetermined", right, long, wrong)
	if long < 80 || float64(right) < 0.95*float64(long) || float64(wrong) > 0.02*float64(long) {
		t.Error("want at least 95 % right and at most 2 % wrong of at least 80 sentences")
	}
}

func TestLanguageUndetermined(t *testing.T) {
	tests := []struct{ name, text string }{
		{"empty", ""},
		{"a word", "ok"},
		{"only numbers", "4711 0815 / 2026-11-23 12:00"},
		{"Cyrillic", "Здравствуйте, где мой заказ номер пять?"},
		{"Chinese", "你好，我的订单什么时候到？请尽快回复我，谢谢。"},
		{"rubbish", "xkqz wvrtk qqqxz jjhgf zzxcv mnbvq"},
		{"Czech, not learned", "Dobrý den, chtěl bych vědět, kdy dorazí moje objednávka"},
		{"base64", "aGVsbG8gd29ybGQgdGhpcyBpcyBiYXNlNjQgc3R1ZmY"},
		{"broken bytes", "\xff\xfe\xfd\xfc\xfb\xfa\xf9\xf8\xf7\xf6\xf5\xf4\xf3"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if tag, confidence := Language(tt.text); tag != Undetermined {
				t.Errorf("got %s (%.2f)", tag, confidence)
			}
		})
	}
}

func TestLanguageReadsTheTopOfALongMail(t *testing.T) {
	mail := strings.Repeat("Ich habe leider noch keine Antwort von Ihnen bekommen. ", 60) +
		strings.Repeat("This message is confidential. ", 2000)
	if tag, _ := Language(mail); tag != "de" {
		t.Errorf("got %s, want de", tag)
	}
}

func BenchmarkLanguage(b *testing.B) {
	languages()
	b.ReportAllocs()
	for b.Loop() {
		Language("Guten Tag, ich habe meine Rechnung noch nicht erhalten. Können Sie sie mir schicken?")
	}
}

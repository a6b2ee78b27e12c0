package interaction

import (
	"strings"
	"testing"
	"time"
)

func TestWordsChanged(t *testing.T) {
	long := strings.Repeat("word ", maxCompared+50)
	tests := []struct {
		name, response, reply string
		words, changed        int
	}{
		{"word for word", "Your order is on its way.", "Your order is on its way.", 6, 0},
		{"other line breaks", "Your order\nis on its way.", "Your  order is on its\nway.", 6, 0},
		{"with words around it", "Your order is on its way.", "Dear Carla, Your order is on its way. Have a nice day!", 6, 0},
		{"one word replaced", "It comes on Friday.", "It comes on Monday.", 4, 1},
		{"one word between", "It comes on Friday.", "It surely comes on Friday.", 4, 1},
		{"half of it left out", "It comes on Friday.", "Friday.", 4, 3},
		{"nothing of it left", "It comes on Friday.", "Sorry!", 4, 4},
		{"no reply", "It comes.", "", 2, 2},
		{"no response", "", "It comes.", 0, 0},
		{"two responses one behind the other", "B c d.", "A b c. B c d.", 3, 0},
		{"longer than is compared", long, long, maxCompared + 50, 50},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			words, changed := WordsChanged(tt.response, tt.reply)
			if words != tt.words || changed != tt.changed {
				t.Errorf("got %d of %d, want %d of %d", changed, words, tt.changed, tt.words)
			}
		})
	}
}

func TestSettleResponses(t *testing.T) {
	day := time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)
	elsewhere := day.In(time.FixedZone("", 7200))
	now := []Answer{{Name: "a", Language: "en", Usage: UseSnippet, Text: "x", Starts: &day, State: ResponseActive}}
	tests := []struct {
		name   string
		wanted Answer
		want   ResponseState
	}{
		{"the same stays as it is", Answer{Name: "a", Language: "en", Usage: UseSnippet, Text: "x", Starts: &day}, ResponseActive},
		{"the same moment in another zone is the same", Answer{Name: "a", Language: "en", Usage: UseSnippet, Text: "x", Starts: &elsewhere}, ResponseActive},
		{"another text is a draft", Answer{Name: "a", Language: "en", Usage: UseSnippet, Text: "y", Starts: &day}, ResponseDraft},
		{"another file is a draft", Answer{Name: "a", Language: "en", Usage: UseSnippet, Text: "x", Starts: &day, Attachments: []LibraryFile{{Name: "f"}}}, ResponseDraft},
		{"a new one is a draft", Answer{Name: "b", Text: "x"}, ResponseDraft},
		{"who says a state has it", Answer{Name: "a", Text: "y", State: ResponseActive}, ResponseActive},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := SettleResponses(now, []Answer{tt.wanted})[0].State; got != tt.want {
				t.Errorf("got %s, want %s", got, tt.want)
			}
		})
	}
}

func TestResponsesAreChecked(t *testing.T) {
	sum := strings.Repeat("0a", 32)
	day := time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)
	good := Answer{Name: "a", Category: "money", Language: "en", Usage: UseAutoResponse, State: ResponseActive, Text: "x", Attachments: []LibraryFile{{Name: "terms.pdf", SHA256: sum}}}
	there := Setup{Categories: []CategorySetup{{Name: "money"}}, Responses: []Answer{
		{Name: "old", Category: "money", Language: "de", Usage: UseAutoResponse, State: ResponseActive, Text: "x"},
		{Name: "approved", Category: "money", Language: "en", Usage: UseAutoResponse, State: ResponseApproved, Text: "x"},
	}}
	tests := []struct {
		name, field string
		change      func(*Answer)
	}{
		{"as it is", "", func(*Answer) {}},
		{"an unknown state", "state", func(a *Answer) { a.State = "live" }},
		{"an unknown usage", "usage", func(a *Answer) { a.Usage = "spam" }},
		{"an unknown category", "category", func(a *Answer) { a.Category = "cars" }},
		{"an automatic response to nothing", "category", func(a *Answer) { a.Category = "" }},
		{"no text", "text", func(a *Answer) { a.Text = "" }},
		{"it ends before it begins", "expires", func(a *Answer) { a.Starts, a.Expires = &day, &day }},
		{"a subject of two lines", "subject", func(a *Answer) { a.Subject = "a\nb" }},
		{"another is active there", "state", func(a *Answer) { a.Language = "de" }},
		{"a file without a name", "attachments[0].name", func(a *Answer) { a.Attachments = []LibraryFile{{SHA256: sum}} }},
		{"a path as a name", "attachments[0].name", func(a *Answer) { a.Attachments = []LibraryFile{{Name: "../x", SHA256: sum}} }},
		{"no hash", "attachments[0].sha256", func(a *Answer) { a.Attachments = []LibraryFile{{Name: "x"}} }},
		{"too many files", "attachments", func(a *Answer) {
			a.Attachments = make([]LibraryFile, MaxLibraryFiles+1)
			for n := range a.Attachments {
				a.Attachments[n] = LibraryFile{Name: "x", SHA256: sum}
			}
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			a := good
			tt.change(&a)
			faults := CheckSetup(Setup{Responses: []Answer{a}}, there)
			switch {
			case tt.field == "" && len(faults) > 0:
				t.Errorf("refused: %v", faults[0])
			case tt.field != "" && (len(faults) != 1 || faults[0].Field != tt.field || faults[0].Text == ""):
				t.Errorf("got %v, want one of %s", faults, tt.field)
			}
		})
	}
}

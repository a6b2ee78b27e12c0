package text

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestReadLabelled(t *testing.T) {
	one := func(text string, categories ...string) Labelled { return Labelled{text, categories} }
	tests := []struct {
		name, file string
		split      Split
		want       []Labelled
		err        string
	}{
		{"text and category", "text,category\nwhere is it?,arrival\n\"a, b\",other\n", SplitTrain, []Labelled{one("where is it?", "arrival"), one("a, b", "other")}, ""},
		{"a byte order mark before it", "\ufefftext,category\nx,a\n", SplitTest, []Labelled{one("x", "a")}, ""},
		{"utterance and intent, category being the group", "utterance,intent,tags,category\nstop,cancel,BL,ORDER\n", SplitTrain, []Labelled{one("stop", "cancel")}, ""},
		{"several categories", "category,text\na|b,x\n", SplitTrain, []Labelled{one("x", "a", "b")}, ""},
		{"lines with a tab", "ham\tHello, \"you\nspam\tWin!!\tnow\n", SplitTrain, []Labelled{one("Hello, \"you", "ham"), one("Win!!", "spam")}, ""},
		{"lines with a tab and a header", "Label\tMessage\nham\tHello\n", SplitTrain, []Labelled{one("Hello", "ham")}, ""},
		{"a header in the other order", "text\tcategory\nHello\tham\n", SplitTrain, []Labelled{one("Hello", "ham")}, ""},
		{"objects with intents, or none", `[{"text":"x","intents":["a","b"],"slots":{}},{"text":"y"}]`, SplitTrain, []Labelled{one("x", "a", "b"), {Text: "y"}}, ""},
		{"pairs", `[["x","a"]]`, SplitTrain, []Labelled{one("x", "a")}, ""},
		{"splits, to learn from", `{"oos_train":[["z","oos"]],"train":[["x","a"]],"val":[["v","a"]],"test":[["y","b"]]}`, SplitTrain, []Labelled{one("z", "oos"), one("x", "a"), one("v", "a")}, ""},
		{"splits, to be judged on", `{"train":[["x","a"]],"test":[["y","b"]],"oos_test":[["z","oos"]]}`, SplitTest, []Labelled{one("z", "oos"), one("y", "b")}, ""},
		{"nothing", " \n", SplitTrain, nil, "empty"},
		{"a header only", "text,category\n", SplitTrain, nil, "no labelled texts"},
		{"wrong header", "a,b\n1,2\n", SplitTrain, nil, "must name the columns text and category"},
		{"no category", "text,category\nx,a\ny, \n", SplitTrain, nil, "line 3 has no category"},
		{"an empty one of several", "text,category\ny,a||b\n", SplitTrain, nil, "line 2: a category is 1 to"},
		{"a line without a tab", "a\tx\nb\n", SplitTrain, nil, "line 2 has 1 columns"},
		{"an object without a text", `[{"text":"x"},{"intent":"a"}]`, SplitTrain, nil, "element 2"},
		{"broken JSON", `[{"text":`, SplitTrain, nil, "element 1"},
		{"no list", `{"train":5}`, SplitTrain, nil, `"train"`},
		{"no part for it", `{"a":[["x","a"]],"b":[["x","a"]]}`, SplitTest, nil, "is for test"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := ReadLabelled(strings.NewReader(tt.file), tt.split)
			if (err == nil) != (tt.err == "") || err != nil && !strings.Contains(err.Error(), tt.err) {
				t.Fatalf("error %v, want one with %q", err, tt.err)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func FuzzReadLabelled(f *testing.F) {
	for _, seed := range []string{"text,category\nx,a\n", "a\tx\n", `[{"text":"x","intents":["a"]}]`, `{"train":[["x","a"]]}`} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, file string) {
		found, err := ReadLabelled(strings.NewReader(file), SplitTrain)
		if (err == nil) == (len(found) == 0) {
			t.Fatalf("%d texts and the error %v", len(found), err)
		}
	})
}

// The public sets are read as they are passed on.
func TestReadLabelledCorpora(t *testing.T) {
	tests := []struct {
		path    string
		several bool
		outside bool
	}{
		{"banking77/train.csv", false, false},
		{"clinc150/data_train_val.json", false, true},
		{"bitext-customer-service/data/dev/Bitext_Sample_Customer_Service_Validation_Dataset.csv", false, false},
		{"nlupp/nlupp/data/banking/fold0.json", true, false},
		{"sms-spam/SMSSpamCollection", false, false},
	}
	for _, tt := range tests {
		t.Run(tt.path, func(t *testing.T) {
			f, err := os.Open(filepath.Join(corpus(t, ""), tt.path))
			if err != nil {
				t.Fatal(err)
			}
			defer f.Close()
			found, err := ReadLabelled(f, SplitTrain)
			if err != nil {
				t.Fatal(err)
			}
			set := NewSet(found)
			t.Logf("%d texts, %d outside", len(set.Texts), len(set.Outside))
			if set.Several != tt.several || len(set.Outside) > 0 != tt.outside || len(set.Texts) < 50 {
				t.Errorf("several %v, %d outside", set.Several, len(set.Outside))
			}
		})
	}
}

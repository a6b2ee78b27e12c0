package modelreport

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"testing"

	"parley/interaction"
	"parley/lib/text"
)

func report(t *testing.T) interaction.TrainingReport[text.Report] {
	t.Helper()
	var samples []text.Sample
	for i := range 30 {
		samples = append(samples,
			text.Sample{Text: fmt.Sprintf("where is my parcel %d", i), Category: "orders/<status>"},
			text.Sample{Text: fmt.Sprintf("send the parcel %d back", i), Category: "returns"},
			text.Sample{Text: fmt.Sprintf("my parcel %d", i), Category: []string{"returns", "orders/<status>", "other"}[i%3]})
	}
	r, err := text.CrossValidate(samples, 3, 1, text.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return interaction.TrainingReport[text.Report]{Learned: 60, Judged: 90, Profile: "fast", OutsideRecall: 0.8, MicroF1: -1, Report: r}
}

// The page is well formed, holds all figures and pictures, and nothing of it is taken for markup. With PAGE=file it is written there to be looked at.
func TestPage(t *testing.T) {
	r := report(t)
	var b bytes.Buffer
	if err := Write(&b, Model{ID: "m1", Language: "en", Made: "today", Active: true}, r); err != nil {
		t.Fatal(err)
	}
	out := b.String()
	if name := os.Getenv("PAGE"); name != "" {
		if err := os.WriteFile(name, b.Bytes(), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, want := range []string{"m1", percent(r.Report.Accuracy), "orders/&lt;status&gt;", "80.0 %", "taken for", "Precision against recall", "never", "in use"} {
		if !strings.Contains(out, want) {
			t.Errorf("the page has no %q", want)
		}
	}
	if strings.Contains(out, "<status>") || strings.Contains(out, "ZgotmplZ") {
		t.Error("a category's name was taken for markup, or a picture was refused")
	}
	for _, picture := range strings.SplitAfter(out, "</svg>")[:3] {
		from := strings.Index(picture, "<svg")
		d := xml.NewDecoder(strings.NewReader(picture[from:]))
		for {
			if _, err := d.Token(); errors.Is(err, io.EOF) {
				break
			} else if err != nil {
				t.Fatalf("a picture is not well formed: %v", err)
			}
		}
	}
}

// A model of which nothing is known still has a page.
func TestPageOfNothing(t *testing.T) {
	if err := Write(io.Discard, Model{}, interaction.TrainingReport[text.Report]{}); err != nil {
		t.Fatal(err)
	}
}

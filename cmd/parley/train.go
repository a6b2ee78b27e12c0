package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"slices"

	"parley/interaction"
	"parley/lib/template"
	"parley/lib/text"
)

// train makes models of labelled texts. Where the last model of files came from the same texts nothing is made: it may be that another has been
// activated since.
func train(from []interaction.Training, last []interaction.Model) ([]interaction.Model, error) {
	var models []interaction.Model
	for _, t := range from {
		raw, err := os.ReadFile(t.File)
		if err != nil {
			return nil, err
		}
		sum := sha256.Sum256(append([]byte("v2 "), raw...))
		m := interaction.Model{ID: interaction.NewID(), Name: "category", Language: t.Language, Source: hex.EncodeToString(sum[:])}
		if slices.ContainsFunc(last, func(a interaction.Model) bool { return a.Language == m.Language && a.Source == m.Source }) {
			continue
		}
		samples, err := text.ReadSamples(bytes.NewReader(raw))
		if err != nil {
			return nil, fmt.Errorf("%s: %w", t.File, err)
		}
		model, err := text.Train(samples, text.Options{})
		if err != nil {
			return nil, fmt.Errorf("%s: %w", t.File, err)
		}
		var out bytes.Buffer
		if _, err := model.WriteTo(&out); err != nil {
			return nil, err
		}
		m.Data = out.Bytes()
		models = append(models, m)
	}
	return models, nil
}

// renderer fills standard responses for the store.
type renderer struct{}

// Render compiles and fills one text.
func (renderer) Render(source string, values map[string]any) (string, error) {
	return render(source, values, false)
}

// RenderHTML does the same for HTML: values are escaped.
func (renderer) RenderHTML(source string, values map[string]any) (string, error) {
	return render(source, values, true)
}

func render(source string, values map[string]any, html bool) (string, error) {
	t, err := template.Compile(source, interaction.TemplateFields)
	if err != nil {
		return "", err
	}
	return t.Render(values, html)
}

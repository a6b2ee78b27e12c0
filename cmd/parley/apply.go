package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"parley/activities/screening"
	"parley/interaction"
	"parley/lib/rules"
	"parley/lib/template"
	"parley/lib/text"
	"parley/store"
)

type applyCommand struct {
	DatabaseURL string `env:"PARLEY_DATABASE_URL" required:"" help:"PostgreSQL."`
	File        string `short:"f" required:"" help:"A YAML file, or a directory of them."`
}

// Run brings the configuration in the database to what the files say.
func (c *applyCommand) Run(ctx context.Context) error {
	s, err := store.Open(ctx, c.DatabaseURL, store.Options{Renderer: renderer{}, Log: slog.Default()})
	if err != nil {
		return err
	}
	defer s.Close()
	return applyFiles(ctx, s, c.File)
}

// applyFiles reads, checks and applies configuration; nothing is applied when anything is wrong.
func applyFiles(ctx context.Context, s *store.Store, path string) error {
	setup, err := readSetup(path)
	if err != nil {
		return configError{err}
	}
	active, err := s.ActiveModels(ctx)
	if err != nil {
		return err
	}
	if setup.Models, err = train(setup.Training, active); err != nil {
		return configError{err}
	}
	return s.Apply(ctx, interaction.System, setup)
}

// file is one configuration file.
type file struct {
	interaction.Setup `yaml:",inline"`
	Rules             []rules.Rule `yaml:"rules"`
}

// readSetup reads one file, or all YAML files of a directory in the order of their names.
func readSetup(path string) (interaction.Setup, error) {
	paths := []string{path}
	if info, err := os.Stat(path); err != nil {
		return interaction.Setup{}, err
	} else if info.IsDir() {
		found, err := filepath.Glob(filepath.Join(path, "*.y*ml"))
		if err != nil {
			return interaction.Setup{}, err
		}
		if paths = found; len(paths) == 0 {
			return interaction.Setup{}, fmt.Errorf("%s: has no .yaml file", path)
		}
	}
	var all interaction.Setup
	for _, p := range paths {
		one, err := readFile(p)
		if err != nil {
			return all, err
		}
		all.Groups = append(all.Groups, one.Groups...)
		all.Queues = append(all.Queues, one.Queues...)
		all.EntryPoints = append(all.EntryPoints, one.EntryPoints...)
		all.Agents = append(all.Agents, one.Agents...)
		all.Categories = append(all.Categories, one.Categories...)
		all.Responses = append(all.Responses, one.Responses...)
		all.Rules = append(all.Rules, one.Setup.Rules...)
		all.Training = append(all.Training, one.Training...)
	}
	return all, check(all)
}

func readFile(path string) (file, error) {
	var f file
	raw, err := os.ReadFile(path)
	if err != nil {
		return f, err
	}
	decoder := yaml.NewDecoder(bytes.NewReader(raw))
	decoder.KnownFields(true)
	if err := decoder.Decode(&f); err != nil {
		return f, fmt.Errorf("%s: %w", path, err)
	}
	for _, r := range f.Rules {
		definition, err := json.Marshal(r)
		if err != nil {
			return f, fmt.Errorf("%s: rule %q: %w", path, r.ID, err)
		}
		f.Setup.Rules = append(f.Setup.Rules, interaction.Rule{Name: r.ID, Enabled: r.Enabled, Definition: definition})
	}
	for i, t := range f.Training {
		if !filepath.IsAbs(t.File) {
			f.Training[i].File = filepath.Join(filepath.Dir(path), t.File)
		}
	}
	return f, nil
}

// templateFields are what standard responses may name.
var templateFields = []string{
	"contact.name", "contact.email", "interaction.subject", "interaction.reference", "interaction.category", "agent.name",
}

// check compiles what is compiled later, so that a mistake shows here.
func check(s interaction.Setup) error {
	var errs []error
	if _, err := screening.Compile(s.Rules); err != nil {
		errs = append(errs, err)
	}
	for _, r := range s.Responses {
		for part, source := range map[string]string{"subject": r.Subject, "text": r.Text} {
			if _, err := template.Compile(source, templateFields); err != nil {
				errs = append(errs, fmt.Errorf("responses %q: %s: %w", r.Name, part, err))
			}
		}
		if !slices.Contains([]interaction.Usage{interaction.UseAcknowledgement, interaction.UseAutoResponse, interaction.UseSuggestion, interaction.UseSnippet}, r.Usage) {
			errs = append(errs, fmt.Errorf("responses %q: usage %q is none of acknowledgement, auto_response, suggestion, snippet", r.Name, r.Usage))
		}
	}
	workflows := []string{interaction.WorkflowEmail}
	for _, e := range s.EntryPoints {
		if !slices.Contains(workflows, e.Workflow) {
			errs = append(errs, fmt.Errorf("entry_points %q: workflow %q is none of %s", e.Name, e.Workflow, strings.Join(workflows, ", ")))
		}
		if !strings.Contains(e.Address, "@") && e.Channel == interaction.Email {
			errs = append(errs, fmt.Errorf("entry_points %q: address %q is not an email address", e.Name, e.Address))
		}
	}
	return errors.Join(errs...)
}

// train makes models of labelled texts. A model that was trained on the same texts already is left as it is.
func train(from []interaction.Training, active []interaction.Model) ([]interaction.Model, error) {
	var models []interaction.Model
	for _, t := range from {
		raw, err := os.ReadFile(t.File)
		if err != nil {
			return nil, err
		}
		sum := sha256.Sum256(append([]byte("v1 "), raw...))
		m := interaction.Model{ID: interaction.NewID(), Name: "category", Language: t.Language, Source: hex.EncodeToString(sum[:])}
		if slices.ContainsFunc(active, func(a interaction.Model) bool { return a.Language == m.Language && a.Source == m.Source }) {
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
	t, err := template.Compile(source, templateFields)
	if err != nil {
		return "", err
	}
	return t.Render(values, false)
}

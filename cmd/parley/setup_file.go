package main

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"

	"parley/activities/screening"
	"parley/interaction"
	"parley/lib/calendar"
	"parley/lib/rules"
	"parley/lib/template"
)

// file is one configuration file.
type file struct {
	interaction.Setup `yaml:",inline"`
	Rules             []rules.Rule `yaml:"rules,omitempty"`
}

// setupFiles is a configuration as files hold it, and where each thing stands in them.
type setupFiles struct {
	interaction.Setup
	places map[string]string // file and line, by list and name
}

// readSetup reads one file, all YAML files of a directory in the order of their names, or standard input ("-"). Everything that is wrong within the files
// is told at once; whether they name what is there only the database knows.
func readSetup(path string) (setupFiles, error) {
	all := setupFiles{places: map[string]string{}}
	paths, err := setupPaths(path)
	if err != nil {
		return all, err
	}
	var errs []error
	for _, p := range paths {
		one, lines, err := readFile(p)
		errs = append(errs, err)
		all.add(one)
		for key, line := range lines {
			all.places[key] = fmt.Sprintf("%s:%d", p, line)
		}
	}
	if err := errors.Join(errs...); err != nil {
		return all, err
	}
	return all, all.check()
}

func setupPaths(path string) ([]string, error) {
	if path == "-" {
		return []string{path}, nil
	}
	info, err := os.Stat(path)
	if err != nil {
		return nil, &fileFault{file: path, text: "cannot be read (" + reasonOf(err) + "); name a YAML file, a directory of them, or - for standard input"}
	}
	if !info.IsDir() {
		return []string{path}, nil
	}
	found, err := filepath.Glob(filepath.Join(path, "*.y*ml"))
	if err != nil || len(found) == 0 {
		return nil, &fileFault{file: path, text: "has no .yaml file; name a directory that has one"}
	}
	return found, nil
}

// reasonOf gives the plain reason of a failure to read.
func reasonOf(err error) string {
	var path *os.PathError
	if errors.As(err, &path) {
		return path.Err.Error()
	}
	return err.Error()
}

func readFile(path string) (f file, lines map[string]int, err error) {
	var raw []byte
	if path == "-" {
		raw, err = io.ReadAll(os.Stdin)
	} else {
		raw, err = os.ReadFile(path)
	}
	if err != nil {
		return f, nil, &fileFault{file: path, text: "cannot be read (" + reasonOf(err) + ")"}
	}
	decoder := yaml.NewDecoder(bytes.NewReader(raw))
	var document, more yaml.Node
	if err := decoder.Decode(&document); errors.Is(err, io.EOF) {
		return f, nil, nil // empty, or comments only
	} else if err != nil {
		return f, nil, notYAML(path, err)
	}
	if err := decoder.Decode(&more); !errors.Is(err, io.EOF) {
		return f, nil, &fileFault{file: path, line: more.Line, text: "has a second document; put it into a file of its own"}
	}
	s := &shape{file: path, lines: map[string]int{}}
	s.check(document.Content[0], reflect.TypeFor[file](), "")
	if len(s.faults) > 0 {
		return f, nil, errors.Join(s.faults...)
	}
	if err := document.Decode(&f); err != nil {
		return f, nil, notYAML(path, err)
	}
	for _, r := range f.Rules {
		definition, err := json.Marshal(r)
		if err != nil {
			return f, nil, &fileFault{file: path, line: s.lines["rules "+r.ID], key: "rules", value: r.ID, text: err.Error()}
		}
		f.Setup.Rules = append(f.Setup.Rules, interaction.Rule{Name: r.ID, Enabled: r.Enabled, Definition: definition})
	}
	for i, t := range f.Training {
		if !filepath.IsAbs(t.File) {
			f.Training[i].File = filepath.Join(filepath.Dir(path), t.File)
		}
	}
	return f, s.lines, readLibraryFiles(path, f.Responses, s.lines)
}

func (s *setupFiles) add(f file) {
	s.Groups = append(s.Groups, f.Groups...)
	s.Reasons = append(s.Reasons, f.Reasons...)
	s.Forms = append(s.Forms, f.Forms...)
	s.Calendars = append(s.Calendars, f.Calendars...)
	s.Queues = append(s.Queues, f.Queues...)
	s.EntryPoints = append(s.EntryPoints, f.EntryPoints...)
	s.Agents = append(s.Agents, f.Agents...)
	s.Categories = append(s.Categories, f.Categories...)
	s.Responses = append(s.Responses, f.Responses...)
	s.Rules = append(s.Rules, f.Setup.Rules...)
	s.Dispositions = append(s.Dispositions, f.Dispositions...)
	s.ReviewPolicies = append(s.ReviewPolicies, f.ReviewPolicies...)
	s.Webhooks = append(s.Webhooks, f.Webhooks...)
	s.Links = append(s.Links, f.Links...)
	s.Training = append(s.Training, f.Training...)
}

// check compiles what is compiled later, and asks everything that needs no database.
func (s *setupFiles) check() error {
	faults := meaning(s.Setup)
	for _, f := range interaction.CheckSetup(s.Setup, interaction.Setup{}) {
		if !missing(f) { // it may be in the database
			faults = append(faults, f)
		}
	}
	var errs []error
	for _, f := range faults {
		errs = append(errs, s.placed(f))
	}
	for _, t := range s.Training {
		if _, err := os.Stat(t.File); err != nil {
			errs = append(errs, &fileFault{file: t.File, key: "training.file", text: "cannot be read (" + reasonOf(err) + "); name a CSV file beside the file that names it"})
		}
	}
	return errors.Join(errs...)
}

// missing reports whether a fault is that a name is not among those of a list, which files alone cannot tell.
func missing(f *interaction.Fault) bool { return f.Missing }

// placed puts the file and line before a fault.
func (s *setupFiles) placed(f *interaction.Fault) error {
	place, known := s.places[f.List+" "+f.Name]
	if !known {
		return f
	}
	return fmt.Errorf("%s: %w", place, f)
}

// explain gives what the store found wrong with a setup, each fault in a line with its place.
func (s *setupFiles) explain(err error) error {
	var ours *interaction.Error
	if !errors.As(err, &ours) || ours.Kind != interaction.KindInvalid && ours.Kind != interaction.KindConflict {
		return err
	}
	var faults interface{ Unwrap() []error }
	if !errors.As(ours.Cause, &faults) {
		return configError{errors.New(ours.Text)}
	}
	var lines []error
	for _, fault := range faults.Unwrap() {
		var f *interaction.Fault
		if errors.As(fault, &f) {
			fault = s.placed(f)
		}
		lines = append(lines, fault)
	}
	return configError{errors.Join(lines...)}
}

// meaning compiles calendars, rules and the texts of responses, and reads the settings of links.
func meaning(s interaction.Setup) []*interaction.Fault {
	var faults []*interaction.Fault
	for _, c := range s.Calendars {
		var wrong *interaction.Error
		if _, err := calendar.Compile(c); errors.As(err, &wrong) {
			faults = append(faults, &interaction.Fault{List: interaction.ListCalendars, Name: c.Name, Field: wrong.Field, Value: calendarValue(c, wrong.Field), Text: wrong.Text})
		}
	}
	if _, err := screening.Compile(s.Rules); err != nil {
		for _, err := range each(err) {
			fault := &interaction.Fault{List: interaction.ListRules, Text: err.Error()}
			var wrong *rules.Error
			if errors.As(err, &wrong) {
				fault.Name, fault.Field, fault.Text = wrong.Rule, wrong.Path, fmt.Sprintf("at byte %d: %s; mend it there", wrong.Offset, wrong.Reason)
				fault.Value = valueAt(s.Rules, wrong.Rule, wrong.Path)
			}
			faults = append(faults, fault)
		}
	}
	for _, r := range s.Responses {
		faults = append(faults, unreadable(interaction.ListResponses, r.Name, map[string]string{"subject": r.Subject, "text": r.Text, "html": r.HTML})...)
	}
	faults = append(faults, checkLinks(s.Links)...)
	for _, e := range s.EntryPoints {
		if e.Chat != nil {
			faults = append(faults, unreadable(interaction.ListEntryPoints, e.Name, chatTexts(*e.Chat))...)
		}
	}
	return faults
}

// chatTexts gives all that the system may say in a chat, by field.
func chatTexts(c interaction.ChatSettings) map[string]string {
	texts := map[string]string{}
	add := func(field string, byLanguage map[string]string) {
		for language, text := range byLanguage {
			texts[field+"."+language] = text
		}
	}
	add("chat.greeting", c.Greeting)
	for n, q := range c.Questions {
		add(fmt.Sprintf("chat.questions[%d].text", n), q.Text)
	}
	for name, byLanguage := range c.Texts {
		add("chat.texts."+name, byLanguage)
	}
	return texts
}

// unreadable compiles texts with field codes, by field.
func unreadable(list, name string, texts map[string]string) []*interaction.Fault {
	var faults []*interaction.Fault
	for _, field := range slices.Sorted(maps.Keys(texts)) {
		_, err := template.Compile(texts[field], interaction.TemplateFields)
		var wrong *template.Error
		switch {
		case errors.As(err, &wrong):
			faults = append(faults, &interaction.Fault{
				List: list, Name: name, Field: field, Value: cmp.Or(wrong.Name, texts[field]),
				Text: fmt.Sprintf("line %d, column %d: %s; mend it there", wrong.Line, wrong.Column, wrong.Reason),
			})
		case err != nil:
			faults = append(faults, &interaction.Fault{List: list, Name: name, Field: field, Value: texts[field], Text: err.Error()})
		}
	}
	return faults
}

// calendarValue gives what a calendar says in a field such as week.mon-fri or holidays.3.
func calendarValue(c interaction.Calendar, field string) any {
	list, key, _ := strings.Cut(field, ".")
	switch list {
	case "zone":
		return c.Zone
	case "week":
		return c.Week[key]
	case "exceptions":
		return c.Exceptions[key]
	}
	if n, err := strconv.Atoi(key); err == nil && n < len(c.Holidays) {
		return c.Holidays[n]
	}
	return nil
}

// each gives the errors that were joined into one.
func each(err error) []error {
	var joined interface{ Unwrap() []error }
	if errors.As(err, &joined) {
		return joined.Unwrap()
	}
	return []error{err}
}

// valueAt gives what stands at a path of a rule, such as when.all[2].text; nil where nothing does.
func valueAt(list []interaction.Rule, name, path string) any {
	for _, r := range list {
		if r.Name != name {
			continue
		}
		var value any
		if json.Unmarshal(r.Definition, &value) != nil {
			return nil
		}
		for _, step := range steps(path) {
			switch at := value.(type) {
			case map[string]any:
				value = at[step]
			case []any:
				var n int
				if _, err := fmt.Sscan(step, &n); err != nil || n < 0 || n >= len(at) {
					return nil
				}
				value = at[n]
			default:
				return nil
			}
		}
		return value
	}
	return nil
}

func steps(path string) (out []string) {
	for _, step := range bytes.FieldsFunc([]byte(path), func(r rune) bool { return r == '.' || r == '[' || r == ']' }) {
		out = append(out, string(step))
	}
	return out
}

// writeSetup writes a configuration as one YAML file that readSetup gives back.
func writeSetup(w io.Writer, setup interaction.Setup) error {
	f := file{Setup: setup}
	for _, r := range setup.Rules {
		var one rules.Rule
		if err := json.Unmarshal(r.Definition, &one); err != nil {
			return fmt.Errorf("rule %q: %w", r.Name, err)
		}
		one.ID, one.Enabled = r.Name, r.Enabled
		f.Rules = append(f.Rules, one)
	}
	encoder := yaml.NewEncoder(w)
	encoder.SetIndent(2)
	if err := encoder.Encode(f); err != nil {
		return err
	}
	return encoder.Close()
}

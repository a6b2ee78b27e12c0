package text

import (
	"bufio"
	"bytes"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"unicode/utf8"
)

// Labelled is a text with all the categories that people gave it: none where it fits nowhere, several where the set is multi-label.
type Labelled struct {
	Text       string
	Categories []string
}

// Split says which part of a file is meant where one file holds several.
type Split string

// The splits. A file that holds only one is the same for both.
const (
	SplitTrain Split = "train" // to learn from: training and validation part
	SplitTest  Split = "test"  // to be judged on
)

// Names of the columns and fields that sets of labelled texts use, the one we write ourselves first.
var (
	textNames     = []string{"text", "utterance", "message", "sentence", "query", "sms", "body"}
	categoryNames = []string{"category", "intent", "label", "class"}
)

// OutOfScope are the categories by which sets mark a text that fits nowhere.
var OutOfScope = []string{"oos", "out_of_scope", "out-of-scope"}

// MaxSamples and maxSampleBytes bound what a file of labelled texts may ask for.
const (
	MaxSamples     = 1_000_000
	maxSampleBytes = 1 << 20
)

// ReadLabelled reads labelled texts in any of the forms that they are passed on in, told by their first bytes:
//
//   - CSV (RFC 4180) with a header line that names a text and a category among other columns ("text,category"; "utterance,intent,…").
//     A column intent goes before one called category beside it, which then is its group. Several categories are parted by "|".
//   - lines of a category, a tab and a text, without a header or with one that names the two in any order;
//   - a JSON list of {"text": …, "intents": […]} or of ["text", "category"];
//   - a JSON object of such lists by split ("train", "val", "test", "oos_test", …).
//
// An error names the line, or the place in the list.
func ReadLabelled(r io.Reader, split Split) ([]Labelled, error) {
	in := bufio.NewReaderSize(r, 64<<10)
	if mark, _ := in.Peek(3); bytes.Equal(mark, []byte("\xef\xbb\xbf")) {
		_, _ = in.Discard(3)
	}
	head, err := in.Peek(4 << 10)
	if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, bufio.ErrBufferFull) {
		return nil, fmt.Errorf("reading labelled texts: %w", err)
	}
	var found []Labelled
	switch start := bytes.TrimSpace(head); {
	case len(start) == 0:
		return nil, errors.New("there are no labelled texts: the file is empty")
	case start[0] == '{':
		found, err = readSplits(in, split)
	case start[0] == '[':
		found, err = readList(in)
	case tabbed(start):
		found, err = readTabbed(in)
	default:
		found, err = readTable(in)
	}
	if err != nil {
		return nil, fmt.Errorf("reading labelled texts: %w", err)
	}
	if len(found) == 0 {
		return nil, errors.New("there are no labelled texts in the file")
	}
	return found, nil
}

// tabbed reports whether the first line parts its columns by tabs.
func tabbed(start []byte) bool {
	line, _, _ := bytes.Cut(start, []byte("\n"))
	return bytes.IndexByte(line, '\t') > 0
}

// column finds the first of the names that a header has, whatever its case; -1 if none.
func column(header, names []string) int {
	for _, name := range names {
		for at, title := range header {
			if strings.EqualFold(strings.TrimSpace(title), name) {
				return at
			}
		}
	}
	return -1
}

func readTable(r io.Reader) ([]Labelled, error) {
	rows := csv.NewReader(r)
	rows.ReuseRecord = true
	header, err := rows.Read()
	if err != nil {
		return nil, fmt.Errorf("the header line: %w", err)
	}
	text, category := column(header, textNames), column(header, categoryNames)
	if at := column(header, []string{"intent"}); at >= 0 {
		category = at
	}
	if text < 0 || category < 0 {
		return nil, fmt.Errorf("the header line is %q; it must name the columns text and category", header)
	}
	var found []Labelled
	for {
		row, err := rows.Read()
		if errors.Is(err, io.EOF) {
			return found, nil
		}
		if err != nil {
			return nil, err
		}
		line, _ := rows.FieldPos(category)
		if found, err = appendLabelled(found, row[text], row[category], fmt.Sprintf("line %d", line)); err != nil {
			return nil, err
		}
	}
}

func readTabbed(r io.Reader) ([]Labelled, error) {
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, maxSampleBytes+maxCategoryBytes)
	var found []Labelled
	category, text := 0, 1
	for n := 1; lines.Scan(); n++ {
		if strings.TrimSpace(lines.Text()) == "" {
			continue
		}
		cells := strings.Split(lines.Text(), "\t")
		if n == 1 && column(cells, categoryNames) >= 0 {
			category = column(cells, categoryNames)
			if text = column(cells, textNames); text < 0 && len(cells) == 2 {
				text = 1 - category
			}
			if text < 0 {
				return nil, fmt.Errorf("the header line is %q; it must name the columns text and category", cells)
			}
			continue
		}
		if len(cells) <= max(category, text) {
			return nil, fmt.Errorf("line %d has %d columns parted by tabs, want a category and a text", n, len(cells))
		}
		var err error
		if found, err = appendLabelled(found, cells[text], cells[category], fmt.Sprintf("line %d", n)); err != nil {
			return nil, err
		}
	}
	return found, lines.Err()
}

func appendLabelled(found []Labelled, text, categories, where string) ([]Labelled, error) {
	if strings.TrimSpace(categories) == "" {
		return nil, fmt.Errorf("%s has no category", where)
	}
	var names []string
	for name := range strings.SplitSeq(categories, "|") {
		names = append(names, strings.TrimSpace(name))
	}
	return checked(found, Labelled{text, names}, where)
}

// checked appends one labelled text that keeps the limits.
func checked(found []Labelled, l Labelled, where string) ([]Labelled, error) {
	for _, name := range l.Categories {
		if name == "" || len(name) > maxCategoryBytes {
			return nil, fmt.Errorf("%s: a category is 1 to %d bytes long, this one is %d", where, maxCategoryBytes, len(name))
		}
	}
	switch {
	case len(l.Text) > maxSampleBytes:
		return nil, fmt.Errorf("%s: the text is longer than %d bytes", where, maxSampleBytes)
	case !utf8.ValidString(l.Text):
		l.Text = strings.ToValidUTF8(l.Text, "\uFFFD")
	}
	if len(found) == MaxSamples {
		return nil, fmt.Errorf("%s: there are more than %d texts", where, MaxSamples)
	}
	return append(found, l), nil
}

// item is one element of a JSON list: an object or a pair.
type item Labelled

// UnmarshalJSON takes {"text", "intents"|"intent"|"category"|"label"} or ["text", "category", …].
func (i *item) UnmarshalJSON(data []byte) error {
	if data[0] == '[' {
		var texts []string
		if err := json.Unmarshal(data, &texts); err != nil {
			return err
		}
		if len(texts) < 2 {
			return fmt.Errorf("a pair of text and category has %d parts", len(texts))
		}
		i.Text, i.Categories = texts[0], texts[1:]
		return nil
	}
	var o struct {
		Text       *string  `json:"text"`
		Utterance  *string  `json:"utterance"`
		Intents    []string `json:"intents"`
		Categories []string `json:"categories"`
		Intent     string   `json:"intent"`
		Category   string   `json:"category"`
		Label      string   `json:"label"`
	}
	if err := json.Unmarshal(data, &o); err != nil {
		return err
	}
	switch {
	case o.Text != nil:
		i.Text = *o.Text
	case o.Utterance != nil:
		i.Text = *o.Utterance
	default:
		return errors.New(`it has no field "text"`)
	}
	i.Categories = append(o.Intents, o.Categories...)
	for _, name := range []string{o.Intent, o.Category, o.Label} {
		if name != "" && len(i.Categories) == 0 {
			i.Categories = []string{name}
		}
	}
	return nil
}

// readList reads a list element by element, so that a fault is named by its place. An element without categories is a text that fits nowhere.
func readList(r io.Reader) ([]Labelled, error) { return list(json.NewDecoder(r)) }

func list(in *json.Decoder) (found []Labelled, err error) {
	if token, err := in.Token(); err != nil || token != json.Delim('[') {
		return nil, fmt.Errorf("want a JSON list, found %v: %w", token, errors.Join(err, ErrForm))
	}
	for n := 1; in.More(); n++ {
		var one item
		if err := in.Decode(&one); err != nil {
			return nil, fmt.Errorf("element %d: %w", n, err)
		}
		if found, err = checked(found, Labelled(one), fmt.Sprintf("element %d", n)); err != nil {
			return nil, err
		}
	}
	_, err = in.Token()
	return found, err
}

// ErrForm is what an error of ReadLabelled is for a file of none of the forms.
var ErrForm = errors.New("not a form of labelled texts that is known")

// readSplits takes the lists whose names say that they belong to the split: the test part by the word "test", all others for training. A file of
// one part is that part.
func readSplits(r io.Reader, split Split) ([]Labelled, error) {
	in := json.NewDecoder(r)
	if _, err := in.Token(); err != nil {
		return nil, err
	}
	parts := map[string][]Labelled{}
	for in.More() {
		name, err := in.Token()
		if err != nil {
			return nil, err
		}
		key, _ := name.(string)
		if parts[key], err = list(in); err != nil {
			return nil, fmt.Errorf("%q: %w", key, err)
		}
	}
	var found []Labelled
	for _, name := range slices.Sorted(maps.Keys(parts)) {
		if len(parts) == 1 || strings.Contains(name, string(SplitTest)) == (split == SplitTest) {
			found = append(found, parts[name]...)
		}
	}
	if len(found) == 0 {
		return nil, fmt.Errorf("none of its parts %q is for %s", slices.Sorted(maps.Keys(parts)), split)
	}
	return found, nil
}

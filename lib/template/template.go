// Package template renders standard responses: texts with field codes in
// Liquid, as "Dear {{ contact.name | default: "customer" }}".
//
// What an author can write is held small on purpose: fields that the caller
// names, a fixed list of filters, and the tags if, unless, case and comment.
// There are no loops, no assignments and nothing that reads files, so that a
// template costs no more than its own length. Everything else, an unknown field
// or filter first of all, is refused by Compile with its place, in branches
// that are rarely taken too, so that a mistake shows when a response is saved
// and not when a customer reads it.
package template

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/osteele/liquid"
	"github.com/osteele/liquid/parser"
)

// Limits of one template.
const (
	MaxSource = 64 << 10  // bytes of a template
	MaxOutput = 256 << 10 // bytes that it may render to
	MaxValue  = 8 << 10   // bytes of a field's value; what is longer is cut off
)

// ErrTooLong is the error of Render when the text would be longer than
// MaxOutput.
var ErrTooLong = errors.New("the rendered text would be too long")

// Error says what is wrong with a template and where.
type Error struct {
	Line, Column int    // from 1; columns count characters. Line 0: the template as a whole
	Name         string // the field, filter or tag in question, may be empty
	Reason       string
}

func (e *Error) Error() string {
	if e.Line == 0 {
		return "template: " + e.Reason
	}
	return fmt.Sprintf("template, line %d, column %d: %s", e.Line, e.Column, e.Reason)
}

// Template is a compiled template, safe for use by many goroutines.
type Template struct {
	plain, html *liquid.Template
	fields      []string // all that may be given
	used        []string
}

// Compile checks and compiles a template. fields are the names that it may
// use, such as "contact.name". Every fault is an *Error.
func Compile(source string, fields []string) (*Template, error) {
	if len(source) > MaxSource {
		return nil, &Error{Reason: fmt.Sprintf("it is %d bytes long, the limit is %d", len(source), MaxSource)}
	}
	if err := checkNames(fields); err != nil {
		return nil, err
	}
	c := checker{fields: fields}
	plain, html, err := c.rewrite(source)
	if err != nil {
		return nil, err
	}
	t := &Template{fields: slices.Clone(fields), used: c.used}
	if t.plain, err = parse(plain); err == nil {
		t.html, err = parse(html)
	}
	if err != nil {
		return nil, err
	}
	return t, nil
}

// checkNames refuses a list of fields in which one name is also the group of
// another, for which there could be no value.
func checkNames(fields []string) error {
	for _, name := range fields {
		for group := name; strings.Contains(group, "."); {
			group = group[:strings.LastIndexByte(group, '.')]
			if slices.Contains(fields, group) {
				return &Error{Name: group, Reason: fmt.Sprintf("the field %q is also the beginning of %q", group, name)}
			}
		}
	}
	return nil
}

// parse hands a checked text to Liquid, whose parser panics at some faults.
func parse(source string) (t *liquid.Template, err error) {
	defer func() {
		if r := recover(); r != nil {
			err = &Error{Reason: fmt.Sprint(r)}
		}
	}()
	t, fault := engine.ParseTemplateLocation([]byte(source), "", 1)
	if fault != nil {
		line := fault.LineNumber()
		reason := fault.Error()
		if cause := fault.Cause(); cause != nil {
			reason = cause.Error()
		}
		return nil, &Error{Line: line, Column: 1, Reason: reason}
	}
	return t, nil
}

// Fields gives the fields that the template uses, sorted.
func (t *Template) Fields() []string { return slices.Clone(t.used) }

// Render fills in values by their fields' names. With html, values are escaped
// for HTML text and attributes; the template's own text is as its author wrote
// it. A field without a value is empty, so that the filter default can stand
// in. Values are strings, booleans, numbers and times.
func (t *Template) Render(values map[string]any, html bool) (text string, err error) {
	bindings, err := t.bind(values)
	if err != nil {
		return "", err
	}
	chosen := t.plain
	if html {
		chosen = t.html
	}
	defer func() {
		if r := recover(); r != nil {
			text, err = "", fmt.Errorf("rendering a template: %v", r)
		}
	}()
	var out limited
	if err := chosen.FRender(&out, bindings); err != nil {
		return "", fmt.Errorf("rendering a template: %w", err)
	}
	if out.overflow {
		return "", ErrTooLong
	}
	return out.String(), nil
}

// bind turns values by dotted names into the nested maps that Liquid reads.
func (t *Template) bind(values map[string]any) (liquid.Bindings, error) {
	root := make(map[string]any)
	for _, name := range t.fields {
		value, err := scalar(values[name])
		if err != nil {
			return nil, fmt.Errorf("the value of %s: %w", name, err)
		}
		group, parts := root, strings.Split(name, ".")
		for _, part := range parts[:len(parts)-1] {
			inner, ok := group[part].(map[string]any)
			if !ok {
				inner = make(map[string]any)
				group[part] = inner
			}
			group = inner
		}
		group[parts[len(parts)-1]] = value
	}
	return root, nil
}

func scalar(value any) (any, error) {
	switch value := value.(type) {
	case nil, bool, int, int32, int64, float64, time.Time:
		return value, nil
	case string:
		return cut(strings.ToValidUTF8(value, "\uFFFD"), MaxValue), nil
	}
	return nil, fmt.Errorf("a %T is no string, boolean, number or time", value)
}

// limited collects output up to MaxOutput and drops what comes after.
type limited struct {
	strings.Builder
	overflow bool
}

func (l *limited) Write(p []byte) (int, error) {
	if l.Len()+len(p) > MaxOutput {
		l.overflow = true
		return len(p), nil
	}
	return l.Builder.Write(p)
}

// tokens cuts a template into text, objects and tags.
func tokens(source string) []parser.Token {
	return parser.Scan(source, parser.SourceLoc{LineNo: 1}, nil)
}

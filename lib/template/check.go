package template

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/osteele/liquid/parser"
)

// maxFilters bounds the filters of one expression: each may lengthen a value.
const maxFilters = 10

// The tags that may be used. Liquid has more; see the package's comment.
var tags = []string{
	"if", "elsif", "else", "endif", "unless", "endunless", "case", "when", "endcase", "comment", "endcomment",
}

// words of an expression that are no fields.
var words = []string{"true", "false", "nil", "and", "or", "contains"}

// checker walks over a template's source before Liquid sees it.
type checker struct {
	fields []string
	used   []string
	source string
}

// rewrite checks every object and tag, and gives the template twice: each
// object ends in the filter that writes it as plain text or as HTML, so that no
// author can forget to escape.
func (c *checker) rewrite(source string) (plain, html string, err error) {
	c.source = source
	var p, h strings.Builder
	offset := 0
	for _, token := range tokens(source) {
		at := offset
		offset += len(token.Source)
		switch token.Type {
		case parser.TextTokenType:
			if open := strings.Index(token.Source, "{{"); open >= 0 {
				return "", "", c.fault(at+open, "", "{{ is not closed by }}")
			}
			if open := strings.Index(token.Source, "{%"); open >= 0 {
				return "", "", c.fault(at+open, "", "{%% is not closed by %%}, or holds no tag")
			}
		case parser.TagTokenType:
			if !slices.Contains(tags, token.Name) {
				return "", "", c.fault(at, token.Name, "the tag %q is not available: use if, unless, case or comment", token.Name)
			}
			if err := c.expression(token.Args, at+strings.LastIndex(token.Source, token.Args)); err != nil {
				return "", "", err
			}
		case parser.ObjTokenType:
			// Args are a part of the source, the first one behind its braces.
			inside := strings.Index(token.Source[2:], token.Args) + 2
			if err := c.expression(token.Args, at+inside); err != nil {
				return "", "", err
			}
			before, after := token.Source[:inside], token.Source[inside+len(token.Args):]
			p.WriteString(before + "(" + token.Args + ") | " + asPlain + after)
			h.WriteString(before + "(" + token.Args + ") | " + asHTML + after)
			continue
		}
		p.WriteString(token.Source)
		h.WriteString(token.Source)
	}
	slices.Sort(c.used)
	c.used = slices.Compact(c.used)
	return p.String(), h.String(), nil
}

// lexeme matches the next piece of an expression: a string, a field or word, a
// number, or one sign.
var lexeme = regexp.MustCompile(`^(?:"[^"]*"|'[^']*'|[A-Za-z_][A-Za-z0-9_?-]*(?:\.[A-Za-z_][A-Za-z0-9_?-]*)*|-?[0-9]+(?:\.[0-9]+)?|[=!<>]=|[<>|:,()])`)

// expression checks the names in one expression; whether it is well formed is
// left to Liquid's own parser.
func (c *checker) expression(text string, at int) error {
	filterNext, filters, open := false, 0, 0
	for i := 0; i < len(text); {
		if strings.IndexByte(" \t\r\n", text[i]) >= 0 {
			i++
			continue
		}
		piece := lexeme.FindString(text[i:])
		switch {
		case piece == "":
			sign, _ := utf8.DecodeRuneInString(text[i:])
			return c.fault(at+i, "", "%q means nothing here", sign)
		case piece == "(":
			open++
		case piece == ")":
			// The rewritten object stands in brackets that none may close.
			if open--; open < 0 {
				return c.fault(at+i, "", "this bracket was never opened")
			}
		case piece == "|":
			filterNext = true
			if filters++; filters > maxFilters {
				return c.fault(at+i, "", "there are more than %d filters in one expression", maxFilters)
			}
		case isName(piece[0]):
			if err := c.name(piece, filterNext, at+i); err != nil {
				return err
			}
			filterNext = false
		case len(piece) > 18 && piece[0] != '"' && piece[0] != '\'':
			return c.fault(at+i, "", "the number is too long")
		}
		i += len(piece)
	}
	if open > 0 {
		return c.fault(at+len(text), "", "a bracket is not closed")
	}
	return nil
}

func (c *checker) name(name string, filter bool, at int) error {
	switch {
	case filter:
		if !slices.Contains(filterNames, name) {
			return c.fault(at, name, "there is no filter %q: use %s", name, strings.Join(filterNames, ", "))
		}
	case slices.Contains(words, name):
	case slices.Contains(c.fields, name):
		c.used = append(c.used, name)
	default:
		return c.fault(at, name, "there is no field %q", name)
	}
	return nil
}

func isName(b byte) bool {
	return 'a' <= b && b <= 'z' || 'A' <= b && b <= 'Z' || b == '_'
}

func (c *checker) fault(offset int, name, reason string, args ...any) *Error {
	before := c.source[:min(offset, len(c.source))]
	start := strings.LastIndexByte(before, '\n') + 1
	return &Error{
		Line: strings.Count(before, "\n") + 1, Column: utf8.RuneCountInString(before[start:]) + 1,
		Name: name, Reason: fmt.Sprintf(reason, args...),
	}
}

package rules

import (
	"errors"
	"fmt"
	"maps"
	"regexp"
	"regexp/syntax"
	"slices"
	"strconv"
	"strings"
)

// Limits of one rule, checked when it is compiled.
const (
	MaxSource = 1 << 10 // bytes of all texts of a rule's condition
	MaxDepth  = 50      // of conditions within conditions
	MaxSteps  = 10_000  // instructions of a rule's patterns together
)

// Error says what is wrong with a rule and where.
type Error struct {
	Rule   string // id; empty if the rule has none
	Path   string // of the faulty part, as "when.all[2].text"
	Offset int    // byte of that part's text at which the fault is, 0 for the part as a whole
	Reason string
}

func (e *Error) Error() string {
	return fmt.Sprintf("rule %q: %s at byte %d: %s", e.Rule, e.Path, e.Offset, e.Reason)
}

// Set is a list of rules made ready to run.
type Set struct {
	rules  []compiled
	filter *filter
}

type compiled struct {
	Rule
	when node // nil: always
}

func (r compiled) appliesTo(m *message) bool {
	return r.Enabled &&
		(len(r.EntryPoints) == 0 || slices.Contains(r.EntryPoints, m.in.EntryPoint)) &&
		(len(r.Languages) == 0 || slices.Contains(r.Languages, m.language))
}

// Compile makes a Set of rules in their order, disabled ones included, so that
// what is stored can always be enabled. All faulty rules are reported: the
// error joins one *Error each.
func Compile(rules []Rule) (*Set, error) {
	s := &Set{filter: newFilter()}
	var errs []error
	seen := make(map[string]bool)
	for _, r := range rules {
		c := compiler{filter: s.filter}
		when, err := c.rule(r)
		if err == nil && seen[r.ID] {
			err = c.fault("id", 0, "another rule has this id")
		}
		seen[r.ID] = true
		if err != nil {
			err.Rule = r.ID
			errs = append(errs, err)
			continue
		}
		s.rules = append(s.rules, compiled{r, when})
	}
	if len(errs) > 0 {
		return nil, errors.Join(errs...)
	}
	return s, nil
}

// compiler compiles one rule and keeps count of what it costs.
type compiler struct {
	filter *filter
	source int
	steps  int
}

func (c *compiler) fault(path string, offset int, reason string, args ...any) *Error {
	return &Error{Path: path, Offset: offset, Reason: fmt.Sprintf(reason, args...)}
}

func (c *compiler) rule(r Rule) (node, *Error) {
	if r.ID == "" {
		return nil, c.fault("id", 0, "a rule needs an id")
	}
	for _, key := range slices.Sorted(maps.Keys(r.Then.Attach)) {
		if !dataKey.MatchString(key) {
			return nil, c.fault("then.attach", 0, "%q is no name for attached data: 1 to 64 letters, digits and _.-", cut(key, 64))
		}
	}
	if r.Expression == "" {
		return c.condition(&r.When, "when", 1)
	}
	if !r.When.empty() {
		return nil, c.fault("expression", 0, "a rule has either an expression or when, not both")
	}
	return c.expression(r.Expression)
}

var dataKey = regexp.MustCompile(`^[A-Za-z0-9_.-]{1,64}$`)

func (c *compiler) condition(cond *Condition, path string, depth int) (node, *Error) {
	if depth > MaxDepth {
		return nil, c.fault(path, 0, "conditions are nested deeper than %d", MaxDepth)
	}
	kinds := 0
	for _, there := range []bool{cond.All != nil, cond.Any != nil, cond.Not != nil, cond.Field != "" || cond.Op != ""} {
		if there {
			kinds++
		}
	}
	switch {
	case kinds == 0 && depth == 1 && cond.Text == "":
		return nil, nil
	case kinds != 1:
		return nil, c.fault(path, 0, "want exactly one of all, any, not, or field with op; found %d", kinds)
	case cond.Not != nil:
		inner, err := c.condition(cond.Not, path+".not", depth+1)
		return noneOf{inner}, err
	case cond.All != nil:
		inner, err := c.list(cond.All, path+".all", depth)
		return allOf(inner), err
	case cond.Any != nil:
		inner, err := c.list(cond.Any, path+".any", depth)
		return anyOf(inner), err
	}
	return c.comparison(cond, path)
}

func (c *compiler) list(conds []Condition, path string, depth int) ([]node, *Error) {
	if len(conds) == 0 {
		return nil, c.fault(path, 0, "the list is empty")
	}
	var nodes []node
	for i := range conds {
		n, err := c.condition(&conds[i], path+"["+strconv.Itoa(i)+"]", depth+1)
		if err != nil {
			return nil, err
		}
		nodes = append(nodes, n)
	}
	return nodes, nil
}

func (c *compiler) comparison(cond *Condition, path string) (node, *Error) {
	before := c.source
	c.source += len(cond.Field) + len(cond.Text)
	for key, name := range cond.Attach {
		c.source += len(key) + len(name)
	}
	if c.source > MaxSource {
		return nil, c.fault(path, max(0, MaxSource-before), "the texts of the condition are longer than %d bytes together", MaxSource)
	}
	f, err := parseField(cond.Field)
	if err != nil {
		return nil, c.fault(path+".field", 0, "%s", err.Error())
	}
	if cond.Attach != nil && cond.Op != RegexFind {
		return nil, c.fault(path+".attach", 0, "only regex_find attaches data")
	}
	if cond.Op == Exists {
		if cond.Text != "" {
			return nil, c.fault(path+".text", 0, "exists compares with no text")
		}
		return exists{f}, nil
	}
	if cond.Text == "" && cond.Op != Equals {
		return nil, c.fault(path+".text", 0, "the text is empty")
	}
	switch cond.Op {
	case Find:
		return find{f, cond.Text, cond.MatchCase, c.filter.add(fold(cond.Text))}, nil
	case Equals:
		return equals{f, cond.Text, cond.MatchCase}, nil
	case RegexFind, RegexMatch:
		return c.pattern(cond, f, path)
	}
	return nil, c.fault(path+".op", 0, "there is no comparison %q: want find, equals, regex_find, regex_match or exists", cut(string(cond.Op), 64))
}

func (c *compiler) pattern(cond *Condition, f field, path string) (node, *Error) {
	// As it is written, first: what is put around it must not mend a fault.
	if _, err := syntax.Parse(cond.Text, syntax.Perl); err != nil {
		return nil, c.patternFault(err, cond.Text, path)
	}
	source := cond.Text
	if cond.Op == RegexMatch {
		source = `\A(?:` + source + `)\z`
	}
	if !cond.MatchCase {
		source = `(?i:` + source + `)`
	}
	tree, err := syntax.Parse(source, syntax.Perl)
	if err != nil {
		return nil, c.patternFault(err, cond.Text, path)
	}
	program, err := syntax.Compile(tree.Simplify())
	if err != nil {
		return nil, c.patternFault(err, cond.Text, path)
	}
	if c.steps += len(program.Inst); c.steps > MaxSteps {
		return nil, c.fault(path+".text", 0, "the rule's patterns need more than %d steps", MaxSteps)
	}
	re, err := regexp.Compile(source)
	if err != nil {
		return nil, c.patternFault(err, cond.Text, path)
	}
	p := pattern{field: f, regexp: re}
	for _, text := range required(tree) {
		p.needs = append(p.needs, c.filter.add(text))
	}
	if cond.Op == RegexMatch {
		return p, nil
	}
	groups, fault := c.groups(cond, re, path)
	p.groups = groups
	return p, fault
}

// groups resolves which groups become data: named ones under their own name,
// and those that attach lists.
func (c *compiler) groups(cond *Condition, re *regexp.Regexp, path string) (groups []group, fault *Error) {
	for number, name := range re.SubexpNames() {
		if name == "" {
			continue
		}
		if !dataKey.MatchString(name) {
			return nil, c.fault(path+".text", 0, "the group's name %q is longer than 64 characters", cut(name, 16)+"…")
		}
		groups = append(groups, group{number, name})
	}
	for _, key := range slices.Sorted(maps.Keys(cond.Attach)) {
		name := cond.Attach[key]
		if !dataKey.MatchString(key) {
			return nil, c.fault(path+".attach", 0, "%q is no name for attached data: 1 to 64 letters, digits and _.-", cut(key, 64))
		}
		number := re.SubexpIndex(name)
		if n, err := strconv.Atoi(name); err == nil {
			number = n
		}
		if number < 0 || number > re.NumSubexp() {
			return nil, c.fault(path+".attach."+key, 0, "the pattern has no group %q", cut(name, 64))
		}
		groups = append(groups, group{number, key})
	}
	return groups, nil
}

// patternFault finds the place that the regular expression parser complains of.
func (c *compiler) patternFault(err error, text, path string) *Error {
	reason, offset := err.Error(), 0
	var syntaxError *syntax.Error
	if errors.As(err, &syntaxError) {
		reason = syntaxError.Code.String()
		if at := strings.LastIndex(text, syntaxError.Expr); at >= 0 {
			offset = at
		}
	}
	return c.fault(path+".text", offset, "%s", reason)
}

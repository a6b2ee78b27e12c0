package rules

import (
	"strings"
	"unicode/utf8"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/operators"
	"cel.dev/cel-go/common/types"
)

// expression compiles a condition that is written in CEL. What is comparisons joined by and, or and not becomes the same nodes as the plain form; any
// other is run by CEL, with its comparisons compiled all the same.
func (c *compiler) expression(source string) (node, *Error) {
	const path = "expression"
	if len(source) > MaxSource {
		return nil, c.fault(path, MaxSource, "the expression is longer than %d bytes", MaxSource)
	}
	env, err := environment()
	if err != nil {
		return nil, c.fault(path, 0, "%s", err.Error())
	}
	parsed, issues := env.Parse(source)
	if issues.Err() != nil {
		return nil, c.issue(source, issues)
	}
	w := &walker{c: c, source: source, info: parsed.NativeRep().SourceInfo()}
	if fault := w.depth(parsed.NativeRep().Expr(), 1); fault != nil {
		return nil, fault
	}
	checked, issues := env.Check(parsed)
	if issues.Err() != nil {
		return nil, c.issue(source, issues)
	}
	if !checked.OutputType().IsExactType(cel.BoolType) {
		return nil, c.fault(path, 0, "the expression gives a %s, want true or false", checked.OutputType())
	}
	n, fault := w.node(checked.NativeRep().Expr())
	if fault != nil || n != nil {
		return n, fault
	}
	return w.program(env, checked)
}

// issue turns what CEL complains of into a fault with its place.
func (c *compiler) issue(source string, issues *cel.Issues) *Error {
	first := issues.Errors()[0]
	return c.fault("expression", byteOf(source, first.Location.Line(), first.Location.Column()), "%s", first.Message)
}

// byteOf gives the byte at a line, counted from 1, and a column in characters, counted from 0.
func byteOf(source string, line, column int) int {
	at := 0
	for ; line > 1; line-- {
		end := strings.IndexByte(source[at:], '\n')
		if end < 0 {
			break
		}
		at += end + 1
	}
	for ; column > 0 && at < len(source); column-- {
		_, size := utf8.DecodeRuneInString(source[at:])
		at += size
	}
	return at
}

// walker goes through one expression.
type walker struct {
	c      *compiler
	source string
	info   *ast.SourceInfo
	leaves map[leaf]node // of an expression that CEL runs
}

func (w *walker) place(e ast.Expr) int {
	at := w.info.GetStartLocation(e.ID())
	return byteOf(w.source, at.Line(), at.Column())
}

func (w *walker) fault(e ast.Expr, reason string, args ...any) *Error {
	return w.c.fault("expression", w.place(e), reason, args...)
}

// depth refuses what is nested too deep, with the place at which it becomes so.
func (w *walker) depth(e ast.Expr, depth int) *Error {
	if depth > MaxDepth {
		return w.fault(e, "the expression is nested deeper than %d", MaxDepth)
	}
	for _, child := range children(e) {
		if fault := w.depth(child, depth+1); fault != nil {
			return fault
		}
	}
	return nil
}

func children(e ast.Expr) (list []ast.Expr) {
	switch e.Kind() {
	case ast.CallKind:
		call := e.AsCall()
		if call.IsMemberFunction() {
			list = append(list, call.Target())
		}
		return append(list, call.Args()...)
	case ast.SelectKind:
		return []ast.Expr{e.AsSelect().Operand()}
	case ast.ListKind:
		return e.AsList().Elements()
	case ast.MapKind:
		for _, entry := range e.AsMap().Entries() {
			list = append(list, entry.AsMapEntry().Key(), entry.AsMapEntry().Value())
		}
	}
	return list
}

// node translates an expression of comparisons, and, or and not; nil without a fault where there is something else in it.
func (w *walker) node(e ast.Expr) (node, *Error) {
	if e.Kind() != ast.CallKind {
		return nil, nil
	}
	call := e.AsCall()
	switch call.FunctionName() {
	case operators.LogicalNot:
		inner, fault := w.node(call.Args()[0])
		if inner == nil || fault != nil {
			return nil, fault
		}
		return noneOf{inner}, nil
	case operators.LogicalAnd, operators.LogicalOr:
		var parts []node
		for _, arg := range call.Args() {
			n, fault := w.node(arg)
			if n == nil || fault != nil {
				return nil, fault
			}
			parts = append(parts, n)
		}
		if call.FunctionName() == operators.LogicalAnd {
			return allOf(parts), nil
		}
		return anyOf(parts), nil
	}
	n, _, fault := w.comparison(e)
	return n, fault
}

// comparison compiles a call with fixed texts; nil without a fault for any other.
func (w *walker) comparison(e ast.Expr) (node, leaf, *Error) {
	call := e.AsCall()
	op, ok := comparisons[call.FunctionName()]
	if !ok || !call.IsMemberFunction() {
		return nil, leaf{}, nil
	}
	name, fixed := fieldName(call.Target())
	cond := &Condition{Field: name, Op: op}
	for _, arg := range call.Args() {
		fixed = fixedInto(cond, arg) && fixed
	}
	if !fixed {
		if op == RegexFind || op == RegexMatch {
			return nil, leaf{}, w.fault(e, "a pattern and its field are written as they are, not worked out")
		}
		return nil, leaf{}, nil
	}
	n, fault := w.c.comparison(cond, "expression")
	if fault != nil {
		return nil, leaf{}, w.c.fault("expression", w.place(e), "%s", fault.Reason)
	}
	f, err := parseField(name)
	if err != nil {
		return nil, leaf{}, w.fault(e, "%s", err.Error())
	}
	return n, leafOf(f, cond), nil
}

// fixedInto puts a fixed argument into the condition; false for one that is worked out.
func fixedInto(c *Condition, arg ast.Expr) bool {
	switch arg.Kind() {
	case ast.LiteralKind:
		switch value := arg.AsLiteral().(type) {
		case types.String:
			c.Text = string(value)
			return true
		case types.Bool:
			c.MatchCase = bool(value)
			return true
		}
	case ast.MapKind:
		c.Attach = map[string]string{}
		for _, entry := range arg.AsMap().Entries() {
			key, ok := fixedText(entry.AsMapEntry().Key())
			value, valueOK := fixedText(entry.AsMapEntry().Value())
			if !ok || !valueOK {
				return false
			}
			c.Attach[key] = value
		}
		return true
	}
	return false
}

func fixedText(e ast.Expr) (string, bool) {
	if e.Kind() != ast.LiteralKind {
		return "", false
	}
	text, ok := e.AsLiteral().(types.String)
	return string(text), ok
}

// fieldName gives the plain form's name of a field that is written as it is: body, header["x-spam"], auth.spf.
func fieldName(e ast.Expr) (string, bool) {
	switch e.Kind() {
	case ast.IdentKind:
		name := e.AsIdent()
		if rest, ok := strings.CutPrefix(name, "attachment_"); ok {
			name = "attachment." + rest
		}
		return name, plainFields[name]
	case ast.SelectKind:
		of, ok := fieldName(e.AsSelect().Operand())
		return of + "." + e.AsSelect().FieldName(), !ok && of != ""
	case ast.CallKind:
		if call := e.AsCall(); call.FunctionName() == operators.Index && call.Args()[0].Kind() == ast.IdentKind {
			key, ok := fixedText(call.Args()[1])
			return call.Args()[0].AsIdent() + "." + key, ok
		}
	}
	return "", false
}

// program makes an expression ready to be run by CEL, within bounds that are known beforehand.
func (w *walker) program(env *cel.Env, checked *cel.Ast) (node, *Error) {
	w.leaves = map[leaf]node{}
	if fault := w.collect(checked.NativeRep().Expr()); fault != nil {
		return nil, fault
	}
	estimate, err := env.EstimateCost(checked, costs{})
	if err != nil {
		return nil, w.c.fault("expression", 0, "%s", err.Error())
	}
	if estimate.Max > uint64(MaxSteps-w.c.steps) {
		return nil, w.c.fault("expression", 0, "the rule may need more than %d steps", MaxSteps)
	}
	w.c.steps += int(estimate.Max)
	ready, err := env.Program(checked, cel.EvalOptions(cel.OptOptimize))
	if err != nil {
		return nil, w.c.fault("expression", 0, "%s", err.Error())
	}
	return evaluated{ready, w.leaves}, nil
}

// collect compiles the comparisons with fixed texts.
func (w *walker) collect(e ast.Expr) *Error {
	if e.Kind() == ast.CallKind {
		n, l, fault := w.comparison(e)
		if fault != nil {
			return fault
		}
		if n != nil {
			w.leaves[l] = n
			return nil
		}
	}
	for _, child := range children(e) {
		if fault := w.collect(child); fault != nil {
			return fault
		}
	}
	return nil
}

// evaluated is a condition that CEL runs.
type evaluated struct {
	program cel.Program
	leaves  map[leaf]node
}

// holds is false for an expression that ends in an error, such as a division by 0.
func (e evaluated) holds(m *message) bool {
	before := m.leaves
	m.leaves = e.leaves
	defer func() { m.leaves = before }()
	result, _, err := e.program.Eval(cel.Activation(m))
	return err == nil && result == types.True
}

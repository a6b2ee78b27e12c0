package rules

import (
	"sort"
	"strconv"
	"strings"
	"sync"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/cost"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"cel.dev/cel-go/common/types/traits"
)

// environment is the language of expressions: CEL without loops, with the fields of a message as variables and their comparisons as functions.
//
//	subject.find("invoice") && !sender.regexMatch(".*@ours\\.example")
//	body.regexFind("order (?P<order>\\d+)") && auth["spf"].equals("pass")
//	data.attach("team", subject.choose({"invoice": "billing", "parcel": "delivery"}, "general"))
var environment = sync.OnceValues(func() (*cel.Env, error) {
	options := []cel.EnvOption{cel.ClearMacros(), cel.ParserRecursionLimit(4 * MaxDepth), cel.ParserExpressionSizeLimit(MaxSource)}
	for name := range plainFields {
		options = append(options, cel.Variable(strings.Replace(name, ".", "_", 1), fieldType))
	}
	for _, name := range []string{"header", "data", "auth"} {
		options = append(options, cel.Variable(name, fieldsType))
	}
	text, truth := cel.StringType, cel.BoolType
	choices := cel.MapType(text, text)
	options = append(options,
		cel.Function(nameFind, method("find", []*cel.Type{text}, truth, compare(Find)), method("find_case", []*cel.Type{text, truth}, truth, compare(Find))),
		cel.Function(nameEquals, method("equals", []*cel.Type{text}, truth, compare(Equals)), method("equals_case", []*cel.Type{text, truth}, truth, compare(Equals))),
		cel.Function(nameRegexFind, method("regex_find", []*cel.Type{text}, truth, compare(RegexFind)),
			method("regex_find_case", []*cel.Type{text, truth}, truth, compare(RegexFind)),
			method("regex_find_attach", []*cel.Type{text, choices}, truth, compare(RegexFind)),
			method("regex_find_attach_case", []*cel.Type{text, choices, truth}, truth, compare(RegexFind))),
		cel.Function(nameRegexMatch, method("regex_match", []*cel.Type{text}, truth, compare(RegexMatch)),
			method("regex_match_case", []*cel.Type{text, truth}, truth, compare(RegexMatch))),
		cel.Function(nameExists, method("exists", nil, truth, compare(Exists))),
		cel.Function("value", method("value", nil, text, func(args ...ref.Val) ref.Val { return types.String(args[0].(fieldValue).first()) })),
		cel.Function("choose", method("choose", []*cel.Type{choices, text}, text, choose)),
		cel.Function("attach", cel.MemberOverload("data_attach", []*cel.Type{fieldsType, text, text}, truth, cel.FunctionBinding(attach))),
	)
	return cel.NewEnv(options...)
})

// The comparisons, as functions of a field.
const (
	nameFind       = "find"
	nameEquals     = "equals"
	nameRegexFind  = "regexFind"
	nameRegexMatch = "regexMatch"
	nameExists     = "exists"
)

// comparisons are the functions that are comparisons of the plain form too.
var comparisons = map[string]Op{nameFind: Find, nameEquals: Equals, nameRegexFind: RegexFind, nameRegexMatch: RegexMatch, nameExists: Exists}

func method(name string, args []*cel.Type, result *cel.Type, do func(...ref.Val) ref.Val) cel.FunctionOpt {
	return cel.MemberOverload("field_"+name, append([]*cel.Type{fieldType}, args...), result, cel.FunctionBinding(do))
}

// leaf is a comparison as an expression writes it: what was compiled for it is found by this.
type leaf struct {
	field     field
	op        Op
	text      string
	matchCase bool
	attach    string
}

func leafOf(f field, c *Condition) leaf {
	keys := make([]string, 0, len(c.Attach))
	for key, group := range c.Attach {
		keys = append(keys, strconv.Quote(key)+"="+strconv.Quote(group))
	}
	sort.Strings(keys)
	return leaf{f, c.Op, c.Text, c.MatchCase, strings.Join(keys, ",")}
}

// compare runs a comparison within an expression that is more than comparisons joined by and, or and not. Those with fixed texts were compiled with the
// rule; others only look for texts, patterns are never made of what a message says.
func compare(op Op) func(...ref.Val) ref.Val {
	return func(args ...ref.Val) ref.Val {
		v := args[0].(fieldValue)
		c := Condition{Op: op}
		for _, arg := range args[1:] {
			switch arg := arg.(type) {
			case types.String:
				c.Text = string(arg)
			case types.Bool:
				c.MatchCase = bool(arg)
			case traits.Mapper:
				c.Attach = texts(arg)
			}
		}
		if n, ok := v.m.leaves[leafOf(v.f, &c)]; ok {
			return types.Bool(n.holds(v.m))
		}
		switch op {
		case Find:
			return types.Bool(find{v.f, c.Text, c.MatchCase, literal{fold(c.Text), none}}.holds(v.m))
		case Equals:
			return types.Bool(equals{v.f, c.Text, c.MatchCase}.holds(v.m))
		case Exists:
			return types.Bool(exists{v.f}.holds(v.m))
		}
		return types.NewErr("a pattern is written into the rule, not worked out")
	}
}

// texts turns a map of texts into one of Go.
func texts(m traits.Mapper) map[string]string {
	out := make(map[string]string)
	for it := m.Iterator(); it.HasNext() == types.True; {
		key := it.Next()
		value, _ := m.Get(key).(types.String)
		name, _ := key.(types.String)
		out[string(name)] = string(value)
	}
	return out
}

// choose is the case switch: the value of the first key, in the order of the alphabet, that stands in the field; otherwise the last argument.
func choose(args ...ref.Val) ref.Val {
	v, cases := args[0].(fieldValue), texts(args[1].(traits.Mapper))
	keys := make([]string, 0, len(cases))
	for key := range cases {
		keys = append(keys, key)
	}
	sort.Strings(keys)
	for _, key := range keys {
		if (find{v.f, key, false, literal{fold(key), none}}).holds(v.m) {
			return types.String(cases[key])
		}
	}
	return args[2]
}

// attach notes data that count if the whole condition holds. It always holds itself.
func attach(args ...ref.Val) ref.Val {
	fields, ok := args[0].(fieldsValue)
	key, value := string(args[1].(types.String)), string(args[2].(types.String))
	switch {
	case !ok || fields.kind != "data":
		return types.NewErr("attach is for data")
	case !dataKey.MatchString(key):
		return types.NewErr("%q is no name for attached data", cut(key, 64))
	}
	fields.m.captured = append(fields.m.captured, captured{key, cut(value, maxCaptured)})
	return types.True
}

// costs tells the compiler what it cannot know of functions: how long a text of a field is, and what a comparison costs, which is looked up and not worked out.
type costs struct{}

// EstimateSize knows nothing of nodes that are not calls.
func (costs) EstimateSize(cost.AstNode) *cost.SizeEstimate { return nil }

// EstimateCallCost prices the field's functions.
func (costs) EstimateCallCost(function, _ string, _ *cost.AstNode, _ []cost.AstNode) *cost.CallEstimate {
	switch {
	case comparisons[function] != "" || function == "attach":
		return cost.NewCallEstimate(cost.FixedCostEstimate(1), nil)
	case function == "value" || function == "choose":
		return cost.NewCallEstimate(cost.FixedCostEstimate(10), &cost.SizeEstimate{Max: maxValue})
	}
	return nil
}

package rules

import (
	"fmt"
	"reflect"
	"strings"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"cel.dev/cel-go/common/types/traits"
)

// This file is what an expression sees of a message: fields such as body, and maps of fields such as header. A field holds no text by itself; it
// knows the message, which looks things up once for all rules.

var (
	fieldType  = cel.ObjectType("parley.Field")
	fieldsType = cel.MapType(cel.StringType, fieldType)
)

// maxValue is how much of a field becomes a text of the expression's own; comparisons look at all of it.
const maxValue = 4 << 10

// fieldValue is one field of one message.
type fieldValue struct {
	m *message
	f field
}

// ConvertToNative refuses: a field is for comparisons only.
func (v fieldValue) ConvertToNative(t reflect.Type) (any, error) {
	return nil, fmt.Errorf("a field is no %v", t)
}

// ConvertToType gives the field's type, and nothing else.
func (v fieldValue) ConvertToType(t ref.Type) ref.Val {
	if t == types.TypeType {
		return fieldType
	}
	return types.NewErr("a field is no %s; write value() behind it", t.TypeName())
}

// Equal compares which fields they are.
func (v fieldValue) Equal(other ref.Val) ref.Val {
	o, ok := other.(fieldValue)
	return types.Bool(ok && o == v)
}

// Type is the type of all fields.
func (v fieldValue) Type() ref.Type { return fieldType }

// Value is the field itself.
func (v fieldValue) Value() any { return v }

// first gives the field's first value, cut to maxValue.
func (v fieldValue) first() string {
	for _, value := range v.m.values(v.f) {
		return strings.ToValidUTF8(cut(value.text, maxValue), "\uFFFD")
	}
	return ""
}

// fieldsValue is a map of fields by name: header, data or auth. Every name is there; what the message does not have is an empty field.
type fieldsValue struct {
	m    *message
	kind string
}

// ConvertToNative refuses: such a map is for looking up only.
func (v fieldsValue) ConvertToNative(t reflect.Type) (any, error) {
	return nil, fmt.Errorf("%s is no %v", v.kind, t)
}

// ConvertToType gives the map's type, and nothing else.
func (v fieldsValue) ConvertToType(t ref.Type) ref.Val {
	if t == types.TypeType {
		return types.MapType
	}
	return types.NewErr("%s is no %s", v.kind, t.TypeName())
}

// Equal compares which maps they are.
func (v fieldsValue) Equal(other ref.Val) ref.Val {
	o, ok := other.(fieldsValue)
	return types.Bool(ok && o == v)
}

// Type is that of maps.
func (v fieldsValue) Type() ref.Type { return types.MapType }

// Value is the map itself.
func (v fieldsValue) Value() any { return v }

// Contains reports whether the message has a value under the name.
func (v fieldsValue) Contains(key ref.Val) ref.Val {
	found, ok := v.Find(key)
	if !ok {
		return types.False
	}
	field, _ := found.(fieldValue)
	return types.Bool(exists{field.f}.holds(v.m))
}

// Get gives the field of that name.
func (v fieldsValue) Get(key ref.Val) ref.Val {
	found, ok := v.Find(key)
	if !ok {
		return types.NewErr("%s is looked up by a name", v.kind)
	}
	return found
}

// Find gives the field of that name.
func (v fieldsValue) Find(key ref.Val) (ref.Val, bool) {
	name, ok := key.(types.String)
	if !ok {
		return nil, false
	}
	f, err := parseField(v.kind + "." + string(name))
	if err != nil {
		return nil, false
	}
	return fieldValue{v.m, f}, true
}

// Size is not told: names are for looking up.
func (v fieldsValue) Size() ref.Val { return types.IntZero }

// Iterator walks over nothing: expressions have no loops.
func (v fieldsValue) Iterator() traits.Iterator {
	return types.NewStringList(types.DefaultTypeAdapter, nil).Iterator()
}

// ResolveName gives an expression's variables: a field, or a map of fields.
func (m *message) ResolveName(name string) (any, bool) {
	switch name {
	case "header", "data", "auth":
		return fieldsValue{m, name}, true
	case "attachment_name", "attachment_type":
		return fieldValue{m, field{kind: strings.Replace(name, "_", ".", 1)}}, true
	}
	if plainFields[name] {
		return fieldValue{m, field{kind: name}}, true
	}
	return nil, false
}

// Parent is nil: there are no names beside the message's.
func (m *message) Parent() cel.Activation { return nil }

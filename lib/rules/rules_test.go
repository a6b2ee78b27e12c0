package rules

import (
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.yaml.in/yaml/v3"
	"pgregory.net/rapid"
)

func compile(t testing.TB, rules ...Rule) *Set {
	t.Helper()
	s, err := Compile(rules)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

var mail = Input{
	Subject:     "Order 48213 – Größe falsch",
	Body:        "Hello,\nmy ORDER 48213 never came.\nRegards, Zoë\n",
	Sender:      "zoe@mail.example",
	Recipients:  []string{"sales@shop.example", "support@shop.example"},
	Headers:     map[string][]string{"X-Priority": {"1"}, "Received": {"from a", "from b"}},
	Attachments: []Attachment{{"photo.JPG", "image/jpeg"}, {"bill.pdf", "application/pdf"}},
	Language:    "en",
	EntryPoint:  "support",
	Data:        map[string]string{"tier": "gold", "Case": "Mixed"},
	Auth:        map[string]string{"spf": "pass", "DMARC": "fail"},
}

func TestConditions(t *testing.T) {
	no := func(c Condition) *Condition { return &c }
	is := Condition{Field: "sender", Op: Exists}
	tests := []struct {
		name string
		when Condition
		want bool
	}{
		{"empty", Condition{}, true},
		{"find without case", Condition{Field: "body", Op: Find, Text: "my order"}, true},
		{"find with case, wrong", Condition{Field: "body", Op: Find, Text: "my order", MatchCase: true}, false},
		{"find with case, right", Condition{Field: "body", Op: Find, Text: "my ORDER", MatchCase: true}, true},
		{"find two letters", Condition{Field: "body", Op: Find, Text: "MY"}, true},
		{"find beyond ASCII without case", Condition{Field: "subject", Op: Find, Text: "GRÖßE"}, true},
		{"find in subject or body", Condition{Field: "text", Op: Find, Text: "falsch\nhello"}, true},
		{"find in what is not there", Condition{Field: "data.none", Op: Find, Text: "abc"}, false},
		{"equals without case", Condition{Field: "sender", Op: Equals, Text: "ZOE@mail.example"}, true},
		{"equals with case", Condition{Field: "sender", Op: Equals, Text: "ZOE@mail.example", MatchCase: true}, false},
		{"equals is no find", Condition{Field: "sender", Op: Equals, Text: "zoe"}, false},
		{"second of several values", Condition{Field: "recipients", Op: Equals, Text: "support@shop.example"}, true},
		{"second header of a name", Condition{Field: "header.received", Op: Equals, Text: "from b"}, true},
		{"header in another case", Condition{Field: "header.X-PRIORITY", Op: Equals, Text: "1"}, true},
		{"attachment name", Condition{Field: "attachment.name", Op: RegexMatch, Text: `.*\.(jpe?g|png)`}, true},
		{"attachment type", Condition{Field: "attachment.type", Op: Equals, Text: "application/pdf"}, true},
		{"data", Condition{Field: "data.tier", Op: Equals, Text: "gold"}, true},
		{"data keys have case", Condition{Field: "data.case", Op: Exists}, false},
		{"authentication result", Condition{Field: "auth.dmarc", Op: Equals, Text: "fail"}, true},
		{"language", Condition{Field: "language", Op: Equals, Text: "en"}, true},
		{"entry point", Condition{Field: "entry_point", Op: Equals, Text: "sales"}, false},
		{"regex find", Condition{Field: "subject", Op: RegexFind, Text: `order\s+\d+`}, true},
		{"regex match is of the whole", Condition{Field: "subject", Op: RegexMatch, Text: `order\s+\d+`}, false},
		{"regex match whole", Condition{Field: "header.x-priority", Op: RegexMatch, Text: `1|2`}, true},
		{"regex match: alternatives are of the whole", Condition{Field: "sender", Op: RegexMatch, Text: `zoe|nobody`}, false},
		{"regex with case", Condition{Field: "body", Op: RegexFind, Text: `hello`, MatchCase: true}, false},
		{"does not exist", Condition{Field: "header.x-none", Op: Exists}, false},
		{"all", Condition{All: []Condition{is, {Field: "body", Op: Find, Text: "never"}}}, true},
		{"all but one", Condition{All: []Condition{is, {Field: "body", Op: Find, Text: "nowhere"}}}, false},
		{"any", Condition{Any: []Condition{{Field: "body", Op: Find, Text: "nowhere"}, is}}, true},
		{"any of none", Condition{Any: []Condition{{Field: "body", Op: Find, Text: "nowhere"}}}, false},
		{"not", Condition{Not: no(is)}, false},
		{"not not", Condition{Not: no(Condition{Not: no(is)})}, true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := compile(t, Rule{ID: "r", Enabled: true, When: tt.when}).Evaluate(mail)
			if hit := len(got.Hits) == 1; hit != tt.want {
				t.Errorf("hit %v, want %v", hit, tt.want)
			}
		})
	}
}

func TestEvaluate(t *testing.T) {
	seven, nine := 7, 9
	order := Condition{Field: "text", Op: RegexFind, Text: `order (?P<order>\d+)(x)?`, Attach: map[string]string{"digits": "1", "absent": "2"}}
	nothing := Condition{Field: "body", Op: Find, Text: "no such text"}
	tests := []struct {
		name  string
		rules []Rule
		want  Outcome
	}{
		{"no rules", nil, Outcome{}},
		{
			"captured groups and the action's data are attached",
			[]Rule{{ID: "a", Enabled: true, When: order, Then: Action{Attach: map[string]string{"source": "mail"}}}},
			Outcome{Attach: map[string]string{"order": "48213", "digits": "48213", "source": "mail"}, Hits: []string{"a"}},
		},
		{
			"a rule that does not hit attaches nothing of its first half",
			[]Rule{{ID: "a", Enabled: true, When: Condition{All: []Condition{order, nothing}}}},
			Outcome{},
		},
		{
			"nor does an alternative that failed, or what stands under not",
			[]Rule{{ID: "a", Enabled: true, When: Condition{All: []Condition{
				{Any: []Condition{{All: []Condition{order, nothing}}, {Field: "sender", Op: Exists}}},
				{Not: &Condition{Not: &order}},
			}}}},
			Outcome{Hits: []string{"a"}},
		},
		{
			"later rules win and see earlier data",
			[]Rule{
				{ID: "a", Enabled: true, When: order, Then: Action{Category: "one", Priority: &seven, Queue: "q"}},
				{
					ID: "b", Enabled: true, When: Condition{Field: "data.order", Op: Equals, Text: "48213"},
					Then: Action{Category: "two", Priority: &nine, Attach: map[string]string{"order": "changed"}},
				},
			},
			Outcome{
				Attach: map[string]string{"order": "changed", "digits": "48213"}, Category: "two", Priority: &nine, Queue: "q",
				Hits: []string{"a", "b"},
			},
		},
		{
			"spam stops",
			[]Rule{
				{ID: "a", Enabled: true, Then: Action{Spam: true, NoAutoResponse: true, Stop: true}},
				{ID: "b", Enabled: true, Then: Action{Queue: "never"}},
			},
			Outcome{Spam: true, NoAutoResponse: true, StopProcessing: true, Hits: []string{"a"}},
		},
		{
			"disabled, other entry point, other language",
			[]Rule{
				{ID: "a", Then: Action{Queue: "x"}},
				{ID: "b", Enabled: true, EntryPoints: []string{"sales"}, Then: Action{Queue: "x"}},
				{ID: "c", Enabled: true, Languages: []string{"de"}, Then: Action{Queue: "x"}},
				{ID: "d", Enabled: true, Languages: []string{"fr", "en"}, EntryPoints: []string{"support"}, Then: Action{Queue: "y"}},
			},
			Outcome{Queue: "y", Hits: []string{"d"}},
		},
		{
			"a language set by a rule holds for the next",
			[]Rule{
				{ID: "a", Enabled: true, Then: Action{Language: "de"}},
				{ID: "b", Enabled: true, Languages: []string{"de"}, Then: Action{Queue: "german"}},
			},
			Outcome{Language: "de", Queue: "german", Hits: []string{"a", "b"}},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := compile(t, tt.rules...)
			for range 2 { // the set keeps nothing of a message
				if diff := cmp.Diff(tt.want, s.Evaluate(mail)); diff != "" {
					t.Error(diff)
				}
			}
			if len(mail.Data) != 2 {
				t.Errorf("the input was changed: %v", mail.Data)
			}
		})
	}
}

func TestTextIsBounded(t *testing.T) {
	s := compile(t,
		Rule{ID: "far", Enabled: true, When: Condition{Field: "body", Op: Find, Text: "needle"}},
		Rule{ID: "long", Enabled: true, When: Condition{Field: "subject", Op: RegexFind, Text: "(?P<all>ä+)"}})
	out := s.Evaluate(Input{Subject: strings.Repeat("ä", 5000), Body: strings.Repeat("x", MaxText) + "needle"})
	if diff := cmp.Diff([]string{"long"}, out.Hits); diff != "" {
		t.Error(diff)
	}
	if got := out.Attach["all"]; got != strings.Repeat("ä", maxCaptured/2) {
		t.Errorf("attached %d bytes", len(got))
	}
}

func TestCompileRefuses(t *testing.T) {
	deep := Condition{Field: "body", Op: Exists}
	for range MaxDepth {
		deep = Condition{All: []Condition{deep}}
	}
	find := func(text string) Condition { return Condition{Field: "body", Op: Find, Text: text} }
	regex := func(text string) Condition { return Condition{Field: "body", Op: RegexFind, Text: text} }
	tests := []struct {
		name string
		when Condition
		want Error
	}{
		{"unknown field", Condition{Field: "bdy", Op: Exists}, Error{Path: "when.field", Reason: "no field"}},
		{"header without name", Condition{Field: "header.", Op: Exists}, Error{Path: "when.field", Reason: "behind the dot"}},
		{"unknown comparison", Condition{Field: "body", Op: "like", Text: "x"}, Error{Path: "when.op", Reason: `"like"`}},
		{"nothing to find", Condition{Field: "body", Op: Find}, Error{Path: "when.text", Reason: "empty"}},
		{"exists with text", Condition{Field: "body", Op: Exists, Text: "x"}, Error{Path: "when.text", Reason: "no text"}},
		{"two at once", Condition{Field: "body", Op: Exists, All: []Condition{find("x")}}, Error{Path: "when", Reason: "found 2"}},
		{"text without field", Condition{Text: "x"}, Error{Path: "when", Reason: "found 0"}},
		{"nothing within", Condition{All: []Condition{find("x"), {}}}, Error{Path: "when.all[1]", Reason: "found 0"}},
		{"empty list", Condition{Any: []Condition{}}, Error{Path: "when.any", Reason: "empty"}},
		{"pattern, place of the fault", Condition{Any: []Condition{find("x"), regex(`abc[z-a]`)}}, Error{Path: "when.any[1].text", Offset: 4, Reason: "invalid character class range"}},
		{"pattern that closes too much", regex(`a)|(b`), Error{Path: "when.text", Reason: "unexpected )"}},
		{"back reference", regex(`(a)\1`), Error{Path: "when.text", Offset: 3, Reason: "escape"}},
		{"too many steps", Condition{All: []Condition{regex(`(\pL{1,100}){9}`), regex(`(\pL{1,100}){9}`), regex(`(\pL{1,100}){9}`), regex(`(\pL{1,100}){9}`), regex(`(\pL{1,100}){9}`), regex(`(\pL{1,100}){9}`)}}, Error{Path: "when.all[5].text", Reason: "10000 steps"}},
		{"repeated too often", regex(`((a{100}){100}){100}`), Error{Path: "when.text", Offset: 15, Reason: "repeat"}},
		{"source too long", Condition{Not: &Condition{Any: []Condition{find(strings.Repeat("x", 600)), find(strings.Repeat("y", 600))}}}, Error{Path: "when.not.any[1]", Offset: 420, Reason: "longer than 1024"}},
		{"too deep", deep, Error{Path: "when" + strings.Repeat(".all[0]", MaxDepth), Reason: "deeper than 50"}},
		{"unknown group", Condition{Field: "body", Op: RegexFind, Text: "(a)", Attach: map[string]string{"k": "2"}}, Error{Path: "when.attach.k", Reason: `no group "2"`}},
		{"bad data name", Condition{Field: "body", Op: RegexFind, Text: "(a)", Attach: map[string]string{"a b": "1"}}, Error{Path: "when.attach", Reason: "no name"}},
		{"groups of a find", Condition{Field: "body", Op: Find, Text: "a", Attach: map[string]string{"k": "0"}}, Error{Path: "when.attach", Reason: "only regex_find"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := Compile([]Rule{{ID: "fine"}, {ID: "bad", When: tt.when}})
			var got *Error
			if !errors.As(err, &got) {
				t.Fatalf("got %v, want an *Error", err)
			}
			if got.Rule != "bad" || got.Path != tt.want.Path || got.Offset != tt.want.Offset || !strings.Contains(got.Reason, tt.want.Reason) {
				t.Errorf("got %v", got)
			}
		})
	}
	t.Run("all faulty rules are named", func(t *testing.T) {
		_, err := Compile([]Rule{{ID: ""}, {ID: "a"}, {ID: "a"}, {ID: "b", Then: Action{Attach: map[string]string{"": "x"}}}})
		for _, want := range []string{"needs an id", `rule "a": id`, `rule "b": then.attach`} {
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%v: does not say %s", err, want)
			}
		}
	})
}

func TestStoredForms(t *testing.T) {
	const asYAML = `
id: orders
enabled: true
languages: [en]
when:
  all:
    - {field: subject, op: regex_find, text: 'order (\d+)', attach: {order: "1"}}
    - not: {field: header.List-Id, op: exists}
then: {category: orders/status, priority: 5, attach: {seen: "yes"}}
`
	var fromYAML, fromJSON Rule
	if err := yaml.Unmarshal([]byte(asYAML), &fromYAML); err != nil {
		t.Fatal(err)
	}
	b, err := json.Marshal(fromYAML)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(b, &fromJSON); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(fromYAML, fromJSON); diff != "" {
		t.Error(diff)
	}
	if out := compile(t, fromJSON).Evaluate(mail); out.Category != "orders/status" || out.Attach["order"] != "48213" {
		t.Errorf("%+v", out)
	}
}

// The filter in front of the patterns must never change an answer.
func TestFilterAgreesWithRegexp(t *testing.T) {
	piece := rapid.SampledFrom([]string{
		"abc", "ABCD", "straße", "kks", "K", "ſs", "σς", "Σ", `\d+`, ".*", "(foo|bar)", "(?:foo|ba)?", "(?i:hello)", "(?s).", "x{2,3}",
		"(abc){2}", "[a-c]bc", "^", "$", `\b`, "é+", "\x00abc",
	})
	rapid.Check(t, func(t *rapid.T) {
		source := strings.Join(rapid.SliceOfN(piece, 1, 4).Draw(t, "pattern"), rapid.SampledFrom([]string{"", "|"}).Draw(t, "by"))
		text := strings.Join(rapid.SliceOfN(rapid.SampledFrom([]string{
			"abc", "ABC", "STRASSE", "straße", "STRAßE", "KKS", "kks", "K", "ss", "ſſ", "ς", "Σσ", "12", "foo", "BAR", "Hello", "xx", "\n", " ", "é", "É", "\xff", "\x00",
		}), 0, 8).Draw(t, "text"), "")
		matchCase := rapid.Bool().Draw(t, "case")
		flags := "(?i:"
		if matchCase {
			flags = "(?:"
		}
		plain, err := regexp.Compile(flags + source + ")")
		if err != nil {
			t.Skip("what the fuzzer made up is no pattern of Go's: there is nothing to compare with")
		}
		s, err := Compile([]Rule{{ID: "r", Enabled: true, When: Condition{Field: "body", Op: RegexFind, Text: source, MatchCase: matchCase}}})
		if err != nil {
			t.Fatal(err)
		}
		if got, want := len(s.Evaluate(Input{Body: text}).Hits) == 1, plain.MatchString(text); got != want {
			t.Fatalf("%q on %q: %v, regexp alone says %v", source, text, got, want)
		}
	})
}

func FuzzCompileAndEvaluate(f *testing.F) {
	f.Add(`{"id":"a","enabled":true,"when":{"any":[{"field":"body","op":"regex_find","text":"(a+)+$"},{"field":"header.x","op":"find","text":"y"}]}}`, "aaaa")
	f.Add(`{"id":"a","enabled":true,"when":{"not":{"field":"text","op":"equals"}},"then":{"attach":{"k":"v"}}}`, "\xff")
	f.Fuzz(func(t *testing.T, rule, text string) {
		var r Rule
		if json.Unmarshal([]byte(rule), &r) != nil {
			return
		}
		s, err := Compile([]Rule{r})
		if err != nil {
			var fault *Error
			if !errors.As(err, &fault) {
				t.Fatalf("%v is no *Error", err)
			}
			return
		}
		s.Evaluate(Input{Subject: text, Body: text, Headers: map[string][]string{"X": {text}}, Data: map[string]string{"k": text}})
	})
}

// thousand gives rules as a large installation has them: two thirds plain
// texts, one third patterns, few of them hitting a given mail.
func thousand() (rules []Rule) {
	for i := range 1000 {
		c := Condition{Field: "body", Op: Find, Text: fmt.Sprintf("campaign %d offer", i)}
		switch i % 3 {
		case 1:
			c = Condition{Field: "text", Op: RegexFind, Text: fmt.Sprintf(`ticket-%d:\s*(?P<ticket>[A-Z]{2}\d{4,8})`, i)}
		case 2:
			c = Condition{All: []Condition{{Field: "subject", Op: Exists}, {Field: "body", Op: Find, Text: fmt.Sprintf("product%03d", i)}}}
		}
		rules = append(rules, Rule{ID: fmt.Sprint(i), Enabled: true, When: c})
	}
	return rules
}

// longMail is 64 KiB of prose in which three of the thousand rules hit.
func longMail() Input {
	const prose = "We have offered the product to a customer on ticket 12 of the campaign, and he would like to know more about it. "
	body := strings.Repeat(prose, MaxText/len(prose)-1) + " campaign 3 offer, ticket-1: AB12345, product500"
	return Input{Subject: "long", Body: body}
}

// A mail against a thousand rules must cost about as much as one pattern over
// it: the two are compared with each other, so that a slow machine does not
// fail the test.
func TestThousandRulesOnLongText(t *testing.T) {
	s, in := compile(t, thousand()...), longMail()
	if diff := cmp.Diff([]string{"1", "3", "500"}, s.Evaluate(in).Hits); diff != "" {
		t.Fatal(diff)
	}
	const runs = 20
	evaluate := cpuOf(t, func() {
		for range runs {
			s.Evaluate(in)
		}
	})
	var length int
	pass := cpuOf(t, func() {
		for range runs {
			length += len(regexp.MustCompile("[0-9]+").ReplaceAllString(in.Body, ""))
		}
	})
	t.Logf("%v CPU an evaluation; one trivial pattern over the same text %v", evaluate/runs, pass/runs)
	if length == 0 || evaluate > 10*pass {
		t.Errorf("a thousand rules cost %.1f times a trivial pattern, want at most 10", float64(evaluate)/float64(pass))
	}
}

func cpuOf(t *testing.T, f func()) time.Duration {
	t.Helper()
	now := func() time.Duration {
		var usage syscall.Rusage
		if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
			t.Fatal(err)
		}
		return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
	}
	began := now()
	f()
	return now() - began
}

func BenchmarkThousandRules(b *testing.B) {
	s, in := compile(b, thousand()...), longMail()
	b.ReportAllocs()
	b.SetBytes(int64(len(in.Body)))
	for b.Loop() {
		s.Evaluate(in)
	}
}

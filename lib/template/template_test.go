package template

import (
	"errors"
	"html"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

var fields = []string{
	"contact.name", "contact.email", "interaction.subject", "interaction.reference", "interaction.category", "interaction.received",
	"interaction.count", "agent.name", "shop",
}

func compile(t testing.TB, source string) *Template {
	t.Helper()
	tpl, err := Compile(source, fields)
	if err != nil {
		t.Fatal(err)
	}
	return tpl
}

func TestRender(t *testing.T) {
	values := map[string]any{
		"contact.name": "Zoë <b>O'Neil</b> & sons", "contact.email": nil, "interaction.subject": "two\nlines",
		"interaction.category": "orders/status", "interaction.received": time.Date(2026, 3, 9, 7, 5, 0, 0, time.UTC),
		"interaction.count": 3, "shop": "  Fjell  ", "not.a.field": "never seen",
	}
	tests := []struct{ name, source, plain, html string }{
		{"text alone", "a < b }} %}", "a < b }} %}", "a < b }} %}"},
		{"field", "Dear {{contact.name}}!", "Dear Zoë <b>O'Neil</b> & sons!", "Dear Zoë &lt;b&gt;O&#39;Neil&lt;/b&gt; &amp; sons!"},
		{"author's own markup stays", "<p>{{ shop | strip }}</p>", "<p>Fjell</p>", "<p>Fjell</p>"},
		{"in an attribute", `<a title="{{ contact.name }}">`, `<a title="Zoë <b>O'Neil</b> & sons">`, `<a title="Zoë &lt;b&gt;O&#39;Neil&lt;/b&gt; &amp; sons">`},
		{"escaped after the filters", "{{ contact.name | upcase | truncate: 6, '' }}", "ZOË <B", "ZOË &lt;B"},
		{"a literal is escaped like a value", `{{ "<i>" }}`, "<i>", "&lt;i&gt;"},
		{"nil and missing are empty", "[{{ contact.email }}{{ agent.name }}]", "[]", "[]"},
		{"default for nil, missing and empty", `{{ contact.email | default: "none" }} {{ agent.name | default: shop | strip }}`, "none Fjell", "none Fjell"},
		{"default not needed", `{{ interaction.count | default: 7 }}`, "3", "3"},
		{"date", `{{ interaction.received | date: "%d.%m.%Y %H:%M %B %%%q" }}`, "09.03.2026 07:05 March %%q", "09.03.2026 07:05 March %%q"},
		{"date of nothing", `{{ contact.email | date: "%d" }}`, "", ""},
		{"time without filter", `{{ interaction.received }}`, "2026-03-09 07:05 UTC", "2026-03-09 07:05 UTC"},
		{"comparison as a value", `{{ interaction.count == 3 }}`, "true", "true"},
		{"if", "{% if interaction.count > 2 and contact.email == nil %}many{% elsif shop %}x{% else %}few{% endif %}", "many", "many"},
		{"unless", "{% unless agent.name %}nobody{% endunless %}", "nobody", "nobody"},
		{"case", `{% case interaction.category %}{% when "a", "orders/status" %}yes{% else %}no{% endcase %}`, "yes", "yes"},
		{"contains", `{% if contact.name contains "Neil" %}yes{% endif %}`, "yes", "yes"},
		{"comment", "a{% comment %} it's {{ shop }} {% endcomment %}b", "ab", "ab"},
		{"trimmed", "a  {{- shop | strip -}}  b", "aFjellb", "aFjellb"},
		{"braces as text", `{{ "{{" }}`, "{{", "{{"},
		{"append, prepend, capitalize, url_encode", `{{ "été" | capitalize | append: interaction.count | prepend: "a b" | url_encode }}`, "a+b%C3%89t%C3%A93", "a+b%C3%89t%C3%A93"},
		{"a value is no template", "{{ interaction.subject }}", "two\nlines", "two\nlines"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			tpl := compile(t, tt.source)
			for asHTML, want := range map[bool]string{false: tt.plain, true: tt.html} {
				got, err := tpl.Render(values, asHTML)
				if err != nil {
					t.Fatal(err)
				}
				if got != want {
					t.Errorf("html %v: got %q, want %q", asHTML, got, want)
				}
			}
		})
	}
}

func TestValuesAreNeverTemplates(t *testing.T) {
	got, err := compile(t, "{{ contact.name }}").Render(map[string]any{"contact.name": "{{ shop }}{% if %}"}, false)
	if err != nil || got != "{{ shop }}{% if %}" {
		t.Errorf("got %q, %v", got, err)
	}
}

func TestCompileRefuses(t *testing.T) {
	tests := []struct {
		name, source string
		want         Error
	}{
		{"unknown field", "Dear\n  {{ contact.nmae }}", Error{2, 6, "contact.nmae", "no field"}},
		{"unknown field behind a character of two bytes", "é {{ x }}", Error{1, 6, "x", "no field"}},
		{"unknown field in a branch never taken", "{% if false %}{{ shop }}{{ nope }}{% endif %}", Error{1, 28, "nope", "no field"}},
		{"unknown field as argument", `{{ shop | default: other }}`, Error{1, 20, "other", "no field"}},
		{"unknown field in a condition", `{% if shop == other %}{% endif %}`, Error{1, 15, "other", "no field"}},
		{"unknown field in a when", `{% case shop %}{% when other %}{% endcase %}`, Error{1, 24, "other", "no field"}},
		{"a group is no field", "{{ contact }}", Error{1, 4, "contact", "no field"}},
		{"a part of a field", "{{ contact.name.first }}", Error{1, 4, "contact.name.first", "no field"}},
		{"unknown filter", "{{ shop | shout }}", Error{1, 11, "shout", "no filter"}},
		{"a filter of ours", "{{ shop | parley_plain }}", Error{1, 11, "parley_plain", "no filter"}},
		{"a dangerous filter", `{{ shop | replace: "", shop }}`, Error{1, 11, "replace", "no filter"}},
		{"include", `{% include "/etc/passwd" %}`, Error{1, 1, "include", "not available"}},
		{"loop", "x{% for i in (1..1000000000) %}{% endfor %}", Error{1, 2, "for", "not available"}},
		{"assignment", `{% assign shop = "x" %}`, Error{1, 1, "assign", "not available"}},
		{"raw", "{% raw %}{{ x }}{% endraw %}", Error{1, 1, "raw", "not available"}},
		{"index", `{{ contact["name"] }}`, Error{1, 4, "contact", "no field"}},
		{"range", `{{ (1..9) }}`, Error{1, 6, "", "means nothing"}},
		{"not closed", "Dear {{ contact.name", Error{1, 6, "", "not closed"}},
		{"in two lines", "{{ contact.name\n| upcase }}", Error{1, 1, "", "not closed"}},
		{"tag not closed", "{% if shop", Error{1, 1, "", "not closed"}},
		{"empty tag", "{% %}", Error{1, 1, "", "not closed"}},
		{"if without end", "a\n{% if shop %}x", Error{2, 1, "", "if"}},
		{"end without if", "{% endif %}", Error{1, 1, "", "endif"}},
		{"malformed", "{{ shop shop }}", Error{1, 1, "", "syntax error"}},
		{"nothing to compare", "{% if %}{% endif %}", Error{1, 1, "", "syntax error"}},
		{"closes too much", "{{ shop) or (shop }}", Error{1, 8, "", "never opened"}},
		{"closes too little", "{{ (shop }}", Error{1, 9, "", "not closed"}},
		{"huge number", "{{ 99999999999999999999 }}", Error{1, 4, "", "too long"}},
		{"too many filters", "{{ shop" + strings.Repeat(" | append: shop", 11) + " }}", Error{1, 8 + 15*10 + 1, "", "more than 10"}},
		{"too long", strings.Repeat("x", MaxSource+1), Error{0, 0, "", "limit"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := Compile(tt.source, fields)
			var got *Error
			if !errors.As(err, &got) {
				t.Fatalf("got %v, want an *Error", err)
			}
			if got.Line != tt.want.Line || got.Column != tt.want.Column || got.Name != tt.want.Name || !strings.Contains(got.Reason, tt.want.Reason) {
				t.Errorf("got %+v, want %+v", *got, tt.want)
			}
		})
	}
	t.Run("fields that cannot both be", func(t *testing.T) {
		if _, err := Compile("", []string{"a.b", "a"}); err == nil {
			t.Error("accepted")
		}
	})
}

func TestFields(t *testing.T) {
	tpl := compile(t, "{{ shop }}{% if agent.name %}{{ shop | default: contact.name }}{% endif %}")
	if diff := cmp.Diff([]string{"agent.name", "contact.name", "shop"}, tpl.Fields()); diff != "" {
		t.Error(diff)
	}
}

func TestRenderIsBounded(t *testing.T) {
	tpl := compile(t, strings.Repeat("{{shop}}", 100))
	long := strings.Repeat("ä", MaxValue)
	if _, err := tpl.Render(map[string]any{"shop": long}, false); !errors.Is(err, ErrTooLong) {
		t.Errorf("got %v, want ErrTooLong", err)
	}
	got, err := compile(t, "{{shop}}").Render(map[string]any{"shop": long}, false)
	if err != nil || got != long[:MaxValue] {
		t.Errorf("got %d bytes, %v", len(got), err)
	}
}

func TestRenderRefusesOtherValues(t *testing.T) {
	_, err := compile(t, "{{shop}}").Render(map[string]any{"shop": []string{"x"}}, false)
	if err == nil || !strings.Contains(err.Error(), "shop") {
		t.Errorf("got %v", err)
	}
}

// Whatever an author writes and a customer is called, nothing panics, and of a
// value alone nothing comes out that a browser would take for markup.
func FuzzTemplate(f *testing.F) {
	f.Add(`Dear {{ contact.name | default: "x" | truncate: 5 }}{% if shop %}{{ shop }}{% endif %}`, "<b>")
	f.Add(`{% case shop %}{% when 'a' %}{%- else -%}{% endcase %}`, "a")
	f.Add(`{{ shop | date: "%Y" }}{{ (shop) }}{{ -1.5 }}`, "\xff")
	f.Fuzz(func(t *testing.T, source, value string) {
		values := map[string]any{"contact.name": value, "shop": value}
		if tpl, err := Compile(source, fields); err == nil {
			_, _ = tpl.Render(values, true)
			_, _ = tpl.Render(values, false)
		} else if fault := (*Error)(nil); !errors.As(err, &fault) {
			t.Fatalf("%v is no *Error", err)
		}
		got, err := compile(t, "{{ shop }}").Render(values, true)
		if err != nil {
			t.Fatal(err)
		}
		if strings.ContainsAny(got, `<>"'`) || html.UnescapeString(got) != cut(strings.ToValidUTF8(value, "\uFFFD"), MaxValue) {
			t.Fatalf("%q became %q", value, got)
		}
	})
}

package interaction

import (
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"
)

// The lists of a setup, by the names that files and API call them, in the order in which they can be applied: what is named comes
// before what names it.
const (
	ListGroups         = "groups"
	ListReasons        = "reasons"
	ListForms          = "forms"
	ListCalendars      = "calendars"
	ListQueues         = "queues"
	ListSurveys        = "surveys"
	ListEntryPoints    = "entry_points"
	ListAgents         = "agents"
	ListCategories     = "categories"
	ListResponses      = "responses"
	ListRules          = "rules"
	ListDispositions   = "dispositions"
	ListReviewPolicies = "review_policies"
	ListWebhooks       = "webhooks"
	ListLinks          = "links"
	ListRetention      = "retention"
)

// Lists are all of them, in that order.
var Lists = []string{
	ListGroups, ListReasons, ListForms, ListCalendars, ListQueues, ListSurveys, ListEntryPoints, ListAgents, ListCategories, ListResponses, ListRules, ListDispositions, ListReviewPolicies,
	ListWebhooks, ListLinks, ListRetention,
}

// Entry is one thing of a setup, in the form in which setups are compared: its fields as JSON knows them, without empty ones.
type Entry struct {
	List, Name string
	Fields     map[string]any
}

// Change is what applying a setup would do to one thing.
type Change struct {
	List   string        `json:"list"`
	Name   string        `json:"name"`
	Action string        `json:"action"` // add, change or remove
	Fields []FieldChange `json:"fields,omitempty"`
}

// FieldChange is one field of a change; a nil side is none.
type FieldChange struct {
	Field  string `json:"field"`
	Before any    `json:"before,omitempty"`
	After  any    `json:"after,omitempty"`
}

// Actions of a change.
const (
	ActionAdd    = "add"
	ActionChange = "change"
	ActionRemove = "remove"
)

// WithDefaults fills in what a setup leaves to the house, so that what is written out and what is left out compare equal.
func (s Setup) WithDefaults() Setup {
	s.Queues = slices.Clone(s.Queues)
	for n := range s.Queues {
		q := &s.Queues[n]
		defaultTo(&q.RouteSeconds, 43200)
		defaultTo(&q.HandleSeconds, 10800)
		defaultTo(&q.OfferSeconds, 30)
		defaultTo(&q.ServiceSeconds, 3600)
		defaultPointer(&q.ReviewPercent, 100)
		defaultTo(&q.Choice, LongestIdle)
		defaultTo(&q.MissedOffers, 3)
	}
	s.EntryPoints = slices.Clone(s.EntryPoints)
	for n := range s.EntryPoints {
		e := &s.EntryPoints[n]
		defaultTo(&e.Language, "en")
		e.Address = strings.ToLower(e.Address)
	}
	s.Agents = slices.Clone(s.Agents)
	for n := range s.Agents {
		a := &s.Agents[n]
		if len(a.Limits) == 0 {
			a.Limits = map[string]int{"email": 3, "total": 10}
		}
		a.Email = strings.ToLower(a.Email)
		a.Groups = slices.Sorted(slices.Values(a.Groups))
	}
	s.Categories = slices.Clone(s.Categories)
	for n := range s.Categories {
		defaultPointer(&s.Categories[n].AutoThreshold, 0.85)
		defaultPointer(&s.Categories[n].RouteThreshold, 0.5)
	}
	s.Responses = slices.Clone(s.Responses)
	for n := range s.Responses {
		s.Responses[n] = s.Responses[n].withDefaults()
	}
	s.Surveys = slices.Clone(s.Surveys)
	for n := range s.Surveys {
		s.Surveys[n] = s.Surveys[n].WithDefaults()
	}
	s.Forms = slices.Clone(s.Forms)
	for n := range s.Forms {
		s.Forms[n].Questions = slices.Clone(s.Forms[n].Questions)
		for m := range s.Forms[n].Questions {
			defaultTo(&s.Forms[n].Questions[m].Most, 1)
			defaultTo(&s.Forms[n].Questions[m].Weight, 1)
		}
	}
	s.ReviewPolicies = slices.Clone(s.ReviewPolicies)
	for n := range s.ReviewPolicies {
		p := &s.ReviewPolicies[n]
		defaultPointer(&p.Ceiling, 100)
		defaultPointer(&p.Start, *p.Ceiling)
		defaultTo(&p.Clean, 10)
		if p.Deadline > 0 || p.Objective > 0 {
			defaultTo(&p.Overdue, OverdueEscalate)
		}
	}
	return s
}

func defaultTo[T comparable](value *T, otherwise T) {
	var zero T
	if *value == zero {
		*value = otherwise
	}
}

func defaultPointer[T any](value **T, otherwise T) {
	if *value == nil {
		*value = &otherwise
	}
}

// Entries gives everything that the setup names, list by list in the order of Lists.
func (s Setup) Entries() []Entry {
	s = s.WithDefaults()
	var all []Entry
	all = entries(all, ListGroups, s.Groups, func(g Group) string { return g.Name })
	all = entries(all, ListReasons, s.Reasons, func(r NotReady) string { return r.Name })
	all = entries(all, ListForms, s.Forms, func(f Form) string { return f.Name })
	all = entries(all, ListCalendars, s.Calendars, func(c Calendar) string { return c.Name })
	all = entries(all, ListQueues, s.Queues, func(q Queue) string { return q.Name })
	all = entries(all, ListSurveys, s.Surveys, func(s Survey) string { return s.Name })
	all = entries(all, ListEntryPoints, s.EntryPoints, func(e EntryPoint) string { return e.Name })
	all = entries(all, ListAgents, s.Agents, func(a NewAgent) string { return a.Login })
	all = entries(all, ListCategories, s.Categories, func(c CategorySetup) string { return c.Name })
	all = entries(all, ListResponses, s.Responses, func(r Answer) string { return r.Name })
	all = entries(all, ListRules, s.Rules, func(r Rule) string { return r.Name })
	all = entries(all, ListDispositions, s.Dispositions, func(d Disposition) string { return d.Name })
	all = entries(all, ListReviewPolicies, s.ReviewPolicies, func(p ReviewPolicy) string { return p.Name })
	all = entries(all, ListWebhooks, s.Webhooks, func(w Webhook) string { return w.Name })
	all = entries(all, ListLinks, s.Links, func(l Link) string { return l.Name })
	all = entries(all, ListRetention, s.Retention, func(r RetentionRule) string { return r.Name })
	return all
}

func entries[T any](all []Entry, list string, items []T, name func(T) string) []Entry {
	for _, item := range items {
		all = append(all, Entry{List: list, Name: name(item), Fields: fieldsOf(item)})
	}
	return all
}

// fieldsOf gives a thing's fields as JSON has them; every type of a setup can be written as JSON.
func fieldsOf(item any) map[string]any {
	text, err := json.Marshal(item)
	if err != nil {
		panic(fmt.Sprintf("a %T of a setup is no JSON: %v", item, err))
	}
	fields := map[string]any{}
	if err := json.Unmarshal(text, &fields); err != nil {
		panic(fmt.Sprintf("a %T of a setup is no object: %v", item, err))
	}
	return fields
}

// DiffSetup tells what applying the wanted setup would change: additions and changes in the order of Lists, and, with prune, the removal of what is there
// and not wanted, in the opposite order. Agents are never removed: who has worked here is named in the audit.
func DiffSetup(now, wanted Setup, prune bool) []Change {
	there := map[string]Entry{}
	for _, e := range now.Entries() {
		there[e.List+" "+e.Name] = e
	}
	var changes []Change
	kept := map[string]bool{}
	for _, e := range wanted.Entries() {
		key := e.List + " " + e.Name
		kept[key] = true
		old, found := there[key]
		if e.List == ListRules && e.Fields["position"] == nil && found { // it stays where it is
			e.Fields["position"] = old.Fields["position"]
		}
		switch fields := diffFields(old.Fields, e.Fields); {
		case !found:
			changes = append(changes, Change{List: e.List, Name: e.Name, Action: ActionAdd, Fields: fields})
		case len(fields) > 0:
			changes = append(changes, Change{List: e.List, Name: e.Name, Action: ActionChange, Fields: fields})
		}
	}
	if !prune {
		return changes
	}
	for _, e := range slices.Backward(now.Entries()) {
		if !kept[e.List+" "+e.Name] && e.List != ListAgents {
			changes = append(changes, Change{List: e.List, Name: e.Name, Action: ActionRemove})
		}
	}
	return changes
}

func diffFields(before, after map[string]any) []FieldChange {
	var names []string
	for name := range before {
		names = append(names, name)
	}
	for name := range after {
		if _, both := before[name]; !both {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	var changes []FieldChange
	for _, name := range names {
		if name != "name" && name != "login" && !reflect.DeepEqual(before[name], after[name]) {
			changes = append(changes, FieldChange{Field: name, Before: before[name], After: after[name]})
		}
	}
	return changes
}

// OrderRules gives the rules positions where their order is not already that of the rules that are there. Rules that have a position keep it;
// where all have none, the order of the list counts.
func OrderRules(now, wanted []Rule) []Rule {
	last, known := 0, true
	for _, r := range wanted {
		if r.Position != 0 {
			return wanted
		}
		at := slices.IndexFunc(now, func(o Rule) bool { return o.Name == r.Name })
		if at >= 0 && (!known || now[at].Position <= last) { // behind a new one, or out of order
			last = -1
			break
		}
		if known = at >= 0; known {
			last = now[at].Position
		}
	}
	if last >= 0 {
		return wanted
	}
	ordered := slices.Clone(wanted)
	for n := range ordered {
		ordered[n].Position = n + 1
	}
	return ordered
}

// Only gives the part of the setup that these changes add or change.
func (s Setup) Only(changes []Change) Setup {
	wanted := map[string]bool{}
	for _, c := range changes {
		wanted[c.List+" "+c.Name] = c.Action != ActionRemove
	}
	s.Groups = keep(s.Groups, func(g Group) bool { return wanted[ListGroups+" "+g.Name] })
	s.Reasons = keep(s.Reasons, func(r NotReady) bool { return wanted[ListReasons+" "+r.Name] })
	s.Forms = keep(s.Forms, func(f Form) bool { return wanted[ListForms+" "+f.Name] })
	s.Calendars = keep(s.Calendars, func(c Calendar) bool { return wanted[ListCalendars+" "+c.Name] })
	s.Queues = keep(s.Queues, func(q Queue) bool { return wanted[ListQueues+" "+q.Name] })
	s.Surveys = keep(s.Surveys, func(v Survey) bool { return wanted[ListSurveys+" "+v.Name] })
	s.EntryPoints = keep(s.EntryPoints, func(e EntryPoint) bool { return wanted[ListEntryPoints+" "+e.Name] })
	s.Agents = keep(s.Agents, func(a NewAgent) bool { return wanted[ListAgents+" "+a.Login] })
	s.Categories = keep(s.Categories, func(c CategorySetup) bool { return wanted[ListCategories+" "+c.Name] })
	s.Responses = keep(s.Responses, func(r Answer) bool { return wanted[ListResponses+" "+r.Name] })
	s.Rules = keep(s.Rules, func(r Rule) bool { return wanted[ListRules+" "+r.Name] })
	s.Dispositions = keep(s.Dispositions, func(d Disposition) bool { return wanted[ListDispositions+" "+d.Name] })
	s.ReviewPolicies = keep(s.ReviewPolicies, func(p ReviewPolicy) bool { return wanted[ListReviewPolicies+" "+p.Name] })
	s.Webhooks = keep(s.Webhooks, func(w Webhook) bool { return wanted[ListWebhooks+" "+w.Name] })
	s.Links = keep(s.Links, func(l Link) bool { return wanted[ListLinks+" "+l.Name] })
	s.Retention = keep(s.Retention, func(r RetentionRule) bool { return wanted[ListRetention+" "+r.Name] })
	return s
}

func keep[T any](list []T, is func(T) bool) []T {
	var out []T
	for _, item := range list {
		if is(item) {
			out = append(out, item)
		}
	}
	return out
}

// String is one line for people, such as: change queues "service": priority 0 → 2.
func (c Change) String() string {
	line := c.Action + " " + c.List + " " + strconv.Quote(c.Name)
	for n, f := range c.Fields {
		sep := ", "
		if n == 0 {
			sep = ": "
		}
		if c.Action == ActionAdd {
			line += fmt.Sprintf("%s%s %s", sep, f.Field, short(f.After))
			continue
		}
		line += fmt.Sprintf("%s%s %s → %s", sep, f.Field, short(f.Before), short(f.After))
	}
	return line
}

// short writes a value as JSON, cut off where it is long.
func short(v any) string {
	if v == nil {
		return "(none)"
	}
	text, err := json.Marshal(v)
	if err != nil {
		return "?"
	}
	const most = 80
	if len(text) > most {
		return strings.ToValidUTF8(string(text[:most]), "") + "…"
	}
	return string(text)
}

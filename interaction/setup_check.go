package interaction

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"unicode"
)

// Fault is one thing that is wrong with a setup: where, which value, and what to do about it.
type Fault struct {
	List, Name string
	Field      string // below the thing, such as chain[1].level; empty: the thing itself
	Value      any
	Text       string // what is wrong and the remedy
	Missing    bool   // it names what is not there; more of the configuration may have it
}

// Error is one line: list, name, field, value, remedy.
func (f *Fault) Error() string {
	where := fmt.Sprintf("%s %q", f.List, f.Name)
	if f.Field != "" {
		where += ": " + f.Field + " = " + short(f.Value)
	}
	return where + ": " + f.Text
}

// Faults joins faults into one error, which names the first one's field; nil when there are none.
func Faults(list []*Fault) error {
	if len(list) == 0 {
		return nil
	}
	joined := make([]error, len(list))
	for n, f := range list {
		joined[n] = f
	}
	e := Invalid("bad_configuration", list[0].Field, "%s", list[0].Text)
	e.Cause = errors.Join(joined...)
	return e.With("list", list[0].List).With("name", list[0].Name)
}

// EntryWorkflows are the workflows that entry points can be bound to.
var EntryWorkflows = []string{WorkflowEmail, WorkflowChat, WorkflowMMS, WorkflowSocial, WorkflowSMS, WorkflowCallback}

// ChatWorkflows are those of them that chats are bound to, and nothing else is: the story of a conversation.
var ChatWorkflows = []string{WorkflowChat}

// Channels are all channels.
var Channels = []Channel{Email, WebForm, Chat, SMS, MMS, Callback, Social}

// CheckSetup gives everything that is wrong with the wanted setup where this is there already. What rules and texts of responses mean is checked by who
// compiles them.
func CheckSetup(wanted, there Setup) []*Fault {
	c := &checker{known: map[string][]string{}}
	for _, s := range []Setup{wanted, there} {
		for _, e := range s.Entries() {
			if !slices.Contains(c.known[e.List], e.Name) {
				c.known[e.List] = append(c.known[e.List], e.Name)
			}
		}
	}
	for _, names := range c.known {
		slices.Sort(names)
	}
	c.names(wanted)
	for _, q := range wanted.Queues {
		c.queue(c.of(ListQueues, q.Name), q)
	}
	for n, e := range wanted.EntryPoints {
		others := append(slices.Clone(there.EntryPoints), wanted.EntryPoints[:n]...)
		c.entryPoint(c.of(ListEntryPoints, e.Name), e, others)
	}
	for _, a := range wanted.Agents {
		c.agent(c.of(ListAgents, a.Login), a)
	}
	for _, k := range wanted.Categories {
		at := c.of(ListCategories, k.Name)
		at.names("queue", k.Queue, ListQueues)
		at.share("auto_threshold", k.AutoThreshold)
		at.share("route_threshold", k.RouteThreshold)
	}
	responses := wanted.Responses
	for _, r := range there.Responses { // those that stay as they are
		if !slices.ContainsFunc(wanted.Responses, func(w Answer) bool { return w.Name == r.Name }) {
			responses = append(slices.Clip(responses), r)
		}
	}
	for _, r := range wanted.Responses {
		c.response(c.of(ListResponses, r.Name), r, responses)
	}
	for _, r := range wanted.Rules {
		c.rule(c.of(ListRules, r.Name), r)
	}
	for _, d := range wanted.Dispositions {
		at := c.of(ListDispositions, d.Name)
		at.code(d.Name)
		for n, q := range d.Queues {
			at.names(fmt.Sprintf("queues[%d]", n), q, ListQueues)
		}
		for n, ch := range d.Channels {
			at.among(fmt.Sprintf("channels[%d]", n), string(ch), texts(Channels))
		}
	}
	for _, r := range wanted.Reasons {
		c.of(ListReasons, r.Name).code(r.Name)
	}
	for _, f := range wanted.Forms {
		c.form(c.of(ListForms, f.Name), f)
	}
	for _, w := range wanted.Webhooks {
		at := c.of(ListWebhooks, w.Name)
		at.code(w.Name)
		at.webURL("url", w.URL)
	}
	for _, l := range wanted.Links {
		at := c.of(ListLinks, l.Name)
		at.code(l.Name)
		at.names("entry_point", l.EntryPoint, ListEntryPoints)
		if l.EntryPoint == "" {
			at.fault("entry_point", "", "is missing; %s", nameOneOf(c.known[ListEntryPoints]))
		}
		if l.Secret != "" && !SecretPlace.MatchString(l.Secret) {
			at.fault("secret", "", "is not a place; write env:PARLEY_LINK_NAME or file:NAME (of a file in PARLEY_SECRETS), never the secret itself")
		}
	}
	for _, s := range wanted.Surveys {
		c.survey(c.of(ListSurveys, s.Name), s)
	}
	for n, r := range wanted.Retention {
		c.retention(c.of(ListRetention, r.Name), r, append(slices.Clone(there.Retention), wanted.Retention[:n]...))
	}
	for _, p := range wanted.ReviewPolicies {
		c.policy(c.of(ListReviewPolicies, p.Name), p)
	}
	return c.faults
}

// checker gathers faults.
type checker struct {
	known  map[string][]string // names by list
	faults []*Fault
}

// place is one thing under check.
type place struct {
	*checker
	list, name string
}

func (c *checker) of(list, name string) place { return place{c, list, name} }

func (p place) fault(field string, value any, text string, args ...any) {
	p.faults = append(p.faults, &Fault{List: p.list, Name: p.name, Field: field, Value: value, Text: fmt.Sprintf(text, args...)})
}

// names checks that what is named is there, unless nothing is named.
func (p place) names(field, name, list string) {
	if name != "" && !slices.Contains(p.known[list], name) {
		p.fault(field, name, "there is no such name in %s; %s", list, nameOneOf(p.known[list]))
		p.faults[len(p.faults)-1].Missing = true
	}
}

func (p place) needs(field, value, remedy string) bool {
	if strings.TrimSpace(value) == "" {
		p.fault(field, value, "is missing; %s", remedy)
		return false
	}
	return true
}

func (p place) between(field string, value, least, most int) {
	if value < least || value > most {
		p.fault(field, value, "is out of bounds; write a number from %d to %d", least, most)
	}
}

// anew wants the code of a question, other than those of the questions before it.
func (p place) anew(field, code string, before []string) {
	switch {
	case !codePattern.MatchString(code):
		p.fault(field, code, "is not a code; write up to 60 of a-z, 0-9 and _")
	case slices.Contains(before, code):
		p.fault(field, code, "is there twice; give each question its own")
	}
}

func (p place) share(field string, value *float64) {
	if value != nil && (*value < 0 || *value > 1 || *value != *value) {
		p.fault(field, *value, "is out of bounds; write a number from 0 to 1")
	}
}

func (p place) among(field, value string, list []string) {
	if !slices.Contains(list, value) {
		p.fault(field, value, "is not known; %s", nameOneOf(list))
	}
}

var codePattern = regexp.MustCompile(`^[a-z0-9_]{1,60}$`)

func (p place) code(name string) {
	if !codePattern.MatchString(name) {
		p.fault("name", name, "is not a code; write up to 60 of a-z, 0-9 and _")
	}
}

func (p place) webURL(field, address string) {
	u, err := url.Parse(address)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "" || u.User != nil {
		p.fault(field, address, "is not a web address; write one such as https://crm.example.org/parley, without name and password")
	}
}

var languagePattern = regexp.MustCompile(`^[a-z]{2,3}$`)

func (p place) language(field, tag string) {
	if !languagePattern.MatchString(tag) {
		p.fault(field, tag, "is not a language; write a tag such as en or de")
	}
}

// nameOneOf is the remedy for a name that is not known.
func nameOneOf(names []string) string {
	const most = 12
	switch {
	case len(names) == 0:
		return "there are none yet: add it first"
	case len(names) > most:
		return "name one of " + strings.Join(names[:most], ", ") + ", …"
	}
	return "name one of " + strings.Join(names, ", ")
}

// names checks what all lists have in common: names that can be names, each once.
func (c *checker) names(s Setup) {
	seen := map[string]bool{}
	for _, e := range s.Entries() {
		at := c.of(e.List, e.Name)
		field := "name"
		if e.List == ListAgents {
			field = "login"
		}
		switch {
		case e.Name == "":
			at.fault(field, "", "is missing; give it a name")
		case len(e.Name) > 100 || strings.TrimSpace(e.Name) != e.Name || strings.IndexFunc(e.Name, unicode.IsControl) >= 0:
			at.fault(field, e.Name, "is no name; write up to 100 characters, no blanks around them")
		case seen[e.List+" "+e.Name]:
			at.fault(field, e.Name, "is there twice; leave one of them out")
		}
		seen[e.List+" "+e.Name] = true
	}
}

const longestTime = 366 * 24 * 3600 // seconds

func (c *checker) queue(at place, q Queue) {
	if at.needs("group", q.Group, "name the group that works on the queue") {
		at.names("group", q.Group, ListGroups)
	}
	at.between("priority", q.Priority, -100, 100)
	if q.ReviewPercent != nil {
		at.between("review_percent", *q.ReviewPercent, 0, 100)
	}
	at.between("route_seconds", q.RouteSeconds, 0, longestTime)
	at.between("handle_seconds", q.HandleSeconds, 0, longestTime)
	at.between("offer_seconds", q.OfferSeconds, 0, 24*3600)
	at.between("service_seconds", q.ServiceSeconds, 0, longestTime)
	if q.Choice != "" {
		at.among("choice", string(q.Choice), []string{string(LongestIdle), string(LeastLoaded), string(BestSkill)})
	}
	at.between("ageing_seconds", q.AgeingSeconds, 0, longestTime)
	at.between("service_weight", q.ServiceWeight, 0, 100)
	at.between("objective_seconds", q.ObjectiveSeconds, 0, longestTime)
	at.between("missed_offers", q.MissedOffers, 0, 1000)
	at.names("calendar", q.Calendar, ListCalendars)
	at.names("overflow", q.Overflow, ListQueues)
	if q.Overflow != "" && q.Overflow == q.Name {
		at.fault("overflow", q.Overflow, "is the queue itself; name another, or leave it out")
	}
	for n, link := range q.Chain {
		c.link(at, fmt.Sprintf("chain[%d]", n), link)
	}
}

func (c *checker) link(at place, field string, link RouteTarget) {
	at.between(field+".seconds", link.Seconds, 0, longestTime)
	switch link.Kind {
	case ToLastAgent, ToQueue:
		at.names(field+".name", link.Name, ListQueues)
	case ToGroup:
		if at.needs(field+".name", link.Name, "name the group") {
			at.names(field+".name", link.Name, ListGroups)
		}
	case ToSkill:
		at.needs(field+".name", link.Name, "name the skill")
		at.between(field+".level", link.Level, 1, 10)
	case ToAgent:
		if _, err := ParseID(field, link.Name); err != nil {
			at.fault(field+".name", link.Name, "is not an agent's id; GET /v1/agents tells it")
		}
	default:
		at.fault(field+".kind", link.Kind, "is not known; name one of last_agent, agent, skill, group, queue")
	}
}

func (c *checker) entryPoint(at place, e EntryPoint, others []EntryPoint) {
	at.among("channel", string(e.Channel), texts(Channels))
	at.among("workflow", e.Workflow, EntryWorkflows)
	if at.needs("queue", e.Queue, "name the queue behind it") {
		at.names("queue", e.Queue, ListQueues)
	}
	if e.Language != "" {
		at.language("language", e.Language)
	}
	at.names("calendar", e.Calendar, ListCalendars)
	at.names("survey", e.Survey, ListSurveys)
	if (e.Channel == Chat) != slices.Contains(ChatWorkflows, e.Workflow) {
		at.fault("workflow", e.Workflow, "does not fit channel %s; chats, and nothing else, are handled by %s", e.Channel, strings.Join(ChatWorkflows, " or "))
	}
	if e.Chat != nil {
		if e.Channel != Chat && e.Channel != SMS {
			at.fault("chat", "", "is for entry points of channels chat and sms; leave it out")
		}
		at.names("chat.mail", e.Chat.Mail, ListEntryPoints)
		at.names("chat.callback", e.Chat.Callback, ListEntryPoints)
		for _, err := range e.Chat.Check() {
			var wrong *Error
			if errors.As(err, &wrong) {
				at.fault("chat."+wrong.Field, "", "%s", wrong.Text)
			}
		}
	}
	if e.SMS != nil && e.Channel != SMS {
		at.fault("sms", "", "is for entry points of channel sms; leave it out")
	}
	var wrong *Error
	if errors.As(e.SMS.Check(), &wrong) {
		at.fault(wrong.Field, "", "%s", wrong.Text)
	}
	callbackSettings(at, e)
	if at.needs("address", e.Address, "write the address that customers use") && (e.Channel == Email || e.Channel == WebForm) && !isMailAddress(e.Address) {
		at.fault("address", e.Address, "is not an email address; write it as name@example.org")
	}
	for _, o := range others {
		if o.Name != e.Name && o.Channel == e.Channel && strings.EqualFold(o.Address, e.Address) {
			at.fault("address", e.Address, "is the address of entry point %q already; give each its own", o.Name)
			return
		}
	}
}

func isMailAddress(s string) bool {
	local, domain, ok := strings.Cut(s, "@")
	return ok && local != "" && domain != "" && !strings.ContainsAny(s, " \t\r\n<>,;") && !strings.Contains(domain, "@")
}

// limitClasses are what tasks can count as in an agent's load.
var limitClasses = append(slices.Clone(TaskClasses), "total")

// maxCapacityRules bounds what every claim looks at.
const maxCapacityRules = 20

func (c *checker) agent(at place, a NewAgent) {
	at.needs("name", a.Name, "write the person's name")
	at.among("role", string(a.Role), []string{string(RoleAgent), string(RoleSenior), string(RoleSupervisor), string(RoleDesigner), string(RoleAdmin)})
	if a.Email != "" && !isMailAddress(a.Email) {
		at.fault("email", a.Email, "is not an email address; write it as name@example.org, or leave it out")
	}
	for n, g := range a.Groups {
		field := fmt.Sprintf("groups[%d]", n)
		at.names(field, g, ListGroups)
		if slices.Contains(a.Groups[:n], g) {
			at.fault(field, g, "is there twice; leave one out")
		}
	}
	for _, skill := range sortedKeys(a.Skills) {
		at.between("skills."+skill, a.Skills[skill], 1, 10)
	}
	for _, class := range sortedKeys(a.Limits) {
		at.among("limits."+class, class, limitClasses)
		least := 0
		if class == "total" {
			least = 1 // nobody who works here can have nothing at all; disable him instead
		}
		at.between("limits."+class, a.Limits[class], least, 1000)
	}
	c.capacity(at, a.Capacity)
}

func (c *checker) capacity(at place, capacity Capacity) {
	classes := limitClasses[:len(limitClasses)-1] // without the total
	for _, class := range sortedKeys(capacity.Weights) {
		at.among("capacity.weights."+class, class, classes)
		at.between("capacity.weights."+class, capacity.Weights[class], 0, 1000)
	}
	if len(capacity.Rules) > maxCapacityRules {
		at.fault("capacity.rules", len(capacity.Rules), "are too many; write up to %d", maxCapacityRules)
	}
	for n, r := range capacity.Rules {
		field := fmt.Sprintf("capacity.rules[%d]", n)
		at.among(field+".no", r.No, append([]string{AnyClass}, classes...))
		if len(r.While) == 0 {
			at.fault(field+".while", nil, "is missing; write how many of which classes keep it away")
		}
		for _, class := range sortedKeys(r.While) {
			at.among(field+".while."+class, class, classes)
			at.between(field+".while."+class, r.While[class], 1, 1000)
		}
	}
}

func (c *checker) rule(at place, r Rule) {
	var names struct {
		EntryPoints []string `json:"entry_points"`
		Then        struct{ Queue, Category string }
	}
	if len(r.Definition) == 0 || json.Unmarshal(r.Definition, &names) != nil {
		at.fault("definition", string(r.Definition), "is not a rule; write when and then")
		return
	}
	at.between("position", r.Position, 0, 1_000_000)
	at.names("then.queue", names.Then.Queue, ListQueues)
	if names.Then.Category != CategorySpam {
		at.names("then.category", names.Then.Category, ListCategories)
	}
	for n, e := range names.EntryPoints {
		at.names(fmt.Sprintf("entry_points[%d]", n), e, ListEntryPoints)
	}
}

func (c *checker) form(at place, f Form) {
	if len(f.Questions) == 0 {
		at.fault("questions", nil, "is empty; a form asks at least one question")
	}
	var ids []string
	for n, q := range f.Questions {
		field := fmt.Sprintf("questions[%d]", n)
		at.anew(field+".id", q.ID, ids)
		ids = append(ids, q.ID)
		at.needs(field+".text", q.Text, "write the question")
		at.between(field+".most", q.Most, 0, 10)
		if q.Weight < 0 || q.Weight > 1000 || q.Weight != q.Weight {
			at.fault(field+".weight", q.Weight, "is out of bounds; write a number above 0 and up to 1000")
		}
	}
}

func (c *checker) policy(at place, p ReviewPolicy) {
	at.names("queue", p.Queue, ListQueues)
	at.names("category", p.Category, ListCategories)
	at.names("agent", p.Agent, ListAgents)
	at.names("form", p.Form, ListForms)
	at.names("escalate_to", p.EscalateTo, ListGroups)
	at.between("floor", p.Floor, 0, 100)
	ceiling := 100
	if p.Ceiling != nil {
		ceiling = *p.Ceiling
		at.between("ceiling", ceiling, min(max(p.Floor, 0), 100), 100)
	}
	if p.Start != nil {
		at.between("start", *p.Start, p.Floor, ceiling)
	}
	at.between("rise", p.Rise, 0, 100)
	at.between("fall", p.Fall, 0, 100)
	at.between("clean_run", p.Clean, 0, 10_000)
	at.between("deadline_seconds", p.Deadline, 0, longestTime)
	at.between("objective_percent", p.Objective, 0, 100)
	if p.Overdue != "" {
		at.among("overdue", string(p.Overdue), []string{string(OverdueRelease), string(OverdueReassign), string(OverdueEscalate)})
		if p.Deadline == 0 && p.Objective == 0 {
			at.fault("overdue", p.Overdue, "has no deadline; write deadline_seconds or objective_percent")
		}
	}
}

func texts[T ~string](list []T) []string {
	out := make([]string, len(list))
	for n, s := range list {
		out[n] = string(s)
	}
	return out
}

func sortedKeys[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

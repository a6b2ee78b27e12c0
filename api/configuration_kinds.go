package api

import (
	"encoding/json"

	"parley/interaction"
	"parley/lib/rules"
)

// The things of the configuration as the API has them. They are those of the files, under names of their own in the description.
type (
	// GroupSetup is a team.
	GroupSetup interaction.Group
	// CalendarSetup is a business calendar.
	CalendarSetup interaction.Calendar
	// QueueSetup is where tasks wait, with its policies.
	QueueSetup interaction.Queue
	// EntryPointSetup is an address that customers write to.
	EntryPointSetup interaction.EntryPoint
	// AgentSetup is a person; his password comes another way.
	AgentSetup interaction.NewAgent
	// CategorySetup is one node of the category tree.
	CategorySetup interaction.CategorySetup
	// ResponseSetup is a standard response.
	ResponseSetup interaction.Answer
	// ReasonSetup is a reason for not being ready.
	ReasonSetup interaction.NotReady
	// DispositionSetup is how a task may end.
	DispositionSetup interaction.Disposition
	// FormSetup is what a reviewer fills in.
	FormSetup interaction.Form
	// ReviewPolicySetup says how many replies are reviewed.
	ReviewPolicySetup interaction.ReviewPolicy
	// SurveySetup is what customers are asked when an interaction is over.
	SurveySetup interaction.Survey
	// WebhookSetup is who hears of events.
	WebhookSetup interaction.Webhook
	// RetentionSetup says for how many days something is kept.
	RetentionSetup interaction.RetentionRule
	// LinkSetup is an account or a line at a carrier.
	LinkSetup interaction.Link
)

// RuleSetup is a screening rule.
type RuleSetup struct {
	Name        string          `json:"name,omitempty"`
	Title       string          `json:"title,omitempty"`
	Position    int             `json:"position,omitempty" doc:"rules run in this order; where it is, or behind the others, when left out"`
	Enabled     bool            `json:"enabled,omitempty"`
	Languages   []string        `json:"languages,omitempty" doc:"all when empty"`
	EntryPoints []string        `json:"entry_points,omitempty" doc:"all when empty"`
	When        rules.Condition `json:"when,omitzero"`
	Expression  string          `json:"expression,omitempty" doc:"the condition in CEL, instead of when"`
	Then        rules.Action    `json:"then,omitzero"`
}

func ruleSetup(r interaction.Rule) RuleSetup {
	var d rules.Rule
	_ = json.Unmarshal(r.Definition, &d) // it was compiled before it was kept
	return RuleSetup{r.Name, d.Name, r.Position, r.Enabled, d.Languages, d.EntryPoints, d.When, d.Expression, d.Then}
}

func (r RuleSetup) rule() interaction.Rule {
	definition, err := json.Marshal(rules.Rule{
		ID: r.Name, Name: r.Title, Enabled: r.Enabled, Languages: r.Languages, EntryPoints: r.EntryPoints, When: r.When, Expression: r.Expression, Then: r.Then,
	})
	if err != nil {
		definition = nil // which is refused as no rule
	}
	return interaction.Rule{Name: r.Name, Position: r.Position, Enabled: r.Enabled, Definition: definition}
}

// SetupBody is a configuration, or a part of one.
type SetupBody struct {
	Groups         []GroupSetup        `json:"groups,omitempty"`
	Reasons        []ReasonSetup       `json:"reasons,omitempty"`
	Forms          []FormSetup         `json:"forms,omitempty"`
	Calendars      []CalendarSetup     `json:"calendars,omitempty"`
	Queues         []QueueSetup        `json:"queues,omitempty"`
	EntryPoints    []EntryPointSetup   `json:"entry_points,omitempty"`
	Agents         []AgentSetup        `json:"agents,omitempty"`
	Categories     []CategorySetup     `json:"categories,omitempty"`
	Responses      []ResponseSetup     `json:"responses,omitempty"`
	Rules          []RuleSetup         `json:"rules,omitempty"`
	Dispositions   []DispositionSetup  `json:"dispositions,omitempty"`
	ReviewPolicies []ReviewPolicySetup `json:"review_policies,omitempty"`
	Webhooks       []WebhookSetup      `json:"webhooks,omitempty"`
	Surveys        []SurveySetup       `json:"surveys,omitempty"`
	Links          []LinkSetup         `json:"links,omitempty"`
	Retention      []RetentionSetup    `json:"retention,omitempty"`
}

// The lists, each with how its things come out of a setup and go into one.
var (
	groupKind = setupKind[GroupSetup]{
		interaction.ListGroups,
		func(s interaction.Setup) []GroupSetup {
			return each(s.Groups, func(g interaction.Group) GroupSetup { return GroupSetup(g) })
		},
		func(s *interaction.Setup, l []GroupSetup) {
			s.Groups = each(l, func(g GroupSetup) interaction.Group { return interaction.Group(g) })
		},
		func(g *GroupSetup) *string { return &g.Name },
	}
	reasonKind = setupKind[ReasonSetup]{
		interaction.ListReasons,
		func(s interaction.Setup) []ReasonSetup {
			return each(s.Reasons, func(r interaction.NotReady) ReasonSetup { return ReasonSetup(r) })
		},
		func(s *interaction.Setup, l []ReasonSetup) {
			s.Reasons = each(l, func(r ReasonSetup) interaction.NotReady { return interaction.NotReady(r) })
		},
		func(r *ReasonSetup) *string { return &r.Name },
	}
	formKind = setupKind[FormSetup]{
		interaction.ListForms,
		func(s interaction.Setup) []FormSetup {
			return each(s.Forms, func(f interaction.Form) FormSetup { return FormSetup(f) })
		},
		func(s *interaction.Setup, l []FormSetup) {
			s.Forms = each(l, func(f FormSetup) interaction.Form { return interaction.Form(f) })
		},
		func(f *FormSetup) *string { return &f.Name },
	}
	calendarKind = setupKind[CalendarSetup]{
		interaction.ListCalendars,
		func(s interaction.Setup) []CalendarSetup {
			return each(s.Calendars, func(c interaction.Calendar) CalendarSetup { return CalendarSetup(c) })
		},
		func(s *interaction.Setup, l []CalendarSetup) {
			s.Calendars = each(l, func(c CalendarSetup) interaction.Calendar { return interaction.Calendar(c) })
		},
		func(c *CalendarSetup) *string { return &c.Name },
	}
	queueKind = setupKind[QueueSetup]{
		interaction.ListQueues,
		func(s interaction.Setup) []QueueSetup {
			return each(s.Queues, func(q interaction.Queue) QueueSetup { return QueueSetup(q) })
		},
		func(s *interaction.Setup, l []QueueSetup) {
			s.Queues = each(l, func(q QueueSetup) interaction.Queue { return interaction.Queue(q) })
		},
		func(q *QueueSetup) *string { return &q.Name },
	}
	entryPointKind = setupKind[EntryPointSetup]{
		interaction.ListEntryPoints,
		func(s interaction.Setup) []EntryPointSetup {
			return each(s.EntryPoints, func(e interaction.EntryPoint) EntryPointSetup { return EntryPointSetup(e) })
		},
		func(s *interaction.Setup, l []EntryPointSetup) {
			s.EntryPoints = each(l, func(e EntryPointSetup) interaction.EntryPoint { return interaction.EntryPoint(e) })
		},
		func(e *EntryPointSetup) *string { return &e.Name },
	}
	agentKind = setupKind[AgentSetup]{
		interaction.ListAgents,
		func(s interaction.Setup) []AgentSetup {
			return each(s.Agents, func(a interaction.NewAgent) AgentSetup { return AgentSetup(a) })
		},
		func(s *interaction.Setup, l []AgentSetup) {
			s.Agents = each(l, func(a AgentSetup) interaction.NewAgent { return interaction.NewAgent(a) })
		},
		func(a *AgentSetup) *string { return &a.Login },
	}
	categoryKind = setupKind[CategorySetup]{
		interaction.ListCategories,
		func(s interaction.Setup) []CategorySetup {
			return each(s.Categories, func(c interaction.CategorySetup) CategorySetup { return CategorySetup(c) })
		},
		func(s *interaction.Setup, l []CategorySetup) {
			s.Categories = each(l, func(c CategorySetup) interaction.CategorySetup { return interaction.CategorySetup(c) })
		},
		func(c *CategorySetup) *string { return &c.Name },
	}
	responseKind = setupKind[ResponseSetup]{
		interaction.ListResponses,
		func(s interaction.Setup) []ResponseSetup {
			return each(s.Responses, func(r interaction.Answer) ResponseSetup { return ResponseSetup(r) })
		},
		func(s *interaction.Setup, l []ResponseSetup) {
			s.Responses = each(l, func(r ResponseSetup) interaction.Answer { return interaction.Answer(r) })
		},
		func(r *ResponseSetup) *string { return &r.Name },
	}
	ruleKind = setupKind[RuleSetup]{
		interaction.ListRules,
		func(s interaction.Setup) []RuleSetup { return each(s.Rules, ruleSetup) },
		func(s *interaction.Setup, l []RuleSetup) { s.Rules = each(l, RuleSetup.rule) },
		func(r *RuleSetup) *string { return &r.Name },
	}
	dispositionKind = setupKind[DispositionSetup]{
		interaction.ListDispositions,
		func(s interaction.Setup) []DispositionSetup {
			return each(s.Dispositions, func(d interaction.Disposition) DispositionSetup { return DispositionSetup(d) })
		},
		func(s *interaction.Setup, l []DispositionSetup) {
			s.Dispositions = each(l, func(d DispositionSetup) interaction.Disposition { return interaction.Disposition(d) })
		},
		func(d *DispositionSetup) *string { return &d.Name },
	}
	policyKind = setupKind[ReviewPolicySetup]{
		interaction.ListReviewPolicies,
		func(s interaction.Setup) []ReviewPolicySetup {
			return each(s.ReviewPolicies, func(p interaction.ReviewPolicy) ReviewPolicySetup { return ReviewPolicySetup(p) })
		},
		func(s *interaction.Setup, l []ReviewPolicySetup) {
			s.ReviewPolicies = each(l, func(p ReviewPolicySetup) interaction.ReviewPolicy { return interaction.ReviewPolicy(p) })
		},
		func(p *ReviewPolicySetup) *string { return &p.Name },
	}
	surveyKind = setupKind[SurveySetup]{
		interaction.ListSurveys,
		func(s interaction.Setup) []SurveySetup {
			return each(s.Surveys, func(v interaction.Survey) SurveySetup { return SurveySetup(v) })
		},
		func(s *interaction.Setup, l []SurveySetup) {
			s.Surveys = each(l, func(v SurveySetup) interaction.Survey { return interaction.Survey(v) })
		},
		func(v *SurveySetup) *string { return &v.Name },
	}
	webhookKind = setupKind[WebhookSetup]{
		interaction.ListWebhooks,
		func(s interaction.Setup) []WebhookSetup {
			return each(s.Webhooks, func(w interaction.Webhook) WebhookSetup { return WebhookSetup(w) })
		},
		func(s *interaction.Setup, l []WebhookSetup) {
			s.Webhooks = each(l, func(w WebhookSetup) interaction.Webhook { return interaction.Webhook(w) })
		},
		func(w *WebhookSetup) *string { return &w.Name },
	}
	retentionKind = setupKind[RetentionSetup]{
		interaction.ListRetention,
		func(s interaction.Setup) []RetentionSetup {
			return each(s.Retention, func(r interaction.RetentionRule) RetentionSetup { return RetentionSetup(r) })
		},
		func(s *interaction.Setup, l []RetentionSetup) {
			s.Retention = each(l, func(r RetentionSetup) interaction.RetentionRule { return interaction.RetentionRule(r) })
		},
		func(r *RetentionSetup) *string { return &r.Name },
	}
	linkKind = setupKind[LinkSetup]{
		interaction.ListLinks,
		func(s interaction.Setup) []LinkSetup {
			return each(s.Links, func(l interaction.Link) LinkSetup { return LinkSetup(l) })
		},
		func(s *interaction.Setup, l []LinkSetup) {
			s.Links = each(l, func(l LinkSetup) interaction.Link { return interaction.Link(l) })
		},
		func(l *LinkSetup) *string { return &l.Name },
	}
)

// addConfiguration adds the routes of all lists and of the whole.
func (s *server) addConfiguration() {
	on(s, route{method: get, path: "/v1/configuration", summary: "Read the whole configuration", configures: true}, s.getConfiguration)
	on(s, route{method: post, path: "/v1/configuration", summary: "Apply a configuration, or say what it would change", configures: true, limit: textBody}, s.applyConfiguration)
	addSetup(s, groupKind)
	addSetup(s, reasonKind)
	addSetup(s, formKind)
	addSetup(s, calendarKind)
	addSetup(s, queueKind)
	addSetup(s, entryPointKind)
	addSetup(s, agentKind)
	addSetup(s, categoryKind)
	addSetup(s, responseKind)
	addSetup(s, ruleKind)
	addSetup(s, dispositionKind)
	addSetup(s, policyKind)
	addSetup(s, webhookKind)
	addSetup(s, surveyKind)
	addSetup(s, linkKind)
	addSetup(s, retentionKind)
}

func setupBody(s interaction.Setup) SetupBody {
	return SetupBody{
		groupKind.out(s), reasonKind.out(s), formKind.out(s), calendarKind.out(s), queueKind.out(s), entryPointKind.out(s), agentKind.out(s), categoryKind.out(s), responseKind.out(s),
		ruleKind.out(s), dispositionKind.out(s), policyKind.out(s), webhookKind.out(s), surveyKind.out(s), linkKind.out(s), retentionKind.out(s),
	}
}

func (b SetupBody) setup() (s interaction.Setup) {
	groupKind.into(&s, b.Groups)
	reasonKind.into(&s, b.Reasons)
	formKind.into(&s, b.Forms)
	calendarKind.into(&s, b.Calendars)
	queueKind.into(&s, b.Queues)
	entryPointKind.into(&s, b.EntryPoints)
	agentKind.into(&s, b.Agents)
	categoryKind.into(&s, b.Categories)
	responseKind.into(&s, b.Responses)
	ruleKind.into(&s, b.Rules)
	dispositionKind.into(&s, b.Dispositions)
	policyKind.into(&s, b.ReviewPolicies)
	webhookKind.into(&s, b.Webhooks)
	surveyKind.into(&s, b.Surveys)
	linkKind.into(&s, b.Links)
	retentionKind.into(&s, b.Retention)
	return s
}

package store_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"parley/interaction"
	"parley/store"
	"parley/store/storetest"
)

// full has something in every list, with every field set somewhere.
func full() interaction.Setup {
	number := func(n int) *int { return &n }
	share := func(f float64) *float64 { return &f }
	starts, expires := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC), time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC)
	s := storetest.House()
	s.Groups = append(s.Groups, interaction.Group{Name: "quality", Title: "Quality"})
	s.Queues = append(s.Queues, interaction.Queue{
		Name: "refunds", Title: "Refunds", Group: "service", Priority: 3, ReviewPercent: number(0), RouteSeconds: 60, HandleSeconds: 120, OfferSeconds: 5, Push: true,
		Chain: []interaction.RouteTarget{
			{Kind: interaction.ToLastAgent, Seconds: 5},
			{Kind: interaction.ToSkill, Name: "refunds", Level: 7, Seconds: 30},
			{Kind: interaction.ToGroup, Name: "sales", Seconds: 30},
			{Kind: interaction.ToQueue, Name: "service"},
		},
	})
	s.Agents[0].Skills = map[string]int{"refunds": 9}
	s.Agents[0].Limits = map[string]int{"email": 2, "chat": 3, "total": 4}
	s.Categories = []interaction.CategorySetup{{Name: "money/refund", Title: "Refund", Skill: "refunds", Queue: "refunds", AutoThreshold: share(0.9), RouteThreshold: share(0.4)}}
	s.Responses = []interaction.Answer{{
		Name: "refund", Category: "money/refund", Language: "en", Usage: interaction.UseSuggestion, State: interaction.ResponseActive,
		Starts: &starts, Expires: &expires, Subject: "Refund", Text: "It is on its way.",
	}}
	s.Rules = []interaction.Rule{
		{Name: "second", Position: 1, Enabled: true, Definition: json.RawMessage(`{"when":{"text":"x","op":"find","field":"text"},"then":{"queue":"refunds"},"entry_points":["support"]}`)},
		{Name: "first", Position: 2, Definition: json.RawMessage(`{"then":{"category":"money/refund"}}`)},
	}
	s.Reasons = []interaction.NotReady{{Name: "lunch", Title: "Lunch"}}
	s.Dispositions = []interaction.Disposition{{Name: "solved", Title: "Solved", Queues: []string{"service"}, Channels: []interaction.Channel{interaction.Email}}}
	s.Forms = []interaction.Form{{Name: "quality", Title: "Quality", Questions: []interaction.Question{
		{ID: "right", Text: "Is it right?", Critical: true}, {ID: "tone", Text: "Tone", Most: 5, Weight: 2.5, Optional: true},
	}}}
	s.ReviewPolicies = []interaction.ReviewPolicy{{
		Name: "refunds", Queue: "service", Category: "money/refund", Skill: "refunds", Agent: "ann", Floor: 10, Ceiling: number(90), Start: number(50),
		Rise: 20, Fall: 5, Clean: 4, Form: "quality", Deadline: 600, Objective: 50, Overdue: interaction.OverdueReassign, EscalateTo: "quality",
	}}
	s.Links = []interaction.Link{{Name: "box", Kind: "imap", EntryPoint: s.EntryPoints[0].Name, Settings: map[string]any{"host": "mail.example.test"}, Secret: "env:PARLEY_LINK_BOX", Disabled: true}}
	s.Surveys = []interaction.Survey{{
		Name: "after", Title: "After", Intro: map[string]string{"en": "Tell us"}, Thanks: map[string]string{"de": "Danke"}, Subject: map[string]string{"en": "How was it?"},
		Percent: number(50), OpenDays: 3, PauseDays: 60, MailChats: true, Questions: []interaction.SurveyQuestion{
			{Key: "how", Text: map[string]string{"en": "How was it?", "de": "Wie war es?"}, Required: true},
			{Key: "why", Kind: interaction.SurveyChoice, Text: map[string]string{"en": "Why?"}, Choices: []string{"slow", "rude"}},
		},
	}}
	s.EntryPoints[0].Survey = "after"
	s.Retention = []interaction.RetentionRule{{Name: "raw_mail", Kind: interaction.RetainRaw, Channel: interaction.Email, Days: 30}, {Name: "people", Kind: interaction.RetainContacts, Days: 1000}}
	s.Webhooks = []interaction.Webhook{{Name: "crm", URL: "https://crm.example.test/", Events: []string{"send.*"}, Disabled: true}}
	return s
}

// What is read out is what was applied, and applied again it changes nothing: not the version, not the audit.
func TestAConfigurationGoesRoundAndChangesNothing(t *testing.T) {
	s := storetest.Empty(t, store.Options{})
	changes, err := s.ApplyChanges(t.Context(), interaction.System, full(), false)
	require.NoError(t, err)
	require.Len(t, changes, len(full().Entries()))

	out, err := s.Configuration(t.Context())
	require.NoError(t, err)
	require.ElementsMatch(t, fields(full().Entries()), fields(out.Entries()))
	screening, err := s.Screening(t.Context())
	require.NoError(t, err)
	require.Equal(t, []string{"second", "first"}, []string{screening[0].Name, screening[1].Name}, "in their order, for who runs them")
	before, err := s.SetupVersion(t.Context())
	require.NoError(t, err)
	lines := scan[int](t, s, `select count(*) from events`)
	for _, again := range []interaction.Setup{out, full()} {
		changes, err := s.ApplyChanges(t.Context(), interaction.System, again, true)
		require.NoError(t, err)
		require.Empty(t, changes)
	}
	after, err := s.SetupVersion(t.Context())
	require.NoError(t, err)
	require.Equal(t, before, after)
	require.Equal(t, lines, scan[int](t, s, `select count(*) from events`))
}

// fields makes entries comparable whatever the spelling of their definitions.
func fields(entries []interaction.Entry) []string {
	var out []string
	for _, e := range entries {
		text, err := json.Marshal(e)
		if err != nil {
			panic(err)
		}
		out = append(out, string(text))
	}
	return out
}

// Only what differs is written, and each change has its line with before and after.
func TestOnlyWhatDiffersIsWritten(t *testing.T) {
	s := storetest.Empty(t, store.Options{})
	require.NoError(t, s.Apply(t.Context(), interaction.System, full()))
	root := storetest.Person(t, s, "root")
	wanted := full()
	wanted.Queues[0].Title = "Service desk"
	wanted.ReviewPolicies = nil
	planned, err := s.Plan(t.Context(), wanted, true)
	require.NoError(t, err)
	changes, err := s.ApplyChanges(t.Context(), root, wanted, true)
	require.NoError(t, err)
	require.Equal(t, planned, changes)
	require.Equal(t, []interaction.Change{
		{List: "queues", Name: "service", Action: "change", Fields: []interaction.FieldChange{{Field: "title", After: "Service desk"}}},
		{List: "review_policies", Name: "refunds", Action: "remove"},
	}, changes)
	require.Equal(t, []string{"configuration.changed", "configuration.removed", "configuration.applied"},
		scan[[]string](t, s, `select array_agg(code order by position) from events where actor = $1`, root.Agent))
	require.Equal(t, "Service desk", scan[string](t, s, `select after->>'title' from event_values join events using (position) where code = 'configuration.changed'`))
}

// Nothing in use is removed, and the refusal says by what it is used.
func TestNothingInUseIsRemoved(t *testing.T) {
	s := storetest.Empty(t, store.Options{})
	require.NoError(t, s.Apply(t.Context(), interaction.System, full()))
	arrive(t, s, "c@customer.test", "Kettle")
	ann := storetest.Person(t, s, "ann")
	_, err := s.SetReady(t.Context(), ann, false, "lunch")
	require.NoError(t, err)
	for _, c := range []struct{ list, name, by string }{
		{"groups", "sales", `queues "refunds"`},
		{"groups", "quality", `review_policies "refunds"`},
		{"queues", "service", `entry_points "support"`},
		{"queues", "refunds", `categories "money/refund"`},
		{"entry_points", "support", `1 open interactions`},
		{"categories", "money/refund", `responses "refund"`},
		{"forms", "quality", `review_policies "refunds"`},
		{"reasons", "lunch", `agents "ann"`},
	} {
		err := s.Remove(t.Context(), interaction.System, c.list, c.name, func(interaction.Entry) error { return nil })
		require.Equal(t, "in_use", code(err), c.name)
		require.ErrorContains(t, err, c.by)
	}
	err = s.Remove(t.Context(), interaction.System, "agents", "ann", func(interaction.Entry) error { return nil })
	require.Equal(t, "never_removed", code(err))
	for _, c := range []struct{ list, name string }{{"rules", "first"}, {"rules", "second"}, {"responses", "refund"}, {"dispositions", "solved"}, {"review_policies", "refunds"}, {"forms", "quality"}} {
		require.NoError(t, s.Remove(t.Context(), interaction.System, c.list, c.name, func(interaction.Entry) error { return nil }), c.name)
	}
	err = s.Remove(t.Context(), interaction.System, "rules", "first", func(interaction.Entry) error { return nil })
	require.Equal(t, interaction.KindUnknown, interaction.KindOf(err))
}

// A setup with a fault changes nothing at all, and the last admin stays one.
func TestWhatIsWrongChangesNothing(t *testing.T) {
	s := storetest.Empty(t, store.Options{})
	require.NoError(t, s.Apply(t.Context(), interaction.System, full()))
	wrong := interaction.Setup{Groups: []interaction.Group{{Name: "new"}}, Queues: []interaction.Queue{{Name: "q", Group: "nobody"}}}
	_, err := s.ApplyChanges(t.Context(), interaction.System, wrong, false)
	require.Equal(t, "bad_configuration", code(err))
	require.ErrorContains(t, err, `queues "q": group = "nobody": there is no such name in groups; name one of new, quality, sales, service`)
	require.Zero(t, scan[int](t, s, `select count(*) from groups where name = 'new'`))

	for _, change := range []func(*interaction.NewAgent){
		func(a *interaction.NewAgent) { a.Role = interaction.RoleAgent },
		func(a *interaction.NewAgent) { a.Disabled = true },
	} {
		root := interaction.NewAgent{Login: "root", Name: "Root", Role: interaction.RoleAdmin}
		change(&root)
		_, err := s.ApplyChanges(t.Context(), interaction.System, interaction.Setup{Agents: []interaction.NewAgent{root}}, false)
		require.Equal(t, "last_admin", code(err))
	}
}

// Who is disabled by configuration is out at once.
func TestWhoIsDisabledByConfigurationIsOut(t *testing.T) {
	s := storetest.New(t, store.Options{})
	ann := ready(t, s, "ann")
	_, err := s.CreateToken(t.Context(), interaction.System, interaction.NewToken{Agent: ann.Agent, Kind: interaction.TokenAPI, Hash: []byte("h")})
	require.NoError(t, err)
	setup := storetest.House()
	setup.Agents = setup.Agents[:1]
	setup.Agents[0].Disabled = true
	require.NoError(t, s.Apply(t.Context(), interaction.System, setup))
	_, err = s.ActorByToken(t.Context(), []byte("h"))
	require.Equal(t, interaction.KindUnknown, interaction.KindOf(err))
	require.False(t, scan[bool](t, s, `select ready from agents where login = 'ann'`))
}

package store_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"parley/interaction"
	"parley/store"
	"parley/store/storetest"
)

// library gives a store with an active response, two approved ones beside it and a draft, all for the same questions.
func library(t *testing.T) *store.Store {
	s := storetest.New(t, store.Options{Renderer: braces{}})
	answer := func(name string, state interaction.ResponseState) interaction.Answer {
		return interaction.Answer{Name: name, Usage: interaction.UseAutoResponse, Language: "en", Category: "password", State: state, Text: name + " for {contact.email}"}
	}
	require.NoError(t, s.Apply(t.Context(), interaction.System, interaction.Setup{
		Categories: []interaction.CategorySetup{{Name: "password"}},
		Responses: []interaction.Answer{
			answer("now", interaction.ResponseActive), answer("next", interaction.ResponseApproved), answer("other", interaction.ResponseApproved), answer("idea", interaction.ResponseDraft),
		},
	}))
	return s
}

// braces fills in values where they stand in braces.
type braces struct{}

func (braces) Render(source string, values map[string]any) (string, error) {
	for name, value := range values {
		source = strings.ReplaceAll(source, "{"+name+"}", fmt.Sprint(value))
	}
	if strings.Contains(source, "{") {
		return "", fmt.Errorf("a field is unknown in %q", source)
	}
	return source, nil
}

func (b braces) RenderHTML(source string, values map[string]any) (string, error) {
	text, err := b.Render(source, values)
	return "<!-- escaped -->" + text, err
}

func named(t *testing.T, s *store.Store, name string) interaction.Response {
	t.Helper()
	list, err := s.Responses(t.Context(), interaction.ResponseFilter{States: interaction.ResponseStates}, interaction.Page{Limit: 100})
	require.NoError(t, err)
	for _, r := range list.Items {
		if r.Name == name {
			return r
		}
	}
	t.Fatalf("there is no response %q", name)
	return interaction.Response{}
}

// A response becomes what the table allows and nothing else, and every change says who made it.
func TestResponsesChangeAsTheTableSays(t *testing.T) {
	s := library(t)
	dan := storetest.Person(t, s, "dan")
	r := named(t, s, "idea")
	for _, state := range interaction.ResponseStates {
		for _, order := range []string{interaction.ResponseApprove, interaction.ResponseActivate, interaction.ResponseDeactivate, interaction.ResponseWithdraw} {
			exec(t, s, `update responses set state = 'approved' where state = 'active'`)
			exec(t, s, `update responses set state = '`+string(state)+`' where id = '`+string(r.ID)+`'`)
			to := interaction.ResponseState("")
			for _, change := range interaction.ResponseTransitions {
				if change.By == order && change.From == string(state) {
					to = interaction.ResponseState(change.To)
				}
			}
			got, err := s.ChangeResponse(t.Context(), dan, r.ID, 0, order)
			if to == "" {
				require.Equal(t, "response_state", code(err), "%s a %s one", order, state)
				continue
			}
			require.NoError(t, err, "%s a %s one", order, state)
			require.Equal(t, to, got.State)
			require.Equal(t, string(to), scan[string](t, s, `select v.after->>'state' from event_values v join events e using (position)
				where e.code = 'configuration.changed' and e.actor = $1 and e.data->>'name' = 'idea' order by position desc limit 1`, dan.Agent))
		}
	}
	_, err := s.ChangeResponse(t.Context(), dan, interaction.NewID(), 0, interaction.ResponseApprove)
	require.Equal(t, interaction.KindUnknown, interaction.KindOf(err))
	_, err = s.ChangeResponse(t.Context(), dan, r.ID, 1, interaction.ResponseApprove)
	require.Equal(t, interaction.KindStale, interaction.KindOf(err))
	versions, err := s.ResponseVersions(t.Context(), r.ID)
	require.NoError(t, err)
	require.Equal(t, dan.Agent, versions[0].Approver)
	require.False(t, versions[0].ApprovedAt.IsZero())
}

// One is active for a category, language and usage, however many are activated at the same moment, and the database would refuse a second.
func TestOneIsActiveHoweverManyAreActivated(t *testing.T) {
	s := library(t)
	dan := storetest.Person(t, s, "dan")
	for range 5 {
		exec(t, s, `update responses set state = 'approved' where name <> 'idea'`)
		exec(t, s, `update responses set state = 'active' where name = 'now'`)
		var wg sync.WaitGroup
		var errs [2]error
		for n, name := range []string{"next", "other"} {
			id := named(t, s, name).ID
			wg.Go(func() { _, errs[n] = s.ChangeResponse(t.Context(), dan, id, 0, interaction.ResponseActivate) })
		}
		wg.Wait()
		require.NoError(t, errs[0])
		require.NoError(t, errs[1])
		require.Equal(t, 1, scan[int](t, s, `select count(*) from responses where state = 'active'`))
		require.Equal(t, interaction.ResponseApproved, named(t, s, "now").State, "who was active before stays usable by people")
	}
	_, err := s.Pool().Exec(t.Context(), `update responses set state = 'active'`)
	require.ErrorContains(t, err, "responses_active")
}

// What is activated from two sides, by files and by an order, leaves one active too.
func TestFilesAndOrdersMeetAtOneActive(t *testing.T) {
	s := library(t)
	dan := storetest.Person(t, s, "dan")
	next := named(t, s, "next").ID
	setup, err := s.Configuration(t.Context())
	require.NoError(t, err)
	for n := range setup.Responses {
		if r := &setup.Responses[n]; r.Name == "now" || r.Name == "other" {
			r.State = map[string]interaction.ResponseState{"now": interaction.ResponseApproved, "other": interaction.ResponseActive}[r.Name]
		}
	}
	var wg sync.WaitGroup
	wg.Go(func() { _, _ = s.ChangeResponse(t.Context(), dan, next, 0, interaction.ResponseActivate) })
	wg.Go(func() { _, _ = s.ApplyChanges(t.Context(), dan, setup, false) })
	wg.Wait()
	require.Equal(t, 1, scan[int](t, s, `select count(*) from responses where state = 'active'`))

	_, err = s.ApplyChanges(t.Context(), dan, interaction.Setup{Responses: []interaction.Answer{{
		Name: "new", Usage: interaction.UseAutoResponse, Language: "en", Category: "password", State: interaction.ResponseActive, Text: "x",
	}}}, false)
	require.ErrorContains(t, err, "is active for the same category, language and usage", "files do not put aside what they do not name")
}

// An expired one is not activated.
func TestTheExpiredIsNotActivated(t *testing.T) {
	s := library(t)
	exec(t, s, `update responses set expires = now() - interval '1 second' where name = 'next'`)
	_, err := s.ChangeResponse(t.Context(), storetest.Person(t, s, "dan"), named(t, s, "next").ID, 0, interaction.ResponseActivate)
	require.Equal(t, "expired", code(err))
	require.Equal(t, interaction.ResponseActive, named(t, s, "now").State)
}

// Each text is a version with its author, another text needs another approval, and what was said stays known when the response is gone.
func TestVersionsAreKept(t *testing.T) {
	s := library(t)
	dan := storetest.Person(t, s, "dan")
	first := named(t, s, "next")
	put := func(text string, state interaction.ResponseState) []interaction.Change {
		changes, err := s.Put(t.Context(), dan, interaction.Setup{Responses: []interaction.Answer{{
			Name: "next", Usage: interaction.UseAutoResponse, Language: "en", Category: "password", State: state, Text: text,
		}}}, func(*interaction.Entry) error { return nil })
		require.NoError(t, err)
		return changes
	}
	require.Empty(t, put(first.Text, ""), "the same text changes nothing, not even its approval")
	require.NotEmpty(t, put("Other words", ""))
	r := named(t, s, "next")
	require.Equal(t, interaction.ResponseDraft, r.State)
	require.EqualValues(t, 2, r.Version)
	require.NotEmpty(t, put("Other words", interaction.ResponseApproved))
	require.EqualValues(t, 2, named(t, s, "next").Version, "a state is no version")
	put("Third", interaction.ResponseApproved)

	check := func() {
		versions, err := s.ResponseVersions(t.Context(), first.ID)
		require.NoError(t, err)
		require.Len(t, versions, 3)
		require.Equal(t, []string{"Third", "Other words", first.Text}, []string{versions[0].Text, versions[1].Text, versions[2].Text})
		require.Equal(t, []interaction.ID{dan.Agent, dan.Agent, ""}, []interaction.ID{versions[0].Author, versions[1].Author, versions[2].Author})
		require.Equal(t, dan.Agent, versions[1].Approver)
	}
	check()
	require.NoError(t, s.Remove(t.Context(), dan, interaction.ListResponses, "next", func(interaction.Entry) error { return nil }))
	check()
	_, err := s.ResponseVersions(t.Context(), interaction.NewID())
	require.Equal(t, interaction.KindUnknown, interaction.KindOf(err))
}

// What answers by itself, and what an order is still to send, is not removed; the refusal says by what it is used.
func TestAUsedResponseIsNotRemoved(t *testing.T) {
	s := library(t)
	root := storetest.Person(t, s, "root")
	remove := func(name string) error {
		return s.Remove(t.Context(), root, interaction.ListResponses, name, func(interaction.Entry) error { return nil })
	}
	err := remove("now")
	require.Equal(t, "in_use", code(err))
	require.ErrorContains(t, err, `categories "password"`)

	id, _ := understood(t, s, "c@customer.test", interaction.Understood{Language: "en"})
	next := named(t, s, "next")
	sel, err := s.CreateSelection(t.Context(), root, interaction.NewSelection{
		Order: interaction.Order{Name: interaction.OrderAutoRespond, Response: next.ID}, IDs: []interaction.ID{id}, PerSecond: 1,
	})
	require.NoError(t, err)
	err = remove("next")
	require.Equal(t, "in_use", code(err))
	require.ErrorContains(t, err, string(sel.ID))
	uses, err := s.ResponseUses(t.Context(), next.ID)
	require.NoError(t, err)
	require.Equal(t, []interaction.ResponseUse{{By: "selections", Name: string(sel.ID), Count: 1}}, uses)
	exec(t, s, `update selections set state = 'cancelled'`)
	require.NoError(t, remove("next"))

	setup, err := s.Configuration(t.Context())
	require.NoError(t, err)
	setup.Responses = nil
	_, err = s.ApplyChanges(t.Context(), root, setup, true)
	require.NoError(t, err, "files that name none remove them, the category that they answer included")
	require.Zero(t, scan[int](t, s, `select count(*) from responses`))
}

// Files come with the configuration or by upload, are kept once, and go with the mail.
func TestFilesOfResponsesGoWithTheMail(t *testing.T) {
	s := library(t)
	dan := storetest.Person(t, s, "dan")
	file, err := s.SaveLibraryFile(t.Context(), dan, "terms.pdf", "application/pdf", []byte("the terms"))
	require.NoError(t, err)
	again, err := s.SaveLibraryFile(t.Context(), dan, "copy.pdf", "application/pdf", []byte("the terms"))
	require.NoError(t, err)
	require.Equal(t, file.Upload, again.Upload)

	answer := interaction.Answer{
		Name: "now", Usage: interaction.UseAutoResponse, Language: "en", Category: "password", State: interaction.ResponseActive,
		Subject: "About {interaction.subject}", Text: "For {contact.email}", HTML: "<p>{contact.email}</p>",
		Attachments: []interaction.LibraryFile{{Name: "terms.pdf", SHA256: file.SHA256}, {Name: "note.txt", SHA256: strings.Repeat("0", 64)}},
	}
	put := func() error {
		_, err := s.ApplyChanges(t.Context(), dan, interaction.Setup{Responses: []interaction.Answer{answer}}, false)
		return err
	}
	err = put()
	require.Equal(t, "unknown_file", code(err))
	answer.Attachments[1] = interaction.LibraryFile{Name: "note.txt", Type: "text/plain", Data: []byte("a note"), SHA256: sha(t, s, "a note")}
	require.NoError(t, put())
	out, err := s.Configuration(t.Context())
	require.NoError(t, err)
	changes, err := s.ApplyChanges(t.Context(), dan, out, true)
	require.NoError(t, err)
	require.Empty(t, changes, "what is read out changes nothing")

	id, found := understood(t, s, "carla@customer.test", interaction.Understood{Language: "en", Category: "password", Confidence: 0.9, Certain: true})
	written := write(t, s, id, interaction.AutoAnswer{Usage: interaction.UseAutoResponse, Response: found.Response})
	require.True(t, written.Queued, written.Reason)
	send, err := s.PrepareSend(t.Context(), id, written.Message)
	require.NoError(t, err)
	require.Equal(t, "About Question", send.Out.Subject)
	require.Equal(t, "For carla@customer.test", send.Out.Text)
	require.Equal(t, "<!-- escaped --><p>carla@customer.test</p>", send.Out.HTML)
	require.True(t, send.Out.Automatic)
	var files []string
	for _, f := range send.Files {
		data, err := s.UploadData(t.Context(), f.Upload)
		require.NoError(t, err)
		files = append(files, f.Name+" "+f.Type+" "+string(data))
	}
	require.Equal(t, []string{"terms.pdf application/pdf the terms", "note.txt text/plain a note"}, files)
	list, err := s.Uploads(t.Context(), storetest.Person(t, s, "ann"), []interaction.ID{file.Upload})
	require.NoError(t, err)
	require.Equal(t, "terms.pdf", list[0].Name, "an agent may attach what a response has")
}

func sha(t *testing.T, s *store.Store, text string) string {
	t.Helper()
	return scan[string](t, s, `select encode(sha256(convert_to($1, 'UTF8')), 'hex')`, text)
}

// What stops being good between the decision and the last byte does not leave; what was begun is not called back.
func TestAResponseThatEndsBeforeItsMailLeavesIsNotSent(t *testing.T) {
	tests := []struct {
		name, change string
		leaves       bool
	}{
		{"still good", `select 1`, true},
		{"not the active one any more, but approved", `update responses set state = 'approved' where name = 'now'`, true},
		{"expired", `update responses set expires = now() where name = 'now'`, false},
		{"withdrawn", `update responses set state = 'draft' where name = 'now'`, false},
		{"put off", `update responses set starts = now() + interval '1 hour' where name = 'now'`, false},
		{"removed", `delete from responses where name = 'now'`, false},
	}
	for n, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := library(t)
			id, found := understood(t, s, fmt.Sprintf("c%d@customer.test", n), interaction.Understood{Language: "en", Category: "password", Confidence: 0.9, Certain: true})
			written := write(t, s, id, interaction.AutoAnswer{Usage: interaction.UseAutoResponse, Response: found.Response})
			require.True(t, written.Queued, written.Reason)
			exec(t, s, tt.change)
			begun, err := s.BeginSend(t.Context(), id, written.Message, interaction.NewID())
			require.NoError(t, err)
			require.Equal(t, tt.leaves, begun)
			again, err := s.BeginSend(t.Context(), id, written.Message, interaction.NewID())
			require.NoError(t, err)
			require.False(t, again, "another attempt finds the same")
			if tt.leaves {
				return
			}
			state, err := s.SendState(t.Context(), id, written.Message)
			require.NoError(t, err)
			require.Equal(t, interaction.SendNotSent, state)
			require.Equal(t, "response_gone", scan[string](t, s, `select code from ledger`))
			require.Equal(t, string(interaction.Automatic), scan[string](t, s, `select state from interactions`), "the story goes on")
			require.Equal(t, 1, scan[int](t, s, `select count(*) from events where code = 'send.refused'`))
		})
	}
}

// Only what is above the category's threshold when it is written is answered, and the line says everything that it goes back to.
func TestAutomaticAnswersAreExplained(t *testing.T) {
	s := library(t)
	look := func(interaction.Material) interaction.Explained {
		return interaction.Explained{
			Understood: interaction.Understood{Language: "en", Category: "password", Confidence: 0.9, Certain: true}, Threshold: 0.85, Model: "0199c0de-0000-7000-8000-000000000001",
			Rules: []string{"mark"}, Ranked: []interaction.RankedCategory{{Category: "password", Confidence: 0.9}},
		}
	}
	id := arrive(t, s, "c@customer.test", "Question")
	found, err := s.Understand(t.Context(), id, "understand", 1, look)
	require.NoError(t, err)
	exec(t, s, `update categories set auto_threshold = 0.95`)
	require.Equal(t, "below_threshold", write(t, s, id, interaction.AutoAnswer{Usage: interaction.UseAutoResponse, Response: found.Response, Step: "raised"}).Reason)
	exec(t, s, `update categories set auto_threshold = 0.9`)
	require.True(t, write(t, s, id, interaction.AutoAnswer{Usage: interaction.UseAutoResponse, Response: found.Response}).Queued)

	lines, err := s.InteractionEvents(t.Context(), id)
	require.NoError(t, err)
	var told map[string]any
	for _, l := range lines {
		if l.Code == "answer.written" {
			told = l.Data
		}
	}
	require.Subset(t, told, map[string]any{
		"response": string(named(t, s, "now").ID), "name": "now", "version": 1.0, "category": "password", "confidence": 0.9, "threshold": 0.85,
		"model": "0199c0de-0000-7000-8000-000000000001", "rules": []any{"mark"}, "usage": "auto_response", "message": 2.0, "answers": 1.0,
	})
	m, err := s.Message(t.Context(), id, 2)
	require.NoError(t, err)
	require.Equal(t, named(t, s, "now").ID, m.Response)
	require.EqualValues(t, 1, m.ResponseVersion)
}

// A task shows what understanding found, filled in, as long as it may be used; then what its category has. What an agent makes of it is counted.
func TestSuggestionsAreReadyAndCounted(t *testing.T) {
	s := library(t)
	ann := storetest.Person(t, s, "ann")
	next, other := named(t, s, "next"), named(t, s, "other")
	id := arrive(t, s, "carla@customer.test", "Question")
	_, err := s.Understand(t.Context(), id, "understand", 1, func(interaction.Material) interaction.Explained {
		return interaction.Explained{Understood: interaction.Understood{Language: "en", Category: "password", Confidence: 0.6}, Suggested: []interaction.ID{other.ID, next.ID, interaction.NewID()}}
	})
	require.NoError(t, err)
	task := open(t, s, id, "handle")
	_, err = s.Claim(t.Context(), ann, task)
	require.NoError(t, err)
	shown := func() (names, texts []string) {
		view, err := s.TaskView(t.Context(), ann, task)
		require.NoError(t, err)
		for _, r := range view.Suggestions {
			names, texts = append(names, r.Name), append(texts, r.Filled.Text)
		}
		return names, texts
	}
	names, texts := shown()
	require.Equal(t, []string{"other", "next", "now"}, names)
	require.Equal(t, "other for carla@customer.test", texts[0])
	exec(t, s, `update responses set expires = now() where name = 'other'`)
	names, _ = shown()
	require.Equal(t, []string{"next", "now"}, names)

	_, err = s.Reply(t.Context(), ann, task, 0, interaction.Reply{Text: "Dear Carla, next thing for carla@customer.test", Responses: []interaction.ID{interaction.NewID()}})
	require.Equal(t, "unknown_response", code(err))
	_, err = s.Reply(t.Context(), ann, task, 0, interaction.Reply{Text: "Dear Carla, next thing for carla@customer.test", Responses: []interaction.ID{next.ID}})
	require.NoError(t, err)
	counts, err := s.ResponseCounts(t.Context(), time.Now().Add(-time.Hour), time.Now().Add(time.Hour))
	require.NoError(t, err)
	require.Len(t, counts, 4)
	for _, c := range counts {
		switch c.Name {
		case "next":
			require.Equal(t, []int64{1, 1, 0, 0}, []int64{c.Suggested, c.Chosen, c.Unchanged, c.Automatic})
			require.InDelta(t, 1.0/3, c.Change, 1e-9, "one word put between three")
			require.False(t, c.Last.IsZero())
		case "other":
			require.Equal(t, []int64{1, 0, 0, 0}, []int64{c.Suggested, c.Chosen, c.Unchanged, c.Automatic})
		default:
			require.Zero(t, c.Suggested+c.Chosen+c.Automatic, c.Name)
		}
	}
}

// A process that dies behind the commit runs the step again: there is one mail, one line and one place of the guard.
func TestAWrittenAnswerIsWrittenOnce(t *testing.T) {
	s := library(t)
	id, found := understood(t, s, "c@customer.test", interaction.Understood{Language: "en", Category: "password", Confidence: 0.9, Certain: true})
	ask := interaction.AutoAnswer{Interaction: id, Step: "answer", Usage: interaction.UseAutoResponse, Message: 1, Response: found.Response}
	gone, die := context.WithCancel(t.Context())
	die()
	_, err := s.AnswerAutomatically(gone, ask)
	require.Error(t, err, "dead before the commit")
	require.Zero(t, scan[int](t, s, `select count(*) from messages where kind = 'auto'`))
	first, err := s.AnswerAutomatically(t.Context(), ask)
	require.NoError(t, err)
	exec(t, s, `update responses set state = 'draft'`)
	again, err := s.AnswerAutomatically(t.Context(), ask)
	require.NoError(t, err)
	require.Equal(t, first, again, "what was decided stands, whatever became of the response; the send looks at it again")
	for _, table := range []string{`messages where kind = 'auto'`, `events where code = 'answer.written'`, `automatic_mail`, `ledger`} {
		require.Equal(t, 1, scan[int](t, s, `select count(*) from `+table), table)
	}
}

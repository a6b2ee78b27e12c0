package test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"flag"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/api/enums/v1"
	historypb "go.temporal.io/api/history/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"
	"google.golang.org/protobuf/encoding/protojson"

	"parley/activities/autoresponse"
	"parley/activities/callback"
	"parley/activities/categorization"
	"parley/activities/conversation"
	"parley/activities/delivery"
	"parley/activities/postprocessing"
	"parley/activities/review"
	"parley/activities/routing"
	"parley/activities/screening"
	"parley/activities/survey"
	"parley/activities/training"
	"parley/activities/understanding"
	"parley/adapters/catcher"
	"parley/adapters/smpp"
	"parley/engine"
	"parley/interaction"
	"parley/lib/calendar"
	"parley/lib/mail"
	"parley/lib/mms"
	"parley/lib/social"
	"parley/store"
	"parley/store/storetest"
	"parley/workers"
)

// record writes the histories of these tests into workflows/testdata/replay: go test ./test -run Story -record NAME
var record = flag.String("record", "", "write the histories under this release's name")

// stage is a small house on the real PostgreSQL and the real Temporal, in this process.
type stage struct {
	t       *testing.T
	store   *store.Store
	engine  *engine.Engine
	outbox  *catcher.Catcher
	sender  *scriptedSender
	know    *categorization.Categorizer
	outside *scriptedOutside
	people  map[string]interaction.Actor
	inbound workers.Bell
	own     map[string]any // a designer's workflows
	queue   string         // of Temporal's tasks
}

// asItStands renders a text as it stands.
type asItStands struct{}

func (asItStands) Render(source string, _ map[string]any) (string, error) { return source, nil }

// scriptedSender passes on to the catcher, unless it is told to lose the answer.
type scriptedSender struct {
	interaction.Sender
	mu   sync.Mutex
	lose bool
}

func (s *scriptedSender) Send(ctx context.Context, out interaction.Outbound, commit func(context.Context) error) interaction.Outcome {
	s.mu.Lock()
	lose := s.lose
	s.mu.Unlock()
	got := s.Sender.Send(ctx, out, commit)
	if lose && got.State == interaction.SendSent {
		return interaction.Outcome{State: interaction.SendUnknown, Code: "lost"}
	}
	return got
}

func newStage(t *testing.T) *stage { return newStageWith(t, nil) }

// newStageWith is a stage with workflows of a designer's own.
func newStageWith(t *testing.T, own map[string]any) *stage {
	t.Helper()
	address := os.Getenv("PARLEY_TEST_TEMPORAL_ADDRESS")
	if address == "" {
		t.Skip("SKIPPED: this test needs a Temporal server; set PARLEY_TEST_TEMPORAL_ADDRESS, as make test does")
	}
	log := slog.New(slog.DiscardHandler)
	st := &stage{t: t, inbound: workers.NewBell(), people: map[string]interaction.Actor{}, own: own}
	news := workers.NewBell()
	st.store = storetest.New(t, store.Options{Log: log, Wake: store.Wake{Inbound: st.inbound.Ring, Outbox: news.Ring}})
	var err error
	st.engine, err = engine.Dial(engine.Options{Address: address, Namespace: "parley", Identity: t.Name(), Log: log})
	require.NoError(t, err)
	st.outbox, err = catcher.New(t.TempDir(), "test", log)
	require.NoError(t, err)
	st.sender = &scriptedSender{Sender: st.outbox}
	st.know, st.outside = &categorization.Categorizer{}, &scriptedOutside{}
	for _, login := range []string{"ann", "ben", "sue", "vic"} {
		st.people[login] = storetest.Person(t, st.store, login)
	}
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	var wg sync.WaitGroup
	// Tests share the Temporal server: each has a task queue of its own, so that no other test's worker takes its work.
	queue := "test-" + string(interaction.NewID())
	st.queue = queue
	for _, part := range []interface{ Run(context.Context) error }{
		&workers.Intake{Store: st.store, Bell: st.inbound, Log: log, Parsers: map[interaction.Channel]interaction.Parser{
			interaction.Email: mail.Parser{}, interaction.SMS: smpp.Parser{}, interaction.MMS: mms.Parser{}, interaction.Social: social.Parser{},
		}},
		&workers.Relay{Store: st.store, Engine: st.engine.On(queue), Bell: news, Log: log},
		&workers.Trainings{Store: st.store, Engine: st.engine.On(queue), Log: log},
		&workers.Worker{Client: st.engine.Client(), Queue: queue, Own: own, Activities: workers.Activities{
			Understanding:  &understanding.Activities{Store: st.store, Screener: &screening.Screener{}, Categorizer: st.know, Outside: st.outside},
			Autoresponse:   &autoresponse.Activities{Store: st.store},
			Routing:        &routing.Activities{Store: st.store},
			Review:         &review.Activities{Store: st.store},
			Delivery:       &delivery.Activities{Store: st.store, Again: []time.Duration{10 * time.Millisecond}, Sender: func(interaction.Outbound) interaction.Sender { return st.sender }},
			Postprocessing: &postprocessing.Activities{Store: st.store},
			Training:       &training.Activities{Store: st.store},
			Survey:         &survey.Activities{Store: st.store, Address: func() string { return "http://parley.example.test" }},
			Callback:       &callback.Activities{Store: st.store},
			Conversation:   &conversation.Activities{Store: st.store, Renderer: asItStands{}, Hours: &calendar.Shelf{}},
		}},
	} {
		wg.Go(func() { _ = part.Run(ctx) })
	}
	t.Cleanup(func() {
		cancel()
		wg.Wait()
		st.engine.Close()
	})
	return st
}

// mail accepts a mail, as the listener does, and gives its interaction.
func (st *stage) mail(from, subject string, headers ...string) interaction.ID {
	st.t.Helper()
	id := interaction.NewID()
	raw := fmt.Sprintf("From: <%s>\r\nTo: support@example.test\r\nSubject: %s\r\nMessage-ID: <%s@customer.test>\r\n%s\r\nHello there, this is %s.\r\n",
		from, subject, id, strings.Join(append(headers, ""), "\r\n"), id)
	receipt, err := st.store.Accept(st.t.Context(), interaction.Inbound{
		Channel: interaction.Email, Targets: []interaction.Target{{EntryPoint: "support", Address: "support@example.test"}},
		Identity: sha256.Sum256([]byte(raw)), Raw: strings.NewReader(raw), Size: int64(len(raw)),
	})
	require.NoError(st.t, err)
	var of interaction.ID
	st.eventually("the mail becomes an interaction", func() bool {
		err := st.store.Pool().QueryRow(st.t.Context(), `select interaction_id from inbound where id = $1`, receipt.ID).Scan(&of)
		return err == nil && of != ""
	})
	return of
}

func (st *stage) eventually(what string, is func() bool) {
	st.t.Helper()
	require.Eventually(st.t, is, 30*time.Second, 20*time.Millisecond, what)
}

// task waits for the interaction's open task of a kind.
func (st *stage) task(id interaction.ID, kind interaction.TaskKind) interaction.ID {
	st.t.Helper()
	var task interaction.ID
	st.eventually(fmt.Sprintf("a %s task", kind), func() bool {
		return st.store.Pool().QueryRow(st.t.Context(), `select id from tasks where interaction_id = $1 and kind = $2`, id, kind).Scan(&task) == nil
	})
	return task
}

// reply has an agent answer the interaction and gives the number of his reply.
func (st *stage) reply(login string, id interaction.ID, text string) int64 {
	st.t.Helper()
	task := st.task(id, interaction.TaskHandle)
	_, err := st.store.Claim(st.t.Context(), st.people[login], task)
	require.NoError(st.t, err)
	m, err := st.store.Reply(st.t.Context(), st.people[login], task, 0, interaction.Reply{Text: text})
	require.NoError(st.t, err)
	return m.Number
}

func (st *stage) decide(id interaction.ID, d interaction.Decision) {
	st.t.Helper()
	require.NoError(st.t, st.store.Decide(st.t.Context(), st.people["sue"], st.task(id, interaction.TaskReview), 0, d))
}

// stopped waits for the end of the interaction and its workflow, replays the workflow's history, and gives the reason of the end.
func (st *stage) stopped(id interaction.ID) string {
	st.t.Helper()
	var reason string
	st.eventually("the interaction stops", func() bool {
		return st.store.Pool().QueryRow(st.t.Context(), `select reason from closed_interactions where id = $1`, id).Scan(&reason) == nil
	})
	require.NoError(st.t, st.engine.Client().GetWorkflow(st.t.Context(), string(id), "").Get(st.t.Context(), nil))
	st.replay(id)
	return reason
}

// replay runs the workflow's code against the history of its last run.
func (st *stage) replay(id interaction.ID) {
	st.t.Helper()
	history := fetch(st.t, st.engine.Client(), string(id))
	replayer := worker.NewWorkflowReplayer()
	workers.RegisterWorkflows(replayer)
	for name, story := range st.own {
		replayer.RegisterWorkflowWithOptions(story, workflow.RegisterOptions{Name: name})
	}
	require.NoError(st.t, replayer.ReplayWorkflowHistory(nil, history))
	for _, e := range history.Events {
		require.Less(st.t, len(e.String()), 4<<10, "no event is large")
	}
	if *record == "" {
		return
	}
	json, err := protojson.MarshalOptions{Indent: " "}.Marshal(history)
	require.NoError(st.t, err)
	name := strings.ToLower(strings.NewReplacer("/", "-", " ", "_").Replace(st.t.Name()))
	require.NoError(st.t, os.WriteFile(filepath.Join("..", "workflows", "testdata", "replay", *record+"-"+name+".json"), json, 0o644))
}

// fetch gives the history of a workflow's last run.
func fetch(t *testing.T, c client.Client, id string) *historypb.History {
	t.Helper()
	return fetchRun(t, c, id, "")
}

func fetchRun(t *testing.T, c client.Client, id, run string) *historypb.History {
	t.Helper()
	history := &historypb.History{}
	events := c.GetWorkflowHistory(t.Context(), id, run, false, enums.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT)
	for events.HasNext() {
		e, err := events.Next()
		require.NoError(t, err)
		history.Events = append(history.Events, e)
	}
	return history
}

func (st *stage) order(id interaction.ID, o interaction.Order) {
	st.t.Helper()
	_, err := st.store.Order(st.t.Context(), st.people["vic"], id, o, 0)
	require.NoError(st.t, err)
}

func TestStoryAnswered(t *testing.T) {
	st := newStage(t)
	id := st.mail("cust@customer.test", "Broken kettle")
	st.reply("ann", id, "Send it back.")
	st.decide(id, interaction.Decision{Verdict: "return", Comment: "Be kinder."})
	st.reply("ann", id, "Please send it back.")
	st.decide(id, interaction.Decision{Verdict: "approve"})
	require.Equal(t, "answered", st.stopped(id))
	sent, err := st.outbox.List(10)
	require.NoError(t, err)
	require.Len(t, sent, 1)
	raw, err := st.outbox.Open(sent[0].Name)
	require.NoError(t, err)
	m := mail.Parse(raw)
	require.Equal(t, "Re: Broken kettle", m.Subject)
	require.Contains(t, m.Text, "Please send it back.")
	require.Len(t, m.InReplyTo, 1)
	require.False(t, m.Machine(false).Is, "an agent's mail carries no mark of a machine")
	require.True(t, bytes.Contains(raw, []byte("\r\n")))
}

// A supervisor's stop ends the story wherever it waits, on a real worker and in replay.
func TestStoryStopUnwinds(t *testing.T) {
	stop := interaction.Order{Name: interaction.OrderStop, Reason: "withdrawn", Force: true}
	tests := []struct {
		name string
		to   func(st *stage, id interaction.ID)
	}{
		{"queued", func(st *stage, id interaction.ID) { st.task(id, interaction.TaskHandle) }},
		{"held", func(st *stage, id interaction.ID) {
			_, err := st.store.Claim(st.t.Context(), st.people["ann"], st.task(id, interaction.TaskHandle))
			require.NoError(st.t, err)
		}},
		{"on hold", func(st *stage, id interaction.ID) {
			st.task(id, interaction.TaskHandle)
			st.order(id, interaction.Order{Name: interaction.OrderHold})
		}},
		{"in review", func(st *stage, id interaction.ID) {
			st.reply("ann", id, "Hello.")
			st.task(id, interaction.TaskReview)
		}},
		{"unsettled", func(st *stage, id interaction.ID) {
			st.sender.mu.Lock()
			st.sender.lose = true
			st.sender.mu.Unlock()
			st.reply("ann", id, "Hello.")
			st.decide(id, interaction.Decision{Verdict: "approve"})
			st.task(id, interaction.TaskSettle)
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			st := newStage(t)
			id := st.mail("cust@customer.test", "Stop me")
			tt.to(st, id)
			st.order(id, stop)
			require.Equal(t, "withdrawn", st.stopped(id))
			var open int
			require.NoError(t, st.store.Pool().QueryRow(t.Context(), `select (select count(*) from tasks) + (select sum(load_total) from agents)`).Scan(&open))
			require.Zero(t, open, "no task and no load is left")
		})
	}
}

func TestStoryOfASecondMessageWhileSending(t *testing.T) {
	st := newStage(t)
	id := st.mail("cust@customer.test", "First")
	number := st.reply("ann", id, "An answer.")
	var messageID string
	require.NoError(t, st.store.Pool().QueryRow(t.Context(), `select message_id from messages where interaction_id = $1 and number = 1`, id).Scan(&messageID))
	same := st.mail("cust@customer.test", "Second", "In-Reply-To: <"+messageID+">")
	require.Equal(t, id, same, "the interaction is open: the message is added to it")
	st.decide(id, interaction.Decision{Verdict: "approve"})
	st.eventually("the first reply is sent and the second message waits for people", func() bool {
		var state string
		err := st.store.Pool().QueryRow(t.Context(), `select l.state from ledger l, tasks t where l.interaction_id = $1 and l.message_number = $2
			and t.interaction_id = $1 and t.kind = 'handle' and t.message_number > $2`, id, number).Scan(&state)
		return err == nil && state == "sent"
	})
	task := st.task(id, interaction.TaskHandle)
	_, err := st.store.Claim(t.Context(), st.people["ben"], task)
	require.ErrorContains(t, err, "reserved", "the last agent has the first word for some seconds")
	_, err = st.store.Claim(t.Context(), st.people["ann"], task)
	require.NoError(t, err)
	require.NoError(t, st.store.Complete(t.Context(), st.people["ann"], task, 0, interaction.Done{Disposition: "no_answer_needed"}))
	require.Equal(t, "no_answer_needed", st.stopped(id))
}

func TestStoryOrders(t *testing.T) {
	st := newStage(t)
	id := st.mail("cust@customer.test", "Orders")
	task := st.task(id, interaction.TaskHandle)
	st.order(id, interaction.Order{Name: interaction.OrderHold})
	_, err := st.store.Claim(t.Context(), st.people["ann"], task)
	require.Error(t, err, "on hold nobody claims")
	st.order(id, interaction.Order{Name: interaction.OrderResume})
	st.order(id, interaction.Order{Name: interaction.OrderPriority, Priority: 7})
	st.order(id, interaction.Order{Name: interaction.OrderRecategorize, Category: "billing/refund"})
	st.eventually("it is categorised again", func() bool {
		var category string
		err := st.store.Pool().QueryRow(t.Context(), `select i.category from interactions i join tasks t on t.interaction_id = i.id where i.id = $1 and t.id <> $2`, id, task).Scan(&category)
		return err == nil && category == "billing/refund"
	})
	next := st.task(id, interaction.TaskHandle)
	_, err = st.store.Claim(t.Context(), st.people["ann"], next)
	require.NoError(t, err)
	require.NoError(t, st.store.Complete(t.Context(), st.people["ann"], next, 0, interaction.Done{Disposition: "done_by_phone"}))
	require.Equal(t, "done_by_phone", st.stopped(id))
}

func TestStoryOutbound(t *testing.T) {
	st := newStage(t)
	i, err := st.store.StartOutbound(t.Context(), st.people["ann"], interaction.NewOutbound{
		EntryPoint: "support", To: interaction.Address{Address: "new@customer.test"}, Subject: "News", Text: "Your kettle is back.",
	})
	require.NoError(t, err)
	st.decide(i.ID, interaction.Decision{Verdict: "approve"})
	require.Equal(t, "sent", st.stopped(i.ID))
}

// TestStoryReports: what comes back of a reply after its interaction has stopped is a child with a short story: a receipt ends by itself, a bounce goes to who sent it.
func TestStoryReports(t *testing.T) {
	st := newStage(t)
	i, err := st.store.StartOutbound(t.Context(), st.people["ann"], interaction.NewOutbound{
		EntryPoint: "support", To: interaction.Address{Address: "new@customer.test"}, Subject: "News", Text: "Your kettle is back.",
	})
	require.NoError(t, err)
	st.decide(i.ID, interaction.Decision{Verdict: "approve"})
	require.Equal(t, "sent", st.stopped(i.ID))
	about := func(action, status string) interaction.ID { return st.report(i.ID, action, status) }
	require.Equal(t, "delivered", st.stopped(about("delivered", "2.0.0")))
	bounced := about("failed", "5.1.1")
	task := st.task(bounced, interaction.TaskHandle)
	_, err = st.store.Claim(t.Context(), st.people["ann"], task)
	require.NoError(t, err)
	require.NoError(t, st.store.Complete(t.Context(), st.people["ann"], task, 0, interaction.Done{Disposition: "telephoned"}))
	require.Equal(t, "telephoned", st.stopped(bounced))
}

// report has a mail server say of the first message of an interaction what became of it, and gives the interaction that the report became.
func (st *stage) report(of interaction.ID, action, status string) interaction.ID {
	t := st.t
	t.Helper()
	var id string
	require.NoError(t, st.store.Pool().QueryRow(t.Context(), `select message_id from messages where interaction_id = $1 and number = 1`, of).Scan(&id))
	raw := strings.ReplaceAll(fmt.Sprintf("From: MAILER-DAEMON@mx.customer.test\nTo: support@example.test\nSubject: Mail report\nMessage-ID: <%s@mx.customer.test>\nMIME-Version: 1.0\n"+
		"Content-Type: multipart/report; report-type=delivery-status; boundary=b\n\n--b\nContent-Type: text/plain\n\nA report.\n--b\nContent-Type: message/delivery-status\n\n"+
		"Reporting-MTA: dns; mx.customer.test\n\nFinal-Recipient: rfc822; new@customer.test\nAction: %s\nStatus: %s\n\n--b\nContent-Type: text/rfc822-headers\n\n"+
		"From: support@example.test\nTo: new@customer.test\nMessage-ID: <%s>\n\n--b--\n", interaction.NewID(), action, status, id), "\n", "\r\n")
	receipt, err := st.store.Accept(t.Context(), interaction.Inbound{
		Channel: interaction.Email, Targets: []interaction.Target{{EntryPoint: "support", Address: "support@example.test"}},
		Identity: mail.ContentKey([]byte(raw)), Raw: strings.NewReader(raw), Size: int64(len(raw)),
	})
	require.NoError(t, err)
	var child interaction.ID
	require.Eventually(t, func() bool {
		return st.store.Pool().QueryRow(t.Context(), `select interaction_id from inbound where id = $1 and interaction_id is not null`, receipt.ID).Scan(&child) == nil
	}, 20*time.Second, 20*time.Millisecond)
	return child
}

// TestStorySentAgain: what bounced for now is sent once more under its Message-ID, as the policy says; when that has bounced too, who wrote it is told.
func TestStorySentAgain(t *testing.T) {
	st := newStage(t)
	i, err := st.store.StartOutbound(t.Context(), st.people["ann"], interaction.NewOutbound{
		EntryPoint: "support", To: interaction.Address{Address: "full@customer.test"}, Subject: "News", Text: "Your kettle is back.",
	})
	require.NoError(t, err)
	st.decide(i.ID, interaction.Decision{Verdict: "approve"})
	require.Equal(t, "sent", st.stopped(i.ID))
	count := func(sql string, args ...any) (n int) {
		require.NoError(t, st.store.Pool().QueryRow(t.Context(), sql, args...).Scan(&n))
		return n
	}
	first := st.report(i.ID, "failed", "4.2.2")
	require.Equal(t, "sent_again", st.stopped(first))
	require.Equal(t, 2, count(`select count(*) from ledger l join messages m on m.interaction_id = l.interaction_id and m.number = l.message_number where l.state = 'sent'
		and m.body like '%kettle%' and m.message_id = (select message_id from messages where interaction_id = $1 and number = 1)`, i.ID))
	require.Equal(t, 1, count(`select count(*) from events where code = 'send.again' and interaction_id = $1`, first))
	again := st.report(i.ID, "failed", "4.2.2")
	task := st.task(again, interaction.TaskHandle)
	require.Equal(t, 1, count(`select count(*) from messages where interaction_id = $1 and kind = 'reply' and 'bounced_for_now' = any(problems)`, first))
	_, err = st.store.Claim(t.Context(), st.people["ann"], task)
	require.NoError(t, err)
	require.NoError(t, st.store.Complete(t.Context(), st.people["ann"], task, 0, interaction.Done{Disposition: "telephoned"}))
	require.Equal(t, "telephoned", st.stopped(again))
}

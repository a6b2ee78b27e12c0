package store_test

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"parley/interaction"
	"parley/store"
	"parley/store/storetest"
)

// nobody is a customer.
var nobody interaction.Actor

// lines is a house that calls back, by these policies.
func lines(t *testing.T, settings interaction.CallbackSettings) *store.Store {
	t.Helper()
	s := storetest.New(t, store.Options{})
	setLines(t, s, settings)
	return s
}

func setLines(t *testing.T, s *store.Store, settings interaction.CallbackSettings) {
	t.Helper()
	require.NoError(t, s.Apply(t.Context(), interaction.System, interaction.Setup{EntryPoints: []interaction.EntryPoint{{
		Name: "line", Channel: interaction.Callback, Address: "line", Workflow: interaction.WorkflowCallback, Queue: "service", FromName: "Kettles", Callback: &settings,
	}}}))
}

// wish is a request for a call when somebody is free.
func wish(phone string) interaction.CallRequest {
	return interaction.CallRequest{
		EntryPoint: "line", Phone: phone, Name: "Nora", Topic: "Kettle", Text: "It leaks.", CallWhen: interaction.CallWhen{Mode: interaction.CallFree},
	}
}

// at is a wish for a slot.
func at(phone string, when time.Time) interaction.CallRequest {
	r := wish(phone)
	r.CallWhen = interaction.CallWhen{Mode: interaction.CallSlot, At: when.UTC().Format(time.RFC3339)}
	return r
}

func book(t *testing.T, s *store.Store, r interaction.CallRequest) interaction.Booked {
	t.Helper()
	b, err := s.BookCallback(t.Context(), nobody, r)
	require.NoError(t, err)
	return b
}

// next is the story's step.
func next(t *testing.T, s *store.Store, id interaction.ID, step string) interaction.NextCall {
	t.Helper()
	n, err := s.NextCall(t.Context(), id, step)
	require.NoError(t, err)
	return n
}

// past moves a callback and its task as if so much time had passed.
func past(t *testing.T, s *store.Store, id interaction.ID, d time.Duration) {
	t.Helper()
	exec(t, s, `update callbacks set due_at = due_at - make_interval(secs => $2), expires_at = expires_at - make_interval(secs => $2), slot_at = slot_at - make_interval(secs => $2),
		dialled_at = dialled_at - make_interval(secs => $2) where interaction_id = $1`, id, d.Seconds())
	exec(t, s, `update tasks set opened_at = opened_at - make_interval(secs => $2), not_before = not_before - make_interval(secs => $2) where interaction_id = $1`, id, d.Seconds())
}

// slotAhead is a full hour, days ahead.
func slotAhead(days int) time.Time {
	return time.Now().UTC().Truncate(24*time.Hour).AddDate(0, 0, days).Add(10 * time.Hour)
}

// A form that is sent five times at once is one callback (§G3), and the same key with something else in it is refused.
func TestAFormSentFiveTimesIsOneCallback(t *testing.T) {
	s := lines(t, interaction.CallbackSettings{})
	r := wish("+4930901820")
	r.Key = "form-1"
	var wg sync.WaitGroup
	all := make([]interaction.Booked, 5)
	for n := range all {
		wg.Go(func() { all[n], _ = s.BookCallback(t.Context(), nobody, r) })
	}
	wg.Wait()
	repeats := 0
	for _, b := range all {
		require.Equal(t, all[0].ID, b.ID)
		require.NotEmpty(t, b.ID)
		require.Equal(t, all[0].Token, b.Token, "whoever got the answer can move it")
		if b.Repeat {
			repeats++
		}
	}
	require.Equal(t, 4, repeats)
	require.Equal(t, 1, count(t, s, `select count(*) from callbacks`))
	require.Len(t, news(t, s, all[0].ID), 1)

	r.Text = "It leaks badly."
	_, err := s.BookCallback(t.Context(), nobody, r)
	require.ErrorContains(t, err, "key_reused")

	c, err := s.CallbackByToken(t.Context(), all[0].Token)
	require.NoError(t, err)
	require.Equal(t, all[0].ID, c.ID)
	for _, wrong := range []string{"", "x", all[0].Token[1:], strings.ToUpper(all[0].Token) + "a", strings.Repeat("b", len(all[0].Token))} {
		_, err := s.CallbackByToken(t.Context(), wrong)
		require.Equal(t, interaction.KindUnknown, interaction.KindOf(err), wrong)
	}
}

func count(t *testing.T, s *store.Store, sql string, args ...any) (n int) {
	t.Helper()
	require.NoError(t, s.Pool().QueryRow(t.Context(), sql, args...).Scan(&n))
	return n
}

func TestASecondRequestOfTheSameNumber(t *testing.T) {
	s := lines(t, interaction.CallbackSettings{})
	first := book(t, s, wish("+4930901820"))
	again := wish("+4930901820")
	again.Key, again.Text = "form-2", "And the lid is broken."
	_, err := s.BookCallback(t.Context(), nobody, again)
	require.ErrorContains(t, err, "already_waiting")

	setLines(t, s, interaction.CallbackSettings{Duplicate: interaction.DuplicateMerge})
	for _, repeat := range []bool{false, true} {
		b := book(t, s, again)
		require.Equal(t, first.ID, b.ID)
		require.True(t, b.Merged)
		require.Equal(t, repeat, b.Repeat)
		require.Empty(t, b.Token, "who knows a number has no right to its callback")
	}
	require.Equal(t, 2, count(t, s, `select count(*) from messages where interaction_id = $1`, first.ID), "the agent reads both")
	again.Text = "Other words."
	_, err = s.BookCallback(t.Context(), nobody, again)
	require.ErrorContains(t, err, "key_reused")

	_, err = s.CancelCallback(t.Context(), nobody, first.ID, 0)
	require.NoError(t, err)
	require.NotEqual(t, first.ID, book(t, s, wish("+4930901820")).ID, "it does not wait any more")
}

func TestWhatCannotBeBooked(t *testing.T) {
	s := lines(t, interaction.CallbackSettings{Blocked: []string{"+49900"}, Modes: []interaction.CallbackMode{interaction.CallFree, interaction.CallSlot}})
	tomorrow := slotAhead(1)
	tests := []struct {
		name  string
		wish  func(*interaction.CallRequest)
		code  string
		field string
		next  bool
	}{
		{"no phone", func(r *interaction.CallRequest) { r.Phone = "  " }, "required", "phone", false},
		{"letters", func(r *interaction.CallRequest) { r.Phone = "my number" }, "bad_number", "phone", false},
		{"forty digits", func(r *interaction.CallRequest) { r.Phone = "+1234567890123456789012345678901234567890" }, "bad_number", "phone", false},
		{"a blocked range", func(r *interaction.CallRequest) { r.Phone = "+499001234567" }, "number_not_allowed", "phone", false},
		{"a long name", func(r *interaction.CallRequest) { r.Name = string(make([]byte, 10_000)) }, "too_long", "name", false},
		{"no email", func(r *interaction.CallRequest) { r.Email = "nora" }, "bad_email", "email", false},
		{"another mode", func(r *interaction.CallRequest) { r.Mode = "tomorrow" }, "mode_not_offered", "mode", false},
		{"a mode that is not offered", func(r *interaction.CallRequest) { r.Mode = interaction.CallNow }, "mode_not_offered", "mode", false},
		{"a time that is over", func(r *interaction.CallRequest) { *r = at(r.Phone, tomorrow.AddDate(0, 0, -3)) }, interaction.CodeTimePast, "at", true},
		{"a time too far ahead", func(r *interaction.CallRequest) { *r = at(r.Phone, tomorrow.AddDate(0, 0, 40)) }, interaction.CodeTimeFar, "at", true},
		{"no such zone", func(r *interaction.CallRequest) { *r = at(r.Phone, tomorrow); r.Zone = "Local" }, "bad_zone", "zone", false},
		{"no such entry point", func(r *interaction.CallRequest) { r.EntryPoint = "support" }, "unknown_entry_point", "", false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := wish("+4930901820")
			tt.wish(&r)
			_, err := s.BookCallback(t.Context(), nobody, r)
			var e *interaction.Error
			require.ErrorAs(t, err, &e)
			require.Equal(t, tt.code, e.Code)
			require.Equal(t, tt.field, e.Field)
			require.Equal(t, tt.next, e.Detail[interaction.DetailNext] != nil, "the next free time is told")
		})
	}
	require.Zero(t, count(t, s, `select count(*) from interactions`))
	require.Zero(t, count(t, s, `select count(*) from contacts`))
}

// A full slot is refused with the next one that has room; nobody gets a place that is not there, however many ask at once.
func TestASlotIsNeverOverItsCapacity(t *testing.T) {
	s := lines(t, interaction.CallbackSettings{Capacity: 3})
	slot := slotAhead(2)
	var wg sync.WaitGroup
	errs := make([]error, 24)
	for n := range errs {
		wg.Go(func() { _, errs[n] = s.BookCallback(t.Context(), nobody, at(fmt.Sprintf("+493090%04d", n), slot)) })
	}
	wg.Wait()
	got := 0
	for _, err := range errs {
		if err == nil {
			got++
			continue
		}
		var e *interaction.Error
		require.ErrorAs(t, err, &e)
		require.Equal(t, interaction.CodeSlotFull, e.Code)
		next, parseErr := time.Parse(time.RFC3339, e.Detail[interaction.DetailNext].(string))
		require.NoError(t, parseErr)
		require.True(t, next.Equal(slot.Add(5*time.Minute)), "%s", next)
	}
	require.Equal(t, 3, got)
	free, err := s.CallbackSlots(t.Context(), "line", "", slot, slot.Add(10*time.Minute))
	require.NoError(t, err)
	require.Len(t, free, 1, "a full slot is not offered")
	require.Equal(t, 3, free[0].Free)
}

// Whatever is booked, moved, cancelled and tried in whatever order, a slot's count is that of the callbacks in it and never over its capacity.
func TestSlotsCountWhatIsInThem(t *testing.T) {
	s := lines(t, interaction.CallbackSettings{Capacity: 2, Duplicate: interaction.DuplicateRefuse})
	ann := storetest.Person(t, s, "ann")
	base, phones := slotAhead(3), 0
	rapid.Check(t, func(r *rapid.T) {
		var ids []interaction.ID
		slot := func() time.Time {
			return base.Add(time.Duration(rapid.IntRange(0, 2).Draw(r, "slot")) * 5 * time.Minute)
		}
		for range rapid.IntRange(1, 10).Draw(r, "commands") {
			command := rapid.IntRange(0, 4).Draw(r, "command")
			if command == 0 || len(ids) == 0 {
				phones++
				if b, err := s.BookCallback(t.Context(), nobody, at(fmt.Sprintf("+4930%08d", phones), slot())); err == nil {
					ids = append(ids, b.ID)
				}
				continue
			}
			id := rapid.SampledFrom(ids).Draw(r, "which")
			switch command {
			case 1:
				_, _ = s.MoveCallback(t.Context(), nobody, id, at("", slot()).CallWhen, 0)
			case 2:
				_, _ = s.MoveCallback(t.Context(), nobody, id, interaction.CallWhen{Mode: interaction.CallFree}, 0)
			case 3:
				_, _ = s.CancelCallback(t.Context(), nobody, id, 0)
			case 4:
				n, err := s.NextCall(t.Context(), id, fmt.Sprint(phones, command, len(ids), rapid.Int().Draw(r, "step")))
				require.NoError(r, err)
				if n.Task != "" {
					if _, err := s.Claim(t.Context(), ann, n.Task); err == nil {
						require.NoError(r, s.Complete(t.Context(), ann, n.Task, 0, interaction.Done{Disposition: rapid.SampledFrom([]string{"reached", "busy"}).Draw(r, "end")}))
					}
				}
			}
			require.Zero(r, count(t, s, `select count(*) from callback_slots where taken > 2 or taken <> (select count(*) from callbacks c
				where c.entry_point = callback_slots.entry_point and c.slot_at = callback_slots.at and c.state not in ('cancelled') and (c.state = 'waiting' or c.slot_at <= now()))`))
			require.Zero(r, count(t, s, `select count(*) from callbacks c full join callback_numbers n on n.interaction_id = c.interaction_id
				where (c.state = 'waiting') is distinct from (n.phone is not null)`), "a number waits as long as its callback")
		}
		for _, id := range ids {
			_, _ = s.CancelCallback(t.Context(), nobody, id, 0)
		}
	})
}

// Two callbacks that change places at the same time do not wait for each other.
func TestCallbacksChangePlaces(t *testing.T) {
	s := lines(t, interaction.CallbackSettings{Capacity: 2})
	slots := []time.Time{slotAhead(4), slotAhead(5)}
	ids := []interaction.ID{book(t, s, at("+4930901820", slots[0])).ID, book(t, s, at("+4930901821", slots[1])).ID}
	for range 20 {
		var wg sync.WaitGroup
		for n, id := range ids {
			wg.Go(func() {
				_, err := s.MoveCallback(t.Context(), nobody, id, at("", slots[1-n]).CallWhen, 0)
				require.NoError(t, err)
			})
		}
		wg.Wait()
		slices.Reverse(slots)
	}
	require.Equal(t, 2, count(t, s, `select sum(taken) from callback_slots`))
}

// Tried as often as the policy says, each time later; then it is over for a reason, and its number may ask again.
func TestACallbackIsTriedByPolicy(t *testing.T) {
	s := lines(t, interaction.CallbackSettings{Retry: 45, Text: map[string]string{"en": "We could not reach you.", "de": "Wir haben Sie nicht erreicht."}, Notify: "support"})
	ann := storetest.Person(t, s, "ann")
	r := wish("+4930901820")
	r.Email, r.Language = "nora@customer.test", "de"
	id := book(t, s, r).ID
	for try := range 3 {
		step := fmt.Sprintf("0.%d-call", try*2)
		n, again := next(t, s, id, step), next(t, s, id, step)
		require.True(t, n.Until.Equal(again.Until))
		require.Equal(t, n.Task, again.Task, "a step whose process died behind its commit changes nothing when it runs again")
		require.Equal(t, 1, count(t, s, `select count(*) from tasks where interaction_id = $1`, id))
		_, err := s.Claim(t.Context(), ann, n.Task)
		require.NoError(t, err)
		require.ErrorContains(t, s.Complete(t.Context(), ann, n.Task, 0, interaction.Done{}), "required")
		require.NoError(t, s.Complete(t.Context(), ann, n.Task, 0, interaction.Done{Disposition: "no_answer"}))
		c, err := s.Callback(t.Context(), ann, id)
		require.NoError(t, err)
		require.Equal(t, try+1, c.Tries)
		if try < 2 {
			require.Equal(t, interaction.CallbackWaiting, c.State)
			require.WithinDuration(t, time.Now().Add(45*time.Minute), c.Due, time.Minute)
			later := next(t, s, id, fmt.Sprintf("0.%d-early", try))
			_, err = s.Claim(t.Context(), ann, later.Task)
			require.ErrorContains(t, err, "too_early")
			past(t, s, id, 46*time.Minute)
		}
	}
	over := next(t, s, id, "0.9-call")
	require.True(t, over.Over)
	require.Equal(t, "not_reached", over.Reason)
	require.Equal(t, int64(2), over.Message)
	require.Equal(t, over, next(t, s, id, "0.11-call"), "he is told once")
	m, err := s.InteractionMessage(t.Context(), ann, id, over.Message)
	require.NoError(t, err)
	require.Equal(t, "Wir haben Sie nicht erreicht.", m.Text)
	require.Equal(t, "nora@customer.test", m.To[0].Address)
	require.Equal(t, 1, count(t, s, `select count(*) from ledger where interaction_id = $1 and state = 'queued'`, id))
	book(t, s, wish("+4930901820"))
}

// A callback that is cancelled while its agent dials has one final state, and he is told (W-19).
func TestACallbackIsCancelledWhileItsAgentDials(t *testing.T) {
	s := lines(t, interaction.CallbackSettings{})
	ann := storetest.Person(t, s, "ann")
	id := book(t, s, wish("+4930901820")).ID
	task := next(t, s, id, "0.0-call").Task
	_, err := s.Claim(t.Context(), ann, task)
	require.NoError(t, err)
	_, err = s.MoveCallback(t.Context(), nobody, id, at("", slotAhead(2)).CallWhen, 0)
	require.ErrorContains(t, err, "being_called")
	_, err = s.CancelCallback(t.Context(), nobody, id, 0)
	require.NoError(t, err)
	err = s.Complete(t.Context(), ann, task, 0, interaction.Done{Disposition: "reached"})
	require.ErrorContains(t, err, "task_over")
	require.Zero(t, load(t, s, ann))
	_, err = s.CancelCallback(t.Context(), nobody, id, 0)
	require.ErrorContains(t, err, "callback_over")
	over := next(t, s, id, "0.2-call")
	require.Equal(t, "cancelled", over.Reason)
	told := news(t, s, id)
	require.Equal(t, []interaction.NewsKind{interaction.NewsStart, interaction.NewsDone}, []interaction.NewsKind{told[0].Kind, told[1].Kind})
}

// A move and a claim at the moment when it is due: one of the two wins, and the audit says which (W-20).
func TestACallbackIsMovedAsItIsClaimed(t *testing.T) {
	s := lines(t, interaction.CallbackSettings{})
	ann := storetest.Person(t, s, "ann")
	for n := range 12 {
		id := book(t, s, wish(fmt.Sprintf("+493090182%02d", n))).ID
		task := next(t, s, id, "0.0-call").Task
		var wg sync.WaitGroup
		var moved, claimed error
		wg.Go(func() { _, moved = s.MoveCallback(t.Context(), nobody, id, at("", slotAhead(2+n)).CallWhen, 0) })
		wg.Go(func() { _, claimed = s.Claim(t.Context(), ann, task) })
		wg.Wait()
		require.NotEqual(t, moved == nil, claimed == nil, "moved: %v, claimed: %v", moved, claimed)
		require.Equal(t, btoi(moved == nil), count(t, s, `select count(*) from events where interaction_id = $1 and code = 'callback.moved'`, id))
		require.Equal(t, btoi(claimed == nil), count(t, s, `select count(*) from events where interaction_id = $1 and code = 'task.claimed'`, id))
		_, err := s.CancelCallback(t.Context(), nobody, id, 0)
		require.NoError(t, err)
	}
}

func btoi(b bool) int {
	if b {
		return 1
	}
	return 0
}

// Who has it may give it another time, which the customer wants to be called at; it is not his any more then.
func TestItsAgentMovesACallback(t *testing.T) {
	s := lines(t, interaction.CallbackSettings{})
	ann, carl := storetest.Person(t, s, "ann"), storetest.Person(t, s, "carl")
	id := book(t, s, wish("+4930901820")).ID
	task := next(t, s, id, "0.0-call").Task
	_, err := s.Claim(t.Context(), ann, task)
	require.NoError(t, err)
	_, err = s.MoveCallback(t.Context(), carl, id, at("", slotAhead(2)).CallWhen, 0)
	require.Equal(t, interaction.KindUnknown, interaction.KindOf(err))
	_, err = s.MoveCallback(t.Context(), ann, id, at("", slotAhead(2)).CallWhen, 99)
	require.Equal(t, interaction.KindStale, interaction.KindOf(err))
	c, err := s.MoveCallback(t.Context(), ann, id, at("", slotAhead(2)).CallWhen, 0)
	require.NoError(t, err)
	require.Equal(t, interaction.TaskQueued, c.TaskState)
	require.Equal(t, slotAhead(2), c.Due.UTC())
	require.Zero(t, load(t, s, ann))
	_, err = s.Claim(t.Context(), ann, task)
	require.ErrorContains(t, err, "too_early")
	n := next(t, s, id, "0.2-call")
	require.Equal(t, task, n.Task)
	require.Equal(t, slotAhead(3), n.Until.UTC(), "its limit moves with it")
}

// A supervisor's hold forgets no time: resumed, a callback of next week is not due at once.
func TestAHeldCallbackKeepsItsTime(t *testing.T) {
	s := lines(t, interaction.CallbackSettings{})
	ann, vic := storetest.Person(t, s, "ann"), storetest.Person(t, s, "vic")
	id := book(t, s, at("+4930901820", slotAhead(7))).ID
	task := next(t, s, id, "0.0-call").Task
	for _, o := range []interaction.Order{{Name: interaction.OrderHold}, {Name: interaction.OrderResume}, {Name: interaction.OrderMove, Queue: "service"}} {
		_, err := s.Order(t.Context(), vic, id, o, 0)
		require.NoError(t, err)
	}
	_, err := s.Claim(t.Context(), ann, task)
	require.ErrorContains(t, err, "too_early")
	_, err = s.Order(t.Context(), vic, id, interaction.Order{Name: interaction.OrderStop, Reason: "withdrawn"}, 0)
	require.NoError(t, err)
	stopped, err := s.Stop(t.Context(), id, 5, "withdrawn")
	require.NoError(t, err)
	require.True(t, stopped.Stopped)
	c, err := s.Callback(t.Context(), ann, id)
	require.NoError(t, err)
	require.Equal(t, interaction.CallbackCancelled, c.State)
	require.Zero(t, count(t, s, `select sum(taken) from callback_slots`))
}

// After a day without us, what is overdue comes in the order in which it was due, and what is past its limit is over and says so (§G4, W-29).
func TestADayWithoutUs(t *testing.T) {
	s := lines(t, interaction.CallbackSettings{Limit: 20 * 60, Capacity: 5})
	ann := storetest.Person(t, s, "ann")
	exec(t, s, `update agents set limits = '{"callback": 100, "total": 100}'`)
	var ids []interaction.ID
	tasks := map[interaction.ID]interaction.ID{}
	for n := range 12 { // every two hours, booked in no order
		slot := slotAhead(2).Add(time.Duration(n*5%12) * 2 * time.Hour)
		id := book(t, s, at(fmt.Sprintf("+493090182%02d", n), slot)).ID
		tasks[next(t, s, id, "0.0-call").Task] = id
		ids = append(ids, id)
	}
	for _, id := range ids {
		past(t, s, id, time.Until(slotAhead(2))+24*time.Hour) // the first was due 24 hours ago, the last two hours ago
	}
	over := 0
	for _, id := range ids {
		if n := next(t, s, id, "0.2-call"); n.Over {
			over++
			require.Equal(t, "expired", n.Reason)
		}
	}
	require.Equal(t, 3, over, "24, 22 and 20 hours ago")
	var order []time.Time
	for range len(ids) - over {
		task, err := s.ClaimNext(t.Context(), ann, "")
		require.NoError(t, err)
		order = append(order, task.NotBefore)
		delete(tasks, task.ID)
	}
	require.True(t, slices.IsSortedFunc(order, time.Time.Compare), "%v", order)
	require.Len(t, tasks, over)
	expired, err := s.Callbacks(t.Context(), ann, interaction.CallbackFilter{States: []interaction.CallbackState{interaction.CallbackExpired}}, interaction.Page{Limit: 10})
	require.NoError(t, err)
	require.Len(t, expired.Items, over)
}

// An agent who has it when its limit passes may finish; who has not, is not asked any more.
func TestALimitDoesNotTakeItFromItsAgent(t *testing.T) {
	s := lines(t, interaction.CallbackSettings{Limit: 60})
	ann := storetest.Person(t, s, "ann")
	id := book(t, s, wish("+4930901820")).ID
	task := next(t, s, id, "0.0-call").Task
	_, err := s.Claim(t.Context(), ann, task)
	require.NoError(t, err)
	past(t, s, id, 2*time.Hour)
	n := next(t, s, id, "0.2-call")
	require.Equal(t, task, n.Task)
	require.Greater(t, time.Until(n.Until), time.Minute)
	require.NoError(t, s.Release(t.Context(), ann, task, 0))
	require.Equal(t, "expired", next(t, s, id, "0.4-call").Reason)
	require.Zero(t, count(t, s, `select count(*) from tasks where interaction_id = $1`, id))
}

// An order to dial is committed before it leaves, and not given twice within the guard time, whatever became of it (W-23).
func TestAnOrderToDial(t *testing.T) {
	s := lines(t, interaction.CallbackSettings{Guard: 60, DialURL: "https://pbx.example.test/dial", DialKey: "env:PARLEY_LINK_PBX"})
	ann, ben := storetest.Person(t, s, "ann"), storetest.Person(t, s, "ben")
	id := book(t, s, wish("+4930901820")).ID
	task := next(t, s, id, "0.0-call").Task
	_, err := s.BeginDial(t.Context(), ann, id)
	require.ErrorContains(t, err, "not_yours")
	_, err = s.Claim(t.Context(), ann, task)
	require.NoError(t, err)
	_, err = s.BeginDial(t.Context(), ben, id)
	require.ErrorContains(t, err, "not_yours")
	d, err := s.BeginDial(t.Context(), ann, id)
	require.NoError(t, err)
	require.Equal(t, "+4930901820", d.Number)
	require.Equal(t, "https://pbx.example.test/dial", d.URL)
	for _, state := range []interaction.DialState{interaction.DialBegun, interaction.DialUnknown} { // our process died, or nobody answered
		if state == interaction.DialUnknown {
			require.NoError(t, s.EndDial(t.Context(), d, state))
		}
		_, err = s.BeginDial(t.Context(), ann, id)
		require.ErrorContains(t, err, "dialled_already")
	}
	past(t, s, id, 61*time.Second)
	d, err = s.BeginDial(t.Context(), ann, id)
	require.NoError(t, err)
	require.NoError(t, s.EndDial(t.Context(), d, interaction.DialFailed))
	d, err = s.BeginDial(t.Context(), ann, id)
	require.NoError(t, err, "nothing was dialled")
	require.NoError(t, s.EndDial(t.Context(), interaction.Dial{ID: interaction.NewID(), Callback: id}, interaction.DialOK))
	c, err := s.Callback(t.Context(), ann, id)
	require.NoError(t, err)
	require.Equal(t, interaction.DialBegun, c.DialState, "an answer to an older order says nothing of this one")
	require.NoError(t, s.EndDial(t.Context(), d, interaction.DialOK))
}

// When a zone gets other rules after booking, the time on the wall stays and its moment moves, with its place in the slots (W-08).
func TestZoneRulesChange(t *testing.T) {
	s := lines(t, interaction.CallbackSettings{Capacity: 1})
	day := slotAhead(9)
	r := wish("+4930901820")
	r.CallWhen = interaction.CallWhen{Mode: interaction.CallSlot, At: day.Format("2006-01-02") + "T16:30", Zone: "Asia/Dubai"} // UTC+4 all year
	b := book(t, s, r)
	require.Equal(t, day.Add(2*time.Hour+30*time.Minute), b.Due.UTC())
	next(t, s, b.ID, "0.0-call")
	require.NoError(t, s.KeepWallTimes(t.Context()))
	require.Zero(t, count(t, s, `select count(*) from events where code = 'callback.moved'`))

	exec(t, s, `update callbacks set zone = 'Asia/Karachi'`) // as if Dubai had gone over to UTC+5
	book(t, s, at("+4930901821", day.Add(90*time.Minute)))   // full by now: he was promised it all the same
	for range 2 {
		require.NoError(t, s.KeepWallTimes(t.Context()))
	}
	c, err := s.Callback(t.Context(), storetest.Person(t, s, "ann"), b.ID)
	require.NoError(t, err)
	require.Equal(t, day.Add(90*time.Minute), c.Due.UTC())
	require.Equal(t, day.Format("2006-01-02")+"T16:30", c.Local)
	require.Equal(t, 1, count(t, s, `select count(*) from events where code = 'callback.moved'`))
	require.Equal(t, 2, count(t, s, `select sum(taken) from callback_slots`))
	require.Equal(t, 1, count(t, s, `select count(*) from tasks where not_before = $1`, day.Add(90*time.Minute)))
}

// Who may know of a callback: the people of its queue, and its customer by his link.
func TestWhoseCallbacks(t *testing.T) {
	s := lines(t, interaction.CallbackSettings{})
	ann, carl := storetest.Person(t, s, "ann"), storetest.Person(t, s, "carl")
	r := wish("+4930901820")
	_, err := s.BookCallback(t.Context(), carl, r)
	require.ErrorContains(t, err, "unknown_entry_point", "his group has nothing to do with it")
	b, err := s.BookCallback(t.Context(), ann, r)
	require.NoError(t, err)
	_, err = s.Callback(t.Context(), carl, b.ID)
	require.Equal(t, interaction.KindUnknown, interaction.KindOf(err))
	_, err = s.CancelCallback(t.Context(), carl, b.ID, 0)
	require.Equal(t, interaction.KindUnknown, interaction.KindOf(err))
	for who, n := range map[*interaction.Actor]int{&ann: 1, &carl: 0} {
		list, err := s.Callbacks(t.Context(), *who, interaction.CallbackFilter{EntryPoint: "line", Phone: "+4930901820"}, interaction.Page{Limit: 10})
		require.NoError(t, err)
		require.Len(t, list.Items, n)
	}
	book(t, s, at("+4930901821", slotAhead(2)))
	first, err := s.Callbacks(t.Context(), ann, interaction.CallbackFilter{}, interaction.Page{Limit: 1})
	require.NoError(t, err)
	second, err := s.Callbacks(t.Context(), ann, interaction.CallbackFilter{}, interaction.Page{Limit: 1, After: first.Next})
	require.NoError(t, err)
	require.Equal(t, []string{"+4930901820", "+4930901821"}, []string{first.Items[0].Phone, second.Items[0].Phone})
	require.Empty(t, second.Next)
}

// Statistics count a callback from the time that it is due, not from when it was booked; a message that nobody was reached answers nothing.
func TestCallbacksAreCounted(t *testing.T) {
	s := lines(t, interaction.CallbackSettings{Tries: 1, Text: map[string]string{"en": "We could not reach you."}, Notify: "support"})
	ann := storetest.Person(t, s, "ann")
	reached := book(t, s, at("+4930901820", slotAhead(2))).ID
	task := next(t, s, reached, "0.0-call").Task
	_, err := s.MoveCallback(t.Context(), nobody, reached, interaction.CallWhen{Mode: interaction.CallFree}, 0)
	require.NoError(t, err)
	_, err = s.Claim(t.Context(), ann, task)
	require.NoError(t, err)
	require.NoError(t, s.Complete(t.Context(), ann, task, 0, interaction.Done{Disposition: "reached"}))
	r := wish("+4930901821")
	r.Email = "nora@customer.test"
	missed := book(t, s, r).ID
	task = next(t, s, missed, "0.0-call").Task
	_, err = s.Claim(t.Context(), ann, task)
	require.NoError(t, err)
	require.NoError(t, s.Complete(t.Context(), ann, task, 0, interaction.Done{Disposition: "busy"}))
	require.Positive(t, next(t, s, missed, "0.2-call").Message)
	later := book(t, s, at("+4930901822", slotAhead(3))).ID
	next(t, s, later, "0.0-call")
	countAll(t, s)
	live, err := s.Live(t.Context(), ann, 1)
	require.NoError(t, err)
	require.Len(t, live.Queues, 1)
	q := live.Queues[0]
	require.Equal(t, 1, q.Tasks[interaction.TaskQueued])
	require.Zero(t, q.Oldest, "nobody waits: the one that is left is not due")
	require.EqualValues(t, 3, q.Sums[interaction.FactOffered].Count)
	require.EqualValues(t, 2, q.Sums[interaction.FactTaken].Count)
	require.EqualValues(t, 2, q.Sums[interaction.FactHandled].Count)
	require.EqualValues(t, 1, q.Sums[interaction.FactAnswered].Count, "one was reached")
	require.Less(t, q.Sums[interaction.FactTaken].Seconds, 60.0)
}

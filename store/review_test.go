package store_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"parley/interaction"
	"parley/store"
	"parley/store/storetest"
)

// replied makes an interaction whose reply, by the agent, waits to be released.
func replied(t *testing.T, s *store.Store, by interaction.Actor) (id interaction.ID, message int64) {
	t.Helper()
	id = arrive(t, s, "c@customer.test", "Kettle")
	task := open(t, s, id, "ask")
	_, err := s.Claim(t.Context(), by, task)
	require.NoError(t, err)
	m, err := s.Reply(t.Context(), by, task, 0, interaction.Reply{Text: "It comes some day."})
	require.NoError(t, err)
	return id, m.Number
}

// reviewed opens the review of a reply of the agent's; empty when it is spared.
func reviewed(t *testing.T, s *store.Store, by interaction.Actor) (id, review interaction.ID) {
	t.Helper()
	id, message := replied(t, s, by)
	r, err := s.OpenReview(t.Context(), id, "review", message, by.Agent, 0)
	require.NoError(t, err)
	return id, r.Task
}

func withPolicy(t *testing.T, s *store.Store, policies ...interaction.ReviewPolicy) {
	t.Helper()
	setup := interaction.Setup{ReviewPolicies: policies, Forms: []interaction.Form{{Name: "quality", Questions: []interaction.Question{
		{ID: "right", Text: "Is it right?", Critical: true}, {ID: "tone", Text: "Tone", Most: 4, Weight: 2}, {ID: "more", Text: "More?", Optional: true},
	}}}}
	require.NoError(t, s.Apply(t.Context(), interaction.System, setup))
}

func number(n int) *int { return &n }

// The rate rises after a return, falls after clean runs, stays within its bounds, and says why it is what it is.
func TestTheRateFollowsTheWork(t *testing.T) {
	s := storetest.New(t, store.Options{})
	ann, sue, vic := storetest.Person(t, s, "ann"), storetest.Person(t, s, "sue"), storetest.Person(t, s, "vic")
	withPolicy(t, s, interaction.ReviewPolicy{Name: "normal", Queue: "service", Floor: 50, Ceiling: number(90), Start: number(80), Rise: 20, Fall: 15, Clean: 2})
	rate := func() string {
		list, err := s.ReviewRates(t.Context(), vic, "normal", ann.Agent)
		require.NoError(t, err)
		require.Len(t, list, 1)
		return fmt.Sprint(list[0].Rate, " ", list[0].Reason)
	}
	decide := func(d interaction.Decision) {
		var review interaction.ID
		for review == "" { // some replies are spared
			_, review = reviewed(t, s, ann)
		}
		require.NoError(t, s.Decide(t.Context(), sue, review, 0, d))
	}
	approve, edit, back := interaction.Decision{Verdict: "approve"}, interaction.Decision{Verdict: "approve", Text: "Edited."}, interaction.Decision{Verdict: "return", Comment: "No."}
	require.Equal(t, "80 start", rate())
	for n, step := range []struct {
		decision interaction.Decision
		rate     string
	}{
		{approve, "80 start"},
		{edit, "80 start"}, // ends the run
		{approve, "80 start"},
		{approve, "65 clean_run"},
		{approve, "65 clean_run"},
		{approve, "50 clean_run"},
		{approve, "50 clean_run"},
		{approve, "50 clean_run"}, // never under the floor
		{back, "70 returned"},
		{back, "90 returned"},
		{back, "90 returned"}, // never above the ceiling
	} {
		decide(step.decision)
		require.Equal(t, step.rate, rate(), "step %d", n)
	}
	require.Equal(t, []string{"80 65 clean_run", "65 50 clean_run", "50 70 returned", "70 90 returned"}, scan[[]string](t, s,
		`select array_agg(concat_ws(' ', data->>'before', data->>'after', data->>'reason') order by position) from events where code = 'review.rate_changed'`))

	list, err := s.ReviewRates(t.Context(), ann, "", "")
	require.NoError(t, err)
	require.Len(t, list, 1, "an agent sees his own")
	withPolicy(t, s, interaction.ReviewPolicy{Name: "normal", Queue: "service", Floor: 95})
	require.Equal(t, "95 floor", rate(), "a new floor counts at once")
}

// Whatever happens, the rate stays within its bounds, and without rise and fall where it began.
func TestRatesKeepWithinBounds(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		floor := rapid.IntRange(0, 100).Draw(r, "floor")
		ceiling := rapid.IntRange(floor, 100).Draw(r, "ceiling")
		p := interaction.ReviewPolicy{
			Floor: floor, Ceiling: &ceiling, Rise: rapid.IntRange(0, 100).Draw(r, "rise"), Fall: rapid.IntRange(0, 100).Draw(r, "fall"), Clean: rapid.IntRange(1, 5).Draw(r, "clean"),
		}
		rate, clean, returns := p.First(), 0, 0
		for range rapid.IntRange(1, 40).Draw(r, "reviews") {
			verdict := rapid.SampledFrom([]string{interaction.VerdictApprove, interaction.VerdictReturn}).Draw(r, "verdict")
			before := rate
			rate, clean, _ = p.Learn(rate, clean, verdict, rapid.Bool().Draw(r, "edited"))
			if rate < floor || rate > ceiling || verdict == interaction.VerdictReturn && rate < before || verdict == interaction.VerdictApprove && rate > before {
				r.Fatalf("%d after %d by %s within %d to %d", rate, before, verdict, floor, ceiling)
			}
			returns++
		}
	})
}

// The highest rate of what applies counts; agent, skill, category and queue narrow a policy; drawing again draws the same.
func TestThePolicyThatApplies(t *testing.T) {
	s := storetest.New(t, store.Options{})
	require.NoError(t, s.Apply(t.Context(), interaction.System, interaction.Setup{Categories: []interaction.CategorySetup{{Name: "money", Skill: "refunds"}, {Name: "money/refund", Skill: "refunds"}, {Name: "other"}}}))
	withPolicy(t, s,
		interaction.ReviewPolicy{Name: "a-queue", Queue: "service", Ceiling: number(0)},
		interaction.ReviewPolicy{Name: "b-money", Category: "money", Ceiling: number(10), Start: number(10)},
		interaction.ReviewPolicy{Name: "c-skill", Skill: "refunds", Ceiling: number(20)},
		interaction.ReviewPolicy{Name: "d-ben", Agent: "ben", Ceiling: number(30)},
		interaction.ReviewPolicy{Name: "f-ben-refunds", Agent: "ben", Category: "money/refund", Ceiling: number(30)},
		interaction.ReviewPolicy{Name: "e-sales", Queue: "sales", Ceiling: number(100)})
	for _, c := range []struct{ login, category, want string }{
		{"ann", "", "a-queue 0"},
		{"ann", "other", "a-queue 0"},
		{"ann", "money/refund", "c-skill 20"},
		{"ben", "", "d-ben 30"},
		{"ben", "money", "d-ben 30"},
		{"ben", "money/refund", "f-ben-refunds 30"}, // as high, and narrower
	} {
		t.Run(c.login+" "+c.category, func(t *testing.T) {
			by := storetest.Person(t, s, c.login)
			id, message := replied(t, s, by)
			exec(t, s, `update interactions set category = $2 where id = $1`, id, c.category)
			first, err := s.OpenReview(t.Context(), id, "review", message, by.Agent, 0)
			require.NoError(t, err)
			again, err := s.OpenReview(t.Context(), id, "review", message, by.Agent, 0)
			require.NoError(t, err)
			require.Equal(t, first, again)
			require.Equal(t, c.want, scan[string](t, s, `select concat_ws(' ', data->>'policy', data->>'rate') from events where interaction_id = $1 and code like 'review.%'`, id))
			require.Equal(t, 1, scan[int](t, s, `select count(*) from events where interaction_id = $1 and code like 'review.%'`, id))
		})
	}
}

// Sampling at a rate takes about so many, and none at zero.
func TestSamplingTakesAboutItsRate(t *testing.T) {
	const replies = 20_000
	for _, rate := range []int{0, 1, 25, 100} {
		taken := 0
		for range replies {
			if store.Draw(interaction.NewID(), 2) < rate {
				taken++
			}
		}
		require.InDelta(t, replies*rate/100, taken, replies*0.02)
	}
}

// At its deadline a review does what its policy says: once, whoever looks at the same time, and whether somebody has it or not.
func TestDeadlinesOfReviews(t *testing.T) {
	s := storetest.New(t, store.Options{})
	ann, sue, vic := storetest.Person(t, s, "ann"), storetest.Person(t, s, "sue"), storetest.Person(t, s, "vic")
	sam := interaction.NewAgent{Login: "sam", Name: "Sam", Role: interaction.RoleSenior, Groups: []string{"sales"}}
	require.NoError(t, s.Apply(t.Context(), interaction.System, interaction.Setup{Agents: []interaction.NewAgent{sam}}))
	overdue := func(what interaction.Overdue, to string) interaction.ReviewPolicy {
		return interaction.ReviewPolicy{Name: "normal", Floor: 100, Deadline: 600, Overdue: what, EscalateTo: to}
	}
	pass := func() {
		exec(t, s, `update open_reviews set due_at = now() - interval '1 second' where due_at is not null`)
	}

	t.Run("release", func(t *testing.T) {
		withPolicy(t, s, overdue(interaction.OverdueRelease, ""))
		id, review := reviewed(t, s, ann)
		_, err := s.Claim(t.Context(), sue, review)
		require.NoError(t, err)
		require.Empty(t, tick(t, s), "the deadline is ahead")
		require.WithinDuration(t, time.Now().Add(10*time.Minute), scan[time.Time](t, s, `select due_at from open_reviews`), time.Minute)
		pass()
		done := make(chan error)
		for range 4 {
			go func() {
				_, err := s.Tick(t.Context(), "")
				done <- err
			}()
		}
		for range 4 {
			require.NoError(t, <-done)
		}
		require.Equal(t, 1, scan[int](t, s, `select count(*) from events where code = 'review.released' and interaction_id = $1`, id))
		require.Equal(t, 1, scan[int](t, s, `select count(*) from outbox where interaction_id = $1 and news->>'kind' = 'decision' and news->>'code' = 'approved'`, id))
		require.Zero(t, load(t, s, sue))
		require.Zero(t, scan[int](t, s, `select count(*) from open_reviews`), "it went with its task")
		require.Equal(t, "task_over", code(s.Decide(t.Context(), sue, review, 0, interaction.Decision{Verdict: "approve"})))
		require.Equal(t, "released", scan[string](t, s, `select verdict from review_results where task_id = $1`, review))
	})

	t.Run("reassign, then escalate", func(t *testing.T) {
		withPolicy(t, s, overdue(interaction.OverdueReassign, "sales"))
		_, review := reviewed(t, s, ann)
		_, err := s.Claim(t.Context(), sue, review)
		require.NoError(t, err)
		pass()
		require.Equal(t, []string{"task.taken_back"}, tick(t, s))
		require.Zero(t, load(t, s, sue))
		require.Contains(t, queued(t, s, review).Refused, sue.Agent)
		require.Equal(t, 1, scan[int](t, s, `select passed from open_reviews where task_id = $1 and due_at > now()`, review), "others have their time too")
		pass()
		require.Equal(t, []string{"review.escalated"}, tick(t, s))
		require.Empty(t, tick(t, s))
		require.NoError(t, s.Decide(t.Context(), storetest.Person(t, s, "sam"), review, 0, interaction.Decision{Verdict: "approve"}), "another group's senior may have it now")
	})

	t.Run("escalate", func(t *testing.T) {
		withPolicy(t, s, overdue(interaction.OverdueEscalate, ""))
		_, review := reviewed(t, s, ann)
		before := queued(t, s, review).Priority
		pass()
		require.Equal(t, []string{"review.escalated"}, tick(t, s))
		require.Greater(t, queued(t, s, review).Priority, before)
		require.NoError(t, s.Decide(t.Context(), vic, review, 0, interaction.Decision{Verdict: "approve"}))
	})

	t.Run("on hold it waits", func(t *testing.T) {
		withPolicy(t, s, overdue(interaction.OverdueRelease, ""))
		id, _ := reviewed(t, s, ann)
		_, err := s.Order(t.Context(), vic, id, interaction.Order{Name: interaction.OrderHold}, 0)
		require.NoError(t, err)
		pass()
		require.Empty(t, tick(t, s))
		_, err = s.Order(t.Context(), vic, id, interaction.Order{Name: interaction.OrderResume}, 0)
		require.NoError(t, err)
		require.Equal(t, []string{"review.released"}, tick(t, s))
	})
}

// A review's deadline is the policy's time or its share of the queue's service objective, whichever is sooner, and a minute at least.
func TestDeadlinesFollowTheObjective(t *testing.T) {
	s := storetest.New(t, store.Options{})
	ann := storetest.Person(t, s, "ann")
	for _, c := range []struct {
		name                         string
		objective, percent, deadline int
		ago, want                    time.Duration // since the arrival; from now, 0: none
	}{
		{"none", 0, 0, 0, 0, 0},
		{"the policy's", 0, 0, 600, 0, 10 * time.Minute},
		{"no objective", 0, 50, 600, 0, 10 * time.Minute},
		{"a share", 3600, 50, 0, 0, 30 * time.Minute},
		{"a share of what is left", 3600, 50, 0, 20 * time.Minute, 10 * time.Minute},
		{"the sooner", 3600, 50, 600, 0, 10 * time.Minute},
		{"the other", 3600, 50, 7200, 0, 30 * time.Minute},
		{"past already", 3600, 50, 7200, time.Hour, time.Minute},
	} {
		t.Run(c.name, func(t *testing.T) {
			setup := storetest.House()
			setup.Queues[0].ObjectiveSeconds = c.objective
			require.NoError(t, s.Apply(t.Context(), interaction.System, interaction.Setup{Queues: setup.Queues}))
			withPolicy(t, s, interaction.ReviewPolicy{Name: "normal", Floor: 100, Deadline: c.deadline, Objective: c.percent})
			id, message := replied(t, s, ann)
			exec(t, s, `update interactions set opened_at = now() - make_interval(secs => $2) where id = $1`, id, c.ago.Seconds())
			r, err := s.OpenReview(t.Context(), id, "review", message, ann.Agent, 0)
			require.NoError(t, err)
			due := scan[*time.Time](t, s, `select due_at from open_reviews where task_id = $1`, r.Task)
			if c.want == 0 {
				require.Nil(t, due)
				return
			}
			require.WithinDuration(t, time.Now().Add(c.want), *due, 20*time.Second)
		})
	}
}

// A process that dies on any line of a deadline leaves the review as it was or as it is to be: all of it is one transaction.
func TestADeadlineThatFailsIsLeftForTheNextLook(t *testing.T) {
	s := storetest.New(t, store.Options{})
	ann := storetest.Person(t, s, "ann")
	withPolicy(t, s, interaction.ReviewPolicy{Name: "normal", Floor: 100, Deadline: 600, Overdue: interaction.OverdueRelease})
	id, review := reviewed(t, s, ann)
	exec(t, s, `update open_reviews set due_at = now() - interval '1 second'`)
	exec(t, s, `create function die() returns trigger language plpgsql as $$ begin raise exception 'dead'; end $$`)
	for _, table := range []string{"tasks", "events", "review_results", "outbox"} {
		exec(t, s, `create trigger die before insert or delete on `+table+` for each row execute function die()`)
		_, err := s.Tick(t.Context(), "")
		require.NoError(t, err)
		exec(t, s, `drop trigger die on `+table)
		require.Equal(t, 1, scan[int](t, s, `select count(*) from open_reviews join tasks on id = task_id where id = $1 and state = 'queued'`, review), table)
		require.Zero(t, scan[int](t, s, `select count(*) from outbox where interaction_id = $1 and news->>'kind' = 'decision'`, id), table)
	}
	require.Equal(t, []string{"review.released"}, tick(t, s))
}

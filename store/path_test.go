package store_test

import (
	"context"
	"crypto/sha256"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"parley/interaction"
	"parley/store"
	"parley/store/storetest"
)

// arrive accepts a mail and settles it, as listener and intake do, and gives its interaction.
func arrive(t *testing.T, s *store.Store, from, subject string, follows ...string) interaction.ID {
	t.Helper()
	return arriveAt(t, s, "support@example.test", from, subject, follows...)
}

func arriveAt(t *testing.T, s *store.Store, to, from, subject string, follows ...string) interaction.ID {
	t.Helper()
	ctx := t.Context()
	raw := fmt.Sprintf("From: %s\r\nSubject: %s\r\n\r\nHello %s", from, subject, interaction.NewID())
	in := inbound(raw)
	in.Targets[0].Address = to
	receipt, err := s.Accept(ctx, in)
	require.NoError(t, err)
	require.False(t, receipt.Repeat)
	taken, err := s.Take(ctx, 10)
	require.NoError(t, err)
	for _, in := range taken {
		require.NoError(t, s.Settle(ctx, in, interaction.Parsed{
			Message: interaction.Message{
				Subject: subject, Text: "Hello", From: interaction.Address{Address: from}, MessageID: string(in.ID) + "@customer.test",
			},
			Identities: []interaction.Attribute{{Kind: "email", Value: from}}, Follows: follows,
		}))
	}
	var id interaction.ID
	require.NoError(t, s.Pool().QueryRow(ctx, `select interaction_id from inbound where id = $1`, receipt.ID).Scan(&id))
	return id
}

func inbound(raw string) interaction.Inbound {
	return interaction.Inbound{
		Channel: interaction.Email, Targets: []interaction.Target{{EntryPoint: "support", Address: "support@example.test"}},
		Identity: sha256.Sum256([]byte(raw)), Raw: strings.NewReader(raw), Size: int64(len(raw)),
	}
}

func open(t *testing.T, s *store.Store, id interaction.ID, step string) interaction.ID {
	t.Helper()
	task, err := s.OpenTask(t.Context(), interaction.Ask{Interaction: id, Step: step, Kind: interaction.TaskHandle, Message: 1})
	require.NoError(t, err)
	return task
}

// news gives the outbox of an interaction in order.
func news(t *testing.T, s *store.Store, id interaction.ID) []interaction.News {
	t.Helper()
	rows, err := s.Pool().Query(t.Context(), `select news from outbox where interaction_id = $1 order by number`, id)
	require.NoError(t, err)
	defer rows.Close()
	var list []interaction.News
	for rows.Next() {
		var n interaction.News
		require.NoError(t, rows.Scan(&n))
		list = append(list, n)
	}
	require.NoError(t, rows.Err())
	return list
}

func code(err error) string {
	if e, ok := err.(*interaction.Error); ok { //nolint:errorlint // the store gives the house's errors bare
		return e.Code
	}
	return fmt.Sprint(err)
}

func TestTheSameThingAcceptedTwiceIsOne(t *testing.T) {
	s := storetest.New(t, store.Options{})
	first, err := s.Accept(t.Context(), inbound("one"))
	require.NoError(t, err)
	again, err := s.Accept(t.Context(), inbound("one"))
	require.NoError(t, err)
	require.Equal(t, interaction.Receipt{ID: first.ID, Repeat: true}, again)
	raw, err := s.Raw(t.Context(), first.ID)
	require.NoError(t, err)
	require.Equal(t, "one", string(raw))
}

func TestABodyOfManyPiecesComesBackAsItWas(t *testing.T) {
	s := storetest.New(t, store.Options{})
	for _, size := range []int{0, 1, 256 << 10, 256<<10 + 1, 700_000} {
		body := strings.Repeat("x", size)
		receipt, err := s.Accept(t.Context(), inbound(body))
		require.NoError(t, err)
		raw, err := s.Raw(t.Context(), receipt.ID)
		require.NoError(t, err)
		require.Len(t, raw, size)
	}
}

func TestThePath(t *testing.T) {
	s := storetest.New(t, store.Options{})
	ctx := t.Context()
	ann, sue := storetest.Person(t, s, "ann"), storetest.Person(t, s, "sue")

	id := arrive(t, s, "cust@customer.test", "Broken kettle")
	seen, err := s.Understand(ctx, id, "0.0-understand", 1, func(m interaction.Material) interaction.Explained {
		require.Equal(t, "Broken kettle", m.Message.Subject)
		return interaction.Explained{Understood: interaction.Understood{Category: "returns", Language: "en"}}
	})
	require.NoError(t, err)
	require.Equal(t, "returns", seen.Category)

	task := open(t, s, id, "0.1-ask")
	require.Equal(t, task, open(t, s, id, "0.1-ask"), "a step that runs again gives the same task")

	claimed, err := s.Claim(ctx, ann, task)
	require.NoError(t, err)
	require.Equal(t, interaction.TaskHeld, claimed.State)
	_, err = s.Claim(ctx, sue, task)
	require.Equal(t, "task_taken", code(err))

	reply, err := s.Reply(ctx, ann, task, claimed.Version, interaction.Reply{Text: "Send it back."})
	require.NoError(t, err)
	require.Equal(t, "Re: Broken kettle", reply.Subject)
	require.Equal(t, "cust@customer.test", reply.To[0].Address)
	require.NotEmpty(t, reply.InReplyTo)

	review, err := s.OpenReview(ctx, id, "0.3-review", reply.Number, ann.Agent, 0)
	require.NoError(t, err)
	require.True(t, review.Needed)
	require.Equal(t, "unknown_task", code(s.Decide(ctx, ann, review.Task, 0, interaction.Decision{Verdict: "approve"})), "an agent does not see reviews")
	require.NoError(t, s.Decide(ctx, sue, review.Task, 0, interaction.Decision{Verdict: "approve", Text: "Please send it back."}))
	require.NoError(t, s.ReleaseReply(ctx, id, "0.5-release", reply.Number))

	send, err := s.PrepareSend(ctx, id, reply.Number)
	require.NoError(t, err)
	require.Equal(t, "Please send it back.", send.Out.Text)
	attempt := interaction.NewID()
	won, err := s.BeginSend(ctx, id, reply.Number, attempt)
	require.NoError(t, err)
	require.True(t, won)
	won, err = s.BeginSend(ctx, id, reply.Number, interaction.NewID())
	require.NoError(t, err)
	require.False(t, won, "a second attempt may not begin")
	again, err := s.RepeatSend(ctx, id, reply.Number, interaction.NewID(), interaction.Outcome{State: interaction.SendUnknown})
	require.NoError(t, err)
	require.False(t, again, "another attempt's outcome says nothing")
	again, err = s.RepeatSend(ctx, id, reply.Number, attempt, interaction.Outcome{State: interaction.SendUnknown})
	require.NoError(t, err)
	require.True(t, again)
	repeated, err := s.PrepareSend(ctx, id, reply.Number)
	require.NoError(t, err)
	require.True(t, repeated.Repeat)
	require.Equal(t, send.Out, repeated.Out, "the same bytes, the same Message-ID")
	attempt = interaction.NewID()
	won, err = s.BeginSend(ctx, id, reply.Number, attempt)
	require.NoError(t, err)
	require.True(t, won)
	again, err = s.RepeatSend(ctx, id, reply.Number, attempt, interaction.Outcome{State: interaction.SendUnknown})
	require.NoError(t, err)
	require.False(t, again, "one repeat")
	state, err := s.EndSend(ctx, id, reply.Number, attempt, interaction.Outcome{State: interaction.SendSent})
	require.NoError(t, err)
	require.Equal(t, interaction.SendSent, state)

	last := news(t, s, id)
	require.Len(t, last, 3) // start, reply, decision
	for i, n := range last {
		require.EqualValues(t, i+1, n.Number)
	}
	stopping, err := s.Stop(ctx, id, 2, "answered")
	require.NoError(t, err)
	require.Equal(t, interaction.Stopping{Last: 3}, stopping)
	stopping, err = s.Stop(ctx, id, 3, "answered")
	require.NoError(t, err)
	require.True(t, stopping.Stopped)

	var load int
	require.NoError(t, s.Pool().QueryRow(ctx, `select sum(load_total) from agents`).Scan(&load))
	require.Zero(t, load)
	events, err := s.InteractionEvents(ctx, id)
	require.NoError(t, err)
	require.Equal(t, "interaction.stopped", events[len(events)-1].Code)

	joined := arrive(t, s, "cust@customer.test", "Re: Broken kettle", send.Out.MessageID)
	require.NotEqual(t, id, joined, "the interaction has stopped: a new one in the same thread")
	var parent interaction.ID
	require.NoError(t, s.Pool().QueryRow(ctx, `select parent_id from interactions where id = $1`, joined).Scan(&parent))
	require.Equal(t, id, parent)
	byToken := arriveAt(t, s, send.Out.ReplyTo.Address, "cust@customer.test", "No references")
	require.Equal(t, joined, byToken, "the reply address alone finds the thread, and its open interaction")
	stranger := arrive(t, s, "evil@other.test", "Re: Broken kettle", send.Out.MessageID)
	var threads int
	require.NoError(t, s.Pool().QueryRow(ctx, `select count(distinct thread_id) from interactions where id in ($1, $2)`, joined, stranger).Scan(&threads))
	require.Equal(t, 2, threads, "a stranger does not join a thread")
	forger := arriveAt(t, s, send.Out.ReplyTo.Address, "mallory@other.test", "With somebody's reply address")
	require.NotEqual(t, joined, forger)
}

func TestExactlyOneOfManyClaimantsGetsIt(t *testing.T) {
	s := storetest.New(t, store.Options{})
	ann, ben := storetest.Person(t, s, "ann"), storetest.Person(t, s, "ben")
	for range 10 {
		task := open(t, s, arrive(t, s, "c@customer.test", "Race"), "ask")
		var won atomic.Int32
		var wg sync.WaitGroup
		for i := range 16 {
			wg.Go(func() {
				by := ann
				if i%2 == 1 {
					by = ben
				}
				got, err := s.Claim(context.WithoutCancel(t.Context()), by, task)
				if err == nil {
					won.Add(1)
					if i%4 == 0 {
						_ = s.Release(context.WithoutCancel(t.Context()), by, got.ID, 999) // a stale version changes nothing
					}
				}
			})
		}
		wg.Wait()
		require.EqualValues(t, 1, won.Load())
		held, err := s.Task(t.Context(), storetest.Person(t, s, "vic"), task)
		require.NoError(t, err)
		holder := ann
		if held.Agent == ben.Agent {
			holder = ben
		}
		require.NoError(t, s.Release(t.Context(), holder, task, held.Version))
	}
}

// A message that arrives while its interaction stops is never lost: either the stop sees its news and gives way, or
// the message finds the interaction stopped and begins a new one.
func TestAMessageNeverFallsIntoTheGapOfStopping(t *testing.T) {
	s := storetest.New(t, store.Options{})
	ctx := t.Context()
	for range 60 {
		id := arrive(t, s, "gap@customer.test", "First")
		var messageID string
		require.NoError(t, s.Pool().QueryRow(ctx, `select message_id from messages where interaction_id = $1 and number = 1`, id).Scan(&messageID))
		var wg sync.WaitGroup
		var stopping interaction.Stopping
		var second interaction.ID
		wg.Go(func() { stopping, _ = s.Stop(ctx, id, 1, "done") })
		wg.Go(func() { second = arrive(t, s, "gap@customer.test", "Second", messageID) })
		wg.Wait()
		if stopping.Stopped {
			require.NotEqual(t, id, second)
		} else {
			require.Equal(t, id, second)
			require.EqualValues(t, 2, stopping.Last)
			_, err := s.Stop(ctx, id, 2, "done")
			require.NoError(t, err)
		}
		if second != id {
			_, err := s.Stop(ctx, second, 1, "done")
			require.NoError(t, err)
		}
	}
}

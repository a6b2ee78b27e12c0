package store_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"parley/interaction"
	"parley/store"
	"parley/store/storetest"
)

// An offer holds only if everything is as the decision saw it; otherwise nothing at all changes.
func TestAnOfferIsConditional(t *testing.T) {
	tests := []struct {
		name   string
		change string // $1 the task, $2 the agent
		made   bool
	}{
		{"as it was decided", `select $1::uuid, $2::uuid`, true},
		{"the task changed", `update tasks set version = version + 1 where id = $1 and $2::uuid is not null`, false},
		{"the task was claimed", `update tasks set state = 'held' where id = $1 and $2::uuid is not null`, false},
		{"the task is not due", `update tasks set not_before = now() + interval '1 hour' where id = $1 and $2::uuid is not null`, false},
		{"he refused it", `update tasks set refused = array[$2::uuid] where id = $1`, false},
		{"it is his own", `update tasks set author = $2::uuid where id = $1`, false},
		{"the agent changed", `update agents set version = version + 1 where id = $2 and $1::uuid is not null`, false},
		{"he is not ready", `update agents set ready = false where id = $2 and $1::uuid is not null`, false},
		{"he left", `update agents set enabled = false where id = $2 and $1::uuid is not null`, false},
		{"no room for a mail", `update agents set load = '{"email": 3}', load_total = 3 where id = $2 and $1::uuid is not null`, false},
		{"no room at all", `update agents set load = '{"chat": 10}', load_total = 10 where id = $2 and $1::uuid is not null`, false},
	}
	s := storetest.New(t, store.Options{})
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			exec(t, s, `update agents set ready = true, enabled = true, load = '{}', load_total = 0 where login = 'ann'`)
			ann := storetest.Person(t, s, "ann")
			agent, err := s.Agent(t.Context(), ann.Agent)
			require.NoError(t, err)
			task := open(t, s, arrive(t, s, "c@customer.test", "Kettle"), "ask")
			o := interaction.Offer{Task: task, TaskVersion: queued(t, s, task).Version, Agent: ann.Agent, AgentVersion: agent.Version}
			exec(t, s, tt.change, task, ann.Agent)
			const all = `select (select md5(string_agg(t::text, '' order by id)) from tasks t) || (select md5(string_agg(a::text, '' order by id)) from agents a) || (select count(*) from events)`
			before := scan[string](t, s, all)
			made, err := s.Offer(t.Context(), o)
			require.NoError(t, err)
			require.Equal(t, tt.made, made)
			if !tt.made {
				require.Equal(t, before, scan[string](t, s, all), "nothing changed")
				return
			}
			require.Equal(t, 1, load(t, s, ann))
			require.Equal(t, "task.offered", scan[string](t, s, `select code from events where task_id = $1 order by position desc limit 1`, task))
			require.True(t, scan[bool](t, s, `select offer_until between now() + interval '20 seconds' and now() + interval '40 seconds' from tasks where id = $1`, task))
		})
	}
}

// A transaction that writes its line early and commits it late is not missed, whatever was looked at in between.
func TestNothingThatCommitsLateIsMissed(t *testing.T) {
	s := storetest.New(t, store.Options{})
	ctx := t.Context()
	ann := ready(t, s, "ann")
	early := open(t, s, arrive(t, s, "c@customer.test", "Kettle"), "ask")
	all, err := s.Changed(ctx, "")
	require.NoError(t, err)
	require.True(t, all.All)
	require.Len(t, all.Tasks, 1)
	require.Len(t, all.Agents, 1)
	require.Empty(t, all.Worked, "who became ready has not worked yet")

	tx, err := s.Pool().Begin(ctx)
	require.NoError(t, err)
	defer tx.Rollback(context.WithoutCancel(ctx)) //nolint:errcheck // it is committed unless the test fails
	_, err = tx.Exec(ctx, `insert into events (code, task_id) values ('task.claimed', $1)`, early)
	require.NoError(t, err)
	late := open(t, s, arrive(t, s, "d@customer.test", "Kettle"), "ask")
	c, err := s.Changed(ctx, all.Seen)
	require.NoError(t, err)
	require.False(t, c.All)
	require.Equal(t, []interaction.ID{late}, ids(c.Tasks))
	exec(t, s, `update tasks set state = 'held' where id = $1`, early)
	require.NoError(t, tx.Commit(ctx))

	c, err = s.Changed(ctx, c.Seen)
	require.NoError(t, err)
	require.Contains(t, c.Gone, early)
	require.NotContains(t, c.Gone, late)
	c, err = s.Changed(ctx, c.Seen)
	require.NoError(t, err)
	require.Empty(t, c.Tasks, "nothing is looked at twice")
	require.Empty(t, c.Gone)

	_, err = s.Claim(ctx, ann, late)
	require.NoError(t, err)
	c, err = s.Changed(ctx, c.Seen)
	require.NoError(t, err)
	require.Contains(t, c.Worked, ann.Agent)
	require.Equal(t, map[interaction.Channel]int{"email": 1}, c.Agents[0].Load)
	_, err = s.SetReady(ctx, ann, false, "lunch")
	require.NoError(t, err)
	c, err = s.Changed(ctx, c.Seen)
	require.NoError(t, err)
	require.Equal(t, []interaction.ID{ann.Agent}, c.Away)
	other := storetest.House()
	other.Queues[0].Priority = 1
	require.NoError(t, s.Apply(ctx, interaction.System, other))
	c, err = s.Changed(ctx, c.Seen)
	require.NoError(t, err)
	require.True(t, c.All, "other configuration: everything is read again")
}

// A mail in a queue that is only pulled costs a dispatcher nothing beyond the look itself; one with links to open is told of until somebody has it.
func TestALookIsSparse(t *testing.T) {
	s := storetest.New(t, store.Options{})
	ctx, ann := t.Context(), ready(t, s, "ann")
	known := map[interaction.ID]bool{}
	l := interaction.Look{Shards: 1, Known: func(id interaction.ID) bool { return known[id] }}
	look := func() interaction.Changes {
		t.Helper()
		c, err := s.Look(ctx, l)
		require.NoError(t, err)
		if l.Seen = c.Seen; c.All {
			l.Lanes = c.Lanes
		}
		return c
	}
	nothing := func(c interaction.Changes) {
		t.Helper()
		require.Empty(t, c.Tasks)
		require.Empty(t, c.Gone)
		require.Empty(t, c.Agents)
		require.Empty(t, c.Away)
		require.Empty(t, c.Worked)
	}
	plain := open(t, s, arrive(t, s, "c@customer.test", "Kettle"), "ask")
	all := look()
	require.Equal(t, map[string]interaction.Lane{"service": {Mine: true}, "sales": {Mine: true}}, all.Lanes)
	nothing(all)
	_, err := s.Claim(ctx, ann, plain)
	require.NoError(t, err)
	open(t, s, arrive(t, s, "d@customer.test", "Kettle"), "ask")
	require.NoError(t, s.Complete(ctx, ann, plain, 0, interaction.Done{Disposition: "done"}))
	_, err = s.SetReady(ctx, ann, false, "lunch")
	require.NoError(t, err)
	nothing(look())

	chained, err := s.OpenTask(ctx, interaction.Ask{Interaction: arrive(t, s, "e@customer.test", "Kettle"), Step: "ask", Kind: interaction.TaskHandle, Message: 1, Chain: []interaction.RouteTarget{
		{Kind: interaction.ToSkill, Name: "billing", Level: 7, Seconds: 30}, {Kind: interaction.ToQueue},
	}})
	require.NoError(t, err)
	c := look()
	require.Equal(t, []interaction.ID{chained}, ids(c.Tasks))
	known[chained] = true
	_, err = s.Claim(ctx, storetest.Person(t, s, "ben"), chained)
	require.NoError(t, err)
	require.Equal(t, []interaction.ID{chained}, look().Gone)

	exec(t, s, `update queues set push = true where name = 'sales'`)
	l.Seen = ""
	ready(t, s, "ann")
	require.Len(t, look().Agents, 1, "who takes offers is known once something is offered")
	l.Shards, l.Seen = 2, ""
	var mine int
	for l.Shard = range 2 {
		l.Seen = ""
		for _, lane := range look().Lanes {
			if lane.Mine {
				mine++
			}
		}
	}
	require.Equal(t, 2, mine, "each group is of one shard")
}

func ids(tasks []interaction.Queued) []interaction.ID {
	var list []interaction.ID
	for _, w := range tasks {
		list = append(list, w.ID)
	}
	return list
}

// The database's clock decides when a link opens, and who changed the task first wins.
func TestOpenLinks(t *testing.T) {
	s := storetest.New(t, store.Options{})
	ctx := t.Context()
	ann := storetest.Person(t, s, "ann")
	task := open(t, s, arrive(t, s, "c@customer.test", "Kettle"), "ask")
	w := queued(t, s, task)
	o := interaction.Opening{Task: task, Version: w.Version, Step: 1, Since: time.Now().Add(time.Hour), Demand: interaction.Demand{Skill: "billing", Level: 4, Group: "sales"}}
	require.NoError(t, s.OpenLinks(ctx, []interaction.Opening{o}))
	require.Equal(t, w, queued(t, s, task), "an hour too early")
	o.Since = w.OpenedAt
	stale := o
	stale.Version--
	require.NoError(t, s.OpenLinks(ctx, []interaction.Opening{stale}))
	require.Equal(t, w, queued(t, s, task), "worked out from something else")

	o.ReservedFor, o.ReservedUntil = ann.Agent, time.Now().Add(time.Minute)
	require.NoError(t, s.OpenLinks(ctx, []interaction.Opening{o, o}))
	now := queued(t, s, task)
	require.Equal(t, w.Version+1, now.Version)
	require.Equal(t, o.Demand, now.Demand)
	require.Equal(t, ann.Agent, now.ReservedFor)
	require.Equal(t, 1, now.ChainStep)
	_, err := s.Claim(ctx, storetest.Person(t, s, "ben"), task)
	require.Equal(t, "reserved", code(err))
	require.JSONEq(t, `{"kind": "handle", "link": 1, "skill": "billing", "level": 4, "group": "sales", "agent": "`+string(ann.Agent)+`"}`,
		scan[string](t, s, `select data::text from events where task_id = $1 and code = 'task.link_opened'`, task))
}

func TestAQueueInAChainMeansItsGroup(t *testing.T) {
	s := storetest.New(t, store.Options{})
	id := arrive(t, s, "c@customer.test", "Kettle")
	task, err := s.OpenTask(t.Context(), interaction.Ask{
		Interaction: id, Step: "ask", Kind: interaction.TaskHandle, Message: 1,
		Chain: []interaction.RouteTarget{{Kind: interaction.ToQueue, Name: "service", Seconds: 5}, {Kind: interaction.ToQueue, Name: "sales", Seconds: 5}, {Kind: interaction.ToQueue}},
	})
	require.NoError(t, err)
	require.Equal(t, []interaction.RouteTarget{
		{Kind: interaction.ToQueue, Name: "service", Seconds: 5}, {Kind: interaction.ToGroup, Name: "sales", Seconds: 5}, {Kind: interaction.ToQueue},
	}, queued(t, s, task).Chain)
}

// One leads; when its connection breaks its work ends and the next may lead.
func TestOneLeads(t *testing.T) {
	s := storetest.New(t, store.Options{})
	ctx := t.Context()
	began, ended := make(chan struct{}), make(chan error, 1)
	go func() {
		_, err := s.Lead(ctx, 0, func(ctx context.Context) error {
			close(began)
			for ctx.Err() == nil {
				_, _ = s.Tick(ctx, "")
			}
			return ctx.Err()
		})
		ended <- err
	}()
	<-began
	never := func(context.Context) error { t.Error("two lead"); return nil }
	led, err := s.Lead(ctx, 0, never)
	require.NoError(t, err)
	require.False(t, led)
	exec(t, s, `select pg_terminate_backend(pid) from pg_locks where locktype = 'advisory' and database = (select oid from pg_database where datname = current_database())`)
	require.ErrorIs(t, <-ended, context.Canceled)
	require.Eventually(t, func() bool { // a server process says that it ends before it gives its locks back
		led, err = s.Lead(ctx, 0, func(context.Context) error { return nil })
		return err != nil || led
	}, time.Minute, 10*time.Millisecond)
	require.NoError(t, err)
	require.True(t, led)
}

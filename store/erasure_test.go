package store_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"parley/interaction"
	"parley/store"
	"parley/store/storetest"
)

// contactOf gives the contact of an interaction.
func contactOf(t *testing.T, s *store.Store, id interaction.ID) interaction.ID {
	t.Helper()
	return scan[interaction.ID](t, s, `select contact_id from all_interactions where id = $1`, id)
}

// erasedBy works until the erasure is done, with a fresh process for every step, and plays the workflow of what is told to stop.
func erasedBy(t *testing.T, s *store.Store, erasure interaction.ID, keep func(interaction.ErasureRecord) error) (steps int) {
	t.Helper()
	require.Eventually(t, func() bool {
		next := storetest.Process(t, s, true, nil, nil)
		worked, err := next.WorkErasures(t.Context(), keep)
		next.Close()
		require.NoError(t, err)
		if worked {
			steps++
		}
		stopTold(t, s)
		return scan[string](t, s, `select state from erasures where id = $1`, erasure) == "done"
	}, time.Minute, time.Millisecond)
	return steps
}

// stopTold stops what was told to.
func stopTold(t *testing.T, s *store.Store) {
	t.Helper()
	type open struct {
		ID   interaction.ID
		News int64
	}
	for _, o := range scanAll[open](t, s, `select i.id, i.news from interactions i join outbox o on o.interaction_id = i.id where o.news->>'code' = 'stop'`) {
		_, err := s.Stop(t.Context(), o.ID, o.News, interaction.ReasonErased)
		require.NoError(t, err)
	}
}

func scanAll[T any](t *testing.T, s *store.Store, sql string, args ...any) []T {
	t.Helper()
	rows, err := s.Pool().Query(t.Context(), sql, args...)
	require.NoError(t, err)
	list, err := pgx.CollectRows(rows, pgx.RowToStructByPos[T])
	require.NoError(t, err)
	return list
}

func forgotten(interaction.ErasureRecord) error { return nil }

// A process that dies at any step leaves it to the next: the erasure ends as it would have. Behind a ledger that cannot be written nothing goes.
func TestErasureGoesOnAfterEachStep(t *testing.T) {
	s := storetest.New(t, store.Options{})
	ctx := t.Context()
	root := storetest.Person(t, s, "root")
	var contact interaction.ID
	for n := range 45 {
		id := arrive(t, s, "secret@customer.test", fmt.Sprintf("Secret %d", n))
		contact = contactOf(t, s, id)
		if n > 0 {
			_, err := s.Stop(ctx, id, 1, "done")
			require.NoError(t, err)
		}
	}
	other := arrive(t, s, "other@customer.test", "Other")
	order, err := s.EraseContact(ctx, root, contact, "asked_for")
	require.NoError(t, err)
	require.Equal(t, 1, order.Open)

	full := errors.New("the disk is full")
	refused := false
	require.Eventually(t, func() bool {
		_, err := s.WorkErasures(ctx, func(interaction.ErasureRecord) error { return full })
		stopTold(t, s)
		refused = errors.Is(err, full)
		return refused
	}, time.Minute, time.Millisecond)
	require.Equal(t, "stopping", scan[string](t, s, `select state from erasures`))
	require.Equal(t, 45, scan[int](t, s, `select count(*) from messages where subject like 'Secret %'`), "nothing goes before the ledger has it")

	exec(t, s, `update erasures set next_at = now()`)
	var kept []interaction.ErasureRecord
	died := errors.New("it died behind the ledger")
	_, err = s.WorkErasures(ctx, func(r interaction.ErasureRecord) error {
		kept = append(kept, r)
		return died
	})
	require.ErrorIs(t, err, died)
	exec(t, s, `update erasures set next_at = now()`)
	steps := erasedBy(t, s, order.ID, func(r interaction.ErasureRecord) error {
		kept = append(kept, r)
		return nil
	})
	require.GreaterOrEqual(t, steps, 4, "45 interactions are more than two batches")
	require.Len(t, kept, 2)
	require.Equal(t, kept[0], kept[1], "what is kept twice is the same")
	require.Len(t, kept[0].Sources, 45)

	require.Zero(t, scan[int](t, s, `select count(*) from messages where subject like 'Secret %'`))
	require.Equal(t, 45, scan[int](t, s, `select count(*) from closed_interactions where gone = 'erased' and subject = ''`))
	require.Equal(t, "Other", scan[string](t, s, `select subject from interactions where id = $1`, other), "nobody else loses anything")
	require.Equal(t, 1, scan[int](t, s, `select count(*) from raw_pieces`))
	e, err := s.Erasure(ctx, order.ID)
	require.NoError(t, err)
	require.Equal(t, 45, e.Erased)
	require.Equal(t, 1, scan[int](t, s, `select count(*) from events where code = 'contact.erased'`))
	worked, err := s.WorkErasures(ctx, forgotten)
	require.NoError(t, err)
	require.False(t, worked)
}

// Several processes that work at once do each step once.
func TestErasuresAtOnce(t *testing.T) {
	s := storetest.New(t, store.Options{})
	root := storetest.Person(t, s, "root")
	for n := range 12 {
		id := arrive(t, s, fmt.Sprintf("secret%d@customer.test", n), "Secret")
		_, err := s.Stop(t.Context(), id, 1, "done")
		require.NoError(t, err)
		_, err = s.EraseContact(t.Context(), root, contactOf(t, s, id), "asked_for")
		require.NoError(t, err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 4)
	for range 4 {
		go func() {
			for ctx.Err() == nil {
				if _, err := s.WorkErasures(ctx, forgotten); err != nil && ctx.Err() == nil {
					done <- err
					return
				}
			}
			done <- nil
		}()
	}
	require.Eventually(t, func() bool { return scan[int](t, s, `select count(*) from erasures where state = 'done'`) == 12 }, time.Minute, 10*time.Millisecond)
	cancel()
	for range 4 {
		require.NoError(t, <-done)
	}
	require.Equal(t, 12, scan[int](t, s, `select count(*) from events where code = 'contact.erased'`))
	require.Equal(t, 12, scan[int](t, s, `select sum(erased)::int from erasures`))
}

// Contacts that were merged go together; a merge that was undone before keeps nothing of who is erased, and leaves the other alone.
func TestErasureOfMergedContacts(t *testing.T) {
	s := storetest.New(t, store.Options{})
	ctx := t.Context()
	root := storetest.Person(t, s, "root")
	of := func(address string) (interaction.ID, interaction.ID) {
		id := arrive(t, s, address, "From "+address)
		_, err := s.Stop(ctx, id, 1, "done")
		require.NoError(t, err)
		return id, contactOf(t, s, id)
	}
	_, kept := of("kept@customer.test")
	_, merged := of("merged@customer.test")
	_, second := of("second@customer.test")
	stays, undone := of("undone@customer.test")
	for _, c := range []interaction.ID{merged, undone} {
		_, err := s.MergeContacts(ctx, root, kept, c)
		require.NoError(t, err)
	}
	list, err := s.Merges(ctx, root, kept)
	require.NoError(t, err)
	_, err = s.UnmergeContacts(ctx, root, kept, list[0].ID)
	require.NoError(t, err)
	_, err = s.MergeContacts(ctx, root, second, kept)
	require.NoError(t, err)

	_, err = s.EraseContact(ctx, root, merged, "asked_for")
	require.Equal(t, "unknown_contact", code(err), "who was merged is found as the one he is")
	order, err := s.EraseContact(ctx, root, second, "asked_for")
	require.NoError(t, err)
	require.ElementsMatch(t, []interaction.ID{kept, merged, second}, order.Contacts)
	erasedBy(t, s, order.ID, forgotten)
	for _, table := range []string{"contacts", "contact_attributes", "contact_merges", "messages", "closed_interactions"} {
		for _, name := range []string{"kept@", "merged@", "second@"} {
			require.Zero(t, scan[int](t, s, `select count(*) from `+table+` x where x::text like '%`+name+`%'`), table+" "+name)
		}
	}
	require.Equal(t, "From undone@customer.test", scan[string](t, s, `select subject from closed_interactions where id = $1`, stays))
	require.Equal(t, undone, scan[interaction.ID](t, s, `select contact_id from contact_attributes`))
	_, err = s.UnmergeContacts(ctx, root, second, scan[interaction.ID](t, s, `select id from contact_merges where kept = $1`, second))
	require.Equal(t, "contact_gone", code(err))
}

// Behind the restoring of a backup who was erased is erased again, and what he sent is a repeat, also where it came after the backup.
func TestErasuresAreReapplied(t *testing.T) {
	s := storetest.New(t, store.Options{})
	ctx := t.Context()
	id := arrive(t, s, "secret@customer.test", "Secret")
	_, err := s.Stop(ctx, id, 1, "done")
	require.NoError(t, err)
	later := inbound("From: secret@customer.test\r\n\r\nSent behind the backup")
	source := interaction.SourceKey(later.Targets[0].EntryPoint, later.Identity)
	record := interaction.ErasureRecord{
		Erasure: interaction.NewID(), Contacts: []interaction.ID{contactOf(t, s, id), interaction.NewID()}, At: time.Now(), Sources: []string{fmt.Sprintf("%x", source)},
	}
	ordered, err := s.Reapply(ctx, []interaction.ErasureRecord{record})
	require.NoError(t, err)
	require.Equal(t, 1, ordered, "who is not in the backup needs nothing")
	ordered, err = s.Reapply(ctx, []interaction.ErasureRecord{record})
	require.NoError(t, err)
	require.Zero(t, ordered)
	require.Equal(t, interaction.ReasonRestored, scan[string](t, s, `select reason from erasures`))
	erasedBy(t, s, scan[interaction.ID](t, s, `select id from erasures`), forgotten)
	require.Zero(t, scan[int](t, s, `select count(*) from messages where subject = 'Secret'`))
	receipt, err := s.Accept(ctx, later)
	require.NoError(t, err)
	require.True(t, receipt.Repeat)
	require.Zero(t, scan[int](t, s, `select count(*) from raw_pieces`))
}

// An export whose writer has died is written by another; a writer that wakes up again changes nothing, and after three attempts it has failed.
func TestExportIsTakenOver(t *testing.T) {
	s := storetest.New(t, store.Options{})
	ctx := t.Context()
	root := storetest.Person(t, s, "root")
	id := arrive(t, s, "big@customer.test", "Big")
	big := strings.Repeat("All that he said. ", 100000)
	exec(t, s, `update messages set body = body || $1 || gen_random_uuid()`, big)
	order, err := s.CreateExport(ctx, root, contactOf(t, s, id))
	require.NoError(t, err)
	again, err := s.CreateExport(ctx, root, contactOf(t, s, id))
	require.NoError(t, err)
	require.Equal(t, order.ID, again.ID)

	exec(t, s, `update exports set state = 'writing', attempt = 1, taken_at = now()`)
	exec(t, s, `insert into export_pieces select id, 1, 0, 'left by the dead' from exports`)
	worked, err := s.WorkExports(ctx)
	require.NoError(t, err)
	require.False(t, worked, "it is in somebody's hands")
	exec(t, s, `update exports set taken_at = now() - interval '2 minutes'`)
	worked, err = s.WorkExports(ctx)
	require.NoError(t, err)
	require.True(t, worked)
	e, err := s.Export(ctx, order.ID)
	require.NoError(t, err)
	require.Equal(t, interaction.ExportReady, e.State)
	require.Equal(t, 2, e.Attempt)
	require.Equal(t, 2, scan[int](t, s, `select min(attempt) from export_pieces`), "of the dead nothing is left")
	var out bytes.Buffer
	require.NoError(t, s.ReadExport(ctx, e, &out))
	require.EqualValues(t, e.Size, out.Len())

	exec(t, s, `update exports set ready_at = now() - interval '8 days'`)
	_, err = s.ExpireExports(ctx)
	require.NoError(t, err)
	require.Zero(t, scan[int](t, s, `select count(*) from export_pieces`))
	require.Equal(t, "expired", scan[string](t, s, `select state from exports`))

	lost, err := s.CreateExport(ctx, root, contactOf(t, s, id))
	require.NoError(t, err)
	exec(t, s, `update exports set state = 'writing', attempt = 3, taken_at = now() - interval '2 minutes' where id = $1`, lost.ID)
	_, err = s.WorkExports(ctx)
	require.NoError(t, err)
	require.Equal(t, "failed", scan[string](t, s, `select state from exports where id = $1`, lost.ID))
}

package store_test

import (
	"context"
	"maps"
	"slices"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"parley/interaction"
	"parley/store"
	"parley/store/storetest"
)

// mortal lets a process die before any of its statements: from then on nothing reaches the database, and what was open is rolled back.
type mortal struct {
	mu    sync.Mutex
	left  int // statements until death; negative: immortal
	spent int
	died  bool
}

func (m *mortal) live(statements int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.left, m.spent, m.died = statements, 0, false
}

func (m *mortal) step(ctx context.Context) context.Context {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.left == 0 {
		m.died = true
		dead, cancel := context.WithCancel(ctx)
		cancel()
		return dead
	}
	m.left--
	m.spent++
	return ctx
}

func (m *mortal) TraceQueryStart(ctx context.Context, _ *pgx.Conn, _ pgx.TraceQueryStartData) context.Context {
	return m.step(ctx)
}

func (m *mortal) TraceQueryEnd(context.Context, *pgx.Conn, pgx.TraceQueryEndData) {}

func (m *mortal) TraceBatchStart(ctx context.Context, _ *pgx.Conn, _ pgx.TraceBatchStartData) context.Context {
	return m.step(ctx)
}

func (m *mortal) TraceBatchQuery(context.Context, *pgx.Conn, pgx.TraceBatchQueryData) {}

func (m *mortal) TraceBatchEnd(context.Context, *pgx.Conn, pgx.TraceBatchEndData) {}

// finish works on selections until nothing is due. The rate is not waited for.
func finish(t *testing.T, s *store.Store) {
	t.Helper()
	for worked := true; worked; {
		_, err := s.Pool().Exec(t.Context(), `update selections set next_at = now()`)
		require.NoError(t, err)
		worked, err = s.WorkSelections(t.Context())
		require.NoError(t, err)
	}
}

func selection(t *testing.T, s *store.Store, id interaction.ID) interaction.Selection {
	t.Helper()
	sel, err := s.Selection(t.Context(), interaction.System, id)
	require.NoError(t, err)
	return sel
}

func itemsOf(t *testing.T, s *store.Store, id interaction.ID) []interaction.SelectionItem {
	t.Helper()
	list, err := s.SelectionItems(t.Context(), interaction.System, id, "", interaction.Page{Limit: 200})
	require.NoError(t, err)
	return list.Items
}

// fleet makes interactions in the queue service with a waiting task each.
func fleet(t *testing.T, s *store.Store, n int) (ids, tasks []interaction.ID) {
	t.Helper()
	for range n {
		id := arrive(t, s, string(interaction.NewID())+"@customer.test", "Fleet")
		ids, tasks = append(ids, id), append(tasks, open(t, s, id, "handle-1"))
	}
	return ids, tasks
}

func priorities(t *testing.T, s *store.Store, ids []interaction.ID) (list []int) {
	t.Helper()
	for _, id := range ids {
		v, err := s.Interaction(t.Context(), interaction.System, id)
		require.NoError(t, err)
		list = append(list, v.Priority)
	}
	return list
}

// The dry run shows what would change and what would be refused, and changes nothing; then it is done, and then undone where nothing changed since.
func TestASelectionIsCheckedRunAndUndone(t *testing.T) {
	s := storetest.New(t, store.Options{})
	vic, ann := storetest.Person(t, s, "vic"), storetest.Person(t, s, "ann")
	ids, tasks := fleet(t, s, 5)
	_, err := s.Claim(t.Context(), ann, tasks[1])
	require.NoError(t, err)
	stranger := interaction.NewID()

	sel, err := s.CreateSelection(t.Context(), vic, interaction.NewSelection{
		Order: interaction.Order{Name: interaction.OrderHold}, IDs: append(slices.Clone(ids), stranger, ids[0]), PerSecond: 20,
	})
	require.NoError(t, err)
	require.Equal(t, 6, sel.Total, "one that was named twice is one")
	_, err = s.RunSelection(t.Context(), vic, sel.ID)
	require.Equal(t, "selection_state", code(err), "nothing runs that was not shown")
	events := countOf(t, s, `select count(*) from events where code like 'order.%'`)
	finish(t, s)
	require.Equal(t, events, countOf(t, s, `select count(*) from events where code like 'order.%'`), "a dry run has changed something")
	require.Zero(t, countOf(t, s, `select count(*) from interactions where state = 'on_hold'`))
	sel = selection(t, s, sel.ID)
	require.Equal(t, []any{interaction.SelectionChecked, 4, 2, 0}, []any{sel.State, sel.Planned, sel.Refused, sel.Done})
	for n, i := range itemsOf(t, s, sel.ID) {
		switch n {
		case 1:
			require.Equal(t, "task_held", i.Refusal.Code)
			require.Equal(t, string(ann.Agent), i.Refusal.Detail["agent"])
		case 5:
			require.Equal(t, "unknown_interaction", i.Refusal.Code)
		default:
			require.Equal(t, []interaction.OrderChange{{Field: "state", Before: "waiting", After: "on_hold"}}, i.Changes)
		}
	}

	_, err = s.RunSelection(t.Context(), vic, sel.ID)
	require.NoError(t, err)
	finish(t, s)
	sel = selection(t, s, sel.ID)
	require.Equal(t, []any{interaction.SelectionDone, 0, 2, 4}, []any{sel.State, sel.Planned, sel.Refused, sel.Done})
	require.Equal(t, 4, countOf(t, s, `select count(*) from interactions where state = 'on_hold'`))

	_, err = s.Order(t.Context(), vic, ids[2], interaction.Order{Name: interaction.OrderPriority, Priority: 7}, 0)
	require.NoError(t, err)
	undo, err := s.UndoSelection(t.Context(), vic, sel.ID)
	require.NoError(t, err)
	finish(t, s)
	require.Equal(t, 3, selection(t, s, undo.ID).Planned)
	_, err = s.RunSelection(t.Context(), vic, undo.ID)
	require.NoError(t, err)
	finish(t, s)
	require.Equal(t, 1, countOf(t, s, `select count(*) from interactions where state = 'on_hold'`), "what has changed since stays as it is")
	for _, i := range itemsOf(t, s, undo.ID) {
		require.Equal(t, i.Interaction == ids[2], i.Refusal != nil && i.Refusal.Code == "stale_version", "%+v", i)
	}
	require.Equal(t, 2, countOf(t, s, `select count(*) from events where code = 'selection.done'`))
}

// Every order that has an opposite is put back exactly; one that has none says so.
func TestEachOrdersOpposite(t *testing.T) {
	s := storetest.New(t, store.Options{})
	require.NoError(t, s.Apply(t.Context(), interaction.System, interaction.Setup{Queues: []interaction.Queue{{Name: "second", Group: "service"}}}))
	vic := storetest.Person(t, s, "vic")
	for name, order := range map[string]interaction.Order{
		"move":         {Name: interaction.OrderMove, Queue: "second"},
		"priority":     {Name: interaction.OrderPriority, Priority: 9},
		"data":         {Name: interaction.OrderData, Data: map[string]string{"old": "new", "kept": "", "fresh": "yes"}},
		"hold":         {Name: interaction.OrderHold},
		"reassign":     {Name: interaction.OrderReassign},
		"stop":         {Name: interaction.OrderStop, Reason: "spam"},
		"recategorize": {Name: interaction.OrderRecategorize, Category: "billing"},
	} {
		t.Run(name, func(t *testing.T) {
			ids, _ := fleet(t, s, 1)
			if name == "reassign" {
				order.Agent = storetest.Person(t, s, "ann").Agent
			}
			_, err := s.Order(t.Context(), vic, ids[0], interaction.Order{Name: interaction.OrderData, Data: map[string]string{"old": "value", "kept": "too"}}, 0)
			require.NoError(t, err)
			state := func() (out string) {
				require.NoError(t, s.Pool().QueryRow(t.Context(), `select concat_ws(' ', i.queue, i.priority, i.data, i.state, t.state, t.queue, t.priority, t.reserved_for, t.group_name, t.skill)
					from interactions i join tasks t on t.interaction_id = i.id where i.id = $1`, ids[0]).Scan(&out))
				return out
			}
			before := state()
			sel, err := s.CreateSelection(t.Context(), vic, interaction.NewSelection{Order: order, IDs: ids, PerSecond: 20})
			require.NoError(t, err)
			finish(t, s)
			_, err = s.RunSelection(t.Context(), vic, sel.ID)
			require.NoError(t, err)
			finish(t, s)
			require.Equal(t, 1, selection(t, s, sel.ID).Done)
			item := itemsOf(t, s, sel.ID)[0]
			require.NotEmpty(t, item.Changes)
			undo, err := s.UndoSelection(t.Context(), vic, sel.ID)
			require.NoError(t, err)
			finish(t, s)
			if name == "stop" || name == "recategorize" {
				require.False(t, item.Undoable)
				require.Equal(t, "cannot_be_undone", itemsOf(t, s, undo.ID)[0].Refusal.Code)
				return
			}
			require.True(t, item.Undoable)
			require.NotEqual(t, before, state())
			_, err = s.RunSelection(t.Context(), vic, undo.ID)
			require.NoError(t, err)
			finish(t, s)
			require.Equal(t, before, state())
		})
	}
}

// A process that dies before any statement of the work, dry run or run, loses nothing and does nothing twice.
func TestASelectionOutlivesDeathAtEveryStatement(t *testing.T) {
	m := &mortal{left: -1}
	s := storetest.New(t, store.Options{Tracer: m})
	vic := storetest.Person(t, s, "vic")
	ids, _ := fleet(t, s, 32)
	begin := func(ids []interaction.ID) interaction.ID {
		t.Helper()
		sel, err := s.CreateSelection(t.Context(), vic, interaction.NewSelection{
			Order: interaction.Order{Name: interaction.OrderPriority, Priority: 5}, IDs: ids, PerSecond: interaction.MaxPerSecond,
		})
		require.NoError(t, err)
		return sel.ID
	}
	dieOften := func(id interaction.ID, until interaction.SelectionState, most int) {
		t.Helper()
		deaths := map[int]bool{}
		for n := 0; selection(t, s, id).State != until; n++ {
			_, err := s.Pool().Exec(t.Context(), `update selections set next_at = now()`)
			require.NoError(t, err)
			require.Less(t, n, 20000)
			m.live(n % most)
			_, err = s.WorkSelections(t.Context())
			died, spent := m.died, m.spent
			m.live(-1)
			if died {
				require.Error(t, err)
				deaths[spent] = true
			}
		}
		at := slices.Sorted(maps.Keys(deaths))
		require.Equal(t, at[len(at)-1]+1, len(at), "it was not killed before every statement: %v", at)
		require.Greater(t, len(at), 12)
	}
	dieOften(begin(ids[:2]), interaction.SelectionChecked, 60)
	id := begin(ids)
	finish(t, s)
	require.Zero(t, countOf(t, s, `select count(*) from events where code = 'order.priority'`))
	_, err := s.RunSelection(t.Context(), vic, id)
	require.NoError(t, err)
	dieOften(id, interaction.SelectionDone, 24)

	for _, p := range priorities(t, s, ids) {
		require.Equal(t, 5, p)
	}
	require.Equal(t, 32, countOf(t, s, `select count(*) from events where code = 'order.priority'`))
	require.Equal(t, 32, countOf(t, s, `select count(*) from outbox where news->>'code' = 'priority'`))
	done := selection(t, s, id)
	require.Equal(t, []int{32, 0, 0, 32}, []int{done.Total, done.Planned, done.Refused, done.Done})
}

// The rate is kept, a selection that is cancelled stops where it is, and one whose author lost his rights goes no further.
func TestASelectionsRateAndEnd(t *testing.T) {
	s := storetest.New(t, store.Options{})
	vic := storetest.Person(t, s, "vic")
	ids, _ := fleet(t, s, 6)
	run := func(perSecond float64) interaction.Selection {
		t.Helper()
		sel, err := s.CreateSelection(t.Context(), vic, interaction.NewSelection{Order: interaction.Order{Name: interaction.OrderPriority, Priority: 3}, IDs: ids, PerSecond: perSecond})
		require.NoError(t, err)
		finish(t, s)
		_, err = s.RunSelection(t.Context(), vic, sel.ID)
		require.NoError(t, err)
		return sel
	}
	due := func() bool {
		worked, err := s.WorkSelections(t.Context())
		require.NoError(t, err)
		return worked
	}
	slow := run(0.01)
	require.True(t, due())
	require.False(t, due(), "the next one is due in 100 seconds")
	require.Equal(t, 1, selection(t, s, slow.ID).Done)
	_, err := s.Pool().Exec(t.Context(), `update selections set next_at = now() - interval '1 hour'`)
	require.NoError(t, err)
	require.True(t, due())
	require.False(t, due(), "an hour's standstill is not made up for at once")

	_, err = s.CancelSelection(t.Context(), vic, slow.ID)
	require.NoError(t, err)
	finish(t, s)
	require.Equal(t, 2, selection(t, s, slow.ID).Done)
	_, err = s.RunSelection(t.Context(), vic, slow.ID)
	require.Equal(t, "selection_state", code(err))
	undo, err := s.UndoSelection(t.Context(), vic, slow.ID)
	require.NoError(t, err)
	require.Equal(t, 2, undo.Total)

	other := run(interaction.MaxPerSecond)
	require.NoError(t, s.SetEnabled(t.Context(), interaction.System, vic.Agent, false))
	finish(t, s)
	ended := selection(t, s, other.ID)
	require.Equal(t, []any{interaction.SelectionCancelled, "not_allowed_any_more", 0}, []any{ended.State, ended.Reason, ended.Done})
}

// Who is no supervisor makes none; a selection is its author's and the admins'; a filter finds only what its author may know of.
func TestWhoseSelections(t *testing.T) {
	s := storetest.New(t, store.Options{})
	fleet(t, s, 2)
	hold := interaction.NewSelection{Order: interaction.Order{Name: interaction.OrderHold}, PerSecond: 20}
	_, err := s.CreateSelection(t.Context(), storetest.Person(t, s, "sue"), hold)
	require.Equal(t, "supervisors_only", code(err))
	require.NoError(t, s.Apply(t.Context(), interaction.System, interaction.Setup{Agents: []interaction.NewAgent{{Login: "val", Name: "Val", Role: interaction.RoleSupervisor, Groups: []string{"sales"}}}}))
	_, err = s.CreateSelection(t.Context(), storetest.Person(t, s, "val"), hold)
	require.Equal(t, "nothing_selected", code(err))
	vic := storetest.Person(t, s, "vic")
	sel, err := s.CreateSelection(t.Context(), vic, hold)
	require.NoError(t, err)
	require.Equal(t, 2, sel.Total)
	_, err = s.CancelSelection(t.Context(), storetest.Person(t, s, "val"), sel.ID)
	require.Equal(t, "unknown_selection", code(err))
	for login, want := range map[string]int{"vic": 1, "val": 0, "root": 1} {
		list, err := s.Selections(t.Context(), storetest.Person(t, s, login), interaction.Page{Limit: 10})
		require.NoError(t, err)
		require.Len(t, list.Items, want, login)
	}
	_, err = s.Pool().Exec(t.Context(), `update selections set state = 'cancelled', ended_at = now() - interval '40 days'`)
	require.NoError(t, err)
	require.NoError(t, s.ForgetSelections(t.Context()))
	require.Zero(t, countOf(t, s, `select count(*) from selection_items`))
}

func countOf(t *testing.T, s *store.Store, sql string) (n int) {
	t.Helper()
	require.NoError(t, s.Pool().QueryRow(t.Context(), sql).Scan(&n))
	return n
}

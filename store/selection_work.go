package store

import (
	"context"
	"slices"
	"strconv"

	"github.com/jackc/pgx/v5"

	"parley/interaction"
)

// checkBatch is how many interactions of a dry run are looked at in one transaction.
const checkBatch = 20

// WorkSelections does the next piece of what selections have to do: some of a dry run, or one interaction's order. It tells whether there was something. Of several
// processes each works on another selection.
func (s *Store) WorkSelections(ctx context.Context) (worked bool, err error) {
	err = s.inTx(ctx, func(t *tx) error {
		of, err := one(ctx, t, "selection", scanSelection, selectionColumns+` where s.state in ('checking', 'running') and s.next_at <= now()
			order by s.next_at limit 1 for update skip locked`)
		if err != nil {
			if interaction.KindOf(err) == interaction.KindUnknown {
				err = nil
			}
			return err
		}
		worked = true
		by, may, err := t.orderer(ctx, of.Agent)
		if err != nil {
			return err
		}
		if !may {
			return t.endSelection(ctx, by, of, "selection.cancelled", interaction.SelectionCancelled, "not_allowed_any_more")
		}
		if of.State == interaction.SelectionChecking {
			return t.checkSome(ctx, by, of)
		}
		return t.runNext(ctx, by, of)
	})
	return worked, err
}

// orderer gives who gave the order with the rights that he has now.
func (t *tx) orderer(ctx context.Context, agent interaction.ID) (interaction.Actor, bool, error) {
	by := interaction.Actor{Agent: agent}
	var enabled bool
	err := t.QueryRow(ctx, `select login, role, enabled, coalesce((select array_agg(group_name) from agent_groups where agent_id = a.id), '{}') from agents a where id = $1`, agent).
		Scan(&by.Login, &by.Role, &enabled, &by.Groups)
	return by, enabled && by.AtLeast(interaction.RoleSupervisor), err
}

// item is one interaction of a selection that is to be done, with its order.
type item struct {
	Number      int
	Interaction interaction.ID
	Order       interaction.Order
	Expected    int64
}

func (t *tx) items(ctx context.Context, of interaction.Selection, state interaction.ItemState, limit int) ([]item, error) {
	rows, err := t.Query(ctx, `select i.number, i.interaction_id, coalesce(i.command, s.command), i.expected from selection_items i join selections s on s.id = i.selection_id
		where i.selection_id = $1 and i.state = $2 and i.state in ('unchecked', 'planned') order by i.number limit $3`, of.ID, state, limit)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, pgx.RowToStructByPos[item])
}

// checkSome tries the next interactions of a dry run: each order is carried out and taken back, so that what it tells is what would happen.
func (t *tx) checkSome(ctx context.Context, by interaction.Actor, of interaction.Selection) error {
	list, err := t.items(ctx, of, interaction.ItemUnchecked, checkBatch)
	if err != nil {
		return err
	}
	for _, i := range list {
		done, why, err := t.try(ctx, by, i, false)
		if err != nil {
			return err
		}
		state := interaction.ItemPlanned
		if why != nil {
			state = interaction.ItemRefused
		}
		if err := t.markItem(ctx, of, i, state, done, why); err != nil {
			return err
		}
	}
	if len(list) == checkBatch {
		return nil
	}
	return t.endSelection(ctx, by, of, "selection.checked", interaction.SelectionChecked, "")
}

// runNext carries out the order on the next interaction. The order and its mark are one commit.
func (t *tx) runNext(ctx context.Context, by interaction.Actor, of interaction.Selection) error {
	list, err := t.items(ctx, of, interaction.ItemPlanned, 1)
	if err != nil {
		return err
	}
	if len(list) == 0 {
		return t.endSelection(ctx, by, of, "selection.done", interaction.SelectionDone, "")
	}
	done, why, err := t.try(ctx, by, list[0], true)
	if err != nil {
		return err
	}
	state := interaction.ItemDone
	if why != nil {
		state = interaction.ItemRefused
	}
	if err := t.markItem(ctx, of, list[0], state, done, why); err != nil {
		return err
	}
	// What the part could not do in its time is made up for by at most a second's worth.
	_, err = t.Exec(ctx, `update selections set next_at = greatest(next_at, now() - interval '1 second') + make_interval(secs => 1 / per_second) where id = $1`, of.ID)
	return err
}

// try carries out an item's order inside a savepoint, for good or to see what it would do. A refusal leaves nothing behind.
func (t *tx) try(ctx context.Context, by interaction.Actor, i item, forGood bool) (ordered, *interaction.Refusal, error) {
	inner, err := t.Begin(ctx)
	if err != nil {
		return ordered{}, nil, err
	}
	tried := &tx{Tx: inner, pipe: t.pipe}
	done, err := tried.order(ctx, by, i.Interaction, i.Order, i.Expected)
	if err != nil {
		why, is := refusal(translate(err))
		if !is {
			return done, nil, err
		}
		return done, why, inner.Rollback(ctx)
	}
	if !forGood {
		return done, nil, inner.Rollback(ctx)
	}
	t.outbox, t.tasks, t.events = t.outbox || tried.outbox, t.tasks || tried.tasks, t.events || tried.events
	return done, nil, inner.Commit(ctx)
}

// markItem notes what became of an item and counts it.
func (t *tx) markItem(ctx context.Context, of interaction.Selection, i item, state interaction.ItemState, done ordered, why *interaction.Refusal) error {
	var changes []interaction.OrderChange
	var undo *interaction.Order
	if why == nil {
		changes = changesOf(i.Order, done)
		undo = opposite(i.Order, done)
	}
	_, err := t.Exec(ctx, `
		with was as (select state from selection_items where selection_id = $1 and number = $2),
		item as (
			update selection_items set state = $3, changes = $4, refusal = $5, undo = $6, version_after = $7, at = now() where selection_id = $1 and number = $2)
		update selections set version = version + 1,
			planned = planned + ($3 = 'planned')::int - (was.state = 'planned')::int, refused = refused + ($3 = 'refused')::int, done = done + ($3 = 'done')::int
		from was where id = $1`, of.ID, i.Number, state, some(changes), why, undo, done.after.Version)
	return err
}

func (t *tx) endSelection(ctx context.Context, by interaction.Actor, of interaction.Selection, code string, to interaction.SelectionState, reason string) error {
	if !interaction.Allowed(interaction.SelectionTransitions, code, string(of.State), string(to)) {
		return interaction.Conflict("selection_state", "the selection is %s", of.State).With("state", of.State)
	}
	_, err := t.Exec(ctx, `update selections set state = $2, reason = $3, version = version + 1, ended_at = case when $2 <> 'checked' then now() end where id = $1`, of.ID, to, reason)
	if err != nil {
		return err
	}
	return t.audit(ctx, event{
		Code: code, Actor: by, From: string(of.State), To: string(to), Data: map[string]any{"selection": of.ID, "done": of.Done, "refused": of.Refused, "reason": reason},
	})
}

// changesOf tells what an order changed, in codes and names.
func changesOf(o interaction.Order, done ordered) []interaction.OrderChange {
	var list []interaction.OrderChange
	add := func(field, before, after string) {
		if before != after {
			list = append(list, interaction.OrderChange{Field: field, Before: before, After: after})
		}
	}
	b, a := done.before, done.after
	add("state", string(b.State), string(a.State))
	add("queue", b.Queue, a.Queue)
	add("priority", strconv.Itoa(b.Priority), strconv.Itoa(a.Priority))
	add("category", b.Category, a.Category)
	switch o.Name {
	case interaction.OrderReassign:
		add("reserved_for", string(done.reserved), string(o.Agent))
	case interaction.OrderStop:
		add("reason", "", o.Reason)
	case interaction.OrderData:
		keys := make([]string, 0, len(o.Data))
		for key := range o.Data {
			keys = append(keys, key)
		}
		slices.Sort(keys)
		there := func(i interaction.Interaction, key string) string {
			if _, ok := i.Data[key]; ok {
				return "set"
			}
			return "absent"
		}
		for _, key := range keys {
			if b.Data[key] != a.Data[key] {
				list = append(list, interaction.OrderChange{Field: "data." + key, Before: there(b, key), After: there(a, key)})
			}
		}
	}
	return list
}

// opposite is the order that takes another back; nil where there is none: what was stopped, answered or told anew cannot be as if it had not been.
func opposite(o interaction.Order, done ordered) *interaction.Order {
	switch o.Name {
	case interaction.OrderHold:
		return &interaction.Order{Name: interaction.OrderResume}
	case interaction.OrderResume:
		return &interaction.Order{Name: interaction.OrderHold}
	case interaction.OrderMove:
		return &interaction.Order{Name: interaction.OrderMove, Queue: done.before.Queue}
	case interaction.OrderPriority:
		return &interaction.Order{Name: interaction.OrderPriority, Priority: done.before.Priority}
	case interaction.OrderReassign:
		return &interaction.Order{Name: interaction.OrderReassign, Agent: done.reserved}
	case interaction.OrderData:
		data := make(map[string]string, len(o.Data))
		for key := range o.Data {
			data[key] = done.before.Data[key] // empty: it was not there
		}
		return &interaction.Order{Name: interaction.OrderData, Data: data}
	}
	return nil
}

package store

import (
	"context"
	"errors"
	"strconv"
	"time"

	"github.com/jackc/pgx/v5"

	"parley/interaction"
)

// A selection is one order on many interactions. It is kept with all its items before anything is done, checked by a dry run, and then carried out by
// a background part, an interaction a transaction: the order and the item's mark are one commit, so that each interaction is ordered once at most,
// whatever dies in between (selection_work.go).

// CreateSelection keeps a new selection; its dry run begins at once.
func (s *Store) CreateSelection(ctx context.Context, by interaction.Actor, n interaction.NewSelection) (interaction.Selection, error) {
	return act(ctx, s, by, func(t *tx) (interaction.Selection, error) {
		return t.createSelection(ctx, by, n.Order, "", n.PerSecond, func(id interaction.ID) error {
			if len(n.IDs) > 0 {
				_, err := t.Exec(ctx, `insert into selection_items (selection_id, number, interaction_id)
					select $1, row_number() over (order by min(n)), id from unnest($2::uuid[]) with ordinality as i (id, n) group by id`, id, n.IDs)
				return err
			}
			q := asked(by, visibleInteractions)
			narrowInteractions(q, n.Filter)
			q.args = append(q.args, id)
			_, err := t.Exec(ctx, `insert into selection_items (selection_id, number, interaction_id)
				select $`+strconv.Itoa(len(q.args))+`, row_number() over (order by id), id from (select i.id from interactions i`+q.sql()+
				` order by i.id limit `+strconv.Itoa(interaction.MaxSelection+1)+`) i`, q.args...)
			return err
		})
	})
}

// UndoSelection makes a selection of the opposite orders: each interaction that was changed gets back what it had, in the opposite order, but
// only where nothing has changed since. Like any other it is checked first and runs when told to.
func (s *Store) UndoSelection(ctx context.Context, by interaction.Actor, id interaction.ID) (interaction.Selection, error) {
	return act(ctx, s, by, func(t *tx) (interaction.Selection, error) {
		of, err := t.lockSelection(ctx, by, id)
		if err != nil {
			return of, err
		}
		if of.State != interaction.SelectionDone && of.State != interaction.SelectionCancelled {
			return of, interaction.Conflict("not_over", "the selection is %s; cancel it first, or wait for its end", of.State).With("state", of.State)
		}
		return t.createSelection(ctx, by, of.Order, id, of.PerSecond, func(undo interaction.ID) error {
			_, err := t.Exec(ctx, `
				insert into selection_items (selection_id, number, interaction_id, command, expected, state, refusal)
				select $1, row_number() over (order by number desc), interaction_id, undo, version_after, case when undo is null then 'refused' else 'unchecked' end,
					case when undo is null then jsonb_build_object('code', 'cannot_be_undone', 'text', 'this order has no opposite') end
				from selection_items where selection_id = $2 and state = 'done'`, undo, id)
			return err
		})
	})
}

// createSelection keeps a selection whose items fill writes.
func (t *tx) createSelection(ctx context.Context, by interaction.Actor, order interaction.Order, undoOf interaction.ID, perSecond float64, fill func(interaction.ID) error) (interaction.Selection, error) {
	var none interaction.Selection
	if !by.AtLeast(interaction.RoleSupervisor) {
		return none, interaction.Forbidden("supervisors_only", "orders are for supervisors")
	}
	id := interaction.NewID()
	if _, err := t.Exec(ctx, `insert into selections (id, agent_id, command, undo_of, state, per_second, total) values ($1, $2, $3, $4, 'checking', $5, 0)`,
		id, by.Agent, order, undoOf, perSecond); err != nil {
		return none, err
	}
	if err := fill(id); err != nil {
		return none, err
	}
	if _, err := t.Exec(ctx, `update selections set (total, refused) = (select count(*), count(*) filter (where state = 'refused') from selection_items where selection_id = $1)
		where id = $1`, id); err != nil {
		return none, err
	}
	made, err := t.readSelection(ctx, id, "")
	if err != nil {
		return none, err
	}
	switch {
	case made.Total == 0:
		return none, interaction.Conflict("nothing_selected", "no open interaction of yours is meant")
	case made.Total > interaction.MaxSelection:
		return none, interaction.Invalid("too_many", "filter", "means more than %d interactions; narrow it", interaction.MaxSelection)
	}
	return made, t.audit(ctx, event{
		Code: "selection.created", Actor: by, Data: map[string]any{"selection": id, "order": order.Name, "total": made.Total, "undoOf": undoOf},
	})
}

// RunSelection has a checked selection carried out: those of its interactions that the dry run did not refuse, so many a second.
func (s *Store) RunSelection(ctx context.Context, by interaction.Actor, id interaction.ID) (interaction.Selection, error) {
	return s.changeSelection(ctx, by, id, "selection.run", interaction.SelectionRunning, `begun_at = now(), next_at = now()`)
}

// CancelSelection stops a selection behind the interaction that it is at; what was done stays done.
func (s *Store) CancelSelection(ctx context.Context, by interaction.Actor, id interaction.ID) (interaction.Selection, error) {
	return s.changeSelection(ctx, by, id, "selection.cancelled", interaction.SelectionCancelled, `ended_at = now(), reason = 'by_order'`)
}

func (s *Store) changeSelection(ctx context.Context, by interaction.Actor, id interaction.ID, code string, to interaction.SelectionState, also string) (interaction.Selection, error) {
	return act(ctx, s, by, func(t *tx) (interaction.Selection, error) {
		now, err := t.lockSelection(ctx, by, id)
		if err != nil || now.State == to {
			return now, err
		}
		if !interaction.Allowed(interaction.SelectionTransitions, code, string(now.State), string(to)) {
			return now, interaction.Conflict("selection_state", "the selection is %s", now.State).With("state", now.State)
		}
		if _, err := t.Exec(ctx, `update selections set state = $2, version = version + 1, `+also+` where id = $1`, id, to); err != nil {
			return now, err
		}
		if err := t.audit(ctx, event{Code: code, Actor: by, From: string(now.State), To: string(to), Data: map[string]any{"selection": id}}); err != nil {
			return now, err
		}
		return t.readSelection(ctx, id, "")
	})
}

const selectionColumns = `select s.id, s.agent_id, s.command, s.undo_of, s.state, s.reason, s.per_second::float8, s.created_at, s.begun_at, s.ended_at,
	s.total, s.planned, s.refused, s.done, s.version from selections s`

func scanSelection(row pgx.CollectableRow) (interaction.Selection, error) {
	var s interaction.Selection
	var begun, ended *time.Time
	err := row.Scan(&s.ID, &s.Agent, &s.Order, &s.UndoOf, &s.State, &s.Reason, &s.PerSecond, &s.CreatedAt, &begun, &ended, &s.Total, &s.Planned, &s.Refused, &s.Done, &s.Version)
	s.BegunAt, s.EndedAt = orZero(begun), orZero(ended)
	return s, err
}

func (t *tx) readSelection(ctx context.Context, id interaction.ID, lock string) (interaction.Selection, error) {
	return one(ctx, t, "selection", scanSelection, selectionColumns+` where s.id = $1 `+lock, id)
}

// lockSelection locks a selection of the actor's own; admins have all.
func (t *tx) lockSelection(ctx context.Context, by interaction.Actor, id interaction.ID) (interaction.Selection, error) {
	s, err := t.readSelection(ctx, id, "for update")
	if err == nil && s.Agent != by.Agent && by.Role != interaction.RoleAdmin {
		return interaction.Selection{}, interaction.Unknown("selection")
	}
	return s, err
}

// ownSelections is the condition that a selection is the actor's to see.
const ownSelections = ` ($1 = 'admin' or s.agent_id = $2) and $3::text[] is not null `

// Selections lists the actor's selections, newest first; all for an admin.
func (s *Store) Selections(ctx context.Context, by interaction.Actor, page interaction.Page) (interaction.Listed[interaction.Selection], error) {
	q := asked(by, ownSelections)
	if page.After != "" {
		var id interaction.ID
		if err := after(page.After, &id); err != nil {
			return interaction.Listed[interaction.Selection]{}, err
		}
		q.and("s.id < ?", id)
	}
	return collect(ctx, s, q, page, scanSelection, selectionColumns, "s.id desc", func(s interaction.Selection) string { return keyOf(s.ID) })
}

// Selection gives one selection with how far it has come.
func (s *Store) Selection(ctx context.Context, by interaction.Actor, id interaction.ID) (interaction.Selection, error) {
	q := asked(by, ownSelections)
	q.and("s.id = ?", id)
	return one(ctx, s.pool, "selection", scanSelection, selectionColumns+q.sql(), q.args...)
}

// SelectionItems lists the interactions of a selection in its order, all or those in a state.
func (s *Store) SelectionItems(ctx context.Context, by interaction.Actor, id interaction.ID, state interaction.ItemState, page interaction.Page) (interaction.Listed[interaction.SelectionItem], error) {
	var none interaction.Listed[interaction.SelectionItem]
	if _, err := s.Selection(ctx, by, id); err != nil {
		return none, err
	}
	q := &query{}
	q.and("i.selection_id = ?", id)
	equal(q, "i.state", state)
	if page.After != "" {
		var number int
		if err := after(page.After, &number); err != nil {
			return none, err
		}
		q.and("i.number > ?", number)
	}
	return collect(ctx, s, q, page, scanItem, `select i.number, i.interaction_id, i.state, i.changes, i.refusal, i.state = 'done' and i.undo is not null, i.at from selection_items i`,
		"i.number", func(i interaction.SelectionItem) string { return keyOf(i.Number) })
}

func scanItem(row pgx.CollectableRow) (interaction.SelectionItem, error) {
	var i interaction.SelectionItem
	var at *time.Time
	err := row.Scan(&i.Number, &i.Interaction, &i.State, &i.Changes, &i.Refusal, &i.Undoable, &at)
	i.At = orZero(at)
	return i, err
}

// ForgetSelections drops selections that ended more than 30 days ago; run hourly.
func (s *Store) ForgetSelections(ctx context.Context) error {
	_, err := s.pool.Exec(ctx, `delete from selections s where ended_at < now() - interval '30 days'
		and not exists (select 1 from selections u where u.undo_of = s.id and (u.ended_at is null or u.ended_at >= now() - interval '30 days'))`)
	return translate(err)
}

// refusal tells an error that is an answer from one that means try again.
func refusal(err error) (*interaction.Refusal, bool) {
	var e *interaction.Error
	if !errors.As(err, &e) || interaction.KindOf(err) == interaction.KindUnavailable && e.Code != "database_error" || interaction.KindOf(err) == interaction.KindFull {
		return nil, false
	}
	return &interaction.Refusal{Code: e.Code, Text: e.Text, Detail: e.Detail}, true
}

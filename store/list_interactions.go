package store

import (
	"context"

	"github.com/jackc/pgx/v5"

	"parley/interaction"
)

const fromInteractions = `select ` + interactionColumns + ` from all_interactions i`

// interactionOrders are the orders a list of interactions can have; ids sort by the time they were made.
var interactionOrders = map[string]interactionOrder{
	"opened_at":  {order: "i.id", after: "i.id > ?"},
	"-opened_at": {order: "i.id desc", after: "i.id < ?"},
	"priority":   {order: "i.priority, i.id", after: "(i.priority, i.id) > (?, ?)", byPriority: true},
	"-priority":  {order: "i.priority desc, i.id desc", after: "(i.priority, i.id) < (?, ?)", byPriority: true},
}

// interactionOrder is one of them.
type interactionOrder struct {
	order, after string
	byPriority   bool
}

// Interactions lists interactions that the actor may know of, open and stopped, newest first unless sorted otherwise.
func (s *Store) Interactions(ctx context.Context, by interaction.Actor, f interaction.InteractionFilter, page interaction.Page) (interaction.Listed[interaction.Interaction], error) {
	q, order, err := askInteractions(by, f, page)
	if err != nil {
		return interaction.Listed[interaction.Interaction]{}, err
	}
	return collect(ctx, s, q, page, scanInteraction, fromInteractions, order.order, func(i interaction.Interaction) string {
		if order.byPriority {
			return keyOf(i.Priority, i.ID)
		}
		return keyOf(i.ID)
	})
}

// askInteractions makes the condition and the order of a page.
func askInteractions(by interaction.Actor, f interaction.InteractionFilter, page interaction.Page) (*query, interactionOrder, error) {
	order, err := sorting(interactionOrders, page, "-opened_at")
	if err != nil {
		return nil, order, err
	}
	q := asked(by, listedInteractions)
	narrowInteractions(q, f)
	if page.After == "" {
		return q, order, nil
	}
	var id interaction.ID
	var priority int
	if order.byPriority {
		err = after(page.After, &priority, &id)
		q.and(order.after, priority, id)
	} else {
		err = after(page.After, &id)
		q.and(order.after, id)
	}
	return q, order, err
}

func narrowInteractions(q *query, f interaction.InteractionFilter) {
	oneOf(q, "i.state", f.States)
	equal(q, "i.queue", f.Queue)
	equal(q, "i.channel", f.Channel)
	equal(q, "i.category", f.Category)
	equal(q, "i.language", f.Language)
	equal(q, "i.entry_point", f.EntryPoint)
	if f.Contact != "" {
		q.and("i.contact_id = ?", f.Contact)
	}
	if f.Thread != "" {
		q.and("i.thread_id = ?", f.Thread)
	}
	if f.Agent != "" {
		q.and("(i.last_agent = ? or i.id in (select h.interaction_id from tasks h where h.agent_id = ?))", f.Agent, f.Agent)
	}
	if f.Priority != nil {
		q.and("i.priority = ?", *f.Priority)
	}
	if !f.OpenedAfter.IsZero() {
		q.and("i.opened_at >= ?", f.OpenedAfter)
	}
	if !f.OpenedBefore.IsZero() {
		q.and("i.opened_at < ?", f.OpenedBefore)
	}
}

// Interaction gives one interaction with its open tasks, as far as the actor may know of them.
func (s *Store) Interaction(ctx context.Context, by interaction.Actor, id interaction.ID) (interaction.InteractionView, error) {
	var v interaction.InteractionView
	q := asked(by, visibleInteractions)
	q.and("i.id = ?", id)
	var err error
	if v.Interaction, err = one(ctx, s.pool, "interaction", scanInteraction, fromInteractions+q.sql(), q.args...); err != nil {
		return v, err
	}
	tasks, err := s.Tasks(ctx, by, interaction.TaskFilter{Interaction: id}, interaction.Page{Limit: 100})
	if v.Tasks = tasks.Items; err != nil {
		return v, err
	}
	if v.Categories, err = s.categoriesOf(ctx, v.Interaction); err != nil {
		return v, err
	}
	if v.Ways, err = ways(ctx, s.pool, id); err != nil {
		return v, err
	}
	v.Claims, err = s.claimsOf(ctx, by, v.Interaction)
	return v, err
}

// categoriesOf gives what was last said of an interaction: by a model that gives several categories, or else the one that it has.
func (s *Store) categoriesOf(ctx context.Context, i interaction.Interaction) ([]interaction.RankedCategory, error) {
	list, err := one(ctx, s.pool, "category", pgx.RowTo[[]interaction.RankedCategory], `
		select case when code = 'interaction.understood' and data->>'category' = $2 then coalesce(data->'several', '[]') else '[]' end from events
		where interaction_id = $1 and code in ('interaction.understood', 'interaction.categorized') order by position desc limit 1`, i.ID, i.Category)
	if err != nil && interaction.KindOf(err) != interaction.KindUnknown {
		return nil, err
	}
	if len(list) == 0 && i.Category != "" {
		list = []interaction.RankedCategory{{Category: i.Category, Confidence: i.Confidence}}
	}
	return list, nil
}

// InteractionMessages gives an interaction's messages in their order, each with where its sending stands.
func (s *Store) InteractionMessages(ctx context.Context, by interaction.Actor, id interaction.ID) ([]interaction.MessageView, error) {
	if err := s.seesInteraction(ctx, by, id); err != nil {
		return nil, err
	}
	messages, err := s.Messages(ctx, id)
	if err != nil {
		return nil, err
	}
	sends, err := s.sends(ctx, id)
	if err != nil {
		return nil, err
	}
	list, err := s.saidIn(ctx, id)
	if err != nil {
		return nil, err
	}
	for _, m := range messages {
		list = append(list, interaction.MessageView{Message: m, Send: sends[m.Number]})
	}
	return list, nil
}

func (s *Store) sends(ctx context.Context, id interaction.ID) (map[int64]*interaction.Send, error) {
	rows, err := s.pool.Query(ctx, `select l.message_number, l.state, l.attempts, l.code, c.state
		from ledger l cross join lateral (
			select case when count(*) = 0 then '' when bool_or(state = 'failed') then 'failed' when bool_or(state = 'pending') then 'pending'
				when bool_and(state = 'read') then 'read' else 'delivered' end as state -- of a message in several parts: the worst
			from carrier_ids where interaction_id = l.interaction_id and message_number = l.message_number) c
		where l.interaction_id = $1`, id)
	if err != nil {
		return nil, translate(err)
	}
	sends := map[int64]*interaction.Send{}
	var number int64
	var send interaction.Send
	_, err = pgx.ForEachRow(rows, []any{&number, &send.State, &send.Attempts, &send.Code, &send.Receipt}, func() error {
		kept := send
		sends[number] = &kept
		return nil
	})
	return sends, translate(err)
}

// InteractionMessage gives one message of an interaction that the actor may know of.
func (s *Store) InteractionMessage(ctx context.Context, by interaction.Actor, id interaction.ID, number int64) (interaction.Message, error) {
	if err := s.seesInteraction(ctx, by, id); err != nil {
		return interaction.Message{}, err
	}
	return s.Message(ctx, id, number)
}

// AuditOf gives the audit lines of an interaction that the actor may know of.
func (s *Store) AuditOf(ctx context.Context, by interaction.Actor, id interaction.ID) ([]interaction.Event, error) {
	if err := s.seesInteraction(ctx, by, id); err != nil {
		return nil, err
	}
	return s.InteractionEvents(ctx, id)
}

// seesInteraction says unknown for what the actor may not know of.
func (s *Store) seesInteraction(ctx context.Context, by interaction.Actor, id interaction.ID) error {
	q := asked(by, visibleInteractions)
	q.and("i.id = ?", id)
	_, err := one(ctx, s.pool, "interaction", pgx.RowTo[bool], `select true from all_interactions i`+q.sql(), q.args...)
	return err
}

package store

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"

	"parley/interaction"
)

// visibleInteractions is the condition under which an actor may know of interaction i: $1 role, $2 agent, $3 groups. His are those of
// his groups' queues, those he holds or held a task of, and those he is asked about.
const visibleInteractions = ` ($1 = 'admin'
	or exists (select 1 from queues vq where vq.name = i.queue and vq.group_name = any($3) and $1 <> 'designer')
	or exists (select 1 from tasks vt where vt.interaction_id = i.id and (vt.agent_id = $2 or vt.reserved_for = $2
		or $1 <> 'designer' and vt.group_name <> '' and vt.group_name = any($3)))
	or exists (select 1 from closed_tasks vc where vc.interaction_id = i.id and vc.agent_id = $2)) `

// listedInteractions is the same for lists, where many rows are asked about: what does not depend on the row is read once.
const listedInteractions = ` ($1 = 'admin'
	or i.queue in (select vq.name from queues vq where vq.group_name = any($3) and $1 <> 'designer')
	or i.stopped_at is null and exists (select 1 from tasks vt where vt.interaction_id = i.id and (vt.agent_id = $2 or vt.reserved_for = $2
		or $1 <> 'designer' and vt.group_name <> '' and vt.group_name = any($3)))
	or i.id in (select vc.interaction_id from closed_tasks vc where vc.agent_id = $2)) `

// visibleInteraction refuses as unknown what the actor may not know of.
func (t *tx) visibleInteraction(ctx context.Context, by interaction.Actor, id interaction.ID) error {
	var yes bool
	err := t.QueryRow(ctx, `select `+visibleInteractions+` from all_interactions i where i.id = $4`, by.Role, by.Agent, some(by.Groups), id).Scan(&yes)
	if noRows(err) || err == nil && !yes {
		return interaction.Unknown("interaction")
	}
	return err
}

const interactionColumns = `i.id, i.thread_id, i.contact_id, i.parent_id, i.channel, i.entry_point, i.queue, i.direction, i.subject, i.state, i.language,
	i.category, i.confidence, i.priority, i.data, i.last_agent, i.opened_at, i.stopped_at, i.reason, i.messages, i.version, i.gone`

func scanInteraction(row pgx.CollectableRow) (interaction.Interaction, error) {
	var i interaction.Interaction
	var stopped *time.Time
	err := row.Scan(&i.ID, &i.Thread, &i.Contact, &i.Parent, &i.Channel, &i.EntryPoint, &i.Queue, &i.Direction, &i.Subject, &i.State, &i.Language,
		&i.Category, &i.Confidence, &i.Priority, &i.Data, &i.LastAgent, &i.OpenedAt, &stopped, &i.Reason, &i.Messages, &i.Version, &i.Gone)
	i.StoppedAt = orZero(stopped)
	return i, err
}

// snapshot reads an interaction as it stands in this transaction.
func (t *tx) snapshot(ctx context.Context, id interaction.ID) (interaction.Interaction, error) {
	return one(ctx, t, "interaction", scanInteraction, `select `+interactionColumns+` from all_interactions i where i.id = $1`, id)
}

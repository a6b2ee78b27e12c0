package store

import (
	"context"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"parley/interaction"
)

// Audit lists the audit, newest first, with what was before and after each change. Supervisors see the lines about interactions and queues of their groups and their own; admins see all.
func (s *Store) Audit(ctx context.Context, by interaction.Actor, f interaction.AuditFilter, page interaction.Page) (interaction.Listed[interaction.AuditLine], error) {
	var none interaction.Listed[interaction.AuditLine]
	q := asked(by, ` ($1 = 'admin' or e.actor = $2
		or exists (select 1 from queues q where q.group_name = any($3) and q.name = coalesce(nullif(e.queue, ''),
			(select queue from interactions where id = e.interaction_id), (select queue from closed_interactions where id = e.interaction_id)))) `)
	if f.Interaction != "" {
		q.and("e.interaction_id = ?", f.Interaction)
		q.and("e.at >= ?", f.Interaction.Time().Add(-time.Hour))
	}
	if f.Actor != "" {
		q.and("e.actor = ?", f.Actor)
	}
	if prefix, all := strings.CutSuffix(f.Code, "."); all {
		q.and("starts_with(e.code, ?)", prefix+".")
	} else {
		equal(q, "e.code", f.Code)
	}
	if !f.After.IsZero() {
		q.and("e.at >= ?", f.After)
	}
	if !f.Before.IsZero() {
		q.and("e.at < ?", f.Before)
	}
	if page.After != "" {
		var at time.Time
		var position int
		if err := after(page.After, &at, &position); err != nil {
			return none, err
		}
		q.and("(e.at, e.position) < (?, ?)", at, position)
	}
	return collect(ctx, s, q, page, scanAudit, `select e.xid::text || '.' || e.position, e.position, e.at, e.code, e.actor, e.interaction_id, e.task_id, e.queue, e.from_state, e.to_state, e.data,
		v.position is not null, v.before, v.after, coalesce(v.erased, false) from events e left join event_values v on v.position = e.position`,
		"e.at desc, e.position desc", func(l interaction.AuditLine) string { return keyOf(l.At, l.Position) })
}

func scanAudit(row pgx.CollectableRow) (interaction.AuditLine, error) {
	var l interaction.AuditLine
	var v interaction.AuditValues
	var there bool
	err := row.Scan(&l.Cursor, &l.Position, &l.At, &l.Code, &l.Actor, &l.Interaction, &l.Task, &l.Queue, &l.From, &l.To, &l.Data, &there, &v.Before, &v.After, &v.Erased)
	if there {
		l.Values = &v
	}
	return l, err
}

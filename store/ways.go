package store

import (
	"context"
	"unicode/utf8"

	"github.com/jackc/pgx/v5"

	"parley/interaction"
)

// ways are the entry points that the customer has written to in an interaction, the last one first.
func ways(ctx context.Context, q querier, id interaction.ID) ([]interaction.Way, error) {
	rows, err := q.Query(ctx, `
		select e.name, e.channel, h.at, coalesce(l.kind, ''), coalesce(l.settings, '{}') from interactions i
		join lateral (select coalesce(nullif(entry_point, ''), i.entry_point) as name, max(at) as at, max(number) as number from messages
			where interaction_id = i.id and kind = 'in' group by 1) h on true
		join entry_points e on e.name = h.name
		left join lateral (select kind, settings from links where entry_point = e.name and enabled order by name limit 1) l on true
		where i.id = $1 order by h.number desc`, id)
	if err != nil {
		return nil, translate(err)
	}
	list, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (interaction.Way, error) {
		var w interaction.Way
		var kind string
		var settings map[string]any
		err := row.Scan(&w.EntryPoint, &w.Channel, &w.Heard, &kind, &settings)
		w.Bounds = interaction.LinkBounds(kind, settings)
		return w, err
	})
	return list, translate(err)
}

// mayReply refuses what the provider would refuse, while the agent can still change it.
func (t *tx) mayReply(ctx context.Context, m interaction.Message, r interaction.Reply) error {
	w, err := t.wayBy(ctx, m.Interaction, m.EntryPoint)
	if err != nil {
		return err
	}
	if n := utf8.RuneCountInString(r.Text); w.Bounds.Characters > 0 && n > w.Bounds.Characters {
		return interaction.Invalid("too_long", "text", "has %d characters; an answer by %s may have %d", n, w.EntryPoint, w.Bounds.Characters).
			With("limit", w.Bounds.Characters)
	}
	if until := w.Until(); !until.IsZero() && !w.Heard.IsZero() && m.At.After(until) {
		return interaction.Conflict("window_closed", "the customer last wrote more than %d hours ago, and %s lets nobody be answered later; choose another entry point",
			int(w.Bounds.Within.Hours()), w.EntryPoint).With("until", until)
	}
	return w.Bounds.Refuses(w.EntryPoint, r.Attachments)
}

// wayBy is the way by an entry point, also where the customer has never written to it.
func (t *tx) wayBy(ctx context.Context, id interaction.ID, entryPoint string) (interaction.Way, error) {
	list, err := ways(ctx, t, id)
	if err != nil {
		return interaction.Way{}, err
	}
	for _, w := range list {
		if w.EntryPoint == entryPoint {
			return w, nil
		}
	}
	var kind string
	var settings map[string]any
	err = t.QueryRow(ctx, `select kind, settings from links where entry_point = $1 and enabled order by name limit 1`, entryPoint).Scan(&kind, &settings)
	if noRows(err) {
		err = nil
	}
	return interaction.Way{EntryPoint: entryPoint, Bounds: interaction.LinkBounds(kind, settings)}, err
}

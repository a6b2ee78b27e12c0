package store

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"

	"parley/interaction"
)

// AddNote keeps a word among agents: on an interaction, open or stopped, or on a contact. No customer and no workflow hears of it.
func (s *Store) AddNote(ctx context.Context, by interaction.Actor, n interaction.Note) (interaction.Note, error) {
	return act(ctx, s, by, func(t *tx) (interaction.Note, error) {
		n.ID, n.Author = interaction.NewID(), by.Agent
		if n.Interaction != "" {
			if err := t.visibleInteraction(ctx, by, n.Interaction); err != nil {
				return n, err
			}
			if err := t.QueryRow(ctx, `select contact_id from all_interactions where id = $1`, n.Interaction).Scan(&n.Contact); err != nil {
				return n, err
			}
			if err := t.unmerged(ctx, n.Contact); err != nil {
				return n, err
			}
		}
		if err := t.visibleContact(ctx, by, n.Contact); err != nil {
			return n, err
		}
		if err := t.unmerged(ctx, n.Contact); err != nil {
			return n, err
		}
		n.At = n.ID.Time()
		if _, err := t.Exec(ctx, `insert into notes (id, contact_id, interaction_id, author, body) values ($1, $2, $3, $4, $5)`,
			n.ID, n.Contact, n.Interaction, n.Author, n.Text); err != nil {
			return n, err
		}
		return n, t.audit(ctx, event{Code: "note.added", Actor: by, Interaction: n.Interaction, Data: map[string]any{"note": n.ID, "contact": n.Contact}})
	})
}

// visibleContact refuses as unknown a contact that the actor may not know of.
func (t *tx) visibleContact(ctx context.Context, by interaction.Actor, id interaction.ID) error {
	q := asked(by, visibleContacts)
	q.and("c.id = ?", id)
	var yes bool
	err := t.QueryRow(ctx, `select true from contacts c`+q.sql(), q.args...).Scan(&yes)
	if noRows(err) {
		return t.erasedOr(ctx, by, id, interaction.Unknown("contact"))
	}
	return err
}

// Notes lists notes, newest first: of one interaction, or of a contact with those of his interactions that the actor may know of.
func (s *Store) Notes(ctx context.Context, by interaction.Actor, of interaction.Note, page interaction.Page) (list interaction.Listed[interaction.Note], err error) {
	q := asked(by, ` ($1 = 'admin' or n.interaction_id is null or exists (select 1 from all_interactions i where i.id = n.interaction_id and `+visibleInteractions+`)) `)
	err = s.inTx(ctx, func(t *tx) error {
		if of.Interaction != "" {
			q.and("n.interaction_id = ?", of.Interaction)
			return t.visibleInteraction(ctx, by, of.Interaction)
		}
		q.and("n.contact_id = ?", of.Contact)
		return t.visibleContact(ctx, by, of.Contact)
	})
	if err != nil {
		return list, err
	}
	if page.After != "" {
		var id interaction.ID
		if err := after(page.After, &id); err != nil {
			return list, err
		}
		q.and("n.id < ?", id)
	}
	return collect(ctx, s, q, page, scanNote, `select n.id, n.contact_id, n.interaction_id, n.author, n.body from notes n`, "n.id desc",
		func(n interaction.Note) string { return keyOf(n.ID) })
}

func scanNote(row pgx.CollectableRow) (interaction.Note, error) {
	var n interaction.Note
	err := row.Scan(&n.ID, &n.Contact, &n.Interaction, &n.Author, &n.Text)
	n.At = n.ID.Time()
	return n, err
}

// preview is how much of a text the history shows, in characters.
const preview = "300"

// History gives what there was with a contact on all channels, newest first: messages of the interactions that the actor may know of, and notes.
func (s *Store) History(ctx context.Context, by interaction.Actor, contact interaction.ID, page interaction.Page) (list interaction.Listed[interaction.HistoryEntry], err error) {
	if err := s.inTx(ctx, func(t *tx) error { return t.visibleContact(ctx, by, contact) }); err != nil {
		return list, err
	}
	q := asked(by, "true")
	q.args = append(q.args, contact)
	if page.After != "" {
		var at time.Time
		var place string
		if err := after(page.After, &at, &place); err != nil {
			return list, err
		}
		q.and("(h.at, h.place) < (?, ?)", at, place)
	}
	rows, err := collect(ctx, s, q, page, scanHistory, `
		with i as materialized (select i.id, i.channel from all_interactions i where i.contact_id = $4 and `+visibleInteractions+`)
		select h.* from (
			select m.at, m.interaction_id || ' ' || to_char(m.number, 'FM0000000000') as place, m.kind, m.interaction_id, i.channel, m.number, m.author, m.subject,
				left(coalesce(nullif(m.reply_body, ''), m.body), `+preview+`) as text, null::uuid as note
			from i join messages m on m.interaction_id = i.id
			union all
			select to_timestamp(('x' || left(replace(n.id::text, '-', ''), 12))::bit(48)::bigint / 1000.0), n.id::text, 'note', n.interaction_id, coalesce(i.channel, ''), 0, n.author, '',
				left(n.body, `+preview+`), n.id
			from notes n left join i on i.id = n.interaction_id where n.contact_id = $4 and (n.interaction_id is null or i.id is not null)) h`,
		"h.at desc, h.place desc", func(h historyRow) string { return keyOf(h.At, h.place) })
	return only(rows, func(h historyRow) interaction.HistoryEntry { return h.HistoryEntry }), err
}

// historyRow is an entry with what sorts those of one moment.
type historyRow struct {
	interaction.HistoryEntry
	place string
}

func scanHistory(row pgx.CollectableRow) (historyRow, error) {
	var h historyRow
	err := row.Scan(&h.At, &h.place, &h.Kind, &h.Interaction, &h.Channel, &h.Number, &h.Author, &h.Subject, &h.Text, &h.ID)
	return h, err
}

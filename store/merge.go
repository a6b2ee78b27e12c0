package store

import (
	"context"

	"github.com/jackc/pgx/v5"

	"parley/interaction"
)

// lockContacts locks contacts that the actor may know of, in the order of their ids, with their open interactions before them. One that was merged into another is unknown.
func (t *tx) lockContacts(ctx context.Context, by interaction.Actor, list ...interaction.ID) error {
	if _, err := t.Exec(ctx, `select 1 from interactions where contact_id = any($1::uuid[]) order by id for update`, list); err != nil {
		return err
	}
	if _, err := t.Exec(ctx, `select 1 from contacts where id = any($1::uuid[]) order by id for update`, list); err != nil {
		return err
	}
	for _, id := range list {
		if err := t.visibleContact(ctx, by, id); err != nil {
			return err
		}
	}
	return nil
}

// errMerged says that a contact was merged into another since it was found. What was decided for it is to be decided for the other.
var errMerged = interaction.Unavailable("contact_merged", nil)

// maxMerged is how often a transaction is run again for it.
const maxMerged = 5

// unmerged keeps a contact from being merged until the transaction is over. It comes behind the locks of interactions and before what is written for the contact:
// a merge that is under way is waited for, and then errMerged begins anew.
func (t *tx) unmerged(ctx context.Context, contact interaction.ID) error {
	var merged bool
	err := t.QueryRow(ctx, `select merged_into is not null from contacts where id = $1 for key share`, contact).Scan(&merged)
	if err == nil && merged {
		return errMerged
	}
	return err
}

// owned are the tables whose rows go with a contact, and what names a row.
var owned = []struct{ table, column, what string }{
	{"threads", "id", "threads"}, {"interactions", "id", "interactions"}, {"closed_interactions", "id", "interactions"}, {"notes", "id", "notes"},
}

// ownedWith are those whose rows go with their interaction.
var ownedWith = []string{"automatic_mail", "chat_sessions", "survey_asks"}

// MergeContacts makes two contacts one: attributes, threads, interactions and notes of the merged one are the kept one's from now on. Who writes from any of
// the addresses is he. Who of the two wants no surveys, he wants none. What was moved is remembered, so that it can be undone.
func (s *Store) MergeContacts(ctx context.Context, by interaction.Actor, kept, merged interaction.ID) (interaction.Merge, error) {
	return act(ctx, s, by, func(t *tx) (m interaction.Merge, err error) {
		if kept == merged {
			return m, interaction.Invalid("same_contact", "contact_id", "is the contact itself")
		}
		if err := t.lockContacts(ctx, by, kept, merged); err != nil {
			return m, err
		}
		m = interaction.Merge{ID: interaction.NewID(), Kept: kept, Merged: merged, Agent: by.Agent}
		m.At = m.ID.Time()
		moved := map[string][]interaction.ID{"threads": {}, "interactions": {}, "notes": {}}
		for _, o := range owned {
			ids, err := t.handOver(ctx, `update `+o.table+` set contact_id = $1 where contact_id = $2 returning `+o.column, kept, merged)
			if err != nil {
				return m, err
			}
			moved[o.what] = append(moved[o.what], ids...)
		}
		for _, table := range ownedWith {
			if _, err := t.Exec(ctx, `update `+table+` set contact_id = $1 where contact_id = $2 and interaction_id = any($3::uuid[])`, kept, merged, moved["interactions"]); err != nil {
				return m, err
			}
		}
		err = t.QueryRow(ctx, `
			with attributes as (update contact_attributes set contact_id = $2 where contact_id = $3 returning kind, value),
			gone as (update contacts set merged_into = $2, version = version + 1 where id = $3 returning name, no_surveys),
			before as (select no_surveys from contacts where id = $2),
			grown as (update contacts c set version = c.version + 1, name = case when c.name = '' then gone.name else c.name end, no_surveys = c.no_surveys or gone.no_surveys
				from gone where c.id = $2)
			insert into contact_merges (id, kept, merged, name, agent_id, threads, interactions, notes, attributes, no_surveys)
			select $1, $2, $3, gone.name, $4, $5, $6, $7,
				(select coalesce(jsonb_agg(jsonb_build_object('kind', a.kind, 'value', a.value)), '[]') from attributes a), gone.no_surveys and not before.no_surveys from gone, before
			returning name`, m.ID, kept, merged, by.Agent, moved["threads"], moved["interactions"], moved["notes"]).Scan(&m.Name)
		if err != nil {
			return m, err
		}
		return m, t.audit(ctx, event{Code: "contact.merged", Actor: by, Data: map[string]any{
			"merge": m.ID, "kept": kept, "merged": merged, "threads": len(moved["threads"]), "interactions": len(moved["interactions"]),
		}})
	})
}

// handOver runs an update and gives the ids that it returns.
func (t *tx) handOver(ctx context.Context, sql string, args ...any) ([]interaction.ID, error) {
	rows, err := t.Query(ctx, sql, args...)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, pgx.RowTo[interaction.ID])
}

// UnmergeContacts gives the merged contact back what was his and is still where the merge put it. What came since belongs to the one that was kept.
func (s *Store) UnmergeContacts(ctx context.Context, by interaction.Actor, kept, merge interaction.ID) (interaction.Merge, error) {
	return act(ctx, s, by, func(t *tx) (m interaction.Merge, err error) {
		if err := t.lockContacts(ctx, by, kept); err != nil {
			return m, err
		}
		var lists [3][]interaction.ID
		err = t.QueryRow(ctx, `select id, kept, merged, name, agent_id, at, undone_at, threads, interactions, notes from contact_merges where id = $1 and kept = $2 for update`, merge, kept).
			Scan(&m.ID, &m.Kept, &m.Merged, &m.Name, &m.Agent, &m.At, &m.UndoneAt, &lists[0], &lists[1], &lists[2])
		if noRows(err) {
			return m, interaction.Unknown("merge")
		}
		if err != nil {
			return m, err
		}
		if m.UndoneAt != nil {
			return m, interaction.Conflict("already_undone", "this merge was undone before")
		}
		moved := map[string][]interaction.ID{"threads": lists[0], "interactions": lists[1], "notes": lists[2]}
		for _, o := range owned {
			if _, err := t.Exec(ctx, `update `+o.table+` set contact_id = $1 where contact_id = $2 and `+o.column+` = any($3::uuid[])`, m.Merged, m.Kept, moved[o.what]); err != nil {
				return m, err
			}
		}
		for _, table := range ownedWith {
			if _, err := t.Exec(ctx, `update `+table+` set contact_id = $1 where contact_id = $2 and interaction_id = any($3::uuid[])`, m.Merged, m.Kept, lists[1]); err != nil {
				return m, err
			}
		}
		err = t.QueryRow(ctx, `
			with attributes as (
				update contact_attributes a set contact_id = $2 from contact_merges g, jsonb_to_recordset(g.attributes) as was (kind text, value text)
				where g.id = $1 and a.kind = was.kind and a.value = was.value and a.contact_id = $3),
			back as (update contacts set merged_into = null, version = version + 1 where id = $2),
			shrunk as (update contacts c set version = c.version + 1, no_surveys = c.no_surveys and not g.no_surveys from contact_merges g where g.id = $1 and c.id = $3)
			update contact_merges set undone_at = now(), undone_by = $4 where id = $1 returning undone_at`, m.ID, m.Merged, m.Kept, by.Agent).Scan(&m.UndoneAt)
		if err != nil {
			return m, err
		}
		return m, t.audit(ctx, event{Code: "contact.unmerged", Actor: by, Data: map[string]any{"merge": m.ID, "kept": m.Kept, "merged": m.Merged}})
	})
}

// Merges lists what was merged into a contact, newest first.
func (s *Store) Merges(ctx context.Context, by interaction.Actor, contact interaction.ID) (list []interaction.Merge, err error) {
	err = s.inTx(ctx, func(t *tx) error {
		if err := t.visibleContact(ctx, by, contact); err != nil {
			return err
		}
		rows, err := t.Query(ctx, `select id, kept, merged, name, agent_id, at, undone_at from contact_merges where kept = $1 order by id desc limit 100`, contact)
		if err != nil {
			return err
		}
		list, err = pgx.CollectRows(rows, pgx.RowToStructByPos[interaction.Merge])
		return err
	})
	return list, err
}

package store

import (
	"context"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"parley/interaction"
)

// A person is erased by an order, one transaction, from which on he is gone for everybody; a background part does the rest in steps that are a
// transaction each (erasure_work.go). What is left are counted facts: that there was an interaction, when, by whom it was answered, and the audit
// with its seals.

// EraseContact orders the erasure of a contact and of those that were merged into him. Ordered again it is the same order.
func (s *Store) EraseContact(ctx context.Context, by interaction.Actor, contact interaction.ID, reason string) (interaction.Erasure, error) {
	return act(ctx, s, by, func(t *tx) (interaction.Erasure, error) {
		if by.Role != interaction.RoleAdmin {
			return interaction.Erasure{}, interaction.Forbidden("admins_only", "people are erased by admins")
		}
		var known, merged bool
		err := t.QueryRow(ctx, `select true, merged_into is not null from contacts where id = $1 for update`, contact).Scan(&known, &merged)
		if err != nil && !noRows(err) {
			return interaction.Erasure{}, err
		}
		if !known || merged {
			return interaction.Erasure{}, interaction.Unknown("contact")
		}
		had, err := one(ctx, t, "erasure", scanErasure, erasureColumns+` where e.contact_id = $1`, contact)
		if err == nil || interaction.KindOf(err) != interaction.KindUnknown {
			return had, err
		}
		return t.orderErasure(ctx, by, contact, reason)
	})
}

// orderErasure makes the person gone: no name and no address lead to him any more, so nothing new can become his. Both are kept with the order
// until it is done, since more is found by them.
func (t *tx) orderErasure(ctx context.Context, by interaction.Actor, contact interaction.ID, reason string) (interaction.Erasure, error) {
	id := interaction.NewID()
	_, err := t.Exec(ctx, `
		with recursive family as (
			select $2::uuid as id
			union select c.id from family f join contact_merges m on m.kept = f.id join contacts c on c.id = m.merged and c.merged_into = f.id),
		locked as (select c.id from contacts c where c.id in (select id from family) order by c.id for update),
		known as (delete from contact_attributes where contact_id in (select id from locked) returning value),
		gone as (update contacts set erased_at = now(), name = '', version = version + 1 where id in (select id from locked))
		insert into erasures (id, contact_id, contacts, agent_id, reason, state, addresses)
		select $1, $2, array(select id from locked), $3, $4, 'stopping', array(select value from known)`, id, contact, by.Agent, reason)
	if err != nil {
		return interaction.Erasure{}, err
	}
	made, err := one(ctx, t, "erasure", scanErasure, erasureColumns+` where e.id = $1`, id)
	if err != nil {
		return made, err
	}
	return made, t.audit(ctx, event{Code: "contact.erasure_ordered", Actor: by, To: string(interaction.ErasureStopping), Data: map[string]any{
		"erasure": id, "contact": contact, "merged": len(made.Contacts) - 1, "reason": reason,
	}})
}

const erasureColumns = `select e.id, e.contact_id, e.contacts, e.agent_id, e.reason, e.state, e.erased, e.at, e.ended_at,
	case when e.state = 'stopping' then (select count(*) from interactions i where i.contact_id = any(e.contacts)) else 0 end from erasures e`

func scanErasure(row pgx.CollectableRow) (interaction.Erasure, error) {
	var e interaction.Erasure
	var ended *time.Time
	err := row.Scan(&e.ID, &e.Contact, &e.Contacts, &e.Agent, &e.Reason, &e.State, &e.Erased, &e.At, &ended, &e.Open)
	e.EndedAt = orZero(ended)
	return e, err
}

// Erasures lists erasures, newest first.
func (s *Store) Erasures(ctx context.Context, page interaction.Page) (interaction.Listed[interaction.Erasure], error) {
	q := &query{where: []string{"true"}}
	if page.After != "" {
		var id interaction.ID
		if err := after(page.After, &id); err != nil {
			return interaction.Listed[interaction.Erasure]{}, err
		}
		q.and("e.id < ?", id)
	}
	return collect(ctx, s, q, page, scanErasure, erasureColumns, "e.id desc", func(e interaction.Erasure) string { return keyOf(e.ID) })
}

// Erasure gives one erasure with how far it has come.
func (s *Store) Erasure(ctx context.Context, id interaction.ID) (interaction.Erasure, error) {
	return one(ctx, s.pool, "erasure", scanErasure, erasureColumns+` where e.id = $1`, id)
}

// Reapply orders again, behind the restoring of a backup, what the ledger outside of the database says was erased and is there again, and has what they sent be a repeat when
// it is fetched once more. It gives how many were ordered; said twice it orders nothing more.
func (s *Store) Reapply(ctx context.Context, records []interaction.ErasureRecord) (ordered int, err error) {
	for _, r := range records {
		err := s.inTx(ctx, func(t *tx) error {
			if _, err := t.Exec(ctx, `insert into source_keys (key, inbound_id) select decode(k, 'hex'), $2 from unnest($1::text[]) k on conflict do nothing`,
				some(r.Sources), r.Erasure); err != nil {
				return err
			}
			again, err := t.reappeared(ctx, r.Contacts)
			if err != nil {
				return err
			}
			for _, contact := range again {
				if _, err := t.orderErasure(ctx, interaction.System, contact, interaction.ReasonRestored); err != nil {
					return err
				}
				ordered++
			}
			return nil
		})
		if err != nil {
			return ordered, err
		}
	}
	return ordered, nil
}

// reappeared gives those of the contacts that are there and were not erased; who is merged into one of them goes with him.
func (t *tx) reappeared(ctx context.Context, contacts []interaction.ID) ([]interaction.ID, error) {
	rows, err := t.Query(ctx, `select id from contacts where id = any($1::uuid[]) and erased_at is null and merged_into is null order by id`, contacts)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, pgx.RowTo[interaction.ID])
}

// erasedOr tells a contact that was erased from one that is unknown, to who might know of him.
func (t *tx) erasedOr(ctx context.Context, by interaction.Actor, contact interaction.ID, otherwise error) error {
	q := asked(by, strings.Replace(visibleContacts, "c.erased_at is null", "c.erased_at is not null", 1))
	q.and("c.id = ?", contact)
	var erased bool
	if err := t.QueryRow(ctx, `select true from contacts c`+q.sql(), q.args...).Scan(&erased); err != nil {
		return otherwise
	}
	return interaction.Gone("contact", interaction.GoneErased)
}

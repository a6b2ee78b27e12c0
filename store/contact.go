package store

import (
	"context"
	"strings"

	"github.com/jackc/pgx/v5"

	"parley/interaction"
)

// visibleContacts is the condition that who asks may know of contact c: he may know of an interaction of his (mission P3).
const visibleContacts = ` ($1 = 'admin' or exists (select 1 from all_interactions i
	where i.contact_id = c.id and ` + visibleInteractions + `)) and c.erased_at is null and c.merged_into is null `

const contactColumns = `select c.id, c.name, c.created_at, c.version,
	coalesce((select jsonb_agg(jsonb_build_object('kind', a.kind, 'value', a.value, 'failed_at', a.failed_at, 'failed_why', a.failed_why) order by a.kind, a.value)
		from contact_attributes a where a.contact_id = c.id), '[]') from contacts c`

func scanContact(row pgx.CollectableRow) (interaction.Contact, error) {
	var c interaction.Contact
	err := row.Scan(&c.ID, &c.Name, &c.CreatedAt, &c.Version, &c.Attributes)
	return c, err
}

// Contacts lists contacts that the actor may know of, newest first.
func (s *Store) Contacts(ctx context.Context, by interaction.Actor, f interaction.ContactFilter, page interaction.Page) (interaction.Listed[interaction.Contact], error) {
	q := asked(by, visibleContacts)
	if f.Name != "" {
		q.and("starts_with(lower(c.name), ?)", strings.ToLower(f.Name))
	}
	if f.Attribute.Kind != "" {
		q.and("exists (select 1 from contact_attributes a where a.contact_id = c.id and a.kind = ? and a.value = ?)", f.Attribute.Kind, f.Attribute.Value)
	}
	if page.After != "" {
		var id interaction.ID
		if err := after(page.After, &id); err != nil {
			return interaction.Listed[interaction.Contact]{}, err
		}
		q.and("c.id < ?", id)
	}
	return collect(ctx, s, q, page, scanContact, contactColumns, "c.id desc", func(c interaction.Contact) string { return keyOf(c.ID) })
}

// maxHistory is how many interactions a contact shows by itself; the list of interactions has all of them.
const maxHistory = 50

// Contact gives one contact with his newest interactions on all channels, as far as the actor may know of them. One that was erased is gone.
func (s *Store) Contact(ctx context.Context, by interaction.Actor, id interaction.ID) (interaction.ContactView, error) {
	var v interaction.ContactView
	q := asked(by, visibleContacts)
	q.and("c.id = ?", id)
	var err error
	err = s.inTx(ctx, func(t *tx) error {
		v.Contact, err = one(ctx, t, "contact", scanContact, contactColumns+q.sql(), q.args...)
		if err != nil && interaction.KindOf(err) == interaction.KindUnknown {
			return t.erasedOr(ctx, by, id, err)
		}
		return err
	})
	if err != nil {
		return v, err
	}
	list, err := s.Interactions(ctx, by, interaction.InteractionFilter{Contact: id}, interaction.Page{Limit: maxHistory})
	v.Interactions = list.Items
	return v, err
}

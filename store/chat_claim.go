package store

import (
	"context"

	"github.com/jackc/pgx/v5"

	"parley/interaction"
)

// claims takes what the customer of a session says identifies him. What is nobody's becomes his contact's. What is another contact's is only noted: who types an
// address need not own it.
func (t *tx) claims(ctx context.Context, session interaction.ID, list []interaction.Attribute) error {
	for _, a := range list {
		if len(a.Value) > maxAttribute {
			continue
		}
		isNew, err := t.exec(ctx, `insert into contact_attributes (kind, value, contact_id) select $2, $3, contact_id from interactions where id = $1
			on conflict do nothing`, session, a.Kind, a.Value)
		if err != nil {
			return err
		}
		if isNew {
			continue
		}
		noted, err := t.exec(ctx, `
			update chat_sessions s set claims = s.claims || c.claim
			from (select jsonb_build_array(jsonb_build_object('kind', $2::text, 'value', $3::text)) as claim) c
			where s.interaction_id = $1 and not s.claims @> c.claim
				and exists (select 1 from contact_attributes a where a.kind = $2 and a.value = $3 and a.contact_id <> s.contact_id)`, session, a.Kind, a.Value)
		if err != nil {
			return err
		}
		if !noted {
			continue
		}
		if err := t.audit(ctx, event{
			Code: "chat.claimed", Interaction: session, Data: map[string]any{"kind": a.Kind}, After: map[string]string{a.Kind: a.Value},
		}); err != nil {
			return err
		}
	}
	return nil
}

// claimsOf gives whom the customer of a chat, or of what a chat became, says to be: once he is merged with that contact, nobody any more. Contacts that the actor may
// not know of stay unnamed.
func (s *Store) claimsOf(ctx context.Context, by interaction.Actor, i interaction.Interaction) ([]interaction.Claim, error) {
	rows, err := s.pool.Query(ctx, `
		select a.kind, a.value, c.id, coalesce(c.name, '')
		from chat_sessions s cross join jsonb_to_recordset(s.claims) as said(kind text, value text)
			join contact_attributes a on a.kind = said.kind and a.value = said.value
			left join contacts c on c.id = a.contact_id and `+visibleContacts+`
		where s.interaction_id = any($4::uuid[]) and a.contact_id <> $5 order by a.kind, a.value`,
		by.Role, by.Agent, some(by.Groups), []interaction.ID{i.ID, i.Parent}, i.Contact)
	if err != nil {
		return nil, translate(err)
	}
	list, err := pgx.CollectRows(rows, pgx.RowToStructByPos[interaction.Claim])
	return list, translate(err)
}

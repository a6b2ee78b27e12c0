package store

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"

	"parley/interaction"
)

// filledFrom joins what the field codes of a response stand for to an interaction i: $1 is its id, $2 the agent who speaks (null: the entry point does).
const filledFrom = ` join contacts fc on fc.id = i.contact_id join entry_points fe on fe.name = i.entry_point
	left join agents fa on fa.id = $2
	left join lateral (select sender->>'address' as address from messages where interaction_id = i.id and kind = 'in' order by number desc limit 1) fm on true `

const filledColumns = `i.id, fc.name, coalesce(fm.address, ''), i.subject, i.category, i.queue, i.opened_at, coalesce(fa.name, fe.from_name), fe.from_name, fe.address`

// filling is what field codes stand for.
type filling struct {
	id                                             interaction.ID
	contact, address, subject, category, queue, by string
	opened                                         time.Time
	from                                           interaction.Address
}

func (f *filling) targets() []any {
	return []any{&f.id, &f.contact, &f.address, &f.subject, &f.category, &f.queue, &f.opened, &f.by, &f.from.Name, &f.from.Address}
}

// values are by the names of interaction.TemplateFields.
func (f *filling) values() map[string]any {
	return map[string]any{
		"contact.name": f.contact, "contact.email": f.address, "interaction.subject": f.subject, "interaction.reference": Reference(f.id),
		"interaction.category": f.category, "interaction.queue": f.queue, "interaction.received": f.opened, "agent.name": f.by,
	}
}

// fillingFor reads what field codes stand for in an interaction, and the address that it is answered from.
func (t *tx) fillingFor(ctx context.Context, id, agent interaction.ID) (interaction.Address, map[string]any, error) {
	var f filling
	err := t.QueryRow(ctx, `select `+filledColumns+` from all_interactions i `+filledFrom+` where i.id = $1`, id, agent).Scan(f.targets()...)
	return f.from, f.values(), err
}

// ResponseValues gives what field codes stand for in an interaction that the actor may know of, when he speaks.
func (s *Store) ResponseValues(ctx context.Context, by interaction.Actor, id interaction.ID) (values map[string]any, err error) {
	err = s.inTx(ctx, func(t *tx) error {
		if err := t.visibleInteraction(ctx, by, id); err != nil {
			return err
		}
		_, values, err = t.fillingFor(ctx, id, by.Agent)
		return err
	})
	return values, err
}

// fillIn fills in a response.
func (s *Store) fillIn(r interaction.Response, values map[string]any) (f interaction.ResponseText, err error) {
	if r.Subject != "" {
		if f.Subject, err = s.renderer.Render(r.Subject, values); err != nil {
			return f, err
		}
	}
	if f.Text, err = s.renderer.Render(r.Text, values); err != nil || r.HTML == "" {
		return f, err
	}
	f.HTML, err = s.renderer.RenderHTML(r.HTML, values)
	return f, err
}

// suggestions gives the responses that may answer a task, filled in, in one query: those that understanding found, in its order, then those of the
// interaction's category. One that cannot be filled in is left out.
func (s *Store) suggestions(ctx context.Context, by interaction.Actor, id interaction.ID) ([]interaction.SuggestedResponse, error) {
	rows, err := s.pool.Query(ctx, `select `+responseColumns+`, `+filledColumns+` from interactions i
		cross join lateral (select unnest(i.suggested) union select c.id from responses c where c.category = i.category and c.language = i.language and i.category <> '') s (id)
		join responses r on r.id = s.id `+filledFrom+`
		where i.id = $1 and r.usage in ('suggestion', 'auto_response') and `+usableResponse+`
			and not exists (select 1 from rejected_suggestions x where x.interaction_id = i.id and x.response_id = r.id)
		order by array_position(i.suggested, r.id) nulls last, r.state = 'active' desc, r.usage = 'suggestion' desc, r.name limit $3`, id, by.Agent, maxSuggestions)
	if err != nil {
		return nil, translate(err)
	}
	list := []interaction.SuggestedResponse{}
	var one interaction.SuggestedResponse
	var f filling
	_, err = pgx.ForEachRow(rows, append(responseTargets(&one.Response), f.targets()...), func() error {
		if filled, err := s.fillIn(one.Response, f.values()); err == nil {
			one.Filled = filled
			list = append(list, one)
		}
		one.Files = nil // of its own for the next one
		return nil
	})
	return list, translate(err)
}

// countUses writes down which responses an agent made his reply of, and how many of their words he changed.
func (t *tx) countUses(ctx context.Context, s *Store, by interaction.Actor, row taskRow, m interaction.Message, ids []interaction.ID) error {
	if len(ids) == 0 {
		return nil
	}
	_, values, err := t.fillingFor(ctx, row.Interaction, by.Agent)
	if err != nil {
		return err
	}
	for _, id := range ids {
		var r interaction.Response
		var suggested bool
		err := t.QueryRow(ctx, `select `+responseColumns+`, r.id = any(i.suggested) from responses r, interactions i where r.id = $1 and i.id = $2`, id, row.Interaction).
			Scan(append(responseTargets(&r), &suggested)...)
		if noRows(err) {
			return interaction.Invalid("unknown_response", "responses", "there is no response %s", id)
		}
		if err != nil {
			return err
		}
		filled, err := s.fillIn(r, values)
		if err != nil { // it cannot have been inserted either
			return interaction.Invalid("unknown_response", "responses", "response %s cannot be filled in for this interaction", id)
		}
		words, changed := interaction.WordsChanged(filled.Text, m.Text)
		if err := t.audit(ctx, event{Code: "response.used", Actor: by, Interaction: row.Interaction, Task: row.ID, Data: map[string]any{
			"response": r.ID, "name": r.Name, "version": r.Version, "message": m.Number, "suggested": suggested, "words": words, "changed": changed,
		}}); err != nil {
			return err
		}
	}
	return nil
}

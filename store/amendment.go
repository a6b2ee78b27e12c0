package store

import (
	"context"
	"crypto/sha256"

	"github.com/jackc/pgx/v5"

	"parley/interaction"
)

// What a customer does later to a message of his. A new version is a message of its own, so that nobody answers words that he has not seen; the version before is
// kept and marked. What he takes back is kept for the audit's sake, and shown to nobody unless the link says so.

// OpenMessages gives the names of customers' messages that begin with a prefix and whose interactions are not over, in their order from behind a name on: what is worth to
// be looked at again for amendments that nobody told.
func (s *Store) OpenMessages(ctx context.Context, prefix, behind string, limit int) ([]string, error) {
	rows, err := s.pool.Query(ctx, `
		select distinct m.message_id collate "C" from interactions i join messages m on m.interaction_id = i.id and m.kind = 'in' and not m.withdrawn
		where i.channel = 'social' and starts_with(m.message_id, $1) and m.message_id collate "C" > $2 and not $4 = any(m.problems)
		order by 1 limit $3`, prefix, behind, limit, interaction.ProblemNewVersion)
	if err != nil {
		return nil, translate(err)
	}
	list, err := pgx.CollectRows(rows, pgx.RowTo[string])
	return list, translate(err)
}

// settleAmendment heeds an amendment and reports whether there is nothing else to do. One whose message may be among what arrived before it and is not settled
// yet is left where it is: it is taken again a little later.
func (t *tx) settleAmendment(ctx context.Context, in interaction.Taken, a interaction.Amendment) (over bool, err error) {
	of, thread, err := t.amended(ctx, a)
	if err != nil {
		return false, err
	}
	if of == "" {
		var early bool
		if err := t.QueryRow(ctx, `select exists (select 1 from inbound where state = 'new' and entry_point = $1 and id < $2)`, in.EntryPoint, in.ID).Scan(&early); err != nil || early {
			return true, err
		}
		if a.Kind == interaction.AmendmentEdit {
			return false, nil // the version before was never seen here: this one is a message like any other
		}
		_, err := t.Exec(ctx, `update inbound set state = 'done' where id = $1`, in.ID)
		return true, err
	}
	if a.Kind == interaction.AmendmentEdit {
		_, err := t.Exec(ctx, `update messages set problems = problems || array[$3]
			where interaction_id = $1 and kind = 'in' and message_id = any($2) and not $3 = any(problems)`, of, a.Of, interaction.ProblemEditedLater)
		return false, err
	}
	return true, t.hideWithdrawn(ctx, in, a, of, thread)
}

// amended finds the interaction of the message that an amendment is about, and its thread.
func (t *tx) amended(ctx context.Context, a interaction.Amendment) (of, thread interaction.ID, err error) {
	hashes := make([][]byte, len(a.Of))
	for n, name := range a.Of {
		hash := sha256.Sum256([]byte(name))
		hashes[n] = hash[:]
	}
	err = t.QueryRow(ctx, `select g.interaction_id, m.thread_id from mail_ids m join messages g on g.interaction_id = m.interaction_id and g.number = m.message_number
		where m.hash = any($1) and g.kind = 'in' and g.message_id = any($2) order by g.interaction_id desc limit 1`, hashes, a.Of).Scan(&of, &thread)
	if noRows(err) {
		return "", "", nil
	}
	return of, thread, err
}

// hideWithdrawn hides the message in all its versions, and makes stale what was being written in answer to it.
func (t *tx) hideWithdrawn(ctx context.Context, in interaction.Taken, a interaction.Amendment, of, thread interaction.ID) error {
	open, err := t.lockRow(ctx, of)
	if err != nil {
		return err
	}
	rows, err := t.Query(ctx, `
		update messages set withdrawn = withdrawn or not $3, problems = problems || array[$4]
		where interaction_id in (select id from all_interactions where thread_id = $1) and kind = 'in' and not $4 = any(problems)
			and (message_id = any($2) or in_reply_to = any($2) and $5 = any(problems))
		returning number, interaction_id, subject`, thread, a.Of, a.Show, interaction.ProblemWithdrawn, interaction.ProblemNewVersion)
	if err != nil {
		return err
	}
	type hidden struct {
		number  int64
		of      interaction.ID
		subject string
	}
	var list []hidden
	for rows.Next() {
		var h hidden
		if err := rows.Scan(&h.number, &h.of, &h.subject); err != nil {
			return err
		}
		list = append(list, h)
	}
	if err := rows.Err(); err != nil {
		return err
	}
	for _, h := range list {
		if !a.Show && h.subject != "" { // the subject of the interaction is the beginning of its first message
			for _, table := range []string{"interactions", "closed_interactions"} {
				if _, err := t.Exec(ctx, `update `+table+` set subject = '' where id = $1 and subject = $2`, h.of, h.subject); err != nil {
					return err
				}
			}
		}
		if err := t.audit(ctx, event{Code: "message.withdrawn", Interaction: h.of, Data: map[string]any{"message": h.number, "shown": a.Show}}); err != nil {
			return err
		}
	}
	if open != nil && len(list) > 0 {
		if err := t.customerWrote(ctx, of); err != nil {
			return err
		}
	}
	_, err = t.Exec(ctx, `update inbound set state = 'done', interaction_id = $2 where id = $1`, in.ID, of)
	return err
}

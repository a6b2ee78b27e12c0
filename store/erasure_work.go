package store

import (
	"context"
	"encoding/hex"
	"time"

	"github.com/jackc/pgx/v5"

	"parley/interaction"
)

// wipeBatch is how many interactions are emptied in one transaction.
const wipeBatch = 20

// stopAgain is how long an interaction has to stop before it is told once more; it doubles with each time, up to maxStopAgain.
const (
	stopAgain    = 10 * time.Second
	maxStopAgain = 10 * time.Minute
)

// erasing is the row of an erasure that is worked on.
type erasing struct {
	interaction.Erasure
	addresses []string
	experts   []interaction.ID
	settled   bool // nothing that began before the order runs any more
	ask       bool // it is time to tell what is open to stop
	times     int  // that it was told
}

// WorkErasures does the next step of one erasure, in one transaction, and tells whether there was one. keep is called with what belongs into the
// ledger outside of the database before anything goes: a process that dies behind it keeps it twice. Of several processes each works on another erasure, and one that
// dies leaves its step to the next.
func (s *Store) WorkErasures(ctx context.Context, keep func(interaction.ErasureRecord) error) (worked bool, err error) {
	var at interaction.ID
	err = s.inTx(ctx, func(t *tx) error {
		e, err := t.nextErasure(ctx)
		if err != nil || e == nil {
			return err
		}
		worked, at = true, e.ID
		if e.State == interaction.ErasureErasing {
			return t.eraseSome(ctx, e)
		}
		open, err := t.stopHis(ctx, e)
		if err != nil || open {
			return err
		}
		return t.beginErasing(ctx, e, keep)
	})
	if err != nil && at != "" { // the others do not wait for one that fails
		_, _ = s.pool.Exec(ctx, `update erasures set next_at = now() + interval '5 seconds' where id = $1`, at)
	}
	return worked, err
}

func (t *tx) nextErasure(ctx context.Context) (*erasing, error) {
	var e erasing
	err := t.QueryRow(ctx, `
		select id, contact_id, contacts, agent_id, reason, state, addresses, experts, xid < pg_snapshot_xmin(pg_current_snapshot()), ordered,
			ordered_at is null or ordered_at < now() - least($1 * power(2, least(ordered, 20) - 1), $2) * interval '1 second'
		from erasures where state <> 'done' and next_at <= now() order by next_at limit 1 for update skip locked`, stopAgain.Seconds(), maxStopAgain.Seconds()).
		Scan(&e.ID, &e.Contact, &e.Contacts, &e.Agent, &e.Reason, &e.State, &e.addresses, &e.experts, &e.settled, &e.times, &e.ask)
	if noRows(err) {
		return nil, nil
	}
	return &e, err
}

// hisOpen are the open interactions of an erasure: $1 contacts. What was asked of people outside about them is in it: it quotes him.
const hisOpen = `
	select id from interactions where contact_id = any($1::uuid[])
	union select i.id from interactions i join threads h on h.id = i.thread_id
		where h.expert_for in (select id from interactions where contact_id = any($1::uuid[]) union select id from closed_interactions where contact_id = any($1::uuid[]))`

// stopHis has the workflows of what is open stop, by the same order as a supervisor's, and reports whether anything is open still, or may become so: what is
// being sent is waited for, and so is what had begun when the person was there.
func (t *tx) stopHis(ctx context.Context, e *erasing) (open bool, err error) {
	list, err := t.handOver(ctx, hisOpen+` order by 1`, e.Contacts)
	if err != nil {
		return false, err
	}
	if len(list) == 0 && e.settled {
		return false, nil
	}
	if e.ask && len(list) > 0 {
		by := interaction.Actor{Agent: e.Agent, Role: interaction.RoleAdmin}
		stop := interaction.Order{Name: interaction.OrderStop, Reason: interaction.ReasonErased, Force: true}
		for _, id := range list {
			if _, _, err := t.try(ctx, by, item{Interaction: id, Order: stop}, true); err != nil { // one that is refused is asked again
				return true, err
			}
		}
	}
	_, err = t.Exec(ctx, `update erasures set next_at = now() + interval '200 milliseconds', ordered = ordered + $2::int,
		ordered_at = case when $2 > 0 then now() else ordered_at end where id = $1`, e.ID, asInt(e.ask && len(list) > 0))
	return true, err
}

func asInt(is bool) int {
	if is {
		return 1
	}
	return 0
}

// beginErasing notes what leads to more of him, keeps the record outside, and lets the erasing begin.
func (t *tx) beginErasing(ctx context.Context, e *erasing, keep func(interaction.ErasureRecord) error) error {
	err := t.QueryRow(ctx, `
		update erasures set experts = array(select h.id from threads h where h.expert_for in (select id from closed_interactions where contact_id = any($2::uuid[]))),
			addresses = array(
				select unnest(addresses) union
				select m.sender->>'address' from messages m join closed_interactions i on i.id = m.interaction_id
					where i.contact_id = any($2::uuid[]) and m.kind = 'in' and coalesce(m.sender->>'address', '') <> '' and m.machine = ''),
			state = $3
		where id = $1 returning experts, addresses`, e.ID, e.Contacts, interaction.ErasureErasing).Scan(&e.experts, &e.addresses)
	if err != nil {
		return err
	}
	if err := t.forgetAnswers(ctx, e); err != nil {
		return err
	}
	record := interaction.ErasureRecord{Erasure: e.ID, Contacts: e.Contacts, At: e.ID.Time()}
	if record.Sources, err = t.sources(ctx, e); err != nil {
		return err
	}
	if err := t.turnErasure(ctx, e, "contact.erasing", interaction.ErasureErasing); err != nil {
		return err
	}
	return keep(record)
}

// hisClosed are the interactions of an erasure that have stopped: $1 contacts, $2 threads with people outside.
const hisClosed = `
	select id, gone from closed_interactions where contact_id = any($1::uuid[]) union select id, gone from closed_interactions where thread_id = any($2::uuid[])`

// sources gives the keys of what he sent.
func (t *tx) sources(ctx context.Context, e *erasing) ([]string, error) {
	rows, err := t.Query(ctx, `select b.entry_point, b.identity from (`+hisClosed+`) i join inbound b on b.interaction_id = i.id`, e.Contacts, e.experts)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, func(row pgx.CollectableRow) (string, error) {
		var entryPoint string
		var raw []byte
		err := row.Scan(&entryPoint, &raw)
		var identity [32]byte
		copy(identity[:], raw)
		key := interaction.SourceKey(entryPoint, identity)
		return hex.EncodeToString(key[:]), err
	})
}

// forgetAnswers drops the answers that were kept for requests that are made again (a day's), where they name him or something of his. They have no index for
// that: an erasure reads them once.
func (t *tx) forgetAnswers(ctx context.Context, e *erasing) error {
	_, err := t.Exec(ctx, `
		with i as materialized (`+hisClosed+`),
		ids as materialized (
			select id::text as id from i
			union select unnest($1::uuid[])::text
			union select k.id::text from closed_tasks k join i on i.id = k.interaction_id
			union select f->>'upload' from messages m join i on i.id = m.interaction_id, jsonb_array_elements(m.attachments) f where f ? 'upload'
			union select c.file->>'upload' from chat_messages c join i on i.id = c.session_id where c.file ? 'upload'),
		words as materialized (select lower(a) as word from unnest($3::text[]) a where length(a) > 4)
		delete from requests where answer is not null and (
			exists (select 1 from words where strpos(lower(answer::text), word) > 0)
			or exists (select 1 from regexp_matches(answer::text, '[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}', 'g') m where m[1] in (select id from ids)))`,
		e.Contacts, e.experts, e.addresses)
	return err
}

// eraseSome empties the next interactions; behind the last it empties the person himself, and the erasure is done.
func (t *tx) eraseSome(ctx context.Context, e *erasing) error {
	list, err := t.handOver(ctx, `select id from (`+hisClosed+`) i where gone <> 'erased' order by id limit $3`, e.Contacts, e.experts, wipeBatch)
	if err != nil {
		return err
	}
	for _, id := range list {
		if err := t.wipe(ctx, id, interaction.RetainContent); err != nil {
			return err
		}
	}
	if _, err := t.Exec(ctx, `with gone as (update closed_interactions set gone = 'erased', version = version + 1 where id = any($2::uuid[]))
		update erasures set erased = erased + cardinality($2::uuid[]) where id = $1`, e.ID, list); err != nil || len(list) == wipeBatch {
		return err
	}
	if err := t.wipeContacts(ctx, e.Contacts); err != nil {
		return err
	}
	if err := t.veilConsents(ctx, e.addresses); err != nil {
		return err
	}
	if err := t.cancelTrainings(ctx); err != nil {
		return err
	}
	if _, err := t.Exec(ctx, `update erasures set state = $2, addresses = '{}', ended_at = now() where id = $1`, e.ID, interaction.ErasureDone); err != nil {
		return err
	}
	return t.turnErasure(ctx, e, "contact.erased", interaction.ErasureDone)
}

// veilConsents leaves in the register that an address may not be written to, but not whose it is.
func (t *tx) veilConsents(ctx context.Context, addresses []string) error {
	_, err := t.Exec(ctx, `
		with gone as (delete from consents where address = any($1) returning *)
		insert into consents (channel, address, out, word, source, since) select channel, erased_address(address), out, word, source, since from gone where out
		on conflict do nothing`, some(addresses))
	return err
}

// cancelTrainings ends those under way that have put down what customers wrote: his words may be among it. What begins later finds them no more.
func (t *tx) cancelTrainings(ctx context.Context) error {
	list, err := t.handOver(ctx, `select id from trainings where state in ('queued', 'gathered', 'judged') and (labels or handled) order by id`)
	if err != nil {
		return err
	}
	for _, id := range list {
		r, err := t.lockTraining(ctx, id)
		if err != nil {
			if interaction.KindOf(err) == interaction.KindConflict { // it has just ended
				continue
			}
			return err
		}
		if err := t.endTraining(ctx, interaction.System, r, interaction.TrainingCancelled, interaction.ReasonErased); err != nil {
			return err
		}
	}
	return nil
}

// turnErasure writes the audit of a change of state.
func (t *tx) turnErasure(ctx context.Context, e *erasing, code string, to interaction.ErasureState) error {
	if !interaction.Allowed(interaction.ErasureTransitions, code, string(e.State), string(to)) {
		return interaction.Conflict("erasure_state", "the erasure is %s", e.State).With("state", e.State)
	}
	return t.audit(ctx, event{Code: code, From: string(e.State), To: string(to), Data: map[string]any{"erasure": e.ID, "contact": e.Contact}})
}

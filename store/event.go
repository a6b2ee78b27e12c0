package store

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"parley/interaction"
)

// event is one line of the audit, written in the transaction of the change it tells of.
type event struct {
	Code        string
	Actor       interaction.Actor
	Interaction interaction.ID
	Task        interaction.ID
	Queue       string
	From, To    string
	Data        map[string]any
	Before      any // personal values go to a table of their own, which erasure empties
	After       any
}

// audit appends the event.
func (t *tx) audit(ctx context.Context, e event) error {
	if e.Data == nil {
		e.Data = map[string]any{}
	}
	data, err := json.Marshal(e.Data)
	if err != nil {
		return fmt.Errorf("data of %s: %w", e.Code, err)
	}
	t.events = true
	if e.Before == nil && e.After == nil {
		t.put(`insert into events (code, actor, interaction_id, task_id, queue, from_state, to_state, data)
			values ($1, $2, $3, $4, $5, $6, $7, $8)`, e.Code, e.Actor.Agent, e.Interaction, e.Task, e.Queue, e.From, e.To, json.RawMessage(data))
		return nil
	}
	_, err = t.Exec(ctx, `
		with v as (select uuid_send(gen_random_uuid()) as salt, $9::jsonb as before, $10::jsonb as after),
		put as (
			insert into events (code, actor, interaction_id, task_id, queue, from_state, to_state, data, values_hash)
			select $1, $2, $3, $4, $5, $6, $7, $8, `+valuesHash+` from v returning position)
		insert into event_values (position, interaction_id, salt, before, after) select position, $3, salt, before, after from put, v`,
		e.Code, e.Actor.Agent, e.Interaction, e.Task, e.Queue, e.From, e.To, json.RawMessage(data), e.Before, e.After)
	return err
}

// valuesHash ties the personal values v of an event to it. The salt goes when they are erased, so the hash tells nothing about them.
const valuesHash = ` sha256(v.salt || convert_to(coalesce(v.before::text, '') || chr(1) || coalesce(v.after::text, ''), 'UTF8')) `

const eventColumns = `xid::text, position, at, code, actor, interaction_id, task_id, from_state, to_state, data`

// InteractionEvents gives the audit of one interaction in the order of its lines.
func (s *Store) InteractionEvents(ctx context.Context, id interaction.ID) ([]interaction.Event, error) {
	rows, err := s.pool.Query(ctx, `select `+eventColumns+` from events
		where interaction_id = $1 and at >= $2 order by position`, id, id.Time().Add(-time.Hour))
	if err != nil {
		return nil, translate(err)
	}
	list, err := pgx.CollectRows(rows, scanEvent)
	return list, translate(err)
}

// EventsAfter gives up to limit events behind the cursor, for streams. Transactions commit in another order than they number: only
// events of transactions below the oldest one still running are given, in the order of (transaction, number), so that
// no line can appear behind a reader's back.
func (s *Store) EventsAfter(ctx context.Context, cursor string, limit int) ([]interaction.Event, error) {
	xid, position, err := parseCursor(cursor)
	if err != nil {
		return nil, err
	}
	rows, err := s.pool.Query(ctx, `select `+eventColumns+` from events
		where (xid, position) > ($1::text::xid8, $2) and xid < pg_snapshot_xmin(pg_current_snapshot())
		order by xid, position limit $3`, xid, position, limit)
	if err != nil {
		return nil, translate(err)
	}
	list, err := pgx.CollectRows(rows, scanEvent)
	return list, translate(err)
}

// LastCursor is the place where the stream ends now.
func (s *Store) LastCursor(ctx context.Context) (string, error) {
	var xid string
	err := s.pool.QueryRow(ctx, `select pg_snapshot_xmin(pg_current_snapshot())::text`).Scan(&xid)
	return xid + ".0", translate(err)
}

func parseCursor(cursor string) (xid string, position int64, err error) {
	if cursor == "" {
		return "0", 0, nil
	}
	xid, after, _ := strings.Cut(cursor, ".")
	if _, err := strconv.ParseUint(xid, 10, 64); err != nil {
		return "", 0, badCursor()
	}
	n, err := strconv.ParseUint(after, 10, 63)
	if err != nil {
		return "", 0, badCursor()
	}
	return xid, int64(n), nil
}

func scanEvent(row pgx.CollectableRow) (interaction.Event, error) {
	var e interaction.Event
	var xid string
	var position int64
	err := row.Scan(&xid, &position, &e.At, &e.Code, &e.Actor, &e.Interaction, &e.Task, &e.From, &e.To, &e.Data)
	e.Cursor = fmt.Sprintf("%s.%d", xid, position)
	return e, err
}

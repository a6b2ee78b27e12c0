package store

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"

	"parley/interaction"
)

// Retention goes through what has stopped in the order in which it did, by an index, and remembers how far it has come for each kind and channel: nothing is looked at
// twice, and a rule with fewer days goes on from there. Only what has stopped is ever touched.

// Bounds of one batch.
const (
	retainBatch   = 50    // interactions
	contactsBatch = 200   // people who are looked at
	forecastMost  = 10000 // things that a forecast counts; of people it looks at ten times as many
)

// retentionLock is the advisory lock of the one who works.
const retentionLock = 7016996765293437285

// retaining is one thing to do: a kind of one channel's interactions, older than days.
type retaining struct {
	rule    interaction.RetentionRule
	channel interaction.Channel
}

// retainings spreads rules over channels: a rule without a channel is for those that have none of its kind.
func retainings(rules []interaction.RetentionRule) []retaining {
	own := map[[2]string]bool{}
	for _, r := range rules {
		own[[2]string{string(r.Kind), string(r.Channel)}] = true
	}
	var list []retaining
	for _, r := range rules {
		if r.Channel != "" || r.Kind == interaction.RetainContacts {
			list = append(list, retaining{r, r.Channel})
			continue
		}
		for _, ch := range interaction.Channels {
			if !own[[2]string{string(r.Kind), string(ch)}] {
				list = append(list, retaining{r, ch})
			}
		}
	}
	return list
}

// Retain does the next batch of what the rules say, in one transaction, and tells whether there may be more.
func (s *Store) Retain(ctx context.Context) (worked bool, err error) {
	err = s.inTx(ctx, func(t *tx) error {
		var ours bool
		if err := t.QueryRow(ctx, `select pg_try_advisory_xact_lock($1)`, int64(retentionLock)).Scan(&ours); err != nil || !ours {
			return err
		}
		var rules []interaction.RetentionRule
		if err := list(ctx, t, &rules, retentionColumns)(); err != nil {
			return err
		}
		for _, r := range retainings(rules) {
			if r.rule.Kind == interaction.RetainContacts {
				worked, err = t.retainContacts(ctx, r.rule)
			} else {
				worked, err = t.retain(ctx, r)
			}
			if err != nil || worked {
				return err
			}
		}
		worked, err = t.dropLoose(ctx)
		return err
	})
	return worked, err
}

const retentionColumns = `select name, kind, channel, days from retention_rules order by name`

// stoppedBefore are the interactions of a channel ($1) that stopped more than $2 days ago, behind a position ($3 and $4), oldest first. The position is no part of the query,
// so that the index begins there.
const stoppedBefore = ` from closed_interactions i
	where i.channel = $1 and i.stopped_at < now() - make_interval(days => $2) and (i.stopped_at, i.id) > ($3::text::timestamptz, $4::uuid) order by i.stopped_at, i.id limit $5`

// position tells how far a kind has come with a channel.
func (t *tx) position(ctx context.Context, kind interaction.RetentionKind, channel interaction.Channel) (at string, id interaction.ID, err error) {
	err = t.QueryRow(ctx, `select stopped_at::text, id from retention_positions where kind = $1 and channel = $2`, kind, channel).Scan(&at, &id)
	if noRows(err) {
		return "-infinity", "00000000-0000-0000-0000-000000000000", nil
	}
	return at, id, err
}

// retain empties the next interactions.
func (t *tx) retain(ctx context.Context, r retaining) (worked bool, err error) {
	type old struct {
		ID interaction.ID
		At time.Time
	}
	at, id, err := t.position(ctx, r.rule.Kind, r.channel)
	if err != nil {
		return false, err
	}
	rows, err := t.Query(ctx, `select i.id, i.stopped_at`+stoppedBefore, r.channel, r.rule.Days, at, id, retainBatch)
	if err != nil {
		return false, err
	}
	list, err := pgx.CollectRows(rows, pgx.RowToStructByPos[old])
	if err != nil || len(list) == 0 {
		return false, err
	}
	ids := make([]interaction.ID, len(list))
	for n, i := range list {
		ids[n] = i.ID
		if err := t.wipe(ctx, i.ID, r.rule.Kind); err != nil {
			return false, err
		}
	}
	if r.rule.Kind == interaction.RetainContent {
		if _, err := t.Exec(ctx, `update closed_interactions set gone = 'retention', version = version + 1 where id = any($1::uuid[]) and gone = ''`, ids); err != nil {
			return false, err
		}
	}
	last := list[len(list)-1]
	if _, err := t.Exec(ctx, `insert into retention_positions (kind, channel, stopped_at, id) values ($1, $2, $3, $4)
		on conflict (kind, channel) do update set stopped_at = $3, id = $4`, r.rule.Kind, r.channel, last.At, last.ID); err != nil {
		return false, err
	}
	return true, t.audit(ctx, event{Code: "retention.applied", Data: map[string]any{
		"rule": r.rule.Name, "kind": r.rule.Kind, "channel": r.channel, "days": r.rule.Days, "interactions": len(list), "until": last.At.UTC(),
	}})
}

// idle is the condition that nothing happened with contact c for $1 days.
const idle = ` c.erased_at is null and c.merged_into is null and c.id < uuid_at(now() - make_interval(days => $1))
	and not exists (select 1 from interactions i where i.contact_id = c.id)
	and not exists (select 1 from closed_interactions i where i.contact_id = c.id and i.stopped_at >= now() - make_interval(days => $1)) `

// retainContacts looks at the next people, in the order of their ids, and has those erased with whom nothing happened since. Behind the last it begins again, a day later.
func (t *tx) retainContacts(ctx context.Context, rule interaction.RetentionRule) (worked bool, err error) {
	var from interaction.ID
	var due bool
	err = t.QueryRow(ctx, `insert into retention_positions as p (kind, channel) values ($1, '') on conflict (kind, channel) do update set kind = p.kind returning id, next_at <= now()`, rule.Kind).
		Scan(&from, &due)
	if err != nil || !due {
		return false, err
	}
	var seen int
	var last interaction.ID
	var old []interaction.ID
	err = t.QueryRow(ctx, `
		with near as materialized (select * from contacts where id > $2 order by id limit $3)
		select count(*), (array_agg(c.id order by c.id desc))[1], coalesce(array_agg(c.id order by c.id) filter (where `+idle+`), '{}') from near c`,
		rule.Days, from, contactsBatch).Scan(&seen, &last, &old)
	if err != nil {
		return false, err
	}
	for _, id := range old {
		if _, err := t.Exec(ctx, `select 1 from contacts where id = $1 for update`, id); err != nil {
			return false, err
		}
		if _, err := t.orderErasure(ctx, interaction.System, id, interaction.ReasonRetention); err != nil {
			return false, err
		}
	}
	if seen < contactsBatch { // the round is over
		_, err := t.Exec(ctx, `update retention_positions set id = '00000000-0000-0000-0000-000000000000', next_at = now() + interval '1 day' where kind = $1 and channel = ''`, rule.Kind)
		return false, err
	}
	_, err = t.Exec(ctx, `update retention_positions set id = $2 where kind = $1 and channel = ''`, rule.Kind, last)
	return true, err
}

// dropLoose drops what arrived and belongs to no message, as a part of a long one that came twice, after a day.
func (t *tx) dropLoose(ctx context.Context) (worked bool, err error) {
	dropped, err := t.handOver(ctx, `delete from inbound where id in (select id from inbound where state = 'done' and interaction_id is null and id < uuid_at(now() - interval '1 day')
		order by id limit $1) returning raw_id`, retainBatch)
	if err != nil || len(dropped) == 0 {
		return false, err
	}
	_, err = t.Exec(ctx, `delete from raw_pieces where raw_id = any($1::uuid[])`, dropped)
	return len(dropped) == retainBatch, err
}

// RetentionForecast tells what each rule would remove now, and changes nothing. Given none it tells it of those that stand.
func (s *Store) RetentionForecast(ctx context.Context, rules []interaction.RetentionRule) (list []interaction.RetentionForecast, err error) {
	err = s.inTx(ctx, func(t *tx) error {
		if rules == nil {
			setup, err := t.readSetup(ctx)
			if err != nil {
				return err
			}
			rules = setup.Retention
		}
		list = make([]interaction.RetentionForecast, len(rules))
		for n, rule := range rules {
			list[n].Rule = rule
			if err := t.QueryRow(ctx, `select now() - make_interval(days => $1)`, rule.Days).Scan(&list[n].Before); err != nil {
				return err
			}
		}
		for _, r := range retainings(rules) {
			for n := range list {
				if list[n].Rule.Name != r.rule.Name {
					continue
				}
				if err := t.forecast(ctx, r, &list[n]); err != nil {
					return err
				}
			}
		}
		return nil
	})
	return list, err
}

func (t *tx) forecast(ctx context.Context, r retaining, f *interaction.RetentionForecast) error {
	var things int
	var oldest *time.Time
	var err error
	if r.rule.Kind == interaction.RetainContacts {
		err = t.QueryRow(ctx, `select count(*), min(created_at) from (select c.created_at from (select * from contacts order by id limit 10 * $2) c where `+idle+` limit $2) c`, r.rule.Days, forecastMost+1).Scan(&things, &oldest)
	} else {
		at, id, missing := t.position(ctx, r.rule.Kind, r.channel)
		if missing != nil {
			return missing
		}
		err = t.QueryRow(ctx, `select count(*), min(stopped_at) from (select i.stopped_at`+stoppedBefore+`) i`, r.channel, r.rule.Days, at, id, forecastMost+1).Scan(&things, &oldest)
	}
	if err != nil {
		return err
	}
	if things > forecastMost {
		things, f.More = forecastMost, true
	}
	f.Things += things
	if at := orZero(oldest); !at.IsZero() && (f.Oldest.IsZero() || at.Before(f.Oldest)) {
		f.Oldest = at
	}
	return nil
}

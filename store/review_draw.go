package store

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"time"

	"github.com/jackc/pgx/v5"

	"parley/interaction"
)

// drawn is why a reply is reviewed or not, with what its policy wants of a reviewer.
type drawn struct {
	interaction.Drawn
	form       string
	time       time.Duration
	objective  int // percent
	overdue    interaction.Overdue
	escalateTo string
}

// drawReview finds the rate in force for the reply and draws its number. The number follows from the interaction and the message alone, so a step that runs again
// draws the same, and a reply that is spared at a rate is spared at every lower one.
func (t *tx) drawReview(ctx context.Context, o openInteraction, message int64, author interaction.ID) (drawn, error) {
	d := drawn{Drawn: interaction.Drawn{Reason: "queue", Number: draw(o.ID, message)}}
	if err := t.QueryRow(ctx, `select review_percent from queues where name = $1`, o.Queue).Scan(&d.Rate); err != nil {
		return d, err
	}
	policies, err := t.policiesFor(ctx, o, author)
	if err != nil {
		return d, err
	}
	var counts *policyRow
	for n := range policies {
		p := &policies[n]
		if counts != nil && (p.rate < counts.rate || p.rate == counts.rate && p.Narrow() <= counts.Narrow()) {
			continue
		}
		counts = p
		d.Policy, d.Rate, d.Reason = p.Name, p.rate, p.reason
		d.form, d.overdue, d.escalateTo = p.Form, p.Overdue, p.EscalateTo
		d.time, d.objective = time.Duration(p.Deadline)*time.Second, p.Objective
	}
	return d, nil
}

// draw gives a number from 0 to 99 that belongs to this reply.
func draw(id interaction.ID, message int64) int {
	sum := sha256.Sum256(binary.BigEndian.AppendUint64([]byte(id), uint64(message)))
	return int(binary.BigEndian.Uint64(sum[:8]) % 100)
}

// policyRow is a policy with the rate in force for one author.
type policyRow struct {
	interaction.ReviewPolicy
	rate   int
	reason string
	clean  int
	since  *time.Time
}

const policyColumns = `p.name, coalesce(p.queue, ''), coalesce(p.category, ''), p.skill, coalesce(p.agent, ''), p.floor, p.ceiling, p.start, p.rise, p.fall, p.clean_run,
	coalesce(p.form, ''), p.deadline_seconds, p.objective_percent, p.overdue, coalesce(p.escalate_to, ''), r.rate, r.clean, r.reason, r.since`

// scanPolicy reads a policy with what is known of an author; the rate of one that nothing is known of is where the policy starts.
func scanPolicy(row pgx.CollectableRow) (policyRow, error) {
	var p policyRow
	var ceiling, start int
	var rate, clean *int
	var reason *string
	err := row.Scan(&p.Name, &p.Queue, &p.Category, &p.Skill, &p.Agent, &p.Floor, &ceiling, &start, &p.Rise, &p.Fall, &p.Clean, &p.Form, &p.Deadline, &p.Objective,
		&p.Overdue, &p.EscalateTo, &rate, &clean, &reason, &p.since)
	p.Ceiling, p.Start = &ceiling, &start
	p.rate, p.reason = p.First(), "start"
	if rate != nil {
		p.rate, p.reason, p.clean = *rate, *reason, *clean
	}
	bounded, held := p.Bounded(p.rate)
	if bounded != p.rate { // the bounds were changed since
		p.rate, p.reason = bounded, held
	}
	return p, err
}

// policiesFor gives the policies that apply to a reply of this author, by name.
func (t *tx) policiesFor(ctx context.Context, o openInteraction, author interaction.ID) ([]policyRow, error) {
	rows, err := t.Query(ctx, `
		select `+policyColumns+` from review_policies p left join review_rates r on r.policy = p.name and r.agent_id = $4
		where (p.queue is null or p.queue = $1)
			and (p.category is null or p.category = $2 or starts_with($2, p.category || '/'))
			and (p.agent is null or p.agent = (select login from agents where id = $4))
			and (p.skill = '' or p.skill = (select skill from categories where name = $2)
				or exists (select 1 from closed_tasks c where c.interaction_id = $3 and c.kind = 'handle' and c.agent_id = $4 and c.skill = p.skill))
		order by p.name`, o.Queue, o.Category, o.ID, author)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, scanPolicy)
}

// learn changes the author's rate under the policy that drew the review, after its verdict.
func (t *tx) learn(ctx context.Context, by interaction.Actor, row taskRow, policy, verdict string, edited bool) error {
	if policy == "" || row.Author == "" {
		return nil
	}
	// The policy's row is locked, so that two reviews of one author count one after the other.
	p, err := one(ctx, t, "review_policy", scanPolicy, `select `+policyColumns+` from review_policies p
		left join review_rates r on r.policy = p.name and r.agent_id = $2 where p.name = $1 for no key update of p`, policy, row.Author)
	if err != nil {
		if interaction.KindOf(err) == interaction.KindUnknown {
			return nil // the policy was removed since
		}
		return err
	}
	rate, clean, reason := p.Learn(p.rate, p.clean, verdict, edited)
	if rate == p.rate && clean == p.clean {
		return nil
	}
	if reason == "" {
		reason = p.reason
	}
	if _, err := t.Exec(ctx, `insert into review_rates as r (policy, agent_id, rate, clean, reason) values ($1, $2, $3, $4, $5)
		on conflict (policy, agent_id) do update set rate = $3, clean = $4, reason = $5, since = case when r.rate = $3 then r.since else now() end`,
		policy, row.Author, rate, clean, reason); err != nil || rate == p.rate {
		return err
	}
	return t.audit(ctx, event{
		Code: "review.rate_changed", Actor: by, Interaction: row.Interaction, Task: row.ID, Queue: row.Queue,
		Data: map[string]any{"policy": policy, "author": row.Author, "before": p.rate, "after": rate, "reason": reason},
	})
}

// ReviewRates gives the rates in force of the people that the actor may know of: himself, and, for supervisors, those of his groups. policy and agent narrow it.
func (s *Store) ReviewRates(ctx context.Context, by interaction.Actor, policy string, agent interaction.ID) ([]interaction.Rate, error) {
	rows, err := s.pool.Query(ctx, `
		select `+policyColumns+`, a.id, a.login from review_policies p
		join agents a on a.enabled and a.role <> 'designer' and (p.agent is null or p.agent = a.login)
		left join review_rates r on r.policy = p.name and r.agent_id = a.id
		where ($1 = 'admin' or a.id = $2 or $1 = 'supervisor' and exists (select 1 from agent_groups g where g.agent_id = a.id and g.group_name = any($3)))
			and ($4 = '' or p.name = $4) and ($5::uuid is null or a.id = $5)
			and (p.queue is null or a.role = 'admin' or exists (select 1 from agent_groups g join queues q on q.group_name = g.group_name where g.agent_id = a.id and q.name = p.queue))
		order by p.name, a.login limit 1000`, by.Role, by.Agent, some(by.Groups), policy, agent)
	if err != nil {
		return nil, translate(err)
	}
	list, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (interaction.Rate, error) {
		var r interaction.Rate
		p, err := scanPolicy(tail{row, []any{&r.Agent, &r.Login}})
		r.Policy, r.Rate, r.Reason, r.Clean, r.Since = p.Name, p.rate, p.reason, p.clean, orZero(p.since)
		return r, err
	})
	return list, translate(err)
}

// tail is a row that has more columns than its reader knows.
type tail struct {
	pgx.CollectableRow
	rest []any
}

// Scan reads the columns and the rest.
func (t tail) Scan(to ...any) error { return t.CollectableRow.Scan(append(to, t.rest...)...) }

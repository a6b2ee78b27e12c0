package store

import (
	"context"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"parley/interaction"
)

// TaskVisible tells by each of the two forms of the rule whether the actor may know of an open task.
func (s *Store) TaskVisible(ctx context.Context, by interaction.Actor, id interaction.ID) (inGo, inSQL bool, err error) {
	row, err := one(ctx, s.pool, "task", scanTask, `select `+taskColumns+fromTasks+`where t.id = $1`, id)
	if err != nil {
		return false, false, err
	}
	q := asked(by, visibleTasks)
	q.and("t.id = ?", id)
	err = s.pool.QueryRow(ctx, `select exists (select 1`+fromTasks+q.sql()+`)`, q.args...).Scan(&inSQL)
	return row.visible(by), inSQL, err
}

// Draw is the number that a reply draws.
var Draw = draw

// VerifyIn checks the audit's chain as a transaction sees it.
func VerifyIn(ctx context.Context, t pgx.Tx, head string) (interaction.AuditCheck, error) {
	return verify(ctx, t, head)
}

// ExplainInteractions runs a page of the list under explain (analyze, buffers, format json) and gives the plan.
func (s *Store) ExplainInteractions(ctx context.Context, by interaction.Actor, f interaction.InteractionFilter, page interaction.Page) (plan []byte, err error) {
	q, order, err := askInteractions(by, f, page)
	if err != nil {
		return nil, err
	}
	err = s.pool.QueryRow(ctx, `explain (analyze, buffers, format json) `+q.statement(fromInteractions, order.order, page), q.args...).Scan(&plan)
	return plan, err
}

// NameCarried remembers what a carrier calls a message, as EndSend does.
func (s *Store) NameCarried(ctx context.Context, id interaction.ID, message int64, name interaction.CarrierName) error {
	return s.inTx(ctx, func(t *tx) error { return t.nameCarried(ctx, id, message, name) })
}

// ClaimBatch claims the next task for each actor, as claims that come at the same time are made by a process that knows nothing yet; nil where nothing came of it.
func (s *Store) ClaimBatch(ctx context.Context, by []interaction.Actor) ([]*interaction.Task, error) {
	s.desk.choice = claimChoice{}
	var asks []*claimAsk
	for _, a := range by {
		asks = append(asks, &claimAsk{ctx: ctx, by: a})
	}
	return s.claimBatch(ctx, asks)
}

// EraseValues empties what an interaction holds, as an erasure does, with a line of its own in the audit.
func EraseValues(ctx context.Context, s *Store, id interaction.ID) error {
	return s.inTx(ctx, func(t *tx) error {
		if err := t.wipe(ctx, id, interaction.RetainContent); err != nil {
			return err
		}
		return t.audit(ctx, event{Code: "interaction.erased", Interaction: id})
	})
}

// Held gives the columns that erasing empties, by table; none of a table means that its rows go.
func Held() map[string][]string {
	held := map[string][]string{}
	for _, list := range [][]personal{ofInteraction, ofContact} {
		for _, h := range list {
			held[h.table] = append(held[h.table], h.clear...)
		}
	}
	return held
}

// RetentionPlans gives how PostgreSQL finds the next interactions of a kind, and what it empties of one.
func RetentionPlans(ctx context.Context, t require.TestingT, s *Store) map[string][]byte {
	plans := map[string][]byte{}
	var at string
	var id interaction.ID
	require.NoError(t, s.inTx(ctx, func(x *tx) (err error) {
		at, id, err = x.position(ctx, interaction.RetainContent, interaction.Email)
		return err
	}))
	explain := func(name, sql string, args ...any) {
		var plan []byte
		require.NoError(t, s.pool.QueryRow(ctx, `explain (analyze, buffers, format json) `+sql, args...).Scan(&plan), name)
		plans[name] = plan
	}
	explain("next", `select i.id, i.stopped_at`+stoppedBefore, interaction.Email, 1, at, id, retainBatch)
	return plans
}

// ClaimsOf gives whom the customer of an interaction says to be, as far as the actor may know.
func ClaimsOf(ctx context.Context, s *Store, by interaction.Actor, i interaction.Interaction) ([]interaction.Claim, error) {
	return s.claimsOf(ctx, by, i)
}

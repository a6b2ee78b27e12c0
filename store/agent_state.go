package store

import (
	"context"
	"slices"

	"github.com/jackc/pgx/v5"

	"parley/interaction"
)

// SetReady makes the actor ready for offers, or not ready with a reason. Saying what is so already changes nothing.
func (s *Store) SetReady(ctx context.Context, by interaction.Actor, ready bool, reason string) (interaction.Agent, error) {
	return s.SetState(ctx, by, interaction.AgentState{Ready: ready, Reason: reason})
}

// SetState takes down what the actor says of himself: ready or not, and the classes of tasks that he is not ready for all the same. Where reasons are configured, one
// of them is to be given. Saying what is so already changes nothing.
func (s *Store) SetState(ctx context.Context, by interaction.Actor, state interaction.AgentState) (interaction.Agent, error) {
	err := s.inTx(ctx, func(t *tx) error {
		if state.Ready {
			state.Reason = ""
		}
		if err := t.checkReasons(ctx, state); err != nil {
			return err
		}
		var ready bool
		var reason string
		var away map[string]interaction.Away
		err := t.QueryRow(ctx, `select ready, reason, away from agents where id = $1 for no key update`, by.Agent).Scan(&ready, &reason, &away)
		if err != nil {
			return err
		}
		now, err := t.away(ctx, away, state.Away)
		if err != nil {
			return err
		}
		same := ready == state.Ready && reason == state.Reason
		if same && len(now.added)+len(now.ended) == 0 {
			return nil
		}
		if _, err := t.Exec(ctx, `update agents set ready = $2, reason = $3, since = case when $4 then since else now() end, away = $5, missed = 0, version = version + 1
			where id = $1`, by.Agent, state.Ready, state.Reason, same, now.away); err != nil {
			return err
		}
		t.tasks = true
		return t.auditState(ctx, by, state, same, now)
	})
	if err != nil {
		return interaction.Agent{}, err
	}
	return s.Agent(ctx, by.Agent)
}

// awayNow is what an agent is not ready for, and what of that is new or over.
type awayNow struct {
	away         map[string]interaction.Away
	added, ended []string
}

func (t *tx) away(ctx context.Context, before map[string]interaction.Away, wanted map[string]string) (awayNow, error) {
	if wanted == nil {
		return awayNow{away: before}, nil
	}
	now := awayNow{away: map[string]interaction.Away{}}
	for class, reason := range wanted {
		was, there := before[class]
		if !there || was.Reason != reason {
			was = interaction.Away{Reason: reason}
			if err := t.QueryRow(ctx, `select now()`).Scan(&was.Since); err != nil {
				return now, err
			}
			now.added = append(now.added, class)
		}
		now.away[class] = was
	}
	for class := range before {
		if _, still := wanted[class]; !still {
			now.ended = append(now.ended, class)
		}
	}
	slices.Sort(now.added)
	slices.Sort(now.ended)
	return now, nil
}

// auditState writes a line for the whole state and one for each class that changed. They name the agent's groups, so that their supervisors hear of it.
func (t *tx) auditState(ctx context.Context, by interaction.Actor, state interaction.AgentState, same bool, now awayNow) error {
	line := func(code string, more map[string]any) error {
		more["agent"], more["groups"] = by.Agent, some(by.Groups)
		return t.audit(ctx, event{Code: code, Actor: by, Data: more})
	}
	for _, class := range now.added {
		if err := line("agent.not_ready_for", map[string]any{"class": class, "reason": now.away[class].Reason}); err != nil {
			return err
		}
	}
	for _, class := range now.ended {
		if err := line("agent.ready_for", map[string]any{"class": class}); err != nil {
			return err
		}
	}
	switch {
	case same:
		return nil
	case state.Ready:
		return line("agent.ready", map[string]any{"reason": ""})
	}
	return line("agent.not_ready", map[string]any{"reason": state.Reason})
}

// checkReasons refuses reasons that are not among the configured ones, and no reason where there are some.
func (t *tx) checkReasons(ctx context.Context, state interaction.AgentState) error {
	rows, err := t.Query(ctx, `select name from reasons order by name`)
	if err != nil {
		return err
	}
	known, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil || len(known) == 0 {
		return err
	}
	if !state.Ready && !slices.Contains(known, state.Reason) {
		return unknownReason("reason", known)
	}
	for class, reason := range state.Away {
		if !slices.Contains(known, reason) {
			return unknownReason("away."+class, known)
		}
	}
	return nil
}

func unknownReason(field string, known []string) error {
	return interaction.Invalid("unknown_reason", field, "is not one of the reasons of this house").With("reasons", known)
}

// Words gives the reasons for not being ready, and the dispositions that count in a queue and channel (empty: any).
func (s *Store) Words(ctx context.Context, queue string, channel interaction.Channel) (reasons []interaction.NotReady, dispositions []interaction.Disposition, err error) {
	err = s.inTx(ctx, func(t *tx) error {
		if err := list(ctx, t, &reasons, `select name, title from reasons order by name`)(); err != nil {
			return err
		}
		dispositions, err = t.dispositions(ctx, queue, channel)
		return err
	})
	return reasons, dispositions, err
}

func (t *tx) dispositions(ctx context.Context, queue string, channel interaction.Channel) ([]interaction.Disposition, error) {
	rows, err := t.Query(ctx, `select name, title, queues, channels from dispositions
		where ($1 = '' or queues = '{}' or $1 = any(queues)) and ($2 = '' or channels = '{}' or $2 = any(channels)) order by name`, queue, string(channel))
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, pgx.RowToStructByPos[interaction.Disposition])
}

// checkDisposition refuses a disposition that the task's queue and channel do not have. Where none are configured for them, any code will do.
func (t *tx) checkDisposition(ctx context.Context, row taskRow, name string) error {
	if name == "" {
		return nil
	}
	known, err := t.dispositions(ctx, row.Queue, row.Channel)
	if err != nil || len(known) == 0 {
		return err
	}
	names := make([]string, len(known))
	for n, d := range known {
		if names[n] = d.Name; d.Name == name {
			return nil
		}
	}
	return interaction.Invalid("unknown_disposition", "disposition", "is not one of those of queue %s", row.Queue).With("dispositions", names)
}

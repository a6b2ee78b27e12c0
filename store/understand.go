package store

import (
	"context"
	"errors"

	"parley/interaction"
)

// Understand gives look the message with its surroundings and keeps what it found; one transaction. Personal values (attached data)
// stay here; the workflow gets codes. Where look wants the classifier outside to be asked first, nothing is kept.
func (s *Store) Understand(ctx context.Context, id interaction.ID, step string, message int64,
	look func(interaction.Material) interaction.Explained,
) (interaction.Understood, error) {
	asks := false
	understood, err := once(ctx, s, id, step, func(t *tx, o openInteraction) (interaction.Understood, error) {
		m, err := t.material(ctx, o, message)
		if err != nil {
			return interaction.Understood{}, err
		}
		found := look(m)
		found.Message = message
		if asks = found.AskOutside; asks {
			return found.Understood, errNothingKept
		}
		if err := t.keepUnderstood(ctx, o, m, found); err != nil {
			return interaction.Understood{}, err
		}
		return found.Understood, t.chooseResponses(ctx, o, &found.Understood)
	})
	if asks {
		return interaction.Understood{Message: message, AskOutside: true}, nil
	}
	return understood, err
}

// errNothingKept takes a step back.
var errNothingKept = errors.New("nothing is kept")

// Material gives a message of an open interaction with its surroundings.
func (s *Store) Material(ctx context.Context, id interaction.ID, message int64) (m interaction.Material, err error) {
	err = s.inTx(ctx, func(t *tx) error {
		o, err := t.lockInteraction(ctx, id)
		if err == nil {
			m, err = t.material(ctx, o, message)
		}
		return err
	})
	return m, err
}

func (t *tx) material(ctx context.Context, o openInteraction, message int64) (interaction.Material, error) {
	m := interaction.Material{EntryPoint: o.EntryPoint, Category: o.Category, Contact: o.Contact}
	var err error
	m.Message, err = one(ctx, t, "message", scanMessage, `select `+messageColumns+` from messages where interaction_id = $1 and number = $2`, o.ID, message)
	if err != nil {
		return m, err
	}
	err = t.QueryRow(ctx, `select e.language, i.data from interactions i join entry_points e on e.name = i.entry_point where i.id = $1`, o.ID).
		Scan(&m.Language, &m.Data)
	return m, err
}

func (t *tx) keepUnderstood(ctx context.Context, o openInteraction, m interaction.Material, e interaction.Explained) error {
	state := o.State
	if state == interaction.Received {
		state = interaction.Automatic
	}
	t.put(`
		update interactions set state = $2, language = $3, category = $4, confidence = $5, priority = coalesce($6, priority),
			queue = coalesce((select name from queues where name = $7), queue), data = data || $8, suggested = $9, version = version + 1
		where id = $1`, o.ID, state, e.Language, e.Category, e.Confidence, e.Priority, e.Queue, orEmpty(e.Data), some(e.Suggested))
	ranked := e.Ranked[:min(3, len(e.Ranked))]
	line := event{
		Code: "interaction.understood", Interaction: o.ID, From: string(o.State), To: string(state),
		Data: map[string]any{
			"message": e.Message, "language": e.Language, "category": e.Category, "confidence": e.Confidence, "certain": e.Certain,
			"spam": e.Spam, "machine": m.Message.Machine, "noAuto": e.NoAuto, "rules": some(e.Rules), "model": e.Model, "ranked": some(ranked), "failed": e.Failed,
			"several": some(e.Several), "unfit": e.Unfit, "outside": e.Outside, "fallback": e.Fallback,
			"threshold": e.Threshold, "suggested": some(e.Suggested),
		},
	}
	if len(e.Data) > 0 {
		line.Before, line.After = m.Data, e.Data
	}
	if e.Endless != "" {
		if err := t.audit(ctx, event{Code: "rules.endless", Interaction: o.ID, Data: map[string]any{"rule": e.Endless, "message": e.Message}}); err != nil {
			return err
		}
	}
	return t.audit(ctx, line)
}

// chooseResponses finds the approved responses that fit what was understood, so that a story with none has no step for it. Whether they are
// still good is looked at again when they are written.
func (t *tx) chooseResponses(ctx context.Context, o openInteraction, u *interaction.Understood) error {
	if !u.MayAnswer() {
		return nil
	}
	for _, c := range []struct {
		usage interaction.Usage
		into  *interaction.ID
		may   bool
	}{{interaction.UseAutoResponse, &u.Response, u.Certain}, {interaction.UseAcknowledgement, &u.Acknowledgement, true}} {
		if !c.may {
			continue
		}
		r, sure, _, err := t.response(ctx, interaction.AutoAnswer{Interaction: o.ID, Usage: c.usage})
		if err != nil {
			return err
		}
		if sure {
			*c.into = r.ID
		}
	}
	return nil
}

func orEmpty(m map[string]string) map[string]string {
	if m == nil {
		return map[string]string{}
	}
	return m
}

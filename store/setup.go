package store

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"parley/interaction"
)

// setupLock keeps two changes of the configuration apart, so that what was checked is what is written.
const setupLock = 7016996765293437284

// Apply is ApplyChanges for who need not know what changed.
func (s *Store) Apply(ctx context.Context, by interaction.Actor, setup interaction.Setup) error {
	_, err := s.ApplyChanges(ctx, by, setup, false)
	return err
}

// ApplyChanges brings the configuration to what the setup says and gives what that changed; one transaction, nothing when anything is wrong. What the setup does
// not name stays as it is, unless prune: then it is removed, where nothing uses it. Applied again it changes nothing and says so.
func (s *Store) ApplyChanges(ctx context.Context, by interaction.Actor, setup interaction.Setup, prune bool) ([]interaction.Change, error) {
	return act(ctx, s, by, func(t *tx) ([]interaction.Change, error) {
		changes, err := t.plan(ctx, &setup, prune)
		if err != nil || len(changes)+len(setup.Models) == 0 {
			return changes, err
		}
		if err := t.putSetup(ctx, by, setup.Only(changes)); err != nil {
			return nil, err
		}
		if err := t.applyModels(ctx, setup); err != nil {
			return nil, err
		}
		for _, c := range changes {
			if c.Action == interaction.ActionRemove {
				if err := t.remove(ctx, c.List, c.Name); err != nil {
					return nil, err
				}
			}
		}
		return changes, t.setupApplied(ctx, by, changes, len(setup.Models))
	})
}

// Plan gives what Apply would change, or what is wrong, and changes nothing.
func (s *Store) Plan(ctx context.Context, setup interaction.Setup, prune bool) (changes []interaction.Change, err error) {
	err = s.inTx(ctx, func(t *tx) error {
		changes, err = t.plan(ctx, &setup, prune)
		return err
	})
	return changes, err
}

// plan checks the setup, gives its rules their places, and tells what it would change.
func (t *tx) plan(ctx context.Context, setup *interaction.Setup, prune bool) ([]interaction.Change, error) {
	now, err := t.lockSetup(ctx)
	if err != nil {
		return nil, err
	}
	setup.Responses = interaction.SettleResponses(now.Responses, setup.Responses)
	there := now
	if prune { // what is removed cannot be named, except agents, who stay
		there = interaction.Setup{Agents: now.Agents}
	}
	if err := interaction.Faults(interaction.CheckSetup(*setup, there)); err != nil {
		return nil, err
	}
	setup.Rules = interaction.OrderRules(now.Rules, setup.Rules)
	return interaction.DiffSetup(now, *setup, prune), nil
}

// lockSetup keeps others from changing the configuration until the transaction ends, and reads it.
func (t *tx) lockSetup(ctx context.Context) (interaction.Setup, error) {
	if _, err := t.Exec(ctx, `select pg_advisory_xact_lock($1)`, int64(setupLock)); err != nil {
		return interaction.Setup{}, err
	}
	return t.readSetup(ctx)
}

// setupApplied counts the change, so that every process takes it over, and writes a line for each thing.
func (t *tx) setupApplied(ctx context.Context, by interaction.Actor, changes []interaction.Change, models int) error {
	if err := t.countSetup(ctx); err != nil {
		return err
	}
	t.tasks = true
	for _, c := range changes {
		before, after := map[string]any{}, map[string]any{}
		for _, f := range c.Fields {
			before[f.Field], after[f.Field] = f.Before, f.After
		}
		if err := t.audit(ctx, event{
			Code: "configuration." + past[c.Action], Actor: by, Data: map[string]any{"list": c.List, "name": c.Name}, Before: before, After: after,
		}); err != nil {
			return err
		}
	}
	return t.audit(ctx, event{Code: "configuration.applied", Actor: by, Data: map[string]any{"changes": len(changes), "models": models}})
}

// countSetup counts a change of what is read with the configuration; every process looks at the count.
func (t *tx) countSetup(ctx context.Context) error {
	_, err := t.Exec(ctx, `insert into settings (name, value) values ('configuration', '1')
		on conflict (name) do update set value = to_jsonb((settings.value)::int + 1)`)
	return err
}

var past = map[string]string{
	interaction.ActionAdd: "added", interaction.ActionChange: "changed", interaction.ActionRemove: "removed",
}

// Configuration gives the whole of it, models aside.
func (s *Store) Configuration(ctx context.Context) (setup interaction.Setup, err error) {
	err = s.inTx(ctx, func(t *tx) error {
		setup, err = t.readSetup(ctx)
		return err
	})
	return setup, err
}

// Remove takes one thing out of the configuration; a conflict says by what it is used. same is asked whether what is there is
// what the removal was decided on.
func (s *Store) Remove(ctx context.Context, by interaction.Actor, list, name string, same func(interaction.Entry) error) error {
	_, err := act(ctx, s, by, func(t *tx) (nothing, error) {
		now, err := t.lockSetup(ctx)
		if err != nil {
			return nothing{}, err
		}
		entries := now.Entries()
		n := slices.IndexFunc(entries, func(e interaction.Entry) bool { return e.List == list && e.Name == name })
		if n < 0 {
			return nothing{}, interaction.Unknown("entry")
		}
		if err := same(entries[n]); err != nil {
			return nothing{}, err
		}
		if uses := answersByItself(entries[n]); len(uses) > 0 {
			return nothing{}, inUse(list, name, uses)
		}
		if err := t.remove(ctx, list, name); err != nil {
			return nothing{}, err
		}
		change := interaction.Change{List: list, Name: name, Action: interaction.ActionRemove}
		for field, value := range entries[n].Fields {
			change.Fields = append(change.Fields, interaction.FieldChange{Field: field, Before: value})
		}
		return nothing{}, t.setupApplied(ctx, by, []interaction.Change{change}, 0)
	})
	return err
}

// Put adds or changes one thing; the setup holds it alone. same is asked whether what is there (nil: nothing) is what the change was written against.
func (s *Store) Put(ctx context.Context, by interaction.Actor, setup interaction.Setup, same func(*interaction.Entry) error) ([]interaction.Change, error) {
	return act(ctx, s, by, func(t *tx) ([]interaction.Change, error) {
		now, err := t.lockSetup(ctx)
		if err != nil {
			return nil, err
		}
		for _, wanted := range setup.Entries() {
			var there *interaction.Entry
			for _, e := range now.Entries() {
				if e.List == wanted.List && e.Name == wanted.Name {
					there = &e
				}
			}
			if err := same(there); err != nil {
				return nil, err
			}
		}
		setup.Responses = interaction.SettleResponses(now.Responses, setup.Responses)
		if err := interaction.Faults(interaction.CheckSetup(setup, now)); err != nil {
			return nil, err
		}
		changes := interaction.DiffSetup(now, setup, false)
		if len(changes) == 0 {
			return changes, nil
		}
		if err := t.putSetup(ctx, by, setup); err != nil {
			return nil, err
		}
		return changes, t.setupApplied(ctx, by, changes, 0)
	})
}

// named says which entry of a setup did not fit.
func named(err error, list, name string) error {
	if err == nil {
		return nil
	}
	err = translate(err)
	var ours *interaction.Error
	if errors.As(err, &ours) && ours.Detail["list"] == nil {
		return ours.With("list", list).With("name", name)
	}
	return fmt.Errorf("%s %q: %w", list, name, err)
}

package main

import (
	"context"
	"fmt"
	"log/slog"
	"os"

	"parley/interaction"
	"parley/store"
)

type applyCommand struct {
	DatabaseURL string `env:"PARLEY_DATABASE_URL" required:"" help:"PostgreSQL."`
	File        string `short:"f" required:"" help:"A YAML file, a directory of them, or - for standard input."`
	Prune       bool   `help:"Also remove what the files do not name, where nothing uses it."`
}

// Run brings the configuration in the database to what the files say, and prints what that changed.
func (c *applyCommand) Run(ctx context.Context) error {
	setup, err := readSetup(c.File)
	if err != nil {
		return configError{err}
	}
	return withStore(ctx, c.DatabaseURL, func(s *store.Store) error {
		changes, err := setup.apply(ctx, s, c.Prune)
		if err != nil {
			return err
		}
		printChanges(changes, "nothing to change")
		return nil
	})
}

type diffCommand struct {
	DatabaseURL string `env:"PARLEY_DATABASE_URL" required:"" help:"PostgreSQL."`
	File        string `short:"f" required:"" help:"A YAML file, a directory of them, or - for standard input."`
	Prune       bool   `help:"Count what the files do not name as to be removed."`
}

// exitDiffers is diff's exit code when apply would change something.
const exitDiffers = 2

// Run prints what apply would change and ends with 0 when that is nothing, with 2 otherwise.
func (c *diffCommand) Run(ctx context.Context) error {
	setup, err := readSetup(c.File)
	if err != nil {
		return configError{err}
	}
	return withStore(ctx, c.DatabaseURL, func(s *store.Store) error {
		changes, err := s.Plan(ctx, setup.Setup, c.Prune)
		if err != nil {
			return setup.explain(err)
		}
		printChanges(changes, "no difference")
		if len(changes) > 0 {
			return exitError(exitDiffers)
		}
		return nil
	})
}

type exportCommand struct {
	DatabaseURL string `env:"PARLEY_DATABASE_URL" required:"" help:"PostgreSQL."`
}

// Run prints the configuration as one YAML file. Applied again it changes nothing. Trained models and passwords are not in it.
func (c *exportCommand) Run(ctx context.Context) error {
	return withStore(ctx, c.DatabaseURL, func(s *store.Store) error {
		setup, err := s.Configuration(ctx)
		if err != nil {
			return err
		}
		return writeSetup(os.Stdout, setup)
	})
}

func withStore(ctx context.Context, url string, do func(*store.Store) error) error {
	s, err := store.Open(ctx, url, store.Options{Renderer: renderer{}, Log: slog.Default()})
	if err != nil {
		return err
	}
	defer s.Close()
	return do(s)
}

func printChanges(changes []interaction.Change, none string) {
	for _, c := range changes {
		fmt.Println(c)
	}
	if len(changes) == 0 {
		fmt.Println(none)
	}
}

// applyFiles reads, checks and applies configuration; nothing is applied when anything is wrong.
func applyFiles(ctx context.Context, s *store.Store, path string) error {
	setup, err := readSetup(path)
	if err != nil {
		return configError{err}
	}
	_, err = setup.apply(ctx, s, false)
	return err
}

func (s *setupFiles) apply(ctx context.Context, to *store.Store, prune bool) ([]interaction.Change, error) {
	last, err := to.ModelsOfFiles(ctx)
	if err != nil {
		return nil, err
	}
	if s.Models, err = train(s.Training, last); err != nil {
		return nil, configError{err}
	}
	changes, err := to.ApplyChanges(ctx, interaction.System, s.Setup, prune)
	if err != nil {
		return nil, s.explain(err)
	}
	for _, m := range s.Models {
		changes = append(changes, interaction.Change{List: "training", Name: m.Language, Action: interaction.ActionChange})
	}
	return changes, nil
}

package main

import (
	"context"
	"log/slog"
	"time"

	"parley/activities/categorization"
	"parley/activities/screening"
	"parley/activities/suggestion"
	"parley/activities/understanding"
	"parley/lib/safehttp"
	"parley/store"
)

// knowledge is what understanding works with, and the lines to carriers, kept up to date with the database.
type knowledge struct {
	store       *store.Store
	log         *slog.Logger
	screener    *screening.Screener
	categorizer *categorization.Categorizer
	suggester   *suggestion.Suggester
	carriers    *carriers
	version     int
}

func newKnowledge(s *store.Store, c *carriers, log *slog.Logger) *knowledge {
	return &knowledge{store: s, carriers: c, log: log, screener: &screening.Screener{}, categorizer: &categorization.Categorizer{}, suggester: &suggestion.Suggester{}, version: -1}
}

// classifier is the one outside that is asked; nil: none is configured.
func (h *house) classifier() understanding.Outside {
	if h.config.Classifier == "" {
		return nil
	}
	patience := time.Duration(h.config.ClassTime) * time.Second
	return &categorization.Outside{
		URL: h.config.Classifier, Token: h.config.ClassToken, Timeout: patience, Clock: time.Now, Names: h.know.categorizer.Names,
		Client: safehttp.New(safehttp.Options{Allow: networks(h.config.Allow), Timeout: patience, MaxBody: 256 << 10}),
	}
}

// load takes over rules, categories, models and links if configuration has changed.
func (k *knowledge) load(ctx context.Context) error {
	version, err := k.store.SetupVersion(ctx)
	if err != nil || version == k.version {
		return err
	}
	stored, err := k.store.Screening(ctx)
	if err != nil {
		return err
	}
	set, err := screening.Compile(stored)
	if err != nil {
		return err
	}
	categories, err := k.store.CategorySettings(ctx)
	if err != nil {
		return err
	}
	models, err := k.store.ActiveModels(ctx)
	if err != nil {
		return err
	}
	state, err := categorization.Load(models, categories)
	if err != nil {
		return err
	}
	library, err := k.store.Library(ctx)
	if err != nil {
		return err
	}
	if err := k.carriers.load(ctx); err != nil {
		return err
	}
	k.screener.Use(set)
	k.categorizer.Use(state)
	k.suggester.Use(library)
	k.version = version
	k.log.Info("configuration in force", "version", version, "rules", len(stored), "models", len(models))
	return nil
}

// Run looks for changes until the context ends.
func (k *knowledge) Run(ctx context.Context) error {
	tick := time.NewTicker(5 * time.Second)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		if err := k.load(ctx); err != nil && ctx.Err() == nil {
			k.log.Warn("configuration not renewed", "error", err)
		}
	}
}

package main

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"

	"parley/cmd/parley/stack"
	"parley/store"
)

// runCommand stands everything up on this machine: PostgreSQL, Temporal, the demo configuration and every role.
type runCommand struct {
	config
	Setup string `env:"PARLEY_SETUP" default:"config/demo" help:"Configuration that is applied at the start."`
}

// Run starts everything and goes on until it is interrupted.
func (c *runCommand) Run(ctx context.Context) error {
	if err := c.Validate(); err != nil {
		return err
	}
	log, err := fileLog(c.Home, c.LogLevel)
	if err != nil {
		return err
	}
	services, err := stack.Up(ctx, stack.Options{
		Home: c.Home, DatabaseURL: c.DatabaseURL, Temporal: c.Temporal, Namespace: c.Namespace, Out: os.Stdout, Logger: log,
	})
	if err != nil {
		return err
	}
	defer func() {
		stopping, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopLimit)
		defer cancel()
		if err := services.Down(stopping); err != nil {
			log.Error("services did not stop in order", "error", err)
		}
	}()
	h, err := openHouse(ctx, c.config, services.DatabaseURL(), services.TemporalAddress(), log)
	if err != nil {
		return err
	}
	defer h.close()
	h.temporalUI, h.demo = services.UIAddress(), true
	if err := patiently(ctx, log, func() error { return c.demo(ctx, h) }); err != nil {
		return err
	}
	return h.serve(ctx, func(httpAddr, smtpAddr string) error {
		c.welcome(services, httpAddr, smtpAddr)
		return services.SetParley(httpAddr, smtpAddr)
	})
}

// demo applies the demo configuration and makes tokens for its people.
func (c *runCommand) demo(ctx context.Context, h *house) error {
	setup := c.Setup
	if _, err := os.Stat(setup); err != nil && !filepath.IsAbs(setup) {
		if source := stack.FindSource(); source != "" {
			setup = filepath.Join(source, setup)
		}
	}
	if err := applyFiles(ctx, h.store, setup); err != nil {
		return err
	}
	return demoTokens(ctx, h.store, filepath.Join(c.Home, "demo.env"))
}

func (c *runCommand) welcome(s *stack.Stack, httpAddr, smtpAddr string) {
	fmt.Printf(`
Parley is up.

  where to go     http://%s/
  API             http://%s/v1/openapi.json
  chat            http://%s/demo/chat
  mail in         smtp://%s        (to support@example.test)
  mail out        http://%s/outbox
  Temporal UI     http://%s
  sign-ins        %s

Ctrl-C stops everything in order.
`, httpAddr, httpAddr, httpAddr, smtpAddr, httpAddr, s.UIAddress(), filepath.Join(c.Home, "demo.env"))
}

// upCommand runs roles against servers that are there already.
type upCommand struct{ config }

// Run serves until it is interrupted.
func (c *upCommand) Run(ctx context.Context) error {
	if err := c.Validate(); err != nil {
		return err
	}
	if c.DatabaseURL == "" || c.Temporal == "" {
		return configError{fmt.Errorf("PARLEY_DATABASE_URL and TEMPORAL_ADDRESS are needed; parley run brings its own servers")}
	}
	log := slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: level(c.LogLevel)}))
	h, err := openHouse(ctx, c.config, c.DatabaseURL, c.Temporal, log)
	if err != nil {
		return err
	}
	defer h.close()
	return h.serve(ctx, func(httpAddr, smtpAddr string) error {
		log.Info("parley is up", "http", httpAddr, "smtp", smtpAddr)
		return nil
	})
}

type migrateCommand struct {
	DatabaseURL string `env:"PARLEY_DATABASE_URL" required:"" help:"PostgreSQL."`
}

func fileLog(home, name string) (*slog.Logger, error) {
	if err := os.MkdirAll(filepath.Join(home, "log"), 0o711); err != nil {
		return nil, err
	}
	f, err := os.OpenFile(filepath.Join(home, "log", "parley.log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, err
	}
	return slog.New(slog.NewTextHandler(f, &slog.HandlerOptions{Level: level(name)})), nil
}

func level(name string) slog.Level {
	var l slog.Level
	if err := l.UnmarshalText([]byte(name)); err != nil {
		return slog.LevelInfo
	}
	return l
}

// Run migrates.
func (c *migrateCommand) Run(ctx context.Context) error { return store.Migrate(ctx, c.DatabaseURL) }

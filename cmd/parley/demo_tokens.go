package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"parley/interaction"
	"parley/lib/auth"
	"parley/store"
)

// demoPeople are the demo's sign-ins: the variable in demo.env and the login that it belongs to.
var demoPeople = []struct{ variable, login string }{
	{"PARLEY_AGENT_TOKEN", "ann"},
	{"PARLEY_AGENT2_TOKEN", "ben"},
	{"PARLEY_SENIOR_TOKEN", "sue"},
	{"PARLEY_SUPERVISOR_TOKEN", "vic"},
	{"PARLEY_ADMIN_TOKEN", "root"},
}

// demoTokens makes a token for each of the demo's people and writes them to path, once: as long as they are good they stay.
func demoTokens(ctx context.Context, s *store.Store, path string) error {
	if demoTokensGood(ctx, s, path) {
		return nil
	}
	var b strings.Builder
	fmt.Fprintln(&b, "# Tokens of the demo's people; use them as: Authorization: Bearer TOKEN")
	for _, p := range demoPeople {
		agent, err := s.AgentByLogin(ctx, p.login)
		if err != nil {
			return fmt.Errorf("the demo needs an agent with the login %q: %w", p.login, err)
		}
		token, hash := auth.NewToken()
		if _, err := s.CreateToken(ctx, interaction.System, interaction.NewToken{Agent: agent, Kind: interaction.TokenAPI, Label: "demo", Hash: hash[:]}); err != nil {
			return err
		}
		fmt.Fprintf(&b, "%s=%s\n", p.variable, token)
	}
	temp := path + ".new"
	if err := os.WriteFile(temp, []byte(b.String()), 0o600); err != nil {
		return err
	}
	return os.Rename(temp, filepath.Clean(path))
}

// demoTokensGood reports whether every token of the file still opens the door.
func demoTokensGood(ctx context.Context, s *store.Store, path string) bool {
	tokens, err := readEnv(path)
	if err != nil {
		return false
	}
	for _, p := range demoPeople {
		hash, ok := auth.HashToken(tokens[p.variable])
		if !ok {
			return false
		}
		if _, err := s.ActorByToken(ctx, hash[:]); err != nil {
			return false
		}
	}
	return true
}

// readEnv reads NAME=value lines.
func readEnv(path string) (map[string]string, error) {
	raw, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	values := map[string]string{}
	for line := range strings.Lines(string(raw)) {
		if name, value, ok := strings.Cut(strings.TrimSpace(line), "="); ok && !strings.HasPrefix(name, "#") {
			values[name] = value
		}
	}
	return values, nil
}

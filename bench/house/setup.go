package house

import (
	"fmt"
	"os"
	"path/filepath"

	"go.yaml.in/yaml/v3"
)

// Addresses that customers write to.
const (
	Support  = "support@example.test"  // replies are not reviewed
	Reviewed = "reviewed@example.test" // every reply is
)

// AgentCount is how many agents the house has, named agent-01 and so on.
const AgentCount = 50

// Agent is the login of the n-th agent, from 0.
func Agent(n int) string { return fmt.Sprintf("agent-%02d", n+1) }

// Policy is what measurements change of the demo's configuration, beside more agents with more room.
type Policy struct {
	Acknowledge bool // customers get an acknowledgement
}

// section is one list of a configuration file.
type section []map[string]any

// WriteSetup writes the demo's configuration to a directory as the policy wants it: the same rules, categories and
// training, queues without review beside one with.
func WriteSetup(demo, into string, p Policy) error {
	if err := os.MkdirAll(into, 0o755); err != nil {
		return err
	}
	paths, err := filepath.Glob(filepath.Join(demo, "*.yaml"))
	if err != nil || len(paths) == 0 {
		return fmt.Errorf("%s has no configuration: %w", demo, err)
	}
	for _, path := range paths {
		raw, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		file := map[string]section{}
		if err := yaml.Unmarshal(raw, &file); err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
		p.change(file, demo)
		if raw, err = yaml.Marshal(file); err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(into, filepath.Base(path)), raw, 0o644); err != nil {
			return err
		}
	}
	return nil
}

func (p Policy) change(file map[string]section, demo string) {
	delete(file, "review_policies") // the queues' own percentage counts
	for _, q := range file["queues"] {
		q["review_percent"] = 0
	}
	if points := file["entry_points"]; points != nil {
		reviewed := map[string]any{}
		for key, value := range points[0] {
			reviewed[key] = value
		}
		reviewed["name"], reviewed["address"], reviewed["queue"] = "reviewed", Reviewed, "reviewed"
		file["entry_points"] = append(points, reviewed)
		file["queues"] = append(file["queues"], map[string]any{"name": "reviewed", "title": "Reviewed", "group": "service", "review_percent": 100})
	}
	if file["agents"] != nil {
		for n := range AgentCount {
			file["agents"] = append(file["agents"], map[string]any{
				"login": Agent(n), "name": Agent(n), "role": "agent", "groups": []string{"service", "billing"}, "limits": map[string]int{"email": 1000, "total": 1000},
			})
		}
	}
	for _, r := range file["responses"] {
		if r["usage"] == "acknowledgement" {
			r["state"] = "draft"
			if p.Acknowledge {
				r["state"] = "active"
			}
		}
	}
	for _, t := range file["training"] {
		if name, ok := t["file"].(string); ok && !filepath.IsAbs(name) {
			t["file"] = filepath.Join(demo, name)
		}
	}
}

package metrics_test

import (
	"encoding/json"
	"net/http/httptest"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"parley/interaction"
	"parley/lib/metrics"
)

var now = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// scrape gives what Prometheus reads of a small house.
func scrape(t *testing.T) string {
	t.Helper()
	w := httptest.NewRecorder()
	metrics.Handler(interaction.Live{
		At: now.Add(-2 * time.Second),
		Queues: []interaction.LiveQueue{{
			Queue: `sales "north"`, Group: "sales", Channel: interaction.Email, Oldest: now.Add(-time.Minute), Reviews: 2,
			Tasks:  map[interaction.TaskState]int{interaction.TaskQueued: 3},
			Totals: map[interaction.Fact]interaction.Sum{interaction.FactTaken: {Count: 4, Flagged: 1, Seconds: 90}},
		}},
		States: []interaction.LiveState{{Group: "sales", State: "lunch", Agents: 5}},
	}, []interaction.ToldDrift{{
		Language: "en", Drift: interaction.Drift{Messages: 200, Unsure: 50, Corrected: 4, Shift: -1, Worse: []string{interaction.WorseUnsure}},
	}}, float64(now.Unix())).ServeHTTP(w, httptest.NewRequest("GET", "/metrics", nil))
	require.Equal(t, 200, w.Code)
	return w.Body.String()
}

func TestFiguresInPrometheussForm(t *testing.T) {
	text := scrape(t)
	for _, line := range []string{
		`parley_tasks{channel="email",group="sales",queue="sales \"north\"",state="queued"} 3`,
		`parley_tasks{channel="email",group="sales",queue="sales \"north\"",state="held"} 0`,
		`parley_oldest_wait_seconds{channel="email",group="sales",queue="sales \"north\""} 60`,
		`parley_reviews_waiting{channel="email",group="sales",queue="sales \"north\""} 2`,
		`parley_facts_total{channel="email",fact="taken",group="sales",queue="sales \"north\""} 4`,
		`parley_facts_flagged_total{channel="email",fact="taken",group="sales",queue="sales \"north\""} 1`,
		`parley_facts_seconds_total{channel="email",fact="taken",group="sales",queue="sales \"north\""} 90`,
		`parley_agents{group="sales",state="lunch"} 5`,
		`parley_statistics_behind_seconds 2`,
		`parley_model_drift{language="en",what="unsure"} 0.25`,
		`parley_model_drift{language="en",what="shift"} 0`,
		`parley_model_worse{language="en",what="unsure"} 1`,
		`parley_model_worse{language="en",what="corrected"} 0`,
	} {
		require.Contains(t, text, line+"\n")
	}
}

// Every query of the dashboard asks for metrics, labels and facts that exist.
func TestTheDashboardAsksForWhatThereIs(t *testing.T) {
	file, err := os.ReadFile("../../config/grafana/parley.json")
	require.NoError(t, err)
	var dashboard struct {
		Panels []struct {
			Title   string
			Targets []struct{ Expr string }
		}
		Templating struct{ List []struct{ Query string } }
	}
	require.NoError(t, json.Unmarshal(file, &dashboard))
	labels := labelsOf(scrape(t))
	var queries []string
	for _, p := range dashboard.Panels {
		require.NotEmpty(t, p.Targets, p.Title)
		for _, target := range p.Targets {
			queries = append(queries, target.Expr)
		}
	}
	for _, v := range dashboard.Templating.List {
		if strings.Contains(v.Query, "parley_") {
			queries = append(queries, v.Query)
		}
	}
	require.Greater(t, len(queries), 10)
	asked := map[string]bool{}
	for _, query := range queries {
		checkQuery(t, query, labels, asked)
	}
	for name := range labels {
		require.True(t, asked[name], "no panel shows %s", name)
	}
}

var (
	selectors = regexp.MustCompile(`(parley_[a-z_]+)(?:\{([^}]*)\})?`)
	matchers  = regexp.MustCompile(`([a-z_]+)(?:=~|!~|!=|=)"([^"]*)"`)
	groupings = regexp.MustCompile(`by \(([a-z_, ]+)\)`)
)

func checkQuery(t *testing.T, query string, labels map[string][]string, asked map[string]bool) {
	t.Helper()
	for _, s := range selectors.FindAllStringSubmatch(query, -1) {
		have, ok := labels[s[1]]
		require.True(t, ok, "%s: there is no %s", query, s[1])
		asked[s[1]] = true
		for _, m := range matchers.FindAllStringSubmatch(s[2], -1) {
			require.Contains(t, have, m[1], query)
			if m[1] == "fact" {
				for fact := range strings.SplitSeq(m[2], "|") {
					require.Contains(t, interaction.AllFacts, interaction.Fact(fact), query)
				}
			}
		}
		for _, g := range groupings.FindAllStringSubmatch(query, -1) {
			for label := range strings.SplitSeq(g[1], ", ") {
				require.Contains(t, have, label, query)
			}
		}
	}
}

// labelsOf gives the labels of each metric of a scrape.
func labelsOf(text string) map[string][]string {
	labels := map[string][]string{}
	for line := range strings.Lines(text) {
		if strings.HasPrefix(line, "#") {
			continue
		}
		name := selectors.FindStringSubmatch(line)
		labels[name[1]] = slices.Sorted(slices.Values(append(labels[name[1]], names(name[2])...)))
	}
	return labels
}

func names(labels string) (list []string) {
	for _, m := range matchers.FindAllStringSubmatch(strings.ReplaceAll(labels, `\"`, ""), -1) {
		list = append(list, m[1])
	}
	return list
}

// Package metrics puts the house's real-time figures into the form that Prometheus reads.
//
// The figures are read when they are asked for: nothing is kept between two scrapes, so any number of processes may be scraped and each tells the same.
package metrics

import (
	"net/http"
	"slices"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"parley/interaction"
)

var (
	byQueue = []string{"queue", "group", "channel"}

	tasks   = prometheus.NewDesc("parley_tasks", "Tasks to handle, by state.", append(byQueue, "state"), nil)
	reviews = prometheus.NewDesc("parley_reviews_waiting", "Replies that wait for a reviewer.", byQueue, nil)
	oldest  = prometheus.NewDesc("parley_oldest_wait_seconds", "How long the oldest waiting task has waited.", byQueue, nil)
	facts   = prometheus.NewDesc("parley_facts_total", "What has happened to interactions, by kind.", append(byQueue, "fact"), nil)
	flagged = prometheus.NewDesc("parley_facts_flagged_total",
		"Of those: taken in time, answered by the machine, stopped without a person, or returned by a reviewer.", append(byQueue, "fact"), nil)
	seconds = prometheus.NewDesc("parley_facts_seconds_total", "The seconds of those: waits, handling times, times to the first answer.", append(byQueue, "fact"), nil)
	agents  = prometheus.NewDesc("parley_agents", "Agents by state: ready, or why not.", []string{"group", "state"}, nil)
	drift   = prometheus.NewDesc("parley_model_drift",
		"The last week that was told of a model's language: shares of its messages, and how far the categories lie from those of the weeks before.", []string{"language", "what"}, nil)
	worse  = prometheus.NewDesc("parley_model_worse", "1 where that week was worse than the weeks before by more than chance explains.", []string{"language", "what"}, nil)
	behind = prometheus.NewDesc("parley_statistics_behind_seconds", "How far the figures are behind what is committed.", nil, nil)
)

// Handler writes the figures as they stand at now, seconds since the epoch.
func Handler(live interaction.Live, drift []interaction.ToldDrift, now float64) http.Handler {
	registry := prometheus.NewRegistry()
	registry.MustRegister(figures{live, drift, now})
	return promhttp.HandlerFor(registry, promhttp.HandlerOpts{DisableCompression: true})
}

// figures are collected once.
type figures struct {
	live  interaction.Live
	drift []interaction.ToldDrift
	now   float64
}

// Describe gives all names that there are.
func (f figures) Describe(to chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{tasks, reviews, oldest, facts, flagged, seconds, agents, drift, worse, behind} {
		to <- d
	}
}

// Collect gives the figures.
func (f figures) Collect(to chan<- prometheus.Metric) {
	gauge := func(d *prometheus.Desc, v float64, labels ...string) {
		to <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, labels...)
	}
	counter := func(d *prometheus.Desc, v float64, labels ...string) {
		to <- prometheus.MustNewConstMetric(d, prometheus.CounterValue, v, labels...)
	}
	gauge(behind, max(0, f.now-float64(f.live.At.UnixMilli())/1000))
	for _, q := range f.live.Queues {
		names := []string{q.Queue, q.Group, string(q.Channel)}
		gauge(reviews, float64(q.Reviews), names...)
		waited := 0.0
		if !q.Oldest.IsZero() {
			waited = max(0, f.now-float64(q.Oldest.UnixMilli())/1000)
		}
		gauge(oldest, waited, names...)
		for _, state := range []interaction.TaskState{interaction.TaskQueued, interaction.TaskOffered, interaction.TaskHeld, interaction.TaskSnoozed, interaction.TaskSuspended} {
			gauge(tasks, float64(q.Tasks[state]), append(names, string(state))...)
		}
		for _, what := range interaction.AllFacts {
			counter(facts, float64(q.Totals[what].Count), append(names, string(what))...)
			counter(flagged, float64(q.Totals[what].Flagged), append(names, string(what))...)
			counter(seconds, q.Totals[what].Seconds, append(names, string(what))...)
		}
	}
	for _, s := range f.live.States {
		gauge(agents, float64(s.Agents), s.Group, s.State)
	}
	for _, d := range f.drift {
		for what, v := range map[string]float64{
			interaction.WorseUnsure: share(d.Unsure, d.Messages), interaction.WorseCorrected: share(d.Corrected, d.Messages), interaction.WorseRejected: share(d.Rejected, d.Messages),
			interaction.WorseAnsweredBack: share(d.AnsweredBack, d.Answered), interaction.WorseShift: max(0, d.Shift),
		} {
			gauge(drift, v, d.Language, what)
			is := 0.0
			if slices.Contains(d.Worse, what) {
				is = 1
			}
			gauge(worse, is, d.Language, what)
		}
	}
}

func share(part, of int64) float64 {
	if of == 0 {
		return 0
	}
	return float64(part) / float64(of)
}

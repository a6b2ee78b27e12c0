package api

import (
	"context"
	"encoding/csv"
	"strconv"
	"strings"
	"time"

	"parley/interaction"
)

// ReportInput asks for a report.
type ReportInput struct {
	From     time.Time `query:"from" required:"true"`
	Until    time.Time `query:"until" required:"true" doc:"not included"`
	Interval string    `query:"interval" enum:"15m,hour,day,week,month,total" default:"day"`
	Zone     string    `query:"zone" maxLength:"60" default:"UTC" doc:"the time zone that days begin in, e.g. Europe/Berlin"`
	By       []string  `query:"by" enum:"queue,channel,category,agent" maxItems:"4" doc:"what it is split by, with commas"`
	Queue    string    `query:"queue" maxLength:"100"`
	Channel  string    `query:"channel" maxLength:"20"`
	Category string    `query:"category" maxLength:"200"`
	AgentID  string    `query:"agent_id" maxLength:"64"`
}

// maxReport is the longest time that one report covers.
const maxReport = 400 * 24 * time.Hour

func (in *ReportInput) query(by interaction.Actor) (interaction.ReportQuery, error) {
	q := interaction.ReportQuery{
		From: in.From, Until: in.Until, Interval: in.Interval, Zone: in.Zone, Queue: in.Queue, Channel: interaction.Channel(in.Channel), Category: in.Category,
		By: each(in.By, func(s string) interaction.Dimension { return interaction.Dimension(s) }),
	}
	if !q.Until.After(q.From) || q.Until.Sub(q.From) > maxReport {
		return q, interaction.Invalid("bad_range", "until", "is behind from, by at most 400 days")
	}
	if _, err := time.LoadLocation(q.Zone); err != nil || q.Zone == "Local" {
		return q, interaction.Invalid("bad_zone", "zone", "is no time zone, e.g. Europe/Berlin")
	}
	var err error
	q.Agent, err = agentOrMe("agent_id", in.AgentID, by)
	return q, err
}

// ReportRow is one line of a report. A time is in seconds.
type ReportRow struct {
	At                time.Time      `json:"at" doc:"when the interval begins"`
	Queue             string         `json:"queue,omitempty"`
	Channel           string         `json:"channel,omitempty"`
	Category          string         `json:"category,omitempty"`
	AgentID           interaction.ID `json:"agent_id,omitempty"`
	Received          int64          `json:"received" doc:"customers' interactions that arrived"`
	Offered           int64          `json:"offered" doc:"came before people for the first time"`
	Taken             int64          `json:"taken" doc:"taken by an agent for the first time"`
	InTime            int64          `json:"in_time" doc:"of those, within the queue's service_seconds"`
	ServiceLevel      *float64       `json:"service_level,omitempty" doc:"in_time / taken"`
	Handled           int64          `json:"handled" doc:"tasks that agents ended by a reply or a disposition"`
	Abandoned         int64          `json:"abandoned" doc:"stopped before anybody took them"`
	Answered          int64          `json:"answered" doc:"interactions whose first answer left"`
	AnsweredByMachine int64          `json:"answered_by_machine"`
	Reviewed          int64          `json:"reviewed" doc:"decisions of reviewers"`
	Returned          int64          `json:"returned" doc:"of those, returned to the author: review cycles"`
	Stopped           int64          `json:"stopped"`
	Automatic         int64          `json:"automatic" doc:"of those, answered by the machine without a person"`
	AutomaticShare    *float64       `json:"automatic_share,omitempty" doc:"automatic / stopped"`
	Surveyed          int64          `json:"surveyed" doc:"customers who were asked how it was"`
	Rated             int64          `json:"rated" doc:"of those, who answered"`
	Score             *float64       `json:"score,omitempty" doc:"mean score of their answers, 0 to 100"`
	Wait              Spread         `json:"wait" doc:"from the offer to the first agent"`
	Handling          Spread         `json:"handling" doc:"how long agents had tasks in hand"`
	FirstAnswer       Spread         `json:"first_answer" doc:"from the arrival to the first answer; in chats from the invitation of an agent"`
	Response          Spread         `json:"response" doc:"in chats: the mean time of a chat until an agent answered what the customer wrote"`
}

// Spread is how a time was distributed, in seconds.
type Spread struct {
	Count int64   `json:"count"`
	Mean  float64 `json:"mean"`
	P50   float64 `json:"p50"`
	P90   float64 `json:"p90"`
	P95   float64 `json:"p95"`
	Max   float64 `json:"max"`
}

func reportView(r interaction.ReportRow) ReportRow {
	return ReportRow{
		At: r.At, Queue: r.Queue, Channel: string(r.Channel), Category: r.Category, AgentID: r.Agent,
		Received: r.Received, Offered: r.Offered, Taken: r.Taken, InTime: r.InTime, ServiceLevel: share(r.InTime, r.Taken), Handled: r.Handled, Abandoned: r.Abandoned,
		Answered: r.Answered, AnsweredByMachine: r.AnsweredByMachine, Reviewed: r.Reviewed, Returned: r.Returned,
		Stopped: r.Stopped, Automatic: r.Automatic, AutomaticShare: share(r.Automatic, r.Stopped),
		Wait: Spread(r.Wait), Handling: Spread(r.Handling), FirstAnswer: Spread(r.FirstAnswer),
		Surveyed: r.Surveyed, Rated: r.Rated, Score: scoreOf(r), Response: Spread(r.Response),
	}
}

// scoreOf is the mean score; absent where none was given.
func scoreOf(r interaction.ReportRow) *float64 {
	if r.Scored == 0 {
		return nil
	}
	return &r.Score
}

func (s *server) report(ctx context.Context, in *ReportInput) (*List[ReportRow], error) {
	by := actorOf(ctx)
	q, err := in.query(by)
	if err != nil {
		return nil, err
	}
	rows, err := s.Report(ctx, by, q)
	if err != nil {
		return nil, err
	}
	return whole(rows, reportView), nil
}

// Sheet is a report as CSV.
type Sheet struct {
	ContentType string `header:"Content-Type"`
	Disposition string `header:"Content-Disposition"`
	Body        []byte
}

func (s *server) reportSheet(ctx context.Context, in *ReportInput) (*Sheet, error) {
	by := actorOf(ctx)
	q, err := in.query(by)
	if err != nil {
		return nil, err
	}
	rows, err := s.Report(ctx, by, q)
	if err != nil {
		return nil, err
	}
	body, err := sheet(rows)
	if err != nil {
		return nil, err
	}
	return &Sheet{"text/csv; charset=utf-8; header=present", `attachment; filename="report.csv"`, body}, nil
}

// sheet writes a report as CSV (RFC 4180), a line a row.
func sheet(rows []interaction.ReportRow) ([]byte, error) {
	var b strings.Builder
	w := csv.NewWriter(&b)
	w.UseCRLF = true
	if err := w.Write([]string{
		"at", "queue", "channel", "category", "agent_id", "received", "offered", "taken", "in_time", "handled", "abandoned", "answered", "answered_by_machine",
		"reviewed", "returned", "stopped", "automatic", "wait_mean", "wait_p50", "wait_p90", "wait_p95", "wait_max",
		"handling_count", "handling_mean", "handling_p50", "handling_p90", "handling_p95", "handling_max",
		"first_answer_mean", "first_answer_p50", "first_answer_p90", "first_answer_p95", "first_answer_max",
		"response_count", "response_mean", "response_p50", "response_p90", "response_p95", "response_max", "surveyed", "rated", "score",
	}); err != nil {
		return nil, err
	}
	for _, r := range rows {
		line := []string{r.At.UTC().Format(time.RFC3339), cell(r.Queue), cell(string(r.Channel)), cell(r.Category), string(r.Agent)}
		for _, n := range []int64{r.Received, r.Offered, r.Taken, r.InTime, r.Handled, r.Abandoned, r.Answered, r.AnsweredByMachine, r.Reviewed, r.Returned, r.Stopped, r.Automatic} {
			line = append(line, strconv.FormatInt(n, 10))
		}
		line = append(line, spread(r.Wait)...)
		line = append(append(line, strconv.FormatInt(r.Handling.Count, 10)), spread(r.Handling)...)
		line = append(line, spread(r.FirstAnswer)...)
		line = append(append(line, strconv.FormatInt(r.Response.Count, 10)), spread(r.Response)...)
		line = append(line, strconv.FormatInt(r.Surveyed, 10), strconv.FormatInt(r.Rated, 10), score(r))
		if err := w.Write(line); err != nil {
			return nil, err
		}
	}
	w.Flush()
	return []byte(b.String()), w.Error()
}

// score is empty where none was given.
func score(r interaction.ReportRow) string {
	if r.Scored == 0 {
		return ""
	}
	return strconv.FormatFloat(r.Score, 'f', 1, 64)
}

func spread(s interaction.Spread) []string {
	out := make([]string, 0, 5)
	for _, v := range []float64{s.Mean, s.P50, s.P90, s.P95, s.Max} {
		out = append(out, strconv.FormatFloat(v, 'f', 3, 64))
	}
	return out
}

// cell keeps a spreadsheet from taking a text for a formula: what begins like one gets an apostrophe before it.
func cell(s string) string {
	if s != "" && strings.ContainsRune("=+-@\t\r\n＝＋－＠", []rune(s)[0]) {
		return "'" + s
	}
	return s
}

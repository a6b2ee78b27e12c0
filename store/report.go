package store

import (
	"context"
	"slices"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5"

	"parley/interaction"
)

// maxReportRows bounds a report: who needs more asks for a longer interval or a shorter time.
const maxReportRows = 20000

// reportIntervals are how the time of a report is cut; $1 is the time zone, $2 the report's beginning.
var reportIntervals = map[string]string{
	"15m":   `date_bin('15 minutes', f.at, timestamptz '2000-01-01')`,
	"hour":  `date_trunc('hour', f.at, $1)`,
	"day":   `date_trunc('day', f.at, $1)`,
	"week":  `date_trunc('week', f.at, $1)`,
	"month": `date_trunc('month', f.at, $1)`,
	"total": `$2::timestamptz`,
}

// Report adds up the facts of a time by interval and by what it is split by, as far as the actor's groups go. Only intervals in which something happened have rows.
func (s *Store) Report(ctx context.Context, by interaction.Actor, r interaction.ReportQuery) ([]interaction.ReportRow, error) {
	interval, ok := reportIntervals[r.Interval]
	if !ok {
		return nil, interaction.Invalid("bad_interval", "interval", "is 15m, hour, day, week, month or total")
	}
	columns := make([]string, 0, 4)
	for _, d := range []struct {
		by        interaction.Dimension
		is, blank string
	}{{interaction.ByQueue, "f.queue", "''"}, {interaction.ByChannel, "f.channel", "''"}, {interaction.ByCategory, "f.category", "''"}, {interaction.ByAgent, "f.agent", "null::uuid"}} {
		if slices.Contains(r.By, d.by) {
			columns = append(columns, d.is)
		} else {
			columns = append(columns, d.blank)
		}
	}
	q := &query{args: []any{r.Zone, r.From, r.Until, by.Role, some(by.Groups)}, where: []string{
		`f.at >= $2 and f.at < $3 and $1::text is not null and ($4 = 'admin' or exists (select 1 from queues q where q.name = f.queue and q.group_name = any($5)))`,
	}}
	equal(q, "f.queue", r.Queue)
	equal(q, "f.channel", r.Channel)
	equal(q, "f.category", r.Category)
	if r.Agent != "" {
		q.and("f.agent = ?", r.Agent)
	}
	rows, err := s.pool.Query(ctx, `select `+interval+`, `+strings.Join(columns, ", ")+reportSums+` from facts f `+q.sql()+
		` group by 1, 2, 3, 4, 5 order by 1, 2, 3, 4, 5 limit `+strconv.Itoa(maxReportRows+1), q.args...)
	if err != nil {
		return nil, translate(err)
	}
	list, err := pgx.CollectRows(rows, scanReport)
	if err == nil && len(list) > maxReportRows {
		return nil, interaction.Invalid("too_long", "interval", "gives more than %d rows; take a longer interval, a shorter time or fewer splits", maxReportRows)
	}
	return list, translate(err)
}

// reportSums are the figures of one row, in the order of scanReport.
var reportSums = func() string {
	var b strings.Builder
	for _, what := range []interaction.Fact{interaction.FactReceived, interaction.FactOffered, interaction.FactTaken, interaction.FactHandled, interaction.FactAbandoned, interaction.FactAnswered, interaction.FactReviewed, interaction.FactStopped, interaction.FactSurveyed, interaction.FactRated} {
		b.WriteString(", count(*) filter (where f.what = '" + string(what) + "')")
	}
	for _, what := range []interaction.Fact{interaction.FactTaken, interaction.FactAnswered, interaction.FactReviewed, interaction.FactStopped} {
		b.WriteString(", count(*) filter (where f.what = '" + string(what) + "' and f.flag)")
	}
	b.WriteString(", count(*) filter (where f.what = 'rated' and not f.flag), coalesce(avg(f.seconds) filter (where f.what = 'rated' and not f.flag), 0)")
	for _, what := range []interaction.Fact{interaction.FactTaken, interaction.FactHeld, interaction.FactAnswered, interaction.FactResponded} {
		only := " filter (where f.what = '" + string(what) + "')"
		b.WriteString(", count(*)" + only + ", coalesce(avg(f.seconds)" + only + ", 0), coalesce(max(f.seconds)" + only + ", 0)::float8" +
			", coalesce(percentile_cont(array[0.5, 0.9, 0.95]) within group (order by f.seconds)" + only + ", '{0,0,0}')")
	}
	return b.String()
}()

func scanReport(row pgx.CollectableRow) (interaction.ReportRow, error) {
	var r interaction.ReportRow
	into := []any{
		&r.At, &r.Queue, &r.Channel, &r.Category, &r.Agent, &r.Received, &r.Offered, &r.Taken, &r.Handled, &r.Abandoned, &r.Answered, &r.Reviewed, &r.Stopped, &r.Surveyed, &r.Rated,
		&r.InTime, &r.AnsweredByMachine, &r.Returned, &r.Automatic, &r.Scored, &r.Score,
	}
	spreads := []*interaction.Spread{&r.Wait, &r.Handling, &r.FirstAnswer, &r.Response}
	var percentiles [4][]float64
	for n, s := range spreads {
		into = append(into, &s.Count, &s.Mean, &s.Max, &percentiles[n])
	}
	err := row.Scan(into...)
	for n, s := range spreads {
		if len(percentiles[n]) == 3 {
			s.P50, s.P90, s.P95 = percentiles[n][0], percentiles[n][1], percentiles[n][2]
		}
	}
	return r, err
}

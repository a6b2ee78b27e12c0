package store_test

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"parley/interaction"
	"parley/store"
	"parley/store/storetest"
)

// mostReportCPU is what a day's report may cost PostgreSQL (target J4), for 25,000 interactions of seven facts.
const mostReportCPU = 2 * time.Second

// A day's report by hour, queue and agent costs little CPU.
func TestADaysReportIsCheap(t *testing.T) {
	s := storetest.New(t, store.Options{})
	_, err := s.Pool().Exec(t.Context(), `
		insert into facts (at, what, queue, channel, category, agent, interaction_id, seconds, flag)
		select now() - interval '20 hours' + n * interval '2.8 seconds', w, case when n % 3 = 0 then 'sales' else 'service' end, 'email', 'category' || n % 40,
			case when w in ('taken', 'held', 'handled') then (select id from agents where login = (array['ann', 'ben', 'carl'])[1 + n % 3]) end,
			gen_random_uuid(), (n * 7919) % 5000, n % 2 = 0
		from generate_series(1, 25000) n, unnest(array['received', 'offered', 'taken', 'held', 'handled', 'answered', 'stopped']) w`)
	require.NoError(t, err)
	_, err = s.Pool().Exec(t.Context(), `vacuum analyze facts`)
	require.NoError(t, err)
	before, known := cpuOf(t, s)
	if !known {
		t.Skip("SKIPPED: PostgreSQL runs elsewhere, its CPU time cannot be read; run it beside the tests, as make test does")
	}
	rows, err := s.Report(t.Context(), interaction.System, interaction.ReportQuery{
		From: time.Now().Add(-24 * time.Hour), Until: time.Now(), Interval: "hour", Zone: "Europe/Berlin", By: []interaction.Dimension{interaction.ByQueue, interaction.ByAgent},
	})
	require.NoError(t, err)
	require.Greater(t, len(rows), 80)
	after, _ := cpuOf(t, s)
	t.Logf("%d rows of %d facts: %s of CPU", len(rows), 175000, after-before)
	require.Less(t, after-before, mostReportCPU)
}

// cpuOf adds up the CPU time of the database's connections, where they run on this machine.
func cpuOf(t *testing.T, s *store.Store) (total time.Duration, known bool) {
	t.Helper()
	rows, err := s.Pool().Query(t.Context(), `select pid from pg_stat_activity where datname = current_database()`)
	require.NoError(t, err)
	defer rows.Close()
	for rows.Next() {
		var pid int
		require.NoError(t, rows.Scan(&pid))
		stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
		if err != nil {
			return 0, false
		}
		_, rest, _ := strings.Cut(string(stat), ") ")
		fields := strings.Fields(rest)
		for _, ticks := range fields[11:13] { // utime and stime, in hundredths of a second
			n, err := strconv.Atoi(ticks)
			require.NoError(t, err)
			total += time.Duration(n) * 10 * time.Millisecond
		}
	}
	return total, rows.Err() == nil
}

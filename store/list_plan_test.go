package store_test

import (
	"encoding/json"
	"fmt"
	"os"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"

	"parley/interaction"
	"parley/store"
	"parley/store/storetest"
)

// Bounds of a page of the list of interactions (target J4).
const (
	mostBuffers = 2000
	mostScanned = 10000
)

// filler makes interactions whose eight fields have some values each, in every combination alike; %s is the table, %d how many.
const filler = `insert into %[1]s (id, thread_id, contact_id, channel, entry_point, queue, direction, subject, %[3]s language, category, confidence, priority, data, last_agent,
		workflow, kit, opened_at, messages, news, version)
	select (lpad(to_hex((extract(epoch from at) * 1000)::bigint), 12, '0') || '7' || substr(md5(n::text || '%[1]s'), 1, 3) || '8' || substr(md5(n::text || '%[1]s'), 4, 15))::uuid,
		gen_random_uuid(), (lpad(to_hex(n %% 2000), 8, '0') || '-0000-7000-8000-000000000000')::uuid,
		(array['email', 'chat', 'sms'])[1 + n %% 3], 'point' || (n / 3) %% 5, case when (n / 15) %% 4 = 0 then 'sales' else 'service' end, 'in', 'Subject of some length, number ' || n,
		%[4]s (array['en', 'de', 'fr', 'es'])[1 + (n / 60) %% 4], 'category' || (n / 240) %% 40, 0.5, (n / 9600) %% 7, '{}',
		(select id from agents where login = (array['ann', 'ben', 'carl', 'sue'])[1 + (n / 7) %% 4]), 'Email', 1, at, 1, 1, 1
	from (select n, now() - interval '20 days' * (1 - n / %[2]d.0) as at from generate_series(0, %[2]d - 1) n) g`

// Pages of the list touch few buffers and read no table from end to end, whatever they are narrowed by, one field or all eight, sorted as it may be. PARLEY_LIST_ROWS sets how many stopped interactions
// there are; a tenth of it is open.
func TestAPageOfTheListReadsLittle(t *testing.T) {
	rows := 60000
	if set := os.Getenv("PARLEY_LIST_ROWS"); set != "" {
		var err error
		rows, err = strconv.Atoi(set)
		require.NoError(t, err)
	}
	s := storetest.New(t, store.Options{})
	_, err := s.Pool().Exec(t.Context(), fmt.Sprintf(filler, "interactions", rows/10, "state,", "case when n % 50 = 0 then 'on_hold' else 'waiting' end,"))
	require.NoError(t, err)
	_, err = s.Pool().Exec(t.Context(), fmt.Sprintf(filler, "closed_interactions", rows, "reason,", "'answered',"))
	require.NoError(t, err)
	_, err = s.Pool().Exec(t.Context(), `vacuum analyze`)
	require.NoError(t, err)
	one, ann := 1, storetest.Person(t, s, "ann").Agent
	for name, f := range map[string]interaction.InteractionFilter{
		"nothing":     {},
		"stopped":     {States: []interaction.State{interaction.Stopped}},
		"on hold":     {States: []interaction.State{interaction.OnHold}},
		"queue":       {Queue: "service"},
		"channel":     {Channel: "sms"},
		"category":    {Category: "category7"},
		"language":    {Language: "fr"},
		"entry point": {EntryPoint: "point3"},
		"priority":    {Priority: &one},
		"agent":       {Agent: ann},
		"contact":     {Contact: "00000007-0000-7000-8000-000000000000"},
		"four":        {Queue: "service", Channel: "email", Language: "en", EntryPoint: "point2"},
		"eight": {
			States: []interaction.State{interaction.Stopped, interaction.Waiting}, Queue: "service", Channel: "email", Language: "de", Category: "category3", EntryPoint: "point0", Priority: &one, Agent: ann,
		},
		"an unknown category": {Category: "nowhere"},
	} {
		for _, sort := range []string{"-opened_at", "opened_at", "-priority"} {
			for _, login := range []string{"root", "vic"} {
				plan, err := s.ExplainInteractions(t.Context(), storetest.Person(t, s, login), f, interaction.Page{Limit: 50, Sort: sort})
				require.NoError(t, err)
				buffers, scanned := cost(t, plan)
				t.Logf("%-20s %-10s %-5s %6d buffers, %6d rows in a sequential scan", name, sort, login, buffers, scanned)
				if buffers > mostBuffers || scanned > mostScanned {
					t.Errorf("%s sorted by %s, as %s: %d buffers, %d rows in a sequential scan", name, sort, login, buffers, scanned)
				}
			}
		}
	}
}

// planNode is a part of a plan.
type planNode struct {
	Type    string     `json:"Node Type"`
	Hit     int        `json:"Shared Hit Blocks"`
	Read    int        `json:"Shared Read Blocks"`
	Rows    float64    `json:"Actual Rows"`
	Removed float64    `json:"Rows Removed by Filter"`
	Loops   float64    `json:"Actual Loops"`
	Plans   []planNode `json:"Plans"`
}

// cost gives how many buffers a plan touched, and the most rows that one sequential scan went through.
func cost(t *testing.T, plan []byte) (buffers, scanned int) {
	t.Helper()
	var found []struct{ Plan planNode }
	require.NoError(t, json.Unmarshal(plan, &found))
	var walk func(planNode)
	walk = func(n planNode) {
		if n.Type == "Seq Scan" {
			scanned = max(scanned, int((n.Rows+n.Removed)*n.Loops))
		}
		for _, p := range n.Plans {
			walk(p)
		}
	}
	walk(found[0].Plan)
	return found[0].Plan.Hit + found[0].Plan.Read, scanned
}

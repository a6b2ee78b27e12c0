package store_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"parley/store"
	"parley/store/storetest"
)

// nobodys are tables and columns that say nothing about a customer, with the reason. A table's name stands for all its columns.
var nobodys = map[string]string{
	"groups": "configuration", "calendars": "configuration", "queues": "configuration", "surveys": "configuration", "entry_points": "configuration", "categories": "configuration",
	"responses": "configuration", "rules": "configuration", "reasons": "configuration", "dispositions": "configuration", "forms": "configuration", "review_policies": "configuration",
	"webhooks": "configuration, and how deliveries go", "links": "configuration, and how lines do", "settings": "the house's own", "retention_rules": "configuration",
	"agents": "people who work here", "agent_groups": "people who work here", "agent_skills": "people who work here", "tokens": "people who work here", "review_rates": "people who work here",
	"chat_participants": "people who work here", "review_results": "how people who work here do: codes and numbers",
	"response_versions":    "configuration, and people who work here",
	"library_files":        "files that the house gives to everybody",
	"models":               "what was learned: weights of words, from which no text is read",
	"text_sets":            "labelled texts that the house gives",
	"labels":               "codes: the texts stay with their messages",
	"rejected_suggestions": "ids",
	"trainings":            "texts are there while one is under way: an erasure cancels it",
	"drift_weeks":          "counted facts",
	"schema_version":       "of the schema",
	"source_keys":          "hashes of whole contents: what is sent or fetched again is a repeat, also behind an erasure",
	"part_groups":          "hashes, for an hour", "parts": "hashes, for an hour",
	"threads": "ids", "automatic_mail": "ids and times", "outbox": "ids and codes: what Temporal is told", "open_reviews": "goes with its task",
	"events": "ids and codes; values are in event_values", "seals": "hashes", "followers": "positions", "facts": "counted facts", "hourly": "counted facts", "live_interactions": "counted facts",
	"live_tasks": "counted facts", "live_queues": "counted facts", "live_agents": "people who work here", "live_states": "people who work here",
	"selections": "orders of supervisors on many interactions; forgotten after a month", "export_pieces": "go with their export", "retention_positions": "positions",

	"requests": "answers, for a day: an erasure drops those that name him or something of his",
	"consents": "an erasure leaves a keyed hash of who may not be written to",
	"erasures": "name nobody; the addresses go when the erasure is done",

	"inbound.channel": "code", "inbound.entry_point": "ours", "inbound.identity": "hash", "inbound.state": "code",
	"contact_merges.threads": "ids", "contact_merges.interactions": "ids", "contact_merges.notes": "ids",
	"messages.kind": "code", "messages.machine": "code", "messages.entry_point": "ours", "messages.visibility": "code",
	"interactions.suggested": "ids",
	"ledger.key":             "of the step", "ledger.state": "code", "ledger.code": "of the protocol",
	"chat_sessions.entry_point": "ours", "chat_sessions.language": "code", "chat_sessions.ended_by": "code",
	"chat_messages.role": "code", "chat_messages.kind": "code",
	"callbacks.entry_point": "ours", "callbacks.mode": "code", "callbacks.state": "code", "callbacks.outcome": "code of the house", "callbacks.dial_state": "code",
	"callback_slots":     "counts of times",
	"survey_asks.survey": "configuration", "survey_asks.sheet": "the questions, which name no customer",
	"selection_items.state": "code", "selection_items.refusal": "texts of the house", "selection_items.changes": "codes, and of attached data the keys",
}

func init() {
	for _, table := range []string{"tasks", "closed_tasks"} {
		for _, column := range []string{"kind", "step", "channel", "class", "state", "queue", "skill", "group_name", "chain", "refused", "mode", "marks", "disposition"} {
			nobodys[table+"."+column] = "code of the house"
		}
	}
	for _, table := range []string{"interactions", "closed_interactions"} {
		for _, column := range []string{"channel", "entry_point", "queue", "direction", "state", "language", "category", "workflow", "reason", "gone"} {
			nobodys[table+"."+column] = "code of the house"
		}
	}
}

// Every column that can hold words is either emptied by an erasure or nobody's. Whoever adds a table or a column says which: in ofInteraction or
// ofContact (holdings.go), or above.
func TestEveryColumnIsErasedOrNobodys(t *testing.T) {
	s := storetest.New(t, store.Options{})
	rows, err := s.Pool().Query(t.Context(), `
		select c.table_name, c.column_name, c.data_type in ('text', 'jsonb', 'json', 'bytea', 'ARRAY', 'character varying', 'inet', 'xml')
		from information_schema.columns c join pg_class r on r.oid = (quote_ident(c.table_schema) || '.' || quote_ident(c.table_name))::regclass
		where c.table_schema = 'public' and r.relkind in ('r', 'p') and not r.relispartition order by 1, c.ordinal_position`)
	require.NoError(t, err)
	held, used := store.Held(), map[string]bool{}
	var table, column string
	var words bool
	seen := map[string]bool{}
	_, err = pgx.ForEachRow(rows, []any{&table, &column, &words}, func() error {
		seen[table] = true
		name := table + "." + column
		cleared, is := held[table]
		switch {
		case nobodys[table] != "":
			used[table] = true
			if is {
				t.Errorf("%s is erased and said to be nobody's", table)
			}
		case is && len(cleared) == 0 || slices.Contains(cleared, column) || !words && is:
			if nobodys[name] != "" {
				t.Errorf("%s is erased and said to be nobody's", name)
			}
		case nobodys[name] != "":
			used[name] = true
		default:
			t.Errorf("%s: say whether it can hold something personal: an erasure empties it (store/holdings.go), or it is nobody's (this test)", name)
		}
		return nil
	})
	require.NoError(t, err)
	for name := range nobodys {
		table, _, column := strings.Cut(name, ".")
		if !used[name] && !(column && seen[table] && sharedCode(name)) {
			t.Errorf("%s is not in the schema any more", name)
		}
	}
	for _, table := range slices.Sorted(maps.Keys(held)) {
		require.True(t, seen[table], "%s is not in the schema any more", table)
	}
}

// sharedCode reports whether the name comes from the list that two tables share: one of them may not have all its columns.
func sharedCode(name string) bool { return nobodys[name] == "code of the house" }

// Everything that is emptied can be: each statement runs, also on rows that are there.
func TestEveryHoldingCanBeEmptied(t *testing.T) {
	s := storetest.New(t, store.Options{})
	for n := range 3 {
		id := arrive(t, s, fmt.Sprintf("c%d@customer.test", n), "Secret subject")
		open(t, s, id, "handle-1")
		_, err := s.Stop(t.Context(), id, 1, "done")
		require.NoError(t, err)
		require.NoError(t, store.EraseValues(t.Context(), s, id))
		require.NoError(t, store.EraseValues(t.Context(), s, id), "twice is once")
	}
	for _, table := range []string{"messages", "closed_interactions", "inbound", "raw_pieces", "event_values", "steps"} {
		require.Zero(t, scan[int](t, s, `select count(*) from `+table+` x where x::text like '%Secret subject%'`), table)
	}
}

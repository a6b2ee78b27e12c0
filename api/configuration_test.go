package api

import (
	"fmt"
	"net/url"
	"testing"

	"github.com/stretchr/testify/require"

	"parley/interaction"
)

// Every thing of the configuration can be added, read back as it is, changed against the version that was read, and removed.
func TestConfigurationByAPI(t *testing.T) {
	h := newHouse(t)
	for list, body := range spares {
		t.Run(list, func(t *testing.T) {
			path := "/v1/configuration/" + list + "/spare"
			require.Equal(t, 404, h.do("root", get, path, "").status)
			made := h.do("root", put, path, body)
			require.Equal(t, 200, made.status, made)
			read := h.do("root", get, path, "")
			require.Equal(t, made.body, read.body)
			require.Equal(t, made.header.Get("ETag"), read.header.Get("ETag"))
			again := h.do("root", put, path, string(read.raw))
			require.Equal(t, 200, again.status, again)
			require.Equal(t, read.header.Get("ETag"), again.header.Get("ETag"), "what is written back unchanged stays as it is")
			stale := h.do("root", put, path, body, "If-Match", `"7"`)
			require.Equal(t, 412, stale.status, stale)
			require.Equal(t, 200, h.do("root", put, path, body, "If-Match", read.header.Get("ETag")).status)
			require.Equal(t, 412, h.do("root", put, "/v1/configuration/"+list+"/other", body, "If-Match", `"7"`).status, "there is none to be changed")
			if list != interaction.ListAgents {
				require.Equal(t, 412, h.do("root", del, path, "", "If-Match", `"7"`).status)
				require.Equal(t, 204, h.do("root", del, path, "", "If-Match", read.header.Get("ETag")).status)
				require.Equal(t, 404, h.do("root", del, path, "").status)
			}
		})
	}
}

// The whole of it goes round by API too, and a name with a slash is a name.
func TestConfigurationAsAWhole(t *testing.T) {
	h := newHouse(t)
	all := h.do("root", get, "/v1/configuration", "")
	require.Equal(t, 200, all.status, all)
	applied := h.do("root", post, "/v1/configuration?prune=true", string(all.raw))
	require.Equal(t, 200, applied.status, applied)
	require.Empty(t, applied.body["changes"])

	more := `{"categories":[{"name":"billing/refund","title":"Refund"}]}`
	dry := h.do("dan", post, "/v1/configuration?dry_run=true", more)
	require.Equal(t, 200, dry.status, dry)
	require.Len(t, dry.body["changes"], 1)
	refund := "/v1/configuration/categories/" + url.PathEscape("billing/refund")
	require.Equal(t, 404, h.do("dan", get, refund, "").status)
	require.Equal(t, dry.body["changes"], h.do("dan", post, "/v1/configuration", more).body["changes"])
	require.Equal(t, "Refund", h.do("dan", get, refund, "").str("title"))

	people := h.do("dan", post, "/v1/configuration", `{"agents":[{"login":"dan","name":"Dan","role":"admin"}]}`)
	require.Equal(t, 403, people.status, people)
	last := h.do("root", put, "/v1/configuration/agents/root", `{"name":"Root","role":"agent"}`)
	require.Equal(t, 409, last.status, last)
	require.Equal(t, "last_admin", last.str("code"))
}

// What is wrong is refused by its field, and what is in use by what uses it.
func TestConfigurationNamesTheFault(t *testing.T) {
	h := newHouse(t)
	h.server.Meaning = func(s interaction.Setup) []*interaction.Fault {
		for _, r := range s.Rules {
			if r.Name == "broken" {
				return []*interaction.Fault{{List: "rules", Name: "broken", Field: "when.text", Value: "(", Text: "does not compile"}}
			}
		}
		return nil
	}
	for _, c := range []struct{ list, name, body, field string }{
		{"queues", "q", `{}`, "group"},
		{"queues", "q", `{"group":"nobody"}`, "group"},
		{"queues", "q", `{"group":"service","review_percent":101}`, "review_percent"},
		{"queues", "q", `{"group":"service","chain":[{"kind":"skill","name":"x","level":11}]}`, "chain[0].level"},
		{"queues", "q", `{"group":"service","name":"other"}`, "name"},
		{"agents", "a", `{"name":"A","role":"king"}`, "role"},
		{"agents", "a", `{"name":"A","role":"agent","skills":{"x":11}}`, "skills.x"},
		{"agents", "a", `{"name":"A","role":"agent","limits":{"total":0}}`, "limits.total"},
		{"entry_points", "e", `{"channel":"email","address":"support@example.test","workflow":"Email","queue":"service"}`, "address"},
		{"dispositions", "Not a code", `{}`, "name"},
		{"forms", "f", `{"questions":[]}`, "questions"},
		{"review_policies", "p", `{"floor":50,"ceiling":40}`, "ceiling"},
		{"rules", "broken", `{"enabled":true}`, "when.text"},
		{"rules", "r", `{"then":{"queue":"none"}}`, "then.queue"},
		{"responses", "r", `{"language":"en","usage":"snippet","text":"x","category":"none"}`, "category"},
	} {
		t.Run(c.list+" "+c.field, func(t *testing.T) {
			got := h.do("root", put, "/v1/configuration/"+c.list+"/"+url.PathEscape(c.name), c.body)
			require.Equal(t, 422, got.status, got)
			require.Equal(t, c.field, got.str("field"), got)
		})
	}
	unknown := h.do("root", put, "/v1/configuration/queues/q", `{"group":"service","colour":"red"}`)
	require.Equal(t, 400, unknown.status, unknown)

	used := h.do("root", del, "/v1/configuration/queues/service", "")
	require.Equal(t, 409, used.status, used)
	require.Equal(t, "in_use", used.str("code"))
	require.Contains(t, fmt.Sprint(used.body["used_by"]), "map[by:entry_points name:support]")
	require.Equal(t, 200, h.do("root", put, "/v1/configuration/groups/empty", `{}`).status)
	require.Equal(t, 204, h.do("root", del, "/v1/configuration/groups/empty", "").status)
}

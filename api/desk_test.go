package api

import (
	"crypto/sha256"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"parley/interaction"
)

// wrote has the customer write once more into an open interaction.
func (h *house) wrote(t *testing.T, id interaction.ID) {
	t.Helper()
	first, err := h.store.InteractionMessage(t.Context(), interaction.System, id, 1)
	require.NoError(t, err)
	entryPoint, _, _ := strings.Cut(first.From.Address, "@")
	raw := "In-Reply-To: " + first.MessageID + "\r\n\r\nHello " + string(interaction.NewID())
	_, err = h.store.Accept(t.Context(), interaction.Inbound{
		Channel: interaction.Email, Targets: []interaction.Target{{EntryPoint: entryPoint, Address: entryPoint + "@example.test"}},
		Identity: sha256.Sum256([]byte(raw)), Raw: strings.NewReader(raw), Size: int64(len(raw)),
	})
	require.NoError(t, err)
	taken, err := h.store.Take(t.Context(), 10)
	require.NoError(t, err)
	for _, in := range taken {
		require.NoError(t, h.store.Settle(t.Context(), in, interaction.Parsed{
			Message:    interaction.Message{Text: "Hello", From: first.From, MessageID: string(in.ID) + "@customer.test"},
			Follows:    []string{first.MessageID},
			Identities: []interaction.Attribute{{Kind: "email", Value: first.From.Address}},
		}))
	}
}

// tick lets the clocks run.
func (h *house) tick() {
	h.t.Helper()
	_, err := h.store.Tick(h.t.Context(), "")
	require.NoError(h.t, err)
}

// codes gives the codes of the changes that a refusal tells of.
func (a answered) codes() (out []string) {
	list, _ := a.body["changes"].([]any)
	for _, c := range list {
		out = append(out, c.(map[string]any)["code"].(string))
	}
	return out
}

// A reply that was written on an old state is refused, and the refusal says what has changed since: messages, answers, orders, who has it now.
func TestAReplyOnAnOldStateIsToldWhatChanged(t *testing.T) {
	h := newHouse(t)
	id, task := h.arrive("support", "old state")
	path := "/v1/tasks/" + string(task)
	version := h.do("ann", post, path+"/claim", "").header.Get("ETag")
	require.Equal(t, 201, h.do("ann", post, "/v1/interactions/"+string(id)+"/notes", `{"text":"She is in a hurry"}`).status)
	h.wrote(t, id)
	stale := h.do("ann", post, path+"/reply", `{"text":"x"}`, "If-Match", version)
	require.Equal(t, 412, stale.status, stale)
	require.Equal(t, []string{"message.received"}, stale.codes(), "the note came before what made it old")
	change := stale.body["changes"].([]any)[0].(map[string]any)
	require.EqualValues(t, 2, change["data"].(map[string]any)["message"], "it is told which message")
	require.Equal(t, fmt.Sprintf("%q", fmt.Sprint(stale.body["version"])), h.do("ann", get, path, "").header.Get("ETag"))

	asked := h.do("ann", post, path+"/consult", fmt.Sprintf(`{"agent_id":"%s","question":"Do we?"}`, h.people["ben"].Agent))
	require.Equal(t, 201, asked.status, asked)
	require.Equal(t, 200, h.do("vic", post, "/v1/interactions/"+string(id)+"/priority", `{"priority":9}`).status)
	stale = h.do("ann", post, path+"/complete", `{"disposition":"done"}`, "If-Match", version)
	require.Equal(t, []string{"message.received", "task.consulted", "order.priority"}, stale.codes())

	require.Equal(t, 200, h.do("vic", post, "/v1/interactions/"+string(id)+"/reassign", fmt.Sprintf(`{"agent_id":"%s","force":true}`, h.people["ben"].Agent)).status)
	require.Equal(t, 200, h.do("ben", post, path+"/claim", "").status)
	lost := h.do("ann", post, path+"/reply", `{"text":"x"}`, "If-Match", version)
	require.Equal(t, 403, lost.status, lost)
	require.Equal(t, string(h.people["ben"].Agent), lost.str("agent"))
	require.Equal(t, []string{"message.received", "task.consulted", "order.priority", "task.taken_back", "order.reassign", "task.claimed"}, lost.codes())
	require.Equal(t, 201, h.do("ben", post, path+"/reply", `{"text":"Yes."}`).status)
	over := h.do("ann", post, path+"/reply", `{"text":"x"}`, "If-Match", version)
	require.Equal(t, 409, over.status, over)
	require.Contains(t, over.codes(), "task.done")
}

// Many versions later the oldest that is still known is told, and no more than a page of changes.
func TestManyChangesAreToldInPart(t *testing.T) {
	h := newHouse(t)
	id, task := h.arrive("support", "many")
	path := "/v1/tasks/" + string(task)
	version := h.do("ann", post, path+"/claim", "").header.Get("ETag")
	h.exec(`do $$ begin for n in 1..150 loop update tasks set version = version + 1; insert into events (code, interaction_id) select 'test', id from interactions; end loop; end $$`)
	_ = id
	stale := h.do("ann", post, path+"/reply", `{"text":"x"}`, "If-Match", version)
	require.Equal(t, 412, stale.status, stale)
	require.Len(t, stale.codes(), 50)
}

// Colleagues are asked together, their answers are joined to the draft marked whose they are, and the marks never reach the customer.
func TestACollaborativeReply(t *testing.T) {
	h := newHouse(t)
	_, task := h.arrive("support", "collaborate")
	path := "/v1/tasks/" + string(task)
	require.Equal(t, 200, h.do("ann", post, path+"/claim", "").status)
	ben, vic := h.people["ben"].Agent, h.people["vic"].Agent
	asked := h.do("ann", post, path+"/consult", fmt.Sprintf(`{"agent_ids":["%s","%s"],"groups":["sales"],"question":"When does it come?"}`, ben, vic))
	require.Equal(t, 201, asked.status, asked)
	consults := asked.body["consults"].([]any)
	require.Len(t, consults, 3)
	of := func(n int) string { return consults[n].(map[string]any)["id"].(string) }
	twice := h.do("ann", post, path+"/consult", fmt.Sprintf(`{"agent_ids":["%s","%s"],"question":"?"}`, ben, ben))
	require.Equal(t, 422, twice.status, twice)
	require.Equal(t, 422, h.do("ann", post, path+"/consult", `{"question":"?"}`).status)

	draft := h.do("ann", put, path+"/draft", `{"text":"Dear customer"}`)
	require.Equal(t, 200, draft.status)
	early := h.do("ann", post, path+"/draft/answers", fmt.Sprintf(`{"consult_ids":["%s"]}`, of(0)))
	require.Equal(t, 422, early.status, early)
	require.Equal(t, "consult_ids", early.str("field"))
	for login, n := range map[string]int{"ben": 0, "carl": 2} {
		require.Equal(t, 200, h.do(login, post, "/v1/tasks/"+of(n)+"/claim", "").status)
		require.Equal(t, 204, h.do(login, post, "/v1/tasks/"+of(n)+"/complete", fmt.Sprintf(`{"answer":"On Friday, says %s."}`, login)).status)
	}
	item := h.do("ann", get, "/v1/workbins/me", "").items()[0]
	require.EqualValues(t, 2, item["answers"])
	require.EqualValues(t, 3, item["asked"])

	one := h.do("ann", post, path+"/draft/answers", fmt.Sprintf(`{"consult_ids":["%s"]}`, of(2)), "If-Match", draft.header.Get("ETag"))
	require.Equal(t, 200, one.status, one)
	require.Regexp(t, `^Dear customer\n\[\[ answer of Carl, .* UTC \]\]\nOn Friday, says carl.\n\[\[ end \]\]\n$`, one.str("text"))
	old := h.do("ann", post, path+"/draft/answers", "", "If-Match", draft.header.Get("ETag"))
	require.Equal(t, 412, old.status, old)
	all := h.do("ann", post, path+"/draft/answers", "")
	require.Equal(t, 1, strings.Count(all.str("text"), "says carl"), "each once: %s", all)
	require.Equal(t, 1, strings.Count(all.str("text"), "says ben"))
	require.Len(t, all.body["answers"], 2)
	same := h.do("ann", post, path+"/draft/answers", "")
	require.Equal(t, all.str("text"), same.str("text"))

	marked := h.do("ann", post, path+"/reply", fmt.Sprintf(`{"text":%q}`, all.str("text")))
	require.Equal(t, 422, marked.status, marked)
	require.Equal(t, "text", marked.str("field"))
	require.Equal(t, 201, h.do("ann", post, path+"/reply", `{"text":"Dear customer, on Friday."}`).status)
	require.Equal(t, 409, h.do("vic", post, "/v1/tasks/"+of(1)+"/claim", "").status, "what nobody answered is withdrawn")
}

// A task that was put away comes back at its time or with the customer's answer, whichever is first; or only at its time.
func TestSnoozeEndsAtItsTimeOrWithTheAnswer(t *testing.T) {
	h := newHouse(t)
	tomorrow := time.Now().Add(24 * time.Hour).UTC().Format(time.RFC3339)
	for _, c := range []struct {
		body  string
		woken bool
	}{{`{}`, true}, {`{"until":"` + tomorrow + `"}`, true}, {`{"until":"` + tomorrow + `","until_answer":true}`, true}, {`{"until":"` + tomorrow + `","until_answer":false}`, false}} {
		t.Run(c.body, func(t *testing.T) {
			id, task := h.arrive("support", "snooze")
			path := "/v1/tasks/" + string(task)
			require.Equal(t, 200, h.do("ann", post, path+"/claim", "").status)
			require.Equal(t, 204, h.do("ann", post, path+"/snooze", c.body).status)
			h.wrote(t, id)
			seen := h.do("ann", get, path, "")
			woken := strings.Contains(string(h.do("ann", get, "/v1/interactions/"+string(id)+"/events", "").raw), `"task.woken"`)
			require.Equal(t, c.woken, woken)
			if c.woken {
				require.Equal(t, "queued", seen.str("state"))
				require.Equal(t, string(h.people["ann"].Agent), seen.str("reserved_for"))
				return
			}
			require.Equal(t, "snoozed", seen.str("state"))
			h.exec(`update tasks set not_before = now() - interval '1 second' where id = $1`, task)
			h.tick()
			require.Equal(t, "queued", h.do("ann", get, path, "").str("state"))
		})
	}
	_, task := h.arrive("support", "never")
	require.Equal(t, 200, h.do("ben", post, "/v1/tasks/"+string(task)+"/claim", "").status)
	never := h.do("ben", post, "/v1/tasks/"+string(task)+"/snooze", `{"until_answer":false}`)
	require.Equal(t, 422, never.status, never)
}

// State is by channel, with configured reasons; the supervisor of the agent's group hears of it, others do not.
func TestStateByChannel(t *testing.T) {
	h := newHouse(t)
	set := func(body string) answered { return h.do("ann", put, "/v1/agents/me/state", body) }
	require.Equal(t, 200, set(`{"ready":true,"away":{"chat":"anything"}}`).status, "no reasons are configured")
	require.Equal(t, 200, h.do("root", put, "/v1/configuration/reasons/lunch", `{"title":"Lunch"}`).status)
	require.Equal(t, 200, h.do("root", put, "/v1/configuration/reasons/training", `{}`).status)
	require.Len(t, h.do("ann", get, "/v1/reasons", "").items(), 2)
	for body, field := range map[string]string{
		`{"ready":false}`:                             "reason",
		`{"ready":false,"reason":"tired"}`:            "reason",
		`{"ready":true,"away":{"chat":"tired"}}`:      "away.chat",
		`{"ready":true,"away":{"telepathy":"lunch"}}`: "away.telepathy",
	} {
		got := set(body)
		require.Equal(t, 422, got.status, got)
		require.Equal(t, field, got.str("field"), got)
	}
	made := set(`{"ready":true,"away":{"email":"training"}}`)
	require.Equal(t, 200, made.status, made)
	require.Equal(t, "training", made.body["away"].(map[string]any)["email"].(map[string]any)["reason"])
	version := made.header.Get("ETag")
	require.Equal(t, version, set(`{"ready":true}`).header.Get("ETag"), "what is so already changes nothing")

	_, task := h.arrive("support", "state")
	none := h.do("ann", post, "/v1/tasks/claim-next", "")
	require.Equal(t, 404, none.status, none)
	require.Equal(t, "nothing_waiting", none.str("code"))
	require.Equal(t, 200, h.do("ann", post, "/v1/tasks/"+string(task)+"/claim", "").status, "one that he asks for by itself is his to take")
	_, next := h.arrive("support", "state")
	require.Equal(t, 200, set(`{"ready":true,"away":{}}`).status)
	require.Equal(t, string(next), h.do("ann", post, "/v1/tasks/claim-next", "").str("id"))

	var events []interaction.StreamEvent
	require.Eventually(t, func() bool { // they are streamed once nothing older is still running
		var err error
		events, err = h.store.Stream(t.Context(), "", 1000)
		return err == nil && slices.ContainsFunc(events, func(e interaction.StreamEvent) bool { return e.Task == next })
	}, 20*time.Second, 20*time.Millisecond)
	told := map[string]int{}
	for _, e := range events {
		for _, login := range []string{"ann", "ben", "vic", "val", "root"} {
			if strings.HasPrefix(e.Code, "agent.") && e.VisibleTo(h.people[login]) {
				told[login]++
			}
		}
	}
	require.Positive(t, told["ann"])
	require.Equal(t, map[string]int{"ann": told["ann"], "vic": told["ann"], "root": told["ann"]}, told)
}

// A workbin shows what tells one piece of work from another, narrowed and sorted, page by page.
func TestWorkbins(t *testing.T) {
	h := newHouse(t)
	h.exec(`update agents set limits = '{"email": 20, "total": 20}'`)
	var own []string
	for n := range 5 {
		_, task := h.arrive("support", fmt.Sprintf("subject %d", 4-n))
		h.exec(`update tasks set priority = $2 where id = $1`, task, n%2)
		require.Equal(t, 200, h.do("ann", post, "/v1/tasks/"+string(task)+"/claim", "").status)
		own = append(own, string(task))
	}
	_, waiting := h.arrive("support", "waiting")
	h.arrive("offers", "elsewhere")
	require.Equal(t, 204, h.do("ann", post, "/v1/tasks/"+own[0]+"/snooze", `{}`).status)
	require.Equal(t, 200, h.do("ann", put, "/v1/tasks/"+own[1]+"/draft", `{"text":"Dear"}`).status)

	ids := func(path string) (out []string) {
		got := h.do("ann", get, path, "")
		require.Equal(t, 200, got.status, got)
		for _, item := range got.items() {
			out = append(out, item["id"].(string))
		}
		return out
	}
	require.ElementsMatch(t, own, ids("/v1/workbins/me"))
	require.Equal(t, own[:1], ids("/v1/workbins/me?state=snoozed"))
	require.Equal(t, own, ids("/v1/workbins/me?sort=opened_at"))
	require.Equal(t, []string{own[4], own[3], own[2], own[1], own[0]}, ids("/v1/workbins/me?sort=-opened_at"))
	require.Equal(t, []string{own[4], own[3], own[2], own[1], own[0]}, ids("/v1/workbins/me?sort=subject"))
	require.Equal(t, own[3:4], ids("/v1/workbins/me?q="+url.QueryEscape("SUBJECT 1")))
	require.Empty(t, ids("/v1/workbins/me?channel=chat"))
	require.Len(t, ids("/v1/workbins/groups/service"), 6)
	require.Equal(t, []string{string(waiting)}, ids("/v1/workbins/groups/service?state=queued"))
	require.Equal(t, 404, h.do("ann", get, "/v1/workbins/groups/sales", "").status)
	require.Equal(t, 400, h.do("ann", get, "/v1/workbins/me?sort=colour", "").status)

	for _, sort := range []string{"place", "opened_at", "-opened_at", "priority", "-priority", "due_at", "subject"} {
		var paged []string
		for cursor := ""; ; {
			got := h.do("ann", get, "/v1/workbins/me?limit=2&sort="+sort+"&cursor="+cursor, "")
			require.Equal(t, 200, got.status, got)
			for _, item := range got.items() {
				paged = append(paged, item["id"].(string))
			}
			if cursor = got.str("next_cursor"); cursor == "" {
				break
			}
		}
		require.Equal(t, ids("/v1/workbins/me?sort="+sort), paged, sort)
		require.Len(t, paged, 5, sort)
	}
	for _, item := range h.do("ann", get, "/v1/workbins/me", "").items() {
		require.Equal(t, "Customer", item["contact"])
		require.NotEmpty(t, item["wrote_at"])
		require.Equal(t, item["id"] == own[1], item["drafted_at"] != nil)
	}
}

// Where dispositions are configured for a queue and channel, a task ends by one of them.
func TestDispositions(t *testing.T) {
	h := newHouse(t)
	made := h.do("root", post, "/v1/configuration", `{"dispositions":[
		{"name":"solved","queues":["service"]},{"name":"sold","queues":["sales"]},{"name":"hung_up","channels":["callback"]}]}`)
	require.Equal(t, 200, made.status, made)
	require.Len(t, h.do("ann", get, "/v1/dispositions", "").items(), 3)
	require.Len(t, h.do("ann", get, "/v1/dispositions?queue=service&channel=email", "").items(), 1)
	_, task := h.arrive("support", "disposition")
	path := "/v1/tasks/" + string(task)
	require.Equal(t, 200, h.do("ann", post, path+"/claim", "").status)
	for _, c := range []struct{ call, body string }{{"complete", `{"disposition":"sold"}`}, {"reply", `{"text":"x","disposition":"hung_up"}`}} {
		wrong := h.do("ann", post, path+"/"+c.call, c.body)
		require.Equal(t, 422, wrong.status, wrong)
		require.Equal(t, "disposition", wrong.str("field"))
		require.Equal(t, []any{"solved"}, wrong.body["dispositions"])
	}
	require.Equal(t, 204, h.do("ann", post, path+"/complete", `{"disposition":"solved"}`).status)
}

// Notes and history follow the contact over all his interactions, as far as they are visible, page by page.
func TestNotesAndHistory(t *testing.T) {
	h := newHouse(t)
	id, task := h.arrive("support", "history")
	contact := h.do("ann", get, "/v1/interactions/"+string(id), "").str("contact_id")
	h.wrote(t, id)
	require.Equal(t, 200, h.do("ann", post, "/v1/tasks/"+string(task)+"/claim", "").status)
	require.Equal(t, 201, h.do("ann", post, "/v1/tasks/"+string(task)+"/reply", `{"text":"Here you are."}`).status)
	on := h.do("ann", post, "/v1/interactions/"+string(id)+"/notes", `{"text":"Knows the boss"}`)
	require.Equal(t, 201, on.status, on)
	require.Equal(t, contact, on.str("contact_id"))
	require.Equal(t, 201, h.do("ben", post, "/v1/contacts/"+contact+"/notes", `{"text":"Rings back"}`).status)
	require.Equal(t, 422, h.do("ben", post, "/v1/contacts/"+contact+"/notes", `{"text":"  "}`).status)

	notes := h.do("ann", get, "/v1/contacts/"+contact+"/notes", "").items()
	require.Len(t, notes, 2)
	require.Equal(t, "Rings back", notes[0]["text"])
	require.Len(t, h.do("ann", get, "/v1/interactions/"+string(id)+"/notes", "").items(), 1)

	// The same customer writes to sales, which service may not see.
	h.exec(`insert into contact_attributes (kind, value, contact_id) select 'email', 'offers@customer.test', $1`, contact)
	sales, _ := h.arrive("offers", "an offer")
	require.Equal(t, contact, h.do("carl", get, "/v1/interactions/"+string(sales), "").str("contact_id"))
	require.Equal(t, 201, h.do("carl", post, "/v1/interactions/"+string(sales)+"/notes", `{"text":"Bargains"}`).status)
	kinds := func(login string, limit int) (out []string) {
		for cursor := ""; ; {
			got := h.do(login, get, fmt.Sprintf("/v1/contacts/%s/history?limit=%d&cursor=%s", contact, limit, cursor), "")
			require.Equal(t, 200, got.status, got)
			for _, e := range got.items() {
				out = append(out, e["kind"].(string)+" "+e["text"].(string))
			}
			if cursor = got.str("next_cursor"); cursor == "" {
				return out
			}
		}
	}
	require.Equal(t, []string{"note Rings back", "note Knows the boss", "reply Here you are.", "in Hello", "in Hello"}, kinds("ann", 50))
	require.Equal(t, []string{"note Bargains", "in Hello", "note Rings back"}, kinds("carl", 50))
	for limit := 1; limit < 4; limit++ {
		require.Equal(t, kinds("root", 50), kinds("root", limit))
	}
	require.Len(t, kinds("root", 50), 7)
}

// A task goes to who can have it, with a word for him.
func TestTransfersGoToWhoCanHaveThem(t *testing.T) {
	h := newHouse(t)
	_, task := h.arrive("support", "transfer")
	path := "/v1/tasks/" + string(task)
	require.Equal(t, 200, h.do("ann", post, path+"/claim", "").status)
	designer := h.do("ann", post, path+"/transfer", fmt.Sprintf(`{"agent_id":"%s"}`, h.people["dan"].Agent))
	require.Equal(t, 422, designer.status, designer)
	require.Equal(t, "agent_id", designer.str("field"))
	require.Equal(t, 204, h.do("ann", post, path+"/transfer", fmt.Sprintf(`{"agent_id":"%s","note":"You know her."}`, h.people["ben"].Agent)).status)
	require.Equal(t, "You know her.", h.do("ben", get, path, "").str("note"))

	_, review := h.review("support", "ben")
	path = "/v1/tasks/" + string(review)
	require.Equal(t, 200, h.do("sue", post, path+"/claim", "").status)
	for _, to := range []string{"ann", "ben"} { // no senior, and the author
		got := h.do("sue", post, path+"/transfer", fmt.Sprintf(`{"agent_id":"%s"}`, h.people[to].Agent))
		require.Equal(t, 422, got.status, got)
	}
	require.Equal(t, 204, h.do("sue", post, path+"/transfer", fmt.Sprintf(`{"agent_id":"%s"}`, h.people["vic"].Agent)).status)
}

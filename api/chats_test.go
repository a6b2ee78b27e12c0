package api

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"parley/interaction"
)

// chat makes a conversation whose first message is a file of the customer, with an agent in it: the login, or ben where that is none of the group.
func (h *house) chat(login string) interaction.ID {
	h.t.Helper()
	ctx := h.t.Context()
	ticket, err := h.store.OpenChat(ctx, interaction.NewChat{EntryPoint: "web", Nickname: "Kim"})
	require.NoError(h.t, err)
	customer := interaction.Party{Role: interaction.ChatCustomer}
	file, err := h.store.SaveChatFile(ctx, ticket.Session, customer, "a.txt", "text/plain", []byte("hello"))
	require.NoError(h.t, err)
	_, err = h.store.PostChats(ctx, []interaction.ChatPost{{Session: ticket.Session, From: customer, Kind: interaction.ChatFile, File: file.Upload}})
	require.NoError(h.t, err)
	task, err := h.store.OpenTask(ctx, interaction.Ask{Interaction: ticket.Session, Step: "handle-1", Kind: interaction.TaskHandle})
	require.NoError(h.t, err)
	holder := h.people[login]
	if holder.Role == interaction.RoleDesigner || holder.Role != interaction.RoleAdmin && !contains(holder.Groups, "service") {
		holder = h.people["ben"]
	}
	_, err = h.store.Claim(ctx, holder, task)
	require.NoError(h.t, err)
	return ticket.Session
}

func TestAConversationOverREST(t *testing.T) {
	h := newHouse(t)
	id := h.chat("ann")
	path := "/v1/chats/" + string(id)
	said := h.do("ann", post, path+"/messages", `{"text":"Hello","client_id":"a1"}`)
	require.Equal(t, 201, said.status, said)
	again := h.do("ann", post, path+"/messages", `{"text":"Hello","client_id":"a1"}`)
	require.Equal(t, said.body["number"], again.body["number"])
	stranger := `{"kind":"file","upload":"` + string(interaction.NewID()) + `"}`
	for body, want := range map[string]struct {
		status int
		code   string
	}{
		`{"text":"Other","client_id":"a1"}`:    {409, "id_reused"},
		`{"kind":"url","text":"javascript:1"}`: {422, "bad_url"},
		stranger:                               {422, "bad_file"},
		`{"kind":"ended"}`:                     {422, "bad_value"},
		`{"text":""}`:                          {422, "required"},
	} {
		got := h.do("ann", post, path+"/messages", body)
		require.Equal(t, want.status, got.status, "%s: %s", body, got)
		require.Equal(t, want.code, got.str("code"))
	}
	list := h.do("ann", get, path+"/messages?since=1", "").items()
	require.Len(t, list, 2)
	require.Equal(t, "joined", list[0]["kind"])
	require.Equal(t, "Hello", list[1]["text"])
	require.Equal(t, 404, h.do("ann", get, path+"/messages/2/file", "").status)

	body, kind := form(t, "file", "b.txt", "a file of hers")
	file := h.do("ann", post, path+"/files", body, "Content-Type", kind)
	require.Equal(t, 201, file.status, file)
	sent := h.do("ann", post, path+"/messages", fmt.Sprintf(`{"kind":"file","upload":%q}`, file.str("id")))
	require.Equal(t, 201, sent.status, sent)
	require.Equal(t, 409, h.do("ann", post, path+"/join", `{"mode":"silent"}`).status, "she has the task")
	require.Equal(t, 422, h.do("vic", post, path+"/join", `{"mode":"loud"}`).status)
	require.Equal(t, 200, h.do("vic", post, path+"/join", `{"mode":"coach"}`).status)
	require.Equal(t, 403, h.do("vic", post, path+"/messages", `{"text":"Hello"}`).status)
	require.Equal(t, 201, h.do("vic", post, path+"/messages", `{"kind":"note","text":"Offer a new one"}`).status)
	require.Equal(t, 204, h.do("vic", post, path+"/leave", "").status)
	require.Equal(t, 404, h.do("vic", get, path, "").status)
	seen := h.do("vic", get, "/v1/interactions/"+string(id)+"/messages", "").items()
	require.NotEmpty(t, seen, "who may know of the interaction reads what was said in it")
	require.Equal(t, "reply", seen[1]["kind"])
	require.Equal(t, "Hello", seen[1]["text"])

	invited := h.do("ann", post, path+"/invite", `{"group":"sales","mode":"coach","word":"In stock?"}`)
	require.Equal(t, 201, invited.status, invited)
	require.Equal(t, 422, h.do("ann", post, path+"/invite", `{}`).status)
	require.Equal(t, 200, h.do("carl", post, "/v1/tasks/"+invited.str("id")+"/claim", "").status)
	require.Equal(t, 200, h.do("carl", get, path, "").status)
	require.Equal(t, 204, h.do("ann", post, path+"/end", "").status)
	require.Equal(t, 409, h.do("ann", post, path+"/messages", `{"text":"Late"}`).status)
	over := h.do("ann", get, path, "")
	require.Equal(t, "agent", over.str("ended_by"))
}

package api

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"parley/interaction"
)

// line gives the house an entry point that calls back.
func (h *house) line(settings interaction.CallbackSettings) {
	h.t.Helper()
	require.NoError(h.t, h.store.Apply(h.t.Context(), interaction.System, interaction.Setup{EntryPoints: []interaction.EntryPoint{{
		Name: "line", Channel: interaction.Callback, Address: "line", Workflow: interaction.WorkflowCallback, Queue: "service", FromName: "Kettles", Callback: &settings,
	}}}))
}

// read gives an answer's body.
func read(t *testing.T, got answered, into any) {
	t.Helper()
	require.NoError(t, json.Unmarshal(got.raw, into), "%s", got)
}

var numbers atomic.Int64

// book makes a callback whose task is open.
func (h *house) book() interaction.ID {
	h.t.Helper()
	b, err := h.store.BookCallback(h.t.Context(), interaction.Actor{}, interaction.CallRequest{
		EntryPoint: "line", Phone: fmt.Sprintf("+4930%07d", 5_000_000+numbers.Add(1)), Name: "Nora", Topic: "Kettle", Text: "It leaks.", CallWhen: interaction.CallWhen{Mode: interaction.CallFree},
	})
	require.NoError(h.t, err)
	_, err = h.store.NextCall(h.t.Context(), b.ID, "0.0-call")
	require.NoError(h.t, err)
	return b.ID
}

// An agent or an application books a call; the customer's link comes with it. What is sent again under its key is one callback.
func TestACallIsBooked(t *testing.T) {
	h := newHouse(t, func(d *Deps) { d.PublicURL = func() string { return "https://parley.example.test" } })
	h.line(interaction.CallbackSettings{})
	const body = `{"entry_point":"line","phone":"+4930901820","name":"Nora","topic":"Kettle","text":"It leaks.","mode":"free"}`
	var made, again BookedCallback
	got := h.do("ann", http.MethodPost, "/v1/callbacks", body, "Idempotency-Key", "k1")
	require.Equal(t, 201, got.status, got)
	read(t, got, &made)
	require.Contains(t, made.Link, "https://parley.example.test/callback/")
	require.Equal(t, "tel:+4930901820", made.Tel)
	require.Equal(t, "/v1/callbacks/"+string(made.ID), got.header.Get("Location"))
	got = h.do("ann", http.MethodPost, "/v1/callbacks", body, "Idempotency-Key", "k1")
	require.Equal(t, 201, got.status, got)
	read(t, got, &again)
	require.Equal(t, made, again)
	got = h.do("ann", http.MethodPost, "/v1/callbacks", `{"entry_point":"line","phone":"+4930901821"}`, "Idempotency-Key", "k1")
	require.Equal(t, 409, got.status, got)
	got = h.do("ann", http.MethodPost, "/v1/callbacks", body)
	require.Equal(t, 409, got.status, got)
	require.Equal(t, "already_waiting", got.str("code"))

	soon := time.Now().UTC().Truncate(time.Hour).Add(30 * time.Hour)
	got = h.do("ann", http.MethodPost, "/v1/callbacks/"+string(made.ID)+"/move", fmt.Sprintf(`{"at":%q}`, soon.Format(time.RFC3339)), "If-Match", `"9"`)
	require.Equal(t, 412, got.status, got)
	got = h.do("ann", http.MethodPost, "/v1/callbacks/"+string(made.ID)+"/move", fmt.Sprintf(`{"at":%q}`, soon.Format(time.RFC3339)), "If-Match", `"1"`)
	require.Equal(t, 200, got.status, got)
	var slots List[Slot]
	got = h.do("ann", http.MethodGet, "/v1/callbacks/slots?entry_point=line&zone=Asia/Tokyo&from="+soon.Format(time.RFC3339)+"&to="+soon.Add(10*time.Minute).Format(time.RFC3339), "")
	read(t, got, &slots.Body)
	require.Len(t, slots.Body.Items, 2)
	require.Equal(t, 1, slots.Body.Items[0].Free)
	require.Contains(t, string(got.raw), "+09:00")
	got = h.do("ann", http.MethodPost, "/v1/callbacks/"+string(made.ID)+"/cancel", "")
	require.Equal(t, 200, got.status, got)
	got = h.do("ann", http.MethodPost, "/v1/callbacks/"+string(made.ID)+"/cancel", "")
	require.Equal(t, 409, got.status, got)
	require.Equal(t, "callback_over", got.str("code"))
}

func TestWhatIsWrongWithABooking(t *testing.T) {
	h := newHouse(t)
	h.line(interaction.CallbackSettings{Blocked: []string{"+49900"}})
	tests := []struct {
		name, body  string
		status      int
		code, field string
	}{
		{"nobody sets the state", `{"entry_point":"line","phone":"+4930901820","status":"done"}`, 400, "unknown_field", "status"},
		{"nobody chooses the agent", `{"entry_point":"line","phone":"+4930901820","agent_id":"x","priority":9}`, 400, "unknown_field", "agent_id"},
		{"no phone", `{"entry_point":"line","phone":""}`, 422, "required", "phone"},
		{"letters", `{"entry_point":"line","phone":"call me"}`, 422, "bad_number", "phone"},
		{"premium", `{"entry_point":"line","phone":"+499001234567"}`, 422, "number_not_allowed", "phone"},
		{"over", `{"entry_point":"line","phone":"+4930901820","at":"2020-01-01T10:00:00Z"}`, 422, interaction.CodeTimePast, "at"},
		{"no such day", `{"entry_point":"line","phone":"+4930901820","at":"2028-02-30T10:00"}`, 422, "bad_time", "at"},
		{"no such entry point", `{"entry_point":"support","phone":"+4930901820"}`, 422, "unknown_entry_point", "entry_point"},
		{"empty", ``, 400, "", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := h.do("ann", http.MethodPost, "/v1/callbacks", tt.body)
			require.Equal(t, tt.status, got.status, got)
			if tt.code != "" {
				require.Equal(t, tt.code, got.str("code"), got)
				require.Contains(t, string(got.raw), `"`+tt.field+`"`)
			}
		})
	}
	got := h.do("ann", http.MethodPost, "/v1/callbacks", `{"entry_point":"line","phone":"+4930901820","at":"2020-01-01T10:00:00Z"}`)
	require.NotEmpty(t, got.body[interaction.DetailNext], got)
}

// exchange is a telephone system.
type exchange struct {
	orders []interaction.Dial
	answer error
}

func (e *exchange) Dial(_ context.Context, d interaction.Dial) error {
	e.orders = append(e.orders, d)
	return e.answer
}

// The agent sees who wants to be called before he calls, and has the number dialled: once, whatever is known of the order.
func TestANumberIsDialled(t *testing.T) {
	pbx := &exchange{}
	h := newHouse(t, func(d *Deps) { d.Dialler = pbx })
	h.line(interaction.CallbackSettings{DialURL: "https://pbx.example.test/dial"})
	id := h.book()
	var tasks List[Task]
	read(t, h.do("ann", http.MethodGet, "/v1/tasks?kind=callback", ""), &tasks.Body)
	require.Len(t, tasks.Body.Items, 1)
	task := string(tasks.Body.Items[0].ID)
	var detail TaskDetail
	read(t, h.do("ann", http.MethodGet, "/v1/tasks/"+task, ""), &detail)
	require.Equal(t, "It leaks.", detail.Callback.Text)
	require.Equal(t, 403, h.do("ann", http.MethodPost, "/v1/callbacks/"+string(id)+"/dial", "").status)
	require.Equal(t, 200, h.do("ann", http.MethodPost, "/v1/tasks/"+task+"/claim", "").status)

	var out DialOutput
	for range 2 {
		got := h.do("ann", http.MethodPost, "/v1/callbacks/"+string(id)+"/dial", "", "Idempotency-Key", "dial-1")
		require.Equal(t, 200, got.status, got)
		read(t, got, &out.Body)
		require.Equal(t, "ok", out.Body.State)
	}
	require.Len(t, pbx.orders, 1, "sent again it is not dialled again")
	got := h.do("ann", http.MethodPost, "/v1/callbacks/"+string(id)+"/dial", "")
	require.Equal(t, 409, got.status, got)

	for _, tt := range []struct {
		answer        error
		status, after int
	}{{errors.New("busy"), 503, 200}, {fmt.Errorf("%w: no answer", interaction.ErrDialUnknown), 200, 409}} {
		h.exec(`update callbacks set dialled_at = null`)
		pbx.answer = tt.answer
		got := h.do("ann", http.MethodPost, "/v1/callbacks/"+string(id)+"/dial", "")
		require.Equal(t, tt.status, got.status, got)
		pbx.answer = nil
		require.Equal(t, tt.after, h.do("ann", http.MethodPost, "/v1/callbacks/"+string(id)+"/dial", "").status)
	}
	got = h.do("ann", http.MethodPost, "/v1/tasks/"+task+"/complete", `{"disposition":"reached"}`)
	require.Equal(t, 204, got.status, got)
	var c Callback
	read(t, h.do("ann", http.MethodGet, "/v1/callbacks/"+string(id), ""), &c)
	require.Equal(t, "done", c.State)
	require.Equal(t, "reached", c.Outcome)
}

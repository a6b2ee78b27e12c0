package test

import (
	"archive/zip"
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/encoding/protojson"

	"parley/interaction"
	"parley/store"
	"parley/store/storetest"
	"parley/workers"
)

// The words by which the person is found wherever he is left; no other word of the tests holds one of them.
const (
	canary        = "Zeisigfink"
	canaryAddress = "karla.zeisigfink@canary.test"
)

// spellings are the forms in which a word can lie in a database: as it is, in hex (as bytea is printed) and in base64 by each of its three starts.
func spellings(word string) []string {
	list := []string{strings.ToLower(word)}
	for _, w := range []string{word, strings.ToLower(word)} {
		list = append(list, hex.EncodeToString([]byte(w)))
		for n := range 3 {
			coded := base64.StdEncoding.EncodeToString([]byte(strings.Repeat("x", n) + w))
			from := []int{0, 2, 3}[n]
			list = append(list, strings.ToLower(coded[from:len(coded)-4]))
		}
	}
	return list
}

// left gives where a word of a person is left in the database: every row of every table, printed as a dump prints it.
func left(t *testing.T, s *store.Store, word string) (where []string) {
	t.Helper()
	conn, err := s.Pool().Acquire(t.Context())
	require.NoError(t, err)
	defer conn.Release()
	return leftIn(t, conn.Conn(), word)
}

func leftIn(t *testing.T, conn *pgx.Conn, word string) (where []string) {
	t.Helper()
	rows, err := conn.Query(t.Context(), `select c.oid::regclass::text from pg_class c join pg_namespace n on n.oid = c.relnamespace
		where c.relkind = 'r' and n.nspname = 'public' order by 1`)
	require.NoError(t, err)
	tables, err := pgx.CollectRows(rows, pgx.RowTo[string])
	require.NoError(t, err)
	require.NotEmpty(t, tables)
	for _, table := range tables {
		var n int
		require.NoError(t, conn.QueryRow(t.Context(), `select count(*) from `+table+` x where exists (select 1 from unnest($1::text[]) w where strpos(lower(x::text), w) > 0)`,
			spellings(word)).Scan(&n))
		if n > 0 {
			where = append(where, fmt.Sprintf("%s: %d", table, n))
		}
	}
	var objects int
	require.NoError(t, conn.QueryRow(t.Context(), `select count(*) from pg_largeobject_metadata`).Scan(&objects))
	require.Zero(t, objects, "there are no large objects")
	return where
}

// told reports whether a workflow's history names the person.
func (st *stage) told(id interaction.ID) bool {
	st.t.Helper()
	raw, err := protojson.Marshal(fetch(st.t, st.engine.Client(), string(id)))
	require.NoError(st.t, err)
	for _, word := range spellings(canary) {
		if strings.Contains(strings.ToLower(string(raw)), word) {
			return true
		}
	}
	return false
}

// known has a person write and be written to in every way that leaves something of him: an answered mail, one that is being worked on, a chat with a file that
// is over, one that is open, notes, an order with attached data, a consult, a survey. It gives his contact and all his interactions.
func (st *stage) known() (contact interaction.ID, all []interaction.ID) {
	st.t.Helper()
	ctx := st.t.Context()
	ann, vic := st.people["ann"], st.people["vic"]
	answered := st.mail(canaryAddress, "Kettle of "+canary, "X-Canary: "+canary)
	require.NoError(st.t, st.store.Pool().QueryRow(ctx, `select contact_id from interactions where id = $1`, answered).Scan(&contact))
	st.task(answered, interaction.TaskHandle)
	st.order(answered, interaction.Order{Name: interaction.OrderData, Data: map[string]string{"name": canary}})
	_, err := st.store.AddNote(ctx, ann, interaction.Note{Interaction: answered, Text: canary + " rings back"})
	require.NoError(st.t, err)
	file, err := st.store.SaveUpload(ctx, ann, canary+".txt", "text/plain", []byte("For "+canary))
	require.NoError(st.t, err)
	task := st.claim("ann", answered)
	_, err = st.store.Reply(ctx, ann, task, 0, interaction.Reply{Text: "Dear " + canary, Attachments: []interaction.File{file}})
	require.NoError(st.t, err)
	st.decide(answered, interaction.Decision{Verdict: "approve", Text: "Dear " + canary + ", kind regards"})
	st.stopped(answered)

	working := st.mail(canaryAddress, "Another of "+canary)
	task = st.claim("ann", working)
	_, err = st.store.SaveDraft(ctx, ann, task, 0, interaction.Draft{Text: "Dear " + canary})
	require.NoError(st.t, err)
	_, err = st.store.Consult(ctx, ann, task, st.people["ben"].Agent, "", "Do you know "+canary+"?")
	require.NoError(st.t, err)
	_, err = st.store.Forward(ctx, ann, task, interaction.Forward{To: interaction.Address{Address: "expert@elsewhere.test"}, Text: "What of " + canary + "?"})
	require.NoError(st.t, err)
	var forwarded interaction.ID
	require.NoError(st.t, st.store.Pool().QueryRow(ctx, `select id from interactions where parent_id = $1`, working).Scan(&forwarded))

	chat := func() interaction.ID {
		ticket, err := st.store.OpenChat(ctx, interaction.NewChat{
			EntryPoint: "chat", Nickname: canary, Language: "en", Page: "https://shop.example.test/?for=" + canary, Key: "key-" + string(interaction.NewID()),
			Identities: []interaction.Attribute{{Kind: "email", Value: canaryAddress}},
		})
		require.NoError(st.t, err)
		return ticket.Session
	}
	over, open := chat(), chat()
	for _, id := range []interaction.ID{over, open} {
		st.claim("ben", id)
		st.post(id, customer, canary+" here")
	}
	st.endChat(over)
	var held interaction.ID
	require.NoError(st.t, st.store.Pool().QueryRow(ctx, `select id from tasks where interaction_id = $1 and kind = 'handle'`, over).Scan(&held))
	require.NoError(st.t, st.store.Complete(ctx, st.people["ben"], held, 0, interaction.Done{Disposition: "solved"}))
	st.stopped(over)
	_, err = st.store.AddNote(ctx, ann, interaction.Note{Contact: contact, Text: canary + " is kind"})
	require.NoError(st.t, err)
	_, err = st.store.SetConsent(ctx, vic, interaction.Consent{Channel: interaction.Email, Address: canaryAddress, Out: true, Source: "agent"})
	require.NoError(st.t, err)
	return contact, []interaction.ID{answered, working, forwarded, over, open}
}

// eraser runs the part that erases until the test is over; kept is what it wrote into the ledger.
func (st *stage) eraser() (kept func() []interaction.ErasureRecord) {
	records := make(chan interaction.ErasureRecord, 100)
	st.run(&workers.Eraser{Store: st.store, Log: slog.New(slog.DiscardHandler), Keep: func(r interaction.ErasureRecord) error {
		records <- r
		return nil
	}})
	return func() (list []interaction.ErasureRecord) {
		for len(records) > 0 {
			list = append(list, <-records)
		}
		return list
	}
}

// erased waits until an erasure is done.
func (st *stage) erased(erasure interaction.ID) {
	st.t.Helper()
	st.eventually("he is erased", func() bool {
		e, err := st.store.Erasure(st.t.Context(), erasure)
		return err == nil && e.State == interaction.ErasureDone
	})
}

// A person who is erased is found nowhere: in no row of any table, in no history of any workflow. What he had open was stopped by its own workflow, what is left are counts and
// times, and the audit's chain is whole (target N1).
func TestErasedIsGone(t *testing.T) {
	st := newStage(t)
	st.chats(interaction.ChatSettings{}, surveyed)
	contact, all := st.known()
	root := storetest.Person(t, st.store, "root")
	for _, table := range []string{"messages", "raw_pieces", "chat_messages", "uploads", "event_values", "drafts", "notes", "contact_attributes", "interactions", "closed_interactions"} {
		require.Contains(t, strings.Join(left(t, st.store, canary), "\n"), table, "the test plants the word there")
	}
	counts := func() (n [3]int) {
		require.NoError(t, st.store.Pool().QueryRow(t.Context(), `select (select count(*) from messages), (select count(*) from chat_messages), (select count(*) from closed_interactions)`).
			Scan(&n[0], &n[1], &n[2]))
		return n
	}
	before := counts()

	kept := st.eraser()
	began := time.Now()
	order, err := st.store.EraseContact(t.Context(), root, contact, "asked_for")
	require.NoError(t, err)
	again, err := st.store.EraseContact(t.Context(), root, contact, "asked_for")
	require.NoError(t, err)
	require.Equal(t, order.ID, again.ID)
	_, err = st.store.Contact(t.Context(), st.people["ann"], contact)
	require.Equal(t, interaction.KindGone, interaction.KindOf(err), "at once: %v", err)
	st.erased(order.ID)
	require.Less(t, time.Since(began), time.Minute)
	require.Empty(t, left(t, st.store, canary))

	for n, id := range all {
		reason := st.stopped(id)
		if n == 1 || n == 4 {
			require.Equal(t, interaction.ReasonErased, reason)
		}
		require.False(t, st.told(id), "a history names him")
	}
	after := counts()
	require.GreaterOrEqual(t, after[0], before[0])
	require.GreaterOrEqual(t, after[1], before[1])
	require.Len(t, all, after[2], "each interaction is counted still")
	check, err := st.store.VerifyAudit(t.Context(), "")
	require.NoError(t, err)
	require.Empty(t, check.Faults)
	require.Len(t, kept(), 1)
	consent, err := st.store.Consent(t.Context(), interaction.Email, canaryAddress)
	require.NoError(t, err)
	require.True(t, consent.Out, "he is still not written to")

	var task interaction.ID
	require.NoError(t, st.store.Pool().QueryRow(t.Context(), `select id from closed_tasks where interaction_id = $1 and kind = 'handle'`, all[1]).Scan(&task))
	_, err = st.store.Reply(t.Context(), st.people["ann"], task, 0, interaction.Reply{Text: "Hello"})
	require.Equal(t, interaction.KindGone, interaction.KindOf(err), "%v", err)
	m, err := st.store.InteractionMessage(t.Context(), st.people["ann"], all[0], 1)
	require.NoError(t, err)
	_, err = st.store.Raw(t.Context(), m.Inbound)
	require.Equal(t, interaction.KindGone, interaction.KindOf(err), "%v", err)

	next := st.mail(canaryAddress, "Once more", "In-Reply-To: <"+string(all[0])+".2@parley.example.test>")
	var other interaction.ID
	require.NoError(t, st.store.Pool().QueryRow(t.Context(), `select contact_id from interactions where id = $1`, next).Scan(&other))
	require.NotEqual(t, contact, other, "who writes again is somebody new")
}

// An export has everything that an erasure removes, in a form that people and programs read.
func TestExportHasEverything(t *testing.T) {
	st := newStage(t)
	st.chats(interaction.ChatSettings{}, surveyed)
	contact, all := st.known()
	order, err := st.store.CreateExport(t.Context(), storetest.Person(t, st.store, "root"), contact)
	require.NoError(t, err)
	worked, err := st.store.WorkExports(t.Context())
	require.NoError(t, err)
	require.True(t, worked)
	e, err := st.store.Export(t.Context(), order.ID)
	require.NoError(t, err)
	require.Equal(t, interaction.ExportReady, e.State)

	var raw bytes.Buffer
	require.NoError(t, st.store.ReadExport(t.Context(), e, &raw))
	require.EqualValues(t, e.Size, raw.Len())
	z, err := zip.NewReader(bytes.NewReader(raw.Bytes()), e.Size)
	require.NoError(t, err)
	files := map[string]string{}
	for _, f := range z.File {
		r, err := f.Open()
		require.NoError(t, err)
		content, err := io.ReadAll(r)
		require.NoError(t, err)
		files[f.Name] = string(content)
		if strings.HasSuffix(f.Name, ".json") {
			require.True(t, json.Valid(content), f.Name)
		}
	}
	for name, holds := range map[string]string{
		"manifest.json": string(contact), "contact/contact.json": string(contact), "contact/attributes.json": canaryAddress, "contact/notes.json": "is kind", "contact/consents.json": canaryAddress,
		"interactions/" + string(all[0]) + "/messages.json": "Dear " + canary, "interactions/" + string(all[0]) + "/interaction.json": "Kettle of " + canary,
		"interactions/" + string(all[0]) + "/notes.json": "rings back", "interactions/" + string(all[0]) + "/changes.json": canary,
		"interactions/" + string(all[1]) + "/drafts.json": "Dear " + canary, "interactions/" + string(all[1]) + "/open_tasks.json": "Do you know " + canary,
		"interactions/" + string(all[2]) + "/messages.json": "What of " + canary, "interactions/" + string(all[3]) + "/chat_messages.json": canary + " here",
	} {
		require.Contains(t, files[name], holds, name)
	}
	var mails, uploads int
	for name, content := range files {
		switch {
		case strings.HasSuffix(name, ".eml"):
			mails++
			require.Contains(t, content, "Subject: ")
		case strings.Contains(name, "/files/"):
			uploads++
			require.Equal(t, "For "+canary, content)
		}
		require.NotContains(t, content, `"token"`, name)
	}
	require.Equal(t, 2, mails)
	require.Equal(t, 1, uploads)
}

// A number is forgotten like an address: its messages, its session, its conversation's name; that it wants no messages stays known. A customer who writes once more is somebody new.
func TestErasedNumberIsGone(t *testing.T) {
	const digits = "491701234567"
	st := texting(t)
	st.eraser()
	answered := st.text("Where is my parcel?")
	st.reply("ann", answered, "On its way.")
	st.decide(answered, interaction.Decision{Verdict: "approve"})
	st.stopped(answered)
	st.stopped(st.text("STOP"))
	require.NoError(t, st.store.Apply(t.Context(), interaction.System, interaction.Setup{EntryPoints: []interaction.EntryPoint{{
		Name: "texts", Channel: interaction.SMS, Address: "40404", Workflow: interaction.WorkflowSMS, Queue: "service", Language: "en", SMS: &interaction.SMSSettings{Mode: interaction.SMSSession},
	}}}))
	session := st.text("Are you there?")
	for _, table := range []string{"contact_attributes", "raw_pieces", "messages", "consents", "short_sessions"} {
		require.Contains(t, strings.Join(left(t, st.store, digits), "\n"), table, "the test plants the number there")
	}
	var contact interaction.ID
	require.NoError(t, st.store.Pool().QueryRow(t.Context(), `select contact_id from all_interactions where id = $1`, session).Scan(&contact))
	order, err := st.store.EraseContact(t.Context(), storetest.Person(t, st.store, "root"), contact, "asked_for")
	require.NoError(t, err)
	st.erased(order.ID)
	require.Empty(t, left(t, st.store, digits))
	var names int
	require.NoError(t, st.store.Pool().QueryRow(t.Context(), `select (select count(*) from mail_ids) + (select count(*) from carrier_ids where interaction_id is not null)`).Scan(&names))
	require.Zero(t, names, "a hash of a number is easily undone")
	consent, err := st.store.Consent(t.Context(), interaction.SMS, "+"+digits)
	require.NoError(t, err)
	require.True(t, consent.Out)

	next := st.text("Hello again")
	var parent, other interaction.ID
	require.NoError(t, st.store.Pool().QueryRow(t.Context(), `select parent_id, contact_id from all_interactions where id = $1`, next).Scan(&parent, &other))
	require.Empty(t, parent)
	require.NotEqual(t, contact, other)
	st.text("START")
	st.eventually("he may be written to again", func() bool {
		consent, err := st.store.Consent(t.Context(), interaction.SMS, "+"+digits)
		return err == nil && !consent.Out
	})
}

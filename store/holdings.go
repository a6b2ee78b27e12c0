package store

import (
	"context"
	"strings"

	"github.com/jackc/pgx/v5"

	"parley/interaction"
)

// What is held on people is listed here, once: erasing, retention and exports go by this list, and a test compares it with the schema, so that
// a new column is either in it or said to be nobody's (holdings_test.go).

// personal is a part of one table that is somebody's.
type personal struct {
	table string
	where string                    // whose it is, by $1
	clear []string                  // columns that are set to their defaults; none: the rows go
	also  string                    // is set with them
	kind  interaction.RetentionKind // goes by a rule of this kind already; empty: with content
	name  string                    // in exports; empty: it is in none, since it is nothing to read
}

// ofInteraction is what is held by one interaction, whose id is $1, in the order in which it goes: what is found by something goes before it.
var ofInteraction = []personal{
	{table: "raw_pieces", where: `raw_id in (select raw_id from inbound where interaction_id = $1)`, kind: interaction.RetainRaw},
	{table: "inbound", where: `interaction_id = $1`, clear: []string{"address", "facts"}, kind: interaction.RetainRaw, name: "received"},
	{table: "uploads", where: `id in (` + uploadsOf + `) or session_id = $1`, kind: interaction.RetainFiles},
	{table: "mail_ids", where: `interaction_id = $1`},
	{table: "carrier_ids", where: `interaction_id = $1`},
	{
		table: "messages", where: `interaction_id = $1`, name: "messages",
		clear: []string{
			"sender", "reply_to", "recipients", "copies", "subject", "body", "html", "reply_body", "message_id", "in_reply_to", "refs", "attachments", "headers", "problems", "auth",
		},
	},
	{table: "steps", where: `interaction_id = $1`},
	{table: "ledger", where: `interaction_id = $1`, clear: []string{"answer"}, name: "sends"},
	{table: "drafts", where: `task_id in (select id from tasks where interaction_id = $1)`, name: "drafts"},
	{table: "tasks", where: `interaction_id = $1`, clear: []string{"note"}, name: "open_tasks"},
	{table: "closed_tasks", where: `interaction_id = $1`, clear: []string{"note", "answer"}, name: "tasks"},
	{table: "chat_sessions", where: `interaction_id = $1`, clear: []string{"token", "nickname", "page", "peer", "asking", "transcript", "claims"}, name: "chat"},
	{table: "chat_messages", where: `session_id = $1`, clear: []string{"name", "body", "file", "choices", "client_id"}, name: "chat_messages"},
	{table: "short_sessions", where: `session_id = $1`, name: "numbers"},
	{table: "session_sends", where: `session_id = $1`, name: "chat_sends"},
	{table: "survey_asks", where: `interaction_id = $1`, clear: []string{"answers"}, also: `until = least(until, now())`, name: "survey"},
	{table: "callbacks", where: `interaction_id = $1`, clear: []string{"phone", "extension", "email", "name", "zone", "local", "requests"}, name: "callback"},
	{table: "callback_numbers", where: `interaction_id = $1`},
	{table: "notes", where: `interaction_id = $1`, name: "notes"},
	{table: "event_values", where: `interaction_id = $1 and not erased`, clear: []string{"salt", "before", "after"}, also: `erased = true`, name: "changes"},
	{table: "selection_items", where: `interaction_id = $1`, clear: []string{"command", "undo"}},
	{table: "closed_interactions", where: `id = $1`, clear: []string{"subject", "data"}, name: "interaction"},
	{table: "interactions", where: `id = $1`, clear: []string{"subject", "data"}, name: "interaction"}, // only what is closed is ever cleared
}

// uploadsOf are the uploads that messages and drafts of an interaction name.
const uploadsOf = `
	select (f->>'upload')::uuid from messages, jsonb_array_elements(attachments) f where interaction_id = $1 and f ? 'upload'
	union all select (f->>'upload')::uuid from drafts d join tasks k on k.id = d.task_id, jsonb_array_elements(d.attachments) f where k.interaction_id = $1 and f ? 'upload'`

// ofContact is what is held on a person himself; $1 are the ids of the contact and of those that were merged into him.
var ofContact = []personal{
	{table: "contact_attributes", where: `contact_id = any($1::uuid[])`, name: "attributes"},
	{table: "contact_merges", where: `merged = any($1::uuid[])`, clear: []string{"name", "attributes"}, name: "merges"},
	{table: "notes", where: `contact_id = any($1::uuid[])`, name: "notes"},
	{table: "exports", where: `contact_id = any($1::uuid[])`, name: "exports"},
	{table: "contacts", where: `id = any($1::uuid[])`, clear: []string{"name"}, name: "contact"},
}

// statement empties the part.
func (h personal) statement() string {
	if len(h.clear) == 0 {
		return `delete from ` + h.table + ` where ` + h.where
	}
	set := strings.Join(h.clear, " = default, ") + " = default"
	if h.also != "" {
		set += ", " + h.also
	}
	return `update ` + h.table + ` set ` + set + ` where ` + h.where
}

// goes reports whether a rule of the kind removes the part.
func (h personal) goes(kind interaction.RetentionKind) bool {
	return kind == interaction.RetainContent || h.kind == kind
}

// wipe empties what an interaction that has stopped holds, as far as the kind goes. What was emptied before stays as it is.
func (t *tx) wipe(ctx context.Context, id interaction.ID, kind interaction.RetentionKind) error {
	batch := &pgx.Batch{}
	for _, h := range ofInteraction {
		if h.goes(kind) && h.table != "interactions" {
			batch.Queue(h.statement(), id)
		}
	}
	return t.SendBatch(ctx, batch).Close()
}

// wipeContacts empties what is held on people themselves.
func (t *tx) wipeContacts(ctx context.Context, contacts []interaction.ID) error {
	batch := &pgx.Batch{}
	for _, h := range ofContact {
		batch.Queue(h.statement(), contacts)
	}
	return t.SendBatch(ctx, batch).Close()
}
